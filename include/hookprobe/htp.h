/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_HTP_H
#define HOOKPROBE_HTP_H

#include <hookprobe/base.h>

#define HKP_HTP_VERSION_MAJOR 0
#define HKP_HTP_VERSION_MINOR 1
#define HKP_HTP_VERSION_PATCH 0
#define HKP_HTP_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_version(void);

#ifdef __cplusplus
}
#endif

#endif
