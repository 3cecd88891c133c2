/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The applications of the fault simulator and what they check: every message comes once, in order, unaltered;
 * what was told as delivered was; no session between honest nodes ends for a reason that blames the peer.
 */
#ifndef HKP_TESTS_HTP_FAULTS_APP_H
#define HKP_TESTS_HTP_FAULTS_APP_H

#include "faults_node.h"

enum {
    TALK_DGRAMS = 512,
    BODY_MAX = 70000,
    /** sockets of an edge; two of them share an address and so a road */
    NET_CARRIERS = 6,
    NET_ROADS = NET_CARRIERS / 2
};

/** What one side sent on one stream and what the other got. */
struct fault_stream {
    uint32_t id;
    uint8_t from_e, fin, reset, stopped, got_fin;
    unsigned sent, got;
};

/** One session, as both ends know it: named by its transcript. */
struct fault_talk {
    struct fault_talk *next;
    uint64_t tag;
    uint32_t edge;
    /** an end was rolled back: what it says of streams is not judged any more; many long messages */
    uint8_t tainted, bulk;
    /** by side, 0 V, 1 E */
    uint8_t up[2], probed[2], proved[2];
    unsigned n, cap;
    struct fault_stream *streams;
    unsigned dgrams[2];
    uint8_t dgram_seen[2][TALK_DGRAMS];
};

struct fault_live {
    uint64_t session;
    struct fault_talk *talk;
    hkp_time since;
    uint8_t closing;
};

struct fault_app {
    struct fault_talk *talks;
    /** by node: sessions that are up */
    struct fault_live **live;
    unsigned *n_live, *connecting;
    /** 1: nothing new but what shows that sessions work */
    int calm;
    /** 1: nobody closes a session; 1: many long messages; 1: E has several paths */
    int keep, bulk, swarm;
    uint64_t messages, datagrams, ups, downs, faileds, delivered, rekeys, moves, added, tainted;
    hkp_time mean_gap;
};

static inline int side_of_node(const struct fault_node *n) { return n->index != 0; }

static inline struct fault_talk *talk_of(struct fault_app *a, uint64_t tag, uint32_t edge) {
    struct fault_talk *t = a->talks;
    while (t != NULL && t->tag != tag) t = t->next;
    if (t != NULL) return t;
    t = calloc(1, sizeof *t);
    t->tag = tag;
    t->edge = edge;
    t->bulk = (uint8_t)a->bulk;
    t->next = a->talks;
    a->talks = t;
    return t;
}

static inline struct fault_stream *talk_stream(struct fault_talk *t, uint32_t id, int from_e) {
    for (unsigned i = t->n; i-- > 0;)
        if (t->streams[i].id == id && t->streams[i].from_e == from_e) return &t->streams[i];
    if (t->n == t->cap) {
        t->cap = t->cap * 2 + 8;
        t->streams = realloc(t->streams, t->cap * sizeof *t->streams);
    }
    t->streams[t->n] = (struct fault_stream){.id = id, .from_e = (uint8_t)from_e};
    return &t->streams[t->n++];
}

/* Length and bytes of a message come from where it stands. */
static inline size_t body_of(const struct fault_talk *t, uint32_t id, int from_e, unsigned number,
                             uint8_t *dst) {
    uint64_t x = t->tag ^ ((uint64_t)id << 33 | (uint64_t)number << 1 | (unsigned)from_e);
    const uint64_t r = check_random(&x);
    size_t len = r % 8 == 0 ? (size_t)(r >> 8) % 4000 : (size_t)(r >> 8) % 300;
    if (r % (t->bulk ? 4 : 256) == 1) len = (size_t)(r >> 8) % BODY_MAX;
    for (size_t i = 0; i < len; i += 8) {
        const uint64_t word = check_random(&x);
        memcpy(dst + i, &word, len - i < 8 ? len - i : 8);
    }
    return len;
}

static inline struct fault_live *live_of(struct fault_node *n, uint64_t session) {
    struct fault_app *a = n->w->app;
    for (unsigned i = 0; i < a->n_live[n->index]; i++)
        if (a->live[n->index][i].session == session) return &a->live[n->index][i];
    return NULL;
}

/* The road of E to V that begins at one of its sockets. */
static inline struct hkp_htp_path path_by(unsigned carrier) {
    return (struct hkp_htp_path){
        .addr = {[10] = 0xFF, 0xFF, 10, 0, 0, 1}, .port = HKP_HTP_PORT, .carrier = carrier};
}

/* One more path, or one less: whether that can be is the endpoint's affair. */
static inline void act_path(struct fault_node *n, uint64_t session, uint8_t op) {
    struct fault_call c = {
        .op = op, .session = session, .path = path_by((unsigned)fault_below(n->w, NET_CARRIERS))};
    const hkp_status st = node_do(n, &c);
    CHECK(st == HKP_OK || st == HKP_E_INVAL || st == HKP_E_STATE || st == HKP_E_LIMIT ||
          st == HKP_E_NOTFOUND || st == HKP_E_UNSUPPORTED);
    n->w->app->added += st == HKP_OK && op == DO_PATH_ADD;
}

/* ---- events ---- */

static inline void live_add(struct fault_node *n, uint64_t session) {
    struct fault_app *a = n->w->app;
    const struct hkp_htp__session *s = hkp_htp__session_find(n->ep, session);
    CHECK(s != NULL);
    if (s == NULL) return;
    const uint32_t edge = n->index != 0 ? n->index : hkp_be32(s->peer) - 1;
    struct fault_talk *t = talk_of(a, hkp_be64(s->h_final), edge);
    CHECK_EQ(t->edge, edge);
    CHECK(a->n_live[n->index] < n->ep->opt.sessions_max);
    a->live[n->index][a->n_live[n->index]++] =
        (struct fault_live){.session = session, .talk = t, .since = n->w->now};
    t->up[side_of_node(n)] = 1;
}

static inline void live_drop(struct fault_node *n, uint64_t session) {
    struct fault_app *a = n->w->app;
    struct fault_live *l = live_of(n, session);
    if (l == NULL) return;
    l->talk->up[side_of_node(n)] = 0;
    *l = a->live[n->index][--a->n_live[n->index]];
}

static inline void on_message(struct fault_node *n, const struct hkp_htp_event *ev, struct fault_talk *t) {
    static uint8_t want[BODY_MAX + 8];
    const int from_e = !side_of_node(n);
    struct fault_stream *s = talk_stream(t, ev->stream, from_e);
    n->w->app->messages++;
    CHECK(s->got < s->sent && !s->got_fin);
    const size_t len = body_of(t, ev->stream, from_e, s->got++, want);
    CHECK_EQ(ev->len, len);
    if (ev->len == len) CHECK_MEM(ev->data, want, len);
}

static inline void on_datagram(struct fault_node *n, const struct hkp_htp_event *ev, struct fault_talk *t) {
    static uint8_t want[BODY_MAX + 8];
    const int from_e = !side_of_node(n);
    n->w->app->datagrams++;
    CHECK(ev->len >= 4);
    if (ev->len < 4) return;
    const uint32_t number = hkp_be32(ev->data);
    CHECK(number < t->dgrams[from_e] && !t->dgram_seen[from_e][number]);
    if (number >= TALK_DGRAMS) return;
    t->dgram_seen[from_e][number] = 1;
    CHECK_EQ(ev->len, 4 + body_of(t, 0xFFFFFFFF, from_e, number, want) % 1000);
    CHECK_MEM(ev->data + 4, want, ev->len - 4);
}

static inline void on_stream(struct fault_node *n, const struct hkp_htp_event *ev, struct fault_talk *t) {
    const int here = side_of_node(n);
    const int from_e =
        ev->type == HKP_HTP_EVENT_DELIVERED || ev->type == HKP_HTP_EVENT_STREAM_STOPPED ? here : !here;
    struct fault_stream *s = talk_stream(t, ev->stream, from_e);
    switch (ev->type) {
    case HKP_HTP_EVENT_FIN:
        CHECK(s->fin && s->got == s->sent && !s->got_fin);
        s->got_fin = 1;
        break;
    case HKP_HTP_EVENT_STREAM_RESET:
        /* A stream that was reset before it came is answered by the endpoint, its owner never hears of it. */
        CHECK(s->reset || s->stopped || talk_stream(t, ev->stream, here)->reset);
        talk_stream(t, ev->stream, from_e)->reset = 1;
        break;
    case HKP_HTP_EVENT_STREAM_STOPPED:
        CHECK(s->stopped);
        s->reset = 1;
        break;
    default: /* DELIVERED: the other application has it all */
        n->w->app->delivered++;
        if (!s->stopped) CHECK(s->fin && s->got == s->sent);
        if (t->probed[here] && s->fin) t->proved[here] = 1;
    }
}

/* Between honest nodes nobody breaks a rule: what blames a peer is a fault of ours. */
static inline int end_is_honest(const struct hkp_htp_event *ev) {
    switch (ev->result) {
    case HKP_E_HTP_CLOSED:
        return ev->reason == HKP_HTP_REASON_DONE || ev->reason == HKP_HTP_REASON_REPLACED;
    case HKP_E_HTP_IDLE:
    case HKP_E_HTP_RESET:
    case HKP_E_HTP_TIMEOUT:
        return 1;
    case HKP_E_HTP_REJECTED:
        return ev->reason == HKP_HTP_REASON_OVERLOAD;
    default:
        return 0;
    }
}

static inline void on_end(struct fault_node *n, const struct hkp_htp_event *ev) {
    struct fault_app *a = n->w->app;
    struct fault_live *l = live_of(n, ev->session);
    const int tainted = l != NULL && l->talk->tainted;
    if (!tainted && !end_is_honest(ev)) {
        printf("# node %u: session ended with %s, reason %s\n", n->index, hkp_htp_status_name(ev->result),
               hkp_htp_reason_name(ev->reason));
        CHECK(0 && "an honest session was blamed");
    }
    live_drop(n, ev->session);
    if (ev->type == HKP_HTP_EVENT_FAILED && a->connecting[n->index] > 0) a->connecting[n->index]--;
    a->downs += ev->type == HKP_HTP_EVENT_DOWN;
    a->faileds += ev->type == HKP_HTP_EVENT_FAILED;
    n->connect_at = n->w->now + fault_below(n->w, 3 * HKP_HTP__SEC) + ev->value * HKP_HTP__SEC;
}

static inline void on_up(struct fault_node *n, const struct hkp_htp_event *ev) {
    struct fault_app *a = n->w->app;
    a->ups++;
    live_add(n, ev->session);
    if (n->index != 0 && a->connecting[n->index] > 0) a->connecting[n->index]--;
    struct fault_call c = {.op = DO_ALLOW, .session = ev->session};
    /* It may have ended before its owner heard that it was up. */
    const hkp_status st = node_do(n, &c);
    CHECK(st == HKP_OK || hkp_htp__session_find(n->ep, ev->session)->end_result != HKP_OK);
}

static inline void on_event(struct fault_node *n, const struct hkp_htp_event *ev) {
    struct fault_live *l;
    if (ev->type == HKP_HTP_EVENT_UP) {
        on_up(n, ev);
        return;
    }
    if (ev->type == HKP_HTP_EVENT_DOWN || ev->type == HKP_HTP_EVENT_FAILED) {
        on_end(n, ev);
        return;
    }
    l = live_of(n, ev->session);
    CHECK(l != NULL);
    if (l == NULL || l->talk->tainted) return;
    switch (ev->type) {
    case HKP_HTP_EVENT_MESSAGE:
        on_message(n, ev, l->talk);
        break;
    case HKP_HTP_EVENT_DATAGRAM:
        on_datagram(n, ev, l->talk);
        break;
    case HKP_HTP_EVENT_STREAM: /* what is open both ways may be answered on */
        if (ev->flags & HKP_HTP_FLAG_BIDIRECTIONAL) (void)talk_stream(l->talk, ev->stream, side_of_node(n));
        break;
    case HKP_HTP_EVENT_FIN:
    case HKP_HTP_EVENT_STREAM_RESET:
    case HKP_HTP_EVENT_STREAM_STOPPED:
    case HKP_HTP_EVENT_DELIVERED:
        on_stream(n, ev, l->talk);
        break;
    case HKP_HTP_EVENT_REKEYED:
        n->w->app->rekeys++;
        break;
    case HKP_HTP_EVENT_PATH: /* each epoch a fresh path takes the place of the oldest */
        if (ev->value == HKP_HTP_PATH_WANTED && n->w->app->swarm) act_path(n, ev->session, DO_PATH_ADD);
        break;
    case HKP_HTP_EVENT_ALARM:
        CHECK(0 && "an alarm between honest nodes");
        break;
    default:
        break;
    }
}

static inline void app_events(struct fault_node *n) {
    for (int turns = 0;; turns++) {
        struct fault_call c = {.op = DO_EVENT};
        CHECK_EQ(node_do(n, &c), HKP_OK);
        if (n->ev.type == HKP_HTP_EVENT_NONE) return;
        n->w->trace = fault_mix(n->w->trace, &c.out, sizeof c.out);
        const struct hkp_htp_event ev = n->ev;
        on_event(n, &ev);
        CHECK(turns < 100000);
        if (turns >= 100000) return;
    }
}

/* ---- acts ---- */

static inline void act_connect(struct fault_node *n) {
    struct fault_app *a = n->w->app;
    if (n->index == 0 || a->connecting[n->index] > 0 || a->n_live[n->index] > 0 || n->w->now < n->connect_at)
        return;
    struct fault_call c = {.op = DO_CONNECT, .mode = (uint8_t)n->mode};
    c.path = path_by(n->w->app->swarm ? (unsigned)fault_below(n->w, NET_CARRIERS) : 0);
    const hkp_status st = node_do(n, &c);
    CHECK(st == HKP_OK || st == HKP_E_LIMIT);
    if (st == HKP_OK) a->connecting[n->index]++;
    n->connect_at = n->w->now + HKP_HTP__SEC;
}

static inline void act_message(struct fault_node *n, struct fault_live *l, struct fault_stream *s, int fin) {
    static uint8_t body[BODY_MAX + 8];
    const uint32_t id = s->id;
    const int here = side_of_node(n);
    struct fault_call c = {.op = DO_MESSAGE, .session = l->session, .stream = s->id, .fin = (uint8_t)fin};
    c.len = body_of(l->talk, s->id, s->from_e, s->sent, body);
    c.bytes = body;
    const hkp_status st = node_do(n, &c);
    if (st != HKP_OK) {
        const struct hkp_htp__session *x = hkp_htp__session_find(n->ep, l->session);
        const int over = x == NULL || x->end_result != HKP_OK;
        CHECK(st == HKP_E_LIMIT || s->stopped || over || talk_stream(l->talk, id, !here)->reset);
        return;
    }
    s->sent++;
    s->fin = (uint8_t)fin;
}

static inline struct fault_stream *act_open(struct fault_node *n, struct fault_live *l) {
    const uint64_t r = fault_random(n->w);
    struct fault_call c = {.op = DO_OPEN,
                           .session = l->session,
                           .cls = r % 4 == 0 ? HKP_HTP_STREAM_TER : HKP_HTP_STREAM_APP,
                           .fin = r >> 4 & 1,
                           .code = r >> 8 & 7};
    return node_do(n, &c) == HKP_OK ? talk_stream(l->talk, c.stream, side_of_node(n)) : NULL;
}

static inline void act_datagram(struct fault_node *n, struct fault_live *l) {
    static uint8_t body[BODY_MAX + 16];
    const int from_e = side_of_node(n);
    const unsigned number = l->talk->dgrams[from_e];
    struct fault_call c = {
        .op = DO_DATAGRAM, .session = l->session, .cls = HKP_HTP_STREAM_APP, .bytes = body};
    if (number == TALK_DGRAMS) return;
    hkp_put_be32(body, number);
    c.len = 4 + body_of(l->talk, 0xFFFFFFFF, from_e, number, body + 4) % 1000;
    if (node_do(n, &c) == HKP_OK) l->talk->dgrams[from_e]++;
}

static inline struct fault_stream *pick_stream(struct fault_node *n, const struct fault_live *l, int from_e) {
    struct fault_talk *t = l->talk;
    for (unsigned tries = 0; t->n > 0 && tries < 4; tries++) {
        struct fault_stream *s = &t->streams[fault_below(n->w, t->n)];
        if (s->from_e == from_e && !s->fin && !s->reset && !s->stopped) return s;
    }
    return NULL;
}

static inline void act_end_stream(struct fault_node *n, struct fault_live *l, int stop) {
    struct fault_stream *s = pick_stream(n, l, stop ? !side_of_node(n) : side_of_node(n));
    if (s == NULL || (stop && s->got == 0)) return;
    struct fault_call c = {
        .op = stop ? DO_STOP : DO_RESET, .session = l->session, .stream = s->id, .code = 64};
    if (node_do(n, &c) != HKP_OK) return;
    if (stop)
        s->stopped = 1;
    else
        s->reset = 1;
}

/* Any mode of HTP-11.1 or AUTO, or what is left of a battery; in the end all as it began. */
static inline void act_transport(struct fault_node *n, struct fault_live *l) {
    static const uint8_t modes[6] = {0, 1, 2, 3, 4, HKP_HTP_TRANSPORT_AUTO};
    const uint64_t r = n->w->app->calm ? 0 : fault_random(n->w);
    struct fault_call c = {.op = DO_TRANSPORT, .session = l->session, .mode = modes[r % 6]};
    const hkp_status st = node_do(n, &c);
    CHECK(st == HKP_OK || st == HKP_E_STATE || st == HKP_E_HTP_STATE || st == HKP_E_NOTFOUND);
    struct fault_call e = {.op = DO_ENERGY,
                           .mode = (uint8_t)(n->w->app->calm ? 100 : 5 + (r >> 8) % 96),
                           .cls = (uint8_t)((r >> 16) % 100)};
    if (n->index != 0 && (r >> 32) % 4 == 0) CHECK_EQ(node_do(n, &e), HKP_OK);
}

/* E goes on from another socket. */
static inline void act_migrate(struct fault_node *n, struct fault_live *l) {
    struct fault_call c = {.op = DO_MIGRATE, .session = l->session};
    c.path = path_by((unsigned)fault_below(n->w, NET_CARRIERS));
    const hkp_status st = node_do(n, &c);
    CHECK(st == HKP_OK || st == HKP_E_INVAL || st == HKP_E_STATE || st == HKP_E_LIMIT ||
          st == HKP_E_NOTFOUND);
    n->w->app->moves += st == HKP_OK;
}

static inline void act_simple(struct fault_node *n, struct fault_live *l, uint8_t op) {
    struct fault_call c = {.op = op, .session = l->session, .code = HKP_HTP_REASON_DONE};
    if (op == DO_COMMIT && n->index == 0) return;
    (void)node_do(n, &c);
    if (op == DO_CLOSE) l->closing = 1;
}

/* The last words of both: one message that must be told as delivered. */
static inline void act_probe(struct fault_node *n, struct fault_live *l) {
    const int here = side_of_node(n);
    if (l->talk->probed[here]) return;
    struct fault_stream *s = pick_stream(n, l, here);
    if (s == NULL) s = act_open(n, l);
    if (s == NULL) return;
    act_message(n, l, s, 1);
    if (s->fin) l->talk->probed[here] = 1;
}

static inline void act_on(struct fault_node *n, struct fault_live *l) {
    const uint64_t r = fault_below(n->w, 1000);
    struct fault_stream *s;
    if (l->talk->tainted) {
        if (!l->closing && n->w->now - l->since > 10 * HKP_HTP__SEC) act_simple(n, l, DO_CLOSE);
        return;
    }
    if (l->closing) return;
    if (n->w->app->calm) {
        if (!l->talk->probed[side_of_node(n)]) act_transport(n, l);
        act_probe(n, l);
    } else if (n->w->app->swarm && n->index != 0 && r % 8 == 7) {
        act_path(n, l->session, r % 64 == 7 ? DO_PATH_DROP : DO_PATH_ADD);
    } else if (r < 600) {
        if ((s = pick_stream(n, l, side_of_node(n))) != NULL) act_message(n, l, s, fault_below(n->w, 5) == 0);
    } else if (r < 850) {
        if ((s = act_open(n, l)) != NULL) act_message(n, l, s, 0);
    } else if (r < 915) {
        act_datagram(n, l);
    } else if (r < 925) {
        act_transport(n, l);
    } else if (r < 940) {
        if (n->index != 0) act_migrate(n, l);
    } else if (r < 950) {
        act_simple(n, l, DO_COMMIT);
    } else if (r < 965) {
        act_simple(n, l, DO_REKEY);
    } else if (r < 980) {
        act_end_stream(n, l, 0);
    } else if (r < 997) {
        act_end_stream(n, l, 1);
    } else if (!n->w->app->keep) {
        act_simple(n, l, DO_CLOSE);
    }
}

static inline void app_act(struct fault_node *n) {
    struct fault_app *a = n->w->app;
    const unsigned live = a->n_live[n->index];
    const hkp_time gap = a->mean_gap / (n->index == 0 ? n->w->n - 1 : 1) + 1;
    act_connect(n);
    if (a->calm && n->index == 0)
        for (unsigned i = 0; i < live; i++) act_on(n, &a->live[0][i]);
    else if (live > 0)
        act_on(n, &a->live[n->index][fault_below(n->w, live)]);
    n->app_at = n->w->now + gap / 2 + fault_below(n->w, gap);
    if (a->calm) n->app_at = n->w->now + HKP_HTP__SEC;
}

/* ---- after a restart or a rollback ---- */

/** The applications of the node forget; what its sessions said is not judged further if it was rolled back.
 */
static inline void app_lost(struct fault_node *n, int rolled_back) {
    struct fault_app *a = n->w->app;
    for (struct fault_talk *t = a->talks; t != NULL; t = t->next) {
        if (n->index != 0 && t->edge != n->index) continue;
        if (rolled_back && (t->up[0] || t->up[1])) t->tainted = 1;
        t->up[side_of_node(n)] = 0;
    }
    a->tainted += rolled_back != 0;
    a->n_live[n->index] = a->connecting[n->index] = 0;
    n->connect_at = n->w->now;
}

/** What a node that was rolled back takes for its sessions. */
static inline void app_found(struct fault_node *n) {
    struct fault_app *a = n->w->app;
    for (uint32_t i = 0; i < n->ep->opt.sessions_max; i++) {
        const struct hkp_htp__session *s = n->ep->sessions[i];
        if (s == NULL || s->state == HKP_HTP__S_ENDED) continue;
        if (s->edge != NULL) a->connecting[n->index]++;
        if (s->state != HKP_HTP__S_UP || s->events & HKP_HTP__EV_UP) continue;
        if (hkp_htp__session_find(n->ep, s->id) == NULL) continue; /* told as ended already */
        live_add(n, s->id);
        live_of(n, s->id)->talk->tainted = 1;
    }
}

static inline void app_new(struct fault_world *w) {
    struct fault_app *a = w->app = calloc(1, sizeof *a);
    a->live = calloc(w->n, sizeof *a->live);
    a->n_live = calloc(w->n, sizeof *a->n_live);
    a->connecting = calloc(w->n, sizeof *a->connecting);
    for (uint32_t i = 0; i < w->n; i++) a->live[i] = calloc(8 + (i == 0 ? 4 * w->n : 0), sizeof **a->live);
    a->mean_gap = 200 * HKP_HTP__MS;
}

static inline void app_free(struct fault_world *w) {
    struct fault_app *a = w->app;
    for (struct fault_talk *t = a->talks, *next; t != NULL; t = next) {
        next = t->next;
        free(t->streams);
        free(t);
    }
    for (uint32_t i = 0; i < w->n; i++) free(a->live[i]);
    free(a->live);
    free(a->n_live);
    free(a->connecting);
    free(a);
}

#endif
