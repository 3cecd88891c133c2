/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Deadlines (HTP-10.6): the sender's own. A message that was not acknowledged in time takes its stream with
 * it, because what follows may not overtake it.
 */
#include <hookprobe/htp.h>

#include <assert.h>
#include <string.h>

#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__stream stream;
typedef struct hkp_htp__flow flow_t;

_Static_assert((int)HKP_HTP__DEADLINES == (int)HKP_HTP_DEADLINES_MAX, "what is promised");

static void sooner(flow_t *flow, hkp_time at) {
    if (at < flow->deadline) flow->deadline = at;
}

/* Those no sooner than a later message's say nothing of their own. */
static unsigned left_before(const stream *s, hkp_time at) {
    unsigned n = s->due_count;
    while (n > 0 && s->due[n - 1].at >= at) n--;
    return n;
}

int hkp_htp__deadline_fits(const stream *s, hkp_time at) { return left_before(s, at) < HKP_HTP__DEADLINES; }

void hkp_htp__deadline_put(flow_t *flow, stream *s, hkp_time at) {
    unsigned n = left_before(s, at);
    assert(n < HKP_HTP__DEADLINES);
    s->due[n] = (struct hkp_htp__due){s->tx_end, at};
    s->due_count = (uint8_t)(n + 1);
    sooner(flow, at);
}

void hkp_htp__deadlines_acked(flow_t *flow, stream *s) {
    unsigned gone = 0;
    while (gone < s->due_count && s->due[gone].end <= s->tx_chain.done) gone++;
    if (gone == 0) return;
    s->due_count = (uint8_t)(s->due_count - gone);
    memmove(s->due, s->due + gone, s->due_count * sizeof s->due[0]);
    if (flow->writable_wanted) flow->writable = 1;
}

/* The earliest deadline of the stream; NEVER when it has none or nothing can be given up. */
static hkp_time first_of(const stream *s) {
    hkp_time at = s->due_whole != 0 ? s->due_whole : HKP_TIME_NEVER;
    if (s->tx != HKP_HTP__TX_OPEN) return HKP_TIME_NEVER;
    return s->due_count > 0 && s->due[0].at < at ? s->due[0].at : at;
}

void hkp_htp__deadlines_tick(flow_t *flow) {
    if (flow->now < flow->deadline) return;
    flow->deadline = HKP_TIME_NEVER;
    for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS && flow->table != NULL; i++) {
        for (stream *s = flow->table->buckets[i]; s != NULL; s = s->bucket_next) {
            hkp_time at = first_of(s);
            if (at > flow->now) {
                sooner(flow, at);
            } else {
                hkp_htp__stream_reset_tx(flow, s, HKP_HTP_CODE_EXPIRED);
                hkp_htp__stream_event(flow, s, HKP_HTP__EV_EXPIRED);
            }
        }
    }
}

hkp_status hkp_htp__flow_deadline(flow_t *flow, uint32_t id, hkp_time at) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->tx != HKP_HTP__TX_OPEN) return HKP_E_STATE;
    if (at <= flow->now) return HKP_E_INVAL;
    s->due_whole = at == HKP_TIME_NEVER ? 0 : at;
    sooner(flow, at);
    return HKP_OK;
}
