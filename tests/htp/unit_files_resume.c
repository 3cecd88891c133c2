/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13.9: transfers go on after a lost session, and what was done is not done twice. */
#include "files_pair.h"

enum { MIB = 1024 * 1024, LEFT = 0, RIGHT = 1 };

/* Files are worth resuming from 64 KiB on here. */
static struct files_pair *new_pair(void) {
    struct files_pair *fp = fp_new_quietly();
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_files_options o;
        hkp_htp_files_options_init(&o, sizeof o);
        o.resume_from = 65536;
        fp_files(fp, i, &o);
        fp_grant(fp, i, 127);
    }
    fp_connect(fp);
    return fp;
}

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

/* The session ends at both sides; events are seen. */
static void lose_session(struct files_pair *fp) {
    CHECK_EQ(hkp_htp_session_close(fp->p.e, fp->p.now, fp->side[LEFT].session, HKP_HTP_REASON_DONE), HKP_OK);
    fp_settle(fp);
    CHECK(fp->side[LEFT].session == 0 && fp->side[RIGHT].session == 0);
}

/* Runs until a side of the store has written so much. */
static void until_written(struct files_pair *fp, int side, uint64_t bytes) {
    for (int i = 0; i < 5000 && fp->side[side].store.written < bytes; i++) step(fp, 1);
    CHECK(fp->side[side].store.written >= bytes);
}

static uint8_t *source(struct files_pair *fp, int side, size_t len) {
    uint8_t *b = fp_bytes(len, 11);
    mem_write(&fp->side[side].store, "a.log", b, len);
    return b;
}

static void a_put_goes_on_in_another_session(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, 2 * MIB);
    lose_session(fp);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_WAITING], 1);
    CHECK_EQ(fp->side[LEFT].ended, 0);
    CHECK_EQ(fp_last(fp, RIGHT)->code, HKP_HTP_FILE_CANCELLED);
    CHECK_EQ(mem_kept_count(&fp->side[RIGHT].store), 1);
    fp_run(fp, HKP_HTP__SEC);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_RESUMED], 1);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 4 * MIB));
    CHECK(fp->side[RIGHT].store.written < 4 * MIB + 65536);
    CHECK_EQ(mem_kept_count(&fp->side[RIGHT].store), 0);
    free(b);
    fp_free(fp);
}

static void a_get_goes_on_in_another_session(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, RIGHT, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, LEFT, 2 * MIB);
    lose_session(fp);
    CHECK_EQ(mem_kept_count(&fp->side[LEFT].store), 1);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_RESUMED], 1);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", b, 4 * MIB));
    CHECK(fp->side[LEFT].store.written < 4 * MIB + 65536);
    free(b);
    fp_free(fp);
}

/* Another process, which knows only what lies in the stores. */
static void begin_again(struct files_pair *fp, int side) {
    struct hkp_htp_files_options o;
    hkp_htp_files_options_init(&o, sizeof o);
    o.resume_from = 65536;
    fp_files(fp, side, &o);
    fp_grant(fp, side, 127);
}

static void another_process_goes_on_with_a_put(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, 2 * MIB);
    lose_session(fp);
    begin_again(fp, LEFT);
    begin_again(fp, RIGHT);
    fp_connect(fp);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 4 * MIB));
    CHECK(fp->side[RIGHT].store.written < 4 * MIB + 65536);
    free(b);
    fp_free(fp);
}

static void another_process_goes_on_with_a_get(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, RIGHT, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, LEFT, 2 * MIB);
    lose_session(fp);
    begin_again(fp, LEFT);
    fp_connect(fp);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", b, 4 * MIB));
    CHECK(fp->side[LEFT].store.written < 4 * MIB + 65536);
    CHECK_EQ(mem_kept_count(&fp->side[LEFT].store), 0);
    free(b);
    fp_free(fp);
}

/* The part is there, but what is in it is not what we sent. */
static void spoil(struct mem_store *s) {
    for (size_t i = 0; i < MEM_HANDLES; i++)
        if (s->handles[i].kept) mem_block(s->handles[i].content, 0, 1)[5] ^= 1;
}

static void a_prefix_that_differs_is_sent_anew(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 2 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, MIB);
    lose_session(fp);
    spoil(&fp->side[RIGHT].store);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 2 * MIB));
    CHECK(fp->side[RIGHT].store.written >= 3 * MIB);
    free(b);
    fp_free(fp);
}

static void a_part_of_ours_that_differs_is_fetched_anew(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, RIGHT, 2 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, LEFT, MIB);
    lose_session(fp);
    spoil(&fp->side[LEFT].store);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", b, 2 * MIB));
    free(b);
    fp_free(fp);
}

static void content_that_changed_meanwhile_is_fetched_anew(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, RIGHT, 2 * MIB), *c = fp_bytes(2 * MIB, 12);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, LEFT, MIB);
    lose_session(fp);
    /* With the time of before: only the hash tells. */
    const uint64_t mtime = mem_find(&fp->side[RIGHT].store, "a.log", 5)->info.mtime_us;
    mem_write(&fp->side[RIGHT].store, "a.log", c, 2 * MIB)->info.mtime_us = mtime;
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", c, 2 * MIB));
    free(b);
    free(c);
    fp_free(fp);
}

static void a_source_that_changed_meanwhile_is_sent_as_it_is_now(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 2 * MIB), *c = fp_bytes(MIB, 12);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, MIB);
    lose_session(fp);
    mem_write(&fp->side[LEFT].store, "a.log", c, MIB);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", c, MIB));
    free(b);
    free(c);
    fp_free(fp);
}

static void small_files_begin_again(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 50000);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    r.chunk_size = 1024;
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, 10000);
    lose_session(fp);
    CHECK_EQ(mem_kept_count(&fp->side[RIGHT].store), 0);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 50000));
    free(b);
    fp_free(fp);
}

/* V has the whole and commits it; its answer is lost with the session. */
static void lose_the_answer(struct files_pair *fp, const struct hkp_htp_file_request *r) {
    uint8_t d[1200];
    (void)fp_start(fp, LEFT, r);
    for (int i = 0; i < 1000 && fp->side[RIGHT].kinds[HKP_HTP_FILE_EVENT_DONE] == 0; i++) {
        for (size_t len; (len = pair_pull(&fp->p, 1, d)) > 0;) (void)pair_give(&fp->p, 0, d, len);
        fp_serve(fp);
        if (fp->side[RIGHT].kinds[HKP_HTP_FILE_EVENT_DONE] != 0) break;
        for (size_t len; (len = pair_pull(&fp->p, 0, d)) > 0;) (void)pair_give(&fp->p, 1, d, len);
        fp_serve(fp);
        fp_advance(fp, fp->p.now + HKP_HTP__MS);
    }
    CHECK_EQ(fp->side[RIGHT].kinds[HKP_HTP_FILE_EVENT_DONE], 1);
    while (pair_pull(&fp->p, 0, d) > 0) {
    }
    /* Both ends forget the session without a word that the other would hear. */
    CHECK_EQ(hkp_htp_session_close(fp->p.e, fp->p.now, fp->side[LEFT].session, HKP_HTP_REASON_DONE), HKP_OK);
    CHECK_EQ(hkp_htp_session_close(fp->p.v, fp->p.now, fp->side[RIGHT].session, HKP_HTP_REASON_DONE), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_DONE], 0);
}

static void a_put_whose_answer_was_lost_is_not_done_twice(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 100000);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    lose_the_answer(fp, &r);
    CHECK_EQ(fp->side[LEFT].ended, 0);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK_EQ(fp->side[RIGHT].store.commits, 1);
    free(b);
    fp_free(fp);
}

static void another_file_there_is_not_taken_for_ours(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 100000);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    lose_the_answer(fp, &r);
    mem_write(&fp->side[RIGHT].store, "b.log", "another", 7);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_ALREADY_EXISTS);
    free(b);
    fp_free(fp);
}

static void what_may_have_been_appended_is_not_appended_again(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 100000);
    mem_write(&fp->side[RIGHT].store, "b.log", "before", 6);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_UPDATE, "b.log", "a.log");
    r.flags = HKP_HTP_FILE_APPEND;
    lose_the_answer(fp, &r);
    CHECK_EQ(fp->side[LEFT].ended, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_TRANSFER_FAILED);
    fp_connect(fp);
    fp_run(fp, HKP_HTP__SEC);
    CHECK(mem_find(&fp->side[RIGHT].store, "b.log", 5)->info.size == 100006);
    free(b);
    fp_free(fp);
}

static void what_was_deleted_is_deleted(void) {
    struct files_pair *fp = new_pair();
    mem_write(&fp->side[RIGHT].store, "b.log", "before", 6);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_DELETE, "b.log", NULL);
    lose_the_answer(fp, &r);
    CHECK_EQ(fp->side[RIGHT].store.count, 0);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    fp_free(fp);
}

/* The old session was not missed yet when the node is back: its part is taken over. */
static void a_new_session_takes_over_from_an_old_one(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, 4 * MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, RIGHT, 2 * MIB);
    begin_again(fp, LEFT); /* E has lost its memory; V still waits for chunks */
    const uint64_t old = fp->side[LEFT].session;
    uint8_t d[1200];
    while (pair_pull(&fp->p, 1, d) > 0) {
    }
    CHECK_EQ(pair_connect(&fp->p), HKP_OK);
    for (int i = 0; i < 100 && fp->side[LEFT].session == old; i++) step(fp, 1);
    CHECK(fp->side[LEFT].session != old);
    CHECK_EQ(fp_do(fp, LEFT, &r), HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[RIGHT].store, "b.log", b, 4 * MIB));
    fp_settle(fp);
    CHECK_EQ(mem_open_count(&fp->side[RIGHT].store) + mem_kept_count(&fp->side[RIGHT].store), 0);
    free(b);
    fp_free(fp);
}

static void who_may_not_stat_fetches_from_the_start(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, RIGHT, 2 * MIB);
    fp_grant(fp, RIGHT, HKP_HTP_FILE_MAY_READ);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_READ, "a.log", "b.log");
    (void)fp_start(fp, LEFT, &r);
    until_written(fp, LEFT, MIB);
    lose_session(fp);
    fp_connect(fp);
    fp_until(fp, LEFT, 1);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_OK);
    CHECK(mem_has(&fp->side[LEFT].store, "b.log", b, 2 * MIB));
    free(b);
    fp_free(fp);
}

static void what_waits_for_a_session_can_be_given_up(void) {
    struct files_pair *fp = new_pair();
    uint8_t *b = source(fp, LEFT, MIB);
    struct hkp_htp_file_request r = fp_request(fp, LEFT, HKP_HTP_FILE_CREATE, "b.log", "a.log");
    const uint64_t first = fp_start(fp, LEFT, &r);
    r.deadline = fp->p.now + 10 * HKP_HTP__SEC;
    r.path = "c.log";
    (void)fp_start(fp, LEFT, &r);
    step(fp, 3);
    lose_session(fp);
    CHECK_EQ(fp->side[LEFT].kinds[HKP_HTP_FILE_EVENT_WAITING], 2);
    CHECK_EQ(hkp_htp_files_cancel(fp->side[LEFT].files, fp->p.now, first), HKP_OK);
    fp_settle(fp);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_CANCELLED);
    fp_run(fp, 11 * HKP_HTP__SEC);
    CHECK_EQ(fp->side[LEFT].ended, 2);
    CHECK_EQ(fp_last(fp, LEFT)->code, HKP_HTP_FILE_TIMEOUT);
    CHECK(hkp_htp_files_wake(fp->side[LEFT].files) == HKP_TIME_NEVER);
    free(b);
    fp_free(fp);
}

int main(void) {
    CASE(a_put_goes_on_in_another_session);
    CASE(a_get_goes_on_in_another_session);
    CASE(another_process_goes_on_with_a_put);
    CASE(another_process_goes_on_with_a_get);
    CASE(a_prefix_that_differs_is_sent_anew);
    CASE(a_part_of_ours_that_differs_is_fetched_anew);
    CASE(content_that_changed_meanwhile_is_fetched_anew);
    CASE(a_source_that_changed_meanwhile_is_sent_as_it_is_now);
    CASE(small_files_begin_again);
    CASE(a_put_whose_answer_was_lost_is_not_done_twice);
    CASE(another_file_there_is_not_taken_for_ours);
    CASE(what_may_have_been_appended_is_not_appended_again);
    CASE(what_was_deleted_is_deleted);
    CASE(a_new_session_takes_over_from_an_old_one);
    CASE(who_may_not_stat_fetches_from_the_start);
    CASE(what_waits_for_a_session_can_be_given_up);
    return check_done();
}
