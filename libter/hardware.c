/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Hardware identity: what counts as a value, fingerprint, tags, and the comparison (SYN-8). */
#include "libter/hardware.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t weight;
} keys[HKP_TER_HW_KEYS] = {
    {"?", 0},      {"TPM endorsement key", 40}, {"product UUID", 12}, {"board serial", 8},
    {"disks", 15}, {"network addresses", 15},   {"processor", 10},    {"machine-id", 0},
};

const char *hkp_ter_hardware_key_name(uint32_t key) { return keys[key < HKP_TER_HW_KEYS ? key : 0].name; }

uint32_t hkp_ter_hardware_key_weight(uint32_t key) { return keys[key < HKP_TER_HW_KEYS ? key : 0].weight; }

/* ---- What counts as a value (SYN-8.1) ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static int is_filler(const char *text, size_t len) {
    static const char *const fillers[] = {
        "", "0", "none", "default string", "to be filled by o.e.m.", "system serial number", "not specified"};
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        size_t at = 0;
        while (at < len && lower(text[at]) == fillers[i][at] && fillers[i][at] != 0) at++;
        if (at == len && fillers[i][at] == 0) return 1;
    }
    return 0;
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0; }

static int is_printable(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7E) return 0;
    return 1;
}

int hkp_ter__hw_text(const char *raw, size_t len, struct hkp_ter_hardware_text *text) {
    struct hkp_ter_hardware_text out;
    memset(&out, 0, sizeof out);
    while (len > 0 && is_space(raw[len - 1])) len--;
    while (len > 0 && is_space(raw[0])) raw++, len--;
    if (is_filler(raw, len)) return 0;
    if (len > HKP_TER_HW_TEXT_MAX || !is_printable(raw, len)) {
        uint8_t digest[32];
        crypto_hash_sha256(digest, (const uint8_t *)raw, len);
        sodium_bin2hex(out.text, sizeof out.text, digest, sizeof digest);
    } else {
        memcpy(out.text, raw, len);
    }
    *text = out;
    return 1;
}

int hkp_ter__hw_mac(const uint8_t mac[6]) { return (mac[0] & 3) == 0 && !hkp_is_zero(mac, 6); }

int hkp_ter__hw_uuid(const uint8_t uuid[16]) {
    uint8_t all = 0xFF;
    for (int i = 0; i < 16; i++) all &= uuid[i];
    return all != 0xFF && !hkp_is_zero(uuid, 16);
}

int hkp_ter__hw_text_order(const struct hkp_ter_hardware_text *a, const struct hkp_ter_hardware_text *b) {
    return strncmp(a->text, b->text, sizeof a->text); /* ASCII: the order of bytes */
}

/* ---- Cleaning ---- */

static int ends(const struct hkp_ter_hardware_text *t) { return memchr(t->text, 0, sizeof t->text) != NULL; }

static int is_bounded(const struct hkp_ter_hardware *hw) {
    int ok = (hw->present & ~0xFEu) == 0 && hw->n_disks <= HKP_TER_HW_LIST_MAX &&
             hw->n_macs <= HKP_TER_HW_LIST_MAX && ends(&hw->board) && ends(&hw->cpu_vendor);
    for (uint32_t i = 0; ok && i < hw->n_disks; i++) ok = ends(&hw->disks[i]);
    return ok;
}

/* Makes room at a place of a list of n values; its last one falls out if it is full. Values in it then. */
static uint32_t make_room(void *list, size_t size, uint32_t n, uint32_t at) {
    uint8_t *bytes = list;
    const uint32_t stay = n < HKP_TER_HW_LIST_MAX ? n : HKP_TER_HW_LIST_MAX - 1;
    memmove(bytes + (at + 1) * size, bytes + at * size, (stay - at) * size);
    return stay + 1;
}

int hkp_ter__hw_add_disk(struct hkp_ter_hardware *hw, const struct hkp_ter_hardware_text *text) {
    const uint32_t n = hw->n_disks;
    uint32_t at = 0;
    while (at < n && hkp_ter__hw_text_order(&hw->disks[at], text) < 0) at++;
    if (at == HKP_TER_HW_LIST_MAX) return 0;
    if (at < n && hkp_ter__hw_text_order(&hw->disks[at], text) == 0) return 1;
    hw->n_disks = make_room(hw->disks, sizeof *text, n, at);
    hw->disks[at] = *text;
    return n < HKP_TER_HW_LIST_MAX;
}

int hkp_ter__hw_add_mac(struct hkp_ter_hardware *hw, const uint8_t mac[6]) {
    const uint32_t n = hw->n_macs;
    uint32_t at = 0;
    while (at < n && memcmp(hw->macs[at], mac, 6) < 0) at++;
    if (at == HKP_TER_HW_LIST_MAX) return 0;
    if (at < n && memcmp(hw->macs[at], mac, 6) == 0) return 1;
    hw->n_macs = make_room(hw->macs, 6, n, at);
    memcpy(hw->macs[at], mac, 6);
    return n < HKP_TER_HW_LIST_MAX;
}

static int clean_text(struct hkp_ter_hardware_text *text) {
    if (hkp_ter__hw_text(text->text, strlen(text->text), text)) return 1;
    memset(text, 0, sizeof *text);
    return 0;
}

/* Both lists: what is left, sorted; 1 if something was no value. */
static int clean_disks(struct hkp_ter_hardware *hw) {
    struct hkp_ter_hardware_text old[HKP_TER_HW_LIST_MAX];
    const uint32_t n = hw->n_disks;
    uint32_t values = 0;
    memcpy(old, hw->disks, sizeof old);
    memset(hw->disks, 0, sizeof hw->disks);
    hw->n_disks = 0;
    for (uint32_t i = 0; i < n; i++)
        if (clean_text(&old[i])) values++, (void)hkp_ter__hw_add_disk(hw, &old[i]);
    return values < n;
}

static int clean_macs(struct hkp_ter_hardware *hw) {
    uint8_t old[HKP_TER_HW_LIST_MAX][6];
    const uint32_t n = hw->n_macs;
    uint32_t values = 0;
    memcpy(old, hw->macs, sizeof old);
    memset(hw->macs, 0, sizeof hw->macs);
    hw->n_macs = 0;
    for (uint32_t i = 0; i < n; i++)
        if (hkp_ter__hw_mac(old[i])) values++, (void)hkp_ter__hw_add_mac(hw, old[i]);
    return values < n;
}

static uint32_t bit(uint32_t key) { return 1u << key; }

/* Members of keys that are not there are zero: a record has one form in memory, too. */
static void zero_absent(struct hkp_ter_hardware *hw) {
    const uint32_t has = hw->present;
    if ((has & bit(HKP_TER_HW_EK)) == 0) memset(hw->ek, 0, sizeof hw->ek);
    if ((has & bit(HKP_TER_HW_UUID)) == 0) memset(hw->uuid, 0, sizeof hw->uuid);
    if ((has & bit(HKP_TER_HW_BOARD)) == 0) memset(&hw->board, 0, sizeof hw->board);
    if ((has & bit(HKP_TER_HW_MACHINE)) == 0) memset(hw->machine, 0, sizeof hw->machine);
    if ((has & bit(HKP_TER_HW_DISKS)) == 0) hw->n_disks = 0;
    if ((has & bit(HKP_TER_HW_MACS)) == 0) hw->n_macs = 0;
    if (hw->n_disks == 0) memset(hw->disks, 0, sizeof hw->disks);
    if (hw->n_macs == 0) memset(hw->macs, 0, sizeof hw->macs);
    if ((has & bit(HKP_TER_HW_CPU)) == 0) {
        hw->cpu_family = hw->cpu_model = hw->cpu_stepping = 0;
        memset(&hw->cpu_vendor, 0, sizeof hw->cpu_vendor);
    }
}

hkp_status hkp_ter_hardware_clean(struct hkp_ter_hardware *hw, uint32_t *dropped) {
    uint32_t gone = 0, empty = 0;
    if (!is_bounded(hw)) return HKP_E_INVAL;
    zero_absent(hw);
    if (hkp_is_zero(hw->ek, 32)) empty |= bit(HKP_TER_HW_EK);
    if (!hkp_ter__hw_uuid(hw->uuid)) empty |= bit(HKP_TER_HW_UUID);
    if (!clean_text(&hw->board)) empty |= bit(HKP_TER_HW_BOARD);
    if (clean_disks(hw)) gone |= bit(HKP_TER_HW_DISKS);
    if (clean_macs(hw)) gone |= bit(HKP_TER_HW_MACS);
    if (hw->n_disks == 0) empty |= bit(HKP_TER_HW_DISKS);
    if (hw->n_macs == 0) empty |= bit(HKP_TER_HW_MACS);
    if (!clean_text(&hw->cpu_vendor)) empty |= bit(HKP_TER_HW_CPU);
    if (hkp_is_zero(hw->machine, 32)) empty |= bit(HKP_TER_HW_MACHINE);
    gone |= hw->present & empty;
    hw->present &= ~empty;
    zero_absent(hw);
    *dropped = gone;
    return HKP_OK;
}

/* ---- Fingerprints (SYN-8.2, SYN-8.3) ---- */

hkp_status hkp_ter_hardware_fingerprint(const struct hkp_ter_hardware *hw, uint8_t hw_fp[32]) {
    uint8_t record[HKP_TER_HW_RECORD_MAX];
    size_t len;
    hkp_status st = hkp_ter_hardware_encode(hw, record, sizeof record, &len);
    if (st != HKP_OK) return st;
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)"NSE1 hwfp", 10);
    crypto_hash_sha256_update(&h, record, len);
    crypto_hash_sha256_final(&h, hw_fp);
    return HKP_OK;
}

void hkp_ter_hardware_enroll_id(const uint8_t hw_fp[32], uint64_t time_us, const uint8_t nonce[16],
                                uint8_t id[32]) {
    uint8_t message[11 + 32 + 8 + 16];
    memcpy(message, "NSE1 enrol", 11);
    memcpy(message + 11, hw_fp, 32);
    hkp_put_be64(message + 43, time_us);
    memcpy(message + 51, nonce, 16);
    crypto_hash_sha256(id, message, sizeof message);
}

hkp_status hkp_ter_hardware_tag(const struct hkp_ter_hardware *hw, uint32_t key, const uint8_t chain_id[32],
                                uint8_t tag[16]) {
    uint8_t value[HKP_TER_HW_RECORD_MAX], mac[32], key_byte = (uint8_t)key;
    if (!hkp_ter__hw_valid(hw)) return HKP_E_INVAL;
    if (key == 0 || key >= HKP_TER_HW_KEYS || (hw->present & bit(key)) == 0) return HKP_E_NOTFOUND;
    const size_t len = hkp_ter__hw_value(hw, key, value);
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, chain_id, 32);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)"NSE1 hw", 8);
    crypto_auth_hmacsha256_update(&h, &key_byte, 1);
    crypto_auth_hmacsha256_update(&h, value, len);
    crypto_auth_hmacsha256_final(&h, mac);
    memcpy(tag, mac, 16);
    return HKP_OK;
}

/* ---- Same machine? (SYN-8.4) ---- */

static uint32_t common_disks(const struct hkp_ter_hardware *a, const struct hkp_ter_hardware *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n_disks; i++)
        for (uint32_t k = 0; k < b->n_disks; k++)
            n += hkp_ter__hw_text_order(&a->disks[i], &b->disks[k]) == 0;
    return n;
}

static uint32_t common_macs(const struct hkp_ter_hardware *a, const struct hkp_ter_hardware *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n_macs; i++)
        for (uint32_t k = 0; k < b->n_macs; k++) n += memcmp(a->macs[i], b->macs[k], 6) == 0;
    return n;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* How much of a key that both have agrees: common values of how many. */
static uint32_t agreement(const struct hkp_ter_hardware *a, const struct hkp_ter_hardware *b, uint32_t key,
                          uint32_t *of) {
    *of = 1;
    switch (key) {
    case HKP_TER_HW_EK:
        return memcmp(a->ek, b->ek, 32) == 0;
    case HKP_TER_HW_UUID:
        return memcmp(a->uuid, b->uuid, 16) == 0;
    case HKP_TER_HW_BOARD:
        return hkp_ter__hw_text_order(&a->board, &b->board) == 0;
    case HKP_TER_HW_DISKS:
        *of = larger(a->n_disks, b->n_disks);
        return common_disks(a, b);
    case HKP_TER_HW_MACS:
        *of = larger(a->n_macs, b->n_macs);
        return common_macs(a, b);
    case HKP_TER_HW_CPU:
        return hkp_ter__hw_text_order(&a->cpu_vendor, &b->cpu_vendor) == 0 &&
               a->cpu_family == b->cpu_family && a->cpu_model == b->cpu_model &&
               a->cpu_stepping == b->cpu_stepping;
    default:
        return memcmp(a->machine, b->machine, 32) == 0;
    }
}

hkp_status hkp_ter_hardware_compare(const struct hkp_ter_hardware *enrolled,
                                    const struct hkp_ter_hardware *now,
                                    struct hkp_ter_hardware_match *match) {
    struct hkp_ter_hardware_match m;
    memset(&m, 0, sizeof m);
    if (!hkp_ter__hw_valid(enrolled) || !hkp_ter__hw_valid(now)) return HKP_E_INVAL;
    m.added = now->present & ~enrolled->present;
    m.missing = enrolled->present & ~now->present;
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++) {
        uint32_t of, common;
        if ((enrolled->present & bit(key)) == 0) continue;
        m.total += keys[key].weight;
        if ((now->present & bit(key)) == 0) continue;
        common = agreement(enrolled, now, key, &of);
        m.sum += keys[key].weight * common / of;
        *(common == of ? &m.equal : common > 0 ? &m.partly : &m.differs) |= bit(key);
    }
    if (m.total < HKP_TER_HW_WEIGHT_MIN) return HKP_E_TER_HW_WEAK;
    m.score = 100 * m.sum / m.total;
    m.verdict = m.score >= 70 ? HKP_TER_HW_SAME : m.score >= 40 ? HKP_TER_HW_CHANGED : HKP_TER_HW_OTHER;
    *match = m;
    return HKP_OK;
}
