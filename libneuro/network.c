/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The synapse network of one node: peers, their message keys, their drift states, its group (SYN-5, SYN-7).
 */
#include "libneuro/message.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

#define SECOND UINT64_C(1000000000)
/** messages before the end of a generation at which a new one is asked for */
enum { RENEW_MESSAGES = 4096 };

struct peer {
    int used, renew_told;
    uint32_t state, drift_ppm, last_gen;
    /** one bit for each event that waits */
    uint32_t events;
    /** of the newest root: the same one twice would use its keys twice */
    uint8_t root_hash[32];
    struct hkp_neuro__line line;
};

struct hkp_neuro_network {
    struct hkp_neuro_network_options opt;
    hkp_time now;
    struct peer *peers;
    struct hkp_neuro_ce_book book;
    struct hkp_neuro_group group;
    struct hkp_neuro__lifetime life;
    uint64_t sent, received, replays, refused;
};

void hkp_neuro_network_root_context(const uint8_t one[16], const uint8_t other[16], uint32_t gen,
                                    uint8_t context[36]) {
    const int ordered = memcmp(one, other, 16) < 0;
    memcpy(context, ordered ? one : other, 16);
    memcpy(context + 16, ordered ? other : one, 16);
    hkp_put_be32(context + 32, gen);
}

void hkp_neuro_network_options_init(struct hkp_neuro_network_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static hkp_status import(struct hkp_neuro_network_options *own, const struct hkp_neuro_network_options *opt) {
    const hkp_status st = hkp_options_import(own, sizeof *own, sizeof *own, opt);
    if (st != HKP_OK) return st;
    if (own->peers == 0) own->peers = HKP_NEURO_PEERS;
    if (own->peers > HKP_NEURO_PEERS_MAX) return HKP_E_INVAL;
    return hkp_mem_import(&own->mem);
}

hkp_status hkp_neuro_network_new(hkp_neuro_network **out, const struct hkp_neuro_network_options *opt) {
    struct hkp_neuro_network_options own;
    const hkp_status st = import(&own, opt);
    if (st != HKP_OK) return st;
    hkp_neuro_network *net = hkp_mem_alloc(&own.mem, sizeof *net);
    struct peer *peers = net == NULL ? NULL : hkp_mem_alloc(&own.mem, own.peers * sizeof *peers);
    if (peers == NULL) {
        hkp_mem_free(&own.mem, net, sizeof *net);
        return HKP_E_NOMEM;
    }
    net->opt = own;
    net->peers = peers;
    net->life.clock = own.clock;
    *out = net;
    return HKP_OK;
}

void hkp_neuro_network_free(hkp_neuro_network *net) {
    if (net == NULL) return;
    const struct hkp_mem mem = net->opt.mem;
    const size_t size = net->opt.peers * sizeof *net->peers;
    sodium_memzero(net->peers, size);
    hkp_mem_free(&mem, net->peers, size);
    sodium_memzero(net, sizeof *net);
    hkp_mem_free(&mem, net, sizeof *net);
}

static struct peer *peer_of(const hkp_neuro_network *net, const uint8_t id[16]) {
    for (uint32_t i = 0; i < net->opt.peers; i++)
        if (net->peers[i].used && memcmp(net->peers[i].line.peer_id, id, 16) == 0) return &net->peers[i];
    return NULL;
}

static struct peer *free_peer(const hkp_neuro_network *net) {
    for (uint32_t i = 0; i < net->opt.peers; i++)
        if (!net->peers[i].used) return &net->peers[i];
    return NULL;
}

static void notice(hkp_neuro_network *net, hkp_time now) {
    if (now > net->now) net->now = now;
}

static void tell(struct peer *p, uint32_t event) { p->events |= UINT32_C(1) << event; }

/* Both states must be this node's and one peer's, of opposite roles and of the exchange's gen and epoch. */
static hkp_status read_states(const hkp_neuro_network *net, const struct hkp_neuro_exchange_result *result,
                              struct hkp_neuro_synaptic *own, struct hkp_neuro_synaptic *peer) {
    struct hkp_neuro_synaptic_expect expect = {
        .epoch = result->epoch, .named_gen = result->gen, .named_epoch = result->epoch};
    const int is_e = result->own_state[2] == HKP_NEURO_ROLE_E;
    expect.peer_role = is_e ? HKP_NEURO_ROLE_E : HKP_NEURO_ROLE_V;
    memcpy(expect.peer_id, net->opt.own_id, 16);
    hkp_status st = hkp_neuro_synaptic_check(own, result->own_state, HKP_NEURO_SYNAPTIC_SIZE, &expect);
    if (st != HKP_OK) return st;
    expect.peer_role = is_e ? HKP_NEURO_ROLE_V : HKP_NEURO_ROLE_E;
    memcpy(expect.peer_id, result->peer_state + 32, 16);
    if (memcmp(expect.peer_id, net->opt.own_id, 16) == 0) return HKP_E_NEURO_SYN_NODE;
    return hkp_neuro_synaptic_check(peer, result->peer_state, HKP_NEURO_SYNAPTIC_SIZE, &expect);
}

static void note_state(struct peer *p, uint32_t state, uint32_t drift_ppm) {
    p->drift_ppm = drift_ppm;
    if (p->state == state) return;
    p->state = state;
    tell(p, state == HKP_NEURO_LOST ? HKP_NEURO_NETWORK_LOST : HKP_NEURO_NETWORK_STATE);
    if (state == HKP_NEURO_LOST) hkp_neuro__line_end(&p->line);
}

static void note_ce(const hkp_neuro_network *net, struct peer *p, const struct hkp_neuro_synaptic *state) {
    for (uint32_t i = 0; i < net->book.n; i++)
        if (net->book.held[i].epoch == state->ce_epoch &&
            memcmp(net->book.held[i].check, state->ce_check, 32) != 0)
            tell(p, HKP_NEURO_NETWORK_CE_DIFFERS);
}

hkp_status hkp_neuro_network_register(hkp_neuro_network *net, hkp_time now,
                                      const struct hkp_neuro_exchange_result *result, uint8_t root[32],
                                      int32_t new_session) {
    struct hkp_neuro_synaptic own, other;
    uint8_t hash[32];
    if (result->pair == HKP_NEURO_LOST) return HKP_E_STATE;
    const hkp_status st = read_states(net, result, &own, &other);
    if (st != HKP_OK) return st;
    struct peer *p = peer_of(net, other.node_id);
    crypto_hash_sha256(hash, root, 32);
    if (!new_session && (p == NULL || p->state == HKP_NEURO_LOST || result->gen <= p->last_gen))
        return HKP_E_NEURO_SYN_GEN;
    if (p != NULL && memcmp(hash, p->root_hash, 32) == 0) return HKP_E_NEURO_SYN_GEN;
    if (p == NULL) p = free_peer(net);
    if (p == NULL) return HKP_E_LIMIT;
    notice(net, now);
    if (new_session) hkp_neuro__line_end(&p->line);
    p->used = 1;
    p->renew_told = 0;
    p->last_gen = result->gen;
    memcpy(p->root_hash, hash, 32);
    memcpy(p->line.own_id, net->opt.own_id, 16);
    memcpy(p->line.peer_id, other.node_id, 16);
    hkp_neuro__line_begin(&p->line, net->now, &own, &other, root);
    sodium_memzero(root, 32);
    note_ce(net, p, &other);
    note_state(p, result->pair, result->own_drift_ppm);
    return HKP_OK;
}

void hkp_neuro_network_forget(hkp_neuro_network *net, const uint8_t peer_id[16]) {
    struct peer *p = peer_of(net, peer_id);
    if (p != NULL) sodium_memzero(p, sizeof *p);
}

static hkp_status usable(hkp_neuro_network *net, hkp_time now, const uint8_t id[16], struct peer **p) {
    notice(net, now);
    *p = peer_of(net, id);
    if (*p == NULL) return HKP_E_NOTFOUND;
    return (*p)->state == HKP_NEURO_LOST ? HKP_E_STATE : HKP_OK;
}

static void note_renewal(const hkp_neuro_network *net, struct peer *p) {
    const struct hkp_neuro__gen_secret *g = &p->line.gens[0];
    if (!g->live || p->renew_told) return;
    if (net->now - g->began < HKP_NEURO_RENEW_S * SECOND &&
        g->out.next < HKP_NEURO__GEN_MESSAGES - RENEW_MESSAGES)
        return;
    p->renew_told = 1;
    tell(p, HKP_NEURO_NETWORK_RENEW);
}

hkp_status hkp_neuro_network_send(hkp_neuro_network *net, hkp_time now, uint64_t t_us,
                                  const uint8_t peer_id[16], const uint8_t *text, size_t len, uint8_t *dst,
                                  size_t cap, size_t *msg_len) {
    struct peer *p = NULL;
    hkp_status st = usable(net, now, peer_id, &p);
    if (st == HKP_OK && len > HKP_NEURO_MESSAGE_MAX - HKP_NEURO_MESSAGE_ADDS) st = HKP_E_TOOBIG;
    if (st == HKP_OK && cap < len + HKP_NEURO_MESSAGE_ADDS) st = HKP_E_NOSPC;
    if (st == HKP_OK)
        st = hkp_neuro__line_seal(&p->line, net->now, t_us, &net->book, &net->life, text, len, dst);
    if (st != HKP_OK) return st;
    note_renewal(net, p);
    net->sent++;
    *msg_len = len + HKP_NEURO_MESSAGE_ADDS;
    return HKP_OK;
}

hkp_status hkp_neuro_network_receive(hkp_neuro_network *net, hkp_time now, const uint8_t peer_id[16],
                                     const uint8_t *msg, size_t len, uint8_t *dst, size_t cap,
                                     size_t *text_len) {
    struct peer *p = NULL;
    hkp_status st = usable(net, now, peer_id, &p);
    if (st == HKP_OK)
        st = hkp_neuro__line_open(&p->line, net->now, &net->book, &net->life, msg, len, dst, cap, text_len);
    if (st == HKP_OK)
        net->received++;
    else if (st == HKP_E_NEURO_SYN_REPLAY)
        net->replays++;
    else
        net->refused++;
    return st;
}

hkp_status hkp_neuro_network_bundle(hkp_neuro_network *net, uint32_t now_epoch, uint32_t epoch,
                                    const uint8_t object_id[32], const struct hkp_neuro_ce_row *rows,
                                    size_t n_rows) {
    int32_t changed;
    return hkp_neuro_ce_adopt(&net->book, net->opt.chain_id, now_epoch, epoch, object_id, rows, n_rows,
                              &changed);
}

const struct hkp_neuro_ce *hkp_neuro_network_ce(const hkp_neuro_network *net, uint32_t now_epoch) {
    return hkp_neuro_ce_newest(&net->book, now_epoch);
}

hkp_status hkp_neuro_network_drift(hkp_neuro_network *net, const uint8_t peer_id[16], uint32_t verdict,
                                   uint32_t drift_ppm) {
    if (verdict < HKP_NEURO_SEEKING || verdict > HKP_NEURO_LOST) return HKP_E_INVAL;
    struct peer *p = peer_of(net, peer_id);
    if (p == NULL) return HKP_E_NOTFOUND;
    /* what is LOST stays so until a new session */
    if (p->state != HKP_NEURO_LOST) note_state(p, verdict, drift_ppm);
    return HKP_OK;
}

static int member_of(const struct hkp_neuro_group *group, const uint8_t id[16]) {
    for (uint32_t i = 0; i < group->n_members; i++)
        if (memcmp(group->members[i], id, 16) == 0) return 1;
    return 0;
}

hkp_status hkp_neuro_group_check(const struct hkp_neuro_group *group, const uint8_t own_id[16],
                                 uint64_t now_s) {
    if (group->n_members < HKP_NEURO_GROUP_MIN || group->n_members > HKP_NEURO_GROUP_MAX)
        return HKP_E_NEURO_SYN_COUNT;
    for (uint32_t i = 1; i < group->n_members; i++)
        if (memcmp(group->members[i - 1], group->members[i], 16) >= 0) return HKP_E_NEURO_SYN_ORDER;
    if (!member_of(group, own_id)) return HKP_E_NEURO_SYN_NODE;
    return now_s < group->not_after_s ? HKP_OK : HKP_E_NEURO_SYN_RANGE;
}

hkp_status hkp_neuro_network_group(hkp_neuro_network *net, const struct hkp_neuro_group *group,
                                   uint64_t now_s) {
    const struct hkp_neuro_group *held = &net->group;
    const hkp_status st = hkp_neuro_group_check(group, net->opt.own_id, now_s);
    if (st != HKP_OK) return st;
    if (held->n_members > 0) {
        const int same = memcmp(held->group_id, group->group_id, 16) == 0;
        if (!same && now_s < held->not_after_s) return HKP_E_LIMIT;
        if (same && group->version <= held->version) return HKP_E_NEURO_SYN_GEN;
    }
    net->group = *group;
    return HKP_OK;
}

void hkp_neuro_network_leave(hkp_neuro_network *net) { memset(&net->group, 0, sizeof net->group); }

int32_t hkp_neuro_network_in_group(const hkp_neuro_network *net, const uint8_t node_id[16], uint64_t now_s) {
    return net->group.n_members > 0 && now_s < net->group.not_after_s && member_of(&net->group, node_id);
}

void hkp_neuro_network_event(hkp_neuro_network *net, struct hkp_neuro_network_event *event) {
    memset(event, 0, sizeof *event);
    for (uint32_t i = 0; i < net->opt.peers; i++) {
        struct peer *p = &net->peers[i];
        for (uint32_t kind = HKP_NEURO_NETWORK_LOST; kind <= HKP_NEURO_NETWORK_CE_DIFFERS; kind++) {
            if ((p->events >> kind & 1) == 0) continue;
            p->events &= ~(UINT32_C(1) << kind);
            event->kind = kind;
            event->value = kind == HKP_NEURO_NETWORK_RENEW ? p->last_gen : p->state;
            memcpy(event->peer_id, p->line.peer_id, 16);
            return;
        }
    }
}

void hkp_neuro_network_tick(hkp_neuro_network *net, hkp_time now) {
    notice(net, now);
    for (uint32_t i = 0; i < net->opt.peers; i++) {
        if (!net->peers[i].used) continue;
        note_renewal(net, &net->peers[i]);
        hkp_neuro__line_expire(&net->peers[i].line, net->now, &net->life);
    }
}

hkp_time hkp_neuro_network_wake(const hkp_neuro_network *net) {
    hkp_time wake = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < net->opt.peers; i++) {
        const struct peer *p = &net->peers[i];
        if (!p->used) continue;
        const hkp_time own = hkp_neuro__line_wake(&p->line);
        if (own < wake) wake = own;
        if (!p->line.gens[0].live || p->renew_told) continue;
        const hkp_time renew = p->line.gens[0].began + HKP_NEURO_RENEW_S * SECOND;
        if (renew < wake) wake = renew;
    }
    return wake;
}

hkp_status hkp_neuro_network_peer(const hkp_neuro_network *net, const uint8_t peer_id[16], uint64_t now_s,
                                  struct hkp_neuro_peer_info *info) {
    const struct peer *p = peer_of(net, peer_id);
    if (p == NULL) return HKP_E_NOTFOUND;
    const struct hkp_neuro__gen_secret *g = p->line.gens;
    memset(info, 0, sizeof *info);
    info->state = p->state;
    info->drift_ppm = p->drift_ppm;
    info->gen = g[0].live ? g[0].gen : 0;
    info->in_group = hkp_neuro_network_in_group(net, peer_id, now_s) ? 1 : 0;
    info->next_out = g[0].out.next;
    info->next_in = g[0].in.next;
    info->kept = g[0].n_kept + g[1].n_kept;
    return HKP_OK;
}

void hkp_neuro_network_info(const hkp_neuro_network *net, struct hkp_neuro_network_info *info) {
    memset(info, 0, sizeof *info);
    for (uint32_t i = 0; i < net->opt.peers; i++) info->peers += net->peers[i].used ? 1 : 0;
    info->sent = net->sent;
    info->received = net->received;
    info->replays = net->replays;
    info->refused = net->refused;
    info->keys = net->life.count;
    info->key_least_ns = net->life.least_ns;
    info->key_most_ns = net->life.most_ns;
    info->key_mean_ns = net->life.count > 0 ? net->life.sum_ns / net->life.count : 0;
    info->kept_most_ns = net->life.kept_most_ns;
}
