/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Control socket: what the node knows of an indicator, with proofs; what an operator reports. */
#include "libmesh/posix/runner.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

uint32_t hkp_mesh__indicator(struct hkp_mesh__client *c, const json_t *req,
                             uint8_t value[HKP_MESH_IOC_VALUE_MAX], size_t *len) {
    const char *type = json_string_value(json_object_get(req, "type"));
    const json_t *v = json_object_get(req, "value");
    uint32_t t = type != NULL ? hkp_mesh_ioc_type_find(type, strlen(type)) : 0;
    if (t == 0 || !json_is_string(v)) {
        hkp_mesh__refuse(c, "an indicator is a \"type\" (ip4, ip6, domain, ...) and a \"value\"");
        return 0;
    }
    const hkp_status st = hkp_mesh_ioc_canonicalise(t, json_string_value(v), json_string_length(v), &t, value,
                                                    HKP_MESH_IOC_VALUE_MAX, len);
    if (st == HKP_OK) return t;
    hkp_mesh__refuse(c, hkp_mesh_status_name(st));
    return 0;
}

static json_t *match_json(const struct hkp_mesh_match *m) {
    static const char *const levels[] = {"none", "WATCH", "ALERT", "BLOCK"};
    static const char *const kinds[] = {"exact", "prefix", "parent", "host"};
    char text[HKP_MESH_IOC_VALUE_MAX + 1];
    if (hkp_mesh_ioc_text(m->ioc_type, m->value, m->value_len, text, sizeof text) != HKP_OK) text[0] = 0;
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:I,s:I,s:o}", "type",
                     hkp_mesh_ioc_type_name(m->ioc_type), "value", text, "level", levels[m->level % 4],
                     "match", kinds[m->kind % 4], "severity", (int)m->severity, "groups", (int)m->groups,
                     "evidence_groups", (int)m->evidence_groups, "confidence_bp", (int)m->confidence_bp,
                     "valid_from_s", (json_int_t)m->valid_from_s, "valid_until_s",
                     (json_int_t)m->valid_until_s, "ioc_key", hkp_mesh__hex(m->ioc_key, 16));
}

static json_t *finding_json(const struct hkp_mesh_finding *f) {
    const struct hkp_mesh_record *rec = &f->record;
    const char *threat = hkp_mesh_threat_name(rec->threat);
    json_t *o =
        json_pack("{s:o,s:o,s:i,s:I,s:i,s:I,s:i,s:s,s:i,s:i,s:i,s:I,s:I}", "author",
                  hkp_mesh__hex(f->origin.author, 16), "block", hkp_mesh__hex(f->origin.block, 32), "group",
                  (int)f->origin.group, "seq", (json_int_t)f->origin.seq, "position", (int)f->origin.position,
                  "height", (json_int_t)f->origin.height, "confidence_bp", (int)f->confidence_bp, "threat",
                  threat != NULL ? threat : "application", "severity", (int)rec->severity, "evidence",
                  (int)rec->evidence, "tlp", (int)rec->tlp, "valid_from_s", (json_int_t)rec->valid_from_s,
                  "valid_until_s", (json_int_t)rec->valid_until_s);
    if (o != NULL && rec->has_rule) json_object_set_new(o, "rule", json_integer((json_int_t)rec->rule));
    if (o != NULL && rec->context != NULL)
        json_object_set_new(o, "context", json_stringn((const char *)rec->context, rec->context_len));
    return o;
}

/* Sends the reply of a lookup once no proof of it is open. */
static void lookup_done(struct hkp_mesh__client *c) {
    if (c->reply == NULL || c->open > 0 || c->next_proof < c->n_findings) return;
    json_t *o = c->reply;
    c->reply = NULL;
    c->n_findings = 0;
    hkp_mesh__reply(c, o);
}

/* Asks for the proofs that are still to be made; as many at once as the node takes. */
static void ask_proofs(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    while (c->reply != NULL && c->next_proof < c->n_findings) {
        json_t *f = c->findings[c->next_proof];
        struct hkp_mesh_origin origin;
        size_t len = 0;
        memset(&origin, 0, sizeof origin);
        const char *author = json_string_value(json_object_get(f, "author"));
        if (sodium_hex2bin(origin.author, 16, author, strlen(author), NULL, &len, NULL) != 0) return;
        origin.seq = (uint64_t)json_integer_value(json_object_get(f, "seq"));
        origin.position = (uint32_t)json_integer_value(json_object_get(f, "position"));
        hkp_status st = hkp_mesh_prove(r->node, hkp_mesh__mono(), &origin, &c->tickets[c->next_proof]);
        if (st == HKP_E_LIMIT && c->open > 0) return; /* goes on when one of ours is done */
        if (st == HKP_OK)
            c->open++;
        else {
            c->tickets[c->next_proof] = 0;
            json_object_set_new(f, "proof",
                                json_pack("{s:b,s:s}", "verified", 0, "error",
                                          st == HKP_E_LIMIT ? "busy" : hkp_dsm_status_name(st)));
        }
        c->next_proof++;
    }
    lookup_done(c);
}

/* The proof as it is, or shorter by the shares that this node holds; without them it stays long (D-QC-4). */
static void put_proof(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *to,
                      const struct hkp_mesh_event *ev) {
    size_t len = 0;
    struct hkp_dsm_proof proven;
    uint8_t *shorter = c->wants_short ? malloc(ev->data_len) : NULL;
    const int is_short = shorter != NULL &&
                         hkp_dsm_bls_shorten(hkp_mesh_dsm(r->node), ev->data, ev->data_len, shorter,
                                             ev->data_len, &len) == HKP_OK &&
                         hkp_dsm_node_verify(hkp_mesh_dsm(r->node), shorter, len, &proven) == HKP_OK;
    if (c->wants_short) {
        json_t *proof = json_object_get(to, "proof");
        json_object_set_new(proof, "short", json_boolean(is_short));
        if (is_short) json_object_set_new(proof, "bytes", json_integer((json_int_t)len));
        if (is_short) json_object_set_new(proof, "signatures", json_integer((json_int_t)proven.signers));
    }
    json_object_set_new(to, "data",
                        hkp_mesh__hex(is_short ? shorter : ev->data, is_short ? len : ev->data_len));
    free(shorter);
}

void hkp_mesh__control_proof(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) {
        struct hkp_mesh__client *c = &r->clients[i];
        for (size_t k = 0; c->fd >= 0 && c->reply != NULL && k < c->next_proof; k++) {
            if (c->tickets[k] != ev->ticket) continue;
            c->tickets[k] = 0;
            c->open--;
            json_object_set_new(
                c->findings[k], "proof",
                ev->status == HKP_OK
                    ? json_pack("{s:b,s:I,s:i,s:I}", "verified", 1, "height", (json_int_t)ev->number, "bytes",
                                (int)ev->data_len, "signatures", (json_int_t)ev->to)
                    : json_pack("{s:b,s:s}", "verified", 0, "error", hkp_dsm_status_name(ev->status)));
            if (c->wants_data && ev->status == HKP_OK) put_proof(r, c, c->findings[k], ev);
            c->wants_data = c->wants_short = 0;
            ask_proofs(r, c);
            return;
        }
    }
}

void hkp_mesh__op_lookup(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    size_t len = 0;
    const uint32_t t = hkp_mesh__indicator(c, req, value, &len);
    const hkp_mesh_intel *intel = hkp_mesh_node_intel(r->node);
    uint64_t now_s = hkp_mesh__wall() / 1000000;
    if (t == 0) return;
    struct hkp_mesh_match *m = malloc(sizeof *m);
    struct hkp_mesh_finding *f = malloc(sizeof *f);
    if (m != NULL && f != NULL) {
        m->struct_size = sizeof *m;
        const hkp_status st = hkp_mesh_intel_lookup(intel, now_s, t, value, len, m);
        if (st == HKP_OK) {
            json_t *list = json_array();
            c->reply = json_pack("{s:b,s:b,s:o,s:o}", "ok", 1, "found", 1, "indicator", match_json(m),
                                 "findings", list);
            c->n_findings = c->next_proof = c->open = 0;
            for (uint32_t i = 0; i < 64; i++) {
                f->struct_size = sizeof *f;
                if (hkp_mesh_intel_finding(intel, now_s, m->ioc_key, i, f) != HKP_OK) break;
                json_t *o = finding_json(f);
                json_array_append_new(list, o);
                if (json_is_true(json_object_get(req, "proof")) && f->origin.height > 0)
                    c->findings[c->n_findings++] = o;
            }
            ask_proofs(r, c);
        } else
            hkp_mesh__reply(c, json_pack("{s:b,s:b}", "ok", 1, "found", 0));
    } else
        hkp_mesh__refuse(c, "out of memory");
    free(m);
    free(f);
}

void hkp_mesh__op_list(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    const hkp_mesh_intel *intel = hkp_mesh_node_intel(r->node);
    uint64_t now_s = hkp_mesh__wall() / 1000000;
    json_int_t from = json_integer_value(json_object_get(req, "cursor"));
    json_int_t limit = json_integer_value(json_object_get(req, "limit"));
    uint32_t cursor = from > 0 && from <= UINT32_MAX ? (uint32_t)from : 0;
    if (limit < 1 || limit > 1000) limit = 1000;
    json_t *list = json_array();
    struct hkp_mesh_match *m = malloc(sizeof *m);
    int more = 1;
    while (m != NULL && more && (json_int_t)json_array_size(list) < limit) {
        m->struct_size = sizeof *m;
        more = hkp_mesh_intel_next(intel, now_s, &cursor, m) == HKP_OK;
        if (more) json_array_append_new(list, match_json(m));
    }
    free(m);
    hkp_mesh__reply(c, json_pack("{s:b,s:o,s:o}", "ok", 1, "indicators", list, "cursor",
                                 more ? json_integer((json_int_t)cursor) : json_null()));
}

/* A number of a request, or what stands for it; *bad if it is there and no number up to most. */
static uint64_t number(json_t *req, const char *key, uint64_t otherwise, uint64_t most, int *bad) {
    json_t *v = json_object_get(req, key);
    if (v == NULL) return otherwise;
    if (json_is_integer(v) && json_integer_value(v) >= 0 && (uint64_t)json_integer_value(v) <= most)
        return (uint64_t)json_integer_value(v);
    *bad = 1;
    return otherwise;
}

void hkp_mesh__op_report(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    struct hkp_mesh_record rec = {.value_len = 0};
    uint64_t seq = 0;
    int bad = 0;
    const uint32_t t = hkp_mesh__indicator(c, req, value, &rec.value_len);
    if (t == 0) return;
    rec.value = value;
    rec.ioc_type = (uint8_t)t;
    rec.threat = (uint16_t)number(req, "threat", HKP_MESH_THREAT_ANOMALY, UINT16_MAX, &bad);
    rec.severity = (uint8_t)number(req, "severity", 3, UINT8_MAX, &bad);
    rec.confidence = (uint8_t)number(req, "confidence", 60, UINT8_MAX, &bad);
    rec.tlp = (uint8_t)number(req, "tlp", HKP_MESH_TLP_GREEN, UINT8_MAX, &bad);
    rec.evidence = (uint8_t)number(req, "evidence", 0, UINT8_MAX, &bad);
    rec.valid_from_s = hkp_mesh__wall() / 1000000;
    rec.valid_until_s = rec.valid_from_s + number(req, "ttl_s", 86400, UINT32_MAX, &bad);
    hkp_status st = bad ? HKP_E_MESH_RANGE : HKP_OK;
    if (st == HKP_OK) st = hkp_mesh_report_threat(r->node, hkp_mesh__mono(), hkp_mesh__wall(), &rec, &seq);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b,s:I}", "ok", 1, "seq", (json_int_t)seq));
    else
        hkp_mesh__refuse(c, hkp_mesh_status_name(st));
}
