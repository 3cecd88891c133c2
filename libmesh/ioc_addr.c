/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Addresses and prefixes as indicators: types 1 to 4. */
#include "libmesh/ioc.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int hkp_mesh__ip6_is_mapped(const uint8_t ip[16]) {
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

/* Decimal number without leading zeros and of at most max, from text[*at]; -1 on a fault. */
static int read_decimal(const char *text, size_t len, size_t *at, int max) {
    const size_t start = *at;
    int v = 0;
    while (*at < len && text[*at] >= '0' && text[*at] <= '9') {
        v = v * 10 + (text[*at] - '0');
        if (v > max || (*at > start && text[start] == '0')) return -1;
        (*at)++;
    }
    return *at > start ? v : -1;
}

int hkp_mesh__ip4_parse(const char *text, size_t len, uint8_t ip[4]) {
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (at == len || text[at++] != '.')) return -1;
        const int v = read_decimal(text, len, &at, 255);
        if (v < 0) return -1;
        ip[i] = (uint8_t)v;
    }
    return at == len ? 0 : -1;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* RFC 4291 2.2: groups, at most one "::", dotted decimal in the last place. No zone. */
int hkp_mesh__ip6_parse(const char *text, size_t len, uint8_t ip[16]) {
    uint8_t out[16] = {0};
    size_t at = 0, n = 0, gap = SIZE_MAX;
    if (len >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < len) {
        const size_t start = at;
        unsigned v = 0;
        while (at < len && at - start < 4 && hex_value(text[at]) >= 0)
            v = v << 4 | (unsigned)hex_value(text[at++]);
        if (at < len && text[at] == '.') {
            if (n > 12 || hkp_mesh__ip4_parse(text + start, len - start, out + n) != 0) return -1;
            n += 4;
            at = len;
            break;
        }
        if (at == start || n == 16) return -1;
        out[n++] = (uint8_t)(v >> 8);
        out[n++] = (uint8_t)v;
        if (at == len) break;
        if (text[at++] != ':' || at == len) return -1;
        if (text[at] == ':') {
            if (gap != SIZE_MAX) return -1;
            gap = n;
            at++;
        }
    }
    if (gap == SIZE_MAX ? n != 16 : n > 14) return -1;
    memset(ip, 0, 16);
    if (gap == SIZE_MAX) gap = n;
    memcpy(ip, out, gap);
    memcpy(ip + 16 - (n - gap), out + gap, n - gap);
    return 0;
}

static size_t print_decimal(unsigned v, char *out) {
    char digits[10];
    size_t n = 0, len = 0;
    do digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (n > 0) out[len++] = digits[--n];
    return len;
}

size_t hkp_mesh__ip4_print(const uint8_t ip[4], char out[HKP_MESH__ADDR_TEXT_MAX]) {
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0) out[len++] = '.';
        len += print_decimal(ip[i], out + len);
    }
    out[len] = 0;
    return len;
}

/* RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
size_t hkp_mesh__ip6_print(const uint8_t ip[16], char out[HKP_MESH__ADDR_TEXT_MAX]) {
    static const char hex[] = "0123456789abcdef";
    unsigned group[8], best = 8, best_len = 1;
    for (unsigned i = 0; i < 8; i++) group[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;
        while (i + run < 8 && group[i + run] == 0) run++;
        if (run > best_len) best = i, best_len = run;
    }
    size_t len = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            out[len++] = ':';
            out[len++] = ':';
            i += best_len - 1;
            continue;
        }
        if (len > 0 && out[len - 1] != ':') out[len++] = ':';
        int started = 0;
        for (int shift = 12; shift >= 0; shift -= 4) {
            const unsigned nibble = group[i] >> shift & 15;
            started |= nibble != 0 || shift == 0;
            if (started) out[len++] = hex[nibble];
        }
    }
    out[len] = 0;
    return len;
}

struct range4 {
    uint32_t net;
    uint32_t bits;
};

/* M-IOC-2 */
static const struct range4 reserved4[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
    {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
};

int hkp_mesh__ip4_reserved(const uint8_t ip[4]) {
    const uint32_t a = (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
    for (size_t i = 0; i < sizeof reserved4 / sizeof reserved4[0]; i++)
        if ((a ^ reserved4[i].net) >> (32 - reserved4[i].bits) == 0) return 1;
    return 0;
}

/* M-IOC-2: all outside 2000::/3, and 2001::/23, 2001:db8::/32, 2002::/16, 3fff::/20. */
int hkp_mesh__ip6_reserved(const uint8_t ip[16]) {
    const uint32_t a = (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
    return a >> 29 != 1 || a >> 9 == 0x20010000U >> 9 || a == 0x20010db8U || a >> 16 == 0x2002 ||
           a >> 12 == 0x3fff0000U >> 12;
}

static int has_host_bits(const uint8_t *ip, size_t size, unsigned bits) {
    for (size_t i = 0; i < size; i++) {
        const unsigned kept = bits > 8 * i ? bits - 8 * (unsigned)i : 0;
        if (kept < 8 && (uint8_t)(ip[i] << kept) != 0) return 1;
    }
    return 0;
}

/* Address bytes with their prefix length; a whole address loses it, an IPv4-mapped one becomes IPv4. */
static hkp_status finish(const uint8_t *ip, size_t size, unsigned bits, uint32_t *out_type, uint8_t value[17],
                         size_t *value_len) {
    if (has_host_bits(ip, size, bits)) return HKP_E_MESH_IOC_HOSTBITS;
    if (size == 16 && bits >= 96 && hkp_mesh__ip6_is_mapped(ip)) {
        ip += 12;
        size = 4;
        bits -= 96;
    }
    memcpy(value, ip, size);
    *value_len = size;
    if (bits == 8 * size) {
        *out_type = size == 4 ? HKP_MESH_IOC_IP4 : HKP_MESH_IOC_IP6;
    } else {
        *out_type = size == 4 ? HKP_MESH_IOC_CIDR4 : HKP_MESH_IOC_CIDR6;
        value[(*value_len)++] = (uint8_t)bits;
    }
    return HKP_OK;
}

hkp_status hkp_mesh__addr_canonicalise(uint32_t type, const char *text, size_t len, uint32_t *out_type,
                                       uint8_t value[17], size_t *value_len) {
    const int is4 = type == HKP_MESH_IOC_IP4 || type == HKP_MESH_IOC_CIDR4;
    const size_t size = is4 ? 4 : 16;
    size_t addr_len = len;
    int bits = (int)(8 * size);
    if (type == HKP_MESH_IOC_CIDR4 || type == HKP_MESH_IOC_CIDR6) {
        const char *slash = memchr(text, '/', len);
        if (slash == NULL) return HKP_E_MESH_IOC_VALUE;
        addr_len = (size_t)(slash - text);
        size_t at = addr_len + 1;
        bits = read_decimal(text, len, &at, bits);
        if (bits < 0 || at != len) return HKP_E_MESH_IOC_VALUE;
    }
    uint8_t ip[16];
    if ((is4 ? hkp_mesh__ip4_parse(text, addr_len, ip) : hkp_mesh__ip6_parse(text, addr_len, ip)) != 0)
        return HKP_E_MESH_IOC_VALUE;
    return finish(ip, size, (unsigned)bits, out_type, value, value_len);
}

hkp_status hkp_mesh__addr_check(uint32_t type, const uint8_t *value, size_t len) {
    const int is4 = type == HKP_MESH_IOC_IP4 || type == HKP_MESH_IOC_CIDR4;
    const int is_prefix = type == HKP_MESH_IOC_CIDR4 || type == HKP_MESH_IOC_CIDR6;
    const size_t size = is4 ? 4 : 16;
    if (len != size + (size_t)is_prefix) return HKP_E_MESH_IOC_VALUE;
    if (is_prefix) {
        const unsigned bits = value[size];
        if (bits >= 8 * size) return HKP_E_MESH_IOC_VALUE;
        if (!is4 && bits >= 96 && hkp_mesh__ip6_is_mapped(value)) return HKP_E_MESH_IOC_VALUE;
        if (has_host_bits(value, size, bits)) return HKP_E_MESH_IOC_HOSTBITS;
        if (bits < (is4 ? 24U : 48U)) return HKP_E_MESH_IOC_PREFIX;
    } else if (!is4 && hkp_mesh__ip6_is_mapped(value)) {
        return HKP_E_MESH_IOC_VALUE;
    }
    return (is4 ? hkp_mesh__ip4_reserved(value) : hkp_mesh__ip6_reserved(value)) ? HKP_E_MESH_IOC_RESERVED
                                                                                 : HKP_OK;
}
