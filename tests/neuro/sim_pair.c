/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * One honest pair around one instance, in the hardest circumstances that a transport and two machines can
 * make: several sessions at once, each with ordered streams that may stop at any message; the two ends learn
 * at different moments that one is up or gone; stores and log reads that take long; deaths of either side at
 * any step, between "on disk" and "told so" as well; stalls. Nothing of that may look like a fork (NZ1 17).
 */
#include "pair.h"

enum { LINKS = 3, QUEUE = 32, TER = 0, COMMIT = 1 };

struct queue {
    struct pair_message at[QUEUE];
    size_t n;
};

/* A session: streams [sender][class], which keep their order; up: as each side believes. */
struct link {
    int mode_r, up[2];
    uint64_t since;
    uint8_t exported[32];
    struct queue q[2][2];
};

static struct pair w;
static struct link links[LINKS];
/* the session that carries the instance at each side; NULL: none */
static struct link *use[2];
static uint64_t opened;
/* what a side was asked for and has not done yet */
static struct hkp_neuro_event pending[2][2];
/* the handshake under way: 0 none, 1 HELLO is out, 2 the holder has seen ATTEST */
static struct {
    int stage, mode_r;
    uint64_t ck;
    struct link *link;
    /* the slot that HELLO named, which the holder's transport keeps until the handshake is over (NZ1 17) */
    hkp_neuro_commit *pin;
} hello;
/* chances in 256 */
static unsigned fault;

static int dice(unsigned of_256) { return pair_chance(&w) < of_256; }

static void hello_ends(void) {
    hello.stage = 0;
    hkp_neuro_commit_unref(hello.pin);
    hello.pin = NULL;
}

static void queue_clear(struct queue *q) {
    while (q->n > 0) free(q->at[--q->n].bytes);
}

static void say(int side, const struct link *l) {
    struct hkp_neuro_session s = {.up = l != NULL};
    if (l != NULL) {
        s.mode_r = (uint32_t)l->mode_r;
        s.certificates = s.allowed = s.has_exported = 1;
        memcpy(s.exported, l->exported, 32);
    }
    if (side == OWNER)
        hkp_neuro_owner_session(w.owner, w.now, &s);
    else
        hkp_neuro_holder_session(w.holder, w.now, &s);
}

/* The instance moves to another session. What the side had sent on the one before is reset: streams keep
 * their order only within a session, and an old PROPOSE must not come behind a newer one. */
static void carry(int side, struct link *l) {
    if (use[side] == l) return;
    if (use[side] != NULL) {
        say(side, NULL);
        if (side == OWNER)
            for (int c = TER; c <= COMMIT; c++) queue_clear(&use[side]->q[side][c]);
    }
    use[side] = l;
    if (l != NULL) say(side, l);
}

/* The newest, mode R before mode N. */
static struct link *best(int side) {
    struct link *found = NULL;
    for (struct link *l = links; l < links + LINKS; l++)
        if (l->up[side] && (found == NULL || l->mode_r > found->mode_r ||
                            (l->mode_r == found->mode_r && l->since > found->since)))
            found = l;
    return found;
}

static void gone(int side, struct link *l) {
    if (!l->up[side]) return;
    l->up[side] = 0;
    if (side == OWNER && hello.stage != 0 && hello.link == l) hello_ends();
    if (use[side] != l) return;
    use[side] = NULL;
    say(side, NULL);
    carry(side, best(side));
}

static void died(int side) {
    for (int i = 0; i < LINKS; i++) gone(side, &links[i]);
    memset(pending[side], 0, sizeof pending[side]);
    hello_ends();
    pair_reload(&w, side);
}

/* ---- Sessions ---- */

static struct link *fresh(void) {
    for (struct link *l = links; l < links + LINKS; l++)
        if (!l->up[OWNER] && !l->up[HOLDER] && (hello.stage == 0 || hello.link != l)) {
            for (int k = 0; k < 4; k++) queue_clear(&l->q[k / 2][k % 2]);
            pair_fill(&w, l->exported, 32);
            l->since = ++opened;
            return l;
        }
    return NULL;
}

static void hello_send(void) {
    struct hkp_neuro_instance_info info;
    struct link *l = hello.stage == 0 ? fresh() : NULL;
    const uint32_t state = pair_state(&w, OWNER, &info);
    if (l == NULL) return;
    hello.mode_r =
        info.ck_index != 0 && hkp_neuro_holder_commit(w.holder, info.ck_index, &hello.pin) == HKP_OK;
    /* an instance that was proven is never enrolled again */
    if (!hello.mode_r && state == HKP_NEURO_INSTANCE_ACTIVE) {
        CHECK(0 && "the holder has no slot for E.cur");
        return;
    }
    hello.ck = info.ck_index;
    hello.link = l;
    hello.stage = 1;
    hkp_neuro_owner_hold(w.owner, w.now, 1);
}

static void hello_fails(void) {
    hello_ends();
    hkp_neuro_owner_hold(w.owner, w.now, 0);
}

static void enrol(void) {
    struct hkp_neuro_enrol_point point;
    if (hkp_le64(w.tck[0] != 0 ? w.tck + 24 : (const uint8_t[8]){0}) != w.cursor.index) {
        w.wall_us += 1000000;
        pair_ter(&w, 1);
        pair_tck(&w);
    }
    pair_sync(&w);
    memcpy(point.h_before, w.before.h, 32);
    memcpy(point.ter, w.cursor.last_ter, 64);
    memcpy(point.tck, w.tck, 256);
    memcpy(point.rba, w.rba, 192);
    (void)!hkp_neuro_owner_enrol(w.owner, w.now, &point);
}

/* ATTEST at the holder, ACCEPT at the owner; either may be lost. */
static void hello_goes_on(void) {
    struct link *l = hello.link;
    if (hello.stage == 0) return;
    if (dice(fault)) {
        hello_fails();
        return;
    }
    l->mode_r = hello.mode_r;
    if (hello.stage++ == 1) {
        l->up[HOLDER] = 1;
        if (l->mode_r) hkp_neuro_holder_handshake(w.holder, w.now, hello.ck, 0, 0);
        if (use[HOLDER] == NULL) carry(HOLDER, l);
        return;
    }
    l->up[OWNER] = 1;
    hello_fails();
    if (l->mode_r) hkp_neuro_owner_handshake(w.owner, w.now, hello.ck, 0, 0);
    if (use[OWNER] == NULL || !l->mode_r || dice(192)) carry(OWNER, l);
    if (!l->mode_r && use[OWNER] == l) enrol();
}

/* ---- Messages ---- */

static void collect(int side) {
    static uint8_t bytes[HKP_NEURO_SEND_MAX];
    for (;;) {
        uint32_t c = 0;
        size_t len = 0;
        CHECK_EQ(side == OWNER ? hkp_neuro_owner_send(w.owner, w.now, &c, bytes, sizeof bytes, &len)
                               : hkp_neuro_holder_send(w.holder, w.now, &c, bytes, sizeof bytes, &len),
                 HKP_OK);
        if (len == 0) return;
        if (use[side] == NULL) continue;
        struct queue *q = &use[side]->q[side][c == HKP_NEURO_CLASS_TER ? TER : COMMIT];
        if (q->n == QUEUE) continue; /* as if lost */
        q->at[q->n] = (struct pair_message){!side, c, len, (uint8_t *)malloc(len)};
        memcpy(q->at[q->n++].bytes, bytes, len);
    }
}

/* The oldest message of one stream. */
static void deliver(struct link *l, int from, int c) {
    struct queue *q = &l->q[from][c];
    const int to = !from;
    if (q->n == 0) return;
    struct pair_message m = q->at[0];
    hkp_status st = HKP_OK;
    if (l->up[to]) {
        if (to == HOLDER && c == COMMIT) carry(HOLDER, l); /* it follows what the owner opens */
        if (use[to] == l)
            st = to == OWNER
                     ? hkp_neuro_owner_recv(w.owner, w.now, w.wall_us, m.stream_class, m.bytes, m.len)
                     : hkp_neuro_holder_recv(w.holder, w.now, w.wall_us, m.stream_class, m.bytes, m.len);
    }
    if (st == HKP_E_LIMIT && dice(128)) return; /* handed over again; else as if lost */
    free(m.bytes);
    memmove(&q->at[0], &q->at[1], --q->n * sizeof m);
}

/* ---- What the sides ask for ---- */

static void finish(int side, int k) {
    struct hkp_neuro_event e = pending[side][k];
    memset(&pending[side][k], 0, sizeof e);
    if (e.kind == HKP_NEURO_EVENT_WANT_LOG) {
        pair_give_log(&w, &e);
        return;
    }
    if (e.kind != HKP_NEURO_EVENT_STORE) return;
    pair_write(&w, side, &e);
    if (dice(fault / 4))
        died(side); /* on disk, and nobody was told */
    else
        pair_confirm(&w, side, &e);
}

static void serve(int side) {
    for (int k = 0; k < 2; k++)
        if (pending[side][k].kind != 0 && !dice(fault * 4)) finish(side, k);
    for (int i = 0; i < 8; i++) {
        const struct hkp_neuro_event e = pair_next(&w, side);
        const int slow = e.kind == HKP_NEURO_EVENT_STORE || e.kind == HKP_NEURO_EVENT_WANT_LOG;
        const int k = pending[side][0].kind != 0;
        if (e.kind == HKP_NEURO_EVENT_NONE) return;
        if (slow && k < 2 && pending[side][k].kind == 0 && dice(fault * 6))
            pending[side][k] = e; /* takes long */
        else
            (void)pair_handle(&w, side, &e);
    }
}

/* The live state is stored once in 3,600 TERs; here whenever the dice say so. */
static void store_live(void) {
    static uint8_t bytes[HKP_NEURO__SNAP_SIZE];
    struct hkp_neuro_owner *o = w.owner;
    if (!o->has_live || o->live.cursor.index > w.durable) return;
    CHECK_EQ(hkp_neuro__snap_write(&o->core, HKP_NEURO__SNAP_LIVE, o->core.view.id, &o->live, bytes), HKP_OK);
    const struct hkp_neuro_event e = {.bytes = bytes, .len = sizeof bytes};
    pair_disk_put(&w.live, &e);
}

/* ---- Time ---- */

static void device(void) {
    const uint64_t seconds = dice(fault / 8) ? 1 + check_random(&w.random) % 60 : 1;
    w.now += seconds * 250000000U;
    w.wall_us += seconds * 250000;
    if (dice(160)) {
        pair_ter(&w, !dice(8));
        if (w.cursor.index % 16 == 0 && memcmp(w.cursor.last_ter + 32, w.h_ref, 20) == 0) pair_tck(&w);
    }
    if (dice(2) && w.n_log + 3 < PAIR_LOG_MAX) pair_rebase(&w);
    if (dice(160)) pair_sync(&w);
    if (dice(fault / 4)) store_live();
}

static void step(void) {
    device();
    if (use[OWNER] == NULL || !use[OWNER]->mode_r || dice(fault / 8)) hello_send();
    if (dice(128)) hello_goes_on();
    if (use[OWNER] != NULL && !use[OWNER]->mode_r && best(OWNER)->mode_r && dice(64))
        carry(OWNER, best(OWNER)); /* what carries PROPOSE is preferred */
    for (int side = OWNER; side <= HOLDER; side++) {
        if (dice(fault / 8)) died(side);
        if (dice(fault / 4)) gone(side, &links[pair_chance(&w) % LINKS]);
        if (dice(fault)) continue; /* gets no time */
        if (side == OWNER)
            hkp_neuro_owner_tick(w.owner, w.now);
        else
            hkp_neuro_holder_tick(w.holder, w.now);
        serve(side);
        collect(side);
    }
    for (int i = 0; i < 24; i++) {
        const unsigned r = pair_chance(&w);
        deliver(&links[r % LINKS], (r >> 4) & 1, (r >> 5) & 1);
    }
    /* an end that is gone at one side is found gone at the other, late */
    for (int i = 0; i < LINKS; i++)
        for (int side = OWNER; side <= HOLDER; side++)
            if (links[i].up[side] && !links[i].up[!side] && (hello.stage == 0 || hello.link != &links[i]) &&
                dice(24))
                gone(side, &links[i]);
}

static int sound(void) {
    const uint32_t o = pair_state(&w, OWNER, NULL), h = pair_state(&w, HOLDER, NULL);
    CHECK(o <= HKP_NEURO_INSTANCE_ACTIVE);
    CHECK(h <= HKP_NEURO_INSTANCE_ACTIVE);
    if (o == HKP_NEURO_INSTANCE_ACTIVE) pair_invariant(&w);
    return o <= HKP_NEURO_INSTANCE_ACTIVE && h <= HKP_NEURO_INSTANCE_ACTIVE;
}

static void clear(void) {
    for (int i = 0; i < LINKS; i++)
        for (int k = 0; k < 4; k++) queue_clear(&links[i].q[k / 2][k % 2]);
    hello_ends();
    memset(links, 0, sizeof links);
    memset(pending, 0, sizeof pending);
    memset(&hello, 0, sizeof hello);
    use[0] = use[1] = NULL;
}

static void run(uint64_t seed, uint64_t *commits, uint64_t *restarts) {
    struct hkp_neuro_instance_info o, h;
    const int before = check_faults;
    pair_begin(&w, seed);
    for (fault = 4 + (unsigned)(seed % 4) * 8; w.cursor.index < 900 && check_faults == before;) {
        step();
        if (!sound()) break;
    }
    *commits += w.commits[HOLDER];
    *restarts += w.restarts;
    fault = 0;
    const uint64_t end = w.cursor.index + 200;
    while (w.cursor.index < end && check_faults == before) step();
    CHECK_EQ(pair_state(&w, OWNER, &o), HKP_NEURO_INSTANCE_ACTIVE);
    CHECK_EQ(pair_state(&w, HOLDER, &h), HKP_NEURO_INSTANCE_ACTIVE);
    CHECK(h.index + 40 > o.index);
    CHECK(h.ck_index + 80 > o.index);
    CHECK_NOTE(before, "HKP_SEED=%" PRIu64 ": owner %s at %d, holder %s at %d, last refusal %s", seed,
               hkp_neuro_cause_text(o.cause), (int)o.index, hkp_neuro_cause_text(h.cause), (int)h.index,
               hkp_neuro_status_name(w.last_refusal[HOLDER]));
    clear();
    pair_end(&w);
}

/* HKP_RUNS=<n> makes more of them. */
static void an_honest_pair_never_loses_its_instance(void) {
    const char *more = getenv("HKP_RUNS");
    const uint64_t runs = more != NULL ? strtoull(more, NULL, 10) : 12, first = check_seed();
    const int before = check_faults;
    uint64_t commits = 0, restarts = 0;
    for (uint64_t i = 0; i < runs && check_faults == before; i++) run(first + i, &commits, &restarts);
    CHECK(commits > 4 * runs);
    CHECK(restarts > runs);
    printf("# %d commits, %d restarts\n", (int)commits, (int)restarts);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(an_honest_pair_never_loses_its_instance);
    return check_done();
}
