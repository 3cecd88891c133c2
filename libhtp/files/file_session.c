/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What transfers want to know of sessions that no caller needs. */
#include <string.h>

#include "libhtp/endpoint.h"
#include "libhtp/files/files.h"
#include "libhtp/flow/flow_state.h"

int hkp_htp__session_moved(const hkp_htp_endpoint *ep, uint64_t session, uint32_t stream, uint64_t *acked,
                           uint64_t *arrived, hkp_time *heard) {
    const struct hkp_htp__session *s = hkp_htp__session_find(ep, session);
    const struct hkp_htp__stream *st =
        s == NULL || s->flow == NULL ? NULL : hkp_htp__stream_find(s->flow, stream);
    if (st == NULL) return 0;
    *heard = s->last_heard;
    *acked = st->tx_chain.base;
    *arrived = st->rx_highest;
    return 1;
}

uint64_t hkp_htp__session_other(const hkp_htp_endpoint *ep, const uint8_t peer[16], uint64_t except) {
    const struct hkp_htp__session *s = hkp_htp__session_of_peer(ep, peer);
    for (; s != NULL; s = s->peer_next)
        if (memcmp(s->peer, peer, 16) == 0 && s->id != except && s->state == HKP_HTP__S_UP &&
            s->end_result == HKP_OK)
            return s->id;
    return 0;
}
