/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What an instance leaves on disk: NZSNAP1 snapshots (NZ1 5.3) and, around them, one record of all that was
 * agreed, so that one atomic replacement of one file moves an instance from one agreement to the next.
 *
 * NZINST1: `NZINST1\0` · version LE16 = 1 · side LE16 · snapshots LE32 · X 16 · Y 16 · generation LE64; then
 * nonce 24 || XChaCha20-Poly1305(state key, AAD = these 56 bytes, META) || the snapshots, of the same
 * generation. META (320): state u8 · cause u8 · has_tck u8 · 0 · gen_X LE32 · gen_Y LE32 · 0 LE32 · first
 * index LE64 · novelty mean, count, newest LE64 · TCK1 256 · id LE64 · 0^8.
 */
#include "libneuro/instance.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEAD = 56,
    META = 320,
    META_SEALED = NONCE + META + TAG,
    PLAIN = HKP_TER_CURSOR_SIZE + HKP_NEURO_STATE_SIZE,
    AT_VERSION = 8,
    AT_SIDE = 10,
    AT_COUNT = 12,
    AT_X = 16,
    AT_Y = 32,
    AT_GENERATION = 48,
    SNAP_KIND = 10,
    SNAP_X = 16,
    SNAP_N = 32,
    SNAP_GENERATION = 40,
    SNAP_Y = 48,
    META_TCK = 48,
    META_ID = 304
};

/* Seals dst[NONCE..] in place: the plaintext stands there already. */
static hkp_status seal(const struct hkp_neuro__core *core, const uint8_t *head, size_t head_len, uint8_t *dst,
                       size_t len) {
    if (core->opt.rng.fill(core->opt.rng.user, dst, NONCE) != 0) return HKP_E_CALLBACK;
    crypto_aead_xchacha20poly1305_ietf_encrypt(dst + NONCE, NULL, dst + NONCE, len, head, head_len, NULL, dst,
                                               core->opt.state_key);
    return HKP_OK;
}

hkp_status hkp_neuro__snap_write(const struct hkp_neuro__core *core, uint32_t kind, uint64_t generation,
                                 const struct hkp_neuro__replica *replica, uint8_t *dst) {
    uint8_t *plain = dst + HKP_NEURO__SNAP_HEAD + NONCE;
    memset(dst, 0, HKP_NEURO__SNAP_HEAD);
    memcpy(dst, "NZSNAP1", 8);
    hkp_put_le16(dst + AT_VERSION, 1);
    hkp_put_le16(dst + SNAP_KIND, (uint16_t)kind);
    memcpy(dst + SNAP_X, core->opt.owner_id, 16);
    hkp_put_le64(dst + SNAP_N, replica->cursor.index);
    hkp_put_le64(dst + SNAP_GENERATION, generation);
    memcpy(dst + SNAP_Y, core->opt.holder_id, 16);
    hkp_ter_cursor_encode(&replica->cursor, plain);
    hkp_neuro_state_encode(replica->state, plain + HKP_TER_CURSOR_SIZE);
    hkp_status st = seal(core, dst, HKP_NEURO__SNAP_HEAD, dst + HKP_NEURO__SNAP_HEAD, PLAIN);
    if (st != HKP_OK) sodium_memzero(plain, PLAIN);
    return st;
}

static hkp_status snap_open(struct hkp_neuro__replica *replica, const uint8_t *plain, uint64_t n) {
    struct hkp_ter_cursor cursor;
    hkp_status st = hkp_ter_cursor_decode(&cursor, plain);
    if (st == HKP_OK)
        st = hkp_neuro_state_decode(replica->state, plain + HKP_TER_CURSOR_SIZE, HKP_NEURO_STATE_SIZE);
    if (st != HKP_OK || cursor.index != n) return HKP_E_NEURO_STATE;
    replica->cursor = cursor;
    return HKP_OK;
}

hkp_status hkp_neuro__snap_read(const struct hkp_neuro__core *core, uint32_t kind, const uint8_t *bytes,
                                size_t len, uint64_t *generation, struct hkp_neuro__replica *replica) {
    if (len != HKP_NEURO__SNAP_SIZE) return HKP_E_NEURO_LENGTH;
    if (memcmp(bytes, "NZSNAP1", 8) != 0) return HKP_E_NEURO_MAGIC;
    if (hkp_le16(bytes + AT_VERSION) != 1) return HKP_E_NEURO_VERSION;
    if (hkp_le16(bytes + SNAP_KIND) != kind || hkp_le32(bytes + 12) != 0 ||
        memcmp(bytes + SNAP_X, core->opt.owner_id, 16) != 0 ||
        memcmp(bytes + SNAP_Y, core->opt.holder_id, 16) != 0)
        return HKP_E_NEURO_STATE;
    uint8_t *plain = (uint8_t *)hkp_mem_alloc(&core->opt.mem, PLAIN);
    if (plain == NULL) return HKP_E_NOMEM;
    const uint8_t *sealed = bytes + HKP_NEURO__SNAP_HEAD;
    hkp_status st = HKP_E_NEURO_STATE;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + NONCE, PLAIN + TAG, bytes,
                                                   HKP_NEURO__SNAP_HEAD, sealed, core->opt.state_key) == 0)
        st = snap_open(replica, plain, hkp_le64(bytes + SNAP_N));
    sodium_memzero(plain, PLAIN);
    hkp_mem_free(&core->opt.mem, plain, PLAIN);
    if (st == HKP_OK) *generation = hkp_le64(bytes + SNAP_GENERATION);
    return st;
}

static size_t snapshots(const struct hkp_neuro__view *view) {
    return (size_t)(view->cur != NULL) + (size_t)(view->prev != NULL);
}

size_t hkp_neuro__blob_size(const struct hkp_neuro__view *view) {
    return HEAD + META_SEALED + snapshots(view) * HKP_NEURO__SNAP_SIZE;
}

static void meta_write(const struct hkp_neuro__view *view, uint8_t meta[META]) {
    memset(meta, 0, META);
    meta[0] = (uint8_t)view->state;
    meta[1] = (uint8_t)view->cause;
    meta[2] = (uint8_t)view->has_tck;
    hkp_put_le32(meta + 4, view->gen_owner);
    hkp_put_le32(meta + 8, view->gen_holder);
    hkp_put_le64(meta + 16, view->first_index);
    hkp_put_le64(meta + 24, view->novelty.mean);
    hkp_put_le64(meta + 32, view->novelty.count);
    hkp_put_le64(meta + 40, view->novelty.newest);
    memcpy(meta + META_TCK, view->tck, sizeof view->tck);
    hkp_put_le64(meta + META_ID, view->id);
}

static void meta_read(struct hkp_neuro__view *view, const uint8_t meta[META]) {
    view->state = meta[0];
    view->cause = meta[1];
    view->has_tck = meta[2];
    view->gen_owner = hkp_le32(meta + 4);
    view->gen_holder = hkp_le32(meta + 8);
    view->first_index = hkp_le64(meta + 16);
    view->novelty.mean = hkp_le64(meta + 24);
    view->novelty.count = hkp_le64(meta + 32);
    view->novelty.newest = hkp_le64(meta + 40);
    memcpy(view->tck, meta + META_TCK, sizeof view->tck);
    view->id = hkp_le64(meta + META_ID);
}

hkp_status hkp_neuro__blob_write(const struct hkp_neuro__core *core, const struct hkp_neuro__view *view,
                                 uint64_t generation, uint8_t *blob) {
    const uint32_t first_kind =
        core->side == HKP_NEURO__SIDE_OWNER ? HKP_NEURO__SNAP_E_CUR : HKP_NEURO__SNAP_V_CUR;
    memset(blob, 0, HEAD);
    memcpy(blob, "NZINST1", 8);
    hkp_put_le16(blob + AT_VERSION, 1);
    hkp_put_le16(blob + AT_SIDE, (uint16_t)core->side);
    hkp_put_le32(blob + AT_COUNT, (uint32_t)snapshots(view));
    memcpy(blob + AT_X, core->opt.owner_id, 16);
    memcpy(blob + AT_Y, core->opt.holder_id, 16);
    hkp_put_le64(blob + AT_GENERATION, generation);
    meta_write(view, blob + HEAD + NONCE);
    hkp_status st = seal(core, blob, HEAD, blob + HEAD, META);
    const hkp_neuro_commit *slots[2] = {view->cur, view->prev};
    uint8_t *at = blob + HEAD + META_SEALED;
    for (uint32_t i = 0; i < 2 && st == HKP_OK; i++) {
        if (slots[i] == NULL) continue;
        const struct hkp_neuro__replica replica = {slots[i]->state, slots[i]->cursor};
        st = hkp_neuro__snap_write(core, first_kind + i, generation, &replica, at);
        at += HKP_NEURO__SNAP_SIZE;
    }
    return st;
}

static hkp_status slot_read(const struct hkp_neuro__core *core, uint32_t kind, const uint8_t *bytes,
                            uint64_t generation, hkp_neuro_commit **out) {
    struct hkp_neuro__replica replica = {0};
    uint64_t own = 0;
    hkp_status st = hkp_neuro_state_new(&replica.state, &core->opt.mem, core->opt.variant);
    if (st != HKP_OK) return st;
    st = hkp_neuro__snap_read(core, kind, bytes, HKP_NEURO__SNAP_SIZE, &own, &replica);
    if (st == HKP_OK && own != generation) st = HKP_E_NEURO_STATE;
    if (st == HKP_OK) {
        *out = hkp_neuro__commit_new(&core->opt.mem, core->opt.variant, &replica);
        if (*out == NULL) st = HKP_E_NOMEM;
    }
    hkp_neuro_state_free(replica.state);
    return st;
}

/* What a state must have beside it. */
static int view_fits(const struct hkp_neuro__view *view, uint32_t side) {
    const int live = view->state == HKP_NEURO_INSTANCE_PENDING || view->state == HKP_NEURO_INSTANCE_ACTIVE ||
                     view->state == HKP_NEURO_INSTANCE_STALE;
    return view->state <= HKP_NEURO_INSTANCE_LOST && view->has_tck <= 1 && (view->cur != NULL) == live &&
           (view->prev != NULL) == (live && side == HKP_NEURO__SIDE_HOLDER);
}

hkp_status hkp_neuro__blob_read(struct hkp_neuro__core *core, const uint8_t *blob, size_t len) {
    uint8_t meta[META];
    struct hkp_neuro__view view = {0};
    if (len < HEAD + META_SEALED) return HKP_E_NEURO_LENGTH;
    if (memcmp(blob, "NZINST1", 8) != 0) return HKP_E_NEURO_MAGIC;
    if (hkp_le16(blob + AT_VERSION) != 1) return HKP_E_NEURO_VERSION;
    const uint32_t count = hkp_le32(blob + AT_COUNT);
    if (count > 2 || len != HEAD + META_SEALED + (size_t)count * HKP_NEURO__SNAP_SIZE)
        return HKP_E_NEURO_LENGTH;
    if (hkp_le16(blob + AT_SIDE) != core->side || memcmp(blob + AT_X, core->opt.owner_id, 16) != 0 ||
        memcmp(blob + AT_Y, core->opt.holder_id, 16) != 0)
        return HKP_E_NEURO_STATE;
    const uint8_t *sealed = blob + HEAD;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(meta, NULL, NULL, sealed + NONCE, META + TAG, blob, HEAD,
                                                   sealed, core->opt.state_key) != 0)
        return HKP_E_NEURO_STATE;
    meta_read(&view, meta);
    const uint64_t generation = hkp_le64(blob + AT_GENERATION);
    const uint32_t first_kind =
        core->side == HKP_NEURO__SIDE_OWNER ? HKP_NEURO__SNAP_E_CUR : HKP_NEURO__SNAP_V_CUR;
    hkp_neuro_commit **slots[2] = {&view.cur, &view.prev};
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < count && st == HKP_OK; i++)
        st = slot_read(core, first_kind + i, blob + HEAD + META_SEALED + (size_t)i * HKP_NEURO__SNAP_SIZE,
                       generation, slots[i]);
    if (st == HKP_OK && !view_fits(&view, core->side)) st = HKP_E_NEURO_STATE;
    if (st != HKP_OK) {
        hkp_neuro__view_release(&view);
        return st;
    }
    core->view = view;
    core->generation = generation;
    return HKP_OK;
}
