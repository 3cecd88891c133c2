/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Items of gossip (D-GSP-6): their shape where they stand in a message, their lane, their id (D-GSP-20). */
#include "libdsm/message/message.h"

#include <string.h>

enum { ENVELOPE_MAX = 17408, MULTI_MAX = 787456, EVIDENCE_MAX = 1574928 };

static hkp_status read_envelope(struct hkp_dsm__item *item) {
    struct hkp_dsm_envelope e;
    hkp_status st = hkp_dsm__envelope_shape(item->object.ptr, item->object.len, &e);
    if (st != HKP_OK) return st;
    const int travels = e.kind == HKP_DSM_KIND_MICROBLOCK ||
                        (e.kind >= HKP_DSM_KIND_PEER_RECORD && e.kind <= HKP_DSM_KIND_CE_BUNDLE &&
                         e.kind != 17 && e.kind != HKP_DSM_KIND_CERT_REQUEST && e.kind != HKP_DSM_KIND_AUTH);
    if (!travels) return HKP_E_DSM_KIND;
    if (e.body.len > hkp_dsm__envelope_body_max(e.kind)) return HKP_E_DSM_TOO_BIG;
    item->kind = (uint32_t)e.kind;
    item->signer = e.signer;
    item->body = e.body;
    return HKP_OK;
}

static hkp_status read_multi(struct hkp_dsm__item *item) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(item->object.ptr, item->object.len, &m);
    if (st != HKP_OK) return st;
    if (!hkp_dsm__multi_is_known(m.kind)) return HKP_E_DSM_KIND;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    item->kind = (uint32_t)m.kind;
    item->body = m.body;
    return HKP_OK;
}

static hkp_status read_cert(struct hkp_dsm__item *item) {
    struct hkp_dsm__cert c;
    hkp_status st = hkp_dsm__cert_parse(item->object.ptr, item->object.len, &c);
    if (st != HKP_OK) return st;
    if (c.kind < HKP_DSM_KIND_NOTAR || c.kind > HKP_DSM_KIND_FINAL) return HKP_E_DSM_KIND;
    item->kind = (uint32_t)c.kind;
    return HKP_OK;
}

static hkp_status read_evidence(const struct hkp_dsm__item *item) {
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, item->object.ptr, item->object.len);
    (void)hkp_dsm_cbor_array(&r, 3, 3);
    (void)hkp_dsm_cbor_uint(&r, HKP_DSM__OP_EVIDENCE, HKP_DSM__OP_EVIDENCE);
    (void)hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, NULL); /* what they hold is for D-EVD */
    (void)hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, NULL);
    return r.status;
}

hkp_status hkp_dsm__item_read(uint32_t form, const struct hkp_dsm_view *object,
                              const struct hkp_dsm_view *payload, struct hkp_dsm__item *item) {
    static const size_t max[] = {ENVELOPE_MAX, MULTI_MAX, HKP_DSM__CERT_MAX, EVIDENCE_MAX};
    struct hkp_dsm__item i = {.form = form, .object = *object};
    hkp_status st = HKP_OK;
    if (form > HKP_DSM__FORM_EVIDENCE) return HKP_E_DSM_KIND;
    if (object->len > max[form]) return HKP_E_DSM_TOO_BIG;
    if (form == HKP_DSM__FORM_ENVELOPE) st = read_envelope(&i);
    if (form == HKP_DSM__FORM_MULTI) st = read_multi(&i);
    if (form == HKP_DSM__FORM_CERT) st = read_cert(&i);
    if (form == HKP_DSM__FORM_EVIDENCE) st = read_evidence(&i);
    if (st != HKP_OK) return st;
    if (payload != NULL && payload->ptr != NULL) {
        if (i.kind != HKP_DSM_KIND_MICROBLOCK || payload->len < HKP_DSM_PAYLOAD_MIN) return HKP_E_DSM_SCHEMA;
        if (payload->len > HKP_DSM_PAYLOAD_MAX) return HKP_E_DSM_TOO_BIG;
        i.payload = *payload;
    }
    *item = i;
    return HKP_OK;
}

hkp_status hkp_dsm__item_push_lane(const struct hkp_dsm__item *item, uint32_t *lane) {
    uint32_t event_type = 0;
    *lane = 3;
    if (item->form == HKP_DSM__FORM_CERT) *lane = 0;
    if (item->form == HKP_DSM__FORM_EVIDENCE) *lane = 1;
    if (item->form == HKP_DSM__FORM_MULTI && item->kind != HKP_DSM_KIND_ALLOWLIST) *lane = 1;
    if (item->kind >= HKP_DSM_KIND_CE_COMMIT && item->kind <= HKP_DSM_KIND_CE_BUNDLE) *lane = 4;
    if (item->kind != HKP_DSM_KIND_MICROBLOCK) return HKP_OK;
    hkp_status st = hkp_dsm__block_event(item->body.ptr, item->body.len, &event_type);
    if (event_type == HKP_DSM_EVENT_THREAT_REPORT || event_type == HKP_DSM_EVENT_SIGHTING ||
        event_type == HKP_DSM_EVENT_REVOKE)
        *lane = 2;
    return st;
}

uint32_t hkp_dsm__item_lane(const struct hkp_dsm__item *item) {
    uint32_t lane;
    (void)hkp_dsm__item_push_lane(item, &lane);
    return lane;
}

void hkp_dsm__item_message_id(const struct hkp_dsm__item *item, const uint8_t chain_id[32], uint8_t id[16]) {
    uint8_t whole[32];
    if (item->form == HKP_DSM__FORM_CERT || item->form == HKP_DSM__FORM_EVIDENCE) {
        hkp_dsm__item_id(id, item->object.ptr, item->object.len);
        return;
    }
    hkp_dsm_object_id(whole, chain_id, item->kind, item->signer, item->body.ptr, item->body.len);
    memcpy(id, whole, 16);
}
