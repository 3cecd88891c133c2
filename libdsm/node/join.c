/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A node that joins or was away for more than one epoch (D-SYN-3) does not repeat what happened meanwhile: it
 * follows the links from the set that it trusts to the newest boundary, takes the heads of that boundary in
 * chunks from several peers, learns the set that the boundary names, and goes on in its epoch. The block of
 * each head is fetched afterwards, like one that a damaged store lost; until then the node has no opinion
 * about what follows it. Nothing is believed without a certificate of the set before, or a path to a root so
 * certified, so any peer may answer.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { IDLE = 0, LINKS = 1, CHUNKS = 2, SET = 3 };
enum { CHUNK = 1024, CHUNKS_OPEN = 4, AGAIN_S = 2, TRIES = 8, BLOCKS_ASKED = 256, LATER_S = 60 };

static void forget_chunks(node *n) {
    struct join *j = &n->join;
    for (uint32_t i = 0; i < CHUNKS_MAX; i++) {
        hkp_dsm__blob_drop(&n->pool, j->chunk[i]);
        j->chunk[i] = NULL;
    }
    j->n_held = 0;
}

static void stop(node *n) {
    forget_chunks(n);
    hkp_dsm__blob_drop(&n->pool, n->join.boundary);
    hkp_dsm__blob_drop(&n->pool, n->join.valset);
    n->join.boundary = n->join.valset = NULL;
    n->join.step = IDLE;
    n->join.again = n->now + AGAIN_S * SECOND;
}

/* Somebody is in this epoch: only a reason to ask. */
void hkp_dsm__join_hint(node *n, uint64_t epoch) {
    if (epoch > n->set.epoch && epoch > n->join.hint) n->join.hint = epoch;
}

/* ---- links ---- */

static struct peer *somebody(node *n) {
    struct peer *p = hkp_dsm__some_peer(n, 4, 0);
    if (p != NULL) memcpy(n->join.asked, p->node_id, 16);
    return p;
}

static void send(node *n, struct peer *p, const struct hkp_dsm_cbor_writer *w) {
    blob *msg = hkp_dsm__msg(n, w);
    hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

static void range_done(node *n);

/* The same range of links from peers of f+1 groups, or of as many as there are (D-SYN-2). */
static void ask_links(node *n) {
    struct join *j = &n->join;
    const uint32_t groups = hkp_dsm__trust_groups(n);
    struct peer *p = groups > n->set.f ? NULL : hkp_dsm__trust_peer(n);
    j->again = n->now + AGAIN_S * SECOND;
    if (p == NULL) {
        memset(j->asked, 0, sizeof j->asked);
        j->n_told = groups > 0 ? j->n_told : 0; /* nobody answered: all once more, until it is given up */
        if (groups > 0) range_done(n);
        return;
    }
    memcpy(j->asked, p->node_id, 16);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_boundary_req(&w, j->from, j->from + LINKS_HEARD - 1);
    send(n, p, &w);
}

static void begin(node *n) {
    struct join *j = &n->join;
    stop(n);
    j->step = LINKS;
    j->tries = 0;
    j->epoch = n->set.epoch;
    memcpy(j->want, n->set.hash, 32);
    j->n_told = j->anchored = 0;
    hkp_dsm__trust_range(n);
    ask_links(n);
}

/* A link that was verified: its row serves others and proofs, its boundary may be the last one. */
static void keep_link(node *n, const struct hkp_dsm__link *l) {
    struct join *j = &n->join;
    uint8_t key[8];
    hkp_put_be64(key, j->epoch);
    hkp_dsm__put(n, HKP_DSM_ROW_LINK, key, sizeof key, l->bytes.ptr, l->bytes.len);
    hkp_dsm__blob_drop(&n->pool, j->boundary);
    hkp_dsm__blob_drop(&n->pool, j->valset);
    j->boundary = hkp_dsm__bytes(n, l->header.ptr, l->header.len);
    j->valset = hkp_dsm__bytes(n, l->valset.ptr, l->valset.len);
    j->h = l->boundary;
    if (l->boundary.version > j->version) j->version = l->boundary.version;
    hkp_dsm__trust_heard(n, &l->boundary);
    j->epoch++;
    memcpy(j->want, l->boundary.next_valset, 32);
}

static void ask_chunks(node *n);

/* The end of the links: is it worth leaving the own history for it? */
static void links_done(node *n) {
    struct join *j = &n->join;
    if (j->boundary == NULL || (j->epoch <= n->set.epoch + 1 && !n->join_blind && !n->trust.held) ||
        j->h.n_heads > hkp_dsm__heads_room(n->heads) || j->h.n_heads > (uint64_t)CHUNKS_MAX * CHUNK) {
        j->hint =
            j->hint < j->epoch + 1 ? 0 : j->epoch + 1; /* whoever spoke of more: f+1 groups know of no more */
        stop(n);
        return;
    }
    if (!hkp_dsm__trust_links(n)) {
        stop(n);
        j->again = n->now + LATER_S * SECOND; /* the clock may be right then, or the chain longer */
        return;
    }
    j->step = CHUNKS;
    j->tries = 0;
    j->n_chunks = (uint32_t)((j->h.n_heads + CHUNK - 1) / CHUNK);
    forget_chunks(n);
    ask_chunks(n);
}

static void range_done(node *n) {
    if (n->join.n_heard == 0) {
        links_done(n);
        return;
    }
    hkp_dsm__trust_range(n);
    ask_links(n); /* perhaps there are more */
}

hkp_status hkp_dsm__on_boundaries(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct join *j = &n->join;
    if (j->step != LINKS || memcmp(j->asked, p->node_id, 16) != 0) return HKP_E_DSM_STALE;
    uint8_t want[32];
    memcpy(want, j->from_want, 32);
    for (uint32_t i = 0; i < m->list.n && i < LINKS_HEARD && hkp_dsm__may_take(n); i++) {
        struct hkp_dsm__link l;
        hkp_status st = hkp_dsm__link_check(n->chain_id, j->from + i, want, &m->list.at, &l);
        if (st == HKP_OK && i < j->n_heard) st = hkp_dsm__trust_again(n, p, i, &l);
        if (st == HKP_E_DSM_FORK) { /* nobody knows who is right, so nobody is blamed */
            stop(n);
            return HKP_OK;
        }
        if (st != HKP_OK) {
            j->again = n->now; /* somebody else */
            return st;
        }
        if (i == j->n_heard) keep_link(n, &l);
        memcpy(want, l.boundary.next_valset, 32);
    }
    hkp_dsm__trust_told(n, p);
    j->tries = 0;
    ask_links(n); /* another group, or what follows */
    return HKP_OK;
}

/* ---- chunks ---- */

static void ask_chunks(node *n) {
    struct join *j = &n->join;
    j->again = n->now + AGAIN_S * SECOND;
    uint32_t asked = 0;
    for (uint32_t i = 0; i < j->n_chunks && asked < CHUNKS_OPEN; i++) {
        if (j->chunk[i] != NULL) continue;
        struct peer *p = hkp_dsm__some_peer(n, 4, 0);
        if (p == NULL) return;
        struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
        hkp_dsm__put_chunk_req(&w, j->h.height, i);
        send(n, p, &w);
        asked++;
    }
    j->open = asked;
    if (asked == 0) hkp_dsm__join_chunks_done(n);
}

/* All leaves of a chunk, their order, and the path of its root. */
static hkp_status check_chunk(const struct join *j, struct hkp_dsm__message *m, struct hkp_dsm__head *heads) {
    uint64_t left = j->h.n_heads - m->chunk * CHUNK;
    uint8_t root[32];
    struct hkp_dsm__merkle tree = {0};
    if (m->list.n != (left < CHUNK ? left : CHUNK)) return HKP_E_DSM_PROOF;
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm_view leaf = hkp_dsm__next_bytes(&m->list);
        hkp_status st = hkp_dsm__head_leaf_parse(leaf.ptr, leaf.len, &heads[i]);
        if (st != HKP_OK) return st;
        if (i > 0 && memcmp(heads[i - 1].node_id, heads[i].node_id, 16) >= 0) return HKP_E_DSM_PROOF;
        uint8_t hash[32];
        hkp_dsm__merkle_leaf(hash, leaf.ptr, leaf.len);
        hkp_dsm__merkle_add(&tree, hash);
    }
    hkp_dsm__merkle_root(&tree, root);
    const struct hkp_dsm_view path = {m->list2.at.next, (size_t)(m->list2.at.end - m->list2.at.next)};
    return hkp_dsm__merkle_verify(root, m->chunk, j->n_chunks, &path, m->list2.n, j->h.heads_root);
}

hkp_status hkp_dsm__on_chunk(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct join *j = &n->join;
    (void)p;
    if (j->step != CHUNKS || m->height != j->h.height || m->chunk >= j->n_chunks ||
        j->chunk[m->chunk] != NULL)
        return HKP_E_DSM_STALE;
    if (j->open > 0) j->open--;
    if (m->list.n == 0) return HKP_OK; /* not held: asked again elsewhere, later */
    blob *heads = hkp_dsm__room(n, m->list.n * sizeof(struct hkp_dsm__head));
    if (heads == NULL) return HKP_E_LIMIT;
    hkp_status st = check_chunk(j, m, (struct hkp_dsm__head *)(void *)heads->ptr);
    if (st != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, heads);
        return st;
    }
    j->chunk[m->chunk] = heads;
    j->n_held++;
    j->tries = 0;
    if (j->open == 0) ask_chunks(n);
    return HKP_OK;
}

/* ---- the set ---- */

static void install(node *n, const uint8_t *set, size_t len);

/* Most often the members stay: the set before with its epoch raised. Else a proof of any head names it. */
void hkp_dsm__join_chunks_done(node *n) {
    struct join *j = &n->join;
    struct hkp_dsm__valset old;
    const uint8_t *keys[HKP_DSM_MEMBERS_MAX];
    uint8_t *body = n->answer, hash[32];
    size_t len = 0;
    if (hkp_dsm__valset_parse(j->valset->ptr, j->valset->len, &old) == HKP_OK &&
        hkp_dsm__valset_write(old.seats, hkp_dsm__valset_bls(&old, keys), old.n, j->epoch, body,
                              HKP_DSM_VALSET_MAX, &len) == HKP_OK) {
        hkp_dsm__valset_hash(hash, body, len);
        if (memcmp(hash, j->want, 32) == 0) {
            install(n, body, len);
            return;
        }
    }
    j->step = SET;
    j->tries = 0;
    j->again = n->now;
}

static void ask_set(node *n) {
    struct join *j = &n->join;
    struct peer *p = somebody(n);
    j->again = n->now + AGAIN_S * SECOND;
    if (p == NULL || j->n_chunks == 0 || n->rng.fill(n->rng.user, j->nonce, sizeof j->nonce) != 0) return;
    const struct hkp_dsm__head *first = (const struct hkp_dsm__head *)(const void *)j->chunk[0]->ptr;
    const struct hkp_dsm_view key = {first->node_id, 16};
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_proof_req(&w, j->nonce, j->epoch, 0, &key, -1);
    send(n, p, &w);
}

hkp_status hkp_dsm__join_proof(node *n, struct hkp_dsm__message *m) {
    struct join *j = &n->join;
    if (j->step != SET || memcmp(m->nonce, j->nonce, 8) != 0) return HKP_E_NOTFOUND;
    if (m->status != 0) return HKP_OK;
    struct hkp_dsm_trust trust = {.epoch = j->epoch, .time_ms = j->h.time_ms};
    struct hkp_dsm_proof proof;
    struct hkp_dsm_view set;
    memcpy(trust.valset_hash, j->want, 32);
    hkp_status st = hkp_dsm_proof_verify(m->proof.ptr, m->proof.len, n->chain_id, &trust, 1, 0, &proof);
    if (st == HKP_OK && proof.epoch != j->epoch) st = HKP_E_DSM_EPOCH;
    if (st == HKP_OK) st = hkp_dsm__proof_target_set(m->proof.ptr, m->proof.len, &set);
    if (st == HKP_OK) install(n, set.ptr, set.len);
    return st;
}

/* ---- taking it ---- */

/* All heads away, then those of the chunks: 0 if that does not give the root, which q members signed. */
static int set_heads(node *n) {
    struct join *j = &n->join;
    if (!hkp_dsm__heads_none(n)) return 0;
    for (uint32_t i = 0; i < j->n_chunks; i++) {
        const struct hkp_dsm__head *heads = (const struct hkp_dsm__head *)(const void *)j->chunk[i]->ptr;
        if (hkp_dsm__heads_apply(n->heads, heads, j->chunk[i]->len / sizeof *heads, NULL) != HKP_OK) return 0;
    }
    return memcmp(hkp_dsm__heads_root(n->heads), j->h.heads_root, 32) == 0;
}

/* The block of a head that is not here is known by its id (D-STO-10). */
static void mark_lost(node *n, struct author *a) {
    uint8_t key[24];
    if (n->n_lost == LOST_MAX) return;
    uint32_t before = n->n_lost;
    hkp_dsm__lost_add(n, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, a->node_id, a->final.seq), 0);
    if (n->n_lost == before) return;
    struct lost *l = &n->lost[before];
    memcpy(l->want, a->final.id, 32);
    l->known = 1;
    l->again = n->now + 10 * SECOND; /* asked for by many at once before */
}

static void set_authors(node *n) {
    struct join *j = &n->join;
    for (uint32_t i = 0; i < j->n_chunks; i++) {
        const struct hkp_dsm__head *heads = (const struct hkp_dsm__head *)(const void *)j->chunk[i]->ptr;
        for (size_t k = 0; k < j->chunk[i]->len / sizeof *heads; k++) {
            struct author *a = hkp_dsm__author_make(n, heads[k].node_id);
            if (a == NULL) continue;
            if (heads[k].status != 0) a->frozen = 1;
            hkp_dsm__author_jump(n, a, &heads[k], j->h.height);
        }
    }
}

/* What the jump made final, when it is durable and one by one: many more than there are events. */
int hkp_dsm__jump_tell(node *n) {
    struct join *j = &n->join;
    if (!j->untold || j->ticket > n->durable) return 0;
    for (; j->telling < n->n_authors; j->telling++) {
        struct author *a = &n->authors[j->telling];
        if (a->tell == 0) continue;
        struct block *b = hkp_dsm__block_at(n, a, a->tell);
        a->tell = a->tell < a->tell_to ? a->tell + 1 : 0;
        if (b == NULL) continue;
        hkp_dsm__block_tell(n, b, HKP_DSM_EV_BLOCK_FINAL);
        hkp_dsm__block_unpin(n, b);
        return 1;
    }
    j->untold = 0;
    return 0;
}

static void install(node *n, const uint8_t *set, size_t len) {
    struct join *j = &n->join;
    if (j->epoch <= n->set.epoch) { /* it came there by its own steps meanwhile */
        stop(n);
        return;
    }
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE / 2 || n->report_count > 0 || j->untold) {
        j->step = CHUNKS; /* once more, when the host was told all before */
        return;
    }
    if (!hkp_dsm__goto(n, NULL)) return;
    if (!set_heads(n)) {
        hkp_dsm__die(n, HKP_E_DSM_PROOF, HKP_DSM_ROW_HEADS, j->h.digest, 32);
        return;
    }
    set_authors(n);
    uint8_t key[8], place[8];
    hkp_put_be64(key, j->h.height);
    hkp_put_be64(place, j->h.height);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_HEADER, key, sizeof key, hkp_dsm__blob_hold(j->boundary));
    hkp_dsm__put(n, HKP_DSM_ROW_DIGEST, j->h.digest, 32, place, sizeof place);
    struct hkp_dsm__header h = j->h;
    hkp_dsm__officers_jump(n, n->set.epoch);
    hkp_dsm__epoch_jump(n, &h, set, len);
    hkp_dsm__lists_jump(n, h.height, h.time_ms);
    stop(n);
    j->hint = 0;
    j->blocks_at = n->now;
    j->untold = 1;
    j->telling = 0;
    j->ticket = n->ticket;
}

/* ---- time ---- */

/* Heads without their block: many in one question. */
static void ask_blocks(node *n) {
    struct join *j = &n->join;
    struct peer *p = hkp_dsm__some_peer(n, 3, 0);
    const struct author *list[BLOCKS_ASKED];
    size_t count = 0;
    uint32_t left = 0;
    j->blocks_at = n->now + SECOND;
    for (uint32_t i = 0; i < n->n_authors; i++) {
        struct author *a = &n->authors[i];
        if (!a->headless) continue;
        left++;
        mark_lost(n, a);
        if (a->n_certs == 0)
            hkp_dsm__certificate_ask(n, a, p, a->node_id);
        else if (count < BLOCKS_ASKED)
            list[count++] = a;
    }
    if (left == 0) j->blocks_at = HKP_TIME_NEVER;
    if (count == 0 || p == NULL || !hkp_dsm__pace_op(n, p, HKP_DSM__OP_MSG_WANT, 3)) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, count);
    for (size_t i = 0; i < count; i++)
        hkp_dsm__put_range(&w, list[i]->node_id, list[i]->final.seq, list[i]->final.seq);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* There is an epoch that it does not reach by its own steps. */
static int is_behind(const node *n) {
    const uint64_t near = n->set.epoch + (n->join_blind || n->trust.held ? 0 : 1);
    return n->join.hint > near && n->trust.state != HKP_DSM_TRUST_ALARM;
}

static int fresh_in_epoch(const node *n) { return n->join_blind && n->root.view == 0; }

void hkp_dsm__join_tick(node *n) {
    struct join *j = &n->join;
    if (j->blocks_at != 0 && n->now >= j->blocks_at && hkp_dsm__may_take(n)) ask_blocks(n);
    if (n->now < j->again) return;
    if (j->step == IDLE && fresh_in_epoch(n)) { /* nobody may have told it yet where the epoch is */
        j->again = n->now + AGAIN_S * SECOND;
        hkp_dsm__ask_certs(n, NULL, 1, VOTE_WINDOW);
    }
    if (j->step != IDLE && ++j->tries > TRIES) {
        stop(n); /* from the start: perhaps the mesh has gone on */
        return;
    }
    switch (j->step) {
    case LINKS:
        hkp_dsm__trust_vain(n);
        ask_links(n);
        break;
    case CHUNKS:
        ask_chunks(n);
        break;
    case SET:
        ask_set(n);
        break;
    default:
        if (is_behind(n)) begin(n);
        break;
    }
}

hkp_time hkp_dsm__join_wake(const node *n) {
    const struct join *j = &n->join;
    hkp_time wake = j->step != IDLE || is_behind(n) || fresh_in_epoch(n) ? j->again : HKP_TIME_NEVER;
    if (wake != HKP_TIME_NEVER && wake <= n->now) wake = n->now + MS;
    return j->blocks_at != 0 && j->blocks_at < wake ? j->blocks_at : wake;
}
