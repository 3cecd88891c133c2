/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Sealing in place, by libsodium and, where the build has it, by libcrypto; unit_libcrypto.c is about the
 * latter. */
#include "sealed.h"

static uint8_t keys[3][32];

static void every_length_gives_the_bytes_of_libsodium(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    for (int i = 0; i < 4000; i++) {
        int before = check_faults;
        const uint32_t most = sealed_draw(4) == 0 ? SEALED_MOST : 2500;
        sealed_begin(&s, sealed_suite(i), sealed_draw(most + 1), keys[sealed_draw(12) / 5]);
        sealed_check(&s, &c);
        CHECK_NOTE(before, "suite %u, %zu bytes\n", s.p.suite, s.p.len);
    }
    hkp_htp__ciphers_free(&c);
}

static void the_lengths_where_the_ways_part_give_the_same_bytes(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    for (size_t len = 0; len < 1500; len++)
        for (int i = 0; i < 2; i++) {
            sealed_begin(&s, sealed_suite(i), len, keys[len % 4 == 0]);
            sealed_check(&s, &c);
        }
    hkp_htp__ciphers_free(&c);
}

/* One bit of text, tag, associated data, nonce or key. */
static void flip(struct sealed *s) {
    uint8_t *at[] = {s->p.text, s->p.text + s->p.len, s->aad, s->nonce, s->key};
    const size_t len[] = {s->p.len, 16, s->p.aad_len, sizeof s->nonce, sizeof s->key};
    const uint32_t what = sealed_draw(5);
    if (len[what] > 0) at[what][sealed_draw((uint32_t)len[what])] ^= (uint8_t)(1U << sealed_draw(8));
}

static void a_forgery_is_refused_and_nothing_of_it_is_shown(void) {
    static struct sealed s;
    static const uint8_t zero[SEALED_MOST];
    struct hkp_htp__ciphers c = {0};
    for (int i = 0; i < 2000; i++) {
        uint8_t tag[16];
        sealed_begin(&s, sealed_suite(i), 1 + sealed_draw(3000), keys[sealed_draw(2)]);
        memcpy(s.p.text, s.sealed, s.p.len + 16);
        flip(&s);
        memcpy(tag, s.p.text + s.p.len, 16);
        CHECK_EQ(hkp_htp__open(&c, &s.p), -1);
        CHECK_MEM(s.p.text, zero, s.p.len);
        CHECK_MEM(s.p.text + s.p.len, tag, 16);
        sealed_guards(&s);
        sealed_begin(&s, sealed_suite(i), 1 + sealed_draw(3000), keys[sealed_draw(2)]);
        sealed_check(&s, &c); /* and the next good one opens */
    }
    hkp_htp__ciphers_free(&c);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    sealed_state = check_seed();
    sealed_noise(keys, sizeof keys);
    CASE(every_length_gives_the_bytes_of_libsodium);
    CASE(the_lengths_where_the_ways_part_give_the_same_bytes);
    CASE(a_forgery_is_refused_and_nothing_of_it_is_shown);
    return check_done();
}
