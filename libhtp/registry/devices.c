/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Devices in memory, and the registry that they are for an endpoint (HTP-12). */
#include "libhtp/registry/devices.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum { FIRST_CAP = 16 };

hkp_status hkp_htp_devices_new(hkp_htp_devices **out, const struct hkp_htp_devices_options *options) {
    struct hkp_htp_devices_options opt;
    const struct hkp_htp_devices_options none = {.struct_size = sizeof none};
    if (out == NULL) return HKP_E_INVAL;
    hkp_status st = hkp_options_import(&opt, sizeof opt, sizeof opt, options != NULL ? options : &none);
    if (st == HKP_OK) st = hkp_mem_import(&opt.mem);
    if (st != HKP_OK) return st;
    if (opt.devices_max == 0) opt.devices_max = HKP_HTP__DEVICES_MAX;
    if (opt.devices_max > HKP_HTP__DEVICES_MAX) return HKP_E_INVAL;
    struct hkp_htp_devices *set = hkp_mem_alloc(&opt.mem, sizeof *set);
    if (set == NULL) return HKP_E_NOMEM;
    set->opt = opt;
    *out = set;
    return HKP_OK;
}

void hkp_htp__devices_clear(struct hkp_htp_devices *set) {
    hkp_mem_free(&set->opt.mem, set->list, set->cap * sizeof *set->list);
    hkp_mem_free(&set->opt.mem, set->table, (set->mask + (size_t)1) * sizeof *set->table);
    set->list = NULL;
    set->table = NULL;
    set->n = set->cap = set->mask = 0;
}

void hkp_htp_devices_free(hkp_htp_devices *devices) {
    if (devices == NULL) return;
    const struct hkp_mem mem = devices->opt.mem;
    hkp_htp__devices_clear(devices);
    hkp_mem_free(&mem, devices, sizeof *devices);
}

/* ---- the table: only enrolled names are in it, so nobody from outside can make runs ---- */

static uint32_t slot_of(const struct hkp_htp_devices *set, const uint8_t node_id[16]) {
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    uint8_t h[8];
    crypto_shorthash(h, node_id, 16, key);
    uint32_t i = hkp_be32(h) & set->mask;
    while (set->table[i] != 0 && memcmp(set->list[set->table[i] - 1].node_id, node_id, 16) != 0)
        i = (i + 1) & set->mask;
    return i;
}

static struct hkp_htp_device *find(const struct hkp_htp_devices *set, const uint8_t node_id[16]) {
    if (set->n == 0) return NULL;
    const uint32_t i = set->table[slot_of(set, node_id)];
    return i == 0 ? NULL : &set->list[i - 1];
}

static hkp_status grow(struct hkp_htp_devices *set) {
    const struct hkp_mem *mem = &set->opt.mem;
    const uint32_t cap = set->cap == 0 ? FIRST_CAP : set->cap * 2;
    struct hkp_htp_devices bigger = *set;
    bigger.cap = cap;
    bigger.mask = 2 * cap - 1;
    bigger.list = hkp_mem_alloc(mem, cap * sizeof *bigger.list);
    bigger.table = hkp_mem_alloc(mem, 2 * (size_t)cap * sizeof *bigger.table);
    if (bigger.list == NULL || bigger.table == NULL) {
        hkp_mem_free(mem, bigger.list, cap * sizeof *bigger.list);
        hkp_mem_free(mem, bigger.table, 2 * (size_t)cap * sizeof *bigger.table);
        return HKP_E_NOMEM;
    }
    if (set->n > 0) memcpy(bigger.list, set->list, set->n * sizeof *set->list);
    for (uint32_t i = 0; i < set->n; i++) bigger.table[slot_of(&bigger, bigger.list[i].node_id)] = i + 1;
    hkp_htp__devices_clear(set);
    *set = bigger;
    return HKP_OK;
}

hkp_status hkp_htp__devices_put(struct hkp_htp_devices *set, const struct hkp_htp_device *d) {
    if (find(set, d->node_id) != NULL) return HKP_E_STATE;
    if (set->n == set->opt.devices_max) return HKP_E_LIMIT;
    if (set->n == set->cap && grow(set) != HKP_OK) return HKP_E_NOMEM;
    struct hkp_htp_device *mine = &set->list[set->n++];
    *mine = *d;
    mine->struct_size = sizeof *mine;
    mine->completed = mine->failed = 0;
    set->table[slot_of(set, d->node_id)] = set->n;
    return HKP_OK;
}

/* ---- calls ---- */

hkp_status hkp_htp__device_check(const struct hkp_htp_device *d) {
    const struct hkp_htp_record *r = &d->record;
    if (r->status > HKP_HTP_NODE_REVOKED || r->neural > HKP_HTP_NEURAL_OFF || r->resonance > 4)
        return HKP_E_INVAL;
    if ((r->require & ~31U) != 0 || (r->suites_allowed & ~3U) != 0 || r->pcr_mask >> 24 != 0)
        return HKP_E_INVAL;
    return r->reserved0 == 0 && r->reserved1 == 0 && d->reserved0 == 0 ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_htp_devices_add(hkp_htp_devices *devices, const struct hkp_htp_device *device) {
    if (devices == NULL || device == NULL || device->struct_size < sizeof *device) return HKP_E_INVAL;
    if (hkp_htp__device_check(device) != HKP_OK || hkp_is_zero(device->node_id, 16) ||
        hkp_is_zero(device->record.a, 32))
        return HKP_E_INVAL;
    return hkp_htp__devices_put(devices, device);
}

hkp_status hkp_htp_devices_enrol(hkp_htp_devices *devices, const uint8_t *certificate, size_t len,
                                 uint64_t wall_us, uint8_t *node_id) {
    struct hkp_htp_identity id;
    if (devices == NULL || certificate == NULL || len < 1 || len > HKP_HTP_CERTIFICATE_MAX)
        return HKP_E_INVAL;
    const struct hkp_htp_registry *base = &devices->opt.base;
    if (base->certificate == NULL ||
        base->certificate(base->user, HKP_HTP_CERT_WHOLE, certificate, len, wall_us, &id) != HKP_OK ||
        id.expired)
        return HKP_E_HTP_IDENTITY;
    struct hkp_htp_device d = {.struct_size = sizeof d, .record = {.neural = HKP_HTP_NEURAL_OPEN}};
    memcpy(d.node_id, id.node_id, 16);
    memcpy(d.s, id.s, 32);
    memcpy(d.record.a, id.a, 32);
    hkp_status st = hkp_htp_devices_add(devices, &d);
    if (st == HKP_OK && node_id != NULL) memcpy(node_id, id.node_id, 16);
    return st;
}

hkp_status hkp_htp_devices_update(hkp_htp_devices *devices, const struct hkp_htp_device *device) {
    if (devices == NULL || device == NULL || device->struct_size < sizeof *device) return HKP_E_INVAL;
    if (hkp_htp__device_check(device) != HKP_OK) return HKP_E_INVAL;
    struct hkp_htp_device *mine = find(devices, device->node_id);
    if (mine == NULL) return HKP_E_NOTFOUND;
    struct hkp_htp_record r = device->record;
    memcpy(r.a, mine->record.a, 32);
    r.status = mine->record.status;
    r.last_t1 = mine->record.last_t1;
    mine->record = r;
    return HKP_OK;
}

hkp_status hkp_htp_devices_set_status(hkp_htp_devices *devices, hkp_htp_endpoint *ep, hkp_time now,
                                      const uint8_t node_id[16], uint32_t status) {
    if (devices == NULL || node_id == NULL || status > HKP_HTP_NODE_REVOKED) return HKP_E_INVAL;
    struct hkp_htp_device *mine = find(devices, node_id);
    if (mine == NULL) return HKP_E_NOTFOUND;
    if (mine->record.status == HKP_HTP_NODE_REVOKED && status != HKP_HTP_NODE_REVOKED) return HKP_E_STATE;
    mine->record.status = (uint8_t)status;
    return ep != NULL && status != HKP_HTP_NODE_ACTIVE ? hkp_htp_endpoint_revoke(ep, now, node_id) : HKP_OK;
}

hkp_status hkp_htp_devices_find(const hkp_htp_devices *devices, const uint8_t node_id[16],
                                struct hkp_htp_device *out) {
    if (devices == NULL || node_id == NULL || out == NULL || out->struct_size < sizeof *out)
        return HKP_E_INVAL;
    const struct hkp_htp_device *mine = find(devices, node_id);
    if (mine == NULL) return HKP_E_NOTFOUND;
    *out = *mine;
    return HKP_OK;
}

hkp_status hkp_htp_devices_list(const hkp_htp_devices *devices, uint32_t *cursor,
                                struct hkp_htp_device *out) {
    if (devices == NULL || cursor == NULL || out == NULL || out->struct_size < sizeof *out)
        return HKP_E_INVAL;
    if (*cursor >= devices->n) return HKP_E_NOTFOUND;
    *out = devices->list[(*cursor)++];
    return HKP_OK;
}

/* ---- as a registry: what it does not know itself it asks its base ---- */

static hkp_status reg_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct hkp_htp_device *mine = find(user, node_id);
    if (mine == NULL) return HKP_E_NOTFOUND;
    *out = mine->record;
    return HKP_OK;
}

static hkp_status reg_own_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->own_index == NULL ? HKP_E_NOTFOUND : b->own_index(b->user, node_id, ck_index);
}

static hkp_status reg_neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                             struct hkp_htp_neural *out) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->neural == NULL ? HKP_E_NOTFOUND : b->neural(b->user, node_id, side, ck_index, out);
}

static hkp_status reg_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                           const uint8_t nonce[8], uint8_t tag[32]) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->posf == NULL ? HKP_E_NOTFOUND : b->posf(b->user, handle, role, msg_hash, nonce, tag);
}

static void reg_release(void *user, uint64_t handle) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    if (b->neural_release != NULL) b->neural_release(b->user, handle);
}

static hkp_status reg_certificate(void *user, uint32_t form, const uint8_t *data, size_t len,
                                  uint64_t wall_us, struct hkp_htp_identity *out) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->certificate(b->user, form, data, len, wall_us, out);
}

static hkp_status reg_mode_n(void *user, const struct hkp_htp_mode_n *query, uint8_t *n_case) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->mode_n(b->user, query, n_case);
}

static hkp_status reg_quote_make(void *user, const uint8_t extra[32], uint32_t pcr_mask, uint8_t *dst,
                                 size_t cap, size_t *len) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->quote_make(b->user, extra, pcr_mask, dst, cap, len);
}

static hkp_status reg_quote_check(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                                  uint32_t pcr_mask, const uint8_t *quote, size_t len) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->quote_check(b->user, node_id, extra, pcr_mask, quote, len);
}

static void reg_note(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value) {
    struct hkp_htp_devices *set = user;
    struct hkp_htp_device *mine = find(set, node_id);
    if (mine != NULL && what == HKP_HTP_NOTE_COMPLETED) {
        mine->completed += mine->completed < UINT32_MAX;
        if (value > mine->record.last_t1) mine->record.last_t1 = value;
    }
    if (mine != NULL && what == HKP_HTP_NOTE_FAILED) mine->failed += mine->failed < UINT32_MAX;
    if (set->opt.base.note != NULL) set->opt.base.note(set->opt.base.user, node_id, what, value);
}

static void reg_ticket_put(void *user, const uint8_t node_id[16], const struct hkp_htp_ticket *ticket) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    b->ticket_put(b->user, node_id, ticket);
}

static hkp_status reg_ticket_take(void *user, const uint8_t node_id[16], const uint8_t id[16],
                                  struct hkp_htp_ticket *out) {
    const struct hkp_htp_registry *b = &((const struct hkp_htp_devices *)user)->opt.base;
    return b->ticket_take(b->user, node_id, id, out);
}

hkp_status hkp_htp_devices_registry(hkp_htp_devices *devices, struct hkp_htp_registry *out) {
    if (devices == NULL || out == NULL) return HKP_E_INVAL;
    const struct hkp_htp_registry *b = &devices->opt.base;
    const int store = b->ticket_put != NULL && b->ticket_take != NULL;
    *out = (struct hkp_htp_registry){.user = devices,
                                     .find = reg_find,
                                     .own_index = reg_own_index,
                                     .neural = reg_neural,
                                     .posf = reg_posf,
                                     .neural_release = reg_release,
                                     .certificate = b->certificate != NULL ? reg_certificate : NULL,
                                     .mode_n = b->mode_n != NULL ? reg_mode_n : NULL,
                                     .quote_make = b->quote_make != NULL ? reg_quote_make : NULL,
                                     .quote_check = b->quote_check != NULL ? reg_quote_check : NULL,
                                     .note = reg_note,
                                     .ticket_put = store ? reg_ticket_put : NULL,
                                     .ticket_take = store ? reg_ticket_take : NULL};
    return HKP_OK;
}
