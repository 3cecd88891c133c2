/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca init: keys, tokens, the genesis, the record, and sets that follow. */
#include "ca.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wanted {
    const char *dir, *passphrase_file, *name, *genesis, *set, *list, *out, *token;
    struct hkp_dsm_ca_set officers;
    struct seat {
        struct hkp_dsm_seat of;
        struct hkp_dsm_bls_key bls;
    } seats[HKP_DSM_MEMBERS_MAX];
    size_t n_seats;
    int json, yes;
};

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, 32); }
static int by_node_id(const void *a, const void *b) {
    return memcmp(((const struct seat *)a)->of.node_id, ((const struct seat *)b)->of.node_id, 16);
}

static int take_officer(struct wanted *w, const char *text) {
    size_t len = 0;
    if (w->officers.n_keys == HKP_DSM_OFFICERS_MAX) return cli_fail(CLI_USAGE, "--officer: at most 7");
    if (strlen(text) != 64 ||
        sodium_hex2bin(w->officers.keys[w->officers.n_keys++], 32, text, 64, NULL, &len, NULL) != 0 ||
        len != 32)
        return cli_fail(CLI_USAGE, "--officer: 64 hex digits, as \"hookprobe ca init --dir DIR\" shows them");
    return CLI_OK;
}

/* CARD:GROUP, the card as "hookprobe ca request --seat" shows it: node_id and key, and what --bls adds. */
static int take_seat(struct wanted *w, const char *text) {
    struct seat *seat = &w->seats[w->n_seats];
    uint8_t card[CLI_CARD_BLS];
    uint64_t group;
    size_t len = 0, digits = strcspn(text, ":");
    if (w->n_seats == HKP_DSM_MEMBERS_MAX) return cli_fail(CLI_USAGE, "--seat: at most 200");
    if ((digits != 2 * CLI_CARD && digits != 2 * CLI_CARD_BLS) || text[digits] == 0 ||
        sodium_hex2bin(card, sizeof card, text, digits, NULL, &len, NULL) != 0 || len != digits / 2 ||
        cli_number(text + digits + 1, 1, UINT32_MAX, &group) != 0)
        return cli_fail(CLI_USAGE, "--seat: CARD:GROUP, as \"hookprobe ca request --seat\" shows the card");
    memcpy(seat->of.node_id, card, 16);
    memcpy(seat->of.key, card + 16, 32);
    seat->of.group = (uint32_t)group;
    seat->bls.present = len == CLI_CARD_BLS;
    if (seat->bls.present) {
        memcpy(seat->bls.key, card + CLI_CARD, 48);
        memcpy(seat->bls.proof, card + CLI_CARD + 48, 96);
        if (hkp_dsm_bls_is_built() && hkp_dsm_bls_check(seat->bls.key, seat->bls.proof) != HKP_OK)
            return cli_fail(CLI_USAGE, "--seat: %.32s: its BLS key comes without proof", text);
    }
    w->n_seats++;
    return CLI_OK;
}

/* Scheme 2 is listed if a card has a key for it (D-QC-3). */
static hkp_status build_seats(struct wanted *w, uint8_t *dst, size_t cap, size_t *len) {
    static struct hkp_dsm_seat members[HKP_DSM_MEMBERS_MAX];
    static struct hkp_dsm_bls_key keys[HKP_DSM_MEMBERS_MAX];
    uint32_t any = 0;
    qsort(w->seats, w->n_seats, sizeof w->seats[0], by_node_id);
    for (size_t i = 0; i < w->n_seats; i++) {
        members[i] = w->seats[i].of;
        keys[i] = w->seats[i].bls;
        any |= keys[i].present;
    }
    return any ? hkp_dsm_bls_valset_build(members, keys, w->n_seats, 0, dst, cap, len)
               : hkp_dsm_valset_build(members, w->n_seats, 0, dst, cap, len);
}

static int make_token(const struct wanted *w) {
    uint8_t bytes[32];
    char text[66];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
    memcpy(text + 64, "\n", 2);
    const int code = cli_ca_write(w->token, (const uint8_t *)text, 65);
    hkp_ter_wipe(bytes, sizeof bytes);
    hkp_ter_wipe(text, sizeof text);
    if (code == CLI_OK && w->json) cli_print_json(json_pack("{s:s}", "token", w->token), 0);
    if (code == CLI_OK && !w->json)
        printf("%s: for one node; hand it to its operator and to the officers, not along with the request\n",
               w->token);
    return code;
}

static int make_key(const struct wanted *w) {
    uint8_t key[32];
    char text[65];
    const int code = cli_officer_new_key(w->dir, w->passphrase_file, key);
    if (code != CLI_OK) return code;
    sodium_bin2hex(text, sizeof text, key, sizeof key);
    if (w->json)
        cli_print_json(json_pack("{s:s,s:s}", "dir", w->dir, "officer", text), 0);
    else
        printf("%s\n", text);
    return CLI_OK;
}

static int show(const struct wanted *w, struct cli_ca *ca, const uint8_t *bytes, size_t len) {
    cli_ca_tell(cli_ca_describe(ca, bytes, len), w->json);
    return CLI_OK;
}

/* Body of the set with these officers; the threshold is a majority unless told. */
static int build_set(struct wanted *w, uint64_t version, uint8_t body[HKP_DSM_CA_SET_BODY_MAX], size_t *len) {
    w->officers.version = version;
    if (w->officers.threshold == 0) w->officers.threshold = w->officers.n_keys / 2 + 1;
    qsort(w->officers.keys, w->officers.n_keys, 32, by_bytes);
    const hkp_status st = hkp_dsm_ca_set_build(&w->officers, body, HKP_DSM_CA_SET_BODY_MAX, len);
    if (st == HKP_E_DSM_QUORUM)
        return cli_fail(CLI_USAGE, "--threshold: more than half of the officers, and not more than all");
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_USAGE, "--officer: 1 to 7, none twice");
}

static int make_genesis(struct wanted *w) {
    static uint8_t valset[HKP_DSM_VALSET_MAX], genesis[HKP_DSM_GENESIS_MAX];
    uint8_t body[HKP_DSM_CA_SET_BODY_MAX];
    struct hkp_dsm_view ca = {body, 0}, set = {valset, 0};
    size_t len = 0;
    int code = build_set(w, 1, body, &ca.len);
    if (code != CLI_OK) return code;
    hkp_status st = build_seats(w, valset, sizeof valset, &set.len);
    if (st == HKP_E_UNSUPPORTED)
        return cli_fail(CLI_SYSTEM, "--seat: cards with a BLS key want a program that was built with blst");
    if (st == HKP_OK)
        st = hkp_dsm_genesis_build(w->name, strlen(w->name), &ca, &set, cli_wall() / 1000000, genesis,
                                   sizeof genesis, &len);
    if (st != HKP_OK)
        return cli_fail(
            CLI_USAGE,
            "no such mesh: a name of 1 to 64 bytes, 1 to 200 seats, no node twice, and with 4 seats and "
            "more no group above a third of them, unless the name ends in /single (%s)",
            cli_status_name(st));
    code = cli_ca_write(w->out, genesis, len);
    return code == CLI_OK ? show(w, NULL, genesis, len) : code;
}

/* Takes a mesh into the folder; from here on this key has a record. */
static int join(const struct wanted *w) {
    static struct cli_ca ca;
    char path[CLI_CA_PATH];
    static const char *const begun[] = {"genesis", "record", "mark"};
    int code = cli_ca_genesis(&ca, w->genesis);
    for (size_t i = 3; code == CLI_OK && i-- > 0;) {
        code = cli_ca_path(path, w->dir, begun[i]);
        if (code == CLI_OK && access(path, F_OK) == 0)
            code = cli_fail(CLI_USAGE, "%s: is there already; a record is begun once in the life of a key",
                            path);
    }
    if (code == CLI_OK) code = show(w, NULL, ca.genesis_bytes, ca.genesis_len);
    if (code == CLI_OK) code = cli_ca_agree(w->yes);
    if (code == CLI_OK) code = cli_ca_write(path, ca.genesis_bytes, ca.genesis_len);
    return code == CLI_OK ? cli_officer_begin(w->dir, w->passphrase_file) : code;
}

/* A complete set that follows, or a complete list. */
static int take(const struct wanted *w) {
    static struct cli_officer o;
    static uint8_t bytes[HKP_DSM_CA_SET_BODY_MAX + 600];
    char path[CLI_CA_PATH], name[16];
    size_t len = 0;
    int code = cli_officer_open(&o, w->dir, w->passphrase_file);
    if (code == CLI_OK && w->list != NULL) code = cli_officer_take_list(&o, w->list);
    if (code == CLI_OK && w->set != NULL) {
        code = cli_ca_set(&o.ca, w->set);
        snprintf(name, sizeof name, "set.%u", (unsigned)cli_ca_newest(&o.ca)->version);
        if (code == CLI_OK) code = cli_ca_read(w->set, bytes, sizeof bytes, &len);
        if (code == CLI_OK) code = cli_ca_path(path, w->dir, name);
        if (code == CLI_OK) code = cli_ca_write(path, bytes, len);
        if (code == CLI_OK) code = show(w, &o.ca, bytes, len);
    }
    cli_officer_close(&o);
    return code;
}

/* The set that follows, with this officer's signature. */
static int propose_set(struct wanted *w) {
    static struct cli_officer o;
    uint8_t body[HKP_DSM_CA_SET_BODY_MAX];
    struct hkp_dsm_matter m = {.struct_size = sizeof m, .kind = HKP_DSM_KIND_CA_SET, .body = {body, 0}};
    json_t *told = NULL;
    int code = cli_officer_open(&o, w->dir, w->passphrase_file);
    if (code == CLI_OK) code = build_set(w, cli_ca_newest(&o.ca)->version + 1, body, &m.body.len);
    if (code == CLI_OK) {
        const struct hkp_dsm_multi given = {
            .kind = m.kind, .ca_version = cli_ca_newest(&o.ca)->version, .body = m.body};
        code = cli_officer_sign(&o, &m, &given, w->out, &told);
    }
    cli_officer_close(&o);
    if (told != NULL && w->json) cli_print_json(json_incref(told), 0);
    if (told != NULL && !w->json) cli_ca_print(stdout, told);
    json_decref(told);
    return code;
}

static int ca_init(int argc, char **argv) {
    static const struct option own[] = {{"dir", required_argument, NULL, 'd'},
                                        {"passphrase-file", required_argument, NULL, 'p'},
                                        {"token", required_argument, NULL, 't'},
                                        {"name", required_argument, NULL, 'n'},
                                        {"officer", required_argument, NULL, 'a'},
                                        {"threshold", required_argument, NULL, 'k'},
                                        {"seat", required_argument, NULL, 'e'},
                                        {"genesis", required_argument, NULL, 'g'},
                                        {"set", required_argument, NULL, 's'},
                                        {"list", required_argument, NULL, 'l'},
                                        {"out", required_argument, NULL, 'o'},
                                        {"yes", no_argument, NULL, 'y'},
                                        {NULL, 0, NULL, 0}};
    static struct wanted w;
    int code = CLI_OK, got;
    uint64_t v;
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    while (code == CLI_OK && (got = cli_option(&cli_ca_init, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'd') w.dir = optarg;
        if (got == 'p') w.passphrase_file = optarg;
        if (got == 't') w.token = optarg;
        if (got == 'n') w.name = optarg;
        if (got == 'g') w.genesis = optarg;
        if (got == 's') w.set = optarg;
        if (got == 'l') w.list = optarg;
        if (got == 'o') w.out = optarg;
        if (got == 'y') w.yes = 1;
        if (got == 'j') w.json = 1;
        if (got == 'a') code = take_officer(&w, optarg);
        if (got == 'e') code = take_seat(&w, optarg);
        if (got == 'k' && cli_number(optarg, 1, 7, &v) != 0) return cli_fail(CLI_USAGE, "--threshold: 1..7");
        if (got == 'k') w.officers.threshold = (uint32_t)v;
    }
    if (code != CLI_OK) return code;
    if (optind != argc) return cli_fail(CLI_USAGE, "ca init wants no argument: %s", argv[optind]);
    if (w.token != NULL) return make_token(&w);
    if (w.name != NULL && w.out != NULL) return make_genesis(&w);
    if (w.dir == NULL)
        return cli_fail(CLI_USAGE,
                        "ca init wants --dir DIR; or --name NAME and --out GENESIS; or --token FILE");
    if (w.genesis != NULL) return join(&w);
    if (w.set != NULL || w.list != NULL) return take(&w);
    if (w.officers.n_keys > 0)
        return w.out != NULL ? propose_set(&w) : cli_fail(CLI_USAGE, "a set that follows wants --out FILE");
    return make_key(&w);
}

const struct cli_command cli_ca_init = {
    .name = "ca init",
    .summary = "make an officer's key, a mesh's genesis, a token; begin an officer's record",
    .help =
        "usage: hookprobe ca init --dir DIR [--passphrase-file FILE] [--json]\n"
        "       hookprobe ca init --name NAME --officer KEY... [--threshold T] --seat CARD:GROUP... --out "
        "GENESIS\n"
        "       hookprobe ca init --dir DIR --genesis FILE [--yes]\n"
        "       hookprobe ca init --dir DIR --officer KEY... [--threshold T] --out FILE\n"
        "       hookprobe ca init --dir DIR --set FILE | --list FILE\n"
        "       hookprobe ca init --token FILE\n\n"
        "In this order: every operator makes a key on a machine of their own; one makes the genesis from all "
        "keys "
        "and from\n"
        "the cards of the first validators; every operator looks at its chain_id and takes it, which begins "
        "the "
        "record of\n"
        "what the key signs. Later, an officer proposes the set that follows, the others sign it with \"ca "
        "sign\", "
        "and all take it.\n\n"
        "  --dir DIR         the officer's folder, made with mode 0700\n"
        "  --officer KEY     an officer's key, 64 hex digits; once for each\n"
        "  --threshold T     signatures that everything needs; default: a majority\n"
        "  --seat CARD:GROUP a first validator, as \"hookprobe ca request --seat\" shows it, and its group\n"
        "  --genesis FILE    the mesh that this officer is to serve\n"
        "  --set FILE        the set that follows, signed by the present one\n"
        "  --list FILE       the newest revocation list\n"
        "  --token FILE      make a secret that admits one node\n"
        "  --yes             do not ask\n"
        "  --json            what was made as one JSON object\n",
    .run = ca_init,
};
