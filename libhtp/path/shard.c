/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/path/shard.h"

#include "libhtp/wire/wire.h"
#include "libter/bytes.h"

#define HELLO_HEAD UINT32_C(0x01000001)

uint64_t hkp_htp__shard_token(uint64_t token, uint32_t index, uint32_t count) {
    if (count < 2) return token;
    const uint32_t top = (uint32_t)(token >> 56), fit = top - top % count + index;
    const uint64_t byte = fit > 255 ? fit - count : fit;
    return (token & (UINT64_MAX >> 8)) | byte << 56;
}

uint32_t hkp_htp_shard_of(const uint8_t *dgram, size_t len, uint32_t shards) {
    if (dgram == NULL || shards < 2 || len < HKP_HTP__AT_TOKEN + 8) return 0;
    if (hkp_be32(dgram) != HELLO_HEAD) return dgram[HKP_HTP__AT_TOKEN] % shards;
    return len > HKP_HTP__SHARD_HELLO_AT ? dgram[HKP_HTP__SHARD_HELLO_AT] % shards : 0;
}
