/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: the own certificate of a node, how long it lasts, and its renewal while the node runs.
 */
#ifndef HOOKPROBE_MESH_RENEWAL_H
#define HOOKPROBE_MESH_RENEWAL_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events besides those of events.h. */
enum {
    /** the own certificate: number: HKP_MESH_RENEWAL_*, ticket: its serial, to: until when it is valid, Unix
     * seconds; each once for a certificate */
    HKP_MESH_EVENT_RENEWAL = 45
};

/* What such an event tells. */
enum {
    /** two thirds of its life are over; data: a request for the next one, signed by the certified key, for
     * the officers; empty if it could not be made */
    HKP_MESH_RENEWAL_DUE = 1,
    /** it is over: sessions carry little more until there is a new one (HTP-8.7) */
    HKP_MESH_RENEWAL_ENDED = 2,
    /** a newer one came and is used from now on; data: its bytes, which the next start is to be given */
    HKP_MESH_RENEWAL_TAKEN = 3,
    /** a newer one came that wants another start: its static key or its generation is another one */
    HKP_MESH_RENEWAL_OTHER = 4
};

/** The own certificate. Times are Unix seconds. */
struct hkp_mesh_renewal_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    uint32_t reserved0;
    uint64_t serial;
    uint64_t not_before_s;
    uint64_t not_after_s;
    /** when its renewal begins */
    uint64_t renew_s;
};

/**
 * The certificate that a node uses, and when it is to be renewed.
 *
 * @param node    the object
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: D-CERT-3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_renewal_status(const hkp_mesh_node *node,
                                                        struct hkp_mesh_renewal_status *status);

#ifdef __cplusplus
}
#endif

#endif
