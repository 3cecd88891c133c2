/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe tpm: what it is, its attestation key, quotes, and judging them. */
#include "tpm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_unhex(const char *text, uint8_t *dst, size_t n) {
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2 * n) return -1;
    for (size_t i = 0; i < 2 * n; i++) {
        const char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
        const char *at = strchr(digits, c);
        if (at == NULL) return -1;
        const unsigned high = i % 2 == 0 ? 0 : dst[i / 2];
        dst[i / 2] = (uint8_t)(high << 4 | (unsigned)(at - digits));
    }
    return 0;
}

void cli_hex(const uint8_t *bytes, size_t n, char *text) {
    for (size_t i = 0; i < n; i++) sprintf(text + 2 * i, "%02x", bytes[i]);
    text[2 * n] = 0;
}

/* ---- Options ---- */

int cli_pcrs(const char *text, uint32_t *mask) {
    char copy[128], *rest = copy;
    uint64_t pcr;
    *mask = 0;
    if (strlen(text) >= sizeof copy) return -1;
    strcpy(copy, text);
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        if (cli_number(word, 0, HKP_TER_PCRS - 1, &pcr) != 0) return -1;
        *mask |= 1u << pcr;
    }
    return 0;
}

static int take(struct cli_tpm *t, int option) {
    switch (option) {
    case 't':
        t->tcti = optarg;
        break;
    case 'a':
        t->ak = optarg;
        break;
    case 'A':
        t->area = optarg;
        break;
    case 'q':
        t->quote = optarg;
        break;
    case 'o':
        t->out = optarg;
        break;
    case 'k':
        t->keys = optarg;
        break;
    case 'K':
        t->key = optarg;
        break;
    case 'P':
        t->pca_key = optarg;
        break;
    case 'n':
        t->fresh = 1;
        break;
    case 'T':
        t->to = optarg;
        break;
    case 'W':
        t->passphrase_file = optarg;
        break;
    case 'j':
        t->json = 1;
        break;
    case 'x':
        t->has_extra = 1;
        if (cli_unhex(optarg, t->extra, 32) != 0) return cli_fail(CLI_USAGE, "--extra: 64 hex digits");
        break;
    case 'd':
        t->has_digest = 1;
        if (cli_unhex(optarg, t->digest, 32) != 0) return cli_fail(CLI_USAGE, "--digest: 64 hex digits");
        break;
    case 'p':
        if (cli_pcrs(optarg, &t->pcr_mask) != 0)
            return cli_fail(CLI_USAGE, "--pcrs: numbers 0..23, as 0,2,4,7");
        break;
    default:
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cli_tpm_options(struct cli_tpm *t, const struct cli_command *command, int argc, char **argv,
                    const struct option *own) {
    int got;
    *t = (struct cli_tpm){.pcr_mask = HKP_TER_PCR_MASK_SEAL};
    while ((got = cli_option(command, argc, argv, own)) != -1) {
        const int code = take(t, got);
        if (code != CLI_OK) return code;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "%s wants no argument: %s", command->name, argv[optind]);
    return CLI_OK;
}

int cli_tpm_missing(const struct cli_command *command, const char *option) {
    return cli_fail(CLI_USAGE, "%s wants %s; --help says how to use it", command->name, option);
}

/* ---- Work ---- */

int cli_tpm_told(const char *what, hkp_status status, uint32_t tpm_rc) {
    switch (status) {
    case HKP_E_TER_TPM_ABSENT:
        return cli_fail(CLI_SYSTEM, "%s: this program was built without TPM support", what);
    case HKP_E_TER_TPM_IO:
        return cli_fail(CLI_SYSTEM, "%s: no TPM answers there", what);
    case HKP_E_TER_TPM_TIMEOUT:
        return cli_fail(CLI_SYSTEM, "%s: the TPM did not answer in time", what);
    case HKP_E_TER_TPM_REFUSED:
        return cli_fail(CLI_SYSTEM, "%s: the TPM refused, 0x%x (tpm2_rc_decode explains it)", what, tpm_rc);
    case HKP_E_TER_TPM_POLICY:
        return cli_fail(CLI_NO, "%s: the PCRs have values that were not authorised", what);
    case HKP_E_TER_KEY_FORM:
        return cli_fail(CLI_DAMAGED, "%s: no key file, or damaged", what);
    case HKP_E_TER_KEY_ACCESS:
        return cli_fail(CLI_SYSTEM, "%s: must be a file of this user with mode 0600, and no link", what);
    case HKP_E_TER_KEY_PASSPHRASE:
        return cli_fail(CLI_NO, "%s: passphrase missing or wrong", what);
    case HKP_E_TER_KEY_TPM:
        return cli_fail(CLI_NO, "%s: is sealed; it wants its TPM, and an authorisation in %s.pca", what,
                        what);
    default:
        return cli_fail(status == HKP_E_NOTFOUND || status == HKP_E_TER_PCA ? CLI_NO : CLI_SYSTEM, "%s: %s",
                        what, cli_status_name(status));
    }
}

int cli_tpm_open(struct cli_tpm *t) {
    struct hkp_ter_tpm_options o;
    const char *tcti = t->tcti != NULL ? t->tcti : "device:/dev/tpmrm0";
    setenv("TSS2_LOG", "all+none", 0); /* we tell what goes wrong */
    hkp_ter_tpm_options_init(&o, sizeof o);
    o.tcti = tcti;
    const hkp_status st = hkp_ter_tpm_new(&t->tpm, &o);
    if (st == HKP_E_INVAL)
        return cli_fail(CLI_USAGE, "--tcti: device:PATH, swtpm:path=PATH or swtpm:host=IPV4,port=N");
    return st == HKP_OK ? CLI_OK : cli_tpm_told(tcti, st, 0);
}

int cli_tpm_run(struct cli_tpm *t, const struct hkp_ter_tpm_job *job, struct hkp_ter_tpm_result *result) {
    memset(result, 0, sizeof *result);
    const hkp_status st = hkp_ter_tpm_run(t->tpm, job, result);
    return st == HKP_OK ? CLI_OK
                        : cli_tpm_told(t->tcti != NULL ? t->tcti : "device:/dev/tpmrm0", st, result->tpm_rc);
}

int cli_tpm_digest(struct cli_tpm *t, uint8_t digest[32]) {
    const struct hkp_ter_tpm_job job = {
        .struct_size = sizeof job, .op = HKP_TER_TPM_PCR_READ, .pcr_mask = t->pcr_mask};
    struct hkp_ter_tpm_result r;
    memcpy(digest, t->digest, 32);
    if (t->has_digest) return CLI_OK;
    int code = t->tpm != NULL ? CLI_OK : cli_tpm_open(t);
    if (code == CLI_OK) code = cli_tpm_run(t, &job, &r);
    if (code == CLI_OK) hkp_ter_pcr_digest(r.bytes, r.len / 32, digest);
    return code;
}

int cli_tpm_read(const char *path, uint8_t *dst, size_t cap, size_t *len) {
    const hkp_status st = hkp_ter_file_read(path, 0, dst, cap, len);
    if (st == HKP_OK && *len > 0) return CLI_OK;
    return cli_fail(st == HKP_E_NOSPC || st == HKP_OK ? CLI_DAMAGED : CLI_SYSTEM, "%s: %s", path,
                    st == HKP_OK           ? "is empty"
                    : st == HKP_E_NOSPC    ? "is longer than such a file can be"
                    : st == HKP_E_NOTFOUND ? "is missing"
                                           : "cannot be read");
}

int cli_tpm_write(const char *path, const uint8_t *bytes, size_t len) {
    return hkp_ter_file_write(path, bytes, len) == HKP_OK
               ? CLI_OK
               : cli_fail(CLI_SYSTEM, "%s: cannot be written", path);
}

/* ---- status ---- */

static int show_status(struct cli_tpm *t) {
    struct hkp_ter_tpm_result info, ek;
    struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_INFO};
    uint8_t name[34], digest[32];
    char maker[5] = "", firmware[24], ek_text[65], pcrs[65];
    int code = cli_tpm_run(t, &job, &info);
    job.op = HKP_TER_TPM_EK_READ;
    if (code == CLI_OK) code = cli_tpm_run(t, &job, &ek);
    if (code == CLI_OK) code = cli_tpm_digest(t, digest);
    if (code != CLI_OK) return code;
    for (size_t i = 0; i < 4; i++)
        maker[i] = info.bytes[i] >= 32 && info.bytes[i] < 127 ? (char)info.bytes[i] : ' ';
    snprintf(firmware, sizeof firmware, "%016llx", (unsigned long long)info.counter);
    hkp_ter_area_name(ek.area, ek.area_len, name);
    cli_hex(name + 2, 32, ek_text);
    cli_hex(digest, 32, pcrs);
    if (t->json)
        cli_print_json(json_pack("{s:s,s:s,s:s,s:I,s:s}", "manufacturer", maker, "firmware", firmware,
                                 "endorsement_key", ek_text, "pcr_mask", (json_int_t)t->pcr_mask,
                                 "pcr_digest", pcrs),
                       0);
    else
        printf("manufacturer     %s\nfirmware         %s\nendorsement key  %s\nPCR digest       %s\n", maker,
               firmware, ek_text, pcrs);
    return CLI_OK;
}

static int tpm_status(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_TCTI, CLI_TPM_PCRS, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    int code = cli_tpm_options(&t, &cli_tpm_status, argc, argv, own);
    if (code == CLI_OK) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = show_status(&t);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

/* ---- ak ---- */

static int make_ak(struct cli_tpm *t) {
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_AK_CREATE};
    struct hkp_ter_tpm_result r;
    uint8_t name[34];
    char text[69], area[4096];
    if (snprintf(area, sizeof area, "%s.area", t->out) >= (int)sizeof area)
        return cli_fail(CLI_USAGE, "%s: path too long", t->out);
    int code = cli_tpm_run(t, &job, &r);
    if (code == CLI_OK) code = cli_tpm_write(area, r.area, r.area_len);
    if (code == CLI_OK) code = cli_tpm_write(t->out, r.bytes, r.len);
    if (code != CLI_OK) return code;
    hkp_ter_area_name(r.area, r.area_len, name);
    cli_hex(name, 34, text);
    if (t->json)
        cli_print_json(json_pack("{s:s,s:s,s:s}", "ak_name", text, "ak", t->out, "area", area), 0);
    else
        printf("%s\n", text);
    return CLI_OK;
}

static int tpm_ak(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_TCTI, CLI_TPM_OUT, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    int code = cli_tpm_options(&t, &cli_tpm_ak, argc, argv, own);
    if (code == CLI_OK && t.out == NULL) code = cli_tpm_missing(&cli_tpm_ak, "--out FILE");
    if (code == CLI_OK) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = make_ak(&t);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

/* ---- quote, verify ---- */

static int make_quote(struct cli_tpm *t) {
    uint8_t blob[HKP_TER_TPM_BLOB_MAX];
    struct hkp_ter_tpm_job job = {.struct_size = sizeof job,
                                  .op = HKP_TER_TPM_QUOTE,
                                  .pcr_mask = t->pcr_mask,
                                  .blob = blob,
                                  .data = t->extra,
                                  .data_len = 32};
    struct hkp_ter_tpm_result r;
    int code = cli_tpm_read(t->ak, blob, sizeof blob, &job.blob_len);
    if (code == CLI_OK) code = cli_tpm_run(t, &job, &r);
    if (code == CLI_OK) code = cli_tpm_write(t->out, r.bytes, r.len);
    if (code != CLI_OK) return code;
    if (t->json)
        cli_print_json(json_pack("{s:s,s:i}", "quote", t->out, "bytes", (int)r.len), 0);
    else
        printf("%s: %u bytes\n", t->out, r.len);
    return CLI_OK;
}

static int tpm_quote(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_TCTI, CLI_TPM_AK,  CLI_TPM_EXTRA,
                                        CLI_TPM_PCRS, CLI_TPM_OUT, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    int code = cli_tpm_options(&t, &cli_tpm_quote, argc, argv, own);
    if (code == CLI_OK && (t.ak == NULL || t.out == NULL || !t.has_extra))
        code = cli_tpm_missing(&cli_tpm_quote, "--ak FILE, --extra HEX and --out FILE");
    if (code == CLI_OK) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = make_quote(&t);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

static const char *why_of(hkp_status st) {
    switch (st) {
    case HKP_OK:
        return "holds";
    case HKP_E_TER_QUOTE_FORM:
        return "no quote of the form that is accepted";
    case HKP_E_TER_QUOTE_AREA:
        return "the key is no restricted P-256 key that stays in its TPM";
    case HKP_E_TER_QUOTE_SIGNATURE:
        return "not signed by this key";
    case HKP_E_TER_QUOTE_EXTRA:
        return "made for another transcript";
    case HKP_E_TER_QUOTE_PCR:
        return "other PCRs, or other values";
    default:
        return cli_status_name(st);
    }
}

static int judge(const struct cli_tpm *t) {
    uint8_t area[HKP_TER_AREA_MAX], quote[HKP_TER_QUOTE_MAX];
    struct hkp_ter_quote_verifier v = {
        .area = area, .pcr_mask = t->pcr_mask, .pcr_digests = t->digest, .n_pcr_digests = 1};
    char name[69];
    size_t len = 0;
    int code = cli_tpm_read(t->area, area, sizeof area, &v.area_len);
    if (code == CLI_OK) code = cli_tpm_read(t->quote, quote, sizeof quote, &len);
    if (code != CLI_OK) return code;
    memcpy(v.extra, t->extra, 32);
    hkp_ter_area_name(area, v.area_len, v.ak_name);
    cli_hex(v.ak_name, 34, name);
    const hkp_status st = hkp_ter_quote_verify(&v, quote, len, NULL);
    if (t->json)
        cli_print_json(json_pack("{s:b,s:s,s:s,s:s}", "holds", st == HKP_OK, "result", cli_status_name(st),
                                 "why", why_of(st), "ak_name", name),
                       0);
    else
        printf("%s: %s\nak_name %s\n", t->quote, why_of(st), name);
    return st == HKP_OK ? CLI_OK : CLI_NO;
}

static int tpm_verify(int argc, char **argv) {
    static const struct option own[] = {CLI_TPM_AREA, CLI_TPM_QUOTE,  CLI_TPM_EXTRA,
                                        CLI_TPM_PCRS, CLI_TPM_DIGEST, {NULL, 0, NULL, 0}};
    struct cli_tpm t;
    const int code = cli_tpm_options(&t, &cli_tpm_verify, argc, argv, own);
    if (code != CLI_OK) return code;
    if (t.area == NULL || t.quote == NULL || !t.has_extra || !t.has_digest)
        return cli_tpm_missing(&cli_tpm_verify, "--area FILE, --quote FILE, --extra HEX and --digest HEX");
    return judge(&t);
}

#define TCTI_HELP                                                                                            \
    "  --tcti T       device:PATH, swtpm:path=PATH or swtpm:host=IPV4,port=N; default device:/dev/tpmrm0\n"
#define PCRS_HELP "  --pcrs N,...   PCRs of the SHA-256 bank; default 0,2,4,7\n"

const struct cli_command cli_tpm_status = {
    .name = "tpm status",
    .summary = "the TPM of this machine",
    .help = "usage: hookprobe tpm status [--tcti T] [--pcrs N,...] [--json]\n\n"
            "Shows the TPM, the SHA-256 of its endorsement key's public area, and the digest of the PCRs' "
            "values.\n\n" TCTI_HELP PCRS_HELP "  --json         as one JSON object\n",
    .run = tpm_status,
};

const struct cli_command cli_tpm_ak = {
    .name = "tpm ak",
    .summary = "make an attestation key",
    .help = "usage: hookprobe tpm ak --out FILE [--tcti T] [--json]\n\n"
            "Makes a key in the TPM that signs nothing but what the TPM says of itself; prints its name. "
            "FILE holds\n"
            "the key, which only this TPM can use, FILE.area what a verifier needs.\n\n"
            "  --out FILE     where the key goes\n" TCTI_HELP "  --json         as one JSON object\n",
    .run = tpm_ak,
};

const struct cli_command cli_tpm_quote = {
    .name = "tpm quote",
    .summary = "have the TPM sign the values of its PCRs",
    .help =
        "usage: hookprobe tpm quote --ak FILE --extra HEX --out FILE [--pcrs N,...] [--tcti T] [--json]\n\n"
        "Writes a quote in the form that travels in a handshake.\n\n"
        "  --ak FILE      key of \"hookprobe tpm ak\"\n"
        "  --extra HEX    what the quote is bound to, 32 bytes\n"
        "  --out FILE     where the quote goes\n" PCRS_HELP TCTI_HELP "  --json         as one JSON object\n",
    .run = tpm_quote,
};

const struct cli_command cli_tpm_verify = {
    .name = "tpm verify",
    .summary = "judge a quote; needs no TPM",
    .help = "usage: hookprobe tpm verify --area FILE --quote FILE --extra HEX --digest HEX [--pcrs N,...] "
            "[--json]\n\n"
            "Is the quote signed by this key, bound to these 32 bytes, of exactly these PCRs with these "
            "values?\n\n"
            "  --area FILE    public area of the key, FILE.area of \"hookprobe tpm ak\"\n"
            "  --quote FILE   the quote\n"
            "  --extra HEX    what it must be bound to, 32 bytes\n"
            "  --digest HEX   digest of the PCRs' values, as \"hookprobe tpm status\" shows it\n" PCRS_HELP
            "  --json         as one JSON object\n",
    .run = tpm_verify,
};
