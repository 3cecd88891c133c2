/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The log on disk for long (NZ1 5.1, 5.2): days offline, its bound, a disk that is full, tails of all kinds,
 * and what is set aside. At the end, what the dream log of an older system got wrong.
 */
#include "log_device.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- Days offline ---- */

static void open_bounded(const char *path, uint64_t max_bytes, hkp_ter_log **log) {
    struct hkp_ter_log_options opt = options(path);
    opt.max_bytes = max_bytes;
    CHECK_EQ(hkp_ter_log_new(log, &opt, 1, 1, NULL), HKP_OK);
    if (*log == NULL) exit(1);
}

/* A log that nobody reads grows to its bound, says so in time, and refuses; what it holds is not touched. */
static void a_bounded_log_warns_and_then_refuses_and_goes_on_when_trimmed(void) {
    char path[128];
    struct stream stream = stream_start, kept;
    struct hkp_ter_log_options opt;
    uint8_t ter[64];
    hkp_ter_log *log = NULL;
    folder_path(path, dir, "bounded");
    opt = options(path);
    opt.max_bytes = HKP_TER_LOG_BYTES_MIN - 1;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_E_INVAL);
    open_bounded(path, HKP_TER_LOG_BYTES_MIN, &log);
    hkp_status st = HKP_OK;
    uint64_t warned = 0;
    for (uint64_t i = 0; st == HKP_OK && i < 400000; i++) {
        kept = stream;
        stream_next(&stream, ter);
        st = hkp_ter_log_append_ter(log, 1, 1, ter);
        if (warned == 0 && state_of(log).alarm == HKP_E_TER_LOG_FULL) warned = i;
    }
    struct hkp_ter_log_state state = state_of(log);
    CHECK_EQ(st, HKP_E_TER_LOG_FULL);
    CHECK(state.bytes <= HKP_TER_LOG_BYTES_MIN && state.bytes + 1000 > HKP_TER_LOG_BYTES_MIN);
    CHECK_EQ(state.max_bytes, HKP_TER_LOG_BYTES_MIN);
    CHECK(warned > 0 && state.index - warned > 30000); /* hours before */
    CHECK_EQ(state.let_go, 2 * HKP_TER_SEG_TERS);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_E_TER_LOG_FULL); /* not dead: it says so again */
    CHECK_EQ(hkp_ter_log_sync(log, 1), HKP_OK);
    check_reading(log, 0, state.index);
    hkp_ter_log_free(log);
    log = NULL;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_E_INVAL);
    opt.max_bytes = HKP_TER_LOG_BYTES_MIN;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_OK); /* a full log opens: there is room for BOOT */
    CHECK_EQ(state_of(log).alarm, HKP_E_TER_LOG_FULL);
    CHECK_EQ(hkp_ter_log_trim(log, state.let_go), HKP_OK);
    CHECK_EQ(state_of(log).alarm, HKP_OK);
    CHECK_EQ(state_of(log).let_go, 0);
    CHECK(state_of(log).bytes < HKP_TER_LOG_BYTES_MIN / 2);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_OK);
    (void)kept;
    hkp_ter_log_free(log);
}

/*
 * Three days without anybody, a TER a second and a restart every six hours: all of it is there afterwards and
 * is read in batches as LOG messages carry them (SYN-2.5), while a holder that acknowledges lets it shrink.
 */
static void three_days_offline_are_caught_up_with_in_batches(void) {
    enum { DAYS = 3, PER_DAY = 86400, RESTART = 21600, BATCH = 600 };
    char path[128];
    static uint8_t bytes[BATCH * 128];
    struct stream stream = stream_start, expect = stream_start;
    struct hkp_ter_log_pos pos;
    uint8_t ter[64];
    hkp_ter_log *log = NULL;
    hkp_time now = 1;
    folder_path(path, dir, "dream");
    for (int i = 0; i < DAYS * PER_DAY; i++, now += 1000000000) {
        if (i % RESTART == 0) {
            hkp_ter_log_free(log);
            log = open_log(path);
        }
        stream_next(&stream, ter);
        if (hkp_ter_log_append_ter(log, now, 1, ter) != HKP_OK) CHECK(0);
        if (i % 64 == 63) append_tck(log);
    }
    CHECK_EQ(hkp_ter_log_sync(log, now), HKP_OK);
    CHECK_EQ(state_of(log).n_segments, 4);
    CHECK_EQ(hkp_ter_log_seek(log, 0, &pos), HKP_OK);
    uint64_t index = 0, batches = 0;
    for (size_t len, count;; batches++) {
        struct hkp_ter_log_record r;
        CHECK_EQ(hkp_ter_log_read(log, &pos, BATCH, bytes, sizeof bytes, &len, &count), HKP_OK);
        if (count == 0) break;
        for (size_t at = 0; at < len; at += r.size) {
            if (hkp_ter_log_record_decode(&r, bytes + at, len - at) != HKP_OK) {
                CHECK(0);
                return;
            }
            if (r.type != HKP_TER_LOG_TER) continue;
            stream_next(&expect, ter);
            if (memcmp(ter, r.body, 64) != 0) CHECK(0);
            index++;
        }
        if (batches % 100 == 99) CHECK_EQ(hkp_ter_log_trim(log, pos.index), HKP_OK); /* acknowledged so far */
    }
    CHECK_EQ(index, DAYS * PER_DAY);
    CHECK_EQ(hkp_ter_log_trim(log, index), HKP_OK);
    CHECK_EQ(state_of(log).n_segments, 1);
    hkp_ter_log_free(log);
}

/* ---- Setting aside ---- */

static void a_damaged_segment_is_set_aside_and_never_overwritten(void) {
    char path[128], name[256];
    uint8_t kept[64];
    uint32_t count = 0;
    struct hkp_ter_diag diag = {0};
    folder_path(path, dir, "aside");
    for (int round = 0; round < 2; round++) {
        hkp_ter_log *log = NULL;
        struct hkp_ter_log_options opt = options(path);
        if (round > 0) {
            snprintf(name, sizeof name, "%s/%s", path, SEGMENT);
            CHECK(unlink(name) == 0);
        } else {
            CHECK(mkdir(path, 0700) == 0);
        }
        snprintf(name, sizeof name, "%s/%s", path, SEGMENT);
        file_put(name, round == 0 ? "damaged, first" : "damaged, again", 14);
        CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_HEADER);
        CHECK_EQ(hkp_ter_log_set_aside(path, 0, &count, &diag), HKP_OK);
        CHECK_EQ(count, 1);
        CHECK_EQ(hkp_ter_log_set_aside(path, 0, &count, &diag), HKP_E_NOTFOUND);
        log = open_log(path); /* under a higher neuro_gen, as its caller knows */
        CHECK_EQ(hkp_ter_log_set_aside(path, 0, &count, &diag), HKP_E_LIMIT); /* it is in use */
        hkp_ter_log_free(log);
    }
    snprintf(name, sizeof name, "%s/%s.corrupt", path, SEGMENT);
    CHECK_EQ(file_get(name, kept, sizeof kept), 14);
    CHECK_MEM(kept, "damaged, first", 14);
    snprintf(name, sizeof name, "%s/%s.1.corrupt", path, SEGMENT);
    CHECK_EQ(file_get(name, kept, sizeof kept), 14);
    CHECK_MEM(kept, "damaged, again", 14);
    hkp_ter_log *log = open_log(path);
    CHECK_EQ(hkp_ter_log_trim(log, UINT64_MAX), HKP_OK); /* trim removes .torn, not these */
    hkp_ter_log_free(log);
    CHECK(access(name, F_OK) == 0);
    CHECK_EQ(hkp_ter_log_set_aside("", 0, &count, &diag), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_log_set_aside("/nowhere/at/all", 0, &count, &diag), HKP_E_NOTFOUND);
}

static void segments_behind_the_damaged_one_go_aside_with_it(void) {
    char path[128], name[256];
    struct stream stream = stream_start;
    uint32_t count = 0;
    folder_path(path, dir, "aside2");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, 2 * HKP_TER_SEG_TERS + 5);
    hkp_ter_log_free(log);
    CHECK_EQ(hkp_ter_log_set_aside(path, HKP_TER_SEG_TERS, &count, NULL), HKP_OK);
    CHECK_EQ(count, 2);
    snprintf(name, sizeof name, "%s/ter-%020d.log.corrupt", path, 2 * HKP_TER_SEG_TERS);
    CHECK(access(name, F_OK) == 0);
    log = open_log(path); /* what is sound before it stands; a holder gives the rest again (BOOT 3) */
    CHECK_EQ(state_of(log).index, HKP_TER_SEG_TERS);
    hkp_ter_log_free(log);
}

/* ---- A disk that is full, tails of all kinds ---- */

/* The disk takes so many bytes and no more, at any byte: what was durable stays, and with room it goes on. */
static void a_disk_full_at_any_byte_loses_nothing_durable(void) {
    char path[128];
    struct rlimit was, limit;
    signal(SIGXFSZ, SIG_IGN);
    folder_path(path, dir, "nospace");
    CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
    for (size_t room = 0; room <= 192 + 56 + 12 * 104 + 264; room++) {
        struct stream stream = stream_start;
        struct hkp_ter_log_options opt = options(path);
        hkp_ter_log *log = NULL;
        uint8_t ter[64];
        uint64_t durable = 0;
        int before = check_faults;
        opt.sync_records = 4;
        folder_remove(path);
        limit = was;
        limit.rlim_cur = room;
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        hkp_status st = hkp_ter_log_new(&log, &opt, 1, 1, NULL);
        for (int i = 0; st == HKP_OK && i < 12; i++) {
            stream_next(&stream, ter);
            st = hkp_ter_log_append_ter(log, 1, 1, ter);
            durable = hkp_ter_log_durable(log);
        }
        hkp_ter_log_free(log);
        CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
        log = open_log(path);
        CHECK(state_of(log).index >= durable);
        for (stream = stream_start; stream.i < state_of(log).index;) stream_next(&stream, ter);
        append_ters(log, &stream, 2);
        hkp_ter_log_free(log);
        CHECK_NOTE(before, "room for %zu bytes", room);
    }
}

/* Zeros, noise and flipped bits behind what was sound: the log ends where they begin, or it is refused. */
static void a_tail_of_zeros_or_noise_or_flipped_bits_ends_the_log(void) {
    char path[128];
    static uint8_t bytes[40000];
    uint64_t rnd = check_seed();
    size_t behind_tck = 192 + 56 + 3 * 104 + 264;
    folder_path(path, dir, "tail");
    for (int trial = 0; trial < 300; trial++) {
        size_t cut = behind_tck + check_random(&rnd) % (whole_len - behind_tck + 1), len = cut;
        size_t end = sound_end(cut);
        int before = check_faults;
        memcpy(bytes, whole, whole_len);
        size_t more = check_random(&rnd) % 4000;
        if (trial % 3 == 0) memset(bytes + len, 0, more);
        if (trial % 3 == 1)
            for (size_t i = 0; i < more; i++) bytes[len + i] = (uint8_t)check_random(&rnd);
        if (trial % 3 < 2) len += more;
        if (trial % 3 == 2) {
            len = whole_len;
            size_t flip = behind_tck + check_random(&rnd) % (whole_len - behind_tck);
            bytes[flip] ^= (uint8_t)(1u << check_random(&rnd) % 8);
            end = behind_tck + (flip - behind_tck) / 104 * 104;
        }
        put_segment(path, bytes, len);
        hkp_ter_log *log = open_log(path);
        CHECK_EQ(state_of(log).torn_bytes, len - end);
        CHECK_EQ(state_of(log).index, 3 + (end - behind_tck) / 104);
        hkp_ter_log_free(log);
        CHECK_NOTE(before, "trial %d, cut %zu, length %zu", trial, cut, len);
    }
    memcpy(bytes, whole, whole_len);
    memset(bytes + whole_len, 1, HKP_TER_TORN_MAX + 1);
    put_segment(path, bytes, whole_len + HKP_TER_TORN_MAX + 1);
    struct hkp_ter_log_options opt = options(path);
    hkp_ter_log *log = NULL;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_E_TER_LOG_CORRUPT);
}

/* Who crashes more often than tails are kept still has a log. */
static void a_hundred_torn_tails_do_not_lock_a_device_out(void) {
    char path[128], torn[256];
    folder_path(path, dir, "torn");
    put_segment(path, whole, whole_len - 9);
    for (int i = 0; i < 100; i++) {
        snprintf(torn, sizeof torn, "%s.%d.torn", segment_path, i);
        file_put(torn, "kept", 4);
    }
    hkp_ter_log *log = open_log(path);
    CHECK_EQ(state_of(log).torn_bytes, 95);
    CHECK_EQ(state_of(log).index, 7);
    hkp_ter_log_free(log);
}

/* ---- What the dream log of the older system got wrong (its faults 5 and 1.6) ---- */

/* Its header was one byte longer than the reader thought: nothing it wrote was ever read again. */
static void the_header_is_as_long_as_it_says(void) {
    struct hkp_ter_log_head head = {.first_index = 7, .created_us = 9}, again;
    uint8_t bytes[HKP_TER_LOG_HEAD_SIZE + 1];
    hkp_ter_log_head_encode(&head, bytes);
    CHECK_EQ(strlen("TERLOG1") + 1, 8);
    CHECK_EQ(hkp_ter_log_head_decode(&again, bytes, HKP_TER_LOG_HEAD_SIZE), HKP_OK);
    CHECK_EQ(again.first_index, 7);
    memmove(bytes + 1, bytes, HKP_TER_LOG_HEAD_SIZE); /* shifted by one */
    CHECK_EQ(hkp_ter_log_head_decode(&again, bytes + 1, HKP_TER_LOG_HEAD_SIZE), HKP_OK);
    bytes[0] = 'T';
    CHECK_EQ(hkp_ter_log_head_decode(&again, bytes, HKP_TER_LOG_HEAD_SIZE), HKP_E_TER_LOG_HEADER);
}

/* There a wrong chain CRC, a gap in the sequence and a repeated record were warnings. Here nothing is
 * written, and a log in which it stands is refused. */
static void a_wrong_crc_or_sequence_is_no_warning(void) {
    char path[128];
    static uint8_t bytes[4096];
    folder_path(path, dir, "warning");
    for (int field = 0; field < 3; field++) {
        struct stream stream = stream_start;
        struct hkp_ter_cursor c;
        struct hkp_ter_diag diag = {0};
        uint8_t ter[64], body[96];
        hkp_ter_log *log = NULL;
        size_t len, at = 192 + 56 + 7 * 104;
        folder_remove(path);
        log = open_log(path);
        append_ters(log, &stream, 7);
        hkp_ter_log_cursor(log, &c);
        stream_next(&stream, ter);
        if (field == 0) ter[62] ^= 1; /* chain_crc */
        if (field == 1) ter[60] ^= 1; /* sequence */
        if (field == 2) memcpy(ter, c.last_ter, 64);
        CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_E_INVAL);
        hkp_ter_log_free(log);
        memcpy(body, ter, 64);
        hkp_ter_chain_step(c.h, ter, body + 64); /* all else made right */
        snprintf(segment_path, sizeof segment_path, "%s/%s", path, SEGMENT);
        size_t whole_now = (size_t)file_get(segment_path, bytes, sizeof bytes);
        CHECK_EQ(whole_now, at);
        CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, bytes + at, 264, &len), HKP_OK);
        file_put(segment_path, bytes, at + len);
        struct hkp_ter_log_options opt = options(path);
        log = NULL;
        CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_CORRUPT);
        CHECK_EQ(diag.offset, at);
    }
}

/* There each append wrote the whole log again. */
static void an_append_writes_its_record_and_no_more(void) {
    char path[128];
    struct stream stream = stream_start;
    struct stat a, b;
    folder_path(path, dir, "append");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, 500);
    snprintf(segment_path, sizeof segment_path, "%s/%s", path, SEGMENT);
    CHECK(stat(segment_path, &a) == 0);
    append_ters(log, &stream, 1);
    CHECK(stat(segment_path, &b) == 0);
    CHECK_EQ(b.st_size - a.st_size, 104);
    CHECK_EQ(a.st_ino, b.st_ino);
    hkp_ter_log_free(log);
}

int main(void) {
    const uint8_t seed[32] = {3};
    crypto_sign_seed_keypair(device_public, device_secret, seed);
    folder_make(dir);
    make_whole();
    CASE(a_bounded_log_warns_and_then_refuses_and_goes_on_when_trimmed);
    CASE(three_days_offline_are_caught_up_with_in_batches);
    CASE(a_damaged_segment_is_set_aside_and_never_overwritten);
    CASE(segments_behind_the_damaged_one_go_aside_with_it);
    CASE(a_disk_full_at_any_byte_loses_nothing_durable);
    CASE(a_tail_of_zeros_or_noise_or_flipped_bits_ends_the_log);
    CASE(a_hundred_torn_tails_do_not_lock_a_device_out);
    CASE(the_header_is_as_long_as_it_says);
    CASE(a_wrong_crc_or_sequence_is_no_warning);
    CASE(an_append_writes_its_record_and_no_more);
    folder_remove(dir);
    return check_done();
}
