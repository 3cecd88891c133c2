/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* More members are lost than the chain can bear, and officers say with whom it goes on (D-EPO-6). */
#include <hookprobe/dsm.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

enum { MEMBERS = 7, LOST = 3 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;
static struct sim_bls bls[MEMBERS];

/** What each node told of the last RESTART. */
static struct told {
    uint32_t count;
    hkp_status status;
    uint64_t epoch, height;
} told[SIM_NODES];

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (ev->kind != HKP_DSM_EV_RESTART) return;
    told[i].count++;
    told[i].status = ev->status;
    told[i].epoch = ev->epoch;
    told[i].height = ev->height;
}

static uint64_t wall_us(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

/* Each member says something, until it is final. */
static void talk(uint32_t from, uint32_t rounds) {
    for (uint32_t k = 0; k < rounds; k++) {
        for (uint32_t i = from; i < MEMBERS; i++)
            if (sim.nodes[i].up) CHECK(sim_submit(&sim, i, "something") != 0);
        sim_run(&sim, 2 * SIM_S);
    }
}

static void begin(uint64_t seed) {
    sim_new(&sim, seed, MEMBERS, 0);
    sim.on_fact = on_fact;
    memset(told, 0, sizeof told);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    for (uint32_t i = 0; i < MEMBERS; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    talk(0, 2);
}

static const struct sim_row *row_of(uint32_t i, uint32_t kind, uint64_t number) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    uint8_t key[8];
    hkp_put_be64(key, number);
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == kind && d->rows[k].key_len == 8 && memcmp(d->rows[k].key, key, 8) == 0)
            return &d->rows[k];
    return NULL;
}

/** A RESTART, and what may be wrong with it. */
struct draft {
    uint64_t epoch, new_epoch, kind, ca_version;
    struct hkp_dsm_view headers[2], cert;
    size_t n_headers;
    uint32_t first, n;
    uint8_t officer[64], bytes[HKP_DSM_RESTART_MAX];
    size_t len;
};

/* From what node i stores as final at this height; members from LOST on go on. */
static struct draft draft(uint32_t i, uint64_t height) {
    struct draft d = {.epoch = sim_status(&sim, i).epoch, .kind = HKP_DSM_KIND_RESTART, .ca_version = 1};
    const struct sim_row *header = row_of(i, HKP_DSM_ROW_HEADER, height);
    const struct sim_row *cert = row_of(i, HKP_DSM_ROW_FINAL, height);
    CHECK(header != NULL && cert != NULL);
    d.new_epoch = d.epoch + 2;
    d.headers[0] = (struct hkp_dsm_view){header->data, header->len};
    d.cert = (struct hkp_dsm_view){cert->data, cert->len};
    d.n_headers = 1;
    d.first = LOST;
    d.n = MEMBERS - LOST;
    memcpy(d.officer, sim.mesh.officer, 64);
    return d;
}

static void write_restart(struct draft *d) {
    static uint8_t set[HKP_DSM_VALSET_MAX], body[HKP_DSM_RESTART_MAX], scratch[2 * HKP_DSM_RESTART_MAX];
    struct hkp_dsm_seat seats[MEMBERS], t;
    struct hkp_dsm_view set_view = {.ptr = set};
    struct hkp_dsm_multi m = {.kind = d->kind, .ca_version = d->ca_version, .n_signatures = 1};
    uint8_t signature[64];
    size_t n = 0, count = 0;
    CHECK_EQ(hkp_dsm_node_seats(sim.nodes[d->first].node, seats, MEMBERS, &count), HKP_OK);
    for (size_t k = 0; k < count; k++)
        for (uint32_t i = d->first; i < d->first + d->n; i++)
            if (memcmp(seats[k].node_id, sim.mesh.node_id[i], 16) == 0) t = seats[k], seats[n++] = t;
    CHECK_EQ(hkp_dsm_valset_build(seats, (uint32_t)n, d->new_epoch, set, sizeof set, &set_view.len), HKP_OK);
    CHECK_EQ(hkp_dsm__restart_build(d->epoch, d->headers, d->n_headers, &d->cert, &set_view, body,
                                    sizeof body, &m.body.len),
             HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, (uint32_t)d->kind, d->ca_version, d->officer,
                                body, m.body.len, scratch, sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, d->bytes, sizeof d->bytes, &d->len), HKP_OK);
}

static hkp_status give(uint32_t i, const struct draft *d) {
    hkp_status st = hkp_dsm_node_restart(sim.nodes[i].node, sim.now, wall_us(i), d->bytes, d->len);
    sim_pump(&sim, i);
    return st;
}

static void lose(void) {
    for (uint32_t i = 0; i < LOST; i++) sim_crash(&sim, i);
}

/* Everybody who is left goes on by itself, also over the next boundary and a start. */
static void expect_goes_on(uint64_t epoch) {
    for (uint32_t i = LOST; i < MEMBERS; i++) {
        CHECK_EQ(told[i].count, 1);
        CHECK_EQ(told[i].status, HKP_OK);
        CHECK_EQ(told[i].epoch, epoch);
        CHECK_EQ(sim_status(&sim, i).epoch, epoch);
        CHECK_EQ(sim_status(&sim, i).members, MEMBERS - LOST);
    }
    uint64_t height = sim_status(&sim, LOST).final_height;
    talk(LOST, 2);
    for (uint32_t i = LOST; i < MEMBERS; i++) {
        CHECK(sim_status(&sim, i).final_height > height);
        CHECK_EQ(sim_status(&sim, i).silent, 0);
        CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    }
    sim_crash(&sim, LOST + 1);
    sim_start(&sim, LOST + 1);
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)3601 * 1000000;
    talk(LOST, 2);
    sim_run(&sim, 4 * SIM_S);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(sim_status(&sim, i).epoch, epoch + 1);
    CHECK_EQ(sim.faults, 0);
}

static void the_rest_goes_on_after_more_than_f_are_lost(void) {
    begin(check_seed() + 1);
    uint64_t height = sim_status(&sim, MEMBERS - 1).final_height;
    CHECK(sim_submit(&sim, MEMBERS - 1, "nobody agrees") != 0);
    lose();
    sim_run(&sim, 20 * SIM_S);
    talk(LOST, 2);
    CHECK_EQ(sim_status(&sim, LOST).final_height, height); /* 4 of 7 are no quorum */
    struct draft d = draft(LOST, height);
    write_restart(&d);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told[LOST].height, height + 1);
    expect_goes_on(2);
    CHECK_EQ(give(LOST, &d), HKP_E_DSM_STALE); /* done */
    sim_free(&sim);
}

/* All were lost with the power: who starts alone asks in vain what it promised, and the RESTART helps. */
static void members_that_were_just_started_go_on_too(void) {
    begin(check_seed() + 2);
    uint64_t height = sim_status(&sim, LOST).final_height;
    for (uint32_t i = 0; i < MEMBERS; i++) sim_crash(&sim, i);
    for (uint32_t i = LOST; i < MEMBERS; i++) sim_start(&sim, i);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim_status(&sim, LOST).silent, 1);
    struct draft d = draft(LOST, height);
    write_restart(&d);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_goes_on(2);
    sim_free(&sim);
}

/* It lacks the newest heights: the cert that the RESTART brings makes them final, others have them. */
static void who_is_behind_fetches_what_it_lacks(void) {
    begin(check_seed() + 3);
    sim_crash(&sim, MEMBERS - 1);
    talk(0, 3);
    uint64_t height = sim_status(&sim, LOST).final_height;
    lose();
    for (uint32_t k = 0; k < MEMBERS; k++) sim_link(&sim, MEMBERS - 1, k, 0);
    sim_start(&sim, MEMBERS - 1);
    struct draft d = draft(LOST, height);
    write_restart(&d);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told[LOST].count, 1);
    CHECK_EQ(told[MEMBERS - 1].count, 0);
    CHECK(sim_status(&sim, MEMBERS - 1).final_height < height);
    for (uint32_t k = 0; k < MEMBERS; k++) sim_link(&sim, MEMBERS - 1, k, 1);
    sim_connect(&sim, MEMBERS - 1);
    sim_run(&sim, 15 * SIM_S);
    expect_goes_on(2);
    sim_free(&sim);
}

/* The boundary of epoch 0 is final and nothing after it: its set stands in the link. */
static void an_epoch_that_only_began_is_left_too(void) {
    begin(check_seed() + 4);
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)3601 * 1000000;
    CHECK(sim_submit(&sim, 0, "an hour later") != 0);
    for (int k = 0; k < 400 && sim_status(&sim, MEMBERS - 1).epoch == 0; k++) sim_run(&sim, 10 * SIM_MS);
    sim_run(&sim, 100 * SIM_MS);
    lose();
    sim_run(&sim, SIM_S);
    uint64_t height = sim_status(&sim, LOST).final_height;
    struct draft d = {.epoch = 0, .new_epoch = 2, .kind = HKP_DSM_KIND_RESTART, .ca_version = 1};
    const struct sim_row *link = row_of(LOST, HKP_DSM_ROW_LINK, 0);
    CHECK(link != NULL);
    struct hkp_dsm_cbor_reader r;
    CHECK_EQ(hkp_dsm_cbor_read(&r, link->data, link->len), HKP_OK);
    hkp_dsm_cbor_array(&r, 3, 3);
    d.n_headers = hkp_dsm_cbor_array(&r, 1, 2);
    for (size_t i = 0; i < d.n_headers; i++)
        d.headers[i].ptr = hkp_dsm_cbor_bytes(&r, 1, 512, &d.headers[i].len);
    d.cert.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__CERT_MAX, &d.cert.len);
    CHECK_EQ(r.status, HKP_OK);
    d.first = LOST;
    d.n = MEMBERS - LOST;
    memcpy(d.officer, sim.mesh.officer, 64);
    write_restart(&d);
    CHECK_EQ(sim_status(&sim, LOST).epoch, 1);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told[LOST].height, height + 1);
    expect_goes_on(2);
    sim_free(&sim);
}

#define REFUSED(expect, change)                                                                              \
    do {                                                                                                     \
        struct draft d = draft(LOST, height);                                                                \
        change;                                                                                              \
        write_restart(&d);                                                                                   \
        CHECK_EQ(give(LOST, &d), expect);                                                                    \
    } while (0)

static void a_forged_or_stale_one_is_refused(void) {
    begin(check_seed() + 5);
    uint64_t height = sim_status(&sim, LOST).final_height, below = height - 1;
    while (row_of(LOST, HKP_DSM_ROW_FINAL, below) == NULL) below--; /* others are final by a descendant */
    struct draft old = draft(LOST, below), own = draft(LOST, height);
    write_restart(&old);
    write_restart(&own);
    uint8_t key[32], other[64], seed[32] = {9};
    crypto_sign_seed_keypair(key, other, seed);
    REFUSED(HKP_E_DSM_SIG, memcpy(d.officer, other, 64));
    REFUSED(HKP_E_DSM_SIG, memcpy(d.officer, sim.mesh.secret[0], 64));
    REFUSED(HKP_E_DSM_CA_VERSION, d.ca_version = 2);
    REFUSED(HKP_E_DSM_KIND, d.kind = HKP_DSM_KIND_ORDER);
    REFUSED(HKP_E_DSM_EPOCH, d.new_epoch = 1);
    REFUSED(HKP_E_DSM_PROOF, d.epoch = 1; d.new_epoch = 3); /* its header is of epoch 0 */
    REFUSED(HKP_E_DSM_PROOF, d.headers[0] = old.headers[0]);
    REFUSED(HKP_E_DSM_STALE, d.headers[0] = old.headers[0]; d.cert = old.cert);
    struct draft flipped = own;
    flipped.bytes[flipped.len - 1] ^= 1;
    CHECK_EQ(give(LOST, &flipped), HKP_E_DSM_SIG);
    CHECK_EQ(give(LOST, &old), HKP_E_DSM_STALE);
    talk(0, 1); /* nothing of this changed anything */
    CHECK(sim_status(&sim, LOST).final_height > height);
    CHECK_EQ(give(LOST, &own), HKP_E_DSM_STALE); /* meanwhile the chain went on */
    for (uint32_t i = 0; i < MEMBERS; i++) CHECK_EQ(told[i].count, 0);
    CHECK_EQ(sim_status(&sim, LOST).epoch, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Power fails at each write of the command: whatever is left, the old epoch gets no more promise of this
 * member once the watermark is there, and the command given again does the rest. */
static void power_cuts_while_it_is_applied_are_survived(void) {
    for (uint64_t write = 1; write <= 14; write++) {
        begin(check_seed() + 60 + write);
        uint64_t height = sim_status(&sim, LOST).final_height;
        lose();
        sim_run(&sim, SIM_S);
        struct draft d = draft(LOST, height);
        write_restart(&d);
        sim.crash_node = LOST;
        sim.writes = 0;
        sim.crash_at_write = write;
        CHECK_EQ(give(LOST, &d), HKP_OK);
        sim_run(&sim, SIM_S);
        sim.crash_at_write = 0;
        if (!sim.nodes[LOST].up) sim_start(&sim, LOST);
        sim_run(&sim, SIM_S);
        int before = check_faults;
        CHECK_EQ(sim.nodes[LOST].damaged, 0);
        if (sim_status(&sim, LOST).epoch == 0) CHECK_EQ(give(LOST, &d), HKP_OK);
        for (uint32_t i = LOST + 1; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
        sim_run(&sim, 5 * SIM_S);
        told[LOST] = told[LOST + 1]; /* it may have told it before the cut */
        expect_goes_on(2);
        CHECK_NOTE(before, "write %" PRIu64, write);
        sim_free(&sim);
    }
}

static void the_old_epoch_gets_no_more_promise(void) {
    begin(check_seed() + 7);
    uint64_t height = sim_status(&sim, LOST).final_height;
    struct draft d = draft(LOST, height);
    write_restart(&d);
    CHECK_EQ(give(LOST, &d), HKP_OK); /* too early: the six others still agree */
    sim_run(&sim, 100 * SIM_MS);
    struct hkp_dsm__wal_record r;
    int marked = 0;
    const struct sim_disk *disk = &sim.nodes[LOST].disk;
    for (size_t k = 0; k < disk->wal_count; k++)
        marked |=
            hkp_dsm__wal_decode(disk->wal[k], &r) && r.kind == 0 && r.epoch == 0 && r.view == UINT64_MAX;
    CHECK_EQ(marked, 1);
    talk(0, 1);
    CHECK(sim_status(&sim, 0).final_height > height);
    CHECK_EQ(sim_status(&sim, LOST).final_height, height);
    sim_free(&sim);
}

/* Who had no part in it learns what was final before, and that nothing leads further. */
static void what_was_final_before_can_still_be_proven(void) {
    begin(check_seed() + 8);
    uint64_t height = sim_status(&sim, LOST).final_height, ticket = 0;
    lose();
    struct draft d = draft(LOST, height);
    write_restart(&d);
    for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    for (int k = 0; k < 2; k++) {
        CHECK_EQ(hkp_dsm_prove(sim.nodes[LOST].node, sim.now, sim.mesh.node_id[4], 1, -1, 0, &ticket),
                 HKP_OK);
        sim_pump(&sim, LOST);
        CHECK_EQ(sim.nodes[LOST].proof_status, HKP_OK);
        struct hkp_dsm_trust trust = {.epoch = 0, .time_ms = sim.mesh.time_s * 1000};
        struct hkp_dsm_proof proof;
        uint64_t time_ms;
        CHECK_EQ(hkp_dsm_node_trust(sim.nodes[LOST].node, 0, trust.valset_hash, &time_ms), HKP_OK);
        CHECK_EQ(hkp_dsm_proof_verify(sim.nodes[LOST].proof, sim.nodes[LOST].proof_len, genesis.chain_id,
                                      &trust, 1, 0, &proof),
                 HKP_OK);
        sim_crash(&sim, LOST); /* also after a start */
        sim_start(&sim, LOST);
        sim_run(&sim, 3 * SIM_S);
    }
    talk(LOST, 1);
    CHECK_EQ(hkp_dsm_prove(sim.nodes[LOST].node, sim.now, sim.mesh.node_id[4], sim_status(&sim, 4).own_seq,
                           -1, 0, &ticket),
             HKP_OK);
    sim_pump(&sim, LOST);
    CHECK_EQ(sim.nodes[LOST].proof_status, HKP_OK);
    struct hkp_dsm_proof proof;
    struct hkp_dsm_trust trust = {.epoch = 0};
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[LOST].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
    CHECK_EQ(hkp_dsm_proof_verify(sim.nodes[LOST].proof, sim.nodes[LOST].proof_len, genesis.chain_id, &trust,
                                  1, 0, &proof),
             HKP_E_DSM_EPOCH); /* the chain of trust ends for who did not apply it (D-SYN-2) */
    CHECK_EQ(
        hkp_dsm_node_verify(sim.nodes[LOST].node, sim.nodes[LOST].proof, sim.nodes[LOST].proof_len, &proof),
        HKP_OK);
    CHECK_EQ(proof.epoch, 2);
    CHECK_EQ(proof.signers, 3); /* of four, and not of the seven that were */
    struct hkp_dsm_question q = {.struct_size = sizeof q, .what = HKP_DSM_ASK_HEAD, .trust = trust};
    memcpy(q.key, sim.mesh.node_id[4], 16);
    CHECK_EQ(hkp_dsm_ask(sim.nodes[5].node, sim.now, &q, &ticket), HKP_OK);
    sim_pump(&sim, 5);
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.nodes[5].proof_status, HKP_OK);
    sim_start(&sim, 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 0); /* not without its operator */
    CHECK_EQ(hkp_dsm_node_verify(sim.nodes[0].node, sim.nodes[5].proof, sim.nodes[5].proof_len, &proof),
             HKP_E_DSM_EPOCH);
    CHECK_EQ(give(0, &d), HKP_OK);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 2);
    sim_crash(&sim, 0); /* it knows after a start, too, what it trusts */
    sim_start(&sim, 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(hkp_dsm_node_verify(sim.nodes[0].node, sim.nodes[5].proof, sim.nodes[5].proof_len, &proof),
             HKP_OK);
    CHECK_EQ(sim_status(&sim, 0).own_index, UINT32_MAX);
    CHECK_EQ(sim_status(&sim, 0).final_height, sim_status(&sim, LOST).final_height);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- the same out of a store ---- */

static char dir[64];

/* What is on the disk of node i, as a database. */
static void store_of(uint32_t i) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    hkp_dsm_store *store = NULL;
    folder_make(dir);
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 1, NULL), HKP_OK);
    for (size_t k = 0; k < d->count; k++) {
        const struct sim_row *r = &d->rows[k];
        const struct hkp_dsm_event ev = {.kind = HKP_DSM_EV_STORE_PUT,
                                         .ticket = 1,
                                         .row = r->row,
                                         .key = r->key,
                                         .key_len = r->key_len,
                                         .data = r->data,
                                         .data_len = r->len};
        CHECK_EQ(hkp_dsm_store_apply(store, sim.nodes[i].node, sim.now, &ev), HKP_OK);
    }
    CHECK_EQ(hkp_dsm_store_commit(store, sim.nodes[i].node, sim.now), HKP_OK);
    hkp_dsm_store_close(store);
}

static void remove_store(void) { folder_remove(dir); }

/* As an officer makes it: of the members that the store names, those from LOST on. */
static hkp_status made_of_store(struct draft *d) {
    static uint8_t body[HKP_DSM_RESTART_MAX], scratch[2 * HKP_DSM_RESTART_MAX];
    struct hkp_dsm_seat seats[MEMBERS], kept[MEMBERS];
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_RESTART, .ca_version = 1, .n_signatures = 1};
    uint8_t signature[64];
    size_t count = 0, n = 0;
    hkp_status st = hkp_dsm_store_seats(dir, &genesis, seats, MEMBERS, &count);
    if (st != HKP_OK) return st;
    CHECK_EQ(count, MEMBERS);
    for (size_t k = 0; k < count; k++)
        for (uint32_t i = LOST; i < MEMBERS; i++)
            if (memcmp(seats[k].node_id, sim.mesh.node_id[i], 16) == 0) kept[n++] = seats[k];
    st = hkp_dsm_store_restart(dir, &genesis, kept, n, body, sizeof body, &m.body.len);
    if (st != HKP_OK) return st;
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_RESTART, 1, sim.mesh.officer, body,
                                m.body.len, scratch, sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, d->bytes, sizeof d->bytes, &d->len), HKP_OK);
    return HKP_OK;
}

static hkp_status checked(const struct draft *d, struct hkp_dsm_restart *out) {
    static uint8_t scratch[2 * HKP_DSM_RESTART_MAX];
    const struct hkp_dsm_officers officers = {&genesis.ca_set, 1, scratch, sizeof scratch};
    *out = (struct hkp_dsm_restart){.struct_size = sizeof *out};
    hkp_status st = hkp_dsm_store_restart_check(dir, &genesis, d->bytes, d->len, &officers, out);
    return st;
}

static void officers_make_it_of_a_store(void) {
    for (int begun = 0; begun < 2; begun++) {
        struct draft d = {.len = 0}, early = {.len = 0};
        struct hkp_dsm_restart said;
        begin(check_seed() + 9);
        store_of(LOST);
        CHECK_EQ(made_of_store(&early), HKP_OK);
        remove_store();
        if (begun)
            for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)3601 * 1000000;
        CHECK(sim_submit(&sim, 0, "one more") != 0);
        uint64_t epoch = begun ? 1 : 0;
        for (int k = 0; k < 400 && sim_status(&sim, LOST).epoch < epoch; k++) sim_run(&sim, 10 * SIM_MS);
        sim_run(&sim, begun ? 100 * SIM_MS : 2 * SIM_S);
        lose();
        sim_run(&sim, SIM_S);
        store_of(LOST);
        CHECK_EQ(made_of_store(&d), HKP_OK);
        CHECK_EQ(checked(&d, &said), HKP_OK);
        CHECK_EQ(said.epoch, 0);
        CHECK_EQ(said.n_seats, MEMBERS - LOST);
        CHECK_EQ(said.next_height, sim_status(&sim, LOST).final_height + 1);
        CHECK_EQ(checked(&early, &said), HKP_E_DSM_STALE);
        d.bytes[d.len - 1] ^= 1;
        CHECK_EQ(checked(&d, &said), HKP_E_DSM_SIG);
        d.bytes[d.len - 1] ^= 1;
        for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
        sim_run(&sim, 5 * SIM_S);
        expect_goes_on(2);
        remove_store();
        store_of(LOST);
        CHECK_EQ(checked(&d, &said), HKP_E_DSM_STALE); /* it is done */
        remove_store();
        CHECK_EQ(made_of_store(&d), HKP_E_NOTFOUND);
        sim_free(&sim);
    }
}

/* In a build without blst any bytes stand for keys: it looks at none. */
static void begin_with_both(uint64_t seed, uint8_t secret[MEMBERS][32]) {
    const int have = (int)hkp_dsm_bls_is_built();
    for (uint32_t i = 0; i < MEMBERS; i++) {
        uint8_t key_seed[32] = {(uint8_t)(i + 1)};
        memset(&bls[i], (int)i + 1, sizeof bls[i]);
        if (have) CHECK_EQ(hkp_dsm_bls_keypair(key_seed, secret[i], bls[i].key), HKP_OK);
        if (have) CHECK_EQ(hkp_dsm_bls_prove(secret[i], bls[i].proof), HKP_OK);
    }
    sim_mesh_bls(bls);
    begin(seed);
    for (uint32_t i = 0; have && i < MEMBERS; i++)
        CHECK_EQ(hkp_dsm_bls_use(sim.nodes[i].node, secret[i]), HKP_OK);
    talk(0, 1);
}

/* Members of the new set show shares of it: what is final after the RESTART gets a short proof. */
static void expect_short(uint32_t i) {
    static uint8_t out[1 << 20];
    static struct hkp_dsm_view shares[HKP_DSM_BLS_SHARES_MAX];
    struct sim_node *s = &sim.nodes[i];
    struct hkp_dsm_trust trust = {.epoch = 2};
    struct hkp_dsm_proof proof;
    size_t len = 0, count = 0;
    uint64_t ticket = 0;
    const uint64_t seq = sim_submit(&sim, i, "\x81\xa1\x01\x02");
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(hkp_dsm_prove(s->node, sim.now, sim.mesh.node_id[i], seq, 0, 2, &ticket), HKP_OK);
    sim_pump(&sim, i);
    CHECK_EQ(s->proof_status, HKP_OK);
    CHECK_EQ(hkp_dsm_node_trust(s->node, 2, trust.valset_hash, &trust.time_ms), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_shares(s->node, shares, HKP_DSM_BLS_SHARES_MAX, &count), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_compact(s->proof, s->proof_len, genesis.chain_id, &trust, shares, count, out,
                                 sizeof out, &len),
             HKP_OK);
    CHECK(len + 90 < s->proof_len);
    CHECK_EQ(hkp_dsm_proof_verify(out, len, genesis.chain_id, &trust, 1, 0, &proof), HKP_OK);
    CHECK_EQ(proof.seq, seq);
    CHECK_EQ(proof.epoch, 2);
    CHECK_EQ(proof.compact, 1);
}

/* D-QC-3: the set that officers write says which schemes there are, and what is made of a store keeps them; a
 * RESTART itself stands on scheme 1. */
static void both_schemes_go_on_if_officers_say_so(void) {
    uint8_t secret[MEMBERS][32], cert[HKP_DSM__CERT_MAX];
    for (int both = 1; both >= 0; both--) {
        begin_with_both(check_seed() + 90 + (uint64_t)both, secret);
        const uint64_t height = sim_status(&sim, LOST).final_height;
        lose();
        sim_run(&sim, 5 * SIM_S);
        struct draft d = draft(LOST, height);
        struct draft labelled = d;
        CHECK(d.cert.len <= sizeof cert);
        memcpy(cert, d.cert.ptr, d.cert.len);
        cert[1] = 2;
        labelled.cert.ptr = cert;
        write_restart(&labelled);
        CHECK_EQ(give(LOST, &labelled), HKP_E_DSM_SCHEME);
        if (both) {
            store_of(LOST);
            CHECK_EQ(made_of_store(&d), HKP_OK);
            remove_store();
        } else {
            write_restart(&d);
        }
        for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(give(i, &d), HKP_OK);
        sim_run(&sim, 5 * SIM_S);
        for (uint32_t i = LOST; i < MEMBERS; i++) {
            const struct hkp_dsm__valset *set = &sim.nodes[i].node->set;
            CHECK_EQ(set->has_scheme2, both);
            for (uint32_t k = LOST; both && k < MEMBERS; k++)
                CHECK_MEM(set->bls[hkp_dsm__valset_index(set, sim.mesh.node_id[k])], bls[k].key, 48);
        }
        if (both && hkp_dsm_bls_is_built()) expect_short(LOST);
        expect_goes_on(2);
        for (uint32_t i = LOST; i < MEMBERS; i++) CHECK_EQ(sim.nodes[i].node->set.has_scheme2, both);
        sim_free(&sim);
        sim_mesh_bls(NULL);
    }
}

int main(void) {
    CASE(the_rest_goes_on_after_more_than_f_are_lost);
    CASE(members_that_were_just_started_go_on_too);
    CASE(who_is_behind_fetches_what_it_lacks);
    CASE(an_epoch_that_only_began_is_left_too);
    CASE(a_forged_or_stale_one_is_refused);
    CASE(power_cuts_while_it_is_applied_are_survived);
    CASE(the_old_epoch_gets_no_more_promise);
    CASE(what_was_final_before_can_still_be_proven);
    CASE(officers_make_it_of_a_store);
    CASE(both_schemes_go_on_if_officers_say_so);
    return check_done();
}
