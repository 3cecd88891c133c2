/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/ter.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *hkp_ter_version(void) {
    return TEXT(HKP_TER_VERSION_MAJOR) "." TEXT(HKP_TER_VERSION_MINOR) "." TEXT(HKP_TER_VERSION_PATCH);
}
