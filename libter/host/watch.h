/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal to libter/host: which measured items may have changed, as the kernel tells it (decision 0107).
 * Whoever is unsure is told "may have changed"; it never vouches for what it cannot see.
 */
#ifndef HKP_LIBTER_WATCH_H
#define HKP_LIBTER_WATCH_H

#include <hookprobe/ter.h>

struct hkp_ter__watch;

/* What hkp_ter__watch_item() found at the end of a path. */
enum { HKP_TER__FOUND_NOTHING, HKP_TER__FOUND_ABSENT, HKP_TER__FOUND_FILE, HKP_TER__FOUND_LINK };

/** off: a watch that vouches for nothing, as where the system has no inotify. HKP_E_NOMEM. */
hkp_status hkp_ter__watch_new(struct hkp_ter__watch **out, const struct hkp_mem *mem, uint32_t n_items,
                              int off);
void hkp_ter__watch_free(struct hkp_ter__watch *watch);

/** Begins a run: sets armed[i] to 0 for every item that may have changed; armed has n_items bytes. */
void hkp_ter__watch_drain(struct hkp_ter__watch *watch, uint8_t *armed);

/**
 * Puts watches on all that decides what path leads to, and on the file there. FOUND_FILE, FOUND_LINK (only if
 * the last link is not to be followed) or FOUND_ABSENT: every later change will be told by a drain, so what
 * is read of the item from now on holds until then. FOUND_NOTHING: no such promise.
 */
int hkp_ter__watch_item(struct hkp_ter__watch *watch, uint32_t item, const char *path, int follow);

/** Ends a run. */
void hkp_ter__watch_rest(struct hkp_ter__watch *watch);

/** How often everything had to be put in doubt: an overflow, a mount, a folder that moved. */
uint32_t hkp_ter__watch_doubts(const struct hkp_ter__watch *watch);

/** Does anybody have this file, open for reading only, open for writing? 1, 0, or -1: the system does not
 * say. */
int hkp_ter__has_writer(int fd);

#endif
