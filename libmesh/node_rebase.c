/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A signed change of the reference between two TERs (NZ1 11): checked, logged, applied, signed by a TCK1. */
#include "libmesh/node.h"
#include "libter/bytes.h"

#include <string.h>

enum { AT_POLICY = 24, AT_H_REF = 40, VERSION_STEP_MAX = 1024, TER_TIME = 52 };

static hkp_status judge(const struct hkp_mesh_node *node, const uint8_t rba[192],
                        struct hkp_neuro_rba *fields) {
    uint64_t last_us = hkp_le64(node->cursor.last_ter + TER_TIME);
    hkp_status st = hkp_neuro_rba_check(fields, rba, 192, node->node_id, node->opt.policy_key, 1);
    if (st != HKP_OK) return st;
    if (fields->policy_ver <= node->policy_ver || fields->policy_ver - node->policy_ver > VERSION_STEP_MAX)
        return HKP_E_NEURO_RBA_VERSION;
    return last_us > fields->not_after_us ? HKP_E_NEURO_RBA_EXPIRED : HKP_OK;
}

hkp_status hkp_mesh_rebase(hkp_mesh_node *node, hkp_time now, const uint8_t rba[192]) {
    struct hkp_mesh__rebase *r = &node->rebase;
    struct hkp_neuro_rba fields;
    struct hkp_ter_tck t;
    if (now > node->now) node->now = now;
    if (node->life != 1 || !node->recover.ter_made || node->recover.on) return HKP_E_MESH_STATE;
    hkp_status st = judge(node, rba, &fields);
    if (st != HKP_OK) return st;
    /* NZ1 11: at an index that no TCK1 has signed */
    if (r->ticket != 0 || node->tck_ticket != 0 ||
        (node->has_tck &&
         (hkp_ter_tck_decode(&t, node->tck, sizeof node->tck) != HKP_OK || t.n >= node->cursor.index)))
        return HKP_E_MESH_LIMIT;
    hkp_put_le64(r->body, node->cursor.index);
    memcpy(r->body + 8, rba, 192);
    r->policy_ver = fields.policy_ver;
    r->offered = 0;
    r->ticket = hkp_mesh__request(node, HKP_MESH_EVENT_LOG, NULL, 1, 0);
    return r->ticket != 0 ? HKP_OK : HKP_E_MESH_LIMIT;
}

int hkp_mesh__rebase_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    struct hkp_mesh__rebase *r = &node->rebase;
    if (r->ticket == 0 || r->offered) return 0;
    r->offered = 1;
    out->kind = HKP_MESH_EVENT_LOG;
    out->ticket = r->ticket;
    out->number = HKP_TER_LOG_REBASE;
    out->data = r->body;
    out->data_len = sizeof r->body;
    return 1;
}

static void take(struct hkp_mesh_node *node) {
    struct hkp_mesh__rebase *r = &node->rebase;
    node->policy_ver = r->policy_ver;
    memcpy(node->h_ref, r->body + 8 + AT_H_REF, 20);
    node->integrity = 2; /* judged anew with the next TER */
    r->unsigned_yet = 1;
}

void hkp_mesh__rebase_restored(struct hkp_mesh_node *node, const uint8_t *body) {
    memcpy(node->rebase.body, body, sizeof node->rebase.body);
    node->rebase.policy_ver = hkp_le32(body + 8 + AT_POLICY);
    take(node);
}

void hkp_mesh__rebase_signed(struct hkp_mesh_node *node, uint32_t policy_ver) {
    if (!node->rebase.unsigned_yet || node->rebase.policy_ver != policy_ver) return;
    memcpy(node->opt.rebase, node->rebase.body + 8, 192);
    node->rebase.unsigned_yet = 0;
}

int hkp_mesh__rebase_logged(struct hkp_mesh_node *node, uint64_t ticket, hkp_status status) {
    struct hkp_mesh__rebase *r = &node->rebase;
    if (r->ticket == 0 || ticket != r->ticket) return 0;
    r->ticket = 0;
    if (status != HKP_OK) return 1; /* nothing changed */
    const uint8_t *rba = r->body + 8;
    take(node);
    for (uint32_t p = 0; p < node->n_peers; p++) /* one that is behind meets it in the log */
        hkp_mesh__drop(hkp_neuro_owner_rebase(node->peers[p].own, node->now, node->cursor.index, rba));
    node->tck_flags |= HKP_TER_FLAG_REBASE;
    memcpy(node->tck_before_next, node->newest_before, sizeof node->tck_before_next);
    hkp_mesh__checkpoint(node, node->newest_root);
    hkp_mesh__fact(node, HKP_MESH_EVENT_HISTORY, node->node_id, "the reference is changed by a signed policy")
        ->number = node->cursor.index;
    return 1;
}
