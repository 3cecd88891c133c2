/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: what an endpoint asks its host about devices that come, and what it is told.
 */
#ifndef HOOKPROBE_HTP_RECORD_H
#define HOOKPROBE_HTP_RECORD_H

#include <hookprobe/htp/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fields of struct hkp_htp_record and arguments of struct hkp_htp_registry. */
enum {
    /** record.status */
    HKP_HTP_NODE_ACTIVE = 0,
    HKP_HTP_NODE_SUSPENDED = 1,
    HKP_HTP_NODE_REVOKED = 2,
    /** record.neural: mode R is required, is not there yet (first contact), is off by decision */
    HKP_HTP_NEURAL_REQUIRED = 0,
    HKP_HTP_NEURAL_OPEN = 1,
    HKP_HTP_NEURAL_OFF = 2,
    /** record.require and options.require: bits of what a session must have, HTP-4.9 */
    HKP_HTP_REQUIRE_PSK = 1,
    HKP_HTP_REQUIRE_TPM = 2,
    HKP_HTP_REQUIRE_CERTIFICATE = 4,
    HKP_HTP_REQUIRE_PQ = 8,
    HKP_HTP_REQUIRE_CLOCK = 16,
    /** neural(): our own instance (we are E) or our replica of the peer's (we are V) */
    HKP_HTP_SIDE_OWN = 1,
    HKP_HTP_SIDE_REPLICA = 2,
    /** certificate forms of HTP-5.4 */
    HKP_HTP_CERT_NONE = 0,
    HKP_HTP_CERT_ID = 1,
    HKP_HTP_CERT_WHOLE = 2,
    /** note(): value = t1 of a handshake that completed (Unix microseconds) */
    HKP_HTP_NOTE_COMPLETED = 1,
    /** note(): the node proved itself and failed a later check; value = number of the result */
    HKP_HTP_NOTE_FAILED = 2,
    /** note(): RDV or PoSF wrong inside a session, HTP-3.7; value = result number */
    HKP_HTP_NOTE_RESONANCE = 3,
    /** note(): an unproved HELLO named this node; value = result number. Changes nothing of the node */
    HKP_HTP_NOTE_UNPROVED = 4,
    /** note(): what a session with the node may carry changed; value = HKP_HTP_LINE_* of
       hookprobe/htp/trust.h */
    HKP_HTP_NOTE_RIGHTS = 5,
    /** note(): a HELLO that named this node was refused with a ticket that is not held; value = 0. As
       UNPROVED */
    HKP_HTP_NOTE_TICKET = 6
};

/** What the registry knows of a peer, HTP-12.2. */
struct hkp_htp_record {
    /** Ed25519 key */
    uint8_t a[32];
    /** HKP_HTP_NODE_* */
    uint8_t status;
    /** HKP_HTP_NEURAL_* */
    uint8_t neural;
    /** NZ1 13.5 state of the instance, 0..4; told in ACCEPT */
    uint8_t resonance;
    /** zero */
    uint8_t reserved0;
    /** HKP_HTP_REQUIRE_* */
    uint32_t require;
    /** HKP_HTP_ALLOW_*; 0: those of the endpoint */
    uint32_t suites_allowed;
    /** PCRs that a demanded quote must cover, bits 0..23 */
    uint32_t pcr_mask;
    /** least policy version that the peer must run */
    uint32_t policy_ver;
    /** Q0.16 of the last session, saturating at 65535; told in ACCEPT */
    uint16_t trust;
    /** zero */
    uint16_t reserved1;
    /** t1 of the last completed handshake, Unix microseconds; 0: none */
    uint64_t last_t1;
};

/** The neural inputs of a key epoch, HTP-3.4; pinned until neural_release(). */
struct hkp_htp_neural {
    /** shared secret of the commit */
    uint8_t psk[32];
    /** fingerprint of the state */
    uint8_t f[64];
    /** time of the commit, Unix microseconds */
    uint64_t last_us;
    /** the registry's name for the pinned state, given to posf() and neural_release() */
    uint64_t handle;
};

/** What a verified certificate says. */
struct hkp_htp_identity {
    uint8_t node_id[16];
    /** Ed25519 key */
    uint8_t a[32];
    /** X25519 key, zero if it has none */
    uint8_t s[32];
    /** role bits of the certificate */
    uint32_t roles;
    /** 1: expired, and nothing else is wrong with it (HTP-8.7) */
    uint8_t expired;
    /** zero */
    uint8_t reserved0[3];
    /** neuro_gen of the certificate */
    uint64_t neuro_gen;
    /** Unix seconds until which the certificate is valid; 0: no limit is known */
    uint64_t not_after_s;
};

/** Question to mode_n(): may this session be in mode N? HTP-3.9 */
struct hkp_htp_mode_n {
    /** the peer */
    uint8_t node_id[16];
    /** HKP_HTP_ROLE_* that we play */
    uint8_t role;
    /** 1: own is what we showed */
    uint8_t own_shown;
    /** 1: peer is what the peer showed and certificate() accepted */
    uint8_t peer_shown;
    /** zero */
    uint8_t reserved0[5];
    struct hkp_htp_identity own;
    struct hkp_htp_identity peer;
};

/**
 * A ticket for one resumption (HTP-5.8), secret. It belongs into memory only, locked if possible, and is
 * erased with care.
 */
struct hkp_htp_ticket {
    /** what travels */
    uint8_t id[16];
    /** resumption secret of the session that gave it */
    uint8_t psk_res[32];
    /** fingerprint of what both sides demanded and were when it was given */
    uint8_t policy[32];
    /** Ed25519 key that the peer proved */
    uint8_t peer_a[32];
    /** end of its life on the clock of the endpoint */
    hkp_time until;
    /** what the peer's certificate said, 0 if it showed none */
    uint64_t peer_neuro_gen;
    uint32_t peer_roles;
    /** of the session, and of all that follow from it */
    uint16_t suite;
    uint16_t features;
    uint8_t mode;
    uint8_t n_case;
    /** zero */
    uint8_t reserved0[6];
};

/**
 * The device registry of HTP-12.1 as the endpoint needs it. All members are required but where it says
 * "or NULL". Functions return HKP_OK, HKP_E_NOTFOUND for "no such thing", or another error.
 */
struct hkp_htp_registry {
    /** given to all functions */
    void *user;
    /** the record of a node */
    hkp_status (*find)(void *user, const uint8_t node_id[16], struct hkp_htp_record *out);
    /** commit index of E.cur of our instance towards this node, >= 1 */
    hkp_status (*own_index)(void *user, const uint8_t node_id[16], uint64_t *ck_index);
    /** pins and returns the state of a commit; side is HKP_HTP_SIDE_* */
    hkp_status (*neural)(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                         struct hkp_htp_neural *out);
    /** PoSF over a pinned state; role is 0x45 'E' or 0x56 'V' */
    hkp_status (*posf)(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                       const uint8_t nonce[8], uint8_t tag[32]);
    /** ends one pin */
    void (*neural_release)(void *user, uint64_t handle);
    /** verifies a certificate of data[len] in form HKP_HTP_CERT_ID or _WHOLE; or NULL: none is acceptable */
    hkp_status (*certificate)(void *user, uint32_t form, const uint8_t *data, size_t len, uint64_t wall_us,
                              struct hkp_htp_identity *out);
    /** the case 1..4 of HTP-3.9 that allows mode N, or an error; or NULL: case 1 only, where neural is off */
    hkp_status (*mode_n)(void *user, const struct hkp_htp_mode_n *query, uint8_t *n_case);
    /**
     * makes a TPM quote with this extraData; or NULL: none. HKP_E_LIMIT: it is being made; asked again with
     * the same extraData after hkp_htp_quote_ready()
     */
    hkp_status (*quote_make)(void *user, const uint8_t extra[32], uint32_t pcr_mask, uint8_t *dst, size_t cap,
                             size_t *len);
    /** checks a quote of a node; or NULL: every quote counts as absent */
    hkp_status (*quote_check)(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                              uint32_t pcr_mask, const uint8_t *quote, size_t len);
    /** tells what became of a node, HKP_HTP_NOTE_*; or NULL */
    void (*note)(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value);
    /**
     * keeps a ticket that we gave, in place of the one that the node has; ticket NULL: deletes that. Or NULL,
     * and ticket_take too: the endpoint keeps them (options.tickets_max). For several endpoints that answer
     * as one V
     */
    void (*ticket_put)(void *user, const uint8_t node_id[16], const struct hkp_htp_ticket *ticket);
    /** gives the ticket of a node with this id and deletes it, in one step; HKP_E_NOTFOUND: there is none */
    hkp_status (*ticket_take)(void *user, const uint8_t node_id[16], const uint8_t id[16],
                              struct hkp_htp_ticket *out);
};

#ifdef __cplusplus
}
#endif

#endif
