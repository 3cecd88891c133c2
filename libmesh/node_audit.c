/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Heads of audit logs: our own goes into an AUDIT block, which the checkpoint makes final, and by gossip to
 * who is there (D-AUD-2). Of every other member the newest is kept: two that do not fit are told.
 */
#include <string.h>

#include <hookprobe/mesh/audit.h>

#include "libmesh/node.h"

hkp_status hkp_mesh_audit_publish(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t *head,
                                  size_t len, uint64_t *seq) {
    struct hkp_dsm_directory directory;
    struct hkp_dsm_audit_head h;
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    if (node->life != 1 || !node->started) return HKP_E_STATE;
    hkp_dsm_node_directory(node->dsm, &directory);
    hkp_status st = hkp_dsm_audit_head_check(head, len, node->chain_id, &directory, wall_us / 1000000, &h);
    if (st == HKP_OK && memcmp(h.node_id, node->node_id, 16) != 0) st = HKP_E_DSM_NODE_ID;
    if (st == HKP_OK) st = hkp_mesh__submit(node, HKP_DSM_EVENT_AUDIT, head, len, seq);
    if (st == HKP_OK) hkp_mesh__drop(hkp_dsm_node_publish(node->dsm, node->now, wall_us, head, len));
    return st;
}

/* Newer ones replace older ones; what was missed between them only a consistency proof can show. */
void hkp_mesh__audit_heard(struct hkp_mesh_node *node, const uint8_t *head, size_t len) {
    struct hkp_dsm_directory directory;
    struct hkp_dsm_audit_head h;
    hkp_dsm_node_directory(node->dsm, &directory);
    if (hkp_dsm_audit_head_read(head, len, &h) != HKP_OK) return;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, h.node_id);
    if (peer == NULL ||
        hkp_dsm_audit_head_check(head, len, node->chain_id, &directory, h.time_us / 1000000, &h) != HKP_OK)
        return;
    const struct hkp_dsm_audit_head *old = &peer->audit;
    const int twin = h.size == old->size && memcmp(h.root, old->root, 32) != 0;
    const hkp_status st = old->size > 0 ? hkp_dsm_audit_head_follows(old, &h) : HKP_OK;
    if (twin || st == HKP_E_DSM_FORK)
        hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, peer->node_id, "signed two audit logs")->number =
            h.size;
    if (st != HKP_E_DSM_STALE && st != HKP_E_DSM_FORK) peer->audit = h;
}

hkp_status hkp_mesh_audit_of(const hkp_mesh_node *node, const uint8_t node_id[16],
                             struct hkp_dsm_audit_head *head) {
    for (uint32_t p = 0; p < node->n_peers; p++)
        if (memcmp(node->peers[p].node_id, node_id, 16) == 0 && node->peers[p].audit.size > 0) {
            *head = node->peers[p].audit;
            return HKP_OK;
        }
    return HKP_E_NOTFOUND;
}
