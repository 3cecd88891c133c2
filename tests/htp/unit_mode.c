/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Transport modes: padding, jitter, holding back, GHOST (HTP-11.1 to 11.4). */
#include "flow_net.h"

enum { BINS_MAX = 256 };

/*
 * Are counts[bins] those of equally likely bins? Chi-square at most 5 standard deviations above its mean, and
 * 10 for the long tail where bins are few; a remainder taken of a byte is far above that.
 */
static int looks_uniform(const unsigned *counts, unsigned bins) {
    double total = 0, chi = 0, degrees = bins - 1;
    for (unsigned i = 0; i < bins; i++) total += counts[i];
    for (unsigned i = 0; i < bins; i++) {
        double off = counts[i] - total / bins;
        chi += off * off / (total / bins);
    }
    double over = chi - degrees - 10;
    int fits = over <= 0 || over * over <= 25 * 2 * degrees;
    if (!fits) printf("# chi-square %.1f of %u bins, %.0f draws\n", chi, bins, total);
    return fits;
}

/* HTP-11.2 "without bias": every value of every range that modes use, and some that are hard on remainders.
 */
static void draws_are_uniform(void) {
    static const unsigned mosts[] = {1, 16, 48, 64, 100, 128, 192, 200, 255};
    uint64_t seed = check_seed();
    struct hkp_rng draws = {&seed, net_fill};
    for (size_t k = 0; k < sizeof mosts / sizeof mosts[0]; k++) {
        unsigned counts[BINS_MAX] = {0};
        for (unsigned i = 0; i < 1000 * (mosts[k] + 1); i++) {
            uint64_t v = hkp_htp__uniform(&draws, mosts[k]);
            CHECK(v <= mosts[k]);
            counts[v % BINS_MAX]++;
        }
        CHECK(looks_uniform(counts, mosts[k] + 1));
    }
    CHECK_EQ(hkp_htp__uniform(&draws, 0), 0);
    for (int i = 0; i < 1000; i++) CHECK(hkp_htp__uniform(&draws, 10000000000ULL) <= 10000000000ULL);
}

static int32_t stuck_fill(void *user, uint8_t *dst, size_t len) {
    memset(dst, 0xFF, len);
    return *(int *)user;
}

/* A generator that fails, or that gives the same byte for ever, ends in the least value and not in a loop. */
static void a_broken_generator_ends_the_draw(void) {
    int result = 0;
    struct hkp_rng draws = {&result, stuck_fill};
    CHECK_EQ(hkp_htp__uniform(&draws, 48), 0);
    CHECK_EQ(hkp_htp__uniform(&draws, 255), 255);
    result = -1;
    CHECK_EQ(hkp_htp__uniform(&draws, 255), 0);
}

static struct net *net_of_mode(uint8_t mode) {
    struct net *n = net_new(check_seed() * 31 + mode);
    for (int i = 0; i < 2; i++) {
        n->flow[i]->mode.mask = 1;
        CHECK_EQ(hkp_htp__flow_set_mode(n->flow[i], n->now, mode), HKP_OK);
    }
    net_run(n, n->now + 2 * HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    return n;
}

/* The next packet of a side, given to the other at once. */
static int pull(struct net *n, int side, struct hkp_htp__flow_out *out) {
    struct net_packet p = {.to = (uint8_t)!side};
    struct hkp_htp__flow_slot slot = {.pn = n->pn[side], .now = n->now, .wall_us = net_wall(n)};
    CHECK_EQ(hkp_htp__flow_send(n->flow[side], &slot, p.plain, out), HKP_OK);
    if (out->type == 0) return 0;
    p.pn = n->pn[side]++;
    p.type = out->type;
    p.res = out->res;
    p.len = out->len;
    CHECK_EQ(net_give(n, &p), HKP_OK);
    return 1;
}

/* Bytes of the datagram that a PING of its own needs. */
static size_t ping_packet(struct net *n, struct hkp_htp__flow_out *out) {
    hkp_htp__flow_ping(n->flow[0]);
    CHECK(pull(n, 0, out));
    n->now += 30000000; /* V acknowledges it in time */
    struct hkp_htp__flow_out ack;
    hkp_htp__flow_tick(n->flow[0], n->now);
    hkp_htp__flow_tick(n->flow[1], n->now);
    while (pull(n, 1, &ack)) {
    }
    return out->len + HKP_HTP__OVERHEAD + (out->res ? HKP_HTP__RESONANCE_SIZE : 0);
}

/* HTP-11.1: what is not full gets from least to most bytes, each count as often as the others. */
static void padding_has_the_range_of_the_mode(void) {
    static const struct {
        uint8_t mode;
        unsigned least, most;
    } modes[] = {{HKP_HTP_TRANSPORT_BALANCED, 16, 64},
                 {HKP_HTP_TRANSPORT_BURST, 0, 16},
                 {HKP_HTP_TRANSPORT_SWARM, 0, 64}};
    for (size_t k = 0; k < sizeof modes / sizeof modes[0]; k++) {
        struct net *n = net_of_mode(modes[k].mode);
        unsigned counts[BINS_MAX] = {0}, bins = modes[k].most - modes[k].least + 1;
        for (unsigned i = 0; i < 600 * bins; i++) {
            struct hkp_htp__flow_out out;
            ping_packet(n, &out);
            if (out.type != HKP_HTP__T_DATA) continue; /* a heartbeat was due */
            unsigned pad = (unsigned)out.len - 1;
            CHECK(pad >= modes[k].least && pad <= modes[k].most);
            if (pad >= modes[k].least && pad <= modes[k].most) counts[pad - modes[k].least]++;
        }
        CHECK(looks_uniform(counts, bins));
        net_free(n);
    }
}

/* HTP-11.1: of STEALTH and GHOST only a few lengths are seen, whatever is inside. */
static void stealth_and_ghost_have_few_lengths(void) {
    static const uint8_t modes[] = {HKP_HTP_TRANSPORT_STEALTH, HKP_HTP_TRANSPORT_GHOST};
    static const size_t lengths[2][3] = {{256, 512, 1200}, {512, 1200, 1200}};
    static uint8_t data[1080];
    for (int k = 0; k < 2; k++) {
        struct net *n = net_of_mode(modes[k]);
        unsigned seen[3] = {0};
        for (unsigned i = 0; i < 3000; i++) {
            struct hkp_htp__flow_out out;
            size_t len = 1 + i * 7 % sizeof data;
            CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 7, data, len), HKP_OK);
            while (n->flow[0]->datagrams_out.head != NULL) {
                if (!pull(n, 0, &out)) {
                    n->now = hkp_htp__flow_wake(n->flow[0]);
                    CHECK_EQ(hkp_htp__flow_tick(n->flow[0], n->now), HKP_OK);
                    CHECK_EQ(hkp_htp__flow_tick(n->flow[1], n->now), HKP_OK);
                    while (pull(n, 1, &out)) {
                    }
                    continue;
                }
                size_t size = out.len + HKP_HTP__OVERHEAD + (out.res ? HKP_HTP__RESONANCE_SIZE : 0);
                int fits = 0;
                for (int s = 0; s < 3 && !fits; s++) {
                    fits = size == lengths[k][s];
                    seen[s] += (unsigned)fits;
                }
                CHECK(fits);
                /* least padding: what is there is longer than the data and the least of the mode */
                CHECK(out.len >= 4 + (out.type == HKP_HTP__T_DATA ? 1U : 60U));
            }
            struct hkp_htp__flow_event e;
            while (net_event(n, 1, &e)) {
            }
        }
        CHECK(seen[0] > 0 && seen[1] > 0 && (k == 1 || seen[2] > 0));
        net_free(n);
    }
}

/* HTP-11.2: padding never costs a full packet anything. */
static void full_packets_are_not_padded(void) {
    static uint8_t message[1132 * 40 - 4];
    struct net *n = net_of_mode(HKP_HTP_TRANSPORT_BALANCED);
    uint32_t id;
    struct hkp_htp__flow_out out;
    size_t full = 0;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], 7, 0, 4, &id), HKP_OK);
    n->flow[0]->recovery.own.congestion.window = 1 << 20;
    n->flow[0]->recovery.own.pace_byte = 0; /* any rate */
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, message, sizeof message, 0), HKP_OK);
    while (hkp_htp__streams_sendable(n->flow[0]) && pull(n, 0, &out)) full += out.len == 1148;
    CHECK_EQ(full, 40);
    CHECK_EQ(n->flow[0]->tx_sent, 1132 * 40);
    net_free(n);
}

/* Times between heartbeats of E over a perfect network. */
static void heartbeat_times(uint8_t mode, uint16_t period_s, uint16_t jitter_ms) {
    enum { BINS = 16, ROUNDS = 1600 };
    struct net *n = net_of_mode(mode);
    unsigned counts[BINS] = {0};
    n->delay = 1000000;
    n->flow[0]->heart.accept_s = period_s;
    hkp_htp__heart_reset(n->flow[0]);
    const double least = period_s * 1e9 - jitter_ms * 1e6, width = 2.0 * jitter_ms * 1e6;
    hkp_time last = 0;
    uint64_t before = n->flow[0]->heart.interval_start;
    for (unsigned i = 0; i < ROUNDS + 3;) {
        CHECK(net_step(n, n->now + 1000 * HKP_HTP__SECOND_NS));
        if (n->flow[0]->heart.interval_start == before) continue;
        before = n->flow[0]->heart.interval_start;
        if (i++ >= 3) { /* the first ones began in another mode */
            double part = ((double)(before - last) - least) / width;
            CHECK(part >= 0 && part <= 1);
            if (part >= 0 && part < 1) counts[(int)(part * BINS)]++;
        }
        last = before;
    }
    CHECK(looks_uniform(counts, BINS));
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    net_free(n);
}

static void heartbeats_are_jittered_by_the_mode(void) {
    heartbeat_times(HKP_HTP_TRANSPORT_BALANCED, 30, 1000);
    heartbeat_times(HKP_HTP_TRANSPORT_BURST, 15, 100);
    heartbeat_times(HKP_HTP_TRANSPORT_STEALTH, 15, 2000); /* ACCEPT asked for 15 s */
    heartbeat_times(HKP_HTP_TRANSPORT_SWARM, 30, 500);
    heartbeat_times(HKP_HTP_TRANSPORT_GHOST, 120, 5000);
}

/* HTP-11.3 "never below half the period". */
static void jitter_never_halves_a_period_twice(void) {
    struct net *n = net_of_mode(HKP_HTP_TRANSPORT_GHOST);
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t p = hkp_htp__flow_delay(n->flow[0], HKP_HTP__SECOND_NS);
        if (p < least) least = p;
        if (p > most) most = p;
    }
    CHECK(least >= 500000000 && least < 501000000);
    CHECK(most <= 1500000000 && most > 1499000000);
    CHECK_EQ(hkp_htp__flow_delay(n->flow[0], 0), 0);
    net_free(n);
}

/* HTP-11.3: ACKs and the probe timeout come when they come, in every mode: the peer's round trips stay true.
 */
static void acks_and_probes_are_not_jittered(void) {
    for (uint8_t mode = 0; mode <= HKP_HTP_TRANSPORT_SWARM; mode++) {
        struct net *n = net_of_mode(mode);
        for (int i = 0; i < 300; i++) {
            struct hkp_htp__flow_out out;
            hkp_htp__flow_ping(n->flow[0]);
            CHECK(pull(n, 0, &out));
            struct hkp_htp__acks *a = &n->flow[1]->acks;
            if (out.type == HKP_HTP__T_DATA && a->waiting == 1)
                CHECK_EQ(a->due, n->now + HKP_HTP__ACK_DELAY_NS);
            const struct hkp_htp__path_state *path = &n->flow[0]->recovery.own;
            CHECK_EQ(hkp_htp__recovery_wake(&n->flow[0]->recovery),
                     path->last_sent + hkp_htp__path_state_pto(path));
            n->now += HKP_HTP__ACK_DELAY_NS;
            CHECK_EQ(hkp_htp__flow_tick(n->flow[1], n->now), HKP_OK);
            while (pull(n, 1, &out)) {
            }
            CHECK_EQ(a->due, HKP_TIME_NEVER);
            CHECK_EQ(hkp_htp__flow_tick(n->flow[0], n->now), HKP_OK);
        }
        CHECK_EQ(n->flow[0]->recovery.probes, 0);
        net_free(n);
    }
}

/* Data waits from 0 to most, each time as likely as any other; other frames go meanwhile. */
static void hold_times(uint8_t mode, uint64_t most_ns) {
    enum { BINS = 16, ROUNDS = 1600 };
    struct net *n = net_of_mode(mode);
    unsigned counts[BINS] = {0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct hkp_htp__flow_out out;
        hkp_time start = n->now;
        CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 7, (const uint8_t *)"held", 4), HKP_OK);
        while (pull(n, 0, &out)) {
        }
        if (i % 2) { /* a PING does not wait and takes nothing along */
            size_t waiting = n->flow[0]->datagrams_out.head != NULL;
            hkp_htp__flow_ping(n->flow[0]);
            CHECK(pull(n, 0, &out));
            CHECK_EQ(n->flow[0]->datagrams_out.head != NULL, waiting);
        }
        while (n->flow[0]->datagrams_out.head != NULL) {
            n->now = hkp_htp__flow_wake(n->flow[0]) < hkp_htp__flow_wake(n->flow[1])
                         ? hkp_htp__flow_wake(n->flow[0])
                         : hkp_htp__flow_wake(n->flow[1]);
            CHECK_EQ(hkp_htp__flow_tick(n->flow[0], n->now), HKP_OK);
            CHECK_EQ(hkp_htp__flow_tick(n->flow[1], n->now), HKP_OK);
            for (int side = 0; side < 2; side++)
                while (pull(n, side, &out)) {
                }
        }
        uint64_t held = n->now - start;
        CHECK(held <= most_ns);
        if (held <= most_ns) counts[held * BINS / (most_ns + 1)]++;
        struct hkp_htp__flow_event e;
        while (net_event(n, 1, &e)) {
        }
        n->now += HKP_HTP__SECOND_NS;
        for (int side = 0; side < 2; side++) {
            CHECK_EQ(hkp_htp__flow_tick(n->flow[side], n->now), HKP_OK);
            while (pull(n, side, &out)) {
            }
        }
    }
    CHECK(looks_uniform(counts, BINS));
    net_free(n);
}

static void data_is_held_back_by_the_mode(void) {
    hold_times(HKP_HTP_TRANSPORT_STEALTH, 100000000);
    hold_times(HKP_HTP_TRANSPORT_GHOST, 1000000000);
}

/* HTP-11.3 "does not touch PTO": a probe goes when it is due, and takes along what waits. */
static void a_probe_ends_the_hold(void) {
    struct net *n = net_of_mode(HKP_HTP_TRANSPORT_GHOST);
    struct hkp_htp__flow *f = n->flow[0];
    for (int i = 0; i < 50; i++) {
        struct hkp_htp__flow_out out;
        CHECK_EQ(hkp_htp__flow_datagram(f, 7, (const uint8_t *)"held", 4), HKP_OK);
        while (pull(n, 0, &out)) {
        }
        if (f->datagrams_out.head == NULL) continue; /* drawn as no time at all */
        f->recovery.own.probes = 1;
        CHECK(pull(n, 0, &out));
        CHECK(f->datagrams_out.head == NULL);
        n->now += 2 * HKP_HTP__SECOND_NS;
        for (int side = 1; side >= 0; side--) {
            CHECK_EQ(hkp_htp__flow_tick(n->flow[side], n->now), HKP_OK);
            while (pull(n, side, &out)) {
            }
        }
        struct hkp_htp__flow_event e;
        while (net_event(n, 1, &e)) {
        }
    }
    net_free(n);
}

static void other_modes_hold_nothing_back(void) {
    static const uint8_t modes[] = {HKP_HTP_TRANSPORT_BALANCED, HKP_HTP_TRANSPORT_BURST,
                                    HKP_HTP_TRANSPORT_SWARM};
    for (size_t k = 0; k < sizeof modes; k++) {
        struct net *n = net_of_mode(modes[k]);
        struct hkp_htp__flow_out out;
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 7, (const uint8_t *)"now", 3), HKP_OK);
            CHECK(pull(n, 0, &out));
            CHECK(n->flow[0]->datagrams_out.head == NULL);
        }
        net_free(n);
    }
}

/* HTP-11.1: in GHOST the mode interval alone; a mode change is told at once, for the peer's idle timeout. */
static void a_mode_is_told_with_its_interval(void) {
    static const struct {
        uint8_t mode;
        uint16_t interval_s;
    } modes[] = {{HKP_HTP_TRANSPORT_BURST, 15},
                 {HKP_HTP_TRANSPORT_GHOST, 120},
                 {HKP_HTP_TRANSPORT_STEALTH, 30}, /* behind an unknown NAT */
                 {HKP_HTP_TRANSPORT_GHOST, 120},
                 {HKP_HTP_TRANSPORT_BALANCED, 30}};
    struct net *n = net_started();
    n->flow[0]->mode.mask = 1;
    for (size_t k = 0; k < sizeof modes / sizeof modes[0]; k++) {
        struct hkp_htp__flow_info e, v;
        CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, modes[k].mode), HKP_OK);
        net_run(n, n->now + HKP_HTP__SECOND_NS);
        hkp_htp__flow_info(n->flow[0], &e);
        hkp_htp__flow_info(n->flow[1], &v);
        CHECK_EQ(e.interval_s, modes[k].interval_s);
        CHECK_EQ(v.interval_s, modes[k].interval_s);
        CHECK_EQ(v.peer_mode, modes[k].mode);
        CHECK(hkp_htp__heart_idle_ns(n->flow[1]) == hkp_htp__heart_idle_ns(n->flow[0]));
    }
    net_run(n, n->now + 3600 * HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    net_free(n);
}

static void stealth_needs_masking(void) {
    struct net *n = net_started();
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_STEALTH), HKP_E_HTP_STATE);
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_GHOST), HKP_E_HTP_STATE);
    CHECK_EQ(n->flow[0]->mode.mode, HKP_HTP_TRANSPORT_BALANCED);
    CHECK_EQ(n->flow[0]->mode.policy, HKP_HTP_TRANSPORT_BALANCED);
    net_free(n);
}

/* HTP-3.2 (d) */
static void every_packet_of_ghost_has_resonance(void) {
    struct net *n = net_of_mode(HKP_HTP_TRANSPORT_GHOST);
    struct hkp_htp__flow_out out;
    for (int i = 0; i < 200; i++) {
        n->now += 700000000;
        if (i % 3 == 0) CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 7, (const uint8_t *)"x", 1), HKP_OK);
        if (i % 5 == 0) hkp_htp__flow_ping(n->flow[1]);
        for (int side = 0; side < 2; side++) {
            CHECK_EQ(hkp_htp__flow_tick(n->flow[side], n->now), HKP_OK);
            while (pull(n, side, &out)) CHECK_EQ(out.res, 1);
        }
    }
    hkp_htp__flow_close(n->flow[0], n->now, HKP_HTP_REASON_DONE, 0);
    CHECK(pull(n, 0, &out));
    CHECK(out.type == HKP_HTP__T_CLOSE && out.res == 1);
    net_free(n);
}

/* HTP-11.4: V is silent from the end of the binding until E has spoken; no sooner, and only towards GHOST. */
static void v_waits_for_a_silent_ghost(void) {
    static const unsigned binding_s[] = {30, 300, 120, 30, 30, 0};
    for (uint8_t nat = 0; nat < 6; nat++) {
        struct net *n = net_new(check_seed() + nat);
        struct hkp_htp__flow_out out;
        n->flow[0]->mode.mask = 1;
        hkp_htp__flow_set_nat(n->flow[0], nat);
        CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_GHOST), HKP_OK);
        net_run(n, n->now + 2 * HKP_HTP__SECOND_NS);
        hkp_time heard = n->flow[1]->last_heard;
        unsigned s = binding_s[nat];
        n->now = heard + (s != 0 ? s : 110) * HKP_HTP__SECOND_NS - 1;
        CHECK_EQ(hkp_htp__flow_datagram(n->flow[1], 7, (const uint8_t *)"a", 1), HKP_OK);
        CHECK(pull(n, 1, &out));
        heard = n->flow[1]->last_heard; /* what E answers is not given to V */
        n->now++;
        CHECK_EQ(hkp_htp__flow_datagram(n->flow[1], 7, (const uint8_t *)"b", 1), HKP_OK);
        CHECK_EQ(pull(n, 1, &out), s == 0);
        n->now += 20 * HKP_HTP__SECOND_NS; /* nor do probes go */
        CHECK_EQ(hkp_htp__flow_tick(n->flow[1], n->now), HKP_OK);
        if (s != 0) CHECK_EQ(pull(n, 1, &out), 0);
        CHECK_EQ(n->flow[1]->last_heard, heard);
        hkp_htp__flow_ping(n->flow[0]);
        CHECK(pull(n, 0, &out));
        if (s != 0) CHECK_EQ(pull(n, 1, &out), 1);
        CHECK(n->flow[1]->datagrams_out.head == NULL);
        net_free(n);
    }
    struct net *n = net_started();
    struct hkp_htp__flow_out out;
    n->now = n->flow[1]->last_heard + 60 * HKP_HTP__SECOND_NS;
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[1], 7, (const uint8_t *)"a", 1), HKP_OK);
    CHECK(pull(n, 1, &out));
    net_free(n);
}

/* HTP-11.1: in BURST ten packets go together, in other modes half as many each time. */
static void burst_sends_ten_together(void) {
    static const uint8_t modes[] = {HKP_HTP_TRANSPORT_BALANCED, HKP_HTP_TRANSPORT_BURST};
    static uint8_t message[200000];
    for (int k = 0; k < 2; k++) {
        struct net *n = net_of_mode(modes[k]);
        struct hkp_htp__path_state *path = &n->flow[0]->recovery.own;
        struct hkp_htp__flow_out out;
        uint32_t id;
        unsigned groups = 0, packets = 0;
        path->congestion.window = 300000;
        path->srtt = 100000000;
        hkp_htp__path_state_set_pace(path);
        CHECK_EQ(hkp_htp__flow_open(n->flow[0], 7, 0, 4, &id), HKP_OK);
        CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, message, sizeof message, 0), HKP_OK);
        for (uint8_t dst[NET_BYTES];;) {
            struct hkp_htp__flow_slot slot = {.pn = n->pn[0], .now = n->now, .wall_us = net_wall(n)};
            CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
            n->pn[0] += out.type != 0;
            packets += out.type != 0;
            if (out.type != 0) continue;
            groups++;
            if (!hkp_htp__streams_sendable(n->flow[0])) break;
            n->now = path->pace_wake;
        }
        CHECK(packets > 150 && packets / groups >= (k == 0 ? 4U : 9U) &&
              packets / groups <= (k == 0 ? 6U : 11U));
        net_free(n);
    }
}

int main(void) {
    CASE(draws_are_uniform);
    CASE(a_broken_generator_ends_the_draw);
    CASE(padding_has_the_range_of_the_mode);
    CASE(stealth_and_ghost_have_few_lengths);
    CASE(full_packets_are_not_padded);
    CASE(heartbeats_are_jittered_by_the_mode);
    CASE(jitter_never_halves_a_period_twice);
    CASE(acks_and_probes_are_not_jittered);
    CASE(data_is_held_back_by_the_mode);
    CASE(a_probe_ends_the_hold);
    CASE(other_modes_hold_nothing_back);
    CASE(a_mode_is_told_with_its_interval);
    CASE(stealth_needs_masking);
    CASE(every_packet_of_ghost_has_resonance);
    CASE(v_waits_for_a_silent_ghost);
    CASE(burst_sends_ten_together);
    return check_done();
}
