/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca restart: with whom the chain goes on after too many members were lost, with this officer's
 * signature (D-EPO-6). */
#include "ca.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = HKP_DSM_MEMBERS_MAX };

struct wanted {
    const char *dir, *passphrase_file, *node, *out, *with[NAMED_MAX];
    uint8_t without[NAMED_MAX][16];
    size_t n_without, n_with;
    int json, yes;
};

struct work {
    struct cli_officer officer;
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
    size_t n_seats;
    uint8_t body[HKP_DSM_RESTART_MAX];
    json_t *told;
};

static int by_node_id(const void *a, const void *b) {
    const struct hkp_dsm_seat *x = a, *y = b;
    return memcmp(x->node_id, y->node_id, 16);
}

static int take_out(struct work *w, const uint8_t node_id[16]) {
    char text[33];
    for (size_t i = 0; i < w->n_seats; i++)
        if (memcmp(w->seats[i].node_id, node_id, 16) == 0) {
            w->seats[i] = w->seats[--w->n_seats];
            return CLI_OK;
        }
    return cli_fail(CLI_NO, "%s has no seat in the epoch of this store",
                    sodium_bin2hex(text, sizeof text, node_id, 16));
}

static int put_in(struct work *w, const char *path) {
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_certificate c;
    struct hkp_dsm_seat *seat = &w->seats[w->n_seats];
    size_t len = 0;
    const int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_certificate_check(bytes, len, w->officer.ca.genesis.chain_id,
                                                    &w->officer.ca.officers, cli_wall() / 1000000, 0, &c);
    if (st != HKP_OK) return cli_ca_told(path, st, "is no certificate that holds");
    if ((c.roles & HKP_DSM_ROLE_VALIDATOR) == 0 ||
        hkp_dsm_revocations_find(&w->officer.held, c.node_id) >= c.serial)
        return cli_fail(CLI_NO, "%s: is not of a validator, or revoked", path);
    if (w->n_seats == HKP_DSM_MEMBERS_MAX) return cli_fail(CLI_NO, "%s: the set is full", path);
    *seat = (struct hkp_dsm_seat){.group = c.group};
    memcpy(seat->node_id, c.node_id, 16);
    memcpy(seat->key, c.key, 32);
    w->n_seats++;
    return CLI_OK;
}

static int build(struct work *w, const struct wanted *o, size_t *len) {
    char store[CLI_CA_PATH];
    const struct hkp_dsm_genesis *genesis = &w->officer.ca.genesis;
    int code = cli_ca_path(store, o->node, "store");
    if (code != CLI_OK) return code;
    hkp_status st = hkp_dsm_store_seats(store, genesis, w->seats, HKP_DSM_MEMBERS_MAX, &w->n_seats);
    if (st != HKP_OK)
        return cli_ca_told(store, st,
                           "is no store of this mesh that holds a final checkpoint with its proof");
    for (size_t i = 0; code == CLI_OK && i < o->n_without; i++) code = take_out(w, o->without[i]);
    for (size_t i = 0; code == CLI_OK && i < o->n_with; i++) code = put_in(w, o->with[i]);
    if (code != CLI_OK) return code;
    if (w->n_seats == 0) return cli_fail(CLI_NO, "nobody is left");
    qsort(w->seats, w->n_seats, sizeof w->seats[0], by_node_id);
    st = hkp_dsm_store_restart(store, genesis, w->seats, w->n_seats, w->body, sizeof w->body, len);
    return st == HKP_OK ? CLI_OK : cli_ca_told(store, st, "no RESTART can be made of it");
}

static int make(struct work *w, const struct wanted *o) {
    struct hkp_dsm_matter m = {.struct_size = sizeof m, .kind = HKP_DSM_KIND_RESTART, .body = {w->body, 0}};
    int code = cli_officer_open(&w->officer, o->dir, o->passphrase_file);
    if (code == CLI_OK) code = build(w, o, &m.body.len);
    if (code == CLI_OK) code = cli_officer_issue(&w->officer, &m, o->json, o->yes, o->out, &w->told);
    cli_officer_close(&w->officer);
    if (w->told != NULL) cli_ca_tell(w->told, o->json);
    return code;
}

static int take_node(struct wanted *o, const char *text) {
    size_t len = 0;
    if (o->n_without == NAMED_MAX) return cli_fail(CLI_USAGE, "--without: at most 200");
    return strlen(text) == 32 &&
                   sodium_hex2bin(o->without[o->n_without++], 16, text, 32, NULL, &len, NULL) == 0 &&
                   len == 16
               ? CLI_OK
               : cli_fail(CLI_USAGE, "--without: 32 hex digits");
}

static int ca_restart(int argc, char **argv) {
    static const struct option own[] = {
        {"dir", required_argument, NULL, 'd'},  {"passphrase-file", required_argument, NULL, 'p'},
        {"node", required_argument, NULL, 'n'}, {"without", required_argument, NULL, 'w'},
        {"with", required_argument, NULL, 'W'}, {"out", required_argument, NULL, 'o'},
        {"yes", no_argument, NULL, 'y'},        {NULL, 0, NULL, 0}};
    static struct work w;
    static struct wanted o;
    int code = CLI_OK, got;
    while (code == CLI_OK && (got = cli_option(&cli_ca_restart, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'd') o.dir = optarg;
        if (got == 'p') o.passphrase_file = optarg;
        if (got == 'n') o.node = optarg;
        if (got == 'o') o.out = optarg;
        if (got == 'y') o.yes = 1;
        if (got == 'j') o.json = 1;
        if (got == 'w') code = take_node(&o, optarg);
        if (got == 'W' && o.n_with == NAMED_MAX) return cli_fail(CLI_USAGE, "--with: at most 200");
        if (got == 'W') o.with[o.n_with++] = optarg;
    }
    if (code != CLI_OK) return code;
    if (o.dir == NULL || o.out == NULL || o.node == NULL || optind != argc)
        return cli_fail(CLI_USAGE, "ca restart wants --dir DIR, --node DIR and --out FILE");
    return make(&w, &o);
}

const struct cli_command cli_ca_restart = {
    .name = "ca restart",
    .summary = "say with whom the chain goes on after too many members were lost",
    .help =
        "usage: hookprobe ca restart --dir DIR --node DIR --out FILE [--without ID]... [--with FILE]...\n"
        "                            [--yes] [--json]\n\n"
        "The way out when so many members are lost, or lost their log of promises, that no quorum is left.\n"
        "Makes a RESTART from the newest final checkpoint of a node that goes on, the one of all that are\n"
        "left that has most; the other officers sign it with \"ca sign\". Each operator then applies it "
        "with\n"
        "\"restart apply\". Be sure that who is left out does not come back as a majority: two halves would\n"
        "both go on.\n\n"
        "  --node DIR    folder of the node, which may be running\n"
        "  --without ID  a member that is lost; 32 hex digits\n"
        "  --with FILE   certificate of a node that gets a seat\n"
        "  --yes         do not ask\n"
        "  --json        the result as one JSON object\n",
    .run = ca_restart,
};
