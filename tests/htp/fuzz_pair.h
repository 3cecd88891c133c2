/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two endpoints in mode N with fixed keys and random numbers, for fuzz targets. */
#ifndef HKP_TESTS_HTP_FUZZ_PAIR_H
#define HKP_TESTS_HTP_FUZZ_PAIR_H

#include "alloc.h"
#include "check.h"
#include "libhtp/handshake/door.h"
#include "libter/bytes.h"

struct fuzz_pair {
    struct failing heap;
    uint64_t seed, wall, session;
    hkp_time now;
    hkp_htp_endpoint *end[2]; /* 0: V, 1: E */
    struct hkp_htp_path path[2];
    const uint8_t *at;
    size_t left;
};

static inline int32_t fuzz_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

static inline void fuzz_keys(int i, uint8_t a[32], uint8_t s[32]) {
    uint8_t seed[32], key[64];
    memset(seed, 0x10 + i, 32);
    crypto_sign_ed25519_seed_keypair(a, key, seed);
    memset(seed, 0x20 + i, 32);
    crypto_scalarmult_curve25519_base(s, seed);
}

static inline hkp_status fuzz_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    uint8_t s[32];
    (void)user;
    memset(out, 0, sizeof *out);
    fuzz_keys(node_id[0] & 1, out->a, s);
    out->neural = HKP_HTP_NEURAL_OFF;
    return HKP_OK;
}

static inline hkp_status fuzz_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static inline hkp_status fuzz_neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                                     struct hkp_htp_neural *out) {
    (void)user, (void)node_id, (void)side, (void)ck_index, (void)out;
    return HKP_E_NOTFOUND;
}

static inline hkp_status fuzz_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg[32],
                                   const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)msg, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static inline void fuzz_release(void *user, uint64_t handle) { (void)user, (void)handle; }

static inline void fuzz_open(struct fuzz_pair *p, const uint8_t *data, size_t size) {
    memset(p, 0, sizeof *p);
    p->seed = 42;
    p->heap.left = -1;
    p->now = HKP_HTP__SEC;
    p->wall = UINT64_C(1750000000000000);
    p->at = data;
    p->left = size;
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_options o;
        hkp_htp_options_init(&o, sizeof o);
        o.mem = failing_mem(&p->heap);
        o.rng = (struct hkp_rng){.user = &p->seed, .fill = fuzz_fill};
        o.registry = (struct hkp_htp_registry){.find = fuzz_find,
                                               .own_index = fuzz_index,
                                               .neural = fuzz_neural,
                                               .posf = fuzz_posf,
                                               .neural_release = fuzz_release};
        memset(o.node_id, 0x40 + i, 16);
        memset(o.a_seed, 0x10 + i, 32);
        memset(o.s_secret, 0x20 + i, 32);
        o.half_open_max = o.answer_cache = 8;
        o.source_cells = 16;
        o.strangers_max = 2;
        o.sessions_max = 4;
        if (hkp_htp_endpoint_new(&p->end[i], &o, p->now) != HKP_OK) abort();
        p->path[i] = (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 10, 0, 0, (uint8_t)i}, .port = 8144};
    }
}

static inline void fuzz_close(struct fuzz_pair *p) {
    for (int i = 0; i < 2; i++) hkp_htp_endpoint_free(p->end[i]);
    if (p->heap.live != 0) abort();
}

static inline void fuzz_connect(struct fuzz_pair *p) {
    uint8_t a[32], s[32], node_id[16];
    fuzz_keys(0, a, s);
    memset(node_id, 0x40, 16);
    if (hkp_htp_connect(p->end[1], p->now, p->wall, &p->path[0], node_id, s, a, HKP_HTP_MODE_N,
                        &p->session) != HKP_OK)
        abort();
}

static inline size_t fuzz_pull(struct fuzz_pair *p, int i, uint8_t d[1200]) {
    struct hkp_htp_path to;
    size_t len;
    if (hkp_htp_send(p->end[i], p->now, p->wall, &to, d, 1200, &len) != HKP_OK || len > 1200) abort();
    return len;
}

/** A copy, so that a read past the end is seen. */
static inline void fuzz_give(struct fuzz_pair *p, int i, const uint8_t *d, size_t len) {
    uint8_t *copy = malloc(len + (len == 0));
    if (len > 0) memcpy(copy, d, len);
    (void)!hkp_htp_recv(p->end[i], p->now, p->wall, &p->path[!i], copy, len);
    free(copy);
}

static inline void fuzz_events(struct fuzz_pair *p) {
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_event ev = {.struct_size = sizeof ev};
        do {
            if (hkp_htp_event(p->end[i], &ev) != HKP_OK) abort();
            if (ev.type == HKP_HTP_EVENT_UP)
                (void)!hkp_htp_session_allow(p->end[i], ev.session, UINT64_MAX, 0);
        } while (ev.type != HKP_HTP_EVENT_NONE);
    }
}

/** Everything that both want to say, bounded. */
static inline void fuzz_pump(struct fuzz_pair *p) {
    uint8_t d[1200];
    for (int turn = 0, quiet = 0; turn < 200 && quiet < 2; turn++, quiet++)
        for (int i = 0; i < 2; i++)
            for (size_t len; turn < 200 && (len = fuzz_pull(p, i, d)) > 0; turn++, quiet = 0)
                fuzz_give(p, !i, d, len);
    fuzz_events(p);
}

static inline void fuzz_pass(struct fuzz_pair *p, hkp_time span) {
    p->now += span;
    p->wall += span / 1000;
    for (int i = 0; i < 2; i++) hkp_htp_tick(p->end[i], p->now, p->wall);
    fuzz_pump(p);
}

static inline uint8_t fuzz_byte(struct fuzz_pair *p) {
    if (p->left == 0) return 0;
    p->left--;
    return *p->at++;
}

/** Up to cap bytes whose number the input gives first. */
static inline size_t fuzz_bytes(struct fuzz_pair *p, uint8_t *dst, size_t cap) {
    size_t want = (size_t)fuzz_byte(p) << 8;
    want |= fuzz_byte(p);
    if (want > cap) want = cap;
    if (want > p->left) want = p->left;
    memcpy(dst, p->at, want);
    p->at += want;
    p->left -= want;
    return want;
}

#endif
