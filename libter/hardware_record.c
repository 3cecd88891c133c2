/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HWREC as bytes: the one canonical CBOR map of SYN-8.1, written and read without a library. */
#include "libter/bytes.h"
#include "libter/hardware.h"

#include <string.h>

/* Major types. */
enum { UINT = 0, BSTR = 2, TSTR = 3, ARRAY = 4, MAP = 5 };

/* ---- Writing ---- */

static uint8_t *put_head(uint8_t *p, unsigned major, uint32_t value) {
    const uint8_t top = (uint8_t)(major << 5);
    if (value < 24) {
        *p++ = (uint8_t)(top | value);
    } else if (value <= 0xFF) {
        *p++ = (uint8_t)(top | 24);
        *p++ = (uint8_t)value;
    } else if (value <= 0xFFFF) {
        *p++ = (uint8_t)(top | 25);
        hkp_put_be16(p, (uint16_t)value);
        p += 2;
    } else {
        *p++ = (uint8_t)(top | 26);
        hkp_put_be32(p, value);
        p += 4;
    }
    return p;
}

static uint8_t *put_string(uint8_t *p, unsigned major, const void *bytes, size_t len) {
    p = put_head(p, major, (uint32_t)len);
    memcpy(p, bytes, len);
    return p + len;
}

static uint8_t *put_text(uint8_t *p, const struct hkp_ter_hardware_text *text) {
    return put_string(p, TSTR, text->text, strlen(text->text));
}

static uint8_t *put_cpu(uint8_t *p, const struct hkp_ter_hardware *hw) {
    p = put_text(put_head(p, ARRAY, 4), &hw->cpu_vendor);
    p = put_head(p, UINT, hw->cpu_family);
    p = put_head(p, UINT, hw->cpu_model);
    return put_head(p, UINT, hw->cpu_stepping);
}

size_t hkp_ter__hw_value(const struct hkp_ter_hardware *hw, uint32_t key, uint8_t *dst) {
    uint8_t *p = dst;
    switch (key) {
    case HKP_TER_HW_EK:
        p = put_string(p, BSTR, hw->ek, sizeof hw->ek);
        break;
    case HKP_TER_HW_UUID:
        p = put_string(p, BSTR, hw->uuid, sizeof hw->uuid);
        break;
    case HKP_TER_HW_BOARD:
        p = put_text(p, &hw->board);
        break;
    case HKP_TER_HW_DISKS:
        p = put_head(p, ARRAY, hw->n_disks);
        for (uint32_t i = 0; i < hw->n_disks; i++) p = put_text(p, &hw->disks[i]);
        break;
    case HKP_TER_HW_MACS:
        p = put_head(p, ARRAY, hw->n_macs);
        for (uint32_t i = 0; i < hw->n_macs; i++) p = put_string(p, BSTR, hw->macs[i], 6);
        break;
    case HKP_TER_HW_CPU:
        p = put_cpu(p, hw);
        break;
    default:
        p = put_string(p, BSTR, hw->machine, sizeof hw->machine);
        break;
    }
    return (size_t)(p - dst);
}

static int text_valid(const struct hkp_ter_hardware_text *text) {
    const char *end = memchr(text->text, 0, HKP_TER_HW_TEXT_MAX + 1);
    if (end == NULL || end == text->text) return 0;
    for (const char *c = text->text; c < end; c++)
        if (*c < 0x20 || *c > 0x7E) return 0;
    return 1;
}

int hkp_ter__hw_valid(const struct hkp_ter_hardware *hw) {
    const uint32_t has = hw->present;
    if ((has & ~0xFEu) != 0) return 0;
    if ((has >> HKP_TER_HW_BOARD & 1) != 0 && !text_valid(&hw->board)) return 0;
    if ((has >> HKP_TER_HW_CPU & 1) != 0 && !text_valid(&hw->cpu_vendor)) return 0;
    if ((has >> HKP_TER_HW_DISKS & 1) != (hw->n_disks > 0) || hw->n_disks > HKP_TER_HW_LIST_MAX) return 0;
    if ((has >> HKP_TER_HW_MACS & 1) != (hw->n_macs > 0) || hw->n_macs > HKP_TER_HW_LIST_MAX) return 0;
    for (uint32_t i = 0; i < hw->n_disks; i++)
        if (!text_valid(&hw->disks[i]) ||
            (i > 0 && hkp_ter__hw_text_order(&hw->disks[i - 1], &hw->disks[i]) >= 0))
            return 0;
    for (uint32_t i = 1; i < hw->n_macs; i++)
        if (memcmp(hw->macs[i - 1], hw->macs[i], 6) >= 0) return 0;
    return 1;
}

hkp_status hkp_ter_hardware_encode(const struct hkp_ter_hardware *hw, uint8_t *dst, size_t cap, size_t *len) {
    uint8_t bytes[HKP_TER_HW_RECORD_MAX], *p = bytes;
    uint32_t pairs = 1;
    if (!hkp_ter__hw_valid(hw)) return HKP_E_INVAL;
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++) pairs += hw->present >> key & 1;
    p = put_head(p, MAP, pairs);
    p = put_head(put_head(p, UINT, 0), UINT, 1);
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++) {
        if ((hw->present >> key & 1) == 0) continue;
        p = put_head(p, UINT, key);
        p += hkp_ter__hw_value(hw, key, p);
    }
    const size_t n = (size_t)(p - bytes);
    if (n > cap) return HKP_E_NOSPC;
    memcpy(dst, bytes, n);
    *len = n;
    return HKP_OK;
}

/* ---- Reading ---- */

struct reader {
    const uint8_t *p;
    size_t left;
    /** 1 once anything was not as it must be; then all reads give zero */
    int bad;
};

static const uint8_t *take(struct reader *r, size_t n) {
    static const uint8_t zero[HKP_TER_HW_TEXT_MAX];
    const uint8_t *p = r->p;
    if (n > r->left) r->bad = 1;
    if (r->bad) return zero;
    r->p += n;
    r->left -= n;
    return p;
}

/* Value of a head of one major type, in its shortest form only; all values of a record fit in 32 bits. */
static uint32_t get_head(struct reader *r, unsigned major) {
    const uint8_t first = *take(r, 1), info = first & 31;
    uint32_t value = info, least = 0;
    if (info == 24) value = *take(r, 1), least = 24;
    if (info == 25) value = hkp_be16(take(r, 2)), least = 0x100;
    if (info == 26) value = hkp_be32(take(r, 4)), least = 0x10000;
    if (first >> 5 != major || info > 26 || value < least) r->bad = 1;
    return r->bad ? 0 : value;
}

static void get_bytes(struct reader *r, uint8_t *dst, uint32_t size) {
    if (get_head(r, BSTR) != size) r->bad = 1;
    memcpy(dst, take(r, size), size);
}

static void get_text(struct reader *r, struct hkp_ter_hardware_text *text) {
    const uint32_t len = get_head(r, TSTR);
    if (len == 0 || len > HKP_TER_HW_TEXT_MAX) r->bad = 1;
    if (r->bad) return;
    memcpy(text->text, take(r, len), len);
    if (!text_valid(text) || strlen(text->text) != len) r->bad = 1;
}

static uint32_t get_count(struct reader *r) {
    const uint32_t n = get_head(r, ARRAY);
    if (n == 0 || n > HKP_TER_HW_LIST_MAX) r->bad = 1;
    return r->bad ? 0 : n;
}

static void get_cpu(struct reader *r, struct hkp_ter_hardware *hw) {
    if (get_head(r, ARRAY) != 4) r->bad = 1;
    get_text(r, &hw->cpu_vendor);
    hw->cpu_family = get_head(r, UINT);
    hw->cpu_model = get_head(r, UINT);
    hw->cpu_stepping = get_head(r, UINT);
}

static void get_value(struct reader *r, uint32_t key, struct hkp_ter_hardware *hw) {
    switch (key) {
    case HKP_TER_HW_EK:
        get_bytes(r, hw->ek, sizeof hw->ek);
        break;
    case HKP_TER_HW_UUID:
        get_bytes(r, hw->uuid, sizeof hw->uuid);
        break;
    case HKP_TER_HW_BOARD:
        get_text(r, &hw->board);
        break;
    case HKP_TER_HW_DISKS:
        hw->n_disks = get_count(r);
        for (uint32_t i = 0; i < hw->n_disks; i++) get_text(r, &hw->disks[i]);
        break;
    case HKP_TER_HW_MACS:
        hw->n_macs = get_count(r);
        for (uint32_t i = 0; i < hw->n_macs; i++) get_bytes(r, hw->macs[i], 6);
        break;
    case HKP_TER_HW_CPU:
        get_cpu(r, hw);
        break;
    case HKP_TER_HW_MACHINE:
        get_bytes(r, hw->machine, sizeof hw->machine);
        break;
    default:
        r->bad = 1;
        break;
    }
}

hkp_status hkp_ter_hardware_decode(struct hkp_ter_hardware *hw, const uint8_t *bytes, size_t len) {
    struct reader r = {.p = bytes, .left = len};
    struct hkp_ter_hardware got;
    uint32_t before = 0;
    memset(&got, 0, sizeof got);
    if (len > HKP_TER_HW_RECORD_MAX) return HKP_E_TER_HW_RECORD;
    uint32_t pairs = get_head(&r, MAP);
    if (get_head(&r, UINT) != 0) r.bad = 1;
    const uint32_t version = get_head(&r, UINT);
    if (r.bad || pairs == 0) return HKP_E_TER_HW_RECORD;
    if (version != 1) return HKP_E_TER_HW_VERSION;
    for (; pairs > 1 && !r.bad; pairs--) {
        const uint32_t key = get_head(&r, UINT);
        if (key <= before || key >= HKP_TER_HW_KEYS) return HKP_E_TER_HW_RECORD;
        get_value(&r, key, &got);
        got.present |= 1u << key;
        before = key;
    }
    if (r.bad || r.left != 0 || !hkp_ter__hw_valid(&got)) return HKP_E_TER_HW_RECORD;
    *hw = got;
    return HKP_OK;
}
