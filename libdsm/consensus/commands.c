/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * RETIRE and tombstone (D-CKP-3, D-CKP-4): operators of members say it, each member signs an ENDORSE, and who
 * leads makes the op of f+1 of them. The subject of a tombstone is a hash, so only who was told the indicator
 * itself can make its op: of f+1 who endorsed at least one is honest and leads before long.
 */
#include <string.h>

#include <hookprobe/dsm/commands.h>

#include "libdsm/node/node.h"

enum { TRUST = 1000 };

static void subject_of(uint32_t kind, const uint8_t id[16], uint8_t subject[32]) {
    const struct hkp_dsm_view key = {id, 16};
    memset(subject, 0, 32);
    if (kind == CHANGE_RETIRE)
        memcpy(subject, id, 16);
    else
        hkp_dsm__hash(subject, "ioc", &key, 1);
}

/* ---- what is valid, and what it does ---- */

/* Something of it is left in the state on which the tree stands. */
static int is_here(const node *n, const uint8_t node_id[16]) {
    return hkp_dsm__valset_index(&n->set, node_id) >= 0 || hkp_dsm__heads_find(n->heads, node_id) >= 0;
}

static hkp_status retire_valid(node *n, const struct hkp_dsm__op *op, const struct prop *parent) {
    uint8_t subject[32];
    if (!is_here(n, op->first.ptr)) return HKP_E_DSM_DUPLICATE;
    if (hkp_dsm__revoked_at(n, parent, op->first.ptr) != HKP_DSM_SERIAL_BARRED) return HKP_E_DSM_OP;
    if (hkp_dsm__valset_index(&n->set, op->first.ptr) < 0 && op->n_endorsements == 0) return HKP_OK;
    subject_of(CHANGE_RETIRE, op->first.ptr, subject);
    return hkp_dsm__endorsed(n->chain_id, &n->set, op, subject);
}

hkp_status hkp_dsm__command_valid(node *n, const struct hkp_dsm__op *op, struct prop *parent) {
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    const uint32_t kind = op->op == HKP_DSM__OP_RETIRE ? CHANGE_RETIRE : CHANGE_TOMBSTONE;
    uint8_t subject[32];
    if (hkp_dsm__pending_find(asked, kind, op->first.ptr) != NULL) return HKP_E_DSM_DUPLICATE;
    if (asked->count >= PENDING_ASKED) return HKP_E_DSM_TOO_BIG;
    if (kind == CHANGE_RETIRE) return retire_valid(n, op, parent);
    subject_of(kind, op->first.ptr, subject);
    return hkp_dsm__endorsed(n->chain_id, &n->set, op, subject);
}

/* Heads that a boundary takes away: of nodes that earlier headers retire. */
size_t hkp_dsm__retired_heads(node *n, const struct prop *p, struct hkp_dsm__head *heads) {
    struct prop *parent = NULL;
    size_t count = 0;
    if (!p->boundary) return 0;
    if (hkp_dsm__parent(n, p, &parent) < 0) parent = NULL; /* at a start: what is final so far */
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    for (uint32_t i = 0; i < asked->count; i++) {
        if (asked->at[i].kind != CHANGE_RETIRE || asked->at[i].height >= p->h.height) continue;
        heads[count] = (struct hkp_dsm__head){.status = 2};
        memcpy(heads[count++].node_id, asked->at[i].seat.node_id, 16);
    }
    return count;
}

/* Told once, at the first boundary after it was asked for. */
void hkp_dsm__retired_final(node *n, const struct prop *p) {
    for (uint32_t i = 0; p->boundary && i < n->pending->count; i++) {
        const struct change *c = &n->pending->at[i];
        if (c->kind != CHANGE_RETIRE || c->height >= p->h.height || c->height + 1 < n->epoch_first) continue;
        struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_RETIRED);
        memcpy(e->e.node_id, c->seat.node_id, 16);
        e->e.height = p->h.height;
        e->e.epoch = p->h.epoch;
    }
}

void hkp_dsm__tombstone_final(node *n, const struct hkp_dsm__op *op, const struct hkp_dsm__header *h) {
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_TOMBSTONE);
    memcpy(e->e.id, op->first.ptr, 16);
    e->e.height = h->height;
    e->e.epoch = h->epoch;
    e->e.time_us = h->time_ms * 1000;
}

/* ---- ops made of endorsements ---- */

/* What an endorsement is about, if it is a command that is known here; 0: none. */
static uint32_t kind_of(const node *n, const uint8_t subject[32], const uint8_t **id) {
    for (uint32_t i = 0; i < n->n_commands; i++) {
        uint8_t other[32];
        subject_of(n->commands[i].kind, n->commands[i].id, other);
        *id = n->commands[i].id;
        if (memcmp(other, subject, 32) == 0) return n->commands[i].kind;
    }
    static const uint8_t none[16];
    *id = subject;
    return memcmp(subject + 16, none, 16) == 0 ? CHANGE_RETIRE : 0;
}

static int is_first(const node *n, const struct note *note) {
    for (const struct note *before = n->notes; before < note; before++)
        if (before->kind == note->kind && memcmp(before->subject, note->subject, 32) == 0) return 0;
    return 1;
}

/* The op of an ENDORSE, once enough are here; the first of them keeps it. */
void hkp_dsm__command_make(node *n, struct note *note) {
    const uint8_t *id;
    const uint32_t kind = kind_of(n, note->subject, &id);
    if (kind == 0 || note->op != NULL || !is_first(n, note)) return;
    const struct hkp_dsm_view first = {id, 16};
    const int alone = kind == CHANGE_RETIRE && hkp_dsm__valset_index(&n->set, id) < 0;
    note->op = hkp_dsm__endorsed_blob(n, kind == CHANGE_RETIRE ? HKP_DSM__OP_RETIRE : HKP_DSM__OP_TOMBSTONE,
                                      &first, NULL, alone ? NULL : note->subject);
}

/* The state after parent lacks it, and would take it. */
int hkp_dsm__command_due(node *n, const struct prop *parent, const struct pending *asked,
                         const struct note *note) {
    const uint8_t *id;
    const uint32_t kind = kind_of(n, note->subject, &id);
    if (kind == 0 || hkp_dsm__pending_find(asked, kind, id) != NULL) return 0;
    return kind == CHANGE_TOMBSTONE ||
           (is_here(n, id) && hkp_dsm__revoked_at(n, parent, id) == HKP_DSM_SERIAL_BARRED);
}

/* ---- what only others know ---- */

/* An ENDORSE was taken: if it is the (f+1)th of its subject, somebody honest knows what that is. Each member
 * leads twice until what it is waited for ends. */
void hkp_dsm__command_counted(node *n, struct note *note) {
    uint32_t count = 0;
    for (uint32_t i = 0; note->kind == HKP_DSM_KIND_ENDORSE && i < n->n_notes; i++)
        count += n->notes[i].kind == note->kind && memcmp(n->notes[i].subject, note->subject, 32) == 0;
    if (count == n->set.f + 1) note->until = n->view + 2 * (uint64_t)n->set.n;
}

static int is_told(const node *n, const struct pending *asked, const uint8_t subject[32]) {
    const uint8_t *id;
    if (kind_of(n, subject, &id) != 0) return 1;
    for (uint32_t i = 0; i < n->n_notes; i++)
        if (n->notes[i].kind == HKP_DSM_KIND_MEMBER && memcmp(n->notes[i].subject, subject, 32) == 0)
            return 1;
    for (uint32_t i = 0; i < asked->count; i++) {
        uint8_t other[32];
        if (asked->at[i].kind != CHANGE_TOMBSTONE) continue;
        subject_of(CHANGE_TOMBSTONE, asked->at[i].seat.node_id, other);
        if (memcmp(other, subject, 32) == 0) return 1;
    }
    return 0;
}

/* 1: f+1 members want something that this node cannot make the op of. Views have to pass until one leads that
 * can (R0, decision 0591). */
int hkp_dsm__command_of_others(node *n, struct prop *parent) {
    for (uint32_t i = 0; i < n->n_notes; i++) {
        struct note *note = &n->notes[i];
        if (note->until <= n->view) continue;
        if (is_told(n, hkp_dsm__pending_at(n, parent), note->subject)) continue;
        if (note->seen_at + n->t_cp <= n->now) return 1;
        if (note->seen_at + n->t_cp < n->work_wake) n->work_wake = note->seen_at + n->t_cp;
    }
    return 0;
}

/* ---- an operator's commands ---- */

static int is_done(const node *n, const struct command *c) {
    return hkp_dsm__pending_find(n->pending, c->kind, c->id) != NULL ||
           (c->kind == CHANGE_RETIRE && !is_here(n, c->id));
}

static int is_said(const node *n, const uint8_t subject[32]) {
    for (uint32_t i = 0; i < n->n_notes; i++)
        if (n->notes[i].kind == HKP_DSM_KIND_ENDORSE && memcmp(n->notes[i].signer, n->id, 16) == 0 &&
            memcmp(n->notes[i].subject, subject, 32) == 0)
            return 1;
    return 0;
}

/* Said in this epoch, if it was not yet; forgotten once the chain has it. */
void hkp_dsm__commands_tick(node *n) {
    for (uint32_t i = 0; i < n->n_commands;) {
        struct command *c = &n->commands[i];
        uint8_t subject[32];
        if (is_done(n, c)) {
            *c = n->commands[--n->n_commands];
            continue;
        }
        i++;
        subject_of(c->kind, c->id, subject);
        if (n->seat < 0 || is_said(n, subject)) continue;
        hkp_status st = hkp_dsm__endorse(n, subject, TRUST);
        (void)st;
    }
}

/* Others may have endorsed it before this node knew what it is. */
static void make_known(node *n, const uint8_t subject[32]) {
    for (uint32_t i = 0; i < n->n_notes; i++)
        if (n->notes[i].kind == HKP_DSM_KIND_ENDORSE && memcmp(n->notes[i].subject, subject, 32) == 0)
            hkp_dsm__command_make(n, &n->notes[i]);
}

static hkp_status command(node *n, hkp_time now, uint64_t wall_us, uint32_t kind, const uint8_t id[16]) {
    uint8_t subject[32];
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (n->seat < 0) return HKP_E_DSM_SIGNER;
    if (kind == CHANGE_RETIRE && (!hkp_dsm__goto(n, NULL) || !is_here(n, id))) return HKP_E_NOTFOUND;
    subject_of(kind, id, subject);
    uint32_t at = 0;
    while (at < n->n_commands && (n->commands[at].kind != kind || memcmp(n->commands[at].id, id, 16) != 0))
        at++;
    if (at == HKP_DSM_COMMANDS_MAX) return HKP_E_LIMIT;
    if (at == n->n_commands) {
        n->commands[n->n_commands++].kind = kind;
        memcpy(n->commands[at].id, id, 16);
    }
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    make_known(n, subject);
    n->notes_at = 0; /* at once */
    hkp_dsm__notes_tick(n);
    hkp_dsm__advance(n);
    return HKP_OK;
}

hkp_status hkp_dsm_node_retire(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t node_id[16]) {
    return command(n, now, wall_us, CHANGE_RETIRE, node_id);
}

hkp_status hkp_dsm_node_tombstone(hkp_dsm_node *n, hkp_time now, uint64_t wall_us,
                                  const uint8_t ioc_key[16]) {
    return command(n, now, wall_us, CHANGE_TOMBSTONE, ioc_key);
}
