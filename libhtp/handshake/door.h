/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* V before a session exists (HTP-4): half-open entries, answers given, rates, cookies. All of fixed size. */
#ifndef HKP_LIBHTP_DOOR_H
#define HKP_LIBHTP_DOOR_H

#include "libhtp/endpoint.h"

enum {
    HKP_HTP__HALF_FREE = 0,
    /** CHALLENGE is to be sealed */
    HKP_HTP__HALF_PENDING = 1,
    /** waits for ATTEST */
    HKP_HTP__HALF_WAIT = 2,
    /** ACCEPT was sent, a session stands beside */
    HKP_HTP__HALF_ACCEPTED = 3,
    /** REJECT was sent */
    HKP_HTP__HALF_REFUSED = 4,

    /** classes of step 11 and of HTP-4.10 */
    HKP_HTP__CLASS_FRESH = 0,
    HKP_HTP__CLASS_REPLAYED = 1,
    HKP_HTP__CLASS_STRANGER = 2,

    HKP_HTP__HALF_PER_NODE = 2,
    HKP_HTP__STRANGERS_PER_SOURCE = 2,
    HKP_HTP__HELLO_PER_SECOND = 1000,
    HKP_HTP__SOURCE_PER_MINUTE = 32,
    HKP_HTP__SOURCE_PER_SECOND = 8,
    HKP_HTP__REJECTS_PER_HELLO = 16
};

#define HKP_HTP__YOUNG (3 * HKP_HTP__SEC)
#define HKP_HTP__ANSWER_LIFE (120 * HKP_HTP__SEC)
#define HKP_HTP__COOKIE_LIFE (120 * HKP_HTP__SEC)
#define HKP_HTP__ANSWER_GAP (200 * HKP_HTP__MS)

struct hkp_htp__half {
    struct hkp_htp__valid_secret v;
    struct hkp_htp_record record;
    uint8_t state, cls, n_case, show_cert;
    /** 1: a HELLO with a ticket was answered by ACCEPT */
    uint8_t resumed;
    /** REJECTs sent to its ATTEST */
    uint8_t rejects;
    uint32_t require, session;
    /** tells this use of the place from earlier ones */
    uint64_t serial;
    hkp_time made, answered;
    struct hkp_htp_path path;
    uint8_t attest_hash[32];
    uint8_t answer[HKP_HTP__BIG];
    size_t answer_len;
    uint32_t older, newer, next_pending;
};

/** A HELLO that got an answer, by B2("", c1). */
struct hkp_htp__given {
    uint8_t key[32];
    hkp_time made, answered;
    uint32_t half, next;
    uint64_t half_serial;
    uint8_t used, rejects;
    uint8_t reject[HKP_HTP__REJECT_SIZE];
};

struct hkp_htp__source {
    uint32_t minute, second;
    uint16_t in_minute, in_second;
};

struct hkp_htp__door {
    struct hkp_htp__half *halves;
    uint32_t oldest, newest, free_half, pending_first, pending_last, n_strangers;
    uint64_t serial;
    struct hkp_htp__given *given;
    uint32_t *given_buckets;
    uint32_t given_mask, given_next;
    struct hkp_htp__source *sources;
    /** theoretical arrival times of two rates per cell of nodes */
    hkp_time (*nodes)[2];
    /** key of HELLO's RDV: all of a flood is hashed under it */
    uint8_t mac1[32];
    uint8_t cookie_key[2][32];
    hkp_time cookie_since;
    uint8_t have_old_cookie;
    uint32_t second, hello_in_second, dh_in_second;
    /** stands in for nodes that do not exist (HTP-4.3) */
    struct hkp_htp__neural_secret dummy;
    uint8_t dummy_a[32];
};

/* tables: door.c */
struct hkp_htp__half *hkp_htp__half_take(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint8_t cls,
                                         const struct hkp_htp_path *path);
void hkp_htp__half_free(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h);
struct hkp_htp__given *hkp_htp__given_find(struct hkp_htp_endpoint *ep, const uint8_t key[32]);
struct hkp_htp__given *hkp_htp__given_add(struct hkp_htp_endpoint *ep, const uint8_t key[32]);

/** ACCEPT answers this one already: it waits for no CHALLENGE. */
void hkp_htp__half_answered(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h);

/* ACCEPT: door_accept.c */

/** What V found out about E. */
struct hkp_htp__found {
    struct hkp_htp_identity identity;
    uint8_t have_identity;
    uint8_t a[32];
    uint8_t n_case;
    uint8_t clock;
    /** of a resumption, borrowed; NULL: none */
    const struct hkp_htp_ticket *ticket;
};

/** A session in ACCEPTED, and ACCEPT in h->answer. HKP_OK, or HKP_E_HTP_LIMIT with nothing of it left. */
hkp_status hkp_htp__door_accept(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, uint64_t wall_us,
                                const struct hkp_htp_path *path, const struct hkp_htp__attest *at,
                                const struct hkp_htp__found *f);
/** Takes the ticket that a HELLO names: 1 if there is one that still holds. It is deleted either way. */
int hkp_htp__door_ticket(struct hkp_htp_endpoint *ep, const struct hkp_htp__valid_secret *v,
                         const struct hkp_htp_record *record, struct hkp_htp_ticket *out);
/** Answers a HELLO that proved its ticket, by an entry just taken. HKP_OK or HKP_E_HTP_LIMIT. */
hkp_status hkp_htp__door_resume(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, uint64_t wall_us,
                                const struct hkp_htp_ticket *ticket);

/* rates: door_rate.c */

/** Counts a HELLO of this source; 1: it must show a cookie. */
int hkp_htp__rate_loaded(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path);
/** Budget of step 6: 1 if a key agreement may be spent on this source now. */
int hkp_htp__rate_dh(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path);
/** Rate of a node that proved itself: 1 if it may go on. */
int hkp_htp__rate_node(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint8_t cls);
/** 1 if both are the same source: IPv4 address or IPv6 /64. */
int hkp_htp__rate_same_source(const struct hkp_htp_path *a, const struct hkp_htp_path *b);

/** 1: the cookie in this HELLO is ours. */
int hkp_htp__cookie_right(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *dgram);
/** Sends RETRY; HKP_OK, or HKP_E_HTP_COOKIE when the HELLO had a wrong one. */
hkp_status hkp_htp__cookie_ask(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                               const uint8_t *dgram);

#endif
