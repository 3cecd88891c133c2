/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/crypto/resonance.h"
#include "libter/bytes.h"

void hkp_htp__neural_drop(struct hkp_htp__neural_secret *neural) {
    if (neural->registry != NULL) neural->registry->neural_release(neural->registry->user, neural->in.handle);
    sodium_memzero(neural, sizeof *neural);
}

void hkp_htp__rdv(uint8_t out[32], const uint8_t key[32], const uint8_t header[32],
                  const struct hkp_htp__neural_secret *neural, const uint8_t h[32]) {
    uint8_t last[8];
    hkp_put_le64(last, neural->in.last_us);
    hkp_htp__b2(out, key, PARTS({header, 32}, {neural->in.f, 64}, {last, 8}, {h, 32}));
}

void hkp_htp__rdv_packet(uint8_t out[32], const uint8_t key[32], const uint8_t *dgram, size_t len) {
    hkp_htp__b2(out, key, PARTS({dgram, 32}, {dgram + 96, len - 96}));
}

hkp_status hkp_htp__posf(uint8_t out[32], const struct hkp_htp__neural_secret *neural, const uint8_t k[32],
                         uint8_t role, const uint8_t msg_hash[32], const uint8_t nonce[8]) {
    const struct hkp_htp_registry *r = neural->registry;
    if (r != NULL)
        return r->posf(r->user, neural->in.handle, role, msg_hash, nonce, out) == HKP_OK ? HKP_OK
                                                                                         : HKP_E_CALLBACK;
    hkp_htp__b2(out, k, PARTS(LABEL("HTP1 posf N"), {&role, 1}, {msg_hash, 32}, {nonce, 8}));
    return HKP_OK;
}

void hkp_htp__w_commit(uint8_t out[32], const uint8_t ck[32], const uint8_t h[32],
                       const struct hkp_htp__neural_secret *neural, const uint8_t psk_res[32]) {
    uint8_t key[32], last[8];
    hkp_put_le64(last, neural->in.last_us);
    hkp_htp__expand(key, 32, ck, PARTS(LABEL("HTP1 wcommit")));
    hkp_htp__hmac(out, key,
                  PARTS({h, 32}, {neural->in.psk, 32}, {psk_res, 32}, {neural->in.f, 64}, {last, 8}));
    sodium_memzero(key, sizeof key);
}

/* a - b of two Unix times; 0 if it is not below 2^62 either way. */
static int difference(uint64_t a, uint64_t b, int64_t *out) {
    uint64_t d = a - b;
    if (a >= b ? d >= 1ULL << 62 : b - a >= 1ULL << 62) return 0;
    *out = a >= b ? (int64_t)d : -(int64_t)(b - a);
    return 1;
}

uint8_t hkp_htp__clock_verdict(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4) {
    int64_t round, hold, there, back;
    if (!difference(t4, t1, &round) || !difference(t3, t2, &hold) || !difference(t2, t1, &there) ||
        !difference(t3, t4, &back))
        return HKP_HTP_CLOCK_UNDECIDED;
    int64_t rtt = round - hold, off2 = there + back;
    const int64_t limit = (int64_t)1 << 62;
    if (rtt < 0 || rtt >= limit || off2 >= limit || off2 <= -limit) return HKP_HTP_CLOCK_UNDECIDED;
    if (off2 < 0) off2 = -off2;
    if (off2 + rtt < 200000) return HKP_HTP_CLOCK_PASS;
    if (off2 - rtt >= 200000) return HKP_HTP_CLOCK_FAIL;
    return HKP_HTP_CLOCK_UNDECIDED;
}
