/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Handshake packets that must be refused: the vectors, and every byte of every good message. After a drop the
 * genuine message still works.
 */
#include "libhtp/handshake/door.h"
#include "pair.h"

enum { V_LISTENING, E_AFTER_HELLO, V_HALF_OPEN, E_AFTER_ATTEST };

static json_t *root;
static struct vec_bytes good[4];

static void load(void) {
    root = vec_load("htp/malformed_handshake.json");
    for (size_t i = 0; i < 4; i++) good[i] = vec_hex(json_array_get(vec_get(root, "good"), i), "bytes");
}

static uint64_t at_time(struct pair *p, const char *name) { return p->wall = vec_u64(p->w->times, name); }

/* E sends its HELLO, which is the good one unless a setting changed it. */
static void start_e(struct pair *p, int same) {
    uint8_t d[1200];
    p->rng_e.n = p->rng_e.at = 0;
    script_add(&p->rng_e, p->w->draws, "e_e");
    script_add(&p->rng_e, p->w->draws, "sid_e");
    script_add(&p->rng_e, p->w->draws, "nonce_hello");
    at_time(p, "t1");
    CHECK_EQ(pair_connect(p), HKP_OK);
    CHECK_EQ(pair_pull(p, 1, d), 1200);
    if (same) CHECK_MEM(d, good[0].ptr, 1200);
}

static void attest_e(struct pair *p) {
    uint8_t d[1200];
    script_add(&p->rng_e, p->w->draws, "nonce_attest");
    at_time(p, "t4");
    CHECK_EQ(pair_give(p, 1, good[1].ptr, good[1].len), HKP_OK);
    CHECK_EQ(pair_pull(p, 1, d), good[2].len);
    CHECK_MEM(d, good[2].ptr, good[2].len);
}

static void challenge_v(struct pair *p) {
    uint8_t d[1200];
    p->rng_v.n = p->rng_v.at = 0;
    script_add(&p->rng_v, p->w->draws, "sid_v");
    script_add(&p->rng_v, p->w->draws, "e_v");
    script_add(&p->rng_v, p->w->draws, "challenge_nonce");
    script_add(&p->rng_v, p->w->draws, "nonce_challenge");
    at_time(p, "t2");
    CHECK_EQ(pair_give(p, 0, good[0].ptr, good[0].len), HKP_OK);
    at_time(p, "t3");
    CHECK_EQ(pair_pull(p, 0, d), good[1].len);
    CHECK_MEM(d, good[1].ptr, good[1].len);
}

static int enter(struct pair *p, struct world *w, const char *context) {
    world_load(w, vec_get(root, "inputs"));
    struct hkp_htp_options o;
    if (strstr(context, "neural off") != NULL) w->neural = HKP_HTP_NEURAL_OFF;
    if (strstr(context, "strangers") != NULL) w->unknown = 1;
    if (strstr(context, "own node_id") != NULL) {
        memcpy(w->v.node_id, w->e.node_id, 16);
        memset(w->e.node_id, 0xEE, 16);
    }
    pair_new(p, w);
    const int narrow_e = strstr(context, ", suites [1]") != NULL,
              narrow_v = strstr(context, "v_suites [1]") != NULL;
    if (narrow_e || narrow_v) {
        hkp_htp_endpoint **ep = narrow_e ? &p->e : &p->v;
        hkp_htp_endpoint_free(*ep);
        pair_options(p, &o, narrow_e);
        o.suites_allowed = o.suite_first = 1;
        CHECK_EQ(hkp_htp_endpoint_new(ep, &o, p->now), HKP_OK);
    }
    if (strncmp(context, "V listening", 11) == 0) return V_LISTENING;
    if (strncmp(context, "V half open", 11) == 0) {
        challenge_v(p);
        return V_HALF_OPEN;
    }
    start_e(p, !narrow_e);
    if (strncmp(context, "E after HELLO", 13) == 0) return E_AFTER_HELLO;
    attest_e(p);
    return E_AFTER_ATTEST;
}

/* The step that the good message makes, from a state that a drop left. */
static void genuine_works(struct pair *p, int state) {
    uint8_t d[1200];
    switch (state) {
    case V_LISTENING:
        challenge_v(p);
        break;
    case E_AFTER_HELLO:
        attest_e(p);
        break;
    case V_HALF_OPEN:
        at_time(p, "ts_accept");
        CHECK_EQ(pair_give(p, 0, good[2].ptr, good[2].len), HKP_OK);
        CHECK_EQ(pair_pull(p, 0, d), 512);
        CHECK_EQ(d[3], HKP_HTP__ACCEPT);
        break;
    default:
        at_time(p, "ts_accept");
        CHECK_EQ(pair_give(p, 1, good[3].ptr, good[3].len), HKP_OK);
        CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    }
}

/* The reason inside a REJECT to this HELLO or, from V half open, to the good one's ATTEST. */
static void check_reject(struct pair *p, int state, const uint8_t *hello, const char *reason) {
    static struct hkp_htp__edge_secret e;
    static struct hkp_htp__valid_secret v;
    struct hkp_htp__header header;
    uint8_t d[1200];
    uint16_t code = 99, retry = 0;
    CHECK_EQ(pair_pull(p, 0, d), HKP_HTP__REJECT_SIZE);
    if (state == V_LISTENING) {
        CHECK_EQ(hkp_htp__wire_check(hello, 1200, &header), HKP_OK);
        hkp_htp__hello_key(e.answer_key, hello);
        CHECK_EQ(hkp_htp__hello_open(&v, &p->w->v, &header, hello, e.answer_key), HKP_OK);
    } else
        v = p->v->door->halves[p->v->door->oldest].v;
    memcpy(e.answer_key, v.answer_key, 32);
    memcpy(e.reject_key, v.reject_key, 32);
    memcpy(e.reject_h, v.reject_h, 32);
    CHECK_EQ(hkp_htp__wire_check(d, HKP_HTP__REJECT_SIZE, &header), HKP_OK);
    CHECK_EQ(hkp_htp__reject_open(&e, &header, d, &code, &retry), HKP_OK);
    CHECK(strcmp(hkp_htp_reason_name(code), reason) == 0);
    CHECK(retry >= 5);
}

static void run_case(json_t *c) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    const char *context = vec_text(c, "context"), *result = vec_text(c, "result");
    const int state = enter(&p, &w, context), to_e = state == E_AFTER_HELLO || state == E_AFTER_ATTEST;
    const int answered = vec_find(c, "answer") != NULL;
    struct vec_bytes packet = vec_hex(c, "packet");
    char name[80];
    hkp_htp_endpoint *ep = to_e ? p.e : p.v;
    snprintf(name, sizeof name, "HKP_E_HTP_%s", answered && state == V_LISTENING ? "REJECTED" : result);
    hkp_status st = pair_give(&p, to_e, packet.ptr, packet.len);
    if (strcmp(result, "RETRY") == 0) {
        CHECK_EQ(st, HKP_OK);
        CHECK_EQ(pair_pull(&p, 0, d), HKP_HTP__RETRY_SIZE);
    } else {
        CHECK(strcmp(hkp_htp_status_name(st), name) == 0);
        if (strcmp(hkp_htp_status_name(st), name) != 0) printf("#   %s\n", hkp_htp_status_name(st));
        CHECK_EQ(pair_dropped(ep, st), 1);
        const int number = HKP_E_HTP_BASE - st, ends = number >= 16 && to_e;
        if (answered)
            check_reject(&p, state, packet.ptr, vec_text(c, state == V_LISTENING ? "result" : "code"));
        else
            CHECK_EQ(pair_pull(&p, to_e, d), 0);
        if (ends) {
            struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_FAILED);
            CHECK_EQ(ev.result, st);
            if (vec_find(c, "code") != NULL)
                CHECK(strcmp(hkp_htp_reason_name(ev.reason), vec_text(c, "code")) == 0);
        } else if (strchr(context, ',') == NULL && !(answered && state == V_HALF_OPEN))
            genuine_works(&p, state);
    }
    free(packet.ptr);
    pair_free(&p);
}

static void every_malformed_packet_has_its_result(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        int before = check_faults;
        run_case(c);
        CHECK_NOTE(before, "%s: %s", vec_text(c, "context"), vec_text(c, "name"));
    }
}

static void every_flipped_byte_is_dropped_and_the_true_message_works_after_it(void) {
    static const char *const contexts[] = {"V listening", "E after HELLO", "V half open", "E after ATTEST"};
    static struct world w;
    for (int m = 0; m < 4; m++) {
        struct pair p;
        uint8_t d[1200];
        const int state = enter(&p, &w, contexts[m]), to_e = m % 2;
        for (size_t at = 0; at < good[m].len; at++) {
            uint8_t bad[1200];
            memcpy(bad, good[m].ptr, good[m].len);
            bad[at] ^= (uint8_t)(1U << at % 8);
            hkp_status st = pair_give(&p, to_e, bad, good[m].len);
            if (st == HKP_OK || st <= HKP_E_HTP_INNER) printf("# message %d byte %zu\n", m, at);
            CHECK(st != HKP_OK && st > HKP_E_HTP_INNER);
            CHECK_EQ(pair_pull(&p, to_e, d), 0);
            if (m == 0) p.now += 2 * HKP_HTP__SEC; /* 32 a minute of one source need no cookie */
        }
        genuine_works(&p, state);
        pair_free(&p);
    }
}

int main(void) {
    if (sodium_init() < 0) return 1;
    load();
    CASE(every_malformed_packet_has_its_result);
    CASE(every_flipped_byte_is_dropped_and_the_true_message_works_after_it);
    return check_done();
}
