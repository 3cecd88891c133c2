/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What operators and officers tell this node to do, in its log, its audit log and at the control socket. It
 * runs no workload itself: whoever does asks here with the digest of the image, and is answered when the
 * nonce is durably used up.
 *
 *     {"op":"work"}
 *     {"op":"workload_start","run":"id of the ASSIGN","image":"digest"}
 *     {"op":"workload_ended","run":"id of the ASSIGN"}
 */
#include "libmesh/posix/runner.h"

#include <hookprobe/mesh/work.h>

#include <sodium.h>
#include <string.h>

static json_t *hex(const uint8_t *bytes, size_t len) {
    char text[65];
    return json_string(sodium_bin2hex(text, sizeof text, bytes, len));
}

static const char *name_of(uint32_t kind) {
    if (kind == HKP_DSM_KIND_POLICY) return "policy";
    if (kind == HKP_DSM_KIND_ORDER) return "order";
    return kind == HKP_DSM_KIND_WORKLOAD ? "workload" : "assignment";
}

/* ---- Events ---- */

static void log_rule(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    const char *what = ev->kind == HKP_MESH_EVENT_POLICY ? "policy" : "order";
    hkp_mesh__say(
        r, HKP_MESH_LOG_NOTE, "%s %llu of scope %llu %s%s%s", what, (unsigned long long)ev->to,
        (unsigned long long)ev->number, ev->status == HKP_OK ? "is in force" : "is in force no more",
        ev->status == HKP_OK ? "" : ": ", ev->status == HKP_OK ? "" : hkp_dsm_status_name(ev->status));
    hkp_mesh__audit(r, HKP_DSM_AUDIT_POLICY, ev->node_id, ev->data, ev->data_len);
}

static void log_run(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    char run[17];
    sodium_bin2hex(run, sizeof run, ev->data, 8);
    if (ev->kind == HKP_MESH_EVENT_ASSIGNED)
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "workload assigned to this node: run %s", run);
    else
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "run %s %s%s", run,
                      ev->kind == HKP_MESH_EVENT_WORKLOAD_START ? "may start" : "must stop: ",
                      ev->kind == HKP_MESH_EVENT_WORKLOAD_START ? "" : hkp_dsm_status_name(ev->status));
    hkp_mesh__audit(r, HKP_DSM_AUDIT_WORKLOAD, ev->node_id, ev->data, ev->data_len);
}

static void answer_start(struct hkp_mesh_runner *r, const uint8_t run[32]) {
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) {
        struct hkp_mesh__client *c = &r->clients[i];
        if (!c->starts || memcmp(c->run, run, 32) != 0) continue;
        json_t *reply = c->reply;
        c->starts = 0;
        c->reply = NULL;
        hkp_mesh__reply(c, reply);
    }
}

void hkp_mesh__work_event(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    if (ev->data_len != 32) return;
    if (ev->kind == HKP_MESH_EVENT_POLICY || ev->kind == HKP_MESH_EVENT_ORDER) log_rule(r, ev);
    if (ev->kind < HKP_MESH_EVENT_ASSIGNED || ev->kind > HKP_MESH_EVENT_WORKLOAD_STOP) return;
    log_run(r, ev);
    if (ev->kind == HKP_MESH_EVENT_WORKLOAD_START) answer_start(r, ev->data);
}

/* ---- Requests ---- */

static json_t *shown(const struct hkp_mesh_work *o) {
    static const char *const states[] = {"held", "in force", "running"};
    static const uint8_t nobody[32];
    json_t *one = json_pack("{s:s,s:s,s:o,s:I}", "kind", name_of(o->kind), "state", states[o->state % 3],
                            "id", hex(o->id, 32), "bytes", (json_int_t)o->object_len);
    const int is_rule = o->kind == HKP_DSM_KIND_POLICY || o->kind == HKP_DSM_KIND_ORDER;
    if (o->kind != HKP_DSM_KIND_ORDER) json_object_set_new(one, "signer", hex(o->signer, 16));
    if (is_rule && o->scope != 0) json_object_set_new(one, "scope", json_integer((json_int_t)o->scope));
    if (is_rule && o->scope == 0) json_object_set_new(one, "name", hex(o->name, 16));
    if (o->kind != HKP_DSM_KIND_ASSIGN)
        json_object_set_new(one, "number", json_integer((json_int_t)o->number));
    if (o->until_s < INT64_MAX) json_object_set_new(one, "until_s", json_integer((json_int_t)o->until_s));
    if (memcmp(o->workload, nobody, 32) != 0) json_object_set_new(one, "workload", hex(o->workload, 32));
    return one;
}

static void op_work(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    struct hkp_mesh_work o = {.struct_size = sizeof o};
    json_t *list = json_array();
    for (uint32_t i = 0; hkp_mesh_work_at(r->node, i, &o) == HKP_OK; i++)
        json_array_append_new(list, shown(&o));
    hkp_mesh__reply(c, json_pack("{s:b,s:o}", "ok", 1, "objects", list));
}

static int digest_of(const json_t *req, const char *key, uint8_t out[32]) {
    const char *text = json_string_value(json_object_get(req, key));
    size_t len = 0;
    return text != NULL && strlen(text) == 64 && sodium_hex2bin(out, 32, text, 64, NULL, &len, NULL) == 0 &&
           len == 32;
}

static const char *why_not(hkp_status st) {
    if (st == HKP_E_NOTFOUND) return "no assignment of this node has that id, or its workload is not here";
    return st == HKP_E_STATE ? "the node is not ready" : hkp_dsm_status_name(st);
}

static void op_start(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const json_t *req) {
    struct hkp_dsm_start s;
    uint8_t run[32], image[32];
    if (!digest_of(req, "run", run) || !digest_of(req, "image", image)) {
        hkp_mesh__refuse(c, "workload_start wants \"run\" and \"image\", 64 hex digits each");
        return;
    }
    const hkp_status st =
        hkp_mesh_workload_start(r->node, hkp_mesh__mono(), hkp_mesh__wall(), run, image, &s);
    if (st != HKP_OK) {
        hkp_mesh__refuse(c, why_not(st));
        return;
    }
    json_t *arguments = json_array();
    for (uint32_t i = 0; i < s.workload.n_arguments; i++)
        json_array_append_new(
            arguments, json_stringn((const char *)s.workload.arguments[i].ptr, s.workload.arguments[i].len));
    c->reply =
        json_pack("{s:b,s:o,s:o,s:I,s:I,s:I,s:I,s:o}", "ok", 1, "run", hex(run, 32), "workload",
                  hex(s.object, 32), "until_s", (json_int_t)s.until_s, "cpu_milli",
                  (json_int_t)s.workload.cpu_milli, "memory_bytes", (json_int_t)s.workload.memory_bytes,
                  "disk_bytes", (json_int_t)s.workload.disk_bytes, "arguments", arguments);
    memcpy(c->run, run, 32);
    c->starts = 1;
}

static void op_ended(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const json_t *req) {
    uint8_t run[32];
    if (!digest_of(req, "run", run))
        hkp_mesh__refuse(c, "workload_ended wants \"run\", 64 hex digits");
    else if (hkp_mesh_workload_ended(r->node, hkp_mesh__mono(), run) != HKP_OK)
        hkp_mesh__refuse(c, "it does not run");
    else
        hkp_mesh__reply(c, json_pack("{s:b}", "ok", 1));
}

int hkp_mesh__work_request(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *op,
                           const json_t *req) {
    if (strcmp(op, "work") == 0)
        op_work(r, c);
    else if (strcmp(op, "workload_start") == 0)
        op_start(r, c, req);
    else if (strcmp(op, "workload_ended") == 0)
        op_ended(r, c, req);
    else
        return 0;
    return 1;
}
