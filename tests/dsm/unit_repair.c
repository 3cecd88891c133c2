/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A damaged database under a real node (D-STO-10): found at the start, repaired, and what is missing fetched
 * from the other node of a mesh of two; both have their store in files.
 */
#include <hookprobe/dsm.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "sim.h"

static struct sim_mesh mesh;
static char top[64];
static hkp_time now;
static uint64_t random_state = 7;
/** D-STO-8, 0: defaults */
static uint64_t keep_s;

/* One of the two. */
struct side {
    char dir[80];
    hkp_dsm_store *store;
    hkp_dsm_node *node;
    uint64_t lost, healed, told, damaged;
    hkp_status proof;
    size_t proof_len;
    uint8_t proof_bytes[32768];
};
static struct side sides[2];

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *state = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(state);
    return 0;
}

static uint64_t wall_us(void) { return mesh.time_s * 1000000 + now / 1000; }

static void fact(struct side *s, const struct hkp_dsm_event *ev) {
    s->lost += ev->kind == HKP_DSM_EV_LOST;
    s->healed += ev->kind == HKP_DSM_EV_HEALED;
    s->told += ev->kind == HKP_DSM_EV_BLOCK;
    s->damaged += ev->kind == HKP_DSM_EV_DAMAGED;
    if (ev->kind != HKP_DSM_EV_PROOF) return;
    s->proof = ev->status;
    s->proof_len = ev->data_len <= sizeof s->proof_bytes ? ev->data_len : 0;
    if (s->proof_len > 0) memcpy(s->proof_bytes, ev->data, s->proof_len);
}

static int drain(struct side *s) {
    struct hkp_dsm_event ev;
    int any = 0;
    while (hkp_dsm_event(s->node, &ev) == HKP_OK) {
        any = 1;
        if (ev.kind > HKP_DSM_EV_STORE_DROP)
            fact(s, &ev);
        else
            CHECK(hkp_dsm_store_apply(s->store, s->node, now, &ev) == HKP_OK || s->damaged > 0);
    }
    CHECK(hkp_dsm_store_commit(s->store, s->node, now) == HKP_OK || s->damaged > 0);
    return any;
}

/* Store, messages and time of both until nothing happens at this moment. */
static void turn(void) {
    for (int any = 1, round = 0; any && round < 60; round++) {
        any = 0;
        for (int i = 0; i < 2; i++) {
            struct side *s = &sides[i], *other = &sides[1 - i];
            uint8_t peer[16];
            uint32_t lane;
            const uint8_t *msg;
            size_t len;
            if (s->node == NULL) continue;
            any |= drain(s);
            while (hkp_dsm_send(s->node, peer, &lane, &msg, &len) == HKP_OK) {
                any = 1;
                if (other->node == NULL) continue;
                hkp_status st = hkp_dsm_recv(other->node, now, wall_us(), mesh.node_id[i], lane, msg, len);
                (void)st;
            }
            if (hkp_dsm_wake(s->node) > now) continue;
            hkp_status st = hkp_dsm_tick(s->node, now, wall_us());
            (void)st;
        }
    }
}

static void run(uint64_t ms) {
    for (uint64_t end = now + ms * SIM_MS; now < end; now += 10 * SIM_MS) turn();
}

static void start_quietly(int i) {
    struct side *s = &sides[i];
    struct hkp_dsm_node_options o;
    struct hkp_dsm_store_fault fault = {.offset = 0};
    CHECK_EQ(hkp_dsm_store_open(&s->store, s->dir, 1, &fault), HKP_OK);
    if (fault.what[0] != 0) printf("# %s\n", fault.what);
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = mesh.genesis;
    o.genesis_len = mesh.genesis_len;
    o.certificate = mesh.certificate[i];
    o.certificate_len = mesh.certificate_len[i];
    o.secret = mesh.secret[i];
    o.t_cp_ns = HKP_DSM_T_CP_NONE;
    o.keep_blocks_s = o.keep_headers_s = keep_s;
    o.pool_bytes = (size_t)8 << 20;
    o.heads_max = 16;
    o.peers_max = 2;
    CHECK_EQ(hkp_dsm_node_new(&s->node, &o, now), HKP_OK);
    hkp_dsm_clock_state(s->node, 1);
    CHECK_EQ(hkp_dsm_node_start(s->node, now, wall_us()), HKP_OK);
    drain(s);
    if (s->damaged > 0) return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(hkp_dsm_node_add_certificate(s->node, now, wall_us(), mesh.certificate[k],
                                              mesh.certificate_len[k]),
                 HKP_OK);
    if (sides[1 - i].node == NULL) return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(hkp_dsm_peer_up(sides[k].node, now, mesh.node_id[1 - k], HKP_DSM_LANES_ALL), HKP_OK);
    run(1000);
}

static void start(int i) {
    start_quietly(i);
    CHECK_EQ(sides[i].damaged, 0);
}

static void stop(int i) {
    struct side *s = &sides[i], *other = &sides[1 - i];
    hkp_dsm_node_free(s->node);
    hkp_dsm_store_close(s->store);
    s->node = NULL;
    s->store = NULL;
    if (other->node == NULL) return;
    CHECK_EQ(hkp_dsm_peer_down(other->node, now, mesh.node_id[i]), HKP_OK);
}

static void stop_if_up(int i) {
    if (sides[i].node != NULL) stop(i);
}

/* Both have `blocks` final blocks of node 0, each with a text to be found in the file, and some of node 1. */
static void begin(int blocks) {
    snprintf(top, sizeof top, "/tmp/dsm-repair-test-XXXXXX");
    CHECK(mkdtemp(top) != NULL);
    now = SIM_S;
    for (int i = 0; i < 2; i++) {
        memset(&sides[i], 0, sizeof sides[i]);
        snprintf(sides[i].dir, sizeof sides[i].dir, "%s/%d", top, i);
        CHECK_EQ(mkdir(sides[i].dir, 0700), 0);
    }
    start(0);
    start(1);
    for (int k = 0; k < blocks; k++) {
        char text[64];
        uint64_t seq = 0;
        snprintf(text, sizeof text, "content of block %03d that stands in a page of the file", k + 1);
        CHECK_EQ(
            hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)text, strlen(text), NULL, &seq),
            HKP_OK);
        if (k % 4 == 0)
            CHECK_EQ(hkp_dsm_submit(sides[1].node, now, wall_us(), 1, (const uint8_t *)"x", 1, NULL, &seq),
                     HKP_OK);
        run(100);
    }
    run(500);
}

static void end(void) {
    for (int i = 0; i < 2; i++)
        if (sides[i].node != NULL) stop(i);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static hkp_status prove(int i, uint64_t seq) {
    uint64_t ticket = 0;
    struct side *s = &sides[i];
    s->proof = HKP_E_STATE;
    CHECK_EQ(hkp_dsm_prove(s->node, now, mesh.node_id[0], seq, -1, 0, &ticket), HKP_OK);
    for (int k = 0; k < 8; k++) drain(s);
    return s->proof;
}

static void proves_all(int i, int blocks) {
    struct hkp_dsm_node_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &status), HKP_OK);
    for (int seq = 1; seq <= blocks; seq++) {
        struct hkp_dsm_trust trust = {.epoch = 0};
        struct hkp_dsm_proof proof = {0};
        int before = check_faults;
        CHECK_EQ(prove(i, (uint64_t)seq), HKP_OK);
        CHECK_EQ(hkp_dsm_node_trust(sides[i].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
        CHECK_EQ(hkp_dsm_proof_verify(sides[i].proof_bytes, sides[i].proof_len, status.chain_id, &trust, 1, 0,
                                      &proof),
                 HKP_OK);
        CHECK_EQ(proof.seq, (uint64_t)seq);
        CHECK_NOTE(before, "block %d", seq);
    }
}

static const char *in_dir(int i, const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", sides[i].dir, name);
    return path;
}

/* Where a text stands in the database for the n-th time; -1: nowhere. */
static off_t find(int i, const char *text, int nth) {
    int fd = open(in_dir(i, "dsm.sqlite"), O_RDONLY);
    struct stat info;
    CHECK(fd >= 0 && fstat(fd, &info) == 0);
    char *all = malloc((size_t)info.st_size);
    off_t found = -1;
    CHECK(all != NULL && pread(fd, all, (size_t)info.st_size, 0) == info.st_size);
    for (off_t at = 0; all != NULL && found < 0 && at + (off_t)strlen(text) <= info.st_size; at++)
        if (memcmp(all + at, text, strlen(text)) == 0 && nth-- == 0) found = at;
    free(all);
    close(fd);
    return found;
}

static void scribble(int i, off_t at, size_t len, uint64_t *state) {
    int fd = open(in_dir(i, "dsm.sqlite"), O_RDWR);
    CHECK(fd >= 0);
    for (size_t k = 0; k < len; k++) {
        uint8_t byte = 0;
        CHECK(pread(fd, &byte, 1, at + (off_t)k) == 1);
        byte ^= (uint8_t)(1 + check_random(state) % 255);
        CHECK(pwrite(fd, &byte, 1, at + (off_t)k) == 1);
    }
    close(fd);
}

static struct hkp_dsm_store_repaired repair(int i) {
    struct hkp_dsm_store_fault fault = {.offset = 0};
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    hkp_dsm_store *refused = NULL;
    CHECK_EQ(hkp_dsm_store_open(&refused, sides[i].dir, 0, &fault), HKP_E_IO);
    CHECK(strcmp(fault.file, "dsm.sqlite") == 0);
    CHECK_EQ(hkp_dsm_store_repair(sides[i].dir, &done, &fault), HKP_OK);
    CHECK(done.rows > 0);
    return done;
}

static void flipped_bytes_are_found_at_the_start_and_come_back(void) {
    begin(24);
    stop(1);
    uint64_t state = check_seed();
    for (int seq = 3; seq <= 24; seq += 4) { /* the newest one, too */
        char text[32];
        snprintf(text, sizeof text, "content of block %03d", seq == 23 ? 24 : seq);
        off_t at = find(1, text, 0);
        CHECK(at > 0);
        scribble(1, at, 2, &state);
    }
    struct hkp_dsm_store_repaired done = repair(1);
    CHECK_EQ(done.damaged, 6);
    CHECK_EQ(done.holes, 0);
    start(1);
    run(60000);
    CHECK_EQ(sides[1].healed, 6);
    CHECK_EQ(sides[1].damaged, 0);
    proves_all(1, 24);
    stop(1);
    start(1); /* and it is a store like any other */
    proves_all(1, 24);
    end();
}

static void damage_while_it_runs_is_found_when_it_is_read(void) {
    begin(12);
    stop(0); /* files are whole and closed once, so the rows stand in the database */
    stop(1);
    start(0);
    start(1);
    uint64_t state = check_seed();
    off_t at = find(1, "content of block 005", 0);
    CHECK(at > 0);
    scribble(1, at, 1, &state);
    hkp_status st = prove(1, 5);
    CHECK(st == HKP_E_NOTFOUND || st == HKP_OK); /* a page that was read before may be in memory */
    run(60000);
    CHECK_EQ(sides[1].lost, sides[1].healed);
    proves_all(1, 12);
    end();
}

static void a_page_that_cannot_be_read_costs_only_its_rows(void) {
    begin(60);
    stop(1);
    uint64_t state = check_seed();
    off_t at = find(1, "content of block 030", 0);
    CHECK(at > 4096);
    scribble(1, at / 4096 * 4096, 64, &state); /* its head: cells are not found any more */
    struct hkp_dsm_store_repaired done = repair(1);
    printf("# %llu rows stay, %llu damaged, %u holes, %llu made anew\n", (unsigned long long)done.rows,
           (unsigned long long)done.damaged, done.holes, (unsigned long long)done.remade);
    CHECK(done.damaged > 0 && done.holes > 0);
    start(1);
    run(120000);
    CHECK_EQ(sides[1].damaged, 0);
    CHECK(sides[1].healed > 0);
    proves_all(1, 60);
    end();
}

static void a_repair_that_was_cut_short_is_begun_again(void) {
    begin(6);
    stop(1);
    uint64_t state = check_seed();
    scribble(1, find(1, "content of block 002", 0), 1, &state);
    char bad[128];
    snprintf(bad, sizeof bad, "%s", in_dir(1, "dsm.sqlite.bad"));
    CHECK_EQ(rename(in_dir(1, "dsm.sqlite"), bad), 0); /* between its two renames */
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, sides[1].dir, 0, &fault), HKP_E_IO); /* not taken for a new one */
    CHECK(store == NULL);
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_OK);
    CHECK_EQ(done.damaged, 1);
    CHECK_EQ(access(bad, F_OK), 0);
    start(1);
    run(20000);
    proves_all(1, 6);
    end();
}

static void what_cannot_be_repaired_is_left_as_it_is(void) {
    begin(3);
    stop(1);
    uint64_t state = check_seed();
    scribble(1, 0, 100, &state);
    struct stat before, after;
    CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &before), 0);
    struct hkp_dsm_store_fault fault;
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_E_IO);
    CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size);
    CHECK_EQ(hkp_dsm_store_repair(top, &done, &fault), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_store_repair(sides[0].dir, &done, &fault), HKP_E_STATE); /* in use */
    end();
}

/* Wherever bytes are wrong: all is there again, or it is said that it is not (rows that nobody else has). */
static void anything_may_be_wrong(void) {
    uint64_t state = check_seed(), remade = 0;
    int whole = 0, refused = 0;
    for (int round = 0; round < 12; round++) {
        int before = check_faults;
        begin(12);
        stop(1);
        struct stat info;
        CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &info), 0);
        for (int k = 0; k < 5; k++)
            scribble(1, (off_t)(check_random(&state) % (uint64_t)(info.st_size - 2)), 2, &state);
        hkp_dsm_store *store = NULL;
        struct hkp_dsm_store_fault fault;
        struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
        hkp_status st = hkp_dsm_store_open(&store, sides[1].dir, 0, &fault);
        hkp_dsm_store_close(store);
        if (st != HKP_OK) st = hkp_dsm_store_repair(sides[1].dir, &done, &fault);
        remade += done.remade;
        if (st != HKP_OK) {
            refused++;
        } else {
            start_quietly(1);
            if (sides[1].damaged == 0) run(60000);
            if (sides[1].damaged == 0) {
                /* A body that came back names blocks that are missing, too; places and leaves follow last. */
                for (int again = 0; again == 0 || (done.damaged > 0 && again < 4); again++) {
                    stop(1);
                    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_OK);
                    start(1);
                    if (done.damaged > 0) run(60000);
                }
                CHECK_EQ(done.damaged, 0);
                proves_all(1, 12);
                whole++;
            }
            refused += sides[1].damaged > 0;
        }
        CHECK_NOTE(before, "round %d", round);
        end();
    }
    printf("# %d whole again, %d refused, %llu rows made anew\n", whole, refused, (unsigned long long)remade);
    CHECK(whole > refused);
}

/* ---- export and import (D-STO-11) ---- */

static uint8_t file[1 << 20];
static size_t file_len;

static const char *chain_path(void) {
    static char path[128];
    snprintf(path, sizeof path, "%s/chain", top);
    return path;
}

static struct hkp_dsm_store_moved export(int i) {
    struct hkp_dsm_store_moved moved = {.struct_size = sizeof moved};
    int fd = open(chain_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(hkp_dsm_store_export(sides[i].dir, fd, &moved), HKP_OK);
    ssize_t n = pread(fd, file, sizeof file, 0);
    CHECK(n > 0 && (size_t)n < sizeof file);
    file_len = n > 0 ? (size_t)n : 0;
    close(fd);
    return moved;
}

/* Bytes as a file, into the folder of node 1, by a node that only observes and has no secret. */
static hkp_status import(const uint8_t *bytes, size_t len, struct hkp_dsm_store_moved *moved) {
    struct hkp_dsm_node_options o;
    struct hkp_dsm_certificate c;
    uint8_t secret[64] = {0};
    int fd = open(chain_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, bytes, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
    CHECK_EQ(hkp_dsm_certificate_parse(mesh.certificate[1], mesh.certificate_len[1], &c), HKP_OK);
    memcpy(secret + 32, c.key, 32);
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = mesh.genesis;
    o.genesis_len = mesh.genesis_len;
    o.certificate = mesh.certificate[1];
    o.certificate_len = mesh.certificate_len[1];
    o.secret = secret;
    o.pool_bytes = (size_t)8 << 20;
    o.heads_max = 16;
    o.peers_max = 2;
    *moved = (struct hkp_dsm_store_moved){.struct_size = sizeof *moved};
    hkp_status st = hkp_dsm_store_import(sides[1].dir, fd, &o, wall_us(), moved);
    close(fd);
    return st;
}

/* The folder of node 1 is empty again. */
static void empty(void) {
    nftw(sides[1].dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    CHECK_EQ(mkdir(sides[1].dir, 0700), 0);
}

static uint64_t height(int i) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &s), HKP_OK);
    return s.final_height;
}

static uint64_t epoch(int i) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &s), HKP_OK);
    return s.epoch;
}

static void a_chain_goes_by_file_from_one_store_to_another(void) {
    begin(20);
    struct hkp_dsm_store_moved out = export(0), in; /* while it runs */
    CHECK_EQ(out.blocks, 25);
    CHECK_EQ(out.from_height, 1);
    CHECK_EQ(out.to_height, height(0));
    stop(1);
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.items, out.items);
    CHECK_EQ(in.to_height, out.to_height);
    CHECK_EQ(in.blocks, 25);
    start(1);
    run(2000);
    CHECK_EQ(height(1), height(0));
    proves_all(1, 20);
    uint64_t seq =
        0; /* it goes on with its blocks, but without its WAL it observes in this epoch (D-STO-7) */
    CHECK_EQ(hkp_dsm_submit(sides[1].node, now, wall_us(), 1, (const uint8_t *)"x", 1, NULL, &seq), HKP_OK);
    CHECK_EQ(seq, 6);
    run(3000);
    struct hkp_dsm_node_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_node_status(sides[1].node, &status), HKP_OK);
    CHECK_EQ(status.silent, 1);
    CHECK_EQ(height(0), out.to_height);
    end();
}

static void hours(uint64_t seconds) {
    for (uint64_t end = now + seconds * SIM_S; now < end; now += SIM_S / 2) turn();
}

/* Where early blocks are gone, the file begins at a boundary, to which the links of the epochs before lead.
 */
static void a_pruned_chain_begins_at_its_last_boundary(void) {
    keep_s = 600;
    begin(8);
    hours(3700);
    for (int k = 0; k < 4; k++) {
        uint64_t seq = 0;
        CHECK_EQ(hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)"y", 1, NULL, &seq),
                 HKP_OK);
        CHECK_EQ(seq, 9 + (uint64_t)k);
        hours(20);
    }
    hours(1000);
    uint64_t blocks = 0, headers = 0;
    CHECK_EQ(hkp_dsm_node_kept(sides[0].node, &blocks, &headers), HKP_OK);
    CHECK(headers > 1);
    struct hkp_dsm_store_moved out = export(0), in;
    CHECK(out.from_height > 1);
    CHECK_EQ(out.blocks, 4);
    stop(1);
    empty();
    CHECK_EQ(import(file, file_len / 2, &in), HKP_E_NOTFOUND);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.links, 1);
    CHECK_EQ(in.from_height, out.from_height);
    CHECK_EQ(in.to_height, out.to_height);
    start(1);
    run(2000);
    CHECK_EQ(height(1), height(0));
    CHECK_EQ(prove(1, 3), HKP_E_NOTFOUND);
    CHECK_EQ(prove(1, 10), HKP_OK); /* over the link of the epoch before */
    uint64_t state = check_seed();
    int refused = 0;
    for (int k = 0; k < 20; k++) { /* its first items are links, boundary and heads */
        size_t at = 8 + check_random(&state) % 4000;
        file[at] ^= 0x10;
        stop_if_up(1);
        empty();
        refused += import(file, file_len, &in) != HKP_OK;
        file[at] ^= 0x10;
    }
    CHECK(refused >= 16); /* the rest: certificates */
    keep_s = 0;
    end();
}

static void an_import_that_was_cut_short_goes_on(void) {
    begin(10);
    struct hkp_dsm_store_moved out = export(0), in;
    stop(1);
    empty();
    uint64_t before = 0;
    for (size_t part = 1; part <= 5; part++) {
        CHECK_EQ(import(file, file_len * part / 6, &in), HKP_E_NOTFOUND);
        CHECK(in.to_height >= before && in.to_height < out.to_height);
        before = in.to_height;
    }
    CHECK(before > 0);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.to_height, out.to_height);
    CHECK(in.heights < out.heights);
    CHECK_EQ(import(file, file_len, &in), HKP_OK); /* once more changes nothing */
    CHECK_EQ(in.heights, 0);
    start(1);
    run(1000);
    CHECK_EQ(height(1), height(0));
    proves_all(1, 10);
    end();
}

/* Wherever a byte is another: the import says so, and what it took before is right. Bytes of a block's
 * signature are the last before its payload and covered by no hash, but checked. */
static void a_changed_file_is_refused(void) {
    begin(4);
    struct hkp_dsm_store_moved out = export(0), in;
    stop(1);
    uint64_t state = check_seed();
    uint8_t *copy = malloc(file_len);
    int refused = 0;
    for (int k = 0; copy != NULL && k < 30; k++) {
        int before = check_faults;
        size_t at = 8 + check_random(&state) % (file_len - 8);
        memcpy(copy, file, file_len);
        copy[at] ^= (uint8_t)(1 + check_random(&state) % 255);
        empty();
        hkp_status st = import(copy, file_len, &in);
        refused += st != HKP_OK;
        CHECK(in.to_height <= out.to_height);
        CHECK_NOTE(before, "byte %zu", at);
    }
    printf("# %d of 30 refused\n", refused);
    CHECK(refused >= 24); /* the rest: certificates, which are only a help */
    empty();
    CHECK_EQ(import((const uint8_t *)"HKPCHAIX", 8, &in), HKP_E_DSM_SCHEMA);
    struct sim_mesh other;
    sim_mesh_make(&other, 1, HKP_DSM_ROLE_VALIDATOR);
    memcpy(copy, mesh.genesis, mesh.genesis_len);
    size_t len = mesh.genesis_len;
    memcpy(mesh.genesis, other.genesis, other.genesis_len);
    mesh.genesis_len = other.genesis_len;
    CHECK(import(file, file_len, &in) != HKP_OK); /* of another mesh */
    memcpy(mesh.genesis, copy, len);
    mesh.genesis_len = len;
    free(copy);
    end();
}

/* ---- a chain with a RESTART in it (D-EPO-6) ---- */

static uint8_t restart[HKP_DSM_RESTART_MAX];
static size_t restart_len;

/* Node 1 is lost for good: the officer lets node 0 go on. */
static void go_on_alone(void) {
    static uint8_t body[HKP_DSM_RESTART_MAX], scratch[2 * HKP_DSM_RESTART_MAX];
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_RESTART, .ca_version = 1, .n_signatures = 1};
    struct hkp_dsm_genesis genesis;
    struct hkp_dsm_seat seats[2];
    uint8_t signature[64];
    size_t n = 0;
    stop(1);
    CHECK_EQ(hkp_dsm_genesis_parse(mesh.genesis, mesh.genesis_len, &genesis), HKP_OK);
    CHECK_EQ(hkp_dsm_store_seats(sides[0].dir, &genesis, seats, 2, &n), HKP_OK);
    CHECK_EQ(n, 2);
    if (memcmp(seats[0].node_id, mesh.node_id[0], 16) != 0) seats[0] = seats[1];
    CHECK_EQ(hkp_dsm_store_restart(sides[0].dir, &genesis, seats, 1, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_RESTART, 1, mesh.officer, body,
                                m.body.len, scratch, sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, restart, sizeof restart, &restart_len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_restart(sides[0].node, now, wall_us(), restart, restart_len), HKP_OK);
    run(1000);
}

static void say(int times) {
    uint64_t seq = 0;
    for (int k = 0; k < times; k++) {
        CHECK_EQ(hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)"y", 1, NULL, &seq),
                 HKP_OK);
        run(500);
    }
}

/* Whole, and with another signature, another set, and without what the officers signed. */
static void import_restart(const struct hkp_dsm_store_moved *out, int with_set) {
    struct hkp_dsm_store_moved in;
    size_t at = 0;
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.items, out->items);
    CHECK_EQ(in.to_height, out->to_height);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    while (at + restart_len < file_len && memcmp(file + at, restart, restart_len) != 0) at++;
    CHECK(at + restart_len < file_len);
    CHECK_EQ(file[at - 5], with_set ? 0x83 : 0x82); /* [8, RESTART], [8, RESTART, valset] */
    const size_t each[] = {at + restart_len - 1, at + restart_len / 2, at + 8};
    for (size_t k = 0; k < 3; k++) {
        file[each[k]] ^= 1;
        empty();
        CHECK(import(file, file_len, &in) != HKP_OK);
        CHECK(in.to_height < out->to_height);
        file[each[k]] ^= 1;
    }
    empty(); /* up to there, and on from there */
    CHECK_EQ(import(file, at + restart_len / 2, &in), HKP_E_NOTFOUND);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.to_height, out->to_height);
    const size_t len = file_len;
    const struct hkp_dsm_store_moved again = export(1);
    CHECK_EQ(file_len, len);
    CHECK_EQ(again.items, out->items);
}

static void a_chain_goes_on_behind_a_restart(void) {
    begin(8);
    go_on_alone();
    say(3);
    const struct hkp_dsm_store_moved out = export(0);
    CHECK_EQ(out.from_height, 1);
    import_restart(&out, 0);
    start(1);
    CHECK_EQ(height(1), height(0));
    CHECK_EQ(prove(1, 3), HKP_OK);
    end();
}

/* Links, a RESTART, links: out of an epoch in which something is final, and right at its boundary. */
static void a_pruned_chain_leads_over_a_restart(void) {
    for (int at_boundary = 0; at_boundary < 2; at_boundary++) {
        keep_s = 600;
        begin(4);
        hours(at_boundary ? 3500 : 3700);
        while (at_boundary && epoch(0) == 0) run(10);
        if (!at_boundary) say(3);
        go_on_alone();
        say(2);
        const uint64_t before = height(0);
        hours(3700);
        say(3);
        hours(1000);
        const struct hkp_dsm_store_moved out = export(0);
        CHECK(out.from_height > before);
        import_restart(&out, !at_boundary);
        start(1);
        CHECK_EQ(height(1), height(0));
        keep_s = 0;
        end();
    }
}

/* Otherwise the target would only see files of another mesh. */
static void the_corpus_of_the_fuzz_target_is_of_this_mesh(void) {
    static const char *const names[] = {"whole", "pruned", "restart", "restart-pruned", "restart-boundary"};
    struct hkp_dsm_store_moved in;
    begin(0);
    stop(0);
    stop(1);
    now += 4 * 3600 * SIM_S; /* the chain of one of them took two hours */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tests/dsm/corpus/import/%s", getenv("HKP_SOURCE"), names[i]);
        FILE *f = fopen(path, "rb");
        CHECK(f != NULL);
        if (f == NULL) continue;
        file_len = fread(file, 1, sizeof file, f);
        fclose(f);
        empty();
        CHECK_EQ(import(file, file_len, &in), HKP_OK);
        CHECK(in.to_height > 0);
    }
    end();
}

int main(void) {
    sim_mesh_make(&mesh, 2, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    CASE(flipped_bytes_are_found_at_the_start_and_come_back);
    CASE(damage_while_it_runs_is_found_when_it_is_read);
    CASE(a_page_that_cannot_be_read_costs_only_its_rows);
    CASE(a_repair_that_was_cut_short_is_begun_again);
    CASE(what_cannot_be_repaired_is_left_as_it_is);
    CASE(anything_may_be_wrong);
    CASE(a_chain_goes_by_file_from_one_store_to_another);
    CASE(a_pruned_chain_begins_at_its_last_boundary);
    CASE(an_import_that_was_cut_short_goes_on);
    CASE(a_changed_file_is_refused);
    CASE(a_chain_goes_on_behind_a_restart);
    CASE(a_pruned_chain_leads_over_a_restart);
    CASE(the_corpus_of_the_fuzz_target_is_of_this_mesh);
    return check_done();
}
