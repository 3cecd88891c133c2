/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two certificates of one serial (D-CA-9, E6). The same one counts everywhere, whichever came first; the
 * others are kept, because the chain may have blocks that were judged by them before (decision 0627).
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

static void id_of(const node *n, const uint8_t *multi, size_t len, uint8_t id[16]) {
    const struct hkp_dsm_view view = {.ptr = multi, .len = len};
    struct hkp_dsm__item item;
    memset(id, 0, 16);
    if (hkp_dsm__item_read(HKP_DSM__FORM_MULTI, &view, NULL, &item) == HKP_OK)
        hkp_dsm__item_message_id(&item, n->chain_id, id);
}

int hkp_dsm__cert_slot(const struct author *a, uint64_t serial) {
    for (uint32_t i = 0; a != NULL && i < a->n_certs; i++)
        if (a->certs[i].serial == serial) return (int)i;
    return -1;
}

const struct hkp_dsm_certificate *hkp_dsm__newest_certificate(const struct author *a) {
    const struct hkp_dsm_certificate *c = a->n_certs > 0 ? &a->certs[0] : NULL;
    for (uint32_t i = 1; i < a->n_certs; i++)
        if (a->certs[i].serial > c->serial) c = &a->certs[i];
    return c;
}

hkp_status hkp_dsm__rival_known(const node *n, const uint8_t *multi, size_t len) {
    struct hkp_dsm_certificate c;
    uint8_t id[16];
    if (hkp_dsm_certificate_parse(multi, len, &c) != HKP_OK) return HKP_OK;
    const struct author *a = hkp_dsm__author(n, c.node_id);
    const int at = hkp_dsm__cert_slot(a, c.serial);
    if (at < 0) return HKP_OK;
    id_of(n, multi, len, id);
    if (memcmp(a->cert_ids[at], id, 16) == 0) return HKP_E_DSM_DUPLICATE;
    uint32_t count = 0;
    for (const struct rival *r = a->rivals; r != NULL; r = r->next) {
        if (r->c.serial != c.serial) continue;
        if (memcmp(r->id, id, 16) == 0) return HKP_E_DSM_DUPLICATE;
        count++;
    }
    return count < RIVALS_MAX ? HKP_OK : HKP_E_LIMIT;
}

/* D-CA-9: fewer roles, then the lower id. */
static int is_better(const struct hkp_dsm_certificate *c, const uint8_t id[16],
                     const struct hkp_dsm_certificate *held, const uint8_t held_id[16]) {
    const int roles = __builtin_popcount(c->roles), of_held = __builtin_popcount(held->roles);
    return roles != of_held ? roles < of_held : memcmp(id, held_id, 16) < 0;
}

static struct rival **list_of(node *n, const uint8_t id[16]) { return &n->rivals[id[0] % RIVAL_LISTS]; }

const blob *hkp_dsm__rival_better(const node *n, const uint8_t id[16]) {
    const struct rival *r = n->rivals[id[0] % RIVAL_LISTS];
    while (r != NULL && memcmp(r->id, id, 16) != 0) r = r->next_by_id;
    if (r == NULL) return NULL;
    const struct author *a = hkp_dsm__author(n, r->c.node_id);
    const int at = hkp_dsm__cert_slot(a, r->c.serial);
    return at < 0 ? NULL : a->cert_bytes[at];
}

static void put(node *n, const struct hkp_dsm_certificate *c, const uint8_t *id, blob *bytes) {
    uint8_t key[32];
    size_t len = hkp_dsm__key_block(key, c->node_id, c->serial);
    if (id != NULL) memcpy(key + len, id, 8);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_CERTIFICATE, key, id != NULL ? len + 8 : len, hkp_dsm__blob_hold(bytes));
}

hkp_status hkp_dsm__rival_take(node *n, struct author *a, uint32_t at, const struct hkp_dsm_certificate *c,
                               blob *bytes, int came) {
    struct rival *r = hkp_dsm__take(n, sizeof *r);
    if (r == NULL) return HKP_E_LIMIT;
    blob *before = hkp_dsm__blob_hold(a->cert_bytes[at]);
    *r = (struct rival){.next = a->rivals, .c = *c, .bytes = hkp_dsm__blob_hold(bytes)};
    id_of(n, bytes->ptr, bytes->len, r->id);
    a->rivals = r;
    const int better = is_better(c, r->id, &a->certs[at], a->cert_ids[at]);
    if (better) {
        hkp_dsm__blob_drop(&n->pool, r->bytes);
        r->c = a->certs[at];
        r->bytes = a->cert_bytes[at];
        memcpy(r->id, a->cert_ids[at], 16);
        a->certs[at] = *c;
        a->cert_bytes[at] = hkp_dsm__blob_hold(bytes);
        hkp_dsm__cert_index(n, a, at);
    }
    r->next_by_id = *list_of(n, r->id);
    *list_of(n, r->id) = r;
    if (came != CERT_STORED) {
        const struct hkp_dsm_view one = {before->ptr, before->len}, other = {bytes->ptr, bytes->len};
        if (better) put(n, c, NULL, bytes);
        put(n, &r->c, r->id, r->bytes);
        hkp_dsm__suspect(n, &one, &other);
        /* it is told by itself, too: the officers may be known as offenders already */
        if (better && came == CERT_SHOWN) hkp_dsm__spread(n, HKP_DSM__FORM_MULTI, bytes, 0, NULL);
    }
    hkp_dsm__blob_drop(&n->pool, before);
    return better ? HKP_OK : HKP_E_DSM_DUPLICATE;
}

void hkp_dsm__rivals_drop(node *n, struct author *a, uint64_t serial) {
    for (struct rival **at = &a->rivals; *at != NULL;) {
        struct rival *r = *at;
        if (r->c.serial != serial) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        struct rival **link = list_of(n, r->id);
        while (*link != r) link = &(*link)->next_by_id;
        *link = r->next_by_id;
        hkp_dsm__blob_drop(&n->pool, r->bytes);
        hkp_dsm__pool_give(&n->pool, r);
    }
}

void hkp_dsm__rivals_of(node *n, const struct hkp_dsm_view *op) {
    struct hkp_dsm__op o;
    if (hkp_dsm__op_parse(op->ptr, op->len, &o) != HKP_OK) return;
    hkp_status st = hkp_dsm__certificate_take(n, o.first.ptr, o.first.len, CERT_SHOWN);
    st = hkp_dsm__certificate_take(n, o.second.ptr, o.second.len, CERT_SHOWN);
    (void)st;
}
