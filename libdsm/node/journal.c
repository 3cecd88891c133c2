/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Requests to the store and what waits for them (D-STO-1, D-STO-2): every write has a ticket, tickets become
 * durable in order, and a vote, proposal or block that depends on one is held back until then. The state
 * machine goes on meanwhile, so that one commit of the host serves many writes.
 */
#include <assert.h>
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

uint32_t hkp_dsm__events_free(const node *n) { return n->events_cap - n->event_count; }

int hkp_dsm__may_take(const node *n) {
    return n->state == HKP_DSM_STATE_RUNNING && hkp_dsm__events_free(n) > EVENTS_RESERVE / 2 &&
           n->held_count < HELD_MAX * 3 / 4;
}

/* Callers are refused before the ring is full (EVENTS_RESERVE), so a free entry is there. */
static struct event_entry *entry(node *n, uint32_t kind) {
    if (n->event_count == n->events_cap) {
        n->state = HKP_DSM_STATE_DEAD;
        n->event_count--;
    }
    struct event_entry *e = &n->events[(n->event_head + n->event_count) % n->events_cap];
    n->event_count++;
    memset(e, 0, sizeof *e);
    e->e.kind = kind;
    return e;
}

struct event_entry *hkp_dsm__fact(node *n, uint32_t kind) {
    return entry(n, kind);
}

static struct event_entry *request(node *n, uint32_t kind, uint32_t row, const uint8_t *key, size_t key_len) {
    assert(key_len <= KEY_MAX);
    struct event_entry *e = entry(n, kind);
    e->e.row = row;
    if (key_len > 0) memcpy(e->key, key, key_len);
    e->e.key_len = key_len;
    return e;
}

uint64_t hkp_dsm__put_blob(node *n, uint32_t row, const uint8_t *key, size_t key_len, blob *data) {
    struct event_entry *e = request(n, HKP_DSM_EV_STORE_PUT, row, key, key_len);
    e->data = data;
    e->e.ticket = ++n->ticket;
    return n->ticket;
}

uint64_t hkp_dsm__put(node *n, uint32_t row, const uint8_t *key, size_t key_len, const uint8_t *data,
                      size_t len) {
    blob *b = hkp_dsm__bytes(n, data, len);
    if (b == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, row, key, key_len);
        return n->ticket + 1;
    }
    return hkp_dsm__put_blob(n, row, key, key_len, b);
}

uint64_t hkp_dsm__wal(node *n, uint32_t kind, uint64_t epoch, uint64_t view, const uint8_t digest[32]) {
    struct hkp_dsm__wal_record r = {.kind = kind, .epoch = epoch, .view = view};
    if (digest != NULL) memcpy(r.digest, digest, 32);
    uint8_t record[HKP_DSM__WAL_RECORD];
    hkp_dsm__wal_encode(&r, record);
    blob *b = hkp_dsm__bytes(n, record, sizeof record);
    if (b == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_WAL, NULL, 0);
        return n->ticket + 1;
    }
    struct event_entry *e = request(n, HKP_DSM_EV_STORE_WAL, HKP_DSM_ROW_WAL, NULL, 0);
    e->data = b;
    e->e.ticket = ++n->ticket;
    return n->ticket;
}

void hkp_dsm__drop(node *n, uint32_t row, const uint8_t *from, const uint8_t *to, size_t key_len) {
    struct event_entry *e = request(n, HKP_DSM_EV_STORE_DROP, row, from, key_len);
    memcpy(e->key_to, to, key_len);
    e->e.key_to_len = key_len;
    e->e.ticket = ++n->ticket;
}

void hkp_dsm__drop_one(node *n, uint32_t row, const uint8_t *key, size_t key_len) {
    assert(key_len < KEY_MAX);
    struct event_entry *e = request(n, HKP_DSM_EV_STORE_DROP, row, key, key_len);
    memcpy(e->key_to, key, key_len); /* and a zero: the next key that there can be */
    e->e.key_to_len = key_len + 1;
    e->e.ticket = ++n->ticket;
}

static struct read *read_begin(node *n, uint32_t what, uint32_t row) {
    for (size_t i = 0; i < READS_MAX; i++) {
        struct read *r = &n->reads[i];
        if (r->ticket != 0) continue;
        *r = (struct read){.ticket = ++n->read_ticket, .what = what, .row = row};
        return r;
    }
    return NULL;
}

struct read *hkp_dsm__get(node *n, uint32_t what, uint32_t row, const uint8_t *key, size_t key_len) {
    struct read *r = read_begin(n, what, row);
    if (r != NULL) request(n, HKP_DSM_EV_STORE_GET, row, key, key_len)->e.ticket = r->ticket;
    return r;
}

struct read *hkp_dsm__scan(node *n, uint32_t what, uint32_t row, const uint8_t *from, const uint8_t *to,
                           size_t key_len, uint32_t count) {
    struct read *r = read_begin(n, what, row);
    if (r == NULL) return NULL;
    struct event_entry *e = request(n, HKP_DSM_EV_STORE_SCAN, row, from, key_len);
    if (key_len > 0) memcpy(e->key_to, to, key_len);
    e->e.key_to_len = key_len;
    e->e.count = count;
    e->e.ticket = r->ticket;
    return r;
}

struct held *hkp_dsm__hold(node *n, uint32_t what, uint64_t ticket) {
    struct held *h = &n->held[(n->held_head + n->held_count) % HELD_MAX];
    if (n->held_count == HELD_MAX) {
        hkp_dsm__die(n, HKP_E_LIMIT, 0, NULL, 0);
        return h;
    }
    n->held_count++;
    *h = (struct held){.ticket = ticket, .what = what};
    return h;
}

size_t hkp_dsm__key_epoch_view(uint8_t *key, uint64_t epoch, uint64_t view) {
    hkp_put_be64(key, epoch);
    hkp_put_be64(key + 8, view);
    return 16;
}

size_t hkp_dsm__key_block(uint8_t *key, const uint8_t node_id[16], uint64_t seq) {
    memcpy(key, node_id, 16);
    hkp_put_be64(key + 16, seq);
    return 24;
}

static void release(node *n, const struct held *h) {
    struct block *b = h->ptr;
    switch (h->what) {
    case HELD_VOTE:
        if (h->epoch == n->set.epoch) hkp_dsm__vote_own(n, h->kind, h->view, h->digest);
        break;
    case HELD_PROPOSE:
        if (h->epoch == n->set.epoch) {
            struct slot *s = hkp_dsm__slot(n, h->view);
            if (s != NULL) hkp_dsm__propose_tell(n, s);
        }
        break;
    case HELD_OWN_BLOCK:
    case HELD_BLOCK:
    case HELD_PAYLOAD:
        hkp_dsm__block_durable(n, b, h->what);
        break;
    case HELD_SAID:
        hkp_dsm__testimony_durable(n, h->ptr);
        break;
    default:
        assert(0);
    }
}

/* In order, as far as it is durable and events have room; the rest when the host has drained them. */
static int release_durable(node *n) {
    int did = 0;
    while (n->held_count > 0 && n->held[n->held_head].ticket <= n->durable &&
           hkp_dsm__events_free(n) > EVENTS_RESERVE / 4) {
        struct held h = n->held[n->held_head];
        n->held_head = (n->held_head + 1) % HELD_MAX;
        n->held_count--;
        release(n, &h);
        did = 1;
    }
    return did;
}

static const struct hkp_dsm_claims *claims_of(node *n, const struct hkp_dsm__block *b) {
    struct hkp_dsm_claims *c = &n->claims;
    memset(c, 0, sizeof *c);
    memcpy(c->ter_hash, b->neuro.ter_hash, 32);
    memcpy(c->prev, b->prev, 32);
    memcpy(c->payload_hash, b->payload_hash, 32);
    c->has_commit = b->neuro.has_commit;
    if (!c->has_commit) return c;
    memcpy(c->w_commit, b->neuro.w_commit, 32);
    memcpy(c->posf, b->neuro.posf, 32);
    memcpy(c->holder, b->neuro.holder, 16);
    return c;
}

/* Writes of the call in which the node died are of a group that is not whole: they are as good as lost. */
static int is_of_half_a_group(const node *n, const struct hkp_dsm_event *e) {
    return n->state == HKP_DSM_STATE_DEAD && e->ticket > n->whole &&
           (e->kind == HKP_DSM_EV_STORE_PUT || e->kind == HKP_DSM_EV_STORE_WAL ||
            e->kind == HKP_DSM_EV_STORE_DROP);
}

hkp_status hkp_dsm_event(hkp_dsm_node *n, struct hkp_dsm_event *ev) {
    do {
        hkp_dsm__blob_drop(&n->pool, n->current.data);
        if (n->current.pinned != NULL) hkp_dsm__block_unpin(n, n->current.pinned);
        n->current.data = NULL;
        n->current.pinned = NULL;
        while (n->event_count == 0)
            if (!release_durable(n) && !hkp_dsm__take_again(n) && !hkp_dsm__jump_tell(n) &&
                !hkp_dsm__report(n) && !hkp_dsm__retell(n))
                return HKP_E_NOTFOUND;
        n->current = n->events[n->event_head];
        n->event_head = (n->event_head + 1) % n->events_cap;
        n->event_count--;
    } while (is_of_half_a_group(n, &n->current.e));
    struct hkp_dsm_event *e = &n->current.e;
    if (e->key_len > 0) e->key = n->current.key;
    if (e->key_to_len > 0) e->key_to = n->current.key_to;
    if (n->current.data != NULL) {
        e->data = n->current.data->ptr;
        e->data_len = n->current.data->len;
    }
    if (n->current.fresh && n->current.pinned->b.has_neuro) e->claims = claims_of(n, &n->current.pinned->b);
    *ev = *e;
    return HKP_OK;
}

hkp_status hkp_dsm_stored(hkp_dsm_node *n, hkp_time now, uint64_t ticket, hkp_status status) {
    if (n->state == HKP_DSM_STATE_DEAD || n->state == HKP_DSM_STATE_NEW) return HKP_E_STATE;
    if (ticket > n->ticket) return HKP_E_INVAL;
    hkp_dsm__time(n, now);
    if (status != HKP_OK) {
        hkp_dsm__die(n, status, 0, NULL, 0);
        return HKP_OK;
    }
    if (ticket > n->durable) n->durable = ticket;
    release_durable(n);
    if (n->state == HKP_DSM_STATE_RUNNING) hkp_dsm__advance(n);
    return HKP_OK;
}

struct read *hkp_dsm__read_of(node *n, uint64_t ticket) {
    for (size_t i = 0; ticket != 0 && i < READS_MAX; i++)
        if (n->reads[i].ticket == ticket) return &n->reads[i];
    return NULL;
}

hkp_status hkp_dsm_read(hkp_dsm_node *n, hkp_time now, uint64_t ticket, const uint8_t *key, size_t key_len,
                        const uint8_t *data, size_t data_len) {
    if (n->state == HKP_DSM_STATE_DEAD) return HKP_E_STATE;
    struct read *r = hkp_dsm__read_of(n, ticket);
    if (r == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__time(n, now);
    switch (r->what) {
    case READ_LOAD:
    case READ_RETELL: {
        hkp_status st = r->what == READ_LOAD ? hkp_dsm__load_row(n, key, key_len, data, data_len)
                                             : hkp_dsm__retell_row(n, key, key_len, data, data_len);
        if (st != HKP_OK) {
            hkp_dsm__die(n, st, r->row, key, key_len);
            return HKP_E_STATE;
        }
        break;
    }
    case READ_ITEMS:
        hkp_dsm__items_row(n, r, data, data_len);
        break;
    case READ_PRUNE:
        hkp_dsm__prune_row(n, data, data_len);
        break;
    case READ_HEAL:
        hkp_dsm__heal_row(n, data, data_len);
        break;
    case READ_BOUNDARIES:
    case READ_CHUNK:
        hkp_dsm__boundaries_row(r, key, key_len, data, data_len);
        break;
    case READ_RESTART:
        hkp_dsm__restart_row(n, r, data, data_len);
        break;
    case READ_RESYNC:
        hkp_dsm__resync_row(n, data, data_len);
        break;
    case READ_RESYNC_OWN:
        hkp_dsm__resync_own_row(n, data, data_len);
        break;
    case READ_OFFICERS:
        hkp_dsm__officers_link(n, r, data, data_len);
        break;
    case READ_PROOF:
        hkp_dsm__proof_row(n, r, key, key_len, data, data_len);
        break;
    default:
        hkp_dsm__fetch_row(n, r, key, key_len, data, data_len);
        break;
    }
    return HKP_OK;
}

hkp_status hkp_dsm_read_end(hkp_dsm_node *n, hkp_time now, uint64_t ticket, hkp_status status) {
    if (n->state == HKP_DSM_STATE_DEAD) return HKP_E_STATE;
    struct read *r = hkp_dsm__read_of(n, ticket);
    if (r == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__time(n, now);
    struct read was = *r;
    r->ticket = 0;
    if (status != HKP_OK) {
        hkp_dsm__blob_drop(&n->pool, was.out);
        hkp_dsm__die(n, status, was.row, NULL, 0);
        return HKP_E_STATE;
    }
    switch (was.what) {
    case READ_LOAD:
        hkp_dsm__load_end(n);
        break;
    case READ_RETELL:
        hkp_dsm__retell_end(n);
        break;
    case READ_ITEMS:
        hkp_dsm__items_end(n, &was);
        break;
    case READ_PRUNE:
        hkp_dsm__prune_end(n);
        break;
    case READ_HEAL:
        hkp_dsm__heal_end(n);
        break;
    case READ_BOUNDARIES:
    case READ_CHUNK:
        hkp_dsm__boundaries_end(n, &was);
        break;
    case READ_RESTART:
        hkp_dsm__restart_end(n, &was);
        break;
    case READ_RESYNC:
        hkp_dsm__resync_end(n);
        break;
    case READ_RESYNC_OWN:
        hkp_dsm__resync_own_end(n);
        break;
    case READ_PROOF:
        hkp_dsm__proof_end(n, &was);
        break;
    default:
        hkp_dsm__fetch_end(n, &was);
        break;
    }
    return HKP_OK;
}
