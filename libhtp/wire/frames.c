/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/wire/frames.h"

#include <hookprobe/htp.h>

#include "libter/bytes.h"

/* Packets a frame may travel in (HTP-10.2, column In). */
enum { IN_D = 1, IN_H = 2, IN_K = 4, IN_C = 8, IN_ALL = 15 };

/* Least size of each frame, where it may be, and whether it elicits an ACK; size 0: unknown type. */
static const struct {
    uint8_t size, in, eliciting;
} form_of[0x13] = {
    [HKP_HTP__F_PAD] = {1, IN_ALL, 0},
    [HKP_HTP__F_ACK] = {16, IN_D | IN_H | IN_K, 0},
    [HKP_HTP__F_STREAM] = {HKP_HTP__STREAM_HEAD, IN_D, 1},
    [HKP_HTP__F_DATAGRAM] = {HKP_HTP__DATAGRAM_HEAD, IN_D, 1},
    [HKP_HTP__F_RESET] = {16, IN_D, 1},
    [HKP_HTP__F_STOP] = {8, IN_D, 1},
    [HKP_HTP__F_CREDIT] = {16, IN_D | IN_H, 1},
    [HKP_HTP__F_PATH_CHALLENGE] = {9, IN_D | IN_H, 1},
    [HKP_HTP__F_PATH_RESPONSE] = {9, IN_D | IN_H, 1},
    [HKP_HTP__F_PING] = {1, IN_D | IN_H, 1},
    [HKP_HTP__F_REKEY] = {80, IN_D, 1},
    [HKP_HTP__F_TOKEN] = {28, IN_D | IN_H, 1},
    [HKP_HTP__F_RETIRE] = {4, IN_D | IN_H, 1},
    [HKP_HTP__F_HB] = {HKP_HTP__HB_SIZE, IN_H, 1},
    [HKP_HTP__F_HB_ACK] = {HKP_HTP__HB_ACK_SIZE, IN_K, 0},
    [HKP_HTP__F_CLOSE] = {HKP_HTP__CLOSE_SIZE, IN_C, 0},
};

static unsigned place_of(uint16_t ptype) {
    switch (ptype) {
    case HKP_HTP__T_DATA:
        return IN_D;
    case HKP_HTP__T_HEARTBEAT:
        return IN_H;
    case HKP_HTP__T_ACK:
        return IN_K;
    default:
        return IN_C;
    }
}

static int is_extension(uint8_t type) {
    return type >= HKP_HTP__F_EXTENSION && type <= HKP_HTP__F_EXTENSION_LAST;
}

/* Each reader gets the frame's bytes from its type on, at least the least size of the form; it returns the
 * size of the whole frame, or 0 if a field is wrong or the frame runs past the end. */

static size_t read_ack(const uint8_t *p, size_t left, struct hkp_htp__frame *f) {
    uint8_t count = p[1];
    size_t size = 16 + 4U * (count & 0x3F) + ((count & 0x80) != 0 ? 8 : 0);
    if ((count & 0x40) != 0 || (count & 0x3F) > HKP_HTP__ACK_RANGES_MAX || size > left) return 0;
    f->ack.count = count & 0x3F;
    f->ack.ecn = count >> 7;
    f->ack.delay_16us = hkp_be16(p + 2);
    f->ack.largest = hkp_be64(p + 4);
    f->ack.first = hkp_be32(p + 12);
    f->ack.ranges = p + 16;
    if (f->ack.first == 0 || f->ack.first - 1 > f->ack.largest) return 0;
    uint64_t lo = f->ack.largest - (f->ack.first - 1);
    for (unsigned i = 0; i < f->ack.count; i++) {
        uint16_t gap = hkp_be16(p + 16 + 4 * i), len = hkp_be16(p + 18 + 4 * i);
        if (gap == 0 || len == 0 || lo < (uint64_t)gap + len) return 0;
        lo -= (uint64_t)gap + len;
    }
    if (f->ack.ecn != 0) {
        f->ack.ect0 = hkp_be32(p + size - 8);
        f->ack.ce = hkp_be32(p + size - 4);
    }
    return size;
}

static size_t read_stream(const uint8_t *p, size_t left, struct hkp_htp__frame *f) {
    f->cls = p[1] & 0x7F;
    f->fin = p[1] >> 7;
    f->stream = hkp_be32(p + 2);
    f->value = hkp_be64(p + 6);
    f->len = hkp_be16(p + 14);
    f->data = p + HKP_HTP__STREAM_HEAD;
    if (f->len > left - HKP_HTP__STREAM_HEAD || (f->len == 0 && f->fin == 0)) return 0;
    if (f->value > HKP_HTP__OFFSET_MAX || f->len > HKP_HTP__OFFSET_MAX - f->value) return 0;
    return HKP_HTP__STREAM_HEAD + f->len;
}

static size_t read_datagram(const uint8_t *p, size_t left, struct hkp_htp__frame *f) {
    f->cls = p[1];
    f->len = hkp_be16(p + 2);
    f->data = p + HKP_HTP__DATAGRAM_HEAD;
    if ((f->cls & 0x80) != 0 || f->len == 0 || f->len > left - HKP_HTP__DATAGRAM_HEAD) return 0;
    return HKP_HTP__DATAGRAM_HEAD + f->len;
}

static size_t read_reset(const uint8_t *p, struct hkp_htp__frame *f) {
    f->code = hkp_be16(p + 2);
    f->stream = hkp_be32(p + 4);
    f->value = hkp_be64(p + 8);
    return p[1] == 0 && f->value <= HKP_HTP__OFFSET_MAX ? 16 : 0;
}

static size_t read_credit(const uint8_t *p, struct hkp_htp__frame *f) {
    f->kind = p[1];
    f->stream = hkp_be32(p + 4);
    f->value = hkp_be64(p + 8);
    if (f->kind > HKP_HTP__CREDIT_UNI || hkp_be16(p + 2) != 0) return 0;
    return f->stream == 0 || f->kind == HKP_HTP__CREDIT_STREAM ? 16 : 0;
}

static size_t read_rekey(const uint8_t *p, struct hkp_htp__frame *f) {
    f->rekey.op = p[1];
    f->rekey.flags = hkp_be16(p + 2);
    f->rekey.epoch = hkp_be32(p + 4);
    f->rekey.ck_index = hkp_be64(p + 8);
    f->data = p;
    f->len = 80;
    if (f->rekey.op > 2 || f->rekey.flags > 1) return 0;
    if (f->rekey.op == 0 && (f->rekey.flags != 0 || !hkp_is_zero(p + 8, 72))) return 0;
    if (f->rekey.op == 1 && !hkp_is_zero(p + 48, 32)) return 0;
    return 80;
}

static size_t read_token(const uint8_t *p, int from_e, struct hkp_htp__frame *f) {
    f->seq = hkp_be16(p + 2);
    f->value = hkp_be64(p + 4);
    f->data = p + 12;
    f->len = 16;
    if (p[1] != 0 || f->value == 0) return 0;
    return from_e && !hkp_is_zero(f->data, 16) ? 0 : 28;
}

static size_t read_hb(const uint8_t *p, struct hkp_htp__frame *f) {
    f->hb.mode = p[1];
    f->hb.interval_s = hkp_be16(p + 2);
    f->hb.nat = p[4];
    f->hb.energy = p[5];
    f->hb.load = p[6];
    f->hb.t1 = hkp_be64(p + 8);
    f->hb.proof = p + 16;
    if (f->hb.interval_s == 0 || (f->hb.energy > 100 && f->hb.energy != 255) || f->hb.load > 100) return 0;
    return p[7] == 0 ? HKP_HTP__HB_SIZE : 0;
}

static size_t read_hb_ack(const uint8_t *p, int from_e, struct hkp_htp__frame *f) {
    f->hb.trust = hkp_be16(p + 2);
    f->hb.t1 = hkp_be64(p + 4);
    f->hb.t2 = hkp_be64(p + 12);
    f->hb.t3 = hkp_be64(p + 20);
    f->hb.proof = p + 28;
    f->hb.addr = p + 44;
    f->hb.port = hkp_be16(p + 60);
    if (p[1] != 0 || hkp_be16(p + 62) != 0 || (from_e && f->hb.trust != 0)) return 0;
    return HKP_HTP__HB_ACK_SIZE;
}

static size_t read_close(const uint8_t *p, struct hkp_htp__frame *f) {
    f->code = hkp_be16(p + 2);
    f->hb.trust = hkp_be16(p + 4);
    f->hb.retry_after_s = hkp_be16(p + 6);
    f->value = hkp_be64(p + 8);
    return p[1] == 0 ? HKP_HTP__CLOSE_SIZE : 0;
}

static size_t read_extension(const uint8_t *p, size_t left, struct hkp_htp__frame *f) {
    if (left < 4) return 0;
    f->len = hkp_be16(p + 2);
    f->data = p + 4;
    return p[1] == 0 && f->len <= left - 4 ? 4 + f->len : 0;
}

static size_t read_body(const uint8_t *p, size_t left, int from_e, struct hkp_htp__frame *f) {
    switch (f->type) {
    case HKP_HTP__F_PAD:
        return hkp_is_zero(p, left) ? left : 0;
    case HKP_HTP__F_ACK:
        return read_ack(p, left, f);
    case HKP_HTP__F_STREAM:
        return read_stream(p, left, f);
    case HKP_HTP__F_DATAGRAM:
        return read_datagram(p, left, f);
    case HKP_HTP__F_RESET:
        return read_reset(p, f);
    case HKP_HTP__F_STOP:
        f->code = hkp_be16(p + 2);
        f->stream = hkp_be32(p + 4);
        return p[1] == 0 ? 8 : 0;
    case HKP_HTP__F_CREDIT:
        return read_credit(p, f);
    case HKP_HTP__F_PATH_CHALLENGE:
    case HKP_HTP__F_PATH_RESPONSE:
        f->data = p + 1;
        f->len = 8;
        return 9;
    case HKP_HTP__F_REKEY:
        return read_rekey(p, f);
    case HKP_HTP__F_TOKEN:
        return read_token(p, from_e, f);
    case HKP_HTP__F_RETIRE:
        f->seq = hkp_be16(p + 2);
        return p[1] == 0 ? 4 : 0;
    case HKP_HTP__F_HB:
        return read_hb(p, f);
    case HKP_HTP__F_HB_ACK:
        return read_hb_ack(p, from_e, f);
    case HKP_HTP__F_CLOSE:
        return read_close(p, f);
    default:
        return 1; /* PING */
    }
}

hkp_status hkp_htp__frame_read(const uint8_t *plain, size_t len, size_t *pos, uint16_t ptype, int from_e,
                               struct hkp_htp__frame *frame) {
    if (*pos >= len) return HKP_E_HTP_FRAME;
    const uint8_t *p = plain + *pos;
    size_t left = len - *pos, size;
    /* Most frames are data, which fill the first part alone. */
    memset(frame, 0, p[0] == HKP_HTP__F_STREAM ? offsetof(struct hkp_htp__frame, ack) : sizeof *frame);
    frame->type = p[0];
    if (is_extension(p[0])) {
        size = read_extension(p, left, frame);
    } else {
        if (p[0] >= sizeof form_of / sizeof form_of[0] || (form_of[p[0]].in & place_of(ptype)) == 0)
            return HKP_E_HTP_FRAME_TYPE;
        /* HB, HB_ACK and CLOSE stand first, so a second one is at a wrong place, too. */
        if (p[0] >= HKP_HTP__F_HB && *pos != 0) return HKP_E_HTP_FRAME;
        size = left >= form_of[p[0]].size ? read_body(p, left, from_e, frame) : 0;
    }
    if (size == 0) return HKP_E_HTP_FRAME;
    *pos += size;
    return HKP_OK;
}

int hkp_htp__frame_ack_range(const struct hkp_htp__frame *frame, unsigned *index, uint64_t *lo,
                             uint64_t *hi) {
    if (*index > frame->ack.count) return 0;
    if (*index == 0) {
        *hi = frame->ack.largest;
        *lo = *hi - (frame->ack.first - 1);
    } else {
        const uint8_t *r = frame->ack.ranges + 4U * (*index - 1);
        *hi = *lo - hkp_be16(r) - 1;
        *lo = *hi - hkp_be16(r + 2) + 1;
    }
    (*index)++;
    return 1;
}

static int is_urgent(const struct hkp_htp__frame *f) {
    switch (f->type) {
    case HKP_HTP__F_STREAM:
        return f->fin;
    case HKP_HTP__F_HB:
    case HKP_HTP__F_REKEY:
    case HKP_HTP__F_PATH_CHALLENGE:
    case HKP_HTP__F_PATH_RESPONSE:
        return 1;
    default:
        return 0;
    }
}

hkp_status hkp_htp__frames_judge(const uint8_t *plain, size_t len, uint16_t ptype, int has_res, int from_e,
                                 struct hkp_htp__frames *all) {
    struct hkp_htp__frame f;
    size_t pos = 0;
    memset(all, 0, sizeof *all);
    if (len == 0) return HKP_E_HTP_FRAME;
    while (pos < len) {
        hkp_status st = hkp_htp__frame_read(plain, len, &pos, ptype, from_e, &f);
        if (st != HKP_OK) return st;
        all->count++;
        all->eliciting |= is_extension(f.type) ? 1 : form_of[f.type].eliciting;
        all->urgent |= (uint8_t)is_urgent(&f);
        all->rekey += f.type == HKP_HTP__F_REKEY;
        all->other |= f.type != HKP_HTP__F_PAD && f.type != HKP_HTP__F_PATH_CHALLENGE &&
                      f.type != HKP_HTP__F_PATH_RESPONSE;
        if (f.type == HKP_HTP__F_REKEY || f.type == HKP_HTP__F_HB || f.type == HKP_HTP__F_HB_ACK ||
            ((f.type == HKP_HTP__F_STREAM || f.type == HKP_HTP__F_DATAGRAM) && f.cls == HKP_HTP__CLASS_TER))
            all->needs_res = 1;
    }
    if (ptype == HKP_HTP__T_HEARTBEAT && plain[0] != HKP_HTP__F_HB) return HKP_E_HTP_FRAME;
    if (ptype == HKP_HTP__T_CLOSE && plain[0] != HKP_HTP__F_CLOSE) return HKP_E_HTP_FRAME;
    return all->needs_res && !has_res ? HKP_E_HTP_RES_MISSING : HKP_OK;
}

size_t hkp_htp__put_stream(uint8_t *dst, uint8_t cls, int fin, uint32_t stream, uint64_t offset,
                           uint16_t len) {
    dst[0] = HKP_HTP__F_STREAM;
    dst[1] = (uint8_t)(cls | (fin ? 0x80 : 0));
    hkp_put_be32(dst + 2, stream);
    hkp_put_be64(dst + 6, offset);
    hkp_put_be16(dst + 14, len);
    return HKP_HTP__STREAM_HEAD;
}

size_t hkp_htp__put_datagram(uint8_t *dst, uint8_t cls, uint16_t len) {
    dst[0] = HKP_HTP__F_DATAGRAM;
    dst[1] = cls;
    hkp_put_be16(dst + 2, len);
    return HKP_HTP__DATAGRAM_HEAD;
}

size_t hkp_htp__put_reset(uint8_t *dst, uint16_t code, uint32_t stream, uint64_t final_offset) {
    dst[0] = HKP_HTP__F_RESET;
    dst[1] = 0;
    hkp_put_be16(dst + 2, code);
    hkp_put_be32(dst + 4, stream);
    hkp_put_be64(dst + 8, final_offset);
    return 16;
}

size_t hkp_htp__put_stop(uint8_t *dst, uint16_t code, uint32_t stream) {
    dst[0] = HKP_HTP__F_STOP;
    dst[1] = 0;
    hkp_put_be16(dst + 2, code);
    hkp_put_be32(dst + 4, stream);
    return 8;
}

size_t hkp_htp__put_credit(uint8_t *dst, uint8_t kind, uint32_t stream, uint64_t limit) {
    dst[0] = HKP_HTP__F_CREDIT;
    dst[1] = kind;
    hkp_put_be16(dst + 2, 0);
    hkp_put_be32(dst + 4, stream);
    hkp_put_be64(dst + 8, limit);
    return 16;
}

size_t hkp_htp__put_path(uint8_t *dst, uint8_t type, const uint8_t data[8]) {
    dst[0] = type;
    memcpy(dst + 1, data, 8);
    return 9;
}

size_t hkp_htp__put_token(uint8_t *dst, uint16_t seq, uint64_t token, const uint8_t reset[16]) {
    dst[0] = HKP_HTP__F_TOKEN;
    dst[1] = 0;
    hkp_put_be16(dst + 2, seq);
    hkp_put_be64(dst + 4, token);
    memcpy(dst + 12, reset, 16);
    return 28;
}

size_t hkp_htp__put_retire(uint8_t *dst, uint16_t seq) {
    dst[0] = HKP_HTP__F_RETIRE;
    dst[1] = 0;
    hkp_put_be16(dst + 2, seq);
    return 4;
}

size_t hkp_htp__put_hb(uint8_t *dst, const struct hkp_htp__frame *frame) {
    dst[0] = HKP_HTP__F_HB;
    dst[1] = frame->hb.mode;
    hkp_put_be16(dst + 2, frame->hb.interval_s);
    dst[4] = frame->hb.nat;
    dst[5] = frame->hb.energy;
    dst[6] = frame->hb.load;
    dst[7] = 0;
    hkp_put_be64(dst + 8, frame->hb.t1);
    memcpy(dst + 16, frame->hb.proof, 16);
    return HKP_HTP__HB_SIZE;
}

size_t hkp_htp__put_hb_ack(uint8_t *dst, const struct hkp_htp__frame *frame) {
    dst[0] = HKP_HTP__F_HB_ACK;
    dst[1] = 0;
    hkp_put_be16(dst + 2, frame->hb.trust);
    hkp_put_be64(dst + 4, frame->hb.t1);
    hkp_put_be64(dst + 12, frame->hb.t2);
    hkp_put_be64(dst + 20, frame->hb.t3);
    memcpy(dst + 28, frame->hb.proof, 16);
    memcpy(dst + 44, frame->hb.addr, 16);
    hkp_put_be16(dst + 60, frame->hb.port);
    hkp_put_be16(dst + 62, 0);
    return HKP_HTP__HB_ACK_SIZE;
}

size_t hkp_htp__put_close(uint8_t *dst, uint16_t reason, uint16_t trust, uint16_t retry_after_s,
                          uint64_t last_pn) {
    dst[0] = HKP_HTP__F_CLOSE;
    dst[1] = 0;
    hkp_put_be16(dst + 2, reason);
    hkp_put_be16(dst + 4, trust);
    hkp_put_be16(dst + 6, retry_after_s);
    hkp_put_be64(dst + 8, last_pn);
    return HKP_HTP__CLOSE_SIZE;
}
