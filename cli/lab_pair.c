/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A trained pair as a file of hookprobe lab: the warning as its first line, then LNC0 (LAB-1.3, 4.6). */
#include "bridge.h"
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char first_line[] = HKP_NEURO_LAB_WARNING "\n";
enum { FIRST_LINE = sizeof first_line - 1, SIZE_MAX_OF_PAIR = 40 << 20 };

static int write_all(int fd, const uint8_t *bytes, size_t len) {
    for (size_t at = 0; at < len;) {
        const ssize_t n = write(fd, bytes + at, len - at);
        if (n < 0 && errno != EINTR) return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

int cli_lab_pair_write(const hkp_neuro_lab_nc0 *pair, const char *path, int forget) {
    size_t len = 0;
    (void)hkp_neuro_lab_nc0_save(pair, forget, NULL, 0, &len);
    uint8_t *bytes = malloc(FIRST_LINE + len);
    if (bytes == NULL) return cli_fail(CLI_SYSTEM, "no memory");
    memcpy(bytes, first_line, FIRST_LINE);
    const hkp_status st = hkp_neuro_lab_nc0_save(pair, forget, bytes + FIRST_LINE, len, &len);
    int code = st == HKP_OK ? CLI_OK : cli_fail(CLI_NO, "%s: not written: %s", path, cli_status_name(st));
    const int fd = code == CLI_OK ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (code == CLI_OK && (fd < 0 || write_all(fd, bytes, FIRST_LINE + len) != 0))
        code = cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    sodium_memzero(bytes, FIRST_LINE + len);
    free(bytes);
    return code;
}

int cli_lab_pair_read(const char *path, hkp_neuro_lab_nc0 **pair) {
    struct cli_bytes file;
    const int code = cli_bridge_read(path, 1, SIZE_MAX_OF_PAIR, &file);
    if (code != CLI_OK) return code;
    hkp_status st = HKP_E_NEURO_LAB_FILE;
    if (file.len > FIRST_LINE && memcmp(file.ptr, first_line, FIRST_LINE) == 0)
        st = hkp_neuro_lab_nc0_load(pair, NULL, file.ptr + FIRST_LINE, file.len - FIRST_LINE);
    sodium_memzero(file.ptr, file.len);
    free(file.ptr);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_DAMAGED, "%s: is no pair: %s", path, cli_status_name(st));
}
