/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A FileDescriptorSet, as protoc --descriptor_set_out --include_imports writes it: descriptor.proto is
 * public, and this reads the few fields of it that say what a message looks like (LAB-7.10). */
#include "lab_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one message on the wire, read to the end or to the first fault. */
struct wire {
    const uint8_t *at, *end;
    uint32_t number, type;
    uint64_t value;      /* of a varint */
    const uint8_t *text; /* of a string or message */
    size_t len;
    int bad;
};

static uint64_t varint(struct wire *w) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end) break;
        const uint8_t byte = *w->at++;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) return v;
    }
    w->bad = 1;
    return 0;
}

/* The next field; 0 at the end or at a fault, which is in bad. */
static int next(struct wire *w) {
    if (w->bad || w->at == w->end) return 0;
    const uint64_t tag = varint(w);
    w->number = (uint32_t)(tag >> 3);
    w->type = tag & 7;
    w->value = 0;
    w->text = w->at;
    w->len = 0;
    if (w->type == 0) w->value = varint(w);
    if (w->type == 1) w->len = 8;
    if (w->type == 5) w->len = 4;
    if (w->type == 2) {
        const uint64_t len = varint(w);
        if (!w->bad && len > (uint64_t)(w->end - w->at)) w->bad = 1;
        w->text = w->at;
        w->len = w->bad ? 0 : (size_t)len;
    }
    if (tag > UINT32_MAX || w->number == 0 ||
        (w->type != 0 && w->type != 1 && w->type != 2 && w->type != 5) || w->len > (size_t)(w->end - w->at))
        w->bad = 1;
    if (w->bad) return 0;
    w->at += w->len;
    return 1;
}

static struct wire inside(const struct wire *w) {
    return (struct wire){.at = w->text, .end = w->text + w->len};
}

/* ---- what a set declares ---- */

enum { DECLARED_MAX = 512, FULL_NAME_MAX = 256, PROTO_DEPTH_MAX = 8 };

struct declared {
    char name[FULL_NAME_MAX]; /* with a dot before: ".lab.Order" */
    const uint8_t *at, *end;
    int is_enum, used, proto3;
    int32_t index; /* in the schema; -1: not read yet */
    int open;
};

struct set {
    struct schema *s;
    struct declared list[DECLARED_MAX];
    uint32_t n;
    int bad;
};

static int broken(const struct set *d) {
    return cli_fail(CLI_USAGE, "%s: is no FileDescriptorSet", d->s->path);
}

static int refuse_field(const struct set *d, const struct declared *m, const char *field, const char *what) {
    return cli_fail(CLI_USAGE, "%s: %s%s%s: %s", d->s->path, m->name + 1, field[0] != 0 ? "." : "", field,
                    what);
}

static int join(char dst[FULL_NAME_MAX], const char *scope, const struct wire *name) {
    const int len = snprintf(dst, FULL_NAME_MAX, "%s.%.*s", scope, (int)(name->len < 200 ? name->len : 200),
                             (const char *)name->text);
    return len > 0 && len < FULL_NAME_MAX && name->len < 200;
}

/* Name of a message or enumeration, which comes at any place of it. */
static int name_of(struct wire w, const char *scope, char dst[FULL_NAME_MAX]) {
    int found = 0;
    while (next(&w))
        if (w.number == 1 && w.type == 2) found = join(dst, scope, &w);
    return found && !w.bad;
}

static void declare(struct set *d, const struct wire *body, const char *scope, int is_enum, int proto3,
                    int depth) {
    struct wire w = inside(body);
    if (d->n == DECLARED_MAX || depth > PROTO_DEPTH_MAX || !name_of(w, scope, d->list[d->n].name)) {
        d->bad = 1;
        return;
    }
    struct declared *own = &d->list[d->n++];
    own->at = w.at;
    own->end = w.end;
    own->is_enum = is_enum;
    own->proto3 = proto3;
    own->index = -1;
    if (is_enum) return;
    while (!d->bad && next(&w)) { /* 3 nested_type, 4 enum_type */
        if (w.number == 3 && w.type == 2) declare(d, &w, own->name, 0, proto3, depth + 1);
        if (w.number == 4 && w.type == 2) declare(d, &w, own->name, 1, proto3, depth + 1);
    }
    if (w.bad) d->bad = 1;
}

/* One file: 2 package, 4 message_type, 5 enum_type, 12 syntax. */
static void declare_file(struct set *d, const struct wire *file) {
    char package[FULL_NAME_MAX] = "";
    int proto3 = 0;
    struct wire w = inside(file);
    while (next(&w)) {
        if (w.number == 2 && w.type == 2 && w.len > 0 && !join(package, "", &w)) d->bad = 1;
        if (w.number == 12 && w.type == 2) proto3 = w.len == 6 && memcmp(w.text, "proto3", 6) == 0;
    }
    if (w.bad) d->bad = 1;
    for (w = inside(file); !d->bad && next(&w);) {
        if (w.number == 4 && w.type == 2) declare(d, &w, package, 0, proto3, 0);
        if (w.number == 5 && w.type == 2) declare(d, &w, package, 1, proto3, 0);
    }
}

static struct declared *find(struct set *d, const char *name) {
    for (uint32_t i = 0; i < d->n; i++)
        if (strcmp(d->list[i].name, name) == 0) return &d->list[i];
    return NULL;
}

/* ---- one message ---- */

/* A FieldDescriptorProto. */
struct proto_field {
    char name[SCHEMA_NAME_MAX + 1], type_name[FULL_NAME_MAX];
    size_t name_len;
    uint64_t number, label, type;
    int oneof, proto3_optional;
};

static int parse_field(struct wire w, struct proto_field *f) {
    *f = (struct proto_field){0};
    while (next(&w)) {
        if (w.number == 1 && w.len <= SCHEMA_NAME_MAX) memcpy(f->name, w.text, f->name_len = w.len);
        if (w.number == 3) f->number = w.value;
        if (w.number == 4) f->label = w.value;
        if (w.number == 5) f->type = w.value;
        if (w.number == 6 && w.len < FULL_NAME_MAX) memcpy(f->type_name, w.text, w.len);
        if (w.number == 9) f->oneof = 1;
        if (w.number == 17) f->proto3_optional = w.value != 0;
    }
    return !w.bad && f->name[0] != 0;
}

/* Number of LAB-7.2 for one of descriptor.proto; 0: not in the subset. */
static uint32_t form_of(uint64_t type) {
    static const uint8_t forms[19] = {0,  14, 0,  5, 3,  4,  9,  8, 1,
                                      12, /* double, float, int64, uint64, int32, .. */
                                      0,  16, 13, 2, 15, 10, 11, 6, 7};
    return type < sizeof forms ? forms[type] : 0;
}

static int read_message(struct set *d, struct declared *m, uint32_t depth);

static int read_enum(struct set *d, struct declared *e) {
    const char *last = strrchr(e->name, '.') + 1;
    if (e->index >= 0) return CLI_OK;
    struct schema_enum *out = schema_add_enum(d->s, last, strlen(last));
    if (out == NULL) return CLI_USAGE;
    e->index = (int32_t)d->s->n_enums - 1;
    for (struct wire w = {.at = e->at, .end = e->end}; next(&w);) {
        if (w.number != 2 || w.type != 2) continue;
        struct wire v = inside(&w), name = {0};
        int32_t number = 0;
        while (next(&v)) {
            if (v.number == 1) name = v;
            if (v.number == 2) number = (int32_t)(uint32_t)v.value;
        }
        if (v.bad) return broken(d);
        const int code = schema_add_member(d->s, out, number, (const char *)name.text, name.len);
        if (code != CLI_OK) return code;
    }
    return out->n > 0 ? CLI_OK : broken(d);
}

/* What a field refers to, read when it is first met. */
static int read_reference(struct set *d, struct declared *m, const struct proto_field *p,
                          struct schema_field *f, uint32_t depth) {
    if (strcmp(p->type_name, ".google.protobuf.Any") == 0)
        return refuse_field(d, m, p->name, "Any is not in the subset");
    struct declared *to = find(d, p->type_name);
    if (to == NULL)
        return refuse_field(d, m, p->name, "its type is not in this set (protoc --include_imports)");
    if (to->is_enum != (f->form == 15)) return broken(d);
    const int code = to->is_enum ? read_enum(d, to) : read_message(d, to, depth + 1);
    f->arg = (uint32_t)to->index;
    return code;
}

static int read_field(struct set *d, struct declared *m, struct schema_message *out, const struct wire *body,
                      uint32_t depth) {
    struct proto_field p;
    if (!parse_field(inside(body), &p)) return broken(d);
    if (p.oneof && !p.proto3_optional) return refuse_field(d, m, p.name, "oneof is not in the subset");
    if (p.type == 2) return refuse_field(d, m, p.name, "float is not in the subset");
    if (form_of(p.type) == 0) return refuse_field(d, m, p.name, "groups are not in the subset");
    if (p.number < 1 || p.number > 536870911) return broken(d);
    struct schema_field *f = schema_add_field(d->s, out, p.name, p.name_len);
    if (f == NULL) return CLI_USAGE;
    f->form = form_of(p.type);
    f->pb_number = (uint32_t)p.number;
    f->repeated = p.label == 3;
    f->optional = !f->repeated && (p.proto3_optional || f->form == 16);
    return f->form >= 15 ? read_reference(d, m, &p, f, depth) : CLI_OK;
}

/* 2 field, 6 extension, 7 options with 7 map_entry. */
static int read_message(struct set *d, struct declared *m, uint32_t depth) {
    const char *last = strrchr(m->name, '.') + 1;
    if (m->open) return refuse_field(d, m, "", "a message that contains itself");
    if (m->index >= 0) return CLI_OK;
    if (depth >= SCHEMA_DEPTH_MAX) return refuse_field(d, m, "", "more than 8 messages in each other");
    if (!m->proto3) return refuse_field(d, m, "", "proto2 is not in the subset");
    struct schema_message *out = schema_add_message(d->s, last, strlen(last));
    if (out == NULL) return CLI_USAGE;
    m->index = (int32_t)d->s->n_messages - 1;
    m->open = 1;
    for (struct wire w = {.at = m->at, .end = m->end}; next(&w);) {
        if (w.number == 6 || w.number == 5) return refuse_field(d, m, "", "extensions are not in the subset");
        if (w.number == 7 && w.type == 2)
            for (struct wire o = inside(&w); next(&o);)
                if (o.number == 7 && o.value != 0)
                    return refuse_field(d, m, "", "maps are not in the subset");
        const int code = w.number == 2 && w.type == 2 ? read_field(d, m, out, &w, depth) : CLI_OK;
        if (code != CLI_OK) return code;
    }
    m->open = 0;
    return CLI_OK;
}

/* ---- the root ---- */

static void mark_used(struct set *d) {
    for (uint32_t i = 0; i < d->n; i++)
        for (struct wire w = {.at = d->list[i].at, .end = d->list[i].end}; !d->list[i].is_enum && next(&w);) {
            struct proto_field p;
            if (w.number != 2 || w.type != 2 || !parse_field(inside(&w), &p)) continue;
            struct declared *to = find(d, p.type_name);
            if (to != NULL && to != &d->list[i]) to->used = 1;
        }
}

static struct declared *choose_root(struct set *d, const char *root) {
    struct declared *found = NULL;
    char name[FULL_NAME_MAX];
    if (root != NULL) {
        snprintf(name, sizeof name, "%s%.250s", root[0] == '.' ? "" : ".", root);
        found = find(d, name);
        if (found != NULL && !found->is_enum) return found;
        (void)cli_fail(CLI_USAGE, "%s: there is no message %s", d->s->path, root);
        return NULL;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        if (d->list[i].is_enum || d->list[i].used) continue;
        if (found != NULL) {
            (void)cli_fail(CLI_USAGE, "%s: %s or %s? say it with --root", d->s->path, found->name + 1,
                           d->list[i].name + 1);
            return NULL;
        }
        found = &d->list[i];
    }
    if (found == NULL)
        (void)cli_fail(CLI_USAGE, "%s: no message that no other contains: say --root", d->s->path);
    return found;
}

int schema_read_descriptor(struct schema *s, const uint8_t *bytes, size_t len, const char *root) {
    struct wire w = {.at = bytes, .end = bytes + len};
    struct set *d = calloc(1, sizeof *d);
    if (d == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    d->s = s;
    s->side = HKP_NEURO_BRIDGE_PROTOBUF;
    while (!d->bad && next(&w))
        if (w.number == 1 && w.type == 2) declare_file(d, &w);
    int code = d->bad || w.bad || d->n == 0 ? broken(d) : CLI_OK;
    if (code == CLI_OK) {
        mark_used(d);
        struct declared *m = choose_root(d, root);
        code = m != NULL ? read_message(d, m, 0) : CLI_USAGE;
    }
    free(d);
    return code;
}
