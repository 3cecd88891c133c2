/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: the log of a device's records. Its format, the recovery of one segment; and, from
 * hkp_ter_log_options_init() on, the part that keeps it in a folder.
 */
#ifndef HOOKPROBE_TER_LOG_H
#define HOOKPROBE_TER_LOG_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes, and limits (NZ1 0.2, 5). */
enum {
    HKP_TER_LOG_HEAD_SIZE = 192,
    /** largest record of the log: 8 bytes of header and a TCK */
    HKP_TER_LOG_RECORD_MAX = 264,
    HKP_TER_SEG_TERS = 65536,
    HKP_TER_SYNC_RECORDS = 64,
    HKP_TER_TORN_MAX = 16384,
    /** a segment never grows beyond this, whatever its records are */
    HKP_TER_SEG_BYTES_MAX = 67108864,
    /** least bound of a log: two segments of the usual length, so that one can always go */
    HKP_TER_LOG_BYTES_MIN = 16777216
};
#define HKP_TER_SYNC_NS 5000000000ULL

/* Types of log records and reasons of BOOT records (NZ1 5). */
enum {
    HKP_TER_LOG_TER = 1,
    HKP_TER_LOG_TCK = 2,
    HKP_TER_LOG_REBASE = 3,
    HKP_TER_LOG_BOOT = 4,
    HKP_TER_LOG_GAP = 5,
    HKP_TER_BOOT_START = 1,
    HKP_TER_BOOT_TORN = 2,
    HKP_TER_BOOT_RESTORED = 3
};

/** Header of a log segment (NZ1 5). */
struct hkp_ter_log_head {
    uint64_t first_index;
    /** Unix microseconds */
    uint64_t created_us;
    uint8_t node_id[16];
    /** h_{first_index} */
    uint8_t h[32];
    /** TER_{first_index-1}; zero if first_index is 0 */
    uint8_t prev_ter[64];
    uint8_t boot_id[16];
};

/** One log record in a buffer; body is borrowed from it. */
struct hkp_ter_log_record {
    const uint8_t *body;
    /** bytes */
    size_t body_len;
    /** bytes with its header of 8 */
    size_t size;
    /** HKP_TER_LOG_TER .. HKP_TER_LOG_GAP */
    uint32_t type;
    /** zero */
    uint32_t reserved0;
};

/** What a segment holds. */
struct hkp_ter_recovery {
    /** after the last sound record; that of the header if there is none; zero if the header is refused */
    struct hkp_ter_cursor cursor;
    /** bytes that are sound: the end if OK, where to cut if TORN, else where the fault is */
    uint64_t offset;
    /** offset of the last TCK and REBASE record; 0: none */
    uint64_t tck_offset;
    uint64_t rebase_offset;
};

/** Options of hkp_ter_log_new(). */
struct hkp_ter_log_options {
    /** set by hkp_ter_log_options_init() */
    uint32_t struct_size;
    /** largest tail that is not yet durable, records; 0: HKP_TER_SYNC_RECORDS; more is refused */
    uint32_t sync_records;
    struct hkp_mem mem;
    /** folder of this device's log, made with mode 0700 if its parent exists; read by _new only */
    const char *path;
    /** oldest age of that tail, nanoseconds; 0: HKP_TER_SYNC_NS; more is refused */
    uint64_t sync_ns;
    /** index of the newest snapshot or commit: a log that ends before it was rolled back; 0: none */
    uint64_t least_index;
    uint8_t node_id[16];
    /** Ed25519, for h_0 */
    uint8_t device_public[32];
    uint8_t boot_id[16];
    /** most bytes that all segments may have, at least HKP_TER_LOG_BYTES_MIN; 0: no bound but their number */
    uint64_t max_bytes;
};

/** State of a log; see hkp_ter_log_info(). */
struct hkp_ter_log_state {
    /** set by the caller: sizeof of what it knows */
    uint32_t struct_size;
    /** segments on disk */
    uint32_t n_segments;
    /** first index that can be read back */
    uint64_t first_index;
    /** cursor index, written */
    uint64_t index;
    /** all TERs below it are durable */
    uint64_t durable_index;
    /** bytes cut off as torn when the log was opened */
    uint64_t torn_bytes;
    /** bytes of all segments, and their bound; 0: none */
    uint64_t bytes;
    uint64_t max_bytes;
    /** HKP_E_TER_LOG_FULL from three quarters of the bound (or of the segments there can be) on, else HKP_OK
     */
    hkp_status alarm;
    /** zero */
    uint32_t reserved0;
    /** with an alarm: removing all below this index brings the log to half of its bound, as far as it can */
    uint64_t let_go;
};

/** A place in a log; made by hkp_ter_log_seek(). */
struct hkp_ter_log_pos {
    /** first index of the segment */
    uint64_t segment;
    /** byte offset in it */
    uint64_t offset;
    /** cursor index there */
    uint64_t index;
};

typedef struct hkp_ter_log hkp_ter_log;

/* ---- Log format ---- */

/**
 * Length of the body that a type of log record has.
 *
 * @param type  any value
 *
 * @return bytes; 0 for an unknown type
 *
 * Cost: none.
 * Source: NZ1 5.
 * Since: hookprobe-ter 0.1
 */
HKP_API size_t hkp_ter_log_body_size(uint32_t type);

/**
 * Write one log record.
 *
 * @param type      HKP_TER_LOG_TER .. HKP_TER_LOG_GAP
 * @param body      [body_len] as in NZ1 5, borrowed
 * @param body_len  bytes
 * @param dst       [cap] out
 * @param cap       bytes; HKP_TER_LOG_RECORD_MAX is always enough
 * @param len       out, bytes written
 *
 * @retval HKP_OK       dst holds the record
 * @retval HKP_E_INVAL  unknown type, or body_len is not its length
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: one CRC.
 * Source: NZ1 5.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_record_encode(uint32_t type, const uint8_t *body, size_t body_len,
                                                          uint8_t *dst, size_t cap, size_t *len);

/**
 * Read the record at the beginning of a buffer; judges type, length and CRC.
 *
 * @param record  out; body is borrowed from bytes
 * @param bytes   [len], borrowed
 * @param len     bytes
 *
 * @retval HKP_OK              record is filled
 * @retval HKP_E_TER_LOG_TORN  there is no whole and sound record here
 *
 * Cost: one CRC.
 * Source: NZ1 5, 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_record_decode(struct hkp_ter_log_record *record,
                                                          const uint8_t *bytes, size_t len);

/**
 * Check a record's content at a cursor, and advance the cursor by it.
 *
 * @param cursor   advanced by TER and GAP on HKP_OK, unchanged otherwise
 * @param node_id  the device whose log it is
 * @param record   from hkp_ter_log_record_decode()
 *
 * @retval HKP_OK                 it belongs here
 * @retval HKP_E_TER_LOG_CORRUPT  it does not
 *
 * Cost: for a TER as hkp_ter_cursor_accept(), else none.
 * Source: NZ1 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_record_apply(struct hkp_ter_cursor *cursor,
                                                         const uint8_t node_id[16],
                                                         const struct hkp_ter_log_record *record);

/**
 * Write the header of a log segment.
 *
 * @param head   its fields
 * @param bytes  [192] out
 *
 * Cost: one CRC.
 * Source: NZ1 5.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_log_head_encode(const struct hkp_ter_log_head *head, uint8_t bytes[192]);

/**
 * Read the header of a log segment.
 *
 * @param head   out
 * @param bytes  [len], borrowed; what follows the header is ignored
 * @param len    bytes
 *
 * @retval HKP_OK                head is filled
 * @retval HKP_E_TER_LOG_HEADER  too short, or magic, version, lengths, flags, zero field or CRC are wrong
 *
 * Cost: one CRC.
 * Source: NZ1 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_head_decode(struct hkp_ter_log_head *head, const uint8_t *bytes,
                                                        size_t len);

/**
 * Go through one segment: what is sound, where it ends, whether the rest is a torn tail or damage.
 *
 * @param bytes     [len] the whole segment, borrowed
 * @param len       bytes
 * @param node_id   the device whose log it must be
 * @param before    cursor at the end of the segment before, borrowed; NULL: not known
 * @param recovery  out, with every result
 *
 * @retval HKP_OK                 all of it is sound
 * @retval HKP_E_TER_LOG_TORN     sound up to recovery->offset, the rest is an interrupted write; the caller
 *                                takes it for HKP_E_TER_LOG_CORRUPT if a newer segment exists
 * @retval HKP_E_TER_LOG_HEADER   as hkp_ter_log_head_decode()
 * @retval HKP_E_TER_LOG_NODE     of another device
 * @retval HKP_E_TER_LOG_ORDER    does not begin where the segment before ended
 * @retval HKP_E_TER_LOG_CORRUPT  damaged at recovery->offset
 *
 * Cost: a CRC and, for TERs, a hash for each record; no allocation.
 * Source: NZ1 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_recover(const uint8_t *bytes, size_t len,
                                                    const uint8_t node_id[16],
                                                    const struct hkp_ter_cursor *before,
                                                    struct hkp_ter_recovery *recovery);

/* ---- The system: log ---- */

/**
 * Default options of a log; path, node_id, device_public and boot_id have to be set.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_log_options_init(struct hkp_ter_log_options *opt, size_t struct_size);

/**
 * Open a device's log, or begin it: locks the folder, recovers every segment, cuts a torn tail off (kept
 * under .torn), appends a BOOT record and makes it durable. What is damaged is left as it is and refused.
 *
 * @param out      the object, owned by the caller
 * @param opt      borrowed for the call
 * @param now      monotonic
 * @param wall_us  Unix microseconds, for headers and the BOOT record
 * @param diag     filled on failure; NULL is allowed
 *
 * @retval HKP_OK                  out is set; hkp_ter_log_info() says whether a tail was torn
 * @retval HKP_E_INVAL             an option is outside its range
 * @retval HKP_E_TOOBIG            opt asks for more than this build knows
 * @retval HKP_E_NOMEM             the allocator returned nothing
 * @retval HKP_E_LIMIT             another process has the log, or there are too many segments
 * @retval HKP_E_TER_LOG_HEADER    the header of a segment is damaged
 * @retval HKP_E_TER_LOG_NODE      the log of another device
 * @retval HKP_E_TER_LOG_ORDER     a segment does not follow the one before
 * @retval HKP_E_TER_LOG_CORRUPT   a segment is damaged; diag has file and offset
 * @retval HKP_E_TER_LOG_ROLLBACK  it ends before least_index
 * @retval HKP_E_TER_LOG_IO        the system refused
 *
 * Cost: the object, a list of segments, and while it runs a buffer of the largest segment; reads all of it.
 * Source: NZ1 5.1, 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_new(hkp_ter_log **out, const struct hkp_ter_log_options *opt,
                                                hkp_time now, uint64_t wall_us, struct hkp_ter_diag *diag);

/**
 * Close a log; what is not synced may be lost with a crash of the machine.
 *
 * @param log  NULL is allowed
 *
 * Cost: releases what _new allocated.
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_log_free(hkp_ter_log *log);

/**
 * Append the device's next TER; the log computes h.
 *
 * @param log      the object
 * @param now      monotonic
 * @param wall_us  Unix microseconds, for the header of a new segment
 * @param ter      [64] bytes, borrowed
 *
 * @retval HKP_OK              written; durable when hkp_ter_log_durable() is above its index
 * @retval HKP_E_INVAL         it is not the next TER of this log; nothing was written
 * @retval HKP_E_TER_LOG_FULL  the log has reached its bound, the segment HKP_TER_SEG_BYTES_MAX, or there are
 * too many segments; nothing was written, and what is there can be read and trimmed
 * @retval HKP_E_TER_LOG_IO    the system refused; free the object and open the log again
 *
 * Cost: one pwrite; a sync when one is due; no allocation.
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_append_ter(hkp_ter_log *log, hkp_time now, uint64_t wall_us,
                                                       const uint8_t ter[64]);

/**
 * Append a record of any type, its body as on disk. Before a TCK all that precedes it is made durable.
 *
 * @param log       the object
 * @param now       monotonic
 * @param wall_us   Unix microseconds, for the header of a new segment
 * @param type      HKP_TER_LOG_TER .. HKP_TER_LOG_GAP
 * @param body      [body_len] borrowed
 * @param body_len  bytes
 *
 * @retval HKP_OK              written
 * @retval HKP_E_INVAL         the record does not belong at the end of this log; nothing was written
 * @retval HKP_E_TER_LOG_FULL  the log has reached its bound, the segment HKP_TER_SEG_BYTES_MAX, or there are
 * too many segments; nothing was written, and what is there can be read and trimmed
 * @retval HKP_E_TER_LOG_IO    the system refused; free the object and open the log again
 *
 * Cost: as hkp_ter_log_append_ter().
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_append(hkp_ter_log *log, hkp_time now, uint64_t wall_us,
                                                   uint32_t type, const uint8_t *body, size_t body_len);

/**
 * Make everything that was appended durable.
 *
 * @param log  the object
 * @param now  monotonic
 *
 * @retval HKP_OK            durable
 * @retval HKP_E_TER_LOG_IO  the system refused; free the object and open the log again
 *
 * Cost: at most one fdatasync.
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_sync(hkp_ter_log *log, hkp_time now);

/**
 * When the next sync is due; call hkp_ter_log_sync() then.
 *
 * @param log  the object
 *
 * @return monotonic; HKP_TIME_NEVER if all is durable
 *
 * Cost: none.
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API hkp_time hkp_ter_log_wake(const hkp_ter_log *log);

/**
 * Index below which every TER is durable, so may be shown to others.
 *
 * @param log  the object
 *
 * @return index
 *
 * Cost: none.
 * Source: NZ1 5.1 "durable before visible".
 * Since: hookprobe-ter 0.1
 */
HKP_API uint64_t hkp_ter_log_durable(const hkp_ter_log *log);

/**
 * Cursor at the end of what was written.
 *
 * @param log     the object
 * @param cursor  out
 *
 * Cost: none.
 * Source: NZ1 3.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_log_cursor(const hkp_ter_log *log, struct hkp_ter_cursor *cursor);

/**
 * The last TCK1 in the log, which the next one follows.
 *
 * @param log  the object
 * @param tck  [256] bytes out
 *
 * @retval HKP_OK          tck is set
 * @retval HKP_E_NOTFOUND  there is none
 *
 * Cost: none.
 * Source: NZ1 4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_last_tck(const hkp_ter_log *log, uint8_t tck[256]);

/**
 * The last rebase in the segments that the log still has.
 *
 * @param log   the object
 * @param body  [200] bytes out: LE64(n) || RBA1
 *
 * @retval HKP_OK          body is set
 * @retval HKP_E_NOTFOUND  there is none
 *
 * Cost: none.
 * Source: NZ1 5, 11.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_last_rebase(const hkp_ter_log *log, uint8_t body[200]);

/**
 * State of the log.
 *
 * @param log    the object
 * @param state  struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_info(const hkp_ter_log *log, struct hkp_ter_log_state *state);

/**
 * Where and why the system refused, after HKP_E_TER_LOG_IO.
 *
 * @param log   the object
 * @param diag  out
 *
 * @retval HKP_OK          diag is filled
 * @retval HKP_E_NOTFOUND  nothing was refused
 *
 * Cost: none.
 * Source: NZ1 5.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_fault(const hkp_ter_log *log, struct hkp_ter_diag *diag);

/**
 * Find the first record at a cursor index: what follows TER_{index-1}.
 *
 * @param log    the object
 * @param index  from first_index of hkp_ter_log_info() to hkp_ter_log_durable()
 * @param pos    out
 *
 * @retval HKP_OK                 pos is set
 * @retval HKP_E_NOTFOUND         not held here: removed, in a gap, or not durable yet
 * @retval HKP_E_TER_LOG_CORRUPT  the file is no longer what it was
 * @retval HKP_E_TER_LOG_IO       the system refused
 *
 * Cost: reads at most one segment; no allocation.
 * Source: NZ1 17, SYN-2.3 WANT.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_seek(const hkp_ter_log *log, uint64_t index,
                                                 struct hkp_ter_log_pos *pos);

/**
 * Read durable records as they stand in the log, whole ones only, in order.
 *
 * @param log          the object
 * @param pos          in: where to begin; out: behind what was read
 * @param max_records  records at most
 * @param dst          [cap] bytes out, records one after the other
 * @param cap          bytes, at least HKP_TER_LOG_RECORD_MAX
 * @param len          out, bytes; 0 at the end of what is durable
 * @param count        out, records
 *
 * @retval HKP_OK                 len, count and pos are set
 * @retval HKP_E_INVAL            cap is too small or max_records is 0
 * @retval HKP_E_NOTFOUND         the segment of pos was removed
 * @retval HKP_E_TER_LOG_CORRUPT  the file is no longer what it was; pos says where
 * @retval HKP_E_TER_LOG_IO       the system refused
 *
 * Cost: reads at most cap bytes; no allocation.
 * Source: NZ1 5, SYN-2.5 LOG.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_read(const hkp_ter_log *log, struct hkp_ter_log_pos *pos,
                                                 size_t max_records, uint8_t *dst, size_t cap, size_t *len,
                                                 size_t *count);

/**
 * Remove segments that lie wholly below an index, and with them what was kept as .torn; the newest stays.
 * The caller knows that every instance has a commit and a snapshot at or after that index.
 *
 * @param log    the object
 * @param index  lowest index that is still needed
 *
 * @retval HKP_OK            removed what could be
 * @retval HKP_E_TER_LOG_IO  the system refused
 *
 * Cost: one unlink for each segment.
 * Source: NZ1 5.1, 22.6.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_trim(hkp_ter_log *log, uint64_t index);

/**
 * Set a damaged segment and all newer ones of a log aside, so that the log ends before it: each keeps its
 * bytes under its name and the suffix ".corrupt", which nothing here ever reads, replaces or removes. This is
 * the deliberate act of an operator, or of a restore from a holder, that decision 0101 speaks of.
 *
 * @param path   folder of the log, NUL-terminated
 * @param first  first index in the name of the damaged segment
 * @param count  out, segments set aside
 * @param diag   filled on failure; NULL is allowed
 *
 * @retval HKP_OK            done, and durable
 * @retval HKP_E_INVAL       path is empty or too long
 * @retval HKP_E_NOTFOUND    there is no such segment
 * @retval HKP_E_LIMIT       another process has the log, there are too many segments, or too many of that
 * name were set aside before
 * @retval HKP_E_NOMEM       no memory
 * @retval HKP_E_TER_LOG_IO  the system refused; segments newer than the one in diag are aside already
 *
 * Cost: one allocation; a rename for each segment.
 * Source: NZ1 5.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_log_set_aside(const char *path, uint64_t first, uint32_t *count,
                                                      struct hkp_ter_diag *diag);

#ifdef __cplusplus
}
#endif

#endif
