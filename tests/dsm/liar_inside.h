/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the files of liar.h share. */
#ifndef HKP_TESTS_DSM_LIAR_INSIDE_H
#define HKP_TESTS_DSM_LIAR_INSIDE_H

#include "liar.h"
#include "libdsm/node/node.h"
#include "sim_inside.h"

enum { KEPT = 256, SEEN = 64, ROOM = 2 << 20, GRIND = 8 };

struct kept {
    uint32_t lane;
    uint8_t *data;
    size_t len;
};

struct liars {
    uint32_t nodes[SIM_NODES], count, ways;
    /** messages to replay */
    struct kept kept[KEPT];
    uint64_t n_kept;
    /** digests proposed lately, whoever proposed them */
    struct seen {
        uint64_t epoch, view;
        uint8_t digest[32];
    } seen[SEEN];
    uint64_t n_seen;
    /** a vote of an honest member, for accusations */
    uint8_t vote[2][HKP_DSM__VOTE_MAX];
    size_t vote_len[2];
    uint8_t room[ROOM], other[ROOM];
};

struct liars *liar_state(struct sim *s);
int liar_does(struct sim *s, uint32_t way);
/** Draws, if it does that at all. */
int liar_often(struct sim *s, uint32_t way, uint32_t percent);
void liar_send(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const struct hkp_dsm_cbor_writer *w);
struct hkp_dsm_cbor_writer liar_writer(struct sim *s);
void liar_random(struct sim *s, uint8_t *dst, size_t len);
/** A digest that was proposed. */
void liar_note(struct sim *s, uint64_t epoch, uint64_t view, const uint8_t digest[32]);
/** Evidence against somebody honest, which proves nothing; its length, or 0. */
size_t liar_accusation(struct sim *s, uint8_t *dst, size_t cap);

/* liar_proposes.c */
/** A header signed by the liar, with this body and the certs of the first message. */
void liar_propose(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__header *h,
                  const struct hkp_dsm_view *body, const struct hkp_dsm__message *first);
/** An empty body for h, whose roots become those of its parent. */
void liar_empty(struct sim *s, struct hkp_dsm__header *h, struct hkp_dsm_view *body);
/** 1: something else was sent in its place, or nothing. */
int liar_tamper_proposal(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__message *m);

#endif
