/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Paths as text (RFC 4291, RFC 4007, RFC 5952), without the system's resolver. */
#include <hookprobe/htp.h>

#include <string.h>

#include "libter/bytes.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* A number up to max in decimal without superfluous zeros; moves *p behind it. */
static int read_decimal(const char **p, uint32_t max, uint32_t *out) {
    const char *s = *p;
    uint64_t v = 0;
    if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9')) return 0;
    while (*s >= '0' && *s <= '9') {
        v = v * 10 + (uint64_t)(*s++ - '0');
        if (v > max) return 0;
    }
    *out = (uint32_t)v;
    *p = s;
    return 1;
}

static int read_v4(const char **p, uint8_t out[4]) {
    for (int i = 0; i < 4; i++) {
        uint32_t v;
        if (i > 0 && *(*p)++ != '.') return 0;
        if (!read_decimal(p, 255, &v)) return 0;
        out[i] = (uint8_t)v;
    }
    return 1;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_group(const char **p, uint16_t *out) {
    unsigned v = 0, n = 0;
    for (int d; n < 4 && (d = hex_digit(**p)) >= 0; n++, (*p)++) v = v << 4 | (unsigned)d;
    *out = (uint16_t)v;
    return n > 0;
}

/* Up to eight groups with at most one "::"; the last two may be an IPv4 address. */
static int read_v6(const char **p, uint8_t out[16]) {
    uint8_t bytes[16] = {0};
    size_t n = 0, gap = 17;
    if ((*p)[0] == ':' && (*p)[1] == ':') {
        gap = 0;
        *p += 2;
    }
    while (n < 16 && hex_digit(**p) >= 0) {
        const char *start = *p;
        uint16_t group;
        if (!read_group(p, &group)) return 0;
        if (**p == '.') {
            *p = start;
            if (n > 12 || !read_v4(p, bytes + n)) return 0;
            n += 4;
            break;
        }
        hkp_put_be16(bytes + n, group);
        n += 2;
        if (**p != ':') break;
        (*p)++;
        if (**p == ':') {
            if (gap <= 16) return 0;
            gap = n;
            (*p)++;
        } else if (n == 16 || hex_digit(**p) < 0) {
            return 0;
        }
    }
    if ((gap > 16) != (n == 16)) return 0;
    if (gap > 16) gap = n;
    memset(out, 0, 16);
    memcpy(out, bytes, gap);
    memcpy(out + 16 - (n - gap), bytes + gap, n - gap);
    return 1;
}

hkp_status hkp_htp_path_parse(const char *text, struct hkp_htp_path *out) {
    if (text == NULL || out == NULL) return HKP_E_INVAL;
    struct hkp_htp_path path;
    uint32_t port;
    const char *p = text;
    memset(&path, 0, sizeof path);
    if (*p == '[') {
        p++;
        if (!read_v6(&p, path.addr)) return HKP_E_INVAL;
        if (*p == '%' && (p++, !read_decimal(&p, UINT32_MAX, &path.scope))) return HKP_E_INVAL;
        if (*p++ != ']') return HKP_E_INVAL;
    } else {
        memcpy(path.addr, mapped, sizeof mapped);
        if (!read_v4(&p, path.addr + 12)) return HKP_E_INVAL;
    }
    if (*p++ != ':' || !read_decimal(&p, UINT16_MAX, &port) || *p != 0) return HKP_E_INVAL;
    path.port = (uint16_t)port;
    *out = path;
    return HKP_OK;
}

static char *put_number(char *p, uint32_t v, unsigned base) {
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    while (n > 0) *p++ = digits[--n];
    return p;
}

static char *put_v4(char *p, const uint8_t addr[4]) {
    for (int i = 0; i < 4; i++) {
        if (i > 0) *p++ = '.';
        p = put_number(p, addr[i], 10);
    }
    return p;
}

/* RFC 5952: the first longest run of at least two zero groups becomes "::". */
static char *put_v6(char *p, const uint8_t addr[16]) {
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        int len = 0;
        while (i + len < 8 && hkp_be16(addr + 2 * (i + len)) == 0) len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            *p++ = ':';
            *p++ = ':';
            i += best_len - 1;
            continue;
        }
        if (i > 0 && p[-1] != ':') *p++ = ':';
        p = put_number(p, hkp_be16(addr + 2 * i), 16);
    }
    return p;
}

hkp_status hkp_htp_path_format(const struct hkp_htp_path *path, char *dst, size_t cap) {
    if (path == NULL || dst == NULL) return HKP_E_INVAL;
    char text[HKP_HTP_PATH_TEXT_MAX], *p = text;
    if (memcmp(path->addr, mapped, sizeof mapped) == 0) {
        p = put_v4(p, path->addr + 12);
    } else {
        *p++ = '[';
        p = put_v6(p, path->addr);
        if (path->scope != 0) {
            *p++ = '%';
            p = put_number(p, path->scope, 10);
        }
        *p++ = ']';
    }
    *p++ = ':';
    p = put_number(p, path->port, 10);
    *p++ = 0;
    if ((size_t)(p - text) > cap) return HKP_E_NOSPC;
    memcpy(dst, text, (size_t)(p - text));
    return HKP_OK;
}
