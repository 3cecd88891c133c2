/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13.1 to 13.7 against tests/vectors/htp/files.json: messages, paths, extensions, inflate bounds,
 * indexes. */
#include "check.h"
#include "libhtp/files/file_pack.h"
#include "libhtp/files/file_wire.h"
#include "vectors.h"

typedef struct hkp_htp__file_msg file_msg;

static json_t *vectors(const char *key) {
    static json_t *all;
    if (all == NULL) all = vec_load("htp/files.json");
    return vec_get(all, key);
}

static uint32_t code_of(const char *name) {
    for (uint32_t code = 0; code <= HKP_HTP_FILE_CHANGED; code++)
        if (strcmp(hkp_htp_file_code_name(code), name) == 0) return code;
    printf("# no code is called %s\n", name);
    check_faults++;
    return 254;
}

static int has(json_t *o, const char *key) { return vec_find(o, key) != NULL; }

static void same_bytes(json_t *o, const char *key, const uint8_t *p, size_t len) {
    if (!has(o, key)) return;
    struct vec_bytes b = vec_hex(o, key);
    CHECK_EQ(len, b.len);
    if (len == b.len) CHECK_MEM(p, b.ptr, len);
    free(b.ptr);
}

static void same_number(json_t *o, const char *key, uint64_t value) {
    if (has(o, key)) CHECK_EQ(value, vec_u64(o, key));
}

static void same_entries(json_t *entries, const file_msg *m) {
    size_t at = 0, i;
    json_t *e;
    CHECK_EQ(m->count, json_array_size(entries));
    json_array_foreach(entries, i, e) {
        struct hkp_htp_file_entry got;
        hkp_htp__file_read_entry(m->data, &at, &got);
        CHECK_EQ(got.info.kind, vec_value_u64(json_array_get(e, 0)));
        CHECK_EQ(got.info.size, vec_value_u64(json_array_get(e, 1)));
        CHECK_EQ(got.info.mtime_us, vec_value_u64(json_array_get(e, 2)));
        struct vec_bytes name = vec_value_hex(json_array_get(e, 3));
        CHECK_EQ(got.name_len, name.len);
        CHECK_MEM(got.name, name.ptr, name.len);
        free(name.ptr);
    }
    CHECK_EQ(at, m->data_len);
}

static void same_body(json_t *b, const file_msg *m) {
    same_number(b, "size", m->size);
    same_number(b, "mtime", m->mtime_us);
    same_number(b, "ctime", m->ctime_us);
    same_number(b, "chunk", m->chunk_size);
    same_number(b, "mode", m->mode);
    same_number(b, "kind", m->kind);
    same_number(b, "next", m->first);
    same_number(b, "first", m->first);
    same_number(b, "limit", m->count);
    same_number(b, "more", m->more);
    same_number(b, "code", m->code);
    same_bytes(b, "sha", m->sha256, 32);
    same_bytes(b, "prefix", m->sha256, 32);
    same_bytes(b, "expect", m->sha256, 32);
    same_bytes(b, "path", m->path, m->path_len);
    same_bytes(b, "after", m->after, m->after_len);
    same_bytes(b, "msg", m->data, m->data_len);
    if (has(b, "entries")) same_entries(vec_get(b, "entries"), m);
}

static void messages_are_read_and_written_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("messages"), i, v) {
        const int before = check_faults, server = vec_bool(v, "from_server");
        struct vec_bytes b = vec_hex(v, "message");
        json_t *h = vec_get(v, "header");
        file_msg m;
        static uint8_t out[HKP_HTP__FILE_MESSAGE];
        CHECK_EQ(hkp_htp__file_parse(b.ptr, b.len, server, &m), HKP_HTP_FILE_OK);
        CHECK_EQ(m.op, vec_u64(h, "op"));
        CHECK_EQ(m.flags, vec_u64(h, "flags"));
        CHECK_EQ(m.index, vec_u64(h, "idx"));
        CHECK_EQ(m.id, vec_u64(h, "fid"));
        CHECK_EQ(m.total, vec_u64(h, "total"));
        same_bytes(h, "h4", m.hash, 4);
        if (json_object_size(vec_get(v, "body")) > 0) same_body(vec_get(v, "body"), &m);
        size_t n = hkp_htp__file_write(out, &m, server);
        if (m.op == HKP_HTP__FILE_CHUNK || (m.op == HKP_HTP_FILE_LIST && server)) {
            memcpy(out + n, m.data, m.data_len);
            n += m.data_len;
        }
        CHECK_EQ(n, b.len);
        if (n == b.len) CHECK_MEM(out, b.ptr, n);
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
}

static void malformed_messages_have_the_code_of_the_vectors(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("malformed"), i, v) {
        const int before = check_faults;
        struct vec_bytes b = vec_hex(v, "message");
        /* An allocation of just this size: what reads beyond it is found. */
        uint8_t *exact = malloc(b.len > 0 ? b.len : 1);
        memcpy(exact, b.ptr, b.len);
        file_msg m;
        CHECK_EQ(hkp_htp__file_parse(exact, b.len, vec_bool(v, "from_server"), &m),
                 code_of(vec_text(v, "result")));
        free(exact);
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
}

static void a_message_that_is_cut_anywhere_is_refused(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("messages"), i, v) {
        const int before = check_faults;
        struct vec_bytes b = vec_hex(v, "message");
        file_msg m;
        for (size_t len = 0; len < b.len; len++) {
            uint8_t *cut = malloc(len > 0 ? len : 1);
            memcpy(cut, b.ptr, len);
            const uint32_t code = hkp_htp__file_parse(cut, len, vec_bool(v, "from_server"), &m);
            if (b.ptr[0] != HKP_HTP__FILE_CHUNK || len <= HKP_HTP__FILE_HEAD)
                CHECK_EQ(code, HKP_HTP_FILE_BAD_MESSAGE);
            free(cut);
        }
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
}

static void paths_are_judged_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("paths"), i, v) {
        const int before = check_faults;
        struct vec_bytes b = vec_hex(v, "path");
        const uint8_t *at = NULL;
        size_t len = 0;
        const uint32_t want = code_of(vec_text(v, "result"));
        CHECK_EQ(hkp_htp__file_path(b.ptr, b.len, vec_bool(v, "root_ok"), &at, &len), want);
        if (want == HKP_HTP_FILE_OK) same_bytes(v, "relative", at, len);
        free(b.ptr);
        CHECK_NOTE(before, "path %zu", i);
    }
}

static void extensions_are_judged_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("extensions"), i, v) {
        const char *path = vec_text(v, "path");
        const int ok = hkp_htp__file_extension(hkp_htp__file_extensions_default, path, strlen(path)),
                  before = check_faults;
        CHECK_EQ(ok ? HKP_HTP_FILE_OK : HKP_HTP_FILE_PERMISSION_DENIED, code_of(vec_text(v, "result")));
        CHECK_NOTE(before, "%s", path);
    }
}

static void a_list_of_extensions_has_one_form(void) {
    static const char *const good[] = {"", ".", "txt", "txt .", "tar gz", "c++ 7z", "\xC3\xA9"};
    static const char *const bad[] = {" ",    "txt ", " txt", "txt  log", "TXT",
                                      ".txt", "a.b",  "a/b",  "..",       "a\tb"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(hkp_htp__file_extensions(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!hkp_htp__file_extensions(bad[i]));
    CHECK(hkp_htp__file_extension("txt .", "a", 1) && hkp_htp__file_extension(". txt", ".profile", 8));
    CHECK(!hkp_htp__file_extension("txt", "a", 1) && !hkp_htp__file_extension("", "a", 1));
    CHECK(!hkp_htp__file_extension("tx", "a.txt", 5) && !hkp_htp__file_extension("txta", "a.txt", 5));
}

static void inflating_is_bound_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    static uint8_t memory[HKP_HTP__INFLATE_BYTES];
    struct hkp_htp__zarena arena = {memory, sizeof memory};
    z_stream z;
    CHECK(hkp_htp__pack_inflate_new(&z, &arena));
    json_array_foreach(vectors("inflate"), i, v) {
        const int before = check_faults;
        struct vec_bytes b = vec_hex(v, "data");
        const size_t len = (size_t)vec_u64(v, "length");
        uint8_t *dst = malloc((len < HKP_HTP_FILE_CHUNK_MAX ? len : HKP_HTP_FILE_CHUNK_MAX) + 1);
        CHECK_EQ(hkp_htp__pack_inflate(&z, b.ptr, b.len, dst, len), code_of(vec_text(v, "result")));
        free(dst);
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
}

static void what_is_packed_unpacks_and_is_never_longer(void) {
    static uint8_t in_memory[HKP_HTP__INFLATE_BYTES], out_memory[HKP_HTP__DEFLATE_BYTES];
    static uint8_t plain[HKP_HTP_FILE_CHUNK_MAX], packed[HKP_HTP_FILE_CHUNK_MAX],
        back[HKP_HTP_FILE_CHUNK_MAX + 1];
    struct hkp_htp__zarena in = {in_memory, sizeof in_memory}, out = {out_memory, sizeof out_memory};
    z_stream i, d;
    uint64_t seed = check_seed();
    CHECK(hkp_htp__pack_inflate_new(&i, &in) && hkp_htp__pack_deflate_new(&d, &out));
    for (int n = 0; n < 300; n++) {
        const size_t len = 1 + check_random(&seed) % HKP_HTP_FILE_CHUNK_MAX;
        const unsigned few = 1 + (unsigned)(check_random(&seed) % 255);
        for (size_t k = 0; k < len; k++) plain[k] = (uint8_t)(check_random(&seed) % few);
        const size_t p = hkp_htp__pack_deflate(&d, plain, len, packed);
        CHECK(p < len);
        if (p == 0) continue;
        CHECK_EQ(hkp_htp__pack_inflate(&i, packed, p, back, len), HKP_HTP_FILE_OK);
        CHECK_MEM(back, plain, len);
        CHECK_EQ(hkp_htp__pack_inflate(&i, packed, p - 1, back, len), HKP_HTP_FILE_INTEGRITY_FAILURE);
    }
}

static void indexes_are_rebuilt_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vectors("chunk_index"), i, v)
        CHECK_EQ(hkp_htp__file_index((uint32_t)vec_u64(v, "expected"), (uint16_t)vec_u64(v, "low")),
                 vec_u64(v, "index"));
}

static void names_of_codes_are_those_of_the_specification(void) {
    CHECK_EQ(strcmp(hkp_htp_file_code_name(HKP_HTP_FILE_NOT_FOUND), "NOT_FOUND"), 0);
    CHECK_EQ(strcmp(hkp_htp_file_code_name(HKP_HTP_FILE_CHANGED), "CHANGED"), 0);
    CHECK_EQ(strcmp(hkp_htp_file_code_name(17), "UNKNOWN"), 0);
    for (uint32_t a = 0; a < 17; a++)
        for (uint32_t b = 0; b < a; b++)
            CHECK(strcmp(hkp_htp_file_code_name(a), hkp_htp_file_code_name(b)) != 0);
}

/* What the vectors leave out. */
static void heads_and_bodies_must_agree(void) {
    const uint8_t path[] = "a.txt";
    file_msg m = {.op = HKP_HTP_FILE_CREATE,
                  .id = 1,
                  .size = 10000,
                  .chunk_size = 8192,
                  .path = path,
                  .path_len = 5},
             got;
    uint8_t msg[256], copy[256];
    memset(m.sha256, 7, 32);
    const size_t len = hkp_htp__file_write(msg, &m, 0);
    CHECK_EQ(hkp_htp__file_parse(msg, len, 0, &got), HKP_HTP_FILE_OK);
    memcpy(copy, msg, len);
    copy[11] = 2; /* the right total */
    memset(copy + 12, 7, 4);
    CHECK_EQ(hkp_htp__file_parse(copy, len, 0, &got), HKP_HTP_FILE_OK);
    copy[11] = 3;
    CHECK_EQ(hkp_htp__file_parse(copy, len, 0, &got), HKP_HTP_FILE_BAD_MESSAGE);
    copy[11] = 2;
    copy[12] = 8; /* a hash of another file */
    CHECK_EQ(hkp_htp__file_parse(copy, len, 0, &got), HKP_HTP_FILE_BAD_MESSAGE);
    m.mode = 01000;
    CHECK_EQ(hkp_htp__file_parse(msg, hkp_htp__file_write(msg, &m, 0), 0, &got), HKP_HTP_FILE_BAD_MESSAGE);
    m.mode = 0;
    m.size = UINT64_MAX;
    CHECK_EQ(hkp_htp__file_parse(msg, hkp_htp__file_write(msg, &m, 0), 0, &got), HKP_HTP_FILE_BAD_MESSAGE);
}

static void names_of_entries_are_parts_of_paths(void) {
    static const char *const bad[] = {"..", ".", "a/b", "/a", ".htp-x", "a\nb", "a\\b", "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        file_msg m = {.op = HKP_HTP_FILE_LIST, .id = 1, .count = 1}, got;
        struct hkp_htp_file_entry e = {.info = {.kind = 1}, .name_len = (uint32_t)strlen(bad[i])};
        uint8_t msg[64];
        memcpy(e.name, bad[i], e.name_len);
        const size_t n = hkp_htp__file_write(msg, &m, 1),
                     more = hkp_htp__file_write_entry(msg + n, sizeof msg - n, &e);
        CHECK_EQ(hkp_htp__file_parse(msg, n + more, 1, &got), HKP_HTP_FILE_BAD_MESSAGE);
        CHECK_EQ(hkp_htp__file_write_entry(msg, HKP_HTP__FILE_ENTRY + e.name_len - 1U, &e), 0);
    }
}

int main(void) {
    CASE(messages_are_read_and_written_as_the_vectors_say);
    CASE(malformed_messages_have_the_code_of_the_vectors);
    CASE(a_message_that_is_cut_anywhere_is_refused);
    CASE(paths_are_judged_as_the_vectors_say);
    CASE(extensions_are_judged_as_the_vectors_say);
    CASE(a_list_of_extensions_has_one_form);
    CASE(inflating_is_bound_as_the_vectors_say);
    CASE(what_is_packed_unpacks_and_is_never_longer);
    CASE(indexes_are_rebuilt_as_the_vectors_say);
    CASE(names_of_codes_are_those_of_the_specification);
    CASE(heads_and_bodies_must_agree);
    CASE(names_of_entries_are_parts_of_paths);
    return check_done();
}
