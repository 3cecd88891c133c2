/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Key epochs of a session: when a rekey is due, its two frames, and what is erased when (HTP-6.2 to 6.4). */
#include "libhtp/endpoint.h"
#include "libhtp/trace/trace.h"
#include "libter/bytes.h"
#include "libter/options.h"

enum {
    OP_PLEASE = 0,
    OP_REQUEST = 1,
    OP_ANSWER = 2,
    OP_AT = 1,
    FLAGS_AT = 2,
    EPOCH_AT = 4,
    INDEX_AT = 8,
    PUBLIC_AT = 16,
    CE_AT = 48
};

#define DUE_PACKETS (UINT64_C(1) << 20)
#define DUE_BYTES (UINT64_C(1) << 36)
/* V leaves the clock to E and asks only when E did not come for this long. */
#define PATIENCE (10 * HKP_HTP__SEC)
#define OLD_LEAST (2 * HKP_HTP__SEC)
#define OLD_MOST (5 * HKP_HTP__SEC)

static struct hkp_htp__epoch_secret *current(struct hkp_htp__session *s) { return s->epochs[s->epoch & 1]; }
/* The one before or the one to come; NULL most of the time. */
static struct hkp_htp__epoch_secret *other(struct hkp_htp__session *s) { return s->epochs[~s->epoch & 1]; }

/* ---- room: there is some only while it is needed ---- */

struct hkp_htp__epoch_secret *hkp_htp__epoch_make(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                                  uint32_t n) {
    struct hkp_htp__epoch_secret **e = &s->epochs[n & 1];
    if (*e == NULL) *e = hkp_mem_alloc(&ep->opt.secret_mem, sizeof **e);
    return *e;
}

static void wipe(struct hkp_htp_endpoint *ep, struct hkp_htp__epoch_secret *e) {
    for (int i = 0; i < 2; i++) hkp_htp__cipher_forget(&ep->ciphers, e->key[i]);
    hkp_htp__neural_drop(&e->neural);
    sodium_memzero(e, sizeof *e);
}

static void erase(struct hkp_htp_endpoint *ep, struct hkp_htp__epoch_secret **e) {
    if (*e == NULL) return;
    wipe(ep, *e);
    hkp_mem_free(&ep->opt.secret_mem, *e, sizeof **e);
    *e = NULL;
}

static void forget_rekey(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->rekey == NULL) return;
    if (s->flow != NULL) hkp_htp__flow_rekey_withdraw(s->flow);
    sodium_memzero(s->rekey, sizeof *s->rekey);
    hkp_mem_free(&ep->opt.secret_mem, s->rekey, sizeof *s->rekey);
    s->rekey = NULL;
}

void hkp_htp__epochs_erase(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    for (int i = 0; i < 2; i++) erase(ep, &s->epochs[i]);
    forget_rekey(ep, s);
}

/* Room for a rekey and the keys that it makes. */
static int make_room(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->rekey == NULL) s->rekey = hkp_mem_alloc(&ep->opt.secret_mem, sizeof *s->rekey);
    return s->rekey != NULL && hkp_htp__epoch_make(ep, s, s->epoch + 1) != NULL;
}

/* What was reserved and found no use. */
static void give_room_back(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->rekey == NULL || s->rekey->active) return;
    forget_rekey(ep, s);
    if (other(s) != NULL && !other(s)->live) erase(ep, &s->epochs[~s->epoch & 1]);
}

int hkp_htp__rekey_reserve(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t *plain,
                           size_t len, uint16_t type) {
    size_t pos = 0;
    const uint8_t *frame;
    while ((frame = hkp_htp__flow_rekey_next(plain, len, type, &pos)) != NULL) {
        if (hkp_be32(frame + EPOCH_AT) != s->epoch + 1 || make_room(ep, s)) continue;
        give_room_back(ep, s);
        return 0;
    }
    return 1;
}

/* ---- when, and the frames ---- */

static int due(const struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s) {
    const struct hkp_htp__epoch_secret *e = s->epochs[s->epoch & 1];
    const hkp_time interval = s->rekey_s * HKP_HTP__SEC + (s->role == HKP_HTP_ROLE_V ? PATIENCE : 0);
    return e->sealed >= DUE_PACKETS || e->opened >= DUE_PACKETS || e->bytes >= DUE_BYTES ||
           ep->now - e->since >= interval;
}

/* The neural inputs of a commit, pinned; nothing in mode N. */
static hkp_status pin(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, uint64_t ck_index,
                      struct hkp_htp__neural_secret *out) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    memset(out, 0, sizeof *out);
    if (s->mode == HKP_HTP_MODE_N) return HKP_OK;
    const uint32_t side = s->role == HKP_HTP_ROLE_E ? HKP_HTP_SIDE_OWN : HKP_HTP_SIDE_REPLICA;
    if (r->neural(r->user, s->peer, side, ck_index, &out->in) != HKP_OK) return HKP_E_NOTFOUND;
    out->registry = r;
    out->ck_index = ck_index;
    return HKP_OK;
}

static void frame_head(uint8_t frame[80], uint8_t op, uint32_t epoch, uint64_t ck_index) {
    memset(frame, 0, 80);
    frame[0] = 0x0A;
    frame[OP_AT] = op;
    hkp_put_be32(frame + EPOCH_AT, epoch);
    hkp_put_be64(frame + INDEX_AT, ck_index);
}

/* V asks E. */
static void ask(struct hkp_htp__session *s) {
    frame_head(s->rekey->request, OP_PLEASE, s->epoch + 1, 0);
    s->rekey->active = 1;
    hkp_htp__flow_rekey_put(s->flow, s->rekey->request);
}

static hkp_status request(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    struct hkp_htp__rekey_secret *r = s->rekey;
    const struct hkp_htp_registry *reg = &ep->opt.registry;
    uint64_t ck_index = 0;
    if (s->mode == HKP_HTP_MODE_R && reg->own_index(reg->user, s->peer, &ck_index) != HKP_OK)
        return HKP_E_CALLBACK;
    if (hkp_htp__draw(ep, r->key, 32) != HKP_OK) return HKP_E_CALLBACK;
    frame_head(r->request, OP_REQUEST, s->epoch + 1, ck_index);
    crypto_scalarmult_curve25519_base(r->request + PUBLIC_AT, r->key);
    /* The state is pinned from the request on, because E may commit again before the answer comes. */
    hkp_status st = pin(ep, s, ck_index, &other(s)->neural);
    if (st != HKP_OK) return HKP_E_CALLBACK;
    r->ck_index = ck_index;
    r->active = 1;
    hkp_htp__flow_rekey_put(s->flow, r->request);
    return HKP_OK;
}

hkp_status hkp_htp__rekey_start(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, int forced) {
    if ((s->rekey != NULL && s->rekey->active) || (other(s) != NULL && other(s)->live)) return HKP_OK;
    if (!forced && !due(ep, s)) return HKP_OK;
    hkp_status st = make_room(ep, s) ? HKP_OK : HKP_E_NOMEM;
    if (st == HKP_OK && s->role == HKP_HTP_ROLE_E) st = request(ep, s);
    if (st == HKP_OK && s->role == HKP_HTP_ROLE_V) ask(s);
    if (st != HKP_OK) give_room_back(ep, s);
    return st;
}

/* Keys of epoch + 1 beside the current ones; its neural inputs stand there already. */
static hkp_status derive(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t request[80],
                         const uint8_t answer[80], const uint8_t peer_public[32]) {
    struct hkp_htp__epoch_secret *next = other(s);
    uint8_t dh[32], secret[32], th[32];
    if (hkp_htp__dh(dh, s->rekey->key, peer_public) != 0) return HKP_E_HTP_REKEY;
    hkp_htp__epoch_next(current(s), request, answer, dh, next->neural.in.psk, secret, th);
    hkp_htp__epoch_derive(next, NULL, secret, th, s->epoch + 1);
    next->suite = s->suite;
    next->since = ep->now;
    next->live = 1;
    HKP_HTP__TRACE(ep, hkp_htp__trace_keys(ep, s, next));
    memcpy(s->ce, answer + CE_AT, 32);
    sodium_memzero(dh, sizeof dh);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(s->rekey->key, sizeof s->rekey->key);
    return HKP_OK;
}

static void step(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    s->epoch++;
    s->old_until = HKP_TIME_NEVER;
    s->events |= HKP_HTP__EV_REKEYED;
    hkp_htp__session_forget_certificate(ep, s);
    forget_rekey(ep, s);
}

static hkp_status answer(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t frame[80]) {
    struct hkp_htp__rekey_secret *r = s->rekey;
    if (hkp_be16(frame + FLAGS_AT) != 0) return HKP_E_HTP_REKEY;
    if (r->active == OP_ANSWER) return memcmp(frame, r->request, 80) == 0 ? HKP_OK : HKP_E_HTP_REKEY;
    const uint64_t ck_index = hkp_be64(frame + INDEX_AT);
    if ((s->mode == HKP_HTP_MODE_N) != (ck_index == 0)) return HKP_E_HTP_REKEY;
    struct hkp_htp__neural_secret neural;
    if (pin(ep, s, ck_index, &neural) != HKP_OK) return HKP_E_NOTFOUND;
    /* E starts only after it erased the epoch before the current one: what is left of that here is dead. */
    wipe(ep, other(s));
    other(s)->neural = neural;
    sodium_memzero(&neural, sizeof neural);
    frame_head(r->answer, OP_ANSWER, s->epoch + 1, ck_index);
    if (hkp_htp__draw(ep, r->key, 32) != HKP_OK) return HKP_E_HTP_INTERNAL;
    crypto_scalarmult_curve25519_base(r->answer + PUBLIC_AT, r->key);
    memcpy(r->answer + CE_AT, ep->ce, 32);
    memcpy(r->request, frame, 80);
    hkp_status st = derive(ep, s, r->request, r->answer, frame + PUBLIC_AT);
    if (st != HKP_OK) return st;
    r->active = OP_ANSWER;
    s->old_until = HKP_TIME_NEVER;
    hkp_htp__flow_rekey_put(s->flow, r->answer);
    return HKP_OK;
}

static hkp_status take_answer(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                              const uint8_t frame[80]) {
    struct hkp_htp__rekey_secret *r = s->rekey;
    if (!r->active || hkp_be16(frame + FLAGS_AT) != 0 || hkp_be64(frame + INDEX_AT) != r->ck_index)
        return HKP_E_HTP_REKEY;
    hkp_status st = derive(ep, s, r->request, frame, frame + PUBLIC_AT);
    if (st != HKP_OK) return st;
    step(ep, s);
    hkp_htp__flow_ping(s->flow);
    return HKP_OK;
}

static hkp_status take_frame(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                             const uint8_t frame[80]) {
    const uint32_t epoch = hkp_be32(frame + EPOCH_AT);
    const int from_e = s->role == HKP_HTP_ROLE_V;
    if (frame[OP_AT] == OP_REQUEST ? !from_e : from_e) return HKP_E_HTP_REKEY;
    if (epoch <= s->epoch) return HKP_OK;
    if (epoch != s->epoch + 1) return HKP_E_HTP_REKEY;
    if (frame[OP_AT] == OP_REQUEST) return answer(ep, s, frame);
    if (frame[OP_AT] == OP_ANSWER) return take_answer(ep, s, frame);
    return hkp_htp__rekey_start(ep, s, 1);
}

/* The room was made by hkp_htp__rekey_reserve(); two frames of one packet may both ask for it. */
hkp_status hkp_htp__rekey_frame(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                const uint8_t frame[80]) {
    if (hkp_be32(frame + EPOCH_AT) == s->epoch + 1 && !make_room(ep, s)) return HKP_E_HTP_INTERNAL;
    hkp_status st = take_frame(ep, s, frame);
    give_room_back(ep, s);
    return st;
}

void hkp_htp__rekey_opened(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint32_t n) {
    if (n == s->epoch + 1) step(ep, s); /* V sends under the new keys from here on */
    const int have_old = other(s) != NULL && other(s)->live && other(s)->n < s->epoch;
    if (n != s->epoch || !have_old || s->old_until != HKP_TIME_NEVER) return;
    struct hkp_htp__flow_info info;
    hkp_htp__flow_info(s->flow, &info);
    hkp_time keep = 3 * info.pto;
    if (keep < OLD_LEAST) keep = OLD_LEAST;
    if (keep > OLD_MOST) keep = OLD_MOST;
    s->old_until = ep->now + keep;
}

void hkp_htp__rekey_expire(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (ep->now < s->old_until) return;
    erase(ep, &s->epochs[~s->epoch & 1]);
    s->old_until = HKP_TIME_NEVER;
}
