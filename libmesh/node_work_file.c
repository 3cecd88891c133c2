/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What of policies, orders and workloads survives a restart (decision 0575): "HKPWORK1" || node_id 16 ||
 * {0:1, 1:state of the control, 2:[[in a block or to go there, object], ...]} || tag 32 under the state key.
 * An assignment that was granted is not in it: after a restart nothing runs.
 */
#include <sodium.h>
#include <string.h>

#include "libmesh/work.h"
#include "libter/options.h"

enum { HEAD = 24, TAG = 32, NOT_IN_BLOCK = 0, TO_BLOCK = 1, IN_BLOCK = 2 };

static void head_of(const struct hkp_mesh_node *node, uint8_t head[HEAD]) {
    memcpy(head, "HKPWORK1", 8);
    memcpy(head + 8, node->node_id, 16);
}

static hkp_status put(const struct hkp_mesh__work *w, struct hkp_dsm_cbor_writer *out, uint8_t *state) {
    size_t len = 0, granted = 0;
    const hkp_status st = hkp_dsm_control_save(w->control, state, HKP_DSM_CONTROL_STATE_MAX, &len);
    if (st != HKP_OK) return st;
    for (uint32_t i = 0; i < w->n_objects; i++) granted += w->object[i].running;
    hkp_dsm_cbor_put_map(out, 3);
    hkp_dsm_cbor_put_uint(out, 0);
    hkp_dsm_cbor_put_uint(out, 1);
    hkp_dsm_cbor_put_uint(out, 1);
    hkp_dsm_cbor_put_bytes(out, state, len);
    hkp_dsm_cbor_put_uint(out, 2);
    hkp_dsm_cbor_put_array(out, w->n_objects - granted);
    for (uint32_t i = 0; i < w->n_objects; i++) {
        const struct hkp_mesh__object *o = &w->object[i];
        if (o->running) continue;
        hkp_dsm_cbor_put_array(out, 2);
        hkp_dsm_cbor_put_uint(out, o->to_block ? TO_BLOCK : o->in_block ? IN_BLOCK : NOT_IN_BLOCK);
        hkp_dsm_cbor_put_bytes(out, o->bytes, o->len);
    }
    return out->status;
}

/* The file as it stands now; 0 without memory. */
static int build(struct hkp_mesh_node *node) {
    struct hkp_mesh__work *w = node->work;
    size_t cap = HEAD + TAG + HKP_DSM_CONTROL_STATE_MAX + 64;
    for (uint32_t i = 0; i < w->n_objects; i++) cap += w->object[i].len + 16;
    uint8_t *file = hkp_mem_alloc(&node->mem, cap);
    uint8_t *state = hkp_mem_alloc(&node->mem, HKP_DSM_CONTROL_STATE_MAX);
    struct hkp_dsm_cbor_writer out = {.out = file != NULL ? file + HEAD : NULL, .cap = cap - HEAD - TAG};
    if (file == NULL || state == NULL || put(w, &out, state) != HKP_OK) {
        hkp_mem_free(&node->mem, file, cap);
        hkp_mem_free(&node->mem, state, HKP_DSM_CONTROL_STATE_MAX);
        return 0;
    }
    hkp_mem_free(&node->mem, state, HKP_DSM_CONTROL_STATE_MAX);
    head_of(node, file);
    crypto_auth(file + HEAD + out.len, file, HEAD + out.len, node->opt.state_key);
    w->file = file;
    w->file_len = cap;
    w->used = HEAD + out.len + TAG;
    return 1;
}

static void forget(struct hkp_mesh_node *node) {
    hkp_mem_free(&node->mem, node->work->file, node->work->file_len);
    node->work->file = NULL;
    node->work->file_len = 0;
}

int hkp_mesh__work_write(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    struct hkp_mesh__work *w = node->work;
    if (w->ticket != 0 || w->wanted == w->durable || node->now < w->write_at) return 0;
    w->write_at = node->now + HKP_MESH__SECOND / 10; /* many changes at once are one write */
    if (!build(node)) return 0;
    w->ticket = hkp_mesh__request(node, HKP_MESH_EVENT_STORE, NULL, HKP_MESH__OWN_WORK, 0);
    if (w->ticket == 0) {
        forget(node);
        return 0;
    }
    w->writing = w->wanted;
    out->kind = HKP_MESH_EVENT_STORE;
    out->ticket = w->ticket;
    memcpy(out->text, HKP_MESH__WORK_FILE, sizeof HKP_MESH__WORK_FILE);
    out->data = w->file;
    out->data_len = w->used;
    return 1;
}

void hkp_mesh__work_stored(struct hkp_mesh_node *node, hkp_status status) {
    struct hkp_mesh__work *w = node->work;
    w->ticket = 0;
    if (status == HKP_OK) w->durable = w->writing;
    forget(node);
}

/* ---- After a restart ---- */

static hkp_status get_objects(struct hkp_mesh_node *node, struct hkp_dsm_cbor_reader *r) {
    const size_t n = hkp_dsm_cbor_array(r, 0, HKP_MESH__OBJECTS_MAX);
    for (size_t i = 0; i < n && r->status == HKP_OK; i++) {
        struct hkp_mesh__object o;
        size_t len = 0;
        (void)hkp_dsm_cbor_array(r, 2, 2);
        const uint64_t where = hkp_dsm_cbor_uint(r, 0, IN_BLOCK);
        const uint8_t *bytes = hkp_dsm_cbor_bytes(r, 1, SIZE_MAX, &len);
        if (r->status != HKP_OK) break;
        const hkp_status st = hkp_mesh__object_read(node, bytes, len, &o);
        if (st != HKP_OK) return st;
        o.to_block = where == TO_BLOCK;
        o.in_block = where == IN_BLOCK;
        o.told =
            o.kind == HKP_DSM_KIND_POLICY || (o.kind == HKP_DSM_KIND_ORDER && o.scope != HKP_DSM_ORDER_RESET);
        if (hkp_mesh__object_keep(node, &o) == NULL) return HKP_E_NOMEM;
    }
    return r->status;
}

hkp_status hkp_mesh__work_restore(struct hkp_mesh_node *node, const uint8_t *data, size_t len) {
    struct hkp_mesh__work *w = node->work;
    struct hkp_dsm_cbor_reader r;
    hkp_dsm_control *control = NULL;
    uint8_t head[HEAD];
    size_t state_len = 0;
    head_of(node, head);
    if (w->n_objects != 0 || len < HEAD + TAG || len > HKP_MESH__WORK_FILE_MAX ||
        memcmp(data, head, HEAD) != 0 ||
        crypto_auth_verify(data + len - TAG, data, len - TAG, node->opt.state_key) != 0)
        return HKP_E_NEURO_STATE;
    hkp_status st = hkp_dsm_cbor_read(&r, data + HEAD, len - HEAD - TAG);
    if (st != HKP_OK) return st;
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    const uint8_t *state = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_CONTROL_STATE_MAX, &state_len);
    hkp_dsm_cbor_key(&r, &left, 2);
    st = r.status;
    if (st == HKP_OK) st = hkp_mesh__control_new(node, state, state_len, &control);
    if (st != HKP_OK) return st;
    hkp_dsm_control_free(w->control);
    w->control = control;
    st = get_objects(node, &r);
    hkp_dsm_cbor_close(&r, left);
    w->wanted = w->durable = 0; /* as on disk */
    return st == HKP_OK ? r.status : st;
}
