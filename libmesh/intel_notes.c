/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Authors and their shares, tombstones, sightings, allowlist and members' addresses (M-TI-6 to M-TI-9). */
#include "libmesh/intel.h"
#include "libmesh/ioc.h"

#include "libter/bytes.h"

#include <string.h>

/* ---- authors ---- */

/* The places of a node are behind each other, whatever its group; none is ever given back, only taken over.
 */
static uint32_t author_home(const hkp_mesh_intel *t, const uint8_t node[16]) {
    return (uint32_t)((hkp_mesh__intel_hash(t, node, 16) >> 32) * t->authors_cap >> 32);
}

static uint32_t author_step(const hkp_mesh_intel *t, uint32_t at) {
    return at + 1 < t->authors_cap ? at + 1 : 0;
}

uint32_t hkp_mesh__author_get(hkp_mesh_intel *t, const uint8_t node[16], uint32_t group) {
    uint32_t at = author_home(t, node), idle = HKP_MESH__NIL;
    const uint32_t hour = (uint32_t)(t->now_s / 3600), day = (uint32_t)(t->now_s / 86400);
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = author_step(t, at)) {
        struct hkp_mesh__author *a = &t->authors[at];
        if (a->group == group && memcmp(a->node, node, 16) == 0) return at;
        if (a->group != 0 && a->live > 0) continue;
        if (idle == HKP_MESH__NIL || (t->authors[idle].hour == hour && a->hour != hour)) idle = at;
        if (a->group == 0) break;
    }
    if (idle == HKP_MESH__NIL) return HKP_MESH__NIL;
    struct hkp_mesh__author *a = &t->authors[idle];
    if (a->group == 0) t->authors_used++;
    *a = (struct hkp_mesh__author){.group = group, .pending = HKP_MESH__NIL, .hour = hour, .day = day};
    memcpy(a->node, node, 16);
    return idle;
}

void hkp_mesh__pending_link(hkp_mesh_intel *t, uint32_t rec) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    uint32_t *first = &t->authors[r->author].pending;
    r->confidence |= HKP_MESH__PENDING_BIT;
    r->height = HKP_MESH__NIL;
    r->pending_next = *first;
    if (*first != HKP_MESH__NIL) t->recs[*first].height = rec;
    *first = rec;
}

void hkp_mesh__pending_unlink(hkp_mesh_intel *t, uint32_t rec) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    if (r->pending_next != HKP_MESH__NIL) t->recs[r->pending_next].height = r->height;
    if (r->height != HKP_MESH__NIL)
        t->recs[r->height].pending_next = r->pending_next;
    else
        t->authors[r->author].pending = r->pending_next;
    r->confidence &= (uint8_t)~HKP_MESH__PENDING_BIT;
    r->height = 0;
}

void hkp_mesh_intel_finalised(hkp_mesh_intel *intel, const uint8_t author[16], uint64_t seq,
                              uint64_t height) {
    uint32_t at = author_home(intel, author);
    if (height == 0 || height > UINT32_MAX) return;
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = author_step(intel, at)) {
        const struct hkp_mesh__author *a = &intel->authors[at];
        if (a->group == 0) break;
        if (memcmp(a->node, author, 16) != 0) continue;
        for (uint32_t rec = a->pending; rec != HKP_MESH__NIL;) {
            const uint32_t next = intel->recs[rec].pending_next;
            if (intel->recs[rec].seq <= seq) {
                hkp_mesh__pending_unlink(intel, rec);
                intel->recs[rec].height = (uint32_t)height;
            }
            rec = next;
        }
    }
}

/* ---- tombstones and sightings ---- */

static uint32_t note_home(const hkp_mesh_intel *t, const struct hkp_mesh__notes *n, const uint8_t key[16]) {
    return (uint32_t)((hkp_mesh__intel_hash(t, key, 16) >> 32) * n->cap >> 32);
}

static uint32_t since_base(const hkp_mesh_intel *t, uint64_t time_s) {
    if (time_s <= t->base_s) return 1;
    return time_s - t->base_s > UINT32_MAX ? UINT32_MAX : (uint32_t)(time_s - t->base_s);
}

/* When all places of a key are taken, the oldest expiring one gives way (mesh.md 15). */
void hkp_mesh__note_put(hkp_mesh_intel *t, struct hkp_mesh__notes *notes, const struct hkp_mesh__note *note) {
    uint32_t at = note_home(t, notes, note->key), place = at;
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = at + 1 < notes->cap ? at + 1 : 0) {
        const struct hkp_mesh__note *n = &notes->slots[at];
        const int same = n->who == note->who && n->kind == note->kind && memcmp(n->key, note->key, 16) == 0;
        if (same || n->expires_s < notes->slots[place].expires_s) place = at;
        if (same || n->expires_s == 0) break;
    }
    if (notes->slots[place].expires_s == 0) notes->used++;
    notes->slots[place] = *note;
}

int hkp_mesh__revoked(const hkp_mesh_intel *t, const uint8_t key[16], const uint8_t author[16],
                      uint32_t from_s) {
    const struct hkp_mesh__notes *notes = &t->tombstones;
    if (notes->used == 0) return 0;
    const uint64_t who = hkp_mesh__intel_hash(t, author, 16) | 1;
    uint32_t at = note_home(t, notes, key);
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = at + 1 < notes->cap ? at + 1 : 0) {
        const struct hkp_mesh__note *n = &notes->slots[at];
        if (n->expires_s == 0) break;
        if ((n->who == 0 || n->who == who) && from_s < n->time_s && n->expires_s > since_base(t, t->now_s) &&
            memcmp(n->key, key, 16) == 0)
            return 1;
    }
    return 0;
}

uint32_t hkp_mesh__doubts(const hkp_mesh_intel *t, const uint8_t key[16], uint64_t now_s) {
    const struct hkp_mesh__notes *notes = &t->sightings;
    const uint32_t now = since_base(t, now_s);
    uint32_t at = note_home(t, notes, key), groups = 0;
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = at + 1 < notes->cap ? at + 1 : 0) {
        const struct hkp_mesh__note *n = &notes->slots[at];
        if (n->expires_s == 0) break;
        groups += n->kind == HKP_MESH_SIGHTING_FALSE && n->expires_s > now && memcmp(n->key, key, 16) == 0;
    }
    return groups;
}

/* ---- allowlist ---- */

static uint32_t allow_home(const hkp_mesh_intel *t, const uint8_t key[16]) {
    return (uint32_t)(hkp_mesh__intel_hash(t, key, 16) % HKP_MESH__ALLOW_SLOTS);
}

/* Place of a key, or the empty one where it would be; the list is at most half full. */
static uint32_t allow_place(const hkp_mesh_intel *t, const uint8_t key[16]) {
    uint32_t at = allow_home(t, key);
    while (!hkp_is_zero(t->allow[at], 16) && memcmp(t->allow[at], key, 16) != 0)
        at = (at + 1) % HKP_MESH__ALLOW_SLOTS;
    return at;
}

static int allow_has(const hkp_mesh_intel *t, uint32_t type, const uint8_t *value, size_t len) {
    uint8_t key[16];
    hkp_mesh_ioc_key(type, value, len, key);
    return !hkp_is_zero(t->allow[allow_place(t, key)], 16);
}

hkp_status hkp_mesh_intel_allow(hkp_mesh_intel *intel, uint32_t ioc_type, const uint8_t *value,
                                size_t value_len) {
    uint8_t key[16];
    const hkp_status st = hkp_mesh_ioc_check(ioc_type, value, value_len);
    if (st == HKP_E_MESH_IOC_TYPE || st == HKP_E_MESH_IOC_VALUE || st == HKP_E_MESH_IOC_HOSTBITS) return st;
    hkp_mesh_ioc_key(ioc_type, value, value_len, key);
    const uint32_t at = allow_place(intel, key);
    if (!hkp_is_zero(intel->allow[at], 16)) return HKP_OK;
    if (intel->allow_used == HKP_MESH__ALLOW_MAX) return HKP_E_MESH_LIMIT;
    memcpy(intel->allow[at], key, 16);
    intel->allow_used++;
    if (ioc_type == HKP_MESH_IOC_CIDR4) intel->allow4[value[4]] = 1;
    if (ioc_type == HKP_MESH_IOC_CIDR6) intel->allow6[value[16]] = 1;
    return HKP_OK;
}

void hkp_mesh_intel_allow_clear(hkp_mesh_intel *intel) {
    memset(intel->allow, 0, HKP_MESH__ALLOW_SLOTS * sizeof *intel->allow);
    memset(intel->allow4, 0, sizeof intel->allow4);
    memset(intel->allow6, 0, sizeof intel->allow6);
    intel->allow_used = 0;
}

static int prefix_allowed(const hkp_mesh_intel *t, const uint8_t *addr, size_t size, unsigned below) {
    uint8_t prefix[17];
    for (unsigned bits = 0; bits < below; bits++) {
        if (!(size == 4 ? t->allow4[bits] : t->allow6[bits])) continue;
        const size_t n = hkp_mesh__prefix_value(addr, size, bits, prefix);
        if (allow_has(t, size == 4 ? HKP_MESH_IOC_CIDR4 : HKP_MESH_IOC_CIDR6, prefix, n)) return 1;
    }
    return 0;
}

int hkp_mesh__allowed(const hkp_mesh_intel *t, uint32_t type, const uint8_t *value, size_t len) {
    if (t->allow_used == 0) return 0;
    if (allow_has(t, type, value, len)) return 1;
    if (type == HKP_MESH_IOC_IP4 || type == HKP_MESH_IOC_IP6)
        return prefix_allowed(t, value, len, 8 * (unsigned)len);
    if (type == HKP_MESH_IOC_CIDR4 || type == HKP_MESH_IOC_CIDR6)
        return prefix_allowed(t, value, len - 1, value[len - 1]);
    if (type != HKP_MESH_IOC_URL) return 0;
    uint8_t host[HKP_MESH__DOMAIN_MAX];
    size_t host_len = 0;
    const uint32_t host_type = hkp_mesh__url_host(value, len, host, &host_len);
    if (host_type == 0) return 0;
    if (allow_has(t, host_type, host, host_len)) return 1;
    return host_type != HKP_MESH_IOC_DOMAIN && prefix_allowed(t, host, host_len, 8 * (unsigned)host_len);
}

/* ---- members ---- */

void hkp_mesh_intel_member_seen(hkp_mesh_intel *intel, uint64_t now_s, const uint8_t member[16],
                                uint32_t ioc_type, const uint8_t *value, size_t value_len) {
    uint8_t key[16];
    struct hkp_mesh__member *oldest = &intel->members[0], *own_oldest = NULL;
    unsigned own = 0;
    hkp_mesh_ioc_key(ioc_type, value, value_len, key);
    for (uint32_t i = 0; i < HKP_MESH__MEMBERS_MAX; i++) {
        struct hkp_mesh__member *m = &intel->members[i];
        if (m->time_s < oldest->time_s) oldest = m;
        if (m->time_s == 0 || memcmp(m->node, member, 16) != 0) continue;
        if (memcmp(m->key, key, 16) == 0) {
            m->time_s = now_s;
            return;
        }
        own++;
        if (own_oldest == NULL || m->time_s < own_oldest->time_s) own_oldest = m;
    }
    struct hkp_mesh__member *to = own >= 2 ? own_oldest : oldest;
    memcpy(to->node, member, 16);
    memcpy(to->key, key, 16);
    to->time_s = now_s;
}

int hkp_mesh__is_member(const hkp_mesh_intel *t, const uint8_t key[16], uint64_t now_s) {
    for (uint32_t i = 0; i < HKP_MESH__MEMBERS_MAX; i++) {
        const struct hkp_mesh__member *m = &t->members[i];
        if (m->time_s != 0 && now_s < m->time_s + HKP_MESH__MEMBER_S && memcmp(m->key, key, 16) == 0)
            return 1;
    }
    return 0;
}
