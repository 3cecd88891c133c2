/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-GSP-18 to D-GSP-21: every op of class DSM, and the openings of streams. */
#include "dsm_vectors.h"

#include "libdsm/message/message.h"

static struct fixture fx;

static struct vec_bytes case_bytes(json_t *c) {
    json_t *part;
    size_t i, total = 0;
    if (vec_find(c, "build") == NULL) return vec_hex(c, "message");
    json_array_foreach(vec_get(c, "build"), i, part) total +=
        strlen(json_string_value(json_array_get(part, 0))) / 2 * vec_value_u64(json_array_get(part, 1));
    struct vec_bytes out = {.ptr = malloc(total + 1), .len = 0};
    json_array_foreach(vec_get(c, "build"), i, part) {
        struct vec_bytes piece = vec_value_hex(json_array_get(part, 0));
        for (uint64_t n = vec_value_u64(json_array_get(part, 1)); n > 0; n--) {
            memcpy(out.ptr + out.len, piece.ptr, piece.len);
            out.len += piece.len;
        }
        free(piece.ptr);
    }
    return out;
}

/* The item is written again byte for byte by the builder, and its id is the expected one. */
static void check_item(const struct hkp_dsm__item *item, json_t *id) {
    uint8_t got[16];
    struct vec_bytes want = vec_value_hex(id);
    hkp_dsm__item_message_id(item, fx.chain_id, got);
    CHECK_EQ(want.len, 16);
    CHECK_MEM(got, want.ptr, 16);
    free(want.ptr);
}

static void check_ids(json_t *c, struct hkp_dsm__message *m) {
    json_t *ids = vec_find(c, "ids");
    if (ids == NULL) return;
    if (m->op == HKP_DSM__OP_MSG_PUSH) {
        CHECK_EQ(json_array_size(ids), 1);
        check_item(&m->item, json_array_get(ids, 0));
        CHECK_EQ(hkp_dsm__item_lane(&m->item), m->lane);
        return;
    }
    CHECK_EQ(m->list.n, json_array_size(ids));
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm__item item;
        hkp_dsm__next_item(&m->list, &item);
        check_item(&item, json_array_get(ids, i));
    }
    CHECK_EQ(m->list.at.status, HKP_OK);
}

/* What the builders make of the fields that were read is the message itself. */
static void check_rebuild(const struct vec_bytes *in, const struct hkp_dsm__message *message) {
    struct hkp_dsm__message m = *message;
    struct hkp_dsm_cbor_writer w = {.out = malloc(in->len + 64), .cap = in->len + 64};
    switch (m.op) {
    case HKP_DSM__OP_MSG_PUSH:
        hkp_dsm__put_push(&w, m.lane, (uint32_t)m.hops, m.item.form, &m.item.object, &m.item.payload);
        break;
    case HKP_DSM__OP_MSG_IHAVE:
    case HKP_DSM__OP_MSG_GRAFT:
    case HKP_DSM__OP_MSG_IDONTWANT:
    case HKP_DSM__OP_MSG_CERT_WANT:
        hkp_dsm__put_list(&w, m.op, m.list.n);
        for (size_t i = 0; i < m.list.n; i++)
            hkp_dsm_cbor_put_bytes(&w, hkp_dsm__next_fixed(&m.list, 16), 16);
        break;
    case HKP_DSM__OP_MSG_WANT:
        hkp_dsm__put_list(&w, m.op, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm__range range;
            hkp_dsm__next_range(&m.list, &range);
            hkp_dsm__put_range(&w, range.node_id, range.from, range.to);
        }
        break;
    case HKP_DSM__OP_MSG_ITEMS:
        hkp_dsm__put_list(&w, m.op, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm__item item;
            hkp_dsm__next_item(&m.list, &item);
            hkp_dsm__put_item(&w, item.form, &item.object, &item.payload);
        }
        break;
    case HKP_DSM__OP_MSG_HAVE:
        hkp_dsm__put_have(&w, m.epoch, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm__have have;
            hkp_dsm__next_have(&m.list, &have);
            hkp_dsm__put_have_entry(&w, have.node_id, have.seq);
        }
        break;
    case HKP_DSM__OP_MSG_SYNC_REQ:
        hkp_dsm__put_sync_req(&w, m.epoch, m.from, m.to, m.list2.n);
        for (size_t i = 0; i < m.list2.n; i++)
            hkp_dsm_cbor_put_bytes(&w, hkp_dsm__next_fixed(&m.list2, 32), 32);
        break;
    case HKP_DSM__OP_MSG_SYNC_RESP:
        hkp_dsm__put_sync_resp(&w, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm_view each = hkp_dsm__next_bytes(&m.list);
            hkp_dsm__put_bytes(&w, &each);
        }
        hkp_dsm_cbor_put_array(&w, m.list2.n);
        for (size_t i = 0; i < m.list2.n; i++) {
            struct hkp_dsm_view header, body;
            hkp_dsm__next_pair(&m.list2, &header, &body);
            hkp_dsm__put_pair(&w, &header, &body);
        }
        break;
    case HKP_DSM__OP_MSG_PROMISES_REQ:
        hkp_dsm__put_promises_req(&w, m.epoch);
        break;
    case HKP_DSM__OP_MSG_PROMISES:
        hkp_dsm__put_promises(&w, m.epoch, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm_view each = hkp_dsm__next_bytes(&m.list);
            hkp_dsm__put_bytes(&w, &each);
        }
        hkp_dsm_cbor_put_array(&w, m.list2.n);
        for (size_t i = 0; i < m.list2.n; i++) {
            struct hkp_dsm_view each = hkp_dsm__next_bytes(&m.list2);
            hkp_dsm__put_bytes(&w, &each);
        }
        break;
    case HKP_DSM__OP_MSG_PROPOSE:
        hkp_dsm__put_propose(&w, &m.envelope, &m.body, m.list.n);
        for (size_t i = 0; i < m.list.n; i++) {
            struct hkp_dsm_view each = hkp_dsm__next_bytes(&m.list);
            hkp_dsm__put_bytes(&w, &each);
        }
        break;
    case HKP_DSM__OP_MSG_VOTE:
        hkp_dsm__put_single(&w, m.op, &m.envelope);
        break;
    case HKP_DSM__OP_MSG_CERT:
        hkp_dsm__put_single(&w, m.op, &m.cert);
        break;
    case HKP_DSM__OP_MSG_JOIN:
        hkp_dsm__put_single(&w, m.op, &m.record);
        break;
    case HKP_DSM__OP_MSG_PROOF:
        hkp_dsm__put_proof(&w, m.nonce, (uint32_t)m.status, m.proof.ptr != NULL ? &m.proof : NULL);
        break;
    default:
        hkp_dsm_cbor_put_raw(&w, in->ptr, in->len);
        break; /* no builder yet */
    }
    CHECK_EQ(w.status, HKP_OK);
    CHECK_EQ(w.len, in->len);
    if (w.len == in->len) CHECK_MEM(w.out, in->ptr, in->len);
    free(w.out);
}

static void messages(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/message.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = case_bytes(c);
        struct hkp_dsm__message m;
        memset(&m, 0xA5, sizeof m);
        hkp_status st = hkp_dsm__message_parse((uint32_t)vec_u64(c, "lane"), in.ptr, in.len, &m);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&m, sizeof m));
        } else {
            if (vec_find(c, "op") != NULL) CHECK_EQ(m.op, vec_u64(c, "op"));
            check_rebuild(&in, &m);
            check_ids(c, &m);
        }
        free(in.ptr);
    }
}

static void streams(void) {
    json_t *c, *each;
    size_t i, j;
    json_array_foreach(vec_get(fx.file, "streams"), i, c) {
        uint32_t taken = 0, lane = 0;
        json_array_foreach(vec_get(c, "taken"), j, each) taken |= 1U << vec_value_u64(each);
        for (j = 0; j < json_array_size(vec_get(c, "expect"));
             j++) { /* nothing is read behind a refused opening */
            struct vec_bytes in = vec_value_hex(json_array_get(vec_get(c, "messages"), j));
            struct hkp_dsm__message m;
            const char *want = json_string_value(json_array_get(vec_get(c, "expect"), j));
            hkp_status st = j == 0 ? hkp_dsm__stream_open(in.ptr, in.len, taken, &lane)
                                   : hkp_dsm__message_parse(lane, in.ptr, in.len, &m);
            if (strcmp(verdict_name(st), want) != 0) {
                printf("# stream \"%s\", message %zu is %s, expected %s\n", vec_text(c, "name"), j,
                       verdict_name(st), want);
                check_faults++;
            }
            free(in.ptr);
        }
    }
}

/* D-GSP-20: of evidence the outer shape [1, bstr, bstr] is looked at here, whatever the two strings hold. */
static void evidence_has_its_shape_and_nothing_more(void) {
    uint8_t push[] = {0x84, 8, 1, 0, 0x83, 3, 0x44, 0x83, 1, 0x40, 0x40, 0xF6};
    struct hkp_dsm__message m;
    CHECK_EQ(hkp_dsm__message_parse(1, push, sizeof push, &m), HKP_OK);
    CHECK_EQ(m.item.form, HKP_DSM__FORM_EVIDENCE);
    push[8] = 2;
    CHECK_EQ(hkp_dsm__message_parse(1, push, sizeof push, &m), HKP_E_DSM_SCHEMA);
    push[8] = 1;
    push[10] = 0x60;
    CHECK_EQ(hkp_dsm__message_parse(1, push, sizeof push, &m), HKP_E_DSM_SCHEMA);
}

int main(void) {
    CASE(messages);
    CASE(streams);
    CASE(evidence_has_its_shape_and_nothing_more);
    return check_done();
}
