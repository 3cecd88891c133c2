/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HMAC-SHA-256: the examples of RFC 4231 whose keys are no longer than ours, and libsodium's at every length.
 */
#include "libhtp/crypto/mac.h"

#include "check.h"

/* A shorter key is one of 32 bytes that ends with zeros. */
static void mac(uint8_t out[32], const uint8_t *key, size_t key_len, const void *data, size_t len,
                size_t cut) {
    uint8_t padded[32] = {0};
    struct hkp_htp__mac m;
    memcpy(padded, key, key_len);
    hkp_htp__mac_init(&m, padded);
    hkp_htp__mac_update(&m, data, cut);
    hkp_htp__mac_update(&m, (const uint8_t *)data + cut, len - cut);
    hkp_htp__mac_final(&m, out);
    CHECK(sodium_is_zero((const uint8_t *)&m, sizeof m));
}

static void examples_of_rfc_4231(void) {
    uint8_t key[25], data[50], out[32];
    char hex[65];
    memset(key, 0x0B, 20);
    mac(out, key, 20, "Hi There", 8, 3);
    CHECK(strcmp(sodium_bin2hex(hex, sizeof hex, out, 32),
                 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7") == 0);
    mac(out, (const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, 0);
    CHECK(strcmp(sodium_bin2hex(hex, sizeof hex, out, 32),
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") == 0);
    memset(key, 0xAA, 20);
    memset(data, 0xDD, sizeof data);
    mac(out, key, 20, data, sizeof data, 50);
    CHECK(strcmp(sodium_bin2hex(hex, sizeof hex, out, 32),
                 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe") == 0);
    for (uint8_t i = 0; i < 25; i++) key[i] = (uint8_t)(i + 1);
    memset(data, 0xCD, sizeof data);
    mac(out, key, 25, data, sizeof data, 1);
    CHECK(strcmp(sodium_bin2hex(hex, sizeof hex, out, 32),
                 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b") == 0);
}

static void the_same_as_libsodium_at_every_length(void) {
    uint8_t key[32], data[300], out[32], want[32];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 37 + 5);
    memcpy(key, data + 100, 32);
    for (size_t len = 0; len <= sizeof data; len++) {
        mac(out, key, 32, data, len, len / 3);
        crypto_auth_hmacsha256(want, data, len, key);
        CHECK(memcmp(out, want, 32) == 0);
    }
}

/* Keys are derived in numbers: the key is taken in once. */
static void a_copy_begins_another_mac(void) {
    uint8_t key[32] = {7}, one[32], two[32], want[32];
    struct hkp_htp__mac keyed, m;
    hkp_htp__mac_init(&keyed, key);
    m = keyed;
    hkp_htp__mac_update(&m, "one", 3);
    hkp_htp__mac_final(&m, one);
    m = keyed;
    hkp_htp__mac_update(&m, "two", 3);
    hkp_htp__mac_final(&m, two);
    crypto_auth_hmacsha256(want, (const uint8_t *)"one", 3, key);
    CHECK(memcmp(one, want, 32) == 0);
    crypto_auth_hmacsha256(want, (const uint8_t *)"two", 3, key);
    CHECK(memcmp(two, want, 32) == 0);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(examples_of_rfc_4231);
    CASE(the_same_as_libsodium_at_every_length);
    CASE(a_copy_begins_another_mac);
    return check_done();
}
