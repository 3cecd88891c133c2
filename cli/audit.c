/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The audit log of a node: shown, verified from the first entry on, and proven entry by entry. */
#include "cli.h"

#include <fcntl.h>
#include <hookprobe/dsm.h>
#include <hookprobe/mesh/audit.h>
#include <hookprobe/ter.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS = 4096, PROOF_FILE_MAX = 8192 };

static const char *const types[] = {
    "?",        "enrolment", "attestation", "validation",    "revocation", "rotation", "policy",
    "workload", "model",     "export",      "configuration", "session",    "blocking"};

/* What the folder of a node says about who it is; certificates are judged by hand of the genesis. */
struct who {
    uint8_t genesis[HKP_DSM_GENESIS_MAX], certificate[HKP_DSM_CERTIFICATE_MAX];
    size_t genesis_len, certificate_len;
    struct hkp_dsm_genesis g;
    struct hkp_dsm_signer signer;
};

struct job {
    struct who who;
    int json, show;
    uint64_t from, wanted;
    /** the entry that is to be proven */
    uint8_t entry[HKP_DSM_AUDIT_ENTRY_MAX];
    size_t entry_len;
    hkp_dsm_audit_prover *prover;
    hkp_status fed;
};

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    const struct who *w = user;
    if (memcmp(w->signer.certificate.node_id, node_id, 16) != 0) return HKP_E_NOTFOUND;
    *out = w->signer;
    return HKP_OK;
}

static uint64_t revoked(void *user, const uint8_t node_id[16]) {
    (void)user;
    (void)node_id;
    return 0;
}

/* Officers of the genesis signed it. A node keeps its key when its certificate is renewed, so heads from
 * before are judged by the same one. */
static int certificate_of(struct who *w, const uint8_t *bytes, size_t len) {
    const struct hkp_dsm_officers officers = {.sets = &w->g.ca_set, .n_sets = 1};
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(bytes, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(w->g.chain_id, &m, HKP_DSM_KIND_CERTIFICATE, &officers);
    if (st == HKP_OK) st = hkp_dsm_certificate_parse(bytes, len, &w->signer.certificate);
    if (st != HKP_OK) return cli_fail(CLI_NO, "its certificate does not hold: %s", cli_status_name(st));
    w->signer.certificate.not_before_s = 0;
    w->signer.certificate.not_after_s = UINT64_MAX - 300;
    hkp_dsm_object_id(w->signer.id, w->g.chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    return CLI_OK;
}

static int read_file(const char *path, uint8_t *dst, size_t cap, size_t *len) {
    const hkp_status st = hkp_ter_file_read(path, 0, dst, cap, len);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: %s", path, cli_status_name(st));
}

static int genesis_of(struct who *w, const char *path) {
    int code = read_file(path, w->genesis, sizeof w->genesis, &w->genesis_len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_genesis_parse(w->genesis, w->genesis_len, &w->g);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_NO, "%s: %s", path, cli_status_name(st));
}

static int who_of(struct who *w, const char *dir) {
    char path[PATHS];
    if (strlen(dir) > PATHS - 32) return cli_fail(CLI_USAGE, "the path of the folder is too long");
    snprintf(path, sizeof path, "%s/genesis", dir);
    int code = genesis_of(w, path);
    snprintf(path, sizeof path, "%s/certificate", dir);
    if (code == CLI_OK) code = read_file(path, w->certificate, sizeof w->certificate, &w->certificate_len);
    return code == CLI_OK ? certificate_of(w, w->certificate, w->certificate_len) : code;
}

/* ---- reading a log ---- */

static void hex(const uint8_t *bytes, size_t len, char *text) {
    for (size_t i = 0; i < len; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void show_entry(const struct job *j, const struct hkp_dsm_audit_entry *e) {
    char when[32], actor[33], data[65];
    if (e->index < j->from) return;
    cli_time_text(e->time_us, when);
    hex(e->actor, 16, actor);
    hex(e->data, 32, data);
    const char *type = types[e->type < sizeof types / sizeof types[0] ? e->type : 0];
    if (j->json)
        cli_print_json(json_pack("{s:I,s:s,s:s,s:s,s:s}", "index", (json_int_t)e->index, "time", when,
                                 "class", type, "actor", actor, "data", data),
                       0);
    else
        printf("%8" PRIu64 "  %s  %-13s  %.8s  %s\n", e->index, when, type, actor, data);
}

static void each(void *user, const struct hkp_dsm_audit_entry *e, const uint8_t *bytes, size_t len) {
    struct job *j = user;
    if (j->show) show_entry(j, e);
    if (j->prover == NULL) return;
    if (e->index == j->wanted && len <= sizeof j->entry) {
        memcpy(j->entry, bytes, len);
        j->entry_len = len;
    }
    if (j->fed == HKP_OK) j->fed = hkp_dsm_audit_prover_feed(j->prover, bytes, len);
}

static int open_log(struct job *j, const char *dir, hkp_mesh_audit **log) {
    const struct hkp_dsm_directory directory = {.user = &j->who, .find = find, .revoked = revoked};
    struct hkp_mesh_audit_options o;
    struct hkp_mesh_fault fault = {.offset = UINT64_MAX};
    char path[PATHS + 8];
    snprintf(path, sizeof path, "%s/audit", dir);
    hkp_mesh_audit_options_init(&o, sizeof o);
    o.dir = path;
    o.chain_id = j->who.g.chain_id;
    o.node_id = j->who.signer.certificate.node_id;
    o.directory = &directory;
    o.each = each;
    o.user = j;
    const hkp_status st = hkp_mesh_audit_open(log, &o, &fault);
    if (st == HKP_OK) return CLI_OK;
    if (st == HKP_E_NOTFOUND) return cli_fail(CLI_NO, "%s: there is no audit log", path);
    if (fault.what[0] == 0) return cli_fail(cli_exit_of(st), "%s: %s", path, cli_status_name(st));
    return cli_fail(st > HKP_E_TER_BASE ? CLI_SYSTEM : CLI_DAMAGED, "%s/%s: at byte %" PRIu64 ": %s (%s)",
                    path, fault.what, fault.offset, fault.why, cli_status_name(st));
}

static int tell_end(const struct job *j, const hkp_mesh_audit *log) {
    struct hkp_dsm_audit_status s = {.struct_size = sizeof s};
    char root[65];
    if (hkp_mesh_audit_status(log, &s) != HKP_OK) return CLI_SYSTEM;
    hex(s.root, 32, root);
    if (j->json)
        cli_print_json(json_pack("{s:b,s:I,s:I,s:s}", "whole", 1, "entries", (json_int_t)s.size, "under_head",
                                 (json_int_t)s.headed, "root", root),
                       0);
    else
        printf("whole: %" PRIu64 " entries, %" PRIu64 " under a signed head, root %s\n", s.size, s.headed,
               root);
    return CLI_OK;
}

/* ---- proofs ---- */

static int write_proof(struct job *j, const hkp_mesh_audit *log, const char *out) {
    uint8_t head[HKP_DSM_AUDIT_HEAD_MAX], proof[HKP_DSM_AUDIT_PROOF_MAX], file[PROOF_FILE_MAX];
    size_t head_len = 0, proof_len = 0;
    hkp_status st = j->fed;
    if (st == HKP_OK) st = hkp_mesh_audit_newest(log, head, sizeof head, &head_len);
    if (st == HKP_OK) st = hkp_dsm_audit_prover_write(j->prover, proof, sizeof proof, &proof_len);
    if (st != HKP_OK) return cli_fail(CLI_NO, "the entry cannot be proven: %s", cli_status_name(st));
    const struct hkp_dsm_view parts[] = {{j->entry, j->entry_len},
                                         {head, head_len},
                                         {proof, proof_len},
                                         {j->who.certificate, j->who.certificate_len}};
    struct hkp_dsm_cbor_writer w = {.out = file, .cap = sizeof file};
    hkp_dsm_cbor_put_map(&w, 5);
    hkp_dsm_cbor_put_uint(&w, 0);
    hkp_dsm_cbor_put_uint(&w, 1);
    for (uint64_t k = 0; k < 4; k++) {
        hkp_dsm_cbor_put_uint(&w, k + 1);
        hkp_dsm_cbor_put_bytes(&w, parts[k].ptr, parts[k].len);
    }
    if (w.status != HKP_OK) return cli_fail(CLI_SYSTEM, "%s", cli_status_name(w.status));
    st = hkp_ter_file_write(out, file, w.len);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: %s", out, cli_status_name(st));
}

/* Entries below the newest head can be proven; the size is known only when the log was read once. */
static int prove(struct job *j, const char *dir, const char *out) {
    hkp_mesh_audit *log = NULL;
    struct hkp_dsm_audit_status s = {.struct_size = sizeof s};
    int code = open_log(j, dir, &log);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_mesh_audit_status(log, &s);
    hkp_mesh_audit_close(log);
    if (st == HKP_OK && j->wanted >= s.headed)
        return cli_fail(CLI_NO, "entry %" PRIu64 " is not under a head yet: %" PRIu64 " are", j->wanted,
                        s.headed);
    if (st == HKP_OK) st = hkp_dsm_audit_prover_inclusion(&j->prover, NULL, j->wanted, s.headed);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s", cli_status_name(st));
    code = open_log(j, dir, &log);
    if (code == CLI_OK) code = write_proof(j, log, out);
    if (code == CLI_OK) hkp_mesh_audit_close(log);
    hkp_dsm_audit_prover_free(j->prover);
    j->prover = NULL;
    return code;
}

static int verify_proof(struct job *j, const char *path) {
    const struct hkp_dsm_directory directory = {.user = &j->who, .find = find, .revoked = revoked};
    uint8_t file[PROOF_FILE_MAX];
    size_t len = 0;
    struct hkp_dsm_view parts[4] = {{0}};
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_audit_head head;
    struct hkp_dsm_audit_entry entry;
    int code = read_file(path, file, sizeof file, &len);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_dsm_cbor_read(&r, file, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    for (uint64_t k = 0; k < 4; k++) {
        hkp_dsm_cbor_key(&r, &left, k + 1);
        parts[k].ptr = hkp_dsm_cbor_bytes(&r, 1, sizeof file, &parts[k].len);
    }
    hkp_dsm_cbor_close(&r, left);
    if (st == HKP_OK) st = r.status;
    if (st != HKP_OK) return cli_fail(CLI_NO, "%s: no proof of an entry: %s", path, cli_status_name(st));
    code = certificate_of(&j->who, parts[3].ptr, parts[3].len);
    if (code != CLI_OK) return code;
    st = hkp_dsm_audit_head_read(parts[1].ptr, parts[1].len, &head);
    if (st == HKP_OK)
        st = hkp_dsm_audit_head_check(parts[1].ptr, parts[1].len, j->who.g.chain_id, &directory,
                                      head.time_us / 1000000, &head);
    if (st == HKP_OK)
        st = hkp_dsm_audit_included(parts[2].ptr, parts[2].len, parts[0].ptr, parts[0].len, &head, &entry);
    if (st != HKP_OK) return cli_fail(CLI_NO, "%s: does not hold: %s", path, cli_status_name(st));
    show_entry(j, &entry);
    if (!j->json) printf("stands under the head of %" PRIu64 " entries that its node signed\n", head.size);
    return CLI_OK;
}

/* ---- commands ---- */

static int run_log(int argc, char **argv, const struct cli_command *command, int show) {
    static const struct option own[] = {{"from", required_argument, NULL, 'f'},
                                        {"proof", required_argument, NULL, 'p'},
                                        {"genesis", required_argument, NULL, 'g'},
                                        {NULL, 0, NULL, 0}};
    static struct job j;
    const char *proof = NULL, *genesis = NULL;
    hkp_mesh_audit *log = NULL;
    int got;
    j = (struct job){.show = show};
    while ((got = cli_option(command, argc, argv, own)) != -1) {
        if (got == '?' || (got == 'f' && cli_number(optarg, 0, INT64_MAX, &j.from) != 0)) return CLI_USAGE;
        if (got == 'j') j.json = 1;
        if (got == 'p') proof = optarg;
        if (got == 'g') genesis = optarg;
    }
    if (!show && proof != NULL && genesis != NULL && optind == argc) {
        const int code = genesis_of(&j.who, genesis);
        return code == CLI_OK ? verify_proof(&j, proof) : code;
    }
    if (proof != NULL || genesis != NULL || optind + 1 != argc)
        return cli_fail(CLI_USAGE, "%s wants the folder of a node%s", command->name,
                        show ? "" : ", or --proof FILE and --genesis FILE");
    int code = who_of(&j.who, argv[optind]);
    if (code == CLI_OK) code = open_log(&j, argv[optind], &log);
    if (code == CLI_OK && !show) code = tell_end(&j, log);
    hkp_mesh_audit_close(log);
    return code;
}

static int run_show(int argc, char **argv) { return run_log(argc, argv, &cli_audit_show, 1); }

static int run_verify(int argc, char **argv) { return run_log(argc, argv, &cli_audit_verify, 0); }

static int run_prove(int argc, char **argv) {
    static const struct option own[] = {{"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
    static struct job j;
    const char *out = NULL;
    int got;
    j = (struct job){.show = 0};
    while ((got = cli_option(&cli_audit_prove, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'o') out = optarg;
    }
    if (out == NULL || optind + 2 != argc || cli_number(argv[optind + 1], 0, INT64_MAX, &j.wanted) != 0)
        return cli_fail(CLI_USAGE,
                        "audit prove wants the folder of a node, the index of an entry and -o FILE");
    const int code = who_of(&j.who, argv[optind]);
    return code == CLI_OK ? prove(&j, argv[optind], out) : code;
}

const struct cli_command cli_audit_show = {
    .name = "audit show",
    .summary = "entries of a node's audit log",
    .help = "usage: hookprobe audit show DATA_DIR [--from N] [--json]\n\n"
            "Reads the log in DATA_DIR/audit from the first entry on, verifies it as audit verify does, and\n"
            "prints index, time, class, who did it and the digest of what was done.\n\n"
            "  --from N  the first index that is printed\n"
            "  --json    one JSON object a line\n",
    .run = run_show,
};

const struct cli_command cli_audit_verify = {
    .name = "audit verify",
    .summary = "verify an audit log, or the proof of one entry",
    .help =
        "usage: hookprobe audit verify DATA_DIR [--json]\n"
        "       hookprobe audit verify --proof FILE --genesis FILE [--json]\n\n"
        "The first form reads a whole log: every entry is chained to the one before, every signed head has\n"
        "the root of the entries below it, no entry below a head is missing. The second needs nothing but\n"
        "the genesis of the mesh: the file of audit prove shows that one entry stands under a head that its\n"
        "node signed, with a certificate of the officers of that genesis.\n\n"
        "  --proof FILE    what audit prove wrote\n"
        "  --genesis FILE  genesis of the mesh\n"
        "  --json          JSON\n",
    .run = run_verify,
};

const struct cli_command cli_audit_prove = {
    .name = "audit prove",
    .summary = "write the proof that an entry stands in an audit log",
    .help = "usage: hookprobe audit prove DATA_DIR INDEX -o FILE\n\n"
            "Writes the entry, the newest signed head, the hashes between them and the node's certificate\n"
            "into one file, which audit verify --proof checks anywhere.\n",
    .run = run_prove,
};
