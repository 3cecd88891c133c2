/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a man in the middle, or a V that lies, cannot talk two ends into (HTP-4.9); every byte of every
 * message. */
#include "libhtp/handshake/door.h"
#include "pair.h"

static const char *const modes[] = {"r",       "n",        "n_suite2",   "r_suite2_mask",
                                    "r_certs", "stranger", "r_psk_zero", "r_published"};
enum { N_MODES = sizeof modes / sizeof modes[0] };

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

/* Each byte of a message flipped: dropped, unanswered. Every HELLO comes from another source, so none is
 * loaded. */
static void flip(struct pair *p, int to_e, const uint8_t *good, size_t len) {
    uint8_t bad[1200], d[1200];
    const struct hkp_htp_path home = p->path_e;
    for (size_t at = 0; at < len; at++) {
        memcpy(bad, good, len);
        bad[at] ^= (uint8_t)(1U << at % 8);
        p->path_e.addr[13] = (uint8_t)(at >> 3);
        hkp_status st = pair_give(p, to_e, bad, len);
        CHECK(st != HKP_OK && st > HKP_E_HTP_INNER);
        CHECK_EQ(pair_pull(p, to_e, d), 0);
    }
    p->path_e = home;
}

/* A message flipped and then as it is; its answer replaces it. */
static size_t step(struct pair *p, int to_e, uint8_t d[1200], size_t len) {
    CHECK(len > 0);
    flip(p, to_e, d, len);
    CHECK_EQ(pair_give(p, to_e, d, len), HKP_OK);
    return pair_pull(p, to_e, d);
}

static void every_flipped_byte_is_dropped_in_all_modes_and_suites(void) {
    for (size_t i = 0; i < N_MODES; i++) {
        static struct world w;
        struct pair p;
        uint8_t d[1200];
        int before = check_faults;
        load(&w, modes[i]);
        w.require = 0;
        pair_new(&p, &w);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        size_t len = pair_pull(&p, 1, d);
        if (w.unknown) {
            CHECK_EQ(pair_give(&p, 0, d, len), HKP_OK);
            len = pair_pull(&p, 0, d);
            CHECK_EQ(len, HKP_HTP__RETRY_SIZE);
            len = step(&p, 1, d, len);
            CHECK_EQ(len, 1200);
        }
        len = step(&p, 0, d, len); /* HELLO */
        len = step(&p, 1, d, len); /* CHALLENGE */
        len = step(&p, 0, d, len); /* ATTEST */
        len = step(&p, 1, d, len); /* ACCEPT */
        CHECK_EQ(pair_give(&p, 0, d, len), HKP_OK);
        pair_pump(&p);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        pair_free(&p);
        CHECK_NOTE(before, "%s", modes[i]);
    }
}

static void every_flipped_byte_of_a_reject_is_dropped(void) {
    for (int to_attest = 0; to_attest < 2; to_attest++) {
        static struct world w;
        struct pair p;
        uint8_t d[1200];
        load(&w, "r");
        pair_new(&p, &w);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        size_t len = pair_pull(&p, 1, d);
        if (to_attest) {
            w.policy_ver = 99;
            CHECK_EQ(pair_give(&p, 0, d, len), HKP_OK);
            len = pair_pull(&p, 0, d);
            CHECK_EQ(pair_give(&p, 1, d, len), HKP_OK);
            len = pair_pull(&p, 1, d);
        } else
            w.unknown = 1;
        CHECK(pair_give(&p, 0, d, len) != HKP_OK);
        len = pair_pull(&p, 0, d);
        CHECK_EQ(len, HKP_HTP__REJECT_SIZE);
        flip(&p, 1, d, len);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).type, HKP_HTP_EVENT_NONE);
        CHECK_EQ(pair_give(&p, 1, d, len), HKP_E_HTP_REJECTED);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason,
                 to_attest ? HKP_HTP_REASON_POLICY : HKP_HTP_REASON_REFUSED);
        pair_free(&p);
    }
}

/* ---- between the two ends ---- */

/* Anyone who knows S_v can make the RDV of a HELLO. */
static void sign_hello(const struct world *w, uint8_t *d) {
    uint8_t key[32];
    hkp_htp__b2(key, NULL, PARTS(LABEL("HTP1 mac1"), {w->v.s, 32}));
    hkp_htp__rdv_packet(d + HKP_HTP__AT_RDV, key, d, 1200);
}

static void lists_that_were_edited_on_the_way_open_nothing(void) {
    static const struct {
        size_t at;
        uint8_t bytes[8], len;
    } edits[] = {
        {101, {1}, 1},                      /* one suite only, of two; the list is cut too */
        {112, {0, 2, 0, 1}, 4},             /* order of suites */
        {112, {0, 1, 0, 3}, 4},             /* a suite that nobody knows in place of one */
        {102, {0, 0}, 2},                   /* MASK is not offered any more */
        {102, {0, 7}, 2},                   /* more is offered */
        {100, {2, 2, 0, 2, 2, 0, 1, 0}, 8}, /* a newer version is offered */
    };
    static struct world w;
    struct pair p;
    uint8_t good[1200], bad[1200], d[1200];
    load(&w, "r_suite2_mask");
    pair_new(&p, &w);
    p.e->opt.suites_allowed = 3;
    p.e->opt.suite_first = 1;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, good), 1200);
    CHECK_EQ(good[101], 2);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        memcpy(bad, good, 1200);
        memcpy(bad + edits[i].at, edits[i].bytes, edits[i].len);
        if (i == 0) memset(bad + 114, 0, 2);
        sign_hello(&w, bad);
        CHECK_EQ(pair_give(&p, 0, bad, 1200), HKP_E_HTP_AUTH);
        CHECK_EQ(pair_pull(&p, 0, d), 0);
    }
    CHECK_EQ(pair_give(&p, 0, good, 1200), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
}

/* HELLO is on its way, V has an entry that it did not answer yet: the caller makes V lie. */
static struct hkp_htp__half *about_to_answer(struct pair *p) {
    uint8_t d[1200];
    CHECK_EQ(pair_connect(p), HKP_OK);
    CHECK_EQ(pair_pull(p, 1, d), 1200);
    CHECK_EQ(pair_give(p, 0, d, 1200), HKP_OK);
    return &p->v->door->halves[p->v->door->oldest];
}

static void a_choice_outside_the_offer_is_refused(void) {
    for (int kind = 0; kind < 4; kind++) {
        static struct world w;
        struct pair p;
        int before = check_faults;
        load(&w, kind < 3 ? "n" : "r");
        pair_new(&p, &w);
        struct hkp_htp__half *h;
        if (kind == 0) p.e->opt.suites_allowed = 1;
        h = about_to_answer(&p);
        if (kind == 0) h->v.suite = 2;
        if (kind == 1) h->v.features = HKP_HTP_FEATURE_MASK;
        if (kind == 2) h->v.mode = HKP_HTP_MODE_R;
        if (kind == 3) h->v.mode = HKP_HTP_MODE_N;
        pair_pump(&p);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).result, HKP_E_HTP_DOWNGRADE);
        CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

static void v_takes_the_first_suite_that_its_policy_allows(void) {
    static const uint8_t want[][4] = {{1, 3, 3, 1}, {2, 3, 3, 2}, {1, 3, 2, 2},
                                      {2, 3, 1, 1}, {2, 2, 3, 2}, {1, 1, 3, 1}};
    if (!crypto_aead_aes256gcm_is_available()) return;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        static struct world w;
        struct pair p;
        struct hkp_htp_session_info info = {.struct_size = sizeof info};
        int before = check_faults;
        load(&w, "r");
        pair_new(&p, &w);
        p.e->opt.suite_first = want[i][0];
        p.e->opt.suites_allowed = want[i][1];
        p.v->opt.suites_allowed = want[i][2];
        CHECK_EQ(pair_connect(&p), HKP_OK);
        pair_pump(&p);
        CHECK_EQ(hkp_htp_session_info(p.e, p.session, &info), HKP_OK);
        CHECK_EQ(info.suite, want[i][3]);
        pair_free(&p);
        CHECK_NOTE(before, "row %zu", i);
    }
}

static void without_a_common_suite_e_is_told(void) {
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    p.e->opt.suites_allowed = 1, p.e->opt.suite_first = 1;
    p.v->opt.suites_allowed = 2;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_SUITE);
    pair_free(&p);
    /* also if it is the record of this node that excludes it, which a stranger does not learn */
    load(&w, "r");
    pair_new(&p, &w);
    p.e->opt.suites_allowed = 1, p.e->opt.suite_first = 1;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    w.suites_allowed = 2;
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_SUITE);
    pair_free(&p);
}

/* Somebody on the path made this RETRY: the versions in it are a hint and no more. */
static void forge_retry(const uint8_t *hello, uint16_t version, uint8_t fill, uint8_t d[140]) {
    uint8_t cookie[32], key[32];
    const struct hkp_htp__stamp stamp = {.seconds = 1};
    memset(cookie, fill, 32);
    hkp_htp__retry_build(d, hello, cookie, &stamp);
    hkp_put_be16(d + HKP_HTP__PREFIX_RES + 32, version);
    hkp_htp__hello_key(key, hello);
    hkp_htp__rdv_packet(d + HKP_HTP__AT_RDV, key, d, HKP_HTP__RETRY_SIZE);
}

static void versions_of_a_forged_retry_end_nothing(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], d[1200];
    load(&w, "r");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, hello), 1200);
    forge_retry(hello, 0x0200, 7, d);
    CHECK_EQ(pair_give(&p, 1, d, HKP_HTP__RETRY_SIZE), HKP_OK);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).type, HKP_HTP_EVENT_NONE);
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_OK); /* the first one arrives, and is answered */
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, hello), 1200);
    forge_retry(hello, 0x0200, 7, d);
    CHECK_EQ(pair_give(&p, 1, d, HKP_HTP__RETRY_SIZE), HKP_OK);
    for (int i = 0; i < 160; i++) { /* nobody answers */
        p.now += 100 * HKP_HTP__MS;
        hkp_htp_tick(p.e, p.now, p.wall);
        while (pair_pull(&p, 1, d) > 0) continue;
    }
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).result, HKP_E_HTP_VERSION);
    pair_free(&p);
}

/* A CHALLENGE, ATTEST or ACCEPT of one handshake given to another that is in the same state. */
static void messages_of_another_handshake_are_dropped(void) {
    static struct world w;
    struct pair p, q;
    uint8_t a[3][1200], b[3][1200], hello[1200];
    size_t na[3], nb[3];
    load(&w, "r");
    pair_new(&p, &w);
    pair_new(&q, &w);
    q.rng_e.seed += 50, q.rng_v.seed += 50;
    struct pair *const pairs[] = {&p, &q};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pair_connect(pairs[i]), HKP_OK);
        CHECK_EQ(pair_pull(pairs[i], 1, hello), 1200);
        CHECK_EQ(pair_give(pairs[i], 0, hello, 1200), HKP_OK);
    }
    for (int m = 0; m < 3; m++) {
        const int to_e = m != 1;
        uint8_t moved[1200];
        na[m] = pair_pull(&p, !to_e, a[m]);
        nb[m] = pair_pull(&q, !to_e, b[m]);
        CHECK_EQ(pair_give(&p, to_e, b[m], nb[m]), HKP_E_HTP_TOKEN);
        memcpy(moved, b[m], nb[m]);
        memcpy(moved + HKP_HTP__AT_TOKEN, a[m] + HKP_HTP__AT_TOKEN, 8);
        CHECK_EQ(pair_give(&p, to_e, moved, nb[m]), m == 0 ? HKP_E_HTP_RDV : HKP_E_HTP_AUTH);
        CHECK_EQ(pair_give(&p, to_e, a[m], na[m]), HKP_OK);
        CHECK_EQ(pair_give(&q, to_e, b[m], nb[m]), HKP_OK);
    }
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(pair_event(q.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    hkp_htp_endpoint_free(q.e), hkp_htp_endpoint_free(q.v);
    pair_free(&p);
}

/* ---- policies ---- */

/* PQ needs a build that has it: there is none, and nothing pretends (HTP-6.5). */
static void what_one_end_requires_is_there_or_there_is_no_session(void) {
    static const struct {
        uint32_t at_e, at_v;
        const char *world;
        hkp_status result;
        uint16_t reason;
    } rows[] = {
        {HKP_HTP_REQUIRE_PQ, 0, "r", HKP_E_HTP_DOWNGRADE, 0},
        {0, HKP_HTP_REQUIRE_PQ, "r", HKP_E_HTP_REJECTED, HKP_HTP_REASON_POLICY},
        {HKP_HTP_REQUIRE_PSK, 0, "n", HKP_E_HTP_DOWNGRADE, 0},
        {0, HKP_HTP_REQUIRE_PSK, "n", HKP_E_HTP_REJECTED, HKP_HTP_REASON_POLICY},
        {HKP_HTP_REQUIRE_CERTIFICATE, 0, "r", HKP_E_HTP_DOWNGRADE, 0},
        {0, HKP_HTP_REQUIRE_CERTIFICATE, "r", HKP_E_HTP_REJECTED, HKP_HTP_REASON_IDENTITY},
        {0, HKP_HTP_REQUIRE_TPM, "r", HKP_E_HTP_REJECTED, HKP_HTP_REASON_ATTESTATION},
        {HKP_HTP_REQUIRE_PSK, HKP_HTP_REQUIRE_PSK, "r", HKP_OK, 0},
        {HKP_HTP_REQUIRE_CERTIFICATE, HKP_HTP_REQUIRE_CERTIFICATE, "r_certs", HKP_OK, 0},
        {HKP_HTP_REQUIRE_CLOCK, HKP_HTP_REQUIRE_CLOCK, "r", HKP_OK, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct world w;
        struct pair p;
        int before = check_faults;
        load(&w, rows[i].world);
        w.require = 0;
        pair_new(&p, &w);
        p.e->opt.require = rows[i].at_e;
        p.v->opt.require = rows[i].at_v;
        CHECK_EQ(pair_connect(&p), HKP_OK);
        pair_pump(&p);
        if (rows[i].result == HKP_OK)
            CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        else {
            struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_FAILED);
            CHECK_EQ(ev.result, rows[i].result);
            CHECK_EQ(ev.reason, rows[i].reason);
            CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
        }
        pair_free(&p);
        CHECK_NOTE(before, "row %zu", i);
    }
}

static void a_feature_that_this_build_lacks_is_refused(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct hkp_htp_options o;
    load(&w, "r");
    pair_options(&p, &o, 1);
    o.features = 1; /* PQ */
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, 1), HKP_E_UNSUPPORTED);
}

/* The linker puts this before libsodium's. */
static int have_aes = 1;
int __real_crypto_aead_aes256gcm_is_available(void);
int __wrap_crypto_aead_aes256gcm_is_available(void);
int __wrap_crypto_aead_aes256gcm_is_available(void) {
    return have_aes && __real_crypto_aead_aes256gcm_is_available();
}

static void aes_is_only_used_in_hardware(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct hkp_htp_options o;
    load(&w, "r");
    pair_options(&p, &o, 1);
    have_aes = 0;
    for (uint32_t allowed = 2; allowed <= 3; allowed++) {
        o.suites_allowed = allowed;
        o.suite_first = 2;
        CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, 1), HKP_E_UNSUPPORTED);
    }
    o.suites_allowed = o.suite_first = 1;
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, 1), HKP_OK);
    hkp_htp_endpoint_free(p.e);
    have_aes = 1;
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(every_flipped_byte_is_dropped_in_all_modes_and_suites);
    CASE(every_flipped_byte_of_a_reject_is_dropped);
    CASE(lists_that_were_edited_on_the_way_open_nothing);
    CASE(a_choice_outside_the_offer_is_refused);
    CASE(v_takes_the_first_suite_that_its_policy_allows);
    CASE(without_a_common_suite_e_is_told);
    CASE(versions_of_a_forged_retry_end_nothing);
    CASE(messages_of_another_handshake_are_dropped);
    CASE(what_one_end_requires_is_there_or_there_is_no_session);
    CASE(a_feature_that_this_build_lacks_is_refused);
    CASE(aes_is_only_used_in_hardware);
    return check_done();
}
