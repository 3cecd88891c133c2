/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The fault simulator as a whole: faults that happen, keys that must go, time, and what must hold at the end.
 *
 *     struct fault_plan p = {.edges = 1, .span = 120 s, .kinds = ~0U, .bad = 1};
 *     struct fault_result r;
 *     fault_run(&p, seed, &r);
 */
#ifndef HKP_TESTS_HTP_FAULTS_WORLD_H
#define HKP_TESTS_HTP_FAULTS_WORLD_H

#include "faults_net.h"

struct fault_plan {
    uint32_t edges;
    /** how long faults go on */
    hkp_time span;
    /** FAULT_* that may happen, about one in gap */
    unsigned kinds;
    hkp_time gap, act_gap;
    /** 1: bad links; 0: 10 ms and nothing else */
    int bad;
    /** 1: nonces are random alone, and both clocks of a machine are rolled back, too: the counter-test */
    int careless;
    /** at most this chance of loss in 1000 */
    unsigned loss_max;
    /** 1: many long messages; 1: sessions of several paths, on roads that differ */
    int bulk, swarm;
};

struct fault_result {
    uint64_t trace, sent, delivered, lost, forged, spoofed, messages, told, ups, downs, faileds, rekeys,
        moves, added, seals, repeats, keys_gone, kinds_done[FAULT_KINDS], mtu_probes, mtu_falls,
        paths_seen[HKP_HTP__PATHS_MAX + 1];
    size_t memory, largest;
    hkp_time alive_after;
};

/* ---- keys (HTP-6.3 step 4, 6.7) ---- */

static inline struct fault_key *key_of(struct fault_net *x, uint64_t session, uint32_t epoch) {
    for (size_t i = 0; i < x->n_keys; i++)
        if (x->keys[i].session == session && x->keys[i].epoch == epoch) return &x->keys[i];
    if (x->n_keys == x->cap_keys) {
        x->cap_keys = x->cap_keys * 2 + NET_KEYS;
        x->keys = realloc(x->keys, x->cap_keys * sizeof *x->keys);
    }
    struct fault_key *k = &x->keys[x->n_keys++];
    *k = (struct fault_key){.session = session, .epoch = epoch};
    return k;
}

/* The name of a session of a node: numbers of sessions begin anew with each endpoint, nodes do not. */
static inline uint64_t key_name(const struct fault_node *n, uint64_t session) {
    return (uint64_t)n->index << 48 ^ session;
}

static inline void keys_note(struct fault_node *n, const struct hkp_htp__session *s) {
    struct fault_net *x = n->w->net;
    for (int i = 0; i < 2; i++) {
        const struct hkp_htp__epoch_secret *e = s->epochs[i], *next = s->epochs[!i];
        if (e == NULL || !e->live) continue;
        struct fault_key *k = key_of(x, key_name(n, s->id), e->n);
        memcpy(k->key, e->key, sizeof k->key);
        memcpy(k->root, e->root, 32);
        memcpy(k->k_rdv, e->k_rdv, 32);
        if (e->n >= s->epoch || next == NULL || next->opened == 0) continue;
        if (k->old_since == 0) k->old_since = node_now(n);
        /* 5 s at most after the first packet of the next epoch; looked at twice a second */
        CHECK(node_now(n) - k->old_since <= 6 * HKP_HTP__SEC);
    }
}

static inline int key_lives(const struct fault_node *n, const struct fault_key *k) {
    const struct hkp_htp__session *s = n->ep->sessions[k->session & 0xFFFFF];
    const int same = s != NULL && key_name(n, s->id) == k->session;
    for (int i = 0; same && s->state != HKP_HTP__S_ENDED && i < 2; i++)
        if (s->epochs[i] != NULL && s->epochs[i]->live && s->epochs[i]->n == k->epoch) return 1;
    return 0;
}

static inline void keys_watch(struct fault_node *n) {
    struct fault_net *x = n->w->net;
    for (uint32_t i = 0; i < n->ep->opt.sessions_max; i++)
        if (n->ep->sessions[i] != NULL && n->ep->sessions[i]->state != HKP_HTP__S_ENDED)
            keys_note(n, n->ep->sessions[i]);
    for (size_t i = 0; i < x->n_keys;) {
        const struct fault_key *k = &x->keys[i];
        if (k->session >> 48 != n->index || key_lives(n, k)) {
            i++;
            continue;
        }
        CHECK(!fault_heap_has(&n->heap, k->key[0], 32) && !fault_heap_has(&n->heap, k->key[1], 32));
        CHECK(!fault_heap_has(&n->heap, k->root, 32) && !fault_heap_has(&n->heap, k->k_rdv, 32));
        x->keys_gone++;
        x->keys[i] = x->keys[--x->n_keys];
    }
}

static inline void keys_forget(struct fault_node *n) {
    struct fault_net *x = n->w->net;
    for (size_t i = 0; i < x->n_keys;)
        if (x->keys[i].session >> 48 == n->index)
            x->keys[i] = x->keys[--x->n_keys];
        else
            i++;
}

/* ---- what is on its way (HTP-10.3, 11.6) ---- */

static inline void ways_judge(const struct fault_node *n, const struct hkp_htp__session *s) {
    const struct hkp_htp__recovery *r = &s->flow->recovery;
    uint32_t bytes[HKP_HTP__PATHS_MAX] = {0}, count[HKP_HTP__PATHS_MAX] = {0}, all = 0;
    uint64_t oldest = r->next_pn;
    for (uint64_t i = r->head; i != r->tail; i++) {
        const struct hkp_htp__sent *block =
            r->table != NULL ? r->table[i / HKP_HTP__SENT_PER_BLOCK % HKP_HTP__SENT_BLOCKS] : r->block;
        const struct hkp_htp__sent *sent = &block[i % HKP_HTP__SENT_PER_BLOCK];
        if (sent->state != HKP_HTP__SENT_FLYING) continue;
        bytes[sent->path] += sent->size;
        count[sent->path]++;
        if (sent->pn < oldest && sent->pn >= r->several_from) oldest = sent->pn;
        all++;
    }
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const struct hkp_htp__path_state *p = r->paths[i];
        CHECK(p != NULL ? p->in_flight == bytes[i] && p->flying == count[i] : count[i] == 0);
    }
    CHECK_EQ(r->flying, all);
    CHECK(r->path_count == hkp_htp__swarm_count(s) &&
          r->path_count <= (n->index == 0 ? HKP_HTP__PATHS_MAX : n->swarm_paths + 1U));
    CHECK(r->path_count == 1 || r->next_pn - oldest < HKP_HTP__SPAN_MAX);
    n->w->net->paths_seen[r->path_count]++;
}

static inline void ways_watch(struct fault_node *n) {
    for (uint32_t i = 0; i < n->ep->opt.sessions_max; i++) {
        struct hkp_htp__session *s = n->ep->sessions[i];
        if (s == NULL || s->state != HKP_HTP__S_UP || hkp_htp__flow_state(s->flow) != HKP_HTP__FLOW_OPEN)
            continue;
        ways_judge(n, s);
        /* After three PTOs the base holds for ten minutes (HTP-9.7). */
        for (unsigned k = 0; k < HKP_HTP__PATHS_MAX; k++) {
            const struct hkp_htp__path_state *p = s->flow->recovery.paths[k];
            if (p == NULL || p->pmtu.again <= n->mtu_again) continue;
            n->w->net->mtu_falls += p->pmtu.again >= s->flow->now + 599 * HKP_HTP__SEC;
            n->mtu_again = p->pmtu.again;
        }
    }
}

/* ---- faults that happen ---- */

static inline void fault_restart(struct fault_node *n) {
    struct fault_world *w = n->w;
    if (n->ep == NULL) return;
    keys_forget(n);
    node_stop(n);
    app_lost(n, 0);
    node_start(n);
    n->wake = hkp_htp_wake(n->ep);
    for (uint32_t i = 1; n->index == 0 && i < w->n; i++) w->net->links[i].n_addresses = 0;
    if (n->index == 0) memset(w->net->victims, 0, sizeof w->net->victims);
}

/* Garbage of three kinds: noise, noise behind a right token, a right header before noise. */
static inline void fault_garbage(struct fault_world *w, struct fault_node *n) {
    uint8_t bytes[1500];
    const unsigned kind = (unsigned)fault_below(w, 3);
    struct fault_flying f = {.to = n->index, .len = 1 + fault_below(w, 1400), .bytes = bytes, .forged = 1};
    for (size_t i = 0; i < f.len; i++) bytes[i] = (uint8_t)fault_random(w);
    const struct hkp_htp__session *s = NULL;
    for (uint32_t i = 0; i < n->ep->opt.sessions_max; i++)
        if (n->ep->sessions[i] != NULL && (s == NULL || fault_below(w, 2))) s = n->ep->sessions[i];
    if (kind > 0 && s != NULL && f.len >= HKP_HTP__PREFIX)
        hkp_put_be64(bytes + HKP_HTP__AT_TOKEN, s->token_in);
    if (kind == 2 && f.len > HKP_HTP__PREFIX + 17) {
        static const uint8_t types[8] = {0x10, 0x20, 0x21, 0xFF, 2, 3, 4, 5};
        hkp_put_be32(bytes, 0x01000000U | types[fault_below(w, 8)]);
        hkp_put_be32(bytes + 4, (uint32_t)fault_below(w, 1000));
        hkp_put_be32(bytes + HKP_HTP__AT_FLAGS, (uint32_t)fault_below(w, 2));
        hkp_put_be32(bytes + 32, (uint32_t)(f.len - HKP_HTP__PREFIX));
    }
    f.source = n->index == 0 ? net_victim((unsigned)fault_below(w, NET_VICTIMS)) : net_v;
    struct fault_flying c = flying_copy(&f);
    c.at = w->now;
    net_add(w->net, c);
}

static inline void fault_replay(struct fault_world *w, struct fault_link *l) {
    for (unsigned i = 0; i < l->n_kept; i++) {
        if (fault_below(w, 2)) continue;
        struct fault_flying c = flying_copy(&l->kept[i]);
        c.at = w->now + fault_below(w, HKP_HTP__SEC);
        if (c.to == 0 && fault_below(w, 4) == 0) {
            c.spoofed = 1;
            c.source = net_victim((unsigned)fault_below(w, NET_VICTIMS));
        }
        net_add(w->net, c);
    }
}

static inline void fault_rollback(struct fault_world *w, struct fault_node *n, int careless) {
    if (n->journal_n < 50) return;
    const size_t at = n->journal_n - 1 - (size_t)fault_below(w, n->journal_n / 2);
    keys_forget(n);
    app_lost(n, 1);
    w->now += HKP_HTP__MS; /* no machine is put back in no time */
    node_rollback(n, at);
    /* One of the clocks shows the earlier time again; with both of them wrong no library could help. */
    const hkp_time then = n->journal[at - 1].now;
    const uint64_t wall = n->journal[at - 1].wall, r = fault_below(w, 2);
    if (r == 0 || careless) n->lag = w->now - then;
    if (r == 1 || careless) n->ahead_us += (int64_t)(wall - node_wall(n));
    app_found(n);
    /* A V that forgot what it sent may send it again: its addresses are not judged further. */
    for (uint32_t i = 1; n->index == 0 && i < w->n; i++)
        for (unsigned k = 0; k < w->net->links[i].n_addresses; k++) w->net->links[i].addresses[k].valid = 1;
    for (unsigned i = 0; n->index == 0 && i < NET_VICTIMS; i++) w->net->victims[i].valid = 1;
    n->wake = hkp_htp_wake(n->ep);
}

/* What links carry, and what they carry seldom. */
static inline size_t fault_mtu(struct fault_world *w) {
    static const size_t usual[10] = {1200, 1280, 1300, 1400, 1452, 1500, 4000, 9000, 16384, 65535};
    return fault_below(w, 3) ? usual[fault_below(w, 10)] : 1200 + fault_below(w, FAULT_LIMIT - 1200);
}

static inline int64_t fault_wall_jump(struct fault_world *w) {
    static const int64_t spans[6] = {1000, 300000, 5000000, 3600000000, 86400000000, 31536000000000};
    const int64_t span = spans[fault_below(w, 6)], by = (int64_t)fault_below(w, (uint64_t)span);
    return fault_below(w, 2) ? by : -by;
}

static inline void fault_happens(struct fault_world *w, const struct fault_plan *p) {
    const unsigned kind = (unsigned)fault_below(w, FAULT_KINDS);
    const uint32_t edge = 1 + (uint32_t)fault_below(w, w->n - 1);
    struct fault_node *n = &w->nodes[fault_below(w, 3) == 0 ? 0 : edge];
    struct fault_link *l = &w->net->links[edge];
    hkp_time at;
    size_t size;
    if (!(p->kinds >> kind & 1)) return;
    w->net->kinds_done[kind]++;
    switch (1U << kind) {
    case FAULT_REBIND:
        for (unsigned k = 0; k < NET_CARRIERS; k++)
            if (!p->swarm || fault_below(w, 3) == 0) net_new_port(w, l, k);
        break;
    case FAULT_WALL:
        n->ahead_us += fault_wall_jump(w);
        break;
    case FAULT_PAUSE:
        if (w->now < n->asleep_until) break;
        n->asleep_until = w->now + fault_below(w, 100 * HKP_HTP__SEC);
        if (fault_below(w, 2)) n->lag += n->asleep_until - w->now;
        break;
    case FAULT_RESTART_E:
        fault_restart(&w->nodes[edge]);
        break;
    case FAULT_RESTART_V:
        fault_restart(&w->nodes[0]);
        break;
    case FAULT_BLACKOUT:
        at = w->now + fault_below(w, 30 * HKP_HTP__SEC);
        for (unsigned k = 0; k < NET_ROADS; k++) l->roads[k].dark_until = at;
        break;
    case FAULT_ROAD:
        l->roads[fault_below(w, NET_ROADS)].dark_until = w->now + fault_below(w, 90 * HKP_HTP__SEC);
        break;
    case FAULT_HOLE:
        at = w->now + fault_below(w, 30 * HKP_HTP__SEC);
        size = 200 + fault_below(w, 1100);
        for (unsigned k = 0; k < NET_ROADS; k++) l->roads[k].hole = size, l->roads[k].hole_until = at;
        break;
    case FAULT_MTU: /* for ever, or for a while */
        at = w->now + fault_below(w, 60 * HKP_HTP__SEC);
        size = fault_mtu(w);
        for (unsigned k = 0; k < NET_ROADS; k++)
            if (fault_below(w, 2))
                l->roads[k].mtu = size;
            else
                l->roads[k].hole = size, l->roads[k].hole_until = at;
        break;
    case FAULT_GARBAGE:
        for (int i = 0; i < 16; i++) fault_garbage(w, n);
        break;
    case FAULT_REPLAY:
        fault_replay(w, l);
        break;
    default:
        if (n->journal_on) fault_rollback(w, n, p->careless);
    }
}

/* ---- time ---- */

/* One thing happens; 0: nothing before until. */
static inline int fault_step(struct fault_world *w, const struct fault_plan *p, hkp_time until) {
    struct fault_net *x = w->net;
    hkp_time at = x->n > 0 ? x->heap[0].at : HKP_TIME_NEVER;
    struct fault_node *n = NULL;
    for (uint32_t i = 0; i < w->n; i++) {
        const hkp_time due = net_due(&w->nodes[i]);
        if (due >= at) continue;
        at = due;
        n = &w->nodes[i];
    }
    const int fault = x->fault_at < at;
    if (fault) at = x->fault_at;
    if (at > until) {
        w->now = until;
        return 0;
    }
    if (at > w->now) w->now = at;
    if (fault) {
        fault_happens(w, p);
        x->fault_at = w->now + p->gap / 2 + fault_below(w, p->gap);
    } else if (n != NULL) {
        net_turn(n);
        if (w->now - n->watched_at >= HKP_HTP__SEC / 2) {
            n->watched_at = w->now;
            keys_watch(n);
            ways_watch(n);
        }
    } else {
        net_deliver(w);
    }
    return 1;
}

/* A step that takes no time, again and again, is a fault, too. */
static inline void fault_span(struct fault_world *w, const struct fault_plan *p, hkp_time until,
                              int (*done)(struct fault_world *)) {
    hkp_time last = w->now;
    for (uint64_t still = 0; fault_step(w, p, until); still = w->now > last ? 0 : still + 1, last = w->now) {
        CHECK(still < 1000000);
        if (still >= 1000000 || (done != NULL && done(w))) return;
    }
}

/* ---- making and ending ---- */

static inline void fault_bad_link(struct fault_world *w, const struct fault_plan *p, struct fault_link *l) {
    static const hkp_time delays[6] = {1, 5, 20, 80, 300, 1000};
    l->twice = (unsigned)fault_below(w, 100);
    l->corrupt = (unsigned)fault_below(w, 50);
    l->spoof = (unsigned)fault_below(w, 30);
    l->late = (unsigned)fault_below(w, 30);
    for (unsigned k = 0; k < NET_ROADS; k++) {
        struct fault_road *r = &l->roads[k];
        if (k > 0 && !p->swarm && fault_below(w, 2)) {
            *r = l->roads[0];
            continue;
        }
        r->loss = fault_below(w, 3) == 0 ? 0 : (unsigned)fault_below(w, p->loss_max + 1);
        r->delay = delays[fault_below(w, 6)] * HKP_HTP__MS;
        r->jitter = fault_below(w, 1 + (fault_below(w, 2) ? r->delay : r->delay / 10));
        r->mtu = fault_mtu(w);
    }
    l->nat_timeout = fault_below(w, 3) == 0 ? (10 + fault_below(w, 110)) * HKP_HTP__SEC : 0;
}

static inline void fault_open(struct fault_world *w, const struct fault_plan *p, uint64_t seed) {
    memset(w, 0, sizeof *w);
    fault_seals_reset();
    w->seed = w->random = seed;
    w->now = 10000 * HKP_HTP__SEC;
    w->wall0 = UINT64_C(1750000000000000);
    w->n = p->edges + 1;
    w->nodes = calloc(w->n, sizeof *w->nodes);
    app_new(w);
    net_new(w);
    w->app->mean_gap = p->act_gap;
    w->app->bulk = p->bulk;
    w->app->swarm = p->swarm;
    for (uint32_t i = 0; i < w->n; i++) {
        struct fault_node *n = &w->nodes[i];
        const uint64_t r = fault_random(w);
        *n = (struct fault_node){.w = w, .index = i, .rng = seed * 1000003 + i, .ck_index = FAULT_CK_FIRST};
        n->suite = 1 + (r & 1);
        n->features = r >> 1 & 1 || i == 0 ? HKP_HTP_FEATURE_MASK : 0;
        if (p->swarm && (i == 0 || (r >> 4) % 8 != 0)) n->features |= HKP_HTP_FEATURE_SWARM;
        n->swarm_paths = p->swarm ? 2 + (uint32_t)((r >> 8) % 3) : 0;
        n->runs = r >> 3 & 1;
        n->mode = r >> 2 & 1;
        n->no_rollback = (uint8_t)p->careless;
        n->last_t1 = calloc(w->n, sizeof *n->last_t1);
        n->last_t1_born = calloc(w->n, sizeof *n->last_t1);
        n->journal_on = p->kinds & FAULT_ROLLBACK ? 1 : 0;
        n->app_at = w->now + fault_below(w, 2 * HKP_HTP__SEC);
        if (i > 0 && p->bad) fault_bad_link(w, p, &w->net->links[i]);
    }
    for (uint32_t i = 0; i < w->n; i++) {
        node_start(&w->nodes[i]);
        w->nodes[i].wake = hkp_htp_wake(w->nodes[i].ep);
    }
    w->net->fault_at = p->kinds != 0 ? w->now + p->gap : HKP_TIME_NEVER;
}

static inline int fault_alive(struct fault_world *w) {
    struct fault_app *a = w->app;
    for (uint32_t i = 1; i < w->n; i++) {
        const struct fault_talk *t = a->n_live[i] > 0 ? a->live[i][0].talk : NULL;
        if (t == NULL || !t->proved[0] || !t->proved[1]) return 0;
    }
    return 1;
}

/* Faults end: in a bounded time all nodes have sessions that carry messages both ways. */
static inline void fault_calm(struct fault_world *w, const struct fault_plan *p, struct fault_result *r) {
    const hkp_time start = w->now, most = 800 * HKP_HTP__SEC;
    w->app->calm = 1;
    w->net->fault_at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < w->n; i++) {
        struct fault_link *l = &w->net->links[i];
        l->twice = l->corrupt = l->spoof = l->late = 0;
        l->nat_timeout = 0;
        for (unsigned k = 0; k < NET_ROADS; k++) { /* what a road carries stays as it is */
            struct fault_road *road = &l->roads[k];
            road->loss = 0;
            road->delay = road->jitter = 10 * HKP_HTP__MS;
            road->dark_until = road->hole_until = 0;
        }
    }
    fault_span(w, p, start + most, fault_alive);
    r->alive_after = w->now - start;
    CHECK(fault_alive(w));
    if (!fault_alive(w)) {
        for (uint32_t i = 1; i < w->n; i++) {
            const struct fault_talk *t = w->app->n_live[i] > 0 ? w->app->live[i][0].talk : NULL;
            printf("# edge %u: %u live, %u connecting, probed %d %d, proved %d %d\n", i, w->app->n_live[i],
                   w->app->connecting[i], t != NULL && t->probed[0], t != NULL && t->probed[1],
                   t != NULL && t->proved[0], t != NULL && t->proved[1]);
        }
        return;
    }
    /* What was sent in sessions that both ends still have comes through. */
    fault_span(w, p, w->now + 300 * HKP_HTP__SEC, NULL);
    for (const struct fault_talk *t = w->app->talks; t != NULL; t = t->next)
        for (unsigned i = 0; t->up[0] && t->up[1] && !t->tainted && i < t->n; i++) {
            const struct fault_stream *s = &t->streams[i];
            if (s->reset || s->stopped) continue;
            CHECK_EQ(s->got, s->sent);
            CHECK_EQ(s->got_fin, s->fin);
        }
}

static inline void fault_close(struct fault_world *w, struct fault_result *r) {
    const struct fault_app *a = w->app;
    const struct fault_net *x = w->net;
    for (uint32_t i = 0; i < w->n; i++) {
        struct fault_node *n = &w->nodes[i];
        if (n->heap.peak > r->memory) r->memory = n->heap.peak;
        keys_watch(n);
        node_stop(n);
        free(n->journal);
        fault_heap_end(&n->heap);
        free(n->last_t1);
        free(n->last_t1_born);
    }
    *r = (struct fault_result){.trace = w->trace,
                               .sent = x->sent,
                               .delivered = x->delivered,
                               .lost = x->lost,
                               .forged = x->forged,
                               .spoofed = x->spoofed,
                               .messages = a->messages,
                               .told = a->delivered,
                               .ups = a->ups,
                               .downs = a->downs,
                               .faileds = a->faileds,
                               .rekeys = a->rekeys,
                               .moves = a->moves,
                               .added = a->added,
                               .mtu_probes = x->mtu_probes,
                               .mtu_falls = x->mtu_falls,
                               .largest = x->largest,
                               .seals = fault_seals.count,
                               .repeats = fault_seals.repeats,
                               .keys_gone = x->keys_gone,
                               .memory = r->memory,
                               .alive_after = r->alive_after};
    memcpy(r->kinds_done, x->kinds_done, sizeof r->kinds_done);
    memcpy(r->paths_seen, x->paths_seen, sizeof r->paths_seen);
    net_free(w);
    app_free(w);
    free(w->nodes);
}

static inline void fault_run(const struct fault_plan *p, uint64_t seed, struct fault_result *r) {
    struct fault_world w;
    memset(r, 0, sizeof *r);
    fault_open(&w, p, seed);
    fault_span(&w, p, w.now + p->span, NULL);
    fault_calm(&w, p, r);
    fault_close(&w, r);
    CHECK(r->seals > 0);
    if (!p->careless) CHECK_EQ(r->repeats, 0);
}

#endif
