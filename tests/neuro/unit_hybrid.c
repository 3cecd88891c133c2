/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The hybrid: what is sealed opens, each changed bit does not, levels and replay sets (LAB-8). */
#include "bridge_support.h"
#include "libneuro/bridge/bridge.h"

#include "alloc.h"

enum { NOW = 1760000000 };
static struct form inter, sealed, opened;
static uint64_t random_state;

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&random_state);
    return 0;
}

static int32_t no_fill(void *user, uint8_t *dst, size_t len) {
    (void)user, (void)dst, (void)len;
    return -1;
}

static hkp_neuro_bridge *order(void) {
    json_t *file = vec_load("lab/translate.json");
    const struct vec_bytes v = vec_hex(json_array_get(vec_get(file, "cases"), 0), "inter");
    memcpy(inter.bytes, v.ptr, v.len);
    inter.len = v.len;
    free(v.ptr);
    return bridge_of(file, "table");
}

static struct hkp_neuro_hyb_secret keys(uint32_t origin) {
    struct hkp_neuro_hyb_secret secret;
    const uint8_t id[16] = {1}, master[32] = {2};
    CHECK_EQ(hkp_neuro_hyb_keys_derive(&secret, id, master, origin, NOW), HKP_OK);
    CHECK_EQ(hkp_neuro_hyb_keys_derive(&secret, id, master, 0, NOW), HKP_E_INVAL);
    return secret;
}

static struct hkp_neuro_hyb_options options(uint32_t policy) {
    struct hkp_neuro_hyb_options opt;
    hkp_neuro_hyb_options_init(&opt, sizeof opt);
    opt.policy = policy;
    opt.now_s = NOW;
    opt.expires_s = NOW + 60;
    opt.rng.fill = fill;
    return opt;
}

static hkp_status seal(struct hkp_neuro_hyb_secret *s, const struct hkp_neuro_hyb_options *opt,
                       const hkp_neuro_bridge *b) {
    return hkp_neuro_hyb_seal(s, opt, b, inter.bytes, inter.len, sealed.bytes, sizeof sealed.bytes,
                              &sealed.len);
}

static hkp_status open_sealed(const struct hkp_neuro_hyb_secret *s, const struct hkp_neuro_hyb_options *opt,
                              const hkp_neuro_bridge *b) {
    return hkp_neuro_hyb_open(s, opt, b, sealed.bytes, sealed.len, opened.bytes, sizeof opened.bytes,
                              &opened.len);
}

static void each_changed_bit_of_a_message_is_refused(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM);
    const struct hkp_neuro_hyb_options opt = options(0);
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(sealed.len, 88 + 1024 + 16);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_OK);
    check_form(&opened, inter.bytes, inter.len);
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        memset(opened.bytes, 0, sizeof opened.bytes);
        sealed.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        CHECK(open_sealed(&s, &opt, b) != HKP_OK);
        CHECK_EQ(opened.len, 0);
        CHECK(sodium_is_zero(opened.bytes, sealed.len));
        sealed.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t len = 0, whole = sealed.len; len < whole; len++) {
        sealed.len = len;
        CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_LENGTH);
        sealed.len = whole;
    }
    hkp_neuro_bridge_free(b);
}

static void no_two_messages_share_a_key(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM);
    const struct hkp_neuro_hyb_options opt = options(3);
    static struct form first;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    first = sealed;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK(memcmp(first.bytes + 64, sealed.bytes + 64, 24) != 0);
    CHECK(memcmp(first.bytes + 88, sealed.bytes + 88, 1024) != 0);
    CHECK_EQ(s.sealed, 2);
    hkp_neuro_bridge_free(b);
}

static void a_level_is_raised_and_never_lowered(void) {
    hkp_neuro_bridge *b = order(); /* level 3 */
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM), e = keys(HKP_NEURO_HYB_FROM_EXPORT);
    for (uint32_t policy = 1; policy <= 4; policy++) {
        const struct hkp_neuro_hyb_options opt = options(policy);
        CHECK_EQ(seal(&s, &opt, b), policy == 3 ? HKP_OK : HKP_E_NEURO_HYB_POLICY);
        CHECK_EQ(seal(&e, &opt, b), policy >= 3 ? HKP_OK : HKP_E_NEURO_HYB_POLICY);
    }
    CHECK_EQ(sealed.len, 88 + 4096 + 16);
    const struct hkp_neuro_hyb_options opt = options(0);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_POLICY); /* restricted, and the key is not of EXPORT */
    CHECK_EQ(open_sealed(&e, &opt, b), HKP_E_NEURO_HYB_REPLAY); /* restricted, and no replay set */
    hkp_neuro_bridge_free(b);
}

static void a_key_of_confidential_has_a_day_and_a_million_messages(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM);
    struct hkp_neuro_hyb_options opt = options(3);
    s.sealed = (1 << 20) - 1;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(seal(&s, &opt, b), HKP_E_NEURO_HYB_KEY);
    s.sealed = 0;
    opt.now_s = NOW + 86399;
    opt.expires_s = opt.now_s + 60;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    opt.now_s++;
    CHECK_EQ(seal(&s, &opt, b), HKP_E_NEURO_HYB_KEY);
    hkp_neuro_bridge_free(b);
}

/* Sealed by someone with the key: what is inside is judged as well. */
static void what_is_inside_is_checked_like_any_intermediary(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM);
    struct hkp_neuro_hyb_options opt = options(3);
    inter.bytes[0] = 0xA0;
    inter.len = 1;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_BR_MISSING);
    inter.bytes[0] = 0xFF;
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_BR_CBOR);
    CHECK(sodium_is_zero(opened.bytes, sealed.len));
    opt.rng.fill = no_fill;
    CHECK_EQ(seal(&s, &opt, b), HKP_E_CALLBACK);
    CHECK_EQ(sealed.len, 0);
    CHECK_EQ(hkp_neuro_hyb_seal(&s, &opt, b, inter.bytes, 0, sealed.bytes, sizeof sealed.bytes, &sealed.len),
             HKP_E_NEURO_HYB_LENGTH);
    opt.rng.fill = NULL;
    CHECK_EQ(seal(&s, &opt, b), HKP_E_INVAL);
    hkp_neuro_bridge_free(b);
}

/* A layer below the AEAD whose damage must show as padding, never as text. */
static int32_t flip(void *user, const uint8_t key[32], const uint8_t iv[8], uint8_t *data, size_t len) {
    (void)key;
    for (size_t i = 0; i < len; i++) data[i] ^= (uint8_t)(iv[i % 8] + *(uint8_t *)user);
    return HKP_OK;
}

static void a_layer_below_is_applied_and_taken_off(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_RANDOM);
    struct hkp_neuro_hyb_options opt = options(3);
    uint8_t with = 1;
    opt.neural = 1;
    CHECK_EQ(seal(&s, &opt, b), HKP_E_NEURO_HYB_PARAM); /* no layer */
    opt.layer = (struct hkp_neuro_hyb_layer){&with, flip};
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(sealed.bytes[7], 1);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_OK);
    check_form(&opened, inter.bytes, inter.len);
    with = 2;
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_PADDING);
    hkp_neuro_bridge_free(b);
}

/* ---- replay sets ---- */

static hkp_neuro_hyb_replay *replay_new(void) {
    struct hkp_neuro_hyb_replay_options opt;
    hkp_neuro_hyb_replay *r = NULL;
    hkp_neuro_hyb_replay_options_init(&opt, sizeof opt);
    CHECK_EQ(hkp_neuro_hyb_replay_new(&r, &opt), HKP_E_INVAL); /* no generator */
    opt.rng.fill = fill;
    opt.capacity = 4095;
    CHECK_EQ(hkp_neuro_hyb_replay_new(&r, &opt), HKP_E_INVAL);
    opt.capacity = 0;
    struct failing f = {.left = 0};
    opt.mem = failing_mem(&f);
    CHECK_EQ(hkp_neuro_hyb_replay_new(&r, &opt), HKP_E_NOMEM);
    memset(&opt.mem, 0, sizeof opt.mem);
    CHECK_EQ(hkp_neuro_hyb_replay_new(&r, &opt), HKP_OK);
    return r;
}

static void a_message_opens_once(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_EXPORT);
    struct hkp_neuro_hyb_options opt = options(4);
    opt.replay = replay_new();
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    sealed.bytes[sealed.len - 1] ^= 1; /* what is not authentic takes no room and spoils nothing */
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_AUTH);
    sealed.bytes[sealed.len - 1] ^= 1;
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_OK);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_REPLAY);
    CHECK(sodium_is_zero(opened.bytes, sealed.len));
    hkp_neuro_hyb_replay_free(opt.replay);
    hkp_neuro_bridge_free(b);
}

static void a_full_set_forgets_what_expired_and_nothing_else(void) {
    hkp_neuro_bridge *b = order();
    struct hkp_neuro_hyb_secret s = keys(HKP_NEURO_HYB_FROM_EXPORT);
    struct hkp_neuro_hyb_options opt = options(3);
    static struct form kept, living;
    opt.replay = replay_new();
    for (int i = 0; i < HKP_NEURO_HYB_REPLAY_LEAST; i++) {
        opt.expires_s = i == 7 ? NOW + 30 : NOW + 60;
        CHECK_EQ(seal(&s, &opt, b), HKP_OK);
        if (i == 7) kept = sealed;
        if (i == 8) living = sealed;
        CHECK_EQ(open_sealed(&s, &opt, b), HKP_OK);
    }
    CHECK_EQ(seal(&s, &opt, b), HKP_OK);
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_REPLAY); /* no room */
    opt.now_s = NOW + 30;
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_OK); /* one was forgotten */
    sealed = living;
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_REPLAY); /* only that one */
    opt.now_s = NOW; /* and a clock that steps back does not let it in again */
    sealed = kept;
    CHECK_EQ(open_sealed(&s, &opt, b), HKP_E_NEURO_HYB_EXPIRED);
    hkp_neuro_hyb_replay_free(opt.replay);
    hkp_neuro_bridge_free(b);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    random_state = check_seed();
    CASE(each_changed_bit_of_a_message_is_refused);
    CASE(no_two_messages_share_a_key);
    CASE(a_level_is_raised_and_never_lowered);
    CASE(a_key_of_confidential_has_a_day_and_a_million_messages);
    CASE(what_is_inside_is_checked_like_any_intermediary);
    CASE(a_layer_below_is_applied_and_taken_off);
    CASE(a_message_opens_once);
    CASE(a_full_set_forgets_what_expired_and_nothing_else);
    return check_done();
}
