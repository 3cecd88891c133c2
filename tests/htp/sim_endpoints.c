/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two whole endpoints over a bad network: handshake, messages, rekeys, end; and every packet again. */
#include "pair.h"

enum { QUEUE = 2048, LOG = 4096, STREAMS = 3 };

struct flying {
    hkp_time at;
    uint64_t order;
    uint8_t to_e;
    size_t len;
    uint8_t bytes[HKP_HTP_DATAGRAM_MAX];
};

struct sim {
    struct world w;
    struct pair p;
    uint64_t random, order, sent, dropped, trace;
    unsigned loss, twice;
    hkp_time delay, jitter;
    uint64_t session_v;
    /** what happened to each side: 0 V, 1 E */
    unsigned up[2], down[2], failed[2], rekeyed[2], messages[2], fins[2];
    hkp_status result[2];
    uint16_t reason[2];
    size_t count, logged;
    struct flying queue[QUEUE], log[LOG];
};

static hkp_htp_endpoint *side_of(struct sim *s, int is_e) { return is_e ? s->p.e : s->p.v; }

static struct sim *sim_new(const char *vector, uint64_t seed, unsigned loss) {
    char file[80];
    struct sim *s = calloc(1, sizeof *s);
    snprintf(file, sizeof file, "htp/handshake_%s.json", vector);
    world_load(&s->w, vec_get(vec_load(file), "inputs"));
    pair_new(&s->p, &s->w);
    s->p.rng_e.seed = seed + 1;
    s->p.rng_v.seed = seed + 2;
    s->random = seed;
    s->loss = loss;
    s->twice = loss;
    s->delay = 15 * HKP_HTP__MS;
    s->jitter = 8 * HKP_HTP__MS;
    return s;
}

static void sim_free(struct sim *s) {
    pair_free(&s->p);
    free(s);
}

static void put(struct sim *s, const struct flying *f) {
    if (check_random(&s->random) % 1000 < s->loss || s->count == QUEUE) {
        s->dropped++;
        return;
    }
    struct flying *q = &s->queue[s->count++];
    *q = *f;
    q->at = s->p.now + s->delay + check_random(&s->random) % s->jitter;
    q->order = s->order++;
}

static void flush(struct sim *s, int is_e) {
    struct flying f = {.to_e = (uint8_t)!is_e};
    while ((f.len = pair_pull(&s->p, is_e, f.bytes)) > 0) {
        s->sent++;
        for (size_t i = 0; i < f.len; i++) s->trace = s->trace * 131 + f.bytes[i];
        if (s->logged < LOG) s->log[s->logged++] = f;
        put(s, &f);
        if (check_random(&s->random) % 1000 < s->twice) put(s, &f);
    }
}

static void body_of(int from_e, uint32_t stream, unsigned number, uint8_t *dst, size_t len) {
    uint64_t x = (uint64_t)stream << 33 | (uint64_t)number << 1 | (unsigned)from_e;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&x);
}

static size_t length_of(unsigned number) { return number * 37 % 3000; }

/* Messages of a stream arrive in order; their number is the count of those before on the same stream. */
struct expected {
    uint32_t ids[STREAMS];
    unsigned got[STREAMS];
};

static void events(struct sim *s, int is_e, struct expected *want) {
    static uint8_t buf[3000];
    for (;;) {
        struct hkp_htp_event ev = {.struct_size = sizeof ev};
        CHECK_EQ(hkp_htp_event(side_of(s, is_e), &ev), HKP_OK);
        switch (ev.type) {
        case HKP_HTP_EVENT_NONE:
            return;
        case HKP_HTP_EVENT_UP:
            s->up[is_e]++;
            if (!is_e) s->session_v = ev.session;
            CHECK_EQ(hkp_htp_session_allow(side_of(s, is_e), ev.session, UINT64_MAX, UINT64_MAX), HKP_OK);
            break;
        case HKP_HTP_EVENT_DOWN:
        case HKP_HTP_EVENT_FAILED:
            s->down[is_e] += ev.type == HKP_HTP_EVENT_DOWN;
            s->failed[is_e] += ev.type == HKP_HTP_EVENT_FAILED;
            s->result[is_e] = ev.result;
            s->reason[is_e] = ev.reason;
            break;
        case HKP_HTP_EVENT_REKEYED:
            s->rekeyed[is_e]++;
            break;
        case HKP_HTP_EVENT_FIN:
            s->fins[is_e]++;
            break;
        case HKP_HTP_EVENT_MESSAGE:
            s->messages[is_e]++;
            for (unsigned i = 0; want != NULL && i < STREAMS; i++) {
                if (want->ids[i] != ev.stream) continue;
                size_t len = length_of(want->got[i]);
                body_of(!is_e, ev.stream, want->got[i]++, buf, len);
                CHECK_EQ(ev.len, len);
                if (ev.len == len && len > 0) CHECK_MEM(ev.data, buf, len);
            }
            break;
        case HKP_HTP_EVENT_ALARM:
            CHECK(0);
            break;
        default:
            break;
        }
    }
}

/* One datagram or timer; 0: nothing before until. */
static int step(struct sim *s, hkp_time until, struct expected want[2]) {
    flush(s, 0);
    flush(s, 1);
    hkp_time at = HKP_TIME_NEVER, a = hkp_htp_wake(s->p.e), b = hkp_htp_wake(s->p.v), timer = a < b ? a : b;
    size_t first = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->queue[i].at > at || (s->queue[i].at == at && s->queue[i].order > s->queue[first].order))
            continue;
        at = s->queue[i].at;
        first = i;
    }
    hkp_time next = timer < at ? timer : at;
    int more = next <= until;
    if (!more) next = until;
    if (next > s->p.now) {
        s->p.wall += (next - s->p.now) / 1000;
        s->p.now = next;
    }
    if (more && at <= timer) {
        struct flying f = s->queue[first];
        s->queue[first] = s->queue[--s->count];
        (void)pair_give(&s->p, f.to_e, f.bytes, f.len);
    } else {
        hkp_htp_tick(s->p.e, s->p.now, s->p.wall);
        hkp_htp_tick(s->p.v, s->p.now, s->p.wall);
    }
    for (int is_e = 0; is_e < 2; is_e++) events(s, is_e, want != NULL ? &want[is_e] : NULL);
    return more;
}

static void run(struct sim *s, hkp_time span) {
    hkp_time end = s->p.now + span;
    while (step(s, end, NULL)) {
    }
}

static void connect_sim(struct sim *s) {
    CHECK_EQ(pair_connect(&s->p), HKP_OK);
    hkp_time end = s->p.now + 20 * HKP_HTP__SEC;
    while (!(s->up[0] && s->up[1]) && !s->failed[1] && step(s, end, NULL)) {
    }
}

/* Both sides send messages on several streams, with rekeys between; all must arrive, once and in order. */
static uint8_t transport; /* of both ends */

static uint64_t talk(const char *vector, uint64_t seed, unsigned loss, unsigned messages, unsigned rekeys) {
    static uint8_t buf[3000];
    struct sim *s = sim_new(vector, seed, loss);
    struct expected want[2];
    unsigned queued[2][STREAMS] = {{0}}, asked = 0;
    memset(want, 0, sizeof want);
    connect_sim(s);
    CHECK(s->up[0] == 1 && s->up[1] == 1);
    for (int from_e = 0; from_e < 2 && transport != 0; from_e++)
        CHECK_EQ(hkp_htp_transport_set(side_of(s, from_e), s->p.now, from_e ? s->p.session : s->session_v,
                                       transport),
                 HKP_OK);
    for (int from_e = 0; from_e < 2 && s->up[0] && s->up[1]; from_e++)
        for (unsigned i = 0; i < STREAMS; i++)
            CHECK_EQ(hkp_htp_stream_open(side_of(s, from_e), from_e ? s->p.session : s->session_v,
                                         i == 0 ? 1 : 7, 0, i, &want[!from_e].ids[i]),
                     HKP_OK);
    hkp_time start = s->p.now, end = start + 600 * HKP_HTP__SEC;
    while (s->fins[0] + s->fins[1] < 2 * STREAMS || s->rekeyed[0] < rekeys || s->rekeyed[1] < rekeys) {
        for (int from_e = 0; from_e < 2; from_e++) {
            for (unsigned i = 0; i < STREAMS; i++) {
                unsigned *n = &queued[from_e][i];
                /* A third of the messages each time 5 s are over, so that rekeys fall between them. */
                if (*n == messages || *n > messages * (s->p.now - start) / (6 * rekeys * HKP_HTP__SEC + 1))
                    continue;
                uint32_t id = want[!from_e].ids[i];
                body_of(from_e, id, *n, buf, length_of(*n));
                if (hkp_htp_stream_send(side_of(s, from_e), from_e ? s->p.session : s->session_v, id, buf,
                                        length_of(*n), *n + 1 == messages) == HKP_OK)
                    (*n)++;
            }
        }
        if (asked < rekeys && s->p.now > start + asked * 6 * HKP_HTP__SEC &&
            hkp_htp_session_rekey(s->p.e, s->p.now, s->p.session) == HKP_OK)
            asked++;
        /* Messages are made as time goes on: look again soon. */
        hkp_time soon = s->p.now + 50 * HKP_HTP__MS;
        while (step(s, soon, want)) {
        }
        if (s->p.now > end || s->down[0] || s->down[1]) break;
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(s->down[i], 0);
        CHECK_EQ(s->messages[i], STREAMS * messages);
        CHECK_EQ(s->fins[i], STREAMS);
        CHECK(s->rekeyed[i] >= rekeys);
    }
    printf("# %s, loss %u: %" PRIu64 " datagrams, %" PRIu64 " dropped, %.1f s\n", vector, loss, s->sent,
           s->dropped, (double)(s->p.now - start) / 1e9);
    if (s->down[1] == 0)
        CHECK_EQ(hkp_htp_session_close(s->p.e, s->p.now, s->p.session, HKP_HTP_REASON_DONE), HKP_OK);
    s->loss = 0;
    run(s, 10 * HKP_HTP__SEC);
    CHECK_EQ(s->down[0], 1);
    CHECK_EQ(s->reason[0], HKP_HTP_REASON_DONE);
    uint64_t trace = s->trace;
    sim_free(s);
    return trace;
}

static void sessions_work_at_5_percent_loss(void) {
    static const char *const vectors[] = {"r", "n", "n_suite2", "r_suite2_mask", "retry"};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        (void)talk(vectors[i], check_seed() + i, 50, 60, 3);
}

/* HTP-11.1: a mode changes when and how packets go, never what arrives. */
static void every_mode_works_under_loss(void) {
    static const uint8_t modes[] = {HKP_HTP_TRANSPORT_BURST, HKP_HTP_TRANSPORT_STEALTH,
                                    HKP_HTP_TRANSPORT_GHOST, HKP_HTP_TRANSPORT_SWARM, HKP_HTP_TRANSPORT_AUTO};
    for (size_t i = 0; i < sizeof modes; i++) {
        transport = modes[i];
        (void)talk("r_suite2_mask", check_seed() + i, 50, 40, 2);
        (void)talk("r_suite2_mask", check_seed() + i, 200, 15, 1);
    }
    transport = HKP_HTP_TRANSPORT_BALANCED;
}

static void sessions_work_without_loss(void) { (void)talk("r", check_seed(), 0, 60, 2); }

static void rekeys_survive_heavy_loss(void) { (void)talk("r", 3, 250, 20, 3); }

static void the_same_seed_gives_the_same_trace(void) {
    uint64_t a = talk("r", 11, 50, 10, 1), b = talk("r", 11, 50, 10, 1), c = talk("r", 12, 50, 10, 1);
    CHECK(a == b);
    CHECK(a != c);
}

/* HTP-5.1: E gives up after 15 s; at V nothing is left either. */
static void a_dead_network_is_a_timeout(void) {
    struct sim *s = sim_new("r", check_seed(), 1000);
    CHECK_EQ(pair_connect(&s->p), HKP_OK);
    run(s, 40 * HKP_HTP__SEC);
    CHECK_EQ(s->failed[1], 1);
    CHECK_EQ(s->result[1], HKP_E_HTP_TIMEOUT);
    CHECK_EQ(s->up[0] + s->up[1], 0);
    sim_free(s);
}

/* HTP-8.5: silent end of both sides, no earlier than 90 s. */
static void silence_ends_both_sides(void) {
    struct sim *s = sim_new("r", check_seed(), 0);
    connect_sim(s);
    run(s, 40 * HKP_HTP__SEC);
    s->loss = 1000;
    run(s, 55 * HKP_HTP__SEC);
    CHECK_EQ(s->down[0] + s->down[1], 0);
    run(s, 60 * HKP_HTP__SEC);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(s->down[i], 1);
        CHECK_EQ(s->result[i], HKP_E_HTP_IDLE);
    }
    sim_free(s);
}

static void counters_of(struct sim *s, uint64_t out[6]) {
    struct hkp_htp_session_info e = {.struct_size = sizeof e}, v = {.struct_size = sizeof v};
    CHECK_EQ(hkp_htp_session_info(s->p.e, s->p.session, &e), HKP_OK);
    CHECK_EQ(hkp_htp_session_info(s->p.v, s->session_v, &v), HKP_OK);
    const uint64_t now[6] = {e.packets_in, v.packets_in, e.packets_out, v.packets_out, e.epoch, v.epoch};
    memcpy(out, now, sizeof now);
}

/* HTP-18.2: every packet of a session again, to both ends, changes nothing and makes nobody speak. */
static void every_packet_again_changes_nothing(void) {
    struct sim *s = sim_new("r", check_seed(), 0);
    uint32_t id;
    s->twice = 100;
    connect_sim(s);
    for (unsigned i = 0; i < 40; i++) {
        static const uint8_t text[500] = "again";
        CHECK_EQ(hkp_htp_stream_open(s->p.e, s->p.session, 7, 0, 3, &id), HKP_OK);
        CHECK_EQ(hkp_htp_stream_send(s->p.e, s->p.session, id, text, sizeof text, 1), HKP_OK);
        if (i % 20 == 10) CHECK_EQ(hkp_htp_session_rekey(s->p.e, s->p.now, s->p.session), HKP_OK);
        run(s, HKP_HTP__SEC);
    }
    run(s, 3 * HKP_HTP__SEC);
    CHECK_EQ(s->messages[0], 40);
    CHECK(s->rekeyed[0] == 2 && s->dropped == 0);
    uint64_t before[6], after[6];
    size_t logged = s->logged;
    unsigned messages = s->messages[0] + s->messages[1];
    counters_of(s, before);
    hkp_time wake = hkp_htp_wake(s->p.e);
    for (size_t i = 0; i < logged; i++) {
        uint8_t answer[HKP_HTP_DATAGRAM_MAX];
        const struct flying *f = &s->log[i];
        /* HELLO and ATTEST may get their stored answers; all else is seen through. */
        hkp_status st = pair_give(&s->p, f->to_e, f->bytes, f->len);
        int handshake = f->bytes[2] == 0 && f->bytes[3] <= 5;
        CHECK(handshake || st != HKP_OK);
        if (!handshake) CHECK_EQ(pair_pull(&s->p, f->to_e, answer), 0);
        while (pair_pull(&s->p, f->to_e, answer) > 0) {
        }
        events(s, 0, NULL);
        events(s, 1, NULL);
    }
    counters_of(s, after);
    CHECK_MEM(before, after, sizeof before);
    CHECK_EQ(s->messages[0] + s->messages[1], messages);
    CHECK_EQ(s->up[0] + s->up[1], 2);
    CHECK_EQ(s->down[0] + s->down[1], 0);
    CHECK(hkp_htp_wake(s->p.e) == wake);
    sim_free(s);
}

int main(void) {
    CASE(sessions_work_without_loss);
    CASE(sessions_work_at_5_percent_loss);
    CASE(every_mode_works_under_loss);
    CASE(rekeys_survive_heavy_loss);
    CASE(the_same_seed_gives_the_same_trace);
    CASE(a_dead_network_is_a_timeout);
    CASE(silence_ends_both_sides);
    CASE(every_packet_again_changes_nothing);
    return check_done();
}
