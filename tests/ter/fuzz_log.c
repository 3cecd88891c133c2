/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A segment: any bytes, and the same bytes with all checksums made right, so that the content is judged. */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is called sound must be found again, alone and at the same end. */
static void recover(const uint8_t *bytes, size_t len) {
    struct hkp_ter_recovery first, again;
    const uint8_t zero[16] = {0};
    const uint8_t *node_id = len >= 32 ? bytes + 16 : zero;
    hkp_status st = hkp_ter_log_recover(bytes, len, node_id, NULL, &first);
    if (first.offset > len) abort();
    if (st != HKP_OK && st != HKP_E_TER_LOG_TORN) return;
    if (hkp_ter_log_recover(bytes, (size_t)first.offset, node_id, NULL, &again) != HKP_OK) abort();
    if (again.offset != first.offset || memcmp(&again.cursor, &first.cursor, sizeof again.cursor) != 0)
        abort();
}

static void repair(uint8_t *bytes, size_t len) {
    memcpy(bytes, "TERLOG1\0\1\0\300\0\0\0\0\0", 16);
    memset(bytes + 160, 0, 28);
    hkp_put_le32(bytes + 188, hkp_ter_crc32(bytes, 188));
    for (size_t at = 192; len - at >= 8;) {
        uint8_t input[HKP_TER_LOG_RECORD_MAX];
        size_t body = hkp_ter_log_body_size(hkp_le16(bytes + at));
        if (body == 0 || body > len - at - 8) return;
        hkp_put_le16(bytes + at + 2, (uint16_t)body);
        memcpy(input, bytes + at, 4);
        memcpy(input + 4, bytes + at + 8, body);
        hkp_put_le32(bytes + at + 4, hkp_ter_crc32(input, 4 + body));
        at += 8 + body;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    recover(data, size);
    if (size < HKP_TER_LOG_HEAD_SIZE) return 0;
    uint8_t *copy = malloc(size);
    if (copy == NULL) return 0;
    memcpy(copy, data, size);
    repair(copy, size);
    recover(copy, size);
    free(copy);
    return 0;
}
