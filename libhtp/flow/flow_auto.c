/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which mode is in force: asked for, or switched by what is measured (HTP-11.5). */
#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__flow flow_t;
typedef struct hkp_htp__mode mode;

enum {
    CHECK_S = 10,
    HELD_S = 60,
    HOUR_PART_S = 600,
    BATTERY_LOW = 20,
    LOAD_HIGH = 95,
    LOSS_HIGH_PERMILLE = 150,
    /** packets between two checks that a share of losses may be taken from */
    LOSS_SAMPLE = 20,
    QUEUE_LONG = 1048576
};

/* ---- The least round trip of an hour. */

static void hour_turn(flow_t *flow) {
    struct hkp_htp__hour *h = &flow->mode.hour;
    for (int i = 0; i < HKP_HTP__HOUR_PARTS && flow->now >= h->turn; i++) {
        h->at = (uint8_t)((h->at + 1) % HKP_HTP__HOUR_PARTS);
        h->us[h->at] = 0;
        h->turn += HOUR_PART_S * HKP_HTP__SECOND_NS;
    }
    if (flow->now >= h->turn) h->turn = flow->now + HOUR_PART_S * HKP_HTP__SECOND_NS;
}

void hkp_htp__mode_heard(flow_t *flow) {
    struct hkp_htp__hour *h = &flow->mode.hour;
    uint64_t us = flow->recovery.own.latest / 1000;
    if (us == 0) return;
    hour_turn(flow);
    uint32_t value = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    if (h->us[h->at] == 0 || value < h->us[h->at]) h->us[h->at] = value;
}

uint64_t hkp_htp__mode_hour_rtt(const flow_t *flow) {
    uint32_t least = 0;
    for (unsigned i = 0; i < HKP_HTP__HOUR_PARTS; i++) {
        uint32_t us = flow->mode.hour.us[i];
        if (us != 0 && (least == 0 || us < least)) least = us;
    }
    return least * UINT64_C(1000);
}

/* ---- Which mode. */

static void enter(flow_t *flow, uint8_t to, uint8_t why) {
    mode *m = &flow->mode;
    if (to == m->mode) return;
    m->mode = to;
    m->why = why;
    m->since = flow->now;
    m->hold_until = 0;
    m->changed = 1;
    hkp_htp__heart_reset(flow);
}

static void measure_loss(flow_t *flow) {
    mode *m = &flow->mode;
    uint64_t sent = flow->eliciting_out - m->sent_before, lost = flow->recovery.lost - m->lost_before;
    if (lost > sent) lost = sent; /* losses are known later than sends */
    m->loss_permille = sent >= LOSS_SAMPLE ? (uint16_t)(lost * 1000 / sent) : 0;
    m->sent_before = flow->eliciting_out;
    m->lost_before = flow->recovery.lost;
}

static int energy_is_low(const flow_t *flow) {
    const struct hkp_htp__power *p = flow->mode.power;
    return p != NULL && ((p->known && p->percent < BATTERY_LOW) || p->load > LOAD_HIGH);
}

static int path_is_bad(const flow_t *flow) {
    uint64_t least = hkp_htp__mode_hour_rtt(flow);
    return flow->mode.loss_permille > LOSS_HIGH_PERMILLE ||
           (least != 0 && flow->recovery.own.srtt > least + least / 2);
}

/* A full send buffer counts as a long queue: the rest of it waits in the application (decision 0361). */
static int queue_is_long(const flow_t *flow) {
    return flow->buffered > QUEUE_LONG || (flow->writable_wanted && flow->buffered > flow->send_buffer / 2);
}

static uint8_t best_mode(const flow_t *flow, uint8_t *why) {
    *why = HKP_HTP_WHY_ENERGY;
    if (energy_is_low(flow)) return HKP_HTP_TRANSPORT_BALANCED;
    *why = HKP_HTP_WHY_PATH;
    if (flow->mode.swarm && path_is_bad(flow)) return HKP_HTP_TRANSPORT_SWARM;
    *why = HKP_HTP_WHY_QUEUE;
    if (queue_is_long(flow)) return HKP_HTP_TRANSPORT_BURST;
    *why = HKP_HTP_WHY_CALM;
    return HKP_HTP_TRANSPORT_BALANCED;
}

static int is_busy(const flow_t *flow) { return flow->buffered > 0 || flow->recovery.flying > 0; }

hkp_time hkp_htp__mode_wake(const flow_t *flow) {
    const mode *m = &flow->mode;
    hkp_time at = m->hold_until > flow->now ? m->hold_until : HKP_TIME_NEVER;
    /* While nothing goes nothing can be measured: the check waits for the next wake. */
    if (m->policy == HKP_HTP_TRANSPORT_AUTO && is_busy(flow) && m->check < at) at = m->check;
    return at;
}

void hkp_htp__mode_tick(flow_t *flow) {
    mode *m = &flow->mode;
    uint8_t why;
    if (m->policy != HKP_HTP_TRANSPORT_AUTO || flow->now < m->check) return;
    m->check = flow->now + CHECK_S * HKP_HTP__SECOND_NS;
    hour_turn(flow);
    measure_loss(flow);
    uint8_t best = best_mode(flow, &why);
    if (m->why == HKP_HTP_WHY_DEFAULT || m->why == HKP_HTP_WHY_CALL ||
        flow->now >= m->since + HELD_S * HKP_HTP__SECOND_NS)
        enter(flow, best, why);
}

hkp_status hkp_htp__flow_set_mode(flow_t *flow, hkp_time now, uint8_t wish) {
    mode *m = &flow->mode;
    if (flow->state != HKP_HTP__FLOW_OPEN) return HKP_E_STATE;
    if (wish != HKP_HTP_TRANSPORT_AUTO && hkp_htp__mode_row(wish)->mask && !m->mask) return HKP_E_HTP_STATE;
    if (now > flow->now) flow->now = now;
    m->policy = wish;
    if (wish == HKP_HTP_TRANSPORT_AUTO) {
        m->check = flow->now + CHECK_S * HKP_HTP__SECOND_NS;
        measure_loss(flow);
    }
    enter(flow, wish == HKP_HTP_TRANSPORT_AUTO ? HKP_HTP_TRANSPORT_BALANCED : wish, HKP_HTP_WHY_CALL);
    m->why = HKP_HTP_WHY_CALL;
    return HKP_OK;
}

void hkp_htp__mode_init(flow_t *flow, const struct hkp_htp__flow_params *p) {
    mode *m = &flow->mode;
    *m = (mode){.draws = p->draws, .power = p->power, .policy = p->mode, .mask = p->mask, .swarm = p->swarm};
    m->since = flow->now;
    m->check = flow->now + CHECK_S * HKP_HTP__SECOND_NS;
    m->hour.turn = flow->now + HOUR_PART_S * HKP_HTP__SECOND_NS;
    flow->acks.every = hkp_htp__power_ack_every(p->power);
    if (p->mode == HKP_HTP_TRANSPORT_AUTO) return;
    if (hkp_htp__mode_row(p->mode)->mask && !p->mask) {
        m->policy = HKP_HTP_TRANSPORT_BALANCED;
        m->why = HKP_HTP_WHY_NO_MASK;
        m->changed = 1;
        return;
    }
    m->mode = p->mode;
}

uint64_t hkp_htp__flow_delay(const flow_t *flow, uint64_t period) {
    return hkp_htp__mode_jitter(flow, period);
}

void hkp_htp__flow_set_nat(flow_t *flow, uint8_t nat) {
    flow->nat = nat;
    hkp_htp__heart_reset(flow);
}

void hkp_htp__flow_power(flow_t *flow, hkp_time now) {
    if (now > flow->now) flow->now = now;
    flow->acks.every = hkp_htp__power_ack_every(flow->mode.power);
    hkp_htp__heart_reset(flow);
}
