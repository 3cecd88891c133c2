/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: work for a TPM 2.0, through tpm2-tss ESAPI. It touches the system.
 *
 * One object has one worker thread, made at the first job. A job opens the TPM, does its work, flushes what
 * it loaded and closes the TPM again: between two jobs nothing is held. The caller never waits, but in
 * hkp_ter_tpm_run(). What TPMs sign and hand out is judged by quote.h, without a TPM.
 *
 * Authorization values of the owner and endorsement hierarchies are empty. A build without TPM support has
 * all of these functions; they say HKP_E_TER_TPM_ABSENT. tpm2-tss writes its own messages to standard error
 * unless the environment says TSS2_LOG=all+none.
 *
 * An object does not survive fork(): make it in the process that uses it.
 */
#ifndef HOOKPROBE_TER_TPM_H
#define HOOKPROBE_TER_TPM_H

#include <hookprobe/ter.h>
#include <hookprobe/ter/quote.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** jobs that wait, run, or are done and not collected */
    HKP_TER_TPM_JOBS_MAX = 64,
    HKP_TER_TPM_JOBS = 8,
    HKP_TER_TPM_TIMEOUT_MS = 10000,
    HKP_TER_TPM_TIMEOUT_MS_MAX = 600000,
    /** a key or a sealed secret as the TPM hands it out, for the caller to keep */
    HKP_TER_TPM_BLOB_MAX = 1024,
    /** largest result: a blob */
    HKP_TER_TPM_OUT_MAX = 1024,
    HKP_TER_TPM_TCTI_MAX = 255,
    /** NV indices of owners */
    HKP_TER_TPM_NV_MIN = 0x01500000,
    HKP_TER_TPM_NV_MAX = 0x017FFFFF
};

/* Results: HKP_E_TER_BASE - code, codes from 200 on (decision 0114). */
enum {
    /** this build knows no TPM */
    HKP_E_TER_TPM_ABSENT = -0x1C8,
    /** the TPM cannot be reached, or broke off */
    HKP_E_TER_TPM_IO = -0x1C9,
    /** the time limit passed; whether the TPM still did it is unknown */
    HKP_E_TER_TPM_TIMEOUT = -0x1CA,
    /** the TPM refused; hkp_ter_tpm_result.tpm_rc says why */
    HKP_E_TER_TPM_REFUSED = -0x1CB,
    /** the PCRs have values that this PCA1 does not authorise */
    HKP_E_TER_TPM_POLICY = -0x1CC,
    /** the index is no counter of the form that hkp_ter_tpm makes */
    HKP_E_TER_TPM_NV = -0x1CD
};

/** What a job does; the fields that it takes and gives. */
enum {
    /** -> bytes: manufacturer, 4; counter: firmware version */
    HKP_TER_TPM_INFO = 1,
    /** -> bytes: blob of a fresh attestation key; area: its TPMT_PUBLIC */
    HKP_TER_TPM_AK_CREATE = 2,
    /** blob of an attestation key, pcr_mask, data: extraData, 32 -> bytes: wire form of HTP-5.5 */
    HKP_TER_TPM_QUOTE = 3,
    /** data: secret, 1..128; pca_key: 64 -> bytes: blob */
    HKP_TER_TPM_SEAL = 4,
    /** blob of SEAL, data: PCA1 -> bytes: the secret */
    HKP_TER_TPM_UNSEAL = 5,
    /** pcr_mask -> bytes: values of the SHA-256 bank, ascending, 32 each */
    HKP_TER_TPM_PCR_READ = 6,
    /** nv_index -> counter; makes the counter if there is none, and sets it going */
    HKP_TER_TPM_NV_OPEN = 7,
    /** nv_index -> counter */
    HKP_TER_TPM_NV_READ = 8,
    /** nv_index -> counter, one higher than before */
    HKP_TER_TPM_NV_INCREMENT = 9,
    /** -> area: TPMT_PUBLIC of the endorsement key (P-256, the TCG's template) */
    HKP_TER_TPM_EK_READ = 10,
    /** blob of an attestation key, data: credential of hkp_ter_credential_make() -> bytes: its secret */
    HKP_TER_TPM_ACTIVATE = 11
};

typedef struct hkp_ter_tpm hkp_ter_tpm;

/** Options of hkp_ter_tpm_new(). */
struct hkp_ter_tpm_options {
    /** set by hkp_ter_tpm_options_init() */
    uint32_t struct_size;
    /** jobs that may be in the object at a time, up to HKP_TER_TPM_JOBS_MAX; 0: HKP_TER_TPM_JOBS */
    uint32_t jobs;
    struct hkp_mem mem;
    /** "device:PATH", "swtpm:path=PATH" or "swtpm:host=NUMBERS,port=N"; copied; NULL: device:/dev/tpmrm0 */
    const char *tcti;
    /** a job ends so late after it was submitted, milliseconds; 0: HKP_TER_TPM_TIMEOUT_MS */
    uint32_t timeout_ms;
    /** persistent handle of the storage key above our keys; 0: made anew for each job from the template */
    uint32_t parent;
};

/** A job; its bytes are copied when it is submitted. */
struct hkp_ter_tpm_job {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_TER_TPM_INFO .. HKP_TER_TPM_ACTIVATE */
    uint32_t op;
    /** bits 0..23 */
    uint32_t pcr_mask;
    /** HKP_TER_TPM_NV_MIN .. HKP_TER_TPM_NV_MAX */
    uint32_t nv_index;
    /** [blob_len], borrowed for the call; 0..HKP_TER_TPM_BLOB_MAX */
    const uint8_t *blob;
    size_t blob_len;
    /** [data_len], borrowed for the call; 0..HKP_TER_CREDENTIAL_MAX */
    const uint8_t *data;
    size_t data_len;
    uint8_t pca_key[64];
};

/** What became of a job. Wipe it if it may hold a secret. */
struct hkp_ter_tpm_result {
    uint64_t id;
    hkp_status status;
    /** answer of the TPM or of tpm2-tss, 0 if it had no fault */
    uint32_t tpm_rc;
    uint32_t op;
    uint32_t len;
    uint32_t area_len;
    uint32_t reserved0;
    uint64_t counter;
    uint8_t bytes[1024];
    uint8_t area[512];
};

/**
 * Set options to their defaults.
 *
 * @param opt          the caller's struct
 * @param struct_size  sizeof of it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_tpm_options_init(struct hkp_ter_tpm_options *opt, size_t struct_size);

/**
 * Make an object for work with a TPM; whether one is there shows with the first job.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 *
 * @retval HKP_OK                out is set
 * @retval HKP_E_TER_TPM_ABSENT  this build knows no TPM
 * @retval HKP_E_INVAL           an option is outside its range, or no such form of tcti
 * @retval HKP_E_TOOBIG          opt asks for more than this build knows
 * @retval HKP_E_NOMEM           the allocator returned nothing
 * @retval HKP_E_IO              the system gives no descriptors
 *
 * Cost: one allocation, 4 kB for each job; two descriptors.
 * Source: SYN-8.5, decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tpm_new(hkp_ter_tpm **out, const struct hkp_ter_tpm_options *opt);

/**
 * End the worker and wipe all results; a job that runs is broken off.
 *
 * @param tpm  NULL is allowed
 *
 * Cost: waits for the worker, which waits for nothing any more; milliseconds.
 * Source: decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_tpm_free(hkp_ter_tpm *tpm);

/**
 * Descriptor to poll for input: readable while a result is to be collected.
 *
 * @param tpm  the object, which owns the descriptor
 *
 * @return the descriptor; -1 in a build without TPM support
 *
 * Cost: none.
 * Source: decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API int32_t hkp_ter_tpm_fd(const hkp_ter_tpm *tpm);

/**
 * Hand in a job and return at once.
 *
 * @param tpm  the object
 * @param job  borrowed for the call
 * @param id   of this job, from 1 on; NULL is allowed
 *
 * @retval HKP_OK                it will be done, or fail within the time limit
 * @retval HKP_E_INVAL           a field is outside its range for this op
 * @retval HKP_E_LIMIT           the object is full: collect results first
 * @retval HKP_E_IO              no thread can be made
 * @retval HKP_E_TER_TPM_ABSENT  this build knows no TPM
 *
 * Cost: one copy; the first makes the thread.
 * Source: decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tpm_submit(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job,
                                                   uint64_t *id);

/**
 * Take one result, the oldest first.
 *
 * @param tpm     the object
 * @param result  out
 *
 * @retval HKP_OK                result is set; its status is that of the job
 * @retval HKP_E_NOTFOUND        none is ready
 * @retval HKP_E_TER_TPM_ABSENT  this build knows no TPM
 *
 * Cost: one copy.
 * Source: decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tpm_collect(hkp_ter_tpm *tpm, struct hkp_ter_tpm_result *result);

/**
 * Do a job and wait for it; for programs that have nothing else to do.
 *
 * @param tpm     the object
 * @param job     borrowed for the call
 * @param result  out; set whenever the job was handed in
 *
 * @retval HKP_OK                  done
 * @retval HKP_E_TER_TPM_IO        the TPM cannot be reached, or broke off
 * @retval HKP_E_TER_TPM_TIMEOUT   the time limit passed
 * @retval HKP_E_TER_TPM_REFUSED   see result->tpm_rc
 * @retval HKP_E_TER_TPM_POLICY    the PCRs have other values than the PCA1 authorises
 * @retval HKP_E_TER_TPM_NV        no counter of ours at this index
 * @retval HKP_E_NOTFOUND          no such NV index or persistent key
 * @retval HKP_E_NOMEM             tpm2-tss found no memory
 * @retval HKP_E_INVAL, HKP_E_LIMIT, HKP_E_IO, HKP_E_TER_TPM_ABSENT  see hkp_ter_tpm_submit()
 *
 * Cost: blocks up to the time limit.
 * Source: decision 0114.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tpm_run(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job,
                                                struct hkp_ter_tpm_result *result);

#ifdef __cplusplus
}
#endif

#endif
