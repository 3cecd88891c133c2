/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the two files of an officer share: its record (officer_record.c), its judgement (officer.c). */
#ifndef HKP_LIBDSM_OFFICER_H
#define HKP_LIBDSM_OFFICER_H

#include "libdsm/objects/objects.h"

/* Was an object of this id ever promised? */
int hkp_dsm__record_holds(const struct hkp_dsm_record *record, const uint8_t id[32]);
int hkp_dsm__record_barred(const struct hkp_dsm_record *record, const uint8_t node_id[16]);

#endif
