/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a leader proposes (D-SMX-R1): heads that it holds itself, evidence, and the time. */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { OPS_PER_PROPOSAL = 16, HEAD_BYTES = 64 };

static int by_node_id(const void *x, const void *y) {
    const struct hkp_dsm__head *a = x, *b = y;
    return memcmp(a->node_id, b->node_id, 16);
}

static int by_bytes(const void *x, const void *y) {
    const struct hkp_dsm_view *a = x, *b = y;
    int c = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);
    return c != 0 ? c : a->len < b->len ? -1 : a->len > b->len;
}

static int by_value(const void *x, const void *y) {
    const int64_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

/* (lower) median clock of the members with sessions whose clock is known, and the own one. */
static uint64_t median_ms(node *n) {
    int64_t offsets[HKP_DSM_MEMBERS_MAX + 1];
    size_t count = 1;
    offsets[0] = 0;
    for (uint32_t i = 0; i < n->peers_max && count < HKP_DSM_MEMBERS_MAX; i++)
        if (n->peers[i].up && n->peers[i].seat >= 0 && n->peers[i].have_clock)
            offsets[count++] = n->peers[i].clock_us;
    hkp_dsm__sort(offsets, count, sizeof *offsets, by_value);
    int64_t at = (int64_t)hkp_dsm__wall_us(n) + offsets[(count - 1) / 2];
    return at > 0 ? (uint64_t)at / 1000 : 0;
}

/* How far the stored chain of an author may go into this header; 0: not at all. */
static uint64_t reach(node *n, const struct author *a, const struct hkp_dsm__head *old, uint64_t time_ms,
                      uint64_t parent_ms, uint64_t room) {
    uint64_t from = old != NULL ? old->seq : 0, to = from;
    if (room > HKP_DSM__HEAD_BLOCKS_MAX) room = HKP_DSM__HEAD_BLOCKS_MAX;
    const struct hkp_dsm__block_rules rules = hkp_dsm__header_rules(n, a, time_ms, parent_ms);
    while (to < a->tip.seq && to - from < room) {
        const struct block *b = hkp_dsm__block_at(n, a, to + 1);
        if (b == NULL || b->seen_at + n->t_cp > n->now) break;
        if (to == from && old != NULL && memcmp(b->b.prev, old->id, 32) != 0) break;
        if (hkp_dsm__block_times(&b->b, &rules) != HKP_OK) break;
        to++;
    }
    return to > from ? to : 0;
}

/* Changed heads that fit beside so many bytes of ops (D-CKP-1). */
static size_t heads_beside(size_t bytes) {
    size_t room =
        bytes < HKP_DSM__CHECKPOINT_BODY_MAX ? (HKP_DSM__CHECKPOINT_BODY_MAX - bytes) / HEAD_BYTES : 0;
    return room < HKP_DSM__CHANGED_HEADS_MAX ? room : HKP_DSM__CHANGED_HEADS_MAX;
}

static size_t choose_heads(node *n, const struct prop *parent, uint64_t time_ms, uint64_t parent_ms,
                           size_t max) {
    size_t count = 0;
    uint64_t blocks = 0;
    hkp_dsm__revoked_begin(n, parent);
    for (struct author *a = n->open; a != NULL && count < max; a = a->open_next) {
        if (a->forked || a->frozen) continue;
        ptrdiff_t found = hkp_dsm__heads_find(n->heads, a->node_id);
        const struct hkp_dsm__head *old = found >= 0 ? hkp_dsm__heads_at(n->heads, (size_t)found) : NULL;
        if (old != NULL && old->status != 0) continue;
        uint64_t to = reach(n, a, old, time_ms, parent_ms, HKP_DSM__BLOCKS_MAX - blocks);
        if (to == 0) continue;
        struct hkp_dsm__head *head = &n->changes[count++];
        *head = (struct hkp_dsm__head){.seq = to};
        memcpy(head->node_id, a->node_id, 16);
        memcpy(head->id, hkp_dsm__block_at(n, a, to)->b.id, 32);
        blocks += to - (old != NULL ? old->seq : 0);
    }
    hkp_dsm__sort(n->changes, count, sizeof *n->changes, by_node_id);
    return count;
}

static size_t choose_ops(node *n, struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops) {
    size_t count = hkp_dsm__list_ops(n, parent, time_ms, ops, OPS_PER_PROPOSAL);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += ops[i].len;
    const struct pending *asked = n->n_suspects > 0 ? hkp_dsm__pending_at(n, parent) : NULL;
    const uint8_t *accused[OPS_PER_PROPOSAL]; /* of E1 to E4: one piece each is enough */
    size_t n_accused = 0;
    for (uint32_t i = 0; i < n->n_suspects && count < OPS_PER_PROPOSAL; i++) {
        struct suspect *s = &n->suspects[i];
        struct hkp_dsm_view op = {.ptr = s->op->ptr, .len = s->op->len};
        size_t k = 0;
        while (k < n_accused && memcmp(accused[k], s->offender, 16) != 0) k++;
        if (s->class_ <= 4 && k < n_accused) continue;
        if (bytes + op.len > OPS_BYTES_MAX) continue; /* two lists may be too long */
        if (!hkp_dsm__suspect_due(n, s, asked, parent, time_ms, 1)) continue;
        if (s->class_ <= 4) accused[n_accused++] = s->offender;
        bytes += op.len;
        ops[count++] = op;
    }
    count += hkp_dsm__notes_ops(n, parent, time_ms, ops + count, OPS_PER_PROPOSAL - count);
    hkp_dsm__sort(ops, count, sizeof *ops, by_bytes);
    return count;
}

static void blocks_root(node *n, size_t heads, struct hkp_dsm__header *h) {
    struct hkp_dsm__merkle tree = {0};
    for (size_t i = 0; i < heads; i++) {
        ptrdiff_t found = hkp_dsm__heads_find(n->heads, n->changes[i].node_id);
        uint64_t from = found >= 0 ? hkp_dsm__heads_at(n->heads, (size_t)found)->seq : 0;
        const struct author *a = hkp_dsm__author(n, n->changes[i].node_id);
        for (uint64_t seq = from + 1; seq <= n->changes[i].seq; seq++) {
            uint8_t leaf[32];
            hkp_dsm__merkle_leaf(leaf, hkp_dsm__block_at(n, a, seq)->b.id, 32);
            hkp_dsm__merkle_add(&tree, leaf);
        }
    }
    hkp_dsm__merkle_root(&tree, h->blocks_root);
    h->n_blocks = tree.size;
}

static blob *proposal_message(node *n, const struct prop *p) {
    const blob *certs[HKP_DSM__PROOF_HASHES_MAX + 2];
    size_t count = 0;
    const struct slot *s = &n->slots[p->h.parent_view % SLOTS];
    if (p->h.parent_view > 0 && s->view == p->h.parent_view && s->cert[CERT_N] != NULL)
        certs[count++] = s->cert[CERT_N];
    else if (p->h.parent_view > 0 && p->h.parent_view == n->newest_n)
        certs[count++] = n->newest_cert;
    else if (p->h.parent_view > 0 && p->h.parent_view == n->root.view && n->final_n != NULL)
        certs[count++] = n->final_n;
    /* The newest first: what is missing below is asked for from the other end (R8). */
    for (uint64_t x = p->h.view - 1; x > p->h.parent_view && count < 64; x--) {
        s = &n->slots[x % SLOTS];
        if (s->view == x && s->cert[CERT_0] != NULL) certs[count++] = s->cert[CERT_0];
    }
    struct hkp_dsm_view envelope = {p->envelope->ptr, p->envelope->len}, body = {p->body->ptr, p->body->len};
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_propose(&w, &envelope, &body, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, certs[i]->ptr, certs[i]->len);
    return hkp_dsm__msg(n, &w);
}

/* The header and its body on disk before any promise names them: a NOTAR attests that they can be had. */
void hkp_dsm__prop_store(node *n, struct prop *p) {
    if (p->put_ticket != 0) return;
    uint8_t key[48];
    hkp_dsm__key_epoch_view(key, p->h.epoch, p->h.view);
    memcpy(key + 16, p->h.digest, 32);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm_cbor_put_array(&w, 3);
    if (p->envelope != NULL)
        hkp_dsm_cbor_put_bytes(&w, p->envelope->ptr, p->envelope->len);
    else
        hkp_dsm_cbor_put_simple(&w, HKP_DSM_CBOR_NULL);
    hkp_dsm_cbor_put_bytes(&w, p->header->ptr, p->header->len);
    hkp_dsm_cbor_put_bytes(&w, p->body->ptr, p->body->len);
    blob *row = w.status == HKP_OK ? hkp_dsm__bytes(n, w.out, w.len) : NULL;
    if (row == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_PROPOSAL, key, sizeof key);
        return;
    }
    p->put_ticket = hkp_dsm__put_blob(n, HKP_DSM_ROW_PROPOSAL, key, sizeof key, row);
}

/* The proposal that the WAL holds, as a message; after a restart only if its header was not lost (R7). */
void hkp_dsm__repropose(node *n, struct slot *s) {
    const struct prop *p = hkp_dsm__prop(n, s->propose_digest);
    if (p == NULL || p->envelope == NULL || s->own_msg[2] != NULL) return;
    s->own_msg[2] = proposal_message(n, p);
}

void hkp_dsm__propose_tell(node *n, struct slot *s) {
    hkp_dsm__repropose(n, s);
    if (s->own_msg[2] == NULL) return;
    if (s->young != NULL) hkp_dsm__send_members(n, 0, s->young);
    hkp_dsm__blob_drop(&n->pool, s->young);
    s->young = NULL;
    hkp_dsm__send_members(n, 0, s->own_msg[2]);
}

static void promise(node *n, struct slot *s, struct prop *p) {
    p->state = PROP_VALID;
    hkp_dsm__prop_store(n, p);
    s->proposed = 1;
    memcpy(s->propose_digest, p->h.digest, 32);
    hkp_dsm__slot_proposal(n, s, p);
    uint64_t ticket = hkp_dsm__wal(n, HKP_DSM_KIND_PROPOSE, n->set.epoch, s->view, p->h.digest);
    struct held *h = hkp_dsm__hold(n, HELD_PROPOSE, ticket);
    h->view = s->view;
    h->epoch = n->set.epoch;
}

/* Fields of the header that follow from body and parent, on which the tree stands. */
static hkp_status fill_header(node *n, const uint8_t *body, size_t len, struct hkp_dsm__header *h) {
    struct prop trial = {.used = 0};
    hkp_status st = hkp_dsm__body_parse(body, len, &trial.parsed);
    if (st != HKP_OK) return st;
    trial.h = *h;
    trial.boundary = !hkp_is_zero(h->next_valset, 32);
    struct hkp_dsm_cbor_reader at = trial.parsed.heads;
    for (size_t i = 0; i < trial.parsed.n_heads; i++) hkp_dsm__body_head(&at, &n->changes[i]);
    blocks_root(n, trial.parsed.n_heads, h);
    hkp_dsm__ops_root(&trial.parsed, h->ops_root);
    st = hkp_dsm__prop_trial(n, &trial);
    memcpy(h->heads_root, trial.h.heads_root, 32);
    h->n_heads = trial.h.n_heads;
    return st;
}

static void propose_on(node *n, struct slot *s, struct prop *parent) {
    uint64_t parent_ms = parent != NULL ? parent->h.time_ms : n->root.time_ms;
    uint64_t height = parent != NULL ? parent->h.height : n->root.height;
    struct hkp_dsm__header h = {.epoch = n->set.epoch, .view = n->view, .height = height + 1};
    const struct prop *closing = hkp_dsm__boundary_below(n, parent);
    if (closing != NULL && h.height - closing->h.height > HEIGHTS_OPEN_MAX) return;
    h.parent_view = parent != NULL ? parent->h.view : n->root.view;
    memcpy(h.parent, parent != NULL ? parent->h.digest : n->root.digest, 32);
    h.proposer = (uint64_t)n->seat;
    h.time_ms =
        hkp_dsm__header_time(hkp_dsm__wall_us(n) / 1000, parent_ms, median_ms(n), (int)n->had_nullified);
    int empty = closing != NULL || height - n->root.height >= HEIGHTS_OPEN_MAX;
    struct hkp_dsm_view ops[OPS_PER_PROPOSAL];
    size_t n_ops = empty ? 0 : choose_ops(n, parent, h.time_ms, ops);
    size_t room = 64, heads = 0, len = 0, header_len = 0, set_len = 0;
    for (size_t i = 0; i < n_ops; i++) room += ops[i].len + 8;
    if (!empty) heads = choose_heads(n, parent, h.time_ms, parent_ms, heads_beside(room));
    room += heads * HEAD_BYTES;
    blob *body = hkp_dsm__room(n, room);
    if (body == NULL) return;
    hkp_status st = hkp_dsm__body_build(n->changes, heads, ops, n_ops, body->ptr, body->len, &len);
    if (st == HKP_OK && closing == NULL && hkp_dsm__is_boundary(n, h.height, h.time_ms)) {
        st = hkp_dsm__next_set(n, hkp_dsm__pending_at(n, parent), h.height, n->scratch, &set_len);
        if (st == HKP_OK) hkp_dsm__valset_hash(h.next_valset, n->scratch, set_len);
    }
    if (st == HKP_OK) st = fill_header(n, body->ptr, len, &h);
    uint8_t header[HKP_DSM__HEADER_MAX], envelope[HKP_DSM__HEADER_MAX + HKP_DSM__ENVELOPE_OVERHEAD];
    struct hkp_dsm_view header_view = {.ptr = header}, body_view = {body->ptr, len},
                        envelope_view = {.ptr = envelope};
    if (st == HKP_OK) st = hkp_dsm__header_build(&h, header, sizeof header, &header_len);
    if (st == HKP_OK)
        st = hkp_dsm_envelope_sign(n->chain_id, HKP_DSM_KIND_PROPOSE, n->id, n->secret, header, header_len,
                                   envelope, sizeof envelope, &envelope_view.len);
    header_view.len = header_len;
    struct hkp_dsm__header parsed;
    if (st == HKP_OK) st = hkp_dsm__header_parse(n->chain_id, header, header_len, &parsed);
    struct prop *p =
        st == HKP_OK ? hkp_dsm__prop_add(n, &parsed, &header_view, &body_view, &envelope_view) : NULL;
    hkp_dsm__blob_drop(&n->pool, body);
    if (p == NULL) return;
    hkp_dsm__blob_drop(&n->pool, s->young);
    s->young = hkp_dsm__items_young(n, n->changes, p->parsed.n_heads);
    promise(n, s, p);
}

void hkp_dsm__propose(node *n) {
    struct slot *s = hkp_dsm__slot(n, n->view);
    if (s == NULL || s->proposed) return;
    struct prop *parent = hkp_dsm__newest_notarised(n);
    if (parent == NULL && n->newest_n > n->root.view) return; /* asked for its header */
    uint64_t over = parent != NULL ? parent->h.view : n->root.view;
    const uint64_t missing = hkp_dsm__null_missing(n, over, n->view);
    if (missing < n->view) {
        hkp_dsm__ask_certs(n, NULL, missing, n->view - 1);
        return;
    }
    if (!hkp_dsm__goto(n, parent)) return;
    propose_on(n, s, parent);
}
