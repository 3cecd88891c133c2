/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Transport modes of sessions, the NAT and the energy of the whole endpoint (HTP-8.3, HTP-11). */
#include "libhtp/endpoint.h"
#include "libter/bytes.h"

/* HTP-11.7 "flush once": from the level CRITICAL to the end of all sessions (decision 0361). */
#define FLUSH (3 * HKP_HTP__SEC)

static hkp_status up(const hkp_htp_endpoint *ep, uint64_t session, struct hkp_htp__session **out) {
    struct hkp_htp__session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->state != HKP_HTP__S_UP || s->end_result != HKP_OK) return HKP_E_STATE;
    *out = s;
    return HKP_OK;
}

hkp_status hkp_htp_transport_set(hkp_htp_endpoint *ep, hkp_time now, uint64_t session, uint32_t mode) {
    struct hkp_htp__session *s;
    if (mode > HKP_HTP_TRANSPORT_SWARM && mode != HKP_HTP_TRANSPORT_AUTO) return HKP_E_INVAL;
    hkp_status st = up(ep, session, &s);
    if (st != HKP_OK) return st;
    if (now > ep->now) ep->now = now;
    st = hkp_htp__flow_set_mode(s->flow, ep->now, (uint8_t)mode);
    if (st == HKP_OK) hkp_htp__session_touch(ep, s);
    return st;
}

hkp_status hkp_htp_transport_info(const hkp_htp_endpoint *ep, uint64_t session,
                                  struct hkp_htp_transport *out) {
    struct hkp_htp__session *s;
    struct hkp_htp__flow_info f;
    hkp_status st = up(ep, session, &s);
    if (st != HKP_OK) return st;
    if (out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    hkp_htp__flow_info(s->flow, &f);
    *out = (struct hkp_htp_transport){.struct_size = sizeof *out,
                                      .mode = f.mode,
                                      .wanted = f.policy,
                                      .why = f.why,
                                      .waits = f.waits_for_e,
                                      .peer_mode = f.peer_mode,
                                      .peer_energy = f.peer_energy,
                                      .peer_load = f.peer_load,
                                      .peer_nat = f.peer_nat,
                                      .heartbeat_s = f.interval_s,
                                      .heartbeat_most_s = f.base_s,
                                      .loss_permille = f.loss_permille,
                                      .since = f.mode_since,
                                      .hour_rtt_ns = f.hour_rtt};
    return HKP_OK;
}

hkp_status hkp_htp_transport_delay(hkp_htp_endpoint *ep, uint64_t session, uint64_t period_ns,
                                   uint64_t *delay_ns) {
    struct hkp_htp__session *s;
    if (delay_ns == NULL) return HKP_E_INVAL;
    hkp_status st = up(ep, session, &s);
    if (st == HKP_OK) *delay_ns = hkp_htp__flow_delay(s->flow, period_ns);
    return st;
}

/* ---- NAT ---- */

hkp_status hkp_htp_endpoint_set_nat(hkp_htp_endpoint *ep, hkp_time now, uint32_t nat) {
    if (ep == NULL || nat > HKP_HTP_NAT_NONE) return HKP_E_INVAL;
    if (now > ep->now) ep->now = now;
    ep->opt.nat = nat;
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        struct hkp_htp__session *s = ep->sessions[i];
        if (s == NULL || s->flow == NULL) continue;
        hkp_htp__flow_set_nat(s->flow, (uint8_t)nat);
        hkp_htp__session_touch(ep, s);
    }
    return HKP_OK;
}

static int same_address(const struct hkp_htp_path *a, const struct hkp_htp_path *b) {
    return a->port == b->port && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

hkp_status hkp_htp_nat_guess(const hkp_htp_endpoint *ep, const struct hkp_htp_path *local, uint32_t *nat) {
    const struct hkp_htp__session *first = NULL;
    uint32_t guess = HKP_HTP_NAT_UNKNOWN;
    if (ep == NULL || local == NULL || nat == NULL) return HKP_E_INVAL;
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        const struct hkp_htp__session *s = ep->sessions[i];
        if (s == NULL || s->observed.port == 0 || s->path.carrier != local->carrier) continue;
        if (first == NULL) {
            first = s;
            if (same_address(&s->observed, local)) guess = HKP_HTP_NAT_NONE;
        } else if (!same_address(&s->path, &first->path) && !same_address(&s->observed, &first->observed)) {
            guess = HKP_HTP_NAT_SYMMETRIC;
        }
    }
    *nat = guess;
    return HKP_OK;
}

/* ---- energy ---- */

hkp_status hkp_htp_energy_set(hkp_htp_endpoint *ep, hkp_time now, const struct hkp_htp_energy *energy) {
    if (ep == NULL || energy == NULL || energy->struct_size < sizeof *energy) return HKP_E_INVAL;
    if ((energy->percent > 100 && energy->percent != HKP_HTP_PERCENT_UNKNOWN) || energy->mains > 1 ||
        energy->load > 100 || energy->reserved0 != 0)
        return HKP_E_INVAL;
    const uint8_t before = ep->power.level;
    if (now > ep->now) ep->now = now;
    hkp_htp__power_take(&ep->power, energy->percent, energy->mains, energy->load);
    if (ep->power.level == before) return HKP_OK;
    ep->sleep_at = HKP_TIME_NEVER;
    hkp_htp__power_session(ep);
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        struct hkp_htp__session *s = ep->sessions[i];
        if (s == NULL || s->flow == NULL) continue;
        hkp_htp__flow_power(s->flow, ep->now);
        hkp_htp__session_touch(ep, s);
    }
    return HKP_OK;
}

void hkp_htp__power_session(struct hkp_htp_endpoint *ep) {
    if (ep->power.level == HKP_HTP_ENERGY_CRITICAL && ep->sleep_at == HKP_TIME_NEVER)
        ep->sleep_at = ep->now + FLUSH;
}

void hkp_htp__power_tick(struct hkp_htp_endpoint *ep) {
    if (ep->now < ep->sleep_at) return;
    ep->sleep_at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        struct hkp_htp__session *s = ep->sessions[i];
        if (s != NULL && s->state == HKP_HTP__S_UP)
            hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_SLEEP, HKP_E_HTP_CLOSED);
    }
}

hkp_status hkp_htp_energy_info(const hkp_htp_endpoint *ep, struct hkp_htp_energy_plan *out) {
    static const struct {
        uint8_t files, ter_batch_s;
    } plan[] = {{HKP_HTP_FILES_ALL, 5},
                {HKP_HTP_FILES_URGENT, 15},
                {HKP_HTP_FILES_RECORDS, 60},
                {HKP_HTP_FILES_RECORDS, 0}};
    if (ep == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    const uint8_t level = ep->power.level;
    *out = (struct hkp_htp_energy_plan){.struct_size = sizeof *out,
                                        .level = level,
                                        .files = plan[level].files,
                                        .pacing = (uint8_t)hkp_htp__power_pacing(&ep->power),
                                        .compress = (uint8_t)hkp_htp__power_compress(&ep->power),
                                        .ter_batch_ns = plan[level].ter_batch_s * HKP_HTP__SEC,
                                        .sleep_at = ep->sleep_at};
    return HKP_OK;
}
