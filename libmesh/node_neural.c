/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Own TERs and checkpoints, and the two instances of every pair (NZ1 22): what libneuro wants stored goes to
 * the host, what it says goes to the streams of SYN-2.1.
 */
#include "libmesh/node.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* ---- Life of owner and holder ---- */

static void options_of(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer, int own,
                       struct hkp_neuro_options *o) {
    hkp_neuro_options_init(o, sizeof *o);
    o->mem = node->opt.secret_mem;
    o->rng = node->opt.rng;
    memcpy(o->state_key, node->opt.state_key, 32);
    memcpy(o->chain_id, node->chain_id, 32);
    memcpy(o->owner_id, own ? node->node_id : peer->node_id, 16);
    memcpy(o->holder_id, own ? peer->node_id : node->node_id, 16);
    memcpy(o->owner_public, own ? node->a_public : peer->a, 32);
    memcpy(o->mesh_seed, node->opt.mesh_seed, 32);
    o->policy_keys = node->opt.policy_key;
    o->n_policy_keys = 1;
    o->commit_ters = node->opt.commit_every;
    o->log_ns = node->opt.ter_batch_ns;
    o->period_us = node->opt.ter_period_us;
}

hkp_status hkp_mesh__neural_holder(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_neuro_options o;
    hkp_neuro_holder *held = NULL;
    options_of(node, peer, 0, &o);
    hkp_status st = hkp_neuro_holder_new(&held, &o, node->now);
    sodium_memzero(&o, sizeof o);
    if (st != HKP_OK) return st;
    hkp_neuro_holder_free(peer->held);
    peer->held = held;
    peer->held_session = 0;
    return HKP_OK;
}

hkp_status hkp_mesh__neural_new(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_neuro_options o;
    options_of(node, peer, 1, &o);
    hkp_status st = hkp_neuro_owner_new(&peer->own, &o, node->now);
    sodium_memzero(&o, sizeof o);
    return st == HKP_OK ? hkp_mesh__neural_holder(node, peer) : st;
}

void hkp_mesh__neural_free(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    hkp_neuro_owner_free(peer->own);
    hkp_neuro_holder_free(peer->held);
    hkp_mem_free(&node->mem, peer->live, peer->live_len);
    hkp_mesh__stuck_free(node, &peer->stuck_own);
    hkp_mesh__stuck_free(node, &peer->stuck_held);
}

/* Files of a peer; the order in which they are given back is the reverse of that of their names. */
enum { FILE_HELD, FILE_CERTIFICATE, FILE_OWN, FILE_LIVE, FILE_TRUST, FILES };
static const char *const prefixes[FILES] = {"held", "member", "own", "own", "peer"};
static const char *const endings[FILES] = {"instance", "certificate", "instance", "live", "trust"};

static void file_name(const struct hkp_mesh__peer *peer, int file, char name[HKP_MESH_NAME_MAX]) {
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, peer->node_id, 16);
    snprintf(name, HKP_MESH_NAME_MAX, "%s-%s.%s", prefixes[file], hex, endings[file]);
}

static hkp_status restore_own(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, const uint8_t *data,
                              size_t len) {
    struct hkp_neuro_options o;
    hkp_neuro_owner *loaded = NULL;
    options_of(node, peer, 1, &o);
    hkp_status st = hkp_neuro_owner_load(&loaded, &o, node->now, data, len, peer->live, peer->live_len,
                                         node->cursor.index);
    sodium_memzero(&o, sizeof o);
    if (st != HKP_OK) return st;
    hkp_neuro_owner_free(peer->own);
    peer->own = loaded;
    return HKP_OK;
}

static hkp_status restore_held(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, const uint8_t *data,
                               size_t len) {
    struct hkp_neuro_options o;
    hkp_neuro_holder *loaded = NULL;
    options_of(node, peer, 0, &o);
    hkp_status st = hkp_neuro_holder_load(&loaded, &o, node->now, data, len);
    sodium_memzero(&o, sizeof o);
    if (st != HKP_OK) return st;
    hkp_neuro_holder_free(peer->held);
    peer->held = loaded;
    return HKP_OK;
}

static hkp_status restore_live(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, const uint8_t *data,
                               size_t len) {
    if (peer->live != NULL || len == 0) return HKP_E_INVAL;
    peer->live = hkp_mem_alloc(&node->mem, len);
    if (peer->live == NULL) return HKP_E_NOMEM;
    memcpy(peer->live, data, len);
    peer->live_len = len;
    return HKP_OK;
}

static hkp_status restore_certificate(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                      const uint8_t *data, size_t len) {
    hkp_status st = hkp_mesh__certificate_take(node, peer, data, len);
    peer->unsaved = 0;
    return st;
}

hkp_status hkp_mesh_restore(hkp_mesh_node *node, const char *name, const uint8_t *data, size_t len) {
    static hkp_status (*const restore[FILES])(struct hkp_mesh_node *, struct hkp_mesh__peer *,
                                              const uint8_t *, size_t) = {
        restore_held, restore_certificate, restore_own, restore_live, hkp_mesh__trust_restore};
    if (node->life != 0 || !node->boot_known) return HKP_E_STATE;
    if (strcmp(name, HKP_MESH__WORK_FILE) == 0) return hkp_mesh__work_restore(node, data, len);
    for (uint32_t p = 0; p < node->n_peers; p++)
        for (int file = 0; file < FILES; file++) {
            char own[HKP_MESH_NAME_MAX];
            file_name(&node->peers[p], file, own);
            if (strcmp(name, own) == 0) return restore[file](node, &node->peers[p], data, len);
        }
    return HKP_E_NOTFOUND;
}

static uint32_t state_of(hkp_status st, const struct hkp_neuro_instance_info *info) {
    return st == HKP_OK ? info->state : HKP_NEURO_INSTANCE_NONE;
}

uint32_t hkp_mesh__own_state(const struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    return state_of(hkp_neuro_owner_info(peer->own, &info), &info);
}

uint32_t hkp_mesh__held_state(const struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    return state_of(hkp_neuro_holder_info(peer->held, &info), &info);
}

/* ---- Own TERs ---- */

/* NZ1 4: at every 64th TER, 60 s after the last, and the first one at once: there is nothing to wait for. */
void hkp_mesh__checkpoint(struct hkp_mesh_node *node, const uint8_t root[32]) {
    struct hkp_ter_tck t;
    int due = !node->has_tck || node->rebase.unsigned_yet || node->cursor.index % HKP_TER_TCK_EVERY == 0 ||
              node->now >= node->tck_at + HKP_TER_TCK_NS;
    if (!due || node->tck_ticket != 0) return;
    memset(&t, 0, sizeof t);
    if (hkp_ter_tck_begin(&t, &node->cursor, node->has_tck ? node->tck : NULL) != HKP_OK) return;
    t.flags = node->tck_flags;
    t.policy_ver = node->policy_ver;
    t.log_gen = node->own_cert.neuro_gen;
    memcpy(t.node_id, node->node_id, 16);
    memcpy(t.root, root, 32);
    memcpy(t.boot_id, node->boot_id, 16);
    memcpy(t.h_ref, node->h_ref, 20);
    if (hkp_ter_tck_sign(&t, node->a_secret, node->tck_pending) != HKP_OK) return;
    node->tck_ticket = hkp_mesh__request(node, HKP_MESH_EVENT_LOG, NULL, 1, 0);
    node->tck_offered = 0;
    node->tck_at = node->now;
}

hkp_status hkp_mesh_ter(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t ter[64],
                        const uint8_t root[32], uint32_t flags) {
    if (!hkp_mesh_may_capture(node)) return HKP_E_STATE;
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    uint8_t before[96];
    memcpy(before, node->cursor.h, 32);
    memcpy(before + 32, ter, 64);
    hkp_status st = hkp_ter_cursor_accept(&node->cursor, ter, 64, NULL);
    if (st != HKP_OK) return st;

    node->recover.ter_made = 1;
    uint8_t healthy = memcmp(ter + 32, node->h_ref, 20) == 0;
    if (healthy != node->integrity) {
        if (node->integrity != 2 || !healthy)
            hkp_mesh__fact(node, HKP_MESH_EVENT_INTEGRITY, node->node_id, "")->number = healthy;
        node->integrity = healthy;
    }
    node->tck_flags |= flags | (healthy ? 0U : (uint32_t)HKP_TER_FLAG_INTEGRITY);
    if (node->tck_ticket == 0) memcpy(node->tck_before_next, before, sizeof before);
    memcpy(node->newest_before, before, sizeof before);
    memcpy(node->newest_root, root, 32);
    hkp_mesh__checkpoint(node, root);
    hkp_mesh__drop(hkp_htp_endpoint_set_ter(node->htp, node->cursor.index, node->cursor.h, ter + 32,
                                            node->policy_ver, node->boot_id));
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_mesh__drop(hkp_neuro_owner_ter(node->peers[p].own, node->now, ter));
        hkp_neuro_owner_durable(node->peers[p].own, node->now, node->cursor.index);
    }
    return HKP_OK;
}

void hkp_mesh_logged(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status) {
    struct hkp_mesh__request r;
    if (now > node->now) node->now = now;
    if (!hkp_mesh__request_take(node, ticket, &r) ||
        (r.kind != HKP_MESH_EVENT_LOG && r.kind != HKP_MESH_EVENT_LOG_RESTORE))
        return;
    if (hkp_mesh__recover_logged(node, ticket, status) || hkp_mesh__rebase_logged(node, ticket, status))
        return;
    node->tck_ticket = 0;
    if (status != HKP_OK) return;
    memcpy(node->tck, node->tck_pending, sizeof node->tck);
    memcpy(node->tck_before, node->tck_before_next, sizeof node->tck_before);
    node->has_tck = node->tck_before_known = 1;
    /* ENROL shows the RBA1 that put in force what its TCK1 says */
    if (node->rebase.unsigned_yet) memcpy(node->opt.rebase, node->rebase.body + 8, 192);
    node->rebase.unsigned_yet = 0;
    node->tck_flags &= HKP_TER_FLAG_BOOT_MADE;
}

/* ---- Sessions ---- */

void hkp_mesh__neural_handshake(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                                const struct hkp_mesh__link *link) {
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    if (link->mode != HKP_HTP_MODE_R || hkp_htp_session_info(node->htp, link->session, &s) != HKP_OK) return;
    /* NZ1 22.4: what was shown in this handshake counts, not what else is known of the peer */
    uint32_t gen_peer = link->certified ? link->peer_gen : 0;
    if (link->role == HKP_HTP_ROLE_E)
        hkp_neuro_owner_handshake(peer->own, node->now, s.ck_index, node->own_cert.neuro_gen, gen_peer);
    else
        hkp_neuro_holder_handshake(peer->held, node->now, s.ck_index, gen_peer, node->own_cert.neuro_gen);
}

/* ---- Messages ---- */

/* Where the first TER of a LOG message leads from and to; 0: it has none. */
static int first_ter(const struct hkp_htp_event *ev, const uint8_t **ter) {
    enum { HEAD = 12 };
    struct hkp_ter_log_record rec;
    for (size_t at = HEAD; at < ev->len; at += rec.size) {
        if (hkp_ter_log_record_decode(&rec, ev->data + at, ev->len - at) != HKP_OK) return 0;
        *ter = rec.body;
        if (rec.type == HKP_TER_LOG_TER) return 1;
    }
    return 0;
}

/* Class TER has two senders: the peer as owner, and as holder that answers a WANT of ours. Its stream for
 * that is known by the first message, which goes on from one of our WANTs; h tells our history from its own.
 */
static int is_given_back(struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    enum { FIRST_AT = 4 };
    const uint8_t *ter = NULL;
    uint8_t h[32];
    if (link->back_in == ev->stream) return 1;
    if (link->n_wants == 0 || ev->len < FIRST_AT + 8 || !first_ter(ev, &ter)) return 0;
    for (uint32_t i = 0; i < link->n_wants && i < HKP_MESH__WANTS; i++) {
        if (hkp_le64(ev->data + FIRST_AT) != link->wants[i].from) continue;
        hkp_ter_chain_step(link->wants[i].h, ter, h);
        if (memcmp(h, ter + 64, 32) != 0) continue;
        link->back_in = ev->stream;
        return 1;
    }
    return 0;
}

void hkp_mesh__neural_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                              struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    uint32_t c = ev->stream_class;
    if ((c != HKP_HTP_STREAM_TER && c != HKP_HTP_STREAM_COMMIT) || !hkp_mesh__may_class(node, peer, link, c))
        return;
    /* SYN-2.1: who opened the stream says whose instance it is about. */
    int ours = ev->stream == link->commit_out || ev->stream == link->commit_stopped;
    if (c == HKP_HTP_STREAM_COMMIT ? ours : is_given_back(link, ev)) {
        if (link->session == peer->own_session)
            hkp_mesh__drop(hkp_neuro_owner_recv(peer->own, node->now, node->wall_us, c, ev->data, ev->len));
        return;
    }
    if (link->session != peer->held_session) return; /* the owner went on to another session */
    /* An answer to a stream of ours that was reset meanwhile is of our instance: a WANT among them, taken for
     * the peer's, would give its own TERs back to it, and it would hold them for a fork of ours. */
    if (c == HKP_HTP_STREAM_COMMIT && ev->stream != link->commit_in) return;
    hkp_status st = hkp_neuro_holder_recv(peer->held, node->now, node->wall_us, c, ev->data, ev->len);
    if (c == HKP_HTP_STREAM_TER && st == HKP_OK) hkp_mesh__trust_update(node, peer, 0);
}

/* The stream for a message of an instance on its link. */
static hkp_status out_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *l, int own, uint32_t c,
                             uint32_t *stream) {
    if (c == HKP_NEURO_CLASS_COMMIT && !own) {
        *stream = l->commit_in;
        return l->commit_in != HKP_MESH__NO_STREAM ? HKP_OK : HKP_E_NOTFOUND;
    }
    uint32_t *ours = c != HKP_NEURO_CLASS_TER ? &l->commit_out : own ? &l->ter_out : &l->back_out;
    if (*ours == HKP_MESH__NO_STREAM) {
        uint32_t s;
        hkp_status st = hkp_htp_stream_open(node->htp, l->session, c, c == HKP_NEURO_CLASS_COMMIT, 1, &s);
        if (st != HKP_OK) return st;
        *ours = s;
        if (c == HKP_NEURO_CLASS_COMMIT) l->commit_stopped = HKP_MESH__NO_STREAM;
    }
    *stream = *ours;
    return HKP_OK;
}

static void pump_side(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own) {
    struct hkp_mesh__link *l = hkp_mesh__link_by_session(peer, own ? peer->own_session : peer->held_session);
    struct hkp_mesh__stuck *stuck = own ? &peer->stuck_own : &peer->stuck_held;
    uint32_t stream, c;
    size_t len;
    if (l == NULL) return;
    if (stuck->bytes != NULL) {
        hkp_status st = out_stream(node, l, own, stuck->kind, &stream);
        if (st == HKP_OK)
            st = hkp_htp_stream_send(node->htp, l->session, stream, stuck->bytes, stuck->len, 0);
        if (st == HKP_E_LIMIT) return;
        hkp_mesh__stuck_free(node, stuck);
    }
    for (;;) {
        hkp_status st =
            own ? hkp_neuro_owner_send(peer->own, node->now, &c, node->message, sizeof node->message, &len)
                : hkp_neuro_holder_send(peer->held, node->now, &c, node->message, sizeof node->message, &len);
        if (st != HKP_OK || len == 0) return;
        if (own && c == HKP_NEURO_CLASS_COMMIT && node->message[0] == HKP_NEURO_MSG_WANT) {
            /* the answer is told from the peer's own log by how it goes on from here; if this log went on
             * meanwhile, it could not be told */
            if (hkp_le64(node->message + 4) != node->cursor.index) continue;
            uint32_t at = l->n_wants++ % HKP_MESH__WANTS;
            l->wants[at].from = node->cursor.index;
            memcpy(l->wants[at].h, node->cursor.h, 32);
        }
        st = out_stream(node, l, own, c, &stream);
        if (st == HKP_OK) st = hkp_htp_stream_send(node->htp, l->session, stream, node->message, len, 0);
        if (st != HKP_E_LIMIT) continue; /* other failures: as if lost; libneuro asks again */
        hkp_mesh__stuck_keep(node, stuck, c, node->message, len);
        return;
    }
}

void hkp_mesh__neural_pump(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        if (hkp_neuro_owner_wake(peer->own) <= node->now) hkp_neuro_owner_tick(peer->own, node->now);
        if (hkp_neuro_holder_wake(peer->held) <= node->now) hkp_neuro_holder_tick(peer->held, node->now);
        hkp_mesh__neural_links(node, peer);
        hkp_mesh__enrol(node, peer);
        pump_side(node, peer, 1);
        pump_side(node, peer, 0);
    }
}

hkp_time hkp_mesh__neural_wake(const struct hkp_mesh_node *node) {
    hkp_time wake = HKP_TIME_NEVER;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_time own = hkp_neuro_owner_wake(node->peers[p].own),
                 held = hkp_neuro_holder_wake(node->peers[p].held);
        if (own < wake) wake = own;
        if (held < wake) wake = held;
        hkp_time enrol = hkp_mesh__enrol_wake(node, &node->peers[p]);
        if (enrol < wake) wake = enrol;
    }
    return wake;
}

/* ---- What libneuro wants ---- */

static void instance_fact(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own,
                          const struct hkp_neuro_event *ev) {
    struct hkp_mesh_event *fact =
        hkp_mesh__fact(node, HKP_MESH_EVENT_INSTANCE, peer->node_id, hkp_neuro_cause_text(ev->cause));
    fact->number = (uint64_t)own;
    fact->to = ev->to;
    if (!own && ev->to != HKP_NEURO_INSTANCE_LOST) peer->trust.released = 0;
    if (!own && ev->to == HKP_NEURO_INSTANCE_LOST && ev->cause != HKP_NEURO_CAUSE_TAG)
        hkp_mesh__trust_contradiction(node, peer, 1);
    hkp_mesh__trust_update(node, peer, 0);
}

/* 1: out is a request. */
static int neural_request(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own,
                          const struct hkp_neuro_event *ev, struct hkp_mesh_event *out) {
    uint32_t kind = ev->kind == HKP_NEURO_EVENT_STORE ? HKP_MESH_EVENT_STORE : HKP_MESH_EVENT_LOG_READ;
    out->ticket = hkp_mesh__request(node, kind, peer, (uint32_t)own, ev->ticket);
    if (out->ticket == 0) return 0; /* never more than two per instance are open */
    out->kind = kind;
    out->number = ev->from;
    out->to = ev->to;
    if (kind == HKP_MESH_EVENT_STORE) {
        file_name(peer, !own ? FILE_HELD : ev->slot == HKP_NEURO_SLOT_LIVE ? FILE_LIVE : FILE_OWN, out->text);
        out->data = ev->bytes;
        out->data_len = ev->len;
    }
    return 1;
}

static int side_event(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own,
                      struct hkp_mesh_event *out) {
    struct hkp_neuro_event ev;
    for (;;) {
        hkp_status st = own ? hkp_neuro_owner_event(peer->own, &ev) : hkp_neuro_holder_event(peer->held, &ev);
        if (st != HKP_OK || ev.kind == HKP_NEURO_EVENT_NONE) return 0;
        switch (ev.kind) {
        case HKP_NEURO_EVENT_STORE:
        case HKP_NEURO_EVENT_WANT_LOG:
            if (neural_request(node, peer, own, &ev, out)) return 1;
            break;
        case HKP_NEURO_EVENT_STATE:
            if (!own) peer->agreed_us = node->wall_us;
            instance_fact(node, peer, own, &ev);
            break;
        case HKP_NEURO_EVENT_COMMIT: {
            if (!own) peer->agreed_us = node->wall_us;
            struct hkp_mesh_event *fact =
                hkp_mesh__fact(node, HKP_MESH_EVENT_INSTANCE, peer->node_id, "commit agreed");
            fact->number = (uint64_t)own;
            fact->to = own ? hkp_mesh__own_state(peer) : hkp_mesh__held_state(peer);
            fact->ticket = ev.from;
            break;
        }
        case HKP_NEURO_EVENT_REFUSED: {
            struct hkp_mesh__link *l = hkp_mesh__link_by_session(peer, peer->held_session);
            struct hkp_mesh_event *fact =
                hkp_mesh__fact(node, HKP_MESH_EVENT_REFUSED, peer->node_id, hkp_neuro_status_name(ev.status));
            fact->status = ev.status;
            if (l != NULL && l->commit_in != HKP_MESH__NO_STREAM)
                hkp_mesh__drop(hkp_htp_stream_stop(node->htp, l->session, l->commit_in, HKP_HTP_CODE_DENIED));
            break;
        }
        case HKP_NEURO_EVENT_READY:
        case HKP_NEURO_EVENT_BEHIND:
        case HKP_NEURO_EVENT_RESTORED:
        case HKP_NEURO_EVENT_MISSING:
            hkp_mesh__recover_event(node, peer, &ev);
            break;
        default:
            break; /* REBASE: an RBA1 is of no use without its manifest, which comes another way */
        }
    }
}

void hkp_mesh_log_full(hkp_mesh_node *node, hkp_time now, uint64_t index) {
    if (now > node->now) node->now = now;
    if (index <= node->let_go) return;
    node->let_go = index;
    hkp_mesh__retention(node);
}

void hkp_mesh__retention(struct hkp_mesh_node *node) {
    struct hkp_ter_tck t;
    if (!node->has_tck || hkp_ter_tck_decode(&t, node->tck, sizeof node->tck) != HKP_OK) return;
    uint64_t keep = t.n;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
        if (hkp_neuro_owner_info(node->peers[p].own, &info) != HKP_OK ||
            (info.state != HKP_NEURO_INSTANCE_PENDING && info.state != HKP_NEURO_INSTANCE_ACTIVE))
            continue;
        if ((node->cursor.index - info.keep_index) * node->opt.ter_period_us >= HKP_MESH__TER_KEEP_US ||
            info.keep_index < node->let_go)
            hkp_neuro_owner_gap(node->peers[p].own, node->now, HKP_NEURO_CAUSE_RETENTION);
        else if (info.keep_index < keep)
            keep = info.keep_index;
    }
    node->keep_from = keep > HKP_MESH__TRIM_SPARE ? keep - HKP_MESH__TRIM_SPARE : 0;
}

int hkp_mesh__neural_event(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    if (node->keep_from >= node->trimmed + HKP_MESH__TRIM_STEP) {
        node->trimmed = node->keep_from;
        out->kind = HKP_MESH_EVENT_LOG_TRIM;
        out->number = node->keep_from;
        return 1;
    }
    if (hkp_mesh__recover_next(node, out) || hkp_mesh__rebase_next(node, out)) return 1;
    if (node->tck_ticket != 0 && !node->tck_offered) {
        node->tck_offered = 1;
        out->kind = HKP_MESH_EVENT_LOG;
        out->ticket = node->tck_ticket;
        out->number = HKP_TER_LOG_TCK;
        out->data = node->tck_pending;
        out->data_len = sizeof node->tck_pending;
        return 1;
    }
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        if (side_event(node, peer, 1, out) || side_event(node, peer, 0, out)) return 1;
        if (!peer->unsaved && !peer->trust.file_due) continue;
        int cert = peer->unsaved;
        *(cert ? &peer->unsaved : &peer->trust.file_due) = 0;
        out->ticket = hkp_mesh__request(node, HKP_MESH_EVENT_STORE, NULL, HKP_MESH__OWN_NOBODY, 0);
        out->kind = HKP_MESH_EVENT_STORE;
        file_name(peer, cert ? FILE_CERTIFICATE : FILE_TRUST, out->text);
        out->data = cert ? peer->certificate : peer->trust.file;
        out->data_len = cert ? peer->certificate_len : sizeof peer->trust.file;
        return 1;
    }
    return 0;
}

void hkp_mesh_stored(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status) {
    struct hkp_mesh__request r;
    if (now > node->now) node->now = now;
    if (!hkp_mesh__request_take(node, ticket, &r) || r.kind != HKP_MESH_EVENT_STORE) return;
    if (r.own == HKP_MESH__OWN_WORK) hkp_mesh__work_stored(node, status);
    if (r.own >= HKP_MESH__OWN_WORK || status != HKP_OK) return;
    if (r.own == HKP_MESH__OWN_NOBODY) return; /* a certificate, or T: nothing waits for it */
    struct hkp_mesh__peer *peer = &node->peers[r.peer];
    hkp_mesh__drop(r.own ? hkp_neuro_owner_stored(peer->own, node->now, r.inner)
                         : hkp_neuro_holder_stored(peer->held, node->now, r.inner));
}

void hkp_mesh_log_records(hkp_mesh_node *node, hkp_time now, uint64_t ticket, uint64_t first,
                          const uint8_t *records, size_t len, size_t count) {
    struct hkp_mesh__request r;
    if (now > node->now) node->now = now;
    if (!hkp_mesh__request_take(node, ticket, &r) || r.kind != HKP_MESH_EVENT_LOG_READ) return;
    hkp_mesh__drop(hkp_neuro_owner_log(node->peers[r.peer].own, node->now, first, count, records, len));
}

/* ---- Claims of blocks (D-BLK-1) ---- */

/* w_commit and PoSF of a block over one commit. */
static void claim(const struct hkp_mesh_node *node, const hkp_neuro_commit *commit, const uint8_t author[16],
                  uint64_t seq, struct hkp_dsm_claims *c) {
    uint8_t f[64], message[32], nonce[8];
    hkp_neuro_commit_f(commit, f);
    hkp_dsm_w_commit(c->w_commit, f, node->chain_id, author, seq);
    sodium_memzero(f, sizeof f);
    hkp_dsm_posf_message(message, node->chain_id, author, seq, c->prev, c->payload_hash);
    hkp_put_be64(nonce, seq);
    hkp_neuro_commit_posf(commit, HKP_NEURO_ROLE_E, message, nonce, c->posf);
}

void hkp_mesh__claims_make(struct hkp_mesh_node *node, uint64_t seq, struct hkp_dsm_claims *c) {
    c->has_commit = 0;
    for (uint32_t i = 0; i < node->n_peers && !c->has_commit; i++) {
        const struct hkp_mesh__peer *peer =
            &node->peers[(seq + i) % node->n_peers]; /* another holder each time */
        hkp_neuro_commit *commit = NULL;
        if (hkp_mesh__own_state(peer) != HKP_NEURO_INSTANCE_ACTIVE ||
            hkp_neuro_owner_commit(peer->own, 0, &commit) != HKP_OK)
            continue;
        claim(node, commit, node->node_id, seq, c);
        hkp_neuro_commit_unref(commit);
        memcpy(c->holder, peer->node_id, 16);
        c->has_commit = 1;
    }
}

int hkp_mesh__claims_hold(struct hkp_mesh_node *node, const struct hkp_mesh__peer *author, uint64_t seq,
                          const struct hkp_dsm_claims *c) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    if (hkp_neuro_holder_info(author->held, &info) != HKP_OK) return 0;
    const uint64_t slots[] = {info.ck_index, info.prev_index};
    for (int i = 0; i < 2; i++) {
        hkp_neuro_commit *commit = NULL;
        struct hkp_dsm_claims own = *c;
        if (slots[i] == 0 || hkp_neuro_holder_commit(author->held, slots[i], &commit) != HKP_OK) continue;
        claim(node, commit, author->node_id, seq, &own);
        hkp_neuro_commit_unref(commit);
        if (sodium_memcmp(own.w_commit, c->w_commit, 32) == 0)
            return sodium_memcmp(own.posf, c->posf, 32) == 0;
    }
    return 0;
}

int hkp_mesh__claims_late(const struct hkp_mesh__peer *author, uint64_t time_us) {
    return time_us < author->agreed_us + HKP_MESH__CLAIM_SLACK_US;
}
