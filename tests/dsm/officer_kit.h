/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Three officers with records, and a node that asks them for a certificate. */
#ifndef HKP_TESTS_OFFICER_KIT_H
#define HKP_TESTS_OFFICER_KIT_H

#include "kit.h"

#include "libter/bytes.h"

enum { ROOM = 1 << 16 };

static struct kit kit;

/* One officer: what its disk holds (bytes up to durable, mark), and the record as it is open. */
struct officer {
    uint8_t bytes[ROOM], mark[HKP_DSM_MARK_MAX];
    size_t durable, mark_len;
    struct hkp_dsm_record record;
    const uint8_t *secret;
};

static struct officer officers[3];
static uint8_t node_secret[64], request[HKP_DSM_REQUEST_MAX];
static size_t request_len;
static const uint8_t token[] = "a token of thirty-two characters";

static inline void commit(struct officer *o) {
    o->durable = o->record.len;
    CHECK_EQ(hkp_dsm_record_mark(&o->record, o->mark, sizeof o->mark, &o->mark_len), HKP_OK);
}

static inline struct hkp_dsm_request request_of(void) {
    struct hkp_dsm_request q = {.roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS,
                                .tier = HKP_DSM_TIER_FORTRESS,
                                .has_static_key = 1,
                                .neuro_gen = 3};
    memset(q.static_key, 0x51, 32);
    memset(q.enroll_id, 0xE1, 32);
    hkp_dsm_token_digest(q.token_digest, kit.chain_id, token, sizeof token - 1);
    return q;
}

static inline void ask(const struct hkp_dsm_request *q) {
    CHECK_EQ(hkp_dsm_request_build(kit.chain_id, q, node_secret, request, sizeof request, &request_len),
             HKP_OK);
}

/* Three officers with new records, and a node's request. */
static inline void begin(void) {
    uint8_t key[32];
    kit_begin(&kit);
    for (int i = 0; i < 3; i++) {
        officers[i].secret = kit.officer[i];
        CHECK_EQ(hkp_dsm_record_begin(&officers[i].record, officers[i].bytes, ROOM, kit.chain_id,
                                      kit.officer[i] + 32),
                 HKP_OK);
        commit(&officers[i]);
    }
    kit_key(key, node_secret, 1);
    const struct hkp_dsm_request q = request_of();
    ask(&q);
}

static inline struct hkp_dsm_certificate certificate_of(uint64_t serial) {
    const struct hkp_dsm_request q = request_of();
    struct hkp_dsm_certificate c = {.roles = q.roles,
                                    .tier = q.tier,
                                    .group = 7,
                                    .serial = serial,
                                    .policy = 1,
                                    .neuro_gen = q.neuro_gen,
                                    .has_static_key = 1,
                                    .not_before_s = KIT_NOW_S,
                                    .not_after_s = KIT_NOW_S + 30 * 86400};
    memcpy(c.key, node_secret + 32, 32);
    memcpy(c.static_key, q.static_key, 32);
    memcpy(c.enroll_id, q.enroll_id, 32);
    hkp_dsm_node_id(c.node_id, c.key, NULL);
    return c;
}

static inline struct hkp_dsm_matter matter_of(uint32_t kind, const uint8_t *body, size_t len) {
    struct hkp_dsm_matter m = {.struct_size = sizeof m,
                               .kind = kind,
                               .body = {body, len},
                               .now_s = KIT_NOW_S,
                               .set = &kit.ca_set,
                               .officers = &kit.officers,
                               .request = {request, request_len},
                               .token = {token, sizeof token - 1}};
    return m;
}

/* Judges, promises and makes durable, as a host does. */
static inline hkp_status agree(struct officer *o, const struct hkp_dsm_matter *m) {
    struct hkp_dsm_promise p;
    hkp_status st = hkp_dsm_officer_judge(&o->record, m, &p);
    if (st == HKP_OK) st = hkp_dsm_record_promise(&o->record, &p);
    if (st == HKP_OK) commit(o);
    return st;
}

static inline size_t certificate_body(const struct hkp_dsm_certificate *c, uint8_t body[600]) {
    size_t len = 0;
    CHECK_EQ(hkp_dsm_certificate_build(c, body, 600, &len), HKP_OK);
    return len;
}

#endif
