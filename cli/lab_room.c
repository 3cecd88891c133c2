/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Parties of a shared key as endpoints of HTP on loopback, all in one process (LAB-6.2). */
#include "lab_room.h"

#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000000, MEET_S = 60 };

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

/* Everybody in the room is known, by pinned keys and without neural state. */
static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct cli_room *room = user;
    for (uint32_t i = 0; i < room->n; i++) {
        if (memcmp(node_id, room->members[i].node_id, 16) != 0) continue;
        memset(out, 0, sizeof *out);
        memcpy(out->a, room->members[i].a_public, 32);
        out->status = HKP_HTP_NODE_ACTIVE;
        out->neural = HKP_HTP_NEURAL_OFF;
        out->trust = 60000;
        return HKP_OK;
    }
    return HKP_E_NOTFOUND;
}

static hkp_status no_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static hkp_status no_neural(void *user, const uint8_t id[16], uint32_t side, uint64_t n,
                            struct hkp_htp_neural *out) {
    (void)user, (void)id, (void)side, (void)n, (void)out;
    return HKP_E_NOTFOUND;
}

static hkp_status no_posf(void *user, uint64_t handle, uint8_t role, const uint8_t hash[32],
                          const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)hash, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static void no_release(void *user, uint64_t handle) { (void)user, (void)handle; }

static hkp_status endpoint(struct cli_member *m) {
    struct hkp_htp_options o;
    struct hkp_htp_path any;
    hkp_htp_options_init(&o, sizeof o);
    o.source_cells = 64;
    o.answer_cache = 256;
    o.rng = (struct hkp_rng){NULL, fill};
    o.registry = (struct hkp_htp_registry){.user = m->room,
                                           .find = find,
                                           .own_index = no_index,
                                           .neural = no_neural,
                                           .posf = no_posf,
                                           .neural_release = no_release};
    memcpy(o.node_id, m->node_id, 16);
    memcpy(o.a_seed, m->a_seed, 32);
    memcpy(o.s_secret, m->s_secret, 32);
    hkp_status st = hkp_htp_endpoint_new(&m->ep, &o, cli_mono());
    sodium_memzero(&o, sizeof o);
    if (st == HKP_OK) st = hkp_htp_path_parse("127.0.0.1:0", &any);
    if (st == HKP_OK) st = hkp_htp_udp_open(&m->udp, &any, NULL);
    return st == HKP_OK ? hkp_htp_udp_local(m->udp, &m->path) : st;
}

static hkp_status member(struct cli_room *room, uint32_t i) {
    uint8_t both[64];
    struct cli_member *m = &room->members[i];
    m->room = room;
    m->index = m->place = i;
    m->node_id[0] = (uint8_t)(i + 1);
    randombytes_buf(m->a_seed, 32);
    randombytes_buf(m->s_secret, 32);
    crypto_sign_seed_keypair(m->a_public, both, m->a_seed);
    sodium_memzero(both, sizeof both);
    return crypto_scalarmult_base(m->s_public, m->s_secret) == 0 ? endpoint(m) : HKP_E_STATE;
}

struct cli_member *cli_room_at(const struct cli_room *room, uint32_t place) {
    for (uint32_t i = 0; i < room->n; i++)
        if (!room->members[i].out && room->members[i].place == place) return &room->members[i];
    return NULL;
}

/* Who is at the other end: the handshake has proved it. */
static struct cli_member *peer_of(const struct cli_member *m, uint64_t session) {
    for (uint32_t i = 0; i < m->room->n; i++)
        if ((m->up >> i & 1) != 0 && m->session[i] == session) return &m->room->members[i];
    return NULL;
}

static void is_up(struct cli_member *m, const struct hkp_htp_event *ev) {
    for (uint32_t i = 0; i < m->room->n; i++) {
        if (memcmp(ev->peer, m->room->members[i].node_id, 16) != 0) continue;
        m->session[i] = ev->session;
        m->up |= 1U << i;
        if (hkp_htp_session_allow(m->ep, ev->session, UINT64_MAX, UINT64_MAX) != HKP_OK ||
            hkp_htp_stream_open(m->ep, ev->session, HKP_HTP_STREAM_APP, 0, 3, &m->stream[i]) != HKP_OK)
            m->room->failed = 1;
    }
}

static uint32_t events(struct cli_member *m) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    uint32_t n = 0;
    while (hkp_htp_event(m->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        const struct cli_member *from = peer_of(m, ev.session);
        if (ev.type == HKP_HTP_EVENT_UP) is_up(m, &ev);
        if (ev.type == HKP_HTP_EVENT_MESSAGE && from != NULL && !from->out && !m->out)
            (void)hkp_neuro_lab_party_recv(&m->party, from->place, ev.data, ev.len);
        if (ev.type == HKP_HTP_EVENT_FAILED || ev.type == HKP_HTP_EVENT_DOWN) m->room->failed = 1;
        n += ev.type == HKP_HTP_EVENT_UP || ev.type == HKP_HTP_EVENT_MESSAGE;
    }
    return n;
}

/* A party that does not do as it should; 0: the message is not sent. Types of messages: libneuro/lab/party.c.
 */
static int cheat(const struct cli_member *m, uint32_t to, uint8_t *msg) {
    enum { COMMIT = 1, REVEAL = 3 };
    if (m->cheat == CLI_CHEAT_CHANGE && msg[0] == REVEAL) msg[5] ^= 1;
    if (m->cheat == CLI_CHEAT_TWO && msg[0] == COMMIT && to == 0) msg[5] ^= 1;
    return m->cheat != CLI_CHEAT_SILENT || msg[0] < REVEAL;
}

static uint32_t speak(struct cli_member *m) {
    uint8_t msg[HKP_NEURO_LAB_MESSAGE_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->room->n && !m->out; i++) {
        const struct cli_member *to = &m->room->members[i];
        size_t len;
        while (to != m && !to->out && (len = hkp_neuro_lab_party_send(&m->party, to->place, msg)) > 0) {
            n++;
            if (!cheat(m, to->place, msg)) continue;
            if (hkp_htp_stream_send(m->ep, m->session[i], m->stream[i], msg, len, 0) != HKP_OK)
                m->room->failed = 1;
            m->room->messages++;
            m->room->bytes += len;
        }
    }
    sodium_memzero(msg, sizeof msg);
    return n;
}

/* One turn of all loops; what happened in it. *wake: when the next one is due. */
static uint32_t turn(struct cli_room *room, int talking, hkp_time *wake) {
    uint32_t n = 0;
    *wake = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < room->n; i++) {
        struct cli_member *m = &room->members[i];
        if (hkp_htp_udp_pump(m->udp, m->ep, cli_mono(), cli_wall()) != HKP_OK) room->failed = 1;
        n += events(m);
        if (talking) n += speak(m);
        if (hkp_htp_udp_pump(m->udp, m->ep, cli_mono(), cli_wall()) != HKP_OK) room->failed = 1;
        const hkp_time next = hkp_htp_wake(m->ep);
        if (next < *wake) *wake = next;
    }
    return n;
}

static void sleep_until(const struct cli_room *room, hkp_time until) {
    struct pollfd fds[HKP_NEURO_LAB_PARTIES_MAX];
    const hkp_time now = cli_mono();
    for (uint32_t i = 0; i < room->n; i++)
        fds[i] = (struct pollfd){hkp_htp_udp_fd(room->members[i].udp), POLLIN, 0};
    if (until > now)
        (void)poll(fds, room->n, until - now > SECOND ? 1000 : (int)((until - now) / 1000000) + 1);
}

/* Everybody has a key or has ended: only what others should still hear is on its way. */
static int settled(const struct cli_room *room) {
    for (uint32_t i = 0; i < room->n; i++)
        if (!room->members[i].out && room->members[i].party.stage < HKP_NEURO_LAB_DONE) return 0;
    return 1;
}

int cli_room_carry(struct cli_room *room, hkp_time wait) {
    int any = 0;
    hkp_time last = cli_mono(), wake;
    while (!room->failed) {
        const hkp_time began = cli_mono(); /* what stood still with the whole process is taken first */
        if (turn(room, 1, &wake) > 0) {
            last = began;
            any = 1;
            continue;
        }
        const hkp_time quiet = settled(room) ? wait / 10 : wait;
        if (began > last && began - last >= quiet) return any;
        sleep_until(room, wake < last + quiet ? wake : last + quiet);
    }
    return any;
}

/* The sessions of all pairs: the one of lower place asks. */
static hkp_status call_all(struct cli_room *room) {
    for (uint32_t i = 0; i < room->n; i++)
        for (uint32_t k = i + 1; k < room->n; k++) {
            struct cli_member *m = &room->members[i], *peer = &room->members[k];
            const hkp_status st =
                hkp_htp_connect(m->ep, cli_mono(), cli_wall(), &peer->path, peer->node_id, peer->s_public,
                                peer->a_public, HKP_HTP_MODE_N, &m->session[k]);
            if (st != HKP_OK) return st;
        }
    return HKP_OK;
}

static int all_up(const struct cli_room *room) {
    for (uint32_t i = 0; i < room->n; i++)
        if (room->members[i].up != (((1U << room->n) - 1) & ~(1U << i))) return 0;
    return 1;
}

int cli_room_open(struct cli_room *room, uint32_t n) {
    hkp_time wake;
    *room = (struct cli_room){.n = n, .members = calloc(n, sizeof *room->members)};
    hkp_status st = room->members != NULL ? HKP_OK : HKP_E_NOMEM;
    for (uint32_t i = 0; i < n && st == HKP_OK; i++) st = member(room, i);
    if (st == HKP_OK) st = call_all(room);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "no sessions on loopback: %s", cli_status_name(st));
    const hkp_time until = cli_mono() + (hkp_time)MEET_S * SECOND;
    while (!all_up(room)) {
        if (room->failed || cli_mono() > until)
            return cli_fail(CLI_SYSTEM, "the parties do not meet on loopback");
        if (turn(room, 0, &wake) == 0) sleep_until(room, wake < until ? wake : until);
    }
    return CLI_OK;
}

void cli_room_close(struct cli_room *room) {
    for (uint32_t i = 0; room->members != NULL && i < room->n; i++) {
        hkp_htp_udp_close(room->members[i].udp);
        hkp_htp_endpoint_free(room->members[i].ep);
    }
    if (room->members != NULL) sodium_memzero(room->members, room->n * sizeof *room->members);
    free(room->members);
    room->members = NULL;
}
