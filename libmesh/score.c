/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libmesh/score.h"

#include "libmesh/record.h"

#define ONE 10000U

static uint32_t most(uint64_t value) { return value > ONE ? ONE : (uint32_t)value; }

hkp_status hkp_mesh__qsecbit(const uint32_t terms[HKP_MESH__SCORE_TERMS],
                             const uint32_t weights[HKP_MESH__SCORE_TERMS], uint32_t *score) {
    uint64_t sum = 0, weight = 0;
    for (int i = 0; i < HKP_MESH__SCORE_TERMS; i++) {
        if (weights[i] > ONE) return HKP_E_MESH_WEIGHTS; /* a weight is a number of basis points, too */
        sum += (uint64_t)weights[i] * terms[i];
        weight += weights[i];
    }
    if (weight < 9900 || weight > 10100) return HKP_E_MESH_WEIGHTS;
    *score = most(sum / ONE);
    return HKP_OK;
}

hkp_status hkp_mesh__colour(uint32_t score, uint32_t amber, uint32_t red, uint32_t *colour) {
    if (amber == 0 || amber >= red || red > ONE) return HKP_E_MESH_THRESHOLDS;
    *colour = score >= red ? HKP_MESH__RED : score >= amber ? HKP_MESH__AMBER : HKP_MESH__GREEN;
    return HKP_OK;
}

uint32_t hkp_mesh__level_share(uint32_t severity, uint32_t confidence_bp) {
    static const uint32_t weights[6] = {0, 10000, 7000, 4000, 2000, 1000};
    return severity < 6 ? weights[severity] * confidence_bp / ONE : 0;
}

uint32_t hkp_mesh__group_level(uint64_t shares) { return most(shares / 10); }

uint32_t hkp_mesh__mesh_level(uint32_t *v, uint32_t n) {
    if (n == 0) return 0;
    hkp_mesh__sort(v, n);
    if (n <= 3) return v[0];
    const uint32_t trim = (n - 1) / 3;
    uint64_t sum = 0;
    for (uint32_t i = trim; i < n - trim; i++) sum += v[i];
    return (uint32_t)(sum / (n - 2 * trim));
}

uint32_t hkp_mesh__collective(uint32_t local, uint32_t mesh) {
    return (uint32_t)((6000ULL * local + 4000ULL * mesh) / ONE);
}

uint32_t hkp_mesh__energy(uint64_t epp_uj, uint64_t dev_bp, uint64_t pps) {
    const uint64_t epp = epp_uj > 5000 ? 5000 : epp_uj, dev = dev_bp > 30000 ? 30000 : dev_bp,
                   rate = pps > 5000 ? 5000 : pps;
    return (uint32_t)(5000 * epp / 5000 + 3000 * dev / 30000 + 2000 * rate / 5000);
}
