/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Frames (HTP-10.1, 10.2): reading one, judging all of a packet, writing them. Stateless. */
#ifndef HKP_LIBHTP_FRAMES_H
#define HKP_LIBHTP_FRAMES_H

#include <hookprobe/base.h>

enum {
    HKP_HTP__F_PAD = 0x00,
    HKP_HTP__F_ACK = 0x01,
    HKP_HTP__F_STREAM = 0x02,
    HKP_HTP__F_DATAGRAM = 0x03,
    HKP_HTP__F_RESET = 0x04,
    HKP_HTP__F_STOP = 0x05,
    HKP_HTP__F_CREDIT = 0x06,
    HKP_HTP__F_PATH_CHALLENGE = 0x07,
    HKP_HTP__F_PATH_RESPONSE = 0x08,
    HKP_HTP__F_PING = 0x09,
    HKP_HTP__F_REKEY = 0x0A,
    HKP_HTP__F_TOKEN = 0x0B,
    HKP_HTP__F_RETIRE = 0x0C,
    HKP_HTP__F_HB = 0x10,
    HKP_HTP__F_HB_ACK = 0x11,
    HKP_HTP__F_CLOSE = 0x12,
    /** 0x40..0x7F: extensions, skipped */
    HKP_HTP__F_EXTENSION = 0x40,
    HKP_HTP__F_EXTENSION_LAST = 0x7F
};

enum {
    HKP_HTP__T_DATA = 0x0010,
    HKP_HTP__T_HEARTBEAT = 0x0020,
    HKP_HTP__T_ACK = 0x0021,
    HKP_HTP__T_CLOSE = 0x00FF
};

enum {
    HKP_HTP__ACK_RANGES_MAX = 32,
    HKP_HTP__CLASS_CONTROL = 0,
    HKP_HTP__CLASS_TER = 1,
    HKP_HTP__CLASS_DSM = 3,
    HKP_HTP__CLASS_MAX = 127,
    HKP_HTP__CREDIT_SESSION = 0,
    HKP_HTP__CREDIT_STREAM = 1,
    HKP_HTP__CREDIT_BIDI = 2,
    HKP_HTP__CREDIT_UNI = 3,
    /** sizes of whole frames without data */
    HKP_HTP__STREAM_HEAD = 16,
    HKP_HTP__DATAGRAM_HEAD = 4,
    HKP_HTP__HB_SIZE = 32,
    HKP_HTP__HB_ACK_SIZE = 64,
    HKP_HTP__CLOSE_SIZE = 16,
    /** least plaintext of HEARTBEAT (HTP-8.2) */
    HKP_HTP__HB_PLAIN_MIN = 80
};

/** Highest offset of a stream, inclusive (HTP-10.2). */
#define HKP_HTP__OFFSET_MAX (1ULL << 62)

/** One frame; pointers lead into the plaintext. Which members are set follows from the type; the others are
 * zero, but those of other types from ack on are not set after STREAM. */
struct hkp_htp__frame {
    uint8_t type;
    /** STREAM, DATAGRAM */
    uint8_t cls, fin;
    /** RESET, STOP: code; CLOSE: reason */
    uint16_t code;
    /** STREAM, RESET, STOP, CREDIT */
    uint32_t stream;
    /** STREAM offset, RESET final_offset, CREDIT limit, TOKEN token, CLOSE last_pn */
    uint64_t value;
    /** CREDIT */
    uint8_t kind;
    /** STREAM, DATAGRAM, extension body; PATH_* 8 bytes; REKEY whole frame of 80 bytes */
    const uint8_t *data;
    size_t len;
    /** ACK */
    struct {
        uint64_t largest;
        uint32_t first;
        uint16_t delay_16us;
        uint8_t count, ecn;
        uint32_t ect0, ce;
        /** count x (gap u16, len u16) */
        const uint8_t *ranges;
    } ack;
    /** REKEY */
    struct {
        uint8_t op;
        uint16_t flags;
        uint32_t epoch;
        uint64_t ck_index;
    } rekey;
    /** TOKEN, RETIRE: seq; TOKEN: reset token (16 bytes) in data */
    uint16_t seq;
    /** HB, HB_ACK, CLOSE */
    struct {
        uint8_t mode, nat, energy, load;
        uint16_t interval_s, trust, retry_after_s, port;
        uint64_t t1, t2, t3;
        /** response or challenge, 16 bytes; observed address, 16 bytes */
        const uint8_t *proof, *addr;
    } hb;
};

/**
 * Reads the frame at *pos and moves *pos behind it. HKP_E_HTP_FRAME or HKP_E_HTP_FRAME_TYPE if it is wrong or
 * not allowed at this place of a packet of this type; from_e: the sender is E, whose zero fields are more.
 */
hkp_status hkp_htp__frame_read(const uint8_t *plain, size_t len, size_t *pos, uint16_t ptype, int from_e,
                               struct hkp_htp__frame *frame);

/** Walks the ranges of an ACK, from the highest: *index = 0 before the first; 0 after the last. */
int hkp_htp__frame_ack_range(const struct hkp_htp__frame *frame, unsigned *index, uint64_t *lo, uint64_t *hi);

/** What a whole packet holds. */
struct hkp_htp__frames {
    unsigned count, rekey;
    uint8_t eliciting;
    /** RES is required by HTP-3.2 (a) or (b) */
    uint8_t needs_res;
    /** asks for an ACK at once (HTP-10.4) */
    uint8_t urgent;
    /** holds more than PATH_* and PAD */
    uint8_t other;
};

/** Judges all frames of a packet and what it must hold (HTP-10.1, 10.2), then RES (HTP-3.3 a, b). */
hkp_status hkp_htp__frames_judge(const uint8_t *plain, size_t len, uint16_t ptype, int has_res, int from_e,
                                 struct hkp_htp__frames *all);

/* Writers: dst has room for the frame; the result is its size. Frames with data: the head only. */

size_t hkp_htp__put_stream(uint8_t *dst, uint8_t cls, int fin, uint32_t stream, uint64_t offset,
                           uint16_t len);
size_t hkp_htp__put_datagram(uint8_t *dst, uint8_t cls, uint16_t len);
size_t hkp_htp__put_reset(uint8_t *dst, uint16_t code, uint32_t stream, uint64_t final_offset);
size_t hkp_htp__put_stop(uint8_t *dst, uint16_t code, uint32_t stream);
size_t hkp_htp__put_credit(uint8_t *dst, uint8_t kind, uint32_t stream, uint64_t limit);
size_t hkp_htp__put_path(uint8_t *dst, uint8_t type, const uint8_t data[8]);
size_t hkp_htp__put_token(uint8_t *dst, uint16_t seq, uint64_t token, const uint8_t reset[16]);
size_t hkp_htp__put_retire(uint8_t *dst, uint16_t seq);
size_t hkp_htp__put_hb(uint8_t *dst, const struct hkp_htp__frame *frame);
size_t hkp_htp__put_hb_ack(uint8_t *dst, const struct hkp_htp__frame *frame);
size_t hkp_htp__put_close(uint8_t *dst, uint16_t reason, uint16_t trust, uint16_t retry_after_s,
                          uint64_t last_pn);

#endif
