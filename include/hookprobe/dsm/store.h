/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: the store of a node: opening it and executing the requests of the node (D-STO-1, D-STO-2),
 * what is kept for long (D-STO-8), and what becomes of damaged rows (D-STO-10).
 */
#ifndef HOOKPROBE_DSM_STORE_H
#define HOOKPROBE_DSM_STORE_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The default store: SQLite in a directory, and the consensus WAL as a file of its own beside it. */
typedef struct hkp_dsm_store hkp_dsm_store;

/** Where and why a store is refused. */
struct hkp_dsm_store_fault {
    /** name of the file inside the directory, NUL-terminated */
    char file[32];
    /** what is wrong, NUL-terminated */
    char what[160];
    /** byte offset in it, or 0xFFFFFFFFFFFFFFFF if that is not known */
    uint64_t offset;
};

/**
 * Open the store of one node, or create it.
 *
 * A second process is kept out by a lock. Damage is told and never repaired: a torn last record of the WAL,
 * which was never acted on, is the only thing that is cut off (D-STO-5).
 *
 * @param out        receives the store, owned by the caller
 * @param directory  an existing directory, NUL-terminated, borrowed for the call
 * @param create     1: make the files if none of them is there; 0: they must exist
 * @param fault      filled on HKP_E_IO and HKP_E_DSM_WAL_CORRUPT; may be NULL
 *
 * @retval HKP_OK                  open
 * @retval HKP_E_NOMEM             no memory
 * @retval HKP_E_STATE             another process has it open
 * @retval HKP_E_NOTFOUND          it is not there and create is 0
 * @retval HKP_E_IO                a file cannot be used, is missing or damaged; fault says which and where
 * @retval HKP_E_DSM_WAL_CORRUPT   a bad record of the WAL is followed by a good one; fault says where
 *
 * Cost: opens files; checks the whole database once.
 * Source: D-STO-4, D-STO-5, D-STO-7; README ruling 10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_open(hkp_dsm_store **out, const char *directory, int32_t create,
                                                   struct hkp_dsm_store_fault *fault);

/**
 * Close the store; what was not committed is lost, rows and WAL records alike.
 *
 * @param store  a store or NULL
 *
 * Cost: closes files.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_store_close(hkp_dsm_store *store);

/**
 * Execute one store request of a node; reads are answered before it returns, writes by the next commit.
 *
 * @param store  a store
 * @param node   the node that asked
 * @param now    nanoseconds, monotonic
 * @param ev     an event of kind HKP_DSM_EV_STORE_*; its pointers are used only at the start of the call
 *
 * @retval HKP_OK       executed
 * @retval HKP_E_INVAL  no store request
 * @retval HKP_E_IO     the system refused; the node was told and is dead
 * @retval HKP_E_NOMEM  no memory; the node was told and is dead
 * @retval HKP_E_LIMIT  32768 WAL records wait for a commit; the node was told and is dead
 *
 * Cost: one statement of SQLite; a WAL record is copied.
 * Source: dsm.md 7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_apply(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now,
                                                    const struct hkp_dsm_event *ev);

/**
 * Make all writes since the last commit durable, rows before WAL records, and tell the node.
 *
 * @param store  a store
 * @param node   the node that asked
 * @param now    nanoseconds, monotonic
 *
 * @retval HKP_OK    durable, or there was nothing to write
 * @retval HKP_E_IO  the system refused; the node was told and is dead
 *
 * Cost: one commit of SQLite if rows were written, one fdatasync if WAL records were.
 * Source: D-STO-1, D-STO-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_commit(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now);

/**
 * From which heights on a node still keeps blocks, and headers with their bodies.
 *
 * @param n        node
 * @param blocks   first height that was not pruned of blocks; 0: nothing was
 * @param headers  first height that was not pruned of headers, other than boundaries; 0: nothing was
 *
 * @retval HKP_OK  both are set
 *
 * Cost: none.
 * Source: D-STO-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_kept(const hkp_dsm_node *n, uint64_t *blocks, uint64_t *headers);

/**
 * Tell that a row which an open read came to is damaged; other rows of the read follow as usual.
 *
 * The node drops it, reports HKP_DSM_EV_LOST, and fetches it again from peers if they have such rows. What
 * came is taken only if its hash is one that stands elsewhere in the store.
 *
 * @param n        node
 * @param now      nanoseconds, monotonic
 * @param ticket   the read's
 * @param key      the row's key as it stands there, borrowed for the call
 * @param key_len  1..47 bytes
 *
 * @retval HKP_OK          noted
 * @retval HKP_E_INVAL     no such key
 * @retval HKP_E_NOTFOUND  no such read
 * @retval HKP_E_STATE     the node is dead: it is, or a row of META or HEADS is damaged, which nobody else
 * has
 *
 * Cost: two writes.
 * Source: D-STO-10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_lost(hkp_dsm_node *n, hkp_time now, uint64_t ticket,
                                             const uint8_t *key, size_t key_len);

/** What a repair found. */
struct hkp_dsm_store_repaired {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** kinds of rows of which a part could not be read at all */
    uint32_t holes;
    /** rows that were whole and stay */
    uint64_t rows;
    /** rows that differed from their checksum; those that peers have are fetched by the node */
    uint64_t damaged;
    /** rows made anew out of others */
    uint64_t remade;
};

/**
 * Make a whole database of a damaged one: what can be read and agrees with its checksum stays.
 *
 * Call it when hkp_dsm_store_open() refuses the database (HKP_E_IO with file dsm.sqlite), then open again;
 * the node fetches what is missing from its peers and trusts nothing that was damaged. The damaged file is
 * kept beside as dsm.sqlite.bad until the next repair. The WAL of consensus is never repaired. A repair that
 * is cut short is begun again by the next one.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call
 * @param out        struct_size set by the caller; filled on HKP_OK
 * @param fault      filled on HKP_E_IO; may be NULL
 *
 * @retval HKP_OK          repaired
 * @retval HKP_E_INVAL     struct_size is too small
 * @retval HKP_E_STATE     another process has the store open
 * @retval HKP_E_NOTFOUND  there is no database
 * @retval HKP_E_IO        nothing can be read, or files cannot be written; nothing was changed
 *
 * Cost: reads and writes the whole database.
 * Source: D-STO-10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_repair(const char *directory,
                                                     struct hkp_dsm_store_repaired *out,
                                                     struct hkp_dsm_store_fault *fault);

/** What an export or an import has moved. */
struct hkp_dsm_store_moved {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    uint32_t reserved0;
    /** items of the file */
    uint64_t items;
    /** first and newest height of it; of an import the newest that the store has now */
    uint64_t from_height;
    uint64_t to_height;
    /** checkpoints and blocks; of an import those that became final by it */
    uint64_t heights;
    uint64_t blocks;
    /** links of epochs that lead to from_height (import) */
    uint64_t links;
};

/**
 * Write the final chain of a store as a file (D-STO-11).
 *
 * A node may go on working with the store meanwhile.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call
 * @param fd         open for writing; written from where it stands, synced, not closed
 * @param out        struct_size set by the caller; filled on HKP_OK
 *
 * @retval HKP_OK          written
 * @retval HKP_E_INVAL     struct_size is too small
 * @retval HKP_E_NOMEM     no memory
 * @retval HKP_E_NOTFOUND  there is no store, or rows that the chain needs are missing
 * @retval HKP_E_IO        reading or writing failed
 *
 * Cost: reads the chain, 9 MiB of memory.
 * Source: D-STO-11.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_export(const char *directory, int32_t fd,
                                                     struct hkp_dsm_store_moved *out);

/**
 * Bring the chain of a file into a store; everything is verified from the genesis on (D-STO-11).
 *
 * What was found right before an error stays, and the same call with a whole file goes on from there. The
 * store belongs to the host that starts it next. Nothing is signed: a secret that fits the certificate only
 * by its public half will do.
 *
 * @param directory  an existing directory: empty, or with the store of a node of this mesh that is not
 * running
 * @param fd         open for reading, read from where it stands
 * @param opt        genesis, certificate and secret of the node whose store it is, rng; sizes
 * @param wall_us    Unix microseconds
 * @param out        struct_size set by the caller; filled also where the import ends early
 *
 * @retval HKP_OK               the whole file is in the store
 * @retval HKP_E_INVAL          struct_size is too small, or options are wrong
 * @retval HKP_E_NOMEM          no memory
 * @retval HKP_E_NOTFOUND       the file ends early
 * @retval HKP_E_STATE          another process has the store open
 * @retval HKP_E_IO             the store cannot be used or is damaged
 * @retval HKP_E_DSM_SCHEMA     it is no such file
 * @retval HKP_E_DSM_PROOF      it is of another mesh, or something in it is not what the chain says
 * @retval negative             the first thing in the file that was refused, by its own status
 *
 * Cost: one verification for each block, q for each checkpoint; the memory of a node.
 * Source: D-STO-11.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_import(const char *directory, int32_t fd,
                                                     const struct hkp_dsm_node_options *opt, uint64_t wall_us,
                                                     struct hkp_dsm_store_moved *out);

#ifdef __cplusplus
}
#endif

#endif
