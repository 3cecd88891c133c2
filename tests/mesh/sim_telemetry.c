/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Nodes that tell each other how they stand (D-AUD-4). */
#include "node_world.h"

#include <hookprobe/dsm/telemetry.h>
#include <hookprobe/mesh/telemetry.h>

#include "libter/bytes.h"

static void all_up(void) {
    for (uint32_t i = 0; i < 4; i++) world_up(i);
    CHECK(world_until(world_all_active, 60 * WORLD_S));
    world_all_trust(4);
}

static void start(uint64_t seed) {
    world_make(4, seed);
    all_up();
}

static struct hkp_mesh_telemetry of(uint32_t i, uint32_t k) {
    struct hkp_mesh_telemetry t = {.struct_size = sizeof t};
    if (hkp_mesh_telemetry_of(world.node[i].node, world.node[k].node_id, &t) != HKP_OK) t.n_values = 0;
    return t;
}

static int all_know_all(void) {
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t k = 0; k < 4; k++)
            if (of(i, k).n_values == 0 || of(i, k).batch < 3) return 0;
    return 1;
}

static void quarter_minute(void) {
    world_all_trust(4); /* as after half an hour */
    CHECK(world_until(NULL, 15 * WORLD_S));
}

static int64_t value(const struct hkp_mesh_telemetry *t, uint32_t metric) {
    for (uint32_t i = 0; i < t->n_values; i++)
        if (t->values[i].metric == metric) return t->values[i].value;
    return -1;
}

static void every_node_learns_how_the_others_stand(void) {
    struct hkp_mesh_telemetry t = {.struct_size = 1};
    const uint8_t nobody[16] = {9};
    start(61);
    CHECK_EQ(hkp_mesh_telemetry_of(world.node[0].node, nobody, &t), HKP_E_INVAL);
    t.struct_size = sizeof t;
    CHECK_EQ(hkp_mesh_telemetry_of(world.node[0].node, nobody, &t), HKP_E_NOTFOUND);
    for (int k = 0; k < 24 && !all_know_all(); k++) quarter_minute();
    CHECK(all_know_all());
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t k = 0; k < 4; k++) {
            t = of(i, k);
            CHECK_EQ(t.n_values, 8);
            CHECK_EQ(value(&t, HKP_MESH_METRIC_PEERS), 3);
            CHECK(value(&t, HKP_MESH_METRIC_TERS) > 0);
            CHECK(t.time_us > 0 && t.time_us <= world_wall());
        }
    CHECK(strcmp(hkp_mesh_metric_name(HKP_MESH_METRIC_HEIGHT), "height") == 0);
    CHECK(hkp_mesh_metric_name(0) == NULL && hkp_mesh_metric_name(9) == NULL);
    world_end();
}

/* Who tells nothing listens all the same. */
static void a_node_tells_as_often_as_its_options_say(void) {
    static const uint32_t options[4] = {HKP_MESH_TELEMETRY_OFF, HKP_MESH_TELEMETRY_S_MIN,
                                        HKP_MESH_TELEMETRY_S_MAX, 0};
    static const uint64_t told[4] = {0, 30, 0, 5};
    uint64_t before[4];
    world_make(4, 63);
    for (uint32_t i = 0; i < 4; i++) world.node[i].opt.telemetry_s = options[i];
    all_up();
    for (int k = 0; k < 8; k++) quarter_minute();
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(of(i, i).n_values, i == 0 ? 0 : 8);
        before[i] = of(i, i).batch;
    }
    for (int k = 0; k < 20; k++) quarter_minute();
    for (uint32_t i = 0; i < 4; i++) {
        const uint64_t more = of(i, i).batch - before[i];
        CHECK(more <= told[i] && more + 3 >= told[i]); /* it looks once a second */
        CHECK_EQ(of(i, 0).n_values, 0);
        CHECK_EQ(of(i, 1).n_values, 8);
        CHECK_EQ(of(i, 3).n_values, 8);
    }
    CHECK(world.node[0].node->telemetry.stream == NULL); /* so nothing was signed either */
    world_end();
}

/* ---- batches by hand ---- */

static uint8_t batch[HKP_DSM_BATCH_MAX];
static size_t batch_len;

/* As node 3 would sign it, of a start at that time. */
static void sign(uint64_t started, uint64_t number, int64_t peers, const uint8_t previous[32],
                 uint8_t id[32]) {
    static struct hkp_dsm_batch b;
    static uint8_t body[HKP_DSM_BATCH_MAX];
    struct hkp_mesh_node *node = world.node[3].node;
    struct hkp_dsm_envelope e;
    uint8_t public_key[32], secret[64];
    size_t len = 0;
    b = (struct hkp_dsm_batch){.number = number, .n_samples = 1, .stream = "node"};
    hkp_put_be64(b.stream + 8, started);
    if (previous != NULL) memcpy(b.previous, previous, 32);
    b.samples[0] =
        (struct hkp_dsm_sample){.time_us = world_wall(), .metric = HKP_MESH_METRIC_PEERS, .value = peers};
    CHECK_EQ(hkp_dsm_batch_build(&b, body, sizeof body, &len), HKP_OK);
    crypto_sign_seed_keypair(public_key, secret, node->opt.a_seed);
    CHECK_EQ(hkp_dsm_envelope_sign(node->chain_id, HKP_DSM_KIND_TELEMETRY, node->node_id, secret, body, len,
                                   batch, sizeof batch, &batch_len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_envelope_parse(batch, batch_len, 1U << HKP_DSM_KIND_TELEMETRY, &e), HKP_OK);
    hkp_dsm_object_id(id, node->chain_id, HKP_DSM_KIND_TELEMETRY, node->node_id, e.body.ptr, e.body.len);
}

static int64_t heard(uint64_t started, uint64_t number, int64_t peers, const uint8_t previous[32],
                     uint8_t id[32]) {
    sign(started, number, peers, previous, id);
    hkp_mesh__telemetry_heard(world.node[0].node, batch, batch_len);
    const struct hkp_mesh_telemetry t = of(0, 3);
    return value(&t, HKP_MESH_METRIC_PEERS);
}

static void gaps_are_counted_and_old_streams_come_to_nothing(void) {
    uint8_t first[32], id[32];
    start(62);
    const uint64_t late = world_wall() + 1000000; /* as of a start that is yet to come */
    uint32_t *told = &world.node[0].facts[HKP_MESH_EVENT_EVIDENCE];
    CHECK_EQ(heard(late, 1, 11, NULL, first), 11);
    CHECK_EQ(heard(late, 2, 12, first, id), 12);
    CHECK_EQ(heard(late, 5, 13, id, id), 13);
    CHECK_EQ(of(0, 3).missing, 2);
    CHECK_EQ(heard(late, 3, 14, first, id), 13);     /* too late */
    CHECK_EQ(heard(late - 1, 9, 15, first, id), 13); /* of the start before */
    CHECK(world_until(NULL, WORLD_S));
    const uint32_t before = *told;
    CHECK_EQ(heard(late, 6, 16, first, id), 13); /* it follows something else */
    CHECK(world_until(NULL, WORLD_S));
    CHECK_EQ(*told, before + 1);
    for (uint64_t k = 1; k <= 40; k++) CHECK_EQ(heard(late + k, 1, (int64_t)k, NULL, id), (int64_t)k);
    CHECK_EQ(of(0, 3).missing, 0);
    batch[batch_len - 1] ^= 1;
    hkp_mesh__telemetry_heard(world.node[0].node, batch, batch_len);
    hkp_mesh__telemetry_heard(world.node[0].node, batch, 1);
    CHECK_EQ(of(0, 3).batch, 1);
    world_end();
}

int main(void) {
    CASE(every_node_learns_how_the_others_stand);
    CASE(a_node_tells_as_often_as_its_options_say);
    CASE(gaps_are_counted_and_old_streams_come_to_nothing);
    return check_done();
}
