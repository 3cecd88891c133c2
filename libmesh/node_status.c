/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How a member and its peers stand. */
#include "libmesh/node.h"
#include "libmesh/state.h"
#include "libter/bytes.h"

#include <string.h>

static int is_up(const struct hkp_mesh__peer *peer) {
    for (int i = 0; i < HKP_MESH__LINKS; i++)
        if (peer->links[i].session != 0) return 1;
    return 0;
}

/* 1: group was not in list yet. */
static uint32_t count_group(uint32_t *list, uint32_t *n, uint32_t group) {
    if (group == 0) return 0;
    for (uint32_t i = 0; i < *n; i++)
        if (list[i] == group) return 0;
    list[(*n)++] = group;
    return 1;
}

static void gather(const struct hkp_mesh_node *node, struct hkp_mesh__state_inputs *in) {
    uint32_t up[HKP_MESH__PEERS_MAX], known[HKP_MESH__PEERS_MAX], n_up = 0, n_known = 0, lost = 0;
    struct hkp_dsm_node_status d = {.struct_size = sizeof d};
    memset(in, 0, sizeof *in);
    in->joined = node->life == 1;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        const struct hkp_mesh__peer *peer = &node->peers[p];
        in->groups_known += count_group(known, &n_known, peer->group);
        lost += hkp_mesh__own_state(peer) == HKP_NEURO_INSTANCE_LOST;
        if (!is_up(peer)) continue;
        in->peers++;
        in->groups += count_group(up, &n_up, peer->group);
    }
    in->peers_needed = node->n_peers < 3 ? node->n_peers : 3;
    /* libdsm compares the chains of both sides when a session begins, and goes on with every block */
    in->first_round = node->started;
    in->resonance_ok = lost < node->n_peers || lost == 0;
    in->checkpoint_age_s = UINT64_MAX;
    if (hkp_dsm_node_status(node->dsm, &d) == HKP_OK && d.final_height > 0) {
        uint64_t now_ms = node->wall_us / 1000;
        in->checkpoint_age_s = now_ms > d.final_time_ms ? (now_ms - d.final_time_ms) / 1000 : 0;
    }
    if (node->unsynced_at != 0) in->unsync_s = (node->now - node->unsynced_at) / HKP_MESH__SECOND;
}

void hkp_mesh__state_update(struct hkp_mesh_node *node) {
    static const char *const wants[] = {
        [HKP_MESH__WANT_NONE] = "",
        [HKP_MESH__WANT_PEERS] = "too few peers",
        [HKP_MESH__WANT_GROUPS] = "too few groups",
        [HKP_MESH__WANT_CLEAN_ROUND] = "chains not compared",
        [HKP_MESH__WANT_CHECKPOINT] = "no recent checkpoint",
        [HKP_MESH__WANT_REVOCATIONS] = "old revocation list",
        [HKP_MESH__WANT_RESONANCE] = "every own instance is lost",
    };
    struct hkp_mesh__state_inputs in;
    uint32_t want = HKP_MESH__WANT_NONE, before = node->state;
    gather(node, &in);
    node->state = hkp_mesh__state_next(before, &in, &want);
    if (want == HKP_MESH__WANT_NONE)
        node->unsynced_at = 0;
    else if (node->unsynced_at == 0)
        node->unsynced_at = node->now > 0 ? node->now : 1;
    if (node->state == before) return;
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_STATE, node->node_id, wants[want]);
    fact->number = before;
    fact->to = node->state;
}

hkp_status hkp_mesh_node_status(const hkp_mesh_node *node, struct hkp_mesh_status *status) {
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    struct hkp_dsm_node_status d = {.struct_size = sizeof d};
    struct hkp_htp_stats h = {.struct_size = sizeof h};
    struct hkp_mesh_intel_stats in = {.struct_size = sizeof in};
    struct hkp_dsm_bls_status b = {.struct_size = sizeof b};
    hkp_status st = hkp_dsm_node_status(node->dsm, &d);
    if (st == HKP_OK) st = hkp_dsm_bls_status(node->dsm, &b);
    if (st == HKP_OK) st = hkp_htp_endpoint_stats(node->htp, &h);
    if (st == HKP_OK) st = hkp_mesh_intel_get_stats(node->intel, &in);
    if (st != HKP_OK) return st;
    struct hkp_mesh_status s;
    memset(&s, 0, sizeof s);
    s.struct_size = status->struct_size;
    memcpy(s.node_id, node->node_id, 16);
    memcpy(s.chain_id, node->chain_id, 32);
    s.members = d.members;
    s.faulty_max = d.faulty_max;
    s.quorum = d.quorum;
    s.peers_configured = node->n_peers;
    for (uint32_t p = 0; p < node->n_peers; p++) s.peers_up += (uint32_t)is_up(&node->peers[p]);
    s.state = node->life == 1 ? node->state : HKP_MESH_NODE_DORMANT;
    s.integrity = node->integrity;
    s.height = d.final_height;
    s.view = d.view;
    s.epoch = d.epoch;
    s.final_time_ms = d.final_time_ms;
    s.nullified = d.nullified;
    s.evidence = d.evidence;
    s.ter_index = node->cursor.index;
    s.own_seq = d.own_seq;
    s.blocks = d.blocks;
    s.blocks_open = d.blocks_open;
    s.records = in.records;
    s.indicators = in.indicators;
    memcpy(s.dropped, h.dropped, sizeof s.dropped);
    s.refused = node->refused;
    s.bls = hkp_dsm_bls_is_built();
    s.bls_listed = b.listed;
    s.bls_keys = b.keys;
    s.bls_own = b.own;
    s.trust = d.trust;
    s.boundary_ms = d.boundary_ms;
    memcpy(s.boundary, d.boundary, 32);
    *status = s;
    return HKP_OK;
}

hkp_status hkp_mesh_peer_status(const hkp_mesh_node *node, uint32_t index,
                                struct hkp_mesh_peer_status *status) {
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    if (index >= node->n_peers) return HKP_E_NOTFOUND;
    const struct hkp_mesh__peer *peer = &node->peers[index];
    struct hkp_neuro_instance_info own = {.struct_size = sizeof own}, held = {.struct_size = sizeof held};
    struct hkp_mesh_peer_status s;
    memset(&s, 0, sizeof s);
    s.struct_size = status->struct_size;
    memcpy(s.node_id, peer->node_id, 16);
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        struct hkp_htp_session_info info = {.struct_size = sizeof info};
        if (peer->links[i].session == 0) continue;
        s.up = 1;
        s.mode |= peer->links[i].mode == HKP_HTP_MODE_R;
        if (hkp_htp_session_info(node->htp, peer->links[i].session, &info) == HKP_OK)
            s.rtt_us = info.rtt_ns / 1000;
    }
    s.trust = peer->trust.now.t;
    hkp_mesh__trust_text(peer->trust.now.why, s.reason, sizeof s.reason);
    s.group = peer->group;
    s.refused = peer->refused;
    s.refused_by = peer->refused_by;
    s.quarantined = peer->trust.quarantine.quarantined;
    s.integrity = 2;
    if (hkp_neuro_owner_info(peer->own, &own) == HKP_OK) {
        s.own_state = own.state;
        s.own_commit = own.ck_index;
    }
    if (hkp_neuro_holder_info(peer->held, &held) == HKP_OK) {
        s.held_state = held.state;
        s.held_commit = held.ck_index;
        s.ter_index = held.index;
        if (held.state != HKP_NEURO_INSTANCE_NONE)
            s.integrity = (peer->trust.now.why & HKP_NEURO_WHY_INTEGRITY) == 0;
    }
    *status = s;
    return HKP_OK;
}
