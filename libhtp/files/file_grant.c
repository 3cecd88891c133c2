/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Who may do what (HTP-13.7): nobody anything, but for grants. */
#include "libhtp/files/files.h"
#include "libter/options.h"

typedef struct hkp_htp__files_grant grant_t;

static grant_t *own_grant(const hkp_htp__files *f, const uint8_t *peer) {
    grant_t *g = f->grants;
    while (g != NULL && (peer == NULL ? !g->any : g->any || memcmp(g->peer, peer, 16) != 0)) g = g->next;
    return g;
}

const grant_t *hkp_htp__files_granted(const hkp_htp__files *f, const uint8_t peer[16]) {
    const grant_t *g = own_grant(f, peer);
    return g != NULL ? g : own_grant(f, NULL);
}

int hkp_htp__files_allowed(const grant_t *g, uint8_t op, const char *path, size_t len) {
    if (g == NULL || (g->operations >> (op - HKP_HTP_FILE_CREATE) & 1) == 0) return 0;
    const int content = op == HKP_HTP_FILE_CREATE || op == HKP_HTP_FILE_READ || op == HKP_HTP_FILE_UPDATE;
    return !content || hkp_htp__file_extension(g->extensions, path, len);
}

static void grant_free(hkp_htp__files *f, grant_t *g) {
    if (g == NULL) return;
    hkp_mem_free(&f->mem, g, g->bytes);
}

void hkp_htp__files_grants_free(hkp_htp__files *f) {
    for (grant_t *g = f->grants, *next; g != NULL; g = next) {
        next = g->next;
        grant_free(f, g);
    }
}

/* The part of a root that paths are put behind; INVALID_PATH. */
static uint32_t root_of(const char *root, const uint8_t **at, size_t *len) {
    *at = (const uint8_t *)"";
    *len = 0;
    if (root == NULL || root[0] == 0) return HKP_HTP_FILE_OK;
    return hkp_htp__file_path((const uint8_t *)root, strlen(root), 1, at, len);
}

static hkp_status grant_new(hkp_htp__files *f, const uint8_t *peer, const struct hkp_htp_file_grant *o,
                            grant_t **out) {
    const uint8_t *root;
    size_t root_len;
    const char *ext = o->extensions != NULL ? o->extensions : hkp_htp__file_extensions_default;
    if (o->operations >> 7 != 0 || !hkp_htp__file_extensions(ext) ||
        root_of(o->root, &root, &root_len) != HKP_HTP_FILE_OK)
        return HKP_E_INVAL;
    const size_t ext_len = strlen(ext), bytes = sizeof(grant_t) + root_len + 1 + ext_len + 1;
    grant_t *g = hkp_mem_alloc(&f->mem, bytes);
    if (g == NULL) return HKP_E_NOMEM;
    char *text = (char *)(g + 1);
    memcpy(text, root, root_len);
    memcpy(text + root_len + 1, ext, ext_len);
    g->bytes = bytes;
    g->root = text;
    g->root_len = (uint32_t)root_len;
    g->extensions = text + root_len + 1;
    g->operations = o->operations;
    g->size_max = o->size_max != 0 ? o->size_max : f->size_max;
    g->quota = o->quota;
    g->any = peer == NULL;
    if (peer != NULL) memcpy(g->peer, peer, 16);
    *out = g;
    return HKP_OK;
}

/* Running transfers that would not be allowed now end. */
static void judge_again(hkp_htp__files *f) {
    for (hkp_htp__transfer *t = f->busy.first, *next; t != NULL; t = next) {
        next = t->next;
        if (!t->served || t->state == HKP_HTP__FILES_FAILING || t->state == HKP_HTP__FILES_COMPLETING)
            continue;
        const grant_t *g = hkp_htp__files_granted(f, t->peer);
        const int same_root =
            g != NULL && g->root_len == t->root_len && memcmp(g->root, t->store_path, t->root_len) == 0;
        if (!same_root || !hkp_htp__files_allowed(g, t->op, t->path, t->path_len))
            hkp_htp__files_fail(f, t, HKP_HTP_FILE_PERMISSION_DENIED);
    }
}

hkp_status hkp_htp_files_grant(hkp_htp_files *f, const uint8_t *peer,
                               const struct hkp_htp_file_grant *grant) {
    enum { LEAST = sizeof(struct hkp_htp_file_grant) };
    struct hkp_htp_file_grant o;
    grant_t *made = NULL, *old, **at;
    if (f == NULL) return HKP_E_INVAL;
    old = own_grant(f, peer);
    if (grant != NULL) {
        if (old == NULL && f->grants_count == f->grants_max) return HKP_E_LIMIT;
        if (hkp_options_import(&o, sizeof o, LEAST, grant) != HKP_OK) return HKP_E_INVAL;
        hkp_status st = grant_new(f, peer, &o, &made);
        if (st != HKP_OK) return st;
        made->next = f->grants;
        f->grants = made;
        f->grants_count++;
    }
    if (old != NULL) {
        for (at = &f->grants; *at != old; at = &(*at)->next) {
        }
        *at = old->next;
        grant_free(f, old);
        f->grants_count--;
    }
    judge_again(f);
    return HKP_OK;
}
