/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: a parsed table, a walk over an input, and what the codecs share. Depth is bounded by the eight
 * open containers of LAB-7.2, so the codecs follow a message into its fields by calling themselves.
 */
#ifndef HKP_LIBNEURO_BRIDGE_BRIDGE_H
#define HKP_LIBNEURO_BRIDGE_BRIDGE_H

#include "libter/bytes.h"
#include "libter/cbor.h"
#include "libter/options.h"

#include <hookprobe/neuro.h>

/* Types, cardinalities, record forms (LAB-7.2 to 7.4). */
enum {
    HKP_NEURO__BOOL = 1,
    HKP_NEURO__U64 = 2,
    HKP_NEURO__I64 = 3,
    HKP_NEURO__TEXT = 4,
    HKP_NEURO__BYTES = 5,
    HKP_NEURO__F64 = 6,
    HKP_NEURO__DECIMAL = 7,
    HKP_NEURO__ENUM = 8,
    HKP_NEURO__MESSAGE = 9,

    HKP_NEURO__REQUIRED = 0,
    HKP_NEURO__OPTIONAL = 1,
    HKP_NEURO__REPEATED = 2,

    HKP_NEURO__REC_TEXT = 1,
    HKP_NEURO__REC_DIGITS = 2,
    HKP_NEURO__REC_SIGNED = 3,
    HKP_NEURO__REC_PACKED = 4,
    HKP_NEURO__REC_BINARY = 5
};

/* Protobuf types. */
enum {
    HKP_NEURO__PB_BOOL = 1,
    HKP_NEURO__PB_UINT32,
    HKP_NEURO__PB_UINT64,
    HKP_NEURO__PB_INT32,
    HKP_NEURO__PB_INT64,
    HKP_NEURO__PB_SINT32,
    HKP_NEURO__PB_SINT64,
    HKP_NEURO__PB_FIXED32,
    HKP_NEURO__PB_FIXED64,
    HKP_NEURO__PB_SFIXED32,
    HKP_NEURO__PB_SFIXED64,
    HKP_NEURO__PB_STRING,
    HKP_NEURO__PB_BYTES,
    HKP_NEURO__PB_DOUBLE,
    HKP_NEURO__PB_ENUM,
    HKP_NEURO__PB_MESSAGE
};

enum { HKP_NEURO__FIELDS_MAX = 256, HKP_NEURO__DEPTH_MAX = HKP_CBOR_DEPTH_MAX };

struct hkp_neuro__field {
    const uint8_t *name;
    uint32_t name_len, id, pb_number, rec_offset, rec_length;
    uint16_t arg;
    uint8_t type, cardinality, sensitivity, json_form, pb_type, rec_form;
};

struct hkp_neuro__message {
    const uint8_t *name;
    uint32_t name_len, n_fields;
    const struct hkp_neuro__field *fields;
    const uint8_t *by_number; /* [n_fields] indexes, ascending in pb_number */
    uint8_t in_order;         /* by_number counts 0, 1, 2.. */
};

struct hkp_neuro__member {
    const uint8_t *name;
    uint32_t name_len;
    int32_t number;
};

struct hkp_neuro__enum {
    const struct hkp_neuro__member *members; /* ascending numbers */
    uint32_t n;
};

/* Eight bytes for two of the input: a value of a JSON text, or an occurrence of a repeated Protobuf field. */
struct hkp_neuro__cell {
    uint32_t at, end;
};

struct hkp_neuro_bridge {
    struct hkp_mem mem;
    uint8_t *table;
    size_t table_len;
    struct hkp_neuro__message *messages;
    struct hkp_neuro__field *fields;
    uint8_t *numbers; /* by_number of all messages */
    struct hkp_neuro__enum *enums;
    struct hkp_neuro__member *members;
    size_t n_messages, n_fields, n_enums, n_members;
    const uint8_t *name;
    size_t name_len;
    uint32_t revision, sides, charset, record_length, level;
    uint8_t table_id[32], previous[32];
    size_t size_max;
    struct hkp_neuro__cell *cells; /* [cells_max] */
    size_t cells_max;
    uint8_t *spare; /* [size_max and a little] a text without its escapes, or numbers of cells */
    uint8_t *inter; /* [size_max] between the two halves of a translation */
};

/* One pass over an input, writing an output. */
struct hkp_neuro__walk {
    const struct hkp_neuro_bridge *b;
    const uint8_t *in;
    size_t len;
    uint8_t *out;
    size_t cap, at; /* of out */
    size_t limit;   /* an output above it is BR_LIMIT */
    size_t n_cells;
    const uint8_t *fault; /* where in in */
    uint32_t depth;       /* steps of the path */
    struct {
        uint32_t id;
        int32_t item; /* -1: not in a list */
    } path[HKP_NEURO__DEPTH_MAX];
};

/* What a codec reads or writes of one table. */
hkp_status hkp_neuro__json_decode(struct hkp_neuro__walk *w);
hkp_status hkp_neuro__json_encode(struct hkp_neuro__walk *w);
hkp_status hkp_neuro__pb_decode(struct hkp_neuro__walk *w);
hkp_status hkp_neuro__pb_encode(struct hkp_neuro__walk *w);
hkp_status hkp_neuro__record_decode(struct hkp_neuro__walk *w);
hkp_status hkp_neuro__record_encode(struct hkp_neuro__walk *w);

/* number.c: powers of ten, 10^0 to 10^19. */
extern const uint64_t hkp_neuro__tens[20];

/* LAB-7.8 for an intermediary that is canonical CBOR. */
hkp_status hkp_neuro__values_check(struct hkp_neuro__walk *w);

/* RFC 8259 into cells; json_scan.c. */
enum {
    HKP_NEURO__JSON_OBJECT,
    HKP_NEURO__JSON_ARRAY,
    HKP_NEURO__JSON_STRING,  /* at: after the quote; end: the closing one */
    HKP_NEURO__JSON_ESCAPED, /* the same with escapes in it */
    HKP_NEURO__JSON_NUMBER,
    HKP_NEURO__JSON_FALSE,
    HKP_NEURO__JSON_TRUE,
    HKP_NEURO__JSON_NULL
};
#define HKP_NEURO__CELL_AT(cell) ((cell)->at & 0xFFFFFFU)
#define HKP_NEURO__CELL_KIND(cell) ((cell)->at >> 24)
hkp_status hkp_neuro__json_scan(struct hkp_neuro__walk *w);
/* The first member name that its object has before: BR_DUPLICATE; else otherwise. Destroys nothing but spare.
 */
hkp_status hkp_neuro__json_duplicate(struct hkp_neuro__walk *w, hkp_status otherwise);
/* A checked string without its escapes; returns its bytes, at most len. */
size_t hkp_neuro__json_unescape(const uint8_t *text, size_t len, uint8_t *dst);

/* Decimal numbers; number.c. */
enum { HKP_NEURO__F64_TEXT_MAX = 32, HKP_NEURO__INTEGER_TEXT_MAX = 24 };
/* `-?(0|[1-9][0-9]*)` and scale fraction digits: magnitude and sign. */
hkp_status hkp_neuro__integer_read(const uint8_t *text, size_t len, uint32_t scale, uint64_t *magnitude,
                                   int *negative);
/* The same into a signed number. */
hkp_status hkp_neuro__signed_read(const uint8_t *text, size_t len, uint32_t scale, int64_t *value);
size_t hkp_neuro__unsigned_write(uint64_t value, uint8_t dst[HKP_NEURO__INTEGER_TEXT_MAX]);
size_t hkp_neuro__signed_write(int64_t value, uint32_t scale, uint8_t dst[HKP_NEURO__INTEGER_TEXT_MAX]);
/* A JSON number as IEEE 754 bits, to nearest even; exponent 2047 if it is not finite. f64.c. */
uint64_t hkp_neuro__f64_read(const uint8_t *text, size_t len);
/* The shortest correctly rounded text of a finite number (LAB-7.6). */
size_t hkp_neuro__f64_write(uint64_t bits, uint8_t dst[HKP_NEURO__F64_TEXT_MAX]);
int hkp_neuro__f64_finite(uint64_t bits);

/* Characters of records; record.c. */
int hkp_neuro__record_text_fits(const uint8_t *text, size_t len);

const struct hkp_neuro__member *hkp_neuro__enum_number(const struct hkp_neuro__enum *e, int64_t number);
const struct hkp_neuro__member *hkp_neuro__enum_name(const struct hkp_neuro__enum *e, const uint8_t *name,
                                                     size_t len);

/* ---- shared by the codecs, small enough to stand here ---- */

static inline hkp_status hkp_neuro__refuse(struct hkp_neuro__walk *w, const uint8_t *at, hkp_status st) {
    w->fault = at;
    return st;
}

/* Path: enter a field, a list's item; leaves are left by lowering depth. */
static inline void hkp_neuro__enter(struct hkp_neuro__walk *w, uint32_t id) {
    w->path[w->depth].id = id;
    w->path[w->depth].item = -1;
    w->depth++;
}

static inline hkp_status hkp_neuro__room(struct hkp_neuro__walk *w, size_t len) {
    if (len > w->limit - w->at) return HKP_E_NEURO_BR_LIMIT;
    return len > w->cap - w->at ? HKP_E_NOSPC : HKP_OK;
}

static inline hkp_status hkp_neuro__put(struct hkp_neuro__walk *w, const void *bytes, size_t len) {
    const hkp_status st = hkp_neuro__room(w, len);
    if (st != HKP_OK) return st;
    if (len > 0) memcpy(w->out + w->at, bytes, len);
    w->at += len;
    return HKP_OK;
}

static inline hkp_status hkp_neuro__put_head(struct hkp_neuro__walk *w, unsigned major, uint64_t value) {
    uint8_t head[HKP_CBOR_HEAD_MAX];
    if (value < 24 && w->at < w->cap && w->at < w->limit) {
        w->out[w->at++] = (uint8_t)(major << 5 | value);
        return HKP_OK;
    }
    return hkp_neuro__put(w, head, hkp_cbor_put_head(head, major, value));
}

static inline hkp_status hkp_neuro__put_int(struct hkp_neuro__walk *w, int64_t value) {
    return value < 0 ? hkp_neuro__put_head(w, HKP_CBOR_NEGINT, (uint64_t)(-1 - value))
                     : hkp_neuro__put_head(w, HKP_CBOR_UINT, (uint64_t)value);
}

static inline hkp_status hkp_neuro__put_string(struct hkp_neuro__walk *w, unsigned major, const void *bytes,
                                               size_t len) {
    const hkp_status st = hkp_neuro__put_head(w, major, len);
    return st == HKP_OK ? hkp_neuro__put(w, bytes, len) : st;
}

/* The head of an item of checked CBOR; the cursor then stands behind it. */
static inline struct hkp_cbor_head hkp_neuro__head(const uint8_t **at) {
    struct hkp_cbor_head h = {(unsigned)(**at >> 5), **at & 31U, 1};
    if (h.value >= 24) (void)hkp_cbor_read_head(*at, HKP_CBOR_HEAD_MAX, &h);
    *at += h.size;
    return h;
}

static inline int64_t hkp_neuro__signed(const struct hkp_cbor_head *h) {
    return h->major == HKP_CBOR_NEGINT ? -1 - (int64_t)h->value : (int64_t)h->value;
}

/* Behind the item at a cursor of checked CBOR. */
static inline const uint8_t *hkp_neuro__skip(const uint8_t *at) {
    for (uint64_t left = 1; left > 0; left--) {
        const struct hkp_cbor_head h = hkp_neuro__head(&at);
        if (h.major == HKP_CBOR_BYTES || h.major == HKP_CBOR_TEXT) at += h.value;
        if (h.major == HKP_CBOR_ARRAY) left += h.value;
        if (h.major == HKP_CBOR_MAP) left += 2 * h.value;
    }
    return at;
}

#endif
