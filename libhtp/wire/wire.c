/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/wire/wire.h"
#include "libter/bytes.h"
#include <sodium.h>

static int known_type(uint16_t type) {
    return (type >= HKP_HTP__HELLO && type <= HKP_HTP__REJECT) || type == HKP_HTP__DATA ||
           type == HKP_HTP__HEARTBEAT || type == HKP_HTP__ACK || type == HKP_HTP__CLOSE;
}

static int flags_right(uint16_t type, uint32_t flags) {
    const int handshake = type <= HKP_HTP__REJECT;
    if (flags & ~(uint32_t)(HKP_HTP__FLAG_EPOCH | HKP_HTP__FLAG_RES | HKP_HTP__FLAG_RETRY)) return 0;
    if ((flags & HKP_HTP__FLAG_RETRY) && type != HKP_HTP__CHALLENGE) return 0;
    if (handshake && (flags & HKP_HTP__FLAG_EPOCH)) return 0;
    return (flags & HKP_HTP__FLAG_RES) || !(handshake || type == HKP_HTP__HEARTBEAT);
}

static int length_right(uint16_t type, uint32_t flags, size_t len, size_t prefix) {
    switch (type) {
    case HKP_HTP__HELLO:
        return len == HKP_HTP__BIG;
    case HKP_HTP__REJECT:
        return len == HKP_HTP__REJECT_SIZE;
    case HKP_HTP__CHALLENGE:
        if (flags & HKP_HTP__FLAG_RETRY) return len == HKP_HTP__RETRY_SIZE;
        return len == HKP_HTP__SMALL || len == HKP_HTP__BIG;
    case HKP_HTP__ATTEST:
    case HKP_HTP__ACCEPT:
        return len == HKP_HTP__SMALL || len == HKP_HTP__BIG;
    default:
        return len - prefix >= 1 + HKP_HTP__TAG;
    }
}

hkp_status hkp_htp__wire_check(const uint8_t *dgram, size_t len, struct hkp_htp__header *out) {
    if (len < HKP_HTP__PREFIX) return HKP_E_HTP_SHORT;
    if (hkp_be16(dgram) != HKP_HTP__VERSION) return HKP_E_HTP_VERSION;
    struct hkp_htp__header h = {.type = hkp_be16(dgram + 2),
                                .sequence = hkp_be32(dgram + 4),
                                .timestamp = hkp_be32(dgram + 8),
                                .token = hkp_be64(dgram + HKP_HTP__AT_TOKEN),
                                .nonce = dgram + HKP_HTP__AT_NONCE,
                                .flags = hkp_be32(dgram + HKP_HTP__AT_FLAGS)};
    if (!known_type(h.type)) return HKP_E_HTP_TYPE;
    if (!flags_right(h.type, h.flags)) return HKP_E_HTP_FLAGS;
    h.prefix = h.flags & HKP_HTP__FLAG_RES ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    if (len < h.prefix || hkp_be32(dgram + h.prefix - 4) != len - h.prefix) return HKP_E_HTP_LENGTH;
    if (!length_right(h.type, h.flags, len, h.prefix)) return HKP_E_HTP_LENGTH;
    *out = h;
    return HKP_OK;
}

int hkp_htp__wire_is_handshake(const uint8_t *dgram) {
    return dgram[0] == 1 && dgram[1] == 0 && dgram[2] == 0 && dgram[3] >= 1 && dgram[3] <= 5;
}

void hkp_htp__wire_header(uint8_t *dgram, uint16_t type, uint32_t sequence, uint32_t timestamp,
                          uint64_t token, const uint8_t nonce[8], uint32_t flags, size_t dgram_len) {
    const size_t prefix = flags & HKP_HTP__FLAG_RES ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    hkp_put_be16(dgram, HKP_HTP__VERSION);
    hkp_put_be16(dgram + 2, type);
    hkp_put_be32(dgram + 4, sequence);
    hkp_put_be32(dgram + 8, timestamp);
    hkp_put_be64(dgram + HKP_HTP__AT_TOKEN, token);
    memcpy(dgram + HKP_HTP__AT_NONCE, nonce, 8);
    hkp_put_be32(dgram + HKP_HTP__AT_FLAGS, flags);
    hkp_put_be32(dgram + prefix - 4, (uint32_t)(dgram_len - prefix));
}

static void mask_stream(uint8_t m[20], const uint8_t *dgram, const uint8_t hp[32]) {
    uint8_t nonce[12] = {0};
    memcpy(nonce, dgram + HKP_HTP__AT_NONCE, 8);
    crypto_stream_chacha20_ietf(m, 20, nonce, hp);
}

static void mask_fixed(uint8_t *dgram, const uint8_t m[20]) {
    for (int i = 0; i < 12; i++) dgram[i] ^= m[i];
    for (int i = 0; i < 4; i++) dgram[HKP_HTP__AT_FLAGS + i] ^= m[12 + i];
}

void hkp_htp__wire_mask(uint8_t *dgram, const uint8_t hp[32]) {
    uint8_t m[20];
    const size_t prefix =
        hkp_be32(dgram + HKP_HTP__AT_FLAGS) & HKP_HTP__FLAG_RES ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    mask_stream(m, dgram, hp);
    mask_fixed(dgram, m);
    for (size_t i = 0; i < 4; i++) dgram[prefix - 4 + i] ^= m[16 + i];
}

int hkp_htp__wire_unmask(uint8_t *dgram, size_t len, const uint8_t hp[32]) {
    uint8_t m[20];
    if (len < HKP_HTP__PREFIX) return -1;
    mask_stream(m, dgram, hp);
    mask_fixed(dgram, m);
    const size_t prefix =
        hkp_be32(dgram + HKP_HTP__AT_FLAGS) & HKP_HTP__FLAG_RES ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    if (len < prefix) return -1;
    for (size_t i = 0; i < 4; i++) dgram[prefix - 4 + i] ^= m[16 + i];
    return 0;
}
