/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: constants of the wire and of the interface.
 */
#ifndef HOOKPROBE_HTP_CONSTANTS_H
#define HOOKPROBE_HTP_CONSTANTS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Constants of the wire and of the interface. */
enum {
    /** UDP port, HTP 1 */
    HKP_HTP_PORT = 8144,
    /** no datagram is larger before path MTU discovery */
    HKP_HTP_DATAGRAM_MAX = 1200,
    /** endpoints that may share one port */
    HKP_HTP_SHARDS_MAX = 64,
    /** who started the session */
    HKP_HTP_ROLE_E = 1,
    /** who answered it */
    HKP_HTP_ROLE_V = 2,
    /** without neural state */
    HKP_HTP_MODE_N = 0,
    /** with neural state */
    HKP_HTP_MODE_R = 1,
    /** AEAD ChaCha20-Poly1305 */
    HKP_HTP_SUITE_CHACHA20_POLY1305 = 1,
    /** AEAD AES-256-GCM, in hardware only */
    HKP_HTP_SUITE_AES256_GCM = 2,
    /** bits of suites_allowed */
    HKP_HTP_ALLOW_CHACHA20_POLY1305 = 1,
    HKP_HTP_ALLOW_AES256_GCM = 2,
    /** bit of features: header masking, HTP-9.6 */
    HKP_HTP_FEATURE_MASK = 2,
    /** bit of features: several paths at once, HTP-11.6 */
    HKP_HTP_FEATURE_SWARM = 4,
    /** classes of streams and datagrams, HTP-10.8 */
    HKP_HTP_STREAM_CONTROL = 0,
    HKP_HTP_STREAM_TER = 1,
    HKP_HTP_STREAM_COMMIT = 2,
    HKP_HTP_STREAM_DSM = 3,
    HKP_HTP_STREAM_MESH = 4,
    HKP_HTP_STREAM_FILE = 5,
    HKP_HTP_STREAM_POLICY = 6,
    HKP_HTP_STREAM_APP = 7,
    /** codes of hkp_htp_stream_stop() and hkp_htp_stream_reset(); from 64 on the application's */
    HKP_HTP_CODE_CANCELLED = 0,
    HKP_HTP_CODE_DENIED = 1,
    HKP_HTP_CODE_EXPIRED = 2,
    HKP_HTP_CODE_TOO_BIG = 3,
    HKP_HTP_CODE_INTERNAL = 4,
    /** verdict of HTP-3.8 on the two clocks */
    HKP_HTP_CLOCK_UNDECIDED = 0,
    HKP_HTP_CLOCK_PASS = 1,
    HKP_HTP_CLOCK_FAIL = 2,
    /** whole certificates travel in the handshake up to this size, HTP-5.4 */
    HKP_HTP_CERTIFICATE_MAX = 884,
    /** TPM quotes, HTP-5.5 */
    HKP_HTP_QUOTE_MAX = 768
};

#ifdef __cplusplus
}
#endif

#endif
