/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A TPM of the test's own: swtpm on a Unix socket in a folder of the test, ended with it. Without swtpm, or
 * in a build without TPM support, the test is skipped.
 */
#ifndef HKP_TESTS_TER_SWTPM_H
#define HKP_TESTS_TER_SWTPM_H

#include "folder.h"

#include <hookprobe/ter.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct swtpm {
    char folder[64], socket[128], tcti[160];
    pid_t pid;
};

static inline int swtpm_answers(const char *path) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(un.sun_path, path, strlen(path) < sizeof un.sun_path ? strlen(path) : 0);
    const int ok = connect(fd, (const struct sockaddr *)&un, sizeof un) == 0;
    close(fd);
    return ok;
}

static inline void swtpm_skip(const char *why) {
    printf("1..0 # SKIP %s\n", why);
    exit(0);
}

static inline void swtpm_start(struct swtpm *s) {
    char state[160], server[160], control[180], log[160];
    folder_make(s->folder);
    snprintf(state, sizeof state, "dir=%s", s->folder);
    folder_path(s->socket, s->folder, "s");
    snprintf(server, sizeof server, "type=unixio,path=%s", s->socket);
    snprintf(control, sizeof control, "type=unixio,path=%s.ctrl", s->socket);
    snprintf(log, sizeof log, "file=%s/log", s->folder);
    snprintf(s->tcti, sizeof s->tcti, "swtpm:path=%s", s->socket);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl",
               control, "--log", log, "--flags", "not-need-init,startup-clear", "--seccomp", "action=none",
               (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500; i++) {
        int status;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            folder_remove(s->folder);
            swtpm_skip("swtpm is not there, or does not start");
        }
        if (access(s->socket, F_OK) == 0 && swtpm_answers(s->socket)) return;
        usleep(10000);
    }
    printf("Bail out! swtpm does not answer\n");
    exit(1);
}

static inline void swtpm_end(struct swtpm *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    folder_remove(s->folder);
}

static inline hkp_ter_tpm *swtpm_open(const struct swtpm *s, uint32_t timeout_ms) {
    struct hkp_ter_tpm_options opt;
    hkp_ter_tpm *tpm = NULL;
    hkp_ter_tpm_options_init(&opt, sizeof opt);
    opt.tcti = s->tcti;
    opt.timeout_ms = timeout_ms;
    const hkp_status st = hkp_ter_tpm_new(&tpm, &opt);
    if (st == HKP_E_TER_TPM_ABSENT) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        folder_remove(s->folder);
        swtpm_skip("this build has no TPM support");
    }
    CHECK_EQ(st, HKP_OK);
    return tpm;
}

/** Runs a command of tpm2-tools in the folder, quietly; its exit code, 127 without that tool. */
static inline int swtpm_tool(const struct swtpm *s, const char *command) {
    char line[2048];
    snprintf(line, sizeof line, "cd %s && TPM2TOOLS_TCTI=swtpm:path=%s timeout 20 %s >/dev/null 2>&1",
             s->folder, s->socket, command);
    const int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

#endif
