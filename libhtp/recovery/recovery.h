/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Loss recovery (HTP-10.3, RFC 9002 with one packet number space). Keeps a record of every packet that
 * elicits an ACK and says which frames were acknowledged and which are lost; what to do about them is the
 * flow's affair. Packets that elicit no ACK have no record: nobody waits for them. The records are the
 * session's; each names the path it went, whose state (path_state.h) judges it.
 */
#ifndef HKP_LIBHTP_RECOVERY_H
#define HKP_LIBHTP_RECOVERY_H

#include <hookprobe/base.h>

#include "libhtp/flow/flow_pool.h"
#include "libhtp/recovery/ecn.h"
#include "libhtp/recovery/path_state.h"
#include "libhtp/wire/frames.h"

enum {
    /** frames worth remembering in one packet */
    HKP_HTP__SENT_FRAMES = 6,
    /** packets on their way at once */
    HKP_HTP__OUTSTANDING_MAX = 8192,
    /** numbers from the oldest on its way to the next while there are several paths (HTP-11.6) */
    HKP_HTP__SPAN_MAX = 1024,
    HKP_HTP__SENT_PER_BLOCK = 28,
    /** a table of blocks is a block itself */
    HKP_HTP__SENT_BLOCKS = 512
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
    /** packets sent on its path before it, mod 2^32 */
    uint32_t order;
    uint16_t size;
    /** bits 0-2 epoch mod 8, bit 3 RES, bits 4-7 number of frames */
    uint8_t packed;
    uint8_t state;
    /** index of the path it went */
    uint8_t path;
    /** a HEARTBEAT: its own ACK does not make the next one needless */
    uint8_t heartbeat;
    /** ECN field it was sent with */
    uint8_t ecn;
    /** its delivery rate may be too low: there was no more to send */
    uint8_t app_limited : 1;
    /** a probe of the path's MTU: its loss says nothing of congestion (HTP-9.7) */
    uint8_t mtu_probe : 1;
    /** what its path had delivered, mod 2^32; ns from that, and from the oldest then on its way, to time */
    uint32_t delivered, delivered_ago, first_ago;
    union {
        /** while it is on its way or lost */
        struct hkp_htp__sent_frame frames[HKP_HTP__SENT_FRAMES];
        /** acknowledged: records up to this index are, too */
        uint64_t skip;
    };
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
    /** records head..tail-1, ascending by pn: all in one block, or in those of a table, record i in block
     *  i / 28; no memory is held while there are none */
    struct hkp_htp__sent *block;
    struct hkp_htp__sent **table;
    uint64_t head, tail;
    /** number of the next packet, and the largest acknowledged + 1; of the first one since there are several
     *  paths */
    uint64_t next_pn, acked_end, several_from;
    /** packets on their way on all paths */
    uint32_t flying;
    uint64_t lost, probes, bytes_acked, spurious;
    /** NULL: no such path; paths[0] is own, the others their owner's */
    struct hkp_htp__path_state *paths[HKP_HTP__PATHS_MAX];
    uint8_t path_count;
    struct hkp_htp__path_state own;
    struct hkp_htp__ecn ecn;
};

void hkp_htp__recovery_init(struct hkp_htp__recovery *r, struct hkp_htp__pools *pools, uint16_t mtu,
                            const struct hkp_htp__controller *controller, uint64_t initial_rtt,
                            const struct hkp_htp__recovery_sink *sink);
void hkp_htp__recovery_clear(struct hkp_htp__recovery *r);

/** The path takes part from now on, under its index, which is free. It stays its owner's. */
void hkp_htp__recovery_path_add(struct hkp_htp__recovery *r, struct hkp_htp__path_state *p);
/** Nothing that is on its way there will come. */
void hkp_htp__recovery_path_lost(struct hkp_htp__recovery *r, uint8_t index);
/** The path is given up (not path 0): what is on its way there counts as lost. */
void hkp_htp__recovery_path_drop(struct hkp_htp__recovery *r, uint8_t index);

/** All paths get this controller, which knows nothing yet; nothing changes where they have it. */
void hkp_htp__recovery_set_controller(struct hkp_htp__recovery *r,
                                      const struct hkp_htp__controller *controller);

/** From the oldest packet that may be on its way to the next: numbers of packets; 0 with one path (HTP-11.6).
 */
uint64_t hkp_htp__recovery_span(const struct hkp_htp__recovery *r);

/** A fresh record for the packet about to be sent, all zero; NULL: as many are on their way as may be. It
 *  counts from _sent on. */
struct hkp_htp__sent *hkp_htp__recovery_slot(struct hkp_htp__recovery *r);
/** The record of _slot is not needed. */
void hkp_htp__recovery_unslot(struct hkp_htp__recovery *r);
/** A number is given out. With several paths no packet stays on its way that is 1024 numbers behind: the
 *  peer's window of numbers need not know it any more, so it counts as lost (HTP-11.6). */
void hkp_htp__recovery_next(struct hkp_htp__recovery *r, uint64_t pn);
/** A packet of any type goes on path index under this number; after _sent, if it has a record. */
void hkp_htp__recovery_number(struct hkp_htp__recovery *r, uint8_t path, uint64_t pn);
/** The packet of the record goes on the path that it names. */
void hkp_htp__recovery_sent(struct hkp_htp__recovery *r, struct hkp_htp__sent *sent);

/** Applies an ACK frame. HKP_E_HTP_ACK: it acknowledges what was never sent. */
hkp_status hkp_htp__recovery_ack(struct hkp_htp__recovery *r, const struct hkp_htp__frame *ack, hkp_time now);

/** The first T_loss or T_pto of a path, or when pacing lets the next packets go. */
hkp_time hkp_htp__recovery_wake(const struct hkp_htp__recovery *r);
/** Finds losses by time. A path whose T_pto passed gets two probes, and the oldest frames that went there
 *  count as lost too. */
void hkp_htp__recovery_tick(struct hkp_htp__recovery *r, hkp_time now);

#endif
