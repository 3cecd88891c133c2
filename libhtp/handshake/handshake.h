/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The messages of the handshake (HTP-5) as pure functions: they build and judge bytes, and hold no clock, no
 * generator, no table. Whoever calls them gives times and random values and decides what may happen next.
 * A message that does not open leaves everything as it was (HTP-5.2).
 */
#ifndef HKP_LIBHTP_HANDSHAKE_H
#define HKP_LIBHTP_HANDSHAKE_H

#include "libhtp/crypto/keys.h"
#include "libhtp/wire/wire.h"

enum {
    HKP_HTP__HELLO_INNER = 1000,
    HKP_HTP__CHALLENGE_USED = 168,
    HKP_HTP__CHALLENGE_SMALL = 364,
    HKP_HTP__CHALLENGE_BIG = 1052,
    HKP_HTP__ATTEST_USED = 160,
    HKP_HTP__ATTEST_SMALL = 396,
    HKP_HTP__ATTEST_BIG = 1084,
    HKP_HTP__ATTEST_EXTRA_MAX = 924,
    HKP_HTP__ACCEPT_INNER = 396,
    HKP_HTP__LISTS = 52,
    HKP_HTP__COOKIE_AT = 152,
    HKP_HTP__C1_AT = 184,
    HKP_HTP__C1_SIZE = 1016,
    HKP_HTP__DEMAND_QUOTE = 1,
    HKP_HTP__DEMAND_CERT = 2,
    /** seconds, HTP-5.6 */
    HKP_HTP__TICKET_LIFE_MAX = 86400
};

/** Our long-term material, HTP-4.1. */
struct hkp_htp__self_secret {
    uint8_t node_id[16];
    uint8_t a_key[64];
    uint8_t a[32];
    uint8_t s_key[32];
    uint8_t s[32];
    struct hkp_htp_identity own;
    uint8_t cert[HKP_HTP_CERTIFICATE_MAX];
    size_t cert_len;
    uint8_t cert_id[32];
    /** NULL: no key log */
    const struct hkp_htp_trace *tap;
};

/** Nonce and Unix seconds of the header of a message to build. */
struct hkp_htp__stamp {
    uint8_t nonce[8];
    uint32_t seconds;
};

/** A certificate in a message; data is borrowed. */
struct hkp_htp__cert {
    uint8_t form;
    uint16_t len;
    const uint8_t *data;
};

/** 1 if form and length of a certificate field fit each other. */
int hkp_htp__cert_right(const struct hkp_htp__cert *cert);

/** RDV and PoSF of ATTEST and ACCEPT, both under the chain key of the message. */
hkp_status hkp_htp__layer(uint8_t rdv[32], uint8_t posf[32], const struct hkp_htp__chain_secret *chain,
                          const struct hkp_htp__neural_secret *neural, const uint8_t *dgram,
                          const uint8_t *inner, size_t inner_len);
/** The layer of a message that opened: HKP_OK, HKP_E_HTP_RDV_NEURAL, _POSF. chain is the one before the
 * message. */
hkp_status hkp_htp__layer_right(const struct hkp_htp__chain_secret *chain,
                                const struct hkp_htp__neural_secret *neural, const uint8_t *dgram,
                                const uint8_t *inner, size_t inner_len);

/* ---- E ---- */

/** The handshake at E from HELLO to ACCEPT. The first block is set by the caller. */
struct hkp_htp__edge_secret {
    const struct hkp_htp__self_secret *self;
    uint8_t peer_node[16];
    uint8_t peer_s[32];
    uint8_t peer_a[32];
    uint8_t pinned;
    uint8_t mode;
    uint8_t n_suites;
    uint16_t suites[4];
    uint16_t features;
    /** of a session to go on with (HTP-5.8); zero: none */
    uint8_t ticket[16];
    uint8_t psk_res[32];
    struct hkp_htp__neural_secret neural;

    struct hkp_htp__chain_secret chain;
    uint8_t e_key[32];
    /** B2("", c1): key of the RDV of answers */
    uint8_t answer_key[32];
    /** of a REJECT to the newest message sent */
    uint8_t reject_key[32];
    uint8_t reject_h[32];
    uint64_t sid_e;
    uint64_t sid_v;
    uint64_t t1, t2, t3, t4;
    uint16_t suite, features_chosen;
    /** hello[1] is the newest with a cookie; the same as hello[0] before a RETRY */
    uint8_t hello[2][HKP_HTP__BIG];
    uint8_t attest[HKP_HTP__BIG];
    size_t attest_len;
};

/** Makes HELLO (HTP-5.3). HKP_OK or HKP_E_HTP_DH. */
hkp_status hkp_htp__hello_build(struct hkp_htp__edge_secret *e, const uint8_t e_key[32], uint64_t sid_e,
                                uint64_t t1, const struct hkp_htp__stamp *stamp);

/** Takes a RETRY: RDV, then the cookie into hello[1]. *common: it names version 0x0100. */
hkp_status hkp_htp__retry_take(struct hkp_htp__edge_secret *e, const uint8_t *dgram, int *common);

/** A CHALLENGE that opened; the handshake itself is not changed before hkp_htp__attest_build(). */
struct hkp_htp__challenge_secret {
    struct hkp_htp__chain_secret chain;
    /** transcript hash that sig_v covers */
    uint8_t h_sig[32];
    uint8_t inner[HKP_HTP__CHALLENGE_BIG];
    struct hkp_htp__cert cert;
    uint64_t sid_v;
    uint16_t version, suite, features;
    uint8_t mode, demands;
    uint32_t pcr_mask;
    uint64_t t2, t3;
};

/** RDV, DH, OPEN, encoding, W_commit. RDV, DH and AUTH are drops; INNER and WCOMMIT end the handshake. */
hkp_status hkp_htp__challenge_open(const struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                   const uint8_t *dgram, size_t len, struct hkp_htp__challenge_secret *out);
/** A_v and challenge_nonce as the message gives them. */
const uint8_t *hkp_htp__challenge_a(const struct hkp_htp__challenge_secret *c);
const uint8_t *hkp_htp__challenge_nonce(const struct hkp_htp__challenge_secret *c);
/** sig_v under A_v of the message: HKP_OK or HKP_E_HTP_SIG. */
hkp_status hkp_htp__challenge_signed(const struct hkp_htp__challenge_secret *c);
/** The choices against the offer (HTP-4.9): HKP_OK or HKP_E_HTP_DOWNGRADE. */
hkp_status hkp_htp__challenge_choices(const struct hkp_htp__edge_secret *e,
                                      const struct hkp_htp__challenge_secret *c);

/** What ATTEST says of E. */
struct hkp_htp__attest {
    uint64_t t4;
    uint64_t ter_index;
    uint8_t h_t[32];
    uint8_t h_integrity[20];
    uint32_t policy_ver;
    uint8_t boot_id[16];
    struct hkp_htp__cert cert;
    const uint8_t *quote;
    uint16_t quote_len;
};

/** extraData of the quote at this point of the transcript. */
void hkp_htp__quote_extra(uint8_t out[32], const uint8_t h[32]);

/** Takes the choices of c, makes ATTEST and is ready for ACCEPT. HKP_OK or HKP_E_CALLBACK (e unchanged). */
hkp_status hkp_htp__attest_build(struct hkp_htp__edge_secret *e, const struct hkp_htp__challenge_secret *c,
                                 const struct hkp_htp__attest *a, const struct hkp_htp__stamp *stamp);

/** What ACCEPT says. */
struct hkp_htp__accept_secret {
    uint8_t session_secret[32];
    uint8_t ce[32];
    uint8_t ticket[16];
    uint8_t reset_token[16];
    uint32_t ticket_life_s;
    uint16_t trust;
    uint16_t heartbeat_s;
    uint16_t rekey_s;
    uint8_t clock;
    uint8_t resonance;
    uint8_t addr[16];
    uint16_t port;
};

/** OPEN, encoding, RDV, PoSF. AUTH is a drop; INNER, RDV_NEURAL, POSF end. On HKP_OK chain.h is h_final. */
hkp_status hkp_htp__accept_open(struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__accept_secret *out);

/** What the ACCEPT of a resumption says beside that (HTP-5.8). */
struct hkp_htp__resumed {
    uint64_t sid_v;
    uint16_t version, suite, features;
    uint8_t mode;
};

/**
 * ACCEPT that answers a HELLO with a ticket: DH, OPEN, encoding, RDV, PoSF. DH and AUTH are drops with e
 * unchanged; INNER, RDV_NEURAL, POSF end. On HKP_OK chain.h is h_final.
 */
hkp_status hkp_htp__resume_open(struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__accept_secret *out,
                                struct hkp_htp__resumed *choice);

/** REJECT to the newest message: RDV, AUTH and INNER are drops. */
hkp_status hkp_htp__reject_open(const struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, uint16_t *code, uint16_t *retry_after);

/* ---- V ---- */

/** The handshake at V, from a HELLO that opened. */
struct hkp_htp__valid_secret {
    struct hkp_htp__chain_secret chain;
    uint8_t node_id[16];
    uint8_t mode;
    uint8_t n_suites;
    uint16_t suites[4];
    uint16_t offered;
    uint64_t ck_index;
    uint64_t t1, t2, t3;
    uint64_t sid_e;
    uint64_t sid_v;
    uint8_t e_public[32];
    uint8_t ticket[16];
    /** of the ticket; set by the caller, zero without one */
    uint8_t psk_res[32];
    uint8_t hello_sig[64];
    /** W_commit as received, and the transcript hash it covers */
    uint8_t w_commit[32];
    uint8_t h_commit[32];
    /** transcript hash that hello_sig covers */
    uint8_t h_sig[32];
    uint8_t answer_key[32];
    uint8_t reject_key[32];
    uint8_t reject_h[32];
    struct hkp_htp__neural_secret neural;
    uint16_t suite, features;
    uint8_t demands;
    uint32_t pcr_mask;
    uint8_t challenge_nonce[32];
};

/** Key of a HELLO's RDV; s_v is V's X25519 key. */
void hkp_htp__mac1_key(uint8_t key[32], const uint8_t s_v[32]);
/** RDV of a HELLO under that key. */
hkp_status hkp_htp__hello_rdv(const uint8_t mac1[32], const uint8_t *dgram);
/** The clear fields: HKP_OK or HKP_E_HTP_FIELD. */
hkp_status hkp_htp__hello_fields(const uint8_t *dgram);
/** B2("", c1): names a HELLO, and is the key of the RDV of its answers. */
void hkp_htp__hello_key(uint8_t key[32], const uint8_t *dgram);
/**
 * DH, OPEN, encoding: HKP_OK, HKP_E_HTP_DH, _AUTH, _INNER. v is complete on HKP_OK only, but for answer_key,
 * which is what hkp_htp__hello_key() gave.
 */
hkp_status hkp_htp__hello_open(struct hkp_htp__valid_secret *v, const struct hkp_htp__self_secret *self,
                               const struct hkp_htp__header *header, const uint8_t *dgram,
                               const uint8_t key[32]);
/** 1 if W_commit is that of these inputs; psk_res is zero without a ticket. */
int hkp_htp__hello_proves(const struct hkp_htp__valid_secret *v, const struct hkp_htp__neural_secret *neural,
                          const uint8_t psk_res[32]);
/** 1 if hello_sig is by this key. */
int hkp_htp__hello_signed(const struct hkp_htp__valid_secret *v, const uint8_t a[32]);

/** cookie of HTP-4.5 for the source and HELLO. */
void hkp_htp__cookie(uint8_t out[32], const uint8_t k_c[32], const struct hkp_htp_path *path,
                     const uint8_t *hello);
/** RETRY to a HELLO. */
void hkp_htp__retry_build(uint8_t dgram[HKP_HTP__RETRY_SIZE], const uint8_t *hello, const uint8_t cookie[32],
                          const struct hkp_htp__stamp *stamp);

/** What V draws and shows in CHALLENGE; suite, features, demands, pcr_mask, sid_v, t2 stand in v. */
struct hkp_htp__challenge_in {
    uint8_t e_key[32];
    uint8_t challenge_nonce[32];
    uint64_t t3;
    struct hkp_htp__cert cert;
};

/** Makes CHALLENGE; *len is 512 or 1200. HKP_OK or HKP_E_HTP_DH (v unchanged). v is ready for ATTEST then. */
hkp_status hkp_htp__challenge_build(struct hkp_htp__valid_secret *v, const struct hkp_htp__self_secret *self,
                                    const struct hkp_htp__challenge_in *in,
                                    const struct hkp_htp__stamp *stamp, uint8_t *dgram, size_t *len);

/** An ATTEST that opened. */
struct hkp_htp__attest_secret {
    struct hkp_htp__attest fields;
    uint8_t inner[HKP_HTP__ATTEST_BIG];
    size_t signed_len;
};

/** OPEN, encoding, RDV, PoSF. AUTH is a drop with v unchanged; after any other result v takes no ATTEST more.
 */
hkp_status hkp_htp__attest_open(struct hkp_htp__valid_secret *v, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__attest_secret *out);
/** 1 if sig_e is by this key. */
int hkp_htp__attest_signed(const struct hkp_htp__valid_secret *v, const struct hkp_htp__attest_secret *at,
                           const uint8_t a[32]);

/** Makes ACCEPT of 512 bytes. HKP_OK or HKP_E_CALLBACK. On HKP_OK chain.h is h_final and chain.ck is ck4. */
hkp_status hkp_htp__accept_build(struct hkp_htp__valid_secret *v, const struct hkp_htp__accept_secret *a,
                                 const struct hkp_htp__stamp *stamp, uint8_t *dgram);

/**
 * Makes the ACCEPT of 512 bytes that answers a HELLO with a ticket; suite, features and sid_v stand in v.
 * HKP_OK, HKP_E_HTP_DH or HKP_E_CALLBACK (v unchanged). On HKP_OK chain.h is h_final and chain.ck is ck4.
 */
hkp_status hkp_htp__resume_build(struct hkp_htp__valid_secret *v, const uint8_t e_key[32],
                                 const struct hkp_htp__accept_secret *a, const struct hkp_htp__stamp *stamp,
                                 uint8_t *dgram);

/** REJECT to HELLO (after hkp_htp__hello_open) or to ATTEST (after hkp_htp__challenge_build). */
void hkp_htp__reject_build(const struct hkp_htp__valid_secret *v, uint16_t code, uint16_t retry_after,
                           const struct hkp_htp__stamp *stamp, uint8_t dgram[HKP_HTP__REJECT_SIZE]);

#endif
