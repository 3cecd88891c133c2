/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "config.h"

#include "tpm.h"
#include "yaml.h"

#include <errno.h>
#include <hookprobe/dsm.h>
#include <hookprobe/mesh.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PEERS_MAX 4096

const char cli_config_help[] =
    "configuration (YAML; a relative path begins at the folder of the file):\n"
    "  data_dir: PATH            folder made by \"hookprobe provision\"; required\n"
    "  listen: ADDRESS:PORT      UDP; default [::]:8144\n"
    "  control: PATH             control socket; default control.sock in data_dir\n"
    "  clock_trusted: true|false the operator vouches for the clock; default false\n"
    "  boundary: 64 HEX          digest of a recent boundary, as \"hookprobe status\" of a member shows it: "
    "for a\n"
    "                            node that is new or was away for more than 14 days\n"
    "  log: error|note|info|debug  default note\n"
    "  intel_records: N          threat records held, 1..10000000; default 50000\n"
    "  telemetry_s: 0|10..3600   seconds between two reports to the others of how this node stands;\n"
    "                            0: none; default 60\n"
    "  integrity_changed: X      when the measured files of a peer changed: limit (default) its sessions, "
    "or\n"
    "                            close them, and limit those that it opens again\n"
    "  attest: none|software|tpm what each session's peer must prove before it carries more than consensus;\n"
    "                            default none; with tpm also:\n"
    "  attest_tpm:               what the quote of a peer's TPM must say\n"
    "    pcrs: 0,2,4,7           PCRs of the SHA-256 bank that it covers; required\n"
    "    digests: [64 HEX, ...]  digests of their values that are accepted, 1..64, as \"hookprobe tpm "
    "status\"\n"
    "                            shows them; required\n"
    "    every_s: 6..600         how often each session is asked; default 60\n"
    "  addresses: [ADDRESS:PORT] where others reach this node, at most 8; told to them, and the node then\n"
    "                            keeps its neighbours by itself\n"
    "  eve:                      alerts of Suricata to publish\n"
    "    file: PATH              file or FIFO; required\n"
    "    from_start: true|false  also what is already in it; default false\n"
    "  timing:                   0 or absent: the default\n"
    "    ter_period_ms: 100..60000   ter_batch_ms: 1..5000   checkpoint_ms: 10..3600000\n"
    "    delay_ms: 1..10000   commit_every: 1..65536   heartbeat_s: 1..120   rekey_s: 10..60\n"
    "  passphrase_file: PATH     passphrase of the keys, mode 0600; see \"hookprobe keys --help\"\n"
    "  tpm:                      the TPM that sealed the keys, and attests\n"
    "    tcti: TEXT              device:PATH, swtpm:path=PATH or swtpm:host=IPV4,port=N; required\n"
    "    ak: PATH                attestation key that the certificate names, as \"hookprobe tpm ak\" wrote "
    "it,\n"
    "                            with PATH.area beside it\n"
    "  peers:                    the other members\n"
    "    - node_id: 32 hex digits\n"
    "      key: 64 hex digits, its X25519 key\n"
    "      address: ADDRESS:PORT\n";

/* ---- schema ---- */

static const cyaml_strval_t log_names[] = {{"error", HKP_MESH_LOG_ERROR},
                                           {"note", HKP_MESH_LOG_NOTE},
                                           {"info", HKP_MESH_LOG_INFO},
                                           {"debug", HKP_MESH_LOG_DEBUG}};

static const cyaml_strval_t attest_names[] = {
    {"none", HKP_DSM_EVIDENCE_NONE}, {"software", HKP_DSM_EVIDENCE_SOFTWARE}, {"tpm", HKP_DSM_EVIDENCE_TPM}};

static const cyaml_schema_value_t address_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 3, 128)};

static const cyaml_strval_t integrity_names[] = {{"limit", 0}, {"close", 1}};

/* libcyaml's own booleans take any word for true. */
static const cyaml_strval_t bool_names[] = {{"false", 0}, {"true", 1}};
#define BOOL(name, type)                                                                                     \
    CYAML_FIELD_ENUM(#name, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, name, bool_names,                 \
                     CYAML_ARRAY_LEN(bool_names))

static const cyaml_schema_field_t peer_fields[] = {
    CYAML_FIELD_STRING_PTR("node_id", CYAML_FLAG_POINTER, struct cli_peer, node_id, 32, 32),
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct cli_peer, key, 64, 64),
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct cli_peer, address, 3, 128), CYAML_FIELD_END};

static const cyaml_schema_value_t peer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cli_peer, peer_fields)};

static const cyaml_schema_field_t eve_fields[] = {
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, struct cli_eve, file, 1, 4095),
    BOOL(from_start, struct cli_eve), CYAML_FIELD_END};

static const cyaml_schema_field_t tpm_fields[] = {
    CYAML_FIELD_STRING_PTR("tcti", CYAML_FLAG_POINTER, struct cli_config_tpm, tcti, 1, 255),
    CYAML_FIELD_STRING_PTR("ak", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct cli_config_tpm, ak, 1,
                           4095),
    CYAML_FIELD_END};

static const cyaml_schema_value_t digest_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 64, 64)};

static const cyaml_schema_field_t attest_tpm_fields[] = {
    CYAML_FIELD_STRING_PTR("pcrs", CYAML_FLAG_POINTER, struct cli_config_attest_tpm, pcrs, 1, 127),
    CYAML_FIELD_SEQUENCE("digests", CYAML_FLAG_POINTER, struct cli_config_attest_tpm, digests, &digest_value,
                         1, HKP_MESH_ATTEST_DIGESTS),
    CYAML_FIELD_UINT("every_s", CYAML_FLAG_OPTIONAL, struct cli_config_attest_tpm, every_s), CYAML_FIELD_END};

#define TIMING(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct cli_timing, name)
static const cyaml_schema_field_t timing_fields[] = {
    TIMING(ter_period_ms), TIMING(ter_batch_ms), TIMING(checkpoint_ms), TIMING(delay_ms),
    TIMING(commit_every),  TIMING(heartbeat_s),  TIMING(rekey_s),       CYAML_FIELD_END};

#define OPTIONAL_TEXT(name, min, max)                                                                        \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct cli_config, name, min, max)
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER, struct cli_config, data_dir, 1, 4095),
    OPTIONAL_TEXT(listen, 3, 128),
    OPTIONAL_TEXT(control, 1, 107),
    BOOL(clock_trusted, struct cli_config),
    CYAML_FIELD_MAPPING("eve", CYAML_FLAG_OPTIONAL, struct cli_config, eve, eve_fields),
    CYAML_FIELD_MAPPING("timing", CYAML_FLAG_OPTIONAL, struct cli_config, timing, timing_fields),
    OPTIONAL_TEXT(boundary, 64, 64),
    OPTIONAL_TEXT(passphrase_file, 1, 4095),
    CYAML_FIELD_MAPPING("tpm", CYAML_FLAG_OPTIONAL, struct cli_config, tpm, tpm_fields),
    CYAML_FIELD_UINT("intel_records", CYAML_FLAG_OPTIONAL, struct cli_config, intel_records),
    CYAML_FIELD_UINT_PTR("telemetry_s", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct cli_config,
                         telemetry_s),
    CYAML_FIELD_ENUM("integrity_changed", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct cli_config,
                     integrity_changed, integrity_names, CYAML_ARRAY_LEN(integrity_names)),
    CYAML_FIELD_ENUM("attest", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct cli_config, attest,
                     attest_names, CYAML_ARRAY_LEN(attest_names)),
    CYAML_FIELD_MAPPING("attest_tpm", CYAML_FLAG_OPTIONAL, struct cli_config, attest_tpm, attest_tpm_fields),
    CYAML_FIELD_SEQUENCE("addresses", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct cli_config, addresses,
                         &address_value, 0, HKP_DSM_ADDRESSES_MAX),
    CYAML_FIELD_ENUM("log", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct cli_config, log, log_names,
                     CYAML_ARRAY_LEN(log_names)),
    CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct cli_config, peers,
                         &peer_value, 0, PEERS_MAX),
    CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct cli_config, fields)};

/* ---- what the schema cannot say ---- */

static int is_hex(const char *text) { return text[strspn(text, "0123456789abcdefABCDEF")] == 0; }

/* "a.b.c.d:port" or "[v6]:port", as text only; whether the address exists is found out when it is bound. */
static int is_address(const char *text) {
    uint8_t value[17];
    uint32_t type;
    size_t len;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text) return 0;
    const size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != 0 || atoi(colon + 1) < 1 || atoi(colon + 1) > 65535)
        return 0;
    const int v6 = text[0] == '[' && colon[-1] == ']';
    return hkp_mesh_ioc_canonicalise(v6 ? HKP_MESH_IOC_IP6 : HKP_MESH_IOC_IP4, v6 ? text + 1 : text,
                                     (size_t)(colon - text) - (v6 ? 2U : 0U), &type, value, sizeof value,
                                     &len) == HKP_OK;
}

struct bound {
    const char *key;
    uint32_t value, min, max;
};

static int check_numbers(const struct cli_config *c, const char *path, const char *text, char error[512]) {
    const struct cli_timing *t = &c->timing;
    const struct bound bounds[] = {
        {"ter_period_ms", t->ter_period_ms, 100, 60000},
        {"ter_batch_ms", t->ter_batch_ms, 1, 5000},
        {"checkpoint_ms", t->checkpoint_ms, 10, 3600000},
        {"delay_ms", t->delay_ms, 1, 10000},
        {"commit_every", t->commit_every, 1, 65536},
        {"heartbeat_s", t->heartbeat_s, 1, 120},
        {"rekey_s", t->rekey_s, 10, 60},
        {"intel_records", c->intel_records, 1, 10000000},
        {"telemetry_s", c->telemetry_s != NULL ? *c->telemetry_s : 0, HKP_MESH_TELEMETRY_S_MIN,
         HKP_MESH_TELEMETRY_S_MAX},
        {"every_s", c->attest_tpm.every_s, HKP_MESH_ATTEST_EVERY_S_MIN, HKP_MESH_ATTEST_EVERY_S_MAX}};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char why[64];
        if (bounds[i].value == 0 || (bounds[i].value >= bounds[i].min && bounds[i].value <= bounds[i].max))
            continue;
        snprintf(why, sizeof why, "must be %u..%u", bounds[i].min, bounds[i].max);
        return cli_yaml_wrong(error, path, text, bounds[i].key, 0, why);
    }
    return 0;
}

static int check_attest(struct cli_config *c, const char *path, const char *text, char error[512]) {
    struct cli_config_attest_tpm *a = &c->attest_tpm;
    if (a->pcrs != NULL && cli_pcrs(a->pcrs, &a->pcr_mask) != 0)
        return cli_yaml_wrong(error, path, text, "pcrs", 0, "must be numbers 0..23, as 0,2,4,7");
    for (unsigned i = 0; i < a->digests_count; i++)
        if (!is_hex(a->digests[i]))
            return cli_yaml_wrong(error, path, text, "digests", 0, "must be 64 hex digits each");
    if (c->attest != HKP_DSM_EVIDENCE_TPM) return 0;
    if (a->pcrs == NULL)
        return cli_yaml_wrong(error, path, text, "attest", 0, "tpm wants attest_tpm: pcrs and digests");
    return c->tpm.ak != NULL ? 0
                             : cli_yaml_wrong(error, path, text, "attest", 0,
                                              "tpm wants tpm: tcti and ak, this node attests itself");
}

static int check(struct cli_config *c, const char *path, const char *text, char error[512]) {
    if (c->boundary != NULL && !is_hex(c->boundary))
        return cli_yaml_wrong(error, path, text, "boundary", 0, "must be 64 hex digits");
    if (c->listen != NULL && !is_address(c->listen))
        return cli_yaml_wrong(error, path, text, "listen", 0,
                              "must be ADDRESS:PORT, such as 192.0.2.1:8144 or [::]:8144");
    for (unsigned i = 0; i < c->addresses_count; i++)
        if (!is_address(c->addresses[i]))
            return cli_yaml_wrong(error, path, text, "addresses", 0,
                                  "must be ADDRESS:PORT, such as 192.0.2.1:8144 or [2001:db8::1]:8144");
    for (unsigned i = 0; i < c->peers_count; i++) {
        if (!is_hex(c->peers[i].node_id))
            return cli_yaml_wrong(error, path, text, "node_id", i, "must be 32 hex digits");
        if (!is_hex(c->peers[i].key))
            return cli_yaml_wrong(error, path, text, "key", i, "must be 64 hex digits");
        if (!is_address(c->peers[i].address))
            return cli_yaml_wrong(error, path, text, "address", i,
                                  "must be ADDRESS:PORT, such as 192.0.2.1:8144");
        for (unsigned k = 0; k < i; k++)
            if (strcasecmp(c->peers[k].node_id, c->peers[i].node_id) == 0)
                return cli_yaml_wrong(error, path, text, "node_id", i,
                                      "names a peer that is already in the list");
    }
    return check_attest(c, path, text, error) != 0 ? -1 : check_numbers(c, path, text, error);
}

/* ---- loading ---- */

int cli_config_anchor(const char *file, char **path) {
    const char *slash = strrchr(file, '/');
    if (*path == NULL || (*path)[0] == '/' || slash == NULL) return 0;
    const size_t folder = (size_t)(slash - file) + 1, len = strlen(*path);
    char *joined = malloc(folder + len + 1);
    if (joined == NULL) return -1;
    memcpy(joined, file, folder);
    memcpy(joined + folder, *path, len + 1);
    free(*path);
    *path = joined;
    return 0;
}

void cli_config_free(struct cli_config *config) {
    if (config != NULL) cli_yaml_free(&schema, config);
}

struct cli_config *cli_config_load(const char *path, char error[512]) {
    char *text = NULL;
    struct cli_config *config = NULL;
    if (cli_yaml_load(path, &schema, 1, (void **)&config, &text, error) != 0) {
        /* error says it */
    } else if (config == NULL) {
        snprintf(error, 512, "%s:1: data_dir: the file sets nothing", path);
    } else if (check(config, path, text, error) != 0) {
        cli_config_free(config);
        config = NULL;
    } else if (cli_config_anchor(path, &config->data_dir) != 0 ||
               cli_config_anchor(path, &config->control) != 0 ||
               cli_config_anchor(path, &config->passphrase_file) != 0 ||
               cli_config_anchor(path, &config->tpm.ak) != 0 ||
               cli_config_anchor(path, &config->eve.file) != 0) {
        snprintf(error, 512, "%s: out of memory", path);
        cli_config_free(config);
        config = NULL;
    }
    free(text);
    return config;
}

int cli_config_control(const struct cli_config *config, char *path, unsigned cap) {
    const int n = config->control != NULL ? snprintf(path, cap, "%s", config->control)
                                          : snprintf(path, cap, "%s/control.sock", config->data_dir);
    return n > 0 && (unsigned)n < cap ? 0 : -1;
}
