/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: what a TPM 2.0 signs and hands out, read and judged without a TPM. Quotes (TPMS_ATTEST with
 * its signature), public areas and their names, PCR policies and what an operator authorises, and the
 * verifier's half of credential activation. One suite only: ECDSA and ECDH over P-256, SHA-256, AES-128-CFB;
 * everything else is refused.
 *
 * Integers in these bytes are big-endian, as the TPM has them, but for PCA1, which is ours.
 */
#ifndef HOOKPROBE_TER_QUOTE_H
#define HOOKPROBE_TER_QUOTE_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits (HTP-5.5, SYN-8.6). */
enum {
    HKP_TER_QUOTE_MAX = 768,
    HKP_TER_AREA_MAX = 512,
    HKP_TER_TPM_NAME_SIZE = 34,
    /** PCRs that a mask can name, bits 0..23 */
    HKP_TER_PCRS = 24,
    HKP_TER_PCA_SIZE = 176,
    /** a TPM seals so much at most */
    HKP_TER_SEAL_MAX = 128,
    HKP_TER_CREDENTIAL_SECRET_MAX = 32,
    HKP_TER_CREDENTIAL_MAX = 256
};

/** PCRs that guard what the node seals: firmware, option ROMs, boot loader, Secure Boot (SYN-8.5). */
#define HKP_TER_PCR_MASK_SEAL 0x95u

/* Results: HKP_E_TER_BASE - code, codes from 200 on (decision 0113). */
enum {
    /** no TPMS_ATTEST of a quote with an ECDSA signature over SHA-256, exactly */
    HKP_E_TER_QUOTE_FORM = -0x1D0,
    /** the public area is no restricted P-256 key of a TPM for this use */
    HKP_E_TER_QUOTE_AREA = -0x1D1,
    /** the public area is not the one behind the name */
    HKP_E_TER_QUOTE_NAME = -0x1D2,
    /** another key signed, or other bytes were signed */
    HKP_E_TER_QUOTE_SIGNATURE = -0x1D3,
    /** made for another transcript: extraData differs */
    HKP_E_TER_QUOTE_EXTRA = -0x1D4,
    /** other PCRs than demanded, or values that the policy does not hold */
    HKP_E_TER_QUOTE_PCR = -0x1D5,
    /** no PCA1, or not signed by this key */
    HKP_E_TER_PCA = -0x1D6
};

/** A quote in its parts; made by hkp_ter_quote_parse(), which believes nothing. */
struct hkp_ter_quote {
    /** the signed bytes, borrowed from the quote */
    const uint8_t *attest;
    /** bytes */
    size_t attest_len;
    /** milliseconds of the TPM's clock, which goes on while it has power */
    uint64_t clock_ms;
    /** as the maker of the TPM numbers it */
    uint64_t firmware;
    /** starts of the TPM since it was cleared, and resumes since its last start */
    uint32_t resets;
    uint32_t restarts;
    /** 1: clock_ms never went back */
    uint32_t clock_safe;
    /** PCRs of the SHA-256 bank that are covered, bits 0..23 */
    uint32_t pcr_mask;
    uint8_t extra[32];
    /** SHA-256 over the values of these PCRs, ascending */
    uint8_t pcr_digest[32];
    /** r and s, 32 bytes each */
    uint8_t signature[64];
};

/** What a verifier demands of a quote. */
struct hkp_ter_quote_verifier {
    /** TPMT_PUBLIC of the attestation key, [area_len], borrowed */
    const uint8_t *area;
    /** 1..HKP_TER_AREA_MAX */
    size_t area_len;
    /** the digests that the policy accepts, [n_pcr_digests * 32], borrowed; see hkp_ter_pcr_digest() */
    const uint8_t *pcr_digests;
    /** at least 1: without a policy nothing is accepted */
    uint32_t n_pcr_digests;
    /** exactly these PCRs, bits 0..23 */
    uint32_t pcr_mask;
    /** what the quote was to be bound to */
    uint8_t extra[32];
    /** name of the attestation key, from the certificate or the registry */
    uint8_t ak_name[34];
};

/**
 * Take a quote apart, strictly.
 *
 * @param out    set on success only; attest points into bytes
 * @param bytes  [len] the wire form: TPMS_ATTEST with u16 length, then TPMT_SIGNATURE; borrowed
 * @param len    bytes, 1..HKP_TER_QUOTE_MAX
 *
 * @retval HKP_OK                the form is right; nothing is proven yet
 * @retval HKP_E_TER_QUOTE_FORM  cut short, too long, bytes left over, no quote, or another suite
 *
 * Cost: one pass, no allocation.
 * Source: HTP-5.5; TPM 2.0 Library, part 2, 10.12 and 11.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_quote_parse(struct hkp_ter_quote *out, const uint8_t *bytes,
                                                    size_t len);

/**
 * Judge a quote: is it of this key, for this transcript, of these PCRs with values that the policy holds?
 *
 * There is no way to skip a check: a quote that is not there is HKP_E_TER_QUOTE_FORM, a policy without a
 * digest accepts nothing.
 *
 * @param v      what is demanded; borrowed for the call
 * @param bytes  [len] the wire form, borrowed
 * @param len    bytes
 * @param out    what the quote says, set on success only; NULL is allowed
 *
 * @retval HKP_OK                     all holds
 * @retval HKP_E_TER_QUOTE_FORM       see hkp_ter_quote_parse()
 * @retval HKP_E_TER_QUOTE_AREA       see hkp_ter_area_check_ak()
 * @retval HKP_E_TER_QUOTE_NAME       v->area is not behind v->ak_name
 * @retval HKP_E_TER_QUOTE_SIGNATURE  not signed by that key
 * @retval HKP_E_TER_QUOTE_EXTRA      bound to something else: a replay
 * @retval HKP_E_TER_QUOTE_PCR        other PCRs, or values that v does not list
 * @retval HKP_E_NOMEM                the arithmetic found no memory
 *
 * Cost: one ECDSA verification over P-256, which allocates through mbedTLS.
 * Source: HTP-5.5, D-AUTH-3, D-AUTH-4, SYN-8.6.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_quote_verify(const struct hkp_ter_quote_verifier *v,
                                                     const uint8_t *bytes, size_t len,
                                                     struct hkp_ter_quote *out);

/**
 * Join what tpm2-tools and D-AUTH keep apart, the attest and its signature, into the wire form.
 *
 * @param attest         [attest_len] TPMS_ATTEST, borrowed
 * @param attest_len     bytes
 * @param signature      [signature_len] TPMT_SIGNATURE, borrowed
 * @param signature_len  bytes
 * @param dst            [cap] bytes out
 * @param cap            bytes
 * @param len            bytes written
 *
 * @retval HKP_OK                written
 * @retval HKP_E_NOSPC           dst is too small; nothing was written
 * @retval HKP_E_TER_QUOTE_FORM  more than HKP_TER_QUOTE_MAX together
 *
 * Cost: one copy.
 * Source: HTP-5.5, D-AUTH-2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_quote_join(const uint8_t *attest, size_t attest_len,
                                                   const uint8_t *signature, size_t signature_len,
                                                   uint8_t *dst, size_t cap, size_t *len);

/**
 * Name of a public area: 000B and its SHA-256.
 *
 * @param area  [len] TPMT_PUBLIC, borrowed
 * @param len   bytes
 * @param name  [34] bytes out
 *
 * Cost: one hash.
 * Source: SYN-8.6; TPM 2.0 Library, part 1, 16 "Names".
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_area_name(const uint8_t *area, size_t len, uint8_t name[34]);

/**
 * Is this the public area of an attestation key: P-256, ECDSA with SHA-256, restricted, made in the TPM and
 * bound to it?
 *
 * An unrestricted key would sign what anyone hands it, a forged TPMS_ATTEST too.
 *
 * @param area  [len] TPMT_PUBLIC, borrowed
 * @param len   bytes
 *
 * @retval HKP_OK                it is
 * @retval HKP_E_TER_QUOTE_AREA  cut short, another kind of key, or attributes that are not those
 *
 * Cost: one pass; that the point is on the curve is seen when a signature is checked.
 * Source: D-CA-3, SYN-8.6; TPM 2.0 Library, part 2, 8.3 and 12.2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_area_check_ak(const uint8_t *area, size_t len);

/**
 * Digest of PCR values as it stands in a quote.
 *
 * @param values  [n * 32] the values of the PCRs of a mask, ascending, borrowed; NULL if n is 0
 * @param n       number of PCRs, 0..24
 * @param digest  [32] bytes out
 *
 * Cost: one hash.
 * Source: D-AUTH-3; TPM 2.0 Library, part 2, 10.12.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_pcr_digest(const uint8_t *values, uint32_t n, uint8_t digest[32]);

/**
 * Policy digest that a TPM has after PolicyPCR in a fresh session, from the digest of the values.
 *
 * @param pcr_mask    bits 0..23
 * @param pcr_digest  [32] of hkp_ter_pcr_digest()
 * @param policy      [32] bytes out
 *
 * Cost: one hash.
 * Source: SYN-8.5; TPM 2.0 Library, part 3, 23.7.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_pcr_policy(uint32_t pcr_mask, const uint8_t pcr_digest[32], uint8_t policy[32]);

/**
 * Policy digest of what is sealed for an operator: any PCR policy that this key signs (PolicyAuthorize).
 *
 * @param key     [64] P-256 point x || y of the operator's PCR key
 * @param policy  [32] bytes out
 *
 * Cost: three hashes.
 * Source: SYN-8.5; TPM 2.0 Library, part 3, 23.16.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_pca_policy(const uint8_t key[64], uint8_t policy[32]);

/**
 * Make an operator's PCR key.
 *
 * @param secret  [32] bytes out, the caller's to keep and to wipe
 * @param key     [64] bytes out, the public point x || y
 * @param rng     randomness
 *
 * @retval HKP_OK           made
 * @retval HKP_E_CALLBACK   rng failed
 * @retval HKP_E_NOMEM      the arithmetic found no memory
 *
 * Cost: one multiplication on P-256.
 * Source: SYN-8.5, decision 0115.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pca_key(uint8_t secret[32], uint8_t key[64],
                                                const struct hkp_rng *rng);

/**
 * Public point of an operator's PCR key.
 *
 * @param secret  [32] borrowed
 * @param key     [64] bytes out, x || y
 * @param rng     randomness, for blinding
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  no secret of P-256
 * @retval HKP_E_NOMEM  the arithmetic found no memory
 *
 * Cost: one multiplication on P-256.
 * Source: decision 0115.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pca_public(const uint8_t secret[32], uint8_t key[64],
                                                   const struct hkp_rng *rng);

/**
 * Authorise PCR values: a PCA1, which lets a TPM unseal while its PCRs have them.
 *
 * @param pcr_mask    bits 0..23
 * @param pcr_digest  [32] of hkp_ter_pcr_digest() over the values to accept
 * @param secret      [32] the operator's PCR key, borrowed
 * @param rng         randomness, for blinding; the signature itself is deterministic
 * @param pca         [176] bytes out
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  no secret of P-256, or a mask beyond 24 bits
 * @retval HKP_E_NOMEM  the arithmetic found no memory
 *
 * Cost: one ECDSA signature.
 * Source: SYN-8.5, decision 0115.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pca_sign(uint32_t pcr_mask, const uint8_t pcr_digest[32],
                                                 const uint8_t secret[32], const struct hkp_rng *rng,
                                                 uint8_t pca[176]);

/**
 * Is this a PCA1 that its own key signed?
 *
 * @param pca       [len] borrowed
 * @param len       bytes
 * @param key       [64] the key that must have signed; NULL: the one that stands in it, whoever's it is
 * @param pcr_mask  out, NULL allowed
 * @param policy    [32] out, the authorised policy digest; NULL allowed
 *
 * @retval HKP_OK         it is
 * @retval HKP_E_TER_PCA  it is not
 * @retval HKP_E_NOMEM    the arithmetic found no memory
 *
 * Cost: one ECDSA verification.
 * Source: decision 0115.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_pca_check(const uint8_t *pca, size_t len, const uint8_t key[64],
                                                  uint32_t *pcr_mask, uint8_t policy[32]);

/**
 * Wrap a secret so that only the TPM with this endorsement key can open it, and only while it holds the
 * attestation key of that name (TPM2_MakeCredential, without a TPM).
 *
 * @param ek_area     [ek_len] TPMT_PUBLIC of the endorsement key, borrowed: P-256, AES-128-CFB, SHA-256
 * @param ek_len      bytes
 * @param ak_name     [34] name of the attestation key
 * @param secret      [secret_len] borrowed
 * @param secret_len  bytes, 1..HKP_TER_CREDENTIAL_SECRET_MAX
 * @param rng         randomness
 * @param dst         [cap] bytes out: TPM2B_ID_OBJECT, then TPM2B_ENCRYPTED_SECRET
 * @param cap         bytes; HKP_TER_CREDENTIAL_MAX is always enough
 * @param len         bytes written
 *
 * @retval HKP_OK                written
 * @retval HKP_E_TER_QUOTE_AREA  no such endorsement key
 * @retval HKP_E_INVAL           secret_len is out of range
 * @retval HKP_E_NOSPC           dst is too small; nothing was written
 * @retval HKP_E_CALLBACK        rng failed
 * @retval HKP_E_NOMEM           the arithmetic found no memory
 *
 * Cost: two multiplications on P-256.
 * Source: D-CA-3; TPM 2.0 Library, part 1, 24 and C.6.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_credential_make(const uint8_t *ek_area, size_t ek_len,
                                                        const uint8_t ak_name[34], const uint8_t *secret,
                                                        size_t secret_len, const struct hkp_rng *rng,
                                                        uint8_t *dst, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
