/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: collective sealing (SYN-6). A text that opens with t of n shares and with none fewer: one
 * node alone, or t - 1 together, learn nothing of it.
 *
 * All of this is about bytes: who gets a share, keeps it and may ask for it (SYN-6.3, SYN-6.4) is libmesh's.
 */
#ifndef HOOKPROBE_NEURO_SEAL_H
#define HOOKPROBE_NEURO_SEAL_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits (SYN-6, SYN-11). */
enum {
    HKP_NEURO_SHARE_SIZE = 64,
    HKP_NEURO_SEAL_T_MAX = 16,
    HKP_NEURO_SEAL_N_MAX = 32,
    /** t and n where none are given */
    HKP_NEURO_SEAL_T = 3,
    HKP_NEURO_SEAL_N = 5,
    HKP_NEURO_SEAL_TEXT_MAX = 16777216
};

/** Who deals a seal, and to whom. */
struct hkp_neuro_seal_options {
    uint32_t struct_size;
    /** shares that open it, 2..16; 0: 3 */
    uint32_t t;
    /** shares there are, t..32; 0: 5 */
    uint32_t n;
    /** [n][16] node ids, all different; row i holds share i + 1; borrowed */
    const uint8_t *holders;
    uint8_t chain_id[32];
    /** node id of the dealer */
    uint8_t dealer[16];
    /** [64] Ed25519 secret key of the dealer; borrowed */
    const uint8_t *dealer_secret;
    /** required; asked for seal id, key, (t - 1) coefficient strings and nonce, in this order */
    struct hkp_rng rng;
};

/** What a seal object says of itself; nothing of it is proved before the dealer's signature is. */
struct hkp_neuro_seal_info {
    uint32_t t;
    uint32_t n;
    uint8_t seal_id[16];
    uint64_t text_len;
    uint8_t dealer[16];
};

/** One share as it came. */
struct hkp_neuro_seal_share {
    const uint8_t *bytes;
    size_t len;
};

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: SYN-6.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_seal_options_init(struct hkp_neuro_seal_options *opt, size_t struct_size);

/**
 * Size of a seal object.
 *
 * @param n    shares, 2..32
 * @param len  bytes of text, 0..16 MiB
 *
 * @return bytes
 *
 * Cost: none.
 * Source: SYN-6.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API size_t hkp_neuro_seal_size(uint32_t n, size_t len);

/**
 * Seal a text: the object, which is no secret, and n shares, which are.
 *
 * The caller sends each share to its holder and wipes it as soon as that one has it (SYN-6.3).
 *
 * @param opt         dealer and holders
 * @param text        [len] bytes, borrowed
 * @param len         0..16 MiB
 * @param object      [cap] written, not overlapping text
 * @param cap         at least hkp_neuro_seal_size(n, len)
 * @param object_len  bytes written
 * @param shares      [n][64] written; share i + 1 of holder i
 *
 * @retval HKP_OK          done
 * @retval HKP_E_INVAL     t, n, a holder twice, or something required is missing; nothing was written
 * @retval HKP_E_TOOBIG    text too long; nothing was written
 * @retval HKP_E_NOSPC     cap is too small; nothing was written
 * @retval HKP_E_CALLBACK  no randomness; nothing was written
 *
 * Cost: no allocation; one pass of XChaCha20-Poly1305 and one of SHA-256 over the text.
 * Source: SYN-6.1, SYN-6.2, SYN-6.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_make(const struct hkp_neuro_seal_options *opt,
                                                    const uint8_t *text, size_t len, uint8_t *object,
                                                    size_t cap, size_t *object_len, uint8_t *shares);

/**
 * Read the form of a seal object, for example to find the dealer's certificate.
 *
 * @param info    written on success
 * @param object  [len] bytes, borrowed
 * @param len     any
 *
 * @retval HKP_OK                    well formed; the signature was not looked at
 * @retval HKP_E_NEURO_SYN_MAGIC     not a seal object
 * @retval HKP_E_NEURO_SYN_RESERVED  t, n or a zero field
 * @retval HKP_E_NEURO_SYN_LENGTH    text above 16 MiB, or another length than the fields say
 *
 * Cost: no allocation.
 * Source: SYN-6.2, SYN-6.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_decode(struct hkp_neuro_seal_info *info, const uint8_t *object,
                                                      size_t len);

/**
 * Node id of the holder of one share.
 *
 * @param object  [len] bytes, borrowed
 * @param len     any
 * @param x       1..n
 * @param holder  written on success
 *
 * @retval HKP_OK          found
 * @retval HKP_E_INVAL     there is no such share
 * @retval HKP_E_NEURO_SYN_MAGIC, HKP_E_NEURO_SYN_RESERVED, HKP_E_NEURO_SYN_LENGTH  not a seal object
 *
 * Cost: no allocation.
 * Source: SYN-6.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_holder(const uint8_t *object, size_t len, uint32_t x,
                                                      uint8_t holder[16]);

/**
 * Verify the dealer's signature of a seal object.
 *
 * @param object         [len] bytes, borrowed
 * @param len            any
 * @param chain_id       of the mesh
 * @param dealer_public  Ed25519 public key in the certificate of the dealer that the object names
 *
 * @retval HKP_OK               signed
 * @retval HKP_E_NEURO_SYN_SIG  not signed by this key
 * @retval HKP_E_NEURO_SYN_MAGIC, HKP_E_NEURO_SYN_RESERVED, HKP_E_NEURO_SYN_LENGTH  not a seal object
 *
 * Cost: no allocation; SHA-256 over the object and one verification.
 * Source: SYN-6.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_verify(const uint8_t *object, size_t len,
                                                      const uint8_t chain_id[32],
                                                      const uint8_t dealer_public[32]);

/**
 * Does a share belong to a seal object? A holder asks before it keeps one.
 *
 * @param object     [len] bytes, borrowed; verify it first
 * @param len        any
 * @param share      [share_len] bytes, borrowed
 * @param share_len  any
 * @param x          number of the share, written on success
 *
 * @retval HKP_OK                   it does
 * @retval HKP_E_NEURO_SYN_MAGIC    the object or the share is none
 * @retval HKP_E_NEURO_SYN_SHARE    of another seal, another number than 1..n, or not what the dealer
 * committed to
 * @retval HKP_E_NEURO_SYN_RESERVED, HKP_E_NEURO_SYN_LENGTH  not a seal object
 *
 * Cost: no allocation.
 * Source: SYN-6.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_share_check(const uint8_t *object, size_t len,
                                                           const uint8_t *share, size_t share_len,
                                                           uint32_t *x);

/**
 * Open a seal object with shares.
 *
 * @param object         [len] bytes, borrowed
 * @param len            any
 * @param chain_id       of the mesh
 * @param dealer_public  as hkp_neuro_seal_verify()
 * @param shares         [n_shares] in any order, borrowed
 * @param n_shares       any
 * @param dst            [cap] the text, written on success; not overlapping object
 * @param cap            at least text_len of hkp_neuro_seal_decode()
 * @param text_len       bytes written
 *
 * @retval HKP_OK                       opened
 * @retval HKP_E_NOSPC                  cap is too small; nothing was written
 * @retval HKP_E_NEURO_SYN_MAGIC        object or a share is none
 * @retval HKP_E_NEURO_SYN_RESERVED     t, n or a zero field of the object
 * @retval HKP_E_NEURO_SYN_LENGTH       length of the object
 * @retval HKP_E_NEURO_SYN_SIG          not signed by the dealer
 * @retval HKP_E_NEURO_SYN_SHARE        a share is of another seal, or not what the dealer committed to
 * @retval HKP_E_NEURO_SYN_SHARE_DUP    a share came twice
 * @retval HKP_E_NEURO_SYN_SHARE_COUNT  fewer than t shares
 * @retval HKP_E_NEURO_SYN_AUTH         the text is not what was sealed
 *
 * Cost: no allocation; two passes over the text.
 * Source: SYN-6.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_seal_open(
    const uint8_t *object, size_t len, const uint8_t chain_id[32], const uint8_t dealer_public[32],
    const struct hkp_neuro_seal_share *shares, size_t n_shares, uint8_t *dst, size_t cap, size_t *text_len);

#ifdef __cplusplus
}
#endif

#endif
