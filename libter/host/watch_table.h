/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal to libter/host: (watch, name) -> item, and which items share the watch of one file. The empty name
 * stands for the watched thing itself.
 */
#ifndef HKP_LIBTER_WATCH_TABLE_H
#define HKP_LIBTER_WATCH_TABLE_H

#include <hookprobe/ter.h>

/** No item; and any of them. */
#define HKP_TER__WATCH_NONE UINT32_MAX
#define HKP_TER__WATCH_ANY (UINT32_MAX - 1)

struct hkp_ter__watch_slot {
    uint64_t hash;
    int32_t wd;
    uint32_t item;
};

/* Items of one file form a ring-less list; its head stands in the table under (wd, ""). */
struct hkp_ter__watch_tie {
    int32_t wd;
    uint32_t before, behind;
};

struct hkp_ter__watch_table {
    struct hkp_ter__watch_slot *slots;
    struct hkp_ter__watch_tie *ties;
    uint32_t n_slots, used, n_items;
};

hkp_status hkp_ter__watch_table_new(struct hkp_ter__watch_table *table, const struct hkp_mem *mem,
                                    uint32_t n_items);
void hkp_ter__watch_table_free(struct hkp_ter__watch_table *table, const struct hkp_mem *mem);
void hkp_ter__watch_table_clear(struct hkp_ter__watch_table *table);
int hkp_ter__watch_table_is_full(const struct hkp_ter__watch_table *table);

/** An item, ANY or NONE. Names of equal hash count as one. */
uint32_t hkp_ter__watch_table_get(const struct hkp_ter__watch_table *table, int wd, const char *name);

/** Adds a meaning; two different ones become ANY. 0 if the table is full. */
int hkp_ter__watch_table_put(struct hkp_ter__watch_table *table, int wd, const char *name, uint32_t item);

/** Adds item to those of the file behind wd; item is untied before. 0 if the table is full. */
int hkp_ter__watch_table_tie(struct hkp_ter__watch_table *table, int wd, uint32_t item);

/** Takes item from its file; the watch if nobody is left on it, else -1. */
int hkp_ter__watch_table_untie(struct hkp_ter__watch_table *table, uint32_t item);

#endif
