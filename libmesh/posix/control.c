/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The control socket: JSON lines over a Unix socket of mode 0600. A request is one object with "op":
 *
 *     {"op":"status"}
 *     {"op":"lookup","type":"ip4","value":"192.0.2.1","proof":true}
 *     {"op":"list","cursor":0,"limit":100}
 *     {"op":"report","type":"ip4","value":"...","threat":4,"severity":2,"confidence":80,"ttl_s":86400}
 *     {"op":"trust_release","node_id":"first 8 to 32 hex digits"}
 *     {"op":"policy_apply","manifest":"/path","rebase":"/path"}                          runner_policy.c
 *     {"op":"submit","file":"/path"}                                                     runner_submit.c
 *     {"op":"ask","what":"head","key":"hex","peers":true}       also list, certificate, officers, members ...
 *     {"op":"send","node_id":"hex","file":"/path"}
 *     {"op":"retire","node_id":"hex"}, {"op":"tombstone","type":"ip4","value":"..."}
 *     {"op":"work"}                    and workload_start, workload_ended                runner_work.c
 *     {"op":"restart_apply","restart":"/path"}                                           runner_restart.c
 *
 * An answer is one object with "ok"; false has "error". Requests of one client are answered in order.
 */
#include "libmesh/posix/runner.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Replies ---- */

json_t *hkp_mesh__hex(const uint8_t *bytes, size_t len) {
    char *text = malloc(2 * len + 1);
    json_t *s = text != NULL ? json_string(sodium_bin2hex(text, 2 * len + 1, bytes, len)) : NULL;
    free(text);
    return s;
}

void hkp_mesh__reply(struct hkp_mesh__client *c, json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    size_t len = text != NULL ? strlen(text) : 0;
    if (text == NULL || c->out_len + len + 1 > HKP_MESH__REPLY_MAX) {
        free(text);
        close(c->fd); /* a client that does not read what it asked for */
        c->fd = -1;
        return;
    }
    char *grown = realloc(c->out, c->out_len + len + 1);
    if (grown != NULL) {
        c->out = grown;
        memcpy(c->out + c->out_len, text, len);
        c->out[c->out_len + len] = '\n';
        c->out_len += len + 1;
    }
    free(text);
}

void hkp_mesh__refuse(struct hkp_mesh__client *c, const char *why) {
    hkp_mesh__reply(c, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

static void request(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *line, size_t len) {
    json_error_t error;
    json_t *req = json_loadb(line, len, 0, &error);
    const char *op = json_string_value(json_object_get(req, "op"));
    if (op == NULL)
        hkp_mesh__refuse(c, "a request is a JSON object with \"op\"");
    else if (strcmp(op, "status") == 0)
        hkp_mesh__op_status(r, c);
    else if (strcmp(op, "telemetry") == 0)
        hkp_mesh__op_telemetry(r, c);
    else if (strcmp(op, "lookup") == 0)
        hkp_mesh__op_lookup(r, c, req);
    else if (strcmp(op, "list") == 0)
        hkp_mesh__op_list(r, c, req);
    else if (strcmp(op, "report") == 0)
        hkp_mesh__op_report(r, c, req);
    else if (strcmp(op, "trust_release") == 0)
        hkp_mesh__op_trust_release(r, c, req);
    else if (strcmp(op, "policy_apply") == 0)
        hkp_mesh__policy_apply(r, c, json_string_value(json_object_get(req, "manifest")),
                               json_string_value(json_object_get(req, "rebase")));
    else if (strcmp(op, "submit") == 0)
        hkp_mesh__submit_file(r, c, json_string_value(json_object_get(req, "file")));
    else if (strcmp(op, "ask") == 0)
        hkp_mesh__op_ask(r, c, req);
    else if (strcmp(op, "send") == 0)
        hkp_mesh__op_send(r, c, req);
    else if (strcmp(op, "retire") == 0)
        hkp_mesh__op_retire(r, c, req);
    else if (strcmp(op, "tombstone") == 0)
        hkp_mesh__op_tombstone(r, c, req);
    else if (strcmp(op, "restart_apply") == 0)
        hkp_mesh__restart_apply(r, c, json_string_value(json_object_get(req, "restart")));
    else if (!hkp_mesh__work_request(r, c, op, req))
        hkp_mesh__refuse(c, "unknown op");
    json_decref(req);
}

/* ---- The socket ---- */

hkp_status hkp_mesh__control_open(struct hkp_mesh_runner *r, const char *path, struct hkp_mesh_fault *fault) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return hkp_mesh__fault(fault, HKP_E_INVAL, path, "the path of a Unix socket has at most 107 bytes",
                               UINT64_MAX);
    memcpy(a.sun_path, path, strlen(path) + 1);
    snprintf(r->control_path, sizeof r->control_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The folder's lock is ours: a socket that is there was left by a crash. Anything else is not ours. */
    struct stat there;
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) (void)unlink(path);
    mode_t old = umask(0177);
    int bad = fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0;
    umask(old);
    if (bad) {
        hkp_status st = hkp_mesh__fault(fault, HKP_E_IO, path, strerror(errno), UINT64_MAX);
        if (fd >= 0) close(fd);
        r->control_path[0] = 0;
        return st;
    }
    r->control_fd = fd;
    return HKP_OK;
}

static void client_close(struct hkp_mesh__client *c) {
    if (c->fd >= 0) close(c->fd);
    json_decref(c->reply);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

void hkp_mesh__control_accept(struct hkp_mesh_runner *r) {
    int fd = accept4(r->control_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++)
        if (r->clients[i].fd < 0) {
            client_close(&r->clients[i]);
            r->clients[i].fd = fd;
            return;
        }
    close(fd); /* HKP_MESH__CLIENTS_MAX are served */
}

/* One request after the other: the next is read when the answer of the one before is complete. */
static void take_lines(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    char *end;
    while (c->fd >= 0 && c->reply == NULL && (end = memchr(c->in, '\n', c->in_len)) != NULL) {
        size_t len = (size_t)(end - c->in);
        request(r, c, c->in, len);
        memmove(c->in, end + 1, c->in_len - len - 1);
        c->in_len -= len + 1;
    }
}

void hkp_mesh__control_serve(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, int readable) {
    if (readable && c->ended) { /* not only its end: it is gone */
        client_close(c);
        return;
    }
    if (readable && c->in_len < sizeof c->in) {
        ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            client_close(c);
            return;
        }
        if (n > 0) c->in_len += (size_t)n;
        c->ended = n == 0;
    }
    take_lines(r, c);
    if (c->fd >= 0 && c->reply == NULL && c->in_len == sizeof c->in &&
        memchr(c->in, '\n', c->in_len) == NULL) {
        client_close(c); /* longer than any request */
        return;
    }
    while (c->fd >= 0 && c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            client_close(c);
            return;
        }
        c->out_sent += (size_t)n;
    }
    c->out_len = c->out_sent = 0;
    if (c->fd < 0 || (c->ended && c->reply == NULL)) client_close(c);
}

void hkp_mesh__control_close(struct hkp_mesh_runner *r) {
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) client_close(&r->clients[i]);
    if (r->control_fd >= 0) close(r->control_fd);
    if (r->control_path[0] != 0) (void)unlink(r->control_path);
}
