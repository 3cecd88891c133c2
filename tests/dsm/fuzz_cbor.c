/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-CBOR: what is accepted is walked by the reader to its end, and cut by a byte it is truncated. */
#include <hookprobe/dsm.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_dsm_cbor_reader r;
    size_t len = 0;
    if (hkp_dsm_cbor_read(&r, data, size) != HKP_OK) {
        if (hkp_dsm_cbor_skip(&r, &len) != NULL || hkp_dsm_cbor_uint(&r, 0, UINT64_MAX) != 0) abort();
        return 0;
    }
    if (hkp_dsm_cbor_skip(&r, &len) != data || len != size || r.next != r.end) abort();
    if (hkp_dsm_cbor_check(data, size - 1) != HKP_E_DSM_CBOR_TRUNCATED) abort();
    return 0;
}
