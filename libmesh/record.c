/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Threat records: encoding, check and decay (mesh.md 9.1, M-TI-1, M-TI-2). */
#include "libmesh/record.h"

#include "libmesh/ioc.h"

#include <hookprobe/dsm.h>
#include <string.h>

#define RECORD_VERSION 1
#define TECHNIQUES_MAX 4

/* Keys of the closed map. */
enum {
    KEY_IOC_TYPE = 1,
    KEY_VALUE,
    KEY_THREAT,
    KEY_SEVERITY,
    KEY_CONFIDENCE,
    KEY_VALID_FROM,
    KEY_VALID_UNTIL,
    KEY_TLP,
    KEY_RULE,
    KEY_CONTEXT,
    KEY_TECHNIQUES,
    KEY_EVIDENCE
};

/* "T1234" or "T1234.001" */
static int technique_good(const char *id, size_t len) {
    if ((len != 5 && len != 9) || id[0] != 'T' || (len == 9 && id[5] != '.')) return 0;
    for (size_t i = 1; i < len; i++)
        if (i != 5 && (id[i] < '0' || id[i] > '9')) return 0;
    return 1;
}

/* Fields that no type of indicator decides. */
static hkp_status check_fields(const struct hkp_mesh_record *r) {
    if (r->threat == 0 || r->severity < 1 || r->severity > 5 || r->confidence > 100 ||
        r->tlp > HKP_MESH_TLP_RED || r->evidence > 2 || r->has_rule > 1 ||
        r->context_len > HKP_MESH_CONTEXT_MAX || (r->context == NULL && r->context_len > 0) ||
        r->technique_count > TECHNIQUES_MAX)
        return HKP_E_MESH_SCHEMA;
    for (unsigned i = 0; i < r->technique_count; i++) {
        const char *id = r->technique[i];
        if (memchr(id, 0, sizeof r->technique[i]) == NULL || !technique_good(id, strlen(id)) ||
            (i > 0 && strcmp(r->technique[i - 1], id) >= 0))
            return HKP_E_MESH_SCHEMA;
    }
    return HKP_OK;
}

static hkp_status check_life(const struct hkp_mesh_record *r) {
    if (r->valid_until_s <= r->valid_from_s ||
        r->valid_until_s - r->valid_from_s > hkp_mesh_ioc_ttl_max(r->ioc_type))
        return HKP_E_MESH_TTL;
    return r->tlp == HKP_MESH_TLP_RED ? HKP_E_MESH_TLP : HKP_OK;
}

static void put_key_uint(struct hkp_dsm_cbor_writer *w, uint64_t key, uint64_t value) {
    hkp_dsm_cbor_put_uint(w, key);
    hkp_dsm_cbor_put_uint(w, value);
}

static void put_value(struct hkp_dsm_cbor_writer *w, const struct hkp_mesh_record *r) {
    hkp_dsm_cbor_put_uint(w, KEY_VALUE);
    if (hkp_mesh__ioc_is_text(r->ioc_type))
        hkp_dsm_cbor_put_text(w, (const char *)r->value, r->value_len);
    else
        hkp_dsm_cbor_put_bytes(w, r->value, r->value_len);
}

hkp_status hkp_mesh_record_encode(const struct hkp_mesh_record *record, uint8_t *dst, size_t cap,
                                  size_t *len) {
    const struct hkp_mesh_record *r = record;
    hkp_status st = check_fields(r);
    if (st == HKP_OK) st = hkp_mesh_ioc_check(r->ioc_type, r->value, r->value_len);
    if (st == HKP_OK) st = check_life(r);
    if (st != HKP_OK) return st;

    uint8_t work[HKP_MESH_RECORD_MAX];
    struct hkp_dsm_cbor_writer w = {.out = work, .cap = sizeof work};
    hkp_dsm_cbor_put_map(&w, 10U + (r->has_rule != 0) + (r->context != NULL) + (r->technique_count > 0));
    put_key_uint(&w, 0, RECORD_VERSION);
    put_key_uint(&w, KEY_IOC_TYPE, r->ioc_type);
    put_value(&w, r);
    put_key_uint(&w, KEY_THREAT, r->threat);
    put_key_uint(&w, KEY_SEVERITY, r->severity);
    put_key_uint(&w, KEY_CONFIDENCE, r->confidence);
    put_key_uint(&w, KEY_VALID_FROM, r->valid_from_s);
    put_key_uint(&w, KEY_VALID_UNTIL, r->valid_until_s);
    put_key_uint(&w, KEY_TLP, r->tlp);
    if (r->has_rule) put_key_uint(&w, KEY_RULE, r->rule);
    if (r->context != NULL) {
        hkp_dsm_cbor_put_uint(&w, KEY_CONTEXT);
        hkp_dsm_cbor_put_text(&w, (const char *)r->context, r->context_len);
    }
    if (r->technique_count > 0) {
        hkp_dsm_cbor_put_uint(&w, KEY_TECHNIQUES);
        hkp_dsm_cbor_put_array(&w, r->technique_count);
        for (unsigned i = 0; i < r->technique_count; i++)
            hkp_dsm_cbor_put_text(&w, r->technique[i], strlen(r->technique[i]));
    }
    put_key_uint(&w, KEY_EVIDENCE, r->evidence);
    if (w.status != HKP_OK || hkp_dsm_cbor_check(work, w.len) != HKP_OK) return HKP_E_MESH_SCHEMA;
    if (w.len > cap) return HKP_E_NOSPC;
    memcpy(dst, work, w.len);
    *len = w.len;
    return HKP_OK;
}

static void read_techniques(struct hkp_dsm_cbor_reader *in, struct hkp_mesh_record *r) {
    const size_t n = hkp_dsm_cbor_array(in, 1, TECHNIQUES_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *id = hkp_dsm_cbor_text(in, 5, 9, &len);
        if (in->status == HKP_OK) memcpy(r->technique[i], id, len);
    }
    r->technique_count = (uint8_t)n;
}

/* The closed map into r; the type may be one that does not exist, which the wire check names. */
static void read_map(struct hkp_dsm_cbor_reader *in, struct hkp_mesh_record *r, uint64_t *type,
                     int *is_text) {
    size_t left = hkp_dsm_cbor_object(in, RECORD_VERSION);
    hkp_dsm_cbor_key(in, &left, KEY_IOC_TYPE);
    *type = hkp_dsm_cbor_uint(in, 0, UINT64_MAX);
    hkp_dsm_cbor_key(in, &left, KEY_VALUE);
    *is_text = hkp_dsm_cbor_type(in) == HKP_DSM_CBOR_TEXT;
    if (*is_text)
        r->value = (const uint8_t *)hkp_dsm_cbor_text(in, 0, HKP_MESH_RECORD_MAX, &r->value_len);
    else
        r->value = hkp_dsm_cbor_bytes(in, 0, HKP_MESH_RECORD_MAX, &r->value_len);
    hkp_dsm_cbor_key(in, &left, KEY_THREAT);
    r->threat = (uint16_t)hkp_dsm_cbor_uint(in, 1, UINT16_MAX);
    hkp_dsm_cbor_key(in, &left, KEY_SEVERITY);
    r->severity = (uint8_t)hkp_dsm_cbor_uint(in, 1, 5);
    hkp_dsm_cbor_key(in, &left, KEY_CONFIDENCE);
    r->confidence = (uint8_t)hkp_dsm_cbor_uint(in, 0, 100);
    hkp_dsm_cbor_key(in, &left, KEY_VALID_FROM);
    r->valid_from_s = hkp_dsm_cbor_uint(in, 0, UINT64_MAX);
    hkp_dsm_cbor_key(in, &left, KEY_VALID_UNTIL);
    r->valid_until_s = hkp_dsm_cbor_uint(in, 0, UINT64_MAX);
    hkp_dsm_cbor_key(in, &left, KEY_TLP);
    r->tlp = (uint8_t)hkp_dsm_cbor_uint(in, 0, HKP_MESH_TLP_RED);
    if (hkp_dsm_cbor_option(in, &left, KEY_RULE)) {
        r->rule = (uint32_t)hkp_dsm_cbor_uint(in, 0, UINT32_MAX);
        r->has_rule = 1;
    }
    if (hkp_dsm_cbor_option(in, &left, KEY_CONTEXT))
        r->context = (const uint8_t *)hkp_dsm_cbor_text(in, 0, HKP_MESH_CONTEXT_MAX, &r->context_len);
    if (hkp_dsm_cbor_option(in, &left, KEY_TECHNIQUES)) read_techniques(in, r);
    hkp_dsm_cbor_key(in, &left, KEY_EVIDENCE);
    r->evidence = (uint8_t)hkp_dsm_cbor_uint(in, 0, 2);
    hkp_dsm_cbor_close(in, left);
}

hkp_status hkp_mesh_record_decode(struct hkp_mesh_record *record, const uint8_t *bytes, size_t len,
                                  uint64_t now_s) {
    struct hkp_mesh_record r = {0};
    struct hkp_dsm_cbor_reader in;
    uint64_t type = 0;
    int is_text = 0;
    if (len > HKP_MESH_RECORD_MAX) return HKP_E_MESH_TOO_BIG;
    const hkp_status broken = hkp_dsm_cbor_read(&in, bytes, len);
    if (broken != HKP_OK) return broken;
    read_map(&in, &r, &type, &is_text);
    if (in.status != HKP_OK) return in.status == HKP_E_DSM_VERSION ? HKP_E_MESH_VERSION : HKP_E_MESH_SCHEMA;
    hkp_status st = check_fields(&r);
    if (st != HKP_OK) return st;
    if (type > UINT8_MAX) return HKP_E_MESH_IOC_TYPE;
    r.ioc_type = (uint8_t)type;
    st = hkp_mesh__ioc_check(r.ioc_type, is_text, r.value, r.value_len);
    if (st == HKP_OK) st = check_life(&r);
    if (st != HKP_OK) return st;
    if (r.valid_from_s > now_s && r.valid_from_s - now_s > HKP_MESH__AHEAD_S) return HKP_E_MESH_TIME;
    if (r.valid_until_s <= now_s) return HKP_E_MESH_EXPIRED;
    *record = r;
    return HKP_OK;
}

uint32_t hkp_mesh__decay(uint64_t ttl_max_s, uint32_t confidence, uint64_t from_s, uint64_t until_s,
                         uint64_t now_s) {
    if (now_s >= until_s) return 0;
    const uint64_t age = now_s > from_s ? now_s - from_s : 0, half = ttl_max_s / 4;
    const uint64_t n = age / half, r = age % half;
    if (n >= HKP_MESH__DECAY_STEPS) return 0;
    const uint64_t b = (uint64_t)100 * confidence >> n;
    return (uint32_t)(b - b * r / (2 * half));
}

uint32_t hkp_mesh_record_confidence(const struct hkp_mesh_record *record, uint64_t now_s) {
    const uint64_t ttl = hkp_mesh_ioc_ttl_max(record->ioc_type);
    if (ttl == 0) return 0;
    return hkp_mesh__decay(ttl, record->confidence, record->valid_from_s, record->valid_until_s, now_s);
}
