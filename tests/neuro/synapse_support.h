/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the tests of the synapse part share: the exporter of HTP-6.6, names of results, two networks that
 * talk. */
#ifndef HKP_TESTS_SYNAPSE_SUPPORT_H
#define HKP_TESTS_SYNAPSE_SUPPORT_H

#include "check.h"
#include "libter/bytes.h"
#include "vectors.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

#define SECOND UINT64_C(1000000000)

/** EXPORT of HTP-6.6, 32 bytes. */
static inline void export_32(const uint8_t exporter[32], const char *label, const uint8_t *context,
                             size_t len, uint8_t out[32]) {
    crypto_auth_hmacsha256_state h;
    uint8_t text[9 + 2 + 64 + 32 + 1];
    const size_t label_len = strlen(label);
    memcpy(text, "HTP1 exp", 9);
    hkp_put_be16(text + 9, (uint16_t)label_len);
    memcpy(text + 11, label, label_len);
    crypto_hash_sha256(text + 11 + label_len, context, len);
    text[11 + label_len + 32] = 1;
    crypto_auth_hmacsha256_init(&h, exporter, 32);
    crypto_auth_hmacsha256_update(&h, text, 11 + label_len + 33);
    crypto_auth_hmacsha256_final(&h, out);
}

/** Checks a result against the name that a vector gives: "ok" or "SYN_E_X". */
static inline void check_expect(hkp_status st, json_t *o) {
    const char *want = vec_text(o, "expect"), *name = hkp_neuro_status_name(st);
    const int ok = strcmp(want, "ok") == 0
                       ? st == HKP_OK
                       : strncmp(want, "SYN_E_", 6) == 0 && strncmp(name, "E_NEURO_SYN_", 12) == 0 &&
                             strcmp(want + 6, name + 12) == 0;
    if (!ok) printf("# %s, expected %s\n", st == HKP_OK ? "ok" : name, want);
    CHECK(ok);
}

/** Randomness of tests: splitmix64 over *user. */
static inline int32_t seeded_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

static inline void random_bytes(uint64_t *random, uint8_t *dst, size_t len) {
    (void)!seeded_fill(random, dst, len);
}

/** Two nodes, each with its network and its view of one session. */
struct two {
    uint8_t id[2][16], exporter[32];
    hkp_neuro_network *net[2];
    struct hkp_neuro_exchange_result result[2];
    hkp_time now;
};

/** States as an exchange of this gen and epoch would leave them; 0 is E. */
static inline void two_states(struct two *t, uint32_t epoch, uint32_t gen, uint32_t pair) {
    for (int i = 0; i < 2; i++) {
        struct hkp_neuro_synaptic s = {.epoch = epoch, .gen = gen};
        s.role = i == 0 ? HKP_NEURO_ROLE_E : HKP_NEURO_ROLE_V;
        memcpy(s.node_id, t->id[i], 16);
        memset(s.w_commit, 0x30 + i + (int)gen, 32);
        memset(s.h_entropy, 0x50 + i, 32);
        hkp_neuro_synaptic_encode(&s, t->result[i].own_state);
        memcpy(t->result[1 - i].peer_state, t->result[i].own_state, 256);
        t->result[i].own_verdict = t->result[i].peer_verdict = t->result[i].pair = pair;
        t->result[i].own_drift_ppm = HKP_NEURO_DRIFT_UNKNOWN;
        t->result[i].epoch = epoch;
        t->result[i].gen = gen;
    }
}

static inline void two_root(const struct two *t, uint32_t gen, uint8_t root[32]) {
    uint8_t context[36];
    hkp_neuro_network_root_context(t->id[0], t->id[1], gen, context);
    export_32(t->exporter, "NSE1 root", context, sizeof context, root);
}

/** Registers one side's view of generation gen. */
static inline hkp_status two_register(struct two *t, int side, uint32_t gen, int32_t new_session) {
    uint8_t root[32];
    two_root(t, gen, root);
    return hkp_neuro_network_register(t->net[side], t->now, &t->result[side], root, new_session);
}

static inline void two_gen(struct two *t, uint32_t epoch, uint32_t gen, int32_t new_session) {
    two_states(t, epoch, gen, HKP_NEURO_ALIGNED);
    CHECK_EQ(two_register(t, 0, gen, new_session), HKP_OK);
    CHECK_EQ(two_register(t, 1, gen, new_session), HKP_OK);
}

static inline hkp_neuro_network *network_make(const uint8_t id[16]) {
    struct hkp_neuro_network_options opt;
    hkp_neuro_network *net = NULL;
    hkp_neuro_network_options_init(&opt, sizeof opt);
    opt.peers = 4;
    memcpy(opt.own_id, id, 16);
    CHECK_EQ(hkp_neuro_network_new(&net, &opt), HKP_OK);
    return net;
}

static inline void two_begin(struct two *t) {
    memset(t, 0, sizeof *t);
    memset(t->id[0], 0xA1, 16);
    memset(t->id[1], 0x0B, 16);
    memset(t->exporter, 0xEE, 32);
    t->now = 1000 * SECOND;
    for (int i = 0; i < 2; i++) t->net[i] = network_make(t->id[i]);
    two_gen(t, 0, 1, 1);
}

static inline void two_end(struct two *t) {
    hkp_neuro_network_free(t->net[0]);
    hkp_neuro_network_free(t->net[1]);
}

/** A message of one side; returns its length. */
static inline size_t two_send(struct two *t, int from, const char *text, uint8_t *msg, size_t cap) {
    size_t len = 0;
    CHECK_EQ(hkp_neuro_network_send(t->net[from], t->now, 1700000000000000U, t->id[1 - from],
                                    (const uint8_t *)text, strlen(text), msg, cap, &len),
             HKP_OK);
    return len;
}

static inline hkp_status two_receive(struct two *t, int to, const uint8_t *msg, size_t len, char *text,
                                     size_t cap) {
    size_t text_len = 0;
    const hkp_status st = hkp_neuro_network_receive(t->net[to], t->now, t->id[1 - to], msg, len,
                                                    (uint8_t *)text, cap - 1, &text_len);
    if (st == HKP_OK) text[text_len] = 0;
    return st;
}

#endif
