/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP beside what else carries bytes, on loopback, interleaved in one run; both sides in threads of their
 * own, each on a core of its own (ways/way.h). A line for each reference. Peers are there when their Debian
 * packages were when this was built
 * (./run bench --peers installs them).
 *
 * htp.bulk.1200, .max    MB/s one way, datagrams of at most 1200 bytes, or what each finds by itself
 * htp.cpu.1200, .max     CPU of both sides, ns a byte, of the same runs
 * htp.rr.p50, .p99       64 bytes there and back, us; .busy: without sleeping (spin_us)
 * htp.small              64-byte messages a second, one way
 * htp.loss1, .loss5      MB/s at 1 and 5 % loss each way and 20 ms there and back, both with CUBIC;
 *                        .bbr: ours with its other controller
 * .aes behind a name: AES-256-GCM in place of ChaCha20-Poly1305
 */
#include "bench.h"
#include "ways/way.h"

#include <hookprobe/htp.h>
#include <sodium.h>

enum { ROUNDS = 5, TRIPS = 2000, SMALL_MESSAGES = 400000, WAYS_MAX = 8 };

struct result {
    const struct way *way;
    uint64_t amount;
    int failed;
    double value[ROUNDS], cpu[ROUNDS];
};

static const struct way *const peers[] = {
#ifdef WAY_OPENSSL
    &way_dtls,   &way_tls,
#endif
#ifdef WAY_SRT
    &way_srt,
#endif
#ifdef WAY_NGTCP2
    &way_ngtcp2,
#endif
#ifdef WAY_ZMQ
    &way_curve,
#endif
    NULL};

/* Ours first; then those that can do it, in the order given. */
static size_t line_up(struct result *r, const struct way *first, const struct way *second) {
    size_t n = 0;
    const struct way *head[] = {first, second};
    memset(r, 0, WAYS_MAX * sizeof *r);
    for (size_t i = 0; i < 2; i++)
        if (head[i] != NULL) r[n++].way = head[i];
    for (size_t i = 0; peers[i] != NULL; i++) r[n++].way = peers[i];
    return n;
}

static void print_all(const char *name, const char *unit, struct result *r, size_t n, int cpu,
                      int higher_is_better) {
    double ours[BENCH_ROUNDS], other[BENCH_ROUNDS];
    if (!bench_wanted(name)) return;
    if (r[0].failed) {
        fprintf(stderr, "bench: %s: htp failed\n", name);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        if (r[i].failed) continue;
        memcpy(ours, cpu ? r[0].cpu : r[0].value, ROUNDS * sizeof ours[0]);
        memcpy(other, cpu ? r[i].cpu : r[i].value, ROUNDS * sizeof other[0]);
        bench_print_n(name, unit, ours, r[i].way->name, other, higher_is_better, ROUNDS);
    }
}

/* ---- bulk */

static void bulk_once(struct result *r, struct way_load load, int round) {
    struct way_cost cost = {0};
    load.bytes = r->amount;
    if (r->way->bulk == NULL || r->failed || r->way->bulk(&load, &cost) != 0) {
        r->failed = 1;
        return;
    }
    r->value[round] = (double)load.bytes / cost.seconds * 1e-6;
    r->cpu[round] = cost.cpu / (double)load.bytes * 1e9;
}

/* So many bytes that a transfer takes about half a second. */
static void bulk_calibrate(struct result *r, struct way_load load, uint64_t least) {
    r->amount = least;
    bulk_once(r, load, 0);
    if (r->failed) return;
    const double want = r->value[0] * 1e6 * 0.5;
    if (want > (double)least) r->amount = want < 512e6 ? (uint64_t)want : 512000000;
}

/* through_loss: only those whose transfer outlives it; TCP does not go through the relay. */
static void bulk(const char *name, const char *cpu_name, const struct way *ceiling, struct way_load load,
                 uint64_t least, int through_loss) {
    struct result r[WAYS_MAX];
    if (!bench_wanted(name) && (cpu_name == NULL || !bench_wanted(cpu_name))) return;
    const size_t n = line_up(r, &way_htp, ceiling);
    for (size_t i = 0; i < n; i++) {
        r[i].failed =
            through_loss && strcmp(r[i].way->name, "htp") != 0 && strcmp(r[i].way->name, "ngtcp2") != 0;
        if (!r[i].failed) bulk_calibrate(&r[i], load, least);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n; i++) bulk_once(&r[(i + (size_t)round) % n], load, round);
    print_all(name, "MB/s", r, n, 0, 1);
    if (cpu_name != NULL) print_all(cpu_name, "ns/B", r, n, 1, 0);
}

/* ---- round trips and messages */

static void trips(const char *name, int busy) {
    static double seconds[TRIPS];
    struct result p50[WAYS_MAX], p99[WAYS_MAX];
    char half[64], most[64];
    snprintf(half, sizeof half, "%s.p50", name);
    snprintf(most, sizeof most, "%s.p99", name);
    if (!bench_wanted(half) && !bench_wanted(most)) return;
    const size_t n = line_up(p50, &way_htp, &way_udp);
    memcpy(p99, p50, sizeof p99);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n; i++) {
            const struct way *way = p50[i].way;
            if (way->round_trips == NULL || p50[i].failed || way->round_trips(TRIPS, busy, seconds) != 0) {
                p50[i].failed = p99[i].failed = 1;
                continue;
            }
            p50[i].value[round] = bench_percentile(seconds, TRIPS, 0.50) * 1e6;
            p99[i].value[round] = bench_percentile(seconds, TRIPS, 0.99) * 1e6;
        }
    print_all(half, "us", p50, n, 0, 0);
    print_all(most, "us", p99, n, 0, 0);
}

static void messages(void) {
    struct result r[WAYS_MAX];
    if (!bench_wanted("htp.small")) return;
    const size_t n = line_up(r, &way_htp, NULL);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n; i++) {
            struct way_cost cost;
            if (r[i].way->messages == NULL || r[i].failed || r[i].way->messages(SMALL_MESSAGES, &cost) != 0)
                r[i].failed = 1;
            else
                r[i].value[round] = SMALL_MESSAGES / cost.seconds;
        }
    print_all("htp.small", "1/s", r, n, 0, 1);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "libsodium does not start");
    for (uint32_t suite = WAY_CHACHA; suite <= WAY_AES; suite++) {
        const int aes = suite == WAY_AES;
        if (aes && !crypto_aead_aes256gcm_is_available()) continue;
        const struct way_load small = {.datagram = 1200, .suite = suite}, large = {.suite = suite};
        bulk(aes ? "htp.bulk.1200.aes" : "htp.bulk.1200", aes ? "htp.cpu.1200.aes" : "htp.cpu.1200",
             &way_ceiling, small, 16000000, 0);
        bulk(aes ? "htp.bulk.max.aes" : "htp.bulk.max", aes ? "htp.cpu.max.aes" : "htp.cpu.max", &way_ceiling,
             large, 16000000, 0);
    }
    trips("htp.rr", 0);
    trips("htp.rr.busy", 1);
    messages();
    static const char *const lossy[2][2] = {{"htp.loss1", "htp.loss1.bbr"}, {"htp.loss5", "htp.loss5.bbr"}};
    for (int i = 0; i < 2; i++)
        for (uint32_t bbr = 0; bbr < 2; bbr++) {
            const struct way_load load = {.datagram = 1200, .suite = WAY_CHACHA, .bbr = bbr};
            way_network(i == 0 ? 0.01 : 0.05, 20);
            bulk(lossy[i][bbr], NULL, NULL, load, 1000000, 1);
            way_network(0, 0);
        }
    return 0;
}
