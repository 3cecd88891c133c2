/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The control socket of a running node: one request, one answer, a JSON object a line each. */
#ifndef HKP_CLI_CLIENT_H
#define HKP_CLI_CLIENT_H

#include "cli.h"

/** Options that say which node is asked; append CLI_NODE_OPTIONS to a command's own. */
struct cli_node {
    const char *config;
    const char *control;
};
#define CLI_NODE_OPTIONS                                                                                     \
    {"config", required_argument, NULL, 'c'}, { "control", required_argument, NULL, 's' }
#define CLI_NODE_HELP                                                                                        \
    "  --config FILE  configuration of the node that is asked\n"                                             \
    "  --control PATH its control socket, instead of --config\n"

/** Takes an option of CLI_NODE_OPTIONS; 1 if it was one. */
int cli_node_option(struct cli_node *node, int got);

/** Path of the control socket, or an exit code after telling why not. */
int cli_node_path(const struct cli_node *node, char path[108]);

/**
 * Asks and waits at most so long; releases the request. NULL if there is no answer: error[256] says why.
 * An answer with "ok": false is returned as it is.
 */
json_t *cli_ask_path(const char *path, json_t *request, unsigned wait_ms, char error[256]);

/** The same for a command: tells what is wrong; *code is the exit code when there is no answer or a refusal.
 */
json_t *cli_ask(const struct cli_node *node, json_t *request, int *code);

/** The same for what takes longer. */
json_t *cli_ask_for(const struct cli_node *node, json_t *request, unsigned wait_ms, int *code);

#endif
