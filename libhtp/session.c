/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One session from its keys to its end: protected packets in and out, closing (HTP-3.7, 7, 14). */
#include "libhtp/handshake/tickets.h"
#include "libhtp/trace/trace.h"
#include "libter/bytes.h"
#include "libter/options.h"

#define HARD_AGE (180 * HKP_HTP__SEC)
#define SEALED_MAX (UINT64_C(1) << 22)
#define FAILED_MAX (UINT64_C(1) << 20)
/* HTP-5.3 */
#define SIMULTANEOUS (5 * HKP_HTP__SEC)

static uint8_t direction_in(const struct hkp_htp__session *s) { return s->role == HKP_HTP_ROLE_E; }
static uint8_t direction_out(const struct hkp_htp__session *s) { return s->role == HKP_HTP_ROLE_V; }

static struct hkp_htp__record record_of(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                        struct hkp_htp__epoch_secret *e, uint8_t dir) {
    return (struct hkp_htp__record){.epoch = e,
                                    .h_final = s->h_final,
                                    .hp = s->features & HKP_HTP_FEATURE_MASK ? s->zero.hp[dir] : NULL,
                                    .direction = dir,
                                    .ciphers = &ep->ciphers};
}

hkp_status hkp_htp__session_start(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                                  const struct hkp_htp__birth *b) {
    const struct hkp_htp_options *o = &ep->opt;
    struct hkp_htp__flow_params p = {.mem = o->mem,
                                     .rng = o->rng,
                                     .pools = ep->pools,
                                     .is_e = s->role == HKP_HTP_ROLE_E,
                                     .heartbeat_s = b->accept->heartbeat_s,
                                     .credit_session = o->credit_session,
                                     .credit_stream = o->credit_stream,
                                     .streams_max = o->streams_max,
                                     .send_buffer = o->send_buffer,
                                     .datagram_limit = (uint16_t)o->datagram_max,
                                     /* until the owner saw that the session is up */
                                     .allow = {UINT64_MAX, UINT64_MAX},
                                     .initial_rtt = b->rtt_ns,
                                     .draws = {ep, hkp_htp__draw_small},
                                     .power = &ep->power,
                                     .nat = (uint8_t)o->nat,
                                     .mode = (uint8_t)o->transport,
                                     .mask = (s->features & HKP_HTP_FEATURE_MASK) != 0,
                                     .swarm = (s->features & HKP_HTP_FEATURE_SWARM) != 0,
                                     .congestion = (uint8_t)o->congestion};
    memcpy(p.challenge0, b->chain->h, 16);
    hkp_status st = hkp_htp__paths_new(ep, s, b->accept->reset_token);
    if (st != HKP_OK) return st;
    p.paths = s->paths;
    struct hkp_htp__epoch_secret *e = hkp_htp__epoch_make(ep, s, 0);
    if (e == NULL) return HKP_E_NOMEM;
    st = hkp_htp__flow_new(&s->flow, &p, ep->now);
    if (st != HKP_OK) {
        hkp_htp__epochs_erase(ep, s);
        return st;
    }
    uint8_t secret[32];
    memcpy(s->h_final, b->chain->h, 32);
    hkp_htp__secret_0(secret, b->chain->ck, b->accept->session_secret, b->neural->in.f, b->accept->ce);
    hkp_htp__epoch_derive(e, &s->zero, secret, s->h_final, 0);
    sodium_memzero(secret, sizeof secret);
    memcpy(s->exporter0, e->exporter, 32);
    memcpy(s->ce, b->accept->ce, 32);
    e->neural = *b->neural;
    sodium_memzero(b->neural, sizeof *b->neural);
    e->suite = s->suite;
    e->since = ep->now;
    e->live = 1;
    s->rekey_s = b->accept->rekey_s;
    s->since = ep->now;
    s->last_heard = ep->now;
    HKP_HTP__TRACE(ep, hkp_htp__trace_keys(ep, s, e));
    return HKP_OK;
}

/* HTP-14.4, HTP-1.7 SESSIONS_PER_NODE */
static void settle_peers(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    struct hkp_htp__session *oldest = NULL;
    const int we_are_lower = memcmp(ep->self.node_id, s->peer, 16) < 0;
    uint32_t mine = 0;
    for (struct hkp_htp__session *o = hkp_htp__session_of_peer(ep, s->peer); o != NULL; o = o->peer_next) {
        if (o->state != HKP_HTP__S_UP || o->told || o->end_result != HKP_OK) continue;
        if (memcmp(o->peer, s->peer, 16) != 0) continue;
        if (o->role == s->role && o->role == HKP_HTP_ROLE_V) {
            mine++;
            if (o != s && (oldest == NULL || o->up_since < oldest->up_since)) oldest = o;
        }
        if (o->role == s->role || s->up_since - o->up_since > SIMULTANEOUS) continue;
        /* The one that the lower node opened stays; the E of the other closes it. */
        struct hkp_htp__session *ours = o->role == HKP_HTP_ROLE_E ? o : s;
        if (!we_are_lower) hkp_htp__session_close_with(ep, ours, HKP_HTP_REASON_REPLACED, HKP_E_HTP_CLOSED);
    }
    if (mine > ep->opt.sessions_per_node && oldest != NULL)
        hkp_htp__session_close_with(ep, oldest, HKP_HTP_REASON_REPLACED, HKP_E_HTP_CLOSED);
}

void hkp_htp__session_up(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    s->state = HKP_HTP__S_UP;
    s->was_up = 1;
    s->up_since = ep->now;
    /* ACCEPT arrived: the entry that could repeat it is free for others. */
    if (s->half != HKP_HTP__NONE) hkp_htp__door_release(ep, s->half);
    s->events |= HKP_HTP__EV_UP;
    if (s->role == HKP_HTP_ROLE_E && s->clock != HKP_HTP_CLOCK_UNDECIDED) s->events |= HKP_HTP__EV_CLOCK;
    /* A ticket measures no clock; E's first HEARTBEAT does for E (HTP-8.2). */
    if (s->resumed && s->role == HKP_HTP_ROLE_V) hkp_htp__flow_heartbeat(s->flow);
    ep->stats.handshakes_done++;
    HKP_HTP__TRACE(ep, hkp_htp__trace_state(ep, s));
    hkp_htp__paths_refresh(ep, s);
    hkp_htp__rights_begin(ep, s);
    settle_peers(ep, s);
    hkp_htp__power_session(ep);
    hkp_htp__session_touch(ep, s);
}

void hkp_htp__session_close_with(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint16_t reason,
                                 hkp_status result) {
    if (s->state == HKP_HTP__S_ENDED || s->end_result != HKP_OK) return;
    if (s->state != HKP_HTP__S_UP) {
        hkp_htp__session_end(ep, s, result, reason);
        return;
    }
    s->end_result = result;
    s->end_reason = reason;
    hkp_htp__flow_close(s->flow, ep->now, reason, 0);
    hkp_htp__session_touch(ep, s);
}

void hkp_htp__session_end(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_status result,
                          uint16_t reason) {
    if (s->state == HKP_HTP__S_ENDED) return;
    const int silent = s->state == HKP_HTP__S_ACCEPTED;
    if (s->end_result == HKP_OK) {
        s->end_result = result;
        s->end_reason = reason;
    }
    if (s->half != HKP_HTP__NONE) hkp_htp__door_release(ep, s->half);
    s->half = HKP_HTP__NONE;
    hkp_htp__token_drop(ep, s->token_in);
    hkp_htp__paths_free(ep, s);
    s->token_in = 0;
    hkp_htp__edge_free(ep, s);
    hkp_htp__epochs_erase(ep, s);
    sodium_memzero(&s->zero, sizeof s->zero);
    sodium_memzero(s->exporter0, sizeof s->exporter0);
    s->state = HKP_HTP__S_ENDED;
    HKP_HTP__TRACE(ep, hkp_htp__trace_state(ep, s));
    hkp_htp__session_schedule(ep, s, HKP_TIME_NEVER);
    hkp_htp__list_drop_ready(ep, s);
    if (silent) s->told = 1;
    hkp_htp__session_touch(ep, s);
}

/* After CLOSE and its answer nothing is left to do (HTP-14.1). */
static void end_with_flow(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->state != HKP_HTP__S_UP || hkp_htp__flow_state(s->flow) != HKP_HTP__FLOW_ENDED) return;
    s->peer_closed = s->end_result == HKP_OK; /* its reason is still among the events */
    hkp_htp__session_end(ep, s, HKP_E_HTP_CLOSED, HKP_HTP_REASON_DONE);
}

/* ---- in ---- */

static struct hkp_htp__epoch_secret *epoch_of(struct hkp_htp__session *s, uint32_t flags) {
    for (int i = 0; i < 2; i++)
        if (s->epochs[i] != NULL && s->epochs[i]->live &&
            (s->epochs[i]->n & 3) == (flags & HKP_HTP__FLAG_EPOCH))
            return s->epochs[i];
    return NULL;
}

/* Everything up to and with the window; dgram holds the plaintext afterwards. */
static hkp_status open_packet(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                              struct hkp_htp__record *r, const struct hkp_htp__header *header, uint8_t *dgram,
                              size_t len, uint64_t *pn) {
    *pn = hkp_htp__record_number(s->window.next, header->sequence);
    if (!hkp_htp__window_check(&s->window, *pn)) return HKP_E_HTP_REPLAY;
    if (hkp_htp__record_open(r, header, dgram, len) != HKP_OK) {
        s->forged++;
        if (++r->epoch->failed >= FAILED_MAX)
            hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_INTEGRITY_LIMIT, HKP_E_HTP_INTEGRITY_LIMIT);
        return HKP_E_HTP_AUTH;
    }
    hkp_htp__window_mark(&s->window, *pn);
    r->epoch->opened++;
    r->epoch->bytes += len;
    s->packets_in++;
    s->bytes_in += len;
    s->last_heard = ep->now;
    return HKP_OK;
}

static hkp_status alarm(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    const struct hkp_htp_registry *r = &ep->opt.registry;
    s->alarm = HKP_E_HTP_RESONANCE;
    s->events |= HKP_HTP__EV_ALARM;
    hkp_htp__ticket_forget(ep, s->peer);
    if (r->note != NULL) r->note(r->user, s->peer, HKP_HTP_NOTE_RESONANCE, 39);
    hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_RESONANCE, HKP_E_HTP_RESONANCE);
    return HKP_E_HTP_RESONANCE;
}

/* A closing result of HTP-15.1 closes with the reason of the same number. */
static hkp_status close_for(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, hkp_status st) {
    if (st == HKP_E_HTP_RESONANCE) return alarm(ep, s);
    if (st == HKP_E_NOTFOUND) {
        hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_RESONANCE_STALE, HKP_E_HTP_REKEY);
        return HKP_E_HTP_REKEY;
    }
    int32_t number = HKP_E_HTP_BASE - st;
    if (number < 32 || number > 43) st = HKP_E_HTP_INTERNAL;
    hkp_htp__session_close_with(ep, s, (uint16_t)(HKP_E_HTP_BASE - st), st);
    return st;
}

static hkp_status take_frames(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s,
                              const struct hkp_htp__flow_in *in) {
    unsigned rekeys = 0;
    if (in->has_res && !hkp_htp__rekey_reserve(ep, s, in->plain, in->plain_len, in->type))
        return HKP_E_HTP_LIMIT;
    hkp_status st = hkp_htp__flow_recv(s->flow, in, &rekeys);
    if (st == HKP_E_HTP_LIMIT) return st;
    size_t pos = 0;
    while (st == HKP_OK && rekeys-- > 0) {
        const uint8_t *frame = hkp_htp__flow_rekey_next(in->plain, in->plain_len, in->type, &pos);
        if (frame == NULL) break;
        st = hkp_htp__rekey_frame(ep, s, frame);
    }
    if (st == HKP_OK) return HKP_OK;
    if (s->state == HKP_HTP__S_ACCEPTED) hkp_htp__session_up(ep, s);
    return close_for(ep, s, st);
}

#ifdef HKP_HTP__TRACED
static void trace_in(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                     const struct hkp_htp__header *header, const struct hkp_htp_path *path,
                     const uint8_t *dgram, size_t len, uint64_t pn, uint32_t epoch) {
    const struct hkp_htp__trace_packet p = {.pn = pn,
                                            .epoch = epoch,
                                            .type = header->type,
                                            .res = (header->flags & HKP_HTP__FLAG_RES) != 0,
                                            .path = path,
                                            .plain = dgram + header->prefix,
                                            .plain_len = len - header->prefix - HKP_HTP__TAG,
                                            .len = len};
    hkp_htp__trace_packet(ep, s, &p);
}

static void trace_out(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                      const struct hkp_htp_path *path, const struct hkp_htp__flow_out *out,
                      const uint8_t *plain) {
    const size_t prefix = out->res ? HKP_HTP__PREFIX_RES : HKP_HTP__PREFIX;
    const struct hkp_htp__trace_packet p = {.pn = s->pn,
                                            .epoch = s->epoch,
                                            .type = out->type,
                                            .res = out->res,
                                            .sent = 1,
                                            .path = path,
                                            .plain = plain,
                                            .plain_len = out->len,
                                            .len = prefix + out->len + HKP_HTP__TAG};
    hkp_htp__trace_packet(ep, s, &p);
}
#endif

hkp_status hkp_htp__session_recv(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 const struct hkp_htp_path *path, const struct hkp_htp__header *header,
                                 uint8_t *dgram, size_t len) {
    uint64_t pn;
    struct hkp_htp__epoch_secret *e = epoch_of(s, header->flags);
    if (e == NULL) return HKP_E_HTP_EPOCH;
    const uint32_t n = e->n;
    struct hkp_htp__record r = record_of(ep, s, e, direction_in(s));
    hkp_status st = open_packet(ep, s, &r, header, dgram, len, &pn);
    if (st != HKP_OK) return st;
    const int has_res = (header->flags & HKP_HTP__FLAG_RES) != 0;
    /* The address of the peer is that of the first packet that opens (HTP-4.7); it does not move yet. */
    if (s->state == HKP_HTP__S_ACCEPTED) s->path = *path;
    if (has_res) {
        st = hkp_htp__record_verify(&r, header, dgram, len);
        if (st != HKP_OK) {
            if (s->state == HKP_HTP__S_ACCEPTED) hkp_htp__session_up(ep, s);
            return close_for(ep, s, st);
        }
    }
    if (n == s->epoch || n == s->epoch + 1) hkp_htp__rekey_opened(ep, s, n);
    HKP_HTP__TRACE(ep, trace_in(ep, s, header, path, dgram, len, pn, n));
    struct hkp_htp__flow_in in = {.pn = pn,
                                  .epoch = n,
                                  .type = header->type,
                                  .has_res = (uint8_t)has_res,
                                  .ecn = ep->ecn_in,
                                  .timestamp = header->timestamp,
                                  .plain = dgram + header->prefix,
                                  .plain_len = len - header->prefix - HKP_HTP__TAG,
                                  .datagram_len = len,
                                  .now = ep->now,
                                  .wall_us = wall_us,
                                  .port = path->port};
    memcpy(in.addr, path->addr, 16);
    hkp_htp__paths_heard(ep, s, path, header->token, pn, len);
    st = take_frames(ep, s, &in);
    if (st == HKP_OK) HKP_HTP__TRACE(ep, hkp_htp__trace_metrics(ep, s));
    if (st == HKP_OK && s->state == HKP_HTP__S_ACCEPTED) hkp_htp__session_up(ep, s);
    if (st == HKP_OK) {
        hkp_htp__paths_settle(ep, s);
        hkp_htp__paths_refresh(ep, s);
    }
    end_with_flow(ep, s);
    hkp_htp__session_touch(ep, s);
    return st;
}

/* ---- out ---- */

/* Where a packet goes, under which token of the peer. */
struct way {
    const struct hkp_htp_path *path;
    uint64_t token;
};

/* NULL: the path in use. */
static struct way way_of(const struct hkp_htp__session *s, const struct hkp_htp__route *r) {
    if (r == NULL) return (struct way){&s->path, s->token_out};
    return (struct way){&r->path, s->paths->tokens.peer[r->place]};
}

static hkp_status seal(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                       const struct way *way, const struct hkp_htp__flow_out *out, uint8_t *dst,
                       size_t *len) {
    struct hkp_htp__epoch_secret *e = s->epochs[s->epoch & 1];
    struct hkp_htp__record r = record_of(ep, s, e, direction_out(s));
    struct hkp_htp__record_out head = {.type = out->type,
                                       .res = out->res,
                                       .pn = s->pn,
                                       .timestamp = (uint32_t)((ep->now - s->since) / HKP_HTP__MS),
                                       .token = way->token};
    HKP_HTP__TRACE(ep, trace_out(ep, s, way->path, out, dst + HKP_HTP__PREFIX));
    hkp_status st = hkp_htp__packet_nonce(ep, wall_us, s->pn, head.nonce);
    s->pn++; /* used up, whatever comes of it */
    if (st == HKP_OK) st = hkp_htp__record_seal(&r, &head, dst, out->len, len);
    if (st != HKP_OK) return st;
    e->bytes += *len;
    s->packets_out++;
    s->bytes_out += *len;
    if (++e->sealed == SEALED_MAX)
        hkp_htp__session_close_with(ep, s, HKP_HTP_REASON_KEY_LIMIT, HKP_E_HTP_KEY_LIMIT);
    return HKP_OK;
}

static struct hkp_htp__flow_slot slot_of(const struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                                         uint64_t wall_us) {
    const struct hkp_htp__epoch_secret *e = s->epochs[s->epoch & 1];
    return (struct hkp_htp__flow_slot){.pn = s->pn,
                                       .epoch = s->epoch,
                                       .restricted = ep->now - e->since > HARD_AGE,
                                       .now = ep->now,
                                       .wall_us = wall_us};
}

/* Seals what was written; *len stays 0 if there is nothing. */
static hkp_status send_out(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                           const struct way *way, hkp_status st, const struct hkp_htp__flow_out *out,
                           uint8_t *dst, size_t *len) {
    if (st == HKP_OK && out->type == 0) return HKP_OK;
    if (st == HKP_OK) st = seal(ep, s, wall_us, way, out, dst, len);
    if (st != HKP_OK) {
        *len = 0;
        hkp_htp__session_end(ep, s, HKP_E_HTP_INTERNAL, HKP_HTP_REASON_INTERNAL);
        return st;
    }
    /* A rekey starts together with a packet that goes anyway (HTP-6.2). */
    if (s->end_result == HKP_OK) (void)hkp_htp__rekey_start(ep, s, 0);
    return HKP_OK;
}

hkp_status hkp_htp__session_send(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                 uint8_t *dst, const struct hkp_htp__shape *shape, size_t *len) {
    struct hkp_htp__flow_out out = {0};
    *len = 0;
    if (s->state != HKP_HTP__S_UP) return HKP_OK;
    struct hkp_htp__flow_slot slot = slot_of(ep, s, wall_us);
    slot.fill = (uint8_t)shape->fill;
    slot.max_datagram = (uint32_t)shape->max;
    slot.probe = (uint32_t)shape->probe;
    slot.path = s->paths->way;
    const struct way way = way_of(s, slot.path != 0 ? hkp_htp__swarm_route(s, slot.path) : NULL);
    hkp_status st = hkp_htp__flow_send(s->flow, &slot, dst + HKP_HTP__PREFIX, &out);
    st = send_out(ep, s, wall_us, &way, st, &out, dst, len);
    if (s->paths != NULL) hkp_htp__swarm_sent(s, slot.path, *len);
    return st;
}

int hkp_htp__session_way(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, struct hkp_htp_path *path) {
    if (s->state != HKP_HTP__S_UP) return 0;
    s->paths->way = hkp_htp__swarm_pick(ep, s);
    *path = *way_of(s, s->paths->way != 0 ? hkp_htp__swarm_route(s, s->paths->way) : NULL).path;
    return s->paths->swarm != NULL;
}

hkp_status hkp_htp__session_probe(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                                  struct hkp_htp_path *path, uint8_t *dst, size_t *len) {
    struct hkp_htp__flow_out out = {0};
    struct hkp_htp__route *route;
    *len = 0;
    *path = s->path;
    if (s->state != HKP_HTP__S_UP) return HKP_OK;
    const struct hkp_htp__flow_slot slot = slot_of(ep, s, wall_us);
    hkp_htp__paths_send(s, &slot, dst + HKP_HTP__PREFIX, &out, &route);
    const struct way way = way_of(s, route);
    *path = *way.path;
    return send_out(ep, s, wall_us, &way, HKP_OK, &out, dst, len);
}

uint8_t hkp_htp__session_ecn(const struct hkp_htp__session *s) {
    return s->state == HKP_HTP__S_UP ? hkp_htp__flow_ecn(s->flow) : 0;
}

size_t hkp_htp__session_datagram(const struct hkp_htp__session *s) {
    return s->state == HKP_HTP__S_UP ? hkp_htp__flow_datagram_max(s->flow, s->paths->way)
                                     : (size_t)HKP_HTP_DATAGRAM_MAX;
}

size_t hkp_htp__session_mtu_probe(const struct hkp_htp__session *s, const struct hkp_htp_path *path) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    return s->state == HKP_HTP__S_UP ? hkp_htp__flow_mtu_probe(s->flow, s->paths->way,
                                                               memcmp(path->addr, mapped, sizeof mapped) == 0)
                                     : 0;
}

/* ---- time ---- */

hkp_time hkp_htp__session_wake(const struct hkp_htp__session *s) {
    hkp_time wake = HKP_TIME_NEVER;
    if (s->state == HKP_HTP__S_HELLO || s->state == HKP_HTP__S_ATTEST)
        wake = s->edge->next_send < s->edge->total ? s->edge->next_send : s->edge->total;
    if (s->state == HKP_HTP__S_ACCEPTED) wake = s->total;
    if (s->state == HKP_HTP__S_UP) {
        wake = hkp_htp__flow_wake(s->flow);
        if (s->old_until < wake) wake = s->old_until;
        const hkp_time paths = hkp_htp__paths_wake(s);
        if (paths < wake) wake = paths;
    }
    return wake;
}

void hkp_htp__session_tick(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s) {
    if (s->state == HKP_HTP__S_HELLO || s->state == HKP_HTP__S_ATTEST) hkp_htp__edge_tick(ep, s);
    if (s->state == HKP_HTP__S_ACCEPTED && ep->now >= s->total)
        hkp_htp__session_end(ep, s, HKP_E_HTP_TIMEOUT, 0);
    if (s->state == HKP_HTP__S_UP) {
        hkp_htp__rekey_expire(ep, s);
        hkp_htp__paths_tick(ep, s);
        hkp_htp__paths_refresh(ep, s);
        if (hkp_htp__flow_tick(s->flow, ep->now) == HKP_E_HTP_IDLE)
            hkp_htp__session_end(ep, s, HKP_E_HTP_IDLE, HKP_HTP_REASON_DONE);
        end_with_flow(ep, s);
    }
    hkp_htp__session_touch(ep, s);
}
