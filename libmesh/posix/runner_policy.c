/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What is measured, and against what: the manifest and the RBA1 in force, and how an operator changes both
 * while the node runs (NZ1 2.4, 11; decision 0520).
 *
 * The REBASE record in the log decides. The new manifest is durable as manifest.next before that record, and
 * replaces the one before only after it: whenever the power goes, the next start finds what the log names.
 */
#include "libmesh/posix/runner.h"
#include "libter/bytes.h"

#include <hookprobe/neuro.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RBA_AT = 8, RBA_SIZE = 192, TRIES_MAX = 16, NAMES_MAX = 8, WHY_MAX = 2048 };

static const char next_name[] = "manifest.next";

/* ---- Why not ---- */

static const char *why_rba(hkp_status st) {
    switch (st) {
    case HKP_E_NEURO_RBA_FORMAT:
        return "is no RBA1";
    case HKP_E_NEURO_RBA_NODE:
        return "is for another node";
    case HKP_E_NEURO_RBA_SIGNER:
        return "is not signed by the policy key of this node";
    case HKP_E_NEURO_RBA_SIGNATURE:
        return "its signature is wrong";
    case HKP_E_NEURO_RBA_VERSION:
        return "its policy_ver must be above the one in force, by at most 1024";
    case HKP_E_NEURO_RBA_EXPIRED:
        return "has expired";
    case HKP_E_MESH_STATE:
        return "no TER was made at this start yet: again in a moment";
    case HKP_E_MESH_LIMIT:
        return "the node is busy: again in a moment";
    default:
        return hkp_neuro_status_name(st);
    }
}

static const char *why_manifest(hkp_status st) {
    switch (st) {
    case HKP_E_TER_MAN_NODE:
        return "is for another node";
    case HKP_E_TER_MAN_SIGNER:
        return "is not signed by the policy key of this node";
    case HKP_E_TER_MAN_SIGNATURE:
        return "its signature is wrong";
    case HKP_E_TER_MAN_LENGTH:
    case HKP_E_TER_MAN_MAGIC:
    case HKP_E_TER_MAN_VERSION:
        return "is no MAN1";
    default:
        return hkp_ter_status_name(st);
    }
}

/* ---- In force ---- */

static hkp_status check_manifest(const struct hkp_mesh_runner *r, const uint8_t *bytes, size_t len,
                                 struct hkp_ter_manifest *manifest) {
    return hkp_ter_manifest_check(manifest, bytes, len, r->node_id, r->dir.policy_key, 1, NULL);
}

static hkp_status check_rba(const struct hkp_mesh_runner *r, const uint8_t rba[RBA_SIZE],
                            struct hkp_neuro_rba *fields) {
    return hkp_neuro_rba_check(fields, rba, RBA_SIZE, r->node_id, r->dir.policy_key, 1);
}

static void in_force(struct hkp_mesh_runner *r, const uint8_t rba[RBA_SIZE],
                     const struct hkp_neuro_rba *fields) {
    memmove(r->dir.rebase, rba, RBA_SIZE);
    r->policy.ver = fields->policy_ver;
    hkp_ter_ripemd160(fields->root, 32, r->h_ref);
}

static hkp_status make_measure(const struct hkp_ter_manifest *manifest, hkp_ter_measure **out) {
    struct hkp_ter_measure_options mo;
    hkp_ter_measure_options_init(&mo, sizeof mo);
    mo.manifest = manifest;
    return hkp_ter_measure_new(out, &mo, hkp_mesh__mono());
}

/* Measures by another manifest from now on; takes both. */
static void measure_by(struct hkp_mesh_runner *r, uint8_t *manifest, size_t len, uint32_t ver,
                       uint32_t n_items, hkp_ter_measure *measure) {
    free(r->dir.manifest);
    r->dir.manifest = manifest;
    r->dir.manifest_len = len;
    r->policy.manifest_ver = ver;
    hkp_ter_measure_free(r->measure);
    r->measure = measure;
    r->n_items = n_items;
}

static hkp_status write_in(const struct hkp_mesh_runner *r, const char *name, const uint8_t *bytes,
                           size_t len) {
    char path[HKP_MESH__PATH_MAX];
    hkp_status st = hkp_mesh__path(path, r->dir.path, name);
    return st == HKP_OK ? hkp_ter_file_write(path, bytes, len) : st;
}

static void drop_next(const struct hkp_mesh_runner *r) {
    char path[HKP_MESH__PATH_MAX];
    if (hkp_mesh__path(path, r->dir.path, next_name) == HKP_OK) (void)unlink(path);
}

/* The manifest of an apply that was logged, but not finished. */
static hkp_status finish(struct hkp_mesh_runner *r) {
    struct hkp_ter_manifest manifest;
    uint8_t *bytes = NULL;
    size_t len = 0;
    hkp_ter_measure *measure = NULL;
    hkp_status st = hkp_mesh__file_read(r->dir.path, next_name, 0, HKP_TER_MANIFEST_MAX, &bytes, &len, NULL);
    if (st == HKP_OK) st = check_manifest(r, bytes, len, &manifest);
    if (st == HKP_OK && manifest.policy_ver != r->policy.ver) st = HKP_E_NOTFOUND;
    if (st != HKP_OK) {
        free(bytes);
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR,
                      "policy %u is in force, but the manifest here is that of %u: apply both again",
                      (unsigned)r->policy.ver, (unsigned)r->policy.manifest_ver);
        return HKP_OK; /* it goes on, and everybody sees that it is not as the policy says */
    }
    st = make_measure(&manifest, &measure);
    if (st == HKP_OK) st = write_in(r, "manifest", bytes, len);
    if (st != HKP_OK) {
        hkp_ter_measure_free(measure);
        free(bytes);
        return st;
    }
    measure_by(r, bytes, len, manifest.policy_ver, manifest.n_items, measure);
    drop_next(r);
    return HKP_OK;
}

/* What the folder says, or the log, if that is newer or says it otherwise. */
static hkp_status choose(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    uint8_t body[RBA_AT + RBA_SIZE];
    struct hkp_neuro_rba file, logged;
    hkp_status st = check_rba(r, r->dir.rebase, &file);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "rebase", why_rba(st), 0);
    in_force(r, r->dir.rebase, &file);
    if (hkp_ter_log_last_rebase(r->log, body) != HKP_OK) return HKP_OK;
    st = check_rba(r, body + RBA_AT, &logged);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "the newest rebase in the log", why_rba(st), 0);
    if (logged.policy_ver < file.policy_ver || memcmp(body + RBA_AT, r->dir.rebase, RBA_SIZE) == 0)
        return HKP_OK;
    in_force(r, body + RBA_AT, &logged);
    return write_in(r, "rebase", r->dir.rebase, RBA_SIZE);
}

hkp_status hkp_mesh__policy_open(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    struct hkp_ter_manifest manifest;
    hkp_status st = check_manifest(r, r->dir.manifest, r->dir.manifest_len, &manifest);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "manifest", hkp_ter_status_name(st), UINT64_MAX);
    r->policy.manifest_ver = manifest.policy_ver;
    r->n_items = manifest.n_items;
    st = choose(r, fault);
    if (st == HKP_OK) st = make_measure(&manifest, &r->measure);
    if (st == HKP_OK && manifest.policy_ver != r->policy.ver) st = finish(r);
    return st;
}

/* ---- On its way ---- */

static void forget(struct hkp_mesh_runner *r) {
    struct hkp_mesh__policy *p = &r->policy;
    hkp_ter_measure_free(p->measure);
    free(p->manifest);
    p->measure = NULL;
    p->manifest = NULL;
    p->tries = 0;
    p->taken = 0;
}

void hkp_mesh__policy_close(struct hkp_mesh_runner *r) { forget(r); }

/* To all who wait for it; why: NULL if it is in force. */
static void answer(struct hkp_mesh_runner *r, const char *why) {
    struct hkp_ter_cursor cursor;
    hkp_ter_log_cursor(r->log, &cursor);
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) {
        struct hkp_mesh__client *c = &r->clients[i];
        if (!c->applies) continue;
        json_t *reply = c->reply;
        c->applies = 0;
        c->reply = NULL;
        if (why == NULL) {
            json_object_set_new(reply, "index", json_integer((json_int_t)cursor.index));
            hkp_mesh__reply(c, reply);
            continue;
        }
        json_decref(reply);
        hkp_mesh__refuse(c, why);
    }
}

static void give_up(struct hkp_mesh_runner *r, const char *why) {
    drop_next(r);
    forget(r);
    answer(r, why);
}

/* Both files, behind the record that puts them in force. */
static hkp_status install(struct hkp_mesh_runner *r) {
    struct hkp_mesh__policy *p = &r->policy;
    struct hkp_neuro_rba fields;
    hkp_status st = check_rba(r, p->rebase, &fields);
    if (st == HKP_OK) st = write_in(r, "manifest", p->manifest, p->manifest_len);
    if (st == HKP_OK) st = write_in(r, "rebase", p->rebase, RBA_SIZE);
    if (st != HKP_OK) return st;
    in_force(r, p->rebase, &fields);
    measure_by(r, p->manifest, p->manifest_len, p->next_ver, p->n_items, p->measure);
    hkp_ter_measure_reference_set(r->measure); /* its R is that of the RBA1 */
    p->manifest = NULL;
    p->measure = NULL;
    drop_next(r);
    forget(r);
    hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "policy %u is in force", (unsigned)p->ver);
    return HKP_OK;
}

void hkp_mesh__policy_logged(struct hkp_mesh_runner *r, const uint8_t *body) {
    struct hkp_mesh__policy *p = &r->policy;
    struct hkp_neuro_rba fields;
    hkp_status st = check_rba(r, body + RBA_AT, &fields);
    if (st != HKP_OK || fields.policy_ver < p->ver) return; /* of old, given back by a holder */
    hkp_mesh__audit(r, HKP_DSM_AUDIT_POLICY, r->node_id, body + RBA_AT, RBA_SIZE);
    if (p->taken && memcmp(p->rebase, body + RBA_AT, RBA_SIZE) == 0) {
        st = install(r);
        if (st == HKP_OK) answer(r, NULL);
    } else {
        in_force(r, body + RBA_AT, &fields);
        st = write_in(r, "rebase", r->dir.rebase, RBA_SIZE);
        if (st == HKP_OK && p->manifest_ver != p->ver) st = finish(r);
    }
    if (st == HKP_OK) return;
    hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "the files of policy %u cannot be written",
                  (unsigned)fields.policy_ver);
    r->failed = st;
}

static void offer(struct hkp_mesh_runner *r, hkp_time now) {
    struct hkp_mesh__policy *p = &r->policy;
    hkp_status st = hkp_mesh_rebase(r->node, now, p->rebase);
    if (st == HKP_OK) {
        p->taken = 1;
        return;
    }
    if (st == HKP_E_MESH_LIMIT && ++p->tries < TRIES_MAX) return; /* a TCK1 stands here: after the next TER */
    char why[256];
    snprintf(why, sizeof why, "rebase: %s", why_rba(st));
    give_up(r, why);
}

void hkp_mesh__policy_ter(struct hkp_mesh_runner *r, hkp_time now) {
    if (r->policy.measure != NULL && !r->policy.taken) offer(r, now);
}

/* ---- What an operator gives ---- */

struct given {
    uint8_t *manifest;
    size_t manifest_len;
    struct hkp_ter_manifest view;
    uint8_t rebase[RBA_SIZE];
    struct hkp_neuro_rba fields;
    char why[WHY_MAX];
};

static int refused(struct given *g, const char *which, const char *path, const char *why) {
    snprintf(g->why, sizeof g->why, "%s %.*s: %s", which, 512, path, why);
    return 0;
}

static int read_given(struct given *g, const char *manifest, const char *rebase) {
    uint8_t bytes[RBA_SIZE + 1];
    size_t len = 0;
    hkp_status st = hkp_ter_file_read(rebase, 0, bytes, sizeof bytes, &len);
    if (st != HKP_OK && st != HKP_E_NOSPC) return refused(g, "rebase", rebase, "cannot be read");
    if (st != HKP_OK || len != RBA_SIZE) return refused(g, "rebase", rebase, why_rba(HKP_E_NEURO_RBA_FORMAT));
    memcpy(g->rebase, bytes, RBA_SIZE);
    g->manifest = malloc(HKP_TER_MANIFEST_MAX);
    if (g->manifest == NULL) return refused(g, "manifest", manifest, "out of memory");
    if (hkp_ter_file_read(manifest, 0, g->manifest, HKP_TER_MANIFEST_MAX, &g->manifest_len) != HKP_OK)
        return refused(g, "manifest", manifest, "cannot be read, or is longer than a manifest can be");
    return 1;
}

/* 1: the manifest of the policy in force, which is missing here. */
static int is_missing_manifest(const struct hkp_mesh_runner *r, const struct given *g) {
    return r->policy.manifest_ver != r->policy.ver && memcmp(g->rebase, r->dir.rebase, RBA_SIZE) == 0;
}

static int check_given(const struct hkp_mesh_runner *r, struct given *g, const char *manifest,
                       const char *rebase) {
    hkp_status st = check_manifest(r, g->manifest, g->manifest_len, &g->view);
    if (st != HKP_OK) return refused(g, "manifest", manifest, why_manifest(st));
    st = check_rba(r, g->rebase, &g->fields);
    if (st == HKP_OK && g->fields.policy_ver <= r->policy.ver && !is_missing_manifest(r, g))
        st = HKP_E_NEURO_RBA_VERSION;
    if (st != HKP_OK) return refused(g, "rebase", rebase, why_rba(st));
    if (g->view.policy_ver != g->fields.policy_ver) {
        snprintf(g->why, sizeof g->why, "the manifest is of policy_ver %u, the rebase of %u",
                 (unsigned)g->view.policy_ver, (unsigned)g->fields.policy_ver);
        return 0;
    }
    return 1;
}

/* A path in an answer: UTF-8 or not, it must be text. */
static void name_item(struct given *g, size_t *used, const char *what, const struct hkp_ter_measured *m) {
    char path[160];
    size_t n = 0;
    for (; n < m->path_len && n + 1 < sizeof path; n++)
        path[n] = m->path[n] >= 0x20 && m->path[n] < 0x7F ? (char)m->path[n] : '?';
    path[n] = 0;
    if (*used < sizeof g->why)
        *used += (size_t)snprintf(g->why + *used, sizeof g->why - *used, "; %s: %s", what, path);
}

/* R alone does not say which item it is: what is missing, and what is not as the policy in force wants it. */
static int differs(const struct hkp_mesh_runner *r, struct given *g, const hkp_ter_measure *measure,
                   const uint8_t root[32]) {
    struct hkp_ter_measured m;
    char is[17], wanted[17];
    uint32_t named = 0;
    sodium_bin2hex(is, sizeof is, root, 8);
    sodium_bin2hex(wanted, sizeof wanted, g->fields.root, 8);
    size_t used =
        (size_t)snprintf(g->why, sizeof g->why,
                         "this machine is not as the rebase says: R is %s..., signed is %s...", is, wanted);
    for (uint32_t i = 0; named < NAMES_MAX && hkp_ter_measure_item(measure, i, &m) == HKP_OK; i++) {
        if (m.outcome == m.kind) continue;
        name_item(g, &used, m.outcome == HKP_TER_KIND_UNREADABLE ? "unreadable" : "missing", &m);
        named++;
    }
    for (uint32_t i = 0; named < NAMES_MAX && hkp_ter_measure_item(r->measure, i, &m) == HKP_OK; i++) {
        if (!m.differs) continue;
        name_item(g, &used, "changed since the policy in force", &m);
        named++;
    }
    return 0;
}

/* By the new manifest, here and now. */
static int measure_given(struct hkp_mesh_runner *r, struct given *g, hkp_ter_measure **out) {
    uint8_t root[32], h_integrity[20];
    hkp_status st = make_measure(&g->view, out);
    if (st == HKP_OK) st = hkp_ter_measure_run(*out, hkp_mesh__mono(), root, h_integrity);
    if (st != HKP_OK) {
        snprintf(g->why, sizeof g->why, "cannot be measured: %s", hkp_ter_status_name(st));
        return 0;
    }
    return memcmp(root, g->fields.root, 32) == 0 || differs(r, g, *out, root);
}

/* 1: it is on its way, and has taken the manifest. */
static int begin(struct hkp_mesh_runner *r, struct given *g, const char *manifest, const char *rebase) {
    struct hkp_mesh__policy *p = &r->policy;
    hkp_ter_measure *measure = NULL;
    int ok = read_given(g, manifest, rebase) && check_given(r, g, manifest, rebase) &&
             measure_given(r, g, &measure);
    if (ok && write_in(r, next_name, g->manifest, g->manifest_len) != HKP_OK) {
        snprintf(g->why, sizeof g->why, "%s: cannot be written", next_name);
        ok = 0;
    }
    if (!ok) {
        hkp_ter_measure_free(measure);
        return 0;
    }
    p->measure = measure;
    p->manifest = g->manifest;
    p->manifest_len = g->manifest_len;
    p->n_items = g->view.n_items;
    p->next_ver = g->view.policy_ver;
    memcpy(p->rebase, g->rebase, RBA_SIZE);
    g->manifest = NULL;
    return 1;
}

void hkp_mesh__policy_apply(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *manifest,
                            const char *rebase) {
    struct given g;
    memset(&g, 0, sizeof g);
    if (manifest == NULL || rebase == NULL || manifest[0] != '/' || rebase[0] != '/') {
        hkp_mesh__refuse(c, "policy_apply wants the absolute paths of a manifest and of its rebase");
        return;
    }
    if (r->policy.measure != NULL) {
        hkp_mesh__refuse(c, "another policy is on its way: again in a moment");
        return;
    }
    if (!begin(r, &g, manifest, rebase)) {
        free(g.manifest);
        hkp_mesh__refuse(c, g.why);
        return;
    }
    c->reply = json_pack("{s:b,s:I}", "ok", 1, "policy_ver", (json_int_t)r->policy.next_ver);
    c->applies = 1;
    if (r->policy.next_ver != r->policy.ver) {
        offer(r, hkp_mesh__mono());
        return;
    }
    hkp_status st = install(r); /* its record is in the log already */
    if (st == HKP_OK)
        answer(r, NULL);
    else
        give_up(r, "the files cannot be written");
}
