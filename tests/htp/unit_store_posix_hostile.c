/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13.6: what paths, files, others on the machine, and a disk without room do to the store in a folder. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "folder_store.h"

enum {
    CREATE = HKP_HTP_STORE_CREATE,
    OVER = HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE,
    ROUNDS = 3000,
    ROUNDS_MAX = 60000
};

/* All functions on one path; fills code[]. */
enum { STAT, OPEN, LIST, REMOVE, PUT, UPDATE, APPEND, CALLS };

static void call_all(struct place *p, const char *path, size_t len, uint32_t code[CALLS]) {
    struct hkp_htp_file_info info;
    struct hkp_htp_file_entry entry;
    uint64_t handle, have;
    uint32_t count, more;
    struct hkp_htp_store_put put = {.path = path, .path_len = (uint32_t)len, .size = 1, .quota_root = ""};
    code[STAT] = p->store.stat(p->store.user, path, len, &info);
    code[OPEN] = p->store.open(p->store.user, path, len, &handle, &info);
    if (code[OPEN] == HKP_HTP_FILE_OK) close_handle(p, handle, 0);
    code[LIST] = p->store.list(p->store.user, path, len, (const uint8_t *)"", 0, 1, &entry, &count, &more);
    code[REMOVE] = p->store.remove(p->store.user, path, len, 1);
    for (int i = PUT; i < CALLS; i++) {
        put.flags = i == PUT ? OVER : i == UPDATE ? 0 : HKP_HTP_STORE_APPEND;
        put.flags |= i == PUT ? HKP_HTP_STORE_FOLDERS : 0;
        code[i] = create(p, &put, &handle, &have);
        if (code[i] == HKP_HTP_FILE_OK) close_handle(p, handle, 0);
    }
}

static void all_answer(struct place *p, const char *path, size_t len, uint32_t want) {
    uint32_t code[CALLS];
    const int before = check_faults;
    call_all(p, path, len, code);
    for (int i = 0; i < CALLS; i++) CHECK_EQ(code[i], want);
    CHECK_NOTE(before, "%.*s", (int)len, path);
}

static void paths_that_lead_out_are_refused_in(struct place *p) {
    static const char *const bad[] = {"/",
                                      "/etc/passwd",
                                      "..",
                                      "../outside",
                                      "d/../../outside/f",
                                      "d/..",
                                      ".",
                                      "d/./f",
                                      "d//f",
                                      "d/",
                                      "a\\b",
                                      "bad\xFF",
                                      "line\nx",
                                      ".htp-x",
                                      "d/.htp-0.part",
                                      "a\x7F",
                                      "\xC0\xAE\xC0\xAE/f"};
    char path[600];
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    put_file(at(p, "d/f"), "x", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        all_answer(p, bad[i], strlen(bad[i]), HKP_HTP_FILE_INVALID_PATH);
    all_answer(p, "d/f\0x", 5, HKP_HTP_FILE_INVALID_PATH);
    all_answer(p, "d\0/f", 4, HKP_HTP_FILE_INVALID_PATH);
    memset(path, 'n', sizeof path);
    all_answer(p, path, 256, HKP_HTP_FILE_INVALID_PATH);
    path[255] = 0;
    CHECK_EQ(put_whole(p, path, CREATE, "long"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, path), "long", 4));
    CHECK_EQ(remove_path(p, path, 0), HKP_HTP_FILE_OK);
    int own;
    CHECK_EQ(entries(p->root, &own), 1);
}
IN_ALL_WAYS(paths_that_lead_out_are_refused);

static void links_are_never_followed_in(struct place *p) {
    char secret[300], inside[300];
    int own;
    snprintf(secret, sizeof secret, "%s/f", p->outside);
    put_file(secret, "secret", 6);
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    put_file(at(p, "d/own"), "own", 3);
    snprintf(inside, sizeof inside, "%s/d", p->root);
    CHECK_EQ(symlink(p->outside, at(p, "out")), 0);
    CHECK_EQ(symlink(secret, at(p, "file")), 0);
    CHECK_EQ(symlink("d", at(p, "in")), 0); /* not even within the root */
    CHECK_EQ(symlink(inside, at(p, "d/abs")), 0);
    CHECK_EQ(symlink("../outside", at(p, "up")), 0);
    CHECK_EQ(symlink("/proc/self/cwd", at(p, "magic")), 0);
    CHECK_EQ(symlink("nowhere", at(p, "dangling")), 0);
    static const char *const paths[] = {"out", "file", "in", "d/abs", "up", "magic", "dangling"};
    static const char *const through[] = {"out/f",   "in/own",  "d/abs/own", "up/f",
                                          "magic/f", "out/x/y", "dangling/f"};
    for (size_t i = 0; i < 7; i++) {
        all_answer(p, paths[i], strlen(paths[i]), HKP_HTP_FILE_PERMISSION_DENIED);
        all_answer(p, through[i], strlen(through[i]), HKP_HTP_FILE_PERMISSION_DENIED);
    }
    CHECK(holds(secret, "secret", 6));
    CHECK_EQ(entries(p->outside, &own), 1);
    CHECK_EQ(entries(p->root, &own), 7);
    CHECK_EQ(own, 0);
    CHECK_EQ(remove_path(p, "d", 1), HKP_HTP_FILE_OK); /* links in it go as names */
    CHECK(holds(secret, "secret", 6));
}
IN_ALL_WAYS(links_are_never_followed);

static void only_files_with_one_link_are_served_in(struct place *p) {
    char secret[300];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(secret, sizeof secret, "%s/f", p->outside);
    put_file(secret, "secret", 6);
    CHECK_EQ(link(secret, at(p, "hard")), 0);
    CHECK_EQ(mkfifo(at(p, "fifo"), 0666), 0);
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", "socket");
    const int here = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(chdir(p->root), 0);
    CHECK_EQ(bind(s, (struct sockaddr *)&addr, sizeof addr), 0);
    CHECK_EQ(fchdir(here), 0);
    close(here);
    close(s);
    const int has_device = mknod(at(p, "zero"), S_IFCHR | 0666, makedev(1, 5)) == 0;
    if (!has_device) printf("# no device: not allowed to make one\n");
    static const char *const paths[] = {"hard", "fifo", "socket", "zero"};
    alarm(60); /* nothing may wait for a partner */
    for (int i = 0; i < 3 + has_device; i++) {
        uint32_t code[CALLS];
        const int before = check_faults;
        call_all(p, paths[i], strlen(paths[i]), code);
        for (int j = 0; j < CALLS; j++) CHECK_EQ(code[j], HKP_HTP_FILE_PERMISSION_DENIED);
        CHECK(is_there(at(p, paths[i])));
        CHECK_NOTE(before, "%s", paths[i]);
    }
    alarm(0);
    CHECK(holds(secret, "secret", 6));
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(only_files_with_one_link_are_served);

/* Something of others lies where a part belongs. */
static void a_part_is_ours_or_begins_anew_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", OVER | HKP_HTP_STORE_RESUME, 6);
    char part[300], secret[300];
    uint64_t handle, have;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "123", 3), HKP_HTP_FILE_OK);
    DIR *dir = opendir(p->root);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (strncmp(e->d_name, ".htp-", 5) == 0) snprintf(part, sizeof part, "%s", at(p, e->d_name));
    closedir(dir);
    CHECK_EQ(strlen(strrchr(part, '/')), 43);
    close_handle(p, handle, 0);
    snprintf(secret, sizeof secret, "%s/f", p->outside);
    for (int what = 0; what < 6; what++) {
        const int before = check_faults;
        put_file(secret, "secret", 6);
        if (what == 0) CHECK_EQ(symlink(secret, part), 0);
        if (what == 1) CHECK_EQ(link(secret, part), 0);
        if (what == 2) CHECK_EQ(mkfifo(part, 0600), 0);
        if (what == 3) put_file(part, "theirs", 6);
        if (what == 3) CHECK_EQ(chmod(part, 0644), 0);
        if (what == 4) CHECK_EQ(mkdir(part, 0700), 0);
        if (what == 5) put_file(part, "theirs", 6);
        if (what == 5) CHECK_EQ(chmod(part, 04600), 0);
        const uint32_t code = create(p, &put, &handle, &have);
        CHECK_EQ(code, what == 4 ? HKP_HTP_FILE_PERMISSION_DENIED : HKP_HTP_FILE_OK);
        if (code == HKP_HTP_FILE_OK) {
            CHECK_EQ(have, 0);
            CHECK_EQ(write_at(p, handle, 0, "abcdef", 6), HKP_HTP_FILE_OK);
            CHECK_EQ(commit(p, handle, 6), HKP_HTP_FILE_OK);
            CHECK(holds(at(p, "f"), "abcdef", 6));
        }
        CHECK(holds(secret, "secret", 6));
        CHECK_NOTE(before, "what %d", what);
        (void)remove(part);
    }
}
IN_ALL_WAYS(a_part_is_ours_or_begins_anew);

/* As another process does it. */
static void a_locked_part_is_busy_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", CREATE | HKP_HTP_STORE_RESUME, 6);
    struct place other = *p;
    uint64_t handle, have;
    struct hkp_htp_store_posix_options o;
    hkp_htp_store_posix_options_init(&o, sizeof o);
    CHECK_EQ(hkp_htp_store_posix_new(&other.posix, p->root, &o), HKP_OK);
    hkp_htp_store_posix_store(other.posix, &other.store);
    CHECK_EQ(create(&other, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(&other, handle, 0, "123456", 6), HKP_HTP_FILE_OK);
    uint64_t mine;
    CHECK_EQ(create(p, &put, &mine, &have), HKP_HTP_FILE_BUSY);
    CHECK_EQ(commit(&other, handle, 6), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "f"), "123456", 6));
    hkp_htp_store_posix_free(other.posix);
}
IN_ALL_WAYS(a_locked_part_is_busy);

/* The name of a part leads to something else at the commit: that does not become the content. */
static void another_file_by_the_name_of_a_part_is_not_committed_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("f", CREATE | HKP_HTP_STORE_RESUME, 6);
    uint64_t handle, have;
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "123456", 6), HKP_HTP_FILE_OK);
    DIR *dir = opendir(p->root);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (strncmp(e->d_name, ".htp-", 5) == 0) {
            CHECK_EQ(unlink(at(p, e->d_name)), 0);
            put_file(at(p, e->d_name), "theirs", 6);
            break;
        }
    closedir(dir);
    CHECK_EQ(commit(p, handle, 6), HKP_HTP_FILE_NOT_FOUND);
    CHECK(!is_there(at(p, "f")));
}
IN_ALL_WAYS(another_file_by_the_name_of_a_part_is_not_committed);

/* A folder is moved out of the root while a part is in it. */
static void a_folder_that_was_moved_away_gets_nothing_in(struct place *p) {
    const struct hkp_htp_store_put put = put_of("d/f", CREATE, 1);
    char away[300];
    uint64_t handle, have;
    int own;
    snprintf(away, sizeof away, "%s/d", p->outside);
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    CHECK_EQ(create(p, &put, &handle, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, handle, 0, "x", 1), HKP_HTP_FILE_OK);
    CHECK_EQ(rename(at(p, "d"), away), 0);
    CHECK_EQ(commit(p, handle, 1), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(entries(away, &own), 0);
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    CHECK_EQ(put_whole(p, "d/f", CREATE, "y"), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "d/f"), "y", 1));
    CHECK_EQ(entries(away, &own), 0);
}
IN_ALL_WAYS(a_folder_that_was_moved_away_gets_nothing);

/* Turns names into links that lead out, and back, until it is killed. */
static pid_t flipper(struct place *p) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int root = open(p->root, O_RDONLY | O_DIRECTORY);
    for (;;) {
        (void)renameat2(root, "d", root, "d-link", RENAME_EXCHANGE);
        (void)renameat2(root, "file", root, "file-link", RENAME_EXCHANGE);
    }
}

static void check_read(struct place *p, const char *path, unsigned *read) {
    uint8_t text[3];
    uint64_t handle;
    if (open_file(p, path, &handle) != HKP_HTP_FILE_OK) return;
    if (p->store.read(p->store.user, handle, 0, text, 3) == HKP_HTP_FILE_OK) {
        CHECK_MEM(text, "own", 3);
        ++*read;
    }
    close_handle(p, handle, 0);
}

static void names_that_turn_into_links_lead_nowhere_in(struct place *p) {
    struct hkp_htp_file_info info;
    struct hkp_htp_file_entry page[8];
    char secret[300];
    uint32_t count, more;
    unsigned read = 0, listed = 0, put = 0, refused = 0;
    int own, status;
    snprintf(secret, sizeof secret, "%s/f", p->outside);
    put_file(secret, "secret", 6);
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    put_file(at(p, "d/f"), "own", 3);
    put_file(at(p, "file"), "own", 3);
    CHECK_EQ(symlink(p->outside, at(p, "d-link")), 0);
    CHECK_EQ(symlink(secret, at(p, "file-link")), 0);
    const pid_t pid = flipper(p);
    /* until both sides of the race were seen */
    for (int i = 0; i < ROUNDS || (i < ROUNDS_MAX && !(read && listed && put && refused)); i++) {
        check_read(p, "d/f", &read);
        check_read(p, "file", &read);
        if (stat_of(p, "d/f", &info) == HKP_HTP_FILE_OK)
            CHECK_EQ(info.size, 3);
        else
            refused++;
        if (p->store.list(p->store.user, "d", 1, (const uint8_t *)"", 0, 8, page, &count, &more) ==
            HKP_HTP_FILE_OK) {
            listed++;
            for (uint32_t j = 0; j < count; j++) CHECK(page[j].info.size != 6);
        }
        if (i % 8 == 0) put += put_whole(p, "d/new", OVER, "own") == HKP_HTP_FILE_OK;
        if (i % 8 == 1) put += put_whole(p, "d/f", 0, "own") == HKP_HTP_FILE_OK;
        if (i % 8 == 2) put += put_whole(p, "file", OVER, "own") == HKP_HTP_FILE_OK;
        if (i % 8 == 3) (void)remove_path(p, "d/new", 0);
        if (i % 8 == 4) (void)put_whole(p, "d/x/y", CREATE | HKP_HTP_STORE_FOLDERS, "own");
        if (i % 8 == 5) (void)remove_path(p, "d/x", 1);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK(read > 0 && listed > 0 && refused > 0 && put > 0);
    CHECK(holds(secret, "secret", 6));
    CHECK_EQ(entries(p->outside, &own), 1);
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(names_that_turn_into_links_lead_nowhere);

static int write_text(const char *name, const char *text) {
    const int fd = open(name, O_WRONLY);
    const int done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return done;
}

/* Mounts of our own: by right, or as the root of a user namespace. */
static int own_mounts(void) {
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWNS) != 0 &&
        (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !write_text("/proc/self/uid_map", users) ||
         !write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/gid_map", groups)))
        return 0;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Runs fn in a process of its own with mounts of its own; 0: not allowed here. */
static int with_mounts(struct place *p, void (*fn)(struct place *)) {
    int status;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        check_faults = 0;
        if (!own_mounts() || mount("tmpfs", p->root, "tmpfs", 0, "size=128k,nr_inodes=24") != 0) _exit(77);
        fn(p);
        fflush(stdout);
        _exit(check_faults > 0);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
    return WEXITSTATUS(status) != 77;
}

static void fill_disk(struct place *p, int blocks) {
    static const uint8_t block[4096];
    int fd = open(at(p, "filler"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block) {
    }
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(ftruncate(fd, st.st_size - blocks * 4096), 0);
    close(fd);
}

/* Room for 0, 1, 2, ... blocks more: each put fails at another write until there is room for all. */
static void full_for(struct place *p, uint32_t flags, const char *old, size_t old_len) {
    static char text[20000];
    int done = 0;
    memset(text, 'n', sizeof text);
    for (int blocks = 0; blocks < 20 && !done; blocks++) {
        const int before = check_faults;
        struct hkp_htp_store_put put = put_of("f", flags, sizeof text);
        if (!(flags & HKP_HTP_STORE_CREATE) || (flags & HKP_HTP_STORE_OVERWRITE))
            put_file(at(p, "f"), old, old_len);
        fill_disk(p, blocks);
        uint64_t handle, have;
        uint32_t code = create(p, &put, &handle, &have);
        for (size_t i = 0; i < sizeof text && code == HKP_HTP_FILE_OK; i += 4000) {
            code = write_at(p, handle, i, text + i, 4000);
            if (code != HKP_HTP_FILE_OK) close_handle(p, handle, 0);
        }
        if (code == HKP_HTP_FILE_OK) code = commit(p, handle, sizeof text);
        done = code == HKP_HTP_FILE_OK;
        if (!done) {
            CHECK_EQ(code, HKP_HTP_FILE_QUOTA_EXCEEDED);
            CHECK(is_there(at(p, "f")) == (old_len > 0));
            if (old_len > 0) CHECK(holds(at(p, "f"), old, old_len));
        }
        CHECK_EQ(own_entries(p->root), 0);
        CHECK_NOTE(before, "flags %u, %d blocks", flags, blocks);
    }
    CHECK(done);
    CHECK_EQ(unlink(at(p, "f")), 0);
    CHECK_EQ(unlink(at(p, "filler")), 0);
}

static void full_in_all_ways(struct place *p) {
    static char old[9000];
    memset(old, 'o', sizeof old);
    for (int way = 0; way < WAYS_COUNT; way++) {
        place_open(p, WAYS[way]);
        full_for(p, CREATE, old, 0);
        full_for(p, OVER, old, sizeof old);
        full_for(p, OVER | HKP_HTP_STORE_RESUME, old, sizeof old);
        full_for(p, HKP_HTP_STORE_APPEND, old, sizeof old);
        full_for(p, HKP_HTP_STORE_APPEND | HKP_HTP_STORE_RESUME, old, sizeof old);
        char path[16];
        uint32_t code = HKP_HTP_FILE_OK; /* no more files, for all that there is room */
        for (int i = 0; i < 40 && code == HKP_HTP_FILE_OK; i++) {
            snprintf(path, sizeof path, "n%d", i);
            code = put_whole(p, path, CREATE, "");
        }
        CHECK_EQ(code, HKP_HTP_FILE_QUOTA_EXCEEDED);
        CHECK_EQ(put_whole(p, "d/x", CREATE | HKP_HTP_STORE_FOLDERS, ""), HKP_HTP_FILE_QUOTA_EXCEEDED);
        for (int i = 0; i < 40; i++) {
            snprintf(path, sizeof path, "n%d", i);
            (void)unlink(at(p, path));
        }
        place_shut(p);
    }
}

static void a_full_disk_leaves_the_old_content(void) {
    struct place p;
    place_make(&p);
    if (!with_mounts(&p, full_in_all_ways)) printf("# skipped: mounts of one's own are not allowed here\n");
    place_open(&p, 0);
    place_free(&p);
}

/* Other filesystems below the root: parts lie beside their targets, so nothing is renamed across. */
static void across(struct place *p) {
    for (int way = 0; way < WAYS_COUNT; way++) {
        place_open(p, WAYS[way]);
        (void)mkdir(at(p, "m"), 0755);
        if (mount("tmpfs", at(p, "m"), "tmpfs", 0, "size=64k") != 0) _exit(77);
        CHECK_EQ(put_whole(p, "m/f", CREATE, "one"), HKP_HTP_FILE_OK);
        CHECK_EQ(put_whole(p, "m/d/f", CREATE | HKP_HTP_STORE_FOLDERS, "one"), HKP_HTP_FILE_OK);
        CHECK_EQ(put_whole(p, "m/f", OVER, "two"), HKP_HTP_FILE_OK);
        CHECK_EQ(put_whole(p, "m/f", HKP_HTP_STORE_APPEND, "three"), HKP_HTP_FILE_OK);
        CHECK(holds(at(p, "m/f"), "twothree", 8));
        CHECK_EQ(remove_path(p, "m/d", 1), HKP_HTP_FILE_OK);
        CHECK(remove_path(p, "m", 1) != HKP_HTP_FILE_OK);
        place_shut(p);
        CHECK_EQ(umount(at(p, "m")), 0);
    }
}

static void other_filesystems_below_the_root_are_used(void) {
    struct place p;
    place_make(&p);
    if (!with_mounts(&p, across)) printf("# skipped: mounts of one's own are not allowed here\n");
    place_open(&p, 0);
    place_free(&p);
}

/* Where mounts are not allowed: the most that a file of this process may hold. */
static void a_limit_of_the_process_is_a_quota_in(struct place *p) {
    struct rlimit old, limit;
    static char text[10000];
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 5000;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    put_file(at(p, "f"), "old", 3);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct hkp_htp_store_put put = put_of("f", OVER, sizeof text);
    const uint32_t code = put_with(p, &put, text);
    put.flags = HKP_HTP_STORE_APPEND;
    put.size = 4999;
    const uint32_t appended = put_with(p, &put, text);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, before);
    CHECK_EQ(code, HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK_EQ(appended, HKP_HTP_FILE_QUOTA_EXCEEDED);
    CHECK(holds(at(p, "f"), "old", 3));
    CHECK_EQ(own_entries(p->root), 0);
}
IN_ALL_WAYS(a_limit_of_the_process_is_a_quota);

/* No descriptors left: later, and nothing is lost. */
static void without_descriptors_it_is_busy_in(struct place *p) {
    struct rlimit old, limit;
    uint64_t handle;
    put_file(at(p, "f"), "old", 3);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = 3;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const uint32_t opened = open_file(p, "f", &handle), put = put_whole(p, "g", CREATE, "x"),
                   removed = remove_path(p, "f", 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK_EQ(opened, HKP_HTP_FILE_BUSY);
    CHECK_EQ(put, HKP_HTP_FILE_BUSY);
    CHECK_EQ(removed, HKP_HTP_FILE_BUSY);
    CHECK(holds(at(p, "f"), "old", 3));
}
IN_ALL_WAYS(without_descriptors_it_is_busy);

/* From now on the system answers calls number a and b with an error. */
static int forbid(uint32_t a, uint32_t b, uint32_t error) {
    const struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 1, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {.len = 5, .filter = (struct sock_filter *)(uintptr_t)rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void limited(struct place *p) {
    CHECK_EQ(put_whole(p, "f", CREATE, "one"), HKP_HTP_FILE_OK);
    CHECK_EQ(put_whole(p, "d/g", CREATE | HKP_HTP_STORE_FOLDERS, "two"), HKP_HTP_FILE_OK);
    CHECK_EQ(symlink("d", at(p, "link")), 0);
    CHECK_EQ(put_whole(p, "link/g", OVER, "three"), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK(holds(at(p, "d/g"), "two", 3));
    CHECK_EQ(syscall(SYS_openat2, -1, NULL, NULL, 0), -1);
    CHECK(errno == ENOSYS || errno == EPERM); /* it is really not there */
    uint64_t a, b, have;
    const struct hkp_htp_store_put one = put_of("a", CREATE, 1), two = put_of("b", CREATE, 1);
    CHECK_EQ(create(p, &one, &a, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(create(p, &two, &b, &have), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, a, 0, "a", 1), HKP_HTP_FILE_OK);
    CHECK_EQ(write_at(p, b, 0, "b", 1), HKP_HTP_FILE_OK);
    CHECK_EQ(p->store.commit(p->store.user, a, 1), HKP_HTP_FILE_AGAIN);
    CHECK_EQ(commit(p, b, 1), HKP_HTP_FILE_OK);
    CHECK_EQ(commit(p, a, 1), HKP_HTP_FILE_OK);
    CHECK(holds(at(p, "a"), "a", 1));
}

/* Old kernels and filters: what openat2 and io_setup do is done without them, as strictly. */
static void a_system_without_the_newer_calls_will_do(void) {
    static const uint32_t errors[] = {ENOSYS, EPERM};
    for (int i = 0; i < 2; i++) {
        struct place p;
        int status;
        place_make(&p);
        fflush(stdout);
        const pid_t pid = fork();
        if (pid == 0) {
            check_faults = 0;
            place_open(&p, 0);
            if (!forbid(SYS_openat2, SYS_io_setup, errors[i])) _exit(77);
            limited(&p);
            place_shut(&p);
            fflush(stdout);
            _exit(check_faults > 0);
        }
        waitpid(pid, &status, 0);
        CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            printf("# skipped: filters are not allowed here\n");
        place_open(&p, 0);
        place_free(&p);
    }
}

int main(void) {
    CASE(paths_that_lead_out_are_refused);
    CASE(links_are_never_followed);
    CASE(only_files_with_one_link_are_served);
    CASE(a_part_is_ours_or_begins_anew);
    CASE(a_locked_part_is_busy);
    CASE(another_file_by_the_name_of_a_part_is_not_committed);
    CASE(a_folder_that_was_moved_away_gets_nothing);
    CASE(names_that_turn_into_links_lead_nowhere);
    CASE(a_full_disk_leaves_the_old_content);
    CASE(other_filesystems_below_the_root_are_used);
    CASE(a_limit_of_the_process_is_a_quota);
    CASE(without_descriptors_it_is_busy);
    CASE(a_system_without_the_newer_calls_will_do);
    return check_done();
}
