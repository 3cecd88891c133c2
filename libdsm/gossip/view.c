/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/gossip/view.h"

#include <sodium.h>
#include <string.h>

#include "libdsm/message/message.h"
#include "libter/bytes.h"

#define SECOND 1000000000ULL

enum {
    DIALING = 1,
    ASKING = 2,
    UP = 3,
    /** in the passive view */
    KNOWN = 4,
    TRIES_MAX = 3,
    SAME_NET_MAX = 2,
    SAME_GROUP_MIN = 2,
    SHUFFLE_ACTIVE = 3,
    SHUFFLE_PASSIVE = 4,
    /** shuffles until a link is given up for another, in the mean */
    TURNS = 20
};

enum { SLOTS = HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS };

/* A session may take so long to come, an answer to NEIGHBOR so long; one who said no is left alone so long.
 */
static const hkp_time dial_ns = 15 * SECOND, ask_ns = 5 * SECOND, rest_ns = 60 * SECOND, tend_ns = SECOND;

typedef struct hkp_dsm__view view;
typedef struct hkp_dsm__view_peer view_peer;
typedef struct hkp_dsm__view_out view_out;
typedef struct hkp_dsm__contact contact;

/* ---- small things ---- */

/* Numbers that nobody else can foretell; not for secrets. */
static uint64_t draw(view *v) {
    uint8_t in[8], out[8];
    hkp_put_le64(in, ++v->draws);
    (void)crypto_shorthash(out, in, sizeof in, v->o.key);
    return hkp_le64(out);
}

/* Place of a node in the order of choice: an attacker cannot aim its ids at it (D-GSP-4). */
static uint64_t order(const view *v, const uint8_t node_id[16]) {
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof hash, node_id, 16, v->o.key, 16);
    return hkp_le64(hash);
}

static uint32_t find(const view_peer *list, uint32_t n, const uint8_t node_id[16]) {
    uint32_t i = 0;
    while (i < n && (list[i].state == 0 || memcmp(list[i].c.node_id, node_id, 16) != 0)) i++;
    return i;
}

static view_peer *active(view *v, const uint8_t node_id[16]) {
    const uint32_t i = find(v->active, SLOTS, node_id);
    return i < SLOTS ? &v->active[i] : NULL;
}

static view_peer *passive(view *v, const uint8_t node_id[16]) {
    const uint32_t i = find(v->passive, v->o.passive, node_id);
    return i < v->o.passive ? &v->passive[i] : NULL;
}

/* In all states, or those only that a link is up with; anchors are beside. */
static uint32_t count(const view *v, int only_up, int only_outbound) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const view_peer *p = &v->active[i];
        n += p->state != 0 && !p->anchor && (!only_up || p->state == UP) && (!only_outbound || p->outbound);
    }
    return n;
}

static void contact_hold(contact *to, const contact *from) {
    *to = *from;
    if (to->record != NULL) (void)hkp_dsm__blob_hold(to->record);
}

static void peer_clear(view *v, view_peer *p) {
    hkp_dsm__blob_drop(v->o.pool, p->c.record);
    *p = (view_peer){0};
}

/* Messages may be lost; room for links that come and go is always left. */
static view_out *say(view *v, uint32_t kind, uint32_t op, const uint8_t node_id[16]) {
    const int link = kind == HKP_DSM__VIEW_LINK_UP || kind == HKP_DSM__VIEW_LINK_DOWN;
    if (v->out_count >= HKP_DSM__VIEW_OUTS - (link ? 0U : 2U * SLOTS)) return NULL;
    view_out *o = &v->outs[(v->out_head + v->out_count++) % HKP_DSM__VIEW_OUTS];
    *o = (view_out){.kind = kind, .op = op};
    memcpy(o->node_id, node_id, 16);
    return o;
}

static void add_record(view_out *o, struct hkp_dsm__blob *record) {
    if (o != NULL && record != NULL && o->n < HKP_DSM__SHUFFLE_MAX)
        o->records[o->n++] = hkp_dsm__blob_hold(record);
}

static void send_flag(view *v, uint32_t op, const uint8_t node_id[16], uint32_t flag) {
    view_out *o = say(v, HKP_DSM__VIEW_SEND, op, node_id);
    if (o != NULL) o->flag = flag;
}

/* ---- crowds (D-GSP-2) ---- */

static uint32_t groups_known(const view *v) {
    uint32_t groups[SLOTS + HKP_DSM__PASSIVE_MAX + 1] = {v->self.group}, n = 1;
    for (uint32_t i = 0; i < SLOTS + v->o.passive; i++) {
        const view_peer *p = i < SLOTS ? &v->active[i] : &v->passive[i - SLOTS];
        uint32_t k = 0;
        if (p->state == 0) continue;
        while (k < n && groups[k] != p->c.group) k++;
        if (k == n) groups[n++] = p->c.group;
    }
    return n;
}

static int fits(const view *v, const contact *c) {
    uint32_t same_group = 0, same_net = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const view_peer *p = &v->active[i];
        if (p->state == 0 || p->anchor) continue;
        same_group += p->c.group == c->group;
        same_net += c->net != 0 && p->c.net == c->net;
    }
    if (same_net >= SAME_NET_MAX) return 0;
    if (v->o.single || same_group < SAME_GROUP_MIN) return 1;
    const uint32_t groups = groups_known(v);
    return same_group < (v->o.active + groups - 1) / groups;
}

/* ---- the passive view ---- */

/* Any but those who have a seat: nobody can invent such, so a node that is told of liars only still knows
 * them. */
static view_peer *victim(view *v, uint32_t for_validator) {
    view_peer *chosen = NULL;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < v->o.passive; i++)
        if ((for_validator || !v->passive[i].c.validator) && draw(v) % ++seen == 0) chosen = &v->passive[i];
    return chosen;
}

static void keep(view *v, const contact *c, hkp_time rest_until) {
    view_peer *p = passive(v, c->node_id);
    if (c->record == NULL || memcmp(c->node_id, v->self.node_id, 16) == 0) return;
    for (uint32_t i = 0; p == NULL && i < v->o.passive; i++)
        if (v->passive[i].state == 0) p = &v->passive[i];
    if (p == NULL) p = victim(v, c->validator);
    if (p == NULL) return;
    peer_clear(v, p);
    contact_hold(&p->c, c);
    p->state = KNOWN;
    p->at = rest_until;
}

void hkp_dsm__view_learn(view *v, const contact *c) {
    view_peer *p = active(v, c->node_id);
    if (p == NULL) p = passive(v, c->node_id);
    if (p == NULL) {
        keep(v, c, 0);
        return;
    }
    if (c->record == NULL || (p->c.record != NULL && c->seq <= p->c.seq)) return;
    hkp_dsm__blob_drop(v->o.pool, p->c.record);
    contact_hold(&p->c, c);
}

/* ---- the active view ---- */

static void leave(view *v, hkp_time now, view_peer *p, int told, hkp_time rest) {
    view_peer was = *p;
    *p = (view_peer){0};
    if (was.state == UP && !was.anchor) (void)say(v, HKP_DSM__VIEW_LINK_DOWN, 0, was.c.node_id);
    if (was.state == UP && !told && !was.anchor)
        (void)say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_DISCONNECT, was.c.node_id);
    keep(v, &was.c, now + rest);
    hkp_dsm__blob_drop(v->o.pool, was.c.record);
    v->tend_at = now;
}

/* Of the links that may go any, but one by which no items go before one of the others: the tree keeps its
 * ways. seen: how many were as good as the chosen one. */
static view_peer *rather(view *v, view_peer *chosen, view_peer *p, uint32_t *seen) {
    if (chosen != NULL && p->carries > chosen->carries) return chosen;
    if (chosen != NULL && p->carries < chosen->carries) *seen = 0;
    return draw(v) % ++*seen == 0 ? p : chosen;
}

/* One that somebody else opened goes first: those that we chose are what an attacker cannot choose. Of ours
 * so many stay that others cannot take all places; spare_ours: all. */
static int make_room(view *v, hkp_time now, int spare_ours) {
    const uint32_t ours = count(v, 0, 1);
    const int any = !spare_ours && ours == count(v, 0, 0) && ours > HKP_DSM__OUTBOUND_MIN;
    view_peer *gone = NULL;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        view_peer *p = &v->active[i];
        if (p->state == 0 || p->anchor || (p->outbound && !any)) continue;
        gone = rather(v, gone, p, &seen);
    }
    if (gone == NULL) return 0;
    leave(v, now, gone, 0, 0);
    return 1;
}

static view_peer *enter(view *v, hkp_time now, const contact *c, uint8_t state, int outbound, int anchor) {
    view_peer *p = NULL, *known = passive(v, c->node_id);
    for (uint32_t i = 0; p == NULL && i < SLOTS; i++)
        if (v->active[i].state == 0) p = &v->active[i];
    if (p == NULL) return NULL;
    contact_hold(&p->c, c);
    if (known != NULL) {
        if (p->c.record == NULL) contact_hold(&p->c, &known->c);
        p->tries = known->tries;
        peer_clear(v, known);
    }
    p->state = state;
    p->outbound = outbound != 0;
    p->anchor = anchor != 0;
    p->at = now;
    if (state == UP) (void)say(v, HKP_DSM__VIEW_LINK_UP, 0, p->c.node_id);
    return p;
}

/* Others may hold at most so many places that ours have theirs. */
static uint32_t inbound_max(const view *v) {
    return v->o.active > HKP_DSM__OUTBOUND_MIN ? v->o.active - HKP_DSM__OUTBOUND_MIN : 1;
}

/* Somebody asks to be a neighbour. */
static int admit(view *v, hkp_time now, const contact *c, int high) {
    view_peer *p = active(v, c->node_id);
    if (p != NULL && !p->anchor) {
        if (p->state != UP) {
            p->state = UP;
            (void)say(v, HKP_DSM__VIEW_LINK_UP, 0, p->c.node_id);
        }
        return 1;
    }
    if (!fits(v, c)) return 0;
    const uint32_t all = count(v, 0, 0), ours = count(v, 0, 1);
    if (all >= v->o.active || all - ours >= inbound_max(v)) {
        if (!high || !make_room(v, now, 0)) return 0;
    }
    if (p != NULL) peer_clear(v, p); /* an anchor becomes a neighbour */
    return enter(v, now, c, UP, 0, 0) != NULL;
}

static int dial(view *v, hkp_time now, const contact *c, int outbound, int anchor) {
    view_peer *p = enter(v, now, c, DIALING, outbound, anchor);
    view_out *o = p != NULL ? say(v, HKP_DSM__VIEW_CONNECT, 0, p->c.node_id) : NULL;
    if (o != NULL) add_record(o, p->c.record);
    return p != NULL;
}

/* ---- what happens ---- */

void hkp_dsm__view_init(view *v, const struct hkp_dsm__view_options *o, const contact *self) {
    *v = (view){.o = *o};
    contact_hold(&v->self, self);
}

void hkp_dsm__view_self(view *v, const contact *self) {
    hkp_dsm__blob_drop(v->o.pool, v->self.record);
    contact_hold(&v->self, self);
}

static void said_clear(view *v, view_out *o) {
    for (uint32_t i = 0; i < o->n; i++) hkp_dsm__blob_drop(v->o.pool, o->records[i]);
    o->n = 0;
}

void hkp_dsm__view_clear(view *v) {
    view_out *o;
    while (hkp_dsm__view_next(v, &o)) {
    }
    for (uint32_t i = 0; i < SLOTS; i++) peer_clear(v, &v->active[i]);
    for (uint32_t i = 0; i < v->o.passive; i++) peer_clear(v, &v->passive[i]);
    hkp_dsm__blob_drop(v->o.pool, v->self.record);
    v->self.record = NULL;
}

void hkp_dsm__view_forget(view *v, hkp_time now, const uint8_t node_id[16]) {
    view_peer *p = active(v, node_id);
    if (p != NULL) leave(v, now, p, 0, 0);
    p = passive(v, node_id);
    if (p != NULL) peer_clear(v, p);
}

void hkp_dsm__view_join(view *v, hkp_time now, const contact *by) {
    if (active(v, by->node_id) != NULL) return;
    if (enter(v, now, by, UP, 1, 0) == NULL) return;
    view_out *o = say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_JOIN, by->node_id);
    add_record(o, v->self.record);
}

void hkp_dsm__view_carries(view *v, const uint8_t node_id[16], int carries) {
    view_peer *p = active(v, node_id);
    if (p != NULL) p->carries = carries != 0;
}

void hkp_dsm__view_session_up(view *v, hkp_time now, const uint8_t node_id[16]) {
    view_peer *p = active(v, node_id);
    if (p == NULL || p->state != DIALING) return;
    p->at = now;
    p->tries = 0;
    if (p->anchor) {
        p->state = UP;
        return;
    }
    p->state = ASKING;
    send_flag(v, HKP_DSM__OP_MSG_NEIGHBOR, node_id, count(v, 1, 0) < HKP_DSM__OUTBOUND_MIN);
}

/* What comes unasked takes no place that is kept for those that we choose. */
void hkp_dsm__view_meet(view *v, hkp_time now, const contact *c) {
    const uint32_t all = count(v, 0, 0), ours = count(v, 0, 1);
    if (active(v, c->node_id) != NULL) {
        hkp_dsm__view_session_up(v, now, c->node_id);
        return;
    }
    if (all == 0) {
        hkp_dsm__view_join(v, now, c);
        return;
    }
    if (all >= v->o.active || all - ours >= inbound_max(v) || !fits(v, c)) return;
    if (enter(v, now, c, DIALING, 0, 0) != NULL) hkp_dsm__view_session_up(v, now, c->node_id);
}

void hkp_dsm__view_seat(view *v, hkp_time now, const uint8_t node_id[16], int seated) {
    view_peer *p = active(v, node_id);
    if (p == NULL) p = passive(v, node_id);
    if (p == NULL) return;
    p->c.validator = seated != 0;
    if (!p->anchor || seated) return;
    const contact c = p->c;
    leave(v, now, p, 1, 0);
    (void)say(v, HKP_DSM__VIEW_CLOSE, 0, c.node_id);
}

int hkp_dsm__view_crowded(view *v, const contact *c) { return active(v, c->node_id) == NULL && !fits(v, c); }

const contact *hkp_dsm__view_contact(const view *v, const uint8_t node_id[16]) {
    uint32_t i = find(v->active, SLOTS, node_id);
    if (i < SLOTS) return &v->active[i].c;
    i = find(v->passive, v->o.passive, node_id);
    return i < v->o.passive ? &v->passive[i].c : NULL;
}

int hkp_dsm__view_needs(const view *v, const uint8_t node_id[16]) {
    return find(v->active, SLOTS, node_id) < SLOTS;
}

/* A node that does not come three times in a row is not there any more. */
static void failed(view *v, hkp_time now, view_peer *p) {
    const uint8_t tries = (uint8_t)(p->tries + 1);
    uint8_t node_id[16];
    memcpy(node_id, p->c.node_id, 16);
    leave(v, now, p, 1, rest_ns);
    p = passive(v, node_id);
    if (p == NULL) return;
    p->tries = tries;
    if (tries >= TRIES_MAX) peer_clear(v, p);
}

void hkp_dsm__view_session_down(view *v, hkp_time now, const uint8_t node_id[16]) {
    view_peer *p = active(v, node_id);
    if (p == NULL) return;
    if (p->state == UP)
        leave(v, now, p, 1, 0);
    else
        failed(v, now, p);
}

/* ---- messages ---- */

void hkp_dsm__view_on_join(view *v, hkp_time now, const contact *c) {
    if (!admit(v, now, c, 1)) return;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const view_peer *p = &v->active[i];
        if (p->state != UP || p->anchor || memcmp(p->c.node_id, c->node_id, 16) == 0) continue;
        view_out *o = say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_FORWARD_JOIN, p->c.node_id);
        add_record(o, c->record);
        if (o != NULL) o->ttl = HKP_DSM__TTL_JOIN;
    }
}

/* Any neighbour but two. */
static view_peer *other(view *v, const uint8_t a[16], const uint8_t b[16]) {
    view_peer *chosen = NULL;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        view_peer *p = &v->active[i];
        if (p->state != UP || p->anchor || memcmp(p->c.node_id, a, 16) == 0 ||
            memcmp(p->c.node_id, b, 16) == 0)
            continue;
        if (draw(v) % ++seen == 0) chosen = p;
    }
    return chosen;
}

/* Whom to dial says a neighbour, not the secret order: it counts as one that others opened, and takes no
 * place of those that we chose (decision 0640). */
static void dial_told(view *v, hkp_time now, const contact *c) {
    const uint32_t all = count(v, 0, 0), ours = count(v, 0, 1);
    if (active(v, c->node_id) != NULL || !fits(v, c)) return;
    if ((all >= v->o.active || all - ours >= inbound_max(v)) && !make_room(v, now, 1)) return;
    (void)dial(v, now, c, 0, 0);
}

void hkp_dsm__view_on_forward_join(view *v, hkp_time now, const uint8_t from[16], const contact *c,
                                   uint32_t ttl) {
    if (memcmp(c->node_id, v->self.node_id, 16) == 0) return;
    view_peer *next = ttl > 0 ? other(v, from, c->node_id) : NULL;
    if (next == NULL) {
        dial_told(v, now, c);
        return;
    }
    if (ttl == HKP_DSM__TTL_PASSIVE) hkp_dsm__view_learn(v, c);
    view_out *o = say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_FORWARD_JOIN, next->c.node_id);
    add_record(o, c->record);
    if (o != NULL) o->ttl = ttl - 1;
}

void hkp_dsm__view_on_neighbor(view *v, hkp_time now, const contact *from, uint32_t high) {
    const int ok = admit(v, now, from, high != 0);
    send_flag(v, HKP_DSM__OP_MSG_NEIGHBOR_REPLY, from->node_id, (uint32_t)ok);
}

void hkp_dsm__view_on_reply(view *v, hkp_time now, const uint8_t from[16], uint32_t ok) {
    view_peer *p = active(v, from);
    if (p == NULL || p->state != ASKING) return;
    if (!ok) {
        leave(v, now, p, 1, rest_ns);
        (void)say(v, HKP_DSM__VIEW_CLOSE, 0, from);
        return;
    }
    p->state = UP;
    (void)say(v, HKP_DSM__VIEW_LINK_UP, 0, from);
}

void hkp_dsm__view_on_disconnect(view *v, hkp_time now, const uint8_t from[16]) {
    view_peer *p = active(v, from);
    if (p == NULL || p->anchor) return;
    leave(v, now, p, 1, rest_ns);
    (void)say(v, HKP_DSM__VIEW_CLOSE, 0, from);
}

void hkp_dsm__view_stranger(view *v, const uint8_t from[16]) {
    const uint32_t i = find(v->active, SLOTS, from);
    if (i < SLOTS && !v->active[i].anchor) return; /* it answers faster than NEIGHBOR_REPLY comes */
    (void)say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_DISCONNECT, from);
}

/* Records that are not of the other side, from the passive view. */
static void add_passive(view *v, view_out *o, uint32_t n, const uint8_t but[16]) {
    const uint32_t start = (uint32_t)(draw(v) % v->o.passive);
    for (uint32_t i = 0; i < v->o.passive && n > 0; i++) {
        const view_peer *p = &v->passive[(start + i) % v->o.passive];
        if (p->state == 0 || memcmp(p->c.node_id, but, 16) == 0) continue;
        add_record(o, p->c.record);
        n--;
    }
}

void hkp_dsm__view_on_shuffle(view *v, const uint8_t from[16], const uint8_t nonce[8], const contact *c,
                              uint32_t n, uint32_t ttl) {
    if (memcmp(nonce, v->own_nonce, 8) == 0) return; /* it came back */
    const view_peer *next = ttl > 0 ? other(v, from, n > 0 ? c[0].node_id : from) : NULL;
    view_out *o = next != NULL ? say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_SHUFFLE, next->c.node_id)
                               : say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_SHUFFLE_REPLY, from);
    if (o != NULL) memcpy(o->nonce, nonce, 8);
    if (next != NULL) {
        const uint32_t at = v->shuffles_at++ % HKP_DSM__SHUFFLES_OPEN;
        memcpy(v->shuffles[at].nonce, nonce, 8);
        memcpy(v->shuffles[at].from, from, 16);
        for (uint32_t i = 0; i < n; i++) add_record(o, c[i].record);
        if (o != NULL) o->ttl = ttl - 1;
        return;
    }
    if (o != NULL) add_passive(v, o, n, n > 0 ? c[0].node_id : from);
    for (uint32_t i = 0; i < n; i++) hkp_dsm__view_learn(v, &c[i]);
}

void hkp_dsm__view_on_shuffle_reply(view *v, const uint8_t nonce[8], const contact *c, uint32_t n) {
    if (memcmp(nonce, v->own_nonce, 8) == 0) {
        for (uint32_t i = 0; i < n; i++) hkp_dsm__view_learn(v, &c[i]);
        return;
    }
    for (uint32_t k = 0; k < HKP_DSM__SHUFFLES_OPEN; k++) {
        if (k >= v->shuffles_at || memcmp(v->shuffles[k].nonce, nonce, 8) != 0) continue;
        view_out *o = say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_SHUFFLE_REPLY, v->shuffles[k].from);
        if (o != NULL) memcpy(o->nonce, nonce, 8);
        for (uint32_t i = 0; i < n; i++) add_record(o, c[i].record);
        return;
    }
}

/* ---- time ---- */

/* The first of the secret order that fits and has had its rest; who has no neighbour takes any that fits. */
static view_peer *candidate(view *v, hkp_time now, int validator) {
    const int alone = !validator && count(v, 0, 0) == 0;
    view_peer *best = NULL;
    uint64_t best_order = 0;
    for (uint32_t i = 0; i < v->o.passive; i++) {
        view_peer *p = &v->passive[i];
        if (p->state == 0 || (now < p->at && !alone) || (validator ? !p->c.validator : !fits(v, &p->c)))
            continue;
        const uint64_t o = alone ? draw(v) : order(v, p->c.node_id);
        if (best != NULL && o >= best_order) continue;
        best = p;
        best_order = o;
    }
    return best;
}

/* A link that we opened makes place for another, so that parts of a mesh that hold no links between them find
 * together, and nobody keeps a place for ever. */
static void turn_over(view *v, hkp_time now) {
    view_peer *old = NULL;
    uint32_t seen = 0, outbound = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        view_peer *p = &v->active[i];
        if (p->state != UP || p->anchor || !p->outbound) continue;
        outbound++;
        old = rather(v, old, p, &seen);
    }
    if (old == NULL || old->carries || outbound <= 1 || candidate(v, now, 0) == NULL) return;
    leave(v, now, old, 0, rest_ns);
}

static void shuffle(view *v, hkp_time now) {
    static const uint8_t nobody[16];
    v->shuffle_at = now + v->o.shuffle_ns;
    if (draw(v) % TURNS == 0) turn_over(v, now);
    const view_peer *to = other(v, nobody, nobody);
    if (to == NULL) return;
    view_out *o = say(v, HKP_DSM__VIEW_SEND, HKP_DSM__OP_MSG_SHUFFLE, to->c.node_id);
    if (o == NULL) return;
    hkp_put_le64(v->own_nonce, draw(v));
    memcpy(o->nonce, v->own_nonce, 8);
    o->ttl = HKP_DSM__TTL_JOIN;
    add_record(o, v->self.record);
    const uint32_t start = (uint32_t)(draw(v) % SLOTS);
    for (uint32_t i = 0; i < SLOTS && o->n < 1 + SHUFFLE_ACTIVE; i++) {
        const view_peer *p = &v->active[(start + i) % SLOTS];
        if (p->state == UP && p != to) add_record(o, p->c.record);
    }
    add_passive(v, o, SHUFFLE_PASSIVE, to->c.node_id);
}

static void give_up_late(view *v, hkp_time now, uint64_t wall_s) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        view_peer *p = &v->active[i];
        if (p->state == DIALING && now - p->at >= dial_ns) failed(v, now, p);
        if (p->state == ASKING && now - p->at >= ask_ns) failed(v, now, p);
        /* a neighbour stays one, but nobody is told where it was */
        if (p->c.record == NULL || p->c.expires_s > wall_s) continue;
        hkp_dsm__blob_drop(v->o.pool, p->c.record);
        p->c.record = NULL;
    }
    for (uint32_t i = 0; i < v->o.passive; i++)
        if (v->passive[i].state != 0 && v->passive[i].c.expires_s <= wall_s) peer_clear(v, &v->passive[i]);
}

/* Holds the numbers of D-GSP-2; one step for each kind of place. */
static void tend(view *v, hkp_time now) {
    uint32_t anchors = 0;
    for (uint32_t i = 0; i < SLOTS; i++) anchors += v->active[i].state != 0 && v->active[i].anchor;
    for (int tries = 0; tries < HKP_DSM__ACTIVE_MAX; tries++) {
        const uint32_t all = count(v, 0, 0), ours = count(v, 0, 1);
        if (all >= v->o.active && ours >= HKP_DSM__OUTBOUND_MIN) break;
        view_peer *p = candidate(v, now, 0);
        if (p == NULL || (all >= v->o.active && !make_room(v, now, 0))) break;
        const contact c = p->c;
        if (!dial(v, now, &c, 1, 0)) break;
    }
    for (; anchors < HKP_DSM__ANCHORS; anchors++) {
        view_peer *p = candidate(v, now, 1);
        if (p == NULL) break;
        const contact c = p->c;
        if (!dial(v, now, &c, 1, 1)) break;
    }
}

void hkp_dsm__view_tick(view *v, hkp_time now, uint64_t wall_s) {
    if (now >= v->tend_at) {
        give_up_late(v, now, wall_s);
        tend(v, now);
        v->tend_at = now + tend_ns;
    }
    if (now >= v->shuffle_at) shuffle(v, now);
}

hkp_time hkp_dsm__view_wake(const view *v) {
    if (v->out_count > 0) return 0;
    return v->shuffle_at < v->tend_at ? v->shuffle_at : v->tend_at;
}

int hkp_dsm__view_next(view *v, view_out **out) {
    said_clear(v, &v->said);
    if (v->out_count == 0) return 0;
    v->said = v->outs[v->out_head];
    v->outs[v->out_head].n = 0;
    v->out_head = (v->out_head + 1) % HKP_DSM__VIEW_OUTS;
    v->out_count--;
    *out = &v->said;
    return 1;
}
