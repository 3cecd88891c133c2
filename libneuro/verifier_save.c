/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A replay on its way as bytes, to go on after a restart or elsewhere.
 *
 * NZVERIF1: `NZVERIF1` · version LE16 = 1 · 0 LE16 · 0 LE32 · node_id 16 · index LE64; then nonce 24 ||
 * XChaCha20-Poly1305(key, AAD = these 40 bytes, state 112,052 || cursor 104 || first LE64 || checkpoints LE64
 * || until LE64 || has_before u8 · has_tck u8 · 0^6 || h_before 32 || TCK1 256 || zeros).
 */
#include "libneuro/verifier.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEAD = 40,
    PLAIN = HKP_NEURO_VERIFIER_SIZE - HEAD - NONCE - TAG,
    AT_CURSOR = HKP_NEURO_STATE_SIZE,
    AT_FIRST = AT_CURSOR + HKP_TER_CURSOR_SIZE,
    AT_CHECKPOINTS = AT_FIRST + 8,
    AT_UNTIL = AT_CHECKPOINTS + 8,
    AT_FLAGS = AT_UNTIL + 8,
    AT_BEFORE = AT_FLAGS + 8,
    AT_TCK = AT_BEFORE + 32,
    AT_END = AT_TCK + HKP_TER_TCK_SIZE
};

hkp_status hkp_neuro_verifier_export(const hkp_neuro_verifier *verifier, const uint8_t key[32],
                                     const struct hkp_rng *rng, uint8_t *bytes) {
    uint8_t nonce[NONCE];
    if (!verifier->begun || verifier->ended.verdict != HKP_NEURO_VERDICT_OPEN) return HKP_E_STATE;
    if (rng->fill(rng->user, nonce, sizeof nonce) != 0) return HKP_E_CALLBACK;
    uint8_t *plain = bytes + HEAD + NONCE;
    memset(bytes, 0, HKP_NEURO_VERIFIER_SIZE);
    memcpy(bytes, "NZVERIF1", 8);
    hkp_put_le16(bytes + 8, 1);
    memcpy(bytes + 16, verifier->node_id, 16);
    hkp_put_le64(bytes + 32, verifier->at.cursor.index);
    memcpy(bytes + HEAD, nonce, sizeof nonce);
    hkp_neuro_state_encode(verifier->at.state, plain);
    hkp_ter_cursor_encode(&verifier->at.cursor, plain + AT_CURSOR);
    hkp_put_le64(plain + AT_FIRST, verifier->first);
    hkp_put_le64(plain + AT_CHECKPOINTS, verifier->checkpoints);
    hkp_put_le64(plain + AT_UNTIL, verifier->until);
    plain[AT_FLAGS] = (uint8_t)verifier->has_before;
    plain[AT_FLAGS + 1] = (uint8_t)verifier->has_tck;
    if (verifier->has_before) memcpy(plain + AT_BEFORE, verifier->h_before, 32);
    if (verifier->has_tck) memcpy(plain + AT_TCK, verifier->tck, HKP_TER_TCK_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(plain, NULL, plain, PLAIN, bytes, HEAD, NULL, nonce, key);
    return HKP_OK;
}

/* The sealed part of sound bytes into the verifier. */
static hkp_status take(hkp_neuro_verifier *v, const uint8_t *plain, uint64_t index) {
    struct hkp_ter_cursor cursor;
    const uint64_t first = hkp_le64(plain + AT_FIRST);
    if (hkp_ter_cursor_decode(&cursor, plain + AT_CURSOR) != HKP_OK || cursor.index != index ||
        first > index || plain[AT_FLAGS] > 1 || plain[AT_FLAGS + 1] > 1)
        return HKP_E_NEURO_STATE;
    if (hkp_neuro_state_decode(v->at.state, plain, HKP_NEURO_STATE_SIZE) != HKP_OK) return HKP_E_NEURO_STATE;
    v->at.cursor = cursor;
    hkp_neuro__verifier_start(v);
    v->first = first;
    v->checkpoints = hkp_le64(plain + AT_CHECKPOINTS);
    v->until = hkp_le64(plain + AT_UNTIL);
    v->has_before = plain[AT_FLAGS];
    v->has_tck = plain[AT_FLAGS + 1];
    memcpy(v->h_before, plain + AT_BEFORE, 32);
    memcpy(v->tck, plain + AT_TCK, HKP_TER_TCK_SIZE);
    return HKP_OK;
}

hkp_status hkp_neuro_verifier_import(hkp_neuro_verifier *verifier, const uint8_t key[32],
                                     const uint8_t *bytes, size_t len) {
    if (len != HKP_NEURO_VERIFIER_SIZE) return HKP_E_NEURO_LENGTH;
    if (memcmp(bytes, "NZVERIF1", 8) != 0) return HKP_E_NEURO_MAGIC;
    if (hkp_le16(bytes + 8) != 1) return HKP_E_NEURO_VERSION;
    if (memcmp(bytes + 16, verifier->node_id, 16) != 0) return HKP_E_NEURO_STATE;
    uint8_t *plain = (uint8_t *)hkp_mem_alloc(&verifier->mem, PLAIN);
    if (plain == NULL) return HKP_E_NOMEM;
    hkp_status st = HKP_E_NEURO_STATE;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, bytes + HEAD + NONCE, PLAIN + TAG,
                                                   bytes, HEAD, bytes + HEAD, key) == 0)
        st = take(verifier, plain, hkp_le64(bytes + 32));
    sodium_memzero(plain, PLAIN);
    hkp_mem_free(&verifier->mem, plain, PLAIN);
    return st;
}

_Static_assert(AT_END <= PLAIN, "all of it fits");
