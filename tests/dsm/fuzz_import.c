/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A file of a chain, given to an empty store (D-STO-11): whatever it holds, the import ends, and what it left
 * is a store on which a node starts. The files of the corpus are of the mesh of two that sim_mesh_make()
 * makes.
 */
#include <hookprobe/dsm.h>

#include <sys/mman.h>

#include "folder.h"
#include "sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const unsigned fuzz_runs;
const unsigned fuzz_runs = 400; /* each makes a database */

/* behind the chains of the corpus, one of which took two hours */
#define WALL_US ((mesh.time_s + 4 * 3600) * 1000000)

static struct sim_mesh mesh;
static char top[64], dir[80];
static uint64_t random_state;
static uint8_t secret[64];

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random((uint64_t *)user);
    return 0;
}

static void leave(void) { folder_remove(top); }

static void begin(void) {
    struct hkp_dsm_certificate c;
    sim_mesh_make(&mesh, 2, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    if (hkp_dsm_certificate_parse(mesh.certificate[1], mesh.certificate_len[1], &c) != HKP_OK) abort();
    memcpy(secret + 32, c.key, 32);
    folder_make(top);
    snprintf(dir, sizeof dir, "%s/store", top);
    atexit(leave);
}

static void options(struct hkp_dsm_node_options *o) {
    random_state = 7;
    hkp_dsm_node_options_init(o, sizeof *o);
    o->rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o->genesis = mesh.genesis;
    o->genesis_len = mesh.genesis_len;
    o->certificate = mesh.certificate[1];
    o->certificate_len = mesh.certificate_len[1];
    o->secret = secret;
    o->observer = 1;
    o->pool_bytes = (size_t)2 << 20;
    o->heads_max = 16;
    o->peers_max = 1;
    o->blocks_max = 256;
    o->seen_max = 1024;
    o->claims_max = 16;
}

/* A node finds nothing damaged in what the import left, and all that was told as final. */
static void start(const struct hkp_dsm_store_moved *told) {
    struct hkp_dsm_node_options o;
    struct hkp_dsm_store_fault fault;
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    struct hkp_dsm_event ev;
    hkp_dsm_store *store = NULL;
    hkp_dsm_node *n = NULL;
    options(&o);
    if (hkp_dsm_store_open(&store, dir, 1, &fault) != HKP_OK || hkp_dsm_node_new(&n, &o, 1) != HKP_OK ||
        hkp_dsm_node_start(n, 1, WALL_US) != HKP_OK)
        abort();
    while (hkp_dsm_event(n, &ev) == HKP_OK) {
        if (ev.kind == HKP_DSM_EV_DAMAGED || ev.kind == HKP_DSM_EV_LOST) abort();
        if (ev.kind <= HKP_DSM_EV_STORE_DROP && hkp_dsm_store_apply(store, n, 1, &ev) != HKP_OK) abort();
    }
    if (hkp_dsm_node_status(n, &s) != HKP_OK || s.final_height < told->to_height) abort();
    hkp_dsm_node_free(n);
    hkp_dsm_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_dsm_node_options o;
    struct hkp_dsm_store_moved told = {.struct_size = sizeof told};
    if (top[0] == 0) begin();
    options(&o);
    const int fd = memfd_create("chain", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) abort();
    if (mkdir(dir, 0700) != 0) abort();
    const hkp_status st = hkp_dsm_store_import(dir, fd, &o, WALL_US, &told);
    close(fd);
    if (st == HKP_OK || told.to_height > 0) start(&told);
    folder_remove(dir);
    return 0;
}
