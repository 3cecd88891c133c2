/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The whole host side of HTP: two endpoints on loopback, one session, one question, one answer.
 *
 *     cc udp_loop.c $(pkg-config --cflags --libs hookprobe-htp) -lsodium -o udp_loop && ./udp_loop
 *
 * Mode N (no neural state) keeps the registry short: it knows one peer by its pinned key.
 */
#include <hookprobe/htp.h>

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct node {
    hkp_htp_udp *udp;
    hkp_htp_endpoint *ep;
    uint8_t id[16], peer_id[16], peer_a[32];
};

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

/* The registry: our only peer, without neural state by decision. */
static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct node *n = user;
    if (memcmp(node_id, n->peer_id, 16) != 0) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->a, n->peer_a, 32);
    out->status = HKP_HTP_NODE_ACTIVE;
    out->neural = HKP_HTP_NEURAL_OFF;
    out->trust = 60000;
    return HKP_OK;
}

static hkp_status no_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static hkp_status no_neural(void *user, const uint8_t id[16], uint32_t side, uint64_t n,
                            struct hkp_htp_neural *out) {
    (void)user, (void)id, (void)side, (void)n, (void)out;
    return HKP_E_NOTFOUND;
}

static hkp_status no_posf(void *user, uint64_t handle, uint8_t role, const uint8_t hash[32],
                          const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)hash, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static void no_release(void *user, uint64_t handle) { (void)user, (void)handle; }

static int make(struct node *n, const uint8_t a_seed[32], const uint8_t s_secret[32]) {
    struct hkp_htp_path any;
    struct hkp_htp_options o;
    hkp_htp_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){NULL, fill};
    o.registry = (struct hkp_htp_registry){.user = n,
                                           .find = find,
                                           .own_index = no_index,
                                           .neural = no_neural,
                                           .posf = no_posf,
                                           .neural_release = no_release};
    memcpy(o.node_id, n->id, 16);
    memcpy(o.a_seed, a_seed, 32);
    memcpy(o.s_secret, s_secret, 32);
    return hkp_htp_endpoint_new(&n->ep, &o, clock_ns(CLOCK_MONOTONIC)) == HKP_OK &&
           hkp_htp_path_parse("127.0.0.1:0", &any) == HKP_OK &&
           hkp_htp_udp_open(&n->udp, &any, NULL) == HKP_OK;
}

/* What this program does with events: V answers every message on its stream; E prints the answer and ends. */
static int take_events(struct node *n, const char *name) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    static const char question[] = "are you there?", answer[] = "I am.";
    uint32_t stream;
    while (hkp_htp_event(n->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) {
            printf("%s: session is up\n", name);
            if (hkp_htp_session_allow(n->ep, ev.session, UINT64_MAX, UINT64_MAX) != HKP_OK) return -1;
            if (ev.role == HKP_HTP_ROLE_E &&
                (hkp_htp_stream_open(n->ep, ev.session, HKP_HTP_STREAM_APP, 1, 3, &stream) != HKP_OK ||
                 hkp_htp_stream_send(n->ep, ev.session, stream, (const uint8_t *)question, sizeof question,
                                     1) != HKP_OK))
                return -1;
        } else if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            printf("%s: \"%s\"\n", name, (const char *)ev.data); /* its NUL was sent, too */
            if (name[0] == 'E') return 1;
            if (hkp_htp_stream_send(n->ep, ev.session, ev.stream, (const uint8_t *)answer, sizeof answer,
                                    1) != HKP_OK)
                return -1;
        } else if (ev.type == HKP_HTP_EVENT_FAILED || ev.type == HKP_HTP_EVENT_DOWN) {
            printf("%s: %s\n", name, hkp_htp_status_name(ev.result));
            return -1;
        }
    }
    return 0;
}

/* One turn of the loop: events first, then bring the socket up to date; returns the next deadline. */
static hkp_time turn(struct node *n, const char *name, int *done) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC), wall_us = clock_ns(CLOCK_REALTIME) / 1000;
    if (hkp_htp_udp_pump(n->udp, n->ep, now, wall_us) != HKP_OK) *done = -1;
    if (*done == 0) *done = take_events(n, name);
    if (hkp_htp_udp_pump(n->udp, n->ep, now, wall_us) != HKP_OK) *done = -1;
    return hkp_htp_wake(n->ep);
}

int main(void) {
    struct node e = {.id = {1}, .peer_id = {2}}, v = {.id = {2}, .peer_id = {1}};
    uint8_t seed_e[32], seed_v[32], s_e[32], s_v[32], s_pub[32], key[64];
    struct hkp_htp_path to;
    uint64_t session;
    int done = 0;
    if (sodium_init() < 0) return 1;
    randombytes_buf(seed_e, 32), randombytes_buf(seed_v, 32), randombytes_buf(s_e, 32),
        randombytes_buf(s_v, 32);
    crypto_sign_seed_keypair(v.peer_a, key, seed_e);
    crypto_sign_seed_keypair(e.peer_a, key, seed_v);
    crypto_scalarmult_base(s_pub, s_v);
    if (!make(&e, seed_e, s_e) || !make(&v, seed_v, s_v) || hkp_htp_udp_local(v.udp, &to) != HKP_OK ||
        hkp_htp_connect(e.ep, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) / 1000, &to, v.id, s_pub,
                        e.peer_a, HKP_HTP_MODE_N, &session) != HKP_OK)
        return 1;
    for (int i = 0; i < 1000 && done == 0; i++) {
        hkp_time a = turn(&e, "E", &done), b = turn(&v, "V", &done), now = clock_ns(CLOCK_MONOTONIC);
        hkp_time next = a < b ? a : b;
        struct pollfd fds[2] = {{hkp_htp_udp_fd(e.udp), POLLIN, 0}, {hkp_htp_udp_fd(v.udp), POLLIN, 0}};
        int ms = next <= now ? 0 : next - now > 1000000000U ? 1000 : (int)((next - now) / 1000000U) + 1;
        if (done == 0 && poll(fds, 2, ms) < 0) return 1;
    }
    hkp_htp_udp_close(e.udp), hkp_htp_udp_close(v.udp);
    hkp_htp_endpoint_free(e.ep), hkp_htp_endpoint_free(v.ep);
    return done == 1 ? 0 : 1;
}
