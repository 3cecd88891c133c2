/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The rights of one session: judged by its owner, obeyed at once (HTP-8.6, 8.7). */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"

/* Before its owner judged the peer nothing is known of T, and nothing is taken for it. */
static struct hkp_htp_judgement judgement_of(const struct hkp_htp__session *s) {
    const struct hkp_htp__standing *st = &s->standing;
    return (struct hkp_htp_judgement){.struct_size = sizeof(struct hkp_htp_judgement),
                                      .trust = st->judged ? st->trust : HKP_HTP_TRUST_ONE,
                                      .stale = st->judged ? st->stale : s->stale,
                                      .validators = st->validators,
                                      .integrity = st->integrity};
}

static struct hkp_htp_rights rights_of(const struct hkp_htp__session *s) {
    const struct hkp_htp_judgement j = judgement_of(s);
    struct hkp_htp_rights r = {.struct_size = sizeof r};
    const hkp_status st = hkp_htp_trust_rights(&j, s->mode, s->n_case, &r);
    /* A mode without a case was refused in the handshake; if not, it may do nothing. */
    if (st != HKP_OK) r.line = HKP_HTP_LINE_TRUST;
    return r;
}

void hkp_htp__rights_apply(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    struct hkp_htp__standing *st = &s->standing;
    const struct hkp_htp_registry *registry = &ep->opt.registry;
    const struct hkp_htp_rights r = rights_of(s);
    if (s->allow_set) {
        const uint64_t allow[2] = {st->permit[0] & r.classes_low, st->permit[1] & r.classes_high};
        hkp_htp__flow_allow(s->flow, allow);
    }
    if (st->judged && s->role == HKP_HTP_ROLE_V) hkp_htp__flow_set_trust(s->flow, r.trust);
    const uint16_t trust_before = st->trust_now;
    st->trust_now = r.trust;
    if (r.lines != st->lines) {
        st->trust_before = trust_before;
        st->line_before = st->line;
        st->lines = (uint16_t)r.lines;
        st->line = (uint8_t)r.line;
        s->events |= HKP_HTP__EV_RIGHTS;
        if (registry->note != NULL) registry->note(registry->user, s->peer, HKP_HTP_NOTE_RIGHTS, r.line);
    }
    if (st->judged && (r.trust < HKP_HTP__TICKET_TRUST || st->stale)) hkp_htp__ticket_forget(ep, s->peer);
    if (r.close != 0) hkp_htp__session_close_with(ep, s, r.close, HKP_E_HTP_CLOSED);
    hkp_htp__session_touch(ep, s);
}

void hkp_htp__rights_begin(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    s->standing = (struct hkp_htp__standing){
        .lines = 1U << HKP_HTP_LINE_FULL, .trust_now = HKP_HTP_TRUST_ONE, .trust_before = HKP_HTP_TRUST_ONE};
    hkp_htp__rights_apply(ep, s);
}

/* The session of a call, which was up once. */
static hkp_status of(const hkp_htp_endpoint *ep, uint64_t session, struct hkp_htp__session **out) {
    struct hkp_htp__session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->state != HKP_HTP__S_UP) return HKP_E_STATE;
    *out = s;
    return HKP_OK;
}

hkp_status hkp_htp_session_judge(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                 const struct hkp_htp_judgement *j) {
    struct hkp_htp__session *s;
    if (ep == NULL || j == NULL || j->struct_size < sizeof *j || j->stale > 1 || j->validators > 1 ||
        j->integrity > HKP_HTP_INTEGRITY_CLOSE)
        return HKP_E_INVAL;
    hkp_status st = of(ep, session, &s);
    if (st != HKP_OK) return st;
    if (s->end_result != HKP_OK) return HKP_E_STATE;
    if (now > ep->now) ep->now = now;
    s->standing.judged = 1;
    s->standing.trust = j->trust;
    s->standing.stale = j->stale;
    s->standing.validators = j->validators;
    s->standing.integrity = j->integrity;
    hkp_htp__rights_apply(ep, s);
    return HKP_OK;
}

hkp_status hkp_htp_session_set_trust(hkp_htp_endpoint *ep, uint64_t session, uint16_t trust) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, &s);
    if (st != HKP_OK) return st;
    if (s->end_result != HKP_OK) return HKP_E_STATE;
    if (!s->standing.judged) s->standing.stale = s->stale;
    s->standing.judged = 1;
    s->standing.trust = trust;
    hkp_htp__rights_apply(ep, s);
    return HKP_OK;
}

hkp_status hkp_htp_session_allow(hkp_htp_endpoint *ep, uint64_t session, uint64_t low, uint64_t high) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, &s);
    if (st != HKP_OK) return st;
    if (s->end_result != HKP_OK) return HKP_E_STATE;
    hkp_htp__rights_permit(ep, s, low, high);
    return HKP_OK;
}

void hkp_htp__rights_permit(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t low,
                            uint64_t high) {
    s->allow_set = 1;
    s->standing.permit[0] = low;
    s->standing.permit[1] = high;
    hkp_htp__rights_apply(ep, s);
}

hkp_status hkp_htp_session_rights(const hkp_htp_endpoint *ep, uint64_t session,
                                  struct hkp_htp_session_rights *out) {
    struct hkp_htp__session *s;
    struct hkp_htp_session_rights o = {.struct_size = sizeof o};
    if (out == NULL || out->struct_size < sizeof o) return HKP_E_INVAL;
    hkp_status st = of(ep, session, &s);
    if (st != HKP_OK) return st;
    o.line_before = s->standing.line_before;
    o.trust_before = s->standing.trust_before;
    o.judged = s->standing.judged;
    o.rights = rights_of(s);
    if (s->allow_set) {
        o.rights.classes_low &= s->standing.permit[0];
        o.rights.classes_high &= s->standing.permit[1];
    }
    memcpy(out, &o, sizeof o);
    return HKP_OK;
}
