/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Certificates of endorsement keys: any bytes. What holds is text that can be printed, for a time that fits.
 */
#include "ek_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t cap) {
    const size_t len = strnlen(text, cap);
    if (len == cap) abort();
    for (size_t i = 0; i < len; i++)
        if (text[i] < 32 || text[i] > 126) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ek_file f;
    struct hkp_ter_ek ek;
    const uint64_t now_s = 1767225600;
    if (!ek_file_split(&f, data, size)) return 0;
    const struct hkp_ter_ek_verifier v = ek_file_verifier(&f, now_s);
    if (hkp_ter_ek_verify(&v, &ek) != HKP_OK) return 0;
    if (ek.not_before_s > now_s || ek.not_after_s < now_s) abort();
    check_text(ek.issuer, sizeof ek.issuer);
    check_text(ek.manufacturer, sizeof ek.manufacturer);
    check_text(ek.model, sizeof ek.model);
    check_text(ek.version, sizeof ek.version);
    return 0;
}
