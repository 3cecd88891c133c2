/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Indicators: the table of types, and what is the same for all of them (M-IOC-1, M-IOC-5). */
#include "libmesh/ioc.h"

#include <sodium.h>
#include <string.h>

#define DAY_S 86400U

struct type {
    const char *name;
    uint32_t ttl_max_s;
    /** bytes of a digest; 0: another form */
    uint32_t digest;
    int is_text;
};

/* mesh.md 9.1; the index is the type. */
static const struct type types[] = {
    {NULL, 0, 0, 0},
    {"ip4", 7 * DAY_S, 0, 0},
    {"ip6", 7 * DAY_S, 0, 0},
    {"cidr4", 7 * DAY_S, 0, 0},
    {"cidr6", 7 * DAY_S, 0, 0},
    {"domain", 30 * DAY_S, 0, 1},
    {"url", 30 * DAY_S, 0, 1},
    {"sha256", 365 * DAY_S, 32, 0},
    {"sha1", 365 * DAY_S, 20, 0},
    {"md5", 365 * DAY_S, 16, 0},
    {"ja3", 90 * DAY_S, 16, 0},
    {"ja4", 90 * DAY_S, 0, 1},
    {"email", 30 * DAY_S, 0, 1},
};

static int exists(uint32_t type) { return type >= 1 && type < sizeof types / sizeof types[0]; }

const char *hkp_mesh_ioc_type_name(uint32_t ioc_type) {
    return exists(ioc_type) ? types[ioc_type].name : NULL;
}

uint32_t hkp_mesh_ioc_type_find(const char *name, size_t name_len) {
    for (uint32_t t = 1; exists(t); t++)
        if (strlen(types[t].name) == name_len && memcmp(types[t].name, name, name_len) == 0) return t;
    return 0;
}

uint64_t hkp_mesh_ioc_ttl_max(uint32_t ioc_type) { return exists(ioc_type) ? types[ioc_type].ttl_max_s : 0; }

int hkp_mesh__ioc_is_text(uint32_t type) { return types[type].is_text; }

const char *hkp_mesh_threat_name(uint32_t threat) {
    static const char *const names[] = {
        NULL,          "port_scan", "ddos",         "malware",          "c2",     "phishing",
        "brute_force", "exploit",   "exfiltration", "lateral_movement", "botnet", "spam",
        "anomaly",     "rogue_ai",  "mitm",         "dns_abuse",        "policy"};
    return threat < sizeof names / sizeof names[0] ? names[threat] : NULL;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static hkp_status digest_parse(const char *text, size_t len, size_t bytes, uint8_t *value) {
    if (len != 2 * bytes) return HKP_E_MESH_IOC_VALUE;
    for (size_t i = 0; i < bytes; i++) {
        const int hi = hex_value(text[2 * i]), lo = hex_value(text[2 * i + 1]);
        if (hi < 0 || lo < 0) return HKP_E_MESH_IOC_VALUE;
        value[i] = (uint8_t)(hi << 4 | lo);
    }
    return HKP_OK;
}

/* JA4 as printed, a_b_c: protocol, version, SNI, two counts and ALPN; then two truncated digests. */
static hkp_status ja4_check(const char *text, size_t len) {
    static const char form[] = "pvvsddddaa_xxxxxxxxxxxx_xxxxxxxxxxxx";
    if (len != sizeof form - 1) return HKP_E_MESH_IOC_VALUE;
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9', small = c >= 'a' && c <= 'z', large = c >= 'A' && c <= 'Z';
        int good = 0;
        switch (form[i]) {
        case 'p':
            good = c == 't' || c == 'q' || c == 'd';
            break;
        case 'v':
            good = digit || small;
            break;
        case 's':
            good = c == 'd' || c == 'i';
            break;
        case 'd':
            good = digit;
            break;
        case 'a':
            good = digit || small || large;
            break;
        case 'x':
            good = digit || (c >= 'a' && c <= 'f');
            break;
        default:
            good = c == '_';
            break;
        }
        if (!good) return HKP_E_MESH_IOC_VALUE;
    }
    return HKP_OK;
}

static int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The largest form of any type fits value[HKP_MESH_IOC_VALUE_MAX]. */
static hkp_status canonicalise(uint32_t type, const char *text, size_t len, uint32_t *out_type,
                               uint8_t *value, size_t *value_len) {
    hkp_status st;
    *out_type = type;
    switch (type) {
    case HKP_MESH_IOC_IP4:
    case HKP_MESH_IOC_IP6:
    case HKP_MESH_IOC_CIDR4:
    case HKP_MESH_IOC_CIDR6:
        return hkp_mesh__addr_canonicalise(type, text, len, out_type, value, value_len);
    case HKP_MESH_IOC_DOMAIN:
        return hkp_mesh__domain_canonicalise(text, len, (char *)value, value_len);
    case HKP_MESH_IOC_URL:
        return hkp_mesh__url_canonicalise(text, len, value, value_len);
    case HKP_MESH_IOC_EMAIL:
        return hkp_mesh__email_canonicalise(text, len, value, value_len);
    case HKP_MESH_IOC_JA4:
        st = ja4_check(text, len);
        if (st == HKP_OK) memcpy(value, text, *value_len = len);
        return st;
    default: /* digests */
        st = digest_parse(text, len, types[type].digest, value);
        if (st == HKP_OK) *value_len = types[type].digest;
        return st;
    }
}

hkp_status hkp_mesh_ioc_canonicalise(uint32_t ioc_type, const char *text, size_t text_len, uint32_t *out_type,
                                     uint8_t *value, size_t cap, size_t *value_len) {
    if (!exists(ioc_type)) return HKP_E_MESH_IOC_TYPE;
    while (text_len > 0 && is_space(text[text_len - 1])) text_len--;
    while (text_len > 0 && is_space(text[0])) text++, text_len--;
    if (text_len == 0 || text_len > HKP_MESH__TEXT_IN_MAX) return HKP_E_MESH_IOC_VALUE;
    uint8_t work[HKP_MESH_IOC_VALUE_MAX];
    uint32_t type = 0;
    size_t len = 0;
    const hkp_status st = canonicalise(ioc_type, text, text_len, &type, work, &len);
    if (st != HKP_OK) return st;
    if (len > cap) return HKP_E_NOSPC;
    memcpy(value, work, len);
    *value_len = len;
    *out_type = type;
    return HKP_OK;
}

hkp_status hkp_mesh__ioc_check(uint32_t type, int is_text, const uint8_t *value, size_t len) {
    if (!exists(type)) return HKP_E_MESH_IOC_TYPE;
    if (is_text != types[type].is_text) return HKP_E_MESH_IOC_VALUE;
    const char *text = (const char *)value;
    hkp_status st;
    switch (type) {
    case HKP_MESH_IOC_IP4:
    case HKP_MESH_IOC_IP6:
    case HKP_MESH_IOC_CIDR4:
    case HKP_MESH_IOC_CIDR6:
        return hkp_mesh__addr_check(type, value, len);
    case HKP_MESH_IOC_DOMAIN:
        st = hkp_mesh__domain_form(text, len);
        return st == HKP_OK && hkp_mesh__domain_reserved(text, len) ? HKP_E_MESH_IOC_RESERVED : st;
    case HKP_MESH_IOC_URL:
        return hkp_mesh__url_check(text, len);
    case HKP_MESH_IOC_EMAIL:
        return hkp_mesh__email_check(text, len);
    case HKP_MESH_IOC_JA4:
        return ja4_check(text, len);
    default:
        return len == types[type].digest ? HKP_OK : HKP_E_MESH_IOC_VALUE;
    }
}

hkp_status hkp_mesh_ioc_check(uint32_t ioc_type, const uint8_t *value, size_t value_len) {
    if (!exists(ioc_type)) return HKP_E_MESH_IOC_TYPE;
    return hkp_mesh__ioc_check(ioc_type, types[ioc_type].is_text, value, value_len);
}

/* M-IOC-5 with D-HASH-1; the label's NUL is part of it. */
void hkp_mesh_ioc_key(uint32_t ioc_type, const uint8_t *value, size_t value_len, uint8_t key[16]) {
    static const char label[] = "HKP1 ioc";
    const uint8_t type = (uint8_t)ioc_type;
    crypto_generichash_state state;
    uint8_t digest[32];
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    crypto_generichash_update(&state, (const uint8_t *)label, sizeof label);
    crypto_generichash_update(&state, &type, 1);
    crypto_generichash_update(&state, value, value_len);
    crypto_generichash_final(&state, digest, sizeof digest);
    memcpy(key, digest, 16);
}

/* An address or prefix as text; returns its length, 0 if the value has another size. */
static size_t addr_text(uint32_t type, const uint8_t *value, size_t len, char out[HKP_MESH__ADDR_TEXT_MAX]) {
    const int is4 = type == HKP_MESH_IOC_IP4 || type == HKP_MESH_IOC_CIDR4;
    const int prefix = type == HKP_MESH_IOC_CIDR4 || type == HKP_MESH_IOC_CIDR6;
    const size_t size = is4 ? 4 : 16;
    if (len != size + (size_t)prefix) return 0;
    size_t n = is4 ? hkp_mesh__ip4_print(value, out) : hkp_mesh__ip6_print(value, out);
    if (!prefix) return n;
    const unsigned bits = value[size];
    out[n++] = '/';
    if (bits >= 100) out[n++] = (char)('0' + bits / 100);
    if (bits >= 10) out[n++] = (char)('0' + bits / 10 % 10);
    out[n++] = (char)('0' + bits % 10);
    return n;
}

hkp_status hkp_mesh_ioc_text(uint32_t ioc_type, const uint8_t *value, size_t value_len, char *text,
                             size_t cap) {
    char work[HKP_MESH__ADDR_TEXT_MAX];
    const char *from = (const char *)value;
    size_t len = value_len;
    if (!exists(ioc_type)) return HKP_E_MESH_IOC_TYPE;
    if (ioc_type <= HKP_MESH_IOC_CIDR6) {
        len = addr_text(ioc_type, value, value_len, work);
        from = work;
        if (len == 0) return HKP_E_MESH_IOC_VALUE;
    } else if (types[ioc_type].digest > 0) {
        if (value_len != types[ioc_type].digest) return HKP_E_MESH_IOC_VALUE;
        if (cap < 2 * value_len + 1) return HKP_E_NOSPC;
        sodium_bin2hex(text, cap, value, value_len);
        return HKP_OK;
    }
    if (len > HKP_MESH_IOC_VALUE_MAX) return HKP_E_MESH_IOC_VALUE;
    if (cap < len + 1) return HKP_E_NOSPC;
    memcpy(text, from, len);
    text[len] = 0;
    return HKP_OK;
}
