/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Headers and bodies of Byzantine leaders. */
#include <string.h>

#include "liar_inside.h"

static const uint8_t empty_body[3] = {0x82, 0x80, 0x80};

/* A header signed by the liar with this body and the certs of the first. */
void liar_propose(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__header *h,
                  const struct hkp_dsm_view *body, const struct hkp_dsm__message *first) {
    uint8_t header[HKP_DSM__HEADER_MAX], envelope[HKP_DSM__HEADER_MAX + HKP_DSM__ENVELOPE_OVERHEAD],
        digest[32];
    size_t len = 0;
    struct hkp_dsm_view env = {.ptr = envelope};
    uint32_t who = s->nodes[from].who;
    if (hkp_dsm__header_build(h, header, sizeof header, &len) != HKP_OK) return;
    if (hkp_dsm_envelope_sign(s->genesis->chain_id, HKP_DSM_KIND_PROPOSE, s->mesh.node_id[who],
                              s->mesh.secret[who], header, len, envelope, sizeof envelope,
                              &env.len) != HKP_OK)
        return;
    hkp_dsm__header_digest(digest, s->genesis->chain_id, header, len);
    liar_note(s, h->epoch, h->view, digest);
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    struct hkp_dsm__list certs = first->list;
    hkp_dsm__put_propose(&w, &env, body, certs.n);
    for (size_t i = 0; i < first->list.n; i++) {
        struct hkp_dsm_view cert = hkp_dsm__next_bytes(&certs);
        hkp_dsm__put_bytes(&w, &cert);
    }
    liar_send(s, from, to, 0, &w);
}

void liar_empty(struct sim *s, struct hkp_dsm__header *h, struct hkp_dsm_view *body) {
    struct hkp_dsm__merkle nothing = {0};
    struct hkp_dsm__body parsed;
    const struct sim_header *parent = sim_header(s, h->parent);
    *body = (struct hkp_dsm_view){empty_body, sizeof empty_body};
    if (hkp_dsm__body_parse(empty_body, sizeof empty_body, &parsed) != HKP_OK) return;
    hkp_dsm__ops_root(&parsed, h->ops_root);
    hkp_dsm__merkle_root(&nothing, h->blocks_root);
    h->n_blocks = 0;
    h->n_heads = parent != NULL ? parent->n_heads : 0;
    if (parent != NULL)
        memcpy(h->heads_root, parent->heads_root, 32);
    else
        hkp_dsm__merkle_root(&nothing, h->heads_root);
}

/* A valid header beside the first: empty, or of another time; the lowest digest of a few is taken. */
static void grind(struct sim *s, struct hkp_dsm__header *h, struct hkp_dsm_view *body) {
    uint8_t header[HKP_DSM__HEADER_MAX], digest[32], best[32];
    uint64_t time_ms = h->time_ms;
    size_t len = 0;
    if (sim_random(s, 2) == 0) liar_empty(s, h, body);
    memset(best, 255, sizeof best);
    for (uint64_t i = 1; i <= GRIND; i++) {
        struct hkp_dsm__header try = *h;
        try.time_ms += i;
        if (hkp_dsm__header_build(&try, header, sizeof header, &len) != HKP_OK) return;
        hkp_dsm__header_digest(digest, s->genesis->chain_id, header, len);
        if (memcmp(digest, best, 32) >= 0) continue;
        memcpy(best, digest, 32);
        time_ms = try.time_ms;
    }
    h->time_ms = time_ms;
}

/* A child of another header that was notarised, with all roots right. */
static int leave_out(struct sim *s, struct hkp_dsm__header *h, struct hkp_dsm_view *body) {
    const struct liars *l = liar_state(s);
    for (uint32_t tries = 0; tries < 8; tries++) {
        /* one of the last few more often than an old one */
        const uint64_t back = 1 + sim_random(s, sim_random(s, 3) == 0 ? SEEN : 4);
        const struct seen *x = &l->seen[(l->n_seen + SEEN - back) % SEEN];
        const struct sim_header *parent = x->view > 0 ? sim_header(s, x->digest) : NULL;
        if (parent == NULL || parent->epoch != h->epoch || parent->view >= h->view || parent->notars == 0)
            continue;
        h->parent_view = parent->view;
        memcpy(h->parent, parent->digest, 32);
        h->height = parent->height + 1;
        if (h->time_ms <= parent->time_ms) h->time_ms = parent->time_ms + 1;
        liar_empty(s, h, body);
        return 1;
    }
    return 0;
}

/* One thing wrong, drawn. 1: nobody may vote for such a header; 0: it is the body, or a matter of clocks. */
static int spoil(struct sim *s, struct hkp_dsm__header *h, struct hkp_dsm_view *body) {
    static uint8_t fake[8192];
    struct hkp_dsm__head head = {.seq = 1 + sim_random(s, 3)};
    struct hkp_dsm_view op = {.ptr = liar_state(s)->other};
    struct hkp_dsm__body parsed;
    const uint64_t what = sim_random(s, 13);
    switch (what) {
    case 0:
        h->heads_root[sim_random(s, 32)] ^= 1;
        break;
    case 1:
        h->blocks_root[sim_random(s, 32)] ^= 1;
        break;
    case 2:
        h->ops_root[sim_random(s, 32)] ^= 1;
        break;
    case 3:
        h->height += 1;
        break;
    case 4:
        h->time_ms += sim_random(s, 2) == 0 ? 120000 : (uint64_t)-120000;
        break;
    case 5:
        h->parent[sim_random(s, 32)] ^= 1;
        break;
    case 6:
        h->parent_view = h->view - 1;
        break;
    case 7:
        liar_random(s, h->next_valset, 32);
        break;
    case 8:
        h->n_blocks += 1;
        break;
    case 9:
        h->version = 2;
        liar_random(s, h->next_valset, 32);
        break;
    case 10: /* blocks that nobody made */
        memcpy(head.node_id, s->mesh.node_id[sim_random(s, s->mesh.n)], 16);
        liar_random(s, head.id, 32);
        body->ptr = fake;
        if (hkp_dsm__body_build(&head, 1, NULL, 0, fake, sizeof fake, &body->len) != HKP_OK) break;
        break; /* under a header that is right: the body is another one */
    case 11:   /* an op that accuses somebody honest */
        op.len = liar_accusation(s, liar_state(s)->other, ROOM);
        if (op.len == 0) break; /* the body is the one that it was */
        body->ptr = fake;
        if (hkp_dsm__body_build(NULL, 0, &op, 1, fake, sizeof fake, &body->len) != HKP_OK ||
            hkp_dsm__body_parse(fake, body->len, &parsed) != HKP_OK)
            break;
        hkp_dsm__ops_root(&parsed, h->ops_root);
        break;
    default: /* longer than any message may be */
        memset(liar_state(s)->other, 0, HKP_DSM__CHECKPOINT_BODY_MAX + 1);
        *body = (struct hkp_dsm_view){liar_state(s)->other, HKP_DSM__CHECKPOINT_BODY_MAX + 1};
        break;
    }
    return what != 4 && what != 6 && what != 10 && what < 12 && (what != 11 || liar_state(s)->count == 1);
}

static void mark_bad(struct sim *s, const struct hkp_dsm__header *h) {
    uint8_t header[HKP_DSM__HEADER_MAX], digest[32];
    size_t len = 0;
    if (hkp_dsm__header_build(h, header, sizeof header, &len) != HKP_OK) return;
    hkp_dsm__header_digest(digest, s->genesis->chain_id, header, len);
    if (memcmp(digest, h->digest, 32) != 0) sim_header_bad(s, digest);
}

int liar_tamper_proposal(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__message *m) {
    struct hkp_dsm_envelope env;
    struct hkp_dsm__header h;
    if (hkp_dsm_envelope_parse(m->envelope.ptr, m->envelope.len, 0x4, &env) != HKP_OK ||
        hkp_dsm__header_parse(s->genesis->chain_id, env.body.ptr, env.body.len, &h) != HKP_OK)
        return 0;
    liar_note(s, h.epoch, h.view, h.digest);
    struct hkp_dsm_view body = m->body;
    if (liar_often(s, LIAR_HIDES_PROPOSALS, 60)) return 1;
    if (liar_often(s, LIAR_LEAVES_OUT, 60) && leave_out(s, &h, &body)) {
        liar_propose(s, from, to, &h, &body, m);
        return sim_random(s, 4) != 0;
    }
    if (liar_often(s, LIAR_PROPOSES_BADLY, 50)) {
        if (spoil(s, &h, &body)) mark_bad(s, &h);
        liar_propose(s, from, to, &h, &body, m);
        return sim_random(s, 2) == 0;
    }
    if (liar_often(s, LIAR_PROPOSES_TWICE, 50)) {
        grind(s, &h, &body);
        liar_propose(s, from, to, &h, &body, m);
        return sim_random(s, 3) != 0;
    }
    return 0;
}
