/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: what a node keeps for long (D-STO-8).
 */
#ifndef HOOKPROBE_DSM_STORE_H
#define HOOKPROBE_DSM_STORE_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * From which heights on a node still keeps blocks, and headers with their bodies.
 *
 * @param n        node
 * @param blocks   first height that was not pruned of blocks; 0: nothing was
 * @param headers  first height that was not pruned of headers, other than boundaries; 0: nothing was
 *
 * @retval HKP_OK  both are set
 *
 * Cost: none.
 * Source: D-STO-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_kept(const hkp_dsm_node *n, uint64_t *blocks, uint64_t *headers);

#ifdef __cplusplus
}
#endif

#endif
