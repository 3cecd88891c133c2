/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * dsm.block.*       one microblock made, and one judged by a receiver, against the signature that each holds;
 *                   .batch: per threat record, 64 of them in one block (D-BLK-3)
 * dsm.proof.verify  ms of CPU for a proof of finality under 100 validators (D-SYN-6), limit 10
 * dsm.store.append  blocks a second that become durable, 100 a commit, beside SQLite alone with such rows
 * dsm.node.bytes    MiB that an idle node with default options takes up; .reserved: what it has allocated
 */
#include "bench.h"
#include "libdsm/objects/objects.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stddef.h>
#include <unistd.h>

enum { PAYLOAD = 300, RECORDS = 64, RECORD_BYTES = 200, PREFIX_BYTES = 59, VALIDATORS = 100, BLOCKS = 256 };

/* ---- blocks ---- */

struct fixture {
    uint8_t chain_id[32], node_id[16], public_key[32], secret_key[64];
    uint8_t payload[HKP_DSM_PAYLOAD_MAX], signature[64];
    struct hkp_dsm__block block;
    /** room for the signed prefix of D-SIG-2 behind the body: as many bytes as a block's signature covers */
    uint8_t wire[HKP_DSM__BLOCK_MAX], body[HKP_DSM__BLOCK_MAX + PREFIX_BYTES];
    size_t wire_len, body_len, payload_len;
    struct hkp_dsm_certificate certificate;
    struct hkp_dsm__block_rules rules;
};

static void create(void *user, uint64_t times) {
    struct fixture *f = user;
    f->block.payload_len = (uint32_t)f->payload_len;
    for (uint64_t i = 0; i < times; i++) {
        f->block.timestamp_us++;
        hkp_dsm__payload_hash(f->block.payload_hash, f->payload, f->payload_len);
        bench_need(hkp_dsm__block_build(&f->block, f->body, sizeof f->body, &f->body_len) == HKP_OK &&
                       hkp_dsm_envelope_sign(f->chain_id, HKP_DSM_KIND_MICROBLOCK, f->node_id, f->secret_key,
                                             f->body, f->body_len, f->wire, sizeof f->wire,
                                             &f->wire_len) == HKP_OK,
                   "no block made");
        hkp_dsm_object_id(f->block.id, f->chain_id, HKP_DSM_KIND_MICROBLOCK, f->node_id, f->body,
                          f->body_len);
    }
}

static void sign(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++)
        crypto_sign_detached(f->signature, NULL, f->body, f->body_len + PREFIX_BYTES, f->secret_key);
}

static void verify(void *user, uint64_t times) {
    struct fixture *f = user;
    struct hkp_dsm__block got;
    f->rules.payload = (struct hkp_dsm_view){f->payload, f->payload_len};
    for (uint64_t i = 0; i < times; i++)
        bench_need(hkp_dsm__block_check(f->wire, f->wire_len, &f->rules, &got) == HKP_OK, "block refused");
}

static void verify_signature(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++)
        bench_need(crypto_sign_verify_detached(f->signature, f->body, f->body_len + PREFIX_BYTES,
                                               f->public_key) == 0,
                   "forged");
}

/* One block holds RECORDS; the reference signs or verifies once for each of them. */
static void sign_each(void *user, uint64_t times) { sign(user, times * RECORDS); }
static void verify_each(void *user, uint64_t times) { verify_signature(user, times * RECORDS); }

static void blocks(struct fixture *f) {
    static const uint8_t seed[32] = {1};
    crypto_sign_seed_keypair(f->public_key, f->secret_key, seed);
    f->block = (struct hkp_dsm__block){.seq = 2,
                                       .timestamp_us = 1800000000000000ULL,
                                       .serial = 1,
                                       .event_type = HKP_DSM_EVENT_THREAT_REPORT};
    f->certificate.serial = 1;
    f->certificate.not_after_s = UINT32_MAX;
    memcpy(f->certificate.node_id, f->node_id, 16);
    memcpy(f->certificate.key, f->public_key, 32);
    f->rules = (struct hkp_dsm__block_rules){.chain_id = f->chain_id, .certs = &f->certificate, .n_certs = 1};
    f->payload_len = PAYLOAD;
    create(f, 1);
    sign(f, 1);
    if (bench_wanted("dsm.block.create")) bench_rate("dsm.block.create", "/s", 1, create, f, "ed25519", sign);
    if (bench_wanted("dsm.block.verify"))
        bench_rate("dsm.block.verify", "/s", 1, verify, f, "ed25519", verify_signature);
    f->payload_len = 16 + (size_t)RECORDS * RECORD_BYTES;
    create(f, 1);
    sign(f, 1);
    if (bench_wanted("dsm.block.create.batch"))
        bench_rate("dsm.block.create.batch", "/s", RECORDS, create, f, "ed25519", sign_each);
    if (bench_wanted("dsm.block.verify.batch"))
        bench_rate("dsm.block.verify.batch", "/s", RECORDS, verify, f, "ed25519", verify_each);
}

/* ---- a proof ---- */

struct proof {
    uint8_t bytes[65536], chain_id[32], secret[VALIDATORS][64], body[HKP_DSM_VALSET_MAX];
    size_t len, body_len;
    struct hkp_dsm_seat seats[VALIDATORS];
    struct hkp_dsm__valset set;
    struct hkp_dsm_trust trust;
    uint8_t leaves[BLOCKS][32], hashes[62][32], cert[HKP_DSM__CERT_MAX], header[HKP_DSM__HEADER_MAX];
};

static int by_node_id(const void *a, const void *b) {
    return memcmp(((const struct hkp_dsm_seat *)a)->node_id, ((const struct hkp_dsm_seat *)b)->node_id, 16);
}

static void make_set(struct proof *p) {
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        uint8_t seed[32] = {(uint8_t)i, 7}, key[32];
        crypto_sign_seed_keypair(key, p->secret[i], seed);
        hkp_dsm_node_id(p->seats[i].node_id, key, NULL);
        memcpy(p->seats[i].key, key, 32);
        p->seats[i].group = i + 1;
    }
    qsort(p->seats, VALIDATORS, sizeof *p->seats, by_node_id);
    bench_need(hkp_dsm_valset_build(p->seats, VALIDATORS, 0, p->body, sizeof p->body, &p->body_len) ==
                       HKP_OK &&
                   hkp_dsm__valset_parse(p->body, p->body_len, &p->set) == HKP_OK,
               "no set");
}

/* CERT_F of exactly a quorum. */
static size_t make_cert(struct proof *p, const struct hkp_dsm__header *h) {
    static uint8_t signatures[VALIDATORS][64];
    const uint8_t *given[HKP_DSM_MEMBERS_MAX] = {NULL};
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = 0, .view = h->view}, got;
    struct hkp_dsm_envelope e;
    uint8_t wire[1024];
    size_t len = 0;
    memcpy(vote.digest, h->digest, 32);
    for (uint32_t k = 0; k < p->set.q; k++) {
        uint8_t node_id[16];
        hkp_dsm_node_id(node_id, p->secret[k] + 32, NULL);
        int seat = hkp_dsm__valset_index(&p->set, node_id);
        bench_need(seat >= 0 &&
                       hkp_dsm__vote_make(p->chain_id, &vote, node_id, p->secret[k], wire, sizeof wire,
                                          &len) == HKP_OK &&
                       hkp_dsm__vote_open(&p->set, wire, len, &e, &got) == HKP_OK,
                   "no vote");
        memcpy(signatures[seat], e.signature, 64);
        given[seat] = signatures[seat];
    }
    bench_need(hkp_dsm__cert_build(&p->set, &vote, given, p->cert, sizeof p->cert, &len) == HKP_OK,
               "no cert");
    return len;
}

static void make_proof(struct proof *p, const struct fixture *f) {
    struct hkp_dsm__header h = {.view = 9, .height = 9, .parent_view = 8, .n_heads = 50, .n_blocks = BLOCKS};
    struct hkp_dsm__merkle tree = {.size = 0};
    uint8_t id[32];
    memcpy(p->chain_id, f->chain_id, 32);
    make_set(p);
    hkp_dsm_object_id(id, p->chain_id, HKP_DSM_KIND_MICROBLOCK, f->node_id, f->body, f->body_len);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint8_t other[32] = {(uint8_t)i, 1};
        hkp_dsm__merkle_leaf(p->leaves[i], i == 77 ? id : other, 32);
        hkp_dsm__merkle_add(&tree, p->leaves[i]);
    }
    hkp_dsm__merkle_root(&tree, h.blocks_root);
    struct hkp_dsm_view header = {.ptr = p->header}, cert = {.ptr = p->cert};
    bench_need(hkp_dsm__header_build(&h, p->header, sizeof p->header, &header.len) == HKP_OK &&
                   hkp_dsm__header_parse(p->chain_id, p->header, header.len, &h) == HKP_OK,
               "no header");
    cert.len = make_cert(p, &h);
    const uint8_t(*all)[32] = (const uint8_t(*)[32])(void *)p->leaves;
    struct hkp_dsm__proof_parts parts = {
        .chain_id = p->chain_id,
        .valset_hash = p->set.hash,
        .target = {.headers = &header, .n_headers = 1, .cert = cert, .valset = {p->body, p->body_len}},
        .root = 1,
        .index = 77,
        .size = BLOCKS,
        .n_hashes = hkp_dsm__merkle_prove(all, BLOCKS, 77, p->hashes),
        .hashes = (const uint8_t(*)[32])(void *)p->hashes,
        .leaf = {id, 32},
        .author = f->node_id,
        .body = {f->body, f->body_len},
        .payload = {f->payload, f->payload_len}};
    bench_need(hkp_dsm__proof_build(&parts, p->bytes, sizeof p->bytes, &p->len) == HKP_OK, "no proof");
    memcpy(p->trust.valset_hash, p->set.hash, 32);
}

static void verify_proof(void *user, uint64_t times) {
    struct proof *p = user;
    struct hkp_dsm_proof out;
    for (uint64_t i = 0; i < times; i++)
        bench_need(hkp_dsm_proof_verify(p->bytes, p->len, p->chain_id, &p->trust, 1, 0, &out) == HKP_OK,
                   "proof refused");
}

static void proofs(const struct fixture *f) {
    static struct proof p;
    static double ms[BENCH_ROUNDS], limit[BENCH_ROUNDS];
    struct bench_side ours = {.run = verify_proof}, none = {.run = NULL};
    make_proof(&p, f);
    bench_rounds(&ours, &none, &p);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        ms[i] = ours.seconds[i] * 1e3;
        limit[i] = 10;
    }
    bench_print("dsm.proof.verify", "ms", ms, "limit", limit, 0);
}

/* ---- a node ---- */

static size_t reserved;

static void *counted(void *user, size_t size) {
    (void)user;
    reserved += size;
    return malloc(size);
}

static void released(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    free(ptr);
}

static int32_t random_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

/* The only member of a mesh of one. */
static hkp_dsm_node *node_new(const struct fixture *f, int count) {
    struct hkp_dsm_seat seat = {.group = 1};
    uint8_t set[HKP_DSM_VALSET_MAX], ca[HKP_DSM_CA_SET_BODY_MAX], genesis[HKP_DSM_GENESIS_MAX],
        multi_bytes[1024], body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64];
    struct hkp_dsm_view set_view = {.ptr = set}, ca_view = {.ptr = ca};
    struct hkp_dsm_ca_set officers = {.version = 1, .threshold = 1, .n_keys = 1};
    struct hkp_dsm_certificate c = {.roles = HKP_DSM_ROLE_VALIDATOR,
                                    .tier = HKP_DSM_TIER_FORTRESS,
                                    .group = 1,
                                    .policy = 1,
                                    .not_before_s = 1800000000,
                                    .not_after_s = 1800000000 + 86400,
                                    .serial = 1};
    struct hkp_dsm_multi multi = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    struct hkp_dsm_genesis g;
    struct hkp_dsm_node_options o;
    hkp_dsm_node *node = NULL;
    size_t genesis_len = 0, multi_len = 0;
    hkp_dsm_node_id(seat.node_id, f->public_key, NULL);
    memcpy(seat.key, f->public_key, 32);
    memcpy(officers.keys[0], f->public_key, 32);
    memcpy(c.key, f->public_key, 32);
    multi.body.ptr = body;
    multi.signature[0] = signature;
    bench_need(hkp_dsm_valset_build(&seat, 1, 0, set, sizeof set, &set_view.len) == HKP_OK &&
                   hkp_dsm_ca_set_build(&officers, ca, sizeof ca, &ca_view.len) == HKP_OK &&
                   hkp_dsm_genesis_build("bench/single", 12, &ca_view, &set_view, 1800000000, genesis,
                                         sizeof genesis, &genesis_len) == HKP_OK &&
                   hkp_dsm_genesis_parse(genesis, genesis_len, &g) == HKP_OK &&
                   hkp_dsm_certificate_build(&c, body, sizeof body, &multi.body.len) == HKP_OK &&
                   hkp_dsm_multi_sign(signature, g.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, f->secret_key, body,
                                      multi.body.len, NULL, 0) == HKP_OK &&
                   hkp_dsm_multi_build(&multi, multi_bytes, sizeof multi_bytes, &multi_len) == HKP_OK,
               "no mesh");
    hkp_dsm_node_options_init(&o, sizeof o);
    if (count) o.mem = (struct hkp_mem){.alloc = counted, .free = released};
    o.rng = (struct hkp_rng){.fill = random_fill};
    o.genesis = genesis;
    o.genesis_len = genesis_len;
    o.certificate = multi_bytes;
    o.certificate_len = multi_len;
    o.secret = f->secret_key;
    bench_need(hkp_dsm_node_new(&node, &o, 1) == HKP_OK, "no node");
    return node;
}

static double resident_mib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bench_need(file != NULL && fscanf(file, "%*d %ld", &pages) == 1, "no /proc");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void memory(const struct fixture *f) {
    double before = resident_mib();
    hkp_dsm_node *node = node_new(f, 1);
    bench_need(hkp_dsm_node_start(node, 1, 1800000000000000) == HKP_OK, "no start");
    struct hkp_dsm_event ev;
    while (hkp_dsm_event(node, &ev) == HKP_OK)
        if (ev.kind == HKP_DSM_EV_STORE_SCAN)
            bench_need(hkp_dsm_read_end(node, 1, ev.ticket, HKP_OK) <= HKP_OK, "no read");
    if (bench_wanted("dsm.node.bytes"))
        bench_once("dsm.node.bytes", "MiB", resident_mib() - before, NULL, 0, 0);
    if (bench_wanted("dsm.node.bytes.reserved"))
        bench_once("dsm.node.bytes.reserved", "MiB", (double)reserved / 1048576, NULL, 0, 0);
    hkp_dsm_node_free(node);
}

/* ---- the store ---- */

enum { A_COMMIT = 100, ROW_BYTES = 512 };

struct stores {
    hkp_dsm_store *store;
    hkp_dsm_node *node;
    sqlite3 *db;
    sqlite3_stmt *put;
    uint64_t n;
    uint8_t row[ROW_BYTES];
};

static void next_key(struct stores *s, uint8_t key[24]) {
    memset(key, 0, 24);
    s->n++;
    for (int i = 0; i < 8; i++) key[16 + i] = (uint8_t)(s->n >> (56 - 8 * i));
    key[0] = (uint8_t)(s->n % 7); /* seven authors */
}

/* times commits of A_COMMIT rows each. */
static void append(void *user, uint64_t times) {
    struct stores *s = user;
    for (uint64_t c = 0; c < times; c++) {
        uint8_t key[24];
        struct hkp_dsm_event ev = {.kind = HKP_DSM_EV_STORE_PUT,
                                   .row = HKP_DSM_ROW_BLOCK,
                                   .key = key,
                                   .key_len = sizeof key,
                                   .data = s->row,
                                   .data_len = sizeof s->row};
        for (int i = 0; i < A_COMMIT; i++) {
            next_key(s, key);
            ev.ticket = s->n;
            bench_need(hkp_dsm_store_apply(s->store, s->node, 1, &ev) == HKP_OK, "no write");
        }
        /* told to a node that was not started: it says so, and that is all that it does */
        bench_need(hkp_dsm_store_commit(s->store, s->node, 1) == HKP_E_STATE, "no commit");
    }
}

static void append_sqlite(void *user, uint64_t times) {
    struct stores *s = user;
    for (uint64_t c = 0; c < times; c++) {
        uint8_t key[24];
        bench_need(sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK, "no transaction");
        for (int i = 0; i < A_COMMIT; i++) {
            next_key(s, key);
            sqlite3_bind_blob(s->put, 1, key, sizeof key, SQLITE_STATIC);
            sqlite3_bind_blob(s->put, 2, s->row, sizeof s->row, SQLITE_STATIC);
            bench_need(sqlite3_step(s->put) == SQLITE_DONE, "no row");
            sqlite3_reset(s->put);
        }
        bench_need(sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "no commit");
    }
}

static void store(const struct fixture *f) {
    static struct stores s;
    char dir[64] = "/tmp/hkp-bench-XXXXXX", path[96], command[96];
    bench_need(mkdtemp(dir) != NULL, "no temporary folder");
    snprintf(path, sizeof path, "%s/alone.sqlite", dir);
    s.node = node_new(f, 0);
    bench_need(
        hkp_dsm_store_open(&s.store, dir, 1, NULL) == HKP_OK && sqlite3_open(path, &s.db) == SQLITE_OK &&
            sqlite3_exec(s.db,
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows(key BLOB "
                         "PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
                         NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(s.db, "INSERT INTO rows VALUES(?1,?2)", -1, &s.put, NULL) == SQLITE_OK,
        "no store");
    bench_clock_id = CLOCK_MONOTONIC; /* a disk is waited for */
    bench_rate("dsm.store.append", "/s", A_COMMIT, append, &s, "sqlite", append_sqlite);
    sqlite3_finalize(s.put);
    sqlite3_close(s.db);
    hkp_dsm_store_close(s.store);
    hkp_dsm_node_free(s.node);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    bench_need(system(command) == 0, "the folder could not be removed");
}

int main(int argc, char **argv) {
    static struct fixture f = {.chain_id = {2}, .node_id = {3}};
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    bench_clock_id = CLOCK_PROCESS_CPUTIME_ID;
    if (bench_wanted("dsm.node.bytes") || bench_wanted("dsm.node.bytes.reserved")) {
        static const uint8_t seed[32] = {1};
        crypto_sign_seed_keypair(f.public_key, f.secret_key, seed);
        memory(&f);
    }
    blocks(&f);
    if (bench_wanted("dsm.proof.verify")) proofs(&f);
    if (bench_wanted("dsm.store.append")) store(&f);
    return 0;
}
