/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Certificates, lists and evidence that were lost on their way (D-GSP-13): a neighbour is told the ids of all
 * that is held, soon after it became one and every 10 minutes, and asks for what it lacks. So many ids at
 * once that the answers fit into the ration of the lane.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum {
    AGAIN_S = 600,
    /** ids of the first message and after one that was asked about; twice as many each time that nobody asks
     */
    FIRST_IDS = 32,
    IDS_MAX = 256,
    /** between two messages */
    STEP_S = 5,
    /** places looked at for one message */
    LOOKS = 4096
};

/* ---- certificates by id ---- */

static uint32_t *chain_of(const node *n, const uint8_t id[16]) {
    return &n->cert_table[hkp_le32(id) & n->author_mask];
}

static struct author *author_of(const node *n, uint32_t place) {
    return &n->authors[(place - 1) / CERTS_PER_NODE];
}

void hkp_dsm__cert_index(node *n, struct author *a, uint32_t at) {
    const uint32_t place = (uint32_t)(a - n->authors) * CERTS_PER_NODE + at + 1;
    const struct hkp_dsm_view multi = {.ptr = a->cert_bytes[at]->ptr, .len = a->cert_bytes[at]->len};
    struct hkp_dsm__item item;
    uint32_t *link = chain_of(n, a->cert_ids[at]);
    while (*link != 0 && *link != place) link = &author_of(n, *link)->cert_next[(*link - 1) % CERTS_PER_NODE];
    if (*link == place) *link = a->cert_next[at]; /* of the one that was here before */
    if (hkp_dsm__item_read(HKP_DSM__FORM_MULTI, &multi, NULL, &item) != HKP_OK) return;
    hkp_dsm__item_message_id(&item, n->chain_id, a->cert_ids[at]);
    link = chain_of(n, a->cert_ids[at]);
    a->cert_next[at] = *link;
    *link = place;
}

static const blob *certificate(const node *n, const uint8_t id[16]) {
    uint32_t at = *chain_of(n, id);
    while (at != 0 && memcmp(author_of(n, at)->cert_ids[(at - 1) % CERTS_PER_NODE], id, 16) != 0)
        at = author_of(n, at)->cert_next[(at - 1) % CERTS_PER_NODE];
    return at == 0 ? NULL : author_of(n, at)->cert_bytes[(at - 1) % CERTS_PER_NODE];
}

const blob *hkp_dsm__held_by_id(const node *n, const uint8_t id[16], uint32_t *form) {
    const blob *b = certificate(n, id);
    *form = HKP_DSM__FORM_MULTI;
    if (b != NULL) return b;
    *form = HKP_DSM__FORM_EVIDENCE;
    for (uint32_t i = 0; i < n->n_suspects; i++)
        if (memcmp(n->suspects[i].message_id, id, 16) == 0) return n->suspects[i].op;
    return NULL;
}

/* ---- telling ---- */

static const uint8_t *id_at(const node *n, uint32_t at) {
    if (at < n->n_suspects) return n->suspects[at].message_id;
    const struct author *a = &n->authors[(at - n->n_suspects) / CERTS_PER_NODE];
    const uint32_t slot = (at - n->n_suspects) % CERTS_PER_NODE;
    return slot < a->n_certs ? a->cert_ids[slot] : NULL;
}

static int ascending(const void *a, const void *b) { return memcmp(a, b, 16); }

static void tell(node *n, struct peer *p) {
    const uint32_t end = n->n_suspects + n->n_authors * CERTS_PER_NODE;
    uint8_t ids[IDS_MAX][16];
    uint32_t count = 0, looks = 0;
    if (p->told == 0) hkp_dsm__lists_announce(n, p);
    for (; p->told < end && count < p->tell_ids && looks < LOOKS; p->told++, looks++) {
        const uint8_t *id = id_at(n, p->told);
        if (id != NULL) memcpy(ids[count++], id, 16);
    }
    p->tell_again = n->now + (p->told < end ? STEP_S : AGAIN_S) * SECOND;
    if (p->told >= end) p->told = 0;
    if (p->tell_ids < IDS_MAX) p->tell_ids *= 2;
    if (count == 0) return;
    hkp_dsm__sort(ids, count, sizeof ids[0], ascending);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_IHAVE, count);
    for (uint32_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 1, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__reconcile_begin(node *n, struct peer *p) {
    p->told = 0;
    p->tell_ids = FIRST_IDS;
    p->tell_again = n->now + SECOND; /* the other side is to see a link, too */
    if (p->tell_again < n->tell_at) n->tell_at = p->tell_again;
}

void hkp_dsm__reconcile_asked(struct peer *p) { p->tell_ids = FIRST_IDS; }

void hkp_dsm__reconcile_tick(node *n) {
    if (n->now < n->tell_at) return;
    n->tell_at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < n->spread.tree.o.links; i++) {
        struct peer *p = n->spread.of[i];
        if (p == NULL) continue;
        if (n->now >= p->tell_again) tell(n, p);
        if (p->tell_again < n->tell_at) n->tell_at = p->tell_again;
    }
}
