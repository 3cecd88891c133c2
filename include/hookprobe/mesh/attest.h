/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what a node demands of its peers as evidence of a TPM, and the quotes that it gives itself
 * (D-AUTH, SYN-8.6). The node asks its host for a quote by an event and goes on; the host answers when its
 * TPM did.
 */
#ifndef HOOKPROBE_MESH_ATTEST_H
#define HOOKPROBE_MESH_ATTEST_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events besides those of events.h. */
enum {
    /** have the TPM quote the PCRs of mask number, bound to data[32]; then hkp_mesh_quoted(ticket). One at a
     * time */
    HKP_MESH_EVENT_QUOTE = 41
};

/** Limits. */
enum {
    /** digests of PCR values that a policy holds */
    HKP_MESH_ATTEST_DIGESTS = 64,
    /** seconds between two challenges of a session */
    HKP_MESH_ATTEST_EVERY_S = 60,
    HKP_MESH_ATTEST_EVERY_S_MIN = 6,
    HKP_MESH_ATTEST_EVERY_S_MAX = 600
};

/** What is demanded, and what is given. */
struct hkp_mesh_attest_policy {
    /** set by hkp_mesh_attest_policy_init() */
    uint32_t struct_size;
    /** PCRs of the SHA-256 bank that a quote of a peer must cover, bits 0..23; with evidence TPM not 0 */
    uint32_t pcr_mask;
    /** [n_pcr_digests * 32] digests of their values that are accepted (hkp_ter_pcr_digest()), borrowed; with
     * evidence TPM at least one */
    const uint8_t *pcr_digests;
    size_t n_pcr_digests;
    /** [ak_area_len] TPMT_PUBLIC of the attestation key that the own certificate names, borrowed; NULL: this
     * node gives no quotes, and may not demand them */
    const uint8_t *ak_area;
    size_t ak_area_len;
    /** seconds between two challenges of a session; 0: HKP_MESH_ATTEST_EVERY_S */
    uint32_t every_s;
    /** must be 0 */
    uint32_t reserved0;
};

/** How a peer stands with its evidence. */
struct hkp_mesh_attest_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_DSM_EVIDENCE_: what is demanded, NONE: nothing; and what the newest response that was judged gave
     */
    uint32_t demanded;
    uint32_t evidence;
    /** 1: a session with it carries what attestation opens */
    uint32_t accepted;
    /** of that response; HKP_E_NOTFOUND: none came yet */
    hkp_status status;
    /** why it was refused, NUL-terminated; empty: it was not */
    char reason[108];
};

/**
 * Fill a policy with the defaults.
 *
 * @param policy  of the caller, written
 * @param size    sizeof *policy as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_attest_policy_init(struct hkp_mesh_attest_policy *policy, size_t size);

/**
 * Tell what the TPM answered to HKP_MESH_EVENT_QUOTE.
 *
 * Values that are not those of the quote, because a PCR changed between, make the node ask again, three times
 * at most. Without a quote the peer gets no answer, and treats this node as one that did not attest.
 *
 * @param node      a node
 * @param now       nanoseconds, monotonic
 * @param wall_us   Unix microseconds
 * @param ticket    of the event
 * @param status    HKP_OK, or why there is no quote
 * @param values    [n_values * 32] the PCRs of the event's mask, ascending, borrowed; with HKP_OK
 * @param n_values  0..24
 * @param quote     [len] the wire form of HTP-5.5, borrowed; with HKP_OK
 * @param len       bytes
 *
 * @retval HKP_OK          taken; a response is on its way if the session still stands
 * @retval HKP_E_NOTFOUND  no such ticket
 * @retval HKP_E_INVAL     no quote, or not of these PCRs
 *
 * Cost: one signature.
 * Source: D-AUTH-2, D-AUTH-3, decision 0580.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_quoted(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                uint64_t ticket, hkp_status status, const uint8_t *values,
                                                uint32_t n_values, const uint8_t *quote, size_t len);

/**
 * How a peer stands with its evidence.
 *
 * @param node    a node
 * @param index   0.. as in hkp_mesh_peer_status()
 * @param status  the caller's struct, struct_size set; untouched on failure
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  no peer with this index
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: no allocation.
 * Source: D-AUTH-4, D-AUTH-5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_attest_status(const hkp_mesh_node *node, uint32_t index,
                                                       struct hkp_mesh_attest_status *status);

#ifdef __cplusplus
}
#endif

#endif
