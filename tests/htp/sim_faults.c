/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Endpoints under faults (HTP-18.2): a seed makes the links and what happens, the checkers of faults_*.h look
 * on. Every run is made twice and must give the same datagrams. HKP_SEEDS=<n> tries n seeds in each case,
 * beginning with HKP_SEED; a seed that fails prints the command that repeats it.
 */
#include "faults_world.h"

static uint64_t seeds(uint64_t otherwise) {
    const char *given = getenv("HKP_SEEDS");
    return given != NULL ? strtoull(given, NULL, 0) : otherwise;
}

static void add(struct fault_result *sum, const struct fault_result *r) {
    sum->sent += r->sent;
    sum->lost += r->lost;
    sum->forged += r->forged;
    sum->spoofed += r->spoofed;
    sum->messages += r->messages;
    sum->told += r->told;
    sum->ups += r->ups;
    sum->downs += r->downs;
    sum->rekeys += r->rekeys;
    sum->moves += r->moves;
    sum->added += r->added;
    sum->mtu_probes += r->mtu_probes;
    sum->mtu_falls += r->mtu_falls;
    if (r->largest > sum->largest) sum->largest = r->largest;
    for (int i = 0; i <= HKP_HTP__PATHS_MAX; i++) sum->paths_seen[i] += r->paths_seen[i];
    sum->seals += r->seals;
    sum->keys_gone += r->keys_gone;
    if (r->memory > sum->memory) sum->memory = r->memory;
    if (r->alive_after > sum->alive_after) sum->alive_after = r->alive_after;
    for (int i = 0; i < FAULT_KINDS; i++) sum->kinds_done[i] += r->kinds_done[i];
}

static void print_sum(uint64_t count, const struct fault_result *s) {
    printf("# %" PRIu64 " seeds: %" PRIu64 " datagrams, %" PRIu64 " lost, %" PRIu64 " forged, %" PRIu64
           " spoofed; %" PRIu64 " messages, %" PRIu64 " streams told as delivered\n",
           count, s->sent, s->lost, s->forged, s->spoofed, s->messages, s->told);
    printf("# %" PRIu64 " sessions up, %" PRIu64 " down, %" PRIu64 " rekeys, %" PRIu64 " moves, %" PRIu64
           " sealings, %" PRIu64 " keys gone, most memory %zu, alive again within %.1f s; faults:",
           s->ups, s->downs, s->rekeys, s->moves, s->seals, s->keys_gone, s->memory,
           (double)s->alive_after / 1e9);
    for (int i = 0; i < FAULT_KINDS; i++) printf(" %" PRIu64, s->kinds_done[i]);
    printf("\n# %" PRIu64 " probes of MTU, %" PRIu64 " falls back, largest %zu; %" PRIu64
           " paths added, sessions seen with 1.. paths:",
           s->mtu_probes, s->mtu_falls, s->largest, s->added);
    for (int i = 1; i <= HKP_HTP__PATHS_MAX; i++) printf(" %" PRIu64, s->paths_seen[i]);
    printf("\n");
}

/* Each seed twice; a hash of all datagrams and events must be the same. */
static void try_seeds(const struct fault_plan *p, uint64_t count, size_t memory, struct fault_result *sum) {
    memset(sum, 0, sizeof *sum);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t seed = check_seed() + i;
        const int before = check_faults;
        struct fault_result r, again;
        fault_run(p, seed, &r);
        fault_run(p, seed, &again);
        CHECK(r.trace == again.trace && r.sent == again.sent && r.seals == again.seals);
        CHECK(r.memory <= memory);
        add(sum, &r);
        if (check_faults != before)
            printf("#   in: HKP_SEEDS=1 HKP_SEED=%" PRIu64 " ./run test sim_faults\n", seed);
    }
    print_sum(count, sum);
}

/* Tables of fixed size and what the pool may hold (faults_node.h). */
enum { MEMORY_PAIR = 8 * 1024 * 1024 };

static void a_pair_survives_bad_links(void) {
    struct fault_plan p = {
        .edges = 1, .span = 150 * HKP_HTP__SEC, .bad = 1, .loss_max = 300, .act_gap = 200 * HKP_HTP__MS};
    struct fault_result sum;
    try_seeds(&p, seeds(4), MEMORY_PAIR, &sum);
    CHECK(sum.messages > 0 && sum.told > 0 && sum.lost > 0 && sum.forged > 0 && sum.keys_gone > 0);
}

static void a_pair_survives_all_faults(void) {
    struct fault_plan p = {.edges = 1,
                           .span = 300 * HKP_HTP__SEC,
                           .bad = 1,
                           .loss_max = 300,
                           .kinds = ~(unsigned)FAULT_ROLLBACK,
                           .gap = 10 * HKP_HTP__SEC,
                           .act_gap = 200 * HKP_HTP__MS};
    struct fault_result sum;
    try_seeds(&p, seeds(6), MEMORY_PAIR, &sum);
    CHECK(sum.messages > 0 && sum.downs > 0);
}

/* HTP-7.2: a machine that is rolled back uses no (key, nonce) of its other future. */
static void a_machine_rolled_back_repeats_no_nonce(void) {
    struct fault_plan p = {.edges = 1,
                           .span = 200 * HKP_HTP__SEC,
                           .bad = 1,
                           .loss_max = 100,
                           .kinds = FAULT_ROLLBACK,
                           .gap = 2 * HKP_HTP__SEC,
                           .act_gap = 100 * HKP_HTP__MS};
    struct fault_result sum;
    try_seeds(&p, seeds(3), MEMORY_PAIR, &sum);
    CHECK(sum.kinds_done[9] > 0);
}

/* The counter-test: were it not for clocks in the nonce, the same runs would repeat some. */
static void without_clocks_a_rollback_does_repeat_nonces(void) {
    struct fault_plan p = {.edges = 1,
                           .span = 200 * HKP_HTP__SEC,
                           .kinds = FAULT_ROLLBACK,
                           .gap = 2 * HKP_HTP__SEC,
                           .act_gap = 100 * HKP_HTP__MS,
                           .careless = 1};
    struct fault_result r;
    fault_run(&p, check_seed(), &r);
    CHECK(r.repeats > 0);
}

/* HTP-9.7: links of many sizes, that change while data is on its way. */
static void a_pair_survives_links_that_carry_less(void) {
    struct fault_plan p = {.edges = 1,
                           .span = 200 * HKP_HTP__SEC,
                           .bad = 1,
                           .loss_max = 100,
                           .kinds = FAULT_MTU | FAULT_REBIND | FAULT_BLACKOUT | FAULT_HOLE,
                           .gap = HKP_HTP__SEC,
                           .act_gap = 50 * HKP_HTP__MS,
                           .bulk = 1};
    struct fault_result sum;
    try_seeds(&p, seeds(4), MEMORY_PAIR, &sum);
    CHECK(sum.mtu_probes > 0);
    if (getenv("HKP_SEEDS") == NULL) CHECK(sum.mtu_probes > 100 && sum.mtu_falls > 0 && sum.largest > 9000);
}

/* HTP-11.6: two to four paths on three roads, that die and come back. */
static void several_paths_survive_the_death_of_some(void) {
    struct fault_plan p = {.edges = 2,
                           .span = 200 * HKP_HTP__SEC,
                           .bad = 1,
                           .loss_max = 150,
                           .kinds = FAULT_ROAD | FAULT_REBIND | FAULT_MTU | FAULT_BLACKOUT | FAULT_REPLAY |
                                    FAULT_PAUSE | FAULT_RESTART_E,
                           .gap = 2 * HKP_HTP__SEC,
                           .act_gap = 100 * HKP_HTP__MS,
                           .bulk = 1,
                           .swarm = 1};
    struct fault_result sum;
    try_seeds(&p, seeds(3), MEMORY_PAIR, &sum);
    CHECK(sum.added > 0);
    if (getenv("HKP_SEEDS") == NULL) CHECK(sum.paths_seen[2] > 0 && sum.paths_seen[3] > 0);
}

static void many_edges_survive_all_faults(void) {
    struct fault_plan p = {.edges = 60,
                           .span = 120 * HKP_HTP__SEC,
                           .bad = 1,
                           .loss_max = 200,
                           .kinds = ~(unsigned)FAULT_ROLLBACK,
                           .gap = HKP_HTP__SEC,
                           .act_gap = HKP_HTP__SEC};
    struct fault_result sum;
    const char *given = getenv("HKP_SEEDS");
    try_seeds(&p, given != NULL ? (seeds(1) + 19) / 20 : 1, 4 * (size_t)MEMORY_PAIR, &sum);
    CHECK(sum.ups >= 120 && sum.messages > 0);
}

/* A HELLO as one makes it who knows V's public key and nothing else. */
static void forged_hello(struct fault_world *w, uint8_t dgram[HKP_HTP__BIG]) {
    uint8_t a[32], s[32], key[32];
    for (size_t i = 0; i < HKP_HTP__BIG; i += 8) {
        const uint64_t r = fault_random(w);
        memcpy(dgram + i, &r, 8);
    }
    hkp_htp__wire_header(dgram, HKP_HTP__HELLO, 0, 0, fault_random(w), dgram + HKP_HTP__PREFIX,
                         HKP_HTP__FLAG_RES, HKP_HTP__BIG);
    uint8_t *payload = dgram + HKP_HTP__PREFIX_RES;
    memset(payload, 0, 20);
    payload[0] = payload[1] = 1;
    hkp_put_be16(payload + 4, HKP_HTP__VERSION);
    hkp_put_be16(payload + 12, 1);
    memset(dgram + HKP_HTP__COOKIE_AT, 0, 32);
    node_public(0, a, s);
    hkp_htp__mac1_key(key, s);
    hkp_htp__rdv_packet(dgram + HKP_HTP__AT_RDV, key, dgram, HKP_HTP__BIG);
}

/* HTP-4.4, 4.6: 200,000 of them a second from many addresses. One session goes on, another begins. */
static void a_flood_stops_no_session_and_takes_no_memory(void) {
    struct fault_plan p = {.edges = 2, .act_gap = 20 * HKP_HTP__MS};
    struct fault_result r = {0};
    struct fault_world w;
    static uint8_t hello[256][HKP_HTP__BIG];
    fault_open(&w, &p, check_seed());
    const struct fault_node *v = &w.nodes[0];
    w.app->keep = 1;
    w.nodes[2].connect_at = w.now + 10 * HKP_HTP__SEC;
    fault_span(&w, &p, w.nodes[2].connect_at, NULL);
    CHECK(w.app->n_live[1] == 1 && w.app->n_live[2] == 0);
    const size_t bytes = v->heap.bytes;
    const uint64_t messages = w.app->messages;
    for (int i = 0; i < 256; i++) forged_hello(&w, hello[i]);
    for (unsigned i = 0; i < 100000; i += 20) {
        for (unsigned k = i; k < i + 20; k++) {
            struct fault_flying f = {
                .source = net_victim(k), .len = HKP_HTP__BIG, .bytes = hello[k % 256], .spoofed = 1};
            f.source.addr[15] = (uint8_t)(k % NET_VICTIMS);
            (void)net_give(&w, &f);
        }
        net_serve(&w.nodes[0]);
        fault_span(&w, &p, w.now + 100000, NULL);
        CHECK(v->ep->stats.half_open <= 2);
    }
    CHECK(v->ep->stats.retries_sent > 1000);
    CHECK(w.app->messages > messages);
    CHECK(w.app->n_live[1] == 1 && w.app->n_live[2] == 1);
    CHECK(v->heap.bytes < bytes + 100000); /* the other session */
    fault_calm(&w, &p, &r);
    fault_close(&w, &r);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_pair_survives_bad_links);
    CASE(a_pair_survives_all_faults);
    CASE(a_machine_rolled_back_repeats_no_nonce);
    CASE(without_clocks_a_rollback_does_repeat_nonces);
    CASE(a_pair_survives_links_that_carry_less);
    CASE(several_paths_survive_the_death_of_some);
    CASE(a_flood_stops_no_session_and_takes_no_memory);
    CASE(many_edges_survive_all_faults);
    return check_done();
}
