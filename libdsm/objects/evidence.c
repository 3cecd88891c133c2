/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Evidence of two signatures that exclude each other (D-EVD-1, D-EVD-2). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#define NO_EPOCH UINT64_MAX

/* What an envelope promised. */
struct promise {
    uint64_t kind, epoch, point; /* view, or seq of a block */
    uint8_t digest[32];          /* id of a block */
    const uint8_t *signer;
};

static hkp_status read_promise(const uint8_t chain_id[32], const struct hkp_dsm_envelope *e,
                               struct promise *p) {
    struct hkp_dsm__block block;
    struct hkp_dsm__header header;
    struct hkp_dsm__vote vote;
    hkp_status st;
    *p = (struct promise){.kind = e->kind, .epoch = NO_EPOCH, .signer = e->signer};
    if (e->kind == HKP_DSM_KIND_MICROBLOCK) {
        st = hkp_dsm__block_parse(chain_id, e->signer, e->body.ptr, e->body.len, &block);
        if (st != HKP_OK) return st;
        p->point = block.seq;
        memcpy(p->digest, block.id, 32);
        return HKP_OK;
    }
    if (e->kind == HKP_DSM_KIND_PROPOSE) {
        st = hkp_dsm__header_parse(chain_id, e->body.ptr, e->body.len, &header);
        if (st != HKP_OK) return st;
        p->epoch = header.epoch;
        p->point = header.view;
        memcpy(p->digest, header.digest, 32);
        return HKP_OK;
    }
    st = hkp_dsm__vote_parse(e->kind, e->body.ptr, e->body.len, &vote);
    if (st != HKP_OK) return st;
    p->epoch = vote.epoch;
    p->point = vote.view;
    memcpy(p->digest, vote.digest, 32);
    return HKP_OK;
}

/* The body is read first, because it names the epoch of the key; its faults are told after the signature's.
 */
static hkp_status verify_envelope(const struct hkp_dsm_view *in, const uint8_t chain_id[32],
                                  const struct hkp_dsm__keys *keys, struct promise *p) {
    const uint32_t kinds = 0x3E; /* MICROBLOCK to FINAL */
    struct hkp_dsm_envelope e;
    hkp_status st = hkp_dsm_envelope_parse(in->ptr, in->len, kinds, &e);
    if (st != HKP_OK) return st;
    const hkp_status body = read_promise(chain_id, &e, p);
    /* nobody has a seat in the epoch whose number stands for none */
    const int of_nobody = e.kind != HKP_DSM_KIND_MICROBLOCK && body == HKP_OK && p->epoch == NO_EPOCH;
    const uint8_t *key = of_nobody ? NULL : keys->key(keys->user, e.signer, p->epoch);
    if (key == NULL) return HKP_E_DSM_SIGNER;
    st = hkp_dsm_envelope_verify(chain_id, &e, key);
    return st == HKP_OK ? body : st;
}

/* Class of two promises of one signer, 0 if both are legal. */
static uint32_t classify(const struct promise *a, const struct promise *b) {
    const int differ = memcmp(a->digest, b->digest, 32) != 0;
    if (memcmp(a->signer, b->signer, 16) != 0 || a->epoch != b->epoch || a->point != b->point) return 0;
    if (a->kind != b->kind)
        return a->kind + b->kind == HKP_DSM_KIND_NULL + HKP_DSM_KIND_FINAL ? 2 : 0; /* the only such sum */
    if (!differ) return 0;
    switch (a->kind) {
    case HKP_DSM_KIND_NOTAR:
        return 1;
    case HKP_DSM_KIND_PROPOSE:
        return 3;
    case HKP_DSM_KIND_FINAL:
        return 4;
    case HKP_DSM_KIND_MICROBLOCK:
        return 5;
    default:
        return 0;
    }
}

static hkp_status check_envelopes(const struct hkp_dsm_view *a, const struct hkp_dsm_view *b,
                                  const uint8_t chain_id[32], const struct hkp_dsm__keys *keys,
                                  struct hkp_dsm__evidence *evidence) {
    struct promise pa, pb;
    hkp_status st = verify_envelope(a, chain_id, keys, &pa);
    if (st == HKP_OK) st = verify_envelope(b, chain_id, keys, &pb);
    if (st != HKP_OK) return st;
    const uint32_t class_ = classify(&pa, &pb);
    if (class_ == 0) return HKP_E_DSM_EVIDENCE;
    *evidence = (struct hkp_dsm__evidence){.class_ = class_,
                                           .n_offenders = 1,
                                           .epoch = pa.epoch == NO_EPOCH ? 0 : pa.epoch,
                                           .point = pa.point,
                                           .kind = pa.kind};
    memcpy(evidence->offender[0], pa.signer, 16);
    return HKP_OK;
}

/* ---- E6: officers ---------------------------------------------------------------------------------------
 */

/* The number that an officer may give once only (D-CA-4), and whose it is. */
struct number {
    uint64_t value;
    uint8_t subject[16]; /* node of a certificate, scope of an order */
};

static hkp_status read_number(const struct hkp_dsm_multi *m, struct number *number) {
    struct hkp_dsm_certificate certificate;
    struct hkp_dsm_revocations list;
    struct hkp_dsm_ca_set set;
    struct hkp_dsm_order order;
    hkp_status st = HKP_E_DSM_EVIDENCE;
    *number = (struct number){.value = 0};
    if (m->body.len > hkp_dsm__multi_body_max(m->kind)) return HKP_E_DSM_TOO_BIG;
    switch (m->kind) {
    case HKP_DSM_KIND_CERTIFICATE:
        st = hkp_dsm__certificate_body(&m->body, &certificate);
        if (st != HKP_OK) break;
        number->value = certificate.serial;
        memcpy(number->subject, certificate.node_id, 16);
        break;
    case HKP_DSM_KIND_REVOCATION_LIST:
        st = hkp_dsm_revocations_parse(m->body.ptr, m->body.len, &list);
        if (st == HKP_OK) number->value = list.number;
        break;
    case HKP_DSM_KIND_CA_SET:
        st = hkp_dsm_ca_set_parse(m->body.ptr, m->body.len, &set);
        if (st == HKP_OK) number->value = set.version;
        break;
    case HKP_DSM_KIND_RESTART:
        st = hkp_dsm__restart_epoch(&m->body, &number->value);
        break;
    case HKP_DSM_KIND_ORDER:
        st = hkp_dsm__order_body(&m->body, &order);
        if (st != HKP_OK) break;
        number->value = order.number;
        hkp_put_be64(number->subject, order.scope);
        break;
    default:
        break;
    }
    return st;
}

hkp_status hkp_dsm__evidence_number(const struct hkp_dsm_view *op, uint8_t name[16]) {
    struct hkp_dsm__op o;
    struct hkp_dsm_multi m;
    struct number number;
    uint8_t head[32], hash[32];
    hkp_status st = hkp_dsm__op_parse(op->ptr, op->len, &o);
    if (st == HKP_OK && o.op != HKP_DSM__OP_EVIDENCE) st = HKP_E_DSM_OP;
    if (st == HKP_OK && hkp_dsm_multi_parse(o.first.ptr, o.first.len, &m) != HKP_OK) st = HKP_E_DSM_EVIDENCE;
    if (st == HKP_OK) st = read_number(&m, &number);
    if (st != HKP_OK) return st;
    hkp_put_be64(head, m.kind);
    hkp_put_be64(head + 8, number.value);
    memcpy(head + 16, number.subject, 16);
    hkp_dsm__hash(hash, "evidence", &(struct hkp_dsm_view){head, sizeof head}, 1);
    memcpy(name, hash, 16);
    return HKP_OK;
}

static hkp_status verify_multi(const struct hkp_dsm_multi *m, const uint8_t chain_id[32],
                               const struct hkp_dsm__keys *keys, struct number *number) {
    hkp_status st = hkp_dsm_multi_check(chain_id, m, (uint32_t)m->kind, keys->officers);
    return st == HKP_OK ? read_number(m, number) : st;
}

/* Officer keys that signed both. */
static void find_offenders(const struct hkp_dsm_multi *a, const struct hkp_dsm_multi *b,
                           const struct hkp_dsm_officers *officers, struct hkp_dsm__evidence *evidence) {
    const struct hkp_dsm_ca_set *set_a = hkp_dsm__officers_find(officers, a->ca_version);
    const struct hkp_dsm_ca_set *set_b = hkp_dsm__officers_find(officers, b->ca_version);
    for (size_t i = 0; i < a->n_signatures; i++)
        for (size_t j = 0; j < b->n_signatures; j++)
            if (memcmp(set_a->keys[a->index[i]], set_b->keys[b->index[j]], 32) == 0)
                memcpy(evidence->offender[evidence->n_offenders++], set_a->keys[a->index[i]], 32);
}

static hkp_status check_multis(const struct hkp_dsm_multi *a, const struct hkp_dsm_multi *b,
                               const uint8_t chain_id[32], const struct hkp_dsm__keys *keys,
                               struct hkp_dsm__evidence *evidence) {
    struct number na, nb;
    if (a->kind != b->kind || !hkp_dsm__multi_is_known(a->kind) || a->kind == HKP_DSM_KIND_ALLOWLIST)
        return HKP_E_DSM_EVIDENCE;
    hkp_status st = verify_multi(a, chain_id, keys, &na);
    if (st == HKP_OK) st = verify_multi(b, chain_id, keys, &nb);
    if (st != HKP_OK) return st;
    const int same_body = a->body.len == b->body.len && memcmp(a->body.ptr, b->body.ptr, a->body.len) == 0;
    if (same_body || na.value != nb.value || memcmp(na.subject, nb.subject, 16) != 0)
        return HKP_E_DSM_EVIDENCE;
    struct hkp_dsm__evidence e = {.class_ = 6, .point = na.value, .kind = a->kind};
    memcpy(e.subject, na.subject, 16);
    find_offenders(a, b, keys->officers, &e);
    if (e.n_offenders == 0) return HKP_E_DSM_EVIDENCE;
    *evidence = e;
    return HKP_OK;
}

/* ---- Both -----------------------------------------------------------------------------------------------
 */

hkp_status hkp_dsm__evidence_check(const uint8_t *op, size_t len, const uint8_t chain_id[32],
                                   const struct hkp_dsm__keys *keys, struct hkp_dsm__evidence *evidence) {
    struct hkp_dsm__op o;
    struct hkp_dsm_envelope ea, eb;
    struct hkp_dsm_multi ma, mb;
    hkp_status st = hkp_dsm__op_parse(op, len, &o);
    if (st != HKP_OK) return st;
    if (o.op != HKP_DSM__OP_EVIDENCE) return HKP_E_DSM_OP;
    const hkp_status is_a = hkp_dsm__envelope_shape(o.first.ptr, o.first.len, &ea);
    const hkp_status is_b = hkp_dsm__envelope_shape(o.second.ptr, o.second.len, &eb);
    if (is_a == HKP_OK && is_b == HKP_OK)
        return check_envelopes(&o.first, &o.second, chain_id, keys, evidence);
    const hkp_status multi_a = hkp_dsm_multi_parse(o.first.ptr, o.first.len, &ma);
    const hkp_status multi_b = hkp_dsm_multi_parse(o.second.ptr, o.second.len, &mb);
    if (is_a != HKP_OK && multi_a != HKP_OK) return multi_a;
    if (is_b != HKP_OK && multi_b != HKP_OK) return multi_b;
    if (multi_a != HKP_OK || multi_b != HKP_OK) return HKP_E_DSM_EVIDENCE;
    return check_multis(&ma, &mb, chain_id, keys, evidence);
}

hkp_status hkp_dsm__evidence_build(const struct hkp_dsm_view *a, const struct hkp_dsm_view *b, uint8_t *dst,
                                   size_t cap, size_t *len) {
    const size_t common = a->len < b->len ? a->len : b->len;
    const int order = memcmp(a->ptr, b->ptr, common);
    const int a_first = order < 0 || (order == 0 && a->len <= b->len);
    return hkp_dsm__op_build(HKP_DSM__OP_EVIDENCE, a_first ? a : b, a_first ? b : a, dst, cap, len);
}

void hkp_dsm__evidence_key(const struct hkp_dsm__evidence *e, uint8_t key[32]) {
    uint8_t head[4 * 8 + 16];
    hkp_put_be64(head, e->class_);
    hkp_put_be64(head + 8, e->kind * (e->class_ == 6)); /* E1 to E5 tell their kinds by the class */
    hkp_put_be64(head + 16, e->epoch);
    hkp_put_be64(head + 24, e->point);
    memcpy(head + 32, e->subject, 16);
    const struct hkp_dsm_view parts[] = {{head, sizeof head}, {e->offender[0], 32 * (size_t)e->n_offenders}};
    hkp_dsm__hash(key, "evidence", parts, 2);
}
