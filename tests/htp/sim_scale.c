/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Many sessions in one process, in virtual time: what an idle one costs, and that none pays for another.
 * The last case takes its size from HKP_SESSIONS and its time from HKP_MINUTES; 100000 sessions are what one
 * process should hold (about 1 ms of CPU for each, and 0.2 ms more for each minute).
 */
#include "check.h"
#include "crowd.h"

#include <time.h>

/** What an idle session may hold all told, tables and pools included. */
enum { IDLE_MOST = 4096 };

static uint32_t from_env(const char *name, uint32_t by_default) {
    const char *given = getenv(name);
    return given != NULL && atol(given) > 0 ? (uint32_t)atol(given) : by_default;
}

/* A message of some packets each way on a stream of its own, which both sides then end. */
static void talk(struct crowd *c, uint32_t i, size_t len) {
    static const uint8_t text[8192];
    for (int is_e = 0; is_e < 2; is_e++) {
        uint32_t stream;
        CHECK_EQ(hkp_htp_stream_open(c->side[is_e].ep, c->sessions[is_e][i], 7, 0, 4, &stream), HKP_OK);
        CHECK_EQ(hkp_htp_stream_send(c->side[is_e].ep, c->sessions[is_e][i], stream, text, len, 1), HKP_OK);
    }
}

static void all_live(const struct crowd *c, uint32_t n) {
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_stats stats = {.struct_size = sizeof stats};
        CHECK_EQ(hkp_htp_endpoint_stats(c->side[is_e].ep, &stats), HKP_OK);
        CHECK_EQ(stats.sessions, n);
        CHECK_EQ(c->side[is_e].events[HKP_HTP_EVENT_DOWN], 0);
        for (uint32_t i = 0; i < n; i++) {
            struct hkp_htp_session_info info = {.struct_size = sizeof info};
            hkp_status st = hkp_htp_session_info(c->side[is_e].ep, c->sessions[is_e][i], &info);
            if (st != HKP_OK || !info.established) {
                CHECK_EQ(st, HKP_OK);
                CHECK_EQ(info.established, 1);
                return;
            }
        }
    }
}

static size_t each(const struct crowd *c, int is_e, size_t empty) {
    return (c->side[is_e].mem.bytes - empty + c->n - 1) / c->n;
}

/*
 * Allocated bytes of an endpoint with n sessions less those of one with none, by n: after streams were used,
 * after many rekeys, at the worst moment of ten minutes.
 */
static void idle_sessions_stay_small(void) {
    static struct crowd c;
    const uint32_t n = 500;
    const size_t empty[2] = {crowd_empty(0), crowd_empty(1)};
    size_t most[2] = {0, 0};
    CHECK(crowd_new(&c, n, check_seed()));
    for (uint32_t i = 0; i < n; i++) {
        CHECK(crowd_connect(&c));
        crowd_run(&c, c.now + 5 * HKP_HTP__MS);
    }
    c.delay = 20 * HKP_HTP__MS;
    for (uint32_t i = 0; i < n; i++) {
        talk(&c, i, 8192);
        crowd_run(&c, c.now + 100 * HKP_HTP__MS);
    }
    crowd_run(&c, c.now + 120 * HKP_HTP__SEC);
    for (int second = 0; second < 600; second++) {
        crowd_run(&c, c.now + HKP_HTP__SEC);
        for (int is_e = 0; is_e < 2; is_e++)
            if (each(&c, is_e, empty[is_e]) > most[is_e]) most[is_e] = each(&c, is_e, empty[is_e]);
    }
    for (int is_e = 0; is_e < 2; is_e++) {
        printf("# %s: %zu bytes for each idle session, %zu when most\n", is_e ? "E" : "V",
               each(&c, is_e, empty[is_e]), most[is_e]);
        CHECK(most[is_e] <= IDLE_MOST);
        CHECK(c.side[is_e].events[HKP_HTP_EVENT_REKEYED] >= 5 * n);
        CHECK(c.side[is_e].events[HKP_HTP_EVENT_FIN] == n);
    }
    all_live(&c, n);
    crowd_free(&c);
    for (int is_e = 0; is_e < 2; is_e++) CHECK_EQ(c.side[is_e].mem.live, 0);
}

/* An entry of V that waited for ACCEPT to arrive is free once it has: handshakes are not limited by their
 * number. */
static void handshakes_that_end_make_room(void) {
    static struct crowd c;
    const uint32_t n = 1200; /* more than HALF_OPEN_MAX, all younger than YOUNG */
    CHECK(crowd_new(&c, n, check_seed()));
    for (uint32_t i = 0; i < n; i++) {
        if (!crowd_connect(&c)) {
            CHECK_EQ(i, n);
            break;
        }
        crowd_run(&c, c.now + 3 * HKP_HTP__MS / 2);
    }
    all_live(&c, c.n);
    crowd_free(&c);
}

/* Sessions that were made in one second do not beat in one second. */
static void sessions_made_together_beat_apart(void) {
    static struct crowd c;
    const uint32_t n = 300;
    uint64_t worst = 0, before;
    CHECK(crowd_new(&c, n, check_seed()));
    for (uint32_t i = 0; i < n; i++) CHECK(crowd_connect(&c));
    c.delay = 5 * HKP_HTP__MS;
    crowd_run(&c, c.now + 5 * HKP_HTP__SEC);
    const uint64_t first = c.packets;
    for (int second = 0; second < 300; second++) {
        before = c.packets;
        crowd_run(&c, c.now + HKP_HTP__SEC);
        if (c.packets - before > worst) worst = c.packets - before;
    }
    printf("# packets in a second: %.1f, at most %" PRIu64 "\n", (double)(c.packets - first) / 300, worst);
    CHECK(worst < 3 * n / 2); /* each beat is two packets at least */
    all_live(&c, n);
    crowd_free(&c);
}

/*
 * V's owner takes nothing of what some peers send, until the memory of all sessions is full: the others keep
 * their heartbeats and their rekeys, and all that is due arrives once the owner does take it.
 */
static void full_pools_leave_sessions_alive(void) {
    static struct crowd c;
    static const uint8_t text[60000];
    const uint32_t n = 40, greedy = 4;
    struct hkp_htp_options o;
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    CHECK(crowd_new(&c, n, check_seed()));
    hkp_htp_endpoint_free(c.side[0].ep);
    crowd_options(&c, 0, &o);
    o.pool_bytes = 1048576;
    CHECK_EQ(hkp_htp_endpoint_new(&c.side[0].ep, &o, c.now), HKP_OK);
    for (uint32_t i = 0; i < n; i++) CHECK(crowd_connect(&c));
    c.delay = 10 * HKP_HTP__MS;
    crowd_run(&c, c.now + HKP_HTP__SEC);
    c.deaf = 1;
    for (uint32_t i = 0; i < greedy; i++) {
        uint32_t stream;
        CHECK_EQ(hkp_htp_stream_open(c.side[1].ep, c.sessions[1][i], 7, 0, 4, &stream), HKP_OK);
        for (int k = 0; k < 10; k++)
            CHECK_EQ(hkp_htp_stream_send(c.side[1].ep, c.sessions[1][i], stream, text, sizeof text, k == 9),
                     HKP_OK);
    }
    for (uint32_t k = 0; k < 20 * 80; k++) { /* datagrams take the last block, too */
        c.refused +=
            hkp_htp_datagram_send(c.side[1].ep, c.sessions[1][greedy + k % 20], 7, text, 1000) != HKP_OK;
        crowd_run(&c, c.now + 2 * HKP_HTP__MS);
    }
    crowd_run(&c, c.now + 400 * HKP_HTP__SEC);
    for (uint32_t i = greedy; i < n; i++) {
        CHECK_EQ(hkp_htp_session_info(c.side[0].ep, c.sessions[0][i], &info), HKP_OK);
        CHECK(info.established && info.epoch >= 3);
    }
    c.deaf = 0;
    crowd_run(&c, c.now + 60 * HKP_HTP__SEC);
    CHECK_EQ(c.side[0].events[HKP_HTP_EVENT_FIN], greedy);
    CHECK_EQ(c.side[0].events[HKP_HTP_EVENT_MESSAGE], 10 * greedy);
    all_live(&c, n);
    crowd_free(&c);
}

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* All sessions live on through heartbeats and rekeys; what one costs does not depend on how many there are.
 */
static void a_crowd_lives_on(void) {
    static struct crowd c;
    const uint32_t n = from_env("HKP_SESSIONS", 1000), minutes = from_env("HKP_MINUTES", 10);
    const size_t empty[2] = {crowd_empty(0), crowd_empty(1)};
    double t = cpu_seconds();
    CHECK(crowd_new(&c, n, check_seed()));
    for (uint32_t i = 0; i < n; i++) {
        CHECK(crowd_connect(&c));
        crowd_run(&c, c.now + 3 * HKP_HTP__MS);
    }
    printf("# %u sessions in %.1f s of CPU\n", n, cpu_seconds() - t);
    c.delay = 20 * HKP_HTP__MS;
    t = cpu_seconds();
    const uint64_t packets = c.packets;
    crowd_run(&c, c.now + minutes * 60 * HKP_HTP__SEC);
    t = cpu_seconds() - t;
    printf("# %u minutes: %" PRIu64 " packets, %.1f us of CPU each, %.3f %% of a core for both sides\n",
           minutes, c.packets - packets, t * 1e6 / (double)(c.packets - packets), t / (minutes * 60) * 100);
    for (int is_e = 0; is_e < 2; is_e++) {
        printf("# %s: %zu bytes for each\n", is_e ? "E" : "V", each(&c, is_e, empty[is_e]));
        CHECK(each(&c, is_e, empty[is_e]) <= IDLE_MOST);
        CHECK(c.side[is_e].events[HKP_HTP_EVENT_REKEYED] >= (uint64_t)n * (minutes * 60 / 120));
        CHECK(c.side[is_e].events[HKP_HTP_EVENT_GOOD_HEARTBEAT] >= (uint64_t)n * (minutes * 2 - 2));
        CHECK_EQ(c.side[is_e].events[HKP_HTP_EVENT_MISSED_HEARTBEAT], 0);
    }
    /* two for a heartbeat, and a few for each rekey */
    CHECK(c.packets - packets <= (uint64_t)n * minutes * 14);
    all_live(&c, n);
    crowd_free(&c);
}

/* All leave at once: each is told of, by CLOSE or by silence, and nothing of it is left. */
static void a_crowd_leaves(int silent) {
    static struct crowd c;
    const uint32_t n = 500;
    CHECK(crowd_new(&c, n, check_seed()));
    const size_t before[2] = {c.side[0].mem.bytes, c.side[1].mem.bytes};
    for (uint32_t i = 0; i < n; i++) {
        CHECK(crowd_connect(&c));
        crowd_run(&c, c.now + 3 * HKP_HTP__MS);
    }
    c.delay = 10 * HKP_HTP__MS;
    c.cut = silent;
    for (uint32_t i = 0; i < n && !silent; i++)
        CHECK_EQ(hkp_htp_session_close(c.side[1].ep, c.now, c.sessions[1][i], HKP_HTP_REASON_DONE), HKP_OK);
    crowd_run(&c, c.now + 100 * HKP_HTP__SEC);
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_stats stats = {.struct_size = sizeof stats};
        CHECK_EQ(hkp_htp_endpoint_stats(c.side[is_e].ep, &stats), HKP_OK);
        CHECK_EQ(stats.sessions, 0);
        CHECK_EQ(c.side[is_e].events[HKP_HTP_EVENT_DOWN], n);
        CHECK_EQ(c.side[is_e].events[HKP_HTP_EVENT_MISSED_HEARTBEAT], silent ? 2 * n : 0); /* HTP-8.3 */
        CHECK(c.side[is_e].mem.bytes - before[is_e] <
              256 * 1024); /* a slab of each kind, room for a message */
    }
    crowd_free(&c);
}

static void a_crowd_that_closes_is_gone(void) { a_crowd_leaves(0); }
static void a_crowd_that_falls_silent_is_gone(void) { a_crowd_leaves(1); }

/* One that cannot send what it has, and one whose peer sends garbage with its token: the others notice
 * nothing. */
static void a_bad_session_costs_the_others_nothing(void) {
    static struct crowd c;
    static const uint8_t text[60000];
    const uint32_t n = 50;
    uint32_t stream;
    CHECK(crowd_new(&c, n, check_seed()));
    for (uint32_t i = 0; i < n; i++) CHECK(crowd_connect(&c));
    c.delay = 10 * HKP_HTP__MS;
    crowd_run(&c, c.now + HKP_HTP__SEC);
    c.mute = 0;
    CHECK_EQ(hkp_htp_stream_open(c.side[1].ep, c.sessions[1][0], 7, 0, 4, &stream), HKP_OK);
    while (hkp_htp_stream_send(c.side[1].ep, c.sessions[1][0], stream, text, sizeof text, 0) == HKP_OK)
        continue;
    const struct hkp_htp_path from = crowd_path(1, 1);
    for (int i = 0; i < 2000; i++) {
        uint8_t d[200] = {0};
        (void)crowd_fill(&c, d, sizeof d);
        hkp_htp__wire_header(d, HKP_HTP__DATA, (uint32_t)i, 0, c.side[0].ep->sessions[1]->token_in, d + 100,
                             0, sizeof d);
        CHECK(hkp_htp_recv(c.side[0].ep, c.now, c.wall, &from, d, sizeof d) != HKP_OK);
        crowd_run(&c, c.now + HKP_HTP__MS);
    }
    for (uint32_t i = 2; i < n; i++) talk(&c, i, 8192);
    crowd_run(&c, c.now + 2 * HKP_HTP__SEC);
    for (int is_e = 0; is_e < 2; is_e++) CHECK_EQ(c.side[is_e].events[HKP_HTP_EVENT_FIN], n - 2);
    crowd_run(&c, c.now + 200 * HKP_HTP__SEC);
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_stats stats = {.struct_size = sizeof stats};
        CHECK_EQ(hkp_htp_endpoint_stats(c.side[is_e].ep, &stats), HKP_OK);
        CHECK_EQ(stats.sessions, n - 1); /* the mute one ended, and only that */
        CHECK_EQ(c.side[is_e].events[HKP_HTP_EVENT_DOWN], 1);
    }
    crowd_free(&c);
}

int main(void) {
    CASE(idle_sessions_stay_small);
    CASE(handshakes_that_end_make_room);
    CASE(sessions_made_together_beat_apart);
    CASE(a_crowd_that_closes_is_gone);
    CASE(a_crowd_that_falls_silent_is_gone);
    CASE(a_bad_session_costs_the_others_nothing);
    CASE(full_pools_leave_sessions_alive);
    CASE(a_crowd_lives_on);
    return check_done();
}
