/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Quotes, judged without a TPM (HTP-5.5, D-AUTH-3). */
#include "libter/area.h"
#include "libter/bytes.h"
#include "libter/p256.h"

#include <sodium.h>
#include <string.h>

#define GENERATED_VALUE 0xFF544347u /* "\xFFTCG": the TPM itself made these bytes */

enum { ST_ATTEST_QUOTE = 0x8018, PCR_SELECT_SIZE = 3 };

static uint32_t read_pcr_mask(struct hkp_ter__reader *r) {
    if (hkp_ter__read_u32(r) != 1) r->bad = 1; /* one bank */
    hkp_ter__read_is(r, HKP_TER__ALG_SHA256);
    if (hkp_ter__read_u8(r) != PCR_SELECT_SIZE) r->bad = 1;
    const uint8_t *p = hkp_ter__read_bytes(r, PCR_SELECT_SIZE);
    return p != NULL ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 : 0;
}

/* TPMS_ATTEST of a quote; the key that signs has a SHA-256 name. */
static int read_attest(struct hkp_ter_quote *q) {
    struct hkp_ter__reader r = {q->attest, q->attest_len, 0};
    if (hkp_ter__read_u32(&r) != GENERATED_VALUE) r.bad = 1;
    hkp_ter__read_is(&r, ST_ATTEST_QUOTE);
    const uint8_t *signer = hkp_ter__read_sized(&r, HKP_TER_TPM_NAME_SIZE);
    if (signer != NULL && hkp_be16(signer) != HKP_TER__ALG_SHA256) r.bad = 1;
    const uint8_t *extra = hkp_ter__read_sized(&r, 32);
    q->clock_ms = hkp_ter__read_u64(&r);
    q->resets = hkp_ter__read_u32(&r);
    q->restarts = hkp_ter__read_u32(&r);
    q->clock_safe = hkp_ter__read_u8(&r);
    q->firmware = hkp_ter__read_u64(&r);
    q->pcr_mask = read_pcr_mask(&r);
    const uint8_t *digest = hkp_ter__read_sized(&r, 32);
    if (r.bad || r.left != 0 || q->clock_safe > 1) return 0;
    memcpy(q->extra, extra, 32);
    memcpy(q->pcr_digest, digest, 32);
    return 1;
}

hkp_status hkp_ter_quote_parse(struct hkp_ter_quote *out, const uint8_t *bytes, size_t len) {
    struct hkp_ter_quote q;
    struct hkp_ter__reader r = {bytes, len, len > HKP_TER_QUOTE_MAX};
    memset(&q, 0, sizeof q);
    q.attest_len = hkp_ter__read_u16(&r);
    q.attest = hkp_ter__read_bytes(&r, q.attest_len);
    hkp_ter__read_is(&r, HKP_TER__ALG_ECDSA);
    hkp_ter__read_is(&r, HKP_TER__ALG_SHA256);
    hkp_ter__read_number(&r, q.signature);
    hkp_ter__read_number(&r, q.signature + 32);
    if (r.bad || r.left != 0 || !read_attest(&q)) return HKP_E_TER_QUOTE_FORM;
    *out = q;
    return HKP_OK;
}

static hkp_status check_signature(const struct hkp_ter_quote *q, const uint8_t point[64]) {
    uint8_t digest[32];
    crypto_hash_sha256(digest, q->attest, q->attest_len);
    const hkp_status st = hkp_ter__p256_verify(point, digest, q->signature);
    return st == HKP_E_INVAL ? HKP_E_TER_QUOTE_SIGNATURE : st;
}

static int pcrs_right(const struct hkp_ter_quote *q, const struct hkp_ter_quote_verifier *v) {
    if (q->pcr_mask != v->pcr_mask) return 0;
    for (uint32_t i = 0; i < v->n_pcr_digests; i++)
        if (memcmp(q->pcr_digest, v->pcr_digests + (size_t)i * 32, 32) == 0) return 1;
    return 0;
}

hkp_status hkp_ter_quote_verify(const struct hkp_ter_quote_verifier *v, const uint8_t *bytes, size_t len,
                                struct hkp_ter_quote *out) {
    struct hkp_ter_quote q;
    uint8_t point[64], name[34];
    hkp_status st = hkp_ter_quote_parse(&q, bytes, len);
    if (st == HKP_OK) st = hkp_ter__area_ak(v->area, v->area_len, point);
    if (st != HKP_OK) return st;
    hkp_ter_area_name(v->area, v->area_len, name);
    if (memcmp(name, v->ak_name, sizeof name) != 0) return HKP_E_TER_QUOTE_NAME;
    st = check_signature(&q, point);
    if (st != HKP_OK) return st;
    if (memcmp(q.extra, v->extra, 32) != 0) return HKP_E_TER_QUOTE_EXTRA;
    if (!pcrs_right(&q, v)) return HKP_E_TER_QUOTE_PCR;
    if (out != NULL) *out = q;
    return HKP_OK;
}

hkp_status hkp_ter_quote_join(const uint8_t *attest, size_t attest_len, const uint8_t *signature,
                              size_t signature_len, uint8_t *dst, size_t cap, size_t *len) {
    if (attest_len > HKP_TER_QUOTE_MAX || signature_len > HKP_TER_QUOTE_MAX ||
        2 + attest_len + signature_len > HKP_TER_QUOTE_MAX)
        return HKP_E_TER_QUOTE_FORM;
    if (2 + attest_len + signature_len > cap) return HKP_E_NOSPC;
    hkp_put_be16(dst, (uint16_t)attest_len);
    if (attest_len > 0) memcpy(dst + 2, attest, attest_len);
    if (signature_len > 0) memcpy(dst + 2 + attest_len, signature, signature_len);
    *len = 2 + attest_len + signature_len;
    return HKP_OK;
}
