/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Collective sealing: any t shares open, no t - 1 do, and t - 1 say nothing (SYN-6). */
#include "libneuro/gf256.h"
#include "synapse_support.h"

enum { TEXT = 19 };
static const uint8_t chain[32] = {0xC4};

/** A seal with its dealer. */
struct sealed {
    uint32_t t, n;
    uint8_t public_key[32], secret[64], holders[32 * 16];
    uint8_t text[TEXT], object[4096], shares[32 * 64];
    size_t len;
    uint64_t random;
};

static void options_of(struct sealed *s, struct hkp_neuro_seal_options *opt) {
    hkp_neuro_seal_options_init(opt, sizeof *opt);
    opt->t = s->t;
    opt->n = s->n;
    opt->holders = s->holders;
    opt->dealer_secret = s->secret;
    opt->rng = (struct hkp_rng){&s->random, seeded_fill};
    memcpy(opt->chain_id, chain, 32);
    memset(opt->dealer, 0xDE, 16);
}

static hkp_status seal(struct sealed *s, uint32_t t, uint32_t n) {
    struct hkp_neuro_seal_options opt;
    uint8_t seed[32] = {7};
    s->t = t;
    s->n = n;
    s->random = check_seed() + 64 * t + n;
    crypto_sign_seed_keypair(s->public_key, s->secret, seed);
    for (uint32_t i = 0; i < 32; i++) memset(s->holders + 16 * i, (int)i + 1, 16);
    random_bytes(&s->random, s->text, TEXT);
    options_of(s, &opt);
    return hkp_neuro_seal_make(&opt, s->text, TEXT, s->object, sizeof s->object, &s->len, s->shares);
}

static struct hkp_neuro_seal_share share_at(const struct sealed *s, uint32_t i) {
    return (struct hkp_neuro_seal_share){s->shares + (size_t)64 * i, 64};
}

/* Opens with the shares of the set bits. */
static hkp_status open_with(const struct sealed *s, uint32_t bits) {
    struct hkp_neuro_seal_share shares[32];
    uint8_t dst[TEXT], untouched[TEXT];
    size_t n = 0, len = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (bits >> i & 1) shares[n++] = share_at(s, i);
    memset(dst, 0xCC, TEXT);
    memset(untouched, 0xCC, TEXT);
    const hkp_status st =
        hkp_neuro_seal_open(s->object, s->len, chain, s->public_key, shares, n, dst, TEXT, &len);
    CHECK_MEM(dst, st == HKP_OK ? s->text : untouched, TEXT);
    return st;
}

static uint32_t bits_in(uint32_t v) {
    uint32_t n = 0;
    for (; v != 0; v &= v - 1) n++;
    return n;
}

static void every_t_shares_open_and_no_fewer_do(void) {
    static const uint8_t sizes[][2] = {{2, 2}, {2, 5}, {3, 5}, {4, 7}, {7, 7}, {5, 8}};
    static struct sealed s;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        CHECK_EQ(seal(&s, sizes[k][0], sizes[k][1]), HKP_OK);
        for (uint32_t bits = 0; bits < 1U << s.n; bits++)
            CHECK_EQ(open_with(&s, bits), bits_in(bits) >= s.t ? HKP_OK : HKP_E_NEURO_SYN_SHARE_COUNT);
    }
    CHECK_EQ(seal(&s, 16, 32), HKP_OK);
    CHECK_EQ(open_with(&s, 0xFFFF0000U), HKP_OK);
    CHECK_EQ(open_with(&s, 0xAAAAAAAAU), HKP_OK);
    CHECK_EQ(open_with(&s, 0xFFFE0000U), HKP_E_NEURO_SYN_SHARE_COUNT);
}

/* One who skips the count and interpolates over too few points gets another key. */
static void fewer_points_interpolate_to_another_key(void) {
    uint64_t random = check_seed();
    uint8_t secret[32], a[4 * 32], y[5][32], out[32];
    uint8_t x[5];
    const uint8_t *points[5];
    random_bytes(&random, secret, 32);
    random_bytes(&random, a, sizeof a);
    for (uint8_t i = 0; i < 5; i++) {
        x[i] = (uint8_t)(i + 1);
        hkp_neuro__gf_share(secret, a, 4, x[i], y[i]);
        points[i] = y[i];
    }
    hkp_neuro__gf_at_zero(x, points, 5, out);
    CHECK_MEM(out, secret, 32);
    for (size_t t = 1; t < 5; t++) {
        hkp_neuro__gf_at_zero(x, points, t, out);
        CHECK(memcmp(out, secret, 32) != 0);
    }
}

/* By construction for t = 3: for two given share bytes each of the 256 secret bytes has exactly one pair of
 * coefficients (a_1, a_2) that gives those shares. So two shares leave all secrets equally likely. */
static void two_of_three_shares_leave_every_secret_possible(void) {
    const uint8_t x1 = 2, x2 = 5, y1 = 0x9C, y2 = 0x31;
    static uint32_t ways[256];
    const uint8_t x1s = hkp_neuro__gf_mul(x1, x1), x2s = hkp_neuro__gf_mul(x2, x2);
    memset(ways, 0, sizeof ways);
    for (uint32_t k = 0; k < 256; k++)
        for (uint32_t a1 = 0; a1 < 256; a1++) {
            /* a_2 that satisfies the first share, then look at the second */
            const uint8_t rest = (uint8_t)(y1 ^ k ^ hkp_neuro__gf_mul((uint8_t)a1, x1));
            const uint8_t a2 = hkp_neuro__gf_mul(rest, hkp_neuro__gf_inverse(x1s));
            ways[k] += (uint8_t)(k ^ hkp_neuro__gf_mul((uint8_t)a1, x2) ^ hkp_neuro__gf_mul(a2, x2s)) == y2;
        }
    for (uint32_t k = 0; k < 256; k++) CHECK_EQ(ways[k], 1);
}

static void the_field_is_a_field(void) {
    for (uint32_t a = 0; a < 256; a++) {
        uint8_t seen[256] = {0};
        CHECK_EQ(hkp_neuro__gf_mul((uint8_t)a, hkp_neuro__gf_inverse((uint8_t)a)), a != 0);
        for (uint32_t b = 0; b < 256; b++) {
            const uint8_t p = hkp_neuro__gf_mul((uint8_t)a, (uint8_t)b);
            CHECK_EQ(p, hkp_neuro__gf_mul((uint8_t)b, (uint8_t)a));
            seen[p]++;
        }
        for (uint32_t p = 0; a != 0 && p < 256; p++) CHECK_EQ(seen[p], 1);
    }
    uint64_t random = check_seed();
    for (int i = 0; i < 2000; i++) {
        const uint64_t r = check_random(&random);
        const uint8_t a = (uint8_t)r, b = (uint8_t)(r >> 8), c = (uint8_t)(r >> 16);
        CHECK_EQ(hkp_neuro__gf_mul(a, b ^ c), hkp_neuro__gf_mul(a, b) ^ hkp_neuro__gf_mul(a, c));
        CHECK_EQ(hkp_neuro__gf_mul(a, hkp_neuro__gf_mul(b, c)),
                 hkp_neuro__gf_mul(hkp_neuro__gf_mul(a, b), c));
    }
}

/* Equal coefficients for all bytes would make the differences of two key bytes show in every share. */
static void shares_of_a_key_of_equal_bytes_have_unequal_bytes(void) {
    uint64_t random = check_seed();
    uint8_t secret[32], a[2 * 32], y[32];
    memset(secret, 0x55, 32);
    random_bytes(&random, a, sizeof a);
    hkp_neuro__gf_share(secret, a, 2, 3, y);
    int equal = 0;
    for (int j = 1; j < 32; j++) equal += y[j] == y[0];
    CHECK(equal < 16);
    static struct sealed s; /* and what is dealt uses every drawn byte: each coefficient is asked for */
    CHECK_EQ(seal(&s, 3, 5), HKP_OK);
    uint64_t drawn = check_seed() + 64 * 3 + 5;
    uint8_t text[TEXT], id[16], kek[32], coefficients[64];
    random_bytes(&drawn, text, TEXT);
    random_bytes(&drawn, id, 16);
    random_bytes(&drawn, kek, 32);
    random_bytes(&drawn, coefficients, 64);
    for (uint8_t x = 1; x <= 5; x++)
        for (size_t j = 0; j < 32; j++) {
            const uint8_t want = (uint8_t)(kek[j] ^ hkp_neuro__gf_mul(coefficients[j], x) ^
                                           hkp_neuro__gf_mul(coefficients[32 + j], hkp_neuro__gf_mul(x, x)));
            CHECK_EQ(s.shares[(size_t)64 * x - 32 + j], want);
        }
}

static void a_changed_byte_of_the_object_never_opens(void) {
    static struct sealed s;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    for (size_t at = 0; at < s.len; at++) {
        s.object[at] ^= 0x10;
        CHECK(open_with(&s, 7) != HKP_OK);
        s.object[at] ^= 0x10;
    }
    CHECK_EQ(open_with(&s, 7), HKP_OK);
    for (size_t len = 0; len < s.len; len++) {
        struct hkp_neuro_seal_info info;
        CHECK_EQ(hkp_neuro_seal_decode(&info, s.object, len),
                 len < 40 ? HKP_E_NEURO_SYN_MAGIC : HKP_E_NEURO_SYN_LENGTH);
    }
}

/* The signature is the outer guard; without it the key, the commitments and the tag still hold the object. */
static void an_object_signed_again_by_the_dealer_does_not_open_changed(void) {
    static struct sealed s, good;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    good = s;
    for (size_t at = 16; at < s.len - 80; at++) {
        uint8_t input[74];
        s = good;
        s.object[at] ^= 1;
        memcpy(input, "NSE1 seal", 10);
        memcpy(input + 10, chain, 32);
        crypto_hash_sha256(input + 42, s.object, s.len - 64);
        crypto_sign_detached(s.object + s.len - 64, NULL, input, sizeof input, s.secret);
        CHECK(open_with(&s, 3) != HKP_OK);
    }
}

static void a_seal_of_another_mesh_or_dealer_does_not_open(void) {
    static struct sealed s;
    uint8_t other[32] = {1}, dst[TEXT];
    struct hkp_neuro_seal_share shares[2];
    size_t len;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    for (uint32_t i = 0; i < 2; i++) shares[i] = share_at(&s, i);
    CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, other, s.public_key, shares, 2, dst, TEXT, &len),
             HKP_E_NEURO_SYN_SIG);
    CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, chain, other, shares, 2, dst, TEXT, &len),
             HKP_E_NEURO_SYN_SIG);
    CHECK_EQ(hkp_neuro_seal_verify(s.object, s.len, chain, s.public_key), HKP_OK);
    CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, chain, s.public_key, shares, 2, dst, TEXT - 1, &len),
             HKP_E_NOSPC);
}

static void a_holder_can_check_its_share(void) {
    static struct sealed s, other;
    uint8_t share[64], holder[16];
    uint32_t x = 0;
    CHECK_EQ(seal(&other, 2, 3), HKP_OK);
    CHECK_EQ(seal(&s, 3, 4), HKP_OK);
    for (uint32_t i = 0; i < s.n; i++) {
        CHECK_EQ(hkp_neuro_seal_share_check(s.object, s.len, s.shares + 64 * i, 64, &x), HKP_OK);
        CHECK_EQ(x, i + 1);
        CHECK_EQ(hkp_neuro_seal_holder(s.object, s.len, i + 1, holder), HKP_OK);
        CHECK_MEM(holder, s.holders + 16 * i, 16);
        for (size_t at = 0; at < 64; at++) {
            memcpy(share, s.shares + 64 * i, 64);
            share[at] ^= 4;
            CHECK_EQ(hkp_neuro_seal_share_check(s.object, s.len, share, 64, &x),
                     at < 8 || (at >= 27 && at < 32) ? HKP_E_NEURO_SYN_MAGIC : HKP_E_NEURO_SYN_SHARE);
        }
    }
    CHECK_EQ(hkp_neuro_seal_holder(s.object, s.len, 0, holder), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_seal_holder(s.object, s.len, 5, holder), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_seal_share_check(s.object, s.len, s.shares, 63, &x), HKP_E_NEURO_SYN_MAGIC);
    CHECK_EQ(hkp_neuro_seal_share_check(s.object, s.len, other.shares, 64, &x), HKP_E_NEURO_SYN_SHARE);
}

static void no_share_has_number_zero_or_is_counted_twice(void) {
    static struct sealed s;
    struct hkp_neuro_seal_share shares[3];
    uint8_t zero[64], dst[TEXT];
    size_t len;
    CHECK_EQ(seal(&s, 3, 5), HKP_OK);
    for (uint32_t i = 0; i < 3; i++) shares[i] = share_at(&s, i);
    memcpy(zero, shares[0].bytes, 64);
    for (uint8_t x = 0; x < 9; x++) { /* 0, another's number, and beyond n */
        zero[24] = x;
        shares[0].bytes = zero;
        CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, chain, s.public_key, shares, 3, dst, TEXT, &len),
                 x == 1 ? HKP_OK : HKP_E_NEURO_SYN_SHARE);
    }
    shares[0] = shares[1];
    CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, chain, s.public_key, shares, 3, dst, TEXT, &len),
             HKP_E_NEURO_SYN_SHARE_DUP);
}

static void what_cannot_be_dealt_is_refused(void) {
    static const uint8_t wrong[][2] = {{1, 3}, {4, 3}, {17, 20}, {2, 33}};
    static struct sealed s;
    struct hkp_neuro_seal_options opt;
    for (size_t k = 0; k < 4; k++) CHECK_EQ(seal(&s, wrong[k][0], wrong[k][1]), HKP_E_INVAL);
    CHECK_EQ(seal(&s, 0, 0), HKP_OK);
    CHECK_EQ(s.object[8], 3);
    CHECK_EQ(s.object[9], 5);
    s.t = 2;
    s.n = 3;
    options_of(&s, &opt);
    memcpy(s.holders + 32, s.holders, 16); /* one holder with two shares would halve what t means */
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, sizeof s.object, &s.len, s.shares),
             HKP_E_INVAL);
    memset(s.holders + 32, 9, 16);
    CHECK_EQ(
        hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, hkp_neuro_seal_size(3, TEXT) - 1, &s.len, s.shares),
        HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, HKP_NEURO_SEAL_TEXT_MAX + 1, s.object, sizeof s.object, &s.len,
                                 s.shares),
             HKP_E_TOOBIG);
    opt.rng.fill = NULL;
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, sizeof s.object, &s.len, s.shares),
             HKP_E_INVAL);
    options_of(&s, &opt);
    opt.dealer_secret = NULL;
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, sizeof s.object, &s.len, s.shares),
             HKP_E_INVAL);
}

static int32_t fails_at(void *user, uint8_t *dst, size_t len) {
    int *left = user;
    memset(dst, 1, len);
    return (*left)-- > 0 ? 0 : -1;
}

static void without_randomness_nothing_is_written(void) {
    static struct sealed s;
    struct hkp_neuro_seal_options opt;
    uint8_t before[sizeof s.object];
    CHECK_EQ(seal(&s, 3, 5), HKP_OK);
    memcpy(before, s.object, sizeof before);
    for (int k = 0; k < 4; k++) {
        int left = k;
        options_of(&s, &opt);
        opt.rng = (struct hkp_rng){&left, fails_at};
        CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, sizeof s.object, &s.len, s.shares),
                 HKP_E_CALLBACK);
        CHECK_MEM(s.object, before, sizeof before);
    }
}

static void an_empty_text_can_be_sealed(void) {
    static struct sealed s;
    struct hkp_neuro_seal_options opt;
    struct hkp_neuro_seal_share shares[2];
    uint8_t dst[1];
    size_t len = 9;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    options_of(&s, &opt);
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, 0, s.object, sizeof s.object, &s.len, s.shares), HKP_OK);
    for (uint32_t i = 0; i < 2; i++) shares[i] = share_at(&s, i);
    CHECK_EQ(hkp_neuro_seal_open(s.object, s.len, chain, s.public_key, shares, 2, dst, 0, &len), HKP_OK);
    CHECK_EQ(len, 0);
}

static void an_object_of_impossible_numbers_is_none(void) {
    static const uint8_t wrong[][2] = {{0, 5}, {1, 5}, {17, 20}, {4, 3}, {2, 33}, {16, 33}, {255, 255}};
    static struct sealed s;
    struct hkp_neuro_seal_info info;
    uint8_t holder[16];
    uint32_t x;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        s.object[8] = wrong[k][0];
        s.object[9] = wrong[k][1];
        CHECK_EQ(hkp_neuro_seal_decode(&info, s.object, s.len), HKP_E_NEURO_SYN_RESERVED);
        CHECK_EQ(hkp_neuro_seal_verify(s.object, s.len, chain, s.public_key), HKP_E_NEURO_SYN_RESERVED);
        CHECK_EQ(hkp_neuro_seal_holder(s.object, s.len, 1, holder), HKP_E_NEURO_SYN_RESERVED);
        CHECK_EQ(hkp_neuro_seal_share_check(s.object, s.len, s.shares, 64, &x), HKP_E_NEURO_SYN_RESERVED);
    }
    CHECK_EQ(hkp_neuro_seal_holder(s.object, 8, 1, holder), HKP_E_NEURO_SYN_MAGIC);
    CHECK_EQ(hkp_neuro_seal_verify(s.object, 8, chain, s.public_key), HKP_E_NEURO_SYN_MAGIC);
}

static void the_longest_text_can_be_sealed(void) {
    static struct sealed s;
    struct hkp_neuro_seal_options opt;
    struct hkp_neuro_seal_share shares[2];
    const size_t most = HKP_NEURO_SEAL_TEXT_MAX, size = hkp_neuro_seal_size(3, most);
    uint8_t *text = calloc(1, most), *object = malloc(size);
    size_t len = 0, text_len = 0;
    CHECK_EQ(seal(&s, 2, 3), HKP_OK);
    options_of(&s, &opt);
    text[most - 1] = 7;
    CHECK_EQ(hkp_neuro_seal_make(&opt, text, most, object, size - 1, &len, s.shares), HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_seal_make(&opt, text, most, object, size, &len, s.shares), HKP_OK);
    CHECK_EQ(len, size);
    for (uint32_t i = 0; i < 2; i++) shares[i] = share_at(&s, i);
    memset(text, 1, most);
    CHECK_EQ(hkp_neuro_seal_open(object, len, chain, s.public_key, shares, 2, text, most, &text_len), HKP_OK);
    CHECK_EQ(text_len, most);
    CHECK(text[0] == 0 && text[most - 1] == 7);
    hkp_put_be64(object + 32, most + 1); /* and no longer one is looked at */
    struct hkp_neuro_seal_info info;
    CHECK_EQ(hkp_neuro_seal_decode(&info, object, len + 1), HKP_E_NEURO_SYN_LENGTH);
    free(text);
    free(object);
    opt.struct_size = 8;
    CHECK_EQ(hkp_neuro_seal_make(&opt, s.text, TEXT, s.object, sizeof s.object, &s.len, s.shares),
             HKP_E_INVAL);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(the_field_is_a_field);
    CASE(every_t_shares_open_and_no_fewer_do);
    CASE(fewer_points_interpolate_to_another_key);
    CASE(two_of_three_shares_leave_every_secret_possible);
    CASE(shares_of_a_key_of_equal_bytes_have_unequal_bytes);
    CASE(a_changed_byte_of_the_object_never_opens);
    CASE(an_object_signed_again_by_the_dealer_does_not_open_changed);
    CASE(a_seal_of_another_mesh_or_dealer_does_not_open);
    CASE(a_holder_can_check_its_share);
    CASE(no_share_has_number_zero_or_is_counted_twice);
    CASE(what_cannot_be_dealt_is_refused);
    CASE(without_randomness_nothing_is_written);
    CASE(an_empty_text_can_be_sealed);
    CASE(the_longest_text_can_be_sealed);
    CASE(an_object_of_impossible_numbers_is_none);
    return check_done();
}
