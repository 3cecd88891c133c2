/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors mesh/ioc_canonical and mesh/ioc_wire (M-IOC-1 to M-IOC-5), and what must hold for all of them. */
#include "check.h"
#include "libmesh/ioc.h"
#include "names.h"
#include "vectors.h"

static json_t *canonical, *wire;

/* Texts hold escaped NULs, hence the length by jansson; values are hex for bytes, else text. */
static struct vec_bytes value_of(json_t *c, const char *key, int is_text) {
    if (!is_text) return vec_hex(c, key);
    json_t *v = vec_get(c, key);
    struct vec_bytes b = {.ptr = malloc(json_string_length(v) + 1), .len = json_string_length(v)};
    memcpy(b.ptr, json_string_value(v), b.len);
    return b;
}

static void check_canonical(json_t *c, uint32_t type, const char *text, size_t text_len) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX], key[16], want_key[16], again[HKP_MESH_IOC_VALUE_MAX];
    char printed[HKP_MESH_IOC_VALUE_MAX + 1];
    uint32_t got = 0, got_again = 0;
    size_t len = 0, again_len = 0;
    CHECK_EQ(hkp_mesh_ioc_canonicalise(type, text, text_len, &got, value, sizeof value, &len), HKP_OK);
    CHECK_EQ(got, vec_u64(c, "ioc_type"));
    if (got != vec_u64(c, "ioc_type")) return;
    struct vec_bytes want = value_of(c, "value", hkp_mesh__ioc_is_text(got));
    CHECK_EQ(len, want.len);
    if (len == want.len) CHECK_MEM(value, want.ptr, want.len);
    vec_hex_into(c, "ioc_key", want_key, 16);
    hkp_mesh_ioc_key(got, value, len, key);
    CHECK_MEM(key, want_key, 16);
    CHECK_EQ(hkp_mesh_ioc_check(got, value, len), mesh_status_of(vec_text(c, "wire")));

    /* The printed form comes back as the same value: canonicalisation is idempotent. */
    CHECK_EQ(hkp_mesh_ioc_text(got, value, len, printed, sizeof printed), HKP_OK);
    CHECK_EQ(
        hkp_mesh_ioc_canonicalise(got, printed, strlen(printed), &got_again, again, sizeof again, &again_len),
        HKP_OK);
    CHECK_EQ(got_again, got);
    CHECK_EQ(again_len, len);
    CHECK_MEM(again, value, len);

    /* No room, no change. */
    uint32_t kept = 77;
    again_len = 78;
    CHECK_EQ(hkp_mesh_ioc_canonicalise(type, text, text_len, &kept, again, len - 1, &again_len), HKP_E_NOSPC);
    CHECK(kept == 77 && again_len == 78);
    CHECK_EQ(hkp_mesh_ioc_text(got, value, len, printed, strlen(printed)), HKP_E_NOSPC);
    free(want.ptr);
}

static void text_becomes_canonical_or_is_refused(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(canonical, "cases"), i, c) {
        const int before = check_faults;
        const char *name = vec_text(c, "type");
        json_t *text = vec_get(c, "text");
        const uint32_t type = hkp_mesh_ioc_type_find(name, strlen(name));
        const hkp_status want = mesh_status_of(vec_text(c, "expect"));
        if (want == HKP_OK) {
            check_canonical(c, type, json_string_value(text), json_string_length(text));
        } else {
            uint8_t value[HKP_MESH_IOC_VALUE_MAX] = {0xa5};
            uint32_t got = 77;
            size_t len = 78;
            CHECK_EQ(hkp_mesh_ioc_canonicalise(type, json_string_value(text), json_string_length(text), &got,
                                               value, sizeof value, &len),
                     want);
            CHECK(got == 77 && len == 78 && value[0] == 0xa5);
        }
        CHECK_NOTE(before, "%s %s", name, json_string_value(text));
    }
}

static void values_are_checked_on_the_wire(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(wire, "cases"), i, c) {
        const int before = check_faults, is_text = !vec_bool(c, "bytes");
        struct vec_bytes value = value_of(c, "value", is_text);
        CHECK_EQ(hkp_mesh__ioc_check((uint32_t)vec_u64(c, "ioc_type"), is_text, value.ptr, value.len),
                 mesh_status_of(vec_text(c, "expect")));
        CHECK_NOTE(before, "type %d %s", (int)vec_u64(c, "ioc_type"), vec_text(c, "value"));
        free(value.ptr);
    }
}

/* RFC 3492 7.1, those of at most 63 bytes, in lower case. */
static void punycode_of_the_rfc_comes_back(void) {
    static const char *const samples[] = {
        "egbpdaj6bu4bxfgehfvwxn",
        "ihqwcrb4cv8a8dqg056pqjye",
        "ihqwctvzc91f659drss3x8bo0yb",
        "4dbcagdahymbxekheh6e0a7fei0b",
        "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c",
        "b1abfaaepdrnnbgefbadotcwatmq2g4l",
        "d9juau41awczczp",
        "-> $1.00 <--"};
    uint32_t points[HKP_MESH__LABEL_MAX];
    char again[HKP_MESH__LABEL_MAX];
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const int before = check_faults;
        const size_t len = strlen(samples[i]);
        const int n = hkp_mesh__punycode_decode(samples[i], len, points);
        if (len > HKP_MESH__LABEL_MAX) {
            CHECK_EQ(n, -1);
            continue;
        }
        CHECK(n > 0);
        CHECK_EQ(hkp_mesh__punycode_encode(points, (size_t)(n > 0 ? n : 0), again, sizeof again), len);
        CHECK_MEM(again, samples[i], len);
        CHECK_NOTE(before, "%s", samples[i]);
    }
    static const uint32_t chinese[] = {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48,
                                       0x4e0d, 0x8bf4, 0x4e2d, 0x6587};
    CHECK_EQ(hkp_mesh__punycode_decode(samples[1], strlen(samples[1]), points), 9);
    CHECK_MEM(points, chinese, sizeof chinese);
}

/* Every reserved prefix at its first and last address, and its neighbours, against a table of its own. */
static void reserved_ranges_end_where_they_should(void) {
    static const struct {
        uint8_t first[4], last[4];
    } ranges[] = {{{10, 0, 0, 0}, {10, 255, 255, 255}},     {{100, 64, 0, 0}, {100, 127, 255, 255}},
                  {{127, 0, 0, 0}, {127, 255, 255, 255}},   {{169, 254, 0, 0}, {169, 254, 255, 255}},
                  {{172, 16, 0, 0}, {172, 31, 255, 255}},   {{192, 0, 0, 0}, {192, 0, 0, 255}},
                  {{192, 0, 2, 0}, {192, 0, 2, 255}},       {{192, 88, 99, 0}, {192, 88, 99, 255}},
                  {{192, 168, 0, 0}, {192, 168, 255, 255}}, {{198, 18, 0, 0}, {198, 19, 255, 255}},
                  {{198, 51, 100, 0}, {198, 51, 100, 255}}, {{203, 0, 113, 0}, {203, 0, 113, 255}}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint8_t below[4], above[4];
        memcpy(below, ranges[i].first, 4);
        memcpy(above, ranges[i].last, 4);
        for (int k = 3; k >= 0 && below[k]-- == 0; k--) continue;
        for (int k = 3; k >= 0 && ++above[k] == 0; k--) continue;
        CHECK(hkp_mesh__ip4_reserved(ranges[i].first) && hkp_mesh__ip4_reserved(ranges[i].last));
        CHECK(!hkp_mesh__ip4_reserved(below) && !hkp_mesh__ip4_reserved(above));
    }
}

/* What is canonical passes the wire check or is refused as reserved or too wide, never for its form. */
static void random_text_is_canonical_or_nothing(void) {
    static const char alphabet[] = "abz09.-_:/?#[]@%fxn2e~ \xc3\xbc";
    uint64_t rnd = check_seed();
    for (int i = 0; i < 20000; i++) {
        char text[64];
        size_t n = 0;
        static const char *const starts[] = {"",   "http://", "xn--", "1.2.3.",
                                             "::", "2a00:",   "a@",   "https://a.de/"};
        const char *start = starts[check_random(&rnd) % 8];
        memcpy(text, start, n = strlen(start));
        for (uint64_t k = check_random(&rnd) % 24; k > 0; k--)
            text[n++] = alphabet[check_random(&rnd) % (sizeof alphabet - 1)];
        uint8_t value[HKP_MESH_IOC_VALUE_MAX], again[HKP_MESH_IOC_VALUE_MAX];
        uint32_t type = 0, again_type = 0;
        size_t len = 0, again_len = 0;
        const uint32_t asked = 1 + (uint32_t)(check_random(&rnd) % 12);
        if (hkp_mesh_ioc_canonicalise(asked, text, n, &type, value, sizeof value, &len) != HKP_OK) continue;
        const hkp_status st = hkp_mesh_ioc_check(type, value, len);
        CHECK(st == HKP_OK || st == HKP_E_MESH_IOC_RESERVED || st == HKP_E_MESH_IOC_PREFIX);
        char printed[HKP_MESH_IOC_VALUE_MAX + 1];
        CHECK_EQ(hkp_mesh_ioc_text(type, value, len, printed, sizeof printed), HKP_OK);
        CHECK_EQ(hkp_mesh_ioc_canonicalise(type, printed, strlen(printed), &again_type, again, sizeof again,
                                           &again_len),
                 HKP_OK);
        CHECK(again_type == type && again_len == len && memcmp(again, value, len) == 0);
    }
}

int main(void) {
    canonical = vec_load("mesh/ioc_canonical.json");
    wire = vec_load("mesh/ioc_wire.json");
    CASE(text_becomes_canonical_or_is_refused);
    CASE(values_are_checked_on_the_wire);
    CASE(punycode_of_the_rfc_comes_back);
    CASE(reserved_ranges_end_where_they_should);
    CASE(random_text_is_canonical_or_nothing);
    json_decref(canonical);
    json_decref(wire);
    return check_done();
}
