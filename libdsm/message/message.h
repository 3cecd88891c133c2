/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Messages of HTP class DSM: one op each (D-GSP-18 to D-GSP-21). Parsing makes every check of D-GSP-20 in its
 * order and leaves views; what a field holds beyond that (signatures, rules) is for the object's own check.
 */
#ifndef HKP_LIBDSM_MESSAGE_H
#define HKP_LIBDSM_MESSAGE_H

#include "libdsm/objects/objects.h"

enum {
    HKP_DSM__OP_MSG_JOIN = 1,
    HKP_DSM__OP_MSG_FORWARD_JOIN = 2,
    HKP_DSM__OP_MSG_NEIGHBOR = 3,
    HKP_DSM__OP_MSG_NEIGHBOR_REPLY = 4,
    HKP_DSM__OP_MSG_DISCONNECT = 5,
    HKP_DSM__OP_MSG_SHUFFLE = 6,
    HKP_DSM__OP_MSG_SHUFFLE_REPLY = 7,
    HKP_DSM__OP_MSG_PUSH = 8,
    HKP_DSM__OP_MSG_IHAVE = 9,
    HKP_DSM__OP_MSG_GRAFT = 10,
    HKP_DSM__OP_MSG_PRUNE = 11,
    HKP_DSM__OP_MSG_IDONTWANT = 12,
    HKP_DSM__OP_MSG_PING = 16,
    HKP_DSM__OP_MSG_ACK = 17,
    HKP_DSM__OP_MSG_PING_REQ = 18,
    HKP_DSM__OP_MSG_DIGEST = 20,
    HKP_DSM__OP_MSG_BUCKETS = 21,
    HKP_DSM__OP_MSG_HEADS = 22,
    HKP_DSM__OP_MSG_WANT = 23,
    HKP_DSM__OP_MSG_ITEMS = 24,
    HKP_DSM__OP_MSG_HAVE = 30,
    HKP_DSM__OP_MSG_SYNC_REQ = 31,
    HKP_DSM__OP_MSG_SYNC_RESP = 32,
    HKP_DSM__OP_MSG_PROMISES_REQ = 33,
    HKP_DSM__OP_MSG_PROMISES = 34,
    HKP_DSM__OP_MSG_PROPOSE = 35,
    HKP_DSM__OP_MSG_VOTE = 36,
    HKP_DSM__OP_MSG_CERT = 37,
    HKP_DSM__OP_MSG_CERT_WANT = 38,
    HKP_DSM__OP_MSG_CHUNK_REQ = 39,
    HKP_DSM__OP_MSG_CHUNK = 40,
    HKP_DSM__OP_MSG_BOUNDARY_REQ = 41,
    HKP_DSM__OP_MSG_BOUNDARIES = 42,
    HKP_DSM__OP_MSG_PROOF_REQ = 43,
    HKP_DSM__OP_MSG_PROOF = 44
};

enum { HKP_DSM__LANES = 5 };
enum {
    HKP_DSM__FORM_ENVELOPE = 0,
    HKP_DSM__FORM_MULTI = 1,
    HKP_DSM__FORM_CERT = 2,
    HKP_DSM__FORM_EVIDENCE = 3
};

/* An item (D-GSP-6) of checked shape. */
struct hkp_dsm__item {
    uint32_t form;
    uint32_t kind; /* of envelope, multi or cert; 0 for evidence */
    struct hkp_dsm_view object;
    struct hkp_dsm_view payload; /* ptr NULL: null */
    const uint8_t *signer;       /* [16] of an envelope, otherwise NULL */
    struct hkp_dsm_view body;    /* of envelope or multi */
};

/* Elements of an array field: read with the _next functions below, or with the cbor reader. */
struct hkp_dsm__list {
    size_t n;
    struct hkp_dsm_cbor_reader at;
};

/* Fields by name; those that the op has not are zero. */
struct hkp_dsm__message {
    uint32_t op, lane;
    const uint8_t *nonce;   /* [8]: 6, 7, 16, 17, 18, 43, 44 */
    const uint8_t *salt;    /* [16]: 20, 21 */
    const uint8_t *root;    /* [8]: 20 */
    const uint8_t *node_id; /* [16]: 18 */
    uint64_t flag;          /* 3, 4 */
    uint64_t ttl;           /* 2, 6 */
    uint64_t hops;          /* 8 */
    uint64_t time_us;       /* 20 */
    uint64_t epoch;         /* 30, 31, 33, 34; from epoch of 41, 43 */
    uint64_t from, to;      /* views of 31; to: to epoch of 41 */
    uint64_t height, chunk; /* 39, 40 */
    uint64_t what;          /* 43 */
    uint64_t status;        /* 44 */
    uint64_t position;      /* 43 */
    uint32_t has_position;
    struct hkp_dsm__item item;    /* 8 */
    struct hkp_dsm_view record;   /* 1, 2 */
    struct hkp_dsm_view envelope; /* 35, 36 */
    struct hkp_dsm_view body;     /* 35 */
    struct hkp_dsm_view cert;     /* 37 */
    struct hkp_dsm_view key;      /* 43: 16 or 32 bytes */
    struct hkp_dsm_view proof;    /* 44, ptr NULL: null */
    struct hkp_dsm__list list;    /* the (first) array: records, id16, hash8, buckets, ranges, items, heads,
                                     certs,    envelopes, node_ids, leaves, links, and certs of 35 */
    struct hkp_dsm__list list2; /* the second: heads of 22, digests of 31, [header, body] of 32, certs of 34,
                                   hashes of 40 */
};

/* Highest size of a message by lane (D-GSP-20); the host compares the announced length with it. */
size_t hkp_dsm__lane_max(uint32_t lane);

/* All of D-GSP-20: CBOR errors, E_TOO_BIG, E_SCHEMA, E_OP, E_LANE, E_KIND. lane 0..4 is that of the stream.
 */
hkp_status hkp_dsm__message_parse(uint32_t lane, const uint8_t *in, size_t len,
                                  struct hkp_dsm__message *message);

/* D-GSP-19: lane of a stream by its first message; taken: bit k if the peer has lane k open on another.
 * E_LANE. */
hkp_status hkp_dsm__stream_open(const uint8_t *first, size_t len, uint32_t taken, uint32_t *lane);

/* Lane in which an item is pushed; of a microblock by its event type, so CBOR and schema of its body are
 * checked. item_lane() is for items that were checked before. */
hkp_status hkp_dsm__item_push_lane(const struct hkp_dsm__item *item, uint32_t *lane);
uint32_t hkp_dsm__item_lane(const struct hkp_dsm__item *item);
/* Message id of an item (D-GSP-6). */
void hkp_dsm__item_message_id(const struct hkp_dsm__item *item, const uint8_t chain_id[32], uint8_t id[16]);
/* An item from a stored object, for example an envelope of a block: shape as where it stands in a message. */
hkp_status hkp_dsm__item_read(uint32_t form, const struct hkp_dsm_view *object,
                              const struct hkp_dsm_view *payload, struct hkp_dsm__item *item);

/* Next element of a list; call at most n times. */
const uint8_t *hkp_dsm__next_fixed(struct hkp_dsm__list *list, size_t len); /* id16, hash8, digest, node_id */
struct hkp_dsm_view hkp_dsm__next_bytes(struct hkp_dsm__list *list);        /* record, cert, envelope, leaf */
uint64_t hkp_dsm__next_uint(struct hkp_dsm__list *list);                    /* bucket */
void hkp_dsm__next_item(struct hkp_dsm__list *list, struct hkp_dsm__item *item);
struct hkp_dsm__range {
    const uint8_t *node_id;
    uint64_t from, to;
};
void hkp_dsm__next_range(struct hkp_dsm__list *list, struct hkp_dsm__range *range); /* WANT */
struct hkp_dsm__have {
    const uint8_t *node_id;
    uint64_t seq;
    const uint8_t *id8; /* of HEADS, otherwise NULL */
};
void hkp_dsm__next_have(struct hkp_dsm__list *list, struct hkp_dsm__have *have); /* HAVE, HEADS */
/* [header, body] of SYNC_RESP. */
void hkp_dsm__next_pair(struct hkp_dsm__list *list, struct hkp_dsm_view *header, struct hkp_dsm_view *body);

/*
 * Builders write into w (begin with {.out, .cap}); w->status tells whether it fitted. Those with lists write
 * the head only: the caller adds n elements with the functions behind it or with hkp_dsm_cbor_put_bytes().
 */
void hkp_dsm__put_item(struct hkp_dsm_cbor_writer *w, uint32_t form, const struct hkp_dsm_view *object,
                       const struct hkp_dsm_view *payload); /* payload NULL: null */
void hkp_dsm__put_push(struct hkp_dsm_cbor_writer *w, uint32_t lane, uint32_t hops, uint32_t form,
                       const struct hkp_dsm_view *object, const struct hkp_dsm_view *payload);
/* [op, [n elements]]: 9, 10, 12 (id16), 23 (ranges), 24 (items), 38 (node_ids), 42 (links) */
void hkp_dsm__put_list(struct hkp_dsm_cbor_writer *w, uint32_t op, size_t n);
void hkp_dsm__put_range(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t from, uint64_t to);
void hkp_dsm__put_digest(struct hkp_dsm_cbor_writer *w, const uint8_t salt[16], uint64_t time_us,
                         const uint8_t root[8]);
/* [21, salt, [256 hashes]] */
void hkp_dsm__put_buckets(struct hkp_dsm_cbor_writer *w, const uint8_t salt[16]);
/* [22, [n_buckets numbers], then hkp_dsm_cbor_put_array(w, n_heads) and put_heads_entry */
void hkp_dsm__put_heads(struct hkp_dsm_cbor_writer *w, size_t n_buckets);
void hkp_dsm__put_heads_entry(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t seq,
                              const uint8_t id8[8]);
void hkp_dsm__put_have(struct hkp_dsm_cbor_writer *w, uint64_t epoch, size_t n);
void hkp_dsm__put_have_entry(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t seq);
/* [31, epoch, from, to, [n digests]] */
void hkp_dsm__put_sync_req(struct hkp_dsm_cbor_writer *w, uint64_t epoch, uint64_t from, uint64_t to,
                           size_t n);
/* [32, [n_certs certs], then hkp_dsm_cbor_put_array(w, n_pairs) and put_pair */
void hkp_dsm__put_sync_resp(struct hkp_dsm_cbor_writer *w, size_t n_certs);
void hkp_dsm__put_pair(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *header,
                       const struct hkp_dsm_view *body);
void hkp_dsm__put_promises_req(struct hkp_dsm_cbor_writer *w, uint64_t epoch);
/* [34, epoch, [n_envelopes], then hkp_dsm_cbor_put_array(w, n_certs) and the certs */
void hkp_dsm__put_promises(struct hkp_dsm_cbor_writer *w, uint64_t epoch, size_t n_envelopes);
/* [35, envelope, body, [n_certs certs]] */
void hkp_dsm__put_propose(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *envelope,
                          const struct hkp_dsm_view *body, size_t n_certs);
void hkp_dsm__put_chunk_req(struct hkp_dsm_cbor_writer *w, uint64_t height, uint64_t chunk);
/* [40, height, chunk, [n_leaves leaves], then hkp_dsm_cbor_put_array(w, n_hashes) and the hashes */
void hkp_dsm__put_chunk(struct hkp_dsm_cbor_writer *w, uint64_t height, uint64_t chunk, size_t n_leaves);
void hkp_dsm__put_boundary_req(struct hkp_dsm_cbor_writer *w, uint64_t from, uint64_t to);
/* [43, nonce8, epoch, what, key, position]; position -1: null */
void hkp_dsm__put_proof_req(struct hkp_dsm_cbor_writer *w, const uint8_t nonce[8], uint64_t epoch,
                            uint32_t what, const struct hkp_dsm_view *key, int32_t position);
/* [op, bytes]: 36 VOTE, 37 CERT, 1 JOIN */
void hkp_dsm__put_single(struct hkp_dsm_cbor_writer *w, uint32_t op, const struct hkp_dsm_view *bytes);
/* [44, nonce8, status, proof]; proof NULL: null */
void hkp_dsm__put_proof(struct hkp_dsm_cbor_writer *w, const uint8_t nonce[8], uint32_t status,
                        const struct hkp_dsm_view *proof);
void hkp_dsm__put_bytes(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *bytes);

#endif
