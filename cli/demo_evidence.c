/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The demo's last steps: a mesh of four of which one lies (demo_liar.c). Its genesis lies almost an hour
 * back, so the end of its first epoch comes within seconds (D-EPO-1), by the rules that always hold.
 */
#include "demo.h"

#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { HONEST = DEMO_NODES - 1, EPOCH_S = 3600, MARGIN_FIRST_S = 12, REPORT_EVERY_MS = 250 };

static struct {
    unsigned margin_s, reports;
    hkp_time report_at;
    json_int_t height_at_boundary;
    uint8_t chain_id[32], key[32];
} second;

/* ---- The evidence, verified here and not only there ---- */

static int read_mesh(struct demo *d) {
    static uint8_t genesis[HKP_DSM_GENESIS_MAX];
    uint8_t certificate[HKP_DSM_CERTIFICATE_MAX];
    struct hkp_dsm_certificate c;
    struct hkp_dsm_genesis g;
    char path[256];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/genesis", d->p[DEMO_LIAR].dir);
    if (hkp_ter_file_read(path, 0, genesis, sizeof genesis, &len) != HKP_OK ||
        hkp_dsm_genesis_parse(genesis, len, &g) != HKP_OK)
        return cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
    memcpy(second.chain_id, g.chain_id, 32);
    snprintf(path, sizeof path, "%s/certificate", d->p[DEMO_LIAR].dir);
    if (hkp_ter_file_read(path, 0, certificate, sizeof certificate, &len) != HKP_OK ||
        hkp_dsm_certificate_parse(certificate, len, &c) != HKP_OK)
        return cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
    memcpy(second.key, c.key, 32);
    return CLI_OK;
}

/* [epoch, view, digest] of one of the two votes, if the liar signed it. */
static int read_vote(struct hkp_dsm_cbor_reader *op, uint64_t *epoch, uint64_t *view, uint8_t digest[32]) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_envelope e;
    size_t len = 0;
    const uint8_t *bytes = hkp_dsm_cbor_bytes(op, 1, 4096, &len);
    if (bytes == NULL || hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_NOTAR, &e) != HKP_OK ||
        hkp_dsm_envelope_verify(second.chain_id, &e, second.key) != HKP_OK)
        return 0;
    (void)hkp_dsm_cbor_read(&r, e.body.ptr, e.body.len);
    if (hkp_dsm_cbor_array(&r, 3, 3) != 3) return 0;
    *epoch = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    *view = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_fixed(&r, digest, 32);
    return r.status == HKP_OK;
}

/* Op 1 of D-CKP-3: two votes of one signer, epoch and view for different proposals (E1). */
static int convicts(const char *hex, json_t *facts) {
    struct hkp_dsm_cbor_reader r;
    uint64_t epoch[2], view[2];
    uint8_t bytes[4096], digest[2][32];
    size_t len = 0;
    if (hex == NULL || sodium_hex2bin(bytes, sizeof bytes, hex, strlen(hex), NULL, &len, NULL) != 0) return 0;
    (void)hkp_dsm_cbor_read(&r, bytes, len);
    if (hkp_dsm_cbor_array(&r, 3, 3) != 3 || hkp_dsm_cbor_uint(&r, 0, UINT64_MAX) != 1) return 0;
    for (int i = 0; i < 2; i++)
        if (!read_vote(&r, &epoch[i], &view[i], digest[i])) return 0;
    json_object_set_new(facts, "epoch", json_integer((json_int_t)epoch[0]));
    json_object_set_new(facts, "view", json_integer((json_int_t)view[0]));
    return epoch[0] == epoch[1] && view[0] == view[1] && memcmp(digest[0], digest[1], 32) != 0;
}

/* ---- Steps ---- */

static json_int_t at(const json_t *status, const char *group, const char *key) {
    return json_integer_value(json_object_get(json_object_get(status, group), key));
}

/* Something to agree on, now and then: a validator without work proposes nothing. */
static void report(struct demo *d) {
    char value[32];
    if (cli_mono() < second.report_at) return;
    second.report_at = cli_mono() + REPORT_EVERY_MS * 1000000ULL;
    snprintf(value, sizeof value, "45.155.%u.%u", 1 + second.reports / 250 % 250, 1 + second.reports % 250);
    second.reports++;
    json_decref(demo_ask(
        d, DEMO_SECOND,
        json_pack("{s:s,s:s,s:s,s:i}", "op", "report", "type", "ip4", "value", value, "evidence", 1)));
}

static int start_second(struct demo *d) {
    for (int i = 0; i < DEMO_PROCESSES; i++) demo_kill(d, i, SIGKILL);
    int code = demo_prepare_second(d, EPOCH_S - second.margin_s);
    if (code == CLI_OK) code = read_mesh(d);
    for (int i = DEMO_SECOND; code == CLI_OK && i <= DEMO_LIAR; i++) code = demo_start(d, i);
    return code;
}

int demo_liar_begin(struct demo *d) {
    second.margin_s = MARGIN_FIRST_S;
    return start_second(d);
}

/* A slow machine: the boundary came before the evidence, and the next one is an hour away. */
static void start_later(struct demo *d) {
    second.margin_s *= 3;
    if (start_second(d) != CLI_OK) second.margin_s = EPOCH_S / 2; /* it was told; the step runs out of time */
}

int demo_liar_convicted(struct demo *d, json_t *facts) {
    int known = 0;
    json_int_t epoch = 0;
    report(d);
    for (int i = 0; i < HONEST; i++) {
        json_t *status = demo_status(d, DEMO_SECOND + i), *one;
        size_t k;
        epoch = at(status, "chain", "epoch");
        json_array_foreach(json_object_get(status, "convicted"), k, one) {
            const char *who = json_string_value(json_object_get(one, "node_id"));
            if (who == NULL || strcmp(who, d->p[DEMO_LIAR].node_id) != 0) continue;
            if (!convicts(json_string_value(json_object_get(one, "evidence")), facts)) continue;
            json_object_set(facts, "evidence", json_object_get(one, "evidence"));
            json_object_set(facts, "height", json_object_get(one, "height"));
            known++;
        }
        json_decref(status);
    }
    json_object_set_new(facts, "offender", json_string(d->p[DEMO_LIAR].node_id));
    json_object_set_new(facts, "nodes_that_know", json_integer(known));
    if (known == HONEST && epoch == 0) return 1;
    if (epoch > 0) start_later(d);
    return 0;
}

int demo_liar_ejected(struct demo *d, json_t *facts) {
    json_int_t least = INT64_MAX;
    int out = 0, late = 0;
    report(d);
    for (int i = 0; i < HONEST; i++) {
        json_t *status = demo_status(d, DEMO_SECOND + i);
        const json_int_t height = at(status, "chain", "height");
        out += at(status, "chain", "epoch") == 1 && at(status, "consensus", "members") == HONEST;
        late += at(status, "chain", "epoch") == 1 && at(status, "consensus", "members") == DEMO_NODES;
        if (height < least) least = height;
        json_object_set_new(facts, "members", json_integer(at(status, "consensus", "members")));
        json_decref(status);
    }
    if (late == HONEST) start_later(d);
    if (out < HONEST) {
        second.height_at_boundary = least;
        return 0;
    }
    json_object_set_new(facts, "height_before", json_integer(second.height_at_boundary));
    json_object_set_new(facts, "height", json_integer(least));
    return least > second.height_at_boundary + 2;
}
