/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: a set of devices behind struct hkp_htp_registry (HTP-12), in memory, and as a text that a
 * file can hold. It knows who may come and on what terms; neural states, certificates and quotes stay with
 * the registry that it is bound to. It holds no secret: tickets are the endpoint's, neural states the
 * owner's.
 *
 * Threads: one set is used by one thread at a time, also by the endpoints that it is the registry of.
 */
#ifndef HOOKPROBE_HTP_REGISTRY_H
#define HOOKPROBE_HTP_REGISTRY_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One device, HTP-12.2. */
struct hkp_htp_device {
    /** sizeof of the caller's struct, set before each call */
    uint32_t struct_size;
    /** handshakes that it completed, saturating; counted here, kept in no file */
    uint32_t completed;
    /** handshakes in which it proved itself and was refused all the same; as completed */
    uint32_t failed;
    /** zero */
    uint32_t reserved0;
    uint8_t node_id[16];
    /** X25519 key, zero if it answers nobody */
    uint8_t s[32];
    /** what the endpoint is told: keys, status, terms, trust; reserved members zero */
    struct hkp_htp_record record;
};

/** Options of a set; zero means default for every member. */
struct hkp_htp_devices_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** most devices, revoked ones too; default 1,000,000, which is also the most */
    uint32_t devices_max;
    struct hkp_mem mem;
    /** who answers for neural states, certificates, mode N and quotes; members may be NULL: there are none */
    struct hkp_htp_registry base;
};

/** A set of devices. */
struct hkp_htp_devices;
typedef struct hkp_htp_devices hkp_htp_devices;

/**
 * Make an empty set.
 *
 * @param out  receives the set, which the caller owns; untouched on failure
 * @param options  borrowed, copied; NULL: all defaults
 *
 * @retval HKP_OK  made
 * @retval HKP_E_INVAL  an option is out of range
 * @retval HKP_E_TOOBIG  an option that this build does not know is set
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: memory grows with the devices, about 160 bytes for each.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_new(hkp_htp_devices **out,
                                                    const struct hkp_htp_devices_options *options);

/**
 * Release a set; no endpoint may use it any more.
 *
 * @param devices  set or NULL; owned, gone afterwards
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_devices_free(hkp_htp_devices *devices);

/**
 * The set as a registry for hkp_htp_endpoint_new().
 *
 * @param devices  set; borrowed, must outlive the endpoints that use the registry
 * @param out  receives the functions; caller's
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: none.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_registry(hkp_htp_devices *devices,
                                                         struct hkp_htp_registry *out);

/**
 * Enrol a device by pinned keys.
 *
 * @param devices  set; borrowed, changed
 * @param device  struct_size set, counters zero; copied
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  a member is out of range, or node_id or key is zero; nothing changed
 * @retval HKP_E_STATE  this node is there already, perhaps revoked; nothing changed
 * @retval HKP_E_LIMIT  devices_max is reached; nothing changed
 * @retval HKP_E_NOMEM  the allocator returned nothing; nothing changed
 *
 * Cost: constant; now and then the tables double.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_add(hkp_htp_devices *devices,
                                                    const struct hkp_htp_device *device);

/**
 * Enrol a device by its certificate: keys and name are those of the certificate, neural is
 * HKP_HTP_NEURAL_OPEN.
 *
 * @param devices  set; borrowed, changed
 * @param certificate  [len] bytes, as base.certificate() takes it in form HKP_HTP_CERT_WHOLE; borrowed
 * @param len  bytes, 1..HKP_HTP_CERTIFICATE_MAX
 * @param wall_us  Unix microseconds of the wall clock
 * @param node_id  receives the name, [16]; may be NULL
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_HTP_IDENTITY  the certificate is not acceptable, or expired; nothing changed
 * @retval HKP_E_STATE  as hkp_htp_devices_add()
 * @retval HKP_E_LIMIT  as hkp_htp_devices_add()
 * @retval HKP_E_NOMEM  as hkp_htp_devices_add()
 *
 * Cost: that of base.certificate().
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_enrol(hkp_htp_devices *devices, const uint8_t *certificate,
                                                      size_t len, uint64_t wall_us, uint8_t *node_id);

/**
 * Change the terms of a device: neural, require, suites_allowed, pcr_mask, policy_ver, trust, resonance.
 *
 * Tickets that were given under other terms are dead from now on.
 *
 * @param devices  set; borrowed, changed
 * @param device  struct_size and node_id set; keys, status, counters and last_t1 are not looked at
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  a member is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  there is no such device; nothing changed
 *
 * Cost: constant.
 * Source: HTP-12.2.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_update(hkp_htp_devices *devices,
                                                       const struct hkp_htp_device *device);

/**
 * Suspend, revoke or admit a device again. What is revoked stays so.
 *
 * Unless it is to be active, its sessions on ep end at once with CLOSE(IDENTITY), and its tickets are
 * deleted; call hkp_htp_endpoint_revoke() for further endpoints.
 *
 * @param devices  set; borrowed, changed
 * @param ep  endpoint whose registry this is, borrowed, changed; NULL: none is running
 * @param now  nanoseconds, monotonic
 * @param node_id  [16]; borrowed
 * @param status  HKP_HTP_NODE_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  there is no such device; nothing changed
 * @retval HKP_E_STATE  it is revoked; nothing changed
 *
 * Cost: one pass over the sessions of the node.
 * Source: HTP-12.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_set_status(hkp_htp_devices *devices, hkp_htp_endpoint *ep,
                                                           hkp_time now, const uint8_t node_id[16],
                                                           uint32_t status);

/**
 * Describe one device.
 *
 * @param devices  set; borrowed
 * @param node_id  [16]; borrowed
 * @param out  struct_size set; written
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL, or struct_size is too small
 * @retval HKP_E_NOTFOUND  there is no such device; nothing written
 *
 * Cost: constant.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_find(const hkp_htp_devices *devices,
                                                     const uint8_t node_id[16], struct hkp_htp_device *out);

/**
 * Describe the devices one after the other, in the order in which they came.
 *
 * @param devices  set; borrowed
 * @param cursor  0 at first; advanced
 * @param out  struct_size set; written
 *
 * @retval HKP_OK  *out holds a device
 * @retval HKP_E_INVAL  an argument is NULL, or struct_size is too small
 * @retval HKP_E_NOTFOUND  there are no more; nothing written
 *
 * Cost: constant.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_list(const hkp_htp_devices *devices, uint32_t *cursor,
                                                     struct hkp_htp_device *out);

/**
 * Write the set as text: a first line with the version, a line for each device, a last one with number and
 * hash.
 *
 * @param devices  set; borrowed
 * @param dst  receives [*len] bytes without terminator; caller's; may be NULL with cap 0
 * @param cap  bytes
 * @param len  receives the length that is needed
 *
 * @retval HKP_OK  written
 * @retval HKP_E_INVAL  an argument is NULL
 * @retval HKP_E_NOSPC  cap is too small; nothing was written, *len says what is enough
 *
 * Cost: no allocation; one pass, one SHA-256.
 * Source: HTP-12.1, decision 0353.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_write(const hkp_htp_devices *devices, uint8_t *dst,
                                                      size_t cap, size_t *len);

/**
 * Take the devices of a text in place of those of the set.
 *
 * @param devices  set; borrowed, changed
 * @param text  [len] bytes; borrowed
 * @param len  bytes
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  not such a text, cut, altered, or with a device twice; nothing changed
 * @retval HKP_E_UNSUPPORTED  a later version; nothing changed
 * @retval HKP_E_LIMIT  more than devices_max; nothing changed
 * @retval HKP_E_NOMEM  the allocator returned nothing; nothing changed
 *
 * Cost: memory for the new set; one pass, one SHA-256.
 * Source: HTP-12.1, decision 0353.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_read(hkp_htp_devices *devices, const uint8_t *text,
                                                     size_t len);

/**
 * Store the set in a file: written beside it, synced and put in its place, readable by its owner only.
 *
 * @param devices  set; borrowed
 * @param path  NUL-terminated; borrowed
 *
 * @retval HKP_OK  stored
 * @retval HKP_E_INVAL  an argument is NULL or path is too long
 * @retval HKP_E_NOMEM  the allocator returned nothing
 * @retval HKP_E_IO  the system refused; the file is the old or the new one, whole
 *
 * Cost: memory for the text; a few system calls with sync.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_store(const hkp_htp_devices *devices, const char *path);

/**
 * Load the set from a file, in place of what it holds.
 *
 * @param devices  set; borrowed, changed
 * @param path  NUL-terminated; borrowed
 *
 * @retval HKP_OK  loaded
 * @retval HKP_E_NOTFOUND  there is no such file; nothing changed
 * @retval HKP_E_STATE  others may read or write the file, or it is no regular file; nothing changed
 * @retval HKP_E_INVAL  as hkp_htp_devices_read()
 * @retval HKP_E_UNSUPPORTED  as hkp_htp_devices_read()
 * @retval HKP_E_LIMIT  as hkp_htp_devices_read()
 * @retval HKP_E_NOMEM  as hkp_htp_devices_read()
 * @retval HKP_E_IO  the system refused; nothing changed
 *
 * Cost: memory for the text and the new set.
 * Source: HTP-12.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_devices_load(hkp_htp_devices *devices, const char *path);

#ifdef __cplusplus
}
#endif

#endif
