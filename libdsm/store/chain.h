/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of libdsm/store: the final chain as a file (D-STO-11), what chain_export.c and chain_import.c share.
 */
#ifndef HKP_LIBDSM_STORE_CHAIN_H
#define HKP_LIBDSM_STORE_CHAIN_H

#include "libdsm/node/node.h"
#include "libdsm/store/store.h"

#define CHAIN_MAGIC "HKPCHAIN"

/* Items: [kind, ...] behind their length u32. */
enum {
    CHAIN_HEAD = 0,        /* [0, 1, chain_id] */
    CHAIN_CERTIFICATE = 1, /* [1, multi] */
    CHAIN_BLOCK = 2,       /* [2, item] */
    CHAIN_CERT = 3,        /* [3, CERT_F] */
    CHAIN_PAIR = 4,        /* [4, header, body] */
    CHAIN_LINK = 5,        /* [5, link] */
    CHAIN_SNAPSHOT = 6,    /* [6, boundary header, valset, heads: 57 bytes each] */
    CHAIN_END = 7,         /* [7, items before] */
    CHAIN_RESTART = 8,     /* [8, RESTART], among links without one of its epoch [8, RESTART, valset] */
    CHAIN_ITEM_MAX = 8 << 20,
    CHAIN_HEAD_BYTES = 57
};

#endif
