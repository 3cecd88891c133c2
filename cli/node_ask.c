/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What is handed to a running node, asked of it, and commanded. */
#include "cli.h"
#include "client.h"

#include <errno.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Eight peers are asked, each for some seconds. */
#define WAIT_MS 60000U

/* A command with the options of every question to a node. */
struct asked {
    struct cli_node node;
    int json;
};

/* CLI_OK, or how it ends: so many words have to follow. */
static int words_of(struct asked *a, const struct cli_command *self, int argc, char **argv, int words,
                    const char *wants) {
    static const struct option own[] = {CLI_NODE_OPTIONS, {NULL, 0, NULL, 0}};
    *a = (struct asked){.json = 0};
    for (int got; (got = cli_option(self, argc, argv, own)) != -1;) {
        if (got == '?') return CLI_USAGE;
        if (!cli_node_option(&a->node, got) && got == 'j') a->json = 1;
    }
    return argc - optind == words ? CLI_OK : cli_fail(CLI_USAGE, "%s wants %s", self->name, wants);
}

/* Takes over the request; said: what is printed, of "kind" where it asks for it. */
static int put_question(const struct asked *a, json_t *request, const char *said) {
    int code = CLI_OK;
    json_t *answer = cli_ask(&a->node, request, &code);
    if (answer == NULL) return code;
    const char *kind = json_string_value(json_object_get(answer, "kind"));
    if (a->json)
        cli_print_json(json_incref(answer), 0);
    else
        printf("%s%s%s\n", kind != NULL ? kind : "", kind != NULL ? ": " : "", said);
    json_decref(answer);
    return CLI_OK;
}

/* The node has a folder of its own, so it gets the whole path. */
static int put_file(const struct asked *a, json_t *request, const char *file, const char *said) {
    char *path = realpath(file, NULL);
    const int failed = path == NULL ? cli_fail(CLI_SYSTEM, "%s: %s", file, strerror(errno)) : CLI_OK;
    json_t *text = path != NULL ? json_string(path) : NULL;
    free(path);
    if (request != NULL && text != NULL && json_object_set_new(request, "file", text) == 0)
        return put_question(a, request, said);
    json_decref(request);
    return failed != CLI_OK ? failed : cli_fail(CLI_USAGE, "the words are not UTF-8");
}

static int run_submit(int argc, char **argv) {
    struct asked a;
    const int code = words_of(&a, &cli_node_submit, argc, argv, 1, "a FILE");
    return code != CLI_OK
               ? code
               : put_file(&a, json_pack("{s:s}", "op", "submit"), argv[optind], "taken, and passed on");
}

const struct cli_command cli_node_submit = {
    .name = "node submit",
    .summary = "hand a signed object to a running node",
    .help =
        "usage: hookprobe node submit FILE [--config FILE | --control PATH] [--json]\n\n"
        "FILE is a certificate, revocation list, set of officers or order (complete, as \"ca show\" says),\n"
        "or what a node signed: a workload, assignment, policy, claim, request for a seat, evidence and so "
        "on.\n"
        "The node judges it as if a peer had brought it; if it holds it counts, and all others get it. A\n"
        "RESTART is applied with \"restart apply\".\n\n" CLI_NODE_HELP
        "  --json         the answer as one JSON object\n",
    .run = run_submit,
};

/* ---- ask ---- */

/* What can be asked for, and how many words follow. */
static const struct {
    const char *what;
    int words;
} questions[] = {{"list", 0},    {"certificate", 1}, {"officers", 0}, {"next-officers", 0},
                 {"members", 0}, {"head", 1},        {"block", 1},    {"op", 1}};

static int write_data(const json_t *answer, const char *out) {
    const char *text = json_string_value(json_object_get(answer, "data"));
    const size_t len = text != NULL ? strlen(text) / 2 : 0;
    uint8_t *bytes = malloc(len + 1);
    size_t got = 0;
    if (bytes == NULL || len == 0 || sodium_hex2bin(bytes, len, text, 2 * len, NULL, &got, NULL) != 0) {
        free(bytes);
        return cli_fail(CLI_SYSTEM, "the node gave nothing that can be written");
    }
    const hkp_status st = hkp_ter_file_write(out, bytes, got);
    free(bytes);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: %s", out, cli_status_name(st));
}

static void show_members(const json_t *answer) {
    size_t i;
    json_t *m;
    printf("epoch %lld\n", (long long)json_integer_value(json_object_get(answer, "epoch")));
    json_array_foreach(json_object_get(answer, "members"), i, m)
        printf("%s  group %lld\n", json_string_value(json_object_get(m, "node_id")),
               (long long)json_integer_value(json_object_get(m, "group")));
}

static void show_officers(const json_t *answer) {
    size_t i;
    json_t *key;
    printf("version %lld, %lld sign together\n",
           (long long)json_integer_value(json_object_get(answer, "version")),
           (long long)json_integer_value(json_object_get(answer, "threshold")));
    json_array_foreach(json_object_get(answer, "officers"), i, key) printf("%s\n", json_string_value(key));
    if (json_integer_value(json_object_get(answer, "waiting")) > 0)
        printf("version %lld waits for the chain\n",
               (long long)json_integer_value(json_object_get(answer, "waiting")));
}

static void show(const json_t *answer, const char *out) {
    const json_t *proof = json_object_get(answer, "proof");
    if (json_object_get(answer, "members") != NULL)
        show_members(answer);
    else if (json_object_get(answer, "officers") != NULL)
        show_officers(answer);
    else if (proof != NULL)
        printf("final at height %lld, proven and verified, %lld bytes%s\n",
               (long long)json_integer_value(json_object_get(proof, "height")),
               (long long)json_integer_value(json_object_get(proof, "bytes")),
               json_is_true(json_object_get(proof, "short")) ? " (short)" : "");
    else if (out != NULL)
        printf("%s: written to %s\n", json_string_value(json_object_get(answer, "kind")), out);
}

static int told(json_t *answer, const char *out, int json) {
    const json_t *proof = json_object_get(answer, "proof");
    const char *why = json_string_value(json_object_get(proof, "error"));
    if (proof != NULL && !json_is_true(json_object_get(proof, "verified")))
        return cli_fail(CLI_NO, "there is no proof of it: %s", why != NULL ? why : "?");
    if (proof == NULL && json_object_get(answer, "data") != NULL && out == NULL && !json)
        return cli_fail(CLI_USAGE, "say where to: -o FILE");
    const int code = out != NULL ? write_data(answer, out) : CLI_OK;
    if (code != CLI_OK) return code;
    if (out != NULL || proof != NULL) json_object_del(answer, "data");
    if (json)
        cli_print_json(json_incref(answer), 0);
    else
        show(answer, out);
    return CLI_OK;
}

static int ask(const struct cli_node *node, char **words, int count, int peers, int is_short, const char *out,
               int json) {
    size_t i = 0;
    while (i < sizeof questions / sizeof questions[0] &&
           (count == 0 || strcmp(words[0], questions[i].what) != 0 || count != 1 + questions[i].words))
        i++;
    if (i == sizeof questions / sizeof questions[0])
        return cli_fail(CLI_USAGE,
                        "node ask wants list, certificate NODE_ID, officers, next-officers, members, "
                        "head NODE_ID, block ID or op ID");
    int code = CLI_OK;
    json_t *request = json_pack("{s:s,s:s,s:s,s:b,s:b}", "op", "ask", "what", words[0], "key",
                                count > 1 ? words[1] : "", "peers", peers, "short", is_short);
    if (request == NULL) return cli_fail(CLI_USAGE, "the id is no hex");
    json_t *answer = cli_ask_for(node, request, WAIT_MS, &code);
    if (answer == NULL) return code;
    code = told(answer, out, json);
    json_decref(answer);
    return code;
}

static int run_ask(int argc, char **argv) {
    static const struct option own[] = {CLI_NODE_OPTIONS,
                                        {"out", required_argument, NULL, 'o'},
                                        {"peers", no_argument, NULL, 'p'},
                                        {"short", no_argument, NULL, 'S'},
                                        {NULL, 0, NULL, 0}};
    struct cli_node node = {0};
    const char *out = NULL;
    int json = 0, peers = 0, is_short = 0, got;
    while ((got = cli_option(&cli_node_ask, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (cli_node_option(&node, got)) continue;
        if (got == 'j') json = 1;
        if (got == 'p') peers = 1;
        if (got == 'S') is_short = 1;
        if (got == 'o') out = optarg;
    }
    return ask(&node, argv + optind, argc - optind, peers, is_short, out, json);
}

const struct cli_command cli_node_ask = {
    .name = "node ask",
    .summary = "ask a running node for what officers signed, or for a proof",
    .help =
        "usage: hookprobe node ask list|certificate NODE_ID|next-officers [-o FILE] [--config FILE | "
        "--control "
        "PATH]\n"
        "       hookprobe node ask officers|members ...\n"
        "       hookprobe node ask head NODE_ID [--peers] [--short] [-o FILE] ...\n"
        "       hookprobe node ask block ID|op ID [--short] [-o FILE] ...\n\n"
        "The newest revocation list, the newest certificate of a node, a set of officers that waits for the\n"
        "chain, as files; the officers in office and the members; the proof that the newest final head of a\n"
        "node, a block or an op stands in a checkpoint that a quorum signed, verified from the genesis on.\n"
        "The proof of a head comes from the node's own store or, with --peers, like those of blocks and "
        "ops,\n"
        "from one peer after the other: from those whose trust in this node is 0.5 or more.\n\n"
        "  -o, --out FILE the object or the proof, which anybody verifies who has the genesis\n"
        "  --peers        a head as peers prove it\n"
        "  --short        with BLS certificates where the node holds enough shares: for thin lines, and for\n"
        "                 who verifies with a build that has blst\n" CLI_NODE_HELP
        "  --json         the answer as one JSON object\n",
    .run = run_ask,
};

/* ---- commands of a member's operator ---- */

static int command(const struct cli_command *self, int argc, char **argv, int words, const char *wants) {
    struct asked a;
    const int code = words_of(&a, self, argc, argv, words, wants);
    if (code != CLI_OK) return code;
    json_t *request = words == 1 ? json_pack("{s:s,s:s}", "op", "retire", "node_id", argv[optind])
                                 : json_pack("{s:s,s:s,s:s}", "op", "tombstone", "type", argv[optind],
                                             "value", argv[optind + 1]);
    if (request == NULL) return cli_fail(CLI_USAGE, "%s wants %s", self->name, wants);
    return put_question(&a, request, "said; done when enough members' operators say so");
}

static int run_send(int argc, char **argv) {
    struct asked a;
    const int code = words_of(&a, &cli_node_send, argc, argv, 2, "a NODE_ID and a FILE");
    if (code != CLI_OK) return code;
    return put_file(&a, json_pack("{s:s,s:s}", "op", "send", "node_id", argv[optind]), argv[optind + 1],
                    "on its way");
}

const struct cli_command cli_node_send = {
    .name = "node send",
    .summary = "send a request or a half-signed object to the operator of a peer",
    .help = "usage: hookprobe node send NODE_ID FILE [--config FILE | --control PATH] [--json]\n\n"
            "FILE is a request for a certificate, or what officers signed, also half. It goes through the "
            "session\n"
            "with that peer and no further. What is complete counts there; the rest lies in inbox/ of its "
            "folder,\n"
            "64 files at most, for \"ca show\" and \"ca sign\".\n\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = run_send,
};

static int run_retire(int argc, char **argv) { return command(&cli_node_retire, argc, argv, 1, "a NODE_ID"); }

const struct cli_command cli_node_retire = {
    .name = "node retire",
    .summary = "take a node that is barred for good out of the chain",
    .help = "usage: hookprobe node retire NODE_ID [--config FILE | --control PATH] [--json]\n\n"
            "For a node that the revocation list bars for good (key compromise, retired). Its head "
            "disappears at\n"
            "the next boundary of an epoch, its seat if it has one as limits let it. For a node without a "
            "seat one\n"
            "member's operator is enough; a member goes when operators of more than a third say so. The node "
            "says\n"
            "it again in each epoch until it is done or it starts anew.\n\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = run_retire,
};

static int run_tombstone(int argc, char **argv) {
    return command(&cli_node_tombstone, argc, argv, 2, "a TYPE and a VALUE");
}

const struct cli_command cli_node_tombstone = {
    .name = "node tombstone",
    .summary = "withdraw an indicator of threats for all",
    .help = "usage: hookprobe node tombstone TYPE VALUE [--config FILE | --control PATH] [--json]\n\n"
            "  TYPE           ip4, ip6, domain, ... as in \"intel lookup\"\n\n"
            "Done when operators of more than a third of the members say so in one epoch: then all nodes "
            "drop it.\n"
            "The chain tells its key to everybody, so name only what everybody may know.\n\n" CLI_NODE_HELP
            "  --json         the answer as one JSON object\n",
    .run = run_tombstone,
};
