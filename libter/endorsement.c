/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The certificate of an endorsement key (SYN-8.5). mbedTLS reads X.509 and follows the chain; the time is the
 * caller's, and what the TCG demands of such a certificate is looked at here.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* 3.x: what a certificate says of itself */
#include "libter/area.h"

#include <hookprobe/ter/endorsement.h>
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

enum { POINT = 65, SEQUENCE = 0x30, SET = 0x31, OID = 0x06, DIRECTORY_NAME = 0xA4, NAMES_ALL = 7 };

/* tcg-kp-EKCertificate, 2.23.133.8.1; the names are 2.23.133.2.1 to .3 */
static const char ek_purpose[] = "\x67\x81\x05\x08\x01";
static const uint8_t tpm_name[] = {0x67, 0x81, 0x05, 0x02};

static const mbedtls_x509_crt_profile profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSASSA_PSS),
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1),
    .rsa_min_bitlen = 2048,
};

/* ---- Reading ---- */

static uint32_t count(const mbedtls_x509_crt *chain) {
    uint32_t n = 0;
    for (; chain != NULL && chain->version != 0; chain = chain->next) n++;
    return n;
}

/* All of a file, or nothing of it is believed. PEM wants its end marked. */
static hkp_status read_file(mbedtls_x509_crt *chain, const struct hkp_ter_ek_file *file, uint32_t max) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    uint8_t text[HKP_TER_EK_FILE_MAX + 1];
    if (file->bytes == NULL || file->len == 0 || file->len > HKP_TER_EK_FILE_MAX) return HKP_E_INVAL;
    memcpy(text, file->bytes, file->len);
    text[file->len] = 0;
    const int pem = strstr((const char *)text, begin) != NULL;
    const int result = mbedtls_x509_crt_parse(chain, text, file->len + (pem ? 1U : 0U));
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED) return HKP_E_NOMEM;
    return result == 0 && count(chain) <= max ? HKP_OK : HKP_E_TER_EK_FORM;
}

/* ---- The key ---- */

static int is_key(mbedtls_x509_crt *certificate, const uint8_t point[64]) {
    uint8_t text[POINT], *at = text + sizeof text;
    if (!mbedtls_pk_can_do(&certificate->pk, MBEDTLS_PK_ECKEY) ||
        mbedtls_pk_get_bitlen(&certificate->pk) != 256)
        return 0;
    return mbedtls_pk_write_pubkey(&at, text, &certificate->pk) == POINT && text[0] == 4 &&
           memcmp(text + 1, point, 64) == 0;
}

/* ---- Time ---- */

/* Unix seconds; days by the Gregorian calendar, years counted from March. */
static uint64_t seconds_of(const mbedtls_x509_time *t) {
    if (t->year < 1970) return 0;
    const uint64_t year = (uint64_t)t->year - (t->mon <= 2 ? 1 : 0), month = ((uint64_t)t->mon + 9) % 12;
    const uint64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 +
                          (uint64_t)t->day - 1 - 719468;
    return ((days * 24 + (uint64_t)t->hour) * 60 + (uint64_t)t->min) * 60 + (uint64_t)t->sec;
}

/* Each certificate of the chain by the caller's clock, not by that of the system. */
static int judge_time(void *user, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
    const uint64_t now_s = *(const uint64_t *)user;
    (void)depth;
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (now_s < seconds_of(&certificate->valid_from)) *flags |= MBEDTLS_X509_BADCERT_FUTURE;
    if (now_s > seconds_of(&certificate->valid_to)) *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    return 0;
}

static hkp_status check_chain(mbedtls_x509_crt *chain, mbedtls_x509_crt *roots, uint64_t now_s) {
    uint32_t flags = 0;
    const int result =
        mbedtls_x509_crt_verify_with_profile(chain, roots, NULL, &profile, NULL, &flags, judge_time, &now_s);
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED) return HKP_E_NOMEM;
    if (result == 0) return HKP_OK;
    const uint32_t time = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    const int only_time = result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags != 0 && (flags & ~time) == 0;
    return only_time ? HKP_E_TER_EK_TIME : HKP_E_TER_EK_CHAIN;
}

/* ---- Use ---- */

static void put_text(char *dst, size_t cap, const uint8_t *text, size_t len) {
    if (len >= cap) len = cap - 1;
    for (size_t i = 0; i < len; i++) dst[i] = text[i] >= 32 && text[i] < 127 ? (char)text[i] : '?';
    dst[len] = 0;
}

/* One name of a TPM; which, as a bit; 0: another one. */
static uint32_t take_name(struct hkp_ter_ek *ek, uint8_t *at, const uint8_t *end) {
    size_t len = 0;
    if (mbedtls_asn1_get_tag(&at, end, &len, OID) != 0 || len != sizeof tpm_name + 1 ||
        memcmp(at, tpm_name, sizeof tpm_name) != 0)
        return 0;
    const uint32_t which = at[sizeof tpm_name];
    at += len;
    if (at >= end) return 0;
    at++; /* which kind of text */
    if (mbedtls_asn1_get_len(&at, end, &len) != 0 || len == 0 || at + len != end) return 0;
    if (which == 1) put_text(ek->manufacturer, sizeof ek->manufacturer, at, len);
    if (which == 2) put_text(ek->model, sizeof ek->model, at, len);
    if (which == 3) put_text(ek->version, sizeof ek->version, at, len);
    return which >= 1 && which <= 3 ? 1U << (which - 1) : 0;
}

/* The names in a directoryName: SEQUENCE of SETs of (OID, text). Malformed: what was found before. */
static uint32_t take_names(struct hkp_ter_ek *ek, uint8_t *at, size_t size) {
    const uint8_t *end = at + size;
    uint32_t found = 0;
    size_t len = 0;
    if (mbedtls_asn1_get_tag(&at, end, &len, SEQUENCE) != 0 || at + len != end) return 0;
    while (at < end && mbedtls_asn1_get_tag(&at, end, &len, SET) == 0) {
        const uint8_t *set_end = at + len;
        while (at < set_end && mbedtls_asn1_get_tag(&at, set_end, &len, SEQUENCE) == 0) {
            found |= take_name(ek, at, at + len);
            at += len;
        }
        if (at != set_end) break;
    }
    return found;
}

/* TCG profile: no authority, key agreement and no signing of certificates, for endorsement keys where a
 * purpose is named, and the names of the TPM. The last keep apart what else a maker's roots certify. */
static hkp_status check_use(const mbedtls_x509_crt *c, struct hkp_ter_ek *ek) {
    const unsigned forbidden = MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN;
    uint32_t found = 0;
    if (c->version != 3 || c->ca_istrue || (c->ext_types & MBEDTLS_X509_EXT_KEY_USAGE) == 0 ||
        (c->key_usage & MBEDTLS_X509_KU_KEY_AGREEMENT) == 0 || (c->key_usage & forbidden) != 0 ||
        mbedtls_x509_crt_check_extended_key_usage(c, ek_purpose, sizeof ek_purpose - 1) != 0)
        return HKP_E_TER_EK_USE;
    for (const mbedtls_x509_sequence *s = &c->subject_alt_names; s != NULL; s = s->next)
        if (s->buf.p != NULL && s->buf.tag == DIRECTORY_NAME) found |= take_names(ek, s->buf.p, s->buf.len);
    return found == NAMES_ALL ? HKP_OK : HKP_E_TER_EK_USE;
}

/* ---- All of it ---- */

static hkp_status judge(const struct hkp_ter_ek_verifier *v, mbedtls_x509_crt *chain, mbedtls_x509_crt *roots,
                        struct hkp_ter_ek *ek) {
    uint8_t point[64];
    hkp_status st = hkp_ter__area_ek(v->area, v->area_len, point);
    if (st == HKP_OK) st = read_file(chain, &v->certificate, HKP_TER_EK_CHAIN_MAX);
    for (uint32_t i = 0; st == HKP_OK && i < v->n_roots; i++)
        st = read_file(roots, &v->roots[i], HKP_TER_EK_ROOTS_MAX);
    if (st == HKP_OK && !is_key(chain, point)) st = HKP_E_TER_EK_KEY;
    if (st == HKP_OK) st = check_chain(chain, roots, v->now_s);
    if (st == HKP_OK) st = check_use(chain, ek);
    if (st != HKP_OK) return st;
    ek->not_before_s = seconds_of(&chain->valid_from);
    ek->not_after_s = seconds_of(&chain->valid_to);
    if (mbedtls_x509_dn_gets(ek->issuer, sizeof ek->issuer, &chain->issuer) < 0)
        snprintf(ek->issuer, sizeof ek->issuer, "?");
    return HKP_OK;
}

hkp_status hkp_ter_ek_verify(const struct hkp_ter_ek_verifier *v, struct hkp_ter_ek *out) {
    struct hkp_ter_ek ek;
    mbedtls_x509_crt chain, roots;
    if (v->struct_size < sizeof *v || v->area == NULL || v->roots == NULL || v->n_roots == 0 ||
        v->n_roots > HKP_TER_EK_ROOTS_MAX)
        return HKP_E_INVAL;
    memset(&ek, 0, sizeof ek);
    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crt_init(&roots);
    const hkp_status st = judge(v, &chain, &roots, &ek);
    mbedtls_x509_crt_free(&chain);
    mbedtls_x509_crt_free(&roots);
    if (st == HKP_OK && out != NULL) *out = ek;
    return st;
}
