/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe ca: a request that names a TPM's attestation key. An officer wraps a secret for the endorsement
 * key of the hardware record; only the TPM that has both keys gives it back (credential activation, D-CA-3).
 */
#include "ca.h"
#include "tpm.h"

#include <errno.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The node ---- */

int cli_ca_tpm_read(const char *ak, const char *tcti, struct cli_ca_evidence *e) {
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_EK_READ};
    struct hkp_ter_tpm_result r;
    struct cli_tpm t = {.tcti = tcti};
    char path[CLI_CA_PATH];
    if (snprintf(path, sizeof path, "%s.area", ak) >= (int)sizeof path)
        return cli_fail(CLI_USAGE, "%s: path too long", ak);
    int code = cli_tpm_read(path, e->ak_area, sizeof e->ak_area, &e->ak_len);
    if (code == CLI_OK) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = cli_tpm_run(&t, &job, &r);
    if (code == CLI_OK && r.area_len > sizeof e->ek_area) code = cli_fail(CLI_SYSTEM, "%s: a long key", path);
    if (code == CLI_OK) {
        memcpy(e->ek_area, r.area, r.area_len);
        e->ek_len = r.area_len;
    }
    hkp_ter_tpm_free(t.tpm);
    return code;
}

int cli_ca_tpm_answer(const char *challenge, const char *ak, const char *tcti, const char *out) {
    uint8_t blob[HKP_TER_TPM_BLOB_MAX], credential[HKP_TER_CREDENTIAL_MAX];
    struct hkp_ter_tpm_job job = {
        .struct_size = sizeof job, .op = HKP_TER_TPM_ACTIVATE, .blob = blob, .data = credential};
    struct hkp_ter_tpm_result r;
    struct cli_tpm t = {.tcti = tcti};
    int code = cli_tpm_read(challenge, credential, sizeof credential, &job.data_len);
    if (code == CLI_OK) code = cli_tpm_read(ak, blob, sizeof blob, &job.blob_len);
    if (code == CLI_OK) code = cli_tpm_open(&t);
    if (code == CLI_OK) code = cli_tpm_run(&t, &job, &r);
    if (code == CLI_OK) code = cli_tpm_write(out, r.bytes, r.len);
    hkp_ter_wipe(&r, sizeof r);
    hkp_ter_tpm_free(t.tpm);
    return code;
}

/* ---- The officer ---- */

/* The areas belong to the request and to the machine's record, which the request's enroll_id binds. */
static int check_areas(const struct hkp_dsm_request *q, const struct cli_ca_evidence *e, const char *what) {
    struct hkp_ter_hardware hw;
    uint8_t name[HKP_DSM_AK_BYTES];
    if (e->ak_len == 0) return cli_fail(CLI_NO, "%s: says nothing of the TPM that the request names", what);
    hkp_ter_area_name(e->ak_area, e->ak_len, name);
    if (memcmp(name, q->ak, sizeof name) != 0)
        return cli_fail(CLI_NO, "%s: of another attestation key than the request's", what);
    const hkp_status st = hkp_ter_area_check_ak(e->ak_area, e->ak_len);
    if (st != HKP_OK) return cli_ca_told(what, st, "the key is no restricted one that stays in its TPM");
    hkp_ter_area_name(e->ek_area, e->ek_len, name);
    if (hkp_ter_hardware_decode(&hw, e->record, e->record_len) != HKP_OK ||
        (hw.present >> HKP_TER_HW_EK & 1) == 0 || memcmp(hw.ek, name + 2, 32) != 0)
        return cli_fail(CLI_NO, "%s: the endorsement key is not the one of the hardware record", what);
    return CLI_OK;
}

static int secret_path(char path[CLI_CA_PATH], const char *dir, const uint8_t node_id[16]) {
    char folder[CLI_CA_PATH], name[33];
    const int code = cli_ca_path(folder, dir, "challenges");
    if (code != CLI_OK) return code;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return cli_fail(CLI_SYSTEM, "%s: %s", folder, strerror(errno));
    return cli_ca_path(path, folder, sodium_bin2hex(name, sizeof name, node_id, 16));
}

int cli_ca_tpm_challenge(const char *dir, const struct hkp_dsm_request *q, const struct cli_ca_evidence *e,
                         const char *out) {
    uint8_t secret[32], credential[HKP_TER_CREDENTIAL_MAX];
    char path[CLI_CA_PATH];
    struct hkp_rng rng;
    size_t len = 0;
    hkp_ter_system_rng(&rng);
    int code = check_areas(q, e, out);
    if (code == CLI_OK) code = secret_path(path, dir, q->node_id);
    if (code != CLI_OK) return code;
    randombytes_buf(secret, sizeof secret);
    const hkp_status st = hkp_ter_credential_make(e->ek_area, e->ek_len, q->ak, secret, sizeof secret, &rng,
                                                  credential, sizeof credential, &len);
    if (st != HKP_OK) code = cli_ca_told(out, st, "no secret can be wrapped for this endorsement key");
    if (code == CLI_OK) code = cli_ca_write(path, secret, sizeof secret);
    if (code == CLI_OK) code = cli_ca_write(out, credential, len);
    hkp_ter_wipe(secret, sizeof secret);
    return code;
}

int cli_ca_tpm_proved(const char *dir, const struct hkp_dsm_request *q, const struct cli_ca_evidence *e,
                      const char *answer) {
    uint8_t secret[32], got[33];
    char path[CLI_CA_PATH];
    size_t len = 0, got_len = 0;
    int code = check_areas(q, e, answer);
    if (code == CLI_OK) code = secret_path(path, dir, q->node_id);
    if (code == CLI_OK && hkp_ter_file_read(path, 1, secret, sizeof secret, &len) != HKP_OK)
        return cli_fail(CLI_USAGE, "%s: this officer asked nothing of that TPM; --challenge FILE does",
                        answer);
    if (code == CLI_OK) code = cli_ca_read(answer, got, sizeof got, &got_len);
    if (code == CLI_OK && (len != 32 || got_len != 32 || sodium_memcmp(secret, got, 32) != 0))
        code = cli_fail(CLI_NO, "%s: is not what this officer wrapped for that TPM", answer);
    hkp_ter_wipe(secret, sizeof secret);
    return code;
}

static const char *why_not(hkp_status st) {
    switch (st) {
    case HKP_E_TER_QUOTE_AREA:
        return "the endorsement key is not of the form that is accepted";
    case HKP_E_TER_EK_FORM:
        return "no X.509 certificates that can be read, or too many";
    case HKP_E_TER_EK_KEY:
        return "is of another key than the endorsement key that answered";
    case HKP_E_TER_EK_CHAIN:
        return "no chain of sound signatures leads to one of the roots";
    case HKP_E_TER_EK_TIME:
        return "it, or one that signed it, is not valid yet or no more";
    case HKP_E_TER_EK_USE:
        return "is no certificate of a TPM's endorsement key";
    default:
        return cli_status_name(st);
    }
}

int cli_ca_tpm_maker(const struct cli_ca_evidence *e, const char *certificate, const char *const *roots,
                     uint32_t n_roots, struct hkp_ter_ek *ek) {
    static uint8_t bytes[HKP_TER_EK_ROOTS_MAX + 1][HKP_TER_EK_FILE_MAX];
    struct hkp_ter_ek_file files[HKP_TER_EK_ROOTS_MAX];
    struct hkp_ter_ek_verifier v = {.struct_size = sizeof v,
                                    .n_roots = n_roots,
                                    .area = e->ek_area,
                                    .area_len = e->ek_len,
                                    .certificate.bytes = bytes[n_roots],
                                    .roots = files,
                                    .now_s = cli_wall() / 1000000};
    if (e->ek_len == 0) return cli_fail(CLI_NO, "%s: the evidence names no endorsement key", certificate);
    int code = cli_tpm_read(certificate, bytes[n_roots], sizeof bytes[0], &v.certificate.len);
    for (uint32_t i = 0; code == CLI_OK && i < n_roots; i++) {
        files[i].bytes = bytes[i];
        code = cli_tpm_read(roots[i], bytes[i], sizeof bytes[i], &files[i].len);
    }
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_ter_ek_verify(&v, ek);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_NO, "%s: %s", certificate, why_not(st));
}

void cli_ca_tpm_done(const char *dir, const struct hkp_dsm_request *q) {
    char path[CLI_CA_PATH];
    if (secret_path(path, dir, q->node_id) == CLI_OK)
        (void)unlink(path); /* asked anew for the next request */
}
