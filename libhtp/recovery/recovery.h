/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Loss recovery (HTP-10.3, RFC 9002 with one packet number space). Keeps a record of every packet that
 * elicits an ACK and says which frames were acknowledged and which are lost; what to do about them is the
 * flow's affair. Packets that elicit no ACK have no record: nobody waits for them.
 */
#ifndef HKP_LIBHTP_RECOVERY_H
#define HKP_LIBHTP_RECOVERY_H

#include <hookprobe/base.h>

#include "libhtp/flow/flow_pool.h"
#include "libhtp/recovery/congestion.h"
#include "libhtp/wire/frames.h"

enum {
    /** frames worth remembering in one packet */
    HKP_HTP__SENT_FRAMES = 6,
    /** packets on their way at once */
    HKP_HTP__OUTSTANDING_MAX = 1024,
    HKP_HTP__SENT_PER_BLOCK = 32,
    HKP_HTP__SENT_BLOCKS = HKP_HTP__OUTSTANDING_MAX / HKP_HTP__SENT_PER_BLOCK + 1
};

/** A frame that must arrive. */
struct hkp_htp__sent_frame {
    /** STREAM offset; CREDIT limit; TOKEN, RETIRE: seq */
    uint64_t offset;
    uint32_t stream;
    uint16_t len;
    uint8_t type;
    /** STREAM: fin; CREDIT: kind; REKEY: generation of the frame */
    uint8_t aux;
};

enum { HKP_HTP__SENT_FLYING = 0, HKP_HTP__SENT_ACKED = 1, HKP_HTP__SENT_LOST = 2 };

struct hkp_htp__sent {
    uint64_t pn;
    hkp_time time;
    /** largest number + 1 that an ACK frame in it named; 0: none */
    uint64_t ack_named;
    uint16_t size;
    uint8_t state;
    /** bits 0-2 epoch mod 8, bit 3 RES, bits 4-7 number of frames */
    uint8_t packed;
    /** a HEARTBEAT: its own ACK does not make the next one needless */
    uint8_t heartbeat;
    uint8_t reserved[3];
    struct hkp_htp__sent_frame frames[HKP_HTP__SENT_FRAMES];
};

static inline unsigned hkp_htp__sent_count(const struct hkp_htp__sent *s) { return s->packed >> 4; }
static inline int hkp_htp__sent_res(const struct hkp_htp__sent *s) { return s->packed >> 3 & 1; }
static inline unsigned hkp_htp__sent_epoch(const struct hkp_htp__sent *s) { return s->packed & 7; }

/** Told of every record once it is acknowledged (also after it was taken as lost) or lost. */
struct hkp_htp__recovery_sink {
    void *user;
    void (*acked)(void *user, const struct hkp_htp__sent *sent);
    void (*lost)(void *user, const struct hkp_htp__sent *sent);
};

struct hkp_htp__recovery {
    struct hkp_htp__pools *pools;
    struct hkp_htp__recovery_sink sink;
    struct hkp_htp__congestion congestion;
    /** records head..tail-1, ascending by pn; record i is in block i / 32 */
    struct hkp_htp__sent *blocks[HKP_HTP__SENT_BLOCKS];
    uint32_t head, tail;
    uint64_t next_pn;
    /** largest number acknowledged + 1 */
    uint64_t acked_end;
    uint32_t in_flight, flying;
    hkp_time last_sent, loss_time;
    uint64_t latest, min, srtt, var, initial;
    unsigned pto_count;
    uint64_t lost, probes, bytes_acked;
};

void hkp_htp__recovery_init(struct hkp_htp__recovery *r, struct hkp_htp__pools *pools, uint32_t mtu,
                            uint64_t initial_rtt, const struct hkp_htp__recovery_sink *sink);
void hkp_htp__recovery_clear(struct hkp_htp__recovery *r);

/** A fresh record for the packet about to be sent, all zero; NULL: as many are on their way as may be. It
 *  counts from _sent on. */
struct hkp_htp__sent *hkp_htp__recovery_slot(struct hkp_htp__recovery *r);
void hkp_htp__recovery_sent(struct hkp_htp__recovery *r, struct hkp_htp__sent *sent);

/** Applies an ACK frame. HKP_E_HTP_ACK: it acknowledges what was never sent. */
hkp_status hkp_htp__recovery_ack(struct hkp_htp__recovery *r, const struct hkp_htp__frame *ack, hkp_time now);

/** T_loss or T_pto, whichever is first. */
hkp_time hkp_htp__recovery_wake(const struct hkp_htp__recovery *r);
/** Number of probe packets to send now: 0, or 2 when T_pto passed; then the oldest frames count as lost too.
 */
unsigned hkp_htp__recovery_tick(struct hkp_htp__recovery *r, hkp_time now);

/** Probe timeout without backoff. */
uint64_t hkp_htp__recovery_pto(const struct hkp_htp__recovery *r);

/** Bytes that the window leaves. */
static inline uint32_t hkp_htp__recovery_room(const struct hkp_htp__recovery *r) {
    uint32_t window = hkp_htp__congestion_window(&r->congestion);
    return window > r->in_flight ? window - r->in_flight : 0;
}

#endif
