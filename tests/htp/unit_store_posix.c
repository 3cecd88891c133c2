/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13.8, 13.9: what the store in a folder does when nobody disturbs it. */
#include "folder_store.h"

enum { CREATE = HKP_HTP_STORE_CREATE, OVER = HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE };

static void files_are_made_read_and_described_in(struct place *p) {
    struct hkp_htp_file_info info, opened;
    uint64_t handle, have = 7;
    uint8_t text[16];
    struct hkp_htp_store_put put = put_of("a.txt", CREATE, 11);
    put.mode = 0604;
    put.mtime_us = 1700000000123456;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 0);
    CHECK_EQ(write_at(p, handle, 0, "Hello ", 6), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 6, "earth", 5), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 6, "world", 5), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.read(p->store.user, handle, 3, text, 8), HKP_HTP_FILE_OK);
    CHECK_MEM(text, "lo world", 8);
    CHECK_EQ(p->store.read(p->store.user, handle, 3, text, 9), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK(!is_there(at(p, "a.txt")));
    CHECK_EQ(commit(p, handle, 11), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "a.txt"), "Hello world", 11));
    CHECK_EQ(stat_of(p, "a.txt", &info), HKP_HTP_FILE_OK);
    CHECK_EQ(info.size, 11);
    CHECK_EQ(info.mode, 0604);
    CHECK_EQ(info.mtime_us, 1700000000123456);
    CHECK_EQ(info.kind, HKP_HTP_FILE_KIND_FILE);
    CHECK(info.ctime_us > info.mtime_us);
    CHECK_EQ(p->store.open(p->store.user, "a.txt", 5, &handle, &opened), HKP_HTP_FILE_OK);
    CHECK_MEM(&opened, &info, sizeof info);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 11), HKP_HTP_FILE_OK);
    CHECK_MEM(text, "Hello world", 11);
    CHECK_EQ(write_at(p, handle, 0, "x", 1), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(p->store.commit(p->store.user, handle, 11), HKP_HTP_FILE_INVALID_OPERATION);
    close_handle(p, handle, 0);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 1), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(stat_of(p, "", &info), HKP_HTP_FILE_OK);
    CHECK_EQ(info.kind, HKP_HTP_FILE_KIND_FOLDER);
    CHECK_EQ(info.size, 0);
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(files_are_made_read_and_described);

static void each_put_finds_what_it_wants_or_is_refused_in(struct place *p) {
    struct stat st;
    CHECK_EQ(put_whole(p, "f", 0, "x"), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(put_whole(p, "f", HKP_HTP_STORE_APPEND, "x"), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(put_whole(p, "f", CREATE, "one"), HKP_HTP_FILE_OK);
    CHECK_EQ(stat(at(p, "f"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0640);
    CHECK_EQ(put_whole(p, "f", CREATE, "two"), HKP_HTP_FILE_ALREADY_EXISTS);
    CHECK_EQ(put_whole(p, "f", CREATE | HKP_HTP_STORE_APPEND, "two"), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(put_whole(p, "f", 32, "two"), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK(holds(at(p, "f"), "one", 3));
    CHECK_EQ(put_whole(p, "f", OVER, "second"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "second", 6));
    CHECK_EQ(put_whole(p, "f", 0, "3"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "3", 1));
    CHECK_EQ(put_whole(p, "new", OVER, ""), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "new"), "", 0));
    CHECK_EQ(put_whole(p, "f/g", CREATE, "x"), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    CHECK_EQ(put_whole(p, "d", OVER, "x"), HKP_HTP_FILE_ALREADY_EXISTS);
    CHECK_EQ(put_whole(p, "d", 0, "x"), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(put_whole(p, "", CREATE, "x"), HKP_HTP_FILE_INVALID_PATH);
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(each_put_finds_what_it_wants_or_is_refused);

/* CREATE and UPDATE mean the moment of the commit. */
static void what_comes_or_goes_before_the_commit_counts_in(struct place *p) {
    const struct hkp_htp_store_put made = put_of("f", CREATE, 3), update = put_of("g", 0, 3);
    uint64_t a, b, have;
    put_file(at(p, "g"), "old", 3);
    CHECK_EQ(create(p, &made, &a, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(create(p, &update, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, a, 0, "one", 3), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, b, 0, "two", 3), HKP_HTP_FILE_OK);
    put_file(at(p, "f"), "other", 5);
    CHECK_EQ(unlink(at(p, "g")), 0);
    CHECK_EQ(commit(p, a, 3), HKP_HTP_FILE_ALREADY_EXISTS);
    CHECK_EQ(commit(p, b, 3), HKP_HTP_FILE_NOT_FOUND);
    CHECK(holds(at(p, "f"), "other", 5));
    CHECK(!is_there(at(p, "g")));
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(what_comes_or_goes_before_the_commit_counts);

static void writes_stay_within_the_part_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", CREATE, 10);
    uint64_t handle, have;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "12345", 5), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 6, "x", 1), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(write_at(p, handle, 5, "678901", 6), HKP_HTP_FILE_TRANSFER_FAILED);
    CHECK_EQ(write_at(p, handle, 2, "cd", 2), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 5, "x", 1), HKP_HTP_FILE_INVALID_OPERATION); /* what was behind is gone */
    CHECK_EQ(commit(p, handle, 10), HKP_HTP_FILE_HASH_MISMATCH);
    CHECK_EQ(commit(p, handle, 4), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "12345", 5), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 2, "cd", 2), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, handle, 4), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "12cd", 4));
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(writes_stay_within_the_part);

static void folders_are_made_if_asked_in(struct place *p) {
    struct stat st;
    CHECK_EQ(put_whole(p, "a/b/c/f", CREATE, "x"), HKP_HTP_FILE_NOT_FOUND);
    CHECK(!is_there(at(p, "a")));
    CHECK_EQ(put_whole(p, "a/b/c/f", CREATE | HKP_HTP_STORE_FOLDERS, "x"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "a/b/c/f"), "x", 1));
    CHECK_EQ(stat(at(p, "a/b"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0750);
    CHECK_EQ(put_whole(p, "a/b/c/f/g", CREATE | HKP_HTP_STORE_FOLDERS, "x"), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(put_whole(p, "a/x/f", CREATE | HKP_HTP_STORE_FOLDERS, "y"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "a/x/f"), "y", 1));
}
IN_ALL_WAYS(folders_are_made_if_asked);

/* More folders than are kept open; and paths with as many parts as there may be. */
static void many_folders_are_written_to_in(struct place *p) {
    char path[80];
    uint64_t handle[40], have;
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "d%d/f", i);
        const struct hkp_htp_store_put put = put_of(path, CREATE | HKP_HTP_STORE_FOLDERS, 1);
        CHECK_EQ(create(p, &put, &handle[i], &have), HKP_HTP_FILE_OK);
    }
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(write_at(p, handle[i], 0, "x", 1), HKP_HTP_FILE_OK);
        CHECK_EQ(p->store.commit(p->store.user, handle[i], 1), HKP_HTP_FILE_AGAIN);
    }
    p->store.flush(p->store.user);
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(p->store.commit(p->store.user, handle[i], 1), HKP_HTP_FILE_OK);
        snprintf(path, sizeof path, "d%d/f", i);
        CHECK(holds(at(p, path), "x", 1));
    }
    for (int i = 0; i < 64; i++) path[i] = i % 2 ? '/' : 'p';
    path[63] = 0;
    CHECK_EQ(put_whole(p, path, CREATE | HKP_HTP_STORE_FOLDERS, "deep"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, path), "deep", 4));
}
IN_ALL_WAYS(many_folders_are_written_to);

/* Decision 0416. */
static void what_is_appended_goes_behind_what_is_there_in(struct place *p) {
    const struct hkp_htp_store_put one = put_of("f", HKP_HTP_STORE_APPEND, 3),
                                   two = put_of("f", HKP_HTP_STORE_APPEND | HKP_HTP_STORE_RESUME, 4);
    uint64_t a, b, have;
    uint8_t text[8];
    char *large = malloc(3000010);
    put_file(at(p, "f"), "old", 3);
    CHECK_EQ(create(p, &one, &a, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(create(p, &two, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, a, 0, "one", 3), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, b, 0, "four", 4), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.read(p->store.user, b, 0, text, 4), HKP_HTP_FILE_OK);
    CHECK_MEM(text, "four", 4);
    CHECK_EQ(p->store.commit(p->store.user, a, 3), HKP_HTP_FILE_AGAIN); /* both copy "old" */
    CHECK_EQ(p->store.commit(p->store.user, b, 4), HKP_HTP_FILE_AGAIN);
    CHECK(holds(at(p, "f"), "old", 3));
    p->store.flush(p->store.user);
    CHECK_EQ(commit(p, a, 3), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "oldone", 6));
    CHECK_EQ(commit(p, b, 4), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "oldonefour", 10));
    for (size_t i = 0; i < 3000010; i++) large[i] = (char)(i * 7 + (i >> 9));
    put_file(at(p, "f"), large, 3000000);
    CHECK_EQ(create(p, &two, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, b, 0, large + 3000000, 4), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, b, 4), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), large, 3000004));
    CHECK_EQ(own_entries(p->root), 0);
    free(large);
}
IN_ALL_WAYS(what_is_appended_goes_behind_what_is_there);

static void a_part_goes_on_where_it_was_in(struct place *p) {
    struct hkp_htp_store_put put = put_of("f", CREATE | HKP_HTP_STORE_RESUME, 10);
    uint64_t handle, have;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "1234567", 7), HKP_HTP_FILE_OK);
    close_handle(p, handle, 1);
    CHECK_EQ(own_entries(p->root), 1);
    place_shut(p);
    place_open(p, WAYS[0]);
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 7);
    CHECK_EQ(write_at(p, handle, 4, "567890", 6), HKP_HTP_FILE_OK);
    place_shut(p); /* a store that ends keeps it, too */
    place_open(p, WAYS[1]);
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 10);
    CHECK_EQ(commit(p, handle, 10), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "1234567890", 10));
    put.flags = OVER | HKP_HTP_STORE_RESUME;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 0);
    CHECK_EQ(write_at(p, handle, 0, "abcdefghij", 10), HKP_HTP_FILE_OK);
    close_handle(p, handle, 1);
    put.size = 3; /* less than there is */
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 3);
    close_handle(p, handle, 1);
    put.flags = OVER; /* begins again */
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 0);
    close_handle(p, handle, 1);
    put.flags = OVER | HKP_HTP_STORE_RESUME;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    close_handle(p, handle, 0);
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(a_part_goes_on_where_it_was);

/* The peer is back before its old session is seen to be gone. */
static void the_newer_handle_has_the_part_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", CREATE | HKP_HTP_STORE_RESUME, 6);
    uint64_t a, b, c, have;
    uint8_t text[2];
    CHECK_EQ(create(p, &put, &a, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, a, 0, "1234", 4), HKP_HTP_FILE_OK);
    CHECK_EQ(create(p, &put, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(have, 4);
    CHECK_EQ(write_at(p, a, 4, "xx", 2), HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(p->store.read(p->store.user, a, 0, text, 2), HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(write_at(p, b, 4, "56", 2), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.commit(p->store.user, b, 6), HKP_HTP_FILE_AGAIN);
    CHECK_EQ(create(p, &put, &c, &have), HKP_HTP_FILE_OK); /* it waited to become the content */
    CHECK_EQ(have, 0);
    CHECK_EQ(p->store.commit(p->store.user, b, 6), HKP_HTP_FILE_CANCELLED);
    close_handle(p, a, 0);
    close_handle(p, b, 0);
    CHECK_EQ(write_at(p, c, 0, "abcdef", 6), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, c, 6), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "abcdef", 6));
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(the_newer_handle_has_the_part);

/* A commit that waits is given up by close(), one that is done is not. */
static void close_gives_up_what_was_not_done_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", CREATE | HKP_HTP_STORE_RESUME, 1);
    uint64_t handle, have;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "x", 1), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.commit(p->store.user, handle, 1), HKP_HTP_FILE_AGAIN);
    close_handle(p, handle, 0);
    p->store.flush(p->store.user);
    CHECK(!is_there(at(p, "f")));
    CHECK_EQ(own_entries(p->root), 0);
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "y", 1), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.commit(p->store.user, handle, 1), HKP_HTP_FILE_AGAIN);
    p->store.flush(p->store.user);
    close_handle(p, handle, 0);
    CHECK(holds(at(p, "f"), "y", 1));
}
IN_ALL_WAYS(close_gives_up_what_was_not_done);

/* More commits than one group takes, without a flush; the last ones wait. */
static void a_full_group_is_committed_by_itself_in(struct place *p) {
    uint64_t handle[100], have;
    char path[16];
    unsigned done = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "f%d", i);
        const struct hkp_htp_store_put put = put_of(path, CREATE, 2);
        CHECK_EQ(create(p, &put, &handle[i], &have), HKP_HTP_FILE_OK);
        CHECK_EQ(write_at(p, handle[i], 0, "hi", 2), HKP_HTP_FILE_OK);
        if (p->store.commit(p->store.user, handle[i], 2) == HKP_HTP_FILE_OK) {
            handle[i] = 0;
            done++;
        }
    }
    CHECK_EQ(done, 1);
    CHECK(holds(at(p, "f0"), "hi", 2));
    CHECK(!is_there(at(p, "f99")));
    for (int i = 0; i < 100; i++)
        if (handle[i] != 0) CHECK_EQ(commit(p, handle[i], 2), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f99"), "hi", 2));
}
IN_ALL_WAYS(a_full_group_is_committed_by_itself);

static void what_changes_while_it_is_read_is_told_in(struct place *p) {
    uint64_t handle;
    uint8_t text[8];
    put_file(at(p, "f"), "12345678", 8);
    CHECK_EQ(open_file(p, "f", &handle), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 4), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.read(p->store.user, handle, 4, text, 5), HKP_HTP_FILE_CHANGED); /* never so long */
    CHECK_EQ(put_whole(p, "f", OVER, "other"), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.read(p->store.user, handle, 4, text, 4), HKP_HTP_FILE_OK); /* the content of then */
    CHECK_MEM(text, "5678", 4);
    close_handle(p, handle, 0);

    CHECK_EQ(open_file(p, "f", &handle), HKP_HTP_FILE_OK);
    int fd = open(at(p, "f"), O_WRONLY);
    const struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    CHECK_EQ(pwrite(fd, "O", 1, 0), 1);
    CHECK_EQ(futimens(fd, past), 0);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 5), HKP_HTP_FILE_CHANGED);
    close_handle(p, handle, 0);
    CHECK_EQ(open_file(p, "f", &handle), HKP_HTP_FILE_OK);
    CHECK_EQ(ftruncate(fd, 3), 0);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 5), HKP_HTP_FILE_CHANGED);
    close_handle(p, handle, 0);
    /* its mtime put back: only the ctime tells */
    CHECK_EQ(futimens(fd, past), 0);
    CHECK_EQ(open_file(p, "f", &handle), HKP_HTP_FILE_OK);
    usleep(20000);
    CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
    CHECK_EQ(futimens(fd, past), 0);
    CHECK_EQ(p->store.read(p->store.user, handle, 0, text, 3), HKP_HTP_FILE_CHANGED);
    close_handle(p, handle, 0);
    close(fd);
}
IN_ALL_WAYS(what_changes_while_it_is_read_is_told);

static void files_and_folders_are_deleted_in(struct place *p) {
    char path[64];
    CHECK_EQ(remove_path(p, "", 1), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(remove_path(p, "f", 0), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(put_whole(p, "d/e/f", CREATE | HKP_HTP_STORE_FOLDERS, "x"), HKP_HTP_FILE_OK);
    CHECK_EQ(remove_path(p, "d/e", 0), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(remove_path(p, "d/e/f", 0), HKP_HTP_FILE_OK);
    CHECK_EQ(remove_path(p, "d/e", 0), HKP_HTP_FILE_OK);
    CHECK(is_there(at(p, "d")) && !is_there(at(p, "d/e")));
    for (int i = 0; i < 700; i++) { /* more than one call deletes */
        snprintf(path, sizeof path, "d/x%d/y/f%d", i % 7, i);
        CHECK_EQ(mkdir(at(p, "d/x0"), 0700) == 0 || i > 0, 1);
        (void)mkdir(at(p, "d"), 0700);
        char folder[32];
        snprintf(folder, sizeof folder, "d/x%d", i % 7);
        (void)mkdir(at(p, folder), 0700);
        snprintf(folder, sizeof folder, "d/x%d/y", i % 7);
        (void)mkdir(at(p, folder), 0700);
        put_file(at(p, path), "x", 1);
    }
    CHECK_EQ(symlink(p->outside, at(p, "d/x1/link")), 0);
    CHECK_EQ(mkfifo(at(p, "d/x2/fifo"), 0600), 0);
    CHECK_EQ(p->store.remove(p->store.user, "d", 1, 1), HKP_HTP_FILE_AGAIN);
    CHECK_EQ(remove_path(p, "d", 1), HKP_HTP_FILE_OK);
    CHECK(!is_there(at(p, "d")));
    CHECK(is_there(p->outside));
}
IN_ALL_WAYS(files_and_folders_are_deleted);

/* Quotas count what is there and all that was declared. */
static void quotas_hold_in(struct place *p) {
    struct hkp_htp_store_put put = put_of("q/f", CREATE, 40);
    uint64_t a, b, have;
    CHECK_EQ(mkdir(at(p, "q"), 0755), 0);
    CHECK_EQ(mkdir(at(p, "q/sub"), 0755), 0);
    put_file(at(p, "q/sub/there"), "0123456789", 10);
    put_file(at(p, "beside"), "0123456789", 10);
    put.quota = 100;
    put.quota_root = "q";
    put.quota_root_len = 1;
    CHECK_EQ(create(p, &put, &a, &have), HKP_HTP_FILE_OK); /* 10 + 40 */
    struct hkp_htp_store_put more = put_of("q/sub/g", CREATE | HKP_HTP_STORE_RESUME, 51);
    more.quota = 100;
    more.quota_root = "q";
    more.quota_root_len = 1;
    CHECK_EQ(create(p, &more, &b, &have), HKP_HTP_FILE_QUOTA_EXCEEDED);
    more.size = 50;
    CHECK_EQ(create(p, &more, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(create(p, &more, &b, &have), HKP_HTP_FILE_OK); /* the same counts once */
    CHECK_EQ(write_at(p, b, 0, "0123456789", 10), HKP_HTP_FILE_OK);
    close_handle(p, b, 1); /* 10 + 40 + 10 of the part */
    struct hkp_htp_store_put third = put_of("q/h", CREATE, 41);
    third.quota = 100;
    third.quota_root = "q";
    third.quota_root_len = 1;
    CHECK_EQ(put_with(p, &third, "x"), HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(create(p, &more, &b, &have), HKP_HTP_FILE_OK); /* a part on the disk counts once, too */
    CHECK_EQ(have, 10);
    close_handle(p, b, 0);
    third.size = 50;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_OK);
    char text[50] = "";
    CHECK_EQ(write_at(p, b, 0, text, 50), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, b, 50), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, a, 0, text, 40), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, a, 40), HKP_HTP_FILE_OK);
    third = put_of("q/i", CREATE, 1);
    third.quota = 100;
    third.quota_root = "q";
    third.quota_root_len = 1;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_QUOTA_EXCEEDED);
    third.quota = 0;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_OK); /* no quota, no limit */
    close_handle(p, b, 0);
    third.quota = 100;
    CHECK_EQ(remove_path(p, "q/sub", 1), HKP_HTP_FILE_OK);
    third.size = 10;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_OK);
    close_handle(p, b, 0);
    third.size = 11;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_QUOTA_EXCEEDED);
    third.quota_root = "other";
    third.quota_root_len = 5;
    CHECK_EQ(create(p, &third, &b, &have), HKP_HTP_FILE_INVALID_PATH);
}
IN_ALL_WAYS(quotas_hold);

/* A replaced file counts with its new size, an appended one with both. */
static void quotas_follow_what_is_replaced_in(struct place *p) {
    struct hkp_htp_store_put put = put_of("f", OVER, 40);
    char text[90] = "";
    put_file(at(p, "f"), text, 10);
    put.quota = 100;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_OK);
    put.size = 60; /* 40 is there until it is replaced */
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_OK);
    put.size = 41;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_QUOTA_EXCEEDED);
    put.size = 10;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_OK);
    put.flags = HKP_HTP_STORE_APPEND;
    put.size = 85;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_OK);
    put.size = 6;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_QUOTA_EXCEEDED);
    put.size = 5;
    CHECK_EQ(put_with(p, &put, text), HKP_HTP_FILE_OK);
}
IN_ALL_WAYS(quotas_follow_what_is_replaced);

static void age(const char *name, long seconds) {
    struct timespec times[2] = {{0}, {0}};
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec -= seconds;
    times[0] = times[1];
    CHECK_EQ(utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* HTP-13.9: 24 hours, wherever they lie, some entries in each call. */
static void old_parts_are_cleaned_in(struct place *p) {
    static const char OLD[] = ".htp-00112233445566778899aabbccddeeff.part",
                      JOIN[] = "d/e/.htp-00112233445566778899aabbccddeef0.join",
                      YOUNG[] = "d/.htp-00112233445566778899aabbccddeef1.part";
    char path[64];
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    CHECK_EQ(mkdir(at(p, "d/e"), 0755), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "d/file-%d", i);
        put_file(at(p, path), "", 0);
        age(at(p, path), 90000);
    }
    put_file(at(p, OLD), "x", 1);
    put_file(at(p, JOIN), "x", 1);
    put_file(at(p, YOUNG), "x", 1);
    put_file(at(p, ".htp-notes"), "x", 1);
    age(at(p, OLD), 86500);
    age(at(p, JOIN), 86500);
    age(at(p, YOUNG), 86300);
    age(at(p, ".htp-notes"), 90000);
    p->store.flush(p->store.user);
    CHECK(is_there(at(p, OLD)) || is_there(at(p, JOIN)) || is_there(at(p, "d/file-299")));
    for (int i = 0; i < 8; i++) p->store.flush(p->store.user);
    CHECK(!is_there(at(p, OLD)));
    CHECK(!is_there(at(p, JOIN)));
    CHECK(is_there(at(p, YOUNG)));
    CHECK(is_there(at(p, ".htp-notes")));
    CHECK(is_there(at(p, "d/file-299")));
}
IN_ALL_WAYS(old_parts_are_cleaned);

static void handles_are_bounded(void) {
    struct place p;
    struct hkp_htp_store_posix_options o;
    uint64_t handle[3], again;
    place_make(&p);
    hkp_htp_store_posix_options_init(&o, sizeof o);
    o.handles_max = 2;
    o.mem = failing_mem(&p.mem);
    CHECK_EQ(hkp_htp_store_posix_new(&p.posix, p.root, &o), HKP_OK);
    hkp_htp_store_posix_store(p.posix, &p.store);
    put_file(at(&p, "f"), "x", 1);
    CHECK_EQ(open_file(&p, "f", &handle[0]), HKP_HTP_FILE_OK);
    CHECK_EQ(open_file(&p, "f", &handle[1]), HKP_HTP_FILE_OK);
    CHECK_EQ(open_file(&p, "f", &handle[2]), HKP_HTP_FILE_BUSY);
    CHECK_EQ(put_whole(&p, "g", CREATE, "x"), HKP_HTP_FILE_BUSY);
    close_handle(&p, handle[0], 0);
    close_handle(&p, handle[0], 0);
    close_handle(&p, 0, 0);
    close_handle(&p, UINT64_MAX, 0);
    CHECK_EQ(open_file(&p, "f", &again), HKP_HTP_FILE_OK);
    CHECK(again != handle[0]);
    close_handle(&p, handle[0], 0); /* of another time: closes nothing */
    uint8_t x;
    CHECK_EQ(p.store.read(p.store.user, again, 0, &x, 1), HKP_HTP_FILE_OK);
    place_free(&p);
}

static void options_are_checked(void) {
    struct place p;
    struct hkp_htp_store_posix_options o;
    hkp_htp_store_posix *s = NULL;
    place_make(&p);
    CHECK_EQ(hkp_htp_store_posix_new(NULL, p.root, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_store_posix_new(&s, NULL, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_store_posix_new(&s, at(&p, "none"), NULL), HKP_E_IO);
    for (int i = 0; i < 5; i++) {
        hkp_htp_store_posix_options_init(&o, sizeof o);
        if (i == 0) o.off = 128;
        if (i == 1) o.handles_max = 65537;
        if (i == 2) o.file_mode = 01000;
        if (i == 3) o.folder_mode = 01000;
        if (i == 4) o.mem.alloc = failing_alloc;
        CHECK_EQ(hkp_htp_store_posix_new(&s, p.root, &o), HKP_E_INVAL);
    }
    CHECK(s == NULL);
    place_open(&p, 0);
    place_free(&p);
    hkp_htp_store_posix_free(NULL);
}

/* A put with a quota, an append, a list and a recursive removal, each with one allocation less. */
static uint32_t everything(struct place *p) {
    struct hkp_htp_store_put put = put_of("d/f", OVER | HKP_HTP_STORE_FOLDERS, 1);
    struct hkp_htp_file_entry entry;
    uint32_t count, more;
    put.quota = 1000;
    uint32_t code = put_with(p, &put, "x");
    if (code == HKP_HTP_FILE_OK) code = put_whole(p, "d/f", HKP_HTP_STORE_APPEND, "y");
    if (code == HKP_HTP_FILE_OK)
        code = p->store.list(p->store.user, "d", 1, (const uint8_t *)"", 0, 1, &entry, &count, &more);
    return code == HKP_HTP_FILE_OK ? remove_path(p, "d", 1) : code;
}

static void every_allocation_may_fail(void) {
    for (int way = 0; way < WAYS_COUNT; way++)
        for (int left = 0;; left++) {
            struct place p;
            place_make(&p);
            p.mem.left = left;
            struct hkp_htp_store_posix_options o;
            hkp_htp_store_posix_options_init(&o, sizeof o);
            o.off = WAYS[way];
            o.mem = failing_mem(&p.mem);
            const hkp_status st = hkp_htp_store_posix_new(&p.posix, p.root, &o);
            CHECK_EQ(st, left == 0 ? HKP_E_NOMEM : HKP_OK);
            uint32_t code = HKP_HTP_FILE_BUSY;
            if (st == HKP_OK) {
                hkp_htp_store_posix_store(p.posix, &p.store);
                code = everything(&p);
                CHECK(code == HKP_HTP_FILE_OK || code == HKP_HTP_FILE_BUSY);
                CHECK_EQ(own_entries(p.root) + own_entries(at(&p, "d")), 0);
                p.mem.left = -1;
                CHECK_EQ(everything(&p), HKP_HTP_FILE_OK);
            }
            place_free(&p);
            if (code == HKP_HTP_FILE_OK) break;
            CHECK(left < 20);
            if (left == 20) break;
        }
}

int main(void) {
    CASE(files_are_made_read_and_described);
    CASE(each_put_finds_what_it_wants_or_is_refused);
    CASE(what_comes_or_goes_before_the_commit_counts);
    CASE(writes_stay_within_the_part);
    CASE(folders_are_made_if_asked);
    CASE(many_folders_are_written_to);
    CASE(what_is_appended_goes_behind_what_is_there);
    CASE(a_part_goes_on_where_it_was);
    CASE(the_newer_handle_has_the_part);
    CASE(close_gives_up_what_was_not_done);
    CASE(a_full_group_is_committed_by_itself);
    CASE(what_changes_while_it_is_read_is_told);
    CASE(files_and_folders_are_deleted);
    CASE(quotas_hold);
    CASE(quotas_follow_what_is_replaced);
    CASE(old_parts_are_cleaned);
    CASE(handles_are_bounded);
    CASE(options_are_checked);
    CASE(every_allocation_may_fail);
    return check_done();
}
