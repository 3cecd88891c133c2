/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "client.h"

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (8U << 20)
#define WAIT_MS 10000U

int cli_node_option(struct cli_node *node, int got) {
    if (got == 'c')
        node->config = optarg;
    else if (got == 's')
        node->control = optarg;
    else
        return 0;
    return 1;
}

int cli_node_path(const struct cli_node *node, char path[108]) {
    char error[512];
    if (node->control != NULL) {
        if (strlen(node->control) > 107) return cli_fail(CLI_USAGE, "--control: longer than 107 bytes");
        strcpy(path, node->control);
        return CLI_OK;
    }
    if (node->config == NULL) return cli_fail(CLI_USAGE, "which node? say --config FILE or --control PATH");
    struct cli_config *config = cli_config_load(node->config, error);
    if (config == NULL) return cli_fail(CLI_USAGE, "%s", error);
    const int bad = cli_config_control(config, path, 108);
    cli_config_free(config);
    return bad ? cli_fail(CLI_USAGE, "%s: the path of the control socket is longer than 107 bytes",
                          node->config)
               : CLI_OK;
}

static int connect_to(const char *path, char error[256]) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0) return fd;
    snprintf(error, 256, "%s: %s", path,
             errno == ENOENT || errno == ECONNREFUSED ? "no node is running here" : strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

/* A whole line within the deadline; malloc, NULL if it does not come. */
static char *read_line(int fd, hkp_time deadline, char error[256]) {
    size_t len = 0, cap = 65536;
    char *line = malloc(cap);
    snprintf(error, 256, "the node does not answer");
    while (line != NULL) {
        const hkp_time now = cli_mono();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= deadline || poll(&p, 1, (int)((deadline - now) / 1000000U + 1U)) <= 0) break;
        const ssize_t n = read(fd, line + len, cap - len - 1);
        if (n <= 0) break;
        len += (size_t)n;
        line[len] = 0;
        char *end = memchr(line, '\n', len);
        if (end != NULL) {
            *end = 0;
            return line;
        }
        if (len + 1 < cap) continue;
        char *more = cap < ANSWER_MAX ? realloc(line, cap *= 2) : NULL;
        if (more == NULL) break;
        line = more;
    }
    free(line);
    return NULL;
}

json_t *cli_ask_path(const char *path, json_t *request, unsigned wait_ms, char error[256]) {
    char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
    json_t *answer = NULL;
    json_decref(request);
    const int fd = text != NULL ? connect_to(path, error) : -1;
    if (fd >= 0) {
        const size_t len = strlen(text);
        text[len] = '\n'; /* in place of its end: the length is known */
        if (send(fd, text, len + 1, MSG_NOSIGNAL) == (ssize_t)(len + 1))
            line = read_line(fd, cli_mono() + (hkp_time)wait_ms * 1000000U, error);
        else
            snprintf(error, 256, "%s: %s", path, strerror(errno));
        close(fd);
    }
    if (line != NULL && (answer = json_loads(line, 0, NULL)) == NULL)
        snprintf(error, 256, "the answer is no JSON");
    free(line);
    free(text);
    return answer;
}

json_t *cli_ask_for(const struct cli_node *node, json_t *request, unsigned wait_ms, int *code) {
    char path[108], error[256];
    *code = cli_node_path(node, path);
    if (*code != CLI_OK) {
        json_decref(request);
        return NULL;
    }
    json_t *answer = cli_ask_path(path, request, wait_ms, error);
    if (answer == NULL) {
        *code = cli_fail(CLI_SYSTEM, "%s", error);
    } else if (!json_is_true(json_object_get(answer, "ok"))) {
        const char *why = json_string_value(json_object_get(answer, "error"));
        *code = cli_fail(CLI_USAGE, "the node refuses: %s", why != NULL ? why : "?");
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

json_t *cli_ask(const struct cli_node *node, json_t *request, int *code) {
    return cli_ask_for(node, request, WAIT_MS, code);
}
