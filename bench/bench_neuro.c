/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* nz1.*: one step, proof and fingerprint of a state, against the cryptography that each consists of. */
#include "bench.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

/* Weights of a network, NZ1 6: the length of the kick stream of one step. */
enum { WEIGHTS = 18656 };
/* Offset of the time in a TER, NZ1 1. */
enum { TIME_AT = 52 };

struct fixture {
    hkp_neuro_state *state;
    uint64_t time_us;
    uint8_t ter[64], f[64], key[64];
    uint8_t *bytes;
};

static void evolve(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) {
        f->time_us += 1000000;
        for (int k = 0; k < 8; k++) f->ter[TIME_AT + k] = (uint8_t)(f->time_us >> 8 * k);
        bench_need(hkp_neuro_state_evolve(f->state, f->ter) == HKP_OK, "evolve failed");
    }
}

static void hmac(const uint8_t key[64], const uint8_t *data, size_t len, uint8_t out[64]) {
    crypto_auth_hmacsha512_state h;
    crypto_auth_hmacsha512_init(&h, key, 64);
    crypto_auth_hmacsha512_update(&h, data, len);
    crypto_auth_hmacsha512_final(&h, out);
}

/* The kick key and the next chain value, and the kick between them. */
static void floor_of_evolve(void *user, uint64_t times) {
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    struct fixture *f = user;
    uint8_t key[64];
    for (uint64_t i = 0; i < times; i++) {
        hmac(f->key, (const uint8_t *)"NZ1 kick", 9, key);
        crypto_stream_chacha20_ietf(f->bytes, WEIGHTS, nonce, key);
        hmac(f->key, f->ter, 64, f->key);
    }
}

static void posf(void *user, uint64_t times) {
    struct fixture *f = user;
    uint8_t nonce[8] = {0}, tag[32];
    for (uint64_t i = 0; i < times; i++) {
        hkp_neuro_state_posf(f->state, f->f, HKP_NEURO_ROLE_E, f->key, nonce, tag);
        memcpy(nonce, tag, sizeof nonce);
    }
}

static void fingerprint(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) hkp_neuro_state_fingerprint(f->state, f->f);
}

static void sha512(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) crypto_hash_sha512(f->f, f->bytes, HKP_NEURO_STATE_SIZE);
}

static void open_state(struct fixture *f, uint32_t variant) {
    static const uint8_t seed[32] = {1}, node_id[16] = {2}, h_ref[20] = {3};
    bench_need(hkp_neuro_state_new(&f->state, NULL, variant) == HKP_OK, "no such variant");
    hkp_neuro_state_enrol(f->state, seed, node_id, h_ref);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        uint32_t variant;
    } steps[] = {{"nz1.evolve", HKP_NEURO_VARIANT_AUTO}, {"nz1.evolve.scalar", HKP_NEURO_VARIANT_SCALAR}};
    struct fixture f = {.ter = {0}};
    bench_begin(argc, argv);
    f.bytes = calloc(1, HKP_NEURO_STATE_SIZE);
    bench_need(sodium_init() >= 0 && f.bytes != NULL, "no memory");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!bench_wanted(steps[i].name)) continue;
        open_state(&f, steps[i].variant);
        bench_time(steps[i].name, "us", 1e6, evolve, &f, "floor", floor_of_evolve);
        hkp_neuro_state_free(f.state);
    }
    open_state(&f, HKP_NEURO_VARIANT_AUTO);
    if (bench_wanted("nz1.posf")) bench_time("nz1.posf", "us", 1e6, posf, &f, NULL, NULL);
    if (bench_wanted("nz1.fingerprint"))
        bench_time("nz1.fingerprint", "us", 1e6, fingerprint, &f, "sha512", sha512);
    hkp_neuro_state_free(f.state);
    free(f.bytes);
    return 0;
}
