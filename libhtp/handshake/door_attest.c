/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ATTEST at V: the checks of HTP-5.5 in their order, then ACCEPT or REJECT. */
#include "libhtp/handshake/door.h"
#include "libter/bytes.h"

/* HTP-15.2: what E is told of a result. */
static uint16_t reason_of(hkp_status st) {
    switch (HKP_E_HTP_BASE - st) {
    case 20: /* POSF */
    case 21: /* RDV_NEURAL */
        return HKP_HTP_REASON_RESONANCE_LOST;
    case 25:
        return HKP_HTP_REASON_ATTESTATION;
    case 26:
        return HKP_HTP_REASON_CLOCK;
    case 27:
        return HKP_HTP_REASON_POLICY;
    case 15:
        return HKP_HTP_REASON_OVERLOAD;
    default:
        return HKP_HTP_REASON_IDENTITY;
    }
}

static hkp_status check_certificate(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h,
                                    uint64_t wall_us, const struct hkp_htp__cert *cert,
                                    struct hkp_htp__found *f) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (cert->form == HKP_HTP_CERT_NONE)
        return h->v.demands & HKP_HTP__DEMAND_CERT ? HKP_E_HTP_IDENTITY : HKP_OK;
    if (r->certificate == NULL ||
        r->certificate(r->user, cert->form, cert->data, cert->len, wall_us, &f->identity) != HKP_OK)
        return HKP_E_HTP_IDENTITY;
    f->have_identity = 1;
    return memcmp(f->identity.node_id, h->v.node_id, 16) == 0 ? HKP_OK : HKP_E_HTP_IDENTITY;
}

/* Cases 2 to 4 of HTP-3.9: the certificate alone says who this is (HTP-4.10). */
static hkp_status check_certified(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h,
                                  uint64_t wall_us, const struct hkp_htp__attest *at,
                                  struct hkp_htp__found *f) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    hkp_status st = check_certificate(ep, h, wall_us, &at->cert, f);
    if (st != HKP_OK) return st;
    if (!f->have_identity) return HKP_E_HTP_IDENTITY;
    memcpy(f->a, f->identity.a, 32);
    if (!hkp_htp__hello_signed(&h->v, f->a)) return HKP_E_HTP_SIG;
    struct hkp_htp_mode_n q = {.role = HKP_HTP_ROLE_V,
                               .own_shown = h->show_cert && ep->self.cert_len > 0,
                               .peer_shown = 1,
                               .own = ep->self.own,
                               .peer = f->identity};
    memcpy(q.node_id, h->v.node_id, 16);
    if (r->mode_n == NULL || r->mode_n(r->user, &q, &f->n_case) != HKP_OK) return HKP_E_HTP_POLICY;
    return f->n_case >= 1 && f->n_case <= 4 ? HKP_OK : HKP_E_HTP_POLICY;
}

static hkp_status check_policy(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h,
                               const struct hkp_htp__attest *at, const struct hkp_htp__found *f) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    if (h->v.demands & HKP_HTP__DEMAND_QUOTE) {
        uint8_t extra[32];
        hkp_htp__quote_extra(extra, h->v.reject_h);
        if (at->quote_len == 0 || r->quote_check == NULL ||
            r->quote_check(r->user, h->v.node_id, extra, h->v.pcr_mask, at->quote, at->quote_len) != HKP_OK)
            return HKP_E_HTP_ATTESTATION;
    }
    if (at->policy_ver < h->record.policy_ver) return HKP_E_HTP_POLICY;
    if ((h->require & HKP_HTP_REQUIRE_PSK) && h->v.mode == HKP_HTP_MODE_N && f->n_case < 3)
        return HKP_E_HTP_POLICY;
    if (h->require & HKP_HTP_REQUIRE_PQ) return HKP_E_HTP_POLICY;
    if ((h->require & HKP_HTP_REQUIRE_CLOCK) && f->clock == HKP_HTP_CLOCK_FAIL) return HKP_E_HTP_CLOCK;
    return HKP_OK;
}

static hkp_status check_all(struct hkp_htp_endpoint *ep, const struct hkp_htp__half *h, uint64_t wall_us,
                            const struct hkp_htp__attest_secret *at, struct hkp_htp__found *f) {
    hkp_status st = HKP_OK;
    memcpy(f->a, h->record.a, 32);
    f->n_case = h->n_case;
    f->clock = hkp_htp__clock_verdict(h->v.t1, h->v.t2, h->v.t3, at->fields.t4);
    if (h->n_case >= 2) st = check_certified(ep, h, wall_us, &at->fields, f);
    if (st != HKP_OK) return st;
    if (!hkp_htp__attest_signed(&h->v, at, f->a)) return HKP_E_HTP_SIG;
    if (h->n_case < 2) {
        st = check_certificate(ep, h, wall_us, &at->fields.cert, f);
        if (st != HKP_OK) return st;
        if (f->have_identity && memcmp(f->identity.a, f->a, 32) != 0) return HKP_E_HTP_IDENTITY;
    }
    return check_policy(ep, h, &at->fields, f);
}

static hkp_status refuse(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h, uint64_t wall_us,
                         const struct hkp_htp_path *path, hkp_status st) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    struct hkp_htp__stamp stamp;
    /* sig_e is judged last of what proves the node: earlier failures are charged to nobody (HTP-4.3). */
    const int proved = st == HKP_E_HTP_ATTESTATION || st == HKP_E_HTP_POLICY || st == HKP_E_HTP_CLOCK;
    if (r->note != NULL)
        r->note(r->user, h->v.node_id, proved ? HKP_HTP_NOTE_FAILED : HKP_HTP_NOTE_UNPROVED,
                (uint64_t)(HKP_E_HTP_BASE - st));
    h->state = HKP_HTP__HALF_REFUSED;
    h->rejects = 1;
    hkp_htp__neural_drop(&h->v.neural);
    if (hkp_htp__draw_stamp(ep, wall_us, &stamp) != HKP_OK) return st;
    hkp_htp__reject_build(&h->v, reason_of(st), 5, &stamp, h->answer);
    h->answer_len = HKP_HTP__REJECT_SIZE;
    hkp_htp__answer_put(ep, path, h->answer, h->answer_len);
    ep->stats.rejects_sent++;
    return st;
}

/* The message that was answered, again: the same answer, at most 5 in a second. */
static hkp_status repeat(struct hkp_htp_endpoint *ep, struct hkp_htp__half *h,
                         const struct hkp_htp_path *path, const uint8_t *dgram, size_t len) {
    uint8_t hash[32];
    hkp_htp__hash(hash, PARTS({dgram, len}));
    if (sodium_memcmp(hash, h->attest_hash, 32) != 0) return HKP_E_HTP_STATE;
    if (ep->now - h->answered < HKP_HTP__ANSWER_GAP) return HKP_E_HTP_LIMIT;
    /* at most so many under one key (HTP-5.7) */
    if (h->state == HKP_HTP__HALF_REFUSED && h->rejects++ >= HKP_HTP__REJECTS_PER_HELLO)
        return HKP_E_HTP_LIMIT;
    h->answered = ep->now;
    hkp_htp__answer_put(ep, path, h->answer, h->answer_len);
    return HKP_OK;
}

hkp_status hkp_htp__door_repeat(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                                const struct hkp_htp_path *path, const uint8_t *dgram, size_t len) {
    if (s->half == HKP_HTP__NONE || s->state != HKP_HTP__S_ACCEPTED) return HKP_E_HTP_STATE;
    return repeat(ep, &ep->door->halves[s->half], path, dgram, len);
}

hkp_status hkp_htp__door_attest(struct hkp_htp_endpoint *ep, uint32_t half, uint64_t wall_us,
                                const struct hkp_htp_path *path, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len) {
    struct hkp_htp__half *h = &ep->door->halves[half];
    const struct hkp_htp_registry *r = &ep->opt.registry;
    struct hkp_htp__attest_secret at;
    struct hkp_htp__found f = {0};
    if (h->state == HKP_HTP__HALF_REFUSED) return repeat(ep, h, path, dgram, len);
    if (h->state != HKP_HTP__HALF_WAIT) return HKP_E_HTP_STATE;
    hkp_status st = hkp_htp__attest_open(&h->v, header, dgram, len, &at);
    if (st == HKP_E_HTP_AUTH) return st;
    ep->stats.half_open--;
    h->answered = ep->now;
    hkp_htp__hash(h->attest_hash, PARTS({dgram, len}));
    if (st == HKP_OK) st = check_all(ep, h, wall_us, &at, &f);
    if (st == HKP_OK) st = hkp_htp__door_accept(ep, h, wall_us, path, &at.fields, &f);
    sodium_memzero(&at, sizeof at);
    if (st != HKP_OK) return refuse(ep, h, wall_us, path, st);
    if (r->note != NULL) r->note(r->user, h->v.node_id, HKP_HTP_NOTE_COMPLETED, h->v.t1);
    hkp_htp__answer_put(ep, path, h->answer, h->answer_len);
    return HKP_OK;
}
