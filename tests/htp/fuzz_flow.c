/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A flow under a hostile but authenticated peer, a careless application, jumping time and failing memory.
 * The input is a list of steps: op u8, then what the op needs. Nothing may crash, loop or outgrow its bounds.
 */
#include <hookprobe/htp.h>

#include <assert.h>

#include "alloc.h"
#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POOL = 2 * 1024 * 1024, SCRATCH = 4 * 1024 * 1024, TURNS = 2000 };

struct world {
    struct failing heap;
    struct hkp_htp__pools *pools;
    struct hkp_htp__flow *flow;
    hkp_time now;
    uint64_t pn_in, pn_out;
    uint32_t epoch;
    const uint8_t *at;
    size_t left;
};

static int32_t zero_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    memset(dst, 0xA5, len);
    return 0;
}

static uint8_t next(struct world *w) {
    if (w->left == 0) return 0;
    w->left--;
    return *w->at++;
}

static void close_by(struct world *w, hkp_status st) {
    if (st == HKP_OK || st == HKP_E_HTP_LIMIT || st == HKP_E_NOMEM) return;
    assert(st <= HKP_E_HTP_FRAME && st >= HKP_E_HTP_INTERNAL);
    hkp_htp__flow_close(w->flow, w->now, (uint16_t)(HKP_E_HTP_BASE - st), 0);
}

static void packet(struct world *w) {
    static const uint16_t types[4] = {HKP_HTP__T_DATA, HKP_HTP__T_HEARTBEAT, HKP_HTP__T_ACK,
                                      HKP_HTP__T_CLOSE};
    uint8_t kind = next(w);
    size_t len = (size_t)next(w) | (size_t)(next(w) & 7) << 8;
    if (len > w->left) len = w->left;
    w->pn_in += kind >> 4;
    struct hkp_htp__flow_in in = {.pn = w->pn_in++,
                                  .epoch = w->epoch,
                                  .type = types[kind & 3],
                                  .has_res = kind >> 2 & 1,
                                  .plain = w->at,
                                  .plain_len = len,
                                  .datagram_len = len + HKP_HTP__OVERHEAD,
                                  .now = w->now};
    unsigned rekeys;
    close_by(w, hkp_htp__flow_recv(w->flow, &in, &rekeys));
    size_t pos = 0;
    while (rekeys > 0 && hkp_htp__flow_rekey_next(in.plain, len, in.type, &pos) != NULL) rekeys--;
    w->at += len;
    w->left -= len;
}

/* What the sender decides by itself. */
static void sender(struct world *w, uint8_t op) {
    static const uint8_t text[4096];
    uint32_t id = next(w);
    switch (op) {
    case 0:
        (void)hkp_htp__flow_compress(w->flow, id, next(w) % 10);
        break;
    case 1:
        (void)hkp_htp__flow_priority(w->flow, id, next(w) & 7);
        break;
    case 2:
        (void)hkp_htp__flow_deadline(w->flow, id, w->now + next(w) * 10000000U);
        break;
    case 3:
        (void)hkp_htp__flow_datagram_by(w->flow, id & 0x7F, text, next(w) * 5U, w->now + 1000000);
        break;
    default:
        (void)hkp_htp__flow_message_by(w->flow, id, text, next(w) * 16U, 0, w->now + op * 100000000U);
    }
}

static void application(struct world *w, uint8_t op) {
    static const uint8_t text[4096];
    uint32_t id = next(w);
    uint64_t allow[2] = {id, 0};
    static const uint8_t frame[HKP_HTP__REKEY_SIZE] = {HKP_HTP__F_REKEY};
    switch (op) {
    case 4:
        (void)hkp_htp__flow_open(w->flow, id & 0x7F, (int)(id >> 7), id & 7, &id);
        break;
    case 5:
        (void)hkp_htp__flow_message(w->flow, id, text, next(w) * 16U, next(w) == 1);
        break;
    case 6:
        (void)hkp_htp__flow_datagram(w->flow, id & 0x7F, text, next(w) * 5U);
        break;
    case 7:
        (void)hkp_htp__flow_stop(w->flow, id, 64);
        break;
    case 8:
        (void)hkp_htp__flow_reset(w->flow, id, 64);
        break;
    case 9:
        (void)hkp_htp__flow_finish(w->flow, id);
        break;
    case 10:
        hkp_htp__flow_allow(w->flow, allow);
        break;
    case 11:
        hkp_htp__flow_rekey_put(w->flow, frame);
        break;
    case 12:
        w->epoch++;
        break;
    case 13:
        w->heap.left = id == 0 ? -1 : (long)id - 1;
        break;
    case 14:
        hkp_htp__flow_close(w->flow, w->now, (uint16_t)id, 0);
        break;
    default:
        if (id >= 0xE0) {
            sender(w, id & 7);
        } else {
            w->now += (hkp_time)id * id * 1000000U;
        }
    }
}

/* All that the flow wants to do now; each loop must end by itself. */
static void settle(struct world *w) {
    uint8_t dst[1200];
    struct hkp_htp__flow_out out;
    struct hkp_htp__flow_event e;
    unsigned turns = 0;
    if (hkp_htp__flow_wake(w->flow) <= w->now) (void)hkp_htp__flow_tick(w->flow, w->now);
    do {
        struct hkp_htp__flow_slot slot = {.pn = w->pn_out, .epoch = w->epoch, .now = w->now};
        assert(hkp_htp__flow_send(w->flow, &slot, dst, &out) == HKP_OK);
        if (out.type == 0) break;
        struct hkp_htp__frames all;
        assert(hkp_htp__frames_judge(dst, out.len, out.type, out.res, w->flow->is_e, &all) == HKP_OK);
        assert(out.len + HKP_HTP__OVERHEAD + (out.res ? 64U : 0U) <= 1200);
        assert((all.eliciting != 0) == (out.eliciting != 0));
        w->pn_out++;
        assert(++turns < TURNS);
    } while (1);
    do {
        hkp_status st = hkp_htp__flow_event(w->flow, &e);
        close_by(w, st);
        if (st != HKP_OK) break;
        assert(++turns < 2 * TURNS);
    } while (e.kind != HKP_HTP__FLOW_EV_NONE);
    assert(hkp_htp__pools_memory(w->pools) <= POOL + SCRATCH);
    assert(w->flow->stream_count <= 4 * 64 + 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world w = {.heap = {.left = -1}, .now = 1000, .at = data, .left = size};
    struct hkp_mem mem = failing_mem(&w.heap);
    if (hkp_htp__pools_new(&w.pools, &mem, POOL) != HKP_OK) return 0;
    struct hkp_htp__flow_params p = {
        .mem = mem, .rng = {NULL, zero_fill}, .pools = w.pools, .is_e = next(&w) & 1};
    p.allow[0] = p.allow[1] = UINT64_MAX;
    if (hkp_htp__flow_new(&w.flow, &p, w.now) == HKP_OK) {
        while (w.left > 0) {
            uint8_t op = next(&w) & 15;
            if (op < 4) {
                packet(&w);
            } else {
                application(&w, op);
            }
            settle(&w);
        }
        hkp_htp__flow_free(w.flow);
    }
    hkp_htp__pools_free(w.pools);
    assert(w.heap.live == 0);
    return 0;
}
