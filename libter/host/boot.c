/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The boot id, and what stands for it where the kernel shows none (NZ1 2.2). */
#include "libter/host/host.h"

#include <string.h>

enum { PATH_CAP = 4096, UUID_TEXT = 36 };

static int digit_of(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hkp_ter__parse_uuid(const uint8_t *text, size_t len, uint8_t id[16]) {
    uint8_t out[16];
    size_t n = 0;
    if (len < UUID_TEXT) return 0;
    for (size_t i = 0; i < UUID_TEXT;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i++] != '-') return 0;
            continue;
        }
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0) return 0;
        out[n++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    memcpy(id, out, sizeof out);
    return 1;
}

hkp_status hkp_ter__boot_id(const char *proc_path, const char *state_path, uint8_t boot_id[16],
                            uint32_t *made) {
    char path[PATH_CAP];
    uint8_t text[64];
    size_t len;
    *made = 0;
    if (hkp_ter__join(path, sizeof path, proc_path, "sys/kernel/random/boot_id") &&
        hkp_ter_file_read(path, 0, text, sizeof text, &len) == HKP_OK &&
        hkp_ter__parse_uuid(text, len, boot_id))
        return HKP_OK;
    if (state_path == NULL || !hkp_ter__join(path, sizeof path, state_path, "boot_id"))
        return HKP_E_TER_SOURCE;
    uint8_t fresh[16];
    if (hkp_ter__random(NULL, fresh, sizeof fresh) != 0) return HKP_E_TER_SOURCE;
    if (hkp_ter_file_write(path, fresh, sizeof fresh) != HKP_OK) return HKP_E_IO;
    memcpy(boot_id, fresh, sizeof fresh);
    *made = 1;
    return HKP_OK;
}
