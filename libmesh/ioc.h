/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Indicators: what the files ioc*.c and punycode.c share (mesh.md 9.1, M-IOC-1 to M-IOC-5). */
#ifndef HKP_LIBMESH_IOC_H
#define HKP_LIBMESH_IOC_H

#include <hookprobe/mesh.h>

enum {
    HKP_MESH__DOMAIN_MAX = 253,
    HKP_MESH__LABEL_MAX = 63,
    /** longest text of an address or prefix with its NUL */
    HKP_MESH__ADDR_TEXT_MAX = 64,
    HKP_MESH__TEXT_IN_MAX = 8192
};

/** Wire check of (type, value) as read from CBOR: is_text tells tstr from bstr. */
hkp_status hkp_mesh__ioc_check(uint32_t type, int is_text, const uint8_t *value, size_t len);

/** Whether values of this type are tstr; the type must exist. */
int hkp_mesh__ioc_is_text(uint32_t type);

/* ioc_addr.c. Parsers take exactly text[len] and return 0 on success. */
int hkp_mesh__ip4_parse(const char *text, size_t len, uint8_t ip[4]);
int hkp_mesh__ip6_parse(const char *text, size_t len, uint8_t ip[16]);
size_t hkp_mesh__ip4_print(const uint8_t ip[4], char out[HKP_MESH__ADDR_TEXT_MAX]);
size_t hkp_mesh__ip6_print(const uint8_t ip[16], char out[HKP_MESH__ADDR_TEXT_MAX]);
int hkp_mesh__ip6_is_mapped(const uint8_t ip[16]);
int hkp_mesh__ip4_reserved(const uint8_t ip[4]);
int hkp_mesh__ip6_reserved(const uint8_t ip[16]);

/** Canonical value of an address or prefix text: types 1 to 4. */
hkp_status hkp_mesh__addr_canonicalise(uint32_t type, const char *text, size_t len, uint32_t *out_type,
                                       uint8_t value[17], size_t *value_len);
hkp_status hkp_mesh__addr_check(uint32_t type, const uint8_t *value, size_t len);

/* ioc_name.c */

/** Form of a canonical domain, without the list of reserved ones: HKP_OK or HKP_E_MESH_IOC_VALUE. */
hkp_status hkp_mesh__domain_form(const char *name, size_t len);
int hkp_mesh__domain_reserved(const char *name, size_t len);

/** Canonical form of a domain that a user wrote; out[253]. */
hkp_status hkp_mesh__domain_canonicalise(const char *text, size_t len, char out[HKP_MESH__DOMAIN_MAX],
                                         size_t *out_len);
hkp_status hkp_mesh__email_canonicalise(const char *text, size_t len, uint8_t *value, size_t *value_len);
hkp_status hkp_mesh__email_check(const char *text, size_t len);

/* ioc_url.c. value holds HKP_MESH_IOC_VALUE_MAX bytes. */
hkp_status hkp_mesh__url_canonicalise(const char *text, size_t len, uint8_t *value, size_t *value_len);
hkp_status hkp_mesh__url_check(const char *text, size_t len);

/** Host of a canonical URL as an indicator of its own: its type, and its value in value[253]. */
uint32_t hkp_mesh__url_host(const uint8_t *url, size_t len, uint8_t value[HKP_MESH__DOMAIN_MAX],
                            size_t *value_len);

/* punycode.c: RFC 3492, without the prefix "xn--" */

/** Code points of a label, at most HKP_MESH__LABEL_MAX; -1 if it is no Punycode of Unicode scalar values. */
int hkp_mesh__punycode_decode(const char *text, size_t len, uint32_t out[HKP_MESH__LABEL_MAX]);

/** Bytes written to out[cap], or -1 if they do not fit. */
int hkp_mesh__punycode_encode(const uint32_t *points, size_t n, char *out, size_t cap);

#endif
