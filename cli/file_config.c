/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The two configurations of hookprobe file: whom a client asks, and what a server grants. */
#include "config.h"
#include "file.h"
#include "yaml.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 4096 };

const char cli_file_client_help[] =
    "configuration (YAML; default ~/.config/hookprobe/file.yaml; a relative path begins at its folder):\n"
    "  key: PATH                 made by \"hookprobe file key\"; required\n"
    "  passphrase_file: PATH     passphrase of the key, mode 0600\n"
    "  servers:                  who can be asked\n"
    "    - name: WORD            what stands before the colon\n"
    "      address: ADDRESS:PORT\n"
    "      card: 160 hex digits  what \"hookprobe file key\" printed there\n";

const char cli_file_service_help[] =
    "configuration (YAML; a relative path begins at the folder of the file):\n"
    "  root: PATH                folder that is served; required\n"
    "  key: PATH                 made by \"hookprobe file key\"; required\n"
    "  passphrase_file: PATH     passphrase of the key, mode 0600\n"
    "  listen: ADDRESS:PORT      UDP; default [::]:8144\n"
    "  audit: PATH               audit lines are appended to this file; default: standard output\n"
    "  size_max: SIZE            largest file for all, such as 10G; default 1G\n"
    "  transfers_max: N          served at once, 1..4096; default 64\n"
    "  sessions_max: N           1..65536; default 256\n"
    "  devices: PATH             set of devices as libhtp stores it, beside the cards below\n"
    "  peers:                    what each may do; who is not named may do nothing\n"
    "    - name: WORD            in the audit\n"
    "      card: 160 hex digits  who it is; or node_id: 32 hex digits, one of the devices;\n"
    "                            neither: every device that is not named\n"
    "      operations: WORDS     of put, update, get, ls, stat, rm and tree (rm of folders with content)\n"
    "      folder: PATH          what it sees as /; made if it is missing; default: the root\n"
    "      extensions: WORDS     \"pcap json\"; . is a name without one; default: cbor csv json log pcap\n"
    "                            pcapng ter txt yaml\n"
    "      size_max: SIZE        largest file; default: that of all\n"
    "      quota: SIZE           most that may lie in its folder; default: no limit\n";

/* ---- schemas ---- */

#define TEXT(type, name, min, max)                                                                           \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, name, min, max)
#define NEEDED(type, name, min, max) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER, type, name, min, max)

static const cyaml_schema_field_t server_fields[] = {
    NEEDED(struct cli_file_server, name, 1, 64), NEEDED(struct cli_file_server, address, 3, 128),
    NEEDED(struct cli_file_server, card, CLI_CARD_HEX, CLI_CARD_HEX), CYAML_FIELD_END};
static const cyaml_schema_value_t server_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cli_file_server, server_fields)};
static const cyaml_schema_field_t client_fields[] = {
    NEEDED(struct cli_file_client, key, 1, 4095), TEXT(struct cli_file_client, passphrase_file, 1, 4095),
    CYAML_FIELD_SEQUENCE("servers", CYAML_FLAG_POINTER, struct cli_file_client, servers, &server_value, 1,
                         ENTRIES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t client_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct cli_file_client, client_fields)};

static const cyaml_schema_field_t peer_fields[] = {
    TEXT(struct cli_file_peer, name, 1, 64),
    TEXT(struct cli_file_peer, card, CLI_CARD_HEX, CLI_CARD_HEX),
    TEXT(struct cli_file_peer, node_id, 32, 32),
    TEXT(struct cli_file_peer, folder, 1, 1024),
    NEEDED(struct cli_file_peer, operations, 1, 64),
    TEXT(struct cli_file_peer, extensions, 1, 1024),
    TEXT(struct cli_file_peer, size_max, 1, 24),
    TEXT(struct cli_file_peer, quota, 1, 24),
    CYAML_FIELD_END};
static const cyaml_schema_value_t peer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cli_file_peer, peer_fields)};
static const cyaml_schema_field_t service_fields[] = {
    NEEDED(struct cli_file_service, root, 1, 4095),
    TEXT(struct cli_file_service, listen, 3, 128),
    NEEDED(struct cli_file_service, key, 1, 4095),
    TEXT(struct cli_file_service, passphrase_file, 1, 4095),
    TEXT(struct cli_file_service, devices, 1, 4095),
    TEXT(struct cli_file_service, audit, 1, 4095),
    TEXT(struct cli_file_service, size_max, 1, 24),
    CYAML_FIELD_UINT("transfers_max", CYAML_FLAG_OPTIONAL, struct cli_file_service, transfers_max),
    CYAML_FIELD_UINT("sessions_max", CYAML_FLAG_OPTIONAL, struct cli_file_service, sessions_max),
    CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER, struct cli_file_service, peers, &peer_value, 1,
                         ENTRIES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t service_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct cli_file_service, service_fields)};

/* ---- what the schemas cannot say ---- */

int cli_file_size(const char *text, uint64_t *bytes) {
    static const char letters[] = "KMGT";
    char digits[24];
    uint64_t v;
    const size_t len = strspn(text, "0123456789");
    const char *letter = text[len] != 0 ? strchr(letters, text[len]) : NULL;
    const unsigned shift = letter != NULL ? 10 * (unsigned)(letter - letters + 1) : 0;
    if (len == 0 || len >= sizeof digits || (text[len] != 0 && (letter == NULL || text[len + 1] != 0)))
        return -1;
    memcpy(digits, text, len);
    digits[len] = 0;
    if (cli_number(digits, 1, UINT64_MAX >> 1 >> shift, &v) != 0) return -1;
    *bytes = v << shift;
    return 0;
}

int cli_file_operations(const char *text, uint32_t *bits) {
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"put", HKP_HTP_FILE_MAY_CREATE},  {"update", HKP_HTP_FILE_MAY_UPDATE},
                 {"get", HKP_HTP_FILE_MAY_READ},    {"ls", HKP_HTP_FILE_MAY_LIST},
                 {"stat", HKP_HTP_FILE_MAY_STAT},   {"rm", HKP_HTP_FILE_MAY_DELETE},
                 {"tree", HKP_HTP_FILE_MAY_RECURSE}};
    *bits = 0;
    for (const char *at = text + strspn(text, " "); *at != 0;) {
        const size_t len = strcspn(at, " ");
        size_t i = 0;
        while (i < 7 && (strlen(words[i].word) != len || memcmp(words[i].word, at, len) != 0)) i++;
        if (i == 7) return -1;
        *bits |= words[i].bit;
        at += len + strspn(at + len, " ");
    }
    return *bits != 0 ? 0 : -1;
}

/* A folder of the store as HTP-13.6 has it: parts between single '/', none of them special. */
static int is_folder(const char *text) {
    for (const char *at = text;;) {
        const size_t len = strcspn(at, "/");
        if (len == 0 || len > HKP_HTP_FILE_NAME_MAX || strncmp(at, ".htp-", 5) == 0) return 0;
        if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.')) return 0;
        if (at[len] == 0) return 1;
        at += len + 1;
    }
}

static int check_peer(const struct cli_file_peer *p, const char *path, const char *text, char error[512]) {
    struct cli_file_card card;
    uint32_t bits;
    uint64_t v;
    if (p->card != NULL && p->node_id != NULL)
        return cli_yaml_wrong_value(error, path, text, "node_id", p->node_id,
                                    "card and node_id exclude each other");
    if (p->card != NULL && cli_file_card_read(p->card, &card) != 0)
        return cli_yaml_wrong_value(error, path, text, "card", p->card, "must be 160 hex digits");
    if (p->node_id != NULL && strspn(p->node_id, "0123456789abcdefABCDEF") != 32)
        return cli_yaml_wrong_value(error, path, text, "node_id", p->node_id, "must be 32 hex digits");
    if (cli_file_operations(p->operations, &bits) != 0)
        return cli_yaml_wrong_value(error, path, text, "operations", p->operations,
                                    "wants words of put, update, get, ls, stat, rm, tree");
    if (p->folder != NULL && !is_folder(p->folder))
        return cli_yaml_wrong_value(error, path, text, "folder", p->folder, "must be a path below root");
    if (p->size_max != NULL && cli_file_size(p->size_max, &v) != 0)
        return cli_yaml_wrong_value(error, path, text, "size_max", p->size_max,
                                    "must be a size, such as 10M");
    if (p->quota != NULL && cli_file_size(p->quota, &v) != 0)
        return cli_yaml_wrong_value(error, path, text, "quota", p->quota, "must be a size, such as 10G");
    return 0;
}

static int check_service(const struct cli_file_service *c, const char *path, const char *text,
                         char error[512]) {
    uint64_t v;
    if (c->size_max != NULL && cli_file_size(c->size_max, &v) != 0)
        return cli_yaml_wrong_value(error, path, text, "size_max", c->size_max,
                                    "must be a size, such as 10G");
    if (c->transfers_max > 4096)
        return cli_yaml_wrong(error, path, text, "transfers_max", 0, "must be 1..4096");
    if (c->sessions_max > 65536)
        return cli_yaml_wrong(error, path, text, "sessions_max", 0, "must be 1..65536");
    for (unsigned i = 0; i < c->peers_count; i++)
        if (check_peer(&c->peers[i], path, text, error) != 0) return -1;
    return 0;
}

static int check_client(const struct cli_file_client *c, const char *path, const char *text,
                        char error[512]) {
    struct cli_file_card card;
    struct hkp_htp_path at;
    for (unsigned i = 0; i < c->servers_count; i++) {
        const struct cli_file_server *s = &c->servers[i];
        if (strpbrk(s->name, ":/") != NULL)
            return cli_yaml_wrong_value(error, path, text, "name", s->name, "holds neither : nor /");
        if (cli_file_card_read(s->card, &card) != 0)
            return cli_yaml_wrong_value(error, path, text, "card", s->card, "must be 160 hex digits");
        if (hkp_htp_path_parse(s->address, &at) != HKP_OK || at.port == 0)
            return cli_yaml_wrong_value(error, path, text, "address", s->address,
                                        "must be ADDRESS:PORT, such as 192.0.2.1:8144");
        for (unsigned k = 0; k < i; k++)
            if (strcmp(c->servers[k].name, s->name) == 0)
                return cli_yaml_wrong(error, path, text, "name", i,
                                      "names a server that is already in the list");
    }
    return 0;
}

/* ---- loading ---- */

void cli_file_client_free(struct cli_file_client *config) { cli_yaml_free(&client_schema, config); }
void cli_file_service_free(struct cli_file_service *config) { cli_yaml_free(&service_schema, config); }

static int anchor_all(const char *file, char **const *paths, size_t n) {
    int bad = 0;
    for (size_t i = 0; i < n; i++) bad |= cli_config_anchor(file, paths[i]) != 0;
    return bad;
}

struct cli_file_client *cli_file_client_load(const char *path, char error[512]) {
    struct cli_file_client *c = NULL;
    char *text = NULL;
    int bad = cli_yaml_load(path, &client_schema, 1, (void **)&c, &text, error);
    if (!bad && c == NULL) bad = snprintf(error, 512, "%s:1: key: the file sets nothing", path) > 0;
    if (!bad) bad = check_client(c, path, text, error);
    if (!bad) {
        char **const paths[] = {&c->key, &c->passphrase_file};
        bad = anchor_all(path, paths, 2);
        if (bad) snprintf(error, 512, "%s: out of memory", path);
    }
    free(text);
    if (!bad) return c;
    cli_file_client_free(c);
    return NULL;
}

struct cli_file_service *cli_file_service_load(const char *path, char error[512]) {
    struct cli_file_service *c = NULL;
    char *text = NULL;
    int bad = cli_yaml_load(path, &service_schema, 1, (void **)&c, &text, error);
    if (!bad && c == NULL) bad = snprintf(error, 512, "%s:1: root: the file sets nothing", path) > 0;
    if (!bad) bad = check_service(c, path, text, error);
    if (!bad) {
        char **const paths[] = {&c->root, &c->key, &c->passphrase_file, &c->devices, &c->audit};
        bad = anchor_all(path, paths, 5);
        if (bad) snprintf(error, 512, "%s: out of memory", path);
    }
    free(text);
    if (!bad) return c;
    cli_file_service_free(c);
    return NULL;
}
