/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Devices as text, one line each, every field in hex digits of a fixed number (decision 0353):
 *
 *     hookprobe-htp-devices 1
 *     device NODE_ID A S TERMS
 *     end COUNT SHA256 of all before
 */
#include "libhtp/registry/devices.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

static const char first[] = "hookprobe-htp-devices 1\n", name[] = "hookprobe-htp-devices ";

enum {
    FIRST_LEN = sizeof first - 1,
    NAME_LEN = sizeof name - 1,
    /* status, neural, resonance, zero, require, suites, pcr, policy_ver (4 each), trust, last_t1 */
    TERMS = 30,
    LINE_LEN = 7 + 32 + 1 + 64 + 1 + 64 + 1 + 2 * TERMS + 1,
    LAST_LEN = 4 + 8 + 1 + 64 + 1
};

static char *hex(char *dst, const uint8_t *bytes, size_t len, char behind) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *dst++ = digits[bytes[i] >> 4];
        *dst++ = digits[bytes[i] & 15];
    }
    *dst++ = behind;
    return dst;
}

static int digit(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes the digits of len bytes and the character behind them; NULL: that is not what stands there. */
static const uint8_t *unhex(const uint8_t *p, uint8_t *dst, size_t len, uint8_t behind) {
    if (p == NULL) return NULL;
    for (size_t i = 0; i < len; i++, p += 2) {
        const int high = digit(p[0]), low = digit(p[1]);
        if (high < 0 || low < 0) return NULL;
        dst[i] = (uint8_t)(high << 4 | low);
    }
    return *p == behind ? p + 1 : NULL;
}

static char *put_line(char *p, const struct hkp_htp_device *d) {
    const struct hkp_htp_record *r = &d->record;
    uint8_t t[TERMS] = {r->status, r->neural, r->resonance, 0};
    hkp_put_be32(t + 4, r->require);
    hkp_put_be32(t + 8, r->suites_allowed);
    hkp_put_be32(t + 12, r->pcr_mask);
    hkp_put_be32(t + 16, r->policy_ver);
    hkp_put_be16(t + 20, r->trust);
    hkp_put_be64(t + 22, r->last_t1);
    memcpy(p, "device ", 7);
    p = hex(p + 7, d->node_id, 16, ' ');
    p = hex(p, r->a, 32, ' ');
    p = hex(p, d->s, 32, ' ');
    return hex(p, t, sizeof t, '\n');
}

static hkp_status take_line(const uint8_t *p, struct hkp_htp_device *d) {
    uint8_t t[TERMS];
    struct hkp_htp_record *r = &d->record;
    *d = (struct hkp_htp_device){.struct_size = sizeof *d};
    if (memcmp(p, "device ", 7) != 0) return HKP_E_INVAL;
    p = unhex(p + 7, d->node_id, 16, ' ');
    p = unhex(p, r->a, 32, ' ');
    p = unhex(p, d->s, 32, ' ');
    if (unhex(p, t, sizeof t, '\n') == NULL || t[3] != 0) return HKP_E_INVAL;
    r->status = t[0];
    r->neural = t[1];
    r->resonance = t[2];
    r->require = hkp_be32(t + 4);
    r->suites_allowed = hkp_be32(t + 8);
    r->pcr_mask = hkp_be32(t + 12);
    r->policy_ver = hkp_be32(t + 16);
    r->trust = hkp_be16(t + 20);
    r->last_t1 = hkp_be64(t + 22);
    return hkp_is_zero(d->node_id, 16) || hkp_is_zero(r->a, 32) ? HKP_E_INVAL : hkp_htp__device_check(d);
}

hkp_status hkp_htp_devices_write(const hkp_htp_devices *devices, uint8_t *dst, size_t cap, size_t *len) {
    uint8_t count[4], sum[32];
    if (devices == NULL || len == NULL || (dst == NULL && cap > 0)) return HKP_E_INVAL;
    *len = FIRST_LEN + (size_t)devices->n * LINE_LEN + LAST_LEN;
    if (cap < *len) return HKP_E_NOSPC;
    memcpy(dst, first, FIRST_LEN);
    char *p = (char *)dst + FIRST_LEN;
    for (uint32_t i = 0; i < devices->n; i++) p = put_line(p, &devices->list[i]);
    hkp_put_be32(count, devices->n);
    memcpy(p, "end ", 4);
    p = hex(p + 4, count, 4, ' ');
    crypto_hash_sha256(sum, dst, *len - 65);
    (void)hex(p, sum, 32, '\n');
    return HKP_OK;
}

/* Frame, number and hash of the whole; *n devices follow the first line. */
static hkp_status check_frame(const uint8_t *text, size_t len, uint32_t *n) {
    uint8_t count[4], sum[32], want[32];
    if (len < NAME_LEN || memcmp(text, name, NAME_LEN) != 0) return HKP_E_INVAL;
    if (len < FIRST_LEN + LAST_LEN || (len - FIRST_LEN - LAST_LEN) % LINE_LEN != 0 ||
        memcmp(text, first, FIRST_LEN) != 0)
        return memcmp(text, first, len < FIRST_LEN ? len : FIRST_LEN) == 0 ? HKP_E_INVAL : HKP_E_UNSUPPORTED;
    const uint8_t *p = text + len - LAST_LEN;
    if (memcmp(p, "end ", 4) != 0) return HKP_E_INVAL;
    p = unhex(p + 4, count, 4, ' ');
    if (unhex(p, sum, 32, '\n') == NULL) return HKP_E_INVAL;
    crypto_hash_sha256(want, text, len - 65);
    *n = hkp_be32(count);
    if (memcmp(want, sum, 32) != 0 || *n != (len - FIRST_LEN - LAST_LEN) / LINE_LEN) return HKP_E_INVAL;
    return HKP_OK;
}

hkp_status hkp_htp_devices_read(hkp_htp_devices *devices, const uint8_t *text, size_t len) {
    uint32_t n = 0;
    if (devices == NULL || text == NULL) return HKP_E_INVAL;
    hkp_status st = check_frame(text, len, &n);
    if (st == HKP_OK && n > devices->opt.devices_max) st = HKP_E_LIMIT;
    struct hkp_htp_devices fresh = {.opt = devices->opt};
    for (uint32_t i = 0; st == HKP_OK && i < n; i++) {
        struct hkp_htp_device d;
        st = take_line(text + FIRST_LEN + (size_t)i * LINE_LEN, &d);
        if (st == HKP_OK) st = hkp_htp__devices_put(&fresh, &d);
        if (st == HKP_E_STATE) st = HKP_E_INVAL;
    }
    if (st != HKP_OK) {
        hkp_htp__devices_clear(&fresh);
        return st;
    }
    hkp_htp__devices_clear(devices);
    *devices = fresh;
    return HKP_OK;
}
