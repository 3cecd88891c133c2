/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: its results, and what a host does with them (mesh.md 15.1).
 */
#ifndef HOOKPROBE_MESH_STATUS_H
#define HOOKPROBE_MESH_STATUS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* mesh.md 15.1. CBOR errors pass through from libdsm. */
enum {
    HKP_E_MESH_SHORT = HKP_E_MESH_BASE - 1,
    HKP_E_MESH_TOO_BIG = HKP_E_MESH_BASE - 2,
    HKP_E_MESH_VERSION = HKP_E_MESH_BASE - 3,
    HKP_E_MESH_LENGTH = HKP_E_MESH_BASE - 4,
    HKP_E_MESH_CRC = HKP_E_MESH_BASE - 5,
    HKP_E_MESH_TYPE = HKP_E_MESH_BASE - 6,
    HKP_E_MESH_FLAGS = HKP_E_MESH_BASE - 7,
    HKP_E_MESH_RDV = HKP_E_MESH_BASE - 8,
    HKP_E_MESH_FRAGMENT = HKP_E_MESH_BASE - 9,
    /** no such indicator type */
    HKP_E_MESH_IOC_TYPE = HKP_E_MESH_BASE - 16,
    /** not the (canonical) form of a value of this type */
    HKP_E_MESH_IOC_VALUE = HKP_E_MESH_BASE - 17,
    /** a prefix with host bits set */
    HKP_E_MESH_IOC_HOSTBITS = HKP_E_MESH_BASE - 18,
    /** a prefix too short for the wire */
    HKP_E_MESH_IOC_PREFIX = HKP_E_MESH_BASE - 19,
    /** a private or otherwise reserved address or domain (M-IOC-2) */
    HKP_E_MESH_IOC_RESERVED = HKP_E_MESH_BASE - 20,
    HKP_E_MESH_SCHEMA = HKP_E_MESH_BASE - 24,
    /** validity not above 0 or above the longest of its type */
    HKP_E_MESH_TTL = HKP_E_MESH_BASE - 25,
    /** TLP RED never leaves a node */
    HKP_E_MESH_TLP = HKP_E_MESH_BASE - 26,
    /** dated more than 300 s ahead */
    HKP_E_MESH_TIME = HKP_E_MESH_BASE - 27,
    HKP_E_MESH_EXPIRED = HKP_E_MESH_BASE - 28,
    HKP_E_MESH_WEIGHTS = HKP_E_MESH_BASE - 29,
    HKP_E_MESH_THRESHOLDS = HKP_E_MESH_BASE - 30,
    HKP_E_MESH_RANGE = HKP_E_MESH_BASE - 31,
    HKP_E_MESH_STATE = HKP_E_MESH_BASE - 32,
    HKP_E_MESH_LIMIT = HKP_E_MESH_BASE - 33
};

/**
 * Name of a status of the mesh library.
 *
 * @param status  any status
 *
 * @return the name, "E_IOC_VALUE" for example, static; "E_UNKNOWN" outside the range of this library
 *
 * Cost: none.
 * Source: mesh.md 15.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_status_name(hkp_status status);

/**
 * What a host does with a status of the mesh library.
 *
 * @param status  any status
 *
 * @return HKP_CLASS_*; IGNORE for a status of another library
 *
 * Cost: none.
 * Source: mesh.md 15.1; style 2.3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API int32_t hkp_mesh_status_class(hkp_status status);

#ifdef __cplusplus
}
#endif

#endif
