/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "chaos.h"

#include <string.h>

#include "liar.h"

/* CALM_S: D may stand at its cap of 8 s (D-SMX-8); then a view that a liar leads takes most of a minute. */
enum { ROUNDS_MAX = 4000, CALM_S = 180, WRONG_S = 100, EPOCH_S = 3598 };

/* To anywhere within WRONG_S of the true time. */
static void jump(struct sim *s, uint32_t i) {
    int64_t base = s->nodes[i].clock_us > EPOCH_S * 500000LL ? EPOCH_S * 1000000LL : 0;
    s->nodes[i].clock_us = base + ((int64_t)sim_random(s, 2 * WRONG_S + 1) - WRONG_S) * 1000000;
}

static void begin(struct sim *s, const struct chaos *c) {
    uint32_t liars[SIM_NODES];
    sim_new(s, c->seed, c->n, 0);
    s->t_cp = HKP_DSM_T_CP_NONE;
    s->delay = 20 * SIM_MS;
    uint32_t first = (uint32_t)sim_random(s, c->n);
    for (uint32_t i = 0; i < c->liars; i++) liars[i] = (first + i * 2) % c->n;
    liars_new(s, liars, c->liars, c->ways);
    if (c->faults & CHAOS_NET) {
        s->loss = (uint32_t)sim_random(s, 4) * 30;
        s->twice = (uint32_t)sim_random(s, 3) * 50;
        s->corrupt = (uint32_t)sim_random(s, 3) * 10;
        s->delay_max = (2 + sim_random(s, 60)) * SIM_MS;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        if (c->faults & CHAOS_EPOCHS) s->nodes[i].clock_us = EPOCH_S * 1000000LL;
        if (c->faults & CHAOS_CLOCKS) jump(s, i);
    }
    for (uint32_t i = 0; i < s->count; i++) sim_start(s, i);
}

static void heal(struct sim *s) {
    memset(s->links, 1, sizeof s->links);
    for (uint32_t i = 0; i < s->count; i++) sim_connect(s, i);
}

static void cut(struct sim *s, struct chaos_result *r) {
    uint32_t a = (uint32_t)sim_random(s, s->count), half = (uint32_t)sim_random(s, 1U << s->count);
    r->cuts++;
    switch (sim_random(s, 6)) {
    case 0: /* one direction */
        s->links[a][sim_random(s, s->count)] = 0;
        break;
    case 1: /* nobody hears one of them */
        for (uint32_t b = 0; b < s->count; b++) s->links[a][b] = 0;
        break;
    case 2: /* two parts */
        for (uint32_t i = 0; i < s->count; i++)
            for (uint32_t k = 0; k < s->count; k++) s->links[i][k] = (half >> i & 1U) == (half >> k & 1U);
        break;
    default:
        heal(s);
        break;
    }
}

static void crash(struct sim *s, struct chaos_result *r) {
    uint32_t all = sim_random(s, 6) == 0, one = (uint32_t)sim_random(s, s->count);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->nodes[i].honest && (all || i == one) && s->nodes[i].up) {
            sim_crash(s, i);
            r->crashes++;
        }
    if (!all) sim_run(s, sim_random(s, 100) * SIM_MS);
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->nodes[i].up) sim_start(s, i);
}

static uint64_t lowest(struct sim *s, uint64_t *open) {
    uint64_t low = UINT64_MAX;
    *open = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->nodes[i].honest || !s->nodes[i].up) continue;
        struct hkp_dsm_node_status st = sim_status(s, i);
        if (st.final_height < low) low = st.final_height;
        for (uint32_t a = 0; a < s->mesh.n; a++)
            if (s->nodes[a].honest && memcmp(s->mesh.node_id[a], st.node_id, 16) == 0)
                *open += s->finals_count[a] < st.own_seq;
    }
    return low;
}

/* Each honest one of these says something; who may not yet, for example while it asks for own blocks of which
 * a peer spoke (D-BLK-7), tries again. */
static uint32_t say(struct sim *s, uint32_t silent) {
    for (uint32_t i = 0; i < s->count; i++)
        if ((silent >> i & 1U) != 0 && (!s->nodes[i].honest || sim_submit(s, i, "at last") > 0))
            silent &= ~(1U << i);
    return silent;
}

/* The faults stop, the lies do not: what the honest said becomes final within a bound. */
static uint32_t calm(struct sim *s) {
    s->loss = s->twice = s->corrupt = 0;
    s->delay_max = 5 * SIM_MS;
    heal(s);
    uint64_t open, high = 0;
    int64_t clock_us = s->nodes[0].clock_us;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->nodes[i].clock_us > clock_us) clock_us = s->nodes[i].clock_us;
    for (uint32_t i = 0; i < s->count; i++) {
        s->nodes[i].clock_us = clock_us;
        if (s->nodes[i].honest && sim_status(s, i).final_height > high) high = sim_status(s, i).final_height;
    }
    uint32_t silent = (1U << s->count) - 1;
    for (uint32_t k = 0; k < CALM_S * 10; k++) {
        silent = say(s, silent);
        sim_run(s, 100 * SIM_MS);
        liars_act(s);
        if (lowest(s, &open) > high && open == 0 && silent == 0) return 1;
        if (s->faults > 0) return 1; /* that is what is told */
    }
    return 0;
}

void chaos_run(struct sim *s, const struct chaos *c, struct chaos_result *r) {
    *r = (struct chaos_result){.live = 1};
    begin(s, c);
    for (uint32_t round = 0; round < ROUNDS_MAX && s->views < c->views && s->faults == 0; round++) {
        if (sim_random(s, 2) == 0) sim_submit(s, (uint32_t)sim_random(s, s->count), "block");
        sim_run(s, (10 + sim_random(s, 90)) * SIM_MS);
        liars_act(s);
        if ((c->faults & CHAOS_PARTS) && sim_random(s, 8) == 0) cut(s, r);
        if ((c->faults & CHAOS_CRASHES) && sim_random(s, 40) == 0) crash(s, r);
        if ((c->faults & CHAOS_CLOCKS) && sim_random(s, 30) == 0) jump(s, (uint32_t)sim_random(s, s->count));
    }
    if (s->faults == 0) r->live = calm(s);
    r->views = s->views;
    r->faults = s->faults;
    r->fault = s->fault;
    r->trace = s->trace;
    r->due = s->evidence_due;
    for (uint32_t i = 0; i < s->count; i++) {
        r->finals += s->nodes[i].honest ? s->nodes[i].finals : 0;
        r->evidence += s->nodes[i].honest ? s->nodes[i].evidence : 0;
    }
    liars_free(s);
    sim_free(s);
}
