/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-AUD-1 to D-AUD-3: the audit log, its heads, and what tampering gives. */
#include "alloc.h"
#include "kit.h"

#include "libdsm/beside/audit.h"

enum { ENTRIES = 300 };

static struct kit kit;
static const uint64_t SECOND = 1000000000U;

struct stored {
    uint8_t bytes[HKP_DSM_AUDIT_ENTRY_MAX];
    size_t len;
};
static struct stored log_[ENTRIES + 1];

static hkp_dsm_audit *log_of(const struct kit_node *node, const uint8_t *state, size_t state_len, int owner) {
    struct hkp_dsm_audit_options opt;
    hkp_dsm_audit *a = NULL;
    hkp_dsm_audit_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(node);
    opt.secret = owner ? node->secret : NULL;
    opt.state = state;
    opt.state_len = state_len;
    CHECK_EQ(hkp_dsm_audit_new(&a, &opt), HKP_OK);
    return a;
}

/* Entry i, told apart by its number. */
static hkp_status append(hkp_dsm_audit *a, hkp_time now, uint32_t i, struct stored *s) {
    uint8_t actor[16] = {1}, data[32] = {2};
    memcpy(data + 1, &i, sizeof i);
    return hkp_dsm_audit_append(a, now, 1000U + i, 1 + i % 12, actor, data, s->bytes, sizeof s->bytes,
                                &s->len);
}

static struct hkp_dsm_audit_head head_of(hkp_dsm_audit *a, hkp_time now, int force) {
    uint8_t bytes[HKP_DSM_AUDIT_HEAD_MAX];
    size_t len = 0;
    struct hkp_dsm_audit_head head = {0};
    struct hkp_dsm_audit_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_audit_status(a, &status), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_stored(a, status.size), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head(a, now, 5, force, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head_check(bytes, len, kit.chain_id, &kit.directory, KIT_NOW_S, &head), HKP_OK);
    return head;
}

/* A log of n entries in log_, with its last head. */
static struct hkp_dsm_audit_head written(uint32_t n, struct hkp_dsm_audit_head *earlier) {
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1);
    for (uint32_t i = 0; i < n; i++) {
        if (i == n / 2) *earlier = head_of(a, 0, 1);
        CHECK_EQ(append(a, 0, i, &log_[i]), HKP_OK);
    }
    struct hkp_dsm_audit_head head = head_of(a, 0, 1);
    hkp_dsm_audit_free(a);
    return head;
}

/* Verdict of a reader about entries [n] and a head. */
static hkp_status read_again(const struct stored *entries, size_t n, const struct hkp_dsm_audit_head *head) {
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 0);
    hkp_status st = HKP_OK;
    for (size_t i = 0; i < n && st == HKP_OK; i++)
        st = hkp_dsm_audit_replay(a, entries[i].bytes, entries[i].len);
    if (st == HKP_OK) st = hkp_dsm_audit_agree(a, head);
    hkp_dsm_audit_free(a);
    return st;
}

/* The forger builds the chain anew from entry `from` on, as an owner of the disk but not of the key can. */
static void chain_anew(struct stored *entries, size_t from, size_t n) {
    for (size_t i = from; i < n; i++) {
        struct hkp_dsm_audit_entry e;
        CHECK_EQ(hkp_dsm_audit_entry_parse(entries[i].bytes, entries[i].len, &e), HKP_OK);
        e.index = i;
        memset(e.prev, 0, 32);
        if (i > 0) hkp_dsm__audit_prev(e.prev, entries[i - 1].bytes, entries[i - 1].len);
        entries[i].len = hkp_dsm__audit_entry_build(&e, entries[i].bytes, sizeof entries[i].bytes);
    }
}

static void a_log_is_a_chain_and_a_tree(void) {
    struct hkp_dsm_audit_head earlier;
    uint8_t leaves[40][32], root[32], prev[32] = {0};
    struct hkp_dsm__merkle m = {.size = 0};
    const struct hkp_dsm_audit_head head = written(40, &earlier);
    for (size_t i = 0; i < 40; i++) {
        struct hkp_dsm_audit_entry e;
        CHECK_EQ(hkp_dsm_audit_entry_parse(log_[i].bytes, log_[i].len, &e), HKP_OK);
        CHECK_EQ(e.index, i);
        CHECK_EQ(e.time_us, 1000 + i);
        CHECK_EQ(e.type, 1 + i % 12);
        CHECK_MEM(e.prev, prev, 32);
        hkp_dsm__hash(prev, "audit", &(struct hkp_dsm_view){log_[i].bytes, log_[i].len}, 1);
        hkp_dsm__merkle_leaf(leaves[i], log_[i].bytes, log_[i].len);
        hkp_dsm__merkle_add(&m, leaves[i]);
    }
    hkp_dsm__merkle_root(&m, root);
    CHECK_MEM(head.root, root, 32);
    CHECK_EQ(head.size, 40);
    CHECK_EQ(head.previous_size, 20);
    CHECK_MEM(head.node_id, kit_id(&kit.node[0]), 16);
    CHECK_EQ(hkp_dsm_audit_head_follows(&earlier, &head), HKP_OK);
    CHECK_EQ(read_again(log_, 40, &head), HKP_OK);
}

static void a_head_is_due_every_256_entries_or_60_seconds(void) {
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1);
    uint8_t bytes[HKP_DSM_AUDIT_HEAD_MAX];
    size_t len = 77;
    struct stored s;
    CHECK_EQ(hkp_dsm_audit_wake(a), HKP_TIME_NEVER);
    CHECK_EQ(hkp_dsm_audit_head(a, 900 * SECOND, 1, 1, bytes, sizeof bytes, &len), HKP_E_NOTFOUND);
    CHECK_EQ(append(a, 1000 * SECOND, 0, &s), HKP_OK);
    CHECK_EQ(append(a, 1030 * SECOND, 1, &s), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_wake(a), 1060 * SECOND);
    CHECK_EQ(hkp_dsm_audit_stored(a, 2), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head(a, 1060 * SECOND - 1, 1, 0, bytes, sizeof bytes, &len), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_audit_head(a, 1060 * SECOND, 1, 0, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_wake(a), HKP_TIME_NEVER);
    for (uint32_t i = 0; i < 256; i++) {
        CHECK(hkp_dsm_audit_wake(a) > 1061 * SECOND);
        CHECK_EQ(append(a, 1061 * SECOND, i, &s), HKP_OK);
    }
    CHECK_EQ(hkp_dsm_audit_wake(a), 1061 * SECOND);
    CHECK_EQ(append(a, 1061 * SECOND, 0, &s), HKP_E_LIMIT);
    (void)head_of(a, 1061 * SECOND, 0);
    CHECK_EQ(append(a, 1061 * SECOND, 0, &s), HKP_OK);
    hkp_dsm_audit_free(a);
}

/* What is told to others must not be lost by a crash: another log of the same size would look like a fork. */
static void a_head_waits_until_its_entries_are_durable(void) {
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1);
    uint8_t bytes[HKP_DSM_AUDIT_HEAD_MAX];
    size_t len = 77;
    struct stored s;
    CHECK_EQ(append(a, 0, 0, &s), HKP_OK);
    CHECK_EQ(append(a, 0, 1, &s), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_stored(a, 1), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_stored(a, 3), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_head(a, 60 * SECOND, 1, 0, bytes, sizeof bytes, &len), HKP_E_STATE);
    CHECK_EQ(hkp_dsm_audit_stored(a, 2), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head(a, 60 * SECOND, 1, 0, bytes, 100, &len), HKP_E_NOSPC);
    CHECK_EQ(len, 77);
    CHECK_EQ(hkp_dsm_audit_head(a, 60 * SECOND, 1, 0, bytes, sizeof bytes, &len), HKP_OK);
    hkp_dsm_audit_free(a);
}

static void wrong_calls_change_nothing(void) {
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1), *reader = log_of(&kit.node[0], NULL, 0, 0);
    uint8_t actor[16] = {0}, data[32] = {0}, bytes[HKP_DSM_AUDIT_HEAD_MAX];
    struct hkp_dsm_audit_status status = {.struct_size = sizeof status};
    struct stored s;
    size_t len = 77;
    CHECK_EQ(hkp_dsm_audit_append(a, 0, 0, 0, actor, data, bytes, sizeof bytes, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_append(a, 0, 0, 13, actor, data, bytes, sizeof bytes, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_append(a, 0, 0, 1, actor, data, bytes, 80, &len), HKP_E_NOSPC);
    CHECK_EQ(append(reader, 0, 0, &s), HKP_E_STATE);
    CHECK_EQ(hkp_dsm_audit_head(reader, 0, 0, 1, bytes, sizeof bytes, &len), HKP_E_STATE);
    CHECK_EQ(len, 77);
    CHECK_EQ(hkp_dsm_audit_status(a, &status), HKP_OK);
    CHECK_EQ(status.size, 0);
    status.struct_size = 4;
    CHECK_EQ(hkp_dsm_audit_status(a, &status), HKP_E_INVAL);
    hkp_dsm_audit_free(a);
    hkp_dsm_audit_free(reader);
}

/* D-AUD-2: each of these by itself, and with the chain built anew behind it. */
static void edits_inserts_deletes_and_reorderings_break_chain_or_root(void) {
    static struct stored bad[ENTRIES + 1];
    struct hkp_dsm_audit_head earlier;
    const struct hkp_dsm_audit_head head = written(40, &earlier);
    for (size_t at = 0; at < 40; at++) {
        for (int kind = 0; kind < 4; kind++) {
            size_t n = 40;
            memcpy(bad, log_, sizeof bad);
            if (kind == 0) bad[at].bytes[bad[at].len - 40] ^= 1; /* its data */
            if (kind == 1) {
                memmove(&bad[at + 1], &bad[at], (40 - at) * sizeof *bad);
                n = 41;
            }
            if (kind == 2) {
                memmove(&bad[at], &bad[at + 1], (39 - at) * sizeof *bad);
                n = 39;
            }
            if (kind == 3) {
                const struct stored swap = bad[at];
                bad[at] = bad[(at + 7) % 40];
                bad[(at + 7) % 40] = swap;
            }
            const hkp_status plain = read_again(bad, n, &head);
            if (kind == 0) CHECK_EQ(plain, at == 39 ? HKP_E_DSM_PROOF : HKP_E_DSM_PREV);
            if (kind == 1) CHECK_EQ(plain, HKP_E_DSM_OLD);
            if (kind == 2) CHECK_EQ(plain, HKP_E_DSM_GAP);
            if (kind == 3) CHECK_EQ(plain, HKP_E_DSM_GAP);
            chain_anew(bad, 0, n);
            CHECK_EQ(read_again(bad, n, &head),
                     kind == 1 ? HKP_E_STATE : (kind == 2 ? HKP_E_DSM_GAP : HKP_E_DSM_PROOF));
            if (kind == 1 && at < 39) CHECK_EQ(read_again(bad, 40, &head), HKP_E_DSM_PROOF);
        }
    }
    CHECK_EQ(read_again(log_, 40, &head), HKP_OK);
}

/* Behind the last head nothing protects the tail: D-AUD-2 says so, and this is what it means. */
static void truncation_behind_a_head_is_seen_and_of_the_tail_is_not(void) {
    struct hkp_dsm_audit_head earlier;
    const struct hkp_dsm_audit_head head = written(40, &earlier);
    for (size_t n = 0; n < 40; n++) CHECK_EQ(read_again(log_, n, &head), HKP_E_DSM_GAP);
    CHECK_EQ(read_again(log_, 20, &earlier), HKP_OK);
    CHECK_EQ(read_again(log_, 21, &earlier), HKP_E_STATE);
}

static void heads_follow_each_other(void) {
    struct hkp_dsm_audit_head earlier;
    struct hkp_dsm_audit_head head = written(40, &earlier), other = head;
    CHECK_EQ(hkp_dsm_audit_head_follows(&head, &earlier), HKP_E_DSM_STALE);
    CHECK_EQ(hkp_dsm_audit_head_follows(&head, &head), HKP_E_DSM_STALE);
    other.previous_root[0] ^= 1;
    CHECK_EQ(hkp_dsm_audit_head_follows(&earlier, &other), HKP_E_DSM_FORK);
    other = head;
    other.previous_size = 21;
    CHECK_EQ(hkp_dsm_audit_head_follows(&earlier, &other), HKP_E_DSM_GAP);
    other.previous_size = 19;
    CHECK_EQ(hkp_dsm_audit_head_follows(&earlier, &other), HKP_E_DSM_PREV);
    other.node_id[0] ^= 1;
    CHECK_EQ(hkp_dsm_audit_head_follows(&earlier, &other), HKP_E_DSM_NODE_ID);
    hkp_dsm_audit *a = log_of(&kit.node[1], NULL, 0, 0);
    CHECK_EQ(hkp_dsm_audit_agree(a, &head), HKP_E_DSM_NODE_ID);
    hkp_dsm_audit_free(a);
}

static hkp_status judged(struct hkp_dsm_audit_head h, const struct kit_node *node, uint64_t at_s) {
    uint8_t body[256], bytes[HKP_DSM_AUDIT_HEAD_MAX];
    size_t len = 0;
    struct hkp_dsm_audit_head out;
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    hkp_dsm_cbor_put_map(&w, 6); /* by hand: the library would not write what is wrong */
    hkp_dsm_cbor_put_uint(&w, 0), hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, 1), hkp_dsm_cbor_put_uint(&w, h.size);
    hkp_dsm_cbor_put_uint(&w, 2), hkp_dsm_cbor_put_bytes(&w, h.root, 32);
    hkp_dsm_cbor_put_uint(&w, 3), hkp_dsm_cbor_put_uint(&w, h.time_us);
    hkp_dsm_cbor_put_uint(&w, 4), hkp_dsm_cbor_put_uint(&w, h.previous_size);
    hkp_dsm_cbor_put_uint(&w, 5), hkp_dsm_cbor_put_bytes(&w, h.previous_root, 32);
    len = kit_sign(&kit, node, HKP_DSM_KIND_AUDIT_HEAD, body, w.len, bytes, sizeof bytes);
    memset(&out, 0xA5, sizeof out);
    const hkp_status st = hkp_dsm_audit_head_check(bytes, len, kit.chain_id, &kit.directory, at_s, &out);
    for (size_t i = 0; st != HKP_OK && i < sizeof out; i++) CHECK_EQ(((uint8_t *)&out)[i], 0xA5);
    bytes[len - 1] ^= 1;
    if (st == HKP_OK)
        CHECK_EQ(hkp_dsm_audit_head_check(bytes, len, kit.chain_id, &kit.directory, at_s, &out),
                 HKP_E_DSM_SIG);
    return st;
}

static void a_head_counts_only_with_its_signer(void) {
    struct hkp_dsm_audit_head earlier;
    struct hkp_dsm_audit_head head = written(4, &earlier), bad = head;
    struct kit_node *node = &kit.node[0];
    CHECK_EQ(judged(head, node, KIT_NOW_S), HKP_OK);
    CHECK_EQ(judged(head, node, KIT_NOW_S + 15 * 86400 + 300), HKP_E_DSM_EXPIRED);
    CHECK_EQ(judged(head, node, KIT_NOW_S - 15 * 86400 - 301), HKP_E_DSM_NOT_YET);
    node->revoked = 1;
    CHECK_EQ(judged(head, node, KIT_NOW_S), HKP_E_DSM_REVOKED);
    node->revoked = 0;
    node->known = 0;
    CHECK_EQ(judged(head, node, KIT_NOW_S), HKP_E_DSM_SIGNER);
    node->known = 1;
    bad.size = bad.previous_size;
    CHECK_EQ(judged(bad, node, KIT_NOW_S), HKP_E_DSM_SCHEMA);
    bad = head;
    bad.previous_size = 0; /* with the root of entries */
    CHECK_EQ(judged(bad, node, KIT_NOW_S), HKP_E_DSM_SCHEMA);
    bad.size = HKP_DSM__AUDIT_SIZE_MAX + 1;
    CHECK_EQ(judged(bad, node, KIT_NOW_S), HKP_E_DSM_SCHEMA);
}

/* A start: from the saved state and the entries behind it, or from all entries, it is the same log. */
static void a_log_goes_on_after_a_start(void) {
    uint8_t state[HKP_DSM_AUDIT_STATE_MAX];
    size_t len = 0;
    struct stored s;
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1);
    for (uint32_t i = 0; i < 100; i++) CHECK_EQ(append(a, 0, i, &log_[i]), HKP_OK);
    const struct hkp_dsm_audit_head first = head_of(a, 0, 1);
    for (uint32_t i = 100; i < 200; i++) {
        if (i == 150) CHECK_EQ(hkp_dsm_audit_save(a, state, sizeof state, &len), HKP_OK);
        CHECK_EQ(append(a, 0, i, &log_[i]), HKP_OK);
    }
    hkp_dsm_audit *b = log_of(&kit.node[0], state, len, 1), *c = log_of(&kit.node[0], NULL, 0, 1);
    for (uint32_t i = 150; i < 200; i++)
        CHECK_EQ(hkp_dsm_audit_replay(b, log_[i].bytes, log_[i].len), HKP_OK);
    for (uint32_t i = 0; i < 200; i++) {
        if (i == 100) CHECK_EQ(hkp_dsm_audit_agree(c, &first), HKP_OK);
        CHECK_EQ(hkp_dsm_audit_replay(c, log_[i].bytes, log_[i].len), HKP_OK);
    }
    CHECK_EQ(hkp_dsm_audit_wake(b), 0); /* how old they are is not known: at once */
    const struct hkp_dsm_audit_head of_a = head_of(a, 0, 1), of_b = head_of(b, 0, 0), of_c = head_of(c, 0, 0);
    CHECK_MEM(&of_a, &of_b, sizeof of_a);
    CHECK_MEM(&of_a, &of_c, sizeof of_a);
    CHECK_EQ(hkp_dsm_audit_head_follows(&first, &of_b), HKP_OK);
    CHECK_EQ(append(b, 0, 200, &s), HKP_OK);
    hkp_dsm_audit_free(a);
    hkp_dsm_audit_free(b);
    hkp_dsm_audit_free(c);
}

static hkp_status loads(const uint8_t *state, size_t len) {
    struct hkp_dsm_audit_options opt;
    hkp_dsm_audit *a = NULL;
    hkp_dsm_audit_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(&kit.node[0]);
    opt.state = state;
    opt.state_len = len;
    const hkp_status st = hkp_dsm_audit_new(&a, &opt);
    hkp_dsm_audit_free(a);
    return st;
}

static void a_damaged_state_is_refused(void) {
    uint8_t state[HKP_DSM_AUDIT_STATE_MAX];
    size_t len = 0;
    struct stored s;
    hkp_dsm_audit *a = log_of(&kit.node[0], NULL, 0, 1);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(append(a, 0, i, &s), HKP_OK);
    (void)head_of(a, 0, 1);
    CHECK_EQ(hkp_dsm_audit_save(a, state, sizeof state, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_save(a, state, len - 1, &len), HKP_E_NOSPC);
    CHECK_EQ(hkp_dsm_audit_save(a, state, sizeof state, &len), HKP_OK);
    CHECK_EQ(loads(state, len), HKP_OK);
    CHECK_EQ(loads(state, len - 1), HKP_E_DSM_CBOR_TRUNCATED);
    state[2] = 2;
    CHECK_EQ(loads(state, len), HKP_E_DSM_VERSION);
    state[2] = 1;
    state[4] = 4; /* four entries have one hash, not two */
    CHECK_EQ(loads(state, len), HKP_E_DSM_SCHEMA);
    state[4] = 5;
    state[len - 1] ^= 1;
    CHECK_EQ(loads(state, len), HKP_E_DSM_SCHEMA);
    state[len - 1] ^= 1;
    CHECK_EQ(loads(state, len), HKP_OK);
    hkp_dsm_audit_free(a);
}

/* ---- Proofs ---- */

static size_t prove(hkp_dsm_audit_prover *p, const struct stored *entries, size_t n, uint8_t *dst) {
    size_t len = 77;
    for (size_t i = 0; i < n; i++) {
        CHECK_EQ(hkp_dsm_audit_prover_write(p, dst, HKP_DSM_AUDIT_PROOF_MAX, &len), HKP_E_STATE);
        CHECK_EQ(hkp_dsm_audit_prover_feed(p, entries[i].bytes, entries[i].len), HKP_OK);
    }
    CHECK_EQ(hkp_dsm_audit_prover_write(p, dst, HKP_DSM_AUDIT_PROOF_MAX, &len), HKP_OK);
    hkp_dsm_audit_prover_free(p);
    return len;
}

/* Heads of every size, without signatures. */
static void all_heads(struct hkp_dsm_audit_head *heads, size_t n) {
    struct hkp_dsm__merkle m = {.size = 0};
    for (size_t i = 0; i < n; i++) {
        uint8_t leaf[32];
        hkp_dsm__merkle_leaf(leaf, log_[i].bytes, log_[i].len);
        hkp_dsm__merkle_add(&m, leaf);
        heads[i] = (struct hkp_dsm_audit_head){.size = i + 1};
        hkp_dsm__merkle_root(&m, heads[i].root);
    }
}

static void every_entry_is_proven_under_every_head(void) {
    static struct hkp_dsm_audit_head heads[33];
    struct hkp_dsm_audit_head earlier;
    uint8_t proof[HKP_DSM_AUDIT_PROOF_MAX];
    (void)written(33, &earlier);
    all_heads(heads, 33);
    for (size_t size = 1; size <= 33; size++)
        for (size_t index = 0; index < size; index++) {
            hkp_dsm_audit_prover *p = NULL;
            struct hkp_dsm_audit_entry e;
            CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, NULL, index, size), HKP_OK);
            const size_t len = prove(p, log_, size, proof);
            const struct stored *s = &log_[index], *other = &log_[(index + 1) % 33];
            CHECK_EQ(hkp_dsm_audit_included(proof, len, s->bytes, s->len, &heads[size - 1], &e), HKP_OK);
            CHECK_EQ(e.index, index);
            CHECK_EQ(hkp_dsm_audit_included(proof, len, other->bytes, other->len, &heads[size - 1], &e),
                     HKP_E_DSM_PROOF);
            CHECK_EQ(hkp_dsm_audit_included(proof, len, s->bytes, s->len, &heads[size % 33], &e),
                     HKP_E_DSM_PROOF);
            proof[len - 1] ^= 1;
            if (size > 1)
                CHECK_EQ(hkp_dsm_audit_included(proof, len, s->bytes, s->len, &heads[size - 1], &e),
                         HKP_E_DSM_PROOF);
        }
}

/* D-MRK-2: the path of entry 0 is the same in trees of 3 and of 4; the head says which it is. */
static void the_size_in_a_proof_is_that_of_the_head(void) {
    static struct hkp_dsm_audit_head heads[4];
    struct hkp_dsm_audit_head earlier;
    struct hkp_dsm_audit_entry e;
    uint8_t proof[HKP_DSM_AUDIT_PROOF_MAX];
    hkp_dsm_audit_prover *p = NULL;
    (void)written(4, &earlier);
    all_heads(heads, 4);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, NULL, 0, 3), HKP_OK);
    const size_t len = prove(p, log_, 3, proof);
    CHECK_EQ(hkp_dsm_audit_included(proof, len, log_[0].bytes, log_[0].len, &heads[2], &e), HKP_OK);
    proof[2] = 4;
    CHECK_EQ(hkp_dsm_audit_included(proof, len, log_[0].bytes, log_[0].len, &heads[2], &e), HKP_E_DSM_PROOF);
}

static void growth_is_proven_between_all_heads(void) {
    static struct hkp_dsm_audit_head heads[33];
    struct hkp_dsm_audit_head earlier;
    uint8_t proof[HKP_DSM_AUDIT_PROOF_MAX];
    (void)written(33, &earlier);
    all_heads(heads, 33);
    for (size_t size = 1; size <= 33; size++)
        for (size_t old = 1; old <= size; old++) {
            hkp_dsm_audit_prover *p = NULL;
            CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, NULL, old, size), HKP_OK);
            const size_t len = prove(p, log_, size, proof);
            struct hkp_dsm_audit_head forged = heads[old - 1], other = heads[size - 1];
            CHECK_EQ(hkp_dsm_audit_consistent(proof, len, &heads[old - 1], &heads[size - 1]), HKP_OK);
            forged.root[0] ^= 1;
            CHECK_EQ(hkp_dsm_audit_consistent(proof, len, &forged, &heads[size - 1]), HKP_E_DSM_PROOF);
            CHECK_EQ(hkp_dsm_audit_consistent(proof, len, &heads[old % 33], &heads[size - 1]),
                     HKP_E_DSM_PROOF);
            other.node_id[0] = 1;
            CHECK_EQ(hkp_dsm_audit_consistent(proof, len, &heads[old - 1], &other), HKP_E_DSM_NODE_ID);
        }
}

/* A log that was rewritten below an older head has no consistency proof, however it is made. */
static void a_rewritten_log_is_not_consistent(void) {
    static struct hkp_dsm_audit_head heads[33];
    static struct stored bad[33];
    struct hkp_dsm_audit_head earlier, rewritten = {.size = 33};
    struct hkp_dsm__merkle m = {.size = 0};
    uint8_t proof[HKP_DSM_AUDIT_PROOF_MAX], leaf[32];
    hkp_dsm_audit_prover *p = NULL;
    (void)written(33, &earlier);
    all_heads(heads, 33);
    memcpy(bad, log_, sizeof bad);
    bad[3].bytes[bad[3].len - 40] ^= 1;
    chain_anew(bad, 3, 33);
    for (size_t i = 0; i < 33; i++) {
        hkp_dsm__merkle_leaf(leaf, bad[i].bytes, bad[i].len);
        hkp_dsm__merkle_add(&m, leaf);
    }
    hkp_dsm__merkle_root(&m, rewritten.root);
    CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, NULL, 20, 33), HKP_OK);
    const size_t len = prove(p, bad, 33, proof);
    CHECK_EQ(hkp_dsm_audit_consistent(proof, len, &heads[19], &rewritten), HKP_E_DSM_PROOF);
}

static void provers_take_entries_in_order(void) {
    hkp_dsm_audit_prover *p = NULL;
    struct hkp_dsm_audit_head earlier;
    (void)written(4, &earlier);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, NULL, 4, 4), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, NULL, 0, HKP_DSM__AUDIT_SIZE_MAX + 1), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, NULL, 0, 4), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, NULL, 5, 4), HKP_E_INVAL);
    CHECK(p == NULL);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, NULL, 1, 4), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_prover_feed(p, log_[1].bytes, log_[1].len), HKP_E_DSM_GAP);
    CHECK_EQ(hkp_dsm_audit_prover_feed(p, log_[0].bytes, log_[0].len), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_prover_feed(p, log_[0].bytes, log_[0].len), HKP_E_DSM_GAP);
    hkp_dsm_audit_prover_free(p);
    CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, NULL, HKP_DSM__AUDIT_SIZE_MAX - 1, HKP_DSM__AUDIT_SIZE_MAX),
             HKP_OK); /* the longest proof has a place for each of its hashes */
    hkp_dsm_audit_prover_free(p);
}

static void every_allocation_may_fail(void) {
    struct failing f = {.left = 0};
    struct hkp_mem mem = failing_mem(&f);
    struct hkp_dsm_audit_options opt;
    hkp_dsm_audit *a = NULL;
    hkp_dsm_audit_prover *p = NULL;
    hkp_dsm_audit_options_init(&opt, sizeof opt);
    opt.mem = mem;
    CHECK_EQ(hkp_dsm_audit_new(&a, &opt), HKP_E_INVAL);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(&kit.node[0]);
    CHECK_EQ(hkp_dsm_audit_new(&a, &opt), HKP_E_NOMEM);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, &mem, 0, 1), HKP_E_NOMEM);
    CHECK_EQ(hkp_dsm_audit_prover_consistency(&p, &mem, 1, 1), HKP_E_NOMEM);
    CHECK(a == NULL && p == NULL);
    f.left = -1;
    CHECK_EQ(hkp_dsm_audit_new(&a, &opt), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_prover_inclusion(&p, &mem, 0, 1), HKP_OK);
    hkp_dsm_audit_free(a);
    hkp_dsm_audit_prover_free(p);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    kit_begin(&kit);
    (void)kit_add(&kit, HKP_DSM_ROLE_EDGE, 1);
    (void)kit_add(&kit, HKP_DSM_ROLE_EDGE, 2);
    CASE(a_log_is_a_chain_and_a_tree);
    CASE(a_head_is_due_every_256_entries_or_60_seconds);
    CASE(a_head_waits_until_its_entries_are_durable);
    CASE(wrong_calls_change_nothing);
    CASE(edits_inserts_deletes_and_reorderings_break_chain_or_root);
    CASE(truncation_behind_a_head_is_seen_and_of_the_tail_is_not);
    CASE(heads_follow_each_other);
    CASE(a_head_counts_only_with_its_signer);
    CASE(a_log_goes_on_after_a_start);
    CASE(a_damaged_state_is_refused);
    CASE(every_entry_is_proven_under_every_head);
    CASE(the_size_in_a_proof_is_that_of_the_head);
    CASE(growth_is_proven_between_all_heads);
    CASE(a_rewritten_log_is_not_consistent);
    CASE(provers_take_entries_in_order);
    CASE(every_allocation_may_fail);
    return check_done();
}
