/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: where a segment of the log begins. */
#ifndef HKP_LIBTER_SEGMENT_H
#define HKP_LIBTER_SEGMENT_H

#include <hookprobe/ter.h>

/** The cursor before the first record of a segment (NZ1 5.1). */
void hkp_ter__head_cursor(const struct hkp_ter_log_head *head, struct hkp_ter_cursor *cursor);

#endif
