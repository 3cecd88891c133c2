/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Nodes that others speak of and no certificate has shown yet: heads in HAVE and in proposals, signers of
 * blocks and of records. Ids cost nothing, so they make no author: only a certificate does (D-CERT-5). They
 * wait here, a few of each peer, until CERT_WANT brought it or nobody had it.
 */
#include <string.h>

#include "libdsm/node/node.h"

enum {
    OF_PEER = STRANGERS_MAX / 4,
    /** ids of one CERT_WANT */
    ASKED = 64,
    TRIES = 4,
    /** times that the one who spoke of it is asked, then others */
    TRIES_OF_TELLER = 2
};

typedef struct stranger stranger;

static stranger *find(node *n, const uint8_t node_id[16]) {
    for (uint32_t i = 0; n->n_strangers > 0 && i < STRANGERS_MAX; i++)
        if (n->strangers[i].used && memcmp(n->strangers[i].node_id, node_id, 16) == 0)
            return &n->strangers[i];
    return NULL;
}

static void drop(node *n, stranger *s) {
    s->used = 0;
    n->n_strangers--;
}

static uint32_t count_of(const node *n, const uint8_t by[16]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < STRANGERS_MAX; i++)
        count += n->strangers[i].used && memcmp(n->strangers[i].by, by, 16) == 0;
    return count;
}

/* A free place, or in turn one of somebody who holds more of them. */
static stranger *place(node *n, const uint8_t by[16]) {
    const uint32_t own = count_of(n, by);
    if (own >= OF_PEER) return NULL;
    for (uint32_t i = 0; n->n_strangers < STRANGERS_MAX && i < STRANGERS_MAX; i++)
        if (!n->strangers[i].used) return &n->strangers[i];
    stranger *s = &n->strangers[n->stranger_at++ % STRANGERS_MAX];
    if (count_of(n, s->by) <= own + 1) return NULL;
    drop(n, s);
    return s;
}

static stranger *enter(node *n, const struct peer *p, const uint8_t node_id[16]) {
    static const uint8_t nobody[16];
    stranger *s = find(n, node_id);
    const uint8_t *by = p != NULL ? p->node_id : nobody;
    if (s != NULL) return s;
    s = place(n, by);
    if (s == NULL) return NULL;
    *s = (stranger){.used = 1};
    memcpy(s->node_id, node_id, 16);
    memcpy(s->by, by, 16);
    n->n_strangers++;
    return s;
}

int hkp_dsm__stranger_due(node *n, const struct peer *p, const uint8_t node_id[16]) {
    stranger *s = enter(n, p, node_id);
    if (s == NULL || n->now < s->again) return 0;
    s->again = n->now + 500 * MS;
    s->tries++;
    return 1;
}

void hkp_dsm__stranger_claim(node *n, const struct peer *p, const uint8_t node_id[16], uint64_t seq) {
    stranger *s = enter(n, p, node_id);
    if (s == NULL || seq <= s->seq) return;
    if (memcmp(s->by, p->node_id, 16) != 0 && count_of(n, p->node_id) >= OF_PEER) return;
    s->seq = seq;
    memcpy(s->by, p->node_id, 16);
}

void hkp_dsm__stranger_known(node *n, struct author *a) {
    stranger *s = find(n, a->node_id);
    if (s == NULL) return;
    struct peer *p = hkp_dsm__peer(n, s->by);
    if (p != NULL && s->seq > 0) hkp_dsm__claim(n, a, s->seq, p);
    drop(n, s);
}

/* ---- asking ---- */

static int by_node_id(const void *a, const void *b) { return memcmp(a, b, 16); }

static struct peer *whom(node *n, const stranger *s, struct peer *other) {
    struct peer *p = s->tries < TRIES_OF_TELLER ? hkp_dsm__peer(n, s->by) : NULL;
    return p != NULL ? p : other;
}

/* Those that are due and to be asked of the same peer as the first of them, in one message. */
static void ask(node *n, uint32_t first, struct peer *p, struct peer *other) {
    uint8_t ids[ASKED][16];
    size_t count = 0;
    for (uint32_t i = first; i < STRANGERS_MAX && count < ASKED; i++) {
        stranger *s = &n->strangers[i];
        if (!s->used || n->now < s->again || whom(n, s, other) != p) continue;
        memcpy(ids[count++], s->node_id, 16);
        s->again = n->now + SECOND;
        if (s->tries++ == 0 && hkp_dsm__may_take(n))
            memcpy(hkp_dsm__fact(n, HKP_DSM_EV_NEED_CERTIFICATE)->e.node_id, s->node_id, 16);
    }
    hkp_dsm__sort(ids, count, sizeof ids[0], by_node_id);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_CERT_WANT, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 1, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__strangers_ask(node *n) {
    struct peer *other = n->n_strangers > 0 ? hkp_dsm__some_peer(n, 1, 0) : NULL;
    for (uint32_t i = 0; n->n_strangers > 0 && i < STRANGERS_MAX; i++) {
        stranger *s = &n->strangers[i];
        if (!s->used || n->now < s->again) continue;
        struct peer *p = whom(n, s, other);
        if (s->tries >= TRIES || p == NULL)
            drop(n, s);
        else
            ask(n, i, p, other);
    }
}
