/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Stream V of tests/vectors/nz1/README.md: a valid stream of TERs of any length, from its generator rule. */
#ifndef HKP_TESTS_TER_STREAM_H
#define HKP_TESTS_TER_STREAM_H

#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>

struct stream {
    uint64_t time_us;
    uint32_t i;
    uint8_t h_ref[20];
    uint8_t last[64];
};

static inline void stream_next(struct stream *s, uint8_t ter[64]) {
    struct hkp_ter_record record;
    uint8_t d[32], input[10] = {'v', 'e', 'c'};
    hkp_put_le32(input + 3, s->i);
    crypto_hash_sha256(d, input, 7);
    s->time_us += 1 + hkp_le32(d) % 2000000;
    if (s->i % 97 == 96) s->time_us += 7200000000;
    if (s->i % 499 == 498) s->time_us += 200000000000;
    memcpy(record.h_entropy, d, 32);
    memcpy(record.h_integrity, s->h_ref, 20);
    if (s->i % 251 == 250) {
        memcpy(input + 3, "int", 3);
        hkp_put_le32(input + 6, s->i);
        crypto_hash_sha256(d, input, 10);
        memcpy(record.h_integrity, d, 20);
    }
    record.timestamp_us = s->time_us;
    record.sequence = (uint16_t)s->i;
    record.chain_crc = s->i == 0 ? 0 : hkp_ter_crc16(s->last, 64);
    hkp_ter_record_encode(&record, ter);
    memcpy(s->last, ter, 64);
    s->i++;
}

#endif
