/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two whole endpoints driven by a control stream, under the checkers of the fault simulator. The input: kind
 * of the pair u8, then steps of an op u8 (low 4 bits; bit 7: E, else V, where one is meant) and an argument
 * u8. At the end all is calm, and a session must carry messages both ways.
 */
#include "faults_world.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 120 };

static void reorder(struct fault_net *x) {
    struct fault_flying all[256];
    size_t n = 0;
    while (x->n > 0 && n < 256) all[n++] = net_take(x);
    x->n = 0;
    while (n > 0) net_add(x, all[--n]);
}

/* A datagram on its way leaves it. */
static struct fault_flying pull(struct fault_net *x, uint8_t arg) {
    const size_t i = arg % x->n;
    struct fault_flying f = x->heap[i];
    x->heap[i] = x->heap[--x->n];
    reorder(x);
    return f;
}

static void on_the_way(struct fault_world *w, unsigned op, uint8_t arg, uint8_t more) {
    struct fault_net *x = w->net;
    if (x->n == 0 || x->n > 200) return;
    struct fault_flying f = pull(x, arg);
    switch (op) {
    case 0: /* comes before all others */
        f.at = w->now;
        break;
    case 1: /* is lost */
        free(f.bytes);
        return;
    case 2: /* comes again later */
        net_add(x, flying_copy(&f));
        f.at += more * 20 * HKP_HTP__MS;
        break;
    case 3: /* a bit turns, and not back */
        if (f.forged) break;
        f.bytes[(size_t)(arg >> 4) * (f.len / 16) + more % (f.len / 16 + 1)] ^= (uint8_t)(1U << more % 8);
        f.forged = 1;
        break;
    case 4: /* is late */
        f.at += more * 50 * HKP_HTP__MS;
        break;
    default: /* comes from another address, too */
        if (f.to == 0 && !f.forged) net_spoof(w, &f);
    }
    net_add(x, f);
}

static void act(struct fault_node *n, uint8_t arg) {
    const struct fault_app *a = n->w->app;
    n->w->random = arg;
    act_connect(n);
    if (a->n_live[n->index] > 0) act_on(n, &a->live[n->index][0]);
    net_serve(n);
}

static void happen(struct fault_world *w, struct fault_node *n, uint8_t arg) {
    struct fault_link *l = &w->net->links[1];
    w->random = arg;
    switch (arg % 8) {
    case 0:
        fault_restart(n);
        break;
    case 1:
        for (unsigned k = 0; k < NET_CARRIERS; k++) net_new_port(w, l, k);
        break;
    case 2:
        n->ahead_us += fault_wall_jump(w);
        break;
    case 3:
        if (w->now < n->asleep_until) break;
        n->asleep_until = w->now + arg * HKP_HTP__SEC / 4;
        n->lag += arg & 8 ? n->asleep_until - w->now : 0;
        break;
    case 4:
        fault_garbage(w, n);
        break;
    case 5:
        fault_replay(w, l);
        break;
    case 6:
        if (n->journal_on) fault_rollback(w, n, 0);
        break;
    default:
        for (unsigned k = 0; k < NET_ROADS; k++) {
            l->roads[k].hole = 200 + arg * 6U;
            l->roads[k].hole_until = HKP_TIME_NEVER;
        }
    }
}

/* Noise that the input itself gives, to a session that is there if bit 6 is set. */
static size_t noise(struct fault_world *w, struct fault_node *n, uint8_t op, const uint8_t *data,
                    size_t left) {
    uint8_t bytes[256];
    const size_t len = left < 200 ? left : 200;
    memcpy(bytes, data, len);
    const struct fault_app *a = w->app;
    const struct hkp_htp__session *s =
        a->n_live[n->index] > 0 ? hkp_htp__session_find(n->ep, a->live[n->index][0].session) : NULL;
    if ((op & 64) && s != NULL && len >= HKP_HTP__PREFIX)
        hkp_put_be64(bytes + HKP_HTP__AT_TOKEN, s->token_in);
    struct fault_flying f = {.to = n->index,
                             .source = n->index == 0 ? net_victim(0) : net_v,
                             .forged = 1,
                             .len = len,
                             .bytes = bytes};
    f = flying_copy(&f);
    f.at = w->now;
    net_add(w->net, f);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fault_plan p = {.edges = 1, .act_gap = HKP_HTP__SEC};
    struct fault_result r = {0};
    struct fault_world w;
    const int before = check_faults;
    if (sodium_init() < 0 || size < 1) return 0;
    p.kinds = data[0] & 128 ? FAULT_ROLLBACK : 0;
    fault_open(&w, &p, data[0] & 127);
    w.net->fault_at = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < w.n; i++) w.nodes[i].app_at = HKP_TIME_NEVER;
    size_t at = 1;
    for (int steps = 0; at + 2 < size && steps < STEPS; steps++) {
        const uint8_t op = data[at], arg = data[at + 1], more = data[at + 2];
        struct fault_node *n = &w.nodes[op >> 7];
        at += 2;
        if ((op & 15) < 6) {
            on_the_way(&w, op & 15, arg, more);
            at++;
        } else if ((op & 15) < 10) {
            if (w.now >= n->asleep_until) act(n, arg);
        } else if ((op & 15) < 13) {
            fault_span(&w, &p, w.now + (HKP_HTP__MS << arg % 18), NULL);
        } else if ((op & 15) < 15) {
            happen(&w, n, arg);
        } else {
            at += noise(&w, n, op, data + at, size - at < arg ? size - at : arg);
        }
    }
    for (uint32_t i = 0; i < w.n; i++) w.nodes[i].app_at = w.now;
    fault_calm(&w, &p, &r);
    fault_close(&w, &r);
    fflush(stdout);
    assert(check_faults == before && r.repeats == 0);
    return 0;
}
