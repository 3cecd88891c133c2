/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca revoke: the revocation list that follows, with this officer's signature (D-CA-6). */
#include "ca.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
    const char *dir, *passphrase_file, *list, *out;
    struct hkp_dsm_revocation new[64];
    size_t n_new;
    uint64_t hours;
    int json, yes;
};

struct work {
    struct cli_officer officer;
    struct cli_own_list own;
    struct hkp_dsm_revocation entries[HKP_DSM_REVOCATIONS_MAX];
    uint8_t body[HKP_DSM_REVOCATION_BODY_MAX];
    struct hkp_dsm_revocations list;
    json_t *told;
};

static int by_node_id(const void *a, const void *b) { return memcmp(a, b, 16); }

/* A node that is listed already is revoked further, never less. */
static int add(struct work *w, const struct hkp_dsm_revocation *e) {
    for (size_t i = 0; i < w->list.n_entries; i++) {
        struct hkp_dsm_revocation *old = &w->entries[i];
        if (memcmp(old->node_id, e->node_id, 16) != 0) continue;
        if (e->serial <= old->serial)
            return cli_fail(CLI_NO, "this serial, or a higher one, is revoked already");
        *old = *e;
        return CLI_OK;
    }
    if (w->list.n_entries == HKP_DSM_REVOCATIONS_MAX) return cli_fail(CLI_NO, "the list is full");
    w->entries[w->list.n_entries++] = *e;
    return CLI_OK;
}

/* Behind the newest complete list, with a number above one that this officer promised and nobody completed.
 */
static void number(struct work *w) {
    static const uint8_t of_all[16];
    struct hkp_dsm_promise p;
    w->list.number = w->officer.held.number + 1;
    memcpy(w->list.previous, w->officer.held.id, 32);
    if (hkp_dsm_record_find(&w->officer.record, HKP_DSM_KIND_REVOCATION_LIST, of_all, &p) != HKP_OK ||
        p.number <= w->officer.held.number)
        return;
    w->list.number = p.number + 1;
    fprintf(
        stderr,
        "list %llu, which this officer signed, is not known here as complete: if it is, hand it over with "
        "--list, or the others refuse this one\n",
        (unsigned long long)p.number);
}

/* What this officer has revoked in a list that, as far as it knows, was never completed. */
static int add_own(struct work *w, uint64_t now) {
    struct hkp_dsm_revocation e;
    char text[33];
    int code = cli_own_list_read(&w->officer, &w->own);
    while (code == CLI_OK && cli_own_list_next(&w->own, now, &e)) {
        size_t i = 0;
        while (i < w->list.n_entries && memcmp(w->entries[i].node_id, e.node_id, 16) != 0) i++;
        if (i < w->list.n_entries && w->entries[i].serial >= e.serial) continue;
        fprintf(stderr, "taken over from list %llu, which this officer signed: node %s\n",
                (unsigned long long)w->own.number, sodium_bin2hex(text, sizeof text, e.node_id, 16));
        e.time_s = now;
        code = add(w, &e);
    }
    return code;
}

static int build(struct work *w, const struct wanted *o, size_t *len) {
    struct hkp_dsm_revocations held = w->officer.held;
    const uint64_t now = cli_wall() / 1000000;
    int code = CLI_OK;
    while (w->list.n_entries < HKP_DSM_REVOCATIONS_MAX &&
           hkp_dsm_revocations_next(&held, &w->entries[w->list.n_entries]) == HKP_OK)
        w->list.n_entries++;
    for (size_t i = 0; code == CLI_OK && i < o->n_new; i++) {
        struct hkp_dsm_revocation e = o->new[i];
        e.time_s = now;
        code = add(w, &e);
    }
    if (code == CLI_OK) code = add_own(w, now);
    if (code != CLI_OK) return code;
    qsort(w->entries, w->list.n_entries, sizeof w->entries[0], by_node_id);
    number(w);
    w->list.this_update_s = now;
    w->list.next_update_s = now + o->hours * 3600;
    const hkp_status st = hkp_dsm_revocations_build(&w->list, w->entries, w->body, sizeof w->body, len);
    return st == HKP_OK
               ? CLI_OK
               : cli_ca_told(o->out, st,
                             "reasons key-compromise and retired bar a node for good: give no --serial");
}

static int revoke(struct work *w, const struct wanted *o) {
    struct hkp_dsm_matter m = {
        .struct_size = sizeof m, .kind = HKP_DSM_KIND_REVOCATION_LIST, .body = {w->body, 0}};
    int code = cli_officer_open(&w->officer, o->dir, o->passphrase_file);
    if (code == CLI_OK && o->list != NULL) code = cli_officer_take_list(&w->officer, o->list);
    if (code == CLI_OK) code = build(w, o, &m.body.len);
    if (code == CLI_OK) code = cli_officer_issue(&w->officer, &m, o->json, o->yes, o->out, &w->told);
    cli_officer_close(&w->officer);
    if (w->told != NULL) json_object_set_new(w->told, "number", json_integer((json_int_t)w->list.number));
    if (w->told != NULL) cli_ca_tell(w->told, o->json);
    return code;
}

static int take_node(struct wanted *o, const char *text) {
    size_t len = 0;
    if (o->n_new == 64) return cli_fail(CLI_USAGE, "--node: at most 64 at once");
    struct hkp_dsm_revocation *e = &o->new[o->n_new++];
    e->serial = HKP_DSM_SERIAL_BARRED;
    return strlen(text) == 32 && sodium_hex2bin(e->node_id, 16, text, 32, NULL, &len, NULL) == 0 && len == 16
               ? CLI_OK
               : cli_fail(CLI_USAGE, "--node: 32 hex digits");
}

static int ca_revoke(int argc, char **argv) {
    static const struct option own[] = {
        {"dir", required_argument, NULL, 'd'},    {"passphrase-file", required_argument, NULL, 'p'},
        {"node", required_argument, NULL, 'n'},   {"serial", required_argument, NULL, 's'},
        {"reason", required_argument, NULL, 'r'}, {"hours", required_argument, NULL, 'H'},
        {"list", required_argument, NULL, 'l'},   {"out", required_argument, NULL, 'o'},
        {"yes", no_argument, NULL, 'y'},          {NULL, 0, NULL, 0}};
    static struct work w;
    static struct wanted o = {.hours = 24};
    int code = CLI_OK, got;
    while (code == CLI_OK && (got = cli_option(&cli_ca_revoke, argc, argv, own)) != -1) {
        struct hkp_dsm_revocation *last = o.n_new > 0 ? &o.new[o.n_new - 1] : NULL;
        if (got == '?') return CLI_USAGE;
        if (got == 'd') o.dir = optarg;
        if (got == 'p') o.passphrase_file = optarg;
        if (got == 'l') o.list = optarg;
        if (got == 'o') o.out = optarg;
        if (got == 'y') o.yes = 1;
        if (got == 'j') o.json = 1;
        if (got == 'n') code = take_node(&o, optarg);
        if ((got == 's' || got == 'r') && last == NULL)
            return cli_fail(CLI_USAGE, "--serial and --reason come behind their --node");
        if (got == 's' && cli_number(optarg, 1, UINT64_MAX - 1, &last->serial) != 0)
            return cli_fail(CLI_USAGE, "--serial: a number from 1 on");
        if (got == 'r' && cli_ca_reason(optarg, &last->reason) != 0)
            return cli_fail(CLI_USAGE, "--reason: unspecified, key-compromise, superseded, retired, fork, "
                                       "attestation, equivocation, "
                                       "policy, lost or hardware");
        if (got == 'H' && cli_number(optarg, 1, 24, &o.hours) != 0)
            return cli_fail(CLI_USAGE, "--hours: 1..24");
    }
    if (code != CLI_OK) return code;
    if (o.dir == NULL || o.out == NULL || optind != argc)
        return cli_fail(CLI_USAGE, "ca revoke wants --dir DIR and --out FILE, and no other argument");
    return revoke(&w, &o);
}

const struct cli_command cli_ca_revoke = {
    .name = "ca revoke",
    .summary = "make the revocation list that follows, and sign it as an officer",
    .help =
        "usage: hookprobe ca revoke --dir DIR --out FILE [--node ID [--serial N] [--reason R]]... [--hours "
        "N]\n"
        "                           [--list FILE] [--yes] [--json]\n\n"
        "Makes the list that follows the newest complete one: its entries, these nodes, and what this "
        "officer revoked in a\n"
        "list that nobody completed; the number of that one stays unused. Without a --node it says that "
        "nothing changed,\n"
        "which is due every day: nodes that have no current list open no sessions with roles. The other "
        "officers sign it\n"
        "with \"ca sign\".\n\n"
        "  --node ID     the node; it is barred for good, unless\n"
        "  --serial N    only its certificates up to this serial are revoked\n"
        "  --reason R    unspecified, key-compromise, superseded, retired, fork, attestation, equivocation,\n"
        "                policy, lost, hardware\n"
        "  --hours N     until the next list, 1..24; default 24\n"
        "  --list FILE   the newest complete list, if this folder may not have it\n"
        "  --yes         do not ask\n"
        "  --json        the result as one JSON object\n",
    .run = ca_revoke,
};
