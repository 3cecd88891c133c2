/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: what is signed by one node or by officers, and what a mesh begins with (D 3 to 5).
 */
#ifndef HOOKPROBE_DSM_OBJECTS_H
#define HOOKPROBE_DSM_OBJECTS_H

#include <hookprobe/dsm/cbor.h>
#include <hookprobe/dsm/kinds.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Keys of the certificate authority (D-CA-1). */
struct hkp_dsm_ca_set {
    uint64_t version;
    /** signatures that an object needs */
    uint32_t threshold;
    /** officers, 1..7 */
    uint32_t n_keys;
    /** ascending */
    uint8_t keys[7][32];
};

/** What officers' signatures are checked against. */
struct hkp_dsm_officers {
    /** [n_sets] CA sets that are in force: two in the 24 h after a change (D-CA-2) */
    const struct hkp_dsm_ca_set *sets;
    size_t n_sets;
    /** [scratch_len] bytes to work in, or NULL: bodies above 1024 bytes need their length + 64 */
    uint8_t *scratch;
    size_t scratch_len;
};

/** A seat of a validator set (D-SMX-1). */
struct hkp_dsm_seat {
    uint8_t node_id[16];
    uint8_t key[32];
    uint32_t group;
};

/** What a mesh begins with (D-SIG-5); views lie inside the parsed bytes. */
struct hkp_dsm_genesis {
    uint8_t chain_id[32];
    /** mesh name, 1..64 bytes of UTF-8, not terminated */
    struct hkp_dsm_view name;
    struct hkp_dsm_view ca_set_body;
    struct hkp_dsm_view valset_body;
    uint64_t time_s;
    /** parsed ca_set_body */
    struct hkp_dsm_ca_set ca_set;
};

/** An object signed by one node (D-ENV-1); all pointers lie inside the parsed bytes. */
struct hkp_dsm_envelope {
    uint64_t kind;
    /** [16] */
    const uint8_t *signer;
    struct hkp_dsm_view body;
    /** [64] */
    const uint8_t *signature;
};

/** An object signed by officers (D-MULTI-1); pointers lie inside the parsed bytes. */
struct hkp_dsm_multi {
    uint64_t kind;
    uint64_t ca_version;
    struct hkp_dsm_view body;
    uint64_t n_signatures;
    /** officers: positions in the CA set, ascending */
    uint64_t index[7];
    /** [64] each */
    const uint8_t *signature[7];
};

/**
 * Name of a node from its keys.
 *
 * @param node_id  [16] result
 * @param key      [32] Ed25519 public key
 * @param ak       [34] name of the TPM attestation key, or NULL without a TPM
 *
 * Cost: one SHA-256.
 * Source: D-ID-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_id(uint8_t node_id[16], const uint8_t key[32], const uint8_t *ak);

/**
 * Write the body of a CA set.
 *
 * @param set  version, threshold, n_keys and keys; keys ascending
 * @param dst  [cap] result; undefined on failure
 * @param cap  bytes; HKP_DSM_CA_SET_BODY_MAX always suffices
 * @param len  bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  keys not ascending and distinct, or numbers out of range
 * @retval HKP_E_DSM_QUORUM  threshold is no majority or above n_keys
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-CA-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_ca_set_build(const struct hkp_dsm_ca_set *set, uint8_t *dst,
                                                     size_t cap, size_t *len);

/**
 * Read the body of a CA set.
 *
 * @param in   [len] bytes, borrowed for the call
 * @param len  bytes
 * @param set  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_QUORUM            threshold is no majority or above the number of keys
 *
 * Cost: no allocation.
 * Source: D-CA-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_ca_set_parse(const uint8_t *in, size_t len,
                                                     struct hkp_dsm_ca_set *set);

/**
 * Write the body of a validator set for scheme 1.
 *
 * @param members  [n] ascending by node_id, keys distinct, groups 1..2^32-1
 * @param n        members, 1..200
 * @param epoch    epoch of the set
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_VALSET_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  not ascending, keys equal, or a number out of range
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_valset_build(const struct hkp_dsm_seat *members, size_t n,
                                                     uint64_t epoch, uint8_t *dst, size_t cap, size_t *len);

/**
 * Write a genesis.
 *
 * @param name      [name_len] mesh name, UTF-8; "/single" at its end lets one owner hold all seats
 * @param name_len  bytes, 1..64
 * @param ca        CA set body
 * @param valset    validator set body of epoch 0
 * @param time_s    Unix seconds
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; HKP_DSM_GENESIS_MAX always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK                      written; hkp_dsm_genesis_parse() accepts it
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  name or a body is no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            a body is not of its form, or a group holds too many seats (D-SMX-3)
 * @retval HKP_E_DSM_QUORUM            as hkp_dsm_ca_set_parse()
 * @retval HKP_E_DSM_EPOCH             the validator set is not of epoch 0
 * @retval HKP_E_NOSPC                 cap is too small
 *
 * Cost: no allocation; 40 KB of stack.
 * Source: D-SIG-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_genesis_build(const char *name, size_t name_len,
                                                      const struct hkp_dsm_view *ca,
                                                      const struct hkp_dsm_view *valset, uint64_t time_s,
                                                      uint8_t *dst, size_t cap, size_t *len);

/**
 * Read and check a genesis.
 *
 * @param in       [len] bytes, borrowed as long as a view in genesis is used
 * @param len      bytes
 * @param genesis  result; untouched on failure
 *
 * @retval HKP_OK                      read; chain_id is set
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object, or a group holds too many seats (D-SMX-3)
 * @retval HKP_E_DSM_QUORUM            as hkp_dsm_ca_set_parse()
 * @retval HKP_E_DSM_EPOCH             the validator set is not of epoch 0
 *
 * Cost: no allocation; 40 KB of stack; one hash of len bytes.
 * Source: D-SIG-5, D-SMX-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_genesis_parse(const uint8_t *in, size_t len,
                                                      struct hkp_dsm_genesis *genesis);

/**
 * Read an envelope up to its signature.
 *
 * @param in        [len] bytes, borrowed as long as envelope is used
 * @param len       bytes
 * @param kinds     kinds expected here: bit k for kind k, 1 << 1 for MICROBLOCK
 * @param envelope  result; untouched on failure
 *
 * @retval HKP_OK                      shape, kind and size are right; nothing is authenticated yet
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this shape
 * @retval HKP_E_DSM_KIND              unknown or not expected
 * @retval HKP_E_DSM_TOO_BIG           body above the limit of its kind
 *
 * Cost: no allocation, no copy.
 * Source: D-ENV-1 to D-ENV-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_parse(const uint8_t *in, size_t len, uint32_t kinds,
                                                       struct hkp_dsm_envelope *envelope);

/**
 * Check the signature of an envelope.
 *
 * @param chain_id  [32] name of the mesh
 * @param envelope  a parsed envelope
 * @param key       [32] Ed25519 key of its signer
 *
 * @retval HKP_OK         signed by this key for this mesh
 * @retval HKP_E_DSM_SIG  not
 *
 * Cost: one Ed25519 verification.
 * Source: D-SIG-1, D-SIG-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_verify(const uint8_t chain_id[32],
                                                        const struct hkp_dsm_envelope *envelope,
                                                        const uint8_t key[32]);

/**
 * Sign a body and write its envelope.
 *
 * @param chain_id  [32] name of the mesh
 * @param kind      1..31, HKP_DSM_KIND_
 * @param signer    [16] node_id of the signer
 * @param secret    [64] Ed25519 secret of the signer; not kept
 * @param body      [body_len] bytes, outside dst
 * @param body_len  bytes, within D-ENV-3
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; body_len + 96 always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  kind unknown or body_len out of range
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation; 17 KB of stack; one Ed25519 signature.
 * Source: D-SIG-2, D-ENV-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_sign(const uint8_t chain_id[32], uint32_t kind,
                                                      const uint8_t signer[16], const uint8_t secret[64],
                                                      const uint8_t *body, size_t body_len, uint8_t *dst,
                                                      size_t cap, size_t *len);

/**
 * Id of a signed object.
 *
 * @param id        [32] result
 * @param chain_id  [32] name of the mesh
 * @param kind      kind of the object
 * @param signer    [16] its signer; NULL for an object signed by officers
 * @param body      [body_len] its body
 * @param body_len  bytes
 *
 * Cost: one BLAKE2b of the body.
 * Source: D-SIG-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_object_id(uint8_t id[32], const uint8_t chain_id[32], uint32_t kind,
                               const uint8_t *signer, const uint8_t *body, size_t body_len);

/**
 * Sign a body as an officer of the CA set.
 *
 * @param signature   [64] result; untouched on failure
 * @param chain_id    [32] name of the mesh
 * @param kind        32..37
 * @param ca_version  version of the CA set
 * @param secret      [64] Ed25519 secret of the officer; not kept
 * @param body        [body_len] bytes
 * @param body_len    bytes
 * @param scratch      [scratch_len] bytes to work in, wiped; NULL for bodies up to 1024 bytes
 * @param scratch_len  bytes; body_len + 64 always suffices
 *
 * @retval HKP_OK       signed
 * @retval HKP_E_INVAL  kind is none of officers, or ca_version above 2^32-1
 * @retval HKP_E_NOSPC  scratch is too small
 *
 * Cost: one copy of the body, one Ed25519 signature.
 * Source: D-SIG-3; what an officer records before it signs: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_sign(uint8_t signature[64], const uint8_t chain_id[32],
                                                   uint32_t kind, uint64_t ca_version,
                                                   const uint8_t secret[64], const uint8_t *body,
                                                   size_t body_len, uint8_t *scratch, size_t scratch_len);

/**
 * Write an object signed by officers.
 *
 * @param multi  kind, ca_version, body and 1..7 signatures with ascending index
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; body length + 520 always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  no or too many signatures, index not ascending, kind unknown
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation.
 * Source: D-MULTI-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_build(const struct hkp_dsm_multi *multi, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Read an object signed by officers.
 *
 * @param in     [len] bytes, borrowed as long as multi is used
 * @param len    bytes
 * @param multi  result; untouched on failure
 *
 * @retval HKP_OK                      of this shape; nothing is authenticated yet
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this shape
 *
 * Cost: no allocation, no copy.
 * Source: D-MULTI-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_parse(const uint8_t *in, size_t len,
                                                    struct hkp_dsm_multi *multi);

/**
 * Check kind and signatures of an object signed by officers.
 *
 * @param chain_id  [32] name of the mesh
 * @param multi     a parsed object
 * @param kind      the kind expected
 * @param officers  CA sets in force, and room to work in
 *
 * @retval HKP_OK                signed by enough officers
 * @retval HKP_E_DSM_KIND        another kind
 * @retval HKP_E_DSM_CA_VERSION  CA set unknown
 * @retval HKP_E_DSM_SIG_ORDER   index not ascending
 * @retval HKP_E_DSM_SIGNER      index outside the set
 * @retval HKP_E_DSM_QUORUM      too few signatures
 * @retval HKP_E_DSM_SIG         any of them is wrong
 * @retval HKP_E_NOSPC           scratch is too small for this body
 *
 * Cost: one copy of the body, at most 7 Ed25519 verifications.
 * Source: D-MULTI-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_check(const uint8_t chain_id[32],
                                                    const struct hkp_dsm_multi *multi, uint32_t kind,
                                                    const struct hkp_dsm_officers *officers);

#ifdef __cplusplus
}
#endif

#endif
