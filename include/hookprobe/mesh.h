/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_MESH_H
#define HOOKPROBE_MESH_H

#include <hookprobe/base.h>

/* Threat intelligence, a node, and what runs it. */
#include <hookprobe/mesh/eve.h>
#include <hookprobe/mesh/events.h>
#include <hookprobe/mesh/indicator.h>
#include <hookprobe/mesh/intel.h>
#include <hookprobe/mesh/node.h>
#include <hookprobe/mesh/node_status.h>
#include <hookprobe/mesh/provision.h>
#include <hookprobe/mesh/record.h>
#include <hookprobe/mesh/runner.h>
#include <hookprobe/mesh/status.h>

#define HKP_MESH_VERSION_MAJOR 0
#define HKP_MESH_VERSION_MINOR 1
#define HKP_MESH_VERSION_PATCH 0
#define HKP_MESH_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_version(void);

#ifdef __cplusplus
}
#endif

/* What stands beside a node. */
#include <hookprobe/mesh/attest.h>
#include <hookprobe/mesh/audit.h>
#include <hookprobe/mesh/history.h>
#include <hookprobe/mesh/renewal.h>
#include <hookprobe/mesh/restart.h>
#include <hookprobe/mesh/submit.h>
#include <hookprobe/mesh/telemetry.h>
#include <hookprobe/mesh/work.h>

#endif
