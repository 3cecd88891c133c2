/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A set of devices in a file. */
#include "libhtp/registry/devices.h"
#include "libter/options.h"
#include <hookprobe/ter.h>

/* More than the text of a full set. */
enum { FIRST_CAP = 65536, LAST_CAP = 1 << 29 };

hkp_status hkp_htp_devices_store(const hkp_htp_devices *devices, const char *path) {
    size_t cap, len;
    if (devices == NULL || path == NULL) return HKP_E_INVAL;
    hkp_status st = hkp_htp_devices_write(devices, NULL, 0, &cap);
    if (st != HKP_E_NOSPC) return st;
    uint8_t *text = hkp_mem_alloc(&devices->opt.mem, cap);
    if (text == NULL) return HKP_E_NOMEM;
    st = hkp_htp_devices_write(devices, text, cap, &len);
    if (st == HKP_OK) st = hkp_ter_file_write(path, text, len);
    hkp_mem_free(&devices->opt.mem, text, cap);
    return st;
}

hkp_status hkp_htp_devices_load(hkp_htp_devices *devices, const char *path) {
    hkp_status st = HKP_E_NOSPC;
    if (devices == NULL || path == NULL) return HKP_E_INVAL;
    for (size_t cap = FIRST_CAP; st == HKP_E_NOSPC && cap <= LAST_CAP; cap *= 2) {
        size_t len;
        uint8_t *text = hkp_mem_alloc(&devices->opt.mem, cap);
        if (text == NULL) return HKP_E_NOMEM;
        st = hkp_ter_file_read(path, 1, text, cap, &len);
        if (st == HKP_OK) st = hkp_htp_devices_read(devices, text, len);
        hkp_mem_free(&devices->opt.mem, text, cap);
    }
    return st == HKP_E_NOSPC ? HKP_E_LIMIT : st;
}
