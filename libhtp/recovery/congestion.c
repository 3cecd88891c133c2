/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/congestion.h"

#include <string.h>

enum {
    /** HTP-10.5: initial window min(10 MTU, max(2 MTU, 14,720)) */
    INITIAL_BYTES = 14720,
    /** more than any path needs; keeps the sums in 32 bits */
    WINDOW_MAX = 64 * 1024 * 1024
};

void hkp_htp__congestion_init(struct hkp_htp__congestion *c, uint32_t mtu) {
    memset(c, 0, sizeof *c);
    c->mtu = mtu;
    c->window = 2 * mtu > INITIAL_BYTES ? 2 * mtu : INITIAL_BYTES;
    if (c->window > 10 * mtu) c->window = 10 * mtu;
    c->threshold = UINT32_MAX;
}

void hkp_htp__congestion_on_acked(struct hkp_htp__congestion *c, uint32_t bytes, hkp_time sent, int limited) {
    if (c->in_recovery && sent <= c->recovery_start) return;
    c->in_recovery = 0;
    if (!limited || c->window >= WINDOW_MAX) return;
    if (c->window < c->threshold) {
        c->window += bytes;
        return;
    }
    c->acked += bytes;
    if (c->acked < c->window) return;
    c->acked -= c->window;
    c->window += c->mtu;
}

void hkp_htp__congestion_on_lost(struct hkp_htp__congestion *c, hkp_time sent, hkp_time now) {
    if (c->in_recovery && sent <= c->recovery_start) return;
    c->in_recovery = 1;
    c->recovery_start = now;
    c->window /= 2;
    if (c->window < 2 * c->mtu) c->window = 2 * c->mtu;
    c->threshold = c->window;
    c->acked = 0;
}

void hkp_htp__congestion_on_persistent(struct hkp_htp__congestion *c) {
    c->window = 2 * c->mtu;
    c->in_recovery = 0;
    c->acked = 0;
}
