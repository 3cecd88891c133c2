/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects that an operator hands over, and questions for proofs. */
#include <string.h>

#include <hookprobe/dsm/commands.h>
#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/submit.h>

#include "libmesh/node.h"

static hkp_status begin(struct hkp_mesh_node *node, hkp_time now) {
    if (node->life != 1 || !node->started) return HKP_E_MESH_STATE;
    if (now > node->now) node->now = now;
    return HKP_OK;
}

/* A peer's next certificate counts for its sessions, too. */
static void to_peer(struct hkp_mesh_node *node, const uint8_t *multi, size_t len) {
    struct hkp_dsm_certificate c;
    if (hkp_dsm_certificate_parse(multi, len, &c) != HKP_OK) return;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, c.node_id);
    if (peer != NULL) hkp_mesh__drop(hkp_mesh__certificate_take(node, peer, multi, len));
}

hkp_status hkp_mesh_submit(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t *object,
                           size_t len, uint32_t *kind) {
    *kind = 0;
    hkp_status st = begin(node, now);
    if (st != HKP_OK) return st;
    node->wall_us = wall_us;
    st = hkp_dsm_node_give(node->dsm, node->now, wall_us, object, len, kind);
    if (st == HKP_OK && *kind == HKP_DSM_KIND_CERTIFICATE) to_peer(node, object, len);
    if (st == HKP_E_DSM_DUPLICATE) return hkp_mesh__work_again(node, *kind, object, len);
    return st == HKP_OK ? hkp_mesh__work_submitted(node, *kind, object, len) : st;
}

/* Room for one more; its answer is judged by what was asked for. */
static hkp_status room(const struct hkp_mesh_node *node, int *at) {
    for (*at = 0; *at < HKP_MESH__PROOFS; ++*at)
        if (node->proofs[*at].ticket == 0) return HKP_OK;
    return HKP_E_LIMIT;
}

/* Questions go by lane 4. */
static int is_askable(const struct hkp_mesh_node *node) {
    for (uint32_t p = 0; p < node->n_peers; p++)
        if (node->peers[p].dsm_up && (node->peers[p].dsm_lanes >> 4 & 1) != 0) return 1;
    return 0;
}

hkp_status hkp_mesh_ask(hkp_mesh_node *node, hkp_time now, uint32_t what, const uint8_t key[32],
                        uint32_t position, uint64_t *ticket) {
    struct hkp_dsm_question q = {.struct_size = sizeof q, .what = what, .position = position};
    int at = 0;
    hkp_status st = begin(node, now);
    memcpy(q.key, key, 32);
    if (st == HKP_OK && !is_askable(node)) st = HKP_E_NOTFOUND;
    if (st == HKP_OK) st = room(node, &at);
    if (st == HKP_OK) st = hkp_dsm_node_trust(node->dsm, 0, q.trust.valset_hash, &q.trust.time_ms);
    if (st == HKP_OK) st = hkp_dsm_ask(node->dsm, node->now, &q, ticket);
    if (st != HKP_OK) return st;
    node->proofs[at].ticket = *ticket;
    node->proofs[at].asked = HKP_MESH__PROOF_OF_PEERS;
    return HKP_OK;
}

hkp_status hkp_mesh_prove_head(hkp_mesh_node *node, hkp_time now, const uint8_t node_id[16],
                               uint64_t *ticket) {
    int at = 0;
    hkp_status st = begin(node, now);
    if (st == HKP_OK) st = room(node, &at);
    if (st == HKP_OK) st = hkp_dsm_prove_head(node->dsm, node->now, node_id, 0, ticket);
    if (st != HKP_OK) return st;
    node->proofs[at].ticket = *ticket;
    node->proofs[at].asked = HKP_MESH__PROOF_OF_HEAD;
    return HKP_OK;
}

/* ---- commands ---- */

hkp_status hkp_mesh_retire(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t node_id[16]) {
    const hkp_status st = begin(node, now);
    if (st != HKP_OK) return st;
    node->wall_us = wall_us;
    return hkp_dsm_node_retire(node->dsm, node->now, wall_us, node_id);
}

hkp_status hkp_mesh_tombstone(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                              const uint8_t ioc_key[16]) {
    const hkp_status st = begin(node, now);
    if (st != HKP_OK) return st;
    node->wall_us = wall_us;
    return hkp_dsm_node_tombstone(node->dsm, node->now, wall_us, ioc_key);
}
