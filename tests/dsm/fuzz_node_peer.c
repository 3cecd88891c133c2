/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A running validator with sessions to a member and to an outsider, both of them liars: any messages in all
 * lanes. It must not die, must keep every bound, and whatever it says in turn must be well formed.
 *
 * Input: [control, length (2 bytes, little-endian), bytes] again and again. control: bits 0 to 2 lane, bit 3
 * who speaks, bits 4 and 5 how much time passes before, bit 6 (of the first) whether the node keeps a view,
 * bit 7 that the bytes are a body (a first byte chooses of what), which is signed rightly by who speaks.
 */
#include <hookprobe/dsm.h>
#include <stdlib.h>

#include "libdsm/message/message.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TARGET = 0, MEMBER = 1, OUTSIDER = 4, ROUNDS = 64 };

static struct sim sim;
static hkp_dsm_node *target;
static hkp_time now;
static uint64_t random_state;

static void must(int ok) {
    if (!ok) abort();
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *state = user;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 6364136223846793005U + 1442695040888963407U;
        dst[i] = (uint8_t)(*state >> 56);
    }
    return 0;
}

static uint64_t wall(void) { return sim.mesh.time_s * 1000000 + now / 1000; }

/* The store has nothing, and everything becomes durable at once. */
static void drain(void) {
    struct hkp_dsm_event ev;
    uint64_t ticket = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int any = 0;
        while (hkp_dsm_event(target, &ev) == HKP_OK) {
            any = 1;
            must(ev.kind != HKP_DSM_EV_DAMAGED);
            if (ev.kind == HKP_DSM_EV_STORE_GET || ev.kind == HKP_DSM_EV_STORE_SCAN)
                must(hkp_dsm_read_end(target, now, ev.ticket, HKP_OK) == HKP_OK);
            else if (ev.kind <= HKP_DSM_EV_STORE_DROP)
                ticket = ev.ticket;
        }
        if (!any) break;
        if (ticket > 0) must(hkp_dsm_stored(target, now, ticket, HKP_OK) == HKP_OK);
        ticket = 0;
    }
    uint8_t peer[16];
    uint32_t lane;
    const uint8_t *msg;
    size_t len;
    while (hkp_dsm_send(target, peer, &lane, &msg, &len) == HKP_OK) {
        struct hkp_dsm__message m;
        must(hkp_dsm__message_parse(lane, msg, len, &m) == HKP_OK);
    }
}

static void begin(void) {
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    random_state = 1;
    now = SIM_S;
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = sim.mesh.genesis;
    o.genesis_len = sim.mesh.genesis_len;
    o.certificate = sim.mesh.certificate[TARGET];
    o.certificate_len = sim.mesh.certificate_len[TARGET];
    o.secret = sim.mesh.secret[TARGET];
    o.pool_bytes = (size_t)2 << 20;
    o.heads_max = 16;
    o.peers_max = 8;
    o.blocks_max = 256;
    o.seen_max = 1024;
    must(hkp_dsm_node_new(&target, &o, now) == HKP_OK);
    must(hkp_dsm_node_start(target, now, wall()) == HKP_OK);
    drain();
    for (uint32_t i = 1; i <= OUTSIDER; i++) {
        must(hkp_dsm_node_add_certificate(target, now, wall(), sim.mesh.certificate[i],
                                          sim.mesh.certificate_len[i]) == HKP_OK);
        if (i == MEMBER || i == OUTSIDER)
            must(hkp_dsm_peer_up(target, now, sim.mesh.node_id[i], HKP_DSM_LANES_ALL) == HKP_OK);
    }
    drain();
}

static void keep_a_view(void) {
    const struct hkp_dsm_address a = {.ip = {10, 0, 0, 1}, .ip_len = 4, .port = 4433};
    must(hkp_dsm_gossip_addresses(target, now, wall(), &a, 1, 0) == HKP_OK);
    drain();
}

static void check_bounds(void) {
    const node *n = target;
    must(n->state == HKP_DSM_STATE_RUNNING);
    must(n->pool.used <= n->pool.units && n->n_suspects <= EVIDENCE_MAX && n->n_waiting <= WAITING_MAX);
    must(n->n_blocks <= n->blocks_max && n->n_authors <= n->heads_max && n->held_count <= HELD_MAX);
    must(n->spread.kept_count <= SPREAD_KEPT && n->spread.kept_bytes <= n->pool.units / 16 * POOL_UNIT);
    must(n->spread.tree.n_wanted <= n->spread.tree.o.wanted);
    for (uint32_t i = 0; i < n->peers_max; i++) {
        const struct peer *p = &n->peers[i];
        must(!p->up || p->bytes <= PEER_BYTES_MAX);
        must(p->link == 0 || n->spread.of[p->link - 1] == p);
        if (p->link == 0) continue;
        must(n->spread.tree.links[p->link - 1].announced <= n->spread.tree.o.announced);
        must(n->spread.tree.links[p->link - 1].queued <= n->spread.tree.o.announced);
    }
}

/* The message that carries a body of a liar; its length, 0: it cannot be signed. */
static size_t sign(uint32_t who, const uint8_t *data, size_t len, uint8_t *dst, size_t cap, uint32_t *lane) {
    static const uint32_t kinds[] = {HKP_DSM_KIND_MICROBLOCK, HKP_DSM_KIND_NOTAR,       HKP_DSM_KIND_NULL,
                                     HKP_DSM_KIND_FINAL,      HKP_DSM_KIND_PEER_RECORD, HKP_DSM_KIND_PROPOSE};
    static const uint8_t empty[] = {0x82, 0x80, 0x80};
    uint8_t envelope[1200];
    struct hkp_dsm_view env = {.ptr = envelope}, body = {empty, sizeof empty};
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    const uint32_t kind = len > 0 ? kinds[data[0] % 6] : 0;
    if (len < 2 || hkp_dsm_envelope_sign(target->chain_id, kind, sim.mesh.node_id[who], sim.mesh.secret[who],
                                         data + 1, len - 1, envelope, sizeof envelope, &env.len) != HKP_OK)
        return 0;
    *lane = 0;
    if (kind == HKP_DSM_KIND_MICROBLOCK) {
        uint32_t event = 0;
        (void)hkp_dsm__block_event(data + 1, len - 1, &event);
        *lane = event == HKP_DSM_EVENT_THREAT_REPORT || event == HKP_DSM_EVENT_SIGHTING ? 2 : 3;
        hkp_dsm__put_push(&w, *lane, 0, HKP_DSM__FORM_ENVELOPE, &env, NULL);
    } else if (kind == HKP_DSM_KIND_PEER_RECORD) {
        *lane = 3;
        hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_JOIN, &env);
    } else if (kind == HKP_DSM_KIND_PROPOSE) {
        hkp_dsm__put_propose(&w, &env, &body, 0);
    } else {
        hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_VOTE, &env);
    }
    return w.status == HKP_OK ? w.len : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t signed_one[4096];
    static const hkp_time steps[] = {0, 20 * SIM_MS, 600 * SIM_MS, 2 * SIM_S};
    if (sim.mesh.n == 0) {
        sim_new(&sim, 1, 4, 1);
        sim_outsider(&sim, OUTSIDER, HKP_DSM_ROLE_EDGE, 9);
    }
    begin();
    if (size > 0 && (data[0] & 64) != 0) keep_a_view();
    for (size_t at = 0; at + 3 <= size;) {
        const uint8_t control = data[at];
        size_t len = hkp_le16(data + at + 1);
        at += 3;
        if (len > size - at) len = size - at;
        now += steps[control >> 4 & 3];
        if (steps[control >> 4 & 3] > 0) must(hkp_dsm_tick(target, now, wall()) == HKP_OK);
        const uint32_t who = (control & 8) != 0 ? OUTSIDER : MEMBER;
        const uint8_t *msg = data + at;
        size_t msg_len = len;
        uint32_t lane = control & 7;
        if ((control & 128) != 0) {
            msg_len = sign(who, msg, len, signed_one, sizeof signed_one, &lane);
            msg = signed_one;
        }
        const hkp_status st = hkp_dsm_recv(target, now, wall(), sim.mesh.node_id[who], lane, msg, msg_len);
        must(st != HKP_E_STATE && st != HKP_E_LIMIT);
        drain();
        check_bounds();
        at += len;
    }
    hkp_dsm_node_free(target);
    return 0;
}
