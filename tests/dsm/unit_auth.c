/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-AUTH: challenge, response, and every reason to refuse one. Quotes are signed by a P-256 key in the form
 * of a TPM and judged by libter. */
#include "alloc.h"
#include "kit.h"

#include "libter/bytes.h"
#include "libter/p256.h"

#include <hookprobe/ter/quote.h>

enum { MASK = 0x95, OTHER_MASK = 0x91 };

static struct kit kit;
static struct kit_node *node, *other;
static struct hkp_rng rng;
static uint64_t rng_state = 1;
static int rng_fails;
static uint8_t ak_secret[32], ak_point[64], ak_area[128];
static size_t ak_area_len;
static const uint64_t SECOND = 1000000000U;
static const uint8_t binding[32] = {0xB1}, good_pcr[32] = {0x50};

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&rng_state);
    return rng_fails ? -1 : 0;
}

/* ---- A TPM ---- */

struct bytes {
    uint8_t at[512];
    size_t len;
};
static void put16(struct bytes *b, uint32_t v) { hkp_put_be16(b->at + b->len, (uint16_t)v), b->len += 2; }
static void put32(struct bytes *b, uint32_t v) { hkp_put_be32(b->at + b->len, v), b->len += 4; }
static void put(struct bytes *b, const uint8_t *p, size_t n) { memcpy(b->at + b->len, p, n), b->len += n; }
static void put2b(struct bytes *b, const uint8_t *p, size_t n) { put16(b, (uint32_t)n), put(b, p, n); }

static void make_ak(void) {
    struct bytes b = {.len = 0};
    CHECK_EQ(hkp_ter__p256_key(ak_secret, ak_point, &rng), HKP_OK);
    put16(&b, 0x0023), put16(&b, 0x000B), put32(&b, 0x00050072), put16(&b, 0);
    put16(&b, 0x0010), put16(&b, 0x0018), put16(&b, 0x000B), put16(&b, 0x0003), put16(&b, 0x0010);
    put2b(&b, ak_point, 32), put2b(&b, ak_point + 32, 32);
    memcpy(ak_area, b.at, b.len);
    ak_area_len = b.len;
    CHECK_EQ(hkp_ter_area_check_ak(ak_area, ak_area_len), HKP_OK);
}

/* TPMS_ATTEST over these values, and its signature by the attestation key. */
static void quote_of(const uint8_t extra[32], uint32_t mask, uint8_t pcr[24][32], struct bytes *attest,
                     struct bytes *signature) {
    uint8_t values[24 * 32], digest[32], sig[64];
    const uint8_t signer[34] = {0x00, 0x0B};
    uint32_t n = 0;
    attest->len = signature->len = 0;
    for (uint32_t i = 0; i < 24; i++)
        if (mask >> i & 1) memcpy(values + 32 * n++, pcr[i], 32);
    hkp_ter_pcr_digest(values, n, digest);
    put32(attest, 0xFF544347), put16(attest, 0x8018), put2b(attest, signer, 34), put2b(attest, extra, 32);
    put32(attest, 0), put32(attest, 5000), put32(attest, 1), put32(attest, 0),
        put(attest, (const uint8_t *)"\1", 1);
    put32(attest, 0), put32(attest, 7); /* clock, resets, safe; firmware */
    put32(attest, 1), put16(attest, 0x000B);
    put(attest, (const uint8_t[]){3, (uint8_t)mask, (uint8_t)(mask >> 8), (uint8_t)(mask >> 16)}, 4);
    put2b(attest, digest, 32);
    crypto_hash_sha256(digest, attest->at, attest->len);
    CHECK_EQ(hkp_ter__p256_sign(ak_secret, digest, &rng, sig), HKP_OK);
    put16(signature, 0x0018), put16(signature, 0x000B), put2b(signature, sig, 32),
        put2b(signature, sig + 32, 32);
}

/* What a host does with a quote: the key that the certificate names, and values that its policy lists. */
static hkp_status check_quote(void *user, const uint8_t node_id[16], const uint8_t extra[32], uint32_t mask,
                              const uint8_t *quote, size_t len) {
    uint8_t values[24 * 32], digest[32];
    uint32_t n = 0;
    const struct kit_node *who = kit_of((const struct kit *)user, node_id);
    struct hkp_ter_quote_verifier v = {.area = ak_area,
                                       .area_len = ak_area_len,
                                       .pcr_digests = digest,
                                       .n_pcr_digests = 1,
                                       .pcr_mask = mask};
    for (uint32_t i = 0; i < 24; i++)
        if (mask >> i & 1) memcpy(values + 32 * n++, good_pcr, 32);
    hkp_ter_pcr_digest(values, n, digest);
    memcpy(v.extra, extra, 32);
    memcpy(v.ak_name, who->signer.certificate.ak, 34);
    return hkp_ter_quote_verify(&v, quote, len, NULL);
}

/* ---- Both sides ---- */

static hkp_dsm_challenger *challenger_of(int with_quotes) {
    struct hkp_dsm_challenger_options opt;
    hkp_dsm_challenger *c = NULL;
    hkp_dsm_challenger_options_init(&opt, sizeof opt);
    opt.rng = rng;
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    opt.user = &kit;
    opt.quote_check = with_quotes ? check_quote : NULL;
    CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_OK);
    return c;
}

static struct hkp_dsm_challenge ask(hkp_dsm_challenger *c, hkp_time now, uint32_t evidence, uint32_t mask) {
    uint8_t bytes[HKP_DSM_CHALLENGE_MAX];
    struct hkp_dsm_challenge q = {0};
    size_t len = 0;
    CHECK_EQ(hkp_dsm_challenger_ask(c, now, 77, kit_id(node), evidence, mask, bytes, sizeof bytes, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_challenge_parse(bytes, len, &q), HKP_OK);
    CHECK(q.evidence == evidence && q.pcr_mask == mask && q.time_us == 77);
    return q;
}

struct answer {
    struct hkp_dsm_auth a;
    struct bytes quote, signature;
    uint8_t envelope[HKP_DSM_AUTH_MAX];
    size_t len;
};

/* Answers as asked; what a test changes in r->a it signs anew. */
static void answer(struct answer *r, const struct hkp_dsm_challenge *q, uint32_t evidence) {
    uint8_t extra[32];
    memset(r, 0, sizeof *r);
    memcpy(r->a.nonce, q->nonce, 32);
    memcpy(r->a.binding, binding, 32);
    memcpy(r->a.certificate, node->signer.id, 32);
    r->a.ter_index = 12;
    r->a.evidence = evidence;
    if (evidence != HKP_DSM_EVIDENCE_TPM) return;
    r->a.pcr_mask = q->pcr_mask;
    for (uint32_t i = 0; i < 24; i++)
        if (q->pcr_mask >> i & 1) memcpy(r->a.pcr[i], good_pcr, 32);
    hkp_dsm_auth_quote_data(extra, q->nonce, binding, kit_id(node));
    quote_of(extra, q->pcr_mask, r->a.pcr, &r->quote, &r->signature);
    r->a.quote = (struct hkp_dsm_view){r->quote.at, r->quote.len};
    r->a.signature = (struct hkp_dsm_view){r->signature.at, r->signature.len};
}

static void sign(struct answer *r, const struct kit_node *by) {
    uint8_t body[HKP_DSM_AUTH_MAX];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_auth_build(&r->a, body, sizeof body, &len), HKP_OK);
    r->len = kit_sign(&kit, by, HKP_DSM_KIND_AUTH, body, len, r->envelope, sizeof r->envelope);
}

static hkp_status judge_at(hkp_dsm_challenger *c, const struct answer *r, hkp_time now,
                           const uint8_t session[32]) {
    static struct hkp_dsm_auth got, before;
    memset(&got, 0xA5, sizeof got);
    memset(&before, 0xA5, sizeof before);
    const hkp_status st =
        hkp_dsm_challenger_judge(c, now, KIT_NOW_S, kit_id(node), session, r->envelope, r->len, &got);
    if (st != HKP_OK) CHECK_MEM(&got, &before, sizeof got);
    if (st == HKP_OK) CHECK(got.ter_index == 12 && got.evidence == r->a.evidence);
    return st;
}

/* A whole turn with a change in between. */
static hkp_status turn(uint32_t required, uint32_t given, void (*change)(struct answer *r)) {
    hkp_dsm_challenger *c = challenger_of(1);
    struct answer r;
    const struct hkp_dsm_challenge q = ask(c, 0, required, MASK);
    answer(&r, &q, given);
    if (change != NULL) change(&r);
    sign(&r, node);
    const hkp_status st = judge_at(c, &r, SECOND, binding);
    CHECK_EQ(judge_at(c, &r, SECOND, binding), HKP_E_DSM_ATTEST); /* used, whatever came of it */
    hkp_dsm_challenger_free(c);
    return st;
}

/* ---- What holds ---- */

static void an_answer_as_asked_is_accepted(void) {
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_NONE, NULL), HKP_OK);
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_SOFTWARE, HKP_DSM_EVIDENCE_SOFTWARE, NULL), HKP_OK);
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_TPM, HKP_DSM_EVIDENCE_TPM, NULL), HKP_OK);
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_TPM, NULL), HKP_OK);
}

/* ---- D-AUTH-4, one by one ---- */

static void a_nonce_that_nobody_asked_is_refused(void) {
    hkp_dsm_challenger *c = challenger_of(1);
    struct hkp_dsm_challenge q = {.nonce = {1}};
    struct answer r;
    answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
    sign(&r, node);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST);
    (void)ask(c, 0, HKP_DSM_EVIDENCE_SOFTWARE, 0);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST);
    hkp_dsm_challenger_free(c);
}

static void a_nonce_is_used_once(void) {
    hkp_dsm_challenger *c = challenger_of(1);
    const struct hkp_dsm_challenge q = ask(c, 0, HKP_DSM_EVIDENCE_SOFTWARE, 0);
    struct answer r;
    answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
    sign(&r, node);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_OK);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST);
    hkp_dsm_challenger_free(c);
}

static void a_nonce_lives_60_seconds(void) {
    for (int late = 0; late < 2; late++) {
        hkp_dsm_challenger *c = challenger_of(1);
        const struct hkp_dsm_challenge q = ask(c, 5 * SECOND, HKP_DSM_EVIDENCE_SOFTWARE, 0);
        struct answer r;
        answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
        sign(&r, node);
        CHECK_EQ(judge_at(c, &r, 65 * SECOND - (late == 0), binding), late ? HKP_E_DSM_ATTEST : HKP_OK);
        hkp_dsm_challenger_free(c);
    }
}

/* A response that was recorded in another session, or passed on from one: the exporter differs. */
static void another_session_is_refused(void) {
    const uint8_t session[32] = {0xB2};
    hkp_dsm_challenger *c = challenger_of(1);
    const struct hkp_dsm_challenge q = ask(c, 0, HKP_DSM_EVIDENCE_SOFTWARE, 0);
    struct answer r;
    answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
    sign(&r, node);
    CHECK_EQ(judge_at(c, &r, 0, session), HKP_E_DSM_ATTEST);
    hkp_dsm_challenger_free(c);
}

static void somebody_else_cannot_answer_nor_use_up_the_nonce(void) {
    hkp_dsm_challenger *c = challenger_of(1);
    const struct hkp_dsm_challenge q = ask(c, 0, HKP_DSM_EVIDENCE_SOFTWARE, 0);
    struct answer r;
    struct hkp_dsm_auth got;
    answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
    memcpy(r.a.certificate, other->signer.id, 32);
    sign(&r, other);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST); /* in the session of node */
    CHECK_EQ(hkp_dsm_challenger_judge(c, 0, KIT_NOW_S, kit_id(other), binding, r.envelope, r.len, &got),
             HKP_E_DSM_ATTEST); /* in its own session, with a nonce that was asked of node */
    answer(&r, &q, HKP_DSM_EVIDENCE_SOFTWARE);
    sign(&r, node);
    r.envelope[r.len - 1] ^= 1;
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_SIG);
    r.envelope[r.len - 1] ^= 1;
    node->known = 0;
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_SIGNER);
    node->known = 1;
    node->revoked = 1;
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_REVOKED);
    node->revoked = 0;
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_OK);
    hkp_dsm_challenger_free(c);
}

static void other_certificate(struct answer *r) { r->a.certificate[0] ^= 1; }
static void no_quote(struct answer *r) { r->a.quote.ptr = NULL; }
static void no_signature(struct answer *r) { r->a.signature.ptr = NULL; }
static void no_values(struct answer *r) { r->a.pcr_mask = 0; }
static void nothing_at_all(struct answer *r) { no_quote(r), no_signature(r), no_values(r); }
static void empty_signature(struct answer *r) { r->a.signature.len = 0; }
static void forged_signature(struct answer *r) { r->signature.at[20] ^= 1; }
static void forged_attest(struct answer *r) { r->quote.at[r->quote.len - 60] ^= 1; }
static void other_values(struct answer *r) { r->a.pcr[0][0] ^= 1; }
static void fewer_values(struct answer *r) { r->a.pcr_mask = OTHER_MASK; }

static void requote(struct answer *r, const uint8_t nonce[32], const uint8_t session[32],
                    const uint8_t node_id[16]) {
    uint8_t extra[32];
    hkp_dsm_auth_quote_data(extra, nonce, session, node_id);
    quote_of(extra, r->a.pcr_mask, r->a.pcr, &r->quote, &r->signature);
    r->a.quote.len = r->quote.len;
    r->a.signature.len = r->signature.len;
}
static void wrong_system(struct answer *r) {
    r->a.pcr[2][0] ^= 1, requote(r, r->a.nonce, binding, kit_id(node));
}
static void wrong_pcrs(struct answer *r) {
    r->a.pcr_mask = OTHER_MASK, requote(r, r->a.nonce, binding, kit_id(node));
}
static void quote_of_another_nonce(struct answer *r) { requote(r, binding, binding, kit_id(node)); }
static void quote_of_another_session(struct answer *r) { requote(r, r->a.nonce, r->a.nonce, kit_id(node)); }
static void quote_of_another_node(struct answer *r) { requote(r, r->a.nonce, binding, kit_id(other)); }

static void the_certificate_is_the_one_that_is_known(void) {
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_NONE, other_certificate), HKP_E_DSM_ATTEST);
}

static void weaker_evidence_is_refused(void) {
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_TPM, HKP_DSM_EVIDENCE_SOFTWARE, NULL), HKP_E_DSM_ATTEST);
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_TPM, HKP_DSM_EVIDENCE_NONE, NULL), HKP_E_DSM_ATTEST);
    CHECK_EQ(turn(HKP_DSM_EVIDENCE_SOFTWARE, HKP_DSM_EVIDENCE_NONE, NULL), HKP_E_DSM_ATTEST);
}

/* The older system skipped a check whose input was missing. */
static void what_is_missing_is_refused(void) {
    static void (*const missing[])(struct answer * r) = {no_quote, no_signature, no_values, nothing_at_all,
                                                         empty_signature};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        CHECK_EQ(turn(HKP_DSM_EVIDENCE_TPM, HKP_DSM_EVIDENCE_TPM, missing[i]), HKP_E_DSM_ATTEST);
        CHECK_EQ(turn(HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_TPM, missing[i]), HKP_E_DSM_ATTEST);
    }
}

static void false_evidence_is_refused(void) {
    static void (*const wrong[])(struct answer * r) = {
        forged_signature,     forged_attest, other_values,           fewer_values,
        wrong_system,         wrong_pcrs,    quote_of_another_nonce, quote_of_another_session,
        quote_of_another_node};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const int before = check_faults;
        CHECK_EQ(turn(HKP_DSM_EVIDENCE_TPM, HKP_DSM_EVIDENCE_TPM, wrong[i]), HKP_E_DSM_ATTEST);
        CHECK_EQ(turn(HKP_DSM_EVIDENCE_SOFTWARE, HKP_DSM_EVIDENCE_TPM, wrong[i]), HKP_E_DSM_ATTEST);
        CHECK_NOTE(before, "change %zu", i);
    }
}

static void a_quote_needs_somebody_who_checks_it_and_a_key(void) {
    hkp_dsm_challenger *c = challenger_of(0);
    struct hkp_dsm_challenge q = ask(c, 0, HKP_DSM_EVIDENCE_TPM, MASK);
    struct answer r;
    answer(&r, &q, HKP_DSM_EVIDENCE_TPM);
    sign(&r, node);
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST);
    hkp_dsm_challenger_free(c);
    c = challenger_of(1);
    q = ask(c, 0, HKP_DSM_EVIDENCE_TPM, MASK);
    answer(&r, &q, HKP_DSM_EVIDENCE_TPM);
    sign(&r, node);
    node->signer.certificate.has_ak = 0;
    CHECK_EQ(judge_at(c, &r, 0, binding), HKP_E_DSM_ATTEST);
    node->signer.certificate.has_ak = 1;
    hkp_dsm_challenger_free(c);
}

static void nonces_are_bounded(void) {
    struct hkp_dsm_challenger_options opt;
    hkp_dsm_challenger *c = NULL;
    uint8_t bytes[HKP_DSM_CHALLENGE_MAX];
    size_t len = 77;
    hkp_dsm_challenger_options_init(&opt, sizeof opt);
    opt.rng = rng;
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    opt.challenges_max = HKP_DSM_CHALLENGES + 1;
    CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_E_INVAL);
    opt.challenges_max = 0;
    CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_OK);
    for (uint32_t i = 0; i < HKP_DSM_CHALLENGES; i++) (void)ask(c, i, HKP_DSM_EVIDENCE_NONE, 0);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 60 * SECOND - 1, 0, kit_id(node), 0, 0, bytes, sizeof bytes, &len),
             HKP_E_LIMIT);
    CHECK_EQ(len, 77);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 60 * SECOND, 0, kit_id(node), 0, 0, bytes, sizeof bytes, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 60 * SECOND, 0, kit_id(node), 0, 0, bytes, sizeof bytes, &len),
             HKP_E_LIMIT);
    hkp_dsm_challenger_free(c);
}

static void wrong_calls_leave_no_nonce_behind(void) {
    hkp_dsm_challenger *c = challenger_of(1);
    uint8_t bytes[HKP_DSM_CHALLENGE_MAX];
    size_t len = 77;
    CHECK_EQ(hkp_dsm_challenger_ask(c, 0, 0, kit_id(node), 3, 1, bytes, sizeof bytes, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 0, 0, kit_id(node), 2, 0, bytes, sizeof bytes, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 0, 0, kit_id(node), 0, 1 << 24, bytes, sizeof bytes, &len),
             HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_challenger_ask(c, 0, 0, kit_id(node), 0, 0, bytes, 20, &len), HKP_E_NOSPC);
    rng_fails = 1;
    CHECK_EQ(hkp_dsm_challenger_ask(c, 0, 0, kit_id(node), 0, 0, bytes, sizeof bytes, &len), HKP_E_CALLBACK);
    rng_fails = 0;
    CHECK_EQ(len, 77);
    for (uint32_t i = 0; i < HKP_DSM_CHALLENGES; i++) (void)ask(c, 0, HKP_DSM_EVIDENCE_NONE, 0);
    hkp_dsm_challenger_free(c);
}

/* Bodies that a writer would not make. */
static void malformed_responses_are_refused(void) {
    struct hkp_dsm_challenge q = {.nonce = {1}, .pcr_mask = MASK};
    struct answer r;
    struct hkp_dsm_auth got;
    uint8_t body[HKP_DSM_AUTH_MAX], nonce[32];
    size_t len = 0;
    answer(&r, &q, HKP_DSM_EVIDENCE_TPM);
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_auth_parse(body, len, &got), HKP_OK);
    CHECK_EQ(got.pcr_mask, MASK);
    CHECK_MEM(got.pcr[7], good_pcr, 32);
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, 300, &len), HKP_E_NOSPC);
    sign(&r, node);
    CHECK_EQ(hkp_dsm_auth_nonce(r.envelope, r.len, nonce), HKP_OK);
    CHECK_MEM(nonce, q.nonce, 32);
    CHECK_EQ(hkp_dsm_auth_nonce(r.envelope, r.len - 1, nonce), HKP_E_DSM_CBOR_TRUNCATED);
    r.a.evidence = HKP_DSM_EVIDENCE_SOFTWARE; /* with a quote */
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    r.a.evidence = 3;
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    r.a.evidence = HKP_DSM_EVIDENCE_TPM;
    r.a.quote.len = HKP_DSM_QUOTE_MAX + 1;
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    answer(&r, &q, HKP_DSM_EVIDENCE_NONE);
    CHECK_EQ(hkp_dsm_auth_build(&r.a, body, sizeof body, &len), HKP_OK);
    body[len - 1] = 2; /* TPM evidence of which nothing is there: the form is right, the evidence missing */
    CHECK_EQ(hkp_dsm_auth_parse(body, len, &got), HKP_OK);
    body[len - 1] = 3;
    CHECK_EQ(hkp_dsm_auth_parse(body, len, &got), HKP_E_DSM_SCHEMA);
}

static void every_allocation_may_fail(void) {
    struct failing f = {0};
    struct hkp_dsm_challenger_options opt;
    hkp_dsm_challenger *c = NULL;
    hkp_dsm_challenger_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_E_INVAL); /* no randomness */
    opt.rng = rng;
    for (long n = 0; n < 2; n++) {
        f.left = n;
        CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_E_NOMEM);
        CHECK(c == NULL && f.live == 0);
    }
    f.left = -1;
    CHECK_EQ(hkp_dsm_challenger_new(&c, &opt), HKP_OK);
    hkp_dsm_challenger_free(c);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    rng = (struct hkp_rng){.fill = fill};
    kit_begin(&kit);
    make_ak();
    node = kit_add(&kit, HKP_DSM_ROLE_EDGE, 1);
    hkp_ter_area_name(ak_area, ak_area_len, node->signer.certificate.ak);
    node->signer.certificate.has_ak = 1;
    kit_certify(&kit, node);
    other = kit_add(&kit, HKP_DSM_ROLE_EDGE, 2);
    CASE(an_answer_as_asked_is_accepted);
    CASE(a_nonce_that_nobody_asked_is_refused);
    CASE(a_nonce_is_used_once);
    CASE(a_nonce_lives_60_seconds);
    CASE(another_session_is_refused);
    CASE(somebody_else_cannot_answer_nor_use_up_the_nonce);
    CASE(the_certificate_is_the_one_that_is_known);
    CASE(weaker_evidence_is_refused);
    CASE(what_is_missing_is_refused);
    CASE(false_evidence_is_refused);
    CASE(a_quote_needs_somebody_who_checks_it_and_a_key);
    CASE(nonces_are_bounded);
    CASE(wrong_calls_leave_no_nonce_behind);
    CASE(malformed_responses_are_refused);
    CASE(every_allocation_may_fail);
    return check_done();
}
