/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: a number that cannot be taken back, such as the ck_index of a node: a small file, and a
 * counter in the TPM that says which file is the newest. It touches the system.
 *
 * Whoever puts back an older file, or all of an older folder or disk, is found out: the counter went on.
 */
#ifndef HOOKPROBE_TER_PIN_H
#define HOOKPROBE_TER_PIN_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results: HKP_E_TER_BASE - code (decision 0116). */
enum {
    /** the file is older than the counter, or one of both is gone */
    HKP_E_TER_PIN_ROLLBACK = -0x1DC,
    /** damaged, or made under another key or for another counter */
    HKP_E_TER_PIN_FORM = -0x1DD
};

/** Where a number is pinned. */
struct hkp_ter_pin_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_TER_TPM_NV_MIN .. HKP_TER_TPM_NV_MAX; for this file alone */
    uint32_t nv_index;
    /** NUL-terminated, required */
    const char *path;
    /** required */
    struct hkp_ter_tpm *tpm;
    /** key of the file's MAC, such as the state key */
    uint8_t key[32];
};

/**
 * Begin to pin: make the counter and the file, where there was neither.
 *
 * @param opt    borrowed for the call
 * @param value  the number
 *
 * @retval HKP_OK                  pinned, durably
 * @retval HKP_E_STATE             the file or the counter is there already
 * @retval HKP_E_INVAL             an option is out of range
 * @retval HKP_E_IO                the system refused
 *
 * Results of hkp_ter_tpm_run() are returned too.
 *
 * Cost: three jobs of the TPM, waited for; a durable write.
 * Source: SYN-8.5, decision 0116.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pin_create(const struct hkp_ter_pin_options *opt, uint64_t value);

/**
 * The number that was pinned last.
 *
 * @param opt    borrowed for the call
 * @param value  out
 *
 * @retval HKP_OK                  value is set, and the newest
 * @retval HKP_E_NOTFOUND          neither file nor counter: nothing was pinned yet
 * @retval HKP_E_TER_PIN_ROLLBACK  the file is older than the counter, or one of both is gone
 * @retval HKP_E_TER_PIN_FORM      damaged, of another key or another counter
 * @retval HKP_E_INVAL             an option is out of range
 * @retval HKP_E_IO                the system refused
 *
 * Results of hkp_ter_tpm_run() are returned too.
 *
 * Cost: one job of the TPM, waited for; two after an interrupted hkp_ter_pin_advance().
 * Source: SYN-8.5, decision 0116.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pin_read(const struct hkp_ter_pin_options *opt, uint64_t *value);

/**
 * Pin a newer number: the file first, then the counter, so that a cut of power between both loses nothing.
 *
 * @param opt    borrowed for the call
 * @param value  not below the one before
 *
 * @retval HKP_OK                  pinned, durably; every older file is worth nothing now
 * @retval HKP_E_INVAL             value is below the one before, or an option is out of range
 * @retval HKP_E_NOTFOUND          nothing was pinned yet
 * @retval HKP_E_TER_PIN_ROLLBACK  as hkp_ter_pin_read()
 * @retval HKP_E_TER_PIN_FORM      as hkp_ter_pin_read()
 * @retval HKP_E_IO                the system refused
 *
 * Results of hkp_ter_tpm_run() are returned too.
 *
 * Cost: two jobs of the TPM, waited for; a durable write. Its counters wear: some times an hour, not more.
 * Source: SYN-8.5, decision 0116.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pin_advance(const struct hkp_ter_pin_options *opt, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
