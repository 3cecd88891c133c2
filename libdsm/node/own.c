/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Blocks of the node itself (D-BLK-7, D-BLK-16): their rules, their time, their signature. */
#include "libdsm/node/node.h"

#include <string.h>

hkp_status hkp_dsm_draft(hkp_dsm_node *n, const uint8_t *content, size_t len, uint64_t *seq, uint8_t prev[32],
                         uint8_t payload_hash[32]) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (len > HKP_DSM_CONTENT_MAX) return HKP_E_INVAL;
    blob *draft = hkp_dsm__room(n, len + 16);
    if (draft == NULL) return HKP_E_LIMIT;
    if (n->rng.fill(n->rng.user, draft->ptr, 16) != 0) {
        hkp_dsm__blob_drop(&n->pool, draft);
        return HKP_E_CALLBACK;
    }
    if (len > 0) memcpy(draft->ptr + 16, content, len);
    hkp_dsm__blob_drop(&n->pool, n->draft);
    n->draft = draft;
    *seq = n->self->tip.seq + 1;
    if (n->self->tip.seq == 0)
        hkp_dsm__first_prev(prev, n->chain_id, n->id);
    else
        memcpy(prev, n->self->tip.id, 32);
    hkp_dsm__payload_hash(payload_hash, draft->ptr, draft->len);
    return HKP_OK;
}

/* D-BLK-16: by the clock only while there is reason to believe it. */
static uint64_t block_time(const node *n, const struct hkp_dsm_certificate *c) {
    struct hkp_dsm__block_clock clock = {.wall_us = hkp_dsm__wall_us(n), .clock_known = (int)n->synchronised};
    for (uint32_t i = 0; i < n->peers_max; i++) {
        if (!n->peers[i].up) continue;
        clock.clock_known |= n->peers[i].clock_verdict != HKP_DSM_CLOCK_UNKNOWN;
        clock.fails += n->peers[i].clock_verdict == HKP_DSM_CLOCK_FAIL;
    }
    if (n->finals > 0) clock.header_ms = n->root.time_ms;
    clock.since_us = (n->now - n->root.at) / 1000;
    clock.prev_us = n->self->tip.seq > 0 ? n->self->tip.time_us : c->not_before_s * 1000000 - 1;
    return hkp_dsm__block_time(&clock);
}

static hkp_status own_rules(node *n, uint32_t event_type, const struct hkp_dsm_neuro *neuro,
                            const struct hkp_dsm_certificate **c) {
    struct author *self = n->self;
    if (event_type == 0 || event_type > 65535) return HKP_E_INVAL;
    if (n->draft == NULL || self->frozen) return HKP_E_STATE;
    if (self->known_seq > self->tip.seq) return HKP_E_LIMIT; /* D-BLK-7: peers hold newer own blocks */
    if (self->headless || hkp_dsm__own_lost(n) || hkp_dsm__resync_author(n)) return HKP_E_LIMIT;
    if (self->tip.seq - self->final.seq >= OPEN_PER_AUTHOR) return HKP_E_LIMIT;
    *c = hkp_dsm__newest_certificate(self);
    if (*c == NULL) return HKP_E_DSM_SIGNER;
    if ((((*c)->roles & HKP_DSM_ROLE_NEURO) != 0) != (neuro != NULL)) return HKP_E_DSM_NEURO;
    if (neuro != NULL && (neuro->ter_hash == NULL || (neuro->w_commit == NULL) != (neuro->posf == NULL) ||
                          (neuro->w_commit == NULL) != (neuro->holder == NULL)))
        return HKP_E_DSM_NEURO;
    return HKP_OK;
}

static void copy_neuro(struct hkp_dsm__block *b, const struct hkp_dsm_neuro *neuro) {
    b->has_neuro = 1;
    memcpy(b->neuro.ter_hash, neuro->ter_hash, 32);
    if (neuro->w_commit == NULL) return;
    b->neuro.has_commit = 1;
    memcpy(b->neuro.w_commit, neuro->w_commit, 32);
    memcpy(b->neuro.posf, neuro->posf, 32);
    memcpy(b->neuro.holder, neuro->holder, 16);
}

static hkp_status sign_own(node *n, uint32_t event_type, const struct hkp_dsm_neuro *neuro,
                           const struct hkp_dsm_certificate *c, struct hkp_dsm__block *b, uint8_t *envelope,
                           size_t *len) {
    struct author *self = n->self;
    *b = (struct hkp_dsm__block){.seq = self->tip.seq + 1,
                                 .timestamp_us = block_time(n, c),
                                 .serial = c->serial,
                                 .event_type = event_type,
                                 .payload_len = n->draft->len};
    if (b->timestamp_us / 1000000 >= c->not_after_s + 300) return HKP_E_DSM_EXPIRED;
    memcpy(b->author, n->id, 16);
    memcpy(b->prev, self->tip.id, 32);
    if (self->tip.seq == 0) hkp_dsm__first_prev(b->prev, n->chain_id, n->id);
    hkp_dsm__payload_hash(b->payload_hash, n->draft->ptr, n->draft->len);
    if (neuro != NULL) copy_neuro(b, neuro);
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX];
    size_t body_len = 0;
    hkp_status st = hkp_dsm__block_build(b, body, sizeof body, &body_len);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(b->id, n->chain_id, HKP_DSM_KIND_MICROBLOCK, n->id, body, body_len);
    return hkp_dsm_envelope_sign(n->chain_id, HKP_DSM_KIND_MICROBLOCK, n->id, n->secret, body, body_len,
                                 envelope, HKP_DSM__BLOCK_MAX, len);
}

hkp_status hkp_dsm_submit(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, uint32_t event_type,
                          const uint8_t *content, size_t len, const struct hkp_dsm_neuro *neuro,
                          uint64_t *seq) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE || n->held_count > HELD_MAX / 2) return HKP_E_LIMIT;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    if (content != NULL) {
        uint64_t ignored;
        uint8_t prev[32], hash[32];
        hkp_status st = hkp_dsm_draft(n, content, len, &ignored, prev, hash);
        if (st != HKP_OK) return st;
    }
    const struct hkp_dsm_certificate *c = NULL;
    hkp_status st = own_rules(n, event_type, neuro, &c);
    if (st != HKP_OK) return st;
    struct hkp_dsm__block parsed;
    uint8_t envelope[HKP_DSM__BLOCK_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    st = sign_own(n, event_type, neuro, c, &parsed, envelope, &bytes.len);
    if (st != HKP_OK) return st;
    if (!hkp_dsm__within_cap(n, n->self)) return HKP_E_LIMIT;
    struct hkp_dsm_view payload = {.ptr = n->draft->ptr, .len = n->draft->len};
    struct block *b = hkp_dsm__block_new(n, n->self, &parsed, &bytes, &payload);
    if (b == NULL) return HKP_E_LIMIT;
    hkp_dsm__blob_drop(&n->pool, n->draft);
    n->draft = NULL;
    hkp_dsm__block_extend(n, b);
    hkp_dsm__block_keep(n, b, HELD_OWN_BLOCK);
    *seq = parsed.seq;
    hkp_dsm__advance(n);
    return HKP_OK;
}
