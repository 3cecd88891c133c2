/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Padding, jitter and holding back of the modes (HTP-11.1 to 11.4). */
#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__flow flow_t;

enum { FULL = 1200, NAT_TYPES = 6, DRAWS_MAX = 64 };

static const struct hkp_htp__mode_row rows[] = {
    [HKP_HTP_TRANSPORT_BALANCED] = {16, 64, {0, 0, 0}, 1000, 0, 30, 0, 0, 0},
    [HKP_HTP_TRANSPORT_BURST] = {0, 16, {0, 0, 0}, 100, 0, 15, 1, 0, 0},
    [HKP_HTP_TRANSPORT_STEALTH] = {64, 128, {256, 512, FULL}, 2000, 100, 60, 0, 1, 0},
    [HKP_HTP_TRANSPORT_GHOST] = {128, 256, {512, FULL, 0}, 5000, 1000, 120, 0, 1, 1},
    [HKP_HTP_TRANSPORT_SWARM] = {0, 64, {0, 0, 0}, 500, 0, 30, 0, 0, 0},
};

const struct hkp_htp__mode_row *hkp_htp__mode_row(uint8_t mode) {
    return &rows[mode < sizeof rows / sizeof rows[0] ? mode : HKP_HTP_TRANSPORT_BALANCED];
}

unsigned hkp_htp__nat_binding_s(uint8_t nat) {
    static const uint16_t seconds[NAT_TYPES] = {30, 300, 120, 30, 30, 0};
    return seconds[nat < NAT_TYPES ? nat : 0];
}

/* Values above most are drawn again: a remainder would prefer the small ones. */
uint64_t hkp_htp__uniform(const struct hkp_rng *draws, uint64_t most) {
    uint64_t mask = most;
    for (unsigned shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    size_t bytes = 0;
    for (uint64_t left = mask; left != 0; left >>= 8) bytes++;
    if (bytes == 0 || draws->fill == NULL) return 0;
    for (int i = 0; i < DRAWS_MAX; i++) {
        uint8_t b[8];
        uint64_t v = 0;
        if (draws->fill(draws->user, b, bytes) != 0) return 0;
        for (size_t k = 0; k < bytes; k++) v = v << 8 | b[k];
        if ((v & mask) <= most) return v & mask;
    }
    return 0;
}

/* HTP-11.2: drawn, then filled up to a step, then cut to what the datagram has room for. */
void hkp_htp__mode_pad(flow_t *flow, struct hkp_htp__writer *w) {
    const struct hkp_htp__mode_row *row = hkp_htp__mode_row(flow->mode.mode);
    if (w->len >= w->cap || flow->mode.draws.fill == NULL) return;
    const size_t overhead = HKP_HTP__OVERHEAD + (w->res ? (size_t)HKP_HTP__RESONANCE_SIZE : 0);
    size_t len = w->len + row->pad_least +
                 (size_t)hkp_htp__uniform(&flow->mode.draws, (uint64_t)(row->pad_most - row->pad_least));
    size_t fill = row->fill[0] != 0 ? w->cap : 0; /* longer than every step: the whole datagram */
    for (unsigned i = 3; i-- > 0;)
        if (row->fill[i] >= len + overhead) fill = row->fill[i] - overhead;
    if (len < fill) len = fill;
    if (len > w->cap) len = w->cap;
    memset(w->dst + w->len, 0, len - w->len);
    w->len = len;
}

/* HTP-11.3; by at most half the period, so that the mean of the periods stays what it is. */
uint64_t hkp_htp__mode_jitter(const flow_t *flow, uint64_t period) {
    uint64_t most = hkp_htp__mode_row(flow->mode.mode)->jitter_ms * UINT64_C(1000000);
    if (most > period / 2) most = period / 2;
    if (flow->mode.draws.fill == NULL) return period;
    return period - most + hkp_htp__uniform(&flow->mode.draws, 2 * most);
}

void hkp_htp__mode_pace(const flow_t *flow, struct hkp_htp__path_state *path) {
    const uint8_t percent = (uint8_t)hkp_htp__power_pacing(flow->mode.power);
    hkp_htp__path_state_pace_as(path, percent, hkp_htp__mode_row(flow->mode.mode)->whole_bursts);
}

/* Data that comes while other data waits goes together with that. */
void hkp_htp__mode_queued(flow_t *flow) {
    if (flow->datagrams_out.head == NULL && !hkp_htp__streams_sendable(flow)) flow->mode.fresh = 1;
}

int hkp_htp__mode_holds(flow_t *flow) {
    struct hkp_htp__mode *m = &flow->mode;
    if (m->fresh) {
        uint64_t most = hkp_htp__mode_row(m->mode)->hold_ms * UINT64_C(1000000);
        if (most > 0) m->hold_until = flow->now + hkp_htp__uniform(&m->draws, most);
        m->fresh = 0;
    }
    return flow->now < m->hold_until && flow->recovery.own.probes == 0;
}

/* HTP-11.4: E lets its binding lapse; what V sends after that reaches nobody, or somebody else. */
int hkp_htp__mode_waits_for_e(const flow_t *flow) {
    const struct hkp_htp__heart *h = &flow->heart;
    unsigned s = hkp_htp__nat_binding_s(h->peer_nat);
    return !flow->is_e && flow->state == HKP_HTP__FLOW_OPEN && h->peer_mode == HKP_HTP_TRANSPORT_GHOST &&
           s != 0 && flow->now >= flow->last_heard + s * HKP_HTP__SECOND_NS;
}

/* ---- Energy, HTP-11.7. */

static uint8_t level_of(unsigned percent) {
    return percent < 5    ? HKP_HTP__POWER_CRITICAL
           : percent < 20 ? HKP_HTP__POWER_LOW
           : percent < 50 ? HKP_HTP__POWER_SAVE
                          : HKP_HTP__POWER_NORMAL;
}

void hkp_htp__power_take(struct hkp_htp__power *p, uint8_t percent, int mains, uint8_t load) {
    enum { HYSTERESIS = 5, LOAD_SAVES = 95 };
    p->known = !mains && percent <= 100;
    p->percent = percent;
    p->load = load;
    if (!p->known) {
        p->battery = HKP_HTP__POWER_NORMAL;
    } else {
        uint8_t down = level_of(percent),
                up = level_of(percent > HYSTERESIS ? (unsigned)percent - HYSTERESIS : 0U);
        if (down > p->battery) p->battery = down;
        if (up < p->battery) p->battery = up;
    }
    p->level = load > LOAD_SAVES && p->battery < HKP_HTP__POWER_SAVE ? HKP_HTP__POWER_SAVE : p->battery;
}

unsigned hkp_htp__power_pacing(const struct hkp_htp__power *p) {
    static const uint8_t percent[] = {100, 50, 25, 25};
    return p == NULL ? 100 : percent[p->level];
}

unsigned hkp_htp__power_ack_every(const struct hkp_htp__power *p) {
    return p == NULL || p->level == HKP_HTP__POWER_NORMAL ? 8 : 16;
}
