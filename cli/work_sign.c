/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What operators and schedulers sign with the key of their node: WORKLOAD, ASSIGN, POLICY (D-AUD-5). */
#include "work.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { NODE_KEYS = 108, DAY = 86400, HOUR = 3600, IMAGE_STEP = 65536 };

/* ---- The signer ---- */

int cli_signer_who(struct cli_signer *s, const char *dir) {
    char path[CLI_CA_PATH];
    int code = cli_ca_path(path, dir, "genesis");
    if (code == CLI_OK) code = cli_ca_genesis(&s->ca, path);
    if (code == CLI_OK) code = cli_ca_path(path, dir, "certificate");
    if (code == CLI_OK)
        code = cli_ca_read(path, s->certificate_bytes, sizeof s->certificate_bytes, &s->certificate_len);
    if (code != CLI_OK) return code;
    const hkp_status st =
        hkp_dsm_certificate_check(s->certificate_bytes, s->certificate_len, s->ca.genesis.chain_id,
                                  &s->ca.officers, cli_wall() / 1000000, 0, &s->certificate);
    return st == HKP_OK ? CLI_OK : cli_ca_told(path, st, "does not hold");
}

int cli_signer_open(struct cli_signer *s, const char *dir, const char *passphrase_file, uint32_t roles) {
    uint8_t static_key[32];
    int code = cli_signer_who(s, dir);
    if (code == CLI_OK && (s->certificate.roles & roles) != roles)
        code = cli_fail(CLI_NO, "%s: its certificate lacks the role %s (E_DSM_ROLE)", dir,
                        roles == HKP_DSM_ROLE_OPERATOR ? "operator" : "scheduler");
    if (code == CLI_OK) code = cli_ca_node_keys(dir, passphrase_file, s->secret, static_key);
    if (code == CLI_OK && memcmp(s->secret + 32, s->certificate.key, 32) != 0)
        code = cli_fail(CLI_USAGE, "%s: keys and certificate do not belong together", dir);
    if (code != CLI_OK) hkp_ter_wipe(s->secret, sizeof s->secret);
    return code;
}

int cli_signer_write(const struct cli_signer *s, uint32_t kind, const uint8_t *body, size_t len,
                     const char *out, int json) {
    uint8_t bytes[CLI_WORK_MAX];
    size_t n = 0;
    const hkp_status st = hkp_dsm_envelope_sign(s->ca.genesis.chain_id, kind, s->certificate.node_id,
                                                s->secret, body, len, bytes, sizeof bytes, &n);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "cannot be signed: %s", cli_status_name(st));
    const int code = cli_ca_write(out, bytes, n);
    if (code != CLI_OK) return code;
    json_t *o = cli_work_describe(s->ca.genesis.chain_id, bytes, n);
    json_object_set_new(o, "out", json_string(out));
    cli_ca_tell(o, json);
    return CLI_OK;
}

int cli_work_digest(const char *path, uint8_t digest[32]) {
    static uint8_t step[IMAGE_STEP];
    crypto_hash_sha256_state h;
    FILE *f = fopen(path, "rb");
    size_t n;
    if (f == NULL) return cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
    crypto_hash_sha256_init(&h);
    while ((n = fread(step, 1, sizeof step, f)) > 0) crypto_hash_sha256_update(&h, step, n);
    const int bad = ferror(f);
    fclose(f);
    crypto_hash_sha256_final(&h, digest);
    return bad ? cli_fail(CLI_SYSTEM, "%s: cannot be read", path) : CLI_OK;
}

int cli_work_hex(const char *text, uint8_t *dst, size_t n) {
    size_t len = 0;
    return strlen(text) == 2 * n && sodium_hex2bin(dst, n, text, 2 * n, NULL, &len, NULL) == 0 && len == n
               ? 0
               : -1;
}

static int sign_body(struct cli_signer *s, uint32_t kind, hkp_status built, const uint8_t *body, size_t len,
                     const char *out, int json) {
    const int code = built == HKP_OK ? cli_signer_write(s, kind, body, len, out, json)
                                     : cli_fail(CLI_USAGE, "cannot be made: %s", cli_status_name(built));
    hkp_ter_wipe(s->secret, sizeof s->secret);
    return code;
}

/* ---- workload sign ---- */

struct wanted {
    const char *node, *passphrase_file, *out, *image, *workload;
    struct hkp_dsm_workload l;
    struct hkp_dsm_assign a;
    struct hkp_dsm_policy p;
    uint8_t inputs[HKP_DSM_INPUTS_MAX][32];
    uint64_t days, hours;
    int json, has_id;
};

static int tiers_of(const char *text, uint32_t *tiers) {
    char one[16];
    *tiers = 0;
    for (const char *at = text; *at != 0;) {
        const size_t len = strcspn(at, ",");
        uint32_t t = 0;
        if (len >= sizeof one) return -1;
        memcpy(one, at, len);
        one[len] = 0;
        if (cli_ca_tier(one, &t) != 0) return -1;
        *tiers |= 1U << (t - 1);
        at += len + (at[len] == ',');
    }
    return *tiers != 0 ? 0 : -1;
}

static int add_input(struct wanted *w, const char *path) {
    if (w->l.n_inputs == HKP_DSM_INPUTS_MAX) return cli_fail(CLI_USAGE, "--input: at most 64");
    uint8_t *digest = w->inputs[w->l.n_inputs];
    w->l.inputs[w->l.n_inputs++] = digest;
    return cli_work_digest(path, digest);
}

static int add_argument(struct wanted *w, const char *text) {
    if (w->l.n_arguments == HKP_DSM_ARGUMENTS_MAX) return cli_fail(CLI_USAGE, "--argument: at most 64");
    w->l.arguments[w->l.n_arguments++] = (struct hkp_dsm_view){(const uint8_t *)text, strlen(text)};
    return CLI_OK;
}

static int take_workload(struct wanted *w, int got) {
    uint64_t cpu;
    if (got == 'I') {
        w->has_id = 1;
        return cli_work_hex(optarg, w->l.workload_id, 16) == 0 ? CLI_OK
                                                               : cli_fail(CLI_USAGE, "--id: 32 hex digits");
    }
    if (got == 'V' && cli_number(optarg, 1, UINT64_MAX, &w->l.version) != 0)
        return cli_fail(CLI_USAGE, "--version: a number from 1 on");
    if (got == 'C' && cli_number(optarg, 1, UINT32_MAX, &cpu) != 0)
        return cli_fail(CLI_USAGE, "--cpu: thousandths of a processor, from 1 on");
    if (got == 'C') w->l.cpu_milli = (uint32_t)cpu;
    if (got == 'M' && cli_number(optarg, 0, UINT64_MAX, &w->l.memory_bytes) != 0)
        return cli_fail(CLI_USAGE, "--memory: bytes");
    if (got == 'K' && cli_number(optarg, 0, UINT64_MAX, &w->l.disk_bytes) != 0)
        return cli_fail(CLI_USAGE, "--disk: bytes");
    if (got == 'D' && cli_number(optarg, 1, 3650, &w->days) != 0)
        return cli_fail(CLI_USAGE, "--days: 1..3650");
    if (got == 'T' && tiers_of(optarg, &w->l.tiers) != 0)
        return cli_fail(CLI_USAGE, "--tiers: sentinel,guardian,fortress,nexus,mssp");
    if (got == 'A') return add_argument(w, optarg);
    if (got == 'U') return add_input(w, optarg);
    return CLI_OK;
}

static int take_common(struct wanted *w, int got) {
    if (got == 'n') w->node = optarg;
    if (got == 'p') w->passphrase_file = optarg;
    if (got == 'o') w->out = optarg;
    if (got == 'j') w->json = 1;
    return got == '?' ? CLI_USAGE : CLI_OK;
}

#define COMMON                                                                                               \
    {"node", required_argument, NULL, 'n'}, {"passphrase-file", required_argument, NULL, 'p'}, {             \
        "out", required_argument, NULL, 'o'                                                                  \
    }

static int workload_sign(int argc, char **argv) {
    static const struct option own[] = {COMMON,
                                        {"image", required_argument, NULL, 'i'},
                                        {"id", required_argument, NULL, 'I'},
                                        {"version", required_argument, NULL, 'V'},
                                        {"cpu", required_argument, NULL, 'C'},
                                        {"memory", required_argument, NULL, 'M'},
                                        {"disk", required_argument, NULL, 'K'},
                                        {"tiers", required_argument, NULL, 'T'},
                                        {"argument", required_argument, NULL, 'A'},
                                        {"input", required_argument, NULL, 'U'},
                                        {"days", required_argument, NULL, 'D'},
                                        {NULL, 0, NULL, 0}};
    static struct wanted w;
    static struct cli_signer s;
    uint8_t body[HKP_DSM_CONTROL_BODY_MAX];
    size_t len = 0;
    int got, code = CLI_OK;
    w.days = 30;
    w.l.version = 1;
    w.l.cpu_milli = 1000;
    w.l.tiers = 31;
    while (code == CLI_OK && (got = cli_option(&cli_workload_sign, argc, argv, own)) != -1) {
        code = take_common(&w, got);
        if (got == 'i') w.image = optarg;
        if (code == CLI_OK) code = take_workload(&w, got);
    }
    if (code != CLI_OK) return code;
    if (optind != argc || w.node == NULL || w.image == NULL || w.out == NULL)
        return cli_fail(CLI_USAGE, "workload sign wants --node DIR, --image FILE and --out FILE");
    code = cli_work_digest(w.image, w.l.image);
    if (code == CLI_OK) code = cli_signer_open(&s, w.node, w.passphrase_file, HKP_DSM_ROLE_OPERATOR);
    if (code != CLI_OK) return code;
    if (!w.has_id) randombytes_buf(w.l.workload_id, 16);
    w.l.not_before_s = cli_wall() / 1000000 - 60;
    w.l.not_after_s = w.l.not_before_s + w.days * DAY;
    const hkp_status st = hkp_dsm_workload_build(&w.l, body, sizeof body, &len);
    return sign_body(&s, HKP_DSM_KIND_WORKLOAD, st, body, len, w.out, w.json);
}

const struct cli_command cli_workload_sign = {
    .name = "workload sign",
    .summary = "say what a workload is, and sign it as an operator",
    .help =
        "usage: hookprobe workload sign --node DIR --image FILE --out FILE [--id HEX] [--version N] [--cpu "
        "N]\n"
        "                               [--memory BYTES] [--disk BYTES] [--tiers T,...] [--argument "
        "TEXT]...\n"
        "                               [--input FILE]... [--days N] [--passphrase-file FILE] [--json]\n\n"
        "Writes a WORKLOAD with the digest of the image. It starts on a node only with an assignment by a\n"
        "scheduler (\"workload assign\") and an order of the officers (\"ca order --scope workload\"). Hand "
        "it to\n"
        "a running node with \"node submit\".\n\n"
        "  --node DIR       folder of a node whose certificate has the role operator\n"
        "  --image FILE     what is to run; --input FILE: what it works on; their digests are signed\n"
        "  --id HEX         32 digits; default: random, a new workload. --version N: of it, default 1\n"
        "  --cpu N          thousandths of a processor, default 1000; --memory, --disk: bytes\n"
        "  --tiers T,...    sentinel, guardian, fortress, nexus, mssp; default all\n"
        "  --argument TEXT  of its command line, in order\n"
        "  --days N         how long it may be started; default 30\n"
        "  --json           what was signed, as one JSON object\n",
    .run = workload_sign,
};

/* ---- workload assign ---- */

static int id_of_workload(const struct cli_signer *s, const char *path, uint8_t id[32]) {
    uint8_t bytes[CLI_WORK_MAX];
    struct hkp_dsm_envelope e;
    size_t len = 0;
    const int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    if (hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_WORKLOAD, &e) != HKP_OK)
        return cli_fail(CLI_DAMAGED, "%s: is no workload", path);
    hkp_dsm_object_id(id, s->ca.genesis.chain_id, HKP_DSM_KIND_WORKLOAD, e.signer, e.body.ptr, e.body.len);
    return CLI_OK;
}

static int workload_assign(int argc, char **argv) {
    static const struct option own[] = {COMMON,
                                        {"workload", required_argument, NULL, 'w'},
                                        {"to", required_argument, NULL, 't'},
                                        {"hours", required_argument, NULL, 'H'},
                                        {NULL, 0, NULL, 0}};
    static struct wanted w;
    static struct cli_signer s;
    uint8_t body[256];
    const char *to = NULL;
    size_t len = 0;
    int got, code = CLI_OK;
    w.hours = 24;
    while (code == CLI_OK && (got = cli_option(&cli_workload_assign, argc, argv, own)) != -1) {
        code = take_common(&w, got);
        if (got == 'w') w.workload = optarg;
        if (got == 't') to = optarg;
        if (got == 'H' && cli_number(optarg, 1, 24 * 365, &w.hours) != 0)
            return cli_fail(CLI_USAGE, "--hours: 1..8760");
    }
    if (code != CLI_OK) return code;
    if (optind != argc || w.node == NULL || w.workload == NULL || to == NULL || w.out == NULL)
        return cli_fail(CLI_USAGE,
                        "workload assign wants --node DIR, --workload FILE, --to NODE_ID and --out FILE");
    if (cli_work_hex(to, w.a.node_id, 16) != 0) return cli_fail(CLI_USAGE, "--to: 32 hex digits");
    code = cli_signer_open(&s, w.node, w.passphrase_file, HKP_DSM_ROLE_SCHEDULER);
    if (code == CLI_OK) code = id_of_workload(&s, w.workload, w.a.workload);
    if (code != CLI_OK) return code;
    randombytes_buf(w.a.nonce, 16);
    w.a.not_before_s = cli_wall() / 1000000 - 60;
    w.a.not_after_s = w.a.not_before_s + w.hours * HOUR;
    const hkp_status st = hkp_dsm_assign_build(&w.a, body, sizeof body, &len);
    return sign_body(&s, HKP_DSM_KIND_ASSIGN, st, body, len, w.out, w.json);
}

const struct cli_command cli_workload_assign = {
    .name = "workload assign",
    .summary = "say which node runs a workload, and sign it as a scheduler",
    .help =
        "usage: hookprobe workload assign --node DIR --workload FILE --to NODE_ID --out FILE [--hours N]\n"
        "                                 [--passphrase-file FILE] [--json]\n\n"
        "Writes an ASSIGN, which starts the workload once. Hand it to a running node with \"node "
        "submit\".\n\n"
        "  --node DIR       folder of a node whose certificate has the role scheduler\n"
        "  --workload FILE  of \"workload sign\"\n"
        "  --to NODE_ID     32 hex digits\n"
        "  --hours N        how long it may run; default 24\n"
        "  --json           what was signed, as one JSON object\n",
    .run = workload_assign,
};

/* ---- policy sign ---- */

static int take_policy(struct wanted *w, int got) {
    uint64_t v = 0;
    if (got == 'S' && cli_number(optarg, HKP_DSM_POLICY_SCOPE_MIN, UINT32_MAX, &v) != 0)
        return cli_fail(CLI_USAGE, "--scope: a number from 6 on; 1 to 5 are for officers: see \"ca order\"");
    if (got == 'S') w->p.scope = (uint32_t)v;
    if (got == 'N') {
        w->has_id = 1;
        if (cli_work_hex(optarg, w->p.name, 16) != 0) return cli_fail(CLI_USAGE, "--name: 32 hex digits");
    }
    if (got == 'V' && cli_number(optarg, 1, UINT32_MAX, &v) != 0)
        return cli_fail(CLI_USAGE, "--version: a number from 1 on");
    if (got == 'V') w->p.version = (uint32_t)v;
    if (got == 'D' && cli_number(optarg, 1, 3650, &w->days) != 0)
        return cli_fail(CLI_USAGE, "--days: 1..3650");
    return CLI_OK;
}

static int policy_sign(int argc, char **argv) {
    static const struct option own[] = {COMMON,
                                        {"scope", required_argument, NULL, 'S'},
                                        {"name", required_argument, NULL, 'N'},
                                        {"version", required_argument, NULL, 'V'},
                                        {"days", required_argument, NULL, 'D'},
                                        {NULL, 0, NULL, 0}};
    static struct wanted w;
    static struct cli_signer s;
    static uint8_t says[HKP_DSM_CONTROL_BODY_MAX], body[HKP_DSM_CONTROL_BODY_MAX];
    size_t len = 0;
    int got, code = CLI_OK;
    while (code == CLI_OK && (got = cli_option(&cli_policy_sign, argc, argv, own)) != -1) {
        code = take_common(&w, got);
        if (code == CLI_OK) code = take_policy(&w, got);
    }
    if (code != CLI_OK) return code;
    if (optind + 1 != argc || w.node == NULL || w.out == NULL || w.p.version == 0 ||
        (w.p.scope != 0) == (w.has_id != 0))
        return cli_fail(
            CLI_USAGE,
            "policy sign wants --node DIR, --scope N or --name HEX, --version N, --out FILE and a FILE");
    w.p.bytes.ptr = says;
    code = cli_ca_read(argv[optind], says, sizeof says, &w.p.bytes.len);
    if (code == CLI_OK) code = cli_signer_open(&s, w.node, w.passphrase_file, HKP_DSM_ROLE_OPERATOR);
    if (code != CLI_OK) return code;
    w.p.has_not_after = w.days != 0;
    w.p.not_after_s = cli_wall() / 1000000 + w.days * DAY;
    const hkp_status st = hkp_dsm_policy_build(&w.p, body, sizeof body, &len);
    return sign_body(&s, HKP_DSM_KIND_POLICY, st, body, len, w.out, w.json);
}

const struct cli_command cli_policy_sign = {
    .name = "policy sign",
    .summary = "sign a policy for all nodes, as an operator",
    .help = "usage: hookprobe policy sign --node DIR (--scope N | --name HEX) --version N --out FILE FILE\n"
            "                             [--days N] [--passphrase-file FILE] [--json]\n\n"
            "Writes a POLICY that says the bytes of FILE. What they mean the programs know that ask a node "
            "which\n"
            "one is in force; the node sees to signer, version and end. Hand it to a running node with\n"
            "\"node submit\".\n\n"
            "  --node DIR   folder of a node whose certificate has the role operator\n"
            "  --scope N    what it is about, 6 or more; --name HEX: or a name of 32 digits\n"
            "  --version N  above that of the policy that it replaces\n"
            "  --days N     until it ends; default: never\n"
            "  --json       what was signed, as one JSON object\n",
    .run = policy_sign,
};
