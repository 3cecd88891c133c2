/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Calls on one session and its streams. */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"

/* The session of a call; HKP_E_STATE when it must be up and is not. */
static hkp_status of(const hkp_htp_endpoint *ep, uint64_t session, int up, struct hkp_htp__session **out) {
    struct hkp_htp__session *s = ep == NULL ? NULL : hkp_htp__session_find(ep, session);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (up && (s->state != HKP_HTP__S_UP || s->end_result != HKP_OK)) return HKP_E_STATE;
    *out = s;
    return HKP_OK;
}

hkp_status hkp_htp_session_close(hkp_htp_endpoint *ep, hkp_time now, uint64_t session, uint16_t reason) {
    struct hkp_htp__session *s;
    const int allowed = reason >= HKP_HTP_REASON_APPLICATION || reason == HKP_HTP_REASON_IDENTITY ||
                        reason == HKP_HTP_REASON_POLICY ||
                        (reason >= HKP_HTP_REASON_DONE && reason <= HKP_HTP_REASON_SHUTDOWN);
    hkp_status st = of(ep, session, 0, &s);
    if (st != HKP_OK) return st;
    if (!allowed) return HKP_E_INVAL;
    if (now > ep->now) ep->now = now;
    hkp_htp__session_close_with(ep, s, reason, HKP_E_HTP_CLOSED);
    return HKP_OK;
}

hkp_status hkp_htp_session_rekey(hkp_htp_endpoint *ep, hkp_time now, uint64_t session) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 1, &s);
    if (st != HKP_OK) return st;
    if (now > ep->now) ep->now = now;
    st = hkp_htp__rekey_start(ep, s, 1);
    hkp_htp__session_touch(ep, s);
    return st;
}

static void fill_shown(const struct hkp_htp__shown *shown, struct hkp_htp_session_info *o) {
    o->ter_index = shown->ter_index;
    memcpy(o->h_t, shown->h_t, 32);
    memcpy(o->h_integrity, shown->h_integrity, 20);
    o->policy_ver = shown->policy_ver;
    memcpy(o->boot_id, shown->boot_id, 16);
    o->peer_cert_form = shown->cert_form;
}

static void fill_info(const struct hkp_htp__session *s, struct hkp_htp_session_info *o) {
    o->established = s->state == HKP_HTP__S_UP && s->end_result == HKP_OK;
    memcpy(o->peer, s->peer, 16);
    memcpy(o->peer_a, s->peer_a, 32);
    o->role = s->role;
    o->mode = s->mode;
    o->n_case = s->n_case;
    o->clock = s->clock;
    o->resonance = s->resonance;
    o->stale = s->stale;
    o->resumed = s->resumed;
    o->suite = s->suite;
    o->features = s->features;
    o->epoch = s->epoch;
    o->trust_told = s->trust_told;
    o->peer_roles = s->peer_roles;
    o->peer_neuro_gen = s->peer_neuro_gen;
    o->path = s->path;
    o->observed = s->observed;
    o->last_heard = s->last_heard;
    o->peer_t2 = s->peer_t2;
    o->peer_t3 = s->peer_t3;
    memcpy(o->ce, s->ce, 32);
    if (s->shown != NULL) fill_shown(s->shown, o);
    if (s->epochs[s->epoch & 1] != NULL) o->ck_index = s->epochs[s->epoch & 1]->neural.ck_index;
    o->packets_in = s->packets_in;
    o->packets_out = s->packets_out;
    o->bytes_in = s->bytes_in;
    o->bytes_out = s->bytes_out;
    o->forged = s->forged;
}

hkp_status hkp_htp_session_info(const hkp_htp_endpoint *ep, uint64_t session,
                                struct hkp_htp_session_info *out) {
    struct hkp_htp__session *s;
    struct hkp_htp_session_info o = {.struct_size = sizeof o};
    hkp_status st = of(ep, session, 0, &s);
    if (st != HKP_OK) return st;
    if (out == NULL || out->struct_size < sizeof o) return HKP_E_INVAL;
    fill_info(s, &o);
    if (s->flow != NULL) {
        struct hkp_htp__flow_info f;
        hkp_htp__flow_info(s->flow, &f);
        o.heartbeat_s = f.interval_s;
        o.rtt_ns = f.srtt;
        o.jitter_ns = f.jitter_16ms * (HKP_HTP__MS / 16);
        o.last_res = f.last_res;
        o.packets_lost = f.packets_lost;
        o.good_heartbeats = f.good_heartbeats;
        o.missed_heartbeats = f.missed_heartbeats;
    }
    memcpy(out, &o, sizeof o);
    return HKP_OK;
}

hkp_status hkp_htp_session_certificate(const hkp_htp_endpoint *ep, uint64_t session, uint8_t *dst, size_t cap,
                                       size_t *len) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 0, &s);
    if (st != HKP_OK) return st;
    const size_t size = s->shown != NULL ? s->shown->cert_len : 0;
    if (cap < size) return HKP_E_NOSPC;
    if (size > 0) memcpy(dst, s->shown->cert, size);
    *len = size;
    return HKP_OK;
}

hkp_status hkp_htp_session_export(const hkp_htp_endpoint *ep, uint64_t session, uint32_t epoch,
                                  const uint8_t *label, size_t label_len, const uint8_t *context,
                                  size_t context_len, uint8_t *dst, size_t len) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 1, &s);
    if (st != HKP_OK) return st;
    if (label == NULL || label_len < 1 || label_len > 255 || (context == NULL && context_len > 0) ||
        dst == NULL || len < 1 || len > 8160)
        return HKP_E_INVAL;
    const struct hkp_htp__epoch_secret *e = s->epochs[epoch & 1];
    const uint8_t *exporter = epoch == 0                              ? s->exporter0
                              : e != NULL && e->live && e->n == epoch ? e->exporter
                                                                      : NULL;
    if (exporter == NULL) return HKP_E_HTP_EPOCH;
    hkp_htp__export(exporter, label, label_len, context, context_len, dst, len);
    return HKP_OK;
}

/* ---- streams ---- */

/* After a call that may have made something to send. */
static hkp_status touched(hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_status st) {
    if (st == HKP_OK) hkp_htp__session_touch(ep, s);
    return st;
}

hkp_status hkp_htp_stream_open(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream_class,
                               uint32_t bidirectional, uint32_t priority, uint32_t *stream) {
    struct hkp_htp__session *s;
    if (stream == NULL || stream_class > 127 || bidirectional > 1 || priority > 7) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    if (st != HKP_OK) return st;
    return touched(
        ep, s,
        hkp_htp__flow_open(s->flow, (uint8_t)stream_class, (int)bidirectional, (uint8_t)priority, stream));
}

hkp_status hkp_htp_stream_send(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                               const uint8_t *message, size_t len, uint32_t fin) {
    struct hkp_htp__session *s;
    if (message != NULL)
        return hkp_htp_stream_send_by(ep, session, stream, message, len, fin, HKP_TIME_NEVER);
    if (len > 0 || fin != 1) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : touched(ep, s, hkp_htp__flow_finish(s->flow, stream));
}

hkp_status hkp_htp_stream_send_by(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                  const uint8_t *message, size_t len, uint32_t fin, hkp_time deadline) {
    struct hkp_htp__session *s;
    if (message == NULL || fin > 1 || ep == NULL || deadline <= ep->now) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    if (st != HKP_OK) return st;
    return touched(ep, s, hkp_htp__flow_message_by(s->flow, stream, message, len, (int)fin, deadline));
}

hkp_status hkp_htp_stream_deadline(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                   hkp_time deadline) {
    struct hkp_htp__session *s;
    if (ep == NULL || deadline <= ep->now) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : touched(ep, s, hkp_htp__flow_deadline(s->flow, stream, deadline));
}

hkp_status hkp_htp_stream_priority(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                   uint32_t priority) {
    struct hkp_htp__session *s;
    if (priority > 7) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : hkp_htp__flow_priority(s->flow, stream, (uint8_t)priority);
}

hkp_status hkp_htp_stream_compress(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint32_t level) {
    struct hkp_htp__session *s;
    if (level > HKP_HTP_COMPRESS_BEST) return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : hkp_htp__flow_compress(s->flow, stream, (uint8_t)level);
}

hkp_status hkp_htp_stream_limit(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint32_t limit) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : hkp_htp__flow_limit(s->flow, stream, limit);
}

hkp_status hkp_htp_stream_stop(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint16_t code) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : touched(ep, s, hkp_htp__flow_stop(s->flow, stream, code));
}

hkp_status hkp_htp_stream_reset(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint16_t code) {
    struct hkp_htp__session *s;
    hkp_status st = of(ep, session, 1, &s);
    return st != HKP_OK ? st : touched(ep, s, hkp_htp__flow_reset(s->flow, stream, code));
}

hkp_status hkp_htp_datagram_send(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream_class,
                                 const uint8_t *data, size_t len) {
    return hkp_htp_datagram_send_by(ep, session, stream_class, data, len, HKP_TIME_NEVER);
}

hkp_status hkp_htp_datagram_send_by(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream_class,
                                    const uint8_t *data, size_t len, hkp_time deadline) {
    struct hkp_htp__session *s;
    if (data == NULL || len == 0 || stream_class > 127 || ep == NULL || deadline <= ep->now)
        return HKP_E_INVAL;
    hkp_status st = of(ep, session, 1, &s);
    if (st != HKP_OK) return st;
    st = hkp_htp__flow_datagram_by(s->flow, (uint8_t)stream_class, data, len, deadline);
    return touched(ep, s, st == HKP_E_TOOBIG ? HKP_E_INVAL : st);
}

/* ---- the endpoint's own ---- */

hkp_status hkp_htp_endpoint_set_ter(hkp_htp_endpoint *ep, uint64_t ter_index, const uint8_t h_t[32],
                                    const uint8_t h_integrity[20], uint32_t policy_ver,
                                    const uint8_t boot_id[16]) {
    if (ep == NULL || h_t == NULL || h_integrity == NULL || boot_id == NULL) return HKP_E_INVAL;
    ep->attest.ter_index = ter_index;
    memcpy(ep->attest.h_t, h_t, 32);
    memcpy(ep->attest.h_integrity, h_integrity, 20);
    ep->attest.policy_ver = policy_ver;
    memcpy(ep->attest.boot_id, boot_id, 16);
    return HKP_OK;
}

hkp_status hkp_htp_endpoint_set_ce(hkp_htp_endpoint *ep, const uint8_t ce[32]) {
    if (ep == NULL || ce == NULL) return HKP_E_INVAL;
    memcpy(ep->ce, ce, 32);
    return HKP_OK;
}

hkp_status hkp_htp_endpoint_set_certificate(hkp_htp_endpoint *ep, const uint8_t *certificate, size_t len,
                                            const uint8_t id[32], const struct hkp_htp_identity *own) {
    if (ep == NULL || len > HKP_HTP_CERTIFICATE_MAX || (certificate == NULL && len > 0) || id == NULL ||
        own == NULL)
        return HKP_E_INVAL;
    if (len > 0) memcpy(ep->self.cert, certificate, len);
    ep->self.cert_len = len;
    memcpy(ep->self.cert_id, id, 32);
    ep->self.own = *own;
    return HKP_OK;
}

hkp_status hkp_htp_endpoint_revoke(hkp_htp_endpoint *ep, hkp_time now, const uint8_t node_id[16]) {
    if (ep == NULL || node_id == NULL) return HKP_E_INVAL;
    if (now > ep->now) ep->now = now;
    hkp_htp__door_revoke(ep, node_id);
    for (struct hkp_htp__session *s = hkp_htp__session_of_peer(ep, node_id); s != NULL; s = s->peer_next)
        if (memcmp(s->peer, node_id, 16) == 0)
            hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_IDENTITY, HKP_E_HTP_CLOSED);
    hkp_htp__ticket_forget(ep, node_id);
    return HKP_OK;
}

hkp_status hkp_htp_endpoint_stats(const hkp_htp_endpoint *ep, struct hkp_htp_stats *out) {
    if (ep == NULL || out == NULL || out->struct_size < sizeof ep->stats) return HKP_E_INVAL;
    *out = ep->stats;
    out->struct_size = sizeof *out;
    return HKP_OK;
}
