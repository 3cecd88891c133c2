/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How a running node stands. */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *text_at(const json_t *o, const char *group, const char *key) {
    const json_t *from = group != NULL ? json_object_get(o, group) : o;
    const char *text = json_string_value(json_object_get(from, key));
    return text != NULL ? text : "-";
}

static long long number_at(const json_t *o, const char *group, const char *key) {
    return (long long)json_integer_value(json_object_get(group != NULL ? json_object_get(o, group) : o, key));
}

static void print_peers(const json_t *o) {
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(o, "peers"), i, p) {
        printf("  %.8s  %-4s mode %s  trust %.2f  integrity %-9s  instance ours %s, its %s%s%s\n",
               text_at(p, NULL, "node_id"), json_is_true(json_object_get(p, "up")) ? "up" : "down",
               text_at(p, NULL, "mode"), json_number_value(json_object_get(p, "trust")),
               text_at(p, NULL, "integrity"), text_at(p, NULL, "own_instance"),
               text_at(p, NULL, "held_instance"), text_at(p, NULL, "reason")[0] != 0 ? "  " : "",
               text_at(p, NULL, "reason"));
        if (text_at(p, "attestation", "refused")[0] > '-')
            printf("            attestation refused: %s\n", text_at(p, "attestation", "refused"));
    }
}

static void print_scheme2(const json_t *o) {
    if (!json_is_true(json_object_get(o, "listed"))) return;
    printf("           short proofs: %lld members have a BLS key, this node %s\n", number_at(o, NULL, "keys"),
           json_is_true(json_object_get(o, "own")) ? "too" : "has none in use");
}

static void print_list(const json_t *list, const char *first, const char *second) {
    size_t i;
    json_t *e;
    json_array_foreach(list, i, e) printf("  %s: %s\n", text_at(e, NULL, first), text_at(e, NULL, second));
}

static void day_of(const json_t *o, const char *key, char text[16]) {
    const time_t t = (time_t)json_integer_value(json_object_get(o, key));
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(text, 16, "%Y-%m-%d", &tm) == 0) snprintf(text, 16, "-");
}

static void print_certificate(const json_t *o) {
    const char *state = text_at(o, NULL, "state");
    char until[16], from[16];
    if (!json_is_object(o)) return;
    day_of(o, "valid_until_s", until);
    day_of(o, "renewal_from_s", from);
    printf("certificate %lld, valid until %s, %lld days left; renewal from %s%s\n",
           number_at(o, NULL, "serial"), until, number_at(o, NULL, "days_left"), from,
           strcmp(state, "over") == 0      ? ": OVER, renew it now"
           : strcmp(state, "renewal") == 0 ? ": renew it now"
                                           : "");
}

static void print_revocations(const json_t *o) {
    const char *state = text_at(o, NULL, "state");
    if (!json_is_object(o) || strcmp(state, "none") == 0) return;
    printf("revoked    list %lld, %lld entries, %lld hours old%s\n", number_at(o, NULL, "number"),
           number_at(o, NULL, "entries"), number_at(o, NULL, "age_s") / 3600,
           strcmp(state, "old") == 0 ? ": OLD, new sessions have no role above EDGE until a current one comes"
           : strcmp(state, "lost") == 0 ? ": OLD, new sessions carry little more than a current one"
                                        : "");
}

static void print_boundary(const json_t *o) {
    const char *digest = text_at(o, "boundary", "digest"), *trust = text_at(o, "boundary", "trust");
    const time_t at = (time_t)(number_at(o, "boundary", "time_ms") / 1000);
    struct tm tm;
    char when[32] = "-";
    if (gmtime_r(&at, &tm) != NULL) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("boundary   %s, epoch %lld, %s\n", digest, number_at(o, "boundary", "epoch"), when);
    if (strcmp(trust, "needed") == 0)
        printf("           OLD: later epochs are not followed until the configuration names a recent\n"
               "           boundary: \"boundary: HEX\", as the status of a member shows it\n");
    if (strcmp(trust, "alarm") == 0)
        printf("           ALARM: two boundaries of one epoch are signed; this node joins no epoch until it\n"
               "           is started again\n");
}

static void print_status(const json_t *o) {
    const char *key;
    json_t *count;
    printf("node       %s\nstate      %s\n", text_at(o, NULL, "node_id"), text_at(o, NULL, "state"));
    print_certificate(json_object_get(o, "certificate"));
    print_revocations(json_object_get(o, "revocations"));
    printf("chain      height %lld, view %lld, epoch %lld, %lld nullified, %lld pieces of evidence\n",
           number_at(o, "chain", "height"), number_at(o, "chain", "view"), number_at(o, "chain", "epoch"),
           number_at(o, "chain", "nullified"), number_at(o, "chain", "evidence"));
    print_boundary(o);
    printf("consensus  %lld members, %lld may fail, %lld signatures make a certificate\n",
           number_at(o, "consensus", "members"), number_at(o, "consensus", "faulty_max"),
           number_at(o, "consensus", "quorum"));
    if (json_is_false(json_object_get(o, "bls")))
        printf("           built without BLS: lists of signatures are asked for\n");
    print_scheme2(json_object_get(o, "scheme2"));
    printf("counts     %lld TERs, %lld own blocks, %lld blocks, %lld not final\n",
           number_at(o, "counts", "ters"), number_at(o, "counts", "own_blocks"),
           number_at(o, "counts", "blocks"), number_at(o, "counts", "blocks_open"));
    printf("intel      %lld indicators, %lld records\n", number_at(o, "intel", "indicators"),
           number_at(o, "intel", "records"));
    printf("integrity  %s\n", text_at(o, "integrity", "state"));
    print_list(json_object_get(json_object_get(o, "integrity"), "differs"), "path", "what");
    printf("peers      %lld of %lld up\n", number_at(o, "sessions", "up"),
           number_at(o, "sessions", "configured"));
    print_peers(o);
    if (json_is_object(json_object_get(o, "eve")))
        printf("eve        %lld records, %lld published; skipped: %lld broken, %lld oversized, %lld no "
               "alert, %lld no address, "
               "%lld local\n",
               number_at(o, "eve", "records"), number_at(o, "eve", "published"),
               number_at(o, "eve", "broken"), number_at(o, "eve", "oversized"),
               number_at(o, "eve", "not_alert"), number_at(o, "eve", "no_address"),
               number_at(o, "eve", "local"));
    if (json_object_size(json_object_get(o, "dropped")) > 0)
        printf("dropped    datagrams that changed nothing, by cause\n");
    json_object_foreach(json_object_get(o, "dropped"), key, count)
        printf("  %s: %lld\n", key, (long long)json_integer_value(count));
    if (json_array_size(json_object_get(o, "refusals")) > 0) printf("refused    by this node\n");
    print_list(json_object_get(o, "refusals"), "node_id", "cause");
}

static int status(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    int json = 0, code = CLI_OK, got;
    while ((got = cli_option(&cli_status, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (!cli_node_option(&node, got) && got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "status wants no argument: %s", argv[optind]);
    json_t *answer = cli_ask(&node, json_pack("{s:s}", "op", "status"), &code);
    if (answer == NULL) return code;
    if (json)
        cli_print_json(json_incref(answer), 0);
    else
        print_status(answer);
    json_decref(answer);
    return CLI_OK;
}

const struct cli_command cli_status = {
    .name = "status",
    .summary = "how a running node stands",
    .help = "usage: hookprobe status [--config FILE | --control PATH] [--json]\n\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = status,
};
