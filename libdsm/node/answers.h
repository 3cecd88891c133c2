/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: links, chunks of heads and proofs, for others and from them. */
#ifndef HKP_LIBDSM_NODE_ANSWERS_H
#define HKP_LIBDSM_NODE_ANSWERS_H

#include "libdsm/node/limits.h"

struct proof_job {
    uint32_t used, step;
    uint64_t ticket, seq, height, from_epoch, links;
    int32_t position;
    uint8_t author[16];
    /** asked by a peer: the answer is op 44; it is about the op with this leaf hash in leaf, its body in item
     */
    uint32_t asked, op;
    uint8_t peer[16], nonce[8];
    /** of a head: its leaf and path, when it was asked for */
    size_t leaf_len, index, size, n_hashes;
    uint8_t leaf[HKP_DSM__LEAF_MAX], path[20][32];
    blob *item, *leaves, *cert, *end, *link[LINKS_MAX], *headers[HEIGHTS_OPEN_MAX + 2];
    uint32_t n_headers;
    uint64_t cert_height, epoch;
};

/* boundaries.c */
hkp_status hkp_dsm__on_boundary_req(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_chunk_req(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__chunks_note(node *n);
void hkp_dsm__boundaries_row(struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                             size_t len);
void hkp_dsm__boundaries_end(node *n, struct read *r);

/* join.c */
void hkp_dsm__join_hint(node *n, uint64_t epoch);
void hkp_dsm__join_tick(node *n);
hkp_time hkp_dsm__join_wake(const node *n);
/** One block that a jump made final; 0: nothing to say, or it is not durable yet. */
int hkp_dsm__jump_tell(node *n);
hkp_status hkp_dsm__on_boundaries(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_chunk(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__join_chunks_done(node *n);
/** HKP_E_NOTFOUND: not the answer to its question. */
hkp_status hkp_dsm__join_proof(node *n, struct hkp_dsm__message *m);

/* trust.c */
/** 0: the final boundary of the own epoch is not to be followed; join.c asks others for it. */
int hkp_dsm__trust_step(node *n, const struct hkp_dsm__header *h);
/** An epoch begins. */
void hkp_dsm__trust_begun(node *n, const uint8_t boundary[32]);
/** Of a group that told nothing of this range of links; NULL: nobody is left. */
struct peer *hkp_dsm__trust_peer(node *n);
/** Who was asked did not answer. */
void hkp_dsm__trust_vain(node *n);
void hkp_dsm__trust_told(node *n, const struct peer *p);
/** Groups that told of this range. */
uint32_t hkp_dsm__trust_groups(const node *n);
/** The next range begins where the links end. */
void hkp_dsm__trust_range(node *n);
/** A boundary that nobody told before. */
void hkp_dsm__trust_heard(node *n, const struct hkp_dsm__header *h);
/** The link at this place of the range, told once more; E_FORK: there are two of one epoch, the host is told;
 * E_PROOF: so, but the operator's digest decides. */
hkp_status hkp_dsm__trust_again(node *n, const struct peer *p, uint32_t at, const struct hkp_dsm__link *l);
/** 1: the boundary at the end of the links may be joined. */
int hkp_dsm__trust_links(node *n);

/* ask.c */
hkp_status hkp_dsm__on_proof(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__questions_tick(node *n);
hkp_time hkp_dsm__questions_wake(const node *n);

/* prove.c */
hkp_status hkp_dsm__on_proof_req(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__proof_row(node *n, struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                        size_t len);
void hkp_dsm__proof_end(node *n, struct read *r);

#endif
