/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-10.1 and 10.2 against the vectors: every field of every good frame, the result of every bad packet. */
#include <hookprobe/htp.h>

#include "check.h"
#include "libhtp/wire/frames.h"
#include "libter/bytes.h"
#include "vectors.h"

static hkp_status result_of(const char *name) {
    static const struct {
        const char *name;
        hkp_status status;
    } known[] = {{"FRAME", HKP_E_HTP_FRAME},
                 {"FRAME_TYPE", HKP_E_HTP_FRAME_TYPE},
                 {"RES_MISSING", HKP_E_HTP_RES_MISSING}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].status;
    return 1;
}

static void same_bytes(json_t *want, const char *key, const uint8_t *got, size_t len) {
    struct vec_bytes b = vec_hex(want, key);
    CHECK_EQ(len, b.len);
    if (len == b.len) CHECK_MEM(got, b.ptr, len);
    free(b.ptr);
}

static void same_ack(json_t *want, const struct hkp_htp__frame *f) {
    CHECK_EQ((uint64_t)f->ack.delay_16us * 16, vec_u64(want, "delay"));
    json_t *ranges = vec_get(want, "ranges"), *ecn = vec_find(want, "ecn");
    unsigned index = 0;
    uint64_t lo = 0, hi = 0;
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        json_t *r = json_array_get(ranges, i);
        CHECK_EQ(hkp_htp__frame_ack_range(f, &index, &lo, &hi), 1);
        CHECK_EQ(lo, vec_value_u64(json_array_get(r, 0)));
        CHECK_EQ(hi, vec_value_u64(json_array_get(r, 1)));
    }
    CHECK_EQ(hkp_htp__frame_ack_range(f, &index, &lo, &hi), 0);
    CHECK_EQ(f->ack.ecn, ecn != NULL);
    if (ecn == NULL) return;
    CHECK_EQ(f->ack.ect0, vec_value_u64(json_array_get(ecn, 0)));
    CHECK_EQ(f->ack.ce, vec_value_u64(json_array_get(ecn, 1)));
}

static void same_rekey(json_t *want, const struct hkp_htp__frame *f) {
    CHECK_EQ(f->rekey.op, vec_u64(want, "op"));
    CHECK_EQ(f->rekey.flags, vec_u64(want, "flags"));
    CHECK_EQ(f->rekey.epoch, vec_u64(want, "epoch"));
    CHECK_EQ(f->rekey.ck_index, vec_u64(want, "ck"));
    same_bytes(want, "pub", f->data + 16, 32);
    same_bytes(want, "ce", f->data + 48, 32);
}

static void same_heartbeat(json_t *want, const struct hkp_htp__frame *f) {
    CHECK_EQ(f->hb.t1, vec_u64(want, "t1"));
    if (f->type == HKP_HTP__F_HB) {
        CHECK_EQ(f->hb.mode, vec_u64(want, "mode"));
        CHECK_EQ(f->hb.interval_s, vec_u64(want, "interval"));
        CHECK_EQ(f->hb.nat, vec_u64(want, "nat"));
        CHECK_EQ(f->hb.energy, vec_u64(want, "energy"));
        CHECK_EQ(f->hb.load, vec_u64(want, "load"));
        same_bytes(want, "resp", f->hb.proof, 16);
        return;
    }
    CHECK_EQ(f->hb.trust, vec_u64(want, "trust"));
    CHECK_EQ(f->hb.t2, vec_u64(want, "t2"));
    CHECK_EQ(f->hb.t3, vec_u64(want, "t3"));
    CHECK_EQ(f->hb.port, vec_u64(want, "port"));
    same_bytes(want, "chal", f->hb.proof, 16);
    same_bytes(want, "addr", f->hb.addr, 16);
}

static void same_frame(json_t *want, const struct hkp_htp__frame *f) {
    uint8_t be[8];
    CHECK_EQ(f->type, vec_u64(want, "type"));
    switch (f->type) {
    case HKP_HTP__F_ACK:
        same_ack(want, f);
        break;
    case HKP_HTP__F_STREAM:
        CHECK_EQ(f->fin, vec_bool(want, "fin"));
        CHECK_EQ(f->stream, vec_u64(want, "stream"));
        CHECK_EQ(f->value, vec_u64(want, "offset"));
        /* fall through */
    case HKP_HTP__F_DATAGRAM:
        CHECK_EQ(f->cls, vec_u64(want, "cls"));
        /* fall through */
    case HKP_HTP__F_PATH_CHALLENGE:
    case HKP_HTP__F_PATH_RESPONSE:
        same_bytes(want, "data", f->data, f->len);
        break;
    case HKP_HTP__F_RESET:
        CHECK_EQ(f->value, vec_u64(want, "final"));
        /* fall through */
    case HKP_HTP__F_STOP:
        CHECK_EQ(f->code, vec_u64(want, "code"));
        CHECK_EQ(f->stream, vec_u64(want, "stream"));
        break;
    case HKP_HTP__F_CREDIT:
        CHECK_EQ(f->kind, vec_u64(want, "kind"));
        CHECK_EQ(f->stream, vec_u64(want, "stream"));
        CHECK_EQ(f->value, vec_u64(want, "limit"));
        break;
    case HKP_HTP__F_REKEY:
        same_rekey(want, f);
        break;
    case HKP_HTP__F_TOKEN:
        hkp_put_be64(be, f->value);
        same_bytes(want, "token", be, 8);
        same_bytes(want, "reset", f->data, 16);
        /* fall through */
    case HKP_HTP__F_RETIRE:
        CHECK_EQ(f->seq, vec_u64(want, "seq"));
        break;
    case HKP_HTP__F_HB:
    case HKP_HTP__F_HB_ACK:
        same_heartbeat(want, f);
        break;
    case HKP_HTP__F_CLOSE:
        CHECK_EQ(f->code, vec_u64(want, "reason"));
        CHECK_EQ(f->hb.trust, vec_u64(want, "trust"));
        CHECK_EQ(f->hb.retry_after_s, vec_u64(want, "retry"));
        CHECK_EQ(f->value, vec_u64(want, "last"));
        break;
    default:
        if (f->type >= HKP_HTP__F_EXTENSION) same_bytes(want, "body", f->data, f->len);
    }
}

/* Writes the frame again; 0 for those without a writer. */
static size_t write_again(const struct hkp_htp__frame *f, uint8_t *dst) {
    size_t head = 0;
    switch (f->type) {
    case HKP_HTP__F_STREAM:
        head = hkp_htp__put_stream(dst, f->cls, f->fin, f->stream, f->value, (uint16_t)f->len);
        break;
    case HKP_HTP__F_DATAGRAM:
        head = hkp_htp__put_datagram(dst, f->cls, (uint16_t)f->len);
        break;
    case HKP_HTP__F_RESET:
        return hkp_htp__put_reset(dst, f->code, f->stream, f->value);
    case HKP_HTP__F_STOP:
        return hkp_htp__put_stop(dst, f->code, f->stream);
    case HKP_HTP__F_CREDIT:
        return hkp_htp__put_credit(dst, f->kind, f->stream, f->value);
    case HKP_HTP__F_PATH_CHALLENGE:
    case HKP_HTP__F_PATH_RESPONSE:
        return hkp_htp__put_path(dst, f->type, f->data);
    case HKP_HTP__F_HB:
        return hkp_htp__put_hb(dst, f);
    case HKP_HTP__F_HB_ACK:
        return hkp_htp__put_hb_ack(dst, f);
    case HKP_HTP__F_CLOSE:
        return hkp_htp__put_close(dst, f->code, f->hb.trust, f->hb.retry_after_s, f->value);
    default:
        return 0;
    }
    memcpy(dst + head, f->data, f->len);
    return head + f->len;
}

static void every_valid_plaintext_gives_its_frames_field_by_field(void) {
    json_t *valid = vec_get(vec_load("htp/frames.json"), "valid"), *c;
    size_t i;
    json_array_foreach(valid, i, c) {
        int before = check_faults;
        struct vec_bytes plain = vec_hex(c, "plaintext");
        uint16_t ptype = (uint16_t)vec_u64(c, "ptype");
        json_t *frames = vec_get(c, "frames");
        struct hkp_htp__frames all;
        CHECK_EQ(hkp_htp__frames_judge(plain.ptr, plain.len, ptype, 1, 0, &all), HKP_OK);
        CHECK_EQ(all.count, json_array_size(frames));
        size_t pos = 0;
        for (size_t k = 0; k < json_array_size(frames) && pos < plain.len; k++) {
            struct hkp_htp__frame f;
            uint8_t again[2048];
            size_t start = pos;
            CHECK_EQ(hkp_htp__frame_read(plain.ptr, plain.len, &pos, ptype, 0, &f), HKP_OK);
            same_frame(json_array_get(frames, k), &f);
            size_t len = write_again(&f, again);
            if (len != 0) CHECK_EQ(len, pos - start);
            if (len != 0) CHECK_MEM(again, plain.ptr + start, len);
        }
        CHECK_EQ(pos, plain.len);
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
        free(plain.ptr);
    }
    CHECK(i > 0);
}

static void every_malformed_plaintext_gives_its_result(void) {
    json_t *bad = vec_get(vec_load("htp/frames.json"), "malformed"), *c;
    size_t i;
    json_array_foreach(bad, i, c) {
        int before = check_faults;
        struct vec_bytes plain = vec_hex(c, "plaintext");
        struct hkp_htp__frames all;
        CHECK_EQ(hkp_htp__frames_judge(plain.ptr, plain.len, (uint16_t)vec_u64(c, "ptype"),
                                       vec_bool(c, "res"), 0, &all),
                 result_of(vec_text(c, "result")));
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
        free(plain.ptr);
    }
    CHECK(i > 0);
}

/* HTP-10.1, 10.2: fields that only E must send as zero. */
static void zero_fields_of_e_are_refused_from_e_only(void) {
    uint8_t token[28] = {HKP_HTP__F_TOKEN, 0, 0, 1, 9}, ack[64] = {HKP_HTP__F_HB_ACK};
    struct hkp_htp__frames all;
    CHECK_EQ(hkp_htp__frames_judge(token, sizeof token, HKP_HTP__T_DATA, 1, 1, &all), HKP_OK);
    token[27] = 1;
    CHECK_EQ(hkp_htp__frames_judge(token, sizeof token, HKP_HTP__T_DATA, 1, 1, &all), HKP_E_HTP_FRAME);
    CHECK_EQ(hkp_htp__frames_judge(token, sizeof token, HKP_HTP__T_DATA, 1, 0, &all), HKP_OK);
    CHECK_EQ(hkp_htp__frames_judge(ack, sizeof ack, HKP_HTP__T_ACK, 1, 1, &all), HKP_OK);
    ack[2] = 1;
    CHECK_EQ(hkp_htp__frames_judge(ack, sizeof ack, HKP_HTP__T_ACK, 1, 1, &all), HKP_E_HTP_FRAME);
    CHECK_EQ(hkp_htp__frames_judge(ack, sizeof ack, HKP_HTP__T_ACK, 1, 0, &all), HKP_OK);
}

/* HTP-10.1: the first fault in byte order, then what the packet must hold, then RES. */
static void faults_are_named_in_their_order(void) {
    struct hkp_htp__frames all;
    static const uint8_t ter_then_bad[] = {3, 1, 0, 1, 'x', 0x0D},
                         bad_form_then_type[] = {5, 9, 0, 0, 0, 0, 0, 0, 0x0D};
    CHECK_EQ(hkp_htp__frames_judge(ter_then_bad, sizeof ter_then_bad, HKP_HTP__T_DATA, 0, 0, &all),
             HKP_E_HTP_FRAME_TYPE);
    CHECK_EQ(hkp_htp__frames_judge(ter_then_bad, 5, HKP_HTP__T_DATA, 0, 0, &all), HKP_E_HTP_RES_MISSING);
    CHECK_EQ(hkp_htp__frames_judge(ter_then_bad, 5, HKP_HTP__T_DATA, 1, 0, &all), HKP_OK);
    CHECK_EQ(hkp_htp__frames_judge(bad_form_then_type, 9, HKP_HTP__T_DATA, 1, 0, &all), HKP_E_HTP_FRAME);
    static const uint8_t ping[] = {HKP_HTP__F_PING};
    CHECK_EQ(hkp_htp__frames_judge(ping, 1, HKP_HTP__T_HEARTBEAT, 0, 0, &all), HKP_E_HTP_FRAME);
}

int main(void) {
    CASE(every_valid_plaintext_gives_its_frames_field_by_field);
    CASE(every_malformed_plaintext_gives_its_result);
    CASE(zero_fields_of_e_are_refused_from_e_only);
    CASE(faults_are_named_in_their_order);
    return check_done();
}
