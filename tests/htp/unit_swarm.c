/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* SWARM: one session over several paths at once (HTP-11.6). */
#include "alloc.h"
#include "libhtp/flow/flow_state.h"
#include "roads.h"

enum { PATHS = 4 };

static unsigned count(struct roads *x, int is_e) { return hkp_htp__swarm_count(roads_session(x, is_e)); }

static void e_adds_paths_and_both_use_them(void) {
    struct roads *x = roads_swarm(check_seed(), PATHS, HKP_HTP_FEATURE_SWARM);
    CHECK_EQ(count(x, 1), PATHS);
    CHECK_EQ(count(x, 0), PATHS);
    uint64_t in[PATHS], out[PATHS];
    for (int i = 0; i < PATHS; i++) {
        in[i] = x->hosts[x->seen_as[i]].in;
        out[i] = x->hosts[x->seen_as[i]].out;
    }
    for (int i = 0; i < 4; i++) {
        roads_say(x, 1, 900000);
        roads_say(x, 0, 900000);
        roads_run(x, 10 * HKP_HTP__SEC);
    }
    CHECK_EQ(x->messages[0], 4);
    CHECK_EQ(x->messages[1], 4);
    for (int i = 0; i < PATHS; i++) {
        CHECK(x->hosts[x->seen_as[i]].in - in[i] > 300000);
        CHECK(x->hosts[x->seen_as[i]].out - out[i] > 300000);
    }
    CHECK_EQ(roads_session(x, 1)->flow->recovery.lost + roads_session(x, 0)->flow->recovery.lost, 0);
    CHECK_EQ(x->down[0] + x->down[1], 0);
    roads_free(x);
}

static void without_the_feature_there_is_one_path(void) {
    struct roads *x = roads_swarm(check_seed(), 1, 0);
    struct hkp_htp_path to = roads_v(x, 1);
    CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to), HKP_E_UNSUPPORTED);
    roads_free(x);
    x = roads_swarm(check_seed(), 2, HKP_HTP_FEATURE_SWARM);
    to = roads_v(x, 0);
    CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session + 1, &to), HKP_E_NOTFOUND);
    to = roads_v(x, 1);
    CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to), HKP_E_LIMIT);
    CHECK_EQ(hkp_htp_session_path_add(x->p.v, x->p.now, x->session_v, &to), HKP_E_STATE);
    CHECK_EQ(hkp_htp_session_path_drop(x->p.v, x->p.now, x->session_v, &to), HKP_E_STATE);
    to.port++;
    CHECK_EQ(hkp_htp_session_path_drop(x->p.e, x->p.now, x->p.session, &to), HKP_E_INVAL);
    roads_free(x);
}

/* A path that dies is set aside after three PTOs, everything arrives by the others; it comes back. */
static void a_dead_path_is_set_aside_and_comes_back(void) {
    for (int dead = 0; dead < 3; dead++) {
        struct roads *x = roads_swarm(check_seed() + (uint64_t)dead, 3, HKP_HTP_FEATURE_SWARM);
        roads_say(x, 1, 900000);
        roads_say(x, 0, 900000);
        roads_run(x, 20 * HKP_HTP__MS);
        x->loss[dead] = 1000;
        roads_run(x, 20 * HKP_HTP__SEC);
        CHECK_EQ(x->messages[0], 1);
        CHECK_EQ(x->messages[1], 1);
        for (int is_e = 0; is_e < 2; is_e++) CHECK(roads_session(x, is_e)->paths->swarm->aside != 0);
        x->loss[dead] = 0;
        roads_run(x, 15 * HKP_HTP__SEC);
        for (int is_e = 0; is_e < 2; is_e++) {
            CHECK_EQ(roads_session(x, is_e)->paths->swarm->aside, 0);
            CHECK_EQ(count(x, is_e), 3);
        }
        CHECK_EQ(x->down[0] + x->down[1], 0);
        roads_free(x);
    }
}

/* The one path that is left stands still for a while, so that none serves: it serves again with the first
 * packet that arrives by it, and not only when it is asked. */
static void the_last_path_serves_again_when_a_packet_arrives(void) {
    struct roads *x = roads_swarm(check_seed(), 2, HKP_HTP_FEATURE_SWARM);
    roads_run(x, HKP_HTP__SEC);
    x->loss[0] = x->loss[1] = 1000;
    roads_say(x, 1, 400000);
    const hkp_time end = x->p.now + 5 * HKP_HTP__SEC;
    while (x->p.now < end && roads_session(x, 1)->paths->swarm->aside != 3) roads_run(x, 10 * HKP_HTP__MS);
    CHECK_EQ(roads_session(x, 1)->paths->swarm->aside, 3);
    x->loss[1] = 0;
    roads_run(x, 4 * HKP_HTP__SEC);
    CHECK_EQ(x->messages[0], 1);
    CHECK_EQ(roads_session(x, 1)->paths->swarm->aside, 1);
    CHECK_EQ(x->down[0] + x->down[1], 0);
    roads_free(x);
}

/* From three paths on none carries more than 60 % while another has room; the fast one draws most. */
static void no_path_carries_more_than_its_share(void) {
    struct roads *x = roads_swarm(check_seed(), 3, HKP_HTP_FEATURE_SWARM);
    x->delay[0] = HKP_HTP__MS;
    x->delay[1] = 8 * HKP_HTP__MS;
    x->delay[2] = 8 * HKP_HTP__MS;
    roads_say(x, 1, 400000);
    roads_run(x, 25 * HKP_HTP__SEC);
    uint64_t before[3], all = 0, most = 0;
    for (int i = 0; i < 3; i++) before[i] = x->hosts[x->seen_as[i]].in;
    for (int i = 0; i < 180; i++) { /* little enough that the slower ones always have window */
        roads_say(x, 1, 8000);
        roads_run(x, 50 * HKP_HTP__MS);
    }
    for (int i = 0; i < 3; i++) {
        const uint64_t n = x->hosts[x->seen_as[i]].in - before[i];
        all += n;
        most = n > most ? n : most;
    }
    CHECK_EQ(most, x->hosts[x->seen_as[0]].in - before[0]);
    CHECK(most * 100 > all * 40 && most * 100 < all * 65);
    CHECK_EQ(x->messages[0], 181);
    roads_free(x);
}

static void paths_are_dropped_at_will(void) {
    struct roads *x = roads_swarm(check_seed(), 3, HKP_HTP_FEATURE_SWARM);
    roads_say(x, 1, 900000);
    roads_say(x, 0, 900000);
    roads_run(x, 60 * HKP_HTP__MS);
    for (int i = 0; i < 2; i++) {
        const struct hkp_htp_path gone = roads_path(x, 1);
        CHECK_EQ(hkp_htp_session_path_drop(x->p.e, x->p.now, x->p.session, &gone), HKP_OK);
        roads_run(x, 300 * HKP_HTP__MS);
    }
    roads_run(x, 10 * HKP_HTP__SEC);
    CHECK_EQ(x->messages[0], 1);
    CHECK_EQ(x->messages[1], 1);
    CHECK_EQ(count(x, 1), 1);
    CHECK_EQ(count(x, 0), 1);
    CHECK(roads_session(x, 1)->paths->swarm == NULL && roads_session(x, 0)->paths->swarm == NULL);
    CHECK_EQ(roads_path(x, 0).port, 47000 + roads_path(x, 1).carrier);
    const struct hkp_htp_path last = roads_path(x, 1);
    CHECK_EQ(hkp_htp_session_path_drop(x->p.e, x->p.now, x->p.session, &last), HKP_E_INVAL);
    roads_run(x, 20 * HKP_HTP__SEC);
    CHECK(roads_session(x, 1)->paths->routes == NULL && roads_session(x, 0)->paths->routes == NULL);
    roads_free(x);
}

/* With each rekey E is told, adds a path from a fresh port, and its oldest is retired. */
static void each_rekey_renews_the_oldest_path(void) {
    struct roads *x = roads_swarm(check_seed(), 3, HKP_HTP_FEATURE_SWARM);
    for (int i = 0; i < 5; i++) {
        const struct hkp_htp_path oldest = roads_path(x, 1), to = roads_v(x, 3 + i);
        CHECK_EQ(hkp_htp_session_rekey(x->p.e, x->p.now, x->p.session), HKP_OK);
        roads_run(x, 8 * HKP_HTP__SEC);
        CHECK_EQ(x->wanted[1], i + 1);
        (void)roads_rebind(x, 3 + i, (uint8_t)(30 + i), (uint16_t)(48000 + i), 0);
        CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to), HKP_OK);
        roads_say(x, 1, 300000);
        roads_run(x, 5 * HKP_HTP__SEC);
        CHECK_EQ(count(x, 1), 3);
        CHECK_EQ(count(x, 0), 3);
        CHECK(roads_path(x, 1).carrier != oldest.carrier);
        CHECK_EQ(x->messages[0], i + 1);
    }
    CHECK_EQ(x->down[0] + x->down[1], 0);
    roads_free(x);
}

/* Loss on every path, paths that come, die and go at random: everything arrives once and in the end all is
 * given back. */
static void swarms_survive_bad_networks(void) {
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct roads *x = roads_swarm(check_seed() + 300 + seed, 3, HKP_HTP_FEATURE_SWARM);
        int next = 3;
        for (int i = 0; i < ROADS_SOCKETS; i++) {
            x->delay[i] = (1 + check_random(&x->random) % 80) * HKP_HTP__MS;
            x->loss[i] = (unsigned)(check_random(&x->random) % 100);
        }
        for (int i = 0; i < 25; i++) {
            roads_say(x, i % 2, 20000 + check_random(&x->random) % 100000);
            const int socket = (int)(check_random(&x->random) % (unsigned)next);
            const struct hkp_htp_path to = roads_v(x, socket), fresh = roads_v(x, next);
            switch (check_random(&x->random) % 6) {
            case 0:
                x->loss[socket] = x->loss[socket] == 1000 || socket == 0 ? 50 : 1000;
                break;
            case 1:
                CHECK(hkp_htp_session_path_drop(x->p.e, x->p.now, x->p.session, &to) <= HKP_OK);
                break;
            case 2:
                if (next == ROADS_SOCKETS) break;
                (void)roads_rebind(x, next, (uint8_t)(40 + next), (uint16_t)(49000 + next), 0);
                if (hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &fresh) == HKP_OK) next++;
                break;
            case 3:
                (void)roads_rebind(x, socket, (uint8_t)(60 + i), (uint16_t)(50000 + i), 0);
                break;
            case 4:
                CHECK_EQ(hkp_htp_session_rekey(x->p.e, x->p.now, x->p.session), HKP_OK);
                break;
            default:
                break;
            }
            roads_run(x, 1500 * HKP_HTP__MS);
        }
        memset(x->loss, 0, sizeof x->loss);
        roads_run(x, 80 * HKP_HTP__SEC);
        const int before = check_faults;
        CHECK_EQ(x->messages[0] + x->messages[1], 25);
        CHECK_EQ(x->down[0] + x->down[1], 0);
        CHECK_NOTE(before, "run %d", (int)seed);
        roads_free(x);
    }
}

/* HTP-9.3 where V could use both paths: it follows because E retires the old one. */
static void e_moves_where_swarm_is_in_use(void) {
    struct roads *x = roads_swarm(check_seed(), 1, HKP_HTP_FEATURE_SWARM);
    for (int i = 1; i < 6; i++) {
        const struct hkp_htp_path to = roads_v(x, i);
        (void)roads_rebind(x, i, 8, (uint16_t)(45000 + i), 0);
        roads_say(x, i % 2, 200000);
        roads_run(x, 40 * HKP_HTP__MS);
        CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_OK);
        roads_run(x, 8 * HKP_HTP__SEC);
        CHECK_EQ(roads_path(x, 0).port, 45000 + i);
        CHECK_EQ((int)roads_path(x, 1).carrier, i);
        CHECK_EQ(count(x, 0) + count(x, 1), 2);
        CHECK(roads_session(x, 0)->paths->routes == NULL && roads_session(x, 1)->paths->routes == NULL);
    }
    CHECK_EQ(x->messages[0] + x->messages[1], 5);
    roads_free(x);
}

/* So that a slow path's packets never fall out of the other side's window of numbers. */
static void numbers_on_their_way_stay_close(void) {
    struct roads *x = roads_swarm(check_seed(), 3, HKP_HTP_FEATURE_SWARM);
    x->delay[1] = 400 * HKP_HTP__MS;
    x->delay[0] = x->delay[2] = HKP_HTP__MS / 2;
    unsigned said = 0;
    for (int i = 0; i < 60; i++) {
        if (roads_session(x, 1)->flow->buffered < 300000) {
            roads_say(x, 1, 700000);
            said++;
        }
        const hkp_time end = x->p.now + 100 * HKP_HTP__MS;
        while (roads_step(x, end)) {
            const struct hkp_htp__recovery *r = &roads_session(x, 1)->flow->recovery;
            CHECK(hkp_htp__recovery_span(r) < 1024);
        }
    }
    roads_run(x, 20 * HKP_HTP__SEC);
    CHECK(said > 5);
    CHECK_EQ(x->messages[0], said);
    CHECK_EQ(pair_dropped(x->p.v, HKP_E_HTP_REPLAY), 0);
    roads_free(x);
}

/* Until E has so many paths, by sockets from `first` on. */
static void add_paths(struct roads *x, unsigned paths, int first) {
    for (int i = first; i < ROADS_SOCKETS && count(x, 1) < paths; i++) {
        const struct hkp_htp_path to = roads_v(x, i);
        (void)roads_rebind(x, i, (uint8_t)(20 + x->n_hosts), (uint16_t)(47000 + x->n_hosts), 0);
        CHECK(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &to) <= HKP_OK);
        roads_run(x, 5 * HKP_HTP__SEC);
    }
}

static int try_to_say(struct roads *x, int from_e) {
    static const uint8_t text[60000] = "memory";
    const uint64_t session = from_e ? x->p.session : x->session_v;
    uint32_t stream;
    hkp_status st = hkp_htp_stream_open(roads_side(x, from_e), session, ROADS_STREAM, 0, 3, &stream);
    if (st == HKP_OK) st = hkp_htp_stream_send(roads_side(x, from_e), session, stream, text, sizeof text, 1);
    CHECK(st == HKP_OK || st == HKP_E_NOMEM || st == HKP_E_LIMIT);
    return st == HKP_OK;
}

/* E or V gets so many allocations from when the session is up, and no more for a while. With memory again
 * what was said arrives, E opens the paths that it should have and renews them, and all is given back. 1: the
 * allocations were enough. */
static int starve(int is_e, long left) {
    struct roads *x = roads_new("r", check_seed());
    struct failing heap = {.left = -1};
    const struct hkp_mem mem = failing_mem(&heap);
    for (int i = 0; i < 2; i++) (void)roads_endpoint(x, i, HKP_HTP_FEATURE_SWARM, i == is_e ? &mem : NULL);
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
    roads_run(x, HKP_HTP__SEC);
    CHECK(x->up[0] == 1 && x->up[1] == 1);
    heap.left = left;
    int said = try_to_say(x, 0) + try_to_say(x, 1);
    add_paths(x, 3, 1);
    const int enough = heap.left > 0;
    CHECK(!enough || (said == 2 && count(x, 0) == 3 && count(x, 1) == 3));
    heap.left = -1;
    roads_run(x, 20 * HKP_HTP__SEC);
    said += try_to_say(x, 0) + try_to_say(x, 1);
    add_paths(x, 3, 6);
    CHECK_EQ(count(x, 1), 3);
    CHECK_EQ(hkp_htp_session_rekey(x->p.e, x->p.now, x->p.session), HKP_OK);
    roads_run(x, 8 * HKP_HTP__SEC);
    add_paths(x, 4, 9);
    CHECK_EQ(count(x, 0), 3);
    CHECK_EQ(count(x, 1), 3);
    CHECK_EQ(x->messages[0] + x->messages[1], said);
    CHECK_EQ(x->down[0] + x->down[1], 0);
    hkp_htp_endpoint_free(x->p.e);
    hkp_htp_endpoint_free(x->p.v);
    CHECK_EQ(heap.live, 0);
    free(x);
    return enough;
}

static void every_allocation_may_fail(void) {
    for (int is_e = 0; is_e < 2; is_e++) {
        long left = 0;
        while (left < 100 && !starve(is_e, left)) left++;
        printf("# %s: %ld allocations\n", is_e ? "E" : "V", left);
        CHECK(left > 0 && left < 100);
    }
}

int main(void) {
    CASE(e_adds_paths_and_both_use_them);
    CASE(without_the_feature_there_is_one_path);
    CASE(a_dead_path_is_set_aside_and_comes_back);
    CASE(the_last_path_serves_again_when_a_packet_arrives);
    CASE(no_path_carries_more_than_its_share);
    CASE(paths_are_dropped_at_will);
    CASE(each_rekey_renews_the_oldest_path);
    CASE(e_moves_where_swarm_is_in_use);
    CASE(numbers_on_their_way_stay_close);
    CASE(every_allocation_may_fail);
    CASE(swarms_survive_bad_networks);
    return check_done();
}
