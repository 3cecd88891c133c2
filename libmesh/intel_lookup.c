/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Reading the threat cache: what a chain says, and which chains an indicator leads to (M-CACHE-2). */
#include "libmesh/intel.h"
#include "libmesh/ioc.h"

#include <string.h>

int hkp_mesh__may_count(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint64_t now_s) {
    const struct hkp_mesh__author *a = &t->authors[r->author];
    if (r->state & HKP_MESH__REC_COUNTED) return 1;
    return a->day != now_s / 86400 || a->day_blocks[r->grade & 7] < HKP_MESH__BLOCKS_PER_DAY;
}

void hkp_mesh__chain_view(const hkp_mesh_intel *t, uint32_t head, const uint8_t key[16], uint64_t now_s,
                          int counted_only, struct hkp_mesh__view *view) {
    uint32_t all[HKP_MESH__GROUPS_MAX], bp[HKP_MESH__GROUPS_MAX];
    struct hkp_mesh__view v = {.severity = 5, .from_s = UINT64_MAX};
    struct hkp_mesh__evidence e = {.bp = bp, .faults = t->faults};
    for (uint32_t rec = head; rec != HKP_MESH__NIL && v.groups < HKP_MESH__GROUPS_MAX;
         rec = t->recs[rec].next) {
        const struct hkp_mesh__rec *r = &t->recs[rec];
        const uint64_t from = t->base_s + r->from_s, until = hkp_mesh__rec_until(t, r);
        if (until <= now_s) continue;
        all[v.groups++] = hkp_mesh__rec_confidence(t, r, now_s);
        if ((r->grade & 7) < v.severity) v.severity = r->grade & 7;
        if (from < v.from_s) v.from_s = from;
        if (until > v.until_s) v.until_s = until;
        if ((r->proof & 3) == 0) continue;
        v.evidence_groups++;
        if (counted_only ? (r->state & HKP_MESH__REC_COUNTED) != 0 : hkp_mesh__may_count(t, r, now_s))
            bp[e.n++] = all[v.groups - 1];
    }
    if (v.groups > 0) {
        const struct hkp_mesh__rec *h = &t->recs[head];
        if (h->state & HKP_MESH__REC_DOUBTED) v.doubts = hkp_mesh__doubts(t, key, now_s);
        e.groups = v.groups;
        e.doubts = v.doubts;
        v.confidence_bp = hkp_mesh__lower_median(all, v.groups);
        v.level = hkp_mesh__action_level(&e);
        if (v.level == HKP_MESH_LEVEL_BLOCK && hkp_mesh__is_member(t, key, now_s))
            v.level = HKP_MESH_LEVEL_ALERT;
    }
    *view = v;
}

size_t hkp_mesh__prefix_value(const uint8_t *addr, size_t size, unsigned bits, uint8_t out[17]) {
    for (size_t i = 0; i < size; i++) {
        const unsigned kept = bits > 8 * i ? bits - 8 * (unsigned)i : 0;
        out[i] = (uint8_t)(kept >= 8 ? addr[i] : addr[i] & ~(0xffU >> kept));
    }
    out[size] = (uint8_t)bits;
    return size + 1;
}

/* Fills match from a live chain; 0 if nothing in it lives. */
static int fill(const hkp_mesh_intel *t, uint32_t head, const uint8_t key[16], uint64_t now_s, uint8_t kind,
                struct hkp_mesh_match *m) {
    const struct hkp_mesh__rec *r = &t->recs[head];
    struct hkp_mesh__view v;
    hkp_mesh__chain_view(t, head, key, now_s, 1, &v);
    if (v.groups == 0) return 0;
    m->kind = kind;
    m->ioc_type = r->ioc_type;
    m->severity = v.severity;
    m->groups = v.groups;
    m->evidence_groups = v.evidence_groups;
    m->confidence_bp = v.confidence_bp;
    m->false_positives = v.doubts;
    m->valid_from_s = v.from_s;
    m->valid_until_s = v.until_s;
    memcpy(m->ioc_key, key, 16);
    m->value_len = r->value_len;
    hkp_mesh__rec_data(t, r, 0, m->value, r->value_len);
    m->level = (uint8_t)v.level;
    /* M-TI-13 */
    if (kind >= HKP_MESH_MATCH_PARENT && m->level > HKP_MESH_LEVEL_ALERT) m->level = HKP_MESH_LEVEL_ALERT;
    if (hkp_mesh__allowed(t, r->ioc_type, m->value, m->value_len)) m->level = HKP_MESH_LEVEL_NONE;
    return 1;
}

static int try_value(const hkp_mesh_intel *t, uint64_t now_s, uint32_t type, const uint8_t *value, size_t len,
                     uint8_t kind, struct hkp_mesh_match *m) {
    uint8_t key[16];
    hkp_mesh_ioc_key(type, value, len, key);
    const uint32_t head = hkp_mesh__table_find(t, key, type, value, len);
    return head != HKP_MESH__NIL && fill(t, head, key, now_s, kind, m);
}

/* Exact, then prefixes in use, longest first. */
static int try_address(const hkp_mesh_intel *t, uint64_t now_s, const uint8_t *addr, size_t size,
                       uint8_t exact, uint8_t prefixed, struct hkp_mesh_match *m) {
    uint8_t prefix[17];
    if (try_value(t, now_s, size == 4 ? HKP_MESH_IOC_IP4 : HKP_MESH_IOC_IP6, addr, size, exact, m)) return 1;
    for (unsigned bits = 8 * (unsigned)size - 1; bits > 0; bits--) {
        if ((size == 4 ? t->prefix4[bits] : t->prefix6[bits]) == 0) continue;
        const size_t n = hkp_mesh__prefix_value(addr, size, bits, prefix);
        if (try_value(t, now_s, size == 4 ? HKP_MESH_IOC_CIDR4 : HKP_MESH_IOC_CIDR6, prefix, n, prefixed, m))
            return 1;
    }
    return 0;
}

/* Exact, then parents of at least two labels. */
static int try_domain(const hkp_mesh_intel *t, uint64_t now_s, const uint8_t *name, size_t len, uint8_t exact,
                      struct hkp_mesh_match *m) {
    if (try_value(t, now_s, HKP_MESH_IOC_DOMAIN, name, len, exact, m)) return 1;
    for (int i = 0; i < HKP_MESH__PARENTS_MAX; i++) {
        const uint8_t *dot = memchr(name, '.', len);
        if (dot == NULL) return 0;
        len -= (size_t)(dot - name) + 1;
        name = dot + 1;
        if (memchr(name, '.', len) == NULL) return 0;
        if (try_value(t, now_s, HKP_MESH_IOC_DOMAIN, name, len, HKP_MESH_MATCH_PARENT, m)) return 1;
    }
    return 0;
}

static int try_url(const hkp_mesh_intel *t, uint64_t now_s, const uint8_t *url, size_t len,
                   struct hkp_mesh_match *m) {
    uint8_t host[HKP_MESH__DOMAIN_MAX];
    size_t host_len = 0;
    if (try_value(t, now_s, HKP_MESH_IOC_URL, url, len, HKP_MESH_MATCH_EXACT, m)) return 1;
    const uint32_t type = hkp_mesh__url_host(url, len, host, &host_len);
    if (type == HKP_MESH_IOC_DOMAIN) return try_domain(t, now_s, host, host_len, HKP_MESH_MATCH_HOST, m);
    return type != 0 && try_address(t, now_s, host, host_len, HKP_MESH_MATCH_HOST, HKP_MESH_MATCH_HOST, m);
}

/* M-TI-7 protects what was asked for as well as what was met: an allowed address in a bad prefix stays
 * allowed. */
static void guard(const hkp_mesh_intel *t, uint64_t now_s, uint32_t type, const uint8_t *value, size_t len,
                  struct hkp_mesh_match *m) {
    uint8_t key[16];
    if (hkp_mesh__allowed(t, type, value, len)) m->level = HKP_MESH_LEVEL_NONE;
    if (m->level != HKP_MESH_LEVEL_BLOCK) return;
    hkp_mesh_ioc_key(type, value, len, key);
    if (hkp_mesh__is_member(t, key, now_s)) m->level = HKP_MESH_LEVEL_ALERT;
}

hkp_status hkp_mesh_intel_lookup(const hkp_mesh_intel *intel, uint64_t now_s, uint32_t ioc_type,
                                 const uint8_t *value, size_t value_len, struct hkp_mesh_match *match) {
    int found;
    if (match->struct_size < sizeof *match || hkp_mesh_ioc_type_name(ioc_type) == NULL) return HKP_E_INVAL;
    if (ioc_type == HKP_MESH_IOC_IP4 || ioc_type == HKP_MESH_IOC_IP6) {
        if (value_len != (ioc_type == HKP_MESH_IOC_IP4 ? 4U : 16U)) return HKP_E_INVAL;
        found =
            try_address(intel, now_s, value, value_len, HKP_MESH_MATCH_EXACT, HKP_MESH_MATCH_PREFIX, match);
    } else if (ioc_type == HKP_MESH_IOC_DOMAIN) {
        found = try_domain(intel, now_s, value, value_len, HKP_MESH_MATCH_EXACT, match);
    } else if (ioc_type == HKP_MESH_IOC_URL) {
        found = try_url(intel, now_s, value, value_len, match);
    } else {
        found = try_value(intel, now_s, ioc_type, value, value_len, HKP_MESH_MATCH_EXACT, match);
    }
    if (!found) return HKP_E_NOTFOUND;
    if (match->kind != HKP_MESH_MATCH_EXACT) guard(intel, now_s, ioc_type, value, value_len, match);
    return HKP_OK;
}

hkp_status hkp_mesh_intel_next(const hkp_mesh_intel *intel, uint64_t now_s, uint32_t *cursor,
                               struct hkp_mesh_match *match) {
    uint8_t key[16];
    if (match->struct_size < sizeof *match) return HKP_E_INVAL;
    for (uint32_t rec = *cursor; rec < intel->recs_cap; rec++) {
        if (!(intel->recs[rec].state & HKP_MESH__REC_HEAD)) continue;
        hkp_mesh__rec_key(intel, &intel->recs[rec], key);
        if (!fill(intel, rec, key, now_s, HKP_MESH_MATCH_EXACT, match)) continue;
        *cursor = rec + 1;
        return HKP_OK;
    }
    *cursor = intel->recs_cap;
    return HKP_E_NOTFOUND;
}

/* The record as it came, its value and context in the finding's own buffers. */
static void fill_record(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, struct hkp_mesh_finding *f) {
    f->record = (struct hkp_mesh_record){
        .value = f->value,
        .value_len = r->value_len,
        .context_len = r->context_len,
        .valid_from_s = t->base_s + r->from_s,
        .valid_until_s = hkp_mesh__rec_until(t, r),
        .rule = r->rule,
        .threat = r->threat,
        .ioc_type = r->ioc_type,
        .severity = r->grade & 7,
        .confidence = r->confidence & (uint8_t)~HKP_MESH__PENDING_BIT,
        .tlp = r->grade >> 3 & 7,
        .evidence = r->proof & 3,
        .has_rule = (r->state & HKP_MESH__REC_HAS_RULE) != 0,
        .technique_count = r->proof >> 2 & 7,
    };
    hkp_mesh__rec_data(t, r, 0, f->value, r->value_len);
    if (r->state & HKP_MESH__REC_HAS_CONTEXT) {
        f->record.context = f->context;
        hkp_mesh__rec_data(t, r, r->value_len, f->context, r->context_len);
    }
    for (unsigned i = 0; i < f->record.technique_count; i++)
        hkp_mesh__rec_data(t, r, (size_t)r->value_len + r->context_len + i * sizeof f->record.technique[0],
                           (uint8_t *)f->record.technique[i], sizeof f->record.technique[i]);
}

hkp_status hkp_mesh_intel_finding(const hkp_mesh_intel *intel, uint64_t now_s, const uint8_t ioc_key[16],
                                  uint32_t index, struct hkp_mesh_finding *finding) {
    if (finding->struct_size < sizeof *finding) return HKP_E_INVAL;
    uint32_t rec = hkp_mesh__table_find_key(intel, ioc_key);
    for (; rec != HKP_MESH__NIL; rec = intel->recs[rec].next) {
        const struct hkp_mesh__rec *r = &intel->recs[rec];
        if (hkp_mesh__rec_until(intel, r) <= now_s) continue;
        if (index-- > 0) continue;
        const struct hkp_mesh__author *a = &intel->authors[r->author];
        finding->confidence_bp = hkp_mesh__rec_confidence(intel, r, now_s);
        finding->origin = (struct hkp_mesh_origin){
            .seq = r->seq,
            .time_s = intel->base_s + r->time_s,
            .height = r->confidence & HKP_MESH__PENDING_BIT ? 0 : r->height,
            .group = a->group,
            .position = r->position,
        };
        memcpy(finding->origin.author, a->node, 16);
        memcpy(finding->origin.block, r->block, 32);
        fill_record(intel, r, finding);
        return HKP_OK;
    }
    return HKP_E_NOTFOUND;
}
