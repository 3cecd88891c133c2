/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: the hybrid (LAB-8), the only form in which intermediaries of the bridge travel or rest.
 * Its security is that of ChaCha20-Poly1305 or AES-256-GCM, which is outermost, with a key of its own for
 * every message. How sensitive a table is decides about padding, life and replay, never about the cipher.
 */
#ifndef HOOKPROBE_NEURO_HYBRID_H
#define HOOKPROBE_NEURO_HYBRID_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* hookprobe/neuro/bridge.h */
struct hkp_neuro_bridge;

/* Sizes in bytes and limits (LAB-7.11, LAB-8). */
enum {
    /** header and tag around the padded text */
    HKP_NEURO_HYB_OVERHEAD = 104,
    HKP_NEURO_HYB_SIZE_MAX = 1052776,
    HKP_NEURO_HYB_TOKEN_SIZE = 16,
    /** the least capacity of a replay set, and the default */
    HKP_NEURO_HYB_REPLAY_LEAST = 4096,
    HKP_NEURO_HYB_REPLAY_MOST = 16777216
};

/* Suites, policies, and where a master key came from. */
enum {
    HKP_NEURO_HYB_CHACHA20_POLY1305 = 1,
    /** where the machine has it */
    HKP_NEURO_HYB_AES256_GCM = 2,

    HKP_NEURO_HYB_PUBLIC = 1,
    HKP_NEURO_HYB_INTERNAL = 2,
    HKP_NEURO_HYB_CONFIDENTIAL = 3,
    HKP_NEURO_HYB_RESTRICTED = 4,

    HKP_NEURO_HYB_FROM_RANDOM = 1,
    /** HTP EXPORT with the label of LAB-8.1; the only origin for RESTRICTED */
    HKP_NEURO_HYB_FROM_EXPORT = 2,
    /** agreed on as in LAB-6.2 */
    HKP_NEURO_HYB_FROM_SHARED = 3
};

/* Results of the hybrid: HKP_E_NEURO_BASE - code (LAB-10). */
enum {
    HKP_E_NEURO_HYB_LENGTH = -0x2BE,
    HKP_E_NEURO_HYB_VERSION = -0x2BF,
    HKP_E_NEURO_HYB_PARAM = -0x2C0,
    HKP_E_NEURO_HYB_KEY = -0x2C1,
    HKP_E_NEURO_HYB_TABLE = -0x2C2,
    HKP_E_NEURO_HYB_POLICY = -0x2C3,
    HKP_E_NEURO_HYB_EXPIRED = -0x2C4,
    HKP_E_NEURO_HYB_AUTH = -0x2C5,
    HKP_E_NEURO_HYB_PADDING = -0x2C6,
    HKP_E_NEURO_HYB_REPLAY = -0x2C7
};

/** Keys of one key id, for both directions; wipe it when it is done with. */
struct hkp_neuro_hyb_secret {
    uint8_t key_id[16];
    uint8_t aead[32];
    uint8_t layer[32];
    uint8_t token[32];
    uint32_t origin;
    uint32_t zero;
    /** Unix seconds */
    uint64_t made_s;
    /** messages sealed so far */
    uint64_t sealed;
    /** the HMAC of aead, begun */
    uint64_t keyed[26];
};

/** A map of the text under a key of its own, below the AEAD (LAB-8.4); its own inverse. No claim is made of
 * it. */
struct hkp_neuro_hyb_layer {
    void *user;
    /** HKP_OK, or what hkp_neuro_hyb_seal() and hkp_neuro_hyb_open() then return */
    int32_t (*apply)(void *user, const uint8_t key[32], const uint8_t iv[8], uint8_t *data, size_t len);
};

/** Salts that were seen; one thread at a time. */
typedef struct hkp_neuro_hyb_replay hkp_neuro_hyb_replay;

struct hkp_neuro_hyb_replay_options {
    uint32_t struct_size;
    /** messages that live at once, 4,096..16,777,216; 0: 4,096. Each takes 40 bytes. */
    uint32_t capacity;
    /** required, for the order of the salts in memory */
    struct hkp_rng rng;
    /** zero: malloc and free */
    struct hkp_mem mem;
};

/** How messages are sealed and opened. */
struct hkp_neuro_hyb_options {
    uint32_t struct_size;
    /** HKP_NEURO_HYB_CHACHA20_POLY1305 (0: this) or HKP_NEURO_HYB_AES256_GCM; sealing only */
    uint32_t suite;
    /** the table's level or above; 0: the table's level; sealing only */
    uint32_t policy;
    /** 1: the layer below the AEAD; sealing only */
    uint32_t neural;
    /** Unix seconds; sealing only */
    uint64_t expires_s;
    /** Unix seconds, now */
    uint64_t now_s;
    /** for neural = 1; a build without the lab has none */
    struct hkp_neuro_hyb_layer layer;
    /** 24 bytes of salt for each message; required for sealing */
    struct hkp_rng rng;
    /** required to open what is RESTRICTED; or NULL; borrowed */
    hkp_neuro_hyb_replay *replay;
};

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: LAB-8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_hyb_options_init(struct hkp_neuro_hyb_options *opt, size_t struct_size);

/**
 * Fill options of a replay set with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: LAB-8.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_hyb_replay_options_init(struct hkp_neuro_hyb_replay_options *opt, size_t struct_size);

/**
 * Derive the keys of one key id from a master key.
 *
 * @param secret  written
 * @param key_id  public name of the master key
 * @param master  uniform: of the system's generator, of HTP EXPORT, or shared as in LAB-6.2
 * @param origin  HKP_NEURO_HYB_FROM_RANDOM, _EXPORT or _SHARED
 * @param now_s   Unix seconds
 *
 * @retval HKP_OK       derived
 * @retval HKP_E_INVAL  origin; nothing was written
 *
 * Cost: no allocation; four HMACs.
 * Source: LAB-8.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_hyb_keys_derive(struct hkp_neuro_hyb_secret *secret,
                                                          const uint8_t key_id[16], const uint8_t master[32],
                                                          uint32_t origin, uint64_t now_s);

/**
 * Bytes of a sealed message.
 *
 * @param policy  1..4
 * @param len     bytes of the intermediary, up to 1 MiB
 *
 * @return bytes; 0 for another policy or length
 *
 * Cost: none.
 * Source: LAB-8.2, LAB-8.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API size_t hkp_neuro_hyb_sealed_size(uint32_t policy, size_t len);

/**
 * Seal an intermediary.
 *
 * @param secret   counts the message
 * @param opt      how
 * @param bridge   the table that the intermediary is of
 * @param inter    [len] bytes, borrowed
 * @param len      1..1 MiB
 * @param dst      [cap] written on success; not overlapping inter
 * @param cap      at least hkp_neuro_hyb_sealed_size()
 * @param dst_len  bytes written; 0 on failure
 *
 * @retval HKP_OK                    sealed
 * @retval HKP_E_INVAL               options
 * @retval HKP_E_TOOBIG              options of a later version
 * @retval HKP_E_NEURO_HYB_PARAM     suite, policy or neural; or this machine or build has it not
 * @retval HKP_E_NEURO_HYB_POLICY    below the table's level, or RESTRICTED with a key that is not of EXPORT
 * @retval HKP_E_NEURO_HYB_KEY       CONFIDENTIAL or above, and the key has had its day or its 2^20 messages
 * @retval HKP_E_NEURO_HYB_EXPIRED   expires_s is not after now_s, or too far after it
 * @retval HKP_E_NEURO_HYB_LENGTH    len is out of range
 * @retval HKP_E_NOSPC               cap is too small
 * @retval HKP_E_CALLBACK            no randomness
 *
 * Cost: no allocation; two HMACs and one pass of the AEAD.
 * Source: LAB-8.2 to 8.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_hyb_seal(struct hkp_neuro_hyb_secret *secret,
                                                   const struct hkp_neuro_hyb_options *opt,
                                                   const struct hkp_neuro_bridge *bridge,
                                                   const uint8_t *inter, size_t len, uint8_t *dst, size_t cap,
                                                   size_t *dst_len);

/**
 * Open a sealed message and check the intermediary in it.
 *
 * Over a network let all errors up to AUTH look the same to the peer.
 *
 * @param secret   keys, unchanged
 * @param opt      now_s, and the replay set, which takes the salt
 * @param bridge   the table that the message must be of
 * @param sealed   [len] bytes, borrowed; hostile
 * @param len      any
 * @param dst      [cap] the intermediary; nothing of it is left there on failure; not overlapping sealed
 * @param cap      at least len - HKP_NEURO_HYB_OVERHEAD
 * @param dst_len  bytes of the intermediary; 0 on failure
 *
 * @retval HKP_OK                   opened
 * @retval HKP_E_INVAL              options
 * @retval HKP_E_TOOBIG             options of a later version
 * @retval HKP_E_NOSPC              cap is too small
 * @retval HKP_E_NEURO_HYB_LENGTH   no message has this length
 * @retval HKP_E_NEURO_HYB_VERSION  not a sealed message of this version
 * @retval HKP_E_NEURO_HYB_PARAM    suite, policy or neural; or this machine or build has it not
 * @retval HKP_E_NEURO_HYB_KEY      another key id
 * @retval HKP_E_NEURO_HYB_TABLE    another table
 * @retval HKP_E_NEURO_HYB_POLICY   below the table's level, or RESTRICTED with a key that is not of EXPORT
 * @retval HKP_E_NEURO_HYB_EXPIRED  over, or longer than its policy allows
 * @retval HKP_E_NEURO_HYB_AUTH     not sealed with this key
 * @retval HKP_E_NEURO_HYB_PADDING  padding is not zero, or not the least
 * @retval HKP_E_NEURO_HYB_REPLAY   seen before, no room to remember it, or RESTRICTED without a replay set
 * @retval HKP_E_NEURO_BR_*         as hkp_neuro_bridge_check()
 *
 * Cost: no allocation; two HMACs and one pass of the AEAD.
 * Source: LAB-8.3 to 8.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_hyb_open(const struct hkp_neuro_hyb_secret *secret,
                                                   const struct hkp_neuro_hyb_options *opt,
                                                   const struct hkp_neuro_bridge *bridge,
                                                   const uint8_t *sealed, size_t len, uint8_t *dst,
                                                   size_t cap, size_t *dst_len);

/**
 * A token of one value: equal values of one context, field and epoch have equal tokens, and nothing else
 * shows.
 *
 * Who holds the key can guess values of small sets.
 *
 * @param secret       keys, unchanged
 * @param policy       of the message that the value is of; RESTRICTED has no tokens
 * @param context      [context_len] bytes, borrowed
 * @param context_len  1..64
 * @param field_id     0..65535
 * @param epoch        any
 * @param value        [len] the value's canonical CBOR, borrowed
 * @param len          at least 1
 * @param token        written on success
 *
 * @retval HKP_OK                  written
 * @retval HKP_E_NEURO_HYB_PARAM   policy, context_len, field_id or len
 * @retval HKP_E_NEURO_HYB_POLICY  RESTRICTED
 *
 * Cost: no allocation; one HMAC.
 * Source: LAB-7.11, LAB-8.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_hyb_token(const struct hkp_neuro_hyb_secret *secret,
                                                    uint32_t policy, const uint8_t *context,
                                                    size_t context_len, uint32_t field_id, uint32_t epoch,
                                                    const uint8_t *value, size_t len, uint8_t token[16]);

/**
 * Make a replay set.
 *
 * @param out  written on success; free it with hkp_neuro_hyb_replay_free()
 * @param opt  options
 *
 * @retval HKP_OK          made
 * @retval HKP_E_INVAL     options
 * @retval HKP_E_TOOBIG    options of a later version
 * @retval HKP_E_NOMEM     no memory
 * @retval HKP_E_CALLBACK  no randomness
 *
 * Cost: one allocation.
 * Source: LAB-8.3, LAB-10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_hyb_replay_new(hkp_neuro_hyb_replay **out,
                                                         const struct hkp_neuro_hyb_replay_options *opt);

/**
 * Free a replay set.
 *
 * @param replay  or NULL
 *
 * Cost: none.
 * Source: LAB-8.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_hyb_replay_free(hkp_neuro_hyb_replay *replay);

#ifdef __cplusplus
}
#endif

#endif
