/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe tpm authorize, and hookprobe keys: the forms in which a node's keys lie on disk. */
#include "tpm.h"

#include <stdio.h>
#include <string.h>

/* ---- authorize ---- */

/* The operator's PCR key: 32 bytes in a private file; made if --new says so. */
static int operator_key(const struct cli_tpm *t, uint8_t secret[32], uint8_t key[64]) {
    struct hkp_ter_keystore_options o;
    struct hkp_rng rng;
    size_t len = 0;
    hkp_status st;
    hkp_ter_keystore_options_init(&o, sizeof o);
    hkp_ter_system_rng(&rng);
    o.path = t->key;
    if (t->fresh) {
        uint8_t old[HKP_TER_KEY_MAX];
        st = hkp_ter_keystore_read(&o, old, sizeof old, &len, NULL);
        hkp_ter_wipe(old, sizeof old);
        if (st != HKP_E_NOTFOUND) return cli_fail(CLI_USAGE, "%s: is there already", t->key);
        st = hkp_ter_pca_key(secret, key, &rng);
        if (st == HKP_OK) st = hkp_ter_keystore_write(&o, secret, 32);
    } else {
        st = hkp_ter_keystore_read(&o, secret, 32, &len, NULL);
        if (st == HKP_OK && len != 32) st = HKP_E_TER_KEY_FORM;
        if (st == HKP_OK) st = hkp_ter_pca_public(secret, key, &rng);
    }
    return st == HKP_OK ? CLI_OK : cli_tpm_told(t->key, st, 0);
}

static int authorise(struct cli_tpm *t, const uint8_t secret[32], const uint8_t key[64]) {
    uint8_t digest[32], pca[HKP_TER_PCA_SIZE];
    char digest_text[65], key_text[129];
    struct hkp_rng rng;
    hkp_ter_system_rng(&rng);
    int code = cli_tpm_digest(t, digest);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_ter_pca_sign(t->pcr_mask, digest, secret, &rng, pca);
    if (st != HKP_OK) return cli_tpm_told(t->key, st, 0);
    code = cli_tpm_write(t->out, pca, sizeof pca);
    if (code != CLI_OK) return code;
    cli_hex(digest, 32, digest_text);
    cli_hex(key, 64, key_text);
    if (t->json)
        cli_print_json(json_pack("{s:s,s:I,s:s,s:s}", "out", t->out, "pcr_mask", (json_int_t)t->pcr_mask,
                                 "pcr_digest", digest_text, "pca_key", key_text),
                       0);
    else
        printf("%s: PCR digest %s\npca_key %s\n", t->out, digest_text, key_text);
    return CLI_OK;
}

static int tpm_authorize(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_KEY, CLI_TPM_NEW,  CLI_TPM_PCRS,      CLI_TPM_DIGEST,
                                        CLI_TPM_OUT, CLI_TPM_TCTI, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    uint8_t secret[32], key[64];
    int code = cli_tpm_options(&t, &cli_tpm_authorize, argc, argv, own);
    if (code == CLI_OK && (t.key == NULL || t.out == NULL))
        code = cli_tpm_missing(&cli_tpm_authorize, "--key FILE and --out FILE");
    if (code == CLI_OK) code = operator_key(&t, secret, key);
    if (code == CLI_OK) code = authorise(&t, secret, key);
    hkp_ter_wipe(secret, sizeof secret);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

/* ---- keys ---- */

static const char *const forms[] = {"plain", "passphrase", "tpm"};

static int print_form(const struct cli_tpm *t, uint32_t form) {
    const char *level = form == HKP_TER_KEY_TPM ? "tpm" : "software";
    if (t->json)
        cli_print_json(json_pack("{s:s,s:s,s:s}", "keys", t->keys, "form", forms[form], "level", level), 0);
    else
        printf("%s: %s, level %s\n", t->keys, forms[form], level);
    return CLI_OK;
}

static int put_passphrase(const char *path, struct hkp_ter_keystore_options *o,
                          uint8_t text[HKP_TER_PASSPHRASE_MAX]) {
    if (path == NULL) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(path, 1, text, HKP_TER_PASSPHRASE_MAX, &o->passphrase_len);
    if (st == HKP_E_STATE) return cli_tpm_told(path, HKP_E_TER_KEY_ACCESS, 0);
    if (st != HKP_OK) return cli_tpm_told(path, st, 0);
    if (o->passphrase_len > 0 && text[o->passphrase_len - 1] == '\n') o->passphrase_len--;
    o->passphrase = text;
    return CLI_OK;
}

/* Reads the keys in whatever form they are and, if that is asked for, writes them in another (to >= 0). */
static int convert(const struct cli_tpm *t, int to, const uint8_t pca_key[64]) {
    struct hkp_ter_keystore_options o;
    uint8_t secret[HKP_TER_KEY_MAX], passphrase[HKP_TER_PASSPHRASE_MAX];
    size_t len = 0;
    uint32_t form = 0;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = t->keys;
    o.tpm = t->tpm;
    int code = put_passphrase(t->passphrase_file, &o, passphrase);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_ter_keystore_read(&o, secret, sizeof secret, &len, &form);
    if (st == HKP_OK && to >= 0) {
        form = o.form = (uint32_t)to;
        memcpy(o.pca_key, pca_key, 64);
        st = hkp_ter_keystore_write(&o, secret, len);
    }
    hkp_ter_wipe(secret, sizeof secret);
    hkp_ter_wipe(passphrase, sizeof passphrase);
    return st == HKP_OK ? print_form(t, form) : cli_tpm_told(t->keys, st, 0);
}

static int form_of(const char *text) {
    for (int i = 0; i < 3; i++)
        if (strcmp(text, forms[i]) == 0) return i;
    return -1;
}

static int keys(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_KEYS,    CLI_TPM_TO,   CLI_TPM_PASSPHRASE,
                                        CLI_TPM_PCA_KEY, CLI_TPM_TCTI, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    uint8_t pca_key[64] = {0};
    int code = cli_tpm_options(&t, &cli_keys, argc, argv, own), to = -1;
    if (code == CLI_OK && t.keys == NULL) code = cli_tpm_missing(&cli_keys, "--keys FILE");
    if (code == CLI_OK && t.to != NULL && (to = form_of(t.to)) < 0)
        code = cli_fail(CLI_USAGE, "--to: plain, passphrase or tpm");
    if (code == CLI_OK && to == HKP_TER_KEY_TPM &&
        (t.pca_key == NULL || cli_unhex(t.pca_key, pca_key, 64) != 0))
        code = cli_fail(CLI_USAGE, "--pca-key: 128 hex digits, as \"hookprobe tpm authorize\" prints them");
    if (code == CLI_OK && to == HKP_TER_KEY_PASSPHRASE && t.passphrase_file == NULL)
        code = cli_tpm_missing(&cli_keys, "--passphrase-file FILE");
    if (code == CLI_OK && (to == HKP_TER_KEY_TPM || t.tcti != NULL)) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = convert(&t, to, pca_key);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

#define TCTI_HELP                                                                                            \
    "  --tcti T       device:PATH, swtpm:path=PATH or swtpm:host=IPV4,port=N; default device:/dev/tpmrm0\n"

const struct cli_command cli_tpm_authorize = {
    .name = "tpm authorize",
    .summary = "sign PCR values with which keys may be unsealed",
    .help =
        "usage: hookprobe tpm authorize --key FILE --out FILE [--new] [--pcrs N,...] [--digest HEX] [--tcti "
        "T]\n"
        "                              [--json]\n\n"
        "The operator's act: while the PCRs have these values, the TPM opens what was sealed under this "
        "key.\n"
        "After an update of firmware or boot loader, put a new authorisation in the place of the old one.\n\n"
        "  --key FILE     the operator's PCR key; --new makes it. Keep it away from the nodes\n"
        "  --out FILE     the authorisation; a node wants it as keys.pca in its folder\n"
        "  --pcrs N,...   PCRs of the SHA-256 bank; default 0,2,4,7\n"
        "  --digest HEX   digest of the values, as \"hookprobe tpm status\" shows it; default: read them "
        "now\n" TCTI_HELP "  --json         as one JSON object\n",
    .run = tpm_authorize,
};

const struct cli_command cli_keys = {
    .name = "keys",
    .summary = "how the keys of a node are kept, and keep them otherwise",
    .help = "usage: hookprobe keys --keys FILE [--to plain|passphrase|tpm] [--passphrase-file FILE] "
            "[--pca-key HEX]\n"
            "                      [--tcti T] [--json]\n\n"
            "Opens the key file of a node, says of which form it is, and with --to replaces it by one of "
            "another\n"
            "form. Prints no secret. A sealed file is opened once before the old one goes; only this TPM "
            "opens it,\n"
            "and only with PCR values that FILE.pca authorises (\"hookprobe tpm authorize\").\n\n"
            "  --keys FILE             \"keys\" in the node's folder\n"
            "  --to FORM               plain: mode 0600 and no more; passphrase: Argon2id; tpm: sealed\n"
            "  --passphrase-file FILE  mode 0600; a line break at its end does not count\n"
            "  --pca-key HEX           the operator's public key, as \"hookprobe tpm authorize\" prints it\n"
            "  --tcti T                TPM of a sealed file; see hookprobe tpm status --help\n"
            "  --json                  as one JSON object\n",
    .run = keys,
};
