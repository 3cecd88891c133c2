/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The registry of a node for the parts that judge signed objects (D-ENV-2, D-CA-6). */
#include <string.h>

#include <hookprobe/dsm/lists.h>
#include <hookprobe/dsm/testimony.h>

#include "libdsm/node/node.h"

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    const node *n = user;
    const struct author *a = hkp_dsm__author(n, node_id);
    struct hkp_dsm_multi m;
    uint32_t newest = 0;
    if (a == NULL || a->n_certs == 0) return HKP_E_NOTFOUND;
    for (uint32_t i = 1; i < a->n_certs; i++)
        if (a->certs[i].serial > a->certs[newest].serial) newest = i;
    const hkp_status st = hkp_dsm_multi_parse(a->cert_bytes[newest]->ptr, a->cert_bytes[newest]->len, &m);
    if (st != HKP_OK) return st;
    out->certificate = a->certs[newest];
    hkp_dsm_object_id(out->id, n->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    return HKP_OK;
}

static uint64_t revoked(void *user, const uint8_t node_id[16]) { return hkp_dsm_node_revoked(user, node_id); }

void hkp_dsm_node_directory(hkp_dsm_node *n, struct hkp_dsm_directory *out) {
    *out = (struct hkp_dsm_directory){.user = n, .find = find, .revoked = revoked};
}
