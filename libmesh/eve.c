/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The elements of an EVE stream: lines, or the elements of one array. One element is held at a time. */
#include "libmesh/eve.h"

#include "libter/options.h"

#include <string.h>

enum { FORM_UNKNOWN, FORM_LINES, FORM_ARRAY };

struct hkp_mesh_eve {
    struct hkp_mesh_eve_options opt;
    struct hkp_mesh__eve_text text;
    uint64_t count[HKP_MESH_EVE_COUNT];
    int form;
    /** len bytes of line are a whole element */
    int ready;
    /** the rest of an element that was too long goes nowhere */
    int skipping;
    /** array: brackets open inside the element, and where in a string we are */
    int64_t depth;
    int in_string, escaped;
    size_t len;
    char line[HKP_MESH__EVE_LINE_MAX];
};

void hkp_mesh_eve_options_init(struct hkp_mesh_eve_options *opt, size_t size) { hkp_options_init(opt, size); }

hkp_status hkp_mesh_eve_new(hkp_mesh_eve **out, const struct hkp_mesh_eve_options *opt) {
    struct hkp_mesh_eve_options o = {.struct_size = sizeof o};
    hkp_status st = opt == NULL ? HKP_OK : hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.tlp_plus_one == 0) o.tlp_plus_one = HKP_MESH_TLP_GREEN + 1;
    if (o.ttl_s == 0) o.ttl_s = 86400;
    if (o.tlp_plus_one > HKP_MESH_TLP_RED || o.confidence > 100 ||
        o.ttl_s > hkp_mesh_ioc_ttl_max(HKP_MESH_IOC_IP4))
        return HKP_E_INVAL;
    hkp_mesh_eve *eve = hkp_mem_alloc(&o.mem, sizeof *eve);
    if (eve == NULL) return HKP_E_NOMEM;
    eve->opt = o;
    *out = eve;
    return HKP_OK;
}

void hkp_mesh_eve_free(hkp_mesh_eve *eve) {
    if (eve == NULL) return;
    const struct hkp_mem mem = eve->opt.mem;
    hkp_mem_free(&mem, eve, sizeof *eve);
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static void keep(hkp_mesh_eve *eve, char c) {
    if (eve->skipping) return;
    if (eve->len < sizeof eve->line) {
        eve->line[eve->len++] = c;
        return;
    }
    eve->count[HKP_MESH_EVE_OVERSIZED]++;
    eve->skipping = 1;
    eve->len = 0;
}

/* The element is over: it is ready, unless it was skipped or holds nothing. */
static void finish(hkp_mesh_eve *eve) {
    eve->ready = eve->len > 0;
    eve->skipping = 0;
    eve->depth = 0;
    eve->in_string = eve->escaped = 0;
}

static void take_in_line(hkp_mesh_eve *eve, char c) {
    if (c == '\n')
        finish(eve);
    else if (eve->len > 0 || !is_space(c))
        keep(eve, c);
}

static void take_in_string(hkp_mesh_eve *eve, char c) {
    if (eve->escaped)
        eve->escaped = 0;
    else if (c == '\\')
        eve->escaped = 1;
    else if (c == '"')
        eve->in_string = 0;
    keep(eve, c);
}

static void take_in_array(hkp_mesh_eve *eve, char c) {
    const int inside = eve->len > 0 || eve->skipping;
    if (eve->in_string) {
        take_in_string(eve, c);
    } else if (eve->depth == 0 && (c == ',' || c == ']')) {
        finish(eve);
        if (c == ']') eve->form = FORM_UNKNOWN;
    } else if (inside || !is_space(c)) {
        if (c == '{' || c == '[') eve->depth++;
        if (c == '}' || c == ']') eve->depth--;
        if (c == '"') eve->in_string = 1;
        keep(eve, c);
        if (eve->depth == 0 && c == '}') finish(eve);
    }
}

static void take(hkp_mesh_eve *eve, char c) {
    if (eve->form == FORM_UNKNOWN) {
        if (is_space(c)) return;
        eve->form = c == '[' ? FORM_ARRAY : FORM_LINES;
        if (c == '[') return;
    }
    if (eve->form == FORM_LINES)
        take_in_line(eve, c);
    else
        take_in_array(eve, c);
}

void hkp_mesh_eve_push(hkp_mesh_eve *eve, const uint8_t *bytes, size_t len, size_t *taken) {
    size_t n = 0;
    while (n < len && !eve->ready) take(eve, (char)bytes[n++]);
    *taken = n;
}

void hkp_mesh_eve_end(hkp_mesh_eve *eve) {
    if (!eve->ready) finish(eve);
    eve->form = FORM_UNKNOWN;
}

/* Brackets outside of strings: the most that are open at once, and whether all are closed at the end. */
static int nesting(const char *json, size_t len, int *closed) {
    int depth = 0, most = 0, in_string = 0;
    for (size_t i = 0; i < len; i++) {
        const char c = json[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
            continue;
        }
        if (c == '"') in_string = 1;
        if ((c == '{' || c == '[') && ++depth > most) most = depth;
        if (c == '}' || c == ']') depth--;
    }
    *closed = depth == 0 && !in_string;
    return most;
}

void hkp_mesh__eve_try(hkp_mesh_eve *eve) {
    int closed = 0;
    if (eve->ready || eve->form != FORM_LINES || eve->len == 0 || eve->line[0] != '{') return;
    if (nesting(eve->line, eve->len, &closed) > 0 && closed) finish(eve);
}

hkp_status hkp_mesh_eve_next(hkp_mesh_eve *eve, uint64_t now_s, struct hkp_mesh_record *record) {
    if (!eve->ready) return HKP_E_NOTFOUND;
    struct hkp_mesh_record r = {0};
    int closed = 0;
    const int broken = nesting(eve->line, eve->len, &closed) > HKP_MESH__EVE_DEPTH_MAX || !closed;
    const uint32_t result = broken
                                ? HKP_MESH_EVE_BROKEN
                                : hkp_mesh__eve_alert(eve->line, eve->len, &eve->opt, now_s, &r, &eve->text);
    eve->count[result]++;
    eve->ready = 0;
    eve->len = 0;
    if (result != HKP_MESH_EVE_RECORD) return HKP_E_NOTFOUND;
    *record = r;
    return HKP_OK;
}

hkp_status hkp_mesh_eve_get_stats(const hkp_mesh_eve *eve, struct hkp_mesh_eve_stats *stats) {
    if (stats->struct_size < sizeof *stats) return HKP_E_INVAL;
    memcpy(stats->count, eve->count, sizeof stats->count);
    return HKP_OK;
}
