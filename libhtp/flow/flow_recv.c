/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One opened packet: judged whole, then its frames take effect (HTP-10.1). */
#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__flow flow_t;

enum { DRAIN_PTOS = 3 };

/* HTP-8.1, RFC 3550 6.4.1: in 1/16 ms, differences of the clocks mod 2^32. */
static void take_jitter(flow_t *flow, uint32_t timestamp, hkp_time now) {
    uint32_t transit = (uint32_t)(now / 1000000U) - timestamp;
    if (flow->transit_known) {
        int32_t d = (int32_t)(transit - flow->transit);
        uint32_t size = d < 0 ? 0U - (uint32_t)d : (uint32_t)d;
        if (size < UINT32_MAX / 32) flow->jitter = flow->jitter + size - ((flow->jitter + 8) >> 4);
    }
    flow->transit = transit;
    flow->transit_known = 1;
}

/* HTP-3.3 (c): before the first packet with RES of its epoch none without may come. *first: it is the one. */
static int res_is_missing(flow_t *flow, const struct hkp_htp__flow_in *in, int *first) {
    uint64_t *seen = &flow->rx_res_epoch[in->epoch & 3];
    int known = *seen == (uint64_t)in->epoch + 1;
    *first = !known && in->has_res;
    if (in->has_res) *seen = (uint64_t)in->epoch + 1;
    return !known && !in->has_res;
}

/* Memory that all frames of the packet could take; a packet that the pools have no room for counts as lost.
 */
static int has_room(flow_t *flow, const struct hkp_htp__flow_in *in) {
    size_t pos = 0, blocks = 0, streams[2] = {0, 0};
    struct hkp_htp__frame f;
    while (pos < in->plain_len &&
           hkp_htp__frame_read(in->plain, in->plain_len, &pos, in->type, 0, &f) == HKP_OK) {
        if (f.type != HKP_HTP__F_STREAM && f.type != HKP_HTP__F_RESET && f.type != HKP_HTP__F_STOP &&
            !(f.type == HKP_HTP__F_CREDIT && f.kind == HKP_HTP__CREDIT_STREAM))
            continue;
        hkp_htp__stream_cost(flow, &f, &blocks, &streams[hkp_htp__is_uni(f.stream)]);
    }
    const size_t made = streams[0] + streams[1];
    if (!hkp_htp__pools_share(flow->pools, flow->held, blocks)) return 0;
    /* a table, and what the note of the number may take before it */
    return hkp_htp__pools_reserve(flow->pools, blocks, made, made > 0 && flow->table == NULL ? 2 : 0);
}

static void on_datagram(flow_t *flow, const struct hkp_htp__frame *f) {
    int allowed = (flow->allow[f->cls / 64] >> f->cls % 64 & 1) != 0;
    const struct hkp_htp__datagram d = {.at = HKP_TIME_NEVER, .data = f->data, .len = f->len, .cls = f->cls};
    if (!allowed || !hkp_htp__fifo_put(&flow->datagrams_in, flow->pools, &d)) flow->datagrams_dropped++;
}

/* HTP-14.1: one ACK, then silence. */
static void on_close(flow_t *flow, const struct hkp_htp__frame *f) {
    if (flow->state == HKP_HTP__FLOW_DRAINING) return;
    if (flow->state == HKP_HTP__FLOW_CLOSING) {
        flow->state = HKP_HTP__FLOW_ENDED;
        return;
    }
    uint64_t pto = hkp_htp__path_state_pto(&flow->recovery.own);
    hkp_htp__flow_close(flow, flow->now, f->code, 0);
    flow->state = HKP_HTP__FLOW_DRAINING;
    flow->closing.send_now = 0;
    flow->closing.ack_wanted = 1;
    flow->closing.at = flow->now + DRAIN_PTOS * pto;
    flow->closed_code = f->code;
    flow->closed_trust = f->hb.trust;
    flow->closed_retry_after_s = f->hb.retry_after_s;
    flow->closed_set = 1;
}

static hkp_status apply(flow_t *flow, const struct hkp_htp__frame *f, const struct hkp_htp__flow_in *in,
                        int newest) {
    switch (f->type) {
    case HKP_HTP__F_ACK:
        return hkp_htp__recovery_ack(&flow->recovery, f, flow->now);
    case HKP_HTP__F_STREAM:
        return hkp_htp__stream_on_data(flow, f);
    case HKP_HTP__F_DATAGRAM:
        on_datagram(flow, f);
        return HKP_OK;
    case HKP_HTP__F_RESET:
        return hkp_htp__stream_on_reset(flow, f);
    case HKP_HTP__F_STOP:
        return hkp_htp__stream_on_stop(flow, f);
    case HKP_HTP__F_CREDIT:
        return hkp_htp__stream_on_credit(flow, f);
    case HKP_HTP__F_PATH_RESPONSE:
        if (flow->paths != NULL) hkp_htp__paths_on_response(flow->paths, f->data);
        return HKP_OK;
    case HKP_HTP__F_PATH_CHALLENGE:
        if (flow->paths != NULL) hkp_htp__paths_on_challenge(flow->paths, f->data);
        return HKP_OK;
    case HKP_HTP__F_TOKEN:
        return flow->paths != NULL ? hkp_htp__tokens_on_token(&flow->paths->tokens, f) : HKP_OK;
    case HKP_HTP__F_RETIRE:
        return flow->paths != NULL ? hkp_htp__tokens_on_retire(&flow->paths->tokens, f) : HKP_OK;
    case HKP_HTP__F_HB:
        return hkp_htp__heart_on_hb(flow, f, in, newest);
    case HKP_HTP__F_HB_ACK:
        hkp_htp__heart_on_hb_ack(flow, f, in);
        return HKP_OK;
    case HKP_HTP__F_CLOSE:
        on_close(flow, f);
        return HKP_OK;
    default:
        return HKP_OK; /* PAD, PING, REKEY (the endpoint's), extensions */
    }
}

/* While closing only the peer's ACK of our CLOSE and its own CLOSE matter. */
static void recv_closing(flow_t *flow, const struct hkp_htp__flow_in *in) {
    size_t pos = 0;
    struct hkp_htp__frame f;
    while (pos < in->plain_len &&
           hkp_htp__frame_read(in->plain, in->plain_len, &pos, in->type, 0, &f) == HKP_OK) {
        if (f.type == HKP_HTP__F_CLOSE) on_close(flow, &f);
        if (f.type != HKP_HTP__F_ACK || flow->state != HKP_HTP__FLOW_CLOSING || flow->closing.sent == 0)
            continue;
        unsigned index = 0;
        uint64_t lo = 0, hi = 0;
        while (hkp_htp__frame_ack_range(&f, &index, &lo, &hi))
            if (lo <= flow->closing.last_pn && hi >= flow->closing.first_pn)
                flow->state = HKP_HTP__FLOW_ENDED;
    }
}

hkp_status hkp_htp__flow_recv(flow_t *flow, const struct hkp_htp__flow_in *in, unsigned *rekey_frames) {
    struct hkp_htp__frames all;
    int first;
    *rekey_frames = 0;
    if (in->now > flow->now) flow->now = in->now;
    if (flow->state == HKP_HTP__FLOW_ENDED) return HKP_OK;
    hkp_status st = hkp_htp__frames_judge(in->plain, in->plain_len, in->type, in->has_res, !flow->is_e, &all);
    if (st == HKP_OK && res_is_missing(flow, in, &first)) st = HKP_E_HTP_RES_MISSING;
    if (flow->state != HKP_HTP__FLOW_OPEN) {
        if (st == HKP_OK) recv_closing(flow, in);
        return HKP_OK;
    }
    if (st != HKP_OK) return st;
    if (!has_room(flow, in)) return HKP_E_HTP_LIMIT;

    if (flow->paths != NULL) flow->paths->other = all.other;
    int newest = flow->acks.seen.count == 0 || in->pn > hkp_htp__acks_largest(&flow->acks);
    flow->packets_in++;
    flow->bytes_in += in->datagram_len;
    flow->last_heard = flow->now;
    hkp_htp__heart_alive(flow);
    if (newest) take_jitter(flow, in->timestamp, in->now);
    if (in->has_res) {
        flow->last_res = flow->now;
        flow->heart.res = 1;
    }
    int ce = hkp_htp__acks_mark(&flow->acks, in->ecn);
    hkp_htp__acks_note(&flow->acks, in->pn, all.eliciting, all.urgent || first || ce, flow->now);

    size_t pos = 0;
    struct hkp_htp__frame f;
    while (pos < in->plain_len && flow->state == HKP_HTP__FLOW_OPEN) {
        st = hkp_htp__frame_read(in->plain, in->plain_len, &pos, in->type, !flow->is_e, &f);
        if (st == HKP_OK) st = apply(flow, &f, in, newest);
        if (st != HKP_OK) return st;
    }
    hkp_htp__mode_heard(flow);
    *rekey_frames = all.rekey;
    return HKP_OK;
}

const uint8_t *hkp_htp__flow_rekey_next(const uint8_t *plain, size_t plain_len, uint16_t type, size_t *pos) {
    struct hkp_htp__frame f;
    while (*pos < plain_len && hkp_htp__frame_read(plain, plain_len, pos, type, 0, &f) == HKP_OK)
        if (f.type == HKP_HTP__F_REKEY) return f.data;
    return NULL;
}
