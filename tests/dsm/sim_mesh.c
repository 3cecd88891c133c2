/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Keys, certificates and genesis of a mesh that exists only in a test. */
#include "sim_inside.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/message/message.h"
#include "libter/bytes.h"

static int by_node_id(const void *a, const void *b) {
    return memcmp(((const struct hkp_dsm_seat *)a)->node_id, ((const struct hkp_dsm_seat *)b)->node_id, 16);
}

static void keys(const char *label, uint32_t i, uint8_t secret[64], uint8_t key[32]) {
    char text[64];
    uint8_t seed[32];
    snprintf(text, sizeof text, "%s %u", label, i);
    crypto_hash_sha256(seed, (const uint8_t *)text, strlen(text));
    crypto_sign_seed_keypair(key, secret, seed);
}

static const struct sim_bls *bls;

void sim_mesh_bls(const struct sim_bls *given) { bls = given; }

static void certify(struct sim_mesh *m, uint32_t i, uint32_t roles, uint32_t group,
                    const uint8_t chain_id[32], const uint8_t key[32]) {
    struct hkp_dsm_certificate c = {.roles = roles,
                                    .tier = HKP_DSM_TIER_FORTRESS,
                                    .group = group,
                                    .policy = 1,
                                    .not_before_s = m->time_s - 10,
                                    .not_after_s = m->time_s + 86400 * 30,
                                    .serial = 1};
    memcpy(c.key, key, 32);
    c.neuro_gen = (roles & HKP_DSM_ROLE_NEURO) != 0;
    if (bls != NULL) {
        c.bls_key = (struct hkp_dsm_view){bls[i].key, 48};
        c.bls_proof = (struct hkp_dsm_view){bls[i].proof, 96};
    }
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64];
    struct hkp_dsm_multi multi = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    multi.body.ptr = body;
    sim_must(hkp_dsm_certificate_build(&c, body, sizeof body, &multi.body.len) == HKP_OK, "certificate");
    sim_must(hkp_dsm_multi_sign(signature, chain_id, HKP_DSM_KIND_CERTIFICATE, 1, m->officer, body,
                                multi.body.len, NULL, 0) == HKP_OK,
             "sign");
    multi.signature[0] = signature;
    sim_must(hkp_dsm_multi_build(&multi, m->certificate[i], sizeof m->certificate[i],
                                 &m->certificate_len[i]) == HKP_OK,
             "multi");
}

void sim_mesh_make(struct sim_mesh *m, uint32_t n, uint32_t roles) {
    sim_must(sodium_init() >= 0, "sodium");
    memset(m, 0, sizeof *m);
    m->n = n;
    m->time_s = 1800000000;
    uint8_t key[SIM_NODES][32], officer_key[32], ca_body[HKP_DSM_CA_SET_BODY_MAX],
        set_body[HKP_DSM_VALSET_MAX];
    keys("officer", 0, m->officer, officer_key);
    struct hkp_dsm_ca_set ca = {.version = 1, .threshold = 1, .n_keys = 1};
    memcpy(ca.keys[0], officer_key, 32);
    struct hkp_dsm_seat seats[SIM_NODES];
    for (uint32_t i = 0; i < n; i++) {
        keys("node", i, m->secret[i], key[i]);
        hkp_dsm_node_id(m->node_id[i], key[i], NULL);
        seats[i].group = 1 + i;
        memcpy(seats[i].node_id, m->node_id[i], 16);
        memcpy(seats[i].key, key[i], 32);
    }
    qsort(seats, n, sizeof *seats, by_node_id);
    struct hkp_dsm_view ca_view = {.ptr = ca_body}, set_view = {.ptr = set_body};
    sim_must(hkp_dsm_ca_set_build(&ca, ca_body, sizeof ca_body, &ca_view.len) == HKP_OK, "ca set");
    const uint8_t *with[SIM_NODES];
    for (uint32_t i = 0; bls != NULL && i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            if (memcmp(seats[i].node_id, m->node_id[k], 16) == 0) with[i] = bls[k].key;
    sim_must(hkp_dsm__valset_write(seats, bls != NULL ? with : NULL, n, 0, set_body, sizeof set_body,
                                   &set_view.len) == HKP_OK,
             "valset");
    sim_must(hkp_dsm_genesis_build("sim/single", 10, &ca_view, &set_view, m->time_s, m->genesis,
                                   sizeof m->genesis, &m->genesis_len) == HKP_OK,
             "genesis");
    struct hkp_dsm_genesis g;
    sim_must(hkp_dsm_genesis_parse(m->genesis, m->genesis_len, &g) == HKP_OK, "genesis again");
    for (uint32_t i = 0; i < n; i++) certify(m, i, roles, 1 + i, g.chain_id, key[i]);
    m->certified = n;
}

void sim_outsider(struct sim *s, uint32_t i, uint32_t roles, uint32_t group) {
    struct sim_mesh *m = &s->mesh;
    uint8_t key[32];
    struct hkp_dsm_genesis g;
    sim_must(i == m->certified, "outsiders come in order");
    sim_must(hkp_dsm_genesis_parse(m->genesis, m->genesis_len, &g) == HKP_OK, "genesis");
    keys("node", i, m->secret[i], key);
    hkp_dsm_node_id(m->node_id[i], key, NULL);
    certify(m, i, roles, group, g.chain_id, key);
    s->nodes[i].who = i;
    m->certified++;
}
