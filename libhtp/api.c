/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Each datagram to what it is for; events, time. */
#include "libhtp/handshake/tickets.h"
#include "libter/bytes.h"

static void take_time(struct hkp_htp_endpoint *ep, hkp_time now) {
    if (now > ep->now) ep->now = now;
}

/* Handshake packets of E and V, and protected ones, each to the state that its token names. */
static hkp_status route(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                        const struct hkp_htp__header *header, uint32_t ref, uint8_t *dgram, size_t len) {
    if (header->type <= HKP_HTP__REJECT && header->sequence != 0) return HKP_E_HTP_FIELD;
    if (header->type == HKP_HTP__HELLO)
        return ep->door == NULL ? HKP_E_HTP_STATE : hkp_htp__door_hello(ep, wall_us, path, header, dgram);
    if (ref & HKP_HTP__HALF_REF)
        return header->type == HKP_HTP__ATTEST
                   ? hkp_htp__door_attest(ep, ref & ~HKP_HTP__HALF_REF, wall_us, path, header, dgram, len)
                   : HKP_E_HTP_STATE;
    struct hkp_htp__session *s = ep->sessions[ref];
    if (header->type == HKP_HTP__ATTEST && s->role == HKP_HTP_ROLE_V)
        return hkp_htp__door_repeat(ep, s, path, dgram, len);
    if (header->type <= HKP_HTP__REJECT)
        return s->edge != NULL ? hkp_htp__edge_recv(ep, s, wall_us, header, dgram, len) : HKP_E_HTP_STATE;
    if (s->state != HKP_HTP__S_ACCEPTED && s->state != HKP_HTP__S_UP) return HKP_E_HTP_STATE;
    return hkp_htp__session_recv(ep, s, wall_us, path, header, dgram, len);
}

/* Everything up to the state that the token names; *ref is what it names. */
static hkp_status recv_known(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                             uint32_t ref, uint8_t *dgram, size_t len) {
    struct hkp_htp__header header;
    if (ref != HKP_HTP__NONE && !(ref & HKP_HTP__HALF_REF) && !hkp_htp__wire_is_handshake(dgram)) {
        const struct hkp_htp__session *s = ep->sessions[ref];
        const int keyed = s->state == HKP_HTP__S_ACCEPTED || s->state == HKP_HTP__S_UP;
        if (keyed && (s->features & HKP_HTP_FEATURE_MASK) &&
            hkp_htp__wire_unmask(dgram, len, s->zero.hp[s->role == HKP_HTP_ROLE_E]) != 0)
            return HKP_E_HTP_LENGTH;
    }
    hkp_status st = hkp_htp__wire_check(dgram, len, &header);
    if (st != HKP_OK) return st;
    if (header.type != HKP_HTP__HELLO && ref == HKP_HTP__NONE) return HKP_E_HTP_TOKEN;
    return route(ep, wall_us, path, &header, ref, dgram, len);
}

/* What nothing could be done with may be a stateless reset, or call for one (HTP-9.5). */
hkp_status hkp_htp__recv_one(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                             uint8_t *dgram, size_t len) {
    uint8_t tail[16];
    if (len < HKP_HTP__PREFIX) return HKP_E_HTP_SHORT;
    memcpy(tail, dgram + len - 16, 16);
    const uint32_t ref = hkp_htp__token_find(ep, hkp_be64(dgram + HKP_HTP__AT_TOKEN));
    const hkp_status st = recv_known(ep, wall_us, path, ref, dgram, len);
    if (ref != HKP_HTP__NONE && st != HKP_E_HTP_AUTH) return st;
    if (st == HKP_OK || len < HKP_HTP__RESET_SIZE) return st;
    if (hkp_htp__reset_heard(ep, path, tail)) return HKP_E_HTP_RESET;
    /* Without masking a packet of a session that was ours looks like one. */
    if (ref == HKP_HTP__NONE && (st == HKP_E_HTP_TOKEN || (ep->opt.features & HKP_HTP_FEATURE_MASK)))
        hkp_htp__reset_answer(ep, path, dgram, len);
    return st;
}

hkp_status hkp_htp_quote_ready(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    if (ep == NULL) return HKP_E_INVAL;
    take_time(ep, now);
    hkp_htp__edge_resume(ep, wall_us);
    return HKP_OK;
}

hkp_status hkp_htp_event(hkp_htp_endpoint *ep, struct hkp_htp_event *out) {
    struct hkp_htp_event e = {.struct_size = sizeof e};
    if (ep == NULL || out == NULL || out->struct_size < sizeof e) return HKP_E_INVAL;
    while (e.type == HKP_HTP_EVENT_NONE && ep->events.head != NULL) {
        struct hkp_htp__session *s = ep->events.head;
        hkp_htp__session_next_event(ep, s, &e);
        hkp_htp__list_drop_events(ep, s);
        if (e.type != HKP_HTP_EVENT_NONE)
            hkp_htp__session_touch(ep, s); /* there may be more */
        else if (s->state == HKP_HTP__S_ENDED)
            hkp_htp__session_free(ep, s);
    }
    memcpy(out, &e, sizeof e);
    return HKP_OK;
}

hkp_time hkp_htp_wake(const hkp_htp_endpoint *ep) {
    if (ep->answers_n > 0 || hkp_htp__door_pending(ep) || ep->ready.head != NULL) return ep->now;
    const hkp_time door = hkp_htp__door_wake(ep);
    const hkp_time first = ep->n_heap > 0 ? ep->heap[0].wake : HKP_TIME_NEVER;
    const hkp_time next = door < first ? door : first;
    return ep->sleep_at < next ? ep->sleep_at : next;
}

void hkp_htp_tick(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    (void)wall_us;
    take_time(ep, now);
    hkp_htp__door_tick(ep);
    hkp_htp__tickets_tick(ep);
    hkp_htp__power_tick(ep);
    hkp_htp__pools_tick(ep->pools, ep->now);
    while (ep->n_heap > 0 && ep->heap[0].wake <= ep->now) {
        struct hkp_htp__session *s = ep->heap[0].session;
        hkp_htp__session_schedule(ep, s, HKP_TIME_NEVER); /* put in order again when it has nothing to send */
        hkp_htp__session_tick(ep, s);
    }
}
