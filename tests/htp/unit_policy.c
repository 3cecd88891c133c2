/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Who may have a session: identities, certificates, quotes, clocks, modes, each refused for its own reason.
 */
#include "pair.h"

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

/* The whole exchange; the event that ended it at E, of type UP if it did not end. */
static struct hkp_htp_event outcome(struct pair *p) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_pump(p);
    CHECK_EQ(hkp_htp_event(p->e, &ev), HKP_OK);
    return ev;
}

/* V refused at ATTEST with this result, and told E this reason. */
static void refused(struct pair *p, hkp_status at_v, uint16_t reason) {
    struct hkp_htp_event ev = outcome(p);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.result, HKP_E_HTP_REJECTED);
    CHECK_EQ(ev.reason, reason);
    CHECK_EQ(pair_dropped(p->v, at_v), 1);
    CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
}

static void ended(struct pair *p, hkp_status result) {
    struct hkp_htp_event ev = outcome(p);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.result, result);
    CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
}

/* HELLO signed by one key, ATTEST by the certified one. */
static void a_strangers_hello_must_be_signed_by_its_certified_key(void) {
    static struct world w;
    struct pair p;
    uint8_t true_key[64], a[32], seed[32] = {5};
    load(&w, "stranger");
    pair_new(&p, &w);
    memcpy(true_key, p.e->self.a_key, 64);
    crypto_sign_ed25519_seed_keypair(a, p.e->self.a_key, seed);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    memcpy(p.e->self.a_key, true_key, 64);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_IDENTITY);
    CHECK_EQ(pair_dropped(p.v, HKP_E_HTP_SIG), 1);
    pair_free(&p);
}

static void a_stranger_must_show_a_certificate_of_its_own_name(void) {
    static struct world w, careless;
    struct pair p;
    static const uint8_t id[32];
    load(&w, "stranger");
    pair_new(&p, &w);
    CHECK_EQ(hkp_htp_endpoint_set_certificate(p.e, NULL, 0, id, &w.e.own), HKP_OK);
    ended(&p, HKP_E_HTP_DOWNGRADE); /* E knows that mode N needs one */
    pair_free(&p);
    pair_new(&p, &w);
    CHECK_EQ(hkp_htp_endpoint_set_certificate(p.e, NULL, 0, id, &w.e.own), HKP_OK);
    load(&careless, "n");
    memcpy(&careless.v, &w.v, sizeof w.v);
    p.e->opt.registry.user = &careless;
    refused(&p, HKP_E_HTP_IDENTITY, HKP_HTP_REASON_IDENTITY);
    pair_free(&p);
    load(&w, "stranger");
    pair_new(&p, &w);
    w.e.own.node_id[3] ^= 1;
    refused(&p, HKP_E_HTP_IDENTITY, HKP_HTP_REASON_IDENTITY);
    pair_free(&p);
    load(&w, "stranger");
    pair_new(&p, &w);
    CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
}

static void a_validator_is_pinned_or_certified_for_key_and_name(void) {
    static struct world w;
    for (int kind = 0; kind < 4; kind++) {
        struct pair p;
        int before = check_faults;
        load(&w, "stranger");
        pair_new(&p, &w);
        if (kind == 0) w.v.cert_len--;          /* a certificate that nobody vouches for */
        if (kind == 1) w.v.own.node_id[0] ^= 1; /* of another node */
        if (kind == 2) w.v.own.s[0] ^= 1;       /* of another key agreement key */
        if (kind == 3) w.v.own.a[0] ^= 1;       /* of another signing key */
        ended(&p, HKP_E_HTP_IDENTITY);
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

static void a_demanded_certificate_must_be_there_and_fit(void) {
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    p.v->opt.demands = HKP_HTP__DEMAND_CERT;
    refused(&p, HKP_E_HTP_IDENTITY, HKP_HTP_REASON_IDENTITY);
    pair_free(&p);
    for (int kind = 0; kind < 3; kind++) {
        int before = check_faults;
        load(&w, "r_certs");
        pair_new(&p, &w);
        p.v->opt.demands = HKP_HTP__DEMAND_CERT;
        if (kind == 1) w.e.own.a[0] ^= 1;
        if (kind == 2) w.e.own.node_id[0] ^= 1;
        if (kind == 0)
            CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
        else
            refused(&p, HKP_E_HTP_IDENTITY, HKP_HTP_REASON_IDENTITY);
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

static void a_demanded_quote_must_be_right(void) {
    static struct world w, other;
    for (int kind = 0; kind < 3; kind++) {
        struct pair p;
        int before = check_faults;
        load(&w, "r_certs");
        load(&other, "r_certs");
        pair_new(&p, &w);
        w.require = HKP_HTP_REQUIRE_TPM;
        p.e->opt.registry.user = &other;
        if (kind == 1) other.quote[9] ^= 1;
        if (kind == 2) other.quote_len = 0;
        if (kind == 0)
            CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
        else
            refused(&p, HKP_E_HTP_ATTESTATION, HKP_HTP_REASON_ATTESTATION);
        hkp_htp_endpoint_free(p.e);
        hkp_htp_endpoint_free(p.v);
        CHECK_EQ(w.pins + other.pins, 0);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

/* A TPM takes its time: nothing is sent meanwhile, other CHALLENGEs change nothing, and the handshake goes on
 * from where it stood (decision 0117). */
static void a_quote_may_come_later(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    load(&w, "r_certs");
    pair_new(&p, &w);
    w.require = HKP_HTP_REQUIRE_TPM;
    w.quote_waits = 1;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, 5 * HKP_HTP__SEC);
    CHECK(w.quote_asked == 1); /* and not once for each repeated CHALLENGE */
    CHECK_EQ(hkp_htp_event(p.e, &ev), HKP_OK);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_NONE);
    CHECK_EQ(hkp_htp_quote_ready(p.e, p.now, p.wall), HKP_OK); /* still not */
    CHECK_EQ(w.quote_asked, 2);
    w.quote_waits = 0;
    CHECK_EQ(hkp_htp_quote_ready(p.e, p.now, p.wall), HKP_OK);
    CHECK_EQ(w.quote_asked, 3);
    pair_pump(&p);
    CHECK_EQ(hkp_htp_event(p.e, &ev), HKP_OK);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_quote_ready(p.e, p.now, p.wall), HKP_OK);
    CHECK_EQ(w.quote_asked, 3);
    pair_free(&p);
}

static void a_quote_that_never_comes_ends_with_the_handshake(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    load(&w, "r_certs");
    pair_new(&p, &w);
    w.require = HKP_HTP_REQUIRE_TPM;
    w.quote_waits = 1;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_event(p.e, &ev), HKP_OK);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.result, HKP_E_HTP_TIMEOUT);
    pair_free(&p);
}

static void clocks_matter_only_where_policy_says_so(void) {
    static struct world w;
    for (int kind = 0; kind < 3; kind++) {
        struct pair p;
        load(&w, "r");
        pair_new(&p, &w);
        p.ahead_e = kind == 2 ? 50000 : 1000000;
        w.require = kind == 0 ? 0 : HKP_HTP_REQUIRE_CLOCK;
        if (kind == 1)
            refused(&p, HKP_E_HTP_CLOCK, HKP_HTP_REASON_CLOCK);
        else {
            CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
            struct hkp_htp_session_info info = {.struct_size = sizeof info};
            CHECK_EQ(hkp_htp_session_info(p.e, p.session, &info), HKP_OK);
            CHECK_EQ(info.clock, kind == 0 ? HKP_HTP_CLOCK_FAIL : HKP_HTP_CLOCK_PASS);
        }
        pair_free(&p);
    }
}

static void mode_n_needs_its_case(void) {
    static struct world w, other;
    struct pair p;
    load(&w, "stranger");
    load(&other, "stranger");
    pair_new(&p, &w);
    other.no_mode_n = 1;
    p.e->opt.registry.user = &other; /* E sees no case */
    ended(&p, HKP_E_HTP_DOWNGRADE);
    pair_free(&p);
    load(&w, "stranger");
    pair_new(&p, &w);
    p.v->opt.registry.user = &other; /* V sees none */
    refused(&p, HKP_E_HTP_POLICY, HKP_HTP_REASON_POLICY);
    pair_free(&p);
    load(&w, "n");
    pair_new(&p, &w);
    p.v->opt.require = HKP_HTP_REQUIRE_PSK;
    refused(&p, HKP_E_HTP_POLICY, HKP_HTP_REASON_POLICY);
    pair_free(&p);
    pair_new(&p, &w);
    p.e->opt.require = HKP_HTP_REQUIRE_PSK;
    ended(&p, HKP_E_HTP_DOWNGRADE);
    pair_free(&p);
}

static void old_policy_and_suspended_nodes_are_refused(void) {
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    w.policy_ver = 4;
    refused(&p, HKP_E_HTP_POLICY, HKP_HTP_REASON_POLICY);
    pair_free(&p);
    for (uint8_t status = HKP_HTP_NODE_SUSPENDED; status <= HKP_HTP_NODE_REVOKED; status++) {
        load(&w, "n");
        pair_new(&p, &w);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        w.status = status;
        p.v->opt.accept_certified = 1; /* a revoked node is no stranger */
        pair_pump(&p);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_REFUSED);
        pair_free(&p);
    }
}

static void classes_are_refused_until_they_are_named(void) {
    static struct world w;
    struct pair p;
    uint32_t stream;
    load(&w, "n");
    pair_new(&p, &w);
    CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_stream_open(p.e, p.session, HKP_HTP_STREAM_APP, 0, 0, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p.e, p.session, stream, (const uint8_t *)"early", 5, 0), HKP_OK);
    pair_pump(&p);
    struct hkp_htp_event ev = pair_event(p.v, HKP_HTP_EVENT_UP);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_session_allow(p.v, ev.session, 1U << HKP_HTP_STREAM_APP, 0), HKP_OK);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).len, 5); /* it waited for this */
    pair_free(&p);
    pair_new(&p, &w);
    CHECK_EQ(outcome(&p).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_stream_open(p.e, p.session, HKP_HTP_STREAM_APP, 0, 0, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p.e, p.session, stream, (const uint8_t *)"early", 5, 0), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).type, HKP_HTP_EVENT_NONE);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).code, HKP_HTP_CODE_DENIED);
    pair_free(&p);
}

/* HTP-15.1, row by row. */
static void every_result_has_its_number_name_and_kind(void) {
    static const struct {
        int number;
        const char *name;
        uint32_t kind;
    } rows[] = {{1, "SHORT", 1},        {2, "VERSION", 1},
                {3, "TYPE", 1},         {4, "FLAGS", 1},
                {5, "LENGTH", 1},       {6, "TOKEN", 1},
                {7, "RDV", 1},          {8, "COOKIE", 1},
                {9, "FIELD", 1},        {10, "DH", 1},
                {11, "AUTH", 1},        {12, "REPLAY", 1},
                {13, "EPOCH", 1},       {14, "STATE", 1},
                {15, "LIMIT", 1},       {16, "INNER", 1},
                {17, "SIG", 2},         {18, "IDENTITY", 2},
                {19, "WCOMMIT", 3},     {20, "POSF", 3},
                {21, "RDV_NEURAL", 3},  {22, "DOWNGRADE", 2},
                {23, "REJECTED", 2},    {24, "TIMEOUT", 1},
                {25, "ATTESTATION", 1}, {26, "CLOCK", 3},
                {27, "POLICY", 1},      {32, "FRAME", 1},
                {33, "FRAME_TYPE", 1},  {34, "ACK", 1},
                {35, "CREDIT", 1},      {36, "STREAM", 1},
                {37, "MESSAGE", 1},     {38, "RES_MISSING", 3},
                {39, "RESONANCE", 3},   {40, "REKEY", 1},
                {41, "KEY_LIMIT", 4},   {42, "INTEGRITY_LIMIT", 2},
                {43, "INTERNAL", 1},    {48, "IDLE", 4},
                {49, "RESET", 4},       {50, "CLOSED", 2}};
    int seen[64] = {0};
    char name[40];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int n = rows[i].number;
        const hkp_status st = HKP_E_HTP_BASE - n;
        int before = check_faults;
        snprintf(name, sizeof name, "HKP_E_HTP_%s", rows[i].name);
        CHECK(strcmp(hkp_htp_status_name(st), name) == 0);
        /* 32 to 43 close with the reason of the same number; the others here with REFUSED, where it counts */
        CHECK_EQ(hkp_htp_kind(st, (uint16_t)(n >= 32 && n <= 43 ? n : 0)), rows[i].kind);
        CHECK_EQ(hkp_htp_status_class(st), n <= 15 ? HKP_CLASS_IGNORE : HKP_CLASS_DEAD);
        seen[n] = 1;
        CHECK_NOTE(before, "%s", rows[i].name);
    }
    for (int n = 0; n < 64; n++)
        if (!seen[n]) CHECK(strcmp(hkp_htp_status_name(HKP_E_HTP_BASE - n), "unknown") == 0);
}

/* HTP-15.3, row by row. */
static void every_reason_has_its_code_name_and_kind(void) {
    static const struct {
        uint16_t code;
        const char *name;
        uint32_t kind;
    } rows[] = {{0, "REFUSED", 2},        {1, "VERSION", 1},
                {2, "SUITE", 1},          {3, "IDENTITY", 2},
                {4, "POLICY", 2},         {5, "ATTESTATION", 2},
                {6, "RESONANCE_LOST", 3}, {7, "RESONANCE_STALE", 3},
                {8, "OVERLOAD", 1},       {9, "CLOCK", 3},
                {16, "DONE", 0},          {17, "SLEEP", 4},
                {18, "TRUST", 3},         {19, "REPLACED", 4},
                {20, "SHUTDOWN", 4},      {32, "FRAME", 1},
                {33, "FRAME_TYPE", 1},    {34, "ACK", 1},
                {35, "CREDIT", 1},        {36, "STREAM", 1},
                {37, "MESSAGE", 1},       {38, "RES_MISSING", 3},
                {39, "RESONANCE", 3},     {40, "REKEY", 1},
                {41, "KEY_LIMIT", 4},     {42, "INTEGRITY_LIMIT", 2},
                {43, "INTERNAL", 1}};
    int seen[64] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int before = check_faults;
        CHECK(strcmp(hkp_htp_reason_name(rows[i].code), rows[i].name) == 0);
        CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, rows[i].code), rows[i].kind);
        if (rows[i].code < 16) CHECK_EQ(hkp_htp_kind(HKP_E_HTP_REJECTED, rows[i].code), rows[i].kind);
        seen[rows[i].code] = 1;
        CHECK_NOTE(before, "%s", rows[i].name);
    }
    for (uint16_t c = 0; c < 64; c++) {
        if (seen[c]) continue;
        CHECK(strcmp(hkp_htp_reason_name(c), "UNKNOWN") == 0);
        CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, c), HKP_HTP_KIND_ERROR);
    }
    for (uint32_t c = 64; c < 65536; c += 4093)
        CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, (uint16_t)c), HKP_HTP_KIND_ERROR);
    CHECK_EQ(hkp_htp_kind(HKP_OK, 3), HKP_HTP_KIND_NONE);
}

static void kinds_of_errors_are_those_of_the_table(void) {
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_IDLE, 0), HKP_HTP_KIND_EXPIRED);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_WCOMMIT, 0), HKP_HTP_KIND_RESONANCE);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_DOWNGRADE, 0), HKP_HTP_KIND_AUTHENTICATION);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_REJECTED, HKP_HTP_REASON_OVERLOAD), HKP_HTP_KIND_ERROR);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, HKP_HTP_REASON_DONE), HKP_HTP_KIND_NONE);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, HKP_HTP_REASON_TRUST), HKP_HTP_KIND_RESONANCE);
    CHECK_EQ(hkp_htp_kind(HKP_E_HTP_CLOSED, 70), HKP_HTP_KIND_ERROR);
    CHECK_EQ(hkp_htp_status_class(HKP_E_HTP_REPLAY), HKP_CLASS_IGNORE);
    CHECK_EQ(hkp_htp_status_class(HKP_E_HTP_IDLE), HKP_CLASS_DEAD);
    CHECK_EQ(hkp_htp_status_class(HKP_E_HTP_BASE), HKP_CLASS_BUG);
    CHECK(strcmp(hkp_htp_status_name(HKP_E_HTP_RDV_NEURAL), "HKP_E_HTP_RDV_NEURAL") == 0);
    CHECK(strcmp(hkp_htp_status_name(HKP_E_NOTFOUND), "HKP_E_NOTFOUND") == 0);
    CHECK(strcmp(hkp_htp_status_name(12345), "unknown") == 0);
    CHECK(strcmp(hkp_htp_reason_name(100), "APPLICATION") == 0);
    CHECK(strcmp(hkp_htp_reason_name(15), "UNKNOWN") == 0);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(a_strangers_hello_must_be_signed_by_its_certified_key);
    CASE(a_stranger_must_show_a_certificate_of_its_own_name);
    CASE(a_validator_is_pinned_or_certified_for_key_and_name);
    CASE(a_demanded_certificate_must_be_there_and_fit);
    CASE(a_demanded_quote_must_be_right);
    CASE(a_quote_may_come_later);
    CASE(a_quote_that_never_comes_ends_with_the_handshake);
    CASE(clocks_matter_only_where_policy_says_so);
    CASE(mode_n_needs_its_case);
    CASE(old_policy_and_suspended_nodes_are_refused);
    CASE(classes_are_refused_until_they_are_named);
    CASE(every_result_has_its_number_name_and_kind);
    CASE(every_reason_has_its_code_name_and_kind);
    CASE(kinds_of_errors_are_those_of_the_table);
    return check_done();
}
