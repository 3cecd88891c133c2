/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: who a signer is. The parts that judge signed objects ask the host for certificates and
 * revocations, so that one registry serves them all.
 */
#ifndef HOOKPROBE_DSM_DIRECTORY_H
#define HOOKPROBE_DSM_DIRECTORY_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A node as its certificate names it. */
struct hkp_dsm_signer {
    struct hkp_dsm_certificate certificate;
    /** id of the certificate (D-SIG-4) */
    uint8_t id[32];
};

/** Where certificates and revocations are found. Both functions are required and must not call back. */
struct hkp_dsm_directory {
    /** handed to both */
    void *user;
    /** HKP_OK and the newest certificate of a node that officers signed (D-MULTI); else HKP_E_NOTFOUND. Its
     * times are judged by who asks */
    hkp_status (*find)(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out);
    /** highest serial revoked of a node, 0: none (D-CA-6) */
    uint64_t (*revoked)(void *user, const uint8_t node_id[16]);
};

#ifdef __cplusplus
}
#endif

#endif
