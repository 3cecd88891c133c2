/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The registry: who is known, by which certificates, and how far the chain of each has come (D-CERT, D-BLK).
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

struct author *hkp_dsm__author(const node *n, const uint8_t node_id[16]) {
    struct author *a = n->author_table[hkp_le32(node_id) & n->author_mask];
    while (a != NULL && memcmp(a->node_id, node_id, 16) != 0) a = a->next_by_id;
    return a;
}

struct author *hkp_dsm__author_make(node *n, const uint8_t node_id[16]) {
    struct author *a = hkp_dsm__author(n, node_id);
    if (a != NULL) return a;
    if (n->n_authors == n->heads_max) return NULL;
    a = &n->authors[n->n_authors++];
    *a = (struct author){.tokens = UINT64_MAX, .tokens_at = n->now};
    memcpy(a->node_id, node_id, 16);
    struct author **at = &n->author_table[hkp_le32(node_id) & n->author_mask];
    a->next_by_id = *at;
    *at = a;
    if (n->lists.chain[0].op != NULL) a->revoked = hkp_dsm__revoked_at(n, NULL, node_id);
    return a;
}

void hkp_dsm__author_open(node *n, struct author *a) {
    int open = a->tip.seq > a->final.seq;
    if (open == (int)a->is_open) return;
    a->is_open = (uint32_t)open;
    if (open) {
        a->open_prev = NULL;
        a->open_next = n->open;
        if (n->open != NULL) n->open->open_prev = a;
        n->open = a;
        return;
    }
    if (a->open_prev != NULL)
        a->open_prev->open_next = a->open_next;
    else
        n->open = a->open_next;
    if (a->open_next != NULL) a->open_next->open_prev = a->open_prev;
}

uint64_t hkp_dsm__judged_at_s(const node *n) {
    return hkp_dsm__check_time(hkp_dsm__wall_us(n) / 1000000, (int)n->synchronised, n->root.time_ms,
                               n->build_s);
}

hkp_status hkp_dsm__certificate_timely(const node *n, const uint8_t *multi, size_t len,
                                       const struct hkp_dsm_certificate *c) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(multi, len, &m);
    if (st != HKP_OK) return st;
    return hkp_dsm__officers_timely(&n->lists.officers, m.ca_version, c->not_before_s) ? HKP_OK
                                                                                       : HKP_E_DSM_CA_VERSION;
}

/* The oldest serial makes room. */
static uint32_t certificate_place(node *n, struct author *a) {
    if (a->n_certs < CERTS_PER_NODE) return a->n_certs++;
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < CERTS_PER_NODE; i++)
        if (a->certs[i].serial < a->certs[oldest].serial) oldest = i;
    hkp_dsm__rivals_drop(n, a, a->certs[oldest].serial);
    return oldest;
}

hkp_status hkp_dsm__certificate_take(node *n, const uint8_t *multi, size_t len, int came) {
    struct hkp_dsm_certificate c;
    hkp_status st = hkp_dsm__rival_known(n, multi, len);
    if (st != HKP_OK) return st;
    st = came == CERT_STORED ? hkp_dsm_certificate_parse(multi, len, &c)
                             : hkp_dsm_certificate_check(multi, len, n->chain_id, &n->officers,
                                                         hkp_dsm__judged_at_s(n), 0, &c);
    /* An expired one still judges the blocks of its time (D-CERT-2). */
    if (st == HKP_E_DSM_EXPIRED) st = hkp_dsm_certificate_parse(multi, len, &c);
    if (st == HKP_OK && came != CERT_STORED) st = hkp_dsm__certificate_timely(n, multi, len, &c);
    if (st != HKP_OK) return st;
    struct author *a = hkp_dsm__author_make(n, c.node_id);
    if (a == NULL) return HKP_E_LIMIT;
    blob *bytes = hkp_dsm__bytes(n, multi, len);
    if (bytes == NULL) return HKP_E_LIMIT;
    c.bls_key = c.bls_proof = (struct hkp_dsm_view){0};
    const int slot = hkp_dsm__cert_slot(a, c.serial);
    if (slot >= 0) {
        st = hkp_dsm__rival_take(n, a, (uint32_t)slot, &c, bytes, came);
        hkp_dsm__blob_drop(&n->pool, bytes);
        return st;
    }
    uint32_t at = certificate_place(n, a);
    hkp_dsm__blob_drop(&n->pool, a->cert_bytes[at]);
    a->certs[at] = c;
    a->cert_bytes[at] = bytes;
    hkp_dsm__cert_index(n, a, at);
    hkp_dsm__stranger_known(n, a);
    if (came != CERT_STORED) {
        uint8_t key[24];
        hkp_dsm__put_blob(n, HKP_DSM_ROW_CERTIFICATE, key, hkp_dsm__key_block(key, c.node_id, c.serial),
                          hkp_dsm__blob_hold(bytes));
    }
    return HKP_OK;
}

void hkp_dsm__certificate_ask(node *n, struct author *a, struct peer *p, const uint8_t node_id[16]) {
    if (a != NULL && n->now < a->cert_again) return;
    if (!hkp_dsm__may_take(n)) return;
    if (a == NULL && hkp_dsm__author(n, node_id) == NULL && !hkp_dsm__stranger_due(n, p, node_id)) return;
    if (a != NULL) a->cert_again = n->now + 500 * MS;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_NEED_CERTIFICATE);
    memcpy(e->e.node_id, node_id, 16);
    if (p == NULL) return;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_CERT_WANT, 1);
    hkp_dsm_cbor_put_bytes(&w, node_id, 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 1, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

hkp_status hkp_dsm_node_add_certificate(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *multi,
                                        size_t len) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    const hkp_status st = hkp_dsm__certificate_take(n, multi, len, CERT_SHOWN);
    return st == HKP_E_DSM_DUPLICATE ? HKP_OK : st;
}

hkp_status hkp_dsm_node_member(const hkp_dsm_node *n, const uint8_t node_id[16], struct hkp_dsm_member *out) {
    if (out->struct_size < sizeof *out) return HKP_E_INVAL;
    const struct author *a = hkp_dsm__author(n, node_id);
    if (a == NULL || a->n_certs == 0) return HKP_E_NOTFOUND;
    const struct hkp_dsm_certificate *c = hkp_dsm__newest_certificate(a);
    int seat = hkp_dsm__valset_index(&n->set, node_id);
    *out = (struct hkp_dsm_member){.struct_size = sizeof *out,
                                   .roles = c->roles,
                                   .tier = c->tier,
                                   .group = c->group,
                                   .serial = c->serial,
                                   .not_before_s = c->not_before_s,
                                   .not_after_s = c->not_after_s,
                                   .seat = (uint32_t)seat};
    memcpy(out->key, c->key, 32);
    memcpy(out->node_id, node_id, 16);
    return HKP_OK;
}
