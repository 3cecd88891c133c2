/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-AUD-4: batches of samples, and the collector that believes nothing before it has verified it. */
#include "alloc.h"
#include "kit.h"

static struct kit kit;
static const uint8_t name_a[16] = "cpu", name_b[16] = "net";

struct batch_bytes {
    uint8_t bytes[HKP_DSM_BATCH_MAX], id[32];
    size_t len;
    uint64_t number;
};

static hkp_dsm_stream *stream_of(const struct kit_node *node, const uint8_t name[16], uint64_t newest,
                                 const uint8_t *newest_id) {
    struct hkp_dsm_stream_options opt;
    hkp_dsm_stream *s = NULL;
    hkp_dsm_stream_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(node);
    opt.secret = node->secret;
    opt.stream = name;
    opt.newest = newest;
    opt.newest_id = newest_id;
    CHECK_EQ(hkp_dsm_stream_new(&s, &opt), HKP_OK);
    return s;
}

static hkp_dsm_collector *collector_of(uint32_t streams_max) {
    struct hkp_dsm_collector_options opt;
    hkp_dsm_collector *c = NULL;
    hkp_dsm_collector_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    opt.streams_max = streams_max;
    CHECK_EQ(hkp_dsm_collector_new(&c, &opt), HKP_OK);
    return c;
}

/* The next batch, of two samples. */
static void make(hkp_dsm_stream *s, struct batch_bytes *b) {
    struct hkp_dsm_sample sample = {.time_us = 100, .value = -7, .metric = 3, .scale = -9};
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    sample = (struct hkp_dsm_sample){
        .time_us = 100ULL + UINT32_MAX, .value = INT64_MAX, .metric = UINT32_MAX, .scale = 9};
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    CHECK_EQ(hkp_dsm_stream_batch(s, b->bytes, sizeof b->bytes, &b->len, &b->number, b->id), HKP_OK);
}

static hkp_status take(hkp_dsm_collector *c, const struct batch_bytes *b, struct hkp_dsm_batch *out) {
    static struct hkp_dsm_batch before;
    memset(out, 0xA5, sizeof *out);
    memcpy(&before, out, sizeof before);
    const hkp_status st = hkp_dsm_collector_take(c, b->bytes, b->len, KIT_NOW_S, out);
    if (st != HKP_OK) CHECK_MEM(out, &before, sizeof before);
    return st;
}

static void batches_are_taken_in_order(void) {
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL);
    hkp_dsm_collector *c = collector_of(0);
    struct batch_bytes b;
    struct hkp_dsm_batch got;
    uint8_t last[32] = {0};
    for (uint64_t i = 1; i <= 5; i++) {
        make(s, &b);
        CHECK_EQ(b.number, i);
        CHECK_EQ(take(c, &b, &got), HKP_OK);
        CHECK_EQ(got.number, i);
        CHECK_EQ(got.missing, 0);
        CHECK_EQ(got.n_samples, 2);
        CHECK_MEM(got.node_id, kit_id(&kit.node[0]), 16);
        CHECK_MEM(got.stream, name_a, 16);
        CHECK_MEM(got.previous, last, 32);
        CHECK_MEM(got.id, b.id, 32);
        CHECK(got.samples[0].time_us == 100 && got.samples[0].value == -7 && got.samples[0].scale == -9);
        CHECK(got.samples[1].value == INT64_MAX && got.samples[1].time_us == 100ULL + UINT32_MAX);
        memcpy(last, b.id, 32);
        CHECK_EQ(take(c, &b, &got), HKP_E_DSM_DUPLICATE);
    }
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
}

static void a_gap_is_reported_and_not_filled(void) {
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL);
    hkp_dsm_collector *c = collector_of(0), *late = collector_of(0);
    static struct batch_bytes b[6];
    struct hkp_dsm_batch got;
    for (int i = 0; i < 6; i++) make(s, &b[i]);
    CHECK_EQ(take(c, &b[0], &got), HKP_OK);
    CHECK_EQ(take(c, &b[3], &got), HKP_OK);
    CHECK_EQ(got.missing, 2);
    CHECK_EQ(take(c, &b[1], &got), HKP_E_DSM_OLD); /* too late: what was reported stays missing */
    CHECK_EQ(take(c, &b[4], &got), HKP_OK);
    CHECK_EQ(got.missing, 0);
    CHECK_EQ(take(late, &b[4], &got), HKP_OK);
    CHECK_EQ(got.missing, 4);
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
    hkp_dsm_collector_free(late);
}

static void a_batch_that_does_not_follow_is_refused(void) {
    uint8_t other_id[32] = {9};
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL),
                   *fork = stream_of(&kit.node[0], name_a, 1, other_id);
    hkp_dsm_collector *c = collector_of(0);
    static struct batch_bytes good[3], bad[2];
    struct hkp_dsm_batch got;
    for (int i = 0; i < 3; i++) make(s, &good[i]);
    for (int i = 0; i < 2; i++) make(fork, &bad[i]);
    CHECK_EQ(take(c, &good[0], &got), HKP_OK);
    CHECK_EQ(take(c, &bad[0], &got), HKP_E_DSM_PREV);
    CHECK_EQ(take(c, &good[1], &got), HKP_OK);
    CHECK_EQ(take(c, &bad[0], &got), HKP_E_DSM_FORK);
    CHECK_EQ(take(c, &bad[1], &got), HKP_E_DSM_PREV);
    CHECK_EQ(take(c, &good[2], &got), HKP_OK);
    hkp_dsm_stream_free(s);
    hkp_dsm_stream_free(fork);
    hkp_dsm_collector_free(c);
}

/* Signature and certificate come before number and link: a stranger's batch neither counts nor makes a gap.
 */
static void nothing_unsigned_moves_a_stream(void) {
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL);
    hkp_dsm_collector *c = collector_of(0);
    static struct batch_bytes b[2];
    struct hkp_dsm_batch got;
    struct kit_node *node = &kit.node[0];
    make(s, &b[0]);
    make(s, &b[1]);
    CHECK_EQ(take(c, &b[0], &got), HKP_OK);
    b[1].bytes[b[1].len - 5] ^= 1;
    CHECK_EQ(take(c, &b[1], &got), HKP_E_DSM_SIG);
    b[1].bytes[b[1].len - 5] ^= 1;
    node->known = 0;
    CHECK_EQ(take(c, &b[1], &got), HKP_E_DSM_SIGNER);
    node->known = 1;
    node->revoked = 1;
    CHECK_EQ(take(c, &b[1], &got), HKP_E_DSM_REVOKED);
    node->revoked = 0;
    CHECK_EQ(hkp_dsm_collector_take(c, b[1].bytes, b[1].len, KIT_NOW_S + 40 * 86400, &got),
             HKP_E_DSM_EXPIRED);
    CHECK_EQ(hkp_dsm_collector_take(c, b[1].bytes, b[1].len - 1, KIT_NOW_S, &got), HKP_E_DSM_CBOR_TRUNCATED);
    CHECK_EQ(take(c, &b[1], &got), HKP_OK);
    CHECK_EQ(got.missing, 0);
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
}

static void streams_and_samples_are_bounded(void) {
    hkp_dsm_collector *c = collector_of(20);
    struct hkp_dsm_sample sample = {.time_us = 5};
    struct hkp_dsm_batch got;
    struct batch_bytes b;
    uint8_t name[16] = {0};
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL);
    for (int i = 0; i < HKP_DSM_SAMPLES_MAX; i++) CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_E_LIMIT);
    CHECK_EQ(hkp_dsm_stream_batch(s, b.bytes, sizeof b.bytes, &b.len, &b.number, b.id), HKP_OK);
    CHECK_EQ(take(c, &b, &got), HKP_OK);
    CHECK_EQ(got.n_samples, HKP_DSM_SAMPLES_MAX);
    hkp_dsm_stream_free(s);
    for (int i = 1; i <= 20; i++) { /* 15 more of the first node, 4 of the second */
        name[0] = (uint8_t)i;
        s = stream_of(&kit.node[i <= 16 ? 0 : 1], name, 0, NULL);
        make(s, &b);
        CHECK_EQ(take(c, &b, &got), i == 16 ? HKP_E_LIMIT : HKP_OK);
        hkp_dsm_stream_free(s);
    }
    name[0] = 99;
    s = stream_of(&kit.node[1], name, 0, NULL);
    make(s, &b);
    CHECK_EQ(take(c, &b, &got), HKP_E_LIMIT);
    CHECK_EQ(hkp_dsm_collector_forget(c, kit_id(&kit.node[0]), name), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_collector_forget(c, kit_id(&kit.node[0]), name_a), HKP_OK);
    CHECK_EQ(take(c, &b, &got), HKP_OK);
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
}

/* The largest batch of the largest numbers fits its limit. */
static void the_largest_batch_fits(void) {
    static const uint8_t before[32] = {7};
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_b, UINT64_MAX - 2, before);
    hkp_dsm_collector *c = collector_of(0);
    struct batch_bytes b;
    struct hkp_dsm_batch got;
    struct hkp_dsm_sample sample = {
        .time_us = UINT64_MAX - UINT32_MAX, .value = INT64_MIN, .metric = UINT32_MAX, .scale = -9};
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    sample.time_us = UINT64_MAX;
    for (int i = 1; i < HKP_DSM_SAMPLES_MAX; i++) CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    CHECK_EQ(hkp_dsm_stream_batch(s, b.bytes, sizeof b.bytes, &b.len, &b.number, b.id), HKP_OK);
    CHECK_EQ(take(c, &b, &got), HKP_OK);
    CHECK(got.samples[255].time_us == UINT64_MAX && got.samples[255].value == INT64_MIN);
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
}

static void samples_out_of_order_are_not_added(void) {
    hkp_dsm_stream *s = stream_of(&kit.node[0], name_a, 0, NULL);
    struct hkp_dsm_sample sample = {.time_us = 10};
    struct batch_bytes b = {.len = 77};
    CHECK_EQ(hkp_dsm_stream_batch(s, b.bytes, sizeof b.bytes, &b.len, &b.number, b.id), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_OK);
    sample.time_us = 9;
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_E_INVAL);
    sample = (struct hkp_dsm_sample){.time_us = 10, .scale = 10};
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_E_INVAL);
    sample = (struct hkp_dsm_sample){.time_us = 11ULL + UINT32_MAX};
    CHECK_EQ(hkp_dsm_stream_add(s, &sample), HKP_E_LIMIT);
    CHECK_EQ(hkp_dsm_stream_batch(s, b.bytes, 20, &b.len, &b.number, b.id), HKP_E_NOSPC);
    CHECK_EQ(b.len, 77);
    CHECK_EQ(hkp_dsm_stream_batch(s, b.bytes, sizeof b.bytes, &b.len, &b.number, b.id), HKP_OK);
    CHECK_EQ(b.number, 1);
    hkp_dsm_stream_free(s);
}

/* Bodies that a writer would not make. */
static void malformed_batches_are_refused(void) {
    static struct hkp_dsm_batch b, got;
    uint8_t body[512];
    size_t len = 0;
    b.number = 2;
    b.n_samples = 2;
    b.samples[0] = (struct hkp_dsm_sample){.time_us = 3};
    b.samples[1] = (struct hkp_dsm_sample){.time_us = 4};
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_batch_parse(body, len, &got), HKP_OK);
    body[len - 4] = 0; /* dt of the second: equal times are fine */
    CHECK_EQ(hkp_dsm_batch_parse(body, len, &got), HKP_OK);
    body[len - 1] = 10; /* scale */
    CHECK_EQ(hkp_dsm_batch_parse(body, len, &got), HKP_E_DSM_SCHEMA);
    body[len - 1] = 0x29; /* -10 */
    CHECK_EQ(hkp_dsm_batch_parse(body, len, &got), HKP_E_DSM_SCHEMA);
    b.samples[1].time_us = 2;
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    b.n_samples = 0;
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    b.n_samples = 1;
    b.number = 0;
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    b.number = 1;
    b.previous[0] = 1;
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
}

/* D-AUD-4 says neither where numbers begin nor how samples are ordered (decision 0603). */
static void what_others_may_write_is_read(void) {
    static struct hkp_dsm_batch got;
    hkp_dsm_collector *c = collector_of(0);
    uint8_t envelope[512];
    for (uint64_t number = 0; number < 2; number++) {
        uint8_t body[256];
        struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
        size_t len = 0;
        hkp_dsm_cbor_put_map(&w, 6);
        for (uint64_t key = 0; key < 6; key++) {
            hkp_dsm_cbor_put_uint(&w, key);
            if (key == 1) hkp_dsm_cbor_put_bytes(&w, name_a, 16);
            if (key == 3) hkp_dsm_cbor_put_bytes(&w, got.id, 32);
            if (key == 0 || key == 2 || key == 4)
                hkp_dsm_cbor_put_uint(&w, key == 0 ? 1 : key == 2 ? number : 100);
            if (key == 5) hkp_dsm_cbor_put_array(&w, number == 0 ? 0 : 2); /* none, then two */
        }
        for (uint64_t i = 0; i < 2 * number; i++) {
            hkp_dsm_cbor_put_array(&w, 4);
            hkp_dsm_cbor_put_uint(&w, i == 0 ? 9000000000ULL : 7);
            for (int field = 0; field < 3; field++) hkp_dsm_cbor_put_uint(&w, 1);
        }
        CHECK_EQ(hkp_dsm_envelope_sign(kit.chain_id, HKP_DSM_KIND_TELEMETRY, kit_id(&kit.node[0]),
                                       kit.node[0].secret, body, w.len, envelope, sizeof envelope, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm_collector_take(c, envelope, len, KIT_NOW_S, &got), HKP_OK);
        CHECK(got.number == number && got.missing == 0 && got.n_samples == 2 * number);
        CHECK_EQ(hkp_dsm_collector_take(c, envelope, len, KIT_NOW_S, &got), HKP_E_DSM_DUPLICATE);
    }
    CHECK(got.samples[0].time_us == 9000000100ULL && got.samples[1].time_us == 107);
    hkp_dsm_collector_free(c);
}

static void every_allocation_may_fail(void) {
    struct failing f = {0};
    struct hkp_dsm_stream_options so;
    struct hkp_dsm_collector_options co;
    hkp_dsm_stream *s = NULL;
    hkp_dsm_collector *c = NULL;
    hkp_dsm_stream_options_init(&so, sizeof so);
    hkp_dsm_collector_options_init(&co, sizeof co);
    so.mem = co.mem = failing_mem(&f);
    CHECK_EQ(hkp_dsm_stream_new(&s, &so), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_collector_new(&c, &co), HKP_E_INVAL);
    so.chain_id = co.chain_id = kit.chain_id;
    so.node_id = kit_id(&kit.node[0]);
    so.secret = kit.node[0].secret;
    so.stream = name_a;
    co.directory = &kit.directory;
    CHECK_EQ(hkp_dsm_stream_new(&s, &so), HKP_E_NOMEM);
    for (long n = 0; n < 2; n++) {
        f.left = n;
        CHECK_EQ(hkp_dsm_collector_new(&c, &co), HKP_E_NOMEM);
        CHECK(c == NULL && f.live == 0);
    }
    f.left = -1;
    so.newest = 3; /* without its id */
    CHECK_EQ(hkp_dsm_stream_new(&s, &so), HKP_E_INVAL);
    so.newest = 0;
    CHECK_EQ(hkp_dsm_stream_new(&s, &so), HKP_OK);
    CHECK_EQ(hkp_dsm_collector_new(&c, &co), HKP_OK);
    CHECK(s != NULL && c != NULL);
    hkp_dsm_stream_free(s);
    hkp_dsm_collector_free(c);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    kit_begin(&kit);
    (void)kit_add(&kit, HKP_DSM_ROLE_EDGE, 1);
    (void)kit_add(&kit, HKP_DSM_ROLE_EDGE, 2);
    CASE(batches_are_taken_in_order);
    CASE(a_gap_is_reported_and_not_filled);
    CASE(a_batch_that_does_not_follow_is_refused);
    CASE(nothing_unsigned_moves_a_stream);
    CASE(streams_and_samples_are_bounded);
    CASE(the_largest_batch_fits);
    CASE(samples_out_of_order_are_not_added);
    CASE(malformed_batches_are_refused);
    CASE(what_others_may_write_is_read);
    CASE(every_allocation_may_fail);
    return check_done();
}
