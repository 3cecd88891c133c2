/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * After a torn log (NZ1 5.2, SYN-2.6): before the first new TER every holder that can be reached is asked how
 * much it holds; what the log here has lost comes back from there, or is a GAP (decision 0518).
 */
#include "libmesh/node.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { OPEN = 0, SAID = 1, BEHIND = 2, NOT_HERE = 3 };
enum { BOOT_SIZE = 48, GAP_SIZE = 120, GAP_LOST = 1, LEAST_PERIOD_US = 100000, SPARE = 1024, TCK_N = 24 };
enum { REBASE_RBA = 8, RBA_SIZE = 192, TER_TIME = 52 };

static struct hkp_mesh_event *tell(struct hkp_mesh_node *node, const uint8_t *node_id, uint64_t from,
                                   uint64_t to, const char *text) {
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_HISTORY, node_id, text);
    fact->number = from;
    fact->to = to;
    return fact;
}

void hkp_mesh__recover_begin(struct hkp_mesh_node *node) {
    node->recover.on = 1;
    node->recover.until = node->now + HKP_MESH__ASK_FOR;
    node->recover.give_up = 0;
    tell(node, node->node_id, node->cursor.index, node->cursor.index,
         "the log may have lost its end: holders are asked first");
}

static void drop_records(struct hkp_mesh_node *node) {
    hkp_mem_free(&node->mem, node->recover.records, node->recover.cap);
    node->recover.records = NULL;
    node->recover.len = node->recover.cap = 0;
}

void hkp_mesh__recover_free(struct hkp_mesh_node *node) { drop_records(node); }

/* ---- What holders say ---- */

/* One holder alone must not make a node skip more indexes than time has passed for. */
static int is_possible(const struct hkp_mesh_node *node, uint64_t have) {
    uint64_t last = node->cursor.has_last ? hkp_le64(node->cursor.last_ter + 52) : 0;
    uint64_t passed = node->wall_us > last ? (node->wall_us - last) / LEAST_PERIOD_US : 0;
    return have - node->cursor.index <= passed + SPARE;
}

static void take_behind(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                        const struct hkp_neuro_event *ev) {
    struct hkp_mesh__recover *r = &node->recover;
    if (ev->to <= node->cursor.index) return;
    if (!is_possible(node, ev->to)) {
        peer->answer = SAID;
        tell(node, peer->node_id, ev->from, ev->to, "a holder claims more TERs than there can be");
        return;
    }
    tell(node, peer->node_id, ev->from, ev->to, "the peer holds TERs that the log here has lost");
    peer->answer = BEHIND;
    peer->have = ev->to;
    memcpy(peer->have_h, ev->bytes, 32);
    if (r->give_up == 0) r->give_up = node->now + HKP_MESH__RESTORE_FOR;
}

/* 1: nobody else said that another history led there. */
static int agrees(const struct hkp_mesh_node *node, const struct hkp_ter_cursor *walk) {
    for (uint32_t p = 0; p < node->n_peers; p++)
        if (node->peers[p].have == walk->index && memcmp(node->peers[p].have_h, walk->h, 32) != 0) return 0;
    return 1;
}

/* A checkpoint that this node signed and lost again; it would sign another one in its place. */
static int is_own_tck(struct hkp_mesh_node *node, const struct hkp_ter_cursor *walk, const uint8_t *tck,
                      const uint8_t before[96]) {
    struct hkp_mesh__recover *r = &node->recover;
    const uint8_t *held = r->has_tck ? r->tck : node->has_tck ? node->tck : NULL;
    struct hkp_ter_tck_enrol e = {
        .gen = node->own_cert.neuro_gen, .held = held, .h_before = before, .ter = before + 32};
    memcpy(e.node_id, node->node_id, 16);
    memcpy(e.device_public, node->a_public, 32);
    return hkp_le64(tck + TCK_N) == walk->index && (held == NULL || memcmp(held, tck, 256) != 0) &&
           hkp_ter_tck_verify_enrol(tck, 256, &e) == HKP_OK;
}

/* A rebase that was logged here and lost again: signed by the policy key, for this place, and newer than what
 * the log shows up to here. At our very end it may be there still. */
static int is_own_rebase(struct hkp_mesh_node *node, const struct hkp_ter_cursor *walk, const uint8_t *body) {
    struct hkp_mesh__recover *r = &node->recover;
    struct hkp_neuro_rba fields;
    if (hkp_le64(body) != walk->index || !walk->has_last ||
        hkp_neuro_rba_check(&fields, body + REBASE_RBA, RBA_SIZE, node->node_id, node->opt.policy_key, 1) !=
            HKP_OK ||
        hkp_le64(walk->last_ter + TER_TIME) > fields.not_after_us || fields.policy_ver <= r->policy_ver ||
        (walk->index == node->cursor.index && fields.policy_ver <= node->policy_ver))
        return 0;
    r->policy_ver = fields.policy_ver;
    if (fields.policy_ver > node->policy_ver) {
        memcpy(r->rebase, body, sizeof r->rebase);
        r->has_rebase = 1;
    }
    return 1;
}

/* What the newest TCK1 in the log says is in force, 0 without one. */
static uint32_t signed_policy(const struct hkp_mesh_node *node) {
    struct hkp_ter_tck t;
    return node->has_tck && hkp_ter_tck_decode(&t, node->tck, sizeof node->tck) == HKP_OK ? t.policy_ver : 0;
}

/* One record: 1 to keep, 0 to leave out, -1: it contradicts. */
static int judge(struct hkp_mesh_node *node, struct hkp_ter_cursor *walk, uint8_t before[96],
                 int *behind_a_ter, const struct hkp_ter_log_record *rec) {
    struct hkp_mesh__recover *r = &node->recover;
    switch (rec->type) {
    case HKP_TER_LOG_TER:
        memcpy(before, walk->h, 32);
        memcpy(before + 32, rec->body, 64);
        *behind_a_ter = 1;
        if (hkp_ter_cursor_accept(walk, rec->body, 64, rec->body + 64) != HKP_OK || !agrees(node, walk))
            return -1;
        return 1;
    case HKP_TER_LOG_TCK:
        if (!*behind_a_ter || !is_own_tck(node, walk, rec->body, before)) return 0;
        memcpy(r->tck, rec->body, 256);
        memcpy(r->tck_before, before, 96);
        r->has_tck = 1;
        return 1;
    case HKP_TER_LOG_REBASE:
        return is_own_rebase(node, walk, rec->body);
    default:
        return 0;
    }
}

/* RESTORED: whole records from our end on go to the log, if they follow it and contradict nobody. */
static void take_restored(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                          const struct hkp_neuro_event *ev) {
    struct hkp_mesh__recover *r = &node->recover;
    struct hkp_ter_cursor walk = node->cursor;
    uint8_t before[96];
    int behind_a_ter = 0, verdict = 0;
    if (r->ticket != 0 || ev->from != walk.index || ev->len == 0) return;
    r->records = hkp_mem_alloc(&node->mem, ev->len);
    if (r->records == NULL) return; /* libneuro asks again */
    r->cap = ev->len;
    r->has_tck = r->has_rebase = 0;
    r->policy_ver = signed_policy(node);
    for (size_t at = 0; at < ev->len && verdict >= 0;) {
        struct hkp_ter_log_record rec;
        if (hkp_ter_log_record_decode(&rec, ev->bytes + at, ev->len - at) != HKP_OK) break;
        verdict = judge(node, &walk, before, &behind_a_ter, &rec);
        if (verdict > 0) {
            memcpy(r->records + r->len, ev->bytes + at, rec.size);
            r->len += rec.size;
        }
        at += rec.size;
    }
    if (verdict >= 0 && walk.index > node->cursor.index)
        r->ticket = hkp_mesh__request(node, HKP_MESH_EVENT_LOG_RESTORE, NULL, 1, 0);
    r->offered = 0;
    r->next = walk;
    if (r->ticket != 0) return;
    drop_records(node);
    if (verdict >= 0) return;
    peer->answer = NOT_HERE;
    tell(node, peer->node_id, ev->from, ev->to, "two holders disagree about the history here");
}

void hkp_mesh__recover_event(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                             const struct hkp_neuro_event *ev) {
    struct hkp_mesh__recover *r = &node->recover;
    /* also without a torn end, as long as no TER was made: a log from a copy is shorter, too */
    if (ev->kind == HKP_NEURO_EVENT_BEHIND && !r->on && !r->ter_made) hkp_mesh__recover_begin(node);
    if (!r->on) return;
    switch (ev->kind) {
    case HKP_NEURO_EVENT_READY:
        if (peer->answer != NOT_HERE) peer->answer = SAID;
        break;
    case HKP_NEURO_EVENT_BEHIND:
        take_behind(node, peer, ev);
        break;
    case HKP_NEURO_EVENT_RESTORED:
        take_restored(node, peer, ev);
        break;
    case HKP_NEURO_EVENT_MISSING:
        peer->answer = NOT_HERE;
        break;
    default:
        break;
    }
}

/* ---- The log ---- */

int hkp_mesh__recover_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    struct hkp_mesh__recover *r = &node->recover;
    if (r->ticket == 0 || r->offered) return 0;
    r->offered = 1;
    out->ticket = r->ticket;
    out->kind = r->records != NULL ? HKP_MESH_EVENT_LOG_RESTORE : HKP_MESH_EVENT_LOG;
    out->number = r->records != NULL ? node->cursor.index : r->type;
    out->data = r->records != NULL ? r->records : r->body;
    out->data_len = r->records != NULL ? r->len : r->type == HKP_TER_LOG_GAP ? GAP_SIZE : BOOT_SIZE;
    return 1;
}

static void advance(struct hkp_mesh_node *node) {
    struct hkp_mesh__recover *r = &node->recover;
    node->cursor = r->next;
    hkp_mesh__drop(hkp_htp_endpoint_set_ter(node->htp, node->cursor.index, node->cursor.h,
                                            node->cursor.last_ter + 32, node->policy_ver, node->boot_id));
    for (uint32_t p = 0; p < node->n_peers; p++)
        hkp_neuro_owner_durable(node->peers[p].own, node->now, node->cursor.index);
}

static void closed(struct hkp_mesh_node *node) {
    struct hkp_mesh__recover *r = &node->recover;
    uint64_t from = node->cursor.index;
    r->on = 0;
    if (r->type != HKP_TER_LOG_GAP) {
        tell(node, node->node_id, from, from, "the history is whole again, restored from holders");
        return;
    }
    /* the last commit of each lies before the gap: what was proved there cannot be gone on from */
    for (uint32_t p = 0; p < node->n_peers; p++)
        hkp_neuro_owner_gap(node->peers[p].own, node->now, HKP_NEURO_CAUSE_GAP);
    advance(node);
    node->tck_flags |= HKP_TER_FLAG_GAP;
    tell(node, node->node_id, from, node->cursor.index, "history gap: nobody holds these TERs");
}

int hkp_mesh__recover_logged(struct hkp_mesh_node *node, uint64_t ticket, hkp_status status) {
    struct hkp_mesh__recover *r = &node->recover;
    if (r->ticket == 0 || ticket != r->ticket) return 0;
    int records = r->records != NULL;
    r->ticket = 0;
    drop_records(node);
    if (status != HKP_OK) return 1; /* the host ends the run: its log refuses */
    if (!records) {
        closed(node);
        return 1;
    }
    r->restored = 1;
    if (r->has_tck) {
        memcpy(node->tck, r->tck, sizeof node->tck);
        memcpy(node->tck_before, r->tck_before, sizeof node->tck_before);
        node->has_tck = node->tck_before_known = 1;
    }
    if (r->has_rebase) hkp_mesh__rebase_restored(node, r->rebase);
    hkp_mesh__rebase_signed(node, signed_policy(node));
    advance(node);
    return 1;
}

/* ---- The end of it ---- */

static void closing_record(struct hkp_mesh_node *node, const struct hkp_mesh__peer *highest) {
    struct hkp_mesh__recover *r = &node->recover;
    memset(r->body, 0, sizeof r->body);
    r->next = node->cursor;
    if (highest == NULL) {
        r->type = HKP_TER_LOG_BOOT;
        memcpy(r->body, node->boot_id, 16);
        hkp_put_le64(r->body + 16, node->cursor.index);
        hkp_put_le64(r->body + 24, node->wall_us);
        hkp_put_le32(r->body + 32, HKP_TER_BOOT_RESTORED);
    } else {
        /* h as that holder says; in place of the TER that nobody has, the last one known, at that number */
        r->type = HKP_TER_LOG_GAP;
        r->next.index = highest->have;
        r->next.has_last = 1;
        memcpy(r->next.h, highest->have_h, 32);
        if (!node->cursor.has_last) hkp_put_le64(r->next.last_ter + 52, 1);
        hkp_put_le16(r->next.last_ter + 60, (uint16_t)(highest->have - 1));
        hkp_put_le64(r->body, node->cursor.index);
        hkp_put_le64(r->body + 8, highest->have);
        hkp_put_le32(r->body + 16, GAP_LOST);
        memcpy(r->body + 24, r->next.h, 32);
        memcpy(r->body + 56, r->next.last_ter, 64);
    }
    r->offered = 0;
    r->ticket = hkp_mesh__request(node, HKP_MESH_EVENT_LOG, NULL, 1, 0);
}

/* Until when this holder is waited for; 0: it has said what it can. */
static hkp_time waits_until(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    const struct hkp_mesh__recover *r = &node->recover;
    uint32_t state = hkp_mesh__own_state(peer);
    if (state != HKP_NEURO_INSTANCE_PENDING && state != HKP_NEURO_INSTANCE_ACTIVE) return 0;
    if (peer->answer == BEHIND && peer->have > node->cursor.index) return r->give_up;
    if (peer->answer != OPEN) return 0;
    return peer->own_session != 0 ? r->until + HKP_MESH__ANSWER_FOR : r->until;
}

static hkp_time waits(const struct hkp_mesh_node *node) {
    hkp_time most = 0;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_time t = waits_until(node, &node->peers[p]);
        if (t > most) most = t;
    }
    return most;
}

void hkp_mesh__recover_tick(struct hkp_mesh_node *node) {
    struct hkp_mesh__recover *r = &node->recover;
    const struct hkp_mesh__peer *highest = NULL;
    if (!r->on || r->ticket != 0 || node->now < waits(node)) return;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        const struct hkp_mesh__peer *peer = &node->peers[p];
        if (peer->have > node->cursor.index && (highest == NULL || peer->have > highest->have))
            highest = peer;
    }
    if (highest != NULL || r->restored)
        closing_record(node, highest);
    else {
        r->on = 0;
        tell(node, node->node_id, node->cursor.index, node->cursor.index, "no holder knows of more");
    }
}

hkp_time hkp_mesh__recover_wake(const struct hkp_mesh_node *node) {
    return node->recover.on && node->recover.ticket == 0 ? waits(node) : HKP_TIME_NEVER;
}

hkp_status hkp_mesh_log_torn(hkp_mesh_node *node) {
    if (node->life != 0 || !node->boot_known) return HKP_E_STATE;
    node->recover.torn = 1;
    return HKP_OK;
}

int32_t hkp_mesh_may_capture(const hkp_mesh_node *node) {
    return node->life == 1 && !node->recover.on && node->rebase.ticket == 0;
}
