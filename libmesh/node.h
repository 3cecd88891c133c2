/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: one member of a mesh. It owns a transport (libhtp), an agreement (libdsm), the instances of its
 * pairs (libneuro) and a threat cache, and moves messages and verdicts between them. It does no I/O.
 *
 *     node.c          life, clock, events            node_session.c  sessions: when to open which, what they
 * carry node_dsm.c      lanes, blocks, checkpoints     node_neural.c   own TERs, instances, registry's neural
 * part node_registry.c what libhtp asks of a peer     node_trust.c    T of each peer, and what it permits
 *     node_attest.c   challenge and response       node_audit.c    heads of audit logs
 *     node_quote.c    quotes of TPMs, own and others'
 *     node_work.c     policies, orders, workloads  node_work_file.c  what of them survives a restart
 *     node_renewal.c  the own certificate in time
 *     node_enrol.c    first contact                  node_status.c   how it stands
 *     node_keep.c     T and quarantine over a restart  node_recover.c  what a torn log lost
 */
#ifndef HKP_LIBMESH_NODE_H
#define HKP_LIBMESH_NODE_H

#include <hookprobe/dsm.h>
#include <hookprobe/htp.h>
#include <hookprobe/mesh.h>
#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>

#include "libmesh/packet.h"

enum {
    HKP_MESH__PEERS_MAX = 64,
    /** facts that the host has not fetched; the oldest makes room (mesh.md 15) */
    HKP_MESH__FACTS_MAX = 1024,
    /** requests to the host that wait for an answer */
    HKP_MESH__REQUESTS_MAX = 1024,
    /** sessions of one peer at once: ours, its, and one that is being replaced */
    HKP_MESH__LINKS = 3,
    /** what a block with a claim that does not hold costs its author, of 65536: TRUST_RISE of NZ1 */
    HKP_MESH__FALSE_CLAIM = 1024,
    /** how long after an agreement a block must be dated to be judged by it: clocks differ (D-BLK-1) */
    HKP_MESH__CLAIM_SLACK_US = 2000000,
    /** what clocks may differ at both ends of a certificate's time (D-CERT-1) */
    HKP_MESH__EXPIRY_SKEW_S = 300,
    /** a request that belongs to no instance; and of them, those of node_work.c */
    HKP_MESH__OWN_NOBODY = 2,
    HKP_MESH__OWN_WORK = 3,
    /** objects handed to this node that wait for a block of ours */
    HKP_MESH__BRINGING = 32,
    /** objects for the host that wait at once */
    HKP_MESH__POSTS = 16,
    /** proofs under way (D-SYN-4) */
    HKP_MESH__PROOFS = 8,
    /** what such a proof is to show: a block of its own store, a head of it, or what a peer was asked for */
    HKP_MESH__PROOF_OF_BLOCK = 0,
    HKP_MESH__PROOF_OF_HEAD = 1,
    HKP_MESH__PROOF_OF_PEERS = 2,
    /** WANTs of one session whose answers are still told apart */
    HKP_MESH__WANTS = 8,
    /** what is stored of T and quarantine of a peer (decision 0516) */
    HKP_MESH__TRUST_FILE = 96,
    /** so many packets have to go out before their loss is told (D-GSP-8) */
    HKP_MESH__LOSS_PACKETS = 100,
    /** longest message of class DSM (D-GSP-20) */
    HKP_MESH__DSM_MESSAGE_MAX = 2097152
};

/** Files that belong to no peer. */
#define HKP_MESH__WORK_FILE "work.control"
#define HKP_MESH__SECOND 1000000000ULL
#define HKP_MESH__NO_STREAM 0xFFFFFFFFU
/** First and longest wait between two tries to reach a peer (M-CHAN-3). */
#define HKP_MESH__BACKOFF_FIRST (1 * HKP_MESH__SECOND)
#define HKP_MESH__BACKOFF_MOST (60 * HKP_MESH__SECOND)
/** From R to N after a refusal only so often (NZ1 22.4). */
#define HKP_MESH__FALLBACK_EVERY (600 * HKP_MESH__SECOND)
/** An ENROL that was refused or not answered is sent again after this. */
#define HKP_MESH__ENROL_AGAIN (20 * HKP_MESH__SECOND)
/** A PROPOSE that nobody answers for so long is one of an instance that the holder has not seen proven. */
#define HKP_MESH__UNANSWERED (70 * HKP_MESH__SECOND)
/** A lane that the peer refused is tried again after this. */
#define HKP_MESH__LANE_RETRY (5 * HKP_MESH__SECOND)
/** Two sessions of a pair that came within this were opened at once (HTP-14.4). */
#define HKP_MESH__AT_ONCE (5 * HKP_MESH__SECOND)
/** A log is told to forget that many TERs at once, and keeps so many below the last checkpoint. */
#define HKP_MESH__TRIM_STEP 1024U
#define HKP_MESH__TRIM_SPARE (4U * HKP_TER_TCK_EVERY)
/** TER_KEEP (NZ1 22.6), microseconds. */
#define HKP_MESH__TER_KEEP_US (35ULL * 86400 * 1000000)
/** A T that fell is stored so often in a session; its end, quarantine and release are stored at once. */
#define HKP_MESH__TRUST_KEEP_EVERY (10 * HKP_MESH__SECOND)
/** A session that another one of the pair replaces is closed by its opener after this. */
#define HKP_MESH__REPLACE_AFTER (2 * HKP_MESH__SECOND)

/** After a torn log: how long a session is waited for; then, in one, the answer; and the records (NZ1 5.2).
 */
#define HKP_MESH__ASK_FOR (10 * HKP_MESH__SECOND)
#define HKP_MESH__ANSWER_FOR (30 * HKP_MESH__SECOND)
#define HKP_MESH__RESTORE_FOR (60 * HKP_MESH__SECOND)

/** Attestation over one session (node_attest.c). */
struct hkp_mesh__attest {
    /** our stream of class MESH, and the peer's; HKP_MESH__NO_STREAM: not open */
    uint32_t out, in;
    uint32_t sequence;
    uint64_t sent_us;
    struct hkp_mesh__window window;
    /** when it is asked (again), 0: as soon as it may be; when it answers again */
    hkp_time ask_at, answer_at;
    /** records of the peer that we had when we asked */
    uint64_t held;
    /** 1: the peer's newest response was right, and when it came */
    uint8_t ok;
    hkp_time ok_at;
    /** 1: it asked for a quote that is not made yet: of these PCRs, for this nonce; tries so far */
    uint8_t wants_quote, tries;
    uint32_t quote_mask;
    uint8_t quote_nonce[32];
};

/** What the newest response of a peer that was judged was (node_attest.c). */
struct hkp_mesh__attested {
    /** 0: none came */
    hkp_time at;
    hkp_status status;
    uint32_t evidence;
    char reason[108];
    /** public area of its attestation key, as it sent it; the name in its certificate is its hash */
    uint8_t area[HKP_TER_AREA_MAX];
    size_t area_len;
};

/** What is demanded as evidence, and the quote that the host makes (node_quote.c). */
struct hkp_mesh__attester {
    hkp_time every;
    uint32_t pcr_mask, n_digests;
    uint8_t digests[HKP_MESH_ATTEST_DIGESTS * 32];
    /** own attestation key; area_len 0: none */
    uint8_t area[HKP_TER_AREA_MAX];
    size_t area_len;
    /** 0: the host makes none; the link that it is for, and what it is to be bound to */
    uint64_t ticket, session;
    uint32_t peer, mask;
    uint8_t nonce[32], binding[32], extra[32];
    /** link whose turn is next, and why the last quote of a peer did not hold */
    uint32_t turn;
    hkp_status cause;
};

/** One established session of a peer. */
struct hkp_mesh__link {
    /** 0: none */
    uint64_t session;
    uint8_t role, mode, n_case;
    hkp_time since;
    /** our streams; HKP_MESH__NO_STREAM: not open */
    uint32_t lane_out[HKP_DSM_LANES];
    hkp_time lane_retry[HKP_DSM_LANES];
    uint32_t ter_out, commit_out;
    /** of class POLICY, both ways: ours, and the newest of the peer (SYN-2.1) */
    uint32_t post_out, post_in;
    /** our stream of class COMMIT that the peer stopped: what comes on it is still about our instance */
    uint32_t commit_stopped;
    /** newest stream of class TER and of class COMMIT of the peer, and the one before: more are stopped */
    uint32_t ter_in[2];
    /** lane of the peer's stream; NO_STREAM: none */
    uint32_t lane_in[HKP_DSM_LANES];
    /** the peer's streams of class DSM that have not named their lane yet are those in no list */
    uint32_t commit_in;
    /** streams on which the other side's holder gives TERs of the owner back (SYN-2.6) */
    uint32_t back_out, back_in;
    /** the last WANTs of our owner: where each begins, and h there; n_wants counts all */
    struct {
        uint64_t from;
        uint8_t h[32];
    } wants[HKP_MESH__WANTS];
    uint32_t n_wants;
    /** when ENROL may be sent on this link, again after a first time; 0: at once */
    hkp_time enrol_at;
    /** both certificates were shown, and neuro_gen in the peer's */
    uint8_t certified;
    uint32_t peer_gen;
    /** 1: a certificate is expired (HTP-8.7) */
    uint8_t stale;
    /** 1: it began with a revocation list above 7 days (D-CA-8) */
    uint8_t listless;
    /** 1: CLOSE is under way */
    uint8_t closing;
    /** packets that went out and those of them that were lost, when the loss was last told to libdsm */
    uint64_t loss_out, loss_lost;
    struct hkp_mesh__attest attest;
};

/** T of a peer and what it is made of here (NZ1 16). */
struct hkp_mesh__trust {
    struct hkp_neuro_trust now;
    struct hkp_neuro_quarantine quarantine;
    /** wall clock when the present run of sessions began, Unix microseconds; 0: there is none */
    uint64_t session_us;
    /** HKP_HTP_CLOCK_* of the newest session that measured one */
    uint8_t clock;
    /** the last 16 heartbeats, bit 0 the newest, set: good; how many there were; when the next is missed */
    uint32_t beats, beats_known;
    hkp_time beat_due;
    uint8_t contradicted;
    /** 1: an operator released it: a LOST instance does not count against it until another one is */
    uint8_t released;
    /** what of this has to survive a restart: as it was last given to the host, and whether it waits */
    uint8_t file[HKP_MESH__TRUST_FILE];
    uint8_t file_due;
    uint32_t kept_t;
    hkp_time kept_at;
};

/** A message that its stream would not take: [len] bytes of the node's allocator. */
struct hkp_mesh__stuck {
    uint8_t *bytes;
    size_t len;
    /** lane of class DSM, or HKP_NEURO_CLASS_* */
    uint32_t kind;
};

/** Newest values of a node, and the stream that they are of; zeros: none. */
struct hkp_mesh__told {
    uint8_t stream[16];
    struct hkp_mesh_telemetry now;
};

/** A certificate that was looked at: its serial and its id, zeros for any. */
struct hkp_mesh__looked {
    uint64_t serial;
    uint8_t id[32];
};

struct hkp_mesh__peer {
    uint8_t node_id[16];
    uint8_t s[32], a[32];
    struct hkp_htp_path path;
    /** [certificate_len] of certificate; known: it was checked; unsaved: the host has not stored it yet */
    uint8_t certificate[HKP_DSM_CERTIFICATE_MAX];
    size_t certificate_len;
    uint8_t known, unsaved;
    uint32_t group, roles, neuro_gen;
    uint64_t serial, not_after_s;
    /** newest certificate that libdsm held and that was looked at (node_renewal.c) */
    struct hkp_mesh__looked seen;
    /** seat in the validator set */
    uint8_t seated;
    /** when it may bring something for the host again */
    hkp_time post_at;
    /** 1: revoked, and told so */
    uint8_t barred;
    /** newest head of its audit log; size 0: none */
    struct hkp_dsm_audit_head audit;
    /** what it tells of itself */
    struct hkp_mesh__told telemetry;
    /** sessions were judged since its measured files differ */
    uint8_t change_told;

    struct hkp_mesh__link links[HKP_MESH__LINKS];
    /** a handshake that we began */
    uint64_t connecting;
    uint8_t connecting_mode;
    hkp_time retry_at, backoff, fallback_at;
    /** address of its record that is tried next */
    uint32_t address_turn;
    uint8_t want_n;
    /** a session in mode R of ours has come about since the last one that ended by itself */
    uint8_t proved;
    /** the open PROPOSE of our instance, and since when it waits for an answer */
    uint64_t asked_index;
    hkp_time asked_at;
    /** PENDING of ours that the peer does not know: its commit, to be enrolled again */
    uint8_t refused_pending;
    uint64_t refused_index;
    /** a REKEY of ours names our commit and is not answered: no PROPOSE meanwhile (NZ1 17) */
    uint8_t naming;

    hkp_neuro_owner *own;
    hkp_neuro_holder *held;
    /** by our clock: since when held has its newest commit, or its state */
    uint64_t agreed_us;
    struct hkp_mesh__trust trust;
    /** after a torn log: what it said, and the index and h of its HAVE above our log; 0: none */
    uint32_t answer;
    uint64_t have;
    uint8_t have_h[32];
    /** t1 of its last completed handshake (HTP-12.2) */
    uint64_t last_t1;
    uint64_t refused, refused_by;

    /** lanes told to libdsm; 0xFF: peer is not up there */
    uint32_t dsm_lanes;
    uint8_t dsm_up;
    /** the session for which it is up there */
    uint64_t dsm_session;
    /** sessions that owner and holder were told; 0: none */
    uint64_t own_session, held_session;
    /** live state of the own instance from an earlier run, until it is loaded */
    uint8_t *live;
    size_t live_len;
    struct hkp_mesh__stuck stuck_dsm, stuck_own, stuck_held;
    struct hkp_mesh__attested attested;
};

/** A request to the host. */
struct hkp_mesh__request {
    uint64_t ticket;
    uint32_t kind;
    /** index of the peer, and whether it is the own instance (1) or the held one (0), or of no instance */
    uint32_t peer;
    uint32_t own;
    /** ticket of libneuro */
    uint64_t inner;
};

/** What a log lost comes back (node_recover.c). */
struct hkp_mesh__recover {
    /** the log was torn; on: no TER is made; ter_made: one was; restored: records came back */
    uint8_t torn, on, ter_made, restored, offered;
    hkp_time until, give_up;
    /** records, or without them the record of a type, on their way to the log; 0: none */
    uint64_t ticket;
    uint8_t *records;
    size_t len, cap;
    uint32_t type;
    uint8_t body[120];
    /** in force when that is durable */
    struct hkp_ter_cursor next;
    uint8_t has_tck, tck[256], tck_before[96];
    /** newest rebase among the records, LE64(n) || RBA1, if it is newer than the one in force */
    uint8_t has_rebase, rebase[200];
    /** policy_ver of the newest rebase among them, or what the newest TCK1 of the log says */
    uint32_t policy_ver;
};

/** A rebase on its way to the log, and until a TCK1 has signed it (node_rebase.c). */
struct hkp_mesh__rebase {
    uint64_t ticket;
    uint8_t offered, unsigned_yet;
    uint32_t policy_ver;
    uint8_t body[200];
};

/** An object for the host of this node (node_post.c). */
struct hkp_mesh__post {
    uint8_t *bytes;
    size_t len;
    uint32_t kind;
    uint8_t from[16];
};

struct hkp_mesh_node {
    struct hkp_mem mem;
    struct hkp_mesh_node_options opt;
    hkp_time now;
    uint64_t wall_us;
    uint8_t node_id[16];
    uint8_t chain_id[32];
    uint8_t a_secret[64], a_public[32];
    struct hkp_dsm_certificate own_cert;
    uint8_t own_cert_bytes[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_ca_set ca;
    struct hkp_dsm_officers officers;
    uint64_t genesis_time_ms;

    hkp_htp_endpoint *htp;
    hkp_dsm_node *dsm;
    hkp_mesh_intel *intel;
    /** NULL: no attestation is demanded */
    hkp_dsm_challenger *challenger;
    struct hkp_mesh__attester attester;
    struct hkp_mesh__work *work;
    /** D-AUD-4 */
    struct {
        hkp_dsm_stream *stream;
        hkp_dsm_collector *collector;
        hkp_time at;
        struct hkp_mesh__told own;
    } telemetry;

    /** own addresses; none: every session is a neighbour of libdsm */
    struct hkp_dsm_address addresses[HKP_DSM_ADDRESSES_MAX];
    uint32_t n_addresses;

    /** 0 made, 1 joined, 2 left or damaged */
    uint8_t life;
    /** libdsm has loaded its state */
    uint8_t started;
    uint32_t state;

    /** own stream of TERs */
    struct hkp_ter_cursor cursor;
    uint8_t tck[256];
    uint8_t tck_before[96];
    uint8_t has_tck, tck_before_known;
    /** a checkpoint on its way to the log; 0: none */
    uint64_t tck_ticket;
    uint8_t tck_offered;
    uint8_t tck_pending[256];
    uint8_t tck_before_next[96];
    hkp_time tck_at;
    uint32_t tck_flags;
    uint8_t boot_id[16];
    uint8_t boot_known;
    uint8_t h_ref[20];
    uint32_t policy_ver;
    /** newest own TER: 1 reference, 0 differs, 2 none */
    uint8_t integrity;

    struct hkp_mesh__recover recover;
    struct hkp_mesh__rebase rebase;
    /** of the newest TER of this start: h before it and itself, R behind it */
    uint8_t newest_before[96], newest_root[32];

    struct hkp_mesh__peer *peers;
    uint32_t n_peers;

    struct hkp_mesh_event facts[HKP_MESH__FACTS_MAX];
    uint32_t fact_head, fact_count;
    uint64_t facts_lost;
    struct hkp_mesh__request requests[HKP_MESH__REQUESTS_MAX];
    uint32_t n_requests;
    uint64_t next_ticket;

    struct {
        uint64_t ticket;
        struct hkp_mesh_origin origin;
        /** HKP_MESH__PROOF_* */
        uint8_t asked;
    } proofs[HKP_MESH__PROOFS];

    /** the own certificate (node_renewal.c): what was told of it, the newest one that was looked at, and the
     * request for the next one */
    struct {
        uint8_t due, ended;
        struct hkp_mesh__looked seen;
        uint8_t request[HKP_DSM_REQUEST_MAX];
        size_t request_len;
    } renewal;

    struct hkp_mesh__post posts[HKP_MESH__POSTS], post_told;
    size_t n_posts;

    uint64_t refused, claims_checked;
    hkp_time second_at;
    /** since when the conditions of SYNCHRONIZED fail; 0: they hold */
    hkp_time unsynced_at;
    /** TERs below this are needed by nobody, and what the host was told of it */
    uint64_t keep_from, trimmed;
    /** what holds TERs below it back is let go: the log is at its bound (NZ1 5.1(6)) */
    uint64_t let_go;
    /** a message that libdsm had no room for; nothing more is taken from sessions until it has */
    struct hkp_mesh__stuck waiting;
    uint32_t waiting_of;
    /** event of libdsm that the host is looking at */
    struct hkp_dsm_event dsm_event;
    /** a message of libneuro on its way to a stream */
    uint8_t message[HKP_NEURO_SEND_MAX];
};

/** For results that change nothing here: the other side, or the next pump, repairs what did not happen. */
static inline void hkp_mesh__drop(hkp_status status) { (void)status; }

/* node.c */
/** Queues a fact with words; returns it so that the caller fills numbers in. */
/* node_post.c */
void hkp_mesh__post_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                            struct hkp_mesh__link *link, const struct hkp_htp_event *ev);
void hkp_mesh__post_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t stream);
void hkp_mesh__post_gone(struct hkp_mesh__link *link, uint32_t stream);
int hkp_mesh__post_event(struct hkp_mesh_node *node, struct hkp_mesh_event *out);
void hkp_mesh__post_free(struct hkp_mesh_node *node);
/** All of these acts of HTP-8.6 are left to a link. */
int hkp_mesh__may_act(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                      const struct hkp_mesh__link *link, uint32_t acts);
/** Its newest certificate is on the own revocation list. */
int hkp_mesh__peer_revoked(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer);
/** The list, the set or a seat changed: whom it bars loses its sessions (HTP-12.3). */
void hkp_mesh__revocations(struct hkp_mesh_node *node);
struct hkp_mesh_event *hkp_mesh__fact(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *node_id,
                                      const char *text);
/** Peer of a node_id, or NULL. */
struct hkp_mesh__peer *hkp_mesh__peer_find(struct hkp_mesh_node *node, const uint8_t node_id[16]);
/** Notes a request to the host; 0 if too many are open. */
uint64_t hkp_mesh__request(struct hkp_mesh_node *node, uint32_t kind, const struct hkp_mesh__peer *peer,
                           uint32_t own, uint64_t inner);
int hkp_mesh__request_take(struct hkp_mesh_node *node, uint64_t ticket, struct hkp_mesh__request *out);

/** A block of this node, with its neural claims; HKP_E_MESH_STATE, HKP_E_MESH_LIMIT. */
hkp_status hkp_mesh__submit(struct hkp_mesh_node *node, uint32_t type, const uint8_t *content, size_t len,
                            uint64_t *seq);

/* node_renewal.c */
/** Once a second: the time of the own certificate, and certificates that came by gossip. */
void hkp_mesh__renewal_tick(struct hkp_mesh_node *node);
/** Takes a newer own certificate, if there is one, before something is signed under it. */
void hkp_mesh__renewal_own(struct hkp_mesh_node *node);
/** Both certificates of a pair may be current now. */
void hkp_mesh__renewal_fresh(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);

/* node_audit.c */
/** An AUDIT_HEAD envelope came, in a block or by gossip. */
void hkp_mesh__audit_heard(struct hkp_mesh_node *node, const uint8_t *head, size_t len);

/* node_telemetry.c */
hkp_status hkp_mesh__telemetry_new(struct hkp_mesh_node *node);
void hkp_mesh__telemetry_free(struct hkp_mesh_node *node);
/** Once a second. */
void hkp_mesh__telemetry_tick(struct hkp_mesh_node *node);
/** A TELEMETRY envelope that libdsm verified came by gossip, also the own one. */
void hkp_mesh__telemetry_heard(struct hkp_mesh_node *node, const uint8_t *batch, size_t len);

/* node_work.c */
hkp_status hkp_mesh__work_new(struct hkp_mesh_node *node);
void hkp_mesh__work_free(struct hkp_mesh_node *node);
/** POLICY, ORDER, WORKLOAD or ASSIGN that libdsm verified came by gossip. */
void hkp_mesh__work_heard(struct hkp_mesh_node *node, const uint8_t *object, size_t len);
/** The content of a POLICY or WORKLOAD block. */
void hkp_mesh__work_block(struct hkp_mesh_node *node, const uint8_t *content, size_t len);
/** An operator handed an object to this node, and libdsm passed it on: it goes into a block, too. What the
 * control says of it; HKP_OK for other kinds. */
hkp_status hkp_mesh__work_submitted(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *object,
                                    size_t len);
/* libdsm knows a POLICY or ORDER already, and here there may have been no room for it (decision 0597). */
hkp_status hkp_mesh__work_again(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *object, size_t len);
/** Once a second, and when a run is due: what ended, what may begin, what must stop. */
void hkp_mesh__work_tick(struct hkp_mesh_node *node);
hkp_time hkp_mesh__work_wake(const struct hkp_mesh_node *node);
/** 1: out is a request to store or an event. */
int hkp_mesh__work_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out);

/* node_work_file.c */
hkp_status hkp_mesh__work_restore(struct hkp_mesh_node *node, const uint8_t *data, size_t len);
void hkp_mesh__work_stored(struct hkp_mesh_node *node, hkp_status status);

/* node_registry.c */
void hkp_mesh__registry(struct hkp_mesh_node *node, struct hkp_htp_registry *out);
/** Checks a certificate and notes it beside its peer; D-CERT-1 results pass through. */
hkp_status hkp_mesh__certificate_take(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                      const uint8_t *bytes, size_t len);

/* node_session.c */
void hkp_mesh__session_events(struct hkp_mesh_node *node);
void hkp_mesh__session_tick(struct hkp_mesh_node *node);
hkp_time hkp_mesh__session_wake(const struct hkp_mesh_node *node);
/** The session of a peer that we send on; NULL: none. */
struct hkp_mesh__link *hkp_mesh__link_best(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** 1: what HTP-8.6 lets this link carry has the class, the lane of class DSM. */
int hkp_mesh__may_class(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                        const struct hkp_mesh__link *link, uint32_t stream_class);
int hkp_mesh__may_lane(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                       const struct hkp_mesh__link *link, uint32_t lane);
/** Closes a link; it carries nothing from now on. */
void hkp_mesh__link_close(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint16_t reason);
/** PROPOSE is held back while a HELLO or REKEY of ours names the commit. */
void hkp_mesh__hold(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** What changed about a peer's rights is told to libhtp and libdsm. */
void hkp_mesh__rights(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);

/* node_attest.c */
hkp_status hkp_mesh__attest_new(struct hkp_mesh_node *node);
/** 1: attestation is demanded, and this session's peer has not given it. */
int hkp_mesh__attest_lacks(const struct hkp_mesh_node *node, const struct hkp_mesh__link *link);
/** The peer opened its stream of class MESH; a stream of that class ended; a message came on it. */
void hkp_mesh__attest_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t stream);
void hkp_mesh__attest_gone(struct hkp_mesh__link *link, uint32_t stream);
void hkp_mesh__attest_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                              struct hkp_mesh__link *link, const struct hkp_htp_event *ev);
/** Once a second: who is to be asked. */
void hkp_mesh__attest_tick(struct hkp_mesh_node *node);
/** What a peer's evidence is worth in T (NZ1 16.1): a, and its reasons. */
void hkp_mesh__attest_trust(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                            struct hkp_neuro_trust_inputs *in);
/** Answers a challenge over this link; auth has evidence and quote. */
void hkp_mesh__attest_respond(struct hkp_mesh_node *node, struct hkp_mesh__link *link,
                              struct hkp_dsm_auth *auth);
hkp_status hkp_mesh__attest_binding(struct hkp_mesh_node *node, const struct hkp_mesh__link *link,
                                    const uint8_t nonce[32], uint8_t binding[32]);

/* node_quote.c */
/** Takes the policy of the options; HKP_E_INVAL if it does not fit evidence and certificate. */
hkp_status hkp_mesh__quote_new(struct hkp_mesh_node *node);
/** 1: a quote that the challenge asks for will be made; 0: this node gives none. */
int hkp_mesh__quote_want(struct hkp_mesh_node *node, struct hkp_mesh__link *link,
                         const struct hkp_dsm_challenge *challenge);
/** 1: ev asks the host for a quote. */
int hkp_mesh__quote_event(struct hkp_mesh_node *node, struct hkp_mesh_event *ev);
/** A peer sent the public area of its attestation key; it is kept if it is the one of its certificate. */
void hkp_mesh__quote_area(struct hkp_mesh__peer *peer, const uint8_t *area, size_t len);
/** quote_check of hkp_dsm_challenger_options; user is the node. */
hkp_status hkp_mesh__quote_check(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                                 uint32_t pcr_mask, const uint8_t *quote, size_t len);

/* node_dsm.c */
hkp_status hkp_mesh__dsm_new(struct hkp_mesh_node *node);
/** 1: ev is a store request to pass on; 0: none waits. */
int hkp_mesh__dsm_event(struct hkp_mesh_node *node, struct hkp_mesh_event *ev);
void hkp_mesh__dsm_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                           struct hkp_mesh__link *link, const struct hkp_htp_event *ev);
void hkp_mesh__dsm_pump(struct hkp_mesh_node *node);
/** The peer broke rules that only the host can see: it loses points (D-GSP-16). */
void hkp_mesh__dsm_broken(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer);
/** 1: libdsm takes messages. */
int hkp_mesh__dsm_ready(struct hkp_mesh_node *node);

/* node_neural.c, node_enrol.c */
hkp_status hkp_mesh__neural_new(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** The holder again, with the key of a certificate that was learned since; it has no instance yet. */
hkp_status hkp_mesh__neural_holder(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
void hkp_mesh__neural_free(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** Links of a peer changed: owner and holder are told which session is theirs. */
void hkp_mesh__neural_links(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** The owner opened its stream on this link: the holder goes there. */
void hkp_mesh__neural_follow(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                             struct hkp_mesh__link *link);
/** 1: our instance has to be enrolled, for the first time or again. */
int hkp_mesh__enrol_wanting(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer);
/** 1: ENROL of ours may go over this link. */
int hkp_mesh__enrol_may(const struct hkp_mesh__link *link);
/** In a session where that is allowed, ENROL with the newest checkpoint. */
void hkp_mesh__enrol(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
hkp_time hkp_mesh__enrol_wake(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer);
/** The link of a session that is not being closed, or NULL. */
struct hkp_mesh__link *hkp_mesh__link_by_session(struct hkp_mesh__peer *peer, uint64_t session);
/** A handshake of a link was completed. */
void hkp_mesh__neural_handshake(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                const struct hkp_mesh__link *link);
void hkp_mesh__neural_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                              struct hkp_mesh__link *link, const struct hkp_htp_event *ev);
/** Moves messages of all owners and holders to their streams. */
void hkp_mesh__neural_pump(struct hkp_mesh_node *node);
/** 1: ev is a request to pass on; 0: none waits. */
int hkp_mesh__neural_event(struct hkp_mesh_node *node, struct hkp_mesh_event *ev);
hkp_time hkp_mesh__neural_wake(const struct hkp_mesh_node *node);
/** Claims of the own block seq over a commit that some peer holds, if there is one (D-BLK-1); prev and
 * payload_hash are set by the caller. */
void hkp_mesh__claims_make(struct hkp_mesh_node *node, uint64_t seq, struct hkp_dsm_claims *c);
/** 1: the claims of a peer's block are those of a commit that we hold of it. */
int hkp_mesh__claims_hold(struct hkp_mesh_node *node, const struct hkp_mesh__peer *author, uint64_t seq,
                          const struct hkp_dsm_claims *c);
/** 1: the author dated its block before the commit of now was agreed here, so the block may claim one that
 * the two slots hold no more: it proves nothing either way. */
int hkp_mesh__claims_late(const struct hkp_mesh__peer *author, uint64_t time_us);
uint32_t hkp_mesh__own_state(const struct hkp_mesh__peer *peer);
uint32_t hkp_mesh__held_state(const struct hkp_mesh__peer *peer);

/** Once a second: what the own log need not hold any more (NZ1 5.1, 22.6). */
void hkp_mesh__retention(struct hkp_mesh_node *node);

/* node_rebase.c */
int hkp_mesh__rebase_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out);
int hkp_mesh__rebase_logged(struct hkp_mesh_node *node, uint64_t ticket, hkp_status status);
/** body[200] came back from a holder and is in the log again. */
void hkp_mesh__rebase_restored(struct hkp_mesh_node *node, const uint8_t *body);
/** A TCK1 with this policy_ver is in the log: ENROL shows the RBA1 that put it in force. */
void hkp_mesh__rebase_signed(struct hkp_mesh_node *node, uint32_t policy_ver);
/** node_neural.c: a TCK1 if one is due. */
void hkp_mesh__checkpoint(struct hkp_mesh_node *node, const uint8_t root[32]);

/* node_recover.c */
void hkp_mesh__recover_begin(struct hkp_mesh_node *node);
void hkp_mesh__recover_free(struct hkp_mesh_node *node);
/** READY, BEHIND, RESTORED or MISSING of our owner towards a peer. */
void hkp_mesh__recover_event(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                             const struct hkp_neuro_event *ev);
/** 1: out asks for what goes to the log. */
int hkp_mesh__recover_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out);
/** 1: the ticket was one of these. */
int hkp_mesh__recover_logged(struct hkp_mesh_node *node, uint64_t ticket, hkp_status status);
void hkp_mesh__recover_tick(struct hkp_mesh_node *node);
hkp_time hkp_mesh__recover_wake(const struct hkp_mesh_node *node);

/* node_status.c */
/** Consciousness follows its conditions (M-STATE); a change is told. */
void hkp_mesh__state_update(struct hkp_mesh_node *node);

/* node_trust.c */
/** A first session of a peer is up: T starts (NZ1 16). */
void hkp_mesh__trust_start(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
void hkp_mesh__trust_update(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int good_heartbeat);
/** A block claims a state that was never agreed with us (D-BLK-1). */
void hkp_mesh__trust_false_claim(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** A wrong tag inside an established session (HTP-3.7), or a fork. */
void hkp_mesh__trust_contradiction(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int fork);
/** The last session of a peer ended: its T is stored. */
void hkp_mesh__trust_end(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** After all was restored: an instance that is LOST means quarantine, whatever else was stored. */
void hkp_mesh__trust_join(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);

/* node_keep.c */
/** What must survive a restart goes to the host as file. */
void hkp_mesh__trust_keep(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
/** A T that fell far enough below what is stored, long enough after. */
void hkp_mesh__trust_keep_fallen(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer);
hkp_status hkp_mesh__trust_restore(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                   const uint8_t *data, size_t len);

/** Reasons in words. */
void hkp_mesh__trust_text(uint32_t why, char *dst, size_t cap);

/* node.c */
void hkp_mesh__stuck_free(struct hkp_mesh_node *node, struct hkp_mesh__stuck *stuck);
/** Keeps a message for later; without memory it is as if lost on the way. */
void hkp_mesh__stuck_keep(struct hkp_mesh_node *node, struct hkp_mesh__stuck *stuck, uint32_t kind,
                          const uint8_t *bytes, size_t len);

#endif
