/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-CA-3 to D-CA-6: what an officer agrees to: certificates, revocation lists, sets of officers, orders. */
#include "officer_kit.h"

#include <hookprobe/dsm/bls.h>

enum { DAY = 86400 };

static const struct hkp_dsm_view no_view;

static hkp_status judge_certificate(const struct hkp_dsm_certificate *c, struct hkp_dsm_matter m) {
    uint8_t body[600];
    struct hkp_dsm_promise p;
    memset(&p, 0xA5, sizeof p);
    m.kind = HKP_DSM_KIND_CERTIFICATE;
    m.body = (struct hkp_dsm_view){body, certificate_body(c, body)};
    const hkp_status st = hkp_dsm_officer_judge(&officers[0].record, &m, &p);
    for (size_t i = 0; st != HKP_OK && i < sizeof p; i++) CHECK_EQ(((uint8_t *)&p)[i], 0xA5);
    return st;
}

/* ---- Certificates ---- */

static void a_certificate_holds_what_the_node_asked_for(void) {
    begin();
    const struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    struct hkp_dsm_certificate c = certificate_of(1);
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
    c.roles = HKP_DSM_ROLE_EDGE; /* less is the officers' choice */
    c.tier = HKP_DSM_TIER_SENTINEL;
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
    c = certificate_of(1);
    c.roles |= HKP_DSM_ROLE_VALIDATOR;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.tier = HKP_DSM_TIER_NEXUS;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.enroll_id[0] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.static_key[0] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.has_static_key = 0;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.has_ak = 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.neuro_gen = 4;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    c = certificate_of(1);
    c.key[0] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    request[request_len - 1] ^= 1;
    c = certificate_of(1);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_SIG);
}

/* D-QC-3: possession is checked when the certificate is issued; an officer without blst issues none. */
static void a_bls_key_is_certified_only_with_its_proof(void) {
    uint8_t seed[32] = {1}, secret[32], proof[96];
    const int have = (int)hkp_dsm_bls_is_built();
    begin();
    struct hkp_dsm_request q = request_of();
    struct hkp_dsm_certificate c = certificate_of(1);
    struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    memset(q.bls_key, 1, 48);
    memset(q.bls_proof, 2, 96);
    if (have) CHECK_EQ(hkp_dsm_bls_keypair(seed, secret, q.bls_key), HKP_OK);
    if (have) CHECK_EQ(hkp_dsm_bls_prove(secret, q.bls_proof), HKP_OK);
    memcpy(proof, q.bls_proof, 96);
    c.bls_key = (struct hkp_dsm_view){q.bls_key, 48};
    c.bls_proof = (struct hkp_dsm_view){proof, 96};
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET); /* nobody asked for it */
    q.has_bls = 1;
    ask(&q);
    m = matter_of(0, NULL, 0);
    struct hkp_dsm_request again;
    CHECK_EQ(hkp_dsm_request_check(request, request_len, kit.chain_id, &again), HKP_OK);
    CHECK_EQ(again.has_bls, 1);
    CHECK_MEM(again.bls_key, q.bls_key, 48);
    CHECK_MEM(again.bls_proof, q.bls_proof, 96);
    CHECK_EQ(judge_certificate(&c, m), have ? HKP_OK : HKP_E_UNSUPPORTED);
    proof[95] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET); /* another than was asked with */
    q.bls_proof[95] ^= 1;
    ask(&q);
    m = matter_of(0, NULL, 0);
    CHECK_EQ(judge_certificate(&c, m), have ? HKP_E_DSM_SIG : HKP_E_UNSUPPORTED);
    c = certificate_of(1);
    CHECK_EQ(judge_certificate(&c, m), HKP_OK); /* without it */
}

/* Peers that know no BLS keys read and write requests without them (decision 0537). */
static void a_request_without_a_bls_key_is_the_bytes_that_it_was(void) {
    static const uint8_t was[32] = {0x60, 0xEB, 0x07, 0x0E, 0xE0, 0x03, 0xB8, 0x8E, 0x00, 0x10, 0xA5,
                                    0x42, 0x5B, 0xB1, 0x09, 0x26, 0xCE, 0xA6, 0x4A, 0x64, 0xC3, 0x24,
                                    0xEC, 0xBD, 0x6B, 0x0B, 0x4D, 0xF9, 0x31, 0xB6, 0xC2, 0x9A};
    uint8_t digest[32];
    begin();
    struct hkp_dsm_request q = request_of();
    memset(q.bls_key, 1, 48);
    memset(q.bls_proof, 2, 96);
    ask(&q);
    crypto_hash_sha256(digest, request, request_len);
    CHECK_MEM(digest, was, 32);
}

static hkp_status ask_with(const uint8_t *body, size_t len, const uint8_t node_id[16]) {
    struct hkp_dsm_request q;
    CHECK_EQ(hkp_dsm_envelope_sign(kit.chain_id, HKP_DSM_KIND_CERT_REQUEST, node_id, node_secret, body, len,
                                   request, sizeof request, &request_len),
             HKP_OK);
    return hkp_dsm_request_check(request, request_len, kit.chain_id, &q);
}

/* Keys 10 and 11 are there both or neither, and the longest request has room for them. */
static void a_bls_key_is_asked_for_with_a_proof(void) {
    enum { KEY = 51, PROOF = 99 }; /* bytes of both fields, the last ones of the body */
    begin();
    struct hkp_dsm_request q = request_of();
    struct hkp_dsm_envelope e;
    uint8_t body[HKP_DSM_REQUEST_MAX], node_id[16];
    q.has_ak = 1;
    q.has_bls = 1;
    q.roles = 255;
    q.neuro_gen = UINT32_MAX;
    ask(&q);
    CHECK_EQ(hkp_dsm_envelope_parse(request, request_len, 1U << HKP_DSM_KIND_CERT_REQUEST, &e), HKP_OK);
    const size_t len = e.body.len;
    memcpy(body, e.body.ptr, len);
    memcpy(node_id, e.signer, 16);
    CHECK_EQ(ask_with(body, len, node_id), HKP_OK);
    body[0]--; /* one field less */
    CHECK(ask_with(body, len - PROOF, node_id) != HKP_OK);
    memmove(body + len - PROOF - KEY, body + len - PROOF, PROOF);
    CHECK(ask_with(body, len - KEY, node_id) != HKP_OK);
    body[0]--;
    CHECK_EQ(ask_with(body, len - KEY - PROOF, node_id), HKP_OK);
}

static void a_certificate_begins_about_now(void) {
    begin();
    const struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    struct hkp_dsm_certificate c = certificate_of(1);
    c.not_before_s = KIT_NOW_S + HKP_DSM_ISSUE_WINDOW_S;
    c.not_after_s = c.not_before_s + 2;
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
    c.not_before_s++;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_VALIDITY);
    c.not_before_s = KIT_NOW_S - HKP_DSM_ISSUE_WINDOW_S - 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_VALIDITY);
    c.not_before_s++;
    c.not_after_s = KIT_NOW_S;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_VALIDITY);
    c.not_after_s++;
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
}

static void a_node_without_its_token_is_not_admitted(void) {
    begin();
    struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    const struct hkp_dsm_certificate c = certificate_of(1);
    m.token.len--;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ATTEST);
    m.token = (struct hkp_dsm_view){token, HKP_DSM_TOKEN_MIN - 1};
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ATTEST);
    m.token = no_view;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ATTEST);
    m.request = no_view;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_INVAL);
}

/* The node's certificate of serial 1, signed by two. */
static struct hkp_dsm_view issue(struct hkp_dsm_certificate c) {
    static uint8_t object[HKP_DSM_CERTIFICATE_MAX];
    uint8_t body[600];
    const size_t len = certificate_body(&c, body);
    return (struct hkp_dsm_view){
        object, kit_multi(&kit, HKP_DSM_KIND_CERTIFICATE, body, len, 2, object, sizeof object)};
}

static void a_renewal_does_not_widen(void) {
    begin();
    struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    struct hkp_dsm_certificate old = certificate_of(1), c = certificate_of(2);
    m.token = no_view;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
    c.serial = 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_STALE);
    c = certificate_of(2);
    c.group = 8;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ROLE);
    c = certificate_of(2);
    old.roles = HKP_DSM_ROLE_EDGE;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ROLE);
    old = certificate_of(1);
    old.tier = HKP_DSM_TIER_GUARDIAN;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ROLE);
    old = certificate_of(1);
    old.neuro_gen = 2;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_ROLE);
    m.token = (struct hkp_dsm_view){token, sizeof token - 1}; /* a new token may */
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
}

static void a_renewal_is_of_this_node_and_in_time(void) {
    uint8_t *bytes;
    begin();
    struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    struct hkp_dsm_certificate old = certificate_of(1), c = certificate_of(2);
    m.token = no_view;
    old.not_before_s = KIT_NOW_S - 120 * DAY;
    old.not_after_s = KIT_NOW_S - 90 * DAY;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_OK);
    old.not_after_s--;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_EXPIRED);
    old = certificate_of(1);
    old.key[0] ^= 1;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_TARGET);
    old = certificate_of(1);
    m.certificate = issue(old);
    bytes = (uint8_t *)(uintptr_t)m.certificate.ptr;
    bytes[m.certificate.len - 1] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_SIG);
}

/* D-MULTI-3: all fields at their longest, and as many signatures as there can be. */
static void the_longest_certificate_fits_a_handshake(void) {
    static const uint8_t bls[96], signature[64];
    uint8_t body[600], object[HKP_DSM_CERTIFICATE_MAX];
    size_t len = 0;
    begin();
    struct hkp_dsm_certificate c = certificate_of(UINT64_MAX - 1);
    c.has_ak = 1;
    c.bls_key = (struct hkp_dsm_view){bls, 48};
    c.bls_proof = (struct hkp_dsm_view){bls, 96};
    c.roles = 255;
    c.group = c.policy = c.neuro_gen = UINT32_MAX;
    c.not_before_s = 1ULL << 62;
    c.not_after_s = c.not_before_s + 1;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = UINT32_MAX, .n_signatures = 7};
    m.body = (struct hkp_dsm_view){body, certificate_body(&c, body)};
    for (size_t i = 0; i < 7; i++) {
        m.index[i] = i;
        m.signature[i] = signature;
    }
    CHECK_EQ(hkp_dsm_multi_build(&m, object, sizeof object, &len), HKP_OK);
    CHECK(len > HKP_DSM_CERTIFICATE_MAX - 40);
}

/* ---- Revocation lists ---- */

struct list {
    uint8_t body[1024], object[2048], id[32];
    size_t len, object_len;
};

static struct list list_at(uint64_t number, const uint8_t *previous, uint64_t now_s,
                           const struct hkp_dsm_revocation *e, size_t n) {
    struct list l = {.len = 0};
    struct hkp_dsm_revocations r = {
        .number = number, .this_update_s = now_s, .next_update_s = now_s + DAY, .n_entries = n};
    if (previous != NULL) memcpy(r.previous, previous, 32);
    CHECK_EQ(hkp_dsm_revocations_build(&r, e, l.body, sizeof l.body, &l.len), HKP_OK);
    hkp_dsm_object_id(l.id, kit.chain_id, HKP_DSM_KIND_REVOCATION_LIST, NULL, l.body, l.len);
    l.object_len = kit_multi(&kit, HKP_DSM_KIND_REVOCATION_LIST, l.body, l.len, 2, l.object, sizeof l.object);
    return l;
}

static struct list list_of(uint64_t number, const uint8_t *previous, const struct hkp_dsm_revocation *e,
                           size_t n) {
    return list_at(number, previous, KIT_NOW_S, e, n);
}

static hkp_status judge_list(int who, const struct list *held, const struct list *l, uint64_t now_s) {
    struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_REVOCATION_LIST, l->body, l->len);
    m.now_s = now_s;
    if (held != NULL) m.list = (struct hkp_dsm_view){held->object, held->object_len};
    return agree(&officers[who], &m);
}

static hkp_status agree_list(const struct list *held, const struct list *l, uint64_t now_s) {
    return judge_list(0, held, l, now_s);
}

static hkp_status agree_by(int who, const struct list *held, const struct list *l) {
    return judge_list(who, held, l, KIT_NOW_S);
}

static void a_list_lets_no_node_out(void) {
    begin();
    struct hkp_dsm_revocation e[3] = {
        {{1}, 5, 0, KIT_NOW_S}, {{2}, HKP_DSM_SERIAL_BARRED, 1, KIT_NOW_S}, {{3}, 1, 4, KIT_NOW_S}};
    const struct list one = list_of(1, NULL, e, 3);
    struct list two = list_of(2, one.id, e, 2);
    CHECK_EQ(agree_list(NULL, &one, KIT_NOW_S), HKP_OK);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_E_DSM_REVOKED); /* the last one is missing */
    two = list_of(2, one.id, e + 1, 2);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_E_DSM_REVOKED); /* the first one */
    e[0].serial = 4;
    two = list_of(2, one.id, e, 3);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_E_DSM_REVOKED);
    e[0].serial = 6;
    e[1].time_s -= DAY; /* would be dropped sooner */
    two = list_of(2, one.id, e, 3);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_E_DSM_REVOKED);
    e[1].time_s += DAY;
    two = list_of(2, one.id, e, 3);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_OK);
}

static void a_revocation_is_dropped_when_the_last_certificate_is_long_over(void) {
    const uint64_t late = KIT_NOW_S + 125 * DAY;
    begin();
    struct hkp_dsm_revocation e[2] = {{{1}, 5, 0, KIT_NOW_S}, {{2}, HKP_DSM_SERIAL_BARRED, 3, KIT_NOW_S}};
    const struct list one = list_of(1, NULL, e, 2);
    struct hkp_dsm_revocations r = {
        .number = 2, .this_update_s = late - 1, .next_update_s = late + 100, .n_entries = 1};
    struct list two = one;
    memcpy(r.previous, one.id, 32);
    CHECK_EQ(hkp_dsm_revocations_build(&r, e + 1, two.body, sizeof two.body, &two.len), HKP_OK);
    CHECK_EQ(agree_list(&one, &two, late - 1), HKP_E_DSM_REVOKED);
    struct hkp_dsm_promise p = {.kind = HKP_DSM_KIND_CERTIFICATE, .number = 6, .subject = {1}};
    p.not_after_s = late - 35 * DAY + 1; /* a certificate of it that this officer signed ends later */
    CHECK_EQ(hkp_dsm_record_promise(&officers[0].record, &p), HKP_OK);
    CHECK_EQ(agree_list(&one, &two, late), HKP_E_DSM_REVOKED);
    CHECK_EQ(agree_list(&one, &two, late + 1), HKP_OK);
    begin();
    r.n_entries = 0; /* a barred node leaves the list only for the record */
    CHECK_EQ(hkp_dsm_revocations_build(&r, e, two.body, sizeof two.body, &two.len), HKP_OK);
    CHECK_EQ(agree_list(&one, &two, late), HKP_E_DSM_REVOKED);
    CHECK_EQ(hkp_dsm_record_bar(&officers[0].record, e[1].node_id), HKP_OK);
    CHECK_EQ(agree_list(&one, &two, late), HKP_OK);
}

static void a_list_names_the_one_before(void) {
    begin();
    const struct list one = list_of(1, NULL, NULL, 0), two = list_of(2, one.id, NULL, 0),
                      other = list_of(2, two.id, NULL, 0), three = list_of(3, two.id, NULL, 0);
    CHECK_EQ(agree_list(&one, &one, KIT_NOW_S), HKP_E_DSM_STALE);
    CHECK_EQ(agree_list(&one, &other, KIT_NOW_S), HKP_E_DSM_PREV);
    CHECK_EQ(agree_list(NULL, &two, KIT_NOW_S), HKP_E_DSM_GAP);
    CHECK_EQ(agree_list(&one, &three, KIT_NOW_S), HKP_E_DSM_GAP);
    CHECK_EQ(agree_list(&one, &two, KIT_NOW_S), HKP_OK);
    CHECK_EQ(agree_list(&one, &three, KIT_NOW_S), HKP_E_DSM_GAP); /* two was promised; is it complete? */
    const struct list on_one = list_of(3, one.id, NULL, 0);
    CHECK_EQ(agree_list(&two, &on_one, KIT_NOW_S), HKP_E_DSM_PREV); /* there is a newer complete one */
    CHECK_EQ(agree_list(&two, &three, KIT_NOW_S), HKP_OK);
}

/* Each officer makes the list of the day, and none of them signs what another one made (D-CA-4). */
static void lists_that_nobody_completed_are_left_out(void) {
    begin();
    const struct list one = list_of(1, NULL, NULL, 0);
    struct hkp_dsm_revocation e[3] = {{{1}, 5, 0, KIT_NOW_S}, {{2}, 5, 0, KIT_NOW_S}, {{3}, 5, 0, KIT_NOW_S}};
    struct list two[3];
    for (int i = 0; i < 3; i++) {
        two[i] = list_of(2, one.id, &e[i], 1);
        CHECK_EQ(agree_by(i, &one, &two[i]), HKP_OK);
    }
    CHECK_EQ(agree_by(0, &one, &two[1]), HKP_E_DSM_FORK);
    const struct list three = list_of(3, one.id, e, 3), four = list_of(4, three.id, e, 3);
    for (int i = 0; i < 3; i++) CHECK_EQ(agree_by(i, &one, &three), HKP_OK);
    CHECK_EQ(agree_by(1, &one, &two[1]), HKP_E_DSM_STALE);
    CHECK_EQ(agree_by(0, &three, &four), HKP_OK);
    begin(); /* also of the very first ones, of which none was completed */
    two[0] = list_of(1, NULL, &e[0], 1);
    two[1] = list_of(2, NULL, e, 2);
    CHECK_EQ(agree_by(0, NULL, &two[0]), HKP_OK);
    CHECK_EQ(agree_by(1, NULL, &two[1]), HKP_OK);
    CHECK_EQ(agree_by(0, NULL, &two[1]), HKP_OK);
    CHECK_EQ(agree_by(0, &one, &two[1]), HKP_E_DSM_PREV);
}

/* The highest number there is would be the last list of all. */
static void a_list_leaves_out_no_more_than_1023_numbers(void) {
    begin();
    const struct list one = list_of(1, NULL, NULL, 0), far = list_of(1025, one.id, NULL, 0),
                      further = list_of(2049, one.id, NULL, 0), last = list_of(UINT64_MAX, one.id, NULL, 0);
    CHECK_EQ(agree_list(&one, &last, KIT_NOW_S), HKP_E_DSM_GAP);
    CHECK_EQ(agree_list(&one, &further, KIT_NOW_S), HKP_E_DSM_GAP);
    const struct list too_far = list_of(1026, one.id, NULL, 0);
    CHECK_EQ(agree_list(&one, &too_far, KIT_NOW_S), HKP_E_DSM_GAP);
    CHECK_EQ(agree_list(&one, &far, KIT_NOW_S), HKP_OK);
    CHECK_EQ(agree_list(&one, &further, KIT_NOW_S), HKP_OK); /* from what was promised on */
}

/* Else it would be dropped with the old entry, and a certificate of today would count again. */
static void a_raised_serial_is_dated_now(void) {
    const uint64_t t1 = KIT_NOW_S + 124 * DAY, t2 = KIT_NOW_S + 125 * DAY + 1;
    begin();
    struct hkp_dsm_revocation e = {{1}, 1, 0, KIT_NOW_S};
    const struct list one = list_at(1, NULL, KIT_NOW_S, &e, 1);
    CHECK_EQ(agree_list(NULL, &one, KIT_NOW_S), HKP_OK);
    struct list two = list_at(2, one.id, t1, &e, 1); /* unchanged */
    CHECK_EQ(agree_list(&one, &two, t1), HKP_OK);
    e.serial = 2;
    struct list three = list_at(3, two.id, t1, &e, 1);
    CHECK_EQ(agree_list(&two, &three, t1), HKP_E_DSM_VALIDITY);
    e.time_s = t1 - HKP_DSM_ISSUE_WINDOW_S - 1;
    three = list_at(3, two.id, t1, &e, 1);
    CHECK_EQ(agree_list(&two, &three, t1), HKP_E_DSM_VALIDITY);
    e.time_s++;
    three = list_at(3, two.id, t1, &e, 1);
    CHECK_EQ(agree_list(&two, &three, t1), HKP_OK);
    const struct list four = list_at(4, three.id, t2, &e, 0);
    CHECK_EQ(agree_list(&three, &four, t2), HKP_E_DSM_REVOKED);
    e.time_s = UINT64_MAX; /* nor does anybody date one so that it cannot be raised any more */
    const struct list other = list_at(4, three.id, t2, &e, 1);
    CHECK_EQ(agree_list(&three, &other, t2), HKP_E_DSM_VALIDITY);
}

static void a_list_and_its_new_entries_are_of_today(void) {
    begin();
    struct hkp_dsm_revocation e = {{1}, 5, 0, KIT_NOW_S + 301};
    struct list l = list_of(1, NULL, &e, 1);
    CHECK_EQ(agree_list(NULL, &l, KIT_NOW_S), HKP_E_DSM_VALIDITY);
    e.time_s = KIT_NOW_S - HKP_DSM_ISSUE_WINDOW_S - 1;
    l = list_of(1, NULL, &e, 1);
    CHECK_EQ(agree_list(NULL, &l, KIT_NOW_S), HKP_E_DSM_VALIDITY);
    e.time_s++;
    l = list_of(1, NULL, &e, 1);
    CHECK_EQ(agree_list(NULL, &l, KIT_NOW_S + DAY), HKP_E_DSM_VALIDITY); /* it is over */
    CHECK_EQ(agree_list(NULL, &l, KIT_NOW_S - 301), HKP_E_DSM_VALIDITY); /* or has not begun */
    CHECK_EQ(agree_list(NULL, &l, KIT_NOW_S), HKP_OK);
}

static void a_revoked_serial_is_not_certified_or_renewed(void) {
    begin();
    struct hkp_dsm_matter m = matter_of(0, NULL, 0);
    struct hkp_dsm_certificate old = certificate_of(1), c = certificate_of(2);
    struct hkp_dsm_revocation e = {{0}, 1, 2, KIT_NOW_S};
    memcpy(e.node_id, c.node_id, 16);
    struct list l = list_of(1, NULL, &e, 1);
    m.list = (struct hkp_dsm_view){l.object, l.object_len};
    CHECK_EQ(judge_certificate(&c, m), HKP_OK); /* with a token */
    CHECK_EQ(judge_certificate(&old, m), HKP_E_DSM_REVOKED);
    m.token = no_view;
    m.certificate = issue(old);
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_REVOKED);
    l.object[l.object_len - 1] ^= 1;
    CHECK_EQ(judge_certificate(&c, m), HKP_E_DSM_SIG);
}

/* ---- Sets and orders ---- */

static void a_set_is_the_next_one(void) {
    uint8_t body[HKP_DSM_CA_SET_BODY_MAX];
    size_t len = 0;
    begin();
    struct hkp_dsm_ca_set set = kit.ca_set;
    for (uint64_t version = 1; version <= 3; version++) {
        set.version = version;
        CHECK_EQ(hkp_dsm_ca_set_build(&set, body, sizeof body, &len), HKP_OK);
        const struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_CA_SET, body, len);
        CHECK_EQ(agree(&officers[0], &m), version == 2 ? HKP_OK : HKP_E_DSM_STALE);
    }
    set.version = 2;
    set.threshold = 3;
    CHECK_EQ(hkp_dsm_ca_set_build(&set, body, sizeof body, &len), HKP_OK);
    const struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_CA_SET, body, len);
    CHECK_EQ(agree(&officers[0], &m), HKP_E_DSM_FORK);
}

static hkp_status agree_order(uint64_t scope, uint64_t number, uint8_t what) {
    uint8_t body[128], bytes[32];
    size_t len = 0;
    memset(bytes, what, sizeof bytes);
    const struct hkp_dsm_order o = {.scope = scope, .number = number, .bytes = {bytes, 32}};
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_OK);
    const struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_ORDER, body, len);
    return agree(&officers[0], &m);
}

static void each_scope_of_orders_has_its_numbers(void) {
    begin();
    CHECK_EQ(agree_order(HKP_DSM_ORDER_VPN, 2, 1), HKP_OK);
    CHECK_EQ(agree_order(HKP_DSM_ORDER_VPN, 2, 2), HKP_E_DSM_FORK);
    CHECK_EQ(agree_order(HKP_DSM_ORDER_VPN, 1, 1), HKP_E_DSM_STALE);
    CHECK_EQ(agree_order(HKP_DSM_ORDER_STEALTH, 1, 1), HKP_OK);
    uint8_t body[1] = {0};
    struct hkp_dsm_matter m = matter_of(HKP_DSM_KIND_ALLOWLIST, body, 1);
    CHECK_EQ(agree(&officers[0], &m), HKP_E_DSM_KIND);
    m.struct_size--;
    CHECK_EQ(agree(&officers[0], &m), HKP_E_INVAL);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_certificate_holds_what_the_node_asked_for);
    CASE(a_bls_key_is_certified_only_with_its_proof);
    CASE(a_request_without_a_bls_key_is_the_bytes_that_it_was);
    CASE(a_bls_key_is_asked_for_with_a_proof);
    CASE(a_certificate_begins_about_now);
    CASE(a_node_without_its_token_is_not_admitted);
    CASE(a_renewal_does_not_widen);
    CASE(a_renewal_is_of_this_node_and_in_time);
    CASE(the_longest_certificate_fits_a_handshake);
    CASE(a_list_lets_no_node_out);
    CASE(a_revocation_is_dropped_when_the_last_certificate_is_long_over);
    CASE(a_list_names_the_one_before);
    CASE(lists_that_nobody_completed_are_left_out);
    CASE(a_list_leaves_out_no_more_than_1023_numbers);
    CASE(a_raised_serial_is_dated_now);
    CASE(a_list_and_its_new_entries_are_of_today);
    CASE(a_revoked_serial_is_not_certified_or_renewed);
    CASE(a_set_is_the_next_one);
    CASE(each_scope_of_orders_has_its_numbers);
    return check_done();
}
