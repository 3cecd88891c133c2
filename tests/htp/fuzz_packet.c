/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * An established session and a listening V under any datagrams. The input is a list of steps: op u8 (bit 0:
 * to E), then what it needs. Ops 0, 1: a datagram as it is, with the right token if bit 7 is set. 2, 3: a
 * plaintext well sealed by the other side: type u8, res u8, bytes. 4: time in units of 100 ms. 5: rekey.
 */
#include "fuzz_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hkp_htp__session *session_of(hkp_htp_endpoint *ep) {
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++)
        if (ep->sessions[i] != NULL && ep->sessions[i]->state == HKP_HTP__S_UP) return ep->sessions[i];
    return NULL;
}

static void raw(struct fuzz_pair *p, int to, int with_token) {
    uint8_t d[1500];
    const size_t n = fuzz_bytes(p, d, sizeof d);
    const struct hkp_htp__session *s = session_of(p->end[to]);
    if (with_token && s != NULL && n >= 20) hkp_put_be64(d + HKP_HTP__AT_TOKEN, s->token_in);
    fuzz_give(p, to, d, n);
}

static void sealed(struct fuzz_pair *p, int to) {
    static const uint16_t types[] = {HKP_HTP__DATA, HKP_HTP__HEARTBEAT, HKP_HTP__ACK, HKP_HTP__CLOSE};
    struct hkp_htp__session *s = session_of(p->end[!to]);
    uint8_t d[1400];
    struct hkp_htp__record_out out = {.type = types[fuzz_byte(p) % 4], .res = fuzz_byte(p) & 1};
    size_t n = fuzz_bytes(p, d + HKP_HTP__PREFIX, 1100), len = 0;
    if (s == NULL || n == 0) return;
    if (out.type == HKP_HTP__HEARTBEAT) out.res = 1;
    struct hkp_htp__record r = {
        .epoch = s->epochs[s->epoch & 1], .h_final = s->h_final, .direction = s->role == HKP_HTP_ROLE_V};
    out.pn = s->pn++;
    out.token = s->token_out;
    if (hkp_htp__record_seal(&r, &out, d, n, &len) != HKP_OK) abort();
    fuzz_give(p, to, d, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_pair p;
    if (sodium_init() < 0) abort();
    fuzz_open(&p, data, size);
    fuzz_connect(&p);
    fuzz_pump(&p);
    for (int steps = 0; p.left > 0 && steps < 64; steps++) {
        const uint8_t op = fuzz_byte(&p);
        const int to = op & 1;
        switch ((op & 0x7F) >> 1 & 3) {
        case 0:
            raw(&p, to, op >> 7);
            break;
        case 1:
            sealed(&p, to);
            break;
        case 2:
            fuzz_pass(&p, fuzz_byte(&p) * 100 * HKP_HTP__MS);
            break;
        default: {
            struct hkp_htp__session *s = session_of(p.end[to]);
            if (s != NULL) (void)!hkp_htp_session_rekey(p.end[to], p.now, s->id);
        }
        }
        fuzz_pump(&p);
    }
    fuzz_close(&p);
    return 0;
}
