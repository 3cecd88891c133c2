/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/neuro.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *hkp_neuro_version(void) {
    return TEXT(HKP_NEURO_VERSION_MAJOR) "." TEXT(HKP_NEURO_VERSION_MINOR) "." TEXT(HKP_NEURO_VERSION_PATCH);
}
