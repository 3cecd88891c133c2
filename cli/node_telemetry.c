/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What nodes tell of themselves, as a running node collected it. */
#include "client.h"

#include <stdio.h>

static void print(const json_t *answer) {
    size_t i;
    json_t *n, *value;
    const char *name;
    json_array_foreach(json_object_get(answer, "nodes"), i, n) {
        printf("%s%s  batch %lld, %lld missing, %lld s old\n",
               json_string_value(json_object_get(n, "node_id")),
               json_is_true(json_object_get(n, "own")) ? " (this node)" : "",
               (long long)json_integer_value(json_object_get(n, "batch")),
               (long long)json_integer_value(json_object_get(n, "missing")),
               (long long)json_integer_value(json_object_get(n, "age_s")));
        json_object_foreach(json_object_get(n, "values"), name, value)
            printf("  %-12s %g\n", name, json_number_value(value));
    }
}

static int run(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_node_telemetry, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (!cli_node_option(&node, got) && got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "node telemetry wants no argument: %s", argv[optind]);
    json_t *answer = cli_ask(&node, json_pack("{s:s}", "op", "telemetry"), &code);
    if (answer == NULL) return code;
    if (json)
        cli_print_json(json_incref(answer), 0);
    else
        print(answer);
    json_decref(answer);
    return CLI_OK;
}

const struct cli_command cli_node_telemetry = {
    .name = "node telemetry",
    .summary = "how this node and its peers say they stand",
    .help =
        "usage: hookprobe node telemetry [--config FILE | --control PATH] [--json]\n\n"
        "Each node tells once a minute, or as its configuration says (telemetry_s), in signed batches\n"
        "that follow each other; batches that never came are counted. Peers are heard once their sessions\n"
        "may carry it: after half an hour of good heartbeats.\n\n" CLI_NODE_HELP
        "  --json         the answer as one JSON object\n",
    .run = run,
};
