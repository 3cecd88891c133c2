/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Hardware records of tests: from the JSON of the vectors, and made up. */
#ifndef HKP_TESTS_TER_HARDWARE_H
#define HKP_TESTS_TER_HARDWARE_H

#include "check.h"
#include "vectors.h"

#include <hookprobe/ter.h>

static inline void hardware_text(struct hkp_ter_hardware_text *text, const char *value) {
    memset(text, 0, sizeof *text);
    memcpy(text->text, value, strlen(value));
}

/** Record of a vector: {"0": 1, "1": hex, ... "4": [text], "5": [hex], "6": [vendor, 3 numbers], "7": hex}.
 */
static inline void hardware_of(json_t *v, struct hkp_ter_hardware *hw) {
    json_t *one, *list;
    size_t i;
    memset(hw, 0, sizeof *hw);
    if (vec_find(v, "1") != NULL) vec_hex_into(v, "1", hw->ek, 32), hw->present |= 1u << HKP_TER_HW_EK;
    if (vec_find(v, "2") != NULL) vec_hex_into(v, "2", hw->uuid, 16), hw->present |= 1u << HKP_TER_HW_UUID;
    if (vec_find(v, "3") != NULL) {
        hardware_text(&hw->board, vec_text(v, "3"));
        hw->present |= 1u << HKP_TER_HW_BOARD;
    }
    if ((list = vec_find(v, "4")) != NULL) {
        json_array_foreach(list, i, one) hardware_text(&hw->disks[hw->n_disks++], json_string_value(one));
        hw->present |= 1u << HKP_TER_HW_DISKS;
    }
    if ((list = vec_find(v, "5")) != NULL) {
        json_array_foreach(list, i, one) {
            struct vec_bytes mac = vec_value_hex(one);
            memcpy(hw->macs[hw->n_macs++], mac.ptr, 6);
            free(mac.ptr);
        }
        hw->present |= 1u << HKP_TER_HW_MACS;
    }
    if ((list = vec_find(v, "6")) != NULL) {
        hardware_text(&hw->cpu_vendor, json_string_value(json_array_get(list, 0)));
        hw->cpu_family = (uint32_t)vec_value_u64(json_array_get(list, 1));
        hw->cpu_model = (uint32_t)vec_value_u64(json_array_get(list, 2));
        hw->cpu_stepping = (uint32_t)vec_value_u64(json_array_get(list, 3));
        hw->present |= 1u << HKP_TER_HW_CPU;
    }
    if (vec_find(v, "7") != NULL)
        vec_hex_into(v, "7", hw->machine, 32), hw->present |= 1u << HKP_TER_HW_MACHINE;
}

#endif
