/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a session tells its owner, one event at a time. */
#include "libhtp/endpoint.h"
#include "libter/bytes.h"

static void start_event(const struct hkp_htp__session *s, struct hkp_htp_event *out, uint32_t type) {
    out->type = type;
    out->session = s->id;
    memcpy(out->peer, s->peer, 16);
    out->role = s->role;
    out->mode = s->mode;
}

static int take_flag(struct hkp_htp__session *s, uint32_t flag) {
    const int had = (s->events & flag) != 0;
    s->events &= ~flag;
    return had;
}

static int own_event(struct hkp_htp__session *s, struct hkp_htp_event *out) {
    if (take_flag(s, HKP_HTP__EV_UP)) {
        start_event(s, out, HKP_HTP_EVENT_UP);
        out->value = s->n_case;
    } else if (take_flag(s, HKP_HTP__EV_ALARM)) {
        start_event(s, out, HKP_HTP_EVENT_ALARM);
        out->result = s->alarm;
    } else if (take_flag(s, HKP_HTP__EV_REKEYED)) {
        start_event(s, out, HKP_HTP_EVENT_REKEYED);
        out->value = s->epoch;
    } else if (take_flag(s, HKP_HTP__EV_CLOCK)) {
        start_event(s, out, HKP_HTP_EVENT_CLOCK);
        out->value = s->clock;
    } else if (take_flag(s, HKP_HTP__EV_TRUST)) {
        start_event(s, out, HKP_HTP_EVENT_TRUST);
        out->value = s->trust_told;
    } else if (take_flag(s, HKP_HTP__EV_OBSERVED)) {
        start_event(s, out, HKP_HTP_EVENT_OBSERVED);
        out->observed = s->observed;
    } else if (take_flag(s, HKP_HTP__EV_RIGHTS)) {
        start_event(s, out, HKP_HTP_EVENT_RIGHTS);
        out->code = s->standing.line;
        out->value = (uint64_t)s->standing.trust_before << 16 | s->standing.trust_now;
    } else if (s->paths != NULL && s->paths->news != 0) {
        start_event(s, out, HKP_HTP_EVENT_PATH);
        out->value = s->paths->news;
        out->observed = s->paths->news_path;
        s->paths->news = 0;
    } else if (s->paths != NULL && (s->paths->wanted || s->paths->spare)) {
        start_event(s, out, HKP_HTP_EVENT_PATH);
        out->value = s->paths->wanted ? HKP_HTP_PATH_WANTED : HKP_HTP_PATH_SPARE;
        out->observed = s->path;
        *(s->paths->wanted ? &s->paths->wanted : &s->paths->spare) = 0;
    } else
        return 0;
    return 1;
}

/* A clock sample: what it says is kept, what is new is told. */
static void take_sample(struct hkp_htp__session *s, const struct hkp_htp__flow_event *e) {
    const uint8_t verdict = hkp_htp__clock_verdict(e->t[0], e->t[1], e->t[2], e->t[3]);
    s->peer_t2 = e->t[1];
    s->peer_t3 = e->t[2];
    if (verdict != s->clock) s->events |= HKP_HTP__EV_CLOCK;
    s->clock = verdict;
    if (s->role == HKP_HTP_ROLE_E && e->trust != s->trust_told) {
        s->trust_told = e->trust;
        s->events |= HKP_HTP__EV_TRUST;
    }
    if (e->port != s->observed.port || memcmp(e->addr, s->observed.addr, 16) != 0) {
        memcpy(s->observed.addr, e->addr, 16);
        s->observed.port = e->port;
        s->events |= HKP_HTP__EV_OBSERVED;
    }
}

static const uint8_t kinds[] = {
    [HKP_HTP__FLOW_EV_OPENED] = HKP_HTP_EVENT_STREAM,
    [HKP_HTP__FLOW_EV_MESSAGE] = HKP_HTP_EVENT_MESSAGE,
    [HKP_HTP__FLOW_EV_FIN] = HKP_HTP_EVENT_FIN,
    [HKP_HTP__FLOW_EV_RESET] = HKP_HTP_EVENT_STREAM_RESET,
    [HKP_HTP__FLOW_EV_STOPPED] = HKP_HTP_EVENT_STREAM_STOPPED,
    [HKP_HTP__FLOW_EV_DELIVERED] = HKP_HTP_EVENT_DELIVERED,
    [HKP_HTP__FLOW_EV_DATAGRAM] = HKP_HTP_EVENT_DATAGRAM,
    [HKP_HTP__FLOW_EV_WRITABLE] = HKP_HTP_EVENT_WRITABLE,
    [HKP_HTP__FLOW_EV_EXPIRED] = HKP_HTP_EVENT_EXPIRED,
    [HKP_HTP__FLOW_EV_HEARTBEAT] = HKP_HTP_EVENT_GOOD_HEARTBEAT,
    [HKP_HTP__FLOW_EV_MISSED] = HKP_HTP_EVENT_MISSED_HEARTBEAT,
    [HKP_HTP__FLOW_EV_MODE] = HKP_HTP_EVENT_TRANSPORT,
};

static void tell_flow(const struct hkp_htp__session *s, const struct hkp_htp__flow_event *e,
                      struct hkp_htp_event *out) {
    start_event(s, out, kinds[e->kind]);
    out->stream = e->stream;
    out->stream_class = e->cls;
    out->flags = e->bidirectional ? HKP_HTP_FLAG_BIDIRECTIONAL : 0;
    out->code = e->code;
    out->data = e->data;
    out->len = e->len;
    if (e->kind == HKP_HTP__FLOW_EV_MODE) {
        out->stream_class = 0;
        out->value = e->cls;
    }
    if (e->kind == HKP_HTP__FLOW_EV_MISSED) {
        out->code = 0;
        out->value = e->code;
    }
    if (e->kind == HKP_HTP__FLOW_EV_HEARTBEAT) {
        struct hkp_htp__flow_info info;
        hkp_htp__flow_info(s->flow, &info);
        out->value = info.srtt;
    }
}

/* 1: out is filled; 0: the flow has nothing more. */
static int flow_event(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp_event *out) {
    for (;;) {
        struct hkp_htp__flow_event e = {0};
        if (s->flow == NULL || s->told) return 0;
        hkp_status st = hkp_htp__flow_event(s->flow, &e);
        if (st == HKP_E_NOMEM) return 0;
        if (st != HKP_OK) {
            int32_t number = HKP_E_HTP_BASE - st;
            hkp_htp__session_close_with(ep, s, (uint16_t)number, st);
            return 0;
        }
        if (e.kind == HKP_HTP__FLOW_EV_NONE) return 0;
        if (e.kind == HKP_HTP__FLOW_EV_CLOCK) {
            take_sample(s, &e);
            if (own_event(s, out)) return 1;
        } else if (e.kind == HKP_HTP__FLOW_EV_CLOSED) {
            if (s->end_result == HKP_OK || s->peer_closed) {
                s->end_result = HKP_E_HTP_CLOSED;
                s->end_reason = e.code;
                s->retry_after = e.retry_after_s;
                s->trust_told = e.trust;
            }
        } else {
            tell_flow(s, &e, out);
            return 1;
        }
    }
}

void hkp_htp__session_next_event(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                 struct hkp_htp_event *out) {
    if (s->told) return;
    if (s->paths != NULL) hkp_htp__swarm_wish(ep, s);
    if (own_event(s, out)) return;
    if (s->was_up && !s->allow_set) {
        /* The owner was told of the session and named no class: what waited is refused. */
        hkp_htp__rights_permit(ep, s, 0, 0);
    }
    if (flow_event(ep, s, out) || s->end_result == HKP_OK) return;
    start_event(s, out, s->was_up ? HKP_HTP_EVENT_DOWN : HKP_HTP_EVENT_FAILED);
    out->result = s->end_result;
    out->reason = s->end_reason;
    out->value = s->retry_after;
    s->told = 1;
}

/* Nothing to tell, and nothing that asking would do. */
static int is_quiet(const struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->paths != NULL) hkp_htp__swarm_wish(ep, s);
    if (s->paths != NULL && (s->paths->news || s->paths->wanted || s->paths->spare)) return 0;
    return s->state != HKP_HTP__S_ENDED && s->events == 0 && s->end_result == HKP_OK &&
           (!s->was_up || s->allow_set) && (s->flow == NULL || !hkp_htp__flow_has_event(s->flow));
}

int hkp_htp__events_wait(struct hkp_htp_endpoint *ep) {
    while (ep->events.head != NULL && is_quiet(ep, ep->events.head))
        hkp_htp__list_drop_events(ep, ep->events.head);
    return ep->events.head != NULL;
}
