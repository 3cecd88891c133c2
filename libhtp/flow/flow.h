/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The flow of one session: what stands between opened plaintexts and the application. It knows no keys,
 * no sockets and no clock. The endpoint opens packets and gives them here; it asks here what to seal next.
 *
 *   in :  _recv (one opened packet), application calls (_open, _message, _datagram, ...), _close
 *   out:  _send (the plaintext of the next packet), _event (pull until HKP_OK with kind NONE)
 *   time: _wake -> deadline, _tick when it passes
 *
 * Negative results of _recv and _event are closing results (HTP-15.1, 32..43): the endpoint calls
 * _close with the reason of the same number. HKP_E_HTP_LIMIT from _recv is a drop: no memory was left in the
 * pools, the packet counts as never received.
 */
#ifndef HKP_LIBHTP_FLOW_H
#define HKP_LIBHTP_FLOW_H

#include <hookprobe/base.h>

struct hkp_htp__flow;
struct hkp_htp__paths;
struct hkp_htp__pools;

enum {
    /** header and tag (HTP-2.7); the resonance layer comes on top */
    HKP_HTP__OVERHEAD = 52,
    HKP_HTP__RESONANCE_SIZE = 64,
    HKP_HTP__REKEY_SIZE = 80
};

/** Why a flow has no more to do. */
enum {
    HKP_HTP__FLOW_OPEN = 0,
    /** CLOSE was sent and is repeated up to three times (HTP-14.1) */
    HKP_HTP__FLOW_CLOSING = 1,
    /** the peer's CLOSE was answered; nothing more is sent */
    HKP_HTP__FLOW_DRAINING = 2,
    /** erase keys and free */
    HKP_HTP__FLOW_ENDED = 3
};

/* ---- Memory shared by all flows of one endpoint: bounded, grown in slabs, of which empty ones go back in
 * time. */

/**
 * Makes the pools. limit_bytes bounds what streams, datagrams and sent packets of all sessions hold together;
 * 0 is the default (HKP_HTP__POOL_BYTES). Nothing is allocated yet but the object.
 */
hkp_status hkp_htp__pools_new(struct hkp_htp__pools **out, const struct hkp_mem *mem, size_t limit_bytes);
void hkp_htp__pools_free(struct hkp_htp__pools *pools);
/** Gives back what nobody used for a second. Cheap; call it when time passes. */
void hkp_htp__pools_tick(struct hkp_htp__pools *pools, hkp_time now);
/** No session is left, and maybe no tick will come: gives back at once. */
void hkp_htp__pools_rest(struct hkp_htp__pools *pools);
/** Bytes that the pools hold of the allocator now. */
size_t hkp_htp__pools_memory(const struct hkp_htp__pools *pools);

/* ---- The flow. */

/** What a flow is made from. Zero means default where not said otherwise. */
struct hkp_htp__flow_params {
    struct hkp_mem mem;
    /** required: challenges of HB_ACK */
    struct hkp_rng rng;
    /** required; outlives the flow */
    struct hkp_htp__pools *pools;
    /** tokens of the session, which go in its frames; NULL: TOKEN and RETIRE are ignored. Outlives the flow
     */
    struct hkp_htp__paths *paths;
    /** 1 if we are E (we opened the session), 0 if V */
    uint8_t is_e;
    /** our NAT type as told in HB (HTP-8.3); 0 unknown */
    uint8_t nat;
    /** heartbeat interval of ACCEPT in seconds; 0: 30 */
    uint16_t heartbeat_s;
    /** largest datagram that path MTU discovery may ever find; 0: 1200, so none is sought */
    uint16_t datagram_limit;
    /** h_final[0:16]: the first challenge (HTP-8.2); required */
    uint8_t challenge0[16];
    /** bit c of allow[c / 64]: class c may be received (HTP-10.8); zero: none. See hkp_htp__flow_allow */
    uint64_t allow[2];
    /** limits of HTP-1.7; 0: default. max_message is for classes without one of their own */
    uint32_t max_message, max_message_dsm;
    uint32_t credit_session, credit_stream, streams_max, send_buffer;
    /** RTT measured by the handshake in ns; 0: 333 ms */
    uint64_t initial_rtt;
    /** small draws that make no key, for padding and jitter; fill NULL: neither */
    struct hkp_rng draws;
    /** what the machine has left; borrowed, outlives the flow; NULL: mains */
    const struct hkp_htp__power *power;
    /** HKP_HTP_TRANSPORT_* to begin with; 1: the features MASK and SWARM are in use */
    uint8_t mode, mask, swarm;
    /** HKP_HTP_CONGESTION_* */
    uint8_t congestion;
};

hkp_status hkp_htp__flow_new(struct hkp_htp__flow **out, const struct hkp_htp__flow_params *params,
                             hkp_time now);
void hkp_htp__flow_free(struct hkp_htp__flow *flow);

/** One packet that opened and whose resonance layer, if there, was right. */
struct hkp_htp__flow_in {
    uint64_t pn;
    uint32_t epoch;
    /** packet type, HTP-2.3 */
    uint16_t type;
    uint8_t has_res;
    /** ECN field of the IP header it came under, 0..3 */
    uint8_t ecn;
    /** header.timestamp: milliseconds of the sender (HTP-8.1) */
    uint32_t timestamp;
    const uint8_t *plain;
    size_t plain_len;
    /** bytes of the whole datagram */
    size_t datagram_len;
    hkp_time now;
    uint64_t wall_us;
    /** source as HB_ACK tells it to the peer */
    uint8_t addr[16];
    uint16_t port;
};

/**
 * Takes one packet: parses all frames first (HTP-10.1), then lets them take effect. Call it once per packet
 * number (the window of HTP-7.5 is before it). REKEY frames are checked here for form only: when this
 * returned HKP_OK and *rekey_frames > 0, read them with hkp_htp__flow_rekey_next.
 *
 * HKP_OK; a closing result (FRAME, FRAME_TYPE, ACK, CREDIT, STREAM, MESSAGE, RES_MISSING, RESONANCE,
 * INTERNAL); HKP_E_HTP_LIMIT: dropped as if lost.
 */
hkp_status hkp_htp__flow_recv(struct hkp_htp__flow *flow, const struct hkp_htp__flow_in *in,
                              unsigned *rekey_frames);

/** The next REKEY frame (80 bytes, type byte first) of a plaintext that _recv accepted; NULL after the last.
 */
const uint8_t *hkp_htp__flow_rekey_next(const uint8_t *plain, size_t plain_len, uint16_t type, size_t *pos);

/** What the sealing side says about the packet that it could send now. */
struct hkp_htp__flow_slot {
    /** number the packet will have: consecutive over all types, first 0 */
    uint64_t pn;
    /** key epoch that seals it */
    uint32_t epoch;
    /** 1: the hard limit of HTP-6.2 holds: only REKEY, ACK and CLOSE may go */
    uint8_t restricted;
    /** index of the path that the packet goes by (HTP-11.6) */
    uint8_t path;
    /** 1: packets of one size are wanted; one that is nearly full while more waits is filled up with PAD */
    uint8_t fill;
    /** no packet may be larger than this, the datagram in bytes; 0: only the flow's own limit */
    uint32_t max_datagram;
    /** bytes of the MTU probe that this packet is to be (hkp_htp__flow_mtu_probe); 0: none */
    uint32_t probe;
    hkp_time now;
    uint64_t wall_us;
};

/** What was written. */
struct hkp_htp__flow_out {
    /** packet type; 0: nothing to send now, len is 0, the pn was not used */
    uint16_t type;
    /** RES must be set (HTP-3.2) */
    uint8_t res;
    uint8_t eliciting;
    size_t len;
};

/**
 * Writes the plaintext of the next packet to dst. dst has room for max_datagram - 52 bytes; with res the text
 * is at most max_datagram - 116. The packet counts as sent: the caller seals it under slot->pn. Call until
 * out->type is 0, and again after every _recv, _tick and application call.
 */
hkp_status hkp_htp__flow_send(struct hkp_htp__flow *flow, const struct hkp_htp__flow_slot *slot, uint8_t *dst,
                              struct hkp_htp__flow_out *out);

/** ECN field for packets sent now, 0 or 2; only _recv and _tick change it. */
uint8_t hkp_htp__flow_ecn(const struct hkp_htp__flow *flow);
/** Largest datagram that the flow sends now by a path, bytes. */
size_t hkp_htp__flow_datagram_max(const struct hkp_htp__flow *flow, uint8_t path);
/** Size of the MTU probe that it wants to send there now, 0: none (HTP-9.7). is_v4: of the path. */
size_t hkp_htp__flow_mtu_probe(const struct hkp_htp__flow *flow, uint8_t path, int is_v4);
/** The system takes no datagram of this size there. */
void hkp_htp__flow_refused(struct hkp_htp__flow *flow, uint8_t path, size_t size);
/** The session goes another way by path 0, whose MTU nobody knows. */
void hkp_htp__flow_rerouted(struct hkp_htp__flow *flow);
/** Path 0 goes on as that path, which ends. */
void hkp_htp__flow_follows(struct hkp_htp__flow *flow, uint8_t path);

/** 1: more than ACKs and answers waits to be sent. */
int hkp_htp__flow_wants(const struct hkp_htp__flow *flow);

/** Bytes of a datagram with a plaintext of n bytes that _probe would write now. */
size_t hkp_htp__flow_probe_size(const struct hkp_htp__flow *flow, const struct hkp_htp__flow_slot *slot,
                                size_t n);
/** Makes n bytes of frames at dst, which are PATH_*, the next packet; wide: padded to 1200 bytes. Nobody
 * waits for it: it is on a path of its own. */
void hkp_htp__flow_probe(struct hkp_htp__flow *flow, const struct hkp_htp__flow_slot *slot, uint8_t *dst,
                         size_t n, int wide, struct hkp_htp__flow_out *out);

/** Earliest time at which _tick has something to do; HKP_TIME_NEVER when ended. */
hkp_time hkp_htp__flow_wake(const struct hkp_htp__flow *flow);
/** HKP_OK, or HKP_E_HTP_IDLE once: silent end (the state is ENDED then). */
hkp_status hkp_htp__flow_tick(struct hkp_htp__flow *flow, hkp_time now);

/** FLOW_OPEN ... FLOW_ENDED. */
int hkp_htp__flow_state(const struct hkp_htp__flow *flow);

/**
 * Begins to close with a CLOSE frame of this reason (HTP-15.3); repeated calls keep the first reason.
 * trust and retry_after go into the frame.
 */
void hkp_htp__flow_close(struct hkp_htp__flow *flow, hkp_time now, uint16_t reason, uint16_t retry_after_s);

/* ---- REKEY (HTP-6.3): the endpoint makes and judges the frames, the flow sends them reliably. */

/** Sends this frame until it is acknowledged or withdrawn; a new one replaces the old one. It is borrowed
 * until then. */
void hkp_htp__flow_rekey_put(struct hkp_htp__flow *flow, const uint8_t frame[HKP_HTP__REKEY_SIZE]);
void hkp_htp__flow_rekey_withdraw(struct hkp_htp__flow *flow);
/** A PING: the next packet under a new epoch goes at once (HTP-6.3 step 3). */
void hkp_htp__flow_ping(struct hkp_htp__flow *flow);

/* ---- Streams and datagrams (HTP-10.6 to 10.8). */

/**
 * Opens a stream. HKP_E_LIMIT: the peer allows no more now; HKP_E_INVAL: class > 127 or priority > 7;
 * HKP_E_STATE: closing.
 */
hkp_status hkp_htp__flow_open(struct hkp_htp__flow *flow, uint8_t cls, int bidirectional, uint8_t priority,
                              uint32_t *stream);
/** Queues one whole message (copied) and, if fin, the end. HKP_E_LIMIT: buffer full, wait for WRITABLE.
 *  HKP_E_TOOBIG: above the class's maximum. HKP_E_NOTFOUND: no such stream. HKP_E_STATE: finished or reset.
 */
hkp_status hkp_htp__flow_message(struct hkp_htp__flow *flow, uint32_t stream, const uint8_t *msg, size_t len,
                                 int fin);
/** The same, given up with its stream when not acknowledged by at; HKP_TIME_NEVER: no deadline. HKP_E_INVAL:
 * at has passed. HKP_E_LIMIT also: too many deadlines wait. */
hkp_status hkp_htp__flow_message_by(struct hkp_htp__flow *flow, uint32_t stream, const uint8_t *msg,
                                    size_t len, int fin, hkp_time at);
/** Our direction is given up when its end is not acknowledged by at; NEVER: no deadline. HKP_E_INVAL: passed.
 */
hkp_status hkp_htp__flow_deadline(struct hkp_htp__flow *flow, uint32_t stream, hkp_time at);
/** Compresses what is sent from now on; 0: not, up to 9. */
hkp_status hkp_htp__flow_compress(struct hkp_htp__flow *flow, uint32_t stream, uint8_t level);
/** Ends our direction without another message. */
hkp_status hkp_htp__flow_finish(struct hkp_htp__flow *flow, uint32_t stream);
/** Largest message to accept and to send on this stream, 1..HKP_HTP__MESSAGE_CEILING. */
hkp_status hkp_htp__flow_limit(struct hkp_htp__flow *flow, uint32_t stream, uint32_t max_message);
hkp_status hkp_htp__flow_priority(struct hkp_htp__flow *flow, uint32_t stream, uint8_t priority);
/** Asks the peer to reset its direction; what arrives from now on is dropped. */
hkp_status hkp_htp__flow_stop(struct hkp_htp__flow *flow, uint32_t stream, uint16_t code);
/** Gives up our direction; what was not delivered may never be. */
hkp_status hkp_htp__flow_reset(struct hkp_htp__flow *flow, uint32_t stream, uint16_t code);
/** Queues one datagram (copied). HKP_E_TOOBIG: does not fit one packet; HKP_E_LIMIT: queue full. */
hkp_status hkp_htp__flow_datagram(struct hkp_htp__flow *flow, uint8_t cls, const uint8_t *data, size_t len);
/** The same, dropped when it could not go before at. HKP_E_INVAL: at has passed. */
hkp_status hkp_htp__flow_datagram_by(struct hkp_htp__flow *flow, uint8_t cls, const uint8_t *data, size_t len,
                                     hkp_time at);
/** Classes that may be received from now on; streams of others are answered by STOP 1 (HTP-10.8). */
void hkp_htp__flow_allow(struct hkp_htp__flow *flow, const uint64_t allow[2]);
/** Trust that goes into HB_ACK and CLOSE (V only; E sends 0). */
/** A HEARTBEAT goes as soon as it may. */
void hkp_htp__flow_heartbeat(struct hkp_htp__flow *flow);
void hkp_htp__flow_set_trust(struct hkp_htp__flow *flow, uint16_t trust);

/* ---- Transport mode and energy (HTP-11). */

/** HKP_HTP_TRANSPORT_*, AUTO too. HKP_E_HTP_STATE: the mode needs header masking; nothing changed. */
hkp_status hkp_htp__flow_set_mode(struct hkp_htp__flow *flow, hkp_time now, uint8_t mode);
/** A period with the jitter of the mode in force. */
uint64_t hkp_htp__flow_delay(const struct hkp_htp__flow *flow, uint64_t period);
/** Our NAT type, HTP-8.3. */
void hkp_htp__flow_set_nat(struct hkp_htp__flow *flow, uint8_t nat);
/** The level of *power is another one. */
void hkp_htp__flow_power(struct hkp_htp__flow *flow, hkp_time now);

/* ---- Events. */

enum {
    HKP_HTP__FLOW_EV_NONE = 0,
    /** the peer opened a stream: stream, cls, bidirectional */
    HKP_HTP__FLOW_EV_OPENED,
    /** stream, cls, data, len */
    HKP_HTP__FLOW_EV_MESSAGE,
    /** the peer's direction ended after the last message */
    HKP_HTP__FLOW_EV_FIN,
    /** the peer gave its direction up: code */
    HKP_HTP__FLOW_EV_RESET,
    /** the peer asked us to give up ours, which is done: code */
    HKP_HTP__FLOW_EV_STOPPED,
    /** all that we sent on the stream was acknowledged, the end too */
    HKP_HTP__FLOW_EV_DELIVERED,
    /** cls, data, len */
    HKP_HTP__FLOW_EV_DATAGRAM,
    /** send buffer or stream count has room again after HKP_E_LIMIT */
    HKP_HTP__FLOW_EV_WRITABLE,
    /** an interval passed in silence (HTP-8.3): code = how many in a row */
    HKP_HTP__FLOW_EV_MISSED,
    /** an interval counted as a good heartbeat (HTP-8.3) */
    HKP_HTP__FLOW_EV_HEARTBEAT,
    /** t[0..3]: clock sample of HTP-3.8; trust: what the peer said of us (from V); addr, port: how it sees us
     */
    HKP_HTP__FLOW_EV_CLOCK,
    /** the peer closed: code = reason, trust, retry_after_s */
    HKP_HTP__FLOW_EV_CLOSED,
    /** another transport mode is in force: cls = mode, code = why */
    HKP_HTP__FLOW_EV_MODE,
    /** our direction was given up: a message was not acknowledged by its deadline */
    HKP_HTP__FLOW_EV_EXPIRED
};

struct hkp_htp__flow_event {
    int kind;
    uint32_t stream;
    uint8_t cls;
    uint8_t bidirectional;
    uint16_t code;
    uint16_t trust;
    uint16_t retry_after_s;
    uint16_t port;
    uint8_t addr[16];
    uint64_t t[4];
    /** valid until the next call on any flow of the same pools */
    const uint8_t *data;
    size_t len;
};

/** HKP_OK with kind NONE when there is none; HKP_E_NOMEM: try again; a closing result (MESSAGE: inflate). */
hkp_status hkp_htp__flow_event(struct hkp_htp__flow *flow, struct hkp_htp__flow_event *event);
/** 1 if _event would give something other than NONE. */
int hkp_htp__flow_has_event(const struct hkp_htp__flow *flow);

/* ---- Facts. */

struct hkp_htp__flow_info {
    /** ns; 0 before the first sample */
    uint64_t srtt, rttvar, min_rtt, latest_rtt;
    /** current probe timeout without backoff, ns (T_old of HTP-6.3, T_c, T_drain) */
    uint64_t pto;
    /** jitter J of RFC 3550 6.4.1, in 1/16 ms */
    uint32_t jitter_16ms;
    uint32_t congestion_window, bytes_in_flight;
    uint64_t packets_in, packets_out, eliciting_out, packets_lost, probes;
    uint64_t bytes_acked, stream_bytes_in, stream_bytes_out, datagrams_dropped;
    uint64_t good_heartbeats, missed_heartbeats;
    /** time of the last RES packet of the peer */
    hkp_time last_res;
    uint64_t largest_pn_in;
    uint16_t interval_s;
    /** mode, energy, load of the peer's last HB */
    uint8_t peer_mode, peer_energy, peer_load, peer_nat;
    /** of ours: in force, asked for, why; heartbeat interval that adaptation may reach */
    uint8_t mode, policy, why, waits_for_e;
    uint16_t base_s, loss_permille;
    hkp_time mode_since;
    /** minimum of the last hour, ns; 0: not known */
    uint64_t hour_rtt;
    uint32_t streams;
    size_t memory;
};
void hkp_htp__flow_info(const struct hkp_htp__flow *flow, struct hkp_htp__flow_info *info);

#endif
