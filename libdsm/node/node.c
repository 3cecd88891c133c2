/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A node is made, takes messages, and does what is due. All memory is taken here, once. */
#include "libdsm/node/node.h"

#include <sodium.h>
#include <string.h>

#include "libter/options.h"

void hkp_dsm__time(node *n, hkp_time now) {
    if (now > n->now) n->now = now;
    if (n->state != HKP_DSM_STATE_DEAD) n->whole = n->ticket;
}

uint64_t hkp_dsm__wall_us(const node *n) { return n->wall_us + (n->now - n->wall_at) / 1000; }

void hkp_dsm__die(node *n, hkp_status status, uint32_t row, const uint8_t *key, size_t key_len) {
    if (n->state == HKP_DSM_STATE_DEAD) return;
    n->state = HKP_DSM_STATE_DEAD;
    if (n->event_count == n->events_cap) n->event_count--;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_DAMAGED);
    e->e.status = status;
    e->e.row = row;
    if (key_len > KEY_MAX) key_len = KEY_MAX;
    if (key_len > 0) memcpy(e->key, key, key_len);
    e->e.key_len = key_len;
}

/* ---- making ---- */

void hkp_dsm_node_options_init(struct hkp_dsm_node_options *opt, size_t size) { hkp_options_init(opt, size); }

static hkp_status import(struct hkp_dsm_node_options *o, const struct hkp_dsm_node_options *given) {
    hkp_status st = hkp_options_import(o, sizeof *o, sizeof *o, given);
    if (st == HKP_OK) st = hkp_mem_import(&o->mem);
    if (st != HKP_OK) return st;
    if (o->rng.fill == NULL || o->genesis == NULL || o->certificate == NULL || o->secret == NULL)
        return HKP_E_INVAL;
    if (o->reserved0 != 0 || o->reserved1 != 0 || o->reserved2 != 0) return HKP_E_INVAL;
    if (o->t_cp_ns == 0) o->t_cp_ns = SECOND;
    if (o->t_cp_ns == HKP_DSM_T_CP_NONE) o->t_cp_ns = 0;
    if (o->delay_ns == 0) o->delay_ns = 250 * MS;
    if (o->have_ns == 0) o->have_ns = 200 * MS;
    if (o->pool_bytes == 0) o->pool_bytes = (size_t)64 << 20;
    if (o->heads_max == 0) o->heads_max = 4096;
    if (o->peers_max == 0) o->peers_max = 64;
    if (o->blocks_max == 0) o->blocks_max = 16384;
    if (o->seen_max == 0) o->seen_max = SPREAD_SEEN;
    if (o->claims_max == 0) o->claims_max = HKP_DSM_CLAIMS;
    if (o->keep_blocks_s == 0) o->keep_blocks_s = 30 * 86400;
    if (o->keep_headers_s == 0) o->keep_headers_s = (uint64_t)365 * 86400;
    if (o->keep_headers_s < o->keep_blocks_s) return HKP_E_INVAL; /* bodies say which blocks there are */
    if (o->pool_bytes < (size_t)1 << 20 || o->pool_bytes > (size_t)1 << 31 ||
        o->heads_max > HKP_DSM__HEADS_MAX || o->peers_max > 1024 || o->blocks_max < 256 ||
        o->blocks_max > 1048576 || o->seen_max < 1024 || o->seen_max > SPREAD_SEEN ||
        (o->seen_max & (o->seen_max - 1)) != 0 || o->claims_max < 16 || o->claims_max > HKP_DSM_CLAIMS ||
        o->t_cp_ns > 3600 * SECOND || o->delay_ns > 8 * SECOND || o->have_ns > 60 * SECOND)
        return HKP_E_INVAL;
    return HKP_OK;
}

static uint32_t power_of_two(uint32_t at_least) {
    uint32_t p = 256;
    while (p < at_least) p *= 2;
    return p;
}

/* Called twice: base NULL measures. */
static size_t carve(node *n, uint8_t *base, const struct hkp_dsm_node_options *o) {
    size_t at = 0;
    uint32_t authors = power_of_two(o->heads_max), blocks = power_of_two(o->blocks_max);
    n->author_mask = authors - 1;
    n->peer_mask = power_of_two(o->peers_max) - 1;
    n->block_mask = blocks - 1;
    n->events_cap =
        EVENTS_MIN + (o->heads_max < HKP_DSM__CHANGED_HEADS_MAX ? o->heads_max : HKP_DSM__CHANGED_HEADS_MAX);
    size_t pool = o->pool_bytes / POOL_UNIT * POOL_UNIT, tags = hkp_dsm__pool_tag_bytes(pool);
#define CARVE(member, bytes)                                                                                 \
    do {                                                                                                     \
        if (base != NULL) (member) = (void *)(base + at);                                                    \
        at += ((size_t)(bytes) + 63) / 64 * 64;                                                              \
    } while (0)
    uint8_t *pool_base = NULL, *pool_tag = NULL;
    CARVE(pool_base, pool);
    CARVE(pool_tag, tags);
    CARVE(n->authors, o->heads_max * sizeof *n->authors);
    CARVE(n->author_table, authors * sizeof *n->author_table);
    CARVE(n->by_id, blocks * sizeof *n->by_id);
    CARVE(n->by_seq, blocks * sizeof *n->by_seq);
    CARVE(n->path, HKP_DSM__HEAD_BLOCKS_MAX * sizeof *n->path);
    CARVE(n->peers, o->peers_max * sizeof *n->peers);
    CARVE(n->peer_table, (n->peer_mask + 1) * sizeof *n->peer_table);
    CARVE(n->cert_table, authors * sizeof *n->cert_table);
    CARVE(n->strangers, STRANGERS_MAX * sizeof *n->strangers);
    CARVE(n->waiting, (o->peers_max + 63) / 64 * sizeof *n->waiting);
    CARVE(n->events, n->events_cap * sizeof *n->events);
    CARVE(n->held, HELD_MAX * sizeof *n->held);
    CARVE(n->slots, SLOTS * sizeof *n->slots);
    CARVE(n->scratch, hkp_dsm__lane_max(0));
    CARVE(n->answer, ANSWER_ROOM);
    CARVE(n->changes, HKP_DSM__CHANGED_HEADS_MAX * sizeof *n->changes);
    CARVE(n->suspects, EVIDENCE_MAX * sizeof *n->suspects);
    CARVE(n->singles, (HKP_DSM__OPS_MAX + PENDING_MAX) * sizeof *n->singles);
    CARVE(n->notes, NOTES_MAX * sizeof *n->notes);
    CARVE(n->pending, sizeof *n->pending);
    CARVE(n->pending_trial, sizeof *n->pending_trial);
    CARVE(n->entropy.order, o->heads_max * sizeof *n->entropy.order);
    CARVE(n->entropy.heads, o->heads_max * sizeof *n->entropy.heads);
    CARVE(n->entropy.bucket_of, o->heads_max);
    CARVE(n->grey.entries, HKP_DSM__GREY_MAX * sizeof *n->grey.entries);
    struct hkp_dsm__tree_options tree;
    void *tree_memory = NULL;
    hkp_dsm__spread_options(n, o->seen_max, &tree);
    CARVE(tree_memory, hkp_dsm__tree_bytes(&tree));
    CARVE(n->testimony.files, o->claims_max * sizeof *n->testimony.files);
    CARVE(n->testimony.by_id, STATEMENT_BUCKETS * sizeof *n->testimony.by_id);
    CARVE(n->testimony.words, HKP_DSM_CLAIMS * sizeof *n->testimony.words);
    CARVE(n->lost, LOST_MAX * sizeof *n->lost);
    for (uint32_t i = 0; i < o->peers_max; i++)
        for (uint32_t l = 0; l < HKP_DSM_LANES; l++) {
            uint32_t cap = hkp_dsm__queue_cap(l);
            blob **ring = NULL;
            CARVE(ring, cap * sizeof *ring);
            if (base != NULL) n->peers[i].queues[l] = (struct queue){.ring = ring, .cap = cap};
        }
#undef CARVE
    if (base != NULL) {
        hkp_dsm__pool_init(&n->pool, pool_base, pool_tag, pool);
        n->grey.cap = HKP_DSM__GREY_MAX;
        if (n->rng.fill(n->rng.user, tree.key, sizeof tree.key) != 0) return 0;
        hkp_dsm__tree_init(&n->spread.tree, tree_memory, &tree);
    }
    return at;
}

/* Everything but the pool is cleared: untouched pages of the pool stay unused. */
static hkp_status memory(node *n, const struct hkp_dsm_node_options *o) {
    n->heads_max = o->heads_max;
    n->peers_max = o->peers_max;
    n->blocks_max = o->blocks_max;
    n->testimony.max = o->claims_max;
    n->block_size = carve(n, NULL, o);
    n->block_of_memory = n->mem.alloc(n->mem.user, n->block_size);
    if (n->block_of_memory == NULL) return HKP_E_NOMEM;
    size_t pool = (o->pool_bytes / POOL_UNIT * POOL_UNIT + 63) / 64 * 64;
    memset((uint8_t *)n->block_of_memory + pool, 0, n->block_size - pool);
    if (carve(n, n->block_of_memory, o) == 0) return HKP_E_CALLBACK;
    return hkp_dsm__heads_new(&n->heads, o->heads_max, &n->mem);
}

static hkp_status identity(node *n, const struct hkp_dsm_node_options *o) {
    struct hkp_dsm_genesis g;
    hkp_status st = hkp_dsm_genesis_parse(o->genesis, o->genesis_len, &g);
    if (st != HKP_OK) return st;
    memcpy(n->chain_id, g.chain_id, 32);
    n->lists.officers.sets[0] = g.ca_set;
    n->lists.officers.n_sets = 1;
    n->officers = (struct hkp_dsm_officers){.sets = n->lists.officers.sets,
                                            .n_sets = 1,
                                            .scratch = n->scratch,
                                            .scratch_len = hkp_dsm__lane_max(0)};
    n->genesis_s = g.time_s;
    n->single = (uint32_t)hkp_dsm__name_is_single(&g.name);
    struct hkp_dsm_multi multi;
    struct hkp_dsm_certificate c;
    st = hkp_dsm_multi_parse(o->certificate, o->certificate_len, &multi);
    if (st == HKP_OK) st = hkp_dsm_multi_check(n->chain_id, &multi, HKP_DSM_KIND_CERTIFICATE, &n->officers);
    if (st == HKP_E_DSM_CA_VERSION) st = HKP_OK; /* of officers that only the chain will tell */
    if (st == HKP_OK) st = hkp_dsm_certificate_parse(o->certificate, o->certificate_len, &c);
    if (st != HKP_OK) return st;
    if (memcmp(c.key, o->secret + 32, 32) != 0) return HKP_E_DSM_NODE_ID;
    memcpy(n->id, c.node_id, 16);
    memcpy(n->secret, o->secret, 64);
    if (o->host != NULL) memcpy(n->host, o->host, 32);
    hkp_dsm__valset_hash(n->epoch0_hash, g.valset_body.ptr, g.valset_body.len);
    hkp_dsm__epoch_begin(n, g.valset_body.ptr, g.valset_body.len, n->chain_id, 0, g.time_s * 1000);
    st = hkp_dsm__certificate_take(n, o->certificate, o->certificate_len, CERT_STORED);
    n->self = hkp_dsm__author_make(n, n->id);
    return st == HKP_OK && n->self == NULL ? HKP_E_LIMIT : st;
}

hkp_status hkp_dsm_node_new(hkp_dsm_node **out, const struct hkp_dsm_node_options *opt, hkp_time now) {
    struct hkp_dsm_node_options o;
    hkp_status st = import(&o, opt);
    if (st != HKP_OK) return st;
    if (sodium_init() < 0) return HKP_E_CALLBACK;
    node *n = hkp_mem_alloc(&o.mem, sizeof *n);
    if (n == NULL) return HKP_E_NOMEM;
    n->mem = o.mem;
    n->rng = o.rng;
    n->now = now;
    n->observer = o.observer != 0;
    n->t_cp = o.t_cp_ns;
    n->delay = o.delay_ns;
    n->have_every = o.have_ns;
    n->pace_at = n->probes.at = n->tell_at = HKP_TIME_NEVER;
    n->probes.health = 1;
    n->keep_blocks_s = o.keep_blocks_s;
    n->keep_headers_s = o.keep_headers_s;
    n->build_s = o.build_s;
    memcpy(n->trust.given, o.boundary, 32);
    st = memory(n, &o);
    if (st == HKP_OK) st = identity(n, &o);
    if (st == HKP_OK) st = hkp_dsm__testimony_new(n);
    if (st != HKP_OK) {
        hkp_dsm_node_free(n);
        return st;
    }
    *out = n;
    return HKP_OK;
}

void hkp_dsm_node_free(hkp_dsm_node *n) {
    if (n == NULL) return;
    struct hkp_mem mem = n->mem;
    hkp_dsm__heads_free(n->heads);
    hkp_dsm_claim_table_free(n->testimony.table);
    hkp_mem_free(&mem, n->block_of_memory, n->block_size);
    sodium_memzero(n, sizeof *n);
    hkp_mem_free(&mem, n, sizeof *n);
}

hkp_status hkp_dsm_node_start(hkp_dsm_node *n, hkp_time now, uint64_t wall_us) {
    if (n->state != HKP_DSM_STATE_NEW) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    n->state = HKP_DSM_STATE_LOADING;
    hkp_dsm__load_begin(n);
    return HKP_OK;
}

void hkp_dsm_clock_state(hkp_dsm_node *n, int32_t synchronised) { n->synchronised = synchronised != 0; }

/* ---- messages ---- */

static hkp_status dispatch(node *n, struct peer *p, struct hkp_dsm__message *m) {
    switch (m->op) {
    case HKP_DSM__OP_MSG_PUSH:
    case HKP_DSM__OP_MSG_IHAVE:
    case HKP_DSM__OP_MSG_GRAFT:
    case HKP_DSM__OP_MSG_PRUNE:
    case HKP_DSM__OP_MSG_IDONTWANT:
        return hkp_dsm__on_spread(n, p, m);
    case HKP_DSM__OP_MSG_CHUNK_REQ:
        return hkp_dsm__on_chunk_req(n, p, m);
    case HKP_DSM__OP_MSG_CHUNK:
        return hkp_dsm__on_chunk(n, p, m);
    case HKP_DSM__OP_MSG_BOUNDARY_REQ:
        return hkp_dsm__on_boundary_req(n, p, m);
    case HKP_DSM__OP_MSG_BOUNDARIES:
        return hkp_dsm__on_boundaries(n, p, m);
    case HKP_DSM__OP_MSG_PROOF_REQ:
        return hkp_dsm__on_proof_req(n, p, m);
    case HKP_DSM__OP_MSG_PROOF:
        return hkp_dsm__on_proof(n, p, m);
    case HKP_DSM__OP_MSG_DIGEST:
        return hkp_dsm__on_digest(n, p, m);
    case HKP_DSM__OP_MSG_BUCKETS:
        return hkp_dsm__on_buckets(n, p, m);
    case HKP_DSM__OP_MSG_HEADS:
        return hkp_dsm__on_heads(n, p, m);
    case HKP_DSM__OP_MSG_JOIN:
    case HKP_DSM__OP_MSG_FORWARD_JOIN:
    case HKP_DSM__OP_MSG_NEIGHBOR:
    case HKP_DSM__OP_MSG_NEIGHBOR_REPLY:
    case HKP_DSM__OP_MSG_DISCONNECT:
    case HKP_DSM__OP_MSG_SHUFFLE:
    case HKP_DSM__OP_MSG_SHUFFLE_REPLY:
        return hkp_dsm__on_near(n, p, m);
    case HKP_DSM__OP_MSG_PING:
    case HKP_DSM__OP_MSG_ACK:
    case HKP_DSM__OP_MSG_PING_REQ:
        return hkp_dsm__on_probe(n, p, m);
    case HKP_DSM__OP_MSG_WANT:
        return hkp_dsm__on_want(n, p, m);
    case HKP_DSM__OP_MSG_ITEMS:
        return hkp_dsm__on_items(n, p, m);
    case HKP_DSM__OP_MSG_HAVE:
        return hkp_dsm__on_have(n, p, m);
    case HKP_DSM__OP_MSG_SYNC_REQ:
        return hkp_dsm__on_sync_req(n, p, m);
    case HKP_DSM__OP_MSG_SYNC_RESP:
        return hkp_dsm__on_sync_resp(n, p, m);
    case HKP_DSM__OP_MSG_PROMISES_REQ:
        return hkp_dsm__on_promises_req(n, p, m);
    case HKP_DSM__OP_MSG_PROMISES:
        return hkp_dsm__on_promises(n, p, m);
    case HKP_DSM__OP_MSG_PROPOSE:
        return hkp_dsm__on_propose(n, p, m);
    case HKP_DSM__OP_MSG_VOTE:
        return hkp_dsm__on_vote(n, p, &m->envelope);
    case HKP_DSM__OP_MSG_CERT:
        return hkp_dsm__cert_from(n, p, 0, m->cert.ptr, m->cert.len);
    case HKP_DSM__OP_MSG_CERT_WANT:
        return hkp_dsm__on_cert_want(n, p, m);
    default:
        return HKP_E_UNSUPPORTED; /* none: what is not in the table was E_OP */
    }
}

/* Ops by which the rules have something to do only if a cert or evidence was new (stirs). */
static int is_calm(uint32_t op) {
    const uint64_t calm = 1ULL << HKP_DSM__OP_MSG_VOTE | 1ULL << HKP_DSM__OP_MSG_CERT |
                          1ULL << HKP_DSM__OP_MSG_HAVE | 1ULL << HKP_DSM__OP_MSG_IHAVE |
                          1ULL << HKP_DSM__OP_MSG_GRAFT | 1ULL << HKP_DSM__OP_MSG_PRUNE |
                          1ULL << HKP_DSM__OP_MSG_PING | 1ULL << HKP_DSM__OP_MSG_ACK |
                          1ULL << HKP_DSM__OP_MSG_WANT | 1ULL << HKP_DSM__OP_MSG_DIGEST;
    return op < 64 && (calm >> op & 1) != 0;
}

/* A message of an open lane. What finds no room is lost and comes again some other way: a host that waited
 * for room would wait for ever. */
static hkp_status take(node *n, struct peer *p, uint32_t lane, const uint8_t *msg, size_t len, uint32_t *op) {
    struct hkp_dsm__message m;
    hkp_status st = hkp_dsm__conduct_lane(n, p, lane, len);
    if (st == HKP_OK) st = hkp_dsm__message_parse(lane, msg, len, &m);
    if (st == HKP_OK) *op = m.op;
    if (st == HKP_OK) st = hkp_dsm__conduct_op(n, p, &m);
    if (st == HKP_OK) st = dispatch(n, p, &m);
    hkp_dsm__conduct_judge(n, p, st);
    return st == HKP_E_LIMIT ? HKP_E_DSM_RATE : st;
}

hkp_status hkp_dsm_recv(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t peer[16],
                        uint32_t lane, const uint8_t *msg, size_t len) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE || n->held_count > HELD_MAX / 2) return HKP_E_LIMIT;
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    n->received++;
    const uint64_t stirs = n->stirs;
    uint32_t op = 0;
    hkp_status st = lane < HKP_DSM_LANES && hkp_dsm__lane_open(p, lane) ? HKP_OK : HKP_E_DSM_LANE;
    if (lane >= HKP_DSM_LANES) hkp_dsm__conduct_judge(n, p, st);
    if (st == HKP_OK) st = take(n, p, lane, msg, len, &op);
    if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE && st != HKP_E_DSM_GAP) n->refused++;
    if (!is_calm(op) || n->stirs != stirs || n->now >= n->advance_at) hkp_dsm__advance(n);
    return st;
}

/* ---- time ---- */

hkp_status hkp_dsm_tick(hkp_dsm_node *n, hkp_time now, uint64_t wall_us) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    if (n->now >= n->pace_at) n->pace_at = HKP_TIME_NEVER;
    hkp_dsm__have_tick(n);
    hkp_dsm__reconcile_tick(n);
    hkp_dsm__entropy_tick(n);
    hkp_dsm__join_tick(n);
    hkp_dsm__notes_tick(n);
    hkp_dsm__testimony_tick(n);
    hkp_dsm__questions_tick(n);
    hkp_dsm__officers_tick(n);
    hkp_dsm__lists_tick(n);
    hkp_dsm__advance(n);
    hkp_dsm__spread_tick(n);
    hkp_dsm__near_tick(n);
    hkp_dsm__probes_tick(n);
    hkp_dsm__prune(n);
    hkp_dsm__heal(n);
    return HKP_OK;
}

hkp_time hkp_dsm_wake(const hkp_dsm_node *n) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_TIME_NEVER;
    hkp_time wake = hkp_dsm__rules_wake(n);
    const hkp_time others[] = {n->have_at,
                               n->testimony.at,
                               hkp_dsm__officers_wake(n),
                               n->pace_at,
                               n->tell_at,
                               hkp_dsm__spread_wake(n),
                               hkp_dsm__near_wake(n),
                               n->near.on ? n->probes.at : HKP_TIME_NEVER,
                               hkp_dsm__prune_wake(n),
                               hkp_dsm__entropy_wake(n),
                               hkp_dsm__join_wake(n),
                               hkp_dsm__questions_wake(n),
                               hkp_dsm__heal_wake(n)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] < wake) wake = others[i];
    return wake;
}

/* ---- status ---- */

hkp_status hkp_dsm_node_trust(const hkp_dsm_node *n, uint64_t epoch, uint8_t hash[32], uint64_t *time_ms) {
    if (epoch == n->set.epoch) {
        memcpy(hash, n->set.hash, 32);
        *time_ms = n->epoch_ms;
        return HKP_OK;
    }
    if (epoch != 0 && epoch == n->restarted.epoch) {
        memcpy(hash, n->restarted.valset_hash, 32);
        *time_ms = n->restarted.time_ms;
        return HKP_OK;
    }
    if (epoch != 0) return HKP_E_NOTFOUND;
    memcpy(hash, n->epoch0_hash, 32);
    *time_ms = n->genesis_s * 1000;
    return HKP_OK;
}

hkp_status hkp_dsm_node_status(const hkp_dsm_node *n, struct hkp_dsm_node_status *s) {
    if (s->struct_size < sizeof *s) return HKP_E_INVAL;
    uint64_t open = 0;
    for (const struct author *a = n->open; a != NULL; a = a->open_next) open += a->tip.seq - a->final.seq;
    *s = (struct hkp_dsm_node_status){.struct_size = sizeof *s,
                                      .state = n->state,
                                      .members = n->set.n,
                                      .faulty_max = n->set.f,
                                      .quorum = n->set.q,
                                      .own_index = (uint32_t)n->seat,
                                      .epoch = n->set.epoch,
                                      .view = n->view,
                                      .final_height = n->root.height,
                                      .final_view = n->root.view,
                                      .final_time_ms = n->root.time_ms,
                                      .final_at = n->root.at,
                                      .finals = n->finals,
                                      .nullified = n->nullified,
                                      .evidence = n->n_suspects,
                                      .authors = n->n_authors,
                                      .heads = hkp_dsm__heads_count(n->heads),
                                      .blocks_open = open,
                                      .blocks_waiting = n->n_waiting,
                                      .blocks = n->accepted,
                                      .own_seq = n->self->tip.seq,
                                      .received = n->received,
                                      .refused = n->refused,
                                      .sent = n->sent,
                                      .dropped = n->dropped,
                                      .pool_used = (uint64_t)n->pool.used * POOL_UNIT,
                                      .peers = n->n_peers,
                                      .silent = n->observer || n->silent || n->outdated || n->promises_open ||
                                                n->watermark == UINT64_MAX || n->seat < 0,
                                      .boundary_ms = n->epoch_ms,
                                      .trust = n->trust.state};
    memcpy(s->boundary, n->trust.boundary, 32);
    memcpy(s->final_digest, n->root.digest, 32);
    memcpy(s->chain_id, n->chain_id, 32);
    memcpy(s->node_id, n->id, 16);
    return HKP_OK;
}
