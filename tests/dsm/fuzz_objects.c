/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Readers that fuzz_envelope.c leaves out. The first byte picks one: what has a writer is made again byte for
 * byte, and of the others what was accepted is in its range. */
#include "libdsm/message/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t chain_id[32] = {1}, secret[64] = {2};
static uint8_t out[1 << 17];

static void must(int is_so) {
    if (!is_so) abort();
}

static void same(size_t made, const uint8_t *in, size_t len) {
    must(made == len && memcmp(out, in, len) == 0);
}

static void ca_set(const uint8_t *in, size_t len) {
    struct hkp_dsm_ca_set set;
    size_t made = 0;
    if (hkp_dsm_ca_set_parse(in, len, &set) != HKP_OK) return;
    must(hkp_dsm_ca_set_build(&set, out, sizeof out, &made) == HKP_OK);
    same(made, in, len);
}

static void order(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view body = {in, len};
    struct hkp_dsm_order o;
    size_t made = 0;
    if (hkp_dsm__order_body(&body, &o) != HKP_OK) return;
    must(hkp_dsm_order_build(&o, out, sizeof out, &made) == HKP_OK);
    same(made, in, len);
}

static const uint8_t *any_key(void *user, const uint8_t node_id[16], uint64_t epoch) {
    (void)user, (void)node_id, (void)epoch;
    return chain_id;
}

/* Nobody signed it, so it accuses nobody. */
static void evidence(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view op = {in, len};
    const struct hkp_dsm_officers none = {NULL, 0, NULL, 0};
    const struct hkp_dsm__keys keys = {.user = NULL, .key = any_key, .officers = &none};
    struct hkp_dsm__evidence e;
    uint8_t name[16];
    must(hkp_dsm__evidence_check(in, len, chain_id, &keys, &e) != HKP_OK);
    (void)hkp_dsm__evidence_number(&op, name);
}

static void vote(const uint8_t *in, size_t len) {
    static struct hkp_dsm__valset set = {.n = 1, .q = 1};
    struct hkp_dsm_envelope e;
    struct hkp_dsm__vote v;
    if (len == 0) return;
    if (hkp_dsm__vote_open(&set, in, len, &e, &v) == HKP_OK)
        must(v.signer == 0 && hkp_dsm_envelope_verify(chain_id, &e, set.seats[0].key) != HKP_OK);
    if (hkp_dsm__vote_parse(in[0] % 8, in + 1, len - 1, &v) != HKP_OK) return;
    must(v.kind >= 3 && v.kind <= 5 && (v.kind == 4) == (memcmp(v.digest, hkp_dsm__zeros, 32) == 0));
}

static void member(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view body = {in, len};
    struct hkp_dsm__member m;
    struct hkp_dsm__endorse e;
    struct hkp_dsm_envelope made;
    size_t n = 0;
    if (hkp_dsm__member_body(&body, &m) == HKP_OK)
        must(hkp_dsm__member_make(chain_id, &m, chain_id, secret, out, sizeof out, &n) == HKP_OK);
    else if (hkp_dsm__endorse_body(&body, &e) == HKP_OK)
        must(hkp_dsm__endorse_make(chain_id, &e, chain_id, secret, out, sizeof out, &n) == HKP_OK);
    else
        return;
    must(hkp_dsm__envelope_shape(out, n, &made) == HKP_OK && made.body.len == len &&
         memcmp(made.body.ptr, in, len) == 0);
}

static void peer_record(const uint8_t *in, size_t len) {
    struct hkp_dsm_peer_record r, again;
    size_t n = 0;
    must(hkp_dsm_peer_record_check(in, len, chain_id, chain_id, 5, &r) != HKP_OK);
    if (hkp_dsm_peer_record_parse(in, len, &r) != HKP_OK) return;
    must(hkp_dsm_peer_record_build(&r, chain_id, secret, out, sizeof out, &n) == HKP_OK && n == len);
    must(hkp_dsm_peer_record_parse(out, n, &again) == HKP_OK && memcmp(&again, &r, sizeof r) == 0);
}

static void head_leaf(const uint8_t *in, size_t len) {
    struct hkp_dsm__head h;
    if (hkp_dsm__head_leaf_parse(in, len, &h) == HKP_OK) same(hkp_dsm__head_leaf(&h, out), in, len);
}

static void restart(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view body = {in, len};
    struct hkp_dsm__restart r;
    struct hkp_dsm_restart told;
    uint64_t epoch = 0;
    (void)hkp_dsm__restart_epoch(&body, &epoch);
    if (hkp_dsm_restart_parse(chain_id, in, len, &told) == HKP_OK) must(told.n_seats >= 1);
    if (hkp_dsm__restart_open(chain_id, &body, &r) == HKP_OK)
        must(r.n_headers >= 1 && r.n_headers <= HKP_DSM__RESTART_HEADERS && r.epoch == epoch);
}

static void wal(const uint8_t *in, size_t len) {
    struct hkp_dsm__wal_record r;
    size_t n = 0;
    int torn = 0;
    if (hkp_dsm__wal_check(in, len, &n, &torn) != HKP_OK) return;
    must(n * HKP_DSM__WAL_RECORD <= len && (torn != 0) == (n * HKP_DSM__WAL_RECORD != len));
    for (size_t i = 0; i < n; i++) {
        must(hkp_dsm__wal_decode(in + i * HKP_DSM__WAL_RECORD, &r));
        hkp_dsm__wal_encode(&r, out);
        same(HKP_DSM__WAL_RECORD, in + i * HKP_DSM__WAL_RECORD, HKP_DSM__WAL_RECORD);
    }
}

static void item(const uint8_t *in, size_t len) {
    struct hkp_dsm__item i;
    struct hkp_dsm_view object = {in + 1, 0}, payload = {NULL, 0};
    uint8_t id[16];
    uint32_t lane = 0;
    if (len == 0) return;
    object.len = len - 1;
    if (hkp_dsm__item_read(in[0] % 5, &object, &payload, &i) != HKP_OK) return;
    hkp_dsm__item_message_id(&i, chain_id, id);
    if (hkp_dsm__item_push_lane(&i, &lane) == HKP_OK)
        must(lane < HKP_DSM__LANES && lane == hkp_dsm__item_lane(&i));
}

static void link(const uint8_t *in, size_t len) {
    struct hkp_dsm_cbor_reader at;
    struct hkp_dsm__link l;
    if (hkp_dsm_cbor_read(&at, in, len) != HKP_OK) return;
    must(hkp_dsm__link_check(chain_id, 0, chain_id, &at, &l) != HKP_OK); /* no set has that hash */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(const uint8_t *, size_t) = {
        ca_set, order, evidence, vote, member, peer_record, head_leaf, restart, wal, item, link};
    if (size < 1 || size > sizeof out) return 0;
    readers[data[0] % (sizeof readers / sizeof readers[0])](data + 1, size - 1);
    return 0;
}
