/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Encodings of the audit log (D-AUD-1, D-AUD-2; audit_entry.c). */
#ifndef HKP_LIBDSM_AUDIT_H
#define HKP_LIBDSM_AUDIT_H

#include "libdsm/objects/objects.h"

/* Largest log: a proof has at most 62 hashes. */
#define HKP_DSM__AUDIT_SIZE_MAX (1ULL << 62)

/* Encoded entry; 0 bytes if it does not fit into cap. */
size_t hkp_dsm__audit_entry_build(const struct hkp_dsm_audit_entry *entry, uint8_t *dst, size_t cap);
/* prev of the entry behind these bytes. */
void hkp_dsm__audit_prev(uint8_t prev[32], const uint8_t *entry, size_t len);
/* Body of AUDIT_HEAD; node_id is the envelope's. */
hkp_status hkp_dsm__audit_head_body(const struct hkp_dsm_view *body, struct hkp_dsm_audit_head *head);
hkp_status hkp_dsm__audit_head_build(const struct hkp_dsm_audit_head *head, uint8_t *dst, size_t cap,
                                     size_t *len);

#endif
