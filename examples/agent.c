/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * An agent: it captures this machine, evolves by what it saw, and prints the trust that a holder of its
 * replica has in it. The holder is the verifier beside it, which sees log records only; a real one is another
 * machine.
 *
 *     cc agent.c $(pkg-config --cflags --libs hookprobe-neuro hookprobe-ter) -lsodium -o agent && ./agent 10
 */
#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t node_id[16], key[32], secret[64], seed[32], h_ref[20], state[HKP_NEURO_STATE_SIZE],
    bytes[1024];

static void must(hkp_status st, const char *what) {
    if (st == HKP_OK) return;
    fprintf(stderr, "agent: %s: error %d\n", what, (int)st);
    exit(1);
}

static hkp_time mono(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

int main(int argc, char **argv) {
    const struct hkp_ter_item items[] = {{(const uint8_t *)"/etc/passwd", 11, HKP_TER_KIND_FILE, {0}},
                                         {(const uint8_t *)"@manifest", 9, HKP_TER_KIND_PSEUDO, {0}}};
    const struct hkp_ter_manifest_spec spec = {.items = items, .n_items = 2};
    struct hkp_ter_manifest manifest;
    struct hkp_ter_measure_options mo = {.struct_size = sizeof mo, .manifest = &manifest};
    struct hkp_ter_capture_options co = {.struct_size = sizeof co, .clock_trusted = 1, .state_path = "."};
    struct hkp_neuro_verifier_options vo = {.struct_size = sizeof vo};
    struct hkp_neuro_trust trust = {.t = hkp_neuro_trust_start(0, 0, HKP_NEURO_ONE)};
    struct hkp_neuro_verdict verdict;
    struct hkp_ter_cursor cursor;
    hkp_ter_measure *measure = NULL;
    hkp_ter_capture *capture = NULL;
    hkp_neuro_verifier *replica = NULL;
    hkp_neuro_state *own = NULL;
    uint8_t root[32], h[20], body[96], record[HKP_TER_LOG_RECORD_MAX];
    size_t len, taken;
    uint32_t flags;
    /* who we are, what is measured of this machine, and the secret that device and holder share */
    if (sodium_init() < 0 || crypto_sign_keypair(key, secret) != 0) return 1;
    randombytes_buf(seed, sizeof seed);
    must(hkp_ter_manifest_build(&spec, secret, bytes, sizeof bytes, &len), "manifest");
    must(hkp_ter_manifest_check(&manifest, bytes, len, node_id, key, 1, NULL), "manifest");
    must(hkp_ter_measure_new(&measure, &mo, mono()), "measure");
    must(hkp_ter_measure_run(measure, mono(), root, h_ref), "measure");
    must(hkp_ter_capture_new(&capture, &co, mono()), "capture");
    must(hkp_neuro_state_new(&own, NULL, HKP_NEURO_VARIANT_AUTO), "state");
    hkp_neuro_state_enrol(own, seed, node_id, h_ref);
    hkp_ter_cursor_init(&cursor, node_id, key);
    memcpy(vo.device_public, key, sizeof key);
    must(hkp_neuro_verifier_new(&replica, &vo), "replica");
    must(hkp_neuro_verifier_enrol(replica, seed, NULL, h_ref, 0), "replica");
    for (int left = argc > 1 ? atoi(argv[1]) : 5; left > 0; left--) {
        /* the device: measure, capture, chain, evolve */
        must(hkp_ter_measure_run(measure, mono(), root, h), "measure");
        must(hkp_ter_capture_next(capture, mono(), &cursor, h, body, &flags), "TER");
        must(hkp_ter_cursor_accept(&cursor, body, HKP_TER_SIZE, NULL), "chain");
        must(hkp_neuro_state_evolve(own, body), "evolve");
        memcpy(body + HKP_TER_SIZE, cursor.h, 32);
        must(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, sizeof body, record, sizeof record, &len),
             "log");
        hkp_neuro_state_encode(own, state);
        /* the holder: replay, compare, decide */
        must(hkp_neuro_verifier_feed(replica, record, len, 1, &taken), "replay");
        must(hkp_neuro_verifier_check_state(replica, cursor.index, cursor.h, state, sizeof state, &verdict),
             "verdict");
        const int same = verdict.verdict == HKP_NEURO_VERDICT_EXACT, healthy = memcmp(h, h_ref, 20) == 0;
        const struct hkp_neuro_trust_inputs in = {
            .a = hkp_neuro_trust_a(0, 0, 0), /* no TPM here */
            .r = hkp_neuro_trust_r(same ? HKP_NEURO_ALIGNED : HKP_NEURO_LOST, same, verdict.drift_ppm),
            .i = healthy ? HKP_NEURO_ONE : 0,
            .c = hkp_neuro_trust_c(1, 1),
            .n = HKP_NEURO_ONE / 2, /* too young to be told from noise (NZ1 16.5) */
            .l = hkp_neuro_trust_l(1, 1, 0, 0),
            .why = HKP_NEURO_WHY_NO_TPM | (healthy ? 0 : HKP_NEURO_WHY_INTEGRITY),
            .good_heartbeat = 1};
        hkp_neuro_trust_update(&trust, &in);
        printf("TER %llu: %s; trust 0.%03u\n", (unsigned long long)cursor.index, verdict.reason,
               (unsigned)hkp_neuro_trust_permille(trust.t));
    }
    for (uint32_t bit = 1; bit != 1U << HKP_NEURO_WHY_COUNT; bit <<= 1)
        if ((trust.why & bit) != 0) printf("why not more: %s\n", hkp_neuro_why_text(bit));
    hkp_neuro_verifier_free(replica);
    hkp_neuro_state_free(own);
    hkp_ter_capture_free(capture);
    hkp_ter_measure_free(measure);
    return 0;
}
