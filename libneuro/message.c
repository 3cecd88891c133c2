/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Synaptic messages: a chain of keys, each for one AEAD call (SYN-5). */
#include "libneuro/message.h"

#include "libter/bytes.h"

#include <sodium.h>

/* Offsets in a message. */
enum {
    AT_SUITE = 2,
    AT_ZERO = 3,
    AT_GEN = 4,
    AT_N = 8,
    AT_T = 16,
    AT_CE = 24,
    VERSION = 1,
    CHACHA20_POLY1305 = 1,
    LENGTH_MIN = HKP_NEURO__MESSAGE_HEAD + HKP_NEURO__MESSAGE_TAG,
    /** bytes of dead stack that are wiped after a call: more than libsodium's functions use */
    STACK_WIPE = 4096
};

/** Everything about one key while it exists. */
struct call_secret {
    uint8_t mk[32], ck[32], d[32], keys[44];
    uint8_t ad[HKP_NEURO__MESSAGE_HEAD + 32];
};

void hkp_neuro__message_chain(const uint8_t root[32], const uint8_t sender[16], uint8_t ck[32]) {
    uint8_t input[11 + 16];
    memcpy(input, "NSE1 chain", 11);
    memcpy(input + 11, sender, 16);
    crypto_auth_hmacsha256(ck, input, sizeof input, root);
}

void hkp_neuro__message_step(uint8_t ck[32], uint8_t mk[32]) {
    static const uint8_t one = 1, two = 2;
    uint8_t next[32];
    crypto_auth_hmacsha256(mk, &one, 1, ck);
    crypto_auth_hmacsha256(next, &two, 1, ck);
    memcpy(ck, next, 32);
    sodium_memzero(next, sizeof next);
}

static void xor_labelled(uint8_t sum[32], const char *label, const uint8_t *a, size_t a_len, const uint8_t *b,
                         size_t b_len) {
    crypto_hash_sha256_state h;
    uint8_t digest[32];
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)label, 8);
    crypto_hash_sha256_update(&h, a, a_len);
    if (b_len > 0) crypto_hash_sha256_update(&h, b, b_len);
    crypto_hash_sha256_final(&h, digest);
    for (int i = 0; i < 32; i++) sum[i] ^= digest[i];
    sodium_memzero(&h, sizeof h);
    sodium_memzero(digest, sizeof digest);
}

void hkp_neuro__message_fixed(const struct hkp_neuro_synaptic *one, const struct hkp_neuro_synaptic *other,
                              uint8_t fixed[32]) {
    const int ordered = memcmp(one->node_id, other->node_id, 16) < 0;
    const struct hkp_neuro_synaptic *a = ordered ? one : other, *b = ordered ? other : one;
    memset(fixed, 0, 32);
    xor_labelled(fixed, "NSE1 Wa", a->w_commit, 32, NULL, 0);
    xor_labelled(fixed, "NSE1 Wb", b->w_commit, 32, NULL, 0);
    xor_labelled(fixed, "NSE1 TE", a->h_entropy, 32, b->h_entropy, 32);
}

void hkp_neuro__message_d(const uint8_t fixed[32], const uint8_t ce[32], uint64_t t_us, uint8_t d[32]) {
    uint8_t ts[8];
    hkp_put_be64(ts, t_us);
    memcpy(d, fixed, 32);
    xor_labelled(d, "NSE1 CE", ce, 32, NULL, 0);
    xor_labelled(d, "NSE1 ts", ts, 8, NULL, 0);
}

/* HKDF-Expand to 44 bytes: two blocks. */
static void expand_44(const uint8_t prk[32], const uint8_t *info, size_t info_len, uint8_t keys[44]) {
    crypto_auth_hmacsha256_state h;
    uint8_t block[32], counter = 1;
    crypto_auth_hmacsha256_init(&h, prk, 32);
    crypto_auth_hmacsha256_update(&h, info, info_len);
    crypto_auth_hmacsha256_update(&h, &counter, 1);
    crypto_auth_hmacsha256_final(&h, keys);
    counter = 2;
    crypto_auth_hmacsha256_init(&h, prk, 32);
    crypto_auth_hmacsha256_update(&h, keys, 32);
    crypto_auth_hmacsha256_update(&h, info, info_len);
    crypto_auth_hmacsha256_update(&h, &counter, 1);
    crypto_auth_hmacsha256_final(&h, block);
    memcpy(keys + 32, block, 12);
    sodium_memzero(&h, sizeof h);
    sodium_memzero(block, sizeof block);
}

void hkp_neuro__message_keys(const uint8_t mk[32], const uint8_t d[32], const uint8_t sender[16],
                             const uint8_t receiver[16], uint64_t n, uint64_t t_us, uint8_t keys[44]) {
    uint8_t info[9 + 16 + 16 + 8 + 8], prk[32];
    memcpy(info, "NSE1 msg", 9);
    memcpy(info + 9, sender, 16);
    memcpy(info + 25, receiver, 16);
    hkp_put_be64(info + 41, n);
    hkp_put_be64(info + 49, t_us);
    crypto_auth_hmacsha256(prk, d, 32, mk); /* the salt is the secret: D can never weaken it */
    expand_44(prk, info, sizeof info, keys);
    sodium_memzero(prk, sizeof prk);
}

static void gen_end(struct hkp_neuro__gen_secret *g) { sodium_memzero(g, sizeof *g); }

void hkp_neuro__line_end(struct hkp_neuro__line *line) {
    gen_end(&line->gens[0]);
    gen_end(&line->gens[1]);
}

void hkp_neuro__line_begin(struct hkp_neuro__line *line, hkp_time now, const struct hkp_neuro_synaptic *own,
                           const struct hkp_neuro_synaptic *peer, const uint8_t root[32]) {
    struct hkp_neuro__gen_secret *g = &line->gens[0];
    memcpy(&line->gens[1], g, sizeof *g);
    line->gens[1].replaced = now;
    gen_end(g);
    g->live = 1;
    g->gen = own->gen;
    g->began = now;
    g->peer_ce_epoch = peer->ce_epoch;
    memcpy(g->peer_ce_check, peer->ce_check, 32);
    hkp_neuro__message_fixed(own, peer, g->fixed);
    hkp_neuro__message_chain(root, own->node_id, g->out.ck);
    hkp_neuro__message_chain(root, peer->node_id, g->in.ck);
    sodium_stackzero(STACK_WIPE);
}

static void kept_remove(struct hkp_neuro__gen_secret *g, uint32_t at, uint32_t count) {
    memmove(&g->kept[at], &g->kept[at + count], (g->n_kept - at - count) * sizeof g->kept[0]);
    g->n_kept -= count;
    sodium_memzero(&g->kept[g->n_kept], count * sizeof g->kept[0]);
}

static int kept_find(const struct hkp_neuro__gen_secret *g, uint64_t n, uint32_t *at) {
    for (*at = 0; *at < g->n_kept; ++*at)
        if (g->kept[*at].n == n) return 1;
    return 0;
}

static int since(hkp_time now, hkp_time from, uint64_t life) { return now >= from && now - from >= life; }

static void note_kept(struct hkp_neuro__lifetime *life, uint64_t ns) {
    if (ns > life->kept_most_ns) life->kept_most_ns = ns;
}

static void gen_expire(struct hkp_neuro__gen_secret *g, hkp_time now, struct hkp_neuro__lifetime *life) {
    for (uint32_t i = 0; i < g->n_kept;) {
        if (!since(now, g->kept[i].since, HKP_NEURO__OLD_NS)) {
            i++;
            continue;
        }
        note_kept(life, now - g->kept[i].since);
        kept_remove(g, i, 1);
    }
}

void hkp_neuro__line_expire(struct hkp_neuro__line *line, hkp_time now, struct hkp_neuro__lifetime *life) {
    struct hkp_neuro__gen_secret *g = line->gens;
    gen_expire(&g[0], now, life);
    gen_expire(&g[1], now, life);
    if (g[1].live && since(now, g[1].replaced, HKP_NEURO__OLD_NS)) gen_end(&g[1]);
    if (g[0].live && since(now, g[0].began, HKP_NEURO__GEN_NS + HKP_NEURO__OLD_NS)) gen_end(&g[0]);
}

hkp_time hkp_neuro__line_wake(const struct hkp_neuro__line *line) {
    const struct hkp_neuro__gen_secret *g = line->gens;
    hkp_time wake = HKP_TIME_NEVER;
    if (g[0].live) wake = g[0].began + HKP_NEURO__GEN_NS + HKP_NEURO__OLD_NS;
    if (g[1].live && g[1].replaced + HKP_NEURO__OLD_NS < wake) wake = g[1].replaced + HKP_NEURO__OLD_NS;
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < g[k].n_kept; i++)
            if (g[k].kept[i].since + HKP_NEURO__OLD_NS < wake) wake = g[k].kept[i].since + HKP_NEURO__OLD_NS;
    return wake;
}

static uint64_t clock_read(const struct hkp_neuro__lifetime *life) {
    return life->clock.read != NULL ? life->clock.read(life->clock.user) : 0;
}

static void clock_note(struct hkp_neuro__lifetime *life, uint64_t begin) {
    if (life->clock.read == NULL) return;
    const uint64_t end = clock_read(life), ns = end > begin ? end - begin : 0;
    if (life->count == 0 || ns < life->least_ns) life->least_ns = ns;
    if (ns > life->most_ns) life->most_ns = ns;
    life->sum_ns += ns;
    life->count++;
}

/* The newest CE that the peer has shown, if it is also ours; else none. */
static const struct hkp_neuro_ce *common_ce(const struct hkp_neuro__gen_secret *g,
                                            const struct hkp_neuro_ce_book *book) {
    for (uint32_t i = 0; i < book->n; i++)
        if (book->held[i].epoch == g->peer_ce_epoch && memcmp(book->held[i].check, g->peer_ce_check, 32) == 0)
            return &book->held[i];
    return NULL;
}

static void put_ad(struct call_secret *c, const uint8_t *head, const uint8_t sender[16],
                   const uint8_t receiver[16]) {
    memcpy(c->ad, head, HKP_NEURO__MESSAGE_HEAD);
    memcpy(c->ad + HKP_NEURO__MESSAGE_HEAD, sender, 16);
    memcpy(c->ad + HKP_NEURO__MESSAGE_HEAD + 16, receiver, 16);
}

static void derive(struct call_secret *c, const struct hkp_neuro__gen_secret *g, const uint8_t *ce,
                   const uint8_t *head, const uint8_t sender[16], const uint8_t receiver[16]) {
    static const uint8_t none[32];
    const uint64_t t_us = hkp_be64(head + AT_T);
    put_ad(c, head, sender, receiver);
    hkp_neuro__message_d(g->fixed, ce != NULL ? ce : none, t_us, c->d);
    hkp_neuro__message_keys(c->mk, c->d, sender, receiver, hkp_be64(head + AT_N), t_us, c->keys);
}

hkp_status hkp_neuro__line_seal(struct hkp_neuro__line *line, hkp_time now, uint64_t t_us,
                                const struct hkp_neuro_ce_book *book, struct hkp_neuro__lifetime *life,
                                const uint8_t *text, size_t len, uint8_t *dst) {
    struct hkp_neuro__gen_secret *g = &line->gens[0];
    struct call_secret c;
    if (len > HKP_NEURO_MESSAGE_MAX - LENGTH_MIN) return HKP_E_TOOBIG;
    if (!g->live || since(now, g->began, HKP_NEURO__GEN_NS) || g->out.next >= HKP_NEURO__GEN_MESSAGES)
        return HKP_E_NEURO_SYN_GEN;
    const struct hkp_neuro_ce *ce = common_ce(g, book);
    const uint64_t begin = clock_read(life);
    memset(dst, 0, HKP_NEURO__MESSAGE_HEAD);
    hkp_put_be16(dst, VERSION);
    dst[AT_SUITE] = CHACHA20_POLY1305;
    hkp_put_be32(dst + AT_GEN, g->gen);
    hkp_put_be64(dst + AT_N, g->out.next);
    hkp_put_be64(dst + AT_T, t_us);
    if (ce != NULL) memcpy(dst + AT_CE, ce->check, 8);
    hkp_neuro__message_step(g->out.ck, c.mk);
    g->out.next++;
    derive(&c, g, ce != NULL ? ce->ce : NULL, dst, line->own_id, line->peer_id);
    crypto_aead_chacha20poly1305_ietf_encrypt(dst + HKP_NEURO__MESSAGE_HEAD, NULL, text, len, c.ad,
                                              sizeof c.ad, NULL, c.keys + 32, c.keys);
    sodium_memzero(&c, sizeof c);
    sodium_stackzero(STACK_WIPE);
    clock_note(life, begin);
    return HKP_OK;
}

static struct hkp_neuro__gen_secret *gen_of(struct hkp_neuro__line *line, uint32_t gen) {
    for (int i = 0; i < 2; i++)
        if (line->gens[i].live && line->gens[i].gen == gen) return &line->gens[i];
    return NULL;
}

/* All that can be said before a key is derived (SYN-5.3); at: the kept key, n_kept where the chain moves. */
static hkp_status judge(struct hkp_neuro__line *line, const struct hkp_neuro_ce_book *book,
                        const uint8_t *msg, size_t len, struct hkp_neuro__gen_secret **gen,
                        const uint8_t **ce, uint32_t *at) {
    if (len < LENGTH_MIN || len > HKP_NEURO_MESSAGE_MAX) return HKP_E_NEURO_SYN_LENGTH;
    if (hkp_be16(msg) != VERSION) return HKP_E_NEURO_SYN_VERSION;
    if (msg[AT_SUITE] != CHACHA20_POLY1305) return HKP_E_NEURO_SYN_SUITE;
    if (msg[AT_ZERO] != 0) return HKP_E_NEURO_SYN_RESERVED;
    struct hkp_neuro__gen_secret *g = gen_of(line, hkp_be32(msg + AT_GEN));
    if (g == NULL) return HKP_E_NEURO_SYN_GEN;
    const struct hkp_neuro_ce *held = NULL;
    if (!hkp_is_zero(msg + AT_CE, 8)) {
        held = hkp_neuro_ce_find(book, msg + AT_CE);
        if (held == NULL) return HKP_E_NEURO_SYN_CE;
    }
    const uint64_t n = hkp_be64(msg + AT_N);
    const int kept = kept_find(g, n, at);
    if (n < g->in.next && !kept) return HKP_E_NEURO_SYN_REPLAY;
    if (n >= g->in.next && n - g->in.next > HKP_NEURO__SKIPPED_MAX) return HKP_E_NEURO_SYN_SKIP;
    if (n >= HKP_NEURO__GEN_MESSAGES) return HKP_E_NEURO_SYN_GEN;
    *gen = g;
    *ce = held != NULL ? held->ce : NULL;
    return HKP_OK;
}

/* MK_n of the kept key or of a copy of the chain; c->ck is CK_{n+1} in the second case. */
static void reach(struct call_secret *c, const struct hkp_neuro__gen_secret *g, uint32_t at, uint64_t n) {
    if (at < g->n_kept) {
        memcpy(c->mk, g->kept[at].mk, 32);
        return;
    }
    memcpy(c->ck, g->in.ck, 32);
    for (uint64_t i = g->in.next; i <= n; i++) hkp_neuro__message_step(c->ck, c->mk);
}

/* The tag was right: keys of the numbers before n are kept, the lowest make room, the chain moves on. */
static void move_chain(struct hkp_neuro__gen_secret *g, hkp_time now, uint64_t n, const uint8_t after[32]) {
    const uint32_t skipped = (uint32_t)(n - g->in.next);
    if (g->n_kept + skipped > HKP_NEURO__SKIPPED_MAX)
        kept_remove(g, 0, g->n_kept + skipped - HKP_NEURO__SKIPPED_MAX);
    for (; g->in.next < n; g->in.next++) {
        struct hkp_neuro__kept_secret *kept = &g->kept[g->n_kept++];
        kept->n = g->in.next;
        kept->since = now;
        hkp_neuro__message_step(g->in.ck, kept->mk);
    }
    memcpy(g->in.ck, after, 32);
    g->in.next = n + 1;
}

/* The tag first, without writing: a message that is not right leaves dst as it was. */
static int decrypt(const struct call_secret *c, const uint8_t *msg, size_t len, uint8_t *dst) {
    const uint8_t *text = msg + HKP_NEURO__MESSAGE_HEAD;
    const size_t text_len = len - HKP_NEURO__MESSAGE_HEAD;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(NULL, NULL, NULL, text, text_len, c->ad, sizeof c->ad,
                                                  c->keys + 32, c->keys) != 0)
        return 0;
    if (text_len > HKP_NEURO__MESSAGE_TAG)
        (void)!crypto_aead_chacha20poly1305_ietf_decrypt(dst, NULL, NULL, text, text_len, c->ad, sizeof c->ad,
                                                         c->keys + 32, c->keys);
    return 1;
}

hkp_status hkp_neuro__line_open(struct hkp_neuro__line *line, hkp_time now,
                                const struct hkp_neuro_ce_book *book, struct hkp_neuro__lifetime *life,
                                const uint8_t *msg, size_t len, uint8_t *dst, size_t cap, size_t *text_len) {
    struct hkp_neuro__gen_secret *g = NULL;
    struct call_secret c;
    const uint8_t *ce = NULL;
    uint32_t at = 0;
    hkp_neuro__line_expire(line, now, life);
    const hkp_status st = judge(line, book, msg, len, &g, &ce, &at);
    if (st != HKP_OK) return st;
    if (cap < len - LENGTH_MIN) return HKP_E_NOSPC;
    const uint64_t n = hkp_be64(msg + AT_N), begin = clock_read(life);
    reach(&c, g, at, n);
    derive(&c, g, ce, msg, line->peer_id, line->own_id);
    const int right = decrypt(&c, msg, len, dst);
    if (right && at < g->n_kept) {
        note_kept(life, now > g->kept[at].since ? now - g->kept[at].since : 0);
        kept_remove(g, at, 1);
    } else if (right) {
        move_chain(g, now, n, c.ck);
    }
    sodium_memzero(&c, sizeof c);
    sodium_stackzero(STACK_WIPE);
    clock_note(life, begin);
    if (!right) return HKP_E_NEURO_SYN_AUTH;
    *text_len = len - LENGTH_MIN;
    return HKP_OK;
}
