/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: revocation lists and officers, held and carried by the chain. */
#ifndef HKP_LIBDSM_NODE_LISTS_H
#define HKP_LIBDSM_NODE_LISTS_H

#include "libdsm/node/limits.h"

/** A revocation list or a set of officers: bytes of op 4 or 5, with views into them; op NULL: none. */
struct carried {
    blob *op;
    uint32_t kind;
    uint64_t ca_version;
    struct hkp_dsm_view multi;
    struct hkp_dsm_revocations list;
    struct hkp_dsm_ca_set set;
};

/** Officers by version, ascending, and since when each is in office (chain time). */
struct officers_state {
    struct hkp_dsm_ca_set sets[CA_SETS_MAX];
    uint64_t since_s[CA_SETS_MAX];
    uint32_t n_sets;
};

/** The op of a set that came into office by the chain: told to others. */
struct in_office {
    blob *op;
    struct hkp_dsm_view multi;
    uint8_t id[16];
};

/** A set of officers whose op this node did not see and wants proven: from which epoch on, and its set. */
struct office_claim {
    uint32_t used, known, tries;
    uint64_t from;
    uint8_t leaf[32], hash[32], nonce[8];
    hkp_time again;
    blob *op;
};

/* officers.c */
void hkp_dsm__office_keep(node *n, const struct carried *c);
void hkp_dsm__officers_jump(node *n, uint64_t epoch);
int hkp_dsm__officers_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__officers_later(node *n, const struct carried *c, struct peer *from);
void hkp_dsm__officers_next(node *n, uint64_t version);
int hkp_dsm__officers_claim(node *n, const struct carried *c);
void hkp_dsm__officers_link(node *n, const struct read *r, const uint8_t *data, size_t len);
/** HKP_E_NOTFOUND: it is the answer to another question. */
hkp_status hkp_dsm__officers_proof(node *n, struct hkp_dsm__message *m);
void hkp_dsm__officers_tick(node *n);
hkp_time hkp_dsm__officers_wake(const node *n);

/* lists.c */
int hkp_dsm__officers_known(const struct officers_state *s, uint64_t version);
void hkp_dsm__officers_came(node *n, uint64_t version);
/** Nobody proved it: a proposal like any other. */
void hkp_dsm__officers_unproven(node *n, blob *op);
hkp_status hkp_dsm__list_open(const node *n, const struct hkp_dsm_view *op, struct carried *out);
hkp_status hkp_dsm__list_keep(node *n, blob *op, struct carried *out);
void hkp_dsm__carried_drop(node *n, struct carried *c);
int hkp_dsm__officers_timely(const struct officers_state *s, uint64_t version, uint64_t at_s);
void hkp_dsm__list_tell(node *n, const struct carried *c, uint64_t height);
/** A multi of kind 33 or 34 from a peer or the host (NULL). */
hkp_status hkp_dsm__officers_take(node *n, const struct hkp_dsm_view *multi, uint32_t kind, uint32_t hops,
                                  struct peer *from);
void hkp_dsm__list_from_chain(node *n, const struct carried *c);
struct hkp_dsm_view hkp_dsm__list_by_id(const node *n, const uint8_t id[16]);
void hkp_dsm__lists_announce(node *n, struct peer *p);
/** 1: beyond next_update of the own list (D-CA-8). */
int hkp_dsm__lists_old(const node *n);
void hkp_dsm__lists_tick(node *n);
int hkp_dsm__lists_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);

/* ops_lists.c */
hkp_status hkp_dsm__list_op_valid(node *n, const struct hkp_dsm_view *op, const struct prop *parent,
                                  uint64_t time_ms);
/** E6, valid while one of the offenders is in office and not more than once in an epoch. */
hkp_status hkp_dsm__officers_op_valid(node *n, const struct hkp_dsm_view *op, const uint8_t number[16],
                                      struct prop *parent);
size_t hkp_dsm__list_ops(node *n, const struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops,
                         size_t max);
void hkp_dsm__list_final(node *n, const struct hkp_dsm_view *op, uint64_t height, uint64_t time_ms);
/** For many authors under one header: begin, then of. */
void hkp_dsm__revoked_begin(node *n, const struct prop *parent);
uint64_t hkp_dsm__revoked_of(const node *n, const struct author *a);
/** Highest revoked serial of a node under a header (NULL: the newest final one), 0: none. */
uint64_t hkp_dsm__revoked_at(node *n, const struct prop *parent, const uint8_t node_id[16]);
int hkp_dsm__chain_row(node *n, const uint8_t *data, size_t len);
/** A node that joins takes the lists that it holds for those of the chain (decision 0452). */
void hkp_dsm__lists_jump(node *n, uint64_t height, uint64_t time_ms);
void hkp_dsm__lists_loaded(node *n);

#endif
