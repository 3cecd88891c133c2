/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What nodes keep over hours (D-STO-8): old blocks and headers go, what the chain stands on stays. */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libter/bytes.h"
#include "sim.h"

static struct sim sim;

static void start_all(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static size_t rows(uint32_t i, uint32_t row) {
    size_t count = 0;
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++) count += d->rows[k].row == row;
    return count;
}

/* Rows of that kind whose height is at or above from and below to. */
static size_t heights(uint32_t i, uint32_t row, uint64_t from, uint64_t to) {
    size_t count = 0;
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == row) {
            uint64_t h = hkp_be64(d->rows[k].key);
            count += h >= from && h < to;
        }
    return count;
}

static void some_blocks(uint32_t i, int count) {
    for (int k = 0; k < count; k++) {
        CHECK(sim_submit(&sim, i, "\x81\xa1\x01\x02") != 0);
        sim_run(&sim, 200 * SIM_MS);
    }
}

static hkp_status prove(uint32_t i, uint32_t author, uint64_t seq) {
    uint64_t ticket = 0;
    sim.nodes[i].proof_status = HKP_E_STATE;
    CHECK_EQ(hkp_dsm_prove(sim.nodes[i].node, sim.now, sim.mesh.node_id[author], seq, 0, 0, &ticket), HKP_OK);
    sim_pump(&sim, i);
    return sim.nodes[i].proof_status;
}

static hkp_status verify(uint32_t i, uint64_t seq) {
    struct hkp_dsm_node_status s = sim_status(&sim, i);
    struct hkp_dsm_trust trust = {.epoch = 0};
    struct hkp_dsm_proof proof = {0};
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[i].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
    hkp_status st =
        hkp_dsm_proof_verify(sim.nodes[i].proof, sim.nodes[i].proof_len, s.chain_id, &trust, 1, 0, &proof);
    CHECK_EQ(proof.seq, seq);
    return st;
}

#define HOUR (3600 * SIM_S)

static void old_blocks_go_and_the_newest_of_each_author_stays(void) {
    sim_new(&sim, 1, 4, 0);
    sim.keep_blocks_s = 3 * 3600;
    start_all();
    some_blocks(0, 6);
    some_blocks(1, 1);
    sim_run(&sim, HOUR + 120 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 1);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 7);
    some_blocks(0, 3);
    sim_run(&sim, HOUR + 120 * SIM_S);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 10); /* not old enough */
    CHECK_EQ(prove(2, 0, 3), HKP_OK);
    CHECK_EQ(verify(2, 3), HKP_OK);
    sim_run(&sim, HOUR + 300 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t blocks = 0, headers = 1;
        CHECK_EQ(rows(i, HKP_DSM_ROW_BLOCK), 4); /* 7, 8, 9 of one, the only one of the other */
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks, &headers), HKP_OK);
        CHECK(blocks > 1);
        CHECK_EQ(headers, 0);
        CHECK_EQ(heights(i, HKP_DSM_ROW_HEADER, 0, UINT64_MAX), sim_status(&sim, i).final_height);
        CHECK_EQ(heights(i, HKP_DSM_ROW_LEAVES, 0, UINT64_MAX), sim_status(&sim, i).final_height);
    }
    /* What is gone is said to be so; what stayed is proven with what stayed. */
    for (uint64_t seq = 1; seq <= 6; seq++) CHECK_EQ(prove(2, 0, seq), HKP_E_NOTFOUND);
    CHECK_EQ(prove(2, 0, 8), HKP_OK);
    CHECK_EQ(verify(2, 8), HKP_OK);
    CHECK_EQ(prove(3, 1, 1), HKP_OK);
    CHECK_EQ(verify(3, 1), HKP_OK);
    /* The chain of the quiet author goes on from the block that stayed, also after a start. */
    sim_crash(&sim, 2);
    sim_start(&sim, 2);
    sim_run(&sim, 2 * SIM_S);
    some_blocks(1, 1);
    some_blocks(0, 1);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void old_headers_go_and_boundaries_stay(void) {
    sim_new(&sim, 2, 4, 0);
    sim.keep_blocks_s = 1800;
    sim.keep_headers_s = 2 * 3600;
    start_all();
    some_blocks(0, 4);
    for (int hour = 0; hour < 4; hour++) {
        sim_run(&sim, HOUR + 60 * SIM_S);
        some_blocks(1, 1);
    }
    sim_run(&sim, 120 * SIM_S);
    uint64_t epoch = sim_status(&sim, 0).epoch;
    CHECK(epoch >= 3);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t blocks = 0, kept = 0;
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks, &kept), HKP_OK);
        CHECK(blocks >= kept && kept > 1);
        size_t boundaries = heights(i, HKP_DSM_ROW_HEADER, 0, kept); /* of the epochs that are gone */
        CHECK(boundaries >= 1 && boundaries < epoch);
        CHECK_EQ(heights(i, HKP_DSM_ROW_BODY, 0, kept), 0);
        CHECK_EQ(heights(i, HKP_DSM_ROW_LEAVES, 0, kept), 0);
        CHECK(heights(i, HKP_DSM_ROW_FINAL, 0, kept) <= boundaries);
        CHECK_EQ(rows(i, HKP_DSM_ROW_LINK), epoch);
        CHECK_EQ(rows(i, HKP_DSM_ROW_DIGEST), rows(i, HKP_DSM_ROW_HEADER));
        uint64_t all = sim_status(&sim, i).final_height + 1;
        CHECK_EQ(heights(i, HKP_DSM_ROW_BODY, kept, all), all - kept);
    }
    uint64_t seq = sim_status(&sim, 1).own_seq; /* a proof over all those epochs needs their links only */
    CHECK_EQ(prove(3, 1, seq), HKP_OK);
    CHECK_EQ(verify(3, seq), HKP_OK);
    CHECK_EQ(prove(3, 0, 4), HKP_E_NOTFOUND); /* kept as head; its checkpoint is gone */
    sim_crash(&sim, 1);
    sim_start(&sim, 1);
    sim_run(&sim, 2 * SIM_S);
    some_blocks(0, 2);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Interrupted wherever it was, pruning goes on after the next start and leaves the same. */
static void pruning_survives_crashes(void) {
    sim_new(&sim, 3, 4, 0);
    sim.keep_blocks_s = 600;
    sim.keep_headers_s = 1200;
    start_all();
    for (int k = 0; k < 5; k++) some_blocks((uint32_t)k % 4, 1);
    sim_run(&sim, HOUR - 200 * SIM_S);
    for (int k = 0; k < 40; k++) { /* while the epoch ends and its heights go one by one */
        sim_run(&sim, 10 * SIM_S + sim_random(&sim, 3000) * SIM_MS);
        sim_crash(&sim, 2);
        sim_start(&sim, 2);
    }
    sim_run(&sim, 300 * SIM_S);
    uint64_t blocks[4], headers[4];
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks[i], &headers[i]), HKP_OK);
        CHECK(headers[i] > 1);
    }
    CHECK_EQ(headers[2], headers[0]);
    CHECK_EQ(rows(2, HKP_DSM_ROW_BLOCK), rows(0, HKP_DSM_ROW_BLOCK));
    CHECK_EQ(rows(2, HKP_DSM_ROW_PLACE), rows(0, HKP_DSM_ROW_PLACE));
    CHECK_EQ(rows(2, HKP_DSM_ROW_DIGEST), rows(0, HKP_DSM_ROW_DIGEST));
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Chain time decides: a clock that jumped ahead by years deletes nothing. */
static void a_wrong_clock_deletes_nothing(void) {
    sim_new(&sim, 4, 4, 0);
    sim.keep_blocks_s = 2 * 3600;
    start_all();
    some_blocks(0, 3);
    sim_run(&sim, HOUR + 100 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 1);
    sim.nodes[0].clock_us = (int64_t)400 * 86400 * 1000000;
    sim_run(&sim, 200 * SIM_S);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 3);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- damage (D-STO-10) ---- */

/* Every skip-th row of that kind of a node's disk is found damaged from now on. */
static uint32_t damage(uint32_t i, uint32_t row, uint32_t skip) {
    uint32_t count = 0, damaged = 0;
    struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == row && count++ % skip == 0) d->rows[k].damaged = 1, damaged++;
    return damaged;
}

static const struct sim_row *row_of(uint32_t i, const struct sim_row *like) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == like->row && d->rows[k].key_len == like->key_len &&
            memcmp(d->rows[k].key, like->key, like->key_len) == 0)
            return &d->rows[k];
    return NULL;
}

/* What the store's repair does: damaged rows go, rows LOST remember them. */
static void mark_lost(uint32_t i, uint32_t row) {
    struct sim_disk *d = &sim.nodes[i].disk;
    size_t kept = 0;
    for (size_t k = 0; k < d->count; k++) {
        struct sim_row r = d->rows[k];
        if (r.row == row && r.damaged) { /* LOST is the highest kind: the order stays */
            memmove(r.key + 1, r.key, r.key_len);
            r.key[0] = (uint8_t)row;
            r.key_len++;
            r.row = HKP_DSM_ROW_LOST;
            r.len = r.damaged = 0;
            for (size_t m = k; m + 1 < d->count; m++) d->rows[m] = d->rows[m + 1];
            d->rows[d->count - 1] = r;
            if (++kept == d->count) return;
            k--;
        }
    }
}

/* Rows of that kind are the same on both disks; what nobody read yet may be damaged still. */
static void same_rows(uint32_t a, uint32_t b, uint32_t row, int whole) {
    const struct sim_disk *d = &sim.nodes[a].disk;
    CHECK_EQ(rows(a, row), rows(b, row));
    for (size_t k = 0; k < d->count; k++) {
        if (d->rows[k].row != row) continue;
        const struct sim_row *other = row_of(b, &d->rows[k]);
        CHECK(other != NULL && other->len == d->rows[k].len && !(whole && other->damaged));
        if (other != NULL && other->len == d->rows[k].len)
            CHECK_MEM(other->data, d->rows[k].data, other->len);
    }
}

static void a_mesh_with_a_past(uint64_t seed) {
    sim_new(&sim, seed, 4, 0);
    start_all();
    for (int k = 0; k < 12; k++) some_blocks((uint32_t)k % 3, 2);
    sim_run(&sim, HOUR + 120 * SIM_S);
    for (int k = 0; k < 6; k++) some_blocks((uint32_t)k % 3, 2);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(sim_status(&sim, 3).epoch, 1);
}

static void settled(uint32_t i) {
    CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim_status(&sim, i).silent, 0);
    CHECK_EQ(sim.faults, 0);
}

/* Whatever of these is damaged, and however much: the node starts, and has it back from its peers. */
static void damaged_rows_come_back_from_peers(void) {
    static const uint32_t kinds[] = {HKP_DSM_ROW_BLOCK, HKP_DSM_ROW_HEADER, HKP_DSM_ROW_BODY};
    for (uint32_t k = 0; k < 3; k++)
        for (uint32_t skip = 1; skip <= 3; skip += 2) {
            a_mesh_with_a_past(10 + k);
            sim_crash(&sim, 3);
            CHECK(damage(3, kinds[k], skip) > 5);
            if (skip == 1) mark_lost(3, kinds[k]);
            sim_start(&sim, 3);
            sim_run(&sim, 2 * SIM_S);
            CHECK((skip == 1) != (sim.nodes[3].lost > 0));
            /* what a start does not read is found when somebody asks for it */
            for (uint64_t seq = 1; seq <= 8; seq++) (void)prove(3, 0, seq), sim_run(&sim, SIM_S);
            sim_run(&sim, 600 * SIM_S);
            settled(3);
            some_blocks(3, 2);
            sim_run(&sim, 2 * SIM_S);
            settled(3);
            sim_crash(&sim, 3); /* and the rows stand again */
            sim_start(&sim, 3);
            sim_run(&sim, 5 * SIM_S);
            settled(3);
            for (uint64_t seq = 1; seq <= 8; seq++) {
                CHECK_EQ(prove(3, 0, seq), HKP_OK);
                CHECK_EQ(verify(3, seq), HKP_OK);
            }
            same_rows(0, 3, kinds[k], skip == 1);
            CHECK_EQ(rows(3, HKP_DSM_ROW_LOST), 0);
            sim_free(&sim);
        }
}

/* Flips a bit near the end of a row, which a store with a broken sum would hand out as whole. */
static void spoil(uint32_t i, const struct sim_row *like) {
    struct sim_row *r = (struct sim_row *)(uintptr_t)row_of(i, like);
    CHECK(r != NULL && r->len > 4);
    if (r != NULL) r->data[r->len - 2] ^= 1;
}

static void what_peers_send_instead_is_not_taken(void) {
    static const uint32_t kinds[] = {HKP_DSM_ROW_BLOCK, HKP_DSM_ROW_BODY};
    for (uint32_t k = 0; k < 2; k++) {
        a_mesh_with_a_past(20 + k);
        for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i); /* memory holds blocks, too */
        const struct sim_disk *d = &sim.nodes[3].disk;
        size_t at = 0;
        while (d->rows[at].row != kinds[k] || (k == 1 && d->rows[at].len < 20)) at++;
        struct sim_row like = d->rows[at];
        sim.nodes[3].disk.rows[at].damaged = 1;
        mark_lost(3, kinds[k]);
        for (uint32_t i = 0; i < 3; i++) spoil(i, &like);
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        sim_run(&sim, 100 * SIM_S);
        CHECK(row_of(3, &like) == NULL);
        CHECK_EQ(rows(3, HKP_DSM_ROW_LOST), 1);
        spoil(1, &like); /* one of them has it as it was */
        sim_run(&sim, 900 * SIM_S);
        CHECK(row_of(3, &like) != NULL);
        CHECK_EQ(rows(3, HKP_DSM_ROW_LOST), 0);
        CHECK_EQ(sim.faults, 0);
        sim_free(&sim);
    }
}

/* D-BLK-7: peers may hold what the own store lost; its number is not used for another block. */
static void an_own_block_that_is_lost_is_not_signed_again(void) {
    sim_new(&sim, 30, 4, 0);
    start_all();
    some_blocks(3, 2);
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(sim_submit(&sim, 3, "newest"), 3);
    sim_run(&sim, 30 * SIM_MS);
    sim_crash(&sim, 3);
    struct sim_disk *d = &sim.nodes[3].disk;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == HKP_DSM_ROW_BLOCK && hkp_be64(d->rows[k].key + 16) == 3) d->rows[k].damaged = 1;
    mark_lost(3, HKP_DSM_ROW_BLOCK);
    CHECK_EQ(rows(3, HKP_DSM_ROW_LOST), 1);
    for (uint32_t i = 0; i < 3; i++) sim.links[3][i] = sim.links[i][3] = 0;
    sim_start(&sim, 3);
    sim_run(&sim, 100 * SIM_S);
    CHECK_EQ(sim_submit(&sim, 3, "another of the same number"), 0);
    sim_crash(&sim, 3);
    for (uint32_t i = 0; i < 3; i++) sim.links[3][i] = sim.links[i][3] = 1;
    sim_start(&sim, 3);
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(sim_submit(&sim, 3, "the next one"), 4);
    sim_run(&sim, 5 * SIM_S);
    settled(3);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].evidence, 0);
    sim_free(&sim);
}

/* The block that new ones are compared with is gone, and nobody to ask: nothing new of that author counts. */
static void an_author_waits_for_its_lost_head(void) {
    a_mesh_with_a_past(31);
    sim_crash(&sim, 3);
    struct sim_disk *d = &sim.nodes[3].disk;
    uint64_t newest = sim_status(&sim, 0).own_seq;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == HKP_DSM_ROW_BLOCK && memcmp(d->rows[k].key, sim.mesh.node_id[0], 16) == 0 &&
            hkp_be64(d->rows[k].key + 16) == newest)
            d->rows[k].damaged = 1;
    sim_start(&sim, 3);
    some_blocks(0, 3);
    sim_run(&sim, 20 * SIM_S);
    settled(3);
    same_rows(0, 3, HKP_DSM_ROW_BLOCK, 1);
    sim_free(&sim);
}

int main(void) {
    CASE(what_peers_send_instead_is_not_taken);
    CASE(an_own_block_that_is_lost_is_not_signed_again);
    CASE(an_author_waits_for_its_lost_head);
    CASE(damaged_rows_come_back_from_peers);
    CASE(old_blocks_go_and_the_newest_of_each_author_stays);
    CASE(old_headers_go_and_boundaries_stay);
    CASE(pruning_survives_crashes);
    CASE(a_wrong_clock_deletes_nothing);
    return check_done();
}
