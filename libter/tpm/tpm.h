/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/tpm: the line to a TPM, and one job as the worker sees it. */
#ifndef HKP_LIBTER_TPM_H
#define HKP_LIBTER_TPM_H

#include <hookprobe/ter/tpm.h>

#include <tss2/tss2_esys.h>

enum { HKP_TER__TPM_PATH_MAX = 108, HKP_TER__TPM_LIVE_MAX = 8, HKP_TER__TPM_ANSWER_MAX = 4096 };

/** Where the TPM is; made by hkp_ter__tpm_address(). */
struct hkp_ter__tpm_address {
    /** 0: a device, else AF_UNIX or AF_INET */
    int family;
    uint16_t port;
    char path[HKP_TER__TPM_PATH_MAX];
};

/** 1 if text has a form that we know. */
int hkp_ter__tpm_address(struct hkp_ter__tpm_address *out, const char *text);

/**
 * A line to the TPM that never waits beyond a deadline, nor when the cancel descriptor is readable. It begins
 * with a TCTI, so that ESAPI can use it.
 */
struct hkp_ter__tpm_line {
    TSS2_TCTI_CONTEXT_COMMON_V1 tcti;
    const struct hkp_ter__tpm_address *address;
    int fd, cancel_fd;
    /** CLOCK_MONOTONIC */
    hkp_time deadline;
    /** first fault of this line */
    hkp_status fault;
    size_t answer_len;
    uint8_t answer[HKP_TER__TPM_ANSWER_MAX];
};

hkp_time hkp_ter__tpm_now(void);
void hkp_ter__tpm_line_init(struct hkp_ter__tpm_line *line);
/** address, cancel_fd and deadline are set. HKP_OK, HKP_E_TER_TPM_IO, HKP_E_TER_TPM_TIMEOUT. */
hkp_status hkp_ter__tpm_line_open(struct hkp_ter__tpm_line *line);
void hkp_ter__tpm_line_close(struct hkp_ter__tpm_line *line);
/** Flushes every object and session that is loaded: what an interrupted job left behind. */
hkp_status hkp_ter__tpm_line_clean(struct hkp_ter__tpm_line *line);

/** A job with its own copies of the bytes. */
struct hkp_ter__tpm_work {
    uint32_t op, pcr_mask, nv_index;
    uint32_t blob_len, data_len;
    uint8_t blob[HKP_TER_TPM_BLOB_MAX];
    uint8_t data[HKP_TER_CREDENTIAL_MAX];
    uint8_t pca_key[64];
};

/** One job while it runs. The functions below return 1, or 0 with status and rc set. */
struct hkp_ter__tpm_task {
    ESYS_CONTEXT *esys;
    const struct hkp_ter__tpm_work *work;
    struct hkp_ter_tpm_result *out;
    const struct hkp_ter__tpm_line *line;
    uint32_t parent;
    /** objects and sessions to be flushed at the end */
    ESYS_TR live[HKP_TER__TPM_LIVE_MAX];
    int n_live;
};

/** An error of the TPM without the number of the parameter, handle or session that it is about. */
TSS2_RC hkp_ter__tpm_base(TSS2_RC rc);
/** 1 if rc is a success; else notes what it means. */
int hkp_ter__tpm_ok(struct hkp_ter__tpm_task *t, TSS2_RC rc);
/** Notes a fault that no rc tells; 0. */
int hkp_ter__tpm_fail(struct hkp_ter__tpm_task *t, hkp_status status);
void hkp_ter__tpm_keep(struct hkp_ter__tpm_task *t, ESYS_TR handle);
/** Flushes one that was kept; what is flushed needs no room any more. */
void hkp_ter__tpm_drop(struct hkp_ter__tpm_task *t, ESYS_TR handle);

TPML_PCR_SELECTION hkp_ter__tpm_selection(uint32_t pcr_mask);
/** A P-256 key that keeps others, and only that (TCG); more: the attributes in which its kinds differ. */
TPM2B_PUBLIC hkp_ter__tpm_parent_template(TPMA_OBJECT more);
/** The storage key above ours; kept, or persistent. */
int hkp_ter__tpm_parent(struct hkp_ter__tpm_task *t, ESYS_TR *parent);
/** Makes a child of the parent: its blob goes to out->bytes, its area to out->area. */
int hkp_ter__tpm_create(struct hkp_ter__tpm_task *t, ESYS_TR parent, ESYS_TR session,
                        const TPM2B_SENSITIVE_CREATE *sensitive, const TPM2B_PUBLIC *area);
/** Loads work->blob under the parent; kept. */
int hkp_ter__tpm_load(struct hkp_ter__tpm_task *t, ESYS_TR parent, ESYS_TR *key);
/** A session salted by the parent, whose first parameter is encrypted one way (TPMA_SESSION_*); kept. */
int hkp_ter__tpm_session(struct hkp_ter__tpm_task *t, ESYS_TR parent, TPM2_SE type, TPMA_SESSION attributes,
                         ESYS_TR *session);

/** The jobs. */
int hkp_ter__tpm_info(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_ak_create(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_quote(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_ek_read(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_activate(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_seal(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_unseal(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_pcr_read(struct hkp_ter__tpm_task *t);
int hkp_ter__tpm_nv(struct hkp_ter__tpm_task *t);

/** Does the work from opening to closing; *dirty: the line broke, so that the next one must clean first. */
void hkp_ter__tpm_do(const struct hkp_ter__tpm_work *work, struct hkp_ter__tpm_line *line, uint32_t parent,
                     int *dirty, struct hkp_ter_tpm_result *out);

#endif
