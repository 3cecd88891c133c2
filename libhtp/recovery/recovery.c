/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/recovery.h"

#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/ack.h"

enum { PACKET_THRESHOLD = 3, PROBES = 2, PERSISTENT_PTOS = 3, BACKOFF_MAX = 10 };

#define GRANULARITY_NS 1000000ULL
#define INITIAL_RTT_NS 333000000ULL

typedef struct hkp_htp__sent sent_packet;

_Static_assert(sizeof(sent_packet) * HKP_HTP__SENT_PER_BLOCK <= HKP_HTP__BLOCK_SIZE,
               "records fill one block");

void hkp_htp__recovery_init(struct hkp_htp__recovery *r, struct hkp_htp__pools *pools, uint32_t mtu,
                            uint64_t initial_rtt, const struct hkp_htp__recovery_sink *sink) {
    memset(r, 0, sizeof *r);
    r->pools = pools;
    r->sink = *sink;
    r->loss_time = HKP_TIME_NEVER;
    r->initial = initial_rtt != 0 ? initial_rtt : INITIAL_RTT_NS;
    hkp_htp__congestion_init(&r->congestion, mtu);
}

static sent_packet **block_of(struct hkp_htp__recovery *r, uint32_t i) {
    return &r->blocks[i / HKP_HTP__SENT_PER_BLOCK % HKP_HTP__SENT_BLOCKS];
}

static sent_packet *record(struct hkp_htp__recovery *r, uint32_t i) {
    return *block_of(r, i) + i % HKP_HTP__SENT_PER_BLOCK;
}

void hkp_htp__recovery_clear(struct hkp_htp__recovery *r) {
    for (unsigned i = 0; i < HKP_HTP__SENT_BLOCKS; i++) {
        if (r->blocks[i] != NULL) hkp_htp__block_give(r->pools, r->blocks[i]);
        r->blocks[i] = NULL;
    }
    r->head = r->tail = 0;
    r->in_flight = r->flying = 0;
    r->loss_time = HKP_TIME_NEVER;
}

/* Forgets settled records at the head; blocks go back, the last one when nothing flies. */
static void trim(struct hkp_htp__recovery *r) {
    while (r->head != r->tail && record(r, r->head)->state != HKP_HTP__SENT_FLYING) {
        r->head++;
        if (r->head % HKP_HTP__SENT_PER_BLOCK != 0) continue;
        sent_packet **b = block_of(r, r->head - 1);
        hkp_htp__block_give(r->pools, *b);
        *b = NULL;
    }
    if (r->head == r->tail) hkp_htp__recovery_clear(r);
}

sent_packet *hkp_htp__recovery_slot(struct hkp_htp__recovery *r) {
    if (r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX) return NULL;
    sent_packet **b = block_of(r, r->tail);
    if (*b == NULL) *b = hkp_htp__block_take(r->pools);
    if (*b == NULL) return NULL;
    sent_packet *s = record(r, r->tail);
    memset(s, 0, sizeof *s);
    return s;
}

void hkp_htp__recovery_sent(struct hkp_htp__recovery *r, sent_packet *s) {
    r->tail++;
    r->flying++;
    r->in_flight += s->size;
    r->last_sent = s->time;
}

uint64_t hkp_htp__recovery_pto(const struct hkp_htp__recovery *r) {
    uint64_t srtt = r->srtt != 0 ? r->srtt : r->initial, var = r->srtt != 0 ? r->var : r->initial / 2;
    uint64_t spread = 4 * var > GRANULARITY_NS ? 4 * var : GRANULARITY_NS;
    return srtt + spread + HKP_HTP__ACK_DELAY_NS;
}

static void take_rtt(struct hkp_htp__recovery *r, uint64_t sample, uint64_t delay) {
    if (sample == 0) sample = 1;
    r->latest = sample;
    if (r->srtt == 0) {
        r->min = r->srtt = sample;
        r->var = sample / 2;
        return;
    }
    if (sample < r->min) r->min = sample;
    if (delay > HKP_HTP__ACK_DELAY_NS) delay = HKP_HTP__ACK_DELAY_NS;
    if (sample >= r->min + delay) sample -= delay;
    uint64_t off = r->srtt > sample ? r->srtt - sample : sample - r->srtt;
    r->var = (3 * r->var + off) / 4;
    r->srtt = (7 * r->srtt + sample) / 8;
}

static void settle(struct hkp_htp__recovery *r, sent_packet *s, uint8_t state) {
    if (s->state == HKP_HTP__SENT_FLYING) {
        r->in_flight -= s->size;
        r->flying--;
    }
    s->state = state;
}

/* First record with a number of at least pn. */
static uint32_t lower_bound(struct hkp_htp__recovery *r, uint64_t pn) {
    uint32_t lo = 0, hi = r->tail - r->head;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (record(r, r->head + mid)->pn < pn) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return r->head + lo;
}

/* One range of an ACK; the largest record that is newly acknowledged goes to *newest. */
static void ack_range(struct hkp_htp__recovery *r, uint64_t lo, uint64_t hi, int limited,
                      sent_packet **newest) {
    for (uint32_t i = lower_bound(r, lo); i != r->tail; i++) {
        sent_packet *s = record(r, i);
        if (s->pn > hi) return;
        if (s->state == HKP_HTP__SENT_ACKED) continue;
        if (s->state == HKP_HTP__SENT_FLYING) {
            hkp_htp__congestion_on_acked(&r->congestion, s->size, s->time, limited);
            if (*newest == NULL || s->pn > (*newest)->pn) *newest = s;
        }
        r->bytes_acked += s->size;
        settle(r, s, HKP_HTP__SENT_ACKED);
        r->sink.acked(r->sink.user, s);
    }
}

/* RFC 9002 7.6: all packets over a span of 3 PTOs lost, none between them acknowledged. */
static int is_persistent(const struct hkp_htp__recovery *r, hkp_time first, hkp_time last) {
    return r->srtt != 0 && last - first > PERSISTENT_PTOS * hkp_htp__recovery_pto(r);
}

static void detect_lost(struct hkp_htp__recovery *r, hkp_time now) {
    uint64_t rtt = r->latest > r->srtt ? r->latest : r->srtt, delay = rtt + rtt / 8;
    hkp_time run = HKP_TIME_NEVER;
    int persistent = 0;
    if (delay < GRANULARITY_NS) delay = GRANULARITY_NS;
    r->loss_time = HKP_TIME_NEVER;
    for (uint32_t i = r->head; i != r->tail; i++) {
        sent_packet *s = record(r, i);
        if (s->pn >= r->acked_end) break;
        if (s->state == HKP_HTP__SENT_ACKED) run = HKP_TIME_NEVER;
        if (s->state != HKP_HTP__SENT_FLYING) continue;
        if (r->acked_end - 1 - s->pn < PACKET_THRESHOLD && s->time + delay > now) {
            if (s->time + delay < r->loss_time) r->loss_time = s->time + delay;
            run = HKP_TIME_NEVER;
            continue;
        }
        if (run == HKP_TIME_NEVER) run = s->time;
        persistent |= is_persistent(r, run, s->time);
        settle(r, s, HKP_HTP__SENT_LOST);
        r->lost++;
        hkp_htp__congestion_on_lost(&r->congestion, s->time, now);
        r->sink.lost(r->sink.user, s);
    }
    if (persistent) hkp_htp__congestion_on_persistent(&r->congestion);
}

hkp_status hkp_htp__recovery_ack(struct hkp_htp__recovery *r, const struct hkp_htp__frame *ack,
                                 hkp_time now) {
    if (ack->ack.largest >= r->next_pn) return HKP_E_HTP_ACK;
    if (ack->ack.ecn && (uint64_t)ack->ack.ect0 + ack->ack.ce > r->next_pn) return HKP_E_HTP_ACK;
    int limited = (uint64_t)r->in_flight * 2 >= hkp_htp__congestion_window(&r->congestion);
    sent_packet *newest = NULL;
    unsigned index = 0;
    uint64_t lo = 0, hi = 0;
    while (hkp_htp__frame_ack_range(ack, &index, &lo, &hi)) ack_range(r, lo, hi, limited, &newest);
    if (ack->ack.largest + 1 > r->acked_end) r->acked_end = ack->ack.largest + 1;
    if (newest == NULL) return HKP_OK;
    if (newest->pn == ack->ack.largest)
        take_rtt(r, now - newest->time, (uint64_t)ack->ack.delay_16us * 16000);
    r->pto_count = 0;
    detect_lost(r, now);
    trim(r);
    return HKP_OK;
}

hkp_time hkp_htp__recovery_wake(const struct hkp_htp__recovery *r) {
    if (r->loss_time != HKP_TIME_NEVER) return r->loss_time;
    if (r->flying == 0) return HKP_TIME_NEVER;
    return r->last_sent + (hkp_htp__recovery_pto(r) << r->pto_count);
}

unsigned hkp_htp__recovery_tick(struct hkp_htp__recovery *r, hkp_time now) {
    if (now < hkp_htp__recovery_wake(r)) return 0;
    if (r->loss_time != HKP_TIME_NEVER) {
        detect_lost(r, now);
        trim(r);
        return 0;
    }
    /* Probes carry what waits longest for its ACK; the packets themselves are not lost yet, but where no
     * record is left for the probes they make room. */
    int full = r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX - PROBES;
    if (r->pto_count < BACKOFF_MAX) r->pto_count++;
    r->probes++;
    r->last_sent = now;
    unsigned found = 0;
    for (uint32_t i = r->head; i != r->tail && found < PROBES; i++) {
        sent_packet *s = record(r, i);
        if (s->state != HKP_HTP__SENT_FLYING) continue;
        if (full) settle(r, s, HKP_HTP__SENT_LOST);
        r->sink.lost(r->sink.user, s);
        found++;
    }
    trim(r);
    return PROBES;
}
