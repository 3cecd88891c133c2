/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Life, clock and events of a member. */
#include "libmesh/node.h"
#include "libter/options.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* ---- Small tools ---- */

struct hkp_mesh_event *hkp_mesh__fact(struct hkp_mesh_node *node, uint32_t kind, const uint8_t *node_id,
                                      const char *text) {
    if (node->fact_count == HKP_MESH__FACTS_MAX) { /* the oldest makes room (mesh.md 15) */
        node->fact_head = (node->fact_head + 1) % HKP_MESH__FACTS_MAX;
        node->fact_count--;
        node->facts_lost++;
    }
    struct hkp_mesh_event *f = &node->facts[(node->fact_head + node->fact_count) % HKP_MESH__FACTS_MAX];
    node->fact_count++;
    memset(f, 0, sizeof *f);
    f->kind = kind;
    if (node_id != NULL) memcpy(f->node_id, node_id, 16);
    snprintf(f->text, sizeof f->text, "%s", text);
    return f;
}

struct hkp_mesh__peer *hkp_mesh__peer_find(struct hkp_mesh_node *node, const uint8_t node_id[16]) {
    for (uint32_t p = 0; p < node->n_peers; p++)
        if (memcmp(node->peers[p].node_id, node_id, 16) == 0) return &node->peers[p];
    return NULL;
}

uint64_t hkp_mesh__request(struct hkp_mesh_node *node, uint32_t kind, const struct hkp_mesh__peer *peer,
                           uint32_t own, uint64_t inner) {
    if (node->n_requests == HKP_MESH__REQUESTS_MAX) return 0;
    struct hkp_mesh__request *r = &node->requests[node->n_requests++];
    r->ticket = ++node->next_ticket;
    r->kind = kind;
    r->peer = peer != NULL ? (uint32_t)(peer - node->peers) : 0;
    r->own = own;
    r->inner = inner;
    return r->ticket;
}

int hkp_mesh__request_take(struct hkp_mesh_node *node, uint64_t ticket, struct hkp_mesh__request *out) {
    for (uint32_t i = 0; i < node->n_requests; i++) {
        if (node->requests[i].ticket != ticket) continue;
        *out = node->requests[i];
        node->requests[i] = node->requests[--node->n_requests];
        return 1;
    }
    return 0;
}

void hkp_mesh__stuck_free(struct hkp_mesh_node *node, struct hkp_mesh__stuck *stuck) {
    hkp_mem_free(&node->mem, stuck->bytes, stuck->len);
    memset(stuck, 0, sizeof *stuck);
}

void hkp_mesh__stuck_keep(struct hkp_mesh_node *node, struct hkp_mesh__stuck *stuck, uint32_t kind,
                          const uint8_t *bytes, size_t len) {
    stuck->bytes = hkp_mem_alloc(&node->mem, len);
    if (stuck->bytes == NULL) return;
    memcpy(stuck->bytes, bytes, len);
    stuck->len = len;
    stuck->kind = kind;
}

/* ---- Birth ---- */

/* One by later officers than those of the genesis is taken at its word: the chain that names them is loaded
 * later (D-CA-2), and whoever is shown it judges it. */
static hkp_status own_certificate(struct hkp_mesh_node *node, size_t len) {
    const uint64_t now_s = node->wall_us / 1000000;
    struct hkp_dsm_certificate *c = &node->own_cert;
    hkp_status st =
        hkp_dsm_certificate_check(node->own_cert_bytes, len, node->chain_id, &node->officers, now_s, 0, c);
    if (st != HKP_E_DSM_CA_VERSION) return st;
    st = hkp_dsm_certificate_parse(node->own_cert_bytes, len, c);
    if (st == HKP_OK && now_s + HKP_MESH__EXPIRY_SKEW_S < c->not_before_s) return HKP_E_DSM_NOT_YET;
    if (st == HKP_OK && now_s >= c->not_after_s + HKP_MESH__EXPIRY_SKEW_S) return HKP_E_DSM_EXPIRED;
    return st;
}

static hkp_status take_identity(struct hkp_mesh_node *node) {
    struct hkp_mesh_node_options *o = &node->opt;
    struct hkp_dsm_genesis genesis;
    struct hkp_neuro_rba rba;
    uint8_t s_public[32];
    hkp_status st = hkp_dsm_genesis_parse(o->genesis, o->genesis_len, &genesis);
    if (st != HKP_OK) return st;
    memcpy(node->chain_id, genesis.chain_id, 32);
    node->ca = genesis.ca_set;
    node->officers = (struct hkp_dsm_officers){.sets = &node->ca, .n_sets = 1};
    node->genesis_time_ms = genesis.time_s * 1000;
    if (o->certificate_len > sizeof node->own_cert_bytes) return HKP_E_DSM_TOO_BIG;
    memcpy(node->own_cert_bytes, o->certificate, o->certificate_len);
    st = own_certificate(node, o->certificate_len);
    if (st != HKP_OK) return st;
    crypto_sign_seed_keypair(node->a_public, node->a_secret, o->a_seed);
    if (crypto_scalarmult_base(s_public, o->s_secret) != 0 ||
        memcmp(node->a_public, node->own_cert.key, 32) != 0 || !node->own_cert.has_static_key ||
        memcmp(s_public, node->own_cert.static_key, 32) != 0)
        return HKP_E_INVAL;
    memcpy(node->node_id, node->own_cert.node_id, 16);
    st = hkp_neuro_rba_check(&rba, o->rebase, sizeof o->rebase, node->node_id, o->policy_key, 1);
    if (st != HKP_OK) return st;
    hkp_ter_ripemd160(rba.root, sizeof rba.root, node->h_ref);
    node->policy_ver = rba.policy_ver;
    return HKP_OK;
}

static hkp_status take_peers(struct hkp_mesh_node *node) {
    const struct hkp_mesh_node_options *o = &node->opt;
    for (size_t i = 0; i < o->n_peers; i++) {
        const struct hkp_mesh_peer *from = &o->peers[i];
        if (memcmp(from->node_id, node->node_id, 16) == 0) continue; /* one list may serve all members */
        if (hkp_mesh__peer_find(node, from->node_id) != NULL || from->port == 0) return HKP_E_INVAL;
        struct hkp_mesh__peer *peer = &node->peers[node->n_peers];
        memcpy(peer->node_id, from->node_id, 16);
        memcpy(peer->s, from->s, 32);
        memcpy(peer->path.addr, from->addr, 16);
        peer->path.port = from->port;
        peer->path.scope = from->scope;
        hkp_status st = from->certificate != NULL
                            ? hkp_mesh__certificate_take(node, peer, from->certificate, from->certificate_len)
                            : HKP_OK;
        if (st == HKP_OK) st = hkp_mesh__neural_new(node, peer);
        node->n_peers++; /* also on failure: hkp_mesh_node_free() releases what was made */
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

static hkp_status make_endpoint(struct hkp_mesh_node *node) {
    struct hkp_mesh_node_options *o = &node->opt;
    struct hkp_htp_options h;
    struct hkp_dsm_multi m;
    hkp_htp_options_init(&h, sizeof h);
    h.mem = node->mem;
    h.secret_mem = node->opt.secret_mem;
    h.rng = o->rng;
    hkp_mesh__registry(node, &h.registry);
    memcpy(h.node_id, node->node_id, 16);
    memcpy(h.a_seed, o->a_seed, 32);
    memcpy(h.s_secret, o->s_secret, 32);
    h.certificate = node->own_cert_bytes;
    h.certificate_len = o->certificate_len;
    hkp_status st = hkp_dsm_multi_parse(node->own_cert_bytes, o->certificate_len, &m);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(h.certificate_id, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr,
                      m.body.len);
    memcpy(h.own.node_id, node->node_id, 16);
    memcpy(h.own.a, node->a_public, 32);
    memcpy(h.own.s, node->own_cert.static_key, 32);
    h.own.roles = node->own_cert.roles;
    h.own.neuro_gen = node->own_cert.neuro_gen;
    h.accept_certified = 1;
    h.show_certificate = 1; /* so that ENROL is possible in mode R, too (NZ1 22.3) */
    h.sessions_max = 64 + 2 * HKP_MESH__LINKS * HKP_MESH__PEERS_MAX;
    h.heartbeat_s = o->heartbeat_s;
    h.rekey_s = o->rekey_s;
    h.send_buffer = 2 * HKP_MESH__DSM_MESSAGE_MAX; /* a full PROPOSE and what else is under way */
    h.pool_bytes = 16 * HKP_MESH__DSM_MESSAGE_MAX;
    h.credit_session = HKP_MESH__DSM_MESSAGE_MAX;
    h.credit_stream = HKP_MESH__DSM_MESSAGE_MAX / 2;
    st = hkp_htp_endpoint_new(&node->htp, &h, node->now);
    sodium_memzero(&h, sizeof h);
    return st;
}

static hkp_status make_intel(struct hkp_mesh_node *node) {
    struct hkp_mesh_intel_options io;
    hkp_mesh_intel_options_init(&io, sizeof io);
    io.mem = node->mem;
    io.rng = node->opt.rng;
    io.group = node->own_cert.group;
    io.records = node->opt.intel_records;
    return hkp_mesh_intel_new(&node->intel, &io, node->wall_us / 1000000);
}

void hkp_mesh_node_options_init(struct hkp_mesh_node_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

static hkp_status check_options(struct hkp_mesh_node_options *o) {
    if (o->rng.fill == NULL || o->genesis == NULL || o->certificate == NULL ||
        (o->peers == NULL && o->n_peers > 0) || o->n_peers > HKP_MESH__PEERS_MAX ||
        (o->addresses == NULL && o->n_addresses > 0) || o->n_addresses > HKP_DSM_ADDRESSES_MAX)
        return HKP_E_INVAL;
    if (o->ter_period_us == 0) o->ter_period_us = 1000000;
    if (o->ter_batch_ns == 0) o->ter_batch_ns = 5 * HKP_MESH__SECOND;
    if (o->telemetry_s == 0) o->telemetry_s = HKP_MESH_TELEMETRY_S;
    if (o->ter_period_us < 100000 || o->ter_period_us > 60000000 || o->ter_batch_ns > 5 * HKP_MESH__SECOND ||
        o->attest > HKP_DSM_EVIDENCE_TPM || o->commit_every > HKP_NEURO_CATCHUP_MAX || o->heartbeat_s > 120 ||
        (o->rekey_s != 0 && (o->rekey_s < 10 || o->rekey_s > 60)) ||
        (o->telemetry_s != HKP_MESH_TELEMETRY_OFF &&
         (o->telemetry_s < HKP_MESH_TELEMETRY_S_MIN || o->telemetry_s > HKP_MESH_TELEMETRY_S_MAX)))
        return HKP_E_INVAL;
    hkp_status st = hkp_mem_import(&o->mem);
    if (o->secret_mem.alloc == NULL && o->secret_mem.free == NULL) o->secret_mem = o->mem;
    return st == HKP_OK ? hkp_mem_import(&o->secret_mem) : st;
}

hkp_status hkp_mesh_node_new(hkp_mesh_node **out, const struct hkp_mesh_node_options *opt, hkp_time now,
                             uint64_t wall_us) {
    struct hkp_mesh_node_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = check_options(&o);
    if (st == HKP_OK && sodium_init() < 0) st = HKP_E_IO;
    if (st != HKP_OK) return st;
    struct hkp_mesh_node *node = hkp_mem_alloc(&o.secret_mem, sizeof *node);
    if (node == NULL) return HKP_E_NOMEM;
    node->mem = o.mem;
    node->opt = o;
    node->now = now;
    node->wall_us = wall_us;
    node->integrity = 2;
    node->peers = hkp_mem_alloc(&o.mem, HKP_MESH__PEERS_MAX * sizeof *node->peers);
    for (node->n_addresses = 0; node->n_addresses < o.n_addresses; node->n_addresses++)
        node->addresses[node->n_addresses] = o.addresses[node->n_addresses];
    st = node->peers != NULL ? take_identity(node) : HKP_E_NOMEM;
    if (st == HKP_OK) st = take_peers(node);
    if (st == HKP_OK) st = make_endpoint(node);
    if (st == HKP_OK) st = make_intel(node);
    if (st == HKP_OK) st = hkp_mesh__dsm_new(node);
    if (st == HKP_OK) st = hkp_mesh__attest_new(node);
    if (st == HKP_OK) st = hkp_mesh__work_new(node);
    if (st == HKP_OK) st = hkp_mesh__telemetry_new(node);
    sodium_memzero(&o, sizeof o);
    if (st != HKP_OK) {
        hkp_mesh_node_free(node);
        return st;
    }
    if (node->opt.clock_synchronised) hkp_dsm_clock_state(node->dsm, 1);
    node->opt.genesis = node->opt.certificate = NULL; /* borrowed for this call only */
    node->opt.peers = NULL;
    node->opt.addresses = NULL;
    node->opt.attest_policy = NULL;
    *out = node;
    return HKP_OK;
}

void hkp_mesh_node_free(hkp_mesh_node *node) {
    if (node == NULL) return;
    struct hkp_mem mem = node->mem, secret_mem = node->opt.secret_mem;
    hkp_htp_endpoint_free(node->htp); /* releases its pins of commits */
    hkp_dsm_challenger_free(node->challenger);
    hkp_mesh__work_free(node);
    hkp_mesh__telemetry_free(node);
    hkp_dsm_node_free(node->dsm);
    hkp_mesh_intel_free(node->intel);
    hkp_mesh__stuck_free(node, &node->waiting);
    hkp_mesh__recover_free(node);
    hkp_mesh__post_free(node);
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_mesh__neural_free(node, &node->peers[p]);
        hkp_mesh__stuck_free(node, &node->peers[p].stuck_dsm);
    }
    hkp_mem_free(&mem, node->peers, HKP_MESH__PEERS_MAX * sizeof *node->peers);
    sodium_memzero(node, sizeof *node);
    hkp_mem_free(&secret_mem, node, sizeof *node);
}

hkp_status hkp_mesh_log_end(hkp_mesh_node *node, const uint8_t cursor[104], const uint8_t *tck,
                            const uint8_t *before, const uint8_t boot_id[16]) {
    struct hkp_ter_cursor c;
    struct hkp_ter_tck t;
    if (node->life != 0) return HKP_E_STATE;
    if (hkp_ter_cursor_decode(&c, cursor) != HKP_OK || (tck == NULL && before != NULL)) return HKP_E_INVAL;
    if (c.index == 0) hkp_ter_cursor_init(&c, node->node_id, node->a_public);
    if (tck != NULL) {
        uint8_t h[32];
        if (hkp_ter_tck_decode(&t, tck, 256) != HKP_OK || t.n > c.index) return HKP_E_INVAL;
        if (before != NULL) {
            hkp_ter_chain_step(before, before + 32, h);
            if (memcmp(h, t.h, 32) != 0) return HKP_E_INVAL;
            memcpy(node->tck_before, before, 96);
            node->tck_before_known = 1;
        }
        memcpy(node->tck, tck, 256);
        node->has_tck = 1;
        node->tck_at = node->now;
    }
    node->cursor = c;
    memcpy(node->boot_id, boot_id, 16);
    node->boot_known = 1;
    return HKP_OK;
}

hkp_status hkp_mesh_join(hkp_mesh_node *node, hkp_time now, uint64_t wall_us) {
    if (node->life != 0 || node->n_peers == 0 || !node->boot_known) return HKP_E_MESH_STATE;
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    hkp_status st = hkp_dsm_node_start(node->dsm, node->now, wall_us);
    if (st != HKP_OK) return st;
    node->life = 1;
    hkp_mesh__state_update(node);
    if (node->recover.torn) hkp_mesh__recover_begin(node);
    node->tck_flags |= HKP_TER_FLAG_BOOT;
    if (node->cursor.has_last)
        hkp_mesh__drop(hkp_htp_endpoint_set_ter(node->htp, node->cursor.index, node->cursor.h,
                                                node->cursor.last_ter + 32, node->policy_ver, node->boot_id));
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_mesh__trust_join(node, &node->peers[p]);
        node->peers[p].agreed_us = wall_us; /* what was restored may have been agreed at any time */
        hkp_neuro_owner_durable(node->peers[p].own, node->now, node->cursor.index);
    }
    return HKP_OK;
}

void hkp_mesh_leave(hkp_mesh_node *node, hkp_time now, uint64_t wall_us) {
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_mesh__trust_end(node, &node->peers[p]);
        for (int i = 0; i < HKP_MESH__LINKS; i++)
            if (node->peers[p].links[i].session != 0)
                hkp_mesh__drop(hkp_htp_session_close(node->htp, node->now, node->peers[p].links[i].session,
                                                     HKP_HTP_REASON_SHUTDOWN));
    }
    node->life = 2;
    hkp_mesh__state_update(node);
}

struct hkp_htp_endpoint *hkp_mesh_endpoint(hkp_mesh_node *node) {
    return node->htp;
}
hkp_status hkp_mesh_restart(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, const uint8_t *restart,
                            size_t len) {
    if (node->life != 1) return HKP_E_MESH_STATE;
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    return hkp_dsm_node_restart(node->dsm, node->now, wall_us, restart, len);
}

struct hkp_dsm_node *hkp_mesh_dsm(hkp_mesh_node *node) {
    return node->dsm;
}
const hkp_mesh_intel *hkp_mesh_node_intel(const hkp_mesh_node *node) { return node->intel; }

/* ---- Time ---- */

/* Once a second: what fades by itself. */
static void each_second(struct hkp_mesh_node *node) {
    uint32_t removed;
    if (node->now < node->second_at) return;
    node->second_at = node->now + HKP_MESH__SECOND;
    hkp_mesh_intel_expire(node->intel, node->wall_us / 1000000, &removed);
    hkp_mesh__renewal_tick(node);
    hkp_mesh__telemetry_tick(node);
    for (uint32_t p = 0; p < node->n_peers; p++) {
        hkp_mesh__trust_update(node, &node->peers[p], 0);
        hkp_mesh__trust_keep_fallen(node, &node->peers[p]);
        hkp_mesh__rights(node, &node->peers[p]); /* a certificate may have expired */
    }
    hkp_mesh__attest_tick(node);
    hkp_mesh__retention(node);
}

void hkp_mesh_tick(hkp_mesh_node *node, hkp_time now, uint64_t wall_us) {
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    hkp_htp_tick(node->htp, node->now, wall_us);
    if (node->started) hkp_mesh__session_events(node); /* who has a seat is known then; till then they wait */
    if (node->life != 1) return;
    if (node->started && hkp_dsm_wake(node->dsm) <= node->now)
        hkp_mesh__drop(hkp_dsm_tick(node->dsm, node->now, wall_us));
    each_second(node);
    hkp_mesh__session_tick(node);
    hkp_mesh__neural_pump(node);
    hkp_mesh__recover_tick(node);
    if (node->started) hkp_mesh__work_tick(node);
    if (node->started) hkp_mesh__dsm_pump(node);
    hkp_mesh__state_update(node);
}

static hkp_time earlier(hkp_time a, hkp_time b) { return a < b ? a : b; }

hkp_time hkp_mesh_wake(const hkp_mesh_node *node) {
    hkp_time wake = hkp_htp_wake(node->htp);
    if (node->life != 1) return wake;
    if (node->started) wake = earlier(wake, hkp_dsm_wake(node->dsm));
    wake = earlier(wake, node->second_at);
    wake = earlier(wake, hkp_mesh__session_wake(node));
    if (node->started) wake = earlier(wake, hkp_mesh__work_wake(node));
    wake = earlier(wake, hkp_mesh__recover_wake(node));
    return earlier(wake, hkp_mesh__neural_wake(node));
}

hkp_status hkp_mesh_event(hkp_mesh_node *node, struct hkp_mesh_event *ev) {
    if (ev->struct_size < sizeof *ev) return HKP_E_INVAL;
    struct hkp_mesh_event e;
    memset(&e, 0, sizeof e);
    int found = hkp_mesh__neural_event(node, &e) || hkp_mesh__dsm_event(node, &e) ||
                hkp_mesh__quote_event(node, &e) || hkp_mesh__post_event(node, &e);
    if (!found) found = hkp_mesh__work_next(node, &e);
    if (!found && node->fact_count > 0) {
        e = node->facts[node->fact_head];
        node->fact_head = (node->fact_head + 1) % HKP_MESH__FACTS_MAX;
        node->fact_count--;
        found = 1;
    }
    if (!found) return HKP_E_NOTFOUND;
    e.struct_size = ev->struct_size;
    *ev = e;
    return HKP_OK;
}

/* ---- What the host asks for ---- */

hkp_status hkp_mesh__submit(struct hkp_mesh_node *node, uint32_t type, const uint8_t *content, size_t len,
                            uint64_t *seq) {
    hkp_mesh__renewal_own(node);
    int is_neuro = (node->own_cert.roles & HKP_DSM_ROLE_NEURO) != 0;
    if (is_neuro && node->cursor.index == 0) return HKP_E_MESH_STATE;
    struct hkp_dsm_claims claims;
    hkp_status st = hkp_dsm_draft(node->dsm, content, len, seq, claims.prev, claims.payload_hash);
    if (st != HKP_OK) return st == HKP_E_LIMIT ? HKP_E_MESH_LIMIT : st;
    if (is_neuro) hkp_mesh__claims_make(node, *seq, &claims);
    struct hkp_dsm_neuro neuro = {.ter_hash = node->cursor.h};
    if (is_neuro && claims.has_commit) {
        neuro.w_commit = claims.w_commit;
        neuro.posf = claims.posf;
        neuro.holder = claims.holder;
    }
    st = hkp_dsm_submit(node->dsm, node->now, node->wall_us, type, NULL, 0, is_neuro ? &neuro : NULL, seq);
    return st == HKP_E_LIMIT ? HKP_E_MESH_LIMIT : st;
}

hkp_status hkp_mesh_report_threat(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                  const struct hkp_mesh_record *record, uint64_t *seq) {
    uint8_t content[HKP_MESH_RECORD_MAX + 1];
    size_t len = 0;
    if (now > node->now) node->now = now;
    if (node->life != 1 || !node->started) return HKP_E_STATE;
    node->wall_us = wall_us;
    /* Where AMBER payloads may go (M-TI-3) is not enforced by the gossip of this version: they stay here. */
    if (record->tlp >= HKP_MESH_TLP_AMBER) return HKP_E_MESH_TLP;
    content[0] = 0x81; /* D-BLK-3: an array of one record */
    const hkp_status st = hkp_mesh_record_encode(record, content + 1, sizeof content - 1, &len);
    return st == HKP_OK ? hkp_mesh__submit(node, HKP_DSM_EVENT_THREAT_REPORT, content, len + 1, seq) : st;
}

hkp_status hkp_mesh_prove(hkp_mesh_node *node, hkp_time now, const struct hkp_mesh_origin *origin,
                          uint64_t *ticket) {
    if (now > node->now) node->now = now;
    if (!node->started) return HKP_E_STATE;
    for (int i = 0; i < HKP_MESH__PROOFS; i++) {
        if (node->proofs[i].ticket != 0) continue;
        uint64_t t;
        hkp_status st = hkp_dsm_prove(node->dsm, node->now, origin->author, origin->seq,
                                      (int32_t)origin->position, 0, &t);
        if (st != HKP_OK) return st;
        node->proofs[i].ticket = t;
        node->proofs[i].asked = HKP_MESH__PROOF_OF_BLOCK;
        node->proofs[i].origin = *origin;
        *ticket = t;
        return HKP_OK;
    }
    return HKP_E_LIMIT;
}
