/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Stateless reset: the word of a V that lost a session, to an E that still holds it (HTP-9.5). */
#include "libhtp/endpoint.h"
#include "libhtp/wire/wire.h"
#include "libter/bytes.h"

#define SILENCE (30 * HKP_HTP__SEC)

/* E finds the session by a keyed hash of the last bytes, in the table of tokens. */
static uint64_t name_of(const struct hkp_htp_endpoint *ep, const uint8_t reset[16]) {
    uint8_t h[8];
    crypto_shorthash(h, reset, 16, ep->hash_key);
    return hkp_be64(h);
}

static int is_watched(const struct hkp_htp__session *s) { return s->role == HKP_HTP_ROLE_E; }

void hkp_htp__reset_watch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place) {
    if (!is_watched(s) || hkp_is_zero(s->paths->tokens.reset[place], 16)) return;
    const uint64_t name = name_of(ep, s->paths->tokens.reset[place]);
    if (name != 0 && !hkp_htp__token_known(ep, name))
        hkp_htp__token_put(ep, name, HKP_HTP__RESET_REF | s->index);
}

void hkp_htp__reset_unwatch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place) {
    if (!is_watched(s)) return;
    const uint64_t name = name_of(ep, s->paths->tokens.reset[place]);
    if (hkp_htp__token_reset(ep, name) == s->index) hkp_htp__token_drop(ep, name);
}

static int is_from(const struct hkp_htp__session *s, const struct hkp_htp_path *path) {
    return memcmp(s->path.addr, path->addr, 16) == 0 && s->path.port == path->port;
}

int hkp_htp__reset_heard(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path,
                         const uint8_t tail[16]) {
    const uint32_t index = hkp_htp__token_reset(ep, name_of(ep, tail));
    if (index == HKP_HTP__NONE) return 0;
    struct hkp_htp__session *s = ep->sessions[index];
    const struct hkp_htp__tokens *t = &s->paths->tokens;
    unsigned equal = 0;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        if (t->peer_used >> i & 1) equal |= sodium_memcmp(t->reset[i], tail, 16) == 0;
    if (!equal || !is_from(s, path)) return 0;
    hkp_htp__session_end(ep, s, HKP_E_HTP_RESET, HKP_HTP_REASON_DONE);
    return 1;
}

/* At most so many in a second of the clock, none soon after a start: who forwards for us may know the token.
 */
static int may_answer(struct hkp_htp_endpoint *ep) {
    if (ep->opt.no_reset || ep->door == NULL || ep->now - ep->started < SILENCE) return 0;
    if (ep->now - ep->resets_since >= HKP_HTP__SEC) {
        ep->resets_since = ep->now;
        ep->resets = 0;
    }
    return ep->resets++ < HKP_HTP__RESETS_PER_SECOND;
}

void hkp_htp__reset_answer(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *dgram,
                           size_t len) {
    uint8_t out[HKP_HTP__BIG], draw[2];
    if (len < HKP_HTP__RESET_LEAST || hkp_htp__wire_is_handshake(dgram)) return;
    /* A shard that may not be the token's owner is silent. */
    if (ep->opt.shard_count > 1 && hkp_htp_shard_of(dgram, len, ep->opt.shard_count) != ep->opt.shard_index)
        return;
    if (!may_answer(ep)) return;
    /* 57 to len - 1: two that answer each other run out. */
    const size_t most = len - 1 < sizeof out ? len - 1 : sizeof out;
    if (hkp_htp__draw(ep, draw, 2) != HKP_OK) return;
    const size_t size = HKP_HTP__RESET_SIZE + hkp_be16(draw) % (most - HKP_HTP__RESET_SIZE + 1);
    if (hkp_htp__draw(ep, out, size - 16) != HKP_OK) return;
    hkp_htp__reset_token(ep->reset_key, hkp_be64(dgram + HKP_HTP__AT_TOKEN), out + size - 16);
    hkp_htp__answer_put(ep, path, out, size);
}
