/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an operator hands to a running node, commands of it, and asks of it. */
#include "libmesh/posix/runner.h"

#include <hookprobe/dsm/commands.h>
#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/submit.h>

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/** files in inbox/, of all peers and of one */
enum { INBOX_FILES = 64, INBOX_OF_ONE = 16 };

/* ---- signed objects ---- */

static const struct {
    uint32_t kind, entry;
    const char *name;
} kinds[] = {
    {HKP_DSM_KIND_CERTIFICATE, HKP_DSM_AUDIT_ENROLMENT, "certificate"},
    {HKP_DSM_KIND_REVOCATION_LIST, HKP_DSM_AUDIT_REVOCATION, "revocation list"},
    {HKP_DSM_KIND_CA_SET, HKP_DSM_AUDIT_POLICY, "set of officers"},
    {HKP_DSM_KIND_ORDER, HKP_DSM_AUDIT_POLICY, "order"},
    {HKP_DSM_KIND_POLICY, HKP_DSM_AUDIT_POLICY, "policy"},
    {HKP_DSM_KIND_WORKLOAD, HKP_DSM_AUDIT_WORKLOAD, "workload"},
    {HKP_DSM_KIND_ASSIGN, HKP_DSM_AUDIT_WORKLOAD, "assignment"},
    {HKP_DSM_KIND_MICROBLOCK, 0, "block"},
    {HKP_DSM_KIND_PEER_RECORD, 0, "peer record"},
    {HKP_DSM_KIND_WITNESS, 0, "statement of a witness"},
    {HKP_DSM_KIND_CLAIM, 0, "claim"},
    {HKP_DSM_KIND_AUDIT_HEAD, 0, "head of an audit log"},
    {HKP_DSM_KIND_TELEMETRY, 0, "telemetry"},
    {HKP_DSM_KIND_MEMBER, 0, "request for a seat"},
    {HKP_DSM_KIND_ENDORSE, 0, "endorsement"},
    {HKP_DSM_KIND_RESTART, 0, "restart"},
    {0, 0, "evidence"},
};

static size_t kind_at(uint32_t kind) {
    size_t i = 0;
    while (i < sizeof kinds / sizeof kinds[0] && kinds[i].kind != kind) i++;
    return i;
}

static const char *why_not(hkp_status st) {
    switch (st) {
    case HKP_E_UNSUPPORTED:
    case HKP_E_DSM_KIND:
        return "such an object is not handed over";
    case HKP_E_MESH_STATE:
    case HKP_E_STATE:
        return "the node is not ready";
    case HKP_E_NOTFOUND:
        return "no peer may be asked now: sessions earn that by and by (HTP-8.6)";
    case HKP_E_LIMIT:
        return "the node is busy; again later";
    case HKP_E_DSM_GAP:
        return "too early: while the node runs it waits there for what comes before it";
    default:
        return hkp_dsm_status_name(st);
    }
}

void hkp_mesh__submit_file(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *path) {
    const size_t cap = HKP_DSM_REVOCATION_LIST_MAX;
    uint8_t *bytes = path != NULL ? malloc(cap) : NULL;
    uint32_t kind = 0;
    size_t len = 0;
    if (path == NULL) {
        hkp_mesh__refuse(c, "submit wants \"file\": path of a signed object");
        return;
    }
    if (bytes == NULL || hkp_ter_file_read(path, 0, bytes, cap, &len) != HKP_OK) {
        hkp_mesh__refuse(c, bytes == NULL ? "out of memory" : "the file cannot be read");
        free(bytes);
        return;
    }
    const hkp_status st = hkp_mesh_submit(r->node, hkp_mesh__mono(), hkp_mesh__wall(), bytes, len, &kind);
    const size_t at = kind_at(kind);
    const int known = at < sizeof kinds / sizeof kinds[0] && (st == HKP_OK || kind != 0);
    if (st == HKP_OK) {
        if (known && kinds[at].entry != 0) hkp_mesh__audit(r, kinds[at].entry, r->node_id, bytes, len);
        hkp_mesh__reply(c, json_pack("{s:b,s:s}", "ok", 1, "kind", known ? kinds[at].name : "object"));
    } else
        hkp_mesh__reply(c, json_pack("{s:b,s:s,s:s}", "ok", 0, "kind", known ? kinds[at].name : "object",
                                     "error", why_not(st)));
    free(bytes);
}

/* ---- from node to node (SYN-2.3) ---- */

static int hex_of(json_t *req, const char *key, uint8_t *bytes, size_t len) {
    const char *text = json_string_value(json_object_get(req, key));
    size_t got = 0;
    return text != NULL && strlen(text) == 2 * len &&
           sodium_hex2bin(bytes, len, text, 2 * len, NULL, &got, NULL) == 0 && got == len;
}

/* A file of 1..HKP_MESH_POST_MAX bytes; NULL after a refusal. */
static uint8_t *read_object(struct hkp_mesh__client *c, json_t *req, size_t *len) {
    const char *path = json_string_value(json_object_get(req, "file"));
    uint8_t *bytes = path != NULL ? malloc(HKP_MESH_POST_MAX) : NULL;
    if (bytes != NULL && hkp_ter_file_read(path, 0, bytes, HKP_MESH_POST_MAX, len) == HKP_OK) return bytes;
    hkp_mesh__refuse(c, path == NULL ? "send wants \"file\": path of an object" : "the file cannot be read");
    free(bytes);
    return NULL;
}

void hkp_mesh__op_send(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    uint8_t id[16];
    size_t len = 0;
    if (!hex_of(req, "node_id", id, 16)) {
        hkp_mesh__refuse(c, "send wants \"node_id\": 32 hex digits");
        return;
    }
    uint8_t *bytes = read_object(c, req, &len);
    if (bytes == NULL) return;
    const hkp_status st = hkp_mesh_post(r->node, hkp_mesh__mono(), id, bytes, len);
    free(bytes);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b}", "ok", 1));
    else
        hkp_mesh__refuse(c, st == HKP_E_NOTFOUND ? "no session with such a peer" : why_not(st));
}

/* Files of all, and of one sender, whose node_id begins so. */
static void files_in(const char *dir, const char *from, size_t *all, size_t *of_one) {
    DIR *d = opendir(dir);
    const struct dirent *e;
    *all = *of_one = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        *all += e->d_name[0] != '.';
        *of_one += strstr(e->d_name, from) != NULL;
    }
    if (d != NULL) closedir(d);
}

/* inbox/: named by what it is and whom it is from, so that the same object is there once. */
void hkp_mesh__post_keep(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev, const char *who) {
    static const char *const names[] = {
        [HKP_DSM_KIND_CERT_REQUEST] = "request", [HKP_DSM_KIND_CERTIFICATE] = "certificate",
        [HKP_DSM_KIND_REVOCATION_LIST] = "list", [HKP_DSM_KIND_CA_SET] = "officers",
        [HKP_DSM_KIND_RESTART] = "restart",      [HKP_DSM_KIND_ORDER] = "order"};
    char dir[HKP_MESH__PATH_MAX], path[HKP_MESH__PATH_MAX], name[64], text[17], from[11] = "-";
    size_t all = 0, of_one = 0;
    uint8_t hash[32];
    const char *kind = ev->number < sizeof names / sizeof names[0] ? names[ev->number] : NULL;
    crypto_hash_sha256(hash, ev->data, ev->data_len);
    sodium_bin2hex(from + 1, sizeof from - 1, ev->node_id, 4);
    from[9] = '-';
    snprintf(name, sizeof name, "%s%s%s", kind != NULL ? kind : "object", from,
             sodium_bin2hex(text, sizeof text, hash, 8));
    hkp_status st = hkp_mesh__path(dir, r->dir.path, "inbox");
    if (st == HKP_OK) st = hkp_mesh__path(path, dir, name);
    if (st == HKP_OK && mkdir(dir, 0700) != 0 && errno != EEXIST) st = HKP_E_IO;
    if (st == HKP_OK) files_in(dir, from, &all, &of_one);
    if (all >= INBOX_FILES || of_one >= INBOX_OF_ONE) st = HKP_E_LIMIT;
    if (st == HKP_OK) st = hkp_ter_file_write(path, ev->data, ev->data_len);
    if (st == HKP_OK)
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s brings inbox/%s", who, name);
    else
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "%s brings something; %s", who,
                      st == HKP_E_LIMIT ? "inbox is full" : "inbox cannot be written");
}

/* ---- commands of a member's operator (D-CKP-3, D-CKP-4) ---- */

static void commanded(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, hkp_status st,
                      const uint8_t id[16]) {
    char text[33];
    sodium_bin2hex(text, sizeof text, id, 16);
    if (st == HKP_OK) {
        hkp_mesh__audit(r, HKP_DSM_AUDIT_POLICY, r->node_id, id, 16);
        hkp_mesh__reply(c, json_pack("{s:b,s:s}", "ok", 1, "id", text));
    } else
        hkp_mesh__refuse(c, st == HKP_E_DSM_SIGNER ? "this node has no seat: members command it"
                            : st == HKP_E_NOTFOUND ? "that node has neither a head nor a seat"
                                                   : why_not(st));
}

void hkp_mesh__op_retire(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    uint8_t id[16];
    if (!hex_of(req, "node_id", id, 16)) {
        hkp_mesh__refuse(c, "retire wants \"node_id\": 32 hex digits");
        return;
    }
    commanded(r, c, hkp_mesh_retire(r->node, hkp_mesh__mono(), hkp_mesh__wall(), id), id);
}

void hkp_mesh__op_tombstone(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX], key[16] = {0};
    size_t len = 0;
    const uint32_t t = hkp_mesh__indicator(c, req, value, &len);
    if (t == 0) return;
    hkp_mesh_ioc_key(t, value, len, key);
    commanded(r, c, hkp_mesh_tombstone(r->node, hkp_mesh__mono(), hkp_mesh__wall(), key), key);
}

/* ---- questions ---- */

static void held(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, uint32_t kind, const uint8_t *id) {
    struct hkp_dsm_view v;
    const hkp_status st = hkp_dsm_node_held(hkp_mesh_dsm(r->node), kind, id, &v);
    if (st == HKP_OK)
        hkp_mesh__reply(c, json_pack("{s:b,s:s,s:o}", "ok", 1, "kind", kinds[kind_at(kind)].name, "data",
                                     hkp_mesh__hex(v.ptr, v.len)));
    else
        hkp_mesh__refuse(c, "none is held here");
}

static void officers(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    struct hkp_dsm_ca_set set;
    struct hkp_dsm_lists_status s = {.struct_size = sizeof s};
    json_t *keys = json_array();
    hkp_dsm_node_ca_set(hkp_mesh_dsm(r->node), &set);
    if (hkp_dsm_node_lists(hkp_mesh_dsm(r->node), &s) != HKP_OK) s.ca_waiting = 0;
    for (uint32_t i = 0; i < set.n_keys; i++) json_array_append_new(keys, hkp_mesh__hex(set.keys[i], 32));
    hkp_mesh__reply(c, json_pack("{s:b,s:I,s:i,s:o,s:I}", "ok", 1, "version", (json_int_t)set.version,
                                 "threshold", (int)set.threshold, "officers", keys, "waiting",
                                 (json_int_t)s.ca_waiting));
}

static void members(struct hkp_mesh_runner *r, struct hkp_mesh__client *c) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    struct hkp_dsm_seat *seats = malloc(HKP_DSM_MEMBERS_MAX * sizeof *seats);
    json_t *list = json_array();
    size_t count = 0;
    if (seats == NULL || hkp_dsm_node_status(hkp_mesh_dsm(r->node), &s) != HKP_OK ||
        hkp_dsm_node_seats(hkp_mesh_dsm(r->node), seats, HKP_DSM_MEMBERS_MAX, &count) != HKP_OK)
        count = 0;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o,s:o,s:I}", "node_id", hkp_mesh__hex(seats[i].node_id, 16),
                                              "key", hkp_mesh__hex(seats[i].key, 32), "group",
                                              (json_int_t)seats[i].group));
    free(seats);
    hkp_mesh__reply(c, json_pack("{s:b,s:I,s:o}", "ok", 1, "epoch", (json_int_t)s.epoch, "members", list));
}

/* The answer comes when the proof does: hkp_mesh__control_proof(). */
static void proof(struct hkp_mesh__client *c, hkp_status st) {
    if (st != HKP_OK) {
        hkp_mesh__refuse(c, why_not(st));
        return;
    }
    c->reply = json_pack("{s:b}", "ok", 1);
    c->findings[0] = c->reply;
    c->n_findings = c->next_proof = c->open = 1;
    c->wants_data = 1;
}

static void prove(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req, uint32_t what) {
    const hkp_time now = hkp_mesh__mono();
    const int of_peers = json_is_true(json_object_get(req, "peers"));
    uint8_t key[32] = {0};
    if (!hex_of(req, "key", key, what == HKP_DSM_ASK_HEAD ? 16 : 32)) {
        hkp_mesh__refuse(c, "ask wants \"key\": node_id of a head, id of a block or leaf hash of an op");
        return;
    }
    proof(c, what == HKP_DSM_ASK_HEAD && !of_peers
                 ? hkp_mesh_prove_head(r->node, now, key, &c->tickets[0])
                 : hkp_mesh_ask(r->node, now, what, key, 0, &c->tickets[0]));
    c->wants_short = c->wants_data && json_is_true(json_object_get(req, "short"));
}

void hkp_mesh__op_ask(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req) {
    const char *what = json_string_value(json_object_get(req, "what"));
    uint8_t id[16];
    if (what == NULL) what = "";
    if (strcmp(what, "list") == 0)
        held(r, c, HKP_DSM_KIND_REVOCATION_LIST, NULL);
    else if (strcmp(what, "certificate") == 0 && hex_of(req, "key", id, 16))
        held(r, c, HKP_DSM_KIND_CERTIFICATE, id);
    else if (strcmp(what, "officers") == 0)
        officers(r, c);
    else if (strcmp(what, "next-officers") == 0)
        held(r, c, HKP_DSM_KIND_CA_SET, NULL);
    else if (strcmp(what, "members") == 0)
        members(r, c);
    else if (strcmp(what, "head") == 0)
        prove(r, c, req, HKP_DSM_ASK_HEAD);
    else if (strcmp(what, "block") == 0)
        prove(r, c, req, HKP_DSM_ASK_BLOCK);
    else if (strcmp(what, "op") == 0)
        prove(r, c, req, HKP_DSM_ASK_OP);
    else
        hkp_mesh__refuse(c, "ask wants \"what\": list, certificate, officers, next-officers, members, head, "
                            "block or op");
}
