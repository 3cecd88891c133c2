/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: threat records as bytes (mesh.md 9.1).
 */
#ifndef HOOKPROBE_MESH_RECORD_H
#define HOOKPROBE_MESH_RECORD_H

#include <hookprobe/mesh/indicator.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Threat types (mesh.md 9.1); 256 and above belong to applications. */
enum {
    HKP_MESH_THREAT_PORT_SCAN = 1,
    HKP_MESH_THREAT_DDOS = 2,
    HKP_MESH_THREAT_MALWARE = 3,
    HKP_MESH_THREAT_C2 = 4,
    HKP_MESH_THREAT_PHISHING = 5,
    HKP_MESH_THREAT_BRUTE_FORCE = 6,
    HKP_MESH_THREAT_EXPLOIT = 7,
    HKP_MESH_THREAT_EXFILTRATION = 8,
    HKP_MESH_THREAT_LATERAL_MOVEMENT = 9,
    HKP_MESH_THREAT_BOTNET = 10,
    HKP_MESH_THREAT_SPAM = 11,
    HKP_MESH_THREAT_ANOMALY = 12,
    HKP_MESH_THREAT_ROGUE_AI = 13,
    HKP_MESH_THREAT_MITM = 14,
    HKP_MESH_THREAT_DNS_ABUSE = 15,
    HKP_MESH_THREAT_POLICY = 16
};

/** Traffic light protocol 2.0. */
enum {
    HKP_MESH_TLP_CLEAR = 0,
    HKP_MESH_TLP_GREEN = 1,
    HKP_MESH_TLP_AMBER = 2,
    HKP_MESH_TLP_AMBER_STRICT = 3,
    HKP_MESH_TLP_RED = 4
};

/** Bytes of the longest record, and of the longest context in one. */
#define HKP_MESH_RECORD_MAX 3072
#define HKP_MESH_CONTEXT_MAX 256

/** A threat record (mesh.md 9.1). A closed object of version 1: this struct never grows. */
struct hkp_mesh_record {
    /** [value_len] canonical value, borrowed: bytes for addresses and digests, else text without NUL */
    const uint8_t *value;
    size_t value_len;
    /** [context_len] UTF-8 text without NUL, borrowed; NULL: none */
    const uint8_t *context;
    size_t context_len;
    /** Unix seconds */
    uint64_t valid_from_s;
    uint64_t valid_until_s;
    /** detector rule, if has_rule */
    uint32_t rule;
    /** HKP_MESH_THREAT_*, 1..65535 */
    uint16_t threat;
    /** HKP_MESH_IOC_* */
    uint8_t ioc_type;
    /** 1 critical .. 5 info */
    uint8_t severity;
    /** 0..100 */
    uint8_t confidence;
    /** HKP_MESH_TLP_* */
    uint8_t tlp;
    /** 0 one-way, 1 two-way, 2 content */
    uint8_t evidence;
    /** 1: rule is set */
    uint8_t has_rule;
    /** how many of technique are set, 0..4 */
    uint8_t technique_count;
    /** zero */
    uint8_t reserved[3];
    /** ATT&CK ids, ascending, "T1234" or "T1234.001", NUL-terminated */
    char technique[4][12];
};

/**
 * Name of a threat type, as users write it.
 *
 * @param threat  HKP_MESH_THREAT_*
 *
 * @return "port_scan", "c2", ..., static; NULL for a number without a name
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_threat_name(uint32_t threat);

/**
 * Encode a threat record as canonical CBOR.
 *
 * @param record  what to encode; checked as a receiver would, but for the time of day
 * @param dst     [cap] bytes of the caller; HKP_MESH_RECORD_MAX is always enough
 * @param cap     bytes
 * @param len     bytes written
 *
 * @retval HKP_OK                   done
 * @retval HKP_E_MESH_SCHEMA        a field is out of its range
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the value is not canonical
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix too short for the wire
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 * @retval HKP_E_MESH_TTL           valid_until_s is not within the type's validity after valid_from_s
 * @retval HKP_E_MESH_TLP           TLP RED is not encoded
 * @retval HKP_E_NOSPC              dst is too small; nothing was written
 *
 * Cost: no allocation.
 * Source: mesh.md 9.1, M-TI-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_record_encode(const struct hkp_mesh_record *record, uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Check and decode a threat record as a receiver does.
 *
 * @param record  written on success; its pointers lead into bytes
 * @param bytes   [len] bytes, borrowed while record is used
 * @param len     bytes
 * @param now_s   Unix seconds
 *
 * @retval HKP_OK                   good now
 * @retval HKP_E_MESH_TOO_BIG       more than HKP_MESH_RECORD_MAX bytes
 * @retval HKP_E_MESH_VERSION       a later version
 * @retval HKP_E_MESH_SCHEMA        a key is missing, unknown, of a wrong type or out of its range
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the value is not canonical
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix too short for the wire
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 * @retval HKP_E_MESH_TTL           validity not above 0 or above the longest of its type
 * @retval HKP_E_MESH_TLP           TLP RED
 * @retval HKP_E_MESH_TIME          begins more than 300 s from now
 * @retval HKP_E_MESH_EXPIRED       over
 *
 * Errors of CBOR are those of libdsm (HKP_E_DSM_CBOR_*).
 * Cost: no allocation; linear in len.
 * Source: mesh.md M-TI-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_record_decode(struct hkp_mesh_record *record, const uint8_t *bytes,
                                                       size_t len, uint64_t now_s);

/**
 * Confidence of a record now, after decay.
 *
 * @param record  checked record
 * @param now_s   Unix seconds
 *
 * @return basis points, 0..10000; 0 when it is over
 *
 * Cost: none.
 * Source: mesh.md M-TI-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint32_t hkp_mesh_record_confidence(const struct hkp_mesh_record *record, uint64_t now_s);

#ifdef __cplusplus
}
#endif

#endif
