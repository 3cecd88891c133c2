/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Processes and folders of the demo. All of it stands in one temporary folder and goes with it. */
#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

int demo_interrupted(void) { return interrupted != 0; }

/* ---- folders ---- */

int demo_write(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    return CLI_OK;
}

/* nftw() takes no context of ours. */
static const char *copy_from, *copy_to;

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    char to[4096], bytes[65536];
    (void)at;
    if (snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from)) >= (int)sizeof to) return -1;
    if (type == FTW_D) return mkdir(to, 0700);
    if (!S_ISREG(st->st_mode)) return 0;
    const int in = open(path, O_RDONLY | O_CLOEXEC),
              out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = -1;
    while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n) n = -1;
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    return in < 0 && errno == ENOENT ? 0 : n == 0 ? 0 : -1; /* a file may go while we copy */
}

int demo_copy_folder(const char *from, const char *to) {
    copy_from = from;
    copy_to = to;
    return nftw(from, copy_one, 16, FTW_PHYS) == 0 ? CLI_OK
                                                   : cli_fail(CLI_SYSTEM, "%s: cannot be copied", from);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* ---- preparation ---- */

/* So many free UDP ports of loopback in a row, or -1. */
static int find_ports(int n) {
    const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int k = 0; k < 200; k++) {
        const int base = 20000 + (int)(((unsigned)getpid() * 37U + (unsigned)k * 16U) % 10000U);
        int free_ports = 0;
        for (; free_ports < n; free_ports++) {
            struct sockaddr_in a = loopback;
            a.sin_port = htons((uint16_t)(base + free_ports));
            const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            const int bad = fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0;
            if (fd >= 0) close(fd);
            if (bad) break;
        }
        if (free_ports == n) return base;
    }
    return -1;
}

static void name_process(struct demo *d, int i, const char *name) {
    struct demo_process *p = &d->p[i];
    char root[sizeof d->root];
    memcpy(root, d->root, sizeof root);
    snprintf(p->config, sizeof p->config, "%s/%s.yaml", root, name);
    snprintf(p->dir, sizeof p->dir, "%s/%s", root, name);
    snprintf(p->log, sizeof p->log, "%s/%s.log", root, name);
    snprintf(p->control, sizeof p->control, "%s/%s/control.sock", root, name);
}

static void name_id(struct demo_process *p, const uint8_t id[16]) {
    for (int i = 0; i < 16; i++) snprintf(p->node_id + 2 * i, 3, "%02x", id[i]);
}

/* The nodes of the mesh, each with a file of its own to measure; and one more with a certificate, but never
 * enrolled. */
static int make_mesh(struct demo *d, const char *eve, char listen[64]) {
    static const char *measured[DEMO_STRANGER + 1];
    char name[16];
    d->mesh = (struct cli_mesh){
        .dir = d->root,
        .name = "demo",
        .listen = listen,
        .eve = eve,
        .n = DEMO_STRANGER + 1,
        .days = 1,
        .clock_trusted = 1,
        .extra = "timing:\n  ter_period_ms: 1000\n  ter_batch_ms: 200\n  checkpoint_ms: 100\n"
                 "  delay_ms: 50\n  commit_every: 4\n  heartbeat_s: 1\n"};
    for (int i = 0; i <= DEMO_STRANGER; i++) {
        snprintf(name, sizeof name, "node%d", i + 1);
        name_process(d, i, name);
        snprintf(d->p[i].measured, sizeof d->p[i].measured, "%s/node%d.measured", d->root, i + 1);
        const int code = demo_write(d->p[i].measured, "the file as it was when the node was provisioned\n");
        if (code != CLI_OK) return code;
        measured[i] = d->p[i].measured;
        d->mesh.nodes[i] = (struct hkp_mesh_provision_node){.group = (uint32_t)i + 1,
                                                            .n_measured = 1,
                                                            .measured = &measured[i],
                                                            .outsider = i == DEMO_STRANGER};
    }
    const int code = cli_mesh_make(&d->mesh);
    for (int i = 0; i <= DEMO_STRANGER; i++) name_id(&d->p[i], d->mesh.nodes[i].node_id);
    return code;
}

/* The last node once more, with a copy of its folder that is made later. */
static int make_replay(struct demo *d) {
    char listen[64];
    name_process(d, DEMO_REPLAY, "replay");
    memcpy(d->p[DEMO_REPLAY].node_id, d->p[DEMO_NODES - 1].node_id, sizeof d->p[0].node_id);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", d->port + DEMO_REPLAY);
    const struct cli_member self = {.config = d->p[DEMO_REPLAY].config,
                                    .data_dir = d->p[DEMO_REPLAY].dir,
                                    .listen = listen,
                                    .index = DEMO_NODES - 1};
    return cli_mesh_config(&d->mesh, &self);
}

int demo_prepare_second(struct demo *d, uint32_t age_s) {
    static char listen[64], folder[96];
    char name[32];
    snprintf(folder, sizeof folder, "%s/liar%u", d->root, age_s);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", d->port + DEMO_SECOND);
    d->second = (struct cli_mesh){.dir = folder,
                                  .name = "demo with a liar",
                                  .listen = listen,
                                  .n = DEMO_NODES,
                                  .days = 1,
                                  .age_s = age_s,
                                  .clock_trusted = 1,
                                  .extra = d->mesh.extra};
    for (int i = 0; i < DEMO_NODES; i++)
        d->second.nodes[i] = (struct hkp_mesh_provision_node){.group = (uint32_t)i + 1};
    const int code = cli_mesh_make(&d->second);
    for (int i = 0; code == CLI_OK && i < DEMO_NODES; i++) {
        snprintf(name, sizeof name, "liar%u/node%d", age_s, i + 1);
        name_process(d, DEMO_SECOND + i, name);
        name_id(&d->p[DEMO_SECOND + i], d->second.nodes[i].node_id);
    }
    return code;
}

int demo_prepare(struct demo *d, const char *eve) {
    static char listen[64];
    const char *tmp = getenv("TMPDIR");
    const struct sigaction on_end = {.sa_handler = interrupt};
    /* The path of a Unix socket is short: a long TMPDIR will not do. */
    snprintf(d->root, sizeof d->root, "%s/hookprobe-XXXXXX", tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    if (mkdtemp(d->root) == NULL) {
        const int code = cli_fail(CLI_SYSTEM, "%s: %s", d->root, strerror(errno));
        d->root[0] = 0;
        return code;
    }
    sigaction(SIGINT, &on_end, NULL);
    sigaction(SIGTERM, &on_end, NULL);
    d->port = find_ports(DEMO_PROCESSES);
    if (d->port < 0) return cli_fail(CLI_SYSTEM, "no free UDP ports on loopback");
    snprintf(listen, sizeof listen, "127.0.0.1:%d", d->port);
    const int code = make_mesh(d, eve, listen);
    return code == CLI_OK ? make_replay(d) : code;
}

/* ---- processes ---- */

int demo_start(struct demo *d, int which) {
    struct demo_process *p = &d->p[which];
    const pid_t parent = getpid();
    const int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) return cli_fail(CLI_SYSTEM, "%s: %s", p->log, strerror(errno));
    p->pid = fork();
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the demo, its nodes do not outlive it */
        if (getppid() != parent) _exit(1);
        dup2(log, 1);
        dup2(log, 2);
        if (which == DEMO_LIAR) _exit(demo_lie(p->dir, d->second.nodes, d->port + DEMO_SECOND));
        execl("/proc/self/exe", "hookprobe", "node", "run", "--config", p->config, (char *)NULL);
        _exit(127);
    }
    close(log);
    if (p->pid > 0) return CLI_OK;
    p->pid = 0;
    return cli_fail(CLI_SYSTEM, "cannot start a process: %s", strerror(errno));
}

void demo_kill(struct demo *d, int which, int signal_number) {
    struct demo_process *p = &d->p[which];
    if (p->pid <= 0) return;
    kill(p->pid, signal_number);
    const hkp_time deadline = cli_mono() + 3000000000U;
    while (waitpid(p->pid, NULL, WNOHANG) == 0) {
        if (cli_mono() > deadline) kill(p->pid, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    p->pid = 0;
}

void demo_end(struct demo *d) {
    for (int i = 0; i < DEMO_PROCESSES; i++) demo_kill(d, i, SIGKILL);
    if (d->root[0] != 0) nftw(d->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void demo_show_log(const struct demo *d, int which) {
    char text[4097];
    const int fd = open(d->p[which].log, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const off_t size = lseek(fd, 0, SEEK_END);
    lseek(fd, size > 1500 ? size - 1500 : 0, SEEK_SET);
    const ssize_t n = read(fd, text, 1500);
    close(fd);
    if (n <= 0) return;
    text[n] = 0;
    fprintf(stderr, "-- end of the log of %s\n%s\n", d->p[which].config, text);
}

/* ---- answers ---- */

json_t *demo_ask(struct demo *d, int which, json_t *request) {
    char error[256];
    json_t *answer = cli_ask_path(d->p[which].control, request, 5000, error);
    if (answer != NULL && json_is_true(json_object_get(answer, "ok"))) return answer;
    json_decref(answer);
    return NULL;
}

json_t *demo_status(struct demo *d, int which) {
    return demo_ask(d, which, json_pack("{s:s}", "op", "status"));
}

json_t *demo_peer(struct demo *d, const json_t *status, int which) {
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(status, "peers"), i, p) {
        const char *id = json_string_value(json_object_get(p, "node_id"));
        if (id != NULL && strcmp(id, d->p[which].node_id) == 0) return p;
    }
    return NULL;
}
