/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The plaintext of the next packet: what goes first, what fits, whether it needs RES (HTP-3.2, 10.4). */
#include <hookprobe/htp.h>

#include <string.h>

#include "libhtp/flow/flow_state.h"

/** Numbers between the oldest packet on its way and new data, of the 1024 of HTP-11.6. */
enum { SPAN_MAX = 896 };

typedef struct hkp_htp__flow flow_t;
typedef struct hkp_htp__writer writer;
typedef struct hkp_htp__flow_slot slot_t;

/* Takes an ACK along if one is due (HTP-10.4). */
static void write_ack(flow_t *flow, writer *w) {
    if (flow->acks.due == HKP_TIME_NEVER) return;
    uint64_t named = flow->acks.seen.count != 0 ? hkp_htp__acks_largest(&flow->acks) + 1 : 0;
    size_t n = hkp_htp__acks_write(&flow->acks, flow->now, w->dst + w->len, w->cap - w->len);
    w->len += n;
    if (n > 0) w->sent->ack_named = named;
}

static void write_rekey(flow_t *flow, writer *w) {
    if (!flow->rekey_pending || !hkp_htp__writer_res(w) || w->len + HKP_HTP__REKEY_SIZE > w->cap) return;
    memcpy(w->dst + w->len, flow->rekey, HKP_HTP__REKEY_SIZE);
    w->len += HKP_HTP__REKEY_SIZE;
    hkp_htp__writer_note(w, HKP_HTP__F_REKEY, 0, 0, 0, flow->rekey_generation);
    flow->rekey_pending = 0;
}

/* CREDIT of the session and of the counts of streams, each with its newest value. */
static void write_credit(flow_t *flow, writer *w) {
    static const uint8_t kinds[] = {HKP_HTP__CREDIT_SESSION, HKP_HTP__CREDIT_BIDI, HKP_HTP__CREDIT_UNI};
    for (unsigned i = 0; i < sizeof kinds; i++) {
        uint8_t kind = kinds[i];
        if ((flow->credit_pending >> kind & 1) == 0) continue;
        if (w->frames == HKP_HTP__SENT_FRAMES || w->len + 16 > w->cap) return;
        uint64_t limit = kind == HKP_HTP__CREDIT_SESSION ? flow->rx_limit
                                                         : flow->theirs_allowed[kind - HKP_HTP__CREDIT_BIDI];
        w->len += hkp_htp__put_credit(w->dst + w->len, kind, 0, limit);
        hkp_htp__writer_note(w, HKP_HTP__F_CREDIT, 0, limit, 0, kind);
        flow->credit_pending &= (uint8_t) ~(1 << kind);
    }
}

static int tokens_wait(const flow_t *flow) {
    return flow->paths != NULL && hkp_htp__tokens_pending(&flow->paths->tokens);
}

static void write_tokens(flow_t *flow, writer *w) {
    while (tokens_wait(flow) && w->frames < HKP_HTP__SENT_FRAMES) {
        uint8_t type;
        uint16_t seq;
        size_t n = hkp_htp__tokens_write(&flow->paths->tokens, w->dst + w->len, w->cap - w->len, &type, &seq);
        if (n == 0) return;
        w->len += n;
        hkp_htp__writer_note(w, type, 0, seq, 0, 0);
    }
}

static void write_ping(flow_t *flow, writer *w) {
    if (w->len + 1 > w->cap) return;
    w->dst[w->len++] = HKP_HTP__F_PING;
    w->eliciting = 1;
    flow->ping = 0;
}

static struct hkp_htp__path_state *way_of(const flow_t *flow, const slot_t *slot) {
    return flow->recovery.paths[slot->path];
}

/* Something that elicits an ACK waits for a DATA packet. */
static int wants_data(const flow_t *flow, const slot_t *slot, int held) {
    if (flow->rekey_pending) return 1;
    if (slot->restricted) return 0;
    return way_of(flow, slot)->probes > 0 || flow->ping || flow->credit_pending != 0 || tokens_wait(flow) ||
           (flow->table != NULL && flow->table->ready[0] != NULL) ||
           (!held && (flow->datagrams_out.head != NULL || hkp_htp__streams_sendable(flow)));
}

static void write_data(flow_t *flow, const slot_t *slot, writer *w) {
    write_rekey(flow, w);
    write_ack(flow, w);
    if (slot->restricted) return;
    write_credit(flow, w);
    write_tokens(flow, w);
    if (!w->held) hkp_htp__datagrams_write(flow, w);
    hkp_htp__streams_write(flow, w);
    if (flow->ping || (way_of(flow, slot)->probes > 0 && !w->eliciting)) write_ping(flow, w);
}

/*
 * A packet that ends just short of full while more waits would end a run of equal packets. It is less than a
 * frame worth writing, and PAD is no padding of a mode (HTP-11.2).
 */
static void fill_up(flow_t *flow, const slot_t *slot, writer *w) {
    size_t left = w->cap - w->len;
    if (!slot->fill || left == 0 || left >= HKP_HTP__PIECE_MIN || !w->eliciting ||
        !wants_data(flow, slot, w->held))
        return;
    memset(w->dst + w->len, 0, left);
    w->len += left;
}

/* HTP-8.2: both packets are of 196 bytes or more. */
static void pad_heartbeat(writer *w) {
    if (w->len >= HKP_HTP__HB_PLAIN_MIN) return;
    memset(w->dst + w->len, 0, HKP_HTP__HB_PLAIN_MIN - w->len);
    w->len = HKP_HTP__HB_PLAIN_MIN;
}

/* HTP-9.7: PING and PAD, so that nothing is lost with it. */
static void write_mtu_probe(flow_t *flow, writer *w) {
    write_ping(flow, w);
    memset(w->dst + w->len, 0, w->cap - w->len);
    w->len = w->cap;
    w->sent->mtu_probe = 1;
}

/* The packet counts as sent from here on. */
static void commit(flow_t *flow, const slot_t *slot, writer *w, uint16_t type,
                   struct hkp_htp__flow_out *out) {
    struct hkp_htp__path_state *path = way_of(flow, slot);
    int first = !flow->tx_epoch_used;
    hkp_htp__mode_pad(flow, w);
    flow->tx_epoch_used = 1;
    flow->packets_out++;
    flow->last_out = flow->now;
    if (!w->eliciting) hkp_htp__heart_group(flow); /* else its own ACK makes the heartbeat needless */
    if (w->eliciting) {
        flow->eliciting_out++;
        if (path->probes > 0) path->probes--;
        if (w->sent != NULL) {
            size_t overhead = HKP_HTP__OVERHEAD + (w->res ? (size_t)HKP_HTP__RESONANCE_SIZE : 0);
            w->sent->pn = slot->pn;
            w->sent->path = slot->path;
            w->sent->time = flow->now;
            w->sent->heartbeat = type == HKP_HTP__T_HEARTBEAT;
            w->sent->size = (uint16_t)(w->len + overhead);
            if (w->sent->mtu_probe) hkp_htp__pmtu_sent(&path->pmtu, w->sent->size, slot->pn);
            if (w->sent->size == path->mtu) hkp_htp__pmtu_full(&path->pmtu);
            w->sent->packed = (uint8_t)(w->frames << 4 | (unsigned)w->res << 3 | (slot->epoch & 7));
            hkp_htp__recovery_sent(&flow->recovery, w->sent);
        }
    } else if (first && type != HKP_HTP__T_CLOSE) {
        flow->ping = 1; /* HTP-3.2 (c): only an acknowledgement ends RES on every packet */
    }
    hkp_htp__recovery_number(&flow->recovery, slot->path, slot->pn);
    *out = (struct hkp_htp__flow_out){type, w->res, w->eliciting, w->len};
}

/* HTP-14.1: CLOSE up to three times, new packet numbers; one ACK for the peer's. */
static int send_closing(flow_t *flow, const slot_t *slot, writer *w, struct hkp_htp__flow_out *out) {
    struct hkp_htp__closing *c = &flow->closing;
    uint64_t last = flow->acks.seen.count != 0 ? hkp_htp__acks_largest(&flow->acks) : 0;
    if (flow->state == HKP_HTP__FLOW_DRAINING && c->ack_wanted) {
        c->ack_wanted = 0;
        flow->acks.due = flow->now;
        write_ack(flow, w);
        if (w->len == 0) return 0;
        commit(flow, slot, w, HKP_HTP__T_ACK, out);
        return 1;
    }
    if (flow->state != HKP_HTP__FLOW_CLOSING || !c->send_now) return 0;
    w->len = hkp_htp__put_close(w->dst, c->reason, flow->is_e ? 0 : flow->trust, c->retry_after_s, last);
    if (c->sent == 0) c->first_pn = slot->pn;
    c->last_pn = slot->pn;
    c->send_now = 0;
    c->at = flow->now + (hkp_htp__path_state_pto(&flow->recovery.own) << c->sent);
    c->sent++;
    commit(flow, slot, w, HKP_HTP__T_CLOSE, out);
    return 1;
}

/* The next packet of an open flow: answers to heartbeats, heartbeats, data, and an ACK alone if nothing else.
 */
static int send_open(flow_t *flow, const slot_t *slot, writer *w, struct hkp_htp__flow_out *out) {
    uint16_t type = HKP_HTP__T_ACK;
    if (flow->heart.owed) {
        (void)hkp_htp__writer_res(w);
        w->len = hkp_htp__heart_write_ack(flow, slot->wall_us, w->dst);
        flow->acks.due = flow->now; /* the answer carries the ACK of the HEARTBEAT */
        write_ack(flow, w);
        commit(flow, slot, w, type, out);
        return 1;
    }
    struct hkp_htp__path_state *path = way_of(flow, slot);
    w->held = (uint8_t)hkp_htp__mode_holds(flow);
    const int probe = slot->probe != 0 && !slot->restricted,
              heart = slot->probe == 0 && flow->heart.wanted && !slot->restricted,
              wants = wants_data(flow, slot, w->held);
    hkp_htp__mode_pace(flow, path);
    /* The rest is for probes and ACKs. */
    const int near = hkp_htp__recovery_span(&flow->recovery) < SPAN_MAX;
    const int may = probe || (wants && slot->probe == 0 &&
                              (path->probes > 0 || (near && hkp_htp__path_state_may_send(path, flow->now))));
    struct hkp_htp__sent *record = heart || may ? hkp_htp__recovery_slot(&flow->recovery) : NULL;
    if (!wants) hkp_htp__path_state_idle(path);
    if (record != NULL) w->sent = record;
    if (probe) {
        type = HKP_HTP__T_DATA;
        if (record != NULL) write_mtu_probe(flow, w);
    } else if (heart) {
        type = HKP_HTP__T_HEARTBEAT;
        (void)hkp_htp__writer_res(w);
        w->len = hkp_htp__heart_write_hb(flow, slot->wall_us, w->dst);
        w->eliciting = 1;
        write_ack(flow, w);
        if (record != NULL) write_tokens(flow, w);
        pad_heartbeat(w);
    } else if (record != NULL) {
        type = HKP_HTP__T_DATA;
        write_data(flow, slot, w);
        fill_up(flow, slot, w);
        if (!w->eliciting) type = HKP_HTP__T_ACK; /* all that wanted to go has no room or no credit */
    } else if (flow->acks.due <= flow->now) {
        write_ack(flow, w);
    }
    if (record == NULL) w->sent = NULL;
    if (!w->eliciting) hkp_htp__recovery_unslot(&flow->recovery);
    if (w->len == 0) return 0;
    commit(flow, slot, w, type, out);
    return 1;
}

int hkp_htp__flow_wants(const flow_t *flow) {
    const slot_t slot = {.path = 0};
    return !flow->heart.owed && (flow->heart.wanted || wants_data(flow, &slot, 0));
}

/* A new epoch begins with RES. */
static void enter_epoch(flow_t *flow, const slot_t *slot) {
    if (slot->now > flow->now) flow->now = slot->now;
    if (slot->epoch == flow->tx_epoch) return;
    flow->tx_epoch = slot->epoch;
    flow->tx_epoch_used = flow->tx_res_acked = 0;
}

/* HTP-3.2 (c), (d) */
static int needs_res(const flow_t *flow) {
    return !flow->tx_res_acked || hkp_htp__mode_row(flow->mode.mode)->res;
}

hkp_status hkp_htp__flow_send(flow_t *flow, const slot_t *slot, uint8_t *dst, struct hkp_htp__flow_out *out) {
    struct hkp_htp__sent scratch = {.pn = 0};
    size_t max = way_of(flow, slot)->mtu;
    if (slot->max_datagram != 0 && slot->max_datagram < max) max = slot->max_datagram;
    if (slot->probe != 0) max = slot->probe;
    writer w = {.dst = dst, .cap = max - HKP_HTP__OVERHEAD, .sent = &scratch};
    *out = (struct hkp_htp__flow_out){0, 0, 0, 0};
    if (flow->state == HKP_HTP__FLOW_ENDED) return HKP_OK;
    enter_epoch(flow, slot);
    if (hkp_htp__mode_waits_for_e(flow)) return HKP_OK;
    if (needs_res(flow)) (void)hkp_htp__writer_res(&w);
    if (flow->state != HKP_HTP__FLOW_OPEN) {
        (void)send_closing(flow, slot, &w, out);
    } else {
        (void)send_open(flow, slot, &w, out);
    }
    return HKP_OK;
}

static size_t overhead_now(const flow_t *flow, const slot_t *slot) {
    const int res = needs_res(flow) || slot->epoch != flow->tx_epoch;
    return HKP_HTP__OVERHEAD + (res ? (size_t)HKP_HTP__RESONANCE_SIZE : 0);
}

size_t hkp_htp__flow_probe_size(const flow_t *flow, const slot_t *slot, size_t n) {
    return overhead_now(flow, slot) + n;
}

void hkp_htp__flow_probe(flow_t *flow, const slot_t *slot, uint8_t *dst, size_t n, int wide,
                         struct hkp_htp__flow_out *out) {
    const size_t overhead = overhead_now(flow, slot);
    enter_epoch(flow, slot);
    if (wide) {
        memset(dst + n, HKP_HTP__F_PAD, HKP_HTP_DATAGRAM_MAX - overhead - n);
        n = HKP_HTP_DATAGRAM_MAX - overhead;
    }
    /* It has no record, so another packet must find out that RES of this epoch arrived (HTP-3.2 (c)). */
    if (!flow->tx_epoch_used) flow->ping = 1;
    flow->tx_epoch_used = 1;
    flow->packets_out++;
    flow->eliciting_out++;
    flow->last_out = flow->now;
    hkp_htp__recovery_next(&flow->recovery, slot->pn);
    *out = (struct hkp_htp__flow_out){HKP_HTP__T_DATA, overhead > HKP_HTP__OVERHEAD, 1, n};
}
