/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Transfers of files, inside. A transfer is one record at each end; the states and what moves them stand at
 * the top of files.c. What both ends do alike is in file_data.c (chunks and hashes), what is the server's in
 * file_serve.c, what is the client's in file_ask.c and file_hear.c, events of the endpoint in file_take.c.
 */
#ifndef HKP_LIBHTP_FILES_H
#define HKP_LIBHTP_FILES_H

#include "libhtp/files/file_pack.h"
#include "libhtp/files/file_wire.h"
#include "libter/sha256.h"

enum {
    HKP_HTP__FILES_BUCKETS = 64,
    /** entries that a store is asked for at once */
    HKP_HTP__FILES_PAGE = 32,
    /** bytes that one transfer moves before the next has its turn */
    HKP_HTP__FILES_TURN = 128 * 1024,
    /** chunks that are not tried after the n-th in a row that did not get shorter: 2^n, up to this n */
    HKP_HTP__FILES_SKIP = 6,
    /** how often a transfer of ours begins anew because what was there did not fit */
    HKP_HTP__FILES_ANEW = 2
};

/** Where a transfer stands; see files.c. */
enum hkp_htp__files_state {
    HKP_HTP__FILES_QUEUED,
    HKP_HTP__FILES_WAITING,
    /* work of our own */
    HKP_HTP__FILES_OPENING,
    HKP_HTP__FILES_HASHING,
    HKP_HTP__FILES_PREFIX,
    HKP_HTP__FILES_VERIFYING,
    HKP_HTP__FILES_COMMITTING,
    HKP_HTP__FILES_REMOVING,
    /* a message is owed to the peer */
    HKP_HTP__FILES_ASKING,
    HKP_HTP__FILES_ANSWERING,
    HKP_HTP__FILES_GIVING,
    HKP_HTP__FILES_COMPLETING,
    HKP_HTP__FILES_FAILING,
    /* the peer owes one */
    HKP_HTP__FILES_EXPECTING,
    HKP_HTP__FILES_TAKING,
    HKP_HTP__FILES_AWAITING,
    HKP_HTP__FILES_REFUSED,
    HKP_HTP__FILES_OVER
};

/** Bits of news. */
enum {
    HKP_HTP__FILES_NEWS_STARTED = 1,
    HKP_HTP__FILES_NEWS_PROGRESS = 2,
    HKP_HTP__FILES_NEWS_WAITING = 4,
    HKP_HTP__FILES_NEWS_RESUMED = 8
};

struct hkp_htp__files_list;

/** For results that change nothing: what they would say is told by an event, too. */
static inline void hkp_htp__files_ignore(hkp_status st) { (void)st; }

struct hkp_htp__transfer {
    struct hkp_htp__transfer *next, *prev, *bucket_next;
    struct hkp_htp__files_list *list;
    uint64_t number, session;
    uint8_t peer[16];
    uint32_t stream, file_id;
    uint8_t served, op, flags, state, news;
    /** 1: on a stream now */
    uint8_t streamed;
    /** 1: the session takes no more until WRITABLE */
    uint8_t blocked;
    /** 1: the peer's direction has ended; ours has */
    uint8_t fin_in, fin_out;
    /** 1: handle is open, for writing */
    uint8_t open, writing;
    /** 1: the store is to be asked again */
    uint8_t again;
    /** 1: sha256 was declared, is known */
    uint8_t declared, known;
    /** how it ended */
    uint8_t code, remote, more;
    /** ours: a STAT that a transfer of content needs; COMPLETE was sent once; there is a part to go on with;
     * begun anew; tries that were BUSY */
    uint8_t probing, completed, resuming, anew, tries;
    /** ours: its session was lost; want is what the caller expects */
    uint8_t lost, wanted;
    /** ours: no hash of what is there can be had, so parts are no use */
    uint8_t fresh;
    /** chunks that are not tried to compress, and how many times in a row it was for nothing */
    uint8_t skip, vain;
    uint16_t mode, keep;
    /** of the store in use */
    struct hkp_htp_store store;
    uint64_t handle;
    uint32_t store_flags;
    /** content: bytes, those done (given or taken), those hashed, where hashing ends */
    uint64_t size, done, hashed, hash_end;
    /** first chunk that this stream carries; the next one */
    uint32_t chunk_size, total, first, chunk;
    struct hkp_sha256 hash;
    uint8_t want[32], sha256[32], prefix[32], part[16];
    struct hkp_htp_file_info info;
    /** largest content; of a grant */
    uint64_t size_max, quota;
    uint32_t root_len;
    /** last sign of the peer, last completed step, when to look for signs, when the next PROGRESS may be
     * told, when a BUSY is over */
    hkp_time heard, step, look_at, tell_at, retry_at, deadline;
    /** bytes of the stream when it was looked at last */
    uint64_t acked, arrived;
    uint64_t mtime_us;
    /** LIST: what was asked; what came, [body_len], and what of it was told */
    uint32_t limit;
    uint8_t *body;
    size_t body_len, body_at;
    /** behind this struct, NUL-terminated: as the client names it; in the store in use; LIST: after */
    char *path, *store_path, *after;
    uint32_t path_len, store_len, after_len;
    size_t bytes;
    char message[HKP_HTP__FILE_TEXT_MAX + 1];
};
typedef struct hkp_htp__transfer hkp_htp__transfer;

struct hkp_htp__files_list {
    hkp_htp__transfer *first, *last;
    uint32_t count;
};

struct hkp_htp__files_grant {
    struct hkp_htp__files_grant *next;
    size_t bytes;
    uint8_t peer[16];
    uint8_t any;
    uint32_t operations;
    uint64_t size_max, quota;
    uint32_t root_len;
    /** behind this struct, NUL-terminated */
    const char *root, *extensions;
};

struct hkp_htp_files {
    hkp_htp_endpoint *ep;
    struct hkp_mem mem;
    struct hkp_htp_store store;
    uint8_t serving, quiet;
    uint8_t node_id[16];
    uint64_t size_max, resume_from;
    hkp_time stall, whole, now;
    uint32_t transfers_max, queue_max, grants_max, grants_count, chunk_max, priority, work_bytes;
    hkp_time progress_every;
    struct hkp_htp__files_grant *grants;
    /** own ones that wait for their turn or a session; those at work, of both ends; those that ended */
    struct hkp_htp__files_list queue, busy, over;
    hkp_htp__transfer *buckets[HKP_HTP__FILES_BUCKETS];
    uint32_t served, own, last_file_id;
    uint64_t last_number;
    /** the queue may have one that can begin; a session that took no more in this work() */
    uint8_t look;
    /** some transfer may have news */
    uint8_t news;
    hkp_time queue_wake;
    uint64_t full;
    /** event() gave the path of this one, which has ended */
    hkp_htp__transfer *told;
    /** a chunk that was made and found no room: of this transfer, this index, so many bytes of out */
    uint64_t kept_number;
    uint32_t kept_index;
    size_t kept_len;
    const uint8_t *kept_plain;
    /** shared by all: messages that go out; plain bytes; zlib's */
    uint8_t out[HKP_HTP__FILE_MESSAGE];
    uint8_t plain[HKP_HTP_FILE_CHUNK_MAX + 1];
    struct hkp_htp_file_entry page[HKP_HTP__FILES_PAGE];
    z_stream inflate, deflate;
    struct hkp_htp__zarena inflate_arena, deflate_arena;
    uint8_t *deflate_memory;
    uint8_t inflate_memory[HKP_HTP__INFLATE_BYTES];
};
typedef struct hkp_htp_files hkp_htp__files;

/* ---- files.c */

void hkp_htp__files_list_add(struct hkp_htp__files_list *list, hkp_htp__transfer *t);
void hkp_htp__files_list_move(struct hkp_htp__files_list *to, hkp_htp__transfer *t);
/** A new record with paths; NULL: no memory. In no list. */
hkp_htp__transfer *hkp_htp__files_make(hkp_htp__files *f, size_t path, size_t store, size_t after);
void hkp_htp__files_drop(hkp_htp__files *f, hkp_htp__transfer *t);
hkp_htp__transfer *hkp_htp__files_find(hkp_htp__files *f, uint64_t session, uint32_t stream);
/** Puts a transfer on a stream, and takes it off. */
void hkp_htp__files_bind(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t stream);
void hkp_htp__files_unbind(hkp_htp__files *f, hkp_htp__transfer *t);
/** Ends a transfer; code OK: DONE. keep: its part stays for a resume. */
void hkp_htp__files_end(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code, int remote, int keep);
/** Has a new record told as one that ended with code, which was never in another list. */
void hkp_htp__files_refused(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code);
/** Sends the first len bytes of out on its stream; 0: not now, and t is blocked or has ended. */
int hkp_htp__files_send(hkp_htp__files *f, hkp_htp__transfer *t, size_t len, int fin);
/** Writes and sends a message that has the transfer's head. */
int hkp_htp__files_say(hkp_htp__files *f, hkp_htp__transfer *t, struct hkp_htp__file_msg *m, int fin);
/** Another state; what it waits for begins now. */
void hkp_htp__files_enter(hkp_htp__files *f, hkp_htp__transfer *t, uint8_t state);
/** A transfer failed on our side: the peer is told. */
void hkp_htp__files_fail(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code);
/** What a function of the store said: AGAIN waits, a code is told. 1: it was neither. */
int hkp_htp__files_settled(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code);
/** Asks the store to commit; as hkp_htp__files_settled(). */
int hkp_htp__files_commit(hkp_htp__files *f, hkp_htp__transfer *t);
/** Closes what is open; keep as hkp_htp_store.close(). */
void hkp_htp__files_close(hkp_htp__transfer *t, int keep);
/** Whether its part is worth keeping. */
int hkp_htp__files_keeps(const hkp_htp__files *f, const hkp_htp__transfer *t);
/** There is news, HKP_HTP__FILES_NEWS_*. */
void hkp_htp__files_tell(hkp_htp__files *f, hkp_htp__transfer *t, uint8_t bit);
/** PROGRESS may be due. */
void hkp_htp__files_progress(hkp_htp__files *f, hkp_htp__transfer *t);

/* ---- file_grant.c */

const struct hkp_htp__files_grant *hkp_htp__files_granted(const hkp_htp__files *f, const uint8_t peer[16]);
/** Whether a grant, or NULL, allows an operation on a path of the peer; of DELETE the extension is judged
 * when it is known to be a file. */
int hkp_htp__files_allowed(const struct hkp_htp__files_grant *g, uint8_t op, const char *path, size_t len);
void hkp_htp__files_grants_free(hkp_htp__files *f);

/* ---- file_data.c: each returns 1 if it may be called again at once. *budget counts bytes down. */

/** Hashes stored content up to hash_end; then t->known. Error codes by t's end. */
int hkp_htp__files_hash(hkp_htp__files *f, hkp_htp__transfer *t, int64_t *budget);
/** Begins hashing from nothing up to end. */
void hkp_htp__files_hash_from_start(hkp_htp__transfer *t, uint64_t end);
/** Sends the next chunk. */
int hkp_htp__files_give(hkp_htp__files *f, hkp_htp__transfer *t, int64_t *budget);
/** Takes a CHUNK; HKP_HTP_FILE_OK or a code. */
uint32_t hkp_htp__files_chunk(hkp_htp__files *f, hkp_htp__transfer *t, const struct hkp_htp__file_msg *m);
/** Name of a part: SHA256(a || path || b)[0:16]. */
void hkp_htp__files_part(hkp_htp__transfer *t, const uint8_t node_id[16], const uint8_t *b, size_t b_len);
/** Sets chunks from size, chunk_size; 0: too many. */
int hkp_htp__files_cut(hkp_htp__transfer *t);
/** The store's create() for a transfer. */
uint32_t hkp_htp__files_create(hkp_htp__transfer *t, uint32_t flags, uint64_t *have);

/* ---- file_serve.c */

void hkp_htp__files_request(hkp_htp__files *f, const struct hkp_htp_event *ev);
void hkp_htp__files_serve_message(hkp_htp__files *f, hkp_htp__transfer *t, const struct hkp_htp__file_msg *m);
int hkp_htp__files_serve(hkp_htp__files *f, hkp_htp__transfer *t, int64_t *budget);

/* ---- file_ask.c */

/** Begins those of the queue that may. */
void hkp_htp__files_begin(hkp_htp__files *f);
int hkp_htp__files_ask(hkp_htp__files *f, hkp_htp__transfer *t, int64_t *budget);
/** Its session is gone. */
void hkp_htp__files_lost(hkp_htp__files *f, hkp_htp__transfer *t);
/** Leaves its stream, telling the peer why. */
void hkp_htp__files_leave(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code);

/** Back to the queue, with nothing open; what is known of the content stays. */
void hkp_htp__files_requeue(hkp_htp__files *f, hkp_htp__transfer *t, int keep);
/** From the beginning, without what was there; too often: it ends with code. */
void hkp_htp__files_anew(hkp_htp__files *f, hkp_htp__transfer *t, uint32_t code);
/** Opens the part of a READ whose size and time are known. OK or a code. */
uint32_t hkp_htp__files_open_part(hkp_htp__files *f, hkp_htp__transfer *t);
/** Tells that it goes on, if it was lost. */
void hkp_htp__files_resumed(hkp_htp__files *f, hkp_htp__transfer *t);

/* ---- file_hear.c */

void hkp_htp__files_ask_message(hkp_htp__files *f, hkp_htp__transfer *t, const struct hkp_htp__file_msg *m);

/* ---- file_session.c */

/** Bytes of a stream: ours that were acknowledged, the peer's that came; when the session heard anything. 0:
 * there is no such stream. */
int hkp_htp__session_moved(const hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint64_t *acked,
                           uint64_t *arrived, hkp_time *heard);
/** An established session with this peer, other than one; 0: there is none. */
uint64_t hkp_htp__session_other(const hkp_htp_endpoint *ep, const uint8_t peer[16], uint64_t except);

#endif
