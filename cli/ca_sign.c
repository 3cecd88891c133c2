/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca sign: an officer sees what it is to sign, and signs it once its record holds it (D-CA-3 to 5).
 */
#include "ca.h"

#include <dirent.h>
#include <errno.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct wanted {
    const char *dir, *passphrase_file, *file, *request, *token, *renew, *evidence, *list, *challenge, *answer,
        *out, *ek_cert, *ek_roots[HKP_TER_EK_ROOTS_MAX];
    uint32_t n_ek_roots;
    uint64_t group, days, serial, policy;
    uint32_t roles, tier;
    int json, yes, no_evidence, no_bls;
};

/* All that one signature needs; static, because it is large. */
struct work {
    struct cli_officer officer;
    uint8_t given[CLI_CA_FILE_MAX], request[HKP_DSM_REQUEST_MAX], old[HKP_DSM_CERTIFICATE_MAX];
    uint8_t token[HKP_DSM_TOKEN_MAX], body[HKP_DSM_CERTIFICATE_BODY_MAX];
    size_t given_len;
    struct hkp_dsm_request asked;
    struct cli_ca_evidence evidence;
    /** what its maker says of the TPM, if the officer gave that */
    struct hkp_ter_ek ek;
    int ek_checked;
    struct hkp_dsm_multi multi;
    struct hkp_dsm_matter matter;
    json_t *told;
};

/* ---- The machine (SYN-8.4) ---- */

/* The barred node that has the same hardware; 0 if there is none. */
static int is_barred_machine(struct work *w, char who[33]) {
    char folder[CLI_CA_PATH], path[CLI_CA_PATH + 300];
    struct hkp_ter_hardware now, then;
    struct hkp_ter_hardware_match match;
    struct cli_ca_evidence old;
    uint8_t node_id[16];
    size_t len = 0;
    int found = 0;
    if (cli_ca_path(folder, w->officer.dir, "machines") != CLI_OK) return 0;
    DIR *dir = opendir(folder);
    if (dir == NULL || hkp_ter_hardware_decode(&now, w->evidence.record, w->evidence.record_len) != HKP_OK) {
        if (dir != NULL) closedir(dir);
        return 0;
    }
    for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
        if (strlen(e->d_name) != 32 || sodium_hex2bin(node_id, 16, e->d_name, 32, NULL, &len, NULL) != 0)
            continue;
        if (hkp_dsm_revocations_find(&w->officer.held, node_id) != HKP_DSM_SERIAL_BARRED) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (hkp_ter_file_read(path, 0, old.record, sizeof old.record, &old.record_len) != HKP_OK ||
            hkp_ter_hardware_decode(&then, old.record, old.record_len) != HKP_OK ||
            hkp_ter_hardware_compare(&then, &now, &match) != HKP_OK || match.verdict != HKP_TER_HW_SAME)
            continue;
        memcpy(who, e->d_name, 33);
        found = 1;
    }
    closedir(dir);
    return found;
}

static int keep_machine(struct work *w) {
    char folder[CLI_CA_PATH], name[33], path[CLI_CA_PATH];
    if (w->evidence.record_len == 0) return CLI_OK;
    int code = cli_ca_path(folder, w->officer.dir, "machines");
    if (code != CLI_OK) return code;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return cli_fail(CLI_SYSTEM, "%s: %s", folder, strerror(errno));
    code = cli_ca_path(path, folder, sodium_bin2hex(name, sizeof name, w->asked.node_id, 16));
    return code == CLI_OK ? cli_ca_write(path, w->evidence.record, w->evidence.record_len) : code;
}

static int check_maker(struct work *w, const struct wanted *o) {
    if (o->ek_cert == NULL) return CLI_OK;
    const int code = cli_ca_tpm_maker(&w->evidence, o->ek_cert, o->ek_roots, o->n_ek_roots, &w->ek);
    w->ek_checked = code == CLI_OK;
    return code;
}

static int check_machine(struct work *w, const struct wanted *o) {
    char who[33];
    if (o->ek_cert != NULL && !w->asked.has_ak)
        return cli_fail(CLI_USAGE, "%s: names no TPM, so --ek-cert is about nothing", o->file);
    if (w->asked.has_ak && (o->evidence == NULL || (o->answer == NULL && o->challenge == NULL)))
        return cli_fail(CLI_USAGE, "%s: names a TPM: --evidence FILE, and --challenge FILE or --answer FILE",
                        o->file);
    if (o->evidence == NULL)
        return o->no_evidence
                   ? CLI_OK
                   : cli_fail(CLI_USAGE, "ca sign wants --evidence FILE of the machine, or --no-evidence");
    int code = cli_ca_evidence_read(o->evidence, &w->evidence);
    if (code != CLI_OK) return code;
    if (memcmp(w->evidence.enroll_id, w->asked.enroll_id, 32) != 0)
        return cli_fail(CLI_NO, "%s: is not what the request was made with", o->evidence);
    if (is_barred_machine(w, who))
        return cli_fail(CLI_NO, "%s: the machine of node %s, which is barred", o->evidence, who);
    if (w->asked.has_ak && o->answer != NULL)
        code = cli_ca_tpm_proved(o->dir, &w->asked, &w->evidence, o->answer);
    return code == CLI_OK ? check_maker(w, o) : code; /* of a key that is known to be the TPM's */
}

/* ---- What is given ---- */

static int read_request(struct work *w, const char *path) {
    size_t len = 0;
    const int code = cli_ca_read(path, w->request, sizeof w->request, &len);
    if (code != CLI_OK) return code;
    w->matter.request = (struct hkp_dsm_view){w->request, len};
    const hkp_status st = hkp_dsm_request_check(w->request, len, w->officer.ca.genesis.chain_id, &w->asked);
    return st == HKP_OK ? CLI_OK : cli_ca_told(path, st, "is no request that its own key signed");
}

static int read_beside(struct work *w, const struct wanted *o) {
    size_t len = 0;
    int code = CLI_OK;
    if (o->list != NULL) code = cli_officer_take_list(&w->officer, o->list);
    if (code == CLI_OK && o->token != NULL) {
        code = cli_ca_token(o->token, w->token, &len);
        w->matter.token = (struct hkp_dsm_view){w->token, len};
    }
    if (code == CLI_OK && o->renew != NULL) {
        code = cli_ca_read(o->renew, w->old, sizeof w->old, &len);
        w->matter.certificate = (struct hkp_dsm_view){w->old, len};
    }
    return code;
}

/* A serial above all that this officer knows of. */
static uint64_t next_serial(const struct work *w, const struct hkp_dsm_certificate *old) {
    uint64_t serial = hkp_dsm_revocations_find(&w->officer.held, w->asked.node_id);
    struct hkp_dsm_promise p;
    if (hkp_dsm_record_find(&w->officer.record, HKP_DSM_KIND_CERTIFICATE, w->asked.node_id, &p) == HKP_OK &&
        p.number > serial)
        serial = p.number;
    if (old != NULL && old->serial > serial) serial = old->serial;
    return serial == HKP_DSM_SERIAL_BARRED ? serial : serial + 1;
}

static hkp_status build(struct work *w, const struct hkp_dsm_certificate *c) {
    w->matter.body.ptr = w->body;
    return hkp_dsm_certificate_build(c, w->body, sizeof w->body, &w->matter.body.len);
}

/* The body that this officer promised to this request, and perhaps could not write (decision 0632): all of it
 * but serial and times follows from what is given, these stand in the record, and its id says whether it is
 * the same. */
static int promised_before(struct work *w, const struct wanted *o, const struct hkp_dsm_certificate *c,
                           uint64_t above) {
    const uint8_t *chain_id = w->officer.ca.genesis.chain_id;
    const int has_token = w->matter.token.len > 0;
    struct hkp_dsm_certificate again = *c;
    struct hkp_dsm_promise p;
    uint8_t digest[32], id[32];
    if (hkp_dsm_record_find(&w->officer.record, HKP_DSM_KIND_CERTIFICATE, w->asked.node_id, &p) != HKP_OK)
        return 0;
    hkp_dsm_token_digest(digest, chain_id, w->matter.token.ptr, w->matter.token.len);
    if (p.number <= above || (o->serial != 0 && o->serial != p.number)) return 0;
    if ((int)p.has_token != has_token || (has_token && memcmp(p.token, digest, 32) != 0)) return 0;
    again.serial = p.number;
    again.not_after_s = p.not_after_s;
    again.not_before_s = p.not_after_s - o->days * 86400;
    if (again.not_before_s + HKP_DSM_ISSUE_WINDOW_S < c->not_before_s || build(w, &again) != HKP_OK) return 0;
    hkp_dsm_object_id(id, chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, w->body, w->matter.body.len);
    return memcmp(p.id, id, 32) == 0;
}

/* The first officer proposes the exact body (D-CA-3). */
static int propose(struct work *w, const struct wanted *o) {
    struct hkp_dsm_certificate c = {0}, old;
    const struct hkp_dsm_request *q = &w->asked;
    int has_old = o->renew != NULL;
    if (has_old && hkp_dsm_certificate_parse(w->old, w->matter.certificate.len, &old) != HKP_OK)
        return cli_fail(CLI_DAMAGED, "%s: is no certificate", o->renew);
    if (!has_old && o->group == 0) return cli_fail(CLI_USAGE, "ca sign of a new node wants --group N");
    memcpy(c.key, q->key, 32);
    memcpy(c.static_key, q->static_key, 32);
    memcpy(c.ak, q->ak, sizeof c.ak);
    memcpy(c.enroll_id, q->enroll_id, 32);
    c.has_static_key = q->has_static_key;
    c.has_ak = q->has_ak;
    c.roles = o->roles != 0 ? o->roles : q->roles;
    c.tier = o->tier != 0 ? o->tier : q->tier;
    c.neuro_gen = q->neuro_gen;
    if (q->has_bls && !o->no_bls) {
        c.bls_key = (struct hkp_dsm_view){q->bls_key, 48};
        c.bls_proof = (struct hkp_dsm_view){q->bls_proof, 96};
    }
    c.group = o->group != 0 ? (uint32_t)o->group : old.group;
    c.policy = (uint32_t)o->policy;
    c.serial = o->serial != 0 ? o->serial : next_serial(w, has_old ? &old : NULL);
    c.not_before_s = cli_wall() / 1000000 - 60;
    c.not_after_s = c.not_before_s + o->days * 86400;
    w->matter.kind = HKP_DSM_KIND_CERTIFICATE;
    const int again = promised_before(w, o, &c, has_old ? old.serial : 0);
    const hkp_status st = again ? HKP_OK : build(w, &c);
    if (st != HKP_OK) return cli_ca_told(o->file, st, "no certificate can be made of it");
    w->multi = (struct hkp_dsm_multi){.kind = HKP_DSM_KIND_CERTIFICATE,
                                      .ca_version = cli_ca_newest(&w->officer.ca)->version,
                                      .body = w->matter.body};
    return CLI_OK;
}

/* A request, of which the body is made, or a body that another officer signed. */
static int read_given(struct work *w, const struct wanted *o) {
    w->matter.struct_size = sizeof w->matter;
    int code = read_beside(w, o);
    if (code == CLI_OK) code = cli_ca_read(o->file, w->given, sizeof w->given, &w->given_len);
    if (code != CLI_OK) return code;
    if (hkp_dsm_multi_parse(w->given, w->given_len, &w->multi) != HKP_OK) {
        code = read_request(w, o->file);
        return code == CLI_OK ? propose(w, o) : code;
    }
    w->matter.kind = (uint32_t)w->multi.kind;
    w->matter.body = w->multi.body;
    if (w->multi.kind != HKP_DSM_KIND_CERTIFICATE) return CLI_OK;
    if (o->request == NULL) return cli_fail(CLI_USAGE, "ca sign of a certificate wants --request FILE");
    return read_request(w, o->request);
}

/* ---- Showing and signing ---- */

/* What this officer revoked in a list that perhaps nobody completed and this one leaves out: a person
 * decides.
 */
static int review_left_out(const struct cli_officer *o, const struct hkp_dsm_view *body, int yes) {
    static struct cli_own_list own;
    struct hkp_dsm_revocations list;
    struct hkp_dsm_revocation e;
    char text[33];
    size_t n = 0;
    int code = cli_own_list_read(o, &own);
    if (code != CLI_OK || hkp_dsm_revocations_parse(body->ptr, body->len, &list) != HKP_OK) return code;
    while (cli_own_list_next(&own, cli_wall() / 1000000, &e)) {
        if (hkp_dsm_revocations_find(&list, e.node_id) >= e.serial) continue;
        fprintf(stderr, "LEFT OUT: list %llu, which this officer signed, revokes more of node %s\n",
                (unsigned long long)own.number, sodium_bin2hex(text, sizeof text, e.node_id, 16));
        n++;
    }
    if (n > 0 && yes)
        code = cli_fail(CLI_NO,
                        "make the list with \"ca revoke\" here, or look at it and sign it without --yes");
    return code;
}

int cli_officer_review(struct cli_officer *o, const struct hkp_dsm_multi *given, const char *file, int json,
                       int yes) {
    static uint8_t bytes[CLI_CA_FILE_MAX];
    static const uint8_t unsigned_yet[64];
    struct hkp_dsm_multi m = *given;
    size_t len = 0;
    if (m.n_signatures == 0) { /* to be shown it needs one */
        m.n_signatures = 1;
        m.signature[0] = unsigned_yet;
    }
    if (hkp_dsm_multi_build(&m, bytes, sizeof bytes, &len) != HKP_OK)
        return cli_fail(CLI_DAMAGED, "%s: cannot be shown", file);
    json_t *shown = cli_ca_describe(&o->ca, bytes, len);
    if (shown == NULL) return cli_fail(CLI_DAMAGED, "%s: is nothing that officers sign", file);
    if (given->n_signatures == 0) {
        json_object_del(shown, "signatures");
        json_object_del(shown, "verified");
        json_object_del(shown, "why");
        json_object_set_new(shown, "state", json_string("to be signed by this officer first"));
    }
    if (!json || !yes) cli_ca_print(json ? stderr : stdout, shown);
    json_decref(shown);
    return m.kind == HKP_DSM_KIND_REVOCATION_LIST ? review_left_out(o, &m.body, yes) : CLI_OK;
}

int cli_officer_issue(struct cli_officer *o, const struct hkp_dsm_matter *m, int json, int yes,
                      const char *out, json_t **told) {
    const struct hkp_dsm_multi given = {
        .kind = m->kind, .ca_version = cli_ca_newest(&o->ca)->version, .body = m->body};
    int code = cli_officer_review(o, &given, out, json, yes);
    if (code == CLI_OK) code = cli_ca_agree(yes);
    return code == CLI_OK ? cli_officer_sign(o, m, &given, out, told) : code;
}

/* Whether the maker was asked is said in any case: an officer may compare the key by itself. */
static void show_maker(const struct work *w, FILE *to) {
    if (w->ek_checked)
        fprintf(to, "%-13s %s %s %s, certified by %s\n", "maker", w->ek.manufacturer, w->ek.model,
                w->ek.version, w->ek.issuer);
    else
        fprintf(to, "%-13s NOT CHECKED: compare the key, or give --ek-cert and --ek-root\n", "maker");
}

static json_t *describe_maker(const struct work *w) {
    if (!w->ek_checked) return json_pack("{s:b}", "checked", 0);
    return json_pack("{s:b,s:s,s:s,s:s,s:s,s:I}", "checked", 1, "manufacturer", w->ek.manufacturer, "model",
                     w->ek.model, "version", w->ek.version, "issuer", w->ek.issuer, "not_after_s",
                     (json_int_t)w->ek.not_after_s);
}

static int review(struct work *w, const struct wanted *o) {
    char text[65];
    FILE *to = o->json ? stderr : stdout;
    const int code = cli_officer_review(&w->officer, &w->multi, o->file, o->json, o->yes);
    if (code != CLI_OK) return code;
    if (w->evidence.record_len > 0 && !o->json)
        fprintf(to, "%-13s fingerprint %s\n", "machine",
                sodium_bin2hex(text, sizeof text, w->evidence.fingerprint, 32));
    if (w->evidence.ek_len > 0 && !o->json) {
        uint8_t name[HKP_DSM_AK_BYTES];
        hkp_ter_area_name(w->evidence.ek_area, w->evidence.ek_len, name);
        fprintf(to, "%-13s endorsement key %s, which answered\n", "TPM",
                sodium_bin2hex(text, sizeof text, name + 2, 32));
        show_maker(w, to);
    }
    if (w->matter.kind == HKP_DSM_KIND_CERTIFICATE && !o->json)
        fprintf(to, "%-13s %s\n", "admitted by",
                w->matter.token.len > 0 ? "the token, used up now" : "its present certificate");
    return cli_ca_agree(o->yes);
}

/* Asks the TPM that a request names; signs nothing. */
static int challenge(struct work *w, const struct wanted *o) {
    int code = cli_officer_open(&w->officer, o->dir, o->passphrase_file);
    if (code == CLI_OK) code = read_request(w, o->file);
    if (code == CLI_OK && !w->asked.has_ak) code = cli_fail(CLI_USAGE, "%s: names no TPM", o->file);
    if (code == CLI_OK) code = check_machine(w, o);
    if (code == CLI_OK) code = cli_ca_tpm_challenge(o->dir, &w->asked, &w->evidence, o->challenge);
    cli_officer_close(&w->officer);
    if (code == CLI_OK && o->json) cli_print_json(json_pack("{s:s}", "challenge", o->challenge), 0);
    return code;
}

static int sign(struct work *w, const struct wanted *o) {
    int code = cli_officer_open(&w->officer, o->dir, o->passphrase_file);
    if (code == CLI_OK) code = read_given(w, o);
    if (code == CLI_OK && w->matter.kind == HKP_DSM_KIND_CERTIFICATE) code = check_machine(w, o);
    if (code == CLI_OK) code = review(w, o);
    if (code == CLI_OK) code = cli_officer_sign(&w->officer, &w->matter, &w->multi, o->out, &w->told);
    if (code == CLI_OK && w->matter.kind == HKP_DSM_KIND_CERTIFICATE) code = keep_machine(w);
    if (code == CLI_OK && w->asked.has_ak) cli_ca_tpm_done(o->dir, &w->asked);
    cli_officer_close(&w->officer);
    hkp_ter_wipe(w->token, sizeof w->token);
    if (w->told != NULL && o->json && w->asked.has_ak)
        json_object_set_new(w->told, "maker", describe_maker(w));
    if (w->told != NULL && o->json) cli_print_json(json_incref(w->told), 0);
    if (w->told != NULL && !o->json) cli_ca_print(stdout, w->told);
    json_decref(w->told);
    return code;
}

static int take_number(int option, struct wanted *o) {
    uint64_t v;
    if (option == 'g' && cli_number(optarg, 1, UINT32_MAX, &o->group) != 0)
        return cli_fail(CLI_USAGE, "--group: a number from 1 on");
    if (option == 'D' && (cli_number(optarg, 1, 90, &v) != 0)) return cli_fail(CLI_USAGE, "--days: 1..90");
    if (option == 'D') o->days = v;
    if (option == 'S' && cli_number(optarg, 1, UINT64_MAX - 1, &o->serial) != 0)
        return cli_fail(CLI_USAGE, "--serial: a number from 1 on");
    if (option == 'P' && cli_number(optarg, 0, UINT32_MAX, &o->policy) != 0)
        return cli_fail(CLI_USAGE, "--policy: a number");
    if (option == 'R' && cli_ca_roles(optarg, &o->roles) != 0)
        return cli_fail(CLI_USAGE, "--roles: edge,validator,witness,coordinator,ca,operator,scheduler,neuro");
    if (option == 'T' && cli_ca_tier(optarg, &o->tier) != 0)
        return cli_fail(CLI_USAGE, "--tier: sentinel, guardian, fortress, nexus or mssp");
    return CLI_OK;
}

static int ca_sign(int argc, char **argv) {
    static const struct option own[] = {
        {"dir", required_argument, NULL, 'd'},     {"passphrase-file", required_argument, NULL, 'p'},
        {"request", required_argument, NULL, 'q'}, {"token", required_argument, NULL, 't'},
        {"renew", required_argument, NULL, 'r'},   {"evidence", required_argument, NULL, 'e'},
        {"no-evidence", no_argument, NULL, 'E'},   {"no-bls", no_argument, NULL, 'B'},
        {"list", required_argument, NULL, 'l'},    {"challenge", required_argument, NULL, 'c'},
        {"answer", required_argument, NULL, 'a'},  {"ek-cert", required_argument, NULL, 'k'},
        {"ek-root", required_argument, NULL, 'K'}, {"group", required_argument, NULL, 'g'},
        {"days", required_argument, NULL, 'D'},    {"serial", required_argument, NULL, 'S'},
        {"policy", required_argument, NULL, 'P'},  {"roles", required_argument, NULL, 'R'},
        {"tier", required_argument, NULL, 'T'},    {"out", required_argument, NULL, 'o'},
        {"yes", no_argument, NULL, 'y'},           {NULL, 0, NULL, 0}};
    static struct work w;
    struct wanted o = {.days = 30, .policy = 1};
    int got;
    while ((got = cli_option(&cli_ca_sign, argc, argv, own)) != -1) {
        if (got == '?' || take_number(got, &o) != CLI_OK) return CLI_USAGE;
        if (got == 'd') o.dir = optarg;
        if (got == 'p') o.passphrase_file = optarg;
        if (got == 'q') o.request = optarg;
        if (got == 't') o.token = optarg;
        if (got == 'r') o.renew = optarg;
        if (got == 'e') o.evidence = optarg;
        if (got == 'E') o.no_evidence = 1;
        if (got == 'B') o.no_bls = 1;
        if (got == 'l') o.list = optarg;
        if (got == 'c') o.challenge = optarg;
        if (got == 'a') o.answer = optarg;
        if (got == 'k') o.ek_cert = optarg;
        if (got == 'K' && o.n_ek_roots == HKP_TER_EK_ROOTS_MAX)
            return cli_fail(CLI_USAGE, "--ek-root: at most %d", HKP_TER_EK_ROOTS_MAX);
        if (got == 'K') o.ek_roots[o.n_ek_roots++] = optarg;
        if (got == 'o') o.out = optarg;
        if (got == 'y') o.yes = 1;
        if (got == 'j') o.json = 1;
    }
    if (o.dir == NULL || (o.out == NULL && o.challenge == NULL) || optind + 1 != argc)
        return cli_fail(CLI_USAGE, "ca sign wants --dir DIR, --out FILE and the file to sign");
    if (o.token != NULL && o.renew != NULL)
        return cli_fail(CLI_USAGE, "--token for a new node, --renew for a known one");
    if ((o.ek_cert != NULL) != (o.n_ek_roots > 0))
        return cli_fail(CLI_USAGE,
                        "--ek-cert FILE wants --ek-root FILE, once for each root that you believe");
    o.file = argv[optind];
    return o.challenge != NULL ? challenge(&w, &o) : sign(&w, &o);
}

const struct cli_command cli_ca_sign = {
    .name = "ca sign",
    .summary = "look at a request, certificate, list or set, and sign it as an officer",
    .help =
        "usage: hookprobe ca sign --dir DIR --out FILE REQUEST --token FILE --group N --evidence FILE "
        "[--days N]\n"
        "                         [--roles R,...] [--tier T] [--serial N] [--policy N]\n"
        "       hookprobe ca sign --dir DIR --out FILE REQUEST --renew CERTIFICATE --evidence FILE [--days "
        "N]\n"
        "       hookprobe ca sign --dir DIR --out FILE CERTIFICATE --request FILE --token FILE | --renew "
        "CERTIFICATE\n"
        "                         --evidence FILE\n"
        "       hookprobe ca sign --dir DIR --out FILE LIST|SET|ORDER|RESTART\n\n"
        "The first officer makes a certificate of a request and signs it; further ones sign what the first "
        "made, "
        "each\n"
        "after checking request, token and machine on its own. With the last signature it is complete. What "
        "is "
        "signed is\n"
        "recorded durably first, and of one number only one body is ever signed: a node's certificate and "
        "serial, "
        "a list, a set.\n\n"
        "  --dir DIR        the officer's folder; --passphrase-file FILE: what its key is kept under\n"
        "  --token FILE     the secret that this node was given, known to the officer by another way; it is "
        "used up\n"
        "  --renew FILE     the certificate that is renewed: no token, and nothing widens\n"
        "  --evidence FILE  hardware record of the machine; --no-evidence: the officer knows the machine\n"
        "  --challenge FILE of a request that names a TPM: wrap a secret for it, and sign nothing yet;\n"
        "                   \"ca request --answer\" opens it there; --answer FILE: what came back\n"
        "  --ek-cert FILE   the maker's certificate of the TPM's endorsement key (DER, or PEM with those "
        "between), "
        "and\n"
        "  --ek-root FILE   a root that you believe, once for each; without them the maker is not checked\n"
        "  --list FILE      the newest revocation list, if this folder may not have it\n"
        "  --group N        who owns the node, or where it stands: groups are counted in votes\n"
        "  --days N         1..90; default 30\n"
        "  --roles, --tier  less than the node asked for; --no-bls: without the BLS key that it asked for\n"
        "  --serial N       default: above all that this officer knows of the node\n"
        "  --yes            do not ask\n"
        "  --json           the result as one JSON object\n",
    .run = ca_sign,
};
