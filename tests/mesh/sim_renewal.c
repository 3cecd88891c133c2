/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Certificates that end and follow each other while nodes run, in a virtual world (D-CERT-3, D-CA-5,
 * HTP-8.7). */
#include "node_world.h"

#include <hookprobe/dsm/officer.h>
#include <hookprobe/mesh/submit.h>

enum { BEGAN_AGO_S = 200, LIFE_S = 450 };

static uint64_t wall_s(void) { return world_wall() / 1000000; }
static struct world_node *three(void) { return &world.node[3]; }

static struct hkp_dsm_certificate certificate_of_3(void) {
    struct hkp_dsm_certificate c;
    CHECK_EQ(hkp_dsm_certificate_parse(three()->certificate, three()->opt.certificate_len, &c), HKP_OK);
    return c;
}

/* The fourth has 100 s until its renewal begins, and 250 until its certificate is over. */
static uint32_t evidence;
static void start(uint64_t seed) {
    world_make(4, seed);
    struct hkp_dsm_certificate c = certificate_of_3();
    c.not_before_s = wall_s() - BEGAN_AGO_S;
    c.not_after_s = c.not_before_s + LIFE_S;
    world_certify(3, &c);
    for (uint32_t i = 0; i < 4; i++) {
        world.node[i].opt.attest = evidence;
        world_up(i);
    }
    CHECK(world_until(world_all_active, 60 * WORLD_S));
}

static size_t next_certificate(struct hkp_dsm_certificate *c, uint8_t *multi, size_t cap) {
    *c = certificate_of_3();
    c->serial = 2;
    c->not_before_s = wall_s();
    c->not_after_s = wall_s() + 30 * 86400;
    return world_certificate(c, multi, cap);
}

static hkp_status give(uint32_t i, const uint8_t *object, size_t len) {
    uint32_t kind = 0;
    return hkp_mesh_submit(world.node[i].node, world.now, world_wall(), object, len, &kind);
}

static struct hkp_mesh_renewal_status own(void) {
    struct hkp_mesh_renewal_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_mesh_renewal_status(three()->node, &s), HKP_OK);
    return s;
}

static int is_due(void) { return three()->renewal[HKP_MESH_RENEWAL_DUE] > 0; }
static int is_over(void) { return three()->renewal[HKP_MESH_RENEWAL_ENDED] > 0; }

static int all_use_the_next(void) {
    for (uint32_t i = 0; i < 3; i++)
        if (world_inside(i, 3)->serial != 2) return 0;
    return own().serial == 2;
}

/* ---- in time ---- */

/* As an officer judges it (D-CA-5). */
static hkp_status officer_says(const struct hkp_dsm_certificate *c, const uint8_t *request, size_t len) {
    static uint8_t old[1024];
    const struct hkp_mesh_node *node = three()->node;
    struct hkp_dsm_record record = {.len = 0};
    struct hkp_dsm_promise promise;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX];
    size_t body_len = 0;
    memcpy(record.chain_id, node->chain_id, 32);
    memcpy(old, three()->certificate, three()->opt.certificate_len);
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &body_len), HKP_OK);
    const struct hkp_dsm_matter m = {.struct_size = sizeof m,
                                     .kind = HKP_DSM_KIND_CERTIFICATE,
                                     .body = {body, body_len},
                                     .now_s = wall_s(),
                                     .set = &node->ca,
                                     .officers = &node->officers,
                                     .request = {request, len},
                                     .certificate = {old, three()->opt.certificate_len}};
    return hkp_dsm_officer_judge(&record, &m, &promise);
}

static void at_two_thirds_a_request_that_officers_agree_to_is_made_once(void) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_request q;
    uint8_t multi[1024];
    start(61);
    const struct hkp_mesh_renewal_status s = own();
    CHECK_EQ(s.serial, 1);
    CHECK_EQ(s.renew_s - s.not_before_s, LIFE_S / 3 * 2);
    CHECK_EQ(s.not_after_s - s.not_before_s, LIFE_S);
    CHECK_EQ(is_due(), 0);
    CHECK(world_until(is_due, 300 * WORLD_S));
    CHECK(wall_s() >= s.renew_s && wall_s() <= s.renew_s + 2);
    CHECK_EQ(hkp_dsm_request_check(three()->renewal_data, three()->renewal_len, three()->node->chain_id, &q),
             HKP_OK);
    CHECK_MEM(q.node_id, three()->node_id, 16);
    CHECK_EQ(q.roles, certificate_of_3().roles);
    (void)next_certificate(&c, multi, sizeof multi);
    CHECK_EQ(officer_says(&c, three()->renewal_data, three()->renewal_len), HKP_OK);
    c.roles |= HKP_DSM_ROLE_CA;
    CHECK(officer_says(&c, three()->renewal_data, three()->renewal_len) != HKP_OK);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_DUE], 1);
    CHECK_EQ(is_over(), 0);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(world.node[i].renewal[HKP_MESH_RENEWAL_DUE], 0);
    world_end();
}

/* ---- the next one ---- */

static uint32_t published(void) { return world.node[0].facts[HKP_MESH_EVENT_THREAT]; }
static uint32_t published_before;
static int one_more(void) { return published() > published_before; }

static void report(uint8_t last) {
    const uint8_t host[4] = {45, 155, 205, last};
    struct hkp_mesh_record rec = {.value = host,
                                  .value_len = 4,
                                  .ioc_type = HKP_MESH_IOC_IP4,
                                  .threat = HKP_MESH_THREAT_ANOMALY,
                                  .severity = 3,
                                  .confidence = 60,
                                  .tlp = HKP_MESH_TLP_GREEN,
                                  .evidence = 1};
    uint64_t seq = 0;
    rec.valid_from_s = wall_s();
    rec.valid_until_s = rec.valid_from_s + 86400;
    published_before = published();
    CHECK_EQ(hkp_mesh_report_threat(three()->node, world.now, world_wall(), &rec, &seq), HKP_OK);
    CHECK(world_until(one_more, 60 * WORLD_S));
}

static const struct hkp_mesh__link *link_to(uint32_t i, uint32_t k) {
    return hkp_mesh__link_best(world.node[i].node, world_inside(i, k));
}

static int is_linked_anew(void) { return world.node[2].node->started && link_to(2, 3) != NULL; }

/* D-CERT-2: after the end of the first a block that named it would be refused. */
static void a_next_certificate_is_used_by_all_without_a_restart(void) {
    struct hkp_dsm_certificate c;
    uint8_t multi[1024], shown[HKP_HTP_CERTIFICATE_MAX];
    size_t shown_len = 0;
    start(62);
    const struct hkp_mesh_renewal_status before = own();
    CHECK(world_until(is_due, 300 * WORLD_S));
    const size_t len = next_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(1, multi, len), HKP_OK); /* any node: it goes to all, also to its owner */
    CHECK(world_until(all_use_the_next, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 1);
    CHECK_EQ(three()->renewal_len, len);
    CHECK_MEM(three()->renewal_data, multi, len);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(world_inside(i, 3)->not_after_s, c.not_after_s);
    world.now +=
        (before.not_after_s + 400 - wall_s()) * WORLD_S; /* all were asleep until the first was over */
    CHECK(world_until(world_all_active, 120 * WORLD_S));
    CHECK_EQ(is_over(), 0);
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_DUE], 1);
    report(1);
    world_crash(2);
    world_up(2);
    CHECK(world_until(is_linked_anew, 60 * WORLD_S));
    CHECK_EQ(link_to(2, 3)->stale, 0);
    CHECK_EQ(hkp_htp_session_certificate(world.node[2].node->htp, link_to(2, 3)->session, shown, sizeof shown,
                                         &shown_len),
             HKP_OK);
    CHECK_EQ(shown_len, len);
    CHECK_MEM(shown, multi, len);
    world_end();
}

static void a_start_uses_what_the_store_holds_and_tells_it_again(void) {
    struct hkp_dsm_certificate c;
    uint8_t multi[1024];
    start(63);
    const size_t len = next_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(3, multi, len), HKP_OK);
    CHECK(world_until(all_use_the_next, 30 * WORLD_S));
    world_crash(3); /* before the host had written the file */
    world_up(3);
    CHECK_EQ(certificate_of_3().serial, 1);
    CHECK(world_until(all_use_the_next, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 2);
    CHECK_EQ(is_due(), 0);
    world_end();
}

/* ---- over ---- */

static int all_are_limited(void) {
    for (uint32_t i = 0; i < 3; i++)
        if (world_inside(i, 3)->dsm_lanes == HKP_DSM_LANES_ALL) return 0;
    return 1;
}

static int all_are_whole(void) {
    world_all_trust(4);
    for (uint32_t i = 0; i < 3; i++)
        if (world_inside(i, 3)->dsm_lanes != HKP_DSM_LANES_ALL ||
            world_inside(3, i)->dsm_lanes != HKP_DSM_LANES_ALL)
            return 0;
    return 1;
}

static void sessions_are_stale_when_it_is_over_and_whole_when_both_are_current(void) {
    struct hkp_dsm_certificate c;
    uint8_t multi[1024];
    start(64);
    CHECK(world_until(all_are_whole, 5 * WORLD_S));
    CHECK(world_until(is_over, 600 * WORLD_S));
    CHECK(wall_s() > own().not_after_s && wall_s() <= own().not_after_s + 2);
    CHECK(world_until(all_are_limited, 5 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_ENDED], 1);
    world_crash(0); /* its next session begins stale */
    world_up(0);
    CHECK(world_until(NULL, 60 * WORLD_S));
    CHECK(link_to(0, 3) != NULL);
    world_all_trust(4);
    CHECK(all_are_limited());
    const uint64_t session[2] = {link_to(0, 3)->session, link_to(1, 3)->session};
    /* as one of mode N that showed the expired one */
    for (int i = 0; i < HKP_MESH__LINKS; i++) world_inside(1, 3)->links[i].stale = 1;
    const size_t len = next_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(3, multi, len), HKP_OK);
    CHECK(world_until(all_use_the_next, 60 * WORLD_S));
    CHECK(world_until(all_are_whole, 60 * WORLD_S));
    CHECK(link_to(0, 3)->session == session[0] && link_to(1, 3)->session == session[1]);
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_ENDED], 1);
    report(2);
    world_end();
}

/* What belongs to other keys is not used by a node that has the old ones. */
static void one_of_another_static_key_wants_another_start(void) {
    struct hkp_dsm_certificate c;
    uint8_t multi[1024];
    start(65);
    (void)next_certificate(&c, multi, sizeof multi);
    c.static_key[0] ^= 1;
    const size_t len = world_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(0, multi, len), HKP_OK);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_OTHER], 1);
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 0);
    CHECK_EQ(own().serial, 1);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(world_inside(i, 3)->serial, 1);
    report(3);
    world_end();
}

/* ---- two of one serial ---- */

static struct hkp_dsm_certificate counts;

static int all_use_what_counts(void) {
    for (uint32_t i = 0; i < 3; i++)
        if (world_inside(i, 3)->not_after_s != counts.not_after_s ||
            world_inside(i, 3)->roles != counts.roles)
            return 0;
    return own().not_after_s == counts.not_after_s && three()->node->own_cert.roles == counts.roles;
}

static uint64_t session_before;
static int is_linked_again(void) {
    return three()->node->started && link_to(0, 3) != NULL && link_to(0, 3)->session != session_before;
}

static size_t another_of_3(uint64_t from_s, uint64_t until_s, uint8_t *multi, size_t cap) {
    counts = certificate_of_3();
    CHECK((counts.roles & HKP_DSM_ROLE_VALIDATOR) != 0);
    counts.roles &= ~(uint32_t)HKP_DSM_ROLE_VALIDATOR;
    counts.not_before_s = from_s;
    counts.not_after_s = until_s;
    return world_certificate(&counts, multi, cap);
}

/* The one with fewer roles (D-CA-9): in sessions that are there, and at the next start. */
static void of_two_of_one_serial_all_use_the_one_that_counts(void) {
    uint8_t multi[1024];
    start(67);
    const size_t len = another_of_3(wall_s(), wall_s() + 86400, multi, sizeof multi);
    const uint64_t session = link_to(1, 3)->session;
    CHECK_EQ(give(1, multi, len), HKP_OK);
    CHECK(world_until(all_use_what_counts, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 1);
    CHECK_EQ(three()->renewal_len, len);
    CHECK_MEM(three()->renewal_data, multi, len);
    CHECK(link_to(1, 3)->session == session);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 1);
    world_crash(3); /* before the host had written the file */
    world_up(3);
    CHECK(world_until(all_use_what_counts, 30 * WORLD_S));
    world_crash(2);
    world_up(2);
    CHECK(world_until(is_linked_anew, 60 * WORLD_S));
    CHECK(world_until(all_use_what_counts, 30 * WORLD_S));
    report(4);
    world_end();
}

static int others_use_what_counts(void) {
    for (uint32_t i = 0; i < 3; i++)
        if (world_inside(i, 3)->roles != counts.roles) return 0;
    return 1;
}

/* Its next session begins with the one that does not count any more, and what that may. */
static void who_was_away_learns_which_of_two_counts(void) {
    uint8_t multi[1024], shown[HKP_HTP_CERTIFICATE_MAX];
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    size_t shown_len = 0;
    start(70);
    session_before = link_to(0, 3)->session;
    world_crash(3);
    const size_t len = another_of_3(wall_s(), wall_s() + 86400, multi, sizeof multi);
    CHECK_EQ(give(1, multi, len), HKP_OK);
    CHECK(world_until(others_use_what_counts, 30 * WORLD_S));
    world_up(3);
    CHECK(world_until(is_linked_again, 60 * WORLD_S));
    const uint64_t session = link_to(0, 3)->session;
    CHECK_EQ(hkp_htp_session_certificate(world.node[0].node->htp, session, shown, sizeof shown, &shown_len),
             HKP_OK);
    CHECK(shown_len != len || memcmp(shown, multi, len) != 0);
    CHECK_EQ(hkp_htp_session_info(world.node[0].node->htp, session, &s), HKP_OK);
    CHECK_EQ(s.peer_roles, counts.roles);
    CHECK(world_until(all_use_what_counts, 30 * WORLD_S));
    report(5);
    world_end();
}

/* Until one of a later serial is there it is the only one that counts. */
static void one_that_counts_and_is_over_is_used_too(void) {
    uint8_t multi[1024];
    start(69);
    const size_t len = another_of_3(wall_s() - 1000, wall_s() - 1, multi, sizeof multi);
    CHECK_EQ(give(1, multi, len), HKP_OK);
    CHECK(world_until(all_use_what_counts, 30 * WORLD_S));
    CHECK(world_until(is_over, 5 * WORLD_S));
    world_end();
}

/* Told once, not every second. */
static void another_of_its_serial_and_of_another_static_key_is_told_once(void) {
    uint8_t multi[1024];
    start(68);
    struct hkp_dsm_certificate c = certificate_of_3();
    c.roles &= ~(uint32_t)HKP_DSM_ROLE_VALIDATOR;
    c.static_key[0] ^= 1;
    const size_t len = world_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(0, multi, len), HKP_OK);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_OTHER], 1);
    CHECK_EQ(three()->renewal[HKP_MESH_RENEWAL_TAKEN], 0);
    world_end();
}

/* ---- attestation ---- */

static struct hkp_mesh__attest *of_3(uint32_t i) {
    return &hkp_mesh__link_best(world.node[i].node, world_inside(i, 3))->attest;
}

static int all_attested(void) {
    for (uint32_t i = 0; i < 3; i++)
        if (!of_3(i)->ok) return 0;
    return 1;
}

static int has_lapsed(void) { return !of_3(1)->ok; }

/* Two peers do not look at the next certificate: one for some seconds, one for ever. */
static void a_node_is_attested_while_its_next_certificate_goes_round(void) {
    struct hkp_dsm_certificate c;
    uint8_t multi[1024];
    evidence = HKP_DSM_EVIDENCE_SOFTWARE;
    start(66);
    evidence = HKP_DSM_EVIDENCE_NONE;
    CHECK(world_until(all_attested, 120 * WORLD_S));
    world_inside(0, 3)->seen.serial = world_inside(1, 3)->seen.serial = UINT64_MAX;
    const size_t len = next_certificate(&c, multi, sizeof multi);
    CHECK_EQ(give(3, multi, len), HKP_OK);
    CHECK(world_until(NULL, 10 * WORLD_S));
    CHECK_EQ(own().serial, 2);
    const uint64_t refused[2] = {world.node[0].node->refused, world.node[1].node->refused};
    of_3(0)->ask_at = of_3(1)->ask_at = world.now; /* now they are told of one that they do not know */
    CHECK(world_until(NULL, 10 * WORLD_S));
    CHECK(all_attested());
    world_inside(0, 3)->seen.serial = 1;
    CHECK(world_until(has_lapsed, 300 * WORLD_S));
    CHECK_EQ(world.node[1].node->refused, refused[1]); /* it lapsed, nothing was judged */
    CHECK_EQ(world.node[0].node->refused, refused[0]);
    CHECK_EQ(of_3(0)->ok, 1);
    CHECK_EQ(world_inside(0, 3)->serial, 2);
    world_inside(1, 3)->seen.serial = 1;
    CHECK(world_until(all_attested, 300 * WORLD_S));
    world_end();
}

int main(void) {
    CASE(at_two_thirds_a_request_that_officers_agree_to_is_made_once);
    CASE(a_next_certificate_is_used_by_all_without_a_restart);
    CASE(a_start_uses_what_the_store_holds_and_tells_it_again);
    CASE(sessions_are_stale_when_it_is_over_and_whole_when_both_are_current);
    CASE(one_of_another_static_key_wants_another_start);
    CASE(of_two_of_one_serial_all_use_the_one_that_counts);
    CASE(who_was_away_learns_which_of_two_counts);
    CASE(one_that_counts_and_is_over_is_used_too);
    CASE(another_of_its_serial_and_of_another_static_key_is_told_once);
    CASE(a_node_is_attested_while_its_next_certificate_goes_round);
    return check_done();
}
