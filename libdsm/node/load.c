/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * At start (D-STO-3): META, certificates, the snapshot of heads at the epoch's genesis, headers and bodies
 * above it with their roots recomputed, then proposals, certs, the WAL, evidence, and each author's blocks.
 * One SCAN after another; whatever does not fit ends the node with row and key of what is wrong. A row that
 * is not there is another matter: the node begins below the hole, like one that was away, and heal.c fetches
 * what lies below that again (D-STO-10).
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum {
    LOAD_META,
    LOAD_CERTIFICATES,
    LOAD_HEADS,
    LOAD_FINAL,
    LOAD_HEADERS,
    LOAD_BODIES,
    LOAD_CERTS,
    LOAD_PROPOSALS,
    LOAD_WAL,
    LOAD_EVIDENCE,
    LOAD_LOST,
    LOAD_BLOCKS,
    SNAPSHOT_HEAD_BYTES = 57
};

static const uint8_t lowest[KEY_MAX];
static const uint8_t highest[KEY_MAX] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                         255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                         255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                         255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

/* ---- rows ---- */

/* Written before the row of the epoch into which the node jumped: where that is lost it still differs. */
static void joined_row(node *n, const uint8_t *data, size_t len) {
    if (len != 9 || data[8] > BLIND_AGAIN) return;
    const uint64_t epoch = hkp_be64(data);
    if (epoch == n->set.epoch)
        n->join_blind = data[8];
    else if (epoch > n->set.epoch && data[8] == BLIND_AGAIN)
        n->join_blind = BLIND_DIFFERS;
}

static hkp_status meta_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len == 5 && memcmp(key, "chain", 5) == 0) {
        n->load.fresh = 0;
        return len == 32 && memcmp(data, n->chain_id, 32) == 0 ? HKP_OK : HKP_E_DSM_SCHEMA;
    }
    if (key_len == 5 && memcmp(key, "adopt", 5) == 0) { /* imported: it is of the host that starts it first */
        n->load.adopt = 1;
        return HKP_OK;
    }
    if (hkp_dsm__resync_meta(n, key, key_len, len)) return HKP_OK;
    n->load.host_seen |= key_len == 4 && memcmp(key, "host", 4) == 0;
    if (key_len == 4 && memcmp(key, "host", 4) == 0) /* D-BLK-7 */
        return len == 48 && memcmp(data, n->host, 32) == 0 && memcmp(data + 32, n->id, 16) == 0
                   ? HKP_OK
                   : HKP_E_DSM_HOST;
    if (key_len == 5 && memcmp(key, "epoch", 5) == 0) {
        if (len < 48 || len - 48 > HKP_DSM_VALSET_MAX) return HKP_E_DSM_SCHEMA;
        struct hkp_dsm__valset set;
        hkp_status st = hkp_dsm__valset_parse(data + 48, len - 48, &set);
        if (st == HKP_OK)
            hkp_dsm__epoch_begin(n, data + 48, len - 48, data + 16, hkp_be64(data), hkp_be64(data + 8));
        return st;
    }
    if (key_len == 6 && memcmp(key, "joined", 6) == 0) { /* behind "epoch" */
        joined_row(n, data, len);
        return HKP_OK;
    }
    if (key_len == 7 && memcmp(key, "version", 7) == 0 && len == 1) {
        hkp_dsm__version_begins(n, data[0]);
        return HKP_OK;
    }
    int list = hkp_dsm__lists_row(n, key, key_len, data, len);
    if (list != 0) return list > 0 ? HKP_OK : HKP_E_DSM_SCHEMA;
    const int said = hkp_dsm__testimony_meta(n, key, key_len, data, len);
    if (said != 0) return said > 0 ? HKP_OK : HKP_E_DSM_SCHEMA;
    if (hkp_dsm__restart_meta(n, key, key_len, data, len)) return HKP_OK;
    if (hkp_dsm__near_meta(n, key, key_len, data, len)) return HKP_OK;
    if (key_len > 0 && key[0] == 'm') return hkp_dsm__pending_row(n, key, key_len, data, len);
    return hkp_dsm__prune_meta(n, key, key_len, data, len) < 0 ? HKP_E_DSM_SCHEMA : HKP_OK;
}

/* Above the snapshot there may be a newer one whose META row was not durable yet: not ours. */
static hkp_status heads_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != 12 || len == 0 || len % SNAPSHOT_HEAD_BYTES != 0) return HKP_E_DSM_SCHEMA;
    if (hkp_be64(key) != n->root.height) return HKP_OK;
    for (size_t at = 0; at < len; at += SNAPSHOT_HEAD_BYTES) {
        struct hkp_dsm__head h = {.seq = hkp_be64(data + at + 16), .status = data[at + 56]};
        memcpy(h.node_id, data + at, 16);
        memcpy(h.id, data + at + 24, 32);
        struct author *a = hkp_dsm__author_make(n, h.node_id);
        if (a == NULL) return HKP_E_LIMIT;
        hkp_status st = hkp_dsm__heads_apply(n->heads, &h, 1, NULL);
        if (st != HKP_OK) return st;
        a->final.seq = a->tip.seq = h.seq;
        a->frozen = h.status != 0;
        memcpy(a->final.id, h.id, 32);
        memcpy(a->tip.id, h.id, 32);
    }
    return HKP_OK;
}

static hkp_status final_row(node *n, const uint8_t *key, const uint8_t *data, size_t len) {
    n->load.final_height = hkp_be64(key);
    hkp_dsm__blob_drop(&n->pool, n->load.cert);
    n->load.cert = hkp_dsm__bytes(n, data, len);
    return n->load.cert != NULL ? HKP_OK : HKP_E_LIMIT;
}

/* The chain from the epoch's genesis on, up to a hole: each header names the one before. */
static hkp_status header_row(node *n, const uint8_t *key, const uint8_t *data, size_t len) {
    struct load *l = &n->load;
    struct hkp_dsm__header h;
    hkp_status st = hkp_dsm__header_parse(n->chain_id, data, len, &h);
    if (st != HKP_OK) return st;
    if (h.height == n->root.height) {
        l->snapshot_seen = 1;
        return memcmp(h.digest, n->root.digest, 32) == 0 &&
                       memcmp(h.heads_root, hkp_dsm__heads_root(n->heads), 32) == 0
                   ? HKP_OK
                   : HKP_E_DSM_PROOF;
    }
    if (l->n_headers > EPOCH_HEIGHTS || h.height != hkp_be64(key)) return HKP_E_DSM_SCHEMA;
    if (h.height != n->root.height + 1 + l->n_headers) return HKP_OK; /* above a hole */
    if (h.epoch != n->set.epoch) return HKP_E_DSM_SCHEMA;
    const uint8_t *parent = l->n_headers > 0 ? l->headers[l->n_headers - 1].digest : n->root.digest;
    if (memcmp(h.parent, parent, 32) != 0) return HKP_E_DSM_PROOF;
    l->headers[l->n_headers++] = h;
    return HKP_OK;
}

static hkp_status body_row(node *n, const uint8_t *key, const uint8_t *data, size_t len) {
    struct load *l = &n->load;
    if (hkp_be64(key) != n->root.height + 1 + l->n_bodies) return HKP_OK; /* above a hole */
    if (l->n_bodies >= l->n_headers) return HKP_E_DSM_SCHEMA;
    struct prop p = {.h = l->headers[l->n_bodies++]};
    p.boundary = !hkp_is_zero(p.h.next_valset, 32);
    hkp_status st = hkp_dsm__body_parse(data, len, &p.parsed);
    if (st == HKP_OK) st = hkp_dsm__prop_apply(n, &p);
    if (st != HKP_OK) return st;
    hkp_dsm__pool_give(&n->pool, p.undo);
    n->cursor = NULL;
    hkp_dsm__pending_add(n, n->pending, &p);
    struct hkp_dsm_cbor_reader at = p.parsed.heads;
    for (size_t i = 0; i < p.parsed.n_heads; i++) {
        struct hkp_dsm__head h;
        hkp_dsm__body_head(&at, &h);
        struct author *a = hkp_dsm__author_make(n, h.node_id);
        if (a == NULL) return HKP_E_LIMIT;
        a->final.seq = a->tip.seq = h.seq;
        memcpy(a->final.id, h.id, 32);
        memcpy(a->tip.id, h.id, 32);
    }
    return HKP_OK;
}

static hkp_status proposal_row(node *n, const uint8_t *data, size_t len) {
    struct hkp_dsm_cbor_reader r;
    if (hkp_dsm_cbor_read(&r, data, len) != HKP_OK) return r.status;
    struct hkp_dsm_view envelope = {0}, header, body;
    hkp_dsm_cbor_array(&r, 3, 3);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES)
        envelope.ptr = hkp_dsm_cbor_bytes(&r, 1, 2048, &envelope.len);
    else
        hkp_dsm_cbor_simple(&r);
    header.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__HEADER_MAX, &header.len);
    body.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__CHECKPOINT_BODY_MAX, &body.len);
    struct hkp_dsm__header h;
    hkp_status st = r.status;
    if (st == HKP_OK) st = hkp_dsm__header_parse(n->chain_id, header.ptr, header.len, &h);
    if (st != HKP_OK || h.view <= n->root.view || h.epoch != n->set.epoch) return st;
    if (h.view > n->view) n->view = h.view;
    struct prop *p = hkp_dsm__prop_add(n, &h, &header, &body, envelope.ptr != NULL ? &envelope : NULL);
    if (p == NULL) return HKP_OK; /* more than are kept: asked for when needed */
    p->put_ticket = 1;
    /* Whether an own one was promised the WAL alone says: its row is durable before (decision 0646). */
    const int others = envelope.ptr != NULL && h.proposer != (uint64_t)n->seat;
    struct slot *s = others ? hkp_dsm__slot(n, h.view) : NULL;
    if (s != NULL && !s->seen_proposal) hkp_dsm__slot_proposal(n, s, p);
    return HKP_OK;
}

static hkp_status cert_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != 17) return HKP_E_DSM_SCHEMA;
    if (hkp_be64(key + 8) == n->root.view && key[16] == HKP_DSM_KIND_NOTAR) {
        hkp_dsm__blob_drop(&n->pool, n->final_n);
        n->final_n = hkp_dsm__bytes(n, data, len);
        return HKP_OK;
    }
    hkp_status st = hkp_dsm__cert_take(n, data, len);
    return st == HKP_E_DSM_OLD || st == HKP_E_DSM_DUPLICATE ? HKP_OK : st;
}

hkp_status hkp_dsm__wal_obey(node *n, const uint8_t *data, size_t len) {
    struct hkp_dsm__wal_record r;
    if (len != HKP_DSM__WAL_RECORD || !hkp_dsm__wal_decode(data, &r)) return HKP_E_DSM_WAL_CORRUPT;
    n->load.rows++;
    if (r.epoch < n->set.epoch) return HKP_OK;
    if (r.epoch > n->set.epoch) /* rows are durable before the WAL */
        return hkp_dsm__resync_wal(n, r.epoch) ? HKP_OK : HKP_E_DSM_WAL_CORRUPT;
    if (r.kind == 0) {
        if (r.view > n->watermark) n->watermark = r.view;
        return HKP_OK;
    }
    if (r.view <= n->watermark) return HKP_OK; /* also of final views: D-STO-9 compares with them */
    if (r.view > n->view) n->view = r.view;
    struct slot *s = hkp_dsm__slot(n, r.view);
    if (s == NULL) return HKP_OK;
    const struct prop *p = r.kind == HKP_DSM_KIND_PROPOSE ? hkp_dsm__prop(n, r.digest) : NULL;
    switch (r.kind) {
    case HKP_DSM_KIND_PROPOSE:
        s->proposed = 1;
        memcpy(s->propose_digest, r.digest, 32);
        if (p != NULL && p->envelope != NULL) hkp_dsm__slot_proposal(n, s, p);
        break;
    case HKP_DSM_KIND_NOTAR:
        s->notar = 1;
        memcpy(s->notar_digest, r.digest, 32);
        break;
    case HKP_DSM_KIND_NULL:
        s->null = 1;
        break;
    case HKP_DSM_KIND_FINAL:
        s->final = 1;
        memcpy(s->cert_digest, r.digest, 32);
        break;
    default:
        return HKP_E_DSM_WAL_CORRUPT;
    }
    return HKP_OK;
}

static hkp_status evidence_row(node *n, const uint8_t *data, size_t len) {
    if (len < 9) return HKP_E_DSM_SCHEMA;
    struct hkp_dsm_view op = {.ptr = data + 8, .len = len - 8};
    struct hkp_dsm__keys keys = hkp_dsm__keys_of(n);
    struct hkp_dsm__evidence e;
    hkp_status st = hkp_dsm__evidence_check(op.ptr, op.len, n->chain_id, &keys, &e);
    if (st == HKP_E_DSM_SIGNER || st == HKP_E_DSM_EPOCH || st == HKP_E_DSM_CA_VERSION)
        return HKP_OK; /* of a set that is gone */
    if (st == HKP_OK) st = hkp_dsm__suspect_add(n, &op, &e, hkp_be64(data));
    return st == HKP_E_DSM_DUPLICATE || st == HKP_E_LIMIT ? HKP_OK : st;
}

hkp_status hkp_dsm__stored_item(const uint8_t *data, size_t len, struct hkp_dsm__item *item) {
    struct hkp_dsm_cbor_reader r;
    if (hkp_dsm_cbor_read(&r, data, len) != HKP_OK) return r.status;
    struct hkp_dsm_view object = {0}, payload = {0};
    hkp_dsm_cbor_array(&r, 3, 3);
    hkp_dsm_cbor_uint(&r, 0, 0);
    object.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__BLOCK_MAX, &object.len);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES)
        payload.ptr = hkp_dsm_cbor_bytes(&r, HKP_DSM_PAYLOAD_MIN, HKP_DSM_PAYLOAD_MAX, &payload.len);
    if (r.status != HKP_OK) return r.status;
    return hkp_dsm__item_read(HKP_DSM__FORM_ENVELOPE, &object, payload.ptr != NULL ? &payload : NULL, item);
}

static hkp_status certificate_row(node *n, const uint8_t *data, size_t len) {
    const hkp_status st = hkp_dsm__certificate_take(n, data, len, CERT_STORED);
    return st == HKP_E_DSM_DUPLICATE ? HKP_OK : st;
}

/* More stored than memory holds is no damage: the chain of the author ends here, what follows comes like what
 * a node lacks. But the own one, behind which it signs on (D-BLK-7): after a start without place own_rows()
 * of resync.c reads that again (decision 0647). */
static hkp_status block_row(node *n, size_t key_len, const uint8_t *data, size_t len) {
    struct hkp_dsm__item item;
    if (n->load.full) return HKP_OK;
    hkp_status st = hkp_dsm__stored_item(data, len, &item);
    if (st == HKP_OK) st = hkp_dsm__block_load(n, &item, key_len > 24);
    if (st != HKP_E_LIMIT || (&n->authors[n->load.author] == n->self && !n->resync.on)) return st;
    n->load.full = 1;
    return HKP_OK;
}

hkp_status hkp_dsm__load_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    int by_height = n->load.step >= LOAD_FINAL && n->load.step <= LOAD_BODIES;
    if (by_height && key_len != 8) return HKP_E_DSM_SCHEMA;
    switch (n->load.step) {
    case LOAD_META:
        return meta_row(n, key, key_len, data, len);
    case LOAD_CERTIFICATES:
        return certificate_row(n, data, len);
    case LOAD_HEADS:
        return heads_row(n, key, key_len, data, len);
    case LOAD_FINAL:
        return final_row(n, key, data, len);
    case LOAD_HEADERS:
        return header_row(n, key, data, len);
    case LOAD_BODIES:
        return body_row(n, key, data, len);
    case LOAD_PROPOSALS:
        return proposal_row(n, data, len);
    case LOAD_CERTS:
        return cert_row(n, key, key_len, data, len);
    case LOAD_WAL:
        return hkp_dsm__wal_obey(n, data, len);
    case LOAD_EVIDENCE:
        return evidence_row(n, data, len);
    case LOAD_LOST:
        if (key_len > 1) hkp_dsm__lost_add(n, key[0], key + 1, key_len - 1, 1);
        return HKP_OK;
    default:
        return block_row(n, key_len, data, len);
    }
}

/* ---- steps ---- */

static void scan(node *n, uint32_t row, const uint8_t *from, const uint8_t *to, size_t len) {
    hkp_dsm__scan(n, READ_LOAD, row, from, to, len, UINT32_MAX);
}

static void scan_heights(node *n, uint32_t row, uint64_t from, uint64_t to) {
    uint8_t a[8], b[8];
    hkp_put_be64(a, from);
    hkp_put_be64(b, to);
    scan(n, row, a, b, 8);
}

static void scan_views(node *n, uint32_t row, uint64_t from) {
    uint8_t a[KEY_MAX] = {0}, b[KEY_MAX];
    hkp_dsm__key_epoch_view(a, n->set.epoch, from);
    memcpy(b, highest, sizeof b);
    hkp_put_be64(b, n->set.epoch);
    scan(n, row, a, b, sizeof b);
}

/* Its blocks are final below a head that is gone, and nothing follows them (D-CKP-4). */
static int is_retired(const node *n, const struct author *a) {
    return a->revoked == HKP_DSM_SERIAL_BARRED && hkp_dsm__heads_find(n->heads, a->node_id) < 0;
}

/* Nothing follows a head that is frozen (D-BLK-12): what stands above it is of no use any more. */
static void scan_author(node *n) {
    const struct author *a = &n->authors[n->load.author];
    uint8_t from[24], to[KEY_MAX];
    n->load.full = 0;
    hkp_dsm__key_block(from, a->node_id, a->final.seq);
    memcpy(to, highest, sizeof to);
    memcpy(to, a->node_id, 16);
    if (a->frozen) {
        hkp_dsm__drop_above(n, a, a->final.seq);
        memcpy(to, from, sizeof from);
    }
    struct read *r = hkp_dsm__scan(n, READ_LOAD, HKP_DSM_ROW_BLOCK, from, to, 24, UINT32_MAX);
    (void)r;
}

/* Headers, bodies and CERT_F agree, or the store is damaged. Where bodies end early the root stands there,
 * and the CERT_F is one that is still to be followed. */
static int replayed(node *n) {
    struct load *l = &n->load;
    uint8_t key[8];
    hkp_put_be64(key, l->final_height);
    if (l->final_height <= n->root.height || l->cert == NULL) return 1;
    struct hkp_dsm__cert cert;
    hkp_status st = hkp_dsm__cert_check(n->chain_id, &n->set, l->cert->ptr, l->cert->len, &cert);
    if (l->n_headers != l->final_height - n->root.height)
        st = HKP_E_NOTFOUND;
    else if (st == HKP_OK && (cert.kind != HKP_DSM_KIND_FINAL ||
                              memcmp(cert.digest, l->headers[l->n_headers - 1].digest, 32) != 0))
        st = HKP_E_DSM_PROOF;
    if (st != HKP_OK) {
        hkp_dsm__die(n, st, HKP_DSM_ROW_FINAL, key, sizeof key);
        return 0;
    }
    const struct hkp_dsm__header *h = &l->headers[l->n_headers - 1];
    n->target_view = h->view;
    memcpy(n->target, h->digest, 32);
    n->target_cert = l->cert;
    l->cert = NULL;
    n->view = h->view + 1;
    l->n_headers = l->n_bodies;
    if (l->n_bodies == 0) return 1;
    h = &l->headers[l->n_bodies - 1];
    memcpy(n->root.digest, h->digest, 32);
    n->root.height = h->height;
    n->root.view = h->view;
    n->root.time_ms = h->time_ms;
    n->root.ends = !hkp_is_zero(h->next_valset, 32);
    return 1;
}

/* The newest CERT_F below a hole in the headers counts; 1: it is being looked for. */
static int hole_in_headers(node *n) {
    struct load *l = &n->load;
    if (l->n_headers >= l->final_height - n->root.height) return 0;
    uint64_t below = n->root.height + l->n_headers;
    l->final_height = n->root.height;
    hkp_dsm__blob_drop(&n->pool, l->cert);
    l->cert = NULL;
    l->cut = 1;
    l->step = LOAD_FINAL;
    scan_heights(n, HKP_DSM_ROW_FINAL, n->root.height + 1, below);
    return 1;
}

/* A later epoch than the first begins with a snapshot, whose root its boundary names (D-STO-3). If that is
 * lost, the roots of the headers above show that the snapshot is right, or it itself when it comes back. */
static void snapshot_seen(node *n) {
    struct load *l = &n->load;
    if (n->epoch_first == 1 || l->snapshot_seen || l->n_bodies > 0) return;
    uint8_t key[8];
    hkp_put_be64(key, n->root.height);
    memcpy(n->boundary_heads, hkp_dsm__heads_root(n->heads), 32);
    n->boundary_unseen = 1;
    hkp_dsm__lost_add(n, HKP_DSM_ROW_HEADER, key, sizeof key, 0);
}

/* What evidence in this epoch's bodies froze; the snapshot says the rest. */
static void freeze(node *n) {
    for (size_t i = 0; i < hkp_dsm__heads_count(n->heads); i++) {
        const struct hkp_dsm__head *h = hkp_dsm__heads_at(n->heads, i);
        struct author *a = hkp_dsm__author(n, h->node_id);
        if (a != NULL && h->status != 0) a->frozen = 1;
    }
}

static void block_missing(node *n) {
    struct author *a = &n->authors[n->load.author];
    if (a->final.seq == 0 || a->final.time_us != 0) return; /* it was here, if memory did not need its room */
    uint8_t key[24];
    a->headless = 1;
    hkp_dsm__lost_add(n, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, a->node_id, a->final.seq), 0);
}

static void put_host(node *n) {
    uint8_t host[48];
    memcpy(host, n->host, 32);
    memcpy(host + 32, n->id, 16);
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"host", 4, host, sizeof host);
}

static void fresh(node *n) {
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"chain", 5, n->chain_id, 32);
    put_host(n);
}

/* 1: the store names its host, or is to be adopted by this one. */
static int host_known(node *n) {
    if (n->load.fresh || n->load.host_seen) return 1;
    if (!n->load.adopt) {
        hkp_dsm__die(n, HKP_E_NOTFOUND, HKP_DSM_ROW_META, (const uint8_t *)"host", 4);
        return 0;
    }
    put_host(n);
    hkp_dsm__drop_one(n, HKP_DSM_ROW_META, (const uint8_t *)"adopt", 5);
    return 1;
}

void hkp_dsm__promises_repeat(node *n) {
    for (uint64_t v = n->view > VOTE_WINDOW ? n->view - VOTE_WINDOW + 1 : 1; n->seat >= 0 && v <= n->view;
         v++) {
        struct slot *s = &n->slots[v % SLOTS];
        if (s->view != v) continue;
        uint8_t zero[32] = {0};
        if (s->notar) hkp_dsm__vote_own(n, HKP_DSM_KIND_NOTAR, v, s->notar_digest);
        if (s->null) hkp_dsm__vote_own(n, HKP_DSM_KIND_NULL, v, zero);
        if (s->final) hkp_dsm__vote_own(n, HKP_DSM_KIND_FINAL, v, s->cert_digest);
        if (s->proposed) hkp_dsm__repropose(n, s);
    }
}

/* A final boundary whose new epoch was not durable begins it again. */
static void finish(node *n) {
    hkp_dsm__blob_drop(&n->pool, n->load.cert);
    n->load.cert = NULL;
    hkp_dsm__blob_drop(&n->pool, n->load.genesis);
    n->load.genesis = NULL;
    n->state = HKP_DSM_STATE_RUNNING;
    n->resync.since_ms = hkp_dsm__wall_us(n) / 1000;
    if (n->load.fresh) fresh(n);
    uint8_t key[24];
    for (uint32_t i = 0; i < n->self->n_certs; i++)
        hkp_dsm__put(n, HKP_DSM_ROW_CERTIFICATE, key,
                     hkp_dsm__key_block(key, n->id, n->self->certs[i].serial), n->self->cert_bytes[i]->ptr,
                     n->self->cert_bytes[i]->len);
    if (n->load.n_headers > 0 && !hkp_is_zero(n->load.headers[n->load.n_headers - 1].next_valset, 32)) {
        hkp_dsm__epoch_again(n, &n->load.headers[n->load.n_headers - 1]);
    } else {
        uint64_t view = n->view;
        if (view <= n->root.view) view = n->root.view + 1;
        hkp_dsm__enter(n, view);
    }
    n->root.at = n->now;
    n->first_view = 1;
    n->promises_open = 1;
    hkp_dsm__promises_repeat(n);
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_STARTED);
    e->e.height = n->root.height;
    e->e.epoch = n->set.epoch;
    e->e.view = n->view;
    hkp_dsm__promises_ask(n, NULL);
    hkp_dsm__retell_begin(n);
    hkp_dsm__advance(n);
}

static void to_wal(node *n) {
    n->load.step = LOAD_WAL;
    scan(n, HKP_DSM_ROW_WAL, lowest, highest, 8);
}

/* 0: META or HEADS are damaged, and memory lacks for a start without them. */
static int place_known(node *n) {
    if (n->resync.on && n->load.fresh) n->load.lost_state = 1; /* a repaired store without its chain */
    if (!n->load.lost_state || hkp_dsm__resync_begin(n)) return 1;
    hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_META, NULL, 0);
    return 0;
}

void hkp_dsm__load_begin(node *n) {
    n->load.fresh = 1;
    n->load.genesis = hkp_dsm__bytes(n, n->set_body, n->set_len);
    scan(n, HKP_DSM_ROW_META, lowest, highest, KEY_MAX);
}

void hkp_dsm__load_end(node *n) {
    if (n->state != HKP_DSM_STATE_LOADING) return;
    switch (n->load.step++) {
    case LOAD_META:
        if (!place_known(n)) break;
        if (host_known(n)) scan(n, HKP_DSM_ROW_CERTIFICATE, lowest, highest, KEY_MAX);
        break;
    case LOAD_CERTIFICATES:
        if (n->load.placeless)
            to_wal(n);
        else
            scan(n, HKP_DSM_ROW_HEADS, lowest, highest, KEY_MAX);
        break;
    case LOAD_HEADS:
        if (!place_known(n)) break;
        if (n->load.placeless) {
            to_wal(n);
            break;
        }
        hkp_dsm__chunks_note(n);
        scan_heights(n, HKP_DSM_ROW_FINAL, n->root.height + 1, UINT64_MAX);
        break;
    case LOAD_FINAL: {
        if (n->load.cut) {
            n->load.n_headers =
                n->load.final_height > n->root.height ? (uint32_t)(n->load.final_height - n->root.height) : 0;
            n->load.step = LOAD_BODIES;
            scan_heights(n, HKP_DSM_ROW_BODY, n->root.height + 1, n->root.height + n->load.n_headers);
            break;
        }
        uint64_t to = n->load.final_height > n->root.height ? n->load.final_height : n->root.height;
        scan_heights(n, HKP_DSM_ROW_HEADER, n->epoch_first > 1 ? n->root.height : 1, to);
        break;
    }
    case LOAD_HEADERS:
        if (!hole_in_headers(n)) scan_heights(n, HKP_DSM_ROW_BODY, n->root.height + 1, n->load.final_height);
        break;
    case LOAD_BODIES:
        snapshot_seen(n);
        freeze(n);
        if (replayed(n)) scan_views(n, HKP_DSM_ROW_CERT, n->root.view);
        break;
    case LOAD_CERTS: /* before the headers, of which those named by none may have to give way */
        scan_views(n, HKP_DSM_ROW_PROPOSAL, n->root.view + 1);
        break;
    case LOAD_PROPOSALS:
        to_wal(n);
        break;
    case LOAD_WAL:
        hkp_dsm__lists_loaded(n);
        if (!n->load.fresh && n->load.rows == 0)
            hkp_dsm__die(n, HKP_E_DSM_WAL_CORRUPT, HKP_DSM_ROW_WAL, NULL, 0);
        else
            scan(n, HKP_DSM_ROW_EVIDENCE, lowest, highest, KEY_MAX);
        break;
    case LOAD_EVIDENCE:
        scan(n, HKP_DSM_ROW_LOST, lowest, highest, KEY_MAX);
        break;
    case LOAD_LOST:
        scan_author(n);
        break;
    default:
        n->load.step = LOAD_BLOCKS;
        block_missing(n);
        do n->load.author++;
        while (n->load.author < n->n_authors && is_retired(n, &n->authors[n->load.author]));
        if (n->load.author < n->n_authors)
            scan_author(n);
        else
            finish(n);
        break;
    }
}
