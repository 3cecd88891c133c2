/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The state of the mesh chain: all heads ascending by node_id, with the inner nodes of heads_root kept, so
 * that a checkpoint costs the changed paths; only a new or leaving author moves leaves (D-CKP-2). One tree
 * follows the chain: apply the changes of a proposal, keep what undid them, and apply that to go back.
 */
#ifndef HKP_LIBDSM_HEADS_TREE_H
#define HKP_LIBDSM_HEADS_TREE_H

#include "libdsm/objects/objects.h"

struct hkp_dsm__heads;

/* All memory is taken here: about 170 bytes for each head of capacity (1..HKP_DSM__HEADS_MAX). */
hkp_status hkp_dsm__heads_new(struct hkp_dsm__heads **out, size_t capacity, const struct hkp_mem *mem);
void hkp_dsm__heads_free(struct hkp_dsm__heads *h);
size_t hkp_dsm__heads_count(const struct hkp_dsm__heads *h);
const uint8_t *hkp_dsm__heads_root(const struct hkp_dsm__heads *h);
/* Position, or -1; and the head at a position. */
ptrdiff_t hkp_dsm__heads_find(const struct hkp_dsm__heads *h, const uint8_t node_id[16]);
const struct hkp_dsm__head *hkp_dsm__heads_at(const struct hkp_dsm__heads *h, size_t position);

/*
 * Set changes[n] ascending by node_id; status 2 takes a head away. undo[n], may be NULL: the same heads as
 * they were (status 2: not there); applying them restores the tree. HKP_E_LIMIT beyond capacity: unchanged.
 */
hkp_status hkp_dsm__heads_apply(struct hkp_dsm__heads *h, const struct hkp_dsm__head *changes, size_t n,
                                struct hkp_dsm__head *undo);

/*
 * Inclusion path of the node at index on a level (0: a leaf; 10: a chunk of 1024 leaves, D-SYN-3); size in
 * the proof is the number of nodes on that level. Returns the number of hashes written, at most 17.
 */
size_t hkp_dsm__heads_prove(const struct hkp_dsm__heads *h, size_t level, size_t index,
                            uint8_t (*hashes)[32]);
/* Hash of the node at index on a level. */
const uint8_t *hkp_dsm__heads_node(const struct hkp_dsm__heads *h, size_t level, size_t index);
/* Most heads that it can hold. */
size_t hkp_dsm__heads_room(const struct hkp_dsm__heads *h);

#endif
