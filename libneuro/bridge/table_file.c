/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Signed table files, what a table says of itself, and which table may follow which (LAB-7.4, LAB-7.5). */
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

enum { AT_LENGTH = 4, AT_TABLE = 8, KEY_ID = 16, EXTRA = AT_TABLE + KEY_ID + crypto_sign_BYTES };
_Static_assert((int)EXTRA == (int)HKP_NEURO_BRIDGE_FILE_EXTRA, "what stands around a table");
static const uint8_t magic[4] = {'L', 'M', 'T', '1'};
static const char label[] = "LAB1 table"; /* signed with its zero byte */

static void key_id(const uint8_t key[32], uint8_t id[KEY_ID]) {
    uint8_t digest[32];
    (void)crypto_hash_sha256(digest, key, 32);
    memcpy(id, digest, KEY_ID);
}

/* The first key with this id, or NULL. */
static const uint8_t *find_key(const uint8_t *keys, size_t n_keys, const uint8_t wanted[KEY_ID]) {
    for (size_t i = 0; i < n_keys; i++) {
        uint8_t id[KEY_ID];
        key_id(keys + 32 * i, id);
        if (memcmp(id, wanted, KEY_ID) == 0) return keys + 32 * i;
    }
    return NULL;
}

/* Ed25519 of libsodium wants what was signed in one piece: label and table need room of their own. */
static hkp_status verify(const struct hkp_mem *mem, const uint8_t *table, size_t len,
                         const uint8_t signature[crypto_sign_BYTES], const uint8_t key[32]) {
    const size_t size = sizeof label + len;
    uint8_t *input = mem->alloc(mem->user, size);
    if (input == NULL) return HKP_E_NOMEM;
    memcpy(input, label, sizeof label);
    memcpy(input + sizeof label, table, len);
    const int good = crypto_sign_verify_detached(signature, input, size, key) == 0;
    hkp_mem_free(mem, input, size);
    return good ? HKP_OK : HKP_E_NEURO_BR_SIG;
}

hkp_status hkp_neuro_bridge_open(hkp_neuro_bridge **out, const struct hkp_neuro_bridge_options *opt,
                                 const uint8_t *file, size_t len, const uint8_t *keys, size_t n_keys) {
    struct hkp_neuro_bridge_options own = {0};
    hkp_status st = opt == NULL ? HKP_OK : hkp_options_import(&own, sizeof own, sizeof own, opt);
    if (st == HKP_OK) st = hkp_mem_import(&own.mem);
    if (st != HKP_OK) return st;
    if (len < sizeof magic || memcmp(file, magic, sizeof magic) != 0) return HKP_E_NEURO_BR_MAGIC;
    if (len < EXTRA || len > (size_t)HKP_NEURO_BRIDGE_SIZE_MAX + EXTRA ||
        hkp_be32(file + AT_LENGTH) != len - EXTRA)
        return HKP_E_NEURO_BR_LENGTH;
    const uint8_t *table = file + AT_TABLE, *id = file + len - crypto_sign_BYTES - KEY_ID;
    const uint8_t *key = find_key(keys, n_keys, id);
    if (key == NULL) return HKP_E_NEURO_BR_SIGNER;
    st = verify(&own.mem, table, len - EXTRA, id + KEY_ID, key);
    return st == HKP_OK ? hkp_neuro_bridge_new(out, opt, table, len - EXTRA) : st;
}

hkp_status hkp_neuro_bridge_sign(const uint8_t *table, size_t len, const uint8_t secret_key[64],
                                 uint8_t *file, size_t cap, size_t *file_len) {
    uint8_t signature[crypto_sign_BYTES], public_key[32];
    if (len == 0 || len > HKP_NEURO_BRIDGE_SIZE_MAX) return HKP_E_NEURO_BR_LENGTH;
    if (cap < len + EXTRA) return HKP_E_NOSPC;
    memcpy(file, label, sizeof label); /* what is signed stands where the file will */
    memcpy(file + sizeof label, table, len);
    (void)crypto_sign_detached(signature, NULL, file, sizeof label + len, secret_key);
    (void)crypto_sign_ed25519_sk_to_pk(public_key, secret_key);
    memcpy(file, magic, sizeof magic);
    hkp_put_be32(file + AT_LENGTH, (uint32_t)len);
    memcpy(file + AT_TABLE, table, len);
    key_id(public_key, file + AT_TABLE + len);
    memcpy(file + AT_TABLE + len + KEY_ID, signature, sizeof signature);
    *file_len = len + EXTRA;
    return HKP_OK;
}

/* ---- what it says ---- */

void hkp_neuro_bridge_info(const hkp_neuro_bridge *b, struct hkp_neuro_bridge_info *info) {
    *info = (struct hkp_neuro_bridge_info){.name = (const char *)b->name,
                                           .name_len = b->name_len,
                                           .revision = b->revision,
                                           .sides = b->sides,
                                           .charset = b->charset,
                                           .record_length = b->record_length,
                                           .level = b->level,
                                           .n_messages = (uint32_t)b->n_messages};
    memcpy(info->table_id, b->table_id, sizeof info->table_id);
    memcpy(info->previous, b->previous, sizeof info->previous);
}

hkp_status hkp_neuro_bridge_field(const hkp_neuro_bridge *b, uint32_t message, uint32_t index,
                                  struct hkp_neuro_bridge_field *field) {
    if (message >= b->n_messages || index >= b->messages[message].n_fields) return HKP_E_INVAL;
    const struct hkp_neuro__message *m = &b->messages[message];
    const struct hkp_neuro__field *f = &m->fields[index];
    *field = (struct hkp_neuro_bridge_field){.message = (const char *)m->name,
                                             .message_len = m->name_len,
                                             .name = (const char *)f->name,
                                             .name_len = f->name_len,
                                             .id = f->id,
                                             .type = f->type,
                                             .cardinality = f->cardinality,
                                             .arg = f->arg,
                                             .sensitivity = f->sensitivity,
                                             .json_form = f->json_form,
                                             .pb_number = f->pb_number,
                                             .pb_type = f->pb_type,
                                             .rec_offset = f->rec_offset,
                                             .rec_length = f->rec_length,
                                             .rec_form = f->rec_form};
    return HKP_OK;
}

const struct hkp_neuro__member *hkp_neuro__enum_number(const struct hkp_neuro__enum *e, int64_t number) {
    uint32_t low = 0, high = e->n;
    while (low < high) {
        const uint32_t mid = (low + high) / 2;
        if (e->members[mid].number == number) return &e->members[mid];
        if (e->members[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct hkp_neuro__member *hkp_neuro__enum_name(const struct hkp_neuro__enum *e, const uint8_t *name,
                                                     size_t len) {
    for (uint32_t i = 0; i < e->n; i++)
        if (e->members[i].name_len == len && memcmp(e->members[i].name, name, len) == 0)
            return &e->members[i];
    return NULL;
}

/* ---- one table after another ---- */

static int same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* A number of an enumeration keeps its name, and a name its number. */
static int enum_keeps(const struct hkp_neuro__enum *e, const struct hkp_neuro__enum *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const struct hkp_neuro__member *m = &f->members[i];
        const struct hkp_neuro__member *by_number = hkp_neuro__enum_number(e, m->number);
        const struct hkp_neuro__member *by_name = hkp_neuro__enum_name(e, m->name, m->name_len);
        if (by_number != by_name) return 0;
    }
    return 1;
}

static int field_keeps(const hkp_neuro_bridge *before, const hkp_neuro_bridge *after,
                       const struct hkp_neuro__field *f, const struct hkp_neuro__field *g) {
    const int pb = (before->sides & after->sides & HKP_NEURO_BRIDGE_PROTOBUF) != 0;
    const int same_name = same(f->name, f->name_len, g->name, g->name_len);
    const int same_number = pb && f->pb_number == g->pb_number;
    if (f->id != g->id) return !same_name && !same_number; /* two fields, so nothing in common */
    if (!same_name || f->type != g->type || f->cardinality != g->cardinality) return 0;
    if (pb && (!same_number || f->pb_type != g->pb_type)) return 0;
    if (f->type == HKP_NEURO__DECIMAL) return f->arg == g->arg;
    if (f->type == HKP_NEURO__ENUM) return enum_keeps(&before->enums[f->arg], &after->enums[g->arg]);
    if (f->type != HKP_NEURO__MESSAGE) return 1;
    const struct hkp_neuro__message *m = &before->messages[f->arg], *n = &after->messages[g->arg];
    return same(m->name, m->name_len, n->name, n->name_len);
}

static int message_keeps(const hkp_neuro_bridge *before, const hkp_neuro_bridge *after,
                         const struct hkp_neuro__message *m, const struct hkp_neuro__message *n) {
    for (uint32_t i = 0; i < m->n_fields; i++)
        for (uint32_t k = 0; k < n->n_fields; k++)
            if (!field_keeps(before, after, &m->fields[i], &n->fields[k])) return 0;
    return 1;
}

hkp_status hkp_neuro_bridge_replaces(const hkp_neuro_bridge *before, const hkp_neuro_bridge *after) {
    if (before->revision == UINT32_MAX || after->revision != before->revision + 1 ||
        memcmp(after->previous, before->table_id, 32) != 0 ||
        !same(before->name, before->name_len, after->name, after->name_len))
        return HKP_E_NEURO_BR_REVISION;
    for (size_t i = 0; i < before->n_messages; i++)
        for (size_t k = 0; k < after->n_messages; k++) {
            const struct hkp_neuro__message *m = &before->messages[i], *n = &after->messages[k];
            const int counterpart = (i == 0 && k == 0) || same(m->name, m->name_len, n->name, n->name_len);
            if (counterpart && !message_keeps(before, after, m, n)) return HKP_E_NEURO_BR_REVISION;
        }
    return HKP_OK;
}
