/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What a peer may send, and what becomes of one that does not behave (D-GSP-15 to D-GSP-17). Members of V_e
 * are heard in lanes 0 and 1 whatever their score is (D-SMX-11).
 */
#include "libdsm/node/node.h"

static int member(const struct peer *p) { return p->seat >= 0; }

/* What is sent is heard as that of a member only if both are. */
static int members(const node *n, const struct peer *p) { return n->seat >= 0 && member(p); }

/* Called once a peer, before its session can do anything. */
void hkp_dsm__conduct_begin(node *n, struct peer *p) {
    hkp_dsm__score_init(&p->conduct, n->now);
    hkp_dsm__score_init(&p->pace, n->now);
}

int hkp_dsm__conduct_grey(const node *n, const uint8_t node_id[16]) {
    return hkp_dsm__grey_has(&n->grey, n->now, node_id);
}

static void send_away(node *n, struct peer *p) {
    if (p->away || member(p)) return;
    p->away = 1;
    (void)hkp_dsm__grey_add(&n->grey, n->now, p->node_id);
    hkp_dsm__peer_bad(n, p, HKP_E_DSM_RATE);
    hkp_dsm__near_lost(n, p, 1);
    hkp_dsm__link_down(n, p);
}

void hkp_dsm__conduct_add(node *n, struct peer *p, int32_t points) {
    if (p != NULL && hkp_dsm__score_add(&p->conduct, n->now, points) < HKP_DSM__SCORE_OUT) send_away(n, p);
}

/* 1: items are asked of it, and given to it as it asks. */
int hkp_dsm__conduct_graft(node *n, struct peer *p) {
    return hkp_dsm__score_now(&p->conduct, n->now) >= HKP_DSM__SCORE_NO_GRAFT;
}

static hkp_status overrun(node *n, struct peer *p) {
    hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_OVERRUN);
    return HKP_E_DSM_RATE;
}

hkp_status hkp_dsm__conduct_lane(node *n, struct peer *p, uint32_t lane, size_t len) {
    const int32_t score = hkp_dsm__score_now(&p->conduct, n->now);
    if (p->away || (score < HKP_DSM__SCORE_OUT && lane > 1)) return HKP_E_DSM_RATE;
    if (score < HKP_DSM__SCORE_NO_LANES && lane >= 3) return HKP_E_DSM_RATE;
    const uint32_t amount = lane == HKP_DSM__RATE_LANE4 ? (uint32_t)len : 1;
    return hkp_dsm__score_take(&p->conduct, n->now, lane, amount, member(p)) ? HKP_OK : overrun(n, p);
}

/* The ration of an op beside that of its lane; HKP_DSM__RATES: none. Members ask for what a proposal names
 * without one. */
static uint32_t ration(uint32_t op, uint32_t lane, int of_member) {
    if (op <= HKP_DSM__OP_MSG_SHUFFLE_REPLY) return HKP_DSM__RATE_MEMBERSHIP;
    if (op == HKP_DSM__OP_MSG_WANT && (lane != 0 || !of_member)) return HKP_DSM__RATE_WANT;
    if (op == HKP_DSM__OP_MSG_DIGEST) return HKP_DSM__RATE_DIGEST;
    if (op == HKP_DSM__OP_MSG_PING_REQ) return HKP_DSM__RATE_PING_REQ;
    return HKP_DSM__RATES;
}

hkp_status hkp_dsm__conduct_op(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    const uint32_t rate = ration(m->op, m->lane, member(p));
    if (rate == HKP_DSM__RATES || hkp_dsm__score_take(&p->conduct, n->now, rate, 1, member(p))) return HKP_OK;
    return overrun(n, p);
}

/* D-GSP-16: what honest nodes never send. All other refusals cost nothing. */
int32_t hkp_dsm__conduct_price(hkp_status st) {
    if (st == HKP_E_DSM_SIG || st == HKP_E_DSM_SCHEMA ||
        (st <= HKP_E_DSM_CBOR_TRUNCATED && st >= HKP_E_DSM_CBOR_TRAILING))
        return HKP_DSM__SCORE_FALSE;
    return st == HKP_E_DSM_LANE || st == HKP_E_DSM_TOO_BIG ? HKP_DSM__SCORE_OVERRUN : 0;
}

void hkp_dsm__conduct_judge(node *n, struct peer *p, hkp_status st) {
    const int32_t points = hkp_dsm__conduct_price(st);
    if (points != 0) hkp_dsm__conduct_add(n, p, points);
}

/* ---- what is sent stays below what the other side allows ---- */

int hkp_dsm__pace_op(node *n, struct peer *p, uint32_t op, uint32_t lane) {
    const uint32_t rate = ration(op, lane, members(n, p));
    return rate == HKP_DSM__RATES || hkp_dsm__score_pace(&p->pace, n->now, rate, 1, members(n, p));
}

/* 0: later; the node wakes for it. */
int hkp_dsm__pace_lane(node *n, struct peer *p, uint32_t lane, size_t len) {
    const uint32_t amount = lane == HKP_DSM__RATE_LANE4 ? (uint32_t)len : 1;
    if (hkp_dsm__score_pace(&p->pace, n->now, lane, amount, members(n, p))) return 1;
    const hkp_time at = hkp_dsm__score_pace_at(&p->pace, lane, amount, members(n, p));
    if (at < n->pace_at) n->pace_at = at;
    return 0;
}
