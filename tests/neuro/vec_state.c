/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* NZ1 6 to 13 against tests/vectors/nz1: functions, w0, step, stress, evolve, posf, drift; each kernel
 * variant. */
#include "libneuro/fixed.h"
#include "neuro_support.h"

static void exp_and_its_checksum(void) {
    json_t *file = vec_load("nz1/functions.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "exp"), i, o)
        CHECK_EQ(hkp_neuro__exp31(vec_u64(o, "dt")), vec_i64(o, "e31"));
    uint64_t x = 0;
    for (uint64_t d = 0; d < 200000000000U; d += 999999937U) x = 31 * x + (uint64_t)hkp_neuro__exp31(d);
    uint8_t want[8];
    vec_hex_into(file, "exp_checksum", want, 8);
    CHECK(x == hkp_be64(want));
    CHECK_EQ(hkp_neuro__exp31(UINT64_MAX), 11);
}

static void activation_over_its_whole_range(void) {
    json_t *file = vec_load("nz1/functions.json"), *o;
    const int32_t zero = hkp_neuro__zero();
    size_t i;
    json_array_foreach(vec_get(file, "activation"), i, o) {
        const int32_t z = (int32_t)vec_i64(o, "z");
        CHECK_EQ(hkp_neuro__qt(z, zero), vec_i64(o, "qt"));
        CHECK_EQ(hkp_neuro__qtd(z, zero), vec_i64(o, "qtd"));
    }
    crypto_hash_sha256_state h;
    uint8_t got[32], want[32], pair[8];
    crypto_hash_sha256_init(&h);
    for (int32_t z = -131072; z <= 131072; z++) {
        hkp_put_le32(pair, (uint32_t)hkp_neuro__qt(z, zero));
        hkp_put_le32(pair + 4, (uint32_t)hkp_neuro__qtd(z, zero));
        crypto_hash_sha256_update(&h, pair, 8);
    }
    crypto_hash_sha256_final(&h, got);
    vec_hex_into(file, "activation_sha256", want, 32);
    CHECK_MEM(got, want, 32);
}

static void rounding_sigma_and_stream(void) {
    json_t *file = vec_load("nz1/functions.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "rsr"), i, o)
        CHECK_EQ(hkp_neuro__rsr(vec_i64(o, "v"), (int)vec_i64(o, "s")), vec_i64(o, "r"));
    json_array_foreach(vec_get(file, "sigma"), i, o) {
        uint8_t h[20], ref[20];
        vec_hex_into(o, "h_integrity", h, 20);
        vec_hex_into(o, "h_ref", ref, 20);
        CHECK_EQ(hkp_neuro__sigma(h, ref), vec_i64(o, "sigma_q16"));
    }
    json_array_foreach(vec_get(file, "chacha20"), i, o) {
        uint8_t key[32], got[200];
        static const uint8_t nonce[12];
        struct vec_bytes want = vec_hex(o, "stream");
        vec_hex_into(o, "key", key, 32);
        crypto_stream_chacha20_ietf(got, sizeof got, nonce, key);
        CHECK_EQ(want.len, sizeof got);
        CHECK_MEM(got, want.ptr, sizeof got);
        free(want.ptr);
    }
}

static void eight_weights(const hkp_neuro_state *s, json_t *o, const char *key, int at) {
    json_t *list = vec_get(o, key), *v;
    size_t i;
    json_array_foreach(list, i, v) CHECK_EQ(s->w[at + (int)i], vec_value_i64(v));
}

static void first_weights(void) {
    json_t *file = vec_load("nz1/w0.json"), *o;
    size_t i;
    hkp_neuro_state *s = state_make(HKP_NEURO_VARIANT_AUTO);
    json_array_foreach(vec_get(file, "enrol"), i, o) {
        uint8_t seed[32], id[16], ref[20], c[64];
        vec_hex_into(o, "seed", seed, 32);
        vec_hex_into(o, "node_id", id, 16);
        vec_hex_into(o, "h_ref", ref, 20);
        vec_hex_into(o, "c_0", c, 64);
        hkp_neuro_state_enrol(s, seed, id, ref);
        CHECK_MEM(s->c, c, 64);
        eight_weights(s, o, "W1_first", HKP_NEURO__W1);
        eight_weights(s, o, "W1_last", HKP_NEURO__B1 - 8);
        eight_weights(s, o, "W2_first", HKP_NEURO__W2);
        eight_weights(s, o, "W2_last", HKP_NEURO__B2 - 8);
        eight_weights(s, o, "W3_first", HKP_NEURO__W3);
        eight_weights(s, o, "W3_last", HKP_NEURO__B3 - 8);
        check_f(s, o, "F_0");
    }
    hkp_neuro_state_free(s);
}

static void check_list(json_t *o, const char *key, const int32_t *got, size_t n) {
    json_t *list = vec_find(o, key), *v;
    size_t i;
    if (list == NULL) return;
    CHECK_EQ(json_array_size(list), n);
    const int before = check_faults;
    json_array_foreach(list, i, v) CHECK_EQ(got[i], vec_value_i64(v));
    CHECK_NOTE(before, "%s", key);
}

static void check_after(const hkp_neuro_state *s, json_t *after) {
    json_t *at = vec_get(after, "at"), *w = vec_get(after, "w"), *r = vec_get(after, "r");
    uint8_t got_w[32], got_r[32], want[32];
    for (size_t k = 0; k < json_array_size(at); k++) {
        const size_t f = (size_t)vec_value_u64(json_array_get(at, k));
        CHECK_EQ(s->w[f], vec_value_i64(json_array_get(w, k)));
        CHECK_EQ(s->r[f], vec_value_i64(json_array_get(r, k)));
    }
    w_hash(s, got_w, got_r);
    vec_hex_into(after, "w_sha256", want, 32);
    CHECK_MEM(got_w, want, 32);
    vec_hex_into(after, "r_sha256", want, 32);
    CHECK_MEM(got_r, want, 32);
}

static void check_kick(const hkp_neuro_state *s, json_t *o) {
    static uint8_t kick[HKP_NEURO__N];
    uint8_t want[32], got[32];
    if (vec_find(o, "kick_sha256") == NULL) return;
    hkp_neuro__kick(s->c, kick);
    vec_hex_into(o, "kick_first16", want, 16);
    CHECK_MEM(kick, want, 16);
    vec_hex_into(o, "kick_last16", want, 16);
    CHECK_MEM(kick + HKP_NEURO__N - 16, want, 16);
    crypto_hash_sha256(got, kick, sizeof kick);
    vec_hex_into(o, "kick_sha256", want, 32);
    CHECK_MEM(got, want, 32);
}

static void check_scalars(const struct hkp_neuro__scalars *sc, json_t *o) {
    CHECK_EQ(sc->e31, vec_i64(o, "e31"));
    CHECK_EQ(sc->e12, vec_i64(o, "e12"));
    CHECK_EQ(sc->sigma, vec_i64(o, "sigma_q16"));
    CHECK_EQ(sc->eta, vec_i64(o, "eta_q28"));
    CHECK_EQ(sc->amp, vec_i64(o, "amp_q16"));
    check_list(o, "K", sc->k, 3);
}

/* Weights that the clamp of NZ1 10.5 stopped, written out once more, by flat index. */
static int64_t clamps_of(const hkp_neuro_state *before, const uint8_t c[64],
                         const struct hkp_neuro__scalars *sc, const struct hkp_neuro__forward_secret *f,
                         const struct hkp_neuro__back_secret *b) {
    static uint8_t kick[HKP_NEURO__N];
    static const int at[3][4] = {{HKP_NEURO__W1, HKP_NEURO__B1, 64, 128},
                                 {HKP_NEURO__W2, HKP_NEURO__B2, 128, 64},
                                 {HKP_NEURO__W3, HKP_NEURO__B3, 64, 32}};
    const int32_t *s[3] = {b->s1, b->s2, b->s3}, *v[3] = {f->x, f->a1, f->a2};
    int64_t count = 0;
    hkp_neuro__kick(c, kick);
    for (int l = 0; l < 3; l++)
        for (int i = 0; i < at[l][3]; i++)
            for (int j = 0; j <= at[l][2]; j++) {
                const int bias = j == at[l][2], flat = bias ? at[l][1] + i : at[l][0] + i * at[l][2] + j;
                const int64_t g = ((int64_t)s[l][i] * (bias ? 32767 : v[l][j]) + 1024) >> 11;
                const int64_t st = g + (int64_t)sc->k[l] * (2 * kick[flat] - 255) +
                                   (((int64_t)before->w[flat] * sc->e12) >> 11);
                const int64_t next = before->w[flat] + ((before->r[flat] - st) >> 16);
                count += next > 262143 || next < -262143;
            }
    return count;
}

/* One step with every intermediate that the vector names. */
static void check_step(hkp_neuro_state *s, json_t *o) {
    struct hkp_neuro__scalars sc;
    struct hkp_neuro__forward_secret f;
    struct hkp_neuro__back_secret b;
    uint8_t ter[64];
    uint64_t loss, base;
    static hkp_neuro_state before;
    before = *s;
    vec_hex_into(o, "ter", ter, 64);
    hkp_neuro__scalars_of(s, ter, &sc);
    hkp_neuro__forward(s, ter, &f);
    hkp_neuro__backward(s, ter, &sc, &f, &b);
    check_scalars(&sc, o);
    check_list(o, "x", f.x, 64);
    check_list(o, "z1", f.z1, 128);
    check_list(o, "z2", f.z2, 64);
    check_list(o, "z3", f.z3, 32);
    check_list(o, "a1", f.a1, 128);
    check_list(o, "a2", f.a2, 64);
    check_list(o, "y", f.y, 32);
    check_list(o, "d1", b.d1, 128);
    check_list(o, "d2", b.d2, 64);
    check_list(o, "d3", b.d3, 32);
    json_t *steps = vec_find(o, "s");
    for (size_t l = 0; steps != NULL && l < 3; l++) {
        const int32_t *got[3] = {b.s1, b.s2, b.s3};
        json_t *list = json_array_get(steps, l), *v;
        size_t i;
        json_array_foreach(list, i, v) CHECK_EQ(got[l][i], vec_value_i64(v));
    }
    hkp_neuro_state_loss(s, ter, &loss, &base);
    CHECK_EQ(loss, vec_u64(o, "loss_q32"));
    if (vec_find(o, "L_base_q32") != NULL) CHECK_EQ(base, vec_u64(o, "L_base_q32"));
    CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
    if (vec_find(o, "c") != NULL) {
        uint8_t c[64];
        vec_hex_into(o, "c", c, 64);
        CHECK_MEM(s->c, c, 64);
    }
    check_kick(s, o);
    check_after(s, vec_get(o, "after"));
    CHECK_EQ(clamps_of(&before, s->c, &sc, &f, &b), vec_i64(o, "clamped"));
    check_f(s, o, "F_after");
}

static void two_whole_steps(void) {
    json_t *file = vec_load("nz1/step.json"), *o;
    const struct profile p = profile_of(file);
    for (uint32_t variant = HKP_NEURO_VARIANT_SCALAR; variant < variants_end(); variant++) {
        hkp_neuro_state *s = state_make(variant);
        size_t i;
        hkp_neuro_state_enrol(s, p.seed, p.node_id, p.h_ref);
        json_array_foreach(vec_get(file, "steps"), i, o) check_step(s, o);
        hkp_neuro_state_free(s);
    }
}

static void tagged(uint8_t *out, size_t len, const char *tag, const char *suffix) {
    uint8_t full[64];
    char text[64];
    const int n = snprintf(text, sizeof text, "%s%s", tag, suffix);
    if (len == 64)
        crypto_hash_sha512(full, (const uint8_t *)text, (unsigned long long)n);
    else
        crypto_hash_sha256(full, (const uint8_t *)text, (unsigned long long)n);
    memcpy(out, full, len);
}

static void stress_state(hkp_neuro_state *s, const char *tag) {
    uint8_t text[40], d[32];
    const size_t tag_len = strlen(tag);
    memcpy(text, tag, tag_len);
    for (int f = 0; f < HKP_NEURO__N; f++) {
        if (f % 32 == 0) {
            hkp_put_le32(text + tag_len, (uint32_t)f / 32);
            crypto_hash_sha256(d, text, tag_len + 4);
        }
        const int32_t b = d[f % 32], m = 262143 - ((b >> 1) & 7) * ((b >> 4) & 1);
        s->w[f] = b & 1 ? -m : m;
        s->r[f] = (uint16_t)(b & 64 ? 65535 : b & 128 ? 0 : 257 * b);
    }
    tagged(s->c, 64, tag, "c");
    tagged(s->h_ref, 20, tag, "h");
    s->step = 5;
    s->last_us = 1700000000000000U;
    s->policy_ver = 3;
}

static void gradient_state(hkp_neuro_state *s, const char *tag) {
    memset(s->w, 0, sizeof s->w);
    memset(s->r, 0, sizeof s->r);
    for (int f = HKP_NEURO__W2; f < HKP_NEURO__B2; f++) s->w[f] = 262143;
    for (int f = HKP_NEURO__W3; f < HKP_NEURO__B3; f++) s->w[f] = 262143;
    for (int i = 0; i < 32; i++) s->w[HKP_NEURO__B3 + i] = i & 1 ? 48694 : 47000;
    tagged(s->c, 64, tag, "g");
    memset(s->h_ref, 0xff, 20);
    s->step = 7;
    s->last_us = 1700000000000000U;
    s->policy_ver = 0;
}

static void check_decode(hkp_neuro_state *s, json_t *file) {
    static uint8_t good[HKP_NEURO_STATE_SIZE], bytes[HKP_NEURO_STATE_SIZE];
    static uint8_t was[HKP_NEURO_STATE_SIZE], now[HKP_NEURO_STATE_SIZE];
    json_t *o;
    size_t i;
    hkp_neuro_state *target = state_make(HKP_NEURO_VARIANT_AUTO);
    hkp_neuro_state_encode(s, good);
    json_array_foreach(vec_get(file, "deserialize_last_state"), i, o) {
        const int before = check_faults;
        const uint64_t code = vec_u64(o, "code");
        size_t len = vec_find(o, "cut") != NULL ? (size_t)vec_u64(o, "cut") : sizeof bytes;
        memcpy(bytes, good, sizeof bytes);
        hkp_neuro_state_encode(target, was);
        if (vec_find(o, "bytes") != NULL) {
            struct vec_bytes patch = vec_hex(o, "bytes");
            memcpy(bytes + vec_u64(o, "offset"), patch.ptr, patch.len);
            free(patch.ptr);
        }
        CHECK_EQ(hkp_neuro_state_decode(target, bytes, len),
                 code == 0 ? HKP_OK : HKP_E_NEURO_BASE - (int64_t)code);
        if (code == 0) check_f(target, o, "F");
        hkp_neuro_state_encode(target, now);
        if (code != 0) CHECK_MEM(now, was, sizeof now);
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
    hkp_neuro_state_free(target);
}

static void extreme_states(void) {
    json_t *file = vec_load("nz1/stress.json"), *gradient = vec_get(file, "gradient"), *o;
    const char *tag = vec_text(file, "tag");
    for (uint32_t variant = HKP_NEURO_VARIANT_SCALAR; variant < variants_end(); variant++) {
        hkp_neuro_state *s = state_make(variant);
        uint8_t ter[64] = {1}, f[64], g[64];
        size_t i;
        stress_state(s, tag);
        check_after(s, vec_get(file, "before"));
        check_f(s, vec_get(file, "before"), "F");
        json_array_foreach(vec_get(file, "steps"), i, o) check_step(s, o);
        check_decode(s, file);
        /* equal and backward time: refused, unchanged */
        hkp_neuro_state_fingerprint(s, f);
        hkp_put_le64(ter + 52, s->last_us);
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_E_NEURO_BASE - vec_i64(file, "time_equal_code"));
        hkp_put_le64(ter + 52, s->last_us - 1);
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_E_NEURO_BASE - vec_i64(file, "time_back_code"));
        hkp_neuro_state_fingerprint(s, g);
        CHECK_MEM(f, g, 64);
        s->step = INT64_MAX;
        hkp_put_le64(ter + 52, s->last_us + 1);
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_E_NEURO_STEP);
        gradient_state(s, tag);
        check_f(s, gradient, "F_before");
        json_array_foreach(vec_get(gradient, "steps"), i, o) check_step(s, o);
        hkp_neuro_state_free(s);
    }
}

static void check_point(const hkp_neuro_state *s, json_t *o, uint64_t loss) {
    uint8_t want[64], f[64], hash[32] = {7}, nonce[8] = {1}, tag[32];
    vec_hex_into(o, "c", want, 64);
    CHECK_MEM(s->c, want, 64);
    check_f(s, o, "F");
    if (vec_find(o, "loss_q32") != NULL) CHECK_EQ(loss, vec_u64(o, "loss_q32"));
    hkp_neuro_state_fingerprint(s, f);
    hkp_neuro_state_posf(s, f, 0, hash, nonce, tag);
    vec_hex_into(o, "posf_role_0", want, 32);
    CHECK_MEM(tag, want, 32);
}

static void check_stream(json_t *o, hkp_neuro_state *s, struct stream *stream,
                         void (*next)(struct stream *)) {
    json_t *states = vec_get(o, "states"), *first = vec_get(o, "first_ters");
    size_t at = 0;
    uint64_t loss = 0, base;
    uint8_t ter[64];
    for (uint32_t n = 0; at < json_array_size(states); n++) {
        json_t *point = json_array_get(states, at);
        if (vec_u64(point, "n") == n) {
            check_point(s, point, loss);
            at++;
        }
        next(stream);
        if (n < json_array_size(first)) {
            struct vec_bytes want = vec_value_hex(json_array_get(first, n));
            CHECK_MEM(stream->ter, want.ptr, 64);
            free(want.ptr);
        }
        memcpy(ter, stream->ter, 64);
        hkp_neuro_state_loss(s, ter, &loss, &base);
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
    }
}

static void both_streams(void) {
    json_t *file = vec_load("nz1/evolve.json"), *o;
    const struct profile p = profile_of(file);
    size_t i;
    for (uint32_t variant = HKP_NEURO_VARIANT_SCALAR; variant < variants_end(); variant++) {
        hkp_neuro_state *s = state_make(variant);
        json_t *pj = vec_get(file, "stream_P");
        struct stream stream = stream_p();
        uint8_t seed[32], id[16];
        vec_hex_into(pj, "seed", seed, 32);
        vec_hex_into(pj, "node_id", id, 16);
        hkp_neuro_state_enrol(s, seed, id, stream.h_ref);
        check_stream(pj, s, &stream, stream_p_next);
        hkp_neuro_state_enrol(s, p.seed, p.node_id, p.h_ref);
        stream = stream_v(&p);
        check_stream(vec_get(file, "stream_V"), s, &stream, stream_v_next);
        hkp_neuro_state_enrol(s, p.seed, p.node_id, p.h_ref);
        json_array_foreach(vec_get(file, "ratchet"), i, o) {
            uint8_t want[64], ter[64];
            if (vec_find(o, "ter") != NULL) {
                vec_hex_into(o, "ter", ter, 64);
                CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
            }
            vec_hex_into(o, "c", want, 64);
            CHECK_MEM(s->c, want, 64);
        }
        hkp_neuro_state_free(s);
    }
}

static void proofs_and_keys(void) {
    json_t *file = vec_load("nz1/posf.json"), *o;
    const struct profile p = profile_of(file);
    size_t i;
    json_array_foreach(vec_get(file, "posf"), i, o) {
        hkp_neuro_state *s = state_v(&p, (uint32_t)vec_u64(o, "n"), NULL);
        uint8_t f[64], hash[32], nonce[8], tag[32], want[32], in[64] = {0};
        struct hkp_neuro__forward_secret pass;
        hkp_neuro_state_fingerprint(s, f);
        vec_hex_into(o, "msg_hash", hash, 32);
        vec_hex_into(o, "nonce", nonce, 8);
        vec_hex_into(o, "posf", want, 32);
        hkp_neuro_state_posf(s, f, (uint8_t)vec_u64(o, "role"), hash, nonce, tag);
        CHECK_MEM(tag, want, 32);
        memcpy(in, hash, 32);
        memcpy(in + 32, nonce, 8);
        in[40] = (uint8_t)vec_u64(o, "role");
        hkp_neuro__forward(s, in, &pass);
        check_list(o, "z3", pass.z3, 32);
        hkp_neuro_state_free(s);
    }
    o = vec_get(file, "derived");
    hkp_neuro_state *s = state_v(&p, (uint32_t)vec_u64(o, "n"), NULL);
    uint8_t f[64], psk[32], want[32];
    struct hkp_neuro_state_info info;
    check_f(s, o, "F");
    hkp_neuro_state_fingerprint(s, f);
    hkp_neuro_state_psk(s, f, vec_u64(o, "n"), psk);
    vec_hex_into(o, "psk", want, 32);
    CHECK_MEM(psk, want, 32);
    /* what RDV takes from a commit: F and this time (the RDV itself is HTP-3.5) */
    hkp_neuro_state_info(s, &info);
    CHECK_EQ(info.last_us, vec_u64(vec_get(o, "rdv"), "last_us"));
    hkp_neuro_state_free(s);
}

/* "state 20", "state 12, bit 0 of byte 0 of TER_10 inverted", ... */
static hkp_neuro_state *described(const struct profile *p, const char *text, uint8_t fork) {
    unsigned n = 0;
    hkp_neuro_state *s = state_make(HKP_NEURO_VARIANT_AUTO);
    struct stream stream = stream_v(p);
    hkp_neuro_state_enrol(s, p->seed, p->node_id, p->h_ref);
    if (strstr(text, "profile P") != NULL) {
        struct stream sp = stream_p();
        uint8_t seed[32], id[16];
        for (int i = 0; i < 32; i++) seed[i] = (uint8_t)i;
        memset(id, 0xa5, 16);
        hkp_neuro_state_enrol(s, seed, id, sp.h_ref);
    } else if (strstr(text, "zero seed") != NULL) {
        static const uint8_t zero[32];
        hkp_neuro_state_enrol(s, zero, zero, zero);
    } else if (sscanf(text, "state %u", &n) == 1 || fork != 0) {
        if (fork != 0) n = 20;
        const int flip = strstr(text, "inverted") != NULL;
        for (unsigned i = 0; i < n; i++) {
            uint8_t ter[64];
            stream_v_next(&stream);
            memcpy(ter, stream.ter, 64);
            if (flip && i == 10) ter[0] ^= 1;
            CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
        }
        if (fork != 0) {
            struct hkp_ter_record rec = {.timestamp_us = s->last_us + (UINT64_C(1) << 37), .sequence = 20};
            uint8_t ter[64];
            crypto_hash_sha256(rec.h_entropy, &fork, 1);
            memcpy(rec.h_integrity, p->h_ref, 20);
            hkp_ter_record_encode(&rec, ter);
            CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
        }
    }
    return s;
}

static void drift_and_resonance(void) {
    json_t *file = vec_load("nz1/drift.json"), *o;
    const struct profile p = profile_of(file);
    size_t i;
    json_array_foreach(vec_get(file, "drift"), i, o) {
        const int before = check_faults, fork = vec_find(o, "fingerprints_equal") != NULL;
        hkp_neuro_state *a = described(&p, vec_text(o, "a"), fork ? 'x' : 0);
        hkp_neuro_state *b = described(&p, vec_text(o, "b"), fork ? 'y' : 0);
        CHECK_EQ(hkp_neuro_state_drift(a, b), vec_i64(o, "ppm"));
        CHECK_EQ(hkp_neuro_state_drift(b, a), vec_i64(o, "ppm"));
        if (fork) {
            hkp_neuro_state *at20 = state_v(&p, 20, NULL);
            uint8_t fa[64], fb[64];
            hkp_neuro_state_fingerprint(a, fa);
            hkp_neuro_state_fingerprint(b, fb);
            CHECK_EQ(memcmp(fa, fb, 64) == 0, vec_bool(o, "fingerprints_equal"));
            CHECK_EQ(memcmp(a->w, at20->w, sizeof a->w) == 0, vec_bool(o, "weights_equal_to_state_20"));
            hkp_neuro_state_free(at20);
        }
        CHECK_NOTE(before, "%s", vec_text(o, "b"));
        hkp_neuro_state_free(a);
        hkp_neuro_state_free(b);
    }
    json_array_foreach(vec_get(file, "resonance"), i, o)
        CHECK_EQ(hkp_neuro_resonance(vec_bool(o, "have_replica"), vec_bool(o, "clock_undecided"),
                                     vec_bool(o, "same_index"), vec_bool(o, "equal_proof"),
                                     vec_bool(o, "drift_known"), (uint32_t)vec_u64(o, "ppm")),
                 vec_i64(o, "state"));
}

int main(void) {
    CASE(exp_and_its_checksum);
    CASE(activation_over_its_whole_range);
    CASE(rounding_sigma_and_stream);
    CASE(first_weights);
    CASE(two_whole_steps);
    CASE(extreme_states);
    CASE(both_streams);
    CASE(proofs_and_keys);
    CASE(drift_and_resonance);
    return check_done();
}
