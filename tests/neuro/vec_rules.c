/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* NZ1 11, 16, 17, 22 and SYN-2.4 against tests/vectors: replay, trust, enrol, lanes. */
#include "libneuro/replay.h"
#include "libter/options.h"
#include "neuro_support.h"

/* ---- trust.json ---- */

static void components(void) {
    json_t *file = vec_load("nz1/trust.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "A"), i, o)
        CHECK_EQ(hkp_neuro_trust_a(vec_bool(o, "failed"), vec_bool(o, "quote_ok"), vec_u64(o, "age_s")),
                 vec_i64(o, "A"));
    json_array_foreach(vec_get(file, "R"), i, o)
        CHECK_EQ(hkp_neuro_trust_r((uint32_t)vec_u64(o, "state"), vec_bool(o, "equal_proof"),
                                   (uint32_t)vec_u64(o, "ppm")),
                 vec_i64(o, "R"));
    json_array_foreach(vec_get(file, "C"), i, o)
        CHECK_EQ(hkp_neuro_trust_c((uint32_t)vec_u64(o, "received"), (uint32_t)vec_u64(o, "expected")),
                 vec_i64(o, "C"));
    json_array_foreach(vec_get(file, "L"), i, o)
        CHECK_EQ(hkp_neuro_trust_l((uint32_t)vec_u64(o, "ok"), (uint32_t)vec_u64(o, "total"),
                                   vec_bool(o, "clock_fail"), vec_bool(o, "jitter_high")),
                 vec_i64(o, "L"));
    json_array_foreach(vec_get(file, "N"), i, o) {
        const struct hkp_neuro_novelty n = {vec_u64(o, "E"), vec_u64(o, "m"), vec_u64(o, "L")};
        CHECK_EQ(hkp_neuro_trust_n(&n), vec_i64(o, "N"));
    }
    struct hkp_neuro_novelty mean = {0};
    json_array_foreach(vec_get(file, "E"), i, o) {
        hkp_neuro_novelty_update(&mean, vec_u64(o, "L"), 1);
        CHECK_EQ(mean.mean, vec_i64(o, "E"));
        CHECK_EQ(mean.count, vec_i64(o, "m"));
        const struct hkp_neuro_novelty before = mean;
        hkp_neuro_novelty_update(&mean, 1, 0); /* a differing integrity does not move it */
        CHECK(mean.mean == before.mean && mean.count == before.count && mean.newest == 1);
    }
}

static uint32_t why_of(json_t *names) {
    static const struct {
        const char *name;
        uint32_t bit;
    } map[] = {{"contradiction", HKP_NEURO_WHY_CONTRADICTION},
               {"fork", HKP_NEURO_WHY_FORK},
               {"mode_n", HKP_NEURO_WHY_MODE_N},
               {"gap", HKP_NEURO_WHY_GAP},
               {"stale_instance", HKP_NEURO_WHY_STALE_INSTANCE},
               {"far_future", HKP_NEURO_WHY_FAR_FUTURE},
               {"integrity", HKP_NEURO_WHY_INTEGRITY},
               {"no_replica", HKP_NEURO_WHY_NO_REPLICA},
               {"stale", HKP_NEURO_WHY_STALE},
               {"future", HKP_NEURO_WHY_FUTURE},
               {"catchup", HKP_NEURO_WHY_CATCHUP},
               {"no_tpm", HKP_NEURO_WHY_NO_TPM}};
    uint32_t why = 0;
    json_t *o;
    size_t i;
    json_array_foreach(names, i, o) {
        uint32_t bit = 0;
        for (size_t k = 0; k < sizeof map / sizeof map[0]; k++)
            if (strcmp(map[k].name, json_string_value(o)) == 0) bit = map[k].bit;
        CHECK(bit != 0);
        why |= bit;
    }
    return why;
}

static struct hkp_neuro_trust_inputs inputs_of(json_t *o) {
    return (struct hkp_neuro_trust_inputs){.a = (uint32_t)vec_u64(o, "A"),
                                           .r = vec_find(o, "R") != NULL ? (uint32_t)vec_u64(o, "R") : 0,
                                           .i = (uint32_t)vec_u64(o, "I"),
                                           .c = (uint32_t)vec_u64(o, "C"),
                                           .n = (uint32_t)vec_u64(o, "N"),
                                           .l = (uint32_t)vec_u64(o, "L")};
}

static void trust_and_its_caps(void) {
    json_t *file = vec_load("nz1/trust.json"), *o, *cap;
    const char *name;
    size_t i;
    json_array_foreach(vec_get(file, "T"), i, o) {
        struct hkp_neuro_trust_inputs in = inputs_of(o);
        struct hkp_neuro_trust t = {.t = (uint32_t)vec_u64(o, "T")};
        in.why = why_of(vec_get(o, "caps"));
        in.good_heartbeat = (uint32_t)vec_bool(o, "good_heartbeat");
        hkp_neuro_trust_update(&t, &in);
        CHECK_EQ(t.t_raw, vec_i64(o, "raw"));
        CHECK_EQ(t.t_new, vec_i64(o, "new"));
        CHECK_EQ(t.t, vec_i64(o, "T_after"));
        CHECK((t.why & in.why) == in.why);
    }
    json_object_foreach(vec_get(file, "caps"), name, cap) {
        json_t *one = json_pack("[s]", name);
        struct hkp_neuro_trust_inputs in = {65536, 65536, 65536, 65536, 65536, 65536, why_of(one), 1, 0, 0};
        struct hkp_neuro_trust t = {.t = 65536};
        hkp_neuro_trust_update(&t, &in);
        CHECK_EQ(t.t_new, vec_value_i64(cap));
        CHECK(hkp_neuro_why_text(in.why)[0] != 0);
        json_decref(one);
    }
    json_array_foreach(vec_get(file, "neural_off"), i, o) {
        struct hkp_neuro_trust_inputs in = inputs_of(o);
        struct hkp_neuro_trust t = {.t = 65536};
        in.why = why_of(vec_get(o, "conditions"));
        in.neural_off = 1;
        in.sends_ters = (uint32_t)vec_bool(o, "sends_ters");
        hkp_neuro_trust_update(&t, &in);
        CHECK_EQ(t.t_raw, vec_i64(o, "raw"));
        CHECK_EQ(t.t_new, vec_i64(o, "new"));
        CHECK_EQ(t.why & 0xFFFU, why_of(vec_get(o, "caps")));
    }
}

/* All heartbeats came, only their round trips vary: the reason says so, too. */
static void an_unsteady_link_is_named(void) {
    struct hkp_neuro_trust_inputs in = {65536, 65536, 65536, 65536, 65536, 65536, 0, 1, 0, 0};
    struct hkp_neuro_trust t = {.t = 65536};
    hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.why, 0);
    in.l = hkp_neuro_trust_l(16, 16, 0, 1);
    hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(t.why, HKP_NEURO_WHY_LINK);
    CHECK(strcmp(hkp_neuro_why_text(t.why), "heartbeats missed or unsteady") == 0);
}

static void start_rights_and_quarantine(void) {
    json_t *file = vec_load("nz1/trust.json"), *o, *e;
    static const char *const rights[] = {"close", "TER, COMMIT, policy reads, certificates, remediation",
                                         "no writes, no ENDORSE", "full"};
    size_t i, k;
    json_array_foreach(vec_get(file, "start"), i, o)
        CHECK_EQ(hkp_neuro_trust_start((uint32_t)vec_u64(o, "T_stored"), vec_bool(o, "quarantined"),
                                       (uint32_t)vec_u64(o, "T_new")),
                 vec_i64(o, "T"));
    json_array_foreach(vec_get(file, "permille"), i, o)
        CHECK_EQ(hkp_neuro_trust_permille((uint32_t)vec_u64(o, "T")), vec_i64(o, "permille"));
    json_array_foreach(vec_get(file, "permitted"), i, o) CHECK(
        strcmp(rights[hkp_neuro_trust_permitted((uint32_t)vec_u64(o, "T"))], vec_text(o, "permitted")) == 0);
    json_array_foreach(vec_get(file, "quarantine"), i, o) {
        struct hkp_neuro_quarantine q = {0};
        json_array_foreach(vec_get(o, "events"), k, e)
            hkp_neuro_quarantine_note(&q, strcmp(vec_text(e, "event"), "fork") == 0, vec_u64(e, "t_s"));
        CHECK_EQ(q.quarantined, vec_bool(o, "quarantined"));
    }
}

/* ---- replay.json ---- */

static struct hkp_neuro__replica replica_0(const struct profile *p) {
    struct hkp_neuro__replica r = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
    hkp_neuro_state_enrol(r.state, p->seed, p->node_id, p->h_ref);
    hkp_ter_cursor_init(&r.cursor, p->node_id, p->device_public);
    return r;
}

static void replay_verdicts(void) {
    json_t *file = vec_load("nz1/replay.json"), *o;
    const struct profile p = profile_of(file);
    const struct hkp_neuro__policy policy = {p.policy_public, 1, p.node_id};
    size_t i;
    json_array_foreach(vec_get(file, "replay"), i, o) {
        const int before = check_faults;
        struct hkp_neuro__replica r = replica_0(&p);
        static struct vec_bytes bytes[64];
        struct hkp_neuro__item items[64];
        json_t *list = vec_get(o, "items");
        const int all = json_is_string(list);
        if (all) list = vec_get(file, "ters");
        const size_t n = json_array_size(list);
        for (size_t k = 0; k < n; k++) {
            json_t *item = json_array_get(list, k);
            const int rebase = !all && vec_find(item, "rba") != NULL;
            bytes[k] = all ? vec_value_hex(item) : vec_hex(item, rebase ? "rba" : "ter");
            items[k] = (struct hkp_neuro__item){rebase ? HKP_TER_LOG_REBASE : HKP_TER_LOG_TER, bytes[k].ptr,
                                                bytes[k].len, rebase ? vec_u64(item, "rebase_index") : 0};
        }
        uint8_t h_n[32], proof[32];
        vec_hex_into(o, "h_n", h_n, 32);
        vec_hex_into(o, "proof", proof, 32);
        const struct hkp_neuro__claim claim = {vec_u64(o, "base"), vec_u64(o, "n"), h_n, proof, NULL};
        size_t position = 99;
        uint32_t sub = 99;
        const uint64_t code = vec_u64(o, "code");
        CHECK_EQ(hkp_neuro__replay(&r, items, n, &claim, &policy, &position, &sub),
                 code == 0 ? HKP_OK : HKP_E_NEURO_BASE - (int64_t)code);
        CHECK_EQ(position, vec_i64(o, "position"));
        CHECK_EQ(sub, vec_i64(o, "sub_code"));
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
        for (size_t k = 0; k < n; k++) free(bytes[k].ptr);
        hkp_neuro_state_free(r.state);
    }
}

static void rebase_and_its_refusals(void) {
    json_t *file = vec_load("nz1/replay.json"), *o, *at8 = vec_get(file, "rebase_at_8");
    const struct profile p = profile_of(file);
    size_t i;
    json_array_foreach(vec_get(file, "rebase"), i, o) {
        hkp_neuro_state *s = state_v(&p, 8, NULL);
        struct vec_bytes rba = vec_hex(o, "rba");
        uint8_t key[32], c[64];
        const uint64_t code = vec_u64(o, "code");
        struct vec_bytes k = vec_value_hex(json_array_get(vec_get(o, "keys"), 0));
        memcpy(key, k.ptr, 32);
        free(k.ptr);
        CHECK_EQ(hkp_neuro_state_rebase(s, p.node_id, rba.ptr, rba.len, key, 1),
                 code == 0 ? HKP_OK : HKP_E_NEURO_BASE - (int64_t)code);
        vec_hex_into(o, "c_after", c, 64);
        CHECK_MEM(s->c, c, 64);
        if (i == 0) {
            uint8_t h_ref[20];
            check_f(s, at8, "F_after");
            vec_hex_into(at8, "h_ref", h_ref, 20);
            CHECK_MEM(s->h_ref, h_ref, 20);
            CHECK_EQ(s->policy_ver, vec_i64(at8, "policy_ver"));
        }
        /* one that we make is one that we take, byte for byte */
        struct hkp_neuro_rba fields;
        uint8_t made[192], public_key[32], secret[64];
        crypto_sign_seed_keypair(public_key, secret, p.policy_seed);
        if (hkp_neuro_rba_check(&fields, rba.ptr, rba.len, p.node_id, key, 1) == HKP_OK) {
            hkp_neuro_rba_sign(&fields, secret, made);
            CHECK_MEM(made, rba.ptr, 192);
        }
        free(rba.ptr);
        hkp_neuro_state_free(s);
    }
}

/* ---- enrol.json ---- */

static void seeds_of_instances(void) {
    json_t *file = vec_load("nz1/enrol.json"), *o;
    uint8_t chain[32];
    size_t i;
    vec_hex_into(file, "chain_id", chain, 32);
    json_array_foreach(vec_get(file, "seeds"), i, o) {
        uint8_t x[16], y[16], mesh[32], ctx[72], want_ctx[72], exported[32], seed[32], want[32];
        vec_hex_into(o, "prover", x, 16);
        vec_hex_into(o, "holder", y, 16);
        vec_hex_into(o, "mesh_seed", mesh, 32);
        vec_hex_into(o, "ctx", want_ctx, 72);
        vec_hex_into(o, "exported", exported, 32);
        vec_hex_into(o, "seed", want, 32);
        hkp_neuro_enrol_ctx(chain, x, y, (uint32_t)vec_u64(o, "gen_prover"),
                            (uint32_t)vec_u64(o, "gen_holder"), ctx);
        CHECK_MEM(ctx, want_ctx, 72);
        hkp_neuro_enrol_seed(mesh, ctx, exported, seed);
        CHECK_MEM(seed, want, 32);
    }
}

static uint32_t state_named(const char *name) {
    static const char *const names[] = {"none", "PENDING", "ACTIVE", "STALE", "LOST"};
    for (uint32_t i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0) return i;
    CHECK(0 && "a state");
    return 99;
}

static struct vec_bytes patched(json_t *file, json_t *o) {
    struct vec_bytes body = vec_hex(file, "body");
    uint8_t *room = (uint8_t *)malloc(body.len + 64);
    json_t *patch;
    size_t i;
    memcpy(room, body.ptr, body.len);
    free(body.ptr);
    body.ptr = room;
    json_array_foreach(vec_find(o, "patch"), i, patch) {
        struct vec_bytes b = vec_value_hex(json_array_get(patch, 1));
        memcpy(room + vec_value_u64(json_array_get(patch, 0)), b.ptr, b.len);
        free(b.ptr);
    }
    if (vec_find(o, "cut") != NULL) body.len = (size_t)vec_u64(o, "cut");
    if (vec_find(o, "append") != NULL) {
        struct vec_bytes b = vec_hex(o, "append");
        memcpy(room + body.len, b.ptr, b.len);
        body.len += b.len;
        free(b.ptr);
    }
    return body;
}

static hkp_status status_of(uint64_t code) {
    if (code == 0) return HKP_OK;
    return (hkp_status)((code >= 60 ? HKP_E_NEURO_BASE : HKP_E_TER_BASE) - (int64_t)code);
}

static void enrol_checks_in_order(void) {
    json_t *file = vec_load("nz1/enrol.json"), *o;
    const struct profile p = profile_of(file);
    size_t i;
    json_array_foreach(vec_get(file, "checks"), i, o) {
        const int before = check_faults;
        struct vec_bytes body = patched(file, o), held = vec_hex(o, "held_tck");
        json_t *gens = vec_find(o, "gens_in_certificates"), *recorded = vec_get(o, "recorded");
        struct hkp_neuro_enrol_facts f = {.held_tck = held.len > 0 ? held.ptr : NULL,
                                          .keys = p.policy_public,
                                          .n_keys = 1,
                                          .allowed = (uint32_t)vec_bool(o, "instance_by_22_2"),
                                          .certificates = gens != NULL,
                                          .state = state_named(vec_text(o, "state")),
                                          .policy_ver = (uint32_t)vec_u64(o, "policy_asks")};
        vec_hex_into(file, "chain_id", f.chain_id, 32);
        vec_hex_into(o, "peer", f.peer_id, 16);
        vec_hex_into(file, "Y", f.own_id, 16);
        memcpy(f.device_public, p.device_public, 32);
        if (gens != NULL) {
            f.gen_owner = (uint32_t)vec_value_u64(json_array_get(gens, 0));
            f.gen_holder = (uint32_t)vec_value_u64(json_array_get(gens, 1));
        }
        f.recorded_owner = (uint32_t)vec_value_u64(json_array_get(recorded, 0));
        f.recorded_holder = (uint32_t)vec_value_u64(json_array_get(recorded, 1));
        int32_t fork = 9;
        CHECK_EQ(hkp_neuro_enrol_check(body.ptr, body.len, &f, &fork), status_of(vec_u64(o, "code")));
        CHECK_EQ(fork, vec_bool(o, "proof_of_fork"));
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
        free(body.ptr);
        free(held.ptr);
    }
}

static void mode_n_and_the_state_machine(void) {
    static const char *const moves[] = {"enrol", "handshake", "gap", "contradiction"};
    json_t *file = vec_load("nz1/enrol.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "mode_n"), i, o) {
        const uint32_t re = (uint32_t)vec_u64(o, "recorded_E"), rv = (uint32_t)vec_u64(o, "recorded_V");
        CHECK_EQ(hkp_neuro_mode_n_permitted(state_named(vec_text(o, "EV")), re, rv,
                                            state_named(vec_text(o, "VE")), re, rv,
                                            (uint32_t)vec_u64(o, "gen_E"), (uint32_t)vec_u64(o, "gen_V")),
                 vec_bool(o, "permitted"));
    }
    json_array_foreach(vec_get(file, "states"), i, o) {
        uint32_t move = 0;
        while (move < 4 && strcmp(moves[move], vec_text(o, "event")) != 0) move++;
        CHECK_EQ(hkp_neuro_instance_next(state_named(vec_text(o, "state")), move),
                 state_named(vec_text(o, "next")));
    }
}

/* posf_E is over the message of posf.json that has the nonce 01 .. 08. */
static void message_of_posf(uint8_t hash[32], uint8_t nonce[8]) {
    json_t *file = vec_load("nz1/posf.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "posf"), i, o) {
        if (strcmp(vec_text(o, "nonce"), "0102030405060708") != 0) continue;
        vec_hex_into(o, "msg_hash", hash, 32);
        vec_hex_into(o, "nonce", nonce, 8);
        return;
    }
    CHECK(0 && "such a message");
}

/* ENROL, its answer, PROPOSE and CKACK, keys and proofs at index 8, byte for byte. */
static void enrolment_to_first_commit(void) {
    json_t *file = vec_load("nz1/enrol.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "enrol"), i, o) {
        struct hkp_neuro__replica r = {.state = state_make(HKP_NEURO_VARIANT_AUTO)};
        struct vec_bytes msg = vec_hex(o, "message"), answer = vec_hex(o, "answer");
        json_t *at8 = vec_get(o, "index_8"), *ters = vec_get(file, "ters");
        const uint8_t *body = msg.ptr + 4;
        uint8_t seed[32], want[64], tag[32], got[112], hash[32], nonce[8];
        uint32_t sub;
        vec_hex_into(o, "seed", seed, 32);
        hkp_neuro__enrol_replica(&r, body, seed);
        CHECK_EQ(r.cursor.index, vec_i64(o, "i0"));
        vec_hex_into(o, "c", want, 64);
        CHECK_MEM(r.state->c, want, 64);
        check_f(r.state, o, "F");
        struct hkp_mem mem = {0, hkp_mem_malloc, hkp_mem_release};
        hkp_neuro_commit *base = hkp_neuro__commit_new(&mem, HKP_NEURO_VARIANT_AUTO, &r);
        vec_hex_into(o, "psk", want, 32);
        hkp_neuro_commit_psk(base, tag);
        CHECK_MEM(tag, want, 32);
        hkp_neuro__enrol_tag(base, body, tag);
        CHECK_EQ(hkp_le64(answer.ptr + 4), vec_i64(o, "i0"));
        CHECK_MEM(tag, answer.ptr + 12, 32);
        for (uint64_t n = r.cursor.index; n < 8; n++) {
            struct vec_bytes ter = vec_value_hex(json_array_get(ters, n));
            CHECK_EQ(hkp_neuro__replica_ter(&r, ter.ptr, ter.len, &sub), HKP_OK);
            free(ter.ptr);
        }
        CHECK_EQ(r.state->step, vec_i64(at8, "step"));
        check_f(r.state, at8, "F");
        struct vec_bytes propose = vec_hex(at8, "propose"), ckack = vec_hex(at8, "ckack");
        hkp_neuro__propose_write(&r, base, got);
        CHECK_EQ(propose.len, 116);
        CHECK_MEM(got, propose.ptr + 4, 112);
        hkp_neuro_commit *next = hkp_neuro__commit_new(&mem, HKP_NEURO_VARIANT_AUTO, &r);
        hkp_neuro__ack(next->state, next->f_secret, 8, tag);
        CHECK_MEM(tag, ckack.ptr + 12, 32);
        vec_hex_into(at8, "psk", want, 32);
        hkp_neuro_commit_psk(next, tag);
        CHECK_MEM(tag, want, 32);
        vec_hex_into(at8, "posf_E", want, 32);
        message_of_posf(hash, nonce);
        hkp_neuro_commit_posf(next, HKP_NEURO_ROLE_E, hash, nonce, tag);
        CHECK_MEM(tag, want, 32);
        free(msg.ptr), free(answer.ptr), free(propose.ptr), free(ckack.ptr);
        hkp_neuro_commit_unref(base);
        hkp_neuro_commit_unref(next);
        hkp_neuro_state_free(r.state);
    }
}

/* ---- lanes.json ---- */

static void framing_of_messages(void) {
    json_t *file = vec_load("synapse/lanes.json"), *o;
    size_t i;
    json_array_foreach(vec_get(file, "cases"), i, o) {
        struct vec_bytes msg = vec_hex(o, "message");
        const char *expect = vec_text(o, "expect");
        char name[64];
        uint32_t type = 0;
        const int before = check_faults;
        hkp_status st = hkp_neuro_msg_check((uint32_t)vec_u64(o, "class"), msg.ptr, msg.len, &type);
        /* SYN_E_LENGTH is HKP_E_NEURO_SYN_LENGTH */
        if (strcmp(expect, "ok") == 0)
            CHECK_EQ(st, HKP_OK);
        else {
            snprintf(name, sizeof name, "E_NEURO_SYN_%s", expect + 6);
            CHECK(strcmp(hkp_neuro_status_name(st), name) == 0);
        }
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
        free(msg.ptr);
    }
}

int main(void) {
    CASE(components);
    CASE(trust_and_its_caps);
    CASE(an_unsteady_link_is_named);
    CASE(start_rights_and_quarantine);
    CASE(replay_verdicts);
    CASE(rebase_and_its_refusals);
    CASE(seeds_of_instances);
    CASE(enrol_checks_in_order);
    CASE(mode_n_and_the_state_machine);
    CASE(enrolment_to_first_commit);
    CASE(framing_of_messages);
    return check_done();
}
