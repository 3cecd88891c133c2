/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-8.6: what trust, mode, certificates and integrity leave of a session, and that it holds at once. */
#include <hookprobe/neuro.h>

#include "pair.h"

enum { APP = HKP_HTP_STREAM_APP, TER = HKP_HTP_STREAM_TER, CONTROL = HKP_HTP_STREAM_CONTROL };

static struct hkp_htp_judgement judged(uint16_t trust) {
    return (struct hkp_htp_judgement){.struct_size = sizeof(struct hkp_htp_judgement), .trust = trust};
}

static struct hkp_htp_rights rights(const struct hkp_htp_judgement *j, uint32_t mode, uint32_t n_case) {
    struct hkp_htp_rights r = {.struct_size = sizeof r};
    CHECK_EQ(hkp_htp_trust_rights(j, mode, n_case, &r), HKP_OK);
    return r;
}

/* ---- The table. */

/* Classes 0..7 from the right: APP POLICY FILE MESH DSM COMMIT TER CONTROL. */
static const struct row {
    uint16_t trust;
    uint8_t mode, n_case, stale, validators, integrity;
    uint8_t classes, lanes, acts;
    uint16_t close;
    uint8_t line;
} rows[] = {
    {65535, 1, 0, 0, 0, 0, 0xFF, 31, 63, 0, HKP_HTP_LINE_FULL},
    {52428, 1, 0, 0, 0, 0, 0xFF, 31, 63, 0, HKP_HTP_LINE_FULL},
    {52427, 1, 0, 0, 0, 0, 0xFF, 31, 33, 0, HKP_HTP_LINE_READ},
    {32768, 1, 0, 0, 1, 0, 0xFF, 31, 33, 0, HKP_HTP_LINE_READ},
    {32767, 1, 0, 0, 1, 0, 0x4F, 3, 33, 0, HKP_HTP_LINE_REPAIR},
    {19660, 1, 0, 0, 0, 0, 0x4F, 3, 33, 0, HKP_HTP_LINE_REPAIR},
    {19659, 1, 0, 0, 0, 0, 0, 0, 0, HKP_HTP_REASON_TRUST, HKP_HTP_LINE_TRUST},
    {19659, 1, 0, 0, 1, 0, 0x09, 3, 0, 0, HKP_HTP_LINE_VALIDATORS},
    {0, 0, 4, 0, 1, 0, 0x09, 3, 0, 0, HKP_HTP_LINE_VALIDATORS},
    {65535, 0, 1, 0, 0, 0, 0xFF, 31, 63, 0, HKP_HTP_LINE_FULL},
    {65535, 0, 2, 0, 0, 0, 0x4F, 3, 0, 0, HKP_HTP_LINE_ENROL},
    {65535, 0, 3, 0, 0, 0, 0x4F, 3, 0, 0, HKP_HTP_LINE_ENROL},
    {65535, 0, 4, 0, 1, 0, 0x49, 3, 0, 0, HKP_HTP_LINE_SIGNED},
    {65535, 1, 0, 1, 0, 0, 0x49, 2, 0, 0, HKP_HTP_LINE_STALE},
    {65535, 1, 0, 1, 1, 0, 0x49, 3, 0, 0, HKP_HTP_LINE_STALE},
    {65535, 0, 2, 1, 0, 0, 0x49, 2, 0, 0, HKP_HTP_LINE_STALE},
    {19659, 1, 0, 1, 1, 0, 0x09, 3, 0, 0, HKP_HTP_LINE_VALIDATORS},
    {65535, 1, 0, 0, 1, 1, 0x4F, 3, 33, 0, HKP_HTP_LINE_INTEGRITY},
    {19000, 1, 0, 0, 0, 1, 0, 0, 0, HKP_HTP_REASON_TRUST, HKP_HTP_LINE_TRUST},
    {65535, 1, 0, 0, 1, 2, 0, 0, 0, HKP_HTP_REASON_POLICY, HKP_HTP_LINE_POLICY},
    {0, 1, 0, 0, 0, 2, 0, 0, 0, HKP_HTP_REASON_POLICY, HKP_HTP_LINE_POLICY},
};

static void the_table_is_that_of_the_specification(void) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *w = &rows[i];
        const struct hkp_htp_judgement j = {.struct_size = sizeof j,
                                            .trust = w->trust,
                                            .stale = w->stale,
                                            .validators = w->validators,
                                            .integrity = w->integrity};
        int before = check_faults;
        struct hkp_htp_rights r = rights(&j, w->mode, w->n_case);
        CHECK_EQ(r.classes_low & 0xFF, w->classes);
        /* Classes that nobody has named yet are the application's: with it or not at all. */
        CHECK(r.classes_high == (w->classes & 0x80 ? UINT64_MAX : 0));
        CHECK((r.classes_low >> 8) == (w->classes & 0x80 ? UINT64_MAX >> 8 : 0));
        CHECK_EQ(r.lanes & 31, w->lanes);
        CHECK_EQ(r.acts, w->acts);
        CHECK_EQ(r.close, w->close);
        CHECK_EQ(r.line, w->line);
        CHECK(r.lines >> r.line == 1);
        CHECK_NOTE(before, "row %zu", i);
    }
}

/* NZ1 16 says the same of T, and libneuro decides T. */
static void every_trust_has_the_line_of_libneuro(void) {
    for (uint32_t t = 0; t <= 65535; t++) {
        const struct hkp_htp_judgement j = judged((uint16_t)t);
        const struct hkp_htp_rights r = rights(&j, HKP_HTP_MODE_R, 0);
        uint32_t want = HKP_NEURO_PERMIT_CLOSE;
        if (r.line == HKP_HTP_LINE_REPAIR) want = HKP_NEURO_PERMIT_REPAIR;
        if (r.line == HKP_HTP_LINE_READ) want = HKP_NEURO_PERMIT_READ;
        if (r.line == HKP_HTP_LINE_FULL) want = HKP_NEURO_PERMIT_ALL;
        if (hkp_neuro_trust_permitted(t) != want) CHECK_EQ(t, UINT32_MAX);
    }
}

/* No condition gives what another takes away. */
static void lines_only_take_away(void) {
    static const uint16_t some[] = {0, 19659, 19660, 26214, 32767, 32768, 52427, 52428, 65535};
    for (unsigned n = 0; n < 9 * 5 * 2 * 2 * 3; n++) {
        const uint32_t n_case = n / 9 % 5, mode = n_case == 0;
        const struct hkp_htp_judgement all = {.struct_size = sizeof all,
                                              .trust = some[n % 9],
                                              .stale = n / 45 % 2,
                                              .validators = n / 90 % 2,
                                              .integrity = (uint8_t)(n / 180)};
        const struct hkp_htp_rights r = rights(&all, mode, n_case);
        for (unsigned k = 0; k < 4; k++) {
            struct hkp_htp_judgement less = all;
            if (k == 0) less.trust = HKP_HTP_TRUST_ONE;
            if (k == 1) less.stale = 0;
            if (k == 2) less.integrity = 0;
            const struct hkp_htp_rights m = rights(&less, k == 3 ? 1 : mode, n_case);
            CHECK((r.classes_low & ~m.classes_low) == 0 && (r.classes_high & ~m.classes_high) == 0);
            CHECK((r.lanes & ~m.lanes) == 0 && (r.acts & ~m.acts) == 0 && r.trust <= m.trust);
            CHECK(r.close != 0 || m.close == 0);
        }
    }
}

static void judgements_out_of_range_are_refused(void) {
    struct hkp_htp_judgement j = judged(65535);
    struct hkp_htp_rights r = {.struct_size = sizeof r}, before = r;
    CHECK_EQ(hkp_htp_trust_rights(NULL, 1, 0, &r), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_trust_rights(&j, 1, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_trust_rights(&j, 2, 0, &r), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_trust_rights(&j, 0, 0, &r), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_trust_rights(&j, 0, 5, &r), HKP_E_INVAL);
    j.stale = 2;
    CHECK_EQ(hkp_htp_trust_rights(&j, 1, 0, &r), HKP_E_INVAL);
    j = judged(1);
    j.validators = 2;
    CHECK_EQ(hkp_htp_trust_rights(&j, 1, 0, &r), HKP_E_INVAL);
    j = judged(1);
    j.integrity = 3;
    CHECK_EQ(hkp_htp_trust_rights(&j, 1, 0, &r), HKP_E_INVAL);
    j = judged(1);
    j.struct_size--;
    CHECK_EQ(hkp_htp_trust_rights(&j, 1, 0, &r), HKP_E_INVAL);
    CHECK_MEM(&r, &before, sizeof r);
    for (uint32_t line = 0; line <= HKP_HTP_LINE_POLICY; line++)
        CHECK(strcmp(hkp_htp_trust_line_text(line), "unknown") != 0);
    CHECK(strcmp(hkp_htp_trust_line_text(HKP_HTP_LINE_POLICY + 1), "unknown") == 0);
}

/* ---- A session under it. */

static struct world world;

/* Both ends up, all classes allowed at both. */
static uint64_t up(struct pair *p, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(&world, vec_get(vec_load(file), "inputs"));
    pair_new(p, &world);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_pump(p);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_session_allow(p->e, p->session, UINT64_MAX, UINT64_MAX), HKP_OK);
    uint64_t v = pair_event(p->v, HKP_HTP_EVENT_UP).session;
    CHECK(v != 0);
    CHECK_EQ(hkp_htp_session_allow(p->v, v, UINT64_MAX, UINT64_MAX), HKP_OK);
    return v;
}

static uint32_t opened(struct pair *p, uint32_t cls) {
    uint32_t stream = 0;
    CHECK_EQ(hkp_htp_stream_open(p->e, p->session, cls, 0, 4, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p->e, p->session, stream, (const uint8_t *)"one", 3, 0), HKP_OK);
    pair_pump(p);
    return stream;
}

static hkp_status judge(hkp_htp_endpoint *ep, struct pair *p, uint64_t session, uint16_t trust,
                        uint8_t validators) {
    struct hkp_htp_judgement j = judged(trust);
    j.validators = validators;
    return hkp_htp_session_judge(ep, p->now, session, &j);
}

static void a_fall_of_trust_acts_at_once(void) {
    struct pair p;
    const uint64_t v = up(&p, "r");
    const uint32_t app = opened(&p, APP), ter = opened(&p, TER);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, app);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, ter);
    CHECK_EQ(judge(p.v, &p, v, 60000, 0), HKP_OK);
    /* These came, and were not pulled when trust fell. */
    for (int i = 0; i < 2; i++)
        CHECK_EQ(hkp_htp_stream_send(p.e, p.session, i ? ter : app, (const uint8_t *)"late", 4, 0), HKP_OK);
    CHECK_EQ(hkp_htp_datagram_send(p.e, p.session, APP, (const uint8_t *)"late", 4), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(judge(p.v, &p, v, 30000, 0), HKP_OK);

    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    int heard_reset = 0, heard_ter = 0, heard_rights = 0;
    while (hkp_htp_event(p.v, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        CHECK(ev.type != HKP_HTP_EVENT_DATAGRAM);
        if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            CHECK_EQ(ev.stream, ter);
            heard_ter++;
        } else if (ev.type == HKP_HTP_EVENT_STREAM_RESET) {
            CHECK_EQ(ev.stream, app);
            CHECK_EQ(ev.code, HKP_HTP_CODE_DENIED);
            heard_reset++;
        } else if (ev.type == HKP_HTP_EVENT_RIGHTS) {
            CHECK_EQ(ev.code, HKP_HTP_LINE_REPAIR);
            CHECK_EQ(ev.value, UINT64_C(60000) << 16 | 30000);
            heard_rights++;
        }
    }
    CHECK_EQ(heard_reset, 1);
    CHECK_EQ(heard_ter, 1);
    CHECK_EQ(heard_rights, 1);
    pair_pump(&p);
    ev = pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED);
    CHECK_EQ(ev.stream, app);
    CHECK_EQ(ev.code, HKP_HTP_CODE_DENIED);
    /* A new one is stopped as well, and trust that returns admits another. */
    const uint32_t second = opened(&p, APP);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).stream, second);
    CHECK_EQ(judge(p.v, &p, v, 32768, 0), HKP_OK);
    ev = pair_event(p.v, HKP_HTP_EVENT_RIGHTS);
    CHECK_EQ(ev.code, HKP_HTP_LINE_READ);
    const uint32_t third = opened(&p, APP);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, third);
    pair_free(&p);
}

static void the_owner_reads_why(void) {
    struct pair p;
    const uint64_t v = up(&p, "r");
    struct hkp_htp_session_rights r = {.struct_size = sizeof r};
    CHECK_EQ(hkp_htp_session_rights(p.v, v, &r), HKP_OK);
    CHECK_EQ(r.judged, 0);
    CHECK_EQ(r.rights.line, HKP_HTP_LINE_FULL);
    const long notes = world.notes;
    CHECK_EQ(judge(p.v, &p, v, 60000, 0), HKP_OK);
    CHECK_EQ(judge(p.v, &p, v, 59000, 0), HKP_OK); /* the same line: nothing to tell */
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_RIGHTS).type, HKP_HTP_EVENT_NONE);
    CHECK_EQ(world.notes, notes);
    CHECK_EQ(judge(p.v, &p, v, 40000, 0), HKP_OK);
    CHECK_EQ(world.notes, notes + 1);
    CHECK_EQ(hkp_htp_session_allow(p.v, v, 1U << CONTROL | 1U << APP, 0), HKP_OK);
    CHECK_EQ(hkp_htp_session_rights(p.v, v, &r), HKP_OK);
    CHECK_EQ(r.judged, 1);
    CHECK_EQ(r.trust_before, 59000);
    CHECK_EQ(r.line_before, HKP_HTP_LINE_FULL);
    CHECK_EQ(r.rights.trust, 40000);
    CHECK_EQ(r.rights.line, HKP_HTP_LINE_READ);
    CHECK_EQ(r.rights.classes_low, 1U << CONTROL | 1U << APP);
    CHECK_EQ(r.rights.classes_high, 0);
    r.struct_size--;
    CHECK_EQ(hkp_htp_session_rights(p.v, v, &r), HKP_E_INVAL);
    r.struct_size++;
    CHECK_EQ(hkp_htp_session_rights(p.v, v + 1, &r), HKP_E_NOTFOUND);
    struct hkp_htp_judgement j = judged(0);
    j.integrity = 3;
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, NULL), HKP_E_INVAL);
    j.integrity = 0;
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v + 1, &j), HKP_E_NOTFOUND);
    pair_free(&p);
}

static void too_little_trust_ends_the_session_at_either_end(void) {
    for (int by_e = 0; by_e < 2; by_e++) {
        struct pair p;
        const uint64_t v = up(&p, "r");
        hkp_htp_endpoint *judge_ep = by_e ? p.e : p.v, *other = by_e ? p.v : p.e;
        CHECK_EQ(judge(judge_ep, &p, by_e ? p.session : v, 19659, 0), HKP_OK);
        CHECK_EQ(judge(judge_ep, &p, by_e ? p.session : v, 60000, 0), HKP_E_STATE);
        CHECK_EQ(pair_event(judge_ep, HKP_HTP_EVENT_RIGHTS).code, HKP_HTP_LINE_TRUST);
        pair_pump(&p);
        CHECK_EQ(pair_event(judge_ep, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_TRUST);
        struct hkp_htp_event ev = pair_event(other, HKP_HTP_EVENT_DOWN);
        CHECK_EQ(ev.reason, HKP_HTP_REASON_TRUST);
        CHECK_EQ(hkp_htp_kind(ev.result, ev.reason), HKP_HTP_KIND_RESONANCE);
        pair_free(&p);
    }
}

static void validators_keep_consensus_without_trust(void) {
    struct pair p;
    const uint64_t v = up(&p, "r");
    CHECK_EQ(judge(p.v, &p, v, 0, 1), HKP_OK);
    const uint32_t dsm = opened(&p, HKP_HTP_STREAM_DSM), ter = opened(&p, TER);
    struct hkp_htp_event ev = pair_event(p.v, HKP_HTP_EVENT_MESSAGE);
    CHECK_EQ(ev.stream, dsm);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).type, HKP_HTP_EVENT_NONE);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).stream, ter);
    /* No longer one of them: it ends. */
    CHECK_EQ(judge(p.v, &p, v, 0, 0), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_TRUST);
    pair_free(&p);
}

/* V tells what it holds, within what mode and integrity leave; it is told in the next answer to a heartbeat.
 */
static void the_peer_is_told_its_trust(void) {
    struct pair p;
    const uint64_t v = up(&p, "r");
    pair_run(&p, 31 * HKP_HTP__SEC); /* the first answers say 0: nobody had judged */
    struct hkp_htp_judgement j = judged(60000);
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    (void)pair_event(p.e, HKP_HTP_EVENT_NONE);
    pair_run(&p, 61 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_TRUST).value, 60000);
    j.integrity = HKP_HTP_INTEGRITY_LIMIT;
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    pair_run(&p, 61 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_TRUST).value, HKP_HTP_TRUST_CHANGED);
    pair_free(&p);
}

static void a_changed_integrity_limits_or_ends_a_session(void) {
    struct pair p;
    uint64_t v = up(&p, "r");
    struct hkp_htp_judgement j = judged(65535);
    j.integrity = HKP_HTP_INTEGRITY_LIMIT;
    const uint32_t app = opened(&p, APP);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, app);
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    struct hkp_htp_event ev = pair_event(p.v, HKP_HTP_EVENT_RIGHTS);
    CHECK_EQ(ev.code, HKP_HTP_LINE_INTEGRITY);
    CHECK_EQ(ev.value & 0xFFFF, HKP_HTP_TRUST_CHANGED);
    CHECK(strcmp(hkp_htp_trust_line_text(ev.code), "integrity mismatch") == 0);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).stream, app);
    const uint32_t ter = opened(&p, TER);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, ter);
    CHECK_EQ(hkp_htp_session_set_trust(p.v, v, 50000), HKP_OK); /* says nothing about integrity */
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_RIGHTS).type, HKP_HTP_EVENT_NONE);
    j.integrity = HKP_HTP_INTEGRITY_GOOD;
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_RIGHTS).code, HKP_HTP_LINE_FULL);
    j.integrity = HKP_HTP_INTEGRITY_CLOSE;
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_RIGHTS).code, HKP_HTP_LINE_POLICY);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_POLICY);
    ev = pair_event(p.e, HKP_HTP_EVENT_DOWN);
    CHECK_EQ(ev.reason, HKP_HTP_REASON_POLICY);
    CHECK_EQ(hkp_htp_kind(ev.result, ev.reason), HKP_HTP_KIND_AUTHENTICATION);
    pair_free(&p);
}

/* Before anyone judged: case 2 is for enrolment, whatever its owner allows. */
static void mode_n_limits_a_session_from_its_start(void) {
    struct pair p;
    const uint64_t v = up(&p, "stranger");
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_RIGHTS).code, HKP_HTP_LINE_ENROL);
    struct hkp_htp_session_rights r = {.struct_size = sizeof r};
    CHECK_EQ(hkp_htp_session_rights(p.v, v, &r), HKP_OK);
    CHECK_EQ(r.rights.trust, HKP_HTP_TRUST_LEAST);
    CHECK_EQ(r.rights.acts, 0);
    const uint32_t app = opened(&p, APP), ter = opened(&p, TER);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, ter);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).stream, app);
    pair_free(&p);
}

static void a_stale_session_fetches_certificates_and_no_more(void) {
    struct pair p;
    const uint64_t v = up(&p, "r");
    struct hkp_htp_judgement j = judged(65535);
    j.stale = 1;
    const uint32_t ter = opened(&p, TER);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, ter);
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    struct hkp_htp_session_rights r = {.struct_size = sizeof r};
    CHECK_EQ(hkp_htp_session_rights(p.v, v, &r), HKP_OK);
    CHECK_EQ(r.rights.lanes, 2);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_STREAM_STOPPED).stream, ter);
    const uint32_t policy = opened(&p, HKP_HTP_STREAM_POLICY);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, policy);
    j.stale = 0; /* both have current ones */
    CHECK_EQ(hkp_htp_session_judge(p.v, p.now, v, &j), HKP_OK);
    const uint32_t again = opened(&p, TER);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).stream, again);
    pair_free(&p);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(the_table_is_that_of_the_specification);
    CASE(every_trust_has_the_line_of_libneuro);
    CASE(lines_only_take_away);
    CASE(judgements_out_of_range_are_refused);
    CASE(a_fall_of_trust_acts_at_once);
    CASE(the_owner_reads_why);
    CASE(too_little_trust_ends_the_session_at_either_end);
    CASE(validators_keep_consensus_without_trust);
    CASE(the_peer_is_told_its_trust);
    CASE(a_changed_integrity_limits_or_ends_a_session);
    CASE(mode_n_limits_a_session_from_its_start);
    CASE(a_stale_session_fetches_certificates_and_no_more);
    return check_done();
}
