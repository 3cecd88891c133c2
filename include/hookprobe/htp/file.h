/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: transfers of files over the sessions of an endpoint (HTP-13). One object serves what peers
 * ask of us, and asks of peers what we want. The bytes lie in stores (hookprobe/htp/store.h); nothing here
 * touches a disk. The caller's loop:
 *
 *     pump the endpoint
 *     while hkp_htp_event(): hkp_htp_files_take() first, and what it did not take is the caller's own
 *     hkp_htp_files_work(), then hkp_htp_files_event() until none is left
 *     pump again, wait until the earlier of hkp_htp_wake() and hkp_htp_files_wake()
 *
 * The caller allows class FILE to a session with hkp_htp_session_allow(), as for any class.
 */
#ifndef HOOKPROBE_HTP_FILE_H
#define HOOKPROBE_HTP_FILE_H

#include <hookprobe/htp.h>
#include <hookprobe/htp/store.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** operations of HTP-13.2 */
    HKP_HTP_FILE_CREATE = 0x30,
    HKP_HTP_FILE_READ = 0x31,
    HKP_HTP_FILE_UPDATE = 0x32,
    HKP_HTP_FILE_DELETE = 0x33,
    HKP_HTP_FILE_STAT = 0x34,
    HKP_HTP_FILE_LIST = 0x35,
    /** flags of HTP-13.3 */
    HKP_HTP_FILE_COMPRESSED = 0x01,
    HKP_HTP_FILE_APPEND = 0x04,
    HKP_HTP_FILE_CREATE_DIRS = 0x08,
    HKP_HTP_FILE_OVERWRITE = 0x10,
    HKP_HTP_FILE_RECURSIVE = 0x20,
    HKP_HTP_FILE_VERIFY_HASH = 0x40,
    HKP_HTP_FILE_ATOMIC = 0x80,
    /** bits of hkp_htp_file_grant.operations */
    HKP_HTP_FILE_MAY_CREATE = 1,
    HKP_HTP_FILE_MAY_READ = 2,
    HKP_HTP_FILE_MAY_UPDATE = 4,
    HKP_HTP_FILE_MAY_DELETE = 8,
    HKP_HTP_FILE_MAY_STAT = 16,
    HKP_HTP_FILE_MAY_LIST = 32,
    /** with MAY_DELETE: folders with all that is in them, too */
    HKP_HTP_FILE_MAY_RECURSE = 64,
    /** transfers of one session that are open at once (HTP-13.5) */
    HKP_HTP_FILE_SESSION_MAX = 16,
    /** entries that one LIST may ask for */
    HKP_HTP_FILE_LIST_MAX = 1000,
    /** bytes that one transfer takes of hkp_htp_files_options.mem, beside its paths and what a LIST brought
     */
    HKP_HTP_FILE_TRANSFER_BYTES = 1536
};

/* What hkp_htp_files_event() tells. */
enum {
    HKP_HTP_FILE_EVENT_NONE = 0,
    /** a peer began one that was allowed: operation, flags, path, size where it is known; also one of ours
     * that was answered: size */
    HKP_HTP_FILE_EVENT_STARTED = 1,
    /** done of size; the newest only, at most one waits */
    HKP_HTP_FILE_EVENT_PROGRESS = 2,
    /** ours, LIST: one entry */
    HKP_HTP_FILE_EVENT_ENTRY = 3,
    /** over, and done: info (STAT, READ), sha256 (with content, and of STAT with VERIFY_HASH), more (LIST);
     * transfer names nothing any more */
    HKP_HTP_FILE_EVENT_DONE = 4,
    /** over, and not done: code, message, remote; transfer names nothing any more. Also for what was refused
     * to a peer at once, without a STARTED; with BAD_MESSAGE path is "" */
    HKP_HTP_FILE_EVENT_FAILED = 5,
    /** ours: its session is gone; it goes on by itself when there is one with this peer */
    HKP_HTP_FILE_EVENT_WAITING = 6,
    /** ours: goes on in another session; done is where */
    HKP_HTP_FILE_EVENT_RESUMED = 7
};

/** Transfers of one endpoint, both those that it serves and its own. One thread at a time. */
struct hkp_htp_files;
typedef struct hkp_htp_files hkp_htp_files;

/** Options; zero means default for every member. Filled by hkp_htp_files_options_init(). */
struct hkp_htp_files_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** transfers that are served at once, all peers together; default 64 */
    uint32_t transfers_max;
    /** allocator; all NULL: malloc */
    struct hkp_mem mem;
    /** what is served, copied; its user stays the caller's; NULL: nothing is */
    const struct hkp_htp_store *store;
    /** our node_id, as that of the endpoint: names parts of what we fetch */
    uint8_t node_id[16];
    /** largest file in bytes, of both directions; default 1 GiB */
    uint64_t size_max;
    /** nanoseconds without a sign of the other side after which a transfer ends; default 30 s */
    hkp_time stall;
    /** nanoseconds without a completed chunk or step, whoever has to do it; default 300 s */
    hkp_time whole;
    /** own transfers that exist at once, those that wait too; default 1024 */
    uint32_t queue_max;
    /** grants; default 1024 */
    uint32_t grants_max;
    /** largest chunk that we agree to when we serve, 1024..65536; default 65536 */
    uint32_t chunk_max;
    /** priority of the streams, 1..7, the later the higher; default 6 */
    uint32_t priority;
    /** bytes of a file of ours from which on it is hashed before it is sent, or kept when its session is
     * lost, so that it can go on where it was; default 64 MiB */
    uint64_t resume_from;
    /** bytes that hkp_htp_files_work() reads and hashes in one call; default 1 MiB */
    uint32_t work_bytes;
    /** nanoseconds between two PROGRESS of one transfer; default 200 ms */
    uint32_t progress_every;
    /** 1: served transfers tell nothing; 0: STARTED, PROGRESS, DONE and FAILED, of which the oldest are
     * dropped when more than transfers_max wait to be pulled */
    uint32_t quiet;
    /** zero */
    uint32_t reserved0;
};

/** What a peer may do (HTP-13.7). Zero and NULL mean: nothing, default, the whole store. */
struct hkp_htp_file_grant {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_FILE_MAY_* */
    uint32_t operations;
    /** folder of the store that this peer sees as "/", a path as of HTP-13.6; NULL: the root. Copied */
    const char *root;
    /** extensions in lower case, apart by one blank, "." is a name without any; NULL: those of HTP-13.7.
     * Copied */
    const char *extensions;
    /** largest file, bytes; 0: that of the options */
    uint64_t size_max;
    /** most bytes that may lie below root, 0: no limit */
    uint64_t quota;
};

/** What we ask of a peer. Zero and NULL where a member says nothing of it. */
struct hkp_htp_file_request {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_FILE_CREATE..HKP_HTP_FILE_LIST */
    uint32_t operation;
    /** HKP_HTP_FILE_COMPRESSED..HKP_HTP_FILE_ATOMIC as HTP-13.3 allows them with the operation */
    uint32_t flags;
    /** bytes of a chunk, 1024..65536; default 8192, or as many as a very large file needs */
    uint32_t chunk_size;
    /** at the peer, [path_len] UTF-8 as of HTP-13.6; copied */
    const char *path;
    uint32_t path_len;
    /** at our side, a path of the store local; bytes [local_path_len]; copied */
    uint32_t local_path_len;
    const char *local_path;
    /** READ: where to; CREATE, UPDATE: where from; copied, its user stays the caller's until the transfer is
     * over */
    const struct hkp_htp_store *local;
    /** READ: HKP_HTP_STORE_OVERWRITE, HKP_HTP_STORE_FOLDERS; else 0 */
    uint32_t local_flags;
    /** permission bits of what is written, 0: the store's */
    uint16_t mode;
    /** 1: mode and mtime_us are those of what is read */
    uint16_t keep;
    /** Unix microseconds of what is written, 0: the time of writing */
    uint64_t mtime_us;
    /** READ: the content must have this SHA-256, [32]; all zero: any */
    uint8_t expect_sha256[32];
    /** nanoseconds, monotonic: FAILED with TIMEOUT then; 0: none */
    hkp_time deadline;
    /** READ: largest file, bytes; 0: that of the options */
    uint64_t size_max;
    /** LIST: names after this one, [after_len]; copied; NULL: from the beginning */
    const uint8_t *after;
    uint32_t after_len;
    /** LIST: most entries, 1..1000; 0: 1000. There may be fewer although there are more */
    uint32_t limit;
};

/** What became of a transfer. */
struct hkp_htp_file_event {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_FILE_EVENT_* */
    uint32_t type;
    /** number of the transfer, of this object */
    uint64_t transfer;
    /** number of the session, 0: none now */
    uint64_t session;
    uint8_t peer[16];
    /** 1: a peer asked it of us */
    uint8_t served;
    /** HKP_HTP_FILE_CREATE..HKP_HTP_FILE_LIST */
    uint8_t operation;
    /** as asked */
    uint8_t flags;
    /** FAILED: HKP_HTP_FILE_* of HTP-13.10 */
    uint8_t code;
    /** FAILED: 1: the peer said so, 0: we did */
    uint8_t remote;
    /** LIST, DONE: 1: there are others behind the last */
    uint8_t more;
    /** zero */
    uint8_t reserved0[2];
    /** bytes done, of how many; a size that is not known is 0 */
    uint64_t done;
    uint64_t size;
    /** path at the serving side as the client named it, NUL-terminated, [path_len]; borrowed until the next
     * call on the object */
    const char *path;
    uint32_t path_len;
    /** zero */
    uint32_t reserved1;
    /** FAILED: what the peer said about it, for people, NUL-terminated, printable UTF-8; borrowed as path */
    const char *message;
    /** DONE of CREATE, UPDATE, READ: of the content; of STAT with VERIFY_HASH; else zero */
    uint8_t sha256[32];
    /** DONE of STAT and READ */
    struct hkp_htp_file_info info;
    /** ENTRY */
    struct hkp_htp_file_entry entry;
};

/**
 * Fill options with defaults.
 *
 * @param options  struct to fill; written
 * @param size  sizeof of the caller's struct
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_files_options_init(struct hkp_htp_files_options *options, size_t size);

/**
 * Make an object for the transfers of an endpoint; nobody may do anything yet.
 *
 * @param out  receives the object, which the caller owns; untouched on failure
 * @param ep  endpoint; borrowed until hkp_htp_files_free()
 * @param options  copied
 *
 * @retval HKP_OK  made
 * @retval HKP_E_INVAL  an argument is NULL, an option out of range, or a store lacks a function
 * @retval HKP_E_TOOBIG  options of a newer library
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: one allocation of 0.2 MiB, shared by all transfers, and another of 0.3 MiB when something is first
 * compressed; each transfer takes HKP_HTP_FILE_TRANSFER_BYTES and its paths, whatever the size of its file.
 * Source: HTP-13.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_files_new(hkp_htp_files **out, hkp_htp_endpoint *ep,
                                                  const struct hkp_htp_files_options *options);

/**
 * Release the object: open parts are kept for a resume where they can be, streams are reset.
 *
 * @param files  object or NULL; owned, gone afterwards
 *
 * Cost: one pass over the transfers.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_files_free(hkp_htp_files *files);

/**
 * Say what a peer may do from now on. Who has no grant may do nothing.
 *
 * @param files  object; borrowed, changed
 * @param peer  node_id [16], borrowed; NULL: every peer without a grant of its own
 * @param grant  copied; NULL: what was granted is withdrawn. Running transfers that it does not allow any
 * more end with PERMISSION_DENIED
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range, root is no path, extensions not as described; nothing
 * changed
 * @retval HKP_E_LIMIT  grants_max is reached; nothing changed
 * @retval HKP_E_NOMEM  the allocator returned nothing; nothing changed
 *
 * Cost: one allocation; one pass over grants and transfers.
 * Source: HTP-13.5, HTP-13.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_files_grant(hkp_htp_files *files, const uint8_t *peer,
                                                    const struct hkp_htp_file_grant *grant);

/**
 * Show an event of the endpoint to the object, at once after hkp_htp_event() gave it.
 *
 * @param files  object; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param event  borrowed
 *
 * @retval 1  the event was of a stream of class FILE and is used up
 * @retval 0  the event is the caller's; UP, DOWN and WRITABLE are noted here all the same
 *
 * Cost: a chunk is hashed and given to its store here; one allocation when a peer begins a transfer.
 * Source: HTP-13.2, HTP-13.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API int32_t hkp_htp_files_take(hkp_htp_files *files, hkp_time now, const struct hkp_htp_event *event);

/**
 * Move transfers on: chunks go out, files are hashed and committed, what is due ends.
 *
 * Call it after all waiting events were taken: files that completed since are committed together.
 *
 * @param files  object; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 *
 * Cost: work_bytes of reading and hashing at most, and what the stores take.
 * Source: HTP-13.5, HTP-13.8.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_files_work(hkp_htp_files *files, hkp_time now);

/**
 * When hkp_htp_files_work() is next needed.
 *
 * @param files  object; borrowed
 *
 * @return nanoseconds, monotonic; the newest time that the object was told if there is work now;
 * HKP_TIME_NEVER if nothing is due
 *
 * Cost: one pass over the open transfers.
 * Source: HTP-13.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API hkp_time hkp_htp_files_wake(const hkp_htp_files *files);

/**
 * Ask something of a peer. What is over the limit of HTP-13.5 waits here for its turn.
 *
 * @param files  object; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of an established session; if it ends, another with the same peer will do
 * @param request  copied
 * @param transfer  receives the number that events will name; NULL: not wanted
 *
 * @retval HKP_OK  taken; DONE or FAILED will follow
 * @retval HKP_E_INVAL  an argument is out of range, flags that the operation does not have, a path that
 * breaks HTP-13.6, no local store where one is needed, or a deadline that has passed; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_LIMIT  queue_max is reached; nothing changed
 * @retval HKP_E_NOMEM  the allocator returned nothing; nothing changed
 *
 * Cost: one allocation.
 * Source: HTP-13.2, HTP-13.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_files_start(hkp_htp_files *files, hkp_time now, uint64_t session,
                                                    const struct hkp_htp_file_request *request,
                                                    uint64_t *transfer);

/**
 * Give up a transfer, our own or one that is served: both sides see CANCELLED, its part is deleted. One whose
 * content is being made visible just then may still be DONE.
 *
 * @param files  object; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param transfer  number of the transfer
 *
 * @retval HKP_OK  done; FAILED or DONE follows
 * @retval HKP_E_NOTFOUND  no such transfer, or it is over; nothing changed
 *
 * Cost: one pass over the transfers.
 * Source: HTP-13.2.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_files_cancel(hkp_htp_files *files, hkp_time now, uint64_t transfer);

/**
 * Pull what became of transfers; call it until type is HKP_HTP_FILE_EVENT_NONE.
 *
 * @param files  object; borrowed, changed
 * @param out  struct_size set; written
 *
 * @retval HKP_OK  *out holds an event, or NONE
 * @retval HKP_E_INVAL  an argument is NULL, or struct_size is too small
 *
 * Cost: no allocation.
 * Source: HTP-13.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_files_event(hkp_htp_files *files, struct hkp_htp_file_event *out);

/**
 * Name of a code of HTP-13.10.
 *
 * @param code  HKP_HTP_FILE_*
 *
 * @return static text such as "NOT_FOUND"; "UNKNOWN" for any other number
 *
 * Cost: none.
 * Source: HTP-13.10.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_file_code_name(uint32_t code);

#ifdef __cplusplus
}
#endif

#endif
