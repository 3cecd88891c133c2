/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The file of a final chain (D-STO-11): written by one of two nodes, read into the store of the other. */
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "store_world.h"

static uint8_t file[1 << 20];
static size_t file_len;

static const char *chain_path(void) {
    static char path[128];
    snprintf(path, sizeof path, "%s/chain", top);
    return path;
}

static struct hkp_dsm_store_moved export(int i) {
    struct hkp_dsm_store_moved moved = {.struct_size = sizeof moved};
    int fd = open(chain_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(hkp_dsm_store_export(sides[i].dir, fd, &moved), HKP_OK);
    ssize_t n = pread(fd, file, sizeof file, 0);
    CHECK(n > 0 && (size_t)n < sizeof file);
    file_len = n > 0 ? (size_t)n : 0;
    close(fd);
    return moved;
}

/* Bytes as a file, into the folder of node 1, by a node that only observes and has no secret. */
static hkp_status import(const uint8_t *bytes, size_t len, struct hkp_dsm_store_moved *moved) {
    struct hkp_dsm_node_options o;
    struct hkp_dsm_certificate c;
    uint8_t secret[64] = {0};
    int fd = open(chain_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, bytes, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
    CHECK_EQ(hkp_dsm_certificate_parse(mesh.certificate[1], mesh.certificate_len[1], &c), HKP_OK);
    memcpy(secret + 32, c.key, 32);
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = mesh.genesis;
    o.genesis_len = mesh.genesis_len;
    o.certificate = mesh.certificate[1];
    o.certificate_len = mesh.certificate_len[1];
    o.secret = secret;
    o.pool_bytes = (size_t)8 << 20;
    o.heads_max = 16;
    o.peers_max = 2;
    *moved = (struct hkp_dsm_store_moved){.struct_size = sizeof *moved};
    hkp_status st = hkp_dsm_store_import(sides[1].dir, fd, &o, wall_us(), moved);
    close(fd);
    return st;
}

static void stop_if_up(int i) {
    if (sides[i].node != NULL) stop(i);
}

/* The folder of node 1 is empty again. */
static void empty(void) {
    folder_remove(sides[1].dir);
    CHECK_EQ(mkdir(sides[1].dir, 0700), 0);
}

static uint64_t height(int i) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &s), HKP_OK);
    return s.final_height;
}

static uint64_t epoch(int i) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &s), HKP_OK);
    return s.epoch;
}

static void a_chain_goes_by_file_from_one_store_to_another(void) {
    begin(20);
    struct hkp_dsm_store_moved out = export(0), in; /* while it runs */
    CHECK_EQ(out.blocks, 25);
    CHECK_EQ(out.from_height, 1);
    CHECK_EQ(out.to_height, height(0));
    stop(1);
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.items, out.items);
    CHECK_EQ(in.to_height, out.to_height);
    CHECK_EQ(in.blocks, 25);
    start(1);
    run(2000);
    CHECK_EQ(height(1), height(0));
    proves_all(1, 20);
    uint64_t seq =
        0; /* it goes on with its blocks, but without its WAL it observes in this epoch (D-STO-7) */
    CHECK_EQ(hkp_dsm_submit(sides[1].node, now, wall_us(), 1, (const uint8_t *)"x", 1, NULL, &seq), HKP_OK);
    CHECK_EQ(seq, 6);
    run(3000);
    struct hkp_dsm_node_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_node_status(sides[1].node, &status), HKP_OK);
    CHECK_EQ(status.silent, 1);
    CHECK_EQ(height(0), out.to_height);
    end();
}

static void hours(uint64_t seconds) {
    for (uint64_t end = now + seconds * SIM_S; now < end; now += SIM_S / 2) turn();
}

/* Where early blocks are gone, the file begins at a boundary, to which the links of the epochs before lead.
 */
static void a_pruned_chain_begins_at_its_last_boundary(void) {
    keep_s = 600;
    begin(8);
    hours(3700);
    for (int k = 0; k < 4; k++) {
        uint64_t seq = 0;
        CHECK_EQ(hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)"y", 1, NULL, &seq),
                 HKP_OK);
        CHECK_EQ(seq, 9 + (uint64_t)k);
        hours(20);
    }
    hours(1000);
    uint64_t blocks = 0, headers = 0;
    CHECK_EQ(hkp_dsm_node_kept(sides[0].node, &blocks, &headers), HKP_OK);
    CHECK(headers > 1);
    struct hkp_dsm_store_moved out = export(0), in;
    CHECK(out.from_height > 1);
    CHECK_EQ(out.blocks, 4);
    stop(1);
    empty();
    CHECK_EQ(import(file, file_len / 2, &in), HKP_E_NOTFOUND);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.links, 1);
    CHECK_EQ(in.from_height, out.from_height);
    CHECK_EQ(in.to_height, out.to_height);
    start(1);
    run(2000);
    CHECK_EQ(height(1), height(0));
    CHECK_EQ(prove(1, 3), HKP_E_NOTFOUND);
    CHECK_EQ(prove(1, 10), HKP_OK); /* over the link of the epoch before */
    uint64_t state = check_seed();
    int refused = 0;
    for (int k = 0; k < 20; k++) { /* its first items are links, boundary and heads */
        size_t at = 8 + check_random(&state) % 4000;
        file[at] ^= 0x10;
        stop_if_up(1);
        empty();
        refused += import(file, file_len, &in) != HKP_OK;
        file[at] ^= 0x10;
    }
    CHECK(refused >= 16); /* the rest: certificates */
    keep_s = 0;
    end();
}

/* Where the envelope of the first head block begins to end: its signature stands there. 0: none. */
static size_t head_signature(void) {
    int seeded = 0;
    for (size_t at = 8; at + 4 < file_len; at += 4 + hkp_be32(file + at)) {
        struct hkp_dsm_cbor_reader r;
        struct hkp_dsm_view bytes;
        struct hkp_dsm__item item;
        CHECK_EQ(hkp_dsm_cbor_read(&r, file + at + 4, hkp_be32(file + at)), HKP_OK);
        (void)hkp_dsm_cbor_array(&r, 2, 4);
        const uint64_t kind = hkp_dsm_cbor_uint(&r, 0, 8);
        seeded |= kind == 6;
        if (!seeded || kind != 2) continue;
        bytes.ptr = hkp_dsm_cbor_bytes(&r, 1, SIZE_MAX, &bytes.len);
        CHECK_EQ(hkp_dsm__stored_item(bytes.ptr, bytes.len, &item), HKP_OK);
        return (size_t)(item.object.ptr - file) + item.object.len - 5;
    }
    return 0;
}

/* Its id stands in the heads, so it is the block; but who gives it to others with another signature pays. */
static void the_signatures_of_head_blocks_are_checked(void) {
    struct hkp_dsm_store_moved in;
    keep_s = 600;
    begin(8);
    hours(3700);
    hours(1100);
    CHECK(export(0).from_height > 1);
    stop(1);
    stop(0);
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    start_quietly(1);
    CHECK(sides[1].node->n_authors >= 2);
    for (uint32_t i = 0; i < sides[1].node->n_authors; i++) {
        const struct author *a = &sides[1].node->authors[i];
        CHECK(a->final.seq > 0 && !a->headless);
    }
    CHECK_EQ(sides[1].node->n_lost, 0);
    stop(1);
    empty();
    const size_t at = head_signature();
    CHECK(at > 0);
    file[at] ^= 1;
    CHECK_EQ(import(file, file_len, &in), HKP_E_DSM_SIG);
    keep_s = 0;
    end();
}

static void certify_again(uint64_t serial) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_genesis g;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64], bytes[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    size_t len = 0;
    CHECK_EQ(hkp_dsm_genesis_parse(mesh.genesis, mesh.genesis_len, &g), HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_parse(mesh.certificate[0], mesh.certificate_len[0], &c), HKP_OK);
    c.serial = serial;
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &m.body.len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(signature, g.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, mesh.officer, body,
                                m.body.len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, bytes, sizeof bytes, &len), HKP_OK);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(hkp_dsm_node_add_certificate(sides[i].node, now, wall_us(), bytes, len), HKP_OK);
}

/* A node holds the certificates of four serials of an author: those of early blocks are gone from memory. */
static void a_chain_of_many_serials_goes_by_file(void) {
    begin(4);
    for (uint64_t serial = 2; serial <= 7; serial++) {
        uint64_t seq = 0;
        certify_again(serial);
        CHECK_EQ(hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)"y", 1, NULL, &seq),
                 HKP_OK);
        run(3000);
    }
    struct hkp_dsm_store_moved out = export(0), in;
    CHECK_EQ(out.blocks, 4 + 1 + 6);
    stop(1);
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.to_height, out.to_height);
    CHECK_EQ(in.blocks, out.blocks);
    end();
}

static void an_import_that_was_cut_short_goes_on(void) {
    begin(10);
    struct hkp_dsm_store_moved out = export(0), in;
    stop(1);
    empty();
    uint64_t before = 0;
    for (size_t part = 1; part <= 5; part++) {
        CHECK_EQ(import(file, file_len * part / 6, &in), HKP_E_NOTFOUND);
        CHECK(in.to_height >= before && in.to_height < out.to_height);
        before = in.to_height;
    }
    CHECK(before > 0);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.to_height, out.to_height);
    CHECK(in.heights < out.heights);
    CHECK_EQ(import(file, file_len, &in), HKP_OK); /* once more changes nothing */
    CHECK_EQ(in.heights, 0);
    start(1);
    run(1000);
    CHECK_EQ(height(1), height(0));
    proves_all(1, 10);
    end();
}

/* Wherever a byte is another: the import says so, and what it took before is right. Bytes of a block's
 * signature are the last before its payload and covered by no hash, but checked. */
static void a_changed_file_is_refused(void) {
    begin(4);
    struct hkp_dsm_store_moved out = export(0), in;
    stop(1);
    uint64_t state = check_seed();
    uint8_t *copy = malloc(file_len);
    int refused = 0;
    for (int k = 0; copy != NULL && k < 30; k++) {
        int before = check_faults;
        size_t at = 8 + check_random(&state) % (file_len - 8);
        memcpy(copy, file, file_len);
        copy[at] ^= (uint8_t)(1 + check_random(&state) % 255);
        empty();
        hkp_status st = import(copy, file_len, &in);
        refused += st != HKP_OK;
        CHECK(in.to_height <= out.to_height);
        CHECK_NOTE(before, "byte %zu", at);
    }
    printf("# %d of 30 refused\n", refused);
    CHECK(refused >= 24); /* the rest: certificates, which are only a help */
    empty();
    CHECK_EQ(import((const uint8_t *)"HKPCHAIX", 8, &in), HKP_E_DSM_SCHEMA);
    struct sim_mesh other;
    sim_mesh_make(&other, 1, HKP_DSM_ROLE_VALIDATOR);
    memcpy(copy, mesh.genesis, mesh.genesis_len);
    size_t len = mesh.genesis_len;
    memcpy(mesh.genesis, other.genesis, other.genesis_len);
    mesh.genesis_len = other.genesis_len;
    CHECK(import(file, file_len, &in) != HKP_OK); /* of another mesh */
    memcpy(mesh.genesis, copy, len);
    mesh.genesis_len = len;
    free(copy);
    end();
}

/* ---- a chain with a RESTART in it (D-EPO-6) ---- */

static uint8_t restart[HKP_DSM_RESTART_MAX];
static size_t restart_len;

/* Node 1 is lost for good: the officer lets node 0 go on. */
static void go_on_alone(void) {
    static uint8_t body[HKP_DSM_RESTART_MAX], scratch[2 * HKP_DSM_RESTART_MAX];
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_RESTART, .ca_version = 1, .n_signatures = 1};
    struct hkp_dsm_genesis genesis;
    struct hkp_dsm_seat seats[2];
    uint8_t signature[64];
    size_t n = 0;
    stop(1);
    CHECK_EQ(hkp_dsm_genesis_parse(mesh.genesis, mesh.genesis_len, &genesis), HKP_OK);
    CHECK_EQ(hkp_dsm_store_seats(sides[0].dir, &genesis, seats, 2, &n), HKP_OK);
    CHECK_EQ(n, 2);
    if (memcmp(seats[0].node_id, mesh.node_id[0], 16) != 0) seats[0] = seats[1];
    CHECK_EQ(hkp_dsm_store_restart(sides[0].dir, &genesis, seats, 1, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_RESTART, 1, mesh.officer, body,
                                m.body.len, scratch, sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, restart, sizeof restart, &restart_len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_restart(sides[0].node, now, wall_us(), restart, restart_len), HKP_OK);
    run(1000);
}

static void say(int times) {
    uint64_t seq = 0;
    for (int k = 0; k < times; k++) {
        CHECK_EQ(hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)"y", 1, NULL, &seq),
                 HKP_OK);
        run(500);
    }
}

/* Whole, and with another signature, another set, and without what the officers signed. */
static void import_restart(const struct hkp_dsm_store_moved *out, int with_set) {
    struct hkp_dsm_store_moved in;
    size_t at = 0;
    empty();
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.items, out->items);
    CHECK_EQ(in.to_height, out->to_height);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    while (at + restart_len < file_len && memcmp(file + at, restart, restart_len) != 0) at++;
    CHECK(at + restart_len < file_len);
    CHECK_EQ(file[at - 5], with_set ? 0x83 : 0x82); /* [8, RESTART], [8, RESTART, valset] */
    const size_t each[] = {at + restart_len - 1, at + restart_len / 2, at + 8};
    for (size_t k = 0; k < 3; k++) {
        file[each[k]] ^= 1;
        empty();
        CHECK(import(file, file_len, &in) != HKP_OK);
        CHECK(in.to_height < out->to_height);
        file[each[k]] ^= 1;
    }
    empty(); /* up to there, and on from there */
    CHECK_EQ(import(file, at + restart_len / 2, &in), HKP_E_NOTFOUND);
    CHECK_EQ(import(file, file_len, &in), HKP_OK);
    CHECK_EQ(in.to_height, out->to_height);
    const size_t len = file_len;
    const struct hkp_dsm_store_moved again = export(1);
    CHECK_EQ(file_len, len);
    CHECK_EQ(again.items, out->items);
}

static void a_chain_goes_on_behind_a_restart(void) {
    begin(8);
    go_on_alone();
    say(3);
    const struct hkp_dsm_store_moved out = export(0);
    CHECK_EQ(out.from_height, 1);
    import_restart(&out, 0);
    start(1);
    CHECK_EQ(height(1), height(0));
    CHECK_EQ(prove(1, 3), HKP_OK);
    end();
}

/* Links, a RESTART, links: out of an epoch in which something is final, and right at its boundary. */
static void a_pruned_chain_leads_over_a_restart(void) {
    for (int at_boundary = 0; at_boundary < 2; at_boundary++) {
        keep_s = 600;
        begin(4);
        hours(at_boundary ? 3500 : 3700);
        while (at_boundary && epoch(0) == 0) run(10);
        if (!at_boundary) say(3);
        go_on_alone();
        say(2);
        const uint64_t before = height(0);
        hours(3700);
        say(3);
        hours(1000);
        const struct hkp_dsm_store_moved out = export(0);
        CHECK(out.from_height > before);
        import_restart(&out, !at_boundary);
        start(1);
        CHECK_EQ(height(1), height(0));
        keep_s = 0;
        end();
    }
}

/* Otherwise the target would only see files of another mesh. */
static void the_corpus_of_the_fuzz_target_is_of_this_mesh(void) {
    static const char *const names[] = {"whole", "pruned", "restart", "restart-pruned", "restart-boundary"};
    struct hkp_dsm_store_moved in;
    begin(0);
    stop(0);
    stop(1);
    now += 4 * 3600 * SIM_S; /* the chain of one of them took two hours */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tests/dsm/corpus/import/%s", getenv("HKP_SOURCE"), names[i]);
        FILE *f = fopen(path, "rb");
        CHECK(f != NULL);
        if (f == NULL) continue;
        file_len = fread(file, 1, sizeof file, f);
        fclose(f);
        empty();
        CHECK_EQ(import(file, file_len, &in), HKP_OK);
        CHECK(in.to_height > 0);
    }
    end();
}

int main(void) {
    sim_mesh_make(&mesh, 2, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    CASE(a_chain_goes_by_file_from_one_store_to_another);
    CASE(a_pruned_chain_begins_at_its_last_boundary);
    CASE(the_signatures_of_head_blocks_are_checked);
    CASE(a_chain_of_many_serials_goes_by_file);
    CASE(an_import_that_was_cut_short_goes_on);
    CASE(a_changed_file_is_refused);
    CASE(a_chain_goes_on_behind_a_restart);
    CASE(a_pruned_chain_leads_over_a_restart);
    CASE(the_corpus_of_the_fuzz_target_is_of_this_mesh);
    return check_done();
}
