/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/path/tokens.h"

#include <hookprobe/htp.h>

#include "libhtp/crypto/crypto.h"
#include "libter/bytes.h"

enum { SEEN_BITS = 64, SEQ_LAST = 0xFFFF, TOKEN_SIZE = 28, RETIRE_SIZE = 4 };

typedef struct hkp_htp__tokens tokens;

void hkp_htp__reset_token(const uint8_t key[32], uint64_t token, uint8_t out[16]) {
    uint8_t name[8], full[32];
    hkp_put_be64(name, token);
    hkp_htp__b2(full, key, PARTS(LABEL("HTP1 reset"), {name, 8}));
    memcpy(out, full, 16);
}

void hkp_htp__tokens_init(tokens *t, uint64_t own, uint64_t peer) {
    t->own[0] = own;
    t->peer[0] = peer;
    t->own_set = t->own_used = t->peer_used = 1;
    t->next = 1;
    t->seen = 1;
}

static unsigned count_bits(unsigned bits) {
    unsigned n = 0;
    for (; bits != 0; bits &= bits - 1) n++;
    return n;
}

static int find(const uint64_t *places, uint64_t token) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if (places[i] == token) return i;
    return -1;
}

static int find_seq(const uint64_t *places, const uint16_t *seqs, uint16_t seq) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if (places[i] != 0 && seqs[i] == seq) return i;
    return -1;
}

/* ---- ours ---- */

int hkp_htp__tokens_own(const tokens *t, uint64_t own) { return own == 0 ? -1 : find(t->own, own); }

void hkp_htp__tokens_seen(tokens *t, uint64_t own) {
    const int i = hkp_htp__tokens_own(t, own);
    if (i >= 0) t->own_used |= (uint8_t)(1U << i);
}

int hkp_htp__tokens_wanted(const tokens *t) {
    const unsigned known = count_bits(t->own_set);
    return t->next != 0 && known < HKP_HTP__TOKENS_MAX &&
           known - count_bits(t->own_used) < HKP_HTP__TOKENS_SPARE;
}

void hkp_htp__tokens_add(tokens *t, uint64_t own) {
    const int i = find(t->own, 0);
    t->own[i] = own;
    t->own_seq[i] = t->next;
    t->own_set |= (uint8_t)(1U << i);
    t->own_wait |= (uint8_t)(1U << i);
    t->next = t->next == SEQ_LAST ? 0 : (uint16_t)(t->next + 1);
}

uint64_t hkp_htp__tokens_gone(tokens *t) {
    if (t->own_gone == 0) return 0;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        const uint8_t bit = (uint8_t)(1U << i);
        if (!(t->own_gone & bit)) continue;
        const uint64_t own = t->own[i];
        t->own[i] = 0;
        t->own_set &= (uint8_t)~bit;
        t->own_gone &= (uint8_t)~bit;
        t->own_used &= (uint8_t)~bit;
        t->own_wait &= (uint8_t)~bit;
        return own;
    }
    return 0;
}

hkp_status hkp_htp__tokens_on_retire(tokens *t, const struct hkp_htp__frame *f) {
    if (t->next != 0 && f->seq >= t->next) return HKP_E_HTP_FRAME; /* it was never given */
    const int i = find_seq(t->own, t->own_seq, f->seq);
    if (i >= 0) t->own_gone |= (uint8_t)(1U << i); /* else a late copy */
    return HKP_OK;
}

/* ---- the peer's ---- */

int hkp_htp__tokens_take(tokens *t) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        if (t->peer[i] == 0 || (t->peer_used >> i & 1)) continue;
        t->peer_used |= (uint8_t)(1U << i);
        return i;
    }
    return -1;
}

int hkp_htp__tokens_left(const tokens *t) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if (t->peer[i] != 0 && !(t->peer_used >> i & 1)) return 1;
    return 0;
}

int hkp_htp__tokens_may_retire(const tokens *t) { return t->retired_set != 0xFF; }

void hkp_htp__tokens_retire(tokens *t, int place) {
    int i = 0;
    while (i < HKP_HTP__TOKENS_MAX - 1 && (t->retired_set >> i & 1)) i++;
    t->retired[i] = t->peer_seq[place];
    t->retired_set |= (uint8_t)(1U << i);
    t->retired_wait |= (uint8_t)(1U << i);
    t->peer[place] = 0;
    t->peer_used &= (uint8_t) ~(1U << place);
    if (t->reset != NULL) sodium_memzero(t->reset[place], 16);
}

/* 1: this seq came already, or so long ago that nobody knows. */
static int is_late(const tokens *t, uint16_t seq) {
    if (seq > t->top) return 0;
    const unsigned back = (unsigned)t->top - seq;
    return back >= SEEN_BITS || (t->seen >> back & 1);
}

static void mark(tokens *t, uint16_t seq) {
    if (seq > t->top) {
        const unsigned ahead = (unsigned)seq - t->top;
        t->seen = t->seen << ahead | 1;
        t->top = seq;
    } else {
        t->seen |= UINT64_C(1) << (t->top - seq);
    }
}

hkp_status hkp_htp__tokens_on_token(tokens *t, const struct hkp_htp__frame *f) {
    if (f->seq == 0) return HKP_E_HTP_FRAME;
    if (is_late(t, f->seq)) {
        const int i = find_seq(t->peer, t->peer_seq, f->seq);
        return i >= 0 && t->peer[i] != f->value ? HKP_E_HTP_FRAME : HKP_OK;
    }
    /* At most 8 are known, so no more than 8 can be on their way; and each token has one number. */
    const int i = find(t->peer, 0);
    if (f->seq > t->top + HKP_HTP__TOKENS_MAX || i < 0 || find(t->peer, f->value) >= 0)
        return HKP_E_HTP_FRAME;
    mark(t, f->seq);
    t->peer[i] = f->value;
    t->peer_seq[i] = f->seq;
    if (t->reset != NULL) memcpy(t->reset[i], f->data, 16);
    return HKP_OK;
}

/* ---- frames that go out ---- */

static int lowest(uint8_t bits) {
    int i = 0;
    while (!(bits >> i & 1)) i++;
    return i;
}

size_t hkp_htp__tokens_write(tokens *t, uint8_t *dst, size_t room, uint8_t *type, uint16_t *seq) {
    if (t->retired_wait != 0) {
        if (room < RETIRE_SIZE) return 0;
        const int i = lowest(t->retired_wait);
        t->retired_wait &= (uint8_t) ~(1U << i);
        *type = HKP_HTP__F_RETIRE;
        *seq = t->retired[i];
        return hkp_htp__put_retire(dst, *seq);
    }
    if (t->own_wait == 0 || room < TOKEN_SIZE) return 0;
    const int i = lowest(t->own_wait);
    uint8_t reset[16] = {0};
    t->own_wait &= (uint8_t) ~(1U << i);
    if (t->reset_key != NULL) hkp_htp__reset_token(t->reset_key, t->own[i], reset);
    *type = HKP_HTP__F_TOKEN;
    *seq = t->own_seq[i];
    return hkp_htp__put_token(dst, *seq, t->own[i], reset);
}

static int retired_place(const tokens *t, uint16_t seq) {
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if ((t->retired_set >> i & 1) && t->retired[i] == seq) return i;
    return -1;
}

void hkp_htp__tokens_acked(tokens *t, uint8_t type, uint16_t seq) {
    const int i = type == HKP_HTP__F_RETIRE ? retired_place(t, seq) : find_seq(t->own, t->own_seq, seq);
    if (i < 0) return;
    const uint8_t rest = (uint8_t) ~(1U << i);
    if (type == HKP_HTP__F_RETIRE) {
        t->retired_set &= rest;
        t->retired_wait &= rest;
    } else {
        t->own_wait &= rest;
    }
}

void hkp_htp__tokens_lost(tokens *t, uint8_t type, uint16_t seq) {
    const int i = type == HKP_HTP__F_RETIRE ? retired_place(t, seq) : find_seq(t->own, t->own_seq, seq);
    if (i >= 0) *(type == HKP_HTP__F_RETIRE ? &t->retired_wait : &t->own_wait) |= (uint8_t)(1U << i);
}
