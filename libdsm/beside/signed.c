/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Signed objects outside consensus: who signed, and whether that node may (D-ENV-2, D-CERT-1). */
#include "libdsm/beside/signed.h"

#include <string.h>

struct hkp_dsm__permit hkp_dsm__permit(uint32_t kind) {
    static const struct hkp_dsm__permit permits[HKP_DSM_KIND_CE_BUNDLE + 1] = {
        [HKP_DSM_KIND_MICROBLOCK] = {HKP_DSM__BY_BLOCK, 0},
        [HKP_DSM_KIND_PROPOSE] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_NOTAR] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_NULL] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_FINAL] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_PEER_RECORD] = {HKP_DSM__BY_SEAT_OR_CERTIFICATE, 0},
        [HKP_DSM_KIND_WITNESS] = {HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_WITNESS},
        [HKP_DSM_KIND_AUDIT_HEAD] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_TELEMETRY] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_WORKLOAD] = {HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_OPERATOR},
        [HKP_DSM_KIND_ASSIGN] = {HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_SCHEDULER},
        [HKP_DSM_KIND_POLICY] = {HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_OPERATOR},
        [HKP_DSM_KIND_MEMBER] = {HKP_DSM__BY_SEAT_OR_CERTIFICATE, HKP_DSM_ROLE_VALIDATOR},
        [HKP_DSM_KIND_ENDORSE] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_AUTH] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_CLAIM] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_FINAL_BLS] = {HKP_DSM__BY_SEAT, 0},
        [HKP_DSM_KIND_REGIONAL] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_CE_COMMIT] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_CE_REVEAL] = {HKP_DSM__BY_CERTIFICATE, 0},
        [HKP_DSM_KIND_CE_BUNDLE] = {HKP_DSM__BY_CERTIFICATE, 0},
    };
    static const struct hkp_dsm__permit nobody = {HKP_DSM__BY_NOBODY, 0};
    return kind < sizeof permits / sizeof *permits ? permits[kind] : nobody;
}

int hkp_dsm__directory_ok(const struct hkp_dsm_directory *d) { return d->find != NULL && d->revoked != NULL; }

hkp_status hkp_dsm__signer_find(const struct hkp_dsm__judge *judge, const uint8_t node_id[16], uint32_t roles,
                                struct hkp_dsm_signer *signer) {
    const struct hkp_dsm_directory *d = judge->directory;
    struct hkp_dsm_signer s;
    if (d->find(d->user, node_id, &s) != HKP_OK || memcmp(s.certificate.node_id, node_id, 16) != 0)
        return HKP_E_DSM_SIGNER;
    hkp_status st = hkp_dsm__certificate_times(&s.certificate, judge->at_s, d->revoked(d->user, node_id));
    if (st != HKP_OK) return st;
    if ((s.certificate.roles & roles) != roles) return HKP_E_DSM_ROLE;
    *signer = s;
    return HKP_OK;
}

hkp_status hkp_dsm__signed_open(const struct hkp_dsm__judge *judge, const uint8_t *in, size_t len,
                                uint32_t kind, struct hkp_dsm_envelope *envelope,
                                struct hkp_dsm_signer *signer) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer s;
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(kind), &e);
    if (st == HKP_OK) st = hkp_dsm__signer_find(judge, e.signer, hkp_dsm__permit(kind).roles, &s);
    if (st == HKP_OK) st = hkp_dsm_envelope_verify(judge->chain_id, &e, s.certificate.key);
    if (st != HKP_OK) return st;
    *envelope = e;
    *signer = s;
    return HKP_OK;
}

void hkp_dsm__envelope_id(const uint8_t chain_id[32], const struct hkp_dsm_envelope *envelope,
                          uint8_t id[32]) {
    hkp_dsm_object_id(id, chain_id, (uint32_t)envelope->kind, envelope->signer, envelope->body.ptr,
                      envelope->body.len);
}
