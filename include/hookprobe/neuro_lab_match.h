/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of the lab: the matcher of field names (LAB-7.10) and embeddings of records (LAB-7.11), built only
 * with -Dlab=true. The matcher proposes and never decides: its scores go into a draft that a person reads,
 * and no function of the bridge takes one. An embedding shows how alike records are to whoever sees it; it is
 * not for personal data.
 */
#ifndef HOOKPROBE_NEURO_LAB_MATCH_H
#define HOOKPROBE_NEURO_LAB_MATCH_H

#include <hookprobe/neuro_lab.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a field holds, as far as names tell it. */
enum {
    HKP_NEURO_LAB_MATCH_ANY = 0,
    HKP_NEURO_LAB_MATCH_BOOL = 1,
    HKP_NEURO_LAB_MATCH_NUMBER = 2,
    HKP_NEURO_LAB_MATCH_TEXT = 3,
    HKP_NEURO_LAB_MATCH_BYTES = 4,
    HKP_NEURO_LAB_MATCH_ENUM = 5,
    HKP_NEURO_LAB_MATCH_MESSAGE = 6
};

/** A field as the matcher sees it; texts end with a zero byte and are borrowed for the call. */
struct hkp_neuro_lab_match_field {
    /** read up to 128 bytes */
    const char *name;
    /** names of the fields around it; or NULL */
    const char *before, *after;
    /** a value as text; or NULL */
    const char *sample;
    /** HKP_NEURO_LAB_MATCH_* */
    uint32_t kind;
    /** messages above it, 0..8 */
    uint32_t depth;
};

typedef struct hkp_neuro_lab_matcher hkp_neuro_lab_matcher;

/** On names that no training saw: how often the best score was that of the right partner. */
struct hkp_neuro_lab_match_figures {
    /** held out, and each compared with as many */
    uint32_t names;
    uint32_t network;
    uint32_t edit_distance;
    uint32_t reserved;
};

/**
 * A network trained on the pairs of names that the lab brings along; always the same one.
 *
 * @param out  receives the object; hkp_neuro_lab_matcher_free()
 * @param mem  allocator, or NULL for malloc
 * @retval HKP_OK                 made
 * @retval HKP_E_INVAL            out is NULL, or half an allocator
 * @retval HKP_E_NEURO_LAB_LIMIT  no memory
 * Cost: the training, under a second. Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
hkp_status hkp_neuro_lab_matcher_new(hkp_neuro_lab_matcher **out, const struct hkp_mem *mem);

/**
 * How much two fields look like one.
 *
 * @param m  the matcher
 * @param a  a field of one side
 * @param b  a field of the other
 * @return 0..65535; below 32768: rather not
 * Cost: some thousand multiplications. Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_matcher_score(const hkp_neuro_lab_matcher *m,
                                     const struct hkp_neuro_lab_match_field *a,
                                     const struct hkp_neuro_lab_match_field *b);

/**
 * The plain measure beside it: edit distance of the letters and digits, without case.
 *
 * @param a  a name
 * @param b  another
 * @return 0..65535, 65535 for equal names
 * Cost: the product of the lengths. Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
uint32_t hkp_neuro_lab_edit_score(const char *a, const char *b);

/**
 * Network and edit distance on the names that were held out, by names and kinds alone.
 *
 * @param m        the matcher
 * @param figures  written
 * Cost: names squared scores. Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_matcher_figures(const hkp_neuro_lab_matcher *m,
                                   struct hkp_neuro_lab_match_figures *figures);

/**
 * SHA-256 over all weights, for comparison of builds.
 *
 * @param m     the matcher
 * @param hash  32 bytes, written
 * Cost: O(weights). Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_matcher_hash(const hkp_neuro_lab_matcher *m, uint8_t hash[32]);

/**
 * Free; NULL is allowed.
 *
 * @param m  the matcher or NULL
 * Cost: none. Source: LAB-7.10. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_matcher_free(hkp_neuro_lab_matcher *m);

enum { HKP_NEURO_LAB_EMBED = 32 };

/**
 * An embedding: alike records have near points. That is its use and its leak: with a list of candidates the
 * record behind a point is found, and nothing here hides it. Not for personal data.
 *
 * @param key    32 bytes; who has another key has other points
 * @param bytes  [len] the record's intermediary, or any bytes, borrowed
 * @param len    any
 * @param point  written: Q16.16
 * Cost: 6,144 multiplications and one pass over the record. Source: LAB-7.11. Since: hookprobe-neuro 0.1
 */
void hkp_neuro_lab_embed(const uint8_t key[32], const uint8_t *bytes, size_t len,
                         int32_t point[HKP_NEURO_LAB_EMBED]);

/**
 * How far two points are from each other.
 *
 * @param a  a point
 * @param b  another of the same key
 * @return the square of the distance, Q32
 * Cost: O(1). Source: LAB-7.11. Since: hookprobe-neuro 0.1
 */
uint64_t hkp_neuro_lab_embed_distance(const int32_t a[HKP_NEURO_LAB_EMBED],
                                      const int32_t b[HKP_NEURO_LAB_EMBED]);

#ifdef __cplusplus
}
#endif

#endif
