/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The packet on the wire (HTP-2): layout, and the checks that need no key. */
#ifndef HKP_LIBHTP_WIRE_H
#define HKP_LIBHTP_WIRE_H

#include <hookprobe/htp.h>

enum {
    HKP_HTP__VERSION = 0x0100,
    HKP_HTP__HELLO = 0x0001,
    HKP_HTP__CHALLENGE = 0x0002,
    HKP_HTP__ATTEST = 0x0003,
    HKP_HTP__ACCEPT = 0x0004,
    HKP_HTP__REJECT = 0x0005,
    HKP_HTP__DATA = 0x0010,
    HKP_HTP__HEARTBEAT = 0x0020,
    HKP_HTP__ACK = 0x0021,
    HKP_HTP__CLOSE = 0x00FF,

    HKP_HTP__FLAG_EPOCH = 3,
    HKP_HTP__FLAG_RES = 4,
    HKP_HTP__FLAG_RETRY = 8,

    /* offsets */
    HKP_HTP__AT_TOKEN = 12,
    HKP_HTP__AT_NONCE = 20,
    HKP_HTP__AT_FLAGS = 28,
    HKP_HTP__AT_RDV = 32,
    HKP_HTP__AT_POSF = 64,

    /* sizes: prefix without and with resonance layer, and whole datagrams */
    HKP_HTP__PREFIX = 36,
    HKP_HTP__PREFIX_RES = 100,
    HKP_HTP__BIG = 1200,
    HKP_HTP__SMALL = 512,
    HKP_HTP__RETRY_SIZE = 140,
    HKP_HTP__REJECT_SIZE = 132,
    HKP_HTP__TAG = 16
};

/** The fields of a header that find state; all but the token are those of the unmasked packet. */
struct hkp_htp__header {
    uint16_t type;
    uint32_t sequence;
    uint32_t timestamp;
    uint64_t token;
    const uint8_t *nonce;
    uint32_t flags;
    /** 36 or 100 */
    size_t prefix;
};

/** Steps 1 and 3 to 6 of HTP-2.8. HKP_OK, or the result that names the first fault. */
hkp_status hkp_htp__wire_check(const uint8_t *dgram, size_t len, struct hkp_htp__header *out);

/** 1 for a datagram whose first four bytes are those of a handshake packet: it is never masked. */
int hkp_htp__wire_is_handshake(const uint8_t *dgram);

/** Writes header and payload_length; flags must hold RES if the packet has the layer. */
void hkp_htp__wire_header(uint8_t *dgram, uint16_t type, uint32_t sequence, uint32_t timestamp,
                          uint64_t token, const uint8_t nonce[8], uint32_t flags, size_t dgram_len);

/** Masks or unmasks in place (HTP-9.6). Unmasking fails with -1 when the datagram is too short. */
void hkp_htp__wire_mask(uint8_t *dgram, const uint8_t hp[32]);
int hkp_htp__wire_unmask(uint8_t *dgram, size_t len, const uint8_t hp[32]);

#endif
