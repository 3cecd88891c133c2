/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A number that cannot be taken back (SYN-8.5, decision 0116).
 *
 *     "HKPPIN1" 00 || value LE64 || counter LE64 || nv_index LE32 || 0 LE32 || HMAC-SHA256 32
 *
 * counter is what the TPM's counter will be when the file is in force: the file is written first. A file that
 * is one ahead was interrupted in between, and the counter is brought up; one that is behind was put back.
 */
#include "libter/bytes.h"
#include "libter/host/host.h"

#include <hookprobe/ter/pin.h>
#include <hookprobe/ter/tpm.h>
#include <sodium.h>

enum { VALUE_AT = 8, COUNTER_AT = 16, INDEX_AT = 24, MAC_AT = 32, PIN_SIZE = 64 };

static const uint8_t magic[8] = "HKPPIN1";

struct pin {
    uint64_t value, counter;
};

static int options_right(const struct hkp_ter_pin_options *o) {
    return o->struct_size == sizeof *o && o->path != NULL && o->tpm != NULL &&
           o->nv_index >= HKP_TER_TPM_NV_MIN && o->nv_index <= HKP_TER_TPM_NV_MAX;
}

static hkp_status count(const struct hkp_ter_pin_options *o, uint32_t op, uint64_t *counter) {
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = op, .nv_index = o->nv_index};
    struct hkp_ter_tpm_result r;
    const hkp_status st = hkp_ter_tpm_run(o->tpm, &job, &r);
    if (st == HKP_OK) *counter = r.counter;
    return st;
}

static void mac_of(const struct hkp_ter_pin_options *o, const uint8_t bytes[MAC_AT], uint8_t mac[32]) {
    static const uint8_t label[9] = "HKP1 pin";
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, o->key, 32);
    crypto_auth_hmacsha256_update(&h, label, sizeof label);
    crypto_auth_hmacsha256_update(&h, bytes, MAC_AT);
    crypto_auth_hmacsha256_final(&h, mac);
    sodium_memzero(&h, sizeof h);
}

static hkp_status write_pin(const struct hkp_ter_pin_options *o, uint64_t value, uint64_t counter) {
    uint8_t b[PIN_SIZE] = {0};
    memcpy(b, magic, sizeof magic);
    hkp_put_le64(b + VALUE_AT, value);
    hkp_put_le64(b + COUNTER_AT, counter);
    hkp_put_le32(b + INDEX_AT, o->nv_index);
    mac_of(o, b, b + MAC_AT);
    return hkp_ter_file_write(o->path, b, sizeof b);
}

static hkp_status read_pin(const struct hkp_ter_pin_options *o, struct pin *pin) {
    uint8_t b[PIN_SIZE], mac[32];
    size_t len = 0;
    const hkp_status st = hkp_ter_file_read(o->path, 1, b, sizeof b, &len);
    if (st == HKP_E_NOSPC || (st == HKP_OK && len != sizeof b)) return HKP_E_TER_PIN_FORM;
    if (st != HKP_OK) return st;
    mac_of(o, b, mac);
    if (memcmp(b, magic, sizeof magic) != 0 || sodium_memcmp(b + MAC_AT, mac, 32) != 0 ||
        hkp_le32(b + INDEX_AT) != o->nv_index)
        return HKP_E_TER_PIN_FORM;
    pin->value = hkp_le64(b + VALUE_AT);
    pin->counter = hkp_le64(b + COUNTER_AT);
    return HKP_OK;
}

/* The pin in force, with a counter that agrees. */
static hkp_status current(const struct hkp_ter_pin_options *o, struct pin *pin) {
    uint64_t counter = 0;
    if (!options_right(o)) return HKP_E_INVAL;
    const hkp_status file = read_pin(o, pin);
    if (file != HKP_OK && file != HKP_E_NOTFOUND) return file;
    hkp_status st = count(o, HKP_TER_TPM_NV_READ, &counter);
    if (st != HKP_OK && st != HKP_E_NOTFOUND) return st;
    if (st != file) return HKP_E_TER_PIN_ROLLBACK; /* one of both is gone */
    if (st == HKP_E_NOTFOUND) return st;
    if (counter + 1 == pin->counter) st = count(o, HKP_TER_TPM_NV_INCREMENT, &counter);
    if (st != HKP_OK) return st;
    return counter == pin->counter ? HKP_OK : HKP_E_TER_PIN_ROLLBACK;
}

hkp_status hkp_ter_pin_read(const struct hkp_ter_pin_options *opt, uint64_t *value) {
    struct pin pin;
    const hkp_status st = current(opt, &pin);
    if (st == HKP_OK) *value = pin.value;
    return st;
}

hkp_status hkp_ter_pin_create(const struct hkp_ter_pin_options *opt, uint64_t value) {
    struct pin pin;
    uint64_t counter = 0;
    hkp_status st = current(opt, &pin);
    if (st == HKP_E_INVAL) return st;
    if (st == HKP_OK || st == HKP_E_TER_PIN_ROLLBACK || st == HKP_E_TER_PIN_FORM) return HKP_E_STATE;
    if (st == HKP_E_NOTFOUND) st = count(opt, HKP_TER_TPM_NV_OPEN, &counter);
    return st == HKP_OK ? write_pin(opt, value, counter) : st;
}

hkp_status hkp_ter_pin_advance(const struct hkp_ter_pin_options *opt, uint64_t value) {
    struct pin pin;
    uint64_t counter = 0;
    hkp_status st = current(opt, &pin);
    if (st != HKP_OK) return st;
    if (value < pin.value) return HKP_E_INVAL;
    st = write_pin(opt, value, pin.counter + 1);
    if (st == HKP_OK) st = count(opt, HKP_TER_TPM_NV_INCREMENT, &counter);
    return st == HKP_OK && counter != pin.counter + 1 ? HKP_E_TER_PIN_ROLLBACK : st;
}
