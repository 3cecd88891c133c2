/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Devices in memory, as text and in a file, and what an endpoint does with them (HTP-12). */
#include "alloc.h"
#include "pair.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
    w->require = 0;
}

static struct hkp_htp_device device(uint32_t i) {
    struct hkp_htp_device d = {.struct_size = sizeof d};
    uint64_t seed = i + 1;
    hkp_put_be32(d.node_id, i + 1);
    for (int k = 0; k < 32; k++)
        d.record.a[k] = (uint8_t)check_random(&seed), d.s[k] = (uint8_t)check_random(&seed);
    d.record.neural = (uint8_t)(i % 3);
    d.record.require = i % 32;
    d.record.suites_allowed = i % 4;
    d.record.pcr_mask = i & 0xFFFFFF;
    d.record.policy_ver = i * 3;
    d.record.trust = (uint16_t)(i * 7);
    d.record.last_t1 = seed;
    d.record.resonance = (uint8_t)(i % 5);
    return d;
}

static hkp_htp_devices *with(uint32_t n, const struct hkp_htp_devices_options *o) {
    hkp_htp_devices *set = NULL;
    CHECK_EQ(hkp_htp_devices_new(&set, o), HKP_OK);
    for (uint32_t i = 0; i < n; i++) {
        struct hkp_htp_device d = device(i);
        CHECK_EQ(hkp_htp_devices_add(set, &d), HKP_OK);
    }
    return set;
}

static void same(const struct hkp_htp_device *a, const struct hkp_htp_device *b) {
    CHECK_MEM(a->node_id, b->node_id, 16);
    CHECK_MEM(a->s, b->s, 32);
    CHECK_MEM(&a->record, &b->record, sizeof a->record);
}

static void devices_are_found_and_listed(void) {
    enum { N = 20000 };
    hkp_htp_devices *set = with(N, NULL);
    struct hkp_htp_device got = {.struct_size = sizeof got};
    uint32_t cursor = 0;
    for (uint32_t i = 0; i < N; i++) {
        struct hkp_htp_device want = device(i);
        CHECK_EQ(hkp_htp_devices_find(set, want.node_id, &got), HKP_OK);
        same(&got, &want);
        CHECK_EQ(hkp_htp_devices_list(set, &cursor, &got), HKP_OK);
        same(&got, &want);
    }
    CHECK_EQ(hkp_htp_devices_list(set, &cursor, &got), HKP_E_NOTFOUND);
    struct hkp_htp_device other = device(N);
    CHECK_EQ(hkp_htp_devices_find(set, other.node_id, &got), HKP_E_NOTFOUND);
    hkp_htp_devices_free(set);
    hkp_htp_devices_free(NULL);
}

static void what_is_out_of_range_is_not_enrolled(void) {
    hkp_htp_devices *set = with(1, NULL);
    for (int kind = 0; kind < 9; kind++) {
        struct hkp_htp_device d = device(5);
        int before = check_faults;
        if (kind == 0) d.struct_size--;
        if (kind == 1) memset(d.node_id, 0, 16);
        if (kind == 2) memset(d.record.a, 0, 32);
        if (kind == 3) d.record.status = 3;
        if (kind == 4) d.record.neural = 3;
        if (kind == 5) d.record.require = 32;
        if (kind == 6) d.record.suites_allowed = 4;
        if (kind == 7) d.record.pcr_mask = 1U << 24;
        if (kind == 8) d.record.resonance = 5;
        CHECK_EQ(hkp_htp_devices_add(set, &d), HKP_E_INVAL);
        CHECK_NOTE(before, "kind %d", kind);
    }
    struct hkp_htp_device again = device(0);
    CHECK_EQ(hkp_htp_devices_add(set, &again), HKP_E_STATE);
    hkp_htp_devices_free(set);
    const struct hkp_htp_devices_options o = {.struct_size = sizeof o, .devices_max = 3};
    set = with(3, &o);
    again = device(3);
    CHECK_EQ(hkp_htp_devices_add(set, &again), HKP_E_LIMIT);
    hkp_htp_devices_free(set);
    const struct hkp_htp_devices_options many = {.struct_size = sizeof many, .devices_max = 1000001};
    CHECK_EQ(hkp_htp_devices_new(&set, &many), HKP_E_INVAL);
}

/* ---- text ---- */

static uint8_t *text_of(const hkp_htp_devices *set, size_t *len) {
    CHECK_EQ(hkp_htp_devices_write(set, NULL, 0, len), HKP_E_NOSPC);
    uint8_t *text = malloc(*len);
    CHECK_EQ(hkp_htp_devices_write(set, text, *len - 1, len), HKP_E_NOSPC);
    CHECK_EQ(hkp_htp_devices_write(set, text, *len, len), HKP_OK);
    return text;
}

static void text_gives_the_same_set(void) {
    for (uint32_t n = 0; n < 40; n += 13) {
        hkp_htp_devices *set = with(n, NULL), *other = with(5, NULL);
        size_t len, again;
        uint8_t *text = text_of(set, &len);
        CHECK_EQ(hkp_htp_devices_read(other, text, len), HKP_OK);
        uint8_t *second = text_of(other, &again);
        CHECK_EQ(again, len);
        CHECK_MEM(second, text, len);
        free(text), free(second);
        hkp_htp_devices_free(set), hkp_htp_devices_free(other);
    }
}

static void altered_text_changes_nothing(void) {
    hkp_htp_devices *set = with(3, NULL), *other = with(1, NULL);
    struct hkp_htp_device got = {.struct_size = sizeof got}, want = device(0);
    size_t len;
    uint8_t *text = text_of(set, &len);
    for (size_t at = 0; at < len; at++) {
        text[at] ^= (uint8_t)(1U << at % 7);
        const hkp_status st = hkp_htp_devices_read(other, text, len);
        CHECK(st == HKP_E_INVAL || (st == HKP_E_UNSUPPORTED && at < 24));
        text[at] ^= (uint8_t)(1U << at % 7);
        CHECK_EQ(hkp_htp_devices_read(other, text, at), HKP_E_INVAL);
    }
    uint32_t cursor = 0;
    CHECK_EQ(hkp_htp_devices_list(other, &cursor, &got), HKP_OK);
    same(&got, &want);
    CHECK_EQ(hkp_htp_devices_list(other, &cursor, &got), HKP_E_NOTFOUND);
    text[22] = '2';
    CHECK_EQ(hkp_htp_devices_read(other, text, len), HKP_E_UNSUPPORTED);
    text[22] = '1';
    CHECK_EQ(hkp_htp_devices_read(other, text, len), HKP_OK);
    free(text);
    hkp_htp_devices_free(set), hkp_htp_devices_free(other);
}

/* A text with a right hash, but for the line in its middle. */
static hkp_status read_with_line(hkp_htp_devices *into, const char *line) {
    hkp_htp_devices *set = with(2, NULL);
    size_t len;
    uint8_t *text = text_of(set, &len), sum[32];
    const size_t size = strlen(line);
    char hex[65];
    memcpy(text + 24 + (len - 24 - 78) / 2, line, size);
    crypto_hash_sha256(sum, text, len - 65);
    sodium_bin2hex(hex, sizeof hex, sum, 32);
    memcpy(text + len - 65, hex, 64);
    const hkp_status st = hkp_htp_devices_read(into, text, len);
    free(text);
    hkp_htp_devices_free(set);
    return st;
}

static void text_is_judged_line_by_line(void) {
    hkp_htp_devices *set = with(0, NULL);
    CHECK_EQ(read_with_line(set, "device 0000000200000000"), HKP_OK);
    CHECK_EQ(read_with_line(set, "device 0000000100000000"), HKP_E_INVAL); /* twice */
    CHECK_EQ(read_with_line(set, "device 0000000000000000"), HKP_E_INVAL); /* no name */
    CHECK_EQ(read_with_line(set, "device 000000020000000A"), HKP_E_INVAL); /* only one way to write it */
    CHECK_EQ(read_with_line(set, "Device 0000000200000000"), HKP_E_INVAL);
    hkp_htp_devices_free(set);
    const struct hkp_htp_devices_options o = {.struct_size = sizeof o, .devices_max = 1};
    set = with(1, &o);
    CHECK_EQ(read_with_line(set, "device 0000000200000000"), HKP_E_LIMIT);
    hkp_htp_devices_free(set);
}

/* ---- file ---- */

static void a_file_holds_the_set_for_its_owner_only(void) {
    char folder[] = "/tmp/hkp-devices-XXXXXX", path[64], gone[80];
    struct stat st;
    hkp_htp_devices *set = with(1000, NULL), *other = with(0, NULL);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/devices", folder);
    snprintf(gone, sizeof gone, "%s/none/devices", folder);
    CHECK_EQ(hkp_htp_devices_load(other, path), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_devices_store(set, gone), HKP_E_IO);
    for (int i = 0; i < 2; i++) CHECK_EQ(hkp_htp_devices_store(set, path), HKP_OK);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0600);
    CHECK_EQ(hkp_htp_devices_load(other, path), HKP_OK);
    size_t a, b;
    uint8_t *first = text_of(set, &a), *second = text_of(other, &b);
    CHECK_EQ(a, b);
    CHECK_MEM(first, second, a);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK_EQ(hkp_htp_devices_load(other, path), HKP_E_STATE);
    CHECK_EQ(chmod(path, 0600), 0);
    CHECK_EQ(truncate(path, 5000), 0);
    CHECK_EQ(hkp_htp_devices_load(other, path), HKP_E_INVAL);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(folder), 0); /* nothing else was left there */
    free(first), free(second);
    hkp_htp_devices_free(set), hkp_htp_devices_free(other);
}

/* ---- beside an endpoint ---- */

/* V of the pair asks the set, which asks the world for neural states. */
static hkp_htp_devices *registered(struct pair *p, struct world *w) {
    hkp_htp_devices *set = NULL;
    struct hkp_htp_devices_options o = {.struct_size = sizeof o, .base = w->registry};
    struct hkp_htp_device d = {.struct_size = sizeof d};
    struct hkp_htp_options v;
    CHECK_EQ(hkp_htp_devices_new(&set, &o), HKP_OK);
    memcpy(d.node_id, w->e.node_id, 16);
    CHECK_EQ(world_find(w, d.node_id, &d.record), HKP_OK);
    CHECK_EQ(hkp_htp_devices_add(set, &d), HKP_OK);
    pair_new(p, w);
    hkp_htp_endpoint_free(p->v);
    pair_options(p, &v, 0);
    CHECK_EQ(hkp_htp_devices_registry(set, &v.registry), HKP_OK);
    CHECK_EQ(hkp_htp_endpoint_new(&p->v, &v, p->now), HKP_OK);
    return set;
}

static uint32_t connects(struct pair *p) {
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_pump(p);
    return pair_event(p->v, HKP_HTP_EVENT_UP).type;
}

static void an_endpoint_lives_by_the_set(void) {
    static const char *const names[] = {"r", "n", "r_certs", "n_suite2"};
    for (size_t i = 0; i < 4; i++) {
        static struct world w;
        struct pair p;
        struct hkp_htp_device got = {.struct_size = sizeof got};
        int before = check_faults;
        load(&w, names[i]);
        hkp_htp_devices *set = registered(&p, &w);
        CHECK_EQ(connects(&p), HKP_HTP_EVENT_UP);
        CHECK_EQ(hkp_htp_devices_find(set, w.e.node_id, &got), HKP_OK);
        CHECK_EQ(got.completed, 1);
        CHECK_EQ(got.record.last_t1, p.wall);
        pair_free(&p);
        hkp_htp_devices_free(set);
        CHECK_NOTE(before, "%s", names[i]);
    }
}

static void revocation_is_at_once_and_for_good(void) {
    static struct world w;
    struct pair p;
    size_t len;
    load(&w, "r");
    hkp_htp_devices *set = registered(&p, &w), *later = with(0, NULL);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_devices_set_status(set, p.v, p.now, w.e.node_id, HKP_HTP_NODE_REVOKED), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_IDENTITY);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_NONE); /* neither with its ticket nor afresh */
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_REFUSED);
    CHECK_EQ(hkp_htp_devices_set_status(set, p.v, p.now, w.e.node_id, HKP_HTP_NODE_ACTIVE), HKP_E_STATE);
    struct hkp_htp_device d = {.struct_size = sizeof d}, got = d;
    memcpy(d.node_id, w.e.node_id, 16);
    memcpy(d.record.a, w.e.a, 32);
    CHECK_EQ(hkp_htp_devices_add(set, &d), HKP_E_STATE);
    CHECK_EQ(hkp_htp_devices_update(set, &d), HKP_OK);
    uint8_t *text = text_of(set, &len);
    CHECK_EQ(hkp_htp_devices_read(later, text, len), HKP_OK);
    CHECK_EQ(hkp_htp_devices_find(later, w.e.node_id, &got), HKP_OK);
    CHECK_EQ(got.record.status, HKP_HTP_NODE_REVOKED);
    free(text);
    pair_free(&p);
    hkp_htp_devices_free(set), hkp_htp_devices_free(later);
}

static void a_suspended_node_may_come_back(void) {
    static struct world w;
    struct pair p;
    load(&w, "n");
    hkp_htp_devices *set = registered(&p, &w);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_devices_set_status(set, p.v, p.now, w.e.node_id, HKP_HTP_NODE_SUSPENDED), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_IDENTITY);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_NONE);
    CHECK_EQ(hkp_htp_devices_set_status(set, p.v, p.now, w.e.node_id, HKP_HTP_NODE_ACTIVE), HKP_OK);
    pair_run(&p, 10 * HKP_HTP__SEC);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_UP);
    static const uint8_t nobody[16] = {1};
    CHECK_EQ(hkp_htp_devices_set_status(set, p.v, p.now, nobody, HKP_HTP_NODE_REVOKED), HKP_E_NOTFOUND);
    pair_free(&p);
    hkp_htp_devices_free(set);
}

static void new_terms_hold_for_the_next_handshake(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_device d = {.struct_size = sizeof d};
    load(&w, "r");
    hkp_htp_devices *set = registered(&p, &w);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_devices_find(set, w.e.node_id, &d), HKP_OK);
    d.record.policy_ver = 1000;
    CHECK_EQ(hkp_htp_devices_update(set, &d), HKP_OK);
    CHECK_EQ(connects(&p), HKP_HTP_EVENT_NONE); /* its ticket is dead, and it runs too old a policy */
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).reason, HKP_HTP_REASON_POLICY);
    CHECK_EQ(hkp_htp_devices_find(set, w.e.node_id, &d), HKP_OK);
    CHECK_EQ(d.failed, 1);
    pair_free(&p);
    hkp_htp_devices_free(set);
}

static void a_certificate_enrols_a_device(void) {
    static struct world w;
    uint8_t node[16];
    hkp_htp_devices *set = NULL;
    struct hkp_htp_device got = {.struct_size = sizeof got};
    load(&w, "r_certs");
    struct hkp_htp_devices_options o = {.struct_size = sizeof o, .base = w.registry};
    CHECK_EQ(hkp_htp_devices_new(&set, &o), HKP_OK);
    CHECK_EQ(hkp_htp_devices_enrol(set, w.e.cert, w.e.cert_len - 1, 0, node), HKP_E_HTP_IDENTITY);
    w.e.own.expired = 1;
    CHECK_EQ(hkp_htp_devices_enrol(set, w.e.cert, w.e.cert_len, 0, node), HKP_E_HTP_IDENTITY);
    w.e.own.expired = 0;
    CHECK_EQ(hkp_htp_devices_enrol(set, w.e.cert, w.e.cert_len, 0, node), HKP_OK);
    CHECK_MEM(node, w.e.node_id, 16);
    CHECK_EQ(hkp_htp_devices_enrol(set, w.e.cert, w.e.cert_len, 0, NULL), HKP_E_STATE);
    CHECK_EQ(hkp_htp_devices_find(set, node, &got), HKP_OK);
    CHECK_MEM(got.record.a, w.e.a, 32);
    CHECK_EQ(got.record.neural, HKP_HTP_NEURAL_OPEN);
    hkp_htp_devices_free(set);
    set = with(0, NULL); /* nobody to ask */
    CHECK_EQ(hkp_htp_devices_enrol(set, w.e.cert, w.e.cert_len, 0, node), HKP_E_HTP_IDENTITY);
    hkp_htp_devices_free(set);
}

static void every_allocation_may_fail(void) {
    hkp_htp_devices *many = with(100, NULL);
    size_t len;
    uint8_t *text = text_of(many, &len);
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_htp_devices_options o = {.struct_size = sizeof o, .mem = failing_mem(&f)};
        hkp_htp_devices *set = NULL;
        hkp_status st = hkp_htp_devices_new(&set, &o);
        for (uint32_t i = 0; st == HKP_OK && i < 40; i++) {
            struct hkp_htp_device d = device(1000 + i);
            st = hkp_htp_devices_add(set, &d);
        }
        if (st == HKP_OK) st = hkp_htp_devices_read(set, text, len);
        hkp_htp_devices_free(set);
        CHECK_EQ(f.live, 0);
        if (st == HKP_OK) {
            CHECK(budget > 10);
            break;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
    }
    free(text);
    hkp_htp_devices_free(many);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(devices_are_found_and_listed);
    CASE(what_is_out_of_range_is_not_enrolled);
    CASE(text_gives_the_same_set);
    CASE(altered_text_changes_nothing);
    CASE(text_is_judged_line_by_line);
    CASE(a_file_holds_the_set_for_its_owner_only);
    CASE(an_endpoint_lives_by_the_set);
    CASE(revocation_is_at_once_and_for_good);
    CASE(a_suspended_node_may_come_back);
    CASE(new_terms_hold_for_the_next_handshake);
    CASE(a_certificate_enrols_a_device);
    CASE(every_allocation_may_fail);
    return check_done();
}
