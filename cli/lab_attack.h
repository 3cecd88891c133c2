/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab attack: one run of attacks, and how each tells its figure (LAB-5.1). */
#ifndef HKP_CLI_LAB_ATTACK_H
#define HKP_CLI_LAB_ATTACK_H

#include "lab.h"

struct cli_attack {
    int json;
    uint8_t key[32], seed[32];
    /** the attack that was named; NULL: all */
    const char *only;
    /** a pair to attack; NULL: one is trained */
    const char *pair;
    /** most blocks asked of one target */
    uint64_t budget;
    /** of NC1; 0: those that the attack has a figure for */
    uint64_t rounds;
};

/** What an attack found, of one target. */
struct cli_verdict {
    const char *name, *target, *knows;
    uint64_t queries;
    double seconds, figure, chance, sigma;
};

/** Is this attack asked for? */
int cli_attack_wanted(const struct cli_attack *a, const char *name);
/** queries, or the budget where that is less. */
uint32_t cli_attack_most(const struct cli_attack *a, uint32_t queries);
/** One line: BROKEN where the figure is 4 sigma and 1.2 times better than chance. */
void cli_attack_verdict(const struct cli_attack *a, const struct cli_verdict *v);
/** Seconds since a time of cli_mono(). */
double cli_attack_since(hkp_time began);
/** The attacks on the trained pair; an exit code. */
int cli_attack_pair(const struct cli_attack *a);

#endif
