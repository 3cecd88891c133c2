/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/recovery.h"

#include <hookprobe/htp.h>

#include <string.h>

enum { PACKET_THRESHOLD = 3, PROBES = 2, PERSISTENT_PTOS = 3, PER_BLOCK = HKP_HTP__SENT_PER_BLOCK };

typedef struct hkp_htp__recovery recovery;
typedef struct hkp_htp__sent sent_packet;
typedef struct hkp_htp__path_state path_state;

_Static_assert(sizeof(sent_packet) * PER_BLOCK <= HKP_HTP__BLOCK_SIZE, "records fill one block");
_Static_assert(sizeof(sent_packet *) * HKP_HTP__SENT_BLOCKS <= HKP_HTP__BLOCK_SIZE, "a table is a block");
_Static_assert(HKP_HTP__OUTSTANDING_MAX + 2 * PER_BLOCK <= PER_BLOCK * HKP_HTP__SENT_BLOCKS,
               "blocks never share a place of the table");

void hkp_htp__recovery_init(recovery *r, struct hkp_htp__pools *pools, uint16_t mtu, uint64_t initial_rtt,
                            const struct hkp_htp__recovery_sink *sink) {
    memset(r, 0, sizeof *r);
    r->pools = pools;
    r->sink = *sink;
    hkp_htp__path_state_init(&r->own, 0, mtu, initial_rtt);
    hkp_htp__recovery_path_add(r, &r->own);
}

/* ---- The records and their memory. */

static sent_packet **block_of(recovery *r, uint64_t i) {
    return r->table != NULL ? &r->table[i / PER_BLOCK % HKP_HTP__SENT_BLOCKS] : &r->block;
}

static sent_packet *record(recovery *r, uint64_t i) { return *block_of(r, i) + i % PER_BLOCK; }

/* The memory of no records at all. */
static void release(recovery *r) {
    if (r->table != NULL) {
        for (unsigned i = 0; i < HKP_HTP__SENT_BLOCKS; i++)
            if (r->table[i] != NULL) hkp_htp__block_give(r->pools, r->table[i]);
        hkp_htp__block_give(r->pools, r->table);
    } else if (r->block != NULL) {
        hkp_htp__block_give(r->pools, r->block);
    }
    r->table = NULL;
    r->block = NULL;
}

void hkp_htp__recovery_clear(recovery *r) {
    release(r);
    r->head = r->tail;
    r->flying = 0;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        if (r->paths[i] == NULL) continue;
        r->paths[i]->in_flight = r->paths[i]->flying = 0;
        r->paths[i]->loss_time = HKP_TIME_NEVER;
    }
}

/* Forgets settled records at the head; blocks go back. */
static void trim(recovery *r) {
    while (r->head != r->tail && record(r, r->head)->state != HKP_HTP__SENT_FLYING) {
        r->head++;
        if (r->head % PER_BLOCK != 0 || r->table == NULL) continue;
        sent_packet **b = block_of(r, r->head - 1);
        hkp_htp__block_give(r->pools, *b);
        *b = NULL;
    }
    if (r->head == r->tail) release(r);
}

/* Several blocks need a table. */
static int use_table(recovery *r) {
    if (r->table != NULL || r->block == NULL || r->head / PER_BLOCK == r->tail / PER_BLOCK) return 1;
    sent_packet **table = hkp_htp__block_take(r->pools);
    if (table == NULL) return 0;
    memset(table, 0, HKP_HTP__SENT_BLOCKS * sizeof *table);
    table[r->head / PER_BLOCK % HKP_HTP__SENT_BLOCKS] = r->block;
    r->table = table;
    return 1;
}

sent_packet *hkp_htp__recovery_slot(recovery *r) {
    if (r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX || !use_table(r)) return NULL;
    sent_packet **b = block_of(r, r->tail);
    if (*b == NULL) *b = hkp_htp__block_take(r->pools);
    if (*b == NULL) return NULL;
    sent_packet *s = record(r, r->tail);
    memset(s, 0, sizeof *s);
    return s;
}

void hkp_htp__recovery_unslot(recovery *r) {
    if (r->head == r->tail) release(r);
}

/* First record with a number of at least pn. */
static uint64_t lower_bound(recovery *r, uint64_t pn) {
    uint64_t lo = r->head, hi = r->tail;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (record(r, mid)->pn < pn) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* ---- Sent, settled. */

void hkp_htp__recovery_number(recovery *r, uint8_t path, uint64_t pn) {
    r->next_pn = pn + 1;
    hkp_htp__ecn_sent(&r->ecn, hkp_htp__ecn_mark(&r->ecn));
    r->paths[path]->sent++;
}

void hkp_htp__recovery_sent(recovery *r, sent_packet *s) {
    path_state *p = r->paths[s->path];
    s->order = (uint32_t)p->sent;
    s->ecn = hkp_htp__ecn_mark(&r->ecn);
    if (p->flying == 0) p->from = r->tail;
    p->flying++;
    p->in_flight += s->size;
    p->last_sent = s->time;
    r->tail++;
    r->flying++;
}

static void settle(recovery *r, sent_packet *s, uint8_t state) {
    if (s->state == HKP_HTP__SENT_FLYING) {
        path_state *p = r->paths[s->path];
        p->in_flight -= s->size;
        p->flying--;
        r->flying--;
    }
    s->state = state;
}

/* ---- Paths. */

void hkp_htp__recovery_path_add(recovery *r, path_state *p) {
    r->paths[p->index] = p;
    p->from = r->tail;
}

void hkp_htp__recovery_path_drop(recovery *r, uint8_t index) {
    path_state *p = r->paths[index];
    for (uint64_t i = p->from > r->head ? p->from : r->head; i != r->tail; i++) {
        sent_packet *s = record(r, i);
        if (s->path != index || s->state != HKP_HTP__SENT_FLYING) continue;
        settle(r, s, HKP_HTP__SENT_LOST);
        r->lost++;
        r->sink.lost(r->sink.user, s);
    }
    r->paths[index] = NULL;
    trim(r);
}

/* ---- Losses. */

/* RFC 9002 7.6: all packets over a span of 3 PTOs lost, none between them acknowledged. */
static int is_persistent(const path_state *p, hkp_time first, hkp_time last) {
    return p->srtt != 0 && last - first > PERSISTENT_PTOS * hkp_htp__path_state_pto(p);
}

/* Packets of a path were sent in order, so the first that is not lost ends the search. */
static void detect_lost(recovery *r, path_state *p, hkp_time now) {
    uint64_t delay = hkp_htp__path_state_loss_delay(p);
    hkp_time run = HKP_TIME_NEVER;
    int persistent = 0;
    p->loss_time = HKP_TIME_NEVER;
    if (p->from < r->head) p->from = r->head;
    for (; p->from != r->tail; p->from++) {
        sent_packet *s = record(r, p->from);
        if (s->path != p->index) continue;
        if (s->state == HKP_HTP__SENT_ACKED) run = HKP_TIME_NEVER;
        if (s->state != HKP_HTP__SENT_FLYING) continue;
        int32_t behind = (int32_t)((uint32_t)p->acked_end - 1 - s->order);
        if (p->acked_end == 0 || behind < 0) break;
        if (behind < PACKET_THRESHOLD && s->time + delay > now) {
            p->loss_time = s->time + delay;
            break;
        }
        if (run == HKP_TIME_NEVER) run = s->time;
        persistent |= is_persistent(p, run, s->time);
        settle(r, s, HKP_HTP__SENT_LOST);
        r->lost++;
        hkp_htp__congestion_on_lost(&p->congestion, s->time, now);
        r->sink.lost(r->sink.user, s);
    }
    if (persistent) hkp_htp__congestion_on_persistent(&p->congestion);
}

/* ---- Acknowledged. */

/* What one ACK frame changed. */
struct news {
    hkp_time now;
    /** the largest number that is newly acknowledged, its path and time */
    uint64_t pn;
    hkp_time sent;
    uint8_t any, path;
    /** bit i: path i; its window was in the way of sending */
    uint8_t touched, limited;
    /** packets sent with ECT(0) */
    uint32_t marked;
};

static void acked(recovery *r, sent_packet *s, struct news *n) {
    path_state *p = r->paths[s->path];
    if (s->state == HKP_HTP__SENT_FLYING) {
        unsigned bit = 1U << s->path;
        hkp_htp__congestion_on_acked(&p->congestion, s->size, s->time, (n->limited & bit) != 0);
        if (s->order + 1 - (uint32_t)p->acked_end < 0x80000000U)
            p->acked_end += (uint32_t)(s->order + 1 - (uint32_t)p->acked_end);
        p->pto_count = p->probes = 0;
        n->touched |= (uint8_t)bit;
        if (!n->any || s->pn > n->pn) {
            n->any = 1;
            n->pn = s->pn;
            n->sent = s->time;
            n->path = s->path;
        }
    }
    n->marked += s->ecn == HKP_HTP__ECN_ECT0;
    r->bytes_acked += s->size;
    settle(r, s, HKP_HTP__SENT_ACKED);
    r->sink.acked(r->sink.user, s);
}

static void ack_range(recovery *r, uint64_t lo, uint64_t hi, struct news *n) {
    for (uint64_t i = lower_bound(r, lo); i != r->tail; i++) {
        sent_packet *s = record(r, i);
        if (s->pn > hi) return;
        if (s->state != HKP_HTP__SENT_ACKED) acked(r, s, n);
    }
}

hkp_status hkp_htp__recovery_ack(recovery *r, const struct hkp_htp__frame *ack, hkp_time now) {
    if (ack->ack.largest >= r->next_pn) return HKP_E_HTP_ACK;
    if (ack->ack.ecn && (uint64_t)ack->ack.ect0 + ack->ack.ce > r->next_pn) return HKP_E_HTP_ACK;
    struct news n = {.now = now};
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = r->paths[i];
        if (p != NULL && (uint64_t)p->in_flight * 2 >= hkp_htp__congestion_window(&p->congestion))
            n.limited |= (uint8_t)(1U << i);
    }
    unsigned index = 0;
    uint64_t lo = 0, hi = 0;
    while (hkp_htp__frame_ack_range(ack, &index, &lo, &hi)) ack_range(r, lo, hi, &n);
    if (!n.any) return HKP_OK;
    if (ack->ack.largest >= r->acked_end) {
        r->acked_end = ack->ack.largest + 1;
        if (hkp_htp__ecn_on_ack(&r->ecn, ack, n.marked))
            hkp_htp__congestion_on_lost(&r->paths[n.path]->congestion, n.sent, now);
    }
    if (n.pn == ack->ack.largest)
        hkp_htp__path_state_rtt(r->paths[n.path], now - n.sent, (uint64_t)ack->ack.delay_16us * 16000);
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++)
        if (n.touched >> i & 1) detect_lost(r, r->paths[i], now);
    trim(r);
    return HKP_OK;
}

/* ---- Time. */

hkp_time hkp_htp__recovery_wake(const recovery *r) {
    hkp_time at = HKP_TIME_NEVER;
    if (r->flying == 0) return at;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        if (r->paths[i] == NULL) continue;
        hkp_time wake = hkp_htp__path_state_wake(r->paths[i]);
        if (wake < at) at = wake;
    }
    return at;
}

/* Probes carry what waits longest for its ACK; the packets themselves are not lost yet, but where no record
 * is left for the probes they make room. */
static void on_pto(recovery *r, path_state *p, hkp_time now) {
    int full = r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX - PROBES;
    unsigned found = 0;
    if (p->pto_count < HKP_HTP__BACKOFF_MAX) p->pto_count++;
    p->probes = PROBES;
    p->last_sent = now;
    hkp_htp__ecn_on_pto(&r->ecn);
    r->probes++;
    for (uint64_t i = p->from > r->head ? p->from : r->head; i != r->tail && found < PROBES; i++) {
        sent_packet *s = record(r, i);
        if (s->path != p->index || s->state != HKP_HTP__SENT_FLYING) continue;
        if (full) settle(r, s, HKP_HTP__SENT_LOST);
        r->sink.lost(r->sink.user, s);
        found++;
    }
}

void hkp_htp__recovery_tick(recovery *r, hkp_time now) {
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        path_state *p = r->paths[i];
        if (p == NULL || now < hkp_htp__path_state_wake(p)) continue;
        if (p->loss_time != HKP_TIME_NEVER) {
            detect_lost(r, p, now);
        } else {
            on_pto(r, p, now);
        }
    }
    trim(r);
}
