/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe lab map propose (LAB-7.10): which field of A is which of B, as a draft that a person goes through
 * line by line. Nothing here decides: every line says "accepted": false, and "lab map sign" refuses it so.
 */
#include "bridge.h"
#include "lab.h"
#include "lab_match.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {"?",     "bool", "u64",     "i64",  "text",
                                         "bytes", "f64",  "decimal", "enum", "message"};
static const char *const pb_names[] = {"",       "bool",   "uint32",  "uint64",  "int32",    "int64",
                                       "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
                                       "string", "bytes",  "double",  "enum",    "message"};
static const char *const rec_names[] = {"", "text", "digits", "signed", "packed", "binary"};

static int has_scale(uint32_t side, const struct schema_field *f) {
    return side == HKP_NEURO_BRIDGE_RECORD || f->form == JSON_IS_DECIMAL || f->form == JSON_IS_DECIMAL_TEXT;
}

/* ---- the draft ---- */

/* Place of each pair in the table, root first and none before one that refers to it. */
static void order(const struct proposal *p, uint32_t place[PAIRS_MAX], uint32_t at[PAIRS_MAX]) {
    uint32_t n = 0;
    for (uint32_t depth = 0; n < p->n_pairs; depth++)
        for (uint32_t i = 0; i < p->n_pairs; i++)
            if (p->pairs[i].depth == depth) {
                at[n] = i;
                place[i] = n++;
            }
}

static void note(json_t *line, const char *text) {
    json_t *notes = json_object_get(line, "notes");
    if (notes == NULL) json_object_set_new(line, "notes", notes = json_array());
    json_array_append_new(notes, json_string(text));
}

static void unmatched(struct proposal *p, json_t *list, const struct schema *s, const char *message,
                      const char *name) {
    static const char *const sides[] = {"", "json", "protobuf", "", "record"};
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:s}", "side", sides[s->side], "message", message, "name", name));
    p->unmatched++;
}

/* Small letters and digits of an enumeration's member, without the enumeration's name before it. */
static const char *bare(const struct schema_enum *e, const char *name, char out[SCHEMA_NAME_MAX + 1]) {
    char prefix[SCHEMA_NAME_MAX + 1];
    for (int round = 0; round < 2; round++) {
        const char *from = round == 0 ? e->name : name;
        char *to = round == 0 ? prefix : out;
        for (; *from != 0; from++) {
            const char c = *from >= 'A' && *from <= 'Z' ? (char)(*from - 'A' + 'a') : *from;
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) *to++ = c;
        }
        *to = 0;
    }
    const size_t len = strlen(prefix);
    return strncmp(out, prefix, len) == 0 && out[len] != 0 ? out + len : out;
}

/* The enumeration of two sides: names of A's where it has some, numbers of Protobuf's. Returns its index. */
static uint32_t put_enum(struct proposal *p, json_t *enums, json_t *left, const struct schema_field *a,
                         const struct schema_field *b) {
    json_t *members = json_array();
    const int in_a = p->a.side != HKP_NEURO_BRIDGE_RECORD, in_b = p->b.side != HKP_NEURO_BRIDGE_RECORD;
    const struct schema_enum *ea = in_a ? &p->a.enums[a->arg] : NULL, *eb = in_b ? &p->b.enums[b->arg] : NULL;
    char bare_a[SCHEMA_NAME_MAX + 1], bare_b[SCHEMA_NAME_MAX + 1];
    if (ea == NULL || eb == NULL) {
        const struct schema_enum *e = ea != NULL ? ea : eb;
        for (uint32_t i = 0; i < e->n; i++)
            json_array_append_new(members,
                                  json_pack("[i, s]", (int)e->members[i].number, e->members[i].name));
    } else {
        const int pb_is_a = p->a.side == HKP_NEURO_BRIDGE_PROTOBUF;
        const struct schema *ps = pb_is_a ? &p->a : &p->b, *js = pb_is_a ? &p->b : &p->a;
        const struct schema_enum *pe = pb_is_a ? ea : eb, *je = pb_is_a ? eb : ea;
        uint8_t taken[SCHEMA_MEMBERS_MAX] = {0};
        for (uint32_t i = 0; i < pe->n; i++) {
            uint32_t k = 0;
            const char *wanted = bare(pe, pe->members[i].name, bare_a);
            while (k < je->n && (taken[k] || strcmp(bare(je, je->members[k].name, bare_b), wanted) != 0)) k++;
            if (k == je->n) {
                unmatched(p, left, ps, pe->name, pe->members[i].name);
                continue;
            }
            taken[k] = 1;
            json_array_append_new(members,
                                  json_pack("[i, s]", (int)pe->members[i].number, je->members[k].name));
        }
        for (uint32_t k = 0; k < je->n; k++)
            if (!taken[k]) unmatched(p, left, js, je->name, je->members[k].name);
    }
    json_array_append_new(enums, members);
    return (uint32_t)json_array_size(enums) - 1;
}

/* The field's name is the one that goes over the wire: JSON's, else Protobuf's. */
static const struct schema_field *named(const struct proposal *p, const struct schema_field *a,
                                        const struct schema_field *b) {
    if (p->a.side == HKP_NEURO_BRIDGE_JSON || p->b.side == HKP_NEURO_BRIDGE_RECORD) return a;
    return p->b.side == HKP_NEURO_BRIDGE_JSON || p->a.side == HKP_NEURO_BRIDGE_RECORD ? b : a;
}

static const char *cardinality(const struct proposal *p, const struct schema_field *a,
                               const struct schema_field *b, json_t *line) {
    if (a->repeated) {
        if ((p->a.side == HKP_NEURO_BRIDGE_JSON && a->optional) ||
            (p->b.side == HKP_NEURO_BRIDGE_JSON && b->optional))
            note(line, "a list that may be absent: the bridge wants it always, [] when empty");
        return "repeated";
    }
    if (a->optional && b->optional) return "optional";
    const struct schema_field *absent = a->optional ? a : b->optional ? b : NULL;
    if (absent != NULL && absent->form != 16)
        note(line, "may be absent on one side only: proposed as required");
    return "required";
}

static json_t *put_line(struct proposal *p, const struct pair *q, const struct line *l, uint32_t id,
                        json_t *enums, json_t *left, const uint32_t *place) {
    const struct schema_field *a = &p->a.messages[q->a].fields[l->a], *b = &p->b.messages[q->b].fields[l->b];
    const struct schema_field *pb = p->a.side == HKP_NEURO_BRIDGE_PROTOBUF   ? a
                                    : p->b.side == HKP_NEURO_BRIDGE_PROTOBUF ? b
                                                                             : NULL;
    const struct schema_field *rec = p->a.side == HKP_NEURO_BRIDGE_RECORD   ? a
                                     : p->b.side == HKP_NEURO_BRIDGE_RECORD ? b
                                                                            : NULL;
    const struct schema_field *json = p->a.side == HKP_NEURO_BRIDGE_JSON   ? a
                                      : p->b.side == HKP_NEURO_BRIDGE_JSON ? b
                                                                           : NULL;
    uint32_t arg = 0;
    if (l->type == T_DECIMAL) arg = has_scale(p->a.side, a) ? a->scale : b->scale;
    if (l->type == T_ENUM) arg = put_enum(p, enums, left, a, b);
    if (l->type == T_MESSAGE) arg = place[l->child];
    json_t *o = json_pack("{s:b, s:i, s:i, s:s, s:s}", "accepted", 0, "score", (int)l->score, "runner_up",
                          (int)l->runner_up, "a", a->name, "b", b->name);
    if (l->has_runner_up)
        json_object_set_new(o, "runner_up_name",
                            json_string(p->b.messages[q->b].fields[l->runner_up_b].name));
    json_object_set_new(o, "id", json_integer(id));
    json_object_set_new(o, "name", json_string(named(p, a, b)->name));
    json_object_set_new(o, "type", json_string(type_names[l->type]));
    json_object_set_new(o, "cardinality", json_string(cardinality(p, a, b, o)));
    if (lab_match_sign_is_open(p, a, b)) note(o, "with or without a sign? proposed with: type i64, not u64");
    json_object_set_new(o, "arg", json_integer(arg));
    json_object_set_new(o, "sensitivity", json_integer(p->sensitivity));
    json_object_set_new(o, "json_form", json_integer(json != NULL && json->form == JSON_IS_DECIMAL_TEXT));
    json_object_set_new(o, "pb_number", json_integer(pb != NULL ? pb->pb_number : 0));
    json_object_set_new(o, "pb_type", json_string(pb_names[pb != NULL ? pb->form : 0]));
    json_object_set_new(o, "rec_offset", json_integer(rec != NULL ? rec->rec_offset : 0));
    json_object_set_new(o, "rec_length", json_integer(rec != NULL ? rec->rec_length : 0));
    json_object_set_new(o, "rec_form", json_string(rec_names[rec != NULL ? rec->form : 0]));
    return o;
}

static json_t *put_pair(struct proposal *p, uint32_t i, json_t *enums, json_t *left, const uint32_t *place,
                        json_t *names) {
    const struct pair *q = &p->pairs[i];
    const struct schema_message *ma = &p->a.messages[q->a], *mb = &p->b.messages[q->b];
    const struct schema_message *m = p->b.side == HKP_NEURO_BRIDGE_PROTOBUF ? mb : ma;
    json_t *fields = json_array();
    char name[SCHEMA_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", m->name);
    if (json_object_get(names, name) != NULL) snprintf(name, sizeof name, "%.110s-%u", m->name, i);
    json_object_set_new(names, name, json_true());
    for (uint32_t k = 0; k < q->n_lines; k++)
        json_array_append_new(fields, put_line(p, q, &q->lines[k], k + 1, enums, left, place));
    for (uint32_t k = 0; k < ma->n_fields; k++)
        if (!q->taken_a[k]) unmatched(p, left, &p->a, ma->name, ma->fields[k].name);
    for (uint32_t k = 0; k < mb->n_fields; k++)
        if (!q->taken_b[k]) unmatched(p, left, &p->b, mb->name, mb->fields[k].name);
    return json_pack("{s:s, s:o}", "name", name, "fields", fields);
}

static json_t *put_draft(struct proposal *p) {
    static const char *const sides[] = {"json", "protobuf", "record"};
    uint32_t place[PAIRS_MAX], at[PAIRS_MAX];
    json_t *messages = json_array(), *enums = json_array(), *left = json_array(), *side_list = json_array();
    json_t *names = json_object();
    const struct schema *rec = p->a.side == HKP_NEURO_BRIDGE_RECORD ? &p->a : &p->b;
    order(p, place, at);
    for (uint32_t i = 0; i < p->n_pairs; i++)
        json_array_append_new(messages, put_pair(p, at[i], enums, left, place, names));
    json_decref(names);
    for (uint32_t i = 0; i < 3; i++)
        if (((p->a.side | p->b.side) & 1U << i) != 0) json_array_append_new(side_list, json_string(sides[i]));
    return json_pack("{s:s, s:i, s:s, s:o, s:s, s:i, s:s, s:o, s:o, s:o}", "name", p->name, "revision", 1,
                     "previous", "", "sides", side_list, "charset", rec->charset ? "cp037" : "ascii",
                     "record_length", (int)rec->record_length, "scores_by",
                     p->matcher != NULL ? "network" : "edit distance", "unmatched", left, "messages",
                     messages, "enums", enums);
}

/* ---- the command ---- */

static int write_draft(struct proposal *p, const char *out, int json) {
    json_t *draft = put_draft(p);
    char *text = draft != NULL ? json_dumps(draft, JSON_INDENT(1)) : NULL;
    uint32_t lines = 0;
    json_decref(draft);
    if (text == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    for (uint32_t i = 0; i < p->n_pairs; i++) lines += p->pairs[i].n_lines;
    const int code = cli_bridge_write(out, (const uint8_t *)text, strlen(text));
    free(text);
    if (code != CLI_OK || strcmp(out, "-") == 0) return code;
    if (json)
        cli_print_json(
            json_pack("{s:s, s:i, s:i}", "file", out, "lines", (int)lines, "unmatched", (int)p->unmatched),
            0);
    else
        printf("%s: %u lines to accept by hand, %u fields or names without a partner\n", out, lines,
               p->unmatched);
    return code;
}

static int read_samples(json_t **samples, const char *path) {
    json_error_t why;
    if (path == NULL) return CLI_OK;
    *samples = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    return *samples != NULL ? CLI_OK : cli_fail(CLI_USAGE, "%s:%d: %s", path, why.line, why.text);
}

static int figures(int json) {
    struct hkp_neuro_lab_match_figures f;
    hkp_neuro_lab_matcher *m = NULL;
    if (hkp_neuro_lab_matcher_new(&m, NULL) != HKP_OK) return cli_fail(CLI_SYSTEM, "out of memory");
    hkp_neuro_lab_matcher_figures(m, &f);
    hkp_neuro_lab_matcher_free(m);
    cli_lab_line(
        json,
        json_pack("{s:i, s:i, s:i}", "held_out", (int)f.names, "network", (int)f.network, "edit_distance",
                  (int)f.edit_distance),
        "%u names that no training saw: the right partner is first for %u by the network, for %u by edit "
        "distance",
        f.names, f.network, f.edit_distance);
    return 100 * f.network >= 100 * f.edit_distance + 10 * f.names ? CLI_OK : CLI_NO;
}

struct wishes {
    const char *out, *root_a, *root_b, *samples_a, *samples_b;
    int json, figures, plain;
};

static int propose_with(struct proposal *p, const struct wishes *w, char **names) {
    int code = schema_read(&p->a, names[0], w->root_a);
    if (code == CLI_OK) code = schema_read(&p->b, names[1], w->root_b);
    if (code == CLI_OK) code = read_samples(&p->samples[0], w->samples_a);
    if (code == CLI_OK) code = read_samples(&p->samples[1], w->samples_b);
    if (code == CLI_OK && p->a.side == p->b.side)
        code = cli_fail(CLI_USAGE, "%s, %s: a table binds two different forms", names[0], names[1]);
    if (code == CLI_OK && !w->plain && hkp_neuro_lab_matcher_new(&p->matcher, NULL) != HKP_OK)
        code = cli_fail(CLI_SYSTEM, "out of memory");
    if (code == CLI_OK) code = lab_match(p);
    return code == CLI_OK ? write_draft(p, w->out, w->json) : code;
}

static int propose(int argc, char **argv) {
    static const struct option own[] = {
        {"out", required_argument, NULL, 'o'},         {"root-a", required_argument, NULL, '1'},
        {"root-b", required_argument, NULL, '2'},      {"samples-a", required_argument, NULL, '3'},
        {"samples-b", required_argument, NULL, '4'},   {"name", required_argument, NULL, 'n'},
        {"sensitivity", required_argument, NULL, 's'}, {"edit-distance", no_argument, NULL, 'e'},
        {"figures", no_argument, NULL, 'f'},           {0}};
    struct wishes w = {0};
    uint64_t sensitivity = 3;
    const char *name = "proposed";
    int got;
    while ((got = cli_option(&cli_lab_map_propose, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'o') w.out = optarg;
        if (got == '1') w.root_a = optarg;
        if (got == '2') w.root_b = optarg;
        if (got == '3') w.samples_a = optarg;
        if (got == '4') w.samples_b = optarg;
        if (got == 'n') name = optarg;
        if (got == 'e') w.plain = 1;
        if (got == 'f') w.figures = 1;
        if (got == 'j') w.json = 1;
        if (got == 's' && cli_number(optarg, 1, 4, &sensitivity) != 0)
            return cli_fail(CLI_USAGE, "--sensitivity: 1..4");
    }
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "no libsodium");
    if (w.figures) return figures(w.json);
    if (argc - optind != 2 || w.out == NULL) return cli_fail(CLI_USAGE, "lab map propose wants A B -o P");
    struct proposal *p = calloc(1, sizeof *p);
    if (p == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    p->name = name;
    p->sensitivity = (uint32_t)sensitivity;
    const int code = propose_with(p, &w, argv + optind);
    for (uint32_t i = 0; i < p->n_pairs; i++) free(p->pairs[i].lines);
    hkp_neuro_lab_matcher_free(p->matcher);
    json_decref(p->samples[0]);
    json_decref(p->samples[1]);
    schema_free(&p->a);
    schema_free(&p->b);
    free(p);
    return code;
}

const struct cli_command cli_lab_map_propose = {
    .name = "lab map propose",
    .summary = "which field is which? a draft of a table, to be accepted line by line",
    .help =
        "usage: hookprobe lab map propose A B -o DRAFT [--edit-distance] [--root-a NAME] [--root-b NAME]\n"
        "       [--samples-a FILE] [--samples-b FILE] [--name NAME] [--sensitivity N] [--json]\n"
        "       hookprobe lab map propose --figures [--json]\n\n"
        "A and B are two of: a JSON Schema (type, properties, required, items, enum of strings, format byte "
        "or\n"
        "decimal, x-scale, local $ref), a descriptor set (protoc --include_imports --descriptor_set_out), a\n"
        "copybook in JSON (name, offset, length, form, scale of each field). What is not in that subset is "
        "named\n"
        "and refused. A network gives each pair of fields a score from their names; best score first, one to "
        "one,\n"
        "only types that go together. It proposes and never decides: in DRAFT every line says \"accepted\": "
        "false.\n"
        "Set each to true, or correct it; take out of \"unmatched\" what shall have no partner; then\n"
        "\"hookprobe lab map sign\".\n\n"
        "  -o DRAFT         where the draft goes; - is standard output\n"
        "  --edit-distance  plain edit distance instead of the network\n"
        "  --root-a NAME    which message of a descriptor set is the one that travels (--root-b likewise)\n"
        "  --samples-a FILE values to look at: {\"message\": {\"field\": \"value\"}} (--samples-b likewise)\n"
        "  --name NAME      name of the table; default: proposed\n"
        "  --sensitivity N  1 public .. 4 restricted, for each line; default 3\n"
        "  --figures        network against edit distance on names that no training saw; exit status 1 if it "
        "is\n"
        "                   not better by 10 in 100\n"
        "  --json           one JSON object\n",
    .run = propose,
};
