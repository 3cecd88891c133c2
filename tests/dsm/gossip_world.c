/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "gossip_world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/message/message.h"
#include "libter/bytes.h"

enum {
    WHEEL_MS = 65536,
    RESEND_MS = 150, /* a probe timeout of HTP at this round trip, about */
    CONNECT_MS = 2 * GOSSIP_HOP_MS,
    SILENCE_MS = 5000, /* until a dead peer is noticed */
    RECORD_BYTES = 300,
    OP_SESSION = 100,
    OP_GONE = 101
};

#define MS 1000000ULL

/* What happens in one millisecond: messages in the order of sending, then the nodes that are to be called. */
struct gossip_bucket {
    struct gossip_message *first, *last;
    uint32_t timers;
};

struct gossip_message {
    struct gossip_message *next;
    uint32_t from, to, op, flag, ttl, n, lane, item;
    uint8_t nonce[8];
    uint32_t records[HKP_DSM__SHUFFLE_MAX];
    /** bits of items */
    uint64_t ids;
};

uint64_t gossip_random(struct gossip_world *w) {
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random * 0x2545F4914F6CDD1DULL;
}

int gossip_number(const struct gossip_world *w, const uint8_t node_id[16]) {
    const uint32_t n = hkp_le32(node_id + 8);
    return n < w->o.nodes && memcmp(w->nodes[n].self.node_id, node_id, 16) == 0 ? (int)n : -1;
}

static void trace(struct gossip_world *w, uint64_t v) {
    w->digest = (w->digest ^ v) * 0x100000001B3ULL;
    w->digest ^= w->digest >> 29;
}

static hkp_time now_of(const struct gossip_world *w) { return w->now_ms * MS; }

static void id_of(uint8_t id[16], uint32_t item) {
    memset(id, 0, 16);
    hkp_put_be32(id, (item + 1) * 2654435761U);
    hkp_put_be32(id + 12, item);
}

/* ---- the network ---- */

static struct gossip_bucket *bucket(struct gossip_world *w, uint64_t ms) { return &w->wheel[ms % WHEEL_MS]; }

static void put(struct gossip_world *w, const struct gossip_message *m, uint64_t in_ms) {
    struct gossip_message *copy = w->spare;
    struct gossip_bucket *b = bucket(w, w->now_ms + in_ms);
    if (copy != NULL)
        w->spare = copy->next;
    else
        copy = malloc(sizeof *copy);
    if (copy == NULL) abort();
    *copy = *m;
    copy->next = NULL;
    if (b->first == NULL)
        b->first = copy;
    else
        b->last->next = copy;
    b->last = copy;
}

static void timer_off(struct gossip_world *w, uint32_t i) {
    struct gossip_node *n = &w->nodes[i];
    if (!n->timed) return;
    if (n->prev != 0)
        w->nodes[n->prev - 1].next = n->next;
    else
        bucket(w, n->due_ms)->timers = n->next;
    if (n->next != 0) w->nodes[n->next - 1].prev = n->prev;
    n->timed = 0;
}

/* It is called in the first millisecond that is not before. */
static void timer_at(struct gossip_world *w, uint32_t i, hkp_time at) {
    struct gossip_node *n = &w->nodes[i];
    uint64_t due = at / MS + (at % MS != 0);
    if (due <= w->now_ms) due = w->now_ms + 1;
    if (due >= w->now_ms + WHEEL_MS) due = w->now_ms + WHEEL_MS - 1;
    if (n->timed && n->due_ms == due) return;
    timer_off(w, i);
    struct gossip_bucket *b = bucket(w, due);
    n->prev = 0;
    n->next = b->timers;
    if (n->next != 0) w->nodes[n->next - 1].prev = i + 1;
    b->timers = i + 1;
    n->due_ms = due;
    n->timed = 1;
}

/* Not before what went before it; pairs that share a place wait for each other at most, which harms nothing.
 */
static uint64_t in_order(struct gossip_world *w, uint32_t from, uint32_t to, uint64_t delay) {
    const uint64_t pair = (uint64_t)from << 32 | to;
    struct gossip_pair *p = &w->pairs[(pair * 0x9E3779B97F4A7C15ULL >> 32) & w->pair_mask];
    if (p->pair == pair && p->due_ms > w->now_ms + delay) delay = p->due_ms - w->now_ms;
    if (p->pair == pair || p->due_ms < w->now_ms + delay) *p = (struct gossip_pair){pair, w->now_ms + delay};
    return delay;
}

static void send(struct gossip_world *w, const struct gossip_message *m, size_t bytes) {
    uint64_t delay = GOSSIP_HOP_MS;
    if (w->o.jitter > 0) {
        const uint64_t span = 2ULL * GOSSIP_HOP_MS * w->o.jitter / 100;
        delay = GOSSIP_HOP_MS - span / 2 + gossip_random(w) % (span + 1);
    }
    for (int tries = 0; tries < 20 && gossip_random(w) % 1000 < w->o.loss; tries++) delay += RESEND_MS;
    w->messages++;
    w->bytes += bytes;
    put(w, m, in_order(w, m->from, m->to, delay == 0 ? 1 : delay));
}

/* ---- one node ---- */

static uint32_t link_of(const struct gossip_node *n, uint32_t peer) {
    for (uint32_t i = 0; i < GOSSIP_LINKS; i++)
        if (n->links[i] == peer + 1) return i;
    return GOSSIP_LINKS;
}

static void do_push(struct gossip_world *w, uint32_t self, uint64_t to, uint32_t item) {
    const struct gossip_node *n = &w->nodes[self];
    for (uint32_t i = 0; i < GOSSIP_LINKS; i++) {
        if ((to >> i & 1) == 0 || n->links[i] == 0) continue;
        const struct gossip_message m = {
            .from = self, .to = n->links[i] - 1, .op = HKP_DSM__OP_MSG_PUSH, .lane = 2, .item = item};
        w->pushes++;
        send(w, &m, w->items[item].size + 16);
    }
}

static void do_view(struct gossip_world *w, uint32_t self, const struct hkp_dsm__view_out *o) {
    struct gossip_node *n = &w->nodes[self];
    const int peer = gossip_number(w, o->node_id);
    struct gossip_message m = {.from = self, .op = o->op, .flag = o->flag, .ttl = o->ttl, .n = o->n};
    if (peer < 0) return;
    m.to = (uint32_t)peer;
    memcpy(m.nonce, o->nonce, 8);
    for (uint32_t i = 0; i < o->n; i++) m.records[i] = hkp_le32(o->records[i]->ptr);
    uint32_t link = link_of(n, m.to);
    switch (o->kind) {
    case HKP_DSM__VIEW_CONNECT:
        m.op = w->nodes[m.to].dead ? OP_GONE : OP_SESSION;
        m.from = m.to;
        m.to = self;
        put(w, &m, m.op == OP_GONE ? SILENCE_MS : CONNECT_MS);
        break;
    case HKP_DSM__VIEW_LINK_UP:
        for (link = 0; link < GOSSIP_LINKS - 1 && n->links[link] != 0;) link++;
        n->links[link] = m.to + 1;
        hkp_dsm__tree_link_up(&n->tree, link);
        hkp_dsm__tree_link_loss(&n->tree, link, w->o.loss);
        break;
    case HKP_DSM__VIEW_LINK_DOWN:
        if (link == GOSSIP_LINKS) break;
        hkp_dsm__tree_link_down(&n->tree, link);
        n->links[link] = 0;
        break;
    case HKP_DSM__VIEW_SEND:
        send(w, &m, 16 + (size_t)m.n * RECORD_BYTES);
        break;
    default:
        break;
    }
}

static void do_tree(struct gossip_world *w, uint32_t self, const struct hkp_dsm__tree_out *o) {
    const struct gossip_node *n = &w->nodes[self];
    struct gossip_message m = {.from = self, .lane = o->lane};
    if (o->kind == HKP_DSM__TREE_SILENT || n->links[o->link] == 0) return;
    m.to = n->links[o->link] - 1;
    m.op = o->kind == HKP_DSM__TREE_IHAVE   ? HKP_DSM__OP_MSG_IHAVE
           : o->kind == HKP_DSM__TREE_PRUNE ? HKP_DSM__OP_MSG_PRUNE
                                            : HKP_DSM__OP_MSG_GRAFT;
    for (uint32_t i = 0; i < o->n; i++) /* an id of zeros names nothing */
        if (!sodium_is_zero(o->ids[i], 16)) m.ids |= 1ULL << hkp_be32(o->ids[i] + 12);
    send(w, &m, 4 + (size_t)o->n * 17);
}

static void settle(struct gossip_world *w, uint32_t self) {
    struct gossip_node *n = &w->nodes[self];
    struct hkp_dsm__view_out *o;
    static struct hkp_dsm__tree_out t;
    while (hkp_dsm__view_next(&n->view, &o)) do_view(w, self, o);
    while (hkp_dsm__tree_next(&n->tree, now_of(w), &t)) do_tree(w, self, &t);
    const hkp_time view = hkp_dsm__view_wake(&n->view), tree = hkp_dsm__tree_wake(&n->tree);
    timer_at(w, self, view < tree ? view : tree);
}

static void got(struct gossip_world *w, uint32_t self, uint32_t link, uint32_t item) {
    struct gossip_node *n = &w->nodes[self];
    uint8_t id[16];
    uint32_t copies;
    id_of(id, item);
    if ((n->held >> item & 1) != 0) {
        if (link == GOSSIP_LINKS || !hkp_dsm__tree_copy(&n->tree, now_of(w), link, id, &copies)) return;
        const struct gossip_message m = {
            .from = self, .to = n->links[link] - 1, .op = HKP_DSM__OP_MSG_PRUNE, .lane = 2};
        send(w, &m, 2);
        return;
    }
    n->held |= 1ULL << item;
    w->items[item].have++;
    w->items[item].last_ms = w->now_ms;
    const uint64_t to =
        hkp_dsm__tree_tell(&n->tree, now_of(w), link == GOSSIP_LINKS ? HKP_DSM__LINK_NONE : link, 2, id,
                           w->items[item].size, 0, 0);
    do_push(w, self, to, item);
}

/* Nodes below w->liars tell of each other only. */
static uint32_t told_by(struct gossip_world *w, uint32_t who, uint32_t record) {
    return who < w->liars ? (uint32_t)(gossip_random(w) % w->liars) : record;
}

static void tell_view(struct gossip_world *w, struct gossip_node *n) {
    for (uint32_t i = 0; i < GOSSIP_LINKS; i++)
        if (n->links[i] != 0)
            hkp_dsm__view_carries(&n->view, w->nodes[n->links[i] - 1].self.node_id,
                                  hkp_dsm__tree_carries(&n->tree, i));
}

static void take(struct gossip_world *w, const struct gossip_message *m) {
    struct gossip_node *n = &w->nodes[m->to];
    const struct gossip_node *from = &w->nodes[m->from];
    struct hkp_dsm__contact c[HKP_DSM__SHUFFLE_MAX];
    const hkp_time now = now_of(w);
    const uint32_t link = link_of(n, m->from);
    uint8_t id[16];
    for (uint32_t i = 0; i < m->n; i++) c[i] = w->nodes[told_by(w, m->from, m->records[i])].self;
    if (n->dead || (from->dead && m->op != OP_GONE)) return;
    trace(w, (w->now_ms << 40) ^ ((uint64_t)m->from << 20) ^ m->to ^ ((uint64_t)m->op << 56));
    if (link == GOSSIP_LINKS && (m->op == HKP_DSM__OP_MSG_PUSH || m->op == HKP_DSM__OP_MSG_IHAVE))
        hkp_dsm__view_stranger(&n->view, from->self.node_id);
    if (m->op <= HKP_DSM__OP_MSG_NEIGHBOR) tell_view(w, n);
    switch (m->op) {
    case OP_SESSION:
        hkp_dsm__view_session_up(&n->view, now, from->self.node_id);
        break;
    case OP_GONE:
        hkp_dsm__view_session_down(&n->view, now, from->self.node_id);
        break;
    case HKP_DSM__OP_MSG_JOIN:
        hkp_dsm__view_on_join(&n->view, now, &c[0]);
        break;
    case HKP_DSM__OP_MSG_FORWARD_JOIN:
        hkp_dsm__view_on_forward_join(&n->view, now, from->self.node_id, &c[0], m->ttl);
        break;
    case HKP_DSM__OP_MSG_NEIGHBOR:
        hkp_dsm__view_on_neighbor(&n->view, now, &from->self, m->flag);
        break;
    case HKP_DSM__OP_MSG_NEIGHBOR_REPLY:
        hkp_dsm__view_on_reply(&n->view, now, from->self.node_id, m->flag);
        break;
    case HKP_DSM__OP_MSG_DISCONNECT:
        hkp_dsm__view_on_disconnect(&n->view, now, from->self.node_id);
        break;
    case HKP_DSM__OP_MSG_SHUFFLE:
        hkp_dsm__view_on_shuffle(&n->view, from->self.node_id, m->nonce, c, m->n, m->ttl);
        break;
    case HKP_DSM__OP_MSG_SHUFFLE_REPLY:
        hkp_dsm__view_on_shuffle_reply(&n->view, m->nonce, c, m->n);
        break;
    case HKP_DSM__OP_MSG_PUSH:
        got(w, m->to, link, m->item);
        break;
    case HKP_DSM__OP_MSG_IHAVE:
        for (uint32_t i = 0; i < GOSSIP_ITEMS && link < GOSSIP_LINKS; i++) {
            if ((m->ids >> i & 1) == 0) continue;
            id_of(id, i);
            hkp_dsm__tree_ihave(&n->tree, now, link, m->lane, id, (n->held >> i & 1) != 0);
        }
        break;
    case HKP_DSM__OP_MSG_GRAFT:
        if (link == GOSSIP_LINKS) break;
        hkp_dsm__tree_graft(&n->tree, link);
        for (uint32_t i = 0; i < GOSSIP_ITEMS; i++)
            if ((m->ids & n->held) >> i & 1) do_push(w, m->to, 1ULL << link, i);
        break;
    case HKP_DSM__OP_MSG_PRUNE:
        if (link < GOSSIP_LINKS) hkp_dsm__tree_prune(&n->tree, link);
        break;
    default:
        break;
    }
    settle(w, m->to);
}

/* ---- the world ---- */

static void node_make(struct gossip_world *w, uint32_t i) {
    struct gossip_node *n = &w->nodes[i];
    const uint32_t ids = w->o.ids == 0 ? GOSSIP_ITEMS : w->o.ids;
    struct hkp_dsm__tree_options t = {.links = GOSSIP_LINKS,
                                      .announced = ids,
                                      .wanted = ids,
                                      .seen = ids,
                                      .announce_ns = 20 * MS,
                                      .graft_ns = 500 * MS};
    struct hkp_dsm__view_options v = {.active = 8, .passive = 64, .shuffle_ns = 30000 * MS, .pool = &w->pool};
    hkp_put_le64(n->self.node_id, gossip_random(w));
    hkp_put_le32(n->self.node_id + 8, i);
    hkp_put_le64(t.key, gossip_random(w));
    hkp_put_le64(v.key, gossip_random(w));
    n->self.group = 1 + i % w->o.groups;
    n->self.expires_s = UINT64_MAX;
    n->self.seq = 1;
    n->self.validator = i >= w->o.nodes - w->o.validators;
    n->self.record = hkp_dsm__blob_new(&w->pool, 4);
    if (n->self.record == NULL) abort();
    hkp_put_le32(n->self.record->ptr, i);
    n->memory = calloc(1, hkp_dsm__tree_bytes(&t));
    if (n->memory == NULL) abort();
    hkp_dsm__tree_init(&n->tree, n->memory, &t);
    hkp_dsm__view_init(&n->view, &v, &n->self);
    n->dead = 1; /* until it joins */
}

struct gossip_world *gossip_new(const struct gossip_options *o) {
    struct gossip_world *w = calloc(1, sizeof *w);
    size_t bytes = POOL_UNIT;
    if (w == NULL) abort();
    while (bytes < (size_t)o->nodes * POOL_UNIT) bytes *= 2;
    w->o = *o;
    w->random = o->seed * 0x9E3779B97F4A7C15ULL + 1;
    w->digest = 0xCBF29CE484222325ULL;
    w->nodes = calloc(o->nodes, sizeof *w->nodes);
    w->wheel = calloc(WHEEL_MS, sizeof *w->wheel);
    w->pool_memory = calloc(1, bytes);
    w->pool_tags = calloc(1, hkp_dsm__pool_tag_bytes(bytes));
    if (w->nodes == NULL || w->wheel == NULL || w->pool_memory == NULL || w->pool_tags == NULL) abort();
    for (w->pair_mask = 1023; w->pair_mask < o->nodes * 16;) w->pair_mask = w->pair_mask * 2 + 1;
    w->pairs = calloc((size_t)w->pair_mask + 1, sizeof *w->pairs);
    if (w->pairs == NULL) abort();
    hkp_dsm__pool_init(&w->pool, w->pool_memory, w->pool_tags, bytes);
    for (uint32_t i = 0; i < o->nodes; i++) node_make(w, i);
    return w;
}

static void messages_free(struct gossip_message *m) {
    for (struct gossip_message *next; m != NULL; m = next) {
        next = m->next;
        free(m);
    }
}

void gossip_free(struct gossip_world *w) {
    for (uint32_t i = 0; i < WHEEL_MS; i++) messages_free(w->wheel[i].first);
    messages_free(w->spare);
    for (uint32_t i = 0; i < w->o.nodes; i++) {
        hkp_dsm__view_clear(&w->nodes[i].view);
        hkp_dsm__blob_drop(&w->pool, w->nodes[i].self.record);
        free(w->nodes[i].memory);
    }
    if (w->pool.used != 0) {
        fprintf(stderr, "gossip world: %zu records were not given back\n", w->pool.used);
        abort();
    }
    free(w->nodes);
    free(w->wheel);
    free(w->pairs);
    free(w->pool_memory);
    free(w->pool_tags);
    free(w);
}

static void step(struct gossip_world *w) {
    struct gossip_bucket *b = bucket(w, w->now_ms);
    const hkp_time now = now_of(w);
    for (struct gossip_message *m; (m = b->first) != NULL; w->events++) {
        take(w, m);
        b->first = m->next;
        m->next = w->spare;
        w->spare = m;
    }
    for (; b->timers != 0; w->events++) {
        const uint32_t i = b->timers - 1;
        struct gossip_node *n = &w->nodes[i];
        timer_off(w, i);
        if (n->dead) continue;
        if (now >= n->view.shuffle_at) tell_view(w, n);
        if (now >= hkp_dsm__view_wake(&n->view)) hkp_dsm__view_tick(&n->view, now, w->now_ms / 1000);
        settle(w, i);
    }
    w->now_ms++;
}

void gossip_run(struct gossip_world *w, uint64_t ms) {
    while (ms-- > 0) step(w);
}

/* The first is an honest one, and honest ones know an honest one to begin with. */
void gossip_join_all(struct gossip_world *w, uint32_t every_ms) {
    uint32_t *order = malloc(w->o.nodes * sizeof *order);
    if (order == NULL) abort();
    for (uint32_t i = 0; i < w->o.nodes; i++) order[i] = w->o.nodes - 1 - i;
    for (uint32_t i = 1; i < w->o.nodes; i++) {
        const uint32_t with = 1 + (uint32_t)(gossip_random(w) % i), swap = order[i];
        order[i] = order[with];
        order[with] = swap;
    }
    w->nodes[order[0]].dead = 0;
    for (uint32_t i = 1; i < w->o.nodes; i++) {
        struct gossip_node *n = &w->nodes[order[i]];
        uint32_t by;
        do by = order[gossip_random(w) % i];
        while (by < w->liars && order[i] >= w->liars);
        n->dead = 0;
        n->view.shuffle_at = now_of(w) + gossip_random(w) % (30000 * MS);
        for (uint32_t k = w->o.nodes - w->o.validators; k < w->o.nodes; k++)
            if (k != order[i] && !w->nodes[k].dead) hkp_dsm__view_learn(&n->view, &w->nodes[k].self);
        hkp_dsm__view_join(&n->view, now_of(w), &w->nodes[by].self);
        settle(w, order[i]);
        gossip_run(w, every_ms == 0 ? i % 16 == 0 : every_ms);
    }
    free(order);
}

void gossip_publish(struct gossip_world *w, uint32_t node, uint32_t n, uint32_t size) {
    w->items[n].size = size;
    w->items[n].first_ms = w->items[n].last_ms = w->now_ms;
    got(w, node, GOSSIP_LINKS, n);
    settle(w, node);
}

void gossip_kill(struct gossip_world *w, uint32_t node) {
    w->nodes[node].dead = 1;
    for (uint32_t i = 0; i < w->o.nodes; i++) {
        const struct gossip_message m = {.from = node, .to = i, .op = OP_GONE};
        if (i != node && !w->nodes[i].dead && link_of(&w->nodes[i], node) < GOSSIP_LINKS)
            put(w, &m, SILENCE_MS);
    }
}

uint32_t gossip_alive(const struct gossip_world *w) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->o.nodes; i++) n += !w->nodes[i].dead;
    return n;
}

uint32_t gossip_degree(const struct gossip_world *w, uint32_t node) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < GOSSIP_LINKS; i++) n += w->nodes[node].links[i] != 0;
    return n;
}

uint32_t gossip_reached(const struct gossip_world *w) {
    uint32_t *queue = malloc(w->o.nodes * sizeof *queue), head = 0, tail = 0;
    uint8_t *seen = calloc(w->o.nodes, 1);
    if (queue == NULL || seen == NULL) abort();
    while (w->nodes[head].dead) head++;
    seen[head] = 1;
    queue[tail++] = head;
    for (head = 0; head < tail; head++)
        for (uint32_t i = 0; i < GOSSIP_LINKS; i++) {
            const uint32_t peer = w->nodes[queue[head]].links[i];
            if (peer == 0 || seen[peer - 1] || w->nodes[peer - 1].dead) continue;
            seen[peer - 1] = 1;
            queue[tail++] = peer - 1;
        }
    free(queue);
    free(seen);
    return tail;
}
