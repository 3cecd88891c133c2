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

void hkp_htp__recovery_init(recovery *r, struct hkp_htp__pools *pools, uint16_t mtu,
                            const struct hkp_htp__controller *controller, uint64_t initial_rtt,
                            const struct hkp_htp__recovery_sink *sink) {
    memset(r, 0, sizeof *r);
    r->pools = pools;
    r->sink = *sink;
    hkp_htp__path_state_init(&r->own, 0, mtu, controller, initial_rtt);
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
            if (r->table[i] != NULL) hkp_htp__record_give(r->pools, r->table[i]);
        hkp_htp__record_give(r->pools, r->table);
    } else if (r->block != NULL) {
        hkp_htp__record_give(r->pools, r->block);
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
        r->paths[i]->loss_time = r->paths[i]->pace_wake = HKP_TIME_NEVER;
    }
}

static void drop_first(recovery *r) {
    r->head++;
    if (r->head % PER_BLOCK != 0 || r->table == NULL) return;
    sent_packet **b = block_of(r, r->head - 1);
    hkp_htp__record_give(r->pools, *b);
    *b = NULL;
}

/* What was taken as lost may only be late: its record stays for two PTOs. */
static int is_settled(recovery *r, const sent_packet *s, hkp_time now) {
    if (s->state != HKP_HTP__SENT_LOST) return s->state == HKP_HTP__SENT_ACKED;
    const path_state *p = r->paths[s->path];
    return p == NULL || now - s->time > 2 * hkp_htp__path_state_pto(p);
}

/* Forgets settled records at the head; blocks go back. */
static void trim(recovery *r, hkp_time now) {
    while (r->head != r->tail && is_settled(r, record(r, r->head), now)) drop_first(r);
    if (r->head == r->tail) release(r);
}

/* 1: another record may be added. With several paths packets overtake each other, and the peer's window of
 * numbers need not be larger than 1024 (HTP-7.5, 11.6). */
static int has_place(recovery *r) {
    while (r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX) {
        if (record(r, r->head)->state == HKP_HTP__SENT_FLYING) return 0;
        drop_first(r);
    }
    if (r->path_count < 2) return 1;
    while (r->head != r->tail && record(r, r->head)->state != HKP_HTP__SENT_FLYING) drop_first(r);
    return r->head == r->tail || r->next_pn - record(r, r->head)->pn < HKP_HTP__SPAN_MAX - 1;
}

/* Several blocks need a table. */
static int use_table(recovery *r) {
    if (r->table != NULL || r->block == NULL || r->head / PER_BLOCK == r->tail / PER_BLOCK) return 1;
    sent_packet **table = hkp_htp__record_take(r->pools);
    if (table == NULL) return 0;
    memset(table, 0, HKP_HTP__SENT_BLOCKS * sizeof *table);
    table[r->head / PER_BLOCK % HKP_HTP__SENT_BLOCKS] = r->block;
    r->table = table;
    return 1;
}

sent_packet *hkp_htp__recovery_slot(recovery *r) {
    if (!has_place(r) || !use_table(r)) return NULL;
    sent_packet **b = block_of(r, r->tail);
    if (*b == NULL) *b = hkp_htp__record_take(r->pools);
    if (*b == NULL) return NULL;
    sent_packet *s = record(r, r->tail);
    memset(s, 0, sizeof *s);
    return s;
}

void hkp_htp__recovery_unslot(recovery *r) {
    if (r->head == r->tail) release(r);
}

/* First record with a number of at least pn: at most as far from the first as the numbers are. */
static uint64_t lower_bound(recovery *r, uint64_t pn) {
    uint64_t lo = r->head, hi = r->tail;
    if (lo == hi || record(r, lo)->pn >= pn) return lo;
    if (pn - record(r, lo)->pn < hi - lo) hi = lo + (pn - record(r, lo)->pn);
    if (hi != r->tail && record(r, hi)->pn == pn) return hi;
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
    hkp_htp__recovery_next(r, pn);
    hkp_htp__ecn_sent(&r->ecn, hkp_htp__ecn_mark(&r->ecn));
    r->paths[path]->sent++;
}

static uint32_t ns32(uint64_t ns) { return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX; }

/* draft-ietf-ccwg-bbr 4.1.2.2: what a delivery rate is counted from. */
static void note_delivery(path_state *p, sent_packet *s) {
    if (p->flying == 0) p->first_sent = p->delivered_time = s->time;
    s->delivered = (uint32_t)p->delivered;
    s->delivered_ago = ns32(s->time - p->delivered_time);
    s->first_ago = ns32(s->time - p->first_sent);
    s->app_limited = p->app_limited != 0;
}

void hkp_htp__recovery_sent(recovery *r, sent_packet *s) {
    path_state *p = r->paths[s->path];
    const struct hkp_htp__controller *ops = p->congestion.ops;
    s->order = (uint32_t)p->sent;
    s->ecn = hkp_htp__ecn_mark(&r->ecn);
    note_delivery(p, s);
    if (ops->on_sent != NULL) ops->on_sent(&p->congestion, s->time, p->in_flight);
    hkp_htp__path_state_pace(p, s->time, s->size);
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
    if (++r->path_count == 2) r->several_from = r->next_pn;
    p->from = r->tail;
}

uint64_t hkp_htp__recovery_span(const recovery *r) {
    uint64_t oldest = r->next_pn;
    if (r->path_count < 2 || r->flying == 0) return 0;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = r->paths[i];
        if (p == NULL || p->flying == 0) continue;
        const uint64_t at = p->from > r->head ? p->from : r->head;
        sent_packet *const *b =
            r->table != NULL ? &r->table[at / PER_BLOCK % HKP_HTP__SENT_BLOCKS] : &r->block;
        const uint64_t pn = (*b + at % PER_BLOCK)->pn;
        if (pn < oldest) oldest = pn;
    }
    return r->next_pn - oldest;
}

/* Oldest packet on its way of those sent since there are several paths; NULL: none. */
static sent_packet *oldest(recovery *r) {
    sent_packet *first = NULL;
    for (uint8_t i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = r->paths[i];
        if (p == NULL || p->flying == 0) continue;
        uint64_t at = p->from > r->head ? p->from : r->head;
        for (; at != r->tail; at++) {
            sent_packet *s = record(r, at);
            if (s->path != i || s->state != HKP_HTP__SENT_FLYING || s->pn < r->several_from) continue;
            if (first == NULL || s->pn < first->pn) first = s;
            break;
        }
    }
    return first;
}

void hkp_htp__recovery_next(recovery *r, uint64_t pn) {
    r->next_pn = pn + 1;
    while (hkp_htp__recovery_span(r) >= HKP_HTP__SPAN_MAX) {
        sent_packet *s = oldest(r);
        if (s == NULL || r->next_pn - s->pn < HKP_HTP__SPAN_MAX) return;
        settle(r, s, HKP_HTP__SENT_LOST);
        r->lost++;
        r->sink.lost(r->sink.user, s);
    }
}

void hkp_htp__recovery_path_lost(recovery *r, uint8_t index) {
    path_state *p = r->paths[index];
    for (uint64_t i = p->from > r->head ? p->from : r->head; i != r->tail; i++) {
        sent_packet *s = record(r, i);
        if (s->path != index || s->state != HKP_HTP__SENT_FLYING) continue;
        settle(r, s, HKP_HTP__SENT_LOST);
        r->lost++;
        r->sink.lost(r->sink.user, s);
    }
    if (r->flying == 0) hkp_htp__recovery_clear(r);
}

void hkp_htp__recovery_path_drop(recovery *r, uint8_t index) {
    hkp_htp__recovery_path_lost(r, index);
    r->paths[index] = NULL;
    r->path_count--;
}

void hkp_htp__recovery_set_controller(recovery *r, const struct hkp_htp__controller *controller) {
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        path_state *p = r->paths[i];
        if (p == NULL || p->congestion.ops == controller) continue;
        hkp_htp__congestion_init(&p->congestion, controller, p->mtu);
        hkp_htp__path_state_set_pace(p);
        p->doubtful = 0;
    }
}

/* ---- Losses. */

/* RFC 9002 7.6: all packets over a span of 3 PTOs lost, none between them acknowledged. */
static int is_persistent(const path_state *p, hkp_time first, hkp_time last) {
    return p->srtt != 0 && last - first > PERSISTENT_PTOS * hkp_htp__path_state_pto(p);
}

/* 1: an acknowledged packet overtook this one by three packets or by 9/8 of the round trip. */
static int is_lost(path_state *p, const sent_packet *s, uint64_t delay, hkp_time now) {
    const int32_t behind = (int32_t)((uint32_t)p->acked_end - 1 - s->order);
    if (p->acked_end == 0 || behind < 0) return 0;
    if (behind >= PACKET_THRESHOLD || s->time + delay <= now) return 1;
    p->loss_time = s->time + delay;
    return 0;
}

static void tell_loss(path_state *p, const struct hkp_htp__cc_loss *loss, unsigned packets) {
    struct hkp_htp__congestion *c = &p->congestion;
    const hkp_time before = c->recovery_start;
    c->ops->on_lost(c, loss);
    if (c->recovery_start != before) p->doubtful = 0;
    p->doubtful = loss->persistent ? 0 : p->doubtful + packets;
}

/* Packets of a path were sent in order, so the first that is not lost ends the search: each record is passed
 * once. */
static void detect_lost(recovery *r, path_state *p, hkp_time now) {
    const uint64_t delay = hkp_htp__path_state_loss_delay(p);
    struct hkp_htp__cc_loss loss = {.now = now, .prior = p->in_flight};
    unsigned packets = 0;
    p->loss_time = HKP_TIME_NEVER;
    if (p->from < r->head) p->from = r->head;
    for (; p->from != r->tail; p->from++) {
        sent_packet *s = record(r, p->from);
        if (s->path != p->index) continue;
        if (s->state == HKP_HTP__SENT_ACKED) p->run = HKP_TIME_NEVER;
        if (s->state != HKP_HTP__SENT_FLYING) continue;
        if (!is_lost(p, s, delay, now)) break;
        if (s->mtu_probe) { /* too large for the path, that is all (HTP-9.7) */
            settle(r, s, HKP_HTP__SENT_LOST);
            r->lost++;
            r->sink.lost(r->sink.user, s);
            continue;
        }
        if (p->run == HKP_TIME_NEVER) p->run = s->time;
        loss.persistent |= (uint8_t)is_persistent(p, p->run, s->time);
        loss.bytes += s->size;
        loss.sent = s->time;
        packets++;
        settle(r, s, HKP_HTP__SENT_LOST);
        r->sink.lost(r->sink.user, s);
    }
    if (packets == 0) return;
    if (loss.persistent) p->run = HKP_TIME_NEVER;
    r->lost += packets;
    tell_loss(p, &loss, packets);
    hkp_htp__path_state_set_pace(p);
}

/* ---- Acknowledged. */

/* What one ACK frame changed. */
struct news {
    hkp_time now;
    /** the largest number that is newly acknowledged, its path and time */
    uint64_t pn;
    hkp_time sent;
    uint8_t any, path;
    /** bit i: path i, whose ack is filled */
    uint8_t touched;
    /** packets sent with ECT(0) */
    uint32_t marked;
    struct hkp_htp__cc_ack ack[HKP_HTP__PATHS_MAX];
    /** the newest of each path: orders do not wrap within what is on its way */
    uint32_t delivered[HKP_HTP__PATHS_MAX];
    uint64_t interval[HKP_HTP__PATHS_MAX];
};

/* The newest packet of the path in this ACK is what rates are counted from. */
static void take_newest(path_state *p, const sent_packet *s, struct news *n) {
    struct hkp_htp__cc_ack *a = &n->ack[p->index];
    const uint64_t end = p->acked_end + (uint32_t)(s->order + 1 - (uint32_t)p->acked_end);
    p->acked_end = a->end = end;
    a->app_limited = s->app_limited;
    a->limited = s->order - (uint32_t)p->blocked >= 0x80000000U; /* sent before the way was barred */
    uint64_t arriving = n->now - (s->time - s->delivered_ago);
    n->interval[p->index] = arriving > s->first_ago ? arriving : s->first_ago;
    n->delivered[p->index] = s->delivered;
    p->first_sent = s->time;
}

static void count_ack(path_state *p, const sent_packet *s, struct news *n) {
    struct hkp_htp__cc_ack *a = &n->ack[p->index];
    if ((n->touched >> p->index & 1) == 0) {
        n->touched |= (uint8_t)(1U << p->index);
        *a = (struct hkp_htp__cc_ack){
            .now = n->now, .prior = p->in_flight, .next = p->sent, .end = p->acked_end};
        n->interval[p->index] = 0;
    }
    a->bytes += s->size;
    if (p->congestion.recovery_start == 0 || s->time > p->congestion.recovery_start) a->fresh += s->size;
    p->delivered += s->size;
    p->delivered_time = n->now;
    if (s->order + 1 - (uint32_t)p->acked_end - 1 < 0x7FFFFFFFU) take_newest(p, s, n);
}

/* It was late, not lost; when all that made the window smaller were only late, it was wrong. */
static void take_late(recovery *r, const sent_packet *s) {
    path_state *p = r->paths[s->path];
    r->spurious++;
    if (p == NULL || p->doubtful == 0 || s->time > p->congestion.recovery_start) return;
    if (--p->doubtful == 0 && p->congestion.ops->on_spurious != NULL)
        p->congestion.ops->on_spurious(&p->congestion);
}

static void acked(recovery *r, sent_packet *s, struct news *n) {
    if (s->state == HKP_HTP__SENT_FLYING) {
        path_state *p = r->paths[s->path];
        count_ack(p, s, n);
        p->pto_count = p->probes = 0;
        if (!n->any || s->pn > n->pn) {
            n->any = 1;
            n->pn = s->pn;
            n->sent = s->time;
            n->path = s->path;
        }
    } else {
        take_late(r, s);
    }
    n->marked += s->ecn == HKP_HTP__ECN_ECT0;
    r->bytes_acked += s->size;
    settle(r, s, HKP_HTP__SENT_ACKED);
    r->sink.acked(r->sink.user, s);
}

/* Ranges grow at their upper end: what earlier ACKs named is passed in one step. */
static void ack_range(recovery *r, uint64_t lo, uint64_t hi, struct news *n) {
    const uint64_t first = lower_bound(r, lo);
    uint64_t i = first;
    while (i < r->tail) {
        sent_packet *s = record(r, i);
        if (s->pn > hi) break;
        if (s->state == HKP_HTP__SENT_ACKED) {
            i = s->skip + 1;
            continue;
        }
        acked(r, s, n);
        s->skip = i++;
    }
    if (i > first) record(r, first)->skip = i - 1;
}

/* What the ACK says of one path, to its round trip, controller and pacing. */
static void tell_ack(path_state *p, struct news *n) {
    struct hkp_htp__cc_ack *a = &n->ack[p->index];
    const uint64_t interval = n->interval[p->index];
    a->in_flight = p->in_flight;
    a->srtt = p->srtt;
    a->min_rtt = p->min;
    a->delivered = p->delivered;
    if (interval > 0) {
        uint32_t bytes = (uint32_t)p->delivered - n->delivered[p->index];
        a->delivered_then = p->delivered - bytes;
        if (interval >= p->min) a->rate = hkp_htp__per_second(bytes, interval);
    }
    if (p->app_limited != 0 && p->delivered > p->app_limited) p->app_limited = 0;
    p->congestion.ops->on_acked(&p->congestion, a);
    hkp_htp__path_state_set_pace(p);
}

static void take_marks(recovery *r, const struct hkp_htp__frame *ack, const struct news *n) {
    if (ack->ack.largest < r->acked_end) return; /* older ACKs have older counts */
    r->acked_end = ack->ack.largest + 1;
    if (!hkp_htp__ecn_on_ack(&r->ecn, ack, n->marked)) return;
    path_state *p = r->paths[n->path];
    const struct hkp_htp__cc_loss mark = {.now = n->now, .sent = n->sent, .prior = n->ack[n->path].prior};
    p->congestion.ops->on_ecn(&p->congestion, &mark);
    p->doubtful = 0;
}

hkp_status hkp_htp__recovery_ack(recovery *r, const struct hkp_htp__frame *ack, hkp_time now) {
    if (ack->ack.largest >= r->next_pn) return HKP_E_HTP_ACK;
    if (ack->ack.ecn && (uint64_t)ack->ack.ect0 + ack->ack.ce > r->next_pn) return HKP_E_HTP_ACK;
    struct news n;
    n.now = now;
    n.any = n.touched = 0;
    n.marked = 0;
    unsigned index = 0;
    uint64_t lo = 0, hi = 0;
    while (hkp_htp__frame_ack_range(ack, &index, &lo, &hi)) ack_range(r, lo, hi, &n);
    if (!n.any) return HKP_OK;
    if (n.pn == ack->ack.largest) {
        hkp_htp__path_state_rtt(r->paths[n.path], now - n.sent, (uint64_t)ack->ack.delay_16us * 16000);
        n.ack[n.path].rtt = r->paths[n.path]->latest;
    }
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++)
        if (n.touched >> i & 1) tell_ack(r->paths[i], &n);
    take_marks(r, ack, &n);
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++)
        if (n.touched >> i & 1) detect_lost(r, r->paths[i], now);
    trim(r, now);
    return HKP_OK;
}

/* ---- Time. */

/* When the last of what was taken as lost is forgotten, where nothing else asks for time. */
static hkp_time forget_at(const recovery *r) {
    if (r->flying > 0 || r->head == r->tail) return HKP_TIME_NEVER;
    const uint64_t last = r->tail - 1;
    const sent_packet *block =
        r->table != NULL ? r->table[last / PER_BLOCK % HKP_HTP__SENT_BLOCKS] : r->block;
    return block[last % PER_BLOCK].time + 2 * hkp_htp__path_state_pto(&r->own);
}

hkp_time hkp_htp__recovery_wake(const recovery *r) {
    hkp_time at = forget_at(r);
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        if (r->paths[i] == NULL) continue;
        hkp_time wake = hkp_htp__path_state_wake(r->paths[i]);
        if (wake < at) at = wake;
        if (r->paths[i]->pace_wake < at) at = r->paths[i]->pace_wake;
    }
    return at;
}

/* Probes carry what waits longest for its ACK; the packets themselves are not lost yet, but where no record
 * is left for the probes they make room. */
static void on_pto(recovery *r, path_state *p, hkp_time now) {
    int full = r->tail - r->head >= HKP_HTP__OUTSTANDING_MAX - PROBES ||
               (r->path_count > 1 && r->next_pn - record(r, r->head)->pn >= HKP_HTP__SPAN_MAX - PROBES);
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
    if (forget_at(r) <= now) r->head = r->tail;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        path_state *p = r->paths[i];
        if (p == NULL) continue;
        if (p->pace_wake <= now) p->pace_wake = HKP_TIME_NEVER; /* _send asks again */
        if (now < hkp_htp__path_state_wake(p)) continue;
        if (p->loss_time != HKP_TIME_NEVER) {
            detect_lost(r, p, now);
        } else {
            on_pto(r, p, now);
        }
    }
    trim(r, now);
}
