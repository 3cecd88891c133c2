/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The encodings and pure checks of libdsm: bytes in, verdict and fields out. Nothing here keeps state, reads
 * a clock, draws randomness or allocates. Fixed-size fields are copied out, long ones are views into the
 * input. On failure results are untouched. The public part (cbor, envelope, multi, certificate, genesis,
 * proof) is in <hookprobe/dsm.h>; the heads tree in heads_tree.h; messages in message.h.
 */
#ifndef HKP_LIBDSM_OBJECTS_H
#define HKP_LIBDSM_OBJECTS_H

#include <hookprobe/dsm.h>

/* Limits of section 13 and of the clauses named. */
enum {
    HKP_DSM__PROPOSE_BODY_MAX = 1024,
    HKP_DSM__VOTE_BODY_MAX = 128,
    HKP_DSM__BLOCK_BODY_MAX = 512,
    HKP_DSM__BODY_MAX = 16384,       /* of all other envelopes (D-ENV-3) */
    HKP_DSM__ENVELOPE_OVERHEAD = 96, /* of an envelope around its body, at most */
    HKP_DSM__BLOCK_MAX = 512 + 96,
    HKP_DSM__VOTE_MAX = 256,
    HKP_DSM__HEADER_MAX = 512,
    HKP_DSM__CHECKPOINT_BODY_MAX = 1048576,
    HKP_DSM__CERT_MAX = 13312, /* a certificate of 200 votes */
    HKP_DSM__CHANGED_HEADS_MAX = 16384,
    HKP_DSM__BLOCKS_MAX = 65536, /* in one checkpoint */
    HKP_DSM__OPS_MAX = 256,
    HKP_DSM__HEADS_MAX = 131072,
    HKP_DSM__HEAD_BLOCKS_MAX = 1024, /* of one author in one checkpoint (D-BLK-10) */
    HKP_DSM__PROOF_HASHES_MAX = 62,
    HKP_DSM__LEAF_MAX = 64,
    HKP_DSM__WAL_RECORD = 64
};

/* Bit of a kind for the masks of hkp_dsm_envelope_parse(). */
#define HKP_DSM__KIND_BIT(kind) (1U << (kind))

extern const uint8_t hkp_dsm__zeros[32];

/* ---- Hashes and signatures (D-HASH, D-SIG; hash.c) ------------------------------------------------------
 */

/* D(label, x...) over n parts; label without "HKP1 ": hkp_dsm__hash(out, "chain", (view[]){{p, n}}, 1). */
void hkp_dsm__hash(uint8_t out[32], const char *label, const struct hkp_dsm_view *parts, size_t n);
void hkp_dsm__payload_hash(uint8_t out[32], const uint8_t *payload, size_t len);
/* prev of an author's first block */
void hkp_dsm__first_prev(uint8_t out[32], const uint8_t chain_id[32], const uint8_t node_id[16]);
void hkp_dsm__header_digest(uint8_t out[32], const uint8_t chain_id[32], const uint8_t *header, size_t len);
void hkp_dsm__valset_hash(uint8_t out[32], const uint8_t *body, size_t len);
/* D-GSP-6: message id of an object of forms 2 and 3; of forms 0 and 1 it is the beginning of the object id.
 */
void hkp_dsm__item_id(uint8_t id[16], const uint8_t *object, size_t len);
/* D-AUTH-3: qualifying data of a TPM quote. */
void hkp_dsm__quote_data(uint8_t out[32], const uint8_t nonce[32], const uint8_t binding[32],
                         const uint8_t node_id[16]);
/* One signature over "HKP1 sig"; body at most HKP_DSM__BODY_MAX. */
hkp_status hkp_dsm__verify(const uint8_t chain_id[32], uint64_t kind, const uint8_t signer[16],
                           const uint8_t *body, size_t body_len, const uint8_t signature[64],
                           const uint8_t key[32]);

/* D-ENV-1 alone; body limit of a kind (D-ENV-3). */
hkp_status hkp_dsm__envelope_shape(const uint8_t *in, size_t len, struct hkp_dsm_envelope *envelope);
size_t hkp_dsm__envelope_body_max(uint64_t kind);

/* ---- Officers (D-MULTI, D-CA; officers.c) ---------------------------------------------------------------
 */

int hkp_dsm__multi_is_known(uint64_t kind);
/* Body limit of a kind (D-MULTI-3). */
size_t hkp_dsm__multi_body_max(uint64_t kind);
const struct hkp_dsm_ca_set *hkp_dsm__officers_find(const struct hkp_dsm_officers *officers,
                                                    uint64_t version);

/* ---- Officers' objects (D-CA; lists.c)
 * ---------------------------------------------------------------------
 */

/* ORDER (D-AUD-6), all of it but whether its number rises. */
hkp_status hkp_dsm__order_open(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                               const struct hkp_dsm_officers *officers, struct hkp_dsm_order *order,
                               uint8_t id[32]);
hkp_status hkp_dsm__order_body(const struct hkp_dsm_view *body, struct hkp_dsm_order *order);

/* ---- Certificates (D-CERT; certificate.c) ---------------------------------------------------------------
 */

/* Body of kind 32. */
hkp_status hkp_dsm__certificate_body(const struct hkp_dsm_view *body,
                                     struct hkp_dsm_certificate *certificate);
/* The time rules of D-CERT-1 alone: E_NOT_YET, E_EXPIRED, E_REVOKED. */
hkp_status hkp_dsm__certificate_times(const struct hkp_dsm_certificate *c, uint64_t now_s, uint64_t revoked);

/* ---- Validator sets (D-SMX-1 to D-SMX-4; valset.c) ------------------------------------------------------
 */

struct hkp_dsm__valset {
    uint64_t epoch;
    uint8_t hash[32];
    uint32_t n, f, q;
    uint32_t has_scheme2;
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX]; /* ascending by node_id */
    uint8_t bls[HKP_DSM_MEMBERS_MAX][48];           /* zero: the seat has no BLS key */
};
/* f and q for n members. */
void hkp_dsm__quorum(uint32_t n, uint32_t *f, uint32_t *q);
hkp_status hkp_dsm__valset_parse(const uint8_t *body, size_t len, struct hkp_dsm__valset *set);
/* bls[n], NULL where a seat has no BLS key; bls NULL: scheme 1 alone. Possession is not looked at. */
hkp_status hkp_dsm__valset_write(const struct hkp_dsm_seat *seats, const uint8_t *const *bls, size_t n,
                                 uint64_t epoch, uint8_t *dst, size_t cap, size_t *len);
/* BLS keys of the seats for valset_write(), in keys[]; NULL if the set lists scheme 1 alone. */
const uint8_t *const *hkp_dsm__valset_bls(const struct hkp_dsm__valset *set,
                                          const uint8_t *keys[HKP_DSM_MEMBERS_MAX]);
/* D-SMX-3: 1 if no group holds more than f seats, or n < 4, or single. */
int hkp_dsm__valset_groups_ok(const struct hkp_dsm__valset *set, int single);
/* 1 if the genesis name ends in "/single". */
int hkp_dsm__name_is_single(const struct hkp_dsm_view *name);
/* Index of a member, -1 if it has no seat. */
int hkp_dsm__valset_index(const struct hkp_dsm__valset *set, const uint8_t node_id[16]);
/* perm[set->n]; boundary: digest of the epoch's genesis, chain_id for epoch 0. Leader of v: perm[v % n]. */
void hkp_dsm__leaders(const struct hkp_dsm__valset *set, const uint8_t boundary[32], uint8_t *perm);

/* ---- Microblocks (D-BLK; block.c) -----------------------------------------------------------------------
 */

struct hkp_dsm__neuro {
    uint8_t ter_hash[32], w_commit[32], posf[32], holder[16];
    uint32_t has_commit; /* 1: w_commit, posf and holder are there */
};
struct hkp_dsm__block {
    uint8_t id[32]; /* by D-SIG-4; not part of the body */
    uint8_t author[16];
    uint8_t prev[32];
    uint8_t payload_hash[32];
    uint64_t seq, timestamp_us, serial;
    uint32_t event_type;
    uint32_t payload_len; /* with the salt */
    uint32_t has_neuro;
    struct hkp_dsm__neuro neuro;
};
/* What an acceptance is judged against (D-BLK-4); all optional parts absent when zero. */
struct hkp_dsm__block_rules {
    const uint8_t *chain_id;
    const struct hkp_dsm_certificate *certs; /* certificates known of the author, any order */
    size_t n_certs;
    uint64_t revoked; /* revoked serial of the author, 0 none; in a proposal by the parent's list */
    uint64_t now_us;  /* receiver's clock; 0: not checked; not used when header_ms is set */
    uint64_t header_ms, parent_ms; /* inside a proposal: times of the header and of its parent, otherwise 0 */
    const struct hkp_dsm__known_head *head; /* NULL: the author's chain is not compared; seq 0: empty chain */
    struct hkp_dsm_view payload;            /* ptr NULL: not here */
};
struct hkp_dsm__known_head {
    uint64_t seq, time_us;
    uint8_t id[32];
};
/* Schema of a body and the id; signature not looked at. author: envelope's signer. */
hkp_status hkp_dsm__block_parse(const uint8_t chain_id[32], const uint8_t author[16], const uint8_t *body,
                                size_t body_len, struct hkp_dsm__block *block);
/* CBOR and schema of a body only, for its event type. */
hkp_status hkp_dsm__block_event(const uint8_t *body, size_t body_len, uint32_t *event_type);
/* Body from all fields but id and author. */
hkp_status hkp_dsm__block_build(const struct hkp_dsm__block *block, uint8_t *dst, size_t cap, size_t *len);
/* Envelope bytes to verdict, in the order of D-ENV-2 and D-BLK-4. One Ed25519 verification. Once the
 * signature and schema were found right block is set whatever follows, so that forks become evidence and gaps
 * are held. */
hkp_status hkp_dsm__block_check(const uint8_t *in, size_t len, const struct hkp_dsm__block_rules *rules,
                                struct hkp_dsm__block *block);
/* E_PAYLOAD unless it is the payload of this block. */
hkp_status hkp_dsm__block_payload(const struct hkp_dsm__block *block, const uint8_t *payload, size_t len);
/* The last part of it alone, for blocks verified before and held: seq 1's prev and the known head. */
hkp_status hkp_dsm__block_extends(const struct hkp_dsm__block *block, const uint8_t chain_id[32],
                                  const struct hkp_dsm__known_head *head);
/* The rules of a block in a proposal that change with the parent and with its certificate (D-CERT-2, D-BLK-4,
 * D-CA-9), for a block whose signature and schema were checked when it came. */
hkp_status hkp_dsm__block_times(const struct hkp_dsm__block *block, const struct hkp_dsm__block_rules *rules);

/* ---- Merkle trees (D-MRK; merkle.c) ---------------------------------------------------------------------
 */

void hkp_dsm__merkle_leaf(uint8_t out[32], const uint8_t *data, size_t len);
void hkp_dsm__merkle_node(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]);
/* A tree that is only appended to, kept as its right edge: init to zero, add leaf hashes, ask for the root.
 */
struct hkp_dsm__merkle {
    uint64_t size;
    uint8_t edge[64][32];
};
void hkp_dsm__merkle_add(struct hkp_dsm__merkle *m, const uint8_t leaf_hash[32]);
void hkp_dsm__merkle_root(const struct hkp_dsm__merkle *m, uint8_t root[32]);
/* Inclusion proof from all leaf hashes [size][32]; hashes [<= 62][32]; returns their number; index < size. */
size_t hkp_dsm__merkle_prove(const uint8_t (*leaves)[32], uint64_t size, uint64_t index,
                             uint8_t (*hashes)[32]);
/* D-MRK-2: hashes: n_hashes encoded bstr32 elements one behind the other, as found in a proof. E_PROOF. */
hkp_status hkp_dsm__merkle_verify(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                                  const struct hkp_dsm_view *hashes, size_t n_hashes, const uint8_t root[32]);
/* D-MRK-3; hashes as above. */
hkp_status hkp_dsm__merkle_consistent(uint64_t old_size, uint64_t new_size, const uint8_t old_root[32],
                                      const uint8_t new_root[32], const struct hkp_dsm_view *hashes,
                                      size_t n_hashes);
/* Root of a tree of which only this leaf and its path are known; E_PROOF on a wrong number of hashes. */
hkp_status hkp_dsm__merkle_path_root(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                                     const struct hkp_dsm_view *hashes, size_t n_hashes, uint8_t root[32]);

/* ---- Checkpoints (D-CKP; checkpoint.c) ------------------------------------------------------------------
 */

struct hkp_dsm__header {
    uint8_t digest[32]; /* set by parse; not part of the encoding */
    uint64_t epoch, view, height, parent_view, n_heads, n_blocks, time_ms, proposer;
    uint8_t parent[32], heads_root[32], blocks_root[32], ops_root[32], next_valset[32];
    uint64_t version; /* key 14, 0: absent */
};
/* Schema, E_VERSION, E_VIEW. */
hkp_status hkp_dsm__header_parse(const uint8_t chain_id[32], const uint8_t *in, size_t len,
                                 struct hkp_dsm__header *header);
hkp_status hkp_dsm__header_build(const struct hkp_dsm__header *header, uint8_t *dst, size_t cap, size_t *len);

/* Leaf of heads_root. status: 0 active, 1 frozen; 2 (heads tree only): no such head. */
struct hkp_dsm__head {
    uint8_t node_id[16];
    uint64_t seq;
    uint8_t id[32];
    uint32_t status;
};
/* Encoded leaf of at most HKP_DSM__LEAF_MAX bytes; returns its length. */
size_t hkp_dsm__head_leaf(const struct hkp_dsm__head *head, uint8_t dst[HKP_DSM__LEAF_MAX]);
/* E_SCHEMA and CBOR errors. */
hkp_status hkp_dsm__head_leaf_parse(const uint8_t *in, size_t len, struct hkp_dsm__head *head);

struct hkp_dsm__body {
    size_t n_heads, n_ops;
    struct hkp_dsm_cbor_reader heads; /* before the first changed head; copy it and read with body_head() */
    struct hkp_dsm_cbor_reader ops;   /* before the first op; copy it and read with body_op() */
};
/* Shape, order and limits; ops are opaque here (hkp_dsm__op_parse()). */
hkp_status hkp_dsm__body_parse(const uint8_t *in, size_t len, struct hkp_dsm__body *body);
/* Read one changed head (status is 0), at most n_heads times. */
void hkp_dsm__body_head(struct hkp_dsm_cbor_reader *at, struct hkp_dsm__head *head);
struct hkp_dsm_view hkp_dsm__body_op(struct hkp_dsm_cbor_reader *at);
/* Heads ascending by node_id, ops ascending bytewise and distinct; E_SCHEMA otherwise. */
hkp_status hkp_dsm__body_build(const struct hkp_dsm__head *heads, size_t n_heads,
                               const struct hkp_dsm_view *ops, size_t n_ops, uint8_t *dst, size_t cap,
                               size_t *len);
/* Root over the op byte strings of a parsed body. */
void hkp_dsm__ops_root(const struct hkp_dsm__body *body, uint8_t root[32]);

/* Ops (D-CKP-3). */
enum {
    HKP_DSM__OP_EVIDENCE = 1,
    HKP_DSM__OP_JOIN = 2,
    HKP_DSM__OP_LEAVE = 3,
    HKP_DSM__OP_CA_SET = 4,
    HKP_DSM__OP_REVOCATIONS = 5,
    HKP_DSM__OP_TOMBSTONE = 6,
    HKP_DSM__OP_RETIRE = 7
};
struct hkp_dsm__op {
    uint64_t op;
    struct hkp_dsm_view first, second; /* the embedded objects in order; node_id or ioc_key is first */
    size_t n_endorsements;
    struct hkp_dsm_cbor_reader endorsements; /* before the first; each a byte string */
};
/* Shape only: E_SCHEMA, E_OP for an unknown number. */
hkp_status hkp_dsm__op_parse(const uint8_t *in, size_t len, struct hkp_dsm__op *op);
/* [op, bstr] for ops 3, 4, 5 and [op, bstr, bstr] for op 1. */
hkp_status hkp_dsm__op_build(uint64_t op, const struct hkp_dsm_view *first, const struct hkp_dsm_view *second,
                             uint8_t *dst, size_t cap, size_t *len);

/* ---- Membership (D-EPO-3; member.c) ---------------------------------------------------------------------
 */

enum { HKP_DSM__ACTION_JOIN = 1, HKP_DSM__ACTION_LEAVE = 2, HKP_DSM__TRUST_MIN = HKP_DSM_ENDORSE_TRUST_MIN };
/* Body of MEMBER. */
struct hkp_dsm__member {
    uint32_t action;
    uint64_t epoch;
    uint8_t certificate[32]; /* id */
};
/* Body of ENDORSE; trust in thousandths. */
struct hkp_dsm__endorse {
    uint8_t subject[32];
    uint64_t epoch;
    uint32_t trust;
};
hkp_status hkp_dsm__member_body(const struct hkp_dsm_view *body, struct hkp_dsm__member *member);
hkp_status hkp_dsm__endorse_body(const struct hkp_dsm_view *body, struct hkp_dsm__endorse *endorse);
/* Signed envelopes; 256 bytes suffice. */
hkp_status hkp_dsm__member_make(const uint8_t chain_id[32], const struct hkp_dsm__member *member,
                                const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst, size_t cap,
                                size_t *len);
hkp_status hkp_dsm__endorse_make(const uint8_t chain_id[32], const struct hkp_dsm__endorse *endorse,
                                 const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst,
                                 size_t cap, size_t *len);
/* At least f+1 endorsements of different members of set, all of them good: E_QUORUM, E_SIGNER, E_SIG,
 * E_EPOCH, E_TARGET. */
hkp_status hkp_dsm__endorsed(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                             const struct hkp_dsm__op *op, const uint8_t subject[32]);
/* [op, first, (second,) [endorsements]] for ops 2, 6, 7; second may be NULL. */
hkp_status hkp_dsm__endorsed_op(uint64_t op, const struct hkp_dsm_view *first,
                                const struct hkp_dsm_view *second, const struct hkp_dsm_view *endorsements,
                                size_t n, uint8_t *dst, size_t cap, size_t *len);

/* ---- Votes and certificates of votes (D-SMX-6, D-QC; vote.c) --------------------------------------------
 */

struct hkp_dsm__vote {
    uint32_t kind;   /* 3 NOTAR, 4 NULL, 5 FINAL */
    uint32_t signer; /* index in the set */
    uint64_t epoch, view;
    uint8_t digest[32];
};
/* Signed envelope; digest is ignored for NULL. */
hkp_status hkp_dsm__vote_make(const uint8_t chain_id[32], const struct hkp_dsm__vote *vote,
                              const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst, size_t cap,
                              size_t *len);
/* Body of a vote of that kind. */
hkp_status hkp_dsm__vote_parse(uint64_t kind, const uint8_t *body, size_t len, struct hkp_dsm__vote *vote);
/* All but the signature, which is of the key of set->seats[vote->signer] (hkp_dsm_envelope_verify()):
 * D-ENV-1, D-ENV-3, E_SCHEMA, E_EPOCH (vote says of which), E_SIGNER. */
hkp_status hkp_dsm__vote_open(const struct hkp_dsm__valset *set, const uint8_t *in, size_t len,
                              struct hkp_dsm_envelope *envelope, struct hkp_dsm__vote *vote);

struct hkp_dsm__cert {
    uint64_t scheme, kind, epoch, view;
    uint8_t digest[32];
    struct hkp_dsm_view bitmap, signatures;
    uint32_t n_signers; /* set by check */
};
/* Shape only (D-QC-1). */
hkp_status hkp_dsm__cert_parse(const uint8_t *in, size_t len, struct hkp_dsm__cert *cert);
/* All of D-QC-2 against the set of its epoch; scheme 1 alone: all that consensus stands on. */
hkp_status hkp_dsm__cert_check(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                               const uint8_t *in, size_t len, struct hkp_dsm__cert *cert);
/* The same, without checking signatures that equal a known one: known[set->n], [64] of each member or NULL.
 */
hkp_status hkp_dsm__cert_check_but(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                   const uint8_t *in, size_t len, const uint8_t *const *known,
                                   struct hkp_dsm__cert *cert);
/* For proofs to edge nodes: scheme 2, too, where the set lists it and the build has it (D-QC-3). */
hkp_status hkp_dsm__cert_check_any(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                   const uint8_t *in, size_t len, struct hkp_dsm__cert *cert);
/* shares[set->n]: [96] of each member or NULL, checked by hkp_dsm__share_check(). E_SCHEME, E_QUORUM, E_SIG.
 */
hkp_status hkp_dsm__cert_compact(const struct hkp_dsm__valset *set, const struct hkp_dsm__vote *vote,
                                 const uint8_t *const *shares, uint8_t *dst, size_t cap, size_t *len);
/* signatures[set->n]: [64] of each member or NULL; all given ones enter. E_QUORUM if fewer than q. */
hkp_status hkp_dsm__cert_build(const struct hkp_dsm__valset *set, const struct hkp_dsm__vote *vote,
                               const uint8_t *const *signatures, uint8_t *dst, size_t cap, size_t *len);
/* 1 if member index signed. */
int hkp_dsm__cert_signed(const struct hkp_dsm__cert *cert, uint32_t index);

/* ---- Evidence (D-EVD; evidence.c) -----------------------------------------------------------------------
 */

struct hkp_dsm__evidence {
    uint32_t class_; /* 1..6 for E1..E6 */
    uint32_t n_offenders;
    uint8_t offender[7][32]; /* E1..E5: one node_id in the first 16 bytes; E6: officer keys */
    uint64_t epoch;          /* of E1..E4 */
    uint64_t point;          /* view of E1..E4, seq of E5, number of E6 */
    uint64_t kind;           /* of the two objects; E2: of the first */
    uint8_t subject[16];     /* E6: node of a certificate, scope of an order */
};
/* Who may have signed: NULL for an unknown signer. E1..E4 ask with the epoch, E5 with epoch 2^64-1. */
struct hkp_dsm__keys {
    void *user;
    const uint8_t *(*key)(void *user, const uint8_t node_id[16], uint64_t epoch);
    const struct hkp_dsm_officers *officers;
};
/* op: canonical [1, object, object]. */
hkp_status hkp_dsm__evidence_check(const uint8_t *op, size_t len, const uint8_t chain_id[32],
                                   const struct hkp_dsm__keys *keys, struct hkp_dsm__evidence *evidence);
/* Of E6: what number was given twice, as the first 16 bytes of a hash; nothing is verified. E_EVIDENCE: of
 * another class. */
hkp_status hkp_dsm__evidence_number(const struct hkp_dsm_view *op, uint8_t name[16]);
/* [1, a, b], the bytewise lower object first, so that all who hold the two write the same op. */
hkp_status hkp_dsm__evidence_build(const struct hkp_dsm_view *a, const struct hkp_dsm_view *b, uint8_t *dst,
                                   size_t cap, size_t *len);
/* D-EVD-2: what evidence is known by; BLAKE2b of offender, class, epoch and point. */
void hkp_dsm__evidence_key(const struct hkp_dsm__evidence *evidence, uint8_t key[32]);

/* ---- Write-ahead log of promises (D-STO-4, D-STO-5; wal.c) ----------------------------------------------
 */

struct hkp_dsm__wal_record {
    uint32_t kind; /* 0 watermark, 2 PROPOSE, 3 NOTAR, 4 NULL, 5 FINAL */
    uint64_t epoch, view;
    uint8_t digest[32];
};
void hkp_dsm__wal_encode(const struct hkp_dsm__wal_record *record, uint8_t dst[HKP_DSM__WAL_RECORD]);
/* 1 and the record, or 0: bad. */
int hkp_dsm__wal_decode(const uint8_t in[HKP_DSM__WAL_RECORD], struct hkp_dsm__wal_record *record);
/* Judge a whole log: n good records from the front, torn 1 if a bad tail is to be cut off; E_WAL_CORRUPT when
 * a good record follows a bad one. Read the n records with wal_decode(). */
hkp_status hkp_dsm__wal_check(const uint8_t *in, size_t len, size_t *n, int *torn);

/* ---- Times (times.c) ------------------------------------------------------------------------------------
 */

/* (h) of validity: 1 if header time_ms is allowed under a parent and a local clock (0: only parent + 1). */
int hkp_dsm__header_time_ok(uint64_t time_ms, uint64_t parent_ms, uint64_t clock_ms);
/* D-SMX-R1: time of a proposal. median_ms: hkp_dsm__median() of the clocks of members with sessions and its
 * own. after_null: the node's own last proposal was nullified. */
uint64_t hkp_dsm__header_time(uint64_t wall_ms, uint64_t parent_ms, uint64_t median_ms, int after_null);
/* Lower median; sorts values[n], n >= 1. */
uint64_t hkp_dsm__median(uint64_t *values, size_t n);
/* D-BLK-16: how an author knows the time of its next block. */
struct hkp_dsm__block_clock {
    uint64_t wall_us;
    uint64_t prev_us;   /* of its block before; for the first one not_before of its certificate, minus 1 */
    int clock_known;    /* the host reports the clock synchronised, or a peer's verdict is known */
    uint32_t fails;     /* peers whose verdict is FAIL */
    uint64_t header_ms; /* newest final header learned since the start, 0: none */
    uint64_t since_us;  /* monotonic time since then */
};
uint64_t hkp_dsm__block_time(const struct hkp_dsm__block_clock *clock);
/* D-CERT-5: now of all checks outside proposals. */
uint64_t hkp_dsm__check_time(uint64_t wall_s, int synced, uint64_t header_ms, uint64_t build_s);

/* ---- Anti-entropy (D-GSP-12; anti_entropy.c) ------------------------------------------------------------
 */

uint8_t hkp_dsm__bucket_of(const uint8_t salt[16], const uint8_t node_id[16]);
/* Hash of each bucket and of them all; heads[n] ascending by node_id; bucket_of[n]: room to work in. */
void hkp_dsm__bucket_hashes(const uint8_t salt[16], const struct hkp_dsm__head *heads, size_t n,
                            uint8_t *bucket_of, uint8_t hashes[256][8], uint8_t root[8]);

/* ---- Portable proof (D-SYN-5; proof.c, proof_build.c) ---------------------------------------------------
 */

struct hkp_dsm__proof_link {
    const struct hkp_dsm_view *headers; /* the first holds the leaf or is the boundary, descendants follow */
    size_t n_headers;
    struct hkp_dsm_view cert;
    struct hkp_dsm_view valset; /* ptr NULL: the set before with its epoch raised by 1 */
};
struct hkp_dsm__proof_parts {
    const uint8_t *chain_id;
    uint64_t epoch; /* trusted epoch */
    const uint8_t *valset_hash;
    const struct hkp_dsm__proof_link *links; /* [n_links] */
    size_t n_links;
    struct hkp_dsm__proof_link target;
    uint32_t root; /* 0 heads, 1 blocks, 2 ops */
    uint64_t index, size;
    const uint8_t (*hashes)[32];
    size_t n_hashes;
    struct hkp_dsm_view leaf;
    const uint8_t *author;       /* NULL: no key 8 */
    struct hkp_dsm_view body;    /* of the MICROBLOCK */
    struct hkp_dsm_view payload; /* ptr NULL: no key 9 */
    int has_position;
    uint64_t position;
};
/* Writes what it is given; a full check is hkp_dsm_proof_verify(). */
hkp_status hkp_dsm__proof_build(const struct hkp_dsm__proof_parts *parts, uint8_t *dst, size_t cap,
                                size_t *len);

/* Who wants to see the certificate of each link, and of the target as the last one: a view of its bytes in
 * the proof, and what was found right. Another result than HKP_OK ends the walk. */
struct hkp_dsm__proof_each {
    void *user;
    hkp_status (*cert)(void *user, const struct hkp_dsm__valset *set, const struct hkp_dsm_view *bytes,
                       const struct hkp_dsm__cert *cert);
};
/* hkp_dsm_proof_verify(); each may be NULL. */
hkp_status hkp_dsm__proof_walk(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                               const struct hkp_dsm_trust *trust, size_t n_trust, uint64_t now_ms,
                               struct hkp_dsm__proof_each *each, struct hkp_dsm_proof *proof);

/* A link as it stands in op 42, and what it is made of. */
struct hkp_dsm__link {
    struct hkp_dsm__header boundary;
    struct hkp_dsm_view bytes, header, valset;
};
/* Read the next link and check it as D-SYN-6 does: the set of epoch hashes to want. */
hkp_status hkp_dsm__link_check(const uint8_t chain_id[32], uint64_t epoch, const uint8_t want[32],
                               struct hkp_dsm_cbor_reader *at, struct hkp_dsm__link *link);
/* The set in the target of a portable proof that was verified. E_SCHEMA: it is that of the link before. */
hkp_status hkp_dsm__proof_target_set(const uint8_t *proof, size_t len, struct hkp_dsm_view *set);

/* ---- RESTART (D-EPO-6; restart.c) -----------------------------------------------------------------------
 */

struct hkp_dsm__restart {
    uint64_t epoch;
    uint8_t genesis[32]; /* digest of the first header */
    uint64_t next_height;
    uint64_t time_ms; /* of the first header */
    size_t n_headers;
    struct hkp_dsm_cbor_reader headers; /* n_headers byte strings follow */
    struct hkp_dsm_view cert, valset_body;
};
/* As a link (D-SYN-5) with the set of the epoch that it ends: what proofs of that epoch need. */
hkp_status hkp_dsm__restart_link(const struct hkp_dsm__restart *restart, const struct hkp_dsm_view *set,
                                 uint8_t *dst, size_t cap, size_t *len);
/* At most so many headers: the newest final one, and empty descendants. */
enum { HKP_DSM__RESTART_HEADERS = 65 };
hkp_status hkp_dsm__restart_epoch(const struct hkp_dsm_view *body, uint64_t *epoch);
/* set: of the old epoch. held_height 0: the receiver holds no final header. */
hkp_status hkp_dsm__restart_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                  const struct hkp_dsm_officers *officers, const struct hkp_dsm__valset *set,
                                  uint64_t held_height, const uint8_t held_digest[32],
                                  struct hkp_dsm__restart *restart);
/* Shape, headers and sets; no signature is looked at. */
hkp_status hkp_dsm__restart_open(const uint8_t chain_id[32], const struct hkp_dsm_view *body,
                                 struct hkp_dsm__restart *restart);
hkp_status hkp_dsm__restart_build(uint64_t epoch, const struct hkp_dsm_view *headers, size_t n,
                                  const struct hkp_dsm_view *cert, const struct hkp_dsm_view *valset,
                                  uint8_t *dst, size_t cap, size_t *len);

/* ---- Witnesses (D-WIT-3; witness.c) ---------------------------------------------------------------------
 */

enum { HKP_DSM__PENDING = 0, HKP_DSM__CONFIRMED = 1, HKP_DSM__REFUTED = 2, HKP_DSM__EXPIRED = 3 };
struct hkp_dsm__verdict {
    uint64_t witness; /* any number that names one witness */
    uint32_t group;
    uint32_t verdict; /* 0 refute, 1 confirm, 2 abstain */
};
/* At most 64 verdicts (section 13); confirms and refutes count groups. */
int hkp_dsm__witness_state(const struct hkp_dsm__verdict *verdicts, size_t n, uint32_t claimant_group,
                           uint32_t k, int expired, uint32_t *confirms, uint32_t *refutes);

/* ---- sort.c ---- */

/** Heap sort in place: no memory, no recursion. size at most 64. */
void hkp_dsm__sort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));

/* peer_record.c */
struct hkp_dsm_address;
/** 1: all fields are in range. */
int hkp_dsm__address_ok(const struct hkp_dsm_address *a);
/** 1: of a range that means something else elsewhere. */
int hkp_dsm__address_is_private(const struct hkp_dsm_address *a);
/** A number of its IPv4 /24 or IPv6 /48, as in struct hkp_dsm__contact; 0: private. */
uint32_t hkp_dsm__address_net(const struct hkp_dsm_address *a);

#endif
