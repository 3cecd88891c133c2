/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/path_state.h"

#include <string.h>

#include "libhtp/flow/ack.h"

#define GRANULARITY_NS 1000000ULL
#define INITIAL_RTT_NS 333000000ULL

void hkp_htp__path_state_init(struct hkp_htp__path_state *p, uint8_t index, uint16_t mtu,
                              uint64_t initial_rtt) {
    memset(p, 0, sizeof *p);
    p->index = index;
    p->mtu = mtu;
    p->loss_time = HKP_TIME_NEVER;
    p->initial = initial_rtt != 0 ? initial_rtt : INITIAL_RTT_NS;
    hkp_htp__congestion_init(&p->congestion, mtu);
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
    return p->last_sent + (hkp_htp__path_state_pto(p) << p->pto_count);
}
