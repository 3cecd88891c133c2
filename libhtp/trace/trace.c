/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Events as lines of JSON in the manner of qlog, and the key log (HTP-18.4). All that is written here are
 * numbers, names of ours and hex: nothing needs an escape.
 */
#include "libhtp/trace/trace.h"
#include "libhtp/trace/trace_chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "libhtp/wire/frames.h"
#include "libter/bytes.h"

/** Room for the frames of one packet; those beyond are counted in "more". */
enum { FRAMES_ROOM = 1400 };

struct line {
    char text[HKP_HTP_TRACE_LINE_MAX];
    size_t len;
};

static void put(struct line *l, const char *form, ...) {
    va_list args;
    va_start(args, form);
    const int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, form, args);
    va_end(args);
    if (n > 0) l->len = l->len + (size_t)n < sizeof l->text ? l->len + (size_t)n : sizeof l->text - 1;
}

static void put_hex(struct line *l, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) put(l, "%02x", bytes[i]);
}

/* ---- events ---- */

static const char *type_name(uint16_t type) {
    switch (type) {
    case HKP_HTP__HELLO:
        return "HELLO";
    case HKP_HTP__CHALLENGE:
        return "CHALLENGE";
    case HKP_HTP__ATTEST:
        return "ATTEST";
    case HKP_HTP__ACCEPT:
        return "ACCEPT";
    case HKP_HTP__REJECT:
        return "REJECT";
    case HKP_HTP__DATA:
        return "DATA";
    case HKP_HTP__HEARTBEAT:
        return "HEARTBEAT";
    case HKP_HTP__ACK:
        return "ACK";
    case HKP_HTP__CLOSE:
        return "CLOSE";
    default:
        return "unknown";
    }
}

/* {"time":1.234,"name":"htp:...","group_id":"...","data":{ : what every event begins with. */
static void begin(const struct hkp_htp_endpoint *ep, struct line *l, const char *name,
                  const struct hkp_htp__session *s) {
    l->len = 0;
    put(l, "{\"time\":%" PRIu64 ".%03u,\"name\":\"htp:%s\"", ep->now / 1000000,
        (unsigned)(ep->now / 1000 % 1000), name);
    if (s != NULL) put(l, ",\"group_id\":\"%" PRIx64 "\"", s->id);
    put(l, ",\"data\":{");
}

static void end(const struct hkp_htp_endpoint *ep, struct line *l) {
    put(l, "}}");
    ep->trace.event(ep->trace.user, l->text, l->len);
}

static void put_path(struct line *l, const struct hkp_htp_path *path) {
    char text[HKP_HTP_PATH_TEXT_MAX];
    if (hkp_htp_path_format(path, text, sizeof text) == HKP_OK) put(l, ",\"path\":\"%s\"", text);
    if (path->carrier != 0) put(l, ",\"carrier\":%" PRIu64, path->carrier);
}

static void put_ranges(struct line *l, const struct hkp_htp__frame *f) {
    unsigned index = 0;
    uint64_t lo = 0, hi = 0;
    put(l, ",\"acked_ranges\":[");
    for (int i = 0; hkp_htp__frame_ack_range(f, &index, &lo, &hi) && i < 4; i++)
        put(l, "%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "", lo, hi);
    put(l, "]");
}

static void put_frame(struct line *l, const struct hkp_htp__frame *f) {
    switch (f->type) {
    case HKP_HTP__F_PAD:
        put(l, "{\"frame_type\":\"pad\"");
        break;
    case HKP_HTP__F_ACK:
        put(l, "{\"frame_type\":\"ack\",\"ack_delay_us\":%u", f->ack.delay_16us * 16U);
        put_ranges(l, f);
        if (f->ack.ecn) put(l, ",\"ect0\":%" PRIu32 ",\"ce\":%" PRIu32, f->ack.ect0, f->ack.ce);
        break;
    case HKP_HTP__F_STREAM:
        put(l,
            "{\"frame_type\":\"stream\",\"stream_id\":%" PRIu32 ",\"class\":%u,\"offset\":%" PRIu64
            ",\"length\":%zu,\"fin\":%s",
            f->stream, f->cls, f->value, f->len, f->fin ? "true" : "false");
        break;
    case HKP_HTP__F_DATAGRAM:
        put(l, "{\"frame_type\":\"datagram\",\"class\":%u,\"length\":%zu", f->cls, f->len);
        break;
    case HKP_HTP__F_RESET:
    case HKP_HTP__F_STOP:
        put(l, "{\"frame_type\":\"%s\",\"stream_id\":%" PRIu32 ",\"code\":%u",
            f->type == HKP_HTP__F_RESET ? "reset" : "stop", f->stream, f->code);
        break;
    case HKP_HTP__F_CREDIT:
        put(l, "{\"frame_type\":\"credit\",\"kind\":%u,\"stream_id\":%" PRIu32 ",\"limit\":%" PRIu64, f->kind,
            f->stream, f->value);
        break;
    case HKP_HTP__F_PATH_CHALLENGE:
    case HKP_HTP__F_PATH_RESPONSE:
        put(l, "{\"frame_type\":\"path_%s\"", f->type == HKP_HTP__F_PATH_RESPONSE ? "response" : "challenge");
        break;
    case HKP_HTP__F_PING:
        put(l, "{\"frame_type\":\"ping\"");
        break;
    case HKP_HTP__F_REKEY:
        put(l, "{\"frame_type\":\"rekey\",\"op\":%u,\"epoch\":%" PRIu32 ",\"ck_index\":%" PRIu64, f->rekey.op,
            f->rekey.epoch, f->rekey.ck_index);
        break;
    case HKP_HTP__F_TOKEN:
    case HKP_HTP__F_RETIRE:
        put(l, "{\"frame_type\":\"%s\",\"seq\":%u", f->type == HKP_HTP__F_TOKEN ? "token" : "retire", f->seq);
        break;
    case HKP_HTP__F_HB:
        put(l, "{\"frame_type\":\"hb\",\"mode\":%u,\"interval_s\":%u,\"nat\":%u,\"energy\":%u,\"load\":%u",
            f->hb.mode, f->hb.interval_s, f->hb.nat, f->hb.energy, f->hb.load);
        break;
    case HKP_HTP__F_HB_ACK:
        put(l, "{\"frame_type\":\"hb_ack\",\"trust\":%u", f->hb.trust);
        break;
    case HKP_HTP__F_CLOSE:
        put(l, "{\"frame_type\":\"close\",\"reason\":\"%s\"", hkp_htp_reason_name(f->code));
        break;
    default:
        put(l, "{\"frame_type\":\"extension\",\"type\":%u,\"length\":%zu", f->type, f->len);
    }
    put(l, "}");
}

static void put_frames(struct line *l, const struct hkp_htp__session *s,
                       const struct hkp_htp__trace_packet *p) {
    const int from_e = (s->role == HKP_HTP_ROLE_E) == (p->sent != 0);
    const size_t room = l->len + FRAMES_ROOM;
    size_t pos = 0;
    unsigned n = 0, more = 0;
    struct hkp_htp__frame f;
    put(l, ",\"frames\":[");
    while (pos < p->plain_len &&
           hkp_htp__frame_read(p->plain, p->plain_len, &pos, p->type, from_e, &f) == HKP_OK) {
        if (l->len > room) {
            more++;
            continue;
        }
        if (n++ > 0) put(l, ",");
        put_frame(l, &f);
    }
    put(l, "]");
    if (more > 0) put(l, ",\"more\":%u", more);
}

void hkp_htp__trace_packet(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                           const struct hkp_htp__trace_packet *p) {
    struct line l;
    if (ep->trace.event == NULL) return;
    begin(ep, &l, p->sent ? "packet_sent" : "packet_received", s);
    put(&l,
        "\"header\":{\"packet_type\":\"%s\",\"packet_number\":%" PRIu64 ",\"epoch\":%" PRIu32
        ",\"resonance\":%s},\"raw\":{\"length\":%zu}",
        type_name(p->type), p->pn, p->epoch, p->res ? "true" : "false", p->len);
    put_path(&l, p->path);
    put_frames(&l, s, p);
    end(ep, &l);
}

void hkp_htp__trace_handshake(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, int sent,
                              const uint8_t *dgram, size_t len) {
    struct line l;
    if (ep->trace.event == NULL || len < HKP_HTP__PREFIX || !hkp_htp__wire_is_handshake(dgram)) return;
    const int retry = (hkp_be32(dgram + HKP_HTP__AT_FLAGS) & HKP_HTP__FLAG_RETRY) != 0;
    begin(ep, &l, sent ? "packet_sent" : "packet_received", NULL);
    put(&l, "\"header\":{\"packet_type\":\"%s\",\"flow_token\":\"%016" PRIx64 "\"},\"raw\":{\"length\":%zu}",
        retry ? "RETRY" : type_name(hkp_be16(dgram + 2)), hkp_be64(dgram + HKP_HTP__AT_TOKEN), len);
    put_path(&l, path);
    end(ep, &l);
}

void hkp_htp__trace_drop(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, size_t len,
                         hkp_status result) {
    struct line l;
    if (ep->trace.event == NULL) return;
    begin(ep, &l, "packet_dropped", NULL);
    put(&l, "\"trigger\":\"%s\",\"raw\":{\"length\":%zu}", hkp_htp_status_name(result), len);
    put_path(&l, path);
    end(ep, &l);
}

void hkp_htp__trace_state(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s) {
    struct line l;
    if (ep->trace.event == NULL) return;
    begin(ep, &l, "connection_state_updated", s);
    put(&l, "\"new\":\"%s\"", s->state == HKP_HTP__S_UP ? "established" : "closed");
    if (s->state == HKP_HTP__S_UP) {
        put(&l, ",\"role\":\"%s\",\"mode\":\"%s\",\"suite\":%u,\"peer\":\"",
            s->role == HKP_HTP_ROLE_E ? "E" : "V", s->mode == HKP_HTP_MODE_R ? "R" : "N", s->suite);
        put_hex(&l, s->peer, 16);
        put(&l, "\"");
    } else {
        put(&l, ",\"result\":\"%s\",\"reason\":\"%s\"", hkp_htp_status_name(s->end_result),
            hkp_htp_reason_name(s->end_reason));
    }
    end(ep, &l);
}

void hkp_htp__trace_metrics(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s) {
    struct line l;
    struct hkp_htp__flow_info f;
    if (ep->trace.event == NULL) return;
    hkp_htp__flow_info(s->flow, &f);
    begin(ep, &l, "recovery_metrics_updated", s);
    put(&l,
        "\"smoothed_rtt\":%" PRIu64 ".%03u,\"congestion_window\":%" PRIu64 ",\"bytes_in_flight\":%" PRIu64
        ",\"packets_lost\":%" PRIu64 ",\"pto_count\":%" PRIu64,
        f.srtt / 1000000, (unsigned)(f.srtt / 1000 % 1000), (uint64_t)f.congestion_window,
        (uint64_t)f.bytes_in_flight, f.packets_lost, f.probes);
    end(ep, &l);
}

/* ---- keys ---- */

/* HTP1_KEYS <id> <E2V|V2E> <epoch> <suite> <key> <iv> <hp or -> : what opens packets of one direction. */
static void put_keys(const struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                     const struct hkp_htp__epoch_secret *e) {
    struct line l;
    for (int dir = 0; dir < 2; dir++) {
        l.len = 0;
        put(&l, "HTP1_KEYS ");
        put_hex(&l, s->h_final, 8);
        put(&l, " %s %" PRIu32 " %u ", dir == 0 ? "E2V" : "V2E", e->n, e->suite);
        put_hex(&l, e->key[dir], 32);
        put(&l, " ");
        put_hex(&l, e->iv[dir], 12);
        put(&l, " ");
        if (s->features & HKP_HTP_FEATURE_MASK)
            put_hex(&l, s->zero.hp[dir], 32);
        else
            put(&l, "-");
        ep->trace.key(ep->trace.user, l.text, l.len);
    }
    sodium_memzero(&l, sizeof l);
}

/* HTP1_TOKEN <id> <E|V> <token> : packets with this token go to that side of the session. */
static void put_token(const struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, char side,
                      uint64_t token) {
    struct line l = {.len = 0};
    put(&l, "HTP1_TOKEN ");
    put_hex(&l, s->h_final, 8);
    put(&l, " %c %016" PRIx64, side, token);
    ep->trace.key(ep->trace.user, l.text, l.len);
}

void hkp_htp__trace_keys(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                         const struct hkp_htp__epoch_secret *e) {
    struct line l;
    if (ep->trace.key != NULL) {
        const int is_e = s->role == HKP_HTP_ROLE_E;
        if (e->n == s->epoch || e->n == 0) {
            put_token(ep, s, is_e ? 'E' : 'V', s->token_in);
            put_token(ep, s, is_e ? 'V' : 'E', s->token_out);
        }
        put_keys(ep, s, e);
    }
    if (ep->trace.event == NULL) return;
    begin(ep, &l, "key_updated", s);
    put(&l, "\"epoch\":%" PRIu32, e->n);
    end(ep, &l);
}

/* HTP1_HANDSHAKE <header nonce> <k> <h> : what opens one handshake message, with h as its aad. */
void hkp_htp__trace_chain(const struct hkp_htp__chain_secret *c, const uint8_t nonce[8]) {
    struct line l = {.len = 0};
    put(&l, "HTP1_HANDSHAKE ");
    put_hex(&l, nonce, 8);
    put(&l, " ");
    put_hex(&l, c->k, 32);
    put(&l, " ");
    put_hex(&l, c->h, 32);
    c->tap->key(c->tap->user, l.text, l.len);
    sodium_memzero(&l, sizeof l);
}

/* ---- the switch ---- */

static void put_header(const struct hkp_htp_endpoint *ep, uint64_t wall_us) {
    struct line l = {.len = 0};
    put(&l,
        "{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\",\"serialization_format\":"
        "\"application/qlog+json-seq\",\"trace\":{\"event_schemas\":[\"urn:hookprobe:htp:1\"],"
        "\"common_fields\":{\"time_format\":\"relative_to_epoch\",\"reference_time\":{\"clock_type\":"
        "\"monotonic\",\"epoch\":\"unknown\",\"wall_clock_time_us\":%" PRIu64 ",\"monotonic_ns\":%" PRIu64
        "}},\"vantage_point\":{\"name\":\"",
        wall_us, ep->now);
    put_hex(&l, ep->self.node_id, 16);
    put(&l, "\",\"type\":\"%s\"}}}", ep->door != NULL ? "server" : "client");
    ep->trace.event(ep->trace.user, l.text, l.len);
}

hkp_status hkp_htp_trace_set(hkp_htp_endpoint *ep, const struct hkp_htp_trace *trace, hkp_time now,
                             uint64_t wall_us) {
    if (ep == NULL || (trace != NULL && trace->struct_size < sizeof *trace)) return HKP_E_INVAL;
    if (now > ep->now) ep->now = now;
    memset(&ep->trace, 0, sizeof ep->trace);
    ep->self.tap = NULL;
    if (trace == NULL) return HKP_OK;
    ep->trace = *trace;
    if (ep->trace.key != NULL) ep->self.tap = &ep->trace;
    if (ep->trace.event != NULL) put_header(ep, wall_us);
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        const struct hkp_htp__session *s = ep->sessions[i];
        if (s == NULL || (s->state != HKP_HTP__S_UP && s->state != HKP_HTP__S_ACCEPTED)) continue;
        for (int k = 0; k < 2; k++)
            if (s->epochs[k] != NULL && s->epochs[k]->live) hkp_htp__trace_keys(ep, s, s->epochs[k]);
    }
    return HKP_OK;
}
