/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ACCEPT at V: the session that follows an ATTEST (HTP-5.6) or a ticket (HTP-5.8), and the next ticket. */
#include "libhtp/handshake/door.h"
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"
#include "libter/options.h"

/* Keeps what E showed; the bytes of the quote are not kept. */
static hkp_status keep_shown(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                             const struct hkp_htp__attest *at, const struct hkp_htp__found *f) {
    s->peer_roles = f->identity.roles;
    s->peer_neuro_gen = f->identity.neuro_gen;
    s->stale = f->have_identity && f->identity.expired;
    if (at == NULL) return HKP_OK;
    if (hkp_htp__session_shown(ep, s, &at->cert) != HKP_OK) return HKP_E_NOMEM;
    s->shown->ter_index = at->ter_index;
    memcpy(s->shown->h_t, at->h_t, 32);
    memcpy(s->shown->h_integrity, at->h_integrity, 20);
    memcpy(s->shown->boot_id, at->boot_id, 16);
    s->shown->policy_ver = at->policy_ver;
    return HKP_OK;
}

static void fill_accept(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h,
                        const struct hkp_htp__found *f, const struct hkp_htp_path *path,
                        struct hkp_htp__accept_secret *a) {
    hkp_htp__reset_token(ep->reset_key, h->v.sid_v, a->reset_token);
    memcpy(a->ce, ep->ce, 32);
    a->trust = h->record.trust;
    a->heartbeat_s = (uint16_t)ep->opt.heartbeat_s;
    a->rekey_s = (uint16_t)ep->opt.rekey_s;
    a->clock = f->clock;
    a->resonance = h->record.resonance <= 4 ? h->record.resonance : 0;
    memcpy(a->addr, path->addr, 16);
    a->port = path->port;
}

/* When the ticket of this session ends: with what was shown in the last full handshake, at most after a day.
 */
static hkp_time ticket_end(const struct hkp_htp_endpoint *ep, uint64_t wall_us,
                           const struct hkp_htp__found *f) {
    if (f->ticket != NULL) return f->ticket->until;
    uint64_t life = HKP_HTP__TICKET_LIFE_MAX;
    const uint64_t wall_s = wall_us / 1000000;
    if (f->have_identity && f->identity.not_after_s != 0) {
        const uint64_t left = f->identity.not_after_s > wall_s ? f->identity.not_after_s - wall_s : 0;
        if (left < life) life = left;
    }
    return ep->now + life * HKP_HTP__SEC;
}

/* None in the cases that HTP-5.8 excludes. A quote that was demanded is to be shown each time. */
static void draw_ticket(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h,
                        const struct hkp_htp__found *f, hkp_time until, struct hkp_htp__accept_secret *a) {
    const hkp_time life = until > ep->now ? (until - ep->now) / HKP_HTP__SEC : 0;
    const int expired = (f->have_identity && f->identity.expired) || ep->self.own.expired;
    if (!hkp_htp__tickets_on(ep) || life == 0 || f->n_case > 1 || expired) return;
    if (((h->require & HKP_HTP_REQUIRE_TPM) || (h->v.demands & HKP_HTP__DEMAND_QUOTE))) return;
    if (h->record.trust < HKP_HTP__TICKET_TRUST || h->record.resonance == HKP_HTP__RESONANCE_LOST) return;
    if (hkp_htp__draw(ep, a->ticket, 16) != HKP_OK) memset(a->ticket, 0, 16);
    a->ticket_life_s = hkp_is_zero(a->ticket, 16) ? 0 : (uint32_t)life;
}

static void describe(const struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                     const struct hkp_htp__half *h, const struct hkp_htp__found *f,
                     const struct hkp_htp_path *path) {
    s->state = HKP_HTP__S_ACCEPTED;
    s->mode = h->v.mode;
    s->n_case = f->n_case;
    s->resumed = f->ticket != NULL;
    s->clock = f->clock;
    s->resonance = h->record.resonance;
    s->path = *path;
    s->total = h->made + HKP_HTP__HANDSHAKE_TIMEOUT;
    s->half = (uint32_t)(h - ep->door->halves);
    memcpy(s->peer_a, f->a, 32);
}

/* Draws, message and keys; s is not in the tables of tokens and deadlines yet. */
static hkp_status make(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, struct hkp_htp__session *s,
                       uint64_t wall_us, const struct hkp_htp_path *path, const struct hkp_htp__found *f,
                       struct hkp_htp__accept_secret *a, hkp_time until) {
    struct hkp_htp__stamp stamp;
    uint8_t accepted[HKP_HTP__SMALL], e_key[32];
    fill_accept(ep, h, f, path, a);
    if ((f->ticket != NULL && hkp_htp__draw(ep, e_key, 32) != HKP_OK) ||
        hkp_htp__draw(ep, a->session_secret, 32) != HKP_OK)
        return HKP_E_CALLBACK;
    draw_ticket(ep, h, f, until, a);
    if (hkp_htp__draw_stamp(ep, wall_us, &stamp) != HKP_OK) return HKP_E_CALLBACK;
    hkp_status st = f->ticket != NULL ? hkp_htp__resume_build(&h->v, e_key, a, &stamp, accepted)
                                      : hkp_htp__accept_build(&h->v, a, &stamp, accepted);
    sodium_memzero(e_key, sizeof e_key);
    s->suite = h->v.suite;
    s->features = h->v.features;
    s->token_in = h->v.sid_v;
    s->token_out = h->v.sid_e;
    struct hkp_htp__birth b = {.chain = &h->v.chain, .accept = a, .neural = &h->v.neural};
    if (st == HKP_OK) st = hkp_htp__session_start(ep, s, &b);
    if (st != HKP_OK) return st;
    memcpy(h->answer, accepted, sizeof accepted);
    h->answer_len = sizeof accepted;
    return HKP_OK;
}

hkp_status hkp_htp__door_accept(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, uint64_t wall_us,
                                const struct hkp_htp_path *path, const struct hkp_htp__attest *at,
                                const struct hkp_htp__found *f) {
    struct hkp_htp__accept_secret a = {0};
    struct hkp_htp__session *s = NULL;
    const hkp_time until = ticket_end(ep, wall_us, f);
    if (hkp_htp__session_new(ep, HKP_HTP_ROLE_V, h->v.node_id, &s) != HKP_OK) return HKP_E_HTP_LIMIT;
    hkp_status st = keep_shown(ep, s, at, f);
    if (st == HKP_OK) st = make(ep, h, s, wall_us, path, f, &a, until);
    if (st != HKP_OK) {
        s->token_in = 0; /* still the entry's */
        hkp_htp__session_free(ep, s);
        sodium_memzero(&a, sizeof a);
        return HKP_E_HTP_LIMIT;
    }
    describe(ep, s, h, f, path);
    hkp_htp__token_put(ep, s->token_in, s->index);
    hkp_htp__session_schedule(ep, s, s->total);
    h->session = s->index;
    h->state = HKP_HTP__HALF_ACCEPTED;
    if (a.ticket_life_s > 0) {
        uint8_t policy[32];
        hkp_htp__ticket_policy(ep, &h->record, ep->self.s, policy);
        hkp_htp__ticket_keep(ep, s, a.ticket, until, policy);
    }
    sodium_memzero(&a, sizeof a);
    return HKP_OK;
}

/* ---- a HELLO with a ticket ---- */

/* What it was given for still holds, and E may have what the session had. */
static int still_holds(const struct hkp_htp_endpoint *ep, const struct hkp_htp__valid_secret *v,
                       const struct hkp_htp_record *record, const struct hkp_htp_ticket *t) {
    uint8_t policy[32];
    int listed = 0;
    hkp_htp__ticket_policy(ep, record, ep->self.s, policy);
    for (size_t i = 0; i < v->n_suites; i++) listed |= v->suites[i] == t->suite;
    return t->until > ep->now && memcmp(policy, t->policy, 32) == 0 && listed && t->mode == v->mode &&
           (t->features & ~(v->offered & ep->opt.features)) == 0 && record->trust >= HKP_HTP__TICKET_TRUST &&
           record->resonance != HKP_HTP__RESONANCE_LOST;
}

int hkp_htp__door_ticket(struct hkp_htp_endpoint *ep, const struct hkp_htp__valid_secret *v,
                         const struct hkp_htp_record *record, struct hkp_htp_ticket *out) {
    if (hkp_htp__ticket_take(ep, HKP_HTP_ROLE_V, v->node_id, v->ticket, out) != HKP_OK) return 0;
    if (still_holds(ep, v, record, out)) return 1;
    sodium_memzero(out, sizeof *out);
    return 0;
}

hkp_status hkp_htp__door_resume(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, uint64_t wall_us,
                                const struct hkp_htp_ticket *ticket) {
    struct hkp_htp__found f = {.n_case = ticket->n_case, .clock = HKP_HTP_CLOCK_UNDECIDED, .ticket = ticket};
    memcpy(f.a, ticket->peer_a, 32);
    f.identity.roles = ticket->peer_roles;
    f.identity.neuro_gen = ticket->peer_neuro_gen;
    h->v.suite = ticket->suite;
    h->v.features = ticket->features;
    h->v.demands = 0;
    hkp_htp__half_answered(ep, h);
    h->resumed = 1;
    hkp_status st = hkp_htp__door_accept(ep, h, wall_us, &h->path, NULL, &f);
    if (st == HKP_OK) hkp_htp__answer_put(ep, &h->path, h->answer, h->answer_len);
    return st;
}
