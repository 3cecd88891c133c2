/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How items reach everybody (D-GSP-6 to D-GSP-9): pushed along the links of a tree, announced on all others,
 * asked for when they do not come. Nothing is passed on before it was found right (D-GSP-7); blocks are found
 * again by the first half of their id, other items in a ring that forgets the oldest.
 */
#include "libdsm/node/node.h"

#include <string.h>

#include "libter/bytes.h"

enum { ANNOUNCE_MS = 20, GRAFT_MS = 500, PRUNE_GRACE_MS = 2000 };

typedef struct hkp_dsm__spread spread;
typedef struct hkp_dsm__spread_kept kept;

/* ---- links ---- */

void hkp_dsm__spread_options(const node *n, uint32_t seen, struct hkp_dsm__tree_options *o) {
    *o = (struct hkp_dsm__tree_options){.links = n->peers_max < HKP_DSM__LINKS_MAX ? n->peers_max
                                                                                   : HKP_DSM__LINKS_MAX,
                                        .announced = seen / 4 < SPREAD_IDS ? seen / 4 : SPREAD_IDS,
                                        .wanted = seen < SPREAD_WANTED ? seen : SPREAD_WANTED,
                                        .seen = seen,
                                        .announce_ns = ANNOUNCE_MS * MS,
                                        .graft_ns = GRAFT_MS * MS};
}

void hkp_dsm__link_up(node *n, struct peer *p) {
    spread *s = &n->spread;
    if (p->link != 0) return;
    for (uint32_t i = 0; i < s->tree.o.links && p->link == 0; i++) {
        if (s->of[i] != NULL) continue;
        s->of[i] = p;
        p->link = i + 1;
        hkp_dsm__tree_link_up(&s->tree, i);
        hkp_dsm__tree_link_loss(&s->tree, i, p->loss);
        hkp_dsm__tree_link_leaf(&s->tree, i, p->stance == HKP_DSM_STANCE_GHOST);
        hkp_dsm__reconcile_begin(n, p);
    }
}

void hkp_dsm__link_down(node *n, struct peer *p) {
    if (p->link == 0) return;
    n->spread.of[p->link - 1] = NULL;
    hkp_dsm__tree_link_down(&n->spread.tree, p->link - 1);
    p->link = 0;
}

static uint32_t link_of(const struct peer *p) {
    return p == NULL || p->link == 0 ? HKP_DSM__LINK_NONE : p->link - 1;
}

/* ---- what can be asked for ---- */

static kept *kept_find(spread *s, const uint8_t id[16]) {
    for (uint32_t i = 0; i < s->kept_count; i++) {
        kept *k = &s->kept[(s->kept_first + i) % SPREAD_KEPT];
        if (memcmp(k->id, id, 16) == 0) return k;
    }
    return NULL;
}

static void kept_drop(node *n) {
    spread *s = &n->spread;
    kept *k = &s->kept[s->kept_first];
    s->kept_bytes -= k->object->len;
    hkp_dsm__blob_drop(&n->pool, k->object);
    s->kept_first = (s->kept_first + 1) % SPREAD_KEPT;
    s->kept_count--;
}

static void keep(node *n, const uint8_t id[16], uint32_t form, uint32_t lane, uint32_t hops, blob *object) {
    spread *s = &n->spread;
    const size_t most = n->pool.units / 16 * POOL_UNIT;
    if (object->len > most || kept_find(s, id) != NULL) return;
    while (s->kept_count == SPREAD_KEPT || s->kept_bytes + object->len > most) kept_drop(n);
    kept *k = &s->kept[(s->kept_first + s->kept_count++) % SPREAD_KEPT];
    *k = (kept){.form = form, .lane = lane, .hops = hops, .object = hkp_dsm__blob_hold(object)};
    memcpy(k->id, id, 16);
    s->kept_bytes += object->len;
}

static struct block *block_of(const node *n, const uint8_t id[16]) {
    struct block *b = n->by_id[hkp_le32(id) & n->block_mask];
    while (b != NULL && memcmp(b->b.id, id, 16) != 0) b = b->next_by_id;
    return b;
}

/* Held without its payload: for gossip it has not come yet, or whoever left it out would keep it from all
 * (D-GSP-8). */
static int is_bare(const struct block *b) { return b != NULL && b->payload.ptr == NULL; }

static uint32_t more_hops(uint32_t hops) { return hops < 255 ? hops + 1 : 255; }

static blob *push_message(node *n, uint32_t lane, uint32_t hops, uint32_t form,
                          const struct hkp_dsm_view *object, const struct hkp_dsm_view *payload) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_push(&w, lane, hops, form, object, payload);
    return hkp_dsm__msg(n, &w);
}

/* The PUSH that answers GRAFT; NULL: not held, or it may not be told yet (D-BLK-6). */
static blob *answer(node *n, uint32_t lane, const uint8_t id[16]) {
    const struct block *b = block_of(n, id);
    kept *k = b == NULL ? kept_find(&n->spread, id) : NULL;
    if (k != NULL && k->lane == lane) {
        const struct hkp_dsm_view object = {.ptr = k->object->ptr, .len = k->object->len};
        return push_message(n, lane, more_hops(k->hops), k->form, &object, NULL);
    }
    const struct hkp_dsm_view list = hkp_dsm__list_by_id(n, id);
    if (list.ptr != NULL && lane == 1) return push_message(n, lane, 0, HKP_DSM__FORM_MULTI, &list, NULL);
    uint32_t form = 0;
    const blob *held = b == NULL && k == NULL && lane == 1 ? hkp_dsm__held_by_id(n, id, &form) : NULL;
    if (held != NULL) {
        const struct hkp_dsm_view object = {.ptr = held->ptr, .len = held->len};
        return push_message(n, lane, 0, form, &object, NULL);
    }
    const blob *note = b == NULL && k == NULL && lane == 3 ? hkp_dsm__note_object(n, id) : NULL;
    if (note == NULL && lane == 3) note = hkp_dsm__statement_object(n, id);
    if (note != NULL) {
        const struct hkp_dsm_view object = {.ptr = note->ptr, .len = note->len};
        return push_message(n, lane, 0, HKP_DSM__FORM_ENVELOPE, &object, NULL);
    }
    if (b == NULL || b->place == PLACE_WAITING || (b->author == n->self && b->ticket > n->durable))
        return NULL;
    struct hkp_dsm__item item;
    if (hkp_dsm__item_read(HKP_DSM__FORM_ENVELOPE, &b->envelope, &b->payload, &item) != HKP_OK ||
        hkp_dsm__item_lane(&item) != lane)
        return NULL;
    return push_message(n, lane, more_hops(b->hops), HKP_DSM__FORM_ENVELOPE, &b->envelope, &b->payload);
}

/* ---- out ---- */

static void push_to(node *n, uint64_t links, uint32_t lane, const uint8_t id[16], blob *msg) {
    spread *s = &n->spread;
    for (uint32_t i = 0; i < s->tree.o.links; i++) {
        if ((links >> i & 1) == 0 || s->of[i] == NULL) continue;
        if (msg == NULL || s->of[i]->queues[lane].count >= SPREAD_QUEUE) {
            hkp_dsm__tree_announce(&s->tree, n->now, i, lane, id);
            continue;
        }
        s->pushed++;
        hkp_dsm__send_peer(n, s->of[i], lane, msg);
    }
}

/* Members hand certs to each other themselves (R0); who is none only tells them, they need it rarely. */
static uint64_t members(const node *n) {
    uint64_t mask = 0;
    for (uint32_t i = 0; i < n->spread.tree.o.links; i++)
        if (n->spread.of[i] != NULL && n->spread.of[i]->seat >= 0) mask |= 1ULL << i;
    return mask;
}

static void tell(node *n, const struct hkp_dsm__item *item, uint32_t hops, const struct peer *from, int asked,
                 blob *object) {
    uint8_t id[16];
    uint64_t has = 0, only_told = 0;
    const uint32_t lane = hkp_dsm__item_lane(item);
    hkp_dsm__item_message_id(item, n->chain_id, id);
    if (object != NULL) keep(n, id, item->form, lane, hops, object);
    if (item->form == HKP_DSM__FORM_CERT) {
        *(n->seat >= 0 ? &has : &only_told) = members(n);
        n->spread.cert_at = n->now;
        const uint32_t hint = hkp_dsm__tree_settle_lane(&n->spread.tree, 0);
        if (hint != HKP_DSM__LINK_NONE) n->spread.cert_hint = hint + 1;
    }
    if (from != NULL) hkp_dsm__conduct_add(n, &n->peers[from - n->peers], HKP_DSM__SCORE_DELIVERED);
    if (from != NULL && from->link != 0) has |= 1ULL << link_of(from);
    const size_t size = item->object.len + item->payload.len;
    const uint64_t push = hkp_dsm__tree_tell(&n->spread.tree, n->now, link_of(asked ? NULL : from), lane, id,
                                             size, has, only_told);
    if (push == 0) return;
    blob *msg = push_message(n, lane, hops, item->form, &item->object, &item->payload);
    push_to(n, push, lane, id, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__spread(node *n, uint32_t form, blob *object, uint32_t hops, const struct peer *from) {
    struct hkp_dsm__item item;
    const struct hkp_dsm_view view = {.ptr = object->ptr, .len = object->len};
    if (n->state == HKP_DSM_STATE_RUNNING && hkp_dsm__item_read(form, &view, NULL, &item) == HKP_OK)
        tell(n, &item, hops, from, 0, object);
}

void hkp_dsm__spread_multi(node *n, const struct hkp_dsm_view *multi, uint32_t hops,
                           const struct peer *from) {
    struct hkp_dsm__item item;
    if (hkp_dsm__item_read(HKP_DSM__FORM_MULTI, multi, NULL, &item) == HKP_OK)
        tell(n, &item, hops, from, 0, NULL);
}

void hkp_dsm__spread_block(node *n, const struct block *b, const struct peer *from, int asked) {
    struct hkp_dsm__item item;
    if (hkp_dsm__item_read(HKP_DSM__FORM_ENVELOPE, &b->envelope, &b->payload, &item) == HKP_OK)
        tell(n, &item, b->hops, from, asked, NULL);
}

/* What came with a proposal is most likely on its way by the links, too. If it were told before a link brings
 * it, copies would meet on good links, which would be pruned (decision 0594). */
void hkp_dsm__spread_late(node *n, const struct peer *from, struct block *b, uint32_t hops, int asked) {
    b->untold = 0;
    b->hops = (uint8_t)more_hops(hops);
    if ((b->place == PLACE_CHAIN || b->place == PLACE_KEPT) && !b->author->forked)
        hkp_dsm__spread_block(n, b, from, asked);
}

void hkp_dsm__spread_hold(node *n, const struct block *b) {
    hkp_dsm__tree_hold(&n->spread.tree, n->now, b->b.id);
}

static void send_ids(node *n, const struct hkp_dsm__tree_out *o, struct peer *p, uint32_t op) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, op, o->n);
    for (uint32_t i = 0; i < o->n; i++) hkp_dsm_cbor_put_bytes(&w, o->ids[i], 16);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, o->lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/*
 * Members build certs of one view with different signers, so their ids differ. What a neighbour announces
 * beside the tree just after a cert came is most likely the same once more and not asked for. When no more
 * certs come, one question by views brings those that were other ones (decision 0441).
 */
static hkp_time certs_quiet(const spread *s) { return s->cert_at == 0 ? 0 : s->cert_at + GRAFT_MS * MS; }

static void ask_certs(node *n) {
    spread *s = &n->spread;
    if (s->cert_hint == 0 || n->now < certs_quiet(s)) return;
    struct peer *p = s->of[s->cert_hint - 1];
    s->cert_hint = 0;
    if (p != NULL) hkp_dsm__ask_certs(n, p, n->root.view + 1, n->view + 8);
}

static void send_prune(node *n, struct peer *p, uint32_t lane) {
    static const uint8_t message[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    blob *msg = hkp_dsm__bytes(n, message, sizeof message);
    hkp_dsm__send_peer(n, p, lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__spread_tick(node *n) {
    spread *s = &n->spread;
    ask_certs(n);
    while (hkp_dsm__tree_next(&s->tree, n->now, &s->out)) {
        struct peer *p = s->of[s->out.link];
        if (p == NULL) continue;
        if (s->out.kind == HKP_DSM__TREE_IHAVE) send_ids(n, &s->out, p, HKP_DSM__OP_MSG_IHAVE);
        if (s->out.kind == HKP_DSM__TREE_GRAFT && hkp_dsm__conduct_graft(n, p)) {
            s->asked++;
            send_ids(n, &s->out, p, HKP_DSM__OP_MSG_GRAFT);
        }
        if (s->out.kind == HKP_DSM__TREE_PRUNE) send_prune(n, p, s->out.lane);
        if (s->out.kind == HKP_DSM__TREE_SILENT && p->loss <= HKP_DSM__LOSSY)
            hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_SILENT);
    }
}

hkp_time hkp_dsm__spread_wake(const node *n) {
    const spread *s = &n->spread;
    const hkp_time wake = hkp_dsm__tree_wake(&s->tree);
    return s->cert_hint != 0 && certs_quiet(s) < wake ? certs_quiet(s) : wake;
}

/* ---- in ---- */

static hkp_status take_certificate(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    const struct hkp_dsm_view *object = &m->item.object;
    const hkp_status st = hkp_dsm__certificate_take(n, object->ptr, object->len, CERT_PUSHED);
    blob *copy = st == HKP_OK ? hkp_dsm__bytes(n, object->ptr, object->len) : NULL;
    if (copy != NULL) hkp_dsm__spread(n, HKP_DSM__FORM_MULTI, copy, more_hops((uint32_t)m->hops), p);
    hkp_dsm__blob_drop(&n->pool, copy);
    return st;
}

static hkp_status take_envelope(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    const struct hkp_dsm__item *item = &m->item;
    const uint32_t hops = more_hops((uint32_t)m->hops);
    const hkp_status st = hkp_dsm__permitted(n, p, item->kind, item->signer);
    if (st != HKP_OK) return st;
    switch (item->kind) {
    case HKP_DSM_KIND_MICROBLOCK:
        return hkp_dsm__block_take(n, p, item, (uint32_t)m->hops, CAME_PUSHED);
    case HKP_DSM_KIND_MEMBER:
    case HKP_DSM_KIND_ENDORSE:
        return hkp_dsm__note_take(n, &item->object, p, hops);
    case HKP_DSM_KIND_CLAIM:
    case HKP_DSM_KIND_WITNESS:
        return hkp_dsm__statement_take(n, &item->object, p, hops);
    case HKP_DSM_KIND_PEER_RECORD:
        return hkp_dsm__near_record(n, p, &item->object, hops);
    case HKP_DSM_KIND_FINAL_BLS:
        return hkp_dsm__share_take(n, &item->object, p, hops);
    default:
        return hkp_dsm__object_take(n, p, &item->object, item->kind, hops);
    }
}

static hkp_status take(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    const struct hkp_dsm__item *item = &m->item;
    switch (item->form) {
    case HKP_DSM__FORM_ENVELOPE:
        return take_envelope(n, p, m);
    case HKP_DSM__FORM_MULTI:
        if (item->kind == HKP_DSM_KIND_CERTIFICATE) return take_certificate(n, p, m);
        if (item->kind == HKP_DSM_KIND_ORDER)
            return hkp_dsm__order_take(n, p, &item->object, more_hops((uint32_t)m->hops));
        return hkp_dsm__officers_take(n, &item->object, item->kind, more_hops((uint32_t)m->hops), p);
    case HKP_DSM__FORM_CERT:
        return hkp_dsm__cert_from(n, p, (uint32_t)m->hops, item->object.ptr, item->object.len);
    default:
        return hkp_dsm__on_evidence(n, &item->object, p, (uint32_t)m->hops);
    }
}

/* It goes on pushing, though what was on its way when it was told PRUNE has arrived long ago: it is told
 * again. Once two messages may have crossed; after that it does not listen (D-GSP-16, decision 0592). */
static int pushes_on(node *n, struct peer *p) {
    if (p->pruned_at != 0 && n->now < p->pruned_at + PRUNE_GRACE_MS * MS) return 0;
    if (++p->unheard > HKP_DSM__UNHEARD_FREE) hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_COPY);
    return 1;
}

/* A copy of what was here: the other side need not push on this link (D-GSP-8). */
static void copy_came(node *n, struct peer *p, uint32_t lane, const uint8_t id[16]) {
    spread *s = &n->spread;
    uint32_t copies = 0;
    s->copies++;
    int prune = p->link != 0 && hkp_dsm__tree_copy(&s->tree, n->now, p->link - 1, id, &copies);
    if (prune)
        p->unheard = 0;
    else if (p->link == 0 || !s->tree.links[p->link - 1].in_eager)
        prune = pushes_on(n, p);
    if (!prune) return;
    p->pruned_at = n->now;
    send_prune(n, p, lane);
}

/* The id covers no signature: what was refused must not keep the true item out, so only what was found right
 * is remembered. */
static void settle(node *n, const struct peer *p, const uint8_t id[16], hkp_status st) {
    struct hkp_dsm__tree *t = &n->spread.tree;
    const int right = st == HKP_OK || st == HKP_E_DSM_DUPLICATE || st == HKP_E_DSM_FORK ||
                      st == HKP_E_DSM_OLD || st == HKP_E_DSM_STALE;
    if (!is_bare(block_of(n, id)) && (right || st == HKP_E_DSM_GAP))
        hkp_dsm__tree_settle(t, n->now, id, right);
    else if (p != NULL && p->link != 0)
        hkp_dsm__tree_failed(t, p->link - 1, id);
}

/* As on_push(), of no peer. */
hkp_status hkp_dsm__spread_take(node *n, const struct hkp_dsm__item *item) {
    const struct hkp_dsm__message m = {.item = *item};
    uint8_t id[16];
    hkp_dsm__item_message_id(item, n->chain_id, id);
    if (hkp_dsm__seen_has(&n->spread.tree.seen, id) && block_of(n, id) == NULL) return HKP_E_DSM_DUPLICATE;
    const hkp_status st = take(n, NULL, &m);
    settle(n, NULL, id, st);
    return st;
}

static hkp_status on_push(node *n, struct peer *p, const struct hkp_dsm__message *m) {
    spread *s = &n->spread;
    uint8_t id[16];
    hkp_dsm__item_message_id(&m->item, n->chain_id, id);
    const int seen = hkp_dsm__seen_has(&s->tree.seen, id), held = block_of(n, id) != NULL;
    const hkp_status st = seen && !held ? HKP_E_DSM_DUPLICATE : take(n, p, m);
    struct block *b = held ? block_of(n, id) : NULL;
    if (st == HKP_E_DSM_DUPLICATE && b != NULL && b->untold && !is_bare(b))
        hkp_dsm__spread_late(n, p, b, (uint32_t)m->hops, 0);
    else if (st == HKP_E_DSM_DUPLICATE && (seen || held) && !is_bare(b))
        copy_came(n, p, m->lane, id);
    else
        settle(n, p, id, st);
    return st;
}

static int is_held(node *n, uint32_t lane, const uint8_t id[16]) {
    uint32_t form;
    const struct block *b = block_of(n, id);
    if (is_bare(b)) return 0;
    if (b != NULL) return b->untold ? HKP_DSM__TREE_HELD_UNTOLD : HKP_DSM__TREE_HELD;
    return kept_find(&n->spread, id) != NULL || hkp_dsm__list_by_id(n, id).ptr != NULL ||
           hkp_dsm__statement_object(n, id) != NULL ||
           (lane == 1 && hkp_dsm__held_by_id(n, id, &form) != NULL);
}

/* Whoever asks gets no more than fits its queue and its ration of answers. */
static void answer_push(node *n, struct peer *p, uint32_t lane, blob *msg) {
    if (msg != NULL && p->queues[lane].count < SPREAD_QUEUE &&
        hkp_dsm__score_take(&p->conduct, n->now, HKP_DSM__RATE_ANSWER, msg->len, p->seat >= 0)) {
        n->spread.pushed++;
        hkp_dsm__send_peer(n, p, lane, msg);
    }
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Who tells of a certificate that does not count is told the one that does (D-CA-9). */
static int has_rival(node *n, struct peer *p, const uint8_t id[16]) {
    const blob *better = hkp_dsm__rival_better(n, id);
    if (better == NULL) return 0;
    const struct hkp_dsm_view object = {.ptr = better->ptr, .len = better->len};
    answer_push(n, p, 1, push_message(n, 1, 0, HKP_DSM__FORM_MULTI, &object, NULL));
    return 1;
}

static void on_ihave(node *n, struct peer *p, struct hkp_dsm__message *m) {
    spread *s = &n->spread;
    if (p->link == 0 || !hkp_dsm__conduct_graft(n, p)) return;
    const uint32_t link = p->link - 1;
    const int again = m->lane == 0 && !s->tree.links[link].in_eager && n->now < certs_quiet(s);
    for (size_t i = 0; i < m->list.n; i++) {
        const uint8_t *id = hkp_dsm__next_fixed(&m->list, 16);
        if (m->lane == 1 && has_rival(n, p, id)) continue;
        const int known = hkp_dsm__seen_has(&s->tree.seen, id) ? HKP_DSM__TREE_HELD : is_held(n, m->lane, id);
        if (!again)
            hkp_dsm__tree_ihave(&s->tree, n->now, link, m->lane, id, known);
        else if (!known)
            s->cert_hint = p->link;
    }
}

static void on_graft(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__conduct_graft(n, p)) return;
    if (p->link != 0) hkp_dsm__tree_graft(&n->spread.tree, p->link - 1);
    if (m->lane == 1) hkp_dsm__reconcile_asked(p);
    for (size_t i = 0; i < m->list.n && p->queues[m->lane].count < SPREAD_QUEUE; i++)
        answer_push(n, p, m->lane, answer(n, m->lane, hkp_dsm__next_fixed(&m->list, 16)));
}

hkp_status hkp_dsm__on_spread(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (m->op == HKP_DSM__OP_MSG_PUSH || m->op == HKP_DSM__OP_MSG_IHAVE) hkp_dsm__near_stranger(n, p);
    if (m->op == HKP_DSM__OP_MSG_PUSH) return on_push(n, p, m);
    if (m->op == HKP_DSM__OP_MSG_IHAVE) on_ihave(n, p, m);
    if (m->op == HKP_DSM__OP_MSG_GRAFT) on_graft(n, p, m);
    if (m->op == HKP_DSM__OP_MSG_PRUNE && p->link != 0) hkp_dsm__tree_prune(&n->spread.tree, p->link - 1);
    for (size_t i = 0; m->op == HKP_DSM__OP_MSG_IDONTWANT && p->link != 0 && i < m->list.n; i++)
        hkp_dsm__tree_unwanted(&n->spread.tree, p->link - 1, hkp_dsm__next_fixed(&m->list, 16));
    hkp_dsm__spread_tick(n);
    return HKP_OK;
}
