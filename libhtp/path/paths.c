/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/path/paths.h"

#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_pool.h"
#include "libter/options.h"

typedef struct hkp_htp__session session;
typedef struct hkp_htp__route route;

/* E keeps the reset tokens of V behind it. */
static size_t size_of(const session *s) {
    return sizeof *s->paths + (s->role == HKP_HTP_ROLE_E ? 16U * HKP_HTP__TOKENS_MAX : 0);
}

hkp_status hkp_htp__paths_new(struct hkp_htp_endpoint *ep, session *s, const uint8_t reset[16]) {
    struct hkp_htp__paths *p = hkp_mem_alloc(&ep->opt.mem, size_of(s));
    if (p == NULL) return HKP_E_NOMEM;
    s->paths = p;
    hkp_htp__tokens_init(&p->tokens, s->token_in, s->token_out);
    p->token_in = s->token_in;
    if (s->role == HKP_HTP_ROLE_V) {
        p->tokens.reset_key = ep->reset_key;
        return HKP_OK;
    }
    p->tokens.reset = (uint8_t(*)[16])(p + 1);
    memcpy(p->tokens.reset[0], reset, 16);
    hkp_htp__reset_watch(ep, s, 0);
    return HKP_OK;
}

void hkp_htp__paths_free(struct hkp_htp_endpoint *ep, session *s) {
    struct hkp_htp__paths *p = s->paths;
    if (p == NULL) return;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        hkp_htp__token_drop(ep, p->tokens.own[i]);
        if (p->tokens.peer_used >> i & 1) hkp_htp__reset_unwatch(ep, s, i);
    }
    while (p->routes != NULL) {
        route *r = p->routes;
        p->routes = r->next;
        if (r->way != NULL) hkp_htp__stream_give(ep->pools, r->way);
        hkp_htp__stream_give(ep->pools, r);
    }
    if (p->swarm != NULL) hkp_htp__stream_give(ep->pools, p->swarm);
    s->paths = NULL;
    sodium_memzero(p, size_of(s));
    hkp_mem_free(&ep->opt.mem, p, size_of(s));
}

int hkp_htp__path_equal(const struct hkp_htp_path *a, const struct hkp_htp_path *b) {
    return a->port == b->port && a->carrier == b->carrier && a->scope == b->scope &&
           memcmp(a->addr, b->addr, 16) == 0;
}

int hkp_htp__paths_place(const session *s) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if (s->paths->tokens.peer[i] == s->token_out) return i;
    return -1;
}

int hkp_htp__paths_token_take(struct hkp_htp_endpoint *ep, session *s) {
    struct hkp_htp__tokens *t = &s->paths->tokens;
    const int place = hkp_htp__tokens_may_retire(t) ? hkp_htp__tokens_take(t) : -1;
    if (place >= 0) hkp_htp__reset_watch(ep, s, place);
    return place;
}

void hkp_htp__paths_token_leave(struct hkp_htp_endpoint *ep, session *s, int place) {
    if (place < 0) return;
    hkp_htp__reset_unwatch(ep, s, place);
    hkp_htp__tokens_retire(&s->paths->tokens, place);
}

/* The peer will send no more to what it gave up: paths that had only this are gone. */
static void forget_routes(struct hkp_htp_endpoint *ep, session *s, uint64_t token) {
    for (route *r = s->paths->routes, *next; r != NULL; r = next) {
        next = r->next;
        if (r->token_in != token) continue;
        if (r->state == HKP_HTP__ROUTE_OPEN)
            hkp_htp__swarm_close(ep, s, r);
        else if (r->state == HKP_HTP__ROUTE_LEFT)
            hkp_htp__route_drop(ep, s, r);
    }
    if (token == s->paths->token_in && s->paths->swarm != NULL) hkp_htp__swarm_promote(ep, s);
}

void hkp_htp__paths_refresh(struct hkp_htp_endpoint *ep, session *s) {
    struct hkp_htp__tokens *t = &s->paths->tokens;
    route *last = s->paths->routes;
    uint64_t token;
    /* With nothing under way the path in use needs no entry. */
    if (last != NULL && last->next == NULL && last->state == HKP_HTP__ROUTE_USED && !last->challenging &&
        !last->response_now)
        hkp_htp__route_drop(ep, s, last);
    while ((token = hkp_htp__tokens_gone(t)) != 0) {
        hkp_htp__token_drop(ep, token);
        forget_routes(ep, s, token);
    }
    while (s->end_result == HKP_OK && hkp_htp__tokens_wanted(t) && hkp_htp__token_room(ep)) {
        if (hkp_htp__draw_token(ep, &token) != HKP_OK) return; /* the next packet tries again */
        hkp_htp__token_put(ep, token, s->index);
        hkp_htp__tokens_add(t, token);
    }
}
