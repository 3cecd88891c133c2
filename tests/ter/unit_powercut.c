/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The power goes (NZ1 5.1, 5.2). A kill keeps what the kernel has in memory; this does not: all that the log
 * writes is recorded, and a disk is made from it as it may be found after a cut at any moment. What was
 * synced is there; of what was written since, any set of blocks is; of new names, as many as the folder had
 * taken down. From each such disk the log is opened: nothing that was durable may be gone, and it goes on.
 */
#include "logimage.h"
#include "syscalls.h"

enum { OPS = 4000, INODES = 64, FILE_MAX = 60000, BLOCK = 512, NAMES = 64, START = 65480, ENOUGH = 130 };

struct op {
    enum syscalls_kind kind;
    ino_t inode;
    uint64_t offset;
    size_t len;
    uint8_t *bytes;
    char name[40], to[40];
    /** what the log called durable when this was done */
    uint64_t durable;
};

static struct op ops[OPS];
static int n_ops, recording;
static uint64_t durable;
static uint64_t rnd;
static char dir[64];
static struct device device;
static uint8_t ters[ENOUGH + 1][64];

static void syscalls_step(enum syscalls_kind kind, int after) {
    (void)kind;
    (void)after;
}
static size_t syscalls_partial(size_t len) {
    (void)len;
    return 0;
}

static void syscalls_told(enum syscalls_kind kind, ino_t inode, const char *name, const char *to,
                          uint64_t offset, const void *bytes, size_t len) {
    if (!recording) return;
    if (n_ops == OPS) exit(1);
    struct op *op = &ops[n_ops++];
    *op = (struct op){.kind = kind, .inode = inode, .offset = offset, .len = len, .durable = durable};
    if (name != NULL) snprintf(op->name, sizeof op->name, "%s", name);
    if (to != NULL) snprintf(op->to, sizeof op->to, "%s", to);
    if (len == 0) return;
    op->bytes = malloc(len);
    memcpy(op->bytes, bytes, len);
}

/* ---- The session that is cut ---- */

/* A log that begins shortly before the end of a segment: TERs 0..START-1 are a gap. */
static void append_gap(hkp_ter_log *log) {
    uint8_t body[120] = {0}, ter[64];
    struct hkp_ter_cursor c = {.index = START - 1};
    device_ter(&device, &c, ter);
    hkp_put_le64(body + 8, START);
    memset(body + 24, 7, 32);
    memcpy(body + 56, ter, 64);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_GAP, body, sizeof body), HKP_OK);
    device.flags |= HKP_TER_FLAG_GAP;
}

static hkp_ter_log *open_small_groups(const char *path, hkp_status want) {
    struct hkp_ter_log_options o;
    hkp_ter_log *log = NULL;
    struct hkp_ter_diag diag = {0};
    hkp_ter_log_options_init(&o, sizeof o);
    o.path = path;
    o.sync_records = 7;
    memcpy(o.node_id, device.node_id, 16);
    memcpy(o.device_public, device.public_key, 32);
    hkp_status st = hkp_ter_log_new(&log, &o, 1, 1700000000000000, &diag);
    CHECK_EQ(st, want);
    if (st != HKP_OK) printf("# %s at %llu: %s\n", diag.path, (unsigned long long)diag.offset, diag.reason);
    device.flags |= HKP_TER_FLAG_BOOT;
    return log;
}

static void run(hkp_ter_log *log, int n) {
    for (int i = 0; i < n; i++) {
        struct hkp_ter_cursor c;
        uint8_t ter[64];
        hkp_ter_log_cursor(log, &c);
        device_ter(&device, &c, ter);
        if (c.index - START <= ENOUGH) memcpy(ters[c.index - START], ter, 64);
        CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_OK);
        durable = hkp_ter_log_durable(log);
        if ((c.index + 1) % 16 == 0) device_append_tck(&device, log);
        durable = hkp_ter_log_durable(log);
    }
}

static void record_session(const char *path) {
    device_begin(&device, 9);
    recording = 1;
    hkp_ter_log *log = open_small_groups(path, HKP_OK);
    append_gap(log);
    run(log, 43);
    hkp_ter_log_free(log);
    log = open_small_groups(path, HKP_OK);
    run(log, 57); /* over the end of the segment */
    CHECK_EQ(hkp_ter_log_trim(log, HKP_TER_SEG_TERS), HKP_OK);
    run(log, 30);
    hkp_ter_log_free(log);
    recording = 0;
}

/* ---- The disk afterwards ---- */

struct inode {
    ino_t inode;
    size_t len;
    uint8_t bytes[FILE_MAX];
};

static struct inode inodes[INODES];
static int n_inodes;

static struct inode *inode_of(ino_t inode) {
    for (int i = 0; i < n_inodes; i++)
        if (inodes[i].inode == inode) return &inodes[i];
    if (n_inodes == INODES) exit(1);
    memset(&inodes[n_inodes], 0, sizeof inodes[0]);
    inodes[n_inodes].inode = inode;
    return &inodes[n_inodes++];
}

static void write_part(struct inode *f, const struct op *op, uint64_t from, uint64_t to) {
    if (to > FILE_MAX) exit(1);
    memcpy(f->bytes + from, op->bytes + (from - op->offset), to - from);
}

/* A write that was not synced: each block of it by itself; the length may have grown without any. */
static void write_loose(struct inode *f, const struct op *op, int mode) {
    uint64_t end = op->offset + op->len;
    for (uint64_t at = op->offset; at < end;) {
        uint64_t next = (at / BLOCK + 1) * BLOCK;
        if (next > end) next = end;
        int keep = mode == 0 ? 0 : mode == 1 ? 1 : (int)(check_random(&rnd) % 2);
        if (keep) write_part(f, op, at, next);
        if ((keep || mode == 3) && next > f->len) f->len = next;
        at = next;
    }
}

static int synced_later(int i, int cut) {
    for (int k = i + 1; k < cut; k++)
        if (ops[k].kind == SYS_SYNC && ops[k].inode == ops[i].inode) return 1;
    return 0;
}

/* Contents after the first `cut` operations. mode: 0 none, 1 all, 2 and 3 some of what was not synced. */
static void make_contents(int cut, int mode) {
    n_inodes = 0;
    for (int i = 0; i < cut; i++) {
        const struct op *op = &ops[i];
        if (op->kind != SYS_WRITE && op->kind != SYS_CUT && op->kind != SYS_CREATE) continue;
        struct inode *f = inode_of(op->inode);
        int settled = synced_later(i, cut);
        if (op->kind == SYS_CREATE && op->offset != 0) f->len = 0;
        if (op->kind == SYS_CUT && (settled || mode == 1 || check_random(&rnd) % 2)) {
            memset(f->bytes + op->offset, 0, FILE_MAX - op->offset);
            f->len = op->offset;
        }
        if (op->kind == SYS_WRITE && settled) {
            write_part(f, op, op->offset, op->offset + op->len);
            if (op->offset + op->len > f->len) f->len = op->offset + op->len;
        } else if (op->kind == SYS_WRITE) {
            write_loose(f, op, mode);
        }
    }
}

/* The names: all that a sync of the folder took down, and of those since the first few. */
static void make_folder(int cut, int mode, const char *path) {
    struct {
        char name[40];
        ino_t inode;
    } names[NAMES] = {{{0}, 0}};
    int n = 0, last_sync = 0;
    for (int i = 0; i < cut; i++)
        if (ops[i].kind == SYS_SYNC_FOLDER) last_sync = i;
    int until = mode == 0   ? last_sync
                : mode == 1 ? cut
                            : last_sync + (int)(check_random(&rnd) % (uint64_t)(cut - last_sync + 1));
    for (int i = 0; i < until; i++) {
        const struct op *op = &ops[i];
        int k = 0;
        const char *name = op->kind == SYS_RENAME ? op->to : op->name;
        if (op->kind != SYS_CREATE && op->kind != SYS_RENAME && op->kind != SYS_UNLINK) continue;
        if (strcmp(name, "lock") == 0) continue;
        ino_t inode = op->inode;
        for (int m = 0; m < n && op->kind == SYS_RENAME; m++)
            if (strcmp(names[m].name, op->name) == 0) {
                inode = names[m].inode;
                names[m] = names[--n];
            }
        while (k < n && strcmp(names[k].name, name) != 0) k++;
        if (op->kind == SYS_UNLINK) {
            if (k < n) names[k] = names[--n];
            continue;
        }
        if (k == n) n++;
        if (n > NAMES) exit(1);
        snprintf(names[k].name, sizeof names[k].name, "%s", name);
        names[k].inode = inode;
    }
    folder_remove(path);
    CHECK(mkdir(path, 0700) == 0);
    for (int k = 0; k < n; k++) {
        char file[4096];
        struct inode *f = inode_of(names[k].inode);
        CHECK(snprintf(file, sizeof file, "%s/%s", path, names[k].name) < (int)sizeof file);
        file_put(file, f->bytes, f->len);
    }
}

/* ---- And then ---- */

static void check_ters(const hkp_ter_log *log, uint64_t from, uint64_t until) {
    uint8_t bytes[HKP_TER_LOG_RECORD_MAX];
    struct hkp_ter_log_pos pos;
    struct hkp_ter_log_record r;
    size_t len, count;
    if (from < START) from = START;
    if (from >= until) return;
    CHECK_EQ(hkp_ter_log_seek(log, from, &pos), HKP_OK);
    while (pos.index < until) {
        const uint64_t index = pos.index;
        if (hkp_ter_log_read(log, &pos, 1, bytes, sizeof bytes, &len, &count) != HKP_OK || count == 0) {
            CHECK(0);
            return;
        }
        CHECK_EQ(hkp_ter_log_record_decode(&r, bytes, len), HKP_OK);
        if (r.type == HKP_TER_LOG_TER) CHECK_MEM(r.body, ters[index - START], 64);
    }
}

static void verify_folder(const char *path) {
    struct hkp_ter_verify_options o;
    struct hkp_ter_verdict d = {.struct_size = sizeof d};
    hkp_ter_verify_options_init(&o, sizeof o);
    memcpy(o.node_id, device.node_id, 16);
    memcpy(o.device_public, device.public_key, 32);
    CHECK_EQ(hkp_ter_verify_path(path, &o, &d, NULL), HKP_OK);
    if (d.kind > HKP_TER_VERDICT_TORN) printf("# %s\n", d.reason);
}

static void cut_at(int cut, int mode, const char *path) {
    int before = check_faults;
    uint64_t acknowledged = cut > 0 ? ops[cut - 1].durable : 0;
    make_contents(cut, mode);
    make_folder(cut, mode, path);
    const struct device was = device;
    hkp_ter_log *log = open_small_groups(path, HKP_OK);
    if (log != NULL) {
        struct hkp_ter_log_state state = {.struct_size = sizeof state};
        CHECK_EQ(hkp_ter_log_info(log, &state), HKP_OK);
        CHECK(state.index >= acknowledged || acknowledged < START);
        CHECK_EQ(state.durable_index, state.index);
        check_ters(log, state.first_index, state.index);
        device.has_tck = hkp_ter_log_last_tck(log, device.last_tck) == HKP_OK;
        if (!device.has_tck && state.index >= START) device.flags |= HKP_TER_FLAG_GAP;
        device.salt = 1; /* not the TERs that may have been lost */
        if (state.index == 0) append_gap(log);
        if (state.index >= START) run(log, 3);
        hkp_ter_log_free(log);
        memcpy(device.last_tck, was.last_tck, 256);
        verify_folder(path);
    }
    device = was;
    CHECK_NOTE(before, "cut after operation %d, mode %d, %llu acknowledged", cut, mode,
               (unsigned long long)acknowledged);
}

static void a_power_cut_at_any_moment_loses_nothing_that_was_durable(void) {
    char path[128], after[128];
    static uint8_t keep[ENOUGH + 1][64];
    folder_path(path, dir, "session");
    folder_path(after, dir, "after");
    record_session(path);
    memcpy(keep, ters, sizeof keep);
    for (int cut = 0; cut <= n_ops; cut++)
        for (int mode = 0; mode < 4; mode++) {
            cut_at(cut, mode, after);
            memcpy(ters, keep, sizeof keep);
            if (check_faults > 20) return;
        }
    printf("# %d operations, %d disks\n", n_ops, 4 * (n_ops + 1));
}

/* The test itself has to be able to fail: a log that called a TER durable before its sync would. */
static void a_claim_before_the_sync_would_be_seen(void) {
    char after[128];
    folder_path(after, dir, "after");
    int lost = 0;
    for (int cut = 1; cut <= n_ops && !lost; cut++) {
        if (ops[cut - 1].kind != SYS_WRITE || ops[cut - 1].durable < START) continue;
        make_contents(cut, 0);
        make_folder(cut, 0, after);
        const struct device was = device;
        hkp_ter_log *log = open_small_groups(after, HKP_OK);
        if (log != NULL) {
            struct hkp_ter_cursor c;
            hkp_ter_log_cursor(log, &c);
            lost = c.index <= ops[cut - 1].durable; /* the TER just written is not there */
            hkp_ter_log_free(log);
        }
        device = was;
    }
    CHECK(lost);
}

int main(void) {
    folder_make(dir);
    rnd = check_seed();
    CASE(a_power_cut_at_any_moment_loses_nothing_that_was_durable);
    CASE(a_claim_before_the_sync_would_be_seen);
    for (int i = 0; i < n_ops; i++) free(ops[i].bytes);
    folder_remove(dir);
    return check_done();
}
