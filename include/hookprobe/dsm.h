/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_DSM_H
#define HOOKPROBE_DSM_H

#include <hookprobe/base.h>

#define HKP_DSM_VERSION_MAJOR 0
#define HKP_DSM_VERSION_MINOR 1
#define HKP_DSM_VERSION_PATCH 0
#define HKP_DSM_ABI 0

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
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_version(void);

#ifdef __cplusplus
}
#endif

#endif
