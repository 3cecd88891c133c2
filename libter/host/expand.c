/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The list of items that a manifest is made of, and the files of this program (decision 0108). */
#include "libter/host/expand.h"
#include "libter/host/host.h"
#include "libter/integrity.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { OPTIONS_V0 = 48, GROW_FROM = 64, MAPS_MAX = 1048576 };

void hkp_ter_expand_options_init(struct hkp_ter_expand_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_ter__expand_refuse(struct hkp_ter_diag *diag, hkp_status status, const char *path,
                                  const char *reason, int error) {
    if (diag == NULL) return status;
    memset(diag, 0, sizeof *diag);
    diag->status = status;
    diag->system_error = error;
    snprintf(diag->reason, sizeof diag->reason, "%s", reason);
    snprintf(diag->path, sizeof diag->path, "%s", path);
    return status;
}

int hkp_ter__expand_is_path(const char *path) {
    size_t len = strlen(path);
    if (len < 2 || len > HKP_TER_PATH_MAX || path[0] != '/') return 0;
    for (const char *at = path; *at == '/';) {
        size_t name = strcspn(at + 1, "/");
        if (name == 0 || (name == 1 && at[1] == '.') || (name == 2 && at[1] == '.' && at[2] == '.')) return 0;
        at += 1 + name;
    }
    return 1;
}

/* ---- lists ---- */

static int by_text(const void *a, const void *b) {
    const struct hkp_ter__found *x = a, *y = b;
    int order = hkp_ter__compare(x->text, x->len, y->text, y->len);
    if (order != 0) return order;
    if (x->named != y->named) return x->named ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static hkp_status grow(const struct hkp_mem *mem, struct hkp_ter__found_list *list) {
    if (list->n < list->cap) return HKP_OK;
    uint32_t cap = list->cap == 0 ? GROW_FROM : list->cap * 2;
    struct hkp_ter__found *at = hkp_mem_alloc(mem, cap * sizeof *at);
    if (at == NULL) return HKP_E_NOMEM;
    if (list->n > 0) memcpy(at, list->at, list->n * sizeof *at);
    hkp_mem_free(mem, list->at, list->cap * sizeof *at);
    list->at = at;
    list->cap = cap;
    return HKP_OK;
}

static hkp_status add(struct hkp_ter_expand *x, struct hkp_ter__found_list *list, const char *text,
                      size_t len, uint32_t kind, int named, struct hkp_ter_diag *diag) {
    if (list->n >= x->max_items)
        return hkp_ter__expand_refuse(diag, HKP_E_LIMIT, text, "one more than may be listed", 0);
    hkp_status st = grow(&x->mem, list);
    uint8_t *copy = st == HKP_OK ? hkp_mem_alloc(&x->mem, len) : NULL;
    if (copy == NULL) return hkp_ter__expand_refuse(diag, HKP_E_NOMEM, text, "out of memory", 0);
    memcpy(copy, text, len);
    list->at[list->n] = (struct hkp_ter__found){
        .text = copy, .len = (uint32_t)len, .order = list->n, .kind = (uint8_t)kind, .named = (uint8_t)named};
    list->n++;
    return HKP_OK;
}

hkp_status hkp_ter__expand_found(struct hkp_ter_expand *x, const char *path, size_t len, uint32_t kind,
                                 struct hkp_ter_diag *diag) {
    return add(x, &x->items, path, len, kind, 0, diag);
}

static void sort_unique(struct hkp_ter_expand *x, struct hkp_ter__found_list *list) {
    uint32_t n = 0;
    if (list->n == 0) return;
    qsort(list->at, list->n, sizeof *list->at, by_text);
    for (uint32_t i = 1; i < list->n; i++) {
        struct hkp_ter__found *last = &list->at[n], *next = &list->at[i];
        if (hkp_ter__compare(last->text, last->len, next->text, next->len) == 0)
            hkp_mem_free(&x->mem, next->text, next->len);
        else
            list->at[++n] = *next;
    }
    list->n = n + 1;
}

/* ---- the object ---- */

static hkp_status import(struct hkp_ter_expand_options *o, const struct hkp_ter_expand_options *opt) {
    hkp_status st = hkp_options_import(o, sizeof *o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o->mem);
    if (st != HKP_OK) return st;
    if (o->max_items == 0) o->max_items = HKP_TER_EXPAND_ITEMS;
    if (o->max_depth == 0) o->max_depth = HKP_TER_EXPAND_DEPTH;
    if (o->max_visits == 0) o->max_visits = HKP_TER_EXPAND_VISITS;
    if (o->proc_path == NULL) o->proc_path = "/proc";
    return o->max_items > HKP_TER_EXPAND_ITEMS || o->max_depth > HKP_TER_EXPAND_DEPTH ||
                   o->max_visits > HKP_TER_EXPAND_VISITS
               ? HKP_E_INVAL
               : HKP_OK;
}

hkp_status hkp_ter_expand_new(hkp_ter_expand **out, const struct hkp_ter_expand_options *opt) {
    struct hkp_ter_expand_options o;
    hkp_status st = import(&o, opt);
    if (st != HKP_OK) return st;
    struct hkp_ter_expand *x = hkp_mem_alloc(&o.mem, sizeof *x);
    if (x == NULL) return HKP_E_NOMEM;
    x->mem = o.mem;
    x->max_items = o.max_items;
    x->max_depth = o.max_depth;
    x->max_visits = o.max_visits;
    if (!hkp_ter__join(x->maps_path, sizeof x->maps_path, o.proc_path, "self/maps")) st = HKP_E_INVAL;
    if (st == HKP_OK) st = hkp_ter_expand_add_path(x, "@manifest", HKP_TER_KIND_PSEUDO, NULL);
    if (st != HKP_OK) {
        hkp_ter_expand_free(x);
        return st;
    }
    *out = x;
    return HKP_OK;
}

static void free_list(const struct hkp_mem *mem, struct hkp_ter__found_list *list) {
    for (uint32_t i = 0; i < list->n; i++) hkp_mem_free(mem, list->at[i].text, list->at[i].len);
    hkp_mem_free(mem, list->at, list->cap * sizeof *list->at);
}

void hkp_ter_expand_free(hkp_ter_expand *expand) {
    if (expand == NULL) return;
    struct hkp_mem mem = expand->mem;
    hkp_mem_free(&mem, expand->spec_items, expand->items.n * sizeof *expand->spec_items);
    hkp_mem_free(&mem, expand->spec_allow, (expand->modules.n + 1) * sizeof *expand->spec_allow);
    free_list(&mem, &expand->items);
    free_list(&mem, &expand->modules);
    hkp_mem_free(&mem, expand, sizeof *expand);
}

static int is_pseudo(const char *path) {
    static const char *const known[] = {"@cmdline", "@manifest", "@modules", "@pcr10", "@policy"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(path, known[i]) == 0) return 1;
    return 0;
}

hkp_status hkp_ter_expand_add_path(hkp_ter_expand *x, const char *path, uint32_t kind,
                                   struct hkp_ter_diag *diag) {
    size_t len = strlen(path);
    if (kind < HKP_TER_KIND_FILE || kind > HKP_TER_KIND_PSEUDO)
        return hkp_ter__expand_refuse(diag, HKP_E_INVAL, path, "no kind that can be demanded", 0);
    if (kind == HKP_TER_KIND_PSEUDO ? !is_pseudo(path) : !hkp_ter__expand_is_path(path))
        return hkp_ter__expand_refuse(
            diag, HKP_E_INVAL, path,
            "must be an absolute path of 2 to 4095 bytes without //, /./, /../ or / at its end", 0);
    for (uint32_t i = 0; i < x->items.n; i++) {
        const struct hkp_ter__found *f = &x->items.at[i];
        if (!f->named || f->len != len || memcmp(f->text, path, len) != 0) continue;
        return f->kind == kind ? HKP_OK
                               : hkp_ter__expand_refuse(diag, HKP_E_STATE, path,
                                                        "is named twice, to be measured in two ways", 0);
    }
    return add(x, &x->items, path, len, kind, 1, diag);
}

hkp_status hkp_ter_expand_add_module(hkp_ter_expand *x, const char *name, struct hkp_ter_diag *diag) {
    size_t len = strlen(name), good = 0;
    while (good < len && name[good] >= 0x21 && name[good] <= 0x7E) good++;
    if (len < 1 || len > HKP_TER_NAME_MAX || good < len)
        return hkp_ter__expand_refuse(diag, HKP_E_INVAL, name,
                                      "no name of a module: 1 to 64 printable characters", 0);
    return add(x, &x->modules, name, len, 0, 1, diag);
}

hkp_status hkp_ter_expand_finish(hkp_ter_expand *x, struct hkp_ter_manifest_spec *spec) {
    sort_unique(x, &x->items);
    sort_unique(x, &x->modules);
    if (x->spec_items == NULL) x->spec_items = hkp_mem_alloc(&x->mem, x->items.n * sizeof *x->spec_items);
    if (x->spec_allow == NULL)
        x->spec_allow = hkp_mem_alloc(&x->mem, (x->modules.n + 1) * sizeof *x->spec_allow);
    if (x->spec_items == NULL || x->spec_allow == NULL) return HKP_E_NOMEM;
    for (uint32_t i = 0; i < x->items.n; i++)
        x->spec_items[i] = (struct hkp_ter_item){
            .path = x->items.at[i].text, .path_len = x->items.at[i].len, .kind = x->items.at[i].kind};
    for (uint32_t i = 0; i < x->modules.n; i++)
        x->spec_allow[i] = (struct hkp_ter_name){.text = x->modules.at[i].text, .len = x->modules.at[i].len};
    memset(spec, 0, sizeof *spec);
    spec->items = x->spec_items;
    spec->n_items = x->items.n;
    spec->allow = x->spec_allow;
    spec->n_allow = x->modules.n;
    return HKP_OK;
}

/* ---- this process ---- */

/* "from-to rwxp offset dev inode   path": NULL if the line is not that of an executable file. */
static const char *mapped_file(char *line) {
    char *at = strchr(line, ' ');
    if (at == NULL || strlen(at) < 5 || at[3] != 'x') return NULL;
    for (int field = 0; field < 4 && at != NULL; field++) at = strchr(at + 1, ' ');
    if (at == NULL) return NULL;
    at += strspn(at, " ");
    return at[0] == '/' ? at : NULL;
}

static hkp_status add_mapped(struct hkp_ter_expand *x, char *text, uint32_t kind, uint32_t *found,
                             struct hkp_ter_diag *diag) {
    static const char gone[] = " (deleted)";
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *path = mapped_file(line);
        if (path == NULL) continue;
        size_t len = strlen(path), end = sizeof gone - 1;
        if ((len > end && strcmp(path + len - end, gone) == 0) || strstr(path, "\\012") != NULL ||
            !hkp_ter__expand_is_path(path))
            return hkp_ter__expand_refuse(diag, HKP_E_STATE, path, "runs here, but is no file any more", 0);
        hkp_status st = hkp_ter__expand_found(x, path, len, kind, diag);
        if (st != HKP_OK) return st;
        (*found)++;
    }
    return HKP_OK;
}

hkp_status hkp_ter_expand_add_process(hkp_ter_expand *x, uint32_t kind, uint32_t *found,
                                      struct hkp_ter_diag *diag) {
    size_t len = 0;
    uint32_t n = 0;
    if (kind != HKP_TER_KIND_FILE && kind != HKP_TER_KIND_VERITY)
        return hkp_ter__expand_refuse(diag, HKP_E_INVAL, x->maps_path, "no kind that fits a file", 0);
    int fd = hkp_ter__open_read(AT_FDCWD, x->maps_path);
    if (fd < 0) return hkp_ter__expand_refuse(diag, HKP_E_IO, x->maps_path, "cannot be read", errno);
    char *text = hkp_mem_alloc(&x->mem, MAPS_MAX);
    int error = text == NULL ? 0 : hkp_ter__read_at(fd, 0, (uint8_t *)text, MAPS_MAX, &len);
    close(fd);
    hkp_status st = text == NULL ? HKP_E_NOMEM : HKP_OK;
    if (st == HKP_OK && (error != 0 || len == MAPS_MAX || memchr(text, 0, len) != NULL))
        st = hkp_ter__expand_refuse(diag, HKP_E_IO, x->maps_path, "cannot be read", error);
    if (st == HKP_OK) st = add_mapped(x, text, kind, &n, diag); /* a zero follows: len is below MAPS_MAX */
    hkp_mem_free(&x->mem, text, MAPS_MAX);
    if (st == HKP_OK) *found = n;
    return st;
}
