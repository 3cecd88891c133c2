/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The folders and configurations of a new mesh. */
#include "provision.h"

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void hex(const uint8_t *bytes, size_t len, char *out) {
    for (size_t i = 0; i < len; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* "ADDRESS:PORT" of node i: ports are counted up from the first. */
static void address_of(const struct cli_mesh *m, size_t i, char out[160]) {
    const char *colon = strrchr(m->listen, ':');
    snprintf(out, 160, "%.*s:%d", (int)(colon - m->listen), m->listen, atoi(colon + 1) + (int)i);
}

int cli_mesh_config(const struct cli_mesh *m, const struct cli_member *self) {
    char id[33], key[65], address[160];
    FILE *f = fopen(self->config, "wx");
    if (f == NULL) return cli_fail(CLI_SYSTEM, "%s: %s", self->config, strerror(errno));
    fprintf(f,
            "# A node for the mesh \"%s\". The keys: hookprobe provision --help\ndata_dir: \"%s\"\nlisten: "
            "\"%s\"\n",
            m->name, self->data_dir, self->listen);
    if (m->clock_trusted) fputs("clock_trusted: true\n", f);
    if (m->extra != NULL) fputs(m->extra, f);
    if (self->eve != NULL) fprintf(f, "eve:\n  file: \"%s\"\n  from_start: true\n", self->eve);
    if (m->n > 1) fputs("peers:\n", f);
    for (size_t k = 0; k < m->n; k++) {
        if (k == self->index || m->nodes[k].outsider) continue;
        hex(m->nodes[k].node_id, 16, id);
        hex(m->nodes[k].s, 32, key);
        address_of(m, k, address);
        fprintf(f, "  - node_id: \"%s\"\n    key: \"%s\"\n    address: \"%s\"\n", id, key, address);
    }
    const int bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad) return cli_fail(CLI_SYSTEM, "%s: %s", self->config, strerror(errno));
    return CLI_OK;
}

/* DIR/nodeN.yaml, which names its folder relative to itself, so that DIR can be moved. */
static int write_config(const struct cli_mesh *m, size_t i) {
    char path[CLI_PATH_MAX], address[160], folder[32];
    if (snprintf(path, sizeof path, "%s/node%zu.yaml", m->dir, i + 1) >= (int)sizeof path)
        return cli_fail(CLI_USAGE, "%s: path too long", m->dir);
    address_of(m, i, address);
    snprintf(folder, sizeof folder, "node%zu", i + 1);
    const struct cli_member self = {
        .config = path, .data_dir = folder, .listen = address, .index = i, .eve = i == 0 ? m->eve : NULL};
    return cli_mesh_config(m, &self);
}

int cli_mesh_make(struct cli_mesh *m) {
    struct hkp_mesh_provision_options o = {.struct_size = sizeof o,
                                           .days = m->days,
                                           .name = m->name,
                                           .nodes = m->nodes,
                                           .n_nodes = m->n,
                                           .bls = m->bls};
    struct hkp_mesh_fault fault = {.offset = UINT64_MAX};
    char authority[CLI_PATH_MAX];
    if (snprintf(authority, sizeof authority, "%s/authority", m->dir) >= (int)sizeof authority)
        return cli_fail(CLI_USAGE, "%s: path too long", m->dir);
    if (mkdir(m->dir, 0700) != 0 && errno != EEXIST)
        return cli_fail(CLI_SYSTEM, "%s: %s", m->dir, strerror(errno));
    for (size_t i = 0; i < m->n; i++) {
        snprintf(m->paths[i], sizeof m->paths[i], "%s/node%zu", m->dir, i + 1);
        m->nodes[i].data_dir = m->paths[i];
    }
    if (m->keep_authority) o.authority_dir = authority;
    const hkp_status st = hkp_mesh_provision(&o, cli_wall() - m->age_s * 1000000ULL, &fault);
    if (st != HKP_OK)
        return cli_fail(st == HKP_E_STATE ? CLI_USAGE : cli_exit_of(st), "%s: %s (%s)", fault.what, fault.why,
                        cli_status_name(st));
    for (size_t i = 0; i < m->n; i++) {
        const int code = write_config(m, i);
        if (code != CLI_OK) return code;
    }
    return CLI_OK;
}

static void print_made(const struct cli_mesh *m, int json) {
    json_t *nodes = json_array();
    char id[33], address[160];
    for (size_t i = 0; i < m->n; i++) {
        hex(m->nodes[i].node_id, 16, id);
        address_of(m, i, address);
        if (!json) printf("node%zu  %s  group %u  %s\n", i + 1, id, m->nodes[i].group, address);
        json_array_append_new(nodes, json_pack("{s:s,s:s,s:I,s:s,s:s+}", "node_id", id, "address", address,
                                               "group", (json_int_t)m->nodes[i].group, "data_dir",
                                               m->paths[i], "config", m->paths[i], ".yaml"));
    }
    if (json)
        cli_print_json(json_pack("{s:s,s:s,s:o}", "mesh", m->name, "dir", m->dir, "nodes", nodes), 0);
    else
        json_decref(nodes);
    if (!json)
        printf("\nStart each with: hookprobe node run --config %s/nodeN.yaml\n"
               "%s/authority holds the keys of officer and policy: keep them away from the nodes.\n",
               m->dir, m->dir);
}

/* "1,1,2": groups of the nodes in order; absent: each its own. */
static int read_groups(struct cli_mesh *m, char *text) {
    size_t i = 0;
    uint64_t v;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ","), i++) {
        if (i == m->n || cli_number(word, 1, UINT32_MAX, &v) != 0) return -1;
        m->nodes[i].group = (uint32_t)v;
    }
    return i == m->n ? 0 : -1;
}

static int provision(int argc, char **argv) {
    static const struct option own[] = {
        {"dir", required_argument, NULL, 'd'},     {"name", required_argument, NULL, 'n'},
        {"nodes", required_argument, NULL, 'm'},   {"groups", required_argument, NULL, 'g'},
        {"listen", required_argument, NULL, 'l'},  {"days", required_argument, NULL, 'y'},
        {"measure", required_argument, NULL, 'f'}, {"trust-clock", no_argument, NULL, 't'},
        {"bls", no_argument, NULL, 'b'},           {NULL, 0, NULL, 0}};
    static struct cli_mesh m = {
        .name = "mesh", .listen = "127.0.0.1:8144", .n = 4, .days = 30, .keep_authority = 1};
    static const char *measured[CLI_MEASURED_MAX];
    char *groups = NULL;
    uint64_t v;
    int json = 0, got;
    uint32_t n_measured = 0;
    while ((got = cli_option(&cli_provision, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'd') m.dir = optarg;
        if (got == 'n') m.name = optarg;
        if (got == 'g') groups = optarg;
        if (got == 'l') m.listen = optarg;
        if (got == 't') m.clock_trusted = 1;
        if (got == 'b') m.bls = 1;
        if (got == 'j') json = 1;
        if (got == 'm' || got == 'y') {
            if (cli_number(optarg, 1, got == 'm' ? CLI_NODES_MAX : 90, &v) != 0)
                return cli_fail(CLI_USAGE, got == 'm' ? "--nodes: 1..64" : "--days: 1..90");
            if (got == 'm')
                m.n = (size_t)v;
            else
                m.days = (uint32_t)v;
        }
        if (got == 'f') {
            if (optarg[0] != '/' || n_measured == CLI_MEASURED_MAX)
                return cli_fail(CLI_USAGE, "--measure: up to 64 absolute paths");
            measured[n_measured++] = optarg;
        }
    }
    const char *colon = strrchr(m.listen, ':');
    if (m.dir == NULL || optind != argc)
        return cli_fail(CLI_USAGE, "provision wants --dir DIR, and no other argument");
    if (colon == NULL || cli_number(colon + 1, 1, 65535 - m.n, &v) != 0)
        return cli_fail(CLI_USAGE, "--listen: ADDRESS:PORT");
    for (size_t i = 0; i < m.n; i++)
        m.nodes[i] = (struct hkp_mesh_provision_node){
            .group = (uint32_t)i + 1, .n_measured = n_measured, .measured = measured};
    if (groups != NULL && read_groups(&m, groups) != 0)
        return cli_fail(CLI_USAGE, "--groups: one number for each node, as 1,2,3,4");
    const int code = cli_mesh_make(&m);
    if (code == CLI_OK) print_made(&m, json);
    return code;
}

const struct cli_command cli_provision = {
    .name = "provision",
    .summary = "make the folders and configurations of a new mesh",
    .help = "usage: hookprobe provision --dir DIR [--name NAME] [--nodes N] [--groups G,G,...] [--listen "
            "ADDRESS:PORT]\n"
            "                           [--measure FILE]... [--days N] [--trust-clock] [--bls] [--json]\n\n"
            "Makes DIR/node1 .. DIR/nodeN (keys, certificates, genesis, manifest, first rebase), "
            "DIR/nodeN.yaml for each,\n"
            "and DIR/authority with the keys of officer and policy. All nodes are validators. Nothing neural "
            "is made:\n"
            "the nodes enrol with each other at their first contact.\n\n"
            "  --nodes N       1..64; default 4\n"
            "  --groups G,...  group of each node; default: each its own\n"
            "  --listen A:P    address of the first node; the others take the ports behind it; default "
            "127.0.0.1:8144\n"
            "  --measure FILE  a file whose content belongs to the integrity of every node\n"
            "  --days N        how long the certificates are valid; default 30\n"
            "  --trust-clock   write clock_trusted: true\n"
            "  --bls           BLS keys for all, so that proofs can be short; wants a build with blst\n"
            "  --json          what was made as one JSON object\n",
    .more = cli_config_help,
    .run = provision,
};
