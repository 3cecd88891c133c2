/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What workloads, assignments, policies and orders say; what a running node holds of them. */
#include "client.h"
#include "work.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void put(json_t *o, const char *key, json_t *value) { json_object_set_new(o, key, value); }
static void put_number(json_t *o, const char *key, uint64_t value) {
    put(o, key, json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}

static void put_time(json_t *o, const char *key, uint64_t seconds) {
    char text[32];
    if (seconds > 253402300799ULL) { /* beyond the year 9999 */
        put(o, key, json_string("never"));
        return;
    }
    cli_time_text(seconds * 1000000, text);
    memcpy(text + 19, "Z", 2);
    put(o, key, json_string(text));
}

/* Words if they are such, else digits. */
static void put_bytes(json_t *o, const struct hkp_dsm_view *bytes) {
    json_t *text =
        bytes->len > 0 && bytes->len <= 256 ? json_stringn((const char *)bytes->ptr, bytes->len) : NULL;
    for (size_t i = 0; text != NULL && i < bytes->len; i++)
        if (bytes->ptr[i] < 0x20) {
            json_decref(text);
            text = NULL;
        }
    put(o, "says", text != NULL ? text : cli_ca_hex(bytes->ptr, bytes->len < 64 ? bytes->len : 64));
    put_number(o, "says_bytes", bytes->len);
}

static hkp_status of_workload(json_t *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_workload l;
    const hkp_status st = hkp_dsm_workload_parse(body->ptr, body->len, &l);
    if (st != HKP_OK) return st;
    json_t *tiers = json_array(), *arguments = json_array(), *inputs = json_array();
    for (uint32_t t = 1; t <= 5; t++)
        if ((l.tiers >> (t - 1) & 1) != 0) json_array_append_new(tiers, json_string(cli_ca_tier_name(t)));
    for (uint32_t i = 0; i < l.n_arguments; i++)
        json_array_append_new(arguments, json_stringn((const char *)l.arguments[i].ptr, l.arguments[i].len));
    for (uint32_t i = 0; i < l.n_inputs; i++) json_array_append_new(inputs, cli_ca_hex(l.inputs[i], 32));
    put(o, "workload_id", cli_ca_hex(l.workload_id, 16));
    put_number(o, "version", l.version);
    put(o, "image", cli_ca_hex(l.image, 32));
    put(o, "arguments", arguments);
    put(o, "inputs", inputs);
    put_number(o, "cpu_milli", l.cpu_milli);
    put_number(o, "memory_bytes", l.memory_bytes);
    put_number(o, "disk_bytes", l.disk_bytes);
    put(o, "tiers", tiers);
    put_time(o, "not_before", l.not_before_s);
    put_time(o, "not_after", l.not_after_s);
    return HKP_OK;
}

static hkp_status of_assign(json_t *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_assign a;
    const hkp_status st = hkp_dsm_assign_parse(body->ptr, body->len, &a);
    if (st != HKP_OK) return st;
    put(o, "workload", cli_ca_hex(a.workload, 32));
    put(o, "to", cli_ca_hex(a.node_id, 16));
    put(o, "nonce", cli_ca_hex(a.nonce, 16));
    put_time(o, "not_before", a.not_before_s);
    put_time(o, "not_after", a.not_after_s);
    return HKP_OK;
}

static hkp_status of_policy(json_t *o, const struct hkp_dsm_view *body) {
    struct hkp_dsm_policy p;
    const hkp_status st = hkp_dsm_policy_parse(body->ptr, body->len, &p);
    if (st != HKP_OK) return st;
    if (p.scope != 0) put_number(o, "scope", p.scope);
    if (p.scope == 0) put(o, "name", cli_ca_hex(p.name, 16));
    put_number(o, "version", p.version);
    put_time(o, "not_after", p.not_after_s);
    put_bytes(o, &p.bytes);
    return HKP_OK;
}

hkp_status cli_work_order(json_t *to, const struct hkp_dsm_view *body) {
    static const char *const scopes[] = {"?", "workload", "vpn", "measurement", "stealth", "reset"};
    struct hkp_dsm_order order;
    const hkp_status st = hkp_dsm_order_parse(body->ptr, body->len, &order);
    if (st != HKP_OK) return st;
    put(to, "scope", json_string(scopes[order.scope <= HKP_DSM_ORDER_RESET ? order.scope : 0]));
    put_number(to, "number", order.number);
    put_time(to, "not_after", order.not_after_s);
    if (order.scope == HKP_DSM_ORDER_WORKLOAD)
        put(to, "workload", cli_ca_hex(order.bytes.ptr, 32));
    else
        put_bytes(to, &order.bytes);
    return HKP_OK;
}

json_t *cli_work_describe(const uint8_t *chain_id, const uint8_t *bytes, size_t len) {
    const uint32_t kinds =
        1U << HKP_DSM_KIND_WORKLOAD | 1U << HKP_DSM_KIND_ASSIGN | 1U << HKP_DSM_KIND_POLICY;
    struct hkp_dsm_envelope e;
    uint8_t id[32];
    if (hkp_dsm_envelope_parse(bytes, len, kinds, &e) != HKP_OK) return NULL;
    const uint32_t kind = (uint32_t)e.kind;
    json_t *o = json_object();
    put(o, "type",
        json_string(kind == HKP_DSM_KIND_WORKLOAD ? "workload"
                    : kind == HKP_DSM_KIND_ASSIGN ? "assignment"
                                                  : "policy"));
    if (chain_id != NULL) {
        hkp_dsm_object_id(id, chain_id, kind, e.signer, e.body.ptr, e.body.len);
        put(o, "id", cli_ca_hex(id, 32));
    }
    put(o, "signer", cli_ca_hex(e.signer, 16));
    const hkp_status st = kind == HKP_DSM_KIND_WORKLOAD ? of_workload(o, &e.body)
                          : kind == HKP_DSM_KIND_ASSIGN ? of_assign(o, &e.body)
                                                        : of_policy(o, &e.body);
    if (st == HKP_OK) return o;
    json_decref(o);
    return NULL;
}

/* ---- workload show ---- */

static int workload_show(int argc, char **argv) {
    static const struct option own[] = {{"genesis", required_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
    static struct cli_ca ca;
    uint8_t bytes[CLI_WORK_MAX];
    int got, json = 0, code = CLI_OK;
    while (code == CLI_OK && (got = cli_option(&cli_workload_show, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'g') code = cli_ca_genesis(&ca, optarg);
        if (got == 'j') json = 1;
    }
    if (code != CLI_OK) return code;
    if (optind == argc) return cli_fail(CLI_USAGE, "workload show wants a FILE");
    for (int i = optind; i < argc && code == CLI_OK; i++) {
        size_t len = 0;
        code = cli_ca_read(argv[i], bytes, sizeof bytes, &len);
        if (code != CLI_OK) return code;
        json_t *o = cli_work_describe(ca.n_sets > 0 ? ca.genesis.chain_id : NULL, bytes, len);
        if (o == NULL) return cli_fail(CLI_DAMAGED, "%s: is no workload, assignment or policy", argv[i]);
        put(o, "verified", json_null()); /* who signed it: workload verify */
        cli_ca_tell(o, json);
        if (!json && i + 1 < argc) putchar('\n');
    }
    return code;
}

const struct cli_command cli_workload_show = {
    .name = "workload show",
    .summary = "show what a workload, assignment or policy says",
    .help =
        "usage: hookprobe workload show [--genesis FILE] FILE... [--json]\n\n"
        "Shows the files as they stand; signatures are judged by \"workload verify\". Orders are shown by\n"
        "\"ca show\".\n\n"
        "  --genesis FILE  the mesh, so that ids can be shown\n"
        "  --json          one JSON object for each file\n",
    .run = workload_show,
};

/* ---- What a node holds ---- */

static const char *text_of(const json_t *o, const char *key) {
    const char *t = json_string_value(json_object_get(o, key));
    return t != NULL ? t : "";
}

static void print_one(const json_t *o) {
    printf("%-10s  %-8s  %s", text_of(o, "kind"), text_of(o, "state"), text_of(o, "id"));
    const json_t *scope = json_object_get(o, "scope"), *number = json_object_get(o, "number");
    if (scope != NULL) printf("  scope %lld", (long long)json_integer_value(scope));
    if (json_object_get(o, "name") != NULL) printf("  name %s", text_of(o, "name"));
    if (number != NULL) printf("  number %lld", (long long)json_integer_value(number));
    if (json_object_get(o, "signer") != NULL) printf("  by %.8s", text_of(o, "signer"));
    putchar('\n');
}

int cli_work_list(const struct cli_command *command, int argc, char **argv, const char *kinds) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(command, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (cli_node_option(&node, got)) continue;
        if (got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "%s wants no argument", command->name);
    json_t *answer = cli_ask(&node, json_pack("{s:s}", "op", "work"), &code), *one;
    size_t i;
    if (answer == NULL) return code;
    json_t *list = json_array();
    json_array_foreach(json_object_get(answer, "objects"), i,
                       one) if (strstr(kinds, text_of(one, "kind")) != NULL) json_array_append(list, one);
    json_decref(answer);
    json_array_foreach(list, i, one) if (!json) print_one(one);
    if (json)
        cli_print_json(json_pack("{s:o}", "objects", list), 0);
    else
        json_decref(list);
    return CLI_OK;
}

static int workload_list(int argc, char **argv) {
    return cli_work_list(&cli_workload_list, argc, argv, "workload assignment");
}

static int policy_list(int argc, char **argv) {
    return cli_work_list(&cli_policy_list, argc, argv, "policy order");
}

const struct cli_command cli_workload_list = {
    .name = "workload list",
    .summary = "show which workloads and assignments a running node holds",
    .help =
        "usage: hookprobe workload list [--config FILE | --control PATH] [--json]\n\n"
        "An assignment is held until its workload, its order and its time are there, then in force until it\n"
        "is asked for, then running.\n\n" CLI_NODE_HELP "  --json         the answer as one JSON object\n",
    .run = workload_list,
};

const struct cli_command cli_policy_list = {
    .name = "policy list",
    .summary = "show which policies and orders are in force at a running node",
    .help = "usage: hookprobe policy list [--config FILE | --control PATH] [--json]\n\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = policy_list,
};
