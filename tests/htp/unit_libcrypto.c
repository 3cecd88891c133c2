/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What libcrypto may leave behind: no key, no memory for sessions, no error; and what happens when it fails.
 * Its allocations come from here, and each of its calls can be told to fail (ld --wrap).
 */
#include "pair.h"
#include "sealed.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/types.h>

/* ---- memory of libcrypto ---- */

struct block {
    struct block *next, *prev;
    size_t size, pad;
};
static struct block blocks = {&blocks, &blocks, 0, 0};
static struct {
    size_t bytes;
    uint64_t allocations;
    /** allocations that still succeed; negative: all */
    long left;
    /** a block that was given back held this */
    const uint8_t *secret;
    int found;
} memory = {.left = -1};

static void *take(size_t size, const char *file, int line) {
    (void)file, (void)line;
    if (memory.left == 0) return NULL;
    if (memory.left > 0) memory.left--;
    struct block *b = calloc(1, sizeof *b + size);
    *b = (struct block){blocks.next, &blocks, size, 0};
    blocks.next->prev = b;
    blocks.next = b;
    memory.bytes += size;
    memory.allocations++;
    return b + 1;
}

static void give(void *ptr, const char *file, int line) {
    (void)file, (void)line;
    if (ptr == NULL) return;
    struct block *b = (struct block *)ptr - 1;
    if (memory.secret != NULL && memmem(ptr, b->size, memory.secret, 32) != NULL) memory.found = 1;
    b->next->prev = b->prev;
    b->prev->next = b->next;
    memory.bytes -= b->size;
    free(b);
}

static void *take_again(void *ptr, size_t size, const char *file, int line) {
    void *other = take(size, file, line);
    if (other == NULL || ptr == NULL) return other;
    const size_t before = ((struct block *)ptr - 1)->size;
    memcpy(other, ptr, before < size ? before : size);
    give(ptr, file, line);
    return other;
}

static int libcrypto_holds(const uint8_t secret[32]) {
    for (const struct block *b = blocks.next; b != &blocks; b = b->next)
        if (memmem(b + 1, b->size, secret, 32) != NULL) return 1;
    return 0;
}

/* ---- its calls ---- */

static long calls, fail_at; /* fail_at 0: none fails */
static int fails(void) { return ++calls == fail_at; }

#define STAND_BEFORE(type, failed, name, params, args)                                                       \
    type __real_##name params;                                                                               \
    type __wrap_##name params;                                                                               \
    type __wrap_##name params { return fails() ? failed : __real_##name args; }

STAND_BEFORE(EVP_CIPHER *, NULL, EVP_CIPHER_fetch,
             (OSSL_LIB_CTX * x, const char *name, const char *properties), (x, name, properties))
STAND_BEFORE(EVP_CIPHER_CTX *, NULL, EVP_CIPHER_CTX_new, (void), ())
STAND_BEFORE(int, 0, EVP_CipherInit_ex2,
             (EVP_CIPHER_CTX * x, const EVP_CIPHER *c, const unsigned char *key, const unsigned char *iv,
              int enc, const OSSL_PARAM *params),
             (x, c, key, iv, enc, params))
STAND_BEFORE(int, 0, EVP_CipherUpdate,
             (EVP_CIPHER_CTX * x, unsigned char *out, int *n, const unsigned char *in, int len),
             (x, out, n, in, len))
STAND_BEFORE(int, 0, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * x, unsigned char *out, int *n), (x, out, n))
STAND_BEFORE(int, 0, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * x, int type, int arg, void *ptr),
             (x, type, arg, ptr))

/* ---- cases ---- */

static uint8_t key[32];
static const size_t lengths[] = {2000, 16384};

static void long_packets_go_through_libcrypto_and_short_ones_do_not(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    for (int suite = 0; suite < 2; suite++) {
        calls = 0;
        sealed_begin(&s, sealed_suite(suite), 256, key);
        sealed_check(&s, &c);
        CHECK_EQ(calls, 0);
        sealed_begin(&s, sealed_suite(suite), 2000, key);
        sealed_check(&s, &c);
        CHECK(calls > 0);
    }
    hkp_htp__ciphers_free(&c);
}

static void a_packet_allocates_nothing(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    uint8_t other[32];
    sealed_noise(other, sizeof other);
    for (int i = 0; i < 200; i++) {
        const uint64_t before = memory.allocations;
        sealed_begin(&s, sealed_suite(i), lengths[i / 2 % 2], i % 5 != 0 ? key : other);
        sealed_check(&s, &c);
        if (i >= 2) CHECK_EQ(memory.allocations, before);
    }
    hkp_htp__ciphers_free(&c);
}

static void a_thousand_sessions_cost_what_one_does(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    const size_t empty = memory.bytes;
    size_t one = 0;
    for (int i = 0; i < 2000; i++) {
        uint8_t new_key[32];
        sealed_noise(new_key, sizeof new_key);
        sealed_begin(&s, sealed_suite(i), 2000, new_key);
        sealed_check(&s, &c);
        if (i == 1) one = memory.bytes;
        if (i > 1) CHECK_EQ(memory.bytes, one);
    }
    CHECK(one - empty <= 8192);
    printf("# the contexts of an endpoint hold %zu bytes\n", one - empty);
    hkp_htp__ciphers_free(&c);
    CHECK_EQ(memory.bytes, empty);
}

static void nothing_of_a_key_outlives_it(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    uint8_t other[32];
    sealed_noise(other, sizeof other);
    for (int suite = 0; suite < 2; suite++) {
        /* two keys: one in the context that seals, the other in the one that opens */
        sealed_begin(&s, sealed_suite(suite), 2000, other);
        sealed_check(&s, &c);
        sealed_begin(&s, sealed_suite(suite), 2000, key);
        CHECK_EQ(hkp_htp__seal(&c, &s.p), 0);
        CHECK(libcrypto_holds(key) && libcrypto_holds(other));
        memory.secret = key;
        memory.found = 0;
        hkp_htp__cipher_forget(&c, key);
        CHECK(!memory.found && !libcrypto_holds(key) && memmem(&c, sizeof c, key, 32) == NULL);
        CHECK(libcrypto_holds(other));
        memory.secret = other;
        hkp_htp__ciphers_free(&c);
        CHECK(!memory.found && !libcrypto_holds(other) && memmem(&c, sizeof c, other, 32) == NULL);
        memory.secret = NULL;
    }
}

static void a_key_that_follows_another_leaves_nothing_of_it(void) {
    static struct sealed s;
    struct hkp_htp__ciphers c = {0};
    uint8_t other[32];
    sealed_noise(other, sizeof other);
    for (int suite = 0; suite < 2; suite++) {
        sealed_begin(&s, sealed_suite(suite), 2000, key);
        sealed_check(&s, &c);
        sealed_begin(&s, sealed_suite(suite), 2000, other);
        sealed_check(&s, &c);
        CHECK(!libcrypto_holds(key) && libcrypto_holds(other));
        CHECK(memmem(&c, sizeof c, key, 32) == NULL);
        hkp_htp__ciphers_free(&c);
    }
}

static void no_error_is_left_and_the_hosts_own_stays(void) {
    static struct sealed s;
    for (int round = 0; round < 2; round++) {
        struct hkp_htp__ciphers c = {0};
        ERR_clear_error();
        if (round == 1) ERR_raise(ERR_LIB_USER, 77);
        const unsigned long before = ERR_peek_last_error();
        for (int i = 0; i < 8; i++) {
            sealed_begin(&s, sealed_suite(i), 2000, key);
            if (i == 4) memory.left = 0;
            CHECK_EQ(hkp_htp__seal(&c, &s.p), 0);
            s.p.text[i] ^= 1;
            CHECK_EQ(hkp_htp__open(&c, &s.p), -1);
            memory.left = -1;
            if (i == 3) hkp_htp__ciphers_free(&c);
            CHECK(ERR_peek_last_error() == before);
        }
        CHECK(ERR_get_error() == before);
        CHECK(ERR_get_error() == 0);
        hkp_htp__ciphers_free(&c);
    }
}

static void without_memory_for_libcrypto_libsodium_does_it(void) {
    static struct sealed s;
    for (int suite = 0; suite < 2; suite++)
        for (long left = 0; left < 12; left++) {
            struct hkp_htp__ciphers c = {0};
            sealed_begin(&s, sealed_suite(suite), 2000, key);
            memory.left = left;
            sealed_check(&s, &c);
            memory.left = -1;
            sealed_begin(&s, sealed_suite(suite), 2000, key);
            sealed_check(&s, &c);
            hkp_htp__ciphers_free(&c);
        }
}

/* Each call fails once: the bytes are right all the same, or nothing is sent, or nothing is opened. */
static void a_call_that_fails_sends_and_shows_nothing_wrong(void) {
    static struct sealed s;
    static const uint8_t zero[SEALED_MOST];
    long refused[2] = {0}, right[2] = {0};
    for (int suite = 0; suite < 2; suite++)
        for (int opens = 0; opens < 2; opens++)
            for (long at = 1; at < 14; at++) {
                struct hkp_htp__ciphers c = {0};
                for (int i = 0; i < 2; i++) { /* the first takes the key in */
                    sealed_begin(&s, sealed_suite(suite), 2000, key);
                    if (opens) memcpy(s.p.text, s.sealed, s.p.len + 16);
                    if (i == 0) calls = 0, fail_at = at;
                    const int st = opens ? hkp_htp__open(&c, &s.p) : hkp_htp__seal(&c, &s.p);
                    CHECK_MEM(s.p.text, st != 0 ? zero : opens ? s.plain : s.sealed, s.p.len);
                    if (st == 0) CHECK_MEM(s.p.text + s.p.len, s.sealed + s.p.len, 16);
                    (st == 0 ? right : refused)[opens]++;
                    sealed_guards(&s);
                }
                fail_at = 0;
                hkp_htp__ciphers_free(&c);
            }
    for (int opens = 0; opens < 2; opens++) CHECK(refused[opens] > 0 && right[opens] > refused[opens]);
}

static struct hkp_htp__session *only(hkp_htp_endpoint *ep) {
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++)
        if (ep->sessions[i] != NULL) return ep->sessions[i];
    return NULL;
}

/* A long packet each way under the keys of now, which are then in all contexts; copied for later. */
static void use_keys(hkp_htp_endpoint *ep, uint8_t keys[2][32]) {
    static struct sealed s;
    const struct hkp_htp__session *session = only(ep);
    for (int way = 0; way < 2; way++) {
        memcpy(keys[way], session->epochs[session->epoch & 1]->key[way], 32);
        sealed_begin(&s, HKP_HTP_SUITE_CHACHA20_POLY1305, 2000, keys[way]);
        if (way == 0) CHECK_EQ(hkp_htp__seal(&ep->ciphers, &s.p), 0);
        if (way == 1) CHECK_EQ(hkp_htp__open(&ep->ciphers, &s.p), -1);
        memset(&s, 0, sizeof s);
        CHECK(libcrypto_holds(keys[way]));
    }
}

static int holds_one_of(uint8_t keys[2][32]) { return libcrypto_holds(keys[0]) || libcrypto_holds(keys[1]); }

static void keys_of_a_session_leave_libcrypto_with_their_epoch(void) {
    static struct world w;
    struct pair p = {.w = &w};
    uint8_t first[2][32], second[2][32];
    world_load(&w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    use_keys(p.e, first);
    only(p.e)->epochs[0]->sealed = UINT64_C(1) << 20; /* a rekey is due */
    pair_run(&p, 50 * HKP_HTP__SEC);
    CHECK_EQ(only(p.e)->epoch, 1);
    CHECK(!holds_one_of(first));
    use_keys(p.e, second);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK(!holds_one_of(second));
    pair_free(&p);

    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    use_keys(p.e, first);
    pair_free(&p);
    CHECK(!holds_one_of(first));
}

int main(void) {
    CHECK_EQ(CRYPTO_set_mem_functions(take, take_again, give), 1);
    CHECK(sodium_init() >= 0);
    sealed_state = check_seed();
    sealed_noise(key, sizeof key);
    CASE(long_packets_go_through_libcrypto_and_short_ones_do_not);
    CASE(a_packet_allocates_nothing);
    CASE(a_thousand_sessions_cost_what_one_does);
    CASE(nothing_of_a_key_outlives_it);
    CASE(a_key_that_follows_another_leaves_nothing_of_it);
    CASE(keys_of_a_session_leave_libcrypto_with_their_epoch);
    CASE(no_error_is_left_and_the_hosts_own_stays);
    CASE(without_memory_for_libcrypto_libsodium_does_it);
    CASE(a_call_that_fails_sends_and_shows_nothing_wrong);
    return check_done();
}
