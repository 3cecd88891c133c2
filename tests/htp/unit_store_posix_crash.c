/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP-13.8: a crash leaves the old or the new content. A child puts a file and is killed before each of its
 * system calls that changes something, from the first to the last. For a cut of power, which takes what is
 * not on the disk yet: the order of the calls, as the system saw them.
 */
#include <errno.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "folder_store.h"

enum { FDS = 256, NAME = 64, CHUNK = 5, TEXT = 15 };
static const char NEW[TEXT + 1] = "new content 123", OLD[] = "old";

struct job {
    const char *what;
    const char *path;
    uint32_t flags;
    /* before; NULL: absent. After: what is there. */
    const char *old, *wanted;
    /* of another put in the same group; NULL: alone */
    const char *second;
};

static const struct job JOBS[] = {
    {"create", "f", HKP_HTP_STORE_CREATE, NULL, NEW, NULL},
    {"create, resumed", "f", HKP_HTP_STORE_CREATE | HKP_HTP_STORE_RESUME, NULL, NEW, NULL},
    {"create with folders", "a/b/f", HKP_HTP_STORE_CREATE | HKP_HTP_STORE_FOLDERS, NULL, NEW, NULL},
    {"overwrite", "f", HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE, OLD, NEW, NULL},
    {"update, resumed", "f", HKP_HTP_STORE_RESUME, OLD, NEW, NULL},
    {"append", "f", HKP_HTP_STORE_APPEND, OLD, "oldnew content 123", NULL},
    {"append, resumed", "f", HKP_HTP_STORE_APPEND | HKP_HTP_STORE_RESUME, OLD, "oldnew content 123", NULL},
    {"a group", "f", HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE, OLD, NEW, "g"},
    {"a group, resumed", "f", HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE | HKP_HTP_STORE_RESUME, OLD, NEW,
     "g"}};
enum { JOBS_COUNT = sizeof JOBS / sizeof *JOBS };

/* What the tracer knows of a descriptor of the child. */
struct seen {
    /* something was changed that is not on the disk for sure */
    int is_dirty;
    /* fsync is asked for and not answered yet */
    int is_pending;
    /* of a file: the name of its part, or "" */
    char name[NAME];
};

struct trace {
    pid_t pid;
    struct seen fd[FDS];
    long nr;
    uint64_t args[6];
    unsigned stops, names_given, faults;
    /* something that is not synced is made part of the content, told as done, ...; printed */
    const char *fault;
};

static uint32_t write_chunks(struct place *p, uint64_t handle, uint64_t have) {
    uint32_t code = HKP_HTP_FILE_OK;
    for (uint64_t i = have; i < TEXT && code == HKP_HTP_FILE_OK; i += CHUNK)
        code = write_at(p, handle, i, NEW + i, TEXT - i < CHUNK ? TEXT - i : CHUNK);
    return code;
}

static uint32_t work(struct place *p, const struct job *j) {
    struct hkp_htp_store_put put = put_of(j->path, j->flags, TEXT), also;
    uint64_t a, b = 0, have;
    uint32_t code = create(p, &put, &a, &have);
    if (code == HKP_HTP_FILE_OK) code = write_chunks(p, a, have / CHUNK * CHUNK);
    if (code == HKP_HTP_FILE_OK && j->second != NULL) {
        also = put_of(j->second, j->flags, TEXT);
        code = create(p, &also, &b, &have);
        if (code == HKP_HTP_FILE_OK) code = write_chunks(p, b, have / CHUNK * CHUNK);
        if (code == HKP_HTP_FILE_OK) code = p->store.commit(p->store.user, b, TEXT);
        if (code == HKP_HTP_FILE_AGAIN) code = HKP_HTP_FILE_OK;
    }
    if (code == HKP_HTP_FILE_OK) code = commit(p, a, TEXT);
    if (code == HKP_HTP_FILE_OK && b != 0) code = commit(p, b, TEXT);
    return code;
}

static void text_of(pid_t pid, uint64_t where, char out[NAME]) {
    memset(out, 0, NAME);
    for (int i = 0; i + 8 < NAME; i += 8) {
        errno = 0;
        const long word = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)(where + (uint64_t)i), NULL);
        if (errno != 0) return;
        memcpy(out + i, &word, 8);
        if (memchr(&word, 0, 8) != NULL) return;
    }
}

static struct seen *fd_of(struct trace *t, uint64_t fd) { return &t->fd[fd < FDS ? fd : FDS - 1]; }

static void fault(struct trace *t, const char *what) {
    t->faults++;
    t->fault = what;
}

static struct seen *by_name(struct trace *t, const char *name) {
    for (int i = 0; i < FDS; i++)
        if (strcmp(t->fd[i].name, name) == 0) return &t->fd[i];
    return NULL;
}

/* A file gets a name in a folder. */
static void named(struct trace *t, struct seen *file, uint64_t folder, const char *name) {
    if (strncmp(name, ".htp-", 5) == 0) {
        if (file != NULL) memcpy(file->name, name, NAME);
        return;
    }
    if (file == NULL) fault(t, "a name for what no one has written");
    if (file != NULL && (file->is_dirty || file->is_pending))
        fault(t, "a name before the content is on the disk");
    for (int i = 0; i < FDS; i++)
        if (t->fd[i].is_dirty == 2) fault(t, "a name in a folder that is not on the disk");
    fd_of(t, folder)->is_dirty = 1;
    t->names_given++;
}

static void submitted(struct trace *t, uint64_t list, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t where = 0;
        struct iocb cb;
        struct iovec mine = {&where, 8}, theirs = {(void *)(uintptr_t)(list + (uint64_t)i * 8), 8};
        CHECK_EQ(process_vm_readv(t->pid, &mine, 1, &theirs, 1, 0), 8);
        mine = (struct iovec){&cb, sizeof cb};
        theirs = (struct iovec){(void *)(uintptr_t)where, sizeof cb};
        CHECK_EQ(process_vm_readv(t->pid, &mine, 1, &theirs, 1, 0), (ssize_t)sizeof cb);
        CHECK_EQ(cb.aio_lio_opcode, IOCB_CMD_FSYNC);
        fd_of(t, cb.aio_fildes)->is_pending = 1;
    }
}

/* One asks for all at once, so that answers to some of them cannot be told apart: all must have come. */
static void answered(struct trace *t, int64_t count) {
    for (int i = 0; i < FDS && count > 0; i++)
        if (t->fd[i].is_pending) {
            t->fd[i].is_pending = t->fd[i].is_dirty = 0;
            count--;
        }
}

/* A call that succeeded. */
static void note(struct trace *t, int64_t result) {
    char from[NAME], to[NAME];
    const uint64_t *a = t->args;
    switch (t->nr) {
    case SYS_openat:
        memset(fd_of(t, (uint64_t)result), 0, sizeof(struct seen));
        text_of(t->pid, a[1], from);
        if (strncmp(from, ".htp-", 5) == 0) memcpy(fd_of(t, (uint64_t)result)->name, from, NAME);
        break;
    case SYS_close:
        memset(fd_of(t, a[0]), 0, sizeof(struct seen));
        break;
    case SYS_pwrite64:
    case SYS_ftruncate:
    case SYS_fchmod:
        fd_of(t, a[0])->is_dirty = 1;
        break;
    case SYS_copy_file_range:
        fd_of(t, a[2])->is_dirty = 1;
        break;
    case SYS_ioctl:
        fd_of(t, a[0])->is_dirty = 1;
        break;
    case SYS_mkdirat:
        fd_of(t, a[0])->is_dirty = 2;
        break;
    case SYS_unlinkat:
        fd_of(t, a[0])->is_dirty |= 1;
        break;
    case SYS_fsync:
        fd_of(t, a[0])->is_dirty = 0;
        break;
    case SYS_io_submit:
        submitted(t, a[2], result);
        break;
    case SYS_io_getevents:
        answered(t, result);
        break;
    case SYS_linkat:
        text_of(t->pid, a[1], from);
        text_of(t->pid, a[3], to);
        named(t, from[0] == 0 ? fd_of(t, a[0]) : by_name(t, from), a[2], to);
        break;
#ifdef SYS_renameat
    case SYS_renameat:
#endif
    case SYS_renameat2:
        text_of(t->pid, a[1], from);
        text_of(t->pid, a[3], to);
        named(t, by_name(t, from), a[2], to);
        break;
    default:
        break;
    }
}

/* Whether a call changes what is on the disk, or may. */
static int changes(long nr) {
    static const long calls[] = {
        SYS_openat,          SYS_close, SYS_pwrite64, SYS_ftruncate, SYS_fchmod, SYS_fsync,     SYS_io_submit,
        SYS_copy_file_range, SYS_ioctl, SYS_mkdirat,  SYS_unlinkat,  SYS_linkat, SYS_renameat2, SYS_utimensat,
#ifdef SYS_renameat
        SYS_renameat,
#endif
        SYS_exit_group};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == nr) return 1;
    return 0;
}

/* Runs the job in a child that ends before change number kill_at; 1: it came to its end before. */
static int run(struct place *p, const struct job *j, uint32_t off, unsigned kill_at, struct trace *t) {
    int status = 0;
    memset(t, 0, sizeof *t);
    fflush(stdout);
    t->pid = fork();
    if (t->pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
        place_open(p, off);
        raise(SIGSTOP);
        _exit(work(p, j) == HKP_HTP_FILE_OK ? 0 : 1);
    }
    waitpid(t->pid, &status, 0);
    if (WIFEXITED(status)) return -1;
    (void)ptrace(PTRACE_SETOPTIONS, t->pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (t->stops = 0;;) {
        struct __ptrace_syscall_info info;
        if (ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) != 0 || waitpid(t->pid, &status, 0) != t->pid)
            return -1;
        if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? 1 : -2;
        if (WIFSIGNALED(status)) return -2;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof info, &info) <= 0) return -1;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            t->nr = (long)info.entry.nr;
            memcpy(t->args, info.entry.args, sizeof t->args);
            t->stops += (unsigned)changes(t->nr);
        } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error) {
            note(t, info.exit.rval);
        }
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes(t->nr) || t->stops != kill_at) continue;
        kill(t->pid, SIGKILL);
        while (waitpid(t->pid, &status, 0) == t->pid && !WIFSIGNALED(status)) {
        }
        return 0;
    }
}

static void prepare(struct place *p, const struct job *j) {
    place_make(p);
    if (j->old != NULL) put_file(at(p, "f"), j->old, strlen(j->old));
    if (j->second != NULL && j->old != NULL) put_file(at(p, j->second), j->old, strlen(j->old));
}

static int is_old(struct place *p, const struct job *j, const char *path) {
    return j->old == NULL ? !is_there(at(p, path)) : holds(at(p, path), j->old, strlen(j->old));
}

static int is_new(struct place *p, const struct job *j, const char *path) {
    return holds(at(p, path), j->wanted, strlen(j->wanted));
}

static void make_old(const char *folder) {
    const struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (strncmp(e->d_name, ".htp-", 5) == 0) CHECK_EQ(utimensat(dirfd(dir), e->d_name, past, 0), 0);
    if (dir != NULL) closedir(dir);
}

/* After the crash: the content, the put again, and nothing that stays. */
static void look_after_crash(struct place *p, const struct job *j, uint32_t off) {
    const int was_new = is_new(p, j, j->path);
    CHECK(was_new || is_old(p, j, j->path));
    if (j->second != NULL) CHECK(is_new(p, j, j->second) || is_old(p, j, j->second));
    CHECK(own_entries(p->root) <= 2);
    place_open(p, off);
    const uint32_t code = work(p, j);
    if (was_new && j->old == NULL) {
        CHECK_EQ(code, HKP_HTP_FILE_ALREADY_EXISTS);
    } else {
        CHECK_EQ(code, HKP_HTP_FILE_OK);
        CHECK(is_new(p, j, j->path) || (was_new && (j->flags & HKP_HTP_STORE_APPEND)));
        if (j->second != NULL) CHECK(is_new(p, j, j->second));
    }
    place_shut(p);
    make_old(p->root);
    make_old(at(p, "a/b"));
    place_open(p, off);
    p->store.flush(p->store.user);
    CHECK_EQ(own_entries(p->root) + own_entries(at(p, "a/b")), 0);
}

static void a_kill_at_every_step_leaves_old_or_new(void) {
    for (int i = 0; i < JOBS_COUNT; i++)
        for (int way = 0; way < WAYS_COUNT; way++) {
            if (WAYS[way] == HKP_HTP_STORE_POSIX_NO_OPENAT2) continue; /* changes what others change */
            int ended = 0;
            unsigned at_stop = 1, new_seen = 0;
            for (; ended == 0 && at_stop < 1000; at_stop++) {
                const int before = check_faults;
                struct place p;
                struct trace t;
                prepare(&p, &JOBS[i]);
                ended = run(&p, &JOBS[i], WAYS[way], at_stop, &t);
                new_seen += is_new(&p, &JOBS[i], JOBS[i].path) != 0;
                if (ended < 0) {
                    CHECK(ended == -1);
                    printf("# skipped: tracing is not allowed here\n");
                }
                look_after_crash(&p, &JOBS[i], WAYS[way]);
                place_free(&p);
                CHECK_NOTE(before, "%s, way %d, stop %u", JOBS[i].what, way, at_stop);
                if (ended < 0) return;
            }
            CHECK(ended == 1 && at_stop > 10);
            CHECK(new_seen > 1); /* killed after the moment of change, too */
        }
}

static void the_disk_has_content_before_names_and_names_before_the_answer(void) {
    for (int i = 0; i < JOBS_COUNT; i++)
        for (int way = 0; way < WAYS_COUNT; way++) {
            const int before = check_faults;
            struct place p;
            struct trace t;
            prepare(&p, &JOBS[i]);
            const int ended = run(&p, &JOBS[i], WAYS[way], 0, &t);
            if (ended == -1) {
                printf("# skipped: tracing is not allowed here\n");
            } else {
                CHECK_EQ(ended, 1);
                CHECK_EQ(t.faults, 0);
                CHECK_EQ(t.names_given, JOBS[i].second == NULL ? 1 : 2);
                CHECK(is_new(&p, &JOBS[i], JOBS[i].path));
                for (int fd = 0; fd < FDS; fd++) CHECK(!t.fd[fd].is_dirty && !t.fd[fd].is_pending);
            }
            place_open(&p, 0);
            place_free(&p);
            CHECK_NOTE(before, "%s, way %d: %s", JOBS[i].what, way, t.fault != NULL ? t.fault : "");
        }
}

int main(void) {
    CASE(the_disk_has_content_before_names_and_names_before_the_answer);
    CASE(a_kill_at_every_step_leaves_old_or_new);
    return check_done();
}
