/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* No include guard: kernel.c includes it once for each of its plain C variants. NAME(x) and PLAIN_LOOP are
 * set there. */

static void NAME(rows)(const int32_t *w, const int32_t *v, int n_out, int n_in, int64_t *sum) {
    for (int i = 0; i < n_out; i++, w += n_in) {
        /* w = hi * 512 + lo: both sums fit 32 bits (128 * 512 * 32767 < 2^31), which vector units like better
         */
        int32_t hi = 0, lo = 0;
        PLAIN_LOOP
        for (int j = 0; j < n_in; j++) {
            hi += (w[j] >> 9) * v[j];
            lo += (w[j] & 511) * v[j];
        }
        sum[i] = (int64_t)hi * 512 + lo;
    }
}

static void NAME(columns)(const int32_t *w, const int32_t *d, int n_out, int n_in, int64_t *sum) {
    PLAIN_LOOP
    for (int j = 0; j < n_in; j++) sum[j] = 0;
    for (int i = 0; i < n_out; i++, w += n_in) {
        const int64_t di = d[i];
        PLAIN_LOOP
        for (int j = 0; j < n_in; j++) sum[j] += (int64_t)w[j] * di;
    }
}

static void NAME(update)(int32_t *w, uint16_t *r, const uint8_t *kick, const int32_t *v, int n,
                         const struct hkp_neuro__row *row) {
    const int32_t zero = hkp_neuro__zero();
    const struct hkp_neuro__row same = *row;
    PLAIN_LOOP
    for (int j = 0; j < n; j++) hkp_neuro__weight_step(&w[j], &r[j], kick[j], v[j], &same, zero);
}
