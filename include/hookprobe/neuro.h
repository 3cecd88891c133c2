/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro: what this device has become. NZ1 states that evolve with every TER, proofs over them, the
 * instances that two nodes share about one of them, and trust.
 *
 * Threads: as in base.h. A commit belongs to the owner or holder that gave it: one thread at a time for all
 * three. All integers on the wire and on disk are little-endian (NZ1 0).
 */
#ifndef HOOKPROBE_NEURO_H
#define HOOKPROBE_NEURO_H

#include <hookprobe/base.h>

/* States, instances and their two sides, trust. */
#include <hookprobe/neuro/commit.h>
#include <hookprobe/neuro/holder.h>
#include <hookprobe/neuro/instance.h>
#include <hookprobe/neuro/message.h>
#include <hookprobe/neuro/owner.h>
#include <hookprobe/neuro/rebase.h>
#include <hookprobe/neuro/sides.h>
#include <hookprobe/neuro/sizes.h>
#include <hookprobe/neuro/state.h>
#include <hookprobe/neuro/status.h>
#include <hookprobe/neuro/trust.h>

#define HKP_NEURO_VERSION_MAJOR 0
#define HKP_NEURO_VERSION_MINOR 1
#define HKP_NEURO_VERSION_PATCH 0
#define HKP_NEURO_ABI 0

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
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_version(void);

#ifdef __cplusplus
}
#endif

/* What is made of them, and the bridge. */
#include <hookprobe/neuro/bridge.h>
#include <hookprobe/neuro/entropy.h>
#include <hookprobe/neuro/hybrid.h>
#include <hookprobe/neuro/oprf.h>
#include <hookprobe/neuro/resonance.h>
#include <hookprobe/neuro/seal.h>
#include <hookprobe/neuro/synapse.h>
#include <hookprobe/neuro/verifier.h>

#endif
