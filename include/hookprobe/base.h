/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What all five libraries share: results, time, memory, randomness. Part of the ABI of libhookprobe-ter.
 *
 * Threads: one object is used by one thread at a time; different objects are independent; calls that take
 * a const object may run together while no other call changes it. The libraries hold no locks, no
 * thread-local data, no globals, and make no threads; only an hkp_ter_tpm has one of its own.
 */
#ifndef HOOKPROBE_BASE_H
#define HOOKPROBE_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HKP_API __attribute__((visibility("default")))
#define HKP_MUST_USE __attribute__((warn_unused_result))
#else
#define HKP_API
#define HKP_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call: 0 is success, negative values are the errors of this list and of the libraries. */
typedef int32_t hkp_status;

/** Nanoseconds of the caller's monotonic clock; a value lower than one seen before counts as that one. */
typedef uint64_t hkp_time;

enum {
    /** success */
    HKP_OK = 0,
    /** an argument is outside its documented range */
    HKP_E_INVAL = -1,
    /** the allocator returned nothing; the object is unchanged */
    HKP_E_NOMEM = -2,
    /** the caller's buffer is too small; nothing was written */
    HKP_E_NOSPC = -3,
    /** the call is not allowed in the object's present state */
    HKP_E_STATE = -4,
    /** asks for more than this build can do */
    HKP_E_TOOBIG = -5,
    /** a named limit is reached; try later or raise the limit */
    HKP_E_LIMIT = -6,
    /** a function that the caller supplied reported a failure */
    HKP_E_CALLBACK = -7,
    /** there is no such thing */
    HKP_E_NOTFOUND = -8,
    /** the system refused an operation; only folders that touch the system return it */
    HKP_E_IO = -9,
    /** this build has no such feature */
    HKP_E_UNSUPPORTED = -10
};

/* Each library owns 256 codes: HKP_E_<LIB>_<name> = base - code (README.md, ruling 14). */
enum {
    HKP_E_TER_BASE = -0x100,
    HKP_E_NEURO_BASE = -0x200,
    HKP_E_HTP_BASE = -0x300,
    HKP_E_DSM_BASE = -0x400,
    HKP_E_MESH_BASE = -0x500
};

/** What a host does with a result; see hkp_<lib>_status_class(). */
enum {
    HKP_CLASS_OK = 0,
    /** drop the input; the state is unchanged */
    HKP_CLASS_IGNORE = 1,
    /** the same may work later */
    HKP_CLASS_RETRY = 2,
    /** the object can do no more; free it */
    HKP_CLASS_DEAD = 3,
    /** the caller broke the contract */
    HKP_CLASS_BUG = 4
};

/** Deadline that never comes. */
#define HKP_TIME_NEVER 0xFFFFFFFFFFFFFFFFULL

/** Allocator of one object; copied when the object is made. All members zero: malloc and free. */
struct hkp_mem {
    /** handed to both functions */
    void *user;
    /** returns size bytes (size > 0) aligned for any type, or NULL */
    void *(*alloc)(void *user, size_t size);
    /** releases what alloc returned for the same size; never called with NULL */
    void (*free)(void *user, void *ptr, size_t size);
};

/** Source of randomness. Required wherever it appears: a library that finds no entropy must not invent it. */
struct hkp_rng {
    /** handed to fill */
    void *user;
    /** fills dst[len] with bytes of a cryptographic generator; 0 on success, negative if it cannot */
    int32_t (*fill)(void *user, uint8_t *dst, size_t len);
};

#ifdef __cplusplus
}
#endif

#endif
