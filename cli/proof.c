/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an edge needs: a proof of finality is checked with nothing but the genesis (D-SYN-6). */
#include "cli.h"

#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROOF_MAX = 4 << 20 };

static int read_file(const char *path, uint8_t *dst, size_t cap, size_t *len) {
    const hkp_status st = hkp_ter_file_read(path, 0, dst, cap, len);
    return st == HKP_OK ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: %s", path, cli_status_name(st));
}

static int show(const struct hkp_dsm_proof *p, size_t len, int json) {
    static const char *const roots[] = {"head", "block", "op"};
    char leaf[65], when[32], author[33];
    cli_time_text(p->time_ms * 1000, when);
    sodium_bin2hex(leaf, sizeof leaf, p->leaf.ptr, p->leaf.len < 32 ? p->leaf.len : 32);
    sodium_bin2hex(author, sizeof author, p->author, 16);
    if (json) {
        json_t *o = json_pack("{s:b,s:s,s:s,s:I,s:I,s:s,s:I,s:I,s:I}", "verified", 1, "of",
                              roots[p->root % 3], "leaf", leaf, "height", (json_int_t)p->height, "epoch",
                              (json_int_t)p->epoch, "time", when, "bytes", (json_int_t)len, "signatures",
                              (json_int_t)p->signers, "short_certificates", (json_int_t)p->compact);
        if (p->has_author) json_object_set_new(o, "author", json_string(author));
        if (p->has_author) json_object_set_new(o, "seq", json_integer((json_int_t)p->seq));
        cli_print_json(o, 0);
        return CLI_OK;
    }
    printf("%s %s\nis final at height %llu of epoch %llu, %s, signed by %u members\n", roots[p->root % 3],
           leaf, (unsigned long long)p->height, (unsigned long long)p->epoch, when, (unsigned)p->signers);
    if (p->has_author) printf("block %llu of %s\n", (unsigned long long)p->seq, author);
    if (p->compact > 0) printf("%u certificates are short (BLS12-381)\n", (unsigned)p->compact);
    return CLI_OK;
}

static int judge(const uint8_t *genesis, size_t genesis_len, const char *path, const uint8_t *file,
                 size_t len, int old, int json) {
    struct hkp_dsm_genesis g;
    struct hkp_dsm_trust trust;
    struct hkp_dsm_proof proven;
    struct hkp_dsm_view proof = {file, len};
    hkp_status st = hkp_dsm_genesis_parse(genesis, genesis_len, &g);
    if (st != HKP_OK) return cli_fail(CLI_DAMAGED, "--genesis: is no genesis (%s)", cli_status_name(st));
    hkp_dsm_genesis_trust(&g, &trust);
    (void)!hkp_dsm_proof_file(file, len, &proof); /* with the name of its form, or as nodes write it */
    st = hkp_dsm_proof_verify(proof.ptr, proof.len, g.chain_id, &trust, 1, old ? 0 : cli_wall() / 1000,
                              &proven);
    if (st == HKP_OK) return show(&proven, proof.len, json);
    return cli_fail(
        CLI_NO, "%s: does not hold: %s%s", path, cli_status_name(st),
        st == HKP_E_DSM_SCHEME && !hkp_dsm_bls_is_built()
            ? ": it is a short one, and this program was built without blst: ask for a long one"
        : st == HKP_E_DSM_EXPIRED
            ? ": the genesis is older than 14 days; --old if you know that no member's key was lost"
            : "");
}

static int verify(int argc, char **argv) {
    static const struct option own[] = {
        {"genesis", required_argument, NULL, 'g'}, {"old", no_argument, NULL, 'O'}, {NULL, 0, NULL, 0}};
    uint8_t genesis[HKP_DSM_GENESIS_MAX];
    const char *path = NULL;
    size_t genesis_len = 0, len = 0;
    int json = 0, old = 0, got;
    while ((got = cli_option(&cli_proof_verify, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'g') path = optarg;
        if (got == 'O') old = 1;
        if (got == 'j') json = 1;
    }
    if (path == NULL || optind + 1 != argc)
        return cli_fail(CLI_USAGE, "proof verify wants --genesis FILE and a PROOF");
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    uint8_t *file = malloc(PROOF_MAX);
    if (file == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    int code = read_file(path, genesis, sizeof genesis, &genesis_len);
    if (code == CLI_OK) code = read_file(argv[optind], file, PROOF_MAX, &len);
    if (code == CLI_OK) code = judge(genesis, genesis_len, argv[optind], file, len, old, json);
    free(file);
    return code;
}

const struct cli_command cli_proof_verify = {
    .name = "proof verify",
    .summary = "check without a node that something is final",
    .help = "usage: hookprobe proof verify --genesis FILE [--old] [--json] PROOF\n\n"
            "PROOF is what \"node ask head|block|op -o PROOF\" wrote: it is followed from the set of the "
            "genesis over "
            "the\nboundaries of epochs to the checkpoint. Short certificates want a build with blst.\n\n"
            "  --genesis FILE names the mesh and its first members, who are trusted for 14 days\n"
            "  --old          trust them although the genesis is older\n"
            "  --json         what is proven as one JSON object\n",
    .run = verify,
};
