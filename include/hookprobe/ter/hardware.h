/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: which machine this is. The hardware record (HWREC), its fingerprint and comparison; and the
 * part that reads the system: the reader of the record, and which security hardware is there.
 *
 * All of it identifies, none of it authenticates: root can copy it, virtual machines repeat it (SYN-8).
 */
#ifndef HOOKPROBE_TER_HARDWARE_H
#define HOOKPROBE_TER_HARDWARE_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys of a hardware record (SYN-8.1). */
enum {
    HKP_TER_HW_EK = 1,
    HKP_TER_HW_UUID = 2,
    HKP_TER_HW_BOARD = 3,
    HKP_TER_HW_DISKS = 4,
    HKP_TER_HW_MACS = 5,
    HKP_TER_HW_CPU = 6,
    HKP_TER_HW_MACHINE = 7,
    /** keys are below it; key k is bit 1 << k of a mask */
    HKP_TER_HW_KEYS = 8
};

/* Sizes and limits (SYN-8.1). */
enum {
    /** largest encoded record, bytes */
    HKP_TER_HW_RECORD_MAX = 829,
    /** disks, and addresses */
    HKP_TER_HW_LIST_MAX = 8,
    /** bytes of a text, without its zero */
    HKP_TER_HW_TEXT_MAX = 64,
    /** enrolled records below this weight say too little */
    HKP_TER_HW_WEIGHT_MIN = 25
};

/* Results: HKP_E_TER_BASE - code (SYN-10). */
enum { HKP_E_TER_HW_VERSION = -0x165, HKP_E_TER_HW_RECORD = -0x169, HKP_E_TER_HW_WEAK = -0x17D };

/* Verdicts of a comparison (SYN-8.4). */
enum { HKP_TER_HW_OTHER = 0, HKP_TER_HW_CHANGED = 1, HKP_TER_HW_SAME = 2 };

/** A text of 1..64 bytes of printable ASCII, NUL-terminated. */
struct hkp_ter_hardware_text {
    char text[72];
};

/** What a hardware record holds; members of absent keys are zero. */
struct hkp_ter_hardware {
    /** mask of the keys that are there, bits 1..7 */
    uint32_t present;
    /** disks, 1..8 if HKP_TER_HW_DISKS is there */
    uint32_t n_disks;
    /** addresses, 1..8 if HKP_TER_HW_MACS is there */
    uint32_t n_macs;
    uint32_t cpu_family;
    uint32_t cpu_model;
    uint32_t cpu_stepping;
    /** SHA-256 of the TPM endorsement key's public area */
    uint8_t ek[32];
    /** in text order */
    uint8_t uuid[16];
    /** keyed digest of machine-id */
    uint8_t machine[32];
    /** permanent addresses of 6 bytes each, strictly ascending */
    uint8_t macs[8][6];
    struct hkp_ter_hardware_text board;
    struct hkp_ter_hardware_text cpu_vendor;
    /** serials or WWNs of fixed disks, strictly ascending by their bytes, a shorter one first */
    struct hkp_ter_hardware_text disks[8];
};

/** How a machine compares with the record that it was enrolled with. */
struct hkp_ter_hardware_match {
    /** 0..100 */
    uint32_t score;
    /** HKP_TER_HW_OTHER .. HKP_TER_HW_SAME */
    uint32_t verdict;
    /** weight of the enrolled keys, and how much of it was found again */
    uint32_t total;
    uint32_t sum;
    /** masks of keys: equal; lists that have some in common; enrolled and now different */
    uint32_t equal;
    uint32_t partly;
    uint32_t differs;
    /** enrolled and not there now; there now and not enrolled */
    uint32_t missing;
    uint32_t added;
};

/* Outcomes of reading one key. */
enum {
    /** it is in the record */
    HKP_TER_HW_READ = 1,
    /** the system has none */
    HKP_TER_HW_ABSENT = 2,
    /** all that was there is a maker's filler or an address that is not permanent */
    HKP_TER_HW_PLACEHOLDER = 3,
    /** this user may not read it */
    HKP_TER_HW_DENIED = 4,
    /** it is there, but could not be read or is in no known form */
    HKP_TER_HW_UNKNOWN = 5
};

/** What became of one key. */
struct hkp_ter_hardware_item {
    /** HKP_TER_HW_READ .. HKP_TER_HW_UNKNOWN */
    uint32_t outcome;
    /** values in the record; values that were left out as fillers, as removable, or beyond the eighth */
    uint32_t taken;
    uint32_t left_out;
    /** errno of the last refusal, 0: none */
    int32_t system_error;
    /** where it was looked for and why it is not there, NUL-terminated */
    char reason[96];
};

/** What became of all keys; item 0 is not used. */
struct hkp_ter_hardware_report {
    struct hkp_ter_hardware_item items[8];
};

/** Options of hkp_ter_hardware_read() and hkp_ter_provider_read(). */
struct hkp_ter_hardware_options {
    /** set by hkp_ter_hardware_options_init() */
    uint32_t struct_size;
    /** bytes of ek_area, 0..512 */
    uint32_t ek_area_len;
    /** public area of the TPM endorsement key, borrowed; NULL: none was given */
    const uint8_t *ek_area;
    /** folder that stands for "/", NULL: the system itself */
    const char *root;
    /** device node of the driver of a PUF, below root; NULL: none is configured */
    const char *puf_path;
};

/* Providers of hardware security. */
enum {
    HKP_TER_PROVIDER_TPM = 0,
    HKP_TER_PROVIDER_TRUSTZONE = 1,
    HKP_TER_PROVIDER_SGX = 2,
    HKP_TER_PROVIDER_TXT = 3,
    HKP_TER_PROVIDER_PUF = 4,
    /** providers are below it */
    HKP_TER_PROVIDERS = 5
};

/* Whether a provider is there. */
enum { HKP_TER_PROVIDER_ABSENT = 0, HKP_TER_PROVIDER_PRESENT = 1, HKP_TER_PROVIDER_UNKNOWN = 2 };

/** One provider: whether it is there, and nothing beyond that. */
struct hkp_ter_provider {
    /** HKP_TER_PROVIDER_TPM .. HKP_TER_PROVIDER_PUF */
    uint32_t kind;
    /** HKP_TER_PROVIDER_ABSENT .. HKP_TER_PROVIDER_UNKNOWN */
    uint32_t state;
    /** errno of the refusal that made it unknown, 0: none */
    int32_t system_error;
    /** zero */
    uint32_t reserved0;
    /** NUL-terminated */
    char name[16];
    /** what was found where, NUL-terminated */
    char reason[112];
};

/* ---- The record ---- */

/**
 * Take out what identifies nothing, and bring the rest into the order of a record: fillers of makers, zero
 * values, addresses with the local or group bit, spaces around texts, repeats.
 *
 * @param hw       in and out; texts NUL-terminated, in any order
 * @param dropped  out, mask of keys of which at least one value was taken out
 *
 * @retval HKP_OK       hw can be encoded
 * @retval HKP_E_INVAL  a count is above HKP_TER_HW_LIST_MAX, a text has no end, or present has unknown bits;
 *                      nothing was changed
 *
 * Cost: none; no allocation.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_clean(struct hkp_ter_hardware *hw, uint32_t *dropped);

/**
 * Encode a record.
 *
 * @param hw   as hkp_ter_hardware_clean() or hkp_ter_hardware_decode() leaves it; borrowed
 * @param dst  [cap] bytes out
 * @param cap  bytes; HKP_TER_HW_RECORD_MAX always suffices
 * @param len  out, bytes
 *
 * @retval HKP_OK       dst and len are set
 * @retval HKP_E_INVAL  hw is in no order that a record may have
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: none; no allocation.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_encode(const struct hkp_ter_hardware *hw, uint8_t *dst,
                                                        size_t cap, size_t *len);

/**
 * Decode a record that others wrote; only the one canonical form of it is taken. Values that a reader would
 * leave out as fillers are accepted.
 *
 * @param hw     out
 * @param bytes  [len] borrowed
 * @param len    bytes, any
 *
 * @retval HKP_OK                hw is set
 * @retval HKP_E_TER_HW_VERSION  a version that is not 1
 * @retval HKP_E_TER_HW_RECORD   it is no record
 *
 * Cost: none; no allocation.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_decode(struct hkp_ter_hardware *hw, const uint8_t *bytes,
                                                        size_t len);

/**
 * Fingerprint of a record: equal as long as the machine is.
 *
 * @param hw     borrowed
 * @param hw_fp  [32] bytes out
 *
 * @retval HKP_OK       hw_fp is set
 * @retval HKP_E_INVAL  hw cannot be encoded
 *
 * Cost: one hash; no allocation.
 * Source: SYN-8.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_fingerprint(const struct hkp_ter_hardware *hw,
                                                             uint8_t hw_fp[32]);

/**
 * Digest that a certificate carries of a record and of its enrolment.
 *
 * @param hw_fp    [32] bytes, borrowed
 * @param time_us  when it was enrolled, Unix microseconds
 * @param nonce    [16] random bytes, borrowed
 * @param id       [32] bytes out
 *
 * Cost: one hash; no allocation.
 * Source: SYN-8.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_hardware_enroll_id(const uint8_t hw_fp[32], uint64_t time_us, const uint8_t nonce[16],
                                        uint8_t id[32]);

/**
 * Tag of one key, for comparison by others of the same mesh. Values that are few, as of a CPU, can be
 * guessed from it.
 *
 * @param hw        borrowed
 * @param key       HKP_TER_HW_EK .. HKP_TER_HW_MACHINE
 * @param chain_id  [32] bytes, borrowed
 * @param tag       [16] bytes out
 *
 * @retval HKP_OK          tag is set
 * @retval HKP_E_NOTFOUND  the record has no such key
 * @retval HKP_E_INVAL     hw cannot be encoded
 *
 * Cost: one keyed hash; no allocation.
 * Source: SYN-8.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_tag(const struct hkp_ter_hardware *hw, uint32_t key,
                                                     const uint8_t chain_id[32], uint8_t tag[16]);

/**
 * Is this the machine that was enrolled? Weights count over the keys of the enrolled record.
 *
 * @param enrolled  borrowed
 * @param now       borrowed
 * @param match     out
 *
 * @retval HKP_OK             match is set
 * @retval HKP_E_TER_HW_WEAK  the enrolled record weighs less than HKP_TER_HW_WEIGHT_MIN: no verdict
 * @retval HKP_E_INVAL        one of the two cannot be encoded
 *
 * Cost: none; no allocation.
 * Source: SYN-8.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_compare(const struct hkp_ter_hardware *enrolled,
                                                         const struct hkp_ter_hardware *now,
                                                         struct hkp_ter_hardware_match *match);

/**
 * What a key stands for, in words.
 *
 * @param key  any value
 *
 * @return such as "board serial", static; "?" if there is no such key
 *
 * Cost: none.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API const char *hkp_ter_hardware_key_name(uint32_t key);

/**
 * Weight of a key in a comparison.
 *
 * @param key  any value
 *
 * @return 0..40; 0 if there is no such key
 *
 * Cost: none.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API uint32_t hkp_ter_hardware_key_weight(uint32_t key);

/* ---- The system ---- */

/**
 * Default options: the system itself, no endorsement key, no PUF.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_hardware_options_init(struct hkp_ter_hardware_options *opt, size_t struct_size);

/**
 * Read the record of this machine, as far as this user may. Neither time nor hostname nor anything else
 * that changes without the machine is asked for.
 *
 * @param opt     borrowed for the call; NULL: defaults
 * @param hw      out; may have no key at all
 * @param report  out, what became of each key; NULL is allowed
 *
 * @retval HKP_OK        hw and report are set: what cannot be read is an outcome, no error
 * @retval HKP_E_INVAL   an option is outside its range
 * @retval HKP_E_TOOBIG  opt asks for more than this build knows
 *
 * Cost: some tens of small files, one socket while it runs.
 * Source: SYN-8.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_hardware_read(const struct hkp_ter_hardware_options *opt,
                                                      struct hkp_ter_hardware *hw,
                                                      struct hkp_ter_hardware_report *report);

/**
 * Ask whether one provider of hardware security is there. Nothing is claimed beyond that: neither that it
 * works, nor that anything was measured or sealed by it.
 *
 * @param opt       borrowed for the call; NULL: defaults
 * @param kind      HKP_TER_PROVIDER_TPM .. HKP_TER_PROVIDER_PUF
 * @param provider  out
 *
 * @retval HKP_OK          provider is set
 * @retval HKP_E_NOTFOUND  there is no such kind
 * @retval HKP_E_INVAL     an option is outside its range
 * @retval HKP_E_TOOBIG    opt asks for more than this build knows
 *
 * Cost: a few calls of the system.
 * Source: SYN-12 "PUF, TrustZone, SGX optional".
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_provider_read(const struct hkp_ter_hardware_options *opt,
                                                      uint32_t kind, struct hkp_ter_provider *provider);

#ifdef __cplusplus
}
#endif

#endif
