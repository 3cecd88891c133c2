/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * From a manifest to R and h_integrity (NZ1 2.3). An item is in doubt unless the kernel would have told a
 * change (watch.c); of a file in doubt, identity, size and times are asked in every run, and its content is
 * read again when they changed, when the digest is too old, and while the file is so young that a further
 * change need not show in its times (decisions 0103, 0107).
 */
#include "libter/host/measure.h"
#include "libter/host/host.h"
#include "libter/integrity.h"
#include "libter/options.h"

enum { BUFFER_LEN = HKP_TER__BUFFER_LEN, PATH_CAP = HKP_TER__PATH_CAP, OPTIONS_V0 = 56, STATE_V0 = 40 };
/* In one run: items that get a watch; one of so many watched items is asked all the same. */
enum { WATCHES_PER_RUN = 256, TURN = 32 };
/* Runs until a refused watch is tried again, and runs that at least share the work of hashing all anew. */
enum { WATCH_AGAIN = 16, SHARE = 25 };
#define REHASH_NS 3600000000000ULL
#define SLICE_BYTES 1048576U
#define SLICE_LEAST 65536U
#define SLICE_MOST 1073741824U

void hkp_ter_measure_options_init(struct hkp_ter_measure_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static void fill_entries(struct hkp_ter_measure *m) {
    struct hkp_ter_item item;
    size_t off = 0;
    for (uint32_t i = 0; hkp_ter_manifest_next(&m->manifest, &off, &item) == HKP_OK; i++) {
        struct hkp_ter__entry *e = &m->entries[i];
        e->path = item.path;
        e->path_len = item.path_len;
        e->kind = (uint8_t)item.kind;
        e->outcome = HKP_TER_KIND_UNREADABLE;
    }
}

static hkp_status import(struct hkp_ter_measure_options *o, const struct hkp_ter_measure_options *opt) {
    hkp_status st = hkp_options_import(o, sizeof *o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o->mem);
    if (st != HKP_OK) return st;
    if (o->rehash_ns == 0) o->rehash_ns = REHASH_NS;
    if (o->slice_bytes == 0) o->slice_bytes = SLICE_BYTES;
    if (o->proc_path == NULL) o->proc_path = "/proc";
    if (o->sys_path == NULL) o->sys_path = "/sys";
    if (o->rehash_ns > REHASH_NS || o->manifest == NULL || o->reserved0 != 0) return HKP_E_INVAL;
    if (o->slice_bytes < SLICE_LEAST || o->slice_bytes > SLICE_MOST) return HKP_E_INVAL;
    return o->watch_off > 1 || o->reserved1 != 0 ? HKP_E_INVAL : HKP_OK;
}

static hkp_status allocate(struct hkp_ter_measure *m, int watch_off) {
    uint32_t n = m->manifest.n_items;
    m->bytes = hkp_mem_alloc(&m->mem, m->manifest.len);
    m->entries = hkp_mem_alloc(&m->mem, n * sizeof *m->entries);
    m->buffer = hkp_mem_alloc(&m->mem, BUFFER_LEN);
    m->armed = hkp_mem_alloc(&m->mem, n);
    if (m->bytes == NULL || m->entries == NULL || m->buffer == NULL || m->armed == NULL) return HKP_E_NOMEM;
    return hkp_ter__watch_new(&m->watch, &m->mem, n, watch_off);
}

hkp_status hkp_ter_measure_new(hkp_ter_measure **out, const struct hkp_ter_measure_options *opt,
                               hkp_time now) {
    struct hkp_ter_measure_options o;
    hkp_status st = import(&o, opt);
    if (st != HKP_OK) return st;
    struct hkp_ter_measure *m = hkp_mem_alloc(&o.mem, sizeof *m);
    if (m == NULL) return HKP_E_NOMEM;
    m->mem = o.mem;
    m->manifest = *o.manifest;
    m->now = now;
    m->rehash_ns = o.rehash_ns;
    m->slice_bytes = o.slice_bytes;
    m->slice.item = UINT32_MAX;
    m->changed = 1;
    if (!hkp_ter__join(m->cmdline_path, PATH_CAP, o.proc_path, "cmdline") ||
        !hkp_ter__join(m->modules_path, PATH_CAP, o.proc_path, "modules") ||
        !hkp_ter__join(m->pcr10_path, PATH_CAP, o.sys_path, "class/tpm/tpm0/pcr-sha256/10"))
        st = HKP_E_INVAL;
    if (st == HKP_OK) st = allocate(m, o.watch_off != 0);
    if (st != HKP_OK) {
        hkp_ter_measure_free(m);
        return st;
    }
    memcpy(m->bytes, o.manifest->bytes, m->manifest.len);
    m->manifest.bytes = m->bytes;
    fill_entries(m);
    *out = m;
    return HKP_OK;
}

void hkp_ter_measure_free(hkp_ter_measure *measure) {
    if (measure == NULL) return;
    struct hkp_mem mem = measure->mem;
    hkp_ter__watch_free(measure->watch);
    hkp_mem_free(&mem, measure->bytes, measure->manifest.len);
    hkp_mem_free(&mem, measure->entries, measure->manifest.n_items * sizeof *measure->entries);
    hkp_mem_free(&mem, measure->buffer, BUFFER_LEN);
    hkp_mem_free(&mem, measure->armed, measure->manifest.n_items);
    hkp_mem_free(&mem, measure, sizeof *measure);
}

void hkp_ter_measure_policy_set(hkp_ter_measure *measure, const uint8_t digest[32]) {
    memcpy(measure->policy, digest, 32);
    measure->has_policy = 1;
}

void hkp_ter_measure_pcr10_set(hkp_ter_measure *measure, const uint8_t pcr[32]) {
    measure->has_pcr10 = pcr != NULL;
    if (pcr != NULL) memcpy(measure->pcr10, pcr, 32);
}

/* ---- a run ---- */

/* What may be read because of age: all of it within a quarter of the time, but not all at once after a pause.
 */
static uint64_t budget_of(const struct hkp_ter_measure *m, uint64_t passed) {
    uint64_t parts = passed / (m->rehash_ns / 4 / 65536 + 1);
    uint64_t due = parts < 65536 ? m->total / 65536 * parts : m->total;
    if (due > m->total / SHARE) due = m->total / SHARE;
    return due > m->slice_bytes ? due : m->slice_bytes;
}

static uint32_t share_of(const struct hkp_ter_measure *m) { return m->manifest.n_items / TURN + 1; }

/* Some writers pass by inotify (layers of overlays, exports): each watched item is asked in its turn. */
static void ask_in_turn(struct hkp_ter_measure *m) {
    for (uint32_t k = share_of(m); k > 0; k--) {
        uint32_t i = m->ask_at;
        m->ask_at = (i + 1) % m->manifest.n_items;
        if (m->armed[i] && hkp_ter__entry_measure(m, &m->entries[i], 0)) m->armed[i] = 0;
    }
}

static int is_due(const struct hkp_ter_measure *m, const struct hkp_ter__entry *e) {
    return e->cached && m->now - e->hashed >= m->rehash_ns / 2;
}

static void rehash_due(struct hkp_ter_measure *m, uint64_t *budget) {
    for (uint32_t k = share_of(m); k > 0 && *budget > 0; k--) {
        uint32_t i = m->due_at;
        struct hkp_ter__entry *e = &m->entries[i];
        if (is_due(m, e)) {
            uint64_t work = hkp_ter__entry_work(e);
            if (e->kind == HKP_TER_KIND_FILE)
                work = hkp_ter__entry_slice(m, i, *budget);
            else
                (void)hkp_ter__entry_measure(m, e, 1);
            *budget -= work < *budget ? work : *budget;
            if (m->slice.item == i) return; /* goes on in the next run */
        }
        m->due_at = (i + 1) % m->manifest.n_items;
    }
}

static int may_be_watched(const struct hkp_ter_measure *m, const struct hkp_ter__entry *e) {
    if (e->kind == HKP_TER_KIND_PSEUDO || m->runs < e->watch_run) return 0;
    if (e->outcome == HKP_TER_KIND_ABSENT || e->outcome == HKP_TER_KIND_LINK) return 1;
    return e->outcome == e->kind && e->cached && !e->written;
}

/* 1: from now on a change will be told. */
static int watch_entry(struct hkp_ter_measure *m, uint32_t i) {
    struct hkp_ter__entry *e = &m->entries[i];
    char path[PATH_CAP];
    hkp_ter__entry_path(e, path);
    int found = hkp_ter__watch_item(m->watch, i, path, e->kind != HKP_TER_KIND_LINK);
    int wanted = e->outcome == HKP_TER_KIND_ABSENT ? HKP_TER__FOUND_ABSENT
                 : e->outcome == HKP_TER_KIND_LINK ? HKP_TER__FOUND_LINK
                                                   : HKP_TER__FOUND_FILE;
    if (found == HKP_TER__FOUND_NOTHING) e->watch_run = m->runs + WATCH_AGAIN;
    return found == wanted;
}

/* First the watch, then the question: what changes in between is told by the next drain. */
static void measure_doubtful(struct hkp_ter_measure *m, uint64_t budget) {
    uint8_t *end = m->armed + m->manifest.n_items;
    uint32_t watches = WATCHES_PER_RUN;
    for (uint8_t *at = m->armed; (at = memchr(at, 0, (size_t)(end - at))) != NULL; at++) {
        uint32_t i = (uint32_t)(at - m->armed);
        struct hkp_ter__entry *e = &m->entries[i];
        uint64_t work = hkp_ter__entry_work(e);
        int fresh = e->cached && e->written && work <= budget, told = 0;
        if (fresh) budget -= work;
        if (watches > 0 && may_be_watched(m, e)) {
            watches--;
            told = watch_entry(m, i);
        }
        *at = !hkp_ter__entry_measure(m, e, fresh) && told;
    }
    hkp_ter__watch_rest(m->watch);
}

static void compute_root(struct hkp_ter_measure *m) {
    crypto_hash_sha256_state hash;
    hkp_ter__root_begin(&hash, m->manifest.n_items);
    for (uint32_t i = 0; i < m->manifest.n_items; i++) {
        const struct hkp_ter__entry *e = &m->entries[i];
        struct hkp_ter_item item = {.path = e->path, .path_len = e->path_len, .kind = e->outcome};
        memcpy(item.digest, e->digest, 32);
        hkp_ter__root_add(&hash, &item);
    }
    hkp_ter__root_end(&hash, m->root);
    hkp_ter_ripemd160(m->root, 32, m->h_integrity);
    m->changed = 0;
}

hkp_status hkp_ter_measure_run(hkp_ter_measure *measure, hkp_time now, uint8_t root[32],
                               uint8_t h_integrity[20]) {
    uint64_t passed = now > measure->now ? now - measure->now : 0;
    measure->now += passed;
    measure->runs++;
    measure->hashed_bytes = 0;
    measure->asked = measure->hashed = 0;
    hkp_ter__watch_drain(measure->watch, measure->armed);
    uint64_t budget = budget_of(measure, passed);
    ask_in_turn(measure);
    rehash_due(measure, &budget);
    measure_doubtful(measure, budget);
    if (measure->changed) compute_root(measure);
    memcpy(root, measure->root, 32);
    memcpy(h_integrity, measure->h_integrity, 20);
    return HKP_OK;
}

/* ---- what was found ---- */

void hkp_ter_measure_reference_set(hkp_ter_measure *measure) {
    for (uint32_t i = 0; i < measure->manifest.n_items; i++) {
        struct hkp_ter__entry *e = &measure->entries[i];
        e->ref_outcome = e->outcome;
        memcpy(e->ref_digest, e->digest, 32);
    }
    measure->has_reference = 1;
}

hkp_status hkp_ter_measure_item(const hkp_ter_measure *measure, uint32_t index,
                                struct hkp_ter_measured *item) {
    if (index >= measure->manifest.n_items) return HKP_E_NOTFOUND;
    const struct hkp_ter__entry *e = &measure->entries[index];
    item->path = e->path;
    item->path_len = e->path_len;
    item->kind = e->kind;
    item->outcome = e->outcome;
    item->differs =
        measure->has_reference && (e->outcome != e->ref_outcome || memcmp(e->digest, e->ref_digest, 32) != 0);
    memcpy(item->digest, e->digest, 32);
    return HKP_OK;
}

hkp_status hkp_ter_measure_info(const hkp_ter_measure *measure, struct hkp_ter_measure_state *state) {
    uint32_t size = state->struct_size;
    if (size < STATE_V0) return HKP_E_INVAL;
    struct hkp_ter_measure_state s = {.struct_size = size,
                                      .n_items = measure->manifest.n_items,
                                      .n_asked = measure->asked,
                                      .n_hashed = measure->hashed,
                                      .n_doubts = hkp_ter__watch_doubts(measure->watch),
                                      .hashed_bytes = measure->hashed_bytes};
    for (uint32_t i = 0; i < s.n_items; i++) {
        s.n_absent += measure->entries[i].outcome == HKP_TER_KIND_ABSENT;
        s.n_unreadable += measure->entries[i].outcome == HKP_TER_KIND_UNREADABLE;
        s.n_watched += measure->armed[i];
    }
    memcpy(state, &s, size < sizeof s ? size : sizeof s);
    return HKP_OK;
}
