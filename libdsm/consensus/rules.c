/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* DSM-Simplex, rules R0 to R5 and R9 (D-SMX): what a member does with what it holds. */
#include <string.h>

#include "libdsm/node/node.h"

/* LOOK_AGAIN_MS: what was asked for in vain is asked for again by whatever message comes after it */
enum { IDLE_S = 60, WORK_OPEN = 2, LOOK_AGAIN_MS = 10 };

static const uint8_t no_digest[32];

static hkp_time sooner(hkp_time a, hkp_time b) { return a < b ? a : b; }

static uint64_t delay(const node *n) {
    return n->first_view && n->delay < 250 * MS ? 250 * MS : n->delay; /* D-SMX-8 */
}

static uint64_t retransmit_first(const node *n) { return 4 * n->delay > 200 * MS ? 4 * n->delay : 200 * MS; }

int hkp_dsm__may_promise(const node *n, uint64_t view) {
    return n->state == HKP_DSM_STATE_RUNNING && !n->observer && !n->silent && !n->outdated && n->seat >= 0 &&
           !n->promises_open && !n->root.ends && view > n->watermark && !hkp_dsm__resync_holds(n);
}

/* D-SMX-8: longer from the (f+1)th nullified view in a row on. */
static void left_by_null(node *n, const struct slot *s) {
    n->nullified++;
    n->nullified_row++;
    if (s->proposed) n->had_nullified = 1;
    if (n->nullified_row > n->set.f) n->delay = n->delay * 3 / 2 > 8 * SECOND ? 8 * SECOND : n->delay * 3 / 2;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_NULLIFIED);
    e->e.epoch = n->set.epoch;
    e->e.view = s->view;
}

/* Up at once, down by an eighth of the way: a node to which work came late saw a part of the view only. */
static void left_by_notar(node *n) {
    n->nullified_row = 0;
    if (n->work_at == 0) return;
    const uint64_t took = n->now - n->work_at;
    n->view_took = took > n->view_took ? took : n->view_took - (n->view_took - took) / 8;
}

void hkp_dsm__enter(node *n, uint64_t view) {
    const struct slot *s = &n->slots[(view - 1) % SLOTS];
    if (s->view == view - 1 && view > 1) {
        if (s->cert[CERT_N] == NULL && s->cert[CERT_0] != NULL)
            left_by_null(n, s);
        else
            left_by_notar(n);
        n->first_view = 0;
    }
    n->view = view;
    n->entered_at = n->now;
    n->work_at = 0;
    n->retransmit_every = retransmit_first(n);
    n->retransmit_at = n->now + n->retransmit_every;
    struct slot *old = view > VOTE_WINDOW ? &n->slots[(view - VOTE_WINDOW) % SLOTS] : NULL;
    for (int k = 0; old != NULL && old->view == view - VOTE_WINDOW && k < 3; k++) {
        if (old->votes[k] != NULL) hkp_dsm__pool_give(&n->pool, old->votes[k]);
        old->votes[k] = NULL;
        old->n_votes[k] = 0;
    }
}

uint64_t hkp_dsm__view_now(const node *n) {
    uint64_t over = n->newest_n > n->newest_0 ? n->newest_n : n->newest_0;
    if (n->target_view > over) over = n->target_view;
    return over < n->view ? n->view : over + 1;
}

/* R0, R3, R5 */
static int enter_views(node *n) {
    const uint64_t to = hkp_dsm__view_now(n);
    if (to == n->view) return 0;
    hkp_dsm__enter(n, to);
    return 1;
}

/* R0 "work": something of T_cp age that the newest notarised ancestor lacks, or that is not final, or idle.
 * WORK_OPEN: only the second. */
/* Headers are notarised and none becomes final: a member that FINAL wants is away, while one that lies keeps
 * the chain growing. More of them help nobody, and the room for them ends. The view that stands is one in
 * which FINAL of the view before is said again (R9), so whoever comes back makes all of them final; another
 * header is made where that cannot be, and after a while, in case that it cannot and nobody knows. */
static hkp_time stands_until(const node *n, const struct prop *p) {
    const uint64_t open = p != NULL ? p->h.height - n->root.height : 0;
    const struct slot *s = &n->slots[n->newest_n % SLOTS];
    if (open < HEIGHTS_SOON || n->newest_n + 1 != n->view ||
        s->n_votes[HKP_DSM_KIND_NULL - HKP_DSM_KIND_NOTAR] > n->set.n - n->set.q)
        return 0;
    const uint64_t more = open - HEIGHTS_SOON;
    return n->entered_at + ((hkp_time)IDLE_S << (more < PATIENCE_DOUBLES ? more : PATIENCE_DOUBLES)) * SECOND;
}

static int has_work(node *n) {
    struct prop *p = hkp_dsm__newest_notarised(n);
    n->work_wake = stands_until(n, p);
    if (n->now < n->work_wake) return 0;
    n->work_wake = n->root.at + IDLE_S * SECOND;
    if (n->now >= n->work_wake) return 1;
    if (p == NULL && n->newest_n > n->root.view) return 1;
    int open = 0;
    for (struct prop *up = p; up != NULL;) {
        if (up->boundary) return WORK_OPEN; /* nothing new comes behind it */
        if (!hkp_dsm__prop_empty(up)) open = WORK_OPEN;
        if (hkp_dsm__parent(n, up, &up) < 0) return 1;
    }
    struct hkp_dsm_view one;
    if (hkp_dsm__list_ops(n, p, hkp_dsm__wall_us(n) / 1000, &one, 1) > 0) return 1;
    if (n->open == NULL && n->n_suspects == 0 && n->n_notes == 0) return open;
    if (!hkp_dsm__goto(n, p)) return 1;
    hkp_dsm__revoked_begin(n, p);
    for (const struct author *a = n->open; a != NULL; a = a->open_next) {
        if (a->forked || a->frozen) continue;
        ptrdiff_t found = hkp_dsm__heads_find(n->heads, a->node_id);
        uint64_t seq = found >= 0 ? hkp_dsm__heads_at(n->heads, (size_t)found)->seq : 0;
        const struct block *b = a->tip.seq > seq ? hkp_dsm__block_at(n, a, seq + 1) : NULL;
        if (b == NULL) continue;
        const struct hkp_dsm__block_rules by =
            hkp_dsm__header_rules(n, a, 0, p != NULL ? p->h.time_ms : n->root.time_ms);
        if (hkp_dsm__block_times(&b->b, &by) != HKP_OK) continue; /* no header may have it */
        if (b->seen_at + n->t_cp <= n->now) return 1;
        if (b->seen_at + n->t_cp < n->work_wake) n->work_wake = b->seen_at + n->t_cp;
    }
    const struct pending *asked = n->n_suspects > 0 ? hkp_dsm__pending_at(n, p) : NULL;
    for (uint32_t i = 0; i < n->n_suspects; i++)
        if (hkp_dsm__suspect_due(n, &n->suspects[i], asked, p, hkp_dsm__wall_us(n) / 1000, 0)) return 1;
    return hkp_dsm__notes_ops(n, p, 0, NULL, 1) > 0 || hkp_dsm__command_of_others(n, p) ? 1 : open;
}

/* R7: recorded, then held back until durable. */
static void promise(node *n, struct slot *s, uint32_t kind, const uint8_t digest[32]) {
    uint64_t ticket = hkp_dsm__wal(n, kind, n->set.epoch, s->view, digest);
    struct held *h = hkp_dsm__hold(n, HELD_VOTE, ticket);
    h->kind = kind;
    h->view = s->view;
    h->epoch = n->set.epoch;
    memcpy(h->digest, digest, 32);
}

/* R2 */
static int notarise(node *n) {
    struct slot *s = hkp_dsm__slot(n, n->view);
    if (s == NULL || s->notar || !s->seen_proposal || !hkp_dsm__may_promise(n, n->view)) return 0;
    struct prop *p = hkp_dsm__prop(n, s->proposal_digest);
    if (p == NULL || p->state == PROP_BAD) return 0;
    hkp_status st = hkp_dsm__prop_judge(n, p);
    if (st == HKP_E_DSM_GAP || st == HKP_E_DSM_TIME_AHEAD || st == HKP_E_LIMIT) {
        p->ask_again = n->now;
        return 0;
    }
    if (st != HKP_OK) {
        p->state = PROP_BAD;
        return 0;
    }
    hkp_dsm__prop_store(n, p);
    s->notar = 1;
    memcpy(s->notar_digest, p->h.digest, 32);
    promise(n, s, HKP_DSM_KIND_NOTAR, p->h.digest);
    return 1;
}

/* R3: FINAL for every notarised view in which NULL was never sent. */
static int finals(node *n) {
    int did = 0;
    uint64_t from = n->view > VOTE_WINDOW ? n->view - VOTE_WINDOW : 1;
    if (from <= n->root.view) from = n->root.view + 1;
    for (uint64_t v = from; v < n->view; v++) {
        struct slot *s = &n->slots[v % SLOTS];
        if (s->view != v || s->cert[CERT_N] == NULL || s->cert[CERT_F] != NULL || s->null || s->final)
            continue;
        if (v <= n->target_view || !hkp_dsm__may_promise(n, v)) continue;
        s->final = 1;
        promise(n, s, HKP_DSM_KIND_FINAL, s->cert_digest);
        did = 1;
    }
    return did;
}

/* R4 */
static int nullify(node *n) {
    struct slot *s = hkp_dsm__slot(n, n->view);
    if (s == NULL || n->work_at == 0 || s->null || s->final || !hkp_dsm__may_promise(n, n->view)) return 0;
    hkp_time lead = n->work_at + 2 * delay(n) + n->t_cp, adv = n->work_at + 5 * delay(n) + n->t_cp;
    if (!((n->now >= lead && !s->notar) || n->now >= adv)) return 0;
    s->null = 1;
    promise(n, s, HKP_DSM_KIND_NULL, no_digest);
    return 1;
}

/* R1: an empty header for what is about to be final by itself only costs votes, so it waits a little longer.
 */
static hkp_time may_lead_at(const node *n) {
    return n->entered_at + (n->only_open && n->delay / 2 > n->t_cp ? n->delay / 2 : n->t_cp);
}

static int lead(node *n, int work) {
    if (!work || n->seat < 0 || n->perm[n->view % n->set.n] != (uint32_t)n->seat) return 0;
    if (n->now < may_lead_at(n) || !hkp_dsm__may_promise(n, n->view)) return 0;
    const struct slot *s = hkp_dsm__slot(n, n->view);
    if (s == NULL || s->proposed) return 0;
    hkp_dsm__propose(n);
    return s->proposed;
}

/* R9 */
static void retransmit(node *n) {
    if (n->now < n->retransmit_at) return;
    n->retransmit_at = n->now + n->retransmit_every;
    n->retransmit_every = n->retransmit_every * 3 / 2 > 4 * SECOND ? 4 * SECOND : n->retransmit_every * 3 / 2;
    for (uint64_t v = n->view > 1 ? n->view - 1 : 1; v <= n->view; v++) {
        const struct slot *s = &n->slots[v % SLOTS];
        for (int k = 2; s->view == v && k < 6; k++) {
            /* The proposal of a view that is over is of use only while it lacks a cert. */
            if (s->own_msg[k] == NULL || (k == 2 && v < n->view && s->cert[CERT_N] != NULL)) continue;
            hkp_dsm__send_members(n, 0, s->own_msg[k]);
        }
    }
    hkp_dsm__newest_certs(n, NULL);
    if (n->ahead_tries > 0) {
        n->ahead_tries--;
        if (n->ahead <= n->set.epoch && n->root.view > 0) n->ahead_tries = 0;
        hkp_dsm__ask_certs(n, NULL, n->root.view + 1, n->view);
    }
    if (n->promises_open) hkp_dsm__promises_ask(n, NULL);
    /* A final header whose body or blocks did not come is asked for again, elsewhere. */
    for (uint32_t i = 0; i < PROPS; i++) n->props[i].ask_again = n->props[i].used ? n->now : 0;
}

void hkp_dsm__advance(node *n) {
    for (int again = 1, rounds = 0; again && rounds < 4 * PROPS && n->state == HKP_DSM_STATE_RUNNING;
         rounds++) {
        again = 0;
        uint64_t final = n->root.height;
        hkp_dsm__finalise(n);
        hkp_dsm__restart_step(n);
        again |= n->root.height != final;
        again |= enter_views(n);
        int work = has_work(n);
        n->only_open = work == WORK_OPEN;
        if (work && n->work_at == 0) n->work_at = n->now > 0 ? n->now : 1;
        if (!work) n->work_at = 0;
        again |= lead(n, work);
        again |= notarise(n);
        again |= finals(n);
        again |= nullify(n);
    }
    if (n->state == HKP_DSM_STATE_RUNNING) retransmit(n);
    n->advance_at = sooner(hkp_dsm__rules_wake(n), n->now + LOOK_AGAIN_MS * MS);
}

hkp_time hkp_dsm__rules_wake(const node *n) {
    /* when work comes matters while there is none; the idle moment lies in the past until a height is final
     */
    hkp_time wake = n->work_at != 0 ? n->retransmit_at : sooner(n->retransmit_at, n->work_wake);
    const struct slot *s = &n->slots[n->view % SLOTS];
    int known = s->view == n->view;
    if (n->work_at != 0 && hkp_dsm__may_promise(n, n->view)) {
        hkp_time t_lead = n->work_at + 2 * delay(n) + n->t_cp, t_adv = n->work_at + 5 * delay(n) + n->t_cp;
        if (!known || (!s->null && !s->final)) wake = sooner(wake, known && s->notar ? t_adv : t_lead);
        if (n->perm[n->view % n->set.n] == (uint32_t)n->seat && (!known || !s->proposed))
            wake = sooner(wake, n->now < may_lead_at(n) ? may_lead_at(n) : n->now + 20 * MS);
    }
    return wake;
}
