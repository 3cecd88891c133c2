/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: indicators in their canonical form: addresses, names, URLs, digests (mesh.md 9.1).
 */
#ifndef HOOKPROBE_MESH_INDICATOR_H
#define HOOKPROBE_MESH_INDICATOR_H

#include <hookprobe/mesh/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Indicator types (mesh.md 9.1). */
enum {
    HKP_MESH_IOC_IP4 = 1,
    HKP_MESH_IOC_IP6 = 2,
    HKP_MESH_IOC_CIDR4 = 3,
    HKP_MESH_IOC_CIDR6 = 4,
    HKP_MESH_IOC_DOMAIN = 5,
    HKP_MESH_IOC_URL = 6,
    HKP_MESH_IOC_SHA256 = 7,
    HKP_MESH_IOC_SHA1 = 8,
    HKP_MESH_IOC_MD5 = 9,
    HKP_MESH_IOC_JA3 = 10,
    HKP_MESH_IOC_JA4 = 11,
    HKP_MESH_IOC_EMAIL = 12
};

/** Bytes of the longest canonical value. */
#define HKP_MESH_IOC_VALUE_MAX 2048

/**
 * Name of an indicator type, as users write it.
 *
 * @param ioc_type  HKP_MESH_IOC_*
 *
 * @return "ip4", "domain", ..., static; NULL if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_ioc_type_name(uint32_t ioc_type);

/**
 * Indicator type of a name.
 *
 * @param name      [name_len] bytes, borrowed, for example "ip4"
 * @param name_len  bytes
 *
 * @return HKP_MESH_IOC_*, or 0 if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint32_t hkp_mesh_ioc_type_find(const char *name, size_t name_len);

/**
 * Bring an indicator that a user wrote into its canonical form.
 *
 * The result may be of another type: an IPv4-mapped address becomes ip4, a prefix of one address that
 * address. It may still be refused on the wire (hkp_mesh_ioc_check()), for example a private address.
 *
 * @param ioc_type   HKP_MESH_IOC_*, what the text is meant to be
 * @param text       [text_len] UTF-8 bytes, borrowed; spaces at both ends are dropped
 * @param text_len   bytes, 0..8192
 * @param out_type   type of the result, written on success
 * @param value      [cap] bytes of the caller, written on success; HKP_MESH_IOC_VALUE_MAX is always enough
 * @param cap        bytes
 * @param value_len  bytes written
 *
 * @retval HKP_OK                   done
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the text is no value of this type
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_NOSPC              value is too small; nothing was written
 * @retval HKP_E_NOMEM              libidn2 found no memory
 *
 * Cost: no allocation but libidn2's own for names that are not ASCII; linear in text_len.
 * Source: mesh.md M-IOC-1 to M-IOC-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_canonicalise(uint32_t ioc_type, const char *text,
                                                          size_t text_len, uint32_t *out_type, uint8_t *value,
                                                          size_t cap, size_t *value_len);

/**
 * Check a canonical value as every receiver does; no Unicode table takes part.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 *
 * @retval HKP_OK                   may travel
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     not the canonical form
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix shorter than /24 or /48
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 *
 * Cost: no allocation; linear in value_len.
 * Source: mesh.md M-IOC-1 to M-IOC-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_check(uint32_t ioc_type, const uint8_t *value, size_t value_len);

/**
 * Key of an indicator.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 * @param key        [16] bytes of the caller, written
 *
 * Cost: one BLAKE2b.
 * Source: mesh.md M-IOC-5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_ioc_key(uint32_t ioc_type, const uint8_t *value, size_t value_len, uint8_t key[16]);

/**
 * Canonical value as text that people read and hkp_mesh_ioc_canonicalise() takes back.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 * @param text       [cap] bytes of the caller, NUL-terminated on success; HKP_MESH_IOC_VALUE_MAX + 1 always
 * fits
 * @param cap        bytes
 *
 * @retval HKP_OK                done
 * @retval HKP_E_MESH_IOC_TYPE   no such type
 * @retval HKP_E_MESH_IOC_VALUE  wrong length for this type
 * @retval HKP_E_NOSPC           text is too small; nothing was written
 *
 * Cost: no allocation.
 * Source: mesh.md 9.1; RFC 5952 for IPv6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_text(uint32_t ioc_type, const uint8_t *value, size_t value_len,
                                                  char *text, size_t cap);

/**
 * Longest validity of a record about an indicator of this type.
 *
 * @param ioc_type  HKP_MESH_IOC_*
 *
 * @return seconds, 0 if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint64_t hkp_mesh_ioc_ttl_max(uint32_t ioc_type);

#ifdef __cplusplus
}
#endif

#endif
