/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Bundles of any rows (SYN-4.4), and the same rows as commits and reveals at a collector. First byte: epochs
 * that the clock is ahead; second: number of rows; a row is node id, E, group and flags (1 certified, 2
 * signatures).
 */
#include <hookprobe/neuro.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROW = 50, ROWS = 80 };
static const uint8_t chain[32] = {1};

static void judge(const struct hkp_neuro_ce_row *rows, size_t n) {
    if (n < 3 || n > 64) __builtin_trap();
    for (size_t i = 0; i < n; i++) {
        uint32_t of_group = 0;
        if (i > 0 && memcmp(rows[i - 1].node_id, rows[i].node_id, 16) >= 0) __builtin_trap();
        if (!rows[i].certified || !rows[i].signatures) __builtin_trap();
        for (size_t k = 0; k < n; k++) of_group += rows[k].group == rows[i].group;
        if (of_group > 2) __builtin_trap();
    }
}

static void collect(const struct hkp_neuro_ce_row *rows, size_t n) {
    struct hkp_neuro_collector_options opt;
    struct hkp_neuro_ce_row made[64];
    hkp_neuro_collector *c = NULL;
    uint32_t epoch = 0;
    size_t n_made = 0;
    hkp_neuro_collector_options_init(&opt, sizeof opt);
    memcpy(opt.chain_id, chain, 32);
    if (hkp_neuro_collector_new(&c, &opt) != HKP_OK) return;
    for (size_t i = 0; i < n; i++) {
        uint8_t commit[32];
        hkp_neuro_ce_commitment(chain, 100, rows[i].node_id, rows[i].share, commit);
        commit[0] ^= rows[i].certified ? 0 : 1;
        (void)!hkp_neuro_collector_commit(c, 6001000000U, 100, rows[i].node_id, rows[i].group, commit,
                                          rows[i].commit_sig);
    }
    for (size_t i = 0; i < n; i++)
        (void)!hkp_neuro_collector_reveal(c, 6030000000U, 100, rows[i].node_id, rows[i].share,
                                          rows[i].reveal_sig);
    if (hkp_neuro_collector_bundle(c, 6040000000U, made, &n_made, &epoch) == HKP_OK) judge(made, n_made);
    hkp_neuro_collector_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hkp_neuro_ce_row rows[ROWS];
    struct hkp_neuro_ce_book book = {0};
    uint8_t object_id[32] = {0};
    int32_t changed = 0;
    if (size < 2) return 0;
    size_t n = data[1] < ROWS ? data[1] : ROWS;
    if (n * ROW > size - 2) n = (size - 2) / ROW;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *row = data + 2 + ROW * i;
        memset(&rows[i], 0, sizeof rows[i]);
        memcpy(rows[i].node_id, row, 16);
        memcpy(rows[i].share, row + 16, 32);
        rows[i].group = row[48];
        rows[i].certified = row[49] & 1;
        rows[i].signatures = row[49] >> 1 & 1;
    }
    if (hkp_neuro_ce_adopt(&book, chain, 100U + data[0], 100, object_id, rows, n, &changed) == HKP_OK)
        judge(rows, n);
    collect(rows, n);
    return 0;
}
