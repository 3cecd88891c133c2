/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Where a session's packets go and by which tokens (HTP-9). */
#ifndef HKP_LIBHTP_PATHS_H
#define HKP_LIBHTP_PATHS_H

#include <hookprobe/htp.h>

#include "libhtp/path/tokens.h"

struct hkp_htp__session;

struct hkp_htp__paths {
    struct hkp_htp__tokens tokens;
    /** our token in the newest packet that opened */
    uint64_t token_in;
};

/* ---- paths.c: of one session ---- */

/** Number 0 of both sides, s->token_in and s->token_out; reset is that of ACCEPT. HKP_OK or HKP_E_NOMEM. */
hkp_status hkp_htp__paths_new(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                              const uint8_t reset[16]);
/** Forgets all tokens. */
void hkp_htp__paths_free(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);
/** A packet of the session opened. */
void hkp_htp__paths_heard(struct hkp_htp__session *s, uint64_t token);
/** Follows what the peer gave up, and gives it new tokens. */
void hkp_htp__paths_refresh(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s);

/* ---- reset.c: stateless reset (HTP-9.5) ---- */

enum {
    /** shortest packet that is answered, shortest reset, and how many a second */
    HKP_HTP__RESET_LEAST = 64,
    HKP_HTP__RESET_SIZE = 57,
    HKP_HTP__RESETS_PER_SECOND = 10
};

/** E: the token of V at this place is in use, or no more. */
void hkp_htp__reset_watch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place);
void hkp_htp__reset_unwatch(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s, int place);
/** E: 1 if these last bytes of a datagram that nothing could be done with reset a session, which ended. */
int hkp_htp__reset_heard(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path,
                         const uint8_t tail[16]);
/** V: answers a datagram whose token names nothing, if it may. */
void hkp_htp__reset_answer(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, const uint8_t *dgram,
                           size_t len);

#endif
