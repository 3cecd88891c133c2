/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/host: the list of an expansion, shared by expand.c (the list) and expand_walk.c (what
 * finds). */
#ifndef HKP_LIBTER_EXPAND_H
#define HKP_LIBTER_EXPAND_H

#include <hookprobe/ter.h>

enum { HKP_TER__EXPAND_PATH_CAP = 4096 };

/* A path, or the name of a module. */
struct hkp_ter__found {
    uint8_t *text;
    uint32_t len;
    uint32_t order;
    uint8_t kind;
    /** by the operator, not by a walk */
    uint8_t named;
};

struct hkp_ter__found_list {
    struct hkp_ter__found *at;
    uint32_t n, cap;
};

struct hkp_ter_expand {
    struct hkp_mem mem;
    uint32_t max_items, max_depth, max_visits;
    uint32_t visits;
    struct hkp_ter__found_list items, modules;
    struct hkp_ter_item *spec_items;
    struct hkp_ter_name *spec_allow;
    char maps_path[HKP_TER__EXPAND_PATH_CAP];
};

/** Fills diag, if there is one, and gives status back. */
hkp_status hkp_ter__expand_refuse(struct hkp_ter_diag *diag, hkp_status status, const char *path,
                                  const char *reason, int error);

/** Is this an absolute path without empty, "." and ".." names and without a slash at its end? */
int hkp_ter__expand_is_path(const char *path);

/** Adds a path that was found, [len] bytes. */
hkp_status hkp_ter__expand_found(struct hkp_ter_expand *expand, const char *path, size_t len, uint32_t kind,
                                 struct hkp_ter_diag *diag);

#endif
