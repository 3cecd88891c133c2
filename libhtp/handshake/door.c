/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Tables of V: half-open entries in order of age, and the answers given to HELLOs. */
#include "libhtp/handshake/door.h"
#include "libter/bytes.h"
#include "libter/options.h"

/* Buckets of the answers: a power of two not below their number. */
static uint32_t bucket_count(uint32_t n) {
    uint32_t p = 16;
    while (p < n) p *= 2;
    return p;
}

hkp_status hkp_htp__door_new(struct hkp_htp_endpoint *ep) {
    const struct hkp_mem *mem = &ep->opt.mem;
    const struct hkp_htp_options *o = &ep->opt;
    const struct hkp_mem *secret_mem = &o->secret_mem;
    struct hkp_htp__door *d = hkp_mem_alloc(secret_mem, sizeof *d);
    if (d == NULL) return HKP_E_NOMEM;
    ep->door = d;
    d->oldest = d->newest = d->pending_first = d->pending_last = HKP_HTP__NONE;
    d->given_mask = bucket_count(o->answer_cache) - 1;
    d->halves = hkp_mem_alloc(secret_mem, o->half_open_max * sizeof *d->halves);
    d->given = hkp_mem_alloc(mem, o->answer_cache * sizeof *d->given);
    d->given_buckets = hkp_mem_alloc(mem, (d->given_mask + (size_t)1) * sizeof(uint32_t));
    d->sources = hkp_mem_alloc(mem, o->source_cells * sizeof *d->sources);
    d->nodes = hkp_mem_alloc(mem, o->source_cells * sizeof *d->nodes);
    if (d->halves == NULL || d->given == NULL || d->given_buckets == NULL || d->sources == NULL ||
        d->nodes == NULL)
        return HKP_E_NOMEM;
    for (uint32_t i = 0; i < o->half_open_max; i++)
        d->halves[i].newer = i + 1 < o->half_open_max ? i + 1 : HKP_HTP__NONE;
    memset(d->given_buckets, 0xFF, (d->given_mask + (size_t)1) * sizeof(uint32_t));
    hkp_htp__mac1_key(d->mac1, ep->self.s);
    uint8_t seed[32], key[64];
    if (hkp_htp__draw(ep, d->cookie_key[0], 32) != HKP_OK || hkp_htp__draw(ep, seed, 32) != HKP_OK ||
        hkp_htp__draw(ep, d->dummy.in.psk, 32) != HKP_OK || hkp_htp__draw(ep, d->dummy.in.f, 64) != HKP_OK)
        return HKP_E_CALLBACK;
    crypto_sign_ed25519_seed_keypair(d->dummy_a, key, seed);
    sodium_memzero(key, sizeof key);
    d->cookie_since = ep->now;
    return HKP_OK;
}

void hkp_htp__door_free(struct hkp_htp_endpoint *ep) {
    const struct hkp_mem *mem = &ep->opt.mem;
    const struct hkp_htp_options *o = &ep->opt;
    struct hkp_htp__door *d = ep->door;
    if (d == NULL) return;
    for (uint32_t i = 0; d->halves != NULL && i < o->half_open_max; i++)
        if (d->halves[i].state != HKP_HTP__HALF_FREE) hkp_htp__half_free(ep, &d->halves[i]);
    hkp_mem_free(&o->secret_mem, d->halves, o->half_open_max * sizeof *d->halves);
    hkp_mem_free(mem, d->given, o->answer_cache * sizeof *d->given);
    hkp_mem_free(mem, d->given_buckets, (d->given_mask + (size_t)1) * sizeof(uint32_t));
    hkp_mem_free(mem, d->sources, o->source_cells * sizeof *d->sources);
    hkp_mem_free(mem, d->nodes, o->source_cells * sizeof *d->nodes);
    sodium_memzero(d, sizeof *d);
    hkp_mem_free(&o->secret_mem, d, sizeof *d);
    ep->door = NULL;
}

/* ---- half-open entries ---- */

static uint32_t index_of(const struct hkp_htp__door *d, const struct hkp_htp__half *h) {
    return (uint32_t)(h - d->halves);
}

static int is_open(const struct hkp_htp__half *h) {
    return h->state == HKP_HTP__HALF_PENDING || h->state == HKP_HTP__HALF_WAIT;
}

static void drop_pending(struct hkp_htp__door *d, uint32_t index) {
    uint32_t *link = &d->pending_first, before = HKP_HTP__NONE;
    while (*link != index) {
        before = *link;
        link = &d->halves[*link].next_pending;
    }
    *link = d->halves[index].next_pending;
    if (d->pending_last == index) d->pending_last = before;
}

void hkp_htp__half_answered(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h) {
    drop_pending(ep->door, index_of(ep->door, h));
    h->state = HKP_HTP__HALF_REFUSED; /* until ACCEPT is made */
    h->answered = ep->now;
    ep->stats.half_open--;
}

void hkp_htp__half_free(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h) {
    struct hkp_htp__door *d = ep->door;
    const uint32_t i = index_of(d, h);
    if (h->state == HKP_HTP__HALF_PENDING) drop_pending(d, i);
    if (is_open(h)) ep->stats.half_open--;
    if (h->cls == HKP_HTP__CLASS_STRANGER) d->n_strangers--;
    if (h->state == HKP_HTP__HALF_ACCEPTED)
        ep->sessions[h->session]->half = HKP_HTP__NONE;
    else
        hkp_htp__token_drop(ep, h->v.sid_v);
    *(h->older != HKP_HTP__NONE ? &d->halves[h->older].newer : &d->oldest) = h->newer;
    *(h->newer != HKP_HTP__NONE ? &d->halves[h->newer].older : &d->newest) = h->older;
    hkp_htp__neural_drop(&h->v.neural);
    sodium_memzero(h, sizeof *h);
    h->newer = d->free_half;
    d->free_half = i;
}

/* Oldest entry with this property that is not young; NULL if all such are. */
static struct hkp_htp__half *evictable(struct hkp_htp_endpoint *ep, int stranger, int replayed_only) {
    struct hkp_htp__door *d = ep->door;
    for (uint32_t i = d->oldest; i != HKP_HTP__NONE; i = d->halves[i].newer) {
        struct hkp_htp__half *h = &d->halves[i];
        if (ep->now - h->made < HKP_HTP__YOUNG) return NULL; /* in order of age: all later ones are younger */
        if ((h->cls == HKP_HTP__CLASS_STRANGER) != stranger) continue;
        if (replayed_only && h->cls != HKP_HTP__CLASS_REPLAYED) continue;
        return h;
    }
    return NULL;
}

/* Strangers never at the cost of others, nor others at theirs (HTP-4.10). */
static int room_for_stranger(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path) {
    struct hkp_htp__door *d = ep->door;
    uint32_t same = 0;
    for (uint32_t i = d->oldest; i != HKP_HTP__NONE; i = d->halves[i].newer) {
        const struct hkp_htp__half *h = &d->halves[i];
        same += h->cls == HKP_HTP__CLASS_STRANGER && is_open(h) && hkp_htp__rate_same_source(&h->path, path);
    }
    if (same >= HKP_HTP__STRANGERS_PER_SOURCE) return 0;
    if (d->n_strangers < ep->opt.strangers_max) return 1;
    struct hkp_htp__half *out = evictable(ep, 1, 0);
    if (out == NULL) return 0;
    hkp_htp__half_free(ep, out);
    return 1;
}

/* At most two of a node and class: a third replaces the older one, unless that is young (HTP-4.7). */
static int room_for_node(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint8_t cls) {
    struct hkp_htp__door *d = ep->door;
    struct hkp_htp__half *first = NULL;
    uint32_t same = 0;
    for (uint32_t i = d->oldest; i != HKP_HTP__NONE; i = d->halves[i].newer) {
        struct hkp_htp__half *h = &d->halves[i];
        if (h->cls != cls || !is_open(h) || memcmp(h->v.node_id, node_id, 16) != 0) continue;
        if (same++ == 0) first = h;
    }
    if (same < HKP_HTP__HALF_PER_NODE) return 1;
    if (ep->now - first->made < HKP_HTP__YOUNG) return 0;
    hkp_htp__half_free(ep, first);
    return 1;
}

struct hkp_htp__half *hkp_htp__half_take(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint8_t cls,
                                         const struct hkp_htp_path *path) {
    struct hkp_htp__door *d = ep->door;
    if (cls == HKP_HTP__CLASS_STRANGER ? !room_for_stranger(ep, path) : !room_for_node(ep, node_id, cls))
        return NULL;
    if (d->free_half == HKP_HTP__NONE) {
        struct hkp_htp__half *out = NULL;
        if (cls != HKP_HTP__CLASS_STRANGER) out = evictable(ep, 0, 1);
        if (out == NULL) out = evictable(ep, cls == HKP_HTP__CLASS_STRANGER, 0);
        if (out == NULL) return NULL;
        hkp_htp__half_free(ep, out);
    }
    struct hkp_htp__half *h = &d->halves[d->free_half];
    const uint32_t i = d->free_half;
    d->free_half = h->newer;
    memset(h, 0, sizeof *h);
    h->cls = cls;
    h->state = HKP_HTP__HALF_PENDING;
    h->serial = ++d->serial;
    h->made = ep->now;
    h->path = *path;
    h->older = d->newest;
    h->newer = HKP_HTP__NONE;
    *(d->newest != HKP_HTP__NONE ? &d->halves[d->newest].newer : &d->oldest) = i;
    d->newest = i;
    h->next_pending = HKP_HTP__NONE;
    *(d->pending_last != HKP_HTP__NONE ? &d->halves[d->pending_last].next_pending : &d->pending_first) = i;
    d->pending_last = i;
    ep->stats.half_open++;
    d->n_strangers += cls == HKP_HTP__CLASS_STRANGER;
    return h;
}

void hkp_htp__door_release(struct hkp_htp_endpoint *ep, uint32_t half) {
    struct hkp_htp__half *h = &ep->door->halves[half];
    ep->sessions[h->session]->half = HKP_HTP__NONE;
    hkp_htp__half_free(ep, h);
}

void hkp_htp__door_revoke(struct hkp_htp_endpoint *ep, const uint8_t node_id[16]) {
    if (ep->door == NULL) return;
    for (uint32_t i = ep->door->oldest, next; i != HKP_HTP__NONE; i = next) {
        struct hkp_htp__half *h = &ep->door->halves[i];
        next = h->newer;
        if (is_open(h) && memcmp(h->v.node_id, node_id, 16) == 0) hkp_htp__half_free(ep, h);
    }
}

int hkp_htp__door_pending(const struct hkp_htp_endpoint *ep) {
    return ep->door != NULL && ep->door->pending_first != HKP_HTP__NONE;
}

hkp_time hkp_htp__door_wake(const struct hkp_htp_endpoint *ep) {
    if (ep->door == NULL || ep->door->oldest == HKP_HTP__NONE) return HKP_TIME_NEVER;
    return ep->door->halves[ep->door->oldest].made + HKP_HTP__HANDSHAKE_TIMEOUT;
}

void hkp_htp__door_tick(struct hkp_htp_endpoint *ep) {
    while (hkp_htp__door_wake(ep) <= ep->now) hkp_htp__half_free(ep, &ep->door->halves[ep->door->oldest]);
}

/* ---- answers given ---- */

static uint32_t *bucket_of(struct hkp_htp_endpoint *ep, const uint8_t key[32]) {
    uint8_t h[8];
    crypto_shorthash(h, key, 32, ep->hash_key);
    return &ep->door->given_buckets[hkp_be32(h) & ep->door->given_mask];
}

struct hkp_htp__given *hkp_htp__given_find(struct hkp_htp_endpoint *ep, const uint8_t key[32]) {
    struct hkp_htp__door *d = ep->door;
    for (uint32_t i = *bucket_of(ep, key); i != HKP_HTP__NONE; i = d->given[i].next)
        if (memcmp(d->given[i].key, key, 32) == 0)
            return ep->now - d->given[i].made < HKP_HTP__ANSWER_LIFE ? &d->given[i] : NULL;
    return NULL;
}

static void unlink_given(struct hkp_htp_endpoint *ep, uint32_t index) {
    uint32_t *link = bucket_of(ep, ep->door->given[index].key);
    while (*link != index) link = &ep->door->given[*link].next;
    *link = ep->door->given[index].next;
}

/* The oldest goes. A newer one stands before an outlived one of the same key. */
struct hkp_htp__given *hkp_htp__given_add(struct hkp_htp_endpoint *ep, const uint8_t key[32]) {
    struct hkp_htp__door *d = ep->door;
    const uint32_t at = d->given_next;
    struct hkp_htp__given *g = &d->given[at];
    d->given_next = (at + 1) % ep->opt.answer_cache;
    if (g->used) unlink_given(ep, at);
    memset(g, 0, sizeof *g);
    uint32_t *head = bucket_of(ep, key);
    memcpy(g->key, key, 32);
    g->used = 1;
    g->half = HKP_HTP__NONE;
    g->made = ep->now;
    g->answered = ep->now;
    g->next = *head;
    *head = at;
    return g;
}
