/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"
#include "libter/options.h"

/* Expired ones are erased at the first tick after this. */
#define SWEEP (60 * HKP_HTP__SEC)

struct entry_secret {
    struct hkp_htp_ticket ticket;
    uint8_t peer[16];
    uint8_t role;
    /** bucket, or list of free places */
    uint32_t next;
    /** order of age */
    uint32_t older, newer;
};

struct hkp_htp__tickets {
    struct entry_secret *entries;
    uint32_t *buckets;
    uint32_t n, mask, free, oldest, newest;
    hkp_time swept;
};

hkp_status hkp_htp__tickets_new(struct hkp_htp_endpoint *ep) {
    const struct hkp_mem *mem = &ep->opt.mem;
    if (!hkp_htp__tickets_on(ep)) return HKP_OK;
    struct hkp_htp__tickets *t = hkp_mem_alloc(mem, sizeof *t);
    if (t == NULL) return HKP_E_NOMEM;
    ep->tickets = t;
    t->n = ep->opt.tickets_max;
    for (t->mask = 16; t->mask < t->n;) t->mask *= 2;
    t->mask--;
    t->entries = hkp_mem_alloc(&ep->opt.secret_mem, t->n * sizeof *t->entries);
    t->buckets = hkp_mem_alloc(mem, (t->mask + (size_t)1) * sizeof *t->buckets);
    if (t->entries == NULL || t->buckets == NULL) return HKP_E_NOMEM;
    memset(t->buckets, 0xFF, (t->mask + (size_t)1) * sizeof *t->buckets);
    for (uint32_t i = 0; i < t->n; i++) t->entries[i].next = i + 1 < t->n ? i + 1 : HKP_HTP__NONE;
    t->oldest = t->newest = HKP_HTP__NONE;
    t->swept = ep->now;
    return HKP_OK;
}

void hkp_htp__tickets_free(struct hkp_htp_endpoint *ep) {
    struct hkp_htp__tickets *t = ep->tickets;
    if (t == NULL) return;
    if (t->entries != NULL) sodium_memzero(t->entries, t->n * sizeof *t->entries);
    hkp_mem_free(&ep->opt.secret_mem, t->entries, t->n * sizeof *t->entries);
    hkp_mem_free(&ep->opt.mem, t->buckets, (t->mask + (size_t)1) * sizeof *t->buckets);
    hkp_mem_free(&ep->opt.mem, t, sizeof *t);
    ep->tickets = NULL;
}

int hkp_htp__tickets_on(const struct hkp_htp_endpoint *ep) { return !ep->opt.no_tickets; }

void hkp_htp__ticket_policy(const struct hkp_htp_endpoint *ep, const struct hkp_htp_record *peer,
                            const uint8_t s_v[32], uint8_t out[32]) {
    const uint32_t numbers[] = {peer->neural,           peer->require,    peer->suites_allowed,
                                peer->pcr_mask,         peer->policy_ver, ep->attest.policy_ver,
                                ep->opt.suites_allowed, ep->opt.require,  ep->opt.demands};
    hkp_htp__b2(out, NULL, PARTS({numbers, sizeof numbers}, {peer->a, 32}, {ep->self.a, 32}, {s_v, 32}));
}

/* ---- the table ---- */

static uint32_t *bucket_of(const struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16]) {
    uint8_t key[17], h[8];
    key[0] = (uint8_t)role;
    memcpy(key + 1, peer, 16);
    crypto_shorthash(h, key, sizeof key, ep->hash_key);
    return &ep->tickets->buckets[hkp_be32(h) & ep->tickets->mask];
}

/* The link that leads to the entry; where it is NONE, there is no such entry. */
static uint32_t *find(const struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16]) {
    struct entry_secret *entries = ep->tickets->entries;
    uint32_t *link = bucket_of(ep, role, peer);
    while (*link != HKP_HTP__NONE &&
           (entries[*link].role != role || memcmp(entries[*link].peer, peer, 16) != 0))
        link = &entries[*link].next;
    return link;
}

static void erase(struct hkp_htp_endpoint *ep, uint32_t *link) {
    struct hkp_htp__tickets *t = ep->tickets;
    const uint32_t i = *link;
    struct entry_secret *e = &t->entries[i];
    *link = e->next;
    *(e->older != HKP_HTP__NONE ? &t->entries[e->older].newer : &t->oldest) = e->newer;
    *(e->newer != HKP_HTP__NONE ? &t->entries[e->newer].older : &t->newest) = e->older;
    sodium_memzero(e, sizeof *e);
    e->next = t->free;
    t->free = i;
}

/* A full table loses its oldest entry. */
static void insert(struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16],
                   const struct hkp_htp_ticket *ticket) {
    struct hkp_htp__tickets *t = ep->tickets;
    uint32_t *link = find(ep, role, peer);
    if (*link != HKP_HTP__NONE) erase(ep, link);
    if (t->free == HKP_HTP__NONE) erase(ep, find(ep, t->entries[t->oldest].role, t->entries[t->oldest].peer));
    const uint32_t i = t->free;
    struct entry_secret *e = &t->entries[i];
    t->free = e->next;
    link = bucket_of(ep, role, peer);
    e->ticket = *ticket;
    memcpy(e->peer, peer, 16);
    e->role = (uint8_t)role;
    e->next = *link;
    *link = i;
    e->older = t->newest;
    e->newer = HKP_HTP__NONE;
    *(t->newest != HKP_HTP__NONE ? &t->entries[t->newest].newer : &t->oldest) = i;
    t->newest = i;
}

/* ---- tickets ---- */

static int stored(const struct hkp_htp_endpoint *ep, uint32_t role) {
    return role == HKP_HTP_ROLE_V && ep->opt.registry.ticket_put != NULL;
}

void hkp_htp__ticket_put(struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16],
                         const struct hkp_htp_ticket *ticket) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (!hkp_htp__tickets_on(ep)) return;
    if (stored(ep, role))
        r->ticket_put(r->user, peer, ticket);
    else
        insert(ep, role, peer, ticket);
}

hkp_status hkp_htp__ticket_take(struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16],
                                const uint8_t *id, struct hkp_htp_ticket *out) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (!hkp_htp__tickets_on(ep)) return HKP_E_NOTFOUND;
    if (stored(ep, role)) return r->ticket_take(r->user, peer, id, out) == HKP_OK ? HKP_OK : HKP_E_NOTFOUND;
    uint32_t *link = find(ep, role, peer);
    if (*link == HKP_HTP__NONE) return HKP_E_NOTFOUND;
    const struct hkp_htp_ticket *held = &ep->tickets->entries[*link].ticket;
    if (id != NULL && sodium_memcmp(held->id, id, 16) != 0) return HKP_E_NOTFOUND;
    *out = *held;
    erase(ep, link);
    return HKP_OK;
}

void hkp_htp__ticket_forget(struct hkp_htp_endpoint *ep, const uint8_t peer[16]) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (!hkp_htp__tickets_on(ep)) return;
    for (uint32_t role = HKP_HTP_ROLE_E; role <= HKP_HTP_ROLE_V; role++) {
        uint32_t *link = find(ep, role, peer);
        if (*link != HKP_HTP__NONE) erase(ep, link);
    }
    if (r->ticket_put != NULL) r->ticket_put(r->user, peer, NULL);
}

void hkp_htp__ticket_keep(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, const uint8_t id[16],
                          hkp_time until, const uint8_t policy[32]) {
    struct hkp_htp_ticket t = {.until = until,
                               .peer_neuro_gen = s->peer_neuro_gen,
                               .peer_roles = s->peer_roles,
                               .suite = s->suite,
                               .features = s->features,
                               .mode = s->mode,
                               .n_case = s->n_case};
    memcpy(t.id, id, 16);
    memcpy(t.psk_res, s->zero.resume, 32);
    memcpy(t.policy, policy, 32);
    memcpy(t.peer_a, s->peer_a, 32);
    hkp_htp__ticket_put(ep, s->role, s->peer, &t);
    sodium_memzero(&t, sizeof t);
}

void hkp_htp__tickets_tick(struct hkp_htp_endpoint *ep) {
    struct hkp_htp__tickets *t = ep->tickets;
    if (t == NULL || t->oldest == HKP_HTP__NONE || ep->now - t->swept < SWEEP) return;
    t->swept = ep->now;
    for (uint32_t i = t->oldest, newer; i != HKP_HTP__NONE; i = newer) {
        newer = t->entries[i].newer;
        if (t->entries[i].ticket.until <= ep->now)
            erase(ep, find(ep, t->entries[i].role, t->entries[i].peer));
    }
}
