/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Stores that hold more than memory, or what is of no use any more (D-STO-10, decision 0647): no damage. */
#include <hookprobe/dsm.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

static struct sim sim;
static uint8_t buffer[32768];

static uint64_t wall_us(void) { return sim.mesh.time_s * 1000000 + sim.now / 1000; }

/* Four members, and authors behind them that are no nodes: their blocks are made here. */
static void begin(uint64_t seed, uint32_t authors) {
    sim_new(&sim, seed, 4, authors);
    for (uint32_t k = 4; k < 4 + authors; k++) {
        sim_outsider(&sim, k, HKP_DSM_ROLE_EDGE, 5 + k);
        sim.nodes[k].honest = 0;
    }
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 500 * SIM_MS);
    for (uint32_t k = 4; k < 4 + authors; k++)
        for (uint32_t i = 0; i < 4; i++)
            CHECK_EQ(hkp_dsm_peer_up(sim.nodes[i].node, sim.now, sim.mesh.node_id[k], HKP_DSM_LANES_ALL),
                     HKP_OK);
}

static void restart(uint32_t i) {
    sim_crash(&sim, i);
    sim_start(&sim, i);
    sim_run(&sim, 5 * SIM_S);
    CHECK(sim.nodes[i].up && !sim.nodes[i].damaged);
}

static const struct author *author_at(uint32_t i, uint32_t who) {
    return hkp_dsm__author(sim.nodes[i].node, sim.mesh.node_id[who]);
}

/* ---- blocks of an author that says two things ---- */

struct chain {
    uint32_t who, salt;
    uint64_t seq, time_us;
    uint8_t prev[32];
};

static struct chain chain_of(uint32_t who, uint32_t salt) {
    struct chain c = {.who = who, .salt = salt, .time_us = wall_us() - 5000000};
    hkp_dsm__first_prev(c.prev, sim.nodes[0].node->chain_id, sim.mesh.node_id[who]);
    return c;
}

/* Its next block goes to these nodes; 0: one of them had no room. */
static int push(struct chain *c, uint32_t from, uint32_t to, uint32_t payload_len) {
    static uint8_t payload[16384];
    const node *n = sim.nodes[0].node;
    memset(payload, (int)c->salt, payload_len);
    struct hkp_dsm__block b = {.seq = c->seq + 1,
                               .timestamp_us = c->time_us + c->seq,
                               .serial = 1,
                               .event_type = 5,
                               .payload_len = payload_len};
    memcpy(b.author, sim.mesh.node_id[c->who], 16);
    memcpy(b.prev, c->prev, 32);
    hkp_dsm__payload_hash(b.payload_hash, payload, payload_len);
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX], envelope[HKP_DSM__BLOCK_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope}, content = {payload, payload_len};
    size_t len = 0;
    CHECK_EQ(hkp_dsm__block_build(&b, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_envelope_sign(n->chain_id, HKP_DSM_KIND_MICROBLOCK, b.author, sim.mesh.secret[c->who],
                                   body, len, envelope, sizeof envelope, &bytes.len),
             HKP_OK);
    for (uint32_t i = from; i <= to; i++) {
        struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
        hkp_dsm__put_push(&w, 3, 0, HKP_DSM__FORM_ENVELOPE, &bytes, &content);
        hkp_status st = hkp_dsm_recv(sim.nodes[i].node, sim.now, wall_us(), b.author, 3, w.out, w.len);
        sim_pump(&sim, i);
        if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE && st != HKP_E_DSM_FORK) return 0;
    }
    hkp_dsm_object_id(c->prev, n->chain_id, HKP_DSM_KIND_MICROBLOCK, b.author, body, len);
    c->seq++;
    return 1;
}

static void others_see(uint32_t i, uint32_t on) {
    for (uint32_t k = 0; k < 4; k++)
        if (k != i) sim_link(&sim, i, k, on);
}

/* D-BLK-12, and that it is so after a start in the same epoch, too: the snapshot does not say it yet. */
static void who_is_frozen_stays_frozen(void) {
    begin(check_seed() * 100, 1);
    struct chain c = chain_of(4, 1);
    CHECK(push(&c, 0, 0, 16));
    sim_run(&sim, 3 * SIM_S);
    struct chain other = c;
    other.salt = 2;
    CHECK(push(&c, 0, 0, 16));
    CHECK(push(&other, 0, 0, 16));
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(author_at(0, 4)->frozen, 1);
    CHECK_EQ(sim_status(&sim, 0).epoch, 0);
    restart(0);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[0].node, sim.now, sim.mesh.node_id[4], HKP_DSM_LANES_ALL), HKP_OK);
    CHECK_EQ(author_at(0, 4)->frozen, 1);
    CHECK_EQ(author_at(0, 4)->final.seq, author_at(1, 4)->final.seq);
    CHECK_EQ(push(&c, 0, 0, 16), 1); /* E_FORK */
    CHECK(author_at(0, 4)->tip.seq <= 2);
    sim_free(&sim);
}

static const struct sim_row *row_of(uint32_t i, uint32_t who, uint64_t seq) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    uint8_t key[24];
    hkp_dsm__key_block(key, sim.mesh.node_id[who], seq);
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == HKP_DSM_ROW_BLOCK && d->rows[k].key_len == 24 &&
            memcmp(d->rows[k].key, key, 24) == 0)
            return &d->rows[k];
    return NULL;
}

/* Above its only final block. */
static uint32_t rows_above(uint32_t i, uint32_t who) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    uint32_t count = 0;
    for (size_t k = 0; k < d->count; k++)
        count += d->rows[k].row == HKP_DSM_ROW_BLOCK &&
                 memcmp(d->rows[k].key, sim.mesh.node_id[who], 16) == 0 && hkp_be64(d->rows[k].key + 16) > 1;
    return count;
}

/* One node heard another branch of them than the one that became final, and as much of it as it takes. */
static void what_stands_above_frozen_heads_stops_no_start(void) {
    begin(check_seed() * 200, 2);
    for (uint32_t who = 4; who < 6; who++) {
        others_see(0, 0);
        struct chain final = chain_of(who, 1), junk = chain_of(who, 2);
        CHECK(push(&final, 1, 3, 16));
        for (int tries = 0; junk.seq < 120 && tries < 1000; tries++)
            if (!push(&junk, 0, 0, 16384)) sim_run(&sim, SIM_S);
        CHECK_EQ(junk.seq, 120);
        sim_run(&sim, 5 * SIM_S);
        others_see(0, 1);
        for (int k = 0; k < 10; k++) {
            (void)sim_submit(&sim, 1, "honest");
            sim_run(&sim, 2 * SIM_S);
        }
        CHECK_EQ(author_at(0, who)->frozen, 1);
        CHECK_EQ(author_at(0, who)->final.seq, 1);
        CHECK_EQ(rows_above(0, who), 0);
    }
    sim_crash(&sim, 0);
    const struct sim_row *first = row_of(0, 5, 1);
    for (uint64_t seq = 2; first != NULL && seq < 40; seq++) { /* of a version that left them */
        uint8_t key[24];
        sim_disk_put(&sim, 0, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, sim.mesh.node_id[5], seq),
                     first->data, first->len);
        first = row_of(0, 5, 1);
    }
    CHECK_EQ(rows_above(0, 5), 38);
    sim_start(&sim, 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK(sim.nodes[0].up && !sim.nodes[0].damaged);
    CHECK_EQ(rows_above(0, 5), 0);
    CHECK(sim_submit(&sim, 0, "and on") != 0);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).blocks_open, 0);
    sim_free(&sim);
}

/* ---- more of what is right ---- */

static void next_epoch(uint32_t authors) { CHECK(sim_next_epoch(&sim, authors)); }

static void submit_each(uint32_t count, const char *text) {
    uint64_t seq[4] = {0};
    for (uint32_t done = 0, rounds = 0; done < 4 && rounds < 2000; rounds++) {
        done = 0;
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t now = 0; /* as much as memory holds of what is not final */
            for (uint64_t given = 1; seq[i] < count && given != 0 && now < 50; now++)
                if ((given = sim_submit(&sim, i, text)) != 0) seq[i] = given;
            done += seq[i] >= count;
        }
        sim_run(&sim, 500 * SIM_MS);
    }
    sim_run(&sim, 10 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].node->self->final.seq, count);
}

static uint64_t told_final;

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    told_final += i == 3 && ev->kind == HKP_DSM_EV_BLOCK_FINAL;
}

/* Without META all of them stand above the head that is known, the one of the genesis. */
static void a_store_without_its_place_may_hold_more_than_memory(void) {
    static const struct { uint32_t each, bytes; } given[] = {{120, 16290}, {2500, 4}};
    static char text[16300];
    for (uint32_t k = 0; k < 2; k++) {
        int before = check_faults;
        sim_new(&sim, check_seed() * 300 + k, 4, 0);
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        sim_run(&sim, 500 * SIM_MS);
        memset(text, 'a', given[k].bytes);
        text[given[k].bytes] = 0;
        submit_each(given[k].each, text);
        next_epoch(4);
        sim_run(&sim, 3 * SIM_S);
        sim_crash(&sim, 3);
        struct sim_disk *d = &sim.nodes[3].disk;
        for (size_t at = 0; at < d->count; at++)
            if (d->rows[at].row == HKP_DSM_ROW_META && d->rows[at].key_len == 5 &&
                memcmp(d->rows[at].key, "epoch", 5) == 0)
                d->rows[at].damaged = 1;
        told_final = 0;
        sim.on_fact = on_fact;
        sim_start(&sim, 3);
        sim_run(&sim, 15 * SIM_S);
        for (int e = 0; e < 4 && sim.nodes[3].up; e++) {
            next_epoch(3);
            sim_run(&sim, 20 * SIM_S);
        }
        CHECK(sim.nodes[3].up && !sim.nodes[3].damaged);
        CHECK_EQ(sim.nodes[3].node->state, HKP_DSM_STATE_RUNNING);
        CHECK_EQ(sim_status(&sim, 3).final_height, sim_status(&sim, 0).final_height);
        CHECK(k == 0 || told_final >= 4 * given[k].each);     /* all of them are in memory: each is told */
        CHECK(sim_submit(&sim, 3, "and on") > given[k].each); /* the own newest one is known again */
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(sim_status(&sim, 0).blocks_open, 0);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "%u blocks of %u bytes each", given[k].each, given[k].bytes);
        sim_free(&sim);
    }
}

/* ---- more at once than there are events ---- */

/* Five authors say one thing to one node and another to the others, 900 times each; a checkpoint of the
 * others takes all of it. */
static void a_checkpoint_of_thousands_of_blocks_of_another_branch_is_followed(void) {
    enum { AUTHORS = 5, EACH = 900 };
    begin(check_seed() * 600, AUTHORS);
    for (uint32_t i = 0; i < 4; i++) others_see(i, 0);
    struct chain ours[AUTHORS], final[AUTHORS], again[AUTHORS];
    for (uint32_t k = 0; k < AUTHORS; k++) {
        ours[k] = chain_of(4 + k, 1);
        final[k] = again[k] = chain_of(4 + k, 2);
    }
    for (uint32_t done = 0, rounds = 0; done < 3 * AUTHORS && rounds < 2000; rounds++) {
        done = 0;
        for (uint32_t k = 0; k < AUTHORS; k++) {
            while (ours[k].seq < EACH && push(&ours[k], 0, 0, 16)) continue;
            while (final[k].seq < EACH && push(&final[k], 1, 3, 16)) continue;
            while (ours[k].seq == EACH && again[k].seq < EACH && push(&again[k], 0, 0, 16)) continue;
            done += (uint32_t)((ours[k].seq == EACH) + (final[k].seq == EACH) + (again[k].seq == EACH));
        }
        sim_run(&sim, SIM_S);
    }
    for (uint32_t k = 0; k < AUTHORS; k++) {
        CHECK_EQ(author_at(0, 4 + k)->n_branch, EACH);
        CHECK_EQ(author_at(1, 4 + k)->final.seq, 0);
    }
    CHECK_EQ(sim.nodes[0].node->event_count, 0);
    sim.nodes[0].node->event_head = 0;
    sim.nodes[0].node->events_cap = EVENTS_RESERVE + 100;
    for (uint32_t i = 1; i < 4; i++)
        for (uint32_t k = 1; k < 4; k++) sim_link(&sim, i, k, 1);
    sim_run(&sim, 20 * SIM_S);
    const uint64_t height = sim_status(&sim, 1).final_height;
    others_see(0, 1);
    sim_run(&sim, 30 * SIM_S);
    CHECK_EQ(sim.nodes[0].node->state, HKP_DSM_STATE_RUNNING);
    CHECK(sim_status(&sim, 0).final_height >= height);
    for (uint32_t k = 0; k < AUTHORS; k++) {
        CHECK_EQ(author_at(0, 4 + k)->final.seq, EACH);
        for (uint64_t seq = 1; seq <= EACH; seq += 90) {
            const struct sim_row *mine = row_of(0, 4 + k, seq), *theirs = row_of(1, 4 + k, seq);
            CHECK(mine != NULL && theirs != NULL && mine->len == theirs->len &&
                  memcmp(mine->data, theirs->data, mine->len) == 0);
        }
    }
    sim_free(&sim);
}

/* ---- large holes ---- */

/* Blocks 1 to count of node 2 are lost at node 0, as a repair leaves it. */
static void lose_blocks(uint32_t count) {
    sim_crash(&sim, 0);
    struct sim_disk *d = &sim.nodes[0].disk;
    size_t kept = 0;
    for (size_t k = 0; k < d->count; k++) {
        const struct sim_row *r = &d->rows[k];
        if (r->row == HKP_DSM_ROW_BLOCK && memcmp(r->key, sim.mesh.node_id[2], 16) == 0 &&
            hkp_be64(r->key + 16) <= count)
            free(r->data);
        else
            d->rows[kept++] = *r;
    }
    CHECK_EQ(d->count - kept, count);
    d->count = kept;
    for (uint64_t seq = 1; seq <= count; seq++) {
        uint8_t key[25] = {HKP_DSM_ROW_BLOCK};
        hkp_dsm__key_block(key + 1, sim.mesh.node_id[2], seq);
        sim_disk_put(&sim, 0, HKP_DSM_ROW_LOST, key, sizeof key, (const uint8_t *)"", 0);
    }
    sim.nodes[0].healed = 0;
}

static void blocks_of_node_2(uint64_t count) {
    sim_new(&sim, check_seed() * 400, 4, 0);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 500 * SIM_MS);
    for (uint64_t seq = 0; seq < count;) {
        uint64_t given = sim_submit(&sim, 2, "one of many");
        if (given != 0)
            seq = given;
        else
            sim_run(&sim, SIM_S);
    }
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(author_at(0, 2)->final.seq, count);
}

/* Each row tells which one was below it: the lowest waits for all the others, however long that takes. */
static void a_large_hole_is_healed_as_a_whole(void) {
    enum { LOST = 1000 };
    blocks_of_node_2(LOST + 20);
    lose_blocks(LOST);
    sim.unwatched = 1;
    sim_start(&sim, 0);
    sim_run(&sim, 900 * SIM_S);
    CHECK_EQ(sim.nodes[0].node->n_lost, 0);
    CHECK_EQ(sim.nodes[0].healed, LOST);
    for (uint64_t seq = 1; seq <= LOST; seq++) CHECK(row_of(0, 2, seq) != NULL);
    sim_free(&sim);
}

static uint32_t given_up;

static void count_given_up(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    given_up +=
        i == 0 && ev->kind == HKP_DSM_EV_LOST && ev->status == HKP_E_NOTFOUND && ev->row == HKP_DSM_ROW_BLOCK;
}

/* And what nobody has is told to be so, with what only it could name. */
static void what_nobody_has_is_given_up_and_told(void) {
    blocks_of_node_2(60);
    for (uint32_t i = 1; i < 4; i++) {
        sim_crash(&sim, i);
        struct sim_row *r = (struct sim_row *)(uintptr_t)row_of(i, 2, 20);
        CHECK(r != NULL);
        if (r != NULL) r->damaged = 1;
    }
    lose_blocks(30);
    sim.unwatched = 1;
    sim.on_fact = count_given_up;
    given_up = 0;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 900 * SIM_S);
    CHECK_EQ(sim.nodes[0].healed, 10);
    CHECK_EQ(given_up, 0);
    sim_run(&sim, 2700 * SIM_S);
    CHECK_EQ(given_up, 20);
    CHECK_EQ(sim.nodes[0].node->n_lost, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(who_is_frozen_stays_frozen);
    CASE(what_stands_above_frozen_heads_stops_no_start);
    CASE(a_store_without_its_place_may_hold_more_than_memory);
    CASE(a_checkpoint_of_thousands_of_blocks_of_another_branch_is_followed);
    CASE(a_large_hole_is_healed_as_a_whole);
    CASE(what_nobody_has_is_given_up_and_told);
    return check_done();
}
