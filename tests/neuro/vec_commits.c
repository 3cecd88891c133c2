/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The commit events of nz1/replay.json on one validator, in order: lost CKACK, clones, rollback (NZ1 17). An
 * event that ends the instance is run on a validator of its own, which saw all events before it that did not.
 */
#include "libneuro/holder.h"
#include "neuro_support.h"

static struct profile p;
static uint64_t random_state = 1;

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&random_state);
    return 0;
}

/* A validator that starts with state 0 and is ACTIVE, in a session in mode R. */
static hkp_neuro_holder *validator(void) {
    struct hkp_neuro_options opt;
    hkp_neuro_holder *h = NULL;
    hkp_neuro_options_init(&opt, sizeof opt);
    opt.rng = (struct hkp_rng){NULL, fill};
    memcpy(opt.owner_id, p.node_id, 16);
    memcpy(opt.owner_public, p.device_public, 32);
    opt.policy_keys = p.policy_public;
    opt.n_policy_keys = 1;
    CHECK_EQ(hkp_neuro_holder_new(&h, &opt, 0), HKP_OK);
    struct hkp_neuro__replica zero = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
    hkp_neuro_state_enrol(zero.state, p.seed, p.node_id, p.h_ref);
    hkp_ter_cursor_init(&zero.cursor, p.node_id, p.device_public);
    struct hkp_neuro__view *view = &h->core.view;
    view->cur = hkp_neuro__commit_new(&h->core.opt.mem, HKP_NEURO_VARIANT_AUTO, &zero);
    view->prev = hkp_neuro_commit_ref(view->cur);
    view->state = HKP_NEURO_INSTANCE_ACTIVE;
    hkp_neuro_state_free(zero.state);
    hkp_neuro__holder_resync(h);
    const struct hkp_neuro_session s = {.up = 1, .mode_r = 1};
    hkp_neuro_holder_session(h, 0, &s);
    return h;
}

/* TERs from index base as a LOG message; each h continues the one before. */
static hkp_status send_log(hkp_neuro_holder *h, json_t *file, uint64_t base, json_t *ters) {
    static uint8_t msg[4096];
    uint8_t chain[32], body[96];
    size_t len = 12, i;
    struct hkp_ter_cursor start;
    json_t *o;
    if (json_array_size(ters) == 0) return HKP_OK;
    hkp_ter_cursor_init(&start, p.node_id, p.device_public);
    memcpy(chain, start.h, 32);
    for (i = 0; i < base; i++) {
        struct vec_bytes ter = vec_value_hex(json_array_get(vec_get(file, "ters"), i));
        hkp_ter_chain_step(chain, ter.ptr, chain);
        free(ter.ptr);
    }
    json_array_foreach(ters, i, o) {
        struct vec_bytes ter = vec_value_hex(o);
        size_t size = 0;
        memcpy(body, ter.ptr, 64);
        hkp_ter_chain_step(chain, ter.ptr, chain);
        memcpy(body + 64, chain, 32);
        CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TER, body, 96, msg + len, sizeof msg - len, &size),
                 HKP_OK);
        len += size;
        free(ter.ptr);
    }
    hkp_neuro__msg_head(msg, HKP_NEURO_MSG_LOG, (uint32_t)json_array_size(ters));
    hkp_put_le64(msg + 4, base);
    return hkp_neuro_holder_recv(h, 1, UINT64_C(1) << 62, HKP_NEURO_CLASS_TER, msg, len);
}

static hkp_status send_propose(hkp_neuro_holder *h, json_t *event) {
    struct vec_bytes msg = vec_hex(event, "message");
    CHECK_EQ(msg.len, 116);
    const hkp_status st =
        hkp_neuro_holder_recv(h, 1, UINT64_C(1) << 62, HKP_NEURO_CLASS_COMMIT, msg.ptr, msg.len);
    free(msg.ptr);
    return st;
}

/* Stores what is to be stored; the last message of a type that left, its index in *n; 0: none. */
static uint32_t settle(hkp_neuro_holder *h, uint64_t *n, uint8_t ack[32]) {
    static uint8_t bytes[HKP_NEURO_SEND_MAX];
    uint32_t type = 0, stream_class = 0;
    struct hkp_neuro_event e;
    do {
        CHECK_EQ(hkp_neuro_holder_event(h, &e), HKP_OK);
        if (e.kind == HKP_NEURO_EVENT_STORE) CHECK_EQ(hkp_neuro_holder_stored(h, 1, e.ticket), HKP_OK);
    } while (e.kind != HKP_NEURO_EVENT_NONE);
    for (size_t len = 1; len > 0;) {
        CHECK_EQ(hkp_neuro_holder_send(h, 1, &stream_class, bytes, sizeof bytes, &len), HKP_OK);
        if (len == 0) break;
        type = bytes[0];
        *n = hkp_le64(bytes + 4);
        if (type == HKP_NEURO_MSG_CKACK) memcpy(ack, bytes + 12, 32);
    }
    return type;
}

static void check_action(hkp_neuro_holder *h, json_t *file, json_t *event) {
    const char *action = vec_text(event, "action");
    const int before = check_faults, commit = strcmp(action, "COMMIT") == 0;
    uint64_t n = 0;
    uint8_t ack[32] = {0}, want[32];
    (void)!send_log(h, file, vec_u64(event, "base"), vec_get(event, "ters"));
    if (h->core.view.state == HKP_NEURO_INSTANCE_ACTIVE) CHECK_EQ(send_propose(h, event), HKP_OK);
    const uint32_t answer = settle(h, &n, ack);
    if (strcmp(action, "ASK") == 0) CHECK_EQ(answer, HKP_NEURO_MSG_WANT);
    if (commit || strcmp(action, "REACK") == 0) {
        CHECK_EQ(answer, HKP_NEURO_MSG_CKACK);
        CHECK_EQ(n, vec_i64(event, "V_cur"));
    }
    if (n == 12 && commit) {
        vec_hex_into(file, "ack_12", want, 32);
        CHECK_MEM(ack, want, 32);
    }
    const int ends = strcmp(action, "FORK") == 0 || strcmp(action, "LOST") == 0;
    CHECK_EQ(h->core.view.state, ends ? HKP_NEURO_INSTANCE_LOST : HKP_NEURO_INSTANCE_ACTIVE);
    if (!ends) {
        CHECK_EQ(h->core.view.cur->index, vec_i64(event, "V_cur"));
        if (vec_find(event, "V_prev") != NULL) CHECK_EQ(h->core.view.prev->index, vec_i64(event, "V_prev"));
    }
    CHECK_NOTE(before, "%s", vec_text(event, "name"));
}

static int ends(json_t *event) {
    const char *action = vec_text(event, "action");
    return strcmp(action, "FORK") == 0 || strcmp(action, "LOST") == 0;
}

static void commits_on_one_validator(void) {
    json_t *file = vec_load("nz1/replay.json"), *events = vec_get(file, "commits"), *o;
    size_t k;
    json_array_foreach(events, k, o) {
        hkp_neuro_holder *h = validator();
        for (size_t i = 0; i < k; i++)
            if (!ends(json_array_get(events, i))) check_action(h, file, json_array_get(events, i));
        check_action(h, file, o);
        hkp_neuro_holder_free(h);
    }
}

/* Each of the two ways in which a fork shows is enough: the TERs alone, the proposal of equal length alone.
 */
static void either_sign_of_a_fork_is_enough(void) {
    json_t *file = vec_load("nz1/replay.json"), *events = vec_get(file, "commits"), *o;
    size_t k, forks = 0;
    json_array_foreach(events, k, o) {
        if (strcmp(vec_text(o, "action"), "FORK") != 0) continue;
        forks++;
        for (int by_log = 0; by_log < 2; by_log++) {
            hkp_neuro_holder *h = validator();
            for (size_t i = 0; i < k; i++)
                if (!ends(json_array_get(events, i))) check_action(h, file, json_array_get(events, i));
            if (by_log)
                CHECK_EQ(send_log(h, file, vec_u64(o, "base"), vec_get(o, "ters")),
                         HKP_E_NEURO_REPLAY_HCHAIN);
            else
                CHECK_EQ(send_propose(h, o), HKP_OK);
            const int seen = by_log || vec_u64(o, "n") == vec_u64(o, "V_cur");
            CHECK_EQ(h->core.view.state, seen ? HKP_NEURO_INSTANCE_LOST : HKP_NEURO_INSTANCE_ACTIVE);
            hkp_neuro_holder_free(h);
        }
    }
    CHECK(forks > 0);
}

int main(void) {
    p = profile_of(vec_load("nz1/replay.json"));
    CASE(commits_on_one_validator);
    CASE(either_sign_of_a_fork_is_enough);
    return check_done();
}
