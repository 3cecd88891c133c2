/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The congestion controller of one path behind the interface of HTP-10.5: what was sent, acknowledged and
 * lost comes in, the window and the pacing rate go out. There are two: CUBIC (cubic.c) and a BBR-like one
 * (bbr.c).
 */
#ifndef HKP_LIBHTP_CONGESTION_H
#define HKP_LIBHTP_CONGESTION_H

#include <hookprobe/base.h>

enum {
    /** windows in packets, HTP-10.5 */
    HKP_HTP__WINDOW_LEAST = 2,
    /** bytes; more than any path needs, and keeps sums in 64 bits */
    HKP_HTP__WINDOW_MOST = 256 * 1024 * 1024
};

/** All that one ACK frame newly acknowledged on a path. */
struct hkp_htp__cc_ack {
    hkp_time now;
    uint32_t bytes;
    /** of them sent after the last answer to congestion */
    uint32_t fresh;
    /** bytes on their way before and after */
    uint32_t prior, in_flight;
    /** order of the newest + 1, and of the next packet to send */
    uint64_t end, next;
    /** ns: the newest round trip, the smoothed one, the least so far; 0: no sample yet */
    uint64_t rtt, srtt, min_rtt;
    /** bytes delivered up to now, and when the newest was sent */
    uint64_t delivered, delivered_then;
    /** bytes per second that arrived meanwhile; 0: no sample */
    uint64_t rate;
    /** the sender had no more to send then: rate may be too low */
    uint8_t app_limited;
    /** window or pacing were in the way of sending */
    uint8_t limited;
};

/** Packets found lost together, or a CE mark. */
struct hkp_htp__cc_loss {
    hkp_time now;
    /** when the newest of them was sent */
    hkp_time sent;
    uint32_t bytes;
    /** bytes on their way before they were lost */
    uint32_t prior;
    /** nothing arrived for 3 PTOs (HTP-10.3) */
    uint8_t persistent;
};

/** HyStart++, RFC 9406: when to leave slow start before a loss says so. */
struct hkp_htp__hystart {
    /** orders from here on belong to the next round */
    uint64_t round_end;
    /** ns; 0: none */
    uint64_t last_min, now_min, baseline;
    uint16_t samples;
    /** conservative slow start, and its rounds so far */
    uint8_t conservative, rounds;
};

struct hkp_htp__cubic {
    struct hkp_htp__hystart hystart;
    /** bytes; ssthresh, W_max, W_est in 1/1024, remainder of the growth */
    uint32_t threshold, w_max;
    uint64_t w_est, rest;
    /** window before the last reduction */
    uint32_t prior;
    uint32_t k_ms;
    /** time in this epoch that counts, ns, and up to when; in_epoch 0: begins with the next ACK */
    uint64_t elapsed;
    hkp_time last;
    /** what the last reduction changed, for when it was wrong */
    uint32_t undo_window, undo_threshold, undo_w_max;
    uint8_t in_epoch, reduced;
};

struct hkp_htp__bbr {
    /** greatest delivery rate of the last and this span of rounds, bytes per second */
    uint64_t rates[2];
    /** what loss left of it until the next probe; 0: all */
    uint64_t rate_low;
    uint64_t full_rate, min_rtt;
    /** round: ends when this many bytes were delivered; bytes delivered and lost in it */
    uint64_t round_end;
    uint32_t round_delivered, round_lost, rounds, phase_rounds;
    /** most bytes on their way that loss taught; 0: not known */
    uint32_t most;
    /** window before probing for the round trip */
    uint32_t kept;
    hkp_time min_rtt_at, phase_at, probe_until;
    uint32_t draw;
    uint8_t phase, full_rounds;
};

struct hkp_htp__congestion {
    const struct hkp_htp__controller *ops;
    uint32_t mtu, window;
    /** packets sent up to here belong to congestion that was already answered; 0: none */
    hkp_time recovery_start;
    union {
        struct hkp_htp__cubic cubic;
        struct hkp_htp__bbr bbr;
    } u;
};

/** The functions of a controller; NULL: it does not care. */
struct hkp_htp__controller {
    void (*init)(struct hkp_htp__congestion *c);
    /** in_flight: bytes on their way before this packet */
    void (*on_sent)(struct hkp_htp__congestion *c, hkp_time now, uint32_t in_flight);
    void (*on_acked)(struct hkp_htp__congestion *c, const struct hkp_htp__cc_ack *ack);
    void (*on_lost)(struct hkp_htp__congestion *c, const struct hkp_htp__cc_loss *loss);
    /** CE marks came back */
    void (*on_ecn)(struct hkp_htp__congestion *c, const struct hkp_htp__cc_loss *mark);
    /** all packets of the last reduction arrived after all */
    void (*on_spurious)(struct hkp_htp__congestion *c);
    /** bytes per second; srtt in ns, not 0 */
    uint64_t (*pacing_rate)(const struct hkp_htp__congestion *c, uint64_t srtt);
};

extern const struct hkp_htp__controller hkp_htp__cubic, hkp_htp__bbr;
/** By number: HKP_HTP_CONGESTION_*. */
const struct hkp_htp__controller *hkp_htp__controller_of(uint8_t number);

/** With the initial window; ops: one of the controllers. */
void hkp_htp__congestion_init(struct hkp_htp__congestion *c, const struct hkp_htp__controller *ops,
                              uint32_t mtu);
/** The path takes larger or smaller packets now. */
void hkp_htp__congestion_set_mtu(struct hkp_htp__congestion *c, uint32_t mtu);

void hkp_htp__hystart_begin(struct hkp_htp__hystart *h);
/** Window growth that the acknowledged bytes allow; *leave: slow start is over. */
uint32_t hkp_htp__hystart_on_acked(struct hkp_htp__hystart *h, const struct hkp_htp__cc_ack *ack, int *leave);

static inline uint32_t hkp_htp__congestion_window(const struct hkp_htp__congestion *c) { return c->window; }

/** bytes * 10^9 / ns without overflow for bytes up to 2^34; ns not 0. */
static inline uint64_t hkp_htp__per_second(uint64_t bytes, uint64_t ns) { return bytes * 1000000000U / ns; }

#endif
