/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Sealed intermediaries: an AEAD outermost and last, with a key of its own for each message (LAB-8). */
#include "libneuro/bridge/hybrid.h"
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

enum {
    AT_VERSION = 4,
    AT_SUITE = 5,
    AT_POLICY = 6,
    AT_NEURAL = 7,
    AT_KEY_ID = 8,
    AT_TABLE_ID = 24,
    AT_EXPIRES = 56,
    AT_SALT = 64,
    HEAD = 88,
    TAG = 16,
    LENGTH = 4, /* before the text */
    SIZE_LEAST = HEAD + 64 + TAG,
    SKEW_S = 120,
    KEY_LIFE_S = 86400,
    KEY_MESSAGES = 1 << 20,
    CONTEXT_MAX = 64,
    /** bytes of dead stack that are wiped after a call: more than libsodium's functions use */
    STACK_WIPE = 4096
};
_Static_assert((int)(HEAD + TAG) == (int)HKP_NEURO_HYB_OVERHEAD, "what stands around the padded text");
static const uint8_t magic[4] = {'H', 'Y', 'B', '1'};

/* LAB-8.5: padding and longest life of each policy. */
static const struct {
    uint32_t unit, life_s;
} policies[5] = {{0, 0}, {64, 604800}, {256, 86400}, {1024, 3600}, {4096, 300}};

_Static_assert(sizeof(crypto_auth_hmacsha256_state) <= sizeof((struct hkp_neuro_hyb_secret *)0)->keyed,
               "an HMAC that has its key");

struct message_secret {
    uint8_t key[32], nonce[12];
};

/* ---- keys ---- */

/* HKDF-Expand with SHA-256 (RFC 5869), up to two blocks, of an HMAC that has its key; info is a label and
 * maybe a salt. */
static void expand(const crypto_auth_hmacsha256_state *keyed, const void *label, size_t label_len,
                   const uint8_t *salt, size_t salt_len, uint8_t *out, size_t len) {
    uint8_t block[32];
    crypto_auth_hmacsha256_state h;
    for (uint8_t i = 1; len > 0; i++) {
        h = *keyed;
        if (i > 1) crypto_auth_hmacsha256_update(&h, block, sizeof block);
        crypto_auth_hmacsha256_update(&h, label, label_len);
        crypto_auth_hmacsha256_update(&h, salt, salt_len);
        crypto_auth_hmacsha256_update(&h, &i, 1);
        crypto_auth_hmacsha256_final(&h, block);
        const size_t n = len < sizeof block ? len : sizeof block;
        memcpy(out, block, n);
        out += n;
        len -= n;
    }
    sodium_memzero(&h, sizeof h);
    sodium_memzero(block, sizeof block);
}

/* A label with its zero byte. */
#define LABEL(text) (text), sizeof(text)

hkp_status hkp_neuro_hyb_keys_derive(struct hkp_neuro_hyb_secret *secret, const uint8_t key_id[16],
                                     const uint8_t master[32], uint32_t origin, uint64_t now_s) {
    static const char label[] = "LAB1 hybrid";
    uint8_t salt[sizeof label + 16], prk[32];
    crypto_auth_hmacsha256_state h;
    if (origin < HKP_NEURO_HYB_FROM_RANDOM || origin > HKP_NEURO_HYB_FROM_SHARED) return HKP_E_INVAL;
    memcpy(salt, label, sizeof label);
    memcpy(salt + sizeof label, key_id, 16);
    crypto_auth_hmacsha256_init(&h, salt, sizeof salt);
    crypto_auth_hmacsha256_update(&h, master, 32);
    crypto_auth_hmacsha256_final(&h, prk);
    *secret = (struct hkp_neuro_hyb_secret){.origin = origin, .made_s = now_s};
    memcpy(secret->key_id, key_id, 16);
    crypto_auth_hmacsha256_init(&h, prk, sizeof prk);
    expand(&h, LABEL("LAB1 hybrid aead"), NULL, 0, secret->aead, 32);
    expand(&h, LABEL("LAB1 hybrid nc1"), NULL, 0, secret->layer, 32);
    expand(&h, LABEL("LAB1 hybrid token"), NULL, 0, secret->token, 32);
    crypto_auth_hmacsha256_init(&h, secret->aead, sizeof secret->aead);
    memcpy(secret->keyed, &h, sizeof h); /* half of the work of every message */
    sodium_memzero(&h, sizeof h);
    sodium_memzero(prk, sizeof prk);
    sodium_stackzero(STACK_WIPE);
    return HKP_OK;
}

static void message_keys(const struct hkp_neuro_hyb_secret *secret, const uint8_t salt[HKP_NEURO__SALT],
                         struct message_secret *m) {
    uint8_t both[44];
    crypto_auth_hmacsha256_state keyed;
    memcpy(&keyed, secret->keyed, sizeof keyed);
    expand(&keyed, LABEL("LAB1 hybrid msg"), salt, HKP_NEURO__SALT, both, sizeof both);
    sodium_memzero(&keyed, sizeof keyed);
    memcpy(m->key, both, 32);
    memcpy(m->nonce, both + 32, 12);
    sodium_memzero(both, sizeof both);
}

hkp_status hkp_neuro_hyb_token(const struct hkp_neuro_hyb_secret *secret, uint32_t policy,
                               const uint8_t *context, size_t context_len, uint32_t field_id, uint32_t epoch,
                               const uint8_t *value, size_t len, uint8_t token[16]) {
    static const char label[] = "LAB1 token";
    crypto_auth_hmacsha256_state h;
    uint8_t digest[32], numbers[6];
    const uint8_t size = (uint8_t)context_len;
    if (policy < HKP_NEURO_HYB_PUBLIC || policy > HKP_NEURO_HYB_RESTRICTED || context_len < 1 ||
        context_len > CONTEXT_MAX || field_id > UINT16_MAX || len < 1)
        return HKP_E_NEURO_HYB_PARAM;
    if (policy == HKP_NEURO_HYB_RESTRICTED) return HKP_E_NEURO_HYB_POLICY;
    hkp_put_be16(numbers, (uint16_t)field_id);
    hkp_put_be32(numbers + 2, epoch);
    crypto_auth_hmacsha256_init(&h, secret->token, sizeof secret->token);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)label, sizeof label);
    crypto_auth_hmacsha256_update(&h, &size, 1);
    crypto_auth_hmacsha256_update(&h, context, context_len);
    crypto_auth_hmacsha256_update(&h, numbers, sizeof numbers);
    crypto_auth_hmacsha256_update(&h, value, len);
    crypto_auth_hmacsha256_final(&h, digest);
    memcpy(token, digest, HKP_NEURO_HYB_TOKEN_SIZE);
    sodium_memzero(&h, sizeof h);
    sodium_memzero(digest, sizeof digest);
    sodium_stackzero(STACK_WIPE);
    return HKP_OK;
}

/* ---- what both sides check ---- */

void hkp_neuro_hyb_options_init(struct hkp_neuro_hyb_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

size_t hkp_neuro_hyb_sealed_size(uint32_t policy, size_t len) {
    if (policy < HKP_NEURO_HYB_PUBLIC || policy > HKP_NEURO_HYB_RESTRICTED || len > HKP_NEURO_BRIDGE_SIZE_MAX)
        return 0;
    const size_t unit = policies[policy].unit;
    return HKP_NEURO_HYB_OVERHEAD + (LENGTH + len + unit - 1) / unit * unit;
}

static hkp_status check_param(uint32_t suite, uint32_t policy, uint32_t neural,
                              const struct hkp_neuro_hyb_layer *layer) {
    const int have_suite = suite == HKP_NEURO_HYB_CHACHA20_POLY1305 ||
                           (suite == HKP_NEURO_HYB_AES256_GCM && crypto_aead_aes256gcm_is_available());
    const int have_layer = neural == 0 || (neural == 1 && layer->apply != NULL);
    return have_suite && have_layer && policy >= HKP_NEURO_HYB_PUBLIC && policy <= HKP_NEURO_HYB_RESTRICTED
               ? HKP_OK
               : HKP_E_NEURO_HYB_PARAM;
}

static hkp_status check_policy(uint32_t policy, const hkp_neuro_bridge *bridge,
                               const struct hkp_neuro_hyb_secret *secret) {
    const int of_export = secret->origin == HKP_NEURO_HYB_FROM_EXPORT;
    return policy >= bridge->level && (policy < HKP_NEURO_HYB_RESTRICTED || of_export)
               ? HKP_OK
               : HKP_E_NEURO_HYB_POLICY;
}

static hkp_status check_expires(uint64_t expires_s, uint64_t now_s, uint64_t longest_s) {
    return now_s < expires_s && expires_s - now_s <= longest_s ? HKP_OK : HKP_E_NEURO_HYB_EXPIRED;
}

/* ---- sealing ---- */

static hkp_status check_seal(const struct hkp_neuro_hyb_secret *secret,
                             const struct hkp_neuro_hyb_options *opt, const hkp_neuro_bridge *bridge,
                             size_t len) {
    hkp_status st = check_param(opt->suite, opt->policy, opt->neural, &opt->layer);
    if (st == HKP_OK) st = check_policy(opt->policy, bridge, secret);
    if (st == HKP_OK && opt->policy >= HKP_NEURO_HYB_CONFIDENTIAL &&
        (secret->sealed >= KEY_MESSAGES ||
         (opt->now_s > secret->made_s && opt->now_s - secret->made_s >= KEY_LIFE_S)))
        st = HKP_E_NEURO_HYB_KEY;
    if (st == HKP_OK) st = check_expires(opt->expires_s, opt->now_s, policies[opt->policy].life_s);
    if (st == HKP_OK && (len == 0 || len > HKP_NEURO_BRIDGE_SIZE_MAX)) st = HKP_E_NEURO_HYB_LENGTH;
    return st;
}

static void put_head(const struct hkp_neuro_hyb_secret *secret, const struct hkp_neuro_hyb_options *opt,
                     const hkp_neuro_bridge *bridge, uint8_t *dst) {
    memcpy(dst, magic, sizeof magic);
    dst[AT_VERSION] = 1;
    dst[AT_SUITE] = (uint8_t)opt->suite;
    dst[AT_POLICY] = (uint8_t)opt->policy;
    dst[AT_NEURAL] = (uint8_t)opt->neural;
    memcpy(dst + AT_KEY_ID, secret->key_id, 16);
    memcpy(dst + AT_TABLE_ID, bridge->table_id, 32);
    hkp_put_be64(dst + AT_EXPIRES, opt->expires_s);
}

/* p stands in dst behind the header; total bytes in all. */
static void encrypt(const struct hkp_neuro_hyb_secret *secret, uint8_t *dst, size_t total) {
    struct message_secret m;
    uint8_t *p = dst + HEAD;
    const size_t len = total - HKP_NEURO_HYB_OVERHEAD;
    message_keys(secret, dst + AT_SALT, &m);
    if (dst[AT_SUITE] == HKP_NEURO_HYB_AES256_GCM)
        (void)crypto_aead_aes256gcm_encrypt(p, NULL, p, len, dst, HEAD, NULL, m.nonce, m.key);
    else
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(p, NULL, p, len, dst, HEAD, NULL, m.nonce, m.key);
    sodium_memzero(&m, sizeof m);
    sodium_stackzero(STACK_WIPE);
}

static hkp_status seal(struct hkp_neuro_hyb_secret *secret, const struct hkp_neuro_hyb_options *opt,
                       const hkp_neuro_bridge *bridge, const uint8_t *inter, size_t len, uint8_t *dst,
                       size_t total) {
    uint8_t *p = dst + HEAD;
    const size_t padded = total - HKP_NEURO_HYB_OVERHEAD;
    put_head(secret, opt, bridge, dst);
    if (opt->rng.fill(opt->rng.user, dst + AT_SALT, HKP_NEURO__SALT) != 0) return HKP_E_CALLBACK;
    hkp_put_be32(p, (uint32_t)len);
    memcpy(p + LENGTH, inter, len);
    memset(p + LENGTH + len, 0, padded - LENGTH - len);
    if (opt->neural == 1) {
        const hkp_status st = opt->layer.apply(opt->layer.user, secret->layer, dst + AT_SALT, p, padded);
        if (st != HKP_OK) return st;
    }
    encrypt(secret, dst, total);
    secret->sealed++;
    return HKP_OK;
}

static hkp_status import(struct hkp_neuro_hyb_options *own, const struct hkp_neuro_hyb_options *opt) {
    return hkp_options_import(own, sizeof *own, sizeof *own, opt);
}

hkp_status hkp_neuro_hyb_seal(struct hkp_neuro_hyb_secret *secret, const struct hkp_neuro_hyb_options *opt,
                              const hkp_neuro_bridge *bridge, const uint8_t *inter, size_t len, uint8_t *dst,
                              size_t cap, size_t *dst_len) {
    struct hkp_neuro_hyb_options own;
    *dst_len = 0;
    hkp_status st = import(&own, opt);
    if (st != HKP_OK) return st;
    if (own.rng.fill == NULL) return HKP_E_INVAL;
    if (own.suite == 0) own.suite = HKP_NEURO_HYB_CHACHA20_POLY1305;
    if (own.policy == 0) own.policy = bridge->level;
    st = check_seal(secret, &own, bridge, len);
    if (st != HKP_OK) return st;
    const size_t total = hkp_neuro_hyb_sealed_size(own.policy, len);
    if (cap < total) return HKP_E_NOSPC;
    st = seal(secret, &own, bridge, inter, len, dst, total);
    if (st == HKP_OK)
        *dst_len = total;
    else
        sodium_memzero(dst, total);
    return st;
}

/* ---- opening ---- */

static hkp_status check_open(const struct hkp_neuro_hyb_secret *secret,
                             const struct hkp_neuro_hyb_options *opt, const hkp_neuro_bridge *bridge,
                             const uint8_t *in, size_t len) {
    if (len < SIZE_LEAST || len > HKP_NEURO_HYB_SIZE_MAX) return HKP_E_NEURO_HYB_LENGTH;
    if (memcmp(in, magic, sizeof magic) != 0 || in[AT_VERSION] != 1) return HKP_E_NEURO_HYB_VERSION;
    const uint32_t policy = in[AT_POLICY];
    hkp_status st = check_param(in[AT_SUITE], policy, in[AT_NEURAL], &opt->layer);
    if (st != HKP_OK) return st;
    if (memcmp(in + AT_KEY_ID, secret->key_id, 16) != 0) return HKP_E_NEURO_HYB_KEY;
    if (memcmp(in + AT_TABLE_ID, bridge->table_id, 32) != 0) return HKP_E_NEURO_HYB_TABLE;
    st = check_policy(policy, bridge, secret);
    if (st != HKP_OK) return st;
    if ((len - HKP_NEURO_HYB_OVERHEAD) % policies[policy].unit != 0) return HKP_E_NEURO_HYB_LENGTH;
    const uint64_t now_s = hkp_neuro__replay_now(opt->replay, opt->now_s);
    return check_expires(hkp_be64(in + AT_EXPIRES), now_s, (uint64_t)policies[policy].life_s + SKEW_S);
}

static hkp_status decrypt(const struct hkp_neuro_hyb_secret *secret, const uint8_t *in, size_t len,
                          uint8_t *p) {
    struct message_secret m;
    message_keys(secret, in + AT_SALT, &m);
    const uint8_t *c = in + HEAD;
    const int bad =
        in[AT_SUITE] == HKP_NEURO_HYB_AES256_GCM
            ? crypto_aead_aes256gcm_decrypt(p, NULL, NULL, c, len - HEAD, in, HEAD, m.nonce, m.key)
            : crypto_aead_chacha20poly1305_ietf_decrypt(p, NULL, NULL, c, len - HEAD, in, HEAD, m.nonce,
                                                        m.key);
    sodium_memzero(&m, sizeof m);
    sodium_stackzero(STACK_WIPE);
    return bad ? HKP_E_NEURO_HYB_AUTH : HKP_OK;
}

/* Eight at a time: there may be 4,095 of them. */
static int all_zero(const uint8_t *p, size_t len) {
    uint64_t acc = 0, eight;
    size_t i = 0;
    for (; i + sizeof eight <= len; i += sizeof eight) {
        memcpy(&eight, p + i, sizeof eight);
        acc |= eight;
    }
    return acc == 0 && hkp_is_zero(p + i, len - i);
}

/* BE32(len) || text || zeros, the fewest that fill the unit. */
static hkp_status check_padding(const uint8_t *p, size_t padded, uint32_t unit, size_t *len) {
    const size_t text = hkp_be32(p);
    if (text > padded - LENGTH || padded - LENGTH - text >= unit ||
        !all_zero(p + LENGTH + text, padded - LENGTH - text))
        return HKP_E_NEURO_HYB_PADDING;
    *len = text;
    return HKP_OK;
}

static hkp_status check_replay(const struct hkp_neuro_hyb_options *opt, const uint8_t *in) {
    if (opt->replay == NULL)
        return in[AT_POLICY] == HKP_NEURO_HYB_RESTRICTED ? HKP_E_NEURO_HYB_REPLAY : HKP_OK;
    return hkp_neuro__replay_take(opt->replay, in + AT_SALT, hkp_be64(in + AT_EXPIRES), opt->now_s);
}

/* The padded text is in p; the intermediary takes its place. */
static hkp_status open_text(const struct hkp_neuro_hyb_secret *secret,
                            const struct hkp_neuro_hyb_options *opt, const hkp_neuro_bridge *bridge,
                            const uint8_t *in, uint8_t *p, size_t padded, size_t *len) {
    hkp_status st = HKP_OK;
    if (in[AT_NEURAL] == 1) st = opt->layer.apply(opt->layer.user, secret->layer, in + AT_SALT, p, padded);
    if (st == HKP_OK) st = check_padding(p, padded, policies[in[AT_POLICY]].unit, len);
    if (st == HKP_OK) st = hkp_neuro_bridge_check(bridge, p + LENGTH, *len, NULL);
    return st == HKP_OK ? check_replay(opt, in) : st;
}

hkp_status hkp_neuro_hyb_open(const struct hkp_neuro_hyb_secret *secret,
                              const struct hkp_neuro_hyb_options *opt, const hkp_neuro_bridge *bridge,
                              const uint8_t *sealed, size_t len, uint8_t *dst, size_t cap, size_t *dst_len) {
    struct hkp_neuro_hyb_options own;
    size_t text = 0;
    *dst_len = 0;
    hkp_status st = import(&own, opt);
    if (st == HKP_OK) st = check_open(secret, &own, bridge, sealed, len);
    if (st != HKP_OK) return st;
    const size_t padded = len - HKP_NEURO_HYB_OVERHEAD;
    if (cap < padded) return HKP_E_NOSPC;
    st = decrypt(secret, sealed, len, dst);
    if (st == HKP_OK) st = open_text(secret, &own, bridge, sealed, dst, padded, &text);
    if (st != HKP_OK) {
        sodium_memzero(dst, padded);
        return st;
    }
    memmove(dst, dst + LENGTH, text);
    memset(dst + text, 0, padded - text);
    *dst_len = text;
    return HKP_OK;
}
