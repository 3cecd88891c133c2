/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* nz1.*: one step, proof and fingerprint of a state, a replay of log records and the memory of a replica,
 * against the cryptography that each consists of. */
#include "bench.h"

#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>
#include <sodium.h>

/* Weights of a network, NZ1 6: the length of the kick stream of one step. */
enum { WEIGHTS = 18656 };
/* Offset of the time in a TER, NZ1 1. */
enum { TIME_AT = 52 };
/* Records of the log that is replayed again and again; 64 of them to a call, as a host would. */
enum { LOG_TERS = 4096, SLICE = 64, RECORD = 104 };

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

/* ---- Replay ---- */

struct replay {
    struct fixture evolve;
    hkp_neuro_verifier *verifier;
    uint8_t cursor[104], *state, *log;
    size_t at;
};

static const uint8_t node_id[16] = {2}, device_public[32] = {4}, h_ref[20] = {3};

static void log_make(uint8_t *log) {
    struct hkp_ter_cursor c;
    hkp_ter_cursor_init(&c, node_id, device_public);
    for (int i = 0; i < LOG_TERS; i++) {
        struct hkp_ter_record rec = {.timestamp_us = 1800000000000000U + (uint64_t)i * 1000000U,
                                     .sequence = (uint16_t)i};
        uint8_t body[96];
        size_t len;
        crypto_hash_sha256(rec.h_entropy, c.h, 32);
        memcpy(rec.h_integrity, h_ref, 20);
        rec.chain_crc = c.has_last ? hkp_ter_crc16(c.last_ter, 64) : 0;
        hkp_ter_record_encode(&rec, body);
        bench_need(hkp_ter_cursor_accept(&c, body, 64, NULL) == HKP_OK, "a TER is refused");
        memcpy(body + 64, c.h, 32);
        bench_need(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, log + i * RECORD, RECORD, &len) ==
                       HKP_OK,
                   "no record");
    }
}

/* Records as they stand on disk: CRC32, the rules of NZ1 3.3, the hash chain, evolution. */
static void replay(void *user, uint64_t times) {
    struct replay *r = user;
    for (uint64_t done = 0; done < times;) {
        const uint64_t left = times - done;
        size_t taken;
        if (r->at == (size_t)LOG_TERS * RECORD) {
            bench_need(hkp_neuro_verifier_begin(r->verifier, r->cursor, r->state) == HKP_OK, "no begin");
            r->at = 0;
        }
        bench_need(hkp_neuro_verifier_feed(r->verifier, r->log + r->at, (size_t)LOG_TERS * RECORD - r->at,
                                           left < SLICE ? (uint32_t)left : SLICE, &taken) == HKP_OK,
                   "the log is refused");
        r->at += taken;
        done += taken / RECORD;
    }
}

static void floor_of_replay(void *user, uint64_t times) {
    floor_of_evolve(&((struct replay *)user)->evolve, times);
}

static void bench_replay(void) {
    static const uint8_t seed[32] = {1};
    struct replay r = {.at = (size_t)LOG_TERS * RECORD};
    struct hkp_neuro_verifier_options o;
    struct hkp_ter_cursor c;
    hkp_neuro_state *state = NULL;
    hkp_neuro_verifier_options_init(&o, sizeof o);
    memcpy(o.node_id, node_id, 16);
    memcpy(o.device_public, device_public, 32);
    r.log = malloc((size_t)LOG_TERS * RECORD);
    r.state = malloc(HKP_NEURO_STATE_SIZE);
    r.evolve.bytes = malloc(HKP_NEURO_STATE_SIZE);
    bench_need(r.log != NULL && r.state != NULL && r.evolve.bytes != NULL, "no memory");
    bench_need(hkp_neuro_verifier_new(&r.verifier, &o) == HKP_OK, "no verifier");
    bench_need(hkp_neuro_state_new(&state, NULL, HKP_NEURO_VARIANT_AUTO) == HKP_OK, "no state");
    log_make(r.log);
    hkp_neuro_state_enrol(state, seed, node_id, h_ref);
    hkp_neuro_state_encode(state, r.state);
    hkp_ter_cursor_init(&c, node_id, device_public);
    hkp_ter_cursor_encode(&c, r.cursor);
    bench_rate("nz1.replay", "TER/s", 1, replay, &r, "floor", floor_of_replay);
    hkp_neuro_state_free(state);
    hkp_neuro_verifier_free(r.verifier);
    free(r.evolve.bytes);
    free(r.state);
    free(r.log);
}

/* ---- Memory ---- */

/* What an allocator is asked for. */
static void *count_alloc(void *user, size_t size) {
    *(uint64_t *)user += size;
    return malloc(size);
}
static void count_free(void *user, void *ptr, size_t size) {
    *(uint64_t *)user -= size;
    free(ptr);
}

/* A fleet of 10,000 with two working states, shared among them: bytes for each device (NZ1 17). */
static void bench_replica(void) {
    enum { DEVICES = 10000 };
    uint64_t bytes = 0;
    double ours[BENCH_ROUNDS], spec[BENCH_ROUNDS];
    struct hkp_neuro_fleet_options o;
    hkp_neuro_fleet *fleet = NULL;
    hkp_neuro_fleet_options_init(&o, sizeof o);
    o.capacity = DEVICES;
    o.working = 2;
    o.mem = (struct hkp_mem){.user = &bytes, .alloc = count_alloc, .free = count_free};
    bench_need(hkp_neuro_fleet_new(&fleet, &o) == HKP_OK, "no memory for the fleet");
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = (double)bytes / DEVICES;
        spec[i] = 2 * HKP_NEURO_STATE_SIZE;
    }
    bench_print("nz1.replica", "bytes", ours, "spec", spec, 0);
    hkp_neuro_fleet_free(fleet);
}

static void open_state(struct fixture *f, uint32_t variant) {
    static const uint8_t seed[32] = {1};
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
    if (bench_wanted("nz1.replay")) bench_replay();
    if (bench_wanted("nz1.replica")) bench_replica();
    hkp_neuro_state_free(f.state);
    free(f.bytes);
    return 0;
}
