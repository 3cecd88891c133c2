/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Where a node can be reached, signed by itself (D-GSP-1). */
#include <hookprobe/dsm/gossip.h>
#include <sodium.h>
#include <string.h>

#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"
#include "libter/bytes.h"

/** clocks may be so far apart */
enum { SKEW_S = 300 };

static void take_address(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_address *a) {
    size_t len = 0;
    (void)hkp_dsm_cbor_array(r, 3, 3);
    const uint8_t *ip = hkp_dsm_cbor_bytes(r, 4, 16, &len);
    if (r->status == HKP_OK && len != 4 && len != 16) r->status = HKP_E_DSM_SCHEMA;
    if (r->status == HKP_OK) memcpy(a->ip, ip, len);
    a->ip_len = (uint32_t)len;
    a->port = (uint32_t)hkp_dsm_cbor_uint(r, 1, 65535);
    a->transport = (uint32_t)hkp_dsm_cbor_uint(r, HKP_DSM_TRANSPORT_UDP, HKP_DSM_TRANSPORT_TCP);
}

static hkp_status open_record(const uint8_t *in, size_t len, struct hkp_dsm_envelope *e) {
    if (len > HKP_DSM_PEER_RECORD_MAX) return HKP_E_DSM_TOO_BIG;
    return hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_PEER_RECORD), e);
}

static hkp_status read_body(const struct hkp_dsm_envelope *e, struct hkp_dsm_peer_record *record) {
    struct hkp_dsm_peer_record p = {.seq = 0};
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, e->body.ptr, e->body.len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    memcpy(p.node_id, e->signer, 16);
    p.seq = uint_field(&r, &left, 1, 0, UINT64_MAX);
    p.expires_s = uint_field(&r, &left, 2, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 3);
    p.n_addresses = (uint32_t)hkp_dsm_cbor_array(&r, 1, HKP_DSM_ADDRESSES_MAX);
    for (uint32_t i = 0; i < p.n_addresses && r.status == HKP_OK; i++) take_address(&r, &p.addresses[i]);
    p.features = (uint32_t)uint_field(&r, &left, 4, 0, UINT32_MAX);
    p.tier = (uint32_t)uint_field(&r, &left, 5, HKP_DSM_TIER_SENTINEL, HKP_DSM_TIER_MSSP);
    p.roles = (uint32_t)uint_field(&r, &left, 6, 1, 255);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    *record = p;
    return HKP_OK;
}

hkp_status hkp_dsm_peer_record_parse(const uint8_t *in, size_t len, struct hkp_dsm_peer_record *record) {
    struct hkp_dsm_envelope e;
    const hkp_status st = open_record(in, len, &e);
    return st == HKP_OK ? read_body(&e, record) : st;
}

hkp_status hkp_dsm_peer_record_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                     const uint8_t key[32], uint64_t now_s,
                                     struct hkp_dsm_peer_record *record) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_peer_record p;
    hkp_status st = open_record(in, len, &e);
    if (st == HKP_OK) st = hkp_dsm_envelope_verify(chain_id, &e, key); /* before the body (D-ENV-2) */
    if (st == HKP_OK) st = read_body(&e, &p);
    if (st != HKP_OK) return st;
    if (p.expires_s <= now_s) return HKP_E_DSM_EXPIRED;
    if (p.expires_s - now_s > HKP_DSM_PEER_RECORD_LIFE_S + SKEW_S) return HKP_E_DSM_TIME;
    *record = p;
    return HKP_OK;
}

int hkp_dsm__address_ok(const struct hkp_dsm_address *a) {
    return (a->ip_len == 4 || a->ip_len == 16) && a->port >= 1 && a->port <= 65535 &&
           a->transport <= HKP_DSM_TRANSPORT_TCP;
}

hkp_status hkp_dsm_peer_record_build(const struct hkp_dsm_peer_record *p, const uint8_t chain_id[32],
                                     const uint8_t secret[64], uint8_t *dst, size_t cap, size_t *len) {
    uint8_t body[HKP_DSM_PEER_RECORD_MAX];
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    if (p->n_addresses < 1 || p->n_addresses > HKP_DSM_ADDRESSES_MAX || p->tier < HKP_DSM_TIER_SENTINEL ||
        p->tier > HKP_DSM_TIER_MSSP || p->roles < 1 || p->roles > 255)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 7);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, p->seq);
    put_uint_field(&w, 2, p->expires_s);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_array(&w, p->n_addresses);
    for (uint32_t i = 0; i < p->n_addresses; i++) {
        const struct hkp_dsm_address *a = &p->addresses[i];
        if (!hkp_dsm__address_ok(a)) return HKP_E_DSM_SCHEMA;
        hkp_dsm_cbor_put_array(&w, 3);
        hkp_dsm_cbor_put_bytes(&w, a->ip, a->ip_len);
        hkp_dsm_cbor_put_uint(&w, a->port);
        hkp_dsm_cbor_put_uint(&w, a->transport);
    }
    put_uint_field(&w, 4, p->features);
    put_uint_field(&w, 5, p->tier);
    put_uint_field(&w, 6, p->roles);
    return hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_PEER_RECORD, p->node_id, secret, body, w.len, dst,
                                 cap, len);
}

/* ---- what an address says ---- */

static int is_mapped(const struct hkp_dsm_address *a) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    return a->ip_len == 16 && memcmp(a->ip, mapped, sizeof mapped) == 0;
}

static int private4(const uint8_t ip[4]) {
    return ip[0] == 10 || ip[0] == 127 || ip[0] == 0 || (ip[0] == 172 && (ip[1] & 0xF0) == 16) ||
           (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
           (ip[0] == 100 && (ip[1] & 0xC0) == 64);
}

int hkp_dsm__address_is_private(const struct hkp_dsm_address *a) {
    static const uint8_t none[15];
    if (a->ip_len == 4) return private4(a->ip);
    if (is_mapped(a)) return private4(a->ip + 12);
    return (a->ip[0] & 0xFE) == 0xFC || (a->ip[0] == 0xFE && (a->ip[1] & 0xC0) == 0x80) ||
           memcmp(a->ip, none, sizeof none) == 0; /* unique local, link local, loopback */
}

uint32_t hkp_dsm__address_net(const struct hkp_dsm_address *a) {
    uint8_t hash[16], net[7] = {0};
    if (hkp_dsm__address_is_private(a)) return 0;
    const int v4 = a->ip_len == 4 || is_mapped(a);
    net[0] = v4 ? 4 : 6;
    memcpy(net + 1, is_mapped(a) ? a->ip + 12 : a->ip, v4 ? 3 : 6);
    (void)crypto_generichash(hash, sizeof hash, net, sizeof net, NULL, 0);
    return hkp_le32(hash) | 1;
}
