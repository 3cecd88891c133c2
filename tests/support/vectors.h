/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Reading tests/vectors: one JSON object per file (see tests/vectors/README.md). The folder is
 * HKP_VECTORS from the environment (meson sets it), so another set with the same names can be run.
 *
 * A field that a vector must have and has not ends the program: a test that silently reads nothing is none.
 */
#ifndef HKP_TESTS_VECTORS_H
#define HKP_TESTS_VECTORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/** The whole of a vector file, for example vec_load("nz1/ter.json"); lives until the program ends. */
json_t *vec_load(const char *name);

/** Member or element; ends the program if it is not there. */
json_t *vec_get(json_t *object, const char *key);

/** Member or NULL; a JSON null counts as absent. */
json_t *vec_find(json_t *object, const char *key);

/** Text member. */
const char *vec_text(json_t *object, const char *key);

/** Integer member, a number or a decimal string. */
uint64_t vec_u64(json_t *object, const char *key);
int64_t vec_i64(json_t *object, const char *key);

/** The same for a value that is no member. */
uint64_t vec_value_u64(json_t *value);
int64_t vec_value_i64(json_t *value);

/** Boolean member. */
int vec_bool(json_t *object, const char *key);

/** Bytes: ptr[len]; from a hex member; free(ptr) at will (len 0: ptr is valid, too). */
struct vec_bytes {
    uint8_t *ptr;
    size_t len;
};
struct vec_bytes vec_hex(json_t *object, const char *key);
struct vec_bytes vec_value_hex(json_t *value);
struct vec_bytes vec_parse_hex(const char *text);

/** Hex member of exactly len bytes into dst. */
void vec_hex_into(json_t *object, const char *key, uint8_t *dst, size_t len);

#endif
