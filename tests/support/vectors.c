/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what, const char *which) {
    printf("Bail out! vectors: %s: %s\n", what, which);
    exit(1);
}

/* The whole file, with bare integers too large for the parser put into quotes: readers take both forms. */
static char *read_text(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) die("cannot be read", path);
    const long size = ftell(f);
    char *in = malloc((size_t)size + 1), *out = malloc(2 * (size_t)size + 2);
    rewind(f);
    if (in == NULL || out == NULL || fread(in, 1, (size_t)size, f) != (size_t)size)
        die("cannot be read", path);
    fclose(f);
    in[size] = 0;
    int text = 0;
    *len = 0;
    for (const char *p = in; p < in + size;) {
        const size_t digits = text ? 0 : strspn(p, "0123456789"), run = digits > 0 ? digits : 1;
        if (digits == 0 && *p == '"' && (p == in || p[-1] != '\\')) text = !text;
        if (digits >= 19) out[(*len)++] = '"';
        memcpy(out + *len, p, run);
        *len += run;
        if (digits >= 19) out[(*len)++] = '"';
        p += run;
    }
    free(in);
    return out;
}

enum { FILES_MAX = 256 };

/* Every file is read once and kept, so that a leak checker sees what tests leak and not this. */
static struct {
    char name[128];
    json_t *root;
} kept[FILES_MAX];

json_t *vec_load(const char *name) {
    size_t at = 0;
    while (at < FILES_MAX && kept[at].root != NULL && strcmp(kept[at].name, name) != 0) at++;
    if (at == FILES_MAX || strlen(name) >= sizeof kept[at].name) die("too many files", name);
    if (kept[at].root != NULL) return json_incref(kept[at].root);
    const char *dir = getenv("HKP_VECTORS");
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "tests/vectors", name);
    if (n < 0 || (size_t)n >= sizeof path) die("path too long", name);
    json_error_t error;
    size_t len;
    char *text = read_text(path, &len);
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, &error);
    free(text);
    if (root == NULL) die(error.text, path);
    strcpy(kept[at].name, name);
    kept[at].root = root;
    return json_incref(root);
}

json_t *vec_find(json_t *object, const char *key) {
    json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

json_t *vec_get(json_t *object, const char *key) {
    json_t *v = vec_find(object, key);
    if (v == NULL) die("member missing", key);
    return v;
}

const char *vec_text(json_t *object, const char *key) {
    json_t *v = vec_get(object, key);
    if (!json_is_string(v)) die("not text", key);
    return json_string_value(v);
}

static long long parse(json_t *value, int is_signed) {
    if (json_is_integer(value)) return json_integer_value(value);
    if (json_is_string(value)) {
        const char *s = json_string_value(value);
        char *end;
        long long v = is_signed ? strtoll(s, &end, 10) : (long long)strtoull(s, &end, 10);
        if (*s != 0 && *end == 0) return v;
    }
    die("not an integer", json_is_string(value) ? json_string_value(value) : "?");
}

uint64_t vec_value_u64(json_t *value) { return (uint64_t)parse(value, 0); }
int64_t vec_value_i64(json_t *value) { return (int64_t)parse(value, 1); }
uint64_t vec_u64(json_t *object, const char *key) { return vec_value_u64(vec_get(object, key)); }
int64_t vec_i64(json_t *object, const char *key) { return vec_value_i64(vec_get(object, key)); }

int vec_bool(json_t *object, const char *key) {
    json_t *v = vec_get(object, key);
    if (!json_is_boolean(v)) die("not a boolean", key);
    return json_is_true(v);
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

struct vec_bytes vec_parse_hex(const char *text) {
    size_t digits = strlen(text);
    struct vec_bytes b = {.ptr = malloc(digits / 2 + 1), .len = digits / 2};
    if (b.ptr == NULL || digits % 2 != 0) die("not hex", text);
    for (size_t i = 0; i < b.len; i++) {
        int hi = nibble(text[2 * i]), lo = nibble(text[2 * i + 1]);
        if (hi < 0 || lo < 0) die("not hex", text);
        b.ptr[i] = (uint8_t)(hi << 4 | lo);
    }
    return b;
}

struct vec_bytes vec_value_hex(json_t *value) {
    if (!json_is_string(value)) die("not hex", "value");
    return vec_parse_hex(json_string_value(value));
}

struct vec_bytes vec_hex(json_t *object, const char *key) {
    return vec_value_hex(vec_get(object, key));
}

void vec_hex_into(json_t *object, const char *key, uint8_t *dst, size_t len) {
    struct vec_bytes b = vec_hex(object, key);
    if (b.len != len) die("wrong length", key);
    memcpy(dst, b.ptr, len);
    free(b.ptr);
}
