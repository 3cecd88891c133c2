/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-10.7 against the vectors, whole and in every cut of the stream; and the containers below it. */
#include <hookprobe/htp.h>

#include "flow_net.h"
#include "libter/bytes.h"
#include "vectors.h"

enum { CLS_APP = 7 };

static hkp_status give_piece(struct net *n, uint64_t offset, const uint8_t *data, size_t len, int fin) {
    struct net_packet p = {.to = 1, .pn = n->pn[0]++, .type = HKP_HTP__T_DATA, .res = 1};
    p.len = hkp_htp__put_stream(p.plain, CLS_APP, fin, 0, offset, (uint16_t)len);
    memcpy(p.plain + p.len, data, len);
    p.len += len;
    return net_give(n, &p);
}

/* Feeds the stream in pieces of at most step bytes, from the front or, backwards, from the end. */
static hkp_status feed(struct net *n, const struct vec_bytes *b, int fin, size_t step, int backwards) {
    size_t pieces = (b->len + step - 1) / step;
    for (size_t k = 0; k < pieces; k++) {
        size_t i = backwards ? pieces - 1 - k : k, at = i * step;
        size_t len = b->len - at < step ? b->len - at : step;
        hkp_status st = give_piece(n, at, b->ptr + at, len, fin && at + len == b->len);
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

static void same_messages(struct net *n, json_t *c, hkp_status *st) {
    json_t *want = vec_find(c, "messages");
    size_t got = 0;
    for (;;) {
        struct hkp_htp__flow_event e;
        hkp_status one = hkp_htp__flow_event(n->flow[1], &e);
        if (one != HKP_OK) {
            *st = one;
            return;
        }
        if (e.kind == HKP_HTP__FLOW_EV_NONE) break;
        if (e.kind != HKP_HTP__FLOW_EV_MESSAGE) continue;
        CHECK(want != NULL && got < json_array_size(want));
        if (want == NULL || got >= json_array_size(want)) return;
        struct vec_bytes b = vec_value_hex(json_array_get(want, got++));
        CHECK_EQ(e.len, b.len);
        if (e.len == b.len) CHECK_MEM(e.data, b.ptr, b.len);
        free(b.ptr);
    }
    if (want == NULL) return;
    CHECK_EQ(got, json_array_size(want));
    const struct hkp_htp__stream *s = hkp_htp__stream_find(n->flow[1], 0);
    if (s != NULL && s->rx == HKP_HTP__RX_OPEN) CHECK_EQ(s->rx_highest - s->rx_delivered, vec_u64(c, "rest"));
}

static void every_stream_gives_its_messages_or_its_fault(void) {
    json_t *cases = vec_get(vec_load("htp/messages.json"), "cases"), *c;
    static const size_t steps[] = {1000, 1, 3, 7};
    size_t i;
    json_array_foreach(cases, i, c) {
        for (unsigned mode = 0; mode < 8; mode++) {
            int before = check_faults;
            struct net *n = net_new(check_seed());
            struct vec_bytes b = vec_hex(c, "stream");
            hkp_status want = strcmp(vec_text(c, "result"), "OK") == 0 ? HKP_OK : HKP_E_HTP_MESSAGE;
            hkp_status st = feed(n, &b, vec_bool(c, "fin"), steps[mode % 4], mode >= 4);
            if (st == HKP_OK) same_messages(n, c, &st);
            CHECK_EQ(st, want);
            CHECK_NOTE(before, "%s, pieces of %zu", vec_text(c, "name"), steps[mode % 4]);
            free(b.ptr);
            net_free(n);
        }
    }
    CHECK(i > 0);
}

/* A message of the class DSM may be twice as long; a stream's own limit replaces both. */
static void limits_are_those_of_the_class_or_the_stream(void) {
    struct hkp_htp__message m;
    uint8_t head[8];
    hkp_put_be32(head, HKP_HTP__MESSAGE_MAX + 1);
    CHECK_EQ(hkp_htp__message_head(head, 4, HKP_HTP__MESSAGE_MAX, &m), HKP_E_HTP_MESSAGE);
    CHECK_EQ(hkp_htp__message_head(head, 4, HKP_HTP__MESSAGE_MAX_DSM, &m), HKP_OK);
    CHECK_EQ(m.size, HKP_HTP__MESSAGE_MAX + 5);
    hkp_put_be32(head, 0x80000000U | (HKP_HTP__MESSAGE_MAX + HKP_HTP__MESSAGE_SLACK));
    hkp_put_be32(head + 4, HKP_HTP__MESSAGE_MAX);
    CHECK_EQ(hkp_htp__message_head(head, 8, HKP_HTP__MESSAGE_MAX, &m), HKP_OK);
    hkp_put_be32(head, 0x80000000U | (HKP_HTP__MESSAGE_MAX + HKP_HTP__MESSAGE_SLACK + 1));
    CHECK_EQ(hkp_htp__message_head(head, 4, HKP_HTP__MESSAGE_MAX, &m), HKP_E_HTP_MESSAGE);
    hkp_put_be32(head, 0x80000000U | 100);
    hkp_put_be32(head + 4, HKP_HTP__MESSAGE_MAX + 1);
    CHECK_EQ(hkp_htp__message_head(head, 8, HKP_HTP__MESSAGE_MAX, &m), HKP_E_HTP_MESSAGE);
    struct net *n = net_new(check_seed());
    static uint8_t body[2000];
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_limit(n->flow[0], id, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_limit(n->flow[0], id, HKP_HTP__MESSAGE_CEILING + 1), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_limit(n->flow[0], id, 1999), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, body, 2000, 0), HKP_E_TOOBIG);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, body, 1999, 0), HKP_OK);
    net_free(n);
}

/* chain.c against a flat array: any order and overlap, the first copy stays. */
static void a_chain_is_a_stream_in_any_order(void) {
    enum { LEN = 20000 };
    static uint8_t flat[LEN], out[LEN], have[LEN], junk[5000];
    uint64_t r = check_seed();
    for (int round = 0; round < 20; round++) {
        struct failing heap = {.left = -1};
        struct hkp_mem mem = failing_mem(&heap);
        struct hkp_htp__pools *pools;
        struct hkp_htp__chain c = {.base = 0};
        uint64_t base = 0;
        CHECK_EQ(hkp_htp__pools_new(&pools, &mem, 0), HKP_OK);
        for (size_t i = 0; i < LEN; i++) flat[i] = (uint8_t)check_random(&r);
        memset(have, 0, LEN);
        for (int step = 0; step < 400; step++) {
            /* Half of the pieces lie around the first byte that is missing. */
            size_t at = check_random(&r) % LEN, len = check_random(&r) % 600;
            if (step % 2 == 0)
                at = c.done > 300 ? c.done - check_random(&r) % 300 : check_random(&r) % (c.done + 1);
            if (at + len > LEN) len = LEN - at;
            if (len == 0) continue;
            /* Bytes that are there already come with other values: they must not be taken. */
            for (size_t i = 0; i < len; i++)
                junk[i] = have[at + i] || at + i < base ? (uint8_t)~flat[at + i] : flat[at + i];
            CHECK(hkp_htp__chain_write(&c, pools, at, junk, len));
            hkp_htp__chain_mark(&c, at, len);
            memset(have + at, 1, len);
            size_t done = (size_t)base;
            while (done < LEN && have[done]) done++;
            CHECK_EQ(c.done, done);
            if (done > base && step % 40 == 0) {
                hkp_htp__chain_read(&c, base, out, done - (size_t)base);
                CHECK_MEM(out, flat + base, done - (size_t)base);
                base = done;
                hkp_htp__chain_release(&c, pools, base);
            }
        }
        hkp_htp__chain_clear(&c, pools);
        hkp_htp__pools_free(pools);
        CHECK_EQ(heap.live, 0);
    }
}

/* ranges.c against a flat array, while it has room. */
static void ranges_are_a_set(void) {
    enum { LEN = 400 };
    uint64_t r = check_seed();
    for (int round = 0; round < 200; round++) {
        uint8_t have[LEN] = {0};
        struct hkp_htp__range room[12];
        struct hkp_htp__ranges s = {room, 0, 12};
        for (int step = 0; step < 100; step++) {
            uint64_t lo = check_random(&r) % (LEN - 40), hi = lo + 1 + check_random(&r) % 40;
            int add = (check_random(&r) & 3) != 0, full = s.count == s.cap;
            if (!add && !full) {
                hkp_htp__ranges_remove(&s, lo, hi);
                memset(have + lo, 0, hi - lo);
            } else if (add && hkp_htp__ranges_add(&s, lo, hi)) {
                memset(have + lo, 1, hi - lo);
            } else if (add) {
                CHECK(full);
                hkp_htp__ranges_cover(&s, lo, hi);
                CHECK(hkp_htp__ranges_has(&s, lo, hi));
                memset(have, 0, LEN);
                for (unsigned k = 0; k < s.count; k++) memset(have + s.r[k].lo, 1, s.r[k].hi - s.r[k].lo);
            }
            size_t at = 0;
            for (unsigned k = 0; k < s.count; k++) {
                CHECK(s.r[k].lo < s.r[k].hi && (k == 0 || s.r[k - 1].hi < s.r[k].lo));
                for (; at < s.r[k].lo; at++) CHECK(!have[at]);
                for (; at < s.r[k].hi; at++) CHECK(have[at]);
            }
            for (; at < LEN; at++) CHECK(!have[at]);
        }
    }
}

/* What was needed once is not held for ever, nor given back while it may be needed again. */
static void pools_give_back_what_nobody_uses(void) {
    enum { BLOCKS = 200 };
    struct failing mem = {.left = -1};
    struct hkp_mem alloc = failing_mem(&mem);
    struct hkp_htp__pools *pools = NULL;
    static void *blocks[BLOCKS];
    hkp_time now = HKP_HTP__SECOND_NS;
    CHECK_EQ(hkp_htp__pools_new(&pools, &alloc, 0), HKP_OK);
    for (int round = 0; round < 20; round++, now += HKP_HTP__SECOND_NS / 10) {
        for (int i = 0; i < BLOCKS; i++) CHECK((blocks[i] = hkp_htp__block_take(pools)) != NULL);
        const size_t most = mem.bytes;
        const long live = mem.live;
        for (int i = BLOCKS; i-- > 0;) hkp_htp__block_give(pools, blocks[i * 7 % BLOCKS]);
        hkp_htp__pools_tick(pools, now);
        CHECK_EQ(mem.bytes, most); /* in use within the last second */
        CHECK_EQ(mem.live, live);
    }
    for (int second = 0; second < 3; second++, now += HKP_HTP__SECOND_NS) hkp_htp__pools_tick(pools, now);
    CHECK_EQ(mem.live, 2); /* the pools and one slab */
    CHECK_EQ(mem.bytes, hkp_htp__pools_memory(pools));
    hkp_htp__pools_free(pools);
    CHECK_EQ(mem.live, 0);
}

/* Data never takes the last eighth, in whatever order it and the records come. */
static void data_leaves_room_for_records(void) {
    enum { LIMIT = 1048576, MOST = 512 };
    struct failing mem = {.left = -1};
    struct hkp_mem alloc = failing_mem(&mem);
    struct hkp_htp__pools *pools = NULL;
    static void *data[MOST], *streams[4 * MOST], *records[MOST];
    size_t n_data = 0, n_streams = 0, n_records = 0;
    uint64_t seed = check_seed();
    CHECK_EQ(hkp_htp__pools_new(&pools, &alloc, LIMIT), HKP_OK);
    for (int i = 0; i < 20000; i++) {
        const unsigned what = (unsigned)(check_random(&seed) % 16);
        if (what < 8 && n_data < MOST && (data[n_data] = hkp_htp__block_take(pools)) != NULL) n_data++;
        if (what == 8 && n_data > 0) hkp_htp__block_give(pools, data[--n_data]);
        if (what > 8 && n_streams < 4 * (size_t)MOST &&
            (streams[n_streams] = hkp_htp__stream_take(pools)) != NULL)
            n_streams++;
        /* a few sessions have packets on their way */
        if (what == 9 && n_records < 12) CHECK((records[n_records++] = hkp_htp__record_take(pools)) != NULL);
        if (what == 10 && n_records > 0) hkp_htp__record_give(pools, records[--n_records]);
        CHECK(hkp_htp__pools_memory(pools) <= LIMIT + 4096);
    }
    CHECK(hkp_htp__block_take(pools) == NULL && !hkp_htp__pools_reserve(pools, 1, 0, 0));
    for (size_t i = 0; i < n_data; i++) hkp_htp__block_give(pools, data[i]);
    for (size_t i = 0; i < n_streams; i++) hkp_htp__stream_give(pools, streams[i]);
    for (size_t i = 0; i < n_records; i++) hkp_htp__record_give(pools, records[i]);
    hkp_htp__pools_free(pools);
    CHECK_EQ(mem.live, 0);
}

/* HTP-10.4: what is told, and that older ranges are forgotten. */
static void acks_tell_what_arrived(void) {
    struct hkp_htp__acks a;
    struct hkp_htp__frame f;
    uint8_t dst[256];
    uint64_t lo = 0, hi = 0;
    unsigned index = 0;
    size_t pos = 0;
    struct failing mem = {.left = -1};
    struct hkp_mem alloc = failing_mem(&mem);
    struct hkp_htp__pools *pools = NULL;
    CHECK_EQ(hkp_htp__pools_new(&pools, &alloc, 0), HKP_OK);
    hkp_htp__acks_init(&a, pools);
    CHECK_EQ(hkp_htp__acks_write(&a, 0, dst, sizeof dst), 0);
    for (uint64_t pn = 0; pn < 10; pn++)
        if (pn != 3 && pn != 4) hkp_htp__acks_note(&a, pn, 1, 0, 1000);
    size_t len = hkp_htp__acks_write(&a, 1000 + 160000, dst, sizeof dst);
    CHECK_EQ(hkp_htp__frame_read(dst, len, &pos, HKP_HTP__T_ACK, 0, &f), HKP_OK);
    CHECK_EQ(f.ack.delay_16us, 10);
    CHECK(hkp_htp__frame_ack_range(&f, &index, &lo, &hi) && lo == 5 && hi == 9);
    CHECK(hkp_htp__frame_ack_range(&f, &index, &lo, &hi) && lo == 0 && hi == 2);
    CHECK_EQ(hkp_htp__frame_ack_range(&f, &index, &lo, &hi), 0);
    hkp_htp__acks_forget(&a, 9);
    CHECK_EQ(a.seen.count, 1);
    /* 33 ranges are remembered, the oldest goes. */
    for (uint64_t i = 0; i < 100; i++) hkp_htp__acks_note(&a, 100 + 2 * i, 1, 0, 2000);
    CHECK_EQ(a.seen.count, HKP_HTP__ACK_RANGES_MAX + 1);
    CHECK_EQ(hkp_htp__acks_largest(&a), 298);
    len = hkp_htp__acks_write(&a, 2000, dst, sizeof dst);
    CHECK_EQ(len, 16 + 4 * HKP_HTP__ACK_RANGES_MAX);
    CHECK_EQ(hkp_htp__acks_write(&a, 2000, dst, 26), 16 + 4 * 2);
    hkp_htp__acks_clear(&a);
    CHECK_EQ(a.seen.count, HKP_HTP__ACK_RANGES_HELD);
    CHECK_EQ(hkp_htp__acks_largest(&a), 298);
    CHECK_EQ(a.seen.r == a.held, 1);
    hkp_htp__pools_free(pools);
    CHECK_EQ(mem.live, 0);
}

/* Without room for more ranges the oldest one goes: the newest numbers are told, nothing false is. */
static void acks_do_with_little_memory(void) {
    struct hkp_htp__acks a;
    struct hkp_htp__frame f;
    struct failing mem = {.left = 1}; /* the pools and nothing more */
    struct hkp_mem alloc = failing_mem(&mem);
    struct hkp_htp__pools *pools = NULL;
    uint8_t dst[256];
    uint64_t lo = 0, hi = 0;
    unsigned index = 0;
    size_t pos = 0;
    CHECK_EQ(hkp_htp__pools_new(&pools, &alloc, 0), HKP_OK);
    hkp_htp__acks_init(&a, pools);
    for (uint64_t i = 0; i < 100; i++) hkp_htp__acks_note(&a, 2 * i, 1, 0, 1000);
    size_t len = hkp_htp__acks_write(&a, 2000, dst, sizeof dst);
    CHECK_EQ(hkp_htp__frame_read(dst, len, &pos, HKP_HTP__T_ACK, 0, &f), HKP_OK);
    for (uint64_t want = 198; hkp_htp__frame_ack_range(&f, &index, &lo, &hi); want -= 2)
        CHECK(lo == want && hi == want);
    CHECK_EQ(index, HKP_HTP__ACK_RANGES_HELD);
    hkp_htp__pools_free(pools);
    CHECK_EQ(mem.live, 0);
}

/* Decision 0334: after a gap the path is not clean, and the sender's window small: every 2nd for 64 packets.
 */
static void acks_come_more_often_after_a_gap(void) {
    struct hkp_htp__acks a;
    struct hkp_htp__pools *pools;
    struct failing mem = {.left = -1};
    struct hkp_mem m = failing_mem(&mem);
    uint8_t dst[256];
    CHECK_EQ(hkp_htp__pools_new(&pools, &m, 0), HKP_OK);
    hkp_htp__acks_init(&a, pools);
    unsigned frames[3] = {0, 0, 0};
    for (uint64_t pn = 0; pn < 1000; pn++) {
        if (pn == 500) continue; /* lost */
        hkp_htp__acks_note(&a, pn, 1, 0, 10);
        if (a.due > 10) continue;
        (void)hkp_htp__acks_write(&a, 10, dst, sizeof dst);
        if (pn >= 100 && pn < 500) frames[0]++;
        if (pn > 500 && pn < 565) frames[1]++;
        if (pn >= 600) frames[2]++;
    }
    CHECK_EQ(frames[0], 50);
    CHECK(frames[1] == 32 || frames[1] == 33);
    CHECK_EQ(frames[2], 50);
    hkp_htp__acks_clear(&a);
    hkp_htp__pools_free(pools);
    CHECK_EQ(mem.live, 0);
}

/* Every 2nd packet at first, every 8th later, 25 ms at most, at once when something is out of order. */
static void acks_wait_no_longer_than_they_may(void) {
    struct hkp_htp__acks a;
    uint8_t dst[256];
    hkp_htp__acks_init(&a, NULL); /* no gap, no room */
    hkp_htp__acks_note(&a, 0, 1, 0, 0);
    CHECK_EQ(a.due, HKP_HTP__ACK_DELAY_NS);
    hkp_htp__acks_note(&a, 1, 1, 0, 5);
    CHECK_EQ(a.due, 5);
    for (uint64_t pn = 2; pn < 100; pn++) {
        (void)hkp_htp__acks_write(&a, 10, dst, sizeof dst);
        hkp_htp__acks_note(&a, pn, pn % 2 == 0, 0, 10);
    }
    unsigned waited = 0;
    (void)hkp_htp__acks_write(&a, 10, dst, sizeof dst);
    for (uint64_t pn = 100; a.due != 10; pn++, waited++) hkp_htp__acks_note(&a, pn, 1, 0, 10);
    CHECK_EQ(waited, 8);
    (void)hkp_htp__acks_write(&a, 10, dst, sizeof dst);
    hkp_htp__acks_note(&a, 300, 1, 0, 20); /* one gap: both ranges are held */
    CHECK_EQ(a.due, 20);
    (void)hkp_htp__acks_write(&a, 20, dst, sizeof dst);
    hkp_htp__acks_note(&a, 301, 1, 1, 30);
    CHECK_EQ(a.due, 30);
    (void)hkp_htp__acks_write(&a, 30, dst, sizeof dst);
    hkp_htp__acks_note(&a, 302, 0, 0, 40);
    CHECK(a.due == HKP_TIME_NEVER);
}

int main(void) {
    CASE(every_stream_gives_its_messages_or_its_fault);
    CASE(limits_are_those_of_the_class_or_the_stream);
    CASE(a_chain_is_a_stream_in_any_order);
    CASE(ranges_are_a_set);
    CASE(pools_give_back_what_nobody_uses);
    CASE(data_leaves_room_for_records);
    CASE(acks_tell_what_arrived);
    CASE(acks_do_with_little_memory);
    CASE(acks_come_more_often_after_a_gap);
    CASE(acks_wait_no_longer_than_they_may);
    return check_done();
}
