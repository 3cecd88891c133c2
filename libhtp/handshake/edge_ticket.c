/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* E with a ticket: one round trip, or afresh at once (HTP-5.8). */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"

/* It was given under what holds now, by the node and key that are meant now. */
static int usable(const struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                  const struct hkp_htp_ticket *t) {
    const struct hkp_htp__edge_secret *hs = &s->edge->hs;
    int listed = 0;
    for (size_t i = 0; i < hs->n_suites; i++) listed |= hs->suites[i] == t->suite;
    return t->until > ep->now && t->mode == s->mode && listed && (t->features & ~hs->features) == 0 &&
           memcmp(t->policy, s->edge->policy, 32) == 0 &&
           (!hs->pinned || memcmp(t->peer_a, hs->peer_a, 32) == 0);
}

void hkp_htp__edge_ticket(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                          const struct hkp_htp_record *record) {
    struct hkp_htp__edge_run *e = s->edge;
    hkp_htp__ticket_policy(ep, record, e->hs.peer_s, e->policy);
    if (hkp_htp__ticket_take(ep, HKP_HTP_ROLE_E, s->peer, NULL, &e->ticket) != HKP_OK) return;
    if (!usable(ep, s, &e->ticket)) {
        sodium_memzero(&e->ticket, sizeof e->ticket);
        return;
    }
    e->resuming = 1;
    memcpy(e->hs.ticket, e->ticket.id, 16);
    memcpy(e->hs.psk_res, e->ticket.psk_res, 32);
}

hkp_status hkp_htp__edge_resumed(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 const struct hkp_htp__header *header, const uint8_t *dgram, size_t len) {
    struct hkp_htp__edge_run *e = s->edge;
    struct hkp_htp__accept_secret a;
    struct hkp_htp__resumed choice;
    const struct hkp_htp_ticket *t = &e->ticket;
    if (!e->resuming) return HKP_E_HTP_STATE;
    hkp_status st = hkp_htp__resume_open(&e->hs, header, dgram, len, &a, &choice);
    if (st == HKP_E_HTP_AUTH || st == HKP_E_HTP_DH) return st;
    /* It may not change what its session had (HTP-4.9). */
    if (st == HKP_OK && (choice.version != HKP_HTP__VERSION || choice.suite != t->suite ||
                         choice.features != t->features || choice.mode != t->mode))
        st = HKP_E_HTP_DOWNGRADE;
    if (st == HKP_OK && (e->require & HKP_HTP_REQUIRE_CLOCK) && a.clock == HKP_HTP_CLOCK_FAIL)
        st = HKP_E_HTP_CLOCK;
    if (st == HKP_OK) {
        s->suite = t->suite;
        s->features = t->features;
        s->n_case = t->n_case;
        s->peer_roles = t->peer_roles;
        s->peer_neuro_gen = t->peer_neuro_gen;
        s->token_out = choice.sid_v;
        s->resumed = 1;
        memcpy(s->peer_a, t->peer_a, 32);
        st = hkp_htp__edge_up(ep, s, wall_us, &a, e->sends == 1 ? ep->now - e->hello_at : 0);
    }
    sodium_memzero(&a, sizeof a);
    if (st != HKP_OK) hkp_htp__session_end(ep, s, st, 0);
    return st;
}

hkp_status hkp_htp__edge_afresh(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us) {
    struct hkp_htp__edge_run *e = s->edge;
    sodium_memzero(&e->ticket, sizeof e->ticket);
    sodium_memzero(e->hs.ticket, sizeof e->hs.ticket);
    sodium_memzero(e->hs.psk_res, sizeof e->hs.psk_res);
    e->resuming = 0;
    e->retried = 0;
    e->no_common = 0;
    hkp_htp__token_drop(ep, s->token_in);
    hkp_status st = hkp_htp__edge_hello(ep, s, wall_us);
    if (st != HKP_OK) hkp_htp__session_end(ep, s, HKP_E_HTP_INTERNAL, 0);
    return st == HKP_OK ? HKP_OK : HKP_E_HTP_INTERNAL;
}
