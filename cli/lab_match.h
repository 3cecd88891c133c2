/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which field is which: lab_match.c decides nothing, it orders (LAB-7.10); lab_propose.c writes the draft. */
#ifndef HKP_CLI_LAB_MATCH_H
#define HKP_CLI_LAB_MATCH_H

#include "lab_schema.h"

#include <hookprobe/neuro_lab_match.h>

/** Types of the bridge (LAB-7.2). */
enum { T_BOOL = 1, T_U64, T_I64, T_TEXT, T_BYTES, T_F64, T_DECIMAL, T_ENUM, T_MESSAGE };
enum { PAIRS_MAX = SCHEMA_MESSAGES_MAX };

/** One line of the draft: field a of A is field b of B. */
struct line {
    uint32_t a, b, type, score, runner_up, child;
    int has_runner_up, runner_up_b;
};

struct pair {
    uint32_t a, b, depth, n_lines;
    struct line *lines;
    uint8_t taken_a[SCHEMA_FIELDS_MAX], taken_b[SCHEMA_FIELDS_MAX];
};

struct proposal {
    struct schema a, b;
    hkp_neuro_lab_matcher *matcher; /* NULL: plain edit distance */
    json_t *samples[2];
    struct pair pairs[PAIRS_MAX];
    uint32_t n_pairs, sensitivity;
    const char *name;
    uint32_t unmatched;
};

/** Fills the pairs, beginning with the roots; an exit code. */
int lab_match(struct proposal *p);
/** May the field be a whole number with or without a sign, as nothing says? */
int lab_match_sign_is_open(const struct proposal *p, const struct schema_field *a,
                           const struct schema_field *b);

#endif
