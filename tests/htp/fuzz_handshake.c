/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A handshake whose messages are changed on the way: op u8, then what it needs. 0: the next datagram of E or
 * V (bit 7) with up to eight bytes changed, the MAC of a HELLO made right again; 1: the same unchanged; 2:
 * any datagram to either; 3: time in units of 100 ms. After all that an untouched handshake must still
 * complete.
 */
#include "fuzz_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void carry(struct fuzz_pair *p, int from, int change) {
    uint8_t d[1200], a[32], s[32], key[32];
    const size_t n = fuzz_pull(p, from, d);
    if (n == 0) return;
    for (int edits = change ? 1 + fuzz_byte(p) % 8 : 0; edits > 0; edits--) {
        const size_t at = (size_t)fuzz_byte(p) << 8 | fuzz_byte(p);
        d[at % n] ^= fuzz_byte(p);
    }
    if (change && n == HKP_HTP__BIG && from == 1) {
        fuzz_keys(0, a, s);
        hkp_htp__b2(key, NULL, PARTS(LABEL("HTP1 mac1"), {s, 32}));
        hkp_htp__rdv_packet(d + HKP_HTP__AT_RDV, key, d, n);
    }
    fuzz_give(p, !from, d, n);
}

static void must_still_work(struct fuzz_pair *p) {
    p->now += 400 * HKP_HTP__SEC;
    p->wall += 400000000;
    for (int i = 0; i < 2; i++) hkp_htp_tick(p->end[i], p->now, p->wall);
    fuzz_pump(p);
    const uint64_t before = p->end[1]->stats.handshakes_done;
    fuzz_connect(p);
    fuzz_pump(p);
    if (p->end[1]->stats.handshakes_done != before + 1) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_pair p;
    uint8_t d[1500];
    if (sodium_init() < 0) abort();
    fuzz_open(&p, data, size);
    fuzz_connect(&p);
    for (int steps = 0; p.left > 0 && steps < 64; steps++) {
        const uint8_t op = fuzz_byte(&p);
        switch (op & 3) {
        case 0:
        case 1:
            carry(&p, op >> 7, (op & 3) == 0);
            break;
        case 2: {
            const size_t n = fuzz_bytes(&p, d, sizeof d);
            fuzz_give(&p, op >> 7, d, n);
            break;
        }
        default:
            p.now += fuzz_byte(&p) * 100 * HKP_HTP__MS;
            for (int i = 0; i < 2; i++) hkp_htp_tick(p.end[i], p.now, p.wall);
        }
        fuzz_events(&p);
    }
    must_still_work(&p);
    fuzz_close(&p);
    return 0;
}
