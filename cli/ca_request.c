/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca request: what a node asks the officers for, and what goes to them beside it (D-CA-3, SYN-8.2).
 */
#include "ca.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_KEYS = 96 };

struct wanted {
    const char *node, *passphrase_file, *genesis, *token, *hardware, *ak, *tcti, *answer, *out;
    uint32_t roles, tier, neuro_gen;
    int seat, renew, bls, this_machine, json;
};

int cli_ca_token(const char *path, uint8_t token[HKP_DSM_TOKEN_MAX], size_t *len) {
    const int code = cli_ca_read(path, token, HKP_DSM_TOKEN_MAX, len);
    if (code != CLI_OK) return code;
    while (*len > 0 && (token[*len - 1] == '\n' || token[*len - 1] == '\r')) --*len;
    return *len >= HKP_DSM_TOKEN_MIN ? CLI_OK : cli_fail(CLI_USAGE, "%s: a token has 16 to 256 bytes", path);
}

int cli_ca_agree(int yes) {
    char line[16];
    if (yes) return CLI_OK;
    fflush(stdout);
    fputs("Go on? Type yes: ", stderr);
    if (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "yes\n") == 0) return CLI_OK;
    return cli_fail(CLI_NO, "nothing was done");
}

/* ---- Evidence ---- */

static int name_evidence(struct cli_ca_evidence *e, const char *what) {
    struct hkp_ter_hardware hw;
    hkp_status st = hkp_ter_hardware_decode(&hw, e->record, e->record_len);
    if (st == HKP_OK) st = hkp_ter_hardware_fingerprint(&hw, e->fingerprint);
    if (st != HKP_OK)
        return cli_fail(CLI_DAMAGED, "%s: is no hardware record (%s)", what, cli_status_name(st));
    hkp_ter_hardware_enroll_id(e->fingerprint, e->time_us, e->nonce, e->enroll_id);
    return CLI_OK;
}

int cli_ca_evidence_read(const char *path, struct cli_ca_evidence *e) {
    uint8_t bytes[5400];
    struct hkp_dsm_cbor_reader r;
    size_t len = 0, record_len = 0;
    const int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    memset(e, 0, sizeof *e);
    (void)hkp_dsm_cbor_read(&r, bytes, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    e->time_us = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 2);
    hkp_dsm_cbor_fixed(&r, e->nonce, 16);
    hkp_dsm_cbor_key(&r, &left, 3);
    const uint8_t *record = hkp_dsm_cbor_bytes(&r, 1, sizeof e->record, &record_len), *ak = NULL, *ek = NULL;
    if (hkp_dsm_cbor_option(&r, &left, 4)) {
        ak = hkp_dsm_cbor_bytes(&r, 1, sizeof e->ak_area, &e->ak_len);
        hkp_dsm_cbor_key(&r, &left, 5);
        ek = hkp_dsm_cbor_bytes(&r, 1, sizeof e->ek_area, &e->ek_len);
    }
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return cli_fail(CLI_DAMAGED, "%s: is no evidence of a machine", path);
    memcpy(e->record, record, record_len);
    if (ak != NULL) memcpy(e->ak_area, ak, e->ak_len);
    if (ek != NULL) memcpy(e->ek_area, ek, e->ek_len);
    e->record_len = record_len;
    return name_evidence(e, path);
}

static int write_evidence(const char *path, const struct cli_ca_evidence *e) {
    uint8_t bytes[5400];
    struct hkp_dsm_cbor_writer w = {.out = bytes, .cap = sizeof bytes};
    hkp_dsm_cbor_put_map(&w, e->ak_len > 0 ? 6 : 4);
    hkp_dsm_cbor_put_uint(&w, 0);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, e->time_us);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_bytes(&w, e->nonce, 16);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_bytes(&w, e->record, e->record_len);
    if (e->ak_len > 0) {
        hkp_dsm_cbor_put_uint(&w, 4);
        hkp_dsm_cbor_put_bytes(&w, e->ak_area, e->ak_len);
        hkp_dsm_cbor_put_uint(&w, 5);
        hkp_dsm_cbor_put_bytes(&w, e->ek_area, e->ek_len);
    }
    return w.status == HKP_OK ? cli_ca_write(path, bytes, w.len) : CLI_SYSTEM;
}

/* The record of this machine, or of a file of "ter hardware --record". */
static int take_evidence(const struct wanted *w, struct cli_ca_evidence *e) {
    struct hkp_ter_hardware_options opt;
    struct hkp_ter_hardware_report report;
    struct hkp_ter_hardware hw;
    memset(e, 0, sizeof *e);
    e->time_us = cli_wall();
    randombytes_buf(e->nonce, sizeof e->nonce);
    if (w->ak != NULL) {
        const int code = cli_ca_tpm_read(w->ak, w->tcti, e);
        if (code != CLI_OK) return code;
    }
    if (w->hardware != NULL) {
        const int code = cli_ca_read(w->hardware, e->record, sizeof e->record, &e->record_len);
        return code == CLI_OK ? name_evidence(e, w->hardware) : code;
    }
    hkp_ter_hardware_options_init(&opt, sizeof opt);
    opt.ek_area = e->ek_len > 0 ? e->ek_area : NULL;
    opt.ek_area_len = (uint32_t)e->ek_len;
    hkp_status st = hkp_ter_hardware_read(&opt, &hw, &report);
    if (st == HKP_OK) st = hkp_ter_hardware_encode(&hw, e->record, sizeof e->record, &e->record_len);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "cannot read the hardware: %s", cli_status_name(st));
    return name_evidence(e, "this machine");
}

/* ---- The node's keys ---- */

/* D-QC-3: the key that belongs to the node, and its proof. */
static int bls_of(const uint8_t seed[32], struct hkp_dsm_bls_key *bls) {
    uint8_t secret[32];
    hkp_status st = hkp_dsm_bls_of_node(seed, secret, bls->key);
    if (st == HKP_OK) st = hkp_dsm_bls_prove(secret, bls->proof);
    hkp_ter_wipe(secret, sizeof secret);
    bls->present = st == HKP_OK;
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "--bls: this program was built without blst");
}

int cli_ca_node_keys(const char *node, const char *passphrase_file, uint8_t secret[64],
                     uint8_t static_key[32]) {
    uint8_t keys[HKP_TER_KEY_MAX], key[32], text[HKP_TER_PASSPHRASE_MAX];
    struct hkp_ter_keystore_options o;
    char path[CLI_CA_PATH];
    size_t len = 0;
    if (cli_ca_path(path, node, "keys") != CLI_OK) return CLI_USAGE;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    if (passphrase_file != NULL) {
        if (hkp_ter_file_read(passphrase_file, 1, text, sizeof text, &o.passphrase_len) != HKP_OK)
            return cli_fail(CLI_SYSTEM, "%s: must be a file with mode 0600", passphrase_file);
        if (o.passphrase_len > 0 && text[o.passphrase_len - 1] == '\n') o.passphrase_len--;
        o.passphrase = text;
    }
    hkp_status st = hkp_ter_keystore_read(&o, keys, sizeof keys, &len, NULL);
    if (st == HKP_OK && len != NODE_KEYS) st = HKP_E_TER_KEY_FORM;
    if (st == HKP_OK) {
        crypto_sign_seed_keypair(key, secret, keys);
        crypto_scalarmult_base(static_key, keys + 32);
    }
    hkp_ter_wipe(keys, sizeof keys);
    hkp_ter_wipe(text, sizeof text);
    return st == HKP_OK ? CLI_OK
                        : cli_fail(st == HKP_E_TER_KEY_FORM ? CLI_DAMAGED : CLI_SYSTEM, "%s: %s", path,
                                   cli_status_name(st));
}

static int show_seat(const struct wanted *w, const uint8_t secret[64]) {
    uint8_t card[CLI_CARD_BLS], area[512], name[HKP_DSM_AK_BYTES];
    const uint8_t *key = secret + 32;
    char text[2 * CLI_CARD_BLS + 1], path[CLI_CA_PATH];
    struct hkp_dsm_bls_key bls = {.present = 0};
    size_t len = 0;
    if (w->ak != NULL) { /* with a TPM its key is part of the name (D-ID-1) */
        if (snprintf(path, sizeof path, "%s.area", w->ak) >= (int)sizeof path) return CLI_USAGE;
        const int code = cli_ca_read(path, area, sizeof area, &len);
        if (code != CLI_OK) return code;
        hkp_ter_area_name(area, len, name);
    }
    hkp_dsm_node_id(card, key, w->ak != NULL ? name : NULL);
    memcpy(card + 16, key, 32);
    if (w->bls) {
        const int code = bls_of(secret, &bls);
        if (code != CLI_OK) return code;
        memcpy(card + CLI_CARD, bls.key, 48);
        memcpy(card + CLI_CARD + 48, bls.proof, 96);
    }
    sodium_bin2hex(text, sizeof text, card, w->bls ? CLI_CARD_BLS : CLI_CARD);
    if (w->json)
        cli_print_json(json_pack("{s:s%,s:s}", "node_id", text, (size_t)32, "card", text), 0);
    else
        printf("%s\n", text);
    return CLI_OK;
}

/* ---- The request ---- */

static int fill(const struct wanted *w, const struct cli_ca *ca, struct hkp_dsm_request *q,
                struct cli_ca_evidence *e, int *has_evidence) {
    uint8_t token[HKP_DSM_TOKEN_MAX];
    size_t len = 0;
    q->roles = w->roles;
    q->tier = w->tier;
    q->neuro_gen = w->neuro_gen;
    q->has_static_key = 1;
    randombytes_buf(q->nonce, sizeof q->nonce);
    if (!w->renew) {
        const int code = cli_ca_token(w->token, token, &len);
        if (code != CLI_OK) return code;
        hkp_dsm_token_digest(q->token_digest, ca->genesis.chain_id, token, len);
        hkp_ter_wipe(token, sizeof token);
    }
    *has_evidence = w->hardware != NULL || w->this_machine;
    if (!*has_evidence) {
        randombytes_buf(q->enroll_id, sizeof q->enroll_id); /* no hardware record: the digest of none */
        return CLI_OK;
    }
    const int code = take_evidence(w, e);
    memcpy(q->enroll_id, e->enroll_id, 32);
    q->has_ak = w->ak != NULL;
    if (q->has_ak) hkp_ter_area_name(e->ak_area, e->ak_len, q->ak);
    return code;
}

static int make(const struct wanted *w, const uint8_t secret[64], const uint8_t static_key[32]) {
    static struct cli_ca ca;
    static struct cli_ca_evidence evidence;
    struct hkp_dsm_request q = {0};
    uint8_t bytes[HKP_DSM_REQUEST_MAX];
    char path[CLI_CA_PATH];
    size_t len = 0;
    int has_evidence = 0, code = cli_ca_genesis(&ca, w->genesis);
    if (code == CLI_OK) code = fill(w, &ca, &q, &evidence, &has_evidence);
    if (code != CLI_OK) return code;
    memcpy(q.static_key, static_key, 32);
    if (w->bls) {
        struct hkp_dsm_bls_key bls;
        code = bls_of(secret, &bls);
        if (code != CLI_OK) return code;
        q.has_bls = 1;
        memcpy(q.bls_key, bls.key, 48);
        memcpy(q.bls_proof, bls.proof, 96);
    }
    const hkp_status st = hkp_dsm_request_build(ca.genesis.chain_id, &q, secret, bytes, sizeof bytes, &len);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "no request: %s", cli_status_name(st));
    if (snprintf(path, sizeof path, "%s.evidence", w->out) >= (int)sizeof path)
        return cli_fail(CLI_USAGE, "%s: path too long", w->out);
    code = cli_ca_write(w->out, bytes, len);
    if (code == CLI_OK && has_evidence) code = write_evidence(path, &evidence);
    if (code != CLI_OK) return code;
    json_t *o = cli_ca_describe(&ca, bytes, len);
    json_object_set_new(o, "out", json_string(w->out));
    if (has_evidence) json_object_set_new(o, "evidence", json_string(path));
    cli_ca_tell(o, w->json);
    return CLI_OK;
}

static int check(const struct wanted *w) {
    if (w->node == NULL) return cli_fail(CLI_USAGE, "ca request wants --node DIR");
    if (w->seat) return CLI_OK;
    if (w->genesis == NULL || w->out == NULL)
        return cli_fail(CLI_USAGE, "ca request wants --genesis FILE and --out FILE");
    if ((w->token != NULL) == (w->renew != 0))
        return cli_fail(CLI_USAGE, "ca request wants --token FILE for a new node, or --renew");
    if (w->ak != NULL && w->hardware == NULL && !w->this_machine)
        return cli_fail(CLI_USAGE, "--ak wants --this-machine, or --hardware with the endorsement key in it");
    return w->hardware != NULL && w->this_machine ? cli_fail(CLI_USAGE, "--hardware or --this-machine")
                                                  : CLI_OK;
}

static int ca_request(int argc, char **argv) {
    static const struct option own[] = {{"node", required_argument, NULL, 'n'},
                                        {"passphrase-file", required_argument, NULL, 'p'},
                                        {"seat", no_argument, NULL, 's'},
                                        {"genesis", required_argument, NULL, 'g'},
                                        {"token", required_argument, NULL, 't'},
                                        {"renew", no_argument, NULL, 'r'},
                                        {"roles", required_argument, NULL, 'R'},
                                        {"tier", required_argument, NULL, 'T'},
                                        {"neuro-gen", required_argument, NULL, 'N'},
                                        {"bls", no_argument, NULL, 'b'},
                                        {"hardware", required_argument, NULL, 'w'},
                                        {"this-machine", no_argument, NULL, 'm'},
                                        {"ak", required_argument, NULL, 'a'},
                                        {"tcti", required_argument, NULL, 'c'},
                                        {"answer", required_argument, NULL, 'A'},
                                        {"out", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};
    struct wanted w = {.roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS | HKP_DSM_ROLE_NEURO,
                       .tier = HKP_DSM_TIER_FORTRESS};
    uint8_t secret[64], static_key[32];
    uint64_t v;
    int got;
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    while ((got = cli_option(&cli_ca_request, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'n') w.node = optarg;
        if (got == 'p') w.passphrase_file = optarg;
        if (got == 's') w.seat = 1;
        if (got == 'g') w.genesis = optarg;
        if (got == 't') w.token = optarg;
        if (got == 'r') w.renew = 1;
        if (got == 'b') w.bls = 1;
        if (got == 'w') w.hardware = optarg;
        if (got == 'm') w.this_machine = 1;
        if (got == 'a') w.ak = optarg;
        if (got == 'c') w.tcti = optarg;
        if (got == 'A') w.answer = optarg;
        if (got == 'o') w.out = optarg;
        if (got == 'j') w.json = 1;
        if (got == 'R' && cli_ca_roles(optarg, &w.roles) != 0)
            return cli_fail(CLI_USAGE,
                            "--roles: edge,validator,witness,coordinator,ca,operator,scheduler,neuro");
        if (got == 'T' && cli_ca_tier(optarg, &w.tier) != 0)
            return cli_fail(CLI_USAGE, "--tier: sentinel, guardian, fortress, nexus or mssp");
        if (got == 'N' && cli_number(optarg, 1, UINT32_MAX, &v) != 0)
            return cli_fail(CLI_USAGE, "--neuro-gen: a number");
        if (got == 'N') w.neuro_gen = (uint32_t)v;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "ca request wants no argument: %s", argv[optind]);
    if (w.answer != NULL)
        return w.ak != NULL && w.out != NULL
                   ? cli_ca_tpm_answer(w.answer, w.ak, w.tcti, w.out)
                   : cli_fail(CLI_USAGE, "ca request --answer wants --ak FILE and --out FILE");
    int code = check(&w);
    if (code == CLI_OK) code = cli_ca_node_keys(w.node, w.passphrase_file, secret, static_key);
    if (code != CLI_OK) return code;
    code = w.seat ? show_seat(&w, secret) : make(&w, secret, static_key);
    hkp_ter_wipe(secret, sizeof secret);
    return code;
}

const struct cli_command cli_ca_request = {
    .name = "ca request",
    .summary = "ask the officers for a certificate",
    .help =
        "usage: hookprobe ca request --node DIR --genesis FILE --token FILE | --renew --out FILE [--roles "
        "R,...]\n"
        "                            [--tier T] [--neuro-gen N] [--bls] [--this-machine | --hardware FILE]\n"
        "                            [--passphrase-file FILE] [--json]\n"
        "                            [--ak FILE [--tcti T]]\n"
        "       hookprobe ca request --node DIR --seat [--bls] [--ak FILE] [--json]\n"
        "       hookprobe ca request --answer CHALLENGE --ak FILE --out FILE [--tcti T]\n\n"
        "Writes a request that the node's own key signs, and FILE.evidence with the machine's hardware "
        "record, "
        "which goes to\n"
        "the officers only. With --seat it prints the card of a node that is to be among the first "
        "validators.\n\n"
        "  --node DIR      the node's folder, of which the file keys is read\n"
        "  --token FILE    the secret that the officers gave out for this node; only its digest is sent\n"
        "  --renew         ask again under the present certificate\n"
        "  --bls           name the node's BLS key, too, for short proofs; also in a card; wants blst\n"
        "  --roles R,...   edge, validator, witness, coordinator, ca, operator, scheduler, neuro;\n"
        "                  default edge,witness,neuro\n"
        "  --tier T        sentinel, guardian, fortress (default), nexus, mssp\n"
        "  --neuro-gen N   generation of the neural state\n"
        "  --this-machine  read the hardware record here; --hardware FILE: one of \"hookprobe ter hardware "
        "--record\"\n"
        "  --ak FILE       attestation key of \"hookprobe tpm ak\", which becomes part of the node's name\n"
        "  --tcti T        its TPM, as in \"hookprobe tpm\"\n"
        "  --answer FILE   open with the TPM what an officer wrapped with \"ca sign --challenge\"\n"
        "  --out FILE      where the request goes\n"
        "  --json          the request as one JSON object\n",
    .run = ca_request,
};
