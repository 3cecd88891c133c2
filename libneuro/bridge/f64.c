/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * IEEE 754 numbers as text and back, exactly rounded, in integers alone: no locale, no mode of the processor
 * and no double takes part (LAB-7.6, decision 0482). A decimal is compared with a power of two by long
 * division of numbers as large as they get; where 128 bits are enough these do the same faster.
 */
#include "libneuro/bridge/bridge.h"

enum {
    LIMBS = 48, /* 1,536 bits: the largest number below has 1,364 */
    DIGITS_MAX = 64,
    MANTISSA = 52,
    BIAS = 1023,
    SPECIAL = 2047,
    LOWEST = -1022,     /* exponent of the least normal number */
    DECIMAL_HIGH = 310, /* 10^310 is not finite, 10^-326 rounds to zero */
    DECIMAL_LOW = -326,
    EXPONENT_MAX = 100000,
    P_MAX = 17
};

struct big {
    uint32_t n;
    uint32_t d[LIMBS]; /* least first; d[n - 1] is not 0 */
};

static void big_set(struct big *x, uint64_t v) {
    x->n = v == 0 ? 0 : v >> 32 == 0 ? 1 : 2;
    x->d[0] = (uint32_t)v;
    x->d[1] = (uint32_t)(v >> 32);
}

/* x = x * m + a */
static void big_mul(struct big *x, uint32_t m, uint32_t a) {
    uint64_t carry = a;
    for (uint32_t i = 0; i < x->n; i++) {
        carry += (uint64_t)x->d[i] * m;
        x->d[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0 && x->n < LIMBS) x->d[x->n++] = (uint32_t)carry;
}

static void big_mul_power(struct big *x, int32_t ten_to) {
    for (; ten_to >= 9; ten_to -= 9) big_mul(x, 1000000000, 0);
    for (; ten_to > 0; ten_to--) big_mul(x, 10, 0);
}

static void big_shift(struct big *x, uint32_t bits) {
    const uint32_t whole = bits / 32, part = bits % 32;
    if (x->n == 0 || bits == 0 || x->n + whole + 1 > LIMBS) return;
    x->d[x->n] = 0;
    for (uint32_t i = x->n + 1; i-- > 0;) {
        const uint32_t low = i > 0 && part > 0 ? x->d[i - 1] >> (32 - part) : 0;
        x->d[i + whole] = x->d[i] << part | low;
    }
    memset(x->d, 0, whole * sizeof x->d[0]);
    x->n += whole + 1;
    while (x->n > 0 && x->d[x->n - 1] == 0) x->n--;
}

static void big_halve(struct big *x) {
    for (uint32_t i = 0; i < x->n; i++) x->d[i] = x->d[i] >> 1 | (i + 1 < x->n ? x->d[i + 1] << 31 : 0);
    if (x->n > 0 && x->d[x->n - 1] == 0) x->n--;
}

static int32_t big_bits(const struct big *x) {
    int32_t bits = (int32_t)x->n * 32;
    for (uint32_t top = x->n > 0 ? x->d[x->n - 1] : 0; top != 0 && top >> 31 == 0; top <<= 1) bits--;
    return bits;
}

static int big_less(const struct big *x, const struct big *y) {
    if (x->n != y->n) return x->n < y->n;
    for (uint32_t i = x->n; i-- > 0;)
        if (x->d[i] != y->d[i]) return x->d[i] < y->d[i];
    return 0;
}

/* x -= y, which is not more */
static void big_sub(struct big *x, const struct big *y) {
    int64_t borrow = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        borrow += (int64_t)x->d[i] - (i < y->n ? (int64_t)y->d[i] : 0);
        x->d[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (x->n > 0 && x->d[x->n - 1] == 0) x->n--;
}

/* num / den, which is below 2^64; sticky: something remains. den is not 0; both are used up. */
static uint64_t big_divide(struct big *num, struct big *den, int *sticky) {
    uint64_t quotient = 0;
    big_shift(den, 63);
    for (int i = 0; i < 64; i++) {
        quotient <<= 1;
        if (!big_less(num, den)) {
            big_sub(num, den);
            quotient |= 1;
        }
        big_halve(den);
    }
    *sticky = num->n > 0;
    return quotient;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;
static const uint64_t FIVES[28] = {1,
                                   5,
                                   25,
                                   125,
                                   625,
                                   3125,
                                   15625,
                                   78125,
                                   390625,
                                   1953125,
                                   9765625,
                                   48828125,
                                   244140625,
                                   1220703125,
                                   6103515625U,
                                   30517578125U,
                                   152587890625U,
                                   762939453125U,
                                   3814697265625U,
                                   19073486328125U,
                                   95367431640625U,
                                   476837158203125U,
                                   2384185791015625U,
                                   11920928955078125U,
                                   59604644775390625U,
                                   298023223876953125U,
                                   1490116119384765625U,
                                   7450580596923828125U};

/* 5^(28 k), k from -13 to 11: the first 128 bits, cut off. */
enum { POWERS_STEP = 28, POWERS_LEAST = -13, POWERS = 25 };
static const uint64_t POWERS_OF_5[POWERS][2] = {
    {0xE1AFA13AFBD14D6DU, 0x82189C09A3A1EC21U}, {0xE3E27A444D8D98B7U, 0xFD1B1B2308169B25U},
    {0xE61ACF033D1A45DFU, 0x6FB92487298E33BDU}, {0xE858AD248F5C22C9U, 0xD1B3400F8F9CFF68U},
    {0xEA9C227723EE8BCBU, 0x465E15A979C1CADCU}, {0xECE53CEC4A314EBDU, 0xA4F8BF5635246428U},
    {0xEF340A98172AACE4U, 0x86FB897116C87C34U}, {0xF18899B1BC3F8CA1U, 0xDC44E6C3CB279AC1U},
    {0xF3E2F893DEC3F126U, 0x5A89DBA3C3EFCCFAU}, {0xF64335BCF065D37DU, 0x4D4617B5FF4A16D5U},
    {0xF8A95FCF88747D94U, 0x75A44C6397CE912AU}, {0xFB158592BE068D2EU, 0xEED6E2F0F0D56712U},
    {0xFD87B5F28300CA0DU, 0x8BCA9D6E188853FCU}, {0x8000000000000000U, 0x0000000000000000U},
    {0x813F3978F8940984U, 0x4000000000000000U}, {0x82818F1281ED449FU, 0xBFF8F10E7A8921A4U},
    {0x83C7088E1AAB65DBU, 0x792667C6DA79E0FAU}, {0x850FADC09923329EU, 0x03E2CF6BC604DDB0U},
    {0x865B86925B9BC5C2U, 0x0B8A2392BA45A9B2U}, {0x87AA9AFF79042286U, 0x90FB44D2F05D0842U},
    {0x88FCF317F22241E2U, 0x441FECE3BDF81F03U}, {0x8A5296FFE33CC92FU, 0x82BD6B70D99AAA6FU},
    {0x8BAB8EEFB6409C1AU, 0x1AD089B6C2F7548EU}, {0x8D07E33455637EB2U, 0xDB0B487B6423E1E8U},
    {0x8E679C2F5E44FF8FU, 0x570F09EAA7EA7648U}};
#endif

static int leading_zeros(uint64_t v) { return __builtin_clzll(v); }

/* (m + a little if sticky) * 2^e, rounded to nearest, ties to even; m is not 0. */
static uint64_t assemble(uint64_t m, int32_t e, int sticky) {
    const int zeros = leading_zeros(m);
    m <<= zeros;
    e -= zeros;
    int32_t exponent = e + 63; /* of the first bit */
    if (exponent > BIAS) return (uint64_t)SPECIAL << MANTISSA;
    int32_t drop = 63 - MANTISSA;
    if (exponent < LOWEST) drop += LOWEST - exponent;
    if (drop > 64) return 0;
    uint64_t kept = drop == 64 ? 0 : m >> drop;
    const uint64_t rest = drop == 64 ? m : m << (64 - drop), half = (uint64_t)1 << 63;
    if (rest > half || (rest == half && (sticky || (kept & 1)))) kept++;
    /* the leading one of a normal number adds 1 to the exponent field, as does a carry of the rounding */
    const uint64_t field = exponent < LOWEST ? 0 : (uint64_t)(exponent + BIAS - 1);
    return (field << MANTISSA) + kept;
}

#ifdef __SIZEOF_INT128__
/* floor(x * y / 2^64) */
static u128 mul_high(u128 x, uint64_t y) { return (x >> 64) * y + (((u128)(uint64_t)x * y) >> 64); }

/* The first 64 bits of w * 10^q, and that something remains below them: *m * 2^*e. Each of three cuts leaves
 * less than one in the last of 128 bits, and these grow by four at most, so what is told is so unless the
 * other 64 bits are all zeros or nearly all ones: then 0, and long division decides. */
static int product(uint64_t w, int32_t q, uint64_t *m, int32_t *e) {
    const int32_t k = q >= 0 ? q / POWERS_STEP : -((POWERS_STEP - 1 - q) / POWERS_STEP),
                  r = q - POWERS_STEP * k;
    if (k < POWERS_LEAST || k >= POWERS_LEAST + POWERS) return 0;
    const uint64_t *power = POWERS_OF_5[k - POWERS_LEAST];
    const int w_zeros = leading_zeros(w), five_zeros = leading_zeros(FIVES[r]);
    u128 p = (u128)power[0] << 64 | power[1];
    p = mul_high(p, FIVES[r] << five_zeros);
    p = mul_high(p, w << w_zeros);
    const int zeros = leading_zeros((uint64_t)(p >> 64));
    p <<= zeros;
    /* 152170 / 2^16 is log2(5), good enough for these 25 powers; 127 bits stand behind the first */
    *e = ((POWERS_STEP * k * 152170) >> 16) - 127 + q + 64 - five_zeros + 64 - w_zeros - zeros + 64;
    *m = (uint64_t)(p >> 64);
    return (uint64_t)p != 0 && (uint64_t)p < UINT64_MAX - 16;
}
#endif

/* digits[0..n) as an integer, times 10^q; digits[0] is not '0'. */
static uint64_t from_digits(const uint8_t *digits, int32_t n, int32_t q) {
    if (n + q > DECIMAL_HIGH) return (uint64_t)SPECIAL << MANTISSA;
    if (n + q < DECIMAL_LOW) return 0;
    int sticky = 0;
#ifdef __SIZEOF_INT128__
    uint64_t w = 0, first;
    for (int32_t i = 0; i < n && n <= 19; i++) w = w * 10 + (uint64_t)(digits[i] - '0');
    if (n <= 19 && q >= -27 && q <= 27) {
        if (q >= 0) {
            u128 p = (u128)w * FIVES[q];
            int32_t e = q;
            for (; p >> 64 != 0; p >>= 1, e++) sticky |= (int)(p & 1);
            return assemble((uint64_t)p, e, sticky);
        }
        const int zeros = leading_zeros(w), five_zeros = leading_zeros(FIVES[-q]);
        const u128 num = (u128)(w << zeros) << 63;
        const uint64_t den = FIVES[-q] << five_zeros;
        return assemble((uint64_t)(num / den), q - zeros - 63 + five_zeros, num % den != 0);
    }
    int32_t e;
    if (n <= 19 && product(w, q, &first, &e)) return assemble(first, e, 1);
#endif
    struct big num, den;
    big_set(&num, 0);
    for (int32_t i = 0; i < n; i++) {
        if (num.n == 0)
            big_set(&num, (uint64_t)(digits[i] - '0'));
        else
            big_mul(&num, 10, (uint32_t)(digits[i] - '0'));
    }
    big_set(&den, 1);
    big_mul_power(q >= 0 ? &num : &den, q >= 0 ? q : -q);
    const int32_t shift = big_bits(&den) + 63 - big_bits(&num); /* the quotient has 63 or 64 bits */
    big_shift(shift > 0 ? &num : &den, (uint32_t)(shift > 0 ? shift : -shift));
    const uint64_t quotient = big_divide(&num, &den, &sticky);
    return assemble(quotient, -shift, sticky);
}

uint64_t hkp_neuro__f64_read(const uint8_t *text, size_t len) {
    uint8_t digits[DIGITS_MAX];
    int32_t n = 0, q = 0, exponent = 0;
    size_t at = 0;
    int point = 0;
    const uint64_t sign = len > 0 && text[0] == '-' ? (uint64_t)1 << 63 : 0;
    if (sign != 0) at++;
    for (; at < len && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            point = 1;
            continue;
        }
        if (point) q--;
        if ((n > 0 || text[at] != '0') && n < DIGITS_MAX) digits[n++] = text[at];
    }
    if (at < len) {
        at++;
        const int minus = at < len && text[at] == '-';
        if (at < len && (text[at] == '-' || text[at] == '+')) at++;
        for (; at < len; at++)
            if (exponent < EXPONENT_MAX) exponent = exponent * 10 + (text[at] - '0');
        q += minus ? -exponent : exponent;
    }
    for (; n > 0 && digits[n - 1] == '0'; n--) q++;
    return sign | (n == 0 ? 0 : from_digits(digits, n, q));
}

int hkp_neuro__f64_finite(uint64_t bits) { return (bits >> MANTISSA & SPECIAL) != SPECIAL; }

/* floor(4 * m * 2^e / 10^t) and whether something remains; it is below 2^62. */
static uint64_t quarters(uint64_t m, int32_t e, int32_t t, int *sticky) {
    e += 2;
#ifdef __SIZEOF_INT128__
    if (t <= 0 && t >= -27 && e - t <= 0 && e - t > -128) { /* m * 5^-t * 2^(e - t) */
        const u128 p = (u128)m * FIVES[-t];
        const int shift = t - e;
        *sticky = shift > 0 && p << (128 - shift) != 0;
        return (uint64_t)(p >> shift);
    }
#endif
    struct big num, den;
    big_set(&num, m);
    big_set(&den, 1);
    big_mul_power(t <= 0 ? &num : &den, t <= 0 ? -t : t);
    big_shift(e >= 0 ? &num : &den, (uint32_t)(e >= 0 ? e : -e));
    return big_divide(&num, &den, sticky);
}

/* The p-digit number nearest to x quarters of 10^-16 of the first digit; ties to even. */
static uint64_t round_to(uint64_t x, int sticky, int p) {
    const uint64_t unit = 4 * hkp_neuro__tens[P_MAX - p], rest = x % unit, half = unit / 2;
    uint64_t d = x / unit;
    if (rest > half || (rest == half && (sticky || (d & 1)))) d++;
    return d;
}

/* The fewest digits that read back, without trailing zeros; returns how many, *k is the first one's exponent.
 */
static int shortest(uint64_t bits, uint8_t digits[P_MAX + 1], int32_t *k) {
    const uint64_t field = bits >> MANTISSA & SPECIAL, fraction = bits & (((uint64_t)1 << MANTISSA) - 1);
    const uint64_t m = field == 0 ? fraction : fraction | (uint64_t)1 << MANTISSA;
    const int32_t e = (field == 0 ? LOWEST : (int32_t)field - BIAS) - MANTISSA;
    int sticky;
    int32_t log10 = ((e + 63 - leading_zeros(m)) * 1233) >> 12; /* too high or too low by one at most */
    uint64_t x = quarters(m, e, log10 - (P_MAX - 1), &sticky);
    while (x >= 4 * hkp_neuro__tens[P_MAX - 1] * 10) x = quarters(m, e, ++log10 - (P_MAX - 1), &sticky);
    while (x < 4 * hkp_neuro__tens[P_MAX - 1]) x = quarters(m, e, --log10 - (P_MAX - 1), &sticky);
    for (int p = 1;; p++) {
        uint64_t d = round_to(x, sticky, p);
        const uint64_t back = d * 4 * hkp_neuro__tens[P_MAX - p], off = back > x ? back - x : x - back;
        /* half a unit in the last place is below 12 of 17 digits' units, but for the least numbers */
        if (p < P_MAX && field != 0 && off > (uint64_t)4 * 12) continue;
        *k = log10;
        if (d == hkp_neuro__tens[p]) {
            d /= 10;
            ++*k;
        }
        for (int i = p; i-- > 0; d /= 10) digits[i] = (uint8_t)('0' + d % 10);
        if (p < P_MAX && from_digits(digits, p, *k - (p - 1)) != bits) continue;
        while (p > 1 && digits[p - 1] == '0') p--;
        return p;
    }
}

static size_t positional(const uint8_t *digits, int n, int32_t k, uint8_t *dst) {
    size_t at = 0;
    if (k < 0) {
        dst[at++] = '0';
        dst[at++] = '.';
        for (int32_t i = -1; i > k; i--) dst[at++] = '0';
    }
    for (int i = 0; i < n || i <= k; i++) {
        dst[at++] = i < n ? digits[i] : '0';
        if (i == k && i + 1 < n) dst[at++] = '.';
    }
    return at;
}

size_t hkp_neuro__f64_write(uint64_t bits, uint8_t dst[HKP_NEURO__F64_TEXT_MAX]) {
    uint8_t digits[P_MAX + 1];
    int32_t k;
    size_t at = 0;
    if (bits >> 63 != 0) dst[at++] = '-';
    bits &= UINT64_MAX >> 1;
    if (bits == 0) {
        dst[at++] = '0';
        return at;
    }
    const int n = shortest(bits, digits, &k);
    if (k >= -7 && k <= 20) return at + positional(digits, n, k, dst + at);
    at += positional(digits, n, 0, dst + at);
    dst[at++] = 'e';
    return at + hkp_neuro__signed_write(k, 0, dst + at);
}
