/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: numbers that stand in signed objects, and sizes of objects (D 3 to 6).
 */
#ifndef HOOKPROBE_DSM_KINDS_H
#define HOOKPROBE_DSM_KINDS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of signed objects (D-ENV, D-MULTI); those from 32 on are signed by officers of the CA set. */
enum {
    HKP_DSM_KIND_MICROBLOCK = 1,
    HKP_DSM_KIND_PROPOSE = 2,
    HKP_DSM_KIND_NOTAR = 3,
    HKP_DSM_KIND_NULL = 4,
    HKP_DSM_KIND_FINAL = 5,
    HKP_DSM_KIND_PEER_RECORD = 6,
    HKP_DSM_KIND_CERT_REQUEST = 7,
    HKP_DSM_KIND_WITNESS = 8,
    HKP_DSM_KIND_AUDIT_HEAD = 9,
    HKP_DSM_KIND_TELEMETRY = 10,
    HKP_DSM_KIND_WORKLOAD = 11,
    HKP_DSM_KIND_ASSIGN = 12,
    HKP_DSM_KIND_POLICY = 13,
    HKP_DSM_KIND_MEMBER = 14,
    HKP_DSM_KIND_ENDORSE = 15,
    HKP_DSM_KIND_AUTH = 16,
    HKP_DSM_KIND_CLAIM = 18,
    HKP_DSM_KIND_FINAL_BLS = 19,
    HKP_DSM_KIND_REGIONAL = 20,
    HKP_DSM_KIND_CE_COMMIT = 21,
    HKP_DSM_KIND_CE_REVEAL = 22,
    HKP_DSM_KIND_CE_BUNDLE = 23,
    HKP_DSM_KIND_CERTIFICATE = 32,
    HKP_DSM_KIND_REVOCATION_LIST = 33,
    HKP_DSM_KIND_CA_SET = 34,
    HKP_DSM_KIND_ALLOWLIST = 35,
    HKP_DSM_KIND_RESTART = 36,
    HKP_DSM_KIND_ORDER = 37
};

/** Role bits of a certificate (D-CERT key 6). */
enum {
    HKP_DSM_ROLE_EDGE = 1,
    HKP_DSM_ROLE_VALIDATOR = 2,
    HKP_DSM_ROLE_WITNESS = 4,
    HKP_DSM_ROLE_COORDINATOR = 8,
    HKP_DSM_ROLE_CA = 16,
    HKP_DSM_ROLE_OPERATOR = 32,
    HKP_DSM_ROLE_SCHEDULER = 64,
    HKP_DSM_ROLE_NEURO = 128
};

/** Tiers (D-CERT key 7). */
enum {
    HKP_DSM_TIER_SENTINEL = 1,
    HKP_DSM_TIER_GUARDIAN = 2,
    HKP_DSM_TIER_FORTRESS = 3,
    HKP_DSM_TIER_NEXUS = 4,
    HKP_DSM_TIER_MSSP = 5
};

/** Event types of microblocks (D-BLK-3); 256 to 65535 belong to applications. */
enum {
    HKP_DSM_EVENT_STATE_UPDATE = 1,
    HKP_DSM_EVENT_WEIGHT_SNAPSHOT = 2,
    HKP_DSM_EVENT_THREAT_REPORT = 3,
    HKP_DSM_EVENT_HEARTBEAT = 5,
    HKP_DSM_EVENT_TER_CHECKPOINT = 6,
    HKP_DSM_EVENT_SIGHTING = 7,
    HKP_DSM_EVENT_REVOKE = 8,
    HKP_DSM_EVENT_WITNESS = 9,
    HKP_DSM_EVENT_POLICY = 10,
    HKP_DSM_EVENT_WORKLOAD = 11,
    HKP_DSM_EVENT_TELEMETRY = 12,
    HKP_DSM_EVENT_AUDIT = 13,
    HKP_DSM_EVENT_MODEL = 14,
    HKP_DSM_EVENT_MEMBERSHIP = 15,
    HKP_DSM_EVENT_FILE_NOTICE = 16,
    HKP_DSM_EVENT_CLAIM = 17
};

/** Sizes that callers need for buffers, bytes. */
enum {
    HKP_DSM_NODE_ID_BYTES = 16,
    HKP_DSM_ID_BYTES = 32,
    HKP_DSM_KEY_BYTES = 32,
    /** an Ed25519 secret as libsodium keeps it: seed, then public key */
    HKP_DSM_SECRET_BYTES = 64,
    HKP_DSM_SIGNATURE_BYTES = 64,
    /** name of a TPM attestation key */
    HKP_DSM_AK_BYTES = 34,
    /** a certificate's body, and the whole of it (D-MULTI-3) */
    HKP_DSM_CERTIFICATE_BODY_MAX = 600,
    HKP_DSM_CERTIFICATE_MAX = 880,
    HKP_DSM_OFFICERS_MAX = 7,
    HKP_DSM_CA_SET_BODY_MAX = 1024,
    HKP_DSM_MEMBERS_MAX = 200,
    /** a validator set's body (D-GSP-21) */
    HKP_DSM_VALSET_MAX = 21504,
    HKP_DSM_GENESIS_MAX = 23552,
    HKP_DSM_MESH_NAME_MAX = 64,
    HKP_DSM_PAYLOAD_MIN = 16,
    HKP_DSM_PAYLOAD_MAX = 16384,
    HKP_DSM_REQUEST_MAX = 512
};

/** Serial that bars a node for good (D-CA-6). */
#define HKP_DSM_SERIAL_BARRED 0xFFFFFFFFFFFFFFFFULL

#ifdef __cplusplus
}
#endif

#endif
