/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * An operator changes what a running node measures and against what (NZ1 2.4, 11; decision 0520): four
 * members with real files, sockets and TERs, a policy that is handed over by the control socket. Each case
 * goes on where the one before ended.
 */
#include "runner_world.h"

#include <hookprobe/neuro.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { X = 2, MANIFEST_CAP = 4096 };

static uint8_t policy_secret[64], other_secret[64];

/* ---- Tools ---- */

static const char *path_in(const char *dir, const char *name) {
    static char path[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", dir, name);
    return path[at];
}

static size_t read_in(const char *dir, const char *name, uint8_t *dst, size_t cap) {
    size_t len = 0;
    return hkp_ter_file_read(path_in(dir, name), 0, dst, cap, &len) == HKP_OK ? len : 0;
}

static void write_in(const char *dir, const char *name, const uint8_t *bytes, size_t len) {
    CHECK_EQ(hkp_ter_file_write(path_in(dir, name), bytes, len), HKP_OK);
}

static int exists(const char *dir, const char *name) { return access(path_in(dir, name), F_OK) == 0; }

/* The answer to a request of member X, while all members run. */
static json_t *ask(json_t *request) {
    static char answer[1 << 20];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char *text = json_dumps(request, JSON_COMPACT);
    size_t len = 0;
    json_decref(request);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", mesh[X].dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    CHECK_EQ(write(fd, "\n", 1), 1);
    free(text);
    uint64_t end = now_ms() + 30000;
    while (now_ms() < end && memchr(answer, '\n', len) == NULL) {
        step();
        ssize_t n = recv(fd, answer + len, sizeof answer - len, MSG_DONTWAIT);
        if (n > 0) len += (size_t)n;
    }
    close(fd);
    json_t *o = json_loadb(answer, len, 0, NULL);
    CHECK(o != NULL);
    return o;
}

/* ---- An operator's desk ---- */

struct policy {
    uint32_t manifest_ver, rebase_ver;
    const uint8_t *manifest_key, *rebase_key;
    const uint8_t *manifest_node, *rebase_node;
    int expired, other_root;
    uint32_t also;
};

static struct policy policy_of(uint32_t ver) {
    return (struct policy){.manifest_ver = ver,
                           .rebase_ver = ver,
                           .manifest_key = policy_secret,
                           .rebase_key = policy_secret,
                           .manifest_node = nodes[X].node_id,
                           .rebase_node = nodes[X].node_id};
}

/* What this machine is by a manifest. */
static void root_of(const uint8_t *bytes, size_t len, const struct policy *p, uint8_t r[32]) {
    struct hkp_ter_manifest m;
    struct hkp_ter_measure_options mo;
    hkp_ter_measure *measure = NULL;
    uint8_t h[20];
    CHECK_EQ(hkp_ter_manifest_check(&m, bytes, len, p->manifest_node, p->manifest_key + 32, 1, NULL), HKP_OK);
    hkp_ter_measure_options_init(&mo, sizeof mo);
    mo.manifest = &m;
    CHECK_EQ(hkp_ter_measure_new(&measure, &mo, 0), HKP_OK);
    CHECK_EQ(hkp_ter_measure_run(measure, 0, r, h), HKP_OK);
    hkp_ter_measure_free(measure);
}

/* Writes root/m and root/r. */
static void sign(const struct policy *p) {
    uint8_t bytes[MANIFEST_CAP], rba[192];
    struct hkp_ter_item items[3];
    struct hkp_ter_manifest_spec spec = {.items = items, .policy_ver = p->manifest_ver};
    struct hkp_neuro_rba fields = {.policy_ver = p->rebase_ver};
    size_t len = 0;
    memset(items, 0, sizeof items);
    items[0].path = (const uint8_t *)mesh[X].measured;
    items[0].kind = HKP_TER_KIND_FILE;
    items[1].path = (const uint8_t *)"/tmp/hkp-zz-is-not-here";
    items[1].kind = HKP_TER_KIND_FILE;
    items[1 + p->also].path = (const uint8_t *)"@manifest";
    items[1 + p->also].kind = HKP_TER_KIND_PSEUDO;
    spec.n_items = 2 + p->also;
    for (uint32_t i = 0; i < spec.n_items; i++)
        items[i].path_len = (uint32_t)strlen((const char *)items[i].path);
    memcpy(spec.node_id, p->manifest_node, 16);
    CHECK_EQ(hkp_ter_manifest_build(&spec, p->manifest_key, bytes, sizeof bytes, &len), HKP_OK);
    root_of(bytes, len, p, fields.root);
    fields.root[0] ^= (uint8_t)p->other_root;
    memcpy(fields.node_id, p->rebase_node, 16);
    fields.not_after_us = p->expired ? hkp_mesh__wall() - 60000000 : hkp_mesh__wall() + 3600000000U;
    hkp_neuro_rba_sign(&fields, p->rebase_key, rba);
    write_in(root, "m", bytes, len);
    write_in(root, "r", rba, sizeof rba);
}

static json_t *apply(void) {
    return ask(json_pack("{s:s,s:s,s:s}", "op", "policy_apply", "manifest", path_in(root, "m"), "rebase",
                         path_in(root, "r")));
}

/* Refused, the text names what is wrong, and all is as it was. */
static void refused(const char *word) {
    uint8_t before[2][MANIFEST_CAP], after[2][MANIFEST_CAP];
    size_t n = read_in(mesh[X].dir, "manifest", before[0], MANIFEST_CAP);
    size_t k = read_in(mesh[X].dir, "rebase", before[1], MANIFEST_CAP);
    uint32_t ver = mesh[X].runner->policy.ver;
    json_t *o = apply();
    const char *why = json_string_value(json_object_get(o, "error"));
    CHECK(json_is_false(json_object_get(o, "ok")));
    CHECK(why != NULL && strstr(why, word) != NULL);
    if (why == NULL || strstr(why, word) == NULL) printf("# %s, wanted: %s\n", why != NULL ? why : "-", word);
    json_decref(o);
    CHECK_EQ(read_in(mesh[X].dir, "manifest", after[0], MANIFEST_CAP), n);
    CHECK_EQ(read_in(mesh[X].dir, "rebase", after[1], MANIFEST_CAP), k);
    CHECK_EQ(memcmp(before[0], after[0], n) | memcmp(before[1], after[1], k), 0);
    CHECK_EQ(exists(mesh[X].dir, "manifest.next"), 0);
    CHECK_EQ(mesh[X].runner->policy.ver, ver);
    CHECK(mesh[X].runner->policy.measure == NULL);
}

/* ---- Cases, in order ---- */

static int all_active(void) {
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            if (k == i) continue;
            struct hkp_mesh_peer_status p = peer(i, k);
            if (!p.up || !p.mode || p.own_state != 2 || p.held_state != 2) return 0;
        }
    return 1;
}

static int reference_is_seen(void) {
    for (int i = 0; i < N; i++)
        if (i != X && (peer(i, X).integrity != 1 || strstr(peer(i, X).reason, "integrity") != NULL)) return 0;
    return 1;
}

static int mismatch_is_seen(void) {
    for (int i = 0; i < N; i++)
        if (i != X && (peer(i, X).integrity != 0 || strstr(peer(i, X).reason, "integrity") == NULL)) return 0;
    return 1;
}

static int reference_holds(void) { return all_active() && reference_is_seen(); }

static int two_more_commits(void) {
    static uint64_t first[N];
    for (int i = 0; i < N; i++)
        if (i != X && first[i] == 0) first[i] = peer(i, X).held_commit;
    for (int i = 0; i < N; i++)
        if (i != X && peer(i, X).held_commit < first[i] + 16) return 0;
    return 1;
}

static int fifth_holds(void) { return mesh[X].runner->policy.ver == 5 && reference_holds(); }

static int nobody_is_lost(void) {
    for (int i = 0; i < N; i++)
        if (strstr(mesh[i].log, "LOST") != NULL || strstr(mesh[i].log, "STALE") != NULL) return 0;
    return 1;
}

static void a_mesh_of_four_begins(void) {
    char dir[128];
    uint8_t pk[32];
    snprintf(root, sizeof root, "/tmp/hkp-policy-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    CHECK_EQ(members_provision(root, "node", nodes, mesh, N), HKP_OK);
    members_introduce(mesh);
    snprintf(dir, sizeof dir, "%s/node-authority", root);
    CHECK_EQ(read_in(dir, "policy.key", policy_secret, 64), 64);
    crypto_sign_keypair(pk, other_secret);
    for (int i = 0; i < N; i++) CHECK_EQ(start(i), HKP_OK);
    CHECK(until(reference_holds, 20000));
}

static void what_does_not_hold_is_refused_and_changes_nothing(void) {
    struct policy p = policy_of(2);
    CHECK_EQ(member_write(mesh[X].measured, "another version\n"), 0);
    CHECK(until(mismatch_is_seen, 5000));
    p.manifest_key = other_secret;
    sign(&p);
    refused("/m: is not signed by the policy key");
    p = policy_of(2);
    p.rebase_key = other_secret;
    sign(&p);
    refused("/r: is not signed by the policy key");
    p = policy_of(2);
    p.manifest_node = nodes[0].node_id;
    sign(&p);
    refused("/m: is for another node");
    p = policy_of(2);
    p.rebase_node = nodes[0].node_id;
    sign(&p);
    refused("/r: is for another node");
    p = policy_of(1);
    sign(&p);
    refused("above the one in force");
    p = policy_of(2);
    p.rebase_ver = 3;
    sign(&p);
    refused("manifest is of policy_ver 2, the rebase of 3");
    p = policy_of(1026);
    sign(&p);
    refused("above the one in force");
    p = policy_of(2);
    p.expired = 1;
    sign(&p);
    refused("has expired");
    CHECK_EQ(member_write(path_in(root, "m"), "no manifest, but as long as one: "), 0);
    refused("/m: is no MAN1");
    CHECK_EQ(unlink(path_in(root, "m")), 0);
    refused("/m: cannot be read");
    CHECK_EQ(member_write(path_in(root, "r"), "no rebase"), 0);
    refused("/r: is no RBA1");
}

static void a_machine_that_is_not_as_signed_is_named(void) {
    struct policy p = policy_of(2);
    sign(&p);
    CHECK_EQ(member_write(mesh[X].measured, "a third version\n"), 0);
    refused(mesh[X].measured);
    p.also = 1;
    p.other_root = 1;
    sign(&p);
    refused("missing: /tmp/hkp-zz-is-not-here");
    CHECK(until(mismatch_is_seen, 5000));
}

static void a_signed_policy_is_the_reference_for_all(void) {
    struct policy p = policy_of(2);
    sign(&p);
    json_t *o = apply();
    char *text = json_dumps(o, 0);
    CHECK(json_is_true(json_object_get(o, "ok")));
    if (!json_is_true(json_object_get(o, "ok"))) printf("# %s\n", text);
    free(text);
    CHECK_EQ(json_integer_value(json_object_get(o, "policy_ver")), 2);
    CHECK(json_integer_value(json_object_get(o, "index")) > 0);
    json_decref(o);
    CHECK(until(reference_holds, 10000));
    CHECK(until(two_more_commits, 20000));
    CHECK(nobody_is_lost());
    o = ask(json_pack("{s:s}", "op", "status"));
    json_t *integrity = json_object_get(o, "integrity");
    CHECK_EQ(json_integer_value(json_object_get(integrity, "policy_ver")), 2);
    CHECK_EQ(json_array_size(json_object_get(integrity, "differs")), 0);
    json_decref(o);
    CHECK_EQ(exists(mesh[X].dir, "manifest.next"), 0);
}

/* The second meets the TCK1 of the first at its index, and waits for the next TER (NZ1 11). */
static void two_in_a_row_stand_at_different_indexes(void) {
    json_int_t index[2];
    for (uint32_t k = 0; k < 2; k++) {
        struct policy p = policy_of(3 + k);
        sign(&p);
        json_t *o = apply();
        CHECK(json_is_true(json_object_get(o, "ok")));
        index[k] = json_integer_value(json_object_get(o, "index"));
        json_decref(o);
    }
    CHECK(index[1] > index[0]);
    CHECK_EQ(mesh[X].runner->policy.ver, 4);
    CHECK(until(reference_holds, 10000));
    CHECK(nobody_is_lost());
}

/* Who asks meanwhile is told so; who goes away leaves it on its way. */
static void one_policy_at_a_time(void) {
    static struct hkp_mesh__client c[2];
    struct policy p = policy_of(5);
    struct hkp_mesh_runner *r = mesh[X].runner;
    sign(&p);
    r->node->tck_ticket = UINT64_MAX; /* a TCK1 that stands at this index */
    for (int i = 0; i < 2; i++) hkp_mesh__policy_apply(r, &c[i], path_in(root, "m"), path_in(root, "r"));
    CHECK(c[0].applies == 1 && c[0].out_len == 0);
    CHECK(c[1].applies == 0 && c[1].out_len > 0);
    CHECK(memmem(c[1].out, c[1].out_len, "another policy is on its way", 28) != NULL);
    CHECK_EQ(r->policy.taken, 0);
    CHECK(exists(mesh[X].dir, "manifest.next"));
    r->node->tck_ticket = 0;
    CHECK(until(fifth_holds, 10000));
    CHECK(!exists(mesh[X].dir, "manifest.next"));
    json_decref(c[0].reply);
    free(c[1].out);
}

static uint8_t old_manifest[MANIFEST_CAP], new_manifest[MANIFEST_CAP], old_rebase[192], new_rebase[192];
static size_t old_len, new_len;

static void a_restart_keeps_it(void) {
    stop(X);
    CHECK_EQ(start(X), HKP_OK);
    CHECK_EQ(mesh[X].runner->policy.ver, 5);
    CHECK(until(reference_holds, 20000));
    CHECK_EQ(member_write(mesh[X].measured, "as it is not\n"), 0);
    CHECK(until(mismatch_is_seen, 5000));
    CHECK_EQ(member_write(mesh[X].measured, "a third version\n"), 0);
    CHECK(until(reference_holds, 5000));
}

/* As by SIGKILL, and the folder as it is when the power goes at that point. */
static void cut(const uint8_t *manifest, size_t manifest_len, const uint8_t *rebase, const uint8_t *next) {
    mesh[X].runner->leaving = 1;
    stop(X);
    write_in(mesh[X].dir, "manifest", manifest, manifest_len);
    write_in(mesh[X].dir, "rebase", rebase, 192);
    if (next != NULL) write_in(mesh[X].dir, "manifest.next", next, new_len);
    CHECK_EQ(start(X), HKP_OK);
}

static void whenever_the_power_goes_the_log_decides(void) {
    struct policy p = policy_of(6);
    old_len = read_in(mesh[X].dir, "manifest", old_manifest, MANIFEST_CAP);
    CHECK_EQ(read_in(mesh[X].dir, "rebase", old_rebase, 192), 192);
    CHECK_EQ(member_write(mesh[X].measured, "a fourth version\n"), 0);
    sign(&p);
    new_len = read_in(root, "m", new_manifest, MANIFEST_CAP);
    CHECK_EQ(read_in(root, "r", new_rebase, 192), 192);
    /* before the record */
    cut(old_manifest, old_len, old_rebase, new_manifest);
    CHECK_EQ(mesh[X].runner->policy.ver, 5);
    CHECK_EQ(mesh[X].runner->policy.manifest_ver, 5);
    CHECK(until(mismatch_is_seen, 20000));
    json_t *o = apply();
    CHECK(json_is_true(json_object_get(o, "ok")));
    json_decref(o);
    /* behind it, nothing replaced; the manifest replaced; both */
    for (int at = 0; at < 3; at++) {
        cut(at == 0 ? old_manifest : new_manifest, at == 0 ? old_len : new_len,
            at < 2 ? old_rebase : new_rebase, new_manifest);
        CHECK_EQ(mesh[X].runner->policy.ver, 6);
        CHECK_EQ(mesh[X].runner->policy.manifest_ver, 6);
        uint8_t bytes[MANIFEST_CAP];
        CHECK_EQ(read_in(mesh[X].dir, "manifest", bytes, MANIFEST_CAP), new_len);
        CHECK_EQ(memcmp(bytes, new_manifest, new_len), 0);
        CHECK_EQ(read_in(mesh[X].dir, "rebase", bytes, MANIFEST_CAP), 192);
        CHECK_EQ(memcmp(bytes, new_rebase, 192), 0);
        CHECK(until(reference_holds, 20000));
    }
    CHECK(nobody_is_lost());
}

static void a_manifest_that_is_gone_can_be_given_again(void) {
    CHECK_EQ(unlink(path_in(mesh[X].dir, "manifest.next")) == 0 || !exists(mesh[X].dir, "manifest.next"), 1);
    mesh[X].log[0] = 0;
    cut(old_manifest, old_len, old_rebase, NULL);
    CHECK_EQ(mesh[X].runner->policy.ver, 6);
    CHECK_EQ(mesh[X].runner->policy.manifest_ver, 5);
    CHECK(strstr(mesh[X].log, "apply both again") != NULL);
    CHECK(until(mismatch_is_seen, 20000)); /* nobody is told that it is as the policy says */
    write_in(root, "m", new_manifest, new_len);
    write_in(root, "r", new_rebase, 192);
    json_t *o = apply();
    CHECK(json_is_true(json_object_get(o, "ok")));
    json_decref(o);
    CHECK_EQ(mesh[X].runner->policy.manifest_ver, 6);
    CHECK(until(reference_holds, 10000));
    refused("above the one in force");
    CHECK(nobody_is_lost());
}

static void rebase_of(const struct policy *p, uint8_t body[200]) {
    memset(body, 0, 8);
    sign(p);
    CHECK_EQ(read_in(root, "r", body + 8, 192), 192);
}

/* What the host does when a holder has given back what a torn log lost; the node's part is in sim_history. */
static void a_rebase_that_came_back_puts_its_manifest_in_force(void) {
    struct hkp_mesh_runner *r = mesh[X].runner;
    struct policy p = policy_of(7);
    uint8_t body[200], bytes[MANIFEST_CAP];
    rebase_of(&p, body);
    new_len = read_in(root, "m", new_manifest, MANIFEST_CAP);
    write_in(mesh[X].dir, "manifest.next", new_manifest, new_len);
    body[8 + 130] ^= 1;
    hkp_mesh__policy_logged(r, body);
    CHECK_EQ(r->policy.ver, 6);
    body[8 + 130] ^= 1;
    hkp_mesh__policy_logged(r, body);
    CHECK_EQ(r->policy.ver, 7);
    CHECK_EQ(r->policy.manifest_ver, 7);
    CHECK_EQ(read_in(mesh[X].dir, "manifest", bytes, MANIFEST_CAP), new_len);
    CHECK_EQ(memcmp(bytes, new_manifest, new_len), 0);
    CHECK_EQ(read_in(mesh[X].dir, "rebase", bytes, MANIFEST_CAP), 192);
    CHECK_EQ(memcmp(bytes, body + 8, 192), 0);
    CHECK(!exists(mesh[X].dir, "manifest.next"));
    p = policy_of(6);
    rebase_of(&p, body);
    hkp_mesh__policy_logged(r, body);
    CHECK_EQ(r->policy.ver, 7);
    mesh[X].log[0] = 0;
    p = policy_of(8);
    rebase_of(&p, body);
    hkp_mesh__policy_logged(r, body);
    CHECK_EQ(r->policy.ver, 8);
    CHECK_EQ(r->policy.manifest_ver, 7);
    CHECK(strstr(mesh[X].log, "apply both again") != NULL);
    CHECK_EQ(r->failed, HKP_OK);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_mesh_of_four_begins);
    CASE(what_does_not_hold_is_refused_and_changes_nothing);
    CASE(a_machine_that_is_not_as_signed_is_named);
    CASE(a_signed_policy_is_the_reference_for_all);
    CASE(two_in_a_row_stand_at_different_indexes);
    CASE(one_policy_at_a_time);
    CASE(a_restart_keeps_it);
    CASE(whenever_the_power_goes_the_log_decides);
    CASE(a_manifest_that_is_gone_can_be_given_again);
    CASE(a_rebase_that_came_back_puts_its_manifest_in_force);
    CASE(all_leave);
    return check_done();
}
