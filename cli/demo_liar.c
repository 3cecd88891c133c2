/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A validator that lies. It has keys, certificate and seat like any other, follows the chain with libdsm, and
 * signs every NOTAR twice: for what was proposed, and for something else. Both votes go to everybody. It
 * is made of the public interfaces of libhtp and libdsm; nothing in the libraries helps it.
 */
#include "demo.h"

#include <hookprobe/dsm.h>
#include <hookprobe/htp.h>
#include <hookprobe/ter.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 96, OP_VOTE = 36, NONE = 0xFFFFFFFF, LANES = 2, PEERS = DEMO_NODES - 1 };

struct victim {
    uint8_t node_id[16], a[32], s[32];
    struct hkp_htp_path path;
    uint64_t session, connecting;
    hkp_time retry_at;
    uint32_t lane_in[LANES], lane_out[LANES];
};

struct liar {
    uint8_t keys[KEYS], secret[64], genesis[HKP_DSM_GENESIS_MAX], certificate[HKP_DSM_CERTIFICATE_MAX];
    size_t genesis_len, certificate_len;
    struct hkp_dsm_genesis mesh;
    struct hkp_dsm_certificate own;
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    hkp_dsm_node *dsm;
    hkp_dsm_store *store;
    int dirty, started;
    struct victim victims[PEERS];
};

/* ---- What libhtp asks ---- */

static struct victim *victim_of(struct liar *l, const uint8_t node_id[16]) {
    for (int i = 0; i < PEERS; i++)
        if (memcmp(l->victims[i].node_id, node_id, 16) == 0) return &l->victims[i];
    return NULL;
}

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct victim *v = victim_of((struct liar *)user, node_id);
    if (v == NULL) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->a, v->a, 32);
    out->neural = HKP_HTP_NEURAL_OPEN;
    out->trust = HKP_HTP_TRUST_ONE;
    return HKP_OK;
}

static hkp_status own_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static hkp_status neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                         struct hkp_htp_neural *out) {
    (void)user, (void)node_id, (void)side, (void)ck_index, (void)out;
    return HKP_E_NOTFOUND;
}

static hkp_status posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                       const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)msg_hash, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static void neural_release(void *user, uint64_t handle) { (void)user, (void)handle; }

static hkp_status certificate(void *user, uint32_t form, const uint8_t *data, size_t len, uint64_t wall_us,
                              struct hkp_htp_identity *out) {
    struct liar *l = (struct liar *)user;
    const struct hkp_dsm_officers officers = {&l->mesh.ca_set, 1, NULL, 0};
    struct hkp_dsm_certificate c;
    if (form != HKP_HTP_CERT_WHOLE) return HKP_E_NOTFOUND;
    const hkp_status st =
        hkp_dsm_certificate_check(data, len, l->mesh.chain_id, &officers, wall_us / 1000000, 0, &c);
    if (st != HKP_OK) return st;
    memset(out, 0, sizeof *out);
    memcpy(out->node_id, c.node_id, 16);
    memcpy(out->a, c.key, 32);
    memcpy(out->s, c.static_key, 32);
    out->roles = c.roles;
    out->not_after_s = c.not_after_s;
    return HKP_OK;
}

static hkp_status mode_n(void *user, const struct hkp_htp_mode_n *query, uint8_t *n_case) {
    (void)user, (void)query;
    *n_case = 4; /* between members of the validator set */
    return HKP_OK;
}

/* ---- Beginning ---- */

static int load_keys(struct liar *l, const char *dir) {
    struct hkp_ter_keystore_options o;
    uint8_t key[32];
    char path[512];
    size_t len = 0;
    hkp_ter_keystore_options_init(&o, sizeof o);
    snprintf(path, sizeof path, "%s/keys", dir);
    o.path = path;
    if (hkp_ter_keystore_read(&o, l->keys, sizeof l->keys, &len, NULL) != HKP_OK || len != KEYS) return -1;
    crypto_sign_seed_keypair(key, l->secret, l->keys);
    snprintf(path, sizeof path, "%s/genesis", dir);
    if (hkp_ter_file_read(path, 0, l->genesis, sizeof l->genesis, &l->genesis_len) != HKP_OK) return -1;
    snprintf(path, sizeof path, "%s/certificate", dir);
    if (hkp_ter_file_read(path, 0, l->certificate, sizeof l->certificate, &l->certificate_len) != HKP_OK)
        return -1;
    return hkp_dsm_genesis_parse(l->genesis, l->genesis_len, &l->mesh) == HKP_OK &&
                   hkp_dsm_certificate_parse(l->certificate, l->certificate_len, &l->own) == HKP_OK
               ? 0
               : -1;
}

static void forget_session(struct victim *v) {
    v->session = 0;
    for (int i = 0; i < LANES; i++) v->lane_in[i] = v->lane_out[i] = NONE;
}

static int load_victims(struct liar *l, const char *dir, const struct hkp_mesh_provision_node *nodes,
                        int port) {
    for (int i = 0; i < PEERS; i++) {
        struct victim *v = &l->victims[i];
        struct hkp_dsm_certificate c;
        uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
        char path[512], text[64], hex[33];
        size_t len = 0;
        memcpy(v->node_id, nodes[i].node_id, 16);
        snprintf(path, sizeof path, "%s/members/%s", dir, sodium_bin2hex(hex, sizeof hex, v->node_id, 16));
        if (hkp_ter_file_read(path, 0, bytes, sizeof bytes, &len) != HKP_OK ||
            hkp_dsm_certificate_parse(bytes, len, &c) != HKP_OK)
            return -1;
        memcpy(v->a, c.key, 32);
        memcpy(v->s, c.static_key, 32);
        snprintf(text, sizeof text, "127.0.0.1:%d", port + i);
        if (hkp_htp_path_parse(text, &v->path) != HKP_OK) return -1;
        forget_session(v);
        if (hkp_dsm_node_add_certificate(l->dsm, cli_mono(), cli_wall(), bytes, len) != HKP_OK) return -1;
    }
    return 0;
}

static int open_endpoint(struct liar *l, int port) {
    struct hkp_htp_options h;
    struct hkp_htp_path at;
    struct hkp_dsm_multi m;
    char text[64];
    hkp_htp_options_init(&h, sizeof h);
    hkp_ter_system_rng(&h.rng);
    h.registry = (struct hkp_htp_registry){.user = l,
                                           .find = find,
                                           .own_index = own_index,
                                           .neural = neural,
                                           .posf = posf,
                                           .neural_release = neural_release,
                                           .certificate = certificate,
                                           .mode_n = mode_n};
    memcpy(h.node_id, l->own.node_id, 16);
    memcpy(h.a_seed, l->keys, 32);
    memcpy(h.s_secret, l->keys + 32, 32);
    h.certificate = l->certificate;
    h.certificate_len = l->certificate_len;
    if (hkp_dsm_multi_parse(l->certificate, l->certificate_len, &m) != HKP_OK) return -1;
    hkp_dsm_object_id(h.certificate_id, l->mesh.chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr,
                      m.body.len);
    memcpy(h.own.node_id, l->own.node_id, 16);
    memcpy(h.own.a, l->own.key, 32);
    memcpy(h.own.s, l->own.static_key, 32);
    h.own.roles = l->own.roles;
    h.accept_certified = 1;
    h.show_certificate = 1;
    h.sessions_max = 16;
    h.heartbeat_s = 1;
    if (hkp_htp_endpoint_new(&l->ep, &h, cli_mono()) != HKP_OK) return -1;
    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    return hkp_htp_path_parse(text, &at) == HKP_OK && hkp_htp_udp_open(&l->udp, &at, NULL) == HKP_OK ? 0 : -1;
}

static int open_chain(struct liar *l, const char *dir) {
    struct hkp_dsm_node_options o;
    struct hkp_dsm_store_fault fault;
    char path[512];
    hkp_dsm_node_options_init(&o, sizeof o);
    hkp_ter_system_rng(&o.rng);
    o.genesis = l->genesis;
    o.genesis_len = l->genesis_len;
    o.certificate = l->certificate;
    o.certificate_len = l->certificate_len;
    o.secret = l->secret;
    o.t_cp_ns = 100000000U;
    o.delay_ns = 50000000U;
    snprintf(path, sizeof path, "%s/store", dir);
    if (hkp_dsm_store_open(&l->store, path, 1, &fault) != HKP_OK) return -1;
    if (hkp_dsm_node_new(&l->dsm, &o, cli_mono()) != HKP_OK) return -1;
    return hkp_dsm_node_start(l->dsm, cli_mono(), cli_wall()) == HKP_OK ? 0 : -1;
}

/* ---- Sessions and lanes ---- */

static void up(struct liar *l, const struct hkp_htp_event *ev) {
    const struct hkp_htp_judgement j = {.struct_size = sizeof j,
                                        .trust = HKP_HTP_TRUST_ONE,
                                        .validators = 1,
                                        .integrity = HKP_HTP_INTEGRITY_GOOD};
    struct victim *v = victim_of(l, ev->peer);
    if (v == NULL) return;
    if (v->connecting == ev->session) v->connecting = 0;
    if (v->session != 0 && hkp_dsm_peer_down(l->dsm, cli_mono(), v->node_id) != HKP_OK) return;
    forget_session(v);
    v->session = ev->session;
    if (hkp_htp_session_allow(l->ep, v->session, 1U << HKP_HTP_STREAM_CONTROL | 1U << HKP_HTP_STREAM_DSM,
                              0) != HKP_OK ||
        hkp_htp_session_judge(l->ep, cli_mono(), v->session, &j) != HKP_OK ||
        hkp_dsm_peer_up(l->dsm, cli_mono(), v->node_id, HKP_DSM_LANES_SAFETY) != HKP_OK)
        fprintf(stderr, "liar: a session of no use\n");
}

static void down(struct liar *l, const struct hkp_htp_event *ev) {
    for (int i = 0; i < PEERS; i++) {
        struct victim *v = &l->victims[i];
        if (v->connecting == ev->session) v->connecting = 0;
        if (v->session != ev->session) continue;
        forget_session(v);
        v->retry_at = cli_mono() + 300000000U;
        if (hkp_dsm_peer_down(l->dsm, cli_mono(), v->node_id) != HKP_OK) fprintf(stderr, "liar: no peer\n");
    }
}

/* The first message on a stream is its lane (D-GSP-18). */
static void message(struct liar *l, const struct hkp_htp_event *ev) {
    struct victim *v = NULL;
    uint32_t lane = 0;
    for (int i = 0; i < PEERS; i++)
        if (l->victims[i].session == ev->session) v = &l->victims[i];
    if (v == NULL || ev->stream_class != HKP_HTP_STREAM_DSM) return;
    while (lane < LANES && v->lane_in[lane] != ev->stream) lane++;
    hkp_status st = HKP_OK;
    if (lane < LANES) {
        st = hkp_dsm_recv(l->dsm, cli_mono(), cli_wall(), v->node_id, lane, ev->data, ev->len);
    } else if (ev->len == 1 && ev->data[0] < LANES) {
        v->lane_in[ev->data[0]] = ev->stream;
        st = hkp_htp_stream_limit(l->ep, ev->session, ev->stream, 2097152);
    } else {
        st = hkp_htp_stream_stop(l->ep, ev->session, ev->stream, HKP_HTP_CODE_DENIED);
    }
    (void)st; /* whatever it was: the others repeat what matters */
}

static void hear(struct liar *l) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    while (hkp_htp_event(l->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) up(l, &ev);
        if (ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED) down(l, &ev);
        if (ev.type == HKP_HTP_EVENT_MESSAGE) message(l, &ev);
        if (ev.type == HKP_HTP_EVENT_STREAM && ev.stream_class == HKP_HTP_STREAM_DSM &&
            hkp_htp_stream_limit(l->ep, ev.session, ev.stream, 1) != HKP_OK)
            fprintf(stderr, "liar: a stream of no use\n");
        ev.struct_size = sizeof ev;
    }
    for (int i = 0; i < PEERS; i++) {
        struct victim *v = &l->victims[i];
        if (v->session != 0 || v->connecting != 0 || cli_mono() < v->retry_at) continue;
        v->retry_at = cli_mono() + 300000000U;
        if (hkp_htp_connect(l->ep, cli_mono(), cli_wall(), &v->path, v->node_id, v->s, v->a, HKP_HTP_MODE_N,
                            &v->connecting) != HKP_OK)
            v->connecting = 0;
    }
}

static void send_on(struct liar *l, struct victim *v, uint32_t lane, const uint8_t *msg, size_t len) {
    const uint8_t opening = (uint8_t)lane;
    if (lane >= LANES || v->session == 0) return;
    if (v->lane_out[lane] == NONE &&
        (hkp_htp_stream_open(l->ep, v->session, HKP_HTP_STREAM_DSM, 0, lane, &v->lane_out[lane]) != HKP_OK ||
         hkp_htp_stream_send(l->ep, v->session, v->lane_out[lane], &opening, 1, 0) != HKP_OK)) {
        v->lane_out[lane] = NONE;
        return;
    }
    if (hkp_htp_stream_send(l->ep, v->session, v->lane_out[lane], msg, len, 0) != HKP_OK)
        fprintf(stderr, "liar: a message was lost\n"); /* it is repeated */
}

/* ---- The lie ---- */

/* The same vote for something else: [epoch, view, digest] with another digest, and a good signature. */
static size_t vote_twice(const struct liar *l, const uint8_t *msg, size_t len, uint8_t *dst, size_t cap) {
    const uint32_t notar = 1U << HKP_DSM_KIND_NOTAR;
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_envelope e;
    uint8_t body[128], envelope[256];
    size_t envelope_len = 0, inner_len = 0;
    (void)hkp_dsm_cbor_read(&r, msg, len);
    if (hkp_dsm_cbor_array(&r, 2, 2) != 2 || hkp_dsm_cbor_uint(&r, 0, UINT64_MAX) != OP_VOTE) return 0;
    const uint8_t *inner = hkp_dsm_cbor_bytes(&r, 1, 256, &inner_len);
    if (inner == NULL || hkp_dsm_envelope_parse(inner, inner_len, notar, &e) != HKP_OK ||
        e.body.len > sizeof body)
        return 0;
    memcpy(body, e.body.ptr, e.body.len);
    body[e.body.len - 1] ^= 1; /* the digest stands at the end */
    if (hkp_dsm_envelope_sign(l->mesh.chain_id, HKP_DSM_KIND_NOTAR, l->own.node_id, l->secret, body,
                              e.body.len, envelope, sizeof envelope, &envelope_len) != HKP_OK)
        return 0;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 2);
    hkp_dsm_cbor_put_uint(&w, OP_VOTE);
    hkp_dsm_cbor_put_bytes(&w, envelope, envelope_len);
    return w.status == HKP_OK ? w.len : 0;
}

static void speak(struct liar *l) {
    for (int i = 0; i < PEERS; i++) {
        struct victim *v = &l->victims[i];
        uint32_t lane;
        const uint8_t *msg;
        uint8_t other[512];
        size_t len;
        while (v->session != 0 && hkp_dsm_send_to(l->dsm, v->node_id, 0, &lane, &msg, &len) == HKP_OK) {
            const size_t n = vote_twice(l, msg, len, other, sizeof other);
            send_on(l, v, lane, msg, len);
            if (n > 0) send_on(l, v, lane, other, n);
        }
    }
}

/* ---- Life ---- */

static int keep(struct liar *l) {
    struct hkp_dsm_event ev;
    memset(&ev, 0, sizeof ev);
    while (hkp_dsm_event(l->dsm, &ev) == HKP_OK) {
        if (ev.kind == HKP_DSM_EV_STARTED) l->started = 1;
        if (ev.kind > HKP_DSM_EV_STORE_DROP) continue;
        if (hkp_dsm_store_apply(l->store, l->dsm, cli_mono(), &ev) != HKP_OK) return -1;
        l->dirty = 1;
    }
    if (!l->dirty) return 0;
    l->dirty = 0;
    return hkp_dsm_store_commit(l->store, l->dsm, cli_mono()) == HKP_OK ? 1 : -1;
}

static int turn(struct liar *l) {
    int again = 1;
    if (hkp_htp_udp_pump(l->udp, l->ep, cli_mono(), cli_wall()) != HKP_OK) return -1;
    hear(l);
    const hkp_status st = hkp_dsm_tick(l->dsm, cli_mono(), cli_wall());
    if (hkp_dsm_status_class(st) == HKP_CLASS_DEAD) return -1;
    for (int round = 0; again > 0 && round < 64; round++) again = keep(l);
    if (again < 0) return -1;
    speak(l);
    if (hkp_htp_udp_pump(l->udp, l->ep, cli_mono(), cli_wall()) != HKP_OK) return -1;
    struct pollfd p = {.fd = hkp_htp_udp_fd(l->udp), .events = POLLIN};
    (void)poll(&p, 1, 10);
    return 0;
}

int demo_lie(const char *dir, const struct hkp_mesh_provision_node *nodes, int port) {
    struct liar *l = calloc(1, sizeof *l);
    if (l == NULL || sodium_init() < 0 || load_keys(l, dir) != 0 || open_chain(l, dir) != 0)
        return CLI_SYSTEM;
    while (!l->started) /* what the store holds, before anything is taught */
        if (keep(l) < 0) return CLI_SYSTEM;
    if (load_victims(l, dir, nodes, port) != 0 || open_endpoint(l, port + PEERS) != 0) return CLI_SYSTEM;
    while (turn(l) == 0) continue;
    return CLI_SYSTEM;
}
