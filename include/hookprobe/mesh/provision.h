/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: the folders of a new mesh (NZ1 22.7). This function does I/O.
 */
#ifndef HOOKPROBE_MESH_PROVISION_H
#define HOOKPROBE_MESH_PROVISION_H

#include <hookprobe/mesh/runner.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One member to be. */
struct hkp_mesh_provision_node {
    /** folder to make; its parent exists; NUL-terminated */
    const char *data_dir;
    /** group of its certificate, 1..2^32-1 */
    uint32_t group;
    /** 1: certified, but without a seat and unknown to the others */
    uint32_t outsider;
    uint32_t reserved0;
    /** files to measure beside the manifest itself, absolute paths, NUL-terminated; [n_measured] */
    uint32_t n_measured;
    const char *const *measured;
    /** results */
    uint8_t node_id[16];
    uint8_t s[32];
};

/** A mesh to be: all members but outsiders are validators with a seat. */
struct hkp_mesh_provision_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** days that certificates are valid, 1..90; 0: 30 */
    uint32_t days;
    /** name of the mesh, 1..64 bytes, NUL-terminated */
    const char *name;
    /** folder for the officer's and the policy key, made with mode 0700; NULL: they are thrown away */
    const char *authority_dir;
    /** [n_nodes] 1..64 members; results are written into them */
    struct hkp_mesh_provision_node *nodes;
    size_t n_nodes;
    /** 1: the set lists scheme 2, and certificates and seats have BLS keys (D-QC-3) */
    uint32_t bls;
    uint32_t reserved0;
};

/**
 * Make the folders of a new mesh: keys, a one-officer CA set, certificates, genesis, manifests and first
 * rebases with the reference measured here and now. Nothing neural is made: the nodes do that themselves.
 *
 * @param opt      borrowed for the call; results go into its nodes
 * @param wall_us  Unix microseconds
 * @param fault    says where and why on failure; may be NULL
 *
 * @retval HKP_OK       made
 * @retval HKP_E_INVAL  an option is wrong
 * @retval HKP_E_STATE  a folder is there already and not empty
 * @retval HKP_E_IO     the system refused
 * @retval HKP_E_NOMEM  no memory
 * @retval HKP_E_UNSUPPORTED  bls, in a build without blst
 *
 * Cost: one key pair and certificate per node.
 * Source: NZ1 22.7, D-CERT-4, D-CA-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_provision(const struct hkp_mesh_provision_options *opt,
                                                   uint64_t wall_us, struct hkp_mesh_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
