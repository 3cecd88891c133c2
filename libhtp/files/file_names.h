/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and paths of files (HTP-13.6). */
#ifndef HKP_LIBHTP_FILES_FILE_NAMES_H
#define HKP_LIBHTP_FILES_FILE_NAMES_H

#include <stddef.h>

/* Parts of a path; HKP_HTP_FILE_PATH_MAX and _NAME_MAX are its other bounds. */
enum { HKP_HTP__FILE_PARTS_MAX = 32 };

/** 1 if name[0..len) may be a part of a path. */
int hkp_htp__file_name_ok(const char *name, size_t len);

/** 1 if path[0..len) is one: names with '/' between them, none at either end; "" is the root and is one. */
int hkp_htp__file_path_ok(const char *path, size_t len);

#endif
