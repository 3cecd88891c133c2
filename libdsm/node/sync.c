/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How a node learns what it lacks (D-SMX-7, D-SMX-R8, D-GSP-13): HAVE tells heads, WANT asks for ranges.
 * Every answer is checked like a pushed block.
 */
#include <string.h>

#include "libdsm/node/node.h"

enum {
    HAVE_ENTRIES = 1024,
    /** WANT: ranges, blocks (about what an answer holds) and authors looked at in one go */
    WANT_RANGES = 256,
    WANT_BLOCKS = 512,
    WANT_DUE = 1024,
    /** to one peer in 2 s, and of these not answered */
    WANTS_TURN = 8,
    WANTS_OPEN = 3,
    /** questions in a row that brought nothing */
    WANT_TRIES = 8,
    /** authors that are not known, looked at in one HAVE */
    STRANGERS_OF_HAVE = 64
};

static uint64_t tip_to_tell(const node *n, const struct author *a) {
    const struct block *b = hkp_dsm__block_at(n, a, a->tip.seq);
    return b != NULL && b->ticket > n->durable ? 0 : a->tip.seq; /* D-BLK-6 */
}

static int by_node_id(const void *x, const void *y) {
    const struct author *const *a = x;
    const struct author *const *b = y;
    return memcmp((*a)->node_id, (*b)->node_id, 16);
}

static blob *have_message(node *n, const struct author **list, size_t count) {
    hkp_dsm__sort(list, count, sizeof *list, by_node_id);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_have(&w, n->set.epoch, count);
    for (size_t i = 0; i < count; i++) hkp_dsm__put_have_entry(&w, list[i]->node_id, tip_to_tell(n, list[i]));
    return hkp_dsm__msg(n, &w);
}

enum { HAVE_CHANGED = 1, HAVE_OPEN = 2, HAVE_EVERY = 3 };

static int chosen(const node *n, const struct author *a, int which) {
    if (tip_to_tell(n, a) == 0) return 0;
    return which == HAVE_EVERY || (which == HAVE_OPEN && a->is_open) || a->have_changed;
}

static void tell(node *n, int which, struct peer *only) {
    const struct author *list[HAVE_ENTRIES];
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_authors; i++) {
        struct author *a = &n->authors[i];
        if (!chosen(n, a, which)) continue;
        if (only == NULL) a->have_changed = 0;
        list[count++] = a;
        if (count < HAVE_ENTRIES && i + 1 < n->n_authors) continue;
        blob *msg = have_message(n, list, count);
        count = 0;
        if (only != NULL)
            hkp_dsm__send_peer(n, only, 0, msg);
        else if (msg != NULL)
            hkp_dsm__send_all(n, 0, msg, NULL);
        hkp_dsm__blob_drop(&n->pool, msg);
    }
    if (count == 0) return;
    blob *msg = have_message(n, list, count);
    if (only != NULL)
        hkp_dsm__send_peer(n, only, 0, msg);
    else if (msg != NULL)
        hkp_dsm__send_all(n, 0, msg, NULL);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__have_all(node *n, struct peer *p) { tell(n, HAVE_EVERY, p); }

void hkp_dsm__want(node *n, struct peer *p, uint32_t lane, const struct author *a, uint64_t from,
                   uint64_t to) {
    if (p == NULL || from > to || !hkp_dsm__pace_op(n, p, HKP_DSM__OP_MSG_WANT, lane)) return;
    if (to - from > 1023) to = from + 1023;
    if (!hkp_dsm__lane_open(p, lane)) lane = 0;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, 1);
    hkp_dsm__put_range(&w, a->node_id, from, to);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* ---- asking for what others claim to have (D-GSP-13) ---- */

/* A higher number of what is asked for already is no new claim: whoever raises it now and then would keep it
 * from being given up, and others from being asked. Of the own chain the highest answers for it (D-BLK-7). */
void hkp_dsm__claim(node *n, struct author *a, uint64_t seq, struct peer *p) {
    if (seq <= a->tip.seq || seq <= a->known_seq || (a == n->self && p->lied)) return;
    const int open = a->known_seq > a->tip.seq;
    a->known_seq = seq;
    if (!open) a->want_tries = 0;
    if (!open || a == n->self) memcpy(a->known_by, p->node_id, 16);
    if (a->is_claimed) return;
    a->is_claimed = 1;
    a->claim_next = n->claims_open;
    n->claims_open = a;
}

/* What nobody can show after so many questions is not believed any more. Of the own chain (D-BLK-7) the one
 * who said it is not believed again, nor in a session to come, or it could keep this node from writing. What
 * a signature showed is no claim. */
static void forget_claim(node *n, struct author *a) {
    struct peer *p = hkp_dsm__peer(n, a->known_by);
    if (p != NULL && a == n->self && a->shown_seq <= a->tip.seq) p->lied = 1;
    a->known_seq = a->shown_seq > a->tip.seq ? a->shown_seq : a->tip.seq;
    a->want_tries = 0;
}

static hkp_time patience(const node *n) {
    return n->delay * 2 > SECOND ? 2 * SECOND : n->delay * 4 + 100 * MS;
}

static uint64_t asked_of(const struct author *a) {
    uint64_t count = a->known_seq - a->tip.seq;
    return count < 1024 ? count : 1024;
}

/* Those of list that p is to be asked for, in one message. */
static void want_from(node *n, struct peer *p, struct author **list, size_t count) {
    uint32_t lane = hkp_dsm__lane_open(p, 3) ? 3 : 0;
    if (n->now >= p->want_turn + 2 * SECOND) {
        p->want_turn = n->now;
        p->wants = p->wants_open = 0;
    }
    if (count == 0 || p->wants >= WANTS_TURN || p->wants_open >= WANTS_OPEN) return;
    if (!hkp_dsm__pace_op(n, p, HKP_DSM__OP_MSG_WANT, lane)) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, count);
    for (size_t i = 0; i < count; i++) {
        struct author *a = list[i];
        hkp_dsm__put_range(&w, a->node_id, a->tip.seq + 1, a->tip.seq + asked_of(a));
        a->want_again = n->now + patience(n);
        if (++a->want_tries > WANT_TRIES) forget_claim(n, a);
    }
    p->wants++;
    p->wants_open++;
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* The first time who claimed it is asked, later anybody. NULL: not now. */
static struct peer *whom(node *n, const struct author *a, struct peer *other) {
    struct peer *p = a->want_tries == 0 ? hkp_dsm__peer(n, a->known_by) : NULL;
    return p != NULL ? p : other;
}

/* One message for each peer that is asked, with at most 256 ranges of about as many blocks as an answer
 * holds. */
void hkp_dsm__want_due(node *n) {
    struct author *due[WANT_DUE], *list[WANT_RANGES], **at = &n->claims_open;
    struct peer *other = *at != NULL ? hkp_dsm__some_peer(n, 0, 0) : NULL;
    size_t n_due = 0;
    while (*at != NULL) {
        struct author *a = *at;
        if (a->known_seq <= a->tip.seq || a->frozen) {
            a->is_claimed = 0;
            *at = a->claim_next;
            continue;
        }
        at = &a->claim_next;
        struct peer *p = whom(n, a, other);
        if (n->now < a->want_again || n->now < a->soon || p == NULL) continue;
        if (a->n_certs == 0) {
            hkp_dsm__certificate_ask(n, a, p, a->node_id);
            a->want_again = n->now + patience(n);
            if (++a->want_tries > WANT_TRIES) forget_claim(n, a);
        } else if (n_due < WANT_DUE) {
            due[n_due++] = a;
        }
    }
    for (size_t i = 0; i < n_due; i++) {
        struct peer *p = due[i] != NULL ? whom(n, due[i], other) : NULL;
        uint64_t blocks = 0;
        size_t count = 0;
        for (size_t k = i; p != NULL && k < n_due && count < WANT_RANGES; k++) {
            if (due[k] == NULL || whom(n, due[k], other) != p) continue;
            if (count > 0 && blocks + asked_of(due[k]) > WANT_BLOCKS) continue;
            blocks += asked_of(due[k]);
            list[count++] = due[k];
            due[k] = NULL;
        }
        if (p != NULL) want_from(n, p, list, count);
    }
}

void hkp_dsm__have_tick(node *n) {
    if (n->now < n->have_at) return;
    n->have_at = n->now + n->have_every;
    int open = n->now >= n->have_all_at;
    if (open) n->have_all_at = n->now + 2 * SECOND;
    tell(n, open ? HAVE_OPEN : HAVE_CHANGED, NULL);
    hkp_dsm__strangers_ask(n);
    hkp_dsm__want_due(n);
}

hkp_status hkp_dsm__on_have(node *n, struct peer *p, struct hkp_dsm__message *m) {
    uint32_t strangers = 0;
    hkp_dsm__join_hint(n, m->epoch);
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm__have have;
        hkp_dsm__next_have(&m->list, &have);
        struct author *a = hkp_dsm__author(n, have.node_id);
        if (a == NULL && p->seat >= 0 && strangers++ < STRANGERS_OF_HAVE)
            hkp_dsm__stranger_claim(n, p, have.node_id, have.seq);
        if (a == NULL) continue;
        if (a->known_seq <= a->tip.seq && have.seq > a->tip.seq && have.seq - a->tip.seq <= SPREAD_SOON)
            a->soon = n->now + SPREAD_GRACE_MS * MS;
        hkp_dsm__claim(n, a, have.seq, p);
    }
    if (strangers > 0) hkp_dsm__strangers_ask(n);
    hkp_dsm__want_due(n);
    return HKP_OK;
}

/* Blocks of an author that p sent without their payloads: another one is asked, once. */
struct bare {
    const struct author *a;
    uint64_t from, to;
};

static void ask_another(node *n, const struct peer *p, const struct bare *bare) {
    struct peer *other = bare->a != NULL ? hkp_dsm__some_peer(n, 3, 0) : NULL;
    if (other == p && p != NULL) other = hkp_dsm__some_peer(n, 3, 0);
    if (other != NULL && other != p) hkp_dsm__want(n, other, 3, bare->a, bare->from, bare->to);
}

static void came_bare(node *n, const struct peer *p, const struct author *a, struct bare *bare) {
    if (bare->a != a) {
        ask_another(n, p, bare);
        *bare = (struct bare){.a = a, .from = a->tip.seq};
    }
    bare->to = a->tip.seq;
}

/* What costs its sender points is the last that is read: nothing behind it may hide it. */
hkp_status hkp_dsm__on_items(node *n, struct peer *p, struct hkp_dsm__message *m) {
    hkp_status worst = HKP_OK;
    struct bare bare = {0};
    if (m->lane != 1 && p->wants_open > 0) p->wants_open--;
    for (size_t i = 0; i < m->list.n && hkp_dsm__conduct_price(worst) == 0 && hkp_dsm__may_take(n); i++) {
        struct hkp_dsm__item item;
        hkp_dsm__next_item(&m->list, &item);
        if (item.form == HKP_DSM__FORM_MULTI) {
            hkp_status st = hkp_dsm__certificate_take(n, item.object.ptr, item.object.len, CERT_SHOWN);
            if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE) worst = st;
            continue;
        }
        hkp_status st = hkp_dsm__block_take(n, p, &item, 0, m->lane == 0 ? CAME_PROPOSED : CAME_ASKED);
        if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE) worst = st;
        if (st == HKP_E_DSM_PREV) hkp_dsm__entropy_fork(n, p, item.signer);
        struct author *a = hkp_dsm__author(n, item.signer);
        if (a != NULL && st == HKP_OK) a->want_again = a->want_tries = 0; /* answered: ask on at once */
        if (a != NULL && st == HKP_OK && item.payload.ptr == NULL) came_bare(n, p, a, &bare);
    }
    ask_another(n, p, &bare);
    for (struct author *a = m->lane == 1 ? n->claims_open : NULL; a != NULL; a = a->claim_next)
        a->want_again = 0;
    hkp_dsm__want_due(n);
    return worst;
}
