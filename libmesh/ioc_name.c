/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Domains and mail addresses as indicators: types 5 and 12 (M-IOC-3). */
#include "libmesh/ioc.h"

#include <idn2.h>
#include <string.h>

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_lower(char c) { return c >= 'a' && c <= 'z'; }
static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

/* An xn-- label decodes to scalar values, one of them not ASCII, and encodes back to itself. */
static int punycode_good(const char *text, size_t len) {
    uint32_t points[HKP_MESH__LABEL_MAX];
    char again[HKP_MESH__LABEL_MAX];
    const int n = hkp_mesh__punycode_decode(text, len, points);
    int foreign = 0;
    for (int i = 0; i < n; i++) foreign |= points[i] >= 0x80;
    if (n < 0 || !foreign) return 0;
    const int back = hkp_mesh__punycode_encode(points, (size_t)n, again, sizeof again);
    return back == (int)len && memcmp(again, text, len) == 0;
}

static int label_good(const char *label, size_t len) {
    if (len == 0 || len > HKP_MESH__LABEL_MAX || label[0] == '-' || label[len - 1] == '-') return 0;
    for (size_t i = 0; i < len; i++)
        if (!is_lower(label[i]) && !is_digit(label[i]) && label[i] != '-' && label[i] != '_') return 0;
    if (len < 4 || label[2] != '-' || label[3] != '-') return 1;
    return label[0] == 'x' && label[1] == 'n' && punycode_good(label + 4, len - 4);
}

/* A last label that a resolver could read as a number would make the name an address. */
static int is_number(const char *label, size_t len) {
    if (len >= 2 && label[0] == '0' && label[1] == 'x') return 1;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(label[i])) return 0;
    return 1;
}

hkp_status hkp_mesh__domain_form(const char *name, size_t len) {
    if (len == 0 || len > HKP_MESH__DOMAIN_MAX) return HKP_E_MESH_IOC_VALUE;
    size_t start = 0, labels = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && name[i] != '.') continue;
        if (!label_good(name + start, i - start)) return HKP_E_MESH_IOC_VALUE;
        labels++;
        if (i == len && is_number(name + start, i - start)) return HKP_E_MESH_IOC_VALUE;
        start = i + 1;
    }
    return labels >= 2 ? HKP_OK : HKP_E_MESH_IOC_VALUE;
}

/* M-IOC-2 */
int hkp_mesh__domain_reserved(const char *name, size_t len) {
    static const char *const tops[] = {"local", "localhost", "test", "example", "invalid", "internal",
                                       "onion", "arpa",      "lan",  "home",    "corp"};
    size_t start = len;
    while (start > 0 && name[start - 1] != '.') start--;
    for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++)
        if (strlen(tops[i]) == len - start && memcmp(tops[i], name + start, len - start) == 0) return 1;
    return 0;
}

/* UTS 46, non-transitional, by libidn2, which takes NUL-terminated text and allocates. */
static hkp_status to_ascii(const char *text, size_t len, char out[HKP_MESH__DOMAIN_MAX + 1],
                           size_t *out_len) {
    char copy[4 * HKP_MESH__DOMAIN_MAX + 1];
    uint8_t *ascii = NULL;
    if (len >= sizeof copy) return HKP_E_MESH_IOC_VALUE;
    memcpy(copy, text, len);
    copy[len] = 0;
    const int rc = idn2_lookup_u8((const uint8_t *)copy, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    if (rc == IDN2_MALLOC) return HKP_E_NOMEM;
    if (rc != IDN2_OK) return HKP_E_MESH_IOC_VALUE;
    const size_t n = strlen((const char *)ascii);
    if (n <= HKP_MESH__DOMAIN_MAX + 1) memcpy(out, ascii, n);
    idn2_free(ascii);
    *out_len = n;
    return n <= HKP_MESH__DOMAIN_MAX + 1 ? HKP_OK : HKP_E_MESH_IOC_VALUE;
}

hkp_status hkp_mesh__domain_canonicalise(const char *text, size_t len, char out[HKP_MESH__DOMAIN_MAX],
                                         size_t *out_len) {
    char name[HKP_MESH__DOMAIN_MAX + 1]; /* with a final dot that UTS 46 may have made */
    size_t n = 0;
    int foreign = 0, dot = len > 0 && text[len - 1] == '.';
    if (dot) len--;
    for (size_t i = 0; i < len; i++) {
        foreign |= (text[i] & 0x80) != 0;
        if (text[i] == 0) return HKP_E_MESH_IOC_VALUE;
    }
    if (foreign) {
        const hkp_status st = to_ascii(text, len, name, &n);
        if (st != HKP_OK) return st;
        if (!dot && n > 0 && name[n - 1] == '.') n--;
    } else {
        if (len > HKP_MESH__DOMAIN_MAX) return HKP_E_MESH_IOC_VALUE;
        memcpy(name, text, len);
        n = len;
    }
    for (size_t i = 0; i < n; i++) name[i] = lower(name[i]);
    const hkp_status st = hkp_mesh__domain_form(name, n);
    if (st != HKP_OK) return st;
    memcpy(out, name, n);
    *out_len = n;
    return HKP_OK;
}

/* RFC 5322 atext, lower case. */
static int is_atext(char c) {
    return c != 0 && (is_lower(c) || is_digit(c) || strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Dot-atom of 1..64 bytes. */
static int local_good(const char *local, size_t len) {
    if (len == 0 || len > 64 || local[0] == '.' || local[len - 1] == '.') return 0;
    for (size_t i = 0; i < len; i++) {
        if (local[i] == '.' ? local[i - 1] == '.' : !is_atext(local[i])) return 0;
    }
    return 1;
}

hkp_status hkp_mesh__email_canonicalise(const char *text, size_t len, uint8_t *value, size_t *value_len) {
    const char *at = memchr(text, '@', len);
    if (at == NULL) return HKP_E_MESH_IOC_VALUE;
    const size_t n = (size_t)(at - text);
    char local[64], domain[HKP_MESH__DOMAIN_MAX];
    size_t domain_len = 0;
    if (n > sizeof local) return HKP_E_MESH_IOC_VALUE;
    for (size_t i = 0; i < n; i++) local[i] = lower(text[i]);
    if (!local_good(local, n)) return HKP_E_MESH_IOC_VALUE;
    const hkp_status st = hkp_mesh__domain_canonicalise(at + 1, len - n - 1, domain, &domain_len);
    if (st != HKP_OK) return st;
    memcpy(value, local, n);
    value[n] = '@';
    memcpy(value + n + 1, domain, domain_len);
    *value_len = n + 1 + domain_len;
    return HKP_OK;
}

hkp_status hkp_mesh__email_check(const char *text, size_t len) {
    const char *at = memchr(text, '@', len);
    if (at == NULL || !local_good(text, (size_t)(at - text))) return HKP_E_MESH_IOC_VALUE;
    const size_t domain_len = len - (size_t)(at - text) - 1;
    const hkp_status st = hkp_mesh__domain_form(at + 1, domain_len);
    if (st != HKP_OK) return st;
    return hkp_mesh__domain_reserved(at + 1, domain_len) ? HKP_E_MESH_IOC_RESERVED : HKP_OK;
}
