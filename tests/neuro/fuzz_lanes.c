/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Messages of any bytes: framing first, then both sides of an active instance. The first byte says the class
 * and whether the type and the framing of the rest are made right, so that contents are reached.
 */
#include "pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct pair w;
    static int begun;
    static uint8_t msg[HKP_NEURO_SEND_MAX];
    static const uint8_t classes[4] = {HKP_NEURO_CLASS_TER, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_CLASS_POLICY,
                                       9};
    uint32_t type = 0;
    if (size < 1 || size > sizeof msg) return 0;
    if (!begun || pair_state(&w, HOLDER, NULL) != HKP_NEURO_INSTANCE_ACTIVE ||
        pair_state(&w, OWNER, NULL) != HKP_NEURO_INSTANCE_ACTIVE) {
        if (begun) pair_end(&w);
        begun = 1;
        pair_begin(&w, 42);
        pair_connect(&w);
        pair_session(&w, 0, 0);
        pair_connect(&w);
        for (int i = 0; i < 40; i++) pair_second(&w);
    }
    const uint32_t stream_class = classes[data[0] & 3];
    const size_t len = size - 1;
    memcpy(msg, data + 1, len);
    const hkp_status framing = hkp_neuro_msg_check(stream_class, msg, len, &type);
    const hkp_status st = hkp_neuro_holder_recv(w.holder, w.now, w.wall_us, stream_class, msg, len);
    if (framing != HKP_OK && st != framing) __builtin_trap(); /* nothing passes that is not framed */
    (void)!hkp_neuro_owner_recv(w.owner, w.now, w.wall_us, stream_class, msg, len);
    pair_pump(&w);
    return 0;
}
