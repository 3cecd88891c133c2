/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Shares of scheme 2 (D-QC-3): a member with a BLS key signs what it finds final once more, so that others
 * can make short certificates of it. Shares are held in memory alone, the newest few of each member, so that
 * no member fills the room of another; nothing waits for them, and a start forgets them. Those of an epoch
 * are held until the next one ends, too: the boundary is final when its epoch is over.
 */
#include "libdsm/node/node.h"

#include <hookprobe/dsm/bls.h>
#include <string.h>

#include "libdsm/bls/bls.h"
#include "libter/bytes.h"

/* The place for a share of that view: the oldest one of this member; NULL: it is older, or held. */
static struct share *place(struct shares_of_one *of, uint64_t view) {
    struct share *oldest = of->at;
    for (uint32_t i = 0; i < SHARES_OF_ONE; i++) {
        struct share *s = &of->at[i];
        if (s->view == view) return NULL;
        if (s->view < oldest->view) oldest = s;
    }
    return oldest->view < view ? oldest : NULL;
}

static void keep(node *n, struct share *s, uint64_t view, blob *envelope) {
    hkp_dsm__blob_drop(&n->pool, s->envelope);
    *s = (struct share){.view = view, .envelope = envelope};
}

/* The seat of this node has the key of its secret. */
static uint32_t has_own(const node *n) {
    return n->shares.can_sign && n->seat >= 0 && n->set.has_scheme2 &&
           memcmp(n->set.bls[n->seat], n->shares.key, 48) == 0;
}

void hkp_dsm__share_final(node *n, const struct hkp_dsm__header *h) {
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = h->epoch, .view = h->view};
    uint8_t bytes[HKP_DSM__SHARE_MAX];
    size_t len = 0;
    if (!has_own(n) || n->observer || n->state != HKP_DSM_STATE_RUNNING) return;
    struct share *s = place(&n->shares.of[n->seat], h->view);
    memcpy(vote.digest, h->digest, 32);
    if (s == NULL || hkp_dsm__share_make(n->chain_id, &vote, n->id, n->secret, n->shares.secret, bytes,
                                         sizeof bytes, &len) != HKP_OK)
        return;
    blob *envelope = hkp_dsm__bytes(n, bytes, len);
    if (envelope == NULL) return;
    keep(n, s, h->view, envelope);
    hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, envelope, 0, NULL);
}

/* Where a share belongs. */
struct about {
    const struct hkp_dsm__valset *set;
    struct shares_of_one *of;
    uint64_t view, last; /* last: the highest view that is believed */
};

/* View of a share, its epoch and the seat of its signer, before anything is verified. */
static hkp_status about(node *n, const struct hkp_dsm_view *envelope, struct about *a) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_cbor_reader r;
    hkp_status st = hkp_dsm_envelope_parse(envelope->ptr, envelope->len, 1U << HKP_DSM_KIND_FINAL_BLS, &e);
    if (st != HKP_OK) return st;
    (void)hkp_dsm_cbor_read(&r, e.body.ptr, e.body.len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    const uint64_t epoch = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    a->view = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    if (r.status != HKP_OK) return r.status;
    const int before = n->shares.before.set.n > 0 && epoch == n->shares.before.set.epoch;
    if (!before && epoch != n->set.epoch) return HKP_E_DSM_EPOCH;
    a->set = before ? &n->shares.before.set : &n->set;
    a->last = (before ? n->shares.before.view : n->view) + VOTE_WINDOW;
    const int seat = hkp_dsm__valset_index(a->set, e.signer);
    if (seat < 0) return HKP_E_DSM_SIGNER;
    a->of = before ? &n->shares.before.of[seat] : &n->shares.of[seat];
    return a->set->has_scheme2 ? HKP_OK : HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__share_take(node *n, const struct hkp_dsm_view *envelope, const struct peer *from,
                               uint32_t hops) {
    struct hkp_dsm__vote vote;
    struct about a;
    if (!hkp_dsm__bls_is_built()) return HKP_E_UNSUPPORTED;
    hkp_status st = about(n, envelope, &a);
    if (st != HKP_OK) return st;
    struct share *s = place(a.of, a.view);
    if (s == NULL || a.view > a.last) return HKP_E_DSM_OLD; /* before any pairing */
    st = hkp_dsm__share_check(n->chain_id, a.set, envelope->ptr, envelope->len, &vote, NULL);
    if (st != HKP_OK) return st;
    blob *copy = hkp_dsm__bytes(n, envelope->ptr, envelope->len);
    if (copy == NULL) return HKP_E_LIMIT;
    keep(n, s, a.view, copy);
    hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, copy, hops, from);
    return HKP_OK;
}

static void clear(node *n, struct shares_of_one of[HKP_DSM_MEMBERS_MAX]) {
    for (uint32_t i = 0; i < HKP_DSM_MEMBERS_MAX; i++)
        for (uint32_t k = 0; k < SHARES_OF_ONE; k++) keep(n, &of[i].at[k], 0, NULL);
}

void hkp_dsm__shares_turn(node *n, const struct hkp_dsm__valset *old) {
    struct shares *s = &n->shares;
    clear(n, s->before.of);
    s->before.set.n = 0;
    if (old->n == 0 || old->epoch + 1 != n->set.epoch) {
        clear(n, s->of);
        return;
    }
    memcpy(s->before.of, s->of, sizeof s->of);
    memset(s->of, 0, sizeof s->of);
    s->before.set = *old;
    s->before.view = n->view;
}

/* ---- for the host ---- */

hkp_status hkp_dsm_bls_use(hkp_dsm_node *n, const uint8_t secret[32]) {
    const hkp_status st = hkp_dsm__bls_public(secret, n->shares.key);
    if (st != HKP_OK) return st;
    memcpy(n->shares.secret, secret, 32);
    n->shares.can_sign = 1;
    return HKP_OK;
}

static hkp_status list(const struct shares_of_one *of, uint32_t n, struct hkp_dsm_view *shares, size_t cap,
                       size_t *at) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < SHARES_OF_ONE; k++) {
            const blob *b = of[i].at[k].envelope;
            if (b == NULL) continue;
            if (*at == cap) return HKP_E_NOSPC;
            shares[(*at)++] = (struct hkp_dsm_view){b->ptr, b->len};
        }
    return HKP_OK;
}

hkp_status hkp_dsm_bls_shares(const hkp_dsm_node *n, struct hkp_dsm_view *shares, size_t cap, size_t *count) {
    size_t at = 0;
    hkp_status st = list(n->shares.of, n->set.n, shares, cap, &at);
    if (st == HKP_OK) st = list(n->shares.before.of, n->shares.before.set.n, shares, cap, &at);
    if (st == HKP_OK) *count = at;
    return st;
}

static uint32_t count(const struct shares_of_one *of, uint32_t n) {
    uint32_t held = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < SHARES_OF_ONE; k++) held += of[i].at[k].envelope != NULL;
    return held;
}

hkp_status hkp_dsm_bls_status(const hkp_dsm_node *n, struct hkp_dsm_bls_status *status) {
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    struct hkp_dsm_bls_status s = {.struct_size = status->struct_size,
                                   .listed = (uint32_t)n->set.has_scheme2};
    for (uint32_t i = 0; i < n->set.n; i++) s.keys += !hkp_is_zero(n->set.bls[i], 48);
    s.own = has_own(n);
    s.shares = count(n->shares.of, n->set.n) + count(n->shares.before.of, n->shares.before.set.n);
    *status = s;
    return HKP_OK;
}

hkp_status hkp_dsm_bls_shorten(const hkp_dsm_node *n, const uint8_t *proof, size_t proof_len, uint8_t *dst,
                               size_t cap, size_t *len) {
    struct hkp_dsm_view shares[HKP_DSM_BLS_SHARES_MAX];
    struct hkp_dsm_trust trust = {.epoch = 0};
    size_t held = 0;
    memcpy(trust.valset_hash, n->epoch0_hash, 32);
    hkp_status st = hkp_dsm_bls_shares(n, shares, HKP_DSM_BLS_SHARES_MAX, &held);
    if (st != HKP_OK) return st;
    st = hkp_dsm_bls_compact(proof, proof_len, n->chain_id, &trust, shares, held, dst, cap, len);
    if (st == HKP_E_DSM_EPOCH && n->restarted.epoch > 0)
        st = hkp_dsm_bls_compact(proof, proof_len, n->chain_id, &n->restarted, shares, held, dst, cap, len);
    return st;
}
