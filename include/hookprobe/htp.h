/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP v1: sessions between two nodes over datagrams (docs/spec/htp.md). A state machine without I/O:
 *
 *     in    hkp_htp_recv(), and the calls that open, send and close
 *     out   hkp_htp_send() and hkp_htp_event(), each pulled until it has nothing more
 *     time  hkp_htp_wake() says when hkp_htp_tick() is next needed
 *
 * An endpoint holds many sessions and plays both roles, E (starts) and V (answers). A session is named by
 * a number that is never used again; a number that names nothing any more gives HKP_E_NOTFOUND.
 *
 * Threads: one endpoint is used by one thread at a time; different endpoints are independent. The
 * functions of struct hkp_htp_registry are called from inside the calls below and must not call back.
 */
#ifndef HOOKPROBE_HTP_H
#define HOOKPROBE_HTP_H

#include <hookprobe/base.h>

#define HKP_HTP_VERSION_MAJOR 0
#define HKP_HTP_VERSION_MINOR 1
#define HKP_HTP_VERSION_PATCH 0
#define HKP_HTP_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/* Results, HTP-15.1: HKP_E_HTP_<name> = HKP_E_HTP_BASE - number. */
enum {
    /** shorter than any packet */
    HKP_E_HTP_SHORT = HKP_E_HTP_BASE - 1,
    /** not version 0x0100; as the end of a connect: no common version */
    HKP_E_HTP_VERSION = HKP_E_HTP_BASE - 2,
    /** unknown packet type */
    HKP_E_HTP_TYPE = HKP_E_HTP_BASE - 3,
    /** flags that this type may not have */
    HKP_E_HTP_FLAGS = HKP_E_HTP_BASE - 4,
    /** a length that this type may not have, or that is not that of the datagram */
    HKP_E_HTP_LENGTH = HKP_E_HTP_BASE - 5,
    /** flow token that names nothing here */
    HKP_E_HTP_TOKEN = HKP_E_HTP_BASE - 6,
    /** resonance value wrong before anything was opened */
    HKP_E_HTP_RDV = HKP_E_HTP_BASE - 7,
    /** cookie present and wrong; a new one was sent */
    HKP_E_HTP_COOKIE = HKP_E_HTP_BASE - 8,
    /** a clear field out of its range */
    HKP_E_HTP_FIELD = HKP_E_HTP_BASE - 9,
    /** key agreement with an all-zero result */
    HKP_E_HTP_DH = HKP_E_HTP_BASE - 10,
    /** does not open */
    HKP_E_HTP_AUTH = HKP_E_HTP_BASE - 11,
    /** seen before, or too old to know */
    HKP_E_HTP_REPLAY = HKP_E_HTP_BASE - 12,
    /** key epoch that is not held */
    HKP_E_HTP_EPOCH = HKP_E_HTP_BASE - 13,
    /** not expected in this state or role */
    HKP_E_HTP_STATE = HKP_E_HTP_BASE - 14,
    /** a table or rate of HTP-1.7 is exhausted */
    HKP_E_HTP_LIMIT = HKP_E_HTP_BASE - 15,
    /** opened, but encoded wrongly */
    HKP_E_HTP_INNER = HKP_E_HTP_BASE - 16,
    /** signature wrong */
    HKP_E_HTP_SIG = HKP_E_HTP_BASE - 17,
    /** certificate or identity not acceptable */
    HKP_E_HTP_IDENTITY = HKP_E_HTP_BASE - 18,
    /** the other side does not hold the neural state named */
    HKP_E_HTP_WCOMMIT = HKP_E_HTP_BASE - 19,
    /** neural proof wrong in the handshake */
    HKP_E_HTP_POSF = HKP_E_HTP_BASE - 20,
    /** resonance value wrong although the packet opened */
    HKP_E_HTP_RDV_NEURAL = HKP_E_HTP_BASE - 21,
    /** a choice outside the offer or the policy */
    HKP_E_HTP_DOWNGRADE = HKP_E_HTP_BASE - 22,
    /** refused by the other side; the reason says why */
    HKP_E_HTP_REJECTED = HKP_E_HTP_BASE - 23,
    /** no answer in time */
    HKP_E_HTP_TIMEOUT = HKP_E_HTP_BASE - 24,
    /** TPM quote missing or wrong */
    HKP_E_HTP_ATTESTATION = HKP_E_HTP_BASE - 25,
    /** clocks differ by more than policy allows */
    HKP_E_HTP_CLOCK = HKP_E_HTP_BASE - 26,
    /** policy does not allow this session */
    HKP_E_HTP_POLICY = HKP_E_HTP_BASE - 27,
    /** malformed frame */
    HKP_E_HTP_FRAME = HKP_E_HTP_BASE - 32,
    /** frame unknown or not allowed in this packet */
    HKP_E_HTP_FRAME_TYPE = HKP_E_HTP_BASE - 33,
    /** acknowledges what was never sent */
    HKP_E_HTP_ACK = HKP_E_HTP_BASE - 34,
    /** more data than was allowed */
    HKP_E_HTP_CREDIT = HKP_E_HTP_BASE - 35,
    /** stream rules broken */
    HKP_E_HTP_STREAM = HKP_E_HTP_BASE - 36,
    /** message framing or compression broken */
    HKP_E_HTP_MESSAGE = HKP_E_HTP_BASE - 37,
    /** resonance layer missing where it must be */
    HKP_E_HTP_RES_MISSING = HKP_E_HTP_BASE - 38,
    /** neural proof wrong inside a session */
    HKP_E_HTP_RESONANCE = HKP_E_HTP_BASE - 39,
    /** rekey rules broken */
    HKP_E_HTP_REKEY = HKP_E_HTP_BASE - 40,
    /** too many packets under one key */
    HKP_E_HTP_KEY_LIMIT = HKP_E_HTP_BASE - 41,
    /** too many forgeries under one key */
    HKP_E_HTP_INTEGRITY_LIMIT = HKP_E_HTP_BASE - 42,
    /** a fault of this library or of a function it was given */
    HKP_E_HTP_INTERNAL = HKP_E_HTP_BASE - 43,
    /** nothing heard for too long */
    HKP_E_HTP_IDLE = HKP_E_HTP_BASE - 48,
    /** stateless reset */
    HKP_E_HTP_RESET = HKP_E_HTP_BASE - 49,
    /** closed by either side */
    HKP_E_HTP_CLOSED = HKP_E_HTP_BASE - 50
};

/* Reasons that travel in REJECT and CLOSE, HTP-15.3; never results. From 64 on they are the application's. */
enum {
    HKP_HTP_REASON_REFUSED = 0,
    HKP_HTP_REASON_VERSION = 1,
    HKP_HTP_REASON_SUITE = 2,
    HKP_HTP_REASON_IDENTITY = 3,
    HKP_HTP_REASON_POLICY = 4,
    HKP_HTP_REASON_ATTESTATION = 5,
    HKP_HTP_REASON_RESONANCE_LOST = 6,
    HKP_HTP_REASON_RESONANCE_STALE = 7,
    HKP_HTP_REASON_OVERLOAD = 8,
    HKP_HTP_REASON_CLOCK = 9,
    HKP_HTP_REASON_DONE = 16,
    HKP_HTP_REASON_SLEEP = 17,
    HKP_HTP_REASON_TRUST = 18,
    HKP_HTP_REASON_REPLACED = 19,
    HKP_HTP_REASON_SHUTDOWN = 20,
    HKP_HTP_REASON_FRAME = 32,
    HKP_HTP_REASON_FRAME_TYPE = 33,
    HKP_HTP_REASON_ACK = 34,
    HKP_HTP_REASON_CREDIT = 35,
    HKP_HTP_REASON_STREAM = 36,
    HKP_HTP_REASON_MESSAGE = 37,
    HKP_HTP_REASON_RES_MISSING = 38,
    HKP_HTP_REASON_RESONANCE = 39,
    HKP_HTP_REASON_REKEY = 40,
    HKP_HTP_REASON_KEY_LIMIT = 41,
    HKP_HTP_REASON_INTEGRITY_LIMIT = 42,
    HKP_HTP_REASON_INTERNAL = 43,
    HKP_HTP_REASON_APPLICATION = 64
};

/* What a caller sees of an ended session or connect, HTP-15.3; the first is the kind of all others. */
enum {
    HKP_HTP_KIND_NONE = 0,
    HKP_HTP_KIND_ERROR = 1,
    HKP_HTP_KIND_AUTHENTICATION = 2,
    HKP_HTP_KIND_RESONANCE = 3,
    HKP_HTP_KIND_EXPIRED = 4
};

/* Constants of the wire and of the interface. */
enum {
    /** UDP port, HTP 1 */
    HKP_HTP_PORT = 8144,
    /** no datagram is larger before path MTU discovery */
    HKP_HTP_DATAGRAM_MAX = 1200,
    /** endpoints that may share one port */
    HKP_HTP_SHARDS_MAX = 64,
    /** who started the session */
    HKP_HTP_ROLE_E = 1,
    /** who answered it */
    HKP_HTP_ROLE_V = 2,
    /** without neural state */
    HKP_HTP_MODE_N = 0,
    /** with neural state */
    HKP_HTP_MODE_R = 1,
    /** AEAD ChaCha20-Poly1305 */
    HKP_HTP_SUITE_CHACHA20_POLY1305 = 1,
    /** AEAD AES-256-GCM, in hardware only */
    HKP_HTP_SUITE_AES256_GCM = 2,
    /** bits of suites_allowed */
    HKP_HTP_ALLOW_CHACHA20_POLY1305 = 1,
    HKP_HTP_ALLOW_AES256_GCM = 2,
    /** bit of features: header masking, HTP-9.6 */
    HKP_HTP_FEATURE_MASK = 2,
    /** bit of features: several paths at once, HTP-11.6 */
    HKP_HTP_FEATURE_SWARM = 4,
    /** classes of streams and datagrams, HTP-10.8 */
    HKP_HTP_STREAM_CONTROL = 0,
    HKP_HTP_STREAM_TER = 1,
    HKP_HTP_STREAM_COMMIT = 2,
    HKP_HTP_STREAM_DSM = 3,
    HKP_HTP_STREAM_MESH = 4,
    HKP_HTP_STREAM_FILE = 5,
    HKP_HTP_STREAM_POLICY = 6,
    HKP_HTP_STREAM_APP = 7,
    /** codes of hkp_htp_stream_stop() and hkp_htp_stream_reset(); from 64 on the application's */
    HKP_HTP_CODE_CANCELLED = 0,
    HKP_HTP_CODE_DENIED = 1,
    HKP_HTP_CODE_EXPIRED = 2,
    HKP_HTP_CODE_TOO_BIG = 3,
    HKP_HTP_CODE_INTERNAL = 4,
    /** verdict of HTP-3.8 on the two clocks */
    HKP_HTP_CLOCK_UNDECIDED = 0,
    HKP_HTP_CLOCK_PASS = 1,
    HKP_HTP_CLOCK_FAIL = 2,
    /** whole certificates travel in the handshake up to this size, HTP-5.4 */
    HKP_HTP_CERTIFICATE_MAX = 884,
    /** TPM quotes, HTP-5.5 */
    HKP_HTP_QUOTE_MAX = 768
};

/** Where a datagram came from or goes to; 32 bytes. */
struct hkp_htp_path {
    /** IPv6 address, or IPv4 as ::ffff:a.b.c.d */
    uint8_t addr[16];
    /** UDP port in host order */
    uint16_t port;
    /** zero */
    uint16_t reserved0;
    /** interface index of a link-local address, else 0 */
    uint32_t scope;
    /** the caller's: number of the socket or carrier; given back with every datagram for this path */
    uint64_t carrier;
};

/* Fields of struct hkp_htp_record and arguments of struct hkp_htp_registry. */
enum {
    /** record.status */
    HKP_HTP_NODE_ACTIVE = 0,
    HKP_HTP_NODE_SUSPENDED = 1,
    HKP_HTP_NODE_REVOKED = 2,
    /** record.neural: mode R is required, is not there yet (first contact), is off by decision */
    HKP_HTP_NEURAL_REQUIRED = 0,
    HKP_HTP_NEURAL_OPEN = 1,
    HKP_HTP_NEURAL_OFF = 2,
    /** record.require and options.require: bits of what a session must have, HTP-4.9 */
    HKP_HTP_REQUIRE_PSK = 1,
    HKP_HTP_REQUIRE_TPM = 2,
    HKP_HTP_REQUIRE_CERTIFICATE = 4,
    HKP_HTP_REQUIRE_PQ = 8,
    HKP_HTP_REQUIRE_CLOCK = 16,
    /** neural(): our own instance (we are E) or our replica of the peer's (we are V) */
    HKP_HTP_SIDE_OWN = 1,
    HKP_HTP_SIDE_REPLICA = 2,
    /** certificate forms of HTP-5.4 */
    HKP_HTP_CERT_NONE = 0,
    HKP_HTP_CERT_ID = 1,
    HKP_HTP_CERT_WHOLE = 2,
    /** note(): value = t1 of a handshake that completed (Unix microseconds) */
    HKP_HTP_NOTE_COMPLETED = 1,
    /** note(): the node proved itself and failed a later check; value = number of the result */
    HKP_HTP_NOTE_FAILED = 2,
    /** note(): RDV or PoSF wrong inside a session, HTP-3.7; value = result number */
    HKP_HTP_NOTE_RESONANCE = 3,
    /** note(): an unproved HELLO named this node; value = result number. Changes nothing of the node */
    HKP_HTP_NOTE_UNPROVED = 4,
    /** note(): what a session with the node may carry changed; value = HKP_HTP_LINE_* of hookprobe/htp/trust.h */
    HKP_HTP_NOTE_RIGHTS = 5,
    /** note(): a HELLO that named this node was refused with a ticket that is not held; value = 0. As
       UNPROVED */
    HKP_HTP_NOTE_TICKET = 6
};

/** What the registry knows of a peer, HTP-12.2. */
struct hkp_htp_record {
    /** Ed25519 key */
    uint8_t a[32];
    /** HKP_HTP_NODE_* */
    uint8_t status;
    /** HKP_HTP_NEURAL_* */
    uint8_t neural;
    /** NZ1 13.5 state of the instance, 0..4; told in ACCEPT */
    uint8_t resonance;
    /** zero */
    uint8_t reserved0;
    /** HKP_HTP_REQUIRE_* */
    uint32_t require;
    /** HKP_HTP_ALLOW_*; 0: those of the endpoint */
    uint32_t suites_allowed;
    /** PCRs that a demanded quote must cover, bits 0..23 */
    uint32_t pcr_mask;
    /** least policy version that the peer must run */
    uint32_t policy_ver;
    /** Q0.16 of the last session, saturating at 65535; told in ACCEPT */
    uint16_t trust;
    /** zero */
    uint16_t reserved1;
    /** t1 of the last completed handshake, Unix microseconds; 0: none */
    uint64_t last_t1;
};

/** The neural inputs of a key epoch, HTP-3.4; pinned until neural_release(). */
struct hkp_htp_neural {
    /** shared secret of the commit */
    uint8_t psk[32];
    /** fingerprint of the state */
    uint8_t f[64];
    /** time of the commit, Unix microseconds */
    uint64_t last_us;
    /** the registry's name for the pinned state, given to posf() and neural_release() */
    uint64_t handle;
};

/** What a verified certificate says. */
struct hkp_htp_identity {
    uint8_t node_id[16];
    /** Ed25519 key */
    uint8_t a[32];
    /** X25519 key, zero if it has none */
    uint8_t s[32];
    /** role bits of the certificate */
    uint32_t roles;
    /** 1: expired, and nothing else is wrong with it (HTP-8.7) */
    uint8_t expired;
    /** zero */
    uint8_t reserved0[3];
    /** neuro_gen of the certificate */
    uint64_t neuro_gen;
    /** Unix seconds until which the certificate is valid; 0: no limit is known */
    uint64_t not_after_s;
};

/** Question to mode_n(): may this session be in mode N? HTP-3.9 */
struct hkp_htp_mode_n {
    /** the peer */
    uint8_t node_id[16];
    /** HKP_HTP_ROLE_* that we play */
    uint8_t role;
    /** 1: own is what we showed */
    uint8_t own_shown;
    /** 1: peer is what the peer showed and certificate() accepted */
    uint8_t peer_shown;
    /** zero */
    uint8_t reserved0[5];
    struct hkp_htp_identity own;
    struct hkp_htp_identity peer;
};

/**
 * A ticket for one resumption (HTP-5.8), secret. It belongs into memory only, locked if possible, and is
 * erased with care.
 */
struct hkp_htp_ticket {
    /** what travels */
    uint8_t id[16];
    /** resumption secret of the session that gave it */
    uint8_t psk_res[32];
    /** fingerprint of what both sides demanded and were when it was given */
    uint8_t policy[32];
    /** Ed25519 key that the peer proved */
    uint8_t peer_a[32];
    /** end of its life on the clock of the endpoint */
    hkp_time until;
    /** what the peer's certificate said, 0 if it showed none */
    uint64_t peer_neuro_gen;
    uint32_t peer_roles;
    /** of the session, and of all that follow from it */
    uint16_t suite;
    uint16_t features;
    uint8_t mode;
    uint8_t n_case;
    /** zero */
    uint8_t reserved0[6];
};

/**
 * The device registry of HTP-12.1 as the endpoint needs it. All members are required but where it says
 * "or NULL". Functions return HKP_OK, HKP_E_NOTFOUND for "no such thing", or another error.
 */
struct hkp_htp_registry {
    /** given to all functions */
    void *user;
    /** the record of a node */
    hkp_status (*find)(void *user, const uint8_t node_id[16], struct hkp_htp_record *out);
    /** commit index of E.cur of our instance towards this node, >= 1 */
    hkp_status (*own_index)(void *user, const uint8_t node_id[16], uint64_t *ck_index);
    /** pins and returns the state of a commit; side is HKP_HTP_SIDE_* */
    hkp_status (*neural)(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                         struct hkp_htp_neural *out);
    /** PoSF over a pinned state; role is 0x45 'E' or 0x56 'V' */
    hkp_status (*posf)(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                       const uint8_t nonce[8], uint8_t tag[32]);
    /** ends one pin */
    void (*neural_release)(void *user, uint64_t handle);
    /** verifies a certificate of data[len] in form HKP_HTP_CERT_ID or _WHOLE; or NULL: none is acceptable */
    hkp_status (*certificate)(void *user, uint32_t form, const uint8_t *data, size_t len, uint64_t wall_us,
                              struct hkp_htp_identity *out);
    /** the case 1..4 of HTP-3.9 that allows mode N, or an error; or NULL: case 1 only, where neural is off */
    hkp_status (*mode_n)(void *user, const struct hkp_htp_mode_n *query, uint8_t *n_case);
    /**
     * makes a TPM quote with this extraData; or NULL: none. HKP_E_LIMIT: it is being made; asked again with
     * the same extraData after hkp_htp_quote_ready()
     */
    hkp_status (*quote_make)(void *user, const uint8_t extra[32], uint32_t pcr_mask, uint8_t *dst, size_t cap,
                             size_t *len);
    /** checks a quote of a node; or NULL: every quote counts as absent */
    hkp_status (*quote_check)(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                              uint32_t pcr_mask, const uint8_t *quote, size_t len);
    /** tells what became of a node, HKP_HTP_NOTE_*; or NULL */
    void (*note)(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value);
    /**
     * keeps a ticket that we gave, in place of the one that the node has; ticket NULL: deletes that. Or NULL,
     * and ticket_take too: the endpoint keeps them (options.tickets_max). For several endpoints that answer
     * as one V
     */
    void (*ticket_put)(void *user, const uint8_t node_id[16], const struct hkp_htp_ticket *ticket);
    /** gives the ticket of a node with this id and deletes it, in one step; HKP_E_NOTFOUND: there is none */
    hkp_status (*ticket_take)(void *user, const uint8_t node_id[16], const uint8_t id[16],
                              struct hkp_htp_ticket *out);
};

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
    /** K_reset of HTP-9.5, kept across restarts by the caller; all zero: drawn, good until this endpoint ends */
    uint8_t reset_key[32];
    /** HKP_HTP_TRANSPORT_* that sessions begin with, HTP-11; default BALANCED */
    uint32_t transport;
    /** HKP_HTP_NAT_* that this endpoint is behind, HTP-8.3; default unknown */
    uint32_t nat;
    /** largest datagram that path MTU discovery may find, 1200..65507 (HTP-9.7); default 16,384; 1200: none is
     *  sought */
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

/** A session as it stands; see hkp_htp_session_info(). */
struct hkp_htp_session_info {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** 1: established, 0: still in the handshake or already closing */
    uint32_t established;
    uint8_t peer[16];
    /** Ed25519 key that the peer proved */
    uint8_t peer_a[32];
    /** HKP_HTP_ROLE_* that we play */
    uint8_t role;
    /** HKP_HTP_MODE_* */
    uint8_t mode;
    /** case 1..4 of HTP-3.9 in mode N, else 0 */
    uint8_t n_case;
    /** HKP_HTP_CLOCK_* of the handshake, or of the last heartbeat */
    uint8_t clock;
    /** resonance state told in ACCEPT */
    uint8_t resonance;
    /** 1: a certificate of either end is expired (HTP-8.7) */
    uint8_t stale;
    /** HKP_HTP_SUITE_* */
    uint16_t suite;
    /** features in use */
    uint32_t features;
    /** current key epoch */
    uint32_t epoch;
    /** trust that the other side told us, Q0.16 */
    uint16_t trust_told;
    /** heartbeat interval in force, seconds */
    uint16_t heartbeat_s;
    /** role bits of the peer's certificate, 0 if it showed none */
    uint32_t peer_roles;
    /** neuro_gen of the peer's certificate */
    uint64_t peer_neuro_gen;
    /** form of the certificate that the peer showed, HKP_HTP_CERT_*; its bytes: hkp_htp_session_certificate()
     */
    uint32_t peer_cert_form;
    /** zero */
    uint32_t reserved0;
    /** smoothed round trip, nanoseconds; 0: none yet */
    uint64_t rtt_ns;
    /** delay variation of RFC 3550, nanoseconds */
    uint64_t jitter_ns;
    /** current path */
    struct hkp_htp_path path;
    /** our address as the peer sees it; zero: not known */
    struct hkp_htp_path observed;
    /** last time a packet with resonance layer opened and verified, monotonic; 0: never */
    hkp_time last_res;
    /** last time any packet opened, monotonic */
    hkp_time last_heard;
    /** t2 and t3 of the peer in the last clock sample, Unix microseconds (start of an unset clock) */
    uint64_t peer_t2;
    uint64_t peer_t3;
    /** collective entropy that ACCEPT or the last rekey told */
    uint8_t ce[32];
    /** E's fields of ATTEST at V: number of TERs, chain value, integrity, policy version, boot */
    uint64_t ter_index;
    uint8_t h_t[32];
    uint8_t h_integrity[20];
    uint32_t policy_ver;
    uint8_t boot_id[16];
    /** commit index of the current epoch, 0 in mode N */
    uint64_t ck_index;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t packets_lost;
    /** packets that did not open, all epochs */
    uint64_t forged;
    uint64_t good_heartbeats;
    /** 1: it came by a ticket, so there are no fields of ATTEST and no certificate (HTP-5.8) */
    uint32_t resumed;
    /** zero */
    uint32_t reserved1;
    /** intervals that passed in silence of the peer (HTP-8.3) */
    uint64_t missed_heartbeats;
};

/* Types of events. */
enum {
    /** nothing waits */
    HKP_HTP_EVENT_NONE = 0,
    /** session is established: peer, role, mode, value = case of HTP-3.9 */
    HKP_HTP_EVENT_UP = 1,
    /** session ended: result, reason; its number names nothing any more */
    HKP_HTP_EVENT_DOWN = 2,
    /** connect ended without a session: result, reason, value = seconds to wait before the next try */
    HKP_HTP_EVENT_FAILED = 3,
    /** the peer opened a stream: stream, stream_class, flag BIDIRECTIONAL */
    HKP_HTP_EVENT_STREAM = 4,
    /** one whole message: stream, stream_class, data[len], valid until the next call on the endpoint */
    HKP_HTP_EVENT_MESSAGE = 5,
    /** the peer will send no more on this stream */
    HKP_HTP_EVENT_FIN = 6,
    /** the peer gave this stream up: code; HKP_HTP_CODE_DENIED also when it may not use the class any more */
    HKP_HTP_EVENT_STREAM_RESET = 7,
    /** the peer wants no more on this stream: code; the endpoint resets it */
    HKP_HTP_EVENT_STREAM_STOPPED = 8,
    /** one datagram: stream_class, data[len], valid until the next call on the endpoint */
    HKP_HTP_EVENT_DATAGRAM = 9,
    /** send buffer or stream credit is free again after HKP_E_LIMIT */
    HKP_HTP_EVENT_WRITABLE = 10,
    /** a heartbeat interval passed well (SYN-2.8); value = round trip in nanoseconds */
    HKP_HTP_EVENT_GOOD_HEARTBEAT = 11,
    /** verdict on the clocks: value = HKP_HTP_CLOCK_* */
    HKP_HTP_EVENT_CLOCK = 12,
    /** a new key epoch is in use: value = epoch */
    HKP_HTP_EVENT_REKEYED = 13,
    /** RDV, PoSF or heartbeat response wrong although the packet opened (HTP-3.7): result */
    HKP_HTP_EVENT_ALARM = 14,
    /** the peer sees us at another address: observed */
    HKP_HTP_EVENT_OBSERVED = 15,
    /** the peer told its trust in us: value = Q0.16 */
    HKP_HTP_EVENT_TRUST = 16,
    /** all messages of a stream were acknowledged, FIN too */
    HKP_HTP_EVENT_DELIVERED = 17,
    /** what the peer may do changed: code = HKP_HTP_LINE_*, value = trust before << 16 | trust now, each Q0.16;
     * more by hkp_htp_session_rights() */
    HKP_HTP_EVENT_RIGHTS = 18,
    /** another transport mode is in force: value = HKP_HTP_TRANSPORT_*, code = HKP_HTP_WHY_* */
    HKP_HTP_EVENT_TRANSPORT = 19,
    /** the session's path: value = HKP_HTP_PATH_* (htp/path.h), observed */
    HKP_HTP_EVENT_PATH = 20,
    /** a message of ours was not acknowledged by its deadline: our direction of the stream was reset */
    HKP_HTP_EVENT_EXPIRED = 21,
    /** a heartbeat interval passed in silence of the peer (HTP-8.3); value = which in a row, 1.. */
    HKP_HTP_EVENT_MISSED_HEARTBEAT = 22,
    /** bits of flags */
    HKP_HTP_FLAG_BIDIRECTIONAL = 1
};

/** One event; members that its type does not name are zero. */
struct hkp_htp_event {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_EVENT_* */
    uint32_t type;
    uint64_t session;
    uint8_t peer[16];
    /** result of HTP-15.1 as status */
    hkp_status result;
    /** HKP_HTP_REASON_* */
    uint16_t reason;
    /** stream code */
    uint16_t code;
    /** HKP_HTP_ROLE_* */
    uint8_t role;
    /** HKP_HTP_MODE_* */
    uint8_t mode;
    /** 0..127, HKP_HTP_STREAM_* */
    uint8_t stream_class;
    /** HKP_HTP_FLAG_* */
    uint8_t flags;
    uint32_t stream;
    /** borrowed; not NULL with MESSAGE and DATAGRAM only */
    const uint8_t *data;
    size_t len;
    uint64_t value;
    struct hkp_htp_path observed;
};

/** What an endpoint did since it was made. */
struct hkp_htp_stats {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** entries of V that wait for ATTEST or for the first packet */
    uint32_t half_open;
    /** sessions, both roles */
    uint32_t sessions;
    /** zero */
    uint32_t reserved0;
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    /** datagrams that changed nothing, by number of the result of HTP-15.1 */
    uint64_t dropped[64];
    uint64_t retries_sent;
    uint64_t rejects_sent;
    uint64_t handshakes_done;
    /** answers not sent because too many waited to be pulled */
    uint64_t answers_lost;
};

/** State machine of many sessions. */
struct hkp_htp_endpoint;
typedef struct hkp_htp_endpoint hkp_htp_endpoint;

/**
 * Version of the library that is linked, as text.
 *
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_version(void);

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
 * Name of a result, for logs.
 *
 * @param status  any value
 *
 * @return such as "HKP_E_HTP_AUTH", NUL-terminated, static; "unknown" for what is neither base nor HTP
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_status_name(hkp_status status);

/**
 * What a host does with a result.
 *
 * @param status  any value
 *
 * @return HKP_CLASS_*; HKP_CLASS_BUG for values that are neither base nor HTP
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API uint32_t hkp_htp_status_class(hkp_status status);

/**
 * Name of a reason of REJECT or CLOSE, for logs.
 *
 * @param reason  any value
 *
 * @return such as "RESONANCE", NUL-terminated, static; "APPLICATION" from 64 on, "UNKNOWN" for gaps
 *
 * Cost: none.
 * Source: HTP-15.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_reason_name(uint16_t reason);

/**
 * Kind of error that a caller is shown for the end of a session or connect.
 *
 * @param result  result of the event
 * @param reason  HKP_HTP_REASON_* of the event
 *
 * @return HKP_HTP_KIND_*
 *
 * Cost: none.
 * Source: HTP-15.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API uint32_t hkp_htp_kind(hkp_status result, uint16_t reason);

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
 * Take the next event.
 *
 * @param ep  endpoint; borrowed, changed
 * @param out  event with struct_size set; written; what it points to is borrowed until the next call on ep
 *
 * @retval HKP_OK  *out holds an event, HKP_HTP_EVENT_NONE if none waits
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: no allocation; a compressed message is inflated here.
 * Source: HTP-10.6, HTP-10.7, HTP-14.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_event(hkp_htp_endpoint *ep, struct hkp_htp_event *out);

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

/**
 * Copy the counters of an endpoint.
 *
 * @param ep  endpoint; borrowed
 * @param out  struct_size set; written up to struct_size
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_stats(const hkp_htp_endpoint *ep, struct hkp_htp_stats *out);

/**
 * Describe a session.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param out  struct_size set; written up to struct_size
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: HTP-8, HTP-12.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_info(const hkp_htp_endpoint *ep, uint64_t session,
                                                     struct hkp_htp_session_info *out);

/**
 * Copy the certificate data that the peer showed in the handshake, until the first rekey forgets them.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param dst  receives [*len] bytes; caller's
 * @param cap  bytes; HKP_HTP_CERTIFICATE_MAX always suffices
 * @param len  receives 0 (none shown, or forgotten), 32 (form 1) or 1..HKP_HTP_CERTIFICATE_MAX (form 2)
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_NOSPC  cap is too small; nothing written
 *
 * Cost: none.
 * Source: HTP-5.4, HTP-5.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_certificate(const hkp_htp_endpoint *ep, uint64_t session,
                                                            uint8_t *dst, size_t cap, size_t *len);

/**
 * Derive key material from a session: EXPORT(epoch, label, context, len).
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param epoch  0, or a key epoch that is held
 * @param label  [label_len] bytes without terminator; borrowed
 * @param label_len  bytes, 1..255
 * @param context  [context_len] bytes; borrowed; NULL if 0
 * @param context_len  bytes
 * @param dst  receives [len] bytes, secret; caller's
 * @param len  bytes, 1..8160
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_HTP_EPOCH  this epoch is not held; nothing written
 *
 * Cost: a few HMACs.
 * Source: HTP-6.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_export(const hkp_htp_endpoint *ep, uint64_t session,
                                                       uint32_t epoch, const uint8_t *label, size_t label_len,
                                                       const uint8_t *context, size_t context_len,
                                                       uint8_t *dst, size_t len);

/**
 * Close a session, or give up a connect; HKP_HTP_EVENT_DOWN or _FAILED follows.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 * @param reason  HKP_HTP_REASON_DONE..SHUTDOWN, or 64 and above; IDENTITY and POLICY too
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 *
 * Cost: no allocation.
 * Source: HTP-14.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_close(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                      uint16_t reason);

/**
 * Ask for a new key epoch now; HKP_HTP_EVENT_REKEYED follows.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 *
 * @retval HKP_OK  started, or one is under way already
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: one X25519.
 * Source: HTP-6.2, HTP-6.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_rekey(hkp_htp_endpoint *ep, hkp_time now, uint64_t session);

/**
 * Say which classes the peer may use; streams of others get STOP with code 1, datagrams are dropped.
 *
 * Of these classes the session accepts what HTP-8.6 leaves (hkp_htp_session_judge()).
 *
 * Data waits until HKP_HTP_EVENT_UP was pulled: call this then, before the next hkp_htp_event(), or all
 * classes are refused until it is called.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param low  bit n allows class n, 0..63
 * @param high  bit n allows class 64 + n
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: none.
 * Source: HTP-8.6, HTP-10.8.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_allow(hkp_htp_endpoint *ep, uint64_t session, uint64_t low,
                                                      uint64_t high);

/**
 * Set the trust in the peer: what it may no longer do ends at once, as with hkp_htp_session_judge(); all else of
 * the last judgement stays. V tells the peer in HB_ACK and CLOSE.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param trust  Q0.16
 *
 * @retval HKP_OK  done; the session may be closing
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: no allocation; one pass over the streams of the session.
 * Source: HTP-8.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_set_trust(hkp_htp_endpoint *ep, uint64_t session,
                                                          uint16_t trust);

/**
 * Open a stream of messages.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream_class  0..127, HKP_HTP_STREAM_*
 * @param bidirectional  1: both may send, 0: only we
 * @param priority  0..7, 0 goes first
 * @param stream  receives the stream number
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_LIMIT  the peer allows no further stream now
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_open(hkp_htp_endpoint *ep, uint64_t session,
                                                    uint32_t stream_class, uint32_t bidirectional,
                                                    uint32_t priority, uint32_t *stream);

/**
 * Send one whole message on a stream.
 *
 * A message of length 0 is sent when len is 0 and message is not NULL.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param message  [len] bytes; copied; NULL with len 0 and fin: only the end
 * @param len  bytes, up to MAX_MESSAGE of the class
 * @param fin  1: the last one; 0: more follow
 *
 * @retval HKP_OK  taken
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  our direction of this stream has ended
 * @retval HKP_E_LIMIT  send buffer full: nothing was taken, HKP_HTP_EVENT_WRITABLE follows
 * @retval HKP_E_TOOBIG  larger than any message of this class
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_send(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                    const uint8_t *message, size_t len, uint32_t fin);

/**
 * Set the longest message that we take on this stream.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param limit  bytes, 1..16 MiB; default MAX_MESSAGE of the class
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 *
 * Cost: none.
 * Source: HTP-10.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_limit(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                     uint32_t limit);

/**
 * Want no more of a stream: sends STOP and drops what still comes.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param code  HKP_HTP_CODE_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  the peer does not send on this stream
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_stop(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                    uint16_t code);

/**
 * Give up our direction of a stream: sends RESET, what was not sent is dropped.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param code  HKP_HTP_CODE_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  we do not send on this stream
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_reset(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                     uint16_t code);

/**
 * Send one unreliable datagram.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream_class  0..127, HKP_HTP_STREAM_*
 * @param data  [len] bytes; copied
 * @param len  bytes, 1..1080
 *
 * @retval HKP_OK  taken; it may still be lost
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_LIMIT  too many wait; nothing was taken
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.2.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_datagram_send(hkp_htp_endpoint *ep, uint64_t session,
                                                      uint32_t stream_class, const uint8_t *data, size_t len);

/* ---- Addresses as text. Pure functions. */

enum {
    /** longest text of hkp_htp_path_format(), NUL included */
    HKP_HTP_PATH_TEXT_MAX = 64
};

/**
 * Read "192.0.2.1:8144", "[2001:db8::1]:8144" or "[fe80::1%3]:8144".
 *
 * @param text  NUL-terminated; borrowed; the port is decimal, the zone a number
 * @param out  receives the path with carrier 0; untouched on failure
 *
 * @retval HKP_OK  read
 * @retval HKP_E_INVAL  text is not an address with a port, or an argument is NULL
 *
 * Cost: no allocation; one pass over the text.
 * Source: RFC 4291 2.2, RFC 4007 11.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_path_parse(const char *text, struct hkp_htp_path *out);

/**
 * Write a path as text, in the form that hkp_htp_path_parse() reads.
 *
 * @param path  borrowed; the carrier is not written
 * @param dst  receives NUL-terminated text; caller's
 * @param cap  bytes; HKP_HTP_PATH_TEXT_MAX is always enough
 *
 * @retval HKP_OK  written
 * @retval HKP_E_NOSPC  cap is too small; nothing was written
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation.
 * Source: RFC 5952.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_path_format(const struct hkp_htp_path *path, char *dst, size_t cap);

#ifdef __cplusplus
}
#endif

#include <hookprobe/htp/congestion.h>
#include <hookprobe/htp/file.h>
#include <hookprobe/htp/mode.h>
#include <hookprobe/htp/path.h>
#include <hookprobe/htp/registry.h>
#include <hookprobe/htp/run.h>
#include <hookprobe/htp/store.h>
#include <hookprobe/htp/store_posix.h>
#include <hookprobe/htp/stream.h>
#include <hookprobe/htp/trace.h>
#include <hookprobe/htp/trust.h>
#include <hookprobe/htp/udp.h>

#endif
