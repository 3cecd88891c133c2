/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Who the neighbours are (D-GSP-1 to D-GSP-4): the view in messages, sessions and facts. Without addresses of
 * its own a node has no record to show, so all sessions that its host opens are its neighbours.
 */
#include "libdsm/node/neighbours.h"

#include <sodium.h>
#include <string.h>

#include "libdsm/node/node.h"

#define HOUR (3600 * SECOND)

enum { ACTIVE = 8, PASSIVE = 64, SENTINEL_ACTIVE = 5, SENTINEL_PASSIVE = 32, SHUFFLE_S = 30, ANCHORS_S = 60 };

typedef struct hkp_dsm__near near;
typedef struct hkp_dsm__contact contact;

static uint64_t wall_s(const node *n) { return hkp_dsm__wall_us(n) / 1000000; }

/* Newest certificate; NULL: none is held. */
static const struct hkp_dsm_certificate *certificate_of(const node *n, const uint8_t node_id[16]) {
    const struct author *a = hkp_dsm__author(n, node_id);
    const struct hkp_dsm_certificate *c = a != NULL && a->n_certs > 0 ? &a->certs[0] : NULL;
    for (uint32_t i = 1; c != NULL && i < a->n_certs; i++)
        if (a->certs[i].serial > c->serial) c = &a->certs[i];
    return c;
}

static uint32_t group_of(const node *n, const uint8_t node_id[16]) {
    const struct hkp_dsm_certificate *c = certificate_of(n, node_id);
    return c != NULL ? c->group : 0;
}

/* ---- records ---- */

static int has_private(const struct hkp_dsm_peer_record *r) {
    for (uint32_t i = 0; i < r->n_addresses; i++)
        if (hkp_dsm__address_is_private(&r->addresses[i])) return 1;
    return 0;
}

/* Addresses of a private range mean something inside one group only, or where one owner runs all. */
static int group_apart(const node *n, const uint8_t node_id[16]) {
    return !n->single && group_of(n, node_id) != group_of(n, n->id);
}

static void describe(const node *n, const struct hkp_dsm_peer_record *r, contact *c) {
    *c = (contact){.group = group_of(n, r->node_id), .seq = r->seq, .expires_s = r->expires_s};
    memcpy(c->node_id, r->node_id, 16);
    c->validator = hkp_dsm__valset_index(&n->set, r->node_id) >= 0;
    for (uint32_t i = 0; i < r->n_addresses && c->net == 0; i++)
        c->net = hkp_dsm__address_net(&r->addresses[i]);
}

/* A record as it comes in, with one reference to its bytes; of known ones the signature is not checked again.
 */
static hkp_status contact_take(node *n, struct peer *from, const struct hkp_dsm_view *bytes, contact *c) {
    struct hkp_dsm_peer_record r;
    hkp_status st = hkp_dsm_peer_record_parse(bytes->ptr, bytes->len, &r);
    if (st != HKP_OK) return st;
    const contact *known = hkp_dsm__view_contact(&n->near.view, r.node_id);
    if (known != NULL && known->record != NULL && known->record->len == bytes->len &&
        memcmp(known->record->ptr, bytes->ptr, bytes->len) == 0) {
        *c = *known;
        (void)hkp_dsm__blob_hold(c->record);
        return HKP_OK;
    }
    const struct hkp_dsm_certificate *cert = certificate_of(n, r.node_id);
    if (cert == NULL) {
        hkp_dsm__certificate_ask(n, hkp_dsm__author(n, r.node_id), from, r.node_id);
        return HKP_E_DSM_SIGNER;
    }
    st = hkp_dsm__permitted(n, from, HKP_DSM_KIND_PEER_RECORD, r.node_id);
    if (st == HKP_OK)
        st = hkp_dsm_peer_record_check(bytes->ptr, bytes->len, n->chain_id, cert->key, wall_s(n), &r);
    if (st == HKP_OK && ((r.roles & ~cert->roles) != 0 || r.tier > cert->tier)) st = HKP_E_DSM_ROLE;
    if (st != HKP_OK) return st;
    if (has_private(&r) && group_apart(n, r.node_id)) return HKP_E_DSM_TARGET;
    describe(n, &r, c);
    c->record = hkp_dsm__bytes(n, bytes->ptr, bytes->len);
    return c->record != NULL ? HKP_OK : HKP_E_LIMIT;
}

static blob *own_record(node *n, int private_too) {
    near *s = &n->near;
    const struct hkp_dsm_certificate *c = certificate_of(n, n->id);
    struct hkp_dsm_peer_record r = {.seq = s->seq,
                                    .expires_s = wall_s(n) + HKP_DSM_PEER_RECORD_LIFE_S,
                                    .features = s->features,
                                    .tier = c->tier,
                                    .roles = c->roles};
    uint8_t bytes[HKP_DSM_PEER_RECORD_MAX];
    size_t len = 0;
    memcpy(r.node_id, n->id, 16);
    for (uint32_t i = 0; i < s->n_addresses; i++)
        if (private_too || !hkp_dsm__address_is_private(&s->addresses[i]))
            r.addresses[r.n_addresses++] = s->addresses[i];
    if (r.n_addresses == 0 ||
        hkp_dsm_peer_record_build(&r, n->chain_id, n->secret, bytes, sizeof bytes, &len) != HKP_OK)
        return NULL;
    return hkp_dsm__bytes(n, bytes, len);
}

/* Both own records, newer than all before: seconds rise over restarts, too. */
static hkp_status sign_own(node *n, contact *self) {
    near *s = &n->near;
    struct hkp_dsm_peer_record r;
    s->seq = wall_s(n) > s->seq ? wall_s(n) : s->seq + 1;
    blob *own = own_record(n, 1);
    if (own == NULL) return HKP_E_LIMIT;
    hkp_dsm__blob_drop(&n->pool, s->own);
    hkp_dsm__blob_drop(&n->pool, s->open);
    s->own = own;
    s->open = own_record(n, 0);
    s->signed_at = n->now;
    const hkp_status st = hkp_dsm_peer_record_parse(own->ptr, own->len, &r);
    if (st != HKP_OK) return st;
    describe(n, &r, self);
    self->record = own;
    return HKP_OK;
}

/* A record as the peer may see it; NULL: not at all. */
static const blob *shown(const node *n, const struct peer *p, const blob *record) {
    struct hkp_dsm_peer_record r;
    if (n->single || group_of(n, p->node_id) == group_of(n, n->id)) return record;
    if (record == n->near.own) return n->near.open;
    return hkp_dsm_peer_record_parse(record->ptr, record->len, &r) == HKP_OK && !has_private(&r) ? record
                                                                                                 : NULL;
}

/* ---- out ---- */

static void put_records(const node *n, const struct peer *p, const struct hkp_dsm__view_out *o,
                        struct hkp_dsm_cbor_writer *w) {
    const blob *list[HKP_DSM__SHUFFLE_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < o->n; i++)
        if ((list[count] = shown(n, p, o->records[i])) != NULL) count++;
    if (o->op == HKP_DSM__OP_MSG_SHUFFLE || o->op == HKP_DSM__OP_MSG_SHUFFLE_REPLY) {
        if (count == 0 && o->op == HKP_DSM__OP_MSG_SHUFFLE) w->status = HKP_E_INVAL;
        hkp_dsm_cbor_put_array(w, count);
    } else if (count != 1) {
        w->status = HKP_E_INVAL;
    }
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(w, list[i]->ptr, list[i]->len);
}

static void put_op(const node *n, const struct peer *p, const struct hkp_dsm__view_out *o,
                   struct hkp_dsm_cbor_writer *w) {
    static const uint8_t fields[] = {0, 1, 2, 1, 1, 0, 3, 2};
    hkp_dsm_cbor_put_array(w, 1U + fields[o->op]);
    hkp_dsm_cbor_put_uint(w, o->op);
    switch (o->op) {
    case HKP_DSM__OP_MSG_NEIGHBOR:
    case HKP_DSM__OP_MSG_NEIGHBOR_REPLY:
        hkp_dsm_cbor_put_simple(w, o->flag ? HKP_DSM_CBOR_TRUE : HKP_DSM_CBOR_FALSE);
        break;
    case HKP_DSM__OP_MSG_DISCONNECT:
        break;
    case HKP_DSM__OP_MSG_SHUFFLE:
    case HKP_DSM__OP_MSG_SHUFFLE_REPLY:
        hkp_dsm_cbor_put_bytes(w, o->nonce, 8);
        put_records(n, p, o, w);
        break;
    default:
        put_records(n, p, o, w);
        break;
    }
    if (o->op == HKP_DSM__OP_MSG_FORWARD_JOIN || o->op == HKP_DSM__OP_MSG_SHUFFLE)
        hkp_dsm_cbor_put_uint(w, o->ttl);
}

static void send_op(node *n, struct peer *p, const struct hkp_dsm__view_out *o) {
    if (!hkp_dsm__pace_op(n, p, o->op, 3)) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    put_op(n, p, o, &w);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* The host may close it, if we asked for it and consensus does not need it. */
void hkp_dsm__near_close(node *n, struct peer *p, hkp_status why) {
    if (!p->dialed || (p->seat >= 0 && n->seat >= 0) || !hkp_dsm__may_take(n)) return;
    p->dialed = 0;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_CLOSE);
    memcpy(e->e.node_id, p->node_id, 16);
    e->e.status = why;
}

static void connect(node *n, const struct hkp_dsm__view_out *o) {
    if (hkp_dsm__conduct_grey(n, o->node_id)) {
        hkp_dsm__view_session_down(&n->near.view, n->now, o->node_id);
        return;
    }
    if (o->n == 0 || !hkp_dsm__may_take(n)) return; /* it is given up after a while */
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_CONNECT);
    memcpy(e->e.node_id, o->node_id, 16);
    e->data = hkp_dsm__blob_hold(o->records[0]);
}

/* So that of the neighbours those go first by which no items come (D-GSP-2). */
static void mark(node *n) {
    for (uint32_t i = 0; i < n->spread.tree.o.links; i++)
        if (n->spread.of[i] != NULL)
            hkp_dsm__view_carries(&n->near.view, n->spread.of[i]->node_id,
                                  hkp_dsm__tree_carries(&n->spread.tree, i));
}

static void settle(node *n) {
    struct hkp_dsm__view *v = &n->near.view;
    struct hkp_dsm__view_out *o;
    while (hkp_dsm__view_next(v, &o)) {
        struct peer *p = hkp_dsm__peer(n, o->node_id);
        if (p == NULL) {
            if (o->kind == HKP_DSM__VIEW_CONNECT) connect(n, o);
            continue;
        }
        if (o->kind == HKP_DSM__VIEW_CONNECT) hkp_dsm__view_session_up(v, n->now, p->node_id);
        if (o->kind == HKP_DSM__VIEW_LINK_UP) hkp_dsm__link_up(n, p);
        if (o->kind == HKP_DSM__VIEW_LINK_DOWN) hkp_dsm__link_down(n, p);
        if (o->kind == HKP_DSM__VIEW_SEND) send_op(n, p, o);
        if (o->kind == HKP_DSM__VIEW_CLOSE || o->kind == HKP_DSM__VIEW_LINK_DOWN)
            if (!hkp_dsm__view_needs(v, p->node_id)) hkp_dsm__near_close(n, p, HKP_OK);
    }
}

/* ---- sessions ---- */

static void meet(node *n, struct peer *p) {
    contact c = {.group = group_of(n, p->node_id), .validator = p->seat >= 0};
    memcpy(c.node_id, p->node_id, 16);
    const contact *known = hkp_dsm__view_contact(&n->near.view, p->node_id);
    if (known != NULL) c = *known;
    if (c.record != NULL) (void)hkp_dsm__blob_hold(c.record);
    p->dialed = hkp_dsm__view_needs(&n->near.view, p->node_id) != 0;
    hkp_dsm__view_meet(&n->near.view, n->now, &c);
    hkp_dsm__blob_drop(&n->pool, c.record);
}

/* While the lane of membership is closed to it a peer cannot be asked: it is a neighbour like one without a
 * view. */
void hkp_dsm__near_up(node *n, struct peer *p) {
    if (!n->near.on || !hkp_dsm__lane_open(p, 3)) {
        hkp_dsm__link_up(n, p);
        return;
    }
    hkp_dsm__link_down(n, p);
    meet(n, p);
    settle(n);
}

/* The lane was opened or closed. */
void hkp_dsm__near_lanes(node *n, struct peer *p, int was_open) {
    if (!n->near.on || was_open == hkp_dsm__lane_open(p, 3)) return;
    if (was_open) hkp_dsm__view_session_down(&n->near.view, n->now, p->node_id);
    settle(n);
    hkp_dsm__near_up(n, p);
}

void hkp_dsm__near_down(node *n, struct peer *p) {
    if (n->near.on) {
        hkp_dsm__view_session_down(&n->near.view, n->now, p->node_id);
        settle(n);
    }
    hkp_dsm__link_down(n, p);
}

/* It does not answer, or is sent away: another takes its place. */
void hkp_dsm__near_lost(node *n, struct peer *p, int forget) {
    if (!n->near.on) return;
    if (forget) hkp_dsm__view_forget(&n->near.view, n->now, p->node_id);
    hkp_dsm__view_session_down(&n->near.view, n->now, p->node_id);
    settle(n);
    hkp_dsm__link_down(n, p);
}

/* Anchors and those whom only such push out of the passive view follow the set. */
void hkp_dsm__near_seats(node *n) {
    const uint32_t up = HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS;
    struct hkp_dsm__view *v = &n->near.view;
    if (!n->near.on) return;
    for (uint32_t i = 0; i < up + v->o.passive; i++) {
        const struct hkp_dsm__view_peer *p = i < up ? &v->active[i] : &v->passive[i - up];
        uint8_t node_id[16];
        memcpy(node_id, p->c.node_id, 16);
        if (p->state != 0)
            hkp_dsm__view_seat(v, n->now, node_id, hkp_dsm__valset_index(&n->set, node_id) >= 0);
    }
    settle(n);
}

/* It gossips though it is no neighbour. */
void hkp_dsm__near_stranger(node *n, const struct peer *p) {
    if (!n->near.on || p->link != 0) return;
    hkp_dsm__view_stranger(&n->near.view, p->node_id);
    settle(n);
}

/* ---- in ---- */

/* Whoever keeps no view is a neighbour of all that it has sessions with, unless they do not want to. */
static void without_view(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    struct hkp_dsm__view_out o = {.op = HKP_DSM__OP_MSG_SHUFFLE_REPLY};
    if (m->op == HKP_DSM__OP_MSG_DISCONNECT) hkp_dsm__link_down(n, p);
    if (m->op == HKP_DSM__OP_MSG_JOIN || m->op == HKP_DSM__OP_MSG_NEIGHBOR) hkp_dsm__link_up(n, p);
    if (m->op == HKP_DSM__OP_MSG_NEIGHBOR) {
        o.op = HKP_DSM__OP_MSG_NEIGHBOR_REPLY;
        o.flag = p->link != 0;
        send_op(n, p, &o);
    }
    if (m->op == HKP_DSM__OP_MSG_SHUFFLE) {
        memcpy(o.nonce, m->nonce, 8);
        send_op(n, p, &o);
    }
}

/* One of a node in a minute, or its signer could make the mesh carry any number. What names a private range
 * goes no further. */
hkp_status hkp_dsm__near_record(node *n, struct peer *p, const struct hkp_dsm_view *bytes, uint32_t hops) {
    struct hkp_dsm__view *v = &n->near.view;
    struct hkp_dsm_peer_record r;
    contact c;
    if (!n->near.on) return HKP_E_UNSUPPORTED;
    hkp_status st = hkp_dsm_peer_record_parse(bytes->ptr, bytes->len, &r);
    if (st != HKP_OK) return st;
    struct author *a = hkp_dsm__author(n, r.node_id);
    const contact *known = hkp_dsm__view_contact(v, r.node_id);
    if (a == n->self || (known != NULL && known->record != NULL && r.seq <= known->seq))
        return HKP_E_DSM_DUPLICATE;
    if (a != NULL && n->now < a->record_again) return HKP_E_DSM_RATE;
    st = contact_take(n, p, bytes, &c);
    if (st != HKP_OK) return st;
    if (a != NULL) a->record_again = n->now + 60 * SECOND;
    if (!hkp_dsm__conduct_grey(n, c.node_id)) hkp_dsm__view_learn(v, &c);
    if (n->single || !has_private(&r)) hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, c.record, hops, p);
    hkp_dsm__blob_drop(&n->pool, c.record);
    return HKP_OK;
}

/* D-GSP-16: who asks urgently for a place that its group or network may not have. */
static int on_crowd(node *n, struct peer *p, const contact *c) {
    if (hkp_dsm__view_crowded(&n->near.view, c)) hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_CROWD);
    return p->away != 0;
}

static hkp_status on_record(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    struct hkp_dsm__view *v = &n->near.view;
    contact c;
    const hkp_status st = contact_take(n, p, &m->record, &c);
    if (st != HKP_OK) return st;
    hkp_status done = HKP_OK;
    if (m->op == HKP_DSM__OP_MSG_FORWARD_JOIN) {
        if (!hkp_dsm__conduct_grey(n, c.node_id))
            hkp_dsm__view_on_forward_join(v, n->now, p->node_id, &c, (uint32_t)m->ttl);
    } else if (memcmp(c.node_id, p->node_id, 16) != 0) {
        done = HKP_E_DSM_NODE_ID;
    } else if (!on_crowd(n, p, &c)) {
        hkp_dsm__view_on_join(v, n->now, &c);
    }
    hkp_dsm__blob_drop(&n->pool, c.record);
    return done;
}

static void on_neighbor(node *n, struct peer *p, uint32_t high) {
    const contact *known = hkp_dsm__view_contact(&n->near.view, p->node_id);
    contact c = {.group = group_of(n, p->node_id), .validator = p->seat >= 0};
    memcpy(c.node_id, p->node_id, 16);
    if (known != NULL) c = *known;
    if (c.record != NULL) (void)hkp_dsm__blob_hold(c.record);
    if (!high || !on_crowd(n, p, &c)) hkp_dsm__view_on_neighbor(&n->near.view, n->now, &c, high);
    hkp_dsm__blob_drop(&n->pool, c.record);
}

static hkp_status on_shuffle(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct hkp_dsm__view *v = &n->near.view;
    contact list[HKP_DSM__SHUFFLE_MAX] = {0};
    hkp_status worst = HKP_OK;
    uint32_t count = 0;
    for (size_t i = 0; i < m->list.n; i++) {
        const struct hkp_dsm_view bytes = hkp_dsm__next_bytes(&m->list);
        const hkp_status st = contact_take(n, p, &bytes, &list[count]);
        if (st == HKP_OK && !hkp_dsm__conduct_grey(n, list[count].node_id))
            count++;
        else if (st == HKP_OK)
            hkp_dsm__blob_drop(&n->pool, list[count].record);
        else if (hkp_dsm__conduct_price(st) != 0) /* others are of no use here, or expired on the way */
            worst = st;
        if (worst != HKP_OK) break;
    }
    if (worst == HKP_OK && m->op == HKP_DSM__OP_MSG_SHUFFLE)
        hkp_dsm__view_on_shuffle(v, p->node_id, m->nonce, list, count, (uint32_t)m->ttl);
    if (worst == HKP_OK && m->op == HKP_DSM__OP_MSG_SHUFFLE_REPLY)
        hkp_dsm__view_on_shuffle_reply(v, m->nonce, list, count);
    for (uint32_t i = 0; i < count; i++) hkp_dsm__blob_drop(&n->pool, list[i].record);
    return worst;
}

hkp_status hkp_dsm__on_near(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct hkp_dsm__view *v = &n->near.view;
    hkp_status st = HKP_OK;
    if (!n->near.on) {
        without_view(n, p, m);
        return HKP_OK;
    }
    mark(n);
    switch (m->op) {
    case HKP_DSM__OP_MSG_NEIGHBOR:
        on_neighbor(n, p, (uint32_t)m->flag);
        break;
    case HKP_DSM__OP_MSG_NEIGHBOR_REPLY:
        hkp_dsm__view_on_reply(v, n->now, p->node_id, (uint32_t)m->flag);
        break;
    case HKP_DSM__OP_MSG_DISCONNECT:
        hkp_dsm__view_on_disconnect(v, n->now, p->node_id);
        break;
    case HKP_DSM__OP_MSG_JOIN:
    case HKP_DSM__OP_MSG_FORWARD_JOIN:
        st = on_record(n, p, m);
        break;
    default:
        st = on_shuffle(n, p, m);
        break;
    }
    settle(n);
    return st;
}

/* ---- those to begin with after a restart (D-GSP-4) ---- */

static int is_anchor(const struct hkp_dsm__view_peer *p, int seats) {
    return p->state != 0 && p->c.record != NULL && (seats ? p->c.validator != 0 : p->outbound != 0);
}

/* Two records of nodes that we have sessions with, those with a seat before others. */
static void anchors_store(node *n) {
    near *s = &n->near;
    uint8_t row[HKP_DSM__ANCHORS * (2 + HKP_DSM_PEER_RECORD_MAX)], hash[32];
    struct hkp_dsm_cbor_writer w = {.out = row, .cap = sizeof row};
    uint32_t count = 0;
    s->anchors_at = n->now + ANCHORS_S * SECOND;
    for (int seats = 1; seats >= 0; seats--)
        for (uint32_t i = 0; i < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS && count < HKP_DSM__ANCHORS; i++) {
            const struct hkp_dsm__view_peer *p = &s->view.active[i];
            if (!is_anchor(p, seats) || (!seats && is_anchor(p, 1))) continue;
            hkp_dsm_cbor_put_bytes(&w, p->c.record->ptr, p->c.record->len);
            count++;
        }
    (void)crypto_generichash(hash, sizeof hash, row, w.len, NULL, 0);
    if (count == 0 || w.status != HKP_OK || memcmp(hash, s->anchors_hash, 32) == 0 || !hkp_dsm__may_take(n))
        return;
    memcpy(s->anchors_hash, hash, 32);
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"anchors", 7, row, w.len);
}

int hkp_dsm__near_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != 7 || memcmp(key, "anchors", 7) != 0) return 0;
    n->near.anchors = hkp_dsm__bytes(n, data, len);
    return 1;
}

/* Stored records are judged like all others; what is wrong with one costs only that one. */
static void anchors_learn(node *n) {
    near *s = &n->near;
    struct hkp_dsm_cbor_reader r;
    if (s->anchors == NULL) return;
    r = (struct hkp_dsm_cbor_reader){.next = s->anchors->ptr, .end = s->anchors->ptr + s->anchors->len};
    for (uint32_t i = 0; i < HKP_DSM__ANCHORS && r.next < r.end && r.status == HKP_OK; i++) {
        struct hkp_dsm_view bytes = {NULL, 0};
        contact c;
        bytes.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_PEER_RECORD_MAX, &bytes.len);
        if (bytes.ptr == NULL || contact_take(n, NULL, &bytes, &c) != HKP_OK) continue;
        hkp_dsm__view_learn(&s->view, &c);
        hkp_dsm__blob_drop(&n->pool, c.record);
    }
    hkp_dsm__blob_drop(&n->pool, s->anchors);
    s->anchors = NULL;
}

/* ---- time ---- */

static void redraw(node *n) {
    n->near.key_at = n->now + 24 * HOUR;
    (void)n->rng.fill(n->rng.user, n->near.view.o.key, 16); /* the old one does, too */
}

void hkp_dsm__near_tick(node *n) {
    near *s = &n->near;
    contact self;
    if (!s->on) return;
    if (n->now >= s->signed_at + 12 * HOUR && sign_own(n, &self) == HKP_OK)
        hkp_dsm__view_self(&s->view, &self);
    if (n->now >= s->key_at) redraw(n);
    if (n->now >= hkp_dsm__view_wake(&s->view)) {
        mark(n);
        hkp_dsm__view_tick(&s->view, n->now, wall_s(n));
    }
    settle(n);
    if (n->now >= s->anchors_at) anchors_store(n);
}

hkp_time hkp_dsm__near_wake(const node *n) {
    return n->near.on ? hkp_dsm__view_wake(&n->near.view) : HKP_TIME_NEVER;
}

/* ---- what the host says ---- */

static void begin(node *n, const contact *self) {
    near *s = &n->near;
    const struct hkp_dsm_certificate *c = certificate_of(n, n->id);
    const int small = c->tier == HKP_DSM_TIER_SENTINEL;
    const struct hkp_dsm__view_options o = {.active = small ? SENTINEL_ACTIVE : ACTIVE,
                                            .passive = small ? SENTINEL_PASSIVE : PASSIVE,
                                            .single = n->single,
                                            .shuffle_ns = SHUFFLE_S * SECOND,
                                            .pool = &n->pool};
    hkp_dsm__view_init(&s->view, &o, self);
    redraw(n);
    s->view.shuffle_at = n->now + SECOND;
    s->anchors_at = n->now + ANCHORS_S * SECOND;
    s->on = 1;
    anchors_learn(n);
    for (uint32_t i = 0; i < n->peers_max; i++) {
        if (!n->peers[i].up) continue;
        hkp_dsm__near_up(n, &n->peers[i]);
    }
}

hkp_status hkp_dsm_gossip_addresses(hkp_dsm_node *n, hkp_time now, uint64_t wall_us,
                                    const struct hkp_dsm_address *addresses, uint32_t count,
                                    uint32_t features) {
    near *s = &n->near;
    contact self;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (count < 1 || count > HKP_DSM_ADDRESSES_MAX) return HKP_E_INVAL;
    for (uint32_t i = 0; i < count; i++)
        if (!hkp_dsm__address_ok(&addresses[i])) return HKP_E_INVAL;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    memcpy(s->addresses, addresses, count * sizeof *addresses);
    s->n_addresses = count;
    s->features = features;
    const hkp_status st = sign_own(n, &self);
    if (st != HKP_OK) return st;
    if (s->on)
        hkp_dsm__view_self(&s->view, &self);
    else
        begin(n, &self);
    return HKP_OK;
}

hkp_status hkp_dsm_gossip_learn(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *record,
                                size_t len) {
    const struct hkp_dsm_view bytes = {record, len};
    contact c;
    if (n->state != HKP_DSM_STATE_RUNNING || !n->near.on) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    const hkp_status st = contact_take(n, NULL, &bytes, &c);
    if (st != HKP_OK) return st;
    hkp_dsm__view_learn(&n->near.view, &c);
    hkp_dsm__blob_drop(&n->pool, c.record);
    return HKP_OK;
}

hkp_status hkp_dsm_gossip_failed(hkp_dsm_node *n, hkp_time now, const uint8_t peer[16]) {
    if (n->state != HKP_DSM_STATE_RUNNING || !n->near.on) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    if (hkp_dsm__peer(n, peer) == NULL) hkp_dsm__view_session_down(&n->near.view, n->now, peer);
    settle(n);
    return HKP_OK;
}
