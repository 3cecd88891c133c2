/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * EXPERIMENT: these ciphers are broken by the attacks in "hookprobe lab attack". Do not protect anything with
 * them. (LAB-1.3)
 *
 * The lab of libneuro, built only with -Dlab=true, as a library of its own, libhookprobe-neuro-lab.a: integer
 * networks as ciphers, their architecture as part of the key, training, rotation, shared keys, and attacks
 * with figures. Nothing here is constant-time, and nothing in the five libraries uses it. What real data
 * needs is in <hookprobe/neuro/bridge.h>. Source of all of it: lab.md sections 2 to 6.
 */
#ifndef HOOKPROBE_NEURO_LAB_H
#define HOOKPROBE_NEURO_LAB_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HKP_NEURO_LAB_WARNING                                                                                \
    "EXPERIMENT: this cipher is broken by the attacks in \"hookprobe lab attack\". Do not protect anything " \
    "with it."

/* Activations (LAB-2.1). */
enum { HKP_NEURO_LAB_RELU = 0, HKP_NEURO_LAB_TANH = 1, HKP_NEURO_LAB_SIGMOID = 2 };

/* Limits (LAB-2.1, 3.1, 4.5, 6.2). */
enum {
    HKP_NEURO_LAB_ARCHS = 4080,
    HKP_NEURO_LAB_DEPTH_MAX = 5,
    HKP_NEURO_LAB_WIDTH_MAX = 512,
    HKP_NEURO_LAB_ROUNDS = 16,
    HKP_NEURO_LAB_ROUNDS_MAX = 32,
    HKP_NEURO_LAB_STEPS_MAX = 100000,
    HKP_NEURO_LAB_BATCH_MAX = 256,
    HKP_NEURO_LAB_TRIES = 64,
    HKP_NEURO_LAB_PARTIES_MAX = 16,
    HKP_NEURO_LAB_AVERAGE_ROUNDS_MAX = 64,
    HKP_NEURO_LAB_ABORTS_MAX = 3
};

/** An architecture (LAB-2.1). */
struct hkp_neuro_lab_arch {
    /** 0..4079 */
    uint32_t index;
    /** HKP_NEURO_LAB_RELU, _TANH or _SIGMOID */
    uint32_t act;
    /** hidden layers, 2..5 */
    uint32_t depth;
    /** units of each: 64, 128, 256 or 512; beyond depth 0 */
    uint32_t widths[5];
};

typedef struct hkp_neuro_lab_nc1 hkp_neuro_lab_nc1;
typedef struct hkp_neuro_lab_nc0 hkp_neuro_lab_nc0;

/**
 * The architecture of an index.
 *
 * @param index  0..4079
 * @param arch   written
 * @retval HKP_OK                done
 * @retval HKP_E_NEURO_LAB_ARCH  no such index; arch is zero
 * Cost: O(1). Source: LAB-2.1. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_arch_get(uint32_t index, struct hkp_neuro_lab_arch *arch);

/**
 * The index that a key chooses.
 *
 * @param key  32 bytes, secret
 * @return 0..4079
 * Cost: one HMAC. Source: LAB-2.2. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_arch_index(const uint8_t key[32]);

/**
 * Weights and biases of one round of NC1.
 *
 * @param arch  from hkp_neuro_lab_arch_get()
 * @return their number, 4740..1055236
 * Cost: O(1). Source: LAB-3.2. Since: hookprobe-neuro 0.1
 */
uint64_t hkp_neuro_lab_nc1_params(const struct hkp_neuro_lab_arch *arch);

/**
 * An activation.
 *
 * @param act  HKP_NEURO_LAB_RELU, _TANH or _SIGMOID
 * @param z    Q16
 * @return Q15, -32767..32767
 * Cost: O(1). Source: LAB-2.3. Since: hookprobe-neuro 0.1
 */
int32_t hkp_neuro_lab_act(uint32_t act, int64_t z);

/**
 * Make the coupling network of a key: its architecture and its weights.
 *
 * @param nc1     receives the object; hkp_neuro_lab_nc1_free()
 * @param mem     allocator, or NULL for malloc; it may refuse: at most 67 MB are asked for at once
 * @param key     32 bytes, secret
 * @param rounds  1..32; 16 is usual
 * @retval HKP_OK                  made
 * @retval HKP_E_INVAL             nc1 or key is NULL, or half an allocator
 * @retval HKP_E_NEURO_LAB_ROUNDS  rounds
 * @retval HKP_E_NEURO_LAB_LIMIT   the allocator has no such memory; *nc1 is NULL
 * Cost: ChaCha20 of all weights. Source: LAB-3.3, LAB-3.4. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc1_new(hkp_neuro_lab_nc1 **nc1, const struct hkp_mem *mem, const uint8_t key[32],
                                 uint32_t rounds);

/**
 * The same with an architecture that the caller names, and the key of the weights.
 *
 * @param nc1         as hkp_neuro_lab_nc1_new()
 * @param mem         as hkp_neuro_lab_nc1_new()
 * @param weight_key  K_w, 32 bytes: hkp_neuro_lab_weight_key()
 * @param index       0..4079
 * @param rounds      1..32
 * @retval HKP_E_NEURO_LAB_ARCH  index; the others as hkp_neuro_lab_nc1_new(), rounds first
 * Cost: as hkp_neuro_lab_nc1_new(). Source: LAB-3.4. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc1_new_arch(hkp_neuro_lab_nc1 **nc1, const struct hkp_mem *mem,
                                      const uint8_t weight_key[32], uint32_t index, uint32_t rounds);

/**
 * K_w of a key.
 *
 * @param key         32 bytes, secret
 * @param weight_key  32 bytes, written
 * Cost: one HMAC. Source: LAB-3.3. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_weight_key(const uint8_t key[32], uint8_t weight_key[32]);

/**
 * Wipe and free; NULL is allowed.
 *
 * @param nc1  the object or NULL
 * Cost: O(weights). Source: LAB-3.4. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc1_free(hkp_neuro_lab_nc1 *nc1);

/**
 * One block; equal blocks give equal output.
 *
 * @param nc1  the object
 * @param in   16 bytes
 * @param out  16 bytes, may be in
 * Cost: rounds x weights multiplications. Source: LAB-3.1. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc1_encrypt(const hkp_neuro_lab_nc1 *nc1, const uint8_t in[16], uint8_t out[16]);

/**
 * The inverse of hkp_neuro_lab_nc1_encrypt(), exact for every network.
 *
 * @param nc1  the object
 * @param in   16 bytes
 * @param out  16 bytes, may be in
 * Cost: as hkp_neuro_lab_nc1_encrypt(). Source: LAB-3.1. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc1_decrypt(const hkp_neuro_lab_nc1 *nc1, const uint8_t in[16], uint8_t out[16]);

/**
 * Counter mode: both directions are this.
 *
 * @param nc1  the object
 * @param iv   8 bytes, never twice with one key
 * @param in   len bytes
 * @param out  len bytes, may be in
 * @param len  any
 * Cost: one block for 16 bytes. Source: LAB-3.4. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc1_ctr(const hkp_neuro_lab_nc1 *nc1, const uint8_t iv[8], const uint8_t *in, uint8_t *out,
                           size_t len);

/** NC1 below the AEAD of the hybrid; plain memory, all zero at first. Secret. */
struct hkp_neuro_lab_layer {
    /** zero: malloc and free */
    struct hkp_mem mem;
    /** of the key that was used last */
    hkp_neuro_lab_nc1 *nc1;
    uint8_t key[32];
};

/**
 * The layer of a sealed message with neural = 1: NC1 of 16 rounds in counter mode.
 *
 * It is what hkp_neuro_hyb_options.layer.apply takes, with a struct hkp_neuro_lab_layer as its user. No claim
 * is made of it: the AEAD above it protects the message.
 *
 * @param user  a struct hkp_neuro_lab_layer; hkp_neuro_lab_layer_end()
 * @param key   K_nc1, 32 bytes
 * @param iv    8 bytes, the first of the salt
 * @param data  len bytes, changed in place
 * @param len   any
 * @retval HKP_OK                 done
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory for the weights; data is as before
 * Cost: one block for 16 bytes; with another key than last time all weights. Source: LAB-8.4. Since:
 * hookprobe-neuro 0.1
 */
int32_t hkp_neuro_lab_layer_apply(void *user, const uint8_t key[32], const uint8_t iv[8], uint8_t *data,
                                  size_t len);

/**
 * Wipe and free what a layer keeps; it may be used again.
 *
 * @param layer  the layer
 * Cost: O(weights). Source: LAB-8.4. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_layer_end(struct hkp_neuro_lab_layer *layer);

/** How a trained pair is made (LAB-4.5). */
struct hkp_neuro_lab_nc0_options {
    uint32_t struct_size;
    /** 0..4079, or UINT32_MAX: the one of the key */
    uint32_t index;
    /** 1: code of 128 words; 2: code of 128 signs */
    uint32_t form;
    /** S, 1..100000; 0: 2000 */
    uint32_t steps;
    /** step size, 1..65536; 0: 8192 */
    uint32_t lr;
    /** B, blocks of a step, 1..256; 0: 32 */
    uint32_t batch;
    struct hkp_mem mem;
};

/** Told after every 100 steps and at the end; not 0: stop. wrong of bits were decoded wrongly in that step.
 */
typedef int32_t (*hkp_neuro_lab_progress)(void *user, uint32_t step, uint32_t of, uint32_t wrong,
                                          uint32_t bits);

/** What hkp_neuro_lab_nc0_measure() found. */
struct hkp_neuro_lab_nc0_figures {
    uint64_t bits;
    uint64_t wrong_bits;
    uint64_t blocks;
    uint64_t wrong_blocks;
};

/**
 * An untrained pair of networks.
 *
 * @param nc0      receives the object; hkp_neuro_lab_nc0_free()
 * @param key      32 bytes, secret
 * @param options  copied
 * @retval HKP_OK                  made
 * @retval HKP_E_INVAL             an argument is NULL, or the options are too short
 * @retval HKP_E_NEURO_LAB_ARCH    index
 * @retval HKP_E_NEURO_LAB_RANGE   form, steps, lr or batch
 * @retval HKP_E_NEURO_LAB_LIMIT   no memory
 * Cost: O(weights). Source: LAB-4.1, LAB-4.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_new(hkp_neuro_lab_nc0 **nc0, const uint8_t key[32],
                                 const struct hkp_neuro_lab_nc0_options *options);

/**
 * Train on, for so many steps or to the end.
 *
 * @param nc0        the object
 * @param max_steps  steps of this call
 * @param progress   called after every 100 steps and at the end, or NULL
 * @param user       for progress
 * @retval HKP_OK                     done, or all steps of the run were
 * @retval HKP_E_NEURO_LAB_CANCELLED  progress said so; the next call goes on
 * Cost: 6 x weights x batch multiplications a step. Source: LAB-4.4. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_train(hkp_neuro_lab_nc0 *nc0, uint32_t max_steps,
                                   hkp_neuro_lab_progress progress, void *user);

/**
 * Steps done of those to do, and the architecture.
 *
 * @param nc0   the object
 * @param of    written: all steps; or NULL
 * @param arch  written; or NULL
 * @return steps done
 * Cost: O(1). Source: LAB-4.5. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_nc0_steps(const hkp_neuro_lab_nc0 *nc0, uint32_t *of, struct hkp_neuro_lab_arch *arch);

/**
 * Bytes of an encrypted block: 257 in form 1, 17 in form 2.
 *
 * @param nc0  the object
 * @return 257 or 17
 * Cost: O(1). Source: LAB-4.7. Since: hookprobe-neuro 0.1
 */
size_t hkp_neuro_lab_nc0_size(const hkp_neuro_lab_nc0 *nc0);

/**
 * One block; what is sent decodes exactly, or it is refused.
 *
 * @param nc0  a pair whose training is complete
 * @param in   16 bytes
 * @param out  hkp_neuro_lab_nc0_size() bytes
 * @retval HKP_OK                       out is complete
 * @retval HKP_E_NEURO_LAB_STATE        not trained to the end
 * @retval HKP_E_NEURO_LAB_UNENCODABLE  no try of 64 decodes; out is zero
 * Cost: 1 to 64 passes of both networks. Source: LAB-4.7. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_encrypt(const hkp_neuro_lab_nc0 *nc0, const uint8_t in[16], uint8_t *out);

/**
 * The inverse. There is no authentication: an altered block decodes to something.
 *
 * @param nc0  a pair whose training is complete
 * @param in   the block
 * @param len  its bytes
 * @param out  16 bytes
 * @retval HKP_OK                  out is complete
 * @retval HKP_E_NEURO_LAB_STATE   not trained to the end
 * @retval HKP_E_NEURO_LAB_LENGTH  len
 * @retval HKP_E_NEURO_LAB_RANGE   a try above 63, or a word that no code has; out is zero
 * Cost: one pass. Source: LAB-4.7. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_decrypt(const hkp_neuro_lab_nc0 *nc0, const uint8_t *in, size_t len,
                                     uint8_t out[16]);

/**
 * The code of a block, without the check of LAB-4.7, at any time of the training.
 *
 * @param nc0   the object
 * @param in    16 bytes
 * @param code  128 words, -32767..32767; form 2: only these two
 * Cost: one pass of the encoder. Source: LAB-4.3. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc0_code(const hkp_neuro_lab_nc0 *nc0, const uint8_t in[16], int16_t code[128]);

/**
 * The block of a code.
 *
 * @param nc0   the object
 * @param code  128 words
 * @param out   16 bytes
 * Cost: one pass of the decoder. Source: LAB-4.3. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc0_decode(const hkp_neuro_lab_nc0 *nc0, const int16_t code[128], uint8_t out[16]);

/**
 * Encode and decode fresh blocks, and count what comes back wrong.
 *
 * @param nc0      the object, at any time of the training
 * @param decoder  whose decoder; NULL: its own
 * @param blocks   1..1000000
 * @param seed     32 bytes that choose the blocks
 * @param figures  written
 * Cost: one pass of both networks a block. Source: LAB-4.5, LAB-5.6. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc0_measure(const hkp_neuro_lab_nc0 *nc0, const hkp_neuro_lab_nc0 *decoder,
                               uint32_t blocks, const uint8_t seed[32],
                               struct hkp_neuro_lab_nc0_figures *figures);

/**
 * SHA-256 over all weights: for comparison of runs and builds.
 *
 * @param nc0   the object
 * @param hash  32 bytes, written
 * Cost: O(weights). Source: LAB-4.6. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc0_hash(const hkp_neuro_lab_nc0 *nc0, uint8_t hash[32]);

/**
 * Share of weights that two pairs of one architecture have in common, in millionths.
 *
 * @param a  a pair
 * @param b  another
 * @return 0..1000000; 0 where the architectures differ
 * Cost: O(weights). Source: LAB-6.1. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_nc0_common_ppm(const hkp_neuro_lab_nc0 *a, const hkp_neuro_lab_nc0 *b);

/**
 * The pair as a file, which is the key.
 *
 * @param nc0     the object
 * @param forget  1: leave the key out; only when the training is complete
 * @param dst     written, or NULL to learn the length
 * @param cap     bytes at dst
 * @param len     written: bytes of the file
 * @retval HKP_OK                 written, or len told
 * @retval HKP_E_NEURO_LAB_STATE  forget before the end of training
 * @retval HKP_E_NOSPC            cap is too small; len is told
 * Cost: O(weights). Source: LAB-4.6. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_save(const hkp_neuro_lab_nc0 *nc0, int32_t forget, uint8_t *dst, size_t cap,
                                  size_t *len);

/**
 * The pair of a file.
 *
 * @param nc0  receives the object
 * @param mem  allocator, or NULL for malloc
 * @param in   the file
 * @param len  its bytes
 * @retval HKP_OK                 made; a training that was not complete goes on from there
 * @retval HKP_E_INVAL            an argument is NULL, or half an allocator
 * @retval HKP_E_NEURO_LAB_FILE   length, magic, version, zeros, ranges or digest
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: O(weights). Source: LAB-4.6. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_nc0_load(hkp_neuro_lab_nc0 **nc0, const struct hkp_mem *mem, const uint8_t *in,
                                  size_t len);

/**
 * Wipe and free; NULL is allowed.
 *
 * @param nc0  the object or NULL
 * Cost: O(weights). Source: LAB-4.5. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_nc0_free(hkp_neuro_lab_nc0 *nc0);

/** What hkp_neuro_lab_attack_differential() counted. */
struct hkp_neuro_lab_differential {
    /** blocks encrypted */
    uint64_t queries;
    /** bits that differ, over all pairs; 64 a pair is ideal */
    uint64_t flipped;
    /** pairs with all eight words within +-256 of each other; ideal 1e-17 of them */
    uint64_t near_pairs;
};

/**
 * Chosen plaintext: pairs that differ in the last bit.
 *
 * @param nc1     the target
 * @param pairs   1..
 * @param seed    32 bytes that choose the blocks
 * @param result  written
 * Cost: two blocks a pair. Source: LAB-5.2. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_attack_differential(const hkp_neuro_lab_nc1 *nc1, uint32_t pairs, const uint8_t seed[32],
                                       struct hkp_neuro_lab_differential *result);

/** What hkp_neuro_lab_attack_brute() found. */
struct hkp_neuro_lab_brute {
    /** architectures tried, and those that decrypt the pair */
    uint32_t tried, matches;
    /** the last that did, or 4080 */
    uint32_t found;
    uint32_t reserved;
    /** flipped bits over all that did not; 64 each is noise */
    uint64_t wrong_distance;
};

/**
 * All 4080 architectures, with the key of the weights and one known pair.
 *
 * @param weight_key  K_w, 32 bytes
 * @param rounds      1..32
 * @param plain       16 bytes
 * @param cipher      their block
 * @param progress    called after every 100 with step, of and matches, or NULL; not 0 stops
 * @param user        for progress
 * @param result      written
 * @return the architecture that was found, or 4080
 * Cost: the weights of all architectures, about a minute at 16 rounds. Source: LAB-2.5. Since:
 * hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_attack_brute(const uint8_t weight_key[32], uint32_t rounds, const uint8_t plain[16],
                                    const uint8_t cipher[16], hkp_neuro_lab_progress progress, void *user,
                                    struct hkp_neuro_lab_brute *result);

/**
 * Known plaintext: an affine map from words of small range to the right half of the block.
 *
 * @param nc1       the target
 * @param pairs     seen, 16..; as many fresh ones judge the fit
 * @param seed      32 bytes that choose the blocks
 * @param hits_ppm  written: top 4 bits predicted, in millionths; chance is 62500
 * @retval HKP_OK                 done
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: two blocks a pair. Source: LAB-5.3. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_attack_fit_nc1(const hkp_neuro_lab_nc1 *nc1, uint32_t pairs, const uint8_t seed[32],
                                        uint32_t *hits_ppm);

/**
 * Known plaintext: an affine map from the code to the bits of the block, which replaces the decoder.
 *
 * @param nc0       the target
 * @param pairs     seen, 129..
 * @param seed      32 bytes that choose the blocks
 * @param bits_ppm  written: bits of 200 fresh blocks read rightly, in millionths; chance is 500000
 * @retval HKP_OK                 done
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: 129 x 257 multiplications a pair. Source: LAB-5.3. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_attack_fit_nc0(const hkp_neuro_lab_nc0 *nc0, uint32_t pairs, const uint8_t seed[32],
                                        uint32_t *bits_ppm);

/** What hkp_neuro_lab_attack_clone() found. */
struct hkp_neuro_lab_clone {
    /** blocks that the clone learned from */
    uint64_t queries;
    /** words of fresh blocks that it was asked for */
    uint64_t words;
    /** of those, within 1/16 of the circle; 6.25 % by chance */
    uint64_t hits;
    /** of the right halves alone, half as many words: what the last round changed */
    uint64_t right_hits;
};

/**
 * Model extraction: a network of 256 and 256 units learns the answers to chosen blocks of small words.
 *
 * @param nc1       the target
 * @param queries   blocks asked, 1..1048576
 * @param steps     batches of 32 that are learned, 1..
 * @param seed      32 bytes that choose blocks and first weights
 * @param progress  called after every 100 steps with step and of, or NULL; not 0 stops
 * @param user      for progress
 * @param result    written, also after a stop
 * @retval HKP_OK                     done
 * @retval HKP_E_NEURO_LAB_CANCELLED  progress said so
 * @retval HKP_E_NEURO_LAB_LIMIT      no memory
 * Cost: 14 million floating-point operations a step. Source: LAB-5.4. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_attack_clone(const hkp_neuro_lab_nc1 *nc1, uint32_t queries, uint32_t steps,
                                      const uint8_t seed[32], hkp_neuro_lab_progress progress, void *user,
                                      struct hkp_neuro_lab_clone *result);

/**
 * Robustness: uniform noise on the code.
 *
 * @param nc0      the target
 * @param bits     noise of +-2^bits, 1..14
 * @param blocks   1..
 * @param seed     32 bytes that choose blocks and noise
 * @param figures  written
 * Cost: one pass of both networks a block. Source: LAB-5.5. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_attack_noise(const hkp_neuro_lab_nc0 *nc0, uint32_t bits, uint32_t blocks,
                                const uint8_t seed[32], struct hkp_neuro_lab_nc0_figures *figures);

/** What hkp_neuro_lab_attack_flip() found. */
struct hkp_neuro_lab_flip {
    /** blocks tried, and those where it went */
    uint32_t blocks, reached;
    /** words changed, median over all blocks; 129: most did not go */
    uint32_t median;
    uint32_t reserved;
};

/**
 * Robustness: words of a code are changed, the steepest first, until one chosen bit decodes to the other
 * value and no other bit does.
 *
 * @param nc0     the target; its decoder is used
 * @param blocks  1..
 * @param seed    32 bytes that choose blocks and bits
 * @param result  written
 * Cost: up to 4,864 passes of the decoder a block. Source: LAB-5.5. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_attack_flip(const hkp_neuro_lab_nc0 *nc0, uint32_t blocks, const uint8_t seed[32],
                               struct hkp_neuro_lab_flip *result);

/**
 * Malleability: an affine map from bits to code, fitted to known pairs, tells how a code is bent so that one
 * chosen bit changes and no other.
 *
 * @param nc0         the target
 * @param pairs       seen, 129..
 * @param trials      blocks that are bent, 1..
 * @param seed        32 bytes that choose blocks and bits
 * @param forced_ppm  written: trials where it went, in millionths
 * @retval HKP_OK                 done
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: 129 x 257 multiplications a pair. Source: LAB-5.5. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_attack_bend(const hkp_neuro_lab_nc0 *nc0, uint32_t pairs, uint32_t trials,
                                     const uint8_t seed[32], uint32_t *forced_ppm);

/**
 * The key of the next generation.
 *
 * @param key         K of generation - 1, 32 bytes
 * @param generation  g, 1..
 * @param fresh       32 bytes from the system, under a session or the hybrid, never under a lab cipher
 * @param next        32 bytes, written; may be key
 * Cost: one HMAC. Source: LAB-6.1. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_rotate(const uint8_t key[32], uint32_t generation, const uint8_t fresh[32],
                          uint8_t next[32]);

/** One party's side of a shared key; plain memory, all zero at first. Secret. */
struct hkp_neuro_lab_share {
    uint8_t session[32];
    /** parties, 2..16, and the own place */
    uint32_t n, self;
    /** bit i: the commit, the secret of party i is held */
    uint32_t commits, reveals;
    uint8_t commit[16][32];
    uint8_t secret[16][32];
    uint8_t blind[32];
};

/**
 * Begin: the own secret and its commit, which goes to all.
 *
 * @param share    written
 * @param session  32 bytes, agreed on and unused
 * @param n        parties, 2..16
 * @param self     the own place, below n
 * @param secret   s_i, 32 fresh random bytes
 * @param blind    r_i, 32 fresh random bytes
 * @retval HKP_OK                 share->commit[self] is to be sent
 * @retval HKP_E_NEURO_LAB_RANGE  n or self
 * Cost: one SHA-256. Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_share_begin(struct hkp_neuro_lab_share *share, const uint8_t session[32], uint32_t n,
                                     uint32_t self, const uint8_t secret[32], const uint8_t blind[32]);

/**
 * A commit came.
 *
 * @param share   the own side
 * @param i       whose; by the session that it came in
 * @param commit  32 bytes
 * @retval HKP_OK                  held; the own secret may be revealed when hkp_neuro_lab_share_open() says
 * so
 * @retval HKP_E_NEURO_LAB_RANGE   i
 * @retval HKP_E_NEURO_LAB_COMMIT  another commit of i is held: the session ends
 * Cost: O(1). Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_share_commit(struct hkp_neuro_lab_share *share, uint32_t i,
                                      const uint8_t commit[32]);

/**
 * Whether all commits are held, so that secrets may be revealed.
 *
 * @param share  the own side
 * @return 1 or 0
 * Cost: O(1). Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
int32_t hkp_neuro_lab_share_open(const struct hkp_neuro_lab_share *share);

/**
 * A secret came.
 *
 * @param share   the own side
 * @param i       whose
 * @param secret  s_i
 * @param blind   r_i
 * @retval HKP_OK                  held
 * @retval HKP_E_NEURO_LAB_RANGE   i
 * @retval HKP_E_NEURO_LAB_STATE   not all commits are held: nothing is taken, nothing may be revealed
 * @retval HKP_E_NEURO_LAB_COMMIT  not what i committed to: the session ends
 * Cost: one SHA-256. Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_share_reveal(struct hkp_neuro_lab_share *share, uint32_t i, const uint8_t secret[32],
                                      const uint8_t blind[32]);

/**
 * The key that all have; wipes the secrets.
 *
 * @param share  all secrets are held
 * @param key    32 bytes, written
 * @retval HKP_OK                 written; share is zero
 * @retval HKP_E_NEURO_LAB_STATE  a secret is missing
 * Cost: one SHA-256 and one HMAC. Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_share_key(struct hkp_neuro_lab_share *share, uint8_t key[32]);

/** Who made sessions end; plain memory, all zero at first. */
struct hkp_neuro_lab_aborts {
    /** of each place, as this party saw it itself */
    uint32_t count[16];
};

/**
 * A session ended because of party i, which withheld its secret or revealed another one.
 *
 * @param aborts  counted on
 * @param i       whose fault it was, below 16
 * @retval HKP_OK                 it may take part in another session
 * @retval HKP_E_NEURO_LAB_ABORT  it was the third: i takes part no more
 * @retval HKP_E_NEURO_LAB_RANGE  i
 * Cost: O(1). Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_share_aborted(struct hkp_neuro_lab_aborts *aborts, uint32_t i);

/* Where a party of a shared key is: it waits for the commits, lists, secrets, confirmations of all. */
enum {
    HKP_NEURO_LAB_COMMITS = 0,
    HKP_NEURO_LAB_LISTS = 1,
    HKP_NEURO_LAB_REVEALS = 2,
    HKP_NEURO_LAB_CONFIRMS = 3,
    /** hkp_neuro_lab_party_key() gives the key */
    HKP_NEURO_LAB_DONE = 4,
    /** without a key, or the key was taken */
    HKP_NEURO_LAB_ENDED = 5,
    /** most bytes of a message */
    HKP_NEURO_LAB_MESSAGE_MAX = 66
};

/** A party of a shared key, as messages; plain memory. Secret. */
struct hkp_neuro_lab_party {
    struct hkp_neuro_lab_share share;
    /** HKP_NEURO_LAB_COMMITS.. */
    uint32_t stage;
    uint32_t attempt;
    /** bit i: the list, the confirmation of party i is held */
    uint32_t lists, confirms;
    /** by type of message: bit i: pulled for party i */
    uint32_t sent[6];
    /** bit i: the fault of party i, as this party saw it itself */
    uint32_t named;
    /** why it ended */
    hkp_status fault;
    uint8_t list[16][32];
};

/**
 * Begin one session of LAB-6.2: pull hkp_neuro_lab_party_send() for each peer, and again after each message.
 *
 * Secrets are told when all parties have shown that they hold the same commits; a key is given when all have
 * confirmed that they hold all secrets.
 *
 * @param party    written
 * @param session  32 bytes, agreed on and unused
 * @param n        parties, 2..16
 * @param self     the own place, below n
 * @param attempt  0..255, which of the sessions of these parties: messages of another are ignored
 * @param secret   s_i, 32 fresh random bytes
 * @param blind    r_i, 32 fresh random bytes
 * @retval HKP_OK                 begun
 * @retval HKP_E_NEURO_LAB_RANGE  n, self or attempt
 * Cost: one SHA-256. Source: LAB-6.2, decision 0551. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_party_begin(struct hkp_neuro_lab_party *party, const uint8_t session[32], uint32_t n,
                                     uint32_t self, uint32_t attempt, const uint8_t secret[32],
                                     const uint8_t blind[32]);

/**
 * A message came. Whatever is wrong with it ends the session: party->named tells whose fault it is.
 *
 * @param party  the own side
 * @param from   whose; by the authenticated session that it came in
 * @param msg    the message
 * @param len    its bytes
 * @retval HKP_OK                  taken, or of another attempt
 * @retval HKP_E_NEURO_LAB_RANGE   from
 * @retval HKP_E_NEURO_LAB_COMMIT  ended: another commit or secret than before, or two parties hold different
 *         commits, which names nobody
 * @retval HKP_E_NEURO_LAB_STATE   ended: a secret or a confirmation before its time
 * @retval HKP_E_NEURO_LAB_LENGTH  ended: no message
 * @retval HKP_E_NEURO_LAB_ABORT   ended: the peer did, and names nobody
 * Cost: two SHA-256. Source: LAB-6.2, decision 0551. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_party_recv(struct hkp_neuro_lab_party *party, uint32_t from, const uint8_t *msg,
                                    size_t len);

/**
 * The next message for a peer.
 *
 * @param party  the own side
 * @param to     the peer's place
 * @param msg    HKP_NEURO_LAB_MESSAGE_MAX bytes, written
 * @return its bytes; 0: none now
 * Cost: O(1). Source: LAB-6.2, decision 0551. Since: hookprobe-neuro 0.1
 */
size_t hkp_neuro_lab_party_send(struct hkp_neuro_lab_party *party, uint32_t to, uint8_t msg[66]);

/**
 * The caller has waited long enough: who did not send what this stage needs is named, and the session ends.
 *
 * Parties that wait for commits are asked first: who waits for a list waits for them.
 *
 * @param party  the own side
 * @return party->named
 * Cost: O(1). Source: LAB-6.2, decision 0551. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_party_expire(struct hkp_neuro_lab_party *party);

/**
 * The key that all have; wipes the party.
 *
 * @param party  the own side
 * @param key    32 bytes, written
 * @retval HKP_OK                 written
 * @retval HKP_E_NEURO_LAB_STATE  not all have confirmed, or the session ended; key is as before
 * Cost: as hkp_neuro_lab_share_key(). Source: LAB-6.2. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_party_key(struct hkp_neuro_lab_party *party, uint8_t key[32]);

/**
 * Bytes of all weights of a pair, as parties send them: BE32, layer by layer.
 *
 * @param nc0  a pair
 * @return 4 x its weights and biases
 * Cost: O(1). Source: LAB-6.3. Since: hookprobe-neuro 0.1
 */
size_t hkp_neuro_lab_average_size(const hkp_neuro_lab_nc0 *nc0);

/**
 * What a party's round makes of the pair that all have; the SHA-256 of it is what the party commits to first.
 *
 * @param nc0      the pair of all before this round; not changed
 * @param secret   s_i of that party, 32 bytes
 * @param round    q, 0..63, the one that comes next
 * @param steps    E, the same in each round; the pair was made for all of them
 * @param weights  hkp_neuro_lab_average_size() bytes, written
 * @retval HKP_OK                 written
 * @retval HKP_E_NEURO_LAB_RANGE  round or steps
 * @retval HKP_E_NEURO_LAB_STATE  not the round that comes next, or more steps than are left
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: steps of training. Source: LAB-6.3. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_average_round(const hkp_neuro_lab_nc0 *nc0, const uint8_t secret[32], uint32_t round,
                                       uint32_t steps, uint8_t *weights);

/**
 * Do a party's round again, and compare.
 *
 * @param nc0      as hkp_neuro_lab_average_round()
 * @param secret   s_i of that party, known since the shared key was made
 * @param round    as hkp_neuro_lab_average_round()
 * @param steps    as hkp_neuro_lab_average_round()
 * @param commit   32 bytes that it sent before it saw another party's weights
 * @param weights  what it revealed, hkp_neuro_lab_average_size() bytes
 * @retval HKP_OK                  its round was done as agreed
 * @retval HKP_E_NEURO_LAB_COMMIT  not what it committed to
 * @retval HKP_E_NEURO_LAB_ROUND   not what its round makes
 * @retval HKP_E_NEURO_LAB_RANGE, HKP_E_NEURO_LAB_STATE, HKP_E_NEURO_LAB_LIMIT  as
 *         hkp_neuro_lab_average_round()
 * Cost: as hkp_neuro_lab_average_round(). Source: LAB-6.3. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_average_check(const hkp_neuro_lab_nc0 *nc0, const uint8_t secret[32], uint32_t round,
                                       uint32_t steps, const uint8_t commit[32], const uint8_t *weights);

/**
 * The pair of all after a round: floor of the mean of what the parties revealed.
 *
 * @param nc0      the pair of all before this round; changed when all is well
 * @param round    as hkp_neuro_lab_average_round()
 * @param steps    as hkp_neuro_lab_average_round()
 * @param n        parties, 2..16
 * @param weights  n of hkp_neuro_lab_average_size() bytes
 * @retval HKP_OK                 done; after the last round the pair is trained
 * @retval HKP_E_NEURO_LAB_RANGE  n, round, steps, or a weight that no training makes
 * @retval HKP_E_NEURO_LAB_STATE  as hkp_neuro_lab_average_round()
 * Cost: O(n x weights). Source: LAB-6.3. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_average_take(hkp_neuro_lab_nc0 *nc0, uint32_t round, uint32_t steps, uint32_t n,
                                      const uint8_t *const *weights);

#ifdef __cplusplus
}
#endif

#endif
