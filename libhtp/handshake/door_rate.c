/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Cookies, and the rates of sources and nodes (HTP-4.4, 4.5, step 11 of 4.2). */
#include "libhtp/handshake/door.h"
#include "libter/bytes.h"

static int is_v4(const uint8_t addr[16]) {
    return hkp_is_zero(addr, 10) && addr[10] == 0xFF && addr[11] == 0xFF;
}

static size_t source_len(const struct hkp_htp_path *path) { return is_v4(path->addr) ? 16 : 8; }

int hkp_htp__rate_same_source(const struct hkp_htp_path *a, const struct hkp_htp_path *b) {
    const size_t n = source_len(a);
    return n == source_len(b) && memcmp(a->addr, b->addr, n) == 0;
}

static uint32_t cell(const struct hkp_htp_endpoint *ep, const uint8_t *key, size_t len) {
    uint8_t h[8];
    crypto_shorthash(h, key, len, ep->hash_key);
    return hkp_be32(h) & (ep->opt.source_cells - 1);
}

static struct hkp_htp__source *source_of(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path) {
    const uint32_t second = (uint32_t)(ep->now / HKP_HTP__SEC);
    struct hkp_htp__source *s = &ep->door->sources[cell(ep, path->addr, source_len(path))];
    if (s->minute != second / 60) s->in_minute = 0;
    if (s->second != second) s->in_second = 0;
    s->minute = second / 60;
    s->second = second;
    return s;
}

static void turn_second(struct hkp_htp_endpoint *ep) {
    struct hkp_htp__door *d = ep->door;
    const uint32_t second = (uint32_t)(ep->now / HKP_HTP__SEC);
    if (d->second == second) return;
    d->second = second;
    d->hello_in_second = 0;
    d->dh_in_second = 0;
}

int hkp_htp__rate_loaded(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path) {
    struct hkp_htp__door *d = ep->door;
    struct hkp_htp__source *s = source_of(ep, path);
    turn_second(ep);
    if (s->in_minute < UINT16_MAX) s->in_minute++;
    if (d->hello_in_second < UINT32_MAX) d->hello_in_second++;
    return ep->stats.half_open > ep->opt.cookie_load || d->hello_in_second > HKP_HTP__HELLO_PER_SECOND ||
           d->dh_in_second >= ep->opt.dh_per_second || s->in_minute > HKP_HTP__SOURCE_PER_MINUTE;
}

int hkp_htp__rate_dh(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path) {
    struct hkp_htp__source *s = source_of(ep, path);
    turn_second(ep);
    if (s->in_second >= HKP_HTP__SOURCE_PER_SECOND) return 0;
    /* In turns: what a source had already in this second makes room for those that had less. */
    const uint64_t left = HKP_HTP__SOURCE_PER_SECOND - s->in_second;
    if ((uint64_t)ep->door->dh_in_second * HKP_HTP__SOURCE_PER_SECOND >= ep->opt.dh_per_second * left)
        return 0;
    s->in_second++;
    ep->door->dh_in_second++;
    return 1;
}

/* burst 10, 10 a minute; or burst 3, 3 a minute for a t1 that was seen before. */
int hkp_htp__rate_node(struct hkp_htp_endpoint *ep, const uint8_t node_id[16], uint8_t cls) {
    const hkp_time gap = cls == HKP_HTP__CLASS_FRESH ? 6 * HKP_HTP__SEC : 20 * HKP_HTP__SEC;
    const hkp_time burst = cls == HKP_HTP__CLASS_FRESH ? 9 : 2;
    hkp_time *tat = &ep->door->nodes[cell(ep, node_id, 16)][cls == HKP_HTP__CLASS_FRESH ? 0 : 1];
    if (*tat < ep->now) *tat = ep->now;
    if (*tat - ep->now > burst * gap) return 0;
    *tat += gap;
    return 1;
}

static void turn_cookie(struct hkp_htp_endpoint *ep) {
    struct hkp_htp__door *d = ep->door;
    const hkp_time age = ep->now - d->cookie_since;
    if (age < HKP_HTP__COOKIE_LIFE) return;
    uint8_t fresh[32];
    if (hkp_htp__draw(ep, fresh, 32) != HKP_OK) return; /* the old key stays until a generator answers */
    memcpy(d->cookie_key[1], d->cookie_key[0], 32);
    memcpy(d->cookie_key[0], fresh, 32);
    d->have_old_cookie = age < 2 * HKP_HTP__COOKIE_LIFE;
    d->cookie_since = ep->now;
}

int hkp_htp__cookie_right(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path,
                          const uint8_t *dgram) {
    uint8_t want[32];
    if (hkp_is_zero(dgram + HKP_HTP__COOKIE_AT, 32)) return 0; /* none; most of a flood */
    turn_cookie(ep);
    for (int i = 0; i <= ep->door->have_old_cookie; i++) {
        hkp_htp__cookie(want, ep->door->cookie_key[i], path, dgram);
        if (sodium_memcmp(want, dgram + HKP_HTP__COOKIE_AT, 32) == 0) return 1;
    }
    return 0;
}

hkp_status hkp_htp__cookie_ask(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                               const uint8_t *dgram) {
    uint8_t cookie[32], retry[HKP_HTP__RETRY_SIZE];
    struct hkp_htp__stamp stamp;
    const hkp_status st = hkp_is_zero(dgram + HKP_HTP__COOKIE_AT, 32) ? HKP_OK : HKP_E_HTP_COOKIE;
    if (ep->answers_n == HKP_HTP__ANSWERS_WAITING) { /* it would be lost: not worth two hashes */
        ep->stats.answers_lost++;
        return st;
    }
    turn_cookie(ep);
    hkp_htp__cookie(cookie, ep->door->cookie_key[0], path, dgram);
    if (hkp_htp__draw_stamp(ep, wall_us, &stamp) == HKP_OK) {
        hkp_htp__retry_build(retry, dgram, cookie, &stamp);
        hkp_htp__answer_put(ep, path, retry, sizeof retry);
        ep->stats.retries_sent++;
    }
    return st;
}
