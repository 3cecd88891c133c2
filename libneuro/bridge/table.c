/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A table: its rules, and a bridge made of it (LAB-7.4). */
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

enum {
    MESSAGES_MAX = 64,
    MEMBERS_MAX = 1024,
    NAME_MAX_LEN = 128,
    ID_LIMIT = 65536,
    NUMBER_MAX = (1 << 29) - 1,
    RESERVED_FIRST = 19000,
    RESERVED_LAST = 19999,
    RECORD_MAX = 32768,
    SCALE_MAX = 18,
    CELL_FOR = 2,    /* bytes of input */
    CELLS_OPEN = 16, /* containers that are open take a cell for one byte */
    SPARE_OVER = 16
};

/* A cursor over checked CBOR; after a fault everything reads as zero. */
struct reader {
    const uint8_t *at, *end;
    int bad;
};

static uint64_t take(struct reader *r, unsigned major, uint64_t min, uint64_t max) {
    struct hkp_cbor_head h;
    if (r->bad || hkp_cbor_read_head(r->at, (size_t)(r->end - r->at), &h) != HKP_CBOR_OK ||
        h.major != major || h.value < min || h.value > max) {
        r->bad = 1;
        return 0;
    }
    r->at += h.size;
    return h.value;
}

static uint64_t take_uint(struct reader *r, uint64_t min, uint64_t max) {
    return take(r, HKP_CBOR_UINT, min, max);
}

static const uint8_t *take_string(struct reader *r, unsigned major, size_t min, size_t max, uint32_t *len) {
    *len = (uint32_t)take(r, major, min, max);
    const uint8_t *at = r->at;
    r->at += *len;
    return at;
}

static void expect(struct reader *r, int holds) {
    if (!holds) r->bad = 1;
}

/* Two passes read the same items: the first with b->messages NULL, for the counts alone. */
struct build {
    struct reader r;
    hkp_neuro_bridge *b;
    size_t fields, members;
};

static int same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static int pb_type_fits(uint32_t type, uint32_t pb) {
    static const uint32_t allowed[] = {
        [HKP_NEURO__BOOL] = 1U << HKP_NEURO__PB_BOOL,
        [HKP_NEURO__U64] = 1U << HKP_NEURO__PB_UINT32 | 1U << HKP_NEURO__PB_UINT64 |
                           1U << HKP_NEURO__PB_FIXED32 | 1U << HKP_NEURO__PB_FIXED64,
        [HKP_NEURO__I64] = 1U << HKP_NEURO__PB_INT32 | 1U << HKP_NEURO__PB_INT64 |
                           1U << HKP_NEURO__PB_SINT32 | 1U << HKP_NEURO__PB_SINT64 |
                           1U << HKP_NEURO__PB_SFIXED32 | 1U << HKP_NEURO__PB_SFIXED64,
        [HKP_NEURO__TEXT] = 1U << HKP_NEURO__PB_STRING,
        [HKP_NEURO__BYTES] = 1U << HKP_NEURO__PB_BYTES,
        [HKP_NEURO__F64] = 1U << HKP_NEURO__PB_DOUBLE,
        [HKP_NEURO__ENUM] = 1U << HKP_NEURO__PB_ENUM,
        [HKP_NEURO__MESSAGE] = 1U << HKP_NEURO__PB_MESSAGE,
    };
    const uint32_t set =
        type == HKP_NEURO__DECIMAL ? allowed[HKP_NEURO__I64] | 1U << HKP_NEURO__PB_STRING : allowed[type];
    return pb <= HKP_NEURO__PB_MESSAGE && (set >> pb & 1) != 0;
}

static int record_form_fits(const struct hkp_neuro__field *f) {
    const uint32_t n = f->rec_length;
    const int signed_type = f->type == HKP_NEURO__I64 || f->type == HKP_NEURO__DECIMAL;
    switch (f->rec_form) {
    case HKP_NEURO__REC_TEXT:
        if (f->type == HKP_NEURO__BOOL) return n == 1;
        return (f->type == HKP_NEURO__TEXT || f->type == HKP_NEURO__ENUM) && n >= 1;
    case HKP_NEURO__REC_DIGITS:
        return f->type == HKP_NEURO__U64 && n >= 1 && n <= 19;
    case HKP_NEURO__REC_SIGNED:
        return signed_type && n >= 2 && n <= 19;
    case HKP_NEURO__REC_PACKED:
        return signed_type && n >= 1 && n <= 10;
    case HKP_NEURO__REC_BINARY:
        return (signed_type || f->type == HKP_NEURO__U64) && (n == 2 || n == 4 || n == 8);
    default:
        return 0;
    }
}

static int enum_fits_record(const struct hkp_neuro__enum *e, uint32_t length) {
    for (uint32_t i = 0; i < e->n; i++)
        if (e->members[i].name_len > length ||
            !hkp_neuro__record_text_fits(e->members[i].name, e->members[i].name_len))
            return 0;
    return 1;
}

static void read_field(struct build *s, struct hkp_neuro__field *f) {
    struct reader *r = &s->r;
    (void)take(r, HKP_CBOR_ARRAY, 12, 12);
    f->id = (uint32_t)take_uint(r, 0, ID_LIMIT - 1);
    f->name = take_string(r, HKP_CBOR_TEXT, 1, NAME_MAX_LEN, &f->name_len);
    f->type = (uint8_t)take_uint(r, HKP_NEURO__BOOL, HKP_NEURO__MESSAGE);
    f->cardinality = (uint8_t)take_uint(r, HKP_NEURO__REQUIRED, HKP_NEURO__REPEATED);
    f->arg = (uint16_t)take_uint(r, 0, UINT16_MAX);
    f->sensitivity = (uint8_t)take_uint(r, 1, 4);
    /* of unused sides any number will do, so they are read wide and judged afterwards */
    const uint64_t json_form = take_uint(r, 0, UINT64_MAX), number = take_uint(r, 0, UINT64_MAX);
    const uint64_t pb_type = take_uint(r, 0, UINT64_MAX), offset = take_uint(r, 0, UINT64_MAX);
    const uint64_t length = take_uint(r, 0, UINT64_MAX), form = take_uint(r, 0, UINT64_MAX);
    if (s->b->sides & HKP_NEURO_BRIDGE_JSON) {
        expect(r, json_form <= 1);
        f->json_form = (uint8_t)(json_form & 1);
    }
    if (s->b->sides & HKP_NEURO_BRIDGE_PROTOBUF) {
        expect(r, number >= 1 && number <= NUMBER_MAX && (number < RESERVED_FIRST || number > RESERVED_LAST));
        expect(r, pb_type <= HKP_NEURO__PB_MESSAGE);
        f->pb_number = (uint32_t)number;
        f->pb_type = (uint8_t)pb_type;
    }
    if (s->b->sides & HKP_NEURO_BRIDGE_RECORD) {
        expect(r, offset <= RECORD_MAX && length <= RECORD_MAX && form <= HKP_NEURO__REC_BINARY);
        f->rec_offset = (uint32_t)offset;
        f->rec_length = (uint32_t)length;
        f->rec_form = (uint8_t)form;
    }
}

static void read_messages(struct build *s) {
    struct reader *r = &s->r;
    hkp_neuro_bridge *b = s->b;
    const size_t n = (size_t)take(r, HKP_CBOR_ARRAY, 1, MESSAGES_MAX);
    for (size_t m = 0; m < n && !r->bad; m++) {
        struct hkp_neuro__message message = {0};
        (void)take(r, HKP_CBOR_ARRAY, 2, 2);
        message.name = take_string(r, HKP_CBOR_TEXT, 1, NAME_MAX_LEN, &message.name_len);
        message.n_fields = (uint32_t)take(r, HKP_CBOR_ARRAY, 1, HKP_NEURO__FIELDS_MAX);
        if (b->messages != NULL) {
            message.fields = b->fields + s->fields;
            message.by_number = b->numbers + s->fields;
            b->messages[m] = message;
        }
        for (size_t i = 0; i < message.n_fields && !r->bad; i++, s->fields++) {
            struct hkp_neuro__field one = {0};
            read_field(s, &one);
            if (b->fields != NULL) b->fields[s->fields] = one;
        }
    }
    b->n_messages = n;
}

static void read_enums(struct build *s) {
    struct reader *r = &s->r;
    hkp_neuro_bridge *b = s->b;
    const size_t n = (size_t)take(r, HKP_CBOR_ARRAY, 0, UINT16_MAX);
    for (size_t e = 0; e < n && !r->bad; e++) {
        const uint32_t k = (uint32_t)take(r, HKP_CBOR_ARRAY, 1, MEMBERS_MAX);
        if (b->enums != NULL) b->enums[e] = (struct hkp_neuro__enum){b->members + s->members, k};
        for (uint32_t i = 0; i < k && !r->bad; i++, s->members++) {
            struct hkp_neuro__member one = {0};
            (void)take(r, HKP_CBOR_ARRAY, 2, 2);
            const int negative = r->at < r->end && *r->at >> 5 == HKP_CBOR_NEGINT;
            const uint64_t v = take(r, negative ? HKP_CBOR_NEGINT : HKP_CBOR_UINT, 0, INT32_MAX);
            one.number = negative ? -1 - (int32_t)v : (int32_t)v;
            one.name = take_string(r, HKP_CBOR_TEXT, 1, NAME_MAX_LEN, &one.name_len);
            if (b->members != NULL) b->members[s->members] = one;
        }
    }
    b->n_enums = n;
}

static void read_table(struct build *s) {
    struct reader *r = &s->r;
    hkp_neuro_bridge *b = s->b;
    uint32_t len = 0;
    uint64_t key = 0;
    r->at = b->table;
    r->end = b->table + b->table_len;
    s->fields = s->members = 0;
    (void)take(r, HKP_CBOR_MAP, 9, 9);
    (void)take_uint(r, key, key);
    (void)take_uint(r, 1, 1);
    key++;
    (void)take_uint(r, key, key);
    b->name = take_string(r, HKP_CBOR_TEXT, 1, 64, &len);
    b->name_len = len;
    key++;
    (void)take_uint(r, key, key);
    b->revision = (uint32_t)take_uint(r, 1, UINT32_MAX);
    key++;
    (void)take_uint(r, key, key);
    const uint8_t *previous = take_string(r, HKP_CBOR_BYTES, 0, 32, &len);
    expect(r, len == (b->revision == 1 ? 0 : 32));
    if (!r->bad) memcpy(b->previous, previous, len);
    key++;
    (void)take_uint(r, key, key);
    b->sides = (uint32_t)take_uint(r, 3, 6);
    expect(r, b->sides != 4);
    const int record = (b->sides & HKP_NEURO_BRIDGE_RECORD) != 0;
    key++;
    (void)take_uint(r, key, key);
    b->charset = (uint32_t)take_uint(r, 0, record ? 1 : UINT64_MAX);
    key++;
    (void)take_uint(r, key, key);
    b->record_length = (uint32_t)take_uint(r, record ? 1 : 0, record ? RECORD_MAX : UINT64_MAX);
    key++;
    (void)take_uint(r, key, key);
    read_messages(s);
    key++;
    (void)take_uint(r, key, key);
    read_enums(s);
}

/* ---- rules between the items ---- */

static int enum_rules(const struct hkp_neuro__enum *e) {
    for (uint32_t i = 0; i < e->n; i++) {
        if (i > 0 && e->members[i].number <= e->members[i - 1].number) return 0;
        for (uint32_t k = 0; k < i; k++)
            if (same(e->members[i].name, e->members[i].name_len, e->members[k].name, e->members[k].name_len))
                return 0;
    }
    return 1;
}

static int arg_fits(const hkp_neuro_bridge *b, size_t own, const struct hkp_neuro__field *f) {
    if (f->type == HKP_NEURO__DECIMAL) return f->arg <= SCALE_MAX;
    if (f->type == HKP_NEURO__ENUM) return f->arg < b->n_enums;
    if (f->type == HKP_NEURO__MESSAGE) return f->arg > own && f->arg < b->n_messages;
    return f->arg == 0;
}

static int field_rules(const hkp_neuro_bridge *b, size_t own, const struct hkp_neuro__field *f) {
    if (!arg_fits(b, own, f)) return 0;
    const int number =
        f->type == HKP_NEURO__U64 || f->type == HKP_NEURO__I64 || f->type == HKP_NEURO__DECIMAL;
    if (f->json_form == 1 && !number) return 0;
    if (b->sides & HKP_NEURO_BRIDGE_PROTOBUF) {
        if (!pb_type_fits(f->type, f->pb_type)) return 0;
        if (f->type == HKP_NEURO__ENUM && f->cardinality == HKP_NEURO__REQUIRED &&
            hkp_neuro__enum_number(&b->enums[f->arg], 0) == NULL)
            return 0;
    }
    if (b->sides & HKP_NEURO_BRIDGE_RECORD) {
        if (b->n_messages != 1 || f->cardinality != HKP_NEURO__REQUIRED || !record_form_fits(f)) return 0;
        if (f->rec_offset + f->rec_length > b->record_length) return 0;
        if (f->type == HKP_NEURO__ENUM && !enum_fits_record(&b->enums[f->arg], f->rec_length)) return 0;
    }
    return 1;
}

static int pair_rules(uint32_t sides, const struct hkp_neuro__field *f, const struct hkp_neuro__field *g) {
    if (same(f->name, f->name_len, g->name, g->name_len)) return 0;
    if (sides & HKP_NEURO_BRIDGE_PROTOBUF && f->pb_number == g->pb_number) return 0;
    const int apart =
        f->rec_offset + f->rec_length <= g->rec_offset || g->rec_offset + g->rec_length <= f->rec_offset;
    return !(sides & HKP_NEURO_BRIDGE_RECORD) || apart;
}

static int message_rules(hkp_neuro_bridge *b, size_t own) {
    struct hkp_neuro__message *m = &b->messages[own];
    for (size_t k = 0; k < own; k++)
        if (same(m->name, m->name_len, b->messages[k].name, b->messages[k].name_len)) return 0;
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const struct hkp_neuro__field *f = &m->fields[i];
        if (i > 0 && f->id <= m->fields[i - 1].id) return 0;
        if (!field_rules(b, own, f)) return 0;
        for (uint32_t k = 0; k < i; k++)
            if (!pair_rules(b->sides, f, &m->fields[k])) return 0;
        if (f->sensitivity > b->level) b->level = f->sensitivity;
    }
    return 1;
}

/* by_number by insertion: at most 256 of them. */
static void order_numbers(struct hkp_neuro__message *m, uint8_t *by_number) {
    m->in_order = 1;
    for (uint32_t i = 0; i < m->n_fields; i++) {
        uint32_t at = i;
        for (; at > 0 && m->fields[by_number[at - 1]].pb_number > m->fields[i].pb_number; at--)
            by_number[at] = by_number[at - 1];
        by_number[at] = (uint8_t)i;
        if (at != i) m->in_order = 0;
    }
}

static int rules(hkp_neuro_bridge *b) {
    for (size_t e = 0; e < b->n_enums; e++)
        if (!enum_rules(&b->enums[e])) return 0;
    for (size_t m = 0; m < b->n_messages; m++) {
        if (!message_rules(b, m)) return 0;
        order_numbers(&b->messages[m], b->numbers + (b->messages[m].fields - b->fields));
    }
    return 1;
}

/* ---- life ---- */

static hkp_status allocate(hkp_neuro_bridge *b) {
    const struct hkp_mem *mem = &b->mem;
    b->messages = hkp_mem_alloc(mem, b->n_messages * sizeof *b->messages);
    b->fields = hkp_mem_alloc(mem, b->n_fields * sizeof *b->fields);
    b->numbers = hkp_mem_alloc(mem, b->n_fields);
    b->cells_max = b->size_max / CELL_FOR + CELLS_OPEN;
    b->cells = mem->alloc(mem->user, b->cells_max * sizeof *b->cells);
    b->spare = mem->alloc(mem->user, b->size_max + SPARE_OVER);
    b->inter = mem->alloc(mem->user, b->size_max);
    if (b->n_enums > 0) {
        b->enums = hkp_mem_alloc(mem, b->n_enums * sizeof *b->enums);
        b->members = hkp_mem_alloc(mem, b->n_members * sizeof *b->members);
        if (b->enums == NULL || b->members == NULL) return HKP_E_NOMEM;
    }
    return b->messages != NULL && b->fields != NULL && b->numbers != NULL && b->cells != NULL &&
                   b->spare != NULL && b->inter != NULL
               ? HKP_OK
               : HKP_E_NOMEM;
}

static hkp_status build(hkp_neuro_bridge *b) {
    struct build s = {.b = b};
    if (hkp_cbor_check(b->table, b->table_len) != HKP_CBOR_OK) return HKP_E_NEURO_BR_TABLE;
    read_table(&s);
    if (s.r.bad) return HKP_E_NEURO_BR_TABLE;
    b->n_fields = s.fields;
    b->n_members = s.members;
    const hkp_status st = allocate(b);
    if (st != HKP_OK) return st;
    read_table(&s);
    if (!rules(b)) return HKP_E_NEURO_BR_TABLE;
    static const char label[] = "LAB1 table id";
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)label, sizeof label);
    crypto_hash_sha256_update(&h, b->table, b->table_len);
    crypto_hash_sha256_final(&h, b->table_id);
    return HKP_OK;
}

void hkp_neuro_bridge_options_init(struct hkp_neuro_bridge_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_neuro_bridge_new(hkp_neuro_bridge **out, const struct hkp_neuro_bridge_options *opt,
                                const uint8_t *table, size_t len) {
    struct hkp_neuro_bridge_options own = {0};
    hkp_status st = opt == NULL ? HKP_OK : hkp_options_import(&own, sizeof own, sizeof own, opt);
    if (st == HKP_OK) st = hkp_mem_import(&own.mem);
    if (st != HKP_OK) return st;
    if (own.size_max == 0) own.size_max = HKP_NEURO_BRIDGE_SIZE_MAX;
    if (own.size_max > HKP_NEURO_BRIDGE_SIZE_MAX) return HKP_E_INVAL;
    if (len == 0 || len > HKP_NEURO_BRIDGE_SIZE_MAX) return HKP_E_NEURO_BR_TABLE;
    hkp_neuro_bridge *b = hkp_mem_alloc(&own.mem, sizeof *b);
    if (b == NULL) return HKP_E_NOMEM;
    b->mem = own.mem;
    b->size_max = own.size_max;
    b->table_len = len;
    b->table = hkp_mem_alloc(&b->mem, len);
    if (b->table != NULL) memcpy(b->table, table, len);
    st = b->table == NULL ? HKP_E_NOMEM : build(b);
    if (st == HKP_OK)
        *out = b;
    else
        hkp_neuro_bridge_free(b);
    return st;
}

static void wipe_and_free(const struct hkp_mem *mem, void *ptr, size_t size) {
    if (ptr != NULL) sodium_memzero(ptr, size);
    hkp_mem_free(mem, ptr, size);
}

void hkp_neuro_bridge_free(hkp_neuro_bridge *b) {
    if (b == NULL) return;
    const struct hkp_mem mem = b->mem;
    hkp_mem_free(&mem, b->table, b->table_len);
    hkp_mem_free(&mem, b->messages, b->n_messages * sizeof *b->messages);
    hkp_mem_free(&mem, b->fields, b->n_fields * sizeof *b->fields);
    hkp_mem_free(&mem, b->numbers, b->n_fields);
    hkp_mem_free(&mem, b->enums, b->n_enums * sizeof *b->enums);
    hkp_mem_free(&mem, b->members, b->n_members * sizeof *b->members);
    hkp_mem_free(&mem, b->cells, b->cells_max * sizeof *b->cells);
    wipe_and_free(&mem, b->spare, b->size_max + SPARE_OVER);
    wipe_and_free(&mem, b->inter, b->size_max);
    hkp_mem_free(&mem, b, sizeof *b);
}
