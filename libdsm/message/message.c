/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Parsing of messages (D-GSP-18 to D-GSP-21). SHAPES is the table of D-GSP-18: lanes and fields of each op. A
 * field is read by its name, so two ops that share a field share its rules.
 */
#include "libdsm/message/message.h"

#include <stddef.h>
#include <string.h>

enum {
    RECORD_MAX = 512,
    ENVELOPE_MAX = 1152,
    VOTE_MAX = 256,
    PROOF_MAX = 1048576 - 64,
    CHUNK_LEAVES = 1024,
    LINK_HEADERS = 65, /* a boundary and 64 descendants */
    EPOCHS_MAX = 64
};
#define SEQ_LIMIT (1ULL << 63)

enum field {
    NO_FIELD,
    RECORD,
    RECORDS,
    RECORDS_1,
    TTL,
    FLAG,
    NONCE,
    PUSH_LANE,
    HOPS,
    ITEM,
    IDS,
    NODE,
    SALT,
    TIME,
    ROOT,
    HASHES,
    BUCKETS,
    HEADS,
    RANGES,
    ITEMS,
    EPOCH,
    HAVES,
    FROM,
    TO,
    DIGESTS,
    CERTS_192,
    PAIRS,
    ENVELOPES,
    CERTS_3,
    ENVELOPE,
    BODY,
    CERTS_64,
    VOTE,
    CERT,
    NODES,
    HEIGHT,
    CHUNK,
    LEAVES,
    PATH,
    LINKS,
    WHAT,
    KEY,
    POSITION,
    STATUS,
    PROOF
};

enum { L0 = 1, L1 = 2, L2 = 4, L3 = 8, L4 = 16, ALL = 31 };

static const struct {
    uint8_t lanes;
    uint8_t fields[5]; /* enum field */
} SHAPES[] = {
    [HKP_DSM__OP_MSG_JOIN] = {L3, {RECORD}},
    [HKP_DSM__OP_MSG_FORWARD_JOIN] = {L3, {RECORD, TTL}},
    [HKP_DSM__OP_MSG_NEIGHBOR] = {L3, {FLAG}},
    [HKP_DSM__OP_MSG_NEIGHBOR_REPLY] = {L3, {FLAG}},
    [HKP_DSM__OP_MSG_DISCONNECT] = {L3, {NO_FIELD}},
    [HKP_DSM__OP_MSG_SHUFFLE] = {L3, {NONCE, RECORDS_1, TTL}},
    [HKP_DSM__OP_MSG_SHUFFLE_REPLY] = {L3, {NONCE, RECORDS}},
    [HKP_DSM__OP_MSG_PUSH] = {ALL, {PUSH_LANE, HOPS, ITEM}},
    [HKP_DSM__OP_MSG_IHAVE] = {ALL, {IDS}},
    [HKP_DSM__OP_MSG_GRAFT] = {ALL, {IDS}},
    [HKP_DSM__OP_MSG_PRUNE] = {ALL, {NO_FIELD}},
    [HKP_DSM__OP_MSG_IDONTWANT] = {ALL, {IDS}},
    [HKP_DSM__OP_MSG_PING] = {L0, {NONCE}},
    [HKP_DSM__OP_MSG_ACK] = {L0, {NONCE}},
    [HKP_DSM__OP_MSG_PING_REQ] = {L0, {NONCE, NODE}},
    [HKP_DSM__OP_MSG_DIGEST] = {L3, {SALT, TIME, ROOT}},
    [HKP_DSM__OP_MSG_BUCKETS] = {L3, {SALT, HASHES}},
    [HKP_DSM__OP_MSG_HEADS] = {L3, {BUCKETS, HEADS}},
    [HKP_DSM__OP_MSG_WANT] = {L3 | L0, {RANGES}},
    [HKP_DSM__OP_MSG_ITEMS] = {L3 | L1 | L0, {ITEMS}},
    [HKP_DSM__OP_MSG_HAVE] = {L0, {EPOCH, HAVES}},
    [HKP_DSM__OP_MSG_SYNC_REQ] = {L0, {EPOCH, FROM, TO, DIGESTS}},
    [HKP_DSM__OP_MSG_SYNC_RESP] = {L0, {CERTS_192, PAIRS}},
    [HKP_DSM__OP_MSG_PROMISES_REQ] = {L0, {EPOCH}},
    [HKP_DSM__OP_MSG_PROMISES] = {L0, {EPOCH, ENVELOPES, CERTS_3}},
    [HKP_DSM__OP_MSG_PROPOSE] = {L0, {ENVELOPE, BODY, CERTS_64}},
    [HKP_DSM__OP_MSG_VOTE] = {L0, {VOTE}},
    [HKP_DSM__OP_MSG_CERT] = {L0, {CERT}},
    [HKP_DSM__OP_MSG_CERT_WANT] = {L1, {NODES}},
    [HKP_DSM__OP_MSG_CHUNK_REQ] = {L4, {HEIGHT, CHUNK}},
    [HKP_DSM__OP_MSG_CHUNK] = {L4, {HEIGHT, CHUNK, LEAVES, PATH}},
    [HKP_DSM__OP_MSG_BOUNDARY_REQ] = {L4, {EPOCH, TO}},
    [HKP_DSM__OP_MSG_BOUNDARIES] = {L4, {LINKS}},
    [HKP_DSM__OP_MSG_PROOF_REQ] = {L4, {NONCE, EPOCH, WHAT, KEY, POSITION}},
    [HKP_DSM__OP_MSG_PROOF] = {L4, {NONCE, STATUS, PROOF}},
};
enum { N_SHAPES = sizeof SHAPES / sizeof SHAPES[0], FIELDS_MAX = sizeof SHAPES[0].fields };

static void refuse(struct hkp_dsm_cbor_reader *r, hkp_status status) {
    if (r->status == HKP_OK) r->status = status;
}

/* A byte string that is opaque here: not empty, and not above its size (D-GSP-21). */
static void take_bytes(struct hkp_dsm_cbor_reader *r, size_t max, struct hkp_dsm_view *view) {
    view->ptr = hkp_dsm_cbor_bytes(r, 1, SIZE_MAX, &view->len);
    if (view->ptr != NULL && view->len > max) refuse(r, HKP_E_DSM_TOO_BIG);
}

static const uint8_t *take_fixed(struct hkp_dsm_cbor_reader *r, size_t len) {
    return hkp_dsm_cbor_bytes(r, len, len, NULL);
}

static void begin_list(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, struct hkp_dsm__list *list) {
    list->n = hkp_dsm_cbor_array(r, min, max);
    list->at = *r;
}

static void take_strings(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t size,
                         struct hkp_dsm__list *list) {
    struct hkp_dsm_view each;
    begin_list(r, min, max, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) take_bytes(r, size, &each);
}

/* Byte strings of one length; ascending if order is set. */
static void take_fixed_list(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t len, int order,
                            struct hkp_dsm__list *list) {
    const uint8_t *before = NULL;
    begin_list(r, min, max, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) {
        const uint8_t *each = take_fixed(r, len);
        if (order && each != NULL && before != NULL && memcmp(before, each, len) >= 0)
            refuse(r, HKP_E_DSM_SCHEMA);
        before = each;
    }
}

static void take_buckets(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__list *list) {
    uint64_t lowest = 0;
    begin_list(r, 1, 16, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++)
        lowest = hkp_dsm_cbor_uint(r, lowest, 255) + 1;
}

static void take_range(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__range *range) {
    (void)hkp_dsm_cbor_array(r, 3, 3);
    range->node_id = take_fixed(r, 16);
    range->from = hkp_dsm_cbor_uint(r, 1, SEQ_LIMIT - 1);
    range->to = hkp_dsm_cbor_uint(r, 1, SEQ_LIMIT - 1);
    if (r->status == HKP_OK &&
        (range->to < range->from || range->to - range->from >= HKP_DSM__HEAD_BLOCKS_MAX))
        refuse(r, HKP_E_DSM_SCHEMA);
}

static void take_have(struct hkp_dsm_cbor_reader *r, int with_id, struct hkp_dsm__have *have) {
    (void)hkp_dsm_cbor_array(r, with_id ? 3 : 2, with_id ? 3 : 2);
    have->node_id = take_fixed(r, 16);
    have->seq = hkp_dsm_cbor_uint(r, 1, UINT64_MAX);
    have->id8 = with_id ? take_fixed(r, 8) : NULL;
}

static void take_haves(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, int with_id,
                       struct hkp_dsm__list *list) {
    const uint8_t *before = NULL;
    begin_list(r, min, max, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) {
        struct hkp_dsm__have have;
        take_have(r, with_id, &have);
        if (r->status == HKP_OK && before != NULL && memcmp(before, have.node_id, 16) >= 0)
            refuse(r, HKP_E_DSM_SCHEMA);
        before = have.node_id;
    }
}

static void take_pairs(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__list *list) {
    struct hkp_dsm_view each;
    begin_list(r, 0, 64, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) {
        (void)hkp_dsm_cbor_array(r, 2, 2);
        take_bytes(r, HKP_DSM__HEADER_MAX, &each);
        take_bytes(r, HKP_DSM__CHECKPOINT_BODY_MAX, &each);
    }
}

static void take_links(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__list *list) {
    struct hkp_dsm_view each;
    struct hkp_dsm__list headers;
    begin_list(r, 0, 64, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) {
        (void)hkp_dsm_cbor_array(r, 3, 3);
        take_strings(r, 1, LINK_HEADERS, HKP_DSM__HEADER_MAX, &headers);
        take_bytes(r, HKP_DSM__CERT_MAX, &each);
        take_bytes(r, HKP_DSM_VALSET_MAX, &each);
    }
}

static void take_item(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__item *item) {
    struct hkp_dsm_view object = {NULL, 0}, payload = {NULL, 0};
    (void)hkp_dsm_cbor_array(r, 3, 3);
    const uint64_t form = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
    object.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &object.len);
    if (hkp_dsm_cbor_type(r) == HKP_DSM_CBOR_BYTES)
        payload.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &payload.len);
    else if (hkp_dsm_cbor_simple(r) != HKP_DSM_CBOR_NULL)
        refuse(r, HKP_E_DSM_SCHEMA);
    if (r->status != HKP_OK) return;
    refuse(r, hkp_dsm__item_read(form > UINT32_MAX ? UINT32_MAX : (uint32_t)form, &object, &payload, item));
}

static void take_push_item(struct hkp_dsm_cbor_reader *r, uint32_t lane, struct hkp_dsm__item *item) {
    uint32_t right = 0;
    take_item(r, item);
    if (r->status == HKP_OK) refuse(r, hkp_dsm__item_push_lane(item, &right));
    if (r->status == HKP_OK && right != lane) refuse(r, HKP_E_DSM_LANE);
}

/* Answers: certificates in lane 1, blocks in lanes 0 and 3. */
static void take_items(struct hkp_dsm_cbor_reader *r, uint32_t lane, struct hkp_dsm__list *list) {
    begin_list(r, 0, 4096, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) {
        struct hkp_dsm__item item;
        take_item(r, &item);
        const uint32_t right = lane == 1 ? HKP_DSM_KIND_CERTIFICATE : HKP_DSM_KIND_MICROBLOCK;
        if (r->status == HKP_OK && item.kind != right) refuse(r, HKP_E_DSM_LANE);
    }
}

static void take_push_lane(struct hkp_dsm_cbor_reader *r, uint32_t lane) {
    if (hkp_dsm_cbor_uint(r, 0, HKP_DSM__LANES - 1) != lane) refuse(r, HKP_E_DSM_LANE);
}

static void take_flag(struct hkp_dsm_cbor_reader *r, uint64_t *flag) {
    const int32_t value = hkp_dsm_cbor_simple(r);
    if (value == HKP_DSM_CBOR_NULL) refuse(r, HKP_E_DSM_SCHEMA);
    *flag = value == HKP_DSM_CBOR_TRUE;
}

static void take_position(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__message *m) {
    if (hkp_dsm_cbor_type(r) == HKP_DSM_CBOR_UINT) {
        m->position = hkp_dsm_cbor_uint(r, 0, 63);
        m->has_position = 1;
    } else if (hkp_dsm_cbor_simple(r) != HKP_DSM_CBOR_NULL) {
        refuse(r, HKP_E_DSM_SCHEMA);
    }
}

static void take_ranges(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__list *list) {
    struct hkp_dsm__range range;
    begin_list(r, 1, 256, list);
    for (size_t i = 0; i < list->n && r->status == HKP_OK; i++) take_range(r, &range);
}

static void take_proof(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_view *proof) {
    if (hkp_dsm_cbor_type(r) == HKP_DSM_CBOR_BYTES)
        take_bytes(r, PROOF_MAX, proof);
    else if (hkp_dsm_cbor_simple(r) != HKP_DSM_CBOR_NULL)
        refuse(r, HKP_E_DSM_SCHEMA);
}

/* Fields of one of the five plain types; at: the member of the message that takes them. */
enum type { OTHER, UINT, FIXED, BYTES, STRINGS, FIXEDS };
#define AT(member) offsetof(struct hkp_dsm__message, member)
#define ANY UINT64_MAX

static const struct {
    uint8_t type; /* enum type */
    uint16_t at;
    uint64_t min, max; /* value of a UINT, number of elements of a list */
    size_t size;       /* length of FIXED and FIXEDS, highest of BYTES and STRINGS */
    int ascending;
} PLAIN[] = {
    [RECORD] = {BYTES, AT(record), 0, 0, RECORD_MAX, 0},
    [RECORDS] = {STRINGS, AT(list), 0, 8, RECORD_MAX, 0},
    [RECORDS_1] = {STRINGS, AT(list), 1, 8, RECORD_MAX, 0},
    [TTL] = {UINT, AT(ttl), 0, 6, 0, 0},
    [NONCE] = {FIXED, AT(nonce), 0, 0, 8, 0},
    [HOPS] = {UINT, AT(hops), 0, 255, 0, 0},
    [IDS] = {FIXEDS, AT(list), 1, 256, 16, 1},
    [NODE] = {FIXED, AT(node_id), 0, 0, 16, 0},
    [SALT] = {FIXED, AT(salt), 0, 0, 16, 0},
    [TIME] = {UINT, AT(time_us), 0, ANY, 0, 0},
    [ROOT] = {FIXED, AT(root), 0, 0, 8, 0},
    [HASHES] = {FIXEDS, AT(list), 256, 256, 8, 0},
    [EPOCH] = {UINT, AT(epoch), 0, ANY, 0, 0},
    [FROM] = {UINT, AT(from), 0, ANY, 0, 0},
    [TO] = {UINT, AT(to), 0, ANY, 0, 0},
    [DIGESTS] = {FIXEDS, AT(list2), 0, 64, 32, 0},
    [CERTS_192] = {STRINGS, AT(list), 0, 192, HKP_DSM__CERT_MAX, 0},
    [ENVELOPES] = {STRINGS, AT(list), 0, 4, ENVELOPE_MAX, 0},
    [CERTS_3] = {STRINGS, AT(list2), 0, 3, HKP_DSM__CERT_MAX, 0},
    [ENVELOPE] = {BYTES, AT(envelope), 0, 0, ENVELOPE_MAX, 0},
    [BODY] = {BYTES, AT(body), 0, 0, HKP_DSM__CHECKPOINT_BODY_MAX, 0},
    [CERTS_64] = {STRINGS, AT(list), 0, 64, HKP_DSM__CERT_MAX, 0},
    [VOTE] = {BYTES, AT(envelope), 0, 0, VOTE_MAX, 0},
    [CERT] = {BYTES, AT(cert), 0, 0, HKP_DSM__CERT_MAX, 0},
    [NODES] = {FIXEDS, AT(list), 1, 64, 16, 1},
    [HEIGHT] = {UINT, AT(height), 1, ANY, 0, 0},
    [CHUNK] = {UINT, AT(chunk), 0, 127, 0, 0},
    [LEAVES] = {STRINGS, AT(list), 0, CHUNK_LEAVES, HKP_DSM__LEAF_MAX, 0},
    [PATH] = {FIXEDS, AT(list2), 0, 7, 32, 0},
    [WHAT] = {UINT, AT(what), 0, 3, 0, 0},
    [STATUS] = {UINT, AT(status), 0, 4, 0, 0},
    [KEY] = {BYTES, AT(key), 0, 0, SIZE_MAX, 0},
    [PROOF] = {OTHER, 0, 0, 0, 0, 0},
};

static void take_other(struct hkp_dsm_cbor_reader *r, uint8_t field, struct hkp_dsm__message *m) {
    if (field == FLAG) take_flag(r, &m->flag);
    if (field == PUSH_LANE) take_push_lane(r, m->lane);
    if (field == ITEM) take_push_item(r, m->lane, &m->item);
    if (field == BUCKETS) take_buckets(r, &m->list);
    if (field == HEADS) take_haves(r, 0, HKP_DSM__CHANGED_HEADS_MAX, 1, &m->list2);
    if (field == RANGES) take_ranges(r, &m->list);
    if (field == ITEMS) take_items(r, m->lane, &m->list);
    if (field == HAVES) take_haves(r, 1, 1024, 0, &m->list);
    if (field == PAIRS) take_pairs(r, &m->list2);
    if (field == LINKS) take_links(r, &m->list);
    if (field == POSITION) take_position(r, m);
    if (field == PROOF) take_proof(r, &m->proof);
}

static void take_field(struct hkp_dsm_cbor_reader *r, uint8_t field, struct hkp_dsm__message *m) {
    void *at = (uint8_t *)m + PLAIN[field].at;
    const uint64_t min = PLAIN[field].min, max = PLAIN[field].max;
    const size_t size = PLAIN[field].size;
    switch ((enum type)PLAIN[field].type) {
    case UINT:
        *(uint64_t *)at = hkp_dsm_cbor_uint(r, min, max);
        break;
    case FIXED:
        *(const uint8_t **)at = take_fixed(r, size);
        break;
    case BYTES:
        take_bytes(r, size, at);
        break;
    case STRINGS:
        take_strings(r, (size_t)min, (size_t)max, size, at);
        break;
    case FIXEDS:
        take_fixed_list(r, (size_t)min, (size_t)max, size, PLAIN[field].ascending, at);
        break;
    case OTHER:
        take_other(r, field, m);
        break;
    }
}

/* Rules between fields. */
static int fields_agree(const struct hkp_dsm__message *m) {
    switch (m->op) {
    case HKP_DSM__OP_MSG_SYNC_REQ:
        return m->from <= m->to;
    case HKP_DSM__OP_MSG_BOUNDARY_REQ:
        return m->epoch <= m->to && m->to - m->epoch < EPOCHS_MAX;
    case HKP_DSM__OP_MSG_PROOF_REQ:
        return m->key.len == (m->what == 0 ? 16 : 32) && (m->what == 3) == (m->has_position != 0);
    case HKP_DSM__OP_MSG_PROOF:
        return (m->status == 0) == (m->proof.ptr != NULL);
    default:
        return 1;
    }
}

size_t hkp_dsm__lane_max(uint32_t lane) {
    static const size_t max[HKP_DSM__LANES] = {2097152, 2097152, 32768, 1048576, 1048576};
    return lane < HKP_DSM__LANES ? max[lane] : 0;
}

hkp_status hkp_dsm__stream_open(const uint8_t *first, size_t len, uint32_t taken, uint32_t *lane) {
    if (len != 1 || first[0] >= HKP_DSM__LANES || (taken >> first[0] & 1) != 0) return HKP_E_DSM_LANE;
    *lane = first[0];
    return HKP_OK;
}

hkp_status hkp_dsm__message_parse(uint32_t lane, const uint8_t *in, size_t len,
                                  struct hkp_dsm__message *message) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__message m = {.lane = lane};
    size_t n_fields = 0;
    if (len > hkp_dsm__lane_max(lane)) return HKP_E_DSM_TOO_BIG;
    (void)hkp_dsm_cbor_read(&r, in, len);
    const size_t n = hkp_dsm_cbor_array(&r, 1, SIZE_MAX);
    const uint64_t op = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    if (r.status != HKP_OK) return r.status;
    if (op >= N_SHAPES || SHAPES[op].lanes == 0) return HKP_E_DSM_OP;
    if ((SHAPES[op].lanes >> lane & 1) == 0) return HKP_E_DSM_LANE;
    while (n_fields < FIELDS_MAX && SHAPES[op].fields[n_fields] != NO_FIELD) n_fields++;
    if (n != n_fields + 1) return HKP_E_DSM_SCHEMA;
    m.op = (uint32_t)op;
    for (size_t i = 0; i < n_fields && r.status == HKP_OK; i++) take_field(&r, SHAPES[op].fields[i], &m);
    if (r.status != HKP_OK) return r.status;
    if (!fields_agree(&m)) return HKP_E_DSM_SCHEMA;
    *message = m;
    return HKP_OK;
}

/* ---- Elements of lists ----------------------------------------------------------------------------------
 */

const uint8_t *hkp_dsm__next_fixed(struct hkp_dsm__list *list, size_t len) {
    return take_fixed(&list->at, len);
}

struct hkp_dsm_view hkp_dsm__next_bytes(struct hkp_dsm__list *list) {
    struct hkp_dsm_view view = {NULL, 0};
    view.ptr = hkp_dsm_cbor_bytes(&list->at, 1, SIZE_MAX, &view.len);
    return view;
}

uint64_t hkp_dsm__next_uint(struct hkp_dsm__list *list) {
    return hkp_dsm_cbor_uint(&list->at, 0, UINT64_MAX);
}

void hkp_dsm__next_item(struct hkp_dsm__list *list, struct hkp_dsm__item *item) {
    take_item(&list->at, item);
}

void hkp_dsm__next_range(struct hkp_dsm__list *list, struct hkp_dsm__range *range) {
    take_range(&list->at, range);
}

void hkp_dsm__next_have(struct hkp_dsm__list *list, struct hkp_dsm__have *have) {
    struct hkp_dsm_cbor_reader peek = list->at;
    take_have(&list->at, hkp_dsm_cbor_array(&peek, 2, 3) == 3, have);
}

void hkp_dsm__next_pair(struct hkp_dsm__list *list, struct hkp_dsm_view *header, struct hkp_dsm_view *body) {
    (void)hkp_dsm_cbor_array(&list->at, 2, 2);
    *header = hkp_dsm__next_bytes(list);
    *body = hkp_dsm__next_bytes(list);
}
