/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The folders of a new mesh (NZ1 22.7). One officer and one policy key sign everything; whoever wants more
 * officers makes genesis and certificates with "hookprobe ca". The officer's folder goes on with that, too.
 * Nothing neural is made here.
 */
#include "libmesh/posix/datadir.h"

#include <hookprobe/dsm.h>
#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEASURED_MAX = 256, POLICY_VERSION = 1 };

/* What one member gets; the secrets among it are wiped with the whole. */
struct member {
    struct hkp_mesh__keys_secret keys;
    uint8_t a_public[32];
    struct hkp_dsm_bls_key bls;
    uint8_t certificate[HKP_DSM_CERTIFICATE_MAX];
    size_t certificate_len;
};

struct mesh {
    const struct hkp_mesh_provision_options *opt;
    struct hkp_mesh_fault *fault;
    uint64_t now_s;
    uint8_t officer_public[32], officer_secret[64];
    uint8_t policy_public[32], policy_secret[64];
    struct hkp_dsm_ca_set ca;
    uint8_t chain_id[32];
    uint8_t genesis[HKP_DSM_GENESIS_MAX];
    size_t genesis_len;
    uint8_t record_bytes[(HKP_MESH__MEMBERS_MAX + 1) * HKP_DSM_RECORD_ENTRY_MAX];
    struct hkp_dsm_record record;
    struct member members[HKP_MESH__MEMBERS_MAX];
};

static hkp_status fault(struct mesh *m, hkp_status st, const char *what, const char *why) {
    return hkp_mesh__fault(m->fault, st, what, why, UINT64_MAX);
}

static hkp_status make_folder(struct mesh *m, const char *path) {
    if (mkdir(path, 0700) == 0) return HKP_OK;
    if (errno != EEXIST) return fault(m, HKP_E_IO, path, strerror(errno));
    DIR *dir = opendir(path);
    if (dir == NULL) return fault(m, HKP_E_IO, path, strerror(errno));
    int used = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        used |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return used ? fault(m, HKP_E_STATE, path, "is there already and not empty") : HKP_OK;
}

static hkp_status write_file(struct mesh *m, const char *dir, const char *name, const uint8_t *bytes,
                             size_t len) {
    char path[HKP_MESH__PATH_MAX];
    hkp_status st = hkp_mesh__path(path, dir, name);
    if (st == HKP_OK) st = hkp_ter_file_write(path, bytes, len);
    return st == HKP_OK ? HKP_OK : fault(m, st, name, "cannot be written");
}

/* A seat to be, and its key of scheme 2. */
struct seat {
    struct hkp_dsm_seat of;
    struct hkp_dsm_bls_key bls;
};

static int by_node_id(const void *a, const void *b) {
    return memcmp(((const struct seat *)a)->of.node_id, ((const struct seat *)b)->of.node_id, 16);
}

static hkp_status make_bls(struct mesh *m, struct member *me) {
    uint8_t secret[32];
    if (m->opt->bls == 0) return HKP_OK;
    hkp_status st = hkp_dsm_bls_of_node(me->keys.a_seed, secret, me->bls.key);
    if (st == HKP_OK) st = hkp_dsm_bls_prove(secret, me->bls.proof);
    sodium_memzero(secret, sizeof secret);
    me->bls.present = st == HKP_OK;
    return st == HKP_OK ? st : fault(m, st, "bls", "wants a build with blst");
}

/* Seats in the order that the set wants, with keys if there are any. */
static hkp_status make_set(const struct mesh *m, struct seat *seats, size_t n, uint8_t *dst, size_t cap,
                           size_t *len) {
    struct hkp_dsm_seat members[HKP_MESH__MEMBERS_MAX];
    struct hkp_dsm_bls_key keys[HKP_MESH__MEMBERS_MAX];
    qsort(seats, n, sizeof seats[0], by_node_id);
    for (size_t i = 0; i < n; i++) {
        members[i] = seats[i].of;
        keys[i] = seats[i].bls;
    }
    return m->opt->bls != 0 ? hkp_dsm_bls_valset_build(members, keys, n, 0, dst, cap, len)
                            : hkp_dsm_valset_build(members, n, 0, dst, cap, len);
}

/* Keys, then the genesis that names all of them. */
static hkp_status make_genesis(struct mesh *m) {
    const struct hkp_mesh_provision_options *opt = m->opt;
    struct seat seats[HKP_MESH__MEMBERS_MAX];
    size_t n_seats = 0;
    crypto_sign_keypair(m->officer_public, m->officer_secret);
    crypto_sign_keypair(m->policy_public, m->policy_secret);
    for (size_t i = 0; i < opt->n_nodes; i++) {
        struct member *me = &m->members[i];
        uint8_t secret[64];
        randombytes_buf(&me->keys, sizeof me->keys);
        crypto_sign_seed_keypair(me->a_public, secret, me->keys.a_seed);
        sodium_memzero(secret, sizeof secret);
        crypto_scalarmult_base(opt->nodes[i].s, me->keys.s_secret);
        hkp_dsm_node_id(opt->nodes[i].node_id, me->a_public, NULL);
        const hkp_status made = make_bls(m, me);
        if (made != HKP_OK) return made;
        if (opt->nodes[i].outsider) continue;
        struct seat *seat = &seats[n_seats++];
        memcpy(seat->of.node_id, opt->nodes[i].node_id, 16);
        memcpy(seat->of.key, me->a_public, 32);
        seat->of.group = opt->nodes[i].group;
        seat->bls = me->bls;
    }

    m->ca.version = 1;
    m->ca.threshold = 1;
    m->ca.n_keys = 1;
    memcpy(m->ca.keys[0], m->officer_public, 32);
    uint8_t ca_body[HKP_DSM_CA_SET_BODY_MAX], valset[HKP_DSM_VALSET_MAX];
    struct hkp_dsm_view ca = {ca_body, 0}, set = {valset, 0};
    hkp_status st = hkp_dsm_ca_set_build(&m->ca, ca_body, sizeof ca_body, &ca.len);
    if (st == HKP_OK) st = make_set(m, seats, n_seats, valset, sizeof valset, &set.len);
    if (st == HKP_OK)
        st = hkp_dsm_genesis_build(opt->name, strlen(opt->name), &ca, &set, m->now_s, m->genesis,
                                   sizeof m->genesis, &m->genesis_len);
    if (st != HKP_OK)
        return fault(m, HKP_E_INVAL, "groups",
                     "with 4 members and more no group may hold more than a third of the seats, unless the "
                     "name ends in /single");
    struct hkp_dsm_genesis genesis;
    st = hkp_dsm_genesis_parse(m->genesis, m->genesis_len, &genesis);
    if (st != HKP_OK) return st;
    memcpy(m->chain_id, genesis.chain_id, 32);
    return hkp_dsm_record_begin(&m->record, m->record_bytes, sizeof m->record_bytes, m->chain_id,
                                m->officer_public);
}

static hkp_status make_certificate(struct mesh *m, size_t i) {
    const struct hkp_mesh_provision_node *node = &m->opt->nodes[i];
    struct member *me = &m->members[i];
    struct hkp_dsm_certificate c;
    memset(&c, 0, sizeof c);
    memcpy(c.key, me->a_public, 32);
    memcpy(c.static_key, node->s, 32);
    c.has_static_key = 1;
    randombytes_buf(c.enroll_id, sizeof c.enroll_id); /* no hardware record is taken: the digest of none */
    c.roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS | HKP_DSM_ROLE_NEURO;
    if (!node->outsider) c.roles |= HKP_DSM_ROLE_VALIDATOR;
    c.tier = HKP_DSM_TIER_FORTRESS;
    c.group = node->group;
    c.policy = POLICY_VERSION;
    c.serial = 1;
    if (me->bls.present) {
        c.bls_key = (struct hkp_dsm_view){me->bls.key, 48};
        c.bls_proof = (struct hkp_dsm_view){me->bls.proof, 96};
    }
    c.not_before_s = m->now_s - 60;
    c.not_after_s = m->now_s + (uint64_t)(m->opt->days != 0 ? m->opt->days : 30) * 86400 - 60;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64];
    size_t body_len = 0;
    hkp_status st = hkp_dsm_certificate_build(&c, body, sizeof body, &body_len);
    if (st != HKP_OK) return st;
    struct hkp_dsm_promise promise = {
        .kind = HKP_DSM_KIND_CERTIFICATE, .number = c.serial, .not_after_s = c.not_after_s};
    memcpy(promise.subject, node->node_id, 16);
    hkp_dsm_object_id(promise.id, m->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, body, body_len);
    st = hkp_dsm_record_promise(&m->record, &promise);
    if (st != HKP_OK) return st;
    st = hkp_dsm_multi_sign(signature, m->chain_id, HKP_DSM_KIND_CERTIFICATE, m->ca.version,
                            m->officer_secret, body, body_len, NULL, 0);
    if (st != HKP_OK) return st;
    struct hkp_dsm_multi multi = {.kind = HKP_DSM_KIND_CERTIFICATE,
                                  .ca_version = m->ca.version,
                                  .body = {body, body_len},
                                  .n_signatures = 1,
                                  .signature = {signature}};
    return hkp_dsm_multi_build(&multi, me->certificate, sizeof me->certificate, &me->certificate_len);
}

static int by_path(const void *a, const void *b) {
    const struct hkp_ter_item *x = (const struct hkp_ter_item *)a, *y = (const struct hkp_ter_item *)b;
    size_t n = x->path_len < y->path_len ? x->path_len : y->path_len;
    int d = memcmp(x->path, y->path, n);
    return d != 0 ? d : (x->path_len > y->path_len) - (x->path_len < y->path_len);
}

/* The manifest of a node: its measured files, and itself. */
static hkp_status make_manifest(struct mesh *m, size_t i, uint8_t *bytes, size_t cap, size_t *len) {
    const struct hkp_mesh_provision_node *node = &m->opt->nodes[i];
    struct hkp_ter_item items[MEASURED_MAX + 1];
    memset(items, 0, sizeof items);
    if (node->n_measured > MEASURED_MAX) return fault(m, HKP_E_INVAL, "measured", "more than 256 files");
    for (uint32_t k = 0; k < node->n_measured; k++) {
        const char *path = node->measured[k];
        size_t path_len = strlen(path);
        if (path[0] != '/' || path_len > HKP_TER_PATH_MAX)
            return fault(m, HKP_E_INVAL, path,
                         "a measured file needs an absolute path of at most 4095 bytes");
        items[k].path = (const uint8_t *)path;
        items[k].path_len = (uint32_t)path_len;
        items[k].kind = HKP_TER_KIND_FILE;
    }
    items[node->n_measured].path = (const uint8_t *)"@manifest";
    items[node->n_measured].path_len = 9;
    items[node->n_measured].kind = HKP_TER_KIND_PSEUDO;
    qsort(items, node->n_measured + 1, sizeof items[0], by_path);
    struct hkp_ter_manifest_spec spec = {
        .items = items, .n_items = node->n_measured + 1, .policy_ver = POLICY_VERSION};
    memcpy(spec.node_id, node->node_id, 16);
    hkp_status st = hkp_ter_manifest_build(&spec, m->policy_secret, bytes, cap, len);
    return st == HKP_OK ? HKP_OK : fault(m, st, "measured", "a path stands twice");
}

/* Measures what the manifest lists; the result is the reference that the first RBA1 puts in force. */
static hkp_status make_rebase(struct mesh *m, size_t i, const uint8_t *bytes, size_t len,
                              uint8_t rebase[192]) {
    const struct hkp_mesh_provision_node *node = &m->opt->nodes[i];
    struct hkp_ter_manifest manifest;
    hkp_status st = hkp_ter_manifest_check(&manifest, bytes, len, node->node_id, m->policy_public, 1, NULL);
    if (st != HKP_OK) return st;
    struct hkp_ter_measure_options mo;
    hkp_ter_measure_options_init(&mo, sizeof mo);
    mo.manifest = &manifest;
    hkp_ter_measure *measure = NULL;
    st = hkp_ter_measure_new(&measure, &mo, 0);
    if (st != HKP_OK) return st;
    struct hkp_neuro_rba r;
    uint8_t h_ref[20];
    memset(&r, 0, sizeof r);
    st = hkp_ter_measure_run(measure, 0, r.root, h_ref);
    for (uint32_t k = 0; st == HKP_OK && k < manifest.n_items; k++) {
        struct hkp_ter_measured item;
        char path[256];
        if (hkp_ter_measure_item(measure, k, &item) != HKP_OK || item.outcome == item.kind) continue;
        snprintf(path, sizeof path, "%.*s", (int)item.path_len, (const char *)item.path);
        st = fault(m, HKP_E_IO, path, "is to be measured but cannot be read");
    }
    hkp_ter_measure_free(measure);
    if (st != HKP_OK) return st;
    memcpy(r.node_id, node->node_id, 16);
    r.policy_ver = POLICY_VERSION;
    r.not_after_us = (m->now_s + 90ULL * 86400) * 1000000;
    hkp_neuro_rba_sign(&r, m->policy_secret, rebase);
    return HKP_OK;
}

static hkp_status write_member(struct mesh *m, size_t i) {
    const struct hkp_mesh_provision_options *opt = m->opt;
    const char *dir = opt->nodes[i].data_dir;
    uint8_t *manifest = malloc(HKP_TER_MANIFEST_MAX), rebase[192];
    size_t manifest_len = 0;
    if (manifest == NULL) return HKP_E_NOMEM;
    hkp_status st = make_manifest(m, i, manifest, HKP_TER_MANIFEST_MAX, &manifest_len);
    if (st == HKP_OK) st = make_rebase(m, i, manifest, manifest_len, rebase);
    if (st == HKP_OK) st = make_folder(m, dir);
    static const char *const folders[] = {"members", "ter", "neuro", "store"};
    for (size_t k = 0; st == HKP_OK && k < sizeof folders / sizeof folders[0]; k++) {
        char path[HKP_MESH__PATH_MAX];
        st = hkp_mesh__path(path, dir, folders[k]);
        if (st == HKP_OK) st = make_folder(m, path);
    }
    for (size_t k = 0; st == HKP_OK && k < opt->n_nodes; k++) {
        char hex[33], name[48];
        if (k == i || opt->nodes[k].outsider) continue;
        sodium_bin2hex(hex, sizeof hex, opt->nodes[k].node_id, 16);
        snprintf(name, sizeof name, "members/%s", hex);
        st = write_file(m, dir, name, m->members[k].certificate, m->members[k].certificate_len);
    }
    if (st == HKP_OK) st = write_file(m, dir, "genesis", m->genesis, m->genesis_len);
    if (st == HKP_OK)
        st = write_file(m, dir, "certificate", m->members[i].certificate, m->members[i].certificate_len);
    if (st == HKP_OK) st = write_file(m, dir, "policy.pub", m->policy_public, 32);
    if (st == HKP_OK) st = write_file(m, dir, "manifest", manifest, manifest_len);
    if (st == HKP_OK) st = write_file(m, dir, "rebase", rebase, sizeof rebase);
    if (st == HKP_OK) st = hkp_mesh__keys_write(dir, &m->members[i].keys);
    free(manifest);
    return st;
}

static hkp_status write_authority(struct mesh *m) {
    const char *dir = m->opt->authority_dir;
    if (dir == NULL) return HKP_OK;
    hkp_status st = make_folder(m, dir);
    if (st == HKP_OK) st = write_file(m, dir, "officer.key", m->officer_secret, 64);
    if (st == HKP_OK) st = write_file(m, dir, "policy.key", m->policy_secret, 64);
    if (st == HKP_OK) st = write_file(m, dir, "genesis", m->genesis, m->genesis_len);
    if (st == HKP_OK) st = write_file(m, dir, "record", m->record.bytes, m->record.len);
    uint8_t mark[HKP_DSM_MARK_MAX];
    size_t mark_len = 0;
    if (st == HKP_OK) st = hkp_dsm_record_mark(&m->record, mark, sizeof mark, &mark_len);
    if (st == HKP_OK) st = write_file(m, dir, "mark", mark, mark_len);
    return st;
}

hkp_status hkp_mesh_provision(const struct hkp_mesh_provision_options *opt, uint64_t wall_us,
                              struct hkp_mesh_fault *where) {
    if (opt->struct_size < sizeof *opt || opt->nodes == NULL || opt->n_nodes == 0 ||
        opt->n_nodes > HKP_MESH__MEMBERS_MAX)
        return hkp_mesh__fault(where, HKP_E_INVAL, "nodes", "1 to 64 members can be made", UINT64_MAX);
    if (opt->name == NULL || opt->name[0] == 0 || strlen(opt->name) > HKP_DSM_MESH_NAME_MAX)
        return hkp_mesh__fault(where, HKP_E_INVAL, "name", "a mesh name has 1 to 64 bytes", UINT64_MAX);
    if (opt->days > 90)
        return hkp_mesh__fault(where, HKP_E_INVAL, "days", "a certificate is valid for at most 90 days",
                               UINT64_MAX);
    if (wall_us / 1000000 < 86400)
        return hkp_mesh__fault(where, HKP_E_INVAL, "clock", "the clock is not set", UINT64_MAX);
    if (sodium_init() < 0) return HKP_E_IO;
    struct mesh *m = malloc(sizeof *m);
    if (m == NULL) return HKP_E_NOMEM;
    memset(m, 0, sizeof *m);
    m->opt = opt;
    m->fault = where;
    m->now_s = wall_us / 1000000;
    hkp_status st = make_genesis(m);
    for (size_t i = 0; st == HKP_OK && i < opt->n_nodes; i++) st = make_certificate(m, i);
    if (st == HKP_OK) st = write_authority(m); /* the record first, then what it promises (D-CA-4) */
    for (size_t i = 0; st == HKP_OK && i < opt->n_nodes; i++) st = write_member(m, i);
    sodium_memzero(m, sizeof *m);
    free(m);
    return st;
}
