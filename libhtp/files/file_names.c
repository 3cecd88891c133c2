/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and paths of files. */
#include "libhtp/files/file_names.h"

#include <hookprobe/htp/store.h>
#include <string.h>

#include "libter/utf8.h"

int hkp_htp__file_name_ok(const char *name, size_t len) {
    const uint8_t *s = (const uint8_t *)name;
    if (len == 0 || len > HKP_HTP_FILE_NAME_MAX) return 0;
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) return 0;
    if (len >= 5 && memcmp(name, ".htp-", 5) == 0) return 0;
    for (size_t i = 0, n; i < len; i += n) {
        if (s[i] < 0x20 || s[i] == 0x7F || s[i] == '\\' || s[i] == '/') return 0;
        n = hkp_utf8_character(s + i, len - i);
        if (n == 0) return 0;
    }
    return 1;
}

int hkp_htp__file_path_ok(const char *path, size_t len) {
    if (len > HKP_HTP_FILE_PATH_MAX) return 0;
    if (len == 0) return 1;
    for (size_t parts = 1; parts <= HKP_HTP__FILE_PARTS_MAX; parts++) {
        const char *slash = memchr(path, '/', len);
        const size_t part = slash == NULL ? len : (size_t)(slash - path);
        if (!hkp_htp__file_name_ok(path, part)) return 0;
        if (slash == NULL) return 1;
        path += part + 1;
        len -= part + 1;
    }
    return 0;
}
