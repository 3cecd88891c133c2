/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: the bridge (LAB-7). Two services that speak different schemas are translated into each
 * other by a signed table: JSON, the Protobuf wire format or fixed-width records into a canonical
 * intermediary, and from there into the other form. What a field means stands in the table; nothing is
 * guessed at run time, and what has no place on the other side is an error with its place.
 *
 * The security of what travels is that of the hybrid (hookprobe/neuro/hybrid.h); the bridge itself hides
 * nothing.
 */
#ifndef HOOKPROBE_NEURO_BRIDGE_H
#define HOOKPROBE_NEURO_BRIDGE_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Forms, which are the bits of a table's sides (LAB-7.4). */
enum { HKP_NEURO_BRIDGE_JSON = 1, HKP_NEURO_BRIDGE_PROTOBUF = 2, HKP_NEURO_BRIDGE_RECORD = 4 };

/* Sizes in bytes and limits (LAB-7, LAB-10). */
enum {
    /** the largest input, output, intermediary and table */
    HKP_NEURO_BRIDGE_SIZE_MAX = 1048576,
    /** room of a field path, with its zero byte */
    HKP_NEURO_BRIDGE_PATH_MAX = 112,
    /** what a table file has around its table */
    HKP_NEURO_BRIDGE_FILE_EXTRA = 88,
    HKP_NEURO_BRIDGE_ITEMS_MAX = 65536
};

/* Results of the bridge: HKP_E_NEURO_BASE - code (LAB-10). */
enum {
    HKP_E_NEURO_BR_CBOR = -0x2A0,
    HKP_E_NEURO_BR_TYPE = -0x2A1,
    HKP_E_NEURO_BR_UNMAPPED = -0x2A2,
    HKP_E_NEURO_BR_MISSING = -0x2A3,
    HKP_E_NEURO_BR_RANGE = -0x2A4,
    HKP_E_NEURO_BR_ENUM = -0x2A5,
    HKP_E_NEURO_BR_UTF8 = -0x2A6,
    HKP_E_NEURO_BR_CHARSET = -0x2A7,
    HKP_E_NEURO_BR_LIMIT = -0x2A8,
    HKP_E_NEURO_BR_SYNTAX = -0x2A9,
    HKP_E_NEURO_BR_DEPTH = -0x2AA,
    HKP_E_NEURO_BR_DUPLICATE = -0x2AB,
    HKP_E_NEURO_BR_NUMBER = -0x2AC,
    HKP_E_NEURO_BR_BASE64 = -0x2AD,
    HKP_E_NEURO_BR_WIRE = -0x2AE,
    HKP_E_NEURO_BR_LENGTH = -0x2AF,
    HKP_E_NEURO_BR_FILLER = -0x2B0,
    HKP_E_NEURO_BR_TABLE = -0x2B1,
    HKP_E_NEURO_BR_MAGIC = -0x2B2,
    HKP_E_NEURO_BR_SIGNER = -0x2B3,
    HKP_E_NEURO_BR_SIG = -0x2B4,
    HKP_E_NEURO_BR_REVISION = -0x2B5
};

/** A table with the memory that its translations need: one thread at a time. */
typedef struct hkp_neuro_bridge hkp_neuro_bridge;

/** How a bridge is made. */
struct hkp_neuro_bridge_options {
    uint32_t struct_size;
    /** bytes of the largest input and intermediary, 1..1 MiB; 0: 1 MiB. A bridge takes six times as much. */
    uint32_t size_max;
    /** zero: malloc and free */
    struct hkp_mem mem;
};

/** Where an input was refused. Never tells a value. */
struct hkp_neuro_bridge_place {
    /** bytes from the beginning of the input; of an intermediary where that is what was refused */
    uint64_t offset;
    /** ids of the fields on the way, for example 8.2[1].3; empty: the message itself */
    char path[HKP_NEURO_BRIDGE_PATH_MAX];
};

/** What a table says of itself. Names are not ended by a zero byte and live as long as the bridge. */
struct hkp_neuro_bridge_info {
    const char *name;
    size_t name_len;
    uint32_t revision;
    /** two of HKP_NEURO_BRIDGE_JSON, _PROTOBUF, _RECORD */
    uint32_t sides;
    /** 0 ASCII, 1 EBCDIC CP037 */
    uint32_t charset;
    uint32_t record_length;
    /** the highest sensitivity of a field, 1..4 */
    uint32_t level;
    uint32_t n_messages;
    uint8_t table_id[32];
    /** id of the table that this one replaces; zero in revision 1 */
    uint8_t previous[32];
};

/** One field of a table; numbers as in LAB-7.2 to 7.4. */
struct hkp_neuro_bridge_field {
    const char *message;
    size_t message_len;
    const char *name;
    size_t name_len;
    uint32_t id;
    uint32_t type;
    uint32_t cardinality;
    uint32_t arg;
    uint32_t sensitivity;
    uint32_t json_form;
    uint32_t pb_number;
    uint32_t pb_type;
    uint32_t rec_offset;
    uint32_t rec_length;
    uint32_t rec_form;
};

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: LAB-7.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_bridge_options_init(struct hkp_neuro_bridge_options *opt, size_t struct_size);

/**
 * Check a table and make a bridge of it. Whose table it is, is not asked: that is hkp_neuro_bridge_open().
 *
 * @param out    the bridge, written on success; free it with hkp_neuro_bridge_free()
 * @param opt    options, or NULL for defaults
 * @param table  [len] bytes, borrowed for the call
 * @param len    any
 *
 * @retval HKP_OK                made
 * @retval HKP_E_INVAL           options
 * @retval HKP_E_TOOBIG          options of a later version
 * @retval HKP_E_NOMEM           no memory
 * @retval HKP_E_NEURO_BR_TABLE  a rule of LAB-7.4
 *
 * Cost: a few allocations, the last in the life of this bridge.
 * Source: LAB-7.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_new(hkp_neuro_bridge **out,
                                                     const struct hkp_neuro_bridge_options *opt,
                                                     const uint8_t *table, size_t len);

/**
 * Free a bridge and wipe what it last translated.
 *
 * @param bridge  or NULL
 *
 * Cost: one pass over its memory.
 * Source: LAB-7.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_bridge_free(hkp_neuro_bridge *bridge);

/**
 * What the table says of itself.
 *
 * @param bridge  made before
 * @param info    written
 *
 * Cost: none.
 * Source: LAB-7.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_bridge_info(const hkp_neuro_bridge *bridge, struct hkp_neuro_bridge_info *info);

/**
 * One field of the table.
 *
 * @param bridge   made before
 * @param message  0..n_messages - 1; 0 is the root
 * @param index    0 is the first field of that message
 * @param field    written on success
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  there is no such field
 *
 * Cost: none.
 * Source: LAB-7.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_field(const hkp_neuro_bridge *bridge, uint32_t message,
                                                       uint32_t index, struct hkp_neuro_bridge_field *field);

/**
 * May one table replace another? It names it, its revision is the next, and no id, name or number means
 * another thing than before.
 *
 * @param before  the bridge of the table that is replaced
 * @param after   the bridge of the new table
 *
 * @retval HKP_OK                   it may
 * @retval HKP_E_NEURO_BR_REVISION  it may not
 *
 * Cost: no allocation; each field with those of the same message.
 * Source: LAB-7.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_replaces(const hkp_neuro_bridge *before,
                                                          const hkp_neuro_bridge *after);

/**
 * Make a bridge of a table file: check who signed it, then its rules.
 *
 * @param out     the bridge, written on success; free it with hkp_neuro_bridge_free()
 * @param opt     options, or NULL for defaults
 * @param file    [len] bytes, borrowed for the call; hostile
 * @param len     any
 * @param keys    [n_keys][32] Ed25519 public keys that are believed, borrowed
 * @param n_keys  any
 *
 * @retval HKP_OK                 made
 * @retval HKP_E_INVAL            options
 * @retval HKP_E_TOOBIG           options of a later version
 * @retval HKP_E_NOMEM            no memory
 * @retval HKP_E_NEURO_BR_MAGIC   not a table file
 * @retval HKP_E_NEURO_BR_LENGTH  another length than it says, or above 1 MiB
 * @retval HKP_E_NEURO_BR_SIGNER  of none of the keys
 * @retval HKP_E_NEURO_BR_SIG     not signed by that key
 * @retval HKP_E_NEURO_BR_TABLE   a rule of LAB-7.4
 *
 * Cost: as hkp_neuro_bridge_new(), one verification and one more allocation for it.
 * Source: LAB-7.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_open(hkp_neuro_bridge **out,
                                                      const struct hkp_neuro_bridge_options *opt,
                                                      const uint8_t *file, size_t len, const uint8_t *keys,
                                                      size_t n_keys);

/**
 * Sign a table.
 *
 * @param table       [len] bytes of a table that hkp_neuro_bridge_new() takes, borrowed
 * @param len         1..1 MiB
 * @param secret_key  Ed25519 secret key
 * @param file        [cap] written, not overlapping table
 * @param cap         at least len + HKP_NEURO_BRIDGE_FILE_EXTRA
 * @param file_len    bytes written
 *
 * @retval HKP_OK                 signed
 * @retval HKP_E_NEURO_BR_LENGTH  len is out of range; nothing was written
 * @retval HKP_E_NOSPC            cap is too small; nothing was written
 *
 * Cost: no allocation; one signature.
 * Source: LAB-7.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_sign(const uint8_t *table, size_t len,
                                                      const uint8_t secret_key[64], uint8_t *file, size_t cap,
                                                      size_t *file_len);

/**
 * Read one form into the intermediary, checked for both sides of the table.
 *
 * @param bridge   made before
 * @param form     HKP_NEURO_BRIDGE_JSON, _PROTOBUF or _RECORD, one of the table's sides
 * @param in       [len] bytes, borrowed; hostile
 * @param len      any
 * @param dst      [cap] the intermediary; zeroed on failure; not overlapping in
 * @param cap      any; size_max is always enough
 * @param dst_len  bytes written; 0 on failure
 * @param place    where it was refused, written on failure of the input; or NULL
 *
 * @retval HKP_OK       read
 * @retval HKP_E_INVAL  not a side of this table
 * @retval HKP_E_NOSPC  cap is too small
 * @retval HKP_E_NEURO_BR_UTF8, HKP_E_NEURO_BR_SYNTAX, HKP_E_NEURO_BR_DEPTH, HKP_E_NEURO_BR_DUPLICATE,
 *         HKP_E_NEURO_BR_WIRE, HKP_E_NEURO_BR_LENGTH, HKP_E_NEURO_BR_FILLER  not of this form
 * @retval HKP_E_NEURO_BR_LIMIT  input or intermediary above the largest size, or a list above 65,536 items
 * @retval HKP_E_NEURO_BR_TYPE, HKP_E_NEURO_BR_UNMAPPED, HKP_E_NEURO_BR_MISSING, HKP_E_NEURO_BR_NUMBER,
 *         HKP_E_NEURO_BR_BASE64, HKP_E_NEURO_BR_RANGE, HKP_E_NEURO_BR_ENUM, HKP_E_NEURO_BR_CHARSET  not as
 * the table says
 *
 * Cost: no allocation; a few passes over the input.
 * Source: LAB-7.6 to 7.8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_decode(hkp_neuro_bridge *bridge, uint32_t form,
                                                        const uint8_t *in, size_t len, uint8_t *dst,
                                                        size_t cap, size_t *dst_len,
                                                        struct hkp_neuro_bridge_place *place);

/**
 * Check an intermediary as both sides of the table demand.
 *
 * @param bridge  made before
 * @param inter   [len] bytes, borrowed; hostile
 * @param len     any
 * @param place   where it was refused, written on failure; or NULL
 *
 * @retval HKP_OK               it encodes on both sides
 * @retval HKP_E_NEURO_BR_CBOR  not one item of canonical CBOR, or it holds a null
 * @retval HKP_E_NEURO_BR_LIMIT above the largest size, or a list above 65,536 items
 * @retval HKP_E_NEURO_BR_UNMAPPED, HKP_E_NEURO_BR_MISSING, HKP_E_NEURO_BR_TYPE, HKP_E_NEURO_BR_RANGE,
 *         HKP_E_NEURO_BR_ENUM, HKP_E_NEURO_BR_UTF8, HKP_E_NEURO_BR_CHARSET  not as the table says
 *
 * Cost: no allocation; two passes.
 * Source: LAB-7.2, LAB-7.8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_check(const hkp_neuro_bridge *bridge, const uint8_t *inter,
                                                       size_t len, struct hkp_neuro_bridge_place *place);

/**
 * Write an intermediary in one form.
 *
 * @param bridge   made before
 * @param form     HKP_NEURO_BRIDGE_JSON, _PROTOBUF or _RECORD, one of the table's sides
 * @param inter    [len] bytes, borrowed; checked first as by hkp_neuro_bridge_check()
 * @param len      any
 * @param dst      [cap] written; zeroed on failure; not overlapping inter
 * @param cap      any
 * @param dst_len  bytes written; 0 on failure
 * @param place    where it was refused, written on failure of the intermediary; or NULL
 *
 * @retval HKP_OK               written: the canonical form
 * @retval HKP_E_INVAL          not a side of this table
 * @retval HKP_E_NOSPC          cap is too small
 * @retval HKP_E_NEURO_BR_LIMIT the result would be above 1 MiB
 * @retval HKP_E_NEURO_BR_CBOR, HKP_E_NEURO_BR_UNMAPPED, HKP_E_NEURO_BR_MISSING, HKP_E_NEURO_BR_TYPE,
 *         HKP_E_NEURO_BR_RANGE, HKP_E_NEURO_BR_ENUM, HKP_E_NEURO_BR_UTF8, HKP_E_NEURO_BR_CHARSET  as
 *         hkp_neuro_bridge_check()
 *
 * Cost: no allocation; a few passes.
 * Source: LAB-7.6 to 7.8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_encode(const hkp_neuro_bridge *bridge, uint32_t form,
                                                        const uint8_t *inter, size_t len, uint8_t *dst,
                                                        size_t cap, size_t *dst_len,
                                                        struct hkp_neuro_bridge_place *place);

/**
 * Read one form and write the other at once, where nothing is sealed in between.
 *
 * @param bridge   made before
 * @param from     a side of the table
 * @param to       a side of the table; the same one gives the canonical form
 * @param in       [len] bytes, borrowed; hostile
 * @param len      any
 * @param dst      [cap] written; zeroed on failure; not overlapping in
 * @param cap      any
 * @param dst_len  bytes written; 0 on failure
 * @param place    where it was refused, written on failure of the input; or NULL
 *
 * @retval HKP_OK  written
 * @retval HKP_E_INVAL, HKP_E_NOSPC, HKP_E_NEURO_BR_*  as hkp_neuro_bridge_decode() and
 * hkp_neuro_bridge_encode()
 *
 * Cost: no allocation; less than the two calls, since the intermediary is checked once.
 * Source: LAB-7.1, LAB-7.9.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_bridge_translate(hkp_neuro_bridge *bridge, uint32_t from,
                                                           uint32_t to, const uint8_t *in, size_t len,
                                                           uint8_t *dst, size_t cap, size_t *dst_len,
                                                           struct hkp_neuro_bridge_place *place);

#ifdef __cplusplus
}
#endif

#endif
