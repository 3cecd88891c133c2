/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/congestion.h"

#include <hookprobe/htp.h>

#include <string.h>

/* HTP-10.5: initial window min(10 MTU, max(2 MTU, 14,720)). */
enum { INITIAL_PACKETS = 10, INITIAL_BYTES = 14720 };

const struct hkp_htp__controller *hkp_htp__controller_of(uint8_t number) {
    return number == HKP_HTP_CONGESTION_BBR ? &hkp_htp__bbr : &hkp_htp__cubic;
}

void hkp_htp__congestion_init(struct hkp_htp__congestion *c, const struct hkp_htp__controller *ops,
                              uint32_t mtu) {
    memset(c, 0, sizeof *c);
    c->ops = ops;
    c->mtu = mtu;
    c->window = 2 * mtu > INITIAL_BYTES ? 2 * mtu : INITIAL_BYTES;
    if (c->window > INITIAL_PACKETS * mtu) c->window = INITIAL_PACKETS * mtu;
    c->ops->init(c);
}

void hkp_htp__congestion_set_mtu(struct hkp_htp__congestion *c, uint32_t mtu) {
    c->mtu = mtu;
    if (c->window < HKP_HTP__WINDOW_LEAST * mtu) c->window = HKP_HTP__WINDOW_LEAST * mtu;
}
