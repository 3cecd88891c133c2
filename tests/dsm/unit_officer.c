/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-CA-4, D-MULTI-3: an officer's record, and that it signs nothing that the record does not hold. */
#include "officer_kit.h"

static hkp_status open_again(struct officer *o, size_t len) {
    return hkp_dsm_record_open(&o->record, o->bytes, len, ROOM, o->mark, o->mark_len, kit.chain_id,
                               o->secret + 32);
}

static hkp_status agree_certificate(struct officer *o, const struct hkp_dsm_certificate *c) {
    uint8_t body[600];
    const size_t len = certificate_body(c, body);
    const struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_CERTIFICATE, body, len);
    return agree(o, &m);
}

static hkp_status sign(struct officer *o, uint32_t kind, const uint8_t *body, size_t body_len,
                       uint8_t *object, size_t cap, size_t *len) {
    struct hkp_dsm_multi m = {.kind = kind, .ca_version = 1, .body = {body, body_len}};
    static uint8_t given[4096];
    if (*len > 0) {
        memcpy(given, object, *len);
        CHECK_EQ(hkp_dsm_multi_parse(given, *len, &m), HKP_OK);
    }
    return hkp_dsm_officer_sign(&o->record, &kit.ca_set, &m, o->secret, NULL, 0, object, cap, len);
}

/* ---- The record ---- */

static struct hkp_dsm_promise promise_of(uint64_t number, uint8_t body) {
    struct hkp_dsm_promise p = {.kind = HKP_DSM_KIND_CERTIFICATE, .number = number, .subject = {9}};
    memset(p.id, body, 32);
    return p;
}

static void a_record_is_read_as_it_was_written(void) {
    struct hkp_dsm_promise p = promise_of(4, 1), got;
    struct officer *o = &officers[0];
    begin();
    p.has_token = 1;
    p.not_after_s = 77;
    memset(p.token, 2, 32);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    CHECK_EQ(hkp_dsm_record_bar(&o->record, kit.chain_id), HKP_OK);
    commit(o);
    CHECK_EQ(open_again(o, o->durable), HKP_OK);
    CHECK_EQ(o->record.n_entries, 3);
    CHECK_EQ(hkp_dsm_record_find(&o->record, p.kind, p.subject, &got), HKP_OK);
    CHECK_MEM(&got, &p, sizeof p);
    CHECK_EQ(hkp_dsm_record_find(&o->record, HKP_DSM_KIND_ORDER, p.subject, &got), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_record_open(&o->record, o->bytes, o->durable, ROOM, o->mark, o->mark_len, kit.officer[1],
                                 o->secret + 32),
             HKP_E_DSM_TARGET);
    CHECK_EQ(hkp_dsm_record_open(&o->record, o->bytes, o->durable, ROOM, o->mark, o->mark_len, kit.chain_id,
                                 kit.officer[1] + 32),
             HKP_E_DSM_TARGET);
}

static void a_record_that_is_missing_shorter_or_changed_is_refused(void) {
    struct officer *o = &officers[0];
    const struct hkp_dsm_promise p = promise_of(4, 1);
    begin();
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    commit(o);
    const size_t all = o->durable;
    for (size_t len = 0; len < all; len++) CHECK_EQ(open_again(o, len), HKP_E_DSM_WAL_CORRUPT);
    for (size_t i = 0; i < all; i++) {
        o->bytes[i] ^= 0x10;
        CHECK_EQ(open_again(o, all), HKP_E_DSM_WAL_CORRUPT);
        o->bytes[i] ^= 0x10;
    }
    o->mark_len--;
    CHECK_EQ(open_again(o, all), HKP_E_DSM_WAL_CORRUPT);
    o->mark_len = 0;
    CHECK_EQ(open_again(o, all), HKP_E_DSM_WAL_CORRUPT);
}

/* The crash came between the bytes and their mark, so nothing behind it was signed. */
static void what_was_torn_behind_the_mark_is_left_out(void) {
    struct officer *o = &officers[0];
    const struct hkp_dsm_promise p = promise_of(4, 1), other = promise_of(4, 2);
    struct hkp_dsm_promise got;
    begin();
    const size_t marked = o->record.len;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    const size_t all = o->record.len;
    for (size_t len = marked; len < all; len++) {
        CHECK_EQ(open_again(o, len), HKP_OK);
        CHECK_EQ(o->record.len, marked);
        CHECK_EQ(hkp_dsm_record_find(&o->record, p.kind, p.subject, &got), HKP_E_NOTFOUND);
    }
    CHECK_EQ(open_again(o, all), HKP_OK); /* whole: the promise counts */
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &other), HKP_E_DSM_FORK);
}

static void of_one_number_one_body_is_promised(void) {
    struct officer *o = &officers[0];
    struct hkp_dsm_promise p = promise_of(4, 1);
    begin();
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    const size_t len = o->record.len;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK); /* the same again adds nothing */
    CHECK_EQ(o->record.len, len);
    p = promise_of(4, 2);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_FORK);
    p = promise_of(3, 2);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_STALE);
    p = promise_of(5, 2);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    p = promise_of(4, 1);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_STALE);
    p = promise_of(1, 3);
    p.subject[15] = 1; /* another node has numbers of its own */
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    p.kind = HKP_DSM_KIND_MICROBLOCK;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_INVAL);
    o->record.cap = o->record.len + 40;
    p = promise_of(6, 1);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_NOSPC);
}

static void a_token_is_used_once(void) {
    struct officer *o = &officers[0];
    struct hkp_dsm_promise p = promise_of(4, 1);
    begin();
    p.has_token = 1;
    memset(p.token, 2, 32);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
    p.number = 5;
    p.id[0] = 9;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_DUPLICATE);
    p.subject[0]++;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_DUPLICATE);
    p.token[31]++;
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
}

static void a_barred_node_is_never_certified_again(void) {
    struct officer *o = &officers[0];
    struct hkp_dsm_promise p = promise_of(4, 1);
    begin();
    CHECK_EQ(hkp_dsm_record_bar(&o->record, p.subject), HKP_OK);
    const size_t len = o->record.len;
    CHECK_EQ(hkp_dsm_record_bar(&o->record, p.subject), HKP_OK);
    CHECK_EQ(o->record.len, len);
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_E_DSM_REVOKED);
    p.kind = HKP_DSM_KIND_ORDER; /* a scope is no node */
    CHECK_EQ(hkp_dsm_record_promise(&o->record, &p), HKP_OK);
}

/* ---- Signatures ---- */

static void two_of_three_complete_a_certificate(void) {
    begin();
    uint8_t body[600], object[HKP_DSM_CERTIFICATE_MAX];
    const struct hkp_dsm_certificate c = certificate_of(1);
    struct hkp_dsm_certificate got;
    struct hkp_dsm_multi m;
    size_t len = 0;
    const size_t body_len = certificate_body(&c, body);
    for (int i = 0; i < 3; i++) CHECK_EQ(agree_certificate(&officers[i], &c), HKP_OK);
    CHECK_EQ(sign(&officers[2], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_check(object, len, kit.chain_id, &kit.officers, KIT_NOW_S, 0, &got),
             HKP_E_DSM_QUORUM);
    CHECK_EQ(sign(&officers[2], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_DSM_DUPLICATE);
    CHECK_EQ(sign(&officers[0], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_check(object, len, kit.chain_id, &kit.officers, KIT_NOW_S, 0, &got), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_parse(object, len, &m), HKP_OK);
    CHECK(m.n_signatures == 2 && m.index[0] == 0 && m.index[1] == 2);
    CHECK_EQ(sign(&officers[1], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_LIMIT);
}

static void nothing_is_signed_that_the_record_does_not_hold(void) {
    begin();
    uint8_t body[600], object[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_certificate c = certificate_of(1);
    size_t len = 0;
    size_t body_len = certificate_body(&c, body);
    CHECK_EQ(sign(&officers[0], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_STATE);
    CHECK_EQ(agree_certificate(&officers[0], &c), HKP_OK);
    CHECK_EQ(open_again(&officers[0], officers[0].durable), HKP_OK); /* a crash before the signature */
    c.not_after_s++;
    CHECK_EQ(agree_certificate(&officers[0], &c), HKP_E_DSM_FORK);
    body_len = certificate_body(&c, body);
    CHECK_EQ(sign(&officers[0], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_STATE);
    c.not_after_s--;
    CHECK_EQ(agree_certificate(&officers[0], &c), HKP_OK);
    body_len = certificate_body(&c, body);
    CHECK_EQ(sign(&officers[0], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_OK);
    len = 0;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 2, .body = {body, body_len}};
    CHECK_EQ(hkp_dsm_officer_sign(&officers[0].record, &kit.ca_set, &m, officers[0].secret, NULL, 0, object,
                                  sizeof object, &len),
             HKP_E_DSM_CA_VERSION);
    m.ca_version = 1;
    CHECK_EQ(hkp_dsm_officer_sign(&officers[0].record, &kit.ca_set, &m, officers[1].secret, NULL, 0, object,
                                  sizeof object, &len),
             HKP_E_DSM_SIGNER);
}

static void a_false_signature_beside_ones_own_is_refused(void) {
    begin();
    uint8_t body[600], object[HKP_DSM_CERTIFICATE_MAX];
    const struct hkp_dsm_certificate c = certificate_of(1);
    size_t len = 0;
    const size_t body_len = certificate_body(&c, body);
    for (int i = 0; i < 2; i++) CHECK_EQ(agree_certificate(&officers[i], &c), HKP_OK);
    CHECK_EQ(sign(&officers[0], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_OK);
    object[len - 1] ^= 1;
    CHECK_EQ(sign(&officers[1], HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_DSM_SIG);
}

static void an_old_copy_of_the_record_is_noticed_by_ones_own_signature(void) {
    begin();
    uint8_t body[600], object[HKP_DSM_CERTIFICATE_MAX];
    const struct hkp_dsm_certificate c = certificate_of(1);
    struct officer *o = &officers[0];
    struct hkp_dsm_multi m;
    size_t len = 0;
    const size_t body_len = certificate_body(&c, body), old = o->record.len;
    uint8_t old_mark[HKP_DSM_MARK_MAX];
    memcpy(old_mark, o->mark, sizeof old_mark);
    CHECK_EQ(agree_certificate(o, &c), HKP_OK);
    CHECK_EQ(sign(o, HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_parse(object, len, &m), HKP_OK);
    CHECK_EQ(hkp_dsm_officer_seen(&o->record, &kit.officers, &m), HKP_OK);
    CHECK_EQ(hkp_dsm_officer_seen(&officers[1].record, &kit.officers, &m), HKP_OK);

    memcpy(o->mark, old_mark, sizeof old_mark); /* record and mark of an older day */
    CHECK_EQ(open_again(o, old), HKP_OK);
    object[len - 1] ^= 1; /* not our signature: no proof of anything */
    CHECK_EQ(hkp_dsm_officer_seen(&o->record, &kit.officers, &m), HKP_OK);
    object[len - 1] ^= 1;
    CHECK_EQ(hkp_dsm_officer_seen(&o->record, &kit.officers, &m), HKP_E_DSM_WAL_CORRUPT);
    CHECK_EQ(hkp_dsm_record_lose(&o->record), HKP_OK);
    CHECK_EQ(agree_certificate(o, &c), HKP_E_DSM_WAL_CORRUPT);
    commit(o);
    CHECK_EQ(open_again(o, o->durable), HKP_OK);
    CHECK_EQ(o->record.is_lost, 1);
    len = 0;
    CHECK_EQ(sign(o, HKP_DSM_KIND_CERTIFICATE, body, body_len, object, sizeof object, &len),
             HKP_E_DSM_WAL_CORRUPT);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_record_is_read_as_it_was_written);
    CASE(a_record_that_is_missing_shorter_or_changed_is_refused);
    CASE(what_was_torn_behind_the_mark_is_left_out);
    CASE(of_one_number_one_body_is_promised);
    CASE(a_token_is_used_once);
    CASE(a_barred_node_is_never_certified_again);
    CASE(two_of_three_complete_a_certificate);
    CASE(nothing_is_signed_that_the_record_does_not_hold);
    CASE(a_false_signature_beside_ones_own_is_refused);
    CASE(an_old_copy_of_the_record_is_noticed_by_ones_own_signature);
    return check_done();
}
