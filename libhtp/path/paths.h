/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Where a session's packets go and by which tokens (HTP-9). The path in use is s->path with s->token_out;
 * entries stand beside it only while something is under way: another path is tried, or the old one may still
 * speak.
 */
#ifndef HKP_LIBHTP_PATHS_H
#define HKP_LIBHTP_PATHS_H

#include <hookprobe/htp.h>

#include "libhtp/flow/flow.h"
#include "libhtp/path/tokens.h"
#include "libhtp/recovery/path_state.h"

struct hkp_htp__session;

enum {
    /** the path in use */
    HKP_HTP__ROUTE_USED = 0,
    /** not validated yet */
    HKP_HTP__ROUTE_TRIED = 1,
    /** in use before */
    HKP_HTP__ROUTE_LEFT = 2,
    /** in use beside the others: SWARM */
    HKP_HTP__ROUTE_OPEN = 3
};

enum {
    /** entries of one session beside those of SWARM */
    HKP_HTP__ROUTES_MAX = 4,
    /** the last 10 s in parts, for the bytes that went by each path (HTP-11.6) */
    HKP_HTP__SWARM_PARTS = 5,
    /** a challenge is repeated so often, then the path is given up (HTP-9.3) */
    HKP_HTP__PATH_REPEATS = 3
};

struct hkp_htp__route {
    struct hkp_htp__route *next;
    struct hkp_htp_path path;
    /** our token in the peer's packets from there, 0: none came yet; place of the peer's for ours, -1: none
     */
    uint64_t token_in;
    int8_t place;
    /** HKP_HTP__ROUTE_*; we opened it; the challenge that is out was answered there */
    uint8_t state, ours, answered;
    /** a challenge is out, to be sent now, was repeated so often */
    uint8_t challenging, challenge_now, repeats;
    /** a response is to be sent; both in packets of 1200 bytes */
    uint8_t response_now, wide;
    uint8_t challenge[8], response[8];
    /** bytes that came from there and went there, while it is tried (HTP-4.6) */
    uint64_t in_bytes, out_bytes;
    /** when the challenge went, is repeated; when the entry is forgotten */
    hkp_time sent_at, again_at, until;
    /** SWARM: we want it beside the others; its index, 1..7 once it is open, and what recovery knows of it */
    uint8_t joins, index;
    struct hkp_htp__path_state *way;
};

/** SWARM, by index of path: 0 is s->path. */
struct hkp_htp__swarm {
    uint32_t bytes[HKP_HTP__PATHS_MAX][HKP_HTP__SWARM_PARTS];
    uint64_t part;
    /** when it began; was set aside, is asked again; anything went by it or was asked */
    hkp_time since[HKP_HTP__PATHS_MAX], aside_at[HKP_HTP__PATHS_MAX], probe_at[HKP_HTP__PATHS_MAX],
        kept_at[HKP_HTP__PATHS_MAX];
    /** bit i: path i had 3 PTOs in a row */
    uint8_t aside;
    /** path of the newest packet that came */
    uint8_t last_in;
    /** the next path that opens takes the place of the oldest */
    uint8_t renew;
    uint32_t epoch;
};

struct hkp_htp__paths {
    struct hkp_htp__tokens tokens;
    /** our token in the newest packets of the path in use */
    uint64_t token_in;
    struct hkp_htp__route *routes;
    /** NULL: one path; index of the path that the next packets go by */
    struct hkp_htp__swarm *swarm;
    uint8_t way;
    /** of the packet that is being taken: its entry, NULL: the path in use, or unknown; it holds other frames
     *  than PATH_* and PAD; it has the largest number so far; its size */
    struct hkp_htp__route *from;
    uint8_t known, other, newest;
    size_t from_bytes;
    /** a response is to be sent on the path in use; as wide as its challenge */
    uint8_t response_now, wide, response[8];
    /** what the owner is told next, HKP_HTP_PATH_*, and of which path */
    uint8_t news;
    struct hkp_htp_path news_path;
    /** E and SWARM: the mode was in force; its owner is told that a path is wanted, that all but one may go;
     *  when a path may be asked for again */
    uint8_t swarming, wanted, spare;
    hkp_time ask_at;
};

/* ---- paths.c: of one session, its tokens ---- */

/** Number 0 of both sides, s->token_in and s->token_out; reset is that of ACCEPT. HKP_OK or HKP_E_NOMEM. */
hkp_status hkp_htp__paths_new(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                              const uint8_t reset[16]);
/** Forgets all tokens and paths. */
void hkp_htp__paths_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** Follows what the peer gave up, gives it new tokens, and forgets what is settled. */
void hkp_htp__paths_refresh(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** A token of the peer for a path: its place, -1: none is unused. And back: RETIRE. */
int hkp_htp__paths_token_take(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__paths_token_leave(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, int place);
/** Place of s->token_out. */
int hkp_htp__paths_place(const struct hkp_htp__session *s);
/** Index of a path that packets go by, -1: it is none. */
int hkp_htp__paths_index(const struct hkp_htp__session *s, const struct hkp_htp_path *path);
int hkp_htp__path_equal(const struct hkp_htp_path *a, const struct hkp_htp_path *b);

/* ---- route.c: other paths and moves ---- */

/** A packet of the session opened, before its frames take effect: where it came from, by which token of ours.
 */
void hkp_htp__paths_heard(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                          const struct hkp_htp_path *path, uint64_t token, uint64_t pn, size_t len);
/** Its frames took effect: the session may move. */
void hkp_htp__paths_settle(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** Frames PATH_CHALLENGE and PATH_RESPONSE of that packet. */
void hkp_htp__paths_on_challenge(struct hkp_htp__paths *p, const uint8_t data[8]);
void hkp_htp__paths_on_response(struct hkp_htp__paths *p, const uint8_t data[8]);
/** An entry, with a challenge out if challenge is set; NULL: no room or no randomness. */
struct hkp_htp__route *hkp_htp__route_add(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                          const struct hkp_htp_path *path, int with_challenge);
void hkp_htp__route_drop(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp__route *r);
/** The entry of the path in use, made if need be; NULL: no room. */
struct hkp_htp__route *hkp_htp__route_used(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** A new challenge goes there; 0: no randomness. */
int hkp_htp__route_challenge(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                             struct hkp_htp__route *r);

/* ---- swarm.c: several paths at once (HTP-11.6) ---- */

struct hkp_htp__route *hkp_htp__swarm_route(const struct hkp_htp__session *s, uint8_t index);
/** Paths that carry packets. */
unsigned hkp_htp__swarm_count(const struct hkp_htp__session *s);
/** Index of the path for the next packets. */
uint8_t hkp_htp__swarm_pick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__swarm_sent(struct hkp_htp__session *s, uint8_t index, size_t len);
/** The entry was validated, and takes part. */
void hkp_htp__swarm_open(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp__route *r);
/** It takes part no more. */
void hkp_htp__swarm_close(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp__route *r);
/** Gives up s->path for the oldest of the others. */
void hkp_htp__swarm_promote(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** The challenge of a path in use was answered, or never. */
void hkp_htp__swarm_answered(struct hkp_htp__session *s, const struct hkp_htp__route *r);
void hkp_htp__swarm_unanswered(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                               const struct hkp_htp__route *r);
/** swarm_calls.c: brings up to date what the owner is asked for. */
void hkp_htp__swarm_wish(const struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
hkp_time hkp_htp__swarm_wake(const struct hkp_htp__session *s);
void hkp_htp__swarm_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);

/* ---- probe.c: challenges and responses on their way ---- */

/** Plaintext of the next packet of PATH frames; out->type stays 0 if there is none. *route: its path, NULL:
 * the one in use. */
void hkp_htp__paths_send(struct hkp_htp__session *s, const struct hkp_htp__flow_slot *slot, uint8_t *dst,
                         struct hkp_htp__flow_out *out, struct hkp_htp__route **route);
/** From one challenge to the next on this path. */
hkp_time hkp_htp__route_interval(const struct hkp_htp__session *s, const struct hkp_htp__route *r);
hkp_time hkp_htp__paths_wake(const struct hkp_htp__session *s);
void hkp_htp__paths_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);

/* ---- reset.c: stateless reset (HTP-9.5) ---- */

enum {
    /** shortest packet that is answered, shortest reset, and how many a second */
    HKP_HTP__RESET_LEAST = 64,
    HKP_HTP__RESET_SIZE = 57,
    HKP_HTP__RESETS_PER_SECOND = 10
};

/** E: the token of V at this place is in use, or no more. */
void hkp_htp__reset_watch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place);
void hkp_htp__reset_unwatch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place);
/** E: 1 if these last bytes of a datagram that nothing could be done with reset a session, which ended. */
int hkp_htp__reset_heard(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path,
                         const uint8_t tail[16]);
/** V: answers a datagram whose token names nothing, if it may. */
void hkp_htp__reset_answer(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *dgram,
                           size_t len);

#endif
