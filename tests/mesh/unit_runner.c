/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Four members with real files, sockets and TERs in one process: what issue after issue builds on. Each case
 * goes on where the one before ended, as a mesh does.
 */
#include "runner_world.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- Tools ---- */

static void write_text(const char *path, const char *text) { CHECK_EQ(member_write(path, text), 0); }

static struct hkp_mesh_status status(int i) {
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_mesh_node_status(hkp_mesh_runner_node(mesh[i].runner), &s), HKP_OK);
    return s;
}

/* ---- Cases, in order ---- */

static int all_active(void) {
    for (int i = 0; i < N; i++)
        for (int k = 0; mesh[i].runner != NULL && k < N; k++) {
            if (k == i || mesh[k].runner == NULL) continue;
            struct hkp_mesh_peer_status p = peer(i, k);
            if (!p.up || !p.mode || p.own_state != 2 || p.held_state != 2) return 0;
        }
    return 1;
}

static void first_contact_enrols_all_pairs_and_mode_r_follows(void) {
    snprintf(root, sizeof root, "/tmp/hkp-runner-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    CHECK_EQ(members_provision(root, "node", nodes, mesh, N + 1), HKP_OK);
    members_introduce(mesh);
    for (int i = 0; i < N; i++) CHECK_EQ(start(i), HKP_OK);
    CHECK(until(all_active, 40000));
}

static const char *const indicators[] = {"8.42.77.171", "185.220.101.4", "91.240.118.172"};

static hkp_status report(int i, const char *text) {
    uint64_t seq;
    return member_report(mesh[i].runner, text, &seq);
}

static int knows_final(int i, const char *text) {
    struct hkp_mesh_match m = {.struct_size = sizeof m};
    struct hkp_mesh_finding f = {.struct_size = sizeof f};
    const hkp_mesh_intel *intel = hkp_mesh_node_intel(hkp_mesh_runner_node(mesh[i].runner));
    uint8_t value[4];
    uint64_t now_s = (uint64_t)time(NULL);
    CHECK_EQ(inet_pton(AF_INET, text, value), 1);
    return hkp_mesh_intel_lookup(intel, now_s, HKP_MESH_IOC_IP4, value, 4, &m) == HKP_OK &&
           hkp_mesh_intel_finding(intel, now_s, m.ioc_key, 0, &f) == HKP_OK && f.origin.height > 0;
}

static int all_know_the_three(void) {
    for (int i = 0; i < N; i++)
        for (size_t k = 0; mesh[i].runner != NULL && k < 3; k++)
            if (!knows_final(i, indicators[k])) return 0;
    return 1;
}

static void a_report_of_one_is_final_everywhere(void) {
    for (size_t k = 0; k < 3; k++) CHECK_EQ(report(0, indicators[k]), HKP_OK);
    CHECK(until(all_know_the_three, 40000));
}

/* A request over the control socket of a member, answered while all members run. */
static json_t *ask(int i, const char *request) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    static char answer[1 << 20];
    size_t len = 0;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", mesh[i].dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(write(fd, request, strlen(request)), (ssize_t)strlen(request));
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

static void the_control_socket_shows_a_proof_that_the_node_verified(void) {
    for (int i = 0; i < N; i++) {
        json_t *o = ask(i, "{\"op\":\"lookup\",\"type\":\"ip4\",\"value\":\"8.42.77.171\",\"proof\":true}\n");
        json_t *f = json_array_get(json_object_get(o, "findings"), 0);
        json_t *proof = json_object_get(f, "proof");
        CHECK(json_is_true(json_object_get(o, "found")));
        CHECK(json_is_true(json_object_get(proof, "verified")));
        CHECK_EQ(json_integer_value(json_object_get(proof, "signatures")), 3);
        CHECK(json_integer_value(json_object_get(proof, "height")) > 0);
        const char *author = json_string_value(json_object_get(f, "author"));
        CHECK(author != NULL && strcmp(author, mesh[0].node_id) == 0);
        json_decref(o);
    }
}

static void bad_requests_are_answered_with_an_error(void) {
    static const char *const bad[] = {"nonsense\n",
                                      "{}\n",
                                      "{\"op\":\"fly\"}\n",
                                      "[1]\n",
                                      "{\"op\":\"lookup\",\"type\":\"ip4\",\"value\":\"300.1.1.1\"}\n",
                                      "{\"op\":\"lookup\",\"type\":\"nothing\",\"value\":\"x\"}\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *o = ask(1, bad[i]);
        CHECK(json_is_false(json_object_get(o, "ok")));
        CHECK(json_is_string(json_object_get(o, "error")));
        json_decref(o);
    }
}

static int client(int i) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", mesh[i].dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Lines that come back while len bytes are sent, until there are enough or the other side ends it. */
static size_t lines_back(int fd, const char *bytes, size_t len, int ends, size_t enough) {
    char buf[4096];
    size_t sent = 0, lines = 0;
    uint64_t stop_at = now_ms() + 40000;
    while (now_ms() < stop_at && lines < enough) {
        ssize_t n = sent < len ? send(fd, bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        if (n > 0) sent += (size_t)n;
        if (n > 0 && sent == len && ends) shutdown(fd, SHUT_WR);
        step();
        while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
            for (ssize_t k = 0; k < n; k++) lines += buf[k] == '\n';
        if (n == 0) break;
    }
    return lines;
}

static const char lookup[] =
    "{\"op\":\"lookup\",\"type\":\"ip4\",\"value\":\"8.42.77.171\",\"proof\":true}\n";

static void impatient_and_talkative_clients_are_served(void) {
    enum { MANY = 7000, LINE = 11 };
    static char many[sizeof lookup + MANY * LINE];
    int fd = client(0);
    CHECK_EQ(lines_back(fd, lookup, strlen(lookup), 1, 2), 1); /* it says at once that it sends no more */
    close(fd);
    size_t len = (size_t)snprintf(many, sizeof many, "%s", lookup);
    for (int k = 0; k < MANY; k++) len += (size_t)snprintf(many + len, sizeof many - len, "{\"op\":\"x\"}\n");
    fd = client(0);
    CHECK_EQ(lines_back(fd, many, len, 0, MANY + 1),
             MANY + 1); /* more than the buffer holds, behind a proof */
    close(fd);
    json_t *o = ask(0, "{\"op\":\"report\",\"type\":\"ip4\",\"value\":\"8.42.77.9\",\"severity\":258}\n");
    CHECK(json_is_false(json_object_get(o, "ok")));
    json_decref(o);
}

static void clients_that_leave_free_their_place(void) {
    for (int round = 0; round < 3; round++) {
        int fds[20];
        for (int k = 0; k < 20; k++) {
            fds[k] = client(0);
            CHECK_EQ(write(fds[k], lookup, strlen(lookup)), (ssize_t)strlen(lookup));
            step();
        }
        for (int k = 0; k < 20; k++) close(fds[k]); /* some with proofs still open, some never accepted */
        for (int k = 0; k < 20; k++) step();
    }
    json_t *o = ask(0, lookup);
    json_t *proof = json_object_get(json_array_get(json_object_get(o, "findings"), 0), "proof");
    CHECK(json_is_true(json_object_get(proof, "verified")));
    json_decref(o);
}

static int two_commits(void) {
    for (int k = 0; k < N; k++)
        if (k != 3 && peer(3, k).own_commit < 17) return 0; /* i0 and two commits of eight TERs */
    return 1;
}

static char stale_dir[80];

static void commits_advance_in_every_instance(void) {
    char command[400];
    snprintf(stale_dir, sizeof stale_dir, "%s/stale", root); /* what a thief of the disk would have */
    snprintf(command, sizeof command, "cp -r %s %s", mesh[3].dir, stale_dir);
    CHECK_EQ(system(command), 0);
    CHECK(until(two_commits, 40000));
}

static int trusted(void) {
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            if (i != k && peer(i, k).trust < 28000) return 0;
    return 1;
}

static int seen_by_itself(void) { return status(2).integrity == 0; }

static int others_trust_less(void) {
    for (int i = 0; i < N; i++) {
        struct hkp_mesh_peer_status p;
        if (i == 2) continue;
        p = peer(i, 2);
        if (p.trust > 26214 || strstr(p.reason, "integrity") == NULL) return 0;
    }
    return 1;
}

static int trusted_again(void) {
    return status(2).integrity == 1 && strstr(peer(0, 2).reason, "integrity") == NULL;
}

static void a_changed_file_costs_trust_within_two_ters(void) {
    CHECK(until(trusted, 40000));
    uint64_t before = status(2).ter_index;
    write_text(mesh[2].measured, "as it is not\n");
    CHECK(until(seen_by_itself, 40000));
    CHECK(status(2).ter_index <= before + 2);
    CHECK(until(others_trust_less, 40000));
    json_t *o = ask(2, "{\"op\":\"status\"}\n");
    json_t *differs = json_object_get(json_object_get(o, "integrity"), "differs");
    const char *path = json_string_value(json_object_get(json_array_get(differs, 0), "path"));
    CHECK(path != NULL && strcmp(path, mesh[2].measured) == 0);
    json_decref(o);
    write_text(mesh[2].measured, "as it was\n");
    CHECK(until(trusted_again, 40000));
}

static int three_went_on(void) {
    return knows_final(0, "45.155.205.233") && knows_final(2, "45.155.205.233");
}
static int fourth_caught_up(void) {
    return all_active() && knows_final(3, "45.155.205.233") && all_know_the_three() &&
           status(3).height + 2 >= status(0).height;
}

static void three_go_on_without_the_fourth_and_it_catches_up(void) {
    stop(3);
    CHECK_EQ(report(1, "45.155.205.233"), HKP_OK);
    CHECK(until(three_went_on, 40000));
    CHECK_EQ(start(3), HKP_OK);
    CHECK(until(fourth_caught_up, 30000));
}

/* As by SIGKILL: nobody is told. */
static void crash(int i) {
    mesh[i].runner->leaving = 1;
    stop(i);
}

static int by_id(const void *a, const void *b) {
    return memcmp(nodes[*(const int *)a].node_id, nodes[*(const int *)b].node_id, 16);
}

static int crashed, witness;
static const char *news;
static int the_others_went_on(void) { return knows_final(witness, news); }
static int it_caught_up(void) {
    return all_active() && knows_final(crashed, news) && status(crashed).height + 2 >= status(witness).height;
}

/* D-BLK-1: each of three blocks names another holder, which alone can judge the claim. */
static int claims_were_checked(void) {
    uint64_t checked = 0;
    for (int i = 0; i < N; i++) checked += mesh[i].runner->node->claims_checked;
    return checked >= 3;
}

static void blocks_claim_a_state_that_their_holder_knows(void) {
    static const char *const three[] = {"193.32.162.21", "193.32.162.22", "193.32.162.23"};
    struct hkp_dsm_claims c = {.prev = {1}, .payload_hash = {2}};
    for (int i = 0; i < N; i++) mesh[i].runner->node->claims_checked = 0;
    for (size_t k = 0; k < 3; k++) CHECK_EQ(report(0, three[k]), HKP_OK);
    CHECK(until(claims_were_checked, 40000));
    for (int i = 0; i < N; i++) CHECK(strstr(mesh[i].log, "not agreed") == NULL);

    struct hkp_mesh_node *author = mesh[0].runner->node, *holder = NULL;
    hkp_mesh__claims_make(author, 77, &c);
    CHECK_EQ(c.has_commit, 1);
    for (int i = 1; i < N; i++)
        if (memcmp(mesh[i].runner->node->node_id, c.holder, 16) == 0) holder = mesh[i].runner->node;
    CHECK(holder != NULL);
    if (holder == NULL) return;
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(holder, author->node_id);
    CHECK_EQ(hkp_mesh__claims_hold(holder, peer, 77, &c), 1);
    CHECK_EQ(hkp_mesh__claims_hold(holder, peer, 78, &c), 0);
    uint8_t *const parts[] = {c.w_commit, c.posf, c.prev, c.payload_hash};
    for (size_t k = 0; k < 4; k++) {
        parts[k][9] ^= 1;
        CHECK_EQ(hkp_mesh__claims_hold(holder, peer, 77, &c), 0);
        parts[k][9] ^= 1;
    }
    CHECK(peer->agreed_us > 0);
    CHECK_EQ(hkp_mesh__claims_late(peer, peer->agreed_us), 1); /* it may claim what was agreed before */
    CHECK_EQ(hkp_mesh__claims_late(peer, peer->agreed_us + HKP_MESH__CLAIM_SLACK_US), 0);
    uint32_t before = peer->trust.now.t;
    hkp_mesh__trust_false_claim(holder, peer);
    CHECK_EQ(peer->trust.now.t, before - HKP_MESH__FALSE_CLAIM);
}

/* The others still believe in the session of before; whose it was depends on the order of the node_ids. */
static void a_member_that_died_without_a_word_catches_up(void) {
    static const char *const fresh[] = {"193.32.162.11", "193.32.162.12"};
    int order[N] = {0, 1, 2, 3};
    qsort(order, N, sizeof order[0], by_id);
    for (int turn = 0; turn < 2; turn++) {
        crashed = order[turn == 0 ? 0 : N - 1];
        witness = order[1];
        news = fresh[turn];
        uint64_t settled = now_ms() + 6000; /* sessions that did not come at once with the new one */
        while (now_ms() < settled) step();
        crash(crashed);
        CHECK_EQ(report(witness, news), HKP_OK);
        CHECK(until(the_others_went_on, 40000));
        CHECK_EQ(start(crashed), HKP_OK);
        CHECK(until(it_caught_up, 40000));
    }
}

/* Bytes at the end of a member's log that are its last record; 0: that is no TER. */
static long last_ter(int i, char path[160]) {
    uint8_t tail[104];
    struct hkp_ter_log_record rec;
    snprintf(path, 160, "%s/ter/ter-00000000000000000000.log", mesh[i].dir);
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    if (f == NULL) return 0;
    fseek(f, -(long)sizeof tail, SEEK_END);
    size_t n = fread(tail, 1, sizeof tail, f);
    fclose(f);
    int is = n == sizeof tail && hkp_ter_log_record_decode(&rec, tail, n) == HKP_OK;
    return is && rec.type == HKP_TER_LOG_TER && rec.size == n ? (long)n : 0;
}

/* Its newest record is a TER, another member has it, too, and no commit covers it: a log that ends before an
 * agreed commit is no torn one but a rollback, and refused (NZ1 5.2). */
static int may_be_torn(void) {
    char path[160];
    for (int k = 0; k < N; k++)
        if (k != 1 && peer(1, k).own_commit >= status(1).ter_index) return 0;
    return peer(0, 1).ter_index == status(1).ter_index && last_ter(1, path) > 0;
}
static int is_whole_again(void) { return strstr(mesh[1].log, "whole again") != NULL && all_active(); }

static void a_log_that_lost_its_end_gets_it_back_from_another_member(void) {
    char path[160];
    struct stat before;
    CHECK(until(may_be_torn, 40000));
    uint64_t had = status(1).ter_index;
    crash(1);
    CHECK(last_ter(1, path) > 0);
    CHECK_EQ(stat(path, &before), 0);
    CHECK_EQ(truncate(path, before.st_size - 40), 0);
    mesh[1].log[0] = 0;
    CHECK_EQ(start(1), HKP_OK);
    if (mesh[1].runner == NULL) return;
    CHECK_EQ(status(1).ter_index, had - 1);
    CHECK(until(is_whole_again, 30000));
    CHECK(status(1).ter_index >= had);
    for (int i = 0; i < N; i++) CHECK(strstr(mesh[i].log, "LOST") == NULL);
}

static struct member extra;

static uint64_t refused_before;
static int refused(void) {
    CHECK_EQ(hkp_mesh_runner_step(extra.runner, 2), HKP_OK);
    return strstr(extra.log, "refuses us") != NULL && status(0).refused > refused_before;
}

static hkp_status start_extra(void) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    snprintf(extra.listen, sizeof extra.listen, "127.0.0.1:%u", (unsigned)member_port());
    member_options(&extra, &o);
    o.peers = mesh[3].peers;
    extra.log[0] = 0;
    hkp_status st = hkp_mesh_runner_new(&extra.runner, &o, &fault);
    if (st != HKP_OK) printf("# %s %s\n", fault.what, fault.why);
    return st;
}

static void a_replayed_state_is_refused(void) {
    struct hkp_mesh_peer_status before = peer(0, 3);
    refused_before = status(0).refused;
    memset(&extra, 0, sizeof extra);
    snprintf(extra.dir, sizeof extra.dir, "%s", stale_dir);
    stop(3); /* even while the true one is away */
    CHECK_EQ(start_extra(), HKP_OK);
    CHECK(until(refused, 40000));
    CHECK(strstr(extra.log, "REFUSED") != NULL);
    hkp_mesh_runner_free(extra.runner);
    CHECK_EQ(peer(0, 3).held_state, 2); /* a HELLO that fails changes nothing */
    CHECK_EQ(peer(0, 3).held_commit, before.held_commit);
    CHECK_EQ(start(3), HKP_OK);
    CHECK(until(all_active, 30000));
}

/* Certified by the same authority, but nobody enrolled it here. */
static void an_outsider_is_refused(void) {
    refused_before = status(0).refused; /* by this member, whoever is the first */
    memset(&extra, 0, sizeof extra);
    snprintf(extra.dir, sizeof extra.dir, "%s", mesh[N].dir);
    CHECK_EQ(start_extra(), HKP_OK);
    CHECK(until(refused, 40000));
    hkp_mesh_runner_free(extra.runner);
}

static int it_refused_us(void) {
    CHECK_EQ(hkp_mesh_runner_step(extra.runner, 2), HKP_OK);
    return strstr(extra.log, "IDENTITY") != NULL;
}

static void a_node_of_another_mesh_gets_no_session(void) {
    struct hkp_mesh_provision_node lone[1];
    struct member other[1];
    memset(other, 0, sizeof other);
    CHECK_EQ(members_provision(root, "other", lone, other, 1), HKP_OK);
    memset(&extra, 0, sizeof extra);
    snprintf(extra.dir, sizeof extra.dir, "%s", other[0].dir);
    CHECK_EQ(start_extra(), HKP_OK);
    CHECK(until(it_refused_us, 40000));
    hkp_mesh_runner_free(extra.runner);
    CHECK(all_active());
}

static void a_datagram_of_any_content_changes_nothing_and_is_counted(void) {
    uint64_t rnd = check_seed(), sent = 0, before = 0, after = 0;
    struct hkp_mesh_status s = status(0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_port = htons((uint16_t)atoi(strchr(mesh[0].listen, ':') + 1));
    for (int i = 0; i < 64; i++) before += s.dropped[i];
    for (; sent < 500; sent++) {
        uint8_t b[1200];
        size_t len = 1 + check_random(&rnd) % sizeof b;
        for (size_t i = 0; i < len; i++) b[i] = (uint8_t)check_random(&rnd);
        if (sent % 2) memcpy(b, "\x01\x00\x00\x01\x00\x00\x00\x00", 8); /* looks like a HELLO */
        CHECK_EQ(sendto(fd, b, len, 0, (struct sockaddr *)&a, sizeof a), (ssize_t)len);
        if (sent % 50 == 0) step();
    }
    close(fd);
    for (int i = 0; i < 20; i++) step();
    s = status(0);
    for (int i = 0; i < 64; i++) after += s.dropped[i];
    CHECK(after >= before + sent);
    CHECK(all_active());
}

static void corrupt(const char *path, long offset) {
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL);
    if (f == NULL) return;
    fseek(f, offset, SEEK_SET);
    int c = fgetc(f);
    fseek(f, offset, SEEK_SET);
    fputc(c ^ 0x40, f);
    fclose(f);
}

static void damaged_state_is_refused_with_its_place(void) {
    static const struct {
        const char *file;
        long offset;
    } damage[] = {
        {"ter/ter-00000000000000000000.log", 300}, {"keys", 20}, {"certificate", 40}, {"manifest", 70}};
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    char path[300];
    stop(1);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        hkp_mesh_runner *r = NULL;
        snprintf(path, sizeof path, "%s/%s", mesh[1].dir, damage[i].file);
        corrupt(path, damage[i].offset);
        member_options(&mesh[1], &o);
        CHECK(hkp_mesh_runner_new(&r, &o, &fault) != HKP_OK);
        CHECK(r == NULL && fault.what[0] != 0 && fault.why[0] != 0);
        if (i == 0) CHECK(strstr(fault.what, "ter-") != NULL && fault.offset != UINT64_MAX);
        corrupt(path, damage[i].offset);
    }
    snprintf(path, sizeof path, "%s/neuro/held-%s.instance", mesh[1].dir, mesh[0].node_id);
    corrupt(path, 5000);
    member_options(&mesh[1], &o);
    hkp_mesh_runner *r = NULL;
    CHECK(hkp_mesh_runner_new(&r, &o, &fault) != HKP_OK);
    CHECK(strstr(fault.what, "held-") != NULL);
    corrupt(path, 5000);
    CHECK_EQ(start(1), HKP_OK); /* nothing was lost by refusing */
    CHECK(until(all_active, 30000));
}

/* D-ID-2: what is refused and why, and that the node is the same one behind each form of its keys. */
static void keys_under_a_passphrase_want_it(void) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    struct hkp_ter_keystore_options k;
    hkp_mesh_runner *r = NULL;
    uint8_t secret[HKP_TER_KEY_MAX];
    char path[300];
    size_t len = 0;
    stop(1);
    snprintf(path, sizeof path, "%s/keys", mesh[1].dir);
    hkp_ter_keystore_options_init(&k, sizeof k);
    k.path = path;
    CHECK_EQ(hkp_ter_keystore_read(&k, secret, sizeof secret, &len, NULL), HKP_OK);
    CHECK_EQ(len, 96);
    k.form = HKP_TER_KEY_PASSPHRASE;
    k.passphrase = (const uint8_t *)"open, please";
    k.passphrase_len = 12;
    k.ops = 1;
    k.kib = 8;
    CHECK_EQ(hkp_ter_keystore_write(&k, secret, len), HKP_OK);
    member_options(&mesh[1], &o);
    CHECK_EQ(hkp_mesh_runner_new(&r, &o, &fault), HKP_E_TER_KEY_PASSPHRASE);
    CHECK(strstr(fault.what, "keys") != NULL && strstr(fault.why, "passphrase") != NULL);
    o.passphrase = (const uint8_t *)"open, pleasf";
    o.passphrase_len = 12;
    CHECK_EQ(hkp_mesh_runner_new(&r, &o, &fault), HKP_E_TER_KEY_PASSPHRASE);
    o.passphrase = k.passphrase;
    CHECK_EQ(hkp_mesh_runner_new(&mesh[1].runner, &o, &fault), HKP_OK);
    CHECK(until(all_active, 30000));
    stop(1);
    CHECK(chmod(path, 0644) == 0);
    CHECK_EQ(hkp_mesh_runner_new(&r, &o, &fault), HKP_E_TER_KEY_ACCESS);
    CHECK(chmod(path, 0600) == 0);
    o.reserved0 = 1;
    CHECK_EQ(hkp_mesh_runner_new(&r, &o, &fault), HKP_E_INVAL);
    CHECK(strcmp(fault.what, "options") == 0);
    o.reserved0 = 0;
    o.tpm = "mssim:";
    const hkp_status st = hkp_mesh_runner_new(&r, &o, &fault);
    CHECK(st == HKP_E_INVAL || st == HKP_E_TER_TPM_ABSENT);
    CHECK(strcmp(fault.what, "tpm") == 0 && r == NULL);
    k.form = HKP_TER_KEY_PLAIN;
    CHECK_EQ(hkp_ter_keystore_write(&k, secret, len), HKP_OK);
    CHECK_EQ(start(1), HKP_OK);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(first_contact_enrols_all_pairs_and_mode_r_follows);
    CASE(a_report_of_one_is_final_everywhere);
    CASE(the_control_socket_shows_a_proof_that_the_node_verified);
    CASE(bad_requests_are_answered_with_an_error);
    CASE(impatient_and_talkative_clients_are_served);
    CASE(clients_that_leave_free_their_place);
    CASE(commits_advance_in_every_instance);
    CASE(a_changed_file_costs_trust_within_two_ters);
    CASE(three_go_on_without_the_fourth_and_it_catches_up);
    CASE(blocks_claim_a_state_that_their_holder_knows);
    CASE(a_member_that_died_without_a_word_catches_up);
    CASE(a_log_that_lost_its_end_gets_it_back_from_another_member);
    CASE(a_replayed_state_is_refused);
    CASE(an_outsider_is_refused);
    CASE(a_node_of_another_mesh_gets_no_session);
    CASE(a_datagram_of_any_content_changes_nothing_and_is_counted);
    CASE(damaged_state_is_refused_with_its_place);
    CASE(keys_under_a_passphrase_want_it);
    CASE(all_leave);
    return check_done();
}
