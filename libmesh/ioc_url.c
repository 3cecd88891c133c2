/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* URLs as indicators: type 6 (M-IOC-4, RFC 3986). */
#include "libmesh/ioc.h"

#include <string.h>

/** Text that grows up to its limit and then stays broken. */
struct sink {
    char *out;
    size_t cap;
    size_t len;
    int broken;
};

static void put(struct sink *s, const char *text, size_t len) {
    if (len > s->cap - s->len) s->broken = 1;
    if (s->broken) return;
    memcpy(s->out + s->len, text, len);
    s->len += len;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static int is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~", c) != NULL);
}

/* RFC 3986 pchar and "/", and "?" in a query; the percent sign is handled apart. */
static int is_kept(char c, int query) {
    return is_unreserved(c) || (c != 0 && strchr("!$&'()*+,;=:@/", c) != NULL) || (query && c == '?');
}

/* Unreserved characters decoded, all others that may not stand as they are as %XX. */
static void put_normalised(struct sink *s, const char *text, size_t len, int query) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int escaped = 0;
        if (c == '%') {
            const int hi = i + 2 < len ? hex_value(text[i + 1]) : -1,
                      lo = i + 2 < len ? hex_value(text[i + 2]) : -1;
            if (hi < 0 || lo < 0) s->broken = 1;
            if (s->broken) return;
            c = (char)(hi << 4 | lo);
            i += 2;
            escaped = 1;
        } else if ((uint8_t)c <= ' ' || c == 0x7f) {
            s->broken = 1;
            return;
        }
        if (is_unreserved(c) || (!escaped && is_kept(c, query))) {
            put(s, &c, 1);
        } else {
            const char xx[3] = {'%', hex[(uint8_t)c >> 4], hex[(uint8_t)c & 15]};
            put(s, xx, 3);
        }
    }
}

/* RFC 3986 5.2.4, in place, for a path that is empty or begins with "/". */
static size_t remove_dot_segments(char *path, size_t len) {
    size_t in = 0, out = 0;
    while (in < len) {
        size_t end = in + 1;
        while (end < len && path[end] != '/') end++;
        const size_t n = end - in; /* segment with its leading slash */
        const int one = n == 2 && path[in + 1] == '.',
                  two = n == 3 && path[in + 1] == '.' && path[in + 2] == '.';
        if (two)
            while (out > 0 && path[--out] != '/') continue;
        if (one || two) {
            if (end == len) path[out++] = '/';
        } else {
            memmove(path + out, path + in, n);
            out += n;
        }
        in = end;
    }
    return out;
}

struct scheme {
    const char *name;
    size_t len;
    unsigned port;
};

static const struct scheme schemes[] = {{"http", 4, 80}, {"https", 5, 443}, {"ftp", 3, 21}};

static const struct scheme *find_scheme(const char *text, size_t len) {
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const struct scheme *s = &schemes[i];
        if (len < s->len + 3 || memcmp(text + s->len, "://", 3) != 0) continue;
        size_t same = 0;
        while (same < s->len && (text[same] | 0x20) == s->name[same]) same++;
        if (same == s->len) return s;
    }
    return NULL;
}

/* ":" and digits behind a host, or nothing; the scheme's own port and an empty one are dropped. */
static void put_port(struct sink *s, const char *text, size_t len, unsigned usual) {
    unsigned port = 0;
    if (len == 0) return;
    if (text[0] != ':') s->broken = 1;
    for (size_t i = 1; i < len && !s->broken; i++) {
        if (text[i] < '0' || text[i] > '9') s->broken = 1;
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > 65535) s->broken = 1;
    }
    if (len > 1 && port == 0) s->broken = 1;
    if (len == 1 || port == usual || s->broken) return;
    char digits[6] = {':'};
    size_t n = 1;
    for (unsigned scale = 10000; scale > 0; scale /= 10)
        if (port >= scale) digits[n++] = (char)('0' + port / scale % 10);
    put(s, digits, n);
}

static hkp_status put_host(struct sink *s, const char *host, size_t len) {
    uint8_t ip[16];
    char
        text[HKP_MESH__DOMAIN_MAX > HKP_MESH__ADDR_TEXT_MAX ? HKP_MESH__DOMAIN_MAX : HKP_MESH__ADDR_TEXT_MAX];
    size_t n = 0;
    if (hkp_mesh__ip4_parse(host, len, ip) == 0) {
        n = hkp_mesh__ip4_print(ip, text);
    } else {
        const hkp_status st = hkp_mesh__domain_canonicalise(host, len, text, &n);
        if (st != HKP_OK) return st;
    }
    put(s, text, n);
    return HKP_OK;
}

static hkp_status put_literal(struct sink *s, const char *text, size_t len) {
    uint8_t ip[16];
    char out[HKP_MESH__ADDR_TEXT_MAX];
    if (hkp_mesh__ip6_parse(text, len, ip) != 0) return HKP_E_MESH_IOC_VALUE;
    if (hkp_mesh__ip6_is_mapped(ip)) {
        put(s, out, hkp_mesh__ip4_print(ip + 12, out));
    } else {
        put(s, "[", 1);
        put(s, out, hkp_mesh__ip6_print(ip, out));
        put(s, "]", 1);
    }
    return HKP_OK;
}

static hkp_status put_authority(struct sink *s, const char *text, size_t len, unsigned usual) {
    if (memchr(text, '@', len) != NULL) return HKP_E_MESH_IOC_VALUE;
    size_t host_len = 0;
    hkp_status st;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (close == NULL) return HKP_E_MESH_IOC_VALUE;
        host_len = (size_t)(close - text) + 1;
        st = put_literal(s, text + 1, host_len - 2);
    } else {
        while (host_len < len && text[host_len] != ':') host_len++;
        st = put_host(s, text, host_len);
    }
    if (st == HKP_OK) put_port(s, text + host_len, len - host_len, usual);
    return st;
}

hkp_status hkp_mesh__url_canonicalise(const char *text, size_t len, uint8_t *value, size_t *value_len) {
    char work[HKP_MESH__TEXT_IN_MAX]; /* may be longer than the result until dot segments are gone */
    struct sink s = {.out = work, .cap = sizeof work};
    const struct scheme *scheme = find_scheme(text, len);
    if (scheme == NULL) return HKP_E_MESH_IOC_VALUE;
    put(&s, scheme->name, scheme->len);
    put(&s, "://", 3);

    size_t at = scheme->len + 3, start = at;
    while (at < len && text[at] != '/' && text[at] != '?' && text[at] != '#') at++;
    const hkp_status st = put_authority(&s, text + start, at - start, scheme->port);
    if (st != HKP_OK) return st;

    const size_t path_at = s.len;
    for (start = at; at < len && text[at] != '?' && text[at] != '#';) at++;
    put_normalised(&s, text + start, at - start, 0);
    if (s.broken) return HKP_E_MESH_IOC_VALUE;
    s.len = path_at + remove_dot_segments(work + path_at, s.len - path_at);
    if (s.len == path_at) put(&s, "/", 1);

    if (at < len && text[at] == '?') {
        for (start = ++at; at < len && text[at] != '#';) at++;
        if (at > start) put(&s, "?", 1);
        put_normalised(&s, text + start, at - start, 1);
    }
    if (s.broken || s.len > HKP_MESH_IOC_VALUE_MAX) return HKP_E_MESH_IOC_VALUE;
    memcpy(value, work, s.len);
    *value_len = s.len;
    return HKP_OK;
}

uint32_t hkp_mesh__url_host(const uint8_t *url, size_t len, uint8_t value[HKP_MESH__DOMAIN_MAX],
                            size_t *value_len) {
    const char *text = (const char *)url;
    const struct scheme *scheme = find_scheme(text, len);
    if (scheme == NULL) return 0;
    const char *host = text + scheme->len + 3;
    const size_t rest = len - scheme->len - 3;
    uint8_t ip[16];
    if (rest > 0 && host[0] == '[') {
        const char *close = memchr(host, ']', rest);
        if (close == NULL || hkp_mesh__ip6_parse(host + 1, (size_t)(close - host) - 1, ip) != 0) return 0;
        memcpy(value, ip, *value_len = 16);
        return HKP_MESH_IOC_IP6;
    }
    size_t n = 0;
    while (n < rest && host[n] != ':' && host[n] != '/') n++;
    if (hkp_mesh__ip4_parse(host, n, ip) == 0) {
        memcpy(value, ip, *value_len = 4);
        return HKP_MESH_IOC_IP4;
    }
    if (n > HKP_MESH__DOMAIN_MAX) return 0;
    memcpy(value, host, *value_len = n);
    return HKP_MESH_IOC_DOMAIN;
}

hkp_status hkp_mesh__url_check(const char *text, size_t len) {
    uint8_t again[HKP_MESH_IOC_VALUE_MAX], host[HKP_MESH__DOMAIN_MAX];
    size_t again_len = 0, host_len = 0;
    if (len > HKP_MESH_IOC_VALUE_MAX) return HKP_E_MESH_IOC_VALUE;
    for (size_t i = 0; i < len; i++)
        if (text[i] & 0x80) return HKP_E_MESH_IOC_VALUE; /* no Unicode table on the wire */
    if (hkp_mesh__url_canonicalise(text, len, again, &again_len) != HKP_OK || again_len != len ||
        memcmp(again, text, len) != 0)
        return HKP_E_MESH_IOC_VALUE;
    const uint32_t type = hkp_mesh__url_host(again, again_len, host, &host_len);
    const int reserved = type == HKP_MESH_IOC_IP4   ? hkp_mesh__ip4_reserved(host)
                         : type == HKP_MESH_IOC_IP6 ? hkp_mesh__ip6_reserved(host)
                                                    : hkp_mesh__domain_reserved((const char *)host, host_len);
    return reserved ? HKP_E_MESH_IOC_RESERVED : HKP_OK;
}
