/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/mesh.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *hkp_mesh_version(void) {
    return TEXT(HKP_MESH_VERSION_MAJOR) "." TEXT(HKP_MESH_VERSION_MINOR) "." TEXT(HKP_MESH_VERSION_PATCH);
}
