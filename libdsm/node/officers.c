/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Officers that changed while a node was away (D-CA-2, D-SYN-2). A node that joined an epoch in its course or
 * at its boundary did not see the ops before. Its peers tell it the sets that came into office; a set signed
 * by the officers that it knows is believed when a proof of its op 4 came (D-SYN-4), which leads from a set
 * of members that this node followed. So whoever has keys of officers that left shows it nothing. If nobody
 * can prove one for long it is a proposal like any other.
 *
 * Where nobody tells the set behind the newest known one any more, the proof alone has to do (decision 0621):
 * the members judged the signatures. Such sets are asked for one at a time, the lowest that a peer told, and
 * of one peer after the other: nobody can keep the others' from their turn.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { AGAIN_S = 2, TRIES = 24, TURN_TRIES = 4, TURN_S = 10, STEP = 48, BY_TURNS = OFFICE_CLAIMS - 1 };

static const char from_key[] = "officers from";

/* ---- sets that came into office, for others ---- */

void hkp_dsm__office_keep(node *n, const struct carried *c) {
    struct in_office *o = &n->lists.office[c->set.version % CA_SETS_MAX];
    hkp_dsm__blob_drop(&n->pool, o->op);
    o->op = hkp_dsm__blob_hold(c->op);
    o->multi = c->multi;
    memcpy(o->id, c->list.id, 16);
}

/* ---- what was missed ---- */

/* From this epoch on ops may have been missed; the earliest one counts. */
void hkp_dsm__officers_jump(node *n, uint64_t epoch) {
    uint8_t value[8];
    if (n->lists.jumped && n->lists.jumped_from <= epoch) return;
    n->lists.jumped = 1;
    n->lists.jumped_from = epoch;
    hkp_put_be64(value, epoch);
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)from_key, sizeof from_key - 1, value, sizeof value);
}

int hkp_dsm__officers_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != sizeof from_key - 1 || memcmp(key, from_key, key_len) != 0) return 0;
    if (len != 8) return -1;
    n->lists.jumped = 1;
    n->lists.jumped_from = hkp_be64(data);
    return 1;
}

/* Of officers that are not known here yet: judged when those before them are in office. */
void hkp_dsm__officers_later(node *n, const struct carried *c, struct peer *from) {
    blob **at = &n->lists.later[c->set.version % CA_SETS_MAX];
    hkp_dsm__blob_drop(&n->pool, *at);
    *at = hkp_dsm__bytes(n, c->multi.ptr, c->multi.len);
    if (!n->lists.jumped || from == NULL) return;
    if (from->unsigned_set != NULL && from->unsigned_version <= c->set.version) return;
    hkp_dsm__blob_drop(&n->pool, from->unsigned_set);
    from->unsigned_set = hkp_dsm__blob_hold(c->op);
    from->unsigned_version = c->set.version;
    if (n->lists.turn_at == 0) n->lists.turn_at = n->now + TURN_S * SECOND; /* all that it tells at once */
}

/* The one behind this version may be here already. */
void hkp_dsm__officers_next(node *n, uint64_t version) {
    blob **later = &n->lists.later[(version + 1) % CA_SETS_MAX], *multi = *later;
    *later = NULL;
    if (multi == NULL) return;
    const struct hkp_dsm_view view = {multi->ptr, multi->len};
    hkp_status st = hkp_dsm__officers_take(n, &view, HKP_DSM_KIND_CA_SET, 0, NULL);
    (void)st;
    hkp_dsm__blob_drop(&n->pool, multi);
}

/* ---- questions ---- */

static void forget(node *n, struct office_claim *c) {
    hkp_dsm__blob_drop(&n->pool, c->op);
    *c = (struct office_claim){.used = 0};
}

/* The set of the epoch from which the proof is to lead; 0: it is being read, or not known. */
static int trusted(node *n, struct office_claim *c) {
    uint8_t key[8];
    uint64_t time_ms;
    if (c->known || hkp_dsm_node_trust(n, c->from, c->hash, &time_ms) == HKP_OK) return 1;
    hkp_put_be64(key, c->from - 1);
    struct read *r = hkp_dsm__get(n, READ_OFFICERS, HKP_DSM_ROW_LINK, key, sizeof key);
    if (r != NULL) r->a = c->from;
    return 0;
}

static void put(node *n, struct office_claim *c) {
    struct peer *p = hkp_dsm__some_peer(n, 4, 0);
    c->again = n->now + AGAIN_S * SECOND;
    if (c->tries == (c == &n->lists.claims[BY_TURNS] ? TURN_TRIES : TRIES)) {
        hkp_dsm__officers_unproven(n, c->op);
        forget(n, c);
        return;
    }
    if (p == NULL || !trusted(n, c) || n->rng.fill(n->rng.user, c->nonce, sizeof c->nonce) != 0) return;
    c->tries++;
    const struct hkp_dsm_view key = {c->leaf, 32};
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_proof_req(&w, c->nonce, c->from, HKP_DSM_ASK_OP, &key, -1);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

static void begin(node *n, struct office_claim *at, blob *op) {
    forget(n, at);
    at->used = 1;
    at->from = n->lists.jumped_from;
    at->op = hkp_dsm__blob_hold(op);
    hkp_dsm__merkle_leaf(at->leaf, op->ptr, op->len);
    put(n, at);
}

/* Its signatures are right. 1: it is asked for, or was; 0: this node saw all ops itself. */
int hkp_dsm__officers_claim(node *n, const struct carried *c) {
    struct office_claim *at = &n->lists.claims[0];
    uint8_t leaf[32];
    if (!n->lists.jumped) return 0;
    hkp_dsm__merkle_leaf(leaf, c->op->ptr, c->op->len);
    for (size_t i = 0; i < BY_TURNS; i++) {
        struct office_claim *have = &n->lists.claims[i];
        if (have->used && memcmp(have->leaf, leaf, 32) == 0) return 1;
        if (!have->used || (at->used && have->tries > at->tries)) at = have;
    }
    begin(n, at, c->op);
    return 1;
}

/* Whose turn it is, with a set that nothing leads to. */
static void take_turn(node *n) {
    struct lists *l = &n->lists;
    if (l->turn_at == 0 || n->now < l->turn_at || l->claims[BY_TURNS].used) return;
    l->turn_at = 0;
    for (uint32_t i = 0; i < n->peers_max && l->turn_at == 0; i++) {
        struct peer *p = &n->peers[l->turn++ % n->peers_max];
        if (p->unsigned_set == NULL) continue;
        if (!hkp_dsm__officers_known(&l->officers, p->unsigned_version)) {
            begin(n, &l->claims[BY_TURNS], p->unsigned_set);
            l->turn_at = n->now + TURN_S * SECOND;
        }
        hkp_dsm__blob_drop(&n->pool, p->unsigned_set);
        p->unsigned_set = NULL;
    }
}

void hkp_dsm__officers_link(node *n, const struct read *r, const uint8_t *data, size_t len) {
    struct hkp_dsm_cbor_reader at;
    struct hkp_dsm_view header;
    struct hkp_dsm__header h;
    if (hkp_dsm_cbor_read(&at, data, len) != HKP_OK) return;
    hkp_dsm_cbor_array(&at, 3, 3);
    hkp_dsm_cbor_array(&at, 1, HEIGHTS_OPEN_MAX + 1);
    header.ptr = hkp_dsm_cbor_bytes(&at, 1, HKP_DSM__HEADER_MAX, &header.len);
    if (at.status != HKP_OK || hkp_dsm__header_parse(n->chain_id, header.ptr, header.len, &h) != HKP_OK)
        return;
    for (size_t i = 0; i < OFFICE_CLAIMS; i++) {
        struct office_claim *c = &n->lists.claims[i];
        if (!c->used || c->from != r->a) continue;
        memcpy(c->hash, h.next_valset, 32);
        c->known = 1;
        c->again = n->now;
    }
}

/* More links than fit: it is of a later epoch. At the newest one it begins again. */
static void go_on(node *n, struct office_claim *c) {
    const uint64_t from = c->from;
    c->known = 0;
    c->from = c->from >= n->set.epoch         ? n->lists.jumped_from
              : c->from + STEP < n->set.epoch ? c->from + STEP
                                              : n->set.epoch;
    if (c->from > from) c->tries--; /* this question was not in vain */
}

static hkp_status judge(node *n, struct office_claim *c, const struct hkp_dsm_view *bytes) {
    struct hkp_dsm_trust trust = {.epoch = c->from, .time_ms = n->root.time_ms};
    struct hkp_dsm_proof proof;
    uint8_t leaf[32];
    memcpy(trust.valset_hash, c->hash, 32);
    hkp_status st = hkp_dsm_proof_verify(bytes->ptr, bytes->len, n->chain_id, &trust, 1, 0, &proof);
    if (st == HKP_OK && proof.compact > 0)
        st = HKP_E_DSM_SCHEME; /* nothing that is safe rests on it (D-QC-3) */
    if (st != HKP_OK) return st;
    hkp_dsm__merkle_leaf(leaf, proof.leaf.ptr, proof.leaf.len);
    if (proof.root != 2 || memcmp(leaf, c->leaf, 32) != 0) return HKP_E_DSM_PROOF;
    forget(n, c);
    if (proof.height > n->root.height) return HKP_OK; /* it comes with its header */
    hkp_dsm__list_final(n, &proof.leaf, proof.height, proof.time_ms);
    return HKP_OK;
}

hkp_status hkp_dsm__officers_proof(node *n, struct hkp_dsm__message *m) {
    for (size_t i = 0; i < OFFICE_CLAIMS; i++) {
        struct office_claim *c = &n->lists.claims[i];
        /* zeros: no question is out */
        if (!c->used || hkp_is_zero(c->nonce, 8) || memcmp(c->nonce, m->nonce, 8) != 0) continue;
        memset(c->nonce, 0, sizeof c->nonce);
        hkp_status st = m->status == 0 ? judge(n, c, &m->proof) : HKP_OK;
        if (m->status == 3) go_on(n, c);
        if (c->used && st != HKP_OK) c->again = n->now; /* somebody else */
        if (c->used && m->status == 3) put(n, c);
        return st;
    }
    return HKP_E_NOTFOUND;
}

void hkp_dsm__officers_tick(node *n) {
    if (hkp_dsm__may_take(n)) take_turn(n);
    for (size_t i = 0; i < OFFICE_CLAIMS; i++)
        if (n->lists.claims[i].used && n->now >= n->lists.claims[i].again && hkp_dsm__may_take(n))
            put(n, &n->lists.claims[i]);
}

hkp_time hkp_dsm__officers_wake(const node *n) {
    hkp_time wake =
        n->lists.turn_at != 0 && !n->lists.claims[BY_TURNS].used ? n->lists.turn_at : HKP_TIME_NEVER;
    for (size_t i = 0; n->lists.jumped && i < OFFICE_CLAIMS; i++)
        if (n->lists.claims[i].used && n->lists.claims[i].again < wake) wake = n->lists.claims[i].again;
    return wake;
}
