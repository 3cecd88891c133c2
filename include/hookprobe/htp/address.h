/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: where a datagram came from or goes to, and its address as text.
 */
#ifndef HOOKPROBE_HTP_ADDRESS_H
#define HOOKPROBE_HTP_ADDRESS_H

#include <hookprobe/htp/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where a datagram came from or goes to; 32 bytes. */
struct hkp_htp_path {
    /** IPv6 address, or IPv4 as ::ffff:a.b.c.d */
    uint8_t addr[16];
    /** UDP port in host order */
    uint16_t port;
    /** zero */
    uint16_t reserved0;
    /** interface index of a link-local address, else 0 */
    uint32_t scope;
    /** the caller's: number of the socket or carrier; given back with every datagram for this path */
    uint64_t carrier;
};

enum {
    /** longest text of hkp_htp_path_format(), NUL included */
    HKP_HTP_PATH_TEXT_MAX = 64
};

/**
 * Read "192.0.2.1:8144", "[2001:db8::1]:8144" or "[fe80::1%3]:8144".
 *
 * @param text  NUL-terminated; borrowed; the port is decimal, the zone a number
 * @param out  receives the path with carrier 0; untouched on failure
 *
 * @retval HKP_OK  read
 * @retval HKP_E_INVAL  text is not an address with a port, or an argument is NULL
 *
 * Cost: no allocation; one pass over the text.
 * Source: RFC 4291 2.2, RFC 4007 11.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_path_parse(const char *text, struct hkp_htp_path *out);

/**
 * Write a path as text, in the form that hkp_htp_path_parse() reads.
 *
 * @param path  borrowed; the carrier is not written
 * @param dst  receives NUL-terminated text; caller's
 * @param cap  bytes; HKP_HTP_PATH_TEXT_MAX is always enough
 *
 * @retval HKP_OK  written
 * @retval HKP_E_NOSPC  cap is too small; nothing was written
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation.
 * Source: RFC 5952.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_path_format(const struct hkp_htp_path *path, char *dst, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
