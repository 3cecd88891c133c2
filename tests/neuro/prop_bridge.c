/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The round-trip law (LAB-7.9) over random values and random spellings of the vectors' tables. A share of a
 * second by default; HKP_BRIDGE_VALUES=1000000 for each pair of codecs.
 */
#include "bridge_support.h"
#include "libneuro/bridge/bridge.h"

static uint64_t rnd;
static struct form inter, a, b_form, back, spelled;

static uint64_t up_to(uint64_t n) { return check_random(&rnd) % (n + 1); }

static uint64_t values(void) {
    const char *given = getenv("HKP_BRIDGE_VALUES");
    return given != NULL ? strtoull(given, NULL, 0) : 3000;
}

/* ---- a random intermediary of a table ---- */

static void put_head(unsigned major, uint64_t value) {
    inter.len += hkp_cbor_put_head(inter.bytes + inter.len, major, value);
}

static void put_bytes(unsigned major, const void *bytes, size_t len) {
    put_head(major, len);
    memcpy(inter.bytes + inter.len, bytes, len);
    inter.len += len;
}

/* Numbers of every length, and the ends of each. */
static uint64_t any_u64(void) {
    const uint64_t v = check_random(&rnd) >> up_to(63);
    return up_to(15) == 0 ? ~(uint64_t)0 >> up_to(63) : up_to(15) == 0 ? 0 : v;
}

static uint64_t ten_to(uint32_t n) {
    uint64_t v = 1;
    while (n-- > 0) v *= 10;
    return v;
}

static uint64_t unsigned_of(const hkp_neuro_bridge *b, const struct hkp_neuro__field *f) {
    uint64_t v = any_u64();
    if ((b->sides & PROTOBUF) && (f->pb_type == HKP_NEURO__PB_UINT32 || f->pb_type == HKP_NEURO__PB_FIXED32))
        v &= UINT32_MAX;
    if (!(b->sides & RECORD)) return v;
    if (f->rec_form == HKP_NEURO__REC_DIGITS) return v % ten_to(f->rec_length);
    return f->rec_length == 8 ? v : v & (((uint64_t)1 << 8 * f->rec_length) - 1);
}

static int64_t signed_of(const hkp_neuro_bridge *b, const struct hkp_neuro__field *f) {
    int64_t v = (int64_t)any_u64();
    if ((b->sides & PROTOBUF) && (f->pb_type == HKP_NEURO__PB_INT32 || f->pb_type == HKP_NEURO__PB_SINT32 ||
                                  f->pb_type == HKP_NEURO__PB_SFIXED32))
        v = (int32_t)v;
    if (!(b->sides & RECORD)) return v;
    if (f->rec_form == HKP_NEURO__REC_SIGNED) return v % (int64_t)ten_to(f->rec_length - 1);
    if (f->rec_form == HKP_NEURO__REC_PACKED)
        return 2 * f->rec_length - 1 > 18 ? v : v % (int64_t)ten_to(2 * f->rec_length - 1);
    return f->rec_length == 2 ? (int16_t)v : f->rec_length == 4 ? (int32_t)v : v;
}

static void put_text(const hkp_neuro_bridge *b, const struct hkp_neuro__field *f) {
    static const char *const parts[] = {"a",    "Z",    " ", "\"", "\\", "/",           "\n",
                                        "\x01", "\x7F", "é", "€",  "😀",  "\xED\x9F\xBF"};
    char text[256] = "";
    const int plain = (b->sides & RECORD) != 0;
    for (uint64_t n = up_to(plain ? f->rec_length : 30); n > 0; n--) {
        const char c[2] = {(char)(0x20 + up_to(0x5E)), 0};
        strcat(text, plain ? c : parts[up_to(sizeof parts / sizeof parts[0] - 1)]);
    }
    while (plain && text[0] != 0 && text[strlen(text) - 1] == ' ') text[strlen(text) - 1] = 0;
    put_bytes(HKP_CBOR_TEXT, text, strlen(text));
}

static void put_f64(void) {
    uint8_t bytes[8];
    uint64_t bits = check_random(&rnd);
    if (up_to(2) == 0) bits = bits >> 12 | (uint64_t)(1023 + up_to(40)) << 52;
    if (!hkp_neuro__f64_finite(bits)) bits = up_to(1) << 63;
    hkp_put_be64(bytes, bits);
    put_bytes(HKP_CBOR_BYTES, bytes, 8);
}

static void put_message(const hkp_neuro_bridge *b, const struct hkp_neuro__message *m);

static void put_value(const hkp_neuro_bridge *b, const struct hkp_neuro__field *f) {
    uint8_t bytes[40];
    int64_t v = 0;
    switch (f->type) {
    case HKP_NEURO__BOOL:
        put_head(HKP_CBOR_SIMPLE, HKP_CBOR_FALSE + up_to(1));
        return;
    case HKP_NEURO__U64:
        put_head(HKP_CBOR_UINT, unsigned_of(b, f));
        return;
    case HKP_NEURO__TEXT:
        put_text(b, f);
        return;
    case HKP_NEURO__BYTES:
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)check_random(&rnd);
        put_bytes(HKP_CBOR_BYTES, bytes, up_to(sizeof bytes));
        return;
    case HKP_NEURO__F64:
        put_f64();
        return;
    case HKP_NEURO__MESSAGE:
        put_message(b, &b->messages[f->arg]);
        return;
    case HKP_NEURO__ENUM:
        v = b->enums[f->arg].members[up_to(b->enums[f->arg].n - 1)].number;
        break;
    default:
        v = signed_of(b, f);
    }
    put_head(v < 0 ? HKP_CBOR_NEGINT : HKP_CBOR_UINT, v < 0 ? (uint64_t)(-1 - v) : (uint64_t)v);
}

static void put_message(const hkp_neuro_bridge *b, const struct hkp_neuro__message *m) {
    uint8_t there[HKP_NEURO__FIELDS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_fields; i++) {
        there[i] = m->fields[i].cardinality != HKP_NEURO__OPTIONAL || up_to(1) == 0;
        n += there[i];
    }
    put_head(HKP_CBOR_MAP, n);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const struct hkp_neuro__field *f = &m->fields[i];
        if (!there[i]) continue;
        put_head(HKP_CBOR_UINT, f->id);
        if (f->cardinality != HKP_NEURO__REPEATED) {
            put_value(b, f);
            continue;
        }
        const uint64_t items = up_to(4);
        put_head(HKP_CBOR_ARRAY, items);
        for (uint64_t k = 0; k < items; k++) put_value(b, f);
    }
}

/* ---- the law ---- */

static void check_value(hkp_neuro_bridge *b, uint32_t one, uint32_t other) {
    inter.len = 0;
    put_message(b, &b->messages[0]);
    CHECK_EQ(hkp_neuro_bridge_check(b, inter.bytes, inter.len, NULL), HKP_OK);
    CHECK_EQ(encode(b, one, &inter, &a), HKP_OK);
    CHECK_EQ(encode(b, other, &inter, &b_form), HKP_OK);
    CHECK_EQ(decode(b, one, a.bytes, a.len, &back), HKP_OK);
    check_form(&back, inter.bytes, inter.len);
    CHECK_EQ(decode(b, other, b_form.bytes, b_form.len, &back), HKP_OK);
    check_form(&back, inter.bytes, inter.len);
    CHECK_EQ(hkp_neuro_bridge_translate(b, one, other, a.bytes, a.len, back.bytes, sizeof back.bytes,
                                        &back.len, NULL),
             HKP_OK);
    check_form(&back, b_form.bytes, b_form.len);
}

static void check_table(json_t *o, uint32_t one, uint32_t other) {
    hkp_neuro_bridge *b = bridge_of(o, "table");
    rnd = check_seed();
    for (uint64_t i = 0; i < values(); i++) {
        const int before = check_faults;
        check_value(b, one, other);
        CHECK_NOTE(before, "value %" PRIu64, i);
        if (check_faults != before) break;
    }
    hkp_neuro_bridge_free(b);
}

static void json_and_protobuf_hold_the_same(void) {
    check_table(vec_load("lab/translate.json"), JSON, PROTOBUF);
}

static void json_and_records_hold_the_same(void) {
    json_t *sets = vec_get(vec_load("lab/record.json"), "sets");
    check_table(json_array_get(sets, 0), JSON, RECORD);
    check_table(json_array_get(sets, 1), JSON, RECORD);
}

/* The vectors' record table with the sides Protobuf and record: its fields have both. */
static void protobuf_and_records_hold_the_same(void) {
    json_t *set = json_array_get(vec_get(vec_load("lab/record.json"), "sets"), 1);
    struct vec_bytes t = vec_hex(set, "table");
    hkp_neuro_bridge *b = NULL;
    uint8_t *sides = memmem(t.ptr, t.len, "\x04\x05\x05", 3);
    CHECK(sides != NULL);
    sides[1] = PROTOBUF | RECORD;
    CHECK_EQ(hkp_neuro_bridge_new(&b, NULL, t.ptr, t.len), HKP_OK);
    rnd = check_seed();
    for (uint64_t i = 0; b != NULL && i < values(); i++) check_value(b, PROTOBUF, RECORD);
    hkp_neuro_bridge_free(b);
    free(t.ptr);
}

/* ---- other spellings ---- */

/* A canonical text with blanks between its tokens and some characters written as escapes. */
static void spell(const struct form *canonical) {
    int in_string = 0;
    spelled.len = 0;
    for (size_t i = 0; i < canonical->len; i++) {
        const uint8_t c = canonical->bytes[i];
        const int escaped = i > 0 && in_string && canonical->bytes[i - 1] == '\\';
        if (!in_string && up_to(7) == 0 && strchr("{}[],:", c) != NULL)
            spelled.bytes[spelled.len++] = (uint8_t) " \t\n\r"[up_to(3)];
        if (in_string && c == '\\') { /* an escape goes over whole */
            spelled.bytes[spelled.len++] = c;
            spelled.bytes[spelled.len++] = canonical->bytes[++i];
            continue;
        }
        if (c == '"') in_string = !in_string;
        if (in_string && !escaped && c >= 'a' && c <= 'z' && up_to(9) == 0)
            spelled.len +=
                (size_t)sprintf((char *)spelled.bytes + spelled.len, up_to(1) ? "\\u%04x" : "\\u%04X", c);
        else
            spelled.bytes[spelled.len++] = c;
    }
}

static void every_spelling_comes_to_the_canonical_one(void) {
    hkp_neuro_bridge *b = bridge_of(vec_load("lab/translate.json"), "table");
    rnd = check_seed();
    for (uint64_t i = 0; i < values() / 2; i++) {
        inter.len = 0;
        put_message(b, &b->messages[0]);
        CHECK_EQ(encode(b, JSON, &inter, &a), HKP_OK);
        spell(&a);
        CHECK_EQ(decode(b, JSON, spelled.bytes, spelled.len, &back), HKP_OK);
        check_form(&back, inter.bytes, inter.len);
        if (check_faults > 0) break;
    }
    hkp_neuro_bridge_free(b);
}

/* Protobuf fields of a message in any order, numbers of a list one by one. */
static void protobuf_in_any_order_comes_to_the_canonical_one(void) {
    static const char *const fields[] = {
        "\x08\x07",     "\x12\x01\x63",        "\x28\x01", "\x30\x01", "\xA0\x01\x03",
        "\xA0\x01\x04", "\xA2\x01\x02\x05\x06"};
    enum { N = sizeof fields / sizeof fields[0] };
    hkp_neuro_bridge *b = bridge_of(vec_load("lab/translate.json"), "table");
    rnd = check_seed();
    for (uint64_t i = 0; i < 200; i++) {
        size_t order[N], codes = 0;
        uint8_t want[4] = {0};
        for (size_t k = 0; k < N; k++) order[k] = k;
        for (size_t k = N - 1; k > 0; k--) {
            const size_t other = (size_t)up_to(k), kept = order[k];
            order[k] = order[other];
            order[other] = kept;
        }
        spelled.len = 0;
        for (size_t k = 0; k < N; k++) {
            const size_t len = strlen(fields[order[k]]);
            memcpy(spelled.bytes + spelled.len, fields[order[k]], len);
            spelled.len += len;
            if (order[k] == 6) want[codes++] = 5, want[codes++] = 6;
            if (order[k] == 4 || order[k] == 5) want[codes++] = order[k] == 4 ? 3 : 4;
        }
        CHECK_EQ(decode(b, PROTOBUF, spelled.bytes, spelled.len, &back), HKP_OK);
        CHECK_EQ(encode(b, PROTOBUF, &back, &a), HKP_OK);
        CHECK_EQ(a.len, 16);
        CHECK_MEM(a.bytes,
                  "\x08\x07\x12\x01"
                  "c\x28\x01\x30\x01\xA2\x01\x04",
                  12);
        CHECK_MEM(a.bytes + 12, want, sizeof want);
    }
    hkp_neuro_bridge_free(b);
}

/* jansson is the second opinion on what is JSON: but for zero bytes, which it passes over behind a number. */
static void what_we_call_json_jansson_calls_json(void) {
    json_t *file = vec_load("lab/translate.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    json_t *cases = vec_get(file, "cases");
    rnd = check_seed();
    for (uint64_t i = 0; i < values() * 4; i++) {
        o = json_array_get(cases, (size_t)up_to(json_array_size(cases) - 1));
        const char *json = vec_text(o, "json");
        size_t len = strlen(json);
        memcpy(spelled.bytes, json, len);
        for (uint64_t n = 1 + up_to(2); n > 0; n--)
            spelled.bytes[up_to(len - 1)] = (uint8_t) "{}[],:\"\\0123456789eE+-.tfnu \n"[up_to(28)];
        json_error_t why;
        json_t *theirs = json_loadb((const char *)spelled.bytes, len, JSON_REJECT_DUPLICATES, &why);
        struct hkp_neuro__walk w = {.b = b, .in = spelled.bytes, .len = len};
        const hkp_status st = hkp_neuro__json_scan(&w);
        const int overflow = theirs == NULL && (json_error_code(&why) == json_error_numeric_overflow);
        const int duplicate = theirs == NULL && json_error_code(&why) == json_error_duplicate_key;
        const int before = check_faults;
        if (theirs != NULL) CHECK_EQ(st, HKP_OK);
        if (theirs == NULL && !overflow && !duplicate) CHECK(st != HKP_OK);
        CHECK_NOTE(before, "%.*s", (int)len, (const char *)spelled.bytes);
        json_decref(theirs);
    }
    hkp_neuro_bridge_free(b);
}

int main(void) {
    CASE(json_and_protobuf_hold_the_same);
    CASE(json_and_records_hold_the_same);
    CASE(protobuf_and_records_hold_the_same);
    CASE(every_spelling_comes_to_the_canonical_one);
    CASE(protobuf_in_any_order_comes_to_the_canonical_one);
    CASE(what_we_call_json_jansson_calls_json);
    return check_done();
}
