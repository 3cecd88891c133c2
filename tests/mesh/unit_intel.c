/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The threat cache: merging, levels, lookup, limits (M-TI-4 to M-TI-13, M-CACHE-1, -2, -4). */
#include "alloc.h"
#include "check.h"
#include "libmesh/intel.h"

#define NOW 1760000000ULL
#define DAY 86400ULL

static uint64_t rng_state;

static int32_t rng_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&rng_state);
    return 0;
}

static struct failing mem = {.left = -1};

static hkp_mesh_intel *make(uint32_t records, uint32_t authors) {
    struct hkp_mesh_intel_options o;
    hkp_mesh_intel *t = NULL;
    rng_state = check_seed();
    hkp_mesh_intel_options_init(&o, sizeof o);
    o.group = 1;
    o.records = records;
    o.authors = authors;
    o.mem = failing_mem(&mem);
    o.rng.fill = rng_fill;
    CHECK_EQ(hkp_mesh_intel_new(&t, &o, NOW), HKP_OK);
    return t;
}

static void drop(hkp_mesh_intel *t) {
    hkp_mesh_intel_free(t);
    CHECK_EQ(mem.live, 0);
}

/* A record about text, by author number n of group g, and what became of it. */
struct say {
    uint32_t group, author;
    const char *type, *text;
    uint64_t seq, from, until, time;
    int confidence, evidence, severity;
    const char *context;
};

static struct hkp_mesh_added added;

static hkp_status say_at(hkp_mesh_intel *t, uint64_t now, struct say s) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX], bytes[HKP_MESH_RECORD_MAX];
    uint32_t type = 0;
    size_t value_len = 0, len = 0;
    const char *name = s.type != NULL ? s.type : "ip4";
    CHECK_EQ(hkp_mesh_ioc_canonicalise(hkp_mesh_ioc_type_find(name, strlen(name)), s.text, strlen(s.text),
                                       &type, value, sizeof value, &value_len),
             HKP_OK);
    const uint64_t from = s.from != 0 ? s.from : NOW;
    struct hkp_mesh_record r = {.value = value,
                                .value_len = value_len,
                                .ioc_type = (uint8_t)type,
                                .threat = 1,
                                .severity = (uint8_t)(s.severity != 0 ? s.severity : 2),
                                .confidence = (uint8_t)(s.confidence != 0 ? s.confidence : 90),
                                .tlp = HKP_MESH_TLP_GREEN,
                                .evidence = (uint8_t)s.evidence,
                                .valid_from_s = from,
                                .valid_until_s = s.until != 0 ? s.until : from + DAY,
                                .context = (const uint8_t *)s.context,
                                .context_len = s.context != NULL ? strlen(s.context) : 0};
    CHECK_EQ(hkp_mesh_record_encode(&r, bytes, sizeof bytes, &len), HKP_OK);
    struct hkp_mesh_origin o = {
        .seq = s.seq != 0 ? s.seq : 1, .time_s = s.time != 0 ? s.time : NOW, .group = s.group, .position = 3};
    memcpy(o.author, &s.author, sizeof s.author);
    o.author[15] = (uint8_t)s.group;
    o.block[31] = 0x77;
    added = (struct hkp_mesh_added){.struct_size = sizeof added};
    return hkp_mesh_intel_add(t, now, &o, bytes, len, &added);
}

static uint32_t say(hkp_mesh_intel *t, struct say s) {
    CHECK_EQ(say_at(t, NOW, s), HKP_OK);
    return added.result;
}

static struct hkp_mesh_match match;

static hkp_status look_at(const hkp_mesh_intel *t, uint64_t now, const char *type, const char *text) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    uint32_t got = 0;
    size_t len = 0;
    CHECK_EQ(hkp_mesh_ioc_canonicalise(hkp_mesh_ioc_type_find(type, strlen(type)), text, strlen(text), &got,
                                       value, sizeof value, &len),
             HKP_OK);
    memset(&match, 0, sizeof match);
    match.struct_size = sizeof match;
    return hkp_mesh_intel_lookup(t, now, got, value, len, &match);
}

static uint32_t level(const hkp_mesh_intel *t, const char *type, const char *text) {
    return look_at(t, NOW, type, text) == HKP_OK ? match.level : 99;
}

static void every_allocation_may_fail(void) {
    struct hkp_mesh_intel_options o;
    hkp_mesh_intel_options_init(&o, sizeof o);
    o.group = 1;
    o.rng.fill = rng_fill;
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        hkp_mesh_intel *t = NULL;
        o.mem = failing_mem(&f);
        const hkp_status st = hkp_mesh_intel_new(&t, &o, NOW);
        if (st == HKP_OK) {
            CHECK(budget > 0);
            struct hkp_mesh_intel_stats stats = {.struct_size = sizeof stats};
            CHECK_EQ(hkp_mesh_intel_get_stats(t, &stats), HKP_OK);
            CHECK_EQ(stats.memory, f.peak);
            hkp_mesh_intel_free(t);
            CHECK_EQ(f.live, 0);
            break;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(t == NULL && f.live == 0);
    }
    o.group = 0;
    hkp_mesh_intel *none = NULL;
    CHECK_EQ(hkp_mesh_intel_new(&none, &o, NOW), HKP_E_INVAL);
    hkp_mesh_intel_free(NULL);
}

/* M-TI-11: no amount of reports from one group makes more than WATCH. */
static void three_groups_with_evidence_block(void) {
    hkp_mesh_intel *t = make(100, 100);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), 99);
    for (uint32_t a = 1; a <= 20; a++)
        say(t, (struct say){.group = 1, .author = a, .text = "9.9.9.9", .evidence = 2, .time = NOW + a});
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_WATCH);
    CHECK_EQ(say(t, (struct say){.group = 2, .author = 1, .text = "9.9.9.9", .evidence = 1}),
             HKP_MESH_ADDED_GROUP);
    CHECK_EQ(added.level_before, HKP_MESH_LEVEL_WATCH);
    CHECK_EQ(added.level_after, HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(say(t, (struct say){.group = 3, .author = 1, .text = "9.9.9.9", .evidence = 0}),
             HKP_MESH_ADDED_GROUP);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(say(t, (struct say){.group = 4, .author = 1, .text = "9.9.9.9", .evidence = 1}),
             HKP_MESH_ADDED_GROUP);
    CHECK_EQ(added.level_after, HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_BLOCK);
    CHECK(match.groups == 4 && match.evidence_groups == 3 && match.confidence_bp == 9000);
    CHECK_EQ(hkp_mesh_intel_lookup(t, NOW, 99, (const uint8_t *)"", 0, &match), HKP_E_INVAL);

    /* f + 1 groups are needed; a day later confidence is too low. */
    hkp_mesh_intel_set_faults(t, 3);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_ALERT);
    hkp_mesh_intel_set_faults(t, 2);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(look_at(t, NOW + DAY, "ip4", "9.9.9.9"), HKP_E_NOTFOUND);
    drop(t);
}

static void addresses_match_prefixes_and_urls_match_hosts(void) {
    hkp_mesh_intel *t = make(100, 100);
    for (uint32_t g = 1; g <= 3; g++) {
        say(t, (struct say){.group = g, .type = "cidr4", .text = "45.33.32.0/24", .evidence = 1});
        say(t, (struct say){.group = g, .type = "domain", .text = "evil.com", .evidence = 1});
        say(t, (struct say){.group = g, .type = "url", .text = "http://bad.net/x", .evidence = 1});
        say(t, (struct say){.group = g, .type = "cidr6", .text = "2606:4700::/48", .evidence = 1});
    }
    say(t, (struct say){.group = 1, .type = "cidr4", .text = "45.33.32.128/25", .evidence = 1});
    CHECK_EQ(level(t, "ip4", "45.33.32.7"), HKP_MESH_LEVEL_BLOCK);
    CHECK(match.kind == HKP_MESH_MATCH_PREFIX && match.value_len == 5 && match.value[4] == 24);
    CHECK_EQ(level(t, "ip4", "45.33.32.200"), HKP_MESH_LEVEL_WATCH); /* the longest prefix speaks */
    CHECK_EQ(level(t, "ip4", "45.33.33.7"), 99);
    CHECK_EQ(level(t, "ip6", "2606:4700:0:ffff::1"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(level(t, "domain", "evil.com"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(match.kind, HKP_MESH_MATCH_EXACT);
    CHECK_EQ(level(t, "domain", "a.b.evil.com"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(match.kind, HKP_MESH_MATCH_PARENT);
    CHECK_EQ(level(t, "domain", "notevil.com"), 99);
    CHECK_EQ(level(t, "url", "http://bad.net/x"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(level(t, "url", "https://evil.com/any"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(match.kind, HKP_MESH_MATCH_HOST);
    CHECK_EQ(level(t, "url", "ftp://45.33.32.9:99/"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(level(t, "url", "http://bad.net/y"), 99);
    CHECK_EQ(level(t, "domain", "1.2.3.4.5.6.7.8.evil.com"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(level(t, "domain", "0.1.2.3.4.5.6.7.8.evil.com"), 99); /* eight parents, no more */
    drop(t);
}

static void a_finding_is_the_record_with_its_provenance(void) {
    hkp_mesh_intel *t = make(100, 100);
    static const char context[] = "a context that is longer than one cell of the arena by far";
    struct hkp_mesh_record r = {.value = (const uint8_t *)"evil.com",
                                .value_len = 8,
                                .ioc_type = HKP_MESH_IOC_DOMAIN,
                                .threat = 4,
                                .severity = 1,
                                .confidence = 77,
                                .tlp = HKP_MESH_TLP_CLEAR,
                                .evidence = 2,
                                .valid_from_s = NOW - 100,
                                .valid_until_s = NOW + DAY,
                                .context = (const uint8_t *)context,
                                .context_len = sizeof context - 1,
                                .has_rule = 1,
                                .rule = 2001219,
                                .technique_count = 2,
                                .technique = {"T1046", "T1595.001"}};
    struct hkp_mesh_origin o = {.seq = 5, .time_s = NOW - 7, .group = 2, .position = 65535};
    uint8_t bytes[HKP_MESH_RECORD_MAX], again[HKP_MESH_RECORD_MAX];
    size_t len = 0, again_len = 0;
    memset(o.author, 0xaa, 16);
    memset(o.block, 0xbb, 32);
    CHECK_EQ(hkp_mesh_record_encode(&r, bytes, sizeof bytes, &len), HKP_OK);
    added.struct_size = sizeof added;
    CHECK_EQ(hkp_mesh_intel_add(t, NOW, &o, bytes, len, &added), HKP_OK);
    CHECK_EQ(added.result, HKP_MESH_ADDED_NEW);

    struct hkp_mesh_finding f = {.struct_size = sizeof f};
    CHECK_EQ(hkp_mesh_intel_finding(t, NOW, added.ioc_key, 0, &f), HKP_OK);
    CHECK_MEM(&f.origin, &o, sizeof o);
    CHECK_EQ(hkp_mesh_record_encode(&f.record, again, sizeof again, &again_len), HKP_OK);
    CHECK_EQ(again_len, len);
    CHECK_MEM(again, bytes, len);
    CHECK_EQ(hkp_mesh_intel_finding(t, NOW, added.ioc_key, 1, &f), HKP_E_NOTFOUND);

    hkp_mesh_intel_finalised(t, o.author, 4, 9);
    CHECK_EQ(hkp_mesh_intel_finding(t, NOW, added.ioc_key, 0, &f), HKP_OK);
    CHECK_EQ(f.origin.height, 0);
    hkp_mesh_intel_finalised(t, o.author, 5, 10);
    hkp_mesh_intel_finalised(t, o.author, 6, 11);
    CHECK_EQ(hkp_mesh_intel_finding(t, NOW, added.ioc_key, 0, &f), HKP_OK);
    CHECK_EQ(f.origin.height, 10);
    drop(t);
}

static void a_newer_record_replaces_and_a_repetition_does_not(void) {
    hkp_mesh_intel *t = make(100, 100);
    const struct say s = {.group = 2, .author = 1, .text = "9.9.9.9", .seq = 5};
    struct say x = s;
    CHECK_EQ(say(t, s), HKP_MESH_ADDED_NEW);
    CHECK_EQ(say(t, s), HKP_MESH_ADDED_OLDER);
    x.seq = 4;
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_OLDER);
    x.seq = 6;
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_UNCHANGED);
    x.context = "other words";
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_REPLACED);
    x.seq = 7, x.context = "other wordz";
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_REPLACED);
    x.seq = 8, x.from = NOW + 7 * DAY / 4;
    CHECK_EQ(say_at(t, NOW + 7 * DAY / 4, x), HKP_OK);
    CHECK_EQ(added.result, HKP_MESH_ADDED_REPLACED);

    /* Of two authors of one group the newer block speaks, whoever came first. */
    x = s, x.text = "9.9.9.8", x.time = NOW + 10;
    CHECK_EQ(say_at(t, NOW, x), HKP_E_MESH_EXPIRED); /* time does not run backwards inside */
    x.from = NOW + 7 * DAY / 4;
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_NEW);
    x.author = 2, x.time = NOW + 9, x.seq = 100;
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_OLDER);
    x.time = NOW + 11;
    CHECK_EQ(say(t, x), HKP_MESH_ADDED_REPLACED);
    struct hkp_mesh_intel_stats stats = {.struct_size = sizeof stats};
    CHECK_EQ(hkp_mesh_intel_get_stats(t, &stats), HKP_OK);
    CHECK(stats.records == 2 && stats.indicators == 2);
    drop(t);
}

static void the_allowlist_protects_what_is_in_it(void) {
    hkp_mesh_intel *t = make(100, 100);
    static const uint8_t net[] = {8, 8, 0, 0, 16}, one[] = {45, 33, 32, 5}, bad[] = {8, 8, 0, 1, 16};
    for (uint32_t g = 1; g <= 3; g++) {
        say(t, (struct say){.group = g, .text = "8.8.8.8", .evidence = 1});
        say(t, (struct say){.group = g, .type = "cidr4", .text = "45.33.32.0/24", .evidence = 1});
    }
    CHECK_EQ(level(t, "ip4", "8.8.8.8"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(level(t, "ip4", "45.33.32.5"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(hkp_mesh_intel_allow(t, HKP_MESH_IOC_CIDR4, bad, 5), HKP_E_MESH_IOC_HOSTBITS);
    CHECK_EQ(hkp_mesh_intel_allow(t, HKP_MESH_IOC_CIDR4, net, 5), HKP_OK);
    CHECK_EQ(hkp_mesh_intel_allow(t, HKP_MESH_IOC_CIDR4, net, 5), HKP_OK);
    CHECK_EQ(hkp_mesh_intel_allow(t, HKP_MESH_IOC_IP4, one, 4), HKP_OK);
    CHECK_EQ(level(t, "ip4", "8.8.8.8"), HKP_MESH_LEVEL_NONE);
    CHECK_EQ(level(t, "ip4", "45.33.32.5"), HKP_MESH_LEVEL_NONE);
    CHECK_EQ(level(t, "ip4", "45.33.32.6"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(say(t, (struct say){.group = 4, .text = "8.8.4.4"}), HKP_MESH_ADDED_ALLOWED);
    CHECK_EQ(say(t, (struct say){.group = 4, .type = "cidr4", .text = "8.8.4.0/24"}), HKP_MESH_ADDED_ALLOWED);
    CHECK_EQ(say(t, (struct say){.group = 4, .type = "url", .text = "http://8.8.4.4/x"}),
             HKP_MESH_ADDED_ALLOWED);
    hkp_mesh_intel_allow_clear(t);
    CHECK_EQ(level(t, "ip4", "8.8.8.8"), HKP_MESH_LEVEL_BLOCK);

    /* M-TI-7: an address where a member was reached, for a day */
    static const uint8_t member[16] = {1}, addr[3][4] = {{8, 8, 8, 8}, {8, 8, 8, 9}, {8, 8, 8, 7}};
    hkp_mesh_intel_member_seen(t, NOW, member, HKP_MESH_IOC_IP4, addr[0], 4);
    CHECK_EQ(level(t, "ip4", "8.8.8.8"), HKP_MESH_LEVEL_ALERT);
    hkp_mesh_intel_member_seen(t, NOW + 1, member, HKP_MESH_IOC_IP4, addr[1], 4);
    hkp_mesh_intel_member_seen(t, NOW + 2, member, HKP_MESH_IOC_IP4, addr[2], 4);
    CHECK_EQ(level(t, "ip4", "8.8.8.8"), HKP_MESH_LEVEL_BLOCK); /* the two newest only */
    drop(t);
}

static void revocation_and_false_positives_take_back(void) {
    hkp_mesh_intel *t = make(100, 100);
    uint8_t author[16] = {1};
    uint32_t removed = 0;
    for (uint32_t g = 1; g <= 4; g++)
        say(t, (struct say){.group = g, .author = 1, .text = "9.9.9.9", .evidence = 1});
    uint8_t key[16];
    memcpy(key, added.ioc_key, 16);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_BLOCK);
    CHECK_EQ(hkp_mesh_intel_sighting(t, NOW, 7, key, HKP_MESH_SIGHTING_POSITIVE), HKP_OK);
    CHECK_EQ(hkp_mesh_intel_sighting(t, NOW, 7, key, HKP_MESH_SIGHTING_FALSE), HKP_OK);
    CHECK_EQ(hkp_mesh_intel_sighting(t, NOW, 7, key, HKP_MESH_SIGHTING_FALSE), HKP_OK);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_BLOCK); /* four less one are three */
    CHECK_EQ(match.false_positives, 1);
    CHECK_EQ(hkp_mesh_intel_sighting(t, NOW, 8, key, HKP_MESH_SIGHTING_FALSE), HKP_OK);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_ALERT);
    CHECK_EQ(hkp_mesh_intel_sighting(t, NOW, 0, key, HKP_MESH_SIGHTING_FALSE), HKP_E_INVAL);

    author[15] = 2;
    hkp_mesh_intel_revoke(t, NOW + 5, author, key, &removed);
    CHECK_EQ(removed, 1);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), HKP_MESH_LEVEL_WATCH);
    CHECK_EQ(match.groups, 3);
    const struct say again = {.group = 2, .author = 1, .text = "9.9.9.9", .seq = 9};
    CHECK_EQ(say(t, again), HKP_MESH_ADDED_REVOKED);
    struct say later = again;
    later.from = NOW + 5;
    CHECK_EQ(say(t, later), HKP_MESH_ADDED_GROUP); /* it begins after the tombstone */
    hkp_mesh_intel_revoke(t, NOW + 6, NULL, key, &removed);
    CHECK_EQ(removed, 4);
    CHECK_EQ(level(t, "ip4", "9.9.9.9"), 99);
    CHECK_EQ(say(t, (struct say){.group = 5, .author = 1, .text = "9.9.9.9"}), HKP_MESH_ADDED_REVOKED);
    drop(t);
}

static void text_of(char *out, size_t cap, uint32_t n) {
    snprintf(out, cap, "%u.%u.%u.%u", 20 + n / 65536 % 50, n / 256 % 256, n % 256, 7);
}

/* M-TI-6 */
static void an_author_has_a_thousand_new_keys_an_hour(void) {
    hkp_mesh_intel *t = make(5000, 100);
    char text[32];
    for (uint32_t i = 0; i < 1000; i++) {
        text_of(text, sizeof text, i);
        CHECK_EQ(say(t, (struct say){.group = 2, .author = 1, .text = text}), HKP_MESH_ADDED_NEW);
    }
    CHECK_EQ(say(t, (struct say){.group = 2, .author = 1, .text = "99.1.1.1"}), HKP_MESH_ADDED_CAPPED);
    CHECK_EQ(say(t, (struct say){.group = 2, .author = 1, .text = text, .seq = 2, .context = "changed"}),
             HKP_MESH_ADDED_REPLACED);
    CHECK_EQ(say(t, (struct say){.group = 2, .author = 2, .text = "99.1.1.1"}), HKP_MESH_ADDED_NEW);
    CHECK_EQ(
        say_at(t, NOW + 3600, (struct say){.group = 2, .author = 1, .text = "99.1.1.2", .from = NOW + 3600}),
        HKP_OK);
    CHECK_EQ(added.result, HKP_MESH_ADDED_NEW);
    drop(t);
}

/* M-TI-13: the 101st transition of a day waits for the next day. */
static void an_author_makes_a_hundred_blocks_a_day(void) {
    hkp_mesh_intel *t = make(5000, 100);
    char text[32];
    uint32_t removed;
    for (uint32_t i = 0; i <= 100; i++) {
        text_of(text, sizeof text, i);
        for (uint32_t g = 2; g <= 4; g++)
            say(t,
                (struct say){.group = g, .author = 1, .text = text, .evidence = 1, .until = NOW + 3 * DAY});
        CHECK_EQ(added.level_after, i < 100 ? HKP_MESH_LEVEL_BLOCK : HKP_MESH_LEVEL_ALERT);
    }
    CHECK_EQ(level(t, "ip4", text), HKP_MESH_LEVEL_ALERT);
    for (uint32_t g = 5; g <= 7; g++) /* others' count on */
        say(t, (struct say){.group = g, .author = 1, .text = text, .evidence = 1});
    CHECK_EQ(level(t, "ip4", text), HKP_MESH_LEVEL_BLOCK);
    text_of(text, sizeof text, 500);
    for (uint32_t g = 2; g <= 4; g++)
        say(t, (struct say){.group = g, .author = 1, .text = text, .evidence = 1, .until = NOW + 3 * DAY});
    CHECK_EQ(added.level_after, HKP_MESH_LEVEL_ALERT);
    for (int i = 0; i < 40; i++) hkp_mesh_intel_expire(t, NOW + DAY, &removed);
    CHECK_EQ(look_at(t, NOW + DAY, "ip4", text), HKP_OK);
    CHECK_EQ(match.level, HKP_MESH_LEVEL_BLOCK);
    drop(t);
}

static void records_end_when_they_said(void) {
    hkp_mesh_intel *t = make(1000, 100);
    uint32_t removed = 0, total = 0;
    char text[32];
    for (uint32_t i = 0; i < 500; i++) {
        text_of(text, sizeof text, i);
        say(t, (struct say){.group = 2, .author = 1, .text = text, .until = NOW + 60 * (i + 1)});
    }
    say(t, (struct say){.group = 2,
                        .author = 1,
                        .type = "md5",
                        .text = "d41d8cd98f00b204e9800998ecf8427e",
                        .until = NOW + 365 * DAY});
    CHECK_EQ(look_at(t, NOW + 60, "ip4", "20.0.0.7"), HKP_E_NOTFOUND);
    CHECK_EQ(look_at(t, NOW + 60, "ip4", "20.0.1.7"), HKP_OK);
    for (uint64_t now = NOW; now <= NOW + 31000; now += 17) {
        hkp_mesh_intel_expire(t, now, &removed);
        total += removed;
        const uint64_t over = (now - NOW) / 60 > 500 ? 500 : (now - NOW) / 60;
        CHECK(total <= over && total + 2 >= (over > 2 ? over : 2));
    }
    CHECK_EQ(total, 500);
    hkp_mesh_intel_expire(t, NOW + 364 * DAY, &removed);
    CHECK_EQ(removed, 0);
    hkp_mesh_intel_expire(t, NOW + 366 * DAY, &removed);
    CHECK_EQ(removed, 1);
    struct hkp_mesh_intel_stats stats = {.struct_size = sizeof stats};
    CHECK_EQ(hkp_mesh_intel_get_stats(t, &stats), HKP_OK);
    CHECK(stats.records == 0 && stats.indicators == 0 && stats.expired == 501);
    drop(t);
}

/* M-CACHE-4 and mesh.md 8.1: full tables evict, never grow, and lose no place or cell. */
static void a_full_table_stays_whole(void) {
    hkp_mesh_intel *t = make(300, 50);
    uint64_t rnd = check_seed();
    char text[96];
    const uint32_t cells = t->cells_left;
    for (int i = 0; i < 20000; i++) {
        struct say s = {.group = 1 + (uint32_t)(check_random(&rnd) % 6),
                        .author = (uint32_t)(check_random(&rnd) % 5),
                        .seq = 1 + check_random(&rnd) % 50,
                        .evidence = 1,
                        .confidence = 1 + (int)(check_random(&rnd) % 100),
                        .text = text};
        const uint32_t n = (uint32_t)(check_random(&rnd) % 700);
        switch (check_random(&rnd) % 4) {
        case 0:
            s.type = "domain";
            snprintf(text, sizeof text, "host%u.some-longer-name-%u.com", n, n % 7);
            break;
        case 1:
            s.type = "cidr4";
            snprintf(text, sizeof text, "45.%u.%u.0/24", n % 5, n % 256);
            break;
        case 2:
            text_of(text, sizeof text, n);
            s.context = "seen with a context of some length, more than one cell";
            break;
        default:
            text_of(text, sizeof text, n);
            break;
        }
        const uint64_t now = NOW + (uint64_t)i * 20;
        s.from = now, s.time = now, s.until = now + 60 + check_random(&rnd) % DAY;
        CHECK_EQ(say_at(t, now, s), HKP_OK);
        if (added.result <= HKP_MESH_ADDED_REPLACED)
            CHECK_EQ(look_at(t, now, s.type != NULL ? s.type : "ip4", text), HKP_OK);
        uint32_t removed;
        if (i % 7 == 0) hkp_mesh_intel_expire(t, now, &removed);
        if (i % 50 == 0) hkp_mesh_intel_revoke(t, now, NULL, added.ioc_key, &removed);
    }
    struct hkp_mesh_intel_stats stats = {.struct_size = sizeof stats};
    CHECK_EQ(hkp_mesh_intel_get_stats(t, &stats), HKP_OK);
    CHECK(stats.records <= 300 && stats.evicted > 0 && stats.expired > 0);
    uint32_t cursor = 0, listed = 0, records = 0, live = 0, removed;
    match.struct_size = sizeof match;
    while (hkp_mesh_intel_next(t, 0, &cursor, &match) == HKP_OK) { /* at time 0 nothing is over */
        listed++;
        records += match.groups;
        CHECK(hkp_mesh__table_find_key(t, match.ioc_key) != HKP_MESH__NIL);
    }
    CHECK_EQ(listed, stats.indicators);
    CHECK_EQ(records, stats.records);
    for (uint32_t i = 0; i < t->authors_cap; i++) live += t->authors[i].live;
    CHECK_EQ(live, stats.records);
    hkp_mesh_intel_expire(t, NOW + 400 * DAY, &removed);
    CHECK_EQ(removed, stats.records);
    CHECK_EQ(t->cells_left, cells);
    for (uint32_t i = 0; i < t->index_cap; i++) CHECK_EQ(t->index[i].rec, HKP_MESH__NIL);
    for (uint32_t i = 0; i < t->authors_cap; i++)
        if (t->authors[i].group != 0) CHECK_EQ(t->authors[i].pending, HKP_MESH__NIL);
    for (int i = 0; i < 33; i++) CHECK_EQ(t->prefix4[i], 0);
    drop(t);
}

/* mesh.md 15: the 33rd group pushes out the least confident one, never our own. */
static void an_indicator_holds_32_groups(void) {
    hkp_mesh_intel *t = make(100, 100);
    for (uint32_t g = 1; g <= 32; g++)
        say(t, (struct say){
                   .group = g, .author = g, .text = "9.9.9.9", .confidence = g == 1 ? 1 : (int)(10 + g)});
    CHECK_EQ(say(t, (struct say){.group = 40, .author = 1, .text = "9.9.9.9", .confidence = 5}),
             HKP_MESH_ADDED_CAPPED);
    CHECK_EQ(say(t, (struct say){.group = 41, .author = 1, .text = "9.9.9.9", .confidence = 50}),
             HKP_MESH_ADDED_REPLACED);
    CHECK_EQ(look_at(t, NOW, "ip4", "9.9.9.9"), HKP_OK);
    CHECK_EQ(match.groups, 32);
    struct hkp_mesh_finding f = {.struct_size = sizeof f};
    int own = 0, second = 0;
    for (uint32_t i = 0; hkp_mesh_intel_finding(t, NOW, match.ioc_key, i, &f) == HKP_OK; i++) {
        own += f.origin.group == 1;
        second += f.origin.group == 2;
    }
    CHECK(own == 1 && second == 0);
    drop(t);
}

int main(void) {
    CASE(every_allocation_may_fail);
    CASE(three_groups_with_evidence_block);
    CASE(addresses_match_prefixes_and_urls_match_hosts);
    CASE(a_finding_is_the_record_with_its_provenance);
    CASE(a_newer_record_replaces_and_a_repetition_does_not);
    CASE(the_allowlist_protects_what_is_in_it);
    CASE(revocation_and_false_positives_take_back);
    CASE(an_author_has_a_thousand_new_keys_an_hour);
    CASE(an_author_makes_a_hundred_blocks_a_day);
    CASE(records_end_when_they_said);
    CASE(a_full_table_stays_whole);
    CASE(an_indicator_holds_32_groups);
    return check_done();
}
