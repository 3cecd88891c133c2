/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A collector of commits and reveals for one epoch at a time (SYN-4.3, SYN-4.4, SYN-4.7). */
#include "libter/bytes.h"
#include "libter/options.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (HKP_NEURO_CE_SECONDS * SECOND_US)
/** seconds of an epoch: commits until, reveals until; how far two clocks may be apart */
enum { COMMITS_S = 20, REVEALS_S = 40, TOLERANCE_S = 5 };

/** One contributor of the epoch. */
struct contributor {
    uint8_t node_id[16], commit[32], share[32], commit_sig[64], reveal_sig[64];
    uint32_t group;
    int revealed, voided;
};

/** One node that has withheld. */
struct withholder {
    uint8_t node_id[16];
    uint32_t epochs;
};

struct hkp_neuro_collector {
    struct hkp_neuro_collector_options opt;
    uint32_t epoch, n, n_withholders;
    uint64_t withheld;
    struct contributor of[HKP_NEURO_CE_WAITING];
    struct withholder withholders[HKP_NEURO_CE_WAITING];
};

void hkp_neuro_collector_options_init(struct hkp_neuro_collector_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_neuro_collector_new(hkp_neuro_collector **out, const struct hkp_neuro_collector_options *opt) {
    struct hkp_neuro_collector_options own;
    hkp_status st = hkp_options_import(&own, sizeof own, sizeof own, opt);
    if (st == HKP_OK) st = hkp_mem_import(&own.mem);
    if (st != HKP_OK) return st;
    hkp_neuro_collector *c = hkp_mem_alloc(&own.mem, sizeof *c);
    if (c == NULL) return HKP_E_NOMEM;
    c->opt = own;
    *out = c;
    return HKP_OK;
}

void hkp_neuro_collector_free(hkp_neuro_collector *c) {
    if (c == NULL) return;
    const struct hkp_mem mem = c->opt.mem;
    hkp_mem_free(&mem, c, sizeof *c);
}

/* From second from to second to of the epoch, by a clock that may be TOLERANCE_S off. */
static int within(uint64_t wall_us, uint32_t epoch, uint64_t from, uint64_t to) {
    const uint64_t tolerance = TOLERANCE_S * SECOND_US;
    const uint64_t begin = epoch * MINUTE_US + from * SECOND_US, end = epoch * MINUTE_US + to * SECOND_US;
    return wall_us + tolerance >= begin && wall_us < end + tolerance;
}

static struct contributor *contributor_of(hkp_neuro_collector *c, const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < c->n; i++)
        if (memcmp(c->of[i].node_id, node_id, 16) == 0) return &c->of[i];
    return NULL;
}

static struct withholder *withholder_of(hkp_neuro_collector *c, const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < c->n_withholders; i++)
        if (memcmp(c->withholders[i].node_id, node_id, 16) == 0) return &c->withholders[i];
    return NULL;
}

/* When the table is full the node with the fewest epochs makes room: the worst are remembered. */
static struct withholder *withholder_room(hkp_neuro_collector *c) {
    if (c->n_withholders < HKP_NEURO_CE_WAITING) return &c->withholders[c->n_withholders++];
    struct withholder *fewest = &c->withholders[0];
    for (uint32_t i = 1; i < c->n_withholders; i++)
        if (c->withholders[i].epochs < fewest->epochs) fewest = &c->withholders[i];
    return fewest;
}

static void note_withheld(hkp_neuro_collector *c, const uint8_t node_id[16]) {
    struct withholder *w = withholder_of(c, node_id);
    c->withheld++;
    if (w == NULL) {
        w = withholder_room(c);
        memcpy(w->node_id, node_id, 16);
        w->epochs = 0;
    }
    w->epochs++;
}

static void note_revealed(hkp_neuro_collector *c, const uint8_t node_id[16]) {
    struct withholder *w = withholder_of(c, node_id);
    if (w == NULL || --w->epochs > 0) return;
    *w = c->withholders[--c->n_withholders];
}

static void begin_epoch(hkp_neuro_collector *c, uint32_t epoch) {
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->of[i].voided) continue;
        if (c->of[i].revealed)
            note_revealed(c, c->of[i].node_id);
        else
            note_withheld(c, c->of[i].node_id);
    }
    c->n = 0;
    c->epoch = epoch;
}

hkp_status hkp_neuro_collector_commit(hkp_neuro_collector *c, uint64_t wall_us, uint32_t epoch,
                                      const uint8_t node_id[16], uint32_t group, const uint8_t commit[32],
                                      const uint8_t signature[64]) {
    if (!within(wall_us, epoch, 0, COMMITS_S) || epoch < c->epoch) return HKP_E_NEURO_SYN_RANGE;
    if (epoch > c->epoch) begin_epoch(c, epoch);
    struct contributor *from = contributor_of(c, node_id);
    if (from != NULL) {
        if (!from->voided && memcmp(from->commit, commit, 32) == 0) return HKP_OK;
        from->voided = 1;
        return HKP_E_NEURO_SYN_COUNT;
    }
    const struct withholder *w = withholder_of(c, node_id);
    if (w != NULL && w->epochs >= HKP_NEURO_CE_WITHHELD) return HKP_E_NEURO_SYN_SIGNER;
    if (c->n == HKP_NEURO_CE_WAITING) return HKP_E_LIMIT;
    from = &c->of[c->n++];
    memset(from, 0, sizeof *from);
    memcpy(from->node_id, node_id, 16);
    memcpy(from->commit, commit, 32);
    memcpy(from->commit_sig, signature, 64);
    from->group = group;
    return HKP_OK;
}

hkp_status hkp_neuro_collector_reveal(hkp_neuro_collector *c, uint64_t wall_us, uint32_t epoch,
                                      const uint8_t node_id[16], const uint8_t share[32],
                                      const uint8_t signature[64]) {
    uint8_t commit[32];
    if (epoch != c->epoch || !within(wall_us, epoch, COMMITS_S, REVEALS_S)) return HKP_E_NEURO_SYN_RANGE;
    struct contributor *from = contributor_of(c, node_id);
    if (from == NULL) return HKP_E_NOTFOUND;
    if (from->voided) return HKP_E_NEURO_SYN_COUNT;
    hkp_neuro_ce_commitment(c->opt.chain_id, epoch, node_id, share, commit);
    if (sodium_memcmp(commit, from->commit, 32) != 0) return HKP_E_NEURO_SYN_SIG;
    memcpy(from->share, share, 32);
    memcpy(from->reveal_sig, signature, 64);
    from->revealed = 1;
    return HKP_OK;
}

static int counts(const struct contributor *from) { return from->revealed && !from->voided; }

/* Is there a contributor of this group with a lower node id, and how many? Those come first. */
static uint32_t place_in_group(const hkp_neuro_collector *c, const struct contributor *of) {
    uint32_t place = 0;
    for (uint32_t i = 0; i < c->n; i++)
        place +=
            counts(&c->of[i]) && c->of[i].group == of->group && memcmp(c->of[i].node_id, of->node_id, 16) < 0;
    return place;
}

static void insert(struct hkp_neuro_ce_row *rows, size_t n, const struct contributor *from) {
    size_t at = n;
    while (at > 0 && memcmp(rows[at - 1].node_id, from->node_id, 16) > 0) {
        rows[at] = rows[at - 1];
        at--;
    }
    struct hkp_neuro_ce_row *row = &rows[at];
    memset(row, 0, sizeof *row);
    memcpy(row->node_id, from->node_id, 16);
    memcpy(row->share, from->share, 32);
    memcpy(row->commit_sig, from->commit_sig, 64);
    memcpy(row->reveal_sig, from->reveal_sig, 64);
    row->group = from->group;
    row->certified = row->signatures = 1; /* their envelopes were */
}

hkp_status hkp_neuro_collector_bundle(const hkp_neuro_collector *c, uint64_t wall_us,
                                      struct hkp_neuro_ce_row rows[64], size_t *n_rows, uint32_t *epoch) {
    struct hkp_neuro_ce_row made[HKP_NEURO_CE_ROWS_MAX];
    const uint64_t second_40 = c->epoch * MINUTE_US + REVEALS_S * SECOND_US;
    size_t n = 0;
    if (wall_us < second_40 || wall_us >= (c->epoch + UINT64_C(2)) * MINUTE_US) return HKP_E_NEURO_SYN_RANGE;
    for (uint32_t place = 0; place < HKP_NEURO_CE_GROUP_ROWS; place++)
        for (uint32_t i = 0; i < c->n && n < HKP_NEURO_CE_ROWS_MAX; i++)
            if (counts(&c->of[i]) && place_in_group(c, &c->of[i]) == place) insert(made, n++, &c->of[i]);
    if (n < HKP_NEURO_CE_ROWS_MIN) return HKP_E_NEURO_SYN_COUNT;
    memcpy(rows, made, n * sizeof made[0]);
    *n_rows = n;
    *epoch = c->epoch;
    return HKP_OK;
}

void hkp_neuro_collector_info(const hkp_neuro_collector *c, struct hkp_neuro_collector_info *info) {
    memset(info, 0, sizeof *info);
    info->epoch = c->epoch;
    info->commits = c->n;
    info->withheld = c->withheld;
    for (uint32_t i = 0; i < c->n; i++) {
        info->reveals += counts(&c->of[i]) ? 1 : 0;
        info->voided += c->of[i].voided ? 1 : 0;
    }
}

uint32_t hkp_neuro_collector_withheld(const hkp_neuro_collector *c, const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < c->n_withholders; i++)
        if (memcmp(c->withholders[i].node_id, node_id, 16) == 0) return c->withholders[i].epochs;
    return 0;
}
