/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One EVE alert as a threat record (M-EXP-6). */
#include "libmesh/eve.h"

#include "libmesh/ioc.h"

#include <jansson.h>
#include <string.h>

/* How sure a rule of a category is of what it says: confidence without and with evidence of two-way traffic.
 */
enum { WEAK = 30, FAIR = 60, STRONG = 75, TWO_WAY_BONUS = 15 };

struct category {
    const char *words;
    uint16_t threat;
    uint8_t confidence;
};

/* Suricata's classification.config, in its order; what is not here is an anomaly. */
static const struct category categories[] = {
    {"Not Suspicious Traffic", HKP_MESH_THREAT_POLICY, WEAK},
    {"Unknown Traffic", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Potentially Bad Traffic", HKP_MESH_THREAT_ANOMALY, FAIR},
    {"Attempted Information Leak", HKP_MESH_THREAT_PORT_SCAN, FAIR},
    {"Information Leak", HKP_MESH_THREAT_EXFILTRATION, FAIR},
    {"Large Scale Information Leak", HKP_MESH_THREAT_EXFILTRATION, STRONG},
    {"Attempted Denial of Service", HKP_MESH_THREAT_DDOS, FAIR},
    {"Denial of Service", HKP_MESH_THREAT_DDOS, STRONG},
    {"Attempted User Privilege Gain", HKP_MESH_THREAT_EXPLOIT, FAIR},
    {"Unsuccessful User Privilege Gain", HKP_MESH_THREAT_EXPLOIT, FAIR},
    {"Successful User Privilege Gain", HKP_MESH_THREAT_EXPLOIT, STRONG},
    {"Attempted Administrator Privilege Gain", HKP_MESH_THREAT_EXPLOIT, FAIR},
    {"Successful Administrator Privilege Gain", HKP_MESH_THREAT_EXPLOIT, STRONG},
    {"Decode of an RPC Query", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Executable code was detected", HKP_MESH_THREAT_EXPLOIT, STRONG},
    {"A suspicious string was detected", HKP_MESH_THREAT_ANOMALY, FAIR},
    {"A suspicious filename was detected", HKP_MESH_THREAT_MALWARE, FAIR},
    {"An attempted login using a suspicious username was detected", HKP_MESH_THREAT_BRUTE_FORCE, FAIR},
    {"A system call was detected", HKP_MESH_THREAT_EXPLOIT, FAIR},
    {"A TCP connection was detected", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"A Network Trojan was detected", HKP_MESH_THREAT_MALWARE, STRONG},
    {"A client was using an unusual port", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Detection of a Network Scan", HKP_MESH_THREAT_PORT_SCAN, STRONG},
    {"Detection of a Denial of Service Attack", HKP_MESH_THREAT_DDOS, STRONG},
    {"Detection of a non-standard protocol or event", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Generic Protocol Command Decode", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"access to a potentially vulnerable web application", HKP_MESH_THREAT_EXPLOIT, FAIR},
    {"Web Application Attack", HKP_MESH_THREAT_EXPLOIT, STRONG},
    {"Misc activity", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Misc Attack", HKP_MESH_THREAT_ANOMALY, FAIR},
    {"Generic ICMP event", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Inappropriate Content was Detected", HKP_MESH_THREAT_POLICY, FAIR},
    {"Potential Corporate Privacy Violation", HKP_MESH_THREAT_POLICY, FAIR},
    {"Attempt to login by a default username and password", HKP_MESH_THREAT_BRUTE_FORCE, STRONG},
    {"Targeted Malicious Activity was Detected", HKP_MESH_THREAT_MALWARE, STRONG},
    {"Exploit Kit Activity Detected", HKP_MESH_THREAT_EXPLOIT, STRONG},
    {"Device Retrieving External IP Address Detected", HKP_MESH_THREAT_ANOMALY, WEAK},
    {"Domain Observed Used for C2 Detected", HKP_MESH_THREAT_C2, STRONG},
    {"Possibly Unwanted Program Detected", HKP_MESH_THREAT_MALWARE, FAIR},
    {"Successful Credential Theft Detected", HKP_MESH_THREAT_PHISHING, STRONG},
    {"Possible Social Engineering Attempted", HKP_MESH_THREAT_PHISHING, FAIR},
    {"Crypto Currency Mining Activity Detected", HKP_MESH_THREAT_MALWARE, STRONG},
    {"Malware Command and Control Activity Detected", HKP_MESH_THREAT_C2, STRONG},
};

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

/* Whether text begins with word, in either case. */
static int begins(const char *text, const char *word) {
    while (*word != 0 && lower(*text) == lower(*word)) text++, word++;
    return *word == 0;
}

static int is_word(const char *text, const char *word) {
    return strlen(text) == strlen(word) && begins(text, word);
}

void hkp_mesh__eve_category(const char *category, uint16_t *threat, uint8_t *confidence) {
    *threat = HKP_MESH_THREAT_ANOMALY;
    *confidence = WEAK;
    for (size_t i = 0; category != NULL && i < sizeof categories / sizeof categories[0]; i++) {
        if (!is_word(category, categories[i].words)) continue;
        *threat = categories[i].threat;
        *confidence = categories[i].confidence;
    }
}

/* ---- which side is the threat ---- */

struct side {
    uint32_t type; /* 0: no address */
    size_t len;
    uint8_t value[17];
    int local;
};

static struct side side_of(const json_t *text) {
    struct side s = {0};
    const char *addr = json_string_value(text);
    if (addr == NULL) return s;
    const size_t len = json_string_length(text);
    const uint32_t guess = memchr(addr, ':', len) != NULL ? HKP_MESH_IOC_IP6 : HKP_MESH_IOC_IP4;
    if (hkp_mesh_ioc_canonicalise(guess, addr, len, &s.type, s.value, sizeof s.value, &s.len) != HKP_OK) {
        s.type = 0;
        return s;
    }
    s.local = s.type == HKP_MESH_IOC_IP4 ? hkp_mesh__ip4_reserved(s.value) : hkp_mesh__ip6_reserved(s.value);
    return s;
}

static int same_side(const struct side *a, const struct side *b) {
    return a->type != 0 && a->type == b->type && memcmp(a->value, b->value, a->len) == 0;
}

/* First text of a metadata entry, which Suricata writes as an array. */
static const char *metadata(const json_t *alert, const char *key) {
    const json_t *v = json_object_get(json_object_get(alert, "metadata"), key);
    return json_string_value(json_is_array(v) ? json_array_get(v, 0) : v);
}

/* Who opened the flow: 1 the source of this packet, 0 its destination, -1 not known. */
static int source_is_client(const json_t *root, const struct side *src, const struct side *dst) {
    const char *direction = json_string_value(json_object_get(root, "direction"));
    if (direction != NULL && strcmp(direction, "to_server") == 0) return 1;
    if (direction != NULL && strcmp(direction, "to_client") == 0) return 0;
    const struct side opener = side_of(json_object_get(json_object_get(root, "flow"), "src_ip"));
    if (same_side(&opener, src)) return 1;
    return same_side(&opener, dst) ? 0 : -1;
}

/* The rule's own word: the keyword "target", then the metadata "attack_target". NULL: it says nothing. */
static const struct side *side_by_rule(const json_t *root, const json_t *alert, const struct side *src,
                                       const struct side *dst) {
    const struct side named = side_of(json_object_get(json_object_get(alert, "source"), "ip"));
    if (same_side(&named, src)) return src;
    if (same_side(&named, dst)) return dst;
    const char *target = metadata(alert, "attack_target");
    const int client = source_is_client(root, src, dst);
    if (target == NULL || client < 0) return NULL;
    const int attacks_client = begins(target, "client");
    if (!attacks_client && strstr(target, "erver") == NULL) return NULL;
    return attacks_client == client ? dst : src;
}

static const struct side *threat_side(const json_t *root, const json_t *alert, const struct side *src,
                                      const struct side *dst) {
    const struct side *by_rule = side_by_rule(root, alert, src, dst);
    if (by_rule != NULL) return by_rule;
    return src->local ? dst : src;
}

/* ---- evidence ---- */

static json_int_t number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static int is_established(const char *state) {
    static const char *const open_or_after[] = {"established", "fin_wait1",  "fin_wait2", "time_wait",
                                                "last_ack",    "close_wait", "closing"};
    for (size_t i = 0; state != NULL && i < sizeof open_or_after / sizeof open_or_after[0]; i++)
        if (is_word(state, open_or_after[i])) return 1;
    return 0;
}

/*
 * 1 if no spoofed source can have caused it. Packets both ways are enough for UDP (M-EXP-6), but a spoofed
 * SYN draws answers, too: TCP must be established, or both sides must have sent more than headers with all
 * options.
 */
static uint8_t evidence(const json_t *root, int is_ip6) {
    const json_t *flow = json_object_get(root, "flow"), *tcp = json_object_get(root, "tcp");
    const char *proto = json_string_value(json_object_get(root, "proto"));
    const json_int_t there = number(flow, "pkts_toserver"), back = number(flow, "pkts_toclient");
    const json_int_t headers = 14 + (is_ip6 ? 40 : 20) + 60;
    if (proto == NULL || !json_is_object(flow)) return 0;
    if (is_word(proto, "UDP")) return there > 0 && back > 0;
    if (!is_word(proto, "TCP")) return 0;
    if (is_established(json_string_value(json_object_get(tcp, "state"))) ||
        is_established(json_string_value(json_object_get(flow, "state"))))
        return 1;
    return there > 0 && back > 0 && number(flow, "bytes_toserver") / there > headers &&
           number(flow, "bytes_toclient") / back > headers;
}

/* ---- words ---- */

struct words {
    uint8_t *out;
    size_t len;
    int full;
};

/* Whole characters up to the limit; controls become spaces, since this text reaches terminals. */
static void add_text(struct words *w, const char *before, const json_t *text) {
    const char *s = json_string_value(text);
    const size_t head = strlen(before), len = json_string_length(text);
    if (s == NULL || len == 0 || w->full || w->len + head >= HKP_MESH_CONTEXT_MAX) return;
    memcpy(w->out + w->len, before, head);
    w->len += head;
    size_t n = HKP_MESH_CONTEXT_MAX - w->len;
    w->full = len > n;
    if (len <= n)
        n = len;
    else
        while (n > 0 && ((uint8_t)s[n] & 0xc0) == 0x80) n--;
    for (size_t i = 0; i < n; i++)
        w->out[w->len++] = (uint8_t)s[i] < 0x20 || s[i] == 0x7f ? ' ' : (uint8_t)s[i];
}

static void add_answers(struct words *w, const json_t *dns) {
    const json_t *answers = json_object_get(dns, "answers");
    for (size_t i = 0; i < json_array_size(answers) && i < 4; i++)
        add_text(w, "; answer ", json_object_get(json_array_get(answers, i), "rdata"));
}

/* The alert's own words and time (docs/decisions/0501), and what helps to find it again. */
static void write_context(const json_t *root, const json_t *alert, struct words *w) {
    const json_t *tls = json_object_get(root, "tls"), *ja3 = json_object_get(tls, "ja3");
    add_text(w, "", json_object_get(alert, "signature"));
    add_text(w, "; seen ", json_object_get(root, "timestamp"));
    add_text(w, "; community ", json_object_get(root, "community_id"));
    add_answers(w, json_object_get(root, "dns"));
    add_text(w, "; ja3 ", json_is_object(ja3) ? json_object_get(ja3, "hash") : ja3);
    add_text(w, "; ja4 ", json_object_get(tls, "ja4"));
}

/* Ids of metadata.mitre_technique_id in ascending order, without duplicates; what has another form is left
 * out. */
static void read_techniques(const json_t *alert, struct hkp_mesh_record *r) {
    const json_t *ids = json_object_get(json_object_get(alert, "metadata"), "mitre_technique_id");
    for (size_t i = 0; i < json_array_size(ids) && r->technique_count < 4; i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        char copy[12] = {0};
        const size_t len = id == NULL ? 0 : strlen(id);
        if ((len != 5 && len != 9) || id[0] != 'T' || (len == 9 && id[5] != '.')) continue;
        for (size_t k = 0; k < len; k++)
            copy[k] = (k == 0 || k == 5 || (id[k] >= '0' && id[k] <= '9')) ? id[k] : 0;
        if (strlen(copy) != len) continue;
        unsigned at = 0;
        while (at < r->technique_count && strcmp(r->technique[at], copy) < 0) at++;
        if (at < r->technique_count && strcmp(r->technique[at], copy) == 0) continue;
        memmove(r->technique[at + 1 < 4 ? at + 1 : at], r->technique[at],
                (r->technique_count - at) * sizeof copy);
        memcpy(r->technique[at], copy, sizeof copy);
        r->technique_count++;
    }
}

static void fill(const json_t *root, const json_t *alert, const struct side *threat,
                 const struct hkp_mesh_eve_options *opt, uint64_t now_s, struct hkp_mesh_record *r,
                 struct hkp_mesh__eve_text *text) {
    const json_int_t severity = number(alert, "severity");
    const json_t *rule = json_object_get(alert, "signature_id");
    struct words w = {.out = text->context};
    uint16_t type;
    uint8_t confidence;
    hkp_mesh__eve_category(json_string_value(json_object_get(alert, "category")), &type, &confidence);
    write_context(root, alert, &w);
    memcpy(text->value, threat->value, threat->len);
    *r = (struct hkp_mesh_record){
        .value = text->value,
        .value_len = threat->len,
        .ioc_type = (uint8_t)threat->type,
        .context = w.len > 0 ? text->context : NULL,
        .context_len = w.len,
        .valid_from_s = now_s,
        .valid_until_s = now_s + opt->ttl_s,
        .threat = type,
        .severity = (uint8_t)(severity >= 1 && severity <= 3 ? severity : 4),
        .tlp = (uint8_t)(opt->tlp_plus_one - 1),
        .evidence = evidence(root, threat->type == HKP_MESH_IOC_IP6),
    };
    if (json_is_integer(rule) && json_integer_value(rule) >= 0 && json_integer_value(rule) <= UINT32_MAX) {
        r->rule = (uint32_t)json_integer_value(rule);
        r->has_rule = 1;
    }
    if (r->evidence > 0) confidence = (uint8_t)(confidence + TWO_WAY_BONUS);
    r->confidence = opt->confidence > 0 ? (uint8_t)opt->confidence : confidence;
    read_techniques(alert, r);
}

static uint32_t read_root(const json_t *root, const struct hkp_mesh_eve_options *opt, uint64_t now_s,
                          struct hkp_mesh_record *r, struct hkp_mesh__eve_text *text) {
    const char *event = json_string_value(json_object_get(root, "event_type"));
    const json_t *alert = json_object_get(root, "alert");
    if (event == NULL || strcmp(event, "alert") != 0) return HKP_MESH_EVE_NOT_ALERT;
    const struct side src = side_of(json_object_get(root, "src_ip")),
                      dst = side_of(json_object_get(root, "dest_ip"));
    if (!json_is_object(alert) || src.type == 0 || dst.type == 0) return HKP_MESH_EVE_NO_ADDRESS;
    const struct side *threat = threat_side(root, alert, &src, &dst);
    if (threat->local) return HKP_MESH_EVE_LOCAL;
    fill(root, alert, threat, opt, now_s, r, text);
    return HKP_MESH_EVE_RECORD;
}

uint32_t hkp_mesh__eve_alert(const char *json, size_t len, const struct hkp_mesh_eve_options *opt,
                             uint64_t now_s, struct hkp_mesh_record *r, struct hkp_mesh__eve_text *text) {
    json_t *root = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return HKP_MESH_EVE_BROKEN;
    }
    const uint32_t result = read_root(root, opt, now_s, r, text);
    json_decref(root);
    return result;
}
