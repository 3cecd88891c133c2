/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ca: what its commands share. Judgement and record are libdsm's (hookprobe/dsm/officer.h). */
#ifndef HKP_CLI_CA_H
#define HKP_CLI_CA_H

#include "cli.h"

#include <hookprobe/dsm.h>
#include <hookprobe/ter/endorsement.h>

enum { CLI_CA_SETS = 64, CLI_CA_PATH = 4096, CLI_CA_FILE_MAX = HKP_DSM_REVOCATION_LIST_MAX };

/** A mesh and the sets of its officers, which follow each other from the genesis on. */
struct cli_ca {
    uint8_t genesis_bytes[HKP_DSM_GENESIS_MAX];
    size_t genesis_len;
    struct hkp_dsm_genesis genesis;
    struct hkp_dsm_ca_set sets[CLI_CA_SETS];
    size_t n_sets;
    struct hkp_dsm_officers officers;
    uint8_t scratch[CLI_CA_FILE_MAX + 64];
};

/** The folder of one officer:
 *     officer.key  seed and public key, in a form of the key store    0600
 *     genesis      set.2 set.3 ...  list                              as the officers signed them
 *     record mark                                                     what it promised (decision 0460)
 *     own-list     body of the list that it promised last             (decision 0632)
 *     machines/    hardware records of nodes that it certified */
struct cli_officer {
    const char *dir;
    int lock;
    struct cli_ca ca;
    uint8_t secret[64];
    struct hkp_dsm_record record;
    /** bytes of the record's file */
    size_t on_disk;
    /** newest complete list; list_len 0: none */
    uint8_t list[CLI_CA_FILE_MAX];
    size_t list_len;
    struct hkp_dsm_revocations held;
};

/* ---- ca_folder.c: all of them tell what is wrong and return an exit code ---- */

int cli_ca_path(char path[CLI_CA_PATH], const char *dir, const char *name);
int cli_ca_read(const char *path, uint8_t *dst, size_t cap, size_t *len);
int cli_ca_write(const char *path, const uint8_t *bytes, size_t len);
int cli_ca_told(const char *what, hkp_status status, const char *why);

int cli_ca_genesis(struct cli_ca *ca, const char *path);
/** The set that follows the newest one, signed by its officers. */
int cli_ca_set(struct cli_ca *ca, const char *path);
/** Genesis and sets of an officer's folder. */
int cli_ca_open(struct cli_ca *ca, const char *dir);
const struct hkp_dsm_ca_set *cli_ca_newest(const struct cli_ca *ca);

int cli_officer_new_key(const char *dir, const char *passphrase_file, uint8_t key[32]);
/** Begins the record in a folder that has a key and a genesis. */
int cli_officer_begin(const char *dir, const char *passphrase_file);
/** Opens a folder and locks it; a record that is not whole is refused. Close it in any case. */
int cli_officer_open(struct cli_officer *o, const char *dir, const char *passphrase_file);
void cli_officer_close(struct cli_officer *o);
/** Makes what the record gained durable, then its mark. */
int cli_officer_save(struct cli_officer *o);
/** A complete list that another officer handed over; an older one than is known changes nothing. */
int cli_officer_take_list(struct cli_officer *o, const char *path);
/** The list that this officer promised last, complete or not. */
struct cli_own_list {
    uint8_t body[HKP_DSM_REVOCATION_BODY_MAX];
    /** 0: none */
    uint64_t number;
    /** what is left of it */
    struct hkp_dsm_revocations list;
};
int cli_own_list_read(const struct cli_officer *o, struct cli_own_list *own);
/** 1: the next entry that could not have left the newest list since by its age (D-CA-6) */
int cli_own_list_next(struct cli_own_list *own, uint64_t now_s, struct hkp_dsm_revocation *e);
/** Shows what is to be signed: to stderr before JSON, not at all before JSON that was agreed to. file: its
 * name. */
int cli_officer_review(struct cli_officer *o, const struct hkp_dsm_multi *given, const char *file, int json,
                       int yes);
/** What this officer is the first to sign: shown, agreed to, signed and written to out. */
int cli_officer_issue(struct cli_officer *o, const struct hkp_dsm_matter *m, int json, int yes,
                      const char *out, json_t **told);
/** Records, promises and signs, if the judge agrees; the object with one signature more. */
int cli_officer_sign(struct cli_officer *o, const struct hkp_dsm_matter *matter,
                     const struct hkp_dsm_multi *given, const char *out, json_t **told);

/* ---- ca_show.c ---- */

/** What a file holds, and whether it holds: "verified" true, false, or null without a genesis. NULL: no such
 * file of the authority. */
json_t *cli_ca_describe(struct cli_ca *ca, const uint8_t *bytes, size_t len);
void cli_ca_print(FILE *to, const json_t *object);
/** On standard output, as a line of JSON or as people read it; releases it. */
void cli_ca_tell(json_t *object, int json);
json_t *cli_ca_hex(const uint8_t *bytes, size_t len);
/** "edge,validator" */
int cli_ca_roles(const char *text, uint32_t *roles);
int cli_ca_reason(const char *text, uint64_t *reason);
const char *cli_ca_tier_name(uint32_t tier);
int cli_ca_tier(const char *text, uint32_t *tier);

/* ---- ca_request.c ---- */

/** Card of a node that is to be among the first validators: node_id and key; with scheme 2 also BLS key and
 * proof. */
enum { CLI_CARD = 48, CLI_CARD_BLS = CLI_CARD + 48 + 96 };

/** A token without its last line end. */
int cli_ca_token(const char *path, uint8_t token[HKP_DSM_TOKEN_MAX], size_t *len);

/** What goes to the officers beside a request (SYN-8.2): {0:1, 1:time_us, 2:nonce, 3:HWREC}, and with a TPM
 * the public areas 4:attestation key, 5:endorsement key. */
struct cli_ca_evidence {
    uint64_t time_us;
    uint8_t nonce[16];
    uint8_t record[4096];
    size_t record_len;
    uint8_t enroll_id[32], fingerprint[32];
    uint8_t ak_area[512], ek_area[512];
    /** 0: no TPM */
    size_t ak_len, ek_len;
};
int cli_ca_evidence_read(const char *path, struct cli_ca_evidence *e);

/* ---- ca_tpm.c ---- */

/** Keys of a node's folder: its Ed25519 secret, to be wiped, and its public X25519 key. */
int cli_ca_node_keys(const char *node, const char *passphrase_file, uint8_t secret[64],
                     uint8_t static_key[32]);

/** Areas of the key that "tpm ak" made, and of the TPM's endorsement key. */
int cli_ca_tpm_read(const char *ak, const char *tcti, struct cli_ca_evidence *e);
/** The node's TPM opens what an officer wrapped. */
int cli_ca_tpm_answer(const char *challenge, const char *ak, const char *tcti, const char *out);
/** The officer wraps a secret for that TPM; later, whether it came back. */
int cli_ca_tpm_challenge(const char *dir, const struct hkp_dsm_request *q, const struct cli_ca_evidence *e,
                         const char *out);
int cli_ca_tpm_proved(const char *dir, const struct hkp_dsm_request *q, const struct cli_ca_evidence *e,
                      const char *answer);
/** The maker's certificate of the endorsement key, by roots that the officer gives. */
int cli_ca_tpm_maker(const struct cli_ca_evidence *e, const char *certificate, const char *const *roots,
                     uint32_t n_roots, struct hkp_ter_ek *ek);
/** The answer has been used. */
void cli_ca_tpm_done(const char *dir, const struct hkp_dsm_request *q);

/** Asks on the terminal unless yes; CLI_OK to go on. */
int cli_ca_agree(int yes);

#endif
