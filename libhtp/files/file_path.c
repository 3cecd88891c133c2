/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names: what may be a path, and which extension it has (HTP-13.6, 13.7). */
#include <string.h>

#include "libhtp/files/file_names.h"
#include "libhtp/files/file_wire.h"
#include "libter/utf8.h"

const char hkp_htp__file_extensions_default[] = "cbor csv json log pcap pcapng ter txt yaml";

int hkp_htp__file_text(const uint8_t *text, size_t len) {
    for (size_t i = 0, n; i < len; i += n) {
        n = hkp_utf8_character(text + i, len - i);
        if (n == 0 || text[i] < 0x20 || text[i] == 0x7F) return 0;
        if (n == 2 && text[i] == 0xC2 && text[i + 1] < 0xA0) return 0; /* control characters, too */
    }
    return 1;
}

int hkp_htp__file_name(const uint8_t *name, size_t len) {
    return hkp_htp__file_name_ok((const char *)name, len);
}

uint32_t hkp_htp__file_path(const uint8_t *path, size_t len, int root_ok, const uint8_t **relative,
                            size_t *relative_len) {
    if (len < 1 || len > HKP_HTP_FILE_PATH_MAX) return HKP_HTP_FILE_INVALID_PATH;
    const size_t at = path[0] == '/';
    if (at == len && !root_ok) return HKP_HTP_FILE_INVALID_PATH;
    if (!hkp_htp__file_path_ok((const char *)path + at, len - at)) return HKP_HTP_FILE_INVALID_PATH;
    *relative = path + at;
    *relative_len = len - at;
    return HKP_HTP_FILE_OK;
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 0x20) : c; }

/* Whether a word of the list, which is in lower case, is this one. */
static int same(const char *word, size_t n, const char *ext, size_t len) {
    if (n != len) return 0;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)word[i] != lower((uint8_t)ext[i])) return 0;
    return 1;
}

int hkp_htp__file_extension(const char *list, const char *path, size_t len) {
    size_t start = len, dot;
    while (start > 0 && path[start - 1] != '/') start--;
    for (dot = len; dot > start && path[dot - 1] != '.';) dot--;
    /* No dot, or only a leading one: the empty extension, which the list calls "."; so has "a.". */
    const int none = dot <= start + 1 || dot == len;
    const char *ext = none ? "." : path + dot;
    const size_t ext_len = none ? 1 : len - dot;
    for (const char *word = list; *word != 0;) {
        const size_t n = strcspn(word, " ");
        if (same(word, n, ext, ext_len)) return 1;
        word += n;
        if (*word == ' ') word++;
    }
    return 0;
}

int hkp_htp__file_extensions(const char *list) {
    const size_t len = strlen(list);
    size_t word = 0;
    if (len > HKP_HTP_FILE_PATH_MAX) return 0;
    for (size_t i = 0; i <= len; i++) {
        const uint8_t c = (uint8_t)list[i];
        if (c == ' ' || c == 0) {
            if (word == 0 && len > 0) return 0;
            word = 0;
        } else if (c < 0x20 || c == 0x7F || c == '/' || (c >= 'A' && c <= 'Z') ||
                   (c == '.' && (word > 0 || (list[i + 1] != ' ' && list[i + 1] != 0)))) {
            return 0;
        } else {
            word++;
        }
    }
    return 1;
}
