/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the matcher sees of two fields (LAB-7.10), and plain edit distance. */
#include "libneuro/lab/matcher.h"

enum {
    BUCKETS = 64,
    WORDS_MAX = 16,
    ONE = 32767,
    /* places among the inputs */
    AT_COMMON = 0,
    AT_DIFFERENT = 64,
    AT_KIND = 128,
    AT_DEPTH = 129,
    AT_WORDS = 130,
    AT_NEIGHBOURS = 136,
    AT_SAMPLES = 140,
    CLASSES = 8
};

/* A name in small letters, split into words where its writer changed case or put a sign. */
struct words {
    char text[2 * MATCH_NAME_MAX];
    struct {
        const char *at;
        size_t len;
    } word[WORDS_MAX];
    size_t n;
};

static int is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || ((uint8_t)c & 0x80) != 0; }

/* Does a word begin at name[i]? */
static int begins(const char *name, size_t i) {
    if (i == 0 || !is_letter(name[i - 1])) return i == 0 || is_digit(name[i]) != is_digit(name[i - 1]);
    if (is_digit(name[i])) return 1;
    const int end_of_capitals = is_upper(name[i - 1]) && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    return is_upper(name[i]) && (!is_upper(name[i - 1]) || end_of_capitals);
}

static void split(const char *name, struct words *w) {
    size_t at = 0;
    int open = 0;
    w->n = 0;
    for (size_t i = 0; name != NULL && name[i] != 0 && i < MATCH_NAME_MAX - 1; i++) {
        if (!is_letter(name[i]) && !is_digit(name[i])) {
            open = 0;
            continue;
        }
        if (!open || begins(name, i)) {
            if (w->n == WORDS_MAX) break;
            w->word[w->n].at = w->text + at;
            w->word[w->n++].len = 0;
            open = 1;
        }
        w->text[at++] = is_upper(name[i]) ? (char)(name[i] - 'A' + 'a') : name[i];
        w->word[w->n - 1].len++;
    }
}

/* Trigrams of each word between blanks, counted in 64 buckets. */
static void trigrams(const struct words *w, int32_t count[BUCKETS]) {
    memset(count, 0, BUCKETS * sizeof *count);
    for (size_t k = 0; k < w->n; k++)
        for (size_t i = 0; i < w->word[k].len; i++) {
            const char three[3] = {i == 0 ? ' ' : w->word[k].at[i - 1], w->word[k].at[i],
                                   i + 1 == w->word[k].len ? ' ' : w->word[k].at[i + 1]};
            uint32_t h = 2166136261U;
            for (size_t c = 0; c < sizeof three; c++) h = (h ^ (uint8_t)three[c]) * 16777619U;
            count[(h >> 16 ^ h) % BUCKETS]++;
        }
}

/* Letters of the short text that stand in the long one in the same order; both begin alike, else none. */
static size_t in_order(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t i = 0;
    if (a_len == 0 || b_len == 0 || a[0] != b[0]) return 0;
    for (size_t k = 0; k < b_len && i < a_len; k++) i += a[i] == b[k];
    return i;
}

/* How well word k of a is one of b, at most ONE: equal, or one the beginning or an abbreviation of the other.
 */
static int32_t best_word(const struct words *a, size_t k, const struct words *b) {
    int32_t best = 0;
    for (size_t i = 0; i < b->n; i++) {
        const size_t la = a->word[k].len, lb = b->word[i].len;
        const int a_short = la <= lb;
        const char *little = a_short ? a->word[k].at : b->word[i].at,
                   *large = a_short ? b->word[i].at : a->word[k].at;
        const size_t few = a_short ? la : lb, many = a_short ? lb : la;
        if (in_order(little, few, large, many) < few) continue;
        const int head = memcmp(little, large, few) == 0;
        const int32_t score =
            few == many ? ONE : ONE / 2 + (int32_t)((size_t)ONE * few / (many * (head ? 3 : 4)));
        if (score > best) best = score;
    }
    return best;
}

/* The same over all words of a, long ones for more. */
static int32_t covered(const struct words *a, const struct words *b) {
    int64_t sum = 0, all = 0;
    for (size_t k = 0; k < a->n; k++) {
        const int64_t weight = 2 + (int64_t)(a->word[k].len < 6 ? a->word[k].len : 6);
        sum += weight * best_word(a, k, b);
        all += weight;
    }
    return all == 0 ? 0 : (int32_t)(sum / all);
}

static int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t max(int32_t a, int32_t b) { return a > b ? a : b; }

static size_t whole(const struct words *w) {
    size_t len = 0;
    for (size_t k = 0; k < w->n; k++) len += w->word[k].len;
    return len;
}

static void see_names(const struct words *a, const struct words *b, int32_t *x) {
    int32_t in_a[BUCKETS], in_b[BUCKETS];
    trigrams(a, in_a);
    trigrams(b, in_b);
    for (size_t i = 0; i < BUCKETS; i++) {
        x[AT_COMMON + i] = 8191 * min(min(in_a[i], in_b[i]), 4);
        x[AT_DIFFERENT + i] = 8191 * min(max(in_a[i], in_b[i]) - min(in_a[i], in_b[i]), 4);
    }
    const int32_t ab = covered(a, b), ba = covered(b, a);
    const size_t la = whole(a), lb = whole(b);
    const size_t run = la <= lb ? in_order(a->text, la, b->text, lb) : in_order(b->text, lb, a->text, la);
    x[AT_WORDS] = ab;
    x[AT_WORDS + 1] = ba;
    x[AT_WORDS + 2] = min(ab, ba);
    x[AT_WORDS + 3] = max(ab, ba);
    x[AT_WORDS + 4] = la == 0 || lb == 0 ? 0 : (int32_t)(ONE * run / (la < lb ? la : lb));
    x[AT_WORDS + 5] = a->n > 0 && b->n > 0 ? best_word(a, a->n - 1, b) : 0;
}

static int32_t alike(const char *a, const char *b) {
    struct words wa, wb;
    if (a == NULL || b == NULL) return 0;
    split(a, &wa);
    split(b, &wb);
    return (covered(&wa, &wb) + covered(&wb, &wa)) / 2;
}

/* Length and shares of the classes of characters. */
static void classes(const char *text, int32_t c[CLASSES]) {
    size_t n[CLASSES] = {0}, len = 0;
    for (; text[len] != 0 && len < MATCH_NAME_MAX; len++) {
        const char ch = text[len];
        n[is_digit(ch)                ? 1
          : is_upper(ch)              ? 2
          : ch == ' '                 ? 3
          : ((uint8_t)ch & 0x80) != 0 ? 4
          : is_letter(ch)             ? 5
          : ch == '.' || ch == ','    ? 6
                                      : 7]++;
    }
    c[0] = (int32_t)((size_t)ONE * (len < 32 ? len : 32) / 32);
    for (size_t i = 1; i < CLASSES; i++) c[i] = len == 0 ? 0 : (int32_t)((size_t)ONE * n[i] / len);
}

static void see_samples(const char *a, const char *b, int32_t *x) {
    int32_t in_a[CLASSES], in_b[CLASSES];
    if (a == NULL || b == NULL || a[0] == 0 || b[0] == 0) return;
    classes(a, in_a);
    classes(b, in_b);
    for (size_t i = 0; i < CLASSES; i++) {
        x[i] = min(in_a[i], in_b[i]);
        x[CLASSES + i] = max(in_a[i], in_b[i]) - x[i];
    }
    x[(size_t)2 * CLASSES] = ONE;
}

void hkp_neuro_lab__match_inputs(const struct hkp_neuro_lab_match_field *a,
                                 const struct hkp_neuro_lab_match_field *b, int32_t x[MATCH_INPUTS]) {
    struct words wa, wb;
    memset(x, 0, MATCH_INPUTS * sizeof *x);
    split(a->name, &wa);
    split(b->name, &wb);
    see_names(&wa, &wb, x);
    x[AT_KIND] = a->kind == 0 || b->kind == 0 ? 0 : a->kind == b->kind ? ONE : -ONE;
    const int32_t deeper =
        (int32_t)min((int32_t)(a->depth > b->depth ? a->depth - b->depth : b->depth - a->depth), 8);
    x[AT_DEPTH] = deeper * (ONE / 8);
    x[AT_NEIGHBOURS] = alike(a->before, b->before);
    x[AT_NEIGHBOURS + 1] = alike(a->after, b->after);
    see_samples(a->sample, b->sample, x + AT_SAMPLES);
}

/* ---- edit distance ---- */

static size_t plain(const char *name, char out[MATCH_NAME_MAX]) {
    size_t len = 0;
    for (size_t i = 0; name[i] != 0 && i < MATCH_NAME_MAX; i++)
        if (is_letter(name[i]) || is_digit(name[i]))
            out[len++] = is_upper(name[i]) ? (char)(name[i] - 'A' + 'a') : name[i];
    return len;
}

uint32_t hkp_neuro_lab_edit_score(const char *a, const char *b) {
    char pa[MATCH_NAME_MAX], pb[MATCH_NAME_MAX];
    uint32_t row[MATCH_NAME_MAX + 1];
    const size_t la = plain(a, pa), lb = plain(b, pb), most = la > lb ? la : lb;
    for (size_t k = 0; k <= lb; k++) row[k] = (uint32_t)k;
    for (size_t i = 0; i < la; i++) {
        uint32_t corner = row[0];
        row[0] = (uint32_t)i + 1;
        for (size_t k = 0; k < lb; k++) {
            const uint32_t change = corner + (pa[i] != pb[k]);
            corner = row[k + 1];
            const uint32_t gap = 1 + (row[k] < corner ? row[k] : corner);
            row[k + 1] = gap < change ? gap : change;
        }
    }
    return most == 0 ? 0 : (uint32_t)(65535 * (most - row[lb]) / most);
}
