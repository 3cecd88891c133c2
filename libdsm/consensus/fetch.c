/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Missing headers, bodies and certs (D-SMX-7, D-SMX-R8). Answers prove themselves: certs by their signatures,
 * headers by the digest that a cert or a descendant names, bodies by heads_root. A peer that was away asks
 * for one digest and gets its ancestors with it, down to the first view it asks for.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* An answer of several parts ends before 1 MiB but holds at least one part (D-GSP-21). */
enum { ANSWER_PAIRS = 400000, CERTS_VIEWS = 64 };

static void sync_req(node *n, struct peer *p, uint64_t epoch, uint64_t from, uint64_t to,
                     const uint8_t *digest) {
    if (p == NULL) p = hkp_dsm__some_peer(n, 0, 1);
    if (p == NULL) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_sync_req(&w, epoch, from, to, digest != NULL);
    if (digest != NULL) hkp_dsm_cbor_put_bytes(&w, digest, 32);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__sync_ask(node *n, struct peer *p, uint64_t epoch, uint64_t from, const uint8_t digest[32]) {
    sync_req(n, p, epoch, from, from, digest);
}

void hkp_dsm__ask_header(node *n, const uint8_t digest[32]) {
    struct asked *oldest = &n->asked[0];
    for (size_t i = 0; i < ASKED_MAX; i++) {
        struct asked *a = &n->asked[i];
        if (memcmp(a->digest, digest, 32) == 0) {
            if (n->now < a->again) return;
            oldest = a;
            break;
        }
        if (a->again < oldest->again) oldest = a;
    }
    memcpy(oldest->digest, digest, 32);
    oldest->again = n->now + 2 * n->delay;
    sync_req(n, NULL, n->set.epoch, n->root.view + 1, n->root.view + 1, digest);
}

void hkp_dsm__ask_certs(node *n, struct peer *p, uint64_t from, uint64_t to) {
    if (n->now < n->sync_again) return;
    n->sync_again = n->now + 2 * n->delay;
    if (from == 0) from = 1;
    if (to < from) to = from;
    if (to - from >= CERTS_VIEWS) to = from + CERTS_VIEWS - 1;
    sync_req(n, p, n->set.epoch, from, to, NULL);
}

/* ---- answers from memory ---- */

struct answer {
    struct hkp_dsm_cbor_writer certs, pairs;
    size_t n_certs, n_pairs;
};

static void answer_cert(struct answer *a, const blob *cert) {
    if (cert == NULL || a->certs.len + cert->len + 8 > a->certs.cap) return;
    hkp_dsm_cbor_put_bytes(&a->certs, cert->ptr, cert->len);
    a->n_certs++;
}

static int answer_pair(struct answer *a, const uint8_t *header, size_t header_len, const uint8_t *body,
                       size_t body_len) {
    if (a->n_pairs >= SYNC_HEADERS_MAX) return 0;
    if (a->n_pairs > 0 && a->pairs.len + header_len + body_len + 16 > ANSWER_PAIRS) return 0;
    struct hkp_dsm_view h = {header, header_len}, b = {body, body_len};
    hkp_dsm__put_pair(&a->pairs, &h, &b);
    a->n_pairs++;
    return 1;
}

/* Certs in one half of a large piece, pairs in the other: the number of each comes before them. */
static void answer_begin(node *n, struct answer *a) {
    *a = (struct answer){.certs = {.out = n->answer, .cap = ANSWER_CERTS},
                         .pairs = {.out = n->answer + ANSWER_CERTS, .cap = ANSWER_ROOM - ANSWER_CERTS}};
}

static void answer_end(node *n, struct peer *p, struct answer *a) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_sync_resp(&w, a->n_certs);
    hkp_dsm_cbor_put_raw(&w, a->certs.out, a->certs.len);
    hkp_dsm_cbor_put_array(&w, a->n_pairs);
    hkp_dsm_cbor_put_raw(&w, a->pairs.out, a->pairs.len);
    if (a->n_certs + a->n_pairs == 0 || p == NULL) return;
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 0, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Of views further ahead nothing is held, and the last number of all has none behind it. The last view of
 * which CERT_0 is on disk only, 0: none. */
static uint64_t answer_certs(node *n, struct answer *a, uint64_t from, uint64_t to) {
    uint64_t stored = 0;
    if (to > n->view + VOTE_WINDOW) to = n->view + VOTE_WINDOW;
    if (from > to) return 0;
    if (to - from >= CERTS_VIEWS) to = from + CERTS_VIEWS - 1;
    for (uint64_t v = from; v <= to; v++) {
        const struct slot *s = &n->slots[v % SLOTS];
        for (int c = 0; s->view == v && c < 3; c++) answer_cert(a, s->cert[c]);
        if (s->view != v && hkp_dsm__null_known(n, v)) stored = v;
    }
    if (n->target_view >= from) answer_cert(a, n->target_cert);
    if (n->newest_n > to) answer_cert(a, n->newest_cert);
    return stored;
}

static void answer_headers(node *n, struct answer *a, const uint8_t digest[32], uint64_t from) {
    struct prop *p = hkp_dsm__prop(n, digest);
    while (p != NULL && answer_pair(a, p->header->ptr, p->header->len, p->body->ptr, p->body->len)) {
        if (from == 0 || p->h.parent_view < from) return;
        struct prop *parent = hkp_dsm__prop(n, p->h.parent);
        p = parent != NULL && parent->h.view == p->h.parent_view ? parent : NULL;
    }
}

static void read_for(struct read *r, const struct peer *p, uint64_t epoch, uint64_t from) {
    if (r == NULL) return;
    memcpy(r->peer, p->node_id, 16);
    r->a = epoch;
    r->b = from;
}

/* Certs of views that are older than the slots hold. */
static void scan_certs(node *n, const struct peer *p, uint64_t from, uint64_t to) {
    uint8_t first[17] = {0}, last[17];
    if (hkp_dsm__fuller(n, FILL_ANSWERS)) return;
    hkp_dsm__key_epoch_view(first, n->set.epoch, from);
    hkp_dsm__key_epoch_view(last, n->set.epoch, to);
    last[16] = 0xFF;
    struct read *r =
        hkp_dsm__scan(n, READ_CERTS, HKP_DSM_ROW_CERT, first, last, sizeof last, 3 * CERTS_VIEWS);
    if (r == NULL) return;
    read_for(r, p, n->set.epoch, from);
    r->out = hkp_dsm__room(n, ITEMS_BYTES_MAX);
    r->out_len = 0;
}

hkp_status hkp_dsm__on_sync_req(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__may_ask(n, p)) return HKP_E_DSM_RATE;
    struct answer a;
    answer_begin(n, &a);
    uint8_t key[8];
    if (m->epoch == n->set.epoch && m->from > 0) {
        const uint64_t stored = answer_certs(n, &a, m->from, m->to);
        if (stored > 0) scan_certs(n, p, m->from, stored);
    }
    for (size_t i = 0; i < m->list2.n; i++) {
        const uint8_t *digest = hkp_dsm__next_fixed(&m->list2, 32);
        size_t before = a.n_pairs;
        answer_headers(n, &a, digest, m->from);
        if (a.n_pairs == before) /* final and forgotten: in the store */
            read_for(hkp_dsm__get(n, READ_DIGEST, HKP_DSM_ROW_DIGEST, digest, 32), p, m->epoch, m->from);
    }
    if (m->epoch < n->set.epoch && m->list2.n == 0) {
        hkp_put_be64(key, m->epoch);
        read_for(hkp_dsm__get(n, READ_LINK, HKP_DSM_ROW_LINK, key, sizeof key), p, m->epoch, m->from);
    }
    answer_end(n, p, &a);
    return HKP_OK;
}

/* ---- answers from the store ---- */

/* Headers of a run of heights into r->out, each behind its length; their bodies come by a second scan. */
static void scan_headers(node *n, const struct read *was, uint64_t height) {
    uint8_t from[8], to[8];
    hkp_put_be64(from, was->b == 0 ? height : height > SYNC_HEADERS_MAX ? height - SYNC_HEADERS_MAX + 1 : 1);
    hkp_put_be64(to, height);
    struct read *r = hkp_dsm__scan(n, READ_HEADERS, HKP_DSM_ROW_HEADER, from, to, 8, SYNC_HEADERS_MAX);
    if (r == NULL) return;
    memcpy(r->peer, was->peer, 16);
    r->a = was->a;
    r->b = was->b;
    r->out = hkp_dsm__room(n, SYNC_HEADERS_MAX * (HKP_DSM__HEADER_MAX + 4));
    r->out_len = 0;
}

static void header_row(node *n, struct read *r, const uint8_t *key, const uint8_t *data, size_t len) {
    struct hkp_dsm__header h;
    if (r->out == NULL || len > HKP_DSM__HEADER_MAX ||
        hkp_dsm__header_parse(n->chain_id, data, len, &h) != HKP_OK || h.epoch != r->a || h.view < r->b)
        return;
    if (r->count++ == 0) r->proof = (uint32_t)hkp_be64(key);
    hkp_put_be32(r->out->ptr + r->out_len, (uint32_t)len);
    memcpy(r->out->ptr + r->out_len + 4, data, len);
    r->out_len += len + 4;
}

static void scan_bodies(node *n, struct read *was) {
    if (was->out == NULL || was->count == 0) {
        hkp_dsm__blob_drop(&n->pool, was->out);
        return;
    }
    uint8_t from[8], to[8];
    hkp_put_be64(from, was->proof);
    hkp_put_be64(to, was->proof + was->count - 1);
    struct read *r = hkp_dsm__scan(n, READ_BODIES, HKP_DSM_ROW_BODY, from, to, 8, was->count);
    if (r == NULL) {
        hkp_dsm__blob_drop(&n->pool, was->out);
        return;
    }
    memcpy(r->peer, was->peer, 16);
    r->out = was->out;
    r->b = was->proof;
}

/* One message for each body: the asker puts them together in any order. A body may be missing, pruned or
 * lost: its header goes with none. */
static void body_row(node *n, struct read *r, uint64_t height, const uint8_t *data, size_t len) {
    const uint8_t *header = r->out->ptr;
    size_t header_len = hkp_be32(header);
    if (height < r->b) return;
    for (uint64_t h = r->b; h < height; h++, header_len = hkp_be32(header)) header += header_len + 4;
    header += 4;
    struct answer a;
    answer_begin(n, &a);
    answer_pair(&a, header, header_len, data, len);
    answer_end(n, hkp_dsm__peer(n, r->peer), &a);
}

/* CERT_F that ended an epoch, with the empty headers that only it knows. */
static void link_row(node *n, struct read *r, const uint8_t *data, size_t len) {
    static const uint8_t empty_body[3] = {0x82, 0x80, 0x80};
    struct hkp_dsm_cbor_reader at;
    if (hkp_dsm_cbor_read(&at, data, len) != HKP_OK) return;
    struct answer a;
    answer_begin(n, &a);
    hkp_dsm_cbor_array(&at, 3, 3);
    size_t headers = hkp_dsm_cbor_array(&at, 1, 65);
    for (size_t i = 0; i < headers; i++) {
        size_t header_len = 0;
        const uint8_t *header = hkp_dsm_cbor_bytes(&at, 1, HKP_DSM__HEADER_MAX, &header_len);
        if (i > 0 && header != NULL) answer_pair(&a, header, header_len, empty_body, sizeof empty_body);
    }
    size_t cert_len = 0;
    const uint8_t *cert = hkp_dsm_cbor_bytes(&at, 1, HKP_DSM__CERT_MAX, &cert_len);
    if (cert != NULL) {
        hkp_dsm_cbor_put_bytes(&a.certs, cert, cert_len);
        a.n_certs++;
    }
    answer_end(n, hkp_dsm__peer(n, r->peer), &a);
}

/* As many as have room: who asked asks on. */
static void cert_stored(struct read *r, const uint8_t *data, size_t len) {
    if (r->out == NULL) return;
    struct hkp_dsm_cbor_writer w = {.out = r->out->ptr, .cap = r->out->len, .len = r->out_len};
    hkp_dsm_cbor_put_bytes(&w, data, len);
    if (w.status != HKP_OK) return;
    r->out_len = w.len;
    r->count++;
}

static void certs_end(node *n, struct read *r) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    struct peer *p = hkp_dsm__peer(n, r->peer);
    if (r->out != NULL && r->count > 0 && p != NULL) {
        hkp_dsm__put_sync_resp(&w, r->count);
        hkp_dsm_cbor_put_raw(&w, r->out->ptr, r->out_len);
        hkp_dsm_cbor_put_array(&w, 0);
        blob *msg = hkp_dsm__msg(n, &w);
        hkp_dsm__send_peer(n, p, 0, msg);
        hkp_dsm__blob_drop(&n->pool, msg);
    }
    hkp_dsm__blob_drop(&n->pool, r->out);
}

void hkp_dsm__fetch_row(node *n, struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                        size_t len) {
    switch (r->what) {
    case READ_DIGEST:
        if (len == 8 || len == 40) r->count = (uint32_t)hkp_be64(data);
        break;
    case READ_HEADERS:
        if (key_len == 8) header_row(n, r, key, data, len);
        break;
    case READ_BODIES:
        if (key_len == 8) body_row(n, r, hkp_be64(key), data, len);
        break;
    case READ_CERTS:
        cert_stored(r, data, len);
        break;
    default:
        link_row(n, r, data, len);
        break;
    }
}

void hkp_dsm__fetch_end(node *n, struct read *r) {
    if (r->what == READ_DIGEST && r->count > 0) scan_headers(n, r, r->count);
    if (r->what == READ_HEADERS) scan_bodies(n, r);
    if (r->what == READ_BODIES) hkp_dsm__blob_drop(&n->pool, r->out);
    if (r->what == READ_CERTS) certs_end(n, r);
}

/* ---- the asker ---- */

void hkp_dsm__pair_take(node *n, const struct hkp_dsm_view *header, const struct hkp_dsm_view *body,
                        int ask) {
    struct hkp_dsm__header h;
    if (hkp_dsm__header_parse(n->chain_id, header->ptr, header->len, &h) != HKP_OK) return;
    if (n->n_lost > 0) hkp_dsm__heal_pair(n, &h, header, body);
    if (h.epoch != n->set.epoch || h.view <= n->root.view || hkp_dsm__prop(n, h.digest) != NULL ||
        !hkp_dsm__certified(n, &h)) /* not what a leader's word alone names: it may invent ancestors */
        return;
    struct prop *p = hkp_dsm__prop_add(n, &h, header, body, NULL), *parent = NULL;
    if (p != NULL && ask && hkp_dsm__parent(n, p, &parent) < 0) hkp_dsm__ask_header(n, h.parent);
}

hkp_status hkp_dsm__on_sync_resp(node *n, struct peer *p, struct hkp_dsm__message *m) {
    (void)p;
    hkp_status worst = HKP_OK;
    for (size_t i = 0; i < m->list.n && hkp_dsm__conduct_price(worst) == 0; i++) {
        struct hkp_dsm_view cert = hkp_dsm__next_bytes(&m->list);
        hkp_status st = hkp_dsm__cert_take(n, cert.ptr, cert.len);
        if (st == HKP_E_DSM_SIG || st == HKP_E_DSM_QUORUM) worst = st;
        if (st == HKP_OK) n->sync_again = n->now; /* and what follows is asked for at once */
    }
    /* Twice: ancestors may stand before or behind the header that names them. */
    for (int round = 0; round < 2; round++) {
        struct hkp_dsm__list list = m->list2;
        for (size_t i = 0; i < list.n; i++) {
            struct hkp_dsm_view header, body;
            hkp_dsm__next_pair(&list, &header, &body);
            hkp_dsm__pair_take(n, &header, &body, round == 1);
        }
    }
    return worst;
}
