/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What members of a virtual world do so that no history is lost or replaced quietly. */
#include "node_world.h"

static void start(uint32_t n, uint64_t seed) {
    world_make(n, seed);
    for (uint32_t i = 0; i < n; i++) world_up(i);
    CHECK(world_until(world_all_active, 40 * WORLD_S));
}

static void tell(void) {
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k || world.node[i].node == NULL) continue;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            printf("# %u sees %u: up %u mode %u own %u held %u T %u %s\n", i, k, p.up, p.mode, p.own_state,
                   p.held_state, p.trust, p.reason);
        }
}

/* ---- T and quarantine (NZ1 16) ---- */

static int is_up(void) { return world_peer(0, 1).up == 1; }
static int is_trusted(void) { return world_peer(0, 1).trust > 30000; }

static void trust_goes_on_where_the_last_session_ended(void) {
    start(2, 20);
    CHECK(world_until(is_trusted, 200 * WORLD_S));
    uint32_t before = world_peer(0, 1).trust;
    world_leave(0);
    world_up(0);
    CHECK_EQ(world_peer(0, 1).trust, before);
    CHECK(world_until(is_up, 20 * WORLD_S));
    CHECK_EQ(world_peer(0, 1).trust, before);
    world_end();
}

/* T of a session that no end was stored of is that of the session before; a fall is stored meanwhile. */
static void a_power_cut_takes_a_rise_back_but_no_fall(void) {
    start(2, 21);
    CHECK(world_until(is_trusted, 200 * WORLD_S));
    world_crash(0);
    world_up(0);
    CHECK(world_until(is_up, 20 * WORLD_S));
    CHECK_EQ(world_peer(0, 1).trust, 19660);
    CHECK(world_until(is_trusted, 200 * WORLD_S));
    uint32_t high = world_peer(0, 1).trust;
    world_leave(0);
    world_up(0);
    CHECK(world_until(is_up, 20 * WORLD_S));
    for (int i = 0; i < 12; i++) hkp_mesh__trust_false_claim(world.node[0].node, world_inside(0, 1));
    CHECK(world_until(NULL, 2 * WORLD_S + HKP_MESH__TRUST_KEEP_EVERY));
    uint32_t low = world_peer(0, 1).trust;
    CHECK(low + 8 * HKP_MESH__FALSE_CLAIM < high);
    world_crash(0);
    world_up(0);
    CHECK(world_peer(0, 1).trust <= low);
    CHECK(world_until(is_up, 20 * WORLD_S));
    CHECK(world_peer(0, 1).trust <= low);
    world_end();
}

static int all_active_and_trusted(void) { return world_all_active() && is_trusted(); }

static void only_an_operator_ends_quarantine(void) {
    start(2, 22);
    CHECK_EQ(hkp_mesh_trust_release(world.node[0].node, world.now, world.node[1].node_id), HKP_E_MESH_STATE);
    CHECK_EQ(hkp_mesh_trust_release(world.node[0].node, world.now, world.node[0].node_id), HKP_E_NOTFOUND);
    hkp_mesh__trust_contradiction(world.node[0].node, world_inside(0, 1), 1);
    world_serve(&world.node[0]);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(world_peer(0, 1).quarantined, 1);
        CHECK_EQ(world_peer(0, 1).trust, 0);
        CHECK(!world_until(is_trusted, 300 * WORLD_S));
        world_crash(0);
        world_up(0);
    }
    CHECK_EQ(hkp_mesh_trust_release(world.node[0].node, world.now, world.node[1].node_id), HKP_OK);
    world_serve(&world.node[0]);
    CHECK_EQ(world_peer(0, 1).quarantined, 0);
    world_crash(0);
    world_up(0);
    CHECK_EQ(world_peer(0, 1).quarantined, 0);
    CHECK(world_until(all_active_and_trusted, 300 * WORLD_S));
    if (check_faults > 0) tell();
    world_end();
}

/* The first of two contradictions within 24 h counts over a restart, too. */
static void a_second_contradiction_after_a_restart_is_the_second(void) {
    start(2, 23);
    hkp_mesh__trust_contradiction(world.node[0].node, world_inside(0, 1), 0);
    world_serve(&world.node[0]);
    CHECK_EQ(world_peer(0, 1).quarantined, 0);
    world_crash(0);
    world_up(0);
    CHECK_EQ(world_peer(0, 1).quarantined, 0);
    hkp_mesh__trust_contradiction(world.node[0].node, world_inside(0, 1), 0);
    CHECK_EQ(world_peer(0, 1).quarantined, 1);
    CHECK_EQ(world_peer(0, 1).held_state, HKP_NEURO_INSTANCE_LOST);
    world_end();
}

static const char *trust_file(uint32_t k) {
    static char name[HKP_MESH_NAME_MAX];
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, world.node[k].node_id, 16);
    snprintf(name, sizeof name, "peer-%s.trust", hex);
    return name;
}

static void fork_of_one(void) {
    hkp_neuro_holder_contradiction(world_inside(0, 1)->held, world.now, HKP_NEURO_CAUSE_FORK);
    world_serve(&world.node[0]);
    CHECK_EQ(world_peer(0, 1).held_state, HKP_NEURO_INSTANCE_LOST);
}

/* LOST was stored, the file of T was not: the order of two files decides nothing. */
static void a_lost_instance_is_in_quarantine_whatever_else_was_stored(void) {
    start(2, 24);
    fork_of_one();
    world_crash(0);
    CHECK(world_file(&world.node[0], trust_file(1)) != NULL);
    world_put(&world.node[0], trust_file(1), NULL, 0);
    world_up(0);
    CHECK_EQ(world_peer(0, 1).quarantined, 1);
    CHECK_EQ(world_peer(0, 1).trust, 0);
    world_end();
}

static void a_changed_file_of_trust_is_refused(void) {
    start(2, 25);
    hkp_mesh__trust_contradiction(world.node[0].node, world_inside(0, 1), 1);
    world_serve(&world.node[0]);
    struct world_file kept = *world_file(&world.node[0], trust_file(1));
    uint8_t bytes[HKP_MESH__TRUST_FILE], cursor[104], boot[16] = {7};
    CHECK_EQ(kept.len, sizeof bytes);
    world_crash(0);
    hkp_mesh_node *node = NULL;
    CHECK_EQ(hkp_mesh_node_new(&node, &world.node[0].opt, world.now, world_wall()), HKP_OK);
    hkp_ter_cursor_encode(&world.node[0].cursor, cursor);
    CHECK_EQ(hkp_mesh_log_end(node, cursor, NULL, NULL, boot), HKP_OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
        memcpy(bytes, kept.bytes, sizeof bytes);
        bytes[i] ^= 0x20;
        CHECK_EQ(hkp_mesh_restore(node, trust_file(1), bytes, sizeof bytes), HKP_E_NEURO_STATE);
    }
    CHECK_EQ(hkp_mesh_restore(node, trust_file(1), kept.bytes, kept.len - 1), HKP_E_NEURO_LENGTH);
    CHECK_EQ(node->peers[0].trust.quarantine.quarantined, 0);
    CHECK_EQ(hkp_mesh_restore(node, trust_file(1), kept.bytes, kept.len), HKP_OK);
    CHECK_EQ(node->peers[0].trust.quarantine.quarantined, 1);
    hkp_mesh_node_free(node);
    world_end();
}

/* NZ1 22.4: it takes both, the operator's word here and a raised neuro_gen there. */
static void a_forked_instance_heals_by_release_and_a_raised_neuro_gen(void) {
    start(2, 26);
    fork_of_one();
    CHECK_EQ(hkp_mesh_trust_release(world.node[0].node, world.now, world.node[1].node_id), HKP_OK);
    CHECK(!world_until(world_all_active, 100 * WORLD_S)); /* released alone is not enough */
    CHECK_EQ(world_peer(0, 1).held_state, HKP_NEURO_INSTANCE_LOST);
    CHECK(world_peer(0, 1).trust <= 39321);
    world_leave(1);
    world_raise_gen(1);
    world_up(1);
    CHECK(world_until(world_all_active, 900 * WORLD_S));
    CHECK(world_until(all_active_and_trusted, 300 * WORLD_S));
    if (check_faults > 0) tell();
    world_end();
}

/* ---- What is not a fork ---- */

static uint64_t commit_before[2];
static int commits_go_on(void) {
    struct hkp_mesh_peer_status a = world_peer(0, 1), b = world_peer(1, 0);
    return a.held_commit > commit_before[0] && b.held_commit > commit_before[1];
}
static int may_repair(void) { return world_peer(0, 1).trust >= 19660; }

/*
 * A busy machine misses heartbeats, T falls below 0.30, the classes TER and COMMIT close and open again. Once
 * the owner then opened one stream again and not the other, and took the WANT for its own log for one of the
 * peer's.
 */
static void a_peer_that_was_not_trusted_for_a_while_goes_on(void) {
    for (uint64_t seed = 27; seed < 31; seed++) {
        start(2, seed);
        CHECK(world_until(NULL, 30 * WORLD_S));
        for (uint64_t i = 0; i < 30 - seed; i++)
            hkp_mesh__trust_false_claim(world.node[0].node, world_inside(0, 1));
        for (int i = 0; i < 30; i++) hkp_mesh__trust_false_claim(world.node[0].node, world_inside(0, 1));
        CHECK(world_until(NULL, 20 * WORLD_S));
        CHECK(world_peer(0, 1).trust < 19660);
        CHECK(world_until(may_repair, 300 * WORLD_S));
        commit_before[0] = world_peer(0, 1).held_commit;
        commit_before[1] = world_peer(1, 0).held_commit;
        CHECK(world_until(commits_go_on, 60 * WORLD_S)); /* a side may learn of its T at a heartbeat only */
        commit_before[0] = world_peer(0, 1).held_commit;
        commit_before[1] = world_peer(1, 0).held_commit;
        CHECK(world_until(commits_go_on, 60 * WORLD_S));
        CHECK(world_all_active());
        if (check_faults > 0) tell();
        world_end();
    }
}

/* ---- A log that lost its end (NZ1 5.2, SYN-2.6) ---- */

static uint64_t newest_commit(uint32_t i) {
    uint64_t n = 0;
    for (uint32_t k = 0; k < world.n; k++)
        if (k != i && world_peer(i, k).own_commit > n) n = world_peer(i, k).own_commit;
    return n;
}
static int has_a_tail(void) { return world.node[0].cursor.index >= newest_commit(0) + 4; }
static int came_back(void) { return world.node[0].boots == 1; }
static int commits_anew(void) { return world_all_active() && newest_commit(0) > commit_before[0]; }
static int nobody_is_lost(void) {
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k) continue;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            if (p.own_state >= HKP_NEURO_INSTANCE_STALE || p.held_state >= HKP_NEURO_INSTANCE_STALE) return 0;
        }
    return 1;
}

static void what_a_torn_log_lost_comes_back_from_a_holder(void) {
    for (uint64_t seed = 40; seed < 46; seed++) {
        static uint8_t as_it_was[WORLD_TERS][64];
        int before = check_faults;
        struct world_node *w = &world.node[0];
        start(3, seed);
        world.jitter = seed % 2 ? 40 * WORLD_MS : 0;
        CHECK(world_until(NULL, (20 + seed) * WORLD_S)); /* in some a checkpoint is in what is lost */
        CHECK(world_until(has_a_tail, 60 * WORLD_S));
        CHECK(world_until(NULL, 2 * WORLD_S));
        uint64_t end = w->cursor.index, lost = end - newest_commit(0);
        uint32_t tcks = w->n_tcks;
        memcpy(as_it_was, w->ter, sizeof as_it_was);
        commit_before[0] = newest_commit(0);
        world_crash(0);
        world_tear(w, lost < 5 ? lost : 5);
        CHECK(w->cursor.index < end);
        world_up(0);
        CHECK(world_until(came_back, 30 * WORLD_S));
        CHECK(w->cursor.index + 2 >= end); /* what no holder had seen yet is gone */
        uint64_t back = w->cursor.index < end ? w->cursor.index : end;
        CHECK_EQ(memcmp(as_it_was, w->ter, back * 64), 0);
        CHECK(w->n_tcks >= (back == end ? tcks : 0));
        CHECK_EQ(w->gaps, 0);
        CHECK(world_until(commits_anew, 60 * WORLD_S));
        CHECK(world_until(NULL, 100 * WORLD_S));
        CHECK(nobody_is_lost());
        CHECK(strstr(world_peer(1, 0).reason, "gap") == NULL);
        if (check_faults > before) {
            printf("# seed %u end %u\n", (unsigned)seed, (unsigned)end);
            tell();
        }
        world_end();
    }
}

/* It cannot wait for ever, nor does the text ask for more than who can be reached. */
static void a_lone_node_goes_on_after_ten_seconds(void) {
    start(3, 47);
    CHECK(world_until(has_a_tail, 60 * WORLD_S));
    world_crash(1);
    world_crash(2);
    world_crash(0);
    world_tear(&world.node[0], 2);
    uint64_t end = world.node[0].cursor.index;
    world_up(0);
    CHECK(world_until(NULL, 9 * WORLD_S));
    CHECK_EQ(world.node[0].cursor.index, end);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK(world.node[0].cursor.index > end);
    CHECK_EQ(world.node[0].boots + world.node[0].gaps, 0);
    world_end();
}

static const char *own_file(uint32_t k) {
    static char name[HKP_MESH_NAME_MAX];
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, world.node[k].node_id, 16);
    snprintf(name, sizeof name, "own-%s.instance", hex);
    return name;
}

static int next_commit(void) {
    return world_peer(1, 0).held_commit > commit_before[0] &&
           newest_commit(0) == world_peer(1, 0).held_commit;
}
static int there_is_a_gap(void) { return world.node[0].gaps == 1; }
static int zero_is_active(void) {
    return world_peer(0, 1).own_state == HKP_NEURO_INSTANCE_ACTIVE &&
           world_peer(1, 0).held_state == HKP_NEURO_INSTANCE_ACTIVE && world_all_active();
}

/* The holder has agreed to a state, was restarted, and keeps the TERs behind it no more. */
static void what_nobody_can_supply_is_a_gap_and_heals_by_a_raised_neuro_gen(void) {
    struct world_node *w = &world.node[0];
    start(2, 48);
    CHECK(world_until(NULL, 30 * WORLD_S));
    commit_before[0] = world_peer(1, 0).held_commit;
    const struct world_file *f = world_file(w, own_file(1));
    struct world_file old = *f;
    old.bytes = malloc(f->len);
    memcpy(old.bytes, f->bytes, f->len);
    CHECK_EQ(newest_commit(0), commit_before[0]);
    CHECK(world_until(next_commit, 60 * WORLD_S));
    uint64_t agreed = world_peer(1, 0).held_commit;
    world_crash(0);
    world_crash(1);
    world_put(w, own_file(1), old.bytes, old.len);
    world_tear(w, w->cursor.index - commit_before[0] - 2);
    CHECK(w->cursor.index < agreed);
    world_up(1);
    world_up(0);
    CHECK(world_until(there_is_a_gap, 40 * WORLD_S));
    CHECK(w->cursor.index >= agreed);
    CHECK_EQ(world_peer(0, 1).own_state, HKP_NEURO_INSTANCE_STALE);
    uint64_t end = w->cursor.index;
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK(w->cursor.index > end);                                    /* it goes on */
    CHECK_EQ(world_peer(1, 0).own_state, HKP_NEURO_INSTANCE_ACTIVE); /* the other direction is untouched */
    world_leave(0);
    world_raise_gen(0);
    world_up(0);
    CHECK(world_until(zero_is_active, 900 * WORLD_S));
    if (check_faults > 0) tell();
    free(old.bytes);
    world_end();
}

static void one_holder_alone_cannot_make_a_node_skip_or_swallow(void) {
    uint8_t h[32] = {1}, record[104], body[96] = {9};
    size_t len = 0;
    struct hkp_mesh_event out = {.struct_size = sizeof out};
    start(3, 49);
    CHECK(world_until(has_a_tail, 60 * WORLD_S));
    struct hkp_mesh_node *node = world.node[0].node;
    struct hkp_mesh__peer *one = world_inside(0, 1), *other = world_inside(0, 2);
    uint64_t end = node->cursor.index;
    hkp_mesh__recover_begin(node);
    struct hkp_neuro_event ev = {
        .kind = HKP_NEURO_EVENT_BEHIND, .from = end, .to = end + 1000000, .bytes = h, .len = 32};
    hkp_mesh__recover_event(node, one, &ev);
    CHECK_EQ(one->have, 0);
    ev.to = end + 1;
    hkp_mesh__recover_event(node, one, &ev);
    CHECK_EQ(one->have, end + 1);
    /* a record that follows our log, but does not lead where the other one says */
    struct hkp_ter_record rec = {.timestamp_us = world_wall() + 1, .sequence = (uint16_t)end};
    rec.chain_crc = hkp_ter_crc16(node->cursor.last_ter, 64);
    rec.h_entropy[0] = 7;
    hkp_ter_record_encode(&rec, body);
    hkp_ter_chain_step(node->cursor.h, body, body + 64);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, record, sizeof record, &len), HKP_OK);
    struct hkp_neuro_event back = {
        .kind = HKP_NEURO_EVENT_RESTORED, .from = end, .to = end + 1, .bytes = record, .len = len};
    hkp_mesh__recover_event(node, other, &back);
    CHECK_EQ(hkp_mesh__recover_next(node, &out), 0);
    CHECK_EQ(node->cursor.index, end);
    memcpy(one->have_h, body + 64, 32);
    hkp_mesh__recover_event(node, other, &back);
    CHECK_EQ(hkp_mesh__recover_next(node, &out), 1);
    CHECK_EQ(out.kind, HKP_MESH_EVENT_LOG_RESTORE);
    CHECK_EQ(out.data_len, len);
    world_end();
}

/* ---- A signed change of the reference (NZ1 11) ---- */

static void rba_of(uint32_t i, uint32_t policy_ver, const uint8_t root[32], uint64_t not_after_us,
                   uint8_t rba[192]) {
    struct hkp_neuro_rba fields = {.not_after_us = not_after_us, .policy_ver = policy_ver};
    uint8_t secret[64];
    char dir[80];
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "policy.key", secret, 64), 64);
    memcpy(fields.node_id, world.node[i].node_id, 16);
    memcpy(fields.root, root, 32);
    hkp_neuro_rba_sign(&fields, secret, rba);
}

/* The machine is as another root says from now on. */
static void changes_to(uint32_t i, const uint8_t root[32]) {
    memcpy(world.node[i].root, root, 32);
    hkp_ter_ripemd160(root, 32, world.node[i].h_ref);
}

static int sees_mismatch(void) { return strstr(world_peer(1, 0).reason, "integrity") != NULL; }
static int sees_reference(void) { return world_peer(1, 0).integrity == 1; }
static int is_down(void) { return world_peer(1, 0).up == 0; }
static int is_back(void) { return world_peer(1, 0).up == 1; }

/* HTP-8.6, 12: limited or closed as the holder's policy says; a session that opens again can show that all is
 * well. */
static void a_device_that_changed_is_limited_or_closed(void) {
    for (uint32_t closes = 0; closes < 2; closes++) {
        static const uint8_t changed[32] = {7};
        uint8_t good[32];
        start(2, 70 + closes);
        world_leave(1);
        world.node[1].opt.integrity_close = closes;
        world_up(1);
        CHECK(world_until(all_active_and_trusted, 300 * WORLD_S));
        memcpy(good, world.node[0].root, 32);
        changes_to(0, changed);
        CHECK(world_until(sees_mismatch, 20 * WORLD_S));
        CHECK_EQ(world_until(is_down, 3 * WORLD_S), (int)closes);
        CHECK(world_until(is_back, 60 * WORLD_S));
        CHECK(world_peer(1, 0).trust <= 26214); /* 0.40 */
        changes_to(0, good);
        CHECK(world_until(sees_reference, 120 * WORLD_S));
        CHECK_EQ(world_peer(1, 0).up, 1);
        if (check_faults > 0) tell();
        world_end();
    }
}

static const uint8_t *next_rba;
static int rebased(void) {
    hkp_status st = hkp_mesh_rebase(world.node[0].node, world.now, next_rba);
    CHECK(st == HKP_OK || st == HKP_E_MESH_LIMIT);
    world_serve(&world.node[0]);
    return st == HKP_OK;
}

static void a_signed_rebase_makes_a_change_the_reference_everywhere(void) {
    for (uint64_t seed = 60; seed < 64; seed++) {
        static const uint8_t root[2][32] = {{7}, {8}};
        uint8_t rba[192];
        start(2, seed);
        CHECK(world_until(NULL, (5 + seed) * WORLD_S));
        for (uint32_t v = 0; v < 2; v++) {
            changes_to(0, root[v]);
            CHECK(world_until(sees_mismatch, 10 * WORLD_S));
            rba_of(0, world.node[0].node->policy_ver + 1, root[v], world_wall() + 100000000, rba);
            next_rba = rba;
            CHECK(world_until(rebased, 10 * WORLD_S));
            if (seed % 2) { /* what is durable holds over a power cut at once after it */
                world_crash(0);
                world_up(0);
            }
            CHECK(world_until(sees_reference, 40 * WORLD_S));
            commit_before[0] = newest_commit(0);
            CHECK(world_until(commits_anew, 60 * WORLD_S));
            commit_before[0] = newest_commit(0);
            CHECK(world_until(commits_anew, 60 * WORLD_S)); /* the replicas are equal behind it */
            CHECK_EQ(world_peer(1, 0).integrity, 1);
            CHECK(nobody_is_lost());
        }
        CHECK_EQ(world.node[0].n_rebases, 2);
        if (check_faults > 0) tell();
        world_end();
    }
}

static void a_rebase_that_does_not_hold_changes_nothing(void) {
    static const uint8_t root[32] = {7};
    uint8_t rba[192];
    start(2, 64);
    CHECK(world_until(NULL, 5 * WORLD_S));
    struct hkp_mesh_node *node = world.node[0].node;
    uint32_t ver = node->policy_ver;
    uint64_t later = world_wall() + 100000000;
    rba_of(0, ver, root, later, rba);
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_VERSION);
    rba_of(0, ver + 1025, root, later, rba);
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_VERSION);
    rba_of(0, ver + 1, root, world_wall() - 10000000, rba);
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_EXPIRED);
    rba_of(1, ver + 1, root, later, rba);
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_NODE);
    rba_of(0, ver + 1, root, later, rba);
    rba[64] ^= 1;
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_SIGNATURE);
    rba[64] ^= 1;
    rba[96] ^= 1;
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_SIGNER);
    rba[0] ^= 1;
    CHECK_EQ(hkp_mesh_rebase(node, world.now, rba), HKP_E_NEURO_RBA_FORMAT);
    CHECK_EQ(node->policy_ver, ver);
    CHECK_EQ(node->rebase.ticket, 0);
    CHECK(world_until(NULL, 10 * WORLD_S));
    CHECK_EQ(world.node[0].n_rebases, 0);
    world_end();
}

static int just_committed(void) { return newest_commit(0) > commit_before[0]; }

/* In some the folder has the new RBA1 still, in some it is as old as what is left of the log. */
static void a_rebase_that_a_torn_log_lost_comes_back_with_its_place(void) {
    for (uint64_t seed = 70; seed < 74; seed++) {
        static const uint8_t root[32] = {7};
        struct world_node *w = &world.node[0];
        uint8_t rba[192], before[192];
        int faults = check_faults;
        start(3, seed);
        memcpy(before, w->opt.rebase, 192);
        CHECK(world_until(has_a_tail, 60 * WORLD_S));
        commit_before[0] = newest_commit(0);
        CHECK(world_until(just_committed, 60 * WORLD_S));
        CHECK(world_until(NULL, WORLD_S));
        changes_to(0, root);
        rba_of(0, w->node->policy_ver + 1, root, world_wall() + 100000000, rba);
        next_rba = rba;
        CHECK(world_until(rebased, 10 * WORLD_S));
        CHECK(world_until(sees_reference, 10 * WORLD_S));
        CHECK(world_until(NULL, 2 * WORLD_S));
        uint64_t end = w->cursor.index, at = w->rebase_at[0];
        CHECK_EQ(w->n_rebases, 1);
        CHECK(newest_commit(0) < at && at < end);
        commit_before[0] = newest_commit(0);
        world_crash(0);
        world_tear(w, end - at + 1);
        CHECK_EQ(w->n_rebases, 0);
        if (seed % 2) memcpy(w->opt.rebase, before, 192);
        world_up(0);
        CHECK(world_until(came_back, 30 * WORLD_S));
        CHECK_EQ(w->n_rebases, 1);
        CHECK_EQ(w->rebase_at[0], at);
        CHECK_EQ(memcmp(w->rebase[0], rba, 192), 0);
        CHECK(world_until(commits_anew, 60 * WORLD_S));
        CHECK(world_until(NULL, 100 * WORLD_S));
        CHECK_EQ(memcmp(w->node->opt.rebase, rba, 192), 0);
        CHECK_EQ(world_peer(1, 0).integrity, 1);
        CHECK(nobody_is_lost());
        CHECK_EQ(w->gaps, 0);
        if (check_faults > faults) tell();
        world_end();
    }
}

static uint32_t rebases_kept(struct hkp_mesh_node *node, const uint8_t rba[192], uint64_t at) {
    uint8_t buf[600], body[200];
    size_t len = 0, used = 0;
    uint32_t kept = 0;
    struct hkp_mesh_event out = {.struct_size = sizeof out};
    struct hkp_ter_record rec = {.timestamp_us = world_wall() + 1, .sequence = (uint16_t)node->cursor.index};
    hkp_mesh__recover_begin(node);
    rec.chain_crc = hkp_ter_crc16(node->cursor.last_ter, 64);
    rec.h_entropy[0] = 7;
    hkp_ter_record_encode(&rec, body);
    hkp_ter_chain_step(node->cursor.h, body, body + 64);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, buf, sizeof buf, &used), HKP_OK);
    for (int k = 0; k < 8; k++) body[k] = (uint8_t)(at >> 8 * k);
    memcpy(body + 8, rba, 192);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_REBASE, body, 200, buf + used, sizeof buf - used, &len),
             HKP_OK);
    struct hkp_neuro_event back = {.kind = HKP_NEURO_EVENT_RESTORED,
                                   .from = node->cursor.index,
                                   .to = node->cursor.index + 1,
                                   .bytes = buf,
                                   .len = used + len};
    hkp_mesh__recover_event(node, world_inside(0, 1), &back);
    CHECK_EQ(hkp_mesh__recover_next(node, &out), 1);
    for (size_t i = 0; i < out.data_len;) {
        struct hkp_ter_log_record r;
        CHECK_EQ(hkp_ter_log_record_decode(&r, out.data + i, out.data_len - i), HKP_OK);
        kept += r.type == HKP_TER_LOG_REBASE;
        i += r.size;
    }
    return kept;
}

static void a_holder_cannot_give_back_a_rebase_that_was_not_signed(void) {
    static const uint8_t root[32] = {7};
    for (int bad = 0; bad < 6; bad++) {
        uint8_t rba[192];
        start(2, 75);
        CHECK(world_until(has_a_tail, 60 * WORLD_S));
        struct hkp_mesh_node *node = world.node[0].node;
        uint64_t at = node->cursor.index + 1, later = world_wall() + 100000000;
        rba_of(bad == 1 ? 1 : 0, node->policy_ver + (bad == 2 ? 0 : 1), root,
               bad == 3 ? world_wall() - 10000000 : later, rba);
        if (bad == 4) rba[128] ^= 1;
        if (bad == 5) at++;
        CHECK_EQ(rebases_kept(node, rba, at), bad == 0);
        CHECK_EQ(node->recover.has_rebase, bad == 0);
        world_end();
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(trust_goes_on_where_the_last_session_ended);
    CASE(a_power_cut_takes_a_rise_back_but_no_fall);
    CASE(only_an_operator_ends_quarantine);
    CASE(a_second_contradiction_after_a_restart_is_the_second);
    CASE(a_lost_instance_is_in_quarantine_whatever_else_was_stored);
    CASE(a_changed_file_of_trust_is_refused);
    CASE(a_forked_instance_heals_by_release_and_a_raised_neuro_gen);
    CASE(a_peer_that_was_not_trusted_for_a_while_goes_on);
    CASE(what_a_torn_log_lost_comes_back_from_a_holder);
    CASE(a_lone_node_goes_on_after_ten_seconds);
    CASE(what_nobody_can_supply_is_a_gap_and_heals_by_a_raised_neuro_gen);
    CASE(one_holder_alone_cannot_make_a_node_skip_or_swallow);
    CASE(a_device_that_changed_is_limited_or_closed);
    CASE(a_signed_rebase_makes_a_change_the_reference_everywhere);
    CASE(a_rebase_that_does_not_hold_changes_nothing);
    CASE(a_rebase_that_a_torn_log_lost_comes_back_with_its_place);
    CASE(a_holder_cannot_give_back_a_rebase_that_was_not_signed);
    return check_done();
}
