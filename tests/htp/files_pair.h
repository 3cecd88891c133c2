/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two endpoints with files: E asks, V serves, and the other way round; the wire is in the test's hands. */
#ifndef HKP_TESTS_HTP_FILES_PAIR_H
#define HKP_TESTS_HTP_FILES_PAIR_H

#include "alloc.h"
#include "pair.h"
#include "store_memory.h"

enum { FP_EVENTS = 4096 };

/** One side: 0 is E, 1 is V. */
struct fp_side {
    hkp_htp_endpoint *ep;
    hkp_htp_files *files;
    struct mem_store store;
    struct hkp_htp_store interface;
    struct failing heap;
    uint64_t session;
    /** the newest of each transfer that ended, and how many events of each kind there were */
    struct hkp_htp_file_event ends[FP_EVENTS];
    size_t ended;
    unsigned kinds[8];
    /** entries of LISTs, in the order that they came */
    struct hkp_htp_file_entry entries[2048];
    size_t listed;
    /** 1: events of streams of class FILE are not given to files; the last message is kept here */
    int raw;
    uint8_t message[70000];
    size_t message_len;
    uint32_t raw_stream, raw_fin, raw_stopped, raw_reset, raw_messages;
};

struct files_pair {
    struct world w;
    struct pair p;
    struct fp_side side[2];
    uint64_t trace;
    /** datagrams lost, in 1000 */
    unsigned loss;
    uint64_t random;
};

static inline void fp_note(struct fp_side *s, const struct hkp_htp_event *ev) {
    s->raw_stream = ev->stream;
    if (ev->type == HKP_HTP_EVENT_FIN) s->raw_fin++;
    if (ev->type == HKP_HTP_EVENT_STREAM_STOPPED) s->raw_stopped++;
    if (ev->type == HKP_HTP_EVENT_STREAM_RESET) s->raw_reset++;
    if (ev->type != HKP_HTP_EVENT_MESSAGE || ev->len > sizeof s->message) return;
    memcpy(s->message, ev->data, ev->len);
    s->message_len = ev->len;
    s->raw_messages++;
}

static inline void fp_take(struct files_pair *fp, struct fp_side *s) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    for (;;) {
        CHECK_EQ(hkp_htp_event(s->ep, &ev), HKP_OK);
        if (ev.type == HKP_HTP_EVENT_NONE) return;
        if (ev.type == HKP_HTP_EVENT_UP) {
            s->session = ev.session;
            CHECK_EQ(hkp_htp_session_allow(s->ep, ev.session, UINT64_MAX, UINT64_MAX), HKP_OK);
        }
        if (ev.type == HKP_HTP_EVENT_DOWN && ev.session == s->session) s->session = 0;
        if (s->raw)
            fp_note(s, &ev);
        else if (s->files != NULL)
            (void)hkp_htp_files_take(s->files, fp->p.now, &ev);
    }
}

static inline void fp_events(struct files_pair *fp, struct fp_side *s) {
    struct hkp_htp_file_event e = {.struct_size = sizeof e};
    for (;;) {
        CHECK_EQ(hkp_htp_files_event(s->files, &e), HKP_OK);
        if (e.type == HKP_HTP_FILE_EVENT_NONE) return;
        s->kinds[e.type]++;
        fp->trace = fp->trace * 31 + e.type * 7 + e.transfer * 131 + e.code + e.done * 17 + fp->p.now;
        if (e.type == HKP_HTP_FILE_EVENT_ENTRY && s->listed < 2048) s->entries[s->listed++] = e.entry;
        if (e.type == HKP_HTP_FILE_EVENT_DONE || e.type == HKP_HTP_FILE_EVENT_FAILED) {
            if (s->ended < FP_EVENTS) s->ends[s->ended++] = e;
            e.path = NULL;
        }
    }
}

/** What both sides do with what is there. */
static inline void fp_serve(struct files_pair *fp) {
    for (int i = 0; i < 2; i++) {
        struct fp_side *s = &fp->side[i];
        fp_take(fp, s);
        if (s->files == NULL) continue;
        hkp_htp_files_work(s->files, fp->p.now);
        fp_events(fp, s);
    }
}

static inline int fp_lossy(struct files_pair *fp) {
    return fp->loss != 0 && check_random(&fp->random) % 1000 < fp->loss;
}

/** Both ends exchange everything, and work, until neither has more to say at this time. */
static inline void fp_settle(struct files_pair *fp) {
    uint8_t d[1200];
    for (int quiet = 0, rounds = 0; quiet < 2 && rounds < 200000; rounds++) {
        quiet++;
        for (int from_e = 0; from_e < 2; from_e++)
            for (size_t len; (len = pair_pull(&fp->p, from_e, d)) > 0; quiet = 0)
                if (!fp_lossy(fp)) (void)pair_give(&fp->p, !from_e, d, len);
        fp_serve(fp);
        for (int i = 0; i < 2; i++)
            if (fp->side[i].files != NULL && hkp_htp_files_wake(fp->side[i].files) <= fp->p.now) quiet = 0;
    }
}

static inline hkp_time fp_wake(const struct files_pair *fp) {
    hkp_time at = HKP_TIME_NEVER;
    for (int i = 0; i < 2; i++) {
        const hkp_time a = hkp_htp_wake(fp->side[i].ep),
                       b = fp->side[i].files != NULL ? hkp_htp_files_wake(fp->side[i].files) : HKP_TIME_NEVER;
        if (a < at) at = a;
        if (b < at) at = b;
    }
    return at;
}

static inline void fp_advance(struct files_pair *fp, hkp_time to) {
    fp->p.wall += (to - fp->p.now) / 1000;
    fp->p.now = to;
    for (int i = 0; i < 2; i++) hkp_htp_tick(fp->side[i].ep, to, fp->p.wall);
}

/** Lets time pass. */
static inline void fp_run(struct files_pair *fp, hkp_time span) {
    const hkp_time end = fp->p.now + span;
    for (int i = 0; i < 1000000; i++) {
        fp_settle(fp);
        hkp_time next = fp_wake(fp);
        if (next > end) break;
        if (next <= fp->p.now) next = fp->p.now + HKP_HTP__MS;
        fp_advance(fp, next);
    }
    fp_advance(fp, end);
    fp_settle(fp);
}

/** Runs until so many transfers of a side have ended, for a virtual minute at most. */
static inline void fp_until(struct files_pair *fp, int side, size_t ended) {
    const hkp_time end = fp->p.now + 60 * HKP_HTP__SEC;
    for (fp_settle(fp); fp->side[side].ended < ended && fp->p.now < end; fp_settle(fp)) {
        hkp_time next = fp_wake(fp);
        fp_advance(fp, next <= fp->p.now ? fp->p.now + HKP_HTP__MS : next > end ? end : next);
    }
    CHECK(fp->side[side].ended >= ended);
}

static inline const uint8_t *fp_id(const struct files_pair *fp, int side) {
    return side == 0 ? fp->w.e.node_id : fp->w.v.node_id;
}

static inline void fp_files(struct files_pair *fp, int side, struct hkp_htp_files_options *o) {
    struct fp_side *s = &fp->side[side];
    hkp_htp_files_free(s->files);
    s->files = NULL;
    s->interface = mem_interface(&s->store);
    o->store = &s->interface;
    o->mem = failing_mem(&s->heap);
    memcpy(o->node_id, fp_id(fp, side), 16);
    CHECK_EQ(hkp_htp_files_new(&s->files, s->ep, o), HKP_OK);
}

static inline void fp_grant(struct files_pair *fp, int side, uint32_t operations) {
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = operations};
    CHECK_EQ(hkp_htp_files_grant(fp->side[side].files, NULL, &g), HKP_OK);
}

static inline void fp_connect(struct files_pair *fp) {
    CHECK_EQ(pair_connect(&fp->p), HKP_OK);
    fp_settle(fp);
    CHECK(fp->side[0].session != 0 && fp->side[1].session != 0);
}

static inline struct files_pair *fp_new_quietly(void) {
    static json_t *in;
    struct files_pair *fp = calloc(1, sizeof *fp);
    if (in == NULL) in = vec_load("htp/handshake_n.json");
    world_load(&fp->w, vec_get(in, "inputs"));
    pair_new(&fp->p, &fp->w);
    fp->side[0].ep = fp->p.e;
    fp->side[1].ep = fp->p.v;
    fp->random = check_seed() + 3;
    for (int i = 0; i < 2; i++) {
        fp->side[i].heap.left = -1;
        fp->side[i].store.clock_us = 1000;
    }
    return fp;
}

/** A session; V and E may do everything with each other's files. */
static inline struct files_pair *fp_new(void) {
    struct files_pair *fp = fp_new_quietly();
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_files_options o;
        hkp_htp_files_options_init(&o, sizeof o);
        fp_files(fp, i, &o);
        fp_grant(fp, i, 127);
    }
    fp_connect(fp);
    return fp;
}

static inline void fp_free(struct files_pair *fp) {
    for (int i = 0; i < 2; i++) {
        hkp_htp_files_free(fp->side[i].files);
        CHECK_EQ(fp->side[i].heap.live, 0);
        CHECK_EQ(mem_open_count(&fp->side[i].store), 0);
        mem_clear(&fp->side[i].store);
    }
    pair_free(&fp->p);
    free(fp);
}

static inline struct hkp_htp_file_request fp_request(struct files_pair *fp, int side, uint32_t op,
                                                     const char *path, const char *local) {
    struct hkp_htp_file_request r = {.struct_size = sizeof r,
                                     .operation = op,
                                     .path = path,
                                     .path_len = (uint32_t)strlen(path),
                                     .local = &fp->side[side].interface};
    if (local != NULL) {
        r.local_path = local;
        r.local_path_len = (uint32_t)strlen(local);
    }
    return r;
}

static inline uint64_t fp_start(struct files_pair *fp, int side, const struct hkp_htp_file_request *r) {
    uint64_t number = 0;
    CHECK_EQ(hkp_htp_files_start(fp->side[side].files, fp->p.now, fp->side[side].session, r, &number),
             HKP_OK);
    return number;
}

/** Asks and waits for the end: its code. */
static inline uint32_t fp_do(struct files_pair *fp, int side, const struct hkp_htp_file_request *r) {
    const size_t before = fp->side[side].ended;
    (void)fp_start(fp, side, r);
    fp_until(fp, side, before + 1);
    return fp->side[side].ended > before ? fp->side[side].ends[before].code : 255;
}

static inline uint32_t fp_put(struct files_pair *fp, const char *path, const char *local, uint32_t flags) {
    struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_CREATE, path, local);
    r.flags = flags;
    return fp_do(fp, 0, &r);
}

static inline uint32_t fp_get(struct files_pair *fp, const char *path, const char *local, uint32_t flags) {
    struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_READ, path, local);
    r.flags = flags;
    r.local_flags = HKP_HTP_STORE_OVERWRITE;
    return fp_do(fp, 0, &r);
}

static inline const struct hkp_htp_file_event *fp_last(const struct files_pair *fp, int side) {
    return &fp->side[side].ends[fp->side[side].ended - 1];
}

/** Bytes that do not compress. */
static inline uint8_t *fp_bytes(size_t len, uint64_t seed) {
    uint8_t *b = malloc(len + 1);
    for (size_t i = 0; i < len; i++) b[i] = (uint8_t)check_random(&seed);
    return b;
}

#endif
