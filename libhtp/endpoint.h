/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of the endpoint: sessions, tables and the calls between its files. */
#ifndef HKP_LIBHTP_ENDPOINT_H
#define HKP_LIBHTP_ENDPOINT_H

#include "libhtp/flow/flow.h"
#include "libhtp/flow/mode.h"
#include "libhtp/handshake/handshake.h"
#include "libhtp/path/paths.h"
#include "libhtp/wire/record.h"

#include <hookprobe/htp/trace.h>

enum {
    /** RETRY, REJECT and repeated answers that wait to be pulled */
    HKP_HTP__ANSWERS_WAITING = 32,
    /** peers whose REJECT asked us to wait */
    HKP_HTP__BACKOFFS = 64,
    HKP_HTP__RANDOM_POOL = 256,
    HKP_HTP__NONE = 0xFFFFFFFF
};

#define HKP_HTP__MS UINT64_C(1000000)
#define HKP_HTP__SEC UINT64_C(1000000000)
#define HKP_HTP__HANDSHAKE_TIMEOUT (15 * HKP_HTP__SEC)

/** States of HTP-14. */
enum {
    HKP_HTP__S_HELLO = 1,
    HKP_HTP__S_ATTEST = 2,
    HKP_HTP__S_ACCEPTED = 3,
    HKP_HTP__S_UP = 4,
    /** keys erased; only events are left */
    HKP_HTP__S_ENDED = 5
};

/** Events that wait, beside those of the flow. */
enum {
    HKP_HTP__EV_UP = 1,
    HKP_HTP__EV_ALARM = 2,
    HKP_HTP__EV_REKEYED = 4,
    HKP_HTP__EV_CLOCK = 8,
    HKP_HTP__EV_TRUST = 16,
    HKP_HTP__EV_OBSERVED = 32,
    HKP_HTP__EV_RIGHTS = 64
};

/** E's handshake while it lasts. */
struct hkp_htp__edge_run {
    struct hkp_htp__edge_secret hs;
    hkp_time total, next_send, last_retry;
    /** when a copy of HELLO was last sent, and from then to the CHALLENGE; rtt_known: only one copy was sent
     */
    hkp_time hello_at, rtt;
    uint8_t rtt_known;
    /** sends of the newest message so far */
    uint8_t sends;
    /** 1: a copy is to be sent now; which: 0 first HELLO, 1 newest */
    uint8_t want, which, retried, no_common;
    uint32_t require;
    /** what V's certificate says, if it showed a right one */
    struct hkp_htp_identity peer;
    uint8_t certified;
    /** next of those that wait for a quote */
    struct hkp_htp__session *waiting_next;
    /** 1: HELLO carries this ticket */
    uint8_t resuming;
    struct hkp_htp_ticket ticket;
    /** fingerprint of what holds now, for the ticket that ACCEPT gives */
    uint8_t policy[32];
    /** the CHALLENGE that opened and whose quote is not made yet, and when it came; waiting_len 0: none */
    size_t waiting_len;
    uint64_t waiting_us;
    uint8_t waiting[HKP_HTP__BIG];
};

/** A rekey under way: our key, and the frames of HTP-6.3. active: 1 we asked, 2 we answered. */
struct hkp_htp__rekey_secret {
    uint8_t active;
    uint8_t key[32];
    uint8_t request[80];
    uint8_t answer[80];
    uint64_t ck_index;
};

/** What the peer showed of itself: what ATTEST told (from E), its certificate. */
struct hkp_htp__shown {
    uint64_t ter_index;
    uint8_t h_t[32], h_integrity[20], boot_id[16];
    uint32_t policy_ver;
    uint8_t cert_form;
    uint16_t cert_len;
    uint8_t cert[];
};

/** What the owner holds of the peer, and what came of it (HTP-8.6); see session_trust.c. */
struct hkp_htp__standing {
    /** classes that the owner allows */
    uint64_t permit[2];
    uint16_t trust;
    uint8_t judged, stale, validators, integrity;
    /** T and lines in force; before the last change of the lines */
    uint16_t trust_now, trust_before, lines;
    uint8_t line, line_before;
};

struct hkp_htp__session {
    uint64_t id;
    uint32_t index;
    uint8_t state, role, mode, n_case, told, was_up, peer_closed, allow_set, stale, clock, resonance, resumed;
    uint8_t peer[16], peer_a[32];
    uint16_t suite, features, rekey_s, trust_told;
    uint32_t peer_roles;
    uint64_t peer_neuro_gen;
    /** NULL: it showed nothing */
    struct hkp_htp__shown *shown;
    uint64_t token_in, token_out;
    struct hkp_htp_path path, observed;
    uint8_t h_final[32];
    /** epoch n is at n & 1; the other one lives from a REKEY until the old keys are erased, else it is NULL
     */
    struct hkp_htp__epoch_secret *epochs[2];
    struct hkp_htp__epoch0_secret zero;
    uint8_t exporter0[32];
    uint8_t ce[32];
    uint32_t epoch;
    uint64_t pn;
    struct hkp_htp__window window;
    struct hkp_htp__flow *flow;
    /** from ACCEPT to the end */
    struct hkp_htp__paths *paths;
    struct hkp_htp__edge_run *edge;
    /** NULL: none is under way */
    struct hkp_htp__rekey_secret *rekey;
    /** half-open entry that can repeat ACCEPT; HKP_HTP__NONE */
    uint32_t half;
    hkp_time since, up_since, total, old_until, last_heard;
    uint64_t packets_in, packets_out, bytes_in, bytes_out, forged;
    struct hkp_htp__standing standing;
    uint64_t peer_t2, peer_t3;
    /** HKP_HTP__EV_* that wait */
    uint32_t events;
    hkp_status end_result, alarm;
    uint16_t end_reason, retry_after;
    /** lists and heap */
    struct hkp_htp__session *ready_next, *ready_prev, *event_next, *event_prev, *peer_next;
    uint8_t in_ready, in_events;
    uint32_t heap_at;
};

struct hkp_htp__list {
    struct hkp_htp__session *head, *tail;
};

/** A place in the heap of deadlines; the time stands in it, so that moving one reads no other session. */
struct hkp_htp__deadline {
    hkp_time wake;
    struct hkp_htp__session *session;
};

struct hkp_htp__token_slot {
    uint64_t token;
    uint32_t ref;
};

/** A datagram that needs no session. */
struct hkp_htp__answer {
    struct hkp_htp_path path;
    size_t len;
    uint8_t bytes[HKP_HTP__BIG];
};

struct hkp_htp__backoff {
    uint8_t node_id[16];
    hkp_time until;
    uint32_t step_s;
};

struct hkp_htp__door;
struct hkp_htp__tickets;

struct hkp_htp_endpoint {
    struct hkp_htp_options opt;
    struct hkp_htp__self_secret self;
    hkp_time now;
    struct hkp_htp__pools *pools;
    struct hkp_htp_stats stats;
    struct hkp_htp__attest attest;
    uint8_t ce[32];
    /** ECN field of the datagram at hand */
    uint8_t ecn_in;
    struct hkp_htp__ciphers ciphers;
    uint8_t reset_key[32], nonce_key[32], hash_key[16];
    uint8_t pool[HKP_HTP__RANDOM_POOL];
    size_t pool_left;
    /** nonces of packets sealed at one reading of the clocks (HTP-7.2) */
    uint8_t nonces[512];
    size_t nonces_left;
    hkp_time nonces_now;
    uint64_t nonces_wall;
    struct hkp_htp__power power;
    /** CRITICAL: when sessions are put to sleep (HTP-11.7); HKP_TIME_NEVER: not */
    hkp_time sleep_at;
    /** tokens: a table of a power of two */
    struct hkp_htp__token_slot *tokens;
    uint32_t token_slots, token_n;
    /** stateless resets of V: when we began, how many went since */
    hkp_time started, resets_since;
    uint32_t resets;
    struct hkp_htp__session **sessions;
    struct hkp_htp__deadline *heap;
    uint32_t *free_slots;
    uint32_t n_free, n_heap;
    uint64_t serial;
    struct hkp_htp__session **peers;
    uint32_t peer_mask;
    struct hkp_htp__list ready, events;
    /** sessions whose quote is not made yet */
    struct hkp_htp__session *waiting;
    struct hkp_htp__answer *answers;
    uint32_t answers_first, answers_n;
    struct hkp_htp__backoff backoffs[HKP_HTP__BACKOFFS];
    /** NULL: no V */
    struct hkp_htp__door *door;
    /** NULL: none */
    struct hkp_htp__tickets *tickets;
    struct hkp_htp_trace trace;
};

/* ---- endpoint.c: randomness and tables ---- */

/** Draws from the caller's generator; HKP_E_CALLBACK when it fails. */
hkp_status hkp_htp__draw(struct hkp_htp_endpoint *ep, uint8_t *dst, size_t len);
/** A header nonce of the handshake (HTP-7.2). */
hkp_status hkp_htp__draw_nonce(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn, uint8_t nonce[8]);
/** A header nonce of a protected packet. */
hkp_status hkp_htp__packet_nonce(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn,
                                 uint8_t nonce[8]);
hkp_status hkp_htp__draw_stamp(struct hkp_htp_endpoint *ep, uint64_t wall_us, struct hkp_htp__stamp *stamp);
/** A token that nothing here has: not 0. */
hkp_status hkp_htp__draw_token(struct hkp_htp_endpoint *ep, uint64_t *token);
/** Draws that make no key, in the form of struct hkp_rng; user is the endpoint. */
int32_t hkp_htp__draw_small(void *user, uint8_t *dst, size_t len);
/** base +- 10 %. */
hkp_time hkp_htp__jitter(struct hkp_htp_endpoint *ep, hkp_time base);

/** ref: index of a session, or HKP_HTP__HALF_REF | index of a half-open entry; HKP_HTP__RESET_REF | index of
 * a session stands under the name of a reset token, which is no token. */
#define HKP_HTP__HALF_REF UINT32_C(0x80000000)
#define HKP_HTP__RESET_REF UINT32_C(0x40000000)
uint32_t hkp_htp__token_find(const struct hkp_htp_endpoint *ep, uint64_t token);
void hkp_htp__token_put(struct hkp_htp_endpoint *ep, uint64_t token, uint32_t ref);
void hkp_htp__token_drop(struct hkp_htp_endpoint *ep, uint64_t token);
/** 1: the table has room for tokens that are not a session's first. */
int hkp_htp__token_room(const struct hkp_htp_endpoint *ep);
/** 1: something stands under this number. */
int hkp_htp__token_known(const struct hkp_htp_endpoint *ep, uint64_t token);
/** The session with a reset token of this name; HKP_HTP__NONE. */
uint32_t hkp_htp__token_reset(const struct hkp_htp_endpoint *ep, uint64_t name);

/** Counts a drop and returns it. */
hkp_status hkp_htp__drop(struct hkp_htp_endpoint *ep, hkp_status result);
/** Queues a datagram without session; a full queue loses it. */
void hkp_htp__answer_put(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *bytes,
                         size_t len);

/* ---- api.c: routing ---- */

/** One datagram; counts nothing. */
hkp_status hkp_htp__recv_one(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                             uint8_t *dgram, size_t len);

/* ---- sessions.c: the set of sessions ---- */

hkp_status hkp_htp__session_new(struct hkp_htp_endpoint *ep, uint8_t role, const uint8_t peer[16],
                                struct hkp_htp__session **out);
/** Room for what the peer showed and a copy of its certificate in place of an earlier one; HKP_OK or NOMEM.
 */
hkp_status hkp_htp__session_shown(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                  const struct hkp_htp__cert *cert);
/** Its bytes are for those who ask soon (decision 0305); what it said stays. */
void hkp_htp__session_forget_certificate(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__session_unshow(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__session_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** The session that a caller means; NULL if there is none any more. */
struct hkp_htp__session *hkp_htp__session_find(const struct hkp_htp_endpoint *ep, uint64_t id);
/** First session with this peer; follow peer_next and compare peer. */
struct hkp_htp__session *hkp_htp__session_of_peer(const struct hkp_htp_endpoint *ep, const uint8_t peer[16]);
/** Something may be to send or to tell. */
void hkp_htp__session_touch(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__list_drop_ready(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** 1: hkp_htp_event() may have something to tell. */
int hkp_htp__events_wait(struct hkp_htp_endpoint *ep);
void hkp_htp__list_drop_events(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** Puts the deadline of the session in order. */
void hkp_htp__session_schedule(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_time wake);

/* ---- session.c: one established session ---- */

/** What an established session is made from, both roles. */
struct hkp_htp__birth {
    const struct hkp_htp__chain_secret *chain;
    const struct hkp_htp__accept_secret *accept;
    /** moved into epoch 0 */
    struct hkp_htp__neural_secret *neural;
    uint64_t rtt_ns;
};

/** Keys of epoch 0 and the flow. HKP_OK or HKP_E_NOMEM with nothing changed. */
hkp_status hkp_htp__session_start(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                  const struct hkp_htp__birth *b);
/** The session is up: event, at most so many per node, simultaneous open. */
void hkp_htp__session_up(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
hkp_status hkp_htp__session_recv(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 const struct hkp_htp_path *path, const struct hkp_htp__header *header,
                                 uint8_t *dgram, size_t len);
/** What a packet should be like. */
struct hkp_htp__shape {
    /** most bytes */
    size_t max;
    /** bytes of the MTU probe that it is to be, 0: none */
    size_t probe;
    /** packets of one size are wanted: one that is nearly full while more waits is filled up */
    int fill;
};

/** One packet; *len 0: nothing to send. */
hkp_status hkp_htp__session_send(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 uint8_t *dst, const struct hkp_htp__shape *shape, size_t *len);
/** One packet that is about a path and goes there; *len 0: none. *path: where to, or the path in use. */
hkp_status hkp_htp__session_probe(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                  struct hkp_htp_path *path, uint8_t *dst, size_t *len);
/** Chooses where the next packets of _send go. 1: other packets may go elsewhere, so ask again soon. */
int hkp_htp__session_way(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp_path *path);
/** Largest packet of the session now, where _way leads. */
size_t hkp_htp__session_datagram(const struct hkp_htp__session *s);
/** Size of the MTU probe that the session wants to send there now, 0: none. */
size_t hkp_htp__session_mtu_probe(const struct hkp_htp__session *s, const struct hkp_htp_path *path);
/** ECN field for the packets that the session sends now; the same for all of a run. */
uint8_t hkp_htp__session_ecn(const struct hkp_htp__session *s);
void hkp_htp__session_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
hkp_time hkp_htp__session_wake(const struct hkp_htp__session *s);
/** CLOSE with a reason; result is what the caller is told. */
void hkp_htp__session_close_with(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint16_t reason,
                                 hkp_status result);
/** Erases keys; only events are left. */
void hkp_htp__session_end(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_status result,
                          uint16_t reason);
/** Fills the next event of the session; type NONE if there is none. */
void hkp_htp__session_next_event(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                 struct hkp_htp_event *out);

/* ---- session_trust.c ---- */

/** The session is up: what mode and certificates leave of it. */
void hkp_htp__rights_begin(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** Brings what the session accepts up to date; may close it. */
void hkp_htp__rights_apply(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** The classes that the owner allows from now on. */
void hkp_htp__rights_permit(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t low,
                            uint64_t high);

/* ---- api_mode.c: modes and energy ---- */

/** A session is up: with too little energy for it, it has a moment to say what it must. */
void hkp_htp__power_session(struct hkp_htp_endpoint *ep);
/** Puts all sessions to sleep when their time is over. */
void hkp_htp__power_tick(struct hkp_htp_endpoint *ep);

/* ---- rekey.c ---- */

/** Starts a rekey if the session may and one is due or forced. HKP_OK, also when there was nothing to do. */
hkp_status hkp_htp__rekey_start(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, int forced);
/** Takes one REKEY frame: HKP_OK, HKP_E_HTP_REKEY, HKP_E_HTP_INTERNAL, or HKP_E_NOTFOUND for RESONANCE_STALE.
 */
hkp_status hkp_htp__rekey_frame(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                const uint8_t frame[80]);
/** A packet of epoch n opened. */
void hkp_htp__rekey_opened(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint32_t n);
/** Erases the epoch before the current one when its time has come. */
void hkp_htp__rekey_expire(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** Room for the keys that a REKEY frame in this packet may make: 1, or 0 if there is no memory. */
int hkp_htp__rekey_reserve(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t *plain,
                           size_t len, uint16_t type);
/** The keys of epoch n, all zero yet; NULL: no memory. */
struct hkp_htp__epoch_secret *hkp_htp__epoch_make(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                                  uint32_t n);
/** Erases all keys of the session and what a rekey holds. */
void hkp_htp__epochs_erase(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);

/* ---- edge.c, edge_ticket.c ---- */

/** Goes on with each CHALLENGE that waits for its quote. */
void hkp_htp__edge_resume(struct hkp_htp_endpoint *ep, uint64_t wall_us);
hkp_status hkp_htp__edge_recv(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                              const struct hkp_htp__header *header, const uint8_t *dgram, size_t len);
void hkp_htp__edge_send(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint8_t *dst, size_t *len);
/** Puts the ticket of this peer into the handshake if there is one that still holds. */
void hkp_htp__edge_ticket(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                          const struct hkp_htp_record *record);
/** ACCEPT while HELLO is unanswered: that of the ticket. */
hkp_status hkp_htp__edge_resumed(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 const struct hkp_htp__header *header, const uint8_t *dgram, size_t len);
/** V does not know the ticket: a HELLO without one, in the same session. */
hkp_status hkp_htp__edge_afresh(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us);
/** The session of an ACCEPT that opened and was judged; the end of the edge run. */
hkp_status hkp_htp__edge_up(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                            const struct hkp_htp__accept_secret *a, hkp_time rtt);
/** A HELLO with fresh draws, to be sent now. */
hkp_status hkp_htp__edge_hello(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us);
void hkp_htp__edge_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
void hkp_htp__edge_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);

/* ---- door.c, validator.c ---- */

hkp_status hkp_htp__door_new(struct hkp_htp_endpoint *ep);
void hkp_htp__door_free(struct hkp_htp_endpoint *ep);
hkp_status hkp_htp__door_hello(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                               const struct hkp_htp__header *header, const uint8_t *dgram);
hkp_status hkp_htp__door_attest(struct hkp_htp_endpoint *ep, uint32_t half, uint64_t wall_us,
                                const struct hkp_htp_path *path, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len);
/** An ATTEST for a session of ours: repeats ACCEPT or drops. */
hkp_status hkp_htp__door_repeat(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                                const struct hkp_htp_path *path, const uint8_t *dgram, size_t len);
/** A CHALLENGE that waits to be sealed; *len 0: none. */
hkp_status hkp_htp__door_send(struct hkp_htp_endpoint *ep, uint64_t wall_us, struct hkp_htp_path *path,
                              uint8_t *dst, size_t *len);
int hkp_htp__door_pending(const struct hkp_htp_endpoint *ep);
void hkp_htp__door_tick(struct hkp_htp_endpoint *ep);
hkp_time hkp_htp__door_wake(const struct hkp_htp_endpoint *ep);
/** Forgets the entry of a session that is up or gone. */
void hkp_htp__door_release(struct hkp_htp_endpoint *ep, uint32_t half);
void hkp_htp__door_revoke(struct hkp_htp_endpoint *ep, const uint8_t node_id[16]);

#endif
