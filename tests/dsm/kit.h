/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Nodes with certificates of two of three officers, and the directory that knows them. */
#ifndef HKP_TESTS_DSM_KIT_H
#define HKP_TESTS_DSM_KIT_H

#include "check.h"

#include "libdsm/beside/signed.h"

#include <sodium.h>

enum { KIT_NODES = 96, KIT_NOW_S = 1760000000 };

struct kit_node {
    uint8_t secret[64];
    struct hkp_dsm_signer signer;
    uint8_t certificate[HKP_DSM_CERTIFICATE_MAX];
    size_t certificate_len;
    uint64_t revoked;
    int known;
};

struct kit {
    uint8_t chain_id[32];
    struct hkp_dsm_ca_set ca_set;
    struct hkp_dsm_officers officers;
    uint8_t officer[3][64];
    uint8_t scratch[1 << 17];
    struct hkp_dsm_directory directory;
    struct kit_node node[KIT_NODES];
    size_t n;
};

static inline void kit_key(uint8_t key[32], uint8_t secret[64], uint64_t number) {
    uint8_t seed[32] = {0x4B};
    memcpy(seed + 1, &number, sizeof number);
    crypto_sign_seed_keypair(key, secret, seed);
}

static inline const struct kit_node *kit_of(const struct kit *k, const uint8_t node_id[16]) {
    for (size_t i = 0; i < k->n; i++)
        if (memcmp(k->node[i].signer.certificate.node_id, node_id, 16) == 0) return &k->node[i];
    return NULL;
}

static inline hkp_status kit_find(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    const struct kit_node *node = kit_of((const struct kit *)user, node_id);
    if (node == NULL || !node->known) return HKP_E_NOTFOUND;
    *out = node->signer;
    return HKP_OK;
}

static inline uint64_t kit_revoked(void *user, const uint8_t node_id[16]) {
    const struct kit_node *node = kit_of((const struct kit *)user, node_id);
    return node != NULL ? node->revoked : 0;
}

/* Officers ascending by key. */
static inline void kit_begin(struct kit *k) {
    memset(k, 0, sizeof *k);
    memset(k->chain_id, 0xC1, 32);
    k->ca_set = (struct hkp_dsm_ca_set){.version = 1, .threshold = 2, .n_keys = 3};
    for (int i = 0; i < 3; i++) {
        kit_key(k->ca_set.keys[i], k->officer[i], 1000 + (uint64_t)i);
        for (int at = i; at > 0 && memcmp(k->ca_set.keys[at - 1], k->ca_set.keys[at], 32) > 0; at--) {
            uint8_t key[32], secret[64];
            memcpy(key, k->ca_set.keys[at], 32);
            memcpy(secret, k->officer[at], 64);
            memcpy(k->ca_set.keys[at], k->ca_set.keys[at - 1], 32);
            memcpy(k->officer[at], k->officer[at - 1], 64);
            memcpy(k->ca_set.keys[at - 1], key, 32);
            memcpy(k->officer[at - 1], secret, 64);
        }
    }
    k->officers = (struct hkp_dsm_officers){&k->ca_set, 1, k->scratch, sizeof k->scratch};
    k->directory = (struct hkp_dsm_directory){k, kit_find, kit_revoked};
}

/* The object that n officers signed: the first n of them. */
static inline size_t kit_multi(struct kit *k, uint32_t kind, const uint8_t *body, size_t body_len, uint32_t n,
                               uint8_t *dst, size_t cap) {
    uint8_t signature[3][64];
    size_t len = 0;
    struct hkp_dsm_multi m = {.kind = kind, .ca_version = 1, .body = {body, body_len}, .n_signatures = n};
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(hkp_dsm_multi_sign(signature[i], k->chain_id, kind, 1, k->officer[i], body, body_len,
                                    k->scratch, sizeof k->scratch),
                 HKP_OK);
        m.index[i] = i;
        m.signature[i] = signature[i];
    }
    CHECK_EQ(hkp_dsm_multi_build(&m, dst, cap, &len), HKP_OK);
    return len;
}

/* (Re)issues the certificate of a node from its fields. */
static inline void kit_certify(struct kit *k, struct kit_node *node) {
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX];
    size_t len = 0;
    struct hkp_dsm_certificate *c = &node->signer.certificate;
    hkp_dsm_node_id(c->node_id, c->key, c->has_ak ? c->ak : NULL);
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &len), HKP_OK);
    hkp_dsm_object_id(node->signer.id, k->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, body, len);
    node->certificate_len =
        kit_multi(k, HKP_DSM_KIND_CERTIFICATE, body, len, 2, node->certificate, sizeof node->certificate);
}

/* A node with these roles of that group, certified for 30 days around KIT_NOW_S. */
static inline struct kit_node *kit_add(struct kit *k, uint32_t roles, uint32_t group) {
    struct kit_node *node = &k->node[k->n];
    struct hkp_dsm_certificate *c = &node->signer.certificate;
    memset(node, 0, sizeof *node);
    kit_key(c->key, node->secret, k->n++);
    c->roles = roles;
    c->tier = HKP_DSM_TIER_GUARDIAN;
    c->group = group;
    c->serial = 1;
    c->not_before_s = KIT_NOW_S - 15 * 86400;
    c->not_after_s = KIT_NOW_S + 15 * 86400;
    node->known = 1;
    kit_certify(k, node);
    return node;
}

static inline const uint8_t *kit_id(const struct kit_node *node) { return node->signer.certificate.node_id; }

/* Signed by node. */
static inline size_t kit_sign(const struct kit *k, const struct kit_node *node, uint32_t kind,
                              const uint8_t *body, size_t body_len, uint8_t *dst, size_t cap) {
    size_t len = 0;
    CHECK_EQ(
        hkp_dsm_envelope_sign(k->chain_id, kind, kit_id(node), node->secret, body, body_len, dst, cap, &len),
        HKP_OK);
    return len;
}

#endif
