/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: one session: how it stands, its end, its keys, what its peer may do.
 */
#ifndef HOOKPROBE_HTP_SESSION_H
#define HOOKPROBE_HTP_SESSION_H

#include <hookprobe/htp/endpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A session as it stands; see hkp_htp_session_info(). */
struct hkp_htp_session_info {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** 1: established, 0: still in the handshake or already closing */
    uint32_t established;
    uint8_t peer[16];
    /** Ed25519 key that the peer proved */
    uint8_t peer_a[32];
    /** HKP_HTP_ROLE_* that we play */
    uint8_t role;
    /** HKP_HTP_MODE_* */
    uint8_t mode;
    /** case 1..4 of HTP-3.9 in mode N, else 0 */
    uint8_t n_case;
    /** HKP_HTP_CLOCK_* of the handshake, or of the last heartbeat */
    uint8_t clock;
    /** resonance state told in ACCEPT */
    uint8_t resonance;
    /** 1: a certificate of either end is expired (HTP-8.7) */
    uint8_t stale;
    /** HKP_HTP_SUITE_* */
    uint16_t suite;
    /** features in use */
    uint32_t features;
    /** current key epoch */
    uint32_t epoch;
    /** trust that the other side told us, Q0.16 */
    uint16_t trust_told;
    /** heartbeat interval in force, seconds */
    uint16_t heartbeat_s;
    /** role bits of the peer's certificate, 0 if it showed none */
    uint32_t peer_roles;
    /** neuro_gen of the peer's certificate */
    uint64_t peer_neuro_gen;
    /** form of the certificate that the peer showed, HKP_HTP_CERT_*; its bytes: hkp_htp_session_certificate()
     */
    uint32_t peer_cert_form;
    /** zero */
    uint32_t reserved0;
    /** smoothed round trip, nanoseconds; 0: none yet */
    uint64_t rtt_ns;
    /** delay variation of RFC 3550, nanoseconds */
    uint64_t jitter_ns;
    /** current path */
    struct hkp_htp_path path;
    /** our address as the peer sees it; zero: not known */
    struct hkp_htp_path observed;
    /** last time a packet with resonance layer opened and verified, monotonic; 0: never */
    hkp_time last_res;
    /** last time any packet opened, monotonic */
    hkp_time last_heard;
    /** t2 and t3 of the peer in the last clock sample, Unix microseconds (start of an unset clock) */
    uint64_t peer_t2;
    uint64_t peer_t3;
    /** collective entropy that ACCEPT or the last rekey told */
    uint8_t ce[32];
    /** E's fields of ATTEST at V: number of TERs, chain value, integrity, policy version, boot */
    uint64_t ter_index;
    uint8_t h_t[32];
    uint8_t h_integrity[20];
    uint32_t policy_ver;
    uint8_t boot_id[16];
    /** commit index of the current epoch, 0 in mode N */
    uint64_t ck_index;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t packets_lost;
    /** packets that did not open, all epochs */
    uint64_t forged;
    uint64_t good_heartbeats;
    /** 1: it came by a ticket, so there are no fields of ATTEST and no certificate (HTP-5.8) */
    uint32_t resumed;
    /** zero */
    uint32_t reserved1;
    /** intervals that passed in silence of the peer (HTP-8.3) */
    uint64_t missed_heartbeats;
};

/**
 * Describe a session.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param out  struct_size set; written up to struct_size
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: HTP-8, HTP-12.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_info(const hkp_htp_endpoint *ep, uint64_t session,
                                                     struct hkp_htp_session_info *out);

/**
 * Copy the certificate data that the peer showed in the handshake, until the first rekey forgets them.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param dst  receives [*len] bytes; caller's
 * @param cap  bytes; HKP_HTP_CERTIFICATE_MAX always suffices
 * @param len  receives 0 (none shown, or forgotten), 32 (form 1) or 1..HKP_HTP_CERTIFICATE_MAX (form 2)
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_NOSPC  cap is too small; nothing written
 *
 * Cost: none.
 * Source: HTP-5.4, HTP-5.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_certificate(const hkp_htp_endpoint *ep, uint64_t session,
                                                            uint8_t *dst, size_t cap, size_t *len);

/**
 * Derive key material from a session: EXPORT(epoch, label, context, len).
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param epoch  0, or a key epoch that is held
 * @param label  [label_len] bytes without terminator; borrowed
 * @param label_len  bytes, 1..255
 * @param context  [context_len] bytes; borrowed; NULL if 0
 * @param context_len  bytes
 * @param dst  receives [len] bytes, secret; caller's
 * @param len  bytes, 1..8160
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_HTP_EPOCH  this epoch is not held; nothing written
 *
 * Cost: a few HMACs.
 * Source: HTP-6.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_export(const hkp_htp_endpoint *ep, uint64_t session,
                                                       uint32_t epoch, const uint8_t *label, size_t label_len,
                                                       const uint8_t *context, size_t context_len,
                                                       uint8_t *dst, size_t len);

/**
 * Close a session, or give up a connect; HKP_HTP_EVENT_DOWN or _FAILED follows.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 * @param reason  HKP_HTP_REASON_DONE..SHUTDOWN, or 64 and above; IDENTITY and POLICY too
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 *
 * Cost: no allocation.
 * Source: HTP-14.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_close(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                      uint16_t reason);

/**
 * Ask for a new key epoch now; HKP_HTP_EVENT_REKEYED follows.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 *
 * @retval HKP_OK  started, or one is under way already
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: one X25519.
 * Source: HTP-6.2, HTP-6.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_rekey(hkp_htp_endpoint *ep, hkp_time now, uint64_t session);

/**
 * Say which classes the peer may use; streams of others get STOP with code 1, datagrams are dropped.
 *
 * Of these classes the session accepts what HTP-8.6 leaves (hkp_htp_session_judge()).
 *
 * Data waits until HKP_HTP_EVENT_UP was pulled: call this then, before the next hkp_htp_event(), or all
 * classes are refused until it is called.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param low  bit n allows class n, 0..63
 * @param high  bit n allows class 64 + n
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: none.
 * Source: HTP-8.6, HTP-10.8.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_allow(hkp_htp_endpoint *ep, uint64_t session, uint64_t low,
                                                      uint64_t high);

/**
 * Set the trust in the peer: what it may no longer do ends at once, as with hkp_htp_session_judge(); all else
 * of the last judgement stays. V tells the peer in HB_ACK and CLOSE.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param trust  Q0.16
 *
 * @retval HKP_OK  done; the session may be closing
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: no allocation; one pass over the streams of the session.
 * Source: HTP-8.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_set_trust(hkp_htp_endpoint *ep, uint64_t session,
                                                          uint16_t trust);

#ifdef __cplusplus
}
#endif

#endif
