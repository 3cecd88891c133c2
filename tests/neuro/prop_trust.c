/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What must hold of T whatever its inputs (NZ1 16), and two faults of earlier systems that it must not have:
 * a score that nothing ever moves, and one that is only a moving average, so that a caught copy keeps nine
 * tenths.
 */
#include "check.h"

#include <hookprobe/neuro.h>

enum { COMPONENTS = 6, CAPS = 12, RUNS = 20000, RISE = 1024 };

static const uint32_t weights[COMPONENTS] = {5, 4, 4, 3, 2, 2};

static uint32_t *component(struct hkp_neuro_trust_inputs *in, int k) {
    uint32_t *const all[COMPONENTS] = {&in->a, &in->r, &in->i, &in->c, &in->n, &in->l};
    return all[k];
}

/* Any components, edges often; a few conditions. */
static struct hkp_neuro_trust_inputs draw(uint64_t *random) {
    struct hkp_neuro_trust_inputs in = {0};
    for (int k = 0; k < COMPONENTS; k++) {
        const uint64_t r = check_random(random);
        *component(&in, k) = r % 4 == 0   ? HKP_NEURO_ONE
                             : r % 4 == 1 ? 0
                                          : (uint32_t)(r >> 8) % (HKP_NEURO_ONE + 1);
    }
    in.why = (uint32_t)(check_random(random) & check_random(random) & check_random(random)) &
             ((1U << HKP_NEURO_WHY_COUNT) - 1);
    in.good_heartbeat = (uint32_t)check_random(random) & 1;
    in.neural_off = check_random(random) % 8 == 0;
    in.sends_ters = (uint32_t)check_random(random) & 1;
    return in;
}

static struct hkp_neuro_trust judge(const struct hkp_neuro_trust_inputs *in, uint32_t before) {
    struct hkp_neuro_trust t = {.t = before};
    hkp_neuro_trust_update(&t, in);
    return t;
}

static struct hkp_neuro_trust_inputs full(void) {
    return (struct hkp_neuro_trust_inputs){.a = HKP_NEURO_ONE,
                                           .r = HKP_NEURO_ONE,
                                           .i = HKP_NEURO_ONE,
                                           .c = HKP_NEURO_ONE,
                                           .n = HKP_NEURO_ONE,
                                           .l = HKP_NEURO_ONE,
                                           .good_heartbeat = 1};
}

static void more_of_a_component_never_lowers_t(void) {
    uint64_t random = check_seed();
    for (int run = 0; run < RUNS; run++) {
        const struct hkp_neuro_trust_inputs in = draw(&random);
        const uint32_t before = (uint32_t)(check_random(&random) % (HKP_NEURO_ONE + 1));
        const struct hkp_neuro_trust low = judge(&in, before);
        struct hkp_neuro_trust_inputs more = in;
        uint32_t *c = component(&more, run % COMPONENTS);
        *c += (uint32_t)(check_random(&random) % (HKP_NEURO_ONE + 1 - *c));
        const struct hkp_neuro_trust high = judge(&more, before);
        CHECK(high.t_raw >= low.t_raw && high.t_new >= low.t_new && high.t >= low.t);
        CHECK(low.t_new <= low.t_raw && low.t <= low.t_new && low.t_raw <= HKP_NEURO_ONE);
    }
}

static void one_more_condition_never_raises_t(void) {
    uint64_t random = check_seed();
    for (int run = 0; run < RUNS; run++) {
        const struct hkp_neuro_trust_inputs in = draw(&random);
        struct hkp_neuro_trust_inputs more = in;
        more.why |= 1U << run % HKP_NEURO_WHY_COUNT;
        CHECK(judge(&more, HKP_NEURO_ONE).t_new <= judge(&in, HKP_NEURO_ONE).t_new);
    }
}

/* Up by RISE at a good heartbeat and not at all without one; down at once, all the way. */
static void t_rises_slowly_and_falls_at_once(void) {
    uint64_t random = check_seed();
    for (int run = 0; run < RUNS; run++) {
        const struct hkp_neuro_trust_inputs in = draw(&random);
        const uint32_t before = (uint32_t)(check_random(&random) % (HKP_NEURO_ONE + 1));
        const struct hkp_neuro_trust t = judge(&in, before);
        CHECK(t.t <= before + (in.good_heartbeat ? RISE : 0));
        if (t.t_new <= before)
            CHECK_EQ(t.t, t.t_new);
        else if (!in.good_heartbeat)
            CHECK_EQ(t.t, before);
        else
            CHECK_EQ(t.t, t.t_new < before + RISE ? t.t_new : before + RISE);
    }
}

/* Every condition that holds and caps is among the reasons; every reason has words of its own. */
static void every_cap_that_holds_is_named(void) {
    uint64_t random = check_seed();
    for (int run = 0; run < RUNS; run++) {
        struct hkp_neuro_trust_inputs in = draw(&random);
        in.neural_off = 0;
        const struct hkp_neuro_trust t = judge(&in, HKP_NEURO_ONE);
        CHECK_EQ(t.why & in.why, in.why);
        if (t.t_new < t.t_raw) CHECK(t.why != 0);
        /* where nothing is named, nothing is missing but what novelty takes by itself */
        if (t.why == 0)
            CHECK(t.t_raw >=
                  (5U * in.a + 4U * 52428U + 4U * in.i + 3U * 65536U + 2U * 32768U + 2U * 65536U) / 20);
    }
    for (uint32_t k = 0; k < HKP_NEURO_WHY_COUNT; k++) {
        const char *text = hkp_neuro_why_text(1U << k);
        CHECK(text[0] != 0 && strstr(text, "compromised") == NULL);
        for (uint32_t m = 0; m < k; m++) CHECK(strcmp(text, hkp_neuro_why_text(1U << m)) != 0);
    }
    CHECK_EQ(hkp_neuro_why_text(1U << HKP_NEURO_WHY_COUNT)[0], 0);
}

/* Negative control: a score that nothing moves. Each of the six components alone, and each cap alone, does.
 */
static void each_input_moves_t_within_one_update(void) {
    const struct hkp_neuro_trust_inputs all = full();
    CHECK_EQ(judge(&all, HKP_NEURO_ONE).t, HKP_NEURO_ONE);
    for (int k = 0; k < COMPONENTS; k++) {
        struct hkp_neuro_trust_inputs in = full();
        *component(&in, k) = 0;
        CHECK_EQ(judge(&in, HKP_NEURO_ONE).t, HKP_NEURO_ONE * (20U - weights[k]) / 20);
    }
    for (int k = 0; k < CAPS; k++) {
        struct hkp_neuro_trust_inputs in = full();
        in.why = 1U << k;
        CHECK(judge(&in, HKP_NEURO_ONE).t <= 52428);
    }
}

/* Negative control: a moving average alone. After ten years of good conduct one contradiction is 0 at once,
 * one good heartbeat after it gives 0.016 and no more, and quarantine gives nothing. */
static void a_long_good_record_does_not_soften_a_contradiction(void) {
    struct hkp_neuro_trust_inputs in = full();
    struct hkp_neuro_trust t = {.t = HKP_NEURO_ONE};
    for (int i = 0; i < 100000; i++) hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.t, HKP_NEURO_ONE);
    in.why = HKP_NEURO_WHY_FORK;
    hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.t, 0);
    CHECK_EQ(hkp_neuro_trust_permitted(t.t), HKP_NEURO_PERMIT_CLOSE);
    in.why = 0;
    hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.t, RISE);
    in.why = HKP_NEURO_WHY_QUARANTINE;
    for (int i = 0; i < 1000; i++) hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.t, 0);
}

/* A new device begins at 0.30, not at a half, and earns 0.80 in 32 good heartbeats (NZ1 16). */
static void a_new_device_earns_its_rights(void) {
    const struct hkp_neuro_trust_inputs in = full();
    struct hkp_neuro_trust t = {.t = hkp_neuro_trust_start(0, 0, HKP_NEURO_ONE)};
    int beats = 0;
    CHECK_EQ(t.t, 19660);
    CHECK_EQ(hkp_neuro_trust_permitted(t.t), HKP_NEURO_PERMIT_REPAIR);
    while (hkp_neuro_trust_permitted(t.t) != HKP_NEURO_PERMIT_ALL && beats < 1000) {
        hkp_neuro_trust_update(&t, &in);
        beats++;
    }
    CHECK_EQ(beats, 32);
    CHECK_EQ(hkp_neuro_trust_start(t.t, 1, HKP_NEURO_ONE), 0);
    CHECK_EQ(hkp_neuro_trust_start(t.t, 0, 26214), 26214);
    CHECK_EQ(hkp_neuro_trust_start(65536, 0, 65536), 65536);
}

/* neural = off takes away what needs a state, and nothing else: a fork or a false clock still shows. */
static void without_neural_state_the_other_caps_stay(void) {
    for (int k = 0; k < HKP_NEURO_WHY_COUNT; k++) {
        struct hkp_neuro_trust_inputs in = full(), off = full();
        in.why = off.why = 1U << k;
        off.neural_off = off.sends_ters = 1;
        const uint32_t excused = HKP_NEURO_WHY_MODE_N | HKP_NEURO_WHY_NO_REPLICA;
        const struct hkp_neuro_trust with = judge(&in, HKP_NEURO_ONE), without = judge(&off, HKP_NEURO_ONE);
        if ((in.why & excused) == 0) {
            CHECK(without.t_new <= with.t_new);
            CHECK_EQ(without.why & in.why, in.why);
        } else
            CHECK_EQ(without.why & in.why, 0);
        off.sends_ters = 0;
        if (in.why == HKP_NEURO_WHY_STALE) CHECK(judge(&off, HKP_NEURO_ONE).t_new > with.t_new);
    }
}

/* The components themselves: in range, and never better for worse facts. */
static void components_are_monotone_and_in_range(void) {
    uint64_t random = check_seed();
    for (int run = 0; run < RUNS; run++) {
        const uint32_t a = (uint32_t)check_random(&random), b = (uint32_t)check_random(&random);
        const uint32_t ppm = a % 80000, received = a % 70, expected = b % 70, ok = a % 17, total = b % 17;
        CHECK(hkp_neuro_trust_r(HKP_NEURO_DRIFTING, 0, ppm) >=
              hkp_neuro_trust_r(HKP_NEURO_DRIFTING, 0, ppm + 1));
        CHECK(hkp_neuro_trust_c(received, expected) <= hkp_neuro_trust_c(received + 1, expected));
        CHECK(hkp_neuro_trust_c(received, expected) <= HKP_NEURO_ONE);
        CHECK(hkp_neuro_trust_l(ok, total, 0, 0) <= HKP_NEURO_ONE);
        CHECK(hkp_neuro_trust_l(ok, total, 1, 0) <= hkp_neuro_trust_l(ok, total, 0, 0));
        CHECK(hkp_neuro_trust_l(ok, total, 0, 1) <= hkp_neuro_trust_l(ok, total, 0, 0));
        CHECK(hkp_neuro_trust_a(1, (int32_t)(a & 1), b) == 0);
        const struct hkp_neuro_novelty n = {check_random(&random) >> 30, check_random(&random) % 40000,
                                            check_random(&random) >> 27};
        struct hkp_neuro_novelty worse = n;
        worse.newest += 1 + (uint64_t)(a % 1000000);
        CHECK(hkp_neuro_trust_n(&worse) <= hkp_neuro_trust_n(&n));
        CHECK(hkp_neuro_trust_n(&n) <= HKP_NEURO_ONE);
    }
    CHECK_EQ(hkp_neuro_trust_r(HKP_NEURO_LOST, 1, 0), 0);
}

/* A clock that was set back between two contradictions does not make them one (NZ1 16: the second within 24
 * h). */
static void a_clock_set_back_hides_no_second_contradiction(void) {
    struct hkp_neuro_quarantine q = {0};
    hkp_neuro_quarantine_note(&q, 0, 1000000);
    CHECK_EQ(q.quarantined, 0);
    hkp_neuro_quarantine_note(&q, 0, 999000);
    CHECK_EQ(q.quarantined, 1);
    hkp_neuro_quarantine_note(&q, 0, 9000000); /* time alone does not end it */
    CHECK_EQ(q.quarantined, 1);
}

int main(void) {
    CASE(more_of_a_component_never_lowers_t);
    CASE(one_more_condition_never_raises_t);
    CASE(t_rises_slowly_and_falls_at_once);
    CASE(every_cap_that_holds_is_named);
    CASE(each_input_moves_t_within_one_update);
    CASE(a_long_good_record_does_not_soften_a_contradiction);
    CASE(a_new_device_earns_its_rights);
    CASE(without_neural_state_the_other_caps_stay);
    CASE(components_are_monotone_and_in_range);
    CASE(a_clock_set_back_hides_no_second_contradiction);
    return check_done();
}
