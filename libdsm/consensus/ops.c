/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What the ops of a checkpoint mean (D-CKP-3): whether one is valid under the parent state, what it changes
 * in the heads, and what follows once it is final. Each kind of op has its own file; this is the switch.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* parent: header before (NULL: the newest final one), on which the tree stands; time_ms: of the header. */
hkp_status hkp_dsm__op_valid(node *n, const struct hkp_dsm_view *op, struct prop *parent, uint64_t time_ms) {
    struct hkp_dsm__op o;
    hkp_status st = hkp_dsm__op_parse(op->ptr, op->len, &o);
    if (st != HKP_OK) return st;
    switch (o.op) {
    case HKP_DSM__OP_EVIDENCE:
        return hkp_dsm__evidence_valid(n, op, parent);
    case HKP_DSM__OP_CA_SET:
    case HKP_DSM__OP_REVOCATIONS:
        return hkp_dsm__list_op_valid(n, op, parent, time_ms);
    case HKP_DSM__OP_JOIN:
    case HKP_DSM__OP_LEAVE:
        return hkp_dsm__seat_op_valid(n, &o, parent, time_ms);
    case HKP_DSM__OP_TOMBSTONE:
    case HKP_DSM__OP_RETIRE:
        return hkp_dsm__command_valid(n, &o, parent);
    default:
        return HKP_E_DSM_OP;
    }
}

/* Heads that ops of p freeze (status 1), and those that a boundary takes away (2); at most HKP_DSM__OPS_MAX
 * and PENDING_MAX. */
size_t hkp_dsm__ops_heads(node *n, const struct prop *p, struct hkp_dsm__head *heads) {
    struct hkp_dsm_cbor_reader at = p->parsed.ops;
    size_t count = 0;
    for (size_t i = 0; i < p->parsed.n_ops; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        struct hkp_dsm__evidence e;
        if (hkp_dsm__evidence_of(n, &op, &e) != HKP_OK || e.class_ != 5) continue;
        heads[count] = (struct hkp_dsm__head){.status = 1};
        memcpy(heads[count++].node_id, e.offender[0], 16);
    }
    return count + hkp_dsm__retired_heads(n, p, heads + count);
}

/* Where it is found when somebody asks for a proof of it (D-SYN-4). */
static void note_place(node *n, const struct hkp_dsm_view *op, uint64_t height) {
    uint8_t key[32], value[8];
    hkp_dsm__merkle_leaf(key, op->ptr, op->len);
    hkp_put_be64(value, height);
    hkp_dsm__put(n, HKP_DSM_ROW_DIGEST, key, sizeof key, value, sizeof value);
}

/* The header is final, its heads are applied. */
void hkp_dsm__ops_final(node *n, const struct prop *p) {
    struct hkp_dsm_cbor_reader at = p->parsed.ops;
    hkp_dsm__retired_final(n, p);
    for (size_t i = 0; i < p->parsed.n_ops; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        struct hkp_dsm__op o;
        if (hkp_dsm__op_parse(op.ptr, op.len, &o) != HKP_OK) continue;
        note_place(n, &op, p->h.height);
        if (o.op == HKP_DSM__OP_TOMBSTONE) hkp_dsm__tombstone_final(n, &o, &p->h);
        if (o.op == HKP_DSM__OP_EVIDENCE) hkp_dsm__evidence_final(n, &op, p->h.height);
        if (o.op == HKP_DSM__OP_CA_SET || o.op == HKP_DSM__OP_REVOCATIONS)
            hkp_dsm__list_final(n, &op, p->h.height, p->h.time_ms);
        hkp_dsm__pending_op(n, n->pending, &op, p->h.height);
    }
}
