/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: canonical CBOR (D-CBOR), read and written without memory of its own.
 */
#ifndef HOOKPROBE_DSM_CBOR_H
#define HOOKPROBE_DSM_CBOR_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that lie elsewhere: ptr[len]. Whoever returns one says how long it lives. */
struct hkp_dsm_view {
    const uint8_t *ptr;
    size_t len;
};

/** Kinds of an item, the major types of RFC 8949; SIMPLE is false, true and null; END: nothing is left. */
enum {
    HKP_DSM_CBOR_UINT = 0,
    HKP_DSM_CBOR_NEGINT = 1,
    HKP_DSM_CBOR_BYTES = 2,
    HKP_DSM_CBOR_TEXT = 3,
    HKP_DSM_CBOR_ARRAY = 4,
    HKP_DSM_CBOR_MAP = 5,
    HKP_DSM_CBOR_SIMPLE = 7,
    HKP_DSM_CBOR_END = 8
};

/** The three simple values, as read and written. */
enum { HKP_DSM_CBOR_FALSE = 20, HKP_DSM_CBOR_TRUE = 21, HKP_DSM_CBOR_NULL = 22 };

/**
 * Reads checked bytes from front to back. The first fault stays in status and makes all later reads return
 * zero or NULL, so a whole object is read first and judged once.
 */
struct hkp_dsm_cbor_reader {
    /** first byte not read yet */
    const uint8_t *next;
    /** behind the last byte */
    const uint8_t *end;
    /** HKP_OK or the first fault, HKP_E_DSM_SCHEMA unless the bytes are no canonical CBOR */
    hkp_status status;
};

/** Writes canonical heads into out[cap]. Begin with {.out = dst, .cap = size}; out NULL and cap 0 measure. */
struct hkp_dsm_cbor_writer {
    uint8_t *out;
    /** bytes of room */
    size_t cap;
    /** bytes written, or that would have been written */
    size_t len;
    /** HKP_OK, or HKP_E_NOSPC when len went beyond cap */
    hkp_status status;
};

/**
 * Is this exactly one item in the canonical encoding?
 *
 * @param in   [len] bytes, borrowed for the call
 * @param len  bytes
 *
 * @retval HKP_OK                        yes
 * @retval HKP_E_DSM_CBOR_TRUNCATED..    the first fault in reading order, one of the CBOR codes 1..14
 *
 * Cost: one pass, no allocation, no recursion.
 * Source: D-CBOR-1 to D-CBOR-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_cbor_check(const uint8_t *in, size_t len);

/**
 * Check bytes and begin to read them.
 *
 * @param r    the caller's reader; its status is the result of hkp_dsm_cbor_check()
 * @param in   [len] bytes, borrowed as long as r and what it returned is used
 * @param len  bytes
 *
 * @retval HKP_OK                        r stands before the one item
 * @retval HKP_E_DSM_CBOR_TRUNCATED..    as hkp_dsm_cbor_check(); all reads will fail
 *
 * Cost: one pass, no allocation.
 * Source: D-CBOR-1 to D-CBOR-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_status hkp_dsm_cbor_read(struct hkp_dsm_cbor_reader *r, const uint8_t *in, size_t len);

/**
 * Kind of the next item.
 *
 * @param r  a reader; not moved
 *
 * @return one of HKP_DSM_CBOR_UINT..END; END also after a fault
 *
 * Cost: none.
 * Source: RFC 8949 3.1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_type(const struct hkp_dsm_cbor_reader *r);

/**
 * Read an unsigned integer.
 *
 * @param r    a reader
 * @param min  lowest value allowed
 * @param max  highest value allowed
 *
 * @return the value; 0 and status HKP_E_DSM_SCHEMA if it is none or out of range
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint64_t hkp_dsm_cbor_uint(struct hkp_dsm_cbor_reader *r, uint64_t min, uint64_t max);

/**
 * Read an integer of either sign.
 *
 * @param r    a reader
 * @param min  lowest value allowed
 * @param max  highest value allowed
 *
 * @return the value; 0 and status HKP_E_DSM_SCHEMA if it is none or out of range
 *
 * Cost: none.
 * Source: D-CBOR-1, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int64_t hkp_dsm_cbor_int(struct hkp_dsm_cbor_reader *r, int64_t min, int64_t max);

/**
 * Read a byte string in place.
 *
 * @param r    a reader
 * @param min  shortest length allowed, bytes
 * @param max  longest length allowed, bytes
 * @param len  length found; NULL where min = max; untouched on a fault
 *
 * @return its bytes inside the input, never NULL but on a fault: then status is HKP_E_DSM_SCHEMA
 *
 * Cost: none, no copy.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const uint8_t *hkp_dsm_cbor_bytes(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len);

/**
 * Copy a byte string of fixed length.
 *
 * @param r    a reader
 * @param dst  [len] bytes; untouched on a fault
 * @param len  the only length allowed, bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_fixed(struct hkp_dsm_cbor_reader *r, uint8_t *dst, size_t len);

/**
 * Read a text string in place.
 *
 * @param r    a reader
 * @param min  shortest length allowed, bytes
 * @param max  longest length allowed, bytes
 * @param len  length found, bytes; untouched on a fault
 *
 * @return well-formed UTF-8 without U+0000 inside the input, not terminated; NULL on a fault
 *
 * Cost: none, no copy.
 * Source: D-CBOR-4, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_cbor_text(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len);

/**
 * Enter an array.
 *
 * @param r    a reader; the next read is the first element
 * @param min  fewest elements allowed
 * @param max  most elements allowed
 *
 * @return number of elements; 0 and status HKP_E_DSM_SCHEMA if it is no array or out of range
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_array(struct hkp_dsm_cbor_reader *r, size_t min, size_t max);

/**
 * Enter a closed map whose keys are read with hkp_dsm_cbor_key() and hkp_dsm_cbor_close().
 *
 * @param r    a reader; the next read is the first key
 * @param min  fewest pairs allowed
 * @param max  most pairs allowed
 *
 * @return number of pairs; 0 and status HKP_E_DSM_SCHEMA if it is no map or out of range
 *
 * Cost: none.
 * Source: D-CBOR-3, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_map(struct hkp_dsm_cbor_reader *r, size_t min, size_t max);

/**
 * Enter a versioned object: a map whose key 0 is its version, judged before its size and other keys.
 *
 * @param r      a reader; the next read is the key behind the version
 * @param known  highest version that the caller understands; a version above is HKP_E_DSM_VERSION
 *
 * @return number of pairs left behind key 0; 0 on a fault
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_object(struct hkp_dsm_cbor_reader *r, uint64_t known);

/**
 * Read a key that must stand here.
 *
 * @param r     a reader; the next read is the value
 * @param left  pairs left in this map, counted down
 * @param key   the only key allowed; otherwise status is HKP_E_DSM_SCHEMA
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_key(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key);

/**
 * Read a key that may stand here.
 *
 * @param r     a reader; moved to the value only if the key is there
 * @param left  pairs left in this map, counted down if the key is there
 * @param key   the key
 *
 * @return 1 if the next key is this one, otherwise 0
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_option(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key);

/**
 * End a closed map: any pair left is an unknown key.
 *
 * @param r     a reader
 * @param left  pairs left in this map; not 0: status becomes HKP_E_DSM_SCHEMA
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_close(struct hkp_dsm_cbor_reader *r, size_t left);

/**
 * Read false, true or null.
 *
 * @param r  a reader
 *
 * @return HKP_DSM_CBOR_FALSE, _TRUE or _NULL; 0 and status HKP_E_DSM_SCHEMA if it is none of them
 *
 * Cost: none.
 * Source: D-CBOR-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_simple(struct hkp_dsm_cbor_reader *r);

/**
 * Step over one item with all that is in it.
 *
 * @param r    a reader
 * @param len  length of its encoding, bytes; may be NULL; untouched on a fault
 *
 * @return its encoding inside the input, NULL on a fault
 *
 * Cost: one pass over the item.
 * Source: D-CBOR-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const uint8_t *hkp_dsm_cbor_skip(struct hkp_dsm_cbor_reader *r, size_t *len);

/**
 * Write an unsigned integer, or a map key; keys are written in ascending order by the caller.
 *
 * @param w      a writer
 * @param value  any
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2, D-CBOR-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_uint(struct hkp_dsm_cbor_writer *w, uint64_t value);

/**
 * Write an integer of either sign.
 *
 * @param w      a writer
 * @param value  any
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-1, D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_int(struct hkp_dsm_cbor_writer *w, int64_t value);

/**
 * Write a byte string.
 *
 * @param w     a writer
 * @param data  [len] bytes; may be NULL when len is 0
 * @param len   bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_bytes(struct hkp_dsm_cbor_writer *w, const uint8_t *data, size_t len);

/**
 * Write a text string.
 *
 * @param w     a writer
 * @param text  [len] bytes of well-formed UTF-8 without U+0000, not checked here
 * @param len   bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-2, D-CBOR-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_text(struct hkp_dsm_cbor_writer *w, const char *text, size_t len);

/**
 * Begin an array; the caller writes its elements next.
 *
 * @param w      a writer
 * @param count  number of elements
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_array(struct hkp_dsm_cbor_writer *w, size_t count);

/**
 * Begin a map; the caller writes its keys, ascending, each with its value.
 *
 * @param w      a writer
 * @param count  number of pairs
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2, D-CBOR-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_map(struct hkp_dsm_cbor_writer *w, size_t count);

/**
 * Write false, true or null.
 *
 * @param w      a writer
 * @param value  HKP_DSM_CBOR_FALSE, _TRUE or _NULL; another one sets status to HKP_E_INVAL
 *
 * Cost: none; one byte.
 * Source: D-CBOR-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_simple(struct hkp_dsm_cbor_writer *w, int32_t value);

/**
 * Copy an item that is already encoded.
 *
 * @param w        a writer
 * @param encoded  [len] bytes of canonical CBOR, not checked here
 * @param len      bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_raw(struct hkp_dsm_cbor_writer *w, const uint8_t *encoded, size_t len);

#ifdef __cplusplus
}
#endif

#endif
