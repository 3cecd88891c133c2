/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/wire/record.h"
#include "libter/bytes.h"

int hkp_htp__window_check(const struct hkp_htp__window *w, uint64_t pn) {
    if (pn >= w->next) return 1;
    /* Whole words: the one that pn would share its place with must not be in use. */
    if ((w->next - 1) / 64 - pn / 64 >= HKP_HTP__WINDOW_WORDS) return 0;
    return (w->seen[pn / 64 % HKP_HTP__WINDOW_WORDS] >> pn % 64 & 1) == 0;
}

void hkp_htp__window_mark(struct hkp_htp__window *w, uint64_t pn) {
    if (pn >= w->next) {
        /* Words that the window moves into hold bits of numbers that it left. */
        uint64_t from = w->next == 0 ? 0 : (w->next - 1) / 64 + 1, to = pn / 64;
        if (to >= from && to - from >= HKP_HTP__WINDOW_WORDS) from = to - HKP_HTP__WINDOW_WORDS + 1;
        for (uint64_t word = from; word <= to; word++) w->seen[word % HKP_HTP__WINDOW_WORDS] = 0;
        w->next = pn + 1;
    }
    w->seen[pn / 64 % HKP_HTP__WINDOW_WORDS] |= 1ULL << pn % 64;
}

uint64_t hkp_htp__record_number(uint64_t next, uint32_t sequence) {
    uint64_t pn = (next & ~0xFFFFFFFFULL) | sequence;
    if (pn >= next) return pn - next > 0x80000000ULL && pn >= 1ULL << 32 ? pn - (1ULL << 32) : pn;
    return next - pn >= 0x80000000ULL && pn <= ~0ULL - (1ULL << 32) ? pn + (1ULL << 32) : pn;
}

/* What stands in dgram behind prefix bytes; nonce is filled. */
static struct hkp_htp__sealed record_sealed(const struct hkp_htp__record *r, uint8_t *dgram, size_t prefix,
                                            size_t len, uint8_t nonce[12]) {
    const uint8_t *iv = r->epoch->iv[r->direction];
    hkp_put_be32(nonce, hkp_be32(iv) ^ hkp_be32(dgram + 4));
    hkp_put_be64(nonce + 4, hkp_be64(iv + 4) ^ hkp_be64(dgram + HKP_HTP__AT_NONCE));
    return (struct hkp_htp__sealed){.key = r->epoch->key[r->direction],
                                    .nonce = nonce,
                                    .aad = dgram,
                                    .aad_len = prefix,
                                    .text = dgram + prefix,
                                    .len = len,
                                    .suite = r->epoch->suite};
}

static hkp_status packet_posf(uint8_t out[32], const struct hkp_htp__record *r, const uint8_t *dgram,
                              const uint8_t *text, size_t text_len) {
    uint8_t epoch[4], msg[32];
    hkp_put_be32(epoch, r->epoch->n);
    hkp_htp__hash(msg,
                  PARTS(LABEL("HTP1 posf pkt"), {r->h_final, 32}, {epoch, 4}, {dgram, 32}, {text, text_len}));
    return hkp_htp__posf(out, &r->epoch->neural, r->epoch->k_rdv, r->direction == 0 ? 'E' : 'V', msg,
                         dgram + HKP_HTP__AT_NONCE);
}

hkp_status hkp_htp__record_seal(const struct hkp_htp__record *r, const struct hkp_htp__record_out *out,
                                uint8_t *dgram, size_t text_len, size_t *len) {
    const size_t prefix = out->res ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    const size_t total = prefix + text_len + HKP_HTP__TAG;
    uint8_t nonce[12];
    if (out->res) memmove(dgram + prefix, dgram + HKP_HTP__PREFIX, text_len);
    hkp_htp__wire_header(dgram, out->type, (uint32_t)out->pn, out->timestamp, out->token, out->nonce,
                         (r->epoch->n & 3) | (out->res ? HKP_HTP__FLAG_RES : 0U), total);
    if (out->res) {
        hkp_htp__rdv(dgram + HKP_HTP__AT_RDV, r->epoch->k_rdv, dgram, &r->epoch->neural, r->h_final);
        hkp_status st = packet_posf(dgram + HKP_HTP__AT_POSF, r, dgram, dgram + prefix, text_len);
        if (st != HKP_OK) return st;
    }
    const struct hkp_htp__sealed p = record_sealed(r, dgram, prefix, text_len, nonce);
    if (hkp_htp__seal(r->ciphers, &p) != 0) return HKP_E_HTP_INTERNAL;
    if (r->hp != NULL) hkp_htp__wire_mask(dgram, r->hp);
    *len = total;
    return HKP_OK;
}

hkp_status hkp_htp__record_open(const struct hkp_htp__record *r, const struct hkp_htp__header *header,
                                uint8_t *dgram, size_t len) {
    uint8_t nonce[12];
    if (len < header->prefix + (size_t)HKP_HTP__TAG) return HKP_E_HTP_AUTH;
    const struct hkp_htp__sealed p =
        record_sealed(r, dgram, header->prefix, len - header->prefix - HKP_HTP__TAG, nonce);
    return hkp_htp__open(r->ciphers, &p) == 0 ? HKP_OK : HKP_E_HTP_AUTH;
}

hkp_status hkp_htp__record_verify(const struct hkp_htp__record *r, const struct hkp_htp__header *header,
                                  const uint8_t *dgram, size_t len) {
    uint8_t want[32];
    hkp_htp__rdv(want, r->epoch->k_rdv, dgram, &r->epoch->neural, r->h_final);
    if (sodium_memcmp(want, dgram + HKP_HTP__AT_RDV, 32) != 0) return HKP_E_HTP_RESONANCE;
    hkp_status st = packet_posf(want, r, dgram, dgram + header->prefix, len - header->prefix - HKP_HTP__TAG);
    if (st != HKP_OK) return st;
    return sodium_memcmp(want, dgram + HKP_HTP__AT_POSF, 32) == 0 ? HKP_OK : HKP_E_HTP_RESONANCE;
}
