/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A RESTART that an operator hands to a running node (D-EPO-6): the file is read and given to it. */
#include <hookprobe/mesh/restart.h>

#include "libmesh/posix/runner.h"

static const char *why(hkp_status st) {
    switch (st) {
    case HKP_E_DSM_STALE:
        return "this node has gone beyond what the RESTART names";
    case HKP_E_DSM_EPOCH:
        return "this node has not come to the epoch that the RESTART leaves; again when it has";
    case HKP_E_DSM_CA_VERSION:
        return "the RESTART is signed by officers that are not in office";
    case HKP_E_DSM_SIG:
    case HKP_E_DSM_QUORUM:
        return "the RESTART is not signed as it has to be";
    case HKP_E_MESH_STATE:
    case HKP_E_STATE:
        return "the node is not ready";
    case HKP_E_LIMIT:
        return "the node is busy; again later";
    default:
        return "this is no RESTART of this mesh that holds";
    }
}

void hkp_mesh__restart_apply(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *path) {
    static uint8_t bytes[HKP_DSM_RESTART_MAX];
    struct hkp_dsm_node_status before = {.struct_size = sizeof before}, after = before;
    size_t len = 0;
    if (path == NULL) {
        hkp_mesh__refuse(c, "restart_apply wants \"restart\": path of a file");
        return;
    }
    if (hkp_ter_file_read(path, 0, bytes, sizeof bytes, &len) != HKP_OK) {
        hkp_mesh__refuse(c, "the file cannot be read");
        return;
    }
    hkp_status st = hkp_dsm_node_status(hkp_mesh_dsm(r->node), &before);
    if (st == HKP_OK) st = hkp_mesh_restart(r->node, hkp_mesh__mono(), hkp_mesh__wall(), bytes, len);
    if (st == HKP_OK) st = hkp_dsm_node_status(hkp_mesh_dsm(r->node), &after);
    if (st != HKP_OK) {
        hkp_mesh__refuse(c, why(st));
        return;
    }
    /* what the node lacks it fetches first, or it reads its store */
    hkp_mesh__reply(c, json_pack("{s:b,s:I,s:I,s:b}", "ok", 1, "epoch", (json_int_t)after.epoch, "height",
                                 (json_int_t)after.final_height, "waits", after.epoch == before.epoch));
}
