/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Energy levels, heartbeats by NAT type, switching of modes by itself (HTP-8.3 to 8.5, 11.5, 11.7). */
#include "flow_net.h"
#include "pair.h"

/* ---- Levels. */

/* HTP-11.7: down at 50, 20 and 5, back up only 5 points higher, each step of one point tried. */
static void levels_have_five_points_of_hysteresis(void) {
    struct hkp_htp__power p = {0};
    uint8_t level = HKP_HTP_ENERGY_NORMAL;
    for (int percent = 100; percent >= 0; percent--) {
        level = percent >= 50   ? HKP_HTP_ENERGY_NORMAL
                : percent >= 20 ? HKP_HTP_ENERGY_SAVE
                : percent >= 5  ? HKP_HTP_ENERGY_LOW
                                : HKP_HTP_ENERGY_CRITICAL;
        hkp_htp__power_take(&p, (uint8_t)percent, 0, 10);
        CHECK_EQ(p.level, level);
    }
    for (int percent = 0; percent <= 100; percent++) {
        level = percent >= 55   ? HKP_HTP_ENERGY_NORMAL
                : percent >= 25 ? HKP_HTP_ENERGY_SAVE
                : percent >= 10 ? HKP_HTP_ENERGY_LOW
                                : HKP_HTP_ENERGY_CRITICAL;
        hkp_htp__power_take(&p, (uint8_t)percent, 0, 10);
        CHECK_EQ(p.level, level);
    }
    /* around a border nothing flutters */
    hkp_htp__power_take(&p, 49, 0, 10);
    for (int i = 0; i < 100; i++) {
        hkp_htp__power_take(&p, (uint8_t)(49 + i % 6), 0, 10);
        CHECK_EQ(p.level, HKP_HTP_ENERGY_SAVE);
    }
}

static void mains_and_unknown_are_normal(void) {
    struct hkp_htp__power p = {0};
    hkp_htp__power_take(&p, 3, 0, 0);
    CHECK_EQ(p.level, HKP_HTP_ENERGY_CRITICAL);
    hkp_htp__power_take(&p, 3, 1, 0);
    CHECK_EQ(p.level, HKP_HTP_ENERGY_NORMAL);
    CHECK_EQ(p.known, 0);
    hkp_htp__power_take(&p, 3, 0, 0);
    hkp_htp__power_take(&p, HKP_HTP_PERCENT_UNKNOWN, 0, 0);
    CHECK_EQ(p.level, HKP_HTP_ENERGY_NORMAL);
}

/* Load above 95: as SAVE, and no better than the battery; above 85: no compression. */
static void load_counts_beside_the_battery(void) {
    struct hkp_htp__power p = {0};
    for (uint8_t load = 0; load <= 100; load++) {
        hkp_htp__power_take(&p, 100, 0, load);
        CHECK_EQ(p.level, load > 95 ? HKP_HTP_ENERGY_SAVE : HKP_HTP_ENERGY_NORMAL);
        CHECK_EQ(hkp_htp__power_compress(&p), load <= 85);
    }
    hkp_htp__power_take(&p, 10, 0, 100);
    CHECK_EQ(p.level, HKP_HTP_ENERGY_LOW);
    CHECK_EQ(hkp_htp__power_compress(NULL), 1);
}

static void each_level_has_its_rates(void) {
    static const uint8_t percents[] = {80, 30, 10, 2};
    static const unsigned pacing[] = {100, 50, 25, 25}, every[] = {8, 16, 16, 16};
    struct hkp_htp__power p = {0};
    for (int i = 0; i < 4; i++) {
        hkp_htp__power_take(&p, percents[i], 0, 0);
        CHECK_EQ(hkp_htp__power_pacing(&p), pacing[i]);
        CHECK_EQ(hkp_htp__power_ack_every(&p), every[i]);
    }
    CHECK_EQ(hkp_htp__power_pacing(NULL), 100);
    CHECK_EQ(hkp_htp__power_ack_every(NULL), 8);
}

/* HTP-11.7: the same data on a paced path takes twice and four times as long; what may go at once stays. */
static void pacing_slows_with_little_energy(void) {
    static const uint8_t percents[] = {80, 30, 10};
    uint64_t took[3];
    for (int i = 0; i < 3; i++) {
        struct hkp_htp__power p = {0};
        struct net *n = net_started();
        struct hkp_htp__flow_out out;
        static uint8_t message[300000];
        uint32_t id;
        hkp_htp__power_take(&p, percents[i], 0, 0);
        n->flow[0]->mode.power = &p;
        hkp_htp__flow_power(n->flow[0], n->now);
        n->flow[0]->recovery.own.congestion.window = 300000;
        n->flow[0]->recovery.own.srtt = 100000000;
        hkp_htp__path_state_set_pace(&n->flow[0]->recovery.own);
        CHECK_EQ(hkp_htp__flow_open(n->flow[0], 7, 0, 4, &id), HKP_OK);
        hkp_htp__flow_limit(n->flow[0], id, sizeof message);
        CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, message, 250000, 0), HKP_OK);
        hkp_time start = n->now;
        unsigned at_once = 0;
        for (uint8_t dst[NET_BYTES];;) {
            struct hkp_htp__flow_slot slot = {.pn = n->pn[0], .now = n->now, .wall_us = net_wall(n)};
            CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
            n->pn[0] += out.type != 0;
            at_once += out.type != 0 && n->now == start;
            if (out.type != 0) continue;
            if (!hkp_htp__streams_sendable(n->flow[0])) break;
            n->now = n->flow[0]->recovery.own.pace_wake;
        }
        took[i] = n->now - start;
        CHECK(at_once >= 9 && at_once <= 11);
        net_free(n);
    }
    CHECK(took[1] > took[0] * 19 / 10 && took[1] < took[0] * 21 / 10);
    CHECK(took[2] > took[0] * 38 / 10 && took[2] < took[0] * 42 / 10);
}

/* HTP-11.7: with little energy every 16th packet brings an ACK; the 25 ms stay. */
static void acks_are_fewer_with_little_energy(void) {
    for (int low = 0; low < 2; low++) {
        struct hkp_htp__power p = {0};
        struct net *n = net_started();
        hkp_htp__power_take(&p, low ? 10 : 90, 0, 0);
        n->flow[1]->mode.power = &p;
        hkp_htp__flow_power(n->flow[1], n->now);
        struct hkp_htp__acks *a = &n->flow[1]->acks;
        for (int i = 0; i < 100; i++) { /* past the first packets, of which more is told */
            hkp_htp__flow_ping(n->flow[0]);
            net_run(n, n->now + 100000000);
        }
        unsigned most = 0;
        for (int i = 0; i < 64; i++) {
            hkp_htp__flow_ping(n->flow[0]);
            n->delay = 0;
            net_flush(n, 0);
            while (n->count > 0) {
                struct net_packet q = n->queue[0];
                n->queue[0] = n->queue[--n->count];
                if (q.to == 1) (void)net_give(n, &q);
            }
            if (a->waiting > most) most = a->waiting;
            CHECK(a->due <= n->now + HKP_HTP__ACK_DELAY_NS);
            if (a->due <= n->now) {
                CHECK_EQ(a->waiting, low ? 16 : 8);
                net_flush(n, 1);
            }
        }
        CHECK_EQ(most, low ? 16 : 8);
        net_free(n);
    }
}

/* ---- Heartbeats. */

static uint16_t interval(struct net *n) {
    struct hkp_htp__flow_info e, v;
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    hkp_htp__flow_info(n->flow[0], &e);
    hkp_htp__flow_info(n->flow[1], &v);
    CHECK_EQ(e.interval_s, v.interval_s);
    return e.interval_s;
}

/* HTP-8.3, 11.1, 11.7: which of mode, NAT, ACCEPT and energy makes the interval. */
static void intervals_follow_the_tables(void) {
    static const uint16_t nat_s[] = {30, 60, 30, 15, 30, 0}, mode_s[] = {30, 15, 60, 120, 30};
    struct hkp_htp__power p = {0};
    for (uint8_t nat = 0; nat < 6; nat++)
        for (uint8_t mode = 0; mode <= HKP_HTP_TRANSPORT_SWARM; mode++)
            for (int low = 0; low < 2; low++) {
                struct net *n = net_started();
                hkp_htp__power_take(&p, low ? 30 : 90, 0, 0);
                n->flow[0]->mode.power = &p;
                n->flow[0]->mode.mask = 1;
                hkp_htp__flow_set_nat(n->flow[0], nat);
                CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, mode), HKP_OK);
                hkp_htp__flow_power(n->flow[0], n->now);
                uint16_t want = mode_s[mode];
                if (mode != HKP_HTP_TRANSPORT_GHOST && nat_s[nat] != 0)
                    want = low || nat_s[nat] < want ? nat_s[nat] : want;
                CHECK_EQ(interval(n), want);
                net_free(n);
            }
}

static void accept_may_lower_every_interval(void) {
    struct net *n = net_started();
    n->flow[0]->mode.mask = 1;
    n->flow[0]->heart.accept_s = 120; /* BALANCED and SWARM: as far as the NAT lets them */
    hkp_htp__flow_set_nat(n->flow[0], HKP_HTP_NAT_FULL_CONE);
    hkp_htp__heart_reset(n->flow[0]);
    CHECK_EQ(interval(n), 60);
    n->flow[0]->heart.accept_s = 10;
    hkp_htp__heart_reset(n->flow[0]);
    CHECK_EQ(interval(n), 10);
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_STEALTH), HKP_OK);
    CHECK_EQ(interval(n), 10);
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_GHOST), HKP_OK);
    CHECK_EQ(interval(n), 10);
    net_free(n);
}

/* HTP-8.5: three intervals, at least 45 s, at most 360 s, at both ends, since the last packet. */
static void idle_timeout_follows_the_interval(void) {
    static const struct {
        uint8_t mode, nat;
        unsigned idle_s;
    } rows[] = {{HKP_HTP_TRANSPORT_BALANCED, HKP_HTP_NAT_UNKNOWN, 90},
                {HKP_HTP_TRANSPORT_BURST, HKP_HTP_NAT_UNKNOWN, 45},
                {HKP_HTP_TRANSPORT_GHOST, HKP_HTP_NAT_UNKNOWN, 360},
                {HKP_HTP_TRANSPORT_STEALTH, HKP_HTP_NAT_FULL_CONE, 180}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net *n = net_started();
        n->flow[0]->mode.mask = 1;
        hkp_htp__flow_set_nat(n->flow[0], rows[i].nat);
        CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, rows[i].mode), HKP_OK);
        (void)interval(n);
        n->loss = 1000;
        for (int side = 0; side < 2; side++) {
            struct hkp_htp__flow *f = n->flow[side];
            hkp_time end = f->last_heard + rows[i].idle_s * HKP_HTP__SECOND_NS;
            CHECK_EQ(hkp_htp__heart_idle_ns(f), rows[i].idle_s * HKP_HTP__SECOND_NS);
            CHECK_EQ(hkp_htp__flow_tick(f, end - 1), HKP_OK);
            CHECK_EQ(hkp_htp__flow_tick(f, end), HKP_E_HTP_IDLE);
            CHECK_EQ(hkp_htp__flow_tick(f, end + 1), HKP_OK);
        }
        net_free(n);
    }
}

/*
 * A NAT between E and V: after timeout without a packet either way the mapping is gone, and the next packet
 * of E makes one with another port. Packets of V to a mapping that is gone are lost.
 */
struct nat {
    hkp_time timeout, last;
    uint16_t port;
    uint64_t mappings;
};

static void nat_step(struct net *n, struct nat *t) {
    struct hkp_htp__flow_out out;
    for (int side = 0; side < 2; side++) {
        struct hkp_htp__flow *from = n->flow[side], *to = n->flow[!side];
        for (;;) {
            struct net_packet p = {.to = (uint8_t)!side};
            struct hkp_htp__flow_slot slot = {.pn = n->pn[side], .now = n->now, .wall_us = net_wall(n)};
            CHECK_EQ(hkp_htp__flow_send(from, &slot, p.plain, &out), HKP_OK);
            if (out.type == 0) break;
            struct hkp_htp__flow_in in = {.pn = n->pn[side]++,
                                          .type = out.type,
                                          .has_res = out.res,
                                          .plain = p.plain,
                                          .plain_len = out.len,
                                          .datagram_len = out.len + 116,
                                          .now = n->now,
                                          .wall_us = net_wall(n)};
            const int dead = n->now >= t->last + t->timeout;
            unsigned rekeys;
            if (side == 1 && dead) continue;
            if (side == 0 && dead) {
                t->port++;
                t->mappings++;
            }
            t->last = n->now;
            in.port = side == 0 ? t->port : 8144;
            CHECK_EQ(hkp_htp__flow_recv(to, &in, &rekeys), HKP_OK);
            n->now += 5000000;
        }
    }
}

static void nat_run(struct net *n, struct nat *t, hkp_time span, uint16_t *least, uint16_t *most) {
    const hkp_time end = n->now + span;
    *least = UINT16_MAX;
    *most = 0;
    while (n->now < end) {
        nat_step(n, t);
        nat_step(n, t);
        uint16_t now_s = n->flow[0]->heart.interval_s;
        if (now_s < *least) *least = now_s;
        if (now_s > *most) *most = now_s;
        hkp_time a = hkp_htp__flow_wake(n->flow[0]), b = hkp_htp__flow_wake(n->flow[1]);
        n->now = a < b ? a : b;
        CHECK_EQ(hkp_htp__flow_tick(n->flow[0], n->now), HKP_OK);
        CHECK_EQ(hkp_htp__flow_tick(n->flow[1], n->now), HKP_OK);
    }
}

/* HTP-8.4: shorter when the mapping died, longer again when it lives, never above the table. */
static void heartbeats_adapt_to_the_nat(void) {
    struct net *n = net_new(check_seed());
    struct nat t = {.timeout = 20 * HKP_HTP__SECOND_NS, .last = n->now, .port = 40000};
    uint16_t least, most;
    hkp_htp__flow_set_nat(n->flow[0], HKP_HTP_NAT_FULL_CONE);
    n->flow[0]->heart.accept_s = 60;
    hkp_htp__heart_reset(n->flow[0]);
    nat_run(n, &t, 300 * HKP_HTP__SECOND_NS, &least, &most);
    CHECK_EQ(least, 15);
    CHECK(most <= 60);
    CHECK(t.mappings > 0);
    CHECK_EQ(n->flow[0]->heart.interval_s, 15);
    /* It holds at 15 s for 20 heartbeats, tries 22, which dies, and comes back. */
    uint64_t before = t.mappings;
    nat_run(n, &t, 3600 * HKP_HTP__SECOND_NS, &least, &most);
    CHECK_EQ(least, 15);
    CHECK_EQ(most, 22);
    CHECK(t.mappings > before && t.mappings < before + 12);
    /* A better NAT: back to the table, by half each time, and no further. */
    t.timeout = 300 * HKP_HTP__SECOND_NS;
    before = t.mappings;
    nat_run(n, &t, 7200 * HKP_HTP__SECOND_NS, &least, &most);
    CHECK_EQ(n->flow[0]->heart.interval_s, 60);
    CHECK_EQ(most, 60);
    CHECK_EQ(t.mappings, before);
    net_free(n);
}

/* HTP-11.4: GHOST lets the mapping lapse each time, and its interval stays. */
static void ghost_does_not_adapt(void) {
    struct net *n = net_new(check_seed());
    struct nat t = {.timeout = 30 * HKP_HTP__SECOND_NS, .last = n->now, .port = 40000};
    uint16_t least, most;
    n->flow[0]->mode.mask = 1;
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_GHOST), HKP_OK);
    nat_run(n, &t, 3600 * HKP_HTP__SECOND_NS, &least, &most);
    CHECK_EQ(least, 120);
    CHECK_EQ(most, 120);
    CHECK(t.mappings >= 27 && t.mappings <= 32);
    net_free(n);
}

/* ---- Switching by itself. */

static void pass(struct net *n, unsigned seconds) { net_run(n, n->now + seconds * HKP_HTP__SECOND_NS); }

/* Something to measure: PINGs all the time. */
static void busy(struct net *n, unsigned seconds) {
    for (unsigned i = 0; i < seconds * 10; i++) {
        hkp_htp__flow_ping(n->flow[0]);
        net_run(n, n->now + 100000000);
    }
}

static int event_of(struct net *n, uint8_t mode, uint16_t why) {
    struct hkp_htp__flow_event e;
    int found = 0;
    do {
        CHECK_EQ(hkp_htp__flow_event(n->flow[0], &e), HKP_OK);
        found |= e.kind == HKP_HTP__FLOW_EV_MODE && e.cls == mode && e.code == why;
    } while (e.kind != HKP_HTP__FLOW_EV_NONE);
    return found;
}

static struct net *net_auto(int swarm) {
    struct net *n = net_started();
    n->flow[0]->mode.mask = 1;
    n->flow[0]->mode.swarm = (uint8_t)swarm;
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_AUTO), HKP_OK);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    return n;
}

static void loss_on_the_only_path_asks_for_swarm(void) {
    for (int swarm = 0; swarm < 2; swarm++) {
        struct net *n = net_auto(swarm);
        busy(n, 30);
        CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
        n->loss = 300;
        busy(n, 25);
        CHECK_EQ(n->flow[0]->mode.mode, swarm ? HKP_HTP_TRANSPORT_SWARM : HKP_HTP_TRANSPORT_BALANCED);
        CHECK_EQ(event_of(n, HKP_HTP_TRANSPORT_SWARM, HKP_HTP_WHY_PATH), swarm);
        CHECK(n->flow[0]->mode.loss_permille > 150);
        hkp_time since = n->flow[0]->mode.since;
        n->loss = 0;
        while (n->now < since + 59 * HKP_HTP__SECOND_NS) {
            busy(n, 1);
            if (swarm) CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_SWARM); /* held */
        }
        busy(n, 15);
        CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
        CHECK_EQ(event_of(n, HKP_HTP_TRANSPORT_BALANCED, HKP_HTP_WHY_CALM), swarm);
        net_free(n);
    }
}

static void a_slow_path_asks_for_swarm(void) {
    struct net *n = net_auto(1);
    busy(n, 30);
    n->delay = 28000000; /* 1.4 times the round trip */
    busy(n, 30);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    n->delay = 40000000;
    busy(n, 30);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_SWARM);
    /* After an hour that is how the path is. */
    for (int i = 0; i < 70; i++) {
        busy(n, 1);
        pass(n, 60);
    }
    busy(n, 12);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    net_free(n);
}

static void a_long_queue_asks_for_burst(void) {
    static uint8_t message[60000];
    struct net *n = net_auto(1);
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], 7, 0, 4, &id), HKP_OK);
    n->loss = 1000;
    while (hkp_htp__flow_message(n->flow[0], id, message, sizeof message, 0) == HKP_OK) {
    }
    for (int i = 0; i < 11; i++) pass(n, 1);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BURST);
    CHECK_EQ(event_of(n, HKP_HTP_TRANSPORT_BURST, HKP_HTP_WHY_QUEUE), 1);
    net_free(n);
}

static void low_energy_keeps_to_balanced(void) {
    struct hkp_htp__power p = {0};
    struct net *n = net_auto(1);
    n->flow[0]->mode.power = &p;
    hkp_htp__power_take(&p, 19, 0, 0);
    n->loss = 300;
    busy(n, 25);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    hkp_htp__power_take(&p, 20, 0, 96);
    busy(n, 20);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    hkp_htp__power_take(&p, 20, 0, 95);
    busy(n, 12);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_SWARM);
    net_free(n);
}

/* HTP-11.5: STEALTH and GHOST are entered by call only, and AUTO does not leave what a call chose. */
static void nothing_leads_to_or_from_stealth(void) {
    struct hkp_htp__power p = {0};
    uint64_t random = check_seed();
    struct net *n = net_auto(1);
    n->flow[0]->mode.power = &p;
    for (int i = 0; i < 60; i++) {
        n->loss = (unsigned)(check_random(&random) % 400);
        n->delay = 1000000 + check_random(&random) % 80000000;
        hkp_htp__power_take(&p, (uint8_t)(check_random(&random) % 100), 0,
                            (uint8_t)(check_random(&random) % 101));
        busy(n, 13);
        uint8_t mode = n->flow[0]->mode.mode;
        CHECK(mode != HKP_HTP_TRANSPORT_STEALTH && mode != HKP_HTP_TRANSPORT_GHOST);
    }
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_STEALTH), HKP_OK);
    n->loss = 300;
    busy(n, 100);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_STEALTH);
    net_free(n);
}

/* ---- Whole endpoints. */

static void load(struct world *w, const char *vector) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", vector);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

static void up(struct pair *p, struct world *w, const char *vector) {
    load(w, vector);
    pair_new(p, w);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
}

static struct hkp_htp_transport info_of(struct pair *p) {
    struct hkp_htp_transport t = {.struct_size = sizeof t};
    CHECK_EQ(hkp_htp_transport_info(p->e, p->session, &t), HKP_OK);
    return t;
}

static void set_energy(struct pair *p, uint8_t percent, uint8_t load_percent) {
    struct hkp_htp_energy e = {.struct_size = sizeof e, .percent = percent, .load = load_percent};
    CHECK_EQ(hkp_htp_energy_set(p->e, p->now, &e), HKP_OK);
}

/* HTP-11.2: without MASK they are refused; with it the peer is told. */
static void stealth_is_refused_without_mask(void) {
    static struct world w;
    struct pair p;
    up(&p, &w, "n");
    CHECK_EQ(hkp_htp_transport_set(p.e, p.now, p.session, HKP_HTP_TRANSPORT_STEALTH), HKP_E_HTP_STATE);
    CHECK_EQ(hkp_htp_transport_set(p.e, p.now, p.session, HKP_HTP_TRANSPORT_GHOST), HKP_E_HTP_STATE);
    CHECK_EQ(hkp_htp_transport_set(p.e, p.now, p.session, 5), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_transport_set(p.e, p.now, p.session + 1, HKP_HTP_TRANSPORT_BURST), HKP_E_NOTFOUND);
    CHECK_EQ(info_of(&p).mode, HKP_HTP_TRANSPORT_BALANCED);
    pair_free(&p);

    up(&p, &w, "r_suite2_mask");
    CHECK_EQ(hkp_htp_transport_set(p.e, p.now, p.session, HKP_HTP_TRANSPORT_GHOST), HKP_OK);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_TRANSPORT);
    CHECK(ev.value == HKP_HTP_TRANSPORT_GHOST && ev.code == HKP_HTP_WHY_CALL);
    pair_run(&p, HKP_HTP__SEC);
    struct hkp_htp_transport t = info_of(&p);
    CHECK(t.mode == HKP_HTP_TRANSPORT_GHOST && t.wanted == t.mode && t.why == HKP_HTP_WHY_CALL);
    CHECK_EQ(t.heartbeat_s, 120);
    struct hkp_htp_transport v = {.struct_size = sizeof v};
    uint64_t there = 0;
    for (uint32_t i = 0; i < p.v->opt.sessions_max; i++)
        if (p.v->sessions[i] != NULL) there = p.v->sessions[i]->id;
    CHECK_EQ(hkp_htp_transport_info(p.v, there, &v), HKP_OK);
    CHECK(v.peer_mode == HKP_HTP_TRANSPORT_GHOST && v.mode == HKP_HTP_TRANSPORT_BALANCED);
    pair_free(&p);
}

/* A mode of the options needs MASK among the features; where the peer has none, its owner is told. */
static void a_default_without_mask_is_told(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_options o;
    load(&w, "n");
    pair_new(&p, &w);
    hkp_htp_endpoint_free(p.e);
    p.e = NULL;
    pair_options(&p, &o, 1);
    o.transport = HKP_HTP_TRANSPORT_STEALTH;
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, p.now), HKP_E_HTP_STATE);
    o.features |= HKP_HTP_FEATURE_MASK;
    o.transport = 9;
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, p.now), HKP_E_INVAL);
    o.transport = HKP_HTP_TRANSPORT_STEALTH;
    o.nat = 6;
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, p.now), HKP_E_INVAL);
    o.nat = HKP_HTP_NAT_SYMMETRIC;
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, p.now), HKP_OK);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_TRANSPORT);
    CHECK(ev.value == HKP_HTP_TRANSPORT_BALANCED && ev.code == HKP_HTP_WHY_NO_MASK);
    CHECK(info_of(&p).why == HKP_HTP_WHY_NO_MASK && info_of(&p).heartbeat_s == 15);
    pair_free(&p);
}

/* HTP-11.7 CRITICAL: what waits is sent, then CLOSE(SLEEP); a level that rises in time calls it off. */
static void critical_flushes_and_sleeps(void) {
    static struct world w;
    struct pair p;
    uint32_t id;
    up(&p, &w, "n");
    set_energy(&p, 3, 10);
    struct hkp_htp_energy_plan plan = {.struct_size = sizeof plan};
    CHECK_EQ(hkp_htp_energy_info(p.e, &plan), HKP_OK);
    CHECK(plan.level == HKP_HTP_ENERGY_CRITICAL && plan.sleep_at == p.now + 3 * HKP_HTP__SEC);
    CHECK_EQ(plan.ter_batch_ns, 0);
    pair_run(&p, 2 * HKP_HTP__SEC);
    set_energy(&p, 10, 10);
    pair_run(&p, 10 * HKP_HTP__SEC);
    CHECK_EQ(info_of(&p).why, HKP_HTP_WHY_DEFAULT); /* still up */

    CHECK(pair_event(p.v, HKP_HTP_EVENT_UP).type == HKP_HTP_EVENT_UP);
    uint64_t there = 0;
    for (uint32_t i = 0; i < p.v->opt.sessions_max; i++)
        if (p.v->sessions[i] != NULL) there = p.v->sessions[i]->id;
    CHECK_EQ(hkp_htp_session_allow(p.v, there, UINT64_MAX, UINT64_MAX), HKP_OK);
    set_energy(&p, 4, 10);
    CHECK_EQ(hkp_htp_stream_open(p.e, p.session, HKP_HTP_STREAM_CONTROL, 0, 4, &id), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p.e, p.session, id, (const uint8_t *)"last", 4, 1), HKP_OK);
    pair_run(&p, 2 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).len, 4);
    pair_run(&p, 2 * HKP_HTP__SEC);
    struct hkp_htp_event down = pair_event(p.v, HKP_HTP_EVENT_DOWN);
    CHECK(down.result == HKP_E_HTP_CLOSED && down.reason == HKP_HTP_REASON_SLEEP);
    CHECK_EQ(hkp_htp_kind(down.result, down.reason), HKP_HTP_KIND_EXPIRED);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_SLEEP);

    /* One that is established later has its moment, too. */
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_run(&p, 3 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_SLEEP);
    pair_free(&p);
}

static void energy_is_told_in_heartbeats(void) {
    static struct world w;
    struct pair p;
    up(&p, &w, "n");
    CHECK_EQ(hkp_htp_endpoint_set_nat(p.e, p.now, HKP_HTP_NAT_SYMMETRIC), HKP_OK);
    CHECK_EQ(hkp_htp_endpoint_set_nat(p.e, p.now, 6), HKP_E_INVAL);
    set_energy(&p, 37, 61);
    pair_run(&p, 40 * HKP_HTP__SEC);
    struct hkp_htp_transport v = {.struct_size = sizeof v};
    uint64_t there = 0;
    for (uint32_t i = 0; i < p.v->opt.sessions_max; i++)
        if (p.v->sessions[i] != NULL) there = p.v->sessions[i]->id;
    CHECK_EQ(hkp_htp_transport_info(p.v, there, &v), HKP_OK);
    CHECK(v.peer_energy == 37 && v.peer_load == 61 && v.peer_nat == HKP_HTP_NAT_SYMMETRIC);
    CHECK_EQ(v.heartbeat_s, 15);
    struct hkp_htp_energy mains = {.struct_size = sizeof mains, .percent = 37, .mains = 1};
    CHECK_EQ(hkp_htp_energy_set(p.e, p.now, &mains), HKP_OK);
    pair_run(&p, 40 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_transport_info(p.v, there, &v), HKP_OK);
    CHECK_EQ(v.peer_energy, HKP_HTP_PERCENT_UNKNOWN);
    pair_free(&p);
}

static void wrong_energy_is_refused(void) {
    static struct world w;
    struct pair p;
    up(&p, &w, "n");
    struct hkp_htp_energy e = {.struct_size = sizeof e, .percent = 101};
    CHECK_EQ(hkp_htp_energy_set(p.e, p.now, &e), HKP_E_INVAL);
    e = (struct hkp_htp_energy){.struct_size = sizeof e, .load = 101};
    CHECK_EQ(hkp_htp_energy_set(p.e, p.now, &e), HKP_E_INVAL);
    e = (struct hkp_htp_energy){.struct_size = sizeof e, .mains = 2};
    CHECK_EQ(hkp_htp_energy_set(p.e, p.now, &e), HKP_E_INVAL);
    e = (struct hkp_htp_energy){.struct_size = 1, .percent = 50};
    CHECK_EQ(hkp_htp_energy_set(p.e, p.now, &e), HKP_E_INVAL);
    CHECK_EQ(p.e->power.level, HKP_HTP_ENERGY_NORMAL);
    pair_free(&p);
}

/* HB_ACK tells how we are seen: as we are, or by two peers at two ports. */
static void nat_is_guessed_from_what_peers_see(void) {
    static struct world w;
    struct pair p;
    uint32_t nat = 99;
    up(&p, &w, "n");
    struct hkp_htp_path local = p.path_e;
    CHECK_EQ(hkp_htp_nat_guess(p.e, &local, &nat), HKP_OK);
    CHECK_EQ(nat, HKP_HTP_NAT_NONE);
    local.port++;
    CHECK_EQ(hkp_htp_nat_guess(p.e, &local, &nat), HKP_OK);
    CHECK_EQ(nat, HKP_HTP_NAT_UNKNOWN);
    /* a second session, to another V that sees another port */
    struct hkp_htp__session *first = hkp_htp__session_find(p.e, p.session), *second;
    CHECK_EQ(hkp_htp__session_new(p.e, HKP_HTP_ROLE_E, w.v.node_id, &second), HKP_OK);
    second->path = first->path;
    second->observed = first->observed;
    second->observed.port++;
    CHECK_EQ(hkp_htp_nat_guess(p.e, &local, &nat), HKP_OK);
    CHECK_EQ(nat, HKP_HTP_NAT_UNKNOWN); /* the same V: it may have been a new binding */
    second->path.port++;
    CHECK_EQ(hkp_htp_nat_guess(p.e, &local, &nat), HKP_OK);
    CHECK_EQ(nat, HKP_HTP_NAT_SYMMETRIC);
    second->path.carrier = 7; /* another socket */
    CHECK_EQ(hkp_htp_nat_guess(p.e, &local, &nat), HKP_OK);
    CHECK_EQ(nat, HKP_HTP_NAT_UNKNOWN);
    CHECK_EQ(hkp_htp_nat_guess(p.e, NULL, &nat), HKP_E_INVAL);
    pair_free(&p);
}

int main(void) {
    CASE(levels_have_five_points_of_hysteresis);
    CASE(mains_and_unknown_are_normal);
    CASE(load_counts_beside_the_battery);
    CASE(each_level_has_its_rates);
    CASE(pacing_slows_with_little_energy);
    CASE(acks_are_fewer_with_little_energy);
    CASE(intervals_follow_the_tables);
    CASE(accept_may_lower_every_interval);
    CASE(idle_timeout_follows_the_interval);
    CASE(heartbeats_adapt_to_the_nat);
    CASE(ghost_does_not_adapt);
    CASE(loss_on_the_only_path_asks_for_swarm);
    CASE(a_slow_path_asks_for_swarm);
    CASE(a_long_queue_asks_for_burst);
    CASE(low_energy_keeps_to_balanced);
    CASE(nothing_leads_to_or_from_stealth);
    CASE(stealth_is_refused_without_mask);
    CASE(a_default_without_mask_is_told);
    CASE(critical_flushes_and_sleeps);
    CASE(energy_is_told_in_heartbeats);
    CASE(wrong_energy_is_refused);
    CASE(nat_is_guessed_from_what_peers_see);
    return check_done();
}
