/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A deterministic world for members without sockets: the clock, the network, the TER log and the neural files
 * are virtual, and time jumps to what is due next. So a wakeup that is not reported is never made up for, and
 * a node that always has something due in the past is caught. Only the agreement has a real store.
 */
#ifndef HKP_TESTS_NODE_WORLD_H
#define HKP_TESTS_NODE_WORLD_H

#include "folder.h"
#include "libmesh/node.h"

#include <hookprobe/mesh/renewal.h>
#include <sodium.h>

enum { WORLD_NODES = 4, WORLD_FILES = 32, WORLD_TERS = 4096, WORLD_QUEUE = 4096, WORLD_TCKS = 256 };

#define WORLD_MS 1000000ULL
#define WORLD_S 1000000000ULL

struct world_file {
    char name[HKP_MESH_NAME_MAX];
    uint8_t *bytes;
    size_t len;
};

struct world_node {
    char dir[80];
    uint8_t node_id[16], s[32], a_public[32];
    struct hkp_mesh_node_options opt;
    uint8_t genesis[HKP_DSM_GENESIS_MAX], certificate[1024];
    struct hkp_mesh_peer peers[WORLD_NODES];
    hkp_mesh_node *node;
    hkp_dsm_store *store;
    /** its disk */
    struct world_file files[WORLD_FILES];
    struct hkp_ter_cursor cursor;
    uint8_t ter[WORLD_TERS][64], h[WORLD_TERS + 1][32], h_ref[20];
    /** checkpoints, and the number of TERs before each */
    uint8_t tck[WORLD_TCKS][256];
    uint64_t tck_at[WORLD_TCKS];
    uint32_t n_tcks;
    uint8_t root[32];
    hkp_time ter_due;
    /** facts seen since it was made */
    uint32_t facts[64];
    uint64_t trimmed;
    struct hkp_mesh_event last_state;
    /** what a peer brought for its operator, and how much of that came */
    uint8_t post[1024], post_from[16];
    size_t post_len;
    uint64_t post_kind;
    uint32_t posts;
    /** what was told of its own certificate, by HKP_MESH_RENEWAL_*; the newest bytes beside it */
    uint32_t renewal[5];
    uint8_t renewal_data[HKP_DSM_CERTIFICATE_MAX];
    size_t renewal_len;
    /** of the newest answer to a question for a proof */
    hkp_status proof_status;
    uint64_t proof_height;
    /** it gets no time until then, as on a busy machine */
    hkp_time stalled;
    /** the next start finds the end of its log torn off */
    int torn;
    /** rebases and the index of each */
    uint8_t rebase[8][192];
    uint64_t rebase_at[8];
    uint32_t n_rebases;
    /** records of type GAP, and of BOOT reason 3 */
    uint32_t gaps, boots;
    /** 1: requests to store are taken and never done, as before a crash */
    int frozen;
};

struct world_datagram {
    hkp_time due;
    uint32_t from, to;
    size_t len;
    uint8_t *bytes;
};

static struct world {
    char root[64];
    uint32_t n;
    hkp_time now, delay, jitter, ter_period;
    uint64_t wall0_us;
    struct world_node node[WORLD_NODES];
    struct world_datagram queue[WORLD_QUEUE];
    uint32_t head, count;
    uint64_t sent, seed;
    /** 1: this datagram is lost */
    int (*lost)(uint32_t from, uint32_t to, uint64_t number);
    /** what a host would be told */
    void (*hear)(uint32_t who, const struct hkp_mesh_event *ev);
} world;

static inline uint64_t world_wall(void) { return world.wall0_us + world.now / 1000; }

static inline void world_draw(void *dst, size_t len) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[32] = {0};
    world.seed++;
    memcpy(key, &world.seed, 8);
    crypto_stream_chacha20(dst, len, nonce, key);
}

static inline int32_t world_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    world_draw(dst, len);
    return 0;
}

static inline size_t world_read(const char *dir, const char *name, uint8_t *dst, size_t cap) {
    char path[128];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_EQ(hkp_ter_file_read(path, 0, dst, cap, &len), HKP_OK);
    return len;
}

/* A member takes some 90 MB. What one gives back is kept for the next, dirty: to map and fill it anew was
 * half of the time. */
static struct {
    void *block;
    size_t size;
} world_spare[2 * WORLD_NODES];

static inline void *world_alloc(void *user, size_t size) {
    (void)user;
    for (int i = 0; i < 2 * WORLD_NODES; i++) {
        void *block = world_spare[i].block;
        if (block == NULL || world_spare[i].size != size) continue;
        world_spare[i].block = NULL;
        return block;
    }
    return malloc(size);
}

static inline void world_free(void *user, void *block, size_t size) {
    (void)user;
    for (int i = 0; i < 2 * WORLD_NODES && size >= 1 << 20; i++) {
        if (world_spare[i].block != NULL) continue;
        world_spare[i].block = block;
        world_spare[i].size = size;
        return;
    }
    free(block);
}

static inline void world_options(struct world_node *w) {
    uint8_t keys[128], secret[64];
    struct hkp_mesh_node_options *o = &w->opt;
    struct hkp_neuro_rba rba;
    hkp_mesh_node_options_init(o, sizeof *o);
    o->mem = (struct hkp_mem){.alloc = world_alloc, .free = world_free};
    o->rng.fill = world_fill;
    o->clock_synchronised = 1;
    CHECK_EQ(world_read(w->dir, "keys", keys, sizeof keys), 108);
    memcpy(o->a_seed, keys + 8, 32);
    memcpy(o->s_secret, keys + 40, 32);
    memcpy(o->state_key, keys + 72, 32);
    crypto_sign_seed_keypair(w->a_public, secret, o->a_seed);
    CHECK_EQ(world_read(w->dir, "policy.pub", o->policy_key, 32), 32);
    CHECK_EQ(world_read(w->dir, "rebase", o->rebase, 192), 192);
    CHECK_EQ(hkp_neuro_rba_check(&rba, o->rebase, 192, w->node_id, o->policy_key, 1), HKP_OK);
    memcpy(w->root, rba.root, 32);
    hkp_ter_ripemd160(rba.root, 32, w->h_ref);
    o->genesis = w->genesis;
    o->genesis_len = world_read(w->dir, "genesis", w->genesis, sizeof w->genesis);
    o->certificate = w->certificate;
    o->certificate_len = world_read(w->dir, "certificate", w->certificate, sizeof w->certificate);
    o->checkpoint_ns = 5 * WORLD_S;
    o->ter_batch_ns = WORLD_S;
    o->commit_every = 8;
    o->heartbeat_s = 5;
}

/* ---- A disk ---- */

static inline struct world_file *world_file(struct world_node *w, const char *name) {
    for (int i = 0; i < WORLD_FILES; i++)
        if (strcmp(w->files[i].name, name) == 0) return &w->files[i];
    return NULL;
}

static inline void world_put(struct world_node *w, const char *name, const uint8_t *bytes, size_t len) {
    struct world_file *f = world_file(w, name);
    if (f == NULL) f = world_file(w, "");
    CHECK(f != NULL);
    if (f == NULL) return;
    free(f->bytes);
    memset(f, 0, sizeof *f);
    if (bytes == NULL) return;
    snprintf(f->name, sizeof f->name, "%.63s", name);
    f->bytes = malloc(len);
    f->len = len;
    memcpy(f->bytes, bytes, len);
}

struct world_records {
    uint8_t buf[HKP_NEURO_LOG_BYTES_MAX];
    size_t used, count;
};

static inline void world_record(struct world_records *r, uint32_t type, const uint8_t *body,
                                size_t body_len) {
    size_t len = 0;
    CHECK_EQ(hkp_ter_log_record_encode(type, body, body_len, r->buf + r->used, sizeof r->buf - r->used, &len),
             HKP_OK);
    r->used += len;
    r->count++;
}

/* What stands at an index besides its TER: a rebase, then the checkpoint. */
static inline void world_others(struct world_node *w, uint64_t index, struct world_records *r) {
    uint8_t body[200];
    for (uint32_t i = 0; i < w->n_rebases; i++) {
        if (w->rebase_at[i] != index) continue;
        for (int k = 0; k < 8; k++) body[k] = (uint8_t)(index >> 8 * k);
        memcpy(body + 8, w->rebase[i], 192);
        world_record(r, HKP_TER_LOG_REBASE, body, sizeof body);
    }
    for (uint32_t t = 0; t < w->n_tcks; t++)
        if (w->tck_at[t] == index) world_record(r, HKP_TER_LOG_TCK, w->tck[t], 256);
}

/* Records from an index on, as they stand in a log. */
static inline void world_log_read(struct world_node *w, const struct hkp_mesh_event *ev) {
    static struct world_records r;
    uint64_t at = ev->number;
    r.used = r.count = 0;
    if (at > 0) world_others(w, at, &r);
    for (; at < w->cursor.index && r.count + 4 <= HKP_NEURO_LOG_RECORDS_MAX && r.used + 800 <= sizeof r.buf;
         at++) {
        uint8_t body[96];
        memcpy(body, w->ter[at], 64);
        memcpy(body + 64, w->h[at + 1], 32);
        world_record(&r, HKP_TER_LOG_TER, body, sizeof body);
        world_others(w, at + 1, &r);
    }
    hkp_mesh_log_records(w->node, world.now, ev->ticket, ev->number, r.used > 0 ? r.buf : NULL, r.used,
                         r.count);
}

static inline void world_append_ter(struct world_node *w, const uint8_t ter[64]) {
    CHECK_EQ(hkp_ter_cursor_accept(&w->cursor, ter, 64, NULL), HKP_OK);
    memcpy(w->ter[w->cursor.index - 1], ter, 64);
    memcpy(w->h[w->cursor.index], w->cursor.h, 32);
}

static inline void world_tear(struct world_node *w, uint64_t ters) {
    w->cursor.index -= ters;
    memcpy(w->cursor.h, w->h[w->cursor.index], 32);
    memcpy(w->cursor.last_ter, w->ter[w->cursor.index - 1], 64);
    while (w->n_tcks > 0 && w->tck_at[w->n_tcks - 1] > w->cursor.index) w->n_tcks--;
    while (w->n_rebases > 0 && w->rebase_at[w->n_rebases - 1] > w->cursor.index) w->n_rebases--;
    w->torn = 1;
}

static inline void world_append_rebase(struct world_node *w, const uint8_t *body) {
    CHECK(w->n_rebases < 8);
    memcpy(w->rebase[w->n_rebases], body + 8, 192);
    w->rebase_at[w->n_rebases++] = w->cursor.index;
    memcpy(w->opt.rebase, body + 8, 192);
}

static inline void world_restored(struct world_node *w, const struct hkp_mesh_event *ev) {
    struct hkp_ter_log_record rec;
    CHECK_EQ(ev->number, w->cursor.index);
    for (size_t at = 0; at < ev->data_len; at += rec.size) {
        CHECK_EQ(hkp_ter_log_record_decode(&rec, ev->data + at, ev->data_len - at), HKP_OK);
        if (rec.type == HKP_TER_LOG_TER)
            world_append_ter(w, rec.body);
        else if (rec.type == HKP_TER_LOG_TCK) {
            memcpy(w->tck[w->n_tcks], rec.body, 256);
            w->tck_at[w->n_tcks++] = w->cursor.index;
        } else if (rec.type == HKP_TER_LOG_REBASE)
            world_append_rebase(w, rec.body);
    }
    hkp_mesh_logged(w->node, world.now, ev->ticket, HKP_OK);
}

/* BOOT and GAP are in the cursor only: nobody reads over them here. */
static inline void world_append_other(struct world_node *w, const struct hkp_mesh_event *ev) {
    if (ev->number == HKP_TER_LOG_GAP) {
        uint8_t cursor[104];
        memcpy(cursor, ev->data + 8, 8);
        memcpy(cursor + 8, ev->data + 24, 96);
        CHECK_EQ(hkp_ter_cursor_decode(&w->cursor, cursor), HKP_OK);
        memcpy(w->h[w->cursor.index], w->cursor.h, 32);
        memcpy(w->ter[w->cursor.index - 1], w->cursor.last_ter, 64);
        w->gaps++;
    } else if (ev->number == HKP_TER_LOG_REBASE) {
        world_append_rebase(w, ev->data);
    } else {
        CHECK_EQ(ev->number, HKP_TER_LOG_BOOT);
        CHECK_EQ(ev->data[32], HKP_TER_BOOT_RESTORED);
        w->boots++;
    }
    hkp_mesh_logged(w->node, world.now, ev->ticket, HKP_OK);
}

static inline void world_append(struct world_node *w, const struct hkp_mesh_event *ev) {
    if (ev->number != HKP_TER_LOG_TCK) {
        world_append_other(w, ev);
        return;
    }
    CHECK(ev->data_len == 256 && w->n_tcks < WORLD_TCKS);
    if (w->n_tcks == WORLD_TCKS) return;
    memcpy(w->tck[w->n_tcks], ev->data, 256);
    w->tck_at[w->n_tcks++] = w->cursor.index;
    hkp_mesh_logged(w->node, world.now, ev->ticket, HKP_OK);
}

static inline void world_serve(struct world_node *w) {
    struct hkp_mesh_event ev = {.struct_size = sizeof ev};
    int wrote = 0;
    while (hkp_mesh_event(w->node, &ev) == HKP_OK) {
        if (ev.kind < 64) w->facts[ev.kind]++;
        if (world.hear != NULL) world.hear((uint32_t)(w - world.node), &ev);
        if (w->frozen) continue;
        switch (ev.kind) {
        case HKP_MESH_EVENT_STORE_DSM:
            CHECK_EQ(hkp_dsm_store_apply(w->store, hkp_mesh_dsm(w->node), world.now, ev.dsm), HKP_OK);
            wrote = 1;
            break;
        case HKP_MESH_EVENT_STORE:
            world_put(w, ev.text, ev.data, ev.data_len);
            hkp_mesh_stored(w->node, world.now, ev.ticket, HKP_OK);
            break;
        case HKP_MESH_EVENT_LOG:
            world_append(w, &ev);
            break;
        case HKP_MESH_EVENT_LOG_RESTORE:
            world_restored(w, &ev);
            break;
        case HKP_MESH_EVENT_LOG_READ:
            world_log_read(w, &ev);
            break;
        case HKP_MESH_EVENT_LOG_TRIM:
            w->trimmed = ev.number;
            break;
        case HKP_MESH_EVENT_STATE:
            w->last_state = ev;
            break;
        case HKP_MESH_EVENT_POST:
            CHECK(ev.data_len <= sizeof w->post);
            memcpy(w->post, ev.data, ev.data_len);
            w->post_len = ev.data_len;
            w->post_kind = ev.number;
            memcpy(w->post_from, ev.node_id, 16);
            w->posts++;
            break;
        case HKP_MESH_EVENT_RENEWAL:
            CHECK(ev.number < 5 && ev.data_len <= sizeof w->renewal_data);
            w->renewal[ev.number]++;
            w->renewal_len = ev.data_len;
            if (ev.data_len > 0) memcpy(w->renewal_data, ev.data, ev.data_len);
            break;
        case HKP_MESH_EVENT_PROOF:
            w->proof_status = ev.status;
            w->proof_height = ev.number;
            break;
        default:
            break;
        }
    }
    if (wrote) CHECK_EQ(hkp_dsm_store_commit(w->store, hkp_mesh_dsm(w->node), world.now), HKP_OK);
}

/* ---- Life ---- */

static inline void world_ter(struct world_node *w) {
    struct hkp_ter_record rec = {.timestamp_us = world_wall(), .sequence = (uint16_t)w->cursor.index};
    uint8_t ter[64] = {0};
    if (!hkp_mesh_may_capture(w->node)) {
        CHECK_EQ(hkp_mesh_ter(w->node, world.now, world_wall(), ter, w->root, 0), HKP_E_STATE);
        return;
    }
    CHECK(w->cursor.index < WORLD_TERS);
    if (w->cursor.index >= WORLD_TERS) return;
    if (w->cursor.has_last) rec.chain_crc = hkp_ter_crc16(w->cursor.last_ter, 64);
    world_draw(rec.h_entropy, 32);
    memcpy(rec.h_integrity, w->h_ref, 20);
    hkp_ter_record_encode(&rec, ter);
    world_append_ter(w, ter);
    CHECK_EQ(hkp_mesh_ter(w->node, world.now, world_wall(), ter, w->root, 0), HKP_OK);
}

static inline int world_name_order(const void *a, const void *b) {
    return strcmp((*(const struct world_file *const *)b)->name, (*(const struct world_file *const *)a)->name);
}

static inline void world_restore(struct world_node *w) {
    const struct world_file *sorted[WORLD_FILES];
    size_t n = 0;
    uint8_t cursor[104], before[96], boot[16] = {7};
    hkp_ter_cursor_encode(&w->cursor, cursor);
    if (w->n_tcks > 0) {
        uint64_t at = w->tck_at[w->n_tcks - 1];
        memcpy(before, w->h[at - 1], 32);
        memcpy(before + 32, w->ter[at - 1], 64);
        CHECK_EQ(hkp_mesh_log_end(w->node, cursor, w->tck[w->n_tcks - 1], before, boot), HKP_OK);
    } else
        CHECK_EQ(hkp_mesh_log_end(w->node, cursor, NULL, NULL, boot), HKP_OK);
    if (w->torn) CHECK_EQ(hkp_mesh_log_torn(w->node), HKP_OK);
    w->torn = 0;
    for (int i = 0; i < WORLD_FILES; i++)
        if (w->files[i].name[0] != 0) sorted[n++] = &w->files[i];
    qsort(sorted, n, sizeof sorted[0], world_name_order);
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(hkp_mesh_restore(w->node, sorted[i]->name, sorted[i]->bytes, sorted[i]->len), HKP_OK);
}

static inline void world_up(uint32_t i) {
    struct world_node *w = &world.node[i];
    struct hkp_dsm_store_fault fault;
    char path[96];
    snprintf(path, sizeof path, "%s/store", w->dir);
    memset(w->facts, 0, sizeof w->facts);
    w->frozen = 0;
    CHECK_EQ(hkp_dsm_store_open(&w->store, path, 1, &fault), HKP_OK);
    CHECK_EQ(hkp_mesh_node_new(&w->node, &w->opt, world.now, world_wall()), HKP_OK);
    world_restore(w);
    CHECK_EQ(hkp_mesh_join(w->node, world.now, world_wall()), HKP_OK);
    w->ter_due = world.now + WORLD_MS; /* never at the very time of the last one before it went down */
    for (int round = 0; round < 20; round++) {
        world_serve(w);
        hkp_mesh_tick(w->node, world.now, world_wall());
    }
}

/* As an operator stops it: all are told, and what is to be stored is stored. */
static inline void world_send(uint32_t i);
static inline void world_crash(uint32_t i);
static inline void world_leave(uint32_t i) {
    hkp_mesh_leave(world.node[i].node, world.now, world_wall());
    world_serve(&world.node[i]);
    world_send(i);
    world_crash(i);
}

/* Nobody is told: as by a power cut. */
static inline void world_crash(uint32_t i) {
    struct world_node *w = &world.node[i];
    hkp_mesh_node_free(w->node);
    hkp_dsm_store_close(w->store);
    w->node = NULL;
    w->store = NULL;
}

static inline void world_make(uint32_t n, uint64_t seed) {
    struct hkp_mesh_provision_node nodes[WORLD_NODES];
    struct hkp_mesh_provision_options po = {
        .struct_size = sizeof po, .name = "world/single", .nodes = nodes, .n_nodes = n};
    struct hkp_mesh_fault fault;
    static char authority[80];
    memset(&world, 0, sizeof world);
    memset(nodes, 0, sizeof nodes);
    folder_make(world.root);
    snprintf(authority, sizeof authority, "%s/authority", world.root);
    po.authority_dir = authority;
    world.n = n;
    world.seed = seed << 32;
    world.now = 100 * WORLD_S;
    world.delay = 5 * WORLD_MS;
    world.ter_period = WORLD_S;
    world.wall0_us = UINT64_C(1800000000000000); /* the same in every run */
    for (uint32_t i = 0; i < n; i++) {
        snprintf(world.node[i].dir, sizeof world.node[i].dir, "%s/%u", world.root, i);
        nodes[i].data_dir = world.node[i].dir;
        nodes[i].group = i + 1;
    }
    CHECK_EQ(hkp_mesh_provision(&po, world_wall(), &fault), HKP_OK);
    for (uint32_t i = 0; i < n; i++) {
        struct world_node *w = &world.node[i];
        memcpy(w->node_id, nodes[i].node_id, 16);
        memcpy(w->s, nodes[i].s, 32);
        world_options(w);
        hkp_ter_cursor_init(&w->cursor, w->node_id, w->a_public);
        memcpy(w->h[0], w->cursor.h, 32);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++) {
            struct world_node *w = &world.node[i];
            struct hkp_mesh_peer *p = &w->peers[w->opt.n_peers];
            if (k == i) continue;
            memcpy(p->node_id, world.node[k].node_id, 16);
            memcpy(p->s, world.node[k].s, 32);
            memcpy(p->addr, (const uint8_t[16]){[10] = 0xFF, [11] = 0xFF, [12] = 10, [15] = 1}, 16);
            p->port = (uint16_t)(9000 + k);
            p->certificate = world.node[k].certificate;
            p->certificate_len = world.node[k].opt.certificate_len;
            w->opt.peers = w->peers;
            w->opt.n_peers++;
        }
}

static inline void world_end(void) {
    for (uint32_t i = 0; i < world.n; i++) {
        if (world.node[i].node != NULL) world_crash(i);
        for (int k = 0; k < WORLD_FILES; k++) free(world.node[i].files[k].bytes);
    }
    for (; world.count > 0; world.count--, world.head = (world.head + 1) % WORLD_QUEUE)
        free(world.queue[world.head].bytes);
    folder_remove(world.root);
}

/* ---- Time and network ---- */

static inline void world_send(uint32_t i) {
    struct world_node *w = &world.node[i];
    uint8_t buf[HKP_HTP_DATAGRAM_MAX];
    struct hkp_htp_path path;
    size_t len = 0;
    while (hkp_htp_send(hkp_mesh_endpoint(w->node), world.now, world_wall(), &path, buf, sizeof buf, &len) ==
               HKP_OK &&
           len > 0) {
        uint32_t to = (uint32_t)path.port - 9000;
        world.sent++;
        if (world.count == WORLD_QUEUE || (world.lost != NULL && world.lost(i, to, world.sent))) continue;
        struct world_datagram d = {.due = world.now + world.delay, .from = i, .to = to, .len = len};
        uint8_t jitter;
        world_draw(&jitter, 1);
        d.due += world.jitter * jitter / 256;
        d.bytes = malloc(len);
        memcpy(d.bytes, buf, len);
        uint32_t at = world.count++; /* in order of arrival */
        for (; at > 0 && world.queue[(world.head + at - 1) % WORLD_QUEUE].due > d.due; at--)
            world.queue[(world.head + at) % WORLD_QUEUE] = world.queue[(world.head + at - 1) % WORLD_QUEUE];
        world.queue[(world.head + at) % WORLD_QUEUE] = d;
    }
}

static inline void world_deliver(void) {
    while (world.count > 0 && world.queue[world.head].due <= world.now) {
        struct world_datagram d = world.queue[world.head];
        struct hkp_htp_path path = {.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 10, [15] = 1},
                                    .port = (uint16_t)(9000 + d.from)};
        world.head = (world.head + 1) % WORLD_QUEUE;
        world.count--;
        struct world_node *w = &world.node[d.to];
        if (w->node != NULL && hkp_htp_recv(hkp_mesh_endpoint(w->node), world.now, world_wall(), &path,
                                            d.bytes, d.len) != HKP_OK) {
            /* counted by the endpoint */
        }
        free(d.bytes);
    }
}

static inline hkp_time world_next(void) {
    hkp_time next = world.count > 0 ? world.queue[world.head].due : HKP_TIME_NEVER;
    for (uint32_t i = 0; i < world.n; i++) {
        const struct world_node *w = &world.node[i];
        if (w->node == NULL) continue;
        hkp_time wake = hkp_mesh_wake(w->node);
        if (w->ter_due < wake) wake = w->ter_due;
        if (w->stalled > world.now && wake < w->stalled) wake = w->stalled;
        if (wake < next) next = wake;
    }
    return next;
}

/* All that is due at this moment. */
static inline void world_turn(void) {
    world_deliver();
    for (uint32_t i = 0; i < world.n; i++) {
        struct world_node *w = &world.node[i];
        if (w->node == NULL || w->stalled > world.now) continue;
        hkp_mesh_tick(w->node, world.now, world_wall());
        if (world.now >= w->ter_due) {
            w->ter_due = world.now + world.ter_period;
            world_ter(w);
        }
        for (int round = 0; round < 3; round++) {
            world_serve(w);
            hkp_mesh_tick(w->node, world.now, world_wall());
        }
        world_send(i);
    }
}

/* Runs until a condition holds, at most so long; a node that is due at once again and again is a fault. */
static inline int world_until(int (*holds)(void), hkp_time most) {
    hkp_time end = world.now + most;
    uint32_t idle = 0;
    int before = check_faults;
    while (holds == NULL || !holds()) {
        hkp_time next = world_next();
        if (next >= end) {
            world.now = end;
            return holds == NULL;
        }
        idle = next <= world.now ? idle + 1 : 0;
        if (next > world.now) world.now = next;
        if (idle > 200) {
            CHECK(0 && "a node is due in the past for ever");
            for (uint32_t i = 0; i < world.n; i++) {
                const hkp_mesh_node *node = world.node[i].node;
                if (node == NULL || hkp_mesh_wake(node) > world.now) continue;
                printf("# %u: htp %d dsm %d second %d sessions %d neural %d\n", i,
                       hkp_htp_wake(node->htp) <= world.now, hkp_dsm_wake(node->dsm) <= world.now,
                       node->second_at <= world.now, hkp_mesh__session_wake(node) <= world.now,
                       hkp_mesh__neural_wake(node) <= world.now);
            }
            return 0;
        }
        world_turn();
        if (check_faults > before) return 0;
    }
    return 1;
}

/* A certificate of that body, of the one officer of the authority. */
static inline size_t world_certificate(const struct hkp_dsm_certificate *c, uint8_t *multi, size_t cap) {
    uint8_t officer[64], body[HKP_DSM_CERTIFICATE_BODY_MAX], sig[64], chain[32];
    const struct world_node *w = &world.node[0];
    struct hkp_dsm_genesis genesis;
    char dir[80];
    size_t len, out = 0;
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "officer.key", officer, 64), 64);
    CHECK_EQ(hkp_dsm_genesis_parse(w->genesis, w->opt.genesis_len, &genesis), HKP_OK);
    memcpy(chain, genesis.chain_id, 32);
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(sig, chain, HKP_DSM_KIND_CERTIFICATE, 1, officer, body, len, NULL, 0),
             HKP_OK);
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE,
                              .ca_version = 1,
                              .body = {body, len},
                              .n_signatures = 1,
                              .signature = {sig}};
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &out), HKP_OK);
    return out;
}

/* Member i starts with that certificate, and the others with its copy. */
static inline void world_certify(uint32_t i, const struct hkp_dsm_certificate *c) {
    struct world_node *w = &world.node[i];
    w->opt.certificate_len = world_certificate(c, w->certificate, sizeof w->certificate);
    for (uint32_t k = 0; k < world.n; k++)
        for (uint32_t p = 0; p < world.node[k].opt.n_peers; p++)
            if (world.node[k].peers[p].certificate == w->certificate)
                world.node[k].peers[p].certificate_len = w->opt.certificate_len;
}

/* The authority certifies member i anew, with another serial and a raised neuro_gen (NZ1 22.4). */
static inline void world_raise_gen(uint32_t i) {
    struct hkp_dsm_certificate c;
    const struct world_node *w = &world.node[i];
    CHECK_EQ(hkp_dsm_certificate_parse(w->certificate, w->opt.certificate_len, &c), HKP_OK);
    c.serial++;
    c.neuro_gen++;
    world_certify(i, &c);
}

/* How member i sees member k. */
static inline struct hkp_mesh_peer_status world_peer(uint32_t i, uint32_t k) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    for (uint32_t at = 0; hkp_mesh_peer_status(world.node[i].node, at, &p) == HKP_OK; at++) {
        if (memcmp(p.node_id, world.node[k].node_id, 16) == 0) return p;
        p.struct_size = sizeof p;
    }
    return p;
}

/* What member i has of member k. */
static inline struct hkp_mesh__peer *world_inside(uint32_t i, uint32_t k) {
    return hkp_mesh__peer_find(world.node[i].node, world.node[k].node_id);
}

static inline int world_all_active(void) {
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k) continue;
            if (world.node[i].node == NULL) return 0;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            if (!p.up || !p.mode || p.own_state != HKP_NEURO_INSTANCE_ACTIVE ||
                p.held_state != HKP_NEURO_INSTANCE_ACTIVE)
                return 0;
        }
    return 1;
}

/* As after half an hour of good heartbeats of the first n nodes: all lanes are open (HTP-8.6). */
static inline void world_all_trust(uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++) {
            if (i == k) continue;
            world_inside(i, k)->trust.now.t = 52428;
            hkp_mesh__rights(world.node[i].node, world_inside(i, k));
        }
}

#endif
