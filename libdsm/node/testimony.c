/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Claims and what witnesses say about them, carried by gossip (D-WIT). The table of beside/ judges and
 * counts; beside it the envelopes are kept as long as their claim is open: for whoever asks (GRAFT) and for
 * the portable proof. Whatever is open is announced again, in turn, to one neighbour after the other, so that
 * what was lost, or came before its claim or certificate, comes all the same (decision 0540). Only what the
 * node itself said outlives a start (decision 0624).
 */
#include "libdsm/node/testimony.h"

#include <string.h>

#include <hookprobe/dsm/testimony.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

typedef struct hkp_dsm__testimony testimony;
typedef struct hkp_dsm__statement statement;
typedef struct hkp_dsm__claim_file claim_file;
typedef struct hkp_dsm__word word;

enum { AGAIN_S = 2, SHARE = 8, GROUPS = 16, SAID_BYTES = HKP_DSM_WITNESSES * 2 * sizeof(statement *) };

static uint64_t now_s(const node *n) { return hkp_dsm__judged_at_s(n); }

hkp_status hkp_dsm__testimony_new(node *n) {
    struct hkp_dsm_claim_table_options o;
    struct hkp_dsm_directory directory;
    hkp_dsm_claim_table_options_init(&o, sizeof o);
    hkp_dsm_node_directory(n, &directory);
    o.claims_max = n->testimony.max;
    o.mem = n->mem;
    o.chain_id = n->chain_id;
    o.directory = &directory;
    n->testimony.at = HKP_TIME_NEVER;
    return hkp_dsm_claim_table_new(&n->testimony.table, &o);
}

/* ---- envelopes that are kept ---- */

static statement **bucket(const node *n, const uint8_t id[16]) {
    return &n->testimony.by_id[hkp_le32(id) % STATEMENT_BUCKETS];
}

static statement *by_id(const node *n, const uint8_t id[16]) {
    statement *s = *bucket(n, id);
    while (s != NULL && memcmp(s->id, id, 16) != 0) s = s->next;
    return s;
}

blob *hkp_dsm__statement_object(const node *n, const uint8_t id[16]) {
    const statement *s = by_id(n, id);
    return s != NULL ? s->envelope : NULL;
}

static void statement_drop(node *n, statement *s) {
    if (s == NULL) return;
    statement **at = bucket(n, s->id);
    while (*at != NULL && *at != s) at = &(*at)->next;
    if (*at == s) *at = s->next; /* else it was never put there */
    hkp_dsm__blob_drop(&n->pool, s->envelope);
    hkp_dsm__pool_give(&n->pool, s);
}

/* Not found by its id until it is linked. */
static statement *statement_new(node *n, const struct hkp_dsm_view *envelope, const uint8_t id[16]) {
    statement *s = hkp_dsm__take(n, sizeof *s);
    if (s == NULL) return NULL;
    *s = (statement){.envelope = hkp_dsm__bytes(n, envelope->ptr, envelope->len)};
    memcpy(s->id, id, 16);
    if (s->envelope != NULL) return s;
    hkp_dsm__pool_give(&n->pool, s);
    return NULL;
}

static size_t bytes_of(const statement *s) { return s->envelope->len + sizeof *s; }

static void statement_link(node *n, claim_file *f, statement *s) {
    statement **at = bucket(n, s->id);
    s->next = *at;
    *at = s;
    f->bytes += bytes_of(s);
    n->testimony.bytes += bytes_of(s);
}

static void file_clear(node *n, claim_file *f) {
    statement_drop(n, f->claim);
    for (uint32_t i = 0; f->said != NULL && i < HKP_DSM_WITNESSES; i++) {
        statement_drop(n, f->said[i][0]);
        statement_drop(n, f->said[i][1]);
    }
    if (f->said != NULL) hkp_dsm__pool_give(&n->pool, f->said);
    n->testimony.bytes -= f->bytes;
    *f = (claim_file){.told = f->told};
}

/* Bytes kept of claims that end after then; group NULL: of all groups. */
static size_t kept(const node *n, const uint32_t *group, uint64_t then_s) {
    const struct hkp_dsm__open_claim *c;
    size_t bytes = 0;
    for (uint32_t i = 0; (c = hkp_dsm__claim_table_at(n->testimony.table, i)) != NULL; i++)
        if (c->expires_s > then_s && (group == NULL || c->group == *group))
            bytes += n->testimony.files[i].bytes;
    return bytes;
}

/* What is kept of the claim that expired first goes; 0: all that is kept is of open claims. */
static int drop_expired(node *n, const uint32_t *group) {
    const struct hkp_dsm__open_claim *first = NULL, *c;
    const uint64_t now = now_s(n);
    uint32_t at = 0;
    for (uint32_t i = 0; (c = hkp_dsm__claim_table_at(n->testimony.table, i)) != NULL; i++) {
        if (n->testimony.files[i].bytes == 0 || now < c->expires_s) continue;
        if (group != NULL && c->group != *group) continue;
        if (first == NULL || c->expires_s < first->expires_s) first = c, at = i;
    }
    if (first != NULL) file_clear(n, &n->testimony.files[at]);
    return first != NULL;
}

static size_t share_of(const node *n) { return n->pool.units / SHARE * POOL_UNIT; }

/* An eighth of the pool is for statements, a sixteenth of that for claims of one group and what is said about
 * them. Expired ones count for nothing here: they go, but not for what nobody has verified yet. */
static int has_room(const node *n, uint32_t group, size_t len) {
    const uint64_t now = now_s(n);
    return kept(n, NULL, now) + len <= share_of(n) && kept(n, &group, now) + len <= share_of(n) / GROUPS &&
           !hkp_dsm__fuller(n, FILL_BLOCKS);
}

/* For what has_room() said yes to. */
static void make_room(node *n, uint32_t group, size_t len) {
    while (kept(n, &group, 0) + len > share_of(n) / GROUPS && drop_expired(n, &group)) continue;
    while (n->testimony.bytes + len > share_of(n) && drop_expired(n, NULL)) continue;
}

/* ---- verdicts ---- */

static struct event_entry *fact(node *n, uint32_t kind, const struct hkp_dsm__open_claim *c) {
    struct event_entry *e = hkp_dsm__fact(n, kind);
    memcpy(e->e.id, c->id, 32);
    memcpy(e->e.node_id, c->claimant, 16);
    return e;
}

/* The host hears of each change of how a claim stands. */
static void judge(node *n, uint32_t at) {
    const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(n->testimony.table, at);
    claim_file *f = &n->testimony.files[at];
    struct hkp_dsm_tally tally;
    hkp_dsm__claim_count(c, now_s(n), &tally);
    if (tally.state == f->told) return;
    f->told = tally.state;
    struct event_entry *e = fact(n, HKP_DSM_EV_VERDICT, c);
    e->e.type = tally.state;
    e->e.count = tally.confirms;
    e->e.seq = tally.refutes;
}

static const struct hkp_dsm_certificate *newest(const struct author *a) {
    const struct hkp_dsm_certificate *best = NULL;
    for (uint32_t i = 0; a != NULL && i < a->n_certs; i++)
        if (best == NULL || a->certs[i].serial > best->serial) best = &a->certs[i];
    return best;
}

/* Witnesses whose certificate was revoked say nothing any more (D-WIT-3). */
void hkp_dsm__testimony_revoked(node *n) {
    const hkp_dsm_claim_table *t = n->testimony.table;
    struct hkp_dsm__open_claim *c;
    for (uint32_t i = 0; t != NULL && (c = hkp_dsm__claim_table_at(t, i)) != NULL; i++) {
        if (now_s(n) >= c->expires_s) continue;
        for (uint32_t j = 0; j < c->n_said; j++) {
            const struct hkp_dsm_certificate *has = newest(hkp_dsm__author(n, c->said[j].witness));
            if (has == NULL || has->serial <= hkp_dsm_node_revoked(n, c->said[j].witness))
                c->said[j].is_void = 1;
        }
        judge(n, i);
    }
}

/* ---- in ---- */

static hkp_status take_claim(node *n, const struct hkp_dsm_view *envelope, const uint8_t signer[16],
                             statement *s) {
    testimony *t = &n->testimony;
    const struct hkp_dsm_certificate *of = newest(hkp_dsm__author(n, signer));
    uint8_t id[32];
    if (of == NULL) return HKP_E_DSM_SIGNER;
    if (!has_room(n, of->group, bytes_of(s))) return HKP_E_LIMIT;
    const hkp_status st = hkp_dsm_claim_table_claim(t->table, envelope->ptr, envelope->len, now_s(n), id);
    if (st != HKP_OK) return st;
    const uint32_t at = (uint32_t)hkp_dsm__claim_table_find(t->table, id);
    const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(t->table, at);
    file_clear(n, &t->files[at]);
    make_room(n, c->group, bytes_of(s));
    t->files[at].claim = s;
    t->files[at].told = HKP_DSM_CLAIM_PENDING;
    statement_link(n, &t->files[at], s);
    fact(n, HKP_DSM_EV_CLAIM, c)->data = hkp_dsm__blob_hold(s->envelope);
    return HKP_OK;
}

/* A statement that came before its claim: the claim is asked for where it came from. */
static void ask_claim(node *n, const struct peer *from, const uint8_t id[16]) {
    if (from != NULL && from->link != 0)
        hkp_dsm__tree_ihave(&n->spread.tree, n->now, from->link - 1, 3, id, 0);
}

static uint32_t said_at(const struct hkp_dsm__open_claim *c, const uint8_t witness[16]) {
    uint32_t j = 0;
    while (j < c->n_said && memcmp(c->said[j].witness, witness, 16) != 0) j++;
    return j;
}

/* Into the file of an open claim; with the first one comes the room for all that is said about it. */
static void file_witness(node *n, claim_file *f, uint32_t place, statement *s, void *room) {
    if (room != NULL) {
        f->said = memset(room, 0, SAID_BYTES);
        f->bytes += SAID_BYTES;
        n->testimony.bytes += SAID_BYTES;
    }
    f->said[place][f->said[place][0] != NULL] = s;
    statement_link(n, f, s);
}

static hkp_status take_witness(node *n, const struct hkp_dsm_view *envelope, const struct hkp_dsm_envelope *e,
                               const struct peer *from, statement *s) {
    testimony *t = &n->testimony;
    struct hkp_dsm_witness w;
    struct hkp_dsm_tally tally;
    hkp_status st = hkp_dsm_witness_parse(e->body.ptr, e->body.len, &w);
    if (st != HKP_OK) return st;
    const size_t at = hkp_dsm__claim_table_find(t->table, w.claim);
    const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(t->table, at);
    const int first = c != NULL && t->files[at].said == NULL;
    const size_t bytes = bytes_of(s) + (first ? SAID_BYTES : 0);
    void *room = first ? hkp_dsm__take(n, SAID_BYTES) : NULL;
    if ((first && room == NULL) || (c != NULL && !has_room(n, c->group, bytes)))
        st = HKP_E_LIMIT;
    else
        st = hkp_dsm_claim_table_witness(t->table, envelope->ptr, envelope->len, now_s(n), &tally);
    if (st == HKP_E_NOTFOUND) ask_claim(n, from, w.claim);
    if (st != HKP_OK) {
        if (room != NULL) hkp_dsm__pool_give(&n->pool, room);
        return st;
    }
    make_room(n, c->group, bytes);
    file_witness(n, &t->files[at], said_at(c, e->signer), s, room);
    judge(n, (uint32_t)at);
    return HKP_OK;
}

static hkp_status take(node *n, const struct hkp_dsm_view *envelope, struct peer *from, statement **out) {
    const uint32_t kinds = 1U << HKP_DSM_KIND_CLAIM | 1U << HKP_DSM_KIND_WITNESS;
    struct hkp_dsm_envelope e;
    uint8_t id[32];
    hkp_status st = hkp_dsm_envelope_parse(envelope->ptr, envelope->len, kinds, &e);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, n->chain_id, (uint32_t)e.kind, e.signer, e.body.ptr, e.body.len);
    if (by_id(n, id) != NULL) return HKP_E_DSM_DUPLICATE;
    statement *s = statement_new(n, envelope, id);
    if (s == NULL) return HKP_E_LIMIT;
    st = e.kind == HKP_DSM_KIND_CLAIM ? take_claim(n, envelope, e.signer, s)
                                      : take_witness(n, envelope, &e, from, s);
    if (st == HKP_E_DSM_SIGNER) hkp_dsm__certificate_ask(n, hkp_dsm__author(n, e.signer), from, e.signer);
    if (st != HKP_OK) {
        statement_drop(n, s);
        return st;
    }
    if (n->testimony.at == HKP_TIME_NEVER) n->testimony.at = n->now + AGAIN_S * SECOND;
    *out = s;
    return HKP_OK;
}

hkp_status hkp_dsm__statement_take(node *n, const struct hkp_dsm_view *envelope, struct peer *from,
                                   uint32_t hops) {
    statement *s;
    const hkp_status st = take(n, envelope, from, &s);
    if (st == HKP_OK) hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, s->envelope, hops, from);
    return st;
}

/* ---- what this node said ---- */

/* META row "said" and a place: claim, its end, verdict. Durable before the statement leaves: a node that
 * forgot what it said would say another thing and be void (D-WIT-3). Claims that are over give their place.
 */
static const uint8_t said_key[] = {'s', 'a', 'i', 'd'};
enum { WORD_KEY = sizeof said_key + 2, WORD_BYTES = 41 };

/* What it said about a claim, NULL: nothing. */
static word *word_of(node *n, const uint8_t claim[32]) {
    for (uint32_t i = 0; i < HKP_DSM_CLAIMS; i++) {
        word *w = &n->testimony.words[i];
        if (w->expires_s > 0 && memcmp(w->claim, claim, 32) == 0) return w;
    }
    return NULL;
}

static word *word_free(node *n) {
    const uint64_t now = now_s(n);
    for (uint32_t i = 0; i < HKP_DSM_CLAIMS; i++)
        if (n->testimony.words[i].expires_s <= now) return &n->testimony.words[i];
    return NULL;
}

/* row: WORD_BYTES, taken over. */
static void word_keep(node *n, const word *w, statement *s, blob *row) {
    uint8_t key[WORD_KEY];
    const uint32_t place = (uint32_t)(w - n->testimony.words);
    memcpy(key, said_key, sizeof said_key);
    hkp_put_be16(key + sizeof said_key, (uint16_t)place);
    memcpy(row->ptr, w->claim, 32);
    hkp_put_be64(row->ptr + 32, w->expires_s);
    row->ptr[40] = w->verdict;
    s->ticket = hkp_dsm__put_blob(n, HKP_DSM_ROW_META, key, sizeof key, row);
    hkp_dsm__hold(n, HELD_SAID, s->ticket)->ptr = hkp_dsm__blob_hold(s->envelope);
}

void hkp_dsm__testimony_durable(node *n, blob *envelope) {
    hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, envelope, 0, NULL);
    hkp_dsm__blob_drop(&n->pool, envelope);
}

int hkp_dsm__testimony_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != WORD_KEY || memcmp(key, said_key, sizeof said_key) != 0) return 0;
    const uint32_t place = hkp_be16(key + sizeof said_key);
    if (len != WORD_BYTES || place >= HKP_DSM_CLAIMS) return -1;
    word *w = &n->testimony.words[place];
    memcpy(w->claim, data, 32);
    w->expires_s = hkp_be64(data + 32);
    w->verdict = data[40];
    return 1;
}

/* ---- out ---- */

static int ascending(const void *x, const void *y) { return memcmp(x, y, 16); }

/* 0: one of this node that is not durable yet. */
static int may_leave(const node *n, const statement *s) { return s->ticket <= n->durable; }

static size_t gather(const node *n, const claim_file *f, uint8_t (*ids)[16]) {
    size_t count = 0;
    memcpy(ids[count++], f->claim->id, 16);
    for (uint32_t j = 0; f->said != NULL && j < HKP_DSM_WITNESSES; j++)
        for (int k = 0; k < 2; k++)
            if (f->said[j][k] != NULL && may_leave(n, f->said[j][k]))
                memcpy(ids[count++], f->said[j][k]->id, 16);
    return count;
}

/* Ids of open claims and of what is said about them, whole claims at a time, from where the last turn ended.
 */
static size_t next_ids(node *n, uint8_t (*ids)[16]) {
    uint8_t of_one[1 + 2 * HKP_DSM_WITNESSES][16];
    testimony *t = &n->testimony;
    const size_t used = hkp_dsm__claim_table_used(t->table);
    size_t count = 0;
    for (size_t i = 0; i < used; i++, t->cursor++) {
        if (t->cursor >= used) t->cursor = 0;
        const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(t->table, t->cursor);
        const claim_file *f = &t->files[t->cursor];
        if (f->claim == NULL || now_s(n) >= c->expires_s) continue;
        const size_t more = gather(n, f, of_one);
        if (count + more > STATEMENT_IDS) break;
        memcpy(ids + count, of_one, more * 16);
        count += more;
    }
    hkp_dsm__sort(ids, count, 16, ascending);
    return count;
}

void hkp_dsm__testimony_peer(node *n, struct peer *p) {
    uint8_t ids[STATEMENT_IDS][16];
    const size_t count = p != NULL ? next_ids(n, ids) : 0;
    if (count == 0) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_IHAVE, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 3, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__testimony_tick(node *n) {
    testimony *t = &n->testimony;
    const struct hkp_dsm__open_claim *c;
    uint64_t soonest = UINT64_MAX;
    if (n->now < t->at || !hkp_dsm__may_take(n)) return;
    for (uint32_t i = 0; (c = hkp_dsm__claim_table_at(t->table, i)) != NULL; i++) {
        judge(n, i);
        if (now_s(n) < c->expires_s && c->expires_s - now_s(n) < soonest) soonest = c->expires_s - now_s(n);
    }
    t->at = HKP_TIME_NEVER;
    if (soonest == UINT64_MAX) return;
    hkp_dsm__testimony_peer(n, hkp_dsm__some_peer(n, 3, 0));
    t->at = n->now + (soonest < AGAIN_S ? soonest : AGAIN_S) * SECOND;
}

/* ---- what the host says and asks ---- */

static hkp_status begin(node *n, hkp_time now, uint64_t wall_us) {
    if (!hkp_dsm__may_take(n)) return HKP_E_LIMIT;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    return HKP_OK;
}

static hkp_status say(node *n, uint32_t kind, const struct hkp_dsm_view *body, statement **s) {
    uint8_t envelope[HKP_DSM_CLAIM_MAX + 128];
    struct hkp_dsm_view view = {.ptr = envelope};
    const hkp_status st = hkp_dsm_envelope_sign(n->chain_id, kind, n->id, n->secret, body->ptr, body->len,
                                                envelope, sizeof envelope, &view.len);
    return st == HKP_OK ? take(n, &view, NULL, s) : st;
}

hkp_status hkp_dsm_node_claim(hkp_dsm_node *n, hkp_time now, uint64_t wall_us,
                              const struct hkp_dsm_claim *claim, uint8_t id[32]) {
    uint8_t bytes[HKP_DSM_CLAIM_MAX];
    struct hkp_dsm_view body = {.ptr = bytes};
    statement *s;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_status st = hkp_dsm_claim_build(claim, bytes, sizeof bytes, &body.len);
    if (st == HKP_OK) st = begin(n, now, wall_us);
    if (st == HKP_OK) st = say(n, HKP_DSM_KIND_CLAIM, &body, &s);
    if (st != HKP_OK) return st;
    hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, s->envelope, 0, NULL);
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_CLAIM, n->id, body.ptr, body.len);
    hkp_dsm__advance(n);
    return HKP_OK;
}

/* What was said before a start and did not come back, as after a crash on its way, may be said again. */
static hkp_status say_again(node *n, const struct hkp_dsm_view *body) {
    statement *s;
    const hkp_status st = say(n, HKP_DSM_KIND_WITNESS, body, &s);
    if (st == HKP_OK) hkp_dsm__spread(n, HKP_DSM__FORM_ENVELOPE, s->envelope, 0, NULL);
    return st;
}

static hkp_status say_first(node *n, const struct hkp_dsm_view *body, const struct hkp_dsm_witness *witness) {
    word *w = word_free(n);
    blob *row = w != NULL ? hkp_dsm__blob_new(&n->pool, WORD_BYTES) : NULL;
    statement *s;
    if (row == NULL) return HKP_E_LIMIT;
    const hkp_status st = say(n, HKP_DSM_KIND_WITNESS, body, &s);
    if (st != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, row);
        return st;
    }
    const size_t at = hkp_dsm__claim_table_find(n->testimony.table, witness->claim);
    *w = (word){.expires_s = hkp_dsm__claim_table_at(n->testimony.table, at)->expires_s,
                .verdict = (uint8_t)witness->verdict};
    memcpy(w->claim, witness->claim, 32);
    word_keep(n, w, s, row);
    return HKP_OK;
}

hkp_status hkp_dsm_node_testify(hkp_dsm_node *n, hkp_time now, uint64_t wall_us,
                                const struct hkp_dsm_witness *witness) {
    uint8_t bytes[HKP_DSM_WITNESS_MAX];
    struct hkp_dsm_view body = {.ptr = bytes};
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_status st = hkp_dsm_witness_build(witness, bytes, sizeof bytes, &body.len);
    if (st == HKP_OK) st = begin(n, now, wall_us);
    if (st != HKP_OK) return st;
    const size_t at = hkp_dsm__claim_table_find(n->testimony.table, witness->claim);
    const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(n->testimony.table, at);
    const word *w = word_of(n, witness->claim);
    if (c != NULL && said_at(c, n->id) < c->n_said) return HKP_E_DSM_DUPLICATE; /* it would void itself */
    if (w != NULL && w->verdict != witness->verdict) return HKP_E_DSM_DUPLICATE;
    st = w != NULL ? say_again(n, &body) : say_first(n, &body, witness);
    hkp_dsm__advance(n);
    return st;
}

hkp_status hkp_dsm_node_tally(const hkp_dsm_node *n, const uint8_t id[32], struct hkp_dsm_tally *tally) {
    return hkp_dsm_claim_table_tally(n->testimony.table, id, now_s(n), tally);
}

/* Of a signer's certificates with these roles the newest that was valid at some time of the claim's life, if
 * it is not revoked: with one that is, the whole proof would convince nobody. */
static struct hkp_dsm_view certificate_then(const node *n, const uint8_t node_id[16], uint32_t roles,
                                            const struct hkp_dsm__open_claim *c) {
    const struct author *a = hkp_dsm__author(n, node_id);
    struct hkp_dsm_view best = {0};
    uint64_t serial = hkp_dsm_node_revoked(n, node_id);
    for (uint32_t i = 0; a != NULL && i < a->n_certs; i++) {
        const struct hkp_dsm_certificate *x = &a->certs[i];
        if (x->serial <= serial || x->not_before_s > c->expires_s || x->not_after_s <= c->created_s) continue;
        if ((x->roles & roles) != roles) continue;
        serial = x->serial;
        best = (struct hkp_dsm_view){a->cert_bytes[i]->ptr, a->cert_bytes[i]->len};
    }
    return best;
}

static struct hkp_dsm_attested attested(const node *n, const statement *s, const uint8_t signer[16],
                                        uint32_t roles, const struct hkp_dsm__open_claim *c) {
    return (struct hkp_dsm_attested){{s->envelope->ptr, s->envelope->len},
                                     certificate_then(n, signer, roles, c)};
}

hkp_status hkp_dsm_node_claim_proof(const hkp_dsm_node *n, const uint8_t id[32], uint8_t *dst, size_t cap,
                                    size_t *len) {
    const size_t at = hkp_dsm__claim_table_find(n->testimony.table, id);
    const struct hkp_dsm__open_claim *c = hkp_dsm__claim_table_at(n->testimony.table, at);
    struct hkp_dsm_attested said[HKP_DSM_WITNESSES];
    size_t count = 0;
    if (c == NULL || n->testimony.files[at].claim == NULL) return HKP_E_NOTFOUND;
    const claim_file *f = &n->testimony.files[at];
    const struct hkp_dsm_attested claim = attested(n, f->claim, c->claimant, 0, c);
    for (uint32_t j = 0; j < c->n_said; j++) {
        if (c->said[j].is_void || !may_leave(n, f->said[j][0])) continue;
        said[count] = attested(n, f->said[j][0], c->said[j].witness, HKP_DSM_ROLE_WITNESS, c);
        count += said[count].certificate.ptr != NULL;
    }
    if (count == 0 || claim.certificate.ptr == NULL) return HKP_E_NOTFOUND;
    return hkp_dsm_witness_proof_build(n->chain_id, &claim, said, count, dst, cap, len);
}
