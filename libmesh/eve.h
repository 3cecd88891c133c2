/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EVE input (M-EXP-6): eve.c finds the elements of a stream, eve_alert.c makes a record of one. */
#ifndef HKP_LIBMESH_EVE_H
#define HKP_LIBMESH_EVE_H

#include <hookprobe/mesh.h>

enum { HKP_MESH__EVE_LINE_MAX = 65536, HKP_MESH__EVE_DEPTH_MAX = 16 };

/** Where the parts of a record live that are not in the struct itself. */
struct hkp_mesh__eve_text {
    uint8_t value[17];
    uint8_t context[HKP_MESH_CONTEXT_MAX];
};

/** Reads one element; HKP_MESH_EVE_RECORD and r, whose pointers lead into text, or why not. */
uint32_t hkp_mesh__eve_alert(const char *json, size_t len, const struct hkp_mesh_eve_options *opt,
                             uint64_t now_s, struct hkp_mesh_record *r, struct hkp_mesh__eve_text *text);

/** Threat type and confidence of a rule's category, as Suricata's classification.config words it. */
void hkp_mesh__eve_category(const char *category, uint16_t *threat, uint8_t *confidence);

/** Makes an element of what was handed over last if it is a whole one whose line end is still to come. */
void hkp_mesh__eve_try(hkp_mesh_eve *eve);

#endif
