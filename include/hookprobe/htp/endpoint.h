/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: making an endpoint, its datagrams and time, who it is, sessions that it begins.
 */
#ifndef HOOKPROBE_HTP_ENDPOINT_H
#define HOOKPROBE_HTP_ENDPOINT_H

#include <hookprobe/htp/address.h>
#include <hookprobe/htp/constants.h>
#include <hookprobe/htp/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/** State machine of many sessions. */
struct hkp_htp_endpoint;
typedef struct hkp_htp_endpoint hkp_htp_endpoint;

/** Options of an endpoint; zero means default for every member. Filled by hkp_htp_options_init(). */
struct hkp_htp_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** most sessions, both roles together; default 64 */
    uint32_t sessions_max;
    struct hkp_mem mem;
    /** required */
    struct hkp_rng rng;
    /** required */
    struct hkp_htp_registry registry;
    /** who we are */
    uint8_t node_id[16];
    /** Ed25519 seed of A */
    uint8_t a_seed[32];
    /** X25519 secret of S; all zero: this endpoint answers no HELLO */
    uint8_t s_secret[32];
    /** own certificate[certificate_len], copied; NULL: none */
    const uint8_t *certificate;
    /** 0..HKP_HTP_CERTIFICATE_MAX */
    size_t certificate_len;
    /** D-SIG-4 id of the certificate, sent where the whole does not fit */
    uint8_t certificate_id[32];
    /** what our certificate says, for mode_n() */
    struct hkp_htp_identity own;
    /** HKP_HTP_ALLOW_*; default: suite 1 only */
    uint32_t suites_allowed;
    /** suite that E lists first, HKP_HTP_SUITE_*; default 1 */
    uint32_t suite_first;
    /** HKP_HTP_FEATURE_* offered and accepted */
    uint32_t features;
    /** HKP_HTP_REQUIRE_* for every peer, beside its record's */
    uint32_t require;
    /** 1: certified nodes without a record are admitted (HTP-4.10) */
    uint32_t accept_certified;
    /** 1: show the certificate in CHALLENGE and ATTEST also when nobody demands it */
    uint32_t show_certificate;
    /** seconds, 1..120; default 30 */
    uint32_t heartbeat_s;
    /** seconds, 10..60; default 60 */
    uint32_t rekey_s;
    /** HTP-1.7 HALF_OPEN_MAX; default 1024 */
    uint32_t half_open_max;
    /** HTP-1.7 COOKIE_LOAD; default 256 */
    uint32_t cookie_load;
    /** HTP-1.7 ANSWER_CACHE; default 4096 */
    uint32_t answer_cache;
    /** HTP-1.7 SOURCE_CELLS, a power of two; default 16384 */
    uint32_t source_cells;
    /** HTP-1.7 STRANGERS_MAX; default 64 */
    uint32_t strangers_max;
    /** key agreements for unproved HELLOs in a second: DH_BUDGET; default 4000, about 25 % of a core */
    uint32_t dh_per_second;
    /** HTP-1.7 SESSIONS_PER_NODE; default 2 */
    uint32_t sessions_per_node;
    /** HTP-1.7 STREAMS_MAX per kind and initiator, at most 64; default 64 */
    uint32_t streams_max;
    /** HTP-1.7 CREDIT_SESSION, bytes; default 1,048,576 */
    uint32_t credit_session;
    /** HTP-1.7 CREDIT_STREAM, bytes; default 262,144 */
    uint32_t credit_stream;
    /** most bytes that a session holds for sending; default 1,048,576 */
    uint32_t send_buffer;
    /** bytes of payload buffers that all sessions share; default 16 MiB */
    uint32_t pool_bytes;
    /** what CHALLENGE demands of every E: bit 0 TPM quote, bit 1 certificate */
    uint32_t demands;
    /** 1: this machine cannot be rolled back to an earlier state, so nonces need no clock (HTP-7.2) */
    uint32_t no_rollback;
    /** 1: never send a stateless reset (HTP-9.5): another process may know the tokens that we do not */
    uint32_t no_reset;
    /** K_reset of HTP-9.5, kept across restarts by the caller; all zero: drawn, good until this endpoint ends
     */
    uint8_t reset_key[32];
    /** HKP_HTP_TRANSPORT_* that sessions begin with, HTP-11; default BALANCED */
    uint32_t transport;
    /** HKP_HTP_NAT_* that this endpoint is behind, HTP-8.3; default unknown */
    uint32_t nat;
    /** largest datagram that path MTU discovery may find, 1200..65507 (HTP-9.7); default 16,384; 1200: none
     * is sought */
    uint32_t datagram_max;
    /** for keys and tickets, as hkp_ter_locked_mem() gives it; zero: mem */
    struct hkp_mem secret_mem;
    /** tickets of peers that the endpoint keeps; default sessions_max, at most 4096. The oldest goes */
    uint32_t tickets_max;
    /** 1: gives and uses no tickets: every handshake is a full one (HTP-5.8) */
    uint32_t no_tickets;
    /** controller of all sessions, HKP_HTP_CONGESTION_*; default CUBIC (HTP-10.5) */
    uint32_t congestion;
    /** paths of a session at once where feature SWARM is in use, 2..8; default 4 (HTP-11.6) */
    uint32_t swarm_paths;
    /** this endpoint is number shard_index of shard_count that share one port (HTP-9.1), at most
     *  HKP_HTP_SHARDS_MAX; 0 and 0: it is alone. All have the same keys and reset_key */
    uint32_t shard_index;
    uint32_t shard_count;
};

/**
 * Which of the endpoints that share a port a datagram is for, for callers who hand datagrams on themselves.
 *
 * @param dgram   [len] as received, borrowed
 * @param len     bytes
 * @param shards  how many share the port, 1..HKP_HTP_SHARDS_MAX
 *
 * @return index below shards; 0 for what is too short
 *
 * Cost: none.
 * Source: HTP-9.1, decision 0342.
 * Since: hookprobe-htp 0.1
 */
HKP_API uint32_t hkp_htp_shard_of(const uint8_t *dgram, size_t len, uint32_t shards);

/**
 * Fill options with the defaults: all zero but struct_size.
 *
 * @param options  [size] bytes; caller's, written
 * @param size  bytes, sizeof(struct hkp_htp_options) of the caller
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_options_init(struct hkp_htp_options *options, size_t size);

/**
 * Make an endpoint.
 *
 * @param out  receives the endpoint, which the caller owns; untouched on failure
 * @param options  options; copied, the secrets too; the certificate is copied
 * @param now  nanoseconds, monotonic
 *
 * @retval HKP_OK  made
 * @retval HKP_E_INVAL  an option is out of range, or rng or registry is missing
 * @retval HKP_E_TOOBIG  an option that this build does not know is set
 * @retval HKP_E_NOMEM  the allocator returned nothing
 * @retval HKP_E_UNSUPPORTED  a suite or feature that this machine or build lacks
 * @retval HKP_E_HTP_STATE  the transport mode needs feature MASK, which is not among the features
 * @retval HKP_E_CALLBACK  the generator failed
 *
 * Cost: all allocation of the endpoint; one Ed25519 key expansion.
 * Source: HTP-1.6, HTP-1.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_new(hkp_htp_endpoint **out,
                                                     const struct hkp_htp_options *options, hkp_time now);

/**
 * Release an endpoint, its sessions and pins, and erase its secrets; nothing is sent.
 *
 * @param ep  endpoint or NULL; owned, gone afterwards
 *
 * Cost: one pass over its memory.
 * Source: HTP-6.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_endpoint_free(hkp_htp_endpoint *ep);

/**
 * Hand one received datagram to the endpoint.
 *
 * Call once per datagram in order of arrival, then pull hkp_htp_event() and hkp_htp_send().
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 * @param path  where it came from; borrowed
 * @param dgram  [len] bytes of UDP payload; borrowed for the call, opened in place: its content is lost
 * @param len  bytes, 0..65535
 *
 * @retval HKP_OK  accepted; state may have changed
 * @retval HKP_E_INVAL  path or dgram is NULL
 * @retval HKP_E_HTP_*  dropped and counted under this result, HTP-15.1 numbers 1 to 15 and 16: state
 * unchanged; 16 and above: the handshake or session that it belonged to ended or a REJECT was sent
 *
 * Cost: no allocation; a protected packet costs one AEAD open and, with resonance, two hashes and one PoSF; a
 * HELLO or ATTEST at most two X25519 and two signature operations.
 * Source: HTP-2.8, HTP-3.7, HTP-4.2, HTP-14.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_recv(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                                             const struct hkp_htp_path *path, uint8_t *dgram, size_t len);

/**
 * Go on with the handshakes whose quote was being made.
 *
 * Each asks registry.quote_make() again, with the extraData of before; what is not ready then goes on
 * waiting, until the handshake's own time is up.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 *
 * @retval HKP_OK  done; pull what is to be sent
 * @retval HKP_E_INVAL  ep is NULL
 *
 * Cost: a look at every session; for each that waits what its CHALLENGE costs.
 * Source: HTP-5.5, decision 0117.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_quote_ready(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);

/**
 * Take the next datagram that the endpoint wants to send.
 *
 * Call until *len is 0 after each hkp_htp_recv(), hkp_htp_tick() and call that sends.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 * @param path  receives where it goes
 * @param dst  receives [*len] bytes; caller's
 * @param cap  bytes, at least HKP_HTP_DATAGRAM_MAX
 * @param len  receives 1..cap, or 0 when nothing is to be sent
 *
 * @retval HKP_OK  *len says how much
 * @retval HKP_E_NOSPC  cap is too small; nothing changed
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation; one AEAD seal and, with resonance, two hashes and one PoSF.
 * Source: HTP-7.7, HTP-10.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_send(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                                             struct hkp_htp_path *path, uint8_t *dst, size_t cap,
                                             size_t *len);

/**
 * When hkp_htp_tick() is next needed.
 *
 * @param ep  endpoint; borrowed
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: HTP-14.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API hkp_time hkp_htp_wake(const hkp_htp_endpoint *ep);

/**
 * Let time pass: timers fire, expired things end.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 *
 * Cost: proportional to what is due.
 * Source: HTP-14.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_tick(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);

/**
 * Start a session as E.
 *
 * Requirements on the peer are those of its record and of the options.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 * @param path  where V listens; borrowed
 * @param node_id  V, [16]; borrowed
 * @param peer_s  X25519 key of V, [32]; borrowed
 * @param peer_a  pinned Ed25519 key of V, [32], borrowed; NULL: V must show a certificate
 * @param mode  HKP_HTP_MODE_R or _N; the answer must have the same
 * @param session  receives the number that events will name
 *
 * @retval HKP_OK  HELLO waits in hkp_htp_send(); HKP_HTP_EVENT_UP or _FAILED will follow
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_LIMIT  sessions_max is reached, or this peer asked to wait longer after a REJECT
 * @retval HKP_E_NOTFOUND  mode R and there is no own instance for this peer
 * @retval HKP_E_CALLBACK  generator or registry failed
 * @retval HKP_E_HTP_DH  peer_s is not a usable key
 *
 * Cost: no allocation; two X25519.
 * Source: HTP-5.3, HTP-14.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_connect(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                                                const struct hkp_htp_path *path, const uint8_t node_id[16],
                                                const uint8_t peer_s[32], const uint8_t *peer_a,
                                                uint32_t mode, uint64_t *session);

/**
 * Set what ATTEST says of our TER log from now on.
 *
 * @param ep  endpoint; borrowed, changed
 * @param ter_index  number of TERs made
 * @param h_t  chain value at ter_index, [32]; copied
 * @param h_integrity  of the newest TER, [20]; copied
 * @param policy_ver  policy version in force
 * @param boot_id  [16]; copied
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL; nothing changed
 *
 * Cost: none.
 * Source: HTP-5.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_set_ter(hkp_htp_endpoint *ep, uint64_t ter_index,
                                                         const uint8_t h_t[32], const uint8_t h_integrity[20],
                                                         uint32_t policy_ver, const uint8_t boot_id[16]);

/**
 * Set the collective entropy that ACCEPT and rekeys carry from now on.
 *
 * @param ep  endpoint; borrowed, changed
 * @param ce  [32], zero for none; copied
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL; nothing changed
 *
 * Cost: none.
 * Source: HTP-5.6, HTP-6.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_set_ce(hkp_htp_endpoint *ep, const uint8_t ce[32]);

/**
 * Replace our certificate in handshakes that start from now on.
 *
 * @param ep  endpoint; borrowed, changed
 * @param certificate  [len] bytes; copied; NULL with len 0: none
 * @param len  bytes, 0..HKP_HTP_CERTIFICATE_MAX
 * @param id  D-SIG-4 id, [32]; copied
 * @param own  what it says; copied
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 *
 * Cost: none.
 * Source: HTP-5.4, HTP-8.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_set_certificate(hkp_htp_endpoint *ep,
                                                                 const uint8_t *certificate, size_t len,
                                                                 const uint8_t id[32],
                                                                 const struct hkp_htp_identity *own);

/**
 * End all sessions of a node with CLOSE(IDENTITY) and drop its half-open entries.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param node_id  [16]; borrowed
 *
 * @retval HKP_OK  done, also when there was none
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: one pass over the sessions.
 * Source: HTP-12.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_revoke(hkp_htp_endpoint *ep, hkp_time now,
                                                        const uint8_t node_id[16]);

#ifdef __cplusplus
}
#endif

#endif
