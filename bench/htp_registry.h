/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A registry of one peer without neural state, and random bytes: what an endpoint of a bench needs. */
#ifndef HKP_BENCH_HTP_REGISTRY_H
#define HKP_BENCH_HTP_REGISTRY_H

#include <hookprobe/htp.h>
#include <sodium.h>
#include <string.h>

/** The only node that is known. */
struct bench_node {
    uint8_t node_id[16], a[32];
};

static inline int32_t bench_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

static inline hkp_status bench_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct bench_node *known = (const struct bench_node *)user;
    if (memcmp(node_id, known->node_id, 16) != 0) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->a, known->a, 32);
    out->neural = HKP_HTP_NEURAL_OFF;
    return HKP_OK;
}

/* Neural state is off for both nodes: nothing of it is ever asked for. */
static inline hkp_status bench_no_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static inline hkp_status bench_no_neural(void *user, const uint8_t node_id[16], uint32_t side,
                                         uint64_t ck_index, struct hkp_htp_neural *out) {
    (void)user, (void)node_id, (void)side, (void)ck_index, (void)out;
    return HKP_E_NOTFOUND;
}

static inline hkp_status bench_no_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                                       const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)msg_hash, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static inline void bench_no_release(void *user, uint64_t handle) { (void)user, (void)handle; }

/** known: borrowed by the endpoint; it may be filled in later. */
static inline struct hkp_htp_registry bench_registry(struct bench_node *known) {
    return (struct hkp_htp_registry){.user = known,
                                     .find = bench_find,
                                     .own_index = bench_no_index,
                                     .neural = bench_no_neural,
                                     .posf = bench_no_posf,
                                     .neural_release = bench_no_release};
}

#endif
