/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* MAN1, the signed list of what is measured (NZ1 2.4), and the digest of @modules (NZ1 2.3). */
#include "libter/bytes.h"
#include "libter/integrity.h"
#include "libter/options.h"

/* Offsets in a manifest (NZ1 2.4). */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_POLICY = 8,
    AT_N_ITEMS = 12,
    AT_N_ALLOW = 16,
    AT_LENGTH = 20,
    AT_NODE = 24,
    AT_SIGNER = 40,
    AT_ZERO = 56,
    AT_ITEMS = 64
};
enum { SIGNATURE_LEN = 64, LABEL_LEN = 13 };

static int text_is(const uint8_t *text, size_t len, const char *what) {
    return len == strlen(what) && memcmp(text, what, len) == 0;
}

static int is_pseudo_path(const uint8_t *path, size_t len) {
    return text_is(path, len, "@cmdline") || text_is(path, len, "@manifest") ||
           text_is(path, len, "@modules") || text_is(path, len, "@pcr10") || text_is(path, len, "@policy");
}

static int item_is_valid(const struct hkp_ter_item *item) {
    if (item->path_len < 1 || item->path_len > HKP_TER_PATH_MAX) return 0;
    if (memchr(item->path, 0, item->path_len) != NULL) return 0;
    if (item->kind == HKP_TER_KIND_PSEUDO) return is_pseudo_path(item->path, item->path_len);
    return item->kind >= HKP_TER_KIND_FILE && item->kind <= HKP_TER_KIND_LINK && item->path[0] == '/';
}

static int name_is_valid(const struct hkp_ter_name *name) {
    if (name->len < 1 || name->len > HKP_TER_NAME_MAX) return 0;
    for (size_t i = 0; i < name->len; i++)
        if (name->text[i] < 0x21 || name->text[i] > 0x7E) return 0;
    return 1;
}

/* One item at *off, in front of end; 0 if it runs into it. */
static int read_item(const uint8_t *bytes, size_t end, size_t *off, struct hkp_ter_item *item) {
    if (end - *off < 3) return 0;
    item->path_len = hkp_le16(bytes + *off);
    if (end - *off < 3 + (size_t)item->path_len) return 0;
    item->path = bytes + *off + 2;
    item->kind = item->path[item->path_len];
    memset(item->digest, 0, sizeof item->digest);
    *off += 3 + (size_t)item->path_len;
    return 1;
}

static int read_name(const uint8_t *bytes, size_t end, size_t *off, struct hkp_ter_name *name) {
    if (end - *off < 1 || end - *off < 1 + (size_t)bytes[*off]) return 0;
    name->len = bytes[*off];
    name->text = bytes + *off + 1;
    *off += 1 + name->len;
    return 1;
}

static hkp_status check_head(const uint8_t *bytes, size_t len, const uint8_t node_id[16]) {
    if (len < HKP_TER_MANIFEST_MIN || len > HKP_TER_MANIFEST_MAX || hkp_le32(bytes + AT_LENGTH) != len)
        return HKP_E_TER_MAN_LENGTH;
    if (memcmp(bytes, "MAN1", 4) != 0) return HKP_E_TER_MAN_MAGIC;
    if (hkp_le16(bytes + AT_VERSION) != 1) return HKP_E_TER_MAN_VERSION;
    if (hkp_le16(bytes + AT_FLAGS) != 0 || !hkp_is_zero(bytes + AT_ZERO, AT_ITEMS - AT_ZERO))
        return HKP_E_TER_MAN_RESERVED;
    if (node_id != NULL && !hkp_is_zero(bytes + AT_NODE, 16) && memcmp(bytes + AT_NODE, node_id, 16) != 0)
        return HKP_E_TER_MAN_NODE;
    return HKP_OK;
}

/* libsodium signs one piece of memory, so the label and the body are put together in a copy. */
static hkp_status check_signature(const uint8_t *bytes, size_t len, const uint8_t key[32],
                                  const struct hkp_mem *mem) {
    size_t body = len - SIGNATURE_LEN;
    uint8_t *message = mem->alloc(mem->user, LABEL_LEN + body);
    if (message == NULL) return HKP_E_NOMEM;
    memcpy(message, "TER1 manifest", LABEL_LEN);
    memcpy(message + LABEL_LEN, bytes, body);
    int bad = crypto_sign_verify_detached(bytes + body, message, LABEL_LEN + body, key);
    mem->free(mem->user, message, LABEL_LEN + body);
    return bad ? HKP_E_TER_MAN_SIGNATURE : HKP_OK;
}

/* Items and names from AT_ITEMS to the signature; sets where the names begin. */
static hkp_status check_lists(const uint8_t *bytes, size_t end, size_t *allow_offset) {
    uint32_t n_items = hkp_le32(bytes + AT_N_ITEMS), n_allow = hkp_le32(bytes + AT_N_ALLOW);
    size_t off = AT_ITEMS;
    int self = 0;
    struct hkp_ter_item item, last_item = {0};
    struct hkp_ter_name name, last_name = {0};
    for (uint32_t i = 0; i < n_items; i++, last_item = item) {
        if (!read_item(bytes, end, &off, &item) || !item_is_valid(&item)) return HKP_E_TER_MAN_ITEM;
        if (hkp_ter__compare(last_item.path, last_item.path_len, item.path, item.path_len) >= 0)
            return HKP_E_TER_MAN_ITEM;
        self |= text_is(item.path, item.path_len, "@manifest");
    }
    *allow_offset = off;
    for (uint32_t i = 0; i < n_allow; i++, last_name = name) {
        if (!read_name(bytes, end, &off, &name) || !name_is_valid(&name)) return HKP_E_TER_MAN_ALLOW;
        if (hkp_ter__compare(last_name.text, last_name.len, name.text, name.len) >= 0)
            return HKP_E_TER_MAN_ALLOW;
    }
    if (off != end) return HKP_E_TER_MAN_ALLOW;
    return self ? HKP_OK : HKP_E_TER_MAN_SELF;
}

static void set_view(struct hkp_ter_manifest *manifest, const uint8_t *bytes, size_t len,
                     size_t allow_offset) {
    memset(manifest, 0, sizeof *manifest);
    manifest->bytes = bytes;
    manifest->len = len;
    manifest->allow_offset = allow_offset;
    manifest->policy_ver = hkp_le32(bytes + AT_POLICY);
    manifest->n_items = hkp_le32(bytes + AT_N_ITEMS);
    manifest->n_allow = hkp_le32(bytes + AT_N_ALLOW);
    memcpy(manifest->node_id, bytes + AT_NODE, 16);
    memcpy(manifest->signer, bytes + AT_SIGNER, 16);
    crypto_hash_sha256(manifest->digest, bytes, len);
}

hkp_status hkp_ter_manifest_check(struct hkp_ter_manifest *manifest, const uint8_t *bytes, size_t len,
                                  const uint8_t node_id[16], const uint8_t *keys, size_t n_keys,
                                  const struct hkp_mem *mem) {
    struct hkp_mem own = {0};
    const uint8_t *key = NULL;
    size_t allow_offset;
    if (mem != NULL) own = *mem;
    hkp_status st = hkp_mem_import(&own);
    if (st == HKP_OK) st = check_head(bytes, len, node_id);
    if (st != HKP_OK) return st;
    for (size_t i = 0; i < n_keys && key == NULL; i++) {
        uint8_t id[16];
        hkp_ter_key_id(keys + i * 32, id);
        if (memcmp(id, bytes + AT_SIGNER, 16) == 0) key = keys + i * 32;
    }
    if (key == NULL) return HKP_E_TER_MAN_SIGNER;
    st = check_signature(bytes, len, key, &own);
    if (st == HKP_OK) st = check_lists(bytes, len - SIGNATURE_LEN, &allow_offset);
    if (st != HKP_OK) return st;
    set_view(manifest, bytes, len, allow_offset);
    return HKP_OK;
}

hkp_status hkp_ter_manifest_parse(struct hkp_ter_manifest *manifest, const uint8_t *bytes, size_t len) {
    size_t allow_offset;
    hkp_status st = check_head(bytes, len, NULL);
    if (st == HKP_OK) st = check_lists(bytes, len - SIGNATURE_LEN, &allow_offset);
    if (st == HKP_OK) set_view(manifest, bytes, len, allow_offset);
    return st;
}

hkp_status hkp_ter_manifest_next(const struct hkp_ter_manifest *manifest, size_t *offset,
                                 struct hkp_ter_item *item) {
    size_t off = *offset == 0 ? AT_ITEMS : *offset;
    if (off >= manifest->allow_offset || !read_item(manifest->bytes, manifest->allow_offset, &off, item))
        return HKP_E_NOTFOUND;
    *offset = off;
    return HKP_OK;
}

hkp_status hkp_ter_manifest_allow_next(const struct hkp_ter_manifest *manifest, size_t *offset,
                                       struct hkp_ter_name *name) {
    size_t off = *offset == 0 ? manifest->allow_offset : *offset, end = manifest->len - SIGNATURE_LEN;
    if (off >= end || !read_name(manifest->bytes, end, &off, name)) return HKP_E_NOTFOUND;
    *offset = off;
    return HKP_OK;
}

/* Size of what spec makes, or an error; each entry as check_lists() will want it. */
static hkp_status measure_spec(const struct hkp_ter_manifest_spec *spec, size_t *total) {
    size_t len = AT_ITEMS + SIGNATURE_LEN;
    int self = 0;
    for (uint32_t i = 0; i < spec->n_items; i++) {
        const struct hkp_ter_item *item = &spec->items[i];
        if (!item_is_valid(item)) return HKP_E_INVAL;
        if (i > 0 && hkp_ter__compare(item[-1].path, item[-1].path_len, item->path, item->path_len) >= 0)
            return HKP_E_INVAL;
        self |= text_is(item->path, item->path_len, "@manifest");
        len += 3 + (size_t)item->path_len;
        if (len > HKP_TER_MANIFEST_MAX) return HKP_E_TOOBIG;
    }
    for (uint32_t i = 0; i < spec->n_allow; i++) {
        const struct hkp_ter_name *name = &spec->allow[i];
        if (!name_is_valid(name)) return HKP_E_INVAL;
        if (i > 0 && hkp_ter__compare(name[-1].text, name[-1].len, name->text, name->len) >= 0)
            return HKP_E_INVAL;
        len += 1 + name->len;
        if (len > HKP_TER_MANIFEST_MAX) return HKP_E_TOOBIG;
    }
    *total = len;
    return self ? HKP_OK : HKP_E_INVAL;
}

static void write_body(const struct hkp_ter_manifest_spec *spec, const uint8_t *policy_public, size_t total,
                       uint8_t *at) {
    memset(at, 0, AT_ITEMS);
    memcpy(at, "MAN1", 4);
    hkp_put_le16(at + AT_VERSION, 1);
    hkp_put_le32(at + AT_POLICY, spec->policy_ver);
    hkp_put_le32(at + AT_N_ITEMS, spec->n_items);
    hkp_put_le32(at + AT_N_ALLOW, spec->n_allow);
    hkp_put_le32(at + AT_LENGTH, (uint32_t)total);
    memcpy(at + AT_NODE, spec->node_id, 16);
    if (policy_public != NULL) hkp_ter_key_id(policy_public, at + AT_SIGNER);
    at += AT_ITEMS;
    for (uint32_t i = 0; i < spec->n_items; i++) {
        const struct hkp_ter_item *item = &spec->items[i];
        hkp_put_le16(at, (uint16_t)item->path_len);
        memcpy(at + 2, item->path, item->path_len);
        at[2 + item->path_len] = (uint8_t)item->kind;
        at += 3 + item->path_len;
    }
    for (uint32_t i = 0; i < spec->n_allow; i++) {
        *at++ = (uint8_t)spec->allow[i].len;
        memcpy(at, spec->allow[i].text, spec->allow[i].len);
        at += spec->allow[i].len;
    }
}

/* The message to sign is the label and the body; it fits into dst, because a signature is longer than the
 * label. Body stands behind the label already. */
static void sign_in_place(const uint8_t policy_secret[64], uint8_t *dst, size_t body) {
    uint8_t signature[SIGNATURE_LEN];
    memcpy(dst, "TER1 manifest", LABEL_LEN);
    crypto_sign_detached(signature, NULL, dst, LABEL_LEN + body, policy_secret);
    memmove(dst, dst + LABEL_LEN, body);
    memcpy(dst + body, signature, SIGNATURE_LEN);
}

hkp_status hkp_ter_manifest_build(const struct hkp_ter_manifest_spec *spec, const uint8_t policy_secret[64],
                                  uint8_t *dst, size_t cap, size_t *len) {
    size_t total;
    hkp_status st = measure_spec(spec, &total);
    if (st != HKP_OK) return st;
    if (cap < total) return HKP_E_NOSPC;
    write_body(spec, policy_secret + 32, total, dst + LABEL_LEN);
    sign_in_place(policy_secret, dst, total - SIGNATURE_LEN);
    *len = total;
    return HKP_OK;
}

hkp_status hkp_ter_manifest_draft(const struct hkp_ter_manifest_spec *spec, uint8_t *dst, size_t cap,
                                  size_t *len) {
    size_t total;
    hkp_status st = measure_spec(spec, &total);
    if (st != HKP_OK) return st;
    if (cap < total) return HKP_E_NOSPC;
    write_body(spec, NULL, total, dst);
    memset(dst + total - SIGNATURE_LEN, 0, SIGNATURE_LEN);
    *len = total;
    return HKP_OK;
}

hkp_status hkp_ter_manifest_sign(const uint8_t *draft, size_t draft_len, uint32_t policy_ver,
                                 const uint8_t *node_id, const uint8_t policy_secret[64], uint8_t *dst,
                                 size_t cap) {
    struct hkp_ter_manifest manifest;
    hkp_status st = hkp_ter_manifest_parse(&manifest, draft, draft_len);
    if (st != HKP_OK) return st;
    if (cap < draft_len) return HKP_E_NOSPC;
    uint8_t *body = dst + LABEL_LEN;
    memcpy(body, draft, draft_len - SIGNATURE_LEN);
    hkp_put_le32(body + AT_POLICY, policy_ver);
    if (node_id != NULL) memcpy(body + AT_NODE, node_id, 16);
    hkp_ter_key_id(policy_secret + 32, body + AT_SIGNER);
    sign_in_place(policy_secret, dst, draft_len - SIGNATURE_LEN);
    return HKP_OK;
}

static int is_allowed(const struct hkp_ter_manifest *manifest, const struct hkp_ter_name *name) {
    struct hkp_ter_name allowed;
    size_t off = manifest->allow_offset, end = manifest->len - SIGNATURE_LEN;
    while (off < end && read_name(manifest->bytes, end, &off, &allowed)) {
        int order = hkp_ter__compare(allowed.text, allowed.len, name->text, name->len);
        if (order >= 0) return order == 0;
    }
    return 0;
}

/* The first word of the line at *off, and on to the next line; 0 at the end. */
static int next_module(const uint8_t *text, size_t len, size_t *off, struct hkp_ter_name *name) {
    if (*off >= len) return 0;
    const uint8_t *line = text + *off, *end = memchr(line, '\n', len - *off);
    size_t line_len = end != NULL ? (size_t)(end - line) : len - *off;
    name->text = line;
    name->len = 0;
    while (name->len < line_len && line[name->len] != ' ') name->len++;
    *off += line_len + (end != NULL);
    return 1;
}

/* Ascending without memory of its own: each pass finds the least name above the one written last. */
void hkp_ter_modules_digest(const struct hkp_ter_manifest *manifest, const uint8_t *text, size_t len,
                            uint8_t digest[32]) {
    crypto_hash_sha256_state hash;
    struct hkp_ter_name last = {0}, least, name;
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, (const uint8_t *)"TER1 modules", 12);
    for (;;) {
        size_t off = 0;
        least.len = 0;
        least.text = NULL;
        while (next_module(text, len, &off, &name)) {
            if (name.len == 0 || hkp_ter__compare(name.text, name.len, last.text, last.len) <= 0) continue;
            if (least.len > 0 && hkp_ter__compare(name.text, name.len, least.text, least.len) >= 0) continue;
            if (!is_allowed(manifest, &name)) least = name;
        }
        if (least.len == 0) break;
        crypto_hash_sha256_update(&hash, least.text, least.len);
        crypto_hash_sha256_update(&hash, (const uint8_t *)"\n", 1);
        last = least;
    }
    crypto_hash_sha256_final(&hash, digest);
}
