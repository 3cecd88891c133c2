/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a node needs of the system: its TERs, its log, and the files it wants stored. */
#include "libmesh/posix/runner.h"
#include "libter/bytes.h"

#include <hookprobe/neuro.h>

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Largest file that a node stores: an instance with two states. */
enum { STORED_MAX = 8 * 1024 * 1024 };

/* Bound of the TER log: 35 days (TER_KEEP) at a TER a second are 340 MB. */
#define LOG_MAX_BYTES (512ULL * 1024 * 1024)

static hkp_status ter_fault(struct hkp_mesh_fault *fault, const struct hkp_ter_diag *diag, hkp_status st,
                            const char *what) {
    return hkp_mesh__fault(fault, st, diag->path[0] != 0 ? diag->path : what,
                           diag->reason[0] != 0 ? diag->reason : hkp_ter_status_name(st), diag->offset);
}

static hkp_status open_log(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    char path[HKP_MESH__PATH_MAX];
    struct hkp_ter_log_options lo;
    struct hkp_ter_diag diag;
    memset(&diag, 0, sizeof diag);
    hkp_status st = hkp_mesh__path(path, r->dir.path, "ter");
    if (st != HKP_OK) return st;
    hkp_ter_log_options_init(&lo, sizeof lo);
    lo.path = path;
    lo.max_bytes = LOG_MAX_BYTES;
    memcpy(lo.node_id, r->node_id, 16);
    uint8_t secret[64];
    crypto_sign_seed_keypair(lo.device_public, secret, r->dir.keys.a_seed);
    sodium_memzero(secret, sizeof secret);
    if (hkp_ter_capture_boot_id(r->capture, lo.boot_id)) r->boot_flags |= HKP_TER_FLAG_BOOT_MADE;
    st = hkp_ter_log_new(&r->log, &lo, hkp_mesh__mono(), hkp_mesh__wall(), &diag);
    return st == HKP_OK ? HKP_OK : ter_fault(fault, &diag, st, path);
}

/* A damaged database is repaired, and said to have been (D-STO-10): what is missing comes from peers. */
static hkp_status open_store(struct hkp_mesh_runner *r, const char *path, struct hkp_dsm_store_fault *fault) {
    hkp_status st = hkp_dsm_store_open(&r->store, path, 1, fault);
    if (st != HKP_E_IO || strcmp(fault->file, "dsm.sqlite") != 0) return st;
    hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "store: %s: %s", fault->file, fault->what);
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    struct hkp_dsm_store_fault why = *fault;
    if (hkp_dsm_store_repair(path, &done, &why) != HKP_OK) return st;
    hkp_mesh__say(r, HKP_MESH_LOG_NOTE,
                  "store: repaired: %llu rows are whole, %llu were not and are asked for, %llu made anew",
                  (unsigned long long)done.rows, (unsigned long long)done.damaged,
                  (unsigned long long)done.remade);
    return hkp_dsm_store_open(&r->store, path, 1, fault);
}

hkp_status hkp_mesh__host_open(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                               struct hkp_mesh_fault *fault) {
    struct hkp_ter_capture_options co;
    struct hkp_dsm_store_fault sf;
    char path[HKP_MESH__PATH_MAX];
    hkp_ter_capture_options_init(&co, sizeof co);
    co.state_path = r->dir.path;
    co.clock_trusted = opt->clock_trusted;
    hkp_status st = hkp_ter_capture_new(&r->capture, &co, hkp_mesh__mono());
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "/proc", hkp_ter_status_name(st), UINT64_MAX);
    st = open_log(r, fault);
    if (st == HKP_OK) st = hkp_mesh__policy_open(r, fault);
    if (st == HKP_OK) st = hkp_mesh__path(path, r->dir.path, "store");
    if (st != HKP_OK) return st;
    memset(&sf, 0, sizeof sf);
    st = open_store(r, path, &sf);
    if (st != HKP_OK)
        return hkp_mesh__fault(fault, st, sf.file[0] != 0 ? sf.file : path,
                               sf.what[0] != 0 ? sf.what : hkp_dsm_status_name(st), sf.offset);
    return HKP_OK;
}

/* ---- What earlier runs stored ---- */

/* h_{n-1} and TER_{n-1} of a checkpoint at n; 0 if the log does not hold them any more. */
static int log_before(struct hkp_mesh_runner *r, uint64_t n, uint8_t before[96]) {
    uint8_t buf[4 * HKP_TER_LOG_RECORD_MAX];
    struct hkp_ter_log_pos pos;
    struct hkp_ter_cursor first;
    uint8_t a_public[32], secret[64];
    uint64_t from = n >= 2 ? n - 2 : 0;
    int have_h = n == 1, have_ter = 0;
    crypto_sign_seed_keypair(a_public, secret, r->dir.keys.a_seed);
    sodium_memzero(secret, sizeof secret);
    hkp_ter_cursor_init(&first, r->node_id, a_public);
    memcpy(before, first.h, 32);
    if (hkp_ter_log_seek(r->log, from, &pos) != HKP_OK) return 0;
    while (!(have_h && have_ter)) {
        struct hkp_ter_log_record rec;
        size_t len = 0, count = 0;
        uint64_t index = pos.index;
        if (hkp_ter_log_read(r->log, &pos, 1, buf, sizeof buf, &len, &count) != HKP_OK || count == 0)
            return 0;
        if (hkp_ter_log_record_decode(&rec, buf, len) != HKP_OK) return 0;
        if (rec.type != HKP_TER_LOG_TER) continue;
        if (index == n - 1) {
            memcpy(before + 32, rec.body, 64);
            have_ter = 1;
        } else {
            memcpy(before, rec.body + 64, 32); /* h_{n-1} stands beside TER_{n-2} */
            have_h = 1;
        }
        if (index >= n) return 0;
    }
    return 1;
}

static hkp_status log_end(struct hkp_mesh_runner *r) {
    struct hkp_ter_cursor cursor;
    uint8_t bytes[104], tck[256], before[96], boot_id[16];
    struct hkp_ter_tck t;
    hkp_ter_log_cursor(r->log, &cursor);
    hkp_ter_cursor_encode(&cursor, bytes);
    (void)hkp_ter_capture_boot_id(r->capture, boot_id);
    if (hkp_ter_log_last_tck(r->log, tck) != HKP_OK)
        return hkp_mesh_log_end(r->node, bytes, NULL, NULL, boot_id);
    int have = hkp_ter_tck_decode(&t, tck, sizeof tck) == HKP_OK && log_before(r, t.n, before);
    return hkp_mesh_log_end(r->node, bytes, tck, have ? before : NULL, boot_id);
}

static hkp_status restore_log(struct hkp_mesh_runner *r) {
    struct hkp_ter_log_state state = {.struct_size = sizeof state};
    hkp_status st = log_end(r);
    if (st == HKP_OK) st = hkp_ter_log_info(r->log, &state);
    return st == HKP_OK && state.torn_bytes > 0 ? hkp_mesh_log_torn(r->node) : st;
}

static int later_first(const void *a, const void *b) { return strcmp(*(char *const *)b, *(char *const *)a); }

static hkp_status restore_file(struct hkp_mesh_runner *r, const char *dir, const char *name, uint8_t *buf,
                               struct hkp_mesh_fault *fault) {
    char path[HKP_MESH__PATH_MAX];
    size_t len = 0;
    hkp_status st = hkp_mesh__path(path, dir, name);
    if (st == HKP_OK) st = hkp_ter_file_read(path, 1, buf, STORED_MAX, &len);
    if (st == HKP_E_NOTFOUND) st = HKP_E_IO; /* it was listed */
    if (st == HKP_OK) st = hkp_mesh_restore(r->node, name, buf, len);
    if (st == HKP_OK) return HKP_OK;
    if (st == HKP_E_NOTFOUND) { /* of a peer that is configured no more */
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s belongs to no configured peer: left alone", path);
        return HKP_OK;
    }
    return hkp_mesh__fault(fault, st, path,
                           "is damaged, or of another node: neural state is never reset silently", 0);
}

static int is_stored_file(const char *name) {
    static const char *const endings[] = {".live", ".instance", ".certificate", ".trust", ".control"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (strcmp(dot, endings[i]) == 0) return 1;
    return 0;
}

hkp_status hkp_mesh__host_restore(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    char dir_path[HKP_MESH__PATH_MAX];
    char *names[5 * HKP_MESH__MEMBERS_MAX + 4];
    size_t n = 0;
    hkp_status st = restore_log(r);
    if (st == HKP_OK) st = hkp_mesh__path(dir_path, r->dir.path, "neuro");
    if (st != HKP_OK) return st;
    DIR *dir = opendir(dir_path);
    if (dir == NULL) return hkp_mesh__fault(fault, HKP_E_IO, dir_path, strerror(errno), UINT64_MAX);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (!is_stored_file(e->d_name)) continue; /* what an interrupted write left */
        if (n == sizeof names / sizeof names[0]) {
            st = hkp_mesh__fault(fault, HKP_E_LIMIT, dir_path, "holds files of more than 64 peers",
                                 UINT64_MAX);
            break;
        }
        names[n] = strdup(e->d_name);
        if (names[n] == NULL) {
            st = HKP_E_NOMEM;
            break;
        }
        n++;
    }
    closedir(dir);
    qsort(names, n, sizeof names[0], later_first); /* as hkp_mesh_restore() wants it */
    uint8_t *buf = malloc(STORED_MAX);
    if (buf == NULL && st == HKP_OK) st = HKP_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (st == HKP_OK) st = restore_file(r, dir_path, names[i], buf, fault);
        free(names[i]);
    }
    if (buf != NULL) sodium_memzero(buf, STORED_MAX);
    free(buf);
    return st;
}

/* ---- TERs ---- */

static void note_change(struct hkp_mesh_runner *r, const uint8_t h_integrity[20]) {
    if (memcmp(h_integrity, r->h_ref, 20) == 0) hkp_ter_measure_reference_set(r->measure);
}

/* Near its bound the log says what has to be let go (NZ1 5.1(6)). */
static void heed_bound(struct hkp_mesh_runner *r, hkp_time now) {
    struct hkp_ter_log_state state = {.struct_size = sizeof state};
    if (hkp_ter_log_info(r->log, &state) != HKP_OK || state.alarm == HKP_OK || state.let_go <= r->let_go)
        return;
    hkp_mesh__say(r, HKP_MESH_LOG_ERROR,
                  "TER log: %s: %llu of %llu bytes; who needs TERs below %llu is let go",
                  hkp_ter_status_name(state.alarm), (unsigned long long)state.bytes,
                  (unsigned long long)state.max_bytes, (unsigned long long)state.let_go);
    r->let_go = state.let_go;
    hkp_mesh_log_full(r->node, now, state.let_go);
}

void hkp_mesh__host_ter(struct hkp_mesh_runner *r, hkp_time now) {
    uint8_t root[32], h_integrity[20], ter[64];
    struct hkp_ter_cursor cursor;
    uint32_t flags = 0;
    if (now < r->ter_due || !hkp_mesh_may_capture(r->node)) return;
    r->ter_due = now >= r->ter_due + r->ter_period ? now + r->ter_period : r->ter_due + r->ter_period;
    hkp_ter_log_cursor(r->log, &cursor);
    hkp_status st = hkp_ter_measure_run(r->measure, now, root, h_integrity);
    if (st == HKP_OK) {
        note_change(r, h_integrity);
        st = hkp_ter_capture_next(r->capture, now, &cursor, h_integrity, ter, &flags);
    }
    if (st == HKP_E_STATE ||
        st == HKP_E_TER_SOURCE) { /* waits for a clock, or /proc is unreadable just now */
        hkp_mesh__say(r, HKP_MESH_LOG_DEBUG, "no TER now: %s", hkp_ter_status_name(st));
        return;
    }
    /* Durable before visible (NZ1 5.1). */
    if (st == HKP_OK) st = hkp_ter_log_append_ter(r->log, now, hkp_mesh__wall(), ter);
    if (st == HKP_OK) st = hkp_ter_log_sync(r->log, now);
    if (st == HKP_OK) st = hkp_mesh_ter(r->node, now, hkp_mesh__wall(), ter, root, flags | r->boot_flags);
    if (st == HKP_OK) heed_bound(r, now);
    if (st == HKP_OK) hkp_mesh__policy_ter(r, now);
    if (st != HKP_OK) {
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "TER log: %s", hkp_ter_status_name(st));
        r->failed = st;
    }
}

/* ---- What the node asks for ---- */

static void store_file(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    char dir[HKP_MESH__PATH_MAX], path[HKP_MESH__PATH_MAX];
    hkp_status st = hkp_mesh__path(dir, r->dir.path, "neuro");
    if (st == HKP_OK) st = hkp_mesh__path(path, dir, ev->text);
    if (st == HKP_OK && ev->data == NULL) st = unlink(path) == 0 || errno == ENOENT ? HKP_OK : HKP_E_IO;
    if (st == HKP_OK && ev->data != NULL) st = hkp_ter_file_write(path, ev->data, ev->data_len);
    if (st != HKP_OK) {
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "%s cannot be written", path);
        r->failed = st;
    }
    hkp_mesh_stored(r->node, now, ev->ticket, st);
}

static void append_log(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    hkp_status st =
        hkp_ter_log_append(r->log, now, hkp_mesh__wall(), (uint32_t)ev->number, ev->data, ev->data_len);
    if (st == HKP_OK) st = hkp_ter_log_sync(r->log, now);
    if (st != HKP_OK) {
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "TER log: %s", hkp_ter_status_name(st));
        r->failed = st;
    } else if (ev->number == HKP_TER_LOG_REBASE)
        hkp_mesh__policy_logged(r, ev->data);
    hkp_mesh_logged(r->node, now, ev->ticket, st);
}

static void restore_records(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    struct hkp_ter_log_record rec;
    hkp_status st = HKP_OK;
    for (size_t at = 0; st == HKP_OK && at < ev->data_len; at += rec.size) {
        st = hkp_ter_log_record_decode(&rec, ev->data + at, ev->data_len - at);
        if (st == HKP_OK)
            st = hkp_ter_log_append(r->log, now, hkp_mesh__wall(), rec.type, rec.body, rec.body_len);
    }
    if (st == HKP_OK) st = hkp_ter_log_sync(r->log, now);
    if (st != HKP_OK) {
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "TER log: %s", hkp_ter_status_name(st));
        r->failed = st;
    }
    for (size_t at = 0; st == HKP_OK && at < ev->data_len; at += rec.size)
        if (hkp_ter_log_record_decode(&rec, ev->data + at, ev->data_len - at) == HKP_OK &&
            rec.type == HKP_TER_LOG_REBASE)
            hkp_mesh__policy_logged(r, rec.body);
    hkp_mesh_logged(r->node, now, ev->ticket, st);
}

static void read_log(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    static const size_t most = HKP_NEURO_LOG_BYTES_MAX;
    struct hkp_ter_log_pos pos;
    size_t len = 0, count = 0;
    uint8_t *buf = malloc(most);
    hkp_status st = buf != NULL ? hkp_ter_log_seek(r->log, ev->number, &pos) : HKP_E_NOMEM;
    if (st == HKP_OK) st = hkp_ter_log_read(r->log, &pos, HKP_NEURO_LOG_RECORDS_MAX, buf, most, &len, &count);
    if (st != HKP_OK) len = count = 0; /* not held: the node says so to its peer */
    hkp_mesh_log_records(r->node, now, ev->ticket, ev->number, buf, len, count);
    free(buf);
}

static void store_dsm(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    hkp_status st = hkp_dsm_store_apply(r->store, hkp_mesh_dsm(r->node), now, ev->dsm);
    r->dsm_dirty = 1;
    if (st == HKP_OK) return;
    hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "store: %s", hkp_dsm_status_name(st));
    r->failed = st;
}

static void note_refusal(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    for (uint32_t i = 0; i < r->n_refusals; i++)
        if (memcmp(r->refusals[i].node_id, ev->node_id, 16) == 0 &&
            strcmp(r->refusals[i].text, ev->text) == 0) {
            r->refusals[i].count++;
            return;
        }
    if (r->n_refusals == HKP_MESH__REFUSALS_MAX) { /* the oldest goes */
        memmove(r->refusals, r->refusals + 1, (HKP_MESH__REFUSALS_MAX - 1) * sizeof r->refusals[0]);
        r->n_refusals--;
    }
    struct hkp_mesh__refusal *f = &r->refusals[r->n_refusals++];
    memcpy(f->node_id, ev->node_id, 16);
    snprintf(f->text, sizeof f->text, "%s", ev->text);
    f->count = 1;
}

static void note_conviction(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    char who[9];
    hkp_mesh__short(ev->node_id, who);
    hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s: convicted by evidence at height %llu; it leaves at the boundary",
                  who, (unsigned long long)ev->number);
    if (r->n_convictions == HKP_MESH__CONVICTIONS_MAX || ev->data_len > HKP_MESH__EVIDENCE_MAX) return;
    struct hkp_mesh__conviction *c = &r->convictions[r->n_convictions++];
    memcpy(c->node_id, ev->node_id, 16);
    c->epoch = ev->to;
    c->height = ev->number;
    c->evidence_len = ev->data_len;
    if (ev->data_len > 0) memcpy(c->evidence, ev->data, ev->data_len);
}

/* Facts, in words. */
static void tell(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    static const char *const states[] = {"none", "PENDING", "ACTIVE", "STALE", "LOST"};
    static const char *const levels[] = {"none", "WATCH", "ALERT", "BLOCK"};
    char who[9];
    hkp_mesh__short(ev->node_id, who);
    switch (ev->kind) {
    case HKP_MESH_EVENT_STATE: {
        static const char *const names[] = {"DORMANT", "AWAKENING", "AWARE", "SYNCHRONIZED", "AUTONOMOUS"};
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "state %s -> %s%s%s", names[ev->number % 5], names[ev->to % 5],
                      ev->text[0] != 0 ? ": " : "", ev->text);
        break;
    }
    case HKP_MESH_EVENT_PEER_UP:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "peer %s: session in mode %s, opened by %s", who,
                      ev->number ? "R" : "N", ev->to ? "us" : "it");
        break;
    case HKP_MESH_EVENT_PEER_DOWN:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "peer %s: session ended (%s)", who, ev->text);
        break;
    case HKP_MESH_EVENT_REFUSED_BY:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "peer %s refuses us: %s", who, ev->text);
        break;
    case HKP_MESH_EVENT_REFUSED:
        note_refusal(r, ev);
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "refused somebody who calls itself %s: %s", who, ev->text);
        break;
    case HKP_MESH_EVENT_TRUST:
        hkp_mesh__say(r, ev->to < ev->number ? HKP_MESH_LOG_NOTE : HKP_MESH_LOG_DEBUG,
                      "trust in %s: %u.%03u -> %u.%03u (%s)", who, (unsigned)(ev->number >> 16),
                      (unsigned)((ev->number & 0xFFFF) * 1000 >> 16), (unsigned)(ev->to >> 16),
                      (unsigned)((ev->to & 0xFFFF) * 1000 >> 16), ev->text);
        break;
    case HKP_MESH_EVENT_INSTANCE:
        hkp_mesh__say(r, ev->ticket != 0 ? HKP_MESH_LOG_DEBUG : HKP_MESH_LOG_NOTE, "instance %s %s is %s: %s",
                      ev->number ? "towards" : "of", who, ev->to < 5 ? states[ev->to] : "?", ev->text);
        break;
    case HKP_MESH_EVENT_HISTORY:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "own history %llu..%llu: %s", (unsigned long long)ev->number,
                      (unsigned long long)ev->to, ev->text);
        break;
    case HKP_MESH_EVENT_INTEGRITY:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "own integrity %s the reference",
                      ev->number ? "is again" : "differs from");
        break;
    case HKP_MESH_EVENT_THREAT:
        hkp_mesh__say(r, HKP_MESH_LOG_INFO, "threat from %s: level %s", who,
                      ev->to < 4 ? levels[ev->to] : "?");
        break;
    case HKP_MESH_EVENT_FINAL:
        hkp_mesh__say(r, HKP_MESH_LOG_INFO, "checkpoint %llu is final, %llu blocks",
                      (unsigned long long)ev->number, (unsigned long long)ev->to);
        break;
    case HKP_MESH_EVENT_EVIDENCE:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s: %s", who, ev->text);
        break;
    case HKP_MESH_EVENT_SEAT:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s: %s seat from epoch %llu on: %s", who,
                      ev->to != 0 ? "has a" : "has no", (unsigned long long)ev->number, ev->text);
        break;
    case HKP_MESH_EVENT_RESTART:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "RESTART: %s epoch %llu",
                      ev->status == HKP_OK ? "the chain goes on in" : "came to nothing, no",
                      (unsigned long long)ev->number);
        break;
    case HKP_MESH_EVENT_ATTESTED:
        if (ev->status == HKP_OK)
            hkp_mesh__say(r, HKP_MESH_LOG_INFO, "%s: attested by %s, its newest record is %llu", who,
                          ev->to == HKP_DSM_EVIDENCE_TPM ? "its TPM" : "its software",
                          (unsigned long long)ev->number);
        else
            hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s: its attestation is refused: %s", who, ev->text);
        break;
    case HKP_MESH_EVENT_POST:
        hkp_mesh__post_keep(r, ev, who);
        break;
    case HKP_MESH_EVENT_LISTS:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s", ev->text);
        break;
    case HKP_MESH_EVENT_RENEWAL:
        hkp_mesh__renewal_tell(r, ev);
        break;
    case HKP_MESH_EVENT_STARTED:
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "chain loaded at height %llu", (unsigned long long)ev->number);
        break;
    case HKP_MESH_EVENT_DAMAGED:
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "%s", ev->text);
        r->failed = ev->status;
        break;
    default:
        break;
    }
}

void hkp_mesh__host_event(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev) {
    hkp_mesh__audit_event(r, ev);
    hkp_mesh__work_event(r, ev);
    switch (ev->kind) {
    case HKP_MESH_EVENT_STORE_DSM:
        store_dsm(r, now, ev);
        break;
    case HKP_MESH_EVENT_STORE:
        store_file(r, now, ev);
        break;
    case HKP_MESH_EVENT_LOG:
        append_log(r, now, ev);
        break;
    case HKP_MESH_EVENT_LOG_RESTORE:
        restore_records(r, now, ev);
        break;
    case HKP_MESH_EVENT_LOG_READ:
        read_log(r, now, ev);
        break;
    case HKP_MESH_EVENT_LOG_TRIM:
        if (hkp_ter_log_trim(r->log, ev->number) != HKP_OK)
            hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "TER log: old segments cannot be removed");
        break;
    case HKP_MESH_EVENT_PROOF:
        hkp_mesh__control_proof(r, ev);
        break;
    case HKP_MESH_EVENT_CONVICTED:
        note_conviction(r, ev);
        break;
    case HKP_MESH_EVENT_QUOTE:
        hkp_mesh__tpm_quote(r, ev);
        break;
    default:
        tell(r, ev);
        break;
    }
}

void hkp_mesh__host_close(struct hkp_mesh_runner *r) {
    hkp_dsm_store_close(r->store);
    hkp_ter_log_free(r->log);
    hkp_mesh__policy_close(r);
    hkp_ter_measure_free(r->measure);
    hkp_ter_capture_free(r->capture);
}
