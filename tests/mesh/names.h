/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The names that vectors of libmesh use, as numbers. */
#ifndef HKP_TESTS_MESH_NAMES_H
#define HKP_TESTS_MESH_NAMES_H

#include <hookprobe/mesh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** "ok" or "E_..." as a status; a name that libmesh does not know ends the program. */
static inline hkp_status mesh_status_of(const char *name) {
    if (strcmp(name, "ok") == 0) return HKP_OK;
    for (hkp_status st = HKP_E_MESH_BASE - 1; st > HKP_E_MESH_BASE - 256; st--)
        if (strcmp(hkp_mesh_status_name(st), name) == 0) return st;
    printf("Bail out! no such status: %s\n", name);
    exit(1);
}

#endif
