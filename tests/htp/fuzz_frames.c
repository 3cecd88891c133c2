/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Any plaintext: first byte type and RES, then the frames. A packet that passes reads the same twice. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "libhtp/wire/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[4] = {HKP_HTP__T_DATA, HKP_HTP__T_HEARTBEAT, HKP_HTP__T_ACK, HKP_HTP__T_CLOSE};

static void read_all(const uint8_t *plain, size_t len, uint16_t type, int from_e, unsigned count) {
    struct hkp_htp__frame f;
    size_t pos = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t before = pos;
        assert(hkp_htp__frame_read(plain, len, &pos, type, from_e, &f) == HKP_OK);
        assert(pos > before && pos <= len);
        if (f.type != HKP_HTP__F_ACK) continue;
        unsigned index = 0;
        uint64_t lo = 0, hi = 0, last = UINT64_MAX;
        while (hkp_htp__frame_ack_range(&f, &index, &lo, &hi)) {
            assert(lo <= hi && (index == 1 || hi < last));
            last = lo;
        }
    }
    assert(pos == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct hkp_htp__frames all;
    uint16_t type = types[data[0] & 3];
    int res = data[0] >> 2 & 1, from_e = data[0] >> 3 & 1;
    if (hkp_htp__frames_judge(data + 1, size - 1, type, res, from_e, &all) == HKP_OK)
        read_all(data + 1, size - 1, type, from_e, all.count);
    return 0;
}
