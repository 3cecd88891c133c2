/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a flow consists of; for flow*.c and stream*.c only. */
#ifndef HKP_LIBHTP_FLOW_STATE_H
#define HKP_LIBHTP_FLOW_STATE_H

#include "libhtp/flow/ack.h"
#include "libhtp/flow/chain.h"
#include "libhtp/flow/flow.h"
#include "libhtp/flow/message.h"
#include "libhtp/flow/mode.h"
#include "libhtp/path/paths.h"
#include "libhtp/recovery/recovery.h"

enum {
    /** limits of HTP-1.7 that both sides start from: they are not told in the handshake */
    HKP_HTP__STREAMS_MAX = 64,
    HKP_HTP__CREDIT_SESSION_BYTES = 1048576,
    HKP_HTP__CREDIT_STREAM_BYTES = 262144,
    HKP_HTP__SEND_BUFFER = 1048576,
    /** credit beyond CREDIT_STREAM that messages of a session longer than it may have together */
    HKP_HTP__CREDIT_EXCESS_MAX = HKP_HTP__MESSAGE_CEILING + HKP_HTP__MESSAGE_SLACK,
    /** datagrams that wait, each way, in blocks of the pool */
    HKP_HTP__DATAGRAM_BLOCKS = 16,
    /** most that a window grows to */
    HKP_HTP__CREDIT_GROWN_MAX = 16 * 1024 * 1024,
    HKP_HTP__STREAM_BUCKETS = 32,
    HKP_HTP__PRIORITIES = 8,
    HKP_HTP__PRIORITY_DEFAULT = 4,
    /** pieces of one stream that wait to be sent again */
    HKP_HTP__RESEND_RANGES = 8,
    HKP_HTP__CLOSE_TRIES = 3,
    /** a sender that found no room though it holds little itself is told to try again after so long, ms */
    HKP_HTP__ROOM_RETRY_MS = 50,
    /** messages of one stream that wait with deadlines */
    HKP_HTP__DEADLINES = 8,
    /** shorter messages are not compressed */
    HKP_HTP__COMPRESS_LEAST = 64,
    /** least room that is worth a frame of data: slivers cost more than they carry */
    HKP_HTP__PIECE_MIN = 32
};

#define HKP_HTP__UNKNOWN UINT64_MAX
#define HKP_HTP__SECOND_NS 1000000000ULL

/** Sending half of a stream. */
enum {
    HKP_HTP__TX_NONE = 0,
    HKP_HTP__TX_OPEN,
    /** RESET is to be sent or on its way */
    HKP_HTP__TX_RESET,
    HKP_HTP__TX_DONE
};

/** Receiving half. */
enum {
    HKP_HTP__RX_NONE = 0,
    HKP_HTP__RX_OPEN,
    /** stopped or denied: what comes is counted and dropped until its end is known */
    HKP_HTP__RX_DISCARD,
    HKP_HTP__RX_DONE
};

enum { HKP_HTP__FIN_NONE = 0, HKP_HTP__FIN_QUEUED, HKP_HTP__FIN_SENT, HKP_HTP__FIN_ACKED };

/** Events of a stream that wait (struct hkp_htp__stream.events). */
enum {
    HKP_HTP__EV_OPENED = 1,
    HKP_HTP__EV_FIN = 2,
    HKP_HTP__EV_RESET = 4,
    HKP_HTP__EV_STOPPED = 8,
    HKP_HTP__EV_DELIVERED = 16,
    HKP_HTP__EV_EXPIRED = 32
};

/** Frames of a stream that wait (struct hkp_htp__stream.control). */
enum { HKP_HTP__CTL_RESET = 1, HKP_HTP__CTL_STOP = 2, HKP_HTP__CTL_CREDIT = 4 };

/** All bytes below end are to be acknowledged by at. */
struct hkp_htp__due {
    uint64_t end;
    hkp_time at;
};

struct hkp_htp__stream {
    struct hkp_htp__stream *bucket_next;
    /** ring of streams that have something to send; NULL: in none */
    struct hkp_htp__stream *ready_next, *ready_prev;
    struct hkp_htp__stream *event_next;
    uint32_t id, max_message;
    uint8_t cls, cls_known, priority;
    uint8_t ring, in_events;
    uint8_t tx, rx, tx_fin;
    uint8_t events, control;
    uint16_t tx_reset_code, rx_stop_code, rx_reset_code, tx_stopped_code;
    /** 1..9: messages are compressed; deadlines in due */
    uint8_t level, due_count;
    /** both ends and times ascend; of the end of the stream, 0: none */
    struct hkp_htp__due due[HKP_HTP__DEADLINES];
    hkp_time due_whole;

    struct hkp_htp__chain tx_chain;
    /** next byte that was never sent; end of what was queued; what the peer allows */
    uint64_t tx_next, tx_end, tx_limit;
    struct hkp_htp__ranges resend;
    struct hkp_htp__range resend_room[HKP_HTP__RESEND_RANGES];

    struct hkp_htp__chain rx_chain;
    /** highest offset seen; what we allowed; final offset or UNKNOWN */
    uint64_t rx_highest, rx_limit, rx_final;
    /** first byte not given to the application; the last message whose head was read: [start, scan) */
    uint64_t rx_delivered, rx_start, rx_scan;
    /** part of flow->rx_need that is ours */
    uint64_t rx_need;
};

/** First in, first out: datagrams as class u8, len u16, deadline u64, bytes; in blocks of the pool. */
struct hkp_htp__fifo {
    struct hkp_htp__fifo_block *head, *tail;
    unsigned blocks;
};

/** Heartbeats, HTP-8.2 to 8.5. */
struct hkp_htp__heart {
    /** challenges that we gave */
    uint8_t cur[16], prev[16];
    /** challenge that we echo, and the number of the packet it came in + 1 */
    uint8_t echo[16];
    uint64_t echo_pn;
    /** HEARTBEAT of ours on its way: its t1, when it went, how long nothing had gone before it */
    uint64_t t1;
    uint64_t silence_ns;
    uint8_t waiting, wanted;
    /** an answer that we owe */
    uint8_t owed;
    uint16_t owed_port;
    uint8_t owed_addr[16];
    uint64_t owed_t1, owed_t2;
    /** this interval: an eliciting packet of it was acknowledged; a RES packet of the peer was verified */
    uint8_t acked, res, good;
    hkp_time interval_start;
    /** when the newest such packet was sent */
    hkp_time acked_at;
    uint16_t interval_s, base_s;
    /** what ACCEPT asked for; the interval in force with its jitter */
    uint16_t accept_s;
    uint64_t period_ns;
    unsigned received, unchanged;
    uint8_t addr[16];
    uint16_t port;
    uint8_t addr_known;
    uint8_t peer_mode, peer_energy, peer_load, peer_nat;
    uint64_t good_count, missed_count;
    /** the interval that the peer is known to have heard of, the one in our newest HEARTBEAT */
    uint16_t told_s, said_s;
    /** number of the peer's newest HEARTBEAT + 1 */
    uint64_t said_end;
    /** silence before this does not count, 0: all does; from when the next missed interval does; how many in
     * a row; at the newest; how many no event told yet */
    hkp_time heard_from, silent_from;
    uint8_t missed_row, missed_last, missed_untold;
};

/** How fast the last whole window was taken: since when, and what had been taken then. */
struct hkp_htp__credit_pace {
    hkp_time since;
    uint64_t from;
};

struct hkp_htp__closing {
    uint16_t reason, retry_after_s;
    uint8_t sent, send_now, ack_wanted;
    uint64_t first_pn, last_pn;
    hkp_time at;
};

/** Only while there are streams. */
struct hkp_htp__stream_table {
    struct hkp_htp__stream *buckets[HKP_HTP__STREAM_BUCKETS];
    /** rings of streams to send: 0 control frames, 1 + priority data */
    struct hkp_htp__stream *ready[1 + HKP_HTP__PRIORITIES];
};

/** What an answer to a heartbeat told (HTP-3.8, 8.4). */
struct hkp_htp__sample {
    uint64_t t[4];
    uint8_t addr[16];
    uint16_t port, trust;
};

struct hkp_htp__flow {
    struct hkp_mem mem;
    struct hkp_rng rng;
    struct hkp_htp__pools *pools;
    struct hkp_htp__paths *paths;
    uint8_t is_e, nat, state, started;
    uint16_t trust;
    hkp_time now, last_heard, last_out, last_res;
    struct hkp_htp__acks acks;
    struct hkp_htp__recovery recovery;

    /* Resonance layer, HTP-3.2 (c): each way, has a packet with RES of this epoch arrived? */
    uint32_t tx_epoch;
    uint8_t tx_res_acked, tx_epoch_used;
    uint64_t rx_res_epoch[4];

    /** the owner's, if rekey_set */
    const uint8_t *rekey;
    uint8_t rekey_set, rekey_pending, rekey_generation;
    uint8_t ping;

    /* Streams. Index of counters by kind of stream: 0 bidirectional, 1 unidirectional. */
    struct hkp_htp__stream_table *table;
    struct hkp_htp__stream *events_head, *events_tail;
    uint32_t stream_count;
    uint32_t ours_opened[2], theirs_opened[2];
    uint64_t ours_allowed[2], theirs_allowed[2];
    uint32_t theirs_closed[2];
    uint32_t streams_max, max_message, max_message_dsm;
    uint64_t allow[2];
    uint8_t credit_pending, writable_wanted, writable;
    uint64_t tx_limit, tx_sent;
    uint64_t rx_total, rx_limit, rx_consumed, rx_need, rx_excess;
    /** what is allowed beyond what was taken; ahead_stream grows, window_stream is what it began with */
    uint32_t window_session, window_stream, ahead_stream;
    struct hkp_htp__credit_pace pace_session, pace_stream;
    uint64_t buffered, send_buffer;

    /** blocks of all streams, both ways */
    uint32_t held;

    struct hkp_htp__fifo datagrams_out, datagrams_in;
    uint64_t datagrams_dropped;
    /** no deadline of a stream is earlier; something had to wait for room among the datagrams */
    hkp_time deadline;
    /** when to try again after other sessions had all the memory; NEVER: nothing waits for that */
    hkp_time retry;
    uint8_t datagram_wanted;

    struct hkp_htp__heart heart;
    struct hkp_htp__mode mode;
    struct hkp_htp__sample clock;
    uint8_t clock_set, heartbeat_events, closed_set;
    /** what the peer's CLOSE said */
    uint16_t closed_code, closed_trust, closed_retry_after_s;
    struct hkp_htp__closing closing;

    uint32_t jitter, transit;
    uint8_t transit_known;
    uint64_t packets_in, packets_out, eliciting_out, bytes_in, bytes_out;
};

/* stream.c: the table, opening and closing, what waits to be sent. */
struct hkp_htp__stream *hkp_htp__stream_find(const struct hkp_htp__flow *flow, uint32_t id);
hkp_status hkp_htp__stream_make(struct hkp_htp__flow *flow, uint32_t id, struct hkp_htp__stream **out);
/** Puts the stream into the ring it belongs in, or none. */
void hkp_htp__stream_ready(struct hkp_htp__flow *flow, struct hkp_htp__stream *s);
void hkp_htp__stream_event(struct hkp_htp__flow *flow, struct hkp_htp__stream *s, uint8_t event);
/** Frees the stream if both halves are done and nothing waits. 1: it is gone. */
int hkp_htp__stream_retire(struct hkp_htp__flow *flow, struct hkp_htp__stream *s);
void hkp_htp__stream_reset_tx(struct hkp_htp__flow *flow, struct hkp_htp__stream *s, uint16_t code);
void hkp_htp__stream_buffered(struct hkp_htp__flow *flow, uint64_t before);
/** WRITABLE for who waited for memory of others. */
void hkp_htp__stream_retry(struct hkp_htp__flow *flow);
void hkp_htp__streams_clear(struct hkp_htp__flow *flow);

/* stream_recv.c: frames that come in. */
hkp_status hkp_htp__stream_on_data(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f);
hkp_status hkp_htp__stream_on_reset(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f);
hkp_status hkp_htp__stream_on_stop(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f);
hkp_status hkp_htp__stream_on_credit(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f);
/** Blocks and streams that the frame may take from the pools. */
void hkp_htp__stream_cost(const struct hkp_htp__flow *flow, const struct hkp_htp__frame *f, size_t *blocks,
                          size_t *streams);
/** The receiving half drops all that is there and all that comes. */
void hkp_htp__stream_discard(struct hkp_htp__flow *flow, struct hkp_htp__stream *s, uint16_t stop_code);
/** A message waits at rx_delivered. */
int hkp_htp__stream_has_message(const struct hkp_htp__stream *s);
hkp_status hkp_htp__stream_take_message(struct hkp_htp__flow *flow, struct hkp_htp__stream *s,
                                        const uint8_t **data, size_t *len);

/* stream_send.c: frames that go out, and what became of them. */
struct hkp_htp__writer {
    uint8_t *dst;
    size_t len, cap;
    struct hkp_htp__sent *sent;
    unsigned frames;
    uint8_t res, eliciting;
    /** application data is held back: control frames only */
    uint8_t held;
};
/** Makes the packet one with RES; 0: no room for that any more. */
int hkp_htp__writer_res(struct hkp_htp__writer *w);
void hkp_htp__writer_note(struct hkp_htp__writer *w, uint8_t type, uint32_t stream, uint64_t offset,
                          uint16_t len, uint8_t aux);
int hkp_htp__streams_sendable(const struct hkp_htp__flow *flow);
void hkp_htp__streams_write(struct hkp_htp__flow *flow, struct hkp_htp__writer *w);
void hkp_htp__stream_acked(struct hkp_htp__flow *flow, const struct hkp_htp__sent_frame *f);
void hkp_htp__stream_lost(struct hkp_htp__flow *flow, const struct hkp_htp__sent_frame *f);

/* flow_datagram.c */
/** One datagram as it waits; at: dropped from then on. */
struct hkp_htp__datagram {
    hkp_time at;
    const uint8_t *data;
    size_t len;
    uint8_t cls;
};
/** Copies it in; 0: no room. */
int hkp_htp__fifo_put(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools,
                      const struct hkp_htp__datagram *d);
/** Oldest datagram, 0 if none; it stays until _drop. */
int hkp_htp__fifo_peek(const struct hkp_htp__fifo *q, struct hkp_htp__datagram *d);
void hkp_htp__fifo_drop(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools);
void hkp_htp__fifo_clear(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools);
/** As many as the packet has room for; those too late are dropped. */
void hkp_htp__datagrams_write(struct hkp_htp__flow *flow, struct hkp_htp__writer *w);

/* stream_deadline.c */
/** 1 if a message with this deadline can be queued. */
int hkp_htp__deadline_fits(const struct hkp_htp__stream *s, hkp_time at);
/** What is queued up to now is to be acknowledged by at. */
void hkp_htp__deadline_put(struct hkp_htp__flow *flow, struct hkp_htp__stream *s, hkp_time at);
/** Bytes of the stream were acknowledged. */
void hkp_htp__deadlines_acked(struct hkp_htp__flow *flow, struct hkp_htp__stream *s);
/** Gives up what is too late. */
void hkp_htp__deadlines_tick(struct hkp_htp__flow *flow);

/* flow_heart.c */
void hkp_htp__heart_init(struct hkp_htp__flow *flow, const struct hkp_htp__flow_params *params);
hkp_status hkp_htp__heart_on_hb(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f,
                                const struct hkp_htp__flow_in *in, int newest);
void hkp_htp__heart_on_hb_ack(struct hkp_htp__flow *flow, const struct hkp_htp__frame *f,
                              const struct hkp_htp__flow_in *in);
size_t hkp_htp__heart_write_hb(struct hkp_htp__flow *flow, uint64_t wall_us, uint8_t *dst);
size_t hkp_htp__heart_write_ack(struct hkp_htp__flow *flow, uint64_t wall_us, uint8_t *dst);
/** A packet of the peer opened. */
void hkp_htp__heart_alive(struct hkp_htp__flow *flow);
/** Intervals that passed in silence (HTP-8.3); to be called before the session may end by it. */
void hkp_htp__heart_missed(struct hkp_htp__flow *flow);
hkp_time hkp_htp__heart_wake(const struct hkp_htp__flow *flow);
void hkp_htp__heart_tick(struct hkp_htp__flow *flow);
/** A packet goes anyway: a heartbeat that is due soon goes with it (HTP-11.7). */
void hkp_htp__heart_group(struct hkp_htp__flow *flow);
/** The mode, the NAT type or the energy level is another one. */
void hkp_htp__heart_reset(struct hkp_htp__flow *flow);
uint64_t hkp_htp__heart_idle_ns(const struct hkp_htp__flow *flow);
/** When silence ends the session (HTP-8.5). */
hkp_time hkp_htp__heart_idle_at(const struct hkp_htp__flow *flow);

/* flow_auto.c */
void hkp_htp__mode_init(struct hkp_htp__flow *flow, const struct hkp_htp__flow_params *params);
hkp_time hkp_htp__mode_wake(const struct hkp_htp__flow *flow);
/** Ends a hold; switches by measured conditions when that is the policy (HTP-11.5). */
void hkp_htp__mode_tick(struct hkp_htp__flow *flow);
/** A packet came: its round trip may be the least of the hour. */
void hkp_htp__mode_heard(struct hkp_htp__flow *flow);
uint64_t hkp_htp__mode_hour_rtt(const struct hkp_htp__flow *flow);

/* flow_mode.c */
/** The path is paced as mode and energy say. */
void hkp_htp__mode_pace(const struct hkp_htp__flow *flow, struct hkp_htp__path_state *path);
void hkp_htp__mode_pad(struct hkp_htp__flow *flow, struct hkp_htp__writer *w);
/** A period with the jitter of the mode in force. */
uint64_t hkp_htp__mode_jitter(const struct hkp_htp__flow *flow, uint64_t period);
/** To be called before application data is queued. */
void hkp_htp__mode_queued(struct hkp_htp__flow *flow);
/** 1: application data has to wait until mode.hold_until. */
int hkp_htp__mode_holds(struct hkp_htp__flow *flow);
/** 1: nothing is sent until E has spoken. */
int hkp_htp__mode_waits_for_e(const struct hkp_htp__flow *flow);

static inline int hkp_htp__is_ours(const struct hkp_htp__flow *flow, uint32_t id) {
    return (id & 1) != flow->is_e;
}
static inline int hkp_htp__is_uni(uint32_t id) { return id >> 1 & 1; }

#endif
