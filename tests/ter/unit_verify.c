/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Verification of a log (NZ1 5.5): every tampering before the last checkpoint is found, and named. */
#include "alloc.h"
#include "logimage.h"

enum { TRIALS = 400 };

static char dir[64];
static struct device device;
static struct image whole;
static uint64_t rnd;

/* 450 TERs with a restart, a change of measurement, and TERs that no checkpoint covers yet. */
static void make_whole(void) {
    char path[128], file[192];
    folder_path(path, dir, "log");
    device_begin(&device, 7);
    hkp_ter_log *log = device_open(&device, path);
    device_run(&device, log, 150);
    hkp_ter_log_free(log);
    log = device_open(&device, path);
    device_run(&device, log, 100);
    device_rebase(&device, log);
    device_run(&device, log, 200);
    hkp_ter_log_free(log);
    snprintf(file, sizeof file, "%s/ter-%020d.log", path, 0);
    image_read(&whole, &device, file);
    image_split(&whole, 170);
    image_split(&whole, 330);
}

static uint32_t pick(uint32_t n) { return (uint32_t)(check_random(&rnd) % n); }

/* The last checkpoint, before which all has to be found. */
static int last_tck(const struct image *m) {
    int i = m->n - 1;
    while (m->records[i].type != HKP_TER_LOG_TCK) i--;
    return i;
}

static int pick_type(const struct image *m, uint32_t type, int limit) {
    for (;;) {
        int i = (int)pick((uint32_t)limit);
        if (m->records[i].type == type) return i;
    }
}

static void show(const struct hkp_ter_verdict *d, const char *what, int at) {
    printf("#   %s at record %d: %s, status %d, type %u, %llu:%llu index %llu, %llu..%llu, count %llu: %s\n",
           what, at, hkp_ter_verdict_name(d->kind), (int)d->status, d->record_type,
           (unsigned long long)d->segment, (unsigned long long)d->offset, (unsigned long long)d->index,
           (unsigned long long)d->from, (unsigned long long)d->to, (unsigned long long)d->count, d->reason);
}

/* It names record i of the tampered log. */
static void expect_at(const struct image *m, const struct hkp_ter_verdict *d, int i, const char *what) {
    int before = check_faults;
    uint64_t segment, offset = image_offset(m, i, &segment);
    CHECK_EQ(d->located, 1);
    CHECK_EQ(d->segment, segment);
    CHECK_EQ(d->offset, offset);
    if (before != check_faults) show(d, what, i);
}

static void expect_kind(const struct hkp_ter_verdict *d, uint32_t kind, int at, const char *what) {
    int before = check_faults;
    CHECK_EQ(d->kind, kind);
    if (before != check_faults) show(d, what, at);
}

/* Not at a record, but between the right checkpoints. */
static void expect_between(const struct hkp_ter_verdict *d, uint64_t index, const char *what) {
    int before = check_faults;
    CHECK_EQ(d->located, 0);
    CHECK(d->from <= index && index < d->to);
    if (before != check_faults) show(d, what, (int)index);
}

static void an_untouched_log_is_sound_whoever_holds_which_checkpoint(void) {
    uint8_t held[256];
    struct hkp_ter_verdict d = image_verify(&whole, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_SOUND);
    CHECK_EQ(d.end_index, 450);
    CHECK_EQ(d.signed_index, 448);
    CHECK_EQ(d.records, whole.n);
    CHECK_EQ(d.checkpoints, 9);
    for (int i = 0; i < whole.n; i++) {
        if (whole.records[i].type != HKP_TER_LOG_TCK) continue;
        memcpy(held, whole.records[i].body, 256);
        d = image_verify(&whole, held, &rnd);
        expect_kind(&d, HKP_TER_VERDICT_SOUND, i, "held");
    }
}

static void a_changed_bit_is_found_at_its_record(void) {
    static uint8_t bytes[IMAGE_SEGMENTS][IMAGE_BYTES];
    size_t len[IMAGE_SEGMENTS];
    for (int s = 0; s < whole.n_segments; s++) len[s] = image_segment(&whole, s, bytes[s]);
    for (int trial = 0; trial < TRIALS; trial++) {
        int i = (int)pick((uint32_t)last_tck(&whole)), before = check_faults;
        uint64_t segment, at = image_offset(&whole, i, &segment);
        int s = segment == 0 ? 0 : segment == whole.name[1] ? 1 : 2;
        uint64_t flip = at + pick((uint32_t)(8 + hkp_ter_log_body_size(whole.records[i].type)));
        int header = pick(20) == 0;
        if (header) flip = 8 + pick(184);
        struct hkp_ter_verdict d = {.struct_size = sizeof d};
        hkp_ter_verify *v = image_verify_new(&whole, NULL, 0);
        bytes[s][flip] ^= (uint8_t)(1u << pick(8));
        uint8_t was = bytes[s][flip];
        for (int k = 0; k < whole.n_segments; k++) {
            hkp_ter_verify_segment(v, whole.name[k]);
            image_feed(v, bytes[k], len[k], &rnd);
        }
        CHECK_EQ(hkp_ter_verify_end(v, &d), HKP_E_TER_LOG_CORRUPT);
        hkp_ter_verify_free(v);
        image_segment(&whole, s, bytes[s]);
        CHECK(was != bytes[s][flip]);
        CHECK_EQ(d.kind, HKP_TER_VERDICT_DAMAGED);
        CHECK_EQ(d.segment, segment);
        CHECK_EQ(d.offset, header ? 0 : at);
        if (check_faults != before) show(&d, "bit", i);
    }
}

static void an_edited_record_with_a_right_checksum_is_named(void) {
    for (int trial = 0; trial < TRIALS; trial++) {
        struct image m = whole;
        uint32_t type = pick(4) == 0 ? HKP_TER_LOG_TCK : HKP_TER_LOG_TER;
        int i = pick_type(&m, type, last_tck(&m));
        int own = type == HKP_TER_LOG_TER && pick(3) == 0; /* its own h was made right with it */
        m.records[i].body[pick(own ? 64 : (uint32_t)hkp_ter_log_body_size(type))] ^= (uint8_t)(1 + pick(255));
        if (own) {
            struct hkp_ter_cursor c = m.head[0];
            for (int k = 0; k < i; k++)
                if (m.records[k].type == HKP_TER_LOG_TER) memcpy(c.h, m.records[k].body + 64, 32);
            hkp_ter_chain_step(c.h, m.records[i].body, m.records[i].body + 64);
        }
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        expect_kind(&d, type == HKP_TER_LOG_TCK ? HKP_TER_VERDICT_SIGNATURE : HKP_TER_VERDICT_EDITED, i,
                    "edit");
        int last = i + 1 == m.begin[1] || i + 1 == m.begin[2] || m.records[i + 1].type == HKP_TER_LOG_TCK ||
                   m.records[i + 1].type == HKP_TER_LOG_REBASE;
        if (own && last &&
            d.located == 0) /* no neighbour is left that disagrees, only the next h that is signed */
            expect_between(&d, image_index(&m, i), "edit");
        else
            expect_at(&m, &d, i, "edit");
    }
}

static void delete_and_judge(int i, int count) {
    struct image m = whole;
    uint64_t ters = image_index(&m, i + count) - image_index(&m, i), first = image_index(&m, i);
    uint32_t type = m.records[i].type;
    image_delete(&m, i, count);
    struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
    int before = check_faults;
    if (ters == 0 && type == HKP_TER_LOG_TCK && count == 1) {
        expect_between(&d, first - 1, "delete a checkpoint");
        CHECK_EQ(d.record_type, HKP_TER_LOG_TCK);
    }
    if (ters == 0 && count == 1 && type == HKP_TER_LOG_REBASE) CHECK_EQ(d.record_type, HKP_TER_LOG_REBASE);
    if (d.kind == HKP_TER_VERDICT_TRUNCATED) { /* over the end of a segment: the next one tells */
        CHECK(d.record_type == 0 && d.status == HKP_E_TER_LOG_ORDER);
        ters = d.segment - first;
    } else {
        CHECK_EQ(d.kind, HKP_TER_VERDICT_DELETED);
    }
    if (ters > 0) {
        CHECK_EQ(d.count, ters);
        CHECK_EQ(d.index, first);
    }
    if (check_faults != before) show(&d, "delete", i);
}

static void deleted_records_are_counted(void) {
    for (int trial = 0; trial < TRIALS; trial++) {
        int i = (int)pick((uint32_t)last_tck(&whole)), count = 1 + (int)pick(trial % 2 ? 3 : 120);
        if (i + count > last_tck(&whole)) count = last_tck(&whole) - i;
        delete_and_judge(i, count);
    }
}

static void every_deleted_checkpoint_is_missed(void) {
    int n = 0;
    for (int i = 0; i < last_tck(&whole); i++) {
        if (whole.records[i].type != HKP_TER_LOG_TCK) continue;
        delete_and_judge(i, 1);
        n++;
    }
    CHECK(n > 2);
}

static void make_forged(const struct image *m, int i, struct image_record *r) {
    struct hkp_ter_cursor c = m->head[0];
    for (int k = 0; k < i; k++)
        if (m->records[k].type == HKP_TER_LOG_TER)
            (void)!hkp_ter_cursor_accept(&c, m->records[k].body, 64, NULL);
    struct device d = device;
    d.time_us = c.has_last ? hkp_le64(c.last_ter + 52) - 1000000 : d.time_us;
    d.salt = 9;
    r->type = HKP_TER_LOG_TER;
    r->origin = -1;
    device_ter(&d, &c, r->body);
    hkp_put_le64(r->body + 52, c.has_last ? hkp_le64(c.last_ter + 52) + 1 : 1);
    hkp_ter_chain_step(c.h, r->body, r->body + 64);
}

static void an_inserted_record_is_named_be_it_forged_or_a_copy(void) {
    for (int trial = 0; trial < TRIALS; trial++) {
        struct image m = whole;
        struct image_record r = {.type = HKP_TER_LOG_TER};
        int i = (int)pick((uint32_t)last_tck(&m));
        if (i == m.begin[1] || i == m.begin[2]) continue;
        switch (trial % 4) {
        case 0: /* with nothing right but its checksum */
            for (int k = 0; k < 96; k++) r.body[k] = (uint8_t)pick(256);
            break;
        case 1: /* with everything right, as if it stood here */
            make_forged(&m, i, &r);
            break;
        case 2: /* a TER of before */
            r = m.records[pick_type(&m, HKP_TER_LOG_TER, i + 2)];
            break;
        default: /* a checkpoint of before */
            r = m.records[pick_type(&m, HKP_TER_LOG_TCK, i + 4)];
            break;
        }
        int later = r.origin >= i; /* of before, or the very next, which then looks like a copy of it */
        image_insert(&m, i, &r);
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        if (later) {
            CHECK(d.kind == HKP_TER_VERDICT_INSERTED || d.kind == HKP_TER_VERDICT_REORDERED ||
                  d.kind == HKP_TER_VERDICT_DELETED);
            continue;
        }
        /* Right before a checkpoint it might as well be that the checkpoint has moved; it then says which. */
        expect_kind(&d, HKP_TER_VERDICT_INSERTED, i, "insert");
        expect_at(&m, &d, i, "insert");
    }
}

static void records_that_changed_places_are_named(void) {
    for (int trial = 0; trial < TRIALS; trial++) {
        struct image m = whole;
        int a = pick_type(&m, HKP_TER_LOG_TER, last_tck(&m) - 40), b = a + 1 + (int)pick(trial % 2 ? 2 : 38);
        while (m.records[b].type != HKP_TER_LOG_TER) b++;
        struct image_record r = m.records[a];
        if (trial % 3 == 0) { /* two change places */
            m.records[a] = m.records[b];
            m.records[b] = r;
        } else if (trial % 3 == 1) { /* one moves back */
            memmove(&m.records[a], &m.records[a + 1], (size_t)(b - a) * sizeof r);
            m.records[b] = r;
        } else { /* one moves forward */
            r = m.records[b];
            memmove(&m.records[a + 1], &m.records[a], (size_t)(b - a) * sizeof r);
            m.records[a] = r;
        }
        int across = 0; /* a segment's header lies between: what it counts is found first */
        for (int s = 1; s < m.n_segments; s++) across |= a < m.begin[s] && m.begin[s] <= b;
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        CHECK(d.kind > HKP_TER_VERDICT_TORN);
        if (across) continue;
        /* A mark or checkpoint that now comes first is as much out of place as what moved behind it. */
        if (m.records[a].type == HKP_TER_LOG_TER) {
            expect_kind(&d, HKP_TER_VERDICT_REORDERED, a, "reorder");
            expect_at(&m, &d, a, "reorder");
        }
    }
}

static void a_chain_made_anew_is_found_between_two_checkpoints(void) {
    for (int trial = 0; trial < TRIALS; trial++) {
        struct image m = whole;
        int i = pick_type(&m, HKP_TER_LOG_TER, last_tck(&m)), kind = trial % 3, k = 1;
        uint64_t index = image_index(&m, i);
        if (i <= 2) continue;
        if (kind == 0) m.records[i].body[pick(32)] ^= (uint8_t)(1 + pick(255));
        if (kind == 1) image_insert(&m, i, &m.records[pick_type(&m, HKP_TER_LOG_TER, i)]);
        if (kind == 2) {
            k = 0;
            while (k < 5 && m.records[i + k].type == HKP_TER_LOG_TER) k++;
            for (int s = 1; s < m.n_segments; s++)
                if (i < m.begin[s] && m.begin[s] < i + k) k = m.begin[s] - i;
            image_delete(&m, i, k);
        }
        image_rechain(&m, i, m.n);
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        static const uint32_t kinds[] = {HKP_TER_VERDICT_EDITED, HKP_TER_VERDICT_INSERTED,
                                         HKP_TER_VERDICT_DELETED};
        expect_kind(&d, kinds[kind], i, "rechain");
        int before = check_faults;
        if (kind > 0) CHECK_EQ(d.count, k);
        if (d.located == 0) CHECK(d.from <= index && index <= d.to);
        if (before != check_faults) show(&d, "rechain", i);
    }
}

static void a_checkpoint_made_to_fit_has_no_signature(void) {
    for (int trial = 0; trial < 60; trial++) {
        struct image m = whole;
        int i = pick_type(&m, HKP_TER_LOG_TER, last_tck(&m)), t = i;
        if (i <= 2) continue;
        m.records[i].body[0] ^= 1;
        image_rechain(&m, i, m.n);
        while (m.records[t].type != HKP_TER_LOG_TCK) t++;
        struct hkp_ter_cursor c = m.head[0];
        for (int k = 0; k < t; k++)
            if (m.records[k].type == HKP_TER_LOG_TER) memcpy(c.h, m.records[k].body + 64, 32);
        memcpy(m.records[t].body + 32, c.h, 32);
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        expect_kind(&d, HKP_TER_VERDICT_SIGNATURE, t, "checkpoint");
        expect_at(&m, &d, t, "checkpoint");
    }
}

static void a_log_cut_below_a_checkpoint_that_somebody_holds_is_truncated(void) {
    const uint8_t *held = whole.records[last_tck(&whole)].body;
    for (int trial = 0; trial < 150; trial++) {
        struct image m = whole;
        int i = (int)pick((uint32_t)last_tck(&m)) + 1;
        uint64_t end = image_index(&m, i);
        image_delete(&m, i, m.n - i);
        while (m.n_segments > 1 && m.begin[m.n_segments - 1] >= i) m.begin[--m.n_segments] = i;
        struct hkp_ter_verdict d = image_verify(&m, held, &rnd);
        if (i == last_tck(&whole) + 1) continue;
        expect_kind(&d, HKP_TER_VERDICT_TRUNCATED, i, "truncate");
        CHECK_EQ(d.count, 448 - end);
        d = image_verify(&m, NULL, &rnd);
        expect_kind(&d, HKP_TER_VERDICT_SOUND, i, "nobody holds one, nobody can tell");
    }
}

/* Everything behind an index rewritten, checkpoints thrown away: only what somebody holds shows it. */
static void a_rewritten_end_is_shown_by_a_checkpoint_that_somebody_holds(void) {
    const uint8_t *held = whole.records[last_tck(&whole)].body;
    for (int trial = 0; trial < 60; trial++) {
        struct image m = whole;
        int i = pick_type(&m, HKP_TER_LOG_TER, last_tck(&m));
        uint64_t index = image_index(&m, i);
        if (index < 2) continue;
        m.records[i].body[1] ^= 1;
        for (int k = m.n - 1; k > i; k--)
            if (m.records[k].type == HKP_TER_LOG_TCK) image_delete(&m, k, 1);
        image_rechain(&m, i, m.n);
        struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
        expect_kind(&d, HKP_TER_VERDICT_SOUND, i, "nobody holds one");
        d = image_verify(&m, held, &rnd);
        expect_kind(&d, HKP_TER_VERDICT_EDITED, i, "held");
        expect_between(&d, index, "held");
    }
}

static void two_signed_histories_are_a_fork(void) {
    struct device twin = device;
    struct hkp_ter_cursor c = whole.head[0];
    uint8_t held[256];
    struct image m = whole;
    int t = last_tck(&whole);
    for (int i = 0; i < t; i++)
        if (whole.records[i].type == HKP_TER_LOG_TER)
            CHECK_EQ(hkp_ter_cursor_accept(&c, whole.records[i].body, 64, NULL), HKP_OK);
    c.h[0] ^= 1; /* the twin saw another last TER */
    for (int i = t - 1; i > 0; i--)
        if (whole.records[i].type == HKP_TER_LOG_TCK) {
            memcpy(twin.last_tck, whole.records[i].body, 256);
            break;
        }
    device_tck(&twin, &c, held);
    struct hkp_ter_verdict d = image_verify(&m, held, &rnd);
    expect_kind(&d, HKP_TER_VERDICT_FORK, t, "held by another");
    expect_at(&m, &d, t, "held by another");
    struct image_record r = {.type = HKP_TER_LOG_TCK};
    memcpy(r.body, held, 256);
    image_insert(&m, t + 1, &r);
    d = image_verify(&m, NULL, &rnd);
    expect_kind(&d, HKP_TER_VERDICT_FORK, t + 1, "both in the log");
    expect_at(&m, &d, t + 1, "both in the log");
}

static void segments_that_are_missing_cut_or_exchanged_are_found(void) {
    struct image m = whole;
    image_delete(&m, m.begin[1], m.begin[2] - m.begin[1]);
    m.n_segments = 2;
    m.head[1] = whole.head[2];
    m.name[1] = whole.name[2];
    m.begin[2] = m.n;
    struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_TRUNCATED);
    CHECK_EQ(d.count, whole.name[2] - whole.name[1]);
    m = whole;
    m.name[1] = whole.name[2];
    m.name[2] = whole.name[1];
    d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_REORDERED);
    CHECK_EQ(d.offset, 0);
    m = whole;
    m.head[1].h[3] ^= 1;
    d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_EDITED);
    CHECK(d.located == 1 && d.record_type == 0 && d.segment == m.name[1] && d.offset == 0);
    m = whole;
    m.head[1].last_ter[3] ^= 1;
    d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_EDITED);
    m = whole;
    m.device_public[0] ^= 1;
    d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_EDITED); /* h_0 is not of that key */
    m = whole;
    hkp_ter_verify *v = image_verify_new(&m, NULL, 0);
    static uint8_t bytes[IMAGE_BYTES];
    hkp_ter_verify_segment(v, 0);
    hkp_ter_verify_feed(v, bytes, 500);
    CHECK_EQ(hkp_ter_verify_end(v, &d), HKP_E_TER_LOG_NODE);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_FOREIGN);
    hkp_ter_verify_free(v);
    v = image_verify_new(&m, NULL, 0);
    size_t len = image_segment(&m, 0, bytes);
    hkp_ter_verify_segment(v, 0);
    hkp_ter_verify_feed(v, bytes, len - 7);
    hkp_ter_verify_segment(v, m.name[1]);
    CHECK_EQ(hkp_ter_verify_end(v, &d), HKP_E_TER_LOG_CORRUPT);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_TRUNCATED);
    hkp_ter_verify_free(v);
}

static void a_torn_tail_is_allowed_at_the_end_only_and_named(void) {
    static uint8_t bytes[IMAGE_BYTES];
    struct image m = whole;
    int t = last_tck(&m);
    m.n_segments = 1;
    m.begin[1] = m.n;
    size_t len = image_segment(&m, 0, bytes);
    uint64_t segment, signed_end = image_offset(&m, t + 1, &segment);
    for (size_t cut = (size_t)signed_end; cut <= len; cut++) {
        struct hkp_ter_verdict d = {.struct_size = sizeof d};
        hkp_ter_verify *v = image_verify_new(&m, m.records[t].body, 0);
        hkp_ter_verify_segment(v, 0);
        image_feed(v, bytes, cut, &rnd);
        CHECK_EQ(hkp_ter_verify_end(v, &d), HKP_OK);
        CHECK_EQ(d.torn_bytes, (cut - signed_end) % 104);
        CHECK_EQ(d.kind, d.torn_bytes > 0 ? HKP_TER_VERDICT_TORN : HKP_TER_VERDICT_SOUND);
        CHECK_EQ(d.end_index, 448 + (cut - signed_end) / 104);
        hkp_ter_verify_free(v);
    }
    /* A tail longer than any crash leaves, and one with a checkpoint in it, are damage. */
    for (int k = 0; k < 2; k++) {
        struct hkp_ter_verdict d = {.struct_size = sizeof d};
        hkp_ter_verify *v = image_verify_new(&m, NULL, 0);
        hkp_ter_verify_segment(v, 0);
        image_segment(&m, 0, bytes);
        if (k == 0) memset(bytes + len, 1, 20000);
        if (k == 1) bytes[signed_end - 264 - 50] ^= 1;
        image_feed(v, bytes, k == 0 ? len + 20000 : len, &rnd);
        CHECK_EQ(hkp_ter_verify_end(v, &d), HKP_E_TER_LOG_CORRUPT);
        CHECK_EQ(d.kind, HKP_TER_VERDICT_DAMAGED);
        hkp_ter_verify_free(v);
    }
}

static void a_gap_that_no_checkpoint_owns_to_is_a_deletion(void) {
    for (int honest = 0; honest < 2; honest++) {
        struct device d = device;
        struct image m = {.n_segments = 1};
        uint8_t ter[64];
        device_begin(&d, 7);
        memcpy(m.node_id, d.node_id, 16);
        memcpy(m.device_public, d.public_key, 32);
        hkp_ter_cursor_init(&m.head[0], m.node_id, m.device_public);
        struct hkp_ter_cursor c = m.head[0];
        for (int i = 0; i < 5; i++) {
            device_ter(&d, &c, ter);
            CHECK_EQ(hkp_ter_cursor_accept(&c, ter, 64, NULL), HKP_OK);
        }
        m.records[0].type = HKP_TER_LOG_GAP;
        hkp_put_le64(m.records[0].body + 8, 5);
        memcpy(m.records[0].body + 24, c.h, 32);
        memcpy(m.records[0].body + 56, ter, 64);
        d.flags = honest ? HKP_TER_FLAG_GAP : 0;
        m.records[1].type = HKP_TER_LOG_TCK;
        device_tck(&d, &c, m.records[1].body);
        m.n = m.begin[1] = 2;
        struct hkp_ter_verdict verdict = image_verify(&m, NULL, &rnd);
        CHECK_EQ(verdict.kind, honest ? HKP_TER_VERDICT_SOUND : HKP_TER_VERDICT_DELETED);
        if (!honest) CHECK_EQ(verdict.count, 5);
    }
}

/* What is under no signature: said in NZ1 5.5, and shown here so that nobody thinks otherwise. */
static void boot_records_prove_nothing(void) {
    struct image m = whole;
    int i = pick_type(&m, HKP_TER_LOG_BOOT, last_tck(&m));
    m.records[i].body[3] ^= 1;
    struct hkp_ter_verdict d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_SOUND);
    m = whole;
    image_delete(&m, i, 1); /* but that there was one, the next checkpoint says */
    d = image_verify(&m, NULL, &rnd);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_DELETED);
    CHECK_EQ(d.record_type, HKP_TER_LOG_BOOT);
}

static void a_folder_and_a_file_are_verified_alike(void) {
    char path[128], file[200];
    struct hkp_ter_verify_options o;
    struct hkp_ter_diag diag = {0};
    struct hkp_ter_verdict d = {.struct_size = sizeof d};
    static uint8_t bytes[IMAGE_BYTES];
    folder_path(path, dir, "files");
    CHECK(mkdir(path, 0700) == 0);
    hkp_ter_verify_options_init(&o, sizeof o);
    memcpy(o.node_id, whole.node_id, 16);
    memcpy(o.device_public, whole.device_public, 32);
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_E_NOTFOUND);
    for (int s = 0; s < whole.n_segments; s++) {
        snprintf(file, sizeof file, "%s/ter-%020llu.log", path, (unsigned long long)whole.name[s]);
        file_put(file, bytes, image_segment(&whole, s, bytes));
    }
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_OK);
    CHECK(d.kind == HKP_TER_VERDICT_SOUND && d.end_index == 450);
    CHECK_EQ(hkp_ter_verify_path(file, &o, &d, &diag), HKP_OK); /* the last one alone */
    CHECK(d.kind == HKP_TER_VERDICT_SOUND && d.first_index == whole.name[2] && d.end_index == 450);
    o.held = whole.records[last_tck(&whole)].body;
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_OK);
    CHECK(unlink(file) == 0);
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_E_TER_LOG_CORRUPT);
    CHECK_EQ(d.kind, HKP_TER_VERDICT_TRUNCATED);
    CHECK_EQ(hkp_ter_verify_path(file, &o, &d, &diag), HKP_E_NOTFOUND);
    CHECK(strcmp(diag.path, file) == 0 || strstr(diag.path, file) != NULL);
    o.node_id[0] ^= 1;
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_E_TER_TCK_NODE);
    o.held = NULL;
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, &diag), HKP_E_TER_LOG_NODE);
    o.flags = 2;
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, NULL), HKP_E_INVAL);
}

static void every_allocation_of_a_verification_may_fail(void) {
    char path[128];
    folder_path(path, dir, "log");
    for (long budget = 0; budget < 10; budget++) {
        struct failing f = {.left = budget};
        struct hkp_ter_verify_options o;
        struct hkp_ter_verdict d = {.struct_size = sizeof d};
        hkp_ter_verify_options_init(&o, sizeof o);
        memcpy(o.node_id, whole.node_id, 16);
        memcpy(o.device_public, whole.device_public, 32);
        o.mem = failing_mem(&f);
        hkp_status st = hkp_ter_verify_path(path, &o, &d, NULL);
        CHECK_EQ(f.live, 0);
        if (st == HKP_OK) {
            CHECK_EQ(budget, 2);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
    }
    CHECK(0);
}

int main(void) {
    folder_make(dir);
    make_whole();
    rnd = check_seed();
    CASE(an_untouched_log_is_sound_whoever_holds_which_checkpoint);
    CASE(a_changed_bit_is_found_at_its_record);
    CASE(an_edited_record_with_a_right_checksum_is_named);
    CASE(deleted_records_are_counted);
    CASE(every_deleted_checkpoint_is_missed);
    CASE(an_inserted_record_is_named_be_it_forged_or_a_copy);
    CASE(records_that_changed_places_are_named);
    CASE(a_chain_made_anew_is_found_between_two_checkpoints);
    CASE(a_checkpoint_made_to_fit_has_no_signature);
    CASE(a_log_cut_below_a_checkpoint_that_somebody_holds_is_truncated);
    CASE(a_rewritten_end_is_shown_by_a_checkpoint_that_somebody_holds);
    CASE(two_signed_histories_are_a_fork);
    CASE(segments_that_are_missing_cut_or_exchanged_are_found);
    CASE(a_torn_tail_is_allowed_at_the_end_only_and_named);
    CASE(a_gap_that_no_checkpoint_owns_to_is_a_deletion);
    CASE(boot_records_prove_nothing);
    CASE(a_folder_and_a_file_are_verified_alike);
    CASE(every_allocation_of_a_verification_may_fail);
    folder_remove(dir);
    return check_done();
}
