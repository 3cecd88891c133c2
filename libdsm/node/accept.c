/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Microblocks that come from others or from the own store (D-BLK): judged, then put where they belong: on the
 * chain, behind a gap, on another branch. Nothing is stored or passed on before its signature and rules were
 * found right.
 */
#include "libdsm/node/node.h"

#include <string.h>

/* The block beside the chain that follows the tip, out of its list; what cannot follow it any more is freed.
 */
static struct block *next_of_tip(node *n, struct author *a) {
    for (struct block *b = a->waiting, *next; b != NULL; b = next) {
        next = b->next;
        if (b->b.seq > a->tip.seq + 1) continue;
        hkp_dsm__block_unplace(n, b);
        if (hkp_dsm__block_extends(&b->b, n->chain_id, &a->tip) == HKP_OK) return b;
        hkp_dsm__block_free(n, b);
    }
    for (struct block *b = a->frozen ? NULL : a->branch; b != NULL; b = b->next) {
        if (hkp_dsm__block_extends(&b->b, n->chain_id, &a->tip) != HKP_OK) continue;
        hkp_dsm__block_unplace(n, b); /* a checkpoint took it before what is below it came: off_the_tip() */
        return b;
    }
    return NULL;
}

void hkp_dsm__take_waiting(node *n, struct author *a) {
    for (struct block *b;;) {
        if (!hkp_dsm__may_take(n)) {
            n->take_again = 1;
            return;
        }
        if ((b = next_of_tip(n, a)) == NULL) return;
        hkp_dsm__block_extend(n, b);
        hkp_dsm__block_keep(n, b, HELD_BLOCK);
        if (!a->forked && !b->untold) hkp_dsm__spread_block(n, b, NULL, 0);
    }
}

int hkp_dsm__take_again(node *n) {
    if (!n->take_again || !hkp_dsm__may_take(n)) return 0;
    n->take_again = 0;
    for (uint32_t i = 0; i < n->n_authors; i++) hkp_dsm__take_waiting(n, &n->authors[i]);
    return n->event_count > 0;
}

static hkp_status hold_behind_gap(node *n, struct author *a, struct peer *p,
                                  const struct hkp_dsm__block *parsed, const struct hkp_dsm__item *item,
                                  int came) {
    if (a->shown_seq < parsed->seq) a->shown_seq = parsed->seq;
    if (a->known_seq < parsed->seq && p != NULL) {
        hkp_dsm__claim(n, a, parsed->seq, p);
        a->want_again = 0;
    }
    if (a->n_waiting >= WAITING_PER_AUTHOR || n->n_waiting >= WAITING_MAX) return HKP_E_DSM_GAP;
    struct block *b = hkp_dsm__block_new(n, a, parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_DSM_GAP;
    b->untold |= came == CAME_PROPOSED;
    hkp_dsm__block_beside(n, b, PLACE_WAITING);
    return HKP_E_DSM_GAP;
}

static int is_named(const struct author *a, const struct hkp_dsm__block *b) {
    return memcmp(a->named, b->id, 32) == 0;
}

/* It goes on another branch, however far that has come. */
static int on_branch(const node *n, const struct author *a, const struct hkp_dsm__block *b) {
    const struct block *below = hkp_dsm__block_by_id(n, b->prev);
    return below != NULL && below->author == a && below->place == PLACE_BRANCH && below->b.seq + 1 == b->seq;
}

static void to_branch(node *n, struct block *b) {
    hkp_dsm__block_beside(n, b, PLACE_BRANCH);
    hkp_dsm__block_put(n, b, 1);
}

/* What waited goes on that branch, too: the places behind the gap are for the chain. */
static void branch_goes_on(node *n, struct author *a, const struct block *b) {
    for (struct block *w = a->waiting; w != NULL;) {
        if (memcmp(w->b.prev, b->b.id, 32) != 0) {
            w = w->next;
            continue;
        }
        hkp_dsm__block_unplace(n, w);
        to_branch(n, w);
        b = w;
        w = a->waiting;
    }
}

/* The oldest that no header named goes; for one that a header names any. */
static int branch_gives_way(node *n, struct author *a, int named) {
    struct block *oldest = NULL, *other = NULL;
    for (struct block *b = a->branch; b != NULL; b = b->next) {
        if (b->pins > 0) continue;
        other = b;
        if (!b->named) oldest = b;
    }
    if (oldest == NULL && named) oldest = other;
    if (oldest != NULL) hkp_dsm__block_lose(n, oldest);
    return oldest != NULL;
}

/* Another branch (D-BLK-11, D-BLK-13): evidence if both blocks are here, and kept, since a checkpoint may
 * take it. What nobody asked for is held to the cap, and takes no other's place. */
static hkp_status take_branch(node *n, struct author *a, const struct hkp_dsm__block *parsed,
                              const struct hkp_dsm__item *item, hkp_status why, int came) {
    struct block *ours = hkp_dsm__block_at(n, a, parsed->seq);
    if (ours == NULL && parsed->seq <= a->final.seq) return HKP_E_DSM_OLD;
    if (ours != NULL) {
        why = HKP_E_DSM_FORK;
        ours->pins++; /* room for the evidence must not come from it */
        hkp_dsm__suspect(n, &ours->envelope, &item->object);
        hkp_dsm__block_unpin(n, ours);
    }
    if (parsed->seq <= a->final.seq) return why;
    const int named = is_named(a, parsed);
    if (!named && came == CAME_PUSHED && !hkp_dsm__within_cap(n, a)) return HKP_E_LIMIT;
    if (a->n_branch >= BRANCH_PER_AUTHOR &&
        ((!named && (came == CAME_PUSHED || !on_branch(n, a, parsed))) || !branch_gives_way(n, a, named)))
        return why;
    struct block *b = hkp_dsm__block_new(n, a, parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    to_branch(n, b);
    branch_goes_on(n, a, b);
    if (named) a->want_again = 0; /* what is below it is asked for at once */
    return why;
}

/* D-BLK-8 */
int hkp_dsm__within_cap(node *n, struct author *a) {
    const struct hkp_dsm_certificate *c = hkp_dsm__newest_certificate(a);
    uint32_t tier = c != NULL ? c->tier : HKP_DSM_TIER_SENTINEL;
    uint64_t rate = tier == HKP_DSM_TIER_SENTINEL ? 1 : tier == HKP_DSM_TIER_GUARDIAN ? 4 : 16;
    uint64_t burst = rate * 60000;
    uint64_t more = (n->now - a->tokens_at) / MS * rate;
    if (a->tokens > burst) a->tokens = burst; /* a new author begins with all of it */
    if (more > 0) {
        a->tokens = a->tokens + more > burst ? burst : a->tokens + more;
        a->tokens_at = n->now;
    }
    if (a->tokens < 1000) return 0;
    a->tokens -= 1000;
    return 1;
}

/* The payload of a block that came without it, maybe since one who had it left it out: as good as new, once
 * for each block, unless its row is gone for its age (D-STO-8). */
static hkp_status attach_payload(node *n, struct peer *p, struct block *b, const struct hkp_dsm__item *item,
                                 uint32_t hops, int came) {
    const int gone = b->place == 0 || (b->height != 0 && b->height < n->prune.blocks);
    if (b->payload.ptr != NULL || item->payload.ptr == NULL || gone) return HKP_E_DSM_DUPLICATE;
    const hkp_status st = hkp_dsm__block_payload(&b->b, item->payload.ptr, item->payload.len);
    if (st != HKP_OK) return st;
    if (!hkp_dsm__block_complete(n, b, &item->payload)) return HKP_E_LIMIT;
    if (came != CAME_PROPOSED) hkp_dsm__spread_late(n, p, b, hops, came == CAME_ASKED);
    return HKP_OK;
}

/* Blocks that cannot be kept whatever their signature says: final and forgotten, on a chain or behind a gap
 * that is full, above the head of a frozen author (D-BLK-12). Nobody makes us verify those again and again.
 */
static hkp_status of_no_use(const node *n, const struct author *a, const struct hkp_dsm__block *b) {
    if (b->seq <= a->final.seq) return hkp_dsm__block_at(n, a, b->seq) == NULL ? HKP_E_DSM_OLD : HKP_OK;
    if (a->frozen) return HKP_E_DSM_FORK;
    if (is_named(a, b) || on_branch(n, a, b)) return HKP_OK;
    if (a->tip.seq - a->final.seq >= OPEN_PER_AUTHOR &&
        hkp_dsm__block_extends(b, n->chain_id, &a->tip) == HKP_OK)
        return HKP_E_LIMIT;
    return b->seq > a->tip.seq + 1 && a->n_waiting >= WAITING_PER_AUTHOR ? HKP_E_DSM_GAP : HKP_OK;
}

/* D-CERT-2: what no header above the newest final one may have is of no use. One certificate that begins
 * after it may make it so again; 0: not looked at. */
static uint64_t least_parent_ms(const node *n, const struct author *a) {
    const struct hkp_dsm_certificate *c = hkp_dsm__newest_certificate(a);
    return c->not_before_s > n->root.time_ms / 1000 ? 0 : n->root.time_ms;
}

/* The chain may have taken a block by the certificate that does not count any more. Whether it may take this
 * one is judged with each header, by the one that does (D-CA-9). */
static hkp_status by_any_certificate(const struct author *a, const struct hkp_dsm__item *item,
                                     struct hkp_dsm__block_rules *rules, struct hkp_dsm__block *b) {
    hkp_status st = hkp_dsm__block_check(item->object.ptr, item->object.len, rules, b);
    for (const struct rival *r = a->rivals; r != NULL; r = r->next) {
        if (st != HKP_E_DSM_EXPIRED && st != HKP_E_DSM_NOT_YET && st != HKP_E_DSM_NEURO) break;
        if (r->c.serial != b->serial) continue;
        rules->certs = &r->c;
        rules->n_certs = 1;
        st = hkp_dsm__block_check(item->object.ptr, item->object.len, rules, b);
    }
    return st;
}

hkp_status hkp_dsm__block_take(node *n, struct peer *p, const struct hkp_dsm__item *item, uint32_t hops,
                               int came) {
    struct hkp_dsm__block parsed;
    hkp_status st = hkp_dsm__block_parse(n->chain_id, item->signer, item->body.ptr, item->body.len, &parsed);
    if (st != HKP_OK) return st;
    if (n->n_lost > 0 && hkp_dsm__heal_block(n, &parsed, item)) return HKP_OK;
    struct block *known = hkp_dsm__block_by_id(n, parsed.id);
    if (known != NULL) return attach_payload(n, p, known, item, hops, came);
    struct author *a = hkp_dsm__author(n, item->signer);
    if (a == NULL || a->n_certs == 0) {
        hkp_dsm__certificate_ask(n, a, p, item->signer);
        return HKP_E_DSM_SIGNER;
    }
    hkp_status useless = of_no_use(n, a, &parsed);
    if (useless != HKP_OK) return useless;
    struct hkp_dsm__block_rules rules = {.chain_id = n->chain_id,
                                         .certs = a->certs,
                                         .n_certs = a->n_certs,
                                         .revoked = a->revoked,
                                         .now_us = hkp_dsm__wall_us(n),
                                         .parent_ms = least_parent_ms(n, a),
                                         .head = &a->tip,
                                         .payload = item->payload};
    st = by_any_certificate(a, item, &rules, &parsed);
    switch (st) {
    case HKP_OK:
        if (a->headless) return hold_behind_gap(n, a, p, &parsed, item, came); /* its time is not known */
        break;
    case HKP_E_DSM_SIGNER:
        hkp_dsm__certificate_ask(n, a, p, item->signer);
        return st;
    case HKP_E_DSM_GAP:
        return !a->headless && (is_named(a, &parsed) || on_branch(n, a, &parsed))
                   ? take_branch(n, a, &parsed, item, st, came)
                   : hold_behind_gap(n, a, p, &parsed, item, came);
    case HKP_E_DSM_FORK:
    case HKP_E_DSM_OLD:
        return take_branch(n, a, &parsed, item, st, came);
    case HKP_E_DSM_PREV:
        return parsed.seq > 1 && parsed.seq == a->tip.seq + 1 ? take_branch(n, a, &parsed, item, st, came)
                                                              : st;
    default:
        return st;
    }
    if (came == CAME_PUSHED && !hkp_dsm__within_cap(n, a)) return HKP_E_LIMIT;
    struct block *b = hkp_dsm__block_new(n, a, &parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    hkp_dsm__block_extend(n, b);
    hkp_dsm__block_keep(n, b, HELD_BLOCK);
    b->hops = (uint8_t)(hops < 255 ? hops + 1 : 255);
    b->untold |= came == CAME_PROPOSED;
    if (came == CAME_PROPOSED && b->payload.ptr != NULL)
        hkp_dsm__spread_hold(n, b);
    else if (!b->untold && !a->forked)
        hkp_dsm__spread_block(n, b, p, came == CAME_ASKED);
    hkp_dsm__take_waiting(n, a);
    return HKP_OK;
}

hkp_status hkp_dsm__block_load(node *n, const struct hkp_dsm__item *item, int branch) {
    struct hkp_dsm__block parsed;
    hkp_status st = hkp_dsm__block_parse(n->chain_id, item->signer, item->body.ptr, item->body.len, &parsed);
    if (st != HKP_OK) return st;
    struct author *a = hkp_dsm__author_make(n, item->signer);
    if (a == NULL) return HKP_E_LIMIT;
    if (hkp_dsm__block_by_id(n, parsed.id) != NULL) return HKP_OK;
    int at_final = !branch && parsed.seq == a->final.seq;
    if (at_final && memcmp(parsed.id, a->final.id, 32) != 0) return HKP_E_DSM_FORK;
    if (!at_final && parsed.seq <= a->final.seq) return HKP_OK;
    if (!at_final && n->state == HKP_DSM_STATE_LOADING && a != n->self && !hkp_dsm__room_to_load(n, a))
        return HKP_E_LIMIT;
    struct block *b = hkp_dsm__block_new(n, a, &parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    if (at_final) {
        a->final.time_us = parsed.timestamp_us;
        if (a->tip.seq == a->final.seq) a->tip.time_us = parsed.timestamp_us;
        /* one that came back while the node runs belongs to no checkpoint that is still to be told */
        b->height =
            n->state == HKP_DSM_STATE_RUNNING && n->epoch_first > 1 ? n->epoch_first - 1 : n->root.height;
        hkp_dsm__block_oldest(n, b);
        return HKP_OK;
    }
    if (!branch && hkp_dsm__block_extends(&parsed, n->chain_id, &a->tip) == HKP_OK) {
        hkp_dsm__block_extend(n, b);
        a->have_changed = 0;
        return HKP_OK;
    }
    if (!branch && parsed.seq > a->tip.seq) { /* a row below it is lost */
        hkp_dsm__block_beside(n, b, PLACE_WAITING);
        if (a->known_seq < parsed.seq) a->known_seq = parsed.seq;
        return HKP_OK;
    }
    hkp_dsm__block_beside(n, b, PLACE_BRANCH);
    return HKP_OK;
}
