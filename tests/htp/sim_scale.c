/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Many sessions in one process, in virtual time: what an idle one costs, and that none pays for another.
 * HKP_SESSIONS=100000 runs the crowd of issue size (about two minutes); the default suite runs fewer.
 */
#include "check.h"
#include "crowd.h"

#include <time.h>

/** What an idle session may hold all told, tables and pools included. */
enum { IDLE_MOST = 4096 };

static uint32_t crowd_size(uint32_t by_default) {
    const char *given = getenv("HKP_SESSIONS");
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

int main(void) {
    CASE(idle_sessions_stay_small);
    return check_done();
}
