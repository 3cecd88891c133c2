/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: synaptic messages between two nodes (SYN-5). A line holds the chains of one pair: the current
 * generation and the one before. Its bytes are secrets until they are wiped.
 */
#ifndef HKP_LIBNEURO_MESSAGE_H
#define HKP_LIBNEURO_MESSAGE_H

#include <hookprobe/neuro.h>

enum {
    HKP_NEURO__MESSAGE_HEAD = 32,
    HKP_NEURO__MESSAGE_TAG = 16,
    HKP_NEURO__SKIPPED_MAX = 256,
    /** messages of one generation and direction */
    HKP_NEURO__GEN_MESSAGES = 1 << 20
};
#define HKP_NEURO__GEN_NS UINT64_C(600000000000)
/** life of the generation before, and of a skipped key */
#define HKP_NEURO__OLD_NS UINT64_C(60000000000)

/** A message key kept for a message that was overtaken. */
struct hkp_neuro__kept_secret {
    uint64_t n;
    hkp_time since;
    uint8_t mk[32];
};

/** One direction: the next number and its chain key. */
struct hkp_neuro__chain_secret {
    uint64_t next;
    uint8_t ck[32];
};

struct hkp_neuro__gen_secret {
    int live;
    uint32_t gen;
    /** begin of its life, and of its last minute if another came after it */
    hkp_time began, replaced;
    /** the part of D that the two states fix: Wa, Wb and TE */
    uint8_t fixed[32];
    /** the CE that the peer showed */
    uint32_t peer_ce_epoch;
    uint8_t peer_ce_check[32];
    struct hkp_neuro__chain_secret out, in;
    uint32_t n_kept;
    /** ascending by n; unused ones are zero */
    struct hkp_neuro__kept_secret kept[HKP_NEURO__SKIPPED_MAX];
};

/** Two gens of a pair: 0 the current one, 1 the one before. */
struct hkp_neuro__line {
    uint8_t own_id[16], peer_id[16];
    struct hkp_neuro__gen_secret gens[2];
};

/** How long keys lived, by the caller's clock, around one AEAD call. */
struct hkp_neuro__lifetime {
    struct hkp_neuro_clock clock;
    uint64_t count, least_ns, most_ns, sum_ns;
    uint64_t kept_most_ns;
};

/** CK_0 of one direction (SYN-5.1). */
void hkp_neuro__message_chain(const uint8_t root[32], const uint8_t sender[16], uint8_t ck[32]);
/** MK_n of CK_n, and CK_{n+1} in its place. */
void hkp_neuro__message_step(uint8_t ck[32], uint8_t mk[32]);
/** The part of D that does not change from message to message. */
void hkp_neuro__message_fixed(const struct hkp_neuro_synaptic *one, const struct hkp_neuro_synaptic *other,
                              uint8_t fixed[32]);
/** D; ce of 32 zero bytes where there is none. */
void hkp_neuro__message_d(const uint8_t fixed[32], const uint8_t ce[32], uint64_t t_us, uint8_t d[32]);
/** key[32] || nonce[12] of one message. */
void hkp_neuro__message_keys(const uint8_t mk[32], const uint8_t d[32], const uint8_t sender[16],
                             const uint8_t receiver[16], uint64_t n, uint64_t t_us, uint8_t keys[44]);

/** A new generation; the current one becomes the one before. root is only read. */
void hkp_neuro__line_begin(struct hkp_neuro__line *line, hkp_time now, const struct hkp_neuro_synaptic *own,
                           const struct hkp_neuro_synaptic *peer, const uint8_t root[32]);
/** No generation any more. */
void hkp_neuro__line_end(struct hkp_neuro__line *line);
/** Ends what has lived long enough, and wipes it. */
void hkp_neuro__line_expire(struct hkp_neuro__line *line, hkp_time now, struct hkp_neuro__lifetime *life);
/** When hkp_neuro__line_expire() has something to do. */
hkp_time hkp_neuro__line_wake(const struct hkp_neuro__line *line);
/** HKP_OK, SYN_GEN (a new generation is due) or TOOBIG; dst has room for len + 48. */
hkp_status hkp_neuro__line_seal(struct hkp_neuro__line *line, hkp_time now, uint64_t t_us,
                                const struct hkp_neuro_ce_book *book, struct hkp_neuro__lifetime *life,
                                const uint8_t *text, size_t len, uint8_t *dst);
/** SYN-5.3; dst has room for cap bytes, else NOSPC before anything changes. */
hkp_status hkp_neuro__line_open(struct hkp_neuro__line *line, hkp_time now,
                                const struct hkp_neuro_ce_book *book, struct hkp_neuro__lifetime *life,
                                const uint8_t *msg, size_t len, uint8_t *dst, size_t cap, size_t *text_len);

#endif
