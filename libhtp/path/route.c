/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* When a session goes by another path: rebinding and migration (HTP-9.2, 9.3). */
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

typedef struct hkp_htp__session session;
typedef struct hkp_htp__route route;
typedef struct hkp_htp__paths paths;

_Static_assert(sizeof(route) <= HKP_HTP__STREAM_SIZE, "an entry is taken from the pool of streams");

enum { KEEP_PTOS = 3 };

/* A path that the peer opened and does not use, or from where copies came, is forgotten after this. */
#define UNUSED (5 * HKP_HTP__SEC)

/* ---- entries ---- */

static route *find(const paths *p, const struct hkp_htp_path *path) {
    for (route *r = p->routes; r != NULL; r = r->next)
        if (hkp_htp__path_equal(&r->path, path)) return r;
    return NULL;
}

static route *used(const paths *p) {
    for (route *r = p->routes; r != NULL; r = r->next)
        if (r->state == HKP_HTP__ROUTE_USED) return r;
    return NULL;
}

static hkp_time pto(const session *s) { return hkp_htp__path_state_pto(&s->flow->recovery.own); }

int hkp_htp__route_challenge(struct hkp_htp_endpoint *ep, const session *s, route *r) {
    if (hkp_htp__draw(ep, r->challenge, 8) != HKP_OK) return 0;
    r->challenging = r->challenge_now = 1;
    r->answered = r->repeats = 0;
    r->sent_at = ep->now;
    r->again_at = ep->now + hkp_htp__route_interval(s, r);
    return 1;
}

route *hkp_htp__route_add(struct hkp_htp_endpoint *ep, session *s, const struct hkp_htp_path *path,
                          int with_challenge) {
    route *r = hkp_htp__stream_take(ep->pools);
    if (r == NULL) return NULL;
    r->path = *path;
    r->state = HKP_HTP__ROUTE_TRIED;
    r->place = -1;
    r->again_at = r->until = HKP_TIME_NEVER;
    if (with_challenge && !hkp_htp__route_challenge(ep, s, r)) {
        hkp_htp__stream_give(ep->pools, r);
        return NULL;
    }
    r->next = s->paths->routes;
    s->paths->routes = r;
    return r;
}

/* A token that no other path has is given up with the entry: it was seen there. */
static void leave_token(struct hkp_htp_endpoint *ep, session *s, const route *gone) {
    if (gone->place < 0 || gone->place == hkp_htp__paths_place(s)) return;
    for (const route *r = s->paths->routes; r != NULL; r = r->next)
        if (r != gone && r->place == gone->place) return;
    hkp_htp__paths_token_leave(ep, s, gone->place);
}

void hkp_htp__route_drop(struct hkp_htp_endpoint *ep, session *s, route *r) {
    route **link = &s->paths->routes;
    while (*link != r) link = &(*link)->next;
    *link = r->next;
    if (s->paths->from == r) s->paths->from = NULL;
    leave_token(ep, s, r);
    hkp_htp__stream_give(ep->pools, r);
}

/* The entry of the path in use; made when it is needed. */
route *hkp_htp__route_used(struct hkp_htp_endpoint *ep, session *s) {
    route *r = used(s->paths);
    if (r != NULL) return r;
    r = hkp_htp__route_add(ep, s, &s->path, 0);
    if (r == NULL) return NULL;
    r->state = HKP_HTP__ROUTE_USED;
    r->place = (int8_t)hkp_htp__paths_place(s);
    r->token_in = s->paths->token_in;
    return r;
}

/* Room for one more: what the peer tried first and did not answer makes way. */
static int make_room(struct hkp_htp_endpoint *ep, session *s) {
    unsigned n = 0;
    route *oldest = NULL;
    for (route *r = s->paths->routes; r != NULL; r = r->next) {
        n += r->state != HKP_HTP__ROUTE_OPEN;
        if (r->state != HKP_HTP__ROUTE_USED && r->state != HKP_HTP__ROUTE_OPEN && !r->ours) oldest = r;
    }
    if (n < HKP_HTP__ROUTES_MAX) return 1;
    if (oldest == NULL) return 0;
    hkp_htp__route_drop(ep, s, oldest);
    return 1;
}

/* ---- in ---- */

/* May a packet from here, by this token of ours, begin a path? A token that the path in use does not have
 * shows that the peer means it; else it is a rebinding, which only the newest packet can show. E knows its
 * own sockets: to it another one is no news of V. */
static int begins(const session *s, const struct hkp_htp_path *path, uint64_t token, int newest) {
    const struct hkp_htp_path *now = &s->path;
    if (s->role == HKP_HTP_ROLE_E && path->port == now->port && path->scope == now->scope &&
        memcmp(path->addr, now->addr, 16) == 0)
        return 0;
    return newest || (token != s->paths->token_in && hkp_htp__tokens_own(&s->paths->tokens, token) >= 0);
}

/* The new address is asked, and so is the old one if the token is the same: a faster forwarder of copies must
 * not take the path. */
static route *begin(struct hkp_htp_endpoint *ep, session *s, const struct hkp_htp_path *path,
                    uint64_t token) {
    const int moved = token != s->paths->token_in;
    route *old = hkp_htp__route_used(ep, s);
    if (old == NULL || !make_room(ep, s)) return NULL;
    route *r = hkp_htp__route_add(ep, s, path, 1);
    if (r == NULL) return NULL;
    r->token_in = token;
    r->place = old->place;
    const int place = moved ? hkp_htp__paths_token_take(ep, s) : -1;
    if (place >= 0) r->place = (int8_t)place;
    if (!moved && !old->challenging) (void)hkp_htp__route_challenge(ep, s, old);
    return r;
}

void hkp_htp__paths_heard(struct hkp_htp_endpoint *ep, session *s, const struct hkp_htp_path *path,
                          uint64_t token, uint64_t pn, size_t len) {
    paths *p = s->paths;
    const int in_use = hkp_htp__path_equal(path, &s->path);
    p->known = 1;
    p->other = 0;
    p->newest = pn + 1 == s->window.next;
    p->from_bytes = len;
    p->from = p->routes != NULL ? find(p, path) : NULL;
    if (token != p->token_in) hkp_htp__tokens_seen(&p->tokens, token);
    if (p->swarm != NULL && p->newest) p->swarm->last_in = p->from != NULL ? p->from->index : 0;
    if (in_use) {
        if (p->newest) p->token_in = token;
        if (p->from != NULL) p->from->token_in = p->token_in;
        return;
    }
    if (p->from == NULL && s->state == HKP_HTP__S_UP && begins(s, path, token, p->newest))
        p->from = begin(ep, s, path, token);
    p->known = p->from != NULL;
    if (p->from == NULL) return;
    p->from->in_bytes += len;
    if (p->newest) p->from->token_in = token;
}

void hkp_htp__paths_on_challenge(paths *p, const uint8_t data[8]) {
    route *r = p->from;
    const int wide = p->from_bytes >= HKP_HTP__BIG;
    if (!p->known) return; /* from nowhere that we would answer */
    memcpy(r != NULL ? r->response : p->response, data, 8);
    *(r != NULL ? &r->response_now : &p->response_now) = 1;
    *(r != NULL ? &r->wide : &p->wide) = (uint8_t)wide;
}

void hkp_htp__paths_on_response(paths *p, const uint8_t data[8]) {
    route *r = p->from;
    if (r == NULL || !r->challenging || sodium_memcmp(r->challenge, data, 8) != 0) return;
    r->challenging = r->challenge_now = 0;
    r->answered = 1;
    r->again_at = HKP_TIME_NEVER;
}

/* ---- moves ---- */

static void tell(paths *p, uint8_t news, const struct hkp_htp_path *path) {
    p->news = news;
    p->news_path = *path;
}

/* HTP-9.2: the window starts anew unless only the port changed; what is on its way went to the old path. */
static void restart(struct hkp_htp_endpoint *ep, session *s, const route *to) {
    const struct hkp_htp_path *was = &s->path;
    struct hkp_htp__path_state *state = &s->flow->recovery.own;
    const int port_only = memcmp(was->addr, to->path.addr, 16) == 0 && was->scope == to->path.scope &&
                          was->carrier == to->path.carrier;
    if (!port_only) hkp_htp__path_state_restart(state, to->repeats == 0 ? ep->now - to->sent_at : 0);
    if (port_only == 0) hkp_htp__flow_rerouted(s->flow); /* its MTU is to be sought anew (HTP-9.7) */
    hkp_htp__path_state_moved(state, ep->now);
    hkp_htp__flow_ping(s->flow); /* its ACK tells what was lost on the old path */
}

static void move_to(struct hkp_htp_endpoint *ep, session *s, route *to) {
    paths *p = s->paths;
    route *old = hkp_htp__route_used(ep, s);
    const int place = hkp_htp__paths_place(s);
    restart(ep, s, to);
    s->path = to->path;
    s->token_out = p->tokens.peer[to->place];
    p->token_in = to->token_in != 0 ? to->token_in : p->token_in;
    to->state = HKP_HTP__ROUTE_USED;
    to->answered = 0;
    to->until = HKP_TIME_NEVER;
    if (old != NULL) {
        old->state = HKP_HTP__ROUTE_LEFT;
        old->until = ep->now + KEEP_PTOS * pto(s);
        if (place != to->place) old->place = -1;
    }
    if (place != to->place) hkp_htp__paths_token_leave(ep, s, place);
    tell(p, HKP_HTP_PATH_MOVED, &s->path);
}

/* The old address answered, so what was seen from elsewhere were copies: for a while nothing from there
 * counts. */
static void stay(struct hkp_htp_endpoint *ep, session *s, route *old) {
    if (old->state == HKP_HTP__ROUTE_LEFT) move_to(ep, s, old);
    old->answered = 0;
    for (route *r = s->paths->routes; r != NULL; r = r->next) {
        if (r == old || r->ours || r->token_in != old->token_in) continue;
        r->state = HKP_HTP__ROUTE_LEFT;
        r->challenging = r->challenge_now = r->answered = 0;
        r->again_at = HKP_TIME_NEVER;
        r->until = ep->now + UNUSED;
    }
}

void hkp_htp__paths_settle(struct hkp_htp_endpoint *ep, session *s) {
    paths *p = s->paths;
    route *r = p->from;
    if (r == NULL || !r->answered || s->state != HKP_HTP__S_UP || s->end_result != HKP_OK) return;
    const int meant = r->token_in != p->token_in; /* the peer took another token */
    const int swarm = (s->features & HKP_HTP_FEATURE_SWARM) != 0;
    if (r->state == HKP_HTP__ROUTE_OPEN || (r->state == HKP_HTP__ROUTE_USED && p->swarm != NULL)) {
        r->answered = 0;
        hkp_htp__swarm_answered(s, r);
    } else if (r->state == HKP_HTP__ROUTE_TRIED && swarm &&
               (r->joins || (meant && !r->ours && r->place >= 0))) {
        hkp_htp__swarm_open(ep, s, r);
    } else if (r->state != HKP_HTP__ROUTE_TRIED) {
        if (r->place >= 0) stay(ep, s, r);
    } else if (r->ours) {
        r->ours = 0;
        move_to(ep, s, r);
    } else if (p->newest && (!meant || p->other)) {
        move_to(ep, s, r);
    } else {
        r->until = ep->now + UNUSED;
    }
}

hkp_status hkp_htp_session_migrate(hkp_htp_endpoint *ep, hkp_time now, uint64_t session_id,
                                   const struct hkp_htp_path *path) {
    session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session_id);
    if (path == NULL) return HKP_E_INVAL;
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->state != HKP_HTP__S_UP || s->end_result != HKP_OK || s->role != HKP_HTP_ROLE_E) return HKP_E_STATE;
    if (now > ep->now) ep->now = now;
    if (hkp_htp__path_equal(path, &s->path)) return HKP_E_INVAL;
    for (route *r = s->paths->routes; r != NULL; r = r->next)
        if (r->ours || hkp_htp__path_equal(path, &r->path)) return HKP_E_LIMIT;
    if (hkp_htp__route_used(ep, s) == NULL || !make_room(ep, s)) return HKP_E_NOMEM;
    route *r = hkp_htp__route_add(ep, s, path, 0);
    if (r == NULL) return HKP_E_NOMEM;
    if (!hkp_htp__route_challenge(ep, s, r)) {
        hkp_htp__route_drop(ep, s, r);
        return HKP_E_CALLBACK;
    }
    const int place = hkp_htp__paths_token_take(ep, s);
    if (place < 0) {
        hkp_htp__route_drop(ep, s, r);
        return HKP_E_LIMIT;
    }
    r->place = (int8_t)place;
    r->ours = r->wide = 1;
    r->again_at = ep->now + hkp_htp__route_interval(s, r);
    hkp_htp__session_touch(ep, s);
    return HKP_OK;
}
