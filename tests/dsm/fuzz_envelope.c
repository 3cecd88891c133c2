/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The first byte picks the object: what its reader accepts, its writer makes again byte for byte. */
#include "libdsm/objects/objects.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t chain_id[32] = {1};

static void same(hkp_status st, const uint8_t *made, size_t made_len, const uint8_t *in, size_t len) {
    if (st != HKP_OK || made_len != len || memcmp(made, in, len) != 0) abort();
}

static void certificate(const uint8_t *in, size_t len, uint8_t *out, size_t cap) {
    struct hkp_dsm_certificate c;
    const struct hkp_dsm_view body = {in, len};
    size_t made = 0;
    if (len > HKP_DSM_CERTIFICATE_BODY_MAX || hkp_dsm__certificate_body(&body, &c) != HKP_OK) return;
    const hkp_status st = hkp_dsm_certificate_build(&c, out, cap, &made);
    same(st, out, made, in, len);
}

static void block(const uint8_t *in, size_t len, uint8_t *out, size_t cap) {
    struct hkp_dsm__block b;
    size_t made = 0;
    if (hkp_dsm__block_parse(chain_id, chain_id, in, len, &b) != HKP_OK) return;
    const hkp_status st = hkp_dsm__block_build(&b, out, cap, &made);
    same(st, out, made, in, len);
}

static void header(const uint8_t *in, size_t len, uint8_t *out, size_t cap) {
    struct hkp_dsm__header h;
    size_t made = 0;
    if (hkp_dsm__header_parse(chain_id, in, len, &h) != HKP_OK) return;
    const hkp_status st = hkp_dsm__header_build(&h, out, cap, &made);
    same(st, out, made, in, len);
}

static void multi(const uint8_t *in, size_t len, uint8_t *out, size_t cap) {
    struct hkp_dsm_multi m;
    size_t made = 0;
    if (hkp_dsm_multi_parse(in, len, &m) == HKP_OK && hkp_dsm_multi_build(&m, out, cap, &made) == HKP_OK)
        same(HKP_OK, out, made, in, len);
}

static void body(const uint8_t *in, size_t len) {
    struct hkp_dsm__body b;
    struct hkp_dsm__head h;
    uint8_t root[32];
    if (hkp_dsm__body_parse(in, len, &b) != HKP_OK) return;
    for (size_t i = 0; i < b.n_heads; i++) hkp_dsm__body_head(&b.heads, &h);
    hkp_dsm__ops_root(&b, root);
    if (b.heads.status != HKP_OK) abort();
}

static void rest(uint8_t which, const uint8_t *in, size_t len) {
    static struct hkp_dsm__valset set;
    struct hkp_dsm_envelope e;
    struct hkp_dsm_genesis g;
    struct hkp_dsm_revocations l;
    struct hkp_dsm__cert c;
    struct hkp_dsm__op op;
    struct hkp_dsm_request q;
    if (which == 5 && hkp_dsm_envelope_parse(in, len, UINT32_MAX, &e) == HKP_OK && e.body.len > 16384)
        abort();
    if (which == 6 && hkp_dsm_genesis_parse(in, len, &g) == HKP_OK && g.name.len > 64) abort();
    if (which == 7 && hkp_dsm_revocations_parse(in, len, &l) == HKP_OK)
        (void)hkp_dsm_revocations_find(&l, chain_id);
    if (which == 8) (void)hkp_dsm__valset_parse(in, len, &set);
    if (which == 9) (void)hkp_dsm__cert_check(chain_id, &set, in, len, &c);
    if (which == 10) (void)hkp_dsm__op_parse(in, len, &op);
    if (which == 11 && hkp_dsm_request_check(in, len, chain_id, &q) == HKP_OK && q.roles > 255) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t out[1 << 21];
    if (size < 1 || size > sizeof out / 2) return 0;
    const uint8_t which = data[0] % 12, *in = data + 1;
    const size_t len = size - 1;
    if (which == 0) certificate(in, len, out, sizeof out);
    if (which == 1) block(in, len, out, sizeof out);
    if (which == 2) header(in, len, out, sizeof out);
    if (which == 3) multi(in, len, out, sizeof out);
    if (which == 4) body(in, len);
    rest(which, in, len);
    return 0;
}
