/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A signed policy, handed to a running node. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The node measures all that the manifest lists before it answers. */
#define WAIT_MS 120000U

static int hand_over(const struct cli_node *node, const char *manifest, const char *rebase, int json) {
    int code = CLI_OK;
    json_t *request =
        json_pack("{s:s,s:s,s:s}", "op", "policy_apply", "manifest", manifest, "rebase", rebase);
    if (request == NULL) return cli_fail(CLI_USAGE, "the path of a file is not UTF-8");
    json_t *answer = cli_ask_for(node, request, WAIT_MS, &code);
    if (answer == NULL) return code;
    if (json)
        cli_print_json(json_incref(answer), 0);
    else
        printf("policy %lld is in force from TER %lld on\n",
               (long long)json_integer_value(json_object_get(answer, "policy_ver")),
               (long long)json_integer_value(json_object_get(answer, "index")));
    json_decref(answer);
    return CLI_OK;
}

static int apply(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS,
                                        {"manifest", required_argument, NULL, 'm'},
                                        {"rebase", required_argument, NULL, 'r'},
                                        {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    const char *named[2] = {NULL, NULL};
    char *files[2] = {NULL, NULL};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_policy_apply, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (cli_node_option(&node, got)) continue;
        if (got == 'm') named[0] = optarg;
        if (got == 'r') named[1] = optarg;
        if (got == 'j') json = 1;
    }
    if (optind != argc || named[0] == NULL || named[1] == NULL)
        return cli_fail(CLI_USAGE, "policy apply wants --manifest FILE and --rebase FILE");
    for (int i = 0; code == CLI_OK && i < 2; i++) {
        files[i] = realpath(named[i], NULL); /* the node has a folder of its own */
        if (files[i] == NULL) code = cli_fail(CLI_SYSTEM, "%s: %s", named[i], strerror(errno));
    }
    if (code == CLI_OK) code = hand_over(&node, files[0], files[1], json);
    free(files[0]);
    free(files[1]);
    return code;
}

const struct cli_command cli_policy_apply = {
    .name = "policy apply",
    .summary = "put a signed manifest and its reference in force",
    .help =
        "usage: hookprobe policy apply --manifest FILE --rebase FILE [--config FILE | --control PATH] "
        "[--json]\n\n"
        "Both files are those of hookprobe ter manifest sign --rebase. The node reads them, measures by the\n"
        "new manifest and goes on only if it is as the rebase says; else nothing changes.\n\n"
        "  --manifest FILE  MAN1, signed by the policy key of the mesh, for this node\n"
        "  --rebase FILE    RBA1 of the same policy_ver\n" CLI_NODE_HELP
        "  --json           the answer as one JSON object\n",
    .run = apply,
};
