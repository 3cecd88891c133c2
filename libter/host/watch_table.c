/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libter/host/watch_table.h"
#include "libter/options.h"

/* Entries for each item: its name, its file, and its share of folders and links. */
enum { SLOTS_PER_ITEM = 6, SLOTS_LEAST = 1024 };

hkp_status hkp_ter__watch_table_new(struct hkp_ter__watch_table *t, const struct hkp_mem *mem,
                                    uint32_t n_items) {
    uint32_t n = SLOTS_LEAST;
    while (n / SLOTS_PER_ITEM < n_items) n *= 2;
    t->n_slots = n;
    t->n_items = n_items;
    t->slots = hkp_mem_alloc(mem, n * sizeof *t->slots);
    t->ties = t->slots == NULL ? NULL : hkp_mem_alloc(mem, n_items * sizeof *t->ties);
    if (t->ties == NULL) return HKP_E_NOMEM;
    hkp_ter__watch_table_clear(t);
    return HKP_OK;
}

void hkp_ter__watch_table_free(struct hkp_ter__watch_table *t, const struct hkp_mem *mem) {
    hkp_mem_free(mem, t->slots, t->n_slots * sizeof *t->slots);
    hkp_mem_free(mem, t->ties, t->n_items * sizeof *t->ties);
}

void hkp_ter__watch_table_clear(struct hkp_ter__watch_table *t) {
    for (uint32_t i = 0; i < t->n_slots; i++) t->slots[i].item = HKP_TER__WATCH_NONE;
    for (uint32_t i = 0; i < t->n_items; i++) t->ties[i].wd = -1;
    t->used = 0;
}

int hkp_ter__watch_table_is_full(const struct hkp_ter__watch_table *t) {
    return t->used >= t->n_slots / 4 * 3;
}

/* FNV-1a over the watch and the name. */
static uint64_t hash_of(int wd, const char *name) {
    uint64_t hash = 0xCBF29CE484222325U ^ (uint32_t)wd;
    hash *= 0x100000001B3U;
    for (; *name != 0; name++) hash = (hash ^ (uint8_t)*name) * 0x100000001B3U;
    return hash ^ hash >> 32;
}

/* Where (wd, hash) is, or where it would be put: there is always a free slot. */
static uint32_t find(const struct hkp_ter__watch_table *t, int wd, uint64_t hash) {
    uint32_t mask = t->n_slots - 1, at = (uint32_t)hash & mask;
    while (t->slots[at].item != HKP_TER__WATCH_NONE && (t->slots[at].wd != wd || t->slots[at].hash != hash))
        at = (at + 1) & mask;
    return at;
}

uint32_t hkp_ter__watch_table_get(const struct hkp_ter__watch_table *t, int wd, const char *name) {
    return t->slots[find(t, wd, hash_of(wd, name))].item;
}

static int set(struct hkp_ter__watch_table *t, int wd, const char *name, uint32_t item) {
    uint64_t hash = hash_of(wd, name);
    uint32_t at = find(t, wd, hash);
    if (t->slots[at].item == HKP_TER__WATCH_NONE) {
        if (hkp_ter__watch_table_is_full(t)) return 0;
        t->used++;
    }
    t->slots[at] = (struct hkp_ter__watch_slot){.hash = hash, .wd = wd, .item = item};
    return 1;
}

int hkp_ter__watch_table_put(struct hkp_ter__watch_table *t, int wd, const char *name, uint32_t item) {
    uint32_t old = hkp_ter__watch_table_get(t, wd, name);
    return set(t, wd, name, old == HKP_TER__WATCH_NONE || old == item ? item : HKP_TER__WATCH_ANY);
}

/* The slots behind move up, so that each is still found from where it belongs. */
static void drop(struct hkp_ter__watch_table *t, int wd, const char *name) {
    uint32_t mask = t->n_slots - 1, hole = find(t, wd, hash_of(wd, name));
    if (t->slots[hole].item == HKP_TER__WATCH_NONE) return;
    for (uint32_t at = (hole + 1) & mask; t->slots[at].item != HKP_TER__WATCH_NONE; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)t->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        t->slots[hole] = t->slots[at];
        hole = at;
    }
    t->slots[hole].item = HKP_TER__WATCH_NONE;
    t->used--;
}

int hkp_ter__watch_table_tie(struct hkp_ter__watch_table *t, int wd, uint32_t item) {
    uint32_t head = hkp_ter__watch_table_get(t, wd, "");
    if (head == HKP_TER__WATCH_ANY || !set(t, wd, "", item)) return 0;
    t->ties[item] = (struct hkp_ter__watch_tie){.wd = wd, .before = HKP_TER__WATCH_NONE, .behind = head};
    if (head != HKP_TER__WATCH_NONE) t->ties[head].before = item;
    return 1;
}

int hkp_ter__watch_table_untie(struct hkp_ter__watch_table *t, uint32_t item) {
    struct hkp_ter__watch_tie *tie = &t->ties[item];
    int wd = tie->wd;
    if (wd < 0) return -1;
    tie->wd = -1;
    if (tie->behind != HKP_TER__WATCH_NONE) t->ties[tie->behind].before = tie->before;
    if (tie->before != HKP_TER__WATCH_NONE) {
        t->ties[tie->before].behind = tie->behind;
        return -1;
    }
    if (tie->behind != HKP_TER__WATCH_NONE) {
        (void)set(t, wd, "", tie->behind);
        return -1;
    }
    drop(t, wd, "");
    return wd;
}
