/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What operators and officers hand each other between two nodes: POLICY messages of class POLICY (SYN-2.3,
 * type 22). Complete objects are judged and spread; requests for certificates, half-signed objects and a
 * RESTART go to the host, for whoever sits there: nothing of them counts by itself (decision 0568).
 */
#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/submit.h>

#include "libmesh/node.h"
#include "libter/options.h"

#include <string.h>

enum { HEAD = 4 };

/** A peer brings something for the host no more often. */
#define POST_EVERY HKP_MESH__SECOND

/* Acts of HTP-8.6 that a kind needs; -1: it does not travel so. */
static int acts_of(uint64_t kind) {
    switch (kind) {
    case HKP_DSM_KIND_CERT_REQUEST:
    case HKP_DSM_KIND_CERTIFICATE:
    case HKP_DSM_KIND_REVOCATION_LIST:
    case HKP_DSM_KIND_CA_SET:
        return 0;
    case HKP_DSM_KIND_RESTART:
        return HKP_HTP_ACT_POLICY_READ;
    case HKP_DSM_KIND_POLICY:
    case HKP_DSM_KIND_ORDER:
        return HKP_HTP_ACT_POLICY_READ | HKP_HTP_ACT_POLICY_WRITE;
    default:
        return -1;
    }
}

static hkp_status kind_of(const uint8_t *object, size_t len, uint32_t *kind) {
    const uint32_t kinds = 1U << HKP_DSM_KIND_CERT_REQUEST | 1U << HKP_DSM_KIND_POLICY;
    struct hkp_dsm_multi m;
    struct hkp_dsm_envelope e;
    if (len > HKP_MESH_POST_MAX) return HKP_E_DSM_TOO_BIG;
    if (hkp_dsm_multi_parse(object, len, &m) == HKP_OK)
        *kind = m.kind <= HKP_DSM_KIND_ORDER ? (uint32_t)m.kind : 0;
    else {
        const hkp_status st = hkp_dsm_envelope_parse(object, len, kinds, &e);
        if (st != HKP_OK) return st;
        *kind = (uint32_t)e.kind;
    }
    return acts_of(*kind) >= 0 ? HKP_OK : HKP_E_UNSUPPORTED;
}

/* ---- out ---- */

hkp_status hkp_mesh_post(hkp_mesh_node *node, hkp_time now, const uint8_t node_id[16], const uint8_t *object,
                         size_t len) {
    uint32_t kind = 0;
    if (node->life != 1 || !node->started) return HKP_E_MESH_STATE;
    if (now > node->now) node->now = now;
    hkp_status st = kind_of(object, len, &kind);
    if (st != HKP_OK) return st;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    struct hkp_mesh__link *link = peer != NULL ? hkp_mesh__link_best(node, peer) : NULL;
    if (link == NULL || !hkp_mesh__may_class(node, peer, link, HKP_HTP_STREAM_POLICY)) return HKP_E_NOTFOUND;
    uint8_t *msg = hkp_mem_alloc(&node->mem, HEAD + len);
    if (msg == NULL) return HKP_E_NOMEM;
    memset(msg, 0, HEAD);
    msg[0] = HKP_NEURO_MSG_POLICY;
    memcpy(msg + HEAD, object, len);
    if (link->post_out == HKP_MESH__NO_STREAM)
        st = hkp_htp_stream_open(node->htp, link->session, HKP_HTP_STREAM_POLICY, 1, 2, &link->post_out);
    if (st == HKP_OK) st = hkp_htp_stream_send(node->htp, link->session, link->post_out, msg, HEAD + len, 0);
    hkp_mem_free(&node->mem, msg, HEAD + len);
    return st;
}

/* ---- in ---- */

static void free_post(struct hkp_mesh_node *node, struct hkp_mesh__post *p) {
    hkp_mem_free(&node->mem, p->bytes, p->len);
    *p = (struct hkp_mesh__post){.bytes = NULL};
}

/* For the host: bounded, and one peer cannot fill it. */
static hkp_status keep(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, uint32_t kind,
                       const uint8_t *object, size_t len) {
    if (node->now < peer->post_at || node->n_posts == HKP_MESH__POSTS) return HKP_E_LIMIT;
    struct hkp_mesh__post *p = &node->posts[node->n_posts];
    p->bytes = hkp_mem_alloc(&node->mem, len);
    if (p->bytes == NULL) return HKP_E_NOMEM;
    memcpy(p->bytes, object, len);
    memcpy(p->from, peer->node_id, 16);
    p->len = len;
    p->kind = kind;
    node->n_posts++;
    peer->post_at = node->now + POST_EVERY;
    return HKP_OK;
}

static int is_own(const struct hkp_mesh_node *node, uint32_t kind, const uint8_t *object, size_t len) {
    struct hkp_dsm_certificate c;
    return kind == HKP_DSM_KIND_CERTIFICATE && hkp_dsm_certificate_parse(object, len, &c) == HKP_OK &&
           memcmp(c.node_id, node->node_id, 16) == 0;
}

static hkp_status take(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, uint32_t kind,
                       const uint8_t *object, size_t len) {
    struct hkp_dsm_request request;
    uint32_t given = 0;
    if (kind == HKP_DSM_KIND_CERT_REQUEST) {
        const hkp_status st = hkp_dsm_request_check(object, len, node->chain_id, &request);
        return st == HKP_OK ? keep(node, peer, kind, object, len) : st;
    }
    if (kind == HKP_DSM_KIND_RESTART) return keep(node, peer, kind, object, len);
    const hkp_status st = hkp_mesh_submit(node, node->now, node->wall_us, object, len, &given);
    if (st == HKP_E_DSM_QUORUM) return keep(node, peer, kind, object, len); /* half-signed */
    const int here = st == HKP_OK || st == HKP_E_DSM_DUPLICATE;
    return here && is_own(node, kind, object, len) ? keep(node, peer, kind, object, len) : st;
}

void hkp_mesh__post_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                            struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    uint32_t type = 0, kind = 0;
    hkp_status st = link->post_in == ev->stream || link->post_out == ev->stream ? HKP_OK : HKP_E_STATE;
    if (st == HKP_OK && !node->started) st = HKP_E_STATE;
    if (st == HKP_OK) st = hkp_neuro_msg_check(HKP_NEURO_CLASS_POLICY, ev->data, ev->len, &type);
    if (st == HKP_OK && type != HKP_NEURO_MSG_POLICY) st = HKP_E_UNSUPPORTED;
    if (st == HKP_OK) st = kind_of(ev->data + HEAD, ev->len - HEAD, &kind);
    if (st == HKP_OK && !hkp_mesh__may_act(node, peer, link, (uint32_t)acts_of(kind))) st = HKP_E_DSM_ROLE;
    if (st == HKP_OK) st = take(node, peer, kind, ev->data + HEAD, ev->len - HEAD);
    if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE) node->refused++;
}

void hkp_mesh__post_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t stream) {
    if (link->post_in != HKP_MESH__NO_STREAM)
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, link->session, link->post_in, HKP_HTP_CODE_DENIED));
    link->post_in = stream;
    hkp_mesh__drop(hkp_htp_stream_limit(node->htp, link->session, stream, HEAD + HKP_MESH_POST_MAX));
}

void hkp_mesh__post_gone(struct hkp_mesh__link *link, uint32_t stream) {
    if (link->post_in == stream) link->post_in = HKP_MESH__NO_STREAM;
    if (link->post_out == stream) link->post_out = HKP_MESH__NO_STREAM;
}

/* What was told before is released with the next event. */
int hkp_mesh__post_event(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    free_post(node, &node->post_told);
    if (node->n_posts == 0) return 0;
    node->post_told = node->posts[0];
    memmove(&node->posts[0], &node->posts[1], --node->n_posts * sizeof node->posts[0]);
    out->kind = HKP_MESH_EVENT_POST;
    out->number = node->post_told.kind;
    out->data = node->post_told.bytes;
    out->data_len = node->post_told.len;
    memcpy(out->node_id, node->post_told.from, 16);
    return 1;
}

void hkp_mesh__post_free(struct hkp_mesh_node *node) {
    free_post(node, &node->post_told);
    while (node->n_posts > 0) free_post(node, &node->posts[--node->n_posts]);
}
