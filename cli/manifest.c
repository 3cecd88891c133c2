/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ter manifest build and sign: from YAML to a draft, from a draft to what a node takes (decision
 * 0108). */
#include "manifest.h"

#include <hookprobe/neuro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 64, DAYS_MAX = 3650 };

static int write_file(const char *path, const uint8_t *bytes, size_t len) {
    const hkp_status st = hkp_ter_file_write(path, bytes, len);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: cannot be written", path);
}

/* ---- build ---- */

struct build {
    const char *yaml, *out, *measured, *policy;
    int strict, json;
};

static uint32_t report(const struct build *b, const struct cli_wanted *wanted, const struct cli_man *man,
                       const struct cli_measured *m) {
    json_t *missing = json_array(), *empty = json_array();
    uint32_t n_empty = 0;
    for (; wanted->empty != NULL && wanted->empty[n_empty] != NULL; n_empty++)
        json_array_append_new(empty, json_string(wanted->empty[n_empty]));
    const uint32_t n_missing = cli_missing(m, missing);
    if (b->json) {
        cli_print_json(json_pack("{s:s,s:I,s:I,s:I,s:o,s:o}", "draft", b->out, "items",
                                 (json_int_t)man->view.n_items, "allow", (json_int_t)man->view.n_allow,
                                 "bytes", (json_int_t)man->view.len, "missing", missing, "empty", empty),
                       0);
        return n_missing + n_empty;
    }
    printf("%s: draft of %u items, %u allowed modules, %zu bytes\n", b->out, man->view.n_items,
           man->view.n_allow, man->view.len);
    if (n_missing > 0)
        printf("not there, or not to be measured by its method (a node says so in every TER):\n");
    (void)cli_missing(m, NULL);
    if (n_empty > 0) printf("nothing was found for:\n");
    for (uint32_t i = 0; i < n_empty; i++) printf("  %s\n", wanted->empty[i]);
    json_decref(missing);
    json_decref(empty);
    return n_missing + n_empty;
}

static int build_draft(const struct build *b, const struct cli_wanted *wanted) {
    struct cli_man man = {.bytes = malloc(HKP_TER_MANIFEST_MAX)};
    struct cli_measured m;
    size_t len = 0;
    if (man.bytes == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    hkp_status st = hkp_ter_manifest_draft(&wanted->spec, man.bytes, HKP_TER_MANIFEST_MAX, &len);
    if (st == HKP_OK) st = hkp_ter_manifest_parse(&man.view, man.bytes, len);
    int code = st == HKP_OK ? cli_measure(&man.view, b->policy, &m)
                            : cli_fail(CLI_USAGE, "%s: the manifest would be longer than 4 MiB", b->yaml);
    if (code == CLI_OK) {
        const uint32_t faults = report(b, wanted, &man, &m);
        if (b->strict && faults > 0)
            code = cli_fail(CLI_NO, "%s: nothing was written: --strict, and %u are missing", b->yaml, faults);
        if (code == CLI_OK) code = write_file(b->out, man.bytes, len);
        if (code == CLI_OK && b->measured != NULL) code = cli_measured_write(b->measured, &m);
        cli_measured_free(&m);
    }
    cli_man_free(&man);
    return code;
}

static int build(int argc, char **argv) {
    static const struct option own[] = {{"out", required_argument, NULL, 'o'},
                                        {"measured", required_argument, NULL, 'm'},
                                        {"policy", required_argument, NULL, 'p'},
                                        {"strict", no_argument, NULL, 's'},
                                        {NULL, 0, NULL, 0}};
    struct build b = {0};
    struct cli_wanted wanted;
    char error[512];
    int got;
    while ((got = cli_option(&cli_manifest_build, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'o') b.out = optarg;
        if (got == 'm') b.measured = optarg;
        if (got == 'p') b.policy = optarg;
        if (got == 's') b.strict = 1;
        if (got == 'j') b.json = 1;
    }
    if (argc - optind != 1 || b.out == NULL)
        return cli_fail(CLI_USAGE, "ter manifest build wants one YAML file and --out FILE");
    b.yaml = argv[optind];
    if (cli_manifest_load(b.yaml, &wanted, error) != 0) return cli_fail(CLI_USAGE, "%s", error);
    const int code = build_draft(&b, &wanted);
    cli_manifest_free(&wanted);
    return code;
}

/* ---- sign ---- */

struct sign {
    const char *draft, *out, *key, *node, *rebase, *measured, *policy;
    uint64_t policy_ver, days;
    int accept_missing, json;
    uint8_t node_id[16];
};

static int read_key(const char *path, uint8_t secret[KEY_LEN]) {
    uint8_t bytes[KEY_LEN + 1];
    size_t len = 0;
    const hkp_status st = hkp_ter_file_read(path, 1, bytes, sizeof bytes, &len);
    const int right = st == HKP_OK && len == KEY_LEN;
    if (right) memcpy(secret, bytes, KEY_LEN);
    hkp_ter_wipe(bytes, sizeof bytes);
    if (right) return CLI_OK;
    if (st == HKP_E_STATE)
        return cli_fail(CLI_USAGE, "%s: a key must be a plain file that only its owner can read: chmod 600",
                        path);
    if (st == HKP_OK || st == HKP_E_NOSPC)
        return cli_fail(CLI_DAMAGED, "%s: is no policy key: 64 bytes are wanted", path);
    return cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", path, cli_status_name(st));
}

/* The reference that the manifest is put in force with (NZ1 11). */
static int write_rebase(const struct sign *s, const struct hkp_ter_manifest *manifest,
                        const uint8_t secret[KEY_LEN]) {
    struct cli_measured m;
    struct hkp_neuro_rba rba = {.policy_ver = (uint32_t)s->policy_ver,
                                .not_after_us = cli_wall() + s->days * 86400000000U};
    uint8_t bytes[HKP_TER_RBA_SIZE];
    int code = s->measured != NULL ? cli_measured_read(s->measured, manifest, &m)
                                   : cli_measure(manifest, s->policy, &m);
    if (code != CLI_OK) return code;
    json_t *missing = json_array();
    if (cli_missing(&m, missing) > 0 && !s->accept_missing) {
        if (s->json)
            cli_print_json(json_pack("{s:O}", "missing", missing), 0);
        else
            (void)cli_missing(&m, NULL);
        code = cli_fail(CLI_NO,
                        "no reference was made: items are missing; --accept-missing takes that for right");
    }
    json_decref(missing);
    memcpy(rba.root, m.root, 32);
    memcpy(rba.node_id, s->node_id, 16);
    cli_measured_free(&m);
    if (code != CLI_OK) return code;
    hkp_neuro_rba_sign(&rba, secret, bytes);
    return write_file(s->rebase, bytes, sizeof bytes);
}

static int tell_signed(const struct sign *s, const struct hkp_ter_manifest *manifest) {
    char digest[65], signer[33];
    cli_hex(manifest->digest, 32, digest);
    cli_hex(manifest->signer, 16, signer);
    if (s->json)
        cli_print_json(json_pack("{s:s,s:s,s:s,s:I,s:s?}", "manifest", s->out, "digest", digest, "signer",
                                 signer, "policy_ver", (json_int_t)s->policy_ver, "rebase", s->rebase),
                       0);
    else
        printf("%s: policy %llu, signed by %s, sha256 %s\n", s->out, (unsigned long long)s->policy_ver,
               signer, digest);
    return CLI_OK;
}

static int sign_draft(const struct sign *s, const struct cli_man *draft, const uint8_t secret[KEY_LEN]) {
    struct hkp_ter_manifest manifest;
    uint8_t *bytes = malloc(draft->view.len);
    if (bytes == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    hkp_status st =
        hkp_ter_manifest_sign(draft->bytes, draft->view.len, (uint32_t)s->policy_ver,
                              s->node != NULL ? s->node_id : NULL, secret, bytes, draft->view.len);
    /* As the node will look at it: a damaged key shows here. */
    if (st == HKP_OK)
        st = hkp_ter_manifest_check(&manifest, bytes, draft->view.len, s->node_id, secret + 32, 1, NULL);
    int code = st == HKP_OK
                   ? CLI_OK
                   : cli_fail(CLI_DAMAGED, "%s: the key does not sign: %s", s->key, cli_status_name(st));
    if (code == CLI_OK && s->rebase != NULL) code = write_rebase(s, &manifest, secret);
    if (code == CLI_OK) code = write_file(s->out, bytes, draft->view.len);
    if (code == CLI_OK) code = tell_signed(s, &manifest);
    free(bytes);
    return code;
}

static int sign_with(struct sign *s) {
    static const uint8_t nobody[16];
    uint8_t secret[KEY_LEN];
    struct cli_man draft;
    int code = cli_man_read(s->draft, &draft);
    if (code != CLI_OK) return code;
    if (s->node == NULL) memcpy(s->node_id, draft.view.node_id, 16);
    if (s->rebase != NULL && memcmp(s->node_id, nobody, 16) == 0)
        code = cli_fail(CLI_USAGE, "--rebase is for one node: --node, or node_id in the YAML file");
    if (code == CLI_OK) code = read_key(s->key, secret);
    if (code == CLI_OK) code = sign_draft(s, &draft, secret);
    hkp_ter_wipe(secret, sizeof secret);
    cli_man_free(&draft);
    return code;
}

static int sign(int argc, char **argv) {
    static const struct option own[] = {
        {"out", required_argument, NULL, 'o'},        {"key", required_argument, NULL, 'k'},
        {"policy-ver", required_argument, NULL, 'v'}, {"node", required_argument, NULL, 'n'},
        {"rebase", required_argument, NULL, 'r'},     {"days", required_argument, NULL, 'd'},
        {"measured", required_argument, NULL, 'm'},   {"policy", required_argument, NULL, 'p'},
        {"accept-missing", no_argument, NULL, 'a'},   {NULL, 0, NULL, 0}};
    struct sign s = {.days = 90};
    int got, has_version = 0;
    while ((got = cli_option(&cli_manifest_sign, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'o') s.out = optarg;
        if (got == 'k') s.key = optarg;
        if (got == 'n') s.node = optarg;
        if (got == 'r') s.rebase = optarg;
        if (got == 'm') s.measured = optarg;
        if (got == 'p') s.policy = optarg;
        if (got == 'a') s.accept_missing = 1;
        if (got == 'j') s.json = 1;
        if (got == 'v' && (has_version = cli_number(optarg, 1, UINT32_MAX, &s.policy_ver) == 0) == 0)
            return cli_fail(CLI_USAGE, "--policy-ver: 1..4294967295");
        if (got == 'd' && cli_number(optarg, 1, DAYS_MAX, &s.days) != 0)
            return cli_fail(CLI_USAGE, "--days: 1..%d", DAYS_MAX);
    }
    if (argc - optind != 1 || s.out == NULL || s.key == NULL || !has_version)
        return cli_fail(CLI_USAGE, "ter manifest sign wants a draft, --out, --key and --policy-ver");
    if (s.node != NULL && cli_unhex(s.node, s.node_id, 16) != 0)
        return cli_fail(CLI_USAGE, "--node: 32 hex digits");
    if (s.rebase == NULL && (s.measured != NULL || s.accept_missing || s.policy != NULL))
        return cli_fail(CLI_USAGE, "--measured, --policy and --accept-missing belong to --rebase");
    s.draft = argv[optind];
    return sign_with(&s);
}

const struct cli_command cli_manifest_build = {
    .name = "ter manifest build",
    .summary = "make a draft of what is measured, from YAML",
    .help =
        "usage: hookprobe ter manifest build FILE.yaml --out DRAFT [--measured FILE] [--policy FILE] "
        "[--strict] "
        "[--json]\n\n"
        "Expands the file on this machine into a manifest (MAN1) that nobody has signed: no node takes it.\n"
        "Measures once, and names every item that is absent or unreadable, and every pattern without "
        "files.\n\n"
        "  --out DRAFT      where the draft goes\n"
        "  --measured FILE  also what was measured, as JSON: for sign on another machine, and for diff\n"
        "  --policy FILE    the active policy, whose digest is @policy\n"
        "  --strict         write nothing and exit 1 if something is missing\n"
        "  --json           one JSON object\n",
    .more = cli_manifest_help,
    .run = build,
};

const struct cli_command cli_manifest_sign = {
    .name = "ter manifest sign",
    .summary = "sign a draft, and the reference that goes with it",
    .help =
        "usage: hookprobe ter manifest sign DRAFT --out FILE --key FILE --policy-ver N [--node ID] [--json]\n"
        "                                   [--rebase FILE [--days N] [--measured FILE] [--policy FILE] "
        "[--accept-missing]]\n\n"
        "Signs a draft with the policy key; a signed manifest may be signed anew for a higher version.\n\n"
        "  --out FILE        where the manifest goes\n"
        "  --key FILE        policy key, 64 bytes, readable by its owner only (mode 0600)\n"
        "  --policy-ver N    of the manifest and of the rebase that puts it in force\n"
        "  --node ID         32 hex digits; default: as in the draft\n"
        "  --rebase FILE     also the authorisation (RBA1) of the reference: this machine is measured now,\n"
        "  --measured FILE   or what \"build --measured\" wrote on that machine is taken\n"
        "  --days N          how long a node may take it, 1..3650; default 90\n"
        "  --policy FILE     the active policy, whose digest is @policy\n"
        "  --accept-missing  a reference with absent or unreadable items is meant so\n"
        "  --json            one JSON object\n",
    .run = sign,
};
