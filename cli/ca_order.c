/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca order: what only officers together may want of all nodes, with this officer's signature
 * (D-AUD-6). */
#include "work.h"

#include <stdio.h>
#include <string.h>

enum { DAY = 86400 };

struct wanted {
    const char *dir, *passphrase_file, *out, *workload, *bytes;
    uint64_t scope, number, days, reset_scope, reset_version;
    int json, yes, withdraw, resets;
};

struct work {
    struct cli_officer officer;
    struct hkp_dsm_order order;
    uint8_t says[HKP_DSM_ORDER_BODY_MAX], body[HKP_DSM_ORDER_BODY_MAX];
    json_t *told;
};

static const char *const scopes[] = {"workload", "vpn", "measurement", "stealth", "reset"};

static void be32(uint8_t *dst, uint64_t v) {
    for (int i = 0; i < 4; i++) dst[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int says(struct work *w, const struct wanted *o) {
    struct hkp_dsm_envelope e;
    size_t len = 0;
    int code = CLI_OK;
    w->order.bytes.ptr = w->says;
    if (o->scope == HKP_DSM_ORDER_RESET) {
        be32(w->says, o->reset_scope);
        be32(w->says + 4, o->reset_version);
        w->order.bytes.len = 8;
    } else if (o->scope == HKP_DSM_ORDER_WORKLOAD) {
        uint8_t bytes[CLI_WORK_MAX];
        code = cli_ca_read(o->workload, bytes, sizeof bytes, &len);
        if (code != CLI_OK) return code;
        if (hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_WORKLOAD, &e) != HKP_OK)
            return cli_fail(CLI_DAMAGED, "%s: is no workload", o->workload);
        hkp_dsm_object_id(w->says, w->officer.ca.genesis.chain_id, HKP_DSM_KIND_WORKLOAD, e.signer,
                          e.body.ptr, e.body.len);
        w->order.bytes.len = 32;
    } else
        code = cli_ca_read(o->bytes, w->says, sizeof w->says, &w->order.bytes.len);
    return code;
}

/* Above what this officer promised; where it does not know of others', --number says it. */
static uint64_t next_number(const struct work *w, uint64_t scope) {
    struct hkp_dsm_promise p;
    uint8_t subject[16] = {0};
    be32(subject + 12, scope);
    return hkp_dsm_record_find(&w->officer.record, HKP_DSM_KIND_ORDER, subject, &p) == HKP_OK ? p.number + 1
                                                                                              : 1;
}

static int make(struct work *w, const struct wanted *o) {
    struct hkp_dsm_matter m = {.struct_size = sizeof m, .kind = HKP_DSM_KIND_ORDER, .body = {w->body, 0}};
    const uint64_t now = cli_wall() / 1000000;
    int code = cli_officer_open(&w->officer, o->dir, o->passphrase_file);
    if (code == CLI_OK) code = says(w, o);
    if (code == CLI_OK) {
        w->order.scope = o->scope;
        w->order.number = o->number != 0 ? o->number : next_number(w, o->scope);
        w->order.has_not_after = o->withdraw || o->days != 0;
        w->order.not_after_s = o->withdraw ? now - 1 : now + o->days * DAY;
        const hkp_status st = hkp_dsm_order_build(&w->order, w->body, sizeof w->body, &m.body.len);
        if (st != HKP_OK) code = cli_ca_told(o->out, st, "no order can be made of it");
    }
    if (code == CLI_OK) code = cli_officer_issue(&w->officer, &m, o->json, o->yes, o->out, &w->told);
    cli_officer_close(&w->officer);
    if (w->told != NULL) json_object_set_new(w->told, "number", json_integer((json_int_t)w->order.number));
    if (w->told != NULL) cli_ca_tell(w->told, o->json);
    return code;
}

static int take(struct wanted *o, int got) {
    if (got == 'd') o->dir = optarg;
    if (got == 'p') o->passphrase_file = optarg;
    if (got == 'o') o->out = optarg;
    if (got == 'w') o->workload = optarg;
    if (got == 'b') o->bytes = optarg;
    if (got == 'y') o->yes = 1;
    if (got == 'j') o->json = 1;
    if (got == 'W') o->withdraw = 1;
    if (got == 'R' || got == 'X') o->resets |= got == 'R' ? 1 : 2;
    if (got == 'S') {
        for (uint64_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
            if (strcmp(optarg, scopes[i]) == 0) o->scope = i + 1;
        if (o->scope == 0)
            return cli_fail(CLI_USAGE, "--scope: workload, vpn, measurement, stealth or reset");
    }
    if (got == 'N' && cli_number(optarg, 1, UINT64_MAX - 1, &o->number) != 0)
        return cli_fail(CLI_USAGE, "--number: a number from 1 on");
    if (got == 'D' && cli_number(optarg, 1, 3650, &o->days) != 0)
        return cli_fail(CLI_USAGE, "--days: 1..3650");
    if (got == 'R' && cli_number(optarg, HKP_DSM_POLICY_SCOPE_MIN, UINT32_MAX, &o->reset_scope) != 0)
        return cli_fail(CLI_USAGE, "--policy-scope: a number from 6 on");
    if (got == 'X' && cli_number(optarg, 0, UINT32_MAX, &o->reset_version) != 0)
        return cli_fail(CLI_USAGE, "--policy-version: a number");
    return got == '?' ? CLI_USAGE : CLI_OK;
}

/* Exactly what the scope is about. */
static int check(const struct wanted *o) {
    const int workload = o->scope == HKP_DSM_ORDER_WORKLOAD, reset = o->scope == HKP_DSM_ORDER_RESET;
    if (o->dir == NULL || o->out == NULL || o->scope == 0)
        return cli_fail(CLI_USAGE, "ca order wants --dir DIR, --out FILE and --scope");
    if ((o->workload != NULL) != workload || (o->resets == 3) != reset || (o->resets != 0 && !reset) ||
        (o->bytes != NULL) != (!workload && !reset))
        return cli_fail(CLI_USAGE, "scope workload wants --workload FILE, reset wants --policy-scope and "
                                   "--policy-version, others want --bytes FILE");
    return o->withdraw && o->days != 0 ? cli_fail(CLI_USAGE, "--withdraw or --days") : CLI_OK;
}

static int ca_order(int argc, char **argv) {
    static const struct option own[] = {{"dir", required_argument, NULL, 'd'},
                                        {"passphrase-file", required_argument, NULL, 'p'},
                                        {"out", required_argument, NULL, 'o'},
                                        {"scope", required_argument, NULL, 'S'},
                                        {"number", required_argument, NULL, 'N'},
                                        {"workload", required_argument, NULL, 'w'},
                                        {"bytes", required_argument, NULL, 'b'},
                                        {"policy-scope", required_argument, NULL, 'R'},
                                        {"policy-version", required_argument, NULL, 'X'},
                                        {"days", required_argument, NULL, 'D'},
                                        {"withdraw", no_argument, NULL, 'W'},
                                        {"yes", no_argument, NULL, 'y'},
                                        {NULL, 0, NULL, 0}};
    static struct work w;
    static struct wanted o;
    int code = CLI_OK, got;
    while (code == CLI_OK && (got = cli_option(&cli_ca_order, argc, argv, own)) != -1) code = take(&o, got);
    if (code == CLI_OK && optind != argc) code = cli_fail(CLI_USAGE, "ca order wants no argument");
    if (code == CLI_OK) code = check(&o);
    return code == CLI_OK ? make(&w, &o) : code;
}

const struct cli_command cli_ca_order = {
    .name = "ca order",
    .summary = "order what no operator may alone, and sign it as an officer",
    .help =
        "usage: hookprobe ca order --dir DIR --out FILE --scope workload --workload FILE [--days N | "
        "--withdraw]\n"
        "       hookprobe ca order --dir DIR --out FILE --scope vpn|measurement|stealth --bytes FILE [...]\n"
        "       hookprobe ca order --dir DIR --out FILE --scope reset --policy-scope N --policy-version N\n"
        "                          [--number N] [--passphrase-file FILE] [--yes] [--json]\n\n"
        "The other officers sign it with \"ca sign\"; complete, it is handed to a running node with \"node\n"
        "submit\". A workload starts nowhere without one; a reset ends the policy in force of that scope, "
        "and\n"
        "its versions count from this one again.\n\n"
        "  --number N   above all orders of the scope; default: above what this officer signed\n"
        "  --days N     until it ends; default: never. --withdraw: it has ended, and what it named with it\n"
        "  --yes        do not ask\n"
        "  --json       the result as one JSON object\n",
    .run = ca_order,
};
