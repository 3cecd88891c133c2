/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe lab map show|check|sign (LAB-7.5, LAB-7.10): tables as text that people read and edit. What show
 * --json prints is what sign takes.
 */
#include "bridge.h"

#include <hookprobe/dsm.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"?",     "bool", "u64",     "i64",  "text",
                                    "bytes", "f64",  "decimal", "enum", "message"};
static const char *const cardinalities[] = {"required", "optional", "repeated"};
static const char *const pb_types[] = {"",       "bool",   "uint32",  "uint64",  "int32",    "int64",
                                       "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
                                       "string", "bytes",  "double",  "enum",    "message"};
static const char *const rec_forms[] = {"", "text", "digits", "signed", "packed", "binary"};
static const char *const charsets[] = {"ascii", "cp037"};
static const char *const levels[] = {"?", "public", "internal", "confidential", "restricted"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
static const char *name_of(const char *const *names, size_t n, uint32_t i) { return i < n ? names[i] : "?"; }
#define NAME(names, i) name_of(names, COUNT(names), i)

/* ---- show ---- */

static json_t *sides_json(uint32_t sides) {
    json_t *list = json_array();
    if (sides & HKP_NEURO_BRIDGE_JSON) json_array_append_new(list, json_string("json"));
    if (sides & HKP_NEURO_BRIDGE_PROTOBUF) json_array_append_new(list, json_string("protobuf"));
    if (sides & HKP_NEURO_BRIDGE_RECORD) json_array_append_new(list, json_string("record"));
    return list;
}

/* The enumerations, member 8 of the table, which is checked. */
static json_t *enums_json(const struct cli_bytes *table) {
    struct hkp_dsm_cbor_reader r;
    json_t *list = json_array();
    size_t left, len;
    if (hkp_dsm_cbor_read(&r, table->ptr, table->len) != HKP_OK) return list;
    left = hkp_dsm_cbor_map(&r, 9, 9);
    for (uint64_t key = 0; key < 8; key++) {
        hkp_dsm_cbor_key(&r, &left, key);
        (void)hkp_dsm_cbor_skip(&r, &len);
    }
    hkp_dsm_cbor_key(&r, &left, 8);
    for (size_t n = hkp_dsm_cbor_array(&r, 0, SIZE_MAX); n > 0; n--) {
        json_t *members = json_array();
        for (size_t k = hkp_dsm_cbor_array(&r, 0, SIZE_MAX); k > 0; k--) {
            (void)hkp_dsm_cbor_array(&r, 2, 2);
            const int64_t number = hkp_dsm_cbor_int(&r, INT32_MIN, INT32_MAX);
            const char *name = hkp_dsm_cbor_text(&r, 1, 128, &len);
            json_array_append_new(members, json_pack("[I, s%]", (json_int_t)number, name, len));
        }
        json_array_append_new(list, members);
    }
    return list;
}

static json_t *field_json(const struct hkp_neuro_bridge_field *f) {
    return json_pack("{s:i, s:s%, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:s}", "id", (int)f->id,
                     "name", f->name, f->name_len, "type", NAME(types, f->type), "cardinality",
                     NAME(cardinalities, f->cardinality), "arg", (int)f->arg, "sensitivity",
                     (int)f->sensitivity, "json_form", (int)f->json_form, "pb_number", (int)f->pb_number,
                     "pb_type", NAME(pb_types, f->pb_type), "rec_offset", (int)f->rec_offset, "rec_length",
                     (int)f->rec_length, "rec_form", NAME(rec_forms, f->rec_form));
}

static json_t *table_json(const hkp_neuro_bridge *b, const struct cli_bytes *table) {
    static const uint8_t none[32];
    struct hkp_neuro_bridge_info info;
    struct hkp_neuro_bridge_field f;
    char id[65], previous[65] = "";
    json_t *messages = json_array();
    hkp_neuro_bridge_info(b, &info);
    cli_hex(info.table_id, 32, id);
    if (memcmp(info.previous, none, 32) != 0) cli_hex(info.previous, 32, previous);
    for (uint32_t m = 0; m < info.n_messages; m++) {
        json_t *fields = json_array(), *message = json_object();
        for (uint32_t i = 0; hkp_neuro_bridge_field(b, m, i, &f) == HKP_OK; i++) {
            json_array_append_new(fields, field_json(&f));
            if (i == 0) json_object_set_new(message, "name", json_stringn(f.message, f.message_len));
        }
        json_object_set_new(message, "fields", fields);
        json_array_append_new(messages, message);
    }
    return json_pack("{s:s%, s:i, s:s, s:s, s:s, s:o, s:s, s:i, s:o, s:o}", "name", info.name, info.name_len,
                     "revision", (int)info.revision, "previous", previous, "table_id", id, "level",
                     NAME(levels, info.level), "sides", sides_json(info.sides), "charset",
                     NAME(charsets, info.charset), "record_length", (int)info.record_length, "messages",
                     messages, "enums", enums_json(table));
}

static void print_table(const hkp_neuro_bridge *b) {
    struct hkp_neuro_bridge_info info;
    struct hkp_neuro_bridge_field f;
    char id[65];
    hkp_neuro_bridge_info(b, &info);
    cli_hex(info.table_id, 32, id);
    printf("%.*s revision %u, level %u (%s)\nid %s\n", (int)info.name_len, info.name, info.revision,
           info.level, NAME(levels, info.level), id);
    for (uint32_t m = 0; m < info.n_messages; m++)
        for (uint32_t i = 0; hkp_neuro_bridge_field(b, m, i, &f) == HKP_OK; i++) {
            if (i == 0) printf("%.*s\n", (int)f.message_len, f.message);
            printf("  %5u  %-20.*s %-8s %-9s", f.id, (int)f.name_len, f.name, NAME(types, f.type),
                   NAME(cardinalities, f.cardinality));
            if (info.sides & HKP_NEURO_BRIDGE_PROTOBUF)
                printf(" pb %u %s", f.pb_number, NAME(pb_types, f.pb_type));
            if (info.sides & HKP_NEURO_BRIDGE_RECORD)
                printf(" record %u+%u %s", f.rec_offset, f.rec_length, NAME(rec_forms, f.rec_form));
            printf(" level %u\n", f.sensitivity);
        }
}

static const struct option signer_option[] = {{"signer", required_argument, NULL, 's'}, {0}};

static int show(int argc, char **argv) {
    struct cli_bytes file = {0}, table;
    hkp_neuro_bridge *b = NULL;
    const char *signer = NULL;
    int got, json = 0;
    while ((got = cli_option(&cli_lab_map_show, argc, argv, signer_option)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 's') signer = optarg;
        if (got == 'j') json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "lab map show wants a table");
    const int code = cli_bridge_table(argv[optind], signer, &file, &table, &b);
    if (code != CLI_OK) return code;
    if (json)
        cli_print_json(table_json(b, &table), 0);
    else
        print_table(b);
    if (signer == NULL) fputs("hookprobe: who signed it was not checked (--signer)\n", stderr);
    hkp_neuro_bridge_free(b);
    free(file.ptr);
    return CLI_OK;
}

/* ---- check ---- */

static int check(int argc, char **argv) {
    struct cli_bytes files[2] = {{0}, {0}}, table;
    hkp_neuro_bridge *b[2] = {NULL, NULL};
    const char *signer = NULL;
    int got, json = 0, code = CLI_OK;
    while ((got = cli_option(&cli_lab_map_check, argc, argv, signer_option)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 's') signer = optarg;
        if (got == 'j') json = 1;
    }
    const int n = argc - optind;
    if (n < 1 || n > 2) return cli_fail(CLI_USAGE, "lab map check wants TABLE, or OLD NEW");
    for (int i = 0; i < n && code == CLI_OK; i++)
        code = cli_bridge_table(argv[optind + i], signer, &files[i], &table, &b[i]);
    const hkp_status st = code == CLI_OK && n == 2 ? hkp_neuro_bridge_replaces(b[0], b[1]) : HKP_OK;
    if (st != HKP_OK)
        code = cli_fail(CLI_NO, "%s: may not replace %s: %s", argv[optind + 1], argv[optind],
                        cli_status_name(st));
    if (json)
        cli_print_json(json_pack("{s:b, s:s}", "holds", code == CLI_OK, "result", cli_status_name(st)), 0);
    if (!json && code == CLI_OK)
        printf("%s: holds%s\n", argv[optind + n - 1],
               signer == NULL ? "; who signed it was not checked" : "");
    for (int i = 0; i < 2; i++) {
        hkp_neuro_bridge_free(b[i]);
        free(files[i].ptr);
    }
    return code;
}

/* ---- sign ---- */

/* A draft being read: the first thing that is wrong. */
struct draft {
    struct hkp_dsm_cbor_writer w;
    char why[160];
};

static void wrong(struct draft *d, const char *what, const char *name) {
    if (d->why[0] == 0) snprintf(d->why, sizeof d->why, "%s: %s", name != NULL ? name : "?", what);
}

static uint64_t number(struct draft *d, json_t *o, const char *key, const char *name) {
    json_t *v = json_object_get(o, key);
    if (v == NULL) return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0) wrong(d, key, name);
    return (uint64_t)json_integer_value(v);
}

static uint64_t word(struct draft *d, json_t *o, const char *key, const char *const *names, size_t n,
                     const char *name) {
    const char *text = json_string_value(json_object_get(o, key));
    for (size_t i = 0; i < n; i++)
        if (strcmp(text != NULL ? text : "", names[i]) == 0) return i;
    if (text != NULL || names[0][0] != 0) wrong(d, key, name);
    return 0;
}

static void put_text(struct draft *d, json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    if (text == NULL) wrong(d, "is missing", key);
    hkp_dsm_cbor_put_text(&d->w, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void put_field(struct draft *d, json_t *f) {
    const char *name = json_string_value(json_object_get(f, "name"));
    json_t *accepted = json_object_get(f, "accepted");
    if (accepted != NULL && !json_is_true(accepted)) wrong(d, "was not accepted by hand", name);
    hkp_dsm_cbor_put_array(&d->w, 12);
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "id", name));
    put_text(d, f, "name");
    hkp_dsm_cbor_put_uint(&d->w, word(d, f, "type", types, COUNT(types), name));
    hkp_dsm_cbor_put_uint(&d->w, word(d, f, "cardinality", cardinalities, COUNT(cardinalities), name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "arg", name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "sensitivity", name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "json_form", name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "pb_number", name));
    hkp_dsm_cbor_put_uint(&d->w, word(d, f, "pb_type", pb_types, COUNT(pb_types), name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "rec_offset", name));
    hkp_dsm_cbor_put_uint(&d->w, number(d, f, "rec_length", name));
    hkp_dsm_cbor_put_uint(&d->w, word(d, f, "rec_form", rec_forms, COUNT(rec_forms), name));
}

static void put_messages(struct draft *d, json_t *messages) {
    json_t *m, *f;
    size_t i, k;
    hkp_dsm_cbor_put_array(&d->w, json_array_size(messages));
    json_array_foreach(messages, i, m) {
        json_t *fields = json_object_get(m, "fields");
        hkp_dsm_cbor_put_array(&d->w, 2);
        put_text(d, m, "name");
        hkp_dsm_cbor_put_array(&d->w, json_array_size(fields));
        json_array_foreach(fields, k, f) put_field(d, f);
    }
}

static void put_enums(struct draft *d, json_t *enums) {
    json_t *e, *member;
    size_t i, k;
    hkp_dsm_cbor_put_array(&d->w, json_array_size(enums));
    json_array_foreach(enums, i, e) {
        hkp_dsm_cbor_put_array(&d->w, json_array_size(e));
        json_array_foreach(e, k, member) {
            const char *name = json_string_value(json_array_get(member, 1));
            if (name == NULL || !json_is_integer(json_array_get(member, 0)))
                wrong(d, "is no [number, name]", "enums");
            hkp_dsm_cbor_put_array(&d->w, 2);
            hkp_dsm_cbor_put_int(&d->w, json_integer_value(json_array_get(member, 0)));
            hkp_dsm_cbor_put_text(&d->w, name != NULL ? name : "", name != NULL ? strlen(name) : 0);
        }
    }
}

static void put_draft(struct draft *d, json_t *o) {
    static const char *const sides[] = {"json", "protobuf", "record"};
    const char *previous = json_string_value(json_object_get(o, "previous"));
    uint8_t id[32];
    uint64_t bits = 0;
    json_t *side;
    size_t i;
    if (json_array_size(json_object_get(o, "unmatched")) > 0)
        wrong(d, "has no partner; map it, or take it out of \"unmatched\"",
              json_string_value(json_object_get(json_array_get(json_object_get(o, "unmatched"), 0), "name")));
    json_array_foreach(json_object_get(o, "sides"), i,
                       side) for (size_t k = 0; k < COUNT(sides);
                                  k++) if (json_is_string(side) &&
                                           strcmp(json_string_value(side), sides[k]) == 0) bits |= 1U << k;
    const int has_previous = previous != NULL && previous[0] != 0;
    if (has_previous && cli_unhex(previous, id, sizeof id) != 0) wrong(d, "64 hex digits", "previous");
    hkp_dsm_cbor_put_map(&d->w, 9);
    hkp_dsm_cbor_put_uint(&d->w, 0);
    hkp_dsm_cbor_put_uint(&d->w, 1);
    hkp_dsm_cbor_put_uint(&d->w, 1);
    put_text(d, o, "name");
    hkp_dsm_cbor_put_uint(&d->w, 2);
    hkp_dsm_cbor_put_uint(&d->w, number(d, o, "revision", "table"));
    hkp_dsm_cbor_put_uint(&d->w, 3);
    hkp_dsm_cbor_put_bytes(&d->w, id, has_previous ? sizeof id : 0);
    hkp_dsm_cbor_put_uint(&d->w, 4);
    hkp_dsm_cbor_put_uint(&d->w, bits);
    hkp_dsm_cbor_put_uint(&d->w, 5);
    hkp_dsm_cbor_put_uint(&d->w, word(d, o, "charset", charsets, COUNT(charsets), "table"));
    hkp_dsm_cbor_put_uint(&d->w, 6);
    hkp_dsm_cbor_put_uint(&d->w, number(d, o, "record_length", "table"));
    hkp_dsm_cbor_put_uint(&d->w, 7);
    put_messages(d, json_object_get(o, "messages"));
    hkp_dsm_cbor_put_uint(&d->w, 8);
    put_enums(d, json_object_get(o, "enums"));
}

int cli_bridge_draft(const char *path, json_t *o, uint8_t *table, size_t cap, size_t *len) {
    hkp_neuro_bridge *b = NULL;
    struct draft d = {.w = {.out = table, .cap = cap}};
    put_draft(&d, o);
    if (d.why[0] != 0) return cli_fail(CLI_NO, "%s: %s", path, d.why);
    const hkp_status st = d.w.status != HKP_OK ? d.w.status : hkp_neuro_bridge_new(&b, NULL, table, d.w.len);
    hkp_neuro_bridge_free(b);
    *len = d.w.len;
    return st == HKP_OK ? CLI_OK
                        : cli_fail(CLI_NO, "%s: is no table that holds: %s", path, cli_status_name(st));
}

static int make_table(const char *path, uint8_t *table, size_t cap, size_t *len) {
    struct cli_bytes text = {0};
    json_error_t why;
    int code = cli_bridge_read(path, 0, 8 * cap, &text);
    if (code != CLI_OK) return code;
    json_t *o = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    free(text.ptr);
    if (o == NULL) return cli_fail(CLI_USAGE, "%s:%d: %s", path, why.line, why.text);
    code = cli_bridge_draft(path, o, table, cap, len);
    json_decref(o);
    return code;
}

static int sign_with(const char *draft, const char *key_path, const char *out, int json) {
    static uint8_t table[HKP_NEURO_BRIDGE_SIZE_MAX],
        file[HKP_NEURO_BRIDGE_SIZE_MAX + HKP_NEURO_BRIDGE_FILE_EXTRA];
    struct cli_bytes key = {0};
    size_t len = 0, file_len = 0;
    uint8_t public_key[32];
    char hex[65];
    int code = make_table(draft, table, sizeof table, &len);
    if (code == CLI_OK) code = cli_bridge_read(key_path, 1, 64, &key);
    if (code != CLI_OK) return code;
    if (key.len != 64) {
        code = cli_fail(CLI_DAMAGED, "%s: is not 64 bytes", key_path);
    } else {
        (void)!hkp_neuro_bridge_sign(table, len, key.ptr, file, sizeof file, &file_len);
        (void)crypto_sign_ed25519_sk_to_pk(public_key, key.ptr);
        cli_hex(public_key, 32, hex);
        code = cli_bridge_write(out, file, file_len);
    }
    sodium_memzero(key.ptr, key.len);
    free(key.ptr);
    if (code == CLI_OK && json) cli_print_json(json_pack("{s:s, s:s}", "file", out, "signer", hex), 0);
    if (code == CLI_OK && !json) printf("%s: signed by %s\n", out, hex);
    return code;
}

static int sign(int argc, char **argv) {
    static const struct option own[] = {
        {"key", required_argument, NULL, 'k'}, {"out", required_argument, NULL, 'o'}, {0}};
    const char *key = NULL, *out = NULL;
    int got, json = 0;
    while ((got = cli_option(&cli_lab_map_sign, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'k') key = optarg;
        if (got == 'o') out = optarg;
        if (got == 'j') json = 1;
    }
    if (argc - optind != 1 || key == NULL || out == NULL)
        return cli_fail(CLI_USAGE, "lab map sign wants a draft, --key and --out");
    return sodium_init() < 0 ? cli_fail(CLI_SYSTEM, "no randomness")
                             : sign_with(argv[optind], key, out, json);
}

const struct cli_command cli_lab_map_show = {
    .name = "lab map show",
    .summary = "what a table of the bridge says",
    .help = "usage: hookprobe lab map show TABLE [--signer HEX] [--json]\n\n"
            "  --signer HEX   Ed25519 key that must have signed it, 64 hex digits\n"
            "  --json         as \"lab map sign\" takes it\n",
    .run = show,
};

const struct cli_command cli_lab_map_check = {
    .name = "lab map check",
    .summary = "does a table hold, and may it replace another?",
    .help = "usage: hookprobe lab map check [OLD] TABLE [--signer HEX] [--json]\n\n"
            "With OLD: TABLE must name it, be the next revision, and give no id, name or number another "
            "meaning.\n\n"
            "  --signer HEX   Ed25519 key that must have signed both, 64 hex digits\n"
            "  --json         one JSON object\n",
    .run = check,
};

const struct cli_command cli_lab_map_sign = {
    .name = "lab map sign",
    .summary = "make a signed table of a draft",
    .help = "usage: hookprobe lab map sign DRAFT --key FILE --out TABLE [--json]\n\n"
            "DRAFT is JSON as \"lab map show --json\" prints it. A field with \"accepted\" that is not true, "
            "as in a\n"
            "proposal that nobody went through, is refused.\n\n"
            "  --key FILE     Ed25519 secret key, 64 bytes, readable by its owner only (mode 0600)\n"
            "  --out TABLE    where the signed table goes\n"
            "  --json         one JSON object\n",
    .run = sign,
};
