/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: NC0, a trained pair of networks: its making and its use (LAB-4.1 to 4.3, 4.7). */
#include "libneuro/lab/lab.h"

enum { Z_MAX = 1 << 23 };

static uint64_t isqrt(uint64_t v) {
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1)
        if ((root | bit) * (root | bit) <= v) root |= bit;
    return root;
}

hkp_status hkp_neuro_lab__nc0_check(struct hkp_neuro_lab_nc0_options *o) {
    struct hkp_neuro_lab_arch arch;
    if (o->steps == 0) o->steps = 2000;
    if (o->lr == 0) o->lr = 8192;
    if (o->batch == 0) o->batch = 32;
    if (hkp_mem_import(&o->mem) != HKP_OK) return HKP_E_INVAL;
    if (hkp_neuro_lab_arch_get(o->index, &arch) != HKP_OK) return HKP_E_NEURO_LAB_ARCH;
    if (o->form < 1 || o->form > 2 || o->steps > HKP_NEURO_LAB_STEPS_MAX || o->lr > 65536 ||
        o->batch > HKP_NEURO_LAB_BATCH_MAX)
        return HKP_E_NEURO_LAB_RANGE;
    return HKP_OK;
}

/* Fan-ins and activations of all layers: 128, widths, 128, widths back, 128. */
static uint64_t lay_out(hkp_neuro_lab_nc0 *n) {
    const uint32_t d = n->arch.depth;
    uint64_t params = 0;
    uint32_t fan_in = NC0_BITS;
    n->n_encoder = d + 1;
    n->n_layers = 2 * (d + 1);
    for (uint32_t l = 0; l < n->n_layers; l++) {
        const uint32_t k = l % (d + 1);
        struct nc0_layer *layer = &n->layers[l];
        layer->a = fan_in;
        layer->c = k == d ? NC0_BITS : n->arch.widths[l <= d ? k : d - 1 - k];
        layer->act = k < d ? n->arch.act : l > d ? NC0_LINEAR : n->form == 2 ? NC0_SIGNS : HKP_NEURO_LAB_TANH;
        params += (uint64_t)layer->c * (layer->a + 1);
        fan_in = layer->c;
    }
    return params;
}

static void point(hkp_neuro_lab_nc0 *n) {
    uint64_t at = 0;
    for (uint32_t l = 0; l < n->n_layers; l++) {
        struct nc0_layer *layer = &n->layers[l];
        const uint64_t weights = (uint64_t)layer->c * layer->a;
        layer->w = n->weights + at;
        layer->m = n->momenta + at;
        layer->b = layer->w + weights;
        layer->mb = layer->m + weights;
        at += weights + layer->c;
    }
}

uint64_t hkp_neuro_lab__nc0_params(const struct hkp_neuro_lab_nc0_options *o) {
    hkp_neuro_lab_nc0 plan = {.form = o->form};
    (void)hkp_neuro_lab_arch_get(o->index, &plan.arch);
    return lay_out(&plan);
}

hkp_status hkp_neuro_lab__nc0_make(hkp_neuro_lab_nc0 **out, const struct hkp_neuro_lab_nc0_options *o) {
    hkp_neuro_lab_nc0 plan = {
        .mem = o->mem, .form = o->form, .steps = o->steps, .lr = o->lr, .batch = o->batch};
    (void)hkp_neuro_lab_arch_get(o->index, &plan.arch);
    plan.params = lay_out(&plan);
    plan.size = sizeof plan + (size_t)plan.params * (sizeof(int64_t) + sizeof(int32_t));
    hkp_neuro_lab_nc0 *n = hkp_mem_alloc(&o->mem, plan.size);
    if (n == NULL) return HKP_E_NEURO_LAB_LIMIT;
    *n = plan;
    n->momenta = (int64_t *)(void *)(n + 1);
    n->weights = (int32_t *)(void *)(n->momenta + n->params);
    point(n);
    *out = n;
    return HKP_OK;
}

/* W = ((u - 2^31) * bound) >> 31, uniform within +-sqrt(6 / (a + c)) in Q24 (LAB-4.2). */
static hkp_status draw(hkp_neuro_lab_nc0 *n) {
    uint8_t key[32];
    const size_t most = (size_t)HKP_NEURO_LAB_WIDTH_MAX * HKP_NEURO_LAB_WIDTH_MAX * 4;
    uint8_t *stream = n->mem.alloc(n->mem.user, most);
    if (stream == NULL) return HKP_E_NEURO_LAB_LIMIT;
    hkp_neuro_lab__hmac(n->key, "LAB1 nc0 weights", key);
    for (uint32_t l = 0; l < n->n_layers; l++) {
        const struct nc0_layer *layer = &n->layers[l];
        const size_t count = (size_t)layer->a * layer->c;
        const int64_t bound = (int64_t)isqrt((UINT64_C(6) << 48) / (layer->a + layer->c));
        hkp_neuro_lab__stream(key, l, stream, count * 4);
        for (size_t i = 0; i < count; i++)
            layer->w[i] = (int32_t)((((int64_t)hkp_be32(stream + 4 * i) - (INT64_C(1) << 31)) * bound) >> 31);
    }
    sodium_memzero(stream, most);
    hkp_mem_free(&n->mem, stream, most);
    sodium_memzero(key, sizeof key);
    return HKP_OK;
}

hkp_status hkp_neuro_lab_nc0_new(hkp_neuro_lab_nc0 **nc0, const uint8_t key[32],
                                 const struct hkp_neuro_lab_nc0_options *options) {
    struct hkp_neuro_lab_nc0_options o;
    if (nc0 == NULL || key == NULL) return HKP_E_INVAL;
    *nc0 = NULL;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof(uint32_t), options);
    if (st != HKP_OK) return st;
    if (o.index == UINT32_MAX) o.index = hkp_neuro_lab_arch_index(key);
    if ((st = hkp_neuro_lab__nc0_check(&o)) != HKP_OK) return st;
    hkp_neuro_lab_nc0 *n = NULL;
    if ((st = hkp_neuro_lab__nc0_make(&n, &o)) != HKP_OK) return st;
    memcpy(n->key, key, 32);
    if ((st = draw(n)) != HKP_OK) {
        hkp_neuro_lab_nc0_free(n);
        return st;
    }
    *nc0 = n;
    return HKP_OK;
}

void hkp_neuro_lab_nc0_free(hkp_neuro_lab_nc0 *nc0) {
    if (nc0 == NULL) return;
    const struct hkp_mem mem = nc0->mem;
    const size_t size = nc0->size;
    sodium_memzero(nc0, size);
    hkp_mem_free(&mem, nc0, size);
}

uint32_t hkp_neuro_lab_nc0_steps(const hkp_neuro_lab_nc0 *nc0, uint32_t *of,
                                 struct hkp_neuro_lab_arch *arch) {
    if (of != NULL) *of = nc0->steps;
    if (arch != NULL) *arch = nc0->arch;
    return nc0->done;
}

size_t hkp_neuro_lab_nc0_size(const hkp_neuro_lab_nc0 *nc0) { return nc0->form == 1 ? 257 : 17; }

void hkp_neuro_lab__bits(const uint8_t block[16], int32_t size, int32_t *x) {
    for (size_t i = 0; i < NC0_BITS; i++) x[i] = (block[i / 8] >> (7 - i % 8) & 1) != 0 ? size : -size;
}

LAB_VECTOR void hkp_neuro_lab__nc0_layer(const struct nc0_layer *l, const int32_t *x, int32_t *z,
                                         int32_t *out) {
    const int32_t *w = l->w;
    for (uint32_t i = 0; i < l->c; i++, w += l->a) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < l->a; j++) sum += (int64_t)(w[j] >> 8) * x[j];
        sum = (sum >> 15) + (l->b[i] >> 8);
        z[i] = (int32_t)(sum < -Z_MAX ? -Z_MAX : sum > Z_MAX ? Z_MAX : sum);
        if (out == NULL) continue;
        if (l->act == NC0_LINEAR)
            out[i] = z[i];
        else if (l->act == NC0_SIGNS)
            out[i] = hkp_neuro_lab_act(HKP_NEURO_LAB_TANH, z[i]) >= 0 ? 32767 : -32767; /* -1 is 0 */
        else
            out[i] = hkp_neuro_lab_act(l->act, z[i]);
    }
}

void hkp_neuro_lab__nc0_pass(const hkp_neuro_lab_nc0 *n, uint32_t first, uint32_t last, const int32_t *x,
                             int32_t *out) {
    int32_t value[2][HKP_NEURO_LAB_WIDTH_MAX], z[HKP_NEURO_LAB_WIDTH_MAX];
    for (uint32_t l = first; l < last; l++)
        hkp_neuro_lab__nc0_layer(&n->layers[l], l == first ? x : value[l & 1], z,
                                 l + 1 == last ? out : value[(l + 1) & 1]);
    sodium_memzero(value, sizeof value);
    sodium_memzero(z, sizeof z);
}

void hkp_neuro_lab_nc0_code(const hkp_neuro_lab_nc0 *nc0, const uint8_t in[16], int16_t code[128]) {
    int32_t x[NC0_BITS], out[HKP_NEURO_LAB_WIDTH_MAX];
    hkp_neuro_lab__bits(in, 32767, x);
    hkp_neuro_lab__nc0_pass(nc0, 0, nc0->n_encoder, x, out);
    for (size_t i = 0; i < NC0_BITS; i++) code[i] = (int16_t)out[i];
}

void hkp_neuro_lab_nc0_decode(const hkp_neuro_lab_nc0 *nc0, const int16_t code[128], uint8_t out[16]) {
    int32_t x[NC0_BITS], z[HKP_NEURO_LAB_WIDTH_MAX];
    for (size_t i = 0; i < NC0_BITS; i++) x[i] = code[i];
    hkp_neuro_lab__nc0_pass(nc0, nc0->n_encoder, nc0->n_layers, x, z);
    memset(out, 0, 16);
    for (size_t i = 0; i < NC0_BITS; i++) out[i / 8] |= (uint8_t)((z[i] >= 0) << (7 - i % 8));
}

/* Public: it gives no security, only another block to try (LAB-4.7). */
static void tweak(uint8_t t, const uint8_t in[16], uint8_t out[16]) {
    uint8_t input[16] = "LAB1 nc0 tweak", hash[32];
    input[15] = t;
    crypto_hash_sha256(hash, input, sizeof input);
    for (size_t i = 0; i < 16; i++) out[i] = in[i] ^ hash[i];
}

hkp_status hkp_neuro_lab_nc0_encrypt(const hkp_neuro_lab_nc0 *nc0, const uint8_t in[16], uint8_t *out) {
    uint8_t m[16], back[16];
    int16_t code[NC0_BITS];
    memset(out, 0, hkp_neuro_lab_nc0_size(nc0));
    if (nc0->done < nc0->steps) return HKP_E_NEURO_LAB_STATE;
    for (uint8_t t = 0; t < HKP_NEURO_LAB_TRIES; t++) {
        tweak(t, in, m);
        hkp_neuro_lab_nc0_code(nc0, m, code);
        hkp_neuro_lab_nc0_decode(nc0, code, back);
        if (memcmp(m, back, 16) != 0) continue;
        out[0] = t;
        for (size_t i = 0; i < NC0_BITS; i++)
            if (nc0->form == 1)
                hkp_put_be16(out + 1 + 2 * i, (uint16_t)code[i]);
            else
                out[1 + i / 8] |= (uint8_t)((code[i] >= 0) << (7 - i % 8));
        return HKP_OK;
    }
    return HKP_E_NEURO_LAB_UNENCODABLE;
}

hkp_status hkp_neuro_lab_nc0_decrypt(const hkp_neuro_lab_nc0 *nc0, const uint8_t *in, size_t len,
                                     uint8_t out[16]) {
    int16_t code[NC0_BITS];
    int32_t signs[NC0_BITS];
    uint8_t m[16];
    memset(out, 0, 16);
    if (nc0->done < nc0->steps) return HKP_E_NEURO_LAB_STATE;
    if (len != hkp_neuro_lab_nc0_size(nc0)) return HKP_E_NEURO_LAB_LENGTH;
    if (in[0] >= HKP_NEURO_LAB_TRIES) return HKP_E_NEURO_LAB_RANGE;
    if (nc0->form == 2) hkp_neuro_lab__bits(in + 1, 32767, signs);
    for (size_t i = 0; i < NC0_BITS; i++) {
        code[i] = (int16_t)(nc0->form == 2 ? signs[i] : hkp_be16(in + 1 + 2 * i));
        if (code[i] == INT16_MIN) return HKP_E_NEURO_LAB_RANGE;
    }
    hkp_neuro_lab_nc0_decode(nc0, code, m);
    tweak(in[0], m, out);
    return HKP_OK;
}

void hkp_neuro_lab_nc0_measure(const hkp_neuro_lab_nc0 *nc0, const hkp_neuro_lab_nc0 *decoder,
                               uint32_t blocks, const uint8_t seed[32],
                               struct hkp_neuro_lab_nc0_figures *figures) {
    uint8_t in[16], out[16];
    int16_t code[NC0_BITS];
    *figures = (struct hkp_neuro_lab_nc0_figures){.bits = 128ULL * blocks, .blocks = blocks};
    for (uint32_t k = 0; k < blocks; k++) {
        hkp_neuro_lab__stream(seed, k, in, 16);
        hkp_neuro_lab_nc0_code(nc0, in, code);
        hkp_neuro_lab_nc0_decode(decoder != NULL ? decoder : nc0, code, out);
        uint64_t wrong = 0;
        for (size_t i = 0; i < 16; i++) wrong += (uint64_t)__builtin_popcount((unsigned)(in[i] ^ out[i]));
        figures->wrong_bits += wrong;
        figures->wrong_blocks += wrong != 0;
    }
}

uint32_t hkp_neuro_lab_nc0_common_ppm(const hkp_neuro_lab_nc0 *a, const hkp_neuro_lab_nc0 *b) {
    uint64_t same = 0;
    if (a->arch.index != b->arch.index) return 0;
    for (uint64_t i = 0; i < a->params; i++) same += a->weights[i] == b->weights[i];
    return (uint32_t)(same * 1000000 / a->params);
}
