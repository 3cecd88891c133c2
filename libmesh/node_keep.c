/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * T and quarantine of a peer over a restart (NZ1 16, decision 0516). The file is sealed under the state key:
 * "HKPTRST1" || own node_id 16 || peer 16 || nonce 24 || T LE32, flags LE32, last contradiction LE64 ||
 * tag 16.
 */
#include "libmesh/node.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <string.h>

enum { HEAD = 40, PLAIN = 16, NONCE_AT = HEAD, SEALED_AT = HEAD + 24 };
enum { QUARANTINED = 1, SEEN = 2, RELEASED = 4, FLAGS = 7 };

static void head_of(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer, uint8_t head[HEAD]) {
    memcpy(head, "HKPTRST1", 8);
    memcpy(head + 8, node->node_id, 16);
    memcpy(head + 24, peer->node_id, 16);
}

void hkp_mesh__trust_keep(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__trust *t = &peer->trust;
    uint8_t plain[PLAIN];
    hkp_put_le32(plain, t->now.t);
    hkp_put_le32(plain + 4, (t->quarantine.quarantined ? QUARANTINED : 0U) |
                                (t->quarantine.seen ? SEEN : 0U) | (t->released ? RELEASED : 0U));
    hkp_put_le64(plain + 8, t->quarantine.last_s);
    head_of(node, peer, t->file);
    t->file_due = 0;
    /* without randomness nothing is written: what is stored stays, and the next change tries again */
    if (node->opt.rng.fill(node->opt.rng.user, t->file + NONCE_AT, 24) != 0) return;
    crypto_aead_xchacha20poly1305_ietf_encrypt(t->file + SEALED_AT, NULL, plain, PLAIN, t->file, HEAD, NULL,
                                               t->file + NONCE_AT, node->opt.state_key);
    t->file_due = 1;
    t->kept_t = t->now.t;
    t->kept_at = node->now;
}

void hkp_mesh__trust_keep_fallen(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    const struct hkp_mesh__trust *t = &peer->trust;
    if (t->session_us != 0 && t->now.t < t->kept_t && node->now >= t->kept_at + HKP_MESH__TRUST_KEEP_EVERY)
        hkp_mesh__trust_keep(node, peer);
}

hkp_status hkp_mesh__trust_restore(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                   const uint8_t *data, size_t len) {
    struct hkp_mesh__trust *t = &peer->trust;
    uint8_t head[HEAD], plain[PLAIN];
    head_of(node, peer, head);
    if (len != HKP_MESH__TRUST_FILE) return HKP_E_NEURO_LENGTH;
    if (memcmp(data, head, HEAD) != 0) return HKP_E_NEURO_STATE;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, data + SEALED_AT, len - SEALED_AT, head,
                                                   HEAD, data + NONCE_AT, node->opt.state_key) != 0 ||
        hkp_le32(plain) > HKP_NEURO_ONE || hkp_le32(plain + 4) > FLAGS)
        return HKP_E_NEURO_STATE;
    const uint32_t flags = hkp_le32(plain + 4);
    t->now.t = t->kept_t = hkp_le32(plain);
    t->quarantine.quarantined = (flags & QUARANTINED) != 0;
    t->quarantine.seen = (flags & SEEN) != 0;
    t->quarantine.last_s = hkp_le64(plain + 8);
    t->released = (flags & RELEASED) != 0;
    return HKP_OK;
}
