/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_DSM_H
#define HOOKPROBE_DSM_H

#include <hookprobe/base.h>

/* Encodings, pure checks, and a running node. */
#include <hookprobe/dsm/cbor.h>
#include <hookprobe/dsm/certificate.h>
#include <hookprobe/dsm/events.h>
#include <hookprobe/dsm/kinds.h>
#include <hookprobe/dsm/node.h>
#include <hookprobe/dsm/objects.h>
#include <hookprobe/dsm/peers.h>
#include <hookprobe/dsm/proof.h>
#include <hookprobe/dsm/status.h>
#include <hookprobe/dsm/submit.h>

#define HKP_DSM_VERSION_MAJOR 0
#define HKP_DSM_VERSION_MINOR 1
#define HKP_DSM_VERSION_PATCH 0
#define HKP_DSM_ABI 0

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
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_version(void);

#ifdef __cplusplus
}
#endif

/* What a node may be asked beside, and what stands beside it. */
#include <hookprobe/dsm/ask.h>
#include <hookprobe/dsm/audit.h>
#include <hookprobe/dsm/auth.h>
#include <hookprobe/dsm/bls.h>
#include <hookprobe/dsm/commands.h>
#include <hookprobe/dsm/directory.h>
#include <hookprobe/dsm/give.h>
#include <hookprobe/dsm/gossip.h>
#include <hookprobe/dsm/lists.h>
#include <hookprobe/dsm/members.h>
#include <hookprobe/dsm/officer.h>
#include <hookprobe/dsm/publish.h>
#include <hookprobe/dsm/restart.h>
#include <hookprobe/dsm/revocation.h>
#include <hookprobe/dsm/store.h>
#include <hookprobe/dsm/telemetry.h>
#include <hookprobe/dsm/testimony.h>
#include <hookprobe/dsm/witness.h>
#include <hookprobe/dsm/workload.h>

#endif
