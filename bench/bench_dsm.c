/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* dsm.block.*: one microblock made, and one judged by a receiver, against the signature that each holds. */
#include "bench.h"
#include "libdsm/objects/objects.h"

#include <sodium.h>

enum { PAYLOAD = 300 };

struct fixture {
    uint8_t chain_id[32], node_id[16], public_key[32], secret_key[64];
    uint8_t payload[PAYLOAD], signature[64];
    struct hkp_dsm__block block;
    uint8_t wire[HKP_DSM__BLOCK_MAX], body[HKP_DSM__BLOCK_MAX];
    size_t wire_len, body_len;
    struct hkp_dsm_certificate certificate;
    struct hkp_dsm__block_rules rules;
};

static void create(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) {
        f->block.timestamp_us++;
        crypto_hash_sha256(f->block.payload_hash, f->payload, PAYLOAD);
        bench_need(hkp_dsm__block_build(&f->block, f->body, sizeof f->body, &f->body_len) == HKP_OK &&
                       hkp_dsm_envelope_sign(f->chain_id, HKP_DSM_KIND_MICROBLOCK, f->node_id, f->secret_key,
                                             f->body, f->body_len, f->wire, sizeof f->wire,
                                             &f->wire_len) == HKP_OK,
                   "no block made");
        hkp_dsm_object_id(f->block.id, f->chain_id, HKP_DSM_KIND_MICROBLOCK, f->node_id, f->body,
                          f->body_len);
    }
}

static void sign(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++)
        crypto_sign_detached(f->signature, NULL, f->body, f->body_len, f->secret_key);
}

static void verify(void *user, uint64_t times) {
    struct fixture *f = user;
    struct hkp_dsm__block got;
    for (uint64_t i = 0; i < times; i++)
        bench_need(hkp_dsm__block_check(f->wire, f->wire_len, &f->rules, &got) == HKP_OK, "block refused");
}

static void verify_signature(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++)
        bench_need(crypto_sign_verify_detached(f->signature, f->body, f->body_len, f->public_key) == 0,
                   "forged");
}

int main(int argc, char **argv) {
    static const uint8_t seed[32] = {1};
    static struct fixture f = {.chain_id = {2}, .node_id = {3}};
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    crypto_sign_seed_keypair(f.public_key, f.secret_key, seed);
    f.block = (struct hkp_dsm__block){
        .seq = 2, .timestamp_us = 1800000000000000ULL, .serial = 1, .event_type = 1, .payload_len = PAYLOAD};
    f.certificate.serial = 1;
    f.certificate.not_after_s = UINT32_MAX;
    memcpy(f.certificate.node_id, f.node_id, 16);
    memcpy(f.certificate.key, f.public_key, 32);
    f.rules = (struct hkp_dsm__block_rules){.chain_id = f.chain_id, .certs = &f.certificate, .n_certs = 1};
    create(&f, 1);
    sign(&f, 1);
    if (bench_wanted("dsm.block.create"))
        bench_rate("dsm.block.create", "/s", 1, create, &f, "ed25519", sign);
    if (bench_wanted("dsm.block.verify"))
        bench_rate("dsm.block.verify", "/s", 1, verify, &f, "ed25519", verify_signature);
    return 0;
}
