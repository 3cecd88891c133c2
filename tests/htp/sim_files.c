/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Files in both directions over a network that loses a tenth, reorders and delays, while sessions end and
 * begin: what is told to be done is there, whole, once. Each run is made twice and must be the same.
 */
#include "files_pair.h"

enum { QUEUE = 8192, JOBS = 24, LEFT = 0, RIGHT = 1 };

struct flying {
    hkp_time at;
    uint64_t order;
    uint8_t to_e;
    size_t len;
    uint8_t bytes[HKP_HTP_DATAGRAM_MAX];
};

struct job {
    uint32_t op;
    uint8_t *bytes;
    size_t len;
    uint64_t number;
    char there[24], here[24];
};

struct sim {
    struct files_pair *fp;
    uint64_t random, order;
    unsigned loss;
    hkp_time delay, jitter;
    struct job jobs[2][JOBS];
    unsigned losses;
    size_t count;
    struct flying queue[QUEUE];
};

static void flush(struct sim *s, int from_e) {
    struct flying f = {.to_e = (uint8_t)!from_e};
    while ((f.len = pair_pull(&s->fp->p, from_e, f.bytes)) > 0) {
        for (size_t i = 0; i < f.len; i++) s->fp->trace = s->fp->trace * 131 + f.bytes[i];
        if (check_random(&s->random) % 1000 < s->loss || s->count == QUEUE) continue;
        f.at = s->fp->p.now + s->delay + check_random(&s->random) % s->jitter;
        f.order = s->order++;
        s->queue[s->count++] = f;
    }
}

static size_t first_of(const struct sim *s) {
    size_t first = s->count;
    for (size_t i = 0; i < s->count; i++)
        if (first == s->count || s->queue[i].at < s->queue[first].at ||
            (s->queue[i].at == s->queue[first].at && s->queue[i].order < s->queue[first].order))
            first = i;
    return first;
}

/* One arrival or timer. */
static void one(struct sim *s) {
    struct files_pair *fp = s->fp;
    fp_serve(fp);
    flush(s, 1);
    flush(s, 0);
    const size_t i = first_of(s);
    const hkp_time soon = fp->p.now + HKP_HTP__SEC / 4, at = fp_wake(fp), wake = at < soon ? at : soon;
    if (i < s->count && s->queue[i].at <= wake) {
        struct flying f = s->queue[i];
        s->queue[i] = s->queue[--s->count];
        fp_advance(fp, f.at);
        (void)pair_give(&fp->p, f.to_e, f.bytes, f.len);
        return;
    }
    fp_advance(fp, wake <= fp->p.now ? fp->p.now + HKP_HTP__MS : wake);
}

static void add_job(struct sim *s, int side, int i) {
    static const uint32_t ops[] = {HKP_HTP_FILE_CREATE, HKP_HTP_FILE_READ, HKP_HTP_FILE_UPDATE};
    struct job *j = &s->jobs[side][i];
    struct files_pair *fp = s->fp;
    const uint64_t r = check_random(&s->random);
    j->op = ops[r % 3];
    j->len = r / 4 % 3 == 0 ? r / 16 % 300000 : r / 16 % 10000;
    j->bytes = fp_bytes(j->len, r);
    if (r & 1)
        for (size_t k = 0; k < j->len; k++) j->bytes[k] &= 3; /* it compresses */
    snprintf(j->here, sizeof j->here, "h%d.log", i);
    snprintf(j->there, sizeof j->there, "%c%d.log", side ? 'v' : 'e', i);
    struct hkp_htp_file_request q = fp_request(fp, side, j->op, j->there, j->here);
    q.flags = (r >> 40 & 1 ? HKP_HTP_FILE_COMPRESSED : 0) | (r >> 41 & 1 ? HKP_HTP_FILE_VERIFY_HASH : 0);
    q.chunk_size = 1024U << (r >> 42) % 7;
    const int get = j->op == HKP_HTP_FILE_READ;
    mem_write(&fp->side[get ? !side : side].store, get ? j->there : j->here, j->bytes, j->len);
    if (j->op == HKP_HTP_FILE_UPDATE) mem_write(&fp->side[!side].store, j->there, "old", 3);
    if (j->op == HKP_HTP_FILE_UPDATE && (r >> 50 & 1)) q.flags |= HKP_HTP_FILE_APPEND;
    j->number = fp_start(fp, side, &q);
    if ((q.flags & HKP_HTP_FILE_APPEND) != 0) j->op = 0; /* judged on its own below */
}

static const struct hkp_htp_file_event *end_of(const struct fp_side *s, uint64_t number) {
    for (size_t i = 0; i < s->ended; i++)
        if (s->ends[i].transfer == number && !s->ends[i].served) return &s->ends[i];
    return NULL;
}

static void check_append(struct sim *s, int side, const struct job *j, uint32_t code) {
    uint8_t *both = malloc(j->len + 3);
    memcpy(both, "old", 3);
    memcpy(both + 3, j->bytes, j->len);
    struct mem_store *there = &s->fp->side[!side].store;
    const int done = mem_has(there, j->there, both, j->len + 3),
              not_done = mem_has(there, j->there, "old", 3);
    CHECK(code == HKP_HTP_FILE_OK ? done : code == HKP_HTP_FILE_TRANSFER_FAILED && (done || not_done));
    free(both);
}

static void check_job(struct sim *s, int side, struct job *j) {
    const struct hkp_htp_file_event *e = end_of(&s->fp->side[side], j->number);
    const int get = j->op == HKP_HTP_FILE_READ, before = check_faults;
    CHECK(e != NULL);
    if (e != NULL && j->op == 0) {
        check_append(s, side, j, e->code);
    } else if (e != NULL) {
        CHECK_EQ(e->code, HKP_HTP_FILE_OK);
        CHECK(mem_has(&s->fp->side[get ? side : !side].store, get ? j->here : j->there, j->bytes, j->len));
    }
    CHECK_NOTE(before, "side %d, %s of %zu bytes, code %d", side, j->there, j->len, e != NULL ? e->code : -1);
    free(j->bytes);
}

static int all_ended(const struct sim *s) {
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < JOBS; i++)
            if (end_of(&s->fp->side[side], s->jobs[side][i].number) == NULL) return 0;
    return 1;
}

static struct sim *sim_new(uint64_t seed, unsigned loss) {
    struct sim *s = calloc(1, sizeof *s);
    s->fp = fp_new_quietly();
    s->fp->p.rng_e.seed = seed + 1;
    s->fp->p.rng_v.seed = seed + 2;
    s->random = seed;
    s->loss = loss;
    s->delay = 15 * HKP_HTP__MS;
    s->jitter = 8 * HKP_HTP__MS;
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_files_options o;
        hkp_htp_files_options_init(&o, sizeof o);
        o.resume_from = 50000;
        fp_files(s->fp, i, &o);
        fp_grant(s->fp, i, 127);
        s->fp->side[i].store.lazy = 1;
    }
    return s;
}

/* The session ends, now and then; E comes back when it notices. */
static void trouble(struct sim *s, hkp_time *next, hkp_time *connect) {
    struct files_pair *fp = s->fp;
    if (fp->p.now >= *next && s->losses > 0) {
        const int side = (int)(check_random(&s->random) % 2);
        if (fp->side[side].session != 0) {
            CHECK_EQ(hkp_htp_session_close(fp->side[side].ep, fp->p.now, fp->side[side].session,
                                           HKP_HTP_REASON_DONE),
                     HKP_OK);
            s->losses--;
        }
        *next = fp->p.now + (1 + check_random(&s->random) % 4) * HKP_HTP__SEC;
    }
    if (fp->side[LEFT].session == 0 && fp->p.now >= *connect) {
        (void)pair_connect(&fp->p);
        *connect = fp->p.now + 3 * HKP_HTP__SEC;
    }
}

/* The trace of a whole run. */
static uint64_t run(uint64_t seed, unsigned loss, unsigned losses) {
    struct sim *s = sim_new(seed, loss);
    struct files_pair *fp = s->fp;
    hkp_time next = fp->p.now + 2 * HKP_HTP__SEC, connect = 0;
    s->losses = losses;
    const hkp_time end = fp->p.now + 3600 * HKP_HTP__SEC;
    while (fp->side[LEFT].session == 0 || fp->side[RIGHT].session == 0) {
        trouble(s, &next, &connect);
        one(s);
        if (fp->p.now > end) break;
    }
    for (int i = 0; i < JOBS; i++)
        for (int side = 0; side < 2; side++) add_job(s, side, i);
    while (!all_ended(s) && fp->p.now < end) {
        trouble(s, &next, &connect);
        one(s);
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < JOBS; i++) check_job(s, side, &s->jobs[side][i]);
    const uint64_t trace = fp->trace;
    fp_free(fp);
    free(s);
    return trace;
}

static void twice(uint64_t seed, unsigned loss, unsigned losses) {
    const int before = check_faults;
    const uint64_t first = run(seed, loss, losses);
    CHECK(run(seed, loss, losses) == first);
    CHECK_NOTE(before, "seed %llu", (unsigned long long)seed);
}

static void files_come_through_a_tenth_of_loss(void) { twice(check_seed() * 1000, 100, 0); }

static void files_come_through_sessions_that_end(void) {
    for (unsigned i = 1; i < 4; i++) twice(check_seed() * 1000 + i, 20, 4);
}

static void files_come_through_both(void) { twice(check_seed() * 1000 + 7, 100, 3); }

int main(void) {
    CASE(files_come_through_a_tenth_of_loss);
    CASE(files_come_through_sessions_that_end);
    CASE(files_come_through_both);
    return check_done();
}
