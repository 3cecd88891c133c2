/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab translate, lab hybrid seal|open (LAB-9.1): files through the bridge. */
#include "bridge.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = HKP_NEURO_HYB_SIZE_MAX };

int cli_bridge_read(const char *path, int secret, size_t max, struct cli_bytes *bytes) {
    bytes->len = 0;
    bytes->ptr = malloc(max + 1);
    if (bytes->ptr == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    hkp_status st = HKP_OK;
    if (strcmp(path, "-") == 0)
        bytes->len = fread(bytes->ptr, 1, max + 1, stdin);
    else
        st = hkp_ter_file_read(path, secret, bytes->ptr, max, &bytes->len);
    if (st == HKP_OK && bytes->len <= max) return CLI_OK;
    free(bytes->ptr);
    bytes->ptr = NULL;
    if (st == HKP_OK || st == HKP_E_NOSPC) return cli_fail(CLI_NO, "%s: is longer than %zu bytes", path, max);
    return cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", path, cli_status_name(st));
}

int cli_bridge_write(const char *path, const uint8_t *bytes, size_t len) {
    if (strcmp(path, "-") == 0)
        return fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0
                   ? CLI_OK
                   : cli_fail(CLI_SYSTEM, "standard output cannot be written");
    const hkp_status st = hkp_ter_file_write(path, bytes, len);
    return st == HKP_OK ? CLI_OK
                        : cli_fail(CLI_SYSTEM, "%s: cannot be written: %s", path, cli_status_name(st));
}

static int is_file(const struct cli_bytes *file) {
    return file->len > HKP_NEURO_BRIDGE_FILE_EXTRA && memcmp(file->ptr, "LMT1", 4) == 0;
}

int cli_bridge_table(const char *path, const char *signer, struct cli_bytes *file, struct cli_bytes *table,
                     hkp_neuro_bridge **bridge) {
    uint8_t key[32];
    if (signer != NULL && cli_unhex(signer, key, sizeof key) != 0)
        return cli_fail(CLI_USAGE, "--signer: 64 hex digits");
    int code = cli_bridge_read(path, 0, HKP_NEURO_BRIDGE_SIZE_MAX + HKP_NEURO_BRIDGE_FILE_EXTRA, file);
    if (code != CLI_OK) return code;
    const int whole = is_file(file);
    *table = whole ? (struct cli_bytes){file->ptr + 8, file->len - HKP_NEURO_BRIDGE_FILE_EXTRA} : *file;
    const hkp_status st = signer != NULL ? hkp_neuro_bridge_open(bridge, NULL, file->ptr, file->len, key, 1)
                                         : hkp_neuro_bridge_new(bridge, NULL, table->ptr, table->len);
    if (st == HKP_OK) return CLI_OK;
    free(file->ptr);
    file->ptr = NULL;
    return cli_fail(st == HKP_E_NEURO_BR_SIGNER || st == HKP_E_NEURO_BR_SIG ? CLI_NO : CLI_DAMAGED,
                    "%s: is no table that holds: %s", path, cli_status_name(st));
}

/* ---- translate ---- */

static uint32_t form_of(const char *name) {
    return strcmp(name, "json") == 0       ? HKP_NEURO_BRIDGE_JSON
           : strcmp(name, "protobuf") == 0 ? HKP_NEURO_BRIDGE_PROTOBUF
           : strcmp(name, "record") == 0   ? HKP_NEURO_BRIDGE_RECORD
                                           : 0;
}

/* A refusal of what came: its name, its place, never a value. */
static int refused(const char *path, hkp_status st, const struct hkp_neuro_bridge_place *place, int json) {
    if (json)
        cli_print_json(json_pack("{s:s, s:s, s:s, s:I}", "file", path, "error", cli_status_name(st), "field",
                                 place->path, "offset", (json_int_t)place->offset),
                       0);
    return cli_fail(CLI_NO, "%s: %s at byte %llu%s%s", path, cli_status_name(st),
                    (unsigned long long)place->offset, place->path[0] != 0 ? ", field " : "", place->path);
}

struct job {
    const char *signer, *from, *to, *key, *key_id, *context;
    int json, exported, neural;
    uint64_t life_s, policy, suite;
};

static int translate_with(const struct job *j, char **names) {
    struct cli_bytes file = {0}, table, in = {0};
    struct hkp_neuro_bridge_place place = {0};
    struct hkp_neuro_bridge_info info;
    hkp_neuro_bridge *b = NULL;
    size_t len = 0;
    int code = cli_bridge_table(names[0], j->signer, &file, &table, &b);
    if (code == CLI_OK) code = cli_bridge_read(names[1], 0, HKP_NEURO_BRIDGE_SIZE_MAX, &in);
    uint8_t *out = malloc(HKP_NEURO_BRIDGE_SIZE_MAX);
    if (code == CLI_OK && out == NULL) code = cli_fail(CLI_SYSTEM, "out of memory");
    if (code == CLI_OK) {
        hkp_neuro_bridge_info(b, &info);
        const uint32_t from = form_of(j->from), to = j->to != NULL ? form_of(j->to) : info.sides & ~from;
        const hkp_status st = hkp_neuro_bridge_translate(b, from, to, in.ptr, in.len, out,
                                                         HKP_NEURO_BRIDGE_SIZE_MAX, &len, &place);
        if (st == HKP_E_INVAL)
            code = cli_fail(CLI_USAGE, "--from, --to: not the two sides of this table");
        else
            code =
                st == HKP_OK ? cli_bridge_write(names[2], out, len) : refused(names[1], st, &place, j->json);
        if (st == HKP_OK && code == CLI_OK && j->json && strcmp(names[2], "-") != 0)
            cli_print_json(json_pack("{s:s, s:I, s:I}", "file", names[2], "in", (json_int_t)in.len, "out",
                                     (json_int_t)len),
                           0);
    }
    hkp_neuro_bridge_free(b);
    free(file.ptr);
    free(in.ptr);
    free(out);
    return code;
}

static const struct option options[] = {{"signer", required_argument, NULL, 's'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"key", required_argument, NULL, 'k'},
                                        {"key-id", required_argument, NULL, 'i'},
                                        {"life", required_argument, NULL, 'l'},
                                        {"level", required_argument, NULL, 'p'},
                                        {"aes", no_argument, NULL, 'a'},
                                        {"exported", no_argument, NULL, 'e'},
                                        {"neural", no_argument, NULL, 'n'},
                                        {0}};

static int take(const struct cli_command *command, int argc, char **argv, struct job *j) {
    int got;
    *j = (struct job){.life_s = 300, .suite = HKP_NEURO_HYB_CHACHA20_POLY1305};
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "no randomness");
    while ((got = cli_option(command, argc, argv, options)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 's') j->signer = optarg;
        if (got == 'f') j->from = optarg;
        if (got == 't') j->to = optarg;
        if (got == 'k') j->key = optarg;
        if (got == 'i') j->key_id = optarg;
        if (got == 'j') j->json = 1;
        if (got == 'a') j->suite = HKP_NEURO_HYB_AES256_GCM;
        if (got == 'e') j->exported = 1;
        if (got == 'n') j->neural = 1;
        if (got == 'l' && cli_number(optarg, 1, 604800, &j->life_s) != 0)
            return cli_fail(CLI_USAGE, "--life: 1..604800 seconds");
        if (got == 'p' && cli_number(optarg, 1, 4, &j->policy) != 0)
            return cli_fail(CLI_USAGE, "--level: 1..4");
    }
    if (argc - optind != 3) return cli_fail(CLI_USAGE, "%s wants TABLE IN OUT", command->name);
    return j->signer != NULL ? CLI_OK : cli_fail(CLI_USAGE, "--signer: whose tables are believed?");
}

static int translate(int argc, char **argv) {
    struct job j;
    const int code = take(&cli_lab_translate, argc, argv, &j);
    if (code != CLI_OK) return code;
    if (j.from == NULL || form_of(j.from) == 0 || (j.to != NULL && form_of(j.to) == 0))
        return cli_fail(CLI_USAGE, "--from, --to: json, protobuf or record");
    return translate_with(&j, argv + optind);
}

/* ---- hybrid ---- */

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

static int keys_of(const struct job *j, struct hkp_neuro_hyb_secret *secret) {
    struct cli_bytes master = {0};
    uint8_t id[16];
    if (j->key == NULL || j->key_id == NULL || cli_unhex(j->key_id, id, sizeof id) != 0)
        return cli_fail(CLI_USAGE, "--key FILE of 32 bytes, and --key-id, 32 hex digits");
    const int code = cli_bridge_read(j->key, 1, 32, &master);
    if (code != CLI_OK) return code;
    const int whole = master.len == 32;
    const uint32_t origin = j->exported ? HKP_NEURO_HYB_FROM_EXPORT : HKP_NEURO_HYB_FROM_RANDOM;
    if (whole) (void)!hkp_neuro_hyb_keys_derive(secret, id, master.ptr, origin, cli_wall() / 1000000);
    sodium_memzero(master.ptr, master.len);
    free(master.ptr);
    return whole ? CLI_OK : cli_fail(CLI_DAMAGED, "%s: is not 32 bytes", j->key);
}

/* Seals one intermediary, or opens one message. What is restricted needs a replay set that outlives a
 * process. */
static int hybrid(const struct cli_command *command, int argc, char **argv) {
    struct job j;
    struct hkp_neuro_hyb_secret secret;
    struct hkp_neuro_hyb_options opt;
    struct cli_bytes file = {0}, table, in = {0};
    hkp_neuro_bridge *b = NULL;
    size_t len = 0;
    int code = take(command, argc, argv, &j);
    if (code != CLI_OK) return code;
    char **names = argv + optind;
    const int sealing = command == &cli_lab_hybrid_seal;
    code = keys_of(&j, &secret);
    if (code != CLI_OK) return code;
    code = cli_bridge_table(names[0], j.signer, &file, &table, &b);
    if (code == CLI_OK) code = cli_bridge_read(names[1], 0, ROOM, &in);
    uint8_t *out = malloc(ROOM);
    if (code == CLI_OK && out == NULL) code = cli_fail(CLI_SYSTEM, "out of memory");
    if (code == CLI_OK) {
        hkp_neuro_hyb_options_init(&opt, sizeof opt);
        opt.suite = (uint32_t)j.suite;
        opt.policy = (uint32_t)j.policy;
        opt.now_s = cli_wall() / 1000000;
        opt.expires_s = opt.now_s + j.life_s;
        opt.rng.fill = fill;
        opt.neural = (uint32_t)j.neural;
        cli_lab_layer(&opt.layer);
        hkp_status st = HKP_OK;
        if (sealing) { /* what could not be opened again is not sealed */
            struct hkp_neuro_bridge_place place = {0};
            st = hkp_neuro_bridge_check(b, in.ptr, in.len, &place);
            if (st != HKP_OK) code = refused(names[1], st, &place, j.json);
        }
        if (st == HKP_OK) {
            st = sealing ? hkp_neuro_hyb_seal(&secret, &opt, b, in.ptr, in.len, out, ROOM, &len)
                         : hkp_neuro_hyb_open(&secret, &opt, b, in.ptr, in.len, out, ROOM, &len);
            code = st == HKP_OK ? cli_bridge_write(names[2], out, len)
                                : cli_fail(CLI_NO, "%s: %s", names[1], cli_status_name(st));
        }
        if (code == CLI_OK && (sealing ? out : in.ptr)[7] == 1) /* LAB-8.2: a layer is below the AEAD */
            fputs("neural layer: no security claim, the AEAD protects this\n", stderr);
        if (code == CLI_OK && j.json && strcmp(names[2], "-") != 0)
            cli_print_json(json_pack("{s:s, s:I, s:I}", "file", names[2], "in", (json_int_t)in.len, "out",
                                     (json_int_t)len),
                           0);
        cli_lab_layer(NULL);
        sodium_memzero(out, ROOM);
    }
    sodium_memzero(&secret, sizeof secret);
    hkp_neuro_bridge_free(b);
    free(file.ptr);
    free(in.ptr);
    free(out);
    return code;
}

static int hybrid_seal(int argc, char **argv) { return hybrid(&cli_lab_hybrid_seal, argc, argv); }
static int hybrid_open(int argc, char **argv) { return hybrid(&cli_lab_hybrid_open, argc, argv); }

#define SIGNER_HELP "  --signer HEX   Ed25519 key that must have signed the table, 64 hex digits\n"
#define KEY_HELP                                                                                             \
    "  --key FILE     master key: 32 random bytes, readable by its owner only (mode 0600)\n"                 \
    "  --key-id HEX   its public name, 32 hex digits\n"                                                      \
    "  --exported     it was exported from an HTP session; level 4 takes no other\n"

const struct cli_command cli_lab_translate = {
    .name = "lab translate",
    .summary = "a message of one schema into that of another, by a signed table",
    .help =
        "usage: hookprobe lab translate TABLE IN OUT --signer HEX --from FORM [--to FORM] [--json]\n\n"
        "Reads IN in one form and writes OUT in the other one of the table: what the table does not map, "
        "and\n"
        "every value that does not fit on both sides, is an error with its place. - is standard input or\n"
        "output.\n\n" SIGNER_HELP "  --from FORM    json, protobuf or record\n"
        "  --to FORM      default: the table's other side; the same as --from gives the canonical form\n"
        "  --json         one JSON object, also of a refusal: error, field by ids, offset\n",
    .run = translate,
};

const struct cli_command cli_lab_hybrid_seal = {
    .name = "lab hybrid seal",
    .summary = "seal an intermediary of the bridge",
    .help =
        "usage: hookprobe lab hybrid seal TABLE IN OUT --signer HEX --key FILE --key-id HEX [--level N]\n"
        "       [--life S] [--aes] [--exported] [--neural] [--json]\n\n"
        "IN is canonical CBOR as the table says. The level decides about padding and life, never about the\n"
        "cipher.\n\n" SIGNER_HELP KEY_HELP
        "  --level N      1 public, 2 internal, 3 confidential, 4 restricted; "
        "default and least: the table's\n"
        "  --life S       seconds until it does not open any more; default 300\n"
        "  --aes          AES-256-GCM, where the machine has it; default ChaCha20-Poly1305\n"
        "  --neural       with the layer of the lab below the AEAD, in builds that have it; no security "
        "claim\n"
        "  --json         one JSON object\n",
    .run = hybrid_seal,
};

const struct cli_command cli_lab_hybrid_open = {
    .name = "lab hybrid open",
    .summary = "open a sealed intermediary",
    .help =
        "usage: hookprobe lab hybrid open TABLE IN OUT --signer HEX --key FILE --key-id HEX [--exported]\n"
        "       [--json]\n\n"
        "Writes the intermediary, canonical CBOR. A message of level 4 does not open here: that needs a "
        "replay\n"
        "set, which lives in a process.\n\n" SIGNER_HELP KEY_HELP "  --json         one JSON object\n",
    .run = hybrid_open,
};
