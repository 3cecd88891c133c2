/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe file beside scp and rsync over ssh: real processes over loopback, on a real disk, in turns. All
 * of it is durable when the clock stops: ours says so by ending, the others are followed by fsync or syncfs
 * of what they wrote. sshd is one of our own, with keys and a configuration of its own; ciphers are the
 * defaults of ssh.
 *
 * file.put.1g, .get.1g   MB/s of one file of 1 GiB that does not compress
 * file.small             files a second: 10,000 of 4 KiB in 100 folders, sent
 * file.rss.put.client, .server, file.rss.get.client, .server   peak MiB of the runs above, at most 32
 *
 *     bench_file PROGRAM [NAME...]     PROGRAM: hookprobe; folder: $TMPDIR, else /var/tmp
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5, ARGS_MAX = 24, FOLDERS = 100, FILES = 100, SMALL = 4096, PATHS = 200, RSS_LIMIT = 32 };
static const uint64_t LARGE = 1ULL << 30;

enum side { OURS, SCP, RSYNC, SIDES };
static const char *const side_names[SIDES] = {"hookprobe", "scp", "rsync"};

static char root[PATHS]; /* "": not made yet */
static const char *program;
static pid_t sshd, server;
static int made_run_sshd;

/* ---- processes */

static pid_t spawn(const char *log, char *const argv[]) {
    const pid_t pid = fork();
    if (pid == 0) {
        const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), null = open("/dev/null", O_RDONLY);
        dup2(null, 0);
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    bench_need(pid > 0, "cannot fork");
    return pid;
}

/* Runs words that stand between '|'; its exit code. peak: KiB, raised to what it took; NULL: not wanted. */
static int run(long *peak, const char *format, ...) {
    char text[1024], log[PATHS + 8], *argv[ARGS_MAX], *rest = text;
    struct rusage used;
    va_list args;
    int n = 0, status = -1;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    while (rest != NULL && n < ARGS_MAX - 1) argv[n++] = strsep(&rest, "|");
    argv[n] = NULL;
    snprintf(log, sizeof log, "%s/log", root);
    const pid_t pid = spawn(log, argv);
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
    }
    if (peak != NULL && used.ru_maxrss > *peak) *peak = used.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long stop(pid_t *pid) {
    struct rusage used = {0};
    int status;
    if (*pid <= 0) return 0;
    kill(*pid, SIGTERM);
    while (wait4(*pid, &status, 0, &used) < 0 && errno == EINTR) {
    }
    *pid = 0;
    return used.ru_maxrss;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path) { (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void clean_up(void) {
    (void)stop(&server);
    (void)stop(&sshd);
    if (made_run_sshd) rmdir("/run/sshd");
    if (root[0] != 0) remove_tree(root);
    root[0] = 0;
}

static void on_signal(int number) {
    clean_up();
    _exit(128 + number);
}

static const char *in_root(char path[PATHS + 32], const char *name) {
    snprintf(path, PATHS + 32, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const char *format, ...) {
    char path[PATHS + 32];
    va_list args;
    FILE *f = fopen(in_root(path, name), "w");
    bench_need(f != NULL, "cannot write");
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    bench_need(fchmod(fileno(f), 0600) == 0 && fclose(f) == 0, "cannot write");
}

static void read_line(const char *name, char *line, int size) {
    char path[PATHS + 32];
    FILE *f = fopen(in_root(path, name), "r");
    bench_need(f != NULL && fgets(line, size, f) != NULL, "cannot read what was just written");
    line[strcspn(line, "\n")] = 0;
    fclose(f);
}

static unsigned free_port(int type) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    const int fd = socket(AF_INET, type, 0);
    bench_need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                   getsockname(fd, (struct sockaddr *)&a, &len) == 0,
               "no free port");
    close(fd);
    return ntohs(a.sin_port);
}

/* ---- what is moved */

static void fill_file(const char *path, uint64_t size) {
    static uint8_t block[1 << 20];
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    bench_need(fd >= 0, "cannot make a file");
    for (uint64_t done = 0; done < size;) {
        const size_t n = size - done < sizeof block ? (size_t)(size - done) : sizeof block;
        bench_need(getrandom(block, n < 256 ? n : 256, 0) > 0,
                   "no random bytes"); /* not one block repeated */
        for (size_t i = 256; i < n; i += 8) {
            uint64_t x;
            memcpy(&x, block + i - 256, 8);
            x = (x ^ (x >> 29) ^ i) * 0xBF58476D1CE4E5B9U;
            memcpy(block + i, &x, 8);
        }
        bench_need(write(fd, block, n) == (ssize_t)n, "cannot fill a file");
        done += n;
    }
    bench_need(fsync(fd) == 0 && close(fd) == 0, "cannot fill a file");
}

static void fill_tree(void) {
    char path[PATHS + 64], base[PATHS + 32];
    bench_need(mkdir(in_root(base, "small"), 0700) == 0, "cannot make a folder");
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%02d", base, i);
        bench_need(mkdir(path, 0700) == 0, "cannot make a folder");
        for (int k = 0; k < FILES; k++) {
            uint8_t bytes[SMALL];
            snprintf(path, sizeof path, "%s/%02d/f%03d.json", base, i, k);
            const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
            bench_need(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && fd >= 0 &&
                           write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && close(fd) == 0,
                       "cannot make a file");
        }
    }
}

static void empty_target(void) {
    char path[PATHS + 32];
    remove_tree(in_root(path, "out"));
    bench_need(mkdir(path, 0700) == 0, "cannot make the target");
    sync();
}

/* What makes the others' work durable. */
static void fsync_path(const char *name) {
    char path[PATHS + 32];
    const int fd = open(in_root(path, name), O_RDONLY);
    bench_need(fd >= 0 && fsync(fd) == 0 && close(fd) == 0, "cannot fsync what was written");
}

static void sync_all_of(const char *name) {
    char path[PATHS + 32];
    const int fd = open(in_root(path, name), O_RDONLY);
    bench_need(fd >= 0 && syncfs(fd) == 0 && close(fd) == 0, "cannot sync what was written");
}

static uint64_t size_of(const char *name) {
    char path[PATHS + 32];
    struct stat st;
    return stat(in_root(path, name), &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t counted;
static int count_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)path, (void)ftw;
    counted += kind == FTW_F && st->st_size == SMALL;
    return 0;
}

/* ---- the two servers */

static int there_is(const char *name) {
    char text[PATHS];
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : ""; *at != 0;) {
        const size_t len = strcspn(at, ":");
        snprintf(text, sizeof text, "%.*s/%s", (int)len, at, name);
        if (access(text, X_OK) == 0) return 1;
        at += len + (at[len] == ':');
    }
    snprintf(text, sizeof text, "/usr/sbin/%s", name);
    return access(text, X_OK) == 0;
}

static int wait_for(unsigned port) {
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 200; i++, usleep(20000)) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        const int ok = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
        close(fd);
        if (ok) return 1;
    }
    return 0;
}

static int start_sshd(void) {
    char log[PATHS + 32], config[PATHS + 32], key[256];
    const unsigned port = free_port(SOCK_STREAM);
    if (!there_is("sshd") || !there_is("ssh") || !there_is("ssh-keygen") || !there_is("scp")) return 0;
    made_run_sshd = getuid() == 0 && mkdir("/run/sshd", 0755) == 0; /* sshd of root wants it */
    if (run(NULL, "ssh-keygen|-q|-t|ed25519|-N||-f|%s/host", root) != 0) return 0;
    if (run(NULL, "ssh-keygen|-q|-t|ed25519|-N||-f|%s/user", root) != 0) return 0;
    read_line("host.pub", key, sizeof key);
    write_file("known", "[127.0.0.1]:%u %s\n", port, key);
    read_line("user.pub", key, sizeof key);
    write_file("authorized", "%s\n", key);
    write_file(
        "sshd.conf",
        "ListenAddress 127.0.0.1\nPort %u\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nPidFile none\n"
        "UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "Subsystem sftp internal-sftp\n",
        port, root, root);
    write_file("ssh.conf",
               "Host *\n Port %u\n IdentityFile %s/user\n IdentitiesOnly yes\n UserKnownHostsFile %s/known\n"
               " GlobalKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n BatchMode yes\n",
               port, root, root);
    char *argv[] = {"/usr/sbin/sshd", "-D", "-e", "-f", config, NULL};
    in_root(config, "sshd.conf");
    sshd = spawn(in_root(log, "log"), argv);
    return wait_for(port) && run(NULL, "ssh|-F|%s/ssh.conf|127.0.0.1|true", root) == 0;
}

static void make_keys(void) {
    bench_need(run(NULL, "%s|file|key|--out|%s/server.key", program, root) == 0 &&
                   run(NULL, "%s|file|key|--out|%s/client.key", program, root) == 0,
               "hookprobe file key failed");
}

static void card_of(const char *name, char card[200]) {
    char command[600];
    snprintf(command, sizeof command, "'%s' file key '%s/%s'", program, root, name);
    FILE *f = popen(command, "r");
    bench_need(f != NULL && fgets(card, 200, f) != NULL, "no card");
    card[strcspn(card, "\n")] = 0;
    pclose(f);
}

/* Serves a folder of the root, for one kind of bench. */
static void start_server(const char *folder) {
    char card[200], log[PATHS + 32], config[PATHS + 32];
    const unsigned port = free_port(SOCK_DGRAM);
    card_of("client.key", card);
    write_file("serve.yaml",
               "root: %s\nkey: server.key\nlisten: \"127.0.0.1:%u\"\naudit: audit\nsize_max: 2G\npeers:\n"
               "  - card: \"%s\"\n    operations: put get ls stat rm\n",
               folder, port, card);
    card_of("server.key", card);
    write_file(
        "client.yaml",
        "key: client.key\nservers:\n  - name: bench\n    address: \"127.0.0.1:%u\"\n    card: \"%s\"\n", port,
        card);
    char *argv[] = {(char *)(uintptr_t)program, "file", "serve", "--config", config, NULL};
    in_root(config, "serve.yaml");
    server = spawn(in_root(log, "log"), argv);
    bench_need(run(NULL, "%s|file|ls|--config|%s/client.yaml|--timeout|10|bench:", program, root) == 0,
               "hookprobe file serve does not answer");
}

/* ---- one run of one side: seconds, with all of it on the disk */

static double put_large(enum side side, long *peak) {
    int code;
    empty_target();
    const double t = bench_clock();
    if (side == OURS)
        code = run(peak, "%s|file|put|--config|%s/client.yaml|--quiet|%s/large.pcap|bench:out/", program,
                   root, root);
    else if (side == SCP)
        code = run(NULL, "scp|-q|-F|%s/ssh.conf|%s/large.pcap|127.0.0.1:%s/out/", root, root, root);
    else
        code = run(NULL, "rsync|-e|ssh -F %s/ssh.conf|%s/large.pcap|127.0.0.1:%s/out/", root, root, root);
    if (side != OURS) fsync_path("out/large.pcap"), fsync_path("out");
    const double seconds = bench_clock() - t;
    bench_need(code == 0 && size_of("out/large.pcap") == LARGE, side_names[side]);
    return seconds;
}

static double get_large(enum side side, long *peak) {
    int code;
    empty_target();
    const double t = bench_clock();
    if (side == OURS)
        code = run(peak, "%s|file|get|--config|%s/client.yaml|--quiet|bench:large.pcap|%s/out/", program,
                   root, root);
    else if (side == SCP)
        code = run(NULL, "scp|-q|-F|%s/ssh.conf|127.0.0.1:%s/large.pcap|%s/out/", root, root, root);
    else
        code = run(NULL, "rsync|-e|ssh -F %s/ssh.conf|127.0.0.1:%s/large.pcap|%s/out/", root, root, root);
    if (side != OURS) fsync_path("out/large.pcap"), fsync_path("out");
    const double seconds = bench_clock() - t;
    bench_need(code == 0 && size_of("out/large.pcap") == LARGE, side_names[side]);
    return seconds;
}

static double put_small(enum side side, long *peak) {
    char path[PATHS + 32];
    int code;
    empty_target();
    const double t = bench_clock();
    if (side == OURS)
        code = run(peak, "%s|file|put|-r|--config|%s/client.yaml|--quiet|%s/small|bench:out/", program, root,
                   root);
    else if (side == SCP)
        code = run(NULL, "scp|-q|-r|-F|%s/ssh.conf|%s/small|127.0.0.1:%s/out/", root, root, root);
    else
        code = run(NULL, "rsync|-r|-e|ssh -F %s/ssh.conf|%s/small|127.0.0.1:%s/out/", root, root, root);
    if (side != OURS) sync_all_of("out");
    const double seconds = bench_clock() - t;
    counted = 0;
    (void)nftw(in_root(path, "out"), count_one, 16, FTW_PHYS);
    bench_need(code == 0 && counted == FOLDERS * FILES, side_names[side]);
    return seconds;
}

/* ---- benches */

static void in_turns(const char *name, const char *unit, double amount, double (*once)(enum side, long *),
                     const int there[SIDES], long *peak) {
    double value[SIDES][BENCH_ROUNDS], ours[BENCH_ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIDES; i++) {
            const enum side side = (enum side)((i + round) % SIDES);
            if (there[side]) value[side][round] = amount / once(side, peak);
        }
    if (!bench_wanted(name)) return;
    if (!there[SCP] && !there[RSYNC]) bench_print_n(name, unit, value[OURS], NULL, NULL, 1, ROUNDS);
    for (int side = SCP; side < SIDES; side++) {
        if (!there[side]) continue;
        memcpy(ours, value[OURS], sizeof ours);
        bench_print_n(name, unit, ours, side_names[side], value[side], 1, ROUNDS);
    }
}

static void print_peak(const char *name, long kib) {
    if (bench_wanted(name)) bench_once(name, "MiB", (double)kib / 1024, "limit", RSS_LIMIT, 0);
}

int main(int argc, char **argv) {
    char path[PATHS + 32];
    const char *base = getenv("TMPDIR");
    long put_peak = 0, get_peak = 0, put_server = 0, get_server = 0;
    bench_need(argc > 1, "the program hookprobe is the first argument");
    program = argv[1];
    bench_begin(argc - 1, argv + 1);
    const int put = bench_wanted("file.put.1g") || bench_wanted("file.rss.put.client") ||
                    bench_wanted("file.rss.put.server");
    const int get = bench_wanted("file.get.1g") || bench_wanted("file.rss.get.client") ||
                    bench_wanted("file.rss.get.server");
    const int small = bench_wanted("file.small");
    if (!put && !get && !small) return 0;
    snprintf(root, sizeof root, "%.120s/hkp-bench-XXXXXX", base != NULL ? base : "/var/tmp");
    bench_need(mkdtemp(root) != NULL, "cannot make a folder");
    atexit(clean_up);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    make_keys();
    const int ssh = start_sshd(), rsync = ssh && there_is("rsync");
    const int there[SIDES] = {1, ssh, rsync};
    if (!ssh || !rsync)
        fprintf(stderr, "bench: file.*: no ssh or rsync to compare with (./run bench --peers)\n");
    if (put || get) fill_file(in_root(path, "large.pcap"), LARGE);
    if (small) fill_tree();
    if (put) {
        start_server(".");
        in_turns("file.put.1g", "MB/s", (double)LARGE * 1e-6, put_large, there, &put_peak);
        put_server = stop(&server);
    }
    if (get) {
        start_server(".");
        in_turns("file.get.1g", "MB/s", (double)LARGE * 1e-6, get_large, there, &get_peak);
        get_server = stop(&server);
    }
    if (small) {
        start_server(".");
        in_turns("file.small", "1/s", FOLDERS * FILES, put_small, there, NULL);
        (void)stop(&server);
    }
    if (put) print_peak("file.rss.put.client", put_peak), print_peak("file.rss.put.server", put_server);
    if (get) print_peak("file.rss.get.client", get_peak), print_peak("file.rss.get.server", get_server);
    return 0;
}
