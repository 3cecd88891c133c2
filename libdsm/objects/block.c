/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Microblocks: encoding and acceptance (D-BLK). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

#define AHEAD_MAX_US 300000000ULL
#define BACKDATED_MAX_MS (35ULL * 86400 * 1000)
#define SEQ_MAX ((1ULL << 63) - 1)

/* A header may name a time that no clock of microseconds reaches. */
static uint64_t to_us(uint64_t ms) { return ms > UINT64_MAX / 1000 ? UINT64_MAX : ms * 1000; }

static void read_neuro(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__neuro *neuro) {
    size_t left = hkp_dsm_cbor_map(r, 1, 4);
    fixed_field(r, &left, 0, neuro->ter_hash, 32);
    neuro->has_commit = left > 0;
    if (left == 0) return;
    fixed_field(r, &left, 1, neuro->w_commit, 32);
    fixed_field(r, &left, 2, neuro->posf, 32);
    fixed_field(r, &left, 3, neuro->holder, 16);
    hkp_dsm_cbor_close(r, left);
}

static hkp_status parse_body(const uint8_t *body, size_t body_len, struct hkp_dsm__block *block) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__block b = {0};
    (void)hkp_dsm_cbor_read(&r, body, body_len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    b.seq = uint_field(&r, &left, 1, 1, SEQ_MAX);
    fixed_field(&r, &left, 2, b.prev, 32);
    b.timestamp_us = uint_field(&r, &left, 3, 0, UINT64_MAX);
    b.event_type = (uint32_t)uint_field(&r, &left, 4, 1, 65535);
    fixed_field(&r, &left, 5, b.payload_hash, 32);
    b.payload_len = (uint32_t)uint_field(&r, &left, 6, HKP_DSM_PAYLOAD_MIN, HKP_DSM_PAYLOAD_MAX);
    b.has_neuro = (uint32_t)hkp_dsm_cbor_option(&r, &left, 7);
    if (b.has_neuro) read_neuro(&r, &b.neuro);
    b.serial = uint_field(&r, &left, 8, 1, UINT64_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *block = b;
    return r.status;
}

hkp_status hkp_dsm__block_parse(const uint8_t chain_id[32], const uint8_t author[16], const uint8_t *body,
                                size_t body_len, struct hkp_dsm__block *block) {
    hkp_status st = parse_body(body, body_len, block);
    if (st != HKP_OK) return st;
    memcpy(block->author, author, 16);
    hkp_dsm_object_id(block->id, chain_id, HKP_DSM_KIND_MICROBLOCK, author, body, body_len);
    return HKP_OK;
}

hkp_status hkp_dsm__block_event(const uint8_t *body, size_t body_len, uint32_t *event_type) {
    struct hkp_dsm__block b;
    hkp_status st = parse_body(body, body_len, &b);
    if (st == HKP_OK) *event_type = b.event_type;
    return st;
}

hkp_status hkp_dsm__block_build(const struct hkp_dsm__block *b, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (b->seq < 1 || b->seq > SEQ_MAX || b->event_type < 1 || b->event_type > 65535 || b->serial < 1 ||
        b->payload_len < HKP_DSM_PAYLOAD_MIN || b->payload_len > HKP_DSM_PAYLOAD_MAX)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, b->has_neuro ? 9 : 8);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, b->seq);
    put_bytes_field(&w, 2, b->prev, 32);
    put_uint_field(&w, 3, b->timestamp_us);
    put_uint_field(&w, 4, b->event_type);
    put_bytes_field(&w, 5, b->payload_hash, 32);
    put_uint_field(&w, 6, b->payload_len);
    if (b->has_neuro) {
        hkp_dsm_cbor_put_uint(&w, 7);
        hkp_dsm_cbor_put_map(&w, b->neuro.has_commit ? 4 : 1);
        put_bytes_field(&w, 0, b->neuro.ter_hash, 32);
    }
    if (b->has_neuro && b->neuro.has_commit) {
        put_bytes_field(&w, 1, b->neuro.w_commit, 32);
        put_bytes_field(&w, 2, b->neuro.posf, 32);
        put_bytes_field(&w, 3, b->neuro.holder, 16);
    }
    put_uint_field(&w, 8, b->serial);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

static const struct hkp_dsm_certificate *find_certificate(const struct hkp_dsm__block_rules *rules,
                                                          uint64_t serial) {
    for (size_t i = 0; i < rules->n_certs; i++)
        if (rules->certs[i].serial == serial) return &rules->certs[i];
    return NULL;
}

/* D-CERT-2: an old key cannot append back-dated blocks. */
static hkp_status check_backdated(const struct hkp_dsm__block *b, const struct hkp_dsm__block_rules *rules) {
    const uint64_t block_ms = b->timestamp_us / 1000; /* a part of a millisecond changes nothing here */
    if (rules->parent_ms <= block_ms || rules->parent_ms - block_ms <= BACKDATED_MAX_MS) return HKP_OK;
    for (size_t i = 0; i < rules->n_certs; i++)
        if (hkp_dsm__certificate_times(&rules->certs[i], rules->parent_ms / 1000, rules->revoked) == HKP_OK)
            return HKP_OK;
    return HKP_E_DSM_EXPIRED;
}

static hkp_status check_certificate(const struct hkp_dsm__block *b,
                                    const struct hkp_dsm__block_rules *rules) {
    const struct hkp_dsm_certificate *c = find_certificate(rules, b->serial);
    if (c == NULL) return HKP_E_DSM_SIGNER;
    hkp_status st = hkp_dsm__certificate_times(c, b->timestamp_us / 1000000, rules->revoked);
    if (st == HKP_OK) st = check_backdated(b, rules);
    if (st != HKP_OK) return st;
    const int has_role = (c->roles & HKP_DSM_ROLE_NEURO) != 0;
    return has_role == (b->has_neuro != 0) ? HKP_OK : HKP_E_DSM_NEURO;
}

static hkp_status check_ahead(const struct hkp_dsm__block *b, const struct hkp_dsm__block_rules *rules) {
    const uint64_t now_us = rules->header_ms != 0 ? to_us(rules->header_ms) : rules->now_us;
    if (now_us == 0 || b->timestamp_us <= now_us || b->timestamp_us - now_us <= AHEAD_MAX_US) return HKP_OK;
    return HKP_E_DSM_TIME_AHEAD;
}

hkp_status hkp_dsm__block_times(const struct hkp_dsm__block *block,
                                const struct hkp_dsm__block_rules *rules) {
    hkp_status st = check_certificate(block, rules);
    return st == HKP_OK ? check_ahead(block, rules) : st;
}

hkp_status hkp_dsm__block_payload(const struct hkp_dsm__block *b, const uint8_t *payload, size_t len) {
    uint8_t hash[32];
    if (len != b->payload_len) return HKP_E_DSM_PAYLOAD;
    hkp_dsm__payload_hash(hash, payload, len);
    return memcmp(hash, b->payload_hash, 32) == 0 ? HKP_OK : HKP_E_DSM_PAYLOAD;
}

hkp_status hkp_dsm__block_extends(const struct hkp_dsm__block *b, const uint8_t chain_id[32],
                                  const struct hkp_dsm__known_head *head) {
    uint8_t first[32];
    if (b->seq == 1) {
        hkp_dsm__first_prev(first, chain_id, b->author);
        if (memcmp(first, b->prev, 32) != 0) return HKP_E_DSM_PREV;
    }
    if (head == NULL) return HKP_OK;
    if (b->seq == head->seq) return memcmp(b->id, head->id, 32) == 0 ? HKP_E_DSM_DUPLICATE : HKP_E_DSM_FORK;
    if (b->seq < head->seq) return HKP_E_DSM_OLD;
    if (b->seq - head->seq > 1) return HKP_E_DSM_GAP;
    if (head->seq == 0) return HKP_OK; /* seq 1 on an empty chain, judged above */
    if (memcmp(b->prev, head->id, 32) != 0) return HKP_E_DSM_PREV;
    return b->timestamp_us > head->time_us ? HKP_OK : HKP_E_DSM_TIME;
}

static hkp_status check_body(const struct hkp_dsm__block *b, const struct hkp_dsm__block_rules *rules) {
    hkp_status st = check_certificate(b, rules);
    if (st == HKP_OK && rules->payload.ptr != NULL)
        st = hkp_dsm__block_payload(b, rules->payload.ptr, rules->payload.len);
    if (st == HKP_OK) st = check_ahead(b, rules);
    if (st == HKP_OK) st = hkp_dsm__block_extends(b, rules->chain_id, rules->head);
    return st;
}

hkp_status hkp_dsm__block_check(const uint8_t *in, size_t len, const struct hkp_dsm__block_rules *rules,
                                struct hkp_dsm__block *block) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm__block b;
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_MICROBLOCK), &e);
    if (st != HKP_OK) return st;
    if (rules->n_certs == 0) return HKP_E_DSM_SIGNER;
    st = hkp_dsm_envelope_verify(rules->chain_id, &e, rules->certs[0].key); /* all of one node name one key */
    if (st == HKP_OK) st = hkp_dsm__block_parse(rules->chain_id, e.signer, e.body.ptr, e.body.len, &b);
    if (st != HKP_OK) return st;
    st = check_body(&b, rules);
    *block = b; /* authentic: even a fork or a gap is worth keeping */
    return st;
}
