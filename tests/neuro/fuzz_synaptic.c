/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * SynapticStates and proofs of any bytes (SYN-3.3, SYN-3.5). First byte, bit 0: the check alone, in a session
 * that fits the bytes; else an exchange, whose other side sends them as state and as proof, and MACs what bit
 * 1 says.
 */
#include <hookprobe/neuro.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_alone(const uint8_t *bytes, size_t len) {
    struct hkp_neuro_synaptic_expect expect = {0};
    struct hkp_neuro_synaptic s;
    uint8_t again[256];
    if (len >= 188) {
        expect.peer_role = bytes[2];
        memcpy(expect.peer_id, bytes + 32, 16);
        expect.epoch =
            (uint32_t)bytes[180] << 24 | (uint32_t)bytes[181] << 16 | (uint32_t)bytes[182] << 8 | bytes[183];
    }
    if (hkp_neuro_synaptic_check(&s, bytes, len, &expect) != HKP_OK) return;
    hkp_neuro_synaptic_encode(&s, again);
    if (memcmp(again, bytes, 256) != 0) __builtin_trap(); /* one form for each state */
}

/* The right MAC, so that what follows it is reached. */
static void mac_right(const uint8_t k_res[32], const uint8_t e[256], const uint8_t v[256],
                      uint8_t proof[80]) {
    struct hkp_neuro_resonance_proof p = {.step = proof[2], .verdict = proof[3]};
    uint8_t made[80];
    for (int i = 0; i < 4; i++) p.drift_ppm = p.drift_ppm << 8 | proof[4 + i];
    for (int i = 0; i < 8; i++) p.t_us = p.t_us << 8 | proof[8 + i];
    hkp_neuro_resonance_proof_make(&p, k_res, e, v, NULL, made);
    memcpy(proof + 16, made + 16, 32);
}

static void in_an_exchange(const uint8_t *bytes, size_t len, int right) {
    struct hkp_neuro_exchange_options opt;
    const struct hkp_neuro_synaptic own = {.epoch = 0};
    struct hkp_neuro_exchange_result result;
    hkp_neuro_exchange *x = NULL;
    uint8_t out[256], proof[80];
    const size_t first = len < 256 ? len : 256;
    size_t n = 0;
    uint32_t op;
    hkp_neuro_exchange_options_init(&opt, sizeof opt);
    opt.role = HKP_NEURO_ROLE_V;
    if (len >= 48) memcpy(opt.peer_id, bytes + 32, 16);
    if (hkp_neuro_exchange_new(&x, &opt) != HKP_OK) return;
    (void)!hkp_neuro_exchange_own(x, &own, NULL);
    if (hkp_neuro_exchange_recv(x, 1, HKP_NEURO_OP_SYNAPTIC, bytes, first) == HKP_OK &&
        hkp_neuro_exchange_judge(x, 1, HKP_NEURO_SEEKING, 0, NULL) == HKP_OK &&
        hkp_neuro_exchange_send(x, out, sizeof out, &n, &op) == HKP_OK && n == 256 && len - first >= 80) {
        memcpy(proof, bytes + first, 80);
        if (right) mac_right(opt.k_res, bytes, out, proof);
        const hkp_status st = hkp_neuro_exchange_recv(x, 2, HKP_NEURO_OP_PROOF, proof, 80);
        if (st == HKP_OK && proof[3] != HKP_NEURO_LOST && hkp_neuro_exchange_result(x, &result) != HKP_OK)
            __builtin_trap();
        if (st != HKP_OK && hkp_neuro_exchange_result(x, &result) == HKP_OK) __builtin_trap();
    }
    hkp_neuro_exchange_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    if (data[0] & 1)
        check_alone(data + 1, size - 1);
    else
        in_an_exchange(data + 1, size - 1, data[0] & 2);
    return 0;
}
