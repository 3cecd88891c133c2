/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * lab/hybrid: keys, sealed messages, what does not open, tokens (LAB-7.11, LAB-8). The layer below the AEAD
 * is NC1, which only a build with the lab has; without it a message that wants it is refused, and a stand-in
 * lets the checks before it be seen. tests/lab builds this again, with NC1 (WITH_LAB).
 */
#include "bridge_support.h"

#ifdef WITH_LAB
#include <hookprobe/neuro_lab.h>
enum { HAVE_LAB = 1 };
#else
enum { HAVE_LAB = 0 };
#endif

static struct form sealed, opened;
static const uint8_t *salt_next;

static int32_t salt_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    memcpy(dst, salt_next, len);
    return 0;
}

static int32_t random_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

#ifndef WITH_LAB
static int32_t stand_in(void *user, const uint8_t key[32], const uint8_t iv[8], uint8_t *data, size_t len) {
    (void)user, (void)key, (void)iv, (void)data, (void)len;
    return HKP_OK;
}
#else
#define stand_in NULL
#endif

/* NC1 where there is one; else nothing, or the stand-in where the checks above it are looked at. */
static void give_layer(struct hkp_neuro_hyb_options *opt,
                       int32_t (*other)(void *, const uint8_t[32], const uint8_t[8], uint8_t *, size_t)) {
#ifdef WITH_LAB
    static struct hkp_neuro_lab_layer nc1;
    opt->layer.user = &nc1;
    opt->layer.apply = hkp_neuro_lab_layer_apply;
    (void)other;
#else
    opt->layer.apply = other;
#endif
}

static void keys_of(json_t *file, struct hkp_neuro_hyb_secret *secret) {
    uint8_t key_id[16], master[32];
    vec_hex_into(file, "key_id", key_id, 16);
    vec_hex_into(file, "master", master, 32);
    CHECK_EQ(
        hkp_neuro_hyb_keys_derive(secret, key_id, master, HKP_NEURO_HYB_FROM_EXPORT, vec_u64(file, "now")),
        HKP_OK);
}

static void three_keys_come_of_one_master(void) {
    json_t *file = vec_load("lab/hybrid.json");
    struct hkp_neuro_hyb_secret secret;
    uint8_t want[32];
    keys_of(file, &secret);
    vec_hex_into(file, "k_aead", want, 32);
    CHECK_MEM(secret.aead, want, 32);
    vec_hex_into(file, "k_nc1", want, 32);
    CHECK_MEM(secret.layer, want, 32);
    vec_hex_into(file, "k_token", want, 32);
    CHECK_MEM(secret.token, want, 32);
}

static hkp_neuro_hyb_replay *new_replay(void) {
    struct hkp_neuro_hyb_replay_options opt;
    hkp_neuro_hyb_replay *replay = NULL;
    hkp_neuro_hyb_replay_options_init(&opt, sizeof opt);
    opt.rng = (struct hkp_rng){NULL, random_fill};
    CHECK_EQ(hkp_neuro_hyb_replay_new(&replay, &opt), HKP_OK);
    return replay;
}

static void check_message(json_t *file, json_t *o, const hkp_neuro_bridge *b, hkp_neuro_hyb_replay *replay) {
    struct hkp_neuro_hyb_secret secret;
    struct hkp_neuro_hyb_options opt;
    const struct vec_bytes inter = vec_hex(o, "inter"), want = vec_hex(o, "sealed"),
                           salt = vec_hex(o, "salt");
    const int layer = vec_u64(o, "neural") == 1;
    const int have =
        (vec_u64(o, "suite") == HKP_NEURO_HYB_CHACHA20_POLY1305 || crypto_aead_aes256gcm_is_available()) &&
        (HAVE_LAB || !layer);
    keys_of(file, &secret);
    hkp_neuro_hyb_options_init(&opt, sizeof opt);
    opt.suite = (uint32_t)vec_u64(o, "suite");
    opt.policy = (uint32_t)vec_u64(o, "policy");
    opt.neural = (uint32_t)layer;
    opt.expires_s = vec_u64(o, "expires");
    opt.now_s = vec_u64(file, "now");
    opt.rng.fill = salt_fill;
    opt.replay = replay;
    give_layer(&opt, NULL);
    salt_next = salt.ptr;
    hkp_status st = hkp_neuro_hyb_seal(&secret, &opt, b, inter.ptr, inter.len, sealed.bytes,
                                       sizeof sealed.bytes, &sealed.len);
    CHECK_EQ(st, have ? HKP_OK : HKP_E_NEURO_HYB_PARAM);
    if (st == HKP_OK) check_form(&sealed, want.ptr, want.len);
    st = hkp_neuro_hyb_open(&secret, &opt, b, want.ptr, want.len, opened.bytes, sizeof opened.bytes,
                            &opened.len);
    CHECK_EQ(st, have ? HKP_OK : HKP_E_NEURO_HYB_PARAM);
    if (st == HKP_OK) check_form(&opened, inter.ptr, inter.len);
    free(inter.ptr);
    free(want.ptr);
    free(salt.ptr);
}

static void messages_seal_and_open(void) {
    json_t *file = vec_load("lab/hybrid.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    hkp_neuro_hyb_replay *replay = new_replay();
    size_t i;
    json_array_foreach(vec_get(file, "cases"), i, o) {
        const int before = check_faults;
        check_message(file, o, b, replay);
        CHECK_NOTE(before, "case %zu", i);
    }
    hkp_neuro_hyb_replay_free(replay);
    hkp_neuro_bridge_free(b);
}

static void messages_are_refused_by_the_first_check_that_fails(void) {
    json_t *file = vec_load("lab/hybrid.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    struct hkp_neuro_hyb_secret secret;
    size_t i;
    keys_of(file, &secret);
    json_array_foreach(vec_get(file, "open"), i, o) {
        const int before = check_faults;
        const struct vec_bytes in = vec_hex(o, "sealed");
        struct hkp_neuro_hyb_options opt;
        hkp_neuro_hyb_options_init(&opt, sizeof opt);
        opt.now_s = vec_u64(o, "now");
        give_layer(&opt, stand_in);
        memset(opened.bytes, 0, sizeof opened.bytes);
        const hkp_status st = hkp_neuro_hyb_open(&secret, &opt, b, in.ptr, in.len, opened.bytes,
                                                 sizeof opened.bytes, &opened.len);
        if (strcmp(vec_text(o, "expect"), "ok") != 0 || HAVE_LAB)
            check_expect(st, vec_text(o, "expect"));
        else /* all checks up to the tag were passed, and what is below is not what NC1 would give */
            CHECK_EQ(st, HKP_E_NEURO_HYB_PADDING);
        if (st == HKP_OK) {
            const struct vec_bytes want = vec_hex(o, "out");
            check_form(&opened, want.ptr, want.len);
            free(want.ptr);
        } else
            CHECK(sodium_is_zero(opened.bytes, sizeof opened.bytes));
        CHECK_NOTE(before, "%s", vec_text(o, "what"));
        free(in.ptr);
    }
    hkp_neuro_bridge_free(b);
}

static void sealing_is_refused_by_the_first_check_that_fails(void) {
    json_t *file = vec_load("lab/hybrid.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    struct hkp_neuro_hyb_secret secret;
    size_t i;
    keys_of(file, &secret);
    json_array_foreach(vec_get(file, "seal_errors"), i, o) {
        struct hkp_neuro_hyb_options opt;
        hkp_neuro_hyb_options_init(&opt, sizeof opt);
        opt.policy = (uint32_t)vec_u64(o, "policy");
        opt.now_s = vec_u64(file, "now");
        opt.expires_s = vec_find(o, "expires") != NULL ? vec_u64(o, "expires") : opt.now_s + 60;
        opt.rng.fill = random_fill;
        check_expect(hkp_neuro_hyb_seal(&secret, &opt, b, (const uint8_t *)"\xA0", 1, sealed.bytes,
                                        sizeof sealed.bytes, &sealed.len),
                     vec_text(o, "expect"));
    }
    hkp_neuro_bridge_free(b);
}

static void tokens_are_of_context_field_and_epoch(void) {
    json_t *file = vec_load("lab/hybrid.json"), *o;
    struct hkp_neuro_hyb_secret secret;
    size_t i;
    keys_of(file, &secret);
    json_array_foreach(vec_get(file, "tokens"), i, o) {
        const char *context = vec_text(o, "context");
        const struct vec_bytes value = vec_hex(o, "cbor");
        uint8_t want[16], token[16];
        vec_hex_into(o, "token", want, 16);
        CHECK_EQ(hkp_neuro_hyb_token(&secret, HKP_NEURO_HYB_CONFIDENTIAL, (const uint8_t *)context,
                                     strlen(context), (uint32_t)vec_u64(o, "field"),
                                     (uint32_t)vec_u64(o, "epoch"), value.ptr, value.len, token),
                 HKP_OK);
        CHECK_MEM(token, want, 16);
        CHECK_EQ(hkp_neuro_hyb_token(&secret, HKP_NEURO_HYB_RESTRICTED, (const uint8_t *)context,
                                     strlen(context), 1, 1, value.ptr, value.len, token),
                 HKP_E_NEURO_HYB_POLICY);
        free(value.ptr);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(three_keys_come_of_one_master);
    CASE(messages_seal_and_open);
    CASE(messages_are_refused_by_the_first_check_that_fails);
    CASE(sealing_is_refused_by_the_first_check_that_fails);
    CASE(tokens_are_of_context_field_and_epoch);
    return check_done();
}
