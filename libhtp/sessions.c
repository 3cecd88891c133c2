/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The set of sessions: numbers, lists of those with something to do, and their deadlines. */
#include "libhtp/endpoint.h"
#include "libter/bytes.h"
#include "libter/options.h"

static uint32_t peer_bucket(const struct hkp_htp_endpoint *ep, const uint8_t peer[16]) {
    uint8_t h[8];
    crypto_shorthash(h, peer, 16, ep->hash_key);
    return hkp_be32(h) & ep->peer_mask;
}

hkp_status hkp_htp__session_new(struct hkp_htp_endpoint *ep, uint8_t role, const uint8_t peer[16],
                                struct hkp_htp__session **out) {
    if (ep->n_free == 0) return HKP_E_LIMIT;
    struct hkp_htp__session *s = hkp_mem_alloc(&ep->opt.secret_mem, sizeof *s);
    if (s == NULL) return HKP_E_NOMEM;
    s->index = ep->free_slots[--ep->n_free];
    s->id = ++ep->serial << 20 | s->index;
    s->role = role;
    s->half = HKP_HTP__NONE;
    s->heap_at = HKP_HTP__NONE;
    s->old_until = HKP_TIME_NEVER;
    memcpy(s->peer, peer, 16);
    struct hkp_htp__session **bucket = &ep->peers[peer_bucket(ep, peer)];
    s->peer_next = *bucket;
    *bucket = s;
    ep->sessions[s->index] = s;
    ep->stats.sessions++;
    *out = s;
    return HKP_OK;
}

void hkp_htp__session_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    const struct hkp_mem *mem = &ep->opt.secret_mem;
    hkp_htp__session_schedule(ep, s, HKP_TIME_NEVER);
    hkp_htp__list_drop_ready(ep, s);
    hkp_htp__list_drop_events(ep, s);
    struct hkp_htp__session **link = &ep->peers[peer_bucket(ep, s->peer)];
    while (*link != s) link = &(*link)->peer_next;
    *link = s->peer_next;
    hkp_htp__token_drop(ep, s->token_in);
    hkp_htp__paths_free(ep, s);
    if (s->half != HKP_HTP__NONE) hkp_htp__door_release(ep, s->half);
    hkp_htp__edge_free(ep, s);
    hkp_htp__session_unshow(ep, s);
    hkp_htp__epochs_erase(ep, s);
    hkp_htp__flow_free(s->flow);
    ep->sessions[s->index] = NULL;
    ep->free_slots[ep->n_free++] = s->index;
    if (--ep->stats.sessions == 0) hkp_htp__pools_rest(ep->pools);
    sodium_memzero(s, sizeof *s);
    hkp_mem_free(mem, s, sizeof *s);
}

hkp_status hkp_htp__session_shown(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                  const struct hkp_htp__cert *cert) {
    struct hkp_htp__shown *shown = hkp_mem_alloc(&ep->opt.mem, sizeof *shown + cert->len);
    if (shown == NULL) return HKP_E_NOMEM;
    hkp_htp__session_unshow(ep, s);
    shown->cert_form = cert->form;
    shown->cert_len = cert->len;
    if (cert->len > 0) memcpy(shown->cert, cert->data, cert->len);
    s->shown = shown;
    return HKP_OK;
}

void hkp_htp__session_forget_certificate(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->shown == NULL || s->shown->cert_len == 0) return;
    struct hkp_htp__shown *less = hkp_mem_alloc(&ep->opt.mem, sizeof *less);
    if (less == NULL) return; /* at the next rekey, then */
    memcpy(less, s->shown, sizeof *less);
    less->cert_len = 0;
    hkp_htp__session_unshow(ep, s);
    s->shown = less;
}

void hkp_htp__session_unshow(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->shown != NULL) hkp_mem_free(&ep->opt.mem, s->shown, sizeof *s->shown + s->shown->cert_len);
    s->shown = NULL;
}

struct hkp_htp__session *hkp_htp__session_find(const struct hkp_htp_endpoint *ep, uint64_t id) {
    const uint64_t index = id & 0xFFFFF;
    if (index >= ep->opt.sessions_max) return NULL;
    struct hkp_htp__session *s = ep->sessions[index];
    return s != NULL && s->id == id && !s->told && s->state != HKP_HTP__S_ENDED ? s : NULL;
}

struct hkp_htp__session *hkp_htp__session_of_peer(const struct hkp_htp_endpoint *ep, const uint8_t peer[16]) {
    return ep->peers[peer_bucket(ep, peer)];
}

/* ---- lists ---- */

void hkp_htp__session_touch(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (!s->in_ready && s->state != HKP_HTP__S_ENDED) {
        s->in_ready = 1;
        s->ready_next = NULL;
        s->ready_prev = ep->ready.tail;
        *(ep->ready.tail != NULL ? &ep->ready.tail->ready_next : &ep->ready.head) = s;
        ep->ready.tail = s;
    }
    if (!s->in_events) {
        s->in_events = 1;
        s->event_next = NULL;
        s->event_prev = ep->events.tail;
        *(ep->events.tail != NULL ? &ep->events.tail->event_next : &ep->events.head) = s;
        ep->events.tail = s;
    }
}

void hkp_htp__list_drop_ready(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (!s->in_ready) return;
    *(s->ready_prev != NULL ? &s->ready_prev->ready_next : &ep->ready.head) = s->ready_next;
    *(s->ready_next != NULL ? &s->ready_next->ready_prev : &ep->ready.tail) = s->ready_prev;
    s->in_ready = 0;
}

void hkp_htp__list_drop_events(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (!s->in_events) return;
    *(s->event_prev != NULL ? &s->event_prev->event_next : &ep->events.head) = s->event_next;
    *(s->event_next != NULL ? &s->event_next->event_prev : &ep->events.tail) = s->event_prev;
    s->in_events = 0;
}

/* ---- deadlines: a binary heap ---- */

static void heap_set(struct hkp_htp_endpoint *ep, uint32_t at, struct hkp_htp__deadline d) {
    ep->heap[at] = d;
    d.session->heap_at = at;
}

/* Puts d, which is to stand at `at`, where it belongs. */
static void heap_move(struct hkp_htp_endpoint *ep, uint32_t at, struct hkp_htp__deadline d) {
    while (at > 0 && ep->heap[(at - 1) / 2].wake > d.wake) {
        heap_set(ep, at, ep->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < ep->n_heap && ep->heap[child + 1].wake < ep->heap[child].wake) child++;
        if (child >= ep->n_heap || ep->heap[child].wake >= d.wake) break;
        heap_set(ep, at, ep->heap[child]);
        at = child;
    }
    heap_set(ep, at, d);
}

void hkp_htp__session_schedule(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_time wake) {
    uint32_t at = s->heap_at;
    if (wake != HKP_TIME_NEVER) {
        if (at == HKP_HTP__NONE) at = ep->n_heap++;
        heap_move(ep, at, (struct hkp_htp__deadline){wake, s});
    } else if (at != HKP_HTP__NONE) {
        s->heap_at = HKP_HTP__NONE;
        if (at != --ep->n_heap) heap_move(ep, at, ep->heap[ep->n_heap]);
    }
}
