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
    /** of this node: the write that it waits for before it leaves; 0: none */
    uint64_t ticket;
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

/** What this node said about a claim; expires_s 0: nothing. */
struct hkp_dsm__word {
    uint8_t claim[32];
    uint64_t expires_s;
    uint8_t verdict;
};

struct hkp_dsm__testimony {
    hkp_dsm_claim_table *table;
    /** [max] */
    struct hkp_dsm__claim_file *files;
    struct hkp_dsm__statement **by_id;
    /** [HKP_DSM_CLAIMS], as in the store */
    struct hkp_dsm__word *words;
    uint32_t max;
    /** where the next turn of announcing begins */
    size_t cursor;
    /** of the pool: an eighth at most */
    size_t bytes;
    hkp_time at;
};

/* testimony.c */
hkp_status hkp_dsm__testimony_new(node *n);
/** CLAIM or WITNESS of somebody else. */
hkp_status hkp_dsm__statement_take(node *n, const struct hkp_dsm_view *envelope, struct peer *from,
                                   uint32_t hops);
/** The envelope of this message id, or NULL. */
blob *hkp_dsm__statement_object(const node *n, const uint8_t id[16]);
/** Some of what is open is announced; NULL: to nobody. */
void hkp_dsm__testimony_peer(node *n, struct peer *p);
/** Another list of revocations counts. */
void hkp_dsm__testimony_revoked(node *n);
void hkp_dsm__testimony_tick(node *n);
/** A statement of this node may leave; takes over one reference. */
void hkp_dsm__testimony_durable(node *n, blob *envelope);
/** 1: the META row is what this node said, and was taken; -1: it is damaged; 0: it is another. */
int hkp_dsm__testimony_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);

#endif
