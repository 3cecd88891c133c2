/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Ops 4 and 5 (D-CKP-3): sets of officers and revocation lists as state of the chain. What holds under a
 * header follows from what is final and from the ops of the headers between, so all validators judge blocks
 * alike (D-CERT-2): the newest list by number counts, and of one number at most two, per node the higher
 * serial (D-CA-9); of two sets of one version the one that stands first in the chain.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* What the chain says under a header. Lists are views into ops of headers or of n->lists.chain. */
struct state {
    struct officers_state officers;
    struct hkp_dsm_revocations list[2];
    uint32_t n_lists;
};

static const char list_key[] = "list chain", officers_key[] = "officers at";

static void add_list(struct state *s, const struct hkp_dsm_revocations *list) {
    if (s->n_lists > 0 && list->number < s->list[0].number) return;
    if (s->n_lists > 0 && list->number > s->list[0].number) s->n_lists = 0;
    if (s->n_lists == 2 || (s->n_lists == 1 && memcmp(s->list[0].id, list->id, 32) == 0)) return;
    s->list[s->n_lists++] = *list;
}

static void move_officers(struct officers_state *s, uint32_t to, uint32_t from) {
    memmove(s->sets + to, s->sets + from, (s->n_sets - from) * sizeof *s->sets);
    memmove(s->since_s + to, s->since_s + from, (s->n_sets - from) * sizeof *s->since_s);
    s->n_sets = s->n_sets + to - from;
}

/* In its place by version: who joined may learn a set before those below it. Those of the oldest certificates
 * are forgotten. */
static void add_officers(struct officers_state *s, const struct hkp_dsm_ca_set *set, uint64_t since_s) {
    uint32_t old = 0, at;
    if (hkp_dsm__officers_known(s, set->version)) return;
    while (old < s->n_sets && s->sets[old].version + CA_SETS_MAX <= set->version) old++;
    move_officers(s, 0, old);
    for (at = s->n_sets; at > 0 && s->sets[at - 1].version > set->version;) at--;
    move_officers(s, at + 1, at);
    s->sets[at] = *set;
    s->since_s[at] = since_s;
}

static void add_header(const node *n, struct state *s, const struct prop *p) {
    struct hkp_dsm_cbor_reader at = p->parsed.ops;
    for (size_t i = 0; i < p->parsed.n_ops; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        struct carried c;
        if (hkp_dsm__list_open(n, &op, &c) != HKP_OK) continue; /* another op: judged before */
        if (c.kind == HKP_DSM_KIND_CA_SET)
            add_officers(&s->officers, &c.set, p->h.time_ms / 1000);
        else
            add_list(s, &c.list);
    }
}

/* The state that parent leaves (NULL: the newest final header). 1: headers that are not final change it. */
static int state_at(node *n, const struct prop *parent, struct state *s) {
    const struct prop *way[PROPS];
    size_t count = 0;
    *s = (struct state){.officers = n->lists.officers};
    for (uint32_t i = 0; i < 2; i++)
        if (n->lists.chain[i].op != NULL) add_list(s, &n->lists.chain[i].list);
    struct prop *up = NULL;
    for (const struct prop *p = parent; p != NULL && count < PROPS; p = up) {
        if (p->parsed.n_ops > 0) way[count++] = p;
        if (hkp_dsm__parent(n, p, &up) < 0) break;
    }
    int changed = count > 0;
    while (count > 0) add_header(n, s, way[--count]);
    return changed;
}

/* ---- validity ---- */

/* Number, version and time alone: not effective, and of officers who may issue at this time. */
static hkp_status fits(const struct state *s, const struct carried *c, uint64_t time_ms) {
    const struct officers_state *o = &s->officers;
    uint64_t version = o->sets[o->n_sets - 1].version;
    if (c->kind == HKP_DSM_KIND_CA_SET)
        return c->set.version == version + 1 && c->ca_version == version ? HKP_OK : HKP_E_DSM_STALE;
    if (!hkp_dsm__officers_timely(o, c->ca_version, time_ms / 1000)) return HKP_E_DSM_CA_VERSION;
    if (s->n_lists == 0 || c->list.number > s->list[0].number) return HKP_OK;
    int known = s->n_lists == 2 || memcmp(s->list[0].id, c->list.id, 32) == 0;
    return c->list.number < s->list[0].number || known ? HKP_E_DSM_STALE : HKP_OK;
}

hkp_status hkp_dsm__list_op_valid(node *n, const struct hkp_dsm_view *op, const struct prop *parent,
                                  uint64_t time_ms) {
    struct state s;
    struct carried c;
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm__list_open(n, op, &c);
    if (st != HKP_OK) return st;
    (void)state_at(n, parent, &s);
    st = fits(&s, &c, time_ms);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(c.multi.ptr, c.multi.len, &m);
    const struct hkp_dsm_officers officers = {.sets = s.officers.sets,
                                              .n_sets = s.officers.n_sets,
                                              .scratch = n->officers.scratch,
                                              .scratch_len = n->officers.scratch_len};
    return st == HKP_OK ? hkp_dsm_multi_check(n->chain_id, &m, c.kind, &officers) : st;
}

static int in_office(const struct hkp_dsm_ca_set *set, const struct hkp_dsm__evidence *e) {
    for (uint32_t i = 0; i < e->n_offenders; i++)
        for (uint32_t k = 0; k < set->n_keys; k++)
            if (memcmp(e->offender[i], set->keys[k], 32) == 0) return 1;
    return 0;
}

/* Verified by the officers of the parent state, so that all judge it alike. */
hkp_status hkp_dsm__officers_op_valid(node *n, const struct hkp_dsm_view *op, const uint8_t number[16],
                                      struct prop *parent) {
    const struct pending *asked = hkp_dsm__pending_at(n, parent);
    struct hkp_dsm__evidence e;
    struct state s;
    if (hkp_dsm__pending_find(asked, CHANGE_OFFICERS, number) != NULL) return HKP_E_DSM_DUPLICATE;
    if (asked->count >= PENDING_ASKED) return HKP_E_DSM_TOO_BIG;
    (void)state_at(n, parent, &s);
    const struct hkp_dsm_officers officers = {.sets = s.officers.sets,
                                              .n_sets = s.officers.n_sets,
                                              .scratch = n->officers.scratch,
                                              .scratch_len = n->officers.scratch_len};
    const struct hkp_dsm__keys keys = {.officers = &officers};
    hkp_status st = hkp_dsm__evidence_check(op->ptr, op->len, n->chain_id, &keys, &e);
    if (st != HKP_OK) return st;
    return in_office(&s.officers.sets[s.officers.n_sets - 1], &e) ? HKP_OK : HKP_E_DSM_SIGNER;
}

/* Ops that a leader adds: what this node holds, verified when it came, and the chain lacks. */
size_t hkp_dsm__list_ops(node *n, const struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops,
                         size_t max) {
    const struct carried *all[] = {&n->lists.next, &n->lists.held[0], &n->lists.held[1]};
    struct state s;
    size_t count = 0;
    if (all[0]->op == NULL && all[1]->op == NULL) return 0;
    (void)state_at(n, parent, &s);
    for (size_t i = 0, total = 0; i < 3 && count < max; i++) {
        if (all[i]->op == NULL || total + all[i]->op->len > OPS_BYTES_MAX ||
            fits(&s, all[i], time_ms) != HKP_OK)
            continue;
        total += all[i]->op->len;
        ops[count++] = (struct hkp_dsm_view){all[i]->op->ptr, all[i]->op->len};
    }
    return count;
}

/* ---- who is revoked under a header ---- */

/* For hkp_dsm__revoked_of(): lists of headers that are not final mark the authors that they name. */
void hkp_dsm__revoked_begin(node *n, const struct prop *parent) {
    struct lists *l = &n->lists;
    struct state s;
    if (parent != NULL && l->over != 0 && memcmp(l->over_digest, parent->h.digest, 32) == 0) return;
    l->over = 0;
    if (parent == NULL || !state_at(n, parent, &s)) return;
    if (s.n_lists == 0 || (l->chain[0].op != NULL && s.n_lists == 1U + (l->chain[1].op != NULL) &&
                           memcmp(s.list[0].id, l->chain[0].list.id, 32) == 0))
        return;
    l->over = ++l->marks;
    memcpy(l->over_digest, parent->h.digest, 32);
    for (uint32_t i = 0; i < s.n_lists; i++) {
        struct hkp_dsm_revocation e;
        while (hkp_dsm_revocations_next(&s.list[i], &e) == HKP_OK) {
            struct author *a = hkp_dsm__author(n, e.node_id);
            if (a == NULL || (a->over_mark == l->over && a->over_serial >= e.serial)) continue;
            a->over_mark = l->over;
            a->over_serial = e.serial;
        }
    }
}

uint64_t hkp_dsm__revoked_of(const node *n, const struct author *a) {
    if (n->lists.over == 0) return a->revoked;
    return a->over_mark == n->lists.over ? a->over_serial : 0;
}

uint64_t hkp_dsm__revoked_at(node *n, const struct prop *parent, const uint8_t node_id[16]) {
    struct state s;
    uint64_t serial = 0;
    (void)state_at(n, parent, &s);
    for (uint32_t i = 0; i < s.n_lists; i++) {
        uint64_t of = hkp_dsm_revocations_find(&s.list[i], node_id);
        if (of > serial) serial = of;
    }
    return serial;
}

static void mark_all(node *n) {
    for (uint32_t i = 0; i < n->n_authors; i++) n->authors[i].revoked = 0;
    for (uint32_t k = 0; k < 2; k++) {
        struct hkp_dsm_revocations list = n->lists.chain[k].list;
        struct hkp_dsm_revocation e;
        while (n->lists.chain[k].op != NULL && hkp_dsm_revocations_next(&list, &e) == HKP_OK) {
            struct author *a = hkp_dsm__author(n, e.node_id);
            if (a != NULL && e.serial > a->revoked) a->revoked = e.serial;
        }
    }
}

/* ---- final ---- */

/* [height, time_s, op] behind each other; the key tells what it is, and from which height on. */
static void put_row(node *n, const char *name, uint64_t number, uint64_t second, const struct carried *c,
                    uint64_t height, uint64_t time_s) {
    uint8_t key[KEY_MAX];
    size_t len = strlen(name);
    memcpy(key, name, len);
    hkp_put_be64(key + len, number);
    key[len + 8] = (uint8_t)second;
    blob *row = hkp_dsm__room(n, 16 + (size_t)c->op->len);
    if (row == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_META, key, len + 9);
        return;
    }
    hkp_put_be64(row->ptr, height);
    hkp_put_be64(row->ptr + 8, time_s);
    memcpy(row->ptr + 16, c->op->ptr, c->op->len);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, key, len + 9, row);
}

/* Rows of numbers below this one; those of the number before it stay, until the new one is surely durable. */
static void drop_rows(node *n, const char *name, uint64_t below) {
    uint8_t from[KEY_MAX] = {0}, to[KEY_MAX] = {0};
    size_t len = strlen(name);
    memcpy(from, name, len);
    memcpy(to, name, len);
    hkp_put_be64(to + len, below);
    hkp_dsm__drop(n, HKP_DSM_ROW_META, from, to, len + 8);
}

/* Takes over one reference of c->op. */
static void chain_list(node *n, struct carried *c) {
    struct carried *now = n->lists.chain;
    uint64_t number = now[0].op != NULL ? now[0].list.number : 0;
    int second = c->list.number == number;
    if (c->list.number < number ||
        (second && (now[1].op != NULL || memcmp(now[0].list.id, c->list.id, 32) == 0))) {
        hkp_dsm__carried_drop(n, c);
        return;
    }
    for (uint32_t i = 0; !second && i < 2; i++) hkp_dsm__carried_drop(n, &now[i]);
    now[second] = *c;
}

static void officers_final(node *n, struct carried *c, uint64_t height, uint64_t time_s) {
    struct officers_state *o = &n->lists.officers;
    if (hkp_dsm__officers_known(o, c->set.version)) return;
    put_row(n, officers_key, c->set.version, 0, c, height, time_s);
    add_officers(o, &c->set, time_s);
    hkp_dsm__office_keep(n, c);
    n->officers.n_sets = o->n_sets;
    hkp_dsm__list_tell(n, c, height);
    if (c->set.version > CA_SETS_MAX) drop_rows(n, officers_key, c->set.version - CA_SETS_MAX);
    hkp_dsm__officers_came(n, c->set.version);
}

void hkp_dsm__list_final(node *n, const struct hkp_dsm_view *op, uint64_t height, uint64_t time_ms) {
    struct carried c;
    if (hkp_dsm__list_keep(n, hkp_dsm__bytes(n, op->ptr, op->len), &c) != HKP_OK) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_META, NULL, 0);
        return;
    }
    if (c.kind == HKP_DSM_KIND_CA_SET) {
        officers_final(n, &c, height, time_ms / 1000);
        hkp_dsm__carried_drop(n, &c);
        return;
    }
    struct lists *l = &n->lists;
    uint64_t before = l->chain[0].op != NULL ? l->chain[0].list.number : 0;
    uint32_t second = before == c.list.number;
    put_row(n, list_key, c.list.number, second, &c, height, time_ms / 1000);
    if (!second) drop_rows(n, list_key, before);
    hkp_dsm__list_from_chain(n, &c);
    hkp_dsm__list_tell(n, &c, height);
    chain_list(n, &c);
    mark_all(n);
    n->lists.over = 0;
}

void hkp_dsm__lists_jump(node *n, uint64_t height, uint64_t time_ms) {
    struct lists *l = &n->lists;
    uint64_t before = l->chain[0].op != NULL ? l->chain[0].list.number : 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (l->held[i].op == NULL || l->held[i].list.number <= before) continue;
        struct carried c = l->held[i];
        c.op = hkp_dsm__blob_hold(l->held[i].op);
        put_row(n, list_key, c.list.number, i, &c, height, time_ms / 1000);
        chain_list(n, &c);
    }
    mark_all(n);
    l->over = 0;
}

/* ---- at a start ---- */

/* Rows whose height is not final yet are not ours: what they say comes again with that height. */
int hkp_dsm__chain_row(node *n, const uint8_t *data, size_t len) {
    struct lists *l = &n->lists;
    struct carried c;
    if (len < 17 || l->n_loaded == LISTS_LOADED) return -1;
    if (hkp_dsm__list_keep(n, hkp_dsm__bytes(n, data + 16, len - 16), &c) != HKP_OK) return -1;
    l->loaded[l->n_loaded].at = c;
    l->loaded[l->n_loaded].height = hkp_be64(data);
    l->loaded[l->n_loaded++].time_s = hkp_be64(data + 8);
    return 1;
}

void hkp_dsm__lists_loaded(node *n) {
    struct lists *l = &n->lists;
    for (uint32_t i = 0; i < l->n_loaded; i++) {
        struct carried *c = &l->loaded[i].at;
        if (l->loaded[i].height > n->root.height) {
            hkp_dsm__carried_drop(n, c);
        } else if (c->kind == HKP_DSM_KIND_CA_SET) {
            add_officers(&l->officers, &c->set, l->loaded[i].time_s);
            hkp_dsm__office_keep(n, c);
            hkp_dsm__carried_drop(n, c);
        } else {
            chain_list(n, c);
        }
    }
    l->n_loaded = 0;
    n->officers.n_sets = l->officers.n_sets;
    if (l->next.op != NULL && hkp_dsm__officers_known(&l->officers, l->next.set.version))
        hkp_dsm__carried_drop(n, &l->next);
    mark_all(n);
}
