/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The agreed states of many devices in the memory that NZ1 17 computes. HKP_FLEET=10000: ten thousand. */
#include "libneuro/verifier.h"
#include "neuro_support.h"

#include "alloc.h"

static struct failing memory = {.left = -1};

enum { TERS = 6 };

/* A device of its own seed, with a stream of its own. */
struct device {
    uint8_t node_id[16], device_public[32], seed[32], h_ref[20];
    struct hkp_ter_cursor cursor;
    hkp_neuro_state *state;
};

static void device_make(struct device *d, uint32_t number) {
    memset(d->node_id, 0, sizeof d->node_id);
    hkp_put_le32(d->node_id, number);
    crypto_hash_sha256(d->seed, d->node_id, 16);
    crypto_hash_sha256(d->device_public, d->seed, 32);
    memcpy(d->h_ref, d->device_public, 20);
    hkp_ter_cursor_init(&d->cursor, d->node_id, d->device_public);
    hkp_neuro_state_enrol(d->state, d->seed, d->node_id, d->h_ref);
}

/* Its next TERs, as records; the device's own state follows. */
static size_t device_ters(struct device *d, int n, uint8_t *records, size_t cap) {
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        uint8_t body[96];
        size_t size;
        struct hkp_ter_record rec = {.timestamp_us = 1700000000000000U + (d->cursor.index + 1) * 1000000U,
                                     .sequence = (uint16_t)d->cursor.index};
        crypto_hash_sha256(rec.h_entropy, d->cursor.h, 32);
        memcpy(rec.h_integrity, d->h_ref, 20);
        rec.chain_crc = d->cursor.has_last ? hkp_ter_crc16(d->cursor.last_ter, 64) : 0;
        hkp_ter_record_encode(&rec, body);
        CHECK_EQ(hkp_ter_cursor_accept(&d->cursor, body, 64, NULL), HKP_OK);
        CHECK_EQ(hkp_neuro_state_evolve(d->state, body), HKP_OK);
        memcpy(body + 64, d->cursor.h, 32);
        CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, records + len, cap - len, &size),
                 HKP_OK);
        len += size;
    }
    return len;
}

static hkp_neuro_fleet *fleet_make(uint32_t capacity, uint32_t working) {
    struct hkp_neuro_fleet_options o;
    hkp_neuro_fleet *f = NULL;
    hkp_neuro_fleet_options_init(&o, sizeof o);
    o.capacity = capacity;
    o.working = working;
    o.mem = failing_mem(&memory);
    CHECK_EQ(hkp_neuro_fleet_new(&f, &o), HKP_OK);
    return f;
}

static void take_in(hkp_neuro_fleet *f, const struct device *d, uint32_t number) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    uint8_t cursor[104];
    uint32_t got = UINT32_MAX;
    hkp_ter_cursor_encode(&d->cursor, cursor);
    hkp_neuro_state_encode(d->state, bytes);
    CHECK_EQ(hkp_neuro_fleet_add(f, d->node_id, d->device_public, 0, cursor, bytes, &got), HKP_OK);
    CHECK_EQ(got, number);
}

/* PROPOSE of a device over what the fleet holds of it. */
static void propose(const hkp_neuro_fleet *f, const struct device *d, uint32_t number, uint8_t body[112]) {
    hkp_neuro_commit *base = NULL;
    const struct hkp_neuro__replica at = {d->state, d->cursor};
    CHECK_EQ(hkp_neuro_fleet_commit(f, number, 0, &base), HKP_OK);
    hkp_neuro__propose_write(&at, base, body);
    hkp_neuro_commit_unref(base);
}

static uint64_t index_of(const hkp_neuro_fleet *f, uint32_t number, int32_t previous) {
    uint8_t cursor[104];
    CHECK_EQ(hkp_neuro_fleet_read(f, number, previous, cursor, NULL), HKP_OK);
    return hkp_le64(cursor);
}

/* 2 x 112,052 bytes and less than 1 % more, whatever was replayed; a thousand, or as many as asked for. */
static void a_replica_takes_what_the_spec_computes(void) {
    static uint8_t records[TERS * 104];
    const char *asked = getenv("HKP_FLEET");
    const uint32_t n = asked != NULL ? (uint32_t)strtoul(asked, NULL, 10) : 1000, working = 4;
    hkp_neuro_fleet *f = fleet_make(n, working);
    struct device d = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
    const uint64_t all = hkp_neuro_fleet_memory(n, working);
    CHECK(memory.bytes <= all);
    for (uint32_t i = 0; i < n; i++) {
        device_make(&d, i);
        take_in(f, &d, i);
    }
    const size_t with_all = memory.bytes;
    CHECK(with_all <= all);
    const uint64_t fixed = working * (sizeof(hkp_neuro_verifier) + sizeof(hkp_neuro_state) + 16) + 256;
    const double each = (double)(with_all - fixed) / n;
    printf("# %u replicas, %.0f bytes each\n", n, each);
    CHECK(each >= 2 * HKP_NEURO_STATE_SIZE && each <= 2 * HKP_NEURO_STATE_SIZE * 1.01);
    /* some of all ages go on: every one has its own states, and no memory comes to it */
    memory.peak = 0;
    for (uint32_t i = 0; i<n; i += n> 40 ? n / 40 : 1) {
        struct hkp_neuro_verdict verdict;
        hkp_neuro_verifier *v = NULL;
        uint8_t body[112], ckack[40], want[64], have[64];
        size_t taken;
        device_make(&d, i);
        const size_t len = device_ters(&d, TERS, records, sizeof records);
        propose(f, &d, i, body);
        CHECK_EQ(hkp_neuro_fleet_replay(f, i, &v), HKP_OK);
        CHECK_EQ(hkp_neuro_verifier_feed(v, records, len, TERS, &taken), HKP_OK);
        CHECK_EQ(hkp_neuro_fleet_agree(f, i, body, &verdict, ckack), HKP_OK);
        CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_EXACT);
        CHECK_EQ(hkp_le64(ckack), TERS);
        CHECK_EQ(index_of(f, i, 0), TERS);
        CHECK_EQ(index_of(f, i, 1), 0);
        hkp_neuro_commit *c = NULL;
        CHECK_EQ(hkp_neuro_fleet_commit(f, i, TERS, &c), HKP_OK);
        hkp_neuro_commit_f(c, have);
        hkp_neuro_state_fingerprint(d.state, want);
        CHECK_MEM(have, want, 64);
        hkp_neuro_commit_unref(c);
    }
    CHECK_EQ(memory.bytes, with_all);
    hkp_neuro_state_free(d.state);
    hkp_neuro_fleet_free(f);
    CHECK_EQ(memory.live, 0);
    CHECK_EQ(memory.bytes, 0);
}

/* Commit after commit: V.cur becomes V.prev whole, and both open handshakes; older ones are gone. */
static void slots_change_as_agreed(void) {
    static uint8_t records[TERS * 104], state[HKP_NEURO_STATE_SIZE];
    hkp_neuro_fleet *f = fleet_make(2, 1);
    struct device d = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
    uint8_t body[112], ckack[40], cursor[104], before[64] = {0}, f_now[64];
    struct hkp_neuro_verdict verdict;
    hkp_neuro_verifier *v = NULL;
    hkp_neuro_commit *c = NULL;
    size_t taken;
    device_make(&d, 7);
    take_in(f, &d, 0);
    for (uint64_t round = 1; round <= 4; round++) {
        hkp_neuro_state_fingerprint(d.state, before);
        const size_t len = device_ters(&d, TERS, records, sizeof records);
        propose(f, &d, 0, body);
        CHECK_EQ(hkp_neuro_fleet_replay(f, 0, &v), HKP_OK);
        CHECK_EQ(hkp_neuro_verifier_feed(v, records, len, 100, &taken), HKP_OK);
        CHECK_EQ(hkp_neuro_fleet_agree(f, 0, body, &verdict, ckack), HKP_OK);
        CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_EXACT);
        if (round == 1) continue; /* index 0 asks for the newest */
        CHECK_EQ(hkp_neuro_fleet_commit(f, 0, (round - 1) * TERS, &c), HKP_OK);
        hkp_neuro_commit_f(c, f_now);
        CHECK_MEM(f_now, before, 64);
        hkp_neuro_commit_unref(c);
        CHECK_EQ(hkp_neuro_fleet_commit(f, 0, (round - 1) * TERS - 1, &c), HKP_E_NOTFOUND);
    }
    CHECK_EQ(hkp_neuro_fleet_commit(f, 0, TERS, &c), HKP_E_NOTFOUND);
    /* what is read makes the same fleet again */
    hkp_neuro_fleet *again = fleet_make(1, 1);
    uint32_t number;
    CHECK_EQ(hkp_neuro_fleet_read(f, 0, 1, cursor, state), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_add(again, d.node_id, d.device_public, 0, cursor, state, &number), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_put(again, 0, cursor, state), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_fleet_read(f, 0, 0, cursor, state), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_put(again, 0, cursor, state), HKP_OK);
    CHECK_EQ(index_of(again, 0, 1), 3 * TERS);
    CHECK_EQ(index_of(again, 0, 0), 4 * TERS);
    hkp_neuro_fleet_free(again);
    hkp_neuro_state_free(d.state);
    hkp_neuro_fleet_free(f);
    CHECK_EQ(memory.live, 0);
}

/* The answer is lost: the same PROPOSE, and one of a later index, build on V.prev and are answered again
 * without a replay; another successor of V.prev is a fork; what builds on nothing that is held is an old
 * state. */
static void a_lost_answer_is_given_again(void) {
    static uint8_t records[3 * TERS * 104];
    hkp_neuro_fleet *f = fleet_make(1, 1);
    struct device d = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
    uint8_t first[112], later[112], ckack[40], more[40] = {0}, none[40] = {0};
    struct hkp_neuro_verdict verdict;
    hkp_neuro_verifier *v = NULL;
    hkp_neuro_commit *base = NULL;
    size_t taken;
    device_make(&d, 3);
    take_in(f, &d, 0);
    const size_t len = device_ters(&d, TERS, records, sizeof records);
    CHECK_EQ(hkp_neuro_fleet_commit(f, 0, 0, &base), HKP_OK);
    const struct hkp_neuro__replica at = {d.state, d.cursor};
    hkp_neuro__propose_write(&at, base, first);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, first, &verdict, ckack), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 0, &v), HKP_OK);
    CHECK_EQ(hkp_neuro_verifier_feed(v, records, len, 100, &taken), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, first, &verdict, ckack), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_EXACT);
    /* again */
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, first, &verdict, more), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_EXACT);
    CHECK_MEM(more, ckack, 40);
    /* the device went on and forgot what it had proposed */
    (void)device_ters(&d, TERS, records, sizeof records);
    const struct hkp_neuro__replica on = {d.state, d.cursor};
    hkp_neuro__propose_write(&on, base, later);
    memset(more, 0, sizeof more);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, later, &verdict, more), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_OPEN);
    CHECK_MEM(more, ckack, 40);
    /* another successor of the same base */
    first[60] ^= 1;
    memset(more, 0, sizeof more);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, first, &verdict, more), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_HISTORY);
    CHECK_MEM(more, none, 40);
    /* V.prev by its index, but not by its state */
    later[100] ^= 1;
    CHECK_EQ(hkp_neuro_fleet_replay(f, 0, &v), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 0, later, &verdict, more), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_STATE);
    CHECK_EQ(index_of(f, 0, 0), TERS);
    CHECK_EQ(index_of(f, 0, 1), 0);
    hkp_neuro_commit_unref(base);
    hkp_neuro_state_free(d.state);
    hkp_neuro_fleet_free(f);
    CHECK_EQ(memory.live, 0);
}

/* A wrong claim, another device's records, too few of them: nothing changes; limits hold. */
static void what_is_not_exact_changes_nothing(void) {
    static uint8_t records[TERS * 104], state[HKP_NEURO_STATE_SIZE];
    hkp_neuro_fleet *f = fleet_make(3, 2);
    struct device d = {.state = state_make(HKP_NEURO_VARIANT_AUTO)}, e = {.state = state_make(0)};
    uint8_t body[112], ckack[40] = {0}, cursor[104];
    struct hkp_neuro_verdict verdict;
    hkp_neuro_verifier *v = NULL, *more = NULL;
    uint32_t number = 77;
    size_t taken;
    for (uint32_t i = 0; i < 3; i++) {
        device_make(&d, i);
        take_in(f, &d, i);
    }
    hkp_ter_cursor_encode(&d.cursor, cursor);
    hkp_neuro_state_encode(d.state, state);
    CHECK_EQ(hkp_neuro_fleet_add(f, d.node_id, d.device_public, 0, cursor, state, &number), HKP_E_LIMIT);
    CHECK_EQ(number, 77);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 3, &v), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 2, body, &verdict, ckack), HKP_E_STATE);
    /* two working states for three devices */
    CHECK_EQ(hkp_neuro_fleet_replay(f, 2, &v), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 2, &more), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 0, &more), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 1, &more), HKP_E_LIMIT);
    hkp_neuro_fleet_drop(f, 0);
    CHECK_EQ(hkp_neuro_fleet_replay(f, 1, &more), HKP_OK);
    /* too few TERs; then a proof that is wrong; then those of another device */
    device_make(&d, 2);
    size_t len = device_ters(&d, TERS, records, sizeof records);
    propose(f, &d, 2, body);
    CHECK_EQ(hkp_neuro_verifier_feed(v, records, len, TERS - 1, &taken), HKP_OK);
    CHECK_EQ(hkp_neuro_fleet_agree(f, 2, body, &verdict, ckack), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_BEHIND);
    CHECK_EQ(hkp_neuro_verifier_feed(v, records + taken, len - taken, 9, &taken), HKP_OK);
    body[50] ^= 1;
    CHECK_EQ(hkp_neuro_fleet_agree(f, 2, body, &verdict, ckack), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_STATE);
    CHECK_EQ(index_of(f, 2, 0), 0);
    CHECK_EQ(ckack[0], 0);
    device_make(&e, 9);
    len = device_ters(&e, TERS, records, sizeof records);
    CHECK_EQ(hkp_neuro_verifier_feed(more, records, len, TERS, &taken), HKP_E_NEURO_REPLAY_TER);
    /* right in the end */
    body[50] ^= 1;
    CHECK_EQ(hkp_neuro_fleet_agree(f, 2, body, &verdict, ckack), HKP_OK);
    CHECK_EQ(verdict.verdict, HKP_NEURO_VERDICT_EXACT);
    /* damaged states do not come in */
    state[117] ^= 0x80, state[119] ^= 0x7F;
    hkp_neuro_fleet_drop(f, 1);
    CHECK_EQ(hkp_neuro_fleet_put(f, 1, cursor, state), HKP_E_NEURO_WEIGHT);
    cursor[0] ^= 1;
    CHECK_EQ(hkp_neuro_fleet_put(f, 1, cursor, state), HKP_E_INVAL);
    hkp_neuro_state_free(d.state);
    hkp_neuro_state_free(e.state);
    hkp_neuro_fleet_free(f);
    CHECK_EQ(memory.live, 0);
}

static void every_allocation_may_fail(void) {
    static uint8_t state[HKP_NEURO_STATE_SIZE];
    uint8_t cursor[104];
    struct hkp_neuro_fleet_options o;
    struct device d = {.state = state_make(0)};
    hkp_neuro_fleet *f = NULL;
    uint32_t number;
    hkp_neuro_fleet_options_init(&o, sizeof o);
    CHECK_EQ(hkp_neuro_fleet_new(&f, &o), HKP_E_INVAL);
    o.capacity = 2;
    o.working = HKP_NEURO_FLEET_WORKING_MAX + 1;
    CHECK_EQ(hkp_neuro_fleet_new(&f, &o), HKP_E_INVAL);
    o.working = 2;
    o.mem = failing_mem(&memory);
    for (memory.left = 0; f == NULL && memory.left < 20;) {
        const long left = memory.left;
        const hkp_status st = hkp_neuro_fleet_new(&f, &o);
        CHECK(st == HKP_OK || st == HKP_E_NOMEM);
        if (st != HKP_OK) CHECK_EQ(memory.live, 0);
        memory.left = left + 1;
    }
    CHECK(f != NULL);
    memory.left = 0;
    device_make(&d, 1);
    hkp_ter_cursor_encode(&d.cursor, cursor);
    hkp_neuro_state_encode(d.state, state);
    CHECK_EQ(hkp_neuro_fleet_add(f, d.node_id, d.device_public, 0, cursor, state, &number), HKP_E_NOMEM);
    memory.left = -1;
    take_in(f, &d, 0);
    hkp_neuro_commit *c = NULL;
    for (memory.left = 0; memory.left < 3; memory.left++) {
        const long left = memory.left;
        CHECK_EQ(hkp_neuro_fleet_commit(f, 0, 0, &c), HKP_E_NOMEM);
        memory.left = left;
    }
    memory.left = -1;
    hkp_neuro_state_free(d.state);
    hkp_neuro_fleet_free(f);
    CHECK_EQ(memory.live, 0);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_replica_takes_what_the_spec_computes);
    CASE(slots_change_as_agreed);
    CASE(a_lost_answer_is_given_again);
    CASE(what_is_not_exact_changes_nothing);
    CASE(every_allocation_may_fail);
    return check_done();
}
