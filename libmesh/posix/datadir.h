/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The folder of one node: what provisioning writes once and the runner reads at every start (NZ1 22.7).
 *
 *     keys         A seed 32 || S secret 32 || state key 32, in a form of the key store   0600
 *     keys.pca     authorisation of PCR values, where the TPM sealed them
 *     certificate  genesis  manifest  rebase  policy.pub                                      as their specs
 * say
 *     manifest.next  of a policy whose REBASE record may not be in the log yet
 *     members/     certificates of the other members, one file each, named by node_id
 *     ter/ neuro/ store/   what the node writes itself
 */
#ifndef HKP_LIBMESH_POSIX_DATADIR_H
#define HKP_LIBMESH_POSIX_DATADIR_H

#include <hookprobe/mesh.h>
#include <hookprobe/ter.h>

enum { HKP_MESH__PATH_MAX = 4096, HKP_MESH__KEYS_SIZE = 96, HKP_MESH__MEMBERS_MAX = 64 };

struct hkp_mesh__keys_secret {
    uint8_t a_seed[32];
    uint8_t s_secret[32];
    uint8_t state_key[32];
};

/** What may be needed to open the keys; all of it may be absent. */
struct hkp_mesh__unlock {
    const uint8_t *passphrase;
    size_t passphrase_len;
    hkp_ter_tpm *tpm;
};

/** All that the folder holds of fixed things; free with hkp_mesh__datadir_free(). */
struct hkp_mesh__datadir {
    char path[HKP_MESH__PATH_MAX];
    struct hkp_mesh__keys_secret keys;
    /** HKP_TER_KEY_*: how they lay there */
    uint32_t key_form;
    uint8_t policy_key[32];
    uint8_t rebase[192];
    uint8_t *genesis, *certificate, *manifest;
    size_t genesis_len, certificate_len, manifest_len;
};

/** Fills fault (NULL allowed) and returns status. */
hkp_status hkp_mesh__fault(struct hkp_mesh_fault *fault, hkp_status status, const char *what, const char *why,
                           uint64_t offset);

/** path = dir / name; HKP_E_INVAL if it does not fit. */
hkp_status hkp_mesh__path(char path[HKP_MESH__PATH_MAX], const char *dir, const char *name);

/** A whole file of 1..max bytes into [*len] of malloc. */
hkp_status hkp_mesh__file_read(const char *dir, const char *name, int32_t private_only, size_t max,
                               uint8_t **out, size_t *len, struct hkp_mesh_fault *fault);

hkp_status hkp_mesh__keys_write(const char *dir, const struct hkp_mesh__keys_secret *keys);

/** Reads and checks the form of every file; whether they belong together is the node's matter. */
hkp_status hkp_mesh__datadir_read(struct hkp_mesh__datadir *out, const char *dir,
                                  const struct hkp_mesh__unlock *unlock, struct hkp_mesh_fault *fault);
void hkp_mesh__datadir_free(struct hkp_mesh__datadir *dir);

/** Certificate of a member, [*len] of malloc; *out NULL if the folder has none. */
hkp_status hkp_mesh__datadir_member(const char *dir, const uint8_t node_id[16], uint8_t **out, size_t *len,
                                    struct hkp_mesh_fault *fault);

#endif
