/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What libhtp asks before it believes a peer (HTP-12.1): its record, the commit that a handshake names, its
 * certificate, and whether it may come without neural state (NZ1 22.4).
 */
#include "libmesh/node.h"

#include <stdio.h>
#include <string.h>

/* ---- revoked (D-CA-6, HTP-12.3) ---- */

/* Members are judged by the chain, among themselves (D-CA-8). */
static int both_seated(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    return peer->seated && hkp_dsm_node_status(node->dsm, &s) == HKP_OK && s.own_index != 0xFFFFFFFFU;
}

static int is_revoked(const struct hkp_mesh_node *node, const uint8_t node_id[16], uint64_t serial) {
    return node->dsm != NULL && serial <= hkp_dsm_node_revoked(node->dsm, node_id);
}

int hkp_mesh__peer_revoked(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    return peer->known && is_revoked(node, peer->node_id, peer->serial);
}

static int is_barred(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    return hkp_mesh__peer_revoked(node, peer) && !both_seated(node, peer);
}

void hkp_mesh__revocations(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        const int barred = is_barred(node, peer);
        if (barred && !peer->barred) {
            struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_REFUSED, peer->node_id,
                                                         "officers revoked its certificate");
            fact->status = HKP_E_DSM_REVOKED;
            hkp_mesh__drop(hkp_htp_endpoint_revoke(node->htp, node->now, peer->node_id));
        }
        peer->barred = (uint8_t)barred;
        hkp_mesh__rights(node, peer);
    }
}

/* ---- what libhtp asks ---- */

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    struct hkp_mesh_node *node = user;
    const struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    if (peer == NULL || !peer->known) return HKP_E_NOTFOUND; /* a stranger until its certificate was seen */
    memset(out, 0, sizeof *out);
    memcpy(out->a, peer->a, 32);
    out->status =
        peer->trust.quarantine.quarantined && !peer->seated ? HKP_HTP_NODE_SUSPENDED : HKP_HTP_NODE_ACTIVE;
    if (is_barred(node, peer)) out->status = HKP_HTP_NODE_REVOKED;
    int bound = hkp_mesh__own_state(peer) >= HKP_NEURO_INSTANCE_ACTIVE ||
                hkp_mesh__held_state(peer) >= HKP_NEURO_INSTANCE_ACTIVE;
    out->neural = bound ? HKP_HTP_NEURAL_REQUIRED : HKP_HTP_NEURAL_OPEN;
    out->trust = peer->trust.now.t > 65535 ? 65535 : (uint16_t)peer->trust.now.t;
    out->last_t1 = peer->last_t1;
    return HKP_OK;
}

static hkp_status own_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    const struct hkp_mesh__peer *peer = hkp_mesh__peer_find(user, node_id);
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    if (peer == NULL || hkp_neuro_owner_info(peer->own, &info) != HKP_OK || info.ck_index == 0)
        return HKP_E_NOTFOUND;
    *ck_index = info.ck_index;
    return HKP_OK;
}

static hkp_status neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                         struct hkp_htp_neural *out) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(user, node_id);
    hkp_neuro_commit *commit = NULL;
    if (peer == NULL || ck_index == 0) return HKP_E_NOTFOUND;
    hkp_status st = side == HKP_HTP_SIDE_OWN ? hkp_neuro_owner_commit(peer->own, ck_index, &commit)
                                             : hkp_neuro_holder_commit(peer->held, ck_index, &commit);
    if (st != HKP_OK) return st;
    /* HELLO or REKEY of ours names it from now on; the caller of a connect sets it back */
    if (side == HKP_HTP_SIDE_OWN) peer->naming = 1;
    hkp_neuro_commit_psk(commit, out->psk);
    hkp_neuro_commit_f(commit, out->f);
    out->last_us = hkp_neuro_commit_last_us(commit);
    out->handle = (uint64_t)(uintptr_t)commit;
    return HKP_OK;
}

static hkp_status posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                       const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user;
    hkp_neuro_commit_posf((const hkp_neuro_commit *)(uintptr_t)handle, role, msg_hash, nonce, tag);
    return HKP_OK;
}

static void neural_release(void *user, uint64_t handle) {
    (void)user;
    hkp_neuro_commit_unref((hkp_neuro_commit *)(uintptr_t)handle);
}

/* By the officers in office, which libdsm knows once it has loaded. One whose only fault is its expiry counts
 * (HTP-8.7), and so does a revoked one: what it may is asked where it is used. */
static hkp_status judged(const struct hkp_mesh_node *node, const uint8_t *bytes, size_t len, uint64_t now_s,
                         struct hkp_dsm_certificate *c) {
    struct hkp_dsm_admission a = {.struct_size = sizeof a};
    const hkp_status st =
        node->started ? hkp_dsm_node_admit(node->dsm, bytes, len, &a)
                      : hkp_dsm_certificate_check(bytes, len, node->chain_id, &node->officers, now_s, 0, c);
    if (st == HKP_OK || st == HKP_E_DSM_EXPIRED || st == HKP_E_DSM_REVOKED)
        return hkp_dsm_certificate_parse(bytes, len, c);
    return st;
}

/* Of two of one serial the one that libdsm says, which learns of both (D-CA-9). */
static void counting(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                     struct hkp_dsm_view *bytes, struct hkp_dsm_certificate *c) {
    struct hkp_dsm_certificate other;
    struct hkp_dsm_view held;
    if (!node->started) return;
    hkp_mesh__drop(hkp_dsm_node_add_certificate(node->dsm, node->now, node->wall_us, bytes->ptr, bytes->len));
    if (hkp_dsm_node_held(node->dsm, HKP_DSM_KIND_CERTIFICATE, peer->node_id, &held) != HKP_OK ||
        hkp_dsm_certificate_parse(held.ptr, held.len, &other) != HKP_OK || other.serial != c->serial)
        return;
    *bytes = held;
    *c = other;
}

static int is_in_use(const struct hkp_mesh__peer *peer, const struct hkp_dsm_view *bytes) {
    return peer->known && peer->certificate_len == bytes->len &&
           memcmp(peer->certificate, bytes->ptr, bytes->len) == 0;
}

hkp_status hkp_mesh__certificate_take(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                      const uint8_t *multi, size_t len) {
    struct hkp_dsm_view bytes = {multi, len};
    struct hkp_dsm_certificate c;
    hkp_status st = judged(node, multi, len, node->wall_us / 1000000, &c);
    /* of officers that are not known yet: its owner shows it again when a session begins */
    if (st == HKP_E_DSM_CA_VERSION && !node->started) return HKP_OK;
    if (st != HKP_OK) return st;
    if (memcmp(c.node_id, peer->node_id, 16) != 0) return HKP_E_DSM_NODE_ID;
    /* Old ones are genuine, too, and anybody may have a copy: a certificate makes room for a later one only.
     */
    const int older = peer->known && c.serial < peer->serial;
    if (!older && !is_in_use(peer, &bytes)) counting(node, peer, &bytes, &c);
    if (!c.has_static_key || memcmp(c.static_key, peer->s, 32) != 0) return HKP_E_DSM_NODE_ID;
    if (older || is_in_use(peer, &bytes) || (peer->known && c.serial == peer->serial && !node->started))
        return HKP_OK;
    memcpy(peer->certificate, bytes.ptr, bytes.len);
    peer->certificate_len = bytes.len;
    peer->serial = c.serial;
    peer->not_after_s = c.not_after_s;
    memcpy(peer->a, c.key, 32);
    peer->group = c.group;
    peer->roles = c.roles;
    peer->neuro_gen = c.neuro_gen;
    int first = !peer->known;
    peer->known = 1;
    hkp_mesh__renewal_fresh(node, peer);
    if (peer->held == NULL) return HKP_OK; /* configured with it */
    peer->unsaved = 1;
    return first ? hkp_mesh__neural_holder(node, peer) : HKP_OK;
}

static struct hkp_mesh__peer *peer_of_certificate(struct hkp_mesh_node *node, const uint8_t id[32]) {
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        struct hkp_dsm_multi m;
        uint8_t own[32];
        if (!peer->known || hkp_dsm_multi_parse(peer->certificate, peer->certificate_len, &m) != HKP_OK)
            continue;
        hkp_dsm_object_id(own, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
        if (memcmp(own, id, 32) == 0) return peer;
    }
    return NULL;
}

static hkp_status certificate(void *user, uint32_t form, const uint8_t *data, size_t len, uint64_t wall_us,
                              struct hkp_htp_identity *out) {
    struct hkp_mesh_node *node = user;
    struct hkp_dsm_certificate c;
    uint64_t now_s = wall_us / 1000000;
    if (form == HKP_HTP_CERT_ID) {
        const struct hkp_mesh__peer *peer = len == 32 ? peer_of_certificate(node, data) : NULL;
        if (peer == NULL) return HKP_E_NOTFOUND;
        data = peer->certificate;
        len = peer->certificate_len;
    }
    hkp_status st = judged(node, data, len, now_s, &c);
    if (st != HKP_OK) return st;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, c.node_id);
    if (peer == NULL) return HKP_E_NOTFOUND; /* certified, but not one of ours */
    if (is_revoked(node, c.node_id, c.serial) && !both_seated(node, peer)) return HKP_E_DSM_REVOKED;
    if (form == HKP_HTP_CERT_WHOLE) st = hkp_mesh__certificate_take(node, peer, data, len);
    if (st == HKP_OK && c.serial == peer->serial) /* another of its serial may count */
        st = hkp_dsm_certificate_parse(peer->certificate, peer->certificate_len, &c);
    if (st != HKP_OK) return st;
    memset(out, 0, sizeof *out);
    memcpy(out->node_id, c.node_id, 16);
    memcpy(out->a, c.key, 32);
    if (c.has_static_key) memcpy(out->s, c.static_key, 32);
    out->roles = c.roles;
    out->expired = (uint8_t)(now_s >= c.not_after_s + HKP_MESH__EXPIRY_SKEW_S);
    out->neuro_gen = c.neuro_gen;
    out->not_after_s = c.not_after_s;
    return HKP_OK;
}

/* The case of HTP-3.9 that lets a session be in mode N. */
static hkp_status mode_n(void *user, const struct hkp_htp_mode_n *q, uint8_t *n_case) {
    struct hkp_mesh_node *node = user;
    const struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, q->node_id);
    if (peer == NULL) return HKP_E_NOTFOUND;
    struct hkp_neuro_instance_info own = {.struct_size = sizeof own}, held = {.struct_size = sizeof held};
    hkp_status st = hkp_neuro_owner_info(peer->own, &own);
    if (st == HKP_OK) st = hkp_neuro_holder_info(peer->held, &held);
    if (st != HKP_OK) return st;
    uint32_t gen_own = node->own_cert.neuro_gen;
    uint32_t gen_peer = q->peer_shown ? (uint32_t)q->peer.neuro_gen : peer->neuro_gen;
    int bound = own.state >= HKP_NEURO_INSTANCE_ACTIVE || held.state >= HKP_NEURO_INSTANCE_ACTIVE;
    int permitted = q->role == HKP_HTP_ROLE_E
                        ? hkp_neuro_mode_n_permitted(own.state, own.gen_owner, own.gen_holder, held.state,
                                                     held.gen_holder, held.gen_owner, gen_own, gen_peer)
                        : hkp_neuro_mode_n_permitted(held.state, held.gen_owner, held.gen_holder, own.state,
                                                     own.gen_holder, own.gen_owner, gen_peer, gen_own);
    if (permitted)
        *n_case = bound ? 3 : 2;
    else if (peer->seated)
        *n_case = 4;
    else
        return HKP_E_STATE;
    return HKP_OK;
}

static void note(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value) {
    struct hkp_mesh_node *node = user;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    if (what == HKP_HTP_NOTE_COMPLETED) {
        if (peer != NULL) peer->last_t1 = value;
        return;
    }
    if (what != HKP_HTP_NOTE_FAILED && what != HKP_HTP_NOTE_UNPROVED) return;
    node->refused++;
    if (peer != NULL && what == HKP_HTP_NOTE_FAILED)
        peer->refused++; /* a name alone proves nothing (HTP-4.3) */
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_REFUSED, node_id, "");
    fact->status = HKP_E_HTP_BASE - (hkp_status)(value & 0x3F);
    snprintf(fact->text, sizeof fact->text, "%s",
             peer == NULL                    ? "not a member of this mesh"
             : what == HKP_HTP_NOTE_UNPROVED ? "neural state or key that is not the agreed one"
                                             : hkp_htp_status_name(fact->status));
}

void hkp_mesh__registry(struct hkp_mesh_node *node, struct hkp_htp_registry *out) {
    memset(out, 0, sizeof *out);
    out->user = node;
    out->find = find;
    out->own_index = own_index;
    out->neural = neural;
    out->posf = posf;
    out->neural_release = neural_release;
    out->certificate = certificate;
    out->mode_n = mode_n;
    out->note = note;
}
