/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The control socket: JSON lines over a Unix socket of mode 0600. A request is one object with "op":
 *
 *     {"op":"status"}
 *     {"op":"lookup","type":"ip4","value":"192.0.2.1","proof":true}
 *     {"op":"list","cursor":0,"limit":100}
 *     {"op":"report","type":"ip4","value":"...","threat":4,"severity":2,"confidence":80,"ttl_s":86400}
 *     {"op":"trust_release","node_id":"first 8 to 32 hex digits"}
 *     {"op":"policy_apply","manifest":"/path","rebase":"/path"}                          runner_policy.c
 *     {"op":"submit","file":"/path"}                                                     runner_submit.c
 *     {"op":"ask","what":"head","key":"hex","peers":true}       also list, certificate, officers, members ...
 *     {"op":"send","node_id":"hex","file":"/path"}
 *     {"op":"retire","node_id":"hex"}, {"op":"tombstone","type":"ip4","value":"..."}
 *     {"op":"work"}                    and workload_start, workload_ended                runner_work.c
 *     {"op":"restart_apply","restart":"/path"}                                           runner_restart.c
 *
 * An answer is one object with "ok"; false has "error". Requests of one client are answered in order.
 */
#include "libmesh/posix/runner.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Replies ---- */

static json_t *hex(const uint8_t *bytes, size_t len) {
    char text[129];
    if (len > 64) len = 64;
    return json_string(sodium_bin2hex(text, sizeof text, bytes, len));
}

void hkp_mesh__reply(struct hkp_mesh__client *c, json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    size_t len = text != NULL ? strlen(text) : 0;
    if (text == NULL || c->out_len + len + 1 > HKP_MESH__REPLY_MAX) {
        free(text);
        close(c->fd); /* a client that does not read what it asked for */
        c->fd = -1;
        return;
    }
    char *grown = realloc(c->out, c->out_len + len + 1);
    if (grown != NULL) {
        c->out = grown;
        memcpy(c->out + c->out_len, text, len);
        c->out[c->out_len + len] = '\n';
        c->out_len += len + 1;
    }
    free(text);
}

void hkp_mesh__refuse(struct hkp_mesh__client *c, const char *why) {
    hkp_mesh__reply(c, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

/* ---- status ---- */

static json_t *dropped(const struct hkp_mesh_status *s) {
    json_t *o = json_object();
    for (int i = 0; i < 64; i++)
        if (s->dropped[i] > 0)
            json_object_set_new(o, hkp_htp_status_name(HKP_E_HTP_BASE - i),
                                json_integer((json_int_t)s->dropped[i]));
    return o;
}

static json_t *differing(struct hkp_mesh_runner *r) {
    json_t *list = json_array();
    static const char *const outcomes[] = {"missing", "changed", "changed",
                                           "changed", "changed", "unreadable"};
    for (uint32_t i = 0; i < r->n_items; i++) {
        struct hkp_ter_measured m;
        if (hkp_ter_measure_item(r->measure, i, &m) != HKP_OK || !m.differs) continue;
        json_array_append_new(list, json_pack("{s:s%,s:s}", "path", (const char *)m.path, (size_t)m.path_len,
                                              "what", m.outcome < 6 ? outcomes[m.outcome] : "?"));
    }
    return list;
}

static json_t *eve_status(struct hkp_mesh_runner *r) {
    static const char *const names[HKP_MESH_EVE_COUNT] = {"records",   "broken",     "oversized",
                                                          "not_alert", "no_address", "local"};
    struct hkp_mesh_eve_stats s = {.struct_size = sizeof s};
    if (r->eve == NULL || hkp_mesh_eve_file_stats(r->eve, &s) != HKP_OK) return json_null();
    json_t *o = json_object();
    for (int i = 0; i < HKP_MESH_EVE_COUNT; i++)
        json_object_set_new(o, names[i], json_integer((json_int_t)s.count[i]));
    json_object_set_new(o, "published", json_integer((json_int_t)r->eve_published));
    json_object_set_new(o, "refused", json_integer((json_int_t)r->eve_refused));
    return o;
}

/* What is demanded of a peer as evidence, and how it stands with it; null: nothing is. */
static json_t *attestation(struct hkp_mesh_runner *r, uint32_t index) {
    static const char *const types[] = {"none", "software", "tpm"};
    struct hkp_mesh_attest_status s = {.struct_size = sizeof s};
    if (hkp_mesh_attest_status(r->node, index, &s) != HKP_OK || s.demanded == HKP_DSM_EVIDENCE_NONE)
        return json_null();
    return json_pack("{s:s,s:s,s:b,s:s}", "demanded", types[s.demanded % 3], "evidence",
                     types[s.evidence % 3], "accepted", (int)s.accepted, "refused", s.reason);
}

static json_t *peers(struct hkp_mesh_runner *r) {
    static const char *const states[] = {"none", "PENDING", "ACTIVE", "STALE", "LOST"};
    static const char *const integrity[] = {"differs", "reference", "unknown"};
    json_t *list = json_array();
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    for (uint32_t i = 0; hkp_mesh_peer_status(r->node, i, &p) == HKP_OK; i++) {
        json_array_append_new(
            list, json_pack("{s:o,s:b,s:s,s:f,s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:i,s:I,s:I,s:I,s:b,s:o}",
                            "node_id", hex(p.node_id, 16), "up", (int)p.up, "mode", p.mode ? "R" : "N",
                            "trust", (double)p.trust / 65536.0, "reason", p.reason, "own_instance",
                            states[p.own_state % 5], "held_instance", states[p.held_state % 5], "own_commit",
                            (json_int_t)p.own_commit, "held_commit", (json_int_t)p.held_commit, "ters_held",
                            (json_int_t)p.ter_index, "integrity", integrity[p.integrity % 3], "group",
                            (int)p.group, "rtt_us", (json_int_t)p.rtt_us, "refused", (json_int_t)p.refused,
                            "refused_by", (json_int_t)p.refused_by, "quarantined", (int)p.quarantined,
                            "attestation", attestation(r, i)));
        p.struct_size = sizeof p;
    }
    return list;
}

static json_t *refusals(struct hkp_mesh_runner *r) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_refusals; i++)
        json_array_append_new(list,
                              json_pack("{s:o,s:s,s:I}", "node_id", hex(r->refusals[i].node_id, 16), "cause",
                                        r->refusals[i].text, "count", (json_int_t)r->refusals[i].count));
    return list;
}

static json_t *convictions(struct hkp_mesh_runner *r) {
    char text[2 * HKP_MESH__EVIDENCE_MAX + 1];
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_convictions; i++) {
        const struct hkp_mesh__conviction *c = &r->convictions[i];
        sodium_bin2hex(text, sizeof text, c->evidence, c->evidence_len);
        json_array_append_new(list, json_pack("{s:o,s:I,s:I,s:s}", "node_id", hex(c->node_id, 16), "epoch",
                                              (json_int_t)c->epoch, "height", (json_int_t)c->height,
                                              "evidence", text));
    }
    return list;
}

static void op_status(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    static const char *const states[] = {"DORMANT", "AWAKENING", "AWARE", "SYNCHRONIZED", "AUTONOMOUS"};
    static const char *const integrity[] = {"differs", "reference", "unknown"};
    static const char *const trust[] = {"good", "needed", "alarm"};
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    if (hkp_mesh_node_status(r->node, &s) != HKP_OK) {
        hkp_mesh__refuse(c, "no status");
        return;
    }
    json_t *o = json_pack(
        "{s:b,s:o,s:o,s:s,s:{s:i,s:i,s:i},s:{s:i,s:i},s:{s:I,s:I,s:I,s:I,s:I,s:I},s:{s:s,s:o,s:I,s:I},s:{s:I,"
        "s:I,s:I,"
        "s:I},"
        "s:{s:I,s:I}}",
        "ok", 1, "node_id", hex(s.node_id, 16), "chain_id", hex(s.chain_id, 32), "state", states[s.state % 5],
        "consensus", "members", (int)s.members, "faulty_max", (int)s.faulty_max, "quorum", (int)s.quorum,
        "sessions", "configured", (int)s.peers_configured, "up", (int)s.peers_up, "chain", "height",
        (json_int_t)s.height, "view", (json_int_t)s.view, "epoch", (json_int_t)s.epoch, "final_time_ms",
        (json_int_t)s.final_time_ms, "nullified", (json_int_t)s.nullified, "evidence", (json_int_t)s.evidence,
        "integrity", "state", integrity[s.integrity % 3], "differs", differing(r), "policy_ver",
        (json_int_t)r->policy.ver, "manifest_ver", (json_int_t)r->policy.manifest_ver, "counts", "ters",
        (json_int_t)s.ter_index, "own_blocks", (json_int_t)s.own_seq, "blocks", (json_int_t)s.blocks,
        "blocks_open", (json_int_t)s.blocks_open, "intel", "records", (json_int_t)s.records, "indicators",
        (json_int_t)s.indicators);
    if (o == NULL) {
        hkp_mesh__refuse(c, "no status");
        return;
    }
    json_object_set_new(o, "peers", peers(r));
    json_object_set_new(o, "dropped", dropped(&s));
    json_object_set_new(o, "certificate", hkp_mesh__renewal_json(r));
    json_object_set_new(o, "keys", json_string(r->dir.key_form == HKP_TER_KEY_TPM ? "tpm" : "software"));
    json_object_set_new(o, "bls", json_boolean(s.bls));
    json_object_set_new(o, "scheme2",
                        json_pack("{s:b,s:i,s:b}", "listed", (int)s.bls_listed, "keys", (int)s.bls_keys,
                                  "own", (int)s.bls_own));
    json_object_set_new(o, "boundary",
                        json_pack("{s:I,s:o,s:I,s:s}", "epoch", (json_int_t)s.epoch, "digest",
                                  hex(s.boundary, 32), "time_ms", (json_int_t)s.boundary_ms, "trust",
                                  trust[s.trust % 3]));
    json_object_set_new(o, "eve", eve_status(r));
    json_object_set_new(o, "refused", json_integer((json_int_t)s.refused));
    json_object_set_new(o, "refusals", refusals(r));
    json_object_set_new(o, "convicted", convictions(r));
    hkp_mesh__reply(c, o);
}

/* ---- intelligence ---- */

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
                     (json_int_t)m->valid_until_s, "ioc_key", hex(m->ioc_key, 16));
}

static json_t *finding_json(const struct hkp_mesh_finding *f) {
    const struct hkp_mesh_record *rec = &f->record;
    const char *threat = hkp_mesh_threat_name(rec->threat);
    json_t *o = json_pack(
        "{s:o,s:o,s:i,s:I,s:i,s:I,s:i,s:s,s:i,s:i,s:i,s:I,s:I}", "author", hex(f->origin.author, 16), "block",
        hex(f->origin.block, 32), "group", (int)f->origin.group, "seq", (json_int_t)f->origin.seq, "position",
        (int)f->origin.position, "height", (json_int_t)f->origin.height, "confidence_bp",
        (int)f->confidence_bp, "threat", threat != NULL ? threat : "application", "severity",
        (int)rec->severity, "evidence", (int)rec->evidence, "tlp", (int)rec->tlp, "valid_from_s",
        (json_int_t)rec->valid_from_s, "valid_until_s", (json_int_t)rec->valid_until_s);
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

static void put_data(json_t *to, const uint8_t *proof, size_t len) {
    char *text = malloc(2 * len + 1);
    if (text == NULL) return;
    json_object_set_new(to, "data", json_string(sodium_bin2hex(text, 2 * len + 1, proof, len)));
    free(text);
}

/* The proof as it is, or shorter by the shares that this node holds; without them it stays long (D-QC-4). */
static void put_proof(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *to,
                      const struct hkp_mesh_event *ev) {
    size_t len = 0;
    uint8_t *shorter = c->wants_short ? malloc(ev->data_len) : NULL;
    const int is_short = shorter != NULL && hkp_dsm_bls_shorten(hkp_mesh_dsm(r->node), ev->data, ev->data_len,
                                                                shorter, ev->data_len, &len) == HKP_OK;
    if (c->wants_short) {
        json_t *proof = json_object_get(to, "proof");
        json_object_set_new(proof, "short", json_boolean(is_short));
        if (is_short) json_object_set_new(proof, "bytes", json_integer((json_int_t)len));
    }
    put_data(to, is_short ? shorter : ev->data, is_short ? len : ev->data_len);
    free(shorter);
}

void hkp_mesh__control_proof(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    int known = hkp_mesh_node_status(r->node, &s) == HKP_OK;
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) {
        struct hkp_mesh__client *c = &r->clients[i];
        for (size_t k = 0; c->fd >= 0 && c->reply != NULL && k < c->next_proof; k++) {
            if (c->tickets[k] != ev->ticket) continue;
            c->tickets[k] = 0;
            c->open--;
            json_object_set_new(
                c->findings[k], "proof",
                ev->status == HKP_OK
                    ? json_pack("{s:b,s:I,s:i,s:i}", "verified", 1, "height", (json_int_t)ev->number, "bytes",
                                (int)ev->data_len, "signatures", known ? (int)s.quorum : 0)
                    : json_pack("{s:b,s:s}", "verified", 0, "error", hkp_dsm_status_name(ev->status)));
            if (c->wants_data && ev->status == HKP_OK) put_proof(r, c, c->findings[k], ev);
            c->wants_data = c->wants_short = 0;
            ask_proofs(r, c);
            return;
        }
    }
}

static void op_lookup(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    const char *type = json_string_value(json_object_get(req, "type"));
    json_t *v = json_object_get(req, "value");
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    size_t len = 0;
    uint32_t t = type != NULL ? hkp_mesh_ioc_type_find(type, strlen(type)) : 0;
    const hkp_mesh_intel *intel = hkp_mesh_node_intel(r->node);
    uint64_t now_s = hkp_mesh__wall() / 1000000;
    if (t == 0 || !json_is_string(v)) {
        hkp_mesh__refuse(c, "lookup wants a type (ip4, ip6, domain, ...) and a value");
        return;
    }
    hkp_status st = hkp_mesh_ioc_canonicalise(t, json_string_value(v), json_string_length(v), &t, value,
                                              sizeof value, &len);
    if (st != HKP_OK) {
        hkp_mesh__refuse(c, hkp_mesh_status_name(st));
        return;
    }
    struct hkp_mesh_match *m = malloc(sizeof *m);
    struct hkp_mesh_finding *f = malloc(sizeof *f);
    if (m != NULL && f != NULL) {
        m->struct_size = sizeof *m;
        st = hkp_mesh_intel_lookup(intel, now_s, t, value, len, m);
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

static void op_list(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
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

static void op_report(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    const char *type = json_string_value(json_object_get(req, "type"));
    json_t *v = json_object_get(req, "value");
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    struct hkp_mesh_record rec;
    uint64_t seq = 0;
    int bad = 0;
    memset(&rec, 0, sizeof rec);
    uint32_t t = type != NULL ? hkp_mesh_ioc_type_find(type, strlen(type)) : 0;
    hkp_status st = t == 0 || !json_is_string(v)
                        ? HKP_E_MESH_IOC_TYPE
                        : hkp_mesh_ioc_canonicalise(t, json_string_value(v), json_string_length(v), &t, value,
                                                    sizeof value, &rec.value_len);
    rec.value = value;
    rec.ioc_type = (uint8_t)t;
    rec.threat = (uint16_t)number(req, "threat", HKP_MESH_THREAT_ANOMALY, UINT16_MAX, &bad);
    rec.severity = (uint8_t)number(req, "severity", 3, UINT8_MAX, &bad);
    rec.confidence = (uint8_t)number(req, "confidence", 60, UINT8_MAX, &bad);
    rec.tlp = (uint8_t)number(req, "tlp", HKP_MESH_TLP_GREEN, UINT8_MAX, &bad);
    rec.evidence = (uint8_t)number(req, "evidence", 0, UINT8_MAX, &bad);
    rec.valid_from_s = hkp_mesh__wall() / 1000000;
    rec.valid_until_s = rec.valid_from_s + number(req, "ttl_s", 86400, UINT32_MAX, &bad);
    if (st == HKP_OK && bad) st = HKP_E_MESH_RANGE;
    if (st == HKP_OK) st = hkp_mesh_report_threat(r->node, hkp_mesh__mono(), hkp_mesh__wall(), &rec, &seq);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b,s:I}", "ok", 1, "seq", (json_int_t)seq));
    else
        hkp_mesh__refuse(c, hkp_mesh_status_name(st));
}

/* ---- trust ---- */

/* The one configured peer whose node_id begins so. */
static hkp_status find_peer(struct hkp_mesh_runner *r, const char *prefix, struct hkp_mesh_peer_status *out) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    hkp_status st = HKP_E_NOTFOUND;
    size_t len = prefix != NULL ? strlen(prefix) : 0;
    if (len < 8 || len > 32) return HKP_E_INVAL;
    for (uint32_t i = 0; hkp_mesh_peer_status(r->node, i, &p) == HKP_OK; i++) {
        char text[33];
        sodium_bin2hex(text, sizeof text, p.node_id, 16);
        if (memcmp(text, prefix, len) == 0) {
            if (st == HKP_OK) return HKP_E_INVAL; /* two begin so */
            *out = p;
            st = HKP_OK;
        }
        p.struct_size = sizeof p;
    }
    return st;
}

static void op_trust_release(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    hkp_status st = find_peer(r, json_string_value(json_object_get(req, "node_id")), &p);
    if (st == HKP_OK) st = hkp_mesh_trust_release(r->node, hkp_mesh__mono(), p.node_id);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b,s:o}", "ok", 1, "node_id", hex(p.node_id, 16)));
    else
        hkp_mesh__refuse(c, st == HKP_E_NOTFOUND ? "no configured peer has this node_id"
                            : st == HKP_E_MESH_STATE
                                ? "this peer is not in quarantine"
                                : "node_id wants the 8 to 32 hex digits with which one peer begins");
}

static void request(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *line, size_t len) {
    json_error_t error;
    json_t *req = json_loadb(line, len, 0, &error);
    const char *op = json_string_value(json_object_get(req, "op"));
    if (op == NULL)
        hkp_mesh__refuse(c, "a request is a JSON object with \"op\"");
    else if (strcmp(op, "status") == 0)
        op_status(r, c);
    else if (strcmp(op, "lookup") == 0)
        op_lookup(r, c, req);
    else if (strcmp(op, "list") == 0)
        op_list(r, c, req);
    else if (strcmp(op, "report") == 0)
        op_report(r, c, req);
    else if (strcmp(op, "trust_release") == 0)
        op_trust_release(r, c, req);
    else if (strcmp(op, "policy_apply") == 0)
        hkp_mesh__policy_apply(r, c, json_string_value(json_object_get(req, "manifest")),
                               json_string_value(json_object_get(req, "rebase")));
    else if (strcmp(op, "submit") == 0)
        hkp_mesh__submit_file(r, c, json_string_value(json_object_get(req, "file")));
    else if (strcmp(op, "ask") == 0)
        hkp_mesh__op_ask(r, c, req);
    else if (strcmp(op, "send") == 0)
        hkp_mesh__op_send(r, c, req);
    else if (strcmp(op, "retire") == 0)
        hkp_mesh__op_retire(r, c, req);
    else if (strcmp(op, "tombstone") == 0)
        hkp_mesh__op_tombstone(r, c, req);
    else if (strcmp(op, "restart_apply") == 0)
        hkp_mesh__restart_apply(r, c, json_string_value(json_object_get(req, "restart")));
    else if (!hkp_mesh__work_request(r, c, op, req))
        hkp_mesh__refuse(c, "unknown op");
    json_decref(req);
}

/* ---- The socket ---- */

hkp_status hkp_mesh__control_open(struct hkp_mesh_runner *r, const char *path, struct hkp_mesh_fault *fault) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return hkp_mesh__fault(fault, HKP_E_INVAL, path, "the path of a Unix socket has at most 107 bytes",
                               UINT64_MAX);
    memcpy(a.sun_path, path, strlen(path) + 1);
    snprintf(r->control_path, sizeof r->control_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The folder's lock is ours: a socket that is there was left by a crash. Anything else is not ours. */
    struct stat there;
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) (void)unlink(path);
    mode_t old = umask(0177);
    int bad = fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0;
    umask(old);
    if (bad) {
        hkp_status st = hkp_mesh__fault(fault, HKP_E_IO, path, strerror(errno), UINT64_MAX);
        if (fd >= 0) close(fd);
        r->control_path[0] = 0;
        return st;
    }
    r->control_fd = fd;
    return HKP_OK;
}

static void client_close(struct hkp_mesh__client *c) {
    if (c->fd >= 0) close(c->fd);
    json_decref(c->reply);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

void hkp_mesh__control_accept(struct hkp_mesh_runner *r) {
    int fd = accept4(r->control_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++)
        if (r->clients[i].fd < 0) {
            client_close(&r->clients[i]);
            r->clients[i].fd = fd;
            return;
        }
    close(fd); /* HKP_MESH__CLIENTS_MAX are served */
}

/* One request after the other: the next is read when the answer of the one before is complete. */
static void take_lines(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    char *end;
    while (c->fd >= 0 && c->reply == NULL && (end = memchr(c->in, '\n', c->in_len)) != NULL) {
        size_t len = (size_t)(end - c->in);
        request(r, c, c->in, len);
        memmove(c->in, end + 1, c->in_len - len - 1);
        c->in_len -= len + 1;
    }
}

void hkp_mesh__control_serve(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, int readable) {
    if (readable && c->ended) { /* not only its end: it is gone */
        client_close(c);
        return;
    }
    if (readable && c->in_len < sizeof c->in) {
        ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            client_close(c);
            return;
        }
        if (n > 0) c->in_len += (size_t)n;
        c->ended = n == 0;
    }
    take_lines(r, c);
    if (c->fd >= 0 && c->reply == NULL && c->in_len == sizeof c->in &&
        memchr(c->in, '\n', c->in_len) == NULL) {
        client_close(c); /* longer than any request */
        return;
    }
    while (c->fd >= 0 && c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            client_close(c);
            return;
        }
        c->out_sent += (size_t)n;
    }
    c->out_len = c->out_sent = 0;
    if (c->fd < 0 || (c->ended && c->reply == NULL)) client_close(c);
}

void hkp_mesh__control_close(struct hkp_mesh_runner *r) {
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) client_close(&r->clients[i]);
    if (r->control_fd >= 0) close(r->control_fd);
    if (r->control_path[0] != 0) (void)unlink(r->control_path);
}
