/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: the certificate that the maker of a TPM gave its endorsement key, judged by X.509 and the
 * TCG's profile for such certificates (SYN-8.5). It is work for who admits a machine, once; nodes never parse
 * X.509. Revocation lists of makers are not looked at.
 */
#ifndef HOOKPROBE_TER_ENDORSEMENT_H
#define HOOKPROBE_TER_ENDORSEMENT_H

#include <hookprobe/ter/quote.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits. */
enum {
    /** bytes of a file of certificates, DER or PEM */
    HKP_TER_EK_FILE_MAX = 16384,
    /** certificates in the file of the endorsement key: its own, and those between it and a root */
    HKP_TER_EK_CHAIN_MAX = 8,
    /** files of roots, and certificates in all of them */
    HKP_TER_EK_ROOTS_MAX = 32
};

/* Results: HKP_E_TER_BASE - code, codes from 200 on (decision 0582). */
enum {
    /** no X.509 certificates, malformed, or more than fit */
    HKP_E_TER_EK_FORM = -0x1E0,
    /** the certificate is of another key than the public area */
    HKP_E_TER_EK_KEY = -0x1E1,
    /** no chain of sound signatures leads to one of the roots */
    HKP_E_TER_EK_CHAIN = -0x1E2,
    /** a certificate of the chain is not valid yet, or no more */
    HKP_E_TER_EK_TIME = -0x1E3,
    /** it is no certificate of an endorsement key: other usages, or no names of a TPM */
    HKP_E_TER_EK_USE = -0x1E4
};

/** A file of certificates, borrowed. */
struct hkp_ter_ek_file {
    const uint8_t *bytes;
    /** 1..HKP_TER_EK_FILE_MAX */
    size_t len;
};

/** What the certificate of an endorsement key is judged by. */
struct hkp_ter_ek_verifier {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** files of roots, 1..HKP_TER_EK_ROOTS_MAX */
    uint32_t n_roots;
    /** TPMT_PUBLIC of the endorsement key, [area_len], borrowed */
    const uint8_t *area;
    size_t area_len;
    /** its certificate, in PEM followed by those between it and a root if there are any */
    struct hkp_ter_ek_file certificate;
    /** [n_roots] whom the caller believes, borrowed */
    const struct hkp_ter_ek_file *roots;
    /** Unix seconds at which all must be valid */
    uint64_t now_s;
};

/** What a certificate that holds says; all text is NUL-terminated and printable. */
struct hkp_ter_ek {
    uint64_t not_before_s;
    uint64_t not_after_s;
    char issuer[256];
    /** names of the TPM, as its maker wrote them */
    char manufacturer[32];
    char model[64];
    char version[32];
};

/**
 * Judge the certificate of an endorsement key.
 *
 * @param v    what it is judged by, borrowed for the call
 * @param out  what it says; untouched on failure; NULL is allowed
 *
 * @retval HKP_OK               of this key, by one of these roots, valid now, for this use
 * @retval HKP_E_INVAL          a field of v is missing or out of range
 * @retval HKP_E_NOMEM          mbedTLS found no memory
 * @retval HKP_E_TER_QUOTE_AREA the area is no endorsement key (P-256, restricted, stays in its TPM)
 * @retval HKP_E_TER_EK_FORM    see above
 * @retval HKP_E_TER_EK_KEY     see above
 * @retval HKP_E_TER_EK_CHAIN   see above
 * @retval HKP_E_TER_EK_TIME    see above
 * @retval HKP_E_TER_EK_USE     see above
 *
 * Cost: a signature for each certificate of the chain; mbedTLS allocates what it parses and releases it.
 * Source: SYN-8.5, D-CA-3, decision 0582; TCG EK Credential Profile 2.5, section 3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_ek_verify(const struct hkp_ter_ek_verifier *v,
                                                  struct hkp_ter_ek *out);

#ifdef __cplusplus
}
#endif

#endif
