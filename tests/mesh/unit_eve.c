/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EVE input: both forms of a stream, what is skipped and why, and following a file (M-EXP-6). */
#include "alloc.h"
#include "check.h"
#include "libmesh/eve.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1760000000ULL

static struct hkp_mesh_eve_stats stats;

static hkp_mesh_eve *make(void) {
    hkp_mesh_eve *eve = NULL;
    CHECK_EQ(hkp_mesh_eve_new(&eve, NULL), HKP_OK);
    return eve;
}

static void drop(hkp_mesh_eve *eve) {
    stats.struct_size = sizeof stats;
    CHECK_EQ(hkp_mesh_eve_get_stats(eve, &stats), HKP_OK);
    hkp_mesh_eve_free(eve);
}

static uint64_t digest;

/* Every record encodes; a sum over their bytes tells two runs apart. */
static void note_record(const struct hkp_mesh_record *r) {
    uint8_t bytes[HKP_MESH_RECORD_MAX];
    size_t len = 0;
    CHECK_EQ(hkp_mesh_record_encode(r, bytes, sizeof bytes, &len), HKP_OK);
    for (size_t i = 0; i < len; i++) digest = digest * 1099511628211U + bytes[i];
}

/* All bytes in pieces of a size; returns how many records. */
static unsigned feed(hkp_mesh_eve *eve, const char *bytes, size_t len, size_t piece) {
    unsigned records = 0;
    struct hkp_mesh_record r;
    for (size_t at = 0; at < len;) {
        size_t taken = 0, n = len - at < piece ? len - at : piece;
        hkp_mesh_eve_push(eve, (const uint8_t *)bytes + at, n, &taken);
        at += taken;
        while (hkp_mesh_eve_next(eve, NOW, &r) == HKP_OK) {
            note_record(&r);
            records++;
        }
    }
    hkp_mesh_eve_end(eve);
    while (hkp_mesh_eve_next(eve, NOW, &r) == HKP_OK) {
        note_record(&r);
        records++;
    }
    return records;
}

static char *read_file(const char *name, size_t *len) {
    char path[4096];
    const char *dir = getenv("HKP_SOURCE");
    snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : ".", name);
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 20);
    *len = f != NULL ? fread(text, 1, 1 << 20, f) : 0;
    if (f != NULL) fclose(f);
    if (*len == 0) printf("Bail out! cannot read %s\n", path);
    return text;
}

/* The one line of an alert, filled into a record; result as HKP_MESH_EVE_*. */
static uint32_t one(const char *json, struct hkp_mesh_record *r) {
    static struct hkp_mesh__eve_text text;
    const struct hkp_mesh_eve_options opt = {.tlp_plus_one = HKP_MESH_TLP_GREEN + 1, .ttl_s = 86400};
    memset(r, 0, sizeof *r);
    return hkp_mesh__eve_alert(json, strlen(json), &opt, NOW, r, &text);
}

static void real_alerts_give_the_same_records_in_both_forms(void) {
    static const struct {
        const char *name;
        unsigned elements, records;
    } files[] = {{"tests/data/eve/honeypot-2018.json", 44, 44}, {"tests/data/eve/wrccdc-2018.json", 207, 90}};
    for (int i = 0; i < 2; i++) {
        size_t len, lines_len = 0;
        char *array = read_file(files[i].name, &len), *lines = malloc(len + 1);
        json_t *root = json_loadb(array, len, 0, NULL), *element;
        size_t k;
        json_array_foreach(root, k, element) {
            char *line = json_dumps(element, JSON_COMPACT);
            memcpy(lines + lines_len, line, strlen(line));
            lines_len += strlen(line);
            lines[lines_len++] = '\n';
            free(line);
        }
        uint64_t first = 0;
        for (int form = 0; form < 2; form++)
            for (size_t piece = 1; piece < 200000; piece = piece * 7 + 1) {
                hkp_mesh_eve *eve = make();
                digest = 0;
                CHECK_EQ(form == 0 ? feed(eve, array, len, piece) : feed(eve, lines, lines_len, piece),
                         files[i].records);
                if (first == 0) first = digest;
                CHECK(digest == first);
                drop(eve);
                CHECK_EQ(stats.count[HKP_MESH_EVE_RECORD], files[i].records);
                CHECK_EQ(stats.count[HKP_MESH_EVE_LOCAL], files[i].elements - files[i].records);
            }
        json_decref(root);
        free(array);
        free(lines);
    }
}

static void the_shipped_sample_has_fifty_public_threats(void) {
    size_t len;
    char *text = read_file("examples/data/eve-sample.json", &len);
    hkp_mesh_eve *eve = make();
    CHECK(feed(eve, text, len, 4096) >= 50);
    drop(eve);
    CHECK_EQ(stats.count[HKP_MESH_EVE_BROKEN] + stats.count[HKP_MESH_EVE_OVERSIZED], 0);
    CHECK(stats.count[HKP_MESH_EVE_LOCAL] > 0);
    free(text);
}

#define ALERT(src, dst, more)                                                                                \
    "{\"timestamp\":\"2018-03-24T14:37:19\",\"event_type\":\"alert\",\"src_ip\":\"" src                      \
    "\",\"dest_ip\":\"" dst "\",\"proto\":\"TCP\"" more "}"
#define RULE(more)                                                                                           \
    ",\"alert\":{\"signature_id\":2001219,\"signature\":\"ET SCAN\",\"severity\":2,\"category\":\"Web "      \
    "Application Attack\"" more "}"

static void an_alert_becomes_a_record(void) {
    struct hkp_mesh_record r;
    CHECK_EQ(one(ALERT("45.33.32.156", "10.0.0.1", RULE("")), &r), HKP_MESH_EVE_RECORD);
    static const uint8_t ip[] = {45, 33, 32, 156};
    CHECK(r.ioc_type == HKP_MESH_IOC_IP4 && r.value_len == 4 && memcmp(r.value, ip, 4) == 0);
    CHECK(r.has_rule == 1 && r.rule == 2001219 && r.severity == 2 && r.threat == HKP_MESH_THREAT_EXPLOIT);
    CHECK(r.evidence == 0 && r.confidence == 75 && r.tlp == HKP_MESH_TLP_GREEN);
    CHECK(r.valid_from_s == NOW && r.valid_until_s == NOW + 86400);
    static const char context[] = "ET SCAN; seen 2018-03-24T14:37:19";
    CHECK_EQ(r.context_len, sizeof context - 1);
    CHECK_MEM(r.context, context, r.context_len);
    CHECK_EQ(one(ALERT("2a00::1", "fe80::1", RULE(",\"severity\":9")), &r), HKP_MESH_EVE_RECORD);
    CHECK(r.ioc_type == HKP_MESH_IOC_IP6 && r.severity == 4);
    CHECK_EQ(one(ALERT("::ffff:45.33.32.156", "fe80::1", RULE("")), &r), HKP_MESH_EVE_RECORD);
    CHECK_EQ(r.ioc_type, HKP_MESH_IOC_IP4);
    CHECK_EQ(one(ALERT("45.33.32.156", "10.0.0.1",
                       RULE(",\"metadata\":{\"mitre_technique_id\":[\"T1595.001\",\"x\",\"T1046\",\"T1046\","
                            "\"T12\"]}")),
                 &r),
             HKP_MESH_EVE_RECORD);
    CHECK(r.technique_count == 2 && strcmp(r.technique[0], "T1046") == 0 &&
          strcmp(r.technique[1], "T1595.001") == 0);
}

static void the_threat_is_the_foreign_side_or_what_the_rule_says(void) {
    struct hkp_mesh_record r;
    static const uint8_t a[] = {45, 33, 32, 1}, b[] = {45, 33, 32, 2};
    CHECK_EQ(one(ALERT("10.0.0.1", "45.33.32.2", RULE("")), &r), HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, b, 4);
    CHECK_EQ(one(ALERT("45.33.32.1", "45.33.32.2", RULE("")), &r), HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, a, 4);
    CHECK_EQ(one(ALERT("45.33.32.1", "45.33.32.2", RULE(",\"source\":{\"ip\":\"45.33.32.2\"}")), &r),
             HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, b, 4);
#define TARGET(t) RULE(",\"metadata\":{\"attack_target\":[\"" t "\"]}")
    CHECK_EQ(
        one(ALERT("45.33.32.1", "45.33.32.2", TARGET("Client_Endpoint") ",\"direction\":\"to_server\""), &r),
        HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, b, 4);
    CHECK_EQ(one(ALERT("45.33.32.1", "45.33.32.2", TARGET("Web_Server") ",\"direction\":\"to_server\""), &r),
             HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, a, 4);
    CHECK_EQ(
        one(ALERT("45.33.32.1", "45.33.32.2", TARGET("Server") ",\"flow\":{\"src_ip\":\"45.33.32.2\"}"), &r),
        HKP_MESH_EVE_RECORD);
    CHECK_MEM(r.value, b, 4);
    CHECK_EQ(one(ALERT("45.33.32.1", "10.0.0.2", TARGET("Server") ",\"direction\":\"to_client\""), &r),
             HKP_MESH_EVE_LOCAL);
    CHECK_EQ(one(ALERT("10.0.0.1", "10.0.0.2", RULE("")), &r), HKP_MESH_EVE_LOCAL);
    CHECK_EQ(one(ALERT("0.0.0.0", "203.0.113.4", RULE("")), &r), HKP_MESH_EVE_LOCAL);
}

/* A spoofed SYN draws answers: only an open connection, or payload both ways, is evidence. */
static void evidence_needs_what_cannot_be_spoofed(void) {
    struct hkp_mesh_record r;
    static const struct {
        const char *more;
        int evidence;
    } cases[] = {
        {ALERT("45.33.32.1", "10.0.0.2", RULE("")), 0},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"flow\":{\"pkts_toserver\":3,\"pkts_toclient\":4,\"bytes_toserver\":180,\"bytes_"
                        "toclient\":296}"),
         0},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"flow\":{\"pkts_toserver\":3,\"pkts_toclient\":4,\"bytes_toserver\":1800,\"bytes_"
                        "toclient\":2960}"),
         1},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"flow\":{\"pkts_toserver\":3,\"pkts_toclient\":4,\"bytes_toserver\":180,\"bytes_"
                        "toclient\":2960}"),
         0},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"flow\":{\"pkts_toserver\":3},\"tcp\":{\"state\":\"established\"}"),
         1},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"flow\":{\"pkts_toserver\":3},\"tcp\":{\"state\":\"syn_recv\"}"),
         0},
        {ALERT("45.33.32.1", "10.0.0.2", RULE("") ",\"tcp\":{\"state\":\"established\"}"), 0},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"proto\":\"UDP\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0}"),
         0},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"proto\":\"UDP\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1}"),
         1},
        {ALERT("45.33.32.1", "10.0.0.2",
               RULE("") ",\"proto\":\"ICMP\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1}"),
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int before = check_faults;
        CHECK_EQ(one(cases[i].more, &r), HKP_MESH_EVE_RECORD);
        CHECK_EQ(r.evidence, cases[i].evidence);
        CHECK_EQ(r.confidence, cases[i].evidence ? 90 : 75);
        CHECK_NOTE(before, "case %zu", i);
    }
}

static void what_is_no_alert_is_counted_and_skipped(void) {
    static const char lines[] =
        "{\"event_type\":\"dns\"}\n"
        "\n  \r\n"
        "{\"event_type\":\"alert\",\"src_ip\":\"1.2.3\n"
        "not json\n"
        "{}\n"
        "[1]\n"
        "{\"event_type\":\"alert\"}\n" ALERT("1.2.3", "45.33.32.1", RULE("")) "\n" ALERT(
            "45.33.32.1", "45.33.32.2",
            "") "\n"
                "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}\n"
                "{\"event_type\":\"x\",\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}\r\n" ALERT(
                    "45.33.32.1", "10.0.0.1", RULE(""));
    hkp_mesh_eve *eve = make();
    CHECK_EQ(feed(eve, lines, sizeof lines - 1, 10), 1);
    drop(eve);
    CHECK_EQ(stats.count[HKP_MESH_EVE_RECORD], 1);
    CHECK_EQ(stats.count[HKP_MESH_EVE_BROKEN], 4);
    CHECK_EQ(stats.count[HKP_MESH_EVE_NOT_ALERT], 3);
    CHECK_EQ(stats.count[HKP_MESH_EVE_NO_ADDRESS], 3);
}

static void an_element_of_64_kib_is_read_and_a_longer_one_skipped(void) {
    const char good[] = ALERT("45.33.32.1", "10.0.0.1", RULE(""));
    for (int array = 0; array < 2; array++)
        for (size_t size = 65535; size <= 65537; size++) {
            char *text = malloc(3 * 65537 + 1000);
            size_t len = 0;
            if (array) text[len++] = '[';
            const size_t start = len;
            memcpy(text + len, good, sizeof good - 2);
            len += sizeof good - 2;
            memcpy(text + len, ",\"x\":\"", 6);
            len += 6;
            for (; len < start + size - 2; len++) text[len] = len % 5 == 0 ? '{' : '[';
            text[len++] = '"';
            text[len++] = '}';
            text[len++] = array ? ',' : '\n';
            memcpy(text + len, good, sizeof good - 1);
            len += sizeof good - 1;
            text[len++] = array ? ']' : '\n';
            hkp_mesh_eve *eve = make();
            CHECK_EQ(feed(eve, text, len, 1000), size > 65536 ? 1 : 2);
            drop(eve);
            CHECK_EQ(stats.count[HKP_MESH_EVE_OVERSIZED], size > 65536);
            free(text);
        }
}

static void context_is_cut_between_characters(void) {
    struct hkp_mesh_record r;
    char json[2000], signature[700];
    for (size_t pad = 0; pad < 4; pad++) {
        size_t n = 0;
        while (n < pad) signature[n++] = 'x';
        while (n < 600) {
            memcpy(signature + n, "\xe2\x82\xac", 3);
            n += 3;
        }
        signature[n] = 0;
        snprintf(json, sizeof json,
                 "{\"event_type\":\"alert\",\"src_ip\":\"45.33.32.1\",\"dest_ip\":\"10.0.0.1\",\"alert\":{"
                 "\"signature\":\"%s\"}}",
                 signature);
        CHECK_EQ(one(json, &r), HKP_MESH_EVE_RECORD);
        CHECK(r.context_len > 252 && r.context_len <= 256);
        note_record(&r);
    }
    CHECK_EQ(one(ALERT("45.33.32.1", "10.0.0.1", ",\"alert\":{\"signature\":\"a\\u001b[31m\\u0000b\"}"), &r),
             HKP_MESH_EVE_RECORD);
    note_record(&r);
    CHECK_EQ(memcmp(r.context, "a [31m b", 8), 0);
}

static unsigned drain(hkp_mesh_eve_file *f) {
    struct hkp_mesh_record r;
    unsigned n = 0;
    while (hkp_mesh_eve_file_next(f, NOW, &r) == HKP_OK) n++;
    return n;
}

static void append(const char *path, const char *text, int flags) {
    const int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void a_file_is_followed_through_rotation_and_truncation(void) {
    const char alert[] = ALERT("45.33.32.1", "10.0.0.1", RULE("")) "\n";
    char dir[] = "/tmp/hkp-eve-XXXXXX", path[64], old[64];
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/eve.json", dir);
    snprintf(old, sizeof old, "%s/eve.json.1", dir);
    hkp_mesh_eve_file *f = NULL;
    CHECK_EQ(hkp_mesh_eve_file_open(&f, path, 0, NULL), HKP_OK);
    CHECK_EQ(drain(f), 0); /* not there yet */
    append(path, alert, O_APPEND);
    append(path, alert, O_APPEND);
    CHECK_EQ(drain(f), 2);
    append(path, "{\"event_type\":\"al", O_APPEND); /* half a line: the rest comes later */
    CHECK_EQ(drain(f), 0);
    append(path, "ert\"}\n", O_APPEND);
    CHECK_EQ(drain(f), 0);
    CHECK_EQ(rename(path, old), 0);
    append(old, alert, O_APPEND); /* the writer still holds it */
    CHECK_EQ(drain(f), 1);
    append(path, alert, O_APPEND);
    append(path, alert, O_APPEND);
    CHECK_EQ(drain(f), 2);
    append(path, alert, O_TRUNC);
    CHECK_EQ(drain(f), 1);
    append(path, ALERT("45.33.32.1", "10.0.0.1", RULE("")), O_APPEND); /* whole, but without its line end */
    CHECK_EQ(drain(f), 1);
    append(path, "\n", O_APPEND);
    CHECK_EQ(drain(f), 0);
    stats.struct_size = sizeof stats;
    CHECK_EQ(hkp_mesh_eve_file_stats(f, &stats), HKP_OK);
    CHECK(stats.count[HKP_MESH_EVE_RECORD] == 7 && stats.count[HKP_MESH_EVE_BROKEN] == 0 &&
          stats.count[HKP_MESH_EVE_NO_ADDRESS] == 1);
    hkp_mesh_eve_file_close(f);
    CHECK_EQ(hkp_mesh_eve_file_open(&f, path, 0, NULL), HKP_OK); /* only what is appended */
    CHECK_EQ(drain(f), 0);
    hkp_mesh_eve_file_close(f);
    CHECK_EQ(hkp_mesh_eve_file_open(&f, path, 1, NULL), HKP_OK);
    CHECK_EQ(drain(f), 2);
    hkp_mesh_eve_file_close(f);
    CHECK_EQ(hkp_mesh_eve_file_open(&f, dir, 1, NULL), HKP_E_IO);
    unlink(path);
    unlink(old);

    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK_EQ(hkp_mesh_eve_file_open(&f, path, 0, NULL), HKP_OK);
    CHECK_EQ(drain(f), 0);
    append(path, alert, 0);
    CHECK_EQ(drain(f), 1);
    append(path, alert, 0);
    CHECK_EQ(drain(f), 1);
    hkp_mesh_eve_file_close(f);
    unlink(path);
    rmdir(dir);
}

static void every_allocation_may_fail(void) {
    for (long budget = 0;; budget++) {
        struct failing fail = {.left = budget};
        struct hkp_mesh_eve_options o;
        hkp_mesh_eve_options_init(&o, sizeof o);
        o.mem = failing_mem(&fail);
        hkp_mesh_eve_file *f = NULL;
        const hkp_status st = hkp_mesh_eve_file_open(&f, "/nonexistent/eve.json", 1, &o);
        if (st == HKP_OK) {
            CHECK_EQ(budget, 2);
            hkp_mesh_eve_file_close(f);
            CHECK_EQ(fail.live, 0);
            break;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(f == NULL && fail.live == 0);
    }
    struct hkp_mesh_eve_options bad;
    hkp_mesh_eve *eve = NULL;
    hkp_mesh_eve_options_init(&bad, sizeof bad);
    bad.ttl_s = 604801;
    CHECK_EQ(hkp_mesh_eve_new(&eve, &bad), HKP_E_INVAL);
    hkp_mesh_eve_free(NULL);
    hkp_mesh_eve_file_close(NULL);
}

int main(void) {
    CASE(real_alerts_give_the_same_records_in_both_forms);
    CASE(the_shipped_sample_has_fifty_public_threats);
    CASE(an_alert_becomes_a_record);
    CASE(the_threat_is_the_foreign_side_or_what_the_rule_says);
    CASE(evidence_needs_what_cannot_be_spoofed);
    CASE(what_is_no_alert_is_counted_and_skipped);
    CASE(an_element_of_64_kib_is_read_and_a_longer_one_skipped);
    CASE(context_is_cut_between_characters);
    CASE(a_file_is_followed_through_rotation_and_truncation);
    CASE(every_allocation_may_fail);
    return check_done();
}
