/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe workload and policy: what their commands share. */
#ifndef HKP_CLI_WORK_H
#define HKP_CLI_WORK_H

#include "ca.h"

#include <hookprobe/dsm/workload.h>

enum { CLI_WORK_MAX = HKP_DSM_CONTROL_BODY_MAX + 128 };

/** A node's folder, of which only its files are used; its node may be running. */
struct cli_signer {
    struct cli_ca ca;
    struct hkp_dsm_certificate certificate;
    uint8_t certificate_bytes[HKP_DSM_CERTIFICATE_MAX];
    size_t certificate_len;
    /** wipe it */
    uint8_t secret[64];
};

/** Genesis and certificate of a folder; the certificate must hold now. */
int cli_signer_who(struct cli_signer *s, const char *dir);
/** The same with its key, and these roles. */
int cli_signer_open(struct cli_signer *s, const char *dir, const char *passphrase_file, uint32_t roles);
/** Signs a body, writes the file and tells of it; key: what its id is called. */
int cli_signer_write(const struct cli_signer *s, uint32_t kind, const uint8_t *body, size_t len,
                     const char *out, int json);

/** SHA-256 of a file. */
int cli_work_digest(const char *path, uint8_t digest[32]);
/** What a WORKLOAD, ASSIGN or POLICY says, and its id if the mesh is known; NULL: it is none. */
json_t *cli_work_describe(const uint8_t *chain_id, const uint8_t *bytes, size_t len);
/** Adds what the body of an ORDER says. */
hkp_status cli_work_order(json_t *to, const struct hkp_dsm_view *body);
/** n bytes of hex digits; 0 on success. */
int cli_work_hex(const char *text, uint8_t *dst, size_t n);
/** Asks a node for what it holds and shows objects of these kinds, "policy order" for instance. */
int cli_work_list(const struct cli_command *command, int argc, char **argv, const char *kinds);

#endif
