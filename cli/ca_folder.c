/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The folder of an officer: key, genesis, sets, newest list, and the record that is durable before a
 * signature (D-CA-4, decision 0460). */
#include "ca.h"

#include <errno.h>
#include <fcntl.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_KEY                                                                                              \
    "\"hookprobe ca init --dir NEW\" makes another key, and the other officers sign a set that has it "      \
    "instead of this one"

/* RECORD_NEARLY: from here on the operator is told. DROPPED_S: D-CA-6 for an officer that did not sign the
 * node's last certificate. */
enum {
    RECORD_SLACK = 4 * 1024 * 1024,
    RECORD_NEARLY = HKP_DSM_RECORD_MAX / 4 * 3,
    DROPPED_S = HKP_DSM_LISTED_S + 90 * 86400
};

/* ---- Files ---- */

int cli_ca_path(char path[CLI_CA_PATH], const char *dir, const char *name) {
    const int n = snprintf(path, CLI_CA_PATH, "%s/%s", dir, name);
    return n > 0 && n < CLI_CA_PATH ? CLI_OK : cli_fail(CLI_USAGE, "%s: path too long", dir);
}

int cli_ca_read(const char *path, uint8_t *dst, size_t cap, size_t *len) {
    const hkp_status st = hkp_ter_file_read(path, 0, dst, cap, len);
    if (st == HKP_OK) return CLI_OK;
    if (st == HKP_E_NOTFOUND) return cli_fail(CLI_USAGE, "%s: is missing", path);
    if (st == HKP_E_NOSPC) return cli_fail(CLI_DAMAGED, "%s: is longer than such a file can be", path);
    return cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
}

int cli_ca_write(const char *path, const uint8_t *bytes, size_t len) {
    return hkp_ter_file_write(path, bytes, len) == HKP_OK
               ? CLI_OK
               : cli_fail(CLI_SYSTEM, "%s: cannot be written", path);
}

/* Forms and signatures that do not hold are damage; what the rules forbid is not. */
int cli_ca_told(const char *what, hkp_status st, const char *why) {
    const int damaged = (st <= HKP_E_DSM_CBOR_TRUNCATED && st >= HKP_E_DSM_SCHEMA) || st == HKP_E_DSM_SIG ||
                        st == HKP_E_DSM_WAL_CORRUPT;
    return cli_fail(damaged ? CLI_DAMAGED : CLI_NO, "%s: %s (%s)", what, why, cli_status_name(st));
}

/* ---- Genesis and sets ---- */

const struct hkp_dsm_ca_set *cli_ca_newest(const struct cli_ca *ca) { return &ca->sets[ca->n_sets - 1]; }

int cli_ca_genesis(struct cli_ca *ca, const char *path) {
    const int code = cli_ca_read(path, ca->genesis_bytes, sizeof ca->genesis_bytes, &ca->genesis_len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_genesis_parse(ca->genesis_bytes, ca->genesis_len, &ca->genesis);
    if (st != HKP_OK) return cli_ca_told(path, st, "is no genesis");
    ca->sets[0] = ca->genesis.ca_set;
    ca->n_sets = 1;
    ca->officers = (struct hkp_dsm_officers){ca->sets, 1, ca->scratch, sizeof ca->scratch};
    return CLI_OK;
}

int cli_ca_set(struct cli_ca *ca, const char *path) {
    uint8_t bytes[HKP_DSM_CA_SET_BODY_MAX + 600];
    const struct hkp_dsm_officers newest = {cli_ca_newest(ca), 1, NULL, 0};
    struct hkp_dsm_multi m;
    struct hkp_dsm_ca_set set;
    size_t len = 0;
    const int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_dsm_multi_parse(bytes, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(ca->genesis.chain_id, &m, HKP_DSM_KIND_CA_SET, &newest);
    if (st == HKP_OK) st = hkp_dsm_ca_set_parse(m.body.ptr, m.body.len, &set);
    if (st == HKP_OK && set.version != newest.sets->version + 1) st = HKP_E_DSM_STALE;
    if (st != HKP_OK) return cli_ca_told(path, st, "is not the next set of officers, signed by the present");
    if (ca->n_sets == CLI_CA_SETS) return cli_fail(CLI_USAGE, "%s: more than 64 sets", path);
    ca->sets[ca->n_sets++] = set;
    ca->officers.n_sets = ca->n_sets;
    return CLI_OK;
}

int cli_ca_open(struct cli_ca *ca, const char *dir) {
    char path[CLI_CA_PATH], name[16];
    int code = cli_ca_path(path, dir, "genesis");
    if (code == CLI_OK) code = cli_ca_genesis(ca, path);
    while (code == CLI_OK && ca->n_sets < CLI_CA_SETS) {
        snprintf(name, sizeof name, "set.%u", (unsigned)cli_ca_newest(ca)->version + 1);
        code = cli_ca_path(path, dir, name);
        if (code == CLI_OK && access(path, F_OK) != 0) break;
        if (code == CLI_OK) code = cli_ca_set(ca, path);
    }
    return code;
}

/* ---- The key ---- */

static int passphrase_of(const char *path, struct hkp_ter_keystore_options *o,
                         uint8_t text[HKP_TER_PASSPHRASE_MAX]) {
    if (path == NULL) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(path, 1, text, HKP_TER_PASSPHRASE_MAX, &o->passphrase_len);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: must be a file with mode 0600", path);
    if (o->passphrase_len > 0 && text[o->passphrase_len - 1] == '\n') o->passphrase_len--;
    o->passphrase = text;
    return CLI_OK;
}

static int key_fault(const char *path, hkp_status st) {
    if (st == HKP_OK) return CLI_OK;
    if (st == HKP_E_NOTFOUND)
        return cli_fail(CLI_USAGE, "%s: is missing; \"hookprobe ca init --dir DIR\" makes one", path);
    if (st == HKP_E_TER_KEY_ACCESS)
        return cli_fail(CLI_SYSTEM, "%s: must be a file of yours with mode 0600", path);
    if (st == HKP_E_TER_KEY_PASSPHRASE) return cli_fail(CLI_SYSTEM, "%s: passphrase missing or wrong", path);
    return cli_fail(st == HKP_E_TER_KEY_FORM ? CLI_DAMAGED : CLI_SYSTEM, "%s: %s", path, cli_status_name(st));
}

int cli_officer_new_key(const char *dir, const char *passphrase_file, uint8_t key[32]) {
    uint8_t secret[64], text[HKP_TER_PASSPHRASE_MAX];
    struct hkp_ter_keystore_options o;
    char path[CLI_CA_PATH];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) return cli_fail(CLI_SYSTEM, "%s: %s", dir, strerror(errno));
    int code = cli_ca_path(path, dir, "officer.key");
    if (code == CLI_OK && access(path, F_OK) == 0) code = cli_fail(CLI_USAGE, "%s: is there already", path);
    if (code != CLI_OK) return code;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    o.form = passphrase_file != NULL ? HKP_TER_KEY_PASSPHRASE : HKP_TER_KEY_PLAIN;
    code = passphrase_of(passphrase_file, &o, text);
    if (code != CLI_OK) return code;
    crypto_sign_keypair(key, secret);
    code = key_fault(path, hkp_ter_keystore_write(&o, secret, sizeof secret));
    hkp_ter_wipe(secret, sizeof secret);
    hkp_ter_wipe(text, sizeof text);
    return code;
}

static int read_key(const char *dir, const char *passphrase_file, uint8_t secret[64]) {
    uint8_t key[32], again[64], text[HKP_TER_PASSPHRASE_MAX];
    struct hkp_ter_keystore_options o;
    char path[CLI_CA_PATH];
    size_t len = 0;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    int code = cli_ca_path(path, dir, "officer.key");
    if (code == CLI_OK) code = passphrase_of(passphrase_file, &o, text);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_ter_keystore_read(&o, secret, 64, &len, NULL);
    if (st == HKP_E_TER_KEY_FORM && hkp_ter_file_read(path, 1, secret, 64, &len) == HKP_OK)
        st = HKP_OK; /* bare, as "hookprobe provision" writes it */
    if (st == HKP_OK && len != 64) st = HKP_E_TER_KEY_FORM;
    if (st == HKP_OK) {
        crypto_sign_seed_keypair(key, again, secret);
        if (sodium_memcmp(again, secret, 64) != 0) st = HKP_E_TER_KEY_FORM;
    }
    hkp_ter_wipe(again, sizeof again);
    hkp_ter_wipe(text, sizeof text);
    return key_fault(path, st);
}

/* ---- The record ---- */

static int lock_folder(const char *dir, int *lock) {
    *lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) return cli_fail(CLI_SYSTEM, "%s: %s", dir, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) return CLI_OK;
    return cli_fail(CLI_SYSTEM, "%s: another \"hookprobe ca\" works with it", dir);
}

static int write_mark(const char *dir, const struct hkp_dsm_record *record) {
    uint8_t mark[HKP_DSM_MARK_MAX];
    char path[CLI_CA_PATH];
    size_t len = 0;
    const int code = cli_ca_path(path, dir, "mark");
    if (code != CLI_OK) return code;
    if (hkp_dsm_record_mark(record, mark, sizeof mark, &len) != HKP_OK) return CLI_SYSTEM;
    return cli_ca_write(path, mark, len);
}

int cli_officer_begin(const char *dir, const char *passphrase_file) {
    static struct cli_ca ca;
    uint8_t bytes[HKP_DSM_RECORD_ENTRY_MAX], secret[64], key[32];
    struct hkp_dsm_record record;
    char path[CLI_CA_PATH];
    int lock = -1, code = lock_folder(dir, &lock);
    if (code == CLI_OK) code = read_key(dir, passphrase_file, secret);
    if (code == CLI_OK) memcpy(key, secret + 32, 32);
    hkp_ter_wipe(secret, sizeof secret);
    if (code == CLI_OK) code = cli_ca_open(&ca, dir);
    if (code == CLI_OK) code = cli_ca_path(path, dir, "record");
    if (code == CLI_OK &&
        hkp_dsm_record_begin(&record, bytes, sizeof bytes, ca.genesis.chain_id, key) != HKP_OK)
        code = CLI_SYSTEM;
    if (code == CLI_OK) code = cli_ca_write(path, record.bytes, record.len);
    if (code == CLI_OK) code = write_mark(dir, &record);
    if (lock >= 0) close(lock);
    return code;
}

static int refuse_record(const char *dir, hkp_status st) {
    if (st == HKP_E_DSM_TARGET) return cli_fail(CLI_USAGE, "%s/record: is of another mesh or officer", dir);
    return cli_ca_told(dir, HKP_E_DSM_WAL_CORRUPT,
                       "the record is missing, shorter than it was, or damaged: this key signs no more; the "
                       "other officers sign a set with a new key");
}

static int open_record(struct cli_officer *o) {
    uint8_t mark[HKP_DSM_MARK_MAX];
    char path[CLI_CA_PATH];
    struct stat at;
    size_t mark_len = 0;
    int code = cli_ca_path(path, o->dir, "mark");
    if (code != CLI_OK) return code;
    if (hkp_ter_file_read(path, 0, mark, sizeof mark, &mark_len) != HKP_OK) mark_len = 0;
    code = cli_ca_path(path, o->dir, "record");
    if (code != CLI_OK) return code;
    if (stat(path, &at) != 0 || at.st_size < 0 || at.st_size > HKP_DSM_RECORD_MAX) {
        if (mark_len == 0 && errno == ENOENT)
            return cli_fail(CLI_USAGE,
                            "%s: no record; \"hookprobe ca init --dir %s --genesis FILE\" begins it", o->dir,
                            o->dir);
        return refuse_record(o->dir, HKP_E_DSM_WAL_CORRUPT);
    }
    /* what is longer counts as lost, so nothing is written beyond; but there is always room to say LOST */
    const size_t slack = (size_t)at.st_size + RECORD_SLACK;
    const size_t cap = slack < HKP_DSM_RECORD_MAX ? slack : HKP_DSM_RECORD_MAX;
    uint8_t *bytes = malloc(cap + HKP_DSM_RECORD_ENTRY_MAX);
    if (bytes == NULL) return cli_fail(CLI_SYSTEM, "no memory");
    hkp_status st = hkp_ter_file_read(path, 1, bytes, cap, &o->on_disk);
    if (st == HKP_E_STATE) code = cli_fail(CLI_SYSTEM, "%s: must be a file of yours with mode 0600", path);
    if (st == HKP_OK) {
        st = hkp_dsm_record_open(&o->record, bytes, o->on_disk, cap, mark, mark_len, o->ca.genesis.chain_id,
                                 o->secret + 32);
        if (st != HKP_OK) code = refuse_record(o->dir, st);
        o->on_disk = o->record.len; /* a torn end is cut off by what comes next */
        if (st == HKP_OK && o->record.is_lost) code = refuse_record(o->dir, HKP_E_DSM_WAL_CORRUPT);
    }
    if (st == HKP_OK && o->record.len > RECORD_NEARLY)
        fprintf(stderr, "%s: %zu of %d bytes are used, and it only grows: " NEW_KEY "\n", path, o->record.len,
                HKP_DSM_RECORD_MAX);
    if (st != HKP_OK) free(bytes);
    if (st != HKP_OK && code == CLI_OK) code = cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
    return code;
}

int cli_officer_save(struct cli_officer *o) {
    const size_t len = o->record.len;
    char path[CLI_CA_PATH];
    if (cli_ca_path(path, o->dir, "record") != CLI_OK) return CLI_USAGE;
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    size_t from = o->on_disk;
    int bad = ftruncate(fd, (off_t)from) != 0;
    while (!bad && from < len) {
        const ssize_t n = pwrite(fd, o->record.bytes + from, len - from, (off_t)from);
        if (n > 0) from += (size_t)n;
        bad = n <= 0 && errno != EINTR;
    }
    bad |= fsync(fd) != 0;
    if (close(fd) != 0 || bad) return cli_fail(CLI_SYSTEM, "%s: cannot be written", path);
    o->on_disk = len;
    return write_mark(o->dir, &o->record);
}

/* ---- All of it ---- */

static int open_list(struct cli_officer *o) {
    char path[CLI_CA_PATH];
    int code = cli_ca_path(path, o->dir, "list");
    if (code != CLI_OK || access(path, F_OK) != 0) return code;
    code = cli_ca_read(path, o->list, sizeof o->list, &o->list_len);
    if (code != CLI_OK) return code;
    const hkp_status st =
        hkp_dsm_revocations_check(o->list, o->list_len, o->ca.genesis.chain_id, &o->ca.officers, 0, &o->held);
    return st == HKP_OK ? CLI_OK : cli_ca_told(path, st, "is no list that the officers signed");
}

int cli_officer_open(struct cli_officer *o, const char *dir, const char *passphrase_file) {
    memset(o, 0, sizeof *o);
    o->dir = dir;
    o->lock = -1;
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    int code = lock_folder(dir, &o->lock);
    if (code == CLI_OK) code = read_key(dir, passphrase_file, o->secret);
    if (code == CLI_OK) code = cli_ca_open(&o->ca, dir);
    if (code == CLI_OK) code = open_record(o);
    return code == CLI_OK ? open_list(o) : code;
}

void cli_officer_close(struct cli_officer *o) {
    free(o->record.bytes);
    o->record.bytes = NULL;
    if (o->lock >= 0) close(o->lock);
    o->lock = -1;
    hkp_ter_wipe(o->secret, sizeof o->secret);
}

/* An own signature that the record does not know: it is an old copy. That is recorded, and for good. */
static int look_for_own(struct cli_officer *o, const char *what, const struct hkp_dsm_multi *m) {
    const hkp_status st = hkp_dsm_officer_seen(&o->record, &o->ca.officers, m);
    if (st == HKP_OK) return CLI_OK;
    if (st != HKP_E_DSM_WAL_CORRUPT) return cli_ca_told(what, st, "cannot be checked");
    o->record.cap += HKP_DSM_RECORD_ENTRY_MAX;
    if (hkp_dsm_record_lose(&o->record) == HKP_OK) (void)cli_officer_save(o);
    return cli_ca_told(what, st,
                       "bears this officer's signature, which its record does not know: the record "
                       "is an old copy, and this key signs no more");
}

static const char *why_not(hkp_status st) {
    switch (st) {
    case HKP_E_DSM_FORK:
        return "this officer has promised another body of this number";
    case HKP_E_DSM_STALE:
        return "its number is not above what was signed or is renewed";
    case HKP_E_DSM_DUPLICATE:
        return "the token was used, or this officer has signed it";
    case HKP_E_DSM_REVOKED:
        return "this serial is revoked, the node is barred, or a revoked node would count again";
    case HKP_E_DSM_ATTEST:
        return "the token is missing or not the one of the request, and there is no certificate to renew";
    case HKP_E_DSM_ROLE:
        return "a renewal without a token changes no group and widens neither roles nor tier";
    case HKP_E_DSM_TARGET:
        return "request and certificate are not of the same node, or it holds what was not asked for";
    case HKP_E_UNSUPPORTED:
        return "it has a BLS key, and this program was built without blst, which could check it (--no-bls)";
    case HKP_E_DSM_VALIDITY:
        return "its times are too far from now, over, or too far apart";
    case HKP_E_DSM_EXPIRED:
        return "the certificate ended more than 90 days ago";
    case HKP_E_DSM_GAP:
        return "the complete list that it follows is not known here (hand it over with --list), or its "
               "number "
               "is more than 1024 above what this officer knows";
    case HKP_E_DSM_PREV:
        return "it does not follow the newest complete list: hand that one to the officer that made it";
    case HKP_E_NOSPC:
        return "the record is full, and this key promises nothing more: " NEW_KEY;
    case HKP_E_LIMIT:
        return "it is complete";
    case HKP_E_DSM_SIGNER:
        return "this officer, or one that signed, is not of the present set";
    case HKP_E_DSM_CA_VERSION:
        return "it is for another set of officers";
    case HKP_E_DSM_SIG:
        return "a signature in it, or in what lies beside it, is false";
    default:
        return "cannot be signed";
    }
}

/* Nodes that a list bars are never certified again, whatever becomes of the list. */
static int bar_all(struct cli_officer *o, struct hkp_dsm_revocations list) {
    struct hkp_dsm_revocation e;
    while (hkp_dsm_revocations_next(&list, &e) == HKP_OK)
        if (e.serial == HKP_DSM_SERIAL_BARRED && hkp_dsm_record_bar(&o->record, e.node_id) != HKP_OK)
            return cli_ca_told(o->dir, HKP_E_NOSPC, why_not(HKP_E_NOSPC));
    return CLI_OK;
}

/* Keeps a complete list as the newest one. */
static int keep_list(struct cli_officer *o, const struct hkp_dsm_revocations *list, const uint8_t *bytes,
                     size_t len) {
    char path[CLI_CA_PATH];
    int code = bar_all(o, *list);
    if (code == CLI_OK) code = cli_officer_save(o);
    if (code == CLI_OK) code = cli_ca_path(path, o->dir, "list");
    if (code == CLI_OK) code = cli_ca_write(path, bytes, len);
    return code == CLI_OK ? open_list(o) : code;
}

int cli_officer_take_list(struct cli_officer *o, const char *path) {
    static uint8_t bytes[CLI_CA_FILE_MAX];
    struct hkp_dsm_revocations list;
    struct hkp_dsm_multi m;
    size_t len = 0;
    int code = cli_ca_read(path, bytes, sizeof bytes, &len);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_dsm_revocations_check(bytes, len, o->ca.genesis.chain_id, &o->ca.officers, 0, &list);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(bytes, len, &m);
    if (st != HKP_OK) return cli_ca_told(path, st, "is no list that the officers signed");
    code = look_for_own(o, path, &m);
    return code == CLI_OK && list.number > o->held.number ? keep_list(o, &list, bytes, len) : code;
}

/* ---- The list that was promised last ---- */

int cli_own_list_read(const struct cli_officer *o, struct cli_own_list *own) {
    char path[CLI_CA_PATH];
    size_t len = 0;
    own->number = own->list.n_entries = 0;
    int code = cli_ca_path(path, o->dir, "own-list");
    if (code != CLI_OK || access(path, F_OK) != 0) return code;
    code = cli_ca_read(path, own->body, sizeof own->body, &len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_revocations_parse(own->body, len, &own->list);
    own->number = own->list.number;
    return st == HKP_OK
               ? CLI_OK
               : cli_ca_told(path, st, "is damaged: remove it, and give the nodes of that list with --node");
}

int cli_own_list_next(struct cli_own_list *own, uint64_t now_s, struct hkp_dsm_revocation *e) {
    while (hkp_dsm_revocations_next(&own->list, e) == HKP_OK)
        if (now_s < DROPPED_S || e->time_s > now_s - DROPPED_S) return 1;
    return 0;
}

/* Before the promise, so that what it revokes is not lost with the file that nobody completes. */
static int keep_own_list(const struct cli_officer *o, const struct hkp_dsm_view *body) {
    char path[CLI_CA_PATH];
    const int code = cli_ca_path(path, o->dir, "own-list");
    return code == CLI_OK ? cli_ca_write(path, body->ptr, body->len) : code;
}

/* ---- Signing ---- */

/* The complete list is kept; how far the object is goes into what is told. */
static int tell_signed(struct cli_officer *o, const uint8_t *object, size_t len, const char *out,
                       json_t **told) {
    struct hkp_dsm_revocations list;
    struct hkp_dsm_multi m;
    if (hkp_dsm_multi_parse(object, len, &m) != HKP_OK) return CLI_SYSTEM;
    const uint32_t needed = cli_ca_newest(&o->ca)->threshold;
    const int complete = m.n_signatures == needed;
    *told = json_pack("{s:s,s:I,s:I,s:b}", "out", out, "signatures", (json_int_t)m.n_signatures, "needed",
                      (json_int_t)needed, "complete", complete);
    if (m.kind != HKP_DSM_KIND_REVOCATION_LIST || !complete) return CLI_OK;
    if (hkp_dsm_revocations_check(object, len, o->ca.genesis.chain_id, &o->ca.officers, o->held.number,
                                  &list) != HKP_OK)
        return CLI_OK;
    return keep_list(o, &list, object, len);
}

int cli_officer_sign(struct cli_officer *o, const struct hkp_dsm_matter *matter,
                     const struct hkp_dsm_multi *given, const char *out, json_t **told) {
    static uint8_t object[CLI_CA_FILE_MAX];
    struct hkp_dsm_revocations list;
    struct hkp_dsm_promise promise;
    struct hkp_dsm_matter m = *matter;
    size_t len = 0;
    m.now_s = cli_wall() / 1000000;
    m.set = cli_ca_newest(&o->ca);
    m.officers = &o->ca.officers;
    m.list = (struct hkp_dsm_view){o->list, o->list_len};
    int code = look_for_own(o, out, given);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_dsm_officer_judge(&o->record, &m, &promise);
    if (st == HKP_OK) st = hkp_dsm_record_promise(&o->record, &promise);
    if (st != HKP_OK) return cli_ca_told(out, st, why_not(st));
    if (m.kind == HKP_DSM_KIND_REVOCATION_LIST &&
        hkp_dsm_revocations_parse(m.body.ptr, m.body.len, &list) == HKP_OK) {
        code = keep_own_list(o, &m.body);
        if (code == CLI_OK) code = bar_all(o, list);
    }
    if (code == CLI_OK) code = cli_officer_save(o); /* durable before the signature (D-CA-4) */
    if (code != CLI_OK) return code;
    st = hkp_dsm_officer_sign(&o->record, m.set, given, o->secret, o->ca.scratch, sizeof o->ca.scratch,
                              object, sizeof object, &len);
    if (st != HKP_OK) return cli_ca_told(out, st, why_not(st));
    code = cli_ca_write(out, object, len);
    return code == CLI_OK ? tell_signed(o, object, len, out, told) : code;
}
