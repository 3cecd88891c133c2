/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Scores in basis points, 0..10000; integers, floor division (mesh.md 10, M-TIER-2). */
#ifndef HKP_LIBMESH_SCORE_H
#define HKP_LIBMESH_SCORE_H

#include <hookprobe/mesh.h>

enum { HKP_MESH__GREEN = 0, HKP_MESH__AMBER = 1, HKP_MESH__RED = 2, HKP_MESH__SCORE_TERMS = 5 };

/** QSecBit of terms (drift, attack, decay, quantum drift, energy) and weights (M-SCORE-1); E_WEIGHTS. */
hkp_status hkp_mesh__qsecbit(const uint32_t terms[HKP_MESH__SCORE_TERMS],
                             const uint32_t weights[HKP_MESH__SCORE_TERMS], uint32_t *score);

/** Colour of a score by thresholds, 7000 and 4500 by default (M-SCORE-3); E_THRESHOLDS. */
hkp_status hkp_mesh__colour(uint32_t score, uint32_t amber, uint32_t red, uint32_t *colour);

/** What one live record adds to the level of its group, before the division by ten (M-SCORE-4). */
uint32_t hkp_mesh__level_share(uint32_t severity, uint32_t confidence_bp);
/** Level of a group from the sum of its shares. */
uint32_t hkp_mesh__group_level(uint64_t shares);

/** Mesh level from the levels of all other groups, v[n], reordered (M-SCORE-5). */
uint32_t hkp_mesh__mesh_level(uint32_t *v, uint32_t n);

/** M-SCORE-7 */
uint32_t hkp_mesh__collective(uint32_t local, uint32_t mesh);

/** Energy score: microjoule a packet, deviation in basis points, packets a second (M-TIER-2). */
uint32_t hkp_mesh__energy(uint64_t epp_uj, uint64_t dev_bp, uint64_t pps);

#endif
