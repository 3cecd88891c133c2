/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/path/paths.h"

#include "libhtp/endpoint.h"
#include "libter/options.h"

typedef struct hkp_htp__session session;

/* E keeps the reset tokens of V behind it. */
static size_t size_of(const session *s) {
    return sizeof *s->paths + (s->role == HKP_HTP_ROLE_E ? 16U * HKP_HTP__TOKENS_MAX : 0);
}

hkp_status hkp_htp__paths_new(struct hkp_htp_endpoint *ep, session *s, const uint8_t reset[16]) {
    struct hkp_htp__paths *p = hkp_mem_alloc(&ep->opt.mem, size_of(s));
    if (p == NULL) return HKP_E_NOMEM;
    s->paths = p;
    hkp_htp__tokens_init(&p->tokens, s->token_in, s->token_out);
    p->token_in = s->token_in;
    if (s->role == HKP_HTP_ROLE_V) {
        p->tokens.reset_key = ep->reset_key;
        return HKP_OK;
    }
    p->tokens.reset = (uint8_t(*)[16])(p + 1);
    memcpy(p->tokens.reset[0], reset, 16);
    hkp_htp__reset_watch(ep, s, 0);
    return HKP_OK;
}

void hkp_htp__paths_free(struct hkp_htp_endpoint *ep, session *s) {
    struct hkp_htp__paths *p = s->paths;
    if (p == NULL) return;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        hkp_htp__token_drop(ep, p->tokens.own[i]);
        if (p->tokens.peer_used >> i & 1) hkp_htp__reset_unwatch(ep, s, i);
    }
    s->paths = NULL;
    sodium_memzero(p, size_of(s));
    hkp_mem_free(&ep->opt.mem, p, size_of(s));
}

void hkp_htp__paths_heard(session *s, uint64_t token) {
    struct hkp_htp__paths *p = s->paths;
    if (token == p->token_in) return;
    p->token_in = token;
    hkp_htp__tokens_seen(&p->tokens, token);
}

void hkp_htp__paths_refresh(struct hkp_htp_endpoint *ep, session *s) {
    struct hkp_htp__tokens *t = &s->paths->tokens;
    uint64_t token;
    while ((token = hkp_htp__tokens_gone(t)) != 0) hkp_htp__token_drop(ep, token);
    while (s->end_result == HKP_OK && hkp_htp__tokens_wanted(t) && hkp_htp__token_room(ep)) {
        if (hkp_htp__draw_token(ep, &token) != HKP_OK) return; /* the next packet tries again */
        hkp_htp__token_put(ep, token, s->index);
        hkp_htp__tokens_add(t, token);
    }
}
