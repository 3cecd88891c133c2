/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: a state with its place in the stream, how records move it, commits and the tags over them (NZ1
 * 17). */
#ifndef HKP_LIBNEURO_REPLAY_H
#define HKP_LIBNEURO_REPLAY_H

#include "libneuro/state.h"

#include <hookprobe/ter.h>

/** A state at a cursor: a live state, a replica, a working copy. */
struct hkp_neuro__replica {
    hkp_neuro_state *state;
    struct hkp_ter_cursor cursor;
};

struct hkp_neuro_commit {
    struct hkp_mem mem;
    uint64_t refs;
    uint64_t index;
    struct hkp_ter_cursor cursor;
    hkp_neuro_state *state;
    uint8_t f_secret[64];
    uint8_t psk_secret[32];
};

/** Who may sign a rebase of whom. */
struct hkp_neuro__policy {
    const uint8_t *keys;
    size_t n_keys;
    const uint8_t *node_id;
};

/** One log record of a replay. */
struct hkp_neuro__item {
    /** HKP_TER_LOG_TER or HKP_TER_LOG_REBASE */
    uint32_t type;
    /** TER, or RBA1 */
    const uint8_t *bytes;
    size_t len;
    /** n of a rebase */
    uint64_t index;
};

/** What a PROPOSE claims; pointers into its body. */
struct hkp_neuro__claim {
    uint64_t base, n;
    const uint8_t *h_n, *proof, *f_tag;
};

/** HKP_OK, HKP_E_TER_DUPLICATE (skipped), HKP_E_NEURO_REPLAY_TER with the TER code in sub; unchanged but if
 * OK. */
hkp_status hkp_neuro__replica_ter(struct hkp_neuro__replica *replica, const uint8_t *ter, size_t len,
                                  uint32_t *sub);
/** The same, and L_base of the TER (NZ1 9). */
hkp_status hkp_neuro__replica_step(struct hkp_neuro__replica *replica, const uint8_t *ter, size_t len,
                                   uint64_t *base, uint32_t *sub);
/** HKP_OK or HKP_E_NEURO_REPLAY_REBASE with the RBA code in sub. */
hkp_status hkp_neuro__replica_rebase(struct hkp_neuro__replica *replica, uint64_t index, const uint8_t *rba,
                                     size_t len, const struct hkp_neuro__policy *policy, uint32_t *sub);
/** The last three checks of a replay: SHORT, HCHAIN, PROOF. */
hkp_status hkp_neuro__replica_verdict(const struct hkp_neuro__replica *replica,
                                      const struct hkp_neuro__claim *claim);
/** replay() of NZ1 17 on a working copy. */
hkp_status hkp_neuro__replay(struct hkp_neuro__replica *replica, const struct hkp_neuro__item *items,
                             size_t n_items, const struct hkp_neuro__claim *claim,
                             const struct hkp_neuro__policy *policy, size_t *position, uint32_t *sub);

void hkp_neuro__claim_read(const uint8_t body[112], struct hkp_neuro__claim *claim);
/** PROPOSE body for a state at its cursor over a base. */
void hkp_neuro__propose_write(const struct hkp_neuro__replica *replica, const hkp_neuro_commit *base,
                              uint8_t body[112]);
void hkp_neuro__proof(const hkp_neuro_state *state, const uint8_t f[64], uint64_t base, uint64_t n,
                      const uint8_t h_n[32], uint8_t proof[32]);
/** Whether F_tag shows that its maker holds this base. */
int hkp_neuro__f_tag_ok(const hkp_neuro_commit *base, const struct hkp_neuro__claim *claim);
void hkp_neuro__ack(const hkp_neuro_state *state, const uint8_t f[64], uint64_t n, uint8_t ack[32]);
/** Tag of ENROL_OK. */
void hkp_neuro__enrol_tag(const hkp_neuro_commit *commit, const uint8_t body[616], uint8_t tag[32]);

/** Immutable copy of a replica with one reference; NULL: no memory. */
hkp_neuro_commit *hkp_neuro__commit_new(const struct hkp_mem *mem, uint32_t variant,
                                        const struct hkp_neuro__replica *replica);
/** State and cursor of a commit into a working copy. */
void hkp_neuro__replica_from(struct hkp_neuro__replica *replica, const hkp_neuro_commit *commit);
/** State at i0 and its cursor from the body of an ENROL that was judged sound. */
void hkp_neuro__enrol_replica(struct hkp_neuro__replica *replica, const uint8_t body[616],
                              const uint8_t seed[32]);

#endif
