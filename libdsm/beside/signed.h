/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects of nodes outside consensus: from bytes to a body whose signer is known (D-ENV-2; signed.c). */
#ifndef HKP_LIBDSM_SIGNED_H
#define HKP_LIBDSM_SIGNED_H

#include "libdsm/objects/objects.h"

/* Who may sign an envelope of a kind (decision 0541). */
enum {
    HKP_DSM__BY_NOBODY = 0,      /* no kind, or one that has its own way in (CERT_REQUEST, by its own key) */
    HKP_DSM__BY_BLOCK = 1,       /* by the certificate that the block names (D-CERT-2) */
    HKP_DSM__BY_SEAT = 2,        /* by a key in V_e */
    HKP_DSM__BY_CERTIFICATE = 3, /* by a certificate, valid now, with all of these roles */
    HKP_DSM__BY_SEAT_OR_CERTIFICATE = 4
};
struct hkp_dsm__permit {
    uint32_t by, roles;
};
struct hkp_dsm__permit hkp_dsm__permit(uint32_t kind);

/* What such an object is judged by. */
struct hkp_dsm__judge {
    const uint8_t *chain_id;
    const struct hkp_dsm_directory *directory;
    uint64_t at_s; /* when the signer's certificate must hold, Unix seconds */
};

/* Certificate of a node, valid at that time and with all of these roles: E_SIGNER, E_NOT_YET, E_EXPIRED,
 * E_REVOKED, E_ROLE. */
hkp_status hkp_dsm__signer_find(const struct hkp_dsm__judge *judge, const uint8_t node_id[16], uint32_t roles,
                                struct hkp_dsm_signer *signer);
/* Envelope of that kind by a signer with the roles of its kind; the body is left to the caller. Outputs set
 * on success only. */
hkp_status hkp_dsm__signed_open(const struct hkp_dsm__judge *judge, const uint8_t *in, size_t len,
                                uint32_t kind, struct hkp_dsm_envelope *envelope,
                                struct hkp_dsm_signer *signer);
/* Id of a parsed envelope. */
void hkp_dsm__envelope_id(const uint8_t chain_id[32], const struct hkp_dsm_envelope *envelope,
                          uint8_t id[32]);
/* 1 if both functions are there. */
int hkp_dsm__directory_ok(const struct hkp_dsm_directory *directory);

#endif
