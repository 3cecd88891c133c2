/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A deterministic world for real nodes of libdsm: clocks, network and disks are virtual and drawn from one
 * seed. What is durable survives a crash, unless the disk lies; of the rest a prefix does.
 *
 * At every step sim_watch.c judges from outside (issue: agreement that liars cannot bend):
 *   - no honest member contradicts itself, and what it promises is in its durable WAL (D-SMX-R7);
 *   - no two final checkpoints of one height, each the child of the one before, heads only grow;
 *   - a checkpoint is final only if enough honest members said FINAL to it or to a descendant, and when it is
 *     told, header, body and CERT_F are durable (D-STO-1);
 *   - no view has CERT_F and CERT_0, or CERT_N of two digests, that liars could complete (dsm 10);
 *   - two promises of one liar that exclude each other and reached one honest node are evidence there, and
 *     nobody honest is accused (D-EVD);
 *   - every table of a node is within its limit (dsm 13).
 */
#ifndef HKP_TESTS_DSM_SIM_H
#define HKP_TESTS_DSM_SIM_H

#include <hookprobe/dsm.h>

enum { SIM_NODES = 128, SIM_HEIGHTS = 4096, SIM_PROMISES = 65536, SIM_PROOF = 65536 };
/** 8192 slices of 33 us */
enum { SIM_SIZES = 8, SIM_SLICE_BITS = 15, SIM_SLICES = 8192 };
enum { SIM_HEADERS = 16384, SIM_HEARD = 65536, SIM_EPOCHS = 16 };

#define SIM_MS 1000000ULL
#define SIM_S 1000000000ULL

/** Keys, certificates and genesis of a mesh of n validators, one owner. */
struct sim_mesh {
    uint32_t n;
    uint8_t officer[64], secret[SIM_NODES][64], node_id[SIM_NODES][16];
    uint8_t certificate[SIM_NODES][1024];
    size_t certificate_len[SIM_NODES];
    uint8_t genesis[HKP_DSM_GENESIS_MAX];
    size_t genesis_len;
    uint64_t time_s;
    /** identities with certificates: the validators, then outsiders */
    uint32_t certified;
};

void sim_mesh_make(struct sim_mesh *m, uint32_t n, uint32_t roles);

struct sim_bls {
    uint8_t key[48], proof[96];
};
/** From now on the sets of new meshes list scheme 2, and node i has the i-th key; NULL: no more. Kept by the
 * caller. */
void sim_mesh_bls(const struct sim_bls *keys);

struct sim_row {
    /** damaged: 1: the store finds that out when it reads the row (D-STO-10) */
    uint32_t row, damaged;
    size_t key_len, len;
    uint8_t key[48];
    uint8_t *data;
};

struct sim_write {
    uint32_t kind;
    struct sim_row row;
    uint8_t to[48];
    size_t to_len;
    uint64_t ticket;
};

struct sim_disk {
    /** when the group commit that runs ends; 0: none runs */
    hkp_time commit_at;
    struct sim_write *pending;
    size_t n_pending, pending_cap, committing;
    struct sim_row *rows;
    size_t count, cap;
    uint8_t (*wal)[64];
    size_t wal_count, wal_cap;
    /** SIM_LIES: what it lies about, and what is truly on it, as of the last honest flush */
    uint32_t lies;
    struct sim_disk *truth;
};

/** What of a disk is told to be durable and is lost with the next power cut. */
enum { SIM_LIES_WAL = 1, SIM_LIES_ROWS = 2 };

struct sim_node {
    hkp_dsm_node *node;
    /** when it is to be called next, as sim_pump() last saw it, and when it was called last */
    hkp_time wake, ticked;
    int64_t clock_us;
    /** whose identity; a twin has that of another */
    uint32_t who, up, honest, silent;
    struct sim_disk disk;
    /** how often it was started; 1: its store was tampered with, so it may find it damaged; 1: started as an
     * observer, as a host does that lost its WAL (D-STO-7) */
    uint32_t life, spoilt, observe;
    uint32_t started, observer, damaged;
    uint64_t lost, healed;
    /** peers that it wants to be rid of */
    uint64_t bad;
    uint64_t finals, blocks, blocks_final, evidence, frozen, forked, proofs, epochs;
    uint64_t height;
    /** first height of the epoch into which it jumped: blocks of heights below are told without these */
    uint64_t joined;
    /** 1: its host says nothing of its clock; the digest that its operator gave (D-SYN-2) */
    uint32_t unsynchronised;
    uint8_t boundary[32];
    /** room for SIM_PROOF bytes, taken with the first */
    uint8_t *proof;
    size_t proof_len;
    hkp_status proof_status;
    /** tree of the final blocks that were told since the last checkpoint */
    struct hkp_dsm__merkle *told;
};

/** On its way. What arrives first comes first, of one time what was sent first. One message to many is held
 * once. */
struct sim_message {
    hkp_time due;
    struct sim_bytes *bytes;
    uint32_t order;
    uint8_t from, to, lane;
};

struct sim_promise {
    uint64_t epoch, view;
    uint32_t who, kind, count;
    uint8_t digest[32];
    uint8_t used, sent, counted;
};

/** A header that somebody proposed, and how many honest members promised something about it. */
struct sim_header {
    uint8_t digest[32], parent[32], heads_root[32], blocks_root[32];
    uint64_t epoch, view, parent_view, height, time_ms, n_heads;
    uint32_t notars, finals;
    /** final: said to it or a descendant; a liar made it so that nobody may vote for it */
    uint8_t used, ok, bad;
};

/** What an honest node heard of a liar. */
struct sim_heard {
    uint32_t at, life, who, kind;
    uint64_t epoch, view;
    uint8_t digest[32];
    uint8_t used;
};

struct sim_set {
    uint8_t known, hash[32];
    uint32_t n, liars;
    uint64_t highest;
};

struct sim_bytes {
    struct sim_bytes *next;
    uint32_t refs, len;
    uint8_t data[];
};

struct sim {
    struct sim_mesh mesh;
    uint64_t random, trace;
    uint32_t order;
    hkp_time now;
    uint32_t count;
    struct sim_node nodes[SIM_NODES];
    /** links[a][b]: 1 while a's messages reach b */
    uint8_t links[SIM_NODES][SIM_NODES];
    /** what is on its way: a heap of what arrives up to the end of a slice of time (and of what arrives very
     * late), behind it those of each slice, in any order */
    struct sim_message *net;
    size_t n_net, net_cap;
    struct sim_later {
        struct sim_message *at;
        size_t n, cap;
    } later[SIM_SLICES];
    uint64_t slice, n_later;
    /** bytes of messages that arrived, by size, for those to come; those that were sent last */
    struct sim_bytes *spare[SIM_SIZES], *last_sent;
    /** when each node is due, for its timer or its disk, in the leaves of a tree, the earliest above */
    hkp_time due[2 * SIM_NODES];
    uint8_t identities[1024];
    /** per mille of messages lost, doubled and with a wrong byte (from the honest: dropped by the session);
     * delay range; disk latency */
    uint32_t loss, twice, corrupt;
    /** messages of these ops are lost, bit by op; 1: a node starts with no certificate but its own */
    uint64_t lost_ops;
    uint32_t strangers;
    hkp_time delay_min, delay_max, disk_min, disk_max;
    /** above 0: sessions as HTP's, nothing of a lane overtakes and each loss makes it so much later; 0: what
     * is lost is lost */
    hkp_time resend, *last_due;
    /** 1: nothing is judged and traced: for measuring */
    uint32_t unwatched;
    hkp_time t_cp, delay;
    /** of each node; 0: 16 MiB */
    size_t pool_bytes;
    /** D-STO-8, seconds; 0: defaults */
    uint64_t keep_blocks_s, keep_headers_s;
    /** when the hosts were built (D-CERT-5); 0: not known */
    uint64_t build_s;
    /** the one chain: digest by height, as first reported */
    uint8_t chain[SIM_HEIGHTS][32];
    uint8_t known[SIM_HEIGHTS];
    struct sim_promise *promises;
    uint64_t faults, steps;
    /** messages sent by op, and of these the PUSH by form of the item */
    uint64_t ops[64], pushes[4];
    /** first fault; views in which somebody promised something */
    const char *fault;
    uint64_t views, evidence_due;
    struct sim_header *headers;
    struct sim_heard *heard, hearing;
    struct sim_set sets[SIM_EPOCHS];
    /** ids of the final blocks of each member, by seq */
    uint8_t (*finals[SIM_NODES])[32];
    size_t finals_count[SIM_NODES], finals_cap[SIM_NODES];
    struct hkp_dsm_genesis *genesis;
    /** a liar's node writes to somebody: called in place of sending; and is written to (liar.c) */
    void (*tamper)(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len);
    void (*overhear)(struct sim *s, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len);
    void *liars;
    /** NULL, or sees every fact of every node */
    void (*on_fact)(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev);
    /** crash this node when its next write of that number is about to be committed; 0: not */
    uint64_t crash_at_write, writes;
    uint32_t crash_node;
    /** only writes to the WAL count for that */
    uint32_t crash_wal;
    /** 1: a power cut leaves the rows of the commits that run and nothing of their WAL records */
    uint32_t rows_outlive;
};

void sim_new(struct sim *s, uint64_t seed, uint32_t n, uint32_t extra);
void sim_free(struct sim *s);
/** Start a node with what its disk holds, and connect it to all that it has links with. */
void sim_start(struct sim *s, uint32_t i);
/** Make node i, above the validators, somebody with a certificate of its own; in order, before sim_start().
 */
void sim_outsider(struct sim *s, uint32_t i, uint32_t roles, uint32_t group);
/** A session with each node that it has a link with and no session yet; sim_start() does that, too. */
void sim_connect(struct sim *s, uint32_t i);
/** What is durable on one disk, onto an empty one: a restored copy. */
void sim_copy_disk(struct sim *s, uint32_t from, uint32_t to);
void sim_crash(struct sim *s, uint32_t i);
/** Let virtual time pass. */
void sim_run(struct sim *s, hkp_time span);
/** Submit a block of one node; its sequence number or 0. */
uint64_t sim_submit(struct sim *s, uint32_t i, const char *text);
uint64_t sim_random(struct sim *s, uint64_t below);
/** Take what the node wants done: storage, facts, messages. */
void sim_pump(struct sim *s, uint32_t i);
struct hkp_dsm_node_status sim_status(struct sim *s, uint32_t i);
void sim_fault(struct sim *s, const char *what);
/** Onto the network, with all that it does to messages. */
void sim_send(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len);
/** From now on what the disk tells to be durable is not; lies 0: it is flushed and true again. */
void sim_disk_lie(struct sim *s, uint32_t i, uint32_t lies);
/** One byte of one row, or of the WAL, of a node that is down, is another. 0: there is none. */
int sim_disk_spoil(struct sim *s, uint32_t i, uint32_t row);
/** A row of a node that is down, whole but not as the node wrote it. */
void sim_disk_put(struct sim *s, uint32_t i, uint32_t row, const uint8_t *key, size_t key_len,
                  const uint8_t *data, size_t len);
/** An empty disk, as after its replacement. */
void sim_disk_wipe(struct sim *s, uint32_t i);
/** Nobody honest may vote for this header. */
void sim_header_bad(struct sim *s, const uint8_t digest[32]);
const struct sim_header *sim_header(const struct sim *s, const uint8_t digest[32]);
/** Both directions of a link on or off; the session stays, as it does for a while. */
void sim_link(struct sim *s, uint32_t a, uint32_t b, uint32_t on);
/** An hour passes on all clocks, and nodes 0 to authors - 1 write blocks for 4 s: 1 if node 0 is in the next
 * epoch. */
int sim_next_epoch(struct sim *s, uint32_t authors);

#endif
