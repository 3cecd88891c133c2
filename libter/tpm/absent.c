/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A build without tpm2-tss: every function is there and says so. */
#include "libter/options.h"

#include <hookprobe/ter/tpm.h>

void hkp_ter_tpm_options_init(struct hkp_ter_tpm_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_ter_tpm_new(hkp_ter_tpm **out, const struct hkp_ter_tpm_options *opt) {
    (void)out;
    (void)opt;
    return HKP_E_TER_TPM_ABSENT;
}

void hkp_ter_tpm_free(hkp_ter_tpm *tpm) { (void)tpm; }

int32_t hkp_ter_tpm_fd(const hkp_ter_tpm *tpm) {
    (void)tpm;
    return -1;
}

hkp_status hkp_ter_tpm_submit(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job, uint64_t *id) {
    (void)tpm;
    (void)job;
    (void)id;
    return HKP_E_TER_TPM_ABSENT;
}

hkp_status hkp_ter_tpm_collect(hkp_ter_tpm *tpm, struct hkp_ter_tpm_result *result) {
    (void)tpm;
    (void)result;
    return HKP_E_TER_TPM_ABSENT;
}

hkp_status hkp_ter_tpm_run(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job,
                           struct hkp_ter_tpm_result *result) {
    (void)tpm;
    (void)job;
    (void)result;
    return HKP_E_TER_TPM_ABSENT;
}
