/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The verifier: an honest history is exact however it comes, every other one is named and placed (NZ1 17). */
#include "libneuro/verifier.h"
#include "pair.h"

static struct pair w;
static struct failing memory;

/* Records of a log from an index on. */
struct tape {
    uint8_t bytes[262144];
    size_t len, count;
    uint64_t first;
};
static struct tape tape, other;

static void tape_add(struct tape *t, const uint8_t *bytes, size_t len) {
    CHECK(t->len + len <= sizeof t->bytes);
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->count++;
}

static void tape_from(struct tape *t, uint64_t first) {
    t->len = t->count = 0;
    t->first = first;
    for (size_t i = 0; i < w.n_log; i++)
        if (w.log[i].index >= first) tape_add(t, w.log[i].bytes, w.log[i].len);
}

/* Offset of the k-th record of a type. */
static size_t tape_find(const struct tape *t, uint32_t type, unsigned k, size_t *size) {
    for (size_t at = 0; at < t->len; at += *size) {
        *size = 8U + hkp_le16(t->bytes + at + 2);
        if (hkp_le16(t->bytes + at) == type && k-- == 0) return at;
    }
    CHECK(0 && "no such record");
    return 0;
}

static void reseal(struct tape *t, size_t at) {
    uint8_t copy[HKP_TER_LOG_RECORD_MAX];
    size_t size = 8U + hkp_le16(t->bytes + at + 2), len;
    memcpy(copy, t->bytes + at + 8, size - 8);
    CHECK_EQ(hkp_ter_log_record_encode(hkp_le16(t->bytes + at), copy, size - 8, t->bytes + at, size, &len),
             HKP_OK);
}

static void cut(struct tape *t, size_t at, size_t size) {
    memmove(t->bytes + at, t->bytes + at + size, t->len - at - size);
    t->len -= size;
    t->count--;
}

static hkp_neuro_verifier *verifier_make(uint32_t keep) {
    struct hkp_neuro_verifier_options o;
    hkp_neuro_verifier *v = NULL;
    hkp_neuro_verifier_options_init(&o, sizeof o);
    memcpy(o.node_id, w.opt.owner_id, 16);
    memcpy(o.device_public, w.opt.owner_public, 32);
    o.policy_keys = w.policy_public;
    o.n_policy_keys = 1;
    o.keep = keep;
    o.keep_every = 32;
    o.mem = failing_mem(&memory);
    CHECK_EQ(hkp_neuro_verifier_new(&v, &o), HKP_OK);
    return v;
}

/* The state where the instance began, which the holder keeps until its second commit. */
static hkp_neuro_commit *enrolled(uint64_t seed) {
    hkp_neuro_commit *c = NULL;
    pair_begin(&w, seed);
    w.opt.commit_ters = 24;
    pair_connect(&w);
    CHECK_EQ(hkp_neuro_holder_commit(w.holder, 0, &c), HKP_OK);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    return c;
}

static hkp_neuro_commit *device_of_200(uint64_t seed) {
    hkp_neuro_commit *c = enrolled(seed);
    for (int i = 0; i < 200; i++) {
        if (i == 90) pair_rebase(&w);
        pair_second(&w);
    }
    pair_sync(&w);
    pair_tend(&w);
    tape_from(&tape, hkp_neuro_commit_index(c));
    return c;
}

static hkp_status feed_all(hkp_neuro_verifier *v, const struct tape *t) {
    size_t at = 0, taken = 0;
    hkp_status st = HKP_OK;
    while (at < t->len && st == HKP_OK) {
        st = hkp_neuro_verifier_feed(v, t->bytes + at, t->len - at, 16, &taken);
        at += taken;
        if (taken == 0) break;
    }
    return st;
}

static void end(hkp_neuro_verifier *v, hkp_neuro_commit *c) {
    hkp_neuro_verifier_free(v);
    hkp_neuro_commit_unref(c);
    pair_end(&w);
    CHECK_EQ(memory.live, 0);
}

static struct hkp_neuro_verifier_info info_of(const hkp_neuro_verifier *v) {
    struct hkp_neuro_verifier_info info = {.struct_size = sizeof info};
    CHECK_EQ(hkp_neuro_verifier_info(v, &info), HKP_OK);
    return info;
}

static void expect(const struct hkp_neuro_verdict *d, uint32_t verdict, const char *words) {
    const int before = check_faults;
    CHECK_EQ(d->verdict, verdict);
    CHECK(strstr(d->reason, words) != NULL);
    CHECK_NOTE(before, "\"%s\" instead of \"%s\"", d->reason, words);
}

static void an_honest_history_is_exact_in_batches_of_any_size(void) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    struct hkp_neuro_verdict d;
    uint8_t propose[112];
    hkp_neuro_commit *c = device_of_200(check_seed());
    for (int way = 0; way < 3; way++) {
        hkp_neuro_verifier *v = verifier_make(0);
        hkp_neuro_verifier_commit(v, c);
        for (size_t at = 0, taken; at < tape.len; at += taken) {
            const uint32_t budget = way == 0 ? 1 : 1 + (uint32_t)(check_random(&w.random) % 40);
            size_t len = tape.len - at;
            if (way == 2 && len > 500) len = 300 + (size_t)(check_random(&w.random) % 200);
            const uint64_t before = info_of(v).index;
            const hkp_status st = hkp_neuro_verifier_feed(v, tape.bytes + at, len, budget, &taken);
            /* a batch may end within a record: what is whole of it is taken */
            CHECK(st == HKP_OK || (way == 2 && st == HKP_E_NEURO_SYN_LENGTH && taken > 0));
            CHECK(info_of(v).index - before <= budget);
            if (taken == 0) break;
        }
        CHECK_EQ(info_of(v).index, w.cursor.index);
        CHECK_MEM(info_of(v).h, w.cursor.h, 32);
        CHECK_EQ(info_of(v).policy_ver, 4);
        CHECK(info_of(v).checkpoints >= 5);
        hkp_neuro_verifier_verdict(v, &d);
        expect(&d, HKP_NEURO_VERDICT_OPEN, "follow each other");
        hkp_neuro_state_encode(w.owner->live.state, bytes);
        CHECK_EQ(hkp_neuro_verifier_check_state(v, w.cursor.index, w.cursor.h, bytes, sizeof bytes, &d),
                 HKP_OK);
        expect(&d, HKP_NEURO_VERDICT_EXACT, "bit for bit");
        CHECK_EQ(d.drift_ppm, 0);
        hkp_neuro__propose_write(&w.owner->live, c, propose);
        hkp_neuro_verifier_check_propose(v, propose, c, &d);
        expect(&d, HKP_NEURO_VERDICT_EXACT, "bit for bit");
        hkp_neuro_verifier_free(v);
    }
    end(NULL, c);
}

/* As messages, some twice and some in part, with a rebase right at the stop: state n is the one before it. */
static void log_messages_stop_before_a_rebase(void) {
    static uint8_t msg[HKP_NEURO_SEND_MAX];
    struct hkp_neuro_verdict d;
    hkp_neuro_commit *c = device_of_200(check_seed());
    hkp_neuro_verifier *v = verifier_make(0);
    size_t size, rebase = tape_find(&tape, HKP_TER_LOG_REBASE, 0, &size);
    const uint64_t n = hkp_le64(tape.bytes + rebase + 8);
    hkp_neuro_verifier_commit(v, c);
    hkp_neuro_verifier_until(v, n);
    for (int twice = 0; twice < 2; twice++) {
        uint64_t first = tape.first;
        for (size_t at = 0; at < tape.len;) {
            size_t len = 12, count = 0;
            uint32_t left = 1;
            hkp_put_le64(msg + 4, first);
            while (count < 30 && at < tape.len) {
                size = 8U + hkp_le16(tape.bytes + at + 2);
                memcpy(msg + len, tape.bytes + at, size);
                first += hkp_le16(tape.bytes + at) == HKP_TER_LOG_TER;
                len += size;
                at += size;
                count++;
            }
            hkp_neuro__msg_head(msg, HKP_NEURO_MSG_LOG, (uint32_t)count);
            for (int round = 0; left; round++) {
                const hkp_status st = hkp_neuro_verifier_message(v, msg, len, 7, &left);
                CHECK(st == HKP_OK || (hkp_le64(msg + 4) > n && st == HKP_E_NOTFOUND));
                CHECK(round < 10);
                if (st != HKP_OK) break;
            }
        }
        CHECK_EQ(info_of(v).index, twice ? w.cursor.index : n);
        CHECK_EQ(info_of(v).policy_ver, twice ? 4 : 3);
        hkp_neuro_verifier_until(v, 0);
    }
    hkp_neuro_verifier_check_tck(v, w.tck, &d);
    CHECK(d.verdict == HKP_NEURO_VERDICT_EXACT || d.verdict == HKP_NEURO_VERDICT_OPEN);
    end(v, c);
}

enum {
    EDITED,
    EDITED_WITH_H,
    DELETED,
    INSERTED,
    REORDERED,
    NO_CHECKPOINT,
    CHECKPOINT_EDITED,
    REBASE_EDITED,
    KINDS
};

static void damage(struct tape *t, int kind) {
    uint8_t record[HKP_TER_LOG_RECORD_MAX];
    size_t size, at = tape_find(t, HKP_TER_LOG_TER, 20, &size);
    switch (kind) {
    case EDITED:
        t->bytes[at + 8 + 40] ^= 1;
        reseal(t, at);
        break;
    case EDITED_WITH_H: { /* the editor knows the chain, and so the next TER shows it by its CRC */
        uint8_t h[32];
        memcpy(h, t->bytes + at - 32, 32);
        t->bytes[at + 8 + 40] ^= 1;
        hkp_ter_chain_step(h, t->bytes + at + 8, t->bytes + at + 72);
        reseal(t, at);
        break;
    }
    case DELETED:
        cut(t, at, size);
        break;
    case INSERTED: /* one from before, once more */
        memcpy(record, t->bytes + tape_find(t, HKP_TER_LOG_TER, 5, &size), size);
        memmove(t->bytes + at + size, t->bytes + at, t->len - at);
        memcpy(t->bytes + at, record, size);
        t->len += size;
        break;
    case REORDERED:
        memcpy(record, t->bytes + at, size);
        memmove(t->bytes + at, t->bytes + at + size, size);
        memcpy(t->bytes + at + size, record, size);
        break;
    case NO_CHECKPOINT:
        at = tape_find(t, HKP_TER_LOG_TCK, 2, &size);
        cut(t, at, size);
        break;
    case CHECKPOINT_EDITED:
        at = tape_find(t, HKP_TER_LOG_TCK, 2, &size);
        t->bytes[at + 8 + 136] ^= 1;
        reseal(t, at);
        break;
    default:
        at = tape_find(t, HKP_TER_LOG_REBASE, 0, &size);
        t->bytes[at + 8 + 8 + 40] ^= 1;
        reseal(t, at);
        break;
    }
}

static void every_damage_is_named_with_its_place(void) {
    static const struct {
        hkp_status status, cause;
        const char *words;
    } want[KINDS] = {[EDITED] = {HKP_E_NEURO_REPLAY_TER, HKP_E_TER_HCHAIN, "not that of this history"},
                     [EDITED_WITH_H] = {HKP_E_NEURO_REPLAY_TER, HKP_E_TER_CRC, "not the original"},
                     [DELETED] = {HKP_E_NEURO_REPLAY_TER, HKP_E_TER_GAP, "missing"},
                     [INSERTED] = {HKP_E_NEURO_REPLAY_TER, HKP_E_TER_REPLAY, "out of order"},
                     [REORDERED] = {HKP_E_NEURO_REPLAY_TER, HKP_E_TER_GAP, "out of order"},
                     [NO_CHECKPOINT] = {HKP_E_TER_TCK_PREV, HKP_E_TER_TCK_PREV, "one was removed"},
                     [CHECKPOINT_EDITED] = {HKP_E_TER_TCK_SIGNATURE, HKP_E_TER_TCK_SIGNATURE, "signature"},
                     [REBASE_EDITED] = {HKP_E_NEURO_REPLAY_REBASE, HKP_E_NEURO_RBA_SIGNATURE, "policy key"}};
    hkp_neuro_commit *c = device_of_200(check_seed());
    hkp_neuro_verifier *v = verifier_make(0);
    for (int kind = 0; kind < KINDS; kind++) {
        const int before = check_faults;
        struct hkp_neuro_verdict d;
        size_t taken;
        other = tape;
        damage(&other, kind);
        hkp_neuro_verifier_commit(v, c);
        CHECK_EQ(feed_all(v, &other), want[kind].status);
        hkp_neuro_verifier_verdict(v, &d);
        expect(&d, HKP_NEURO_VERDICT_RECORD, want[kind].words);
        CHECK_EQ(d.status, want[kind].status);
        CHECK_EQ(d.cause, want[kind].cause);
        CHECK_EQ(d.index, info_of(v).index);
        if (kind <= REORDERED) CHECK_EQ(d.index, tape.first + 20 + (kind == EDITED_WITH_H));
        /* it is over, and a claim beyond gets the same answer */
        CHECK_EQ(hkp_neuro_verifier_feed(v, tape.bytes, tape.len, 1, &taken), HKP_E_STATE);
        CHECK_EQ(taken, 0);
        hkp_neuro_verifier_check_tck(v, w.tck, &d);
        CHECK_EQ(d.verdict, HKP_NEURO_VERDICT_RECORD);
        CHECK_NOTE(before, "kind %d", kind);
    }
    end(v, c);
}

/* A log that ends too early, one that confesses a gap, and a claim about the past. */
static void what_is_missing_is_told_from_what_is_wrong(void) {
    struct hkp_neuro_verdict d;
    uint8_t propose[112], body[120] = {0};
    size_t size;
    hkp_neuro_commit *c = device_of_200(check_seed());
    hkp_neuro_verifier *v = verifier_make(0);
    hkp_neuro__propose_write(&w.owner->live, c, propose);
    hkp_neuro_verifier_check_propose(v, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_OPEN, "nothing was replayed");
    hkp_neuro_verifier_commit(v, c);
    hkp_neuro_verifier_until(v, tape.first + 50);
    CHECK_EQ(feed_all(v, &tape), HKP_OK);
    hkp_neuro_verifier_check_propose(v, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_BEHIND, "before the claimed index");
    CHECK_EQ(d.status, HKP_E_NEURO_REPLAY_SHORT);
    CHECK_EQ(d.claimed, w.cursor.index);
    CHECK_EQ(d.index, tape.first + 50);
    hkp_neuro_verifier_check_tck(v, w.log[3].bytes + 8, &d);
    CHECK_EQ(d.verdict, HKP_NEURO_VERDICT_OPEN);
    other = tape;
    const size_t at = tape_find(&other, HKP_TER_LOG_TER, 50, &size);
    other.len = at;
    hkp_put_le64(body, tape.first + 50);
    hkp_put_le64(body + 8, tape.first + 60);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_GAP, body, sizeof body, other.bytes + at, 200, &size),
             HKP_OK);
    other.len += size;
    hkp_neuro_verifier_commit(v, c);
    CHECK_EQ(feed_all(v, &other), HKP_E_NEURO_REPLAY_SHORT);
    hkp_neuro_verifier_check_propose(v, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_GAP, "history gap");
    end(v, c);
}

/* Another device key signs the same TERs from a point on; a copy of the log goes on by itself. */
static void fork_log(uint64_t at) {
    other.len = other.count = 0;
    other.first = tape.first;
    for (size_t i = 0; i < w.n_log && w.log[i].index < at; i++)
        if (w.log[i].index >= tape.first) tape_add(&other, w.log[i].bytes, w.log[i].len);
}

/* From index at on the copy makes TERs of its own, as many as the device has. */
static void forked_tape(uint64_t at) {
    struct hkp_ter_cursor c;
    uint64_t random = check_seed() + at;
    hkp_ter_cursor_init(&c, w.opt.owner_id, w.opt.owner_public);
    fork_log(at);
    for (size_t i = 0; i < w.n_log; i++) {
        struct hkp_ter_log_record r;
        uint8_t record[HKP_TER_LOG_RECORD_MAX], body[96];
        size_t len;
        CHECK_EQ(hkp_ter_log_record_decode(&r, w.log[i].bytes, w.log[i].len), HKP_OK);
        if (r.type != HKP_TER_LOG_TER) continue;
        memcpy(body, r.body, 64);
        if (c.index >= at) {
            for (int k = 0; k < 32; k++) body[k] = (uint8_t)check_random(&random);
            hkp_put_le16(body + 62, hkp_ter_crc16(c.last_ter, 64));
        }
        CHECK_EQ(hkp_ter_cursor_accept(&c, body, 64, NULL), HKP_OK);
        if (c.index <= at) continue;
        memcpy(body + 64, c.h, 32);
        CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, record, sizeof record, &len), HKP_OK);
        tape_add(&other, record, len);
    }
}

static hkp_neuro_commit *device_without_rebase(uint64_t seed, int ters) {
    hkp_neuro_commit *c = enrolled(seed);
    for (int i = 0; i < ters; i++) {
        w.now += 1000000000U;
        w.wall_us += 1000000;
        pair_ter(&w, 1);
    }
    pair_sync(&w);
    tape_from(&tape, hkp_neuro_commit_index(c));
    return c;
}

static void a_fork_is_placed_by_logs_by_replays_and_by_drift(void) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    struct hkp_neuro_verdict d;
    hkp_neuro_commit *c = device_without_rebase(check_seed(), 600);
    const uint64_t at = w.cursor.index - 100;
    uint8_t propose[112];
    hkp_neuro_verifier *a = verifier_make(8), *b = verifier_make(8);
    forked_tape(at);
    hkp_neuro_verifier_commit(a, c);
    hkp_neuro_verifier_commit(b, c);
    CHECK_EQ(feed_all(a, &tape), HKP_OK);
    CHECK_EQ(feed_all(b, &other), HKP_OK);
    /* two logs: exactly */
    CHECK_EQ(hkp_neuro_records_compare(tape.first, tape.bytes, tape.len, other.bytes, other.len, &d), HKP_OK);
    expect(&d, HKP_NEURO_VERDICT_HISTORY, "differs from the one acknowledged");
    CHECK_EQ(d.fork, HKP_NEURO_FORK_EXACT);
    CHECK_EQ(d.fork_to, at);
    CHECK_EQ(hkp_neuro_records_compare(tape.first, tape.bytes, tape.len, tape.bytes, tape.len, &d), HKP_OK);
    CHECK_EQ(d.verdict, HKP_NEURO_VERDICT_EXACT);
    CHECK_EQ(d.index, w.cursor.index);
    /* two replays: between two marks */
    hkp_neuro_verifier_compare(a, b, &d);
    expect(&d, HKP_NEURO_VERDICT_HISTORY, "history fork");
    CHECK_EQ(d.fork, HKP_NEURO_FORK_RANGE);
    CHECK(d.fork_from <= at && d.fork_to > at && d.fork_to - d.fork_from <= 64);
    CHECK_EQ(d.has_drift, 1);
    hkp_neuro_verifier_compare(a, a, &d);
    expect(&d, HKP_NEURO_VERDICT_EXACT, "bit for bit");
    /* a final state alone: an estimate, and said so */
    hkp_neuro_state_encode(b->at.state, bytes);
    CHECK_EQ(hkp_neuro_verifier_check_state(a, w.cursor.index, b->at.cursor.h, bytes, sizeof bytes, &d),
             HKP_OK);
    expect(&d, HKP_NEURO_VERDICT_HISTORY, "by estimate");
    CHECK_EQ(d.fork, HKP_NEURO_FORK_ESTIMATE);
    CHECK(d.fork_to > w.cursor.index - 200 && d.fork_to < w.cursor.index - 50);
    printf("# a fork 100 TERs ago is estimated at %d\n", (int)(w.cursor.index - d.fork_to));
    /* a proposal of it */
    hkp_neuro__propose_write(&b->at, c, propose);
    hkp_neuro_verifier_check_propose(a, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_HISTORY, "history fork");
    CHECK_EQ(d.status, HKP_E_NEURO_REPLAY_HCHAIN);
    CHECK(d.fork_from <= at && d.fork_to > at);
    hkp_neuro_verifier_free(b);
    end(a, c);
}

/* The same history over other states: another seed, a rollback of the state alone, an old base. */
static void a_state_that_the_history_does_not_make_is_told(void) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    static const uint8_t seed[32] = {9};
    struct hkp_neuro_verdict d;
    hkp_neuro_commit *c = device_without_rebase(check_seed(), 200);
    uint8_t propose[112], cursor[104];
    hkp_neuro_verifier *a = verifier_make(4), *b = verifier_make(4);
    hkp_neuro_verifier_commit(a, c);
    CHECK_EQ(feed_all(a, &tape), HKP_OK);
    hkp_ter_cursor_encode(&c->cursor, cursor);
    CHECK_EQ(hkp_neuro_verifier_enrol(b, seed, cursor, w.h_ref, 3), HKP_OK);
    CHECK_EQ(feed_all(b, &tape), HKP_OK);
    hkp_neuro_state_encode(b->at.state, bytes);
    CHECK_EQ(hkp_neuro_verifier_check_state(a, w.cursor.index, b->at.cursor.h, bytes, sizeof bytes, &d),
             HKP_OK);
    expect(&d, HKP_NEURO_VERDICT_STATE, "the history agrees, the state does not");
    CHECK(d.drift_ppm > 1000000);
    CHECK_EQ(hkp_neuro_verifier_check_state(a, w.cursor.index, NULL, bytes, sizeof bytes, &d), HKP_OK);
    expect(&d, HKP_NEURO_VERDICT_STATE, "another seed");
    hkp_neuro_verifier_compare(a, b, &d);
    expect(&d, HKP_NEURO_VERDICT_STATE, "another seed");
    CHECK_EQ(d.fork, HKP_NEURO_FORK_NONE);
    hkp_neuro__propose_write(&b->at, c, propose);
    hkp_neuro_verifier_check_propose(a, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_STATE, "the history agrees to index");
    CHECK_EQ(d.status, HKP_E_NEURO_REPLAY_PROOF);
    propose[80] ^= 1;
    hkp_neuro_verifier_check_propose(a, propose, c, &d);
    expect(&d, HKP_NEURO_VERDICT_STATE, "an old state or a copy");
    CHECK_EQ(d.status, HKP_E_NEURO_REPLAY_BASE);
    bytes[116] ^= 1, bytes[119] ^= 0x40;
    CHECK_EQ(hkp_neuro_verifier_check_state(a, w.cursor.index, NULL, bytes, sizeof bytes, &d),
             HKP_E_NEURO_WEIGHT);
    CHECK_EQ(hkp_neuro_verifier_check_state(a, w.cursor.index, NULL, bytes, 5, &d), HKP_E_NEURO_LENGTH);
    hkp_neuro_verifier_free(b);
    end(a, c);
}

static void a_replay_goes_on_from_its_bytes(void) {
    static uint8_t bytes[HKP_NEURO_VERIFIER_SIZE];
    uint8_t key[32] = {7}, wrong[32] = {8};
    const struct hkp_rng rng = {&w, pair_fill};
    hkp_neuro_commit *c = device_of_200(check_seed());
    hkp_neuro_verifier *a = verifier_make(0), *b = verifier_make(0);
    size_t at = 0, taken;
    CHECK_EQ(hkp_neuro_verifier_export(a, key, &rng, bytes), HKP_E_STATE);
    hkp_neuro_verifier_commit(a, c);
    while (at < tape.len) { /* after every slice it moves to another verifier */
        CHECK_EQ(hkp_neuro_verifier_feed(a, tape.bytes + at, tape.len - at, 17, &taken), HKP_OK);
        at += taken;
        CHECK_EQ(hkp_neuro_verifier_export(a, key, &rng, bytes), HKP_OK);
        CHECK_EQ(hkp_neuro_verifier_import(b, key, bytes, sizeof bytes), HKP_OK);
        hkp_neuro_verifier *swap = a;
        a = b;
        b = swap;
    }
    CHECK_EQ(info_of(a).index, w.cursor.index);
    CHECK_EQ(info_of(a).first_index, tape.first);
    CHECK(info_of(a).checkpoints >= 5);
    CHECK_MEM(a->at.state->c, w.owner->live.state->c, 64);
    /* what is not such bytes changes nothing */
    const uint64_t index = info_of(b).index;
    CHECK_EQ(hkp_neuro_verifier_import(b, wrong, bytes, sizeof bytes), HKP_E_NEURO_STATE);
    CHECK_EQ(hkp_neuro_verifier_import(b, key, bytes, sizeof bytes - 1), HKP_E_NEURO_LENGTH);
    for (int i = 0; i < 40; i++) {
        const size_t k = i < 40 ? (size_t)(check_random(&w.random) % sizeof bytes) : 0;
        const uint8_t kept = bytes[k];
        bytes[k] ^= (uint8_t)(1 << i % 8);
        CHECK(hkp_neuro_verifier_import(b, key, bytes, sizeof bytes) != HKP_OK);
        bytes[k] = kept;
    }
    CHECK_EQ(info_of(b).index, index);
    hkp_neuro_verifier_free(b);
    end(a, c);
}

static void every_allocation_may_fail(void) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE], saved[HKP_NEURO_VERIFIER_SIZE];
    const uint8_t key[32] = {7};
    const struct hkp_rng rng = {&w, pair_fill};
    struct hkp_neuro_verdict d;
    hkp_neuro_commit *c = device_of_200(check_seed());
    hkp_neuro_verifier *v = verifier_make(0);
    hkp_neuro_verifier_commit(v, c);
    hkp_neuro_state_encode(c->state, bytes);
    CHECK_EQ(hkp_neuro_verifier_export(v, key, &rng, saved), HKP_OK);
    memory.left = 0;
    CHECK_EQ(hkp_neuro_verifier_check_state(v, tape.first, NULL, bytes, sizeof bytes, &d), HKP_E_NOMEM);
    CHECK_EQ(hkp_neuro_verifier_import(v, key, saved, sizeof saved), HKP_E_NOMEM);
    memory.left = -1;
    hkp_neuro_verifier_free(v);
    for (long n = 0; n < 6; n++) {
        struct hkp_neuro_verifier_options o;
        hkp_neuro_verifier_options_init(&o, sizeof o);
        o.keep = 3;
        o.mem = failing_mem(&memory);
        memory.left = n;
        v = NULL;
        CHECK_EQ(hkp_neuro_verifier_new(&v, &o), HKP_E_NOMEM);
        CHECK(v == NULL);
        CHECK_EQ(memory.live, 0);
        o.keep_every = 3;
        CHECK_EQ(hkp_neuro_verifier_new(&v, &o), HKP_E_INVAL);
    }
    memory.left = -1;
    end(NULL, c);
}

/* Days of TERs: marks and kept states thin out, and stay in order and within their bounds. */
static void what_is_kept_on_the_way_is_bounded(void) {
    struct stream s = stream_p();
    static const uint8_t seed[32] = {1};
    hkp_neuro_commit *c = enrolled(check_seed());
    hkp_neuro_verifier *v = verifier_make(5);
    uint8_t record[HKP_TER_LOG_RECORD_MAX], body[96];
    CHECK_EQ(hkp_neuro_verifier_enrol(v, seed, NULL, s.h_ref, 0), HKP_OK);
    v->mark_every = 1; /* a day of marks in few TERs */
    for (int i = 0; i < 2000; i++) {
        struct hkp_ter_cursor next = v->at.cursor;
        size_t len, taken;
        const struct stream before = s;
        stream_p_next(&s);
        if (i > 0) hkp_put_le16(s.ter + 62, hkp_ter_crc16(before.ter, 64));
        memcpy(body, s.ter, 64);
        CHECK_EQ(hkp_ter_cursor_accept(&next, body, 64, NULL), HKP_OK);
        memcpy(body + 64, next.h, 32);
        CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, record, sizeof record, &len), HKP_OK);
        CHECK_EQ(hkp_neuro_verifier_feed(v, record, len, 1, &taken), HKP_OK);
    }
    CHECK(v->n_marks <= VERIFIER_MARKS && v->n_marks >= VERIFIER_MARKS / 4);
    for (uint32_t i = 1; i < v->n_marks; i++) CHECK(v->marks[i].index > v->marks[i - 1].index);
    CHECK(v->n_kept <= 5 && v->n_kept >= 2);
    for (uint32_t i = 1; i < v->n_kept; i++) CHECK(v->kept[i].cursor.index > v->kept[i - 1].cursor.index);
    CHECK_EQ(v->marks[0].index, 0);
    CHECK_EQ(v->kept[0].cursor.index, 0);
    end(v, c);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    memory.left = -1;
    CASE(an_honest_history_is_exact_in_batches_of_any_size);
    CASE(log_messages_stop_before_a_rebase);
    CASE(every_damage_is_named_with_its_place);
    CASE(what_is_missing_is_told_from_what_is_wrong);
    CASE(a_fork_is_placed_by_logs_by_replays_and_by_drift);
    CASE(a_state_that_the_history_does_not_make_is_told);
    CASE(a_replay_goes_on_from_its_bytes);
    CASE(every_allocation_may_fail);
    CASE(what_is_kept_on_the_way_is_bounded);
    return check_done();
}
