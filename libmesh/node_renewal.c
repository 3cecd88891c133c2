/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Certificates that follow others while the node runs (D-CERT-3, D-CA-5, decision 0612): the own one is
 * renewed in time and used once it is here, a peer's counts for its sessions however it came.
 */
#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/renewal.h>

#include "libmesh/node.h"

#include <sodium.h>
#include <string.h>

static uint64_t renew_s(const struct hkp_dsm_certificate *c) {
    return c->not_before_s + (c->not_after_s - c->not_before_s) / 3 * 2;
}

hkp_status hkp_mesh_renewal_status(const hkp_mesh_node *node, struct hkp_mesh_renewal_status *status) {
    const struct hkp_dsm_certificate *c = &node->own_cert;
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    *status = (struct hkp_mesh_renewal_status){.struct_size = status->struct_size,
                                               .serial = c->serial,
                                               .not_before_s = c->not_before_s,
                                               .not_after_s = c->not_after_s,
                                               .renew_s = renew_s(c)};
    return HKP_OK;
}

static struct hkp_mesh_event *tell(struct hkp_mesh_node *node, uint32_t what,
                                   const struct hkp_dsm_certificate *c) {
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_RENEWAL, node->node_id, "");
    fact->number = what;
    fact->ticket = c->serial;
    fact->to = c->not_after_s;
    return fact;
}

/* Nothing but what is certified now: the same keys, the same machine, and no role more. */
static hkp_status make_request(struct hkp_mesh_node *node) {
    const struct hkp_dsm_certificate *c = &node->own_cert;
    struct hkp_dsm_request q = {.has_static_key = c->has_static_key,
                                .has_ak = c->has_ak,
                                .roles = c->roles,
                                .tier = c->tier,
                                .neuro_gen = c->neuro_gen,
                                .has_bls = c->bls_key.len > 0};
    uint8_t secret[64], public_key[32];
    memcpy(q.static_key, c->static_key, 32);
    memcpy(q.ak, c->ak, sizeof q.ak);
    memcpy(q.enroll_id, c->enroll_id, 32);
    if (q.has_bls) {
        memcpy(q.bls_key, c->bls_key.ptr, 48);
        memcpy(q.bls_proof, c->bls_proof.ptr, 96);
    }
    if (node->opt.rng.fill(node->opt.rng.user, q.nonce, sizeof q.nonce) != 0) return HKP_E_CALLBACK;
    crypto_sign_seed_keypair(public_key, secret, node->opt.a_seed);
    const hkp_status st = hkp_dsm_request_build(node->chain_id, &q, secret, node->renewal.request,
                                                sizeof node->renewal.request, &node->renewal.request_len);
    sodium_memzero(secret, sizeof secret);
    return st;
}

static void look_at_the_clock(struct hkp_mesh_node *node) {
    const struct hkp_dsm_certificate *c = &node->own_cert;
    const uint64_t now_s = node->wall_us / 1000000;
    if (now_s >= renew_s(c) && !node->renewal.due) {
        node->renewal.due = 1;
        node->renewal.request_len = 0;
        const hkp_status st = make_request(node);
        struct hkp_mesh_event *fact = tell(node, HKP_MESH_RENEWAL_DUE, c);
        fact->status = st;
        fact->data = st == HKP_OK ? node->renewal.request : NULL;
        fact->data_len = st == HKP_OK ? node->renewal.request_len : 0;
    }
    if (now_s > c->not_after_s && !node->renewal.ended) {
        node->renewal.ended = 1;
        tell(node, HKP_MESH_RENEWAL_ENDED, c);
    }
}

/* ---- a newer one ---- */

/* HTP-8.7: stale until both have current ones. libhtp is told within a second; it may be what calls. */
void hkp_mesh__renewal_fresh(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    const uint64_t now_s = node->wall_us / 1000000;
    if (!peer->known || now_s > peer->not_after_s || now_s > node->own_cert.not_after_s) return;
    for (int i = 0; i < HKP_MESH__LINKS; i++) peer->links[i].stale = 0;
}

static hkp_status show(struct hkp_mesh_node *node) {
    const struct hkp_dsm_certificate *c = &node->own_cert;
    struct hkp_htp_identity own = {
        .roles = c->roles, .neuro_gen = c->neuro_gen, .not_after_s = c->not_after_s};
    struct hkp_dsm_multi m;
    uint8_t id[32];
    hkp_status st = hkp_dsm_multi_parse(node->own_cert_bytes, node->opt.certificate_len, &m);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    memcpy(own.node_id, node->node_id, 16);
    memcpy(own.a, node->a_public, 32);
    memcpy(own.s, c->static_key, 32);
    return hkp_htp_endpoint_set_certificate(node->htp, node->own_cert_bytes, node->opt.certificate_len, id,
                                            &own);
}

/* libdsm has verified it. Until one is valid and not revoked the present one is better. */
static void take_own(struct hkp_mesh_node *node, const struct hkp_dsm_view *bytes) {
    struct hkp_dsm_certificate c;
    const uint64_t now_s = node->wall_us / 1000000;
    if (bytes->len > sizeof node->own_cert_bytes ||
        hkp_dsm_certificate_parse(bytes->ptr, bytes->len, &c) != HKP_OK)
        return;
    /* of its own serial it counts in place of the present one (D-CA-9) */
    if (c.serial != node->own_cert.serial &&
        (now_s > c.not_after_s || c.serial <= hkp_dsm_node_revoked(node->dsm, node->node_id)))
        return;
    if (!c.has_static_key || memcmp(c.static_key, node->own_cert.static_key, 32) != 0 ||
        c.neuro_gen != node->own_cert.neuro_gen) {
        node->own_cert.roles = c.roles; /* blocks name it all the same (D-CERT-2) */
        tell(node, HKP_MESH_RENEWAL_OTHER, &c);
        return;
    }
    memcpy(node->own_cert_bytes, bytes->ptr, bytes->len);
    node->opt.certificate_len = bytes->len;
    hkp_mesh__drop(hkp_dsm_certificate_parse(node->own_cert_bytes, bytes->len, &node->own_cert));
    hkp_mesh__drop(show(node));
    node->renewal.due = node->renewal.ended = 0;
    struct hkp_mesh_event *fact = tell(node, HKP_MESH_RENEWAL_TAKEN, &c);
    fact->data = node->own_cert_bytes;
    fact->data_len = node->opt.certificate_len;
    for (uint32_t p = 0; p < node->n_peers; p++) hkp_mesh__renewal_fresh(node, &node->peers[p]);
}

/* 1: libdsm holds one of a higher serial than the one in use, or another of its serial (D-CA-9), which nobody
 * looked at before. */
static int is_another(const struct hkp_mesh_node *node, const uint8_t node_id[16], uint64_t serial,
                      const struct hkp_dsm_view *used, struct hkp_mesh__looked *seen,
                      struct hkp_dsm_view *bytes) {
    struct hkp_dsm_member m = {.struct_size = sizeof m};
    struct hkp_dsm_multi multi;
    uint8_t id[32];
    if (hkp_dsm_node_member(node->dsm, node_id, &m) != HKP_OK || m.serial < serial || m.serial < seen->serial)
        return 0;
    if (hkp_dsm_node_held(node->dsm, HKP_DSM_KIND_CERTIFICATE, node_id, bytes) != HKP_OK) return 0;
    if (bytes->len == used->len && memcmp(bytes->ptr, used->ptr, used->len) == 0) return 0;
    if (hkp_dsm_multi_parse(bytes->ptr, bytes->len, &multi) != HKP_OK) return 0;
    hkp_dsm_object_id(id, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, multi.body.ptr, multi.body.len);
    if (m.serial == seen->serial && memcmp(id, seen->id, 32) == 0) return 0;
    seen->serial = m.serial;
    memcpy(seen->id, id, 32);
    return 1;
}

void hkp_mesh__renewal_own(struct hkp_mesh_node *node) {
    const struct hkp_dsm_view used = {node->own_cert_bytes, node->opt.certificate_len};
    struct hkp_dsm_view bytes;
    if (is_another(node, node->node_id, node->own_cert.serial, &used, &node->renewal.seen, &bytes))
        take_own(node, &bytes);
}

static void look_at_peer(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    const struct hkp_dsm_view used = {peer->certificate, peer->certificate_len};
    struct hkp_dsm_view bytes;
    uint8_t copy[HKP_DSM_CERTIFICATE_MAX];
    if (!peer->known) return; /* a stranger shows it in its first session */
    if (!is_another(node, peer->node_id, peer->serial, &used, &peer->seen, &bytes) || bytes.len > sizeof copy)
        return;
    memcpy(copy, bytes.ptr, bytes.len); /* libdsm is given it again */
    hkp_mesh__drop(hkp_mesh__certificate_take(node, peer, copy, bytes.len));
}

void hkp_mesh__renewal_tick(struct hkp_mesh_node *node) {
    if (!node->started) return;
    hkp_mesh__renewal_own(node);
    look_at_the_clock(node);
    for (uint32_t p = 0; p < node->n_peers; p++) look_at_peer(node, &node->peers[p]);
}
