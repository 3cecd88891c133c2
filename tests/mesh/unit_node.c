/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A node without sockets and files: its options, its memory, and what it refuses before it joins. */
#include "alloc.h"
#include "check.h"
#include "members.h"

#include <hookprobe/ter.h>

static char root[64];
static struct member mesh[MEMBERS];
static struct hkp_mesh_provision_node nodes[MEMBERS];
static uint8_t genesis[32768], certificate[1024], peer_certificate[OTHERS][1024];
static struct hkp_mesh_peer peers[OTHERS];
static struct hkp_mesh_node_options good;

static size_t read_into(const char *dir, const char *name, uint8_t *dst, size_t cap) {
    char path[256];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_EQ(hkp_ter_file_read(path, 0, dst, cap, &len), HKP_OK);
    return len;
}

static uint64_t wall_us(void) { return (uint64_t)time(NULL) * 1000000; }

/* Options of member 0 as provisioning made them. */
static void a_mesh_is_provisioned(void) {
    uint8_t keys[128];
    snprintf(root, sizeof root, "/tmp/hkp-node-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    CHECK_EQ(members_provision(root, "node", nodes, mesh, MEMBERS), HKP_OK);
    hkp_mesh_node_options_init(&good, sizeof good);
    hkp_ter_system_rng(&good.rng);
    CHECK_EQ(read_into(mesh[0].dir, "keys", keys, sizeof keys), 108);
    memcpy(good.a_seed, keys + 8, 32);
    memcpy(good.s_secret, keys + 40, 32);
    memcpy(good.state_key, keys + 72, 32);
    CHECK_EQ(read_into(mesh[0].dir, "policy.pub", good.policy_key, 32), 32);
    CHECK_EQ(read_into(mesh[0].dir, "rebase", good.rebase, 192), 192);
    good.genesis = genesis;
    good.genesis_len = read_into(mesh[0].dir, "genesis", genesis, sizeof genesis);
    good.certificate = certificate;
    good.certificate_len = read_into(mesh[0].dir, "certificate", certificate, sizeof certificate);
    for (int i = 0; i < OTHERS; i++) {
        memcpy(peers[i].node_id, nodes[i + 1].node_id, 16);
        memcpy(peers[i].s, nodes[i + 1].s, 32);
        memcpy(peers[i].addr, (const uint8_t[16]){[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}, 16);
        peers[i].port = (uint16_t)(9000 + i);
        peers[i].certificate = peer_certificate[i];
        peers[i].certificate_len = read_into(mesh[i + 1].dir, "certificate", peer_certificate[i], 1024);
    }
    good.peers = peers;
    good.n_peers = OTHERS;
}

static hkp_status made(const struct hkp_mesh_node_options *o) {
    hkp_mesh_node *node = NULL;
    hkp_status st = hkp_mesh_node_new(&node, o, 1, wall_us());
    CHECK((st == HKP_OK) == (node != NULL));
    hkp_mesh_node_free(node);
    return st;
}

static void every_allocation_may_fail(void) {
    long budget = 0;
    for (;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_mesh_node_options o = good;
        hkp_mesh_node *node = NULL;
        o.mem = failing_mem(&f);
        hkp_status st = hkp_mesh_node_new(&node, &o, 1, wall_us());
        if (st == HKP_OK) {
            hkp_mesh_node_free(node);
            CHECK_EQ(f.live, 0);
            break;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(node == NULL);
        CHECK_EQ(f.live, 0);
        if (check_faults > 0) return;
    }
    CHECK(budget > 5);
}

static void what_does_not_belong_together_is_refused(void) {
    struct hkp_mesh_node_options o = good;
    CHECK_EQ(made(&o), HKP_OK);
    o.a_seed[0] ^= 1;
    CHECK(made(&o) != HKP_OK);
    o = good;
    o.s_secret[5] ^= 1;
    CHECK(made(&o) != HKP_OK);
    o = good;
    o.rebase[70] ^= 1;
    CHECK(made(&o) != HKP_OK);
    o = good;
    o.policy_key[3] ^= 1;
    CHECK(made(&o) != HKP_OK);
    genesis[20] ^= 1; /* another name of the mesh: another chain */
    CHECK(made(&good) != HKP_OK);
    genesis[20] ^= 1;
    certificate[60] ^= 1;
    CHECK(made(&good) != HKP_OK);
    certificate[60] ^= 1;
    peer_certificate[1][60] ^= 1;
    CHECK(made(&good) != HKP_OK);
    peer_certificate[1][60] ^= 1;
    peers[0].s[0] ^= 1; /* its certificate names another key */
    CHECK(made(&good) != HKP_OK);
    peers[0].s[0] ^= 1;
    CHECK_EQ(made(&good), HKP_OK);
}

static void options_out_of_range_are_refused(void) {
    struct hkp_mesh_node_options o = good;
    o.rng.fill = NULL;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.ter_period_us = 99999;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.ter_batch_ns = 5000000001;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.heartbeat_s = 121;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.rekey_s = 9;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.commit_every = 65537;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    o.telemetry_s = HKP_MESH_TELEMETRY_S_MIN - 1;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o.telemetry_s = HKP_MESH_TELEMETRY_S_MAX + 1;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o.telemetry_s = HKP_MESH_TELEMETRY_S_MAX;
    CHECK_EQ(made(&o), HKP_OK);
    o = good;
    o.attest = HKP_DSM_EVIDENCE_TPM + 1;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o = good;
    peers[2].port = 0;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    peers[2].port = 9002;
    o.struct_size = 8;
    CHECK_EQ(made(&o), HKP_E_INVAL);
}

/* D-AUTH-3: nothing is demanded without a policy, and nothing by a node that gives no quotes itself. */
static void a_policy_of_quotes_is_whole_or_refused(void) {
    static const uint8_t digests[(HKP_MESH_ATTEST_DIGESTS + 1) * 32], area[64];
    struct hkp_mesh_node_options o = good;
    struct hkp_mesh_attest_policy p;
    hkp_mesh_attest_policy_init(&p, sizeof p);
    o.attest = HKP_DSM_EVIDENCE_TPM;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    o.attest_policy = &p;
    p.pcr_mask = 1;
    p.pcr_digests = digests;
    p.n_pcr_digests = 1;
    CHECK_EQ(made(&o), HKP_E_INVAL); /* without a key of its own */
    p.ak_area = area;
    p.ak_area_len = sizeof area;
    CHECK_EQ(made(&o), HKP_E_INVAL); /* which its certificate does not name */
    p.ak_area = NULL;
    o.attest = HKP_DSM_EVIDENCE_SOFTWARE;
    CHECK_EQ(made(&o), HKP_OK);
    p.n_pcr_digests = HKP_MESH_ATTEST_DIGESTS + 1;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.n_pcr_digests = 1;
    p.pcr_digests = NULL;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.pcr_digests = digests;
    p.pcr_mask = 1U << 24;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.pcr_mask = 1;
    p.every_s = 5;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.every_s = 601;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.every_s = 600;
    p.reserved0 = 1;
    CHECK_EQ(made(&o), HKP_E_INVAL);
    p.reserved0 = 0;
    p.struct_size = 4;
    CHECK_EQ(made(&o), HKP_E_INVAL);
}

static void calls_out_of_order_change_nothing(void) {
    hkp_mesh_node *node = NULL;
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    uint8_t cursor[104] = {0}, boot[16] = {1}, ter[64] = {0}, root_of[32] = {0};
    struct hkp_mesh_record rec = {.ioc_type = HKP_MESH_IOC_IP4};
    struct hkp_mesh_event ev = {.struct_size = 4};
    uint64_t seq;
    CHECK_EQ(hkp_mesh_node_new(&node, &good, 1, wall_us()), HKP_OK);
    CHECK_EQ(hkp_mesh_quoted(node, 2, wall_us(), 0, HKP_OK, ter, 1, ter, sizeof ter), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_mesh_quoted(node, 2, wall_us(), 7, HKP_OK, ter, 1, ter, sizeof ter), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_mesh_join(node, 2, wall_us()), HKP_E_MESH_STATE); /* where its log ends is not known */
    CHECK_EQ(hkp_mesh_restore(node, "own-00.instance", ter, 64), HKP_E_STATE);
    CHECK_EQ(hkp_mesh_ter(node, 2, wall_us(), ter, root_of, 0), HKP_E_STATE);
    CHECK_EQ(hkp_mesh_report_threat(node, 2, wall_us(), &rec, &seq), HKP_E_STATE);
    CHECK_EQ(hkp_mesh_event(node, &ev), HKP_E_INVAL);
    cursor[0] = 7; /* an index without its last TER */
    CHECK_EQ(hkp_mesh_log_end(node, cursor, NULL, NULL, boot), HKP_E_INVAL);
    cursor[0] = 0;
    CHECK_EQ(hkp_mesh_log_end(node, cursor, NULL, NULL, boot), HKP_OK);
    CHECK_EQ(hkp_mesh_restore(node, "own-00.instance", ter, 64), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_mesh_node_status(node, &s), HKP_OK);
    CHECK_EQ(s.state, HKP_MESH_NODE_DORMANT);
    CHECK_EQ(hkp_mesh_join(node, 3, wall_us()), HKP_OK);
    CHECK_EQ(hkp_mesh_join(node, 4, wall_us()), HKP_E_MESH_STATE);
    CHECK(hkp_mesh_ter(node, 4, wall_us(), ter, root_of, 0) != HKP_OK); /* no TER: its time is 0 */
    hkp_mesh_stored(node, 5, 12345, HKP_OK); /* a ticket that was never given out */
    hkp_mesh_logged(node, 5, 12345, HKP_OK);
    hkp_mesh_log_records(node, 5, 12345, 0, NULL, 0, 0);
    hkp_mesh_node_free(node);
    hkp_mesh_node_free(NULL);
}

static void amber_stays_here(void) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    uint8_t address[4] = {8, 42, 77, 171};
    struct hkp_mesh_record rec = {.ioc_type = HKP_MESH_IOC_IP4,
                                  .value = address,
                                  .value_len = 4,
                                  .threat = 1,
                                  .severity = 2,
                                  .confidence = 50,
                                  .tlp = HKP_MESH_TLP_AMBER};
    uint64_t seq = 0;
    members_introduce(mesh);
    member_options(&mesh[0], &o);
    CHECK_EQ(hkp_mesh_runner_new(&mesh[0].runner, &o, &fault), HKP_OK);
    rec.valid_from_s = wall_us() / 1000000;
    rec.valid_until_s = rec.valid_from_s + 60;
    for (int i = 0; i < 50; i++) CHECK_EQ(hkp_mesh_runner_step(mesh[0].runner, 10), HKP_OK);
    hkp_mesh_node *node = hkp_mesh_runner_node(mesh[0].runner);
    CHECK_EQ(hkp_mesh_report_threat(node, 0, wall_us(), &rec, &seq), HKP_E_MESH_TLP);
    rec.tlp = HKP_MESH_TLP_GREEN;
    CHECK_EQ(hkp_mesh_report_threat(node, 0, wall_us(), &rec, &seq), HKP_OK);
    CHECK_EQ(seq, 1);
    hkp_mesh_runner_free(mesh[0].runner);
}

static void a_second_process_is_kept_out(void) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    hkp_mesh_runner *second = NULL;
    member_options(&mesh[0], &o);
    CHECK_EQ(hkp_mesh_runner_new(&mesh[0].runner, &o, &fault), HKP_OK);
    CHECK(hkp_mesh_runner_new(&second, &o, &fault) != HKP_OK);
    CHECK(second == NULL && fault.why[0] != 0);
    CHECK_EQ(hkp_mesh_runner_step(mesh[0].runner, 1), HKP_OK);
    hkp_mesh_runner_free(mesh[0].runner);
}

static void what_is_no_socket_is_not_removed(void) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    hkp_mesh_runner *runner = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/precious", root);
    CHECK_EQ(member_write(path, "data\n"), 0);
    member_options(&mesh[0], &o);
    o.control = path;
    CHECK(hkp_mesh_runner_new(&runner, &o, &fault) != HKP_OK);
    CHECK(runner == NULL && access(path, F_OK) == 0);
}

static void the_folders_are_removed(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    CHECK_EQ(system(command), 0);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_mesh_is_provisioned);
    CASE(every_allocation_may_fail);
    CASE(what_does_not_belong_together_is_refused);
    CASE(options_out_of_range_are_refused);
    CASE(a_policy_of_quotes_is_whole_or_refused);
    CASE(calls_out_of_order_change_nothing);
    CASE(amber_stays_here);
    CASE(a_second_process_is_kept_out);
    CASE(what_is_no_socket_is_not_removed);
    CASE(the_folders_are_removed);
    return check_done();
}
