/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A node that sends and receives messages, for a parent that searches its memory. Commands, one byte each, on
 * standard input: R and 32 bytes: register a generation with this root; S: send a message; V and a message:
 * open it; D and 8 bytes: deal and open a collective seal with this seed; all else: end. Each is answered by
 * one byte and, for S, by the message (length 16 bits big-endian before it).
 *
 * Built twice: as it is, and as the mutant that wipes nothing (threats_nowipe.h).
 */
#include "check.h"
#include "libter/bytes.h"

#include <hookprobe/neuro.h>
#include <sodium.h>
#include <unistd.h>

static hkp_neuro_network *net;
static uint8_t own_id[16], peer_id[16];
static uint32_t gen;

static int take(uint8_t *dst, size_t len) {
    for (size_t at = 0; at < len;) {
        const ssize_t n = read(0, dst + at, len - at);
        if (n <= 0) return 0;
        at += (size_t)n;
    }
    return 1;
}

static int give(const uint8_t *bytes, size_t len) { return write(1, bytes, len) == (ssize_t)len; }

/* The states that both sides of the test use: see threats_states() in unit_threats.c. */
static void state_of(int is_e, uint8_t bytes[256]) {
    struct hkp_neuro_synaptic s = {.gen = gen};
    s.role = is_e ? HKP_NEURO_ROLE_E : HKP_NEURO_ROLE_V;
    memcpy(s.node_id, is_e ? own_id : peer_id, 16);
    memset(s.w_commit, is_e ? 0x31 : 0x32, 32);
    memset(s.h_entropy, is_e ? 0x51 : 0x52, 32);
    hkp_neuro_synaptic_encode(&s, bytes);
}

static int do_register(void) {
    struct hkp_neuro_exchange_result r = {.pair = HKP_NEURO_ALIGNED};
    uint8_t root[32];
    if (!take(root, 32)) return 0;
    r.gen = ++gen;
    state_of(1, r.own_state);
    state_of(0, r.peer_state);
    return hkp_neuro_network_register(net, gen, &r, root, gen == 1) == HKP_OK &&
           give((const uint8_t *)"r", 1);
}

static int do_send(void) {
    static const uint8_t text[] = "Threat detected";
    static uint8_t msg[128];
    size_t len = 0;
    if (hkp_neuro_network_send(net, gen, 1700000000000000U, peer_id, text, sizeof text, msg + 3, 120, &len) !=
        HKP_OK)
        return 0;
    msg[0] = 's';
    hkp_put_be16(msg + 1, (uint16_t)len);
    return give(msg, 3 + len);
}

static int do_receive(void) {
    static uint8_t head[2], msg[256], text[256];
    size_t len = 0;
    if (!take(head, 2) || hkp_be16(head) > sizeof msg || !take(msg, hkp_be16(head))) return 0;
    const hkp_status st =
        hkp_neuro_network_receive(net, gen, peer_id, msg, hkp_be16(head), text, sizeof text, &len);
    return give((const uint8_t *)(st == HKP_OK ? "v" : "x"), 1);
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

/* What the library made of the seed must be gone after the calls; the shares are the caller's to wipe. */
static int do_deal(void) {
    static uint8_t object[512], shares[3 * 64], holders[3 * 16], text[32];
    struct hkp_neuro_seal_share have[2];
    struct hkp_neuro_seal_options opt;
    uint8_t key_seed[32] = {1}, public_key[32], secret[64];
    uint64_t seed;
    size_t len = 0, n = 0;
    if (!take((uint8_t *)&seed, sizeof seed)) return 0;
    crypto_sign_seed_keypair(public_key, secret, key_seed);
    for (int i = 0; i < 3; i++) memset(holders + 16 * i, i + 1, 16);
    hkp_neuro_seal_options_init(&opt, sizeof opt);
    opt.t = 2;
    opt.n = 3;
    opt.holders = holders;
    opt.dealer_secret = secret;
    opt.rng = (struct hkp_rng){&seed, fill};
    if (hkp_neuro_seal_make(&opt, text, sizeof text, object, sizeof object, &len, shares) != HKP_OK) return 0;
    for (int i = 0; i < 2; i++) have[i] = (struct hkp_neuro_seal_share){shares + 64 * i, 64};
    if (hkp_neuro_seal_open(object, len, opt.chain_id, public_key, have, 2, text, sizeof text, &n) != HKP_OK)
        return 0;
    sodium_memzero(shares, sizeof shares);
    return give((const uint8_t *)"d", 1);
}

int main(void) {
    struct hkp_neuro_network_options opt;
    uint8_t command;
    if (sodium_init() < 0) return 1;
    memset(own_id, 0xA1, 16);
    memset(peer_id, 0x0B, 16);
    hkp_neuro_network_options_init(&opt, sizeof opt);
    opt.peers = 2;
    memcpy(opt.own_id, own_id, 16);
    if (hkp_neuro_network_new(&net, &opt) != HKP_OK || !give((const uint8_t *)"b", 1)) return 1;
    while (take(&command, 1)) {
        if (command == 'R' && do_register()) continue;
        if (command == 'S' && do_send()) continue;
        if (command == 'V' && do_receive()) continue;
        if (command == 'D' && do_deal()) continue;
        break;
    }
    hkp_neuro_network_free(net);
    return 0;
}
