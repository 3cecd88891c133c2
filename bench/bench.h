/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The benchmark harness: ours and a reference, measured interleaved in the same run, medians, one JSON object
 * a line (./run bench makes the table).
 *
 *     int main(int argc, char **argv) {
 *         bench_begin(argc, argv);                          names wanted: beginnings of names; none: all
 *         if (bench_wanted("nz1.evolve"))
 *             bench_time("nz1.evolve", "us", 1e6, evolve, &fixture, "floor", floor_evolve);
 *         return 0;
 *     }
 *
 * An operation does its work `times` times. ratio is above 1 when ours is ahead.
 */
#ifndef HKP_BENCH_H
#define HKP_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    /* rounds of each bench; the value is their median */
    BENCH_ROUNDS = 9,
    /* single operations of a round where percentiles are asked for */
    BENCH_SINGLES = 400
};

typedef void bench_op(void *user, uint64_t times);

struct bench_side {
    bench_op *run;
    uint64_t times;
    double seconds[BENCH_ROUNDS];
};

static int bench_names;
static char **bench_name;

static inline void bench_begin(int argc, char **argv) {
    bench_names = argc - 1;
    bench_name = argv + 1;
}

/** Is this bench, or one whose name begins so, asked for? */
static inline int bench_wanted(const char *name) {
    for (int i = 0; i < bench_names; i++)
        if (strncmp(name, bench_name[i], strlen(bench_name[i])) == 0) return 1;
    return bench_names == 0;
}

/** Something without which a bench means nothing went wrong: say it and end the program. */
static inline void bench_need(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/** CLOCK_PROCESS_CPUTIME_ID: for work of this process alone, what else the machine does counts less. */
static clockid_t bench_clock_id = CLOCK_MONOTONIC;

static inline double bench_clock(void) {
    struct timespec t;
    clock_gettime(bench_clock_id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** The value below which `part` of the n values lie; sorts them. */
static inline double bench_percentile(double *values, size_t n, double part) {
    qsort(values, n, sizeof *values, bench_order);
    return values[(size_t)((double)(n - 1) * part + 0.5)];
}

/* Enough repetitions that the clock and a stray interrupt do not matter. */
static inline void bench_calibrate(struct bench_side *side, void *user) {
    for (side->times = 1;; side->times *= 4) {
        double t = bench_clock();
        side->run(user, side->times);
        t = bench_clock() - t;
        if (t > 0.02) return;
        if (t > 0.002) {
            side->times = (uint64_t)((double)side->times * 0.025 / t) + 1;
            return;
        }
    }
}

static inline void bench_print_n(const char *name, const char *unit, double *ours, const char *ref_name,
                                 double *ref, int higher_is_better, int rounds) {
    double value = bench_percentile(ours, (size_t)rounds, 0.5);
    printf("{\"bench\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"n\":%d", name, value,
           unit, ours[0], ours[rounds - 1], rounds);
    if (ref_name != NULL) {
        double other = bench_percentile(ref, (size_t)rounds, 0.5);
        printf(",\"ref\":\"%s\",\"ref_value\":%.6g,\"ratio\":%.4g", ref_name, other,
               higher_is_better ? value / other : other / value);
    }
    printf("}\n");
    fflush(stdout);
}

static inline void bench_print(const char *name, const char *unit, double *ours, const char *ref_name,
                               double *ref, int higher_is_better) {
    bench_print_n(name, unit, ours, ref_name, ref, higher_is_better, BENCH_ROUNDS);
}

/** A figure that is counted, not timed; ref_name NULL: none to compare with. */
static inline void bench_once(const char *name, const char *unit, double value, const char *ref_name,
                              double ref_value, int higher_is_better) {
    printf("{\"bench\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"n\":1", name, value,
           unit, value, value);
    if (ref_name != NULL)
        printf(",\"ref\":\"%s\",\"ref_value\":%.6g,\"ratio\":%.4g", ref_name, ref_value,
               higher_is_better ? value / ref_value : ref_value / value);
    printf("}\n");
    fflush(stdout);
}

/* Runs both sides in turn, the order changing each round. ref NULL: only ours. */
static inline void bench_rounds(struct bench_side *ours, struct bench_side *ref, void *user) {
    bench_calibrate(ours, user);
    if (ref->run != NULL) bench_calibrate(ref, user);
    for (int round = 0; round < BENCH_ROUNDS; round++)
        for (int turn = 0; turn < 2; turn++) {
            struct bench_side *side = (round + turn) % 2 == 0 ? ours : ref;
            if (side->run == NULL) continue;
            double t = bench_clock();
            side->run(user, side->times);
            side->seconds[round] = (bench_clock() - t) / (double)side->times;
        }
}

/** Time of one operation, in seconds times scale. */
static inline void bench_time(const char *name, const char *unit, double scale, bench_op *run, void *user,
                              const char *ref_name, bench_op *ref_run) {
    struct bench_side ours = {.run = run}, ref = {.run = ref_run};
    bench_rounds(&ours, &ref, user);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        ours.seconds[i] *= scale;
        ref.seconds[i] *= scale;
    }
    bench_print(name, unit, ours.seconds, ref_name, ref.seconds, 0);
}

/** Rate of operations, amount for each: 1 counts them, bytes * 1e-6 gives MB/s. */
static inline void bench_rate(const char *name, const char *unit, double amount, bench_op *run, void *user,
                              const char *ref_name, bench_op *ref_run) {
    struct bench_side ours = {.run = run}, ref = {.run = ref_run};
    bench_rounds(&ours, &ref, user);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        ours.seconds[i] = amount / ours.seconds[i];
        if (ref_run != NULL) ref.seconds[i] = amount / ref.seconds[i];
    }
    bench_print(name, unit, ours.seconds, ref_name, ref.seconds, 1);
}

/** Two percentiles of the time of a single operation: NAME.p50 and NAME.p95. */
static inline void bench_latency(const char *name, const char *unit, double scale, bench_op *run, void *user,
                                 const char *ref_name, bench_op *ref_run) {
    static const double parts[2] = {0.50, 0.95};
    static const char *const endings[2] = {"p50", "p95"};
    static double single[2][BENCH_SINGLES];
    double value[2][2][BENCH_ROUNDS]; /* [percentile][side][round] */
    bench_op *const sides[2] = {run, ref_run};
    run(user, 1);
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (int i = 0; i < BENCH_SINGLES; i++)
            for (int turn = 0; turn < 2; turn++) {
                int side = (i + turn) % 2;
                if (sides[side] == NULL) continue;
                double t = bench_clock();
                sides[side](user, 1);
                single[side][i] = (bench_clock() - t) * scale;
            }
        for (int p = 0; p < 2; p++)
            for (int side = 0; side < 2; side++)
                value[p][side][round] = bench_percentile(single[side], BENCH_SINGLES, parts[p]);
    }
    for (int p = 0; p < 2; p++) {
        char full[64];
        snprintf(full, sizeof full, "%s.%s", name, endings[p]);
        if (bench_wanted(full)) bench_print(full, unit, value[p][0], ref_name, value[p][1], 0);
    }
}

#endif
