/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: certificates of nodes (D-CERT) and requests for them (D-CA-3).
 */
#ifndef HOOKPROBE_DSM_CERTIFICATE_H
#define HOOKPROBE_DSM_CERTIFICATE_H

#include <hookprobe/dsm/objects.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Body of a certificate (D-CERT); absent optional fields have their flag 0. */
struct hkp_dsm_certificate {
    uint8_t node_id[16];
    uint8_t key[32];
    /** X25519 static key */
    uint8_t static_key[32];
    uint8_t ak[34];
    uint8_t has_static_key;
    uint8_t has_ak;
    uint8_t enroll_id[32];
    /** HKP_DSM_ROLE_ bits */
    uint32_t roles;
    uint32_t tier;
    uint32_t group;
    uint32_t policy;
    /** 0: the certificate has none */
    uint32_t neuro_gen;
    uint64_t not_before_s;
    uint64_t not_after_s;
    uint64_t serial;
    /** 48 and 96 bytes, both or neither; inside the parsed bytes */
    struct hkp_dsm_view bls_key;
    struct hkp_dsm_view bls_proof;
};

/** A node's request for a certificate (D-CA-3). */
struct hkp_dsm_request {
    /** of key and ak; set by hkp_dsm_request_check() */
    uint8_t node_id[16];
    uint8_t key[32];
    uint8_t static_key[32];
    uint8_t ak[34];
    uint8_t has_static_key;
    uint8_t has_ak;
    uint8_t enroll_id[32];
    uint8_t token_digest[32];
    uint8_t nonce[32];
    uint32_t roles;
    uint32_t tier;
    /** 0: none */
    uint32_t neuro_gen;
    /** 1: it asks for this BLS key; the proof is of the key, not of the node: who copies a key copies it too
     */
    uint32_t has_bls;
    uint8_t bls_key[48];
    uint8_t bls_proof[96];
};

/**
 * Write the body of a certificate.
 *
 * @param certificate  all fields but node_id, which is computed from key and ak
 * @param dst          [cap] result; undefined on failure
 * @param cap          bytes; HKP_DSM_CERTIFICATE_BODY_MAX always suffices
 * @param len          bytes written; untouched on failure
 *
 * @retval HKP_OK              written; sign it with hkp_dsm_multi_sign()
 * @retval HKP_E_DSM_SCHEMA    a field is out of range
 * @retval HKP_E_DSM_VALIDITY  lifetime is empty or above 90 days
 * @retval HKP_E_NOSPC         cap is too small
 *
 * Cost: no allocation.
 * Source: D-CERT.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_build(const struct hkp_dsm_certificate *certificate,
                                                          uint8_t *dst, size_t cap, size_t *len);

/**
 * Read and check a certificate.
 *
 * @param in           [len] bytes, borrowed as long as a view in certificate is used
 * @param len          bytes
 * @param chain_id     [32] name of the mesh
 * @param officers     CA sets in force; scratch is not needed
 * @param now_s        Unix seconds (D-CERT-5)
 * @param revoked      highest serial revoked of this node, 0 for none (D-CA-6)
 * @param certificate  result; untouched on failure
 *
 * @retval HKP_OK                      valid now
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND..            as hkp_dsm_multi_check()
 * @retval HKP_E_DSM_TOO_BIG           body above 600 bytes
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_NODE_ID           node_id is not that of the keys
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 90 days
 * @retval HKP_E_DSM_NOT_YET           begins more than 300 s ahead
 * @retval HKP_E_DSM_EXPIRED           ended 300 s ago or more
 * @retval HKP_E_DSM_REVOKED           serial is revoked
 *
 * Cost: no allocation; at most 7 Ed25519 verifications.
 * Source: D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_check(const uint8_t *in, size_t len,
                                                          const uint8_t chain_id[32],
                                                          const struct hkp_dsm_officers *officers,
                                                          uint64_t now_s, uint64_t revoked,
                                                          struct hkp_dsm_certificate *certificate);

/**
 * Read a certificate without judging it, to learn whose it is or because it was checked before.
 *
 * @param in           [len] bytes, borrowed as long as a view in certificate is used
 * @param len          bytes
 * @param certificate  result; untouched on failure
 *
 * @retval HKP_OK                      of this form; neither signatures nor times were looked at
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above 600 bytes
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_NODE_ID           node_id is not that of the keys
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 90 days
 *
 * Cost: no allocation; one SHA-256.
 * Source: D-CERT.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_parse(const uint8_t *in, size_t len,
                                                          struct hkp_dsm_certificate *certificate);

/**
 * Write and sign a node's request for a certificate.
 *
 * @param chain_id  [32] name of the mesh
 * @param request   all fields but node_id and key, which come from secret and ak
 * @param secret    [64] Ed25519 secret of the new key; not kept
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; HKP_DSM_REQUEST_MAX always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  roles or tier out of range
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation; one Ed25519 signature.
 * Source: D-CA-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_request_build(const uint8_t chain_id[32],
                                                      const struct hkp_dsm_request *request,
                                                      const uint8_t secret[64], uint8_t *dst, size_t cap,
                                                      size_t *len);

/**
 * Read a node's request and check its proof of possession.
 *
 * @param in        [len] bytes, borrowed for the call
 * @param len       bytes
 * @param chain_id  [32] name of the mesh
 * @param request   result; untouched on failure
 *
 * @retval HKP_OK                      signed by the key that it asks for; all else is for the officer
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_NODE_ID           signer is not the node_id of the keys
 * @retval HKP_E_DSM_SIG               signature is wrong
 *
 * Cost: no allocation; one Ed25519 verification.
 * Source: D-CA-3, D-ENV-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_request_check(const uint8_t *in, size_t len,
                                                      const uint8_t chain_id[32],
                                                      struct hkp_dsm_request *request);

#ifdef __cplusplus
}
#endif

#endif
