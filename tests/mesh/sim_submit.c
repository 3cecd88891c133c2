/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What operators give to members and command of them, in a virtual world: lists, certificates, questions,
 * RETIRE and tombstone. */
#include "node_world.h"

#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/submit.h>

static const uint8_t bad_host[4] = {45, 155, 205, 233};

static void start(uint64_t seed) {
    world_make(4, seed);
    for (uint32_t i = 0; i < 4; i++) world_up(i);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
}

static void all_trust(void) {
    world_all_trust(4);
    CHECK(world_until(NULL, WORLD_S));
}

static const struct hkp_mesh__link *link_to(uint32_t i, uint32_t k) {
    return hkp_mesh__link_best(world.node[i].node, world_inside(i, k));
}

/* A multi of the one officer of a provisioned mesh. */
static size_t officer_signs(uint32_t kind, const uint8_t *body, size_t len, uint8_t *multi, size_t cap) {
    uint8_t officer[64], signature[64];
    char dir[80];
    size_t out = 0;
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "officer.key", officer, 64), 64);
    CHECK_EQ(
        hkp_dsm_multi_sign(signature, world.node[0].node->chain_id, kind, 1, officer, body, len, NULL, 0),
        HKP_OK);
    struct hkp_dsm_multi m = {
        .kind = kind, .ca_version = 1, .body = {body, len}, .n_signatures = 1, .signature = {signature}};
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &out), HKP_OK);
    return out;
}

static size_t make_dated(uint64_t number, uint64_t age_s, uint32_t who, uint64_t serial, uint8_t *multi,
                         size_t cap) {
    struct hkp_dsm_revocation e = {.serial = serial, .reason = HKP_DSM_REVOKED_SUPERSEDED};
    struct hkp_dsm_revocations list = {.number = number, .n_entries = serial > 0};
    uint8_t body[256];
    size_t len = 0;
    memcpy(e.node_id, world.node[who].node_id, 16);
    list.this_update_s = world_wall() / 1000000 - age_s;
    list.next_update_s = list.this_update_s + 86400;
    CHECK_EQ(hkp_dsm_revocations_build(&list, &e, body, sizeof body, &len), HKP_OK);
    return officer_signs(HKP_DSM_KIND_REVOCATION_LIST, body, len, multi, cap);
}

static size_t make_list(uint32_t who, uint64_t serial, uint8_t *multi, size_t cap) {
    return make_dated(1, 0, who, serial, multi, cap);
}

static size_t make_certificate(uint32_t who, uint64_t serial, uint8_t *multi, size_t cap) {
    struct hkp_dsm_certificate c;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX];
    size_t len = 0;
    const struct world_node *w = &world.node[who];
    CHECK_EQ(hkp_dsm_certificate_parse(w->certificate, w->opt.certificate_len, &c), HKP_OK);
    c.serial = serial;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &len), HKP_OK);
    return officer_signs(HKP_DSM_KIND_CERTIFICATE, body, len, multi, cap);
}

static hkp_status give(uint32_t i, const uint8_t *object, size_t len) {
    uint32_t kind = 0;
    return hkp_mesh_submit(world.node[i].node, world.now, world_wall(), object, len, &kind);
}

static int all_hold_it_of_3(void) {
    for (uint32_t i = 0; i < 4; i++)
        if (hkp_dsm_node_revoked(hkp_mesh_dsm(world.node[i].node), world.node[3].node_id) != 1) return 0;
    return 1;
}

static int all_know_the_later_one(void) {
    struct hkp_dsm_member m = {.struct_size = sizeof m};
    for (uint32_t i = 0; i < 4; i++)
        if (hkp_dsm_node_member(hkp_mesh_dsm(world.node[i].node), world.node[3].node_id, &m) != HKP_OK ||
            m.serial != 2)
            return 0;
    return 1;
}

/* D-CA-8: the chain judges members, so these keep lanes 0 and 1 among themselves, and nothing else. */
static void a_revoked_member_keeps_consensus_only(void) {
    uint8_t list[512], later[1024];
    start(41);
    all_trust();
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(world_inside(i, 3)->dsm_lanes, HKP_DSM_LANES_ALL);
    const uint64_t session = link_to(0, 3)->session;
    size_t len = make_list(3, 1, list, sizeof list);
    CHECK_EQ(give(0, list, len), HKP_OK);
    CHECK_EQ(give(0, list, len), HKP_E_DSM_DUPLICATE);
    CHECK(world_until(all_hold_it_of_3, 60 * WORLD_S));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(world_inside(i, 3)->dsm_lanes, HKP_DSM_LANES_SAFETY);
        CHECK_EQ(world_inside(i, 3)->barred, 0);
        CHECK_EQ(world_inside(i, (i + 1) % 3)->dsm_lanes, HKP_DSM_LANES_ALL);
    }
    CHECK(link_to(0, 3) != NULL && link_to(0, 3)->session == session);
    /* a certificate of a serial above the list's ends that where it is known */
    len = make_certificate(3, 2, later, sizeof later);
    CHECK_EQ(give(1, later, len), HKP_OK);
    CHECK_EQ(give(1, later, len), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(hkp_mesh__peer_revoked(world.node[1].node, world_inside(1, 3)), 0);
    CHECK(world_until(all_know_the_later_one, 60 * WORLD_S));
    world_end();
}

/* Who has no seat itself is no member among members: it speaks no more with whom the list bars. */
static void who_is_barred_gets_no_session(void) {
    uint8_t list[512];
    struct hkp_htp_registry r;
    struct hkp_htp_record record;
    struct hkp_htp_identity id;
    start(42);
    struct hkp_mesh_node *node = world.node[0].node;
    world_inside(0, 3)->seated = 0;
    hkp_mesh__registry(node, &r);
    CHECK_EQ(r.find(r.user, world.node[3].node_id, &record), HKP_OK);
    CHECK_EQ(record.status, HKP_HTP_NODE_ACTIVE);
    const size_t len = make_list(3, 1, list, sizeof list);
    CHECK_EQ(give(0, list, len), HKP_OK);
    CHECK(world_until(all_hold_it_of_3, 60 * WORLD_S));
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK(link_to(0, 3) == NULL);
    CHECK_EQ(world_inside(0, 3)->barred, 1);
    CHECK(world.node[0].facts[HKP_MESH_EVENT_REFUSED] >= 1);
    CHECK_EQ(r.find(r.user, world.node[3].node_id, &record), HKP_OK);
    CHECK_EQ(record.status, HKP_HTP_NODE_REVOKED);
    CHECK_EQ(r.certificate(r.user, HKP_HTP_CERT_WHOLE, world.node[3].certificate,
                           world.node[3].opt.certificate_len, world_wall(), &id),
             HKP_E_DSM_REVOKED);
    CHECK_EQ(r.certificate(r.user, HKP_HTP_CERT_WHOLE, world.node[2].certificate,
                           world.node[2].opt.certificate_len, world_wall(), &id),
             HKP_OK);
    CHECK(link_to(0, 1) != NULL && link_to(0, 2) != NULL);
    world_end();
}

static int told_of_lists(void) { return world.node[2].facts[HKP_MESH_EVENT_LISTS] > 0; }

static void an_old_list_is_told_and_so_is_the_next(void) {
    uint8_t list[512];
    uint32_t *told = &world.node[2].facts[HKP_MESH_EVENT_LISTS];
    start(48);
    size_t len = make_dated(1, 8 * 86400, 3, 0, list, sizeof list);
    CHECK_EQ(give(2, list, len), HKP_OK);
    CHECK(world_until(told_of_lists, 20 * WORLD_S));
    CHECK(world_until(NULL, 2 * WORLD_S));
    CHECK_EQ(*told, 1);
    *told = 0;
    len = make_dated(2, 0, 3, 0, list, sizeof list);
    CHECK_EQ(give(2, list, len), HKP_OK);
    CHECK(world_until(told_of_lists, 20 * WORLD_S));
    CHECK(world_until(NULL, 2 * WORLD_S));
    CHECK_EQ(*told, 1);
    world_end();
}

/* D-CA-8: whatever was there before a list came to be old goes on, and what begins behind it has no more than
 * consensus, until the next list. */
static void a_session_that_begins_behind_an_old_list_carries_consensus_only(void) {
    uint8_t list[512];
    start(49);
    size_t len = make_dated(1, 8 * 86400, 3, 0, list, sizeof list);
    CHECK_EQ(give(2, list, len), HKP_OK);
    CHECK(world_until(told_of_lists, 20 * WORLD_S));
    all_trust();
    CHECK_EQ(world_inside(2, 1)->dsm_lanes, HKP_DSM_LANES_ALL);
    world_leave(1);
    world_up(1);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    all_trust();
    CHECK_EQ(world_inside(2, 1)->dsm_lanes, HKP_DSM_LANES_SAFETY);
    CHECK_EQ(world_inside(2, 0)->dsm_lanes, HKP_DSM_LANES_ALL);
    world.node[2].facts[HKP_MESH_EVENT_LISTS] = 0;
    len = make_dated(2, 0, 3, 0, list, sizeof list);
    CHECK_EQ(give(2, list, len), HKP_OK);
    CHECK(world_until(told_of_lists, 20 * WORLD_S));
    CHECK(world_until(NULL, 2 * WORLD_S));
    CHECK_EQ(world_inside(2, 1)->dsm_lanes, HKP_DSM_LANES_ALL);
    world_end();
}

/* ---- indicators ---- */

static int found(uint32_t i) {
    static struct hkp_mesh_match m;
    m.struct_size = sizeof m;
    return hkp_mesh_intel_lookup(hkp_mesh_node_intel(world.node[i].node), world_wall() / 1000000,
                                 HKP_MESH_IOC_IP4, bad_host, 4, &m) == HKP_OK;
}

static int all_found(void) { return found(0) && found(1) && found(2) && found(3); }
static int none_found(void) { return !found(0) && !found(1) && !found(2) && !found(3); }

static void report(void) {
    struct hkp_mesh_record rec = {.value = bad_host,
                                  .value_len = 4,
                                  .ioc_type = HKP_MESH_IOC_IP4,
                                  .threat = HKP_MESH_THREAT_ANOMALY,
                                  .severity = 3,
                                  .confidence = 60,
                                  .tlp = HKP_MESH_TLP_GREEN,
                                  .evidence = 1};
    uint64_t seq = 0;
    rec.valid_from_s = world_wall() / 1000000;
    rec.valid_until_s = rec.valid_from_s + 86400;
    CHECK_EQ(hkp_mesh_report_threat(world.node[1].node, world.now, world_wall(), &rec, &seq), HKP_OK);
    CHECK(world_until(all_found, 60 * WORLD_S));
}

static void two_operators_withdraw_an_indicator_for_all(void) {
    uint8_t key[16];
    start(43);
    all_trust();
    report();
    hkp_mesh_ioc_key(HKP_MESH_IOC_IP4, bad_host, 4, key);
    CHECK_EQ(hkp_mesh_tombstone(world.node[0].node, world.now, world_wall(), key), HKP_OK);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK(all_found()); /* one of four */
    CHECK_EQ(hkp_mesh_tombstone(world.node[2].node, world.now, world_wall(), key), HKP_OK);
    CHECK(world_until(none_found, 60 * WORLD_S));
    CHECK_EQ(hkp_mesh_retire(world.node[0].node, world.now, world_wall(), key), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_mesh_retire(world.node[0].node, world.now, world_wall(), world.node[3].node_id), HKP_OK);
    world_end();
}

/* ---- proofs ---- */

static int answered(void) { return world.node[2].facts[HKP_MESH_EVENT_PROOF] > 0; }

static hkp_status proof_of(uint32_t what, const uint8_t key[32]) {
    uint64_t ticket = 0;
    struct world_node *w = &world.node[2];
    w->facts[HKP_MESH_EVENT_PROOF] = 0;
    w->proof_height = 0;
    const hkp_status st = what == UINT32_MAX ? hkp_mesh_prove_head(w->node, world.now, key, &ticket)
                                             : hkp_mesh_ask(w->node, world.now, what, key, 0, &ticket);
    if (st != HKP_OK) return st;
    CHECK(world_until(answered, 60 * WORLD_S));
    return w->proof_status;
}

static void peers_prove_once_they_are_asked_by_who_has_the_lane(void) {
    uint8_t key[32] = {0};
    start(44);
    memcpy(key, world.node[1].node_id, 16);
    CHECK_EQ(proof_of(UINT32_MAX, key), HKP_E_NOTFOUND); /* nothing of it is final */
    report();
    CHECK(world_until(NULL, 20 * WORLD_S));
    CHECK_EQ(proof_of(UINT32_MAX, key), HKP_OK);
    CHECK(world.node[2].proof_height > 0);
    CHECK_EQ(proof_of(HKP_DSM_ASK_HEAD, key), HKP_E_NOTFOUND); /* sessions of a minute: nobody is asked */
    CHECK_EQ(world.node[2].facts[HKP_MESH_EVENT_PROOF], 0);
    all_trust();
    CHECK_EQ(proof_of(HKP_DSM_ASK_HEAD, key), HKP_OK);
    CHECK(world.node[2].proof_height > 0);
    key[0] ^= 1;
    CHECK_EQ(proof_of(HKP_DSM_ASK_HEAD, key), HKP_E_NOTFOUND);
    CHECK_EQ(world.node[2].facts[HKP_MESH_EVENT_PROOF], 1);
    world_end();
}

/* ---- from node to node ---- */

static size_t make_request(uint8_t *request, size_t cap) {
    struct hkp_dsm_request q = {.roles = HKP_DSM_ROLE_EDGE, .tier = HKP_DSM_TIER_GUARDIAN};
    uint8_t public_key[32], secret[64], seed[32] = {5};
    size_t len = 0;
    crypto_sign_seed_keypair(public_key, secret, seed);
    CHECK_EQ(hkp_dsm_request_build(world.node[0].node->chain_id, &q, secret, request, cap, &len), HKP_OK);
    return len;
}

static hkp_status post(uint32_t from, uint32_t to, const uint8_t *object, size_t len) {
    const hkp_status st =
        hkp_mesh_post(world.node[from].node, world.now, world.node[to].node_id, object, len);
    CHECK(world_until(NULL, 2 * WORLD_S));
    return st;
}

static void requests_go_to_the_operator_of_one_peer(void) {
    uint8_t request[HKP_DSM_REQUEST_MAX], nobody[16] = {1};
    start(45);
    size_t len = make_request(request, sizeof request);
    CHECK_EQ(post(3, 0, request, len), HKP_OK);
    CHECK_EQ(world.node[0].posts, 1);
    CHECK_EQ(world.node[0].post_kind, HKP_DSM_KIND_CERT_REQUEST);
    CHECK_EQ(world.node[0].post_len, len);
    CHECK_MEM(world.node[0].post, request, len);
    CHECK_MEM(world.node[0].post_from, world.node[3].node_id, 16);
    CHECK_EQ(world.node[1].posts + world.node[2].posts + world.node[3].posts, 0);
    CHECK_EQ(post(0, 3, request, len), HKP_OK); /* the other way, a stream of its own */
    CHECK_EQ(world.node[3].posts, 1);
    const uint64_t refused = world.node[0].node->refused;
    request[len - 1] ^= 1;
    CHECK_EQ(post(3, 0, request, len), HKP_OK); /* nobody holds that key: refused over there */
    CHECK_EQ(world.node[0].posts, 1);
    CHECK_EQ(world.node[0].node->refused, refused + 1);
    request[len - 1] ^= 1;
    for (int i = 0; i < 40; i++) /* one peer does not fill what the host has */
        CHECK_EQ(hkp_mesh_post(world.node[3].node, world.now, world.node[0].node_id, request, len), HKP_OK);
    CHECK(world_until(NULL, 2 * WORLD_S));
    CHECK_EQ(world.node[0].posts, 2);
    CHECK_EQ(hkp_mesh_post(world.node[3].node, world.now, nobody, request, len), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_mesh_post(world.node[3].node, world.now, nobody, request, len - 1),
             HKP_E_DSM_CBOR_TRUNCATED);
    world_end();
}

static void what_is_complete_counts_there_and_spreads(void) {
    uint8_t list[512], certificate[1024];
    start(46);
    size_t len = make_list(3, 1, list, sizeof list);
    list[len - 1] ^= 1;
    CHECK_EQ(post(1, 2, list, len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_revoked(hkp_mesh_dsm(world.node[2].node), world.node[3].node_id), 0);
    list[len - 1] ^= 1;
    CHECK_EQ(post(1, 2, list, len), HKP_OK);
    CHECK(world_until(all_hold_it_of_3, 60 * WORLD_S));
    len = make_certificate(3, 2, certificate, sizeof certificate); /* its owner's operator gets the file */
    CHECK_EQ(post(1, 3, certificate, len), HKP_OK);
    CHECK(world_until(all_know_the_later_one, 60 * WORLD_S));
    CHECK_EQ(world.node[3].posts, 1);
    CHECK_EQ(world.node[3].post_len, len);
    CHECK_MEM(world.node[3].post, certificate, len);
    CHECK_EQ(world.node[0].posts + world.node[1].posts + world.node[2].posts, 0);
    world_end();
}

/* HTP-8.6: class POLICY of a peer with little trust carries no writes. */
static void policy_is_written_by_the_trusted_only(void) {
    const uint8_t workload[32] = {7};
    const struct hkp_dsm_order o = {.scope = HKP_DSM_ORDER_WORKLOAD, .number = 1, .bytes = {workload, 32}};
    uint8_t body[128], order[256];
    size_t len = 0;
    uint32_t kind = 0;
    start(47);
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_OK);
    len = officer_signs(HKP_DSM_KIND_ORDER, body, len, order, sizeof order);
    const uint64_t refused = world.node[0].node->refused;
    CHECK_EQ(post(1, 0, order, len), HKP_OK);
    CHECK_EQ(world.node[0].node->refused, refused + 1);
    all_trust();
    CHECK_EQ(post(1, 0, order, len), HKP_OK);
    CHECK_EQ(world.node[0].node->refused, refused + 1);
    CHECK_EQ(hkp_mesh_submit(world.node[0].node, world.now, world_wall(), order, len, &kind),
             HKP_E_DSM_DUPLICATE); /* it came */
    CHECK_EQ(kind, HKP_DSM_KIND_ORDER);
    world_end();
}

int main(void) {
    CASE(a_revoked_member_keeps_consensus_only);
    CASE(who_is_barred_gets_no_session);
    CASE(an_old_list_is_told_and_so_is_the_next);
    CASE(a_session_that_begins_behind_an_old_list_carries_consensus_only);
    CASE(two_operators_withdraw_an_indicator_for_all);
    CASE(peers_prove_once_they_are_asked_by_who_has_the_lane);
    CASE(requests_go_to_the_operator_of_one_peer);
    CASE(what_is_complete_counts_there_and_spreads);
    CASE(policy_is_written_by_the_trusted_only);
    return check_done();
}
