/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe restart: a RESTART that officers signed is looked at, and applied by an operator's command. */
#include "ca.h"
#include "client.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The checks of D-EPO-6 against the folder of a node. */
static int look(struct cli_ca *ca, const char *node, const char *file, int json) {
    static uint8_t bytes[CLI_CA_FILE_MAX];
    static struct hkp_dsm_restart r = {.struct_size = sizeof r};
    char store[CLI_CA_PATH], text[65];
    size_t len = 0;
    int code = cli_ca_path(store, node, "store");
    if (code == CLI_OK) code = cli_ca_read(file, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_store_restart_check(store, &ca->genesis, bytes, len, &ca->officers, &r);
    if (st == HKP_E_DSM_STALE)
        return cli_fail(CLI_NO, "%s: the node has gone beyond it (%s)", file, cli_status_name(st));
    if (st == HKP_E_DSM_EPOCH)
        return cli_fail(CLI_NO, "%s: the node has not come to its epoch yet (%s)", file, cli_status_name(st));
    if (st == HKP_E_NOTFOUND) return cli_fail(CLI_NO, "%s: nothing is final there", store);
    if (st != HKP_OK) return cli_ca_told(file, st, "is refused");
    sodium_bin2hex(text, sizeof text, r.genesis, 32);
    json_t *o = json_pack("{s:b,s:I,s:I,s:I,s:s}", "ok", 1, "epoch", (json_int_t)r.epoch + 2, "height",
                          (json_int_t)r.next_height, "members", (json_int_t)r.n_seats, "genesis", text);
    cli_ca_tell(o, json);
    return CLI_OK;
}

static int run_check(int argc, char **argv) {
    static const struct option own[] = {
        {"node", required_argument, NULL, 'n'}, {"set", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    static struct cli_ca ca;
    const char *node = NULL;
    char genesis[CLI_CA_PATH];
    int json = 0, code = CLI_OK, got;
    while (code == CLI_OK && (got = cli_option(&cli_restart_check, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') json = 1;
        if (got == 'n') {
            node = optarg;
            code = cli_ca_path(genesis, node, "genesis");
            if (code == CLI_OK) code = cli_ca_genesis(&ca, genesis);
        }
        if (got == 's')
            code = ca.n_sets > 0 ? cli_ca_set(&ca, optarg) : cli_fail(CLI_USAGE, "--set comes behind --node");
    }
    if (code != CLI_OK) return code;
    if (node == NULL || argc - optind != 1)
        return cli_fail(CLI_USAGE, "restart check wants --node DIR and a FILE");
    return look(&ca, node, argv[optind], json);
}

const struct cli_command cli_restart_check = {
    .name = "restart check",
    .summary = "would a node take this RESTART?",
    .help = "usage: hookprobe restart check --node DIR [--set FILE]... FILE [--json]\n\n"
            "Officers' signatures, the final checkpoint that FILE names with its proof, and whether the node "
            "has\n"
            "gone beyond it. Changes nothing.\n\n"
            "  --node DIR  folder of the node, which may be running\n"
            "  --set FILE  each set of officers that followed the genesis, in order\n"
            "  --json      the answer as one JSON object\n",
    .run = run_check,
};

/* ---- apply ---- */

static int hand_over(const struct cli_node *node, const char *path, int json) {
    int code = CLI_OK;
    json_t *request = json_pack("{s:s,s:s}", "op", "restart_apply", "restart", path);
    if (request == NULL) return cli_fail(CLI_USAGE, "the path of a file is not UTF-8");
    json_t *answer = cli_ask(node, request, &code);
    if (answer == NULL) return code;
    const int waits = json_is_true(json_object_get(answer, "waits"));
    if (json)
        cli_print_json(json_incref(answer), 0);
    else if (waits)
        printf("taken; the node fetches what it lacks before it leaves epoch %lld\n",
               (long long)json_integer_value(json_object_get(answer, "epoch")));
    else
        printf("epoch %lld has begun\n", (long long)json_integer_value(json_object_get(answer, "epoch")));
    json_decref(answer);
    return CLI_OK;
}

static int run_apply(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, got;
    while ((got = cli_option(&cli_restart_apply, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (cli_node_option(&node, got)) continue;
        if (got == 'j') json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "restart apply wants a FILE");
    char *path = realpath(argv[optind], NULL); /* the node has a folder of its own */
    if (path == NULL) return cli_fail(CLI_SYSTEM, "%s: %s", argv[optind], strerror(errno));
    const int code = hand_over(&node, path, json);
    free(path);
    return code;
}

const struct cli_command cli_restart_apply = {
    .name = "restart apply",
    .summary = "leave an epoch whose members are lost, as officers signed it",
    .help =
        "usage: hookprobe restart apply FILE [--config FILE | --control PATH] [--json]\n\n"
        "The node promises nothing more in the epoch that FILE leaves, and goes on with the members that it\n"
        "names, once it holds the checkpoint that it names. Every operator who goes on does this; look at\n"
        "FILE with \"ca show\" and \"restart check\" first. It cannot be taken back.\n\n" CLI_NODE_HELP
        "  --json         the answer as one JSON object\n",
    .run = run_apply,
};
