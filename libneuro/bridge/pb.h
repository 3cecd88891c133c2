/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: how each Protobuf type stands on the wire (LAB-7.7). */
#ifndef HKP_LIBNEURO_BRIDGE_PB_H
#define HKP_LIBNEURO_BRIDGE_PB_H

#include "libneuro/bridge/bridge.h"

enum {
    HKP_NEURO__WIRE_VARINT = 0,
    HKP_NEURO__WIRE_64 = 1,
    HKP_NEURO__WIRE_BYTES = 2,
    HKP_NEURO__WIRE_32 = 5,
    HKP_NEURO__VARINT_MAX = 10
};

static inline unsigned hkp_neuro__pb_wire(const struct hkp_neuro__field *f) {
    static const uint8_t wires[] = {
        [HKP_NEURO__PB_FIXED32] = HKP_NEURO__WIRE_32,  [HKP_NEURO__PB_SFIXED32] = HKP_NEURO__WIRE_32,
        [HKP_NEURO__PB_FIXED64] = HKP_NEURO__WIRE_64,  [HKP_NEURO__PB_SFIXED64] = HKP_NEURO__WIRE_64,
        [HKP_NEURO__PB_DOUBLE] = HKP_NEURO__WIRE_64,   [HKP_NEURO__PB_STRING] = HKP_NEURO__WIRE_BYTES,
        [HKP_NEURO__PB_BYTES] = HKP_NEURO__WIRE_BYTES, [HKP_NEURO__PB_MESSAGE] = HKP_NEURO__WIRE_BYTES};
    return wires[f->pb_type];
}

static inline int hkp_neuro__pb_zigzag(const struct hkp_neuro__field *f) {
    return f->pb_type == HKP_NEURO__PB_SINT32 || f->pb_type == HKP_NEURO__PB_SINT64;
}

#endif
