/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "liar.h"

#include <stdlib.h>
#include <string.h>

#include "liar_inside.h"

struct liars *liar_state(struct sim *s) {
    return s->liars;
}

int liar_does(struct sim *s, uint32_t way) { return (liar_state(s)->ways & way) != 0; }

int liar_often(struct sim *s, uint32_t way, uint32_t percent) {
    return liar_does(s, way) && sim_random(s, 100) < percent;
}

void liar_send(struct sim *s, uint32_t from, uint32_t to, uint32_t lane,
               const struct hkp_dsm_cbor_writer *w) {
    if (w->status == HKP_OK) sim_send(s, from, to, lane, w->out, w->len);
}

struct hkp_dsm_cbor_writer liar_writer(struct sim *s) {
    return (struct hkp_dsm_cbor_writer){.out = liar_state(s)->room, .cap = ROOM};
}

void liar_random(struct sim *s, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)sim_random(s, 256);
}

/* ---- votes ---- */

static void vote(struct sim *s, uint32_t from, uint32_t to, uint32_t kind, uint64_t epoch, uint64_t view,
                 const uint8_t *digest) {
    struct hkp_dsm__vote v = {.kind = kind, .epoch = epoch, .view = view};
    uint8_t envelope[HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    uint32_t who = s->nodes[from].who;
    if (digest != NULL) memcpy(v.digest, digest, 32);
    if (hkp_dsm__vote_make(s->genesis->chain_id, &v, s->mesh.node_id[who], s->mesh.secret[who], envelope,
                           sizeof envelope, &bytes.len) != HKP_OK)
        return;
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_VOTE, &bytes);
    liar_send(s, from, to, 0, &w);
}

static void vote_all(struct sim *s, uint32_t from, uint32_t kind, uint64_t epoch, uint64_t view,
                     const uint8_t *digest) {
    for (uint32_t to = 0; to < s->count; to++)
        if (to != from) vote(s, from, to, kind, epoch, view, digest);
}

void liar_note(struct sim *s, uint64_t epoch, uint64_t view, const uint8_t digest[32]) {
    struct seen *x = &liar_state(s)->seen[liar_state(s)->n_seen++ % SEEN];
    *x = (struct seen){.epoch = epoch, .view = view};
    memcpy(x->digest, digest, 32);
}

/* Another digest of that view, or any. */
static const uint8_t *other_digest(struct sim *s, uint64_t view, const uint8_t digest[32]) {
    const struct liars *l = liar_state(s);
    static uint8_t any[32];
    for (size_t i = 0; i < SEEN; i++)
        if (l->seen[i].view == view && memcmp(l->seen[i].digest, digest, 32) != 0) return l->seen[i].digest;
    liar_random(s, any, 32);
    any[0] |= 1;
    return any;
}

static int tamper_vote(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__message *m) {
    struct hkp_dsm_envelope env;
    struct hkp_dsm__vote v;
    if (hkp_dsm_envelope_parse(m->envelope.ptr, m->envelope.len, 0x38, &env) != HKP_OK ||
        hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v) != HKP_OK)
        return 0;
    if (liar_often(s, LIAR_HIDES_VOTES, 60)) return 1;
    if (!liar_often(s, LIAR_VOTES_TWICE, 50)) return 0;
    uint32_t kind = v.kind;
    const uint8_t *digest = NULL;
    if (kind == HKP_DSM_KIND_FINAL && sim_random(s, 2) == 0)
        kind = HKP_DSM_KIND_NULL;
    else if (kind == HKP_DSM_KIND_NULL)
        kind = sim_random(s, 2) == 0 ? HKP_DSM_KIND_FINAL : HKP_DSM_KIND_NOTAR;
    if (kind != HKP_DSM_KIND_NULL) digest = other_digest(s, v.view, v.digest);
    vote(s, from, to, kind, v.epoch, v.view, digest);
    return sim_random(s, 3) != 0; /* now and then both to one */
}

/* ---- answers and claims ---- */

static const uint8_t empty_body[3] = {0x82, 0x80, 0x80};

/* Headers as they are, bodies that are not theirs. */
static int tamper_answer(struct sim *s, uint32_t from, uint32_t to, struct hkp_dsm__message *m) {
    static uint8_t fake[512];
    if (!liar_often(s, LIAR_ANSWERS_BADLY, 70)) return 0;
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_sync_resp(&w, m->list.n);
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm_view cert = hkp_dsm__next_bytes(&m->list);
        hkp_dsm__put_bytes(&w, &cert);
    }
    size_t pairs = m->list2.n;
    hkp_dsm_cbor_put_array(&w, pairs);
    for (size_t i = 0; i < pairs; i++) {
        struct hkp_dsm_view header, body, false_body = {empty_body, sizeof empty_body};
        struct hkp_dsm__head head = {.seq = 1 + sim_random(s, 9)};
        hkp_dsm__next_pair(&m->list2, &header, &body);
        memcpy(head.node_id, s->mesh.node_id[sim_random(s, s->mesh.n)], 16);
        liar_random(s, head.id, 32);
        if (sim_random(s, 2) == 0 &&
            hkp_dsm__body_build(&head, 1, NULL, 0, fake, sizeof fake, &false_body.len) == HKP_OK)
            false_body.ptr = fake;
        hkp_dsm__put_pair(&w, &header, &false_body);
    }
    liar_send(s, from, to, 0, &w);
    return 1;
}

static int tamper_promises(struct sim *s, uint32_t from, uint32_t to, const struct hkp_dsm__message *m) {
    if (!liar_does(s, LIAR_ANSWERS_BADLY)) return 0;
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_promises(&w, m->epoch, 0);
    hkp_dsm_cbor_put_array(&w, 0);
    liar_send(s, from, to, 0, &w);
    return 1;
}

static void boast(struct sim *s, uint32_t from, uint32_t to) {
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    uint8_t id[16];
    memset(id, 0, sizeof id);
    hkp_dsm__put_have(&w, s->nodes[from].node->set.epoch, 2);
    id[15] = (uint8_t)sim_random(s, 256);
    hkp_dsm__put_have_entry(&w, id, 1 + sim_random(s, 1000)); /* of nobody */
    uint32_t of_whom = (uint32_t)sim_random(s, s->mesh.n);
    hkp_dsm__put_have_entry(&w, s->mesh.node_id[of_whom], 1 + sim_random(s, 100000));
    liar_send(s, from, to, 0, &w);
}

/* A second microblock of the same seq. */
static int tamper_block(struct sim *s, uint32_t from, uint32_t to, uint32_t lane,
                        const struct hkp_dsm__message *m) {
    struct hkp_dsm__block b;
    uint32_t who = s->nodes[from].who;
    if (m->item.kind != HKP_DSM_KIND_MICROBLOCK || !liar_often(s, LIAR_FORKS, 30) ||
        memcmp(m->item.signer, s->mesh.node_id[who], 16) != 0)
        return 0;
    if (hkp_dsm__block_parse(s->genesis->chain_id, m->item.signer, m->item.body.ptr, m->item.body.len, &b) !=
        HKP_OK)
        return 0;
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX], envelope[HKP_DSM__BLOCK_MAX], payload[40];
    size_t len = 0;
    struct hkp_dsm_view env = {.ptr = envelope}, bytes = {payload, sizeof payload};
    memset(payload, (int)sim_random(s, 256), sizeof payload);
    b.payload_len = sizeof payload;
    hkp_dsm__payload_hash(b.payload_hash, payload, sizeof payload);
    if (hkp_dsm__block_build(&b, body, sizeof body, &len) != HKP_OK ||
        hkp_dsm_envelope_sign(s->genesis->chain_id, HKP_DSM_KIND_MICROBLOCK, s->mesh.node_id[who],
                              s->mesh.secret[who], body, len, envelope, sizeof envelope, &env.len) != HKP_OK)
        return 0;
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_push(&w, lane, 0, HKP_DSM__FORM_ENVELOPE, &env, &bytes);
    liar_send(s, from, to, lane, &w);
    return 1;
}

/* ---- what is written, what is heard ---- */

static void keep(struct sim *s, uint32_t lane, const uint8_t *msg, size_t len) {
    struct kept *k = &liar_state(s)->kept[liar_state(s)->n_kept++ % KEPT];
    free(k->data);
    *k = (struct kept){.lane = lane, .data = sim_copy(msg, len), .len = len};
}

static void tamper(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len) {
    struct hkp_dsm__message m;
    int done = 0;
    if (liar_does(s, LIAR_REPLAYS) && len < 2000 && sim_random(s, 8) == 0) keep(s, lane, msg, len);
    if (hkp_dsm__message_parse(lane, msg, len, &m) == HKP_OK) switch (m.op) {
        case HKP_DSM__OP_MSG_VOTE:
            done = tamper_vote(s, from, to, &m);
            break;
        case HKP_DSM__OP_MSG_PROPOSE:
            done = liar_tamper_proposal(s, from, to, &m);
            break;
        case HKP_DSM__OP_MSG_CERT:
            done = liar_often(s, LIAR_HIDES_CERTS, 60);
            break;
        case HKP_DSM__OP_MSG_SYNC_RESP:
            done = tamper_answer(s, from, to, &m);
            break;
        case HKP_DSM__OP_MSG_PROMISES:
            done = tamper_promises(s, from, to, &m);
            break;
        case HKP_DSM__OP_MSG_PUSH:
            done = tamper_block(s, from, to, lane, &m);
            break;
        default:
            break;
        }
    if (!done) sim_send(s, from, to, lane, msg, len);
}

static void overhear(struct sim *s, uint32_t to, uint32_t lane, const uint8_t *msg, size_t len) {
    struct hkp_dsm__message m;
    struct hkp_dsm_envelope env;
    struct hkp_dsm__header h;
    struct liars *l = liar_state(s);
    if (liar_does(s, LIAR_REPLAYS) && len < 2000 && sim_random(s, 8) == 0) keep(s, lane, msg, len);
    if (hkp_dsm__message_parse(lane, msg, len, &m) != HKP_OK) return;
    if (m.op == HKP_DSM__OP_MSG_VOTE && m.envelope.len <= HKP_DSM__VOTE_MAX) {
        uint32_t at = (uint32_t)sim_random(s, 2);
        memcpy(l->vote[at], m.envelope.ptr, m.envelope.len);
        l->vote_len[at] = m.envelope.len;
    }
    if (m.op != HKP_DSM__OP_MSG_PROPOSE ||
        hkp_dsm_envelope_parse(m.envelope.ptr, m.envelope.len, 0x4, &env) != HKP_OK ||
        hkp_dsm__header_parse(s->genesis->chain_id, env.body.ptr, env.body.len, &h) != HKP_OK)
        return;
    liar_note(s, h.epoch, h.view, h.digest);
    if (!liar_often(s, LIAR_POSSESSES_NOTHING, 70)) return;
    vote_all(s, to, HKP_DSM_KIND_NOTAR, h.epoch, h.view, h.digest);
    if (sim_random(s, 2) == 0) vote_all(s, to, HKP_DSM_KIND_FINAL, h.epoch, h.view, h.digest);
    if (sim_random(s, 2) == 0) vote_all(s, to, HKP_DSM_KIND_NULL, h.epoch, h.view, NULL);
}

/* ---- of its own accord ---- */

/* A promise in the name of an honest member, whose key the liar has not. */
static size_t forged(struct sim *s, const uint8_t *like, size_t like_len, uint8_t *dst, size_t cap) {
    struct hkp_dsm_envelope env;
    struct hkp_dsm__vote v;
    size_t len = 0;
    if (hkp_dsm_envelope_parse(like, like_len, 0x38, &env) != HKP_OK ||
        hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v) != HKP_OK)
        return 0;
    v.kind = HKP_DSM_KIND_NOTAR + (uint32_t)sim_random(s, 3);
    liar_random(s, v.digest, 32);
    if (hkp_dsm__vote_make(s->genesis->chain_id, &v, env.signer,
                           s->mesh.secret[s->nodes[liar_state(s)->nodes[0]].who], dst, cap, &len) != HKP_OK)
        return 0;
    return len;
}

/* Two votes as they were heard, or one of them with a forged one. */
size_t liar_accusation(struct sim *s, uint8_t *dst, size_t cap) {
    const struct liars *l = liar_state(s);
    uint8_t false_vote[HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view a = {l->vote[0], l->vote_len[0]}, b = {l->vote[1], l->vote_len[1]};
    size_t len = 0;
    if (a.len > 0 && sim_random(s, 2) == 0) {
        b.ptr = false_vote;
        b.len = forged(s, a.ptr, a.len, false_vote, sizeof false_vote);
    }
    if (a.len == 0 || b.len == 0 || hkp_dsm__evidence_build(&a, &b, dst, cap, &len) != HKP_OK) return 0;
    return len;
}

static void accuse(struct sim *s, uint32_t from, uint32_t to) {
    struct hkp_dsm_view op = {.ptr = liar_state(s)->other};
    op.len = liar_accusation(s, liar_state(s)->other, ROOM);
    if (op.len == 0) return;
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_push(&w, 1, 0, HKP_DSM__FORM_EVIDENCE, &op, NULL);
    liar_send(s, from, to, 1, &w);
}

/* The memory of all promises in the node behind the liar. */
static void forget(struct sim *s, uint32_t i) {
    struct hkp_dsm_node *n = s->nodes[i].node;
    n->promises_open = n->silent = 0;
    n->watermark = 0;
    for (uint32_t k = 0; k < SLOTS; k++) {
        struct slot *v = &n->slots[k];
        if (v->view == 0 || v->view + 8 < n->view) continue;
        v->proposed = v->notar = v->null = v->final = v->seen_proposal = 0;
        for (int m = 0; m < 6; m++) {
            hkp_dsm__blob_drop(&n->pool, v->own_msg[m]);
            v->own_msg[m] = NULL;
        }
    }
}

/* Votes of all members in this view, in their names. */
static void forge_votes(struct sim *s, uint32_t from, uint32_t to) {
    const struct hkp_dsm_node *n = s->nodes[from].node;
    struct hkp_dsm__vote v = {.kind = HKP_DSM_KIND_NULL, .epoch = n->set.epoch, .view = n->view};
    uint8_t envelope[HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    if (sim_random(s, 3) == 0) {
        v.kind = sim_random(s, 2) == 0 ? HKP_DSM_KIND_NOTAR : HKP_DSM_KIND_FINAL;
        memcpy(v.digest, liar_state(s)->seen[sim_random(s, SEEN)].digest, 32);
    }
    for (uint32_t whose = 0; whose < s->mesh.n; whose++) {
        if (hkp_dsm__vote_make(s->genesis->chain_id, &v, s->mesh.node_id[whose],
                               s->mesh.secret[s->nodes[from].who], envelope, sizeof envelope,
                               &bytes.len) != HKP_OK)
            return;
        struct hkp_dsm_cbor_writer w = liar_writer(s);
        hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_VOTE, &bytes);
        liar_send(s, from, to, 0, &w);
    }
}

/* A cert that the liar alone has signed: with its one bit, or under the bits of others, too. */
static void forge_cert(struct sim *s, uint32_t from, uint32_t to) {
    const struct hkp_dsm_node *n = s->nodes[from].node;
    if (n->seat < 0) return;
    uint8_t envelope[HKP_DSM__VOTE_MAX], bitmap[HKP_DSM_MEMBERS_MAX / 8] = {0}, all[64 * SIM_NODES];
    struct hkp_dsm__vote v = {.kind = HKP_DSM_KIND_NOTAR + (uint32_t)sim_random(s, 3),
                              .epoch = n->set.epoch,
                              .view = n->view + sim_random(s, 3)};
    const struct seen *x = &liar_state(s)->seen[sim_random(s, SEEN)];
    struct hkp_dsm_envelope env;
    size_t len = 0, signers = 0, wanted = sim_random(s, 2) == 0 ? 1 : n->set.q;
    uint32_t who = s->nodes[from].who;
    if (x->view > 0 && sim_random(s, 2) == 0) v.view = x->view;
    if (v.kind != HKP_DSM_KIND_NULL) memcpy(v.digest, x->digest, 32);
    if (hkp_dsm__vote_make(s->genesis->chain_id, &v, s->mesh.node_id[who], s->mesh.secret[who], envelope,
                           sizeof envelope, &len) != HKP_OK ||
        hkp_dsm_envelope_parse(envelope, len, 0x38, &env) != HKP_OK)
        return;
    for (uint32_t k = 0; k < n->set.n && signers < wanted; k++) {
        uint32_t seat = ((uint32_t)n->seat + k) % n->set.n;
        bitmap[seat / 8] = (uint8_t)(bitmap[seat / 8] | 1U << seat % 8);
        memcpy(all + 64 * signers++, env.signature, 64);
    }
    uint8_t cert[256 + sizeof all];
    struct hkp_dsm_cbor_writer c = {.out = cert, .cap = sizeof cert}, w = liar_writer(s);
    hkp_dsm_cbor_put_array(&c, 7);
    hkp_dsm_cbor_put_uint(&c, 1);
    hkp_dsm_cbor_put_uint(&c, v.kind);
    hkp_dsm_cbor_put_uint(&c, v.epoch);
    hkp_dsm_cbor_put_uint(&c, v.view);
    hkp_dsm_cbor_put_bytes(&c, v.digest, 32);
    hkp_dsm_cbor_put_bytes(&c, bitmap, (n->set.n + 7) / 8);
    hkp_dsm_cbor_put_bytes(&c, all, signers * 64);
    struct hkp_dsm_view bytes = {c.out, c.len};
    hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_CERT, &bytes);
    liar_send(s, from, to, 0, &w);
}

static void flood(struct sim *s, uint32_t from, uint32_t to) {
    const struct hkp_dsm_node *n = s->nodes[from].node;
    uint8_t junk[64], digest[32];
    liar_random(s, junk, sizeof junk);
    liar_random(s, digest, sizeof digest);
    sim_send(s, from, to, (uint32_t)sim_random(s, 5), junk, 1 + sim_random(s, sizeof junk));
    uint64_t view = n->view + sim_random(s, 3) * 31;
    vote(s, from, to, HKP_DSM_KIND_NOTAR + (uint32_t)sim_random(s, 3), n->set.epoch, view, digest);
    struct hkp_dsm_cbor_writer w = liar_writer(s);
    hkp_dsm__put_sync_req(&w, n->set.epoch, sim_random(s, 2), n->view, 1);
    hkp_dsm_cbor_put_bytes(&w, digest, 32);
    liar_send(s, from, to, 0, &w);
    w = liar_writer(s);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, 1);
    uint64_t first = 1 + sim_random(s, 200);
    hkp_dsm__put_range(&w, s->mesh.node_id[sim_random(s, s->mesh.n)], first, first + sim_random(s, 20));
    liar_send(s, from, to, 0, &w);
}

/* Headers of views to come that it will lead, many of each. */
static void flood_proposals(struct sim *s, uint32_t from, uint32_t to) {
    const struct hkp_dsm_node *n = s->nodes[from].node;
    struct hkp_dsm__message none = {0};
    for (uint64_t view = n->view; view < n->view + VOTE_WINDOW; view++) {
        if (n->seat < 0 || n->perm[view % n->set.n] != (uint32_t)n->seat) continue;
        struct hkp_dsm__header h = {.epoch = n->set.epoch,
                                    .view = view,
                                    .height = n->root.height + 1,
                                    .parent_view = n->root.view,
                                    .time_ms = n->root.time_ms + 1 + sim_random(s, 1000),
                                    .proposer = (uint64_t)n->seat};
        struct hkp_dsm_view body;
        memcpy(h.parent, n->root.digest, 32);
        liar_empty(s, &h, &body);
        if (h.parent_view < view) liar_propose(s, from, to, &h, &body, &none);
    }
}

void liars_act(struct sim *s) {
    struct liars *l = liar_state(s);
    for (uint32_t k = 0; k < l->count; k++) {
        uint32_t i = l->nodes[k];
        if (!s->nodes[i].up || s->nodes[i].node->state != HKP_DSM_STATE_RUNNING) continue;
        if (liar_often(s, LIAR_FORGETS, 40)) forget(s, i);
        for (uint32_t to = 0; to < s->count; to++) {
            if (to == i) continue;
            if (liar_often(s, LIAR_FLOODS, 50)) flood(s, i, to);
            if (liar_often(s, LIAR_FORGES, 50)) forge_cert(s, i, to);
            if (liar_often(s, LIAR_FORGES, 50)) forge_votes(s, i, to);
            if (liar_often(s, LIAR_FLOODS, 5)) flood_proposals(s, i, to);
            if (liar_often(s, LIAR_ACCUSES, 30)) accuse(s, i, to);
            if (liar_often(s, LIAR_BOASTS, 30)) boast(s, i, to);
            const struct kept *old = &l->kept[sim_random(s, KEPT)];
            if (liar_often(s, LIAR_REPLAYS, 60) && old->data != NULL)
                sim_send(s, i, to, old->lane, old->data, old->len);
        }
    }
}

void liars_new(struct sim *s, const uint32_t *nodes, uint32_t count, uint32_t ways) {
    struct liars *l = calloc(1, sizeof *l);
    sim_must(l != NULL, "no memory");
    for (uint32_t i = 0; i < count; i++) {
        l->nodes[i] = nodes[i];
        s->nodes[nodes[i]].honest = 0;
    }
    l->count = count;
    l->ways = ways;
    s->liars = l;
    s->tamper = tamper;
    s->overhear = overhear;
}

void liars_free(struct sim *s) {
    struct liars *l = liar_state(s);
    for (size_t i = 0; i < KEPT; i++) free(l->kept[i].data);
    free(l);
    s->liars = NULL;
}
