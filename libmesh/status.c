/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <hookprobe/mesh.h>

struct name {
    hkp_status status;
    const char *name;
};

static const struct name names[] = {
    {HKP_E_MESH_SHORT, "E_SHORT"},
    {HKP_E_MESH_TOO_BIG, "E_TOO_BIG"},
    {HKP_E_MESH_VERSION, "E_VERSION"},
    {HKP_E_MESH_LENGTH, "E_LENGTH"},
    {HKP_E_MESH_CRC, "E_CRC"},
    {HKP_E_MESH_TYPE, "E_TYPE"},
    {HKP_E_MESH_FLAGS, "E_FLAGS"},
    {HKP_E_MESH_RDV, "E_RDV"},
    {HKP_E_MESH_FRAGMENT, "E_FRAGMENT"},
    {HKP_E_MESH_IOC_TYPE, "E_IOC_TYPE"},
    {HKP_E_MESH_IOC_VALUE, "E_IOC_VALUE"},
    {HKP_E_MESH_IOC_HOSTBITS, "E_IOC_HOSTBITS"},
    {HKP_E_MESH_IOC_PREFIX, "E_IOC_PREFIX"},
    {HKP_E_MESH_IOC_RESERVED, "E_IOC_RESERVED"},
    {HKP_E_MESH_SCHEMA, "E_SCHEMA"},
    {HKP_E_MESH_TTL, "E_TTL"},
    {HKP_E_MESH_TLP, "E_TLP"},
    {HKP_E_MESH_TIME, "E_TIME"},
    {HKP_E_MESH_EXPIRED, "E_EXPIRED"},
    {HKP_E_MESH_WEIGHTS, "E_WEIGHTS"},
    {HKP_E_MESH_THRESHOLDS, "E_THRESHOLDS"},
    {HKP_E_MESH_RANGE, "E_RANGE"},
    {HKP_E_MESH_STATE, "E_STATE"},
    {HKP_E_MESH_LIMIT, "E_LIMIT"},
};

const char *hkp_mesh_status_name(hkp_status status) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].status == status) return names[i].name;
    return "E_UNKNOWN";
}

int32_t hkp_mesh_status_class(hkp_status status) {
    if (status == HKP_OK) return HKP_CLASS_OK;
    if (status == HKP_E_MESH_TIME || status == HKP_E_MESH_LIMIT) return HKP_CLASS_RETRY;
    return status == HKP_E_MESH_STATE ? HKP_CLASS_BUG : HKP_CLASS_IGNORE;
}
