/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What a node did, in its audit log: sessions, attestation, seats, policies, starts. A head is published
 * every 60 s in which something was written (D-AUD-2).
 */
#include "libmesh/posix/runner.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISH_AGAIN 1000000000ULL

hkp_status hkp_mesh__audit_open(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    struct hkp_mesh_audit_options o;
    struct hkp_dsm_genesis g;
    uint8_t a_public[32], secret[64];
    char path[HKP_MESH__PATH_MAX];
    hkp_status st = hkp_mesh__path(path, r->dir.path, "audit");
    if (st == HKP_OK) st = hkp_dsm_genesis_parse(r->dir.genesis, r->dir.genesis_len, &g);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "genesis", hkp_dsm_status_name(st), 0);
    crypto_sign_seed_keypair(a_public, secret, r->dir.keys.a_seed);
    hkp_mesh_audit_options_init(&o, sizeof o);
    o.dir = path;
    o.chain_id = g.chain_id;
    o.node_id = r->node_id;
    o.secret = secret;
    st = hkp_mesh_audit_open(&r->audit, &o, fault);
    sodium_memzero(secret, sizeof secret);
    if (st == HKP_OK)
        st = hkp_mesh_audit_newest(r->audit, r->audit_head, sizeof r->audit_head, &r->audit_len);
    return st == HKP_E_NOTFOUND ? HKP_OK
                                : st; /* the newest is published again: a crash may have come before */
}

static void failed(struct hkp_mesh_runner *r, hkp_status st) {
    hkp_mesh__say(r, HKP_MESH_LOG_ERROR, "audit log: %s; nothing more is written to it",
                  hkp_dsm_status_name(st));
    hkp_mesh_audit_close(r->audit);
    r->audit = NULL;
}

static void make_head(struct hkp_mesh_runner *r, hkp_time now, int force) {
    const hkp_status st = hkp_mesh_audit_head(r->audit, now, hkp_mesh__wall(), force, r->audit_head,
                                              sizeof r->audit_head, &r->audit_len);
    if (st == HKP_OK)
        r->audit_at = now;
    else if (st != HKP_E_NOTFOUND)
        failed(r, st);
}

void hkp_mesh__audit(struct hkp_mesh_runner *r, uint32_t type, const uint8_t actor[16], const void *what,
                     size_t len) {
    uint8_t digest[32];
    const hkp_time now = hkp_mesh__mono();
    if (r->audit == NULL) return;
    crypto_hash_sha256(digest, what, len);
    hkp_status st = hkp_mesh_audit_append(r->audit, now, hkp_mesh__wall(), type, actor, digest);
    if (st == HKP_E_LIMIT) {
        make_head(r, now, 1);
        if (r->audit == NULL) return;
        st = hkp_mesh_audit_append(r->audit, now, hkp_mesh__wall(), type, actor, digest);
    }
    if (st != HKP_OK) failed(r, st);
}

/* The words of a fact are what its entry is about: whoever has the log of the host can compare them. */
void hkp_mesh__audit_event(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    static const struct {
        uint32_t kind, type;
        const char *what;
    } audited[] = {{HKP_MESH_EVENT_PEER_UP, HKP_DSM_AUDIT_SESSION, "session up"},
                   {HKP_MESH_EVENT_PEER_DOWN, HKP_DSM_AUDIT_SESSION, "session down"},
                   {HKP_MESH_EVENT_ATTESTED, HKP_DSM_AUDIT_ATTESTATION, "attestation"},
                   {HKP_MESH_EVENT_SEAT, HKP_DSM_AUDIT_ROTATION, "seat"},
                   {HKP_MESH_EVENT_CONVICTED, HKP_DSM_AUDIT_VALIDATION, "convicted"},
                   {HKP_MESH_EVENT_EVIDENCE, HKP_DSM_AUDIT_VALIDATION, "evidence"}};
    char text[sizeof ev->text + 32];
    for (size_t i = 0; i < sizeof audited / sizeof audited[0]; i++) {
        if (audited[i].kind != ev->kind) continue;
        const int refused = ev->kind == HKP_MESH_EVENT_ATTESTED && ev->status != HKP_OK;
        snprintf(text, sizeof text, "%s%s%s", audited[i].what, refused ? " refused: " : "",
                 refused ? ev->text : "");
        hkp_mesh__audit(r, audited[i].type, ev->node_id, text, strlen(text));
    }
}

/* A head that the node cannot take yet waits; a newer one covers what it covered. */
void hkp_mesh__audit_step(struct hkp_mesh_runner *r) {
    const hkp_time now = hkp_mesh__mono();
    uint64_t seq = 0;
    if (r->audit != NULL && now >= hkp_mesh_audit_wake(r->audit)) make_head(r, now, 0);
    if (r->audit_len == 0 || now < r->audit_at) return;
    r->audit_at = now + PUBLISH_AGAIN;
    if (hkp_mesh_audit_publish(r->node, now, hkp_mesh__wall(), r->audit_head, r->audit_len, &seq) == HKP_OK)
        r->audit_len = 0;
}

hkp_time hkp_mesh__audit_wake(const struct hkp_mesh_runner *r) {
    const hkp_time due = r->audit != NULL ? hkp_mesh_audit_wake(r->audit) : HKP_TIME_NEVER;
    return r->audit_len > 0 && r->audit_at < due ? r->audit_at : due;
}

/* At a clean stop all that was written is under a head; it is published at the next start. */
void hkp_mesh__audit_close(struct hkp_mesh_runner *r) {
    uint8_t head[HKP_DSM_AUDIT_HEAD_MAX];
    size_t len = 0;
    if (r->audit == NULL) return;
    const hkp_status st =
        hkp_mesh_audit_head(r->audit, hkp_mesh__mono(), hkp_mesh__wall(), 1, head, sizeof head, &len);
    (void)st; /* without one the entries are there all the same */
    hkp_mesh_audit_close(r->audit);
    r->audit = NULL;
}
