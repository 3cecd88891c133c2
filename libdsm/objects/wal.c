/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Records of the promises that a validator made (D-STO-4, D-STO-5). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#include <hookprobe/ter.h>

enum { AT_KIND = 4, AT_EPOCH = 8, AT_VIEW = 16, AT_DIGEST = 24, AT_PAD = 56, AT_CRC = 60 };

void hkp_dsm__wal_encode(const struct hkp_dsm__wal_record *record, uint8_t dst[HKP_DSM__WAL_RECORD]) {
    memset(dst, 0, HKP_DSM__WAL_RECORD);
    memcpy(dst, "HKW1", 4);
    dst[AT_KIND] = (uint8_t)record->kind;
    hkp_put_le64(dst + AT_EPOCH, record->epoch);
    hkp_put_le64(dst + AT_VIEW, record->view);
    memcpy(dst + AT_DIGEST, record->digest, 32);
    hkp_put_le32(dst + AT_CRC, hkp_ter_crc32(dst, AT_CRC));
}

int hkp_dsm__wal_decode(const uint8_t in[HKP_DSM__WAL_RECORD], struct hkp_dsm__wal_record *record) {
    const uint8_t kind = in[AT_KIND];
    if (memcmp(in, "HKW1", 4) != 0 || hkp_le32(in + AT_CRC) != hkp_ter_crc32(in, AT_CRC)) return 0;
    if (kind > HKP_DSM_KIND_FINAL || kind == HKP_DSM_KIND_MICROBLOCK) return 0;
    if (!hkp_is_zero(in + AT_KIND + 1, 3) || !hkp_is_zero(in + AT_PAD, 4)) return 0;
    record->kind = kind;
    record->epoch = hkp_le64(in + AT_EPOCH);
    record->view = hkp_le64(in + AT_VIEW);
    memcpy(record->digest, in + AT_DIGEST, 32);
    return 1;
}

hkp_status hkp_dsm__wal_check(const uint8_t *in, size_t len, size_t *n, int *torn) {
    const size_t whole = len / HKP_DSM__WAL_RECORD;
    struct hkp_dsm__wal_record record;
    size_t good = 0;
    while (good < whole && hkp_dsm__wal_decode(in + good * HKP_DSM__WAL_RECORD, &record)) good++;
    for (size_t i = good; i < whole; i++)
        if (hkp_dsm__wal_decode(in + i * HKP_DSM__WAL_RECORD, &record)) return HKP_E_DSM_WAL_CORRUPT;
    *n = good;
    *torn = good * HKP_DSM__WAL_RECORD != len;
    return HKP_OK;
}
