/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: a secret in a file: as it is, under a passphrase, or sealed by a TPM. It touches the system.
 *
 * The file is its owner's alone: a regular file, no link, of the user who reads it, mode 0600 or less;
 * anything else is refused. It is replaced as a whole or not at all.
 */
#ifndef HOOKPROBE_TER_KEYSTORE_H
#define HOOKPROBE_TER_KEYSTORE_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits. */
enum {
    HKP_TER_KEY_MAX = 128,
    HKP_TER_KEY_FILE_MAX = 2048,
    HKP_TER_PASSPHRASE_MAX = 1024,
    /** Argon2id: most passes and kibibytes that a file may ask for */
    HKP_TER_KEY_OPS_MAX = 16,
    HKP_TER_KEY_KIB_MAX = 1048576
};

/** How a secret lies in its file. */
enum { HKP_TER_KEY_PLAIN = 0, HKP_TER_KEY_PASSPHRASE = 1, HKP_TER_KEY_TPM = 2 };

/** What vouches for a key, as in D-AUTH-2. */
enum { HKP_TER_LEVEL_NONE = 0, HKP_TER_LEVEL_SOFTWARE = 1, HKP_TER_LEVEL_TPM = 2 };

/* Results: HKP_E_TER_BASE - code (decision 0116). */
enum {
    /** no key file, or a damaged one */
    HKP_E_TER_KEY_FORM = -0x1D8,
    /** others may read or write it, or it is of another user, or a link */
    HKP_E_TER_KEY_ACCESS = -0x1D9,
    /** it wants a passphrase: none was given, or a wrong one */
    HKP_E_TER_KEY_PASSPHRASE = -0x1DA,
    /** it wants a TPM: none was given, or no PCA1 lies beside the file */
    HKP_E_TER_KEY_TPM = -0x1DB
};

/** Where and how; set by hkp_ter_keystore_options_init() first. */
struct hkp_ter_keystore_options {
    uint32_t struct_size;
    /** of a file to be written: HKP_TER_KEY_PLAIN, _PASSPHRASE or _TPM; a file that is read says it itself */
    uint32_t form;
    /** NUL-terminated, required; the PCA1 of a sealed secret lies in PATH.pca */
    const char *path;
    /** [passphrase_len], borrowed; NULL: none */
    const uint8_t *passphrase;
    /** 1..HKP_TER_PASSPHRASE_MAX */
    size_t passphrase_len;
    /** borrowed; NULL: none */
    struct hkp_ter_tpm *tpm;
    /** Argon2id of a file to be written; 0: 3 passes over 65,536 KiB */
    uint32_t ops;
    uint32_t kib;
    /** operator's PCR key, for a secret to be sealed */
    uint8_t pca_key[64];
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
HKP_API void hkp_ter_keystore_options_init(struct hkp_ter_keystore_options *opt, size_t struct_size);

/**
 * Write a secret, durably, in place of what was there.
 *
 * What a TPM sealed is unsealed again before the old file goes: a secret that would not come back is not
 * stored so.
 *
 * @param opt     borrowed for the call
 * @param secret  [len] bytes, borrowed
 * @param len     bytes, 1..HKP_TER_KEY_MAX
 *
 * @retval HKP_OK                    written, and durable
 * @retval HKP_E_INVAL               an option or len is out of range
 * @retval HKP_E_TER_KEY_PASSPHRASE  the form wants one, none was given
 * @retval HKP_E_TER_KEY_TPM         the form wants a TPM and PATH.pca
 * @retval HKP_E_NOMEM               Argon2id found no memory
 * @retval HKP_E_IO                  the system refused
 *
 * Results of hkp_ter_tpm_run() are returned too.
 *
 * Cost: one Argon2id, or two jobs of the TPM, waited for; one durable write.
 * Source: SYN-8.5, D-ID-2, decision 0116.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_keystore_write(const struct hkp_ter_keystore_options *opt,
                                                       const uint8_t *secret, size_t len);

/**
 * Read a secret, whatever its form.
 *
 * @param opt     borrowed for the call
 * @param secret  [cap] bytes out, the caller's to wipe; untouched on failure
 * @param cap     bytes
 * @param len     bytes of the secret
 * @param form    how it lay there, HKP_TER_KEY_*; NULL is allowed
 *
 * @retval HKP_OK                    read
 * @retval HKP_E_NOTFOUND            there is no such file
 * @retval HKP_E_NOSPC               cap is too small
 * @retval HKP_E_INVAL               an option is out of range
 * @retval HKP_E_TER_KEY_ACCESS      not its owner's alone
 * @retval HKP_E_TER_KEY_FORM        damaged, or no key file
 * @retval HKP_E_TER_KEY_PASSPHRASE  passphrase missing or wrong
 * @retval HKP_E_TER_KEY_TPM         TPM or PATH.pca missing
 * @retval HKP_E_TER_TPM_POLICY      the PCRs have values that PATH.pca does not authorise
 * @retval HKP_E_NOMEM               Argon2id found no memory
 * @retval HKP_E_IO                  the system refused
 *
 * Other results of hkp_ter_tpm_run() are returned too.
 *
 * Cost: one Argon2id, or one job of the TPM, waited for.
 * Source: SYN-8.5, D-ID-2, decision 0116.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_keystore_read(const struct hkp_ter_keystore_options *opt,
                                                      uint8_t *secret, size_t cap, size_t *len,
                                                      uint32_t *form);

#ifdef __cplusplus
}
#endif

#endif
