/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A store whose META or HEADS are damaged does not say where on the chain it is (D-STO-10). The node begins
 * at its genesis, like one that joins (D-SYN-3), with the blocks, headers and bodies that it has. Two things
 * it must not forget meanwhile:
 *
 *   - its promises: the WAL is whole, but of an epoch to which it has to come first. Until then it promises
 *     nothing; there the WAL is read again and obeyed as after any start, before the others are asked
 * (D-STO-9).
 *   - its own blocks: which one is the newest. What of them any honest member holds is final once an epoch
 * has passed as a whole, and what nobody has stands in its own rows above the final head. Then, and not
 *     before, it signs on.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* Only those that began after the start count. The first may begin while the node is behind for a moment, of
 * the second it may see the end only, the third is the one that it saw as a whole. */
enum { EPOCHS_TO_PASS = 3 };

static const uint8_t resync_key[] = "resync";

/* META row "resync": empty while rows that say too much may still stand, then one byte. */
int hkp_dsm__resync_meta(node *n, const uint8_t *key, size_t key_len, size_t len) {
    if (key_len != sizeof resync_key - 1 || memcmp(key, resync_key, key_len) != 0) return 0;
    n->resync.on = 1;
    if (len == 0) n->load.lost_state = 1;
    return 1;
}

/* Durable before the first damaged row is dropped. */
void hkp_dsm__resync_note(node *n) {
    if (n->state != HKP_DSM_STATE_LOADING) return; /* memory has it; the next start sees it */
    if (!n->load.lost_state) hkp_dsm__put(n, HKP_DSM_ROW_META, resync_key, sizeof resync_key - 1, NULL, 0);
    n->load.lost_state = 1;
}

/* ---- at a start ---- */

static void drop_all(node *n, uint32_t row) {
    uint8_t from[KEY_MAX] = {0}, to[KEY_MAX];
    memset(to, 255, sizeof to);
    hkp_dsm__drop(n, row, from, to, sizeof to);
}

static void drop_meta(node *n, const char *from, const char *to) {
    hkp_dsm__drop(n, HKP_DSM_ROW_META, (const uint8_t *)from, (const uint8_t *)to, strlen(from));
}

int hkp_dsm__heads_none(node *n) {
    while (hkp_dsm__heads_count(n->heads) > 0) {
        size_t count = hkp_dsm__heads_count(n->heads);
        if (count > HKP_DSM__CHANGED_HEADS_MAX) count = HKP_DSM__CHANGED_HEADS_MAX;
        for (size_t i = 0; i < count; i++) {
            n->changes[i] = *hkp_dsm__heads_at(n->heads, i);
            n->changes[i].status = 2;
        }
        if (hkp_dsm__heads_apply(n->heads, n->changes, count, NULL) != HKP_OK) return 0;
    }
    return 1;
}

/* Back to the genesis: what META and HEADS gave so far counts no more. */
int hkp_dsm__resync_begin(node *n) {
    const blob *set = n->load.genesis;
    if (set == NULL || !hkp_dsm__heads_none(n)) return 0;
    for (uint32_t i = 0; i < n->n_authors; i++) {
        struct author *a = &n->authors[i];
        memset(&a->final, 0, sizeof a->final);
        memset(&a->tip, 0, sizeof a->tip);
        a->frozen = 0;
    }
    n->pending->count = 0;
    n->join_blind = BLIND_NOT;
    hkp_dsm__epoch_begin(n, set->ptr, set->len, n->chain_id, 0, n->genesis_s * 1000);
    n->resync.on = 1;
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"chain", 5, n->chain_id, 32);
    drop_meta(n, "epoch", "epoci");
    drop_meta(n, "joined", "joinee");
    drop_all(n, HKP_DSM_ROW_HEADS);
    drop_all(n, HKP_DSM_ROW_FINAL);
    drop_all(n, HKP_DSM_ROW_PROPOSAL);
    drop_all(n, HKP_DSM_ROW_CERT);
    hkp_dsm__officers_jump(n, 0);
    hkp_dsm__put(n, HKP_DSM_ROW_META, resync_key, sizeof resync_key - 1, (const uint8_t *)"1", 1);
    n->load.lost_state = n->load.fresh = 0;
    n->load.placeless = 1; /* rows that are being dropped are not read */
    return 1;
}

/* A record of an epoch that the node has not come to yet; 0: that is damage. */
int hkp_dsm__resync_wal(node *n, uint64_t epoch) {
    if (!n->resync.on) return 0;
    if (epoch > n->resync.wal_epoch) n->resync.wal_epoch = epoch;
    return 1;
}

/* ---- promises ---- */

int hkp_dsm__resync_holds(const node *n) {
    return n->resync.on && (n->resync.reading || n->set.epoch < n->resync.wal_epoch);
}

void hkp_dsm__resync_row(node *n, const uint8_t *data, size_t len) {
    hkp_status st = hkp_dsm__wal_obey(n, data, len);
    if (st != HKP_OK) hkp_dsm__die(n, st, HKP_DSM_ROW_WAL, NULL, 0);
}

void hkp_dsm__resync_end(node *n) {
    n->resync.reading = 0;
    hkp_dsm__enter(n, n->view);
    hkp_dsm__promises_repeat(n);
    hkp_dsm__promises_ask(n, NULL);
    hkp_dsm__advance(n);
}

/* ---- own blocks ---- */

static void own_rows(node *n) {
    uint8_t from[24], to[24];
    hkp_dsm__key_block(from, n->id, n->self->final.seq + 1);
    hkp_dsm__key_block(to, n->id, UINT64_MAX);
    struct read *r = hkp_dsm__scan(n, READ_RESYNC_OWN, HKP_DSM_ROW_BLOCK, from, to, sizeof to, UINT32_MAX);
    if (r == NULL) n->resync.epochs--; /* at the next one */
}

void hkp_dsm__resync_own_row(node *n, const uint8_t *data, size_t len) {
    struct hkp_dsm__item item;
    hkp_status st = hkp_dsm__stored_item(data, len, &item);
    if (st == HKP_OK) st = hkp_dsm__block_load(n, &item, 0);
    if (st != HKP_OK) n->resync.epochs = 0; /* no room, or another branch is final: not known yet */
}

void hkp_dsm__resync_own_end(node *n) {
    if (n->resync.epochs < EPOCHS_TO_PASS) return;
    hkp_dsm__drop_one(n, HKP_DSM_ROW_META, resync_key, sizeof resync_key - 1);
    n->resync.on = 0;
}

int hkp_dsm__resync_author(const node *n) { return n->resync.on != 0; }

/* An epoch began: step by step, or by a jump to where the others are. */
void hkp_dsm__resync_epoch(node *n, uint32_t joined) {
    if (!n->resync.on) return;
    uint8_t from[8] = {0}, to[8];
    memset(to, 255, sizeof to);
    n->resync.reading = 0;
    if (n->set.epoch == n->resync.wal_epoch) {
        n->promises_open = 1;
        n->resync.reading =
            hkp_dsm__scan(n, READ_RESYNC, HKP_DSM_ROW_WAL, from, to, sizeof to, UINT32_MAX) != NULL;
        if (!n->resync.reading) n->silent = 1; /* not read: an observer in this epoch (D-STO-7) */
    }
    n->resync.epochs = joined || n->epoch_ms < n->resync.since_ms ? 0 : n->resync.epochs + 1;
    if (n->resync.epochs >= EPOCHS_TO_PASS && !hkp_dsm__resync_holds(n)) own_rows(n);
}
