/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libmesh/packet.h"

#include "libter/bytes.h"

#include <sodium.h>
#include <string.h>
#include <zlib.h>

#define VERSION 0x0500
#define CRC_AT 28
#define RDV_AT 32

int hkp_mesh__packet_type_known(uint8_t type) {
    static const uint8_t first_last[][2] = {{0x01, 0x04}, {0x10, 0x13}, {0x20, 0x23},
                                            {0x30, 0x34}, {0x40, 0x44}, {0x50, 0x51},
                                            {0x60, 0x63}, {0xe0, 0xe1}, {0xff, 0xff}};
    for (size_t i = 0; i < sizeof first_last / sizeof first_last[0]; i++)
        if (type >= first_last[i][0] && type <= first_last[i][1]) return 1;
    return 0;
}

/* The checksum is over all but itself. */
static uint32_t checksum(const uint8_t header[HKP_MESH__PACKET_HEADER], const uint8_t *payload, size_t len) {
    uLong crc = crc32(0, header, CRC_AT);
    crc = crc32(crc, header + RDV_AT, HKP_MESH__PACKET_HEADER - RDV_AT);
    if (len > 0) crc = crc32(crc, payload, (uInt)len);
    return (uint32_t)crc;
}

/* Bytes 0..31 with the checksum zero, then rdv. */
static void put_header(uint8_t h[HKP_MESH__PACKET_HEADER], const struct hkp_mesh__packet *p, uint8_t flags,
                       size_t len) {
    hkp_put_be16(h, VERSION);
    h[2] = p->type;
    h[3] = flags;
    hkp_put_be32(h + 4, p->sequence);
    hkp_put_be64(h + 8, p->flow_token);
    hkp_put_be64(h + 16, p->timestamp_us);
    hkp_put_be32(h + 24, (uint32_t)len);
    hkp_put_be32(h + CRC_AT, 0);
    memcpy(h + RDV_AT, p->rdv, 16);
}

static hkp_status check_flags(uint8_t flags) {
    const int fragmented = (flags & HKP_MESH__FLAG_FRAGMENTED) != 0;
    if ((flags & HKP_MESH__FLAG_LAST_FRAGMENT) && !fragmented) return HKP_E_MESH_FLAGS;
    if (fragmented && (flags & (HKP_MESH__FLAG_ENCRYPTED | HKP_MESH__FLAG_RELIABLE))) return HKP_E_MESH_FLAGS;
    if ((flags & HKP_MESH__FLAG_REQUIRES_ACK) && !(flags & HKP_MESH__FLAG_RELIABLE)) return HKP_E_MESH_FLAGS;
    return HKP_OK;
}

static hkp_status check_rdv(const struct hkp_mesh__packet *p, int neuro) {
    if (p->flags & HKP_MESH__FLAG_NEURO_AUTH) return HKP_OK;
    if (neuro && p->type == HKP_MESH__TYPE_SECURITY_EVENT) return HKP_E_MESH_RDV;
    return hkp_is_zero(p->rdv, sizeof p->rdv) ? HKP_OK : HKP_E_MESH_RDV;
}

static hkp_status check_fragment(const struct hkp_mesh__packet *p) {
    if (!(p->flags & HKP_MESH__FLAG_FRAGMENTED)) return HKP_OK;
    if (p->payload_len <= HKP_MESH__FRAGMENT_HEADER) return HKP_E_MESH_FRAGMENT;
    const unsigned index = hkp_be16(p->payload + 4), count = hkp_be16(p->payload + 6);
    const int last = (p->flags & HKP_MESH__FLAG_LAST_FRAGMENT) != 0;
    if (count < 2 || count > HKP_MESH__FRAGMENTS_MAX || index >= count) return HKP_E_MESH_FRAGMENT;
    return last == (index == count - 1) ? HKP_OK : HKP_E_MESH_FRAGMENT;
}

/* Type, flags, rdv, fragment: the checks that encoder and decoder share. */
static hkp_status check_fields(const struct hkp_mesh__packet *p, int neuro) {
    if (!hkp_mesh__packet_type_known(p->type)) return HKP_E_MESH_TYPE;
    hkp_status st = check_flags(p->flags);
    if (st == HKP_OK) st = check_rdv(p, neuro);
    if (st == HKP_OK) st = check_fragment(p);
    return st;
}

hkp_status hkp_mesh__packet_decode(struct hkp_mesh__packet *p, const uint8_t *bytes, size_t len, int neuro) {
    if (len < HKP_MESH__PACKET_HEADER) return HKP_E_MESH_SHORT;
    if (len > HKP_MESH__PACKET_MAX) return HKP_E_MESH_TOO_BIG;
    if (hkp_be16(bytes) != VERSION) return HKP_E_MESH_VERSION;
    const size_t payload_len = len - HKP_MESH__PACKET_HEADER;
    if (hkp_be32(bytes + 24) != payload_len) return HKP_E_MESH_LENGTH;
    if (hkp_be32(bytes + CRC_AT) != checksum(bytes, bytes + HKP_MESH__PACKET_HEADER, payload_len))
        return HKP_E_MESH_CRC;

    struct hkp_mesh__packet got = {
        .type = bytes[2],
        .flags = bytes[3],
        .sequence = hkp_be32(bytes + 4),
        .flow_token = hkp_be64(bytes + 8),
        .timestamp_us = hkp_be64(bytes + 16),
        .payload = bytes + HKP_MESH__PACKET_HEADER,
        .payload_len = payload_len,
    };
    memcpy(got.rdv, bytes + RDV_AT, sizeof got.rdv);
    const hkp_status st = check_fields(&got, neuro);
    if (st == HKP_OK) *p = got;
    return st;
}

hkp_status hkp_mesh__packet_encode(const struct hkp_mesh__packet *p, uint8_t *dst, size_t cap, size_t *len) {
    const hkp_status st = check_fields(p, 0);
    if (st != HKP_OK) return st;
    if (p->payload_len > HKP_MESH__PACKET_MAX - HKP_MESH__PACKET_HEADER) return HKP_E_MESH_TOO_BIG;
    if (cap < HKP_MESH__PACKET_HEADER + p->payload_len) return HKP_E_NOSPC;
    put_header(dst, p, p->flags, p->payload_len);
    if (p->payload_len > 0) memmove(dst + HKP_MESH__PACKET_HEADER, p->payload, p->payload_len);
    hkp_put_be32(dst + CRC_AT, checksum(dst, dst + HKP_MESH__PACKET_HEADER, p->payload_len));
    *len = HKP_MESH__PACKET_HEADER + p->payload_len;
    return HKP_OK;
}

void hkp_mesh__packet_rdv(const struct hkp_mesh__packet *p, const uint8_t key[32], uint8_t rdv[16]) {
    uint8_t input[CRC_AT + 32], header[HKP_MESH__PACKET_HEADER], tag[32];
    put_header(header, p, p->flags & (uint8_t)~HKP_MESH__FLAG_ENCRYPTED, p->payload_len);
    memcpy(input, header, CRC_AT);
    crypto_generichash(input + CRC_AT, 32, p->payload, p->payload_len, NULL, 0);
    crypto_generichash(tag, sizeof tag, input, sizeof input, key, 32);
    memcpy(rdv, tag, 16);
    sodium_memzero(tag, sizeof tag);
}

hkp_status hkp_mesh__packet_rdv_check(const struct hkp_mesh__packet *p, const uint8_t key[32]) {
    if (!(p->flags & HKP_MESH__FLAG_NEURO_AUTH)) return HKP_E_MESH_RDV;
    uint8_t rdv[16];
    hkp_mesh__packet_rdv(p, key, rdv);
    return sodium_memcmp(rdv, p->rdv, sizeof rdv) == 0 ? HKP_OK : HKP_E_MESH_RDV;
}

/* M-PKT-5: the sequence never repeats under one key and the timestamp rises with it. */
static void make_nonce(const struct hkp_mesh__packet *p, const uint8_t iv[12], uint8_t nonce[12]) {
    hkp_put_be32(nonce, p->sequence);
    hkp_put_be64(nonce + 4, p->timestamp_us);
    for (int i = 0; i < 12; i++) nonce[i] ^= iv[i];
}

hkp_status hkp_mesh__packet_seal(const struct hkp_mesh__packet *p, const uint8_t key[32],
                                 const uint8_t iv[12], uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_mesh__packet sealed = *p;
    sealed.flags |= HKP_MESH__FLAG_ENCRYPTED;
    sealed.payload_len = p->payload_len + HKP_MESH__PACKET_TAG;
    hkp_status st = check_fields(&sealed, 0);
    if (st != HKP_OK) return st;
    if (p->payload_len > HKP_MESH__PACKET_MAX - HKP_MESH__PACKET_HEADER - HKP_MESH__PACKET_TAG)
        return HKP_E_MESH_TOO_BIG;
    if (cap < HKP_MESH__PACKET_HEADER + sealed.payload_len) return HKP_E_NOSPC;

    uint8_t nonce[12], aad[HKP_MESH__PACKET_HEADER];
    make_nonce(p, iv, nonce);
    put_header(aad, &sealed, sealed.flags, sealed.payload_len);
    crypto_aead_chacha20poly1305_ietf_encrypt(dst + HKP_MESH__PACKET_HEADER, NULL, p->payload, p->payload_len,
                                              aad, sizeof aad, NULL, nonce, key);
    sealed.payload = dst + HKP_MESH__PACKET_HEADER;
    return hkp_mesh__packet_encode(&sealed, dst, cap, len);
}

hkp_status hkp_mesh__packet_open(struct hkp_mesh__packet *p, const uint8_t key[32], const uint8_t iv[12],
                                 uint8_t *plain, size_t cap) {
    if (!(p->flags & HKP_MESH__FLAG_ENCRYPTED)) return HKP_E_MESH_FLAGS;
    if (p->payload_len < HKP_MESH__PACKET_TAG) return HKP_E_MESH_LENGTH;
    if (cap < p->payload_len - HKP_MESH__PACKET_TAG) return HKP_E_NOSPC;
    uint8_t nonce[12], aad[HKP_MESH__PACKET_HEADER];
    make_nonce(p, iv, nonce);
    put_header(aad, p, p->flags, p->payload_len);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, p->payload, p->payload_len, aad,
                                                  sizeof aad, nonce, key) != 0)
        return HKP_E_MESH_CRC;
    p->flags &= (uint8_t)~HKP_MESH__FLAG_ENCRYPTED;
    p->payload = plain;
    p->payload_len -= HKP_MESH__PACKET_TAG;
    return HKP_OK;
}

int hkp_mesh__window_take(struct hkp_mesh__window *w, uint32_t sequence) {
    const uint64_t seq = sequence;
    if (seq + HKP_MESH__WINDOW < w->next) return 0;
    if (seq >= w->next) {
        if (seq - w->next >= HKP_MESH__WINDOW)
            memset(w->seen, 0, sizeof w->seen);
        else
            for (uint64_t s = w->next; s < seq; s++)
                w->seen[s / 64 % (HKP_MESH__WINDOW / 64)] &= ~(1ULL << s % 64);
        w->next = seq + 1;
    } else if (w->seen[seq / 64 % (HKP_MESH__WINDOW / 64)] >> seq % 64 & 1) {
        return 0;
    }
    w->seen[seq / 64 % (HKP_MESH__WINDOW / 64)] |= 1ULL << seq % 64;
    return 1;
}
