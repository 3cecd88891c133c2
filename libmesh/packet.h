/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Mesh packet v5.0 (mesh.md 1). It travels inside an authenticated session only (M-PKT-3); the session layer
 * negotiates COMPRESSED and refuses it otherwise, and reassembles fragments (M-PKT-7).
 */
#ifndef HKP_LIBMESH_PACKET_H
#define HKP_LIBMESH_PACKET_H

#include <hookprobe/mesh.h>

enum {
    HKP_MESH__PACKET_HEADER = 48,
    HKP_MESH__PACKET_MAX = 65535,
    HKP_MESH__PACKET_TAG = 16,
    HKP_MESH__FRAGMENT_HEADER = 8,
    HKP_MESH__FRAGMENTS_MAX = 64,
    HKP_MESH__WINDOW = 1024
};

enum {
    HKP_MESH__FLAG_ENCRYPTED = 0x01,
    HKP_MESH__FLAG_COMPRESSED = 0x02,
    HKP_MESH__FLAG_URGENT = 0x04,
    HKP_MESH__FLAG_RELIABLE = 0x08,
    HKP_MESH__FLAG_FRAGMENTED = 0x10,
    HKP_MESH__FLAG_LAST_FRAGMENT = 0x20,
    HKP_MESH__FLAG_REQUIRES_ACK = 0x40,
    HKP_MESH__FLAG_NEURO_AUTH = 0x80
};

/** Packet types that this library sends or answers; hkp_mesh__packet_type_known() knows all of mesh.md 1. */
enum {
    HKP_MESH__TYPE_HANDSHAKE = 0x01,
    HKP_MESH__TYPE_KEEPALIVE = 0x02,
    HKP_MESH__TYPE_ACK = 0x03,
    HKP_MESH__TYPE_CLOSE = 0x04,
    HKP_MESH__TYPE_SECURITY_EVENT = 0x42,
    HKP_MESH__TYPE_CONTROL_CMD = 0x43,
    HKP_MESH__TYPE_ERROR = 0xff
};

struct hkp_mesh__packet {
    uint8_t type;
    uint8_t flags;
    uint32_t sequence;
    uint64_t flow_token;
    uint64_t timestamp_us;
    uint8_t rdv[16];
    /** [payload_len] borrowed */
    const uint8_t *payload;
    size_t payload_len;
};

/** Whether mesh.md 1 has a packet of this type. */
int hkp_mesh__packet_type_known(uint8_t type);

/** Checks in the order of M-PKT-2. neuro: the session was authenticated with neural state (M-PKT-6). */
hkp_status hkp_mesh__packet_decode(struct hkp_mesh__packet *p, const uint8_t *bytes, size_t len, int neuro);

/** Writes header, checksum and payload. The payload may already stand behind the header in dst. */
hkp_status hkp_mesh__packet_encode(const struct hkp_mesh__packet *p, uint8_t *dst, size_t cap, size_t *len);

/** The rdv_prefix of a plain packet (M-PKT-6); p->rdv is not read. */
void hkp_mesh__packet_rdv(const struct hkp_mesh__packet *p, const uint8_t key[32], uint8_t rdv[16]);

/** HKP_OK if p, plain, carries the rdv_prefix of this key. */
hkp_status hkp_mesh__packet_rdv_check(const struct hkp_mesh__packet *p, const uint8_t key[32]);

/** Seals a plain packet for the final receiver (M-PKT-5), with its rdv as it stands in p. */
hkp_status hkp_mesh__packet_seal(const struct hkp_mesh__packet *p, const uint8_t key[32],
                                 const uint8_t iv[12], uint8_t *dst, size_t cap, size_t *len);

/** Opens a decoded ENCRYPTED packet into plain[cap], which p then refers to; on failure p is unchanged. */
hkp_status hkp_mesh__packet_open(struct hkp_mesh__packet *p, const uint8_t key[32], const uint8_t iv[12],
                                 uint8_t *plain, size_t cap);

/** Which sequences a session has seen (M-PKT-4). All zero: none. */
struct hkp_mesh__window {
    /** next expected: one above the highest seen */
    uint64_t next;
    uint64_t seen[HKP_MESH__WINDOW / 64];
};

/** 1 and noted if the sequence is new and within the window, else 0. */
int hkp_mesh__window_take(struct hkp_mesh__window *w, uint32_t sequence);

#endif
