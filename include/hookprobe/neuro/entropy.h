/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: collective entropy (SYN-4). One value per minute that no single node chooses alone, by
 * commit and reveal. Everyone who is a member can know it: it is freshness and an additional input, never a
 * secret.
 *
 * Envelopes, their CBOR and their signatures are libdsm's: here come the fields of their bodies, and whether
 * certificates and signatures were good. Before that, nothing of a body may reach a call of this part.
 */
#ifndef HOOKPROBE_NEURO_ENTROPY_H
#define HOOKPROBE_NEURO_ENTROPY_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits (SYN-4, SYN-11). */
enum {
    HKP_NEURO_CE_ROWS_MIN = 3,
    HKP_NEURO_CE_ROWS_MAX = 64,
    HKP_NEURO_CE_GROUP_ROWS = 2,
    HKP_NEURO_CE_HELD = 4,
    /** epochs after which a value is not offered any more */
    HKP_NEURO_CE_AGE = 10,
    /** contributors of one epoch at a collector, and nodes whose withholding it remembers */
    HKP_NEURO_CE_WAITING = 1024,
    /** epochs withheld after which a contributor is left out */
    HKP_NEURO_CE_WITHHELD = 10,
    HKP_NEURO_CE_SECONDS = 60
};

/** A contribution in a bundle: fields of the row, and what the caller found out about them. */
struct hkp_neuro_ce_row {
    uint8_t node_id[16];
    /** E */
    uint8_t share[32];
    uint8_t commit_sig[64];
    uint8_t reveal_sig[64];
    /** 1: the node has a valid certificate */
    int32_t certified;
    /** group number in that certificate */
    uint32_t group;
    /** 1: both signatures are right over the bodies rebuilt from epoch, node id and share */
    int32_t signatures;
};

/** A value that was adopted. */
struct hkp_neuro_ce {
    uint32_t epoch;
    uint32_t groups;
    uint32_t rows;
    uint8_t ce[32];
    /** the first 8 bytes are ce_id */
    uint8_t check[32];
    uint8_t object_id[32];
};

/** The newest values, newest first; all zero at first. Not secret. */
struct hkp_neuro_ce_book {
    uint32_t n;
    struct hkp_neuro_ce held[4];
};

/** What a collector is made of. */
struct hkp_neuro_collector_options {
    uint32_t struct_size;
    uint8_t chain_id[32];
    struct hkp_mem mem;
};

/** Counters of a collector. */
struct hkp_neuro_collector_info {
    /** epoch that is being collected */
    uint32_t epoch;
    uint32_t commits;
    uint32_t reveals;
    /** nodes void in this epoch for two different commits */
    uint32_t voided;
    /** since the collector was made: commits that were not followed by a reveal */
    uint64_t withheld;
};

/** A collector: takes commits and reveals, makes bundles. */
typedef struct hkp_neuro_collector hkp_neuro_collector;

/**
 * A share of this node.
 *
 * @param r          fresh randomness; wipe it after the call
 * @param h_entropy  of the newest TER, or zero
 * @param share      E, written; a secret until it is revealed
 *
 * Cost: none.
 * Source: SYN-4.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_ce_share(const uint8_t r[32], const uint8_t h_entropy[32], uint8_t share[32]);

/**
 * Commitment to a share.
 *
 * @param chain_id    of the mesh
 * @param epoch       Unix seconds / 60
 * @param node_id     contributor
 * @param share       E
 * @param commitment  C, written
 *
 * Cost: none.
 * Source: SYN-4.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_ce_commitment(const uint8_t chain_id[32], uint32_t epoch, const uint8_t node_id[16],
                                     const uint8_t share[32], uint8_t commitment[32]);

/**
 * The value of checked rows.
 *
 * @param chain_id  of the mesh
 * @param epoch     of the bundle
 * @param rows      [n_rows] ascending, borrowed
 * @param n_rows    3..64
 * @param ce        written
 *
 * Cost: none.
 * Source: SYN-4.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_ce_value(const uint8_t chain_id[32], uint32_t epoch,
                                const struct hkp_neuro_ce_row *rows, size_t n_rows, uint8_t ce[32]);

/**
 * Check value of a CE; its first 8 bytes are ce_id.
 *
 * @param epoch  of the CE
 * @param ce     value
 * @param check  written
 *
 * Cost: none.
 * Source: SYN-4.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_ce_check(uint32_t epoch, const uint8_t ce[32], uint8_t check[32]);

/**
 * Check a bundle, all but the signatures: worth the caller's time before it verifies two for each row.
 *
 * @param now_epoch  of the receiver's clock
 * @param epoch      of the bundle
 * @param rows       [n_rows] with certified and group filled in, borrowed
 * @param n_rows     any
 *
 * @retval HKP_OK                  verify the signatures
 * @retval HKP_E_NEURO_SYN_RANGE   neither this epoch nor the one before
 * @retval HKP_E_NEURO_SYN_COUNT   not 3..64 rows
 * @retval HKP_E_NEURO_SYN_ORDER   not ascending, or a node twice
 * @retval HKP_E_NEURO_SYN_SIGNER  a node without a certificate
 * @retval HKP_E_NEURO_SYN_GROUP   more than 2 rows of one group
 *
 * Cost: none.
 * Source: SYN-4.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_ce_bundle_check(uint32_t now_epoch, uint32_t epoch,
                                                          const struct hkp_neuro_ce_row *rows, size_t n_rows);

/**
 * Check a bundle with its signatures and keep its value if it is the best of its epoch.
 *
 * Best: most groups, then most rows, then lowest object id. The 4 newest epochs are kept.
 *
 * @param book       changed on success
 * @param chain_id   of the mesh
 * @param now_epoch  of the receiver's clock
 * @param epoch      of the bundle
 * @param object_id  of its envelope (D-SIG-4)
 * @param rows       [n_rows] with certified, group and signatures filled in, borrowed
 * @param n_rows     any
 * @param changed    1: the book has this value now; 0: it has a better one, or newer ones
 *
 * @retval HKP_OK               a good bundle; see changed
 * @retval HKP_E_NEURO_SYN_SIG  a signature is wrong; nothing changed
 * @retval HKP_E_NEURO_SYN_RANGE, HKP_E_NEURO_SYN_COUNT, HKP_E_NEURO_SYN_ORDER, HKP_E_NEURO_SYN_SIGNER,
 *         HKP_E_NEURO_SYN_GROUP  as hkp_neuro_ce_bundle_check(); nothing changed
 *
 * Cost: none.
 * Source: SYN-4.4, SYN-4.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_ce_adopt(struct hkp_neuro_ce_book *book, const uint8_t chain_id[32],
                                                   uint32_t now_epoch, uint32_t epoch,
                                                   const uint8_t object_id[32],
                                                   const struct hkp_neuro_ce_row *rows, size_t n_rows,
                                                   int32_t *changed);

/**
 * The newest value that may still be offered.
 *
 * @param book       borrowed
 * @param now_epoch  of this node's clock
 *
 * @return inside book, or NULL: there is none, and nothing stands in for it
 *
 * Cost: none.
 * Source: SYN-4.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API const struct hkp_neuro_ce *hkp_neuro_ce_newest(const struct hkp_neuro_ce_book *book,
                                                       uint32_t now_epoch);

/**
 * A value by its id.
 *
 * @param book   borrowed
 * @param ce_id  8 bytes, not all zero
 *
 * @return inside book, or NULL
 *
 * Cost: none.
 * Source: SYN-4.5, SYN-5.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API const struct hkp_neuro_ce *hkp_neuro_ce_find(const struct hkp_neuro_ce_book *book,
                                                     const uint8_t ce_id[8]);

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: SYN-4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_collector_options_init(struct hkp_neuro_collector_options *opt, size_t struct_size);

/**
 * Make a collector.
 *
 * @param out  written on success; free with hkp_neuro_collector_free()
 * @param opt  borrowed
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   options of a wrong size
 * @retval HKP_E_TOOBIG  options that this build does not know
 * @retval HKP_E_NOMEM   no memory
 *
 * Cost: one allocation, about 280 KB.
 * Source: SYN-4.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_collector_new(hkp_neuro_collector **out,
                                                        const struct hkp_neuro_collector_options *opt);

/**
 * Free a collector.
 *
 * @param collector  or NULL
 *
 * Cost: none.
 * Source: SYN-4.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_collector_free(hkp_neuro_collector *collector);

/**
 * Take a commit whose envelope was good. The first of a new epoch ends the epoch before.
 *
 * @param collector  one collector
 * @param wall_us    clock of the collector, Unix microseconds
 * @param epoch      of the body
 * @param node_id    signer of the envelope
 * @param group      in its certificate
 * @param commit     C
 * @param signature  of the envelope
 *
 * @retval HKP_OK                  taken, or held already
 * @retval HKP_E_LIMIT             1024 contributors wait; nothing changed
 * @retval HKP_E_NEURO_SYN_RANGE   not from second 0 to 20 of this epoch (5 s tolerance); nothing changed
 * @retval HKP_E_NEURO_SYN_SIGNER  left out: 10 epochs withheld; nothing changed
 * @retval HKP_E_NEURO_SYN_COUNT   a second, different commit: the node is void for this epoch
 *
 * Cost: no allocation; a search of 1024 rows.
 * Source: SYN-4.3, SYN-4.7.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_collector_commit(hkp_neuro_collector *collector, uint64_t wall_us,
                                                           uint32_t epoch, const uint8_t node_id[16],
                                                           uint32_t group, const uint8_t commit[32],
                                                           const uint8_t signature[64]);

/**
 * Take a reveal whose envelope was good.
 *
 * @param collector  one collector
 * @param wall_us    clock of the collector, Unix microseconds
 * @param epoch      of the body
 * @param node_id    signer of the envelope
 * @param share      E
 * @param signature  of the envelope
 *
 * @retval HKP_OK                 taken, or held already
 * @retval HKP_E_NOTFOUND         the node did not commit; nothing changed
 * @retval HKP_E_NEURO_SYN_RANGE  not from second 20 to 40 of this epoch (5 s tolerance); nothing changed
 * @retval HKP_E_NEURO_SYN_COUNT  the node is void in this epoch; nothing changed
 * @retval HKP_E_NEURO_SYN_SIG    not what it committed to; nothing changed
 *
 * Cost: no allocation; a search of 1024 rows.
 * Source: SYN-4.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_collector_reveal(hkp_neuro_collector *collector, uint64_t wall_us,
                                                           uint32_t epoch, const uint8_t node_id[16],
                                                           const uint8_t share[32],
                                                           const uint8_t signature[64]);

/**
 * Make the rows of a bundle: as many groups as there are, then as many rows.
 *
 * @param collector  one collector
 * @param wall_us    clock of the collector, Unix microseconds
 * @param rows       [64] written, ascending
 * @param n_rows     written, 3..64
 * @param epoch      of the bundle, written
 *
 * @retval HKP_OK                 publish it
 * @retval HKP_E_NEURO_SYN_RANGE  before second 40, or nothing was collected in this epoch or the one before
 * @retval HKP_E_NEURO_SYN_COUNT  fewer than 3 rows: there is no CE of this epoch
 *
 * Cost: no allocation.
 * Source: SYN-4.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_collector_bundle(const hkp_neuro_collector *collector,
                                                           uint64_t wall_us, struct hkp_neuro_ce_row rows[64],
                                                           size_t *n_rows, uint32_t *epoch);

/**
 * Counters.
 *
 * @param collector  one collector
 * @param info       written
 *
 * Cost: none.
 * Source: SYN-4.7.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_collector_info(const hkp_neuro_collector *collector,
                                      struct hkp_neuro_collector_info *info);

/**
 * Epochs in which a node committed and did not reveal, less those since in which it did.
 *
 * @param collector  one collector
 * @param node_id    contributor
 *
 * @return epochs
 *
 * Cost: a search of 1024 rows.
 * Source: SYN-4.7.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_collector_withheld(const hkp_neuro_collector *collector,
                                              const uint8_t node_id[16]);

#ifdef __cplusplus
}
#endif

#endif
