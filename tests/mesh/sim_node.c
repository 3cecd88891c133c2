/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Members in a virtual world: first contact under loss and crashes, fallback, retention, how a node stands.
 */
#include "libter/bytes.h"
#include "node_world.h"

static void tell(void) {
    static const char *const states[] = {"none", "PENDING", "ACTIVE", "STALE", "LOST"};
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k || world.node[i].node == NULL) continue;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            printf("# %u sees %u: up %u mode %s own %s held %s T %u %s\n", i, k, p.up, p.mode ? "R" : "N",
                   states[p.own_state % 5], states[p.held_state % 5], p.trust, p.reason);
        }
}

static void start(uint32_t n, uint64_t seed) {
    world_make(n, seed);
    for (uint32_t i = 0; i < n; i++) world_up(i);
}

static void four_enrol_and_nobody_is_due_in_the_past(void) {
    int before = check_faults;
    start(4, 1);
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 60 * WORLD_S));
    CHECK(world_all_active());
    uint32_t opened = world.node[0].facts[HKP_MESH_EVENT_PEER_UP];
    CHECK(opened <= 3 * 3); /* one in mode N, and each side's in mode R: handshakes are rationed (HTP-4.2) */
    world.ter_period = 10 * WORLD_S; /* what is shown now is of sessions; commits take most of the time */
    CHECK(world_until(NULL, 600 * WORLD_S));
    CHECK_EQ(world.node[0].facts[HKP_MESH_EVENT_PEER_UP], opened); /* what works is left alone */
    if (check_faults > before) tell();
    world_end();
}

static hkp_time deaf_until;
static uint32_t mute;
static int not_from_the_mute(uint32_t from, uint32_t to, uint64_t number) {
    (void)to;
    (void)number;
    return from == mute && world.now < deaf_until;
}

static void two_that_open_at_once_enrol(void) {
    int before = check_faults;
    for (uint64_t k = 0; k < 20 && check_faults == before; k++) {
        start(2, 2);
        mute = memcmp(world.node[0].node_id, world.node[1].node_id, 16) < 0 ? 0 : 1;
        deaf_until = world.now + 2500 * WORLD_MS + k * 30 * WORLD_MS;
        world.lost = not_from_the_mute;
        CHECK(world_until(world_all_active, 40 * WORLD_S));
        if (check_faults > before) {
            printf("# k %u\n", (unsigned)k);
            tell();
        }
        world_end();
    }
}

static uint64_t stop_at;
static int enough_was_sent(void) { return world.sent >= stop_at; }

/* One of two dies after each datagram of the first contact in turn, some 44, and comes back with what it had
 * stored. */
static void a_crash_at_any_step_of_enrolment_heals(void) {
    int before = check_faults;
    for (uint64_t k = 1; k < 48 && check_faults == before; k++)
        for (uint32_t who = 0; who < 2 && check_faults == before; who++) {
            start(2, 3);
            stop_at = k;
            CHECK(world_until(enough_was_sent, 100 * WORLD_S));
            world_crash(who);
            CHECK(!world_until(world_all_active, 50 * WORLD_MS));
            world_up(who);
            CHECK(world_until(world_all_active, 150 * WORLD_S));
            if (check_faults > before) {
                printf("# datagram %u, member %u\n", (unsigned)k, who);
                tell();
            }
            world_end();
        }
}

static int lossy(uint32_t from, uint32_t to, uint64_t number) {
    uint8_t byte;
    (void)from;
    (void)to;
    (void)number;
    world_draw(&byte, 1);
    return byte < 64;
}

static uint32_t broken_rules;
static void hear_broken_rules(uint32_t who, const struct hkp_mesh_event *ev) {
    (void)who;
    broken_rules += ev->kind == HKP_MESH_EVENT_PEER_DOWN && ev->status == HKP_E_HTP_MESSAGE;
}

static void a_quarter_of_loss_only_delays(void) {
    int before = check_faults;
    for (uint64_t seed = 0; seed < 10 && check_faults == before; seed++) {
        start(2, 100 + seed);
        world.lost = lossy;
        world.hear = hear_broken_rules;
        CHECK(world_until(world_all_active, 200 * WORLD_S));
        CHECK(world_until(NULL, 100 * WORLD_S));
        world.lost = NULL;
        CHECK(world_until(world_all_active, 100 * WORLD_S));
        CHECK_EQ(broken_rules, 0); /* whichever packet of a stream came first */
        if (check_faults > before) {
            printf("# seed %u\n", (unsigned)seed);
            tell();
        }
        world_end();
    }
}

static uint32_t losses_told, most_told;

hkp_status __real_hkp_dsm_gossip_loss(hkp_dsm_node *node, const uint8_t peer[16], uint32_t per_mille);
hkp_status __wrap_hkp_dsm_gossip_loss(hkp_dsm_node *node, const uint8_t peer[16], uint32_t per_mille);
hkp_status __wrap_hkp_dsm_gossip_loss(hkp_dsm_node *node, const uint8_t peer[16], uint32_t per_mille) {
    const hkp_status st = __real_hkp_dsm_gossip_loss(node, peer, per_mille);
    CHECK_EQ(st, HKP_OK);
    losses_told++;
    if (per_mille > most_told) most_told = per_mille;
    return st;
}

/* D-GSP-8: where links lose much libdsm has to know it, and that it is over. */
static void gossip_is_told_what_a_session_loses(void) {
    start(2, 300);
    CHECK(world_until(world_all_active, 200 * WORLD_S));
    losses_told = most_told = 0;
    world.lost = lossy;
    CHECK(world_until(NULL, 200 * WORLD_S));
    CHECK(losses_told >= 2 && most_told > 100);
    world.lost = NULL;
    CHECK(world_until(NULL, 200 * WORLD_S));
    losses_told = most_told = 0;
    CHECK(world_until(NULL, 200 * WORLD_S));
    CHECK(losses_told >= 2 && most_told < 50);
    world_end();
}

static hkp_status shown(struct hkp_htp_registry *r, uint32_t form, const uint8_t *bytes, size_t len,
                        uint64_t serial) {
    struct hkp_htp_identity id;
    hkp_status st = r->certificate(r->user, form, bytes, len, world_wall(), &id);
    if (st == HKP_OK) CHECK_EQ(world.node[0].node->peers[0].serial, serial);
    return st;
}

/* Whoever kept a copy of an old certificate of a member can show it; that changes nothing. */
static void an_old_certificate_replaces_no_newer_one(void) {
    uint8_t officer[64], body[HKP_DSM_CERTIFICATE_BODY_MAX], sig[64], later[HKP_DSM_CERTIFICATE_MAX], id[32];
    char dir[80];
    size_t body_len, later_len;
    struct hkp_dsm_certificate c;
    struct hkp_htp_registry r;
    start(2, 5);
    const struct world_node *other = &world.node[1];
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "officer.key", officer, 64), 64);
    CHECK_EQ(hkp_dsm_certificate_parse(other->certificate, other->opt.certificate_len, &c), HKP_OK);
    c.serial = 2;
    c.neuro_gen = 1;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &body_len), HKP_OK);
    const uint8_t *chain = world.node[0].node->chain_id;
    CHECK_EQ(hkp_dsm_multi_sign(sig, chain, HKP_DSM_KIND_CERTIFICATE, 1, officer, body, body_len, NULL, 0),
             HKP_OK);
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE,
                              .ca_version = 1,
                              .body = {body, body_len},
                              .n_signatures = 1,
                              .signature = {sig}};
    CHECK_EQ(hkp_dsm_multi_build(&m, later, sizeof later, &later_len), HKP_OK);
    hkp_dsm_object_id(id, chain, HKP_DSM_KIND_CERTIFICATE, NULL, body, body_len);
    hkp_mesh__registry(world.node[0].node, &r);
    CHECK_EQ(shown(&r, HKP_HTP_CERT_WHOLE, other->certificate, other->opt.certificate_len, 1), HKP_OK);
    CHECK_EQ(shown(&r, HKP_HTP_CERT_WHOLE, later, later_len, 2), HKP_OK);
    CHECK_EQ(shown(&r, HKP_HTP_CERT_WHOLE, other->certificate, other->opt.certificate_len, 2), HKP_OK);
    CHECK_EQ(shown(&r, HKP_HTP_CERT_ID, id, 32, 2), HKP_OK);
    CHECK_EQ(world.node[0].node->peers[0].neuro_gen, 1);
    /* and it is there after a restart, though the configuration still has the first one */
    CHECK(world_until(NULL, WORLD_S));
    world_crash(0);
    world_up(0);
    CHECK_EQ(world.node[0].node->peers[0].serial, 2);
    world_end();
}

/* The chain, which knows them, is loaded only then. */
static void who_has_a_certificate_of_later_officers_starts(void) {
    start(2, 9);
    struct world_node *w = &world.node[1];
    struct hkp_dsm_multi m;
    uint8_t later[HKP_DSM_CERTIFICATE_MAX];
    size_t len;
    world_crash(1);
    CHECK_EQ(hkp_dsm_multi_parse(w->certificate, w->opt.certificate_len, &m), HKP_OK);
    m.ca_version = 2;
    CHECK_EQ(hkp_dsm_multi_build(&m, later, sizeof later, &len), HKP_OK);
    memcpy(w->certificate, later, len);
    w->opt.certificate_len = len;
    world_up(1);
    CHECK(w->node != NULL);
    world_end();
}

static int synchronised(void) {
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_mesh_node_status(world.node[0].node, &s), HKP_OK);
    return s.state == HKP_MESH_NODE_SYNCHRONIZED;
}
static int told_why(void) { return world.node[0].last_state.to == HKP_MESH_NODE_AWARE && !synchronised(); }

static void consciousness_follows_its_conditions_with_patience(void) {
    start(4, 6);
    CHECK(world_until(synchronised, 200 * WORLD_S));
    CHECK_EQ(world.node[0].last_state.to, HKP_MESH_NODE_SYNCHRONIZED);
    world_crash(3);
    hkp_time gone = world.now;
    CHECK(world_until(told_why, 200 * WORLD_S));
    CHECK(world.now >= gone + 15 * WORLD_S);
    CHECK(strcmp(world.node[0].last_state.text, "too few peers") == 0);
    world_end();
}

static int was_trimmed(void) { return world.node[0].trimmed > 0; }

static void the_log_forgets_what_every_instance_has_committed(void) {
    start(2, 7);
    world.ter_period = WORLD_S / 2;
    CHECK(world_until(was_trimmed, 1500 * WORLD_S));
    struct hkp_mesh_peer_status p = world_peer(0, 1);
    CHECK(world.node[0].trimmed >= 1024 && world.node[0].trimmed < p.own_commit);
    world_crash(1); /* what it does not acknowledge stays */
    CHECK(world_until(NULL, 300 * WORLD_S));
    uint64_t kept = world.node[0].trimmed;
    CHECK(kept <= world_peer(0, 1).own_commit);
    world_end();
}

/* A holder that is restored to nothing, and then to what it had, is proved to again. */
static void after_a_fallback_mode_r_comes_back(void) {
    struct world_file kept = {.bytes = NULL};
    uint32_t low, high;
    start(2, 8);
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 20 * WORLD_S));
    low = memcmp(world.node[0].node_id, world.node[1].node_id, 16) < 0 ? 0 : 1;
    high = 1 - low;
    struct world_node *w = &world.node[high];
    world_crash(high);
    for (int i = 0; i < WORLD_FILES; i++)
        if (strncmp(w->files[i].name, "held-", 5) == 0) {
            kept = w->files[i];
            memset(&w->files[i], 0, sizeof w->files[i]);
        }
    CHECK(kept.bytes != NULL);
    world_up(high);
    CHECK(!world_until(world_all_active, 120 * WORLD_S));
    CHECK(world_peer(low, high).refused_by > 0);
    world_crash(high);
    world_put(w, kept.name, kept.bytes, kept.len);
    world_up(high);
    CHECK(world_until(world_all_active, 200 * WORLD_S));
    if (check_faults > 0) tell();
    free(kept.bytes);
    world_end();
}

/* Nothing arrives until all sessions ended; then a pair finds itself again. */
static int cut;
static int all_of_it(uint32_t from, uint32_t to, uint64_t number) {
    (void)from, (void)to, (void)number;
    return cut;
}
static int nobody_is_up(void) { return !world_peer(0, 1).up && !world_peer(1, 0).up; }

/* trust: what the silence left of it */
static void break_and_mend(uint32_t trust[2]) {
    cut = 1;
    CHECK(world_until(nobody_is_up, 120 * WORLD_S));
    for (uint32_t i = 0; i < 2; i++) trust[i] = world_peer(i, 1 - i).trust;
    cut = 0;
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    CHECK(world_until(NULL, 2 * WORLD_S));
}

/* Of the session that a node goes by: 1 if it came by a ticket; its clock was judged. */
static int came_by_ticket(uint32_t i) {
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    const struct hkp_mesh__link *best = hkp_mesh__link_best(world.node[i].node, world_inside(i, 1 - i));
    CHECK(best != NULL && best->mode == HKP_HTP_MODE_R);
    if (best == NULL) return 0;
    CHECK_EQ(hkp_htp_session_info(world.node[i].node->htp, best->session, &s), HKP_OK);
    CHECK_EQ(s.clock, HKP_HTP_CLOCK_PASS);
    CHECK(!s.resumed || !best->certified); /* nothing was shown: no ENROL in it (NZ1 22.4) */
    return (int)s.resumed;
}

/* HTP-5.8: who has earned trust comes back by a ticket, with all its rights; who was started again does not.
 */
static void a_session_is_resumed_and_owes_what_a_full_one_owes(void) {
    int before = check_faults;
    uint32_t trust[2];
    start(2, 12);
    world.lost = all_of_it;
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 300 * WORLD_S));
    break_and_mend(trust);
    CHECK(!came_by_ticket(0) && !came_by_ticket(1)); /* no ticket at the trust of a first contact */
    for (int round = 0; round < 3; round++) {
        CHECK(world_until(NULL, 60 * WORLD_S));
        break_and_mend(trust);
        CHECK(came_by_ticket(0) && came_by_ticket(1));
        for (uint32_t i = 0; i < 2; i++) CHECK(trust[i] > 40000 && world_peer(i, 1 - i).trust >= trust[i]);
    }
    for (uint32_t i = 0; i < 2; i++) { /* tickets are of one life */
        world_crash(i);
        world_up(i);
        CHECK(world_until(world_all_active, 120 * WORLD_S));
        CHECK(world_until(NULL, 50 * WORLD_S));
        CHECK(!came_by_ticket(0) && !came_by_ticket(1));
    }
    if (check_faults > before) tell();
    world.lost = NULL;
    world_end();
}

static int somebody_is_lost(void) {
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k || world.node[i].node == NULL) continue;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            if (p.own_state >= HKP_NEURO_INSTANCE_STALE || p.held_state >= HKP_NEURO_INSTANCE_STALE) return 1;
        }
    return 0;
}

static int some_loss(uint32_t from, uint32_t to, uint64_t number) {
    uint8_t byte;
    (void)from;
    (void)to;
    (void)number;
    world_draw(&byte, 1);
    return byte < 13;
}

/* A log at its bound lets those go that are furthest behind, and no others (NZ1 5.1(6)). */
static void a_full_log_makes_those_stale_that_hold_it_back(void) {
    int before = check_faults;
    start(3, 77);
    world.ter_period = 200 * WORLD_MS;
    CHECK(world_until(world_all_active, 30 * WORLD_S));
    CHECK(world_until(NULL, 20 * WORLD_S));
    hkp_mesh_log_full(world.node[0].node, world.now, 0);
    CHECK(world_until(NULL, WORLD_S));
    CHECK(world_all_active());
    hkp_mesh_log_full(world.node[0].node, world.now, UINT64_MAX); /* nothing can be kept */
    for (uint32_t k = 1; k < 3; k++) CHECK_EQ(world_peer(0, k).own_state, HKP_NEURO_INSTANCE_STALE);
    CHECK_EQ(world_peer(1, 2).own_state, HKP_NEURO_INSTANCE_ACTIVE);
    if (check_faults > before) tell();
    world_end();
}

/* Loss, reordering, busy machines and power cuts: nothing of that is a fork (NZ1 17, the invariant). */
static void honest_members_never_lose_an_instance(void) {
    int before = check_faults;
    uint64_t seeds = getenv("HKP_SEEDS") != NULL ? strtoull(getenv("HKP_SEEDS"), NULL, 10) : 3;
    for (uint64_t seed = 0; seed < seeds && check_faults == before; seed++) {
        start(3, 1000 * check_seed() + seed);
        world.lost = some_loss;
        world.jitter = 60 * WORLD_MS;
        world.ter_period = 200 * WORLD_MS;
        for (int step = 0; step < 60 && check_faults == before; step++) {
            uint8_t dice[4];
            world_draw(dice, sizeof dice);
            struct world_node *w = &world.node[dice[0] % 3];
            CHECK(!world_until(somebody_is_lost, 200 * WORLD_MS + dice[1] * 10 * WORLD_MS));
            if (dice[2] < 90 && w->node != NULL) {
                world_crash(dice[0] % 3);
                CHECK(!world_until(somebody_is_lost, dice[3] * 8 * WORLD_MS));
                world_up(dice[0] % 3);
            } else if (w->node != NULL)
                w->stalled = world.now + dice[3] * 12 * WORLD_MS;
        }
        world.lost = NULL;
        CHECK(world_until(world_all_active, 300 * WORLD_S));
        if (check_faults > before) {
            printf("# seed %u\n", (unsigned)seed);
            tell();
        }
        world_end();
    }
}

/* A WANT on a stream that is no more the one of the pair, as an answer to ours that was reset meanwhile. Were
 * it taken for one of the peer's, its own TERs would go back to it, and it would hold them for a fork of ours
 * (decision 0203). */
static void a_late_want_on_an_old_stream_gives_nothing_back(void) {
    uint8_t want[20] = {HKP_NEURO_MSG_WANT};
    start(2, 9);
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 60 * WORLD_S));
    for (uint32_t i = 0; i < 2; i++) {
        hkp_mesh_node *node = world.node[i].node;
        struct hkp_mesh__peer *peer = &node->peers[0];
        struct hkp_mesh__link *link = hkp_mesh__link_by_session(peer, peer->held_session);
        struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
        CHECK(link != NULL);
        if (link == NULL) break;
        CHECK_EQ(hkp_neuro_holder_info(peer->held, &info), HKP_OK);
        hkp_put_le64(want + 4, info.prev_index);
        hkp_put_le64(want + 12, info.index);
        const struct hkp_htp_event late = {.type = HKP_HTP_EVENT_MESSAGE,
                                           .session = link->session,
                                           .stream = 0x7FFFFFF0,
                                           .stream_class = HKP_HTP_STREAM_COMMIT,
                                           .data = want,
                                           .len = sizeof want};
        hkp_mesh__neural_message(node, peer, link, &late);
        CHECK(world_until(NULL, 20 * WORLD_S));
        CHECK(world_all_active());
        CHECK(!somebody_is_lost());
    }
    world_end();
}

/* D-GSP-2, D-GSP-5: told their addresses, libdsm keeps the neighbours; who falls silent is given up and comes
 * back. */
static void members_that_are_told_their_addresses_keep_views(void) {
    static struct hkp_dsm_address at[4];
    struct hkp_dsm_gossip_status s = {.struct_size = sizeof s};
    world_make(4, 31);
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = (struct hkp_dsm_address){.ip = {10, 0, 0, (uint8_t)(1 + i)}, .ip_len = 4, .port = 4433};
        world.node[i].opt.addresses = &at[i];
        world.node[i].opt.n_addresses = 1;
        world_up(i);
    }
    CHECK(world_until(world_all_active, 30 * WORLD_S));
    CHECK(world_until(NULL, 10 * WORLD_S));
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(hkp_dsm_gossip_status(world.node[i].node->dsm, &s), HKP_OK);
        CHECK_EQ(s.on, 1);
        CHECK_EQ(s.links, 3);
    }
    world_crash(3);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK_EQ(hkp_dsm_gossip_status(world.node[0].node->dsm, &s), HKP_OK);
    CHECK_EQ(s.links, 2);
    world_up(3);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    CHECK(world_until(NULL, 90 * WORLD_S));
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(hkp_dsm_gossip_status(world.node[i].node->dsm, &s), HKP_OK);
        CHECK_EQ(s.links, 3);
    }
    world_end();
}

/* The link over which node i speaks with node k. */
static const struct hkp_mesh__link *link_to(uint32_t i, uint32_t k) {
    struct hkp_mesh_node *node = world.node[i].node;
    return hkp_mesh__link_best(node, hkp_mesh__peer_find(node, world.node[k].node_id));
}

static uint32_t lanes_to(uint32_t i, uint32_t k) {
    return hkp_mesh__peer_find(world.node[i].node, world.node[k].node_id)->dsm_lanes;
}

static int all_attested(void) {
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++)
            if (i != k && (link_to(i, k) == NULL || !link_to(i, k)->attest.ok || lanes_to(i, k) != 31))
                return 0;
    return 1;
}

static uint64_t refused_at(uint32_t i) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(world.node[i].node->dsm, &s), HKP_OK);
    return s.refused;
}

static void say_in(uint32_t from, uint64_t session, uint32_t stream, const uint8_t *bytes, size_t len) {
    CHECK_EQ(hkp_htp_stream_send(world.node[from].node->htp, session, stream, bytes, len, 0), HKP_OK);
    CHECK(world_until(NULL, 2 * WORLD_S));
}

static uint32_t open_lane(uint32_t from, uint64_t session, uint8_t lane) {
    uint32_t stream = 0;
    CHECK_EQ(hkp_htp_stream_open(world.node[from].node->htp, session, HKP_HTP_STREAM_DSM, 0, 0, &stream),
             HKP_OK);
    say_in(from, session, stream, &lane, 1);
    return stream;
}

/* D-GSP-16, D-GSP-19: libdsm hears of a lane that is none, of one that is open, and of a message above what
 * its lane may carry, which ends the session. */
static void who_breaks_the_rules_of_lanes_is_told_of(void) {
    static const uint8_t large[1048577];
    start(2, 36);
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 5 * WORLD_S));
    const uint64_t before = refused_at(0), session = link_to(1, 0)->session;
    CHECK(world_until(NULL, 5 * WORLD_S));
    const uint32_t stream = open_lane(1, session, 4);
    CHECK_EQ(refused_at(0), before);
    (void)open_lane(1, session, 9);
    CHECK_EQ(refused_at(0), before + 1);
    (void)open_lane(1, session, 4);
    CHECK_EQ(refused_at(0), before + 2);
    const uint32_t downs = world.node[0].facts[HKP_MESH_EVENT_PEER_DOWN];
    say_in(1, session, stream, large, sizeof large);
    CHECK_EQ(refused_at(0), before + 3);
    CHECK(world.node[0].facts[HKP_MESH_EVENT_PEER_DOWN] > downs);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    world_end();
}

static void demand(uint32_t n, uint64_t seed) {
    world_make(n, seed);
    world.ter_period = 5 * WORLD_S; /* it goes by trust and rounds, not by TERs and their commits */
    for (uint32_t i = 0; i < n; i++) {
        world.node[i].opt.attest = HKP_DSM_EVIDENCE_SOFTWARE;
        world_up(i);
    }
}

/* D-AUTH: every session proves itself once it may carry more, and again after a start. */
static void members_attest_in_every_session(void) {
    demand(4, 33);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    CHECK(world_until(all_attested, 600 * WORLD_S));
    world_crash(2);
    CHECK(world_until(NULL, 5 * WORLD_S));
    world_up(2);
    CHECK(world_until(all_attested, 600 * WORLD_S));
    world_end();
}

/* One shows another certificate in its responses: of lanes it keeps those of signed consensus. */
static void who_does_not_attest_carries_only_consensus(void) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    demand(4, 34);
    struct hkp_mesh_node *liar = world.node[3].node;
    liar->own_cert_bytes[100] ^= 1;
    liar->renewal.seen.serial = UINT64_MAX; /* it does not look at the true one */
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    CHECK(world_until(NULL, 300 * WORLD_S));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(link_to(i, 3)->attest.ok, 0);
        CHECK_EQ(lanes_to(i, 3), 3);
        CHECK_EQ(link_to(i, (i + 1) % 3)->attest.ok, 1);
        CHECK_EQ(lanes_to(i, (i + 1) % 3), 31);
        CHECK_EQ(link_to(3, i)->attest.ok, 1);
    }
    CHECK_EQ(hkp_dsm_node_status(liar->dsm, &s), HKP_OK);
    CHECK(s.final_height > 0);
    world_end();
}

/* D-AUTH-5: who answers no more has attested for two rounds, and those that answer go on. */
static void who_answers_no_more_has_attested_two_rounds_long(void) {
    demand(4, 35);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    CHECK(world_until(all_attested, 600 * WORLD_S));
    for (uint32_t k = 0; k < 3; k++)
        for (int l = 0; l < HKP_MESH__LINKS; l++)
            hkp_mesh__peer_find(world.node[3].node, world.node[k].node_id)->links[l].attest.answer_at =
                HKP_TIME_NEVER;
    CHECK(world_until(NULL, 50 * WORLD_S));
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(link_to(i, 3)->attest.ok, 1);
    CHECK(world_until(NULL, 130 * WORLD_S));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(link_to(i, 3)->attest.ok, 0);
        CHECK_EQ(lanes_to(i, 3), 3);
        CHECK_EQ(link_to(i, (i + 1) % 3)->attest.ok, 1);
        CHECK_EQ(link_to(3, i)->attest.ok, 1);
        CHECK_EQ(lanes_to(i, (i + 1) % 3), 31);
    }
    world_end();
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(four_enrol_and_nobody_is_due_in_the_past);
    CASE(two_that_open_at_once_enrol);
    CASE(a_crash_at_any_step_of_enrolment_heals);
    CASE(a_quarter_of_loss_only_delays);
    CASE(gossip_is_told_what_a_session_loses);
    CASE(an_old_certificate_replaces_no_newer_one);
    CASE(who_has_a_certificate_of_later_officers_starts);
    CASE(consciousness_follows_its_conditions_with_patience);
    CASE(the_log_forgets_what_every_instance_has_committed);
    CASE(after_a_fallback_mode_r_comes_back);
    CASE(a_session_is_resumed_and_owes_what_a_full_one_owes);
    CASE(a_late_want_on_an_old_stream_gives_nothing_back);
    CASE(a_full_log_makes_those_stale_that_hold_it_back);
    CASE(honest_members_never_lose_an_instance);
    CASE(members_that_are_told_their_addresses_keep_views);
    CASE(who_breaks_the_rules_of_lanes_is_told_of);
    CASE(members_attest_in_every_session);
    CASE(who_does_not_attest_carries_only_consensus);
    CASE(who_answers_no_more_has_attested_two_rounds_long);
    return check_done();
}
