/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The line to a TPM: a device of the kernel, or the data socket of swtpm, both of which take a command and
 * give its answer as bare bytes. The modules of tpm2-tss for these know neither a time limit nor an end from
 * outside (decision 0114).
 */
#include "libter/bytes.h"
#include "libter/tpm/tpm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 10, RETRY_MS = 20, CAP_HANDLES = 1, CLEAN_MAX = 16 };

hkp_time hkp_ter__tpm_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

/* ---- Where it is ---- */

static int copy_path(struct hkp_ter__tpm_address *a, const char *from, size_t len) {
    if (len == 0 || len >= sizeof a->path) return 0;
    memcpy(a->path, from, len);
    a->path[len] = 0;
    return 1;
}

static int host_and_port(struct hkp_ter__tpm_address *a, const char *text) {
    static const char between[] = ",port=";
    const char *comma = strstr(text, between);
    struct in_addr unused;
    char *end;
    if (comma == NULL || !copy_path(a, text, (size_t)(comma - text))) return 0;
    const char *digits = comma + sizeof between - 1;
    const unsigned long port = strtoul(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end != 0 || port == 0 || port > 65535) return 0;
    a->port = (uint16_t)port;
    return inet_pton(AF_INET, a->path, &unused) == 1;
}

int hkp_ter__tpm_address(struct hkp_ter__tpm_address *out, const char *text) {
    static const char device[] = "device:", local[] = "swtpm:path=", net[] = "swtpm:host=";
    memset(out, 0, sizeof *out);
    if (strncmp(text, device, sizeof device - 1) == 0)
        return copy_path(out, text + sizeof device - 1, strlen(text) - (sizeof device - 1));
    if (strncmp(text, local, sizeof local - 1) == 0) {
        out->family = AF_UNIX;
        return copy_path(out, text + sizeof local - 1, strlen(text) - (sizeof local - 1));
    }
    if (strncmp(text, net, sizeof net - 1) != 0) return 0;
    out->family = AF_INET;
    return host_and_port(out, text + sizeof net - 1);
}

/* ---- Waiting ---- */

static hkp_status broken(struct hkp_ter__tpm_line *line, hkp_status why) {
    if (line->fault == HKP_OK) line->fault = why;
    return line->fault;
}

/* Until fd is ready for events, or at most limit_ms (-1: none); HKP_OK also when nothing happened by then. */
static hkp_status wait_for(struct hkp_ter__tpm_line *line, int fd, short events, int limit_ms) {
    for (;;) {
        struct pollfd fds[2] = {{.fd = line->cancel_fd, .events = POLLIN}, {.fd = fd, .events = events}};
        const hkp_time now = hkp_ter__tpm_now();
        if (now >= line->deadline) return broken(line, HKP_E_TER_TPM_TIMEOUT);
        const hkp_time left = (line->deadline - now) / 1000000U + 1;
        const int ms = limit_ms >= 0 && (hkp_time)limit_ms < left ? limit_ms : (int)left;
        const int n = poll(fds, 2, ms);
        if (n < 0 && errno != EINTR) return broken(line, HKP_E_TER_TPM_IO);
        if (n > 0 && fds[0].revents != 0) return broken(line, HKP_E_TER_TPM_TIMEOUT);
        if (n > 0 || (n == 0 && limit_ms >= 0)) return HKP_OK;
    }
}

static int open_socket(const struct hkp_ter__tpm_address *a) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    const int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    memcpy(un.sun_path, a->path, sizeof a->path);
    if (a->family == AF_INET) (void)inet_pton(AF_INET, a->path, &in.sin_addr);
    const int result = a->family == AF_UNIX ? connect(fd, (const struct sockaddr *)&un, sizeof un)
                                            : connect(fd, (const struct sockaddr *)&in, sizeof in);
    if (result == 0 || errno == EINPROGRESS) return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int connected(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

/* A device without resource manager has one user at a time (EBUSY), so has a socket (EAGAIN). */
hkp_status hkp_ter__tpm_line_open(struct hkp_ter__tpm_line *line) {
    const struct hkp_ter__tpm_address *a = line->address;
    line->fault = HKP_OK;
    line->answer_len = 0;
    for (;;) {
        line->fd = a->family == 0 ? open(a->path, O_RDWR | O_CLOEXEC | O_NONBLOCK) : open_socket(a);
        if (line->fd >= 0) break;
        if (errno != EBUSY && errno != EAGAIN && errno != EINTR) return broken(line, HKP_E_TER_TPM_IO);
        const hkp_status st = wait_for(line, -1, 0, RETRY_MS);
        if (st != HKP_OK) return st;
    }
    if (a->family == 0) return HKP_OK;
    hkp_status st = wait_for(line, line->fd, POLLOUT, -1);
    if (st == HKP_OK && !connected(line->fd)) st = broken(line, HKP_E_TER_TPM_IO);
    if (st != HKP_OK) hkp_ter__tpm_line_close(line);
    return st;
}

void hkp_ter__tpm_line_close(struct hkp_ter__tpm_line *line) {
    if (line->fd >= 0) close(line->fd);
    line->fd = -1;
    hkp_ter_wipe(line->answer, sizeof line->answer); /* may have held what was unsealed */
}

/* ---- Commands and answers ---- */

static ssize_t put(const struct hkp_ter__tpm_line *line, const uint8_t *bytes, size_t len) {
    return line->address->family == 0 ? write(line->fd, bytes, len)
                                      : send(line->fd, bytes, len, MSG_NOSIGNAL);
}

static hkp_status transmit(struct hkp_ter__tpm_line *line, const uint8_t *bytes, size_t len) {
    if (line->fault != HKP_OK) return line->fault;
    line->answer_len = 0;
    for (size_t done = 0; done < len;) {
        const ssize_t n = put(line, bytes + done, len - done);
        if (n > 0) done += (size_t)n;
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY))
            return broken(line, HKP_E_TER_TPM_IO);
        if (n < 0) {
            const hkp_status st = wait_for(line, line->fd, POLLOUT, -1);
            if (st != HKP_OK) return st;
        }
    }
    return HKP_OK;
}

/* 1: the answer is whole, 0: more must come, -1: no answer of a TPM. */
static int answer_state(const struct hkp_ter__tpm_line *line) {
    if (line->answer_len < HEAD) return 0;
    const size_t size = hkp_be32(line->answer + 2);
    if (size < HEAD || size > sizeof line->answer || line->answer_len > size) return -1;
    return line->answer_len == size;
}

static hkp_status receive(struct hkp_ter__tpm_line *line) {
    for (;;) {
        const int state = answer_state(line);
        if (state < 0) return broken(line, HKP_E_TER_TPM_IO);
        if (state > 0) return HKP_OK;
        const hkp_status st = line->fault != HKP_OK ? line->fault : wait_for(line, line->fd, POLLIN, -1);
        if (st != HKP_OK) return st;
        const ssize_t n =
            read(line->fd, line->answer + line->answer_len, sizeof line->answer - line->answer_len);
        if (n > 0) line->answer_len += (size_t)n;
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) return broken(line, HKP_E_TER_TPM_IO);
    }
}

/* ---- As ESAPI wants it ---- */

static struct hkp_ter__tpm_line *line_of(TSS2_TCTI_CONTEXT *tcti) {
    return (struct hkp_ter__tpm_line *)(void *)tcti; /* its first member */
}

static TSS2_RC tcti_transmit(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *command) {
    return transmit(line_of(tcti), command, size) == HKP_OK ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

static TSS2_RC tcti_receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *response, int32_t timeout) {
    struct hkp_ter__tpm_line *line = line_of(tcti);
    (void)timeout; /* the deadline of the job is what counts */
    if (receive(line) != HKP_OK) return TSS2_TCTI_RC_IO_ERROR;
    if (response != NULL && *size < line->answer_len) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    if (response != NULL) memcpy(response, line->answer, line->answer_len);
    *size = line->answer_len;
    return TSS2_RC_SUCCESS;
}

static void tcti_finalize(TSS2_TCTI_CONTEXT *tcti) { (void)tcti; }
static TSS2_RC tcti_cancel(TSS2_TCTI_CONTEXT *tcti) {
    (void)tcti;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}
static TSS2_RC tcti_poll_handles(TSS2_TCTI_CONTEXT *tcti, TSS2_TCTI_POLL_HANDLE *handles, size_t *n) {
    (void)tcti;
    (void)handles;
    (void)n;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}
static TSS2_RC tcti_locality(TSS2_TCTI_CONTEXT *tcti, uint8_t locality) {
    (void)tcti;
    (void)locality;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

void hkp_ter__tpm_line_init(struct hkp_ter__tpm_line *line) {
    memset(line, 0, sizeof *line);
    line->fd = -1;
    line->tcti = (TSS2_TCTI_CONTEXT_COMMON_V1){.magic = 0x484B505443544931, /* "HKPTCTI1" */
                                               .version = 1,
                                               .transmit = tcti_transmit,
                                               .receive = tcti_receive,
                                               .finalize = tcti_finalize,
                                               .cancel = tcti_cancel,
                                               .getPollHandles = tcti_poll_handles,
                                               .setLocality = tcti_locality};
}

/* ---- After a broken line ---- */

/* Handles of one kind that are loaded; their number. */
static hkp_status loaded(struct hkp_ter__tpm_line *line, uint32_t first, uint32_t handles[CLEAN_MAX],
                         uint32_t *n) {
    uint8_t command[22] = {0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7A, 0, 0, 0, CAP_HANDLES};
    hkp_put_be32(command + 14, first);
    hkp_put_be32(command + 18, CLEAN_MAX);
    *n = 0;
    hkp_status st = transmit(line, command, sizeof command);
    if (st == HKP_OK) st = receive(line);
    if (st != HKP_OK) return st;
    if (line->answer_len < 19 || hkp_be32(line->answer + 6) != 0) return HKP_OK; /* it does not tell */
    const uint32_t count = hkp_be32(line->answer + 15);
    if (count > CLEAN_MAX || line->answer_len < 19 + (size_t)count * 4) return broken(line, HKP_E_TER_TPM_IO);
    for (uint32_t i = 0; i < count; i++) handles[i] = hkp_be32(line->answer + 19 + (size_t)i * 4);
    *n = count;
    return HKP_OK;
}

hkp_status hkp_ter__tpm_line_clean(struct hkp_ter__tpm_line *line) {
    static const uint32_t kinds[] = {0x80000000u, 0x02000000u}; /* objects, sessions */
    for (size_t k = 0; k < 2; k++) {
        uint32_t handles[CLEAN_MAX], n = 0;
        hkp_status st = loaded(line, kinds[k], handles, &n);
        for (uint32_t i = 0; st == HKP_OK && i < n; i++) {
            uint8_t command[14] = {0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65};
            hkp_put_be32(command + 10, handles[i]);
            st = transmit(line, command, sizeof command);
            if (st == HKP_OK) st = receive(line);
        }
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}
