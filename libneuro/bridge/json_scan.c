/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * JSON text into cells: first the whole of RFC 8259 in reading order, no table yet (LAB-7.6). A value takes
 * two bytes of text at least, so half as many cells as bytes are always enough. No library: decision 0481.
 */
#include "libneuro/bridge/bridge.h"

/* What a byte is inside a string. */
enum { PLAIN, QUOTE, ESCAPE, CONTROL };
static const uint8_t CLASS[256] = {
    ['"'] = QUOTE,  ['\\'] = ESCAPE, [0] = CONTROL,  [1] = CONTROL,  [2] = CONTROL,  [3] = CONTROL,
    [4] = CONTROL,  [5] = CONTROL,   [6] = CONTROL,  [7] = CONTROL,  [8] = CONTROL,  [9] = CONTROL,
    [10] = CONTROL, [11] = CONTROL,  [12] = CONTROL, [13] = CONTROL, [14] = CONTROL, [15] = CONTROL,
    [16] = CONTROL, [17] = CONTROL,  [18] = CONTROL, [19] = CONTROL, [20] = CONTROL, [21] = CONTROL,
    [22] = CONTROL, [23] = CONTROL,  [24] = CONTROL, [25] = CONTROL, [26] = CONTROL, [27] = CONTROL,
    [28] = CONTROL, [29] = CONTROL,  [30] = CONTROL, [31] = CONTROL};

struct scan {
    struct hkp_neuro__walk *w;
    const uint8_t *at, *end;
    struct hkp_neuro__cell *cells;
    uint32_t open[HKP_NEURO__DEPTH_MAX]; /* cells of the open containers */
    size_t depth;
};

static hkp_status refuse(struct scan *s, const uint8_t *at, hkp_status st) {
    return hkp_neuro__refuse(s->w, at, st);
}

static hkp_status check_utf8(struct hkp_neuro__walk *w) {
    const uint8_t *at = w->in, *end = at + w->len;
    while (at < end) {
        uint64_t eight;
        if (end - at >= 8) {
            memcpy(&eight, at, 8);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                continue;
            }
        }
        const size_t n = hkp_utf8_character(at, (size_t)(end - at));
        if (n == 0) return hkp_neuro__refuse(w, at, HKP_E_NEURO_BR_UTF8);
        at += n;
    }
    return HKP_OK;
}

static void blanks(struct scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) s->at++;
}

/* The cell of a value that begins here; there is always room for it. */
static struct hkp_neuro__cell *cell(struct scan *s, unsigned kind, const uint8_t *at) {
    struct hkp_neuro__cell *c = &s->cells[s->w->n_cells++];
    c->at = (uint32_t)(at - s->w->in) | (uint32_t)kind << 24;
    c->end = 0;
    return c;
}

static int hex(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits at p, or -1. */
static int32_t unit_at(const uint8_t *p, const uint8_t *end) {
    int32_t unit = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        if (hex(p[i]) < 0) return -1;
        unit = unit << 4 | hex(p[i]);
    }
    return unit;
}

static int is_high(int32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
static int is_low(int32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/* s->at is behind the backslash. */
static hkp_status take_escape(struct scan *s) {
    const uint8_t *from = s->at - 1;
    if (s->at == s->end) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    const uint8_t c = *s->at++;
    if (c != 'u') return memchr("\"\\/bfnrt", c, 8) != NULL ? HKP_OK : refuse(s, from, HKP_E_NEURO_BR_SYNTAX);
    const int32_t unit = unit_at(s->at, s->end);
    if (unit < 0) return refuse(s, from, HKP_E_NEURO_BR_SYNTAX);
    s->at += 4;
    if (unit == 0 || is_low(unit)) return refuse(s, from, HKP_E_NEURO_BR_UTF8);
    if (!is_high(unit)) return HKP_OK;
    if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
        return refuse(s, from, HKP_E_NEURO_BR_UTF8);
    const int32_t low = unit_at(s->at + 2, s->end);
    if (low < 0) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    if (!is_low(low)) return refuse(s, from, HKP_E_NEURO_BR_UTF8);
    s->at += 6;
    return HKP_OK;
}

/* s->at is behind the quote. */
static hkp_status take_string(struct scan *s) {
    struct hkp_neuro__cell *c = cell(s, HKP_NEURO__JSON_STRING, s->at);
    for (;;) {
        while (s->at < s->end && CLASS[*s->at] == PLAIN) s->at++;
        if (s->at == s->end) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
        if (*s->at == '"') break;
        if (*s->at != '\\')
            return refuse(s, s->at, *s->at == 0 ? HKP_E_NEURO_BR_UTF8 : HKP_E_NEURO_BR_SYNTAX);
        s->at++;
        const hkp_status st = take_escape(s);
        if (st != HKP_OK) return st;
        c->at = (c->at & 0xFFFFFFU) | (uint32_t)HKP_NEURO__JSON_ESCAPED << 24;
    }
    c->end = (uint32_t)(s->at++ - s->w->in);
    return HKP_OK;
}

static int digits(struct scan *s) {
    const uint8_t *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
    return s->at > from;
}

static hkp_status take_number(struct scan *s) {
    struct hkp_neuro__cell *c = cell(s, HKP_NEURO__JSON_NUMBER, s->at);
    if (*s->at == '-') s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!digits(s))
        return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!digits(s)) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
        if (!digits(s)) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    }
    c->end = (uint32_t)(s->at - s->w->in);
    return HKP_OK;
}

static hkp_status take_word(struct scan *s, unsigned kind, const char *word) {
    const size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    (void)cell(s, kind, s->at);
    s->at += len;
    return HKP_OK;
}

static hkp_status open_container(struct scan *s) {
    if (s->depth == HKP_NEURO__DEPTH_MAX) return refuse(s, s->at, HKP_E_NEURO_BR_DEPTH);
    s->open[s->depth++] = (uint32_t)s->w->n_cells;
    (void)cell(s, *s->at == '{' ? HKP_NEURO__JSON_OBJECT : HKP_NEURO__JSON_ARRAY, s->at);
    s->at++;
    return HKP_OK;
}

static hkp_status take_name(struct scan *s) {
    if (s->at == s->end || *s->at != '"') return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    s->at++;
    const hkp_status st = take_string(s);
    if (st != HKP_OK) return st;
    blanks(s);
    if (s->at == s->end || *s->at != ':') return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    s->at++;
    blanks(s);
    return HKP_OK;
}

static int in_object(const struct scan *s) {
    return s->depth > 0 && HKP_NEURO__CELL_KIND(&s->cells[s->open[s->depth - 1]]) == HKP_NEURO__JSON_OBJECT;
}

static hkp_status take_value(struct scan *s) {
    if (s->at == s->end) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
    switch (*s->at) {
    case '"':
        s->at++;
        return take_string(s);
    case '{':
    case '[':
        return open_container(s);
    case 't':
        return take_word(s, HKP_NEURO__JSON_TRUE, "true");
    case 'f':
        return take_word(s, HKP_NEURO__JSON_FALSE, "false");
    case 'n':
        return take_word(s, HKP_NEURO__JSON_NULL, "null");
    default:
        return take_number(s);
    }
}

/* After a value: close what ends here, and stand before the next value. Done when nothing is open. */
static hkp_status take_between(struct scan *s, int just_opened) {
    while (s->depth > 0) {
        blanks(s);
        const int object = in_object(s);
        if (s->at == s->end) return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
        if (*s->at == (object ? '}' : ']')) {
            s->at++;
            s->cells[s->open[--s->depth]].end = (uint32_t)s->w->n_cells;
            just_opened = 0;
            continue;
        }
        if (!just_opened) {
            if (*s->at != ',') return refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
            s->at++;
            blanks(s);
        }
        return object ? take_name(s) : HKP_OK;
    }
    return HKP_OK;
}

static hkp_status scan_text(struct scan *s) {
    blanks(s);
    do {
        const size_t depth = s->depth;
        hkp_status st = take_value(s);
        if (st == HKP_OK) st = take_between(s, s->depth > depth);
        if (st != HKP_OK) return st;
    } while (s->depth > 0);
    blanks(s);
    return s->at == s->end ? HKP_OK : refuse(s, s->at, HKP_E_NEURO_BR_SYNTAX);
}

hkp_status hkp_neuro__json_scan(struct hkp_neuro__walk *w) {
    struct scan s = {.w = w, .at = w->in, .end = w->in + w->len, .cells = w->b->cells};
    hkp_status st = check_utf8(w);
    if (st != HKP_OK) return st;
    w->n_cells = 0;
    st = scan_text(&s);
    if (st == HKP_OK) return HKP_OK;
    while (s.depth > 0) s.cells[s.open[--s.depth]].end = (uint32_t)w->n_cells; /* as far as it was read */
    return hkp_neuro__json_duplicate(w, st);
}

/* ---- strings ---- */

static size_t put_character(uint32_t c, uint8_t *dst) {
    if (c < 0x80) {
        dst[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        dst[0] = (uint8_t)(0xC0 | c >> 6);
        dst[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        dst[0] = (uint8_t)(0xE0 | c >> 12);
        dst[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        dst[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    dst[0] = (uint8_t)(0xF0 | c >> 18);
    dst[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    dst[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    dst[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

/* The character at *at of a checked string, with or without an escape. */
static size_t next_character(const uint8_t **at, const uint8_t *end, uint8_t dst[4]) {
    static const char names[] = "bfnrt", means[] = "\b\f\n\r\t";
    if (**at != '\\') {
        dst[0] = *(*at)++;
        return 1; /* a byte of a longer character will do */
    }
    const uint8_t c = (*at)[1];
    *at += 2;
    if (c != 'u') {
        const char *named = strchr(names, c);
        dst[0] = named != NULL ? (uint8_t)means[named - names] : c;
        return 1;
    }
    uint32_t unit = (uint32_t)unit_at(*at, end);
    *at += 4;
    if (is_high((int32_t)unit)) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + ((uint32_t)unit_at(*at + 2, end) - 0xDC00);
        *at += 6;
    }
    return put_character(unit, dst);
}

size_t hkp_neuro__json_unescape(const uint8_t *text, size_t len, uint8_t *dst) {
    const uint8_t *end = text + len;
    size_t at = 0;
    while (text < end) at += next_character(&text, end, dst + at); /* never longer than what it stands for */
    return at;
}

/* ---- equal names, when something was wrong anyway or a name came twice ---- */

struct names {
    const uint8_t *in;
    const struct hkp_neuro__cell *cells;
    uint32_t *list; /* cells of the names of one object */
    size_t n;
};

static int compare(const struct names *s, uint32_t x, uint32_t y) {
    const uint8_t *p = s->in + HKP_NEURO__CELL_AT(&s->cells[x]), *p_end = s->in + s->cells[x].end;
    const uint8_t *q = s->in + HKP_NEURO__CELL_AT(&s->cells[y]), *q_end = s->in + s->cells[y].end;
    uint8_t a[4], b[4];
    size_t n = 0, k = 0, i = 0, j = 0;
    for (;;) {
        if (i == n) {
            n = p < p_end ? next_character(&p, p_end, a) : 0;
            i = 0;
        }
        if (j == k) {
            k = q < q_end ? next_character(&q, q_end, b) : 0;
            j = 0;
        }
        if (n == 0 || k == 0) return n == k ? 0 : n < k ? -1 : 1;
        if (a[i] != b[j]) return a[i] < b[j] ? -1 : 1;
        i++;
        j++;
    }
}

/* By name, then by place: the lesser one is nearer to the root of the heap's order. */
static int before(const struct names *s, uint32_t x, uint32_t y) {
    const int c = compare(s, x, y);
    return c != 0 ? c < 0 : x < y;
}

static void sift(const struct names *s, size_t root, size_t n) {
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && before(s, s->list[child], s->list[child + 1])) child++;
        if (!before(s, s->list[root], s->list[child])) return;
        const uint32_t kept = s->list[root];
        s->list[root] = s->list[child];
        s->list[child] = kept;
    }
}

/* In place and never quadratic, whoever chose the names. */
static void sort(const struct names *s) {
    for (size_t i = s->n / 2; i-- > 0;) sift(s, i, s->n);
    for (size_t n = s->n; n-- > 1;) {
        const uint32_t kept = s->list[0];
        s->list[0] = s->list[n];
        s->list[n] = kept;
        sift(s, 0, n);
    }
}

static uint32_t after(const struct hkp_neuro__cell *cells, uint32_t i) {
    const uint32_t kind = HKP_NEURO__CELL_KIND(&cells[i]);
    return kind == HKP_NEURO__JSON_OBJECT || kind == HKP_NEURO__JSON_ARRAY ? cells[i].end : i + 1;
}

/* The first second name of this object, as a cell, if it stands before limit. A name without an end is none.
 */
static uint32_t second_name(struct names *s, uint32_t object, uint32_t limit) {
    s->n = 0;
    for (uint32_t i = object + 1; i < s->cells[object].end && s->cells[i].end != 0;) {
        s->list[s->n++] = i;
        if (i + 1 >= s->cells[object].end) break;
        i = after(s->cells, i + 1);
    }
    sort(s);
    for (size_t i = 1; i < s->n; i++)
        if (s->list[i] < limit && compare(s, s->list[i - 1], s->list[i]) == 0) limit = s->list[i];
    return limit;
}

hkp_status hkp_neuro__json_duplicate(struct hkp_neuro__walk *w, hkp_status otherwise) {
    struct names s = {.in = w->in, .cells = w->b->cells, .list = (uint32_t *)(void *)w->b->spare};
    const uint32_t none = (uint32_t)w->n_cells;
    uint32_t found = none;
    for (uint32_t i = 0; i < none; i++)
        if (HKP_NEURO__CELL_KIND(&s.cells[i]) == HKP_NEURO__JSON_OBJECT) found = second_name(&s, i, found);
    if (found == none) return otherwise;
    w->depth = 0;
    return hkp_neuro__refuse(w, w->in + HKP_NEURO__CELL_AT(&s.cells[found]) - 1, HKP_E_NEURO_BR_DUPLICATE);
}
