/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Claims and what witnesses say about them, in a running node (testimony.c, D-WIT). */
#ifndef HKP_LIBDSM_TESTIMONY_H
#define HKP_LIBDSM_TESTIMONY_H

#include "libdsm/beside/witness.h"
#include "libdsm/node/limits.h"

enum {
    /** buckets of the table of statements by message id */
    STATEMENT_BUCKETS = 1024,
    /** ids that are announced at once */
    STATEMENT_IDS = 256
};

struct peer;

/** One CLAIM or WITNESS envelope. */
struct hkp_dsm__statement {
    struct hkp_dsm__statement *next;
    blob *envelope;
    uint8_t id[16];
};

/** Envelopes of one claim, at its place of the table. */
struct hkp_dsm__claim_file {
    struct hkp_dsm__statement *claim;
    /** [HKP_DSM_WITNESSES][2]: as in the table; the second one contradicts the first */
    struct hkp_dsm__statement *(*said)[2];
    size_t bytes;
    /** HKP_DSM_CLAIM_*: what the host was told */
    uint32_t told;
};

struct hkp_dsm__testimony {
    hkp_dsm_claim_table *table;
    /** [max] */
    struct hkp_dsm__claim_file *files;
    struct hkp_dsm__statement **by_id;
    uint32_t max;
    /** where the next turn of announcing begins */
    size_t cursor;
    /** of the pool: an eighth at most */
    size_t bytes;
    hkp_time at;
};

/* testimony.c */
hkp_status hkp_dsm__testimony_new(node *n);
/** CLAIM or WITNESS; from NULL: signed here. */
hkp_status hkp_dsm__statement_take(node *n, const struct hkp_dsm_view *envelope, struct peer *from,
                                   uint32_t hops);
/** The envelope of this message id, or NULL. */
blob *hkp_dsm__statement_object(const node *n, const uint8_t id[16]);
/** Some of what is open is announced; NULL: to nobody. */
void hkp_dsm__testimony_peer(node *n, struct peer *p);
/** Another list of revocations counts. */
void hkp_dsm__testimony_revoked(node *n);
void hkp_dsm__testimony_tick(node *n);

#endif
