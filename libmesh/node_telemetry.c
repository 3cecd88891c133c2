/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Telemetry (D-AUD-4, decision 0607): batches of own values, and the newest of each peer. A start
 * begins a stream of its own, named by its time, so that nothing of it has to be stored.
 */
#include <hookprobe/dsm/publish.h>
#include <hookprobe/dsm/testimony.h>
#include <hookprobe/mesh/telemetry.h>

#include "libmesh/node.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <string.h>

static const char stream_name[8] = "node";

hkp_status hkp_mesh__telemetry_new(struct hkp_mesh_node *node) {
    struct hkp_dsm_stream_options s;
    struct hkp_dsm_collector_options c;
    struct hkp_dsm_directory directory;
    uint8_t name[16], public_key[32], secret[64];
    hkp_dsm_node_directory(node->dsm, &directory);
    hkp_dsm_collector_options_init(&c, sizeof c);
    c.mem = node->mem;
    c.chain_id = node->chain_id;
    c.directory = &directory;
    c.streams_max = HKP_MESH__PEERS_MAX + 1;
    hkp_status st = hkp_dsm_collector_new(&node->telemetry.collector, &c);
    if (st != HKP_OK || node->opt.telemetry_s == HKP_MESH_TELEMETRY_OFF) return st;
    memcpy(name, stream_name, 8);
    hkp_put_be64(name + 8, node->wall_us);
    crypto_sign_seed_keypair(public_key, secret, node->opt.a_seed);
    hkp_dsm_stream_options_init(&s, sizeof s);
    s.mem = node->opt.secret_mem;
    s.chain_id = node->chain_id;
    s.node_id = node->node_id;
    s.secret = secret;
    s.stream = name;
    st = hkp_dsm_stream_new(&node->telemetry.stream, &s);
    sodium_memzero(secret, sizeof secret);
    return st;
}

void hkp_mesh__telemetry_free(struct hkp_mesh_node *node) {
    hkp_dsm_stream_free(node->telemetry.stream);
    hkp_dsm_collector_free(node->telemetry.collector);
}

/* ---- out ---- */

static hkp_status sample(struct hkp_mesh_node *node, const struct hkp_mesh_status *s) {
    const uint64_t values[] = {
        [HKP_MESH_METRIC_TERS] = s->ter_index,  [HKP_MESH_METRIC_BLOCKS] = s->own_seq,
        [HKP_MESH_METRIC_HEIGHT] = s->height,   [HKP_MESH_METRIC_OPEN] = s->blocks_open,
        [HKP_MESH_METRIC_PEERS] = s->peers_up,  [HKP_MESH_METRIC_INDICATORS] = s->indicators,
        [HKP_MESH_METRIC_RECORDS] = s->records, [HKP_MESH_METRIC_REFUSED] = s->refused};
    hkp_status st = HKP_OK;
    for (uint32_t m = 1; st == HKP_OK && m < sizeof values / sizeof values[0]; m++) {
        const struct hkp_dsm_sample one = {
            .time_us = node->wall_us, .metric = m, .value = (int64_t)(values[m] & INT64_MAX)};
        st = hkp_dsm_stream_add(node->telemetry.stream, &one);
    }
    return st;
}

/* A clock that was set back stops it until it is where it was: times of a stream never fall. */
void hkp_mesh__telemetry_tick(struct hkp_mesh_node *node) {
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    uint8_t batch[HKP_DSM_BATCH_MAX], id[32];
    uint64_t number = 0;
    size_t len = 0;
    if (node->telemetry.stream == NULL || !node->started || node->now < node->telemetry.at ||
        hkp_mesh_node_status(node, &s) != HKP_OK || s.peers_up == 0)
        return;
    node->telemetry.at = node->now + node->opt.telemetry_s * HKP_MESH__SECOND;
    if (sample(node, &s) == HKP_OK &&
        hkp_dsm_stream_batch(node->telemetry.stream, batch, sizeof batch, &len, &number, id) == HKP_OK)
        hkp_mesh__drop(hkp_dsm_node_publish(node->dsm, node->now, node->wall_us, batch, len));
}

/* ---- in ---- */

static struct hkp_mesh__told *told_of(struct hkp_mesh_node *node, const uint8_t node_id[16]) {
    if (memcmp(node_id, node->node_id, 16) == 0) return &node->telemetry.own;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    return peer != NULL ? &peer->telemetry : NULL;
}

static void keep(struct hkp_mesh_telemetry *t, const struct hkp_dsm_sample *s) {
    uint32_t i = 0;
    while (i < t->n_values && t->values[i].metric != s->metric) i++;
    if (i == HKP_MESH_METRICS_MAX) return;
    if (i == t->n_values) t->n_values++;
    t->values[i] = (struct hkp_mesh_metric){.metric = s->metric, .scale = s->scale, .value = s->value};
    if (s->time_us > t->time_us) t->time_us = s->time_us;
}

/* One stream of a node, the one of its newest start: an older one is nothing but a replay. */
static int is_wanted(struct hkp_mesh_node *node, const struct hkp_dsm_envelope *e,
                     struct hkp_mesh__told *told) {
    struct hkp_dsm_batch b;
    if (hkp_dsm_batch_parse(e->body.ptr, e->body.len, &b) != HKP_OK || memcmp(b.stream, stream_name, 8) != 0)
        return 0;
    const int order = memcmp(b.stream, told->stream, 16);
    if (order <= 0) return order == 0;
    if (told->now.batch > 0)
        hkp_mesh__drop(hkp_dsm_collector_forget(node->telemetry.collector, e->signer, told->stream));
    *told = (struct hkp_mesh__told){.now = {.struct_size = 0}};
    memcpy(told->stream, b.stream, 16);
    return 1;
}

/* libdsm has verified it, so a stream that is forgotten here makes room for a true one. */
void hkp_mesh__telemetry_heard(struct hkp_mesh_node *node, const uint8_t *batch, size_t len) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_batch b;
    if (hkp_dsm_envelope_parse(batch, len, 1U << HKP_DSM_KIND_TELEMETRY, &e) != HKP_OK) return;
    struct hkp_mesh__told *told = told_of(node, e.signer);
    if (told == NULL || !is_wanted(node, &e, told)) return;
    const hkp_status st =
        hkp_dsm_collector_take(node->telemetry.collector, batch, len, node->wall_us / 1000000, &b);
    if (st == HKP_E_DSM_FORK || st == HKP_E_DSM_PREV)
        hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, e.signer,
                       "its telemetry does not follow what it told before");
    if (st != HKP_OK) return;
    told->now.batch = b.number;
    told->now.missing += b.missing;
    for (uint32_t i = 0; i < b.n_samples; i++) keep(&told->now, &b.samples[i]);
}

hkp_status hkp_mesh_telemetry_of(const hkp_mesh_node *node, const uint8_t node_id[16],
                                 struct hkp_mesh_telemetry *telemetry) {
    const struct hkp_mesh__told *told = memcmp(node_id, node->node_id, 16) == 0 ? &node->telemetry.own : NULL;
    if (telemetry->struct_size < sizeof *telemetry) return HKP_E_INVAL;
    for (uint32_t p = 0; told == NULL && p < node->n_peers; p++)
        if (memcmp(node->peers[p].node_id, node_id, 16) == 0) told = &node->peers[p].telemetry;
    if (told == NULL || told->now.n_values == 0) return HKP_E_NOTFOUND;
    *telemetry = told->now;
    telemetry->struct_size = sizeof *telemetry;
    return HKP_OK;
}

const char *hkp_mesh_metric_name(uint32_t metric) {
    static const char *const names[] = {
        [HKP_MESH_METRIC_TERS] = "ters",       [HKP_MESH_METRIC_BLOCKS] = "own_blocks",
        [HKP_MESH_METRIC_HEIGHT] = "height",   [HKP_MESH_METRIC_OPEN] = "blocks_open",
        [HKP_MESH_METRIC_PEERS] = "peers_up",  [HKP_MESH_METRIC_INDICATORS] = "indicators",
        [HKP_MESH_METRIC_RECORDS] = "records", [HKP_MESH_METRIC_REFUSED] = "refused"};
    return metric < sizeof names / sizeof names[0] ? names[metric] : NULL;
}
