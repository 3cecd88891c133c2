/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: what opening asks of a replay set. */
#ifndef HKP_LIBNEURO_BRIDGE_HYBRID_H
#define HKP_LIBNEURO_BRIDGE_HYBRID_H

#include <hookprobe/neuro.h>

enum { HKP_NEURO__SALT = 24 };

/* The latest time that the set was told: what it has forgotten by then must not open again. */
uint64_t hkp_neuro__replay_now(const hkp_neuro_hyb_replay *replay, uint64_t now_s);
/* HKP_OK if the salt is new and there is room, and it is kept until it expires; else HYB_REPLAY. */
hkp_status hkp_neuro__replay_take(hkp_neuro_hyb_replay *replay, const uint8_t salt[HKP_NEURO__SALT],
                                  uint64_t expires_s, uint64_t now_s);

#endif
