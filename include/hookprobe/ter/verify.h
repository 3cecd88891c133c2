/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: is a device's log what the device wrote? Segments go in, as bytes, in order; a verdict comes
 * out that names the first record that is wrong, and why. The last function reads the files itself.
 *
 * What a verdict rests on: TERs are bound by their chain, the chain by the signatures of the TCK1 behind it.
 * So anyone who changes TERs and makes all checksums and the chain right again is found at the next TCK1, as
 * a stretch between two of them; who does not is found at the very record. BOOT records, created_us and
 * boot_id of segment headers are under no signature.
 */
#ifndef HOOKPROBE_TER_VERIFY_H
#define HOOKPROBE_TER_VERIFY_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a log turned out to be (NZ1 5.5). */
enum {
    HKP_TER_VERDICT_SOUND = 0,
    /** sound up to an interrupted write at the end of the newest segment */
    HKP_TER_VERDICT_TORN = 1,
    /** bytes that no longer match their checksum: damaged, or changed by hand */
    HKP_TER_VERDICT_DAMAGED = 2,
    /** a record was changed and its checksum made right */
    HKP_TER_VERDICT_EDITED = 3,
    HKP_TER_VERDICT_INSERTED = 4,
    HKP_TER_VERDICT_DELETED = 5,
    HKP_TER_VERDICT_REORDERED = 6,
    /** the end of the log, or of a segment, is missing */
    HKP_TER_VERDICT_TRUNCATED = 7,
    /** a checkpoint that the device's key did not sign */
    HKP_TER_VERDICT_SIGNATURE = 8,
    /** two signed checkpoints that cannot both be of one history */
    HKP_TER_VERDICT_FORK = 9,
    /** the log of another device, or no log */
    HKP_TER_VERDICT_FOREIGN = 10
};

/* Flags of hkp_ter_verify_options. */
enum {
    /** a part of a log (an export): neither what is before nor what is behind it is missed */
    HKP_TER_VERIFY_PART = 1
};

/** Options of hkp_ter_verify_new(). */
struct hkp_ter_verify_options {
    /** set by hkp_ter_verify_options_init() */
    uint32_t struct_size;
    /** HKP_TER_VERIFY_* */
    uint32_t flags;
    struct hkp_mem mem;
    /** newest TCK1 of this device that somebody else holds, [256]; NULL: none; copied by _new */
    const uint8_t *held;
    /** called by hkp_ter_verify_path() now and then with bytes done and bytes in all; NULL: not */
    void (*progress)(void *user, uint64_t done, uint64_t total);
    void *progress_user;
    uint8_t node_id[16];
    /** Ed25519 */
    uint8_t device_public[32];
};

/** What hkp_ter_verify_end() found. */
struct hkp_ter_verdict {
    /** set by the caller: sizeof of what it knows */
    uint32_t struct_size;
    /** HKP_TER_VERDICT_* */
    uint32_t kind;
    /** the rule that was broken; HKP_OK if none */
    hkp_status status;
    /** HKP_TER_LOG_* of the first wrong record; 0: a segment header, or the end of the log */
    uint32_t record_type;
    /** 1: segment and offset are where it is; 0: it is somewhere in from..to, they say where it showed */
    uint32_t located;
    /** zero */
    uint32_t reserved0;
    /** first index in the name of the segment; UINT64_MAX: a file of another name */
    uint64_t segment;
    uint64_t offset;
    /** TER index there */
    uint64_t index;
    /** if not located: TERs from..to-1 hold the fault; from is the last checkpoint before, to the next */
    uint64_t from;
    uint64_t to;
    /** TERs that are missing or too many, where that is known; else 0 */
    uint64_t count;
    /** what was found sound: TERs first_index..end_index-1, of which those below signed_index are signed */
    uint64_t first_index;
    uint64_t end_index;
    uint64_t signed_index;
    /** records of all types before the fault, checkpoints and gaps among them */
    uint64_t records;
    uint64_t checkpoints;
    uint64_t gaps;
    /** bytes of an interrupted write at the end */
    uint64_t torn_bytes;
    /** why, in one sentence, NUL-terminated */
    char reason[192];
};

typedef struct hkp_ter_verify hkp_ter_verify;

/**
 * Default options of a verification; node_id and device_public have to be set.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_verify_options_init(struct hkp_ter_verify_options *opt, size_t struct_size);

/**
 * Begin the verification of one device's log.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 *
 * @retval HKP_OK                   out is set
 * @retval HKP_E_INVAL              an option is outside its range
 * @retval HKP_E_TOOBIG             opt asks for more than this build knows
 * @retval HKP_E_NOMEM              the allocator returned nothing
 * @retval HKP_E_TER_TCK_LENGTH, HKP_E_TER_TCK_MAGIC, HKP_E_TER_TCK_VERSION, HKP_E_TER_TCK_FLAGS,
 *         HKP_E_TER_TCK_RESERVED   held is no TCK1
 * @retval HKP_E_TER_TCK_NODE       held is of another device
 * @retval HKP_E_TER_TCK_SIGNATURE  held was not signed by this device
 *
 * Cost: one allocation of about 8 kB, whatever the log's size; a signature if held is set.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_verify_new(hkp_ter_verify **out,
                                                   const struct hkp_ter_verify_options *opt);

/**
 * Release a verification.
 *
 * @param verify  NULL is allowed
 *
 * Cost: one release.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_verify_free(hkp_ter_verify *verify);

/**
 * Say that the next bytes begin a segment, the one before being complete. Segments come in ascending order.
 *
 * @param verify  the object
 * @param name    first index in the name of the file; UINT64_MAX: it has no such name
 *
 * Cost: none.
 * Source: NZ1 5, 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_verify_segment(hkp_ter_verify *verify, uint64_t name);

/**
 * Take the next bytes of the segment, in pieces of any size.
 *
 * @param verify  the object
 * @param bytes   [len] borrowed for the call
 * @param len     bytes
 *
 * Cost: a CRC and a hash for each TER, a signature for each TCK; no allocation.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_verify_feed(hkp_ter_verify *verify, const uint8_t *bytes, size_t len);

/**
 * The log is complete: what it is. The object is of no further use but to be freed.
 *
 * @param verify   the object
 * @param verdict  struct_size set by the caller; the rest is filled
 *
 * @retval HKP_OK                 sound, or sound up to a torn tail: see verdict->kind
 * @retval HKP_E_INVAL            struct_size is too small
 * @retval HKP_E_TER_LOG_NODE     FOREIGN
 * @retval HKP_E_TER_LOG_CORRUPT  anything else
 *
 * Cost: none.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_verify_end(hkp_ter_verify *verify, struct hkp_ter_verdict *verdict);

/**
 * Name of a kind of verdict.
 *
 * @param kind  any value
 *
 * @return "sound", "edited" and so on, static; "?" if there is no such kind
 *
 * Cost: none.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API const char *hkp_ter_verdict_name(uint32_t kind);

/**
 * Verify a log on disk: the folder of a log, or one file of it, or an export. Reads only.
 *
 * @param path     NUL-terminated; a file that is no segment of a log by its name is taken as a part
 * @param opt      borrowed for the call
 * @param verdict  struct_size set by the caller; the rest is filled if the log could be read
 * @param diag     filled if the system refused; NULL is allowed
 *
 * @retval HKP_OK                 sound, or sound up to a torn tail: see verdict->kind
 * @retval HKP_E_INVAL            an option or struct_size is outside its range, or path is too long
 * @retval HKP_E_TOOBIG           opt asks for more than this build knows
 * @retval HKP_E_NOMEM            the allocator returned nothing
 * @retval HKP_E_NOTFOUND         no such file or folder, or no log in it
 * @retval HKP_E_IO               the system refused
 * @retval HKP_E_TER_TCK_LENGTH, HKP_E_TER_TCK_MAGIC, HKP_E_TER_TCK_VERSION, HKP_E_TER_TCK_FLAGS,
 *         HKP_E_TER_TCK_RESERVED, HKP_E_TER_TCK_NODE, HKP_E_TER_TCK_SIGNATURE  as hkp_ter_verify_new()
 * @retval HKP_E_TER_LOG_NODE     FOREIGN
 * @retval HKP_E_TER_LOG_CORRUPT  anything else; verdict says what
 *
 * Cost: reads every segment once, 64 kB at a time.
 * Source: NZ1 5.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_verify_path(const char *path,
                                                    const struct hkp_ter_verify_options *opt,
                                                    struct hkp_ter_verdict *verdict,
                                                    struct hkp_ter_diag *diag);

#ifdef __cplusplus
}
#endif

#endif
