/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of the matcher: matcher.c the network and its training, names.c what it sees of two fields. */
#ifndef HKP_LIBNEURO_LAB_MATCHER_H
#define HKP_LIBNEURO_LAB_MATCHER_H

#include "libneuro/lab/lab.h"

#include <hookprobe/neuro_lab_match.h>

enum { MATCH_INPUTS = 160, MATCH_HIDDEN = 32, MATCH_NAME_MAX = 128 };

/** What the network sees of two fields, each within +-32767. */
void hkp_neuro_lab__match_inputs(const struct hkp_neuro_lab_match_field *a,
                                 const struct hkp_neuro_lab_match_field *b, int32_t x[MATCH_INPUTS]);

#endif
