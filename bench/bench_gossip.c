/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * gossip.1k, .10k, .100k, and the same with .loss30: nodes of real views and trees under a virtual clock
 * (tests/dsm/gossip_world.h) join one after the other, settle for a minute, and spread items of 600 bytes
 * from random nodes, one every 2 s. The first items grow the tree; of the others is told
 *
 *     coverage  nodes that have each item, % (the worst item)
 *     rounds    until the last node has it, in hop times of 50 ms (the worst item): the longest way through
 * the tree, and 10 more where the tree was torn, since a GRAFT waits for 500 ms; with loss each loss costs 3,
 * and the fastest of several ways counts (decision 0547) copies    pushes for a node and an item (the mean)
 *     bytes     all messages for a node and an item, views too, without those of HTP (the mean)
 *
 * A hop takes 50 ms, 20 % more or less; what is lost of 30 % comes 150 ms later for each loss. 100,000 nodes
 * take minutes and 2.5 GB, so they are measured when a name begins with gossip.100k only.
 */
#include "bench.h"
#include "gossip_world.h"

#include <sodium.h>

struct size {
    const char *name;
    uint32_t nodes, join_ms, warm, items, by_name;
    double rounds;
};

struct result {
    double coverage, rounds, copies, bytes;
};

enum { ITEM_BYTES = 600, SETTLE_MS = 60000, EVERY_MS = 2000 };

static void spread(struct gossip_world *w, uint32_t item, struct result *r) {
    const uint64_t pushes = w->pushes, bytes = w->bytes;
    gossip_publish(w, (uint32_t)(gossip_random(w) % w->o.nodes), item, ITEM_BYTES);
    gossip_run(w, EVERY_MS);
    const double nodes = w->o.nodes, coverage = 100 * (double)w->items[item].have / nodes,
                 rounds = (double)(w->items[item].last_ms - w->items[item].first_ms) / GOSSIP_HOP_MS;
    if (coverage < r->coverage) r->coverage = coverage;
    if (rounds > r->rounds) r->rounds = rounds;
    r->copies += (double)(w->pushes - pushes) / nodes;
    r->bytes += (double)(w->bytes - bytes) / nodes;
}

static struct result measure(const struct size *s, uint32_t loss) {
    const struct gossip_options o = {
        .nodes = s->nodes, .groups = s->nodes / 8 + 2, .loss = loss, .jitter = 20, .ids = 8, .seed = 1};
    struct gossip_world *w = gossip_new(&o);
    struct result r = {.coverage = 100}, warm = {.coverage = 100};
    gossip_join_all(w, s->join_ms);
    gossip_run(w, SETTLE_MS);
    for (uint32_t i = 0; i < s->warm; i++) spread(w, i, &warm);
    for (uint32_t i = 0; i < s->items; i++) spread(w, s->warm + i, &r);
    r.copies /= s->items;
    r.bytes /= s->items;
    gossip_free(w);
    return r;
}

/* name, and of it the four figures. */
static void name_of(char out[64], const struct size *s, uint32_t loss, uint32_t figure) {
    static const char *const figures[] = {"coverage", "rounds", "copies", "bytes"};
    snprintf(out, 64, "%s%s.%s", s->name, loss > 0 ? ".loss30" : "", figures[figure]);
}

static int wanted(const struct size *s, uint32_t loss) {
    char name[64];
    int any = 0, asked = !s->by_name;
    for (int i = 0; i < bench_names; i++) asked |= strncmp(bench_name[i], s->name, strlen(s->name)) == 0;
    for (uint32_t f = 0; asked && f < 4; f++) {
        name_of(name, s, loss, f);
        any |= bench_wanted(name);
    }
    return any;
}

static void bench(const struct size *s, uint32_t loss) {
    const struct result r = measure(s, loss);
    const double values[] = {r.coverage, r.rounds, r.copies, r.bytes}, limits[] = {100, s->rounds, 1.3, 0};
    static const char *const units[] = {"%", "hops", "", "B"};
    char name[64];
    for (uint32_t f = 0; f < 4; f++) {
        name_of(name, s, loss, f);
        bench_once(name, units[f], values[f], limits[f] > 0 ? "limit" : NULL, limits[f], f == 0);
    }
}

int main(int argc, char **argv) {
    static const struct size sizes[] = {{"gossip.1k", 1000, 10, 10, 30, 0, 12},
                                        {"gossip.10k", 10000, 5, 10, 20, 0, 15},
                                        {"gossip.100k", 100000, 1, 5, 10, 1, 18}};
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    fprintf(stderr,
            "gossip: rounds are hop times of 50 ms to the last node of the worst item; a loss costs 3, "
            "a torn tree 10\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t loss = 0; loss <= 300; loss += 300)
            if (wanted(&sizes[i], loss)) bench(&sizes[i], loss);
    return 0;
}
