/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Resumption tickets (HTP-5.8): those given as V and those held as E, one for each peer and role. */
#ifndef HKP_LIBHTP_TICKETS_H
#define HKP_LIBHTP_TICKETS_H

#include "libhtp/endpoint.h"

/** Below this trust, Q0.16, no ticket is given and none holds. */
#define HKP_HTP__TICKET_TRUST HKP_HTP_TRUST_READ

enum {
    /** of a record and of ACCEPT, NZ1 13.5 */
    HKP_HTP__RESONANCE_LOST = 4
};

/** Room for options.tickets_max; none with no_tickets. */
hkp_status hkp_htp__tickets_new(struct hkp_htp_endpoint *ep);
void hkp_htp__tickets_free(struct hkp_htp_endpoint *ep);
/** 1: tickets are given and used at all. */
int hkp_htp__tickets_on(const struct hkp_htp_endpoint *ep);
/** What the two sides agreed on when a ticket was given; another value later, and it is dead. */
void hkp_htp__ticket_policy(const struct hkp_htp_endpoint *ep, const struct hkp_htp_record *peer,
                            const uint8_t s_v[32], uint8_t out[32]);
/** Keeps a ticket in place of the one that this peer and role have. */
void hkp_htp__ticket_put(struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16],
                         const struct hkp_htp_ticket *ticket);
/** The ticket of this peer and role, erased here; id NULL: whichever it is. HKP_OK or HKP_E_NOTFOUND. */
hkp_status hkp_htp__ticket_take(struct hkp_htp_endpoint *ep, uint32_t role, const uint8_t peer[16],
                                const uint8_t *id, struct hkp_htp_ticket *out);
/** Forgets all tickets of a peer. */
void hkp_htp__ticket_forget(struct hkp_htp_endpoint *ep, const uint8_t peer[16]);
/** Keeps what the session's ACCEPT gave, with the secret of its epoch 0. */
void hkp_htp__ticket_keep(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, const uint8_t id[16],
                          hkp_time until, const uint8_t policy[32]);
/** Erases those whose time is over. */
void hkp_htp__tickets_tick(struct hkp_htp_endpoint *ep);

#endif
