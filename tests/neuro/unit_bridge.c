/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The bridge: places of faults, limits, equal names, tables that follow each other, memory (LAB-7, LAB-10).
 */
#include "alloc.h"
#include "bridge_support.h"
#include "libneuro/bridge/bridge.h"

static struct form inter, out;

static hkp_neuro_bridge *order(void) { return bridge_of(vec_load("lab/translate.json"), "table"); }

/* ---- places ---- */

static void check_place(hkp_neuro_bridge *b, uint32_t form, const void *in, size_t len, hkp_status want,
                        const char *path, uint64_t offset) {
    struct hkp_neuro_bridge_place place;
    CHECK_EQ(hkp_neuro_bridge_decode(b, form, in, len, inter.bytes, sizeof inter.bytes, &inter.len, &place),
             want);
    if (strcmp(place.path, path) != 0) printf("# path %s, expected %s\n", place.path, path);
    CHECK(strcmp(place.path, path) == 0);
    CHECK_EQ(place.offset, offset);
}

static void a_fault_has_its_place(void) {
    hkp_neuro_bridge *b = order();
    const char *price =
        "{\"id\":1,\"customer\":\"c\",\"total\":0.00,\"rate\":0,\"paid\":false,\"state\":\"open\","
        "\"tags\":[],\"codes\":[],\"lines\":[{\"sku\":\"a\",\"qty\":1,\"price\":1.00},"
        "{\"sku\":\"a\",\"qty\":1,\"price\":\"x\"}]}";
    check_place(b, JSON, price, strlen(price), HKP_E_NEURO_BR_TYPE, "8[1].3",
                (uint64_t)(strstr(price, "\"x\"") + 1 - price));
    const char *none = "{\"id\":1}";
    check_place(b, JSON, none, strlen(none), HKP_E_NEURO_BR_MISSING, "2", 0);
    const char *cut = "{\"id\":1";
    check_place(b, JSON, cut, strlen(cut), HKP_E_NEURO_BR_SYNTAX, "", strlen(cut));
    /* a second line whose price is no decimal: field 8, length 6, price of 4 bytes */
    check_place(b, PROTOBUF,
                "\x42\x06\x1A\x04"
                "1.50\x42\x06\x1A\x04"
                "1,50",
                16, HKP_E_NEURO_BR_NUMBER, "8[1].3", 11);
    hkp_neuro_bridge_free(b);
    b = bridge_of(json_array_get(vec_get(vec_load("lab/record.json"), "sets"), 0), "table");
    char record[64];
    memset(record, ' ', sizeof record);
    check_place(b, RECORD, record, 64, HKP_E_NEURO_BR_NUMBER, "1", 0);
    check_place(b, RECORD, record, 63, HKP_E_NEURO_BR_LENGTH, "", 63);
    hkp_neuro_bridge_free(b);
}

/* ---- equal names ---- */

static void check_json(hkp_neuro_bridge *b, const char *json, hkp_status want) {
    const int before = check_faults;
    CHECK_EQ(decode(b, JSON, json, strlen(json), &inter), want);
    CHECK_NOTE(before, "%s", json);
}

static void an_equal_name_is_found_before_what_is_read_after_it(void) {
    hkp_neuro_bridge *b = order();
    check_json(b, "{\"x\":1,\"x\":2,}", HKP_E_NEURO_BR_DUPLICATE);
    check_json(b, "{\"x\":1,,\"x\":2}", HKP_E_NEURO_BR_SYNTAX);
    check_json(b, "{\"x\":1,\"\\u0078\":2", HKP_E_NEURO_BR_DUPLICATE);
    check_json(b, "{\"x\":1,\"x", HKP_E_NEURO_BR_SYNTAX);
    check_json(b, "{\"x\":{\"y\":1},\"y\":2}", HKP_E_NEURO_BR_UNMAPPED);
    check_json(b, "{\"x\":[{\"y\":1,\"\":3,\"y\":2}],\"z\":2}", HKP_E_NEURO_BR_DUPLICATE);
    check_json(b, "{\"id\":1,\"id\":\"\\ud800\"}", HKP_E_NEURO_BR_DUPLICATE);
    check_json(b, "{\"id\":\"\\ud800\",\"id\":1}", HKP_E_NEURO_BR_UTF8);
    check_json(b, "{\"\\ud83d\\ude00\":1,\"😀\":1}", HKP_E_NEURO_BR_DUPLICATE);
    check_json(b, "{\"ab\":1,\"a\":1,\"abc\":1}", HKP_E_NEURO_BR_UNMAPPED);
    hkp_neuro_bridge_free(b);
}

/* A quadratic search over these would take minutes. */
static void many_unknown_names_cost_no_more_than_sorting_them(void) {
    hkp_neuro_bridge *b = order();
    const size_t cap = HKP_NEURO_BRIDGE_SIZE_MAX;
    char *json = malloc(cap + 1);
    size_t len = 1;
    json[0] = '{';
    for (unsigned i = 0; len < cap - 40; i++)
        len += (size_t)sprintf(json + len, "\"%x\":0,", i * 2654435761U);
    len += (size_t)sprintf(json + len, "\"%x\":0}", 0x80000000U);
    CHECK_EQ(decode(b, JSON, json, len, &inter), HKP_E_NEURO_BR_UNMAPPED);
    memcpy(json + len - 14, ",\"0\":0", 6); /* the first name again, before the last one is whole */
    CHECK_EQ(decode(b, JSON, json, len, &inter), HKP_E_NEURO_BR_DUPLICATE);
    free(json);
    hkp_neuro_bridge_free(b);
}

/* ---- limits ---- */

static void sizes_are_bounded_and_told(void) {
    hkp_neuro_bridge *b = order();
    uint8_t *big = calloc(1, HKP_NEURO_BRIDGE_SIZE_MAX + 1);
    CHECK_EQ(decode(b, JSON, big, HKP_NEURO_BRIDGE_SIZE_MAX + 1, &inter), HKP_E_NEURO_BR_LIMIT);
    CHECK_EQ(decode(b, JSON, big, HKP_NEURO_BRIDGE_SIZE_MAX, &inter), HKP_E_NEURO_BR_SYNTAX);
    CHECK_EQ(hkp_neuro_bridge_check(b, big, HKP_NEURO_BRIDGE_SIZE_MAX + 1, NULL), HKP_E_NEURO_BR_LIMIT);
    /* 65,537 numbers in one packed list */
    uint8_t *list = big;
    memcpy(list, "\xA2\x01\x81\x80\x04", 5);
    CHECK_EQ(decode(b, PROTOBUF, list, 5 + 65537, &inter), HKP_E_NEURO_BR_LIMIT);
    list[2] = 0x80;
    uint8_t *room = malloc(1 << 20);
    size_t n;
    CHECK_EQ(hkp_neuro_bridge_decode(b, PROTOBUF, list, 5 + 65536, room, 1 << 20, &n, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_bridge_decode(b, PROTOBUF, list, 5 + 65536, room, 65536, &n, NULL), HKP_E_NOSPC);
    CHECK_EQ(n, 0);
    CHECK(sodium_is_zero(room, 65536));
    free(room);
    free(big);
    hkp_neuro_bridge_free(b);
}

static void a_result_that_does_not_fit_is_not_half_there(void) {
    hkp_neuro_bridge *b = order();
    json_t *o = json_array_get(vec_get(vec_load("lab/translate.json"), "cases"), 1);
    const char *json = vec_text(o, "json");
    const size_t len = strlen(json);
    const struct vec_bytes pb = vec_hex(o, "protobuf");
    for (size_t cap = 0; cap <= pb.len; cap++) {
        memset(out.bytes, 0xCC, pb.len);
        const hkp_status st = hkp_neuro_bridge_translate(b, JSON, PROTOBUF, (const uint8_t *)json, len,
                                                         out.bytes, cap, &out.len, NULL);
        CHECK_EQ(st, cap < pb.len ? HKP_E_NOSPC : HKP_OK);
        CHECK_EQ(out.len, cap < pb.len ? 0 : pb.len);
        CHECK(st == HKP_OK || sodium_is_zero(out.bytes, cap));
        CHECK(cap == pb.len || out.bytes[cap] == 0xCC);
    }
    CHECK_MEM(out.bytes, pb.ptr, pb.len);
    CHECK_EQ(decode(b, RECORD, json, len, &inter), HKP_E_INVAL);
    free(pb.ptr);
    hkp_neuro_bridge_free(b);
}

static void null_is_no_value_of_the_intermediary(void) {
    hkp_neuro_bridge *b = order();
    CHECK_EQ(hkp_neuro_bridge_check(b, (const uint8_t *)"\xA1\x18\x63\xF6", 4, NULL), HKP_E_NEURO_BR_CBOR);
    CHECK_EQ(hkp_neuro_bridge_check(b, (const uint8_t *)"\xA1\x01\xF6", 3, NULL), HKP_E_NEURO_BR_CBOR);
    CHECK_EQ(hkp_neuro_bridge_check(b, (const uint8_t *)"\xA1\x01\xF5", 3, NULL), HKP_E_NEURO_BR_TYPE);
    hkp_neuro_bridge_free(b);
}

/* ---- numbers ---- */

static void decimals_have_one_spelling(void) {
    static const struct {
        const char *text;
        uint32_t scale;
        hkp_status want;
        int64_t value;
    } cases[] = {
        {"0", 0, HKP_OK, 0},
        {"-0", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"00", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"-", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"+1", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"1.", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"1.0", 0, HKP_E_NEURO_BR_NUMBER, 0},
        {"9223372036854775807", 0, HKP_OK, INT64_MAX},
        {"9223372036854775808", 0, HKP_E_NEURO_BR_RANGE, 0},
        {"-9223372036854775808", 0, HKP_OK, INT64_MIN},
        {"-9223372036854775809", 0, HKP_E_NEURO_BR_RANGE, 0},
        {"184467440737095516160", 0, HKP_E_NEURO_BR_RANGE, 0},
        {"100000000000000000000000000000000000000000", 0, HKP_E_NEURO_BR_RANGE, 0},
        {"0.5", 1, HKP_OK, 5},
        {"-0.5", 1, HKP_OK, -5},
        {".5", 1, HKP_E_NEURO_BR_NUMBER, 0},
        {"-0.0", 1, HKP_E_NEURO_BR_NUMBER, 0},
        {"1.23", 1, HKP_E_NEURO_BR_NUMBER, 0},
        {"9.223372036854775807", 18, HKP_OK, INT64_MAX},
        {"9.223372036854775808", 18, HKP_E_NEURO_BR_RANGE, 0},
        {"99999999999999999999.00", 2, HKP_E_NEURO_BR_RANGE, 0},
        {"99999999999999999999.0", 2, HKP_E_NEURO_BR_NUMBER, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int before = check_faults;
        int64_t value = 0;
        uint8_t text[HKP_NEURO__INTEGER_TEXT_MAX];
        const size_t len = strlen(cases[i].text);
        CHECK_EQ(hkp_neuro__signed_read((const uint8_t *)cases[i].text, len, cases[i].scale, &value),
                 cases[i].want);
        CHECK_EQ(value, cases[i].value);
        if (cases[i].want == HKP_OK) {
            CHECK_EQ(hkp_neuro__signed_write(value, cases[i].scale, text), len);
            CHECK_MEM(text, cases[i].text, len);
        }
        CHECK_NOTE(before, "%s scale %u", cases[i].text, cases[i].scale);
    }
}

/* Points exactly between two numbers, subnormal ones, and the ends (values from CPython's conversions). */
static void real_numbers_round_to_the_nearest_even(void) {
    static const struct {
        const char *text;
        uint64_t bits;
    } cases[] = {
        {"9007199254740993", 0x4340000000000000},
        {"9007199254740993.0000000000000000000000000000000000000000000001", 0x4340000000000001},
        {"9007199254740995", 0x4340000000000002},
        {"2.4703282292062327e-324", 0},
        {"2.4703282292062328e-324", 1},
        {"2.2250738585072011e-308", 0x000FFFFFFFFFFFFF},
        {"2.2250738585072014e-308", 0x0010000000000000},
        {"1.7976931348623158e308", 0x7FEFFFFFFFFFFFFF},
        {"1.7976931348623159e308", 0x7FF0000000000000},
        {"1e400", 0x7FF0000000000000},
        {"-1e-400", 0x8000000000000000},
        {"0e999999999999999999", 0},
        {"1e-999999999999999999", 0},
        {"123456789012345678901234567890e-29", 0x3FF3C0CA428C59FB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int before = check_faults;
        CHECK(hkp_neuro__f64_read((const uint8_t *)cases[i].text, strlen(cases[i].text)) == cases[i].bits);
        CHECK_NOTE(before, "%s", cases[i].text);
    }
}

/* Texts of all lengths and sizes, also far outside of what is finite; strtod() is the second opinion. */
static void any_real_number_is_read_as_the_c_library_reads_it(void) {
    uint64_t state = check_seed() | 1;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        uint64_t r[4], bits;
        double d;
        for (int k = 0; k < 4; k++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            r[k] = state * UINT64_C(0x9E3779B97F4A7C15);
        }
        const int e = (int)(r[2] % 700) - 360;
        if (r[3] % 3 == 0)
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)(r[0] >> r[1] % 64), e);
        else if (r[3] % 3 == 1)
            snprintf(text, sizeof text, "-%llu.%llue%d", (unsigned long long)(r[0] % 10),
                     (unsigned long long)(r[1] >> r[1] % 64), e);
        else
            snprintf(text, sizeof text, "%llu%llu.%lluE%d", (unsigned long long)r[0],
                     (unsigned long long)r[1], (unsigned long long)(r[2] % 1000), e);
        d = strtod(text, NULL); /* of the locale C */
        memcpy(&bits, &d, sizeof bits);
        const int before = check_faults;
        CHECK(hkp_neuro__f64_read((const uint8_t *)text, strlen(text)) == bits);
        CHECK_NOTE(before, "%s", text);
    }
}

/* ---- tables ---- */

static struct vec_bytes table;

/* A bridge of the vectors' table with the bytes from[len] replaced, as the next revision of before. */
static hkp_neuro_bridge *after(const hkp_neuro_bridge *before, const char *from, const char *to, size_t len) {
    struct hkp_neuro_bridge_info info;
    uint8_t bytes[2048];
    size_t n = 0;
    hkp_neuro_bridge *b = NULL;
    const uint8_t *revision = memmem(table.ptr, table.len, "\x02\x01\x03\x40", 4);
    hkp_neuro_bridge_info(before, &info);
    n = (size_t)(revision - table.ptr);
    memcpy(bytes, table.ptr, n);
    memcpy(bytes + n, "\x02\x02\x03\x58\x20", 5);
    memcpy(bytes + n + 5, info.table_id, 32);
    memcpy(bytes + n + 37, revision + 4, table.len - n - 4);
    n = table.len + 33;
    uint8_t *at = len == 0 ? NULL : memmem(bytes, n, from, len);
    if (at != NULL) memcpy(at, to, len);
    CHECK((at == NULL) == (len == 0));
    CHECK_EQ(hkp_neuro_bridge_new(&b, NULL, bytes, n), HKP_OK);
    return b;
}

static void a_name_or_id_once_used_keeps_its_meaning(void) {
    static const struct {
        const char *from, *to;
        size_t len;
        hkp_status want;
    } cases[] = {
        {"", "", 0, HKP_OK},
        {"\x63qty", "\x63qtz", 4, HKP_E_NEURO_BR_REVISION},                           /* another name */
        {"\x63qty\x02\x00", "\x63qty\x02\x01", 6, HKP_E_NEURO_BR_REVISION},           /* optional now */
        {"\x07\x00\x02\x02\x00", "\x07\x00\x03\x02\x00", 5, HKP_E_NEURO_BR_REVISION}, /* another scale */
        {"\x00\x05\x01", "\x00\x15\x01", 3, HKP_E_NEURO_BR_REVISION},                 /* another number */
        {"\x64held", "\x64hold", 5, HKP_E_NEURO_BR_REVISION},               /* another name of number 7 */
        {"\x07\x64held", "\x08\x64held", 6, HKP_E_NEURO_BR_REVISION},       /* another number of held */
        {"\x0D\x63sig\x05", "\x0E\x63sig\x05", 6, HKP_E_NEURO_BR_REVISION}, /* name of a removed field */
        {"\x01\x63sku\x04\x00\x00\x01", "\x01\x63sku\x04\x00\x00\x02", 8, HKP_OK}, /* more sensitive */
    };
    hkp_neuro_bridge *first = order();
    table = vec_hex(vec_load("lab/translate.json"), "table");
    CHECK_EQ(hkp_neuro_bridge_replaces(first, first), HKP_E_NEURO_BR_REVISION);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int before = check_faults;
        hkp_neuro_bridge *next = after(first, cases[i].from, cases[i].to, cases[i].len);
        if (next != NULL) CHECK_EQ(hkp_neuro_bridge_replaces(first, next), cases[i].want);
        CHECK_NOTE(before, "case %zu", i);
        hkp_neuro_bridge_free(next);
    }
    free(table.ptr);
    hkp_neuro_bridge_free(first);
}

/* Line's sku as a message: of a later one it may be, of its own or an earlier one not. */
static void a_message_holds_only_later_ones(void) {
    static const uint8_t from[] = "\x63sku\x04\x00\x00\x01\x00\x01\x0C";
    table = vec_hex(vec_load("lab/translate.json"), "table");
    uint8_t *at = memmem(table.ptr, table.len, from, sizeof from - 1);
    CHECK(at != NULL);
    for (uint8_t message = 0; at != NULL && message < 4; message++) {
        hkp_neuro_bridge *b = NULL;
        memcpy(at + 4, (const uint8_t[]){HKP_NEURO__MESSAGE, 0, message, 1, 0, 1, HKP_NEURO__PB_MESSAGE}, 7);
        CHECK_EQ(hkp_neuro_bridge_new(&b, NULL, table.ptr, table.len),
                 message == 2 ? HKP_OK : HKP_E_NEURO_BR_TABLE);
        hkp_neuro_bridge_free(b);
    }
    free(table.ptr);
}

static void what_is_signed_opens_and_each_changed_byte_does_not(void) {
    uint8_t public_key[2][32], secret_key[64], seed[32] = {1}, file[2048];
    size_t len = 0;
    hkp_neuro_bridge *b = NULL;
    table = vec_hex(vec_load("lab/translate.json"), "table");
    memset(public_key, 0, sizeof public_key);
    crypto_sign_seed_keypair(public_key[1], secret_key, seed);
    CHECK_EQ(hkp_neuro_bridge_sign(table.ptr, table.len, secret_key, file,
                                   table.len + HKP_NEURO_BRIDGE_FILE_EXTRA - 1, &len),
             HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_bridge_sign(table.ptr, table.len, secret_key, file, sizeof file, &len), HKP_OK);
    CHECK_EQ(hkp_neuro_bridge_open(&b, NULL, file, len, public_key[0], 2), HKP_OK);
    hkp_neuro_bridge_free(b);
    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1;
        const hkp_status st = hkp_neuro_bridge_open(&b, NULL, file, len, public_key[0], 2);
        CHECK_EQ(st, i < 4               ? HKP_E_NEURO_BR_MAGIC
                     : i < 8             ? HKP_E_NEURO_BR_LENGTH
                     : i < len - 64 - 16 ? HKP_E_NEURO_BR_SIG
                     : i < len - 64      ? HKP_E_NEURO_BR_SIGNER
                                         : HKP_E_NEURO_BR_SIG);
        file[i] ^= 1;
    }
    free(table.ptr);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void) {
    table = vec_hex(vec_load("lab/translate.json"), "table");
    for (int budget = 0; budget < 20; budget++) {
        struct failing f = {.left = budget};
        struct hkp_neuro_bridge_options opt;
        hkp_neuro_bridge *b = NULL;
        hkp_neuro_bridge_options_init(&opt, sizeof opt);
        opt.mem = failing_mem(&f);
        opt.size_max = 4096;
        const hkp_status st = hkp_neuro_bridge_new(&b, &opt, table.ptr, table.len);
        CHECK_EQ(st, b == NULL ? HKP_E_NOMEM : HKP_OK);
        hkp_neuro_bridge_free(b);
        CHECK_EQ(f.live, 0);
        if (st == HKP_OK) {
            CHECK(budget > 5);
            break;
        }
    }
    free(table.ptr);
}

static void nothing_is_allocated_for_a_message(void) {
    struct failing f = {.left = -1};
    struct hkp_neuro_bridge_options opt;
    hkp_neuro_bridge *b = NULL;
    json_t *file = vec_load("lab/translate.json"), *o;
    size_t i;
    table = vec_hex(file, "table");
    hkp_neuro_bridge_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    CHECK_EQ(hkp_neuro_bridge_new(&b, &opt, table.ptr, table.len), HKP_OK);
    CHECK(f.peak < 6 * HKP_NEURO_BRIDGE_SIZE_MAX + 65536);
    f.left = 0;
    json_array_foreach(vec_get(file, "cases"), i, o) {
        const char *json = vec_text(o, "json");
        CHECK_EQ(hkp_neuro_bridge_translate(b, JSON, PROTOBUF, (const uint8_t *)json, strlen(json), out.bytes,
                                            sizeof out.bytes, &out.len, NULL),
                 HKP_OK);
    }
    hkp_neuro_bridge_free(b);
    CHECK_EQ(f.live, 0);
    free(table.ptr);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_fault_has_its_place);
    CASE(an_equal_name_is_found_before_what_is_read_after_it);
    CASE(many_unknown_names_cost_no_more_than_sorting_them);
    CASE(sizes_are_bounded_and_told);
    CASE(a_result_that_does_not_fit_is_not_half_there);
    CASE(null_is_no_value_of_the_intermediary);
    CASE(decimals_have_one_spelling);
    CASE(real_numbers_round_to_the_nearest_even);
    CASE(any_real_number_is_read_as_the_c_library_reads_it);
    CASE(a_name_or_id_once_used_keeps_its_meaning);
    CASE(a_message_holds_only_later_ones);
    CASE(what_is_signed_opens_and_each_changed_byte_does_not);
    CASE(every_allocation_may_fail);
    CASE(nothing_is_allocated_for_a_message);
    return check_done();
}
