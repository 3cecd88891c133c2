/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* SHA-256 of libter/sha256.h, by whatever this build has; unit_sha256_sodium.c is the same by libsodium. */
#include "check.h"
#include "libter/sha256.h"

enum { MANY = 200000 };

static const struct {
    const char *text;
    uint32_t times;
    const char *digest;
} standard[] = {
    /* FIPS 180-4 and the byte-oriented examples that NIST gives with it */
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrs"
     "t"
     "nopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static uint64_t drawn;

static uint32_t draw(uint32_t below) {
    drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(drawn >> 33) % below;
}

static void the_standard_messages_have_their_digests(void) {
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
        int before = check_faults;
        uint8_t want[32], got[32];
        struct hkp_sha256 h;
        CHECK_EQ(sodium_hex2bin(want, 32, standard[i].digest, 64, NULL, NULL, NULL), 0);
        hkp_sha256_init(&h);
        for (uint32_t n = 0; n < standard[i].times; n++)
            hkp_sha256_update(&h, standard[i].text, strlen(standard[i].text));
        hkp_sha256_final(&h, got);
        CHECK_MEM(got, want, 32);
        if (standard[i].times == 1) {
            hkp_sha256(got, standard[i].text, strlen(standard[i].text));
            CHECK_MEM(got, want, 32);
        }
        CHECK_NOTE(before, "message %zu\n", i);
    }
}

static void a_message_in_pieces_has_the_digest_of_the_whole(void) {
    static uint8_t text[MANY];
    uint8_t want[32], got[32];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)draw(256);
    for (int round = 0; round < 200; round++) {
        const uint32_t len = draw(round % 2 != 0 ? 300 : MANY + 1), most = 1 + draw(len + 1);
        struct hkp_sha256 h;
        crypto_hash_sha256(want, text, len);
        hkp_sha256_init(&h);
        for (uint32_t at = 0, piece; at < len; at += piece) {
            piece = draw(most + 1);
            if (piece > len - at) piece = len - at;
            if (piece == 0 && draw(2) == 0) piece = 1;
            hkp_sha256_update(&h, piece != 0 ? text + at : NULL, piece);
        }
        hkp_sha256_final(&h, got);
        CHECK_MEM(got, want, 32);
        hkp_sha256(got, text, len);
        CHECK_MEM(got, want, 32);
    }
}

static void a_copy_tells_the_digest_so_far_and_the_hash_goes_on(void) {
    uint8_t text[1000], want[32], got[32];
    struct hkp_sha256 h, so_far;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)draw(256);
    hkp_sha256_init(&h);
    for (size_t at = 0; at < sizeof text;) {
        const size_t piece = 1 + draw(90), len = piece > sizeof text - at ? sizeof text - at : piece;
        hkp_sha256_update(&h, text + at, len);
        at += len;
        so_far = h;
        hkp_sha256_final(&so_far, got);
        crypto_hash_sha256(want, text, at);
        CHECK_MEM(got, want, 32);
    }
}

static void a_hash_that_ended_holds_nothing_of_the_message(void) {
    static const struct hkp_sha256 nothing;
    uint8_t digest[32];
    struct hkp_sha256 h;
    memset(&h, 0xA5, sizeof h);
    hkp_sha256_init(&h);
    hkp_sha256_update(&h, "a secret that is hashed", 23);
    hkp_sha256_final(&h, digest);
    CHECK_MEM(&h, &nothing, sizeof h);
}

int main(void) {
    drawn = check_seed();
    CASE(the_standard_messages_have_their_digests);
    CASE(a_message_in_pieces_has_the_digest_of_the_whole);
    CASE(a_copy_tells_the_digest_so_far_and_the_hash_goes_on);
    CASE(a_hash_that_ended_holds_nothing_of_the_message);
    return check_done();
}
