/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Quotes judged without a TPM (HTP-5.5, D-AUTH-3, D-AUTH-4, SYN-8.6), on what tpm2-tools wrote. */
#include "libter/area.h"
#include "libter/bytes.h"
#include "libter/p256.h"
#include "quote_file.h"

#include <sodium.h>

enum { MASK = 0x95, MASK_EXTENDED = 0x10081, MASK_HIGH = 0x810000 };

static uint8_t zero_digest[32]; /* of PCR 0, 2, 4, 7, all zero */

static void pcr16(uint8_t value[32]) { /* after one extend of a zero PCR by 32 times 41 */
    uint8_t both[64] = {0};
    memset(both + 32, 0x41, 32);
    crypto_hash_sha256(value, both, sizeof both);
}

static hkp_status judge(const char *name, struct hkp_ter_quote *out) {
    struct quote_file f;
    struct hkp_ter_quote_verifier v;
    quote_file_read(&f, name);
    quote_file_verifier(&v, &f, MASK, zero_digest);
    return hkp_ter_quote_verify(&v, f.quote, f.quote_len, out);
}

static void a_quote_of_another_implementation_is_accepted(void) {
    struct hkp_ter_quote q;
    CHECK_EQ(judge("good", &q), HKP_OK);
    CHECK_EQ(q.pcr_mask, MASK);
    CHECK_MEM(q.pcr_digest, zero_digest, 32);
    CHECK_EQ(q.extra[31], 31);
    CHECK_EQ(q.clock_safe, 1);
    CHECK(q.clock_ms > 0 && q.firmware != 0);
    CHECK_EQ(judge("good", NULL), HKP_OK);
    CHECK_EQ(judge("other-key", NULL), HKP_OK); /* by its own key */
}

static void values_and_their_order_are_recomputed(void) {
    struct quote_file f;
    struct hkp_ter_quote_verifier v;
    uint8_t values[96] = {0}, digest[32];
    pcr16(values + 64);
    hkp_ter_pcr_digest(values, 3, digest);
    quote_file_read(&f, "good-extended");
    quote_file_verifier(&v, &f, MASK_EXTENDED, digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_OK);

    pcr16(values);
    hkp_ter_pcr_digest(values, 2, digest); /* PCR 16, then 23 */
    quote_file_read(&f, "good-high");
    quote_file_verifier(&v, &f, MASK_HIGH, digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_OK);
    memset(values, 0, 32);
    pcr16(values + 32);
    hkp_ter_pcr_digest(values, 2, digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_E_TER_QUOTE_PCR);
}

static void other_kinds_of_quote_are_refused(void) {
    CHECK_EQ(judge("other-nonce", NULL), HKP_E_TER_QUOTE_EXTRA);
    CHECK_EQ(judge("short-nonce", NULL), HKP_E_TER_QUOTE_FORM);
    CHECK_EQ(judge("bank-sha1", NULL), HKP_E_TER_QUOTE_FORM);
    CHECK_EQ(judge("two-banks", NULL), HKP_E_TER_QUOTE_FORM);
    CHECK_EQ(judge("rsa", NULL), HKP_E_TER_QUOTE_FORM);
    CHECK_EQ(judge("sha384", NULL), HKP_E_TER_QUOTE_FORM);
    CHECK_EQ(judge("unrestricted", NULL), HKP_E_TER_QUOTE_AREA);
    CHECK_EQ(judge("good-extended", NULL), HKP_E_TER_QUOTE_PCR);
}

static void another_key_or_another_name_is_refused(void) {
    struct quote_file good, other;
    struct hkp_ter_quote_verifier v;
    quote_file_read(&good, "good");
    quote_file_read(&other, "other-key");
    quote_file_verifier(&v, &other, MASK, zero_digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, good.quote, good.quote_len, NULL), HKP_E_TER_QUOTE_SIGNATURE);
    v.area = good.area; /* the right area, but not the one that the registry names */
    CHECK_EQ(hkp_ter_quote_verify(&v, good.quote, good.quote_len, NULL), HKP_E_TER_QUOTE_NAME);
}

/* D-AUTH-4: there is no "skip if absent". */
static void what_is_missing_is_refused(void) {
    struct quote_file f;
    struct hkp_ter_quote_verifier v;
    quote_file_read(&f, "good");
    quote_file_verifier(&v, &f, MASK, zero_digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, NULL, 0, NULL), HKP_E_TER_QUOTE_FORM);
    v.n_pcr_digests = 0;
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_E_TER_QUOTE_PCR);
    v.n_pcr_digests = 1;
    v.pcr_mask = 0;
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_E_TER_QUOTE_PCR);
    v.pcr_mask = MASK;
    v.area_len = 0;
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_E_TER_QUOTE_AREA);
}

/* The older system took attestations as JSON that nobody had signed. Here every way to leave the signature
 * out or to make one without the key is refused, with everything else right. */
static void an_unsigned_quote_is_refused(void) {
    struct quote_file f;
    struct hkp_ter_quote_verifier v;
    struct hkp_ter_quote q;
    struct hkp_rng rng;
    uint8_t wire[512], secret[32], key[64], digest[32];
    quote_file_read(&f, "good");
    quote_file_verifier(&v, &f, MASK, zero_digest);
    CHECK_EQ(hkp_ter_quote_parse(&q, f.quote, f.quote_len), HKP_OK);
    const size_t cut = 2 + q.attest_len;
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, cut, NULL), HKP_E_TER_QUOTE_FORM);
    memcpy(wire, f.quote, f.quote_len);
    memset(wire + cut + 6, 0, 32); /* r = 0, s = 0 */
    memset(wire + cut + 40, 0, 32);
    CHECK_EQ(hkp_ter_quote_verify(&v, wire, f.quote_len, NULL), HKP_E_TER_QUOTE_SIGNATURE);
    memset(wire + cut + 6, 0xFF, 32);
    CHECK_EQ(hkp_ter_quote_verify(&v, wire, f.quote_len, NULL), HKP_E_TER_QUOTE_SIGNATURE);
    hkp_ter_system_rng(&rng);
    CHECK_EQ(hkp_ter_pca_key(secret, key, &rng), HKP_OK);
    crypto_hash_sha256(digest, q.attest, q.attest_len);
    uint8_t signature[64];
    CHECK_EQ(hkp_ter__p256_sign(secret, digest, &rng, signature), HKP_OK);
    memcpy(wire + cut + 6, signature, 32);
    memcpy(wire + cut + 40, signature + 32, 32);
    CHECK_EQ(hkp_ter_quote_verify(&v, wire, f.quote_len, NULL), HKP_E_TER_QUOTE_SIGNATURE);
    wire[cut + 1] = 0x10; /* signature algorithm NULL */
    CHECK_EQ(hkp_ter_quote_verify(&v, wire, cut + 2, NULL), HKP_E_TER_QUOTE_FORM);
}

/* One bit of each byte by default, all eight with HKP_LONG set (some seconds). */
static void a_flipped_bit_anywhere_is_refused(void) {
    struct quote_file f;
    struct hkp_ter_quote_verifier v;
    uint64_t rnd = check_seed();
    const int all = getenv("HKP_LONG") != NULL;
    quote_file_read(&f, "good");
    quote_file_verifier(&v, &f, MASK, zero_digest);
    uint8_t *bytes = f.bytes + 2;
    for (size_t i = 0; i < f.area_len + f.quote_len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            if (i >= f.area_len && !all && bit != check_random(&rnd) % 8) continue;
            const uint8_t was = bytes[i];
            bytes[i] ^= (uint8_t)(1u << bit);
            CHECK(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL) != HKP_OK);
            bytes[i] = was;
        }
    CHECK_EQ(hkp_ter_quote_verify(&v, f.quote, f.quote_len, NULL), HKP_OK);
}

static void cut_at_any_byte_or_one_too_long_is_refused(void) {
    struct quote_file f;
    struct hkp_ter_quote q;
    quote_file_read(&f, "good");
    for (size_t len = 0; len < f.quote_len; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, f.quote, len);
        CHECK_EQ(hkp_ter_quote_parse(&q, exact, len), HKP_E_TER_QUOTE_FORM);
        free(exact);
    }
    f.bytes[2 + f.area_len + f.quote_len] = 0;
    CHECK_EQ(hkp_ter_quote_parse(&q, f.quote, f.quote_len + 1), HKP_E_TER_QUOTE_FORM);
    for (size_t len = 0; len < f.area_len; len++)
        CHECK_EQ(hkp_ter_area_check_ak(f.area, len), HKP_E_TER_QUOTE_AREA);
    CHECK_EQ(hkp_ter_area_check_ak(f.area, f.area_len + 1), HKP_E_TER_QUOTE_AREA);
}

/* With a name made for the changed area: the attributes themselves decide. */
/* Only a TPM begins with TPM_GENERATED what it signs by itself, and only a quote is of type quote. */
static void what_no_tpm_made_is_no_quote(void) {
    struct quote_file f;
    struct hkp_ter_quote q;
    quote_file_read(&f, "good");
    uint8_t *wire = f.bytes + 2 + f.area_len;
    for (size_t i = 2; i < 8; i++) {
        wire[i] ^= 1;
        CHECK_EQ(hkp_ter_quote_parse(&q, wire, f.quote_len), HKP_E_TER_QUOTE_FORM);
        wire[i] ^= 1;
    }
    CHECK_EQ(hkp_ter_quote_parse(&q, wire, f.quote_len), HKP_OK);
}

static void each_attribute_of_the_key_counts(void) {
    struct quote_file f;
    quote_file_read(&f, "good");
    uint8_t *area = f.bytes + 2;
    const uint32_t right = hkp_be32(area + 4);
    for (unsigned bit = 0; bit < 32; bit++) {
        const int may_differ = bit == 6 || bit == 7 || bit == 10; /* userWithAuth, adminWithPolicy, noDA */
        hkp_put_be32(area + 4, right ^ (1u << bit));
        CHECK_EQ(hkp_ter_area_check_ak(area, f.area_len), may_differ ? HKP_OK : HKP_E_TER_QUOTE_AREA);
    }
}

static void attest_and_signature_are_joined(void) {
    struct quote_file f;
    struct hkp_ter_quote q;
    uint8_t wire[512];
    size_t len = 7;
    quote_file_read(&f, "good");
    CHECK_EQ(hkp_ter_quote_parse(&q, f.quote, f.quote_len), HKP_OK);
    const uint8_t *signature = q.attest + q.attest_len;
    const size_t signature_len = f.quote_len - 2 - q.attest_len;
    CHECK_EQ(
        hkp_ter_quote_join(q.attest, q.attest_len, signature, signature_len, wire, f.quote_len - 1, &len),
        HKP_E_NOSPC);
    CHECK_EQ(len, 7);
    CHECK_EQ(hkp_ter_quote_join(q.attest, q.attest_len, signature, signature_len, wire, sizeof wire, &len),
             HKP_OK);
    CHECK_EQ(len, f.quote_len);
    CHECK_MEM(wire, f.quote, len);
    CHECK_EQ(hkp_ter_quote_join(q.attest, 700, signature, 67, wire, sizeof wire, &len), HKP_E_TER_QUOTE_FORM);
}

static int32_t no_random(void *user, uint8_t *dst, size_t len) {
    (void)user;
    memset(dst, 0, len);
    return -1;
}

static void an_operator_authorises_values(void) {
    struct hkp_rng rng;
    uint8_t secret[32], key[64], again[64], other[64], pca[176], policy[32], expected[32];
    uint32_t mask = 0;
    hkp_ter_system_rng(&rng);
    CHECK_EQ(hkp_ter_pca_key(secret, other, &rng), HKP_OK);
    CHECK_EQ(hkp_ter_pca_key(secret, key, &rng), HKP_OK);
    CHECK_EQ(hkp_ter_pca_public(secret, again, &rng), HKP_OK);
    CHECK_MEM(again, key, 64);
    CHECK_EQ(hkp_ter_pca_sign(MASK, zero_digest, secret, &rng, pca), HKP_OK);
    CHECK_EQ(hkp_ter_pca_check(pca, sizeof pca, key, &mask, policy), HKP_OK);
    CHECK_EQ(hkp_ter_pca_check(pca, sizeof pca, NULL, NULL, NULL), HKP_OK);
    hkp_ter_pcr_policy(MASK, zero_digest, expected);
    CHECK_EQ(mask, MASK);
    CHECK_MEM(policy, expected, 32);
    CHECK_EQ(hkp_ter_pca_check(pca, sizeof pca, other, NULL, NULL), HKP_E_TER_PCA);
    CHECK_EQ(hkp_ter_pca_check(pca, sizeof pca - 1, key, NULL, NULL), HKP_E_TER_PCA);
    for (size_t i = 0; i < sizeof pca; i++) {
        if (i >= 8 && i < 11) continue; /* the mask: the TPM computes the policy from it, and finds another */
        pca[i] ^= 1;
        CHECK_EQ(hkp_ter_pca_check(pca, sizeof pca, NULL, NULL, NULL), HKP_E_TER_PCA);
        pca[i] ^= 1;
    }
    CHECK_EQ(hkp_ter_pca_sign(1u << 24, zero_digest, secret, &rng, pca), HKP_E_INVAL);
    memset(secret, 0, 32);
    CHECK_EQ(hkp_ter_pca_sign(MASK, zero_digest, secret, &rng, pca), HKP_E_INVAL);
    rng.fill = no_random;
    CHECK_EQ(hkp_ter_pca_key(secret, key, &rng), HKP_E_CALLBACK);
}

static void a_credential_wants_an_endorsement_key(void) {
    struct quote_file f;
    struct hkp_rng rng;
    uint8_t out[HKP_TER_CREDENTIAL_MAX], name[34], secret[33] = {1};
    size_t len = 9;
    hkp_ter_system_rng(&rng);
    quote_file_read(&f, "good");
    hkp_ter_area_name(f.area, f.area_len, name);
    CHECK_EQ(hkp_ter_credential_make(f.area, f.area_len, name, secret, 32, &rng, out, sizeof out, &len),
             HKP_E_TER_QUOTE_AREA);
    CHECK_EQ(hkp_ter_credential_make(f.area, f.area_len, name, secret, 0, &rng, out, sizeof out, &len),
             HKP_E_INVAL);
    CHECK_EQ(hkp_ter_credential_make(f.area, f.area_len, name, secret, 33, &rng, out, sizeof out, &len),
             HKP_E_INVAL);
    CHECK_EQ(len, 9);
}

static void every_result_has_a_name_and_a_class(void) {
    for (hkp_status st = HKP_E_TER_TPM_ABSENT; st >= HKP_E_TER_TPM_NV; st--)
        CHECK(strncmp(hkp_ter_status_name(st), "E_TER_TPM_", 10) == 0);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_TPM_ABSENT), HKP_CLASS_IGNORE);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_TPM_IO), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_TPM_TIMEOUT), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_TPM_POLICY), HKP_CLASS_RETRY);
    for (hkp_status st = HKP_E_TER_QUOTE_FORM; st >= HKP_E_TER_PCA; st--) {
        CHECK(strncmp(hkp_ter_status_name(st), st > HKP_E_TER_PCA ? "E_TER_QUOTE_" : "E_TER_PCA", 9) == 0);
        CHECK_EQ(hkp_ter_status_class(st), HKP_CLASS_IGNORE);
    }
}

int main(void) {
    const uint8_t zeros[128] = {0};
    if (sodium_init() < 0) return 1;
    hkp_ter_pcr_digest(zeros, 4, zero_digest);
    CASE(a_quote_of_another_implementation_is_accepted);
    CASE(values_and_their_order_are_recomputed);
    CASE(other_kinds_of_quote_are_refused);
    CASE(another_key_or_another_name_is_refused);
    CASE(what_is_missing_is_refused);
    CASE(an_unsigned_quote_is_refused);
    CASE(a_flipped_bit_anywhere_is_refused);
    CASE(cut_at_any_byte_or_one_too_long_is_refused);
    CASE(what_no_tpm_made_is_no_quote);
    CASE(each_attribute_of_the_key_counts);
    CASE(attest_and_signature_are_joined);
    CASE(an_operator_authorises_values);
    CASE(a_credential_wants_an_endorsement_key);
    CASE(every_result_has_a_name_and_a_class);
    return check_done();
}
