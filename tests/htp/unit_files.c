/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13: what transfers do, over two endpoints in memory. Peers that break rules: unit_files_hostile. */
#include "files_pair.h"

enum { KIB = 1024, MIB = 1024 * 1024, LEFT = 0, RIGHT = 1 };

static void sha_of(const uint8_t *b, size_t len, uint8_t sha[32]) { crypto_hash_sha256(sha, b, len); }

static void a_file_goes_there_and_comes_back(void) {
    struct files_pair *fp = fp_new();
    static const size_t sizes[] = {0, 1, 1023, 8191, 8192, 8193, 20000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *b = fp_bytes(sizes[i], i), sha[32];
        sha_of(b, sizes[i], sha);
        mem_write(&fp->side[LEFT].store, "here.log", b, sizes[i]);
        CHECK_EQ(fp_put(fp, "/there.log", "here.log", HKP_HTP_FILE_OVERWRITE), HKP_HTP_FILE_OK);
        CHECK(mem_has(&fp->side[RIGHT].store, "there.log", b, sizes[i]));
        CHECK_MEM(fp_last(fp, LEFT)->sha256, sha, 32);
        CHECK_MEM(fp_last(fp, RIGHT)->sha256, sha, 32);
        CHECK_EQ(fp_get(fp, "there.log", "back.log", 0), HKP_HTP_FILE_OK);
        CHECK(mem_has(&fp->side[LEFT].store, "back.log", b, sizes[i]));
        CHECK_MEM(fp_last(fp, LEFT)->sha256, sha, 32);
        free(b);
    }
    fp_free(fp);
}

static void v_asks_of_e_just_the_same(void) {
    struct files_pair *fp = fp_new();
    mem_write(&fp->side[RIGHT].store, "a.log", "content", 7);
    struct hkp_htp_file_request r = fp_request(fp, RIGHT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    CHECK_EQ(fp_do(fp, RIGHT, &r), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", "content", 7));
    fp_free(fp);
}

static void one_file_is_fetched_to_two_places_at_once(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(MIB, 8);
    mem_write(&fp->side[RIGHT].store, "a.log", b, MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    r.local_path = "c.log";
    (void)fp_start(fp, LEFT, &r);
    fp_until(fp, LEFT, 2);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", b, MIB) && mem_has(&fp->side[LEFT].store, "c.log", b, MIB));
    free(b);
    fp_free(fp);
}

/* ---- Operations and flags. */

static void create_update_and_overwrite_want_what_they_say(void) {
    struct files_pair *fp = fp_new();
    struct mem_store *v = &fp->side[RIGHT].store;
    mem_write(&fp->side[LEFT].store, "1.log", "one", 3);
    mem_write(&fp->side[LEFT].store, "2.log", "zwei", 4);
    struct hkp_htp_file_request up = fp_request(fp, LEFT, HKP_HTP_FILE_UPDATE, "x.log", "2.log");
    CHECK_EQ(fp_do(fp, LEFT, &up), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 1);
    CHECK_EQ(fp_put(fp, "x.log", "1.log", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_put(fp, "x.log", "2.log", 0), HKP_HTP_FILE_ALREADY_EXISTS);
    CHECK(mem_has(v, "x.log", "one", 3));
    CHECK_EQ(fp_do(fp, LEFT, &up), HKP_HTP_FILE_OK);
    CHECK(mem_has(v, "x.log", "zwei", 4));
    CHECK_EQ(fp_put(fp, "x.log", "1.log", HKP_HTP_FILE_OVERWRITE | HKP_HTP_FILE_ATOMIC), HKP_HTP_FILE_OK);
    CHECK(mem_has(v, "x.log", "one", 3));
    up.flags = HKP_HTP_FILE_APPEND;
    CHECK_EQ(fp_do(fp, LEFT, &up), HKP_HTP_FILE_OK);
    CHECK(mem_has(v, "x.log", "onezwei", 7));
    CHECK_EQ(fp_put(fp, "d/e/f.log", "1.log", 0), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(fp_put(fp, "d/e/f.log", "1.log", HKP_HTP_FILE_CREATE_DIRS), HKP_HTP_FILE_OK);
    CHECK(mem_has(v, "d/e/f.log", "one", 3));
    fp_free(fp);
}

static void delete_takes_files_and_folders_as_granted(void) {
    struct files_pair *fp = fp_new();
    struct mem_store *v = &fp->side[RIGHT].store;
    mem_write(v, "a.log", "a", 1);
    mem_folder(v, "empty");
    mem_folder(v, "full");
    mem_write(v, "full/b.log", "b", 1);
    mem_write(v, "full/c.exe", "c", 1);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "a.log", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_NOT_FOUND);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "full/c.exe", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_PERMISSION_DENIED);
    /* What is not there has no extension that would help: the answer is the same. */
    r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "full/d.exe", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_PERMISSION_DENIED);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "empty", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "full", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_INVALID_OPERATION);
    r.flags = HKP_HTP_FILE_RECURSIVE;
    fp_grant(fp, RIGHT, 127 & ~HKP_HTP_FILE_MAY_RECURSE);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK(mem_find(v, "full/b.log", 10) != NULL);
    fp_grant(fp, RIGHT, 127);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK_EQ(v->count, 0);
    fp_free(fp);
}

static void the_root_is_never_deleted(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "/", NULL);
    r.flags = HKP_HTP_FILE_RECURSIVE;
    CHECK_EQ(hkp_htp_files_start(fp->side[0].files, fp->p.now, fp->side[0].session, &r, NULL), HKP_E_INVAL);
    fp_free(fp);
}

static void stat_tells_what_is_there(void) {
    struct files_pair *fp = fp_new();
    struct mem_store *v = &fp->side[RIGHT].store;
    uint8_t sha[32], zero[32] = {0};
    struct mem_file *f = mem_write(v, "a.log", "content", 7);
    f->info.mtime_us = UINT64_C(1) << 52;
    f->info.mode = 0640;
    mem_folder(v, "d");
    f = mem_write(v, "big.bin", "", 0); /* STAT judges no extension */
    f->info.size = UINT64_C(1) << 42;
    sha_of((const uint8_t *)"content", 7, sha);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "a.log", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    const struct hkp_htp_file_event *e = fp_last(fp, LEFT);
    CHECK(e->info.size == 7 && e->info.mtime_us == UINT64_C(1) << 52 && e->info.mode == 0640 &&
          e->info.kind == 1);
    CHECK_MEM(e->sha256, zero, 32);
    r.flags = HKP_HTP_FILE_VERIFY_HASH;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK_MEM(fp_last(fp, LEFT)->sha256, sha, 32);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "/", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_last(fp, LEFT)->info.kind, HKP_HTP_FILE_KIND_FOLDER);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "big.bin", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(fp_last(fp, LEFT)->info.size == UINT64_C(1) << 42);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "none", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_NOT_FOUND);
    fp_free(fp);
}

static void list_tells_all_entries_in_pages(void) {
    struct files_pair *fp = fp_new();
    struct mem_store *v = &fp->side[RIGHT].store;
    char name[300];
    mem_folder(v, "d");
    for (int i = 0; i < 700; i++) {
        /* Long names: no message holds them all. */
        snprintf(name, sizeof name, "d/%04d%.*s.log", (i * 79) % 700, i % 3 == 0 ? 200 : 3,
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                 "xxxxxxxxx"
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                 "xxxxxxxxx");
        mem_write(v, name, "x", 1);
    }
    mem_write(v, "d/\\hidden", "x", 1);
    struct fp_side *e = &fp->side[LEFT];
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_LIST, "d", NULL);
    int pages = 0;
    do {
        const size_t before = e->listed;
        CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
        if (e->listed == before) break;
        r.after = e->entries[e->listed - 1].name;
        r.after_len = e->entries[e->listed - 1].name_len;
        r.limit = 333;
    } while (fp_last(fp, LEFT)->more && ++pages < 20);
    CHECK(pages >= 1);
    CHECK_EQ(e->listed, 700);
    for (size_t i = 0; i < e->listed; i++) {
        snprintf(name, sizeof name, "%04zu", i);
        CHECK_MEM(e->entries[i].name, name, 4);
    }
    r = fp_request(fp, LEFT, HKP_HTP_FILE_LIST, "none", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_NOT_FOUND);
    fp_free(fp);
}

static void verify_hash_reads_back_what_was_stored(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(100000, 1);
    mem_write(&fp->side[LEFT].store, "a.log", b, 100000);
    fp->side[RIGHT].store.lies = 1;
    CHECK_EQ(fp_put(fp, "a.log", "a.log", 0), HKP_HTP_FILE_OK); /* nobody looked */
    CHECK_EQ(fp_put(fp, "b.log", "a.log", HKP_HTP_FILE_VERIFY_HASH), HKP_HTP_FILE_HASH_MISMATCH);
    CHECK(mem_find(&fp->side[RIGHT].store, "b.log", 5) == NULL);
    fp->side[RIGHT].store.lies = 0;
    CHECK_EQ(fp_put(fp, "b.log", "a.log", HKP_HTP_FILE_VERIFY_HASH), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_get(fp, "b.log", "c.log", HKP_HTP_FILE_VERIFY_HASH), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "c.log", b, 100000));
    free(b);
    fp_free(fp);
}

static uint64_t bytes_out(const struct files_pair *fp, int side) {
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    CHECK_EQ(hkp_htp_session_info(fp->side[side].ep, fp->side[side].session, &info), HKP_OK);
    return info.bytes_out;
}

static void compression_is_used_where_it_helps_and_only_there(void) {
    struct files_pair *fp = fp_new();
    enum { LEN = 1000000 };
    uint8_t *text = malloc(LEN), *noise = fp_bytes(LEN, 2);
    for (size_t i = 0; i < LEN; i++) text[i] = (uint8_t) "0123456789abcdef"[i / 64 % 16];
    mem_write(&fp->side[LEFT].store, "text.log", text, LEN);
    mem_write(&fp->side[LEFT].store, "noise.log", noise, LEN);
    uint64_t before = bytes_out(fp, LEFT);
    CHECK_EQ(fp_put(fp, "text.log", "text.log", HKP_HTP_FILE_COMPRESSED), HKP_HTP_FILE_OK);
    CHECK(bytes_out(fp, LEFT) - before < LEN / 10);
    CHECK(mem_has(&fp->side[RIGHT].store, "text.log", text, LEN));
    before = bytes_out(fp, RIGHT);
    CHECK_EQ(fp_get(fp, "text.log", "back.log", HKP_HTP_FILE_COMPRESSED), HKP_HTP_FILE_OK);
    CHECK(bytes_out(fp, RIGHT) - before < LEN / 10);
    CHECK(mem_has(&fp->side[LEFT].store, "back.log", text, LEN));
    before = bytes_out(fp, RIGHT);
    CHECK_EQ(fp_get(fp, "text.log", "back.log", 0), HKP_HTP_FILE_OK); /* not offered */
    CHECK(bytes_out(fp, RIGHT) - before > LEN);
    CHECK_EQ(fp_put(fp, "noise.log", "noise.log", HKP_HTP_FILE_COMPRESSED), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "noise.log", noise, LEN));
    free(text);
    free(noise);
    fp_free(fp);
}

static void mode_and_time_go_along_if_asked(void) {
    struct files_pair *fp = fp_new();
    struct mem_file *f = mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    f->info.mode = 0640;
    f->info.mtime_us = 123456789;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    r.keep = 1;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    f = mem_find(&fp->side[RIGHT].store, "b.log", 5);
    CHECK(f != NULL && f->info.mode == 0640 && f->info.mtime_us == 123456789);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "b.log", "c.log");
    r.keep = 1;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    f = mem_find(&fp->side[LEFT].store, "c.log", 5);
    CHECK(f != NULL && f->info.mode == 0640 && f->info.mtime_us == 123456789);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "d.log", "a.log");
    r.mode = 0600;
    r.mtime_us = 5;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    f = mem_find(&fp->side[RIGHT].store, "d.log", 5);
    CHECK(f != NULL && f->info.mode == 0600 && f->info.mtime_us == 5);
    fp_free(fp);
}

/* ---- Grants. */

static uint32_t try_op(struct files_pair *fp, uint32_t op) {
    static int n;
    char path[32];
    snprintf(path, sizeof path, op == HKP_HTP_FILE_CREATE ? "new%d.log" : "old.log", n++);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, op, path, "here.log");
    if (op >= HKP_HTP_FILE_DELETE) r.local_path = NULL;
    r.local_flags = op == HKP_HTP_FILE_READ ? HKP_HTP_STORE_OVERWRITE : 0;
    if (op == HKP_HTP_FILE_LIST) r.path_len = 1, r.path = "/";
    mem_write(&fp->side[LEFT].store, "here.log", "here", 4);
    mem_write(&fp->side[RIGHT].store, "old.log", "old", 3);
    return fp_do(fp, LEFT, &r);
}

static void nobody_may_anything_but_what_was_granted(void) {
    struct files_pair *fp = fp_new();
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, NULL), HKP_OK);
    for (uint32_t op = HKP_HTP_FILE_CREATE; op <= HKP_HTP_FILE_LIST; op++)
        CHECK_EQ(try_op(fp, op), HKP_HTP_FILE_PERMISSION_DENIED);
    for (uint32_t granted = HKP_HTP_FILE_CREATE; granted <= HKP_HTP_FILE_LIST; granted++) {
        fp_grant(fp, RIGHT, 1U << (granted - HKP_HTP_FILE_CREATE));
        for (uint32_t op = HKP_HTP_FILE_CREATE; op <= HKP_HTP_FILE_LIST; op++)
            CHECK_EQ(try_op(fp, op), op == granted ? HKP_HTP_FILE_OK : HKP_HTP_FILE_PERMISSION_DENIED);
    }
    /* A grant of its own comes before that of all, also when it says nothing. */
    struct hkp_htp_file_grant none = {.struct_size = sizeof none};
    fp_grant(fp, RIGHT, 127);
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, fp->w.e.node_id, &none), HKP_OK);
    CHECK_EQ(try_op(fp, HKP_HTP_FILE_STAT), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, fp->w.e.node_id, NULL), HKP_OK);
    CHECK_EQ(try_op(fp, HKP_HTP_FILE_STAT), HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void extensions_count_for_content(void) {
    struct files_pair *fp = fp_new();
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    CHECK_EQ(fp_put(fp, "a.exe", "a.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(fp_put(fp, "a", "a.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(fp_put(fp, "a.LOG", "a.log", 0), HKP_HTP_FILE_OK);
    mem_write(&fp->side[RIGHT].store, "b.exe", "b", 1);
    CHECK_EQ(fp_get(fp, "b.exe", "b.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    struct hkp_htp_file_request up = fp_request(fp, LEFT, HKP_HTP_FILE_UPDATE, "b.exe", "a.log");
    CHECK_EQ(fp_do(fp, LEFT, &up), HKP_HTP_FILE_PERMISSION_DENIED);
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 127, .extensions = "exe ."};
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    CHECK_EQ(fp_put(fp, "a.exe", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_put(fp, "a", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_put(fp, "c.log", "a.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    fp_free(fp);
}

static void a_root_is_all_that_a_peer_sees(void) {
    struct files_pair *fp = fp_new();
    struct mem_store *v = &fp->side[RIGHT].store;
    struct hkp_htp_file_grant g = {
        .struct_size = sizeof g, .operations = 127, .root = "/peers/e", .quota = 10};
    mem_folder(v, "peers");
    mem_folder(v, "peers/e");
    mem_write(v, "secret.log", "s", 1);
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    mem_write(&fp->side[LEFT].store, "a.log", "sixsix", 6);
    CHECK_EQ(fp_put(fp, "/a.log", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK(mem_has(v, "peers/e/a.log", "sixsix", 6));
    CHECK_EQ(fp_get(fp, "/secret.log", "s.log", 0), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(fp_put(fp, "/b.log", "a.log", 0), HKP_HTP_FILE_QUOTA_EXCEEDED);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_LIST, "/", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK_EQ(fp->side[LEFT].listed, 1);
    g.root = "../up";
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_E_INVAL);
    g.root = NULL;
    g.extensions = "LOG";
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_E_INVAL);
    g.extensions = NULL;
    g.operations = 128;
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_E_INVAL);
    fp_free(fp);
}

/* Starts something large and lets it begin. */
static uint64_t begin_put(struct files_pair *fp, size_t len, const char *to, uint32_t flags) {
    uint8_t *b = fp_bytes(len, 9);
    mem_write(&fp->side[LEFT].store, "big.log", b, len);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, to, "big.log");
    r.flags = flags;
    const uint64_t number = fp_start(fp, LEFT, &r);
    free(b);
    return number;
}

/* Moves a few datagrams at a time, so that a transfer is caught in the middle. */
static void step(struct files_pair *fp, int times) {
    uint8_t d[1200];
    for (int i = 0; i < times; i++) {
        for (int from_e = 0; from_e < 2; from_e++)
            for (size_t len, n = 0; n < 20 && (len = pair_pull(&fp->p, from_e, d)) > 0; n++)
                (void)pair_give(&fp->p, !from_e, d, len);
        fp_serve(fp);
        fp_advance(fp, fp->p.now + HKP_HTP__MS);
    }
}

static void what_is_withdrawn_ends_what_runs(void) {
    struct files_pair *fp = fp_new();
    (void)begin_put(fp, 4 * MIB, "x.log", 0);
    step(fp, 20);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store), 1);
    fp_grant(fp, RIGHT, 127 & ~HKP_HTP_FILE_MAY_CREATE);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 1);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store) + mem_kept_count(&fp->side[RIGHT].store), 0);
    fp_free(fp);
}

static void grants_are_bounded(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 1};
    uint8_t id[16] = {0};
    hkp_htp_files_options_init(&o, sizeof o);
    o.grants_max = 2;
    fp_files(fp, RIGHT, &o);
    for (id[0] = 0; id[0] < 2; id[0]++) CHECK_EQ(hkp_htp_files_grant(fp->side[1].files, id, &g), HKP_OK);
    CHECK_EQ(hkp_htp_files_grant(fp->side[1].files, id, &g), HKP_E_LIMIT);
    id[0] = 1;
    CHECK_EQ(hkp_htp_files_grant(fp->side[1].files, id, &g), HKP_OK);
    CHECK_EQ(hkp_htp_files_grant(fp->side[1].files, id, NULL), HKP_OK);
    id[0] = 7;
    CHECK_EQ(hkp_htp_files_grant(fp->side[1].files, id, &g), HKP_OK);
    fp_free(fp);
}

/* ---- Limits. */

static void sizes_are_bound_at_both_ends(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 127, .size_max = 100};
    uint8_t b[101] = {0};
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    mem_write(&fp->side[LEFT].store, "100.log", b, 100);
    mem_write(&fp->side[LEFT].store, "101.log", b, 101);
    CHECK_EQ(fp_put(fp, "101.log", "101.log", 0), HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(fp_put(fp, "100.log", "100.log", 0), HKP_HTP_FILE_OK);
    struct hkp_htp_file_request up = fp_request(fp, LEFT, HKP_HTP_FILE_UPDATE, "100.log", "100.log");
    up.flags = HKP_HTP_FILE_APPEND;
    CHECK_EQ(fp_do(fp, LEFT, &up), HKP_HTP_FILE_QUOTA_EXCEEDED);
    mem_write(&fp->side[RIGHT].store, "101.log", b, 101);
    CHECK_EQ(fp_get(fp, "101.log", "x.log", 0), HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 1);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "100.log", "y.log");
    r.size_max = 99;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 0);
    /* A gibibyte is the default. */
    fp_grant(fp, RIGHT, 127);
    mem_write(&fp->side[RIGHT].store, "g.log", b, 1)->info.size = (UINT64_C(1) << 30) + 1;
    CHECK_EQ(fp_get(fp, "g.log", "x.log", 0), HKP_HTP_FILE_QUOTA_EXCEEDED);
    fp_free(fp);
}

static void sixteen_run_at_once_and_others_wait(void) {
    struct files_pair *fp = fp_new();
    enum { N = 50 };
    unsigned most = 0;
    uint8_t *b = fp_bytes(100 * KIB, 3);
    mem_write(&fp->side[LEFT].store, "a.log", b, 100 * KIB);
    for (int i = 0; i < N; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.log", i);
        struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, path, "a.log");
        (void)fp_start(fp, LEFT, &r);
    }
    for (int i = 0; i < 3000 && fp->side[LEFT].ended < N; i++) {
        step(fp, 1);
        const unsigned n = mem_open_count(&fp->side[RIGHT].store);
        if (n > most) most = n;
    }
    CHECK_EQ(most, HKP_HTP_FILE_SESSION_MAX);
    CHECK_EQ(fp->side[LEFT].ended, N);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_DONE], N);
    free(b);
    fp_free(fp);
}

/* All that share a session's room move on, whatever the others have waiting. */
static void transfers_take_turns(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(2 * MIB, 3);
    mem_write(&fp->side[LEFT].store, "a.log", b, 2 * MIB);
    for (int i = 0; i < 16; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.log", i);
        struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, path, "a.log");
        (void)fp_start(fp, LEFT, &r);
    }
    /* When half of it all went over, nobody is at the beginning and nobody far ahead. */
    while (fp->side[RIGHT].store.written < 16 * MIB) step(fp, 1);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < MEM_HANDLES; i++) {
        const struct mem_handle *h = &fp->side[RIGHT].store.handles[i];
        if (h->writing && h->have < least) least = h->have;
    }
    CHECK(least >= MIB / 2 && least != UINT64_MAX);
    fp_until(fp, LEFT, 16);
    free(b);
    fp_free(fp);
}

static void a_busy_server_is_asked_again(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.transfers_max = 2;
    fp_files(fp, RIGHT, &o);
    fp_grant(fp, RIGHT, 127);
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    for (int i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.log", i);
        struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, path, "a.log");
        (void)fp_start(fp, LEFT, &r);
    }
    fp_until(fp, LEFT, 20);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_DONE], 20);
    fp_free(fp);
}

static void the_queue_is_bounded(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.queue_max = 3;
    fp_files(fp, LEFT, &o);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "/", NULL);
    for (int i = 0; i < 3; i++) (void)fp_start(fp, LEFT, &r);
    CHECK_EQ(hkp_htp_files_start(fp->side[0].files, fp->p.now, fp->side[0].session, &r, NULL), HKP_E_LIMIT);
    fp_until(fp, LEFT, 3);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void indexes_go_beyond_sixteen_bits(void) {
    struct files_pair *fp = fp_new();
    const size_t len = 66000 * 1024 + 5;
    uint8_t *b = fp_bytes(len, 4);
    mem_write(&fp->side[LEFT].store, "a.log", b, len);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    r.chunk_size = 1024;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, len));
    free(b);
    fp_free(fp);
}

static void sizes_go_beyond_thirty_two_bits(void) {
    struct files_pair *fp = fp_new();
    const uint64_t base = UINT64_C(5) << 30;
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 127, .size_max = UINT64_C(1) << 40};
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_OK);
    struct mem_file *f = mem_write(&fp->side[RIGHT].store, "a.log", "", 0);
    f->content->size = f->info.size = base;
    uint8_t *b = fp_bytes(100000, 5), back[16];
    mem_write(&fp->side[LEFT].store, "part.log", b, 100000);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_UPDATE, "a.log", "part.log");
    r.flags = HKP_HTP_FILE_APPEND;
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    f = mem_find(&fp->side[RIGHT].store, "a.log", 5);
    CHECK(f->info.size == base + 100000);
    mem_get_bytes(f->content, base + 100000 - 16, back, 16);
    CHECK_MEM(back, b + 100000 - 16, 16);
    r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "a.log", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(fp_last(fp, LEFT)->info.size == base + 100000);
    free(b);
    fp_free(fp);
}

/* ---- Ends. */

static void cancelling_a_put_leaves_nothing(void) {
    struct files_pair *fp = fp_new();
    const uint64_t number = begin_put(fp, 4 * MIB, "x.log", 0);
    step(fp, 20);
    CHECK_EQ(hkp_htp_files_cancel(fp->side[LEFT].files, fp->p.now, number), HKP_OK);
    CHECK_EQ(hkp_htp_files_cancel(fp->side[LEFT].files, fp->p.now, number), HKP_E_NOTFOUND);
    fp_settle(fp);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 0);
    CHECK_EQ(fp->side[RIGHT].ended, 1);
    CHECK_EQ(fp_last(fp, RIGHT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(fp_last(fp, RIGHT)->remote, 1);
    CHECK_EQ(fp->side[RIGHT].store.count, 0);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store) + mem_kept_count(&fp->side[RIGHT].store), 0);
    fp_free(fp);
}

static void cancelling_a_get_leaves_nothing(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(4 * MIB, 6);
    mem_write(&fp->side[RIGHT].store, "x.log", b, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "x.log", "y.log");
    const uint64_t number = fp_start(fp, LEFT, &r);
    step(fp, 20);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store), 1);
    CHECK_EQ(hkp_htp_files_cancel(fp->side[LEFT].files, fp->p.now, number), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(fp_last(fp, RIGHT)->code, HKP_HTP_FILE_CANCELLED);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(mem_open_count(&fp->side[i].store) + mem_kept_count(&fp->side[i].store), 0);
    CHECK_EQ(fp->side[LEFT].store.count, 0);
    free(b);
    fp_free(fp);
}

static void the_server_may_cancel_too(void) {
    struct files_pair *fp = fp_new();
    (void)begin_put(fp, 4 * MIB, "x.log", 0);
    step(fp, 20);
    uint64_t number = 0;
    for (uint64_t n = 1; n < 10 && number == 0; n++)
        if (hkp_htp_files_cancel(fp->side[RIGHT].files, fp->p.now, n) == HKP_OK) number = n;
    CHECK(number != 0);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 1);
    CHECK_EQ(fp->side[RIGHT].store.count, 0);
    fp_free(fp);
}

static void a_deadline_ends_a_transfer(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(4 * MIB, 6);
    mem_write(&fp->side[LEFT].store, "a.log", b, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    r.deadline = fp->p.now;
    CHECK_EQ(hkp_htp_files_start(fp->side[0].files, fp->p.now, fp->side[0].session, &r, NULL), HKP_E_INVAL);
    r.deadline = fp->p.now + 20 * HKP_HTP__MS;
    (void)fp_start(fp, LEFT, &r);
    step(fp, 30);
    CHECK_EQ(fp->side[LEFT].ended, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_TIMEOUT);
    fp_settle(fp);
    CHECK_EQ(fp->side[RIGHT].store.count, 0);
    free(b);
    fp_free(fp);
}

static void a_silent_server_times_out(void) {
    struct files_pair *fp = fp_new();
    fp->side[RIGHT].raw = 1;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "a.log", NULL);
    const hkp_time begun = fp->p.now;
    (void)fp_start(fp, LEFT, &r);
    fp_run(fp, 29 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended, 0);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_TIMEOUT);
    CHECK(fp->p.now - begun >= 30 * HKP_HTP__SEC && fp->p.now - begun < 33 * HKP_HTP__SEC);
    fp->side[RIGHT].raw = 0;
    fp_free(fp);
}

/* A server that works may be quiet for longer, but not for ever. */
static void a_server_that_works_has_longer(void) {
    struct files_pair *fp = fp_new();
    fp->side[RIGHT].raw = 1;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "a.log", NULL);
    r.flags = HKP_HTP_FILE_VERIFY_HASH;
    (void)fp_start(fp, LEFT, &r);
    fp_run(fp, 299 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended, 0);
    fp_run(fp, 4 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_TIMEOUT);
    fp->side[RIGHT].raw = 0;
    fp_free(fp);
}

/* The session is in trouble then, not the transfer. */
static void an_outage_that_the_session_survives_ends_nothing(void) {
    struct files_pair *fp = fp_new();
    (void)begin_put(fp, 4 * MIB, "x.log", 0);
    step(fp, 20);
    fp->loss = 1000;
    fp_run(fp, 60 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended + fp->side[RIGHT].ended, 0);
    fp->loss = 0;
    fp_run(fp, 60 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void content_that_is_not_the_expected_is_refused(void) {
    struct files_pair *fp = fp_new();
    mem_write(&fp->side[RIGHT].store, "a.log", "content", 7);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    memset(r.expect_sha256, 1, 32);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_CHANGED);
    sha_of((const uint8_t *)"content", 7, r.expect_sha256);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void files_that_change_are_told(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(4 * MIB, 6);
    mem_write(&fp->side[RIGHT].store, "x.log", b, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "x.log", "y.log");
    (void)fp_start(fp, LEFT, &r);
    step(fp, 20);
    fp->side[RIGHT].store.changed = 1;
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CHANGED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 1);
    fp->side[RIGHT].store.changed = 0;
    (void)begin_put(fp, 4 * MIB, "z.log", 0);
    step(fp, 20);
    fp->side[LEFT].store.changed = 1;
    fp_until(fp, LEFT, 2);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CHANGED);
    CHECK_EQ(fp_last(fp, LEFT)->remote, 0);
    fp_settle(fp);
    CHECK_EQ(fp->side[RIGHT].store.count, 1);
    free(b);
    fp_free(fp);
}

/* ---- Stores. */

static void every_fault_of_a_store_is_told_and_leaves_nothing(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(100000, 7);
    for (int side = 0; side < 2; side++) {
        for (unsigned op = 1; op <= MEM_COMMIT; op *= 2) {
            for (unsigned in = 1; in < 40; in++) {
                struct mem_store *s = &fp->side[side].store;
                mem_write(&fp->side[LEFT].store, "a.log", b, 100000);
                mem_write(&fp->side[RIGHT].store, "b.log", "old", 3);
                s->fail_ops = op;
                s->fail_code = HKP_HTP_FILE_IO_ERROR;
                s->fail_in = in;
                const uint32_t put =
                    fp_put(fp, "b.log", "a.log", HKP_HTP_FILE_OVERWRITE | HKP_HTP_FILE_VERIFY_HASH);
                const uint32_t get =
                    put == HKP_HTP_FILE_OK ? fp_get(fp, "b.log", "c.log", 0) : HKP_HTP_FILE_OK;
                const int failed = s->fail_in == 0;
                s->fail_in = 0;
                CHECK_EQ(put != HKP_HTP_FILE_OK || get != HKP_HTP_FILE_OK, failed);
                if (failed) CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_IO_ERROR);
                if (put != HKP_HTP_FILE_OK) CHECK(mem_has(&fp->side[RIGHT].store, "b.log", "old", 3));
                fp_settle(fp);
                for (int i = 0; i < 2; i++)
                    CHECK_EQ(mem_open_count(&fp->side[i].store) + mem_kept_count(&fp->side[i].store), 0);
                if (!failed) break;
            }
        }
    }
    free(b);
    fp_free(fp);
}

static void a_full_disk_is_told(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(100000, 7);
    mem_write(&fp->side[LEFT].store, "a.log", b, 100000);
    fp->side[RIGHT].store.room = 50000;
    CHECK_EQ(fp_put(fp, "b.log", "a.log", 0), HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(fp->side[RIGHT].store.count, 0);
    free(b);
    fp_free(fp);
}

static void commits_that_wait_are_made_together(void) {
    struct files_pair *fp = fp_new();
    fp->side[RIGHT].store.lazy = 1;
    fp->side[LEFT].store.lazy = 1;
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    for (int i = 0; i < 64; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.log", i);
        struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, path, "a.log");
        (void)fp_start(fp, LEFT, &r);
    }
    fp_until(fp, LEFT, 64);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_DONE], 64);
    CHECK_EQ(fp->side[RIGHT].store.commits, 64);
    CHECK(fp->side[RIGHT].store.flushes <= 16);
    CHECK_EQ(fp_get(fp, "7.log", "back.log", 0), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "back.log", "a", 1));
    fp_free(fp);
}

static void stores_that_say_again_are_asked_again(void) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(300000, 7);
    mem_write(&fp->side[LEFT].store, "a.log", b, 300000);
    for (int i = 0; i < 2; i++) fp->side[i].store.slow = 1;
    CHECK_EQ(fp_put(fp, "b.log", "a.log", HKP_HTP_FILE_VERIFY_HASH | HKP_HTP_FILE_COMPRESSED),
             HKP_HTP_FILE_OK);
    CHECK_EQ(fp_get(fp, "b.log", "c.log", HKP_HTP_FILE_VERIFY_HASH), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "c.log", b, 300000));
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "b.log", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    free(b);
    fp_free(fp);
}

static void one_call_does_no_more_than_it_may(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.work_bytes = 256 * KIB;
    o.resume_from = MIB;
    fp_files(fp, LEFT, &o);
    uint8_t *b = fp_bytes(8 * MIB, 8);
    mem_write(&fp->side[LEFT].store, "a.log", b, 8 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    for (int i = 0; i < 2000 && fp->side[LEFT].ended == 0; i++) {
        const uint64_t before = fp->side[LEFT].store.read;
        hkp_htp_files_work(fp->side[LEFT].files, fp->p.now);
        CHECK(fp->side[LEFT].store.read - before <= 256 * KIB + HKP_HTP_FILE_CHUNK_MAX);
        if (i < 32) CHECK(hkp_htp_files_wake(fp->side[LEFT].files) <= fp->p.now); /* more to hash */
        if (i >= 32) step(fp, 1);
    }
    CHECK_EQ(fp->side[LEFT].ended, 1);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 8 * MIB));
    free(b);
    fp_free(fp);
}

/* ---- Memory and events. */

static size_t peak_of(size_t len) {
    struct files_pair *fp = fp_new();
    uint8_t *b = fp_bytes(len, 8);
    mem_write(&fp->side[LEFT].store, "a.log", b, len);
    for (int i = 0; i < 2; i++) fp->side[i].heap.peak = fp->side[i].heap.bytes;
    const size_t before = fp->side[LEFT].heap.bytes + fp->side[RIGHT].heap.bytes;
    CHECK_EQ(fp_put(fp, "b.log", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_get(fp, "b.log", "c.log", 0), HKP_HTP_FILE_OK);
    const size_t peak = fp->side[LEFT].heap.peak + fp->side[RIGHT].heap.peak - before;
    free(b);
    fp_free(fp);
    return peak;
}

static void memory_does_not_grow_with_the_file(void) {
    const size_t small = peak_of(1), large = peak_of(10 * MIB);
    CHECK_EQ(small, large);
    CHECK(small <= 2 * 2 * (HKP_HTP_FILE_TRANSFER_BYTES + 64));
}

static void every_failure_of_the_allocator_is_told(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    mem_write(&fp->side[LEFT].store, "a.log", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 34);
    hkp_htp_files_options_init(&o, sizeof o);
    hkp_htp_files *none = NULL;
    struct failing heap = {.left = 0};
    o.mem = failing_mem(&heap);
    CHECK_EQ(hkp_htp_files_new(&none, fp->side[LEFT].ep, &o), HKP_E_NOMEM);
    CHECK(none == NULL && heap.live == 0);
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .operations = 127};
    fp->side[RIGHT].heap.left = 0;
    CHECK_EQ(hkp_htp_files_grant(fp->side[RIGHT].files, NULL, &g), HKP_E_NOMEM);
    fp->side[RIGHT].heap.left = -1;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    fp->side[LEFT].heap.left = 0;
    CHECK_EQ(hkp_htp_files_start(fp->side[0].files, fp->p.now, fp->side[0].session, &r, NULL), HKP_E_NOMEM);
    /* Compression without memory for it: it goes as it is. */
    fp->side[LEFT].heap.left = 1;
    CHECK_EQ(fp_put(fp, "b.log", "a.log", HKP_HTP_FILE_COMPRESSED), HKP_HTP_FILE_OK);
    /* What a list brings needs room. */
    fp->side[LEFT].heap.left = 1;
    struct hkp_htp_file_request list = fp_request(fp, LEFT, HKP_HTP_FILE_LIST, "/", NULL);
    CHECK_EQ(fp_do(fp, LEFT, &list), HKP_HTP_FILE_IO_ERROR);
    fp->side[LEFT].heap.left = -1;
    /* A server without memory is a busy one: asked again, it has some. */
    fp->side[RIGHT].heap.left = 0;
    (void)fp_start(fp, LEFT, &list);
    fp_run(fp, HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].listed, 0);
    fp->side[RIGHT].heap.left = -1;
    fp_until(fp, LEFT, 3);
    CHECK_EQ(fp->side[LEFT].listed, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void progress_is_told_at_both_ends(void) {
    struct files_pair *fp = fp_new();
    (void)begin_put(fp, 8 * MIB, "x.log", 0);
    for (int i = 0; i < 3000 && fp->side[LEFT].ended == 0; i++) step(fp, 1);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(fp->side[i].kinds[HKP_HTP_FILE_EVENT_STARTED], 1);
        CHECK(fp->side[i].kinds[HKP_HTP_FILE_EVENT_PROGRESS] >= 2);
        CHECK_EQ(fp->side[i].kinds[HKP_HTP_FILE_EVENT_DONE], 1);
        const struct hkp_htp_file_event *e = fp_last(fp, i);
        CHECK(e->done == 8 * MIB && e->size == 8 * MIB && e->served == i &&
              e->operation == HKP_HTP_FILE_CREATE);
        CHECK_MEM(e->peer, fp_id(fp, !i), 16);
    }
    fp_free(fp);
}

static void ends_that_nobody_pulls_are_bounded(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    struct fp_side *v = &fp->side[RIGHT];
    hkp_htp_files_options_init(&o, sizeof o);
    o.transfers_max = 4;
    fp_files(fp, RIGHT, &o);
    fp_grant(fp, RIGHT, 127);
    const size_t before = v->heap.bytes;
    hkp_htp_files *files = v->files;
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "/", NULL);
    for (int i = 0; i < 40; i++) {
        (void)fp_start(fp, LEFT, &r);
        for (int k = 0; k < 6; k++) {
            struct hkp_htp_event ev = {.struct_size = sizeof ev};
            pair_pump(&fp->p);
            v->files = NULL; /* the harness leaves it alone */
            while (hkp_htp_event(v->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE)
                (void)hkp_htp_files_take(files, fp->p.now, &ev);
            hkp_htp_files_work(files, fp->p.now);
            pair_pump(&fp->p);
            fp_serve(fp);
        }
    }
    v->files = files;
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_DONE], 40);
    CHECK(v->heap.bytes - before <= 4 * (HKP_HTP_FILE_TRANSFER_BYTES + 64));
    fp_free(fp);
}

static void quiet_servers_tell_nothing(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.quiet = 1;
    fp_files(fp, RIGHT, &o);
    fp_grant(fp, RIGHT, 127);
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    CHECK_EQ(fp_put(fp, "b.log", "a.log", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(fp_put(fp, "b.log", "a.log", 0), HKP_HTP_FILE_ALREADY_EXISTS);
    CHECK_EQ(fp_put(fp, "b.exe", "a.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    fp_settle(fp);
    for (int i = 1; i < 8; i++) CHECK_EQ(fp->side[RIGHT].kinds[i], 0);
    fp_free(fp);
}

static void what_is_refused_at_once_is_told_at_both_ends(void) {
    struct files_pair *fp = fp_new();
    mem_write(&fp->side[LEFT].store, "a.log", "a", 1);
    CHECK_EQ(fp_put(fp, "a.exe", "a.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
    fp_settle(fp);
    CHECK_EQ(fp->side[RIGHT].ended, 1);
    const struct hkp_htp_file_event *e = fp_last(fp, RIGHT);
    CHECK_EQ(e->type, HKP_HTP_FILE_EVENT_FAILED);
    CHECK_EQ(e->code, HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(e->served, 1);
    CHECK_EQ(e->remote, 0);
    CHECK_EQ(e->operation, HKP_HTP_FILE_CREATE);
    CHECK_EQ(e->path_len, 5);
    CHECK_MEM(e->peer, fp_id(fp, LEFT), 16);
    CHECK_EQ(fp->side[RIGHT].kinds[HKP_HTP_FILE_EVENT_STARTED], 0);
    CHECK_EQ(fp_put(fp, "a.log", "a.log", 0), HKP_HTP_FILE_OK);
    fp_free(fp);
}

static void what_breaks_the_contract_is_refused(void) {
    struct files_pair *fp = fp_new();
    struct hkp_htp_files_options o;
    struct hkp_htp_file_request r;
    hkp_htp_files *files = fp->side[LEFT].files, *none = NULL;
    const uint64_t s = fp->side[LEFT].session;
    const hkp_time now = fp->p.now;
    hkp_htp_files_options_init(&o, sizeof o);
    CHECK_EQ(hkp_htp_files_new(NULL, fp->p.e, &o), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_files_new(&none, NULL, &o), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_files_new(&none, fp->p.e, NULL), HKP_E_INVAL);
    struct hkp_htp_store half = fp->side[LEFT].interface;
    half.write = NULL;
    o.store = &half;
    CHECK_EQ(hkp_htp_files_new(&none, fp->p.e, &o), HKP_E_INVAL);
    o.store = NULL;
    o.chunk_max = 1023;
    CHECK_EQ(hkp_htp_files_new(&none, fp->p.e, &o), HKP_E_INVAL);
    o.chunk_max = 0;
    o.priority = 8;
    CHECK_EQ(hkp_htp_files_new(&none, fp->p.e, &o), HKP_E_INVAL);
#define BAD(change)                                                                                          \
    do {                                                                                                     \
        r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "a.log", "b.log");                                     \
        change;                                                                                              \
        CHECK_EQ(hkp_htp_files_start(files, now, s, &r, NULL), HKP_E_INVAL);                                 \
    } while (0)
    BAD(r.struct_size = 8);
    BAD(r.operation = 0x36);
    BAD(r.operation = 0x2F);
    BAD(r.flags = HKP_HTP_FILE_APPEND);
    BAD(r.flags = 0x100);
    BAD(r.path = NULL);
    BAD(r.path = "../a.log"; r.path_len = 8);
    BAD(r.path_len = 0);
    BAD(r.local = NULL);
    BAD(r.local = &half);
    BAD(r.local_path = ".."; r.local_path_len = 2);
    BAD(r.local_flags = HKP_HTP_STORE_OVERWRITE);
    BAD(r.chunk_size = 1023);
    BAD(r.chunk_size = 65537);
    BAD(r.mode = 01000);
    BAD(r.keep = 2);
    BAD(r.operation = HKP_HTP_FILE_LIST; r.limit = 1001);
    BAD(r.operation = HKP_HTP_FILE_LIST; r.after_len = 1);
#undef BAD
    r = fp_request(fp, LEFT, HKP_HTP_FILE_STAT, "a.log", NULL);
    CHECK_EQ(hkp_htp_files_start(files, now, s + 100, &r, NULL), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_files_start(NULL, now, s, &r, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_files_cancel(files, now, 12345), HKP_E_NOTFOUND);
    struct hkp_htp_file_event e = {.struct_size = 4};
    CHECK_EQ(hkp_htp_files_event(files, &e), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_files_event(files, NULL), HKP_E_INVAL);
    hkp_htp_files_free(NULL);
    fp_free(fp);
}

int main(void) {
    CASE(a_file_goes_there_and_comes_back);
    CASE(v_asks_of_e_just_the_same);
    CASE(one_file_is_fetched_to_two_places_at_once);
    CASE(create_update_and_overwrite_want_what_they_say);
    CASE(delete_takes_files_and_folders_as_granted);
    CASE(the_root_is_never_deleted);
    CASE(stat_tells_what_is_there);
    CASE(list_tells_all_entries_in_pages);
    CASE(verify_hash_reads_back_what_was_stored);
    CASE(compression_is_used_where_it_helps_and_only_there);
    CASE(mode_and_time_go_along_if_asked);
    CASE(nobody_may_anything_but_what_was_granted);
    CASE(extensions_count_for_content);
    CASE(a_root_is_all_that_a_peer_sees);
    CASE(what_is_withdrawn_ends_what_runs);
    CASE(grants_are_bounded);
    CASE(sizes_are_bound_at_both_ends);
    CASE(sixteen_run_at_once_and_others_wait);
    CASE(transfers_take_turns);
    CASE(a_busy_server_is_asked_again);
    CASE(the_queue_is_bounded);
    CASE(indexes_go_beyond_sixteen_bits);
    CASE(sizes_go_beyond_thirty_two_bits);
    CASE(cancelling_a_put_leaves_nothing);
    CASE(cancelling_a_get_leaves_nothing);
    CASE(the_server_may_cancel_too);
    CASE(a_deadline_ends_a_transfer);
    CASE(a_silent_server_times_out);
    CASE(a_server_that_works_has_longer);
    CASE(an_outage_that_the_session_survives_ends_nothing);
    CASE(content_that_is_not_the_expected_is_refused);
    CASE(files_that_change_are_told);
    CASE(every_fault_of_a_store_is_told_and_leaves_nothing);
    CASE(a_full_disk_is_told);
    CASE(commits_that_wait_are_made_together);
    CASE(stores_that_say_again_are_asked_again);
    CASE(one_call_does_no_more_than_it_may);
    CASE(memory_does_not_grow_with_the_file);
    CASE(every_failure_of_the_allocator_is_told);
    CASE(progress_is_told_at_both_ends);
    CASE(ends_that_nobody_pulls_are_bounded);
    CASE(quiet_servers_tell_nothing);
    CASE(what_is_refused_at_once_is_told_at_both_ends);
    CASE(what_breaks_the_contract_is_refused);
    return check_done();
}
