/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The renewal of a certificate with real files: a node alone, whose certificate was made to end soon
 * (D-CERT-3). */
#include "runner_world.h"

#include <hookprobe/mesh/renewal.h>
#include <hookprobe/mesh/submit.h>

#include <jansson.h>

static uint64_t wall_s(void) { return hkp_mesh__wall() / 1000000; }

static size_t load(const char *dir, const char *name, uint8_t *bytes, size_t cap) {
    char path[256];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return hkp_ter_file_read(path, 0, bytes, cap, &len) == HKP_OK ? len : 0;
}

static void put(const char *dir, const char *name, const uint8_t *bytes, size_t len) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_EQ(hkp_ter_file_write(path, bytes, len), HKP_OK);
}

static struct hkp_dsm_certificate stored(void) {
    static uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_certificate c = {.serial = 0};
    const size_t len = load(mesh[0].dir, "certificate", bytes, sizeof bytes);
    CHECK_EQ(hkp_dsm_certificate_parse(bytes, len, &c), HKP_OK);
    return c;
}

static void chain_of(uint8_t chain_id[32]) {
    static uint8_t bytes[HKP_DSM_GENESIS_MAX];
    struct hkp_dsm_genesis g;
    const size_t len = load(mesh[0].dir, "genesis", bytes, sizeof bytes);
    CHECK_EQ(hkp_dsm_genesis_parse(bytes, len, &g), HKP_OK);
    memcpy(chain_id, g.chain_id, 32);
}

static size_t sign(const struct hkp_dsm_certificate *c, uint8_t *multi, size_t cap) {
    uint8_t officer[64], body[HKP_DSM_CERTIFICATE_BODY_MAX], sig[64], chain[32];
    char dir[96];
    size_t len = 0, out = 0;
    snprintf(dir, sizeof dir, "%s/m-authority", root);
    CHECK_EQ(load(dir, "officer.key", officer, sizeof officer), 64);
    chain_of(chain);
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(sig, chain, HKP_DSM_KIND_CERTIFICATE, 1, officer, body, len, NULL, 0),
             HKP_OK);
    const struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE,
                                    .ca_version = 1,
                                    .body = {body, len},
                                    .n_signatures = 1,
                                    .signature = {sig}};
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &out), HKP_OK);
    return out;
}

static const char *state_of(void) {
    static char text[16];
    json_t *o = hkp_mesh__renewal_json(mesh[0].runner);
    snprintf(text, sizeof text, "%s", json_string_value(json_object_get(o, "state")));
    json_decref(o);
    return text;
}

static int is_requested(void) {
    uint8_t bytes[HKP_DSM_REQUEST_MAX];
    return load(mesh[0].dir, "renewal.request", bytes, sizeof bytes) > 0;
}

static int is_next_stored(void) { return stored().serial == 2 && !is_requested(); }
static int is_told(void) { return strstr(mesh[0].log, "is used from now on") != NULL; }

/* It looks once a second. */
static int has_looked(void) {
    static hkp_time began;
    const struct hkp_mesh_node *node = mesh[0].runner->node;
    if (began == 0 && node->started) began = node->now;
    return began != 0 && node->now > began + 2 * HKP_MESH__SECOND;
}

/* ---- cases, in order ---- */

static void a_node_past_two_thirds_puts_its_request_beside_its_certificate(void) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_request q;
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX], chain[32];
    CHECK_EQ(members_provision(root, "m", nodes, mesh, N), HKP_OK);
    members_introduce(mesh);
    c = stored();
    c.not_before_s = wall_s() - 21 * 86400;
    c.not_after_s = c.not_before_s + 30 * 86400;
    put(mesh[0].dir, "certificate", bytes, sign(&c, bytes, sizeof bytes));
    CHECK_EQ(start(0), HKP_OK);
    CHECK_EQ(is_requested(), 0);
    CHECK(until(is_requested, 60000));
    chain_of(chain);
    const size_t len = load(mesh[0].dir, "renewal.request", bytes, sizeof bytes);
    CHECK_EQ(hkp_dsm_request_check(bytes, len, chain, &q), HKP_OK);
    CHECK_MEM(q.key, c.key, 32);
    CHECK_MEM(q.static_key, c.static_key, 32);
    CHECK_MEM(q.enroll_id, c.enroll_id, 32);
    CHECK(q.roles == c.roles && q.tier == c.tier && q.neuro_gen == c.neuro_gen);
    CHECK(strcmp(state_of(), "renewal") == 0);
    CHECK(strstr(mesh[0].log, "time to renew it") != NULL);
}

static void the_next_one_becomes_the_file_and_the_request_goes(void) {
    struct hkp_dsm_certificate c = stored();
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    uint32_t kind = 0;
    c.serial = 2;
    c.not_before_s = wall_s();
    c.not_after_s = wall_s() + 30 * 86400;
    const size_t len = sign(&c, bytes, sizeof bytes);
    bytes[len - 1] ^= 1;
    CHECK(hkp_mesh_submit(mesh[0].runner->node, hkp_mesh__mono(), hkp_mesh__wall(), bytes, len, &kind) !=
          HKP_OK);
    bytes[len - 1] ^= 1;
    CHECK_EQ(hkp_mesh_submit(mesh[0].runner->node, hkp_mesh__mono(), hkp_mesh__wall(), bytes, len, &kind),
             HKP_OK);
    CHECK(until(is_next_stored, 60000));
    CHECK(strcmp(state_of(), "valid") == 0);
    CHECK(is_told());
}

static void the_next_start_reads_it(void) {
    stop(0);
    mesh[0].log[0] = 0;
    CHECK_EQ(start(0), HKP_OK);
    CHECK(strcmp(state_of(), "valid") == 0);
    CHECK(until(has_looked, 60000));
    CHECK_EQ(is_told(), 0); /* nothing is newer than the file */
    CHECK_EQ(is_requested(), 0);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    snprintf(root, sizeof root, "/tmp/hkp-renewal-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    CASE(a_node_past_two_thirds_puts_its_request_beside_its_certificate);
    CASE(the_next_one_becomes_the_file_and_the_request_goes);
    CASE(the_next_start_reads_it);
    CASE(all_leave);
    return check_done();
}
