/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* PATH_CHALLENGE and PATH_RESPONSE travel alone, each on the path that it is about (HTP-9.2, 9.3). */
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__session session;
typedef struct hkp_htp__route route;

/* A way that nobody measured gets the PTO of a path without a sample (decision 0321). */
#define PATIENCE (1024 * HKP_HTP__MS)

enum { FRAME = 9 };

hkp_time hkp_htp__route_interval(const session *s, const route *r) {
    const hkp_time pto = hkp_htp__path_state_pto(&s->flow->recovery.own);
    return r->ours && pto < PATIENCE ? PATIENCE : pto;
}

/* HTP-4.6: never more to an address that is not validated than came from it. What we chose is validated. */
static size_t allowed(const route *r) {
    if (r->ours || r->answered || r->state != HKP_HTP__ROUTE_TRIED) return SIZE_MAX;
    return r->in_bytes > r->out_bytes ? (size_t)(r->in_bytes - r->out_bytes) : 0;
}

/* One packet of this entry: the challenge first, for what comes back decides. */
static int write(session *s, route *r, const struct hkp_htp__flow_slot *slot, uint8_t *dst,
                 struct hkp_htp__flow_out *out) {
    const size_t room = allowed(r), one = hkp_htp__flow_probe_size(s->flow, slot, FRAME);
    const int both = r->challenge_now && r->response_now && room >= one + FRAME;
    size_t n = 0;
    if (room < one || r->place < 0) return 0;
    if (r->challenge_now) {
        n += hkp_htp__put_path(dst, HKP_HTP__F_PATH_CHALLENGE, r->challenge);
        r->challenge_now = 0;
    }
    if (n == 0 || both) {
        n += hkp_htp__put_path(dst + n, HKP_HTP__F_PATH_RESPONSE, r->response);
        r->response_now = 0;
    }
    hkp_htp__flow_probe(s->flow, slot, dst, n, r->wide && room >= HKP_HTP__BIG, out);
    r->out_bytes += hkp_htp__flow_probe_size(s->flow, slot, out->len);
    return 1;
}

void hkp_htp__paths_send(session *s, const struct hkp_htp__flow_slot *slot, uint8_t *dst,
                         struct hkp_htp__flow_out *out, route **which) {
    struct hkp_htp__paths *p = s->paths;
    *which = NULL;
    if (slot->restricted || hkp_htp__flow_state(s->flow) != HKP_HTP__FLOW_OPEN) return;
    if (p->response_now) {
        p->response_now = 0;
        hkp_htp__flow_probe(s->flow, slot, dst, hkp_htp__put_path(dst, HKP_HTP__F_PATH_RESPONSE, p->response),
                            p->wide, out);
        return;
    }
    for (route *r = p->routes; r != NULL; r = r->next) {
        if ((!r->challenge_now && !r->response_now) || !write(s, r, slot, dst, out)) continue;
        *which = r;
        return;
    }
}

hkp_time hkp_htp__paths_wake(const session *s) {
    hkp_time at = hkp_htp__swarm_wake(s);
    for (const route *r = s->paths->routes; r != NULL; r = r->next) {
        if (r->again_at < at) at = r->again_at;
        if (r->until < at) at = r->until;
    }
    return at;
}

/* The challenge is due again, or was asked often enough. */
static void repeat(struct hkp_htp_endpoint *ep, session *s, route *r) {
    if (r->repeats < HKP_HTP__PATH_REPEATS) {
        r->repeats++;
        r->challenge_now = 1;
        r->again_at = ep->now + hkp_htp__route_interval(s, r);
        return;
    }
    r->challenging = r->challenge_now = 0;
    r->again_at = HKP_TIME_NEVER;
    if (r->state == HKP_HTP__ROUTE_OPEN || r->state == HKP_HTP__ROUTE_USED)
        hkp_htp__swarm_unanswered(ep, s, r);
    if (r->state != HKP_HTP__ROUTE_TRIED) return;
    if (r->ours) {
        s->paths->news = HKP_HTP_PATH_FAILED;
        s->paths->news_path = r->path;
    }
    hkp_htp__route_drop(ep, s, r);
}

void hkp_htp__paths_tick(struct hkp_htp_endpoint *ep, session *s) {
    for (route *r = s->paths->routes, *next; r != NULL; r = next) {
        next = r->next;
        if (ep->now >= r->until)
            hkp_htp__route_drop(ep, s, r);
        else if (ep->now >= r->again_at)
            repeat(ep, s, r);
    }
    hkp_htp__swarm_tick(ep, s);
}
