/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two nodes of a synapse network in one process: they exchange their states, register each other, and talk.
 *
 *     cc synapse.c $(pkg-config --cflags --libs hookprobe-neuro) -lsodium -o synapse && ./synapse
 *
 * Between machines the three keys below are exports of an HTP session, and states, proofs and messages travel
 * in it. Neither node holds a replica of the other here, so the honest verdict is SEEKING: traffic under a
 * cap.
 */
#include <hookprobe/neuro.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct node {
    const char *name;
    uint8_t id[16];
    hkp_neuro_exchange *exchange;
    hkp_neuro_network *network;
};

/* What both ends of a session can export (HTP-6.6). */
static uint8_t k_bind[32], k_res[32], root[32];

static uint64_t clock_ns(void *user) {
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int node_begin(struct node *n, uint32_t role, const struct node *peer) {
    struct hkp_neuro_exchange_options exchange;
    struct hkp_neuro_network_options network;
    const struct hkp_neuro_synaptic own = {.claim = HKP_NEURO_SEEKING,
                                           .t_us = (uint64_t)time(NULL) * 1000000};
    hkp_neuro_exchange_options_init(&exchange, sizeof exchange);
    exchange.role = role;
    memcpy(exchange.own_id, n->id, 16);
    memcpy(exchange.peer_id, peer->id, 16);
    memcpy(exchange.k_bind, k_bind, 32);
    memcpy(exchange.k_res, k_res, 32);
    hkp_neuro_network_options_init(&network, sizeof network);
    memcpy(network.own_id, n->id, 16);
    network.clock.read = clock_ns;
    return hkp_neuro_exchange_new(&n->exchange, &exchange) == HKP_OK &&
           hkp_neuro_network_new(&n->network, &network) == HKP_OK &&
           hkp_neuro_exchange_own(n->exchange, &own, NULL) == HKP_OK;
}

/* Carries what one node has to say to the other, and lets that one judge; 0: there was nothing. */
static int carry(struct node *from, struct node *to) {
    uint8_t bytes[256];
    size_t len;
    uint32_t op;
    if (hkp_neuro_exchange_send(from->exchange, bytes, sizeof bytes, &len, &op) != HKP_OK || len == 0)
        return 0;
    printf("%s -> %s: %s, %zu bytes\n", from->name, to->name, op == HKP_NEURO_OP_SYNAPTIC ? "state" : "proof",
           len);
    const hkp_status st = hkp_neuro_exchange_recv(to->exchange, clock_ns(NULL), op, bytes, len);
    if (st != HKP_OK) printf("%s refuses: %s\n", to->name, hkp_neuro_status_name(st));
    for (uint32_t e; (e = hkp_neuro_exchange_event(to->exchange)) != HKP_NEURO_EXCHANGE_NONE;)
        if (e == HKP_NEURO_EXCHANGE_JUDGE)
            (void)!hkp_neuro_exchange_judge(to->exchange, clock_ns(NULL), HKP_NEURO_SEEKING,
                                            HKP_NEURO_DRIFT_UNKNOWN, NULL);
    return 1;
}

static int enter(struct node *n) {
    struct hkp_neuro_exchange_result result;
    uint8_t own_root[32];
    if (hkp_neuro_exchange_result(n->exchange, &result) != HKP_OK) return 0;
    memcpy(own_root, root, 32); /* register wipes it */
    return hkp_neuro_network_register(n->network, clock_ns(NULL), &result, own_root, 1) == HKP_OK;
}

static int say(struct node *from, struct node *to, const char *text) {
    uint8_t msg[256], plain[256];
    size_t len, plain_len;
    if (hkp_neuro_network_send(from->network, clock_ns(NULL), (uint64_t)time(NULL) * 1000000, to->id,
                               (const uint8_t *)text, strlen(text), msg, sizeof msg, &len) != HKP_OK)
        return 0;
    if (hkp_neuro_network_receive(to->network, clock_ns(NULL), from->id, msg, len, plain, sizeof plain,
                                  &plain_len) != HKP_OK)
        return 0;
    printf("%s -> %s: \"%.*s\", %zu bytes on the wire\n", from->name, to->name, (int)plain_len,
           (const char *)plain, len);
    return hkp_neuro_network_receive(to->network, clock_ns(NULL), from->id, msg, len, plain, sizeof plain,
                                     &plain_len) == HKP_E_NEURO_SYN_REPLAY; /* once only */
}

int main(void) {
    struct node a = {.name = "a"}, b = {.name = "b"};
    struct hkp_neuro_network_info info;
    if (sodium_init() < 0) return 1;
    randombytes_buf(a.id, 16);
    randombytes_buf(b.id, 16);
    randombytes_buf(k_bind, 32);
    randombytes_buf(k_res, 32);
    randombytes_buf(root, 32);
    if (!node_begin(&a, HKP_NEURO_ROLE_E, &b) || !node_begin(&b, HKP_NEURO_ROLE_V, &a)) return 1;
    if (hkp_neuro_exchange_start(a.exchange, clock_ns(NULL)) != HKP_OK) return 1;
    while (carry(&a, &b) || carry(&b, &a)) {
    }
    if (!enter(&a) || !enter(&b)) return 1;
    sodium_memzero(root, sizeof root);
    if (!say(&a, &b, "Threat detected") || !say(&b, &a, "Seen here, too")) return 1;
    hkp_neuro_network_info(a.network, &info);
    printf("a: %llu keys, each lived between %llu and %llu ns\n", (unsigned long long)info.keys,
           (unsigned long long)info.key_least_ns, (unsigned long long)info.key_most_ns);
    hkp_neuro_exchange_free(a.exchange);
    hkp_neuro_exchange_free(b.exchange);
    hkp_neuro_network_free(a.network);
    hkp_neuro_network_free(b.network);
    return 0;
}
