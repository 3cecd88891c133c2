/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Life and loop of a node with its sockets and files. */
#include "libmesh/posix/runner.h"
#include "libter/options.h"

#include <hookprobe/neuro.h>

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { EVE_POLL_MS = 200, ROUNDS_MAX = 64 };

hkp_time hkp_mesh__mono(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

uint64_t hkp_mesh__wall(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

void hkp_mesh__say(struct hkp_mesh_runner *r, uint32_t level, const char *format, ...) {
    char text[512];
    va_list args;
    if (r->out.line == NULL) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->out.line(r->out.user, level, text);
}

void hkp_mesh__short(const uint8_t node_id[16], char text[9]) { sodium_bin2hex(text, 9, node_id, 4); }

/* ---- Start ---- */

/* D-BLK-7: what names this host, as far as it can be read. */
static void host_identity(uint8_t host[32]) {
    static const char *const files[] = {"/etc/machine-id", "/sys/class/dmi/id/product_uuid"};
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        uint8_t text[256];
        size_t len = 0;
        if (hkp_ter_file_read(files[i], 0, text, sizeof text, &len) != HKP_OK) len = 0;
        crypto_hash_sha256_update(&h, (const uint8_t *)&(uint8_t){(uint8_t)len}, 1);
        crypto_hash_sha256_update(&h, text, len);
    }
    crypto_hash_sha256_final(&h, host);
}

static hkp_status parse_hex(const char *text, uint8_t *dst, size_t size) {
    size_t len = 0;
    if (text == NULL || strlen(text) != 2 * size ||
        sodium_hex2bin(dst, size, text, 2 * size, NULL, &len, NULL) != 0 || len != size)
        return HKP_E_INVAL;
    return HKP_OK;
}

static hkp_status peers_of(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                           struct hkp_mesh_peer *peers, struct hkp_mesh_fault *fault) {
    if (opt->n_peers > HKP_MESH__MEMBERS_MAX)
        return hkp_mesh__fault(fault, HKP_E_INVAL, "peers", "at most 64", UINT64_MAX);
    for (size_t i = 0; i < opt->n_peers; i++) {
        const struct hkp_mesh_runner_peer *from = &opt->peers[i];
        struct hkp_htp_path path;
        char what[64];
        uint8_t *cert = NULL;
        size_t len = 0;
        snprintf(what, sizeof what, "peers[%zu]", i);
        if (parse_hex(from->node_id, peers[i].node_id, 16) != HKP_OK)
            return hkp_mesh__fault(fault, HKP_E_INVAL, what, "node_id wants 32 hex digits", UINT64_MAX);
        if (parse_hex(from->key, peers[i].s, 32) != HKP_OK)
            return hkp_mesh__fault(fault, HKP_E_INVAL, what, "key wants 64 hex digits", UINT64_MAX);
        if (from->address == NULL || hkp_htp_path_parse(from->address, &path) != HKP_OK || path.port == 0)
            return hkp_mesh__fault(fault, HKP_E_INVAL, what, "address wants address:port", UINT64_MAX);
        memcpy(peers[i].addr, path.addr, 16);
        peers[i].port = path.port;
        peers[i].scope = path.scope;
        hkp_status st = hkp_mesh__datadir_member(r->dir.path, peers[i].node_id, &cert, &len, fault);
        if (st != HKP_OK) return st;
        peers[i].certificate = cert;
        peers[i].certificate_len = len;
    }
    return HKP_OK;
}

/* An IPv4 address is told as one, also when it is written as one in IPv6. */
static hkp_status addresses_of(const struct hkp_mesh_runner_options *opt, struct hkp_dsm_address *to,
                               struct hkp_mesh_fault *fault) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (opt->n_addresses > HKP_DSM_ADDRESSES_MAX)
        return hkp_mesh__fault(fault, HKP_E_INVAL, "addresses", "at most 8", UINT64_MAX);
    for (size_t i = 0; i < opt->n_addresses; i++) {
        struct hkp_htp_path path;
        char what[32];
        snprintf(what, sizeof what, "addresses[%zu]", i);
        if (opt->addresses[i] == NULL || hkp_htp_path_parse(opt->addresses[i], &path) != HKP_OK ||
            path.port == 0 || path.scope != 0)
            return hkp_mesh__fault(fault, HKP_E_INVAL, what, "wants address:port", UINT64_MAX);
        const int v4 = memcmp(path.addr, mapped, sizeof mapped) == 0;
        to[i] = (struct hkp_dsm_address){
            .ip_len = v4 ? 4 : 16, .port = path.port, .transport = HKP_DSM_TRANSPORT_UDP};
        memcpy(to[i].ip, path.addr + (v4 ? 12 : 0), v4 ? 4 : 16);
    }
    return HKP_OK;
}

static int is_digest(const char *text, uint8_t out[32]) {
    size_t len = 0;
    return strlen(text) == 64 && sodium_hex2bin(out, 32, text, 64, NULL, &len, NULL) == 0 && len == 32;
}

static hkp_status make_node(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                            struct hkp_mesh_fault *fault) {
    struct hkp_mesh_peer peers[HKP_MESH__MEMBERS_MAX];
    struct hkp_dsm_address addresses[HKP_DSM_ADDRESSES_MAX];
    struct hkp_mesh_node_options o;
    struct hkp_mesh_attest_policy evidence;
    memset(peers, 0, sizeof peers);
    int32_t locked = 0;
    hkp_status st = peers_of(r, opt, peers, fault);
    if (st == HKP_OK) st = addresses_of(opt, addresses, fault);
    hkp_mesh_node_options_init(&o, sizeof o);
    if (st == HKP_OK) st = hkp_ter_locked_mem(&o.secret_mem, &locked);
    if (st == HKP_OK && !locked)
        hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "secrets may be swapped out: raise the limit of locked memory");
    hkp_ter_system_rng(&o.rng);
    o.clock_synchronised = opt->clock_trusted;
    o.build_s = HKP_TER_BUILD_US / 1000000;
    if (opt->boundary != NULL && !is_digest(opt->boundary, o.boundary) && st == HKP_OK)
        st = hkp_mesh__fault(fault, HKP_E_INVAL, "boundary", "wants 64 hex digits", UINT64_MAX);
    memcpy(o.a_seed, r->dir.keys.a_seed, 32);
    memcpy(o.s_secret, r->dir.keys.s_secret, 32);
    memcpy(o.state_key, r->dir.keys.state_key, 32);
    memcpy(o.policy_key, r->dir.policy_key, 32);
    memcpy(o.rebase, r->dir.rebase, 192);
    host_identity(o.host);
    o.genesis = r->dir.genesis;
    o.genesis_len = r->dir.genesis_len;
    o.certificate = r->dir.certificate;
    o.certificate_len = r->dir.certificate_len;
    o.peers = peers;
    o.n_peers = opt->n_peers;
    o.checkpoint_ns = opt->checkpoint_at_once ? HKP_TIME_NEVER : (uint64_t)opt->checkpoint_ms * 1000000U;
    o.delay_ns = (uint64_t)opt->delay_ms * 1000000U;
    o.ter_period_us = (uint64_t)opt->ter_period_ms * 1000U;
    o.ter_batch_ns = (uint64_t)opt->ter_batch_ms * 1000000U;
    o.commit_every = opt->commit_every;
    o.heartbeat_s = opt->heartbeat_s;
    o.rekey_s = opt->rekey_s;
    o.intel_records = opt->intel_records;
    o.telemetry_s = opt->telemetry_s;
    o.integrity_close = opt->integrity_close;
    o.attest = opt->attest;
    if (st == HKP_OK && (opt->attest_policy != NULL || r->quoting.area_len > 0)) {
        hkp_mesh_attest_policy_init(&evidence, sizeof evidence);
        if (opt->attest_policy != NULL)
            st = hkp_options_import(&evidence, sizeof evidence, sizeof evidence, opt->attest_policy);
        evidence.ak_area = r->quoting.area_len > 0 ? r->quoting.area : NULL;
        evidence.ak_area_len = r->quoting.area_len;
        o.attest_policy = &evidence;
    }
    o.addresses = addresses;
    o.n_addresses = opt->n_addresses;
    if (st == HKP_OK) {
        st = hkp_mesh_node_new(&r->node, &o, hkp_mesh__mono(), hkp_mesh__wall());
        if (st != HKP_OK)
            hkp_mesh__fault(fault, st, r->dir.path,
                            "its keys, certificate, genesis, rebase and the configured "
                            "values do not belong together",
                            UINT64_MAX);
    }
    sodium_memzero(&o, sizeof o);
    for (size_t i = 0; i < opt->n_peers && i < HKP_MESH__MEMBERS_MAX; i++)
        free((void *)(uintptr_t)peers[i].certificate);
    return st;
}

/* node_id of this member, as its files say; the node checks that it is true. */
static hkp_status identify(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    struct hkp_dsm_certificate c;
    uint8_t a_public[32], secret[64];
    hkp_status st = hkp_dsm_certificate_parse(r->dir.certificate, r->dir.certificate_len, &c);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "certificate", hkp_dsm_status_name(st), 0);
    memcpy(r->node_id, c.node_id, 16);
    crypto_sign_seed_keypair(a_public, secret, r->dir.keys.a_seed);
    sodium_memzero(secret, sizeof secret);
    if (memcmp(a_public, c.key, 32) != 0) /* before a log is begun for it */
        return hkp_mesh__fault(fault, HKP_E_INVAL, "certificate", "is of another key", UINT64_MAX);
    return HKP_OK;
}

static hkp_status open_sockets(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                               struct hkp_mesh_fault *fault) {
    const char *listen = opt->listen != NULL ? opt->listen : "[::]:8144";
    struct hkp_htp_path path;
    char control[HKP_MESH__PATH_MAX];
    if (hkp_htp_path_parse(listen, &path) != HKP_OK)
        return hkp_mesh__fault(fault, HKP_E_INVAL, "listen", "wants address:port", UINT64_MAX);
    hkp_status st = hkp_htp_udp_open(&r->udp, &path, NULL);
    if (st != HKP_OK)
        return hkp_mesh__fault(fault, st, listen, errno != 0 ? strerror(errno) : "cannot be bound",
                               UINT64_MAX);
    st = hkp_mesh__path(control, r->dir.path, "control.sock");
    if (st == HKP_OK) st = hkp_mesh__control_open(r, opt->control != NULL ? opt->control : control, fault);
    return st;
}

static hkp_status open_eve(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                           struct hkp_mesh_fault *fault) {
    if (opt->eve == NULL) return HKP_OK;
    hkp_status st = hkp_mesh_eve_file_open(&r->eve, opt->eve, (int32_t)opt->eve_from_start, NULL);
    return st == HKP_OK ? HKP_OK : hkp_mesh__fault(fault, st, opt->eve, "cannot be opened", UINT64_MAX);
}

void hkp_mesh_runner_options_init(struct hkp_mesh_runner_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

static hkp_status start(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                        struct hkp_mesh_fault *fault) {
    struct hkp_mesh__unlock unlock = {.passphrase = opt->passphrase, .passphrase_len = opt->passphrase_len};
    hkp_status st = hkp_mesh__tpm_open(r, opt, fault);
    unlock.tpm = r->tpm;
    if (st == HKP_OK) st = hkp_mesh__datadir_read(&r->dir, opt->data_dir, &unlock, fault);
    if (st == HKP_OK) st = identify(r, fault);
    if (st == HKP_OK) st = hkp_mesh__tpm_ak(r, opt, fault);
    if (st == HKP_OK) st = hkp_mesh__host_open(r, opt, fault); /* its lock keeps a second process out */
    if (st == HKP_OK) st = make_node(r, opt, fault);           /* with the reference that the log says */
    if (st == HKP_OK) st = hkp_mesh__host_restore(r, fault);
    if (st == HKP_OK) st = hkp_mesh__audit_open(r, fault);
    if (st == HKP_OK) st = open_sockets(r, opt, fault);
    if (st == HKP_OK) st = open_eve(r, opt, fault);
    if (st != HKP_OK) return st;
    r->ter_period = (opt->ter_period_ms != 0 ? opt->ter_period_ms : 1000U) * 1000000ULL;
    r->ter_due = hkp_mesh__mono();
    hkp_mesh__audit(r, HKP_DSM_AUDIT_CONFIGURATION, r->node_id, r->dir.rebase, sizeof r->dir.rebase);
    st = hkp_mesh_join(r->node, hkp_mesh__mono(), hkp_mesh__wall());
    return st == HKP_OK ? HKP_OK : hkp_mesh__fault(fault, st, "peers", "none is configured", UINT64_MAX);
}

hkp_status hkp_mesh_runner_new(hkp_mesh_runner **out, const struct hkp_mesh_runner_options *opt,
                               struct hkp_mesh_fault *fault) {
    struct hkp_mesh_runner_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK && o.reserved0 != 0) st = HKP_E_INVAL;
    if (fault != NULL) memset(fault, 0, sizeof *fault);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "options", "of another version", UINT64_MAX);
    if (o.data_dir == NULL) return hkp_mesh__fault(fault, HKP_E_INVAL, "data_dir", "is missing", UINT64_MAX);
    if (sodium_init() < 0)
        return hkp_mesh__fault(fault, HKP_E_IO, "random numbers", "the kernel gives none", UINT64_MAX);
    struct hkp_mesh_runner *r = malloc(sizeof *r);
    if (r == NULL) return HKP_E_NOMEM;
    memset(r, 0, sizeof *r);
    r->out = o.log;
    r->control_fd = -1;
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) r->clients[i].fd = -1;
    st = start(r, &o, fault);
    if (st != HKP_OK) {
        r->leaving = 1; /* nothing was joined: nobody has to be told */
        hkp_mesh_runner_free(r);
        return st;
    }
    *out = r;
    return HKP_OK;
}

hkp_mesh_node *hkp_mesh_runner_node(hkp_mesh_runner *runner) { return runner->node; }

/* ---- Loop ---- */

/* Serves the node until it asks for nothing more; what it waits for is durable then. */
static void drain(struct hkp_mesh_runner *r) {
    for (int round = 0; round < ROUNDS_MAX && r->failed == HKP_OK; round++) {
        struct hkp_mesh_event ev = {.struct_size = sizeof ev};
        hkp_time now = hkp_mesh__mono();
        int any = 0;
        while (r->failed == HKP_OK && hkp_mesh_event(r->node, &ev) == HKP_OK) {
            hkp_mesh__host_event(r, now, &ev);
            any = 1;
        }
        if (r->dsm_dirty && r->failed == HKP_OK) {
            r->dsm_dirty = 0;
            any = 1;
            r->failed = hkp_dsm_store_commit(r->store, hkp_mesh_dsm(r->node), now);
        }
        if (!any) return;
        hkp_mesh_tick(r->node, hkp_mesh__mono(), hkp_mesh__wall());
    }
}

static void pump(struct hkp_mesh_runner *r) {
    hkp_status st = hkp_htp_udp_pump(r->udp, hkp_mesh_endpoint(r->node), hkp_mesh__mono(), hkp_mesh__wall());
    if (st != HKP_OK) r->failed = st;
    hkp_mesh_tick(r->node, hkp_mesh__mono(), hkp_mesh__wall());
}

/* A record that the node cannot take now (no TER yet, cap of blocks) waits; nothing of the file is lost. */
static void read_eve(struct hkp_mesh_runner *r, hkp_time now) {
    if (r->eve == NULL || now < r->eve_due) return;
    r->eve_due = now + EVE_POLL_MS * 1000000ULL;
    for (int i = 0; i < HKP_MESH__EVE_BURST; i++) {
        uint64_t seq = 0;
        if (!r->eve_waits &&
            hkp_mesh_eve_file_next(r->eve, hkp_mesh__wall() / 1000000, &r->eve_record) != HKP_OK)
            return;
        hkp_status st =
            hkp_mesh_report_threat(r->node, hkp_mesh__mono(), hkp_mesh__wall(), &r->eve_record, &seq);
        r->eve_waits = st == HKP_E_STATE || st == HKP_E_MESH_STATE || st == HKP_E_MESH_LIMIT;
        if (r->eve_waits) return;
        r->eve_published += st == HKP_OK;
        r->eve_refused += st != HKP_OK;
    }
    r->eve_due = now; /* there is more */
}

static int wait_ms(const struct hkp_mesh_runner *r, uint32_t max_wait_ms) {
    hkp_time now = hkp_mesh__mono(), due = now + (hkp_time)max_wait_ms * 1000000U;
    hkp_time wake = hkp_mesh_wake(r->node), log = hkp_ter_log_wake(r->log);
    const hkp_time audit = hkp_mesh__audit_wake(r);
    if (audit < due) due = audit;
    if (wake < due) due = wake;
    if (log < due) due = log;
    if (r->ter_due < due) due = r->ter_due;
    if (r->eve != NULL && r->eve_due < due) due = r->eve_due;
    return due <= now ? 0 : (int)((due - now + 999999U) / 1000000U);
}

hkp_status hkp_mesh_runner_step(hkp_mesh_runner *r, uint32_t max_wait_ms) {
    struct pollfd fds[3 + HKP_MESH__CLIENTS_MAX];
    nfds_t n = 2;
    struct hkp_mesh__client *served[HKP_MESH__CLIENTS_MAX];
    if (r->failed != HKP_OK) return r->failed;
    drain(r);
    fds[0] = (struct pollfd){.fd = hkp_htp_udp_fd(r->udp),
                             .events = (short)(POLLIN | (hkp_htp_udp_blocked(r->udp) ? POLLOUT : 0))};
    fds[1] = (struct pollfd){.fd = r->control_fd, .events = POLLIN};
    for (int i = 0; i < HKP_MESH__CLIENTS_MAX; i++) {
        struct hkp_mesh__client *c = &r->clients[i];
        if (c->fd < 0) continue;
        served[n - 2] = c;
        int wants =
            !c->ended && c->in_len < sizeof c->in; /* else what it sends waits, and its end is known */
        fds[n++] = (struct pollfd){.fd = c->fd,
                                   .events = (short)((wants ? POLLIN : 0) | (c->out_len > 0 ? POLLOUT : 0))};
    }
    fds[n] = (struct pollfd){.fd = hkp_mesh__tpm_fd(r), .events = POLLIN};
    if (poll(fds, n + 1, wait_ms(r, max_wait_ms)) < 0 && errno != EINTR) return r->failed = HKP_E_IO;
    pump(r);
    if (fds[n].revents != 0) hkp_mesh__tpm_step(r);
    hkp_mesh__host_ter(r, hkp_mesh__mono());
    read_eve(r, hkp_mesh__mono());
    hkp_mesh__audit_step(r);
    drain(r);
    if ((fds[1].revents & POLLIN) != 0) hkp_mesh__control_accept(r);
    for (nfds_t i = 2; i < n; i++)
        if (fds[i].revents != 0 || served[i - 2]->out_len > 0 || served[i - 2]->in_len > 0)
            hkp_mesh__control_serve(r, served[i - 2], (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0);
    drain(r);
    pump(r);
    return r->failed;
}

void hkp_mesh_runner_free(hkp_mesh_runner *r) {
    if (r == NULL) return;
    if (r->node != NULL && r->udp != NULL && !r->leaving) { /* CLOSE to all, and a moment for their answers */
        hkp_mesh_leave(r->node, hkp_mesh__mono(), hkp_mesh__wall());
        drain(r); /* T at the end of the sessions is stored */
        hkp_time until = hkp_mesh__mono() + 300000000U;
        while (hkp_mesh__mono() < until) {
            struct pollfd fd = {.fd = hkp_htp_udp_fd(r->udp), .events = POLLIN};
            pump(r);
            (void)poll(&fd, 1, 20);
        }
    }
    hkp_mesh__control_close(r);
    hkp_mesh__audit_close(r);
    hkp_mesh_eve_file_close(r->eve);
    hkp_mesh_node_free(r->node);
    hkp_mesh__host_close(r);
    hkp_htp_udp_close(r->udp);
    hkp_mesh__datadir_free(&r->dir);
    hkp_ter_tpm_free(r->tpm);
    sodium_memzero(r, sizeof *r);
    free(r);
}
