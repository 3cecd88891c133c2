/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "sim.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/message/message.h"
#include "libter/bytes.h"

static void must(int ok, const char *what) {
    if (ok) return;
    printf("Bail out! simulator: %s\n", what);
    exit(1);
}

static void *grow(void *old, size_t *cap, size_t count, size_t size) {
    if (count < *cap) return old;
    *cap = *cap == 0 ? 64 : *cap * 2;
    void *fresh = realloc(old, *cap * size);
    must(fresh != NULL, "no memory");
    return fresh;
}

static uint8_t *copy(const uint8_t *data, size_t len) {
    uint8_t *p = malloc(len > 0 ? len : 1);
    must(p != NULL, "no memory");
    if (len > 0) memcpy(p, data, len);
    return p;
}

uint64_t sim_random(struct sim *s, uint64_t below) {
    uint64_t z = (s->random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31)) % below;
}

void sim_fault(struct sim *s, const char *what) {
    if (s->faults++ < 5) printf("# simulator at %" PRIu64 " ms: %s\n", (uint64_t)(s->now / SIM_MS), what);
}

static void trace(struct sim *s, const void *data, size_t len) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) s->trace = (s->trace ^ p[i]) * 0x100000001B3U;
}

/* ---- identities ---- */

static int by_node_id(const void *a, const void *b) {
    return memcmp(((const struct hkp_dsm_seat *)a)->node_id, ((const struct hkp_dsm_seat *)b)->node_id, 16);
}

static void keys(const char *label, uint32_t i, uint8_t secret[64], uint8_t key[32]) {
    char text[64];
    uint8_t seed[32];
    snprintf(text, sizeof text, "%s %u", label, i);
    crypto_hash_sha256(seed, (const uint8_t *)text, strlen(text));
    crypto_sign_seed_keypair(key, secret, seed);
}

static void certify(struct sim_mesh *m, uint32_t i, uint32_t roles, const uint8_t chain_id[32],
                    const uint8_t key[32]) {
    struct hkp_dsm_certificate c = {.roles = roles,
                                    .tier = HKP_DSM_TIER_FORTRESS,
                                    .group = 1 + i,
                                    .policy = 1,
                                    .not_before_s = m->time_s - 10,
                                    .not_after_s = m->time_s + 86400 * 30,
                                    .serial = 1};
    memcpy(c.key, key, 32);
    c.neuro_gen = (roles & HKP_DSM_ROLE_NEURO) != 0;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64];
    struct hkp_dsm_multi multi = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    multi.body.ptr = body;
    must(hkp_dsm_certificate_build(&c, body, sizeof body, &multi.body.len) == HKP_OK, "certificate");
    must(hkp_dsm_multi_sign(signature, chain_id, HKP_DSM_KIND_CERTIFICATE, 1, m->officer, body,
                            multi.body.len, NULL, 0) == HKP_OK,
         "sign");
    multi.signature[0] = signature;
    must(hkp_dsm_multi_build(&multi, m->certificate[i], sizeof m->certificate[i], &m->certificate_len[i]) ==
             HKP_OK,
         "multi");
}

void sim_mesh_make(struct sim_mesh *m, uint32_t n, uint32_t roles) {
    must(sodium_init() >= 0, "sodium");
    memset(m, 0, sizeof *m);
    m->n = n;
    m->time_s = 1800000000;
    uint8_t key[SIM_NODES][32], officer_key[32], ca_body[HKP_DSM_CA_SET_BODY_MAX],
        set_body[HKP_DSM_VALSET_MAX];
    keys("officer", 0, m->officer, officer_key);
    struct hkp_dsm_ca_set ca = {.version = 1, .threshold = 1, .n_keys = 1};
    memcpy(ca.keys[0], officer_key, 32);
    struct hkp_dsm_seat seats[SIM_NODES];
    for (uint32_t i = 0; i < n; i++) {
        keys("node", i, m->secret[i], key[i]);
        hkp_dsm_node_id(m->node_id[i], key[i], NULL);
        seats[i].group = 1 + i;
        memcpy(seats[i].node_id, m->node_id[i], 16);
        memcpy(seats[i].key, key[i], 32);
    }
    qsort(seats, n, sizeof *seats, by_node_id);
    struct hkp_dsm_view ca_view = {.ptr = ca_body}, set_view = {.ptr = set_body};
    must(hkp_dsm_ca_set_build(&ca, ca_body, sizeof ca_body, &ca_view.len) == HKP_OK, "ca set");
    must(hkp_dsm_valset_build(seats, n, 0, set_body, sizeof set_body, &set_view.len) == HKP_OK, "valset");
    must(hkp_dsm_genesis_build("sim/single", 10, &ca_view, &set_view, m->time_s, m->genesis,
                               sizeof m->genesis, &m->genesis_len) == HKP_OK,
         "genesis");
    struct hkp_dsm_genesis g;
    must(hkp_dsm_genesis_parse(m->genesis, m->genesis_len, &g) == HKP_OK, "genesis again");
    for (uint32_t i = 0; i < n; i++) certify(m, i, roles, g.chain_id, key[i]);
}

/* ---- disks ---- */

static int row_compare(const struct sim_row *r, uint32_t row, const uint8_t *key, size_t len) {
    if (r->row != row) return r->row < row ? -1 : 1;
    int c = memcmp(r->key, key, r->key_len < len ? r->key_len : len);
    return c != 0 ? c : r->key_len < len ? -1 : r->key_len > len;
}

/* First row that is not below. */
static size_t row_find(const struct sim_disk *d, uint32_t row, const uint8_t *key, size_t len) {
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (row_compare(&d->rows[mid], row, key, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void disk_apply(struct sim_disk *d, struct sim_write *w) {
    if (w->kind == HKP_DSM_EV_STORE_WAL) {
        d->wal = grow(d->wal, &d->wal_cap, d->wal_count, 64);
        memcpy(d->wal[d->wal_count++], w->row.data, 64);
        free(w->row.data);
        return;
    }
    size_t at = row_find(d, w->row.row, w->row.key, w->row.key_len);
    if (w->kind == HKP_DSM_EV_STORE_DROP) {
        size_t end = row_find(d, w->row.row, w->to, w->to_len);
        for (size_t i = at; i < end; i++) free(d->rows[i].data);
        if (end > at) {
            memmove(d->rows + at, d->rows + end, (d->count - end) * sizeof *d->rows);
            d->count -= end - at;
        }
        return;
    }
    if (at < d->count && row_compare(&d->rows[at], w->row.row, w->row.key, w->row.key_len) == 0) {
        free(d->rows[at].data);
        d->rows[at] = w->row;
        return;
    }
    d->rows = grow(d->rows, &d->cap, d->count, sizeof *d->rows);
    memmove(d->rows + at + 1, d->rows + at, (d->count - at) * sizeof *d->rows);
    d->rows[at] = w->row;
    d->count++;
}

static void disk_queue(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_disk *d = &s->nodes[i].disk;
    d->pending = grow(d->pending, &d->pending_cap, d->n_pending, sizeof *d->pending);
    struct sim_write *w = &d->pending[d->n_pending++];
    memset(w, 0, sizeof *w);
    w->kind = ev->kind;
    w->ticket = ev->ticket;
    w->row.row = ev->row;
    w->row.key_len = ev->key_len;
    if (ev->key_len > 0) memcpy(w->row.key, ev->key, ev->key_len);
    w->to_len = ev->key_to_len;
    if (ev->key_to_len > 0) memcpy(w->to, ev->key_to, ev->key_to_len);
    if (ev->kind != HKP_DSM_EV_STORE_DROP) {
        w->row.data = copy(ev->data, ev->data_len);
        w->row.len = ev->data_len;
    }
}

static void disk_commit(struct sim *s, uint32_t i) {
    struct sim_disk *d = &s->nodes[i].disk;
    uint64_t ticket = 0;
    for (size_t k = 0; k < d->committing; k++) {
        ticket = d->pending[k].ticket;
        disk_apply(d, &d->pending[k]);
    }
    memmove(d->pending, d->pending + d->committing, (d->n_pending - d->committing) * sizeof *d->pending);
    d->n_pending -= d->committing;
    d->committing = 0;
    d->commit_at = 0;
    if (ticket > 0 && hkp_dsm_stored(s->nodes[i].node, s->now, ticket, HKP_OK) != HKP_OK)
        sim_fault(s, "stored refused");
}

/* Power cut: of what was not durable any prefix may have reached the disk. */
static void disk_cut(struct sim *s, uint32_t i) {
    struct sim_disk *d = &s->nodes[i].disk;
    size_t keep = d->n_pending > 0 ? (size_t)sim_random(s, d->n_pending + 1) : 0;
    for (size_t k = 0; k < d->n_pending; k++) {
        if (k < keep)
            disk_apply(d, &d->pending[k]);
        else
            free(d->pending[k].row.data);
    }
    d->n_pending = d->committing = 0;
    d->commit_at = 0;
}

void sim_copy_disk(struct sim *s, uint32_t from, uint32_t to) {
    const struct sim_disk *a = &s->nodes[from].disk;
    struct sim_disk *b = &s->nodes[to].disk;
    for (size_t i = 0; i < a->count; i++) {
        b->rows = grow(b->rows, &b->cap, b->count, sizeof *b->rows);
        b->rows[b->count] = a->rows[i];
        b->rows[b->count++].data = copy(a->rows[i].data, a->rows[i].len);
    }
    for (size_t i = 0; i < a->wal_count; i++) {
        b->wal = grow(b->wal, &b->wal_cap, b->wal_count, 64);
        memcpy(b->wal[b->wal_count++], a->wal[i], 64);
    }
}

static void disk_read(struct sim *s, uint32_t i, const struct hkp_dsm_event *given) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_event ev = *given;
    uint8_t key[48], to[48];
    if (ev.key_len > 0) memcpy(key, ev.key, ev.key_len);
    if (ev.key_to_len > 0) memcpy(to, ev.key_to, ev.key_to_len);
    hkp_status st = HKP_OK;
    if (ev.row == HKP_DSM_ROW_WAL) {
        for (size_t k = 0; st == HKP_OK && k < me->disk.wal_count; k++) {
            hkp_put_be64(key, k);
            st = hkp_dsm_read(me->node, s->now, ev.ticket, key, 8, me->disk.wal[k], 64);
        }
    } else {
        size_t at = row_find(&me->disk, ev.row, key, ev.key_len);
        for (uint32_t n = 0; st == HKP_OK && at < me->disk.count; at++, n++) {
            const struct sim_row *r = &me->disk.rows[at];
            if (r->row != ev.row) break;
            if (ev.kind == HKP_DSM_EV_STORE_GET
                    ? row_compare(r, ev.row, key, ev.key_len) != 0
                    : row_compare(r, ev.row, to, ev.key_to_len) > 0 || n >= ev.count)
                break;
            st = hkp_dsm_read(me->node, s->now, ev.ticket, r->key, r->key_len, r->data, r->len);
        }
    }
    if (st == HKP_OK) st = hkp_dsm_read_end(me->node, s->now, ev.ticket, HKP_OK);
    (void)st;
}

/* ---- watching promises ---- */

static struct sim_promise *promise_slot(struct sim *s, uint32_t who, uint32_t kind, uint64_t epoch,
                                        uint64_t view) {
    uint64_t at = (view * 31 + epoch * 1009 + who * 131071 + kind) % SIM_PROMISES;
    for (;; at = (at + 1) % SIM_PROMISES) {
        struct sim_promise *p = &s->promises[at];
        if (!p->used || (p->who == who && p->kind == kind && p->epoch == epoch && p->view == view)) return p;
    }
}

static void watch_promise(struct sim *s, uint32_t i, uint32_t kind, uint64_t epoch, uint64_t view,
                          const uint8_t digest[32]) {
    const struct sim_node *me = &s->nodes[i];
    struct sim_promise *p = promise_slot(s, me->who, kind, epoch, view);
    if (p->used && memcmp(p->digest, digest, 32) != 0) sim_fault(s, "an honest member promised twice");
    *p = (struct sim_promise){.epoch = epoch, .view = view, .who = me->who, .kind = kind, .used = 1};
    memcpy(p->digest, digest, 32);
    if (kind == HKP_DSM_KIND_FINAL && promise_slot(s, me->who, HKP_DSM_KIND_NULL, epoch, view)->used)
        sim_fault(s, "FINAL after NULL");
    if (kind == HKP_DSM_KIND_NULL && promise_slot(s, me->who, HKP_DSM_KIND_FINAL, epoch, view)->used)
        sim_fault(s, "NULL after FINAL");
    struct hkp_dsm__wal_record want = {.kind = kind, .epoch = epoch, .view = view};
    memcpy(want.digest, digest, 32);
    uint8_t record[64];
    hkp_dsm__wal_encode(&want, record);
    for (size_t k = me->disk.wal_count; k-- > 0;)
        if (memcmp(me->disk.wal[k], record, 64) == 0) return;
    sim_fault(s, "a promise was sent that is not durable in the WAL");
}

static void watch(struct sim *s, uint32_t i, uint32_t lane, const uint8_t *msg, size_t len) {
    struct hkp_dsm__message m;
    struct hkp_dsm_envelope env;
    hkp_status st = hkp_dsm__message_parse(lane, msg, len, &m);
    if (st != HKP_OK) {
        sim_fault(s, hkp_dsm_status_name(st));
        return;
    }
    if (m.op != HKP_DSM__OP_MSG_VOTE && m.op != HKP_DSM__OP_MSG_PROPOSE) return;
    if (hkp_dsm_envelope_parse(m.envelope.ptr, m.envelope.len, 0x3CU, &env) != HKP_OK) return;
    struct hkp_dsm_genesis g;
    if (env.kind == HKP_DSM_KIND_PROPOSE) {
        struct hkp_dsm__header h;
        if (hkp_dsm_genesis_parse(s->mesh.genesis, s->mesh.genesis_len, &g) == HKP_OK &&
            hkp_dsm__header_parse(g.chain_id, env.body.ptr, env.body.len, &h) == HKP_OK)
            watch_promise(s, i, HKP_DSM_KIND_PROPOSE, h.epoch, h.view, h.digest);
        return;
    }
    struct hkp_dsm__vote v;
    if (hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v) == HKP_OK)
        watch_promise(s, i, v.kind, v.epoch, v.view, v.digest);
}

/* ---- a node's turn ---- */

static void fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_node *me = &s->nodes[i];
    trace(s, &ev->kind, sizeof ev->kind);
    switch (ev->kind) {
    case HKP_DSM_EV_STARTED:
        me->started++;
        break;
    case HKP_DSM_EV_DAMAGED:
        me->damaged = 1;
        printf("# node %u damaged: %s row %u\n", i, hkp_dsm_status_name(ev->status), ev->row);
        sim_fault(s, "damaged");
        break;
    case HKP_DSM_EV_OBSERVER:
        me->observer++;
        break;
    case HKP_DSM_EV_BLOCK:
        me->blocks++;
        break;
    case HKP_DSM_EV_BLOCK_FINAL:
        me->blocks_final++;
        break;
    case HKP_DSM_EV_EVIDENCE:
        me->evidence++;
        break;
    case HKP_DSM_EV_AUTHOR_FORKED:
        me->forked++;
        break;
    case HKP_DSM_EV_AUTHOR_FROZEN:
        me->frozen++;
        break;
    case HKP_DSM_EV_EPOCH:
        me->epochs++;
        break;
    case HKP_DSM_EV_CHECKPOINT:
        me->finals++;
        if (ev->height != me->height + 1 && me->height != 0)
            sim_fault(s, "heights are not reported in order");
        me->height = ev->height;
        if (ev->height >= SIM_HEIGHTS) break;
        if (s->known[ev->height] && memcmp(s->chain[ev->height], ev->id, 32) != 0)
            sim_fault(s, "two final checkpoints of one height");
        s->known[ev->height] = 1;
        memcpy(s->chain[ev->height], ev->id, 32);
        break;
    case HKP_DSM_EV_PROOF:
        me->proofs++;
        me->proof_status = ev->status;
        me->proof_len = 0;
        if (me->proof == NULL) me->proof = malloc(SIM_PROOF);
        must(me->proof != NULL, "no memory");
        if (ev->status == HKP_OK && ev->data_len <= SIM_PROOF) {
            memcpy(me->proof, ev->data, ev->data_len);
            me->proof_len = ev->data_len;
        }
        break;
    default:
        break;
    }
}

static void net_send(struct sim *s, uint32_t from, uint32_t to, uint32_t lane, const uint8_t *msg,
                     size_t len) {
    uint32_t copies = sim_random(s, 1000) < s->loss ? 0 : sim_random(s, 1000) < s->twice ? 2 : 1;
    if (!s->links[from][to]) copies = 0;
    for (uint32_t c = 0; c < copies; c++) {
        s->net = grow(s->net, &s->net_cap, s->n_net, sizeof *s->net);
        struct sim_message m = {
            .order = s->order++, .from = from, .to = to, .lane = lane, .data = copy(msg, len), .len = len};
        m.due = s->now + s->delay_min + sim_random(s, s->delay_max - s->delay_min + 1);
        size_t at = s->n_net++;
        for (; at > 0; at = (at - 1) / 2) { /* heap, earliest first */
            const struct sim_message *up = &s->net[(at - 1) / 2];
            if (up->due < m.due || (up->due == m.due && up->order < m.order)) break;
            s->net[at] = *up;
        }
        s->net[at] = m;
    }
}

static struct sim_message net_take(struct sim *s) {
    struct sim_message first = s->net[0], last = s->net[--s->n_net];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < s->n_net; at = child) {
        if (child + 1 < s->n_net &&
            (s->net[child + 1].due < s->net[child].due ||
             (s->net[child + 1].due == s->net[child].due && s->net[child + 1].order < s->net[child].order)))
            child++;
        if (last.due < s->net[child].due ||
            (last.due == s->net[child].due && last.order < s->net[child].order))
            break;
        s->net[at] = s->net[child];
    }
    s->net[at] = last;
    return first;
}

void sim_pump(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_event ev;
    while (me->up && hkp_dsm_event(me->node, &ev) == HKP_OK) {
        switch (ev.kind) {
        case HKP_DSM_EV_STORE_GET:
        case HKP_DSM_EV_STORE_SCAN:
            disk_read(s, i, &ev);
            break;
        case HKP_DSM_EV_STORE_WAL:
        case HKP_DSM_EV_STORE_PUT:
        case HKP_DSM_EV_STORE_DROP:
            disk_queue(s, i, &ev);
            if (s->crash_at_write != 0 && s->crash_node == i && ++s->writes == s->crash_at_write) {
                sim_crash(s, i);
                return;
            }
            break;
        default:
            fact(s, i, &ev);
            break;
        }
    }
    if (!me->up) return;
    if (me->disk.commit_at == 0 && me->disk.n_pending > 0) {
        me->disk.committing = me->disk.n_pending;
        me->disk.commit_at = s->now + s->disk_min + sim_random(s, s->disk_max - s->disk_min + 1);
    }
    uint8_t peer[16];
    uint32_t lane;
    const uint8_t *msg;
    size_t len;
    while (hkp_dsm_send(me->node, peer, &lane, &msg, &len) == HKP_OK) {
        trace(s, msg, len);
        if (me->honest) watch(s, i, lane, msg, len);
        for (uint32_t to = 0; to < s->count; to++)
            if (to != i && memcmp(s->mesh.node_id[s->nodes[to].who], peer, 16) == 0 && !me->silent)
                net_send(s, i, to, lane, msg, len);
    }
    me->wake = hkp_dsm_wake(me->node);
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    struct sim *s = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)sim_random(s, 256);
    return 0;
}

static uint64_t wall_us(const struct sim *s, uint32_t i) {
    return (uint64_t)((int64_t)(s->mesh.time_s * 1000000 + s->now / 1000) + s->nodes[i].clock_us);
}

void sim_start(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = s, .fill = fill};
    o.genesis = s->mesh.genesis;
    o.genesis_len = s->mesh.genesis_len;
    o.certificate = s->mesh.certificate[me->who];
    o.certificate_len = s->mesh.certificate_len[me->who];
    o.secret = s->mesh.secret[me->who];
    o.t_cp_ns = s->t_cp;
    o.delay_ns = s->delay;
    o.keep_blocks_s = s->keep_blocks_s;
    o.keep_headers_s = s->keep_headers_s;
    o.pool_bytes = (size_t)16 << 20;
    o.heads_max = s->count < 64 ? 64 : SIM_NODES;
    o.peers_max = s->count < 8 ? 8 : SIM_NODES;
    if (me->disk.wal_count == 0) {
        struct hkp_dsm__wal_record first = {.kind = 0};
        me->disk.wal = grow(me->disk.wal, &me->disk.wal_cap, 0, 64);
        hkp_dsm__wal_encode(&first, me->disk.wal[me->disk.wal_count++]);
    }
    hkp_status st = hkp_dsm_node_new(&me->node, &o, s->now);
    must(st == HKP_OK, hkp_dsm_status_name(st));
    me->up = 1;
    me->height = 0;
    hkp_dsm_clock_state(me->node, 1);
    must(hkp_dsm_node_start(me->node, s->now, wall_us(s, i)) == HKP_OK, "start");
    sim_pump(s, i);
    if (me->damaged) return;
    for (uint32_t k = 0; k < s->mesh.n; k++) {
        st = hkp_dsm_node_add_certificate(me->node, s->now, wall_us(s, i), s->mesh.certificate[k],
                                          s->mesh.certificate_len[k]);
        must(st == HKP_OK, "add certificate");
    }
    for (uint32_t k = 0; k < s->count; k++) {
        if (k == i || !s->nodes[k].up || !s->links[i][k]) continue;
        st = hkp_dsm_peer_up(me->node, s->now, s->mesh.node_id[s->nodes[k].who], HKP_DSM_LANES_ALL);
        st = hkp_dsm_peer_up(s->nodes[k].node, s->now, s->mesh.node_id[me->who], HKP_DSM_LANES_ALL);
        (void)st;
        sim_pump(s, k);
    }
    sim_pump(s, i);
}

void sim_crash(struct sim *s, uint32_t i) {
    struct sim_node *me = &s->nodes[i];
    if (!me->up) return;
    me->up = 0;
    hkp_dsm_node_free(me->node);
    me->node = NULL;
    disk_cut(s, i);
    for (uint32_t k = 0; k < s->count; k++) {
        if (k == i || !s->nodes[k].up) continue;
        hkp_status st = hkp_dsm_peer_down(s->nodes[k].node, s->now, s->mesh.node_id[me->who]);
        (void)st;
        s->nodes[k].wake = hkp_dsm_wake(s->nodes[k].node);
    }
}

static void deliver(struct sim *s) {
    struct sim_message m = net_take(s);
    struct sim_node *to = &s->nodes[m.to];
    if (to->up && s->links[m.from][m.to]) {
        hkp_status st = hkp_dsm_recv(to->node, s->now, wall_us(s, m.to),
                                     s->mesh.node_id[s->nodes[m.from].who], m.lane, m.data, m.len);
        trace(s, &st, sizeof st);
        sim_pump(s, m.to);
    }
    free(m.data);
}

void sim_run(struct sim *s, hkp_time span) {
    hkp_time end = s->now + span;
    for (uint32_t i = 0; i < s->count; i++) /* a test may have called it */
        if (s->nodes[i].up) s->nodes[i].wake = hkp_dsm_wake(s->nodes[i].node);
    for (;;) {
        hkp_time next = s->n_net > 0 ? s->net[0].due : HKP_TIME_NEVER;
        uint32_t what = 0, who = 0;
        for (uint32_t i = 0; i < s->count; i++) {
            if (!s->nodes[i].up) continue;
            hkp_time wake = s->nodes[i].wake, commit = s->nodes[i].disk.commit_at;
            if (wake < s->nodes[i].ticked + SIM_MS) wake = s->nodes[i].ticked + SIM_MS;
            if (wake < next) next = wake, what = 1, who = i;
            if (commit != 0 && commit < next) next = commit, what = 2, who = i;
        }
        if (next > end) break;
        if (next > s->now) s->now = next;
        s->steps++;
        if (what == 0) {
            deliver(s);
        } else if (what == 1) {
            s->nodes[who].ticked = s->now;
            hkp_status st = hkp_dsm_tick(s->nodes[who].node, s->now, wall_us(s, who));
            (void)st;
            sim_pump(s, who);
        } else {
            disk_commit(s, who);
            sim_pump(s, who);
        }
    }
    s->now = end;
}

uint64_t sim_submit(struct sim *s, uint32_t i, const char *text) {
    uint64_t seq = 0;
    if (!s->nodes[i].up) return 0;
    hkp_status st = hkp_dsm_submit(s->nodes[i].node, s->now, wall_us(s, i), HKP_DSM_EVENT_THREAT_REPORT,
                                   (const uint8_t *)text, strlen(text), NULL, &seq);
    sim_pump(s, i);
    return st == HKP_OK ? seq : 0;
}

struct hkp_dsm_node_status sim_status(struct sim *s, uint32_t i) {
    struct hkp_dsm_node_status st = {.struct_size = sizeof st};
    must(s->nodes[i].up && hkp_dsm_node_status(s->nodes[i].node, &st) == HKP_OK, "status");
    return st;
}

void sim_new(struct sim *s, uint64_t seed, uint32_t n, uint32_t extra) {
    memset(s, 0, sizeof *s);
    s->random = seed;
    s->trace = 0xCBF29CE484222325U;
    s->now = SIM_S;
    s->count = n + extra;
    s->delay_min = SIM_MS;
    s->delay_max = 5 * SIM_MS;
    s->disk_min = SIM_MS / 2;
    s->disk_max = 3 * SIM_MS;
    s->t_cp = 100 * SIM_MS;
    s->delay = 50 * SIM_MS;
    s->promises = calloc(SIM_PROMISES, sizeof *s->promises);
    must(s->promises != NULL, "no memory");
    sim_mesh_make(&s->mesh, n, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    memset(s->links, 1, sizeof s->links);
    for (uint32_t i = 0; i < s->count; i++)
        s->nodes[i] = (struct sim_node){.who = i < n ? i : 0, .honest = 1};
}

void sim_free(struct sim *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        struct sim_disk *d = &s->nodes[i].disk;
        hkp_dsm_node_free(s->nodes[i].node);
        for (size_t k = 0; k < d->count; k++) free(d->rows[k].data);
        for (size_t k = 0; k < d->n_pending; k++) free(d->pending[k].row.data);
        free(d->rows);
        free(d->wal);
        free(d->pending);
        free(s->nodes[i].proof);
    }
    for (size_t k = 0; k < s->n_net; k++) free(s->net[k].data);
    free(s->net);
    free(s->promises);
}
