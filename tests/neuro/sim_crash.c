/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Killed a thousand times while it logs and seals (NZ1 5.1, 5.3). A child keeps a log and the live snapshot
 * of a neural state and tells through a pipe what is durable; it is killed with SIGKILL at a random moment,
 * or before, in the midst of or after its n-th system call that writes. The parent holds it to what it told:
 * nothing acknowledged is lost or changed, no TER is shown that was not durable, no snapshot is ahead of the
 * log, and the state that the next start finds is the one that the log gives.
 *
 * HKP_KILLS=<n> sets how many; the default is 1,000.
 */
#include "libneuro/instance.h"
#include "libneuro/replay.h"

#include "../ter/logimage.h"
#include "../ter/syscalls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { GROUP = 8, SNAP_EVERY = 7, TCK_TERS = 16, TERS_MAX = 400, KILLS_A_FOLDER = 50, CALLS_MAX = 90 };

/* What the child tells. */
enum { TOLD_START = 1, TOLD_DURABLE = 2, TOLD_SNAPSHOT = 3, TOLD_FAULT = 4 };
struct told {
    uint32_t kind;
    uint32_t fault;
    uint64_t index;
    uint8_t h[32];
    uint8_t f[64];
};

static char dir[64], log_path[128], snap_path[160];
static struct device device;
static const uint8_t neural_seed[32] = {4, 2};

/* ---- Where the child dies ---- */

static long calls_left = -1;
static int die_after, die_partly;
static uint64_t child_rnd;

static void syscalls_step(enum syscalls_kind kind, int after) {
    (void)kind;
    if (calls_left < 0 || (after != 0) != (die_after != 0)) return;
    if (calls_left-- == 0) kill(getpid(), SIGKILL);
}

static size_t syscalls_partial(size_t len) {
    return calls_left >= 0 && die_partly && len > 1 ? 1 + check_random(&child_rnd) % (len - 1) : 0;
}

static void syscalls_told(enum syscalls_kind kind, ino_t inode, const char *name, const char *to,
                          uint64_t offset, const void *bytes, size_t len) {
    (void)kind, (void)inode, (void)name, (void)to, (void)offset, (void)bytes, (void)len;
}

/* ---- The child ---- */

struct child {
    int pipe;
    hkp_ter_log *log;
    struct hkp_neuro__core core;
    struct hkp_neuro__replica live;
    struct hkp_ter_log_pos seen;
    uint64_t told_durable;
    uint8_t snap[HKP_NEURO__SNAP_SIZE];
};

static void tell(const struct child *c, uint32_t kind, uint64_t index, uint32_t fault) {
    struct told t = {.kind = kind, .fault = fault, .index = index};
    struct hkp_ter_cursor cursor;
    hkp_ter_log_cursor(c->log, &cursor);
    memcpy(t.h, cursor.h, 32);
    if (kind == TOLD_START) hkp_neuro_state_fingerprint(c->live.state, t.f);
    if (write(c->pipe, &t, sizeof t) != sizeof t) _exit(3);
}

static void need(const struct child *c, int ok, uint32_t line) {
    if (ok) return;
    if (c->log != NULL) tell(c, TOLD_FAULT, 0, line);
    _exit(2);
}

static void core_make(struct hkp_neuro__core *core) {
    struct hkp_neuro_options o;
    hkp_neuro_options_init(&o, sizeof o);
    hkp_ter_system_rng(&o.rng);
    memcpy(o.owner_id, device.node_id, 16);
    memcpy(o.owner_public, device.public_key, 32);
    o.state_key[0] = 1;
    o.holder_id[0] = 99;
    if (hkp_neuro__core_init(core, &o, HKP_NEURO__SIDE_OWNER, 1) != HKP_OK) _exit(4);
}

/* State 0 and the cursor before TER 0. */
static void replica_begin(struct hkp_neuro__replica *r) {
    if (hkp_neuro_state_new(&r->state, NULL, 0) != HKP_OK) _exit(5);
    hkp_ter_cursor_init(&r->cursor, device.node_id, device.public_key);
    hkp_neuro_state_enrol(r->state, neural_seed, device.node_id, device.h_ref);
}

/* The live snapshot if it is whole and not ahead of the log, then the log from there (NZ1 5.3). */
static void load_state(struct child *c) {
    struct hkp_ter_cursor end;
    struct hkp_ter_log_pos pos;
    uint8_t bytes[8192];
    uint64_t generation;
    size_t len = 0, count;
    uint32_t sub;
    replica_begin(&c->live);
    hkp_ter_log_cursor(c->log, &end);
    if (hkp_ter_file_read(snap_path, 1, c->snap, sizeof c->snap, &len) == HKP_OK) {
        need(c,
             hkp_neuro__snap_read(&c->core, HKP_NEURO__SNAP_LIVE, c->snap, len, &generation, &c->live) ==
                 HKP_OK,
             __LINE__); /* replaced as a whole: never half of one */
        need(c, c->live.cursor.index <= end.index, __LINE__);
    }
    need(c, hkp_ter_log_seek(c->log, c->live.cursor.index, &pos) == HKP_OK, __LINE__);
    for (;;) {
        need(c, hkp_ter_log_read(c->log, &pos, 64, bytes, sizeof bytes, &len, &count) == HKP_OK, __LINE__);
        if (count == 0) break;
        struct hkp_ter_log_record r;
        for (size_t at = 0; at < len; at += r.size) {
            need(c, hkp_ter_log_record_decode(&r, bytes + at, len - at) == HKP_OK, __LINE__);
            if (r.type == HKP_TER_LOG_TER)
                need(c, hkp_neuro__replica_ter(&c->live, r.body, 64, &sub) == HKP_OK, __LINE__);
        }
    }
    need(c, c->live.cursor.index == end.index && memcmp(c->live.cursor.h, end.h, 32) == 0, __LINE__);
    c->seen = pos;
}

/* What a peer would be given now: nothing beyond what is durable. */
static void serve(struct child *c) {
    uint8_t bytes[8192];
    size_t len, count;
    need(c, hkp_ter_log_read(c->log, &c->seen, 64, bytes, sizeof bytes, &len, &count) == HKP_OK, __LINE__);
    need(c, c->seen.index <= hkp_ter_log_durable(c->log), __LINE__);
    if (hkp_ter_log_durable(c->log) == c->told_durable) return;
    c->told_durable = hkp_ter_log_durable(c->log);
    struct hkp_ter_cursor end;
    hkp_ter_log_cursor(c->log, &end);
    if (end.index == c->told_durable) tell(c, TOLD_DURABLE, end.index, 0);
}

static void seal(struct child *c) {
    need(c, hkp_ter_log_sync(c->log, 1) == HKP_OK, __LINE__); /* a snapshot depends on its TERs */
    serve(c);
    need(c, hkp_neuro__snap_write(&c->core, HKP_NEURO__SNAP_LIVE, 1, &c->live, c->snap) == HKP_OK, __LINE__);
    need(c, hkp_ter_file_write(snap_path, c->snap, sizeof c->snap) == HKP_OK, __LINE__);
    tell(c, TOLD_SNAPSHOT, c->live.cursor.index, 0);
}

static hkp_ter_log *open_groups(void) {
    struct hkp_ter_log_options o;
    hkp_ter_log *log = NULL;
    hkp_ter_log_options_init(&o, sizeof o);
    o.path = log_path;
    o.sync_records = GROUP;
    memcpy(o.node_id, device.node_id, 16);
    memcpy(o.device_public, device.public_key, 32);
    return hkp_ter_log_new(&log, &o, 1, 1700000000000000, NULL) == HKP_OK ? log : NULL;
}

static void child(int fd, uint64_t salt) {
    static struct child c;
    uint32_t sub;
    c.pipe = fd;
    core_make(&c.core);
    c.log = open_groups();
    if (c.log == NULL) _exit(6);
    device.has_tck = hkp_ter_log_last_tck(c.log, device.last_tck) == HKP_OK;
    device.flags = HKP_TER_FLAG_BOOT;
    device.salt = salt; /* what was lost is not made again as it was */
    load_state(&c);
    device.time_us = c.live.cursor.has_last ? hkp_le64(c.live.cursor.last_ter + 52) : device.time_us;
    c.told_durable = c.live.cursor.index;
    tell(&c, TOLD_START, c.live.cursor.index, 0);
    for (int i = 0; i < TERS_MAX; i++) {
        struct hkp_ter_cursor cursor;
        uint8_t ter[64];
        hkp_ter_log_cursor(c.log, &cursor);
        device_ter(&device, &cursor, ter);
        need(&c, hkp_ter_log_append_ter(c.log, 1, 1, ter) == HKP_OK, __LINE__);
        need(&c, hkp_neuro__replica_ter(&c.live, ter, 64, &sub) == HKP_OK, __LINE__);
        serve(&c);
        if ((cursor.index + 1) % TCK_TERS == 0) device_append_tck(&device, c.log);
        serve(&c);
        if ((cursor.index + 1) % SNAP_EVERY == 0) seal(&c);
    }
    for (;;) pause(); /* until the kill comes */
}

/* ---- The parent ---- */

struct parent {
    /** the replica at what was acknowledged last, and where the log goes on behind it */
    struct hkp_neuro__replica known;
    uint64_t offset;
    uint64_t snapshot;
    uint64_t acknowledged, torn, starts, in_midst;
    /** acknowledged, and not yet compared with the log */
    uint64_t told;
    uint8_t told_h[32];
};

static char segment_path[200];

/* The log's own bytes up to an index: they may not have changed, and they give the state. */
static void follow(struct parent *p, uint64_t index) {
    uint8_t bytes[HKP_TER_LOG_RECORD_MAX];
    struct hkp_ter_log_record r;
    uint32_t sub;
    int fd = open(segment_path, O_RDONLY);
    CHECK(fd >= 0);
    while (p->known.cursor.index < index) {
        ssize_t got = pread(fd, bytes, sizeof bytes, (off_t)p->offset);
        if (got <= 0 || hkp_ter_log_record_decode(&r, bytes, (size_t)got) != HKP_OK) {
            printf("# the log ends at %llu, %llu was acknowledged\n",
                   (unsigned long long)p->known.cursor.index, (unsigned long long)index);
            CHECK(0);
            break;
        }
        if (r.type == HKP_TER_LOG_TER) CHECK_EQ(hkp_neuro__replica_ter(&p->known, r.body, 64, &sub), HKP_OK);
        p->offset += r.size;
    }
    close(fd);
}

static void hear(struct parent *p, const struct told *t) {
    switch (t->kind) {
    case TOLD_START: {
        uint8_t f[64];
        CHECK(t->index >= p->known.cursor.index);
        CHECK(t->index >= p->snapshot);
        follow(p, t->index); /* found again is durable: it was synced before anything was built on it */
        CHECK_MEM(p->known.cursor.h, t->h, 32);
        hkp_neuro_state_fingerprint(p->known.state, f);
        CHECK_MEM(f, t->f, 64);
        p->starts++;
        break;
    }
    case TOLD_DURABLE:
        CHECK(t->index >= p->told);
        p->told = t->index;
        memcpy(p->told_h, t->h, 32);
        p->acknowledged++;
        break;
    case TOLD_SNAPSHOT:
        CHECK(t->index <= p->told || t->index <= p->known.cursor.index);
        p->snapshot = t->index;
        break;
    default:
        printf("# the child found a fault at line %u\n", t->fault);
        CHECK(0);
        break;
    }
}

/* All that the child told before it died; kills it at its time. */
static void listen_until(struct parent *p, int fd, pid_t pid, int kill_ms) {
    struct told t;
    size_t have = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    const uint64_t end = kill_ms < 0 ? UINT64_MAX : (uint64_t)kill_ms;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    int killed = 0;
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &b);
        const uint64_t us =
            (uint64_t)(b.tv_sec - a.tv_sec) * 1000000 + (uint64_t)(b.tv_nsec / 1000 - a.tv_nsec / 1000);
        if (!killed && (us / 100 >= end || us > 20000000)) {
            kill(pid, SIGKILL);
            killed = 1;
        }
        if (poll(&wait, 1, killed ? -1 : 1) <= 0) continue;
        ssize_t n = read(fd, (uint8_t *)&t + have, sizeof t - have);
        if (n <= 0) break;
        have += (size_t)n;
        if (have < sizeof t) continue;
        have = 0;
        hear(p, &t);
    }
}

static void check_after(struct parent *p) {
    struct hkp_ter_verify_options o;
    struct hkp_ter_verdict d = {.struct_size = sizeof d};
    if (p->told > p->known.cursor.index) {
        follow(p, p->told);
        CHECK_MEM(p->known.cursor.h, p->told_h, 32);
    }
    if (p->starts == 0) return; /* killed before there was a log */
    hkp_ter_verify_options_init(&o, sizeof o);
    memcpy(o.node_id, device.node_id, 16);
    memcpy(o.device_public, device.public_key, 32);
    if (p->starts % 10 != 0) return; /* it reads all of it */
    CHECK_EQ(hkp_ter_verify_path(log_path, &o, &d, NULL), HKP_OK);
    CHECK(d.end_index >= p->known.cursor.index);
    p->torn += d.kind == HKP_TER_VERDICT_TORN;
}

static void one_kill(struct parent *p, uint64_t *rnd, int number) {
    int fds[2], status = 0;
    const int by_time = number % 2;
    const int kill_ms = by_time ? (int)(check_random(rnd) % 60) : -1; /* tenths */
    const long calls = (long)(check_random(rnd) % CALLS_MAX);
    if (pipe(fds) != 0) exit(1);
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child_rnd = (uint64_t)number + 1;
        die_partly = number % 4 == 2;
        die_after = number % 8 == 0;
        calls_left = by_time ? -1 : calls;
        child(fds[1], (uint64_t)number + 1);
        _exit(0);
    }
    close(fds[1]);
    listen_until(p, fds[0], pid, kill_ms);
    close(fds[0]);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) printf("# status %x\n", (unsigned)status);
    check_after(p);
}

static void a_thousand_kills_lose_nothing_acknowledged_and_claim_nothing_else(void) {
    uint64_t rnd = check_seed(), acknowledged = 0, starts = 0, ters = 0;
    const char *given = getenv("HKP_KILLS");
    const int kills = given != NULL ? atoi(given) : 1000;
    for (int done = 0; done < kills;) {
        struct parent p = {.offset = HKP_TER_LOG_HEAD_SIZE};
        int before = check_faults;
        folder_remove(dir);
        CHECK(mkdir(dir, 0700) == 0);
        device_begin(&device, 5);
        replica_begin(&p.known);
        for (int i = 0; i < KILLS_A_FOLDER && done < kills && check_faults < before + 10; i++, done++)
            one_kill(&p, &rnd, done);
        acknowledged += p.acknowledged;
        starts += p.starts;
        ters += p.known.cursor.index;
        hkp_neuro_state_free(p.known.state);
        CHECK_NOTE(before, "up to kill %d", done);
        if (check_faults != before) break;
    }
    printf("# %d kills, %llu starts that went through, %llu acknowledgements, %llu TERs kept\n", kills,
           (unsigned long long)starts, (unsigned long long)acknowledged, (unsigned long long)ters);
    CHECK(starts > (uint64_t)kills / 4 && acknowledged > (uint64_t)kills / 2);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    folder_make(dir);
    folder_path(log_path, dir, "ter");
    snprintf(snap_path, sizeof snap_path, "%s/live", dir);
    snprintf(segment_path, sizeof segment_path, "%s/ter-%020d.log", log_path, 0);
    CASE(a_thousand_kills_lose_nothing_acknowledged_and_claim_nothing_else);
    folder_remove(dir);
    return check_done();
}
