/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/path_state.h"

#include <string.h>

#include "libhtp/flow/ack.h"

#define GRANULARITY_NS 1000000ULL
#define INITIAL_RTT_NS 333000000ULL
#define SECOND_NS 1000000000ULL
/* Decision 0390: a heartbeat would go out by then, so may what waits. */
#define PTO_MOST (30 * SECOND_NS)
/* HTP-10.5: bursts of 10 packets; more where they take less than this (decision 0331). */
#define BURST_PACKETS 10ULL
#define BURST_LEAST_NS 1000000ULL
enum { PACE_SHIFT = 20, RATE_LEAST = 64 };

void hkp_htp__path_state_init(struct hkp_htp__path_state *p, uint8_t index, uint16_t mtu,
                              const struct hkp_htp__controller *controller, uint64_t initial_rtt) {
    memset(p, 0, sizeof *p);
    p->index = index;
    p->mtu = mtu;
    p->loss_time = p->run = p->pace_wake = HKP_TIME_NEVER;
    p->initial = initial_rtt != 0 ? initial_rtt : INITIAL_RTT_NS;
    hkp_htp__congestion_init(&p->congestion, controller, mtu);
    hkp_htp__path_state_set_pace(p);
}

void hkp_htp__path_state_moved(struct hkp_htp__path_state *p, hkp_time now) {
    p->pto_count = 0;
    p->doubtful = 0;
    p->run = HKP_TIME_NEVER;
    p->congestion.recovery_start = now;
}

void hkp_htp__path_state_restart(struct hkp_htp__path_state *p, uint64_t initial_rtt) {
    p->latest = p->min = p->srtt = p->var = 0;
    p->initial = initial_rtt != 0 ? initial_rtt : INITIAL_RTT_NS;
    hkp_htp__congestion_init(&p->congestion, p->congestion.ops, p->mtu);
    hkp_htp__path_state_set_pace(p);
}

void hkp_htp__path_state_rtt(struct hkp_htp__path_state *p, uint64_t sample, uint64_t delay) {
    if (sample == 0) sample = 1;
    p->latest = sample;
    if (p->srtt == 0) {
        p->min = p->srtt = sample;
        p->var = sample / 2;
        return;
    }
    if (sample < p->min) p->min = sample;
    if (delay > HKP_HTP__ACK_DELAY_NS) delay = HKP_HTP__ACK_DELAY_NS;
    if (sample >= p->min + delay) sample -= delay;
    uint64_t off = p->srtt > sample ? p->srtt - sample : sample - p->srtt;
    p->var = (3 * p->var + off) / 4;
    p->srtt = (7 * p->srtt + sample) / 8;
}

uint64_t hkp_htp__path_state_pto(const struct hkp_htp__path_state *p) {
    uint64_t srtt = p->srtt != 0 ? p->srtt : p->initial, var = p->srtt != 0 ? p->var : p->initial / 2;
    uint64_t spread = 4 * var > GRANULARITY_NS ? 4 * var : GRANULARITY_NS;
    return srtt + spread + HKP_HTP__ACK_DELAY_NS;
}

uint64_t hkp_htp__path_state_loss_delay(const struct hkp_htp__path_state *p) {
    uint64_t rtt = p->latest > p->srtt ? p->latest : p->srtt, delay = rtt + rtt / 8;
    return delay > GRANULARITY_NS ? delay : GRANULARITY_NS;
}

hkp_time hkp_htp__path_state_wake(const struct hkp_htp__path_state *p) {
    if (p->loss_time != HKP_TIME_NEVER) return p->loss_time;
    if (p->flying == 0) return HKP_TIME_NEVER;
    const uint64_t pto = hkp_htp__path_state_pto(p), most = pto > PTO_MOST ? pto : PTO_MOST;
    const uint64_t wait = pto << p->pto_count;
    return p->last_sent + (wait < most ? wait : most);
}

void hkp_htp__path_state_set_mtu(struct hkp_htp__path_state *p, uint16_t mtu) {
    p->mtu = mtu;
    hkp_htp__congestion_set_mtu(&p->congestion, mtu);
    hkp_htp__path_state_set_pace(p);
}

/* ---- Pacing, HTP-10.5, decision 0331. */

void hkp_htp__path_state_set_pace(struct hkp_htp__path_state *p) {
    const struct hkp_htp__congestion *c = &p->congestion;
    uint64_t rate = c->ops->pacing_rate(c, p->srtt != 0 ? p->srtt : p->initial);
    if (p->pace_percent != 0) rate = rate * p->pace_percent / 100;
    if (rate < RATE_LEAST) rate = RATE_LEAST;
    p->pace_byte = (SECOND_NS << PACE_SHIFT) / rate;
    p->pace_burst = BURST_PACKETS * (p->mtu * p->pace_byte >> PACE_SHIFT);
    if (p->pace_burst < BURST_LEAST_NS) p->pace_burst = BURST_LEAST_NS;
}

/* What was not used of the last burst's time is lost. */
static hkp_time turn(const struct hkp_htp__path_state *p, hkp_time now) {
    hkp_time earliest = now > p->pace_burst ? now - p->pace_burst : 0;
    return p->pace_at > earliest ? p->pace_at : earliest;
}

void hkp_htp__path_state_pace_as(struct hkp_htp__path_state *p, uint8_t percent, uint8_t whole) {
    p->pace_whole = whole;
    if (p->pace_percent == percent) return;
    p->pace_percent = percent;
    hkp_htp__path_state_set_pace(p);
}

void hkp_htp__path_state_pace(struct hkp_htp__path_state *p, hkp_time now, uint32_t bytes) {
    p->pace_at = turn(p, now) + (bytes * p->pace_byte >> PACE_SHIFT);
}

int hkp_htp__path_state_may_send(struct hkp_htp__path_state *p, hkp_time now) {
    p->pace_wake = HKP_TIME_NEVER;
    const int room = hkp_htp__path_state_room(p) >= p->mtu;
    if (room && p->pace_at < now) return 1;
    if (room) p->pace_wake = p->pace_at + p->pace_burst / (p->pace_whole ? 1 : 2); /* then several can go */
    p->blocked = p->sent;
    return 0;
}

void hkp_htp__path_state_idle(struct hkp_htp__path_state *p) {
    p->pace_wake = HKP_TIME_NEVER;
    if (hkp_htp__path_state_room(p) < p->mtu) return;
    p->app_limited = p->delivered + p->in_flight;
    if (p->app_limited == 0) p->app_limited = 1;
}
