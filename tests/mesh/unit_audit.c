/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* An audit log on disk: read again, found changed, cut by a crash (D-AUD-1, D-AUD-2). */
#include "check.h"

#include <hookprobe/dsm.h>
#include <hookprobe/mesh/audit.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static uint8_t chain_id[32] = {1}, node_id[16] = {2}, secret[64];
static uint64_t wall_us = UINT64_C(1800000000000000);
static hkp_time now = 1000;
static uint32_t seen;

static void count(void *user, const struct hkp_dsm_audit_entry *e, const uint8_t *bytes, size_t len) {
    (void)user;
    CHECK_EQ(e->index, seen);
    CHECK(bytes != NULL && len <= HKP_DSM_AUDIT_ENTRY_MAX);
    seen++;
}

static hkp_status find(void *user, const uint8_t id[16], struct hkp_dsm_signer *out) {
    (void)user;
    if (memcmp(id, node_id, 16) != 0) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->certificate.node_id, id, 16);
    memcpy(out->certificate.key, secret + 32, 32);
    out->certificate.serial = out->certificate.roles = 1;
    out->certificate.not_after_s = UINT64_C(4000000000);
    return HKP_OK;
}

static uint64_t revoked(void *user, const uint8_t id[16]) {
    (void)user;
    (void)id;
    return 0;
}

static hkp_status open_log(hkp_mesh_audit **log, int reads) {
    static const struct hkp_dsm_directory directory = {.find = find, .revoked = revoked};
    struct hkp_mesh_audit_options o;
    struct hkp_mesh_fault fault;
    hkp_mesh_audit_options_init(&o, sizeof o);
    o.dir = dir;
    o.chain_id = chain_id;
    o.node_id = node_id;
    o.secret = reads ? NULL : secret;
    o.directory = &directory;
    o.each = count;
    seen = 0;
    return hkp_mesh_audit_open(log, &o, &fault);
}

static void append(hkp_mesh_audit *log, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t data[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        CHECK_EQ(hkp_mesh_audit_append(log, now, wall_us, HKP_DSM_AUDIT_SESSION, node_id, data), HKP_OK);
        now += 1000000;
        wall_us += 1000;
    }
}

static size_t take_head(hkp_mesh_audit *log, uint8_t head[HKP_DSM_AUDIT_HEAD_MAX]) {
    size_t len = 0;
    CHECK_EQ(hkp_mesh_audit_head(log, now, wall_us, 1, head, HKP_DSM_AUDIT_HEAD_MAX, &len), HKP_OK);
    return len;
}

/* Name of a file of the log, and its bytes. */
static size_t slurp(const char *name, uint8_t *dst, size_t cap) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    if (f == NULL) return 0;
    const size_t n = fread(dst, 1, cap, f);
    fclose(f);
    return n;
}

static void spill(const char *name, const uint8_t *bytes, size_t len) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    if (f == NULL) return;
    CHECK_EQ(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void a_log_goes_on_where_it_was(void) {
    struct hkp_dsm_audit_status s = {.struct_size = sizeof s};
    uint8_t head[HKP_DSM_AUDIT_HEAD_MAX], newest[HKP_DSM_AUDIT_HEAD_MAX];
    struct hkp_dsm_audit_head one, two;
    hkp_mesh_audit *log = NULL;
    size_t len = 0;
    CHECK_EQ(open_log(&log, 1), HKP_E_NOTFOUND);
    CHECK_EQ(open_log(&log, 0), HKP_OK);
    CHECK_EQ(hkp_mesh_audit_newest(log, newest, sizeof newest, &len), HKP_E_NOTFOUND);
    append(log, 3);
    CHECK_EQ(hkp_mesh_audit_head(log, now, wall_us, 0, head, sizeof head, &len), HKP_E_NOTFOUND);
    CHECK(hkp_mesh_audit_wake(log) > now);
    CHECK_EQ(hkp_dsm_audit_head_read(head, take_head(log, head), &one), HKP_OK);
    append(log, 2);
    hkp_mesh_audit_close(log);
    CHECK_EQ(open_log(&log, 0), HKP_OK);
    CHECK_EQ(seen, 5);
    CHECK_EQ(hkp_mesh_audit_status(log, &s), HKP_OK);
    CHECK_EQ(s.size, 5);
    CHECK_EQ(s.headed, 3);
    CHECK_EQ(hkp_mesh_audit_newest(log, newest, sizeof newest, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head_read(head, take_head(log, head), &two), HKP_OK);
    CHECK_EQ(hkp_dsm_audit_head_follows(&one, &two), HKP_OK);
    hkp_mesh_audit_close(log);
    CHECK_EQ(open_log(&log, 1), HKP_OK); /* who only reads changes nothing */
    CHECK_EQ(hkp_mesh_audit_append(log, now, wall_us, HKP_DSM_AUDIT_SESSION, node_id, chain_id), HKP_E_STATE);
    CHECK_EQ(hkp_mesh_audit_head(log, now, wall_us, 1, head, sizeof head, &len), HKP_E_STATE);
    hkp_mesh_audit_close(log);
}

static void every_byte_below_a_head_counts(void) {
    static uint8_t kept[4096], changed[4096];
    static const char *const names[] = {"entries", "heads"};
    hkp_mesh_audit *log = NULL;
    for (int k = 0; k < 2; k++) {
        const size_t len = slurp(names[k], kept, sizeof kept);
        const size_t last = k == 1 ? (size_t)(2 + kept[1]) + 1 : len; /* a head cut by a crash, as it looks */
        CHECK(len > 100);
        for (size_t at = 0; at < len; at++) {
            if (at == last) continue;
            memcpy(changed, kept, len);
            changed[at] ^= 1;
            spill(names[k], changed, len);
            CHECK(open_log(&log, 1) != HKP_OK);
        }
        spill(names[k], kept, len);
        CHECK_EQ(open_log(&log, 1), HKP_OK);
        hkp_mesh_audit_close(log);
    }
}

static void what_a_crash_cut_is_dropped_and_no_more(void) {
    static uint8_t kept[4096];
    hkp_mesh_audit *log = NULL;
    const size_t whole = slurp("entries", kept, sizeof kept);
    CHECK_EQ(open_log(&log, 0), HKP_OK);
    append(log, 1); /* without a head: its loss is not seen (D-AUD-2) */
    hkp_mesh_audit_close(log);
    const size_t longer = slurp("entries", kept, sizeof kept);
    for (size_t cut = whole; cut < longer; cut++) {
        spill("entries", kept, cut);
        CHECK_EQ(open_log(&log, 0), HKP_OK);
        CHECK_EQ(seen, 5);
        hkp_mesh_audit_close(log);
        CHECK_EQ(slurp("entries", kept + 2048, 2048), whole);
    }
    spill("entries", kept, whole - 1);
    CHECK_EQ(open_log(&log, 0), HKP_E_DSM_GAP);
    spill("entries", kept, whole);
}

static void a_head_is_forced_before_too_many_entries_have_none(void) {
    const uint8_t data[32] = {3};
    uint8_t head[HKP_DSM_AUDIT_HEAD_MAX];
    hkp_mesh_audit *log = NULL;
    CHECK_EQ(open_log(&log, 0), HKP_OK);
    append(log, HKP_DSM_AUDIT_HEAD_ENTRIES);
    CHECK_EQ(hkp_mesh_audit_append(log, now, wall_us, HKP_DSM_AUDIT_SESSION, node_id, data), HKP_E_LIMIT);
    CHECK(hkp_mesh_audit_wake(log) <= now);
    CHECK(take_head(log, head) > 0);
    CHECK_EQ(hkp_mesh_audit_append(log, now, wall_us, HKP_DSM_AUDIT_SESSION, node_id, data), HKP_OK);
    CHECK_EQ(hkp_mesh_audit_append(log, now, wall_us, 99, node_id, data), HKP_E_INVAL);
    hkp_mesh_audit_close(log);
}

static void the_folder_is_removed(void) {
    char path[128];
    static const char *const names[] = {"entries", "heads"};
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[k]);
        CHECK_EQ(unlink(path), 0);
    }
    CHECK_EQ(rmdir(dir), 0);
}

int main(void) {
    uint8_t key[32];
    const uint8_t seed[32] = {9};
    CHECK(sodium_init() >= 0);
    crypto_sign_seed_keypair(key, secret, seed);
    snprintf(dir, sizeof dir, "/tmp/hkp-audit-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    CASE(a_log_goes_on_where_it_was);
    CASE(every_byte_below_a_head_counts);
    CASE(what_a_crash_cut_is_dropped_and_no_more);
    CASE(a_head_is_forced_before_too_many_entries_have_none);
    CASE(the_folder_is_removed);
    return check_done();
}
