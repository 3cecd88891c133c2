/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Many files made durable together. The system is asked for all of them at once, so that the disk empties its
 * cache once and not once for each (decision 0417); where it does not take that, one after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libhtp/posix/store.h"

static int synced(int fd) {
    int done;
    do done = fsync(fd);
    while (done != 0 && errno == EINTR);
    return done == 0 ? 0 : errno;
}

/* Takes the answers to count requests. */
static void reap(struct hkp_htp_store_posix *s, size_t count, int *error) {
    struct io_event event[HKP_HTP__STORE_GROUP];
    while (count > 0) {
        const long n = syscall(SYS_io_getevents, s->aio, 1L, (long)count, event, NULL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* cannot be; error[] says that nothing is known */
        for (long i = 0; i < n; i++) error[event[i].data] = event[i].res == 0 ? 0 : (int)-event[i].res;
        count -= (size_t)n;
    }
}

/* How many of the requests the system took; they are done then. */
static size_t together(struct hkp_htp_store_posix *s, const int *fd, int *error, size_t count) {
    struct iocb request[HKP_HTP__STORE_GROUP], *list[HKP_HTP__STORE_GROUP];
    memset(request, 0, count * sizeof *request);
    for (size_t i = 0; i < count; i++) {
        request[i].aio_lio_opcode = IOCB_CMD_FSYNC;
        request[i].aio_fildes = (uint32_t)fd[i];
        request[i].aio_data = i;
        list[i] = &request[i];
        error[i] = EIO;
    }
    const long taken = syscall(SYS_io_submit, s->aio, (long)count, list);
    if (taken <= 0) return 0;
    reap(s, (size_t)taken, error);
    return (size_t)taken;
}

static int has_aio(struct hkp_htp_store_posix *s) {
    if (s->opt.off & HKP_HTP_STORE_POSIX_NO_AIO) return 0;
    if (s->has_aio) return 1;
    s->has_aio = syscall(SYS_io_setup, HKP_HTP__STORE_GROUP, &s->aio) == 0;
    if (!s->has_aio) s->opt.off |= HKP_HTP_STORE_POSIX_NO_AIO;
    return (int)s->has_aio;
}

void hkp_htp__store_sync(struct hkp_htp_store_posix *s, const int *fd, int *error, size_t count) {
    size_t done = count > 1 && has_aio(s) ? together(s, fd, error, count) : 0;
    for (size_t i = done; i + 1 < count; i++) (void)sync_file_range(fd[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    for (; done < count; done++) error[done] = synced(fd[done]);
}

void hkp_htp__store_sync_end(struct hkp_htp_store_posix *s) {
    if (s->has_aio) (void)syscall(SYS_io_destroy, s->aio);
}
