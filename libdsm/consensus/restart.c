/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * RESTART by an operator's command (D-EPO-6). It is judged like a link: officers, headers, CERT_F by the set
 * of the epoch that is left. That set is ours, or, when the epoch after it had begun and nothing in it is
 * final, the one of the stored link. Who does not hold the named header yet follows its CERT_F first.
 */
#include <string.h>

#include <hookprobe/dsm/restart.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

static const struct hkp_dsm_view empty_body = {(const uint8_t *)"\x82\x80\x80", 3};

hkp_status hkp_dsm_restart_parse(const uint8_t chain_id[32], const uint8_t *body, size_t len,
                                 struct hkp_dsm_restart *restart) {
    struct hkp_dsm__restart r;
    struct hkp_dsm__valset set;
    const struct hkp_dsm_view bytes = {body, len};
    if (restart->struct_size < sizeof *restart) return HKP_E_INVAL;
    hkp_status st = hkp_dsm__restart_open(chain_id, &bytes, &r);
    if (st == HKP_OK) st = hkp_dsm__valset_parse(r.valset_body.ptr, r.valset_body.len, &set);
    if (st != HKP_OK) return st;
    *restart = (struct hkp_dsm_restart){.struct_size = sizeof *restart,
                                        .n_seats = set.n,
                                        .epoch = r.epoch,
                                        .next_height = r.next_height,
                                        .time_ms = r.time_ms};
    memcpy(restart->genesis, r.genesis, 32);
    memcpy(restart->seats, set.seats, set.n * sizeof set.seats[0]);
    return HKP_OK;
}

/* ---- how it ends ---- */

static void forget(node *n) {
    hkp_dsm__blob_drop(&n->pool, n->restart.multi);
    n->restart.multi = NULL;
    n->restart.reading = n->restart.judged = 0;
}

static void tell(node *n, hkp_status status) {
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_RESTART);
    e->e.status = status;
    e->e.epoch = n->restart.r.epoch + 2;
    e->e.height = n->restart.r.next_height;
    memcpy(e->e.id, n->restart.r.genesis, 32);
    forget(n);
}

static void put_meta(node *n, char name, blob *b) {
    uint8_t key[9] = {(uint8_t)name};
    hkp_put_be64(key + 1, n->restart.r.epoch);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, key, sizeof key, b);
}

/* Who applied it trusts its set: proofs of what follows begin there. */
static void trust(node *n, const struct hkp_dsm__restart *r) {
    if (r->epoch + 2 <= n->restarted.epoch) return;
    n->restarted = (struct hkp_dsm_trust){.epoch = r->epoch + 2, .time_ms = r->time_ms};
    hkp_dsm__valset_hash(n->restarted.valset_hash, r->valset_body.ptr, r->valset_body.len);
}

/* It was judged before it was kept. */
int hkp_dsm__restart_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    struct hkp_dsm_multi m;
    struct hkp_dsm__restart r;
    if (key_len != 9 || (key[0] != 'R' && key[0] != 'S')) return 0;
    if (key[0] == 'S' && hkp_dsm_multi_parse(data, len, &m) == HKP_OK &&
        hkp_dsm__restart_open(n->chain_id, &m.body, &r) == HKP_OK)
        trust(n, &r);
    return 1;
}

/* Proofs of the epoch that ends need its set: as a link, but not told to others as one, since it is none. */
static void keep_proof(node *n) {
    const struct hkp_dsm_view set = {n->set_body, n->set_len};
    blob *b = hkp_dsm__room(n, n->restart.multi->len + n->set_len + 16);
    size_t len = 0;
    if (b == NULL) return;
    hkp_status st = hkp_dsm__restart_link(&n->restart.r, &set, b->ptr, b->len, &len);
    b->len = (uint32_t)len;
    if (st == HKP_OK)
        put_meta(n, 'R', b);
    else
        hkp_dsm__blob_drop(&n->pool, b);
}

/* With the watermarks or with the rows of a later epoch nothing more is promised; a crash leaves both or the
 * rows (decision 0646), or neither, and then nobody was told. */
static void apply(node *n) {
    const struct hkp_dsm__restart r = n->restart.r;
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE / 2 || !hkp_dsm__goto(n, NULL)) return;
    if (n->set.epoch == r.epoch) keep_proof(n);
    put_meta(n, 'S', hkp_dsm__blob_hold(n->restart.multi)); /* for files (D-STO-11) */
    hkp_dsm__wal(n, 0, r.epoch, UINT64_MAX, NULL);
    if (n->set.epoch > r.epoch) hkp_dsm__wal(n, 0, n->set.epoch, UINT64_MAX, NULL);
    hkp_dsm__epoch_restart(n, &r);
    trust(n, &r);
    tell(n, HKP_OK);
}

/* ---- the way to the named header ---- */

/* CERT_F and the empties that only it knows; what lies below is asked for as always. */
static void follow(node *n) {
    const struct hkp_dsm__restart *r = &n->restart.r;
    struct hkp_dsm_cbor_reader at = r->headers;
    hkp_status st = hkp_dsm__cert_take(n, r->cert.ptr, r->cert.len);
    (void)st;
    for (size_t i = 0; i < r->n_headers; i++) {
        struct hkp_dsm__header h;
        struct hkp_dsm_view header;
        header.ptr = hkp_dsm_cbor_bytes(&at, 0, SIZE_MAX, &header.len);
        if (i == 0 || hkp_dsm__header_parse(n->chain_id, header.ptr, header.len, &h) != HKP_OK ||
            h.view <= n->root.view || hkp_dsm__prop(n, h.digest) != NULL)
            continue;
        struct prop *p = hkp_dsm__prop_add(n, &h, &header, &empty_body, NULL);
        (void)p;
    }
}

static int is_there(const node *n) {
    const struct hkp_dsm__restart *r = &n->restart.r;
    int begun = n->set.epoch == r->epoch + 1 && n->root.view == 0; /* nothing in it is final */
    return (n->set.epoch == r->epoch || begun) && memcmp(n->root.digest, r->genesis, 32) == 0;
}

void hkp_dsm__restart_step(node *n) {
    const struct hkp_dsm__restart *r = &n->restart.r;
    if (n->restart.multi == NULL || !n->restart.judged) return;
    if (is_there(n))
        apply(n);
    else if (n->set.epoch > r->epoch || n->root.height + 1 >= r->next_height)
        tell(n, HKP_E_DSM_STALE);
}

/* ---- judging ---- */

static hkp_status judge(node *n, const struct hkp_dsm__valset *set) {
    const blob *multi = n->restart.multi;
    return hkp_dsm__restart_check(multi->ptr, multi->len, n->chain_id, &n->officers, set, n->root.height,
                                  n->root.digest, &n->restart.r);
}

/* The set of the epoch before: it stands in the link. */
void hkp_dsm__restart_row(node *n, const struct read *r, const uint8_t *data, size_t len) {
    struct hkp_dsm_cbor_reader at;
    struct hkp_dsm__valset set;
    struct hkp_dsm_view body;
    if (n->restart.multi == NULL || n->restart.reading != r->count) return;
    if (hkp_dsm_cbor_read(&at, data, len) != HKP_OK) return;
    hkp_dsm_cbor_array(&at, 3, 3);
    size_t headers = hkp_dsm_cbor_array(&at, 1, HKP_DSM__RESTART_HEADERS);
    for (size_t i = 0; i <= headers; i++) (void)hkp_dsm_cbor_bytes(&at, 0, SIZE_MAX, NULL);
    body.ptr = hkp_dsm_cbor_bytes(&at, 1, HKP_DSM_VALSET_MAX, &body.len);
    if (at.status != HKP_OK || hkp_dsm__valset_parse(body.ptr, body.len, &set) != HKP_OK) return;
    hkp_status st = judge(n, &set);
    n->restart.judged = st == HKP_OK;
    if (st != HKP_OK) tell(n, st);
}

void hkp_dsm__restart_end(node *n, const struct read *r) {
    if (n->restart.multi == NULL || n->restart.reading != r->count) return;
    n->restart.reading = 0;
    if (!n->restart.judged) tell(n, HKP_E_NOTFOUND); /* nobody told that link here: no boundary was seen */
    hkp_dsm__advance(n);
}

/* Who signed, judged as of now (D-CA-2), and what it says. */
static hkp_status open_multi(const node *n, const uint8_t *in, size_t len, struct hkp_dsm__restart *r) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(n->chain_id, &m, HKP_DSM_KIND_RESTART, &n->officers);
    if (st == HKP_OK && !hkp_dsm__officers_timely(&n->lists.officers, m.ca_version, hkp_dsm__judged_at_s(n)))
        st = HKP_E_DSM_CA_VERSION;
    return st == HKP_OK ? hkp_dsm__restart_open(n->chain_id, &m.body, r) : st;
}

static hkp_status judge_later(node *n) {
    uint8_t key[8];
    hkp_put_be64(key, n->restart.r.epoch);
    struct read *r = hkp_dsm__get(n, READ_RESTART, HKP_DSM_ROW_LINK, key, sizeof key);
    if (r == NULL) return HKP_E_LIMIT;
    n->restart.reading = r->count = ++n->restart.turn;
    return HKP_OK;
}

hkp_status hkp_dsm_node_restart(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *restart,
                                size_t len) {
    struct hkp_dsm__restart r;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (len > HKP_DSM_RESTART_MAX) return HKP_E_DSM_TOO_BIG;
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE) return HKP_E_LIMIT;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    hkp_status st = open_multi(n, restart, len, &r);
    if (st != HKP_OK) return st;
    int begun = n->set.epoch == r.epoch + 1 && n->root.view == 0;
    if (r.epoch > n->set.epoch) return HKP_E_DSM_EPOCH;
    if (r.epoch < n->set.epoch && !begun) return HKP_E_DSM_STALE;
    blob *copy = hkp_dsm__bytes(n, restart, len);
    if (copy == NULL) return HKP_E_LIMIT;
    struct restart before = n->restart;
    n->restart = (struct restart){.multi = copy, .turn = before.turn};
    n->restart.r.epoch = r.epoch;
    st = begun ? judge_later(n) : judge(n, &n->set);
    if (st != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, copy);
        n->restart = before;
        return st;
    }
    hkp_dsm__blob_drop(&n->pool, before.multi);
    n->restart.judged = !begun;
    if (!begun && !is_there(n)) follow(n);
    hkp_dsm__advance(n);
    return HKP_OK;
}
