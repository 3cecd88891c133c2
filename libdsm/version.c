/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/dsm.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *hkp_dsm_version(void) {
    return TEXT(HKP_DSM_VERSION_MAJOR) "." TEXT(HKP_DSM_VERSION_MINOR) "." TEXT(HKP_DSM_VERSION_PATCH);
}
