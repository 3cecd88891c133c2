/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/gossip/tree.h"

#include <sodium.h>
#include <string.h>

#include "libdsm/objects/objects.h"
#include "libter/bytes.h"

enum {
    UNWANTED = 32,
    NONE = 0xFFFFFFFF,
    /** of 256 ids so many may move the tree, after so many seconds at least */
    MOVERS = 64,
    MOVE_SECONDS = 10,
    /** one item in so long is counted */
    COUNT_SECONDS = 1
};

typedef struct hkp_dsm__tree tree;
typedef struct hkp_dsm__tree_link tree_link;
typedef struct hkp_dsm__tree_wanted wanted;

static uint64_t bit(uint32_t link) { return link < HKP_DSM__LINKS_MAX ? 1ULL << link : 0; }

/* ---- making ---- */

static uint32_t chains_of(const struct hkp_dsm__tree_options *o) {
    uint32_t n = 16;
    while (n < o->wanted) n *= 2;
    return n;
}

/* Called twice: base NULL measures. Parts in order of their alignment. */
static size_t carve(tree *t, uint8_t *base, const struct hkp_dsm__tree_options *o) {
    size_t at = 0;
    if (base != NULL) {
        t->links = (void *)base;
        t->wanted = (void *)(base + o->links * sizeof *t->links);
        t->chains = (void *)(base + o->links * sizeof *t->links + o->wanted * sizeof *t->wanted);
    }
    at = o->links * sizeof *t->links + o->wanted * sizeof *t->wanted + chains_of(o) * sizeof *t->chains;
    for (uint32_t i = 0; i < o->links; i++) {
        if (base != NULL) {
            t->links[i].ids = (void *)(base + at);
            t->links[i].unwanted = (void *)(base + at + (size_t)o->announced * 16);
            t->links[i].lanes = base + at + (size_t)o->announced * 16 + UNWANTED * 16;
        }
        at += (size_t)o->announced * 17 + UNWANTED * 16;
    }
    if (base != NULL) hkp_dsm__seen_init(&t->seen, base + at, o->seen, o->key);
    return at + hkp_dsm__seen_bytes(o->seen);
}

size_t hkp_dsm__tree_bytes(const struct hkp_dsm__tree_options *o) { return carve(NULL, NULL, o); }

void hkp_dsm__tree_init(tree *t, void *memory, const struct hkp_dsm__tree_options *o) {
    *t = (tree){.o = *o, .chain_mask = chains_of(o) - 1, .due = HKP_TIME_NEVER, .last = HKP_DSM__LINK_NONE};
    t->announce_at = HKP_TIME_NEVER;
    t->next = HKP_DSM__LINK_NONE;
    t->turn = hkp_le64(o->key);
    carve(t, memory, o);
    for (uint32_t i = 0; i <= t->chain_mask; i++) t->chains[i] = NONE;
    for (uint32_t i = 0; i < o->wanted; i++) t->wanted[i].next = i + 1 < o->wanted ? i + 1 : NONE;
}

/* ---- ids that are waited for ---- */

static uint32_t *chain(tree *t, const uint8_t id[16]) {
    uint8_t hash[8];
    (void)crypto_shorthash(hash, id, 16, t->o.key);
    return &t->chains[hkp_le64(hash) & t->chain_mask];
}

static wanted *find(tree *t, const uint8_t id[16]) {
    if (t->n_wanted == 0) return NULL;
    for (uint32_t i = *chain(t, id); i != NONE; i = t->wanted[i].next)
        if (memcmp(t->wanted[i].id, id, 16) == 0) return &t->wanted[i];
    return NULL;
}

static void forget(tree *t, wanted *w) {
    const uint32_t self = (uint32_t)(w - t->wanted);
    uint32_t *at = chain(t, w->id);
    while (*at != self) at = &t->wanted[*at].next;
    *at = w->next;
    for (uint32_t l = 0; l < t->o.links; l++)
        if ((w->from & bit(l)) != 0) t->links[l].announced--;
    if (w->ready) t->n_ready--;
    *w = (wanted){.next = t->free};
    t->free = self;
    t->n_wanted--;
}

static wanted *want(tree *t, const uint8_t id[16]) {
    const uint32_t self = t->free;
    if (self == NONE) return NULL;
    wanted *w = &t->wanted[self];
    uint32_t *at = chain(t, id);
    t->free = w->next;
    *w = (wanted){.next = *at, .asked = HKP_DSM__LINK_NONE};
    memcpy(w->id, id, 16);
    *at = self;
    t->n_wanted++;
    return w;
}

/* ---- links ---- */

static uint32_t count_eager(const tree *t) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->o.links; i++) n += t->links[i].up && t->links[i].out_eager;
    return n;
}

static void link_clear(tree_link *l) {
    *l = (tree_link){.ids = l->ids, .lanes = l->lanes, .unwanted = l->unwanted};
    memset(l->unwanted, 0, (size_t)UNWANTED * 16);
}

/* Items come by it from now on, and go by it, but not to a leaf (D-GSP-5). */
static void make_eager(tree_link *l) {
    l->in_eager = 1;
    l->out_eager = !l->leaf;
}

void hkp_dsm__tree_link_up(tree *t, uint32_t link) {
    link_clear(&t->links[link]);
    t->links[link].up = 1;
    t->links[link].out_eager = !t->grown || count_eager(t) == 0;
}

int hkp_dsm__tree_carries(const tree *t, uint32_t link) {
    const tree_link *l = &t->links[link];
    return t->grown && l->up && !l->lossy && (l->out_eager || l->in_eager);
}

void hkp_dsm__tree_link_loss(tree *t, uint32_t link, uint32_t loss) {
    tree_link *l = &t->links[link];
    const int was = l->lossy;
    l->lossy = loss > HKP_DSM__LOSSY && !l->leaf;
    if (l->lossy && !was) l->out_eager = 1;
}

/* Without a link to push on, the tree would end here: another takes the place. */
static void promote(tree *t) {
    if (count_eager(t) > 0) return;
    for (uint32_t i = 0; i < t->o.links; i++) {
        tree_link *l = &t->links[(t->turn + i) % t->o.links];
        if (!l->up || l->leaf) continue;
        l->out_eager = 1;
        t->turn += i + 1;
        return;
    }
}

/* A link will not bring it. */
static void unlink_wanted(tree *t, wanted *w, uint32_t link) {
    if ((w->from & bit(link)) == 0) return;
    w->from &= ~bit(link);
    t->links[link].announced--;
    if (w->from == 0) {
        forget(t, w);
    } else if (w->asked == link) { /* another one is asked at the next tick */
        t->n_ready -= w->ready;
        w->ready = 0;
        w->asked = HKP_DSM__LINK_NONE;
        w->due = t->due = 0;
    }
}

void hkp_dsm__tree_failed(tree *t, uint32_t link, const uint8_t id[16]) {
    wanted *w = find(t, id);
    if (w != NULL) unlink_wanted(t, w, link);
}

/* The link is gone by which items came. Who announced the last one first, of the others, most likely did not
 * have it from us: items come by it from now on, and if not, by whoever announces the next one first. */
static void mend(tree *t) {
    t->torn = 1;
    t->last = t->next;
    t->next = HKP_DSM__LINK_NONE;
    if (t->last == HKP_DSM__LINK_NONE) return;
    tree_link *l = &t->links[t->last];
    make_eager(l);
    l->say = HKP_DSM__TREE_GRAFT;
    l->say_lane = t->last_lane;
    t->say = 1;
}

void hkp_dsm__tree_link_down(tree *t, uint32_t link) {
    for (uint32_t i = 0; i < t->o.wanted && t->n_wanted > 0; i++)
        if (t->wanted[i].from != 0) unlink_wanted(t, &t->wanted[i], link);
    link_clear(&t->links[link]);
    if (link == t->next) t->next = HKP_DSM__LINK_NONE;
    if (link == t->last) mend(t);
    t->silent[link] = 0;
    promote(t);
}

void hkp_dsm__tree_link_leaf(tree *t, uint32_t link, int leaf) {
    tree_link *l = &t->links[link];
    l->leaf = leaf != 0;
    if (leaf) l->lossy = l->out_eager = 0;
    promote(t);
}

void hkp_dsm__tree_graft(tree *t, uint32_t link) { t->links[link].out_eager = !t->links[link].leaf; }

void hkp_dsm__tree_prune(tree *t, uint32_t link) {
    tree_link *l = &t->links[link];
    l->in_eager &= l->lossy;
    l->out_eager = 0;
    t->grown = 1;
    promote(t);
}

void hkp_dsm__tree_unwanted(tree *t, uint32_t link, const uint8_t id[16]) {
    tree_link *l = &t->links[link];
    memcpy(l->unwanted[l->unwanted_at++ % UNWANTED], id, 16);
}

static int is_unwanted(const tree_link *l, const uint8_t id[16]) {
    const uint32_t n = l->unwanted_at < UNWANTED ? l->unwanted_at : UNWANTED;
    for (uint32_t i = 0; i < n; i++)
        if (memcmp(l->unwanted[i], id, 16) == 0) return 1;
    return 0;
}

/* ---- items ---- */

static void announce_due(tree *t) {
    t->announce_at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < t->o.links; i++)
        if (t->links[i].queued > 0 && t->links[i].queued_at + t->o.announce_ns < t->announce_at)
            t->announce_at = t->links[i].queued_at + t->o.announce_ns;
}

static void announce(tree *t, hkp_time now, tree_link *l, uint32_t lane, const uint8_t id[16]) {
    if (l->queued == t->o.announced) return; /* anti-entropy brings it */
    if (l->queued == 0) l->queued_at = now;
    if (l->queued_at + t->o.announce_ns < t->announce_at) t->announce_at = l->queued_at + t->o.announce_ns;
    memcpy(l->ids[l->queued], id, 16);
    l->lanes[l->queued++] = (uint8_t)lane;
}

/* An item with which the tree may be made shorter: the same one for nearly all nodes, so what they do fits
 * together. */
static int moves(tree *t, hkp_time now, const uint8_t id[16]) {
    if (id[0] < 256 - MOVERS || (t->moved_at != 0 && now - t->moved_at < MOVE_SECONDS * 1000000000ULL))
        return 0;
    t->moved_at = now;
    return 1;
}

/* Items come by another link from now on. It had this one before, so nobody is cut off: whoever moves, moves
 * to a node that is nearer to where the item came from. */
static void move(tree *t, uint32_t from, uint32_t to, uint32_t lane) {
    tree_link *a = &t->links[from], *b = &t->links[to];
    if (from == to || !b->up || a->lossy) return;
    a->in_eager = a->out_eager = 0;
    make_eager(b);
    a->say = HKP_DSM__TREE_PRUNE;
    b->say = HKP_DSM__TREE_GRAFT;
    a->say_lane = b->say_lane = (uint8_t)lane;
    t->say = 1;
}

/* Where much is lost items are to come by several links: if the last one that was counted did not, one more
 * is asked for. */
static void count_copies(tree *t, hkp_time now, const uint8_t id[16], uint32_t lane) {
    if (now < t->counted_at + COUNT_SECONDS * 1000000000ULL) return;
    for (uint32_t i = 0; t->counted > 0 && t->counted < HKP_DSM__LOSSY_COPIES && i < t->o.links; i++) {
        tree_link *l = &t->links[(t->turn + i) % t->o.links];
        if (!l->up || !l->lossy || l->in_eager) continue;
        l->in_eager = 1;
        l->say = HKP_DSM__TREE_GRAFT;
        l->say_lane = (uint8_t)lane;
        t->say = 1;
        t->turn += i + 1;
        break;
    }
    memcpy(t->counted_id, id, 16);
    t->counted = 1;
    t->counted_at = now;
}

uint64_t hkp_dsm__tree_tell(tree *t, hkp_time now, uint32_t link, uint32_t lane, const uint8_t id[16],
                            size_t size, uint64_t has, uint64_t tell) {
    uint64_t push = 0;
    has |= bit(link);
    wanted *w = find(t, id);
    const int move_now = moves(t, now, id);
    count_copies(t, now, id, lane);
    if (link != HKP_DSM__LINK_NONE && (w == NULL || w->asked != link)) {
        make_eager(&t->links[link]); /* items of others go back by it */
        t->torn = 0;
        if (move_now && w != NULL) move(t, link, w->first, lane);
    }
    if (link != HKP_DSM__LINK_NONE) t->last = link;
    t->next = w != NULL && w->first != link ? w->first : HKP_DSM__LINK_NONE;
    t->last_lane = (uint8_t)lane;
    memcpy(t->last_id, id, 16);
    if (w != NULL) {
        has |= w->from;
        forget(t, w);
    }
    (void)hkp_dsm__seen_add(&t->seen, now, id);
    for (uint32_t i = 0; i < t->o.links; i++) {
        tree_link *l = &t->links[i];
        if (!l->up || (has & bit(i)) != 0 || is_unwanted(l, id)) continue;
        if (l->out_eager && size <= HKP_DSM__PUSH_MAX && (tell & bit(i)) == 0)
            push |= bit(i);
        else
            announce(t, move_now && now > t->o.announce_ns ? now - t->o.announce_ns : now, l, lane, id);
    }
    return push;
}

void hkp_dsm__tree_announce(tree *t, hkp_time now, uint32_t link, uint32_t lane, const uint8_t id[16]) {
    announce(t, now, &t->links[link], lane, id);
}

void hkp_dsm__tree_settle(tree *t, hkp_time now, const uint8_t id[16], int done) {
    wanted *w = find(t, id);
    if (w != NULL) forget(t, w);
    if (done && !hkp_dsm__seen_has(&t->seen, id)) (void)hkp_dsm__seen_add(&t->seen, now, id);
}

void hkp_dsm__tree_hold(tree *t, hkp_time now, const uint8_t id[16]) {
    wanted *w = find(t, id);
    if (w == NULL) return;
    t->n_ready -= w->ready;
    w->ready = 0;
    w->held = 1;
    w->due = now + t->o.graft_ns;
    if (w->due < t->due) t->due = w->due;
}

uint32_t hkp_dsm__tree_settle_lane(tree *t, uint32_t lane) {
    uint32_t some = HKP_DSM__LINK_NONE;
    for (uint32_t i = 0; i < t->o.wanted && t->n_wanted > 0; i++) {
        wanted *w = &t->wanted[i];
        if (w->from == 0 || w->lane != lane || w->asked != HKP_DSM__LINK_NONE) continue;
        for (some = 0; (w->from & bit(some)) == 0;) some++;
        forget(t, w);
    }
    return some;
}

int hkp_dsm__tree_copy(tree *t, hkp_time now, uint32_t link, const uint8_t id[16], uint32_t *copies) {
    tree_link *l = &t->links[link];
    const int was = l->out_eager || l->in_eager;
    *copies = hkp_dsm__seen_add(&t->seen, now, id);
    if (memcmp(id, t->counted_id, 16) == 0) t->counted++;
    if (l->lossy && *copies <= HKP_DSM__LOSSY_COPIES) {
        l->in_eager = 1;
        return 0;
    }
    l->out_eager &= l->lossy;
    l->in_eager = 0;
    t->grown = 1;
    promote(t);
    return was;
}

/* What is announced where it would have been pushed is too large for a push: it is asked for at once. So is
 * what is announced first after the link was lost by which items came. */
void hkp_dsm__tree_ihave(tree *t, hkp_time now, uint32_t link, uint32_t lane, const uint8_t id[16],
                         int held) {
    tree_link *l = &t->links[link];
    if (t->next == HKP_DSM__LINK_NONE && link != t->last && memcmp(id, t->last_id, 16) == 0) t->next = link;
    if (held == HKP_DSM__TREE_HELD || hkp_dsm__seen_has(&t->seen, id) || l->announced == t->o.announced)
        return;
    wanted *w = find(t, id);
    if (w == NULL) {
        w = want(t, id);
        if (w == NULL) return;
        w->lane = (uint8_t)lane;
        w->first = (uint8_t)link;
        w->held = held == HKP_DSM__TREE_HELD_UNTOLD;
        if (t->torn && !w->held) make_eager(l);
        t->torn &= w->held;
        w->due = l->in_eager && !w->held ? now : now + t->o.graft_ns;
        if (w->due < t->due) t->due = w->due;
    }
    if ((w->from & bit(link)) != 0) return;
    w->from |= bit(link);
    l->announced++;
}

/* ---- what is to be said ---- */

static int compare(const void *a, const void *b) { return memcmp(a, b, 16); }

static void sort(struct hkp_dsm__tree_out *out) { hkp_dsm__sort(out->ids, out->n, 16, compare); }

/* Without its ids: they are many. */
static void say(struct hkp_dsm__tree_out *out, uint32_t kind, uint32_t link, uint32_t lane) {
    out->kind = kind;
    out->link = link;
    out->lane = lane;
    out->n = 0;
}

/* Those of one lane; of several copies of an id one. */
static int next_ihave(tree *t, hkp_time now, struct hkp_dsm__tree_out *out) {
    for (uint32_t i = 0; now >= t->announce_at && i < t->o.links; i++) {
        tree_link *l = &t->links[i];
        if (l->queued == 0 || now < l->queued_at + t->o.announce_ns) continue;
        say(out, HKP_DSM__TREE_IHAVE, i, l->lanes[0]);
        uint32_t left = 0;
        for (uint32_t k = 0; k < l->queued; k++) {
            if (l->lanes[k] == out->lane && out->n < HKP_DSM__IDS_MAX) {
                memcpy(out->ids[out->n++], l->ids[k], 16);
                continue;
            }
            memmove(l->ids[left], l->ids[k], 16);
            l->lanes[left++] = l->lanes[k];
        }
        l->queued = left;
        sort(out);
        return 1;
    }
    if (now >= t->announce_at) announce_due(t);
    return 0;
}

/* The next one that announced it, another than before where there is one. */
static uint32_t choose(tree *t, const wanted *w) {
    for (uint32_t i = 0; i < t->o.links; i++) {
        const uint32_t link = (uint32_t)((t->turn + i) % t->o.links);
        if ((w->from & bit(link)) == 0 || (link == w->asked && w->from != bit(link))) continue;
        t->turn += i + 1;
        return link;
    }
    return HKP_DSM__LINK_NONE;
}

/* One pass over all that is waited for, when one of them is due. */
static void come_due(tree *t, hkp_time now) {
    t->due = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < t->o.wanted; i++) {
        wanted *w = &t->wanted[i];
        if (w->from == 0) continue;
        if (w->due <= now && !w->ready) {
            if (w->held) {
                forget(t, w);
                continue;
            }
            if (w->asked != HKP_DSM__LINK_NONE) t->silent[w->asked]++, t->was_silent = 1;
            if (w->tries == HKP_DSM__GRAFTS_MAX) {
                forget(t, w);
                continue;
            }
            w->asked = (uint8_t)choose(t, w);
            w->due = now + (t->o.graft_ns << w->tries++);
            w->ready = 1;
            t->n_ready++;
        }
        if (w->due < t->due) t->due = w->due;
    }
}

static int next_graft(tree *t, struct hkp_dsm__tree_out *out) {
    out->n = 0;
    for (uint32_t i = 0; i < t->o.wanted && t->n_ready > 0 && out->n < HKP_DSM__IDS_MAX; i++) {
        wanted *w = &t->wanted[i];
        if (!w->ready || (out->n > 0 && (w->asked != out->link || w->lane != out->lane))) continue;
        if (out->n == 0) say(out, HKP_DSM__TREE_GRAFT, w->asked, w->lane);
        memcpy(out->ids[out->n++], w->id, 16);
        w->ready = 0;
        t->n_ready--;
    }
    if (out->n == 0) return 0;
    make_eager(&t->links[out->link]);
    sort(out);
    return 1;
}

static int next_silent(tree *t, struct hkp_dsm__tree_out *out) {
    for (uint32_t i = 0; t->was_silent && i < t->o.links; i++) {
        if (t->silent[i] == 0) continue;
        say(out, HKP_DSM__TREE_SILENT, i, 0);
        out->n = t->silent[i];
        t->silent[i] = 0;
        return 1;
    }
    t->was_silent = 0;
    return 0;
}

static int next_move(tree *t, struct hkp_dsm__tree_out *out) {
    for (uint32_t i = 0; t->say && i < t->o.links; i++) {
        tree_link *l = &t->links[i];
        if (l->say == 0) continue;
        say(out, l->say, i, l->say_lane);
        out->n = l->say == HKP_DSM__TREE_GRAFT;
        memset(out->ids[0], 0, 16); /* the id of nothing */
        l->say = 0;
        return 1;
    }
    t->say = 0;
    return 0;
}

int hkp_dsm__tree_next(tree *t, hkp_time now, struct hkp_dsm__tree_out *out) {
    if (now >= t->due) come_due(t, now);
    return next_move(t, out) || next_silent(t, out) || next_graft(t, out) || next_ihave(t, now, out);
}

hkp_time hkp_dsm__tree_wake(const tree *t) {
    const hkp_time due = t->due < t->announce_at ? t->due : t->announce_at;
    return t->n_ready > 0 || t->say ? 0 : due;
}
