/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "sim_inside.h"

#include <inttypes.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

void sim_must(int ok, const char *what) {
    if (ok) return;
    printf("Bail out! simulator: %s\n", what);
    exit(1);
}

void *sim_grow(void *old, size_t *cap, size_t count, size_t size) {
    if (count < *cap) return old;
    *cap = *cap == 0 ? 64 : *cap * 2;
    void *fresh = realloc(old, *cap * size);
    sim_must(fresh != NULL, "no memory");
    return fresh;
}

uint8_t *sim_copy(const uint8_t *data, size_t len) {
    uint8_t *p = malloc(len > 0 ? len : 1);
    sim_must(p != NULL, "no memory");
    if (len > 0) memcpy(p, data, len);
    return p;
}

uint64_t sim_random(struct sim *s, uint64_t below) {
    uint64_t z = (s->random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31)) % below;
}

void sim_fault(struct sim *s, const char *what) {
    if (s->faults == 0) s->fault = what;
    if (s->faults++ < 5) printf("# simulator at %" PRIu64 " ms: %s\n", (uint64_t)(s->now / SIM_MS), what);
}

void sim_trace(struct sim *s, const void *data, size_t len) {
    const uint8_t *p = data;
    if (s->unwatched) return;
    for (size_t i = 0; i < len; i++) s->trace = (s->trace ^ p[i]) * 0x100000001B3U;
}

/* ---- what is next ---- */

static hkp_time wake_of(const struct sim_node *me) {
    return me->wake < me->ticked + SIM_MS ? me->ticked + SIM_MS : me->wake;
}

/* After each change of when a node, which may be down, is to be called or its disk is done. */
static void due_set(struct sim *s, uint32_t i) {
    const struct sim_node *me = &s->nodes[i];
    hkp_time due = me->up ? wake_of(me) : HKP_TIME_NEVER;
    if (me->up && me->disk.commit_at != 0 && me->disk.commit_at < due) due = me->disk.commit_at;
    size_t at = SIM_NODES + i;
    if (s->due[at] == due) return;
    s->due[at] = due;
    for (at /= 2; at > 0; at /= 2)
        s->due[at] = s->due[2 * at] <= s->due[2 * at + 1] ? s->due[2 * at] : s->due[2 * at + 1];
}

/* Of those that are due first the one with the lowest number. */
static uint32_t due_first(const struct sim *s) {
    size_t at = 1;
    while (at < SIM_NODES) at = s->due[2 * at] == s->due[at] ? 2 * at : 2 * at + 1;
    return (uint32_t)(at - SIM_NODES);
}

/* ---- a node's turn ---- */

static void keep_proof(struct sim_node *me, const struct hkp_dsm_event *ev) {
    me->proofs++;
    me->proof_status = ev->status;
    me->proof_len = 0;
    if (me->proof == NULL) me->proof = malloc(SIM_PROOF);
    sim_must(me->proof != NULL, "no memory");
    if (ev->status != HKP_OK || ev->data_len > SIM_PROOF) return;
    memcpy(me->proof, ev->data, ev->data_len);
    me->proof_len = ev->data_len;
}

static void fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_node *me = &s->nodes[i];
    sim_trace(s, &ev->kind, sizeof ev->kind);
    me->started += ev->kind == HKP_DSM_EV_STARTED;
    me->observer += ev->kind == HKP_DSM_EV_OBSERVER;
    me->blocks += ev->kind == HKP_DSM_EV_BLOCK;
    me->forked += ev->kind == HKP_DSM_EV_AUTHOR_FORKED;
    me->frozen += ev->kind == HKP_DSM_EV_AUTHOR_FROZEN;
    me->bad += ev->kind == HKP_DSM_EV_PEER_BAD;
    me->epochs += ev->kind == HKP_DSM_EV_EPOCH;
    me->lost += ev->kind == HKP_DSM_EV_LOST;
    me->healed += ev->kind == HKP_DSM_EV_HEALED;
    if (ev->kind == HKP_DSM_EV_PROOF) keep_proof(me, ev);
    if (!s->unwatched) sim_watch_fact(s, i, ev);
    if (s->on_fact != NULL) s->on_fact(s, i, ev);
}

/* Op of a message that was built here, counted. */
static uint32_t sent_op(struct sim *s, const uint8_t *msg) {
    const uint32_t op = msg[1] < 24 ? msg[1] : msg[2];
    s->ops[op & 63]++;
    if (op == HKP_DSM__OP_MSG_PUSH) s->pushes[msg[3] < 24 ? msg[5] & 3 : msg[6] & 3]++;
    return op & 63;
}

/* As a session does it: what is lost is sent again. */
static hkp_time in_session(struct sim *s, hkp_time due, uint32_t from, uint32_t to, uint32_t lane) {
    if (s->last_due == NULL)
        s->last_due = calloc((size_t)SIM_NODES * SIM_NODES * HKP_DSM_LANES, sizeof(hkp_time));
    sim_must(s->last_due != NULL, "no memory");
    hkp_time *last = &s->last_due[((size_t)from * HKP_DSM_LANES + lane) * SIM_NODES + to];
    while (sim_random(s, 1000) < s->loss) due += s->resend;
    if (due < *last) due = *last;
    return *last = due;
}

static uint32_t size_class(size_t len) {
    uint32_t c = 0;
    while (c < SIM_SIZES && (size_t)64 << c < len) c++;
    return c;
}

static struct sim_bytes *bytes_new(struct sim *s, const uint8_t *msg, size_t len) {
    const uint32_t c = size_class(len);
    struct sim_bytes *b = c < SIM_SIZES ? s->spare[c] : NULL;
    if (b != NULL)
        s->spare[c] = b->next;
    else
        b = malloc(sizeof *b + (c < SIM_SIZES ? (size_t)64 << c : len));
    sim_must(b != NULL, "no memory");
    *b = (struct sim_bytes){.refs = 1, .len = (uint32_t)len};
    if (len > 0) memcpy(b->data, msg, len);
    return b;
}

static void bytes_give(struct sim *s, struct sim_bytes *b) {
    const uint32_t c = size_class(b->len);
    if (--b->refs > 0) return;
    if (c == SIM_SIZES) {
        free(b);
        return;
    }
    b->next = s->spare[c];
    s->spare[c] = b;
}

/* What goes to many goes to one after the other. */
static struct sim_bytes *bytes_take(struct sim *s, const uint8_t *msg, size_t len) {
    struct sim_bytes *last = s->last_sent;
    if (last == NULL || last->len != len || (len > 0 && memcmp(last->data, msg, len) != 0)) {
        if (last != NULL) bytes_give(s, last);
        s->last_sent = last = bytes_new(s, msg, len);
    }
    last->refs++;
    return last;
}

/* ---- what is on its way; of the heap each has four below it ---- */

/* Without a branch: which is first is as good as random. */
static int before(const struct sim_message *a, const struct sim_message *b) {
    return (a->due < b->due) | ((a->due == b->due) & ((int32_t)(a->order - b->order) < 0));
}

static void heap_up(struct sim *s, size_t at, struct sim_message m) {
    for (; at > 0 && before(&m, &s->net[(at - 1) / 4]); at = (at - 1) / 4) s->net[at] = s->net[(at - 1) / 4];
    s->net[at] = m;
}

static void heap_put(struct sim *s, struct sim_message m) {
    s->net = sim_grow(s->net, &s->net_cap, s->n_net, sizeof *s->net);
    heap_up(s, s->n_net++, m);
}

static void net_put(struct sim *s, struct sim_message m) {
    const uint64_t slice = m.due >> SIM_SLICE_BITS;
    struct sim_later *l = &s->later[slice % SIM_SLICES];
    m.order = s->order++;
    if (s->n_later == 0 && s->slice < s->now >> SIM_SLICE_BITS) s->slice = s->now >> SIM_SLICE_BITS;
    if (slice <= s->slice || slice - s->slice >= SIM_SLICES) {
        heap_put(s, m);
        return;
    }
    l->at = sim_grow(l->at, &l->cap, l->n, sizeof *l->at);
    l->at[l->n++] = m;
    s->n_later++;
}

/*
 * A hundred nodes push each other out of the cache. What that of a message looks at in any case is fetched
 * while others work, in steps, since each asks the one before where things are: two slices ahead, one, none,
 * and one message ahead. (Inline: what does nothing but fetch is pure to gcc, and is not called.)
 */
#define INLINE static inline __attribute__((always_inline))

INLINE void fetch(const void *at, size_t len) {
    for (size_t i = 0; i < len; i += 64) __builtin_prefetch((const uint8_t *)at + i);
}

INLINE void fetch_1(const struct sim *s, const struct sim_message *m) {
    const struct hkp_dsm_node *n = s->nodes[m->to].node;
    if (n == NULL) return;
    fetch(m->bytes, 192);
    fetch(n, offsetof(struct hkp_dsm_node, current) + 64);
    fetch(&n->spread.tree, 192);
    fetch(&n->near.view, 128);
    fetch(&n->join, 64);
    fetch(&n->near.on, 1);
    fetch(&n->probes.at, 1);
    fetch(&n->entropy.at, 1);
    fetch(&n->testimony.at, 1);
    fetch(&n->lists.jumped, 1);
    fetch(&n->set, 64);
}

INLINE struct peer *const *peer_of(const struct sim *s, const struct sim_message *m) {
    const struct hkp_dsm_node *n = s->nodes[m->to].node;
    return &n->peer_table[hkp_le32(s->mesh.node_id[s->nodes[m->from].who]) & n->peer_mask];
}

INLINE void fetch_2(const struct sim *s, const struct sim_message *m) {
    const struct hkp_dsm_node *n = s->nodes[m->to].node;
    if (n == NULL) return;
    fetch(peer_of(s, m), 1);
    fetch(&n->slots[n->view % SLOTS], sizeof *n->slots);
}

INLINE void fetch_3(const struct sim *s, const struct sim_message *m) {
    if (s->nodes[m->to].node != NULL && *peer_of(s, m) != NULL) fetch(*peer_of(s, m), 192);
}

/* When the first arrives, which is at the top of the heap then. */
static hkp_time net_next(struct sim *s) {
    while (s->n_later > 0 && (s->n_net == 0 || s->net[0].due >> SIM_SLICE_BITS > s->slice)) {
        struct sim_later *l = &s->later[++s->slice % SIM_SLICES];
        for (size_t i = 0; i < l->n; i++) {
            heap_put(s, l->at[i]);
            fetch_2(s, &l->at[i]);
        }
        s->n_later -= l->n;
        l->n = 0;
        l = &s->later[(s->slice + 1) % SIM_SLICES];
        for (size_t i = 0; i < l->n; i++) fetch_1(s, &l->at[i]);
        l = &s->later[(s->slice + 2) % SIM_SLICES];
        for (size_t i = 0; i < l->n; i++) fetch(&s->nodes[l->at[i].to], 1);
    }
    return s->n_net > 0 ? s->net[0].due : HKP_TIME_NEVER;
}

/* The hole goes down to the end, then the last one up from there, which is seldom far. */
static struct sim_message net_take(struct sim *s) {
    const struct sim_message first = s->net[0], last = s->net[--s->n_net];
    size_t at = 0, child;
    for (; (child = 4 * at + 1) + 3 < s->n_net; at = child) {
        const struct sim_message *c = &s->net[child];
        const size_t left = (size_t)before(&c[1], &c[0]), right = 2 + (size_t)before(&c[3], &c[2]);
        child += before(&c[right], &c[left]) ? right : left;
        s->net[at] = s->net[child];
    }
    for (size_t k = child; k < s->n_net; k++)
        if (before(&s->net[k], &s->net[child])) child = k;
    if (child < s->n_net) {
        s->net[at] = s->net[child];
        at = child;
    }
    heap_up(s, at, last);
    return first;
}

void sim_send(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len) {
    uint32_t copies = s->resend > 0                    ? 1
                      : sim_random(s, 1000) < s->loss  ? 0
                      : sim_random(s, 1000) < s->twice ? 2
                                                       : 1;
    if (!s->links[from][to]) copies = 0;
    if (!s->nodes[from].honest && !s->unwatched) sim_watch(s, from, lane, msg, len);
    if (len > 1 && (s->lost_ops >> sent_op(s, msg) & 1) != 0) copies = 0;
    for (uint32_t c = 0; c < copies; c++) {
        struct sim_message m = {.due = s->now + s->delay_min + sim_random(s, s->delay_max - s->delay_min + 1),
                                .bytes = bytes_take(s, msg, len),
                                .from = (uint8_t)from,
                                .to = (uint8_t)to,
                                .lane = (uint8_t)lane};
        if (s->resend > 0) m.due = in_session(s, m.due, from, to, lane);
        if (len > 0 && s->corrupt > 0 && sim_random(s, 1000) < s->corrupt) {
            bytes_give(s, m.bytes);
            /* a session authenticates what is sent (HTP-5): of the honest nothing false arrives */
            if (s->nodes[from].honest) continue;
            m.bytes = bytes_new(s, msg, len);
            m.bytes->data[sim_random(s, len)] ^= (uint8_t)(1 + sim_random(s, 255));
        }
        net_put(s, m);
    }
}

/* Whose node_id it is; the places are right or tried anew. */
static uint32_t identity(struct sim *s, const uint8_t node_id[16]) {
    uint8_t *place = &s->identities[node_id[0] | (node_id[1] & 3) << 8];
    if (memcmp(s->mesh.node_id[*place], node_id, 16) == 0) return *place;
    for (uint32_t i = 0; i < SIM_NODES; i++)
        if (memcmp(s->mesh.node_id[i], node_id, 16) == 0) return *place = (uint8_t)i;
    return SIM_NODES;
}

static void send_to(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg,
                    size_t len) {
    if (!s->nodes[from].honest && s->tamper != NULL)
        s->tamper(s, from, to, lane, msg, len);
    else
        sim_send(s, from, to, lane, msg, len);
}

void sim_pump(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_event ev;
    while (me->up && hkp_dsm_event(me->node, &ev) == HKP_OK) {
        switch (ev.kind) {
        case HKP_DSM_EV_STORE_GET:
        case HKP_DSM_EV_STORE_SCAN:
            sim_disk_read(s, i, &ev);
            break;
        case HKP_DSM_EV_STORE_WAL:
        case HKP_DSM_EV_STORE_PUT:
        case HKP_DSM_EV_STORE_DROP:
            sim_disk_queue(s, i, &ev);
            if (s->crash_at_write != 0 && s->crash_node == i &&
                (!s->crash_wal || ev.kind == HKP_DSM_EV_STORE_WAL) && ++s->writes == s->crash_at_write) {
                sim_crash(s, i);
                return;
            }
            break;
        default:
            fact(s, i, &ev);
            break;
        }
    }
    if (!me->up) return;
    if (me->disk.commit_at == 0 && me->disk.n_pending > 0) {
        me->disk.committing = me->disk.n_pending;
        me->disk.commit_at = s->now + s->disk_min + sim_random(s, s->disk_max - s->disk_min + 1);
    }
    uint8_t peer[16];
    uint32_t lane;
    const uint8_t *msg;
    size_t len;
    while (hkp_dsm_send(me->node, peer, &lane, &msg, &len) == HKP_OK) {
        sim_trace(s, msg, len);
        if (me->honest && !s->unwatched) sim_watch(s, i, lane, msg, len);
        const uint32_t who = identity(s, peer);
        if (s->count == s->mesh.n && who != i && who < s->count && !me->silent)
            send_to(s, i, who, lane, msg, len);
        for (uint32_t to = 0; s->count > s->mesh.n && to < s->count; to++) /* there may be twins */
            if (s->nodes[to].who == who && to != i && !me->silent) send_to(s, i, to, lane, msg, len);
    }
    if (!s->unwatched) sim_watch_bounds(s, i);
    me->wake = hkp_dsm_wake(me->node);
    due_set(s, i);
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    struct sim *s = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)sim_random(s, 256);
    return 0;
}

static uint64_t wall_us(const struct sim *s, uint32_t i) {
    return (uint64_t)((int64_t)(s->mesh.time_s * 1000000 + s->now / 1000) + s->nodes[i].clock_us);
}

void sim_connect(struct sim *s, uint32_t i) {
    const struct sim_node *me = &s->nodes[i];
    for (uint32_t k = 0; k < s->count; k++) {
        if (k == i || !me->up || !s->nodes[k].up || !s->links[i][k]) continue;
        hkp_status st =
            hkp_dsm_peer_up(me->node, s->now, s->mesh.node_id[s->nodes[k].who], HKP_DSM_LANES_ALL);
        st = hkp_dsm_peer_up(s->nodes[k].node, s->now, s->mesh.node_id[me->who], HKP_DSM_LANES_ALL);
        (void)st;
        sim_pump(s, k);
    }
    if (me->up) sim_pump(s, i);
}

void sim_start(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = s, .fill = fill};
    o.genesis = s->mesh.genesis;
    o.genesis_len = s->mesh.genesis_len;
    o.certificate = s->mesh.certificate[me->who];
    o.certificate_len = s->mesh.certificate_len[me->who];
    o.secret = s->mesh.secret[me->who];
    o.observer = me->observe;
    o.t_cp_ns = s->t_cp;
    o.delay_ns = s->delay;
    o.keep_blocks_s = s->keep_blocks_s;
    o.keep_headers_s = s->keep_headers_s;
    o.pool_bytes = s->pool_bytes != 0 ? s->pool_bytes : (size_t)16 << 20;
    o.heads_max = s->count < 64 ? 64 : SIM_NODES;
    o.peers_max = s->count < 8 ? 8 : SIM_NODES;
    o.seen_max = 1024;
    o.build_s = s->build_s;
    memcpy(o.boundary, me->boundary, 32);
    if (me->disk.wal_count == 0) {
        struct hkp_dsm__wal_record first = {.kind = 0};
        me->disk.wal = sim_grow(me->disk.wal, &me->disk.wal_cap, 0, 64);
        hkp_dsm__wal_encode(&first, me->disk.wal[me->disk.wal_count++]);
    }
    if (!sim_disk_mend(&me->disk)) {
        me->damaged = 1; /* the host will not start it */
        return;
    }
    hkp_status st = hkp_dsm_node_new(&me->node, &o, s->now);
    sim_must(st == HKP_OK, hkp_dsm_status_name(st));
    me->up = 1;
    me->life++;
    me->height = 0;
    hkp_dsm_clock_state(me->node, !me->unsynchronised);
    sim_must(hkp_dsm_node_start(me->node, s->now, wall_us(s, i)) == HKP_OK, "start");
    sim_pump(s, i);
    if (!me->up) return; /* the power went */
    if (me->damaged) {
        sim_crash(s, i); /* the host stops it */
        return;
    }
    for (uint32_t k = 0; k < s->mesh.certified && !s->strangers; k++) {
        st = hkp_dsm_node_add_certificate(me->node, s->now, wall_us(s, i), s->mesh.certificate[k],
                                          s->mesh.certificate_len[k]);
        sim_must(st == HKP_OK || me->spoilt, "add certificate");
    }
    sim_connect(s, i);
}

void sim_crash(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    if (!me->up) return;
    me->up = 0;
    hkp_dsm_node_free(me->node);
    me->node = NULL;
    sim_disk_cut(s, i);
    due_set(s, i);
    for (uint32_t k = 0; k < s->count; k++) {
        if (k == i || !s->nodes[k].up) continue;
        hkp_status st = hkp_dsm_peer_down(s->nodes[k].node, s->now, s->mesh.node_id[me->who]);
        (void)st;
        s->nodes[k].wake = hkp_dsm_wake(s->nodes[k].node);
        due_set(s, k);
    }
}

void sim_link(struct sim *s, uint32_t a, uint32_t b, uint32_t on) {
    s->links[a][b] = s->links[b][a] = (uint8_t)on;
}

int sim_next_epoch(struct sim *s, uint32_t authors) {
    const uint64_t epoch = sim_status(s, 0).epoch;
    for (uint32_t i = 0; i < s->count; i++) s->nodes[i].clock_us += (int64_t)3601 * 1000000;
    for (int round = 0; round < 8; round++) {
        for (uint32_t i = 0; i < authors; i++) sim_submit(s, i, "in an epoch");
        sim_run(s, 500 * SIM_MS);
    }
    return sim_status(s, 0).epoch == epoch + 1;
}

static void deliver(struct sim *s) {
    struct sim_message m = net_take(s);
    struct sim_node *to = &s->nodes[m.to];
    if (s->n_net > 0) fetch_3(s, &s->net[0]);
    if (to->up && s->links[m.from][m.to]) {
        const uint8_t *msg = m.bytes->data;
        const size_t len = m.bytes->len;
        if (!s->unwatched) sim_watch_before(s, m.to, m.lane, msg, len);
        hkp_status st = hkp_dsm_recv(to->node, s->now, wall_us(s, m.to),
                                     s->mesh.node_id[s->nodes[m.from].who], m.lane, msg, len);
        if (!s->unwatched) sim_watch_after(s, m.to, st);
        if (!to->honest && s->overhear != NULL) s->overhear(s, m.to, m.lane, msg, len);
        sim_trace(s, &st, sizeof st);
        sim_pump(s, m.to);
    }
    bytes_give(s, m.bytes);
}

void sim_run(struct sim *s, hkp_time span) {
    hkp_time end = s->now + span;
    for (uint32_t i = 0; i < SIM_NODES; i++) { /* a test may have called it */
        if (s->nodes[i].up) s->nodes[i].wake = hkp_dsm_wake(s->nodes[i].node);
        due_set(s, i);
    }
    for (;;) {
        const hkp_time arrives = net_next(s);
        const hkp_time next = arrives <= s->due[1] ? arrives : s->due[1];
        if (next > end) break;
        if (next > s->now) s->now = next;
        s->steps++;
        const uint32_t who = due_first(s);
        if (arrives <= s->due[1]) {
            deliver(s);
        } else if (wake_of(&s->nodes[who]) == s->due[1]) {
            s->nodes[who].ticked = s->now;
            hkp_status st = hkp_dsm_tick(s->nodes[who].node, s->now, wall_us(s, who));
            (void)st;
            sim_pump(s, who);
        } else { /* its disk */
            sim_disk_commit(s, who);
            sim_pump(s, who);
        }
    }
    s->now = end;
}

uint64_t sim_submit(struct sim *s, uint32_t i, const char *text) {
    uint64_t seq = 0;
    if (!s->nodes[i].up) return 0;
    hkp_status st = hkp_dsm_submit(s->nodes[i].node, s->now, wall_us(s, i), HKP_DSM_EVENT_THREAT_REPORT,
                                   (const uint8_t *)text, strlen(text), NULL, &seq);
    sim_pump(s, i);
    return st == HKP_OK ? seq : 0;
}

struct hkp_dsm_node_status sim_status(struct sim *s, uint32_t i) {
    struct hkp_dsm_node_status st = {.struct_size = sizeof st};
    sim_must(s->nodes[i].up && hkp_dsm_node_status(s->nodes[i].node, &st) == HKP_OK, "status");
    return st;
}

void sim_new(struct sim *s, uint64_t seed, uint32_t n, uint32_t extra) {
    memset(s, 0, sizeof *s);
    s->random = seed;
    s->trace = 0xCBF29CE484222325U;
    s->now = SIM_S;
    s->count = n + extra;
    s->delay_min = SIM_MS;
    s->delay_max = 5 * SIM_MS;
    s->disk_min = SIM_MS / 2;
    s->disk_max = 3 * SIM_MS;
    s->t_cp = 100 * SIM_MS;
    s->delay = 50 * SIM_MS;
    sim_mesh_make(&s->mesh, n, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    sim_watch_new(s);
    memset(s->links, 1, sizeof s->links);
    for (uint32_t i = 0; i < s->count; i++)
        s->nodes[i] = (struct sim_node){.who = i < n ? i : 0, .honest = 1};
}

void sim_free(struct sim *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        hkp_dsm_node_free(s->nodes[i].node);
        sim_disk_free(&s->nodes[i].disk);
        free(s->nodes[i].proof);
    }
    for (size_t k = 0; k < s->n_net; k++) bytes_give(s, s->net[k].bytes);
    for (size_t k = 0; k < SIM_SLICES; k++) {
        for (size_t i = 0; i < s->later[k].n; i++) bytes_give(s, s->later[k].at[i].bytes);
        free(s->later[k].at);
    }
    if (s->last_sent != NULL) bytes_give(s, s->last_sent);
    free(s->net);
    for (uint32_t c = 0; c < SIM_SIZES; c++)
        for (struct sim_bytes *b = s->spare[c], *next; b != NULL; b = next) {
            next = b->next;
            free(b);
        }
    free(s->last_due);
    sim_watch_free(s);
}
