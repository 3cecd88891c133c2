/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and paths of files. */
#include "libhtp/file/names.h"

#include <hookprobe/htp/store.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the character at s[0..len), which is well-formed UTF-8 (Unicode table 3-7), or 0. */
static size_t character(const uint8_t *s, size_t len) {
    const uint8_t b = s[0];
    const size_t n = b < 0x80 ? 1 : b < 0xC2 ? 0 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF5 ? 4 : 0;
    if (n < 2) return n;
    if (n > len) return 0;
    const uint8_t least = b == 0xE0   ? 0xA0
                          : b == 0xF0 ? 0x90
                                      : 0x80,
                  most = b == 0xED   ? 0x9F
                         : b == 0xF4 ? 0x8F
                                     : 0xBF;
    if (s[1] < least || s[1] > most) return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return n;
}

int hkp_htp__file_name_ok(const char *name, size_t len) {
    const uint8_t *s = (const uint8_t *)name;
    if (len == 0 || len > HKP_HTP_FILE_NAME_MAX) return 0;
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) return 0;
    if (len >= 5 && memcmp(name, ".htp-", 5) == 0) return 0;
    for (size_t i = 0, n; i < len; i += n) {
        if (s[i] < 0x20 || s[i] == 0x7F || s[i] == '\\' || s[i] == '/') return 0;
        n = character(s + i, len - i);
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
