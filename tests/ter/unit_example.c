/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* examples/verify_log.c, as a user runs it: a sound log, a held checkpoint, a changed log, wrong use. */
#include "logimage.h"

#include <sys/wait.h>

static char dir[64];
static const char *program;

static int run(const char *path, const char *node, const char *key, const char *checkpoint) {
    int status = -1;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) _exit(9);
        execl(program, program, path, node, key, checkpoint, (char *)NULL);
        _exit(9);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_example_tells_a_sound_log_from_a_changed_one(void) {
    struct device d;
    char path[128], file[200], held[128], node[33], key[65];
    uint8_t byte;
    folder_path(path, dir, "log");
    folder_path(held, dir, "checkpoint");
    device_begin(&d, 3);
    hkp_ter_log *log = device_open(&d, path);
    device_run(&d, log, 200);
    hkp_ter_log_free(log);
    file_put(held, d.last_tck, 256);
    sodium_bin2hex(node, sizeof node, d.node_id, 16);
    sodium_bin2hex(key, sizeof key, d.public_key, 32);
    CHECK_EQ(run(path, node, key, NULL), 0);
    CHECK_EQ(run(path, node, key, held), 0);
    CHECK_EQ(run(path, node, "12", NULL), 2);
    CHECK_EQ(run("/nowhere/at/all", node, key, NULL), 2);
    snprintf(file, sizeof file, "%s/ter-%020d.log", path, 0);
    int fd = open(file, O_RDWR);
    CHECK(pread(fd, &byte, 1, 5000) == 1);
    byte ^= 4;
    CHECK(pwrite(fd, &byte, 1, 5000) == 1);
    CHECK_EQ(run(path, node, key, NULL), 1);
    CHECK(ftruncate(fd, 192) == 0);
    close(fd);
    CHECK_EQ(run(path, node, key, NULL), 0);
    CHECK_EQ(run(path, node, key, held), 1);
}

int main(int argc, char **argv) {
    if (argc != 2) return 1;
    program = argv[1];
    folder_make(dir);
    CASE(the_example_tells_a_sound_log_from_a_changed_one);
    folder_remove(dir);
    return check_done();
}
