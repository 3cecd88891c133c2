/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A running node, and a peer that is operator and scheduler and knows the officer, too: anything that such a
 * liar can bring by class POLICY or in a block. The node must not die, keep every bound, hold nothing that is
 * not rightly signed, lose no memory, and start again with the file that it stored.
 *
 * Input: [control, kind, length (2 bytes, little-endian), bytes] again and again. control: bits 0 and 1 the
 * way (0 a message as it is, 1 the peer signs the bytes as a body, 2 the officer does, 3 the peer signs what
 * is in a block), bits 2 and 3 how much time passes before, bit 4 that the peer has little trust, bits 5 and
 * 6 how many pieces of memory are left to the node, bit 7 that a block carries the certificate of its signer,
 * and that the officer leaves out its signature. Requests for certificates are signed by a key of their own.
 * Sixteen bytes 0xEE stand for the id of the node, 32 bytes 0xDD for that of the newest workload.
 */
#include "node_world.h"

#include <hookprobe/dsm/give.h>
#include <hookprobe/mesh/submit.h>
#include <hookprobe/mesh/work.h>

#include "alloc.h"
#include "libmesh/work.h"
#include "libter/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned fuzz_runs;
const unsigned fuzz_runs = 120; /* each makes two nodes */

enum { TARGET = 0, PEER = 1, BODY_MAX = 4096, MESSAGE_MAX = BODY_MAX + 2048 };
enum { AS_IT_IS, BY_PEER, BY_OFFICER, IN_BLOCK };

static const uint8_t image[32] = {1, 2, 3};
static hkp_mesh_node *target;
static struct failing memory;
static uint8_t chain_id[32], officer[64], newest_workload[32];
/* the newest file of objects, and what of them a restart forgets; who signs what may have changed */
static uint8_t *file;
static size_t file_len;
static uint32_t file_objects;
static int another_authority;

static void must(int ok) {
    if (!ok) abort();
}

static void make_world(void) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_genesis genesis;
    struct world_node *w = &world.node[PEER];
    char dir[80];
    world_make(2, 1);
    must(hkp_dsm_genesis_parse(w->genesis, w->opt.genesis_len, &genesis) == HKP_OK);
    memcpy(chain_id, genesis.chain_id, 32);
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    must(world_read(dir, "officer.key", officer, 64) == 64);
    must(hkp_dsm_certificate_parse(w->certificate, w->opt.certificate_len, &c) == HKP_OK);
    c.serial++;
    c.roles |= HKP_DSM_ROLE_OPERATOR | HKP_DSM_ROLE_SCHEDULER;
    world_certify(PEER, &c);
    folder_remove(world.root); /* what is needed of it was read */
    must(check_faults == 0);
}

static void keep_file(const struct hkp_mesh_event *ev) {
    if (strcmp(ev->text, HKP_MESH__WORK_FILE) != 0) return;
    free(file);
    file = malloc(ev->data_len);
    must(file != NULL);
    memcpy(file, ev->data, ev->data_len);
    file_len = ev->data_len;
    file_objects = target->work->n_objects;
    for (uint32_t i = 0; i < target->work->n_objects; i++) file_objects -= target->work->object[i].running;
}

static void serve_dsm(const struct hkp_dsm_event *ev) {
    hkp_dsm_node *dsm = hkp_mesh_dsm(target);
    if (ev->kind == HKP_DSM_EV_STORE_GET || ev->kind == HKP_DSM_EV_STORE_SCAN)
        must(hkp_dsm_read_end(dsm, world.now, ev->ticket, HKP_OK) == HKP_OK);
    else
        must(hkp_dsm_stored(dsm, world.now, ev->ticket, HKP_OK) == HKP_OK);
}

/* The disk is empty, and all becomes durable at once. */
static void serve(void) {
    struct hkp_mesh_event ev = {.struct_size = sizeof ev};
    for (int round = 0; round < 8; round++) {
        hkp_mesh_tick(target, world.now, world_wall());
        while (hkp_mesh_event(target, &ev) == HKP_OK) {
            if (ev.kind == HKP_MESH_EVENT_STORE_DSM) serve_dsm(ev.dsm);
            if (ev.kind == HKP_MESH_EVENT_STORE) {
                keep_file(&ev);
                hkp_mesh_stored(target, world.now, ev.ticket, HKP_OK);
            }
            if (ev.kind == HKP_MESH_EVENT_LOG || ev.kind == HKP_MESH_EVENT_LOG_RESTORE)
                hkp_mesh_logged(target, world.now, ev.ticket, HKP_OK);
            if (ev.kind == HKP_MESH_EVENT_LOG_READ)
                hkp_mesh_log_records(target, world.now, ev.ticket, ev.number, NULL, 0, 0);
        }
    }
}

static void make_node(void) {
    struct world_node *w = &world.node[TARGET];
    uint8_t cursor[104], boot[16] = {7};
    memory = (struct failing){.left = -1};
    w->opt.mem = failing_mem(&memory);
    hkp_ter_cursor_encode(&w->cursor, cursor);
    must(hkp_mesh_node_new(&target, &w->opt, world.now, world_wall()) == HKP_OK);
    must(hkp_mesh_log_end(target, cursor, NULL, NULL, boot) == HKP_OK);
}

static void begin(void) {
    if (world.n == 0) make_world();
    world.now += WORLD_S;
    another_authority = 0;
    make_node();
    must(hkp_mesh_join(target, world.now, world_wall()) == HKP_OK);
    for (int i = 0; i < 4 && !target->started; i++) serve();
    must(target->started);
    /* a session of the peer as class POLICY sees it */
    target->peers[0].links[0].post_in = 1;
    target->peers[0].links[0].mode = HKP_HTP_MODE_R;
}

/* What was stored is enough for a start. */
static void end(void) {
    hkp_mesh_node_free(target);
    must(memory.live == 0);
    if (file == NULL) return;
    make_node();
    must(hkp_mesh_restore(target, HKP_MESH__WORK_FILE, file, file_len) == HKP_OK);
    must(target->work->n_objects == file_objects);
    hkp_mesh_node_free(target);
    must(memory.live == 0);
    free(file);
    file = NULL;
}

/* ---- What the peer brings ---- */

static void fill_in(uint8_t *body, size_t len) {
    static const struct {
        size_t len;
        uint8_t mark;
    } marks[] = {{32, 0xDD}, {16, 0xEE}};
    for (int m = 0; m < 2; m++)
        for (size_t at = 0, run = 0; at < len; at++) {
            run = body[at] == marks[m].mark ? run + 1 : 0;
            if (run < marks[m].len) continue;
            memcpy(body + at + 1 - run, m == 0 ? newest_workload : target->node_id, run);
            run = 0;
        }
}

static size_t signed_by_peer(uint32_t kind, const uint8_t *body, size_t len, uint8_t *dst) {
    static const uint8_t of_nobody[32] = {5};
    const struct world_node *w = &world.node[PEER];
    uint8_t public_key[32], secret[64], id[16];
    size_t out = 0;
    crypto_sign_seed_keypair(public_key, secret,
                             kind == HKP_DSM_KIND_CERT_REQUEST ? of_nobody : w->opt.a_seed);
    hkp_dsm_node_id(id, public_key, NULL);
    if (hkp_dsm_envelope_sign(chain_id, kind, id, secret, body, len, dst, MESSAGE_MAX, &out) != HKP_OK)
        return 0;
    if (kind == HKP_DSM_KIND_WORKLOAD) hkp_dsm_object_id(newest_workload, chain_id, kind, id, body, len);
    return out;
}

static size_t signed_by_officer(uint32_t kind, const uint8_t *body, size_t len, int half, uint8_t *dst) {
    uint8_t signature[64];
    size_t out = 0;
    if (hkp_dsm_multi_sign(signature, chain_id, kind, 1, officer, body, len, NULL, 0) != HKP_OK) return 0;
    const struct hkp_dsm_multi m = {.kind = kind,
                                    .ca_version = 1,
                                    .body = {body, len},
                                    .n_signatures = half ? 0 : 1,
                                    .signature = {signature}};
    another_authority |= kind != HKP_DSM_KIND_ORDER;
    return hkp_dsm_multi_build(&m, dst, MESSAGE_MAX, &out) == HKP_OK ? out : 0;
}

static void bring(const uint8_t *object, size_t len) {
    static uint8_t message[4 + MESSAGE_MAX];
    const struct hkp_htp_event ev = {.stream = 1, .data = message, .len = 4 + len};
    memset(message, 0, 4);
    message[0] = HKP_NEURO_MSG_POLICY;
    memcpy(message + 4, object, len);
    hkp_mesh__post_message(target, &target->peers[0], &target->peers[0].links[0], &ev);
}

static void in_block(const uint8_t *object, size_t len, int with_certificate) {
    static uint8_t content[1 + MESSAGE_MAX + HKP_DSM_CERTIFICATE_MAX];
    const struct world_node *w = &world.node[PEER];
    content[0] = with_certificate ? 0x82 : 0x81;
    memcpy(content + 1, object, len);
    if (with_certificate) memcpy(content + 1 + len, w->certificate, w->opt.certificate_len);
    hkp_mesh__work_block(target, content, 1 + len + (with_certificate ? w->opt.certificate_len : 0));
}

static void one(uint8_t control, uint32_t kind, const uint8_t *bytes, size_t len) {
    static uint8_t body[BODY_MAX], object[MESSAGE_MAX];
    const uint32_t way = control & 3;
    if (len > sizeof body) len = sizeof body;
    memcpy(body, bytes, len);
    fill_in(body, len);
    if (way == AS_IT_IS) {
        const struct hkp_htp_event ev = {.stream = 1, .data = body, .len = len};
        hkp_mesh__post_message(target, &target->peers[0], &target->peers[0].links[0], &ev);
        return;
    }
    const size_t made = way == BY_OFFICER ? signed_by_officer(kind, body, len, control >> 7, object)
                                          : signed_by_peer(kind, body, len, object);
    if (made == 0) return;
    if (way == IN_BLOCK)
        in_block(object, made, control >> 7);
    else
        bring(object, made);
}

/* ---- What must hold ---- */

/* A host that starts whatever it may. */
static void start_all(void) {
    struct hkp_mesh_work o = {.struct_size = sizeof o};
    struct hkp_dsm_start s;
    for (uint32_t i = 0; hkp_mesh_work_at(target, i, &o) == HKP_OK; i++)
        if (o.kind == HKP_DSM_KIND_ASSIGN && o.state == HKP_MESH_WORK_IN_FORCE)
            hkp_mesh__drop(hkp_mesh_workload_start(target, world.now, world_wall(), o.id, image, &s));
}

static void check(void) {
    const struct hkp_mesh__work *w = target->work;
    struct hkp_mesh__object again;
    uint8_t id[32];
    uint32_t kind = 0;
    must(target->n_posts <= HKP_MESH__POSTS && w->n_objects <= HKP_MESH__OBJECTS_MAX);
    must(w->n_news <= HKP_MESH__NEWS_MAX && w->file_len <= HKP_MESH__WORK_FILE_MAX);
    for (uint32_t i = 0; i < w->n_objects; i++) {
        const struct hkp_mesh__object *o = &w->object[i];
        must(hkp_mesh__object_read(target, o->bytes, o->len, &again) == HKP_OK);
        must(memcmp(again.id, o->id, 32) == 0 && again.kind == o->kind && again.until_s == o->until_s);
        must(o->says_at + o->says_len <= o->len);
        if (another_authority) continue;
        must(hkp_dsm_node_check(target->dsm, o->bytes, o->len, &kind, id) == HKP_OK);
        must(kind == o->kind && memcmp(id, o->id, 32) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const hkp_time steps[] = {0, WORLD_S / 10, 2 * WORLD_S, 3600 * WORLD_S};
    static const long left[] = {-1, 0, 1, 3};
    begin();
    for (size_t at = 0; at + 4 <= size;) {
        const uint8_t control = data[at];
        size_t len = hkp_le16(data + at + 2);
        if (len > size - at - 4) len = size - at - 4;
        world.now += steps[control >> 2 & 3];
        serve();
        target->peers[0].trust.now.t = (control & 16) != 0 ? 0 : HKP_HTP_TRUST_ONE;
        memory.left = left[control >> 5 & 3];
        one(control, data[at + 1] & 63, data + at + 4, len);
        memory.left = -1;
        check();
        start_all();
        serve();
        check();
        at += 4 + len;
    }
    end();
    return 0;
}
