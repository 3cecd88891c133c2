/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What must hold at every step of every run, judged from outside of the nodes and without their help: quorums
 * are counted from what honest members have in their WAL, liars are taken to have signed everything.
 */
#include "sim_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { ANY_VOTE = 1U << 3 | 1U << 4 | 1U << 5, PROMISE = ANY_VOTE | 1U << 2 };

/* ---- tables ---- */

static struct sim_promise *promise_slot(struct sim *s, uint32_t who, uint32_t kind, uint64_t epoch,
                                        uint64_t view) {
    uint64_t at = (view * 31 + epoch * 1009 + who * 131071 + kind) % SIM_PROMISES;
    for (uint32_t tries = 0; tries < SIM_PROMISES; tries++, at = (at + 1) % SIM_PROMISES) {
        struct sim_promise *p = &s->promises[at];
        if (!p->used || (p->who == who && p->kind == kind && p->epoch == epoch && p->view == view)) return p;
    }
    sim_must(0, "more promises than are watched");
    return NULL;
}

/* Of all members together: how many honest ones said NULL in a view. */
static uint32_t *nulls(struct sim *s, uint64_t epoch, uint64_t view) {
    struct sim_promise *p = promise_slot(s, SIM_NODES, HKP_DSM_KIND_NULL, epoch, view);
    if (!p->used)
        *p = (struct sim_promise){
            .epoch = epoch, .view = view, .who = SIM_NODES, .kind = HKP_DSM_KIND_NULL, .used = 1};
    return &p->count;
}

static struct sim_header *header_slot(const struct sim *s, const uint8_t digest[32]) {
    uint64_t at = hkp_le32(digest) % SIM_HEADERS;
    for (uint32_t tries = 0; tries < SIM_HEADERS; tries++, at = (at + 1) % SIM_HEADERS) {
        struct sim_header *h = &s->headers[at];
        if (!h->used || memcmp(h->digest, digest, 32) == 0) return h;
    }
    sim_must(0, "more headers than are watched");
    return NULL;
}

const struct sim_header *sim_header(const struct sim *s, const uint8_t digest[32]) {
    const struct sim_header *h = header_slot(s, digest);
    return h->used && h->height > 0 ? h : NULL;
}

static struct sim_header *header_of(struct sim *s, const uint8_t digest[32]) {
    struct sim_header *h = header_slot(s, digest);
    h->used = 1;
    memcpy(h->digest, digest, 32);
    return h;
}

void sim_header_bad(struct sim *s, const uint8_t digest[32]) { header_of(s, digest)->bad = 1; }

/* So many honest members must have said something that liars could make a cert of it. */
static uint32_t needed(const struct sim *s, uint64_t epoch) {
    const struct sim_set *set = epoch < SIM_EPOCHS ? &s->sets[epoch] : NULL;
    if (set == NULL || !set->known || set->liars > (set->n - 1) / 3) return 0;
    return set->n - (set->n - 1) / 3 - set->liars;
}

/* All members agree who the members are. */
static void watch_set(struct sim *s, const struct hkp_dsm__valset *set) {
    if (set->epoch >= SIM_EPOCHS) return;
    struct sim_set *known = &s->sets[set->epoch];
    if (known->known) {
        if (memcmp(known->hash, set->hash, 32) != 0) sim_fault(s, "two validator sets of one epoch");
        return;
    }
    *known = (struct sim_set){.known = 1, .n = set->n};
    memcpy(known->hash, set->hash, 32);
    for (uint32_t seat = 0; seat < set->n; seat++) {
        uint32_t lies = 0;
        for (uint32_t i = 0; i < s->count; i++)
            lies |= !s->nodes[i].honest &&
                    memcmp(s->mesh.node_id[s->nodes[i].who], set->seats[seat].node_id, 16) == 0;
        known->liars += lies;
    }
}

/* ---- promises of honest members ---- */

static void final_with_ancestors(struct sim *s, struct sim_header *h) {
    uint64_t epoch = h->epoch;
    while (h->used && !h->ok && (h->height == 0 || h->epoch == epoch)) {
        h->ok = 1;
        if (h->height == 0) return; /* nobody was seen proposing it */
        h = header_slot(s, h->parent);
    }
}

/* A record of the WAL that its node believes to be durable: from here on the promise counts. */
void sim_watch_durable(struct sim *s, uint32_t i, const uint8_t record[64]) {
    struct hkp_dsm__wal_record r;
    const struct sim_node *me = &s->nodes[i];
    if (!me->honest || !hkp_dsm__wal_decode(record, &r) || r.kind < 3) return;
    struct sim_promise *p = promise_slot(s, me->who, r.kind, r.epoch, r.view);
    if (p->used && p->counted) return;
    if (!p->used) {
        *p =
            (struct sim_promise){.epoch = r.epoch, .view = r.view, .who = me->who, .kind = r.kind, .used = 1};
        memcpy(p->digest, r.digest, 32);
    }
    p->counted = 1;
    if (r.epoch < SIM_EPOCHS && r.view > s->sets[r.epoch].highest) {
        s->views += r.view - s->sets[r.epoch].highest;
        s->sets[r.epoch].highest = r.view;
    }
    if (r.kind == HKP_DSM_KIND_NULL) {
        ++*nulls(s, r.epoch, r.view);
        return;
    }
    struct sim_header *h = header_of(s, r.digest);
    h->notars += r.kind == HKP_DSM_KIND_NOTAR;
    h->finals += r.kind == HKP_DSM_KIND_FINAL;
    if (r.kind == HKP_DSM_KIND_FINAL && h->height == 0) h->epoch = r.epoch;
    if (r.kind == HKP_DSM_KIND_FINAL && h->finals >= needed(s, r.epoch)) final_with_ancestors(s, h);
}

/* (b), (c) and (d) of validity, which NOTAR and PROPOSE of an honest member say to hold. */
static void judge_place(struct sim *s, const struct sim_header *h) {
    uint32_t enough = needed(s, h->epoch);
    const struct sim_header *parent = header_slot(s, h->parent);
    if (h->parent_view > 0 && parent->notars < enough) sim_fault(s, "a child of a header without CERT_N");
    if (h->parent_view > 0 && parent->height > 0 && h->height != parent->height + 1)
        sim_fault(s, "a child that leaves heights out");
    for (uint64_t x = h->parent_view + 1; x < h->view; x++)
        if (*nulls(s, h->epoch, x) < enough) sim_fault(s, "a view was left out that is not nullified");
}

static void watch_promise(struct sim *s, uint32_t i, uint32_t kind, uint64_t epoch, uint64_t view,
                          const uint8_t digest[32]) {
    const struct sim_node *me = &s->nodes[i];
    struct sim_promise *p = promise_slot(s, me->who, kind, epoch, view);
    if (p->used && memcmp(p->digest, digest, 32) != 0) sim_fault(s, "an honest member promised twice");
    int again = p->used && p->sent;
    uint8_t counted = p->counted;
    *p = (struct sim_promise){
        .epoch = epoch, .view = view, .who = me->who, .kind = kind, .used = 1, .sent = 1, .counted = counted};
    memcpy(p->digest, digest, 32);
    if (kind == HKP_DSM_KIND_FINAL && promise_slot(s, me->who, HKP_DSM_KIND_NULL, epoch, view)->used)
        sim_fault(s, "FINAL after NULL");
    if (kind == HKP_DSM_KIND_NULL && promise_slot(s, me->who, HKP_DSM_KIND_FINAL, epoch, view)->used)
        sim_fault(s, "NULL after FINAL");
    if (kind == HKP_DSM_KIND_NOTAR || kind == HKP_DSM_KIND_PROPOSE) {
        const struct sim_promise *other =
            promise_slot(s, me->who, kind ^ HKP_DSM_KIND_NOTAR ^ HKP_DSM_KIND_PROPOSE, epoch, view);
        if (other->used && memcmp(other->digest, digest, 32) != 0)
            sim_fault(s, "a leader attests to another header than it proposes");
    }
    const struct sim_header *h = header_slot(s, digest);
    if (kind == HKP_DSM_KIND_NOTAR && h->bad) sim_fault(s, "NOTAR for a header that is wrong");
    if (!again && kind == HKP_DSM_KIND_FINAL && h->notars < needed(s, epoch))
        sim_fault(s, "FINAL without CERT_N");
    if (!again && kind != HKP_DSM_KIND_NULL && kind != HKP_DSM_KIND_FINAL && h->height > 0) judge_place(s, h);
    struct hkp_dsm__wal_record want = {.kind = kind, .epoch = epoch, .view = view};
    memcpy(want.digest, digest, 32);
    uint8_t record[64];
    hkp_dsm__wal_encode(&want, record);
    for (size_t k = me->disk.wal_count; k-- > 0;)
        if (memcmp(me->disk.wal[k], record, 64) == 0) return;
    sim_fault(s, "a promise was sent that is not durable in the WAL");
}

/* The promise that a message holds: kind, or 0. */
static uint32_t promise_in(struct sim *s, uint32_t lane, const uint8_t *msg, size_t len, struct sim_heard *p,
                           struct hkp_dsm__header *header, uint8_t signer[16]) {
    struct hkp_dsm__message m;
    struct hkp_dsm_envelope env;
    struct hkp_dsm__vote v;
    if (hkp_dsm__message_parse(lane, msg, len, &m) != HKP_OK) return 0;
    if (m.op != HKP_DSM__OP_MSG_VOTE && m.op != HKP_DSM__OP_MSG_PROPOSE) return 0;
    if (hkp_dsm_envelope_parse(m.envelope.ptr, m.envelope.len, PROMISE, &env) != HKP_OK) return 0;
    memcpy(signer, env.signer, 16);
    if (env.kind == HKP_DSM_KIND_PROPOSE) {
        if (hkp_dsm__header_parse(s->genesis->chain_id, env.body.ptr, env.body.len, header) != HKP_OK)
            return 0;
        *p = (struct sim_heard){.kind = HKP_DSM_KIND_PROPOSE, .epoch = header->epoch, .view = header->view};
        memcpy(p->digest, header->digest, 32);
        return p->kind;
    }
    if (hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v) != HKP_OK) return 0;
    *p = (struct sim_heard){.kind = v.kind, .epoch = v.epoch, .view = v.view};
    memcpy(p->digest, v.digest, 32);
    return p->kind;
}

/* What a liar says counts only with its signature. */
static int signed_by(const struct sim *s, uint32_t k, uint32_t lane, const uint8_t *msg, size_t len) {
    struct hkp_dsm__message m;
    struct hkp_dsm_envelope env;
    return hkp_dsm__message_parse(lane, msg, len, &m) == HKP_OK &&
           hkp_dsm_envelope_parse(m.envelope.ptr, m.envelope.len, PROMISE, &env) == HKP_OK &&
           hkp_dsm_envelope_verify(s->genesis->chain_id, &env, s->mesh.secret[s->nodes[k].who] + 32) ==
               HKP_OK;
}

void sim_watch(struct sim *s, uint32_t i, uint32_t lane, const uint8_t *msg, size_t len) {
    struct sim_heard p;
    struct hkp_dsm__header h;
    uint8_t signer[16];
    uint32_t kind = promise_in(s, lane, msg, len, &p, &h, signer);
    if (kind == 0) return;
    if (kind == HKP_DSM_KIND_PROPOSE) {
        struct sim_header *known = header_of(s, h.digest);
        known->epoch = h.epoch;
        known->view = h.view;
        known->parent_view = h.parent_view;
        known->height = h.height;
        known->time_ms = h.time_ms;
        known->n_heads = h.n_heads;
        memcpy(known->heads_root, h.heads_root, 32);
        memcpy(known->blocks_root, h.blocks_root, 32);
        int late = known->ok && header_slot(s, h.parent)->used && !header_slot(s, h.parent)->ok;
        memcpy(known->parent, h.parent, 32);
        known->ok = known->ok && !late;
        if (late) final_with_ancestors(s, known);
    }
    if (s->nodes[i].honest && memcmp(signer, s->mesh.node_id[s->nodes[i].who], 16) == 0)
        watch_promise(s, i, kind, p.epoch, p.view, p.digest);
}

/* ---- what is told to be final ---- */

static void watch_durable_rows(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    const struct sim_disk *d = &s->nodes[i].disk;
    uint32_t header = 0, body = 0, cert = 0;
    for (size_t k = 0; k < d->count; k++) {
        const struct sim_row *r = &d->rows[k];
        header |= r->row == HKP_DSM_ROW_HEADER && hkp_be64(r->key) == ev->height;
        body |= r->row == HKP_DSM_ROW_BODY && hkp_be64(r->key) == ev->height;
        cert |= r->row == HKP_DSM_ROW_FINAL && hkp_be64(r->key) >= ev->height;
        cert |= r->row == HKP_DSM_ROW_CERT && r->key_len == 17 && hkp_be64(r->key + 8) >= ev->view &&
                r->key[16] == HKP_DSM_KIND_FINAL;
        cert |= r->row == HKP_DSM_ROW_LINK && hkp_be64(r->key) == ev->epoch; /* a boundary's */
    }
    if (!header || !body) sim_fault(s, "told to be final before header and body are durable");
    if (!cert) sim_fault(s, "told to be final before CERT_F is durable");
}

/* The blocks that were told since the last checkpoint are those of its blocks_root. */
static void watch_blocks_root(struct sim *s, uint32_t i, const struct sim_header *h) {
    uint8_t root[32];
    hkp_dsm__merkle_root(s->nodes[i].told, root);
    if (h->height > 0 && memcmp(root, h->blocks_root, 32) != 0)
        sim_fault(s, "final blocks that are not those of blocks_root");
    memset(s->nodes[i].told, 0, sizeof *s->nodes[i].told);
}

static void watch_checkpoint(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_node *me = &s->nodes[i];
    me->finals++;
    if (ev->height != me->height + 1 && me->height != 0) sim_fault(s, "heights are not reported in order");
    me->height = ev->height;
    const struct sim_header *h = header_slot(s, ev->id);
    if (needed(s, ev->epoch) > 0 && !h->ok) sim_fault(s, "told to be final without a quorum");
    if (me->honest) watch_durable_rows(s, i, ev);
    watch_blocks_root(s, i, h);
    if (ev->height >= SIM_HEIGHTS) return;
    if (s->known[ev->height] && memcmp(s->chain[ev->height], ev->id, 32) != 0)
        sim_fault(s, "two final checkpoints of one height");
    if (h->height > 0 && s->known[ev->height - 1] && memcmp(s->chain[ev->height - 1], h->parent, 32) != 0)
        sim_fault(s, "a final checkpoint is not the child of the one before");
    s->known[ev->height] = 1;
    memcpy(s->chain[ev->height], ev->id, 32);
}

/* Heads only grow, and all see the same blocks. */
static void watch_block_final(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    s->nodes[i].blocks_final++;
    uint8_t leaf[32];
    hkp_dsm__merkle_leaf(leaf, ev->id, 32);
    if (ev->height >= s->nodes[i].joined) hkp_dsm__merkle_add(s->nodes[i].told, leaf);
    for (uint32_t a = 0; a < s->mesh.n; a++) {
        if (memcmp(s->mesh.node_id[a], ev->node_id, 16) != 0) continue;
        if (ev->seq > s->finals_count[a] + 1) {
            sim_fault(s, "a final block without the one before");
        } else if (ev->seq == s->finals_count[a] + 1) {
            s->finals[a] = sim_grow(s->finals[a], &s->finals_cap[a], s->finals_count[a], 32);
            memcpy(s->finals[a][s->finals_count[a]++], ev->id, 32);
        } else if (memcmp(s->finals[a][ev->seq - 1], ev->id, 32) != 0) {
            sim_fault(s, "two final blocks of one author and seq");
        }
        return;
    }
}

static void watch_evidence(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    if (ev->type == 6) return; /* of officers */
    s->nodes[i].evidence++;
    for (uint32_t k = 0; k < s->count; k++)
        if (!s->nodes[k].honest && memcmp(s->mesh.node_id[s->nodes[k].who], ev->node_id, 16) == 0) return;
    sim_fault(s, "an honest node was accused");
}

void sim_watch_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_node *me = &s->nodes[i];
    switch (ev->kind) {
    case HKP_DSM_EV_STARTED:
        if (me->told == NULL) me->told = calloc(1, sizeof *me->told);
        sim_must(me->told != NULL, "no memory");
        memset(me->told, 0, sizeof *me->told);
        me->joined = 0;
        watch_set(s, &me->node->set);
        break;
    case HKP_DSM_EV_EPOCH:
        if (ev->count == 1) {
            memset(me->told, 0, sizeof *me->told);
            me->height = 0;
            me->joined = ev->height;
        }
        watch_set(s, &me->node->set);
        break;
    case HKP_DSM_EV_DAMAGED:
        me->damaged = 1;
        if (me->spoilt) break;
        printf("# node %u damaged: %s row %u\n", i, hkp_dsm_status_name(ev->status), ev->row);
        sim_fault(s, "damaged");
        break;
    case HKP_DSM_EV_BLOCK_FINAL:
        watch_block_final(s, i, ev);
        break;
    case HKP_DSM_EV_EVIDENCE:
        watch_evidence(s, i, ev);
        break;
    case HKP_DSM_EV_CHECKPOINT:
        watch_checkpoint(s, i, ev);
        break;
    default:
        break;
    }
}

/* ---- two halves of a lie in one honest ear ---- */

static struct sim_heard *heard_slot(struct sim *s, const struct sim_heard *p) {
    uint64_t at = (p->view * 31 + p->epoch * 1009 + p->who * 131071 + p->at * 8191 + p->kind) % SIM_HEARD;
    for (uint32_t tries = 0; tries < SIM_HEARD; tries++, at = (at + 1) % SIM_HEARD) {
        struct sim_heard *h = &s->heard[at];
        if (!h->used || (h->at == p->at && h->who == p->who && h->kind == p->kind && h->epoch == p->epoch &&
                         h->view == p->view))
            return h;
    }
    sim_must(0, "more lies than are watched");
    return NULL;
}

static int in_window(const struct hkp_dsm_node *n, const struct sim_heard *p) {
    return n->state == HKP_DSM_STATE_RUNNING && p->epoch == n->set.epoch && p->view > n->root.view &&
           p->view <= n->view + VOTE_WINDOW && p->view + VOTE_WINDOW > n->view;
}

void sim_watch_before(struct sim *s, uint32_t i, uint32_t lane, const uint8_t *msg, size_t len) {
    struct hkp_dsm__header header;
    uint8_t signer[16];
    s->hearing = (struct sim_heard){.used = 0};
    if (!s->nodes[i].honest || promise_in(s, lane, msg, len, &s->hearing, &header, signer) == 0) return;
    for (uint32_t k = 0; k < s->count; k++)
        if (!s->nodes[k].honest && memcmp(s->mesh.node_id[s->nodes[k].who], signer, 16) == 0) {
            s->hearing.at = i;
            s->hearing.life = s->nodes[i].life;
            s->hearing.who = s->nodes[k].who;
            s->hearing.used =
                (uint8_t)(in_window(s->nodes[i].node, &s->hearing) && signed_by(s, k, lane, msg, len));
        }
}

static void expect_evidence(struct sim *s, uint32_t i, const struct sim_heard *p, uint32_t class_) {
    const struct hkp_dsm_node *n = s->nodes[i].node;
    struct hkp_dsm__evidence e = {.class_ = class_, .n_offenders = 1, .epoch = p->epoch, .point = p->view};
    uint8_t key[32];
    memcpy(e.offender[0], s->mesh.node_id[p->who], 16);
    hkp_dsm__evidence_key(&e, key);
    s->evidence_due++;
    uint32_t of_one = 0;
    for (uint32_t k = 0; k < n->n_suspects; k++) {
        if (memcmp(n->suspects[k].key, key, 32) == 0) return;
        of_one += n->suspects[k].class_ <= 4 && n->suspects[k].epoch + 1 >= n->set.epoch &&
                  memcmp(n->suspects[k].offender, e.offender[0], 16) == 0;
    }
    if (of_one < EVIDENCE_OF_ONE) sim_fault(s, "both halves of a lie came, and no evidence");
}

void sim_watch_after(struct sim *s, uint32_t i, hkp_status status) {
    const struct sim_heard *p = &s->hearing;
    if (!p->used || !s->nodes[i].up) return;
    struct sim_heard *first = heard_slot(s, p);
    int known = first->used && first->life == p->life;
    if (status == HKP_E_DSM_OLD && p->kind != HKP_DSM_KIND_PROPOSE)
        status = HKP_OK; /* kept, but not counted (decision 0561) */
    if (known && (status == HKP_OK || status == HKP_E_DSM_DUPLICATE) &&
        memcmp(first->digest, p->digest, 32) != 0)
        expect_evidence(s, i, p, p->kind == HKP_DSM_KIND_PROPOSE ? 3 : p->kind == HKP_DSM_KIND_NOTAR ? 1 : 4);
    if (status != HKP_OK) return;
    if (!known) *first = *p;
    if (p->kind != HKP_DSM_KIND_NULL && p->kind != HKP_DSM_KIND_FINAL) return;
    struct sim_heard other = *p;
    other.kind = p->kind == HKP_DSM_KIND_NULL ? HKP_DSM_KIND_FINAL : HKP_DSM_KIND_NULL;
    const struct sim_heard *against = heard_slot(s, &other);
    if (against->used && against->life == p->life) expect_evidence(s, i, p, 2);
}

/* ---- bounds ---- */

void sim_watch_bounds(struct sim *s, uint32_t i) {
    const struct hkp_dsm_node *n = s->nodes[i].node;
    int good = n->pool.used <= n->pool.units && n->n_suspects <= EVIDENCE_MAX &&
               n->n_waiting <= WAITING_MAX && n->n_blocks <= n->blocks_max && n->n_authors <= n->heads_max &&
               n->held_count <= HELD_MAX && n->event_count <= n->events_cap && n->report_count <= REPORTS_MAX;
    for (uint32_t k = 0; k < n->n_authors; k++)
        good &= n->authors[k].n_waiting <= WAITING_PER_AUTHOR &&
                n->authors[k].n_branch <= BRANCH_PER_AUTHOR &&
                n->authors[k].tip.seq - n->authors[k].final.seq <= OPEN_PER_AUTHOR;
    for (uint32_t k = 0; k < n->peers_max; k++) {
        const struct peer *p = &n->peers[k];
        if (!p->up) continue;
        good &= p->bytes <= PEER_BYTES_MAX;
        for (uint32_t l = 0; l < HKP_DSM_LANES; l++) good &= p->queues[l].count <= p->queues[l].cap;
    }
    if (!good) sim_fault(s, "a table is beyond its limit");
}

void sim_watch_new(struct sim *s) {
    s->promises = calloc(SIM_PROMISES, sizeof *s->promises);
    s->headers = calloc(SIM_HEADERS, sizeof *s->headers);
    s->heard = calloc(SIM_HEARD, sizeof *s->heard);
    s->genesis = calloc(1, sizeof *s->genesis);
    sim_must(s->promises != NULL && s->headers != NULL && s->heard != NULL && s->genesis != NULL,
             "no memory");
    sim_must(hkp_dsm_genesis_parse(s->mesh.genesis, s->mesh.genesis_len, s->genesis) == HKP_OK, "genesis");
}

void sim_watch_free(struct sim *s) {
    for (uint32_t a = 0; a < SIM_NODES; a++) {
        free(s->finals[a]);
        free(s->nodes[a].told);
    }
    free(s->promises);
    free(s->headers);
    free(s->heard);
    free(s->genesis);
}
