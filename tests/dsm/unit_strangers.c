/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What liars with a seat say of nodes that do not exist, and what becomes of those that do (D-SMX-7);
 * certificates and evidence that were lost (D-GSP-13). */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/message/message.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { SEATS = 4, TARGET = 0, NEW = SEATS, ENTRIES = 1024 };

static struct sim sim;
static uint64_t made_up, boast;

/* Member 2 is one whose key signs anything. */
static void begin(void) {
    sim_new(&sim, check_seed(), SEATS, 1);
    sim.nodes[2].honest = 0;
    for (uint32_t i = 0; i < SEATS; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

/* HAVE of a member, about nodes that nobody ever hears of again. */
static void flood(uint32_t from, uint32_t messages) {
    static uint8_t buffer[1 << 16];
    for (uint32_t m = 0; m < messages; m++) {
        struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
        hkp_dsm__put_have(&w, 0, ENTRIES);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            uint8_t node_id[16] = {0};
            const uint64_t number = ++made_up;
            for (uint32_t b = 0; b < 8; b++) node_id[b] = (uint8_t)(number >> (56 - 8 * b));
            hkp_dsm__put_have_entry(&w, node_id, 1 + i + boast);
        }
        const uint64_t wall = sim.mesh.time_s * 1000000 + sim.now / 1000;
        CHECK_EQ(w.status, HKP_OK);
        CHECK_EQ(hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall, sim.mesh.node_id[from], 0, w.out, w.len),
                 HKP_OK);
        sim_pump(&sim, TARGET);
    }
}

/* Evidence of NULL and FINAL of one view, which only the target hears of; no proposal brings it to the chain.
 */
static void accuse(void) {
    static uint8_t buffer[4096];
    uint8_t envelope[2][HKP_DSM__VOTE_MAX], op[1024], chain_id[32];
    struct hkp_dsm_view pair[2] = {{.ptr = envelope[0]}, {.ptr = envelope[1]}}, view = {.ptr = op};
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    memcpy(chain_id, sim_status(&sim, TARGET).chain_id, 32);
    for (uint32_t i = 0; i < 2; i++) {
        struct hkp_dsm__vote v = {.kind = i == 0 ? HKP_DSM_KIND_NULL : HKP_DSM_KIND_FINAL, .view = 900};
        v.digest[0] = (uint8_t)i;
        CHECK_EQ(hkp_dsm__vote_make(chain_id, &v, sim.mesh.node_id[2], sim.mesh.secret[2], envelope[i],
                                    sizeof envelope[i], &pair[i].len),
                 HKP_OK);
    }
    CHECK_EQ(hkp_dsm__evidence_build(&pair[0], &pair[1], op, sizeof op, &view.len), HKP_OK);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_IHAVE;
    hkp_dsm__put_push(&w, 1, 0, HKP_DSM__FORM_EVIDENCE, &view, NULL);
    const uint64_t wall = sim.mesh.time_s * 1000000 + sim.now / 1000;
    CHECK_EQ(hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall, sim.mesh.node_id[1], 1, w.out, w.len),
             HKP_OK);
    sim_pump(&sim, TARGET);
    sim_run(&sim, 3 * SIM_S);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PROPOSE;
}

static void ids_that_members_make_up_are_no_authors(void) {
    begin();
    const uint64_t authors = sim_status(&sim, TARGET).authors;
    flood(1, 8);
    CHECK_EQ(sim_status(&sim, TARGET).authors, authors);
    CHECK(sim.nodes[TARGET].node->n_strangers > 0);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim_status(&sim, TARGET).authors, authors);
    CHECK_EQ(sim.nodes[TARGET].node->n_strangers, 0); /* nobody could show a certificate */
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static uint32_t strangers_of(uint32_t who) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < STRANGERS_MAX; i++) {
        const struct stranger *s = &sim.nodes[TARGET].node->strangers[i];
        count += s->used && memcmp(s->by, sim.mesh.node_id[who], 16) == 0;
    }
    return count;
}

/* Who boasts of more about the same ids takes over places of others, but no more than all may have. */
static void who_boasts_most_has_no_more_places_than_others(void) {
    begin();
    const uint64_t first = made_up;
    flood(1, 2);
    flood(3, 2);
    made_up = first;
    boast = 5000;
    flood(3, 2);
    CHECK_EQ(strangers_of(3), STRANGERS_MAX / 4);
    CHECK_EQ(strangers_of(1), STRANGERS_MAX / 4);
    boast = 0;
    sim_free(&sim);
}

static void only_member_3_hears_the_new_one(void) {
    sim_outsider(&sim, NEW, HKP_DSM_ROLE_EDGE, 9);
    for (uint32_t i = 0; i < SEATS - 1; i++) {
        sim_link(&sim, i, NEW, 0);
        sim_link(&sim, i, 3, 0);
    }
    sim_start(&sim, NEW);
    CHECK(sim_submit(&sim, NEW, "I am here") != 0);
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.nodes[3].blocks, 1);
}

/* One HAVE is enough: the block is asked for once the certificate came. */
static void what_a_member_has_is_asked_for_when_its_author_is_known(void) {
    static const uint32_t lost[] = {HKP_DSM__OP_MSG_PUSH, HKP_DSM__OP_MSG_IHAVE, HKP_DSM__OP_MSG_DIGEST,
                                    HKP_DSM__OP_MSG_HAVE, HKP_DSM__OP_MSG_PROPOSE};
    uint8_t buffer[64];
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    begin();
    only_member_3_hears_the_new_one();
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) sim.lost_ops |= 1ULL << lost[i];
    for (uint32_t i = 0; i < SEATS - 1; i++) sim_link(&sim, i, 3, 1);
    hkp_dsm__put_have(&w, 0, 1);
    hkp_dsm__put_have_entry(&w, sim.mesh.node_id[NEW], 1);
    const uint64_t wall = sim.mesh.time_s * 1000000 + sim.now / 1000;
    CHECK_EQ(hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall, sim.mesh.node_id[3], 0, w.out, w.len),
             HKP_OK);
    sim_pump(&sim, TARGET);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim.nodes[TARGET].blocks, 1);
    CHECK_EQ(sim.nodes[1].blocks, 0); /* which was told nothing */
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* A node that comes while two members make up others is known to all, and its blocks become final. */
static void who_comes_amid_made_up_ids_is_known_all_the_same(void) {
    begin();
    for (int i = 0; i < 10; i++) {
        flood(1 + (uint32_t)i % 2, 2);
        sim_run(&sim, 100 * SIM_MS);
    }
    CHECK(sim.nodes[TARGET].node->n_strangers < STRANGERS_MAX);
    only_member_3_hears_the_new_one();
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_DIGEST;
    for (uint32_t i = 0; i < SEATS - 1; i++) sim_link(&sim, i, 3, 1);
    for (int i = 0; i < 100 && sim.nodes[TARGET].blocks_final < 1; i++) {
        flood(1 + (uint32_t)i % 2, 2);
        sim_run(&sim, 100 * SIM_MS);
    }
    CHECK_EQ(sim.nodes[TARGET].blocks_final, 1);
    CHECK_EQ(sim_status(&sim, TARGET).authors, SEATS + 1);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* What nobody asks for by name and gossip lost comes at the start of a session, and after 10 minutes. */
static void what_was_lost_is_told_again(void) {
    struct hkp_dsm_member m = {.struct_size = sizeof m};
    begin();
    sim_outsider(&sim, NEW, HKP_DSM_ROLE_EDGE, 9); /* it never starts */
    const uint64_t wall = sim.mesh.time_s * 1000000 + sim.now / 1000;
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(hkp_dsm_node_add_certificate(sim.nodes[TARGET].node, sim.now, wall, sim.mesh.certificate[NEW],
                                          sim.mesh.certificate_len[NEW]),
             HKP_OK);
    accuse();
    sim.strangers = 1;
    sim_crash(&sim, 3);
    sim_start(&sim, 3);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(hkp_dsm_node_member(sim.nodes[3].node, sim.mesh.node_id[NEW], &m), HKP_OK);
    CHECK_EQ(sim.nodes[3].node->n_suspects, 1);
    sim_run(&sim, 700 * SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) {
        CHECK_EQ(hkp_dsm_node_member(sim.nodes[i].node, sim.mesh.node_id[NEW], &m), HKP_OK);
        CHECK_EQ(sim.nodes[i].node->n_suspects, 1);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(ids_that_members_make_up_are_no_authors);
    CASE(who_boasts_most_has_no_more_places_than_others);
    CASE(what_a_member_has_is_asked_for_when_its_author_is_known);
    CASE(who_comes_amid_made_up_ids_is_known_all_the_same);
    CASE(what_was_lost_is_told_again);
    return check_done();
}
