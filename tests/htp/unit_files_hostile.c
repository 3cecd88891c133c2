/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP-13 against peers that break its rules: one end speaks by hand, the other is the library. Whatever
 * comes, the answer is an ERROR with the code of 13.10, nothing is left in the store, and the session lives.
 */
#include "files_pair.h"
#include "libhtp/files/file_pack.h"
#include "libhtp/files/file_wire.h"

typedef struct hkp_htp__file_msg file_msg;

enum { LEFT = 0, RIGHT = 1 };

/* E speaks by hand. */
static struct files_pair *new_client(void) {
    struct files_pair *fp = fp_new();
    fp->side[LEFT].raw = 1;
    return fp;
}

static uint32_t open_stream(struct files_pair *fp, int side) {
    uint32_t stream = 0;
    CHECK_EQ(
        hkp_htp_stream_open(fp->side[side].ep, fp->side[side].session, HKP_HTP_STREAM_FILE, 1, 6, &stream),
        HKP_OK);
    return stream;
}

static void say_bytes(struct files_pair *fp, int side, uint32_t stream, const uint8_t *msg, size_t len) {
    (void)!hkp_htp_stream_send(fp->side[side].ep, fp->side[side].session, stream, msg, len, 0);
    fp_settle(fp);
}

static void say(struct files_pair *fp, int side, uint32_t stream, const file_msg *m, const void *data,
                size_t data_len) {
    static uint8_t out[HKP_HTP__FILE_MESSAGE + 70000];
    size_t len = hkp_htp__file_write(out, m, side == RIGHT);
    if (data_len > 0) memcpy(out + len, data, data_len);
    say_bytes(fp, side, stream, out, len + data_len);
}

/* The code of the ERROR that came last; 0: it was no ERROR, 254: none came, 255: it was no message. */
static uint32_t answered(struct files_pair *fp, int side) {
    file_msg m;
    struct fp_side *s = &fp->side[side];
    if (s->message_len == 0) return 254;
    if (hkp_htp__file_parse(s->message, s->message_len, side == LEFT, &m) != HKP_HTP_FILE_OK) {
        /* An answer to what had no id has none. */
        return s->message[0] == HKP_HTP__FILE_ERROR ? s->message[HKP_HTP__FILE_HEAD] : 255;
    }
    return m.op == HKP_HTP__FILE_ERROR ? m.code : 0;
}

static void forget(struct files_pair *fp, int side) {
    fp->side[side].message_len = 0;
    fp->side[side].raw_fin = fp->side[side].raw_stopped = 0;
}

/* After all of it: nothing open, nothing visible but what was there, a session that works. */
static void still_well(struct files_pair *fp, size_t files) {
    fp->side[LEFT].raw = fp->side[RIGHT].raw = 0;
    fp_settle(fp);
    CHECK(fp->side[LEFT].session != 0);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store), 0);
    CHECK_EQ(fp->side[RIGHT].store.count, files);
    fp->side[LEFT].ended = 0;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "/", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
}

static file_msg put_of(uint64_t size, const char *path) {
    return (file_msg){.op = HKP_HTP_FILE_CREATE,
                      .id = 7,
                      .size = size,
                      .chunk_size = 1024,
                      .path = (const uint8_t *)path,
                      .path_len = strlen(path)};
}

static file_msg chunk_of(uint32_t index) {
    return (file_msg){.op = HKP_HTP__FILE_CHUNK, .id = 7, .index = (uint16_t)index};
}

static file_msg end_of(uint64_t size, const void *data, size_t len) {
    file_msg m = {.op = HKP_HTP__FILE_COMPLETE, .id = 7, .size = size};
    crypto_hash_sha256(m.sha256, data, len);
    return m;
}

/* A put of 2000 bytes that was answered with ready. */
static uint32_t begun(struct files_pair *fp) {
    file_msg m = put_of(2000, "x.log");
    const uint32_t stream = open_stream(fp, LEFT);
    forget(fp, LEFT);
    say(fp, LEFT, stream, &m, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), 0);
    forget(fp, LEFT);
    return stream;
}

static const uint8_t zeros[70000];

/* ---- The vectors. */

static uint32_t code_of(const char *name) {
    for (uint32_t code = 0; code <= HKP_HTP_FILE_CHANGED; code++)
        if (strcmp(hkp_htp_file_code_name(code), name) == 0) return code;
    return 253;
}

static void malformed_requests_are_answered_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    struct files_pair *fp = new_client();
    json_array_foreach(vec_get(vec_load("htp/files.json"), "malformed"), i, v) {
        if (vec_bool(v, "from_server")) continue;
        const int before = check_faults;
        struct vec_bytes b = vec_hex(v, "message");
        forget(fp, LEFT);
        say_bytes(fp, LEFT, open_stream(fp, LEFT), b.ptr, b.len);
        CHECK_EQ(answered(fp, LEFT), code_of(vec_text(v, "result")));
        CHECK_EQ(fp->side[LEFT].raw_fin, 1);
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
    still_well(fp, 0);
    fp_free(fp);
}

static void malformed_answers_fail_as_the_vectors_say(void) {
    size_t i;
    json_t *v;
    json_array_foreach(vec_get(vec_load("htp/files.json"), "malformed"), i, v) {
        if (!vec_bool(v, "from_server")) continue;
        const int before = check_faults;
        struct files_pair *fp = fp_new();
        struct vec_bytes b = vec_hex(v, "message");
        mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
        fp->side[RIGHT].raw = 1;
        struct hkp_htp_file_request r = fp_request(fp, LEFT, b.ptr[0], "a.log", "a.log");
        (void)fp_start(fp, LEFT, &r); /* its file_id is 1, as in the vectors */
        fp_settle(fp);
        CHECK(fp->side[RIGHT].raw_messages == 1);
        say_bytes(fp, RIGHT, fp->side[RIGHT].raw_stream, b.ptr, b.len);
        fp_until(fp, LEFT, 1);
        CHECK_EQ(fp_last(fp, LEFT)->code, code_of(vec_text(v, "result")));
        CHECK_EQ(fp_last(fp, LEFT)->remote, 0);
        CHECK(fp->side[LEFT].session != 0);
        free(b.ptr);
        fp_free(fp);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
    }
}

static void paths_of_the_vectors_never_reach_the_store(void) {
    size_t i;
    json_t *v;
    struct files_pair *fp = new_client();
    fp->side[RIGHT].store.fail_ops = 0xFFFF; /* whoever asks it anything gets this */
    json_array_foreach(vec_get(vec_load("htp/files.json"), "paths"), i, v) {
        if (strcmp(vec_text(v, "result"), "OK") == 0) continue;
        const int before = check_faults, root_ok = vec_bool(v, "root_ok");
        struct vec_bytes b = vec_hex(v, "path");
        for (uint8_t op = HKP_HTP_FILE_CREATE; op <= HKP_HTP_FILE_LIST; op++) {
            const int may_be_root = op == HKP_HTP_FILE_STAT || op == HKP_HTP_FILE_LIST;
            if (b.len == 1 && b.ptr[0] == '/' && may_be_root != root_ok) continue;
            file_msg m = {
                .op = op, .id = 7, .chunk_size = 1024, .count = 1, .path = b.ptr, .path_len = b.len};
            fp->side[RIGHT].store.fail_in = 1;
            fp->side[RIGHT].store.fail_code = HKP_HTP_FILE_IO_ERROR;
            forget(fp, LEFT);
            say(fp, LEFT, open_stream(fp, LEFT), &m, NULL, 0);
            CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_PATH);
        }
        free(b.ptr);
        CHECK_NOTE(before, "path %zu", i);
    }
    fp->side[RIGHT].store.fail_in = 0;
    still_well(fp, 0);
    fp_free(fp);
}

static void names_of_255_bytes_go_and_of_256_do_not(void) {
    struct files_pair *fp = fp_new();
    char name[300];
    memset(name, 'n', sizeof name);
    memcpy(name + 251, ".log", 5);
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    CHECK_EQ(fp_put(fp, name, "a.log", 0), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, name, "a", 1));
    memset(name, 'n', 252);
    memcpy(name + 252, ".log", 5);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, name, "a.log");
    CHECK_EQ(hkp_htp_files_start(fp->side[0].files, fp->p.now, fp->side[0].session, &r, NULL), HKP_E_INVAL);
    fp->side[LEFT].raw = 1;
    file_msg m = put_of(1, name);
    say(fp, LEFT, open_stream(fp, LEFT), &m, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_PATH);
    still_well(fp, 1);
    fp_free(fp);
}

/* ---- Out of place. */

static void a_message_out_of_place_is_told(void) {
    struct files_pair *fp = new_client();
    mem_write(&fp->side[RIGHT].store, "old.log", "old", 3);
    const file_msg put = put_of(2000, "x.log"), chunk = chunk_of(0), end = end_of(2000, zeros, 2000);
    file_msg other = chunk,
             meta = {.op = HKP_HTP_FILE_DELETE, .id = 7, .path = (const uint8_t *)"x", .path_len = 1};
    other.id = 8;
    /* Before anything was asked. */
    const file_msg *first[] = {&chunk, &end};
    for (size_t i = 0; i < 2; i++) {
        forget(fp, LEFT);
        say(fp, LEFT, open_stream(fp, LEFT), first[i], zeros, i == 0 ? 1024 : 0);
        CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    }
    /* In the middle: a second request, another operation, another file's id. */
    const file_msg *then[] = {&put, &meta, &other};
    for (size_t i = 0; i < 3; i++) {
        const uint32_t stream = begun(fp);
        say(fp, LEFT, stream, then[i], zeros, then[i]->op == HKP_HTP__FILE_CHUNK ? 1024 : 0);
        CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
        CHECK_EQ(fp->side[LEFT].raw_fin, 1);
    }
    /* Before ready: both at once. */
    uint8_t one[256], two[1200];
    const uint32_t stream = open_stream(fp, LEFT);
    const size_t n = hkp_htp__file_write(one, &put, 0), k = hkp_htp__file_write(two, &chunk, 0);
    memset(two + k, 0, 1024);
    forget(fp, LEFT);
    CHECK_EQ(hkp_htp_stream_send(fp->p.e, fp->side[LEFT].session, stream, one, n, 0), HKP_OK);
    say_bytes(fp, LEFT, stream, two, k + 1024);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    still_well(fp, 1);
    fp_free(fp);
}

static void an_end_before_the_end_is_told(void) {
    struct files_pair *fp = new_client();
    const uint32_t stream = begun(fp);
    CHECK_EQ(hkp_htp_stream_send(fp->p.e, fp->side[LEFT].session, stream, NULL, 0, 1), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    /* And a stream that says nothing at all is closed from both ends. */
    forget(fp, LEFT);
    const uint32_t empty = open_stream(fp, LEFT);
    CHECK_EQ(hkp_htp_stream_send(fp->p.e, fp->side[LEFT].session, empty, NULL, 0, 1), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(fp->side[LEFT].raw_fin, 1);
    still_well(fp, 0);
    fp_free(fp);
}

static void a_stream_serves_one_transfer(void) {
    struct files_pair *fp = new_client();
    file_msg m = {.op = HKP_HTP_FILE_STAT, .id = 7, .path = (const uint8_t *)"/", .path_len = 1};
    const uint32_t stream = open_stream(fp, LEFT);
    say(fp, LEFT, stream, &m, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), 0);
    forget(fp, LEFT);
    say(fp, LEFT, stream, &m, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), 254);
    CHECK_EQ(fp->side[RIGHT].kinds[HKP_HTP_FILE_EVENT_STARTED], 1);
    still_well(fp, 0);
    fp_free(fp);
}

static void files_go_over_streams_of_two_directions(void) {
    struct files_pair *fp = new_client();
    uint32_t stream;
    file_msg m = {.op = HKP_HTP_FILE_STAT, .id = 7, .path = (const uint8_t *)"/", .path_len = 1};
    CHECK_EQ(hkp_htp_stream_open(fp->p.e, fp->side[LEFT].session, HKP_HTP_STREAM_FILE, 0, 6, &stream),
             HKP_OK);
    say(fp, LEFT, stream, &m, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), 254);
    CHECK_EQ(fp->side[LEFT].raw_stopped, 1);
    still_well(fp, 0);
    fp_free(fp);
}

/* ---- Chunks. */

static void chunks_must_be_the_next_and_of_the_right_length(void) {
    struct files_pair *fp = new_client();
    static const struct {
        uint32_t index;
        size_t len;
        uint32_t code;
    } bad[] = {{1, 1024, HKP_HTP_FILE_CHUNK_MISSING},
               {65535, 1024, HKP_HTP_FILE_CHUNK_MISSING},
               {0, 1023, HKP_HTP_FILE_TRANSFER_FAILED},
               {0, 1025, HKP_HTP_FILE_TRANSFER_FAILED},
               {0, 60000, HKP_HTP_FILE_TRANSFER_FAILED}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const uint32_t stream = begun(fp);
        file_msg m = chunk_of(bad[i].index);
        say(fp, LEFT, stream, &m, zeros, bad[i].len);
        CHECK_EQ(answered(fp, LEFT), bad[i].code);
    }
    still_well(fp, 0);
    fp_free(fp);
}

static void more_chunks_than_declared_are_refused(void) {
    struct files_pair *fp = new_client();
    const uint32_t stream = begun(fp);
    for (uint32_t i = 0; i < 2; i++) {
        file_msg m = chunk_of(i);
        say(fp, LEFT, stream, &m, zeros, i == 0 ? 1024 : 976);
        CHECK_EQ(answered(fp, LEFT), 254);
    }
    file_msg m = chunk_of(2);
    say(fp, LEFT, stream, &m, zeros, 1);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_TRANSFER_FAILED);
    still_well(fp, 0);
    fp_free(fp);
}

static void a_flood_of_chunks_ends_at_the_fault(void) {
    struct files_pair *fp = new_client();
    const uint32_t stream = begun(fp);
    file_msg m = chunk_of(5);
    uint8_t msg[HKP_HTP__FILE_HEAD + 1024] = {0};
    hkp_htp__file_write_head(msg, &m);
    unsigned taken = 0;
    for (int i = 0; i < 5000; i++) {
        const hkp_status st =
            hkp_htp_stream_send(fp->p.e, fp->side[LEFT].session, stream, msg, sizeof msg, 0);
        if (st == HKP_E_STATE || st == HKP_E_NOTFOUND) break; /* the server wanted no more, and got no more */
        taken++;
        if (i % 50 == 0) fp_settle(fp);
    }
    CHECK(taken <= 100);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_CHUNK_MISSING);
    CHECK_EQ(fp->side[RIGHT].store.written, 0);
    still_well(fp, 0);
    fp_free(fp);
}

static void totals_and_hashes_in_heads_must_be_the_same(void) {
    struct files_pair *fp = new_client();
    uint32_t stream = begun(fp);
    file_msg m = chunk_of(0);
    m.total = 3;
    say(fp, LEFT, stream, &m, zeros, 1024);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    file_msg put = put_of(2000, "y.log");
    crypto_hash_sha256(put.sha256, zeros, 2000);
    stream = open_stream(fp, LEFT);
    say(fp, LEFT, stream, &put, NULL, 0);
    m = chunk_of(0);
    m.total = 2;
    m.hash[0] = 1;
    forget(fp, LEFT);
    say(fp, LEFT, stream, &m, zeros, 1024);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    still_well(fp, 0);
    fp_free(fp);
}

/* ---- Compression. */

static size_t packed(uint8_t *dst, size_t plain_len, uint32_t told) {
    uLongf n = 65536;
    CHECK_EQ(compress2(dst + 4, &n, zeros, (uLong)plain_len, 9), Z_OK);
    dst[0] = (uint8_t)(told >> 24);
    dst[1] = (uint8_t)(told >> 16);
    dst[2] = (uint8_t)(told >> 8);
    dst[3] = (uint8_t)told;
    return n + 4;
}

static void bombs_and_lies_do_not_inflate(void) {
    struct files_pair *fp = new_client();
    static uint8_t data[70000];
    for (int i = 0; i < 6; i++) {
        file_msg put = put_of(2000, "x.log"), m = chunk_of(0);
        put.flags = i == 0 ? 0 : HKP_HTP_FILE_COMPRESSED;
        m.flags = HKP_HTP_FILE_COMPRESSED;
        const uint32_t stream = open_stream(fp, LEFT);
        say(fp, LEFT, stream, &put, NULL, 0);
        size_t n = i == 2   ? packed(data, 70000, 1024) /* a bomb */
                   : i == 3 ? packed(data, 1024, 1025)
                   : i == 4 ? packed(data, 1000, 1024)
                            : packed(data, 1024, 1024);
        if (i == 5) data[n++] = 0; /* trailing */
        if (i == 1) n--;           /* cut */
        forget(fp, LEFT);
        say(fp, LEFT, stream, &m, data, n);
        CHECK_EQ(answered(fp, LEFT),
                 i == 0 ? HKP_HTP_FILE_INVALID_OPERATION : HKP_HTP_FILE_INTEGRITY_FAILURE);
    }
    CHECK_EQ(fp->side[RIGHT].store.written, 0);
    still_well(fp, 0);
    fp_free(fp);
}

/* ---- Ends. */

static void lying_sizes_and_hashes_are_found_at_the_end(void) {
    struct files_pair *fp = new_client();
    for (int i = 0; i < 6; i++) {
        file_msg put = put_of(1000, "x.log"), chunk = chunk_of(0), end = end_of(1000, zeros, 1000);
        if (i == 1) crypto_hash_sha256(put.sha256, zeros, 999); /* declared: another file */
        if (i == 2) end.size = 999;
        if (i == 3) end.sha256[31] ^= 1;
        const uint32_t stream = open_stream(fp, LEFT);
        say(fp, LEFT, stream, &put, NULL, 0);
        if (i == 5) end = end_of(1000, zeros, 0); /* the hash of what was sent, which is nothing */
        if (i < 4) say(fp, LEFT, stream, &chunk, zeros, 1000);
        forget(fp, LEFT);
        say(fp, LEFT, stream, &end, NULL, 0);
        CHECK_EQ(answered(fp, LEFT), i == 0 ? HKP_HTP_FILE_OK : HKP_HTP_FILE_HASH_MISMATCH);
        CHECK_EQ(fp->side[RIGHT].store.count, 1); /* the first one */
        if (i == 0) mem_write(&fp->side[RIGHT].store, "kept.log", "", 0);
        if (i == 0) mem_drop_file(&fp->side[RIGHT].store, mem_find(&fp->side[RIGHT].store, "x.log", 5));
    }
    CHECK_EQ(mem_kept_count(&fp->side[RIGHT].store), 0);
    still_well(fp, 1);
    fp_free(fp);
}

static void an_error_cancels_and_leaves_nothing(void) {
    struct files_pair *fp = new_client();
    const uint32_t stream = begun(fp);
    file_msg chunk = chunk_of(0),
             error = {.op = HKP_HTP__FILE_ERROR, .id = 7, .code = HKP_HTP_FILE_CANCELLED, .data = zeros};
    say(fp, LEFT, stream, &chunk, zeros, 1024);
    say(fp, LEFT, stream, &error, NULL, 0);
    CHECK_EQ(fp->side[LEFT].raw_fin, 1);
    CHECK_EQ(fp_last(fp, RIGHT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(fp_last(fp, RIGHT)->remote, 1);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store) + mem_kept_count(&fp->side[RIGHT].store), 0);
    /* So does a reset, and a stop of a READ. */
    const uint32_t again = begun(fp);
    CHECK_EQ(hkp_htp_stream_reset(fp->p.e, fp->side[LEFT].session, again, HKP_HTP_CODE_CANCELLED), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store), 0);
    still_well(fp, 0);
    fp_free(fp);
}

static void a_silent_client_times_out_and_a_declared_part_stays(void) {
    struct files_pair *fp = new_client();
    file_msg put = put_of(2000, "x.log"), chunk = chunk_of(0);
    crypto_hash_sha256(put.sha256, zeros, 2000);
    const uint32_t stream = open_stream(fp, LEFT);
    say(fp, LEFT, stream, &put, NULL, 0);
    say(fp, LEFT, stream, &chunk, zeros, 1024);
    forget(fp, LEFT);
    fp_run(fp, 29 * HKP_HTP__SEC);
    CHECK_EQ(answered(fp, LEFT), 254);
    fp_run(fp, 4 * HKP_HTP__SEC);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_TIMEOUT);
    CHECK_EQ(mem_kept_count(&fp->side[RIGHT].store), 1);
    /* Where it was, whole chunks are left. */
    put.id = 9;
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    file_msg m;
    CHECK_EQ(hkp_htp__file_parse(fp->side[LEFT].message, fp->side[LEFT].message_len, 1, &m), HKP_HTP_FILE_OK);
    CHECK(m.op == HKP_HTP_FILE_CREATE && m.first == 1);
    uint8_t sha[32];
    crypto_hash_sha256(sha, zeros, 1024);
    CHECK_MEM(m.sha256, sha, 32);
    fp_free(fp);
}

/* ---- Limits, and other peers. */

static void the_seventeenth_of_a_session_is_busy(void) {
    struct files_pair *fp = new_client();
    uint32_t streams[16];
    for (int i = 0; i < 16; i++) {
        char path[16];
        snprintf(path, sizeof path, "%d.log", i);
        file_msg put = put_of(2000, path);
        streams[i] = open_stream(fp, LEFT);
        say(fp, LEFT, streams[i], &put, NULL, 0);
        CHECK_EQ(answered(fp, LEFT), 0);
    }
    file_msg put = put_of(2000, "x.log");
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_BUSY);
    CHECK_EQ(hkp_htp_stream_reset(fp->p.e, fp->side[LEFT].session, streams[3], 0), HKP_OK);
    fp_settle(fp);
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), 0);
    fp_free(fp);
}

static void a_part_has_one_writer(void) {
    struct files_pair *fp = new_client();
    (void)begun(fp);
    file_msg put = put_of(2000, "x.log");
    put.id = 8;
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_BUSY);
    fp_free(fp);
}

/* Ids are a stream's own: those of another session, or of another stream, name nothing. */
static void a_transfer_of_another_session_cannot_be_touched(void) {
    struct files_pair *fp = new_client();
    const uint32_t first = begun(fp);
    const uint64_t session = fp->side[LEFT].session;
    CHECK_EQ(pair_connect(&fp->p), HKP_OK);
    fp_settle(fp);
    CHECK(fp->side[LEFT].session != session);
    /* The same stream number and the same id, in the other session. */
    const uint32_t second = open_stream(fp, LEFT);
    CHECK_EQ(first, second);
    file_msg chunk = chunk_of(0), error = {.op = HKP_HTP__FILE_ERROR, .id = 7, .code = 11, .data = zeros};
    say(fp, LEFT, second, &chunk, zeros, 1024);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_INVALID_OPERATION);
    say(fp, LEFT, open_stream(fp, LEFT), &error, NULL, 0);
    CHECK_EQ(fp->side[RIGHT].store.written, 0);
    /* The first goes on undisturbed. */
    fp->side[LEFT].session = session;
    forget(fp, LEFT);
    file_msg two = chunk_of(1), end = end_of(2000, zeros, 2000);
    say(fp, LEFT, first, &chunk, zeros, 1024);
    say(fp, LEFT, first, &two, zeros, 976);
    say(fp, LEFT, first, &end, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "x.log", zeros, 2000));
    fp_free(fp);
}

static void quotas_of_a_peer_hold(void) {
    struct files_pair *fp = new_client();
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 127, .quota = 2500};
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    mem_write(&fp->side[RIGHT].store, "a.log", zeros, 1000);
    file_msg put = put_of(2000, "x.log");
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_QUOTA_EXCEEDED);
    g.quota = 0;
    g.size_max = 1999; /* at the declaration already */
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    forget(fp, LEFT);
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_QUOTA_EXCEEDED);
    put = put_of(UINT64_C(1) << 40, "y.log");
    put.chunk_size = 65536;
    say(fp, LEFT, open_stream(fp, LEFT), &put, NULL, 0);
    CHECK_EQ(answered(fp, LEFT), HKP_HTP_FILE_QUOTA_EXCEEDED);
    still_well(fp, 1);
    fp_free(fp);
}

/* ---- A server that breaks the rules. */

/* E asks; V speaks by hand and got the request. */
static uint64_t asked(struct files_pair *fp, uint32_t op, uint32_t flags) {
    fp->side[RIGHT].raw = 1;
    if (mem_find(&fp->side[LEFT].store, "a.log", 5) == NULL)
        mem_write(&fp->side[LEFT].store, "a.log", zeros, 3000);
    struct hkp_htp_file_request r =
        fp_request(fp, LEFT, op, "a.log", op == HKP_HTP_FILE_READ ? "b.log" : "a.log");
    r.flags = flags;
    r.chunk_size = 1024;
    forget(fp, RIGHT);
    const uint64_t number = fp_start(fp, LEFT, &r);
    fp_settle(fp);
    CHECK(fp->side[RIGHT].message_len > 0);
    return number;
}

static void reply(struct files_pair *fp, file_msg *m, const void *data, size_t len) {
    file_msg asked_for;
    const uint8_t *q = fp->side[RIGHT].message;
    (void)hkp_htp__file_parse(q, fp->side[RIGHT].message_len, 0, &asked_for);
    if (m->id == 0) m->id = (uint32_t)q[4] << 24 | (uint32_t)q[5] << 16 | (uint32_t)q[6] << 8 | q[7];
    say(fp, RIGHT, fp->side[RIGHT].raw_stream, m, data, len);
}

static file_msg meta_of(uint64_t size) {
    return (file_msg){.op = HKP_HTP_FILE_READ, .size = size, .kind = 1, .chunk_size = 1024};
}

static void fails_with(struct files_pair *fp, uint32_t code) {
    fp_settle(fp);
    CHECK_EQ(fp->side[LEFT].ended, 1);
    if (fp->side[LEFT].ended == 0) return;
    CHECK_EQ(fp_last(fp, LEFT)->code, code);
    CHECK(fp->side[LEFT].session != 0);
    CHECK_EQ(mem_open_count(&fp->side[LEFT].store) + mem_kept_count(&fp->side[LEFT].store), 0);
    CHECK(mem_find(&fp->side[LEFT].store, "b.log", 5) == NULL);
    fp->side[LEFT].ended = 0;
}

static void servers_that_lie_about_content_are_found_out(void) {
    struct files_pair *fp = fp_new();
    file_msg m = meta_of(1000), chunk = {.op = HKP_HTP__FILE_CHUNK},
             end = {.op = HKP_HTP__FILE_COMPLETE, .size = 1000};
    /* Another chunk than the next, another length, one too many. */
    for (int i = 0; i < 3; i++) {
        (void)asked(fp, HKP_HTP_FILE_READ, 0);
        m.id = chunk.id = end.id = 0;
        reply(fp, &m, NULL, 0);
        chunk.index = i == 0;
        reply(fp, &chunk, zeros, i == 1 ? 1001 : 1000);
        chunk.index = 1;
        if (i == 2) reply(fp, &chunk, zeros, 1000);
        fails_with(fp, i == 0 ? HKP_HTP_FILE_CHUNK_MISSING : HKP_HTP_FILE_TRANSFER_FAILED);
    }
    /* A hash that is not of the bytes; an end before the end. */
    for (int i = 0; i < 2; i++) {
        (void)asked(fp, HKP_HTP_FILE_READ, 0);
        m.id = chunk.id = end.id = 0;
        chunk.index = 0;
        reply(fp, &m, NULL, 0);
        if (i == 0) reply(fp, &chunk, zeros, 1000);
        reply(fp, &end, NULL, 0);
        fails_with(fp, HKP_HTP_FILE_HASH_MISMATCH);
    }
    /* Compressed, though it was not offered; and offered, but no zlib. */
    for (int i = 0; i < 2; i++) {
        (void)asked(fp, HKP_HTP_FILE_READ, i ? HKP_HTP_FILE_COMPRESSED : 0);
        m.id = chunk.id = 0;
        chunk.flags = HKP_HTP_FILE_COMPRESSED;
        reply(fp, &m, NULL, 0);
        reply(fp, &chunk, zeros, 500);
        fails_with(fp, i ? HKP_HTP_FILE_INTEGRITY_FAILURE : HKP_HTP_FILE_INVALID_OPERATION);
    }
    fp_free(fp);
}

static void servers_that_answer_something_else_are_found_out(void) {
    struct files_pair *fp = fp_new();
    file_msg ready = {.op = HKP_HTP_FILE_CREATE, .chunk_size = 1024}, meta = meta_of(1000),
             chunk = {.op = HKP_HTP__FILE_CHUNK}, end = {.op = HKP_HTP__FILE_COMPLETE};
    (void)asked(fp, HKP_HTP_FILE_READ, 0);
    reply(fp, &ready, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_INVALID_OPERATION);
    (void)asked(fp, HKP_HTP_FILE_READ, 0);
    reply(fp, &chunk, zeros, 10);
    fails_with(fp, HKP_HTP_FILE_INVALID_OPERATION);
    (void)asked(fp, HKP_HTP_FILE_CREATE, 0);
    end.id = 0;
    reply(fp, &end, NULL, 0); /* done before it began */
    fails_with(fp, HKP_HTP_FILE_INVALID_OPERATION);
    (void)asked(fp, HKP_HTP_FILE_STAT, 0);
    meta.id = 4711; /* another transfer's */
    meta.op = HKP_HTP_FILE_STAT;
    reply(fp, &meta, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_INVALID_OPERATION);
    (void)asked(fp, HKP_HTP_FILE_READ, 0);
    meta = meta_of(1000);
    meta.kind = 2; /* a folder has no content */
    reply(fp, &meta, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_BAD_MESSAGE);
    (void)asked(fp, HKP_HTP_FILE_READ, 0);
    meta = meta_of(1000);
    meta.chunk_size = 2048; /* larger than we asked for */
    reply(fp, &meta, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_BAD_MESSAGE);
    (void)asked(fp, HKP_HTP_FILE_CREATE, 0);
    ready.id = 0;
    ready.first = 1; /* a part of what has no hash */
    reply(fp, &ready, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_BAD_MESSAGE);
    (void)asked(fp, HKP_HTP_FILE_CREATE, 0);
    ready.id = ready.first = 0;
    ready.chunk_size = 2048;
    reply(fp, &ready, NULL, 0);
    fails_with(fp, HKP_HTP_FILE_BAD_MESSAGE);
    fp_free(fp);
}

static void servers_may_lower_the_chunks(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.chunk_max = 1024;
    fp_files(fp, RIGHT, &o);
    fp_grant(fp, RIGHT, 127);
    uint8_t *b = fp_bytes(50000, 3);
    mem_write(&fp->side[LEFT].store, "a.log", b, 50000);
    CHECK_EQ(fp_put(fp, "b.log", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 50000));
    CHECK_EQ(fp_get(fp, "b.log", "c.log", 0), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "c.log", b, 50000));
    free(b);
    fp_free(fp);
}

static void ends_without_an_answer_fail(void) {
    struct files_pair *fp = fp_new();
    (void)asked(fp, HKP_HTP_FILE_STAT, 0);
    CHECK_EQ(hkp_htp_stream_send(fp->p.v, fp->side[RIGHT].session, fp->side[RIGHT].raw_stream, NULL, 0, 1),
             HKP_OK);
    fails_with(fp, HKP_HTP_FILE_INVALID_OPERATION);
    (void)asked(fp, HKP_HTP_FILE_STAT, 0);
    CHECK_EQ(hkp_htp_stream_reset(fp->p.v, fp->side[RIGHT].session, fp->side[RIGHT].raw_stream, 0), HKP_OK);
    fails_with(fp, HKP_HTP_FILE_CANCELLED);
    /* A class that is not allowed is refused by the endpoint itself. */
    fp->side[RIGHT].raw = 0;
    CHECK_EQ(
        hkp_htp_session_allow(fp->p.v, fp->side[RIGHT].session, ~(UINT64_C(1) << HKP_HTP_STREAM_FILE), 0),
        HKP_OK);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "/", NULL);
    (void)fp_start(fp, LEFT, &r);
    fails_with(fp, HKP_HTP_FILE_PERMISSION_DENIED);
    fp_free(fp);
}

static void what_a_server_says_for_people_is_text_or_nothing(void) {
    struct files_pair *fp = fp_new();
    static const struct {
        const char *text, *shown;
    } cases[] = {{"disk is full", "disk is full"}, {"\x1B[31mred", ""}, {"\xFF\xFE", ""}, {"", ""}};
    for (size_t i = 0; i < 4; i++) {
        (void)asked(fp, HKP_HTP_FILE_STAT, 0);
        struct hkp_htp_file_event e = {.struct_size = sizeof e};
        file_msg m = {.op = HKP_HTP__FILE_ERROR,
                      .code = HKP_HTP_FILE_IO_ERROR,
                      .data = (const uint8_t *)cases[i].text,
                      .data_len = strlen(cases[i].text)};
        hkp_htp_files *files = fp->side[LEFT].files;
        m.id = 1 + (uint32_t)i;
        static uint8_t out[400];
        const size_t len = hkp_htp__file_write(out, &m, 1);
        CHECK_EQ(
            hkp_htp_stream_send(fp->p.v, fp->side[RIGHT].session, fp->side[RIGHT].raw_stream, out, len, 1),
            HKP_OK);
        pair_pump(&fp->p);
        fp_take(fp, &fp->side[LEFT]);
        CHECK_EQ(hkp_htp_files_event(files, &e), HKP_OK);
        CHECK_EQ(e.type, HKP_HTP_FILE_EVENT_FAILED);
        CHECK_EQ(strcmp(e.message, cases[i].shown), 0);
        CHECK_EQ(strcmp(e.path, "a.log"), 0);
    }
    fp_free(fp);
}

int main(void) {
    CASE(malformed_requests_are_answered_as_the_vectors_say);
    CASE(malformed_answers_fail_as_the_vectors_say);
    CASE(paths_of_the_vectors_never_reach_the_store);
    CASE(names_of_255_bytes_go_and_of_256_do_not);
    CASE(a_message_out_of_place_is_told);
    CASE(an_end_before_the_end_is_told);
    CASE(a_stream_serves_one_transfer);
    CASE(files_go_over_streams_of_two_directions);
    CASE(chunks_must_be_the_next_and_of_the_right_length);
    CASE(more_chunks_than_declared_are_refused);
    CASE(a_flood_of_chunks_ends_at_the_fault);
    CASE(totals_and_hashes_in_heads_must_be_the_same);
    CASE(bombs_and_lies_do_not_inflate);
    CASE(lying_sizes_and_hashes_are_found_at_the_end);
    CASE(an_error_cancels_and_leaves_nothing);
    CASE(a_silent_client_times_out_and_a_declared_part_stays);
    CASE(the_seventeenth_of_a_session_is_busy);
    CASE(a_part_has_one_writer);
    CASE(a_transfer_of_another_session_cannot_be_touched);
    CASE(quotas_of_a_peer_hold);
    CASE(servers_that_lie_about_content_are_found_out);
    CASE(servers_that_answer_something_else_are_found_out);
    CASE(servers_may_lower_the_chunks);
    CASE(ends_without_an_answer_fail);
    CASE(what_a_server_says_for_people_is_text_or_nothing);
    return check_done();
}
