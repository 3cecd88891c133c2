/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* E from connect to ACCEPT (HTP-14.1). */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"
#include "libter/options.h"

#define RETRY_GAP (250 * HKP_HTP__MS)
/* Times of the sends of one message after the first: 1, 2 and 4 s later. */
#define SENDS_MAX 4

static struct hkp_htp__backoff *backoff_of(struct hkp_htp_endpoint *ep, const uint8_t peer[16]) {
    for (size_t i = 0; i < HKP_HTP__BACKOFFS; i++)
        if (ep->backoffs[i].step_s != 0 && memcmp(ep->backoffs[i].node_id, peer, 16) == 0)
            return &ep->backoffs[i];
    return NULL;
}

/* After a REJECT: at least 5 s, twice as long each time, at most 300 s (HTP-5.7). */
static uint16_t back_off(struct hkp_htp_endpoint *ep, const uint8_t peer[16], uint16_t asked) {
    struct hkp_htp__backoff *b = backoff_of(ep, peer);
    if (b == NULL) {
        b = &ep->backoffs[0];
        for (size_t i = 1; i < HKP_HTP__BACKOFFS; i++)
            if (ep->backoffs[i].until < b->until) b = &ep->backoffs[i];
        memset(b, 0, sizeof *b);
        memcpy(b->node_id, peer, 16);
    }
    b->step_s = b->step_s == 0 ? 5 : b->step_s * 2;
    if (b->step_s > 300) b->step_s = 300;
    const uint16_t wait = asked > b->step_s ? asked : (uint16_t)b->step_s;
    b->until = ep->now + wait * HKP_HTP__SEC;
    return wait;
}

/* No more among those that wait for a quote. */
static void unlist(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s) {
    if (s->edge->waiting_len == 0) return;
    struct hkp_htp__session **link = &ep->waiting;
    while (*link != NULL && *link != s) link = &(*link)->edge->waiting_next;
    if (*link != NULL) *link = s->edge->waiting_next;
}

void hkp_htp__edge_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->edge == NULL) return;
    unlist(ep, s);
    hkp_htp__neural_drop(&s->edge->hs.neural);
    sodium_memzero(s->edge, sizeof *s->edge);
    hkp_mem_free(&ep->opt.secret_mem, s->edge, sizeof *s->edge);
    s->edge = NULL;
}

/* Sends the newest message now and at 1, 3 and 7 s (HTP-5.1). */
static void restart_timer(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_time first) {
    s->edge->sends = 1;
    s->edge->want = 1;
    s->edge->next_send = ep->now + hkp_htp__jitter(ep, first);
    hkp_htp__session_schedule(ep, s, hkp_htp__session_wake(s));
    hkp_htp__session_touch(ep, s);
}

void hkp_htp__edge_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    struct hkp_htp__edge_run *e = s->edge;
    if (ep->now >= e->total) {
        hkp_htp__session_end(ep, s, e->no_common ? HKP_E_HTP_VERSION : HKP_E_HTP_TIMEOUT, 0);
        return;
    }
    if (ep->now < e->next_send) return;
    e->want = 1;
    /* After a RETRY the newest HELLO and the first one in turn: a forged RETRY must not hide the first. */
    e->which = e->retried ? !e->which : 1;
    const hkp_time gap = HKP_HTP__SEC << e->sends++;
    e->next_send = e->sends < SENDS_MAX ? ep->now + hkp_htp__jitter(ep, gap) : HKP_TIME_NEVER;
}

void hkp_htp__edge_send(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint8_t *dst, size_t *len) {
    struct hkp_htp__edge_run *e = s->edge;
    *len = 0;
    if (!e->want) return;
    e->want = 0;
    if (s->state == HKP_HTP__S_HELLO) e->hello_at = ep->now;
    *len = s->state == HKP_HTP__S_HELLO ? HKP_HTP__BIG : e->hs.attest_len;
    memcpy(dst, s->state == HKP_HTP__S_HELLO ? e->hs.hello[e->which] : e->hs.attest, *len);
}

static void list_suites(const struct hkp_htp_endpoint *ep, uint32_t record, struct hkp_htp__edge_secret *hs) {
    const uint32_t allowed = record == 0 ? ep->opt.suites_allowed : ep->opt.suites_allowed & record;
    const uint16_t first = (uint16_t)ep->opt.suite_first, second = (uint16_t)(3 - first);
    if (allowed >> (first - 1) & 1) hs->suites[hs->n_suites++] = first;
    if (allowed >> (second - 1) & 1) hs->suites[hs->n_suites++] = second;
}

/* What the registry says of the peer; a peer without record is judged by the options alone. */
static hkp_status prepare(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t node_id[16],
                          uint32_t mode) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    struct hkp_htp__edge_secret *hs = &s->edge->hs;
    struct hkp_htp_record record = {0};
    const int known = r->find(r->user, node_id, &record) == HKP_OK;
    if (known && record.status != HKP_HTP_NODE_ACTIVE) return HKP_E_HTP_POLICY;
    s->edge->require = ep->opt.require | (known ? record.require : 0);
    s->n_case = known && record.neural == HKP_HTP_NEURAL_OFF && mode == HKP_HTP_MODE_N;
    list_suites(ep, known ? record.suites_allowed : 0, hs);
    if (hs->n_suites == 0) return HKP_E_HTP_POLICY;
    hkp_htp__edge_ticket(ep, s, &record);
    if (mode == HKP_HTP_MODE_N) return HKP_OK;
    uint64_t index = 0;
    if (r->own_index(r->user, node_id, &index) != HKP_OK || index == 0) return HKP_E_NOTFOUND;
    if (r->neural(r->user, node_id, HKP_HTP_SIDE_OWN, index, &hs->neural.in) != HKP_OK) return HKP_E_NOTFOUND;
    hs->neural.registry = r;
    hs->neural.ck_index = index;
    return HKP_OK;
}

hkp_status hkp_htp__edge_hello(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us) {
    uint8_t key[32];
    struct hkp_htp__stamp stamp;
    hkp_status st = hkp_htp__draw(ep, key, 32);
    if (st == HKP_OK) st = hkp_htp__draw_token(ep, &s->token_in);
    if (st == HKP_OK) st = hkp_htp__draw_stamp(ep, wall_us, &stamp);
    if (st == HKP_OK) st = hkp_htp__hello_build(&s->edge->hs, key, s->token_in, wall_us, &stamp);
    sodium_memzero(key, sizeof key);
    if (st == HKP_OK)
        hkp_htp__token_put(ep, s->token_in, s->index);
    else
        s->token_in = 0;
    if (st != HKP_OK) return st;
    s->edge->total = ep->now + HKP_HTP__HANDSHAKE_TIMEOUT;
    s->edge->which = 1;
    restart_timer(ep, s, HKP_HTP__SEC);
    return HKP_OK;
}

hkp_status hkp_htp_connect(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                           const struct hkp_htp_path *path, const uint8_t node_id[16],
                           const uint8_t peer_s[32], const uint8_t *peer_a, uint32_t mode,
                           uint64_t *session) {
    if (ep == NULL || path == NULL || node_id == NULL || peer_s == NULL || session == NULL ||
        mode > HKP_HTP_MODE_R)
        return HKP_E_INVAL;
    if (memcmp(node_id, ep->self.node_id, 16) == 0) return HKP_E_INVAL;
    if (now > ep->now) ep->now = now;
    const struct hkp_htp__backoff *b = backoff_of(ep, node_id);
    if (b != NULL && ep->now < b->until) return HKP_E_LIMIT;
    struct hkp_htp__session *s;
    hkp_status st = hkp_htp__session_new(ep, HKP_HTP_ROLE_E, node_id, &s);
    if (st != HKP_OK) return st;
    s->state = HKP_HTP__S_HELLO;
    s->mode = (uint8_t)mode;
    s->path = *path;
    s->edge = hkp_mem_alloc(&ep->opt.secret_mem, sizeof *s->edge);
    st = s->edge == NULL ? HKP_E_NOMEM : HKP_OK;
    if (st == HKP_OK) {
        struct hkp_htp__edge_secret *hs = &s->edge->hs;
        hs->self = &ep->self;
        hs->mode = (uint8_t)mode;
        hs->features = (uint16_t)ep->opt.features;
        memcpy(hs->peer_node, node_id, 16);
        memcpy(hs->peer_s, peer_s, 32);
        hs->pinned = peer_a != NULL;
        if (peer_a != NULL) memcpy(hs->peer_a, peer_a, 32);
        st = prepare(ep, s, node_id, mode);
    }
    if (st == HKP_OK) st = hkp_htp__edge_hello(ep, s, wall_us);
    if (st != HKP_OK) {
        hkp_htp__session_free(ep, s);
        return st;
    }
    *session = s->id;
    return HKP_OK;
}

/* ---- answers ---- */

static hkp_status on_retry(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, const uint8_t *dgram) {
    struct hkp_htp__edge_run *e = s->edge;
    int common;
    if (e->retried && ep->now - e->last_retry < RETRY_GAP) return HKP_E_HTP_LIMIT;
    hkp_status st = hkp_htp__retry_take(&e->hs, dgram, &common);
    if (st != HKP_OK) return st;
    e->retried = 1;
    e->last_retry = ep->now;
    e->no_common = !common;
    e->which = 1;
    restart_timer(ep, s, HKP_HTP__SEC);
    return HKP_OK;
}

/* A_v pinned, or certified for S_v and the node that was meant (HTP-5.4). */
static hkp_status check_identity(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 const struct hkp_htp__challenge_secret *c) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    const struct hkp_htp__edge_secret *hs = &s->edge->hs;
    const uint8_t *a = hkp_htp__challenge_a(c);
    struct hkp_htp_identity id;
    int certified = 0;
    if (c->cert.form != HKP_HTP_CERT_NONE && r->certificate != NULL &&
        r->certificate(r->user, c->cert.form, c->cert.data, c->cert.len, wall_us, &id) == HKP_OK)
        certified = memcmp(id.a, a, 32) == 0 && memcmp(id.s, hs->peer_s, 32) == 0 &&
                    memcmp(id.node_id, hs->peer_node, 16) == 0;
    if (hs->pinned ? memcmp(hs->peer_a, a, 32) != 0 : !certified) return HKP_E_HTP_IDENTITY;
    memcpy(s->peer_a, a, 32);
    s->edge->certified = (uint8_t)certified;
    if (!certified) return HKP_OK;
    s->edge->peer = id;
    s->peer_roles = id.roles;
    s->peer_neuro_gen = id.neuro_gen;
    s->stale = id.expired;
    return HKP_OK;
}

/* Mode N only in the cases of HTP-3.9, and what policy wants of every session (HTP-4.9). */
static hkp_status check_policy(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                               const struct hkp_htp__challenge_secret *c) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    const uint32_t require = s->edge->require;
    hkp_status st = hkp_htp__challenge_choices(&s->edge->hs, c);
    if (st != HKP_OK) return st;
    if (s->mode == HKP_HTP_MODE_N && s->n_case != 1) {
        struct hkp_htp_mode_n q = {.role = HKP_HTP_ROLE_E,
                                   .own_shown = ep->self.cert_len > 0,
                                   .peer_shown = s->edge->certified,
                                   .own = ep->self.own,
                                   .peer = s->edge->peer};
        memcpy(q.node_id, s->peer, 16);
        if (r->mode_n == NULL || r->mode_n(r->user, &q, &s->n_case) != HKP_OK) return HKP_E_HTP_DOWNGRADE;
        if (s->n_case < 1 || s->n_case > 4) return HKP_E_HTP_DOWNGRADE;
    }
    if ((require & HKP_HTP_REQUIRE_PSK) && s->mode == HKP_HTP_MODE_N && s->n_case < 3)
        return HKP_E_HTP_DOWNGRADE;
    if ((require & HKP_HTP_REQUIRE_CERTIFICATE) && !s->edge->certified) return HKP_E_HTP_DOWNGRADE;
    return require & HKP_HTP_REQUIRE_PQ ? HKP_E_HTP_DOWNGRADE : HKP_OK;
}

/* The quote that CHALLENGE demands; *len 0 if there is none. HKP_E_LIMIT: it is being made. */
static hkp_status make_quote(const struct hkp_htp_registry *r, const struct hkp_htp__challenge_secret *c,
                             uint8_t quote[HKP_HTP_QUOTE_MAX], size_t *len) {
    uint8_t extra[32];
    *len = 0;
    if (!(c->demands & HKP_HTP__DEMAND_QUOTE) || r->quote_make == NULL) return HKP_OK;
    hkp_htp__quote_extra(extra, c->chain.h);
    const hkp_status st = r->quote_make(r->user, extra, c->pcr_mask, quote, HKP_HTP_QUOTE_MAX, len);
    if (st != HKP_OK || *len > HKP_HTP_QUOTE_MAX) *len = 0;
    return st == HKP_E_LIMIT ? st : HKP_OK;
}

/* t4: when CHALLENGE came; a quote may take until long after that. */
static hkp_status attest(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                         uint64_t t4, const struct hkp_htp__challenge_secret *c) {
    struct hkp_htp__attest a = ep->attest;
    struct hkp_htp__stamp stamp;
    uint8_t quote[HKP_HTP_QUOTE_MAX];
    size_t quote_len;
    a.t4 = t4;
    if (make_quote(&ep->opt.registry, c, quote, &quote_len) == HKP_E_LIMIT) return HKP_E_LIMIT;
    a.quote = quote;
    a.quote_len = (uint16_t)quote_len;
    const int show = (c->demands & HKP_HTP__DEMAND_CERT) || ep->opt.show_certificate || s->n_case >= 2;
    if (show && ep->self.cert_len > 0) {
        const int whole = ep->self.cert_len + quote_len <= HKP_HTP__ATTEST_EXTRA_MAX;
        a.cert.form = whole ? HKP_HTP_CERT_WHOLE : HKP_HTP_CERT_ID;
        a.cert.data = whole ? ep->self.cert : ep->self.cert_id;
        a.cert.len = whole ? (uint16_t)ep->self.cert_len : 32;
    }
    if (hkp_htp__draw_stamp(ep, wall_us, &stamp) != HKP_OK) return HKP_E_HTP_INTERNAL;
    return hkp_htp__attest_build(&s->edge->hs, c, &a, &stamp) == HKP_OK ? HKP_OK : HKP_E_HTP_INTERNAL;
}

static hkp_status keep_certificate(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                   const struct hkp_htp__cert *cert) {
    if (!s->edge->certified) return HKP_OK;
    return hkp_htp__session_shown(ep, s, cert) == HKP_OK ? HKP_OK : HKP_E_HTP_INTERNAL;
}

/* Everything about the CHALLENGE holds, but its quote is not made yet: the same bytes are judged again then.
 */
static void wait_for_quote(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t t4,
                           const uint8_t *dgram, size_t len) {
    struct hkp_htp__edge_run *e = s->edge;
    hkp_htp__session_unshow(ep, s);
    if (e->waiting_len > 0) return;
    memcpy(e->waiting, dgram, len);
    e->waiting_len = len;
    e->waiting_us = t4;
    e->waiting_next = ep->waiting;
    ep->waiting = s;
}

static hkp_status on_challenge(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                               uint64_t t4, const struct hkp_htp__header *header, const uint8_t *dgram,
                               size_t len) {
    struct hkp_htp__challenge_secret c;
    hkp_status st = hkp_htp__challenge_open(&s->edge->hs, header, dgram, len, &c);
    if (st == HKP_OK && s->edge->waiting_len == 0) { /* a forged one measures nothing */
        s->edge->rtt = ep->now - s->edge->hello_at;
        s->edge->rtt_known = s->edge->sends == 1;
    }
    const int drop = st == HKP_E_HTP_RDV || st == HKP_E_HTP_DH || st == HKP_E_HTP_AUTH;
    if (st == HKP_OK) st = check_identity(ep, s, wall_us, &c);
    if (st == HKP_OK) st = hkp_htp__challenge_signed(&c);
    if (st == HKP_OK) st = check_policy(ep, s, &c);
    if (st == HKP_OK) st = keep_certificate(ep, s, &c.cert);
    if (st == HKP_OK) st = attest(ep, s, wall_us, t4, &c);
    if (st == HKP_OK) {
        s->suite = c.suite;
        s->features = c.features;
        s->token_out = c.sid_v;
        s->state = HKP_HTP__S_ATTEST;
        const hkp_time rtt = s->edge->rtt < 4 * HKP_HTP__SEC ? s->edge->rtt : 4 * HKP_HTP__SEC;
        restart_timer(ep, s, 2 * rtt > HKP_HTP__SEC ? 2 * rtt : HKP_HTP__SEC);
    }
    sodium_memzero(&c, sizeof c);
    if (st == HKP_E_LIMIT) {
        wait_for_quote(ep, s, t4, dgram, len);
        return HKP_OK;
    }
    if (st != HKP_OK && !drop) hkp_htp__session_end(ep, s, st, 0);
    return st;
}

/* A session leaves the list when its quote came or its handshake ended; the others wait on. */
void hkp_htp__edge_resume(struct hkp_htp_endpoint *ep, uint64_t wall_us) {
    for (struct hkp_htp__session *s = ep->waiting, *next; s != NULL; s = next) {
        struct hkp_htp__edge_run *e = s->edge;
        struct hkp_htp__header header;
        next = e->waiting_next;
        if (hkp_htp__wire_check(e->waiting, e->waiting_len, &header) == HKP_OK)
            (void)on_challenge(ep, s, wall_us, e->waiting_us, &header, e->waiting, e->waiting_len);
        if (s->edge != NULL && s->state != HKP_HTP__S_HELLO) unlist(ep, s);
    }
}

/* At most as long as the certificate that V showed in this handshake, or the life of the ticket before. */
static void keep_ticket(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                        const struct hkp_htp__accept_secret *a) {
    const struct hkp_htp__edge_run *e = s->edge;
    uint64_t life = a->ticket_life_s;
    const uint64_t wall_s = wall_us / 1000000, end_s = e->certified ? e->peer.not_after_s : 0;
    if (end_s != 0 && (end_s <= wall_s || end_s - wall_s < life)) life = end_s > wall_s ? end_s - wall_s : 0;
    hkp_time until = ep->now + life * HKP_HTP__SEC;
    if (e->resuming && e->ticket.until < until) until = e->ticket.until;
    if (hkp_is_zero(a->ticket, 16) || until <= ep->now || s->n_case > 1 || s->stale) return;
    if (a->trust >= HKP_HTP__TICKET_TRUST && a->resonance != HKP_HTP__RESONANCE_LOST)
        hkp_htp__ticket_keep(ep, s, a->ticket, until, e->policy);
}

hkp_status hkp_htp__edge_up(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                            const struct hkp_htp__accept_secret *a, hkp_time rtt) {
    struct hkp_htp__edge_secret *hs = &s->edge->hs;
    struct hkp_htp__birth b = {.chain = &hs->chain, .accept = a, .neural = &hs->neural, .rtt_ns = rtt};
    if (hkp_htp__session_start(ep, s, &b) != HKP_OK) return HKP_E_HTP_INTERNAL;
    keep_ticket(ep, s, wall_us, a);
    s->clock = a->clock;
    s->resonance = a->resonance;
    s->trust_told = a->trust;
    memcpy(s->observed.addr, a->addr, 16);
    s->observed.port = a->port;
    s->peer_t2 = hs->t2;
    s->peer_t3 = hs->t3;
    hkp_htp__edge_free(ep, s);
    struct hkp_htp__backoff *back = backoff_of(ep, s->peer);
    if (back != NULL) memset(back, 0, sizeof *back);
    hkp_htp__session_up(ep, s);
    return HKP_OK;
}

static hkp_status on_accept(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                            const struct hkp_htp__header *header, const uint8_t *dgram, size_t len) {
    struct hkp_htp__edge_secret *hs = &s->edge->hs;
    struct hkp_htp__accept_secret a;
    hkp_status st = hkp_htp__accept_open(hs, header, dgram, len, &a);
    if (st == HKP_E_HTP_AUTH) return st;
    if (st == HKP_OK && (s->edge->require & HKP_HTP_REQUIRE_CLOCK) && a.clock == HKP_HTP_CLOCK_FAIL)
        st = HKP_E_HTP_CLOCK;
    /* A CHALLENGE after several copies of HELLO says nothing of the round trip (Karn, RFC 6298 3). */
    if (st == HKP_OK) st = hkp_htp__edge_up(ep, s, wall_us, &a, s->edge->rtt_known ? s->edge->rtt : 0);
    sodium_memzero(&a, sizeof a);
    if (st != HKP_OK) hkp_htp__session_end(ep, s, st, 0);
    return st;
}

static hkp_status on_reject(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                            const struct hkp_htp__header *header, const uint8_t *dgram) {
    uint16_t code, retry_after;
    hkp_status st = hkp_htp__reject_open(&s->edge->hs, header, dgram, &code, &retry_after);
    if (st != HKP_OK) return st;
    const int unanswered = s->state == HKP_HTP__S_HELLO && s->edge->waiting_len == 0;
    if (s->edge->resuming && unanswered && code == HKP_HTP_REASON_REFUSED)
        return hkp_htp__edge_afresh(ep, s, wall_us);
    s->retry_after = back_off(ep, s->peer, retry_after);
    hkp_htp__session_end(ep, s, HKP_E_HTP_REJECTED, code);
    return HKP_E_HTP_REJECTED;
}

hkp_status hkp_htp__edge_recv(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                              const struct hkp_htp__header *header, const uint8_t *dgram, size_t len) {
    const int waits_challenge = s->state == HKP_HTP__S_HELLO, waits_accept = s->state == HKP_HTP__S_ATTEST;
    if (header->type == HKP_HTP__REJECT && (waits_challenge || waits_accept))
        return on_reject(ep, s, wall_us, header, dgram);
    if (header->type == HKP_HTP__CHALLENGE && waits_challenge && s->edge->waiting_len == 0) {
        if (header->flags & HKP_HTP__FLAG_RETRY) return on_retry(ep, s, dgram);
        return on_challenge(ep, s, wall_us, wall_us, header, dgram, len);
    }
    if (header->type == HKP_HTP__ACCEPT && waits_accept) return on_accept(ep, s, wall_us, header, dgram, len);
    if (header->type == HKP_HTP__ACCEPT && waits_challenge)
        return hkp_htp__edge_resumed(ep, s, wall_us, header, dgram, len);
    return HKP_E_HTP_STATE;
}
