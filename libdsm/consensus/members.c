/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Who asks for a seat or gives it back, and who endorses it (D-EPO-3): MEMBER and ENDORSE envelopes of this
 * epoch are collected, passed on, and made into ops for whoever leads. What this node asked for itself it
 * signs anew in every epoch until the chain did it.
 */
#include <string.h>

#include "libdsm/bls/bls.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { AGAIN_S = 2, AGAIN_MAX_S = 60, IDS_MAX = 256, ENVELOPE_MAX = 256, OP_OVERHEAD = 64 };

/* ---- what was heard ---- */

static struct note *find(node *n, uint32_t kind, const uint8_t signer[16], const uint8_t *subject) {
    for (uint32_t i = 0; i < n->n_notes; i++) {
        struct note *note = &n->notes[i];
        if (note->kind == kind && memcmp(note->signer, signer, 16) == 0 &&
            (subject == NULL || memcmp(note->subject, subject, 32) == 0))
            return note;
    }
    return NULL;
}

static void forget(node *n, uint32_t i) {
    hkp_dsm__blob_drop(&n->pool, n->notes[i].envelope);
    hkp_dsm__blob_drop(&n->pool, n->notes[i].op);
    n->notes[i] = n->notes[--n->n_notes];
}

/* Envelopes are about one epoch; a new one begins with none. */
void hkp_dsm__notes_clear(node *n) {
    while (n->n_notes > 0) forget(n, n->n_notes - 1);
    n->notes_at = 0;
}

/* A certificate of a with this id, or NULL. */
static const struct hkp_dsm_certificate *certificate(const node *n, const struct author *a,
                                                     const uint8_t id[32], struct hkp_dsm_view *bytes) {
    for (uint32_t i = 0; a != NULL && i < a->n_certs; i++) {
        struct hkp_dsm_multi m;
        uint8_t other[32];
        *bytes = (struct hkp_dsm_view){a->cert_bytes[i]->ptr, a->cert_bytes[i]->len};
        if (hkp_dsm_multi_parse(bytes->ptr, bytes->len, &m) != HKP_OK) continue;
        hkp_dsm_object_id(other, n->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
        if (memcmp(other, id, 32) == 0) return &a->certs[i];
    }
    return NULL;
}

/* Key of who may have signed a MEMBER; NULL: none is known. */
static const uint8_t *member_key(node *n, struct peer *from, const struct hkp_dsm_envelope *env,
                                 const struct hkp_dsm__member *m) {
    int seat = hkp_dsm__valset_index(&n->set, env->signer);
    if (m->action == HKP_DSM__ACTION_LEAVE) return seat >= 0 ? n->set.seats[seat].key : NULL;
    struct author *a = hkp_dsm__author(n, env->signer);
    struct hkp_dsm_view bytes;
    const struct hkp_dsm_certificate *c = certificate(n, a, m->certificate, &bytes);
    if (c == NULL && seat < 0) hkp_dsm__certificate_ask(n, a, from, env->signer);
    return c != NULL && seat < 0 && (c->roles & HKP_DSM_ROLE_VALIDATOR) != 0 ? c->key : NULL;
}

static uint32_t count_of(const node *n, uint32_t kind, const uint8_t signer[16]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->n_notes; i++)
        count += n->notes[i].kind == kind && memcmp(n->notes[i].signer, signer, 16) == 0;
    return count;
}

/* Kind, epoch, whether it is new, signer and signature; into note without its envelope. */
static hkp_status judge(node *n, struct peer *from, const struct hkp_dsm_view *envelope, struct note *note) {
    const uint32_t kinds = 1U << HKP_DSM_KIND_MEMBER | 1U << HKP_DSM_KIND_ENDORSE;
    struct hkp_dsm_envelope env;
    struct hkp_dsm__member m = {0};
    struct hkp_dsm__endorse e = {0};
    hkp_status st = hkp_dsm_envelope_parse(envelope->ptr, envelope->len, kinds, &env);
    if (st != HKP_OK) return st;
    int is_member = env.kind == HKP_DSM_KIND_MEMBER;
    st = is_member ? hkp_dsm__member_body(&env.body, &m) : hkp_dsm__endorse_body(&env.body, &e);
    if (st != HKP_OK) return st;
    if ((is_member ? m.epoch : e.epoch) != n->set.epoch) return HKP_E_DSM_EPOCH;
    if (!is_member && e.trust < HKP_DSM__TRUST_MIN) return HKP_E_DSM_QUORUM;
    *note = (struct note){.kind = (uint32_t)env.kind, .action = m.action, .seen_at = n->now};
    memcpy(note->signer, env.signer, 16);
    memcpy(note->subject, e.subject, 32);
    uint8_t id[32];
    hkp_dsm_object_id(id, n->chain_id, (uint32_t)env.kind, env.signer, env.body.ptr, env.body.len);
    memcpy(note->message_id, id, 16);
    if (is_member) {
        memcpy(note->subject, id, 32);
        memcpy(note->certificate, m.certificate, 32);
    }
    if (find(n, note->kind, env.signer, is_member ? NULL : e.subject) != NULL) return HKP_E_DSM_DUPLICATE;
    if (!is_member && count_of(n, note->kind, env.signer) == ENDORSE_OF_ONE) return HKP_E_LIMIT;
    int seat = hkp_dsm__valset_index(&n->set, env.signer);
    const uint8_t *key = is_member   ? member_key(n, from, &env, &m)
                         : seat >= 0 ? n->set.seats[seat].key
                                     : NULL;
    return key != NULL ? hkp_dsm_envelope_verify(n->chain_id, &env, key) : HKP_E_DSM_SIGNER;
}

/* ---- ops made of it ---- */

/* f+1 endorsements of a subject, by order of coming; fewer: 0. */
static size_t endorsements(node *n, const uint8_t subject[32], struct hkp_dsm_view *list) {
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_notes && count < n->set.f + 1; i++) {
        const struct note *note = &n->notes[i];
        if (note->kind != HKP_DSM_KIND_ENDORSE || memcmp(note->subject, subject, 32) != 0) continue;
        list[count++] = (struct hkp_dsm_view){note->envelope->ptr, note->envelope->len};
    }
    return count == n->set.f + 1 ? count : 0;
}

blob *hkp_dsm__endorsed_blob(node *n, uint64_t op, const struct hkp_dsm_view *first,
                             const struct hkp_dsm_view *second, const uint8_t *subject) {
    struct hkp_dsm_view list[HKP_DSM_MEMBERS_MAX];
    size_t count = subject != NULL ? endorsements(n, subject, list) : 0;
    if (count == 0 && subject != NULL) return NULL;
    size_t room = OP_OVERHEAD + first->len + (second != NULL ? second->len : 0), len = 0;
    for (size_t i = 0; i < count; i++) room += list[i].len + 3;
    blob *b = hkp_dsm__room(n, room);
    if (b == NULL) return NULL;
    if (hkp_dsm__endorsed_op(op, first, second, list, count, b->ptr, b->len, &len) == HKP_OK) {
        b->len = (uint32_t)len;
        return b;
    }
    hkp_dsm__blob_drop(&n->pool, b);
    return NULL;
}

static blob *leave_op(node *n, const struct hkp_dsm_view *member) {
    blob *b = hkp_dsm__room(n, OP_OVERHEAD + member->len);
    size_t len = 0;
    if (b == NULL) return NULL;
    if (hkp_dsm__op_build(HKP_DSM__OP_LEAVE, member, NULL, b->ptr, b->len, &len) == HKP_OK) {
        b->len = (uint32_t)len;
        return b;
    }
    hkp_dsm__blob_drop(&n->pool, b);
    return NULL;
}

/* The op of a MEMBER, once all that it needs is here. */
static void make(node *n, struct note *note) {
    if (note->kind == HKP_DSM_KIND_ENDORSE) hkp_dsm__command_make(n, note);
    if (note->kind != HKP_DSM_KIND_MEMBER || note->op != NULL) return;
    struct hkp_dsm_view member = {note->envelope->ptr, note->envelope->len}, bytes;
    if (note->action == HKP_DSM__ACTION_LEAVE)
        note->op = leave_op(n, &member);
    else if (certificate(n, hkp_dsm__author(n, note->signer), note->certificate, &bytes) != NULL)
        note->op = hkp_dsm__endorsed_blob(n, HKP_DSM__OP_JOIN, &member, &bytes, note->subject);
}

/* 1 if the state with these changes asked for lacks it. */
static int lacks(node *n, const struct prop *parent, const struct pending *asked, const struct note *note) {
    if (note->kind == HKP_DSM_KIND_ENDORSE) return hkp_dsm__command_due(n, parent, asked, note);
    int joins = note->action == HKP_DSM__ACTION_JOIN;
    return (hkp_dsm__valset_index(&n->set, note->signer) < 0) == joins &&
           hkp_dsm__pending_find(asked, joins ? CHANGE_JOIN : CHANGE_LEAVE, note->signer) == NULL;
}

/* Ops for a header after parent, at most max; ready 1: only whether there are any, judged without signatures.
 * What turns out to be bad for another reason than that it is done is not tried again. */
size_t hkp_dsm__notes_ops(node *n, struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops,
                          size_t max) {
    if (n->n_notes == 0) return 0;
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_notes && count < max; i++) {
        struct note *note = &n->notes[i];
        if (note->op == NULL || note->bad || !lacks(n, parent, asked, note)) continue;
        if (note->seen_at + n->t_cp > n->now) {
            if (note->seen_at + n->t_cp < n->work_wake) n->work_wake = note->seen_at + n->t_cp;
            continue;
        }
        struct hkp_dsm_view op = {note->op->ptr, note->op->len};
        if (ops != NULL) {
            hkp_status st = hkp_dsm__op_valid(n, &op, parent, time_ms);
            note->bad = st != HKP_OK && st != HKP_E_DSM_DUPLICATE;
            if (st != HKP_OK) continue;
            ops[count] = op;
        }
        count++;
    }
    return count;
}

/* ---- coming and going ---- */

static int by_id(const void *x, const void *y) { return memcmp(x, y, 16); }

/* The chain does not have it yet. */
static int wanted(node *n, const struct note *note) {
    const struct note *about = note;
    for (uint32_t i = 0; note->kind == HKP_DSM_KIND_ENDORSE && i < n->n_notes; i++)
        if (n->notes[i].kind == HKP_DSM_KIND_MEMBER && memcmp(n->notes[i].subject, note->subject, 32) == 0)
            about = &n->notes[i];
    return about->kind != HKP_DSM_KIND_MEMBER || lacks(n, NULL, n->pending, about);
}

blob *hkp_dsm__note_object(const node *n, const uint8_t id[16]) {
    for (uint32_t i = 0; i < n->n_notes; i++)
        if (memcmp(n->notes[i].message_id, id, 16) == 0) return n->notes[i].envelope;
    return NULL;
}

/* Ids of what the chain lacks, to one peer or all (NULL): who has not got one asks for it. Where one message
 * cannot name them all the next one goes on. */
static void announce(node *n, struct peer *only) {
    uint8_t ids[IDS_MAX][16];
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_notes && count < IDS_MAX; i++) {
        const struct note *note = &n->notes[n->notes_next++ % n->n_notes];
        if (wanted(n, note)) memcpy(ids[count++], note->message_id, 16);
    }
    if (count == 0) return;
    hkp_dsm__sort(ids, count, sizeof ids[0], by_id);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_IHAVE, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    if (only != NULL)
        hkp_dsm__send_peer(n, only, 3, msg);
    else if (msg != NULL)
        hkp_dsm__send_all(n, 3, msg, NULL);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Something new may have been lost on the way to those behind this node. */
static void again_soon(node *n) {
    if (n->notes_at <= n->now + AGAIN_S * SECOND) return;
    n->notes_every = AGAIN_S * SECOND;
    n->notes_at = n->now + n->notes_every;
}

static void tell(node *n, const struct note *note) {
    if (note->kind != HKP_DSM_KIND_MEMBER) return;
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_MEMBER);
    memcpy(fact->e.node_id, note->signer, 16);
    memcpy(fact->e.id, note->subject, 32);
    fact->e.type = note->action;
    fact->e.epoch = n->set.epoch;
}

hkp_status hkp_dsm__note_take(node *n, const struct hkp_dsm_view *envelope, struct peer *from,
                              uint32_t hops) {
    struct note note;
    hkp_status st = judge(n, from, envelope, &note);
    if (st != HKP_OK) return st;
    if (n->n_notes == NOTES_MAX) return HKP_E_LIMIT;
    note.envelope = hkp_dsm__bytes(n, envelope->ptr, envelope->len);
    if (note.envelope == NULL) return HKP_E_LIMIT;
    n->notes[n->n_notes++] = note;
    for (uint32_t i = 0; i < n->n_notes; i++)
        if (memcmp(n->notes[i].subject, note.subject, 32) == 0) make(n, &n->notes[i]);
    hkp_dsm__command_counted(n, &n->notes[n->n_notes - 1]);
    hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, note.envelope, hops, from);
    again_soon(n);
    tell(n, &note);
    return HKP_OK;
}

void hkp_dsm__notes_peer(node *n, struct peer *p) { announce(n, p); }

/* ---- what this node wants itself ---- */

static hkp_status say(node *n, const struct hkp_dsm__member *m, const struct hkp_dsm__endorse *e) {
    uint8_t envelope[ENVELOPE_MAX];
    struct hkp_dsm_view view = {.ptr = envelope};
    hkp_status st =
        m != NULL
            ? hkp_dsm__member_make(n->chain_id, m, n->id, n->secret, envelope, sizeof envelope, &view.len)
            : hkp_dsm__endorse_make(n->chain_id, e, n->id, n->secret, envelope, sizeof envelope, &view.len);
    return st == HKP_OK ? hkp_dsm__note_take(n, &view, NULL, 0) : st;
}

static const struct hkp_dsm_certificate *own_certificate(const node *n, uint8_t id[32]) {
    uint32_t newest = 0;
    for (uint32_t i = 1; i < n->self->n_certs; i++)
        if (n->self->certs[i].serial > n->self->certs[newest].serial) newest = i;
    struct hkp_dsm_multi m;
    const blob *bytes = n->self->cert_bytes[newest];
    if (hkp_dsm_multi_parse(bytes->ptr, bytes->len, &m) != HKP_OK) return NULL;
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    return &n->self->certs[newest];
}

/* Asks in this epoch, if it did not yet; the wish is over once the seat is there or gone. */
static void ask(node *n) {
    int joins = n->wish == HKP_DSM__ACTION_JOIN;
    if ((n->seat >= 0) == joins) n->wish = 0;
    if (n->wish == 0 || find(n, HKP_DSM_KIND_MEMBER, n->id, NULL) != NULL) return;
    struct hkp_dsm__member m = {.action = n->wish, .epoch = n->set.epoch};
    if (own_certificate(n, m.certificate) == NULL) return;
    hkp_status st = say(n, &m, NULL);
    (void)st;
}

/* What is held is announced again while the chain lacks it, by all who hold it: what was lost between two
 * others its signer cannot tell again. */
void hkp_dsm__notes_tick(node *n) {
    if (n->now < n->notes_at) return;
    if (n->notes_at == 0) n->notes_every = AGAIN_S * SECOND;
    n->notes_at = n->now + n->notes_every;
    if (n->notes_every < AGAIN_MAX_S * SECOND) n->notes_every *= 2;
    ask(n);
    hkp_dsm__commands_tick(n);
    announce(n, NULL);
}

/* ---- for the host ---- */

static hkp_status wish(node *n, hkp_time now, uint64_t wall_us, uint32_t action) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    n->wish = action;
    n->notes_at = 0; /* at once */
    hkp_dsm__notes_tick(n);
    hkp_dsm__advance(n);
    return HKP_OK;
}

hkp_status hkp_dsm_node_join(hkp_dsm_node *n, hkp_time now, uint64_t wall_us) {
    uint8_t id[32];
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    const struct hkp_dsm_certificate *c = own_certificate(n, id);
    if (n->observer || c == NULL || (c->roles & HKP_DSM_ROLE_VALIDATOR) == 0) return HKP_E_DSM_ROLE;
    return wish(n, now, wall_us, HKP_DSM__ACTION_JOIN);
}

hkp_status hkp_dsm_node_leave(hkp_dsm_node *n, hkp_time now, uint64_t wall_us) {
    return wish(n, now, wall_us, HKP_DSM__ACTION_LEAVE);
}

/* D-QC-3: whoever asks for a seat with a BLS key has shown possession of it. Of f+1 who endorse one is
 * honest, so no build needs blst to judge a JOIN (decision 0536). */
static hkp_status possessed(node *n, const uint8_t subject[32]) {
    for (uint32_t i = 0; n->set.has_scheme2 && i < n->n_notes; i++) {
        const struct note *note = &n->notes[i];
        struct hkp_dsm_view bytes;
        if (note->kind != HKP_DSM_KIND_MEMBER || memcmp(note->subject, subject, 32) != 0) continue;
        const struct hkp_dsm_certificate *c =
            certificate(n, hkp_dsm__author(n, note->signer), note->certificate, &bytes);
        if (c == NULL) return note->action == HKP_DSM__ACTION_JOIN ? HKP_E_DSM_SIGNER : HKP_OK;
        struct hkp_dsm_certificate read; /* with views of its bytes */
        const hkp_status st = hkp_dsm_certificate_parse(bytes.ptr, bytes.len, &read);
        if (st != HKP_OK || read.bls_key.len == 0) return st;
        return hkp_dsm__bls_possessed(read.bls_key.ptr, read.bls_proof.ptr);
    }
    return HKP_OK;
}

hkp_status hkp_dsm__endorse(node *n, const uint8_t subject[32], uint32_t trust) {
    struct hkp_dsm__endorse e = {.epoch = n->set.epoch, .trust = trust};
    memcpy(e.subject, subject, 32);
    const hkp_status shown = possessed(n, subject);
    if (shown != HKP_OK) return shown;
    hkp_status st = say(n, NULL, &e);
    return st == HKP_E_DSM_DUPLICATE ? HKP_OK : st;
}

hkp_status hkp_dsm_node_endorse(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t subject[32],
                                uint32_t trust) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (trust < HKP_DSM__TRUST_MIN || trust > 1000) return HKP_E_INVAL;
    if (n->seat < 0) return HKP_E_DSM_SIGNER;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    hkp_status st = hkp_dsm__endorse(n, subject, trust);
    n->notes_at = 0;
    hkp_dsm__advance(n);
    return st;
}

hkp_status hkp_dsm_node_seats(const hkp_dsm_node *n, struct hkp_dsm_seat *seats, size_t cap, size_t *count) {
    if (cap < n->set.n) return HKP_E_NOSPC;
    memcpy(seats, n->set.seats, n->set.n * sizeof *seats);
    *count = n->set.n;
    return HKP_OK;
}
