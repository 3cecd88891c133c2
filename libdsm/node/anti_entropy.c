/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Anti-entropy (D-GSP-11 to D-GSP-13): every 2 s the chains of two nodes are compared as they stood 10 s ago,
 * first all at once, then by bucket, then head by head. It needs nothing that was said before, so whatever
 * was lost is found. What differs becomes a claim (sync.c), and claims are asked for.
 *
 * The salt is drawn for each turn, so nobody can aim chains at one bucket. A turn that is not answered is
 * simply followed by the next one. Of a peer the node remembers its newest question and nothing else.
 */
#include <string.h>

#include "libdsm/node/node.h"

enum { BUCKETS = 256, BUCKETS_ASKED = 16, HEADS_SAID = 16384, LOOK_BACK = 1024, UNKNOWN_ASKED = 64 };
enum { IDLE = 0, DIGEST_SENT = 1, HEADS_SENT = 2 };

static int bit(const uint8_t set[32], unsigned i) { return set[i / 8] >> (i % 8) & 1; }
static void bit_set(uint8_t set[32], unsigned i) { set[i / 8] |= (uint8_t)(1U << (i % 8)); }
static void bit_clear(uint8_t set[32], unsigned i) { set[i / 8] &= (uint8_t) ~(1U << (i % 8)); }

/* ---- what this node has ---- */

static int by_node_id(const void *x, const void *y) {
    const struct author *const *a = x;
    const struct author *const *b = y;
    return memcmp((*a)->node_id, (*b)->node_id, 16);
}

/*
 * The highest block of the chain that is not newer than the cut. A block that is not in memory is final since
 * long: it is taken for old, and its id is what the block above it names.
 */
static void head_at(const node *n, const struct author *a, uint64_t cut_us, struct hkp_dsm__head *h) {
    h->seq = a->tip.seq;
    memcpy(h->id, a->tip.id, 32);
    for (uint32_t steps = 1; h->seq > 1 && steps < LOOK_BACK; steps++) {
        const struct block *b = hkp_dsm__block_at(n, a, h->seq);
        if (b == NULL || b->b.timestamp_us <= cut_us) return;
        h->seq--;
        memcpy(h->id, b->b.prev, 32);
    }
}

/* All chains but forked ones, ascending by node_id, with their buckets; their number. */
static size_t table(node *n, const uint8_t salt[16], uint64_t cut_us) {
    struct entropy *e = &n->entropy;
    size_t count = 0;
    if (e->n_order != n->n_authors) {
        for (e->n_order = 0; e->n_order < n->n_authors; e->n_order++)
            e->order[e->n_order] = &n->authors[e->n_order];
        hkp_dsm__sort(e->order, e->n_order, sizeof *e->order, by_node_id);
    }
    for (uint32_t i = 0; i < e->n_order; i++) {
        const struct author *a = e->order[i];
        if (a->tip.seq == 0 || a->forked || a->frozen) continue;
        struct hkp_dsm__head *h = &e->heads[count];
        memcpy(h->node_id, a->node_id, 16);
        head_at(n, a, cut_us, h);
        e->bucket_of[count++] = hkp_dsm__bucket_of(salt, a->node_id);
    }
    return count;
}

static void hashes_of(node *n, const uint8_t salt[16], uint64_t cut_us, uint8_t hashes[BUCKETS][8],
                      uint8_t root[8]) {
    size_t count = table(n, salt, cut_us);
    hkp_dsm__bucket_hashes(salt, n->entropy.heads, count, n->entropy.bucket_of, hashes, root);
}

/* ---- messages ---- */

static void send_digest(node *n, struct peer *p, const uint8_t root[8]) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_digest(&w, n->entropy.salt, n->entropy.cut_us, root);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

static void send_buckets(node *n, struct peer *p, const uint8_t salt[16], uint8_t hashes[BUCKETS][8]) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_buckets(&w, salt);
    for (unsigned i = 0; i < BUCKETS; i++) hkp_dsm_cbor_put_bytes(&w, hashes[i], 8);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/*
 * Heads of at most 16 of the buckets in from, lowest first, so many buckets that the heads fit. said receives
 * them. The table stands for the salt. 0: nothing was sent.
 */
static int send_heads(node *n, struct peer *p, size_t count, const uint8_t from[32], uint8_t said[32]) {
    size_t of_bucket[BUCKETS] = {0}, heads = 0, buckets = 0;
    for (size_t i = 0; i < count; i++) of_bucket[n->entropy.bucket_of[i]]++;
    memset(said, 0, 32);
    for (unsigned b = 0; b < BUCKETS && buckets < BUCKETS_ASKED; b++) {
        if (!bit(from, b) || heads + of_bucket[b] > HEADS_SAID) continue;
        heads += of_bucket[b];
        buckets++;
        bit_set(said, b);
    }
    if (buckets == 0) return 0;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_heads(&w, buckets);
    for (unsigned b = 0; b < BUCKETS; b++)
        if (bit(said, b)) hkp_dsm_cbor_put_uint(&w, b);
    hkp_dsm_cbor_put_array(&w, heads);
    for (size_t i = 0; i < count; i++) {
        const struct hkp_dsm__head *h = &n->entropy.heads[i];
        if (bit(said, n->entropy.bucket_of[i])) hkp_dsm__put_heads_entry(&w, h->node_id, h->seq, h->id);
    }
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
    return msg != NULL;
}

/* ---- what differs ---- */

static void want_one(node *n, struct peer *p, const struct author *a, uint64_t seq) {
    if (p->forks_asked >= UNKNOWN_ASKED) return;
    p->forks_asked++;
    hkp_dsm__want(n, p, 3, a, seq, seq);
}

/* A block that does not follow ours: this peer's block of the same number as our head shows the fork. */
void hkp_dsm__entropy_fork(node *n, struct peer *p, const uint8_t node_id[16]) {
    const struct author *a = hkp_dsm__author(n, node_id);
    if (a != NULL && !a->forked && a->tip.seq > 0) want_one(n, p, a, a->tip.seq);
}

static void ask_certificates(node *n, struct peer *p, const uint8_t (*who)[16], size_t count) {
    if (count == 0) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_CERT_WANT, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, who[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 1, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Another id where our chain has a block in memory: both sides ask, and so obtain the evidence. */
static void compare_known(node *n, struct peer *p, struct author *a, const struct hkp_dsm__have *have) {
    if (a->forked || a->frozen) return;
    if (have->seq > a->tip.seq) {
        hkp_dsm__claim(n, a, have->seq, p);
        return;
    }
    const struct block *b = hkp_dsm__block_at(n, a, have->seq);
    if (b != NULL && memcmp(b->b.id, have->id8, 8) != 0) want_one(n, p, a, have->seq);
}

/* Authors that are not known are asked for by certificate; their blocks come with the next turn. */
static void compare(node *n, struct peer *p, struct hkp_dsm__list *heads) {
    uint8_t who[UNKNOWN_ASKED][16];
    const uint8_t(*unknown)[16] = (const uint8_t(*)[16])(void *)who;
    size_t count = 0;
    for (size_t i = 0; i < heads->n; i++) {
        struct hkp_dsm__have have;
        hkp_dsm__next_have(heads, &have);
        struct author *a = hkp_dsm__author(n, have.node_id);
        if (a != NULL && a->n_certs > 0)
            compare_known(n, p, a, &have);
        else if (count < UNKNOWN_ASKED)
            memcpy(who[count++], have.node_id, 16);
    }
    ask_certificates(n, p, unknown, count);
    hkp_dsm__want_due(n);
}

/* ---- a turn ---- */

/* Who is quiet asks by itself when it speaks; such a one asks anybody. */
static int is_asked(const node *n, const struct peer *p) {
    return p->up && hkp_dsm__lane_open(p, 3) &&
           (p->stance == HKP_DSM_STANCE_OPEN || n->probes.own_stance != HKP_DSM_STANCE_OPEN);
}

static struct peer *random_peer(node *n, uint32_t random) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->peers_max; i++) count += (uint32_t)is_asked(n, &n->peers[i]);
    uint32_t at = count > 0 ? random % count : 0;
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct peer *p = &n->peers[i];
        if (is_asked(n, p) && at-- == 0) return p;
    }
    return NULL;
}

void hkp_dsm__entropy_tick(node *n) {
    struct entropy *e = &n->entropy;
    uint8_t draw[20], hashes[BUCKETS][8], root[8];
    if (n->now < e->at) return;
    /* who is quiet: with its next heartbeat (D-GSP-5) */
    e->at = n->probes.own_stance == HKP_DSM_STANCE_OPEN ? n->now + 2 * SECOND : HKP_TIME_NEVER;
    e->step = IDLE;
    if (n->n_peers == 0 || n->rng.fill(n->rng.user, draw, sizeof draw) != 0) return;
    struct peer *p = random_peer(n, (uint32_t)draw[16] | (uint32_t)draw[17] << 8 | (uint32_t)draw[18] << 16);
    if (p == NULL) return;
    uint64_t wall = hkp_dsm__wall_us(n);
    e->cut_us = wall > CUT_US ? wall - CUT_US : 0;
    memcpy(e->salt, draw, 16);
    memcpy(e->peer, p->node_id, 16);
    hashes_of(n, e->salt, e->cut_us, hashes, root);
    e->step = DIGEST_SENT;
    e->turns++;
    send_digest(n, p, root);
}

hkp_time hkp_dsm__entropy_wake(const node *n) { return n->n_peers > 0 ? n->entropy.at : HKP_TIME_NEVER; }

static int own_turn(const node *n, const struct peer *p) {
    return n->entropy.step != IDLE && memcmp(n->entropy.peer, p->node_id, 16) == 0;
}

/* Two that ask each other at once: the turn of the lower node_id goes on. */
hkp_status hkp_dsm__on_digest(node *n, struct peer *p, struct hkp_dsm__message *m) {
    uint8_t hashes[BUCKETS][8], root[8];
    if (n->now < p->digest_again) return HKP_E_LIMIT;
    p->digest_again = n->now + 250 * MS;
    if (own_turn(n, p)) {
        if (memcmp(n->id, p->node_id, 16) < 0) return HKP_OK;
        n->entropy.step = IDLE;
    }
    memcpy(p->salt, m->salt, 16);
    p->cut_us = m->time_us;
    p->forks_asked = p->heads_left = 0;
    hashes_of(n, p->salt, p->cut_us, hashes, root);
    if (memcmp(root, m->root, 8) == 0) {
        n->entropy.equal_at = n->now;
        n->entropy.equal++;
        return HKP_OK;
    }
    p->heads_left = BUCKETS / BUCKETS_ASKED;
    send_buckets(n, p, p->salt, hashes);
    return HKP_OK;
}

static void next_heads(node *n, struct peer *p, size_t count) {
    struct entropy *e = &n->entropy;
    e->step = send_heads(n, p, count, e->open, e->asked) ? HEADS_SENT : IDLE;
}

hkp_status hkp_dsm__on_buckets(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct entropy *e = &n->entropy;
    uint8_t hashes[BUCKETS][8], root[8];
    if (!own_turn(n, p) || e->step != DIGEST_SENT || memcmp(e->salt, m->salt, 16) != 0)
        return HKP_E_DSM_STALE;
    size_t count = table(n, e->salt, e->cut_us);
    hkp_dsm__bucket_hashes(e->salt, e->heads, count, e->bucket_of, hashes, root);
    memset(e->open, 0, sizeof e->open);
    p->forks_asked = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        if (memcmp(hashes[i], hkp_dsm__next_fixed(&m->list, 8), 8) != 0) bit_set(e->open, i);
    next_heads(n, p, count);
    return HKP_OK;
}

/* The peer's heads for buckets that it was asked for, or a question about some. */
hkp_status hkp_dsm__on_heads(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct entropy *e = &n->entropy;
    uint8_t buckets[32] = {0}, said[32];
    int within = 1;
    for (size_t i = 0; i < m->list.n; i++) {
        unsigned b = (unsigned)hkp_dsm__next_uint(&m->list);
        bit_set(buckets, b);
        within &= bit(e->asked, b);
    }
    if (own_turn(n, p)) {
        if (e->step != HEADS_SENT || !within) return HKP_E_DSM_STALE;
        compare(n, p, &m->list2);
        for (unsigned b = 0; b < BUCKETS; b++)
            if (bit(e->asked, b)) bit_clear(e->open, b);
        next_heads(n, p, table(n, e->salt, e->cut_us));
        return HKP_OK;
    }
    if (p->heads_left == 0) return HKP_E_DSM_STALE;
    p->heads_left--;
    (void)send_heads(n, p, table(n, p->salt, p->cut_us), buckets, said);
    compare(n, p, &m->list2);
    return HKP_OK;
}
