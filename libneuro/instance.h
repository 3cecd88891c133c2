/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: what owner and holder have in common. An agreed view (state, gens, slots) that changes only when
 * the host has stored the next one; a short queue of messages; a short queue of events.
 */
#ifndef HKP_LIBNEURO_INSTANCE_H
#define HKP_LIBNEURO_INSTANCE_H

#include "libneuro/msg.h"
#include "libneuro/replay.h"

enum { HKP_NEURO__OUTBOX = 8, HKP_NEURO__EVENTS = 16, HKP_NEURO__SIDE_OWNER = 1, HKP_NEURO__SIDE_HOLDER = 2 };

/* Kinds of snapshots (NZ1 5.3). */
enum {
    HKP_NEURO__SNAP_LIVE = 1,
    HKP_NEURO__SNAP_E_CUR = 2,
    HKP_NEURO__SNAP_V_CUR = 3,
    HKP_NEURO__SNAP_V_PREV = 4
};

enum {
    HKP_NEURO__SNAP_HEAD = 64,
    HKP_NEURO__SNAP_SIZE = 64 + 24 + HKP_TER_CURSOR_SIZE + HKP_NEURO_STATE_SIZE + 16
};

/* How long things wait (SYN-2.5, 2.6). */
#define HKP_NEURO__ANSWER_NS UINT64_C(10000000000)
#define HKP_NEURO__PROPOSE_NS UINT64_C(30000000000)
#define HKP_NEURO__LOG_NS UINT64_C(5000000000)
enum { HKP_NEURO__TRIES = 3, HKP_NEURO__LIVE_EVERY = 3600 };

/** What was agreed: all that must survive a restart. */
struct hkp_neuro__view {
    uint32_t state, cause;
    uint32_t gen_owner, gen_holder;
    uint64_t first_index;
    /** tells this enrolment from every other one here */
    uint64_t id;
    /** E.cur or V.cur; NULL in NONE and LOST */
    hkp_neuro_commit *cur;
    /** V.prev at the holder; NULL at the owner */
    hkp_neuro_commit *prev;
    /** holder: novelty, newest TCK1 */
    struct hkp_neuro_novelty novelty;
    uint32_t has_tck;
    uint8_t tck[256];
};

struct hkp_neuro__message {
    uint32_t stream_class;
    size_t len;
    uint8_t bytes[HKP_NEURO__SHORT_MAX];
};

struct hkp_neuro__core {
    struct hkp_neuro_options opt;
    uint8_t keys[HKP_NEURO_KEYS_MAX * 32];
    uint32_t side;
    hkp_time now;
    struct hkp_neuro_session session;
    struct hkp_neuro__view view;
    /** the next view, from when it was asked to be stored until it is */
    struct hkp_neuro__view staged;
    uint32_t has_staged;
    /** view or staged has to be stored */
    uint32_t store_due;
    uint64_t generation;
    uint64_t ticket;
    /** what the host is storing now: blob of the view or, at an owner, of the live state */
    uint64_t store_ticket, live_ticket;
    uint8_t *blob, *live_blob;
    size_t blob_len, live_len;
    /** 1: the blob is of staged */
    uint32_t blob_staged;
    struct hkp_neuro__message outbox[HKP_NEURO__OUTBOX];
    size_t out_first, out_count;
    struct hkp_neuro_event events[HKP_NEURO__EVENTS];
    size_t event_first, event_count;
    uint64_t refused, accepted, waited;
};

hkp_status hkp_neuro__core_init(struct hkp_neuro__core *core, const struct hkp_neuro_options *opt,
                                uint32_t side, hkp_time now);
void hkp_neuro__core_release(struct hkp_neuro__core *core);
void hkp_neuro__core_now(struct hkp_neuro__core *core, hkp_time now);
struct hkp_neuro__policy hkp_neuro__core_policy(const struct hkp_neuro__core *core);

/** Queue a message of a class: type and body; a full queue drops it (every one is repeated or asked for
 * again). */
void hkp_neuro__core_send(struct hkp_neuro__core *core, uint32_t stream_class, uint32_t type,
                          const uint8_t *body, size_t len);
void hkp_neuro__core_send_range(struct hkp_neuro__core *core, uint32_t type, uint64_t from, uint64_t to);
hkp_status hkp_neuro__core_take(struct hkp_neuro__core *core, uint32_t *stream_class, uint8_t *dst,
                                size_t cap, size_t *len);
void hkp_neuro__core_event(struct hkp_neuro__core *core, const struct hkp_neuro_event *event);
/** Event of the store that is due, or the oldest queued one, or NONE. */
hkp_status hkp_neuro__core_next(struct hkp_neuro__core *core, struct hkp_neuro_event *event);

/** Ask to store staged (its commits are owned by it); what it replaces stays in force until then. */
void hkp_neuro__core_stage(struct hkp_neuro__core *core, const struct hkp_neuro__view *next);
/** A change that takes effect at once and is stored afterwards: state and cause, gens, without new slots. */
void hkp_neuro__core_move(struct hkp_neuro__core *core, uint32_t move, uint32_t cause);
void hkp_neuro__core_gens(struct hkp_neuro__core *core, uint32_t gen_owner, uint32_t gen_holder);
/** 1: the ticket was that of the view, and staged (if it was that) is now in force; 2: of the live state; 0:
 * none. */
int hkp_neuro__core_stored(struct hkp_neuro__core *core, uint64_t ticket, int *was_staged);
void hkp_neuro__core_info(const struct hkp_neuro__core *core, struct hkp_neuro_instance_info *info);

void hkp_neuro__view_release(struct hkp_neuro__view *view);

/* Bytes on disk (snapshot.c). */
size_t hkp_neuro__blob_size(const struct hkp_neuro__view *view);
hkp_status hkp_neuro__blob_write(const struct hkp_neuro__core *core, const struct hkp_neuro__view *view,
                                 uint64_t generation, uint8_t *blob);
hkp_status hkp_neuro__blob_read(struct hkp_neuro__core *core, const uint8_t *blob, size_t len);
hkp_status hkp_neuro__snap_write(const struct hkp_neuro__core *core, uint32_t kind, uint64_t generation,
                                 const struct hkp_neuro__replica *replica, uint8_t *dst);
hkp_status hkp_neuro__snap_read(const struct hkp_neuro__core *core, uint32_t kind, const uint8_t *bytes,
                                size_t len, uint64_t *generation, struct hkp_neuro__replica *replica);

#endif
