/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Votes and what q of them make: the certs of a view (D-SMX-6, D-SMX-10, D-QC). */
#include <string.h>

#include "libdsm/node/node.h"

static int column(uint32_t kind) { return (int)kind - HKP_DSM_KIND_NOTAR; }

static int cert_column(uint32_t kind) {
    return kind == HKP_DSM_KIND_NOTAR ? CERT_N : kind == HKP_DSM_KIND_NULL ? CERT_0 : CERT_F;
}

static void slot_votes_drop(node *n, struct slot *s) {
    for (int k = 0; k < 3; k++) {
        if (s->votes[k] != NULL) hkp_dsm__pool_give(&n->pool, s->votes[k]);
        s->votes[k] = NULL;
        s->n_votes[k] = 0;
    }
}

static void slot_clear(node *n, struct slot *s) {
    slot_votes_drop(n, s);
    for (int k = 0; k < 3; k++) hkp_dsm__blob_drop(&n->pool, s->cert[k]);
    for (int k = 0; k < 6; k++) hkp_dsm__blob_drop(&n->pool, s->own_msg[k]);
    hkp_dsm__blob_drop(&n->pool, s->proposal);
    hkp_dsm__blob_drop(&n->pool, s->young);
    memset(s, 0, sizeof *s);
}

void hkp_dsm__slots_clear(node *n) {
    for (uint32_t i = 0; i < SLOTS; i++) slot_clear(n, &n->slots[i]);
    memset(n->nulls, 0, sizeof n->nulls);
    hkp_dsm__blob_drop(&n->pool, n->newest_cert);
    n->newest_cert = NULL;
    n->newest_n = n->newest_0 = n->nulls_top = 0;
}

int hkp_dsm__null_known(const node *n, uint64_t view) {
    return view <= n->nulls_top && n->nulls_top - view < NULLS &&
           (n->nulls[view % NULLS / 8] >> view % 8 & 1);
}

static void null_note(node *n, uint64_t view) {
    if (view > n->nulls_top) {
        if (view - n->nulls_top >= NULLS)
            memset(n->nulls, 0, sizeof n->nulls);
        else
            for (uint64_t v = n->nulls_top + 1; v <= view; v++)
                n->nulls[v % NULLS / 8] &= (uint8_t) ~(1U << v % 8);
        n->nulls_top = view;
    }
    n->nulls[view % NULLS / 8] |= (uint8_t)(1U << view % 8);
}

/* Ring over the views; of one that falls out of it is remembered that CERT_0 is on disk, and the newest
 * CERT_N and CERT_F. */
struct slot *hkp_dsm__slot(node *n, uint64_t view) {
    if (view == 0 || view > n->view + VOTE_WINDOW) return NULL;
    struct slot *s = &n->slots[view % SLOTS];
    if (s->view == view) return s;
    if (s->view > view) return NULL;
    slot_clear(n, s);
    s->view = view;
    return s;
}

void hkp_dsm__slot_proposal(node *n, struct slot *s, const struct prop *p) {
    hkp_dsm__blob_drop(&n->pool, s->proposal);
    s->proposal = p->envelope != NULL ? hkp_dsm__blob_hold(p->envelope) : NULL;
    s->seen_proposal = 1;
    memcpy(s->proposal_digest, p->h.digest, 32);
}

static blob *single(node *n, uint32_t op, const uint8_t *bytes, size_t len) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    struct hkp_dsm_view view = {.ptr = bytes, .len = len};
    hkp_dsm__put_single(&w, op, &view);
    return hkp_dsm__msg(n, &w);
}

/* Members tell members at once, all others learn it by gossip. */
static void forward(node *n, blob *cert, uint32_t hops, const struct peer *from) {
    blob *msg = n->seat >= 0 ? single(n, HKP_DSM__OP_MSG_CERT, cert->ptr, cert->len) : NULL;
    if (msg != NULL) hkp_dsm__send_members(n, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
    hkp_dsm__spread(n, HKP_DSM__FORM_CERT, cert, hops, from);
}

static void cert_keep(node *n, uint32_t kind, uint64_t view, const uint8_t digest[32], blob *cert) {
    if (kind == HKP_DSM_KIND_NULL) {
        null_note(n, view);
        if (view > n->newest_0) n->newest_0 = view;
    }
    if (kind == HKP_DSM_KIND_NOTAR && view > n->newest_n) {
        n->newest_n = view;
        memcpy(n->newest_digest, digest, 32);
        hkp_dsm__blob_drop(&n->pool, n->newest_cert);
        n->newest_cert = hkp_dsm__blob_hold(cert);
    }
    if (kind == HKP_DSM_KIND_FINAL && view > n->target_view) {
        n->target_view = view;
        memcpy(n->target, digest, 32);
        hkp_dsm__blob_drop(&n->pool, n->target_cert);
        n->target_cert = hkp_dsm__blob_hold(cert);
    }
}

/* A cert that was built or checked. Kept, stored, forwarded once to all (R0, R6). Without a slot: of a view
 * that all others know to be over. */
static void cert_new(node *n, struct slot *s, uint32_t kind, uint64_t view, const uint8_t digest[32],
                     blob *cert, uint32_t hops, const struct peer *from) {
    n->stirs++;
    cert_keep(n, kind, view, digest, cert);
    if (kind != HKP_DSM_KIND_FINAL && n->state == HKP_DSM_STATE_RUNNING) {
        uint8_t key[17];
        hkp_dsm__key_epoch_view(key, n->set.epoch, view);
        key[16] = (uint8_t)kind;
        hkp_dsm__put_blob(n, HKP_DSM_ROW_CERT, key, sizeof key, hkp_dsm__blob_hold(cert));
    }
    if (s == NULL) {
        hkp_dsm__blob_drop(&n->pool, cert);
        return;
    }
    s->cert[cert_column(kind)] = cert;
    if (kind == HKP_DSM_KIND_NOTAR) memcpy(s->cert_digest, digest, 32);
    if (n->state == HKP_DSM_STATE_RUNNING) forward(n, cert, hops, from);
}

/* Of an older view than the slots hold only what tells more than is known. */
static int cert_tells(const node *n, const struct slot *s, const struct hkp_dsm__cert *cert) {
    if (s != NULL) return s->cert[cert_column((uint32_t)cert->kind)] == NULL;
    if (cert->kind == HKP_DSM_KIND_NOTAR) return cert->view > n->newest_n;
    if (cert->kind == HKP_DSM_KIND_FINAL) return cert->view > n->target_view;
    return cert->view + NULLS > n->nulls_top && !hkp_dsm__null_known(n, cert->view);
}

static void count_votes(node *n, struct slot *s, uint32_t kind, const uint8_t digest[32]) {
    const struct vote_entry *votes = s->votes[column(kind)];
    if (s->cert[cert_column(kind)] != NULL || s->n_votes[column(kind)] < n->set.q) return;
    const uint8_t *signatures[HKP_DSM_MEMBERS_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->set.n; i++) {
        if (votes[i].set != VOTE_CHECKED || memcmp(votes[i].digest, digest, 32) != 0) continue;
        signatures[i] = votes[i].signature;
        count++;
    }
    if (count < n->set.q) return;
    struct hkp_dsm__vote vote = {.kind = kind, .epoch = n->set.epoch, .view = s->view};
    memcpy(vote.digest, digest, 32);
    blob *cert = hkp_dsm__room(n, 128 + 64 * (size_t)count);
    if (cert == NULL) return;
    size_t len = 0;
    if (hkp_dsm__cert_build(&n->set, &vote, signatures, cert->ptr, cert->len, &len) != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, cert);
        return;
    }
    cert->len = (uint32_t)len;
    cert_new(n, s, kind, s->view, digest, cert, 0, NULL);
}

hkp_status hkp_dsm__vote_envelope(node *n, uint32_t kind, uint64_t view, uint32_t seat, uint8_t *dst,
                                  size_t cap, size_t *len) {
    struct slot *s = hkp_dsm__slot(n, view);
    if (s == NULL || s->votes[column(kind)] == NULL || !s->votes[column(kind)][seat].set)
        return HKP_E_NOTFOUND;
    const struct vote_entry *v = &s->votes[column(kind)][seat];
    struct hkp_dsm_cbor_writer body = {.out = n->scratch, .cap = HKP_DSM__VOTE_BODY_MAX};
    hkp_dsm_cbor_put_array(&body, 3);
    hkp_dsm_cbor_put_uint(&body, n->set.epoch);
    hkp_dsm_cbor_put_uint(&body, view);
    hkp_dsm_cbor_put_bytes(&body, v->digest, 32);
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, kind);
    hkp_dsm_cbor_put_bytes(&w, n->set.seats[seat].node_id, 16);
    hkp_dsm_cbor_put_bytes(&w, body.out, body.len);
    hkp_dsm_cbor_put_bytes(&w, v->signature, 64);
    *len = w.len;
    return w.status;
}

/* Another promise of the same member in this view that may not stand beside this one (E1, E2, E4): its kind,
 * or 0. */
static uint32_t contradicts(const struct slot *s, const struct hkp_dsm__vote *v) {
    const struct vote_entry *same = s->votes[column(v->kind)];
    if (same != NULL && same[v->signer].set && memcmp(same[v->signer].digest, v->digest, 32) != 0)
        return v->kind;
    if (v->kind == HKP_DSM_KIND_NOTAR) return 0;
    uint32_t against = v->kind == HKP_DSM_KIND_NULL ? HKP_DSM_KIND_FINAL : HKP_DSM_KIND_NULL;
    const struct vote_entry *other = s->votes[column(against)];
    return other != NULL && other[v->signer].set ? against : 0;
}

static void compare(node *n, const struct slot *s, const struct hkp_dsm__vote *v,
                    const struct hkp_dsm_view *envelope) {
    uint8_t first[HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view a = {.ptr = first};
    const uint32_t against = contradicts(s, v);
    if (against != 0 &&
        hkp_dsm__vote_envelope(n, against, s->view, v->signer, first, sizeof first, &a.len) == HKP_OK)
        hkp_dsm__suspect(n, &a, envelope);
}

static hkp_status vote_enter(node *n, const struct hkp_dsm__vote *v, const uint8_t signature[64],
                             const struct hkp_dsm_view *envelope, uint8_t how) {
    struct slot *s = hkp_dsm__slot(n, v->view);
    if (s == NULL) return HKP_E_DSM_OLD;
    int k = column(v->kind);
    if (envelope != NULL) compare(n, s, v, envelope);
    if (s->votes[k] == NULL) {
        size_t size = n->set.n * sizeof(struct vote_entry);
        s->votes[k] = hkp_dsm__take(n, size);
        if (s->votes[k] == NULL) return HKP_E_LIMIT;
        memset(s->votes[k], 0, size);
    }
    struct vote_entry *e = &s->votes[k][v->signer];
    if (e->set == VOTE_CHECKED) return HKP_E_DSM_DUPLICATE;
    if (how == VOTE_CHECKED) s->n_votes[k]++;
    e->set = how;
    memcpy(e->digest, v->digest, 32);
    memcpy(e->signature, signature, 64);
    count_votes(n, s, v->kind, v->digest);
    return HKP_OK;
}

/* The cert that it would be counted for is here, and its signer itself sent it: nobody else loses if it is
 * false. It is kept, since one that contradicts it may come (evidence is checked whole), until one comes that
 * differs and is checked (decision 0561). */
static int need_not_check(const node *n, const struct slot *s, const struct peer *p,
                          const struct hkp_dsm__vote *v) {
    return s->cert[cert_column(v->kind)] != NULL && contradicts(s, v) == 0 &&
           memcmp(p->node_id, n->set.seats[v->signer].node_id, 16) == 0;
}

/* p is in this view: it sent the cert that leads there, or a promise of its own in it. */
static void shows(struct peer *p, uint64_t view) {
    if (p->view < view) p->view = view;
}

/* p is two views below this node, or one, though it had the time of a message to hear of the cert that this
 * node forwarded: it is told again (R9, decisions 0590, 0619). Who is known to be here may well repeat what
 * it said in the view before. */
static int is_behind(const node *n, const struct peer *p) {
    return p->view < n->view && (p->view + 1 < n->view || n->now >= n->entered_at + n->delay);
}

hkp_status hkp_dsm__on_vote(node *n, struct peer *p, const struct hkp_dsm_view *envelope) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm__vote v;
    hkp_status st = hkp_dsm__vote_open(&n->set, envelope->ptr, envelope->len, &e, &v);
    if (st == HKP_E_DSM_EPOCH && p->seat >= 0) hkp_dsm__behind(n, p, v.epoch);
    if (st == HKP_E_DSM_EPOCH && v.epoch < n->set.epoch) hkp_dsm__newest_certs(n, p);
    if (st != HKP_OK) return st;
    const int own = p->seat == (int32_t)v.signer;
    if (own) shows(p, v.kind == HKP_DSM_KIND_FINAL ? v.view + 1 : v.view);
    if (own && is_behind(n, p) && n->now >= p->certs_again) {
        p->certs_again = n->now + n->retransmit_every;
        hkp_dsm__newest_certs(n, p);
    }
    struct slot *s =
        v.view + VOTE_WINDOW > n->view && v.view > n->root.view ? hkp_dsm__slot(n, v.view) : NULL;
    if (s == NULL) return HKP_E_DSM_OLD;
    const struct vote_entry *held = s->votes[column(v.kind)];
    const struct vote_entry *same = held != NULL && held[v.signer].set ? &held[v.signer] : NULL;
    if (same != NULL && memcmp(same->digest, v.digest, 32) == 0 &&
        (same->set == VOTE_CHECKED || memcmp(same->signature, e.signature, 64) == 0))
        return HKP_E_DSM_DUPLICATE;
    if (same == NULL && need_not_check(n, s, p, &v)) {
        st = vote_enter(n, &v, e.signature, NULL, VOTE_UNCHECKED);
        return st != HKP_OK ? st : HKP_E_DSM_OLD;
    }
    st = hkp_dsm_envelope_verify(n->chain_id, &e, n->set.seats[v.signer].key);
    return st != HKP_OK ? st : vote_enter(n, &v, e.signature, envelope, VOTE_CHECKED);
}

hkp_status hkp_dsm__cert_take(node *n, const uint8_t *bytes, size_t len) {
    return hkp_dsm__cert_from(n, NULL, 0, bytes, len);
}

/* Who speaks of a later epoch holds the CERT_F that ended this one; votes tell it to members only. */
void hkp_dsm__behind(node *n, struct peer *p, uint64_t epoch) {
    if (p == NULL || epoch <= n->set.epoch) return;
    if (epoch > n->ahead) n->ahead = epoch;
    n->ahead_tries = AHEAD_TRIES;
    hkp_dsm__ask_certs(n, p, n->root.view + 1, n->view);
}

/* hkp_dsm__cert_check(), but signatures that came as votes are not checked a second time. */
static hkp_status cert_check(const node *n, const uint8_t *bytes, size_t len, struct hkp_dsm__cert *cert) {
    const uint8_t *known[HKP_DSM_MEMBERS_MAX] = {0};
    const struct slot *s = &n->slots[cert->view % SLOTS];
    const int k = column((uint32_t)cert->kind);
    const struct vote_entry *votes = s->view == cert->view && k >= 0 && k < 3 ? s->votes[k] : NULL;
    for (uint32_t i = 0; votes != NULL && i < n->set.n; i++)
        if (votes[i].set == VOTE_CHECKED && memcmp(votes[i].digest, cert->digest, 32) == 0)
            known[i] = votes[i].signature;
    return hkp_dsm__cert_check_but(n->chain_id, &n->set, bytes, len, known, cert);
}

hkp_status hkp_dsm__cert_from(node *n, struct peer *from, uint32_t hops, const uint8_t *bytes, size_t len) {
    struct hkp_dsm__cert cert;
    hkp_status st = hkp_dsm__cert_parse(bytes, len, &cert);
    if (st != HKP_OK) return st;
    hkp_dsm__join_hint(n, cert.epoch);
    if (cert.epoch != n->set.epoch) {
        hkp_dsm__behind(n, from, cert.epoch);
        return HKP_E_DSM_EPOCH;
    }
    if (from != NULL) shows(from, cert.view + 1);
    if (cert.view > n->view + VOTE_WINDOW) {
        /* Far ahead: proven first, then the views between are jumped over (R0). */
        st = cert_check(n, bytes, len, &cert);
        if (st != HKP_OK) return st;
        n->view = cert.view;
    }
    if (cert.view <= n->root.view) return HKP_E_DSM_OLD;
    struct slot *s = hkp_dsm__slot(n, cert.view);
    if (!cert_tells(n, s, &cert)) return s != NULL ? HKP_E_DSM_DUPLICATE : HKP_E_DSM_OLD;
    st = cert_check(n, bytes, len, &cert);
    if (st != HKP_OK) return st;
    blob *copy = hkp_dsm__bytes(n, bytes, len);
    if (copy == NULL) return HKP_E_LIMIT;
    cert_new(n, s, (uint32_t)cert.kind, cert.view, cert.digest, copy, hops < 255 ? hops + 1 : 255, from);
    return HKP_OK;
}

static blob *own_message(node *n, const uint8_t *envelope, size_t len) {
    return single(n, HKP_DSM__OP_MSG_VOTE, envelope, len);
}

/* A promise that is durable: sent to all members and counted here (R7). */
void hkp_dsm__vote_own(node *n, uint32_t kind, uint64_t view, const uint8_t digest[32]) {
    if (n->seat < 0) return;
    struct hkp_dsm__vote v = {.kind = kind, .signer = (uint32_t)n->seat, .epoch = n->set.epoch, .view = view};
    memcpy(v.digest, digest, 32);
    uint8_t envelope[HKP_DSM__VOTE_MAX], signature[64];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    if (hkp_dsm__vote_make(n->chain_id, &v, n->id, n->secret, envelope, sizeof envelope, &bytes.len) !=
        HKP_OK)
        return;
    struct hkp_dsm_envelope env;
    if (hkp_dsm_envelope_parse(envelope, bytes.len, 1U << kind, &env) != HKP_OK) return;
    memcpy(signature, env.signature, 64);
    struct slot *s = hkp_dsm__slot(n, view);
    if (s == NULL) return;
    if (s->own_msg[kind] == NULL) s->own_msg[kind] = own_message(n, envelope, bytes.len);
    if (s->own_msg[kind] != NULL) hkp_dsm__send_members(n, 0, s->own_msg[kind]);
    hkp_status st = vote_enter(n, &v, signature, NULL, VOTE_CHECKED);
    (void)st;
}

static void send_cert(node *n, struct peer *p, const blob *cert) {
    if (cert == NULL) return;
    blob *msg = single(n, HKP_DSM__OP_MSG_CERT, cert->ptr, cert->len);
    if (p != NULL)
        hkp_dsm__send_peer(n, p, 0, msg);
    else if (msg != NULL)
        hkp_dsm__send_members(n, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* p NULL: to all members. */
void hkp_dsm__newest_certs(node *n, struct peer *p) {
    send_cert(n, p, n->newest_n > 0 ? n->newest_cert : n->final_n);
    const struct slot *s = n->newest_0 > 0 ? hkp_dsm__slot(n, n->newest_0) : NULL;
    if (s != NULL) send_cert(n, p, s->cert[CERT_0]);
    send_cert(n, p, n->target_cert);
}
