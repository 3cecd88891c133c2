/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Heartbeats: liveness, the chain of challenges, clock samples, the idle timeout (HTP-8.2 to 8.5). */
#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

typedef struct hkp_htp__flow flow_t;
typedef struct hkp_htp__heart heart;

enum {
    INTERVAL_DEFAULT_S = 30,
    NAT_TYPES = 6,
    NAT_NONE = 5,
    INTERVAL_MIN_S = 15,
    IDLE_MIN_S = 45,
    IDLE_MAX_S = 360,
    IDLE_INTERVALS = 3,
    /** V sends a heartbeat of its own after so many of E's */
    OWN_EVERY = 10,
    /** heartbeats without a change of address before the interval grows */
    GROW_AFTER = 20,
    ENERGY_UNKNOWN = 255
};

/* HTP-11.7: sends that are this close go together. */
#define GROUP_NS UINT64_C(500000000)

/* HTP-8.3: seconds by NAT type; 0: the mode's interval. */
static const uint16_t nat_interval_s[NAT_TYPES] = {30, 60, 30, 15, 30, 0};

/*
 * The longest interval that adaptation may reach. ACCEPT names that of BALANCED and SWARM, and may only lower
 * the others (decision 0362). With little energy the NAT alone decides (HTP-11.7).
 */
static uint16_t table_interval(const flow_t *flow) {
    const uint16_t nat = nat_interval_s[flow->nat < NAT_TYPES ? flow->nat : 0], asked = flow->heart.accept_s;
    const struct hkp_htp__power *power = flow->mode.power;
    uint16_t mode = hkp_htp__mode_row(flow->mode.mode)->heartbeat_s;
    const int lower = asked < INTERVAL_DEFAULT_S && asked < mode;
    if (mode == INTERVAL_DEFAULT_S || lower) mode = asked;
    if (flow->mode.mode == HKP_HTP_TRANSPORT_GHOST || nat == 0) return mode;
    if (power != NULL && power->level != HKP_HTP__POWER_NORMAL) return nat;
    return nat < mode ? nat : mode;
}

/* The next heartbeat of E is jittered (HTP-11.3); V has its eye on those of E. */
static void next_period(flow_t *flow) {
    const heart *h = &flow->heart;
    /* A longer one waits until V has heard of it, which else would miss the heartbeats between. */
    const uint16_t s = flow->is_e && h->told_s < h->interval_s ? h->told_s : h->interval_s;
    const uint64_t ns = s * HKP_HTP__SECOND_NS;
    flow->heart.period_ns = flow->is_e ? hkp_htp__mode_jitter(flow, ns) : ns;
}

/*
 * What was no silence by a longer interval must not end the session by a shorter one that begins now; and who
 * changes it again and again must not keep a session of a dead peer: it ends no later than it would have.
 */
static void outlive(flow_t *flow, hkp_time ends) {
    heart *h = &flow->heart;
    const uint64_t idle = hkp_htp__heart_idle_ns(flow);
    h->silent_from = flow->now;
    h->heard_from = ends < flow->now + idle ? ends - (ends < idle ? ends : idle) : flow->now;
}

void hkp_htp__heart_reset(flow_t *flow) {
    heart *h = &flow->heart;
    const uint16_t base = table_interval(flow), before = h->interval_s;
    const hkp_time ends = hkp_htp__heart_idle_at(flow);
    if (!flow->is_e || base == h->base_s) return;
    if (h->interval_s > base || h->interval_s == h->base_s || flow->mode.mode == HKP_HTP_TRANSPORT_GHOST)
        h->interval_s = base;
    h->base_s = base;
    h->unchanged = 0;
    if (h->interval_s == before) return;
    /* The idle timeout of the peer follows from what it was told last, so it is told at once. */
    h->wanted = 1;
    outlive(flow, ends);
    next_period(flow);
}

/*
 * By how much the first interval of E is shorter (HTP-8.3, decision 0303): sessions made together, after a
 * restart say, must not all beat in the same second. h_final is as good as random and differs in each.
 */
static hkp_time first_lead(const flow_t *flow, const struct hkp_htp__flow_params *params) {
    const hkp_time most = flow->heart.interval_s * HKP_HTP__SECOND_NS / 4 * 3;
    const hkp_time lead = most / 65536 * hkp_be16(params->challenge0 + 14);
    return !flow->is_e || lead > flow->now ? 0 : lead;
}

void hkp_htp__heart_init(flow_t *flow, const struct hkp_htp__flow_params *params) {
    heart *h = &flow->heart;
    memcpy(h->cur, params->challenge0, 16);
    memcpy(h->prev, params->challenge0, 16);
    memcpy(h->echo, params->challenge0, 16);
    h->accept_s = params->heartbeat_s != 0 ? params->heartbeat_s : INTERVAL_DEFAULT_S;
    /* V goes by ACCEPT until E says what it does. */
    h->interval_s = h->base_s = flow->is_e ? table_interval(flow) : h->accept_s;
    h->told_s = h->accept_s;
    next_period(flow);
    h->interval_start = flow->now - first_lead(flow, params);
    h->silent_from = flow->now;
    h->peer_energy = ENERGY_UNKNOWN;
    /* E confirms the keys with its first packet (HTP-14.1). */
    h->wanted = flow->is_e;
}

uint64_t hkp_htp__heart_idle_ns(const flow_t *flow) {
    uint64_t s = (uint64_t)flow->heart.interval_s * IDLE_INTERVALS;
    if (s < IDLE_MIN_S) s = IDLE_MIN_S;
    if (s > IDLE_MAX_S) s = IDLE_MAX_S;
    return s * HKP_HTP__SECOND_NS;
}

hkp_time hkp_htp__heart_idle_at(const flow_t *flow) {
    const hkp_time from =
        flow->last_heard > flow->heart.heard_from ? flow->last_heard : flow->heart.heard_from;
    return from + hkp_htp__heart_idle_ns(flow);
}

/* V lets a heartbeat be late by the jitter of E's mode each way before an interval without one is over. */
static uint64_t patience(const flow_t *flow) {
    const uint64_t period = flow->heart.period_ns;
    const uint64_t late = hkp_htp__mode_row(flow->heart.peer_mode)->jitter_ms * UINT64_C(2000000);
    if (flow->is_e || flow->heart.res) return period;
    return period + (late < period / 2 ? late : period / 2);
}

static hkp_time interval_end(const flow_t *flow) { return flow->heart.interval_start + patience(flow); }

/* Half an interval is for jitter and the way there and back (decision 0405). */
static hkp_time miss_at(const flow_t *flow) {
    const uint64_t ns = flow->heart.interval_s * HKP_HTP__SECOND_NS;
    return flow->heart.silent_from + ns + ns / 2;
}

hkp_time hkp_htp__heart_wake(const flow_t *flow) {
    const hkp_time end = interval_end(flow), miss = miss_at(flow);
    return miss < end ? miss : end;
}

void hkp_htp__heart_alive(flow_t *flow) {
    flow->heart.silent_from = flow->now;
    flow->heart.missed_row = 0;
}

void hkp_htp__heart_missed(flow_t *flow) {
    heart *h = &flow->heart;
    const hkp_time end = hkp_htp__heart_idle_at(flow);
    if (flow->state != HKP_HTP__FLOW_OPEN) return;
    while (miss_at(flow) <= flow->now && miss_at(flow) < end) {
        h->silent_from += h->interval_s * HKP_HTP__SECOND_NS;
        h->missed_count++;
        if (h->missed_row < UINT8_MAX) h->missed_row++;
        h->missed_last = h->missed_row;
        if (h->missed_untold < UINT8_MAX) h->missed_untold++;
    }
}

static void count_good(flow_t *flow) {
    flow->heart.good = 1;
    flow->heart.good_count++;
    flow->heartbeat_events = 1;
}

/*
 * An interval passed. It was good if the peer's resonance was seen in it (SYN-2.8): at E in the answer to a
 * heartbeat or, when traffic made it needless, in any packet with RES; at V in whatever E sent.
 */
static void interval_over(flow_t *flow) {
    heart *h = &flow->heart;
    int skip = h->acked;
    if (!h->good && h->res && (skip || !flow->is_e)) count_good(flow);
    if (flow->is_e && !skip) h->wanted = 1;
    /* What made a heartbeat needless was sent some time ago: silence lasts no longer than one interval. */
    h->interval_start = skip ? h->acked_at : flow->now;
    h->acked = h->res = h->good = 0;
    next_period(flow);
}

void hkp_htp__heart_tick(flow_t *flow) {
    if (flow->now >= interval_end(flow)) interval_over(flow);
}

void hkp_htp__heart_group(flow_t *flow) {
    const uint64_t half = flow->heart.period_ns / 2, early = half < GROUP_NS ? half : GROUP_NS;
    if (flow->is_e && flow->state == HKP_HTP__FLOW_OPEN && !flow->heart.acked &&
        flow->now + early >= interval_end(flow))
        interval_over(flow);
}

/* What the newest HEARTBEAT says of the peer; other packets may have overtaken it. */
static void announced(flow_t *flow, const struct hkp_htp__frame *f, uint64_t end) {
    heart *h = &flow->heart;
    h->said_end = end;
    h->peer_mode = f->hb.mode;
    h->peer_energy = f->hb.energy;
    h->peer_load = f->hb.load;
    h->peer_nat = f->hb.nat;
    if (flow->is_e) return;
    h->interval_s = f->hb.interval_s;
    next_period(flow);
}

hkp_status hkp_htp__heart_on_hb(flow_t *flow, const struct hkp_htp__frame *f,
                                const struct hkp_htp__flow_in *in, int newest) {
    heart *h = &flow->heart;
    if (newest) {
        uint8_t fresh[16];
        if (memcmp(f->hb.proof, h->cur, 16) == 0) {
            if (flow->rng.fill(flow->rng.user, fresh, sizeof fresh) != 0) return HKP_E_HTP_INTERNAL;
            memcpy(h->prev, h->cur, 16);
            memcpy(h->cur, fresh, 16);
        } else if (memcmp(f->hb.proof, h->prev, 16) != 0) {
            return HKP_E_HTP_RESONANCE;
        }
        if (!flow->is_e && ++h->received % OWN_EVERY == 0) h->wanted = 1;
    }
    if (in->pn + 1 > h->said_end) announced(flow, f, in->pn + 1);
    hkp_htp__heart_tick(flow); /* it may be the one that an interval waited for */
    h->owed = 1;
    h->owed_t1 = f->hb.t1;
    h->owed_t2 = in->wall_us;
    memcpy(h->owed_addr, in->addr, 16);
    h->owed_port = in->port;
    return HKP_OK;
}

/* HTP-8.4: where the peer sees us tells whether a NAT binding died while we were silent. */
static void adapt(flow_t *flow, const struct hkp_htp__frame *f) {
    heart *h = &flow->heart;
    int same = h->addr_known && memcmp(h->addr, f->hb.addr, 16) == 0 && h->port == f->hb.port;
    if (h->addr_known && !same) {
        uint64_t silence_s = h->silence_ns / HKP_HTP__SECOND_NS;
        uint64_t least = silence_s < h->interval_s ? silence_s : h->interval_s;
        h->interval_s = (uint16_t)(least / 2 > INTERVAL_MIN_S ? least / 2 : INTERVAL_MIN_S);
        h->unchanged = 0;
        next_period(flow); /* the interval that has begun is shorter, too */
    } else if (++h->unchanged >= GROW_AFTER) {
        uint32_t grown = h->interval_s + h->interval_s / 2U;
        if (h->interval_s < h->base_s) h->interval_s = (uint16_t)(grown < h->base_s ? grown : h->base_s);
        h->unchanged = 0;
    }
    memcpy(h->addr, f->hb.addr, 16);
    h->port = f->hb.port;
    h->addr_known = 1;
}

void hkp_htp__heart_on_hb_ack(flow_t *flow, const struct hkp_htp__frame *f,
                              const struct hkp_htp__flow_in *in) {
    heart *h = &flow->heart;
    if (in->pn + 1 > h->echo_pn) {
        memcpy(h->echo, f->hb.proof, 16);
        h->echo_pn = in->pn + 1;
    }
    if (!h->waiting || f->hb.t1 != h->t1)
        return; /* the answer to an older heartbeat says nothing about now */
    h->waiting = 0;
    h->told_s = h->said_s;
    if (!h->good) count_good(flow);
    /* In GHOST the binding lapses on purpose (HTP-11.4). */
    if (flow->is_e && flow->mode.mode != HKP_HTP_TRANSPORT_GHOST) adapt(flow, f);
    struct hkp_htp__sample *e = &flow->clock;
    *e = (struct hkp_htp__sample){.trust = f->hb.trust, .port = f->hb.port};
    memcpy(e->addr, f->hb.addr, 16);
    e->t[0] = f->hb.t1;
    e->t[1] = f->hb.t2;
    e->t[2] = f->hb.t3;
    e->t[3] = in->wall_us;
    flow->clock_set = 1;
}

size_t hkp_htp__heart_write_hb(flow_t *flow, uint64_t wall_us, uint8_t *dst) {
    heart *h = &flow->heart;
    struct hkp_htp__frame f;
    const struct hkp_htp__power *power = flow->mode.power;
    memset(&f, 0, sizeof f);
    h->t1 = wall_us;
    h->waiting = 1;
    h->wanted = 0;
    h->silence_ns = flow->now - flow->last_out;
    f.hb.interval_s = h->said_s = h->interval_s;
    f.hb.nat = flow->nat;
    f.hb.mode = flow->mode.mode;
    f.hb.energy = power != NULL && power->known ? power->percent : ENERGY_UNKNOWN;
    f.hb.load = power != NULL ? power->load : 0;
    f.hb.t1 = wall_us;
    f.hb.proof = h->echo;
    return hkp_htp__put_hb(dst, &f);
}

size_t hkp_htp__heart_write_ack(flow_t *flow, uint64_t wall_us, uint8_t *dst) {
    heart *h = &flow->heart;
    struct hkp_htp__frame f;
    memset(&f, 0, sizeof f);
    h->owed = 0;
    f.hb.trust = flow->is_e ? 0 : flow->trust;
    f.hb.t1 = h->owed_t1;
    f.hb.t2 = h->owed_t2;
    f.hb.t3 = wall_us;
    f.hb.proof = h->cur;
    f.hb.addr = h->owed_addr;
    f.hb.port = h->owed_port;
    return hkp_htp__put_hb_ack(dst, &f);
}
