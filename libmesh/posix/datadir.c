/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libmesh/posix/datadir.h"

#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hkp_status hkp_mesh__fault(struct hkp_mesh_fault *fault, hkp_status status, const char *what, const char *why,
                           uint64_t offset) {
    if (fault == NULL) return status;
    snprintf(fault->what, sizeof fault->what, "%.*s", (int)sizeof fault->what - 1, what);
    snprintf(fault->why, sizeof fault->why, "%.*s", (int)sizeof fault->why - 1, why);
    fault->offset = offset;
    return status;
}

hkp_status hkp_mesh__path(char path[HKP_MESH__PATH_MAX], const char *dir, const char *name) {
    int n = snprintf(path, HKP_MESH__PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < HKP_MESH__PATH_MAX ? HKP_OK : HKP_E_INVAL;
}

static const char *why_of(hkp_status st) {
    switch (st) {
    case HKP_E_NOTFOUND:
        return "is missing";
    case HKP_E_NOSPC:
        return "is longer than such a file can be";
    case HKP_E_STATE:
        return "may be read or written by others, or is no regular file";
    default:
        return "cannot be read";
    }
}

hkp_status hkp_mesh__file_read(const char *dir, const char *name, int32_t private_only, size_t max,
                               uint8_t **out, size_t *len, struct hkp_mesh_fault *fault) {
    char path[HKP_MESH__PATH_MAX];
    if (hkp_mesh__path(path, dir, name) != HKP_OK)
        return hkp_mesh__fault(fault, HKP_E_INVAL, dir, "path is too long", UINT64_MAX);
    uint8_t *bytes = malloc(max);
    if (bytes == NULL) return HKP_E_NOMEM;
    hkp_status st = hkp_ter_file_read(path, private_only, bytes, max, len);
    if (st == HKP_OK && *len > 0) {
        *out = bytes;
        return HKP_OK;
    }
    sodium_memzero(bytes, max);
    free(bytes);
    if (st == HKP_OK) return hkp_mesh__fault(fault, HKP_E_IO, path, "is empty", 0);
    return hkp_mesh__fault(fault, st, path, why_of(st), UINT64_MAX);
}

static hkp_status read_exact(const char *dir, const char *name, int32_t private_only, uint8_t *dst,
                             size_t size, struct hkp_mesh_fault *fault) {
    uint8_t *bytes = NULL;
    size_t len = 0;
    hkp_status st = hkp_mesh__file_read(dir, name, private_only, size + 1, &bytes, &len, fault);
    if (st != HKP_OK) return st;
    if (len == size)
        memcpy(dst, bytes, size);
    else
        st = hkp_mesh__fault(fault, HKP_E_IO, name, "has a wrong length", len);
    sodium_memzero(bytes, size + 1);
    free(bytes);
    return st;
}

static const char *why_of_keys(hkp_status st) {
    switch (st) {
    case HKP_E_TER_KEY_FORM:
        return "is no key file, or is damaged: its checksum is wrong";
    case HKP_E_TER_KEY_ACCESS:
        return "must be of this user alone, with mode 0600, and no link";
    case HKP_E_TER_KEY_PASSPHRASE:
        return "wants a passphrase: none was given, or a wrong one";
    case HKP_E_TER_KEY_TPM:
        return "is sealed: it wants its TPM, and an authorisation in keys.pca";
    case HKP_E_TER_PCA:
        return "is sealed, and keys.pca is no authorisation by its operator";
    case HKP_E_TER_TPM_POLICY:
        return "is sealed, and the PCRs have values that keys.pca does not authorise";
    case HKP_E_TER_TPM_IO:
    case HKP_E_TER_TPM_TIMEOUT:
        return "is sealed, and the TPM does not answer";
    case HKP_E_TER_TPM_REFUSED:
        return "is sealed, and the TPM refuses it: of another TPM, or of one that was cleared";
    default:
        return why_of(st);
    }
}

hkp_status hkp_mesh__keys_write(const char *dir, const struct hkp_mesh__keys_secret *keys) {
    struct hkp_ter_keystore_options o;
    char path[HKP_MESH__PATH_MAX];
    uint8_t b[HKP_MESH__KEYS_SIZE];
    hkp_status st = hkp_mesh__path(path, dir, "keys");
    if (st != HKP_OK) return st;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    memcpy(b, keys->a_seed, 32);
    memcpy(b + 32, keys->s_secret, 32);
    memcpy(b + 64, keys->state_key, 32);
    st = hkp_ter_keystore_write(&o, b, sizeof b);
    sodium_memzero(b, sizeof b);
    return st;
}

static hkp_status keys_read(struct hkp_mesh__datadir *d, const struct hkp_mesh__unlock *unlock,
                            struct hkp_mesh_fault *fault) {
    struct hkp_ter_keystore_options o;
    char path[HKP_MESH__PATH_MAX];
    uint8_t b[HKP_MESH__KEYS_SIZE];
    size_t len = 0;
    hkp_status st = hkp_mesh__path(path, d->path, "keys");
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, d->path, "path is too long", UINT64_MAX);
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    o.passphrase = unlock->passphrase;
    o.passphrase_len = unlock->passphrase_len;
    o.tpm = unlock->tpm;
    st = hkp_ter_keystore_read(&o, b, sizeof b, &len, &d->key_form);
    if (st == HKP_OK && len != sizeof b) st = HKP_E_TER_KEY_FORM;
    if (st != HKP_OK)
        st = hkp_mesh__fault(fault, st, path, why_of_keys(st), UINT64_MAX);
    else {
        memcpy(d->keys.a_seed, b, 32);
        memcpy(d->keys.s_secret, b + 32, 32);
        memcpy(d->keys.state_key, b + 64, 32);
    }
    sodium_memzero(b, sizeof b);
    return st;
}

hkp_status hkp_mesh__datadir_read(struct hkp_mesh__datadir *out, const char *dir,
                                  const struct hkp_mesh__unlock *unlock, struct hkp_mesh_fault *fault) {
    struct hkp_mesh__datadir d;
    memset(&d, 0, sizeof d);
    if (snprintf(d.path, sizeof d.path, "%s", dir) >= (int)sizeof d.path)
        return hkp_mesh__fault(fault, HKP_E_INVAL, "data_dir", "path is too long", UINT64_MAX);
    hkp_status st = keys_read(&d, unlock, fault);
    if (st == HKP_OK) st = read_exact(dir, "policy.pub", 0, d.policy_key, sizeof d.policy_key, fault);
    if (st == HKP_OK) st = read_exact(dir, "rebase", 0, d.rebase, sizeof d.rebase, fault);
    if (st == HKP_OK)
        st = hkp_mesh__file_read(dir, "genesis", 0, HKP_DSM_GENESIS_MAX, &d.genesis, &d.genesis_len, fault);
    if (st == HKP_OK)
        st = hkp_mesh__file_read(dir, "certificate", 0, HKP_DSM_CERTIFICATE_MAX, &d.certificate,
                                 &d.certificate_len, fault);
    if (st == HKP_OK)
        st = hkp_mesh__file_read(dir, "manifest", 0, HKP_TER_MANIFEST_MAX, &d.manifest, &d.manifest_len,
                                 fault);
    if (st != HKP_OK) {
        hkp_mesh__datadir_free(&d);
        return st;
    }
    *out = d;
    sodium_memzero(&d.keys, sizeof d.keys);
    return HKP_OK;
}

void hkp_mesh__datadir_free(struct hkp_mesh__datadir *dir) {
    free(dir->genesis);
    free(dir->certificate);
    free(dir->manifest);
    sodium_memzero(dir, sizeof *dir);
}

hkp_status hkp_mesh__datadir_member(const char *dir, const uint8_t node_id[16], uint8_t **out, size_t *len,
                                    struct hkp_mesh_fault *fault) {
    char hex[33], name[48];
    sodium_bin2hex(hex, sizeof hex, node_id, 16);
    snprintf(name, sizeof name, "members/%s", hex);
    *out = NULL;
    *len = 0;
    hkp_status st = hkp_mesh__file_read(dir, name, 0, HKP_DSM_CERTIFICATE_MAX, out, len, fault);
    return st == HKP_E_NOTFOUND ? HKP_OK : st;
}
