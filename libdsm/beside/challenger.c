/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Challenges that are out, and responses judged: nothing is skipped because it is absent (D-AUTH-3,
 * D-AUTH-4). */
#include "libdsm/beside/signed.h"

#include "libter/options.h"

#include <hookprobe/ter/quote.h>
#include <sodium.h>

#define NONCE_LIFE_NS 60000000000ULL

struct asked {
    uint8_t nonce[32], peer[16];
    hkp_time since;
    uint32_t evidence, pcr_mask;
};

struct hkp_dsm_challenger {
    struct hkp_mem mem;
    struct hkp_rng rng;
    uint8_t chain_id[32];
    struct hkp_dsm_directory directory;
    void *user;
    hkp_status (*quote_check)(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                              uint32_t pcr_mask, const uint8_t *quote, size_t len);
    hkp_time now;
    size_t max, n;
    struct asked *asked; /* [max], n in use */
};

void hkp_dsm_challenger_options_init(struct hkp_dsm_challenger_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_dsm_challenger_new(hkp_dsm_challenger **out, const struct hkp_dsm_challenger_options *opt) {
    struct hkp_dsm_challenger_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.chain_id == NULL || o.directory == NULL || !hkp_dsm__directory_ok(o.directory) ||
        o.rng.fill == NULL || o.challenges_max > HKP_DSM_CHALLENGES)
        return HKP_E_INVAL;
    hkp_dsm_challenger *c = (hkp_dsm_challenger *)hkp_mem_alloc(&o.mem, sizeof *c);
    if (c == NULL) return HKP_E_NOMEM;
    c->mem = o.mem;
    c->rng = o.rng;
    memcpy(c->chain_id, o.chain_id, 32);
    c->directory = *o.directory;
    c->user = o.user;
    c->quote_check = o.quote_check;
    c->max = o.challenges_max != 0 ? o.challenges_max : HKP_DSM_CHALLENGES;
    c->asked = (struct asked *)hkp_mem_alloc(&c->mem, c->max * sizeof *c->asked);
    if (c->asked == NULL) {
        hkp_dsm_challenger_free(c);
        return HKP_E_NOMEM;
    }
    *out = c;
    return HKP_OK;
}

void hkp_dsm_challenger_free(hkp_dsm_challenger *challenger) {
    if (challenger == NULL) return;
    const struct hkp_mem mem = challenger->mem;
    if (challenger->asked != NULL)
        sodium_memzero(challenger->asked, challenger->max * sizeof *challenger->asked);
    hkp_mem_free(&mem, challenger->asked, challenger->max * sizeof *challenger->asked);
    hkp_mem_free(&mem, challenger, sizeof *challenger);
}

/* ---- Nonces ---- */

static void forget(hkp_dsm_challenger *c, size_t at) { c->asked[at] = c->asked[--c->n]; }

static void forget_old(hkp_dsm_challenger *c, hkp_time now) {
    if (now > c->now) c->now = now;
    for (size_t i = c->n; i > 0; i--)
        if (c->now - c->asked[i - 1].since >= NONCE_LIFE_NS) forget(c, i - 1);
}

hkp_status hkp_dsm_challenger_ask(hkp_dsm_challenger *challenger, hkp_time now, uint64_t time_us,
                                  const uint8_t peer[16], uint32_t evidence, uint32_t pcr_mask, uint8_t *dst,
                                  size_t cap, size_t *len) {
    struct hkp_dsm_challenge q = {.time_us = time_us, .pcr_mask = pcr_mask, .evidence = evidence};
    if (evidence == HKP_DSM_EVIDENCE_TPM && pcr_mask == 0) return HKP_E_INVAL;
    forget_old(challenger, now);
    if (challenger->n == challenger->max) return HKP_E_LIMIT;
    if (challenger->rng.fill(challenger->rng.user, q.nonce, 32) != 0) return HKP_E_CALLBACK;
    hkp_status st = hkp_dsm_challenge_build(&q, dst, cap, len);
    if (st != HKP_OK) return st == HKP_E_DSM_SCHEMA ? HKP_E_INVAL : st;
    struct asked *a = &challenger->asked[challenger->n++];
    *a = (struct asked){.since = challenger->now, .evidence = evidence, .pcr_mask = pcr_mask};
    memcpy(a->nonce, q.nonce, 32);
    memcpy(a->peer, peer, 16);
    return HKP_OK;
}

/* What was asked of this peer with this nonce; it is used up. */
static int take(hkp_dsm_challenger *c, const uint8_t peer[16], const uint8_t nonce[32], struct asked *asked) {
    for (size_t i = 0; i < c->n; i++) {
        if (memcmp(c->asked[i].nonce, nonce, 32) != 0 || memcmp(c->asked[i].peer, peer, 16) != 0) continue;
        *asked = c->asked[i];
        forget(c, i);
        return 1;
    }
    return 0;
}

/* ---- Evidence ---- */

/* Digest of the values in a response, as it stands in a quote. */
static void digest_of(const struct hkp_dsm_auth *a, uint8_t digest[32]) {
    uint8_t values[HKP_TER_PCRS * 32];
    uint32_t n = 0;
    for (uint32_t i = 0; i < HKP_TER_PCRS; i++)
        if ((a->pcr_mask >> i & 1U) != 0) memcpy(values + 32 * (size_t)n++, a->pcr[i], 32);
    hkp_ter_pcr_digest(values, n, digest);
}

static int quote_ok(const hkp_dsm_challenger *c, const struct hkp_dsm_certificate *certificate,
                    const struct asked *asked, const struct hkp_dsm_auth *a) {
    uint8_t wire[HKP_TER_QUOTE_MAX], extra[32], digest[32];
    struct hkp_ter_quote q;
    size_t len = 0;
    if (c->quote_check == NULL || !certificate->has_ak || a->quote.ptr == NULL || a->signature.ptr == NULL ||
        asked->pcr_mask == 0 || a->pcr_mask != asked->pcr_mask)
        return 0;
    if (hkp_ter_quote_join(a->quote.ptr, a->quote.len, a->signature.ptr, a->signature.len, wire, sizeof wire,
                           &len) != HKP_OK ||
        hkp_ter_quote_parse(&q, wire, len) != HKP_OK)
        return 0;
    digest_of(a, digest);
    if (memcmp(digest, q.pcr_digest, 32) != 0) return 0; /* values beside the quote that it is not about */
    hkp_dsm__quote_data(extra, a->nonce, a->binding, certificate->node_id);
    return c->quote_check(c->user, certificate->node_id, extra, asked->pcr_mask, wire, len) == HKP_OK;
}

static hkp_status judge_auth(const hkp_dsm_challenger *c, const struct hkp_dsm_signer *signer,
                             const struct asked *asked, const uint8_t binding[32],
                             const struct hkp_dsm_auth *a) {
    if (sodium_memcmp(a->binding, binding, 32) != 0) return HKP_E_DSM_ATTEST;
    if (memcmp(a->certificate, signer->id, 32) != 0) return HKP_E_DSM_ATTEST;
    if (a->evidence < asked->evidence) return HKP_E_DSM_ATTEST;
    if (a->evidence != HKP_DSM_EVIDENCE_TPM) return HKP_OK;
    return quote_ok(c, &signer->certificate, asked, a) ? HKP_OK : HKP_E_DSM_ATTEST;
}

hkp_status hkp_dsm_challenger_judge(hkp_dsm_challenger *challenger, hkp_time now, uint64_t now_s,
                                    const uint8_t peer[16], const uint8_t binding[32], const uint8_t *in,
                                    size_t len, struct hkp_dsm_auth *auth) {
    const struct hkp_dsm__judge judge = {challenger->chain_id, &challenger->directory, now_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    struct hkp_dsm_auth a;
    struct asked asked;
    forget_old(challenger, now);
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_AUTH, &e, &signer);
    if (st == HKP_OK && memcmp(e.signer, peer, 16) != 0) st = HKP_E_DSM_ATTEST;
    if (st == HKP_OK) st = hkp_dsm_auth_parse(e.body.ptr, e.body.len, &a);
    if (st == HKP_OK && !take(challenger, peer, a.nonce, &asked)) st = HKP_E_DSM_ATTEST;
    if (st == HKP_OK) st = judge_auth(challenger, &signer, &asked, binding, &a);
    if (st == HKP_OK) *auth = a;
    return st;
}
