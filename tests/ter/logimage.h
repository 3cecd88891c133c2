/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A real log, written by the library, as a list of records that a test may change as an attacker would; and
 * the bytes of its segments again, verified in pieces of random size.
 */
#ifndef HKP_TESTS_TER_LOGIMAGE_H
#define HKP_TESTS_TER_LOGIMAGE_H

#include "folder.h"
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>

enum { IMAGE_RECORDS = 1200, IMAGE_SEGMENTS = 4, IMAGE_BYTES = 200000 };

struct image_record {
    uint32_t type;
    /** which record of the untouched log it is; -1: none */
    int origin;
    uint8_t body[256];
};

struct image {
    uint8_t node_id[16];
    uint8_t device_public[32];
    int n;
    struct image_record records[IMAGE_RECORDS];
    /** segments: the record each begins with, its header's cursor, what its name says */
    int n_segments;
    int begin[IMAGE_SEGMENTS + 1];
    struct hkp_ter_cursor head[IMAGE_SEGMENTS];
    uint64_t name[IMAGE_SEGMENTS];
};

/** A device whose measurement is always the same, as long as root is. */
struct device {
    uint8_t node_id[16];
    uint8_t public_key[32], secret_key[64];
    uint8_t root[32];
    uint32_t policy_ver;
    uint8_t h_ref[20];
    uint64_t time_us;
    uint8_t last_tck[256];
    int has_tck;
    uint32_t flags;
    uint64_t salt;
};

static inline void device_begin(struct device *d, uint8_t number) {
    const uint8_t seed[32] = {number};
    memset(d, 0, sizeof *d);
    crypto_sign_seed_keypair(d->public_key, d->secret_key, seed);
    d->node_id[0] = number;
    d->time_us = 1700000000000000;
    d->policy_ver = 1;
    memset(d->root, 0x55, 32);
    hkp_ter_ripemd160(d->root, 32, d->h_ref);
}

static inline void device_ter(struct device *d, const struct hkp_ter_cursor *cursor, uint8_t ter[64]) {
    struct hkp_ter_record r = {.sequence = (uint16_t)cursor->index};
    uint8_t input[16] = {0};
    hkp_put_le64(input, cursor->index);
    hkp_put_le64(input + 8, d->salt);
    crypto_hash_sha256(r.h_entropy, input, sizeof input);
    d->time_us += 1000000 + r.h_entropy[0];
    r.timestamp_us = d->time_us;
    r.chain_crc = cursor->has_last ? hkp_ter_crc16(cursor->last_ter, 64) : 0;
    hkp_ter_ripemd160(d->root, 32, r.h_integrity);
    hkp_ter_record_encode(&r, ter);
}

/** The checkpoint at a cursor; the device remembers it. */
static inline void device_tck(struct device *d, const struct hkp_ter_cursor *cursor, uint8_t tck[256]) {
    struct hkp_ter_tck t;
    memset(&t, 0, sizeof t);
    CHECK_EQ(hkp_ter_tck_begin(&t, cursor, d->has_tck ? d->last_tck : NULL), HKP_OK);
    t.flags = d->flags;
    t.policy_ver = d->policy_ver;
    memcpy(t.node_id, d->node_id, 16);
    memcpy(t.root, d->root, 32);
    memcpy(t.h_ref, d->h_ref, 20);
    CHECK_EQ(hkp_ter_tck_sign(&t, d->secret_key, tck), HKP_OK);
    memcpy(d->last_tck, tck, 256);
    d->has_tck = 1;
    d->flags = 0;
}

static inline hkp_ter_log *device_open(struct device *d, const char *path) {
    struct hkp_ter_log_options o;
    hkp_ter_log *log = NULL;
    hkp_ter_log_options_init(&o, sizeof o);
    o.path = path;
    memcpy(o.node_id, d->node_id, 16);
    memcpy(o.device_public, d->public_key, 32);
    CHECK_EQ(hkp_ter_log_new(&log, &o, 1, 1700000000000000, NULL), HKP_OK);
    if (log == NULL) exit(1);
    d->flags |= HKP_TER_FLAG_BOOT;
    return log;
}

static inline void device_append_tck(struct device *d, hkp_ter_log *log) {
    struct hkp_ter_cursor cursor;
    uint8_t tck[256];
    hkp_ter_log_cursor(log, &cursor);
    device_tck(d, &cursor, tck);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_TCK, tck, 256), HKP_OK);
}

/** n TERs, a checkpoint every 64 and after the first of all. */
static inline void device_run(struct device *d, hkp_ter_log *log, int n) {
    for (int i = 0; i < n; i++) {
        struct hkp_ter_cursor cursor;
        uint8_t ter[64];
        hkp_ter_log_cursor(log, &cursor);
        device_ter(d, &cursor, ter);
        CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_OK);
        if ((cursor.index + 1) % 64 == 0 || !d->has_tck) device_append_tck(d, log);
    }
}

/** A signed change of the measurement, as far as a log holds it, and the checkpoint that follows at once. */
static inline void device_rebase(struct device *d, hkp_ter_log *log) {
    struct hkp_ter_cursor cursor;
    uint8_t body[200] = {0}, root[32];
    hkp_ter_log_cursor(log, &cursor);
    d->policy_ver++;
    memset(root, 0x66, 32);
    hkp_ter_ripemd160(root, 32, d->h_ref);
    hkp_put_le64(body, cursor.index);
    memcpy(body + 8, "RBA1\1", 5);
    memcpy(body + 16, d->node_id, 16);
    hkp_put_le32(body + 32, d->policy_ver);
    memcpy(body + 48, d->h_ref, 20);
    memcpy(body + 72, root, 32);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_REBASE, body, 200), HKP_OK);
    d->flags |= HKP_TER_FLAG_REBASE;
    device_append_tck(d, log);
    memcpy(d->root, root, 32);
}

static inline void image_read(struct image *m, const struct device *d, const char *file) {
    static uint8_t bytes[IMAGE_BYTES];
    size_t len = (size_t)file_get(file, bytes, sizeof bytes);
    struct hkp_ter_log_record r;
    memset(m, 0, sizeof *m);
    memcpy(m->node_id, d->node_id, 16);
    memcpy(m->device_public, d->public_key, 32);
    for (size_t at = HKP_TER_LOG_HEAD_SIZE; at < len; at += r.size) {
        if (m->n == IMAGE_RECORDS || hkp_ter_log_record_decode(&r, bytes + at, len - at) != HKP_OK) exit(1);
        m->records[m->n].type = r.type;
        m->records[m->n].origin = m->n;
        memcpy(m->records[m->n++].body, r.body, r.body_len);
    }
    m->n_segments = 1;
    m->begin[1] = m->n;
    hkp_ter_cursor_init(&m->head[0], m->node_id, m->device_public);
}

/** TER index of record i, as far as the untouched log goes. */
static inline uint64_t image_index(const struct image *m, int i) {
    uint64_t index = 0;
    for (int k = 0; k < i; k++) index += m->records[k].type == HKP_TER_LOG_TER;
    return index;
}

/** A segment begins at record i, which is behind the last one that does. */
static inline void image_split(struct image *m, int i) {
    struct hkp_ter_cursor cursor = m->head[0];
    for (int k = 0; k < i; k++)
        if (m->records[k].type == HKP_TER_LOG_TER &&
            hkp_ter_cursor_accept(&cursor, m->records[k].body, 64, NULL) != HKP_OK)
            exit(1);
    m->begin[m->n_segments] = i;
    m->head[m->n_segments] = cursor;
    m->name[m->n_segments] = cursor.index;
    m->begin[++m->n_segments] = m->n;
}

/** Bytes of a record in a log. */
static inline size_t image_record_bytes(const struct image_record *r, uint8_t dst[264]) {
    size_t len = 0;
    if (hkp_ter_log_record_encode(r->type, r->body, hkp_ter_log_body_size(r->type), dst, 264, &len) != HKP_OK)
        exit(1);
    return len;
}

static inline size_t image_segment(const struct image *m, int s, uint8_t *dst) {
    struct hkp_ter_log_head head = {.first_index = m->head[s].index, .created_us = 1};
    memcpy(head.node_id, m->node_id, 16);
    memcpy(head.h, m->head[s].h, 32);
    memcpy(head.prev_ter, m->head[s].last_ter, 64);
    hkp_ter_log_head_encode(&head, dst);
    size_t len = HKP_TER_LOG_HEAD_SIZE;
    for (int i = m->begin[s]; i < m->begin[s + 1]; i++) len += image_record_bytes(&m->records[i], dst + len);
    return len;
}

/** Where record i stands. */
static inline uint64_t image_offset(const struct image *m, int i, uint64_t *segment) {
    uint64_t at = HKP_TER_LOG_HEAD_SIZE;
    int s = 0;
    while (s + 1 < m->n_segments && m->begin[s + 1] <= i) s++;
    for (int k = m->begin[s]; k < i; k++) at += 8 + hkp_ter_log_body_size(m->records[k].type);
    *segment = m->name[s];
    return at;
}

static inline void image_feed(hkp_ter_verify *v, const uint8_t *bytes, size_t len, uint64_t *rnd) {
    while (len > 0) {
        size_t n = 1 + check_random(rnd) % 4000;
        if (n > len) n = len;
        hkp_ter_verify_feed(v, bytes, n);
        bytes += n;
        len -= n;
    }
}

static inline hkp_ter_verify *image_verify_new(const struct image *m, const uint8_t *held, uint32_t flags) {
    struct hkp_ter_verify_options o;
    hkp_ter_verify *v = NULL;
    hkp_ter_verify_options_init(&o, sizeof o);
    memcpy(o.node_id, m->node_id, 16);
    memcpy(o.device_public, m->device_public, 32);
    o.held = held;
    o.flags = flags;
    CHECK_EQ(hkp_ter_verify_new(&v, &o), HKP_OK);
    if (v == NULL) exit(1);
    return v;
}

/** The verdict on a log; bytes of the last segment may be cut off, flip may be the place of one wrong bit. */
static inline struct hkp_ter_verdict image_verify(const struct image *m, const uint8_t *held, uint64_t *rnd) {
    static uint8_t bytes[IMAGE_BYTES];
    struct hkp_ter_verdict d = {.struct_size = sizeof d};
    hkp_ter_verify *v = image_verify_new(m, held, 0);
    for (int s = 0; s < m->n_segments; s++) {
        size_t len = image_segment(m, s, bytes);
        hkp_ter_verify_segment(v, m->name[s]);
        image_feed(v, bytes, len, rnd);
    }
    hkp_status st = hkp_ter_verify_end(v, &d);
    CHECK_EQ(st == HKP_OK, d.kind <= HKP_TER_VERDICT_TORN);
    CHECK(d.reason[0] != 0);
    hkp_ter_verify_free(v);
    return d;
}

static inline void image_insert(struct image *m, int at, const struct image_record *r) {
    if (m->n == IMAGE_RECORDS) exit(1);
    memmove(&m->records[at + 1], &m->records[at], (size_t)(m->n - at) * sizeof *r);
    m->records[at] = *r;
    m->n++;
    for (int s = 1; s <= m->n_segments; s++) m->begin[s] += m->begin[s] > at || s == m->n_segments;
}

static inline void image_delete(struct image *m, int at, int count) {
    memmove(&m->records[at], &m->records[at + count], (size_t)(m->n - at - count) * sizeof m->records[0]);
    m->n -= count;
    for (int s = 1; s <= m->n_segments; s++)
        m->begin[s] -= m->begin[s] > at + count ? count : m->begin[s] > at ? m->begin[s] - at : 0;
}

/** The attacker's work: sequence, CRC-16, time and h of every TER from record i on, indexes of marks,
 * headers. */
static inline void image_rechain(struct image *m, int i, int to) {
    struct hkp_ter_cursor cursor = m->head[0];
    int s = 0;
    for (int k = 0; k < to; k++) {
        uint8_t *b = m->records[k].body;
        if (s + 1 < m->n_segments && m->begin[s + 1] == k) m->head[++s] = cursor;
        if (m->records[k].type == HKP_TER_LOG_BOOT && k >= i) hkp_put_le64(b + 16, cursor.index);
        if (m->records[k].type == HKP_TER_LOG_REBASE && k >= i) hkp_put_le64(b, cursor.index);
        if (m->records[k].type != HKP_TER_LOG_TER) continue;
        if (k >= i) {
            hkp_put_le16(b + 60, (uint16_t)cursor.index);
            hkp_put_le16(b + 62, cursor.has_last ? hkp_ter_crc16(cursor.last_ter, 64) : 0);
            if (cursor.has_last && hkp_le64(b + 52) <= hkp_le64(cursor.last_ter + 52))
                hkp_put_le64(b + 52, hkp_le64(cursor.last_ter + 52) + 1);
            hkp_ter_chain_step(cursor.h, b, b + 64);
        }
        memcpy(cursor.h, b + 64, 32);
        memcpy(cursor.last_ter, b, 64);
        cursor.has_last = 1;
        cursor.index++;
    }
    for (s = 1; s < m->n_segments; s++) m->name[s] = m->head[s].index;
}

#endif
