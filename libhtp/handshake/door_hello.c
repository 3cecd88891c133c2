/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HELLO at V, in the order of HTP-4.2, and the CHALLENGE that follows. */
#include "libhtp/handshake/door.h"
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"

/* A HELLO on its way through steps 6 to 12. */
struct hello {
    uint64_t wall_us;
    const struct hkp_htp_path *path;
    const uint8_t *dgram;
    struct hkp_htp__valid_secret v;
    struct hkp_htp__neural_secret neural;
    struct hkp_htp_record record;
    struct hkp_htp_ticket ticket;
    uint8_t key[32];
    /** 1: it names a ticket, which ticket holds */
    uint8_t resumes;
    /** class of step 11 */
    uint8_t cls;
    uint8_t n_case;
};

static void note(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint32_t what, uint64_t value) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (r->note != NULL) r->note(r->user, node_id, what, value);
}

/* First suite of E's list that both policies allow (HTP-4.9); 0: none. */
static uint16_t choose_suite(const struct hkp_htp__valid_secret *v, uint32_t ours, uint32_t record) {
    const uint32_t allowed = record == 0 ? ours : ours & record;
    for (size_t i = 0; i < v->n_suites; i++)
        if (v->suites[i] >= 1 && v->suites[i] <= 2 && (allowed >> (v->suites[i] - 1) & 1))
            return v->suites[i];
    return 0;
}

static int has_ticket(const struct hello *q) { return !hkp_is_zero(q->v.ticket, 16); }

/* REJECT to a HELLO: kept for 120 s, so that repeats cost nothing. */
static hkp_status refuse(struct hkp_htp_endpoint *ep, struct hello *q, uint16_t code) {
    struct hkp_htp__stamp stamp;
    note(ep, q->v.node_id, has_ticket(q) ? HKP_HTP_NOTE_TICKET : HKP_HTP_NOTE_UNPROVED, code);
    if (hkp_htp__draw_stamp(ep, q->wall_us, &stamp) != HKP_OK) return HKP_E_HTP_REJECTED;
    struct hkp_htp__given *g = hkp_htp__given_add(ep, q->key);
    hkp_htp__reject_build(&q->v, code, 5, &stamp, g->reject);
    g->rejects = 1;
    hkp_htp__answer_put(ep, q->path, g->reject, sizeof g->reject);
    ep->stats.rejects_sent++;
    return HKP_E_HTP_REJECTED;
}

/* Step 5: the same c1 again. HKP_E_NOTFOUND: not answered yet. */
static hkp_status repeat(struct hkp_htp_endpoint *ep, const struct hello *q) {
    struct hkp_htp__given *g = hkp_htp__given_find(ep, q->key);
    if (g == NULL) return HKP_E_NOTFOUND;
    if (g->half == HKP_HTP__NONE) {
        if (g->rejects >= HKP_HTP__REJECTS_PER_HELLO || ep->now - g->answered < HKP_HTP__ANSWER_GAP)
            return HKP_E_HTP_LIMIT;
        g->answered = ep->now;
        g->rejects++;
        hkp_htp__answer_put(ep, q->path, g->reject, sizeof g->reject);
        return HKP_OK;
    }
    struct hkp_htp__half *h = &ep->door->halves[g->half];
    if (h->serial != g->half_serial || h->state == HKP_HTP__HALF_FREE) return HKP_E_HTP_REPLAY;
    if (h->state == HKP_HTP__HALF_PENDING) return HKP_OK;
    const int accepted = h->state == HKP_HTP__HALF_ACCEPTED && h->resumed &&
                         ep->sessions[h->session]->state == HKP_HTP__S_ACCEPTED;
    if (h->state != HKP_HTP__HALF_WAIT && !accepted) return HKP_E_HTP_REPLAY;
    if (ep->now - h->answered < HKP_HTP__ANSWER_GAP) return HKP_E_HTP_LIMIT;
    h->answered = ep->now;
    hkp_htp__answer_put(ep, q->path, h->answer, h->answer_len);
    return HKP_OK;
}

/* W_commit, with the secret of the ticket if one is named; a ticket that does not hold allows nothing. */
static int commits(struct hkp_htp_endpoint *ep, struct hello *q, int *allowed,
                   const struct hkp_htp__neural_secret *neural) {
    static const uint8_t none[32];
    if (!has_ticket(q)) return hkp_htp__hello_proves(&q->v, neural, none);
    q->resumes = (uint8_t)(*allowed && hkp_htp__door_ticket(ep, &q->v, &q->record, &q->ticket));
    *allowed = q->resumes;
    memcpy(q->v.psk_res, q->resumes ? q->ticket.psk_res : ep->door->dummy.in.psk, 32);
    return hkp_htp__hello_proves(&q->v, neural, q->v.psk_res);
}

/* Steps 9 and 10. The same work is done for a node that does not exist (HTP-4.3). 1: proved. */
static int prove(struct hkp_htp_endpoint *ep, struct hello *q, int *stranger) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    const struct hkp_htp__neural_secret none = {0};
    const int known = r->find(r->user, q->v.node_id, &q->record) == HKP_OK;
    const int active = known && q->record.status == HKP_HTP_NODE_ACTIVE;
    int allowed, shown, signed_right = 1;
    if (q->v.mode == HKP_HTP_MODE_R) {
        allowed = active && q->record.neural != HKP_HTP_NEURAL_OFF;
        if (allowed &&
            r->neural(r->user, q->v.node_id, HKP_HTP_SIDE_REPLICA, q->v.ck_index, &q->neural.in) == HKP_OK) {
            q->neural.registry = r;
            q->neural.ck_index = q->v.ck_index;
        } else
            allowed = 0;
        shown = commits(ep, q, &allowed, allowed ? &q->neural : &ep->door->dummy);
    } else {
        allowed = active && q->record.neural != HKP_HTP_NEURAL_REQUIRED;
        shown = commits(ep, q, &allowed, &none);
        signed_right = hkp_htp__hello_signed(&q->v, known ? q->record.a : ep->door->dummy_a);
        q->n_case = active && q->record.neural == HKP_HTP_NEURAL_OFF && signed_right ? 1 : 2;
    }
    const int proved = allowed && shown && signed_right;
    *stranger = !proved && q->v.mode == HKP_HTP_MODE_N && shown && !has_ticket(q) && (!known || active) &&
                ep->opt.accept_certified && r->certificate != NULL;
    if (!known) memset(&q->record, 0, sizeof q->record);
    return proved;
}

/* Step 12: an entry that waits for its CHALLENGE to be sealed, or ACCEPT at once. */
static hkp_status admit(struct hkp_htp_endpoint *ep, struct hello *q) {
    uint64_t sid_v;
    if (hkp_htp__draw_token(ep, &sid_v) != HKP_OK) return HKP_E_HTP_INTERNAL;
    struct hkp_htp__half *h = hkp_htp__half_take(ep, q->v.node_id, q->cls, q->path);
    if (h == NULL) return HKP_E_HTP_LIMIT;
    const uint32_t index = (uint32_t)(h - ep->door->halves);
    h->v = q->v;
    h->v.neural = q->neural;
    memset(&q->neural, 0, sizeof q->neural);
    h->record = q->record;
    h->n_case = q->n_case;
    h->require = ep->opt.require | q->record.require;
    h->v.sid_v = sid_v;
    h->v.t2 = q->wall_us;
    h->v.suite = choose_suite(&q->v, ep->opt.suites_allowed, q->record.suites_allowed);
    h->v.features = (uint16_t)(q->v.offered & ep->opt.features);
    h->v.demands = (uint8_t)ep->opt.demands;
    if (h->require & HKP_HTP_REQUIRE_TPM) h->v.demands |= HKP_HTP__DEMAND_QUOTE;
    if ((h->require & HKP_HTP_REQUIRE_CERTIFICATE) || q->n_case >= 2) h->v.demands |= HKP_HTP__DEMAND_CERT;
    h->v.pcr_mask = q->record.pcr_mask & 0xFFFFFF;
    h->show_cert = q->n_case >= 2 || ep->opt.show_certificate;
    hkp_htp__token_put(ep, sid_v, HKP_HTP__HALF_REF | index);
    hkp_status st = q->resumes ? hkp_htp__door_resume(ep, h, q->wall_us, &q->ticket) : HKP_OK;
    if (st != HKP_OK) {
        hkp_htp__half_free(ep, h);
        return st;
    }
    if (q->resumes) note(ep, q->v.node_id, HKP_HTP_NOTE_COMPLETED, q->v.t1);
    struct hkp_htp__given *g = hkp_htp__given_add(ep, q->key);
    g->half = index;
    g->half_serial = h->serial;
    return HKP_OK;
}

static hkp_status decide(struct hkp_htp_endpoint *ep, struct hello *q) {
    int stranger;
    if (choose_suite(&q->v, ep->opt.suites_allowed, 0) == 0) return refuse(ep, q, HKP_HTP_REASON_SUITE);
    if (prove(ep, q, &stranger)) {
        q->cls = q->v.t1 > q->record.last_t1 ? HKP_HTP__CLASS_FRESH : HKP_HTP__CLASS_REPLAYED;
        if (choose_suite(&q->v, ep->opt.suites_allowed, q->record.suites_allowed) == 0)
            return refuse(ep, q, HKP_HTP_REASON_SUITE);
        if (!hkp_htp__rate_node(ep, q->v.node_id, q->cls)) return HKP_E_HTP_LIMIT;
        return admit(ep, q);
    }
    if (!stranger) return refuse(ep, q, HKP_HTP_REASON_REFUSED);
    if (!hkp_htp__cookie_right(ep, q->path, q->dgram))
        return hkp_htp__cookie_ask(ep, q->wall_us, q->path, q->dgram);
    q->cls = HKP_HTP__CLASS_STRANGER;
    return admit(ep, q);
}

hkp_status hkp_htp__door_hello(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                               const struct hkp_htp__header *header, const uint8_t *dgram) {
    struct hello q = {.wall_us = wall_us, .path = path, .dgram = dgram};
    hkp_status st = hkp_htp__hello_rdv(ep->door->mac1, dgram);
    if (st == HKP_OK) st = hkp_htp__hello_fields(dgram);
    if (st != HKP_OK) return st;
    if (hkp_htp__rate_loaded(ep, path) && !hkp_htp__cookie_right(ep, path, dgram))
        return hkp_htp__cookie_ask(ep, wall_us, path, dgram);
    hkp_htp__hello_key(q.key, dgram);
    st = repeat(ep, &q);
    if (st != HKP_E_NOTFOUND) return st;
    if (!hkp_htp__rate_dh(ep, path)) return HKP_E_HTP_LIMIT;
    st = hkp_htp__hello_open(&q.v, &ep->self, header, dgram, q.key);
    if (st == HKP_OK) st = decide(ep, &q);
    /* No room now is no reason to lose the ticket: the same HELLO comes again. */
    if (q.resumes && (st == HKP_E_HTP_LIMIT || st == HKP_E_HTP_INTERNAL))
        hkp_htp__ticket_put(ep, HKP_HTP_ROLE_V, q.v.node_id, &q.ticket);
    hkp_htp__neural_drop(&q.neural);
    sodium_memzero(&q, sizeof q);
    return st;
}

/* ---- CHALLENGE ---- */

static struct hkp_htp__cert shown(const struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h) {
    if (!h->show_cert || ep->self.cert_len == 0) return (struct hkp_htp__cert){0};
    return (struct hkp_htp__cert){HKP_HTP_CERT_WHOLE, (uint16_t)ep->self.cert_len, ep->self.cert};
}

/* Sealed when it is pulled, so that t3 is the time of sending (HTP-3.8). */
hkp_status hkp_htp__door_send(struct hkp_htp_endpoint *ep, uint64_t wall_us, struct hkp_htp_path *path,
                              uint8_t *dst, size_t *len) {
    struct hkp_htp__door *d = ep->door;
    *len = 0;
    while (*len == 0 && hkp_htp__door_pending(ep)) {
        struct hkp_htp__half *h = &d->halves[d->pending_first];
        struct hkp_htp__challenge_in in = {.t3 = wall_us, .cert = shown(ep, h)};
        struct hkp_htp__stamp stamp;
        int drawn = hkp_htp__draw(ep, in.e_key, 32) == HKP_OK &&
                    hkp_htp__draw(ep, in.challenge_nonce, 32) == HKP_OK &&
                    hkp_htp__draw_stamp(ep, wall_us, &stamp) == HKP_OK;
        if (!drawn ||
            hkp_htp__challenge_build(&h->v, &ep->self, &in, &stamp, h->answer, &h->answer_len) != HKP_OK) {
            hkp_htp__half_free(ep, h);
            continue;
        }
        sodium_memzero(&in, sizeof in);
        d->pending_first = h->next_pending;
        if (d->pending_first == HKP_HTP__NONE) d->pending_last = HKP_HTP__NONE;
        h->state = HKP_HTP__HALF_WAIT;
        h->answered = ep->now;
        memcpy(dst, h->answer, h->answer_len);
        *path = h->path;
        *len = h->answer_len;
    }
    return HKP_OK;
}
