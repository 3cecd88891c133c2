/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Making and freeing an endpoint; its randomness, tokens and answers without session. */
#include "libhtp/handshake/tickets.h"
#include "libhtp/path/shard.h"
#include "libter/bytes.h"
#include "libter/options.h"

void hkp_htp_options_init(struct hkp_htp_options *options, size_t size) { hkp_options_init(options, size); }

enum { TICKETS_DEFAULT = 4096 };

static void set_default(uint32_t *value, uint32_t otherwise) {
    if (*value == 0) *value = otherwise;
}

static void defaults(struct hkp_htp_options *o) {
    set_default(&o->sessions_max, 64);
    set_default(&o->suites_allowed, HKP_HTP_ALLOW_CHACHA20_POLY1305);
    set_default(&o->suite_first, o->suites_allowed & HKP_HTP_ALLOW_CHACHA20_POLY1305 ? 1 : 2);
    set_default(&o->heartbeat_s, 30);
    set_default(&o->rekey_s, 60);
    set_default(&o->half_open_max, 1024);
    set_default(&o->cookie_load, 256);
    set_default(&o->answer_cache, 4096);
    set_default(&o->source_cells, 16384);
    set_default(&o->strangers_max, 64);
    set_default(&o->dh_per_second, 4000);
    set_default(&o->sessions_per_node, 2);
    set_default(&o->streams_max, 64);
    set_default(&o->credit_session, 1048576);
    set_default(&o->credit_stream, 262144);
    set_default(&o->send_buffer, 1048576);
    set_default(&o->swarm_paths, 4);
    set_default(&o->pool_bytes, 16777216);
    set_default(&o->datagram_max, 16384);
    set_default(&o->tickets_max, o->sessions_max < TICKETS_DEFAULT ? o->sessions_max : TICKETS_DEFAULT);
    if (o->secret_mem.alloc == NULL && o->secret_mem.free == NULL) o->secret_mem = o->mem;
}

static hkp_status check(const struct hkp_htp_options *o) {
    const struct hkp_htp_registry *r = &o->registry;
    if (o->rng.fill == NULL || r->find == NULL || r->own_index == NULL || r->neural == NULL ||
        r->posf == NULL || r->neural_release == NULL)
        return HKP_E_INVAL;
    if (o->certificate_len > HKP_HTP_CERTIFICATE_MAX || (o->certificate_len > 0 && o->certificate == NULL))
        return HKP_E_INVAL;
    if (o->heartbeat_s > 120 || o->rekey_s < 10 || o->rekey_s > 60 || o->suite_first > 2) return HKP_E_INVAL;
    if ((o->source_cells & (o->source_cells - 1)) != 0 || o->source_cells > 1U << 24) return HKP_E_INVAL;
    if (o->sessions_max > 1U << 20 || o->half_open_max > 1U << 20 || o->answer_cache > 1U << 20)
        return HKP_E_INVAL;
    if (o->tickets_max > 1U << 20 || (r->ticket_put == NULL) != (r->ticket_take == NULL)) return HKP_E_INVAL;
    if (o->datagram_max < HKP_HTP_DATAGRAM_MAX || o->datagram_max > HKP_HTP_DATAGRAM_CEILING)
        return HKP_E_INVAL;
    if (o->streams_max > 64 || o->strangers_max > o->half_open_max || o->demands > 3) return HKP_E_INVAL;
    if ((o->suites_allowed & ~3U) || !(o->suites_allowed >> (o->suite_first - 1) & 1)) return HKP_E_INVAL;
    if ((o->transport > HKP_HTP_TRANSPORT_SWARM && o->transport != HKP_HTP_TRANSPORT_AUTO) ||
        o->nat > HKP_HTP_NAT_NONE)
        return HKP_E_INVAL;
    if (hkp_htp__mode_row((uint8_t)o->transport)->mask && !(o->features & HKP_HTP_FEATURE_MASK))
        return HKP_E_HTP_STATE;
    if (o->congestion > HKP_HTP_CONGESTION_BBR) return HKP_E_INVAL;
    if (o->features & ~(uint32_t)(HKP_HTP_FEATURE_MASK | HKP_HTP_FEATURE_SWARM)) return HKP_E_UNSUPPORTED;
    if (o->shard_count > HKP_HTP_SHARDS_MAX || (o->shard_count > 0 && o->shard_index >= o->shard_count) ||
        (o->shard_count == 0 && o->shard_index > 0))
        return HKP_E_INVAL;
    if (o->swarm_paths < 2 || o->swarm_paths > HKP_HTP__PATHS_MAX) return HKP_E_INVAL;
    if ((o->suites_allowed & HKP_HTP_ALLOW_AES256_GCM) && !crypto_aead_aes256gcm_is_available())
        return HKP_E_UNSUPPORTED;
    return HKP_OK;
}

/* Moves the long-term keys out of the options into self. */
static void take_identity(struct hkp_htp_endpoint *ep) {
    struct hkp_htp_options *o = &ep->opt;
    struct hkp_htp__self_secret *self = &ep->self;
    memcpy(self->node_id, o->node_id, 16);
    crypto_sign_ed25519_seed_keypair(self->a, self->a_key, o->a_seed);
    if (!hkp_is_zero(o->s_secret, 32)) {
        memcpy(self->s_key, o->s_secret, 32);
        crypto_scalarmult_curve25519_base(self->s, self->s_key);
    }
    self->own = o->own;
    self->cert_len = o->certificate_len;
    if (self->cert_len > 0) memcpy(self->cert, o->certificate, self->cert_len);
    memcpy(self->cert_id, o->certificate_id, 32);
    o->certificate = NULL;
    sodium_memzero(o->a_seed, sizeof o->a_seed);
    sodium_memzero(o->s_secret, sizeof o->s_secret);
    memcpy(ep->reset_key, o->reset_key, sizeof ep->reset_key);
    sodium_memzero(o->reset_key, sizeof o->reset_key);
}

static uint32_t power_above(uint64_t n) {
    uint32_t p = 16;
    while (p < n) p *= 2;
    return p;
}

static hkp_status make_tables(struct hkp_htp_endpoint *ep) {
    const struct hkp_mem *mem = &ep->opt.mem;
    const uint32_t n = ep->opt.sessions_max,
                   half = ep->self.s_key[0] || !hkp_is_zero(ep->self.s_key, 32) ? ep->opt.half_open_max : 0;
    /* A third is full with all first tokens and reset tokens; spare tokens may fill another third. */
    ep->token_slots = 6 * n + 2 * half + 16;
    ep->peer_mask = power_above(n) - 1;
    ep->tokens = hkp_mem_alloc(mem, ep->token_slots * sizeof *ep->tokens);
    ep->peers = hkp_mem_alloc(mem, (ep->peer_mask + (size_t)1) * sizeof(void *));
    ep->sessions = hkp_mem_alloc(mem, n * sizeof(void *));
    ep->heap = hkp_mem_alloc(mem, n * sizeof *ep->heap);
    ep->free_slots = hkp_mem_alloc(mem, n * sizeof(uint32_t));
    ep->answers = hkp_mem_alloc(mem, HKP_HTP__ANSWERS_WAITING * sizeof *ep->answers);
    if (ep->tokens == NULL || ep->peers == NULL || ep->sessions == NULL || ep->heap == NULL ||
        ep->free_slots == NULL || ep->answers == NULL)
        return HKP_E_NOMEM;
    while (ep->n_free < n) {
        ep->free_slots[ep->n_free] = n - 1 - ep->n_free;
        ep->n_free++;
    }
    hkp_status st = hkp_htp__pools_new(&ep->pools, mem, ep->opt.pool_bytes);
    if (st == HKP_OK) st = hkp_htp__tickets_new(ep);
    return st != HKP_OK || half == 0 ? st : hkp_htp__door_new(ep);
}

hkp_status hkp_htp_endpoint_new(hkp_htp_endpoint **out, const struct hkp_htp_options *options, hkp_time now) {
    struct hkp_htp_options opt;
    if (out == NULL || sodium_init() < 0) return HKP_E_INVAL;
    hkp_status st = hkp_options_import(&opt, sizeof opt, sizeof opt, options);
    if (st != HKP_OK) return st;
    defaults(&opt);
    st = hkp_mem_import(&opt.mem);
    if (st == HKP_OK) st = hkp_mem_import(&opt.secret_mem);
    if (st == HKP_OK) st = check(&opt);
    struct hkp_htp_endpoint *ep = st == HKP_OK ? hkp_mem_alloc(&opt.secret_mem, sizeof *ep) : NULL;
    if (ep != NULL) ep->opt = opt;
    sodium_memzero(&opt.a_seed, sizeof opt.a_seed);
    sodium_memzero(&opt.s_secret, sizeof opt.s_secret);
    sodium_memzero(&opt.reset_key, sizeof opt.reset_key);
    if (ep == NULL) return st == HKP_OK ? HKP_E_NOMEM : st;
    ep->now = ep->started = now;
    ep->sleep_at = HKP_TIME_NEVER;
    take_identity(ep);
    if ((hkp_is_zero(ep->reset_key, 32) && hkp_htp__draw(ep, ep->reset_key, 32) != HKP_OK) ||
        hkp_htp__draw(ep, ep->nonce_key, 32) != HKP_OK || hkp_htp__draw(ep, ep->hash_key, 16) != HKP_OK)
        st = HKP_E_CALLBACK;
    else
        st = make_tables(ep);
    if (st != HKP_OK) {
        hkp_htp_endpoint_free(ep);
        return st;
    }
    *out = ep;
    return HKP_OK;
}

void hkp_htp_endpoint_free(hkp_htp_endpoint *ep) {
    if (ep == NULL) return;
    const struct hkp_mem mem = ep->opt.mem, secret_mem = ep->opt.secret_mem;
    const size_t n = ep->opt.sessions_max;
    for (size_t i = 0; ep->sessions != NULL && i < n; i++)
        if (ep->sessions[i] != NULL) hkp_htp__session_free(ep, ep->sessions[i]);
    hkp_htp__door_free(ep);
    hkp_htp__tickets_free(ep);
    hkp_htp__pools_free(ep->pools);
    hkp_htp__ciphers_free(&ep->ciphers);
    hkp_mem_free(&mem, ep->tokens, ep->token_slots * sizeof *ep->tokens);
    hkp_mem_free(&mem, ep->peers, (ep->peer_mask + (size_t)1) * sizeof(void *));
    hkp_mem_free(&mem, ep->sessions, n * sizeof(void *));
    hkp_mem_free(&mem, ep->heap, n * sizeof *ep->heap);
    hkp_mem_free(&mem, ep->free_slots, n * sizeof(uint32_t));
    hkp_mem_free(&mem, ep->answers, HKP_HTP__ANSWERS_WAITING * sizeof *ep->answers);
    sodium_memzero(ep, sizeof *ep);
    hkp_mem_free(&secret_mem, ep, sizeof *ep);
}

/* ---- randomness ---- */

hkp_status hkp_htp__draw(struct hkp_htp_endpoint *ep, uint8_t *dst, size_t len) {
    return ep->opt.rng.fill(ep->opt.rng.user, dst, len) == 0 ? HKP_OK : HKP_E_CALLBACK;
}

/* Small draws in one call of the generator; used where no key comes from them. */
static hkp_status draw_pooled(struct hkp_htp_endpoint *ep, uint8_t *dst, size_t len) {
    if (ep->pool_left < len) {
        if (hkp_htp__draw(ep, ep->pool, sizeof ep->pool) != HKP_OK) return HKP_E_CALLBACK;
        ep->pool_left = sizeof ep->pool;
    }
    ep->pool_left -= len;
    memcpy(dst, ep->pool + ep->pool_left, len);
    return HKP_OK;
}

int32_t hkp_htp__draw_small(void *user, uint8_t *dst, size_t len) {
    return draw_pooled(user, dst, len) == HKP_OK ? 0 : -1;
}

/* A machine rolled back repeats its random numbers, not its clocks: so both are hashed (HTP-7.2). */
static hkp_status hash_clocks(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn, uint8_t *out,
                              size_t len) {
    uint8_t in[40];
    hkp_put_be64(in, wall_us * 1000);
    hkp_put_be64(in + 8, ep->now);
    hkp_put_be64(in + 16, pn);
    if (draw_pooled(ep, in + 24, 16) != HKP_OK) return HKP_E_CALLBACK;
    crypto_generichash_blake2b(out, len, in, sizeof in, ep->nonce_key, 32);
    return HKP_OK;
}

hkp_status hkp_htp__draw_nonce(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn, uint8_t nonce[8]) {
    uint8_t out[32];
    hkp_status st =
        ep->opt.no_rollback ? hkp_htp__draw(ep, out, 8) : hash_clocks(ep, wall_us, pn, out, sizeof out);
    if (st == HKP_OK) memcpy(nonce, out, 8);
    return st;
}

/* Clocks that stood still for one packet may stand still for two. */
static hkp_status few_nonces(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn) {
    enum { FEW = 64 };
    hkp_status st = hash_clocks(ep, wall_us, pn, ep->nonces, FEW);
    if (st == HKP_OK) ep->nonces_left = FEW;
    return st;
}

/* A long run at one reading of the clocks (decision 0408). */
static hkp_status many_nonces(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn) {
    static const uint8_t zero[12];
    uint8_t key[32];
    hkp_status st = hash_clocks(ep, wall_us, pn, key, sizeof key);
    if (st != HKP_OK) return st;
    crypto_stream_chacha20_ietf(ep->nonces, sizeof ep->nonces, zero, key);
    ep->nonces_left = sizeof ep->nonces;
    return HKP_OK;
}

hkp_status hkp_htp__packet_nonce(struct hkp_htp_endpoint *ep, uint64_t wall_us, uint64_t pn,
                                 uint8_t nonce[8]) {
    if (ep->opt.no_rollback) return draw_pooled(ep, nonce, 8);
    const int same = ep->nonces_now == ep->now && ep->nonces_wall == wall_us;
    if (ep->nonces_left == 0 || !same) {
        hkp_status st = same ? many_nonces(ep, wall_us, pn) : few_nonces(ep, wall_us, pn);
        if (st != HKP_OK) return st;
        ep->nonces_now = ep->now;
        ep->nonces_wall = wall_us;
    }
    ep->nonces_left -= 8;
    memcpy(nonce, ep->nonces + ep->nonces_left, 8);
    return HKP_OK;
}

hkp_status hkp_htp__draw_stamp(struct hkp_htp_endpoint *ep, uint64_t wall_us, struct hkp_htp__stamp *stamp) {
    stamp->seconds = (uint32_t)(wall_us / 1000000);
    return hkp_htp__draw_nonce(ep, wall_us, 0, stamp->nonce);
}

hkp_status hkp_htp__draw_token(struct hkp_htp_endpoint *ep, uint64_t *token) {
    uint8_t bytes[8];
    do {
        if (hkp_htp__draw(ep, bytes, 8) != HKP_OK) return HKP_E_CALLBACK;
        *token = hkp_htp__shard_token(hkp_be64(bytes), ep->opt.shard_index, ep->opt.shard_count);
    } while (*token == 0 || hkp_htp__token_known(ep, *token));
    return HKP_OK;
}

hkp_time hkp_htp__jitter(struct hkp_htp_endpoint *ep, hkp_time base) {
    uint8_t r[2] = {0x80, 0};
    (void)draw_pooled(ep, r, 2); /* without a generator the time is exact, nothing worse */
    return base - base / 10 + base / 5 * hkp_be16(r) / 65536;
}

/* ---- tokens: open addressing; tokens are random, so their low bits are the hash ---- */

static uint32_t token_home(const struct hkp_htp_endpoint *ep, uint64_t token) {
    return (uint32_t)((token & UINT32_MAX) * ep->token_slots >> 32);
}

static uint32_t token_next(const struct hkp_htp_endpoint *ep, uint32_t i) {
    return i + 1 < ep->token_slots ? i + 1 : 0;
}

/* How far slot i lies behind slot `from`. */
static uint32_t token_way(const struct hkp_htp_endpoint *ep, uint32_t from, uint32_t i) {
    return i >= from ? i - from : i + ep->token_slots - from;
}

static uint32_t token_slot(const struct hkp_htp_endpoint *ep, uint64_t token) {
    uint32_t i = token_home(ep, token);
    while (ep->tokens[i].token != 0 && ep->tokens[i].token != token) i = token_next(ep, i);
    return i;
}

static uint32_t ref_of(const struct hkp_htp_endpoint *ep, uint64_t token) {
    const struct hkp_htp__token_slot *slot = &ep->tokens[token_slot(ep, token)];
    return token != 0 && slot->token == token ? slot->ref : HKP_HTP__NONE;
}

static int is_reset(uint32_t ref) { return (ref & HKP_HTP__RESET_REF) && !(ref & HKP_HTP__HALF_REF); }

uint32_t hkp_htp__token_find(const struct hkp_htp_endpoint *ep, uint64_t token) {
    const uint32_t ref = ref_of(ep, token);
    return is_reset(ref) ? HKP_HTP__NONE : ref;
}

uint32_t hkp_htp__token_reset(const struct hkp_htp_endpoint *ep, uint64_t name) {
    const uint32_t ref = ref_of(ep, name);
    return is_reset(ref) ? ref & ~HKP_HTP__RESET_REF : HKP_HTP__NONE;
}

int hkp_htp__token_known(const struct hkp_htp_endpoint *ep, uint64_t token) {
    return ref_of(ep, token) != HKP_HTP__NONE;
}

int hkp_htp__token_room(const struct hkp_htp_endpoint *ep) { return ep->token_n <= ep->token_slots / 3 * 2; }

void hkp_htp__token_put(struct hkp_htp_endpoint *ep, uint64_t token, uint32_t ref) {
    struct hkp_htp__token_slot *slot = &ep->tokens[token_slot(ep, token)];
    ep->token_n += slot->token == 0;
    *slot = (struct hkp_htp__token_slot){token, ref};
}

void hkp_htp__token_drop(struct hkp_htp_endpoint *ep, uint64_t token) {
    uint32_t hole = token_slot(ep, token);
    if (token == 0 || ep->tokens[hole].token != token) return;
    /* Later members of the run move back unless that would put them before their place. */
    for (uint32_t i = token_next(ep, hole); ep->tokens[i].token != 0; i = token_next(ep, i)) {
        if (token_way(ep, token_home(ep, ep->tokens[i].token), i) >= token_way(ep, hole, i)) {
            ep->tokens[hole] = ep->tokens[i];
            hole = i;
        }
    }
    ep->tokens[hole].token = 0;
    ep->token_n--;
}

/* ---- counters and answers ---- */

hkp_status hkp_htp__drop(struct hkp_htp_endpoint *ep, hkp_status result) {
    int32_t number = HKP_E_HTP_BASE - result;
    if (number >= 0 && number < 64) ep->stats.dropped[number]++;
    return result;
}

void hkp_htp__answer_put(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *bytes,
                         size_t len) {
    if (ep->answers_n == HKP_HTP__ANSWERS_WAITING) {
        ep->stats.answers_lost++;
        return;
    }
    struct hkp_htp__answer *a =
        &ep->answers[(ep->answers_first + ep->answers_n++) % HKP_HTP__ANSWERS_WAITING];
    a->path = *path;
    a->len = len;
    memcpy(a->bytes, bytes, len);
}
