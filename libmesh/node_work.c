/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Policies, orders, workloads and assignments (D-AUD-5, D-AUD-6): verified by libdsm, judged by its control,
 * kept, and told once they are durable. What an operator hands to this node goes into a block as well, so
 * that it reaches who comes later (D-BLK-3, decision 0575).
 */
#include <string.h>

#include "libmesh/work.h"
#include "libter/options.h"

/* D-CERT-5. */
static uint64_t now_s(const struct hkp_mesh_node *node) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    const uint64_t wall = node->wall_us / 1000000;
    if (node->opt.clock_synchronised || hkp_dsm_node_status(node->dsm, &s) != HKP_OK) return wall;
    return wall > s.final_time_ms / 1000 ? wall : s.final_time_ms / 1000;
}

hkp_status hkp_mesh__control_new(struct hkp_mesh_node *node, const uint8_t *state, size_t len,
                                 hkp_dsm_control **out) {
    struct hkp_dsm_control_options o;
    struct hkp_dsm_directory directory;
    hkp_dsm_node_directory(node->dsm, &directory);
    hkp_dsm_control_options_init(&o, sizeof o);
    o.mem = node->mem;
    o.tier = node->own_cert.tier;
    o.chain_id = node->chain_id;
    o.node_id = node->node_id;
    o.directory = &directory;
    o.state = state;
    o.state_len = len;
    return hkp_dsm_control_new(out, &o);
}

hkp_status hkp_mesh__work_new(struct hkp_mesh_node *node) {
    node->work = hkp_mem_alloc(&node->mem, sizeof *node->work);
    return node->work != NULL ? hkp_mesh__control_new(node, NULL, 0, &node->work->control) : HKP_E_NOMEM;
}

static void drop(struct hkp_mesh_node *node, uint32_t at) {
    struct hkp_mesh__work *w = node->work;
    hkp_mem_free(&node->mem, w->object[at].bytes, w->object[at].len);
    w->n_objects--;
    memmove(&w->object[at], &w->object[at + 1], (w->n_objects - at) * sizeof w->object[0]);
    w->wanted++;
}

void hkp_mesh__work_free(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    if (w == NULL) return;
    while (w->n_objects > 0) drop(node, w->n_objects - 1);
    hkp_dsm_control_free(w->control);
    hkp_mem_free(&node->mem, w->file, w->file_len);
    hkp_mem_free(&node->mem, w, sizeof *w);
}

/* ---- What an object says ---- */

static void says(struct hkp_mesh__object *o, const struct hkp_dsm_view *bytes) {
    o->says_at = (size_t)(bytes->ptr - o->bytes);
    o->says_len = bytes->len;
}

static hkp_status read_order(struct hkp_mesh__object *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_order order;
    const hkp_status st = hkp_dsm_order_parse(body->ptr, body->len, &order);
    if (st != HKP_OK) return st;
    o->scope = (uint32_t)order.scope;
    o->number = order.number;
    o->until_s = order.not_after_s;
    if (o->scope == HKP_DSM_ORDER_WORKLOAD) memcpy(o->workload, order.bytes.ptr, 32);
    says(o, &order.bytes);
    return HKP_OK;
}

static hkp_status read_policy(struct hkp_mesh__object *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_policy policy;
    const hkp_status st = hkp_dsm_policy_parse(body->ptr, body->len, &policy);
    if (st != HKP_OK) return st;
    o->scope = policy.scope;
    o->number = policy.version;
    o->until_s = policy.not_after_s;
    memcpy(o->name, policy.name, 16);
    says(o, &policy.bytes);
    return HKP_OK;
}

static hkp_status read_work(struct hkp_mesh_node const *node, struct hkp_mesh__object *o,
                            const struct hkp_dsm_view *body) {
    struct hkp_dsm_workload l;
    struct hkp_dsm_assign a;
    if (o->kind == HKP_DSM_KIND_WORKLOAD) {
        const hkp_status st = hkp_dsm_workload_parse(body->ptr, body->len, &l);
        if (st != HKP_OK) return st;
        o->number = l.version;
        o->from_s = l.not_before_s;
        o->until_s = l.not_after_s;
        return HKP_OK;
    }
    const hkp_status st = hkp_dsm_assign_parse(body->ptr, body->len, &a);
    if (st != HKP_OK) return st;
    o->from_s = a.not_before_s;
    o->until_s = a.not_after_s;
    memcpy(o->workload, a.workload, 32);
    o->foreign = memcmp(a.node_id, node->node_id, 16) != 0;
    return HKP_OK;
}

hkp_status hkp_mesh__object_read(const struct hkp_mesh_node *node, const uint8_t *bytes, size_t len,
                                 struct hkp_mesh__object *out) {
    const uint32_t kinds =
        1U << HKP_DSM_KIND_WORKLOAD | 1U << HKP_DSM_KIND_ASSIGN | 1U << HKP_DSM_KIND_POLICY;
    struct hkp_mesh__object o = {.bytes = (uint8_t *)(uintptr_t)bytes, .len = len};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_multi m;
    hkp_status st;
    if (hkp_dsm_multi_parse(bytes, len, &m) == HKP_OK) {
        o.kind = (uint32_t)m.kind;
        st = o.kind == HKP_DSM_KIND_ORDER ? read_order(&o, &m.body) : HKP_E_DSM_KIND;
        if (st == HKP_OK) hkp_dsm_object_id(o.id, node->chain_id, o.kind, NULL, m.body.ptr, m.body.len);
    } else {
        st = hkp_dsm_envelope_parse(bytes, len, kinds, &e);
        if (st != HKP_OK) return st;
        o.kind = (uint32_t)e.kind;
        memcpy(o.signer, e.signer, 16);
        st = o.kind == HKP_DSM_KIND_POLICY ? read_policy(&o, &e.body) : read_work(node, &o, &e.body);
        if (st == HKP_OK) hkp_dsm_object_id(o.id, node->chain_id, o.kind, e.signer, e.body.ptr, e.body.len);
    }
    if (st == HKP_OK) *out = o;
    return st;
}

/* ---- Keeping ---- */

static struct hkp_mesh__object *find(struct hkp_mesh__work *w, uint32_t kind, const uint8_t id[32]) {
    for (uint32_t i = 0; i < w->n_objects; i++)
        if (w->object[i].kind == kind && memcmp(w->object[i].id, id, 32) == 0) return &w->object[i];
    return NULL;
}

static uint32_t most_of(const struct hkp_mesh__object *o) {
    if (o->kind == HKP_DSM_KIND_POLICY) return HKP_MESH_WORK_POLICIES;
    if (o->kind == HKP_DSM_KIND_ORDER) return HKP_MESH_WORK_ORDERS;
    if (o->kind == HKP_DSM_KIND_WORKLOAD) return HKP_MESH_WORK_WORKLOADS;
    return o->foreign ? HKP_MESH__BRINGING : HKP_MESH_WORK_ASSIGNS;
}

/* One signer fills no table: its own oldest makes room. */
static int make_room(struct hkp_mesh_node *node, const struct hkp_mesh__object *o) {
    struct hkp_mesh__work *w = node->work;
    const int by_signer = o->kind == HKP_DSM_KIND_WORKLOAD || o->kind == HKP_DSM_KIND_ASSIGN;
    uint32_t of_kind = 0, of_signer = 0, oldest = w->n_objects;
    for (uint32_t i = 0; i < w->n_objects; i++) {
        const struct hkp_mesh__object *other = &w->object[i];
        if (other->kind != o->kind || other->foreign != o->foreign) continue;
        of_kind++;
        if (memcmp(other->signer, o->signer, 16) != 0) continue;
        of_signer++;
        if (oldest == w->n_objects && !other->running) oldest = i;
    }
    if (by_signer && of_signer >= HKP_MESH_WORK_OF_SIGNER && oldest < w->n_objects) {
        drop(node, oldest);
        of_kind--;
    }
    return of_kind < most_of(o) && w->n_objects < HKP_MESH__OBJECTS_MAX;
}

struct hkp_mesh__object *hkp_mesh__object_keep(struct hkp_mesh_node *node, const struct hkp_mesh__object *o) {
    struct hkp_mesh__work *w = node->work;
    uint8_t *bytes = make_room(node, o) ? hkp_mem_alloc(&node->mem, o->len) : NULL;
    if (bytes == NULL) return NULL;
    memcpy(bytes, o->bytes, o->len);
    struct hkp_mesh__object *kept = &w->object[w->n_objects++];
    *kept = *o;
    kept->bytes = bytes;
    w->wanted++;
    return kept;
}

/* ---- News ---- */

/* Told when all that was asked to be written by now is durable; at_once: without waiting for it. */
static void news(struct hkp_mesh_node *node, uint32_t kind, const struct hkp_mesh__object *o,
                 hkp_status status, int at_once) {
    struct hkp_mesh__work *w = node->work;
    if (w->n_news == HKP_MESH__NEWS_MAX) {
        w->news_head = (w->news_head + 1) % HKP_MESH__NEWS_MAX;
        w->n_news--;
        node->facts_lost++;
    }
    struct hkp_mesh__news *n = &w->news[(w->news_head + w->n_news++) % HKP_MESH__NEWS_MAX];
    memset(n, 0, sizeof *n);
    n->ev.kind = kind;
    n->ev.status = status;
    n->ev.number = o->scope;
    n->ev.to = o->number;
    memcpy(n->ev.node_id, o->signer, 16);
    memcpy(n->id, o->id, 32);
    n->write = at_once ? 0 : w->wanted;
}

int hkp_mesh__work_next(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    struct hkp_mesh__work *w = node->work;
    if (hkp_mesh__work_write(node, out)) return 1;
    if (w->n_news == 0 || w->news[w->news_head].write > w->durable) return 0;
    const struct hkp_mesh__news *n = &w->news[w->news_head];
    *out = n->ev;
    memcpy(w->shown, n->id, 32);
    out->data = w->shown;
    out->data_len = 32;
    w->news_head = (w->news_head + 1) % HKP_MESH__NEWS_MAX;
    w->n_news--;
    return 1;
}

/* ---- In force ---- */

static uint32_t event_of(const struct hkp_mesh__object *o) {
    return o->kind == HKP_DSM_KIND_POLICY ? HKP_MESH_EVENT_POLICY : HKP_MESH_EVENT_ORDER;
}

static int in_force(const struct hkp_mesh_node *node, const struct hkp_mesh__object *o) {
    const hkp_dsm_control *c = node->work->control;
    const uint64_t t = now_s(node);
    uint8_t id[32] = {0};
    hkp_status st = HKP_E_NOTFOUND;
    if (o->kind == HKP_DSM_KIND_POLICY) st = hkp_dsm_control_policy_of(c, o->scope, o->name, t, id);
    if (o->kind == HKP_DSM_KIND_ORDER && o->scope == HKP_DSM_ORDER_WORKLOAD) return t < o->until_s;
    if (o->kind == HKP_DSM_KIND_ORDER) st = hkp_dsm_control_order_of(c, o->scope, t, id);
    return st == HKP_OK && memcmp(id, o->id, 32) == 0;
}

static int is_rule(const struct hkp_mesh__object *o) {
    return o->kind == HKP_DSM_KIND_POLICY || o->kind == HKP_DSM_KIND_ORDER;
}

/* What ended: by its time, or because officers or its operator set something else. */
static void sweep(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    const uint64_t t = now_s(node);
    for (uint32_t i = w->n_objects; i > 0; i--) {
        struct hkp_mesh__object *o = &w->object[i - 1];
        const int over = t >= o->until_s;
        if (is_rule(o)) {
            if (in_force(node, o)) continue;
            if (o->told) news(node, event_of(o), o, over ? HKP_E_DSM_EXPIRED : HKP_E_DSM_ORDER, 0);
            o->told = 0;
            if (!o->to_block) drop(node, i - 1);
        } else if ((over && !o->running) || (o->foreign && !o->to_block))
            drop(node, i - 1);
    }
}

/* The rules that a new one takes the place of are gone without a word: the new one is told. */
static void replace(struct hkp_mesh_node *node, const struct hkp_mesh__object *o) {
    struct hkp_mesh__work *w = node->work;
    for (uint32_t i = w->n_objects; i > 0; i--) {
        const struct hkp_mesh__object *old = &w->object[i - 1];
        if (old->kind == o->kind && old->scope == o->scope && memcmp(old->name, o->name, 16) == 0 &&
            memcmp(old->workload, o->workload, 32) == 0 && memcmp(old->id, o->id, 32) != 0)
            drop(node, i - 1);
    }
}

/* Officers signed two orders of one number: those that are held end (D-CA-9). */
static void forked(struct hkp_mesh_node *node, uint32_t scope, uint64_t number) {
    struct hkp_mesh__work *w = node->work;
    for (uint32_t i = w->n_objects; i > 0; i--) {
        const struct hkp_mesh__object *old = &w->object[i - 1];
        if (old->kind != HKP_DSM_KIND_ORDER || old->scope != scope || old->number != number) continue;
        w->wanted++;
        news(node, HKP_MESH_EVENT_ORDER, old, HKP_E_DSM_FORK, 0);
        drop(node, i - 1);
    }
}

static hkp_status judge(struct hkp_mesh_node *node, const struct hkp_mesh__object *o) {
    hkp_dsm_control *c = node->work->control;
    struct hkp_dsm_officers officers;
    struct hkp_dsm_policy policy;
    struct hkp_dsm_order order;
    if (o->kind == HKP_DSM_KIND_POLICY)
        return hkp_dsm_control_policy(c, o->bytes, o->len, now_s(node), &policy);
    if (o->kind != HKP_DSM_KIND_ORDER) /* judged when it is to start */
        return now_s(node) < o->until_s ? HKP_OK : HKP_E_DSM_EXPIRED;
    hkp_dsm_node_authority(node->dsm, &officers);
    return hkp_dsm_control_order(c, o->bytes, o->len, &officers, now_s(node), &order);
}

/* An object that libdsm verified. */
static hkp_status take(struct hkp_mesh_node *node, const uint8_t *bytes, size_t len, int to_block,
                       int in_block) {
    struct hkp_mesh__work *w = node->work;
    struct hkp_mesh__object o;
    hkp_status st = hkp_mesh__object_read(node, bytes, len, &o);
    if (st != HKP_OK) return st;
    struct hkp_mesh__object *kept = find(w, o.kind, o.id);
    if (kept != NULL) {
        kept->in_block |= (uint8_t)in_block;
        kept->to_block = (uint8_t)((kept->to_block | to_block) && !kept->in_block);
        return HKP_E_DSM_DUPLICATE;
    }
    o.to_block = (uint8_t)to_block;
    o.in_block = (uint8_t)in_block;
    if (o.foreign && !to_block) return HKP_E_DSM_TARGET;
    kept = hkp_mesh__object_keep(node, &o); /* first: what counts must be at hand */
    if (kept == NULL) return HKP_E_LIMIT;
    st = judge(node, kept);
    if (st == HKP_E_DSM_FORK) {
        forked(node, o.scope, o.number); /* and this one */
        return st;
    }
    if (st != HKP_OK) {
        drop(node, (uint32_t)(kept - w->object));
        return st;
    }
    if (!is_rule(kept)) return HKP_OK;
    kept->told = (uint8_t)in_force(node, kept);
    news(node, event_of(kept), kept,
         kept->told || o.scope == HKP_DSM_ORDER_RESET ? HKP_OK : HKP_E_DSM_EXPIRED, 0);
    replace(node, &o);
    sweep(node); /* a reset ends others */
    return HKP_OK;
}

/* ---- Ways in ---- */

void hkp_mesh__work_heard(struct hkp_mesh_node *node, const uint8_t *object, size_t len) {
    hkp_mesh__drop(take(node, object, len, 0, 0));
}

hkp_status hkp_mesh__work_submitted(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *object,
                                    size_t len) {
    if (kind != HKP_DSM_KIND_POLICY && kind != HKP_DSM_KIND_ORDER && kind != HKP_DSM_KIND_WORKLOAD &&
        kind != HKP_DSM_KIND_ASSIGN)
        return HKP_OK;
    return take(node, object, len, 1, 0);
}

hkp_status hkp_mesh__work_again(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *object,
                                size_t len) {
    uint8_t id[32];
    if ((kind != HKP_DSM_KIND_POLICY && kind != HKP_DSM_KIND_ORDER) ||
        hkp_dsm_node_check(node->dsm, object, len, &kind, id) != HKP_OK)
        return HKP_E_DSM_DUPLICATE;
    const hkp_status st = take(node, object, len, 1, 0);
    return st == HKP_OK || st == HKP_E_LIMIT ? st : HKP_E_DSM_DUPLICATE;
}

/* `[object]` or `[object, certificate of its signer]` (decision 0575). */
void hkp_mesh__work_block(struct hkp_mesh_node *node, const uint8_t *content, size_t len) {
    struct hkp_dsm_cbor_reader r;
    uint8_t id[32];
    uint32_t kind = 0;
    size_t object_len = 0, certificate_len = 0;
    if (hkp_dsm_cbor_read(&r, content, len) != HKP_OK) return;
    const size_t n = hkp_dsm_cbor_array(&r, 1, 2);
    const uint8_t *object = hkp_dsm_cbor_skip(&r, &object_len), *certificate = NULL;
    if (n == 2) certificate = hkp_dsm_cbor_skip(&r, &certificate_len);
    if (r.status != HKP_OK || r.next != r.end) return;
    hkp_status st = hkp_dsm_node_check(node->dsm, object, object_len, &kind, id);
    if (st == HKP_E_DSM_SIGNER && certificate != NULL) {
        hkp_mesh__drop(
            hkp_dsm_node_add_certificate(node->dsm, node->now, node->wall_us, certificate, certificate_len));
        st = hkp_dsm_node_check(node->dsm, object, object_len, &kind, id);
    }
    if (st == HKP_OK) hkp_mesh__drop(take(node, object, object_len, 0, 1));
}

/* ---- Ways out ---- */

static size_t content_of(struct hkp_mesh_node *node, const struct hkp_mesh__object *o, int with_certificate) {
    struct hkp_mesh__work *w = node->work;
    struct hkp_dsm_view c = {NULL, 0};
    if (with_certificate && hkp_dsm_node_certificate(node->dsm, o->signer, &c) != HKP_OK) c.len = 0;
    if (1 + o->len + c.len > sizeof w->content) return 0;
    w->content[0] = c.len > 0 ? 0x82 : 0x81;
    memcpy(w->content + 1, o->bytes, o->len);
    if (c.len > 0) memcpy(w->content + 1 + o->len, c.ptr, c.len);
    return 1 + o->len + c.len;
}

/* One block a second at most; an object that fits into none reaches only who is here. */
static void bring(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    uint64_t seq = 0;
    uint32_t i = 0;
    while (i < w->n_objects && !w->object[i].to_block) i++;
    if (i == w->n_objects) return;
    struct hkp_mesh__object *o = &w->object[i];
    size_t len = content_of(node, o, o->kind != HKP_DSM_KIND_ORDER);
    if (len == 0) len = content_of(node, o, 0);
    const hkp_status st =
        len == 0 ? HKP_E_TOOBIG
                 : hkp_mesh__submit(node, is_rule(o) ? HKP_DSM_EVENT_POLICY : HKP_DSM_EVENT_WORKLOAD,
                                    w->content, len, &seq);
    if (st == HKP_E_MESH_LIMIT || st == HKP_E_MESH_STATE) return; /* again in a second */
    o->to_block = 0;
    o->in_block = st == HKP_OK;
    w->wanted++;
}

static int is_ready(struct hkp_mesh_node *node, const struct hkp_mesh__object *a) {
    struct hkp_mesh__work *w = node->work;
    const struct hkp_mesh__object *l = find(w, HKP_DSM_KIND_WORKLOAD, a->workload);
    const uint64_t t = now_s(node);
    if (l == NULL || t < a->from_s || t < l->from_s || t >= a->until_s || t >= l->until_s) return 0;
    for (uint32_t i = 0; i < w->n_objects; i++)
        if (w->object[i].kind == HKP_DSM_KIND_ORDER && w->object[i].scope == HKP_DSM_ORDER_WORKLOAD &&
            memcmp(w->object[i].workload, a->workload, 32) == 0 && in_force(node, &w->object[i]))
            return 1;
    return 0;
}

static void offer(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    for (uint32_t i = 0; i < w->n_objects; i++) {
        struct hkp_mesh__object *a = &w->object[i];
        if (a->kind != HKP_DSM_KIND_ASSIGN || a->foreign || a->running) continue;
        const int ready = is_ready(node, a);
        if (ready && !a->told) news(node, HKP_MESH_EVENT_ASSIGNED, a, HKP_OK, 0);
        a->told = (uint8_t)ready;
    }
}

static void stop(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    struct hkp_mesh__object gone = {0};
    hkp_status why = HKP_OK;
    while (hkp_dsm_control_check(w->control, node->now, now_s(node), gone.id, &why) == HKP_OK) {
        const struct hkp_mesh__object *a = find(w, HKP_DSM_KIND_ASSIGN, gone.id);
        news(node, HKP_MESH_EVENT_WORKLOAD_STOP, a != NULL ? a : &gone, why, 1);
        if (a != NULL) drop(node, (uint32_t)(a - w->object));
    }
}

void hkp_mesh__work_tick(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    if (hkp_dsm_control_wake(w->control) <= node->now) stop(node);
    if (node->now < w->second_at) return;
    w->second_at = node->now + HKP_MESH__SECOND;
    sweep(node);
    offer(node);
    bring(node);
}

hkp_time hkp_mesh__work_wake(const struct hkp_mesh_node *node) {
    const struct hkp_mesh__work *w = node->work;
    hkp_time due = hkp_dsm_control_wake(w->control);
    if (w->ticket == 0 && w->wanted != w->durable && w->write_at < due) due = w->write_at;
    return due < w->second_at ? due : w->second_at;
}

/* ---- For the host ---- */

hkp_status hkp_mesh_work_at(hkp_mesh_node *node, uint32_t index, struct hkp_mesh_work *out) {
    const struct hkp_mesh__work *w = node->work;
    if (out->struct_size < sizeof *out) return HKP_E_INVAL;
    if (index >= w->n_objects) return HKP_E_NOTFOUND;
    const struct hkp_mesh__object *o = &w->object[index];
    const int ready = is_rule(o) ? in_force(node, o) : o->kind == HKP_DSM_KIND_ASSIGN && is_ready(node, o);
    *out = (struct hkp_mesh_work){.struct_size = out->struct_size,
                                  .kind = o->kind,
                                  .scope = o->scope,
                                  .number = o->number,
                                  .until_s = o->until_s,
                                  .object = o->bytes,
                                  .object_len = o->len,
                                  .bytes = o->bytes + o->says_at,
                                  .bytes_len = o->says_len};
    out->state = o->running ? HKP_MESH_WORK_RUNNING : ready ? HKP_MESH_WORK_IN_FORCE : HKP_MESH_WORK_HELD;
    memcpy(out->id, o->id, 32);
    memcpy(out->signer, o->signer, 16);
    memcpy(out->name, o->name, 16);
    memcpy(out->workload, o->workload, 32);
    return HKP_OK;
}

hkp_status hkp_mesh_workload_start(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t run[32],
                                   const uint8_t image[32], struct hkp_dsm_start *start) {
    struct hkp_mesh__work *w = node->work;
    if (now > node->now) node->now = now;
    if (node->life != 1 || !node->started) return HKP_E_STATE;
    node->wall_us = wall_us;
    struct hkp_mesh__object *a = find(w, HKP_DSM_KIND_ASSIGN, run);
    const struct hkp_mesh__object *l = a != NULL ? find(w, HKP_DSM_KIND_WORKLOAD, a->workload) : NULL;
    if (l == NULL || a->foreign) return HKP_E_NOTFOUND;
    const struct hkp_dsm_view workload = {l->bytes, l->len}, assign = {a->bytes, a->len};
    const hkp_status st =
        hkp_dsm_control_start(w->control, node->now, now_s(node), &workload, &assign, image, start);
    if (st == HKP_E_DSM_DUPLICATE && !a->running)
        drop(node, (uint32_t)(a - w->object)); /* of an earlier run */
    if (st != HKP_OK) return st;
    a->running = 1;
    w->wanted++;
    news(node, HKP_MESH_EVENT_WORKLOAD_START, a, HKP_OK, 0);
    return HKP_OK;
}

hkp_status hkp_mesh_workload_ended(hkp_mesh_node *node, hkp_time now, const uint8_t run[32]) {
    struct hkp_mesh__work *w = node->work;
    if (now > node->now) node->now = now;
    const hkp_status st = hkp_dsm_control_ended(w->control, run);
    const struct hkp_mesh__object *a = find(w, HKP_DSM_KIND_ASSIGN, run);
    if (st == HKP_OK && a != NULL) drop(node, (uint32_t)(a - w->object));
    return st;
}
