/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What only an operator may decide about a peer. */
#include "client.h"

#include <stdio.h>

static int release(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_trust_release, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (!cli_node_option(&node, got) && got == 'j') json = 1;
    }
    if (optind + 1 != argc) return cli_fail(CLI_USAGE, "trust release wants one node_id");
    json_t *answer =
        cli_ask(&node, json_pack("{s:s,s:s}", "op", "trust_release", "node_id", argv[optind]), &code);
    if (answer == NULL) return code;
    if (json)
        cli_print_json(json_incref(answer), 0);
    else
        printf("%s is out of quarantine; a lost instance needs a raised neuro_gen besides\n",
               json_string_value(json_object_get(answer, "node_id")));
    json_decref(answer);
    return CLI_OK;
}

const struct cli_command cli_trust_release = {
    .name = "trust release",
    .summary = "end the quarantine of a peer",
    .help = "usage: hookprobe trust release NODE [--config FILE | --control PATH] [--json]\n\n"
            "  NODE           node_id of the peer, at least its first 8 hex digits\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = release,
};
