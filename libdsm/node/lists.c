/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What officers publish for all: revocation lists and sets of officers (D-CA-2, D-CA-6 to D-CA-9). A node
 * holds the newest list that it verified (two, if officers signed two of one number) for its sessions, and
 * beside it what the chain carries, by which blocks are judged (D-CERT-2) and which is the same for all:
 * ops_lists.c. A new set of officers is only held here, until the chain makes it count.
 */
#include <string.h>

#include <hookprobe/dsm/lists.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { WEEK_S = 7 * 86400, OP_HEAD = 16 };

static const char held_key[] = "list held 0", next_key[] = "officers next";

/* ---- a list in memory: the bytes of op 5, with views into them ---- */

/* Shape and numbers; who signed is not looked at. */
hkp_status hkp_dsm__list_open(const node *n, const struct hkp_dsm_view *op, struct carried *out) {
    struct hkp_dsm__op o;
    struct hkp_dsm_multi m;
    struct carried c = {.op = NULL};
    hkp_status st = hkp_dsm__op_parse(op->ptr, op->len, &o);
    if (st == HKP_OK && o.op != HKP_DSM__OP_CA_SET && o.op != HKP_DSM__OP_REVOCATIONS) st = HKP_E_DSM_OP;
    if (st == HKP_OK) st = hkp_dsm_multi_parse(o.first.ptr, o.first.len, &m);
    if (st != HKP_OK) return st;
    c.kind = o.op == HKP_DSM__OP_CA_SET ? HKP_DSM_KIND_CA_SET : HKP_DSM_KIND_REVOCATION_LIST;
    if (m.kind != c.kind) return HKP_E_DSM_KIND;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    if (c.kind == HKP_DSM_KIND_CA_SET)
        st = hkp_dsm_ca_set_parse(m.body.ptr, m.body.len, &c.set);
    else
        st = hkp_dsm_revocations_parse(m.body.ptr, m.body.len, &c.list);
    if (st != HKP_OK) return st;
    c.multi = o.first;
    c.ca_version = m.ca_version;
    hkp_dsm_object_id(c.list.id, n->chain_id, c.kind, NULL, m.body.ptr, m.body.len);
    *out = c;
    return HKP_OK;
}

/* The same with the bytes: takes over a reference of op, also when it fails. */
hkp_status hkp_dsm__list_keep(node *n, blob *op, struct carried *out) {
    if (op == NULL) return HKP_E_LIMIT;
    const struct hkp_dsm_view view = {op->ptr, op->len};
    hkp_status st = hkp_dsm__list_open(n, &view, out);
    if (st == HKP_OK)
        out->op = op;
    else
        hkp_dsm__blob_drop(&n->pool, op);
    return st;
}

static blob *op_of(node *n, uint32_t op, const struct hkp_dsm_view *multi) {
    blob *b = hkp_dsm__room(n, multi->len + OP_HEAD);
    size_t len = 0;
    if (b == NULL) return NULL;
    if (hkp_dsm__op_build(op, multi, NULL, b->ptr, b->len, &len) != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, b);
        return NULL;
    }
    b->len = (uint32_t)len;
    return b;
}

void hkp_dsm__carried_drop(node *n, struct carried *c) {
    hkp_dsm__blob_drop(&n->pool, c->op);
    *c = (struct carried){.op = NULL};
}

/* ---- which officers count when (D-CA-2) ---- */

/* An older set issues for 24 h after the next one came; what it certified before stays valid. */
int hkp_dsm__officers_timely(const struct officers_state *s, uint64_t version, uint64_t at_s) {
    for (uint32_t i = 0; i < s->n_sets; i++)
        if (s->sets[i].version == version)
            return i + 1 == s->n_sets || at_s < s->since_s[i + 1] + HKP_DSM_CA_OVERLAP_S;
    return 0;
}

/* It is known, or older than those that are remembered. */
int hkp_dsm__officers_known(const struct officers_state *s, uint64_t version) {
    const uint64_t newest = s->sets[s->n_sets - 1].version;
    if (version < newest && newest - version >= CA_SETS_MAX) return 1;
    for (uint32_t i = 0; i < s->n_sets; i++)
        if (s->sets[i].version == version) return 1;
    return 0;
}

/* ---- taking ---- */

void hkp_dsm__list_tell(node *n, const struct carried *c, uint64_t height) {
    int list = c->kind == HKP_DSM_KIND_REVOCATION_LIST;
    struct event_entry *e = hkp_dsm__fact(n, list ? HKP_DSM_EV_REVOCATIONS : HKP_DSM_EV_CA_SET);
    e->e.seq = list ? c->list.number : c->set.version;
    e->e.height = height;
    e->e.count = (uint32_t)c->list.n_entries;
    e->e.time_us = c->list.this_update_s * 1000000;
    memcpy(e->e.id, c->list.id, 32);
    e->data = hkp_dsm__bytes(n, c->multi.ptr, c->multi.len);
}

static void put_held(node *n, uint32_t i) {
    uint8_t key[sizeof held_key];
    memcpy(key, held_key, sizeof held_key);
    key[sizeof held_key - 2] = (uint8_t)('0' + i);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, key, sizeof key - 1, hkp_dsm__blob_hold(n->lists.held[i].op));
}

static void drop_second(node *n) {
    static const uint8_t from[] = "list held 1", to[] = "list held 2";
    if (n->lists.held[1].op == NULL) return;
    hkp_dsm__carried_drop(n, &n->lists.held[1]);
    hkp_dsm__drop(n, HKP_DSM_ROW_META, from, to, sizeof from - 1);
}

/* Verified, of a number above ours or another list of ours: takes over one reference of c. */
static void hold_list(node *n, struct carried *c) {
    struct lists *l = &n->lists;
    uint32_t at = l->held[0].op != NULL && l->held[0].list.number == c->list.number;
    if (!at) {
        hkp_dsm__carried_drop(n, &l->before);
        l->before = l->held[0]; /* for who asks for it (split) */
        drop_second(n);
    }
    l->held[at] = *c;
    put_held(n, at);
    hkp_dsm__list_tell(n, c, 0);
    hkp_dsm__testimony_revoked(n);
}

static hkp_status verify(node *n, const struct carried *c) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(c->multi.ptr, c->multi.len, &m);
    return st == HKP_OK ? hkp_dsm_multi_check(n->chain_id, &m, c->kind, &n->officers) : st;
}

/* The new list follows another one than ours: that one is asked for. Of our number, the two are E6 (D-CA-7);
 * numbers may be left out (D-CA-6), so only the list itself says which it has. */
static void split(node *n, const struct carried *c) {
    struct lists *l = &n->lists;
    if (l->held[0].op == NULL || c->list.number == l->held[0].list.number) return;
    memset(l->asked_id, 0, 32);
    if (hkp_is_zero(c->list.previous, 32)) return;
    for (uint32_t i = 0; i < 2; i++)
        if (l->held[i].op != NULL && memcmp(l->held[i].list.id, c->list.previous, 32) == 0) return;
    memcpy(l->asked_id, c->list.previous, 32);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_GRAFT, 1);
    hkp_dsm_cbor_put_bytes(&w, l->asked_id, 16);
    blob *msg = hkp_dsm__msg(n, &w);
    if (msg != NULL) hkp_dsm__send_all(n, 1, msg, NULL);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* What is cheap first: whoever sends an old list again costs no signature. */
static hkp_status place(const node *n, const struct carried *c) {
    const struct lists *l = &n->lists;
    const struct carried *held = &l->held[0];
    if (held->op == NULL || c->list.number > held->list.number) return HKP_OK;
    for (uint32_t i = 0; i < 2; i++)
        if (l->held[i].op != NULL && memcmp(l->held[i].list.id, c->list.id, 32) == 0)
            return HKP_E_DSM_DUPLICATE;
    if (c->list.number == held->list.number) return l->held[1].op == NULL ? HKP_OK : HKP_E_DSM_STALE;
    return l->before.op != NULL && memcmp(l->asked_id, c->list.id, 32) == 0 ? HKP_OK : HKP_E_DSM_STALE;
}

static hkp_status take_list(node *n, struct carried *c, uint32_t hops, struct peer *from) {
    struct lists *l = &n->lists;
    hkp_status st = place(n, c);
    if (st == HKP_OK) st = verify(n, c);
    if (st == HKP_OK && !hkp_dsm__officers_timely(&l->officers, c->ca_version, hkp_dsm__judged_at_s(n)))
        st = HKP_E_DSM_CA_VERSION;
    if (st != HKP_OK) return st;
    if (l->held[0].op != NULL && c->list.number < l->held[0].list.number) {
        hkp_dsm__suspect(n, &l->before.multi, &c->multi);
        memset(l->asked_id, 0, 32);
        return HKP_E_DSM_STALE;
    }
    split(n, c);
    if (l->held[0].op != NULL && c->list.number == l->held[0].list.number)
        hkp_dsm__suspect(n, &l->held[0].multi, &c->multi);
    hold_list(n, c);
    hkp_dsm__spread_multi(n, &c->multi, hops, from);
    c->op = NULL;
    return HKP_OK;
}

/* Takes over one reference of c. */
static void hold_officers(node *n, struct carried *c) {
    n->lists.next = *c;
    c->op = NULL;
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, (const uint8_t *)next_key, sizeof next_key - 1,
                      hkp_dsm__blob_hold(n->lists.next.op));
}

/* Only the next version, signed by the officers before it; it counts when the chain says so. */
static hkp_status take_officers(node *n, struct carried *c, uint32_t hops, struct peer *from) {
    struct lists *l = &n->lists;
    if (c->ca_version + 1 != c->set.version || hkp_dsm__officers_known(&l->officers, c->set.version))
        return HKP_E_DSM_STALE;
    if (hkp_dsm__officers_find(&n->officers, c->ca_version) == NULL) {
        hkp_dsm__officers_later(n, c, from);
        return l->jumped ? HKP_E_DSM_CA_VERSION : HKP_E_DSM_GAP; /* who joined asks all that tell it */
    }
    if (l->next.op != NULL && memcmp(l->next.list.id, c->list.id, 32) == 0) return HKP_E_DSM_DUPLICATE;
    hkp_status st = verify(n, c);
    if (st != HKP_OK) return st;
    if (hkp_dsm__officers_claim(n, c)) {
        hkp_dsm__spread_multi(n, &c->multi, hops, from);
        return HKP_OK;
    }
    if (l->next.op != NULL) {
        hkp_dsm__suspect(n, &l->next.multi, &c->multi);
        return HKP_E_DSM_STALE; /* the one in the chain counts (D-CA-9) */
    }
    hold_officers(n, c);
    hkp_dsm__spread_multi(n, &l->next.multi, hops, from);
    return HKP_OK;
}

/* This version came into office. */
void hkp_dsm__officers_came(node *n, uint64_t version) {
    struct lists *l = &n->lists;
    if (l->next.op != NULL && l->next.set.version <= version) {
        hkp_dsm__carried_drop(n, &l->next);
        hkp_dsm__drop_one(n, HKP_DSM_ROW_META, (const uint8_t *)next_key, sizeof next_key - 1);
    }
    hkp_dsm__officers_next(n, version);
}

void hkp_dsm__officers_unproven(node *n, blob *op) {
    struct carried c;
    uint64_t version = n->lists.officers.sets[n->lists.officers.n_sets - 1].version;
    if (n->lists.next.op != NULL || hkp_dsm__list_keep(n, hkp_dsm__blob_hold(op), &c) != HKP_OK) return;
    if (c.set.version == version + 1 && verify(n, &c) == HKP_OK)
        hold_officers(n, &c);
    else
        hkp_dsm__carried_drop(n, &c);
}

hkp_status hkp_dsm__officers_take(node *n, const struct hkp_dsm_view *multi, uint32_t kind, uint32_t hops,
                                  struct peer *from) {
    uint32_t op = kind == HKP_DSM_KIND_CA_SET ? HKP_DSM__OP_CA_SET : HKP_DSM__OP_REVOCATIONS;
    if (kind != HKP_DSM_KIND_CA_SET && kind != HKP_DSM_KIND_REVOCATION_LIST) return HKP_E_UNSUPPORTED;
    if (!hkp_dsm__may_take(n)) return HKP_E_LIMIT;
    struct carried c = {.op = NULL};
    hkp_status st = hkp_dsm__list_keep(n, op_of(n, op, multi), &c);
    if (st != HKP_OK) return st;
    st = op == HKP_DSM__OP_CA_SET ? take_officers(n, &c, hops, from) : take_list(n, &c, hops, from);
    hkp_dsm__blob_drop(&n->pool, c.op);
    return st;
}

/* A list of the chain that is newer than ours is ours, too. */
void hkp_dsm__list_from_chain(node *n, const struct carried *c) {
    if (place(n, c) != HKP_OK ||
        (n->lists.held[0].op != NULL && c->list.number < n->lists.held[0].list.number))
        return;
    struct carried mine = *c;
    mine.op = hkp_dsm__blob_hold(c->op);
    if (n->lists.held[0].op != NULL && n->lists.held[0].list.number == c->list.number)
        hkp_dsm__suspect(n, &n->lists.held[0].multi, &c->multi);
    hold_list(n, &mine);
}

/* ---- told at the start of a session, and asked for by id (D-GSP-13) ---- */

static const struct hkp_dsm_view *by_id(const node *n, const uint8_t id[16]) {
    const struct lists *l = &n->lists;
    const struct carried *all[] = {&l->held[0],  &l->held[1],  &l->next,
                                   &l->chain[0], &l->chain[1], &l->before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->op != NULL && memcmp(all[i]->list.id, id, 16) == 0) return &all[i]->multi;
    for (size_t i = 0; i < CA_SETS_MAX; i++)
        if (l->office[i].op != NULL && memcmp(l->office[i].id, id, 16) == 0) return &l->office[i].multi;
    return NULL;
}

/* Multi of a list or a set of officers with this message id (D-GSP-6); ptr NULL: not held. */
struct hkp_dsm_view hkp_dsm__list_by_id(const node *n, const uint8_t id[16]) {
    const struct hkp_dsm_view *multi = by_id(n, id);
    return multi != NULL ? *multi : (struct hkp_dsm_view){NULL, 0};
}

static int ascending(const void *a, const void *b) { return memcmp(a, b, 16); }

void hkp_dsm__lists_announce(node *n, struct peer *p) {
    const struct carried *all[] = {&n->lists.held[0], &n->lists.held[1], &n->lists.next};
    uint8_t ids[3 + CA_SETS_MAX][16];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        if (all[i]->op != NULL) memcpy(ids[count++], all[i]->list.id, 16);
    for (size_t i = 0; i < CA_SETS_MAX; i++)
        if (n->lists.office[i].op != NULL) memcpy(ids[count++], n->lists.office[i].id, 16);
    if (count == 0) return;
    hkp_dsm__sort(ids, count, sizeof ids[0], ascending);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_IHAVE, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 1, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* ---- at a start ---- */

static int key_is(const uint8_t *key, size_t len, const char *name) {
    return len >= strlen(name) && memcmp(key, name, strlen(name)) == 0;
}

/* Rows of META that belong here: 1 taken, 0 of something else, -1 damaged. */
int hkp_dsm__lists_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    struct lists *l = &n->lists;
    if (key_is(key, key_len, "list chain") || key_is(key, key_len, "officers at"))
        return hkp_dsm__chain_row(n, data, len);
    int since = hkp_dsm__officers_row(n, key, key_len, data, len);
    if (since != 0) return since;
    int next = key_is(key, key_len, next_key);
    if (!next && !key_is(key, key_len, "list held ")) return 0;
    uint32_t at = key_len > 0 && key[key_len - 1] == '1';
    struct carried *c = next ? &l->next : &l->held[at], fresh = {.op = NULL};
    if (hkp_dsm__list_keep(n, hkp_dsm__bytes(n, data, len), &fresh) != HKP_OK) return -1;
    hkp_dsm__carried_drop(n, c);
    *c = fresh;
    return 1;
}

/* ---- what the host asks ---- */

static uint64_t held_serial(const node *n, const uint8_t node_id[16]) {
    uint64_t serial = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (n->lists.held[i].op == NULL) continue;
        uint64_t of = hkp_dsm_revocations_find(&n->lists.held[i].list, node_id);
        if (of > serial) serial = of;
    }
    return serial;
}

static hkp_status submit(node *n, hkp_time now, uint64_t wall_us, const uint8_t *multi, size_t len,
                         uint32_t kind) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    if (len > HKP_DSM_REVOCATION_LIST_MAX) return HKP_E_DSM_TOO_BIG;
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(multi, len, &m);
    if (st != HKP_OK) return st;
    if (m.kind != kind) return HKP_E_DSM_KIND;
    const struct hkp_dsm_view view = {multi, len};
    st = hkp_dsm__officers_take(n, &view, kind, 0, NULL);
    hkp_dsm__advance(n);
    return st;
}

hkp_status hkp_dsm_node_revoke(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *list,
                               size_t len) {
    return submit(n, now, wall_us, list, len, HKP_DSM_KIND_REVOCATION_LIST);
}

hkp_status hkp_dsm_node_officers(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *set,
                                 size_t len) {
    return submit(n, now, wall_us, set, len, HKP_DSM_KIND_CA_SET);
}

uint64_t hkp_dsm_node_revoked(const hkp_dsm_node *n, const uint8_t node_id[16]) {
    return held_serial(n, node_id);
}

/* How fresh the own list is (D-CA-8). Without any list nothing is old. */
static uint32_t freshness(const node *n, uint64_t now_s) {
    const struct carried *c = &n->lists.held[0];
    if (c->op == NULL) return HKP_DSM_LISTS_NONE;
    if (now_s > c->list.this_update_s + WEEK_S) return HKP_DSM_LISTS_LOST;
    return now_s > c->list.next_update_s ? HKP_DSM_LISTS_OLD : HKP_DSM_LISTS_FRESH;
}

static int is_old(uint32_t fresh) { return fresh == HKP_DSM_LISTS_OLD || fresh == HKP_DSM_LISTS_LOST; }

int hkp_dsm__lists_old(const node *n) { return is_old(freshness(n, hkp_dsm__judged_at_s(n))); }

/* A current list gives all sessions their roles back; those that are there when it grows old keep them. */
void hkp_dsm__lists_tick(node *n) {
    const uint32_t fresh = freshness(n, hkp_dsm__judged_at_s(n));
    if (fresh == n->lists.told || (!is_old(fresh) && !is_old(n->lists.told))) return;
    n->lists.told = fresh;
    for (uint32_t i = 0; !is_old(fresh) && i < n->peers_max; i++) n->peers[i].listless = 0;
    const struct carried *c = &n->lists.held[0];
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_LISTS);
    e->e.type = fresh;
    e->e.seq = c->list.number;
    e->e.time_us = c->list.this_update_s * 1000000;
}

hkp_status hkp_dsm_node_lists(const hkp_dsm_node *n, struct hkp_dsm_lists_status *s) {
    if (s->struct_size < sizeof *s) return HKP_E_INVAL;
    const struct lists *l = &n->lists;
    const struct carried *c = &l->held[0];
    uint64_t now_s = hkp_dsm__judged_at_s(n);
    *s = (struct hkp_dsm_lists_status){.struct_size = sizeof *s,
                                       .freshness = freshness(n, now_s),
                                       .number = c->list.number,
                                       .this_update_s = c->list.this_update_s,
                                       .next_update_s = c->list.next_update_s,
                                       .entries = c->list.n_entries,
                                       .rivals = l->held[1].op != NULL,
                                       .chain_number = l->chain[0].list.number,
                                       .ca_version = l->officers.sets[l->officers.n_sets - 1].version,
                                       .ca_waiting = l->next.op != NULL ? l->next.set.version : 0};
    if (c->op != NULL && now_s > c->list.this_update_s) s->age_s = now_s - c->list.this_update_s;
    return HKP_OK;
}

hkp_status hkp_dsm_node_admit(const hkp_dsm_node *n, const uint8_t *certificate, size_t len,
                              struct hkp_dsm_admission *out) {
    if (out->struct_size < sizeof *out) return HKP_E_INVAL;
    uint64_t now_s = hkp_dsm__judged_at_s(n);
    struct hkp_dsm_certificate c;
    hkp_status st = hkp_dsm_certificate_check(certificate, len, n->chain_id, &n->officers, now_s, 0, &c);
    int expired = st == HKP_E_DSM_EXPIRED;
    if (expired) st = hkp_dsm_certificate_parse(certificate, len, &c);
    if (st == HKP_OK) st = hkp_dsm__certificate_timely(n, certificate, len, &c);
    if (st != HKP_OK) return st;
    uint32_t fresh = freshness(n, now_s);
    int revoked = c.serial <= held_serial(n, c.node_id);
    int seats = n->seat >= 0 && hkp_dsm__valset_index(&n->set, c.node_id) >= 0;
    struct hkp_dsm_admission a = {
        .struct_size = sizeof a, .roles = c.roles, .lanes = HKP_DSM_LANES_ALL, .freshness = fresh};
    memcpy(a.node_id, c.node_id, 16);
    if (is_old(fresh)) a.roles &= HKP_DSM_ROLE_EDGE;
    if (fresh == HKP_DSM_LISTS_LOST) a.lanes = 1U << 1;
    if (revoked || (expired && fresh != HKP_DSM_LISTS_LOST)) {
        if (!seats) return revoked ? HKP_E_DSM_REVOKED : HKP_E_DSM_EXPIRED;
        a.roles = a.lanes = 0; /* the chain decides who has a seat, not officers */
    }
    if (seats) a.lanes |= HKP_DSM_LANES_SAFETY;
    a.limited = a.lanes != HKP_DSM_LANES_ALL || a.roles != c.roles;
    *out = a;
    return HKP_OK;
}
