/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which field of A looks like which of B (LAB-7.10): best score first, one to one, only what can be one type.
 */
#include "lab_match.h"

#include <stdlib.h>
#include <string.h>

enum {
    /** below it a field stays unmatched; the network's "rather not" is 32768 */
    SCORE_LEAST = 32768,
    EDIT_LEAST = 16384
};

/* ---- which types two fields may have together ---- */

#define BIT(type) (1U << (type))

static uint32_t types_of(uint32_t side, const struct schema_field *f) {
    static const uint32_t of_json[] = {0,
                                       BIT(T_BOOL),
                                       BIT(T_U64) | BIT(T_I64),
                                       BIT(T_F64),
                                       BIT(T_DECIMAL),
                                       BIT(T_DECIMAL),
                                       BIT(T_TEXT),
                                       BIT(T_BYTES),
                                       BIT(T_ENUM),
                                       BIT(T_MESSAGE)};
    static const uint32_t of_pb[] = {0,
                                     BIT(T_BOOL),
                                     BIT(T_U64),
                                     BIT(T_U64),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_U64),
                                     BIT(T_U64),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_I64) | BIT(T_DECIMAL),
                                     BIT(T_TEXT) | BIT(T_DECIMAL),
                                     BIT(T_BYTES),
                                     BIT(T_F64),
                                     BIT(T_ENUM),
                                     BIT(T_MESSAGE)};
    if (side == HKP_NEURO_BRIDGE_PROTOBUF) return of_pb[f->form];
    if (side == HKP_NEURO_BRIDGE_JSON)
        return of_json[f->form] |
               (f->form == JSON_IS_DECIMAL_TEXT && f->scale == 0 ? BIT(T_U64) | BIT(T_I64) : 0);
    if (f->form == 1) return BIT(T_TEXT) | BIT(T_ENUM) | (f->rec_length == 1 ? BIT(T_BOOL) : 0);
    if (f->form == 2) return BIT(T_U64);
    if (f->scale > 0) return BIT(T_DECIMAL);
    return BIT(T_I64) | (f->form == 5 ? BIT(T_U64) : 0);
}

/* The type of a field that is one thing on both sides; 0: they cannot be one. */
static uint32_t common_type(const struct proposal *p, const struct schema_field *a,
                            const struct schema_field *b) {
    const uint32_t types = types_of(p->a.side, a) & types_of(p->b.side, b);
    if (a->repeated != b->repeated) return 0;
    if ((types & BIT(T_U64)) != 0 && (types & BIT(T_I64)) != 0)
        return T_I64; /* holds the small ones of both */
    for (uint32_t type = T_BOOL; type <= T_MESSAGE; type++) {
        if ((types & BIT(type)) == 0) continue;
        const int both = p->a.side != HKP_NEURO_BRIDGE_PROTOBUF && p->b.side != HKP_NEURO_BRIDGE_PROTOBUF;
        if (type == T_DECIMAL && both && a->scale != b->scale) return 0;
        return type;
    }
    return 0;
}

/* ---- scores ---- */

static uint32_t kind_of(uint32_t side, const struct schema_field *f) {
    const uint32_t t = types_of(side, f);
    if (side == HKP_NEURO_BRIDGE_RECORD && f->form == 1)
        return f->rec_length == 1 ? HKP_NEURO_LAB_MATCH_ANY : HKP_NEURO_LAB_MATCH_TEXT;
    if (t & BIT(T_TEXT)) return HKP_NEURO_LAB_MATCH_TEXT;
    return t & BIT(T_BOOL)      ? HKP_NEURO_LAB_MATCH_BOOL
           : t & BIT(T_BYTES)   ? HKP_NEURO_LAB_MATCH_BYTES
           : t & BIT(T_ENUM)    ? HKP_NEURO_LAB_MATCH_ENUM
           : t & BIT(T_MESSAGE) ? HKP_NEURO_LAB_MATCH_MESSAGE
                                : HKP_NEURO_LAB_MATCH_NUMBER;
}

static struct hkp_neuro_lab_match_field seen(const struct schema *s, json_t *samples, uint32_t message,
                                             uint32_t i, uint32_t depth) {
    const struct schema_message *m = &s->messages[message];
    json_t *of_message = json_object_get(samples, m->name);
    return (struct hkp_neuro_lab_match_field){
        .name = m->fields[i].name,
        .before = i > 0 ? m->fields[i - 1].name : NULL,
        .after = i + 1 < m->n_fields ? m->fields[i + 1].name : NULL,
        .sample = json_string_value(json_object_get(of_message, m->fields[i].name)),
        .kind = kind_of(s->side, &m->fields[i]),
        .depth = depth};
}

static uint32_t score_of(const struct proposal *p, const struct pair *q, uint32_t i, uint32_t k) {
    const struct hkp_neuro_lab_match_field a = seen(&p->a, p->samples[0], q->a, i, q->depth),
                                           b = seen(&p->b, p->samples[1], q->b, k, q->depth);
    return p->matcher != NULL ? hkp_neuro_lab_matcher_score(p->matcher, &a, &b)
                              : hkp_neuro_lab_edit_score(a.name, b.name);
}

/* ---- assignment ---- */

/* Best score first, one to one, only what can be one type. scores: [n_a][n_b], 0 where it cannot. */
static void assign(struct proposal *p, struct pair *q, const uint32_t *scores, uint32_t n_a, uint32_t n_b) {
    const uint32_t least = p->matcher != NULL ? SCORE_LEAST : EDIT_LEAST;
    for (;;) {
        struct line best = {0};
        for (uint32_t i = 0; i < n_a; i++)
            for (uint32_t k = 0; k < n_b; k++)
                if (!q->taken_a[i] && !q->taken_b[k] && scores[i * n_b + k] > best.score)
                    best = (struct line){.a = i, .b = k, .score = scores[i * n_b + k]};
        if (best.score < least) return;
        q->taken_a[best.a] = q->taken_b[best.b] = 1;
        for (uint32_t k = 0; k < n_b; k++)
            if (k != best.b && scores[best.a * n_b + k] > best.runner_up) {
                best.runner_up = scores[best.a * n_b + k];
                best.runner_up_b = (int)k;
                best.has_runner_up = 1;
            }
        best.type = common_type(p, &p->a.messages[q->a].fields[best.a], &p->b.messages[q->b].fields[best.b]);
        q->lines[q->n_lines++] = best;
    }
}

static int by_a(const void *x, const void *y) {
    const struct line *a = x, *b = y;
    return a->a < b->a ? -1 : a->a > b->a;
}

static int match_messages(struct proposal *p, uint32_t a, uint32_t b, uint32_t depth, uint32_t *index);

/* Lines that are messages: their own fields, too. */
static int match_below(struct proposal *p, struct pair *q) {
    for (uint32_t i = 0; i < q->n_lines; i++) {
        struct line *l = &q->lines[i];
        if (l->type != T_MESSAGE) continue;
        const int code = match_messages(p, p->a.messages[q->a].fields[l->a].arg,
                                        p->b.messages[q->b].fields[l->b].arg, q->depth + 1, &l->child);
        if (code != CLI_OK) return code;
    }
    return CLI_OK;
}

static int match_messages(struct proposal *p, uint32_t a, uint32_t b, uint32_t depth, uint32_t *index) {
    const struct schema_message *ma = &p->a.messages[a], *mb = &p->b.messages[b];
    for (*index = 0; *index < p->n_pairs; ++*index) {
        struct pair *q = &p->pairs[*index];
        if (q->a != a || q->b != b) continue;
        if (q->depth >= depth) return CLI_OK;
        q->depth = depth; /* a table counts downwards: it stands below all who refer to it */
        return match_below(p, q);
    }
    if (p->n_pairs == PAIRS_MAX) return cli_fail(CLI_USAGE, "more than %d messages in the table", PAIRS_MAX);
    struct pair *q = &p->pairs[p->n_pairs++];
    const size_t cells = (size_t)ma->n_fields * mb->n_fields;
    uint32_t *scores = calloc(cells + 1, sizeof *scores);
    *q = (struct pair){.a = a, .b = b, .depth = depth};
    q->lines = calloc(ma->n_fields + 1U, sizeof *q->lines);
    if (scores == NULL || q->lines == NULL) {
        free(scores);
        return cli_fail(CLI_SYSTEM, "out of memory");
    }
    for (uint32_t i = 0; i < ma->n_fields; i++)
        for (uint32_t k = 0; k < mb->n_fields; k++)
            if (common_type(p, &ma->fields[i], &mb->fields[k]) != 0)
                scores[i * mb->n_fields + k] = score_of(p, q, i, k);
    assign(p, q, scores, ma->n_fields, mb->n_fields);
    free(scores);
    qsort(q->lines, q->n_lines, sizeof *q->lines, by_a);
    return match_below(p, q);
}

int lab_match_sign_is_open(const struct proposal *p, const struct schema_field *a,
                           const struct schema_field *b) {
    const uint32_t types = types_of(p->a.side, a) & types_of(p->b.side, b);
    return (types & BIT(T_U64)) != 0 && (types & BIT(T_I64)) != 0;
}

int lab_match(struct proposal *p) {
    uint32_t root;
    return match_messages(p, 0, 0, 0, &root);
}
