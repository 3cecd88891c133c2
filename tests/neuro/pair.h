/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two nodes around one instance (X>Y): a device with a log, an owner, a holder, two disks that keep what was
 * stored, and a channel that loses, doubles and reorders. Everything follows from one seed.
 */
#ifndef HKP_TESTS_NEURO_PAIR_H
#define HKP_TESTS_NEURO_PAIR_H

#include "alloc.h"
#include "libneuro/holder.h"
#include "libneuro/owner.h"
#include "neuro_support.h"

enum { PAIR_LOG_MAX = 4096, PAIR_CHANNEL = 64, OWNER = 0, HOLDER = 1 };

struct pair_record {
    uint64_t index;
    size_t len;
    uint8_t bytes[HKP_TER_LOG_RECORD_MAX];
};

struct pair_message {
    int to;
    uint32_t stream_class;
    size_t len;
    uint8_t *bytes;
};

struct pair_disk {
    uint8_t *blob;
    size_t len;
};

struct pair {
    uint64_t random;
    /* chances in 256 */
    unsigned loss, twice, crash;
    /* 1: no CKACK of the holder arrives */
    int no_acks;
    hkp_time now;
    uint64_t wall_us;
    struct hkp_neuro_options opt;
    uint8_t device_secret[64], policy_secret[64], policy_public[32], root[32], h_ref[20];
    uint8_t rba[192], tck[256], exported[32];
    uint32_t policy_ver, gen[2];
    /* the reference as the durable log has it */
    struct {
        uint8_t root[32], h_ref[20], rba[192];
        uint32_t policy_ver;
    } kept;
    struct hkp_ter_cursor cursor, before;
    struct pair_record log[PAIR_LOG_MAX];
    size_t n_log, n_durable;
    uint64_t durable;
    hkp_neuro_owner *owner;
    hkp_neuro_holder *holder;
    struct pair_disk disk[2], live;
    struct pair_message channel[PAIR_CHANNEL];
    size_t n_channel;
    int up, mode_r;
    unsigned behind, missing, ready;
    uint64_t commits[2], restarts, lost[2], refused[2], pending_store[2];
    hkp_status last_refusal[2];
};

static inline unsigned pair_chance(struct pair *w) { return (unsigned)(check_random(&w->random) & 255); }

static inline int32_t pair_fill(void *user, uint8_t *dst, size_t len) {
    struct pair *w = (struct pair *)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&w->random);
    return 0;
}

static inline void pair_record(struct pair *w, uint32_t type, const uint8_t *body, size_t len) {
    if (w->n_log == PAIR_LOG_MAX) {
        printf("Bail out! the log of the pair is too small\n");
        exit(1);
    }
    struct pair_record *r = &w->log[w->n_log++];
    r->index = w->cursor.index;
    CHECK_EQ(hkp_ter_log_record_encode(type, body, len, r->bytes, sizeof r->bytes, &r->len), HKP_OK);
}

/* The next TER of the device, appended; healthy: h_integrity is h_ref. */
static inline void pair_ter(struct pair *w, int healthy) {
    uint8_t body[96];
    struct hkp_ter_record rec = {.timestamp_us = w->wall_us, .sequence = (uint16_t)w->cursor.index};
    pair_fill(w, rec.h_entropy, 32);
    memcpy(rec.h_integrity, w->h_ref, 20);
    if (!healthy) rec.h_integrity[0] ^= 0x80;
    rec.chain_crc = w->cursor.has_last ? hkp_ter_crc16(w->cursor.last_ter, 64) : 0;
    hkp_ter_record_encode(&rec, body);
    struct hkp_ter_cursor before = w->cursor, next = w->cursor;
    CHECK_EQ(hkp_ter_cursor_accept(&next, body, 64, NULL), HKP_OK);
    memcpy(body + 64, next.h, 32);
    pair_record(w, HKP_TER_LOG_TER, body, sizeof body);
    w->before = before;
    w->cursor = next;
    if (w->owner != NULL) (void)!hkp_neuro_owner_ter(w->owner, w->now, body);
}

static inline void pair_tck(struct pair *w) {
    struct hkp_ter_tck tck = {
        .n = w->cursor.index, .timestamp_us = hkp_le64(w->cursor.last_ter + 52), .policy_ver = w->policy_ver};
    memcpy(tck.node_id, w->opt.owner_id, 16);
    memcpy(tck.h, w->cursor.h, 32);
    memcpy(tck.root, w->root, 32);
    memcpy(tck.h_ref, w->h_ref, 20);
    if (w->tck[0] != 0) crypto_hash_sha256(tck.prev, w->tck, 256);
    CHECK_EQ(hkp_ter_tck_sign(&tck, w->device_secret, w->tck), HKP_OK);
    pair_record(w, HKP_TER_LOG_TCK, w->tck, 256);
}

static inline void pair_rba(struct pair *w) {
    struct hkp_neuro_rba rba = {.not_after_us = HKP_TER_TIME_MAX, .policy_ver = w->policy_ver};
    memcpy(rba.node_id, w->opt.owner_id, 16);
    memcpy(rba.root, w->root, 32);
    hkp_neuro_rba_sign(&rba, w->policy_secret, w->rba);
}

/* A new reference: logged, applied, followed by a TCK1 (NZ1 11). */
static inline void pair_rebase_to(struct pair *w, const uint8_t root[32]) {
    uint8_t body[200];
    memcpy(w->root, root, 32);
    hkp_ter_ripemd160(w->root, 32, w->h_ref);
    w->policy_ver++;
    pair_rba(w);
    w->wall_us += 1000000;
    pair_ter(w, 1); /* so that the TCK1 that must follow has a TER of its own root */
    hkp_put_le64(body, w->cursor.index);
    memcpy(body + 8, w->rba, 192);
    pair_record(w, HKP_TER_LOG_REBASE, body, sizeof body);
    (void)!hkp_neuro_owner_rebase(w->owner, w->now, w->cursor.index, w->rba);
    pair_tck(w);
}

static inline void pair_rebase(struct pair *w) {
    uint8_t root[32];
    pair_fill(w, root, 32);
    pair_rebase_to(w, root);
}

static inline void pair_sync(struct pair *w) {
    w->durable = w->cursor.index;
    w->n_durable = w->n_log;
    memcpy(w->kept.root, w->root, 32);
    memcpy(w->kept.h_ref, w->h_ref, 20);
    memcpy(w->kept.rba, w->rba, 192);
    w->kept.policy_ver = w->policy_ver;
    if (w->owner != NULL) hkp_neuro_owner_durable(w->owner, w->now, w->durable);
}

static inline void pair_begin(struct pair *w, uint64_t seed) {
    uint8_t device_seed[32], policy_seed[32];
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->now = 1000000000;
    w->wall_us = 1800000000000000U;
    hkp_neuro_options_init(&w->opt, sizeof w->opt);
    w->opt.rng = (struct hkp_rng){w, pair_fill};
    pair_fill(w, w->opt.state_key, 32);
    pair_fill(w, w->opt.chain_id, 32);
    pair_fill(w, w->opt.owner_id, 16);
    pair_fill(w, w->opt.holder_id, 16);
    pair_fill(w, device_seed, 32);
    pair_fill(w, policy_seed, 32);
    pair_fill(w, w->root, 32);
    hkp_ter_ripemd160(w->root, 32, w->h_ref);
    crypto_sign_seed_keypair(w->opt.owner_public, w->device_secret, device_seed);
    crypto_sign_seed_keypair(w->policy_public, w->policy_secret, policy_seed);
    w->opt.policy_keys = w->policy_public;
    w->opt.n_policy_keys = 1;
    w->opt.commit_ters = 24;
    w->opt.log_ns = 2000000000U;
    w->policy_ver = 3;
    pair_rba(w);
    hkp_ter_cursor_init(&w->cursor, w->opt.owner_id, w->opt.owner_public);
    CHECK_EQ(hkp_neuro_owner_new(&w->owner, &w->opt, w->now), HKP_OK);
    CHECK_EQ(hkp_neuro_holder_new(&w->holder, &w->opt, w->now), HKP_OK);
    for (int i = 0; i < 3; i++) {
        w->wall_us += 1000000;
        pair_ter(w, 1);
    }
    pair_tck(w);
    pair_sync(w);
}

static inline void pair_channel_clear(struct pair *w) {
    while (w->n_channel > 0) free(w->channel[--w->n_channel].bytes);
}

static inline void pair_end(struct pair *w) {
    hkp_neuro_owner_free(w->owner);
    hkp_neuro_holder_free(w->holder);
    free(w->disk[0].blob);
    free(w->disk[1].blob);
    free(w->live.blob);
    pair_channel_clear(w);
}

static inline uint32_t pair_state(struct pair *w, int side, struct hkp_neuro_instance_info *out) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    CHECK_EQ(side == OWNER ? hkp_neuro_owner_info(w->owner, &info) : hkp_neuro_holder_info(w->holder, &info),
             HKP_OK);
    if (out != NULL) *out = info;
    return info.state;
}

static inline void pair_session(struct pair *w, int up, int mode_r) {
    struct hkp_neuro_session s = {.up = (uint32_t)up,
                                  .mode_r = (uint32_t)mode_r,
                                  .certificates = 1,
                                  .gen_owner = w->gen[OWNER],
                                  .gen_holder = w->gen[HOLDER],
                                  .allowed = 1,
                                  .has_exported = 1};
    w->up = up;
    w->mode_r = mode_r;
    pair_channel_clear(w);
    if (up) pair_fill(w, w->exported, 32);
    memcpy(s.exported, w->exported, 32);
    hkp_neuro_owner_session(w->owner, w->now, &s);
    hkp_neuro_holder_session(w->holder, w->now, &s);
}

/* A side comes back with what its disk holds; the session was told to be gone. */
static inline void pair_reload(struct pair *w, int side) {
    w->restarts++;
    if (side == OWNER) {
        hkp_neuro_owner_free(w->owner);
        w->owner = NULL;
        /* what was not synced is gone */
        w->n_log = w->n_durable;
        memcpy(w->root, w->kept.root, 32);
        memcpy(w->h_ref, w->kept.h_ref, 20);
        memcpy(w->rba, w->kept.rba, 192);
        w->policy_ver = w->kept.policy_ver;
        struct hkp_ter_cursor c;
        hkp_ter_cursor_init(&c, w->opt.owner_id, w->opt.owner_public);
        w->tck[0] = 0;
        for (size_t i = 0; i < w->n_log; i++) {
            struct hkp_ter_log_record r;
            CHECK_EQ(hkp_ter_log_record_decode(&r, w->log[i].bytes, w->log[i].len), HKP_OK);
            CHECK_EQ(hkp_ter_log_record_apply(&c, w->opt.owner_id, &r), HKP_OK);
            if (r.type == HKP_TER_LOG_TCK) memcpy(w->tck, r.body, 256);
        }
        w->cursor = c;
        CHECK_EQ(w->disk[0].blob == NULL
                     ? hkp_neuro_owner_new(&w->owner, &w->opt, w->now)
                     : hkp_neuro_owner_load(&w->owner, &w->opt, w->now, w->disk[0].blob, w->disk[0].len,
                                            w->live.blob, w->live.len, w->durable),
                 HKP_OK);
        hkp_neuro_owner_durable(w->owner, w->now, w->durable);
    } else {
        hkp_neuro_holder_free(w->holder);
        w->holder = NULL;
        CHECK_EQ(w->disk[1].blob == NULL
                     ? hkp_neuro_holder_new(&w->holder, &w->opt, w->now)
                     : hkp_neuro_holder_load(&w->holder, &w->opt, w->now, w->disk[1].blob, w->disk[1].len),
                 HKP_OK);
    }
}

/* A side dies and comes back. */
static inline void pair_restart(struct pair *w, int side) {
    pair_session(w, 0, 0);
    pair_reload(w, side);
}

static inline void pair_give_log(struct pair *w, const struct hkp_neuro_event *e) {
    static uint8_t records[HKP_NEURO_LOG_BYTES_MAX];
    size_t len = 0, count = 0;
    for (size_t i = 0; i < w->n_durable && count < 40; i++) {
        const struct pair_record *r = &w->log[i];
        const int ter = hkp_le16(r->bytes) == HKP_TER_LOG_TER;
        if (r->index < e->from) continue;
        if (ter && r->index >= e->to) break;
        memcpy(records + len, r->bytes, r->len);
        len += r->len;
        count++;
    }
    const hkp_status st = hkp_neuro_owner_log(w->owner, w->now, e->from, count, records, len);
    CHECK(st == HKP_OK || st == HKP_E_STATE);
}

static inline void pair_disk_put(struct pair_disk *d, const struct hkp_neuro_event *e) {
    free(d->blob);
    d->blob = (uint8_t *)malloc(e->len);
    memcpy(d->blob, e->bytes, e->len);
    d->len = e->len;
}

/* Records that the holder brought back are appended to the log, as they would have been before. */
static inline void pair_restore(struct pair *w, const struct hkp_neuro_event *e) {
    size_t at = 0;
    if (e->from != w->cursor.index) return; /* made more itself, against the rule: told by the next ASK */
    while (at < e->len) {
        struct hkp_ter_log_record r;
        CHECK_EQ(hkp_ter_log_record_decode(&r, e->bytes + at, e->len - at), HKP_OK);
        pair_record(w, r.type, r.body, r.body_len);
        w->before = w->cursor;
        CHECK_EQ(hkp_ter_log_record_apply(&w->cursor, w->opt.owner_id, &r), HKP_OK);
        at += r.size;
    }
    pair_sync(w);
}

static inline struct hkp_neuro_event pair_next(struct pair *w, int side) {
    struct hkp_neuro_event e;
    CHECK_EQ(side == OWNER ? hkp_neuro_owner_event(w->owner, &e) : hkp_neuro_holder_event(w->holder, &e),
             HKP_OK);
    return e;
}

static inline void pair_write(struct pair *w, int side, const struct hkp_neuro_event *e) {
    pair_disk_put(e->slot == HKP_NEURO_SLOT_LIVE ? &w->live : &w->disk[side], e);
}

static inline void pair_confirm(struct pair *w, int side, const struct hkp_neuro_event *e) {
    CHECK_EQ(side == OWNER ? hkp_neuro_owner_stored(w->owner, w->now, e->ticket)
                           : hkp_neuro_holder_stored(w->holder, w->now, e->ticket),
             HKP_OK);
}

/* What an event asks for; 0: nothing. A crash may come before and after the bytes are durable. */
static inline int pair_handle(struct pair *w, int side, const struct hkp_neuro_event *e) {
    switch (e->kind) {
    case HKP_NEURO_EVENT_NONE:
        return 0;
    case HKP_NEURO_EVENT_STORE:
        if (pair_chance(w) < w->crash) {
            pair_restart(w, side);
            return 1;
        }
        pair_write(w, side, e);
        if (pair_chance(w) < w->crash)
            pair_restart(w, side);
        else
            pair_confirm(w, side, e);
        return 1;
    case HKP_NEURO_EVENT_WANT_LOG:
        pair_give_log(w, e);
        return 1;
    case HKP_NEURO_EVENT_COMMIT:
        w->commits[side]++;
        return 1;
    case HKP_NEURO_EVENT_STATE:
        if (e->to == HKP_NEURO_INSTANCE_LOST) w->lost[side]++;
        return 1;
    case HKP_NEURO_EVENT_REFUSED:
        w->refused[side]++;
        w->last_refusal[side] = e->status;
        return 1;
    case HKP_NEURO_EVENT_RESTORED:
        pair_restore(w, e);
        return 1;
    case HKP_NEURO_EVENT_BEHIND:
        w->behind++;
        return 1;
    case HKP_NEURO_EVENT_MISSING:
        w->missing++;
        return 1;
    case HKP_NEURO_EVENT_READY:
        w->ready++;
        return 1;
    default:
        return 1;
    }
}

/* One event of a side; 0: there was none. */
static inline int pair_event(struct pair *w, int side) {
    const struct hkp_neuro_event e = pair_next(w, side);
    return pair_handle(w, side, &e);
}

/* Messages of a side go into the channel: lost, doubled. */
static inline void pair_collect(struct pair *w, int side) {
    static uint8_t bytes[HKP_NEURO_SEND_MAX];
    for (;;) {
        uint32_t stream_class = 0;
        size_t len = 0;
        CHECK_EQ(side == OWNER
                     ? hkp_neuro_owner_send(w->owner, w->now, &stream_class, bytes, sizeof bytes, &len)
                     : hkp_neuro_holder_send(w->holder, w->now, &stream_class, bytes, sizeof bytes, &len),
                 HKP_OK);
        if (len == 0) return;
        if (w->no_acks && bytes[0] == HKP_NEURO_MSG_CKACK) continue;
        const unsigned copies = pair_chance(w) < w->loss ? 0 : pair_chance(w) < w->twice ? 2 : 1;
        for (unsigned i = 0; i < copies && w->n_channel < PAIR_CHANNEL; i++) {
            struct pair_message *m = &w->channel[w->n_channel++];
            *m = (struct pair_message){!side, stream_class, len, (uint8_t *)malloc(len)};
            memcpy(m->bytes, bytes, len);
        }
    }
}

/* A copy of a PROPOSE that arrives after the next commit is by rule 3 of NZ1 17 an old state: ordered streams
 * never bring it, and so this channel does not. */
static inline void pair_drop_stale(struct pair *w) {
    size_t left = 0;
    if (w->holder->core.view.prev == NULL) return;
    for (size_t i = 0; i < w->n_channel; i++) {
        if (w->channel[i].bytes[0] == HKP_NEURO_MSG_PROPOSE &&
            hkp_le64(w->channel[i].bytes + 4) < w->holder->core.view.prev->index)
            free(w->channel[i].bytes);
        else
            w->channel[left++] = w->channel[i];
    }
    w->n_channel = left;
}

/* Any message of the channel is the next. */
static inline void pair_deliver(struct pair *w) {
    pair_drop_stale(w);
    if (w->n_channel == 0) return;
    const size_t k = w->loss + w->twice == 0 ? 0 : (size_t)(check_random(&w->random) % w->n_channel);
    struct pair_message m = w->channel[k];
    w->n_channel--;
    memmove(&w->channel[k], &w->channel[k + 1], (w->n_channel - k) * sizeof m);
    const hkp_status st =
        m.to == OWNER ? hkp_neuro_owner_recv(w->owner, w->now, w->wall_us, m.stream_class, m.bytes, m.len)
                      : hkp_neuro_holder_recv(w->holder, w->now, w->wall_us, m.stream_class, m.bytes, m.len);
    if (st != HKP_OK) w->last_refusal[m.to] = st;
    free(m.bytes);
}

static inline void pair_pump(struct pair *w) {
    for (int i = 0; i < 400; i++) {
        int busy = pair_event(w, OWNER);
        busy |= pair_event(w, HOLDER);
        pair_collect(w, OWNER);
        pair_collect(w, HOLDER);
        if (w->n_channel > 0) {
            pair_deliver(w);
            busy = 1;
        }
        if (!busy) return;
    }
}

/* E.cur is V.cur or V.prev, the very same state (NZ1 17). */
static inline void pair_invariant(struct pair *w) {
    hkp_neuro_commit *e = NULL, *v = NULL;
    uint8_t fe[64], fv[64];
    const uint32_t so = pair_state(w, OWNER, NULL), sh = pair_state(w, HOLDER, NULL);
    if (so == HKP_NEURO_INSTANCE_LOST || sh == HKP_NEURO_INSTANCE_LOST) return;
    if (hkp_neuro_owner_commit(w->owner, 0, &e) != HKP_OK) return;
    CHECK_EQ(hkp_neuro_holder_commit(w->holder, hkp_neuro_commit_index(e), &v), HKP_OK);
    if (v != NULL) {
        hkp_neuro_commit_f(e, fe);
        hkp_neuro_commit_f(v, fv);
        CHECK_MEM(fe, fv, 64);
        CHECK(hkp_neuro_commit_last_us(e) == hkp_neuro_commit_last_us(v));
    }
    hkp_neuro_commit_unref(e);
    hkp_neuro_commit_unref(v);
}

/* A session as the transport would make it: mode R if there is a commit, else N with enrolment. */
static inline void pair_connect(struct pair *w) {
    hkp_neuro_commit *e = NULL, *v = NULL;
    if (hkp_neuro_owner_commit(w->owner, 0, &e) == HKP_OK) {
        const uint64_t ck = hkp_neuro_commit_index(e);
        const hkp_status st = hkp_neuro_holder_commit(w->holder, ck, &v);
        hkp_neuro_commit_unref(e);
        hkp_neuro_commit_unref(v);
        if (st == HKP_OK) {
            hkp_neuro_owner_hold(w->owner, w->now, 1);
            hkp_neuro_holder_handshake(w->holder, w->now, ck, w->gen[OWNER], w->gen[HOLDER]);
            /* ACCEPT may be lost */
            if (pair_chance(w) < w->loss) return;
            hkp_neuro_owner_handshake(w->owner, w->now, ck, w->gen[OWNER], w->gen[HOLDER]);
            hkp_neuro_owner_hold(w->owner, w->now, 0);
            pair_session(w, 1, 1);
            return;
        }
    }
    struct hkp_neuro_enrol_point point;
    pair_session(w, 1, 0);
    if (w->tck[0] == 0 || hkp_le64(w->tck + 24) != w->cursor.index) {
        w->wall_us += 1000000;
        pair_ter(w, 1);
        pair_tck(w);
    }
    pair_sync(w);
    memcpy(point.h_before, w->before.h, 32);
    memcpy(point.ter, w->cursor.last_ter, 64);
    memcpy(point.tck, w->tck, 256);
    memcpy(point.rba, w->rba, 192);
    (void)!hkp_neuro_owner_enrol(w->owner, w->now, &point);
    pair_pump(w);
}

/* Another holder of the same device: what its log got since is here, too, and with the owner of this
 * instance. */
static inline void pair_follow(struct pair *w, const struct pair *device) {
    w->now = device->now;
    w->wall_us = device->wall_us;
    for (; w->n_log < device->n_log; w->n_log++) {
        const struct pair_record *r = &device->log[w->n_log];
        w->log[w->n_log] = *r;
        if (hkp_le16(r->bytes) == HKP_TER_LOG_TER)
            (void)!hkp_neuro_owner_ter(w->owner, w->now, r->bytes + 8);
        else if (hkp_le16(r->bytes) == HKP_TER_LOG_REBASE)
            (void)!hkp_neuro_owner_rebase(w->owner, w->now, r->index, r->bytes + 16);
    }
    w->cursor = device->cursor;
    w->before = device->before;
    w->policy_ver = device->policy_ver;
    memcpy(w->root, device->root, 32);
    memcpy(w->h_ref, device->h_ref, 20);
    memcpy(w->rba, device->rba, 192);
    memcpy(w->tck, device->tck, 256);
    if (device->n_durable == device->n_log) pair_sync(w);
}

/* Both sides do what is due. */
static inline void pair_tend(struct pair *w) {
    hkp_neuro_owner_tick(w->owner, w->now);
    hkp_neuro_holder_tick(w->holder, w->now);
    pair_pump(w);
    pair_invariant(w);
}

/* One second: perhaps a TER, a checkpoint, a sync; both sides do what is due. */
static inline void pair_second(struct pair *w) {
    w->now += 1000000000U;
    w->wall_us += 1000000;
    pair_ter(w, pair_chance(w) >= 8);
    if (w->cursor.index % 16 == 0) {
        const uint8_t *h = w->cursor.last_ter + 32;
        if (memcmp(h, w->h_ref, 20) == 0) pair_tck(w);
    }
    if (pair_chance(w) < 160) pair_sync(w);
    pair_tend(w);
}

#endif
