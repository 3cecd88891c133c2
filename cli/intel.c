/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a running node knows about indicators. */
#include "client.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_indicator(const json_t *i) {
    printf("%-7s %-6s %-40s groups %lld, with evidence %lld, severity %lld, confidence %lld.%02lld %%\n",
           text_of(i, "level"), text_of(i, "type"), text_of(i, "value"), number_of(i, "groups"),
           number_of(i, "evidence_groups"), number_of(i, "severity"), number_of(i, "confidence_bp") / 100,
           number_of(i, "confidence_bp") % 100);
}

static void print_finding(const json_t *f) {
    const json_t *proof = json_object_get(f, "proof");
    printf("  %s by %s of group %lld: block %lld, record %lld, ", text_of(f, "threat"), text_of(f, "author"),
           number_of(f, "group"), number_of(f, "seq"), number_of(f, "position"));
    if (number_of(f, "height") > 0)
        printf("final at checkpoint %lld", number_of(f, "height"));
    else
        printf("not final yet");
    if (json_is_true(json_object_get(proof, "verified")))
        printf(", proof of %lld bytes verified against %lld signatures", number_of(proof, "bytes"),
               number_of(proof, "signatures"));
    else if (proof != NULL)
        printf(", no proof: %s", text_of(proof, "error"));
    printf("\n");
    if (json_object_get(f, "context") != NULL) printf("    %s\n", text_of(f, "context"));
}

static int lookup(int argc, char **argv) {
    static const struct option own[] = {
        CLI_NODE_OPTIONS, {"proof", no_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, proof = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_intel_lookup, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (cli_node_option(&node, got)) continue;
        if (got == 'p') proof = 1;
        if (got == 'j') json = 1;
    }
    if (argc - optind != 2)
        return cli_fail(CLI_USAGE, "intel lookup wants TYPE and VALUE, such as: ip4 45.33.32.156");
    const char *type = argv[optind], *value = argv[optind + 1];
    if (hkp_mesh_ioc_type_find(type, strlen(type)) == 0)
        return cli_fail(CLI_USAGE, "no such type: %s (see hookprobe intel lookup --help)", type);
    json_t *request =
        json_pack("{s:s,s:s,s:s,s:b}", "op", "lookup", "type", type, "value", value, "proof", proof);
    if (request == NULL) return cli_fail(CLI_USAGE, "the value is not UTF-8");
    json_t *answer = cli_ask(&node, request, &code);
    if (answer == NULL) return code;
    const int found = json_is_true(json_object_get(answer, "found"));
    if (!json && found) {
        size_t i;
        json_t *f;
        print_indicator(json_object_get(answer, "indicator"));
        json_array_foreach(json_object_get(answer, "findings"), i, f) print_finding(f);
    } else if (!json) {
        printf("%s %s: not known\n", type, value);
    }
    if (json) cli_print_json(json_incref(answer), 0);
    json_decref(answer);
    return found ? CLI_OK : CLI_NO;
}

static int list(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_intel_list, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (!cli_node_option(&node, got) && got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "intel list wants no argument: %s", argv[optind]);
    json_int_t cursor = 0;
    for (int more = 1; more;) {
        json_t *answer =
            cli_ask(&node, json_pack("{s:s,s:I,s:i}", "op", "list", "cursor", cursor, "limit", 1000), &code);
        if (answer == NULL) return code;
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(answer, "indicators"), i, one) {
            if (json)
                cli_print_json(json_incref(one), 0);
            else
                print_indicator(one);
        }
        more = json_is_integer(json_object_get(answer, "cursor"));
        cursor = json_integer_value(json_object_get(answer, "cursor"));
        json_decref(answer);
    }
    return CLI_OK;
}

const struct cli_command cli_intel_lookup = {
    .name = "intel lookup",
    .summary = "what the mesh knows about an indicator",
    .help = "usage: hookprobe intel lookup [--config FILE | --control PATH] [--proof] [--json] TYPE VALUE\n\n"
            "TYPE is one of ip4 ip6 cidr4 cidr6 domain url sha256 sha1 md5 ja3 ja4 email.\n\n" CLI_NODE_HELP
            "  --proof        have the node prove each record that is final, and check the proof\n"
            "  --json         the answer as one JSON object\n",
    .run = lookup,
};

const struct cli_command cli_intel_list = {
    .name = "intel list",
    .summary = "all indicators that a node knows",
    .help = "usage: hookprobe intel list [--config FILE | --control PATH] [--json]\n\n" CLI_NODE_HELP
            "  --json         one JSON object a line\n",
    .run = list,
};
