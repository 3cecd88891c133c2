/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file key: an identity for the transfer of files, and the card that the other side is given. */
#include "file.h"

#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A key file: these 8 bytes, seed of A, secret of S, in any form that "hookprobe keys" knows. */
static const char magic[8] = {'H', 'K', 'P', 'F', 'I', 'L', 'E', '1'};
enum { KEY_BYTES = sizeof magic + 64 };

void cli_file_card_of(const struct cli_file_key *key, struct cli_file_card *card) {
    uint8_t secret[64];
    memcpy(card->node_id, key->node_id, 16);
    crypto_sign_seed_keypair(card->a, secret, key->a_seed);
    sodium_memzero(secret, sizeof secret);
    crypto_scalarmult_base(card->s, key->s_secret);
}

void cli_file_card_text(const struct cli_file_card *card, char text[CLI_CARD_HEX + 1]) {
    sodium_bin2hex(text, 33, card->node_id, 16);
    sodium_bin2hex(text + 32, 65, card->a, 32);
    sodium_bin2hex(text + 96, 65, card->s, 32);
}

int cli_file_card_read(const char *text, struct cli_file_card *card) {
    uint8_t bytes[80];
    size_t len = 0;
    if (strlen(text) != CLI_CARD_HEX ||
        sodium_hex2bin(bytes, sizeof bytes, text, CLI_CARD_HEX, NULL, &len, NULL) != 0 || len != sizeof bytes)
        return -1;
    memcpy(card->node_id, bytes, 16);
    memcpy(card->a, bytes + 16, 32);
    memcpy(card->s, bytes + 48, 32);
    return 0;
}

static void name_key(struct cli_file_key *key) {
    struct cli_file_card card;
    cli_file_card_of(key, &card);
    hkp_dsm_node_id(key->node_id, card.a, NULL);
}

static int passphrase_of(const char *path, struct hkp_ter_keystore_options *o,
                         uint8_t text[HKP_TER_PASSPHRASE_MAX]) {
    if (path == NULL) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(path, 1, text, HKP_TER_PASSPHRASE_MAX, &o->passphrase_len);
    if (st == HKP_E_STATE) return cli_fail(CLI_SYSTEM, "%s: must be a file with mode 0600", path);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: %s", path, cli_status_name(st));
    if (o->passphrase_len > 0 && text[o->passphrase_len - 1] == '\n') o->passphrase_len--;
    o->passphrase = text;
    return CLI_OK;
}

static int key_fault(const char *path, hkp_status st) {
    switch (st) {
    case HKP_E_NOTFOUND:
        return cli_fail(CLI_USAGE, "%s: there is no such key; \"hookprobe file key\" makes one", path);
    case HKP_E_TER_KEY_ACCESS:
        return cli_fail(CLI_SYSTEM, "%s: must be a file of yours with mode 0600", path);
    case HKP_E_TER_KEY_PASSPHRASE:
        return cli_fail(CLI_SYSTEM, "%s: passphrase missing or wrong", path);
    default:
        return cli_fail(st == HKP_E_TER_KEY_FORM ? CLI_DAMAGED : CLI_SYSTEM, "%s: %s", path,
                        cli_status_name(st));
    }
}

int cli_file_key_read(const char *path, const char *passphrase_file, struct cli_file_key *key) {
    struct hkp_ter_keystore_options o;
    uint8_t secret[HKP_TER_KEY_MAX], passphrase[HKP_TER_PASSPHRASE_MAX];
    size_t len = 0;
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    const int code = passphrase_of(passphrase_file, &o, passphrase);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_ter_keystore_read(&o, secret, sizeof secret, &len, NULL);
    if (st == HKP_OK && (len != KEY_BYTES || memcmp(secret, magic, sizeof magic) != 0))
        st = HKP_E_TER_KEY_FORM;
    if (st == HKP_OK) {
        memcpy(key->a_seed, secret + 8, 32);
        memcpy(key->s_secret, secret + 40, 32);
        name_key(key);
    }
    hkp_ter_wipe(secret, sizeof secret);
    hkp_ter_wipe(passphrase, sizeof passphrase);
    return st == HKP_OK ? CLI_OK : key_fault(path, st);
}

static int make_key(const char *path, const char *passphrase_file, struct cli_file_key *key) {
    struct hkp_ter_keystore_options o;
    uint8_t secret[KEY_BYTES], passphrase[HKP_TER_PASSPHRASE_MAX];
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    o.form = passphrase_file != NULL ? HKP_TER_KEY_PASSPHRASE : HKP_TER_KEY_PLAIN;
    const int code = passphrase_of(passphrase_file, &o, passphrase);
    if (code != CLI_OK) return code;
    randombytes_buf(key->a_seed, 32);
    randombytes_buf(key->s_secret, 32);
    name_key(key);
    memcpy(secret, magic, 8);
    memcpy(secret + 8, key->a_seed, 32);
    memcpy(secret + 40, key->s_secret, 32);
    const hkp_status st = hkp_ter_keystore_write(&o, secret, sizeof secret);
    hkp_ter_wipe(secret, sizeof secret);
    hkp_ter_wipe(passphrase, sizeof passphrase);
    return st == HKP_OK ? CLI_OK : key_fault(path, st);
}

static int file_key(int argc, char **argv) {
    static const struct option own[] = {{"out", required_argument, NULL, 'o'},
                                        {"passphrase-file", required_argument, NULL, 'p'},
                                        {NULL, 0, NULL, 0}};
    const char *path = NULL, *passphrase_file = NULL;
    struct cli_file_key key;
    struct cli_file_card card;
    char text[CLI_CARD_HEX + 1];
    int json = 0, made = 0, got;
    while ((got = cli_option(&cli_file_key, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'o') path = optarg, made = 1;
        if (got == 'p') passphrase_file = optarg;
        if (got == 'j') json = 1;
    }
    if (optind + !made != argc)
        return cli_fail(CLI_USAGE, "file key wants --out FILE, or a key file to show");
    if (!made) path = argv[optind];
    if (made && access(path, F_OK) == 0) return cli_fail(CLI_USAGE, "%s: is there already", path);
    const int code =
        made ? make_key(path, passphrase_file, &key) : cli_file_key_read(path, passphrase_file, &key);
    if (code != CLI_OK) return code;
    cli_file_card_of(&key, &card);
    hkp_ter_wipe(&key, sizeof key);
    cli_file_card_text(&card, text);
    if (json)
        cli_print_json(json_pack("{s:s,s:s%,s:s}", "key", path, "node_id", text, (size_t)32, "card", text),
                       0);
    else
        printf("%s\n", text);
    return CLI_OK;
}

const struct cli_command cli_file_key = {
    .name = "file key",
    .summary = "make an identity for \"hookprobe file\", and show its card",
    .help = "usage: hookprobe file key --out FILE [--passphrase-file FILE] [--json]\n"
            "       hookprobe file key FILE [--passphrase-file FILE] [--json]\n\n"
            "Makes a key file (mode 0600), or reads one, and prints its card: 160 hex digits that are public "
            "and name\n"
            "this identity. A client's configuration holds the card of each server, a server's configuration "
            "the card\n"
            "of each client. Give every machine, and every program that sends files at the same time as "
            "another, a\n"
            "key of its own: a new session of one identity ends the older one.\n\n"
            "  --out FILE             the key file to make; it must not exist\n"
            "  --passphrase-file FILE the passphrase that the key is, or shall be, kept under, mode 0600;\n"
            "                         \"hookprobe keys\" changes it later, also to a TPM\n"
            "  --json                 key, node_id and card as one JSON object\n",
    .run = file_key,
};
