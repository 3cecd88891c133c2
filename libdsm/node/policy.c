/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What each role may sign, asked of every object before anything else is done with it (D-ENV-4, decision
 * 0541). The table is hkp_dsm__permit() in beside/signed.c; here stands who holds which role now.
 */
#include "libdsm/node/node.h"

#include <hookprobe/dsm/testimony.h>

#include "libdsm/beside/signed.h"

/* D-CA-8: by its own session, whoever brought what it signed. */
static int is_edge_only(const node *n, const uint8_t signer[16]) {
    const struct peer *p = hkp_dsm__peer(n, signer);
    return p != NULL && p->listless && hkp_dsm__lists_old(n);
}

static hkp_status by_certificate(node *n, struct peer *from, uint32_t roles, const uint8_t signer[16]) {
    struct hkp_dsm_directory directory;
    struct hkp_dsm_signer found;
    hkp_dsm_node_directory(n, &directory);
    const struct hkp_dsm__judge judge = {n->chain_id, &directory, hkp_dsm__judged_at_s(n)};
    const hkp_status st = hkp_dsm__signer_find(&judge, signer, roles, &found);
    if (st == HKP_E_DSM_SIGNER) hkp_dsm__certificate_ask(n, hkp_dsm__author(n, signer), from, signer);
    return st == HKP_OK && (roles & ~(uint32_t)HKP_DSM_ROLE_EDGE) != 0 && is_edge_only(n, signer)
               ? HKP_E_DSM_ROLE
               : st;
}

hkp_status hkp_dsm__permitted(node *n, struct peer *from, uint32_t kind, const uint8_t signer[16]) {
    const struct hkp_dsm__permit p = hkp_dsm__permit(kind);
    const int seated = hkp_dsm__valset_index(&n->set, signer) >= 0;
    switch (p.by) {
    case HKP_DSM__BY_BLOCK:
        return HKP_OK; /* by the certificate that it names, at its own time (D-CERT-2) */
    case HKP_DSM__BY_SEAT:
        return seated ? HKP_OK : HKP_E_DSM_SIGNER;
    case HKP_DSM__BY_SEAT_OR_CERTIFICATE:
        return seated ? HKP_OK : by_certificate(n, from, p.roles, signer);
    case HKP_DSM__BY_CERTIFICATE:
        return by_certificate(n, from, p.roles, signer);
    default:
        return HKP_E_DSM_KIND;
    }
}
