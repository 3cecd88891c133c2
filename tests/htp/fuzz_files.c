/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Transfers at both ends, with messages of an attacker between those of the library. The input: steps of an
 * op u8 (low 4 bits; bit 7: E does it, else V) and what it needs. Whatever comes, sessions live, memory and
 * handles are given back, and at the end a transfer works.
 */
#include <assert.h>

#include "files_pair.h"
#include "libhtp/files/file_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 60, STREAMS = 24 };

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *in) {
    if (in->left == 0) return 0;
    in->left--;
    return *in->at++;
}

static uint32_t number(struct input *in, unsigned bytes) {
    uint32_t v = 0;
    while (bytes-- > 0) v = v << 8 | next(in);
    return v;
}

static void inject(struct files_pair *fp, int side, uint8_t where, const uint8_t *msg, size_t len) {
    const struct fp_side *s = &fp->side[side];
    uint32_t stream = (uint32_t)(where % STREAMS) * 4 + (where >> 6 & 1);
    if (where & 128)
        if (hkp_htp_stream_open(s->ep, s->session, HKP_HTP_STREAM_FILE, where >> 5 & 1, 6, &stream) != HKP_OK)
            return;
    (void)!hkp_htp_stream_send(s->ep, s->session, stream, msg, len, where >> 4 & 1);
}

/* Bytes of the input as they are. */
static void inject_bytes(struct files_pair *fp, int side, struct input *in) {
    const uint8_t where = next(in);
    size_t len = next(in);
    if (len > in->left) len = in->left;
    inject(fp, side, where, in->at, len);
    in->at += len;
    in->left -= len;
}

/* A message that has its form, with fields of the input. */
static void inject_message(struct files_pair *fp, int side, struct input *in) {
    static const char *const paths[] = {"a.log", "new.log", "d/b.log", "/", "..", "d"};
    static uint8_t out[HKP_HTP__FILE_MESSAGE + 4096];
    const uint8_t where = next(in);
    struct hkp_htp__file_msg m = {.op = (uint8_t)(0x30 + next(in) % 9), .flags = next(in)};
    m.index = (uint16_t)(m.op == HKP_HTP__FILE_CHUNK ? next(in) : 0);
    m.id = next(in);
    m.total = next(in) % 8;
    m.size = number(in, 2) * (m.flags & 2 ? 1U : 16U);
    m.flags &= 0xFD;
    m.chunk_size = 1024U << next(in) % 7;
    m.first = next(in) % 8;
    m.kind = 1 + (m.first == 3);
    m.code = (uint8_t)(1 + m.first * 2);
    m.count = 1 + m.first % 2;
    const char *path = paths[next(in) % 6];
    m.path = (const uint8_t *)path;
    m.path_len = strlen(path);
    m.data = out;
    size_t len = hkp_htp__file_write(out, &m, side == 1);
    const size_t data = m.op == HKP_HTP__FILE_CHUNK ? number(in, 2) % 4096 : 0;
    memset(out + len, 0, data);
    inject(fp, side, where, out, len + data);
}

static void start(struct files_pair *fp, int side, struct input *in) {
    static const char *const paths[] = {"a.log", "new.log", "d/b.log", "big.log"};
    struct hkp_htp_file_request r =
        fp_request(fp, side, 0x30 + next(in) % 6, paths[next(in) % 4], paths[next(in) % 4]);
    r.flags = next(in);
    r.chunk_size = 1024;
    if (r.operation == HKP_HTP_FILE_READ) r.local_flags = HKP_HTP_STORE_OVERWRITE;
    (void)!hkp_htp_files_start(fp->side[side].files, fp->p.now, fp->side[side].session, &r, NULL);
}

static void disturb(struct files_pair *fp, int side, struct input *in) {
    struct fp_side *s = &fp->side[side];
    const uint8_t what = next(in);
    s->store.fail_ops = what;
    s->store.fail_in = next(in) % 8;
    s->store.fail_code = 1 + what % 16;
    s->store.slow = what & 1;
    s->store.lazy = what >> 1 & 1;
    s->store.lies = what >> 2 & 1;
}

static void lose(struct files_pair *fp, int side) {
    if (fp->side[side].session == 0) return;
    (void)!hkp_htp_session_close(fp->side[side].ep, fp->p.now, fp->side[side].session, HKP_HTP_REASON_DONE);
    fp_settle(fp);
    fp_run(fp, HKP_HTP__SEC);
    (void)!pair_connect(&fp->p);
    fp_run(fp, HKP_HTP__SEC);
}

static void one(struct files_pair *fp, struct input *in) {
    const uint8_t op = next(in);
    const int side = op >> 7;
    struct fp_side *s = &fp->side[side];
    switch (op & 15) {
    case 0:
    case 1:
        inject_bytes(fp, side, in);
        break;
    case 2:
    case 3:
    case 4:
        inject_message(fp, side, in);
        break;
    case 5:
    case 6:
        start(fp, side, in);
        break;
    case 7:
        disturb(fp, side, in);
        break;
    case 8:
        (void)!hkp_htp_files_cancel(s->files, fp->p.now, next(in));
        break;
    case 9:
        (void)!hkp_htp_stream_reset(s->ep, s->session, (uint32_t)next(in) % STREAMS * 4, 0);
        break;
    case 10:
        (void)!hkp_htp_stream_stop(s->ep, s->session, (uint32_t)next(in) % STREAMS * 4, 0);
        break;
    case 11:
        lose(fp, side);
        break;
    case 12:
        s->heap.left = next(in) % 16;
        break;
    case 13:
        s->heap.left = -1;
        fp_grant(fp, side, next(in) & 127);
        break;
    case 14:
        fp_run(fp, (hkp_time)next(in) * 200 * HKP_HTP__MS);
        break;
    default:
        fp_settle(fp);
    }
}

/* However it went: what is asked now is done. */
static void at_last(struct files_pair *fp) {
    for (int i = 0; i < 2; i++) {
        fp->side[i].heap.left = -1;
        fp->side[i].store.fail_ops = 0;
        fp->side[i].store.slow = fp->side[i].store.lies = 0;
        fp_grant(fp, i, 127);
    }
    fp_run(fp, 320 * HKP_HTP__SEC); /* every wait has an end */
    for (int i = 0; i < 2; i++) {
        assert(fp->side[i].session != 0);
        assert(mem_open_count(&fp->side[i].store) == 0);
    }
    fp->side[0].ended = 0;
    mem_write(&fp->side[0].store, "last.log", "last", 4);
    assert(fp_put(fp, "last.log", "last.log", HKP_HTP_FILE_OVERWRITE) == HKP_HTP_FILE_OK);
    assert(mem_has(&fp->side[1].store, "last.log", "last", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t big[200000];
    struct input in = {data, size};
    struct files_pair *fp = fp_new();
    for (int i = 0; i < 2; i++) {
        mem_write(&fp->side[i].store, "a.log", "some content", 12);
        mem_folder(&fp->side[i].store, "d");
        mem_write(&fp->side[i].store, "d/b.log", "b", 1);
        mem_write(&fp->side[i].store, "big.log", big, sizeof big);
    }
    for (int i = 0; i < STEPS && in.left > 0; i++) one(fp, &in);
    at_last(fp);
    fp_free(fp);
    assert(check_faults == 0);
    return 0;
}
