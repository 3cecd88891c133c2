/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Control socket: how the node stands, and what an operator decides about the trust in a peer. */
#include "libmesh/posix/runner.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

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
                            "node_id", hkp_mesh__hex(p.node_id, 16), "up", (int)p.up, "mode",
                            p.mode ? "R" : "N", "trust", (double)p.trust / 65536.0, "reason", p.reason,
                            "own_instance", states[p.own_state % 5], "held_instance",
                            states[p.held_state % 5], "own_commit", (json_int_t)p.own_commit, "held_commit",
                            (json_int_t)p.held_commit, "ters_held", (json_int_t)p.ter_index, "integrity",
                            integrity[p.integrity % 3], "group", (int)p.group, "rtt_us", (json_int_t)p.rtt_us,
                            "refused", (json_int_t)p.refused, "refused_by", (json_int_t)p.refused_by,
                            "quarantined", (int)p.quarantined, "attestation", attestation(r, i)));
        p.struct_size = sizeof p;
    }
    return list;
}

static json_t *refusals(struct hkp_mesh_runner *r) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_refusals; i++)
        json_array_append_new(
            list, json_pack("{s:o,s:s,s:I}", "node_id", hkp_mesh__hex(r->refusals[i].node_id, 16), "cause",
                            r->refusals[i].text, "count", (json_int_t)r->refusals[i].count));
    return list;
}

static json_t *convictions(struct hkp_mesh_runner *r) {
    char text[2 * HKP_MESH__EVIDENCE_MAX + 1];
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_convictions; i++) {
        const struct hkp_mesh__conviction *c = &r->convictions[i];
        sodium_bin2hex(text, sizeof text, c->evidence, c->evidence_len);
        json_array_append_new(list, json_pack("{s:o,s:I,s:I,s:s}", "node_id", hkp_mesh__hex(c->node_id, 16),
                                              "epoch", (json_int_t)c->epoch, "height", (json_int_t)c->height,
                                              "evidence", text));
    }
    return list;
}

/* D-CA-8 */
static json_t *revocations(const struct hkp_mesh_runner *r) {
    static const char *const states[] = {"none", "fresh", "old", "lost"};
    struct hkp_dsm_lists_status s = {.struct_size = sizeof s};
    if (hkp_dsm_node_lists(hkp_mesh_dsm(r->node), &s) != HKP_OK) return json_null();
    return json_pack("{s:s,s:I,s:I,s:I,s:I}", "state", states[s.freshness % 4], "number",
                     (json_int_t)s.number, "entries", (json_int_t)s.entries, "age_s", (json_int_t)s.age_s,
                     "next_s", (json_int_t)s.next_update_s);
}

void hkp_mesh__op_status(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
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
        "ok", 1, "node_id", hkp_mesh__hex(s.node_id, 16), "chain_id", hkp_mesh__hex(s.chain_id, 32), "state",
        states[s.state % 5], "consensus", "members", (int)s.members, "faulty_max", (int)s.faulty_max,
        "quorum", (int)s.quorum, "sessions", "configured", (int)s.peers_configured, "up", (int)s.peers_up,
        "chain", "height", (json_int_t)s.height, "view", (json_int_t)s.view, "epoch", (json_int_t)s.epoch,
        "final_time_ms", (json_int_t)s.final_time_ms, "nullified", (json_int_t)s.nullified, "evidence",
        (json_int_t)s.evidence, "integrity", "state", integrity[s.integrity % 3], "differs", differing(r),
        "policy_ver", (json_int_t)r->policy.ver, "manifest_ver", (json_int_t)r->policy.manifest_ver, "counts",
        "ters", (json_int_t)s.ter_index, "own_blocks", (json_int_t)s.own_seq, "blocks", (json_int_t)s.blocks,
        "blocks_open", (json_int_t)s.blocks_open, "intel", "records", (json_int_t)s.records, "indicators",
        (json_int_t)s.indicators);
    if (o == NULL) {
        hkp_mesh__refuse(c, "no status");
        return;
    }
    json_object_set_new(o, "peers", peers(r));
    json_object_set_new(o, "dropped", dropped(&s));
    json_object_set_new(o, "certificate", hkp_mesh__renewal_json(r));
    json_object_set_new(o, "revocations", revocations(r));
    json_object_set_new(o, "keys", json_string(r->dir.key_form == HKP_TER_KEY_TPM ? "tpm" : "software"));
    json_object_set_new(o, "bls", json_boolean(s.bls));
    json_object_set_new(o, "scheme2",
                        json_pack("{s:b,s:i,s:b}", "listed", (int)s.bls_listed, "keys", (int)s.bls_keys,
                                  "own", (int)s.bls_own));
    json_object_set_new(o, "boundary",
                        json_pack("{s:I,s:o,s:I,s:s}", "epoch", (json_int_t)s.epoch, "digest",
                                  hkp_mesh__hex(s.boundary, 32), "time_ms", (json_int_t)s.boundary_ms,
                                  "trust", trust[s.trust % 3]));
    json_object_set_new(o, "eve", eve_status(r));
    json_object_set_new(o, "refused", json_integer((json_int_t)s.refused));
    json_object_set_new(o, "refusals", refusals(r));
    json_object_set_new(o, "convicted", convictions(r));
    hkp_mesh__reply(c, o);
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

void hkp_mesh__op_trust_release(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    hkp_status st = find_peer(r, json_string_value(json_object_get(req, "node_id")), &p);
    if (st == HKP_OK) st = hkp_mesh_trust_release(r->node, hkp_mesh__mono(), p.node_id);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b,s:o}", "ok", 1, "node_id", hkp_mesh__hex(p.node_id, 16)));
    else
        hkp_mesh__refuse(c, st == HKP_E_NOTFOUND ? "no configured peer has this node_id"
                            : st == HKP_E_MESH_STATE
                                ? "this peer is not in quarantine"
                                : "node_id wants the 8 to 32 hex digits with which one peer begins");
}

/* ---- telemetry (D-AUD-4) ---- */

static json_t *metric_json(const struct hkp_mesh_metric *m) {
    double value = (double)m->value;
    if (m->scale == 0) return json_integer((json_int_t)m->value);
    for (int32_t k = m->scale; k > 0; k--) value *= 10;
    for (int32_t k = m->scale; k < 0; k++) value /= 10;
    return json_real(value);
}

static void telemetry_of(const struct hkp_mesh_runner *r, const uint8_t node_id[16], json_t *list) {
    struct hkp_mesh_telemetry t = {.struct_size = sizeof t};
    const uint64_t now_us = hkp_mesh__wall();
    if (hkp_mesh_telemetry_of(r->node, node_id, &t) != HKP_OK) return;
    json_t *values = json_object();
    for (uint32_t i = 0; i < t.n_values; i++) {
        char number[16];
        const char *name = hkp_mesh_metric_name(t.values[i].metric);
        snprintf(number, sizeof number, "%u", (unsigned)t.values[i].metric);
        json_object_set_new(values, name != NULL ? name : number, metric_json(&t.values[i]));
    }
    const uint64_t age_s = now_us > t.time_us ? (now_us - t.time_us) / 1000000 : 0;
    json_array_append_new(list, json_pack("{s:o,s:b,s:I,s:I,s:I,s:o}", "node_id", hkp_mesh__hex(node_id, 16),
                                          "own", memcmp(node_id, r->node_id, 16) == 0, "batch",
                                          (json_int_t)t.batch, "missing", (json_int_t)t.missing, "age_s",
                                          (json_int_t)age_s, "values", values));
}

void hkp_mesh__op_telemetry(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    json_t *list = json_array();
    telemetry_of(r, r->node_id, list);
    for (uint32_t i = 0; hkp_mesh_peer_status(r->node, i, &p) == HKP_OK; i++)
        telemetry_of(r, p.node_id, list);
    hkp_mesh__reply(c, json_pack("{s:b,s:o}", "ok", 1, "nodes", list));
}
