/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: telemetry (D-AUD-4). Once a minute, or as often as telemetry_s of its options says, a node
 * tells the others how it stands, in signed batches that follow each other; of each peer it keeps the newest
 * values that it verified.
 */
#ifndef HOOKPROBE_MESH_TELEMETRY_H
#define HOOKPROBE_MESH_TELEMETRY_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** seconds between two batches: default, and what the options take */
    HKP_MESH_TELEMETRY_S = 60,
    HKP_MESH_TELEMETRY_S_MIN = 10,
    HKP_MESH_TELEMETRY_S_MAX = 3600,
    /** metrics of which the newest value is kept for a node */
    HKP_MESH_METRICS_MAX = 16
};

/** In the options of a node: it tells nothing of itself. */
#define HKP_MESH_TELEMETRY_OFF 0xffffffffU

/** What a node tells of itself. */
enum {
    /** index of its newest TER */
    HKP_MESH_METRIC_TERS = 1,
    /** own blocks */
    HKP_MESH_METRIC_BLOCKS = 2,
    /** newest final height */
    HKP_MESH_METRIC_HEIGHT = 3,
    /** blocks that are not final */
    HKP_MESH_METRIC_OPEN = 4,
    /** peers with a session */
    HKP_MESH_METRIC_PEERS = 5,
    /** live indicators and threat records */
    HKP_MESH_METRIC_INDICATORS = 6,
    HKP_MESH_METRIC_RECORDS = 7,
    /** refusals since its start */
    HKP_MESH_METRIC_REFUSED = 8
};

/** The newest value of a metric: value * 10^scale. */
struct hkp_mesh_metric {
    uint32_t metric;
    /** -9..9 */
    int32_t scale;
    int64_t value;
};

/** What is known of a node. */
struct hkp_mesh_telemetry {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    uint32_t n_values;
    /** its newest batch, batches that never came, and the time of its newest sample, Unix microseconds */
    uint64_t batch;
    uint64_t missing;
    uint64_t time_us;
    struct hkp_mesh_metric values[16];
};

/**
 * The newest telemetry of a node.
 *
 * @param node       the object
 * @param node_id    [16] the node itself or one of its peers
 * @param telemetry  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK          written
 * @retval HKP_E_INVAL     struct_size is too small
 * @retval HKP_E_NOTFOUND  nothing of it came yet, it tells nothing, or it is no peer
 *
 * Cost: one pass over the peers.
 * Source: D-AUD-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_telemetry_of(const hkp_mesh_node *node, const uint8_t node_id[16],
                                                      struct hkp_mesh_telemetry *telemetry);

/**
 * Name of a metric.
 *
 * @param metric  HKP_MESH_METRIC_*
 *
 * @return a static string, NULL: not one of ours
 *
 * Cost: none.
 * Source: D-AUD-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_metric_name(uint32_t metric);

#ifdef __cplusplus
}
#endif

#endif
