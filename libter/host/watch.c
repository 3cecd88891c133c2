/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * inotify as a reason to look, never as a reason not to trust less: a watch on each folder through which a
 * path leads and one on the file itself. The latter fires once and is put anew, so that a library that every
 * program opens cannot fill the queue. Writes through a mapping are told by nobody; but a mapping needs an
 * open first, which is told, and a file that is open for writing is never vouched for (decision 0107).
 */
#include "libter/host/watch.h"
#include "libter/host/host.h"
#include "libter/host/watch_table.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PATH_CAP = 4096, LINKS_MAX = 40, EVENTS_LEN = 16384, FD_PATH_LEN = 32 };
/* Events read in a run at most; behind that everything is in doubt. */
enum { READS_MAX = 64 };

#define FOLDER_MASK                                                                                          \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define FILE_MASK                                                                                            \
    (IN_MODIFY | IN_ATTRIB | IN_OPEN | IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONESHOT)

struct hkp_ter__watch {
    struct hkp_mem mem;
    struct hkp_ter__watch_table table;
    int fd, mounts;
    uint32_t n_items;
    uint32_t doubts;
    pid_t pid;
    /** the folder that was walked last in this run: -1, or O_PATH with its watch */
    int folder_fd, folder_wd;
    size_t folder_len;
    char folder[PATH_CAP];
    uint8_t events[EVENTS_LEN] __attribute__((aligned(8)));
};

static void forget_folder(struct hkp_ter__watch *w) {
    if (w->folder_fd >= 0) close(w->folder_fd);
    w->folder_fd = -1;
    w->folder_len = 0;
}

/* A watch that vouches for nothing any more. */
static void give_up(struct hkp_ter__watch *w) {
    forget_folder(w);
    if (w->fd >= 0) close(w->fd);
    if (w->mounts >= 0) close(w->mounts);
    w->fd = w->mounts = -1;
}

hkp_status hkp_ter__watch_new(struct hkp_ter__watch **out, const struct hkp_mem *mem, uint32_t n_items,
                              int off) {
    struct hkp_ter__watch *w = hkp_mem_alloc(mem, sizeof *w);
    if (w == NULL) return HKP_E_NOMEM;
    w->mem = *mem;
    w->n_items = n_items;
    w->pid = getpid();
    w->folder_fd = w->fd = w->mounts = -1;
    hkp_status st = hkp_ter__watch_table_new(&w->table, mem, n_items);
    if (st != HKP_OK) {
        hkp_ter__watch_free(w);
        return st;
    }
    *out = w;
    if (off) return HKP_OK;
    w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    w->fd = w->mounts < 0 ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) give_up(w);
    return HKP_OK;
}

void hkp_ter__watch_free(struct hkp_ter__watch *watch) {
    if (watch == NULL) return;
    struct hkp_mem mem = watch->mem;
    give_up(watch);
    hkp_ter__watch_table_free(&watch->table, &mem);
    hkp_mem_free(&mem, watch, sizeof *watch);
}

uint32_t hkp_ter__watch_doubts(const struct hkp_ter__watch *watch) { return watch->doubts; }

void hkp_ter__watch_rest(struct hkp_ter__watch *watch) { forget_folder(watch); }

/* Everything is in doubt: begin with an empty queue and no watches. */
static void doubt_all(struct hkp_ter__watch *w, uint8_t *armed) {
    memset(armed, 0, w->n_items);
    forget_folder(w);
    hkp_ter__watch_table_clear(&w->table);
    if (w->doubts < UINT32_MAX) w->doubts++;
    close(w->fd);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) give_up(w);
}

static int mounts_changed(const struct hkp_ter__watch *w) {
    struct pollfd p = {.fd = w->mounts, .events = POLLPRI};
    return poll(&p, 1, 0) != 0;
}

/* 0: everything is in doubt. */
static int take_event(struct hkp_ter__watch *w, const struct inotify_event *event, const char *name,
                      uint8_t *armed) {
    if ((event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) != 0) return 0;
    uint32_t item = hkp_ter__watch_table_get(&w->table, event->wd, name);
    if (item == HKP_TER__WATCH_ANY) return 0;
    if (item == HKP_TER__WATCH_NONE) return 1;
    if (name[0] != 0) {
        armed[item] = 0;
        return 1;
    }
    /* The watch of a file, which is gone now: all items that lead to it. */
    while ((item = hkp_ter__watch_table_get(&w->table, event->wd, "")) != HKP_TER__WATCH_NONE) {
        armed[item] = 0;
        (void)hkp_ter__watch_table_untie(&w->table, item);
    }
    return 1;
}

static int take_events(struct hkp_ter__watch *w, size_t len, uint8_t *armed) {
    struct inotify_event event;
    for (size_t at = 0; at + sizeof event <= len; at += sizeof event + event.len) {
        memcpy(&event, w->events + at, sizeof event);
        const char *name = event.len > 0 ? (const char *)w->events + at + sizeof event : "";
        if (!take_event(w, &event, name, armed)) return 0;
    }
    return 1;
}

/* 0: everything is in doubt. */
static int read_events(struct hkp_ter__watch *w, uint8_t *armed) {
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(w->fd, w->events, sizeof w->events);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        if (!take_events(w, (size_t)n, armed)) return 0;
    }
    return 0;
}

void hkp_ter__watch_drain(struct hkp_ter__watch *w, uint8_t *armed) {
    if (w->fd >= 0 && w->pid != getpid()) give_up(w); /* the queue belongs to the parent */
    if (w->fd < 0)
        memset(armed, 0, w->n_items);
    else if (mounts_changed(w) || hkp_ter__watch_table_is_full(&w->table) || !read_events(w, armed))
        doubt_all(w, armed);
}

/* ---- putting watches ---- */

/* Do all changes of this file system pass through this kernel, and are they told? */
static int tells_changes(int fd) {
    static const uint32_t known[] = {EXT4_SUPER_MAGIC,  XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC,
                                     TMPFS_MAGIC,       F2FS_SUPER_MAGIC, RAMFS_MAGIC,
                                     MSDOS_SUPER_MAGIC, SQUASHFS_MAGIC,   EROFS_SUPER_MAGIC_V1};
    struct statfs s;
    if (fstatfs(fd, &s) != 0) return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((uint32_t)s.f_type == known[i]) return 1;
    return 0;
}

/* On what fd is, not on what a name leads to just now. */
static int add_watch(struct hkp_ter__watch *w, int fd, uint32_t mask) {
    char path[FD_PATH_LEN];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return inotify_add_watch(w->fd, path, mask);
}

/* -1: no promise. */
static int watch_folder(struct hkp_ter__watch *w, int fd) {
    int wd = add_watch(w, fd, FOLDER_MASK | IN_ONLYDIR);
    if (wd < 0 || hkp_ter__watch_table_get(&w->table, wd, "") == HKP_TER__WATCH_ANY) return wd;
    if (!tells_changes(fd)) return -1;
    return hkp_ter__watch_table_put(&w->table, wd, "", HKP_TER__WATCH_ANY) ? wd : -1;
}

/* A walk over a path, one name after the other: where it stands, and what is left of the path. */
struct walk {
    int fd, wd;
    unsigned links;
    char rest[2 * PATH_CAP];
};

static int stand_at(struct hkp_ter__watch *w, struct walk *k, int fd) {
    if (k->fd >= 0) close(k->fd);
    k->fd = fd;
    k->wd = fd < 0 ? -1 : watch_folder(w, fd);
    return k->wd >= 0;
}

static int stand_at_root(struct hkp_ter__watch *w, struct walk *k) {
    return stand_at(w, k, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Takes the next name out of rest; 0 at its end. */
static int next_name(struct walk *k, char name[PATH_CAP]) {
    for (;;) {
        size_t skip = strspn(k->rest, "/"), len = strcspn(k->rest + skip, "/");
        if (len == 0 || len >= PATH_CAP) return 0;
        memcpy(name, k->rest + skip, len);
        name[len] = 0;
        memmove(k->rest, k->rest + skip + len, strlen(k->rest + skip + len) + 1);
        if (strcmp(name, ".") != 0) return 1;
    }
}

/* The link behind fd goes in front of rest. */
static int enter_link(struct hkp_ter__watch *w, struct walk *k, int fd) {
    char target[PATH_CAP];
    ssize_t len = readlinkat(fd, "", target, sizeof target);
    size_t rest = strlen(k->rest);
    if (len <= 0 || len >= PATH_CAP || ++k->links > LINKS_MAX) return 0;
    if ((size_t)len + 1 + rest + 1 > sizeof k->rest) return 0;
    memmove(k->rest + len + 1, k->rest, rest + 1);
    memcpy(k->rest, target, (size_t)len);
    k->rest[len] = '/';
    return target[0] != '/' || stand_at_root(w, k);
}

/* One name further; item says whose end of path it is, or ANY. Leaves the file or link in *end if it is one.
 */
static int step(struct hkp_ter__watch *w, struct walk *k, const char *name, uint32_t item, int follow,
                int *end) {
    struct stat st;
    if (!hkp_ter__watch_table_put(&w->table, k->wd, name, item)) return HKP_TER__FOUND_NOTHING;
    int fd = openat(k->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? HKP_TER__FOUND_ABSENT : HKP_TER__FOUND_NOTHING;
    int found = HKP_TER__FOUND_NOTHING;
    if (fstat(fd, &st) != 0) {
        /* nothing to say */
    } else if (S_ISDIR(st.st_mode)) {
        if (stand_at(w, k, fd)) return HKP_TER__FOUND_LINK; /* goes on */
        return HKP_TER__FOUND_NOTHING;
    } else if (S_ISLNK(st.st_mode)) {
        if (!follow || enter_link(w, k, fd)) found = HKP_TER__FOUND_LINK;
    } else if (S_ISREG(st.st_mode)) {
        *end = fd;
        return HKP_TER__FOUND_FILE;
    }
    close(fd);
    return found;
}

/* All of rest, as folders and links. FOUND_LINK here: it is a folder, where k stands now. */
static int walk_on(struct hkp_ter__watch *w, struct walk *k, int *end) {
    char name[PATH_CAP];
    while (next_name(k, name)) {
        int found = step(w, k, name, HKP_TER__WATCH_ANY, 1, end);
        if (found == HKP_TER__FOUND_FILE && k->rest[strspn(k->rest, "/")] != 0) {
            close(*end);
            *end = -1;
            return HKP_TER__FOUND_ABSENT; /* a file where a folder would have to be */
        }
        if (found != HKP_TER__FOUND_LINK) return found;
    }
    return HKP_TER__FOUND_LINK;
}

/* To the folder of path, from the cache if it is the one of before. */
static int walk_to_folder(struct hkp_ter__watch *w, struct walk *k, const char *path, size_t len) {
    int end = -1;
    if (w->folder_fd >= 0 && w->folder_len == len && memcmp(w->folder, path, len) == 0) {
        k->fd = fcntl(w->folder_fd, F_DUPFD_CLOEXEC, 0);
        k->wd = w->folder_wd;
        return k->fd >= 0 ? HKP_TER__FOUND_LINK : HKP_TER__FOUND_NOTHING;
    }
    forget_folder(w);
    memcpy(k->rest, path, len);
    k->rest[len] = 0;
    int found = stand_at_root(w, k) ? walk_on(w, k, &end) : HKP_TER__FOUND_NOTHING;
    if (found == HKP_TER__FOUND_FILE) {
        close(end);
        return HKP_TER__FOUND_ABSENT; /* a file where a folder would have to be */
    }
    if (found != HKP_TER__FOUND_LINK) return found;
    w->folder_fd = fcntl(k->fd, F_DUPFD_CLOEXEC, 0);
    w->folder_wd = k->wd;
    w->folder_len = len;
    memcpy(w->folder, path, len);
    return found;
}

/* The file at the end: somebody else's watch on it will do, else a new one, put before anybody is asked. */
static int watch_file(struct hkp_ter__watch *w, uint32_t item, int end) {
    char path[FD_PATH_LEN];
    if (!tells_changes(end)) return 0;
    int wd = add_watch(w, end, IN_DELETE_SELF | IN_MASK_ADD);
    if (wd < 0) return 0;
    if (hkp_ter__watch_table_get(&w->table, wd, "") != HKP_TER__WATCH_NONE)
        return hkp_ter__watch_table_tie(&w->table, wd, item);
    snprintf(path, sizeof path, "/proc/self/fd/%d", end);
    int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return 0;
    wd = add_watch(w, end, FILE_MASK); /* behind our own open, which it would tell */
    int done = wd >= 0 && hkp_ter__has_writer(fd) == 0;
    close(fd);
    if (!done && wd >= 0) (void)inotify_rm_watch(w->fd, wd);
    return done && hkp_ter__watch_table_tie(&w->table, wd, item);
}

static int find_item(struct hkp_ter__watch *w, struct walk *k, uint32_t item, const char *path, int follow) {
    const char *last = strrchr(path, '/');
    int end = -1;
    if (last == NULL || last[1] == 0 || strlen(path) >= PATH_CAP) return HKP_TER__FOUND_NOTHING;
    int found = walk_to_folder(w, k, path, (size_t)(last - path));
    if (found != HKP_TER__FOUND_LINK) return found;
    k->rest[0] = 0;
    found = step(w, k, last + 1, item, follow, &end);
    if (found == HKP_TER__FOUND_LINK && follow) found = walk_on(w, k, &end);
    if (found == HKP_TER__FOUND_LINK && follow) return HKP_TER__FOUND_NOTHING; /* a folder */
    if (found == HKP_TER__FOUND_FILE && !watch_file(w, item, end)) found = HKP_TER__FOUND_NOTHING;
    if (end >= 0) close(end);
    return found;
}

int hkp_ter__watch_item(struct hkp_ter__watch *w, uint32_t item, const char *path, int follow) {
    struct walk k = {.fd = -1, .wd = -1};
    if (w->fd < 0) return HKP_TER__FOUND_NOTHING;
    int old = hkp_ter__watch_table_untie(&w->table, item);
    if (old >= 0) (void)inotify_rm_watch(w->fd, old);
    int found = find_item(w, &k, item, path, follow);
    if (k.fd >= 0) close(k.fd);
    return found;
}

/* A lease for readers is given only on a file that nobody has open for writing. It is given back at once;
 * should somebody want to write in between, the signal is one that is ignored unless asked for. */
int hkp_ter__has_writer(int fd) {
    if (fcntl(fd, F_SETSIG, SIGURG) != 0) return -1;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? 1 : -1;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return 0;
}
