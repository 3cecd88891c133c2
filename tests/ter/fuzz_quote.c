/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Quotes and public areas: any bytes. What the parser takes, written again, gives the same bytes. */
#include "libter/area.h"
#include "libter/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verify(const uint8_t *area, size_t area_len, const uint8_t *bytes, size_t len) {
    struct hkp_ter_quote q, out;
    if (hkp_ter_quote_parse(&q, bytes, len) != HKP_OK) return;
    if (q.attest != bytes + 2 || q.attest_len + 2 > len || q.pcr_mask >> HKP_TER_PCRS != 0) abort();
    struct hkp_ter_quote_verifier v = {.area = area,
                                       .area_len = area_len,
                                       .pcr_digests = q.pcr_digest,
                                       .n_pcr_digests = 1,
                                       .pcr_mask = q.pcr_mask};
    memcpy(v.extra, q.extra, 32);
    hkp_ter_area_name(area, area_len, v.ak_name);
    const hkp_status st = hkp_ter_quote_verify(&v, bytes, len, &out);
    if (st != HKP_OK && st != HKP_E_TER_QUOTE_AREA && st != HKP_E_TER_QUOTE_SIGNATURE) abort();
    if (st == HKP_OK && hkp_ter_area_check_ak(area, area_len) != HKP_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t point[64], policy[32];
    uint32_t mask;
    (void)hkp_ter__area_ek(data, size, point);
    if (hkp_ter_pca_check(data, size, NULL, &mask, policy) == HKP_OK && mask >> HKP_TER_PCRS != 0) abort();
    if (size < 2) return 0;
    const size_t area_len = hkp_be16(data);
    if (area_len > size - 2) return 0;
    (void)hkp_ter__area_ek(data + 2, area_len, point);
    verify(data + 2, area_len, data + 2 + area_len, size - 2 - area_len);
    return 0;
}
