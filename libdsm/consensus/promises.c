/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * After every start a member asks the others what it has promised (D-STO-9). Until q - 1 answered it promises
 * nothing; a promise of its own that its WAL lacks shows a restored copy, and it observes (D-STO-7). What it
 * is asked about is the epoch in which it is. If others are in a later one, that may be the one in which it
 * promised what its store lacks: their answers do not count, and it asks again when it is there, too.
 */
#include <string.h>

#include "libdsm/node/node.h"

static int answered(node *n) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->set.n; i++) count += n->promised[i];
    return count + 1 >= n->set.q;
}

static void settle(node *n) {
    if (!n->promises_open || !answered(n)) return;
    n->promises_open = 0;
    if (n->promise_view > n->watermark) {
        n->watermark = n->promise_view;
        hkp_dsm__wal(n, 0, n->set.epoch, n->watermark, NULL);
    }
}

void hkp_dsm__promises_ask(node *n, struct peer *p) {
    if (n->seat < 0) return; /* until it has a seat: its old self may have had it before */
    settle(n);               /* alone q - 1 is nobody */
    if (!n->promises_open) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_promises_req(&w, n->set.epoch);
    blob *msg = hkp_dsm__msg(n, &w);
    for (uint32_t i = 0; msg != NULL && i < n->peers_max; i++) {
        struct peer *q = &n->peers[i];
        if (q->up && q->seat >= 0 && (p == NULL || p == q) && !n->promised[q->seat])
            hkp_dsm__send_peer(n, q, 0, msg);
    }
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__promises_epoch(node *n) {
    if (n->ahead >= n->set.epoch) n->promises_open = 1; /* others were here before */
    if (n->promises_open) hkp_dsm__promises_ask(n, NULL);
}

hkp_status hkp_dsm__on_promises_req(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (p->seat < 0) return HKP_E_DSM_SIGNER;
    uint8_t envelopes[4][HKP_DSM__HEADER_MAX + HKP_DSM__ENVELOPE_OVERHEAD];
    size_t lens[4], count = 0;
    uint64_t low = n->view > VOTE_WINDOW ? n->view - VOTE_WINDOW : 1;
    int same = m->epoch == n->set.epoch;
    for (uint64_t v = n->view + VOTE_WINDOW; same && count == 0 && v >= low; v--) {
        const struct slot *s = &n->slots[v % SLOTS];
        if (s->view != v || !s->seen_proposal || n->perm[v % n->set.n] != (uint32_t)p->seat) continue;
        if (s->proposal == NULL || s->proposal->len > sizeof envelopes[0]) continue;
        lens[count] = s->proposal->len;
        memcpy(envelopes[count++], s->proposal->ptr, s->proposal->len);
    }
    for (uint32_t kind = HKP_DSM_KIND_NOTAR; same && kind <= HKP_DSM_KIND_FINAL; kind++)
        for (uint64_t v = n->view + VOTE_WINDOW; v >= low; v--)
            if (n->slots[v % SLOTS].view == v &&
                hkp_dsm__vote_envelope(n, kind, v, (uint32_t)p->seat, envelopes[count], sizeof envelopes[0],
                                       &lens[count]) == HKP_OK) {
                count++;
                break;
            }
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_promises(&w, m->epoch < n->set.epoch ? n->set.epoch : m->epoch, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, envelopes[i], lens[i]);
    const blob *certs[3] = {n->newest_n > 0 ? n->newest_cert : n->final_n,
                            n->newest_0 > 0 ? n->slots[n->newest_0 % SLOTS].cert[CERT_0] : NULL,
                            n->target_cert};
    size_t n_certs = 0;
    for (int i = 0; i < 3; i++) n_certs += certs[i] != NULL && same;
    hkp_dsm_cbor_put_array(&w, n_certs);
    for (int i = 0; i < 3; i++)
        if (certs[i] != NULL && same) hkp_dsm_cbor_put_bytes(&w, certs[i]->ptr, certs[i]->len);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
    return HKP_OK;
}

/* 1: our signature, above the watermark, and not in the WAL. */
static int forgotten(node *n, uint32_t kind, uint64_t view, const uint8_t digest[32]) {
    if (view <= n->watermark) return 0;
    const struct slot *s = &n->slots[view % SLOTS];
    if (s->view != view) return s->view < view; /* older than the slots: below the watermark to be written */
    switch (kind) {
    case HKP_DSM_KIND_PROPOSE:
        return !s->proposed || memcmp(s->propose_digest, digest, 32) != 0;
    case HKP_DSM_KIND_NOTAR:
        return !s->notar || memcmp(s->notar_digest, digest, 32) != 0;
    case HKP_DSM_KIND_NULL:
        return !s->null;
    default:
        return !s->final;
    }
}

static int envelope_forgotten(node *n, const struct hkp_dsm_view *bytes) {
    struct hkp_dsm_envelope env;
    if (hkp_dsm_envelope_parse(bytes->ptr, bytes->len, 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5, &env) != HKP_OK)
        return 0;
    if (memcmp(env.signer, n->id, 16) != 0 ||
        hkp_dsm_envelope_verify(n->chain_id, &env, n->set.seats[n->seat].key) != HKP_OK)
        return 0;
    if (env.kind == HKP_DSM_KIND_PROPOSE) {
        struct hkp_dsm__header h;
        if (hkp_dsm__header_parse(n->chain_id, env.body.ptr, env.body.len, &h) != HKP_OK) return 0;
        return h.epoch == n->set.epoch && forgotten(n, HKP_DSM_KIND_PROPOSE, h.view, h.digest);
    }
    struct hkp_dsm__vote v;
    if (hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v) != HKP_OK) return 0;
    return v.epoch == n->set.epoch && forgotten(n, v.kind, v.view, v.digest);
}

hkp_status hkp_dsm__on_promises(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (p->seat >= 0 && m->epoch > n->set.epoch) hkp_dsm__behind(n, p, m->epoch);
    if (p->seat < 0 || n->seat < 0 || m->epoch != n->set.epoch || !n->promises_open ||
        hkp_dsm__resync_holds(n))
        return HKP_E_DSM_DUPLICATE;
    int lost = 0;
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm_view envelope = hkp_dsm__next_bytes(&m->list);
        lost |= envelope_forgotten(n, &envelope);
    }
    for (size_t i = 0; i < m->list2.n; i++) {
        struct hkp_dsm_view bytes = hkp_dsm__next_bytes(&m->list2);
        struct hkp_dsm__cert cert;
        if (hkp_dsm__cert_check(n->chain_id, &n->set, bytes.ptr, bytes.len, &cert) != HKP_OK) continue;
        if (hkp_dsm__cert_signed(&cert, (uint32_t)n->seat))
            lost |= forgotten(n, (uint32_t)cert.kind, cert.view, cert.digest);
        if (cert.view > n->promise_view) n->promise_view = cert.view;
        hkp_status st = hkp_dsm__cert_take(n, bytes.ptr, bytes.len);
        (void)st;
    }
    if (lost && !n->silent) {
        n->silent = 1;
        n->watermark = UINT64_MAX; /* and after every start in this epoch */
        hkp_dsm__wal(n, 0, n->set.epoch, n->watermark, NULL);
        hkp_dsm__fact(n, HKP_DSM_EV_OBSERVER)->e.epoch = n->set.epoch;
    }
    n->promised[p->seat] = 1;
    settle(n);
    return HKP_OK;
}
