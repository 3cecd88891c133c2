/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Sessions and their bounded queues. A message to many peers is one blob with many references (D 13). */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

static const uint32_t queue_cap[HKP_DSM_LANES] = {1024, 256, 1024, 2048, 64};

uint32_t hkp_dsm__queue_cap(uint32_t lane) { return queue_cap[lane]; }

struct peer *hkp_dsm__peer(const node *n, const uint8_t node_id[16]) {
    struct peer *p = n->peer_table[hkp_le32(node_id) & n->peer_mask];
    while (p != NULL && memcmp(p->node_id, node_id, 16) != 0) p = p->next_by_id;
    return p;
}

static void table_add(node *n, struct peer *p) {
    struct peer **at = &n->peer_table[hkp_le32(p->node_id) & n->peer_mask];
    p->next_by_id = *at;
    *at = p;
}

static void table_remove(node *n, const struct peer *p) {
    struct peer **at = &n->peer_table[hkp_le32(p->node_id) & n->peer_mask];
    while (*at != p) at = &(*at)->next_by_id;
    *at = p->next_by_id;
}

/* Lanes 0 and 1 between members of V_e whatever trust says (HTP-8.6, D-SMX-11). */
int hkp_dsm__lane_open(const struct peer *p, uint32_t lane) {
    uint32_t mask = p->lanes | (p->seat >= 0 ? (uint32_t)HKP_DSM_LANES_SAFETY : 0U);
    return (mask >> lane & 1U) != 0;
}

/* D-GSP-13: an op above 23 stands in the third byte of its message. */
static uint32_t items_bytes(const blob *b) {
    return b->len > 2 && b->ptr[1] == 0x18 && b->ptr[2] == HKP_DSM__OP_MSG_ITEMS ? b->len : 0;
}

/* The first of a lane stands in its peer, where nearly always nothing is behind it. */
static void queue_push(struct queue *q, blob *b) {
    const uint32_t end = q->head + q->count - 1;
    q->items += items_bytes(b);
    if (q->count++ == 0)
        q->first = b;
    else
        q->ring[end < q->cap ? end : end - q->cap] = b;
}

static void mark(node *n, const struct peer *p, int waits) {
    const uint32_t at = (uint32_t)(p - n->peers);
    const uint64_t bit = 1ULL << at % 64;
    if (((n->waiting[at / 64] & bit) != 0) == waits) return;
    n->waiting[at / 64] ^= bit;
    n->n_waited += waits ? 1U : UINT32_MAX;
}

static void queue_pop(node *n, struct peer *p, struct queue *q) {
    blob *b = q->first;
    q->items -= items_bytes(b);
    if (--q->count > 0) {
        q->first = q->ring[q->head];
        q->head = q->head + 1 == q->cap ? 0 : q->head + 1;
    }
    p->bytes -= b->len;
    hkp_dsm__blob_drop(&n->pool, b);
    for (uint32_t l = 0; l < HKP_DSM_LANES; l++)
        if (p->queues[l].count > 0) return;
    mark(n, p, 0);
}

void hkp_dsm__peer_bad(node *n, struct peer *p, hkp_status why) {
    if (p->bad) return;
    p->bad = 1;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_PEER_BAD);
    memcpy(e->e.node_id, p->node_id, 16);
    e->e.status = why;
}

void hkp_dsm__send_peer(node *n, struct peer *p, uint32_t lane, blob *msg) {
    if (msg == NULL || !hkp_dsm__lane_open(p, lane)) return;
    struct queue *q = &p->queues[lane];
    if (q->count == q->cap) {
        n->dropped++;
        if (lane == 0) {
            hkp_dsm__peer_bad(n, p, HKP_E_LIMIT);
            return;
        }
        queue_pop(n, p, q);
    }
    for (uint32_t low = HKP_DSM_LANES; low-- > lane && p->bytes + msg->len > PEER_BYTES_MAX;)
        while (p->queues[low].count > 0 && p->bytes + msg->len > PEER_BYTES_MAX) {
            queue_pop(n, p, &p->queues[low]);
            n->dropped++;
        }
    queue_push(q, hkp_dsm__blob_hold(msg));
    p->bytes += msg->len;
    mark(n, p, 1);
}

void hkp_dsm__send_members(node *n, uint32_t lane, blob *msg) {
    for (uint32_t i = 0; i < n->peers_max; i++)
        if (n->peers[i].up && n->peers[i].seat >= 0) hkp_dsm__send_peer(n, &n->peers[i], lane, msg);
}

void hkp_dsm__send_all(node *n, uint32_t lane, blob *msg, const struct peer *but) {
    for (uint32_t i = 0; i < n->peers_max; i++)
        if (n->peers[i].up && &n->peers[i] != but) hkp_dsm__send_peer(n, &n->peers[i], lane, msg);
}

/* Each call another one, so that a question that failed goes elsewhere the next time (R8). Who has no session
 * with a member asks its neighbours. */
struct peer *hkp_dsm__some_peer(node *n, uint32_t lane, int member) {
    for (uint32_t i = 0; i < n->peers_max; i++) {
        n->sync_peer = (n->sync_peer + 1) % n->peers_max;
        struct peer *p = &n->peers[n->sync_peer];
        if (p->up && hkp_dsm__lane_open(p, lane) && (!member || p->seat >= 0)) return p;
    }
    return member ? hkp_dsm__some_peer(n, lane, 0) : NULL;
}

void hkp_dsm__peers_seats(node *n) {
    for (uint32_t i = 0; i < n->peers_max; i++) {
        n->peers[i].view = 0;
        if (n->peers[i].up) n->peers[i].seat = hkp_dsm__valset_index(&n->set, n->peers[i].node_id);
    }
    hkp_dsm__near_seats(n);
}

int hkp_dsm__may_ask(node *n, struct peer *p) {
    return hkp_dsm__score_take(&p->conduct, n->now, HKP_DSM__RATE_QUESTION, 1, p->seat >= 0);
}

struct hkp_dsm_cbor_writer hkp_dsm__writer(node *n) {
    return (struct hkp_dsm_cbor_writer){.out = n->scratch, .cap = hkp_dsm__lane_max(0)};
}

blob *hkp_dsm__msg(node *n, const struct hkp_dsm_cbor_writer *w) {
    return w->status == HKP_OK && !hkp_dsm__fuller(n, FILL_MESSAGES) ? hkp_dsm__bytes(n, w->out, w->len)
                                                                     : NULL;
}

/* One that was here before comes back to its place, so that its score and its lies are not forgotten by a new
 * session. */
static struct peer *peer_place(node *n, const uint8_t node_id[16]) {
    struct peer *free_one = NULL;
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct peer *p = &n->peers[i];
        if (p->up) continue;
        if (memcmp(p->node_id, node_id, 16) == 0) return p;
        if (free_one == NULL || (free_one->known && !p->known)) free_one = p;
    }
    return free_one;
}

static void peer_begin(node *n, struct peer *p, const uint8_t node_id[16], uint32_t lanes) {
    const struct peer was = *p;
    const int again = was.known && memcmp(was.node_id, node_id, 16) == 0;
    *p = (struct peer){.up = 1, .known = 1, .lanes = lanes};
    for (uint32_t l = 0; l < HKP_DSM_LANES; l++)
        p->queues[l] = (struct queue){.ring = was.queues[l].ring, .cap = queue_cap[l]};
    memcpy(p->node_id, node_id, 16);
    table_add(n, p);
    hkp_dsm__conduct_begin(n, p);
    if (again) {
        p->conduct = was.conduct;
        p->pace = was.pace; /* the other side remembers what it was sent, too */
        p->lied = was.lied;
    }
}

hkp_status hkp_dsm_peer_up(hkp_dsm_node *n, hkp_time now, const uint8_t peer[16], uint32_t lanes) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (lanes > HKP_DSM_LANES_ALL || memcmp(peer, n->id, 16) == 0) return HKP_E_INVAL;
    if (hkp_dsm__peer(n, peer) != NULL) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    struct peer *p = peer_place(n, peer);
    if (p == NULL) return HKP_E_LIMIT;
    const int seat = hkp_dsm__valset_index(&n->set, peer);
    if (seat < 0 && hkp_dsm__conduct_grey(n, peer)) return HKP_E_DSM_RATE;
    peer_begin(n, p, peer, lanes);
    p->seat = seat;
    hkp_dsm__lists_tick(n);
    p->listless = (uint32_t)hkp_dsm__lists_old(n);
    n->n_peers++;
    hkp_dsm__probes_begin(n, p);
    hkp_dsm__near_up(n, p);
    hkp_dsm__promises_ask(n, p);
    hkp_dsm__newest_certs(n, p);
    hkp_dsm__have_all(n, p);
    hkp_dsm__lists_announce(n, p);
    hkp_dsm__notes_peer(n, p);
    hkp_dsm__testimony_peer(n, p);
    struct slot *s = hkp_dsm__slot(n, n->view);
    for (int i = 2; s != NULL && p->seat >= 0 && i < 6; i++) hkp_dsm__send_peer(n, p, 0, s->own_msg[i]);
    hkp_dsm__advance(n);
    return HKP_OK;
}

hkp_status hkp_dsm_peer_lanes(hkp_dsm_node *n, hkp_time now, const uint8_t peer[16], uint32_t lanes) {
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    if (lanes > HKP_DSM_LANES_ALL) return HKP_E_INVAL;
    hkp_dsm__time(n, now);
    uint32_t before = p->lanes;
    p->lanes = lanes;
    if ((lanes & ~before & 8U) != 0) hkp_dsm__have_all(n, p);
    hkp_dsm__near_lanes(n, p, (before & 8U) != 0);
    return HKP_OK;
}

hkp_status hkp_dsm_peer_clock(hkp_dsm_node *n, const uint8_t peer[16], int64_t offset_us, uint32_t verdict) {
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    if (verdict > HKP_DSM_CLOCK_FAIL) return HKP_E_INVAL;
    p->clock_us = offset_us;
    p->clock_verdict = verdict;
    p->have_clock = 1;
    return HKP_OK;
}

hkp_status hkp_dsm_peer_down(hkp_dsm_node *n, hkp_time now, const uint8_t peer[16]) {
    struct peer *p = hkp_dsm__peer(n, peer);
    if (p == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__time(n, now);
    hkp_dsm__near_down(n, p);
    for (uint32_t l = 0; l < HKP_DSM_LANES; l++)
        while (p->queues[l].count > 0) queue_pop(n, p, &p->queues[l]);
    table_remove(n, p);
    hkp_dsm__blob_drop(&n->pool, p->unsigned_set);
    p->unsigned_set = NULL;
    p->up = 0;
    n->n_peers--;
    return HKP_OK;
}

/* Strict order, but of each ten messages every lower lane has one if it waits (D-GSP-10). */
static struct queue *next_queue(node *n, struct peer *p, uint32_t skip, uint32_t *lane) {
    const uint32_t turn = p->served % 10, first = turn > 5 ? turn - 5 : 0;
    for (uint32_t i = 0; i < HKP_DSM_LANES; i++) {
        const uint32_t l = i == 0 ? first : i - (i <= first);
        const struct queue *q = &p->queues[l];
        if (q->count == 0 || (skip >> l & 1U) != 0 || !hkp_dsm__pace_lane(n, p, l, q->first->len)) continue;
        *lane = l;
        return &p->queues[l];
    }
    return NULL;
}

static hkp_status send_from(node *n, struct peer *p, uint32_t skip, uint32_t *lane, const uint8_t **msg,
                            size_t *len) {
    uint32_t l = 0;
    struct queue *q = next_queue(n, p, skip, &l);
    if (q == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__blob_drop(&n->pool, n->sending);
    n->sending = hkp_dsm__blob_hold(q->first);
    queue_pop(n, p, q);
    p->served++;
    n->sent++;
    *lane = l;
    *msg = n->sending->ptr;
    *len = n->sending->len;
    return HKP_OK;
}

/* The first peer from one on, up to an end, for which messages wait; end: none. */
static uint32_t next_waiting(const node *n, uint32_t from, uint32_t end) {
    while (from < end) {
        const uint64_t word = n->waiting[from / 64] >> from % 64;
        if (word != 0)
            return from + (uint32_t)__builtin_ctzll(word) < end ? from + (uint32_t)__builtin_ctzll(word)
                                                                : end;
        from = (from / 64 + 1) * 64;
    }
    return end;
}

static int send_range(node *n, uint32_t from, uint32_t end, uint8_t peer[16], uint32_t *lane,
                      const uint8_t **msg, size_t *len) {
    for (uint32_t i = from; (i = next_waiting(n, i, end)) < end; i++) {
        struct peer *p = &n->peers[i];
        if (send_from(n, p, 0, lane, msg, len) != HKP_OK) continue;
        memcpy(peer, p->node_id, 16);
        n->next_peer = (i + 1) % n->peers_max;
        return 1;
    }
    return 0;
}

hkp_status hkp_dsm_send(hkp_dsm_node *n, uint8_t peer[16], uint32_t *lane, const uint8_t **msg, size_t *len) {
    const uint32_t from = n->next_peer;
    if (n->n_waited == 0) return HKP_E_NOTFOUND;
    return send_range(n, from, n->peers_max, peer, lane, msg, len) ||
                   send_range(n, 0, from, peer, lane, msg, len)
               ? HKP_OK
               : HKP_E_NOTFOUND;
}

hkp_status hkp_dsm_send_to(hkp_dsm_node *n, const uint8_t peer[16], uint32_t skip, uint32_t *lane,
                           const uint8_t **msg, size_t *len) {
    struct peer *p = hkp_dsm__peer(n, peer);
    return p == NULL ? HKP_E_NOTFOUND : send_from(n, p, skip, lane, msg, len);
}
