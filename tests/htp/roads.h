/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * E and V with a network between them that knows addresses: sockets of E behind NATs whose bindings change
 * and die, a forwarder of copies, loss, delay by path. Counts what went to and came from every address of E.
 */
#ifndef HKP_TESTS_HTP_ROADS_H
#define HKP_TESTS_HTP_ROADS_H

#include "pair.h"

enum { ROADS_SOCKETS = 10, ROADS_QUEUE = 4096, ROADS_HOSTS = 64, ROADS_STREAM = 7 };

/** An address as V sees it, and the socket of E behind it; socket -1: nobody's, -2: the forwarder. */
struct roads_host {
    uint8_t host;
    uint16_t port;
    int socket;
    /** the binding is dead: nothing comes in by it */
    int dead;
    /** bytes to V and from V */
    uint64_t in, out;
};

struct roads_packet {
    hkp_time at;
    uint64_t order;
    /** to E: its socket; to V: -1 */
    int socket;
    struct hkp_htp_path from;
    size_t len;
    uint8_t bytes[1200];
};

struct roads {
    struct world w;
    struct pair p;
    struct roads_host hosts[ROADS_HOSTS];
    unsigned n_hosts;
    /** index of the host that a socket of E is seen as now; -1: it is closed */
    int seen_as[ROADS_SOCKETS];
    hkp_time delay[ROADS_SOCKETS];
    /** in 1000 */
    unsigned loss[ROADS_SOCKETS], loss_all;
    /** host index of a forwarder that copies what E sends, -1: none; how fast; it also gives back to E what V
     *  sends to it, from V's address (1), from its own (2) or not (0); copies left to make */
    int forwarder, gives_back;
    hkp_time forwarder_delay;
    unsigned copies;
    uint64_t random, order, session_v;
    unsigned up[2], down[2], moved[2], failed[2], wanted[2], messages[2], news[2];
    hkp_status result[2];
    size_t count;
    uint64_t got_bytes, refused;
    struct hkp_htp_path last_news[2];
    struct roads_packet queue[ROADS_QUEUE];
};

static inline hkp_htp_endpoint *roads_side(struct roads *x, int is_e) { return is_e ? x->p.e : x->p.v; }

static inline int roads_host(struct roads *x, uint8_t host, uint16_t port, int socket) {
    struct roads_host *h = &x->hosts[x->n_hosts];
    *h = (struct roads_host){.host = host, .port = port, .socket = socket};
    return (int)x->n_hosts++;
}

/** The address of a host to V; or of V to E, by a socket. */
static inline struct hkp_htp_path roads_from_e(const struct roads *x, int host) {
    return (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 192, 0, 2, x->hosts[host].host},
                                 .port = x->hosts[host].port};
}
static inline struct hkp_htp_path roads_v(const struct roads *x, int socket) {
    struct hkp_htp_path path = x->p.path_v;
    path.carrier = (uint64_t)socket;
    return path;
}

/** Gives a socket of E another address in front of V; the binding before it lives on if keep is set. */
static inline int roads_rebind(struct roads *x, int socket, uint8_t host, uint16_t port, int keep) {
    if (x->seen_as[socket] >= 0 && !keep) x->hosts[x->seen_as[socket]].dead = 1;
    x->seen_as[socket] = roads_host(x, host, port, socket);
    return x->seen_as[socket];
}

static inline struct roads *roads_new(const char *vector, uint64_t seed) {
    char file[80];
    struct roads *x = calloc(1, sizeof *x);
    snprintf(file, sizeof file, "htp/handshake_%s.json", vector);
    world_load(&x->w, vec_get(vec_load(file), "inputs"));
    pair_new(&x->p, &x->w);
    x->p.rng_e.seed = seed + 1;
    x->p.rng_v.seed = seed + 2;
    x->random = seed;
    x->forwarder = -1;
    for (int i = 0; i < ROADS_SOCKETS; i++) {
        x->seen_as[i] = -1;
        x->delay[i] = 10 * HKP_HTP__MS;
    }
    (void)roads_rebind(x, 0, 7, 40000, 0);
    return x;
}

static inline void roads_free(struct roads *x) {
    pair_free(&x->p);
    free(x);
}

static inline void roads_put(struct roads *x, int socket, const struct hkp_htp_path *from, hkp_time delay,
                             const uint8_t *bytes, size_t len) {
    if (x->count == ROADS_QUEUE) return;
    struct roads_packet *q = &x->queue[x->count++];
    *q = (struct roads_packet){x->p.now + delay, x->order++, socket, *from, len, {0}};
    memcpy(q->bytes, bytes, len);
}

static inline int roads_lost(struct roads *x, int socket) {
    const unsigned loss = x->loss_all + (socket >= 0 ? x->loss[socket] : 0);
    return check_random(&x->random) % 1000 < loss;
}

static inline void roads_from_edge(struct roads *x, const struct hkp_htp_path *to, const uint8_t *d,
                                   size_t len) {
    const int socket = (int)to->carrier;
    CHECK(to->port == x->p.path_v.port);
    if (x->seen_as[socket] < 0) return; /* the socket is closed */
    struct hkp_htp_path from = roads_from_e(x, x->seen_as[socket]);
    if (x->forwarder >= 0 && x->copies > 0) {
        const struct hkp_htp_path copy = roads_from_e(x, x->forwarder);
        x->copies--;
        x->hosts[x->forwarder].in += len;
        roads_put(x, -1, &copy, x->forwarder_delay, d, len);
    }
    if (roads_lost(x, socket)) return;
    x->hosts[x->seen_as[socket]].in += len;
    roads_put(x, -1, &from, x->delay[socket], d, len);
}

static inline void roads_from_validator(struct roads *x, const struct hkp_htp_path *to, const uint8_t *d,
                                        size_t len) {
    for (int i = 0; i < (int)x->n_hosts; i++) {
        struct roads_host *h = &x->hosts[i];
        if (h->port != to->port || h->host != to->addr[15]) continue;
        h->out += len;
        int socket = h->socket;
        struct hkp_htp_path from = roads_v(x, socket);
        if (i == x->forwarder) {
            if (!x->gives_back) return;
            socket = 0;
            from = x->gives_back == 1 ? roads_v(x, 0) : roads_from_e(x, i);
            from.carrier = 0;
        }
        if (socket < 0 || h->dead || x->seen_as[socket] < 0 || roads_lost(x, socket)) return;
        roads_put(x, socket, &from, i == x->forwarder ? x->forwarder_delay : x->delay[socket], d, len);
        return;
    }
    CHECK(0 && "a datagram to an address that nobody showed");
}

static inline void roads_flush(struct roads *x, int is_e) {
    uint8_t d[1200];
    struct hkp_htp_path to;
    size_t len = 0;
    while (hkp_htp_send(roads_side(x, is_e), x->p.now, x->p.wall, &to, d, sizeof d, &len) == HKP_OK &&
           len > 0) {
        if (is_e) {
            /* To a forwarder that speaks to E from its own address E may answer there. */
            if (x->forwarder >= 0 && to.port == x->hosts[x->forwarder].port) {
                const struct hkp_htp_path from = roads_from_e(x, x->forwarder);
                x->hosts[x->forwarder].in += len;
                roads_put(x, -1, &from, x->forwarder_delay, d, len);
            } else {
                roads_from_edge(x, &to, d, len);
            }
        } else {
            roads_from_validator(x, &to, d, len);
        }
    }
}

static inline void roads_events(struct roads *x, int is_e) {
    for (;;) {
        struct hkp_htp_event ev = {.struct_size = sizeof ev};
        CHECK_EQ(hkp_htp_event(roads_side(x, is_e), &ev), HKP_OK);
        if (ev.type == HKP_HTP_EVENT_NONE) return;
        if (ev.type == HKP_HTP_EVENT_UP) {
            x->up[is_e]++;
            if (!is_e) x->session_v = ev.session;
            CHECK_EQ(hkp_htp_session_allow(roads_side(x, is_e), ev.session, UINT64_MAX, UINT64_MAX), HKP_OK);
        }
        if (ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED) {
            x->down[is_e]++;
            x->result[is_e] = ev.result;
        }
        if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            x->messages[is_e]++;
            x->got_bytes += ev.len;
        }
        if (ev.type == HKP_HTP_EVENT_PATH) {
            x->news[is_e]++;
            x->moved[is_e] += ev.value == HKP_HTP_PATH_MOVED;
            x->wanted[is_e] += ev.value == HKP_HTP_PATH_WANTED;
            x->failed[is_e] += ev.value == HKP_HTP_PATH_FAILED;
            x->last_news[is_e] = ev.observed;
        }
    }
}

/** One datagram or timer; 0: nothing before until. */
static inline int roads_step(struct roads *x, hkp_time until) {
    roads_flush(x, 0);
    roads_flush(x, 1);
    hkp_time at = HKP_TIME_NEVER, a = hkp_htp_wake(x->p.e), b = hkp_htp_wake(x->p.v), timer = a < b ? a : b;
    size_t first = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (x->queue[i].at > at || (x->queue[i].at == at && x->queue[i].order > x->queue[first].order))
            continue;
        at = x->queue[i].at;
        first = i;
    }
    hkp_time next = timer < at ? timer : at;
    const int more = next <= until;
    if (!more) next = until;
    if (next > x->p.now) {
        x->p.wall += (next - x->p.now) / 1000;
        x->p.now = next;
    }
    if (more && at <= timer) {
        struct roads_packet q = x->queue[first];
        x->queue[first] = x->queue[--x->count];
        hkp_status st =
            hkp_htp_recv(roads_side(x, q.socket >= 0), x->p.now, x->p.wall, &q.from, q.bytes, q.len);
        x->refused += st != HKP_OK;
    } else {
        hkp_htp_tick(x->p.e, x->p.now, x->p.wall);
        hkp_htp_tick(x->p.v, x->p.now, x->p.wall);
    }
    roads_events(x, 0);
    roads_events(x, 1);
    return more;
}

static inline void roads_run(struct roads *x, hkp_time span) {
    const hkp_time end = x->p.now + span;
    while (roads_step(x, end)) {
    }
}

static inline struct roads *roads_up(const char *vector, uint64_t seed) {
    struct roads *x = roads_new(vector, seed);
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
    roads_run(x, HKP_HTP__SEC);
    CHECK(x->up[0] == 1 && x->up[1] == 1);
    return x;
}

/** An endpoint with these features in place of the one there; mem NULL: malloc. NULL if there is no memory.
 */
static inline hkp_htp_endpoint *roads_endpoint(struct roads *x, int is_e, uint32_t features,
                                               const struct hkp_mem *mem) {
    hkp_htp_endpoint **ep = is_e ? &x->p.e : &x->p.v;
    struct hkp_htp_options o;
    hkp_htp_endpoint_free(*ep);
    *ep = NULL;
    pair_options(&x->p, &o, is_e);
    o.features = features;
    o.swarm_paths = 8;
    if (mem != NULL) o.mem = *mem;
    const hkp_status st = hkp_htp_endpoint_new(ep, &o, x->p.now);
    CHECK(st == HKP_OK || (st == HKP_E_NOMEM && mem != NULL));
    return *ep;
}

/** Both ends with feature SWARM, V with these; E gets so many paths, each from a socket of its own. */
static inline struct roads *roads_swarm(uint64_t seed, unsigned paths, uint32_t features_v) {
    struct roads *x = roads_new("r", seed);
    (void)roads_endpoint(x, 1, HKP_HTP_FEATURE_SWARM, NULL);
    (void)roads_endpoint(x, 0, features_v, NULL);
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
    roads_run(x, HKP_HTP__SEC);
    CHECK(x->up[0] == 1 && x->up[1] == 1);
    for (unsigned i = 1; i < paths; i++) {
        const struct hkp_htp_path to = roads_v(x, (int)i);
        (void)roads_rebind(x, (int)i, (uint8_t)(20 + i), (uint16_t)(47000 + i), 0);
        CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to), HKP_OK);
        roads_run(x, HKP_HTP__SEC);
    }
    return x;
}

static inline struct hkp_htp__session *roads_session(struct roads *x, int is_e) {
    hkp_htp_endpoint *ep = roads_side(x, is_e);
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++)
        if (ep->sessions[i] != NULL) return ep->sessions[i];
    return NULL;
}

/** One message on a stream of its own, from either side. */
static inline void roads_say(struct roads *x, int from_e, size_t len) {
    static const uint8_t text[1 << 20] = "roads";
    uint32_t stream;
    const uint64_t session = from_e ? x->p.session : x->session_v;
    CHECK_EQ(hkp_htp_stream_open(roads_side(x, from_e), session, ROADS_STREAM, 0, 3, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(roads_side(x, from_e), session, stream, text, len, 1), HKP_OK);
}

static inline struct hkp_htp_path roads_path(struct roads *x, int is_e) {
    return roads_session(x, is_e)->path;
}

#endif
