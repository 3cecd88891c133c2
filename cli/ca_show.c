/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca show: what a file of the authority holds, and whether it holds. */
#include "work.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char *const role_names[] = {"edge", "validator", "witness",   "coordinator",
                                         "ca",   "operator",  "scheduler", "neuro"};
static const char *const tier_names[] = {"sentinel", "guardian", "fortress", "nexus", "mssp"};
static const char *const reason_names[] = {"unspecified", "key-compromise", "superseded",   "retired",
                                           "fork",        "attestation",    "equivocation", "policy",
                                           "lost",        "hardware"};

/* ---- Words ---- */

int cli_ca_roles(const char *text, uint32_t *roles) {
    uint32_t all = 0;
    for (const char *at = text; *at != 0;) {
        const size_t len = strcspn(at, ",");
        uint32_t i = 0;
        while (i < 8 && (strlen(role_names[i]) != len || memcmp(role_names[i], at, len) != 0)) i++;
        if (i == 8) return -1;
        all |= 1U << i;
        at += len + (at[len] == ',');
    }
    *roles = all;
    return all != 0 ? 0 : -1;
}

static int word_of(const char *const *names, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], text) == 0) return (int)i;
    return -1;
}

int cli_ca_reason(const char *text, uint64_t *reason) {
    const int i = word_of(reason_names, 10, text);
    if (i >= 0) *reason = (uint64_t)i;
    return i >= 0 ? 0 : -1;
}

int cli_ca_tier(const char *text, uint32_t *tier) {
    const int i = word_of(tier_names, 5, text);
    if (i >= 0) *tier = (uint32_t)i + 1;
    return i >= 0 ? 0 : -1;
}

const char *cli_ca_tier_name(uint32_t tier) { return tier >= 1 && tier <= 5 ? tier_names[tier - 1] : "?"; }

json_t *cli_ca_hex(const uint8_t *bytes, size_t len) {
    char text[257];
    return json_string(sodium_bin2hex(text, sizeof text, bytes, len));
}

static json_t *time_of(uint64_t seconds) {
    char text[32];
    if (seconds > 253402300799ULL) return json_integer((json_int_t)seconds); /* beyond the year 9999 */
    cli_time_text(seconds * 1000000, text);
    memcpy(text + 19, "Z", 2);
    return json_string(text);
}

static json_t *roles_of(uint32_t roles) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < 8; i++)
        if ((roles >> i & 1) != 0) json_array_append_new(list, json_string(role_names[i]));
    return list;
}

static void put(json_t *o, const char *key, json_t *value) { json_object_set_new(o, key, value); }
static void put_number(json_t *o, const char *key, uint64_t value) {
    put(o, key, json_integer((json_int_t)value));
}

/* ---- Bodies ---- */

static hkp_status of_certificate(json_t *o, const struct hkp_dsm_view *body) {
    /* The body alone is read as a certificate with one signature that nobody asks about. */
    static const uint8_t zeros[64];
    struct hkp_dsm_multi m = {
        .kind = HKP_DSM_KIND_CERTIFICATE, .body = *body, .n_signatures = 1, .signature = {zeros}};
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_certificate c;
    size_t len = 0;
    hkp_status st = hkp_dsm_multi_build(&m, bytes, sizeof bytes, &len);
    if (st == HKP_OK) st = hkp_dsm_certificate_parse(bytes, len, &c);
    if (st != HKP_OK) return st;
    put(o, "node_id", cli_ca_hex(c.node_id, 16));
    put(o, "key", cli_ca_hex(c.key, 32));
    if (c.has_static_key) put(o, "static_key", cli_ca_hex(c.static_key, 32));
    if (c.has_ak) put(o, "ak", cli_ca_hex(c.ak, HKP_DSM_AK_BYTES));
    put(o, "enroll_id", cli_ca_hex(c.enroll_id, 32));
    put(o, "roles", roles_of(c.roles));
    put(o, "tier", json_string(cli_ca_tier_name(c.tier)));
    put_number(o, "group", c.group);
    put(o, "not_before", time_of(c.not_before_s));
    put(o, "not_after", time_of(c.not_after_s));
    put_number(o, "serial", c.serial);
    put_number(o, "policy", c.policy);
    if (c.neuro_gen > 0) put_number(o, "neuro_gen", c.neuro_gen);
    if (c.bls_key.len > 0) put(o, "bls_key", cli_ca_hex(c.bls_key.ptr, 48));
    return HKP_OK;
}

static hkp_status of_list(json_t *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_revocations l;
    struct hkp_dsm_revocation e;
    json_t *nodes = json_array();
    const hkp_status st = hkp_dsm_revocations_parse(body->ptr, body->len, &l);
    put(o, "revoked", nodes);
    if (st != HKP_OK) return st;
    put_number(o, "number", l.number);
    put(o, "this_update", time_of(l.this_update_s));
    put(o, "next_update", time_of(l.next_update_s));
    put(o, "previous", cli_ca_hex(l.previous, 32));
    while (hkp_dsm_revocations_next(&l, &e) == HKP_OK) {
        json_t *one = json_object();
        put(one, "node_id", cli_ca_hex(e.node_id, 16));
        if (e.serial == HKP_DSM_SERIAL_BARRED)
            put(one, "serial", json_string("barred"));
        else
            put_number(one, "serial", e.serial);
        put(one, "reason", json_string(reason_names[e.reason]));
        put(one, "time", time_of(e.time_s));
        json_array_append_new(nodes, one);
    }
    return HKP_OK;
}

static void put_set(json_t *o, const struct hkp_dsm_ca_set *set) {
    json_t *keys = json_array();
    put_number(o, "version", set->version);
    put_number(o, "threshold", set->threshold);
    for (uint32_t i = 0; i < set->n_keys; i++) json_array_append_new(keys, cli_ca_hex(set->keys[i], 32));
    put(o, "officers", keys);
}

static hkp_status of_set(json_t *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_ca_set set;
    const hkp_status st = hkp_dsm_ca_set_parse(body->ptr, body->len, &set);
    if (st == HKP_OK) put_set(o, &set);
    return st;
}

/* Headers are known by digests, which only the mesh makes. */
static hkp_status of_restart(json_t *o, const struct cli_ca *ca, const struct hkp_dsm_view *body) {
    static struct hkp_dsm_restart r;
    if (ca == NULL) return HKP_OK;
    r.struct_size = sizeof r;
    const hkp_status st = hkp_dsm_restart_parse(ca->genesis.chain_id, body->ptr, body->len, &r);
    if (st != HKP_OK) return st;
    json_t *members = json_array();
    put_number(o, "leaves_epoch", r.epoch);
    put_number(o, "begins_epoch", r.epoch + 2);
    put_number(o, "first_height", r.next_height);
    put(o, "goes_on_from", time_of(r.time_ms / 1000));
    put(o, "genesis", cli_ca_hex(r.genesis, 32));
    for (uint32_t i = 0; i < r.n_seats; i++) {
        json_t *one = json_object();
        put(one, "node_id", cli_ca_hex(r.seats[i].node_id, 16));
        put_number(one, "group", r.seats[i].group);
        json_array_append_new(members, one);
    }
    put(o, "members", members);
    return HKP_OK;
}

/* ---- Objects ---- */

/* Each signature by itself; how many hold. */
static uint32_t put_signatures(json_t *o, const struct cli_ca *ca, const struct hkp_dsm_ca_set *set,
                               const struct hkp_dsm_multi *m) {
    json_t *list = json_array();
    uint32_t good = 0;
    for (size_t i = 0; i < m->n_signatures; i++) {
        json_t *one = json_object();
        put_number(one, "officer", m->index[i]);
        if (set != NULL && m->index[i] < set->n_keys) {
            struct hkp_dsm_ca_set any = *set;
            const struct hkp_dsm_officers officers = {&any, 1, ca->officers.scratch,
                                                      ca->officers.scratch_len};
            struct hkp_dsm_multi alone = *m;
            any.threshold = 1;
            alone.n_signatures = 1;
            alone.index[0] = m->index[i];
            alone.signature[0] = m->signature[i];
            const int holds =
                hkp_dsm_multi_check(ca->genesis.chain_id, &alone, (uint32_t)m->kind, &officers) == HKP_OK;
            put(one, "key", cli_ca_hex(set->keys[m->index[i]], 32));
            put(one, "holds", json_boolean(holds != 0));
            good += holds != 0;
        }
        json_array_append_new(list, one);
    }
    put(o, "signatures", list);
    return good;
}

static json_t *of_multi(const struct cli_ca *ca, const struct hkp_dsm_multi *m) {
    static const char *const names[] = {"certificate", "revocation list", "set of officers",
                                        "allow list",  "restart",         "order"};
    const struct hkp_dsm_ca_set *set = NULL;
    json_t *o = json_object();
    uint8_t id[32];
    hkp_status st = HKP_OK;
    put(o, "type", json_string(names[m->kind - HKP_DSM_KIND_CERTIFICATE]));
    for (size_t i = 0; ca != NULL && i < ca->n_sets; i++)
        if (ca->sets[i].version == m->ca_version) set = &ca->sets[i];
    if (ca != NULL) {
        hkp_dsm_object_id(id, ca->genesis.chain_id, (uint32_t)m->kind, NULL, m->body.ptr, m->body.len);
        put(o, "id", cli_ca_hex(id, 32));
    }
    if (m->kind == HKP_DSM_KIND_CERTIFICATE) st = of_certificate(o, &m->body);
    if (m->kind == HKP_DSM_KIND_REVOCATION_LIST) st = of_list(o, &m->body);
    if (m->kind == HKP_DSM_KIND_CA_SET) st = of_set(o, &m->body);
    if (m->kind == HKP_DSM_KIND_RESTART) st = of_restart(o, ca, &m->body);
    if (m->kind == HKP_DSM_KIND_ORDER) st = cli_work_order(o, &m->body);
    put_number(o, "bytes", m->body.len);
    put_number(o, "ca_version", m->ca_version);
    const uint32_t good = put_signatures(o, ca, set, m);
    if (set != NULL) put_number(o, "needed", set->threshold);
    if (st == HKP_OK && ca != NULL && set == NULL) st = HKP_E_DSM_CA_VERSION;
    if (st == HKP_OK && set != NULL)
        st = hkp_dsm_multi_check(ca->genesis.chain_id, m, (uint32_t)m->kind, &ca->officers);
    const int half = st == HKP_E_DSM_QUORUM && good == m->n_signatures;
    put(o, "state",
        json_string(half           ? "half-signed"
                    : st != HKP_OK ? "does not hold"
                    : ca == NULL   ? "not verified"
                                   : "complete"));
    put(o, "verified", half || ca == NULL ? json_null() : json_boolean(st == HKP_OK));
    if (st != HKP_OK && !half) put(o, "why", json_string(cli_status_name(st)));
    return o;
}

static json_t *of_request(const struct cli_ca *ca, const uint8_t *bytes, size_t len) {
    static const uint8_t no_chain[32];
    struct hkp_dsm_request q;
    struct hkp_dsm_envelope e;
    hkp_status st = hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_CERT_REQUEST, &e);
    if (st != HKP_OK) return NULL;
    json_t *o = json_object();
    put(o, "type", json_string("certificate request"));
    st = hkp_dsm_request_check(bytes, len, ca != NULL ? ca->genesis.chain_id : no_chain, &q);
    if (st == HKP_OK) {
        put(o, "node_id", cli_ca_hex(q.node_id, 16));
        put(o, "key", cli_ca_hex(q.key, 32));
        if (q.has_static_key) put(o, "static_key", cli_ca_hex(q.static_key, 32));
        if (q.has_ak) put(o, "ak", cli_ca_hex(q.ak, HKP_DSM_AK_BYTES));
        put(o, "enroll_id", cli_ca_hex(q.enroll_id, 32));
        put(o, "roles", roles_of(q.roles));
        put(o, "tier", json_string(cli_ca_tier_name(q.tier)));
        put(o, "token_digest", cli_ca_hex(q.token_digest, 32));
        if (q.neuro_gen > 0) put_number(o, "neuro_gen", q.neuro_gen);
        if (q.has_bls) put(o, "bls_key", cli_ca_hex(q.bls_key, 48));
    } else {
        put(o, "node_id", cli_ca_hex(e.signer, 16));
        if (ca != NULL) put(o, "why", json_string(cli_status_name(st)));
    }
    put(o, "state",
        json_string(ca == NULL     ? "not verified"
                    : st == HKP_OK ? "signed by its key"
                                   : "does not hold"));
    put(o, "verified", ca == NULL ? json_null() : json_boolean(st == HKP_OK));
    return o;
}

static json_t *of_genesis(const uint8_t *bytes, size_t len) {
    struct hkp_dsm_genesis g;
    if (hkp_dsm_genesis_parse(bytes, len, &g) != HKP_OK) return NULL;
    json_t *o = json_object();
    put(o, "type", json_string("genesis"));
    put(o, "chain_id", cli_ca_hex(g.chain_id, 32));
    put(o, "mesh", json_stringn((const char *)g.name.ptr, g.name.len));
    put(o, "time", time_of(g.time_s));
    put_set(o, &g.ca_set);
    put(o, "state", json_string("names its mesh: compare chain_id"));
    put(o, "verified", json_true());
    return o;
}

json_t *cli_ca_describe(struct cli_ca *ca, const uint8_t *bytes, size_t len) {
    struct hkp_dsm_multi m;
    if (hkp_dsm_multi_parse(bytes, len, &m) == HKP_OK && m.kind >= HKP_DSM_KIND_CERTIFICATE &&
        m.kind <= HKP_DSM_KIND_ORDER)
        return of_multi(ca, &m);
    json_t *o = of_request(ca, bytes, len);
    return o != NULL ? o : of_genesis(bytes, len);
}

/* ---- Printing ---- */

static void print_value(FILE *to, const json_t *v) {
    if (json_is_string(v)) fputs(json_string_value(v), to);
    if (json_is_integer(v)) fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_boolean(v)) fputs(json_is_true(v) ? "yes" : "no", to);
    if (json_is_null(v)) fputs("not yet", to);
}

static void print_row(FILE *to, const json_t *row) {
    const char *key;
    json_t *v;
    fputs("\n   ", to);
    json_object_foreach((json_t *)(uintptr_t)row, key, v) {
        fprintf(to, " %s ", key);
        print_value(to, v);
    }
}

void cli_ca_print(FILE *to, const json_t *object) {
    const char *key;
    json_t *v, *one;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)object, key, v) {
        fprintf(to, "%-13s ", key);
        print_value(to, v);
        json_array_foreach(v, i, one) {
            if (json_is_object(one)) {
                print_row(to, one);
            } else {
                fputs(i > 0 ? ", " : "", to);
                print_value(to, one);
            }
        }
        fputc('\n', to);
    }
}

void cli_ca_tell(json_t *object, int json) {
    if (json) {
        cli_print_json(object, 0);
        return;
    }
    cli_ca_print(stdout, object);
    json_decref(object);
}

/* ---- The command ---- */

static int show_file(struct cli_ca *ca, const char *path, int json) {
    static uint8_t bytes[CLI_CA_FILE_MAX];
    size_t len = 0;
    const int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    json_t *o = cli_ca_describe(ca, bytes, len);
    if (o == NULL) return cli_fail(CLI_DAMAGED, "%s: is nothing that officers handle", path);
    json_object_set_new(o, "file", json_string(path));
    const int holds = !json_is_false(json_object_get(o, "verified"));
    cli_ca_tell(o, json);
    return holds ? CLI_OK : CLI_NO;
}

static int show_folder(const char *dir, const char *passphrase_file, int json) {
    static struct cli_officer officer;
    int code = cli_officer_open(&officer, dir, passphrase_file);
    if (code == CLI_OK) {
        json_t *o = json_object();
        put(o, "type", json_string("officer"));
        put(o, "key", cli_ca_hex(officer.secret + 32, 32));
        put(o, "chain_id", cli_ca_hex(officer.ca.genesis.chain_id, 32));
        put_number(o, "record_entries", officer.record.n_entries);
        put_number(o, "list", officer.held.number);
        put_set(o, cli_ca_newest(&officer.ca));
        cli_ca_tell(o, json);
    }
    cli_officer_close(&officer);
    return code;
}

static int ca_show(int argc, char **argv) {
    static const struct option own[] = {{"dir", required_argument, NULL, 'd'},
                                        {"genesis", required_argument, NULL, 'g'},
                                        {"set", required_argument, NULL, 's'},
                                        {"passphrase-file", required_argument, NULL, 'p'},
                                        {NULL, 0, NULL, 0}};
    static struct cli_ca ca;
    const char *dir = NULL, *passphrase_file = NULL;
    int json = 0, code = CLI_OK, got;
    while (code == CLI_OK && (got = cli_option(&cli_ca_show, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'd') dir = optarg;
        if (got == 'g') code = cli_ca_genesis(&ca, optarg);
        if (got == 's')
            code =
                ca.n_sets > 0 ? cli_ca_set(&ca, optarg) : cli_fail(CLI_USAGE, "--set comes behind --genesis");
        if (got == 'p') passphrase_file = optarg;
        if (got == 'j') json = 1;
    }
    if (code != CLI_OK) return code;
    if (optind == argc && dir != NULL) return show_folder(dir, passphrase_file, json);
    if (optind == argc) return cli_fail(CLI_USAGE, "ca show wants a FILE, or --dir DIR");
    if (dir != NULL) code = cli_ca_open(&ca, dir);
    if (code != CLI_OK) return code;
    for (int i = optind; i < argc; i++) {
        const int one = show_file(ca.n_sets > 0 ? &ca : NULL, argv[i], json);
        if (one > code) code = one;
        if (!json && i + 1 < argc) putchar('\n');
    }
    return code;
}

const struct cli_command cli_ca_show = {
    .name = "ca show",
    .summary = "show a request, certificate, list, set or genesis, and whether it holds",
    .help =
        "usage: hookprobe ca show [--dir DIR | --genesis FILE [--set FILE]...] FILE... [--json]\n"
        "       hookprobe ca show --dir DIR [--passphrase-file FILE] [--json]\n\n"
        "Shows files of the authority, complete or half-signed, and checks their signatures if it is told of "
        "which mesh\n"
        "they are. Exit 1 if one does not hold. Without a FILE it shows the officer of a folder.\n\n"
        "  --dir DIR       an officer's folder\n"
        "  --genesis FILE  the mesh; then --set FILE for each set of officers that followed, in order\n"
        "  --json          one JSON object for each file\n",
    .run = ca_show,
};
