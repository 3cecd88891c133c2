/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Public calls about congestion. */
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"

static hkp_status up(const struct hkp_htp_endpoint *ep, uint64_t session, struct hkp_htp__flow **flow) {
    const struct hkp_htp__session *s = hkp_htp__session_find(ep, session);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->state != HKP_HTP__S_UP) return HKP_E_STATE;
    *flow = s->flow;
    return HKP_OK;
}

hkp_status hkp_htp_session_set_congestion(hkp_htp_endpoint *ep, uint64_t session, uint32_t controller) {
    struct hkp_htp__flow *flow;
    if (ep == NULL || controller > HKP_HTP_CONGESTION_BBR) return HKP_E_INVAL;
    hkp_status st = up(ep, session, &flow);
    if (st != HKP_OK) return st;
    hkp_htp__recovery_set_controller(&flow->recovery, hkp_htp__controller_of((uint8_t)controller));
    return HKP_OK;
}

hkp_status hkp_htp_session_congestion(const hkp_htp_endpoint *ep, uint64_t session,
                                      struct hkp_htp_congestion_info *out) {
    struct hkp_htp__flow *flow;
    if (ep == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    hkp_status st = up(ep, session, &flow);
    if (st != HKP_OK) return st;
    const struct hkp_htp__recovery *r = &flow->recovery;
    const struct hkp_htp__path_state *p = &r->own;
    const struct hkp_htp__congestion *c = &p->congestion;
    *out = (struct hkp_htp_congestion_info){
        .struct_size = sizeof *out,
        .controller = c->ops == &hkp_htp__bbr ? HKP_HTP_CONGESTION_BBR : HKP_HTP_CONGESTION_CUBIC,
        .window = c->window,
        .in_flight = p->in_flight,
        .pacing_rate = c->ops->pacing_rate(c, p->srtt != 0 ? p->srtt : p->initial),
        .srtt_ns = p->srtt,
        .min_rtt_ns = p->min,
        .pto_ns = hkp_htp__path_state_pto(p),
        .lost = r->lost,
        .late = r->spurious,
        .timeouts = r->probes,
        .ecn = r->ecn.state,
        .ce_received = flow->acks.ce};
    return HKP_OK;
}
