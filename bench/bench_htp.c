/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * htp.handshake.core: HELLO to UP in mode N and the close after it, both roles on one core, against the
 * operations on curves and the key derivations that it consists of. htp.seal.1200: a datagram of 1200 bytes
 * sealed, then opened by the other side with its checks, against the AEAD of libsodium alone.
 */
#include "bench.h"
#include "htp_registry.h"
#include "libhtp/wire/record.h"

#include <hookprobe/htp.h>
#include <sodium.h>

enum {
    DATAGRAM = 1200,
    TAG = 16,
    /* what one handshake in mode N costs both sides together, counted in libsodium */
    KEY_PAIRS = 2,
    AGREEMENTS = 4,
    SIGNATURES = 3,
    HMACS = 54
};

struct side {
    uint8_t node_id[16], seed[32], a[32], a_key[64], s_key[32], s[32];
    struct bench_node peer;
    hkp_htp_endpoint *ep;
    struct hkp_htp_path path;
};

struct fixture {
    struct side e, v;
    hkp_time now;
    uint64_t wall_us;
    /* of the records */
    struct hkp_htp__epoch_secret epoch;
    struct hkp_htp__window window;
    uint64_t pn;
    uint8_t h_final[32], dgram[DATAGRAM], message[32], signature[64];
};

/* ---- htp.handshake.core ---- */

static void side_new(struct fixture *f, struct side *self, uint8_t id) {
    struct hkp_htp_options o;
    memset(self->node_id, id, 16);
    memset(self->seed, id, 32);
    memset(self->s_key, id, 32);
    crypto_sign_seed_keypair(self->a, self->a_key, self->seed);
    crypto_scalarmult_curve25519_base(self->s, self->s_key);
    self->path = (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 192, 0, 2, id}, .port = 8144};
    hkp_htp_options_init(&o, sizeof o);
    o.rng.fill = bench_fill;
    o.registry = bench_registry(&self->peer);
    memcpy(o.node_id, self->node_id, 16);
    memcpy(o.a_seed, self->seed, 32);
    memcpy(o.s_secret, self->s_key, 32);
    o.no_rollback = 1;
    bench_need(hkp_htp_endpoint_new(&self->ep, &o, f->now) == HKP_OK, "no endpoint");
}

static void know(struct side *self, const struct side *peer) {
    memcpy(self->peer.node_id, peer->node_id, 16);
    memcpy(self->peer.a, peer->a, 32);
}

/* Hands datagrams over until both sides are silent. */
static void exchange(struct fixture *f) {
    uint8_t dgram[2048];
    for (int silent = 0; silent < 2;) {
        for (int from_e = 0; from_e < 2; from_e++) {
            struct side *from = from_e ? &f->e : &f->v, *to = from_e ? &f->v : &f->e;
            struct hkp_htp_path path;
            size_t len = 0;
            bench_need(hkp_htp_send(from->ep, f->now, f->wall_us, &path, dgram, sizeof dgram, &len) == HKP_OK,
                       "send failed");
            silent = len == 0 ? silent + 1 : 0;
            if (len > 0 && hkp_htp_recv(to->ep, f->now, f->wall_us, &from->path, dgram, len) != HKP_OK)
                continue;
        }
    }
}

/* Takes all events; was one of this type among them? */
static int saw(struct side *side, uint32_t type) {
    struct hkp_htp_event event = {.struct_size = sizeof event};
    int seen = 0;
    while (hkp_htp_event(side->ep, &event) == HKP_OK && event.type != HKP_HTP_EVENT_NONE)
        seen |= event.type == type;
    return seen;
}

/* An hour between two handshakes keeps every limit of rates out of the picture. */
static void handshake(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) {
        uint64_t session;
        f->now += 3600000000000ULL;
        f->wall_us += 3600000000ULL;
        hkp_htp_tick(f->e.ep, f->now, f->wall_us);
        hkp_htp_tick(f->v.ep, f->now, f->wall_us);
        bench_need(hkp_htp_connect(f->e.ep, f->now, f->wall_us, &f->v.path, f->v.node_id, f->v.s, f->v.a,
                                   HKP_HTP_MODE_N, &session) == HKP_OK,
                   "connect failed");
        exchange(f);
        bench_need(saw(&f->e, HKP_HTP_EVENT_UP) && saw(&f->v, HKP_HTP_EVENT_UP), "no session came up");
        bench_need(hkp_htp_session_close(f->e.ep, f->now, session, HKP_HTP_REASON_DONE) == HKP_OK,
                   "close failed");
        exchange(f);
        (void)saw(&f->e, HKP_HTP_EVENT_DOWN), (void)saw(&f->v, HKP_HTP_EVENT_DOWN);
    }
}

static void primitives(void *user, uint64_t times) {
    struct fixture *f = user;
    uint8_t out[64];
    for (uint64_t i = 0; i < times; i++) {
        for (int k = 0; k < KEY_PAIRS; k++) crypto_scalarmult_curve25519_base(out, f->e.s_key);
        for (int k = 0; k < AGREEMENTS; k++)
            bench_need(crypto_scalarmult_curve25519(out, f->e.s_key, f->v.s) == 0, "weak key");
        for (int k = 0; k < SIGNATURES; k++) {
            crypto_sign_detached(f->signature, NULL, f->message, sizeof f->message, f->e.a_key);
            bench_need(crypto_sign_verify_detached(f->signature, f->message, sizeof f->message, f->e.a) == 0,
                       "forged");
        }
        for (int k = 0; k < HMACS; k++)
            crypto_auth_hmacsha256(out, f->message, sizeof f->message, f->e.s_key);
    }
}

/* ---- htp.seal.1200 ---- */

static void seal_and_open(void *user, uint64_t times) {
    struct fixture *f = user;
    const struct hkp_htp__record record = {.epoch = &f->epoch, .h_final = f->h_final};
    for (uint64_t i = 0; i < times; i++) {
        const struct hkp_htp__record_out out = {.type = HKP_HTP__DATA, .pn = f->pn++, .token = 1};
        struct hkp_htp__header header;
        size_t len = 0;
        bench_need(hkp_htp__record_seal(&record, &out, f->dgram, DATAGRAM - HKP_HTP__PREFIX - TAG, &len) ==
                       HKP_OK,
                   "not sealed");
        bench_need(len == DATAGRAM && hkp_htp__wire_check(f->dgram, len, &header) == HKP_OK,
                   "header refused");
        uint64_t pn = hkp_htp__record_number(f->window.next, header.sequence);
        bench_need(hkp_htp__window_check(&f->window, pn) &&
                       hkp_htp__record_open(&record, &header, f->dgram, len) == HKP_OK,
                   "not opened");
        hkp_htp__window_mark(&f->window, pn);
    }
}

static void aead_alone(void *user, uint64_t times) {
    struct fixture *f = user;
    uint8_t nonce[12] = {0}, *text = f->dgram + HKP_HTP__PREFIX;
    unsigned long long len;
    for (uint64_t i = 0; i < times; i++) {
        memcpy(nonce, &i, sizeof i);
        crypto_aead_chacha20poly1305_ietf_encrypt(text, &len, text, DATAGRAM - HKP_HTP__PREFIX - TAG,
                                                  f->dgram, HKP_HTP__PREFIX, NULL, nonce, f->epoch.key[0]);
        bench_need(crypto_aead_chacha20poly1305_ietf_decrypt(text, NULL, NULL, text, len, f->dgram,
                                                             HKP_HTP__PREFIX, nonce, f->epoch.key[0]) == 0,
                   "not opened");
    }
}

int main(int argc, char **argv) {
    static struct fixture f = {.now = 3600000000000ULL, .wall_us = 1800000000000000ULL};
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    side_new(&f, &f.e, 1);
    side_new(&f, &f.v, 2);
    know(&f.e, &f.v);
    know(&f.v, &f.e);
    if (bench_wanted("htp.handshake.core"))
        bench_rate("htp.handshake.core", "/s", 1, handshake, &f, "primitives", primitives);
    f.epoch.suite = HKP_HTP_SUITE_CHACHA20_POLY1305;
    if (bench_wanted("htp.seal.1200"))
        bench_rate("htp.seal.1200", "MB/s", DATAGRAM * 1e-6, seal_and_open, &f, "libsodium", aead_alone);
    hkp_htp_endpoint_free(f.e.ep);
    hkp_htp_endpoint_free(f.v.ep);
    return 0;
}
