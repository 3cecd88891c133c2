/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Descriptions of messages in JSON: the subset of JSON Schema and the copybook of LAB-7.10. */
#include "lab_schema.h"

#include "bridge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a description being built ---- */

static int name_fits(const struct schema *s, char dst[SCHEMA_NAME_MAX + 1], const char *name, size_t len) {
    if (len < 1 || len > SCHEMA_NAME_MAX || memchr(name, 0, len) != NULL)
        return cli_fail(CLI_USAGE, "%s: a name of 1 to %d bytes is wanted", s->path, SCHEMA_NAME_MAX);
    memcpy(dst, name, len);
    dst[len] = 0;
    return CLI_OK;
}

static void *room(void *ptr) {
    if (ptr == NULL) (void)cli_fail(CLI_SYSTEM, "out of memory");
    return ptr;
}

struct schema_message *schema_add_message(struct schema *s, const char *name, size_t len) {
    struct schema_message *m = &s->messages[s->n_messages];
    if (s->n_messages == SCHEMA_MESSAGES_MAX) {
        (void)cli_fail(CLI_USAGE, "%s: more than %d messages", s->path, SCHEMA_MESSAGES_MAX);
        return NULL;
    }
    if (name_fits(s, m->name, name, len) != CLI_OK) return NULL;
    m->fields = room(calloc(SCHEMA_FIELDS_MAX, sizeof *m->fields));
    if (m->fields == NULL) return NULL;
    s->n_messages++;
    return m;
}

struct schema_field *schema_add_field(struct schema *s, struct schema_message *m, const char *name,
                                      size_t len) {
    if (m->n_fields == SCHEMA_FIELDS_MAX) {
        (void)cli_fail(CLI_USAGE, "%s: %s: more than %d fields", s->path, m->name, SCHEMA_FIELDS_MAX);
        return NULL;
    }
    struct schema_field *f = &m->fields[m->n_fields];
    if (name_fits(s, f->name, name, len) != CLI_OK) return NULL;
    for (uint32_t i = 0; i < m->n_fields; i++)
        if (strcmp(m->fields[i].name, f->name) == 0) {
            (void)cli_fail(CLI_USAGE, "%s: %s: two fields %s", s->path, m->name, f->name);
            return NULL;
        }
    m->n_fields++;
    return f;
}

struct schema_enum *schema_add_enum(struct schema *s, const char *name, size_t len) {
    struct schema_enum *e = &s->enums[s->n_enums];
    if (s->n_enums == SCHEMA_ENUMS_MAX) {
        (void)cli_fail(CLI_USAGE, "%s: more than %d enumerations", s->path, SCHEMA_ENUMS_MAX);
        return NULL;
    }
    if (name_fits(s, e->name, name, len) != CLI_OK) return NULL;
    e->members = room(calloc(SCHEMA_MEMBERS_MAX, sizeof *e->members));
    if (e->members == NULL) return NULL;
    s->n_enums++;
    return e;
}

int schema_add_member(struct schema *s, struct schema_enum *e, int32_t number, const char *name, size_t len) {
    if (e->n == SCHEMA_MEMBERS_MAX)
        return cli_fail(CLI_USAGE, "%s: %s: more than %d members", s->path, e->name, SCHEMA_MEMBERS_MAX);
    e->members[e->n].number = number;
    const int code = name_fits(s, e->members[e->n].name, name, len);
    if (code == CLI_OK) e->n++;
    return code;
}

void schema_free(struct schema *s) {
    for (uint32_t i = 0; i < SCHEMA_MESSAGES_MAX; i++) free(s->messages[i].fields);
    for (uint32_t i = 0; i < SCHEMA_ENUMS_MAX; i++) free(s->enums[i].members);
    *s = (struct schema){0};
}

/* ---- JSON Schema ---- */

/* Where in the schema: one step of a path for each object that is open. */
struct place {
    const struct place *above;
    const char *name;
};

struct reader {
    struct schema *s;
    json_t *root;
    /** objects whose fields are being read, so that none contains itself; and the message of each that was */
    json_t *open[SCHEMA_DEPTH_MAX + 1];
    uint32_t depth;
    json_t *of_message[SCHEMA_MESSAGES_MAX];
};

static void print_place(const struct place *at, char *text, size_t cap) {
    if (at == NULL) return;
    print_place(at->above, text, cap);
    const size_t len = strlen(text);
    snprintf(text + len, cap - len, "/%s", at->name);
}

static int refuse(const struct reader *r, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(const struct reader *r, const struct place *at, const char *format, ...) {
    char place[512] = "", what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    print_place(at, place, sizeof place);
    return cli_fail(CLI_USAGE, "%s: %s: %s", r->s->path, place[0] != 0 ? place : "/", what);
}

static const char *text_of(json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }
static int is_text(const char *text, const char *wanted) { return text != NULL && strcmp(text, wanted) == 0; }

/* Only these keywords have a meaning here; another one might change what is valid. */
static int check_keywords(const struct reader *r, const struct place *at, json_t *o) {
    static const char *const known[] = {"type",    "properties", "required", "items",      "enum",
                                        "format",  "x-scale",    "$ref",     "$defs",      "definitions",
                                        "$schema", "$id",        "title",    "description"};
    const char *key;
    json_t *value;
    if (!json_is_object(o)) return refuse(r, at, "an object is wanted");
    json_object_foreach(o, key, value) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], key) != 0) i++;
        if (i == sizeof known / sizeof known[0]) return refuse(r, at, "keyword %s is not in the subset", key);
    }
    return CLI_OK;
}

/* "#/$defs/line" */
static int follow(const struct reader *r, const struct place *at, json_t **o) {
    for (int hops = 0; json_object_get(*o, "$ref") != NULL; hops++) {
        const char *ref = text_of(*o, "$ref");
        json_t *to = r->root;
        char part[SCHEMA_NAME_MAX + 1];
        if (ref == NULL || strncmp(ref, "#/", 2) != 0) return refuse(r, at, "$ref: only #/... of this file");
        if (json_object_get(*o, "type") != NULL) return refuse(r, at, "$ref: stands without a type");
        if (hops == SCHEMA_DEPTH_MAX) return refuse(r, at, "$ref: refers to itself");
        for (const char *p = ref + 2; *p != 0; p += p[0] == '/') {
            const size_t len = strcspn(p, "/");
            if (len > SCHEMA_NAME_MAX) return refuse(r, at, "$ref: too long");
            memcpy(part, p, len);
            part[len] = 0;
            to = json_object_get(to, part);
            p += len;
        }
        if (!json_is_object(to)) return refuse(r, at, "$ref: there is no %s", ref);
        *o = to;
    }
    return CLI_OK;
}

static int read_object(struct reader *r, const struct place *at, json_t *o, uint32_t *index);

static int read_scale(const struct reader *r, const struct place *at, json_t *o, struct schema_field *f) {
    const json_t *scale = json_object_get(o, "x-scale");
    const json_int_t v = json_integer_value(scale);
    if (!json_is_integer(scale) || v < 0 || v > 18) return refuse(r, at, "x-scale: 0 to 18");
    f->scale = (uint32_t)v;
    return CLI_OK;
}

static int read_string(struct reader *r, const struct place *at, json_t *o, struct schema_field *f) {
    const json_t *names = json_object_get(o, "enum");
    const char *format = text_of(o, "format");
    json_t *name;
    size_t i;
    f->form = JSON_IS_TEXT;
    if (names != NULL) {
        if (json_array_size(names) == 0) return refuse(r, at, "enum: a list of strings");
        struct schema_enum *e = schema_add_enum(r->s, f->name, strlen(f->name));
        if (e == NULL) return CLI_USAGE;
        f->form = JSON_IS_ENUM;
        f->arg = r->s->n_enums - 1;
        json_array_foreach(names, i, name) {
            if (!json_is_string(name)) return refuse(r, at, "enum: a list of strings");
            const int code =
                schema_add_member(r->s, e, (int32_t)i, json_string_value(name), json_string_length(name));
            if (code != CLI_OK) return code;
        }
        return format == NULL ? CLI_OK : refuse(r, at, "format: not with enum");
    }
    if (json_object_get(o, "format") == NULL) return CLI_OK;
    f->form = is_text(format, "byte") ? JSON_IS_BYTES : JSON_IS_DECIMAL_TEXT;
    if (f->form == JSON_IS_BYTES) return CLI_OK;
    return is_text(format, "decimal") ? read_scale(r, at, o, f) : refuse(r, at, "format: byte or decimal");
}

/* The form of one value, which is no array. */
static int read_value(struct reader *r, const struct place *at, json_t *o, struct schema_field *f) {
    const char *type = text_of(o, "type");
    int code = CLI_OK;
    if (is_text(type, "string")) {
        code = read_string(r, at, o, f);
    } else if (is_text(type, "object")) {
        f->form = JSON_IS_OBJECT;
        code = read_object(r, at, o, &f->arg);
    } else if (is_text(type, "integer")) {
        f->form = JSON_IS_INTEGER;
    } else if (is_text(type, "boolean")) {
        f->form = JSON_IS_BOOL;
    } else if (is_text(type, "number")) {
        f->form = json_object_get(o, "x-scale") != NULL ? JSON_IS_DECIMAL : JSON_IS_NUMBER;
        if (f->form == JSON_IS_DECIMAL) code = read_scale(r, at, o, f);
    } else {
        return refuse(r, at, "type: object, array, string, integer, number or boolean");
    }
    if (code != CLI_OK) return code;
    const int is_string = is_text(type, "string"),
              is_decimal = f->form == JSON_IS_DECIMAL || f->form == JSON_IS_DECIMAL_TEXT;
    if (!is_string && (json_object_get(o, "enum") != NULL || json_object_get(o, "format") != NULL))
        return refuse(r, at, "enum and format: of strings only");
    if (!is_decimal && json_object_get(o, "x-scale") != NULL)
        return refuse(r, at, "x-scale: of type number or format decimal");
    return f->form == JSON_IS_OBJECT || json_object_get(o, "properties") == NULL
               ? CLI_OK
               : refuse(r, at, "properties: of type object");
}

static int read_field(struct reader *r, const struct place *at, json_t *o, struct schema_field *f) {
    int code = check_keywords(r, at, o);
    if (code == CLI_OK) code = follow(r, at, &o);
    if (code == CLI_OK) code = check_keywords(r, at, o);
    if (code == CLI_OK && is_text(text_of(o, "type"), "array")) {
        const struct place items = {at, "items"};
        f->repeated = 1;
        o = json_object_get(o, "items");
        code = check_keywords(r, &items, o);
        if (code == CLI_OK) code = follow(r, &items, &o);
        if (code == CLI_OK) code = check_keywords(r, &items, o);
        return code == CLI_OK ? read_value(r, &items, o, f) : code;
    }
    if (code == CLI_OK && json_object_get(o, "items") != NULL) return refuse(r, at, "items: of type array");
    return code == CLI_OK ? read_value(r, at, o, f) : code;
}

/* Every name in "required" is a property; is this one required? */
static int is_required(json_t *o, const char *name) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(o, "required"), i,
                       one) if (is_text(json_string_value(one), name)) return 1;
    return 0;
}

static int check_required(const struct reader *r, const struct place *at, json_t *o) {
    json_t *list = json_object_get(o, "required"), *one;
    size_t i;
    if (list != NULL && !json_is_array(list)) return refuse(r, at, "required: a list of names");
    json_array_foreach(list, i, one) {
        const char *name = json_string_value(one);
        if (name == NULL || json_object_get(json_object_get(o, "properties"), name) == NULL)
            return refuse(r, at, "required: %s is no property", name != NULL ? name : "this");
    }
    return CLI_OK;
}

static int read_object(struct reader *r, const struct place *at, json_t *o, uint32_t *index) {
    const struct place properties = {at, "properties"};
    json_t *list = json_object_get(o, "properties"), *value;
    const char *title = text_of(o, "title"), *key;
    for (uint32_t i = 0; i < r->depth; i++)
        if (r->open[i] == o) return refuse(r, at, "an object that contains itself");
    if (r->depth == SCHEMA_DEPTH_MAX)
        return refuse(r, at, "more than %d objects in each other", SCHEMA_DEPTH_MAX);
    for (*index = 0; *index < r->s->n_messages; ++*index)
        if (r->of_message[*index] == o) return CLI_OK; /* a $ref to it was read before */
    if (!json_is_object(list) || json_object_size(list) == 0)
        return refuse(r, at, "properties: free-form objects are not in the subset");
    int code = check_required(r, at, o);
    if (code != CLI_OK) return code;
    if (title == NULL)
        title = at == NULL ? "root" : strcmp(at->name, "items") == 0 ? at->above->name : at->name;
    struct schema_message *m = schema_add_message(r->s, title, strlen(title));
    if (m == NULL) return CLI_USAGE;
    r->of_message[*index] = o;
    r->open[r->depth++] = o;
    json_object_foreach(list, key, value) {
        const struct place here = {&properties, key};
        struct schema_field *f = schema_add_field(r->s, m, key, strlen(key));
        code = f != NULL ? read_field(r, &here, value, f) : CLI_USAGE;
        if (code != CLI_OK) return code;
        f->optional = !is_required(o, key);
    }
    r->depth--;
    return CLI_OK;
}

static int read_json_schema(struct schema *s, json_t *o) {
    struct reader r = {.s = s, .root = o};
    uint32_t index;
    s->side = HKP_NEURO_BRIDGE_JSON;
    int code = check_keywords(&r, NULL, o);
    if (code == CLI_OK) code = follow(&r, NULL, &o);
    if (code == CLI_OK) code = check_keywords(&r, NULL, o);
    if (code == CLI_OK && !is_text(text_of(o, "type"), "object"))
        code = refuse(&r, NULL, "type: object is wanted");
    return code == CLI_OK ? read_object(&r, NULL, o, &index) : code;
}

/* ---- copybook ---- */

static int read_number(const struct reader *r, const struct place *at, json_t *o, const char *key,
                       json_int_t most, uint32_t *value) {
    const json_t *v = json_object_get(o, key);
    *value = 0;
    if (v == NULL && strcmp(key, "scale") == 0) return CLI_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > most)
        return refuse(r, at, "%s: 0 to %lld", key, (long long)most);
    *value = (uint32_t)json_integer_value(v);
    return CLI_OK;
}

static int read_record_field(struct reader *r, size_t i, json_t *o) {
    static const char *const forms[] = {"text", "digits", "signed", "packed", "binary"};
    static const char *const known[] = {"name", "offset", "length", "form", "scale"};
    char number[32];
    snprintf(number, sizeof number, "fields/%zu", i);
    const struct place at = {NULL, number};
    const char *name = text_of(o, "name"), *form = text_of(o, "form"), *key;
    json_t *value;
    json_object_foreach(o, key, value) {
        size_t k = 0;
        while (k < 5 && strcmp(known[k], key) != 0) k++;
        if (k == 5) return refuse(r, &at, "%s is not in the subset", key);
    }
    if (name == NULL) return refuse(r, &at, "name: a text");
    struct schema_field *f = schema_add_field(r->s, &r->s->messages[0], name, strlen(name));
    if (f == NULL) return CLI_USAGE;
    for (f->form = 1; f->form <= 5 && !is_text(form, forms[f->form - 1]); f->form++) {
    }
    if (f->form > 5) return refuse(r, &at, "form: text, digits, signed, packed or binary");
    int code = read_number(r, &at, o, "offset", 32767, &f->rec_offset);
    if (code == CLI_OK) code = read_number(r, &at, o, "length", 32768, &f->rec_length);
    if (code == CLI_OK) code = read_number(r, &at, o, "scale", 18, &f->scale);
    if (code == CLI_OK && (f->rec_length == 0 || f->rec_offset + f->rec_length > 32768))
        code = refuse(r, &at, "a record has at most 32768 bytes");
    if (f->scale > 0 && f->form < 3) code = refuse(r, &at, "scale: of signed, packed or binary");
    return code;
}

/* The fields, or an object with them and with length and charset. */
static int read_copybook(struct schema *s, json_t *o) {
    struct reader r = {.s = s, .root = o};
    json_t *list = json_is_array(o) ? o : json_object_get(o, "fields"), *one;
    const char *charset = text_of(o, "charset"), *name = text_of(o, "name");
    size_t i;
    uint32_t end = 0;
    s->side = HKP_NEURO_BRIDGE_RECORD;
    if (json_array_size(list) == 0) return refuse(&r, NULL, "fields: a list of fields");
    if (charset != NULL && strcmp(charset, "ascii") != 0 && strcmp(charset, "cp037") != 0)
        return refuse(&r, NULL, "charset: ascii or cp037");
    s->charset = is_text(charset, "cp037") ? 1 : 0;
    if (name == NULL) name = "record";
    if (schema_add_message(s, name, strlen(name)) == NULL) return CLI_USAGE;
    json_array_foreach(list, i, one) {
        const int code = read_record_field(&r, i, one);
        if (code != CLI_OK) return code;
        const struct schema_field *f = &s->messages[0].fields[i];
        if (f->rec_offset + f->rec_length > end) end = f->rec_offset + f->rec_length;
    }
    if (json_object_get(o, "length") == NULL) s->record_length = end;
    const int code =
        s->record_length == 0 ? read_number(&r, NULL, o, "length", 32768, &s->record_length) : CLI_OK;
    if (code != CLI_OK) return code;
    return s->record_length >= end ? CLI_OK : refuse(&r, NULL, "length: a field ends behind it");
}

int schema_read(struct schema *s, const char *path, const char *root) {
    struct cli_bytes file = {0};
    json_error_t why;
    *s = (struct schema){.path = path};
    int code = cli_bridge_read(path, 0, SCHEMA_SIZE_MAX, &file);
    if (code != CLI_OK) return code;
    json_t *o = json_loadb((const char *)file.ptr, file.len, JSON_REJECT_DUPLICATES, &why);
    if (o == NULL && file.len > 0 &&
        file.ptr[0] == 0x0A) /* field 1 of a FileDescriptorSet; JSON with an empty line ends well */
        code = schema_read_descriptor(s, file.ptr, file.len, root);
    else if (o == NULL)
        code = cli_fail(CLI_USAGE, "%s:%d:%d: %s", path, why.line, why.column, why.text);
    else if (json_is_array(o) || json_object_get(o, "fields") != NULL)
        code = read_copybook(s, o);
    else
        code = read_json_schema(s, o);
    json_decref(o);
    free(file.ptr);
    return code;
}
