/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Manifest files, and what was measured by one: on this machine, or from a file. */
#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLICY_MAX = 16777216, MEASURED_MAX = 67108864 };

const char *cli_kind_name(uint32_t kind) {
    static const char *const names[] = {"absent", "file", "fs-verity", "link", "pseudo", "unreadable"};
    return kind <= HKP_TER_KIND_UNREADABLE ? names[kind] : "?";
}

static int kind_of(const char *name, uint32_t *kind) {
    for (*kind = 0; name != NULL && *kind <= HKP_TER_KIND_UNREADABLE; (*kind)++)
        if (strcmp(cli_kind_name(*kind), name) == 0) return 0;
    return -1;
}

json_t *cli_path_json(const uint8_t *path, size_t len) {
    json_t *text = json_stringn((const char *)path, len);
    if (text != NULL) return json_pack("{s:o}", "path", text);
    char *hex = malloc(2 * len + 1);
    if (hex == NULL) return json_object();
    cli_hex(path, len, hex);
    json_t *object = json_pack("{s:s}", "path_hex", hex);
    free(hex);
    return object;
}

void cli_print_path(const uint8_t *path, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (path[i] < 0x20 || path[i] == 0x7F)
            printf("\\x%02x", path[i]);
        else
            putchar(path[i]);
}

/* ---- manifests ---- */

int cli_man_read(const char *path, struct cli_man *man) {
    size_t len = 0;
    man->bytes = malloc(HKP_TER_MANIFEST_MAX);
    if (man->bytes == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    hkp_status st = hkp_ter_file_read(path, 0, man->bytes, HKP_TER_MANIFEST_MAX, &len);
    if (st == HKP_OK) {
        st = hkp_ter_manifest_parse(&man->view, man->bytes, len);
        if (st == HKP_OK) return CLI_OK;
        (void)cli_fail(CLI_DAMAGED, "%s: is no manifest: %s", path, cli_status_name(st));
    } else {
        (void)cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", path, cli_status_name(st));
        st = HKP_E_IO;
    }
    cli_man_free(man);
    return st == HKP_E_IO ? CLI_SYSTEM : CLI_DAMAGED;
}

void cli_man_free(struct cli_man *man) {
    free(man->bytes);
    man->bytes = NULL;
}

/* ---- this machine ---- */

static int make_room(struct cli_measured *m, uint32_t n) {
    memset(m, 0, sizeof *m);
    m->items = calloc(n, sizeof *m->items);
    m->demanded = calloc(n, sizeof *m->demanded);
    m->n = n;
    if (m->items != NULL && m->demanded != NULL) return CLI_OK;
    cli_measured_free(m);
    return cli_fail(CLI_SYSTEM, "out of memory");
}

void cli_measured_free(struct cli_measured *m) {
    free(m->items);
    free(m->demanded);
    free(m->paths);
    memset(m, 0, sizeof *m);
}

/* The digest of a file, measured as the only item of a draft: public headers offer no hash by itself. */
static int digest_of_file(const char *path, uint8_t digest[32]) {
    char real[4096];
    struct hkp_ter_expand_options o;
    struct hkp_ter_measure_options mo;
    struct hkp_ter_manifest_spec spec;
    struct hkp_ter_manifest view;
    struct hkp_ter_measured item;
    hkp_ter_expand *x = NULL;
    hkp_ter_measure *m = NULL;
    uint8_t draft[8192], root[32], h[20];
    size_t len = 0;
    if (realpath(path, real) == NULL) return -1;
    hkp_ter_expand_options_init(&o, sizeof o);
    hkp_ter_measure_options_init(&mo, sizeof mo);
    mo.manifest = &view;
    mo.watch_off = 1;
    int result = -1;
    if (hkp_ter_expand_new(&x, &o) == HKP_OK &&
        hkp_ter_expand_add_path(x, real, HKP_TER_KIND_FILE, NULL) == HKP_OK &&
        hkp_ter_expand_finish(x, &spec) == HKP_OK &&
        hkp_ter_manifest_draft(&spec, draft, sizeof draft, &len) == HKP_OK &&
        hkp_ter_manifest_parse(&view, draft, len) == HKP_OK && hkp_ter_measure_new(&m, &mo, 0) == HKP_OK &&
        hkp_ter_measure_run(m, 0, root, h) == HKP_OK && hkp_ter_measure_item(m, 0, &item) == HKP_OK &&
        item.outcome == HKP_TER_KIND_FILE) {
        memcpy(digest, item.digest, 32);
        result = 0;
    }
    hkp_ter_measure_free(m);
    hkp_ter_expand_free(x);
    return result;
}

/* The items as the object has them; paths are copied, because the object goes. */
static void take_items(const hkp_ter_measure *object, struct cli_measured *m) {
    size_t off = 0;
    struct hkp_ter_measured item;
    for (uint32_t i = 0; i < m->n && hkp_ter_measure_item(object, i, &item) == HKP_OK; i++) {
        memcpy(m->paths + off, item.path, item.path_len);
        m->items[i] =
            (struct hkp_ter_item){.path = m->paths + off, .path_len = item.path_len, .kind = item.outcome};
        memcpy(m->items[i].digest, item.digest, 32);
        m->demanded[i] = item.kind;
        off += item.path_len;
    }
}

int cli_measure(const struct hkp_ter_manifest *manifest, const char *policy, struct cli_measured *m) {
    struct hkp_ter_measure_options o;
    hkp_ter_measure *object = NULL;
    uint8_t digest[32];
    const int room = make_room(m, manifest->n_items);
    if (room != CLI_OK) return room;
    m->paths = malloc(manifest->len); /* more than all paths together */
    hkp_ter_measure_options_init(&o, sizeof o);
    o.manifest = manifest;
    o.watch_off = 1;
    hkp_status st = m->paths == NULL ? HKP_E_NOMEM : hkp_ter_measure_new(&object, &o, cli_mono());
    if (st == HKP_OK && policy != NULL) {
        if (digest_of_file(policy, digest) != 0) {
            hkp_ter_measure_free(object);
            cli_measured_free(m);
            return cli_fail(CLI_SYSTEM, "%s: cannot be read", policy);
        }
        hkp_ter_measure_policy_set(object, digest);
    }
    if (st == HKP_OK) st = hkp_ter_measure_run(object, cli_mono(), m->root, m->h_integrity);
    if (st == HKP_OK) take_items(object, m);
    hkp_ter_measure_free(object);
    if (st == HKP_OK) return CLI_OK;
    cli_measured_free(m);
    return cli_fail(CLI_SYSTEM, "cannot measure: %s", cli_status_name(st));
}

/* ---- a file of what was measured ---- */

int cli_measured_write(const char *path, const struct cli_measured *m) {
    char hex[65];
    json_t *items = json_array();
    for (uint32_t i = 0; i < m->n; i++) {
        json_t *item = cli_path_json(m->items[i].path, m->items[i].path_len);
        cli_hex(m->items[i].digest, 32, hex);
        json_object_set_new(item, "kind", json_string(cli_kind_name(m->demanded[i])));
        json_object_set_new(item, "outcome", json_string(cli_kind_name(m->items[i].kind)));
        json_object_set_new(item, "digest", json_string(hex));
        json_array_append_new(items, item);
    }
    json_t *all = json_pack("{s:s,s:o}", "format", "hookprobe measured 1", "items", items);
    char *text = json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    const hkp_status st =
        text == NULL ? HKP_E_NOMEM : hkp_ter_file_write(path, (const uint8_t *)text, strlen(text));
    free(text);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: cannot be written", path);
}

/* One item of the file, which has to be the manifest's. */
static int read_item(const json_t *json, const struct hkp_ter_item *wanted, struct hkp_ter_item *item) {
    const char *path = json_string_value(json_object_get(json, "path"));
    const char *hex = json_string_value(json_object_get(json, "path_hex"));
    const char *digest = json_string_value(json_object_get(json, "digest"));
    uint32_t kind, outcome;
    char own[2 * HKP_TER_PATH_MAX + 1];
    if (path != NULL ? strlen(path) != wanted->path_len || memcmp(path, wanted->path, wanted->path_len) != 0
                     : hex == NULL)
        return -1;
    cli_hex(wanted->path, wanted->path_len, own);
    if (path == NULL && strcmp(hex, own) != 0) return -1;
    if (kind_of(json_string_value(json_object_get(json, "kind")), &kind) != 0 || kind != wanted->kind)
        return -1;
    if (kind_of(json_string_value(json_object_get(json, "outcome")), &outcome) != 0) return -1;
    if (outcome != kind && outcome != HKP_TER_KIND_ABSENT && outcome != HKP_TER_KIND_UNREADABLE) return -1;
    *item = *wanted;
    item->kind = outcome;
    if (digest == NULL || cli_unhex(digest, item->digest, 32) != 0) return -1;
    static const uint8_t none[32];
    return outcome == kind || memcmp(item->digest, none, 32) == 0 ? 0 : -1;
}

static int read_items(const char *path, const json_t *list, const struct hkp_ter_manifest *manifest,
                      struct cli_measured *m) {
    struct hkp_ter_item wanted;
    size_t off = 0;
    if (json_array_size(list) != manifest->n_items)
        return cli_fail(CLI_DAMAGED,
                        "%s: not what was measured by this manifest: %zu items, %u in the manifest", path,
                        json_array_size(list), manifest->n_items);
    for (uint32_t i = 0; hkp_ter_manifest_next(manifest, &off, &wanted) == HKP_OK; i++) {
        if (read_item(json_array_get(list, i), &wanted, &m->items[i]) != 0)
            return cli_fail(CLI_DAMAGED, "%s: item %u is not that of the manifest, or breaks the form", path,
                            i);
        m->demanded[i] = wanted.kind;
        if (wanted.path_len == 9 && memcmp(wanted.path, "@manifest", 9) == 0)
            memcpy(m->items[i].digest, manifest->digest, 32);
    }
    return CLI_OK;
}

int cli_measured_read(const char *path, const struct hkp_ter_manifest *manifest, struct cli_measured *m) {
    json_error_t error;
    uint8_t *bytes = malloc(MEASURED_MAX);
    size_t len = 0;
    if (bytes == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    const hkp_status st = hkp_ter_file_read(path, 0, bytes, MEASURED_MAX, &len);
    json_t *json = st == HKP_OK ? json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &error) : NULL;
    free(bytes);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", path, cli_status_name(st));
    if (json == NULL) return cli_fail(CLI_DAMAGED, "%s:%d: %s", path, error.line, error.text);
    int code = make_room(m, manifest->n_items);
    if (code == CLI_OK) code = read_items(path, json_object_get(json, "items"), manifest, m);
    json_decref(json);
    if (code == CLI_OK && hkp_ter_integrity_root(m->items, m->n, m->root) != HKP_OK)
        code = cli_fail(CLI_DAMAGED, "%s: breaks the form", path);
    if (code == CLI_OK) hkp_ter_ripemd160(m->root, 32, m->h_integrity);
    if (code != CLI_OK) cli_measured_free(m);
    return code;
}

uint32_t cli_missing(const struct cli_measured *m, json_t *list) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->items[i].kind == m->demanded[i]) continue;
        n++;
        if (list != NULL) {
            json_t *item = cli_path_json(m->items[i].path, m->items[i].path_len);
            json_object_set_new(item, "outcome", json_string(cli_kind_name(m->items[i].kind)));
            json_array_append_new(list, item);
            continue;
        }
        printf("  %-10s ", cli_kind_name(m->items[i].kind));
        cli_print_path(m->items[i].path, m->items[i].path_len);
        putchar('\n');
    }
    return n;
}
