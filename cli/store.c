/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe store: whether the store of a node is whole, its repair, and its chain as a file and back. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS = 512 };

/* The folder of a node, the store in it, and what of it says whose store it is. */
struct job {
    const char *dir;
    char store[PATHS];
    int json;
    uint8_t genesis[HKP_DSM_GENESIS_MAX], certificate[HKP_DSM_CERTIFICATE_MAX], secret[64];
    size_t genesis_len, certificate_len;
};

static int paths(struct job *j, const char *dir) {
    j->dir = dir;
    const int n = snprintf(j->store, sizeof j->store, "%s/store", dir);
    return n > 0 && (size_t)n < sizeof j->store ? 0 : cli_fail(CLI_USAGE, "%s: too long", dir);
}

static int read_one(const struct job *j, const char *name, uint8_t *dst, size_t max, size_t *len) {
    char path[PATHS];
    snprintf(path, sizeof path, "%.400s/%s", j->dir, name);
    const hkp_status st = hkp_ter_file_read(path, 0, dst, max, len);
    return st == HKP_OK ? 0 : cli_fail(CLI_USAGE, "%s: %s", path, cli_status_name(st));
}

/* Genesis and certificate; nothing is signed, so the public half of the secret is enough. */
static int identity(struct job *j) {
    struct hkp_dsm_certificate c;
    int code = read_one(j, "genesis", j->genesis, sizeof j->genesis, &j->genesis_len);
    if (code == 0)
        code = read_one(j, "certificate", j->certificate, sizeof j->certificate, &j->certificate_len);
    if (code != 0) return code;
    if (hkp_dsm_certificate_parse(j->certificate, j->certificate_len, &c) != HKP_OK)
        return cli_fail(CLI_USAGE, "%s/certificate is none", j->dir);
    memcpy(j->secret + 32, c.key, 32);
    return 0;
}

static int damaged(const struct hkp_dsm_store_fault *fault, hkp_status st, const char *where) {
    if (st == HKP_E_STATE) return cli_fail(CLI_SYSTEM, "%s is in use", where);
    if (st == HKP_E_NOTFOUND || strcmp(fault->file, ".") == 0)
        return cli_fail(CLI_USAGE, "%s holds no store", where);
    if (fault->file[0] == 0) return cli_fail(cli_exit_of(st), "%s: %s", where, cli_status_name(st));
    return cli_fail(CLI_DAMAGED, "%s/%s: %s", where, fault->file, fault->what);
}

static void tell(const struct job *j, const char *done, const struct hkp_dsm_store_moved *m) {
    if (j->json) {
        cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "done", done, "items",
                                 (json_int_t)m->items, "from_height", (json_int_t)m->from_height, "to_height",
                                 (json_int_t)m->to_height, "checkpoints", (json_int_t)m->heights, "blocks",
                                 (json_int_t)m->blocks),
                       0);
        return;
    }
    printf("%s: heights %" PRIu64 " to %" PRIu64 ", %" PRIu64 " checkpoints, %" PRIu64 " blocks\n", done,
           m->from_height, m->to_height, m->heights, m->blocks);
}

static hkp_status import_from(struct job *j, const char *store, int fd, struct hkp_dsm_store_moved *m) {
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    hkp_ter_system_rng(&o.rng);
    o.genesis = j->genesis;
    o.genesis_len = j->genesis_len;
    o.certificate = j->certificate;
    o.certificate_len = j->certificate_len;
    o.secret = j->secret;
    return hkp_dsm_store_import(store, fd, &o, cli_wall(), m);
}

/* ---- check ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

/* The whole chain again from the genesis, by a node with an empty store. */
static int check_deep(struct job *j) {
    const char *tmp = getenv("TMPDIR");
    char dir[PATHS], file[PATHS + 8];
    struct hkp_dsm_store_moved out = {.struct_size = sizeof out}, in = out;
    snprintf(dir, sizeof dir, "%.400s/hookprobe-check-XXXXXX", tmp != NULL ? tmp : "/tmp");
    int code = identity(j);
    if (code != 0) return code;
    if (mkdtemp(dir) == NULL) return cli_fail(CLI_SYSTEM, "%s: %s", dir, strerror(errno));
    snprintf(file, sizeof file, "%s/chain", dir);
    const int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    hkp_status st = fd >= 0 ? hkp_dsm_store_export(j->store, fd, &out) : HKP_E_IO;
    if (st == HKP_OK && lseek(fd, 0, SEEK_SET) != 0) st = HKP_E_IO;
    if (st == HKP_OK) st = import_from(j, dir, fd, &in);
    if (fd >= 0) close(fd);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (st != HKP_OK)
        return cli_fail(CLI_NO, "%s: its chain does not hold: %s", j->store, cli_status_name(st));
    tell(j, "verified", &in);
    return CLI_OK;
}

static int run_check(int argc, char **argv) {
    static const struct option own[] = {{"deep", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
    struct job j = {.dir = NULL};
    struct hkp_dsm_store_fault fault = {.offset = 0};
    hkp_dsm_store *store = NULL;
    int deep = 0;
    for (int got; (got = cli_option(&cli_store_check, argc, argv, own)) != -1;) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') j.json = 1;
        if (got == 'd') deep = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "store check wants one folder");
    if (paths(&j, argv[optind]) != 0) return CLI_USAGE;
    const hkp_status st = hkp_dsm_store_open(&store, j.store, 0, &fault);
    hkp_dsm_store_close(store);
    if (st != HKP_OK) return damaged(&fault, st, j.store);
    if (deep) return check_deep(&j);
    struct hkp_dsm_store_moved out = {.struct_size = sizeof out};
    const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const hkp_status walked = hkp_dsm_store_export(j.store, fd, &out);
    close(fd);
    if (walked != HKP_OK)
        return cli_fail(CLI_NO, "%s: every row is whole, but some are missing: %s", j.store,
                        cli_status_name(walked));
    tell(&j, "whole", &out);
    return CLI_OK;
}

const struct cli_command cli_store_check = {
    .name = "store check",
    .summary = "is the store of a node whole?",
    .help =
        "usage: hookprobe store check DIR [--deep] [--json]\n"
        "\n"
        "DIR is the folder of a node that is not running. Every page, every row with its checksum, the\n"
        "log of promises, and whether the final chain is there without a gap.\n"
        "\n"
        "  --deep  verify the chain, too: signatures, links, roots, from the genesis on, as an import does\n"
        "  --json  one JSON object\n",
    .run = run_check};

/* ---- repair ---- */

static int run_repair(int argc, char **argv) {
    struct job j = {.dir = NULL};
    struct hkp_dsm_store_fault fault = {.offset = 0};
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    for (int got; (got = cli_option(&cli_store_repair, argc, argv, NULL)) != -1;) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') j.json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "store repair wants one folder");
    if (paths(&j, argv[optind]) != 0) return CLI_USAGE;
    const hkp_status st = hkp_dsm_store_repair(j.store, &done, &fault);
    if (st != HKP_OK) return damaged(&fault, st, j.store);
    if (j.json)
        cli_print_json(json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)done.rows, "damaged",
                                 (json_int_t)done.damaged, "remade", (json_int_t)done.remade),
                       0);
    else
        printf("%" PRIu64 " rows are whole, %" PRIu64 " were not and will be asked for, %" PRIu64
               " made anew\n",
               done.rows, done.damaged, done.remade);
    return CLI_OK;
}

const struct cli_command cli_store_repair = {
    .name = "store repair",
    .summary = "keep of a damaged store what is whole",
    .help =
        "usage: hookprobe store repair DIR [--json]\n"
        "\n"
        "DIR is the folder of a node that is not running. What can be read and agrees with its checksum\n"
        "stays; the node fetches the rest from its peers. A node does this by itself when it starts on a\n"
        "damaged database. The damaged file is kept beside as dsm.sqlite.bad.\n"
        "\n"
        "  --json  one JSON object\n",
    .run = run_repair};

/* ---- export, import ---- */

static int run_export(int argc, char **argv) {
    struct job j = {.dir = NULL};
    struct hkp_dsm_store_moved out = {.struct_size = sizeof out};
    char part[PATHS];
    for (int got; (got = cli_option(&cli_store_export, argc, argv, NULL)) != -1;) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') j.json = 1;
    }
    if (argc - optind != 2) return cli_fail(CLI_USAGE, "store export wants a folder and a file");
    if (paths(&j, argv[optind]) != 0) return CLI_USAGE;
    const char *file = argv[optind + 1];
    const int n = snprintf(part, sizeof part, "%s.part", file);
    if (n < 0 || (size_t)n >= sizeof part) return cli_fail(CLI_USAGE, "%s: too long", file);
    const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return cli_fail(CLI_SYSTEM, "%s: %s", part, strerror(errno));
    const hkp_status st = hkp_dsm_store_export(j.store, fd, &out);
    close(fd);
    if (st == HKP_OK && rename(part, file) != 0) return cli_fail(CLI_SYSTEM, "%s: %s", file, strerror(errno));
    if (st != HKP_OK) {
        unlink(part);
        return cli_fail(st == HKP_E_NOTFOUND ? CLI_NO : cli_exit_of(st), "%s: %s", j.store,
                        cli_status_name(st));
    }
    tell(&j, "exported", &out);
    return CLI_OK;
}

const struct cli_command cli_store_export = {
    .name = "store export",
    .summary = "write the final chain as a file",
    .help =
        "usage: hookprobe store export DIR FILE [--json]\n"
        "\n"
        "DIR is the folder of a node, which may be running. FILE holds every final block with its proofs;\n"
        "where early blocks were pruned it begins at the last boundary. Anybody with the genesis of the\n"
        "mesh can verify it, so it needs no protection but for what the blocks say.\n"
        "\n"
        "  --json  one JSON object\n",
    .run = run_export};

static int run_import(int argc, char **argv) {
    struct job j = {.dir = NULL};
    struct hkp_dsm_store_moved in = {.struct_size = sizeof in};
    for (int got; (got = cli_option(&cli_store_import, argc, argv, NULL)) != -1;) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') j.json = 1;
    }
    if (argc - optind != 2) return cli_fail(CLI_USAGE, "store import wants a folder and a file");
    if (paths(&j, argv[optind]) != 0) return CLI_USAGE;
    const int code = identity(&j);
    if (code != 0) return code;
    const int fd = open(argv[optind + 1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return cli_fail(CLI_SYSTEM, "%s: %s", argv[optind + 1], strerror(errno));
    if (mkdir(j.store, 0700) != 0 && errno != EEXIST) {
        close(fd);
        return cli_fail(CLI_SYSTEM, "%s: %s", j.store, strerror(errno));
    }
    const hkp_status st = import_from(&j, j.store, fd, &in);
    close(fd);
    if (st == HKP_OK || in.to_height > 0) tell(&j, st == HKP_OK ? "imported" : "imported so far", &in);
    if (st == HKP_E_NOTFOUND)
        return cli_fail(CLI_NO, "%s ends early: give it again when it is whole", argv[optind + 1]);
    if (st == HKP_E_STATE) return cli_fail(CLI_SYSTEM, "%s is in use", j.store);
    if (st == HKP_E_IO)
        return cli_fail(CLI_DAMAGED, "%s cannot be used, or is of a node that was started", j.store);
    if (st != HKP_OK) return cli_fail(CLI_NO, "%s is refused: %s", argv[optind + 1], cli_status_name(st));
    return CLI_OK;
}

const struct cli_command cli_store_import = {
    .name = "store import",
    .summary = "bring a chain from a file into an empty store",
    .help = "usage: hookprobe store import DIR FILE [--json]\n"
            "\n"
            "DIR is the folder of a node that was not started yet, or whose folder store was emptied. "
            "Everything\n"
            "in FILE is verified from DIR/genesis on; an import that was cut short goes on when it is given\n"
            "again. A member that voted before observes until the next epoch, since its log of promises is "
            "gone.\n"
            "\n"
            "  --json  one JSON object\n",
    .run = run_import};
