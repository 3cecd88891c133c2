/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Who does not answer (D-GSP-5): neighbours and validators are asked once a period, directly and through
 * three others. The own health stretches all times, so that a node that is slow itself suspects nobody. What
 * is found out stays here: the session is given up, nobody is told.
 */
#include <string.h>

#include "libdsm/node/node.h"

enum { IDLE = 0, ASKED = 1, ASKED_OTHERS = 2 };

typedef struct hkp_dsm__probe probe;
typedef struct hkp_dsm__probe_for probe_for;

static uint64_t period(const node *n) { return n->probes.health * SECOND; }
static uint64_t patience(const node *n) { return n->probes.health * 500 * MS; }

static int quiet(const struct peer *p) { return p->stance != HKP_DSM_STANCE_OPEN; }

static int is_probed(const node *n, const struct peer *p) {
    if (!n->near.on || !p->up || p->away || quiet(p) || n->probes.own_stance != HKP_DSM_STANCE_OPEN) return 0;
    return p->link != 0 || (p->seat >= 0 && n->seat >= 0);
}

void hkp_dsm__probes_begin(node *n, struct peer *p) {
    p->probe = (probe){.at = n->now + period(n)};
    if (p->probe.at < n->probes.at) n->probes.at = p->probe.at;
}

/* ---- messages ---- */

static void say(node *n, struct peer *p, uint32_t op, const uint8_t nonce[8], const uint8_t *node_id) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm_cbor_put_array(&w, node_id != NULL ? 3 : 2);
    hkp_dsm_cbor_put_uint(&w, op);
    hkp_dsm_cbor_put_bytes(&w, nonce, 8);
    if (node_id != NULL) hkp_dsm_cbor_put_bytes(&w, node_id, 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

static void ask_others(node *n, const struct peer *p) {
    uint32_t asked = 0;
    const uint32_t start = p->probe.nonce[0];
    for (uint32_t i = 0; i < n->peers_max && asked < PROBE_HELPERS; i++) {
        struct peer *other = &n->peers[(start + i) % n->peers_max];
        if (other == p || !is_probed(n, other) || !hkp_dsm__pace_op(n, other, HKP_DSM__OP_MSG_PING_REQ, 0))
            continue;
        say(n, other, HKP_DSM__OP_MSG_PING_REQ, p->probe.nonce, p->node_id);
        asked++;
    }
}

/* ---- time ---- */

static void lost(node *n, struct peer *p) {
    n->probes.silent++;
    p->probe.missed = 0;
    if (hkp_dsm__may_take(n)) {
        struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_CLOSE);
        memcpy(e->e.node_id, p->node_id, 16);
        e->e.status = HKP_E_NOTFOUND;
    }
    p->dialed = 0;
    hkp_dsm__near_lost(n, p, 0);
}

static void step(node *n, struct peer *p) {
    probe *b = &p->probe;
    if (b->step == IDLE) {
        if (n->rng.fill(n->rng.user, b->nonce, sizeof b->nonce) != 0) return;
        say(n, p, HKP_DSM__OP_MSG_PING, b->nonce, NULL);
        b->step = ASKED;
        b->at = n->now + patience(n);
    } else if (b->step == ASKED) {
        ask_others(n, p);
        b->step = ASKED_OTHERS;
        b->at = n->now + period(n) - patience(n);
        if (n->probes.health < HEALTH_MAX) n->probes.health++;
    } else {
        b->step = IDLE;
        b->at = n->now;
        if (++b->missed >= PROBE_MISSES) lost(n, p);
    }
}

void hkp_dsm__probes_tick(node *n) {
    if (n->now < n->probes.at) return;
    n->probes.at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < n->peers_max && n->near.on; i++) {
        struct peer *p = &n->peers[i];
        if (!p->up) continue;
        if (!is_probed(n, p)) {
            p->probe.step = IDLE;
            p->probe.missed = 0;
            if (p->probe.at <= n->now) p->probe.at = n->now + period(n);
        } else if (n->now >= p->probe.at) {
            step(n, p);
        }
        if (p->probe.at < n->probes.at) n->probes.at = p->probe.at;
    }
}

/* ---- in ---- */

static probe_for *for_other(node *n, const uint8_t nonce[8], const uint8_t target[16]) {
    for (uint32_t i = 0; i < PROBES_FOR_OTHERS; i++) {
        probe_for *f = &n->probes.others[i];
        if (n->now < f->until && memcmp(f->nonce, nonce, 8) == 0 && memcmp(f->target, target, 16) == 0)
            return f;
    }
    return NULL;
}

static void on_ack(node *n, struct peer *p, const uint8_t nonce[8]) {
    probe_for *f = for_other(n, nonce, p->node_id);
    if (f != NULL) {
        struct peer *who = hkp_dsm__peer(n, f->peer);
        if (who != NULL) say(n, who, HKP_DSM__OP_MSG_ACK, f->their_nonce, NULL);
        f->until = 0;
        return;
    }
    /* of ours: by the peer itself, or passed on by one that was asked */
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct peer *of = &n->peers[i];
        probe *b = &of->probe;
        if (!of->up || b->step == IDLE || memcmp(b->nonce, nonce, 8) != 0) continue;
        if (of != p && b->step != ASKED_OTHERS) return;
        if (b->step == ASKED && n->probes.health > 1) n->probes.health--;
        b->step = IDLE;
        b->missed = 0;
        b->at = n->now + period(n);
        return;
    }
}

/* A place for a probe; NULL: none is free, or the one that is open answers the new question, too. */
static probe_for *place(node *n, const struct peer *p, const struct hkp_dsm__message *m) {
    probe_for *free_one = NULL;
    uint32_t of_peer = 0;
    for (uint32_t i = 0; i < PROBES_FOR_OTHERS; i++) {
        probe_for *f = &n->probes.others[i];
        if (n->now >= f->until) {
            free_one = f;
        } else if (memcmp(f->peer, p->node_id, 16) == 0) {
            of_peer++;
            if (memcmp(f->target, m->node_id, 16) != 0) continue;
            memcpy(f->their_nonce, m->nonce, 8);
            return NULL;
        }
    }
    return of_peer < PROBES_FOR_ONE ? free_one : NULL;
}

/* Who asks chooses whom this node writes to, so few PING are on their way at once. */
static void on_ping_req(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    struct peer *target = hkp_dsm__peer(n, m->node_id);
    if (target == NULL || target == p || quiet(target) || n->probes.own_stance != HKP_DSM_STANCE_OPEN) return;
    probe_for *f = place(n, p, m);
    if (f == NULL || n->rng.fill(n->rng.user, f->nonce, sizeof f->nonce) != 0) return;
    memcpy(f->their_nonce, m->nonce, 8);
    memcpy(f->peer, p->node_id, 16);
    memcpy(f->target, target->node_id, 16);
    f->until = n->now + HEALTH_MAX * 500 * MS; /* the longest that anybody waits for others */
    say(n, target, HKP_DSM__OP_MSG_PING, f->nonce, NULL);
}

hkp_status hkp_dsm__on_probe(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    if (m->op == HKP_DSM__OP_MSG_PING) say(n, p, HKP_DSM__OP_MSG_ACK, m->nonce, NULL);
    if (m->op == HKP_DSM__OP_MSG_ACK) on_ack(n, p, m->nonce);
    if (m->op == HKP_DSM__OP_MSG_PING_REQ) on_ping_req(n, p, m);
    return HKP_OK;
}

/* ---- what the host says, and asks ---- */

hkp_status hkp_dsm_gossip_stance(hkp_dsm_node *n, const uint8_t peer[16], uint32_t stance) {
    if (stance > HKP_DSM_STANCE_GHOST) return HKP_E_INVAL;
    if (peer == NULL) {
        if (stance != HKP_DSM_STANCE_OPEN || n->probes.own_stance != stance) n->entropy.at = n->now;
        n->probes.own_stance = stance;
        return HKP_OK;
    }
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    p->stance = stance;
    if (p->link != 0) hkp_dsm__tree_link_leaf(&n->spread.tree, p->link - 1, stance == HKP_DSM_STANCE_GHOST);
    return HKP_OK;
}

hkp_status hkp_dsm_gossip_loss(hkp_dsm_node *n, const uint8_t peer[16], uint32_t per_mille) {
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    if (per_mille > 1000) return HKP_E_INVAL;
    p->loss = per_mille;
    if (p->link != 0) hkp_dsm__tree_link_loss(&n->spread.tree, p->link - 1, per_mille);
    return HKP_OK;
}

hkp_status hkp_dsm_gossip_status(const hkp_dsm_node *n, struct hkp_dsm_gossip_status *s) {
    if (s->struct_size < sizeof *s) return HKP_E_INVAL;
    *s = (struct hkp_dsm_gossip_status){.struct_size = sizeof *s,
                                        .on = n->near.on,
                                        .health = n->probes.health,
                                        .pushed = n->spread.pushed,
                                        .copies = n->spread.copies,
                                        .asked = n->spread.asked,
                                        .silent = n->probes.silent};
    for (uint32_t i = 0; i < n->spread.tree.o.links; i++) {
        s->links += n->spread.of[i] != NULL;
        s->eager += n->spread.of[i] != NULL && n->spread.tree.links[i].out_eager;
    }
    for (uint32_t i = 0; i < n->near.view.o.passive; i++) s->passive += n->near.view.passive[i].state != 0;
    for (uint32_t i = 0; i < n->grey.cap; i++)
        s->away += n->grey.entries[i].times > 0 && n->now < n->grey.entries[i].until;
    return HKP_OK;
}
