/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How far the node trusts a boundary (D-SYN-2). Members leave, and what becomes of their keys nobody knows: a
 * set of long ago may sign anything. So a node follows links only out of a boundary that is at most 14 days
 * old, or through one whose digest its operator gave, and it hears every link from peers of f+1 groups: two
 * boundaries of one epoch that both verify stop it. Where the line is: decisions 0608 to 0610.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { VAIN_MAX = 3 };

#define TRUST_MS (14ULL * 86400 * 1000)

/* By the clock of D-CERT-5; seen_ms: time of the newest header that the set of the boundary leads to. */
static int is_recent(const node *n, uint64_t boundary_ms, uint64_t seen_ms) {
    const uint64_t header_ms = seen_ms > n->root.time_ms ? seen_ms : n->root.time_ms;
    const uint64_t now_s =
        hkp_dsm__check_time(hkp_dsm__wall_us(n) / 1000000, (int)n->synchronised, header_ms, n->build_s);
    return now_s <= boundary_ms / 1000 || now_s - boundary_ms / 1000 <= TRUST_MS / 1000;
}

static int is_given(const node *n, const uint8_t digest[32]) {
    return !hkp_is_zero(n->trust.given, 32) && memcmp(n->trust.given, digest, 32) == 0;
}

static void tell_needed(node *n) {
    if (n->trust.state != HKP_DSM_TRUST_GOOD) return;
    n->trust.state = HKP_DSM_TRUST_NEEDED;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_BOUNDARY_NEEDED);
    e->e.epoch = n->set.epoch;
    e->e.time_us = n->epoch_ms * 1000;
    memcpy(e->e.id, n->trust.boundary, 32);
}

void hkp_dsm__trust_begun(node *n, const uint8_t boundary[32]) {
    memmove(n->trust.boundary, boundary, 32);
    n->trust.held = 0;
    if (n->trust.state == HKP_DSM_TRUST_NEEDED) n->trust.state = HKP_DSM_TRUST_GOOD;
}

int hkp_dsm__trust_step(node *n, const struct hkp_dsm__header *h) {
    const int calm = n->trust.state != HKP_DSM_TRUST_ALARM;
    if (is_given(n, h->digest) || (calm && (n->seat >= 0 || is_recent(n, n->epoch_ms, 0)))) return 1;
    n->trust.held = 1;
    tell_needed(n);
    hkp_dsm__join_hint(n, n->set.epoch + 1);
    return 0;
}

/* ---- links of one range, from several groups ---- */

static struct told_by *told_of(node *n, const uint8_t node_id[16]) {
    struct join *j = &n->join;
    const struct author *a = hkp_dsm__author(n, node_id);
    const uint32_t group = a != NULL && a->n_certs > 0 ? a->certs[a->n_certs - 1].group : 0;
    for (uint32_t i = 0; i < j->n_told; i++)
        if (j->told[i].group == group) return &j->told[i];
    if (j->n_told == TOLD_GROUPS) return NULL;
    j->told[j->n_told] = (struct told_by){.group = group};
    return &j->told[j->n_told++];
}

struct peer *hkp_dsm__trust_peer(node *n) {
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct peer *p = hkp_dsm__some_peer(n, 4, 0);
        if (p == NULL) return NULL;
        const struct told_by *t = told_of(n, p->node_id);
        if (t != NULL && !t->answered && t->vain < VAIN_MAX) return p;
    }
    return NULL;
}

void hkp_dsm__trust_vain(node *n) {
    struct told_by *t = hkp_is_zero(n->join.asked, 16) ? NULL : told_of(n, n->join.asked);
    if (t != NULL) t->vain++;
}

void hkp_dsm__trust_told(node *n, const struct peer *p) {
    struct told_by *t = told_of(n, p->node_id);
    if (t != NULL) t->answered = 1;
}

uint32_t hkp_dsm__trust_groups(const node *n) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->join.n_told; i++) count += n->join.told[i].answered;
    return count;
}

void hkp_dsm__trust_range(node *n) {
    struct join *j = &n->join;
    j->from = j->epoch;
    memcpy(j->from_want, j->want, 32);
    j->n_heard = 0;
    for (uint32_t i = 0; i < j->n_told; i++) j->told[i].answered = 0;
}

void hkp_dsm__trust_heard(node *n, const struct hkp_dsm__header *h) {
    struct join *j = &n->join;
    memcpy(j->heard[j->n_heard++], h->digest, 32);
    if (!is_given(n, h->digest)) return;
    j->anchored = 1;
    j->anchor_epoch = h->epoch;
    j->anchor_ms = h->time_ms;
}

hkp_status hkp_dsm__trust_again(node *n, const struct peer *p, uint32_t at, const struct hkp_dsm__link *l) {
    struct join *j = &n->join;
    if (memcmp(j->heard[at], l->boundary.digest, 32) == 0) return HKP_OK;
    if (j->anchored && l->boundary.epoch <= j->anchor_epoch) return HKP_E_DSM_PROOF;
    n->trust.state = HKP_DSM_TRUST_ALARM;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_BOUNDARIES_DIFFER);
    e->e.epoch = l->boundary.epoch;
    memcpy(e->e.node_id, p->node_id, 16);
    memcpy(e->e.id, j->heard[at], 32);
    e->data = hkp_dsm__bytes(n, l->bytes.ptr, l->bytes.len);
    return HKP_E_DSM_FORK;
}

int hkp_dsm__trust_links(node *n) {
    const struct join *j = &n->join;
    const int newest = j->anchored && j->anchor_epoch + 1 == j->epoch;
    if (newest || is_recent(n, j->anchored ? j->anchor_ms : n->epoch_ms, j->h.time_ms)) return 1;
    tell_needed(n);
    return 0;
}
