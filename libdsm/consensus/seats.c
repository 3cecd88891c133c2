/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Who sits in the next epoch (D-EPO-2): ops ask for changes of the set, a boundary makes as many of them as
 * the limits let it. What was asked for is part of the state of the chain: what is final in n->pending, what
 * unfinalised ancestors add is worked out when it is needed. A change that did not fit waits for the boundary
 * of the next epoch, and no longer: so all of it follows from the set and the bodies of one epoch.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { ROW_CHANGE = 16 + 32 + 4 + 1 + 8, ROW_BLS = 48 };

/* Keys of scheme 2 stand in rows only where the set lists it. */
static size_t row_change(const node *n) { return ROW_CHANGE + (n->set.has_scheme2 ? ROW_BLS : 0U); }

/* ---- what was asked for ---- */

const struct change *hkp_dsm__pending_find(const struct pending *list, uint32_t kind,
                                           const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < list->count; i++)
        if (list->at[i].kind == kind && memcmp(list->at[i].seat.node_id, node_id, 16) == 0)
            return &list->at[i];
    return NULL;
}

static void add(struct pending *list, uint32_t kind, const struct hkp_dsm_seat *seat, uint64_t height) {
    if (list->count == PENDING_MAX || hkp_dsm__pending_find(list, kind, seat->node_id) != NULL) return;
    list->at[list->count++] = (struct change){.kind = kind, .height = height, .seat = *seat};
}

static void add_member(const node *n, struct pending *list, uint32_t kind, const uint8_t node_id[16],
                       uint64_t height) {
    int seat = hkp_dsm__valset_index(&n->set, node_id);
    if (seat >= 0) add(list, kind, &n->set.seats[seat], height);
}

static void add_joining(struct pending *list, const struct hkp_dsm_view *certificate, uint64_t height) {
    struct hkp_dsm_certificate c;
    if (hkp_dsm_certificate_parse(certificate->ptr, certificate->len, &c) != HKP_OK) return;
    struct hkp_dsm_seat seat = {.group = c.group};
    memcpy(seat.node_id, c.node_id, 16);
    memcpy(seat.key, c.key, 32);
    const uint32_t at = list->count;
    add(list, CHANGE_JOIN, &seat, height);
    if (list->count > at && c.bls_key.len == 48) memcpy(list->at[at].bls, c.bls_key.ptr, 48);
}

/* A node without a seat has nothing but its name to be retired, and so have indicators and numbers. */
static void add_name(struct pending *list, uint32_t kind, const uint8_t name[16], uint64_t height) {
    struct hkp_dsm_seat seat = {.group = 0};
    memcpy(seat.node_id, name, 16);
    add(list, kind, &seat, height);
}

/* What an op asks for that is valid or final. */
void hkp_dsm__pending_op(node *n, struct pending *list, const struct hkp_dsm_view *op, uint64_t height) {
    struct hkp_dsm__op o;
    struct hkp_dsm_envelope env;
    struct hkp_dsm__evidence e;
    uint8_t number[16];
    if (hkp_dsm__op_parse(op->ptr, op->len, &o) != HKP_OK) return;
    switch (o.op) {
    case HKP_DSM__OP_EVIDENCE:
        if (hkp_dsm__evidence_number(op, number) == HKP_OK)
            add_name(list, CHANGE_OFFICERS, number, height);
        else if (hkp_dsm__evidence_of(n, op, &e) == HKP_OK && e.class_ <= 4)
            add_member(n, list, CHANGE_EVIDENCE, e.offender[0], height);
        break;
    case HKP_DSM__OP_LEAVE:
        if (hkp_dsm__envelope_shape(o.first.ptr, o.first.len, &env) == HKP_OK)
            add_member(n, list, CHANGE_LEAVE, env.signer, height);
        break;
    case HKP_DSM__OP_JOIN:
        add_joining(list, &o.second, height);
        break;
    case HKP_DSM__OP_TOMBSTONE:
        add_name(list, CHANGE_TOMBSTONE, o.first.ptr, height);
        break;
    case HKP_DSM__OP_RETIRE:
        if (hkp_dsm__valset_index(&n->set, o.first.ptr) >= 0)
            add_member(n, list, CHANGE_RETIRE, o.first.ptr, height);
        else
            add_name(list, CHANGE_RETIRE, o.first.ptr, height);
        break;
    default:
        break;
    }
}

void hkp_dsm__pending_add(node *n, struct pending *list, const struct prop *p) {
    struct hkp_dsm_cbor_reader at = p->parsed.ops;
    for (size_t i = 0; i < p->parsed.n_ops; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        hkp_dsm__pending_op(n, list, &op, p->h.height);
    }
}

/* All that is asked for in the state after parent; good until the next call. */
const struct pending *hkp_dsm__pending_at(node *n, struct prop *parent) {
    struct prop *way[PROPS];
    size_t count = 0;
    for (struct prop *p = parent; p != NULL && count < PROPS;) {
        way[count++] = p;
        if (hkp_dsm__parent(n, p, &p) < 0) break;
    }
    *n->pending_trial = *n->pending;
    while (count > 0) hkp_dsm__pending_add(n, n->pending_trial, way[--count]);
    return n->pending_trial;
}

/* ---- the next set ---- */

/* Seats above what D-SMX-3 lets groups hold: no change but evidence may make it worse. */
static uint32_t crowding(const node *n, const struct hkp_dsm_seat *seats, uint32_t count) {
    uint32_t f, q, extra = 0;
    if (n->single || count < 4) return 0;
    hkp_dsm__quorum(count, &f, &q);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = 0;
        for (uint32_t j = 0; j < i; j++) before += seats[j].group == seats[i].group;
        extra += before >= f;
    }
    return extra;
}

static uint32_t find(const struct hkp_dsm_seat *seats, uint32_t count, const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(seats[i].node_id, node_id, 16) == 0) return i;
    return count;
}

static int removed(const node *n, const struct change *c, struct hkp_dsm_seat *seats, uint32_t *count) {
    struct hkp_dsm_seat rest[HKP_DSM_MEMBERS_MAX];
    uint32_t i = find(seats, *count, c->seat.node_id), left = *count - 1;
    if (i == *count || left == 0) return 0;
    if (c->kind != CHANGE_EVIDENCE && n->set.n >= 4 && left < 4) return 0;
    memcpy(rest, seats, i * sizeof *rest);
    memcpy(rest + i, seats + i + 1, (left - i) * sizeof *rest);
    if (c->kind != CHANGE_EVIDENCE && crowding(n, rest, left) > crowding(n, seats, *count)) return 0;
    memcpy(seats, rest, left * sizeof *rest);
    *count = left;
    return 1;
}

static int joined(const node *n, const struct change *c, struct hkp_dsm_seat *seats, uint32_t *count) {
    struct hkp_dsm_seat more[HKP_DSM_MEMBERS_MAX];
    if (*count == HKP_DSM_MEMBERS_MAX) return 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < *count; i++) {
        int order = memcmp(seats[i].node_id, c->seat.node_id, 16);
        if (order == 0 || memcmp(seats[i].key, c->seat.key, 32) == 0) return 0;
        at += order < 0;
    }
    memcpy(more, seats, at * sizeof *more);
    more[at] = c->seat;
    memcpy(more + at + 1, seats + at, (*count - at) * sizeof *more);
    if (crowding(n, more, *count + 1) > crowding(n, seats, *count)) return 0;
    ++*count;
    memcpy(seats, more, *count * sizeof *more);
    return 1;
}

/* BLS keys of the next set (D-QC-3): who stays keeps its own, who comes brings one, if nobody else has it. */
static const uint8_t *const *bls_keys(const node *n, const struct pending *list,
                                      const struct hkp_dsm_seat *seats, uint32_t count,
                                      const uint8_t *keys[HKP_DSM_MEMBERS_MAX]) {
    const uint8_t *now[HKP_DSM_MEMBERS_MAX];
    if (hkp_dsm__valset_bls(&n->set, now) == NULL) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const int seat = hkp_dsm__valset_index(&n->set, seats[i].node_id);
        const struct change *c = hkp_dsm__pending_find(list, CHANGE_JOIN, seats[i].node_id);
        keys[i] = seat >= 0 ? now[seat] : c != NULL && !hkp_is_zero(c->bls, 48) ? c->bls : NULL;
        for (uint32_t k = 0; k < n->set.n && seat < 0 && keys[i] != NULL; k++)
            if (now[k] != NULL && memcmp(now[k], keys[i], 48) == 0) keys[i] = NULL;
        for (uint32_t k = 0; k < i && seat < 0 && keys[i] != NULL; k++)
            if (keys[k] != NULL && memcmp(keys[k], keys[i], 48) == 0) keys[i] = NULL;
    }
    return keys;
}

/*
 * Asked for below the boundary's height. Evidence first: at most f members are faulty and f is within the
 * limit, so all of them go at once whatever else was asked for.
 */
hkp_status hkp_dsm__next_set(node *n, const struct pending *list, uint64_t boundary, uint8_t *dst,
                             size_t *len) {
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
    uint32_t count = n->set.n, room = n->set.n / 3 > 1 ? n->set.n / 3 : 1;
    memcpy(seats, n->set.seats, count * sizeof *seats);
    static const uint32_t order[] = {1U << CHANGE_EVIDENCE, 1U << CHANGE_RETIRE | 1U << CHANGE_LEAVE,
                                     1U << CHANGE_JOIN};
    for (size_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < list->count && room > 0; i++) {
            const struct change *c = &list->at[i];
            if (c->height >= boundary || (order[k] >> c->kind & 1) == 0) continue;
            room -= (uint32_t)(k < 2 ? removed(n, c, seats, &count) : joined(n, c, seats, &count));
        }
    const uint8_t *keys[HKP_DSM_MEMBERS_MAX];
    return hkp_dsm__valset_write(seats, bls_keys(n, list, seats, count, keys), count, n->set.epoch + 1, dst,
                                 HKP_DSM_VALSET_MAX, len);
}

/* ---- a new epoch ---- */

static void tell(node *n, const struct hkp_dsm_seat *seat, uint32_t seated, const struct pending *why) {
    static const uint32_t kinds[] = {CHANGE_EVIDENCE, CHANGE_RETIRE, CHANGE_LEAVE, CHANGE_JOIN};
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_SEAT);
    memcpy(e->e.node_id, seat->node_id, 16);
    e->e.epoch = n->set.epoch;
    e->e.count = seated;
    for (size_t k = 0; k < 4 && e->e.type == 0; k++)
        if ((kinds[k] == CHANGE_JOIN) == (int)seated &&
            hkp_dsm__pending_find(why, kinds[k], seat->node_id) != NULL)
            e->e.type = kinds[k];
}

static void tell_all(node *n, const struct hkp_dsm__valset *old) {
    for (uint32_t i = 0; i < old->n; i++)
        if (hkp_dsm__valset_index(&n->set, old->seats[i].node_id) < 0) tell(n, &old->seats[i], 0, n->pending);
    for (uint32_t i = 0; i < n->set.n; i++)
        if (hkp_dsm__valset_index(old, n->set.seats[i].node_id) < 0) tell(n, &n->set.seats[i], 1, n->pending);
}

/* The boundary of a new epoch, at this height, did it; or it only counted in the old one. */
static int is_done(const node *n, const struct change *c) {
    if (c->kind > CHANGE_JOIN) return 1;
    if (c->kind == CHANGE_RETIRE && c->height == n->root.height) return 0; /* its head is still there */
    return (hkp_dsm__valset_index(&n->set, c->seat.node_id) >= 0) == (c->kind == CHANGE_JOIN);
}

/* The epoch of old ended: done and twice passed over is forgotten. The boundary's own ops count as new. */
void hkp_dsm__pending_carry(node *n, const struct hkp_dsm__valset *old, uint64_t first) {
    struct pending *list = n->pending;
    uint32_t kept = 0;
    tell_all(n, old);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct change c = list->at[i];
        if (c.height < first || is_done(n, &c)) continue;
        list->at[kept++] = c;
    }
    list->count = kept;
    uint8_t key[9] = "m";
    hkp_put_be64(key + 1, n->root.height);
    const size_t step = row_change(n);
    blob *row = kept > 0 ? hkp_dsm__room(n, (size_t)kept * step) : NULL;
    if (kept == 0) return;
    if (row == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_META, key, sizeof key);
        return;
    }
    for (uint32_t i = 0; i < kept; i++) {
        uint8_t *at = row->ptr + (size_t)i * step;
        const struct change *c = &list->at[i];
        memcpy(at, c->seat.node_id, 16);
        memcpy(at + 16, c->seat.key, 32);
        hkp_put_be32(at + 48, c->seat.group);
        at[52] = (uint8_t)c->kind;
        hkp_put_be64(at + 53, c->height);
        if (step > ROW_CHANGE) memcpy(at + ROW_CHANGE, c->bls, ROW_BLS);
    }
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, key, sizeof key, row);
}

/* The new epoch is on its way to the store: rows of earlier boundaries are of no more use. */
void hkp_dsm__pending_forget(node *n) {
    uint8_t from[9] = "m", to[9] = "m";
    hkp_put_be64(to + 1, n->root.height);
    hkp_dsm__drop(n, HKP_DSM_ROW_META, from, to, sizeof to);
}

/* META row "m", height of the boundary: what waits since then; not ours if of another boundary. */
hkp_status hkp_dsm__pending_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data,
                                size_t len) {
    const size_t step = row_change(n);
    if (key_len != 9) return HKP_E_DSM_SCHEMA;
    if (hkp_be64(key + 1) != n->root.height) return HKP_OK;
    if (len % step != 0 || len / step > PENDING_MAX) return HKP_E_DSM_SCHEMA;
    for (const uint8_t *end = data + len; data < end; data += step) {
        struct hkp_dsm_seat seat = {.group = hkp_be32(data + 48)};
        memcpy(seat.node_id, data, 16);
        memcpy(seat.key, data + 16, 32);
        const uint32_t at = n->pending->count;
        add(n->pending, data[52], &seat, hkp_be64(data + 53));
        if (n->pending->count > at && step > ROW_CHANGE)
            memcpy(n->pending->at[at].bls, data + ROW_CHANGE, ROW_BLS);
    }
    return HKP_OK;
}

/* ---- ops that ask for a change (D-EPO-3) ---- */

static hkp_status leave_valid(node *n, const struct hkp_dsm_envelope *env, struct prop *parent) {
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    int seat = hkp_dsm__valset_index(&n->set, env->signer);
    if (seat < 0) return HKP_E_DSM_SIGNER;
    if (hkp_dsm__pending_find(asked, CHANGE_LEAVE, env->signer) != NULL) return HKP_E_DSM_DUPLICATE;
    return hkp_dsm_envelope_verify(n->chain_id, env, n->set.seats[seat].key);
}

static int key_seated(const node *n, const uint8_t key[32]) {
    for (uint32_t i = 0; i < n->set.n; i++)
        if (memcmp(n->set.seats[i].key, key, 32) == 0) return 1;
    return 0;
}

static hkp_status join_valid(node *n, const struct hkp_dsm__op *op, const struct hkp_dsm_envelope *env,
                             const struct hkp_dsm__member *m, struct prop *parent, uint64_t time_ms) {
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    struct hkp_dsm_certificate c;
    struct hkp_dsm_multi multi;
    uint8_t id[32];
    if (hkp_dsm__valset_index(&n->set, env->signer) >= 0 ||
        hkp_dsm__pending_find(asked, CHANGE_JOIN, env->signer) != NULL)
        return HKP_E_DSM_DUPLICATE;
    if (asked->count >= PENDING_ASKED) return HKP_E_DSM_TOO_BIG;
    hkp_status st =
        hkp_dsm_certificate_check(op->second.ptr, op->second.len, n->chain_id, &n->officers, time_ms / 1000,
                                  hkp_dsm__revoked_at(n, parent, env->signer), &c);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(op->second.ptr, op->second.len, &multi);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, multi.body.ptr, multi.body.len);
    if (memcmp(id, m->certificate, 32) != 0) return HKP_E_DSM_PROOF;
    if (memcmp(c.node_id, env->signer, 16) != 0) return HKP_E_DSM_SIGNER;
    if ((c.roles & HKP_DSM_ROLE_VALIDATOR) == 0) return HKP_E_DSM_ROLE;
    if (key_seated(n, c.key)) return HKP_E_DSM_DUPLICATE;
    st = hkp_dsm_envelope_verify(n->chain_id, env, c.key);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_MEMBER, env->signer, env->body.ptr, env->body.len);
    return hkp_dsm__endorsed(n->chain_id, &n->set, op, id);
}

hkp_status hkp_dsm__seat_op_valid(node *n, const struct hkp_dsm__op *op, struct prop *parent,
                                  uint64_t time_ms) {
    struct hkp_dsm_envelope env;
    struct hkp_dsm__member m;
    hkp_status st =
        hkp_dsm_envelope_parse(op->first.ptr, op->first.len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_MEMBER), &env);
    if (st == HKP_OK) st = hkp_dsm__member_body(&env.body, &m);
    if (st != HKP_OK) return st;
    if (m.epoch != n->set.epoch) return HKP_E_DSM_EPOCH;
    int joins = op->op == HKP_DSM__OP_JOIN;
    if (m.action != (joins ? HKP_DSM__ACTION_JOIN : HKP_DSM__ACTION_LEAVE)) return HKP_E_DSM_SCHEMA;
    return joins ? join_valid(n, op, &env, &m, parent, time_ms) : leave_valid(n, &env, parent);
}
