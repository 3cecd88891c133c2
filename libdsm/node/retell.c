/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * At a start every stored block is told to the host once more, when nothing else is waiting: what a host
 * keeps in memory about blocks (threat records, sightings) is nowhere else. Rows PLACE say which are final:
 * one row covers the blocks of its author from the row before up to its own seq.
 */
#include "libdsm/node/node.h"
#include "libter/bytes.h"

#include <string.h>

enum { PHASE_DONE, PHASE_PLACE, PHASE_BLOCKS, PAGE = 32 };

static const uint8_t last_key[24] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* key + 1; 0: there is none. */
static int next_key(uint8_t key[24]) {
    for (int i = 23; i >= 0; i--)
        if (++key[i] != 0) return 1;
    return 0;
}

void hkp_dsm__retell_begin(node *n) {
    memset(&n->retell, 0, sizeof n->retell);
    n->retell.phase = n->load.fresh ? PHASE_DONE : PHASE_PLACE;
}

int hkp_dsm__retell(node *n) {
    struct retell *t = &n->retell;
    if (t->phase == PHASE_DONE || t->reading || n->state != HKP_DSM_STATE_RUNNING) return 0;
    struct read *r;
    t->rows = 0;
    if (t->phase == PHASE_PLACE) {
        memcpy(t->place, last_key, 24); /* of a row that is not there: what follows is not final */
        t->height = 0;
        r = hkp_dsm__scan(n, READ_RETELL, HKP_DSM_ROW_PLACE, t->from, last_key, 24, 1);
    } else
        r = hkp_dsm__scan(n, READ_RETELL, HKP_DSM_ROW_BLOCK, t->from, t->place, 24, PAGE);
    t->reading = r != NULL;
    return r != NULL;
}

static hkp_status tell(node *n, const uint8_t *data, size_t len) {
    const struct retell *t = &n->retell;
    struct hkp_dsm__item item;
    struct hkp_dsm__block b;
    hkp_status st = hkp_dsm__stored_item(data, len, &item);
    if (st == HKP_OK) st = hkp_dsm__block_parse(n->chain_id, item.signer, item.body.ptr, item.body.len, &b);
    if (st != HKP_OK) return st;
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_BLOCK);
    memcpy(fact->e.node_id, b.author, 16);
    memcpy(fact->e.id, b.id, 32);
    fact->e.seq = b.seq;
    fact->e.time_us = b.timestamp_us;
    fact->e.type = b.event_type;
    fact->e.height = memcmp(b.author, t->place, 16) == 0 ? t->height : 0;
    fact->e.count = fact->e.height != 0;
    if (item.payload.len > 16)
        fact->data = hkp_dsm__blob_copy(&n->pool, item.payload.ptr + 16, item.payload.len - 16);
    return HKP_OK;
}

hkp_status hkp_dsm__retell_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    struct retell *t = &n->retell;
    int branch = t->phase == PHASE_BLOCKS && key_len > 24; /* of an author that forked: not its chain */
    if ((key_len != 24 && !branch) || (t->phase == PHASE_PLACE && len != 8)) return HKP_E_DSM_SCHEMA;
    t->rows++;
    if (t->phase == PHASE_PLACE) {
        memcpy(t->place, key, 24);
        t->height = hkp_be64(data);
        return HKP_OK;
    }
    memcpy(t->from, key, 24);
    return branch ? HKP_OK : tell(n, data, len);
}

void hkp_dsm__retell_end(node *n) {
    struct retell *t = &n->retell;
    t->reading = 0;
    if (t->phase == PHASE_PLACE) {
        t->phase = PHASE_BLOCKS;
        return;
    }
    if (t->rows < PAGE) { /* all up to this place were told */
        t->phase = memcmp(t->place, last_key, 24) == 0 ? PHASE_DONE : PHASE_PLACE;
        memcpy(t->from, t->place, 24);
    }
    if (!next_key(t->from)) t->phase = PHASE_DONE;
}
