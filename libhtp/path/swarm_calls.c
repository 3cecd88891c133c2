/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* SWARM as E's owner sees it, who has the sockets: what is wanted, what there is, paths added and dropped. */
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__session session;
typedef struct hkp_htp__route route;
typedef struct hkp_htp__paths paths;

/* A path that is wanted and does not come is asked for again after this. */
#define ASK_AGAIN (10 * HKP_HTP__SEC)

int hkp_htp__paths_index(const session *s, const struct hkp_htp_path *path) {
    if (hkp_htp__path_equal(path, &s->path)) return 0;
    for (const route *r = s->paths->routes; r != NULL; r = r->next)
        if (r->state == HKP_HTP__ROUTE_OPEN && hkp_htp__path_equal(path, &r->path)) return r->index;
    return -1;
}

/* ---- what is wanted ---- */

static int opens_one(const paths *p) {
    for (const route *r = p->routes; r != NULL; r = r->next)
        if (r->ours) return 1;
    return 0;
}

static unsigned most_paths(const struct hkp_htp_endpoint *ep, const paths *p) {
    return ep->opt.swarm_paths + (p->swarm != NULL && p->swarm->renew);
}

/* One more path, now: mode SWARM has too few, or a key epoch is over; V has given a token for it. */
static int wants_one(const struct hkp_htp_endpoint *ep, const session *s, int mode) {
    const paths *p = s->paths;
    const int renew = p->swarm != NULL && p->swarm->renew;
    return (mode || renew) && hkp_htp__swarm_count(s) < most_paths(ep, p) && !opens_one(p) &&
           hkp_htp__tokens_left(&p->tokens);
}

void hkp_htp__swarm_wish(const struct hkp_htp_endpoint *ep, session *s) {
    paths *p = s->paths;
    if (s->role != HKP_HTP_ROLE_E || !(s->features & HKP_HTP_FEATURE_SWARM) || s->state != HKP_HTP__S_UP ||
        s->end_result != HKP_OK)
        return;
    const int mode = s->flow->mode.mode == HKP_HTP_TRANSPORT_SWARM;
    if (mode && !p->swarming) p->ask_at = 0;
    if (mode) {
        p->swarming = 1;
        p->spare = 0;
    } else if (p->swarming && !opens_one(p)) {
        p->swarming = 0;
        p->spare = p->swarm != NULL;
    }
    if (!wants_one(ep, s, mode)) {
        p->wanted = 0;
    } else if (ep->now >= p->ask_at) {
        p->wanted = 1;
        p->ask_at = ep->now + ASK_AGAIN;
    }
}

/* ---- calls ---- */

static void describe(struct hkp_htp_session_path *out, const session *s, unsigned index) {
    const struct hkp_htp__path_state *state = s->flow->recovery.paths[index];
    const int aside = s->paths->swarm != NULL && s->paths->swarm->aside >> index & 1;
    out->state = aside ? HKP_HTP_PATH_IS_ASIDE : HKP_HTP_PATH_IS_USED;
    out->datagram_max = state->mtu;
    out->srtt_ns = state->srtt;
    out->window = hkp_htp__congestion_window(&state->congestion);
    out->in_flight = state->in_flight;
}

hkp_status hkp_htp_session_path(const hkp_htp_endpoint *ep, uint64_t session_id, uint32_t n,
                                struct hkp_htp_session_path *out) {
    const session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session_id);
    if (out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    if (s == NULL || s->state != HKP_HTP__S_UP) return HKP_E_NOTFOUND;
    struct hkp_htp_session_path found = {.struct_size = sizeof found, .path = s->path};
    const route *r = s->paths->routes;
    for (uint32_t at = 0; n > 0 && r != NULL; r = r->next) {
        const int named = r->ours || r->state == HKP_HTP__ROUTE_OPEN || r->state == HKP_HTP__ROUTE_LEFT;
        if (named && ++at == n) break;
    }
    if (n > 0 && r == NULL) return HKP_E_NOTFOUND;
    if (n > 0) found.path = r->path;
    if (n == 0 || r->state == HKP_HTP__ROUTE_OPEN)
        describe(&found, s, n == 0 ? 0 : r->index);
    else
        found.state = r->ours ? HKP_HTP_PATH_IS_OPENING : HKP_HTP_PATH_IS_LEFT;
    *out = found;
    return HKP_OK;
}

hkp_status hkp_htp_session_path_add(hkp_htp_endpoint *ep, hkp_time now, uint64_t session_id,
                                    const struct hkp_htp_path *path) {
    session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session_id);
    if (path == NULL) return HKP_E_INVAL;
    if (s == NULL) return HKP_E_NOTFOUND;
    if (!(s->features & HKP_HTP_FEATURE_SWARM)) return HKP_E_UNSUPPORTED;
    if (s->state == HKP_HTP__S_UP && hkp_htp__swarm_count(s) >= most_paths(ep, s->paths)) return HKP_E_LIMIT;
    hkp_status st = hkp_htp_session_migrate(ep, now, session_id, path);
    if (st == HKP_OK) s->paths->routes->joins = 1;
    return st;
}

hkp_status hkp_htp_session_path_drop(hkp_htp_endpoint *ep, hkp_time now, uint64_t session_id,
                                     const struct hkp_htp_path *path) {
    session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session_id);
    if (path == NULL) return HKP_E_INVAL;
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->state != HKP_HTP__S_UP || s->end_result != HKP_OK || s->role != HKP_HTP_ROLE_E) return HKP_E_STATE;
    if (now > ep->now) ep->now = now;
    if (s->paths->swarm == NULL) return HKP_E_INVAL;
    if (hkp_htp__path_equal(path, &s->path)) {
        hkp_htp__swarm_promote(ep, s);
        hkp_htp__session_touch(ep, s);
        return HKP_OK;
    }
    for (route *r = s->paths->routes; r != NULL; r = r->next) {
        if (r->state != HKP_HTP__ROUTE_OPEN || !hkp_htp__path_equal(path, &r->path)) continue;
        hkp_htp__swarm_close(ep, s, r);
        hkp_htp__session_touch(ep, s);
        return HKP_OK;
    }
    return HKP_E_INVAL;
}
