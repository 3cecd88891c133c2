/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The network of the fault simulator: one V, many E, each behind its own bad link and its own NAT, under a
 * virtual clock. A seed decides everything. What V sends is weighed against what it got (HTP-4.6).
 */
#ifndef HKP_TESTS_HTP_FAULTS_NET_H
#define HKP_TESTS_HTP_FAULTS_NET_H

#include "faults_app.h"

enum { NET_FLYING_MAX = 200000, NET_KEPT = 64, NET_ADDRESSES = 64, NET_VICTIMS = 8, NET_KEYS = 64 };

/** Kinds of faults that happen at some moment; bits of fault_net.kinds. */
enum {
    FAULT_REBIND = 1,
    FAULT_WALL = 2,
    FAULT_PAUSE = 4,
    FAULT_RESTART_E = 8,
    FAULT_RESTART_V = 16,
    FAULT_BLACKOUT = 32,
    FAULT_HOLE = 64,
    FAULT_GARBAGE = 128,
    FAULT_REPLAY = 256,
    FAULT_ROLLBACK = 512,
    FAULT_MTU = 1024,
    FAULT_ROAD = 2048,
    FAULT_KINDS = 12
};

struct fault_flying {
    hkp_time at;
    uint64_t order;
    uint32_t from, to;
    /** of the sender, 0: none */
    uint64_t session;
    /** what the receiver takes for the source */
    struct hkp_htp_path source;
    /** changed or made up on the way; a copy that came from elsewhere */
    uint8_t forged, spoofed;
    /** outer port that it came from, from E; socket of E that it leaves or is for */
    uint16_t port;
    uint8_t carrier;
    size_t len;
    uint8_t *bytes;
};

struct fault_address {
    uint16_t port;
    uint8_t valid;
    uint64_t in, out;
};

/** What lies between an address of an edge and V. */
struct fault_road {
    /** chance in 1000, both ways */
    unsigned loss;
    hkp_time delay, jitter, dark_until, hole_until;
    /** larger datagrams vanish; the same for a while */
    size_t mtu, hole;
    /** largest datagram that came through, from V and from E */
    size_t reach[2];
};

struct fault_link {
    /** chances in 1000, both ways */
    unsigned twice, corrupt, spoof, late;
    struct fault_road roads[NET_ROADS];
    /** NAT: outer port of each socket, how long a mapping lives without being used (0: for ever), when it was
     */
    uint16_t ports[NET_CARRIERS];
    hkp_time nat_timeout, nat_used[NET_CARRIERS];
    struct fault_address *addresses;
    unsigned n_addresses;
    struct fault_flying kept[NET_KEPT];
    unsigned n_kept;
};

/** Keys that were seen live in a node, until they must be gone. */
struct fault_key {
    uint64_t session;
    uint32_t epoch;
    hkp_time old_since;
    uint8_t key[2][32], root[32], k_rdv[32];
};

struct fault_net {
    struct fault_link *links;
    struct fault_address victims[NET_VICTIMS];
    struct fault_flying *heap;
    size_t n, cap;
    uint64_t order, sent, lost, delivered, forged, spoofed, kinds_done[FAULT_KINDS], keys_gone;
    /** probes of MTU, falls back to the base, sessions that were seen with so many paths; the largest that
     * went */
    uint64_t mtu_probes, mtu_falls, paths_seen[HKP_HTP__PATHS_MAX + 1];
    size_t largest;
    unsigned kinds;
    hkp_time fault_at, fault_gap;
    struct fault_key *keys;
    size_t n_keys, cap_keys;
};

/* ---- datagrams on their way: a heap ---- */

static inline int flies_before(const struct fault_flying *a, const struct fault_flying *b) {
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static inline void net_add(struct fault_net *x, struct fault_flying f) {
    if (x->n == x->cap) {
        x->cap = x->cap * 2 + 256;
        x->heap = realloc(x->heap, x->cap * sizeof *x->heap);
    }
    f.order = x->order++;
    size_t i = x->n++;
    for (; i > 0 && flies_before(&f, &x->heap[(i - 1) / 2]); i = (i - 1) / 2)
        x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = f;
}

static inline struct fault_flying net_take(struct fault_net *x) {
    const struct fault_flying first = x->heap[0], last = x->heap[--x->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= x->n) break;
        if (child + 1 < x->n && flies_before(&x->heap[child + 1], &x->heap[child])) child++;
        if (!flies_before(&x->heap[child], &last)) break;
        x->heap[i] = x->heap[child];
        i = child;
    }
    if (x->n > 0) x->heap[i] = last;
    return first;
}

static inline struct fault_flying flying_copy(const struct fault_flying *f) {
    struct fault_flying c = *f;
    c.bytes = malloc(f->len + 1);
    if (f->len > 0) memcpy(c.bytes, f->bytes, f->len);
    return c;
}

/* ---- addresses ---- */

static const struct hkp_htp_path net_v = {.addr = {[10] = 0xFF, 0xFF, 10, 0, 0, 1}, .port = HKP_HTP_PORT};

static inline struct hkp_htp_path net_outer(uint32_t edge, unsigned carrier, uint16_t port) {
    const uint8_t road = (uint8_t)(1 + carrier / 2);
    return (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 192, road, (uint8_t)(edge >> 8), (uint8_t)edge},
                                 .port = port};
}

static inline struct hkp_htp_path net_victim(unsigned i) {
    return (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 203, 0, 113, (uint8_t)i}, .port = 7000};
}

/* What V got from and sent to an address; NULL: its table is full. */
static inline struct fault_address *net_address(struct fault_world *w, const struct hkp_htp_path *p) {
    if (p->addr[12] == 203) return &w->net->victims[p->addr[15] % NET_VICTIMS];
    struct fault_link *l = &w->net->links[(uint32_t)p->addr[14] << 8 | p->addr[15]];
    for (unsigned i = 0; i < l->n_addresses; i++)
        if (l->addresses[i].port == p->port) return &l->addresses[i];
    l->addresses = realloc(l->addresses, (l->n_addresses + 1) * sizeof *l->addresses);
    l->addresses[l->n_addresses] = (struct fault_address){.port = p->port};
    return &l->addresses[l->n_addresses++];
}

/* The socket's port is one of 10,000 of its own, so that no two sockets of an edge share one. */
static inline void net_new_port(struct fault_world *w, struct fault_link *l, unsigned carrier) {
    const uint16_t old = l->ports[carrier];
    while (l->ports[carrier] == old)
        l->ports[carrier] = (uint16_t)(1024 + carrier * 10000 + fault_below(w, 10000));
}

static inline int net_mapped(const struct fault_world *w, const struct fault_link *l, unsigned carrier) {
    return l->nat_timeout == 0 || w->now - l->nat_used[carrier] <= l->nat_timeout;
}

/* ---- sending ---- */

static inline int net_loses(struct fault_world *w, const struct fault_road *r, size_t len) {
    return fault_below(w, 1000) < r->loss || w->now < r->dark_until || len > r->mtu ||
           (w->now < r->hole_until && len > r->hole) || w->net->n >= NET_FLYING_MAX;
}

static inline hkp_time net_delay(struct fault_world *w, const struct fault_link *l,
                                 const struct fault_road *r) {
    hkp_time d = r->delay + fault_below(w, r->jitter + 1);
    if (fault_below(w, 1000) < l->late) d += fault_below(w, 2 * HKP_HTP__SEC);
    return d;
}

/* Some bits turned, or the end cut off, or something behind it. */
static inline void net_corrupt(struct fault_world *w, struct fault_flying *f) {
    const uint64_t r = fault_random(w);
    if (r % 8 == 0) {
        f->len = (size_t)(r >> 8) % f->len;
    } else if (r % 8 == 1) {
        f->bytes = realloc(f->bytes, f->len + 9);
        for (unsigned i = 0; i < 1 + (r >> 8) % 8; i++) f->bytes[f->len++] = (uint8_t)fault_random(w);
    } else if (r % 8 < 5) {
        f->bytes[(r >> 8) % (f->len < 100 ? f->len : 100)] ^= (uint8_t)(1U << (r >> 32) % 8);
    } else {
        f->bytes[(r >> 8) % f->len] ^= (uint8_t)(1U << (r >> 32) % 8);
    }
    f->forged = 1;
}

static inline void net_put(struct fault_world *w, struct fault_link *l, const struct fault_flying *f) {
    const struct fault_road *r = &l->roads[f->carrier / 2];
    if (net_loses(w, r, f->len)) {
        w->net->lost++;
        return;
    }
    struct fault_flying c = flying_copy(f);
    c.at = w->now + net_delay(w, l, r);
    if (fault_below(w, 1000) < l->corrupt) net_corrupt(w, &c);
    net_add(w->net, c);
}

static inline void net_keep(struct fault_world *w, struct fault_link *l, const struct fault_flying *f) {
    const unsigned i = l->n_kept < NET_KEPT ? l->n_kept++ : (unsigned)fault_below(w, NET_KEPT);
    free(l->kept[i].bytes);
    l->kept[i] = flying_copy(f);
}

/* Someone who sees a datagram sends it again from another address. */
static inline void net_spoof(struct fault_world *w, const struct fault_flying *f) {
    struct fault_flying c = flying_copy(f);
    c.at = w->now + fault_below(w, 2 * HKP_HTP__SEC);
    c.spoofed = 1;
    c.source = net_victim((unsigned)fault_below(w, NET_VICTIMS));
    net_add(w->net, c);
}

static inline void net_send(struct fault_world *w, struct fault_flying *f, struct fault_link *l) {
    net_put(w, l, f);
    if (fault_below(w, 1000) < l->twice) net_put(w, l, f);
    if (f->to == 0 && fault_below(w, 1000) < l->spoof) net_spoof(w, f);
    net_keep(w, l, f);
}

/* The size that is sought on the way of this datagram, 0: none. */
static inline uint32_t net_probe_of(const struct hkp_htp__session *s, const struct fault_flying *f,
                                    const struct fault_link *l) {
    for (uint8_t i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const struct hkp_htp__path_state *p = s->flow->recovery.paths[i];
        const struct hkp_htp__route *r = i > 0 && p != NULL ? hkp_htp__swarm_route(s, i) : NULL;
        const struct hkp_htp_path *path = r != NULL ? &r->path : &s->path;
        if (p != NULL && (f->from != 0 ? path->carrier == f->carrier : path->port == l->ports[f->carrier]))
            return p->pmtu.probe;
    }
    return 0;
}

/* HTP-9.7: what is larger than the base is a probe, or a size that came through on this road before. */
static inline void net_judge_size(struct fault_world *w, const struct fault_flying *f,
                                  const struct fault_link *l) {
    const struct hkp_htp__session *s = hkp_htp__session_find(w->nodes[f->from].ep, f->session);
    const struct fault_road *r = &l->roads[f->carrier / 2];
    CHECK(f->len <= FAULT_LIMIT);
    if (f->len > w->net->largest) w->net->largest = f->len;
    if (f->len <= HKP_HTP__PMTU_BASE || s == NULL || s->flow == NULL) return;
    if (f->len == net_probe_of(s, f, l))
        w->net->mtu_probes++;
    else if (f->len > r->reach[f->from != 0]) {
        printf("# a packet of %zu bytes on a road where %zu bytes came through\n", f->len,
               r->reach[f->from != 0]);
        CHECK(0 && "larger than what is known to get through");
    }
}

static inline void net_from_edge(struct fault_world *w, struct fault_node *n, struct fault_flying *f,
                                 const struct hkp_htp_path *path) {
    struct fault_link *l = &w->net->links[n->index];
    const unsigned carrier = (unsigned)(path->carrier % NET_CARRIERS);
    CHECK(path->carrier < NET_CARRIERS && path->port == HKP_HTP_PORT);
    if (!net_mapped(w, l, carrier)) net_new_port(w, l, carrier);
    l->nat_used[carrier] = w->now;
    f->to = 0;
    f->carrier = (uint8_t)carrier;
    f->port = l->ports[carrier];
    f->source = net_outer(n->index, carrier, f->port);
    net_judge_size(w, f, l);
    net_send(w, f, l);
}

/* HTP-4.6: towards an address that is not validated V sends at most what it received from there. */
static inline void net_from_v(struct fault_world *w, struct fault_flying *f, const struct hkp_htp_path *to) {
    struct fault_address *a = net_address(w, to);
    a->out += f->len;
    if (!a->valid && a->out > a->in) {
        printf("# V sent %" PRIu64 " bytes to an address that is not validated and sent %" PRIu64 "\n",
               a->out, a->in);
        CHECK(0 && "amplification");
    }
    const uint32_t edge = (uint32_t)to->addr[14] << 8 | to->addr[15];
    if (to->addr[12] != 192) return; /* nobody is there */
    CHECK(edge > 0 && edge < w->n);
    if (edge == 0 || edge >= w->n) return;
    struct fault_link *l = &w->net->links[edge];
    unsigned carrier = 0;
    while (carrier < NET_CARRIERS && (to->port != l->ports[carrier] || !net_mapped(w, l, carrier))) carrier++;
    if (carrier == NET_CARRIERS) return;
    f->to = edge;
    f->carrier = (uint8_t)carrier;
    f->source = net_v;
    f->source.carrier = carrier;
    net_judge_size(w, f, l);
    net_send(w, f, l);
}

/* One datagram, or as many as the run has. */
static inline void net_launch(struct fault_node *n, const struct fault_call *c) {
    struct fault_world *w = n->w;
    for (size_t at = 0; at < c->len; at += c->segment) {
        const size_t left = c->len - at;
        struct fault_flying f = {.from = n->index,
                                 .session = c->session,
                                 .len = left < c->segment ? left : c->segment,
                                 .bytes = n->dgram + at};
        w->net->sent++;
        w->trace = fault_mix(w->trace + n->index + w->now, f.bytes, f.len);
        if (n->index == 0)
            net_from_v(w, &f, &c->path);
        else
            net_from_edge(w, n, &f, &c->path);
    }
}

static inline void net_flush(struct fault_node *n) {
    for (int turns = 0; turns < 5000; turns++) {
        struct fault_call c = {.op = DO_SEND};
        CHECK_EQ(node_do(n, &c), HKP_OK);
        if (c.len == 0) return;
        CHECK(c.len <= FAULT_DGRAM && c.segment > 0);
        if (c.segment == 0) return;
        net_launch(n, &c);
    }
    CHECK(0 && "a node sends for ever");
}

/* ---- receiving ---- */

/* The session of V that a protected packet names. */
static inline const struct hkp_htp__session *net_session_v(struct fault_world *w,
                                                           const struct fault_flying *f) {
    const hkp_htp_endpoint *v = w->nodes[0].ep;
    if (f->len < HKP_HTP__PREFIX || hkp_htp__wire_is_handshake(f->bytes)) return NULL;
    const uint32_t ref = hkp_htp__token_find(v, hkp_be64(f->bytes + HKP_HTP__AT_TOKEN));
    return ref == HKP_HTP__NONE || (ref & HKP_HTP__HALF_REF) ? NULL : v->sessions[ref];
}

/* V may take an address for validated when the peer itself spoke there and the session is there. */
static inline void net_judge_address(struct fault_world *w, const struct fault_flying *f, hkp_status st) {
    const struct hkp_htp__session *s = net_session_v(w, f);
    if (st != HKP_OK || f->forged || f->spoofed || s == NULL) return;
    int speaks = s->path.port == f->source.port && memcmp(s->path.addr, f->source.addr, 16) == 0;
    for (const struct hkp_htp__route *r = s->paths != NULL ? s->paths->routes : NULL; r != NULL; r = r->next)
        speaks |= r->state == HKP_HTP__ROUTE_OPEN && hkp_htp__path_equal(&r->path, &f->source);
    if (speaks) net_address(w, &f->source)->valid = 1;
}

static inline hkp_status net_give(struct fault_world *w, const struct fault_flying *f) {
    struct fault_node *n = &w->nodes[f->to];
    struct fault_call c = {.op = DO_RECV, .path = f->source, .bytes = f->bytes, .len = f->len};
    w->net->delivered++;
    w->net->forged += f->forged;
    w->net->spoofed += f->spoofed;
    if (f->to == 0) net_address(w, &f->source)->in += f->len;
    const hkp_status st = f->forged ? node_forged(n, &c) : node_do(n, &c);
    if (f->to == 0) net_judge_address(w, f, st);
    if (st == HKP_OK && !f->forged && f->session != 0) {
        size_t *reach =
            &w->net->links[f->from != 0 ? f->from : f->to].roads[f->carrier / 2].reach[f->from != 0];
        if (f->len > *reach) *reach = f->len;
    }
    return st;
}

static inline void net_serve(struct fault_node *n) {
    app_events(n);
    net_flush(n);
    n->wake = hkp_htp_wake(n->ep);
}

static inline void net_deliver(struct fault_world *w) {
    struct fault_flying f = net_take(w->net);
    struct fault_node *n = &w->nodes[f.to];
    if (w->now < n->asleep_until) { /* the machine's queue holds some of what comes meanwhile */
        f.at = n->asleep_until;
        if (fault_below(w, 2) == 0) {
            net_add(w->net, f);
            return;
        }
    } else {
        /* The first packet of a session says where it is (HTP-4.7): there a copy could not be told. */
        const struct hkp_htp__session *s = f.spoofed ? net_session_v(w, &f) : NULL;
        if (s != NULL && s->state != HKP_HTP__S_UP) {
            f.spoofed = 0;
            f.source = net_outer(f.from, f.carrier, f.port);
        }
        (void)net_give(w, &f);
        net_serve(n);
    }
    free(f.bytes);
}

/* ---- time of one node ---- */

static inline hkp_time net_due(const struct fault_node *n) {
    hkp_time at = n->wake == HKP_TIME_NEVER ? HKP_TIME_NEVER : n->wake + n->lag;
    if (n->app_at < at) at = n->app_at;
    return at < n->asleep_until ? n->asleep_until : at;
}

static inline void net_turn(struct fault_node *n) {
    struct fault_world *w = n->w;
    struct fault_call c = {.op = DO_TICK};
    (void)node_do(n, &c);
    if (w->now >= n->app_at) {
        app_events(n);
        app_act(n);
    }
    net_serve(n);
}

static inline void net_new(struct fault_world *w) {
    struct fault_net *x = w->net = calloc(1, sizeof *x);
    x->links = calloc(w->n, sizeof *x->links);
    x->fault_at = HKP_TIME_NEVER;
    for (uint32_t i = 1; i < w->n; i++) {
        for (unsigned k = 0; k < NET_ROADS; k++)
            x->links[i].roads[k] = (struct fault_road){.mtu = 65535, .delay = 10 * HKP_HTP__MS};
        for (unsigned k = 0; k < NET_CARRIERS; k++) net_new_port(w, &x->links[i], k);
    }
}

static inline void net_free(struct fault_world *w) {
    struct fault_net *x = w->net;
    while (x->n > 0) free(net_take(x).bytes);
    for (uint32_t i = 0; i < w->n; i++) {
        for (unsigned k = 0; k < x->links[i].n_kept; k++) free(x->links[i].kept[k].bytes);
        free(x->links[i].addresses);
    }
    free(x->links);
    free(x->heap);
    free(x->keys);
    free(x);
}

#endif
