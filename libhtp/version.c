/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/htp.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *hkp_htp_version(void) {
    return TEXT(HKP_HTP_VERSION_MAJOR) "." TEXT(HKP_HTP_VERSION_MINOR) "." TEXT(HKP_HTP_VERSION_PATCH);
}
