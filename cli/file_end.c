/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file: an endpoint with its socket and its transfers, and the loop that moves them. */
#include "file.h"

#include <hookprobe/ter.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>

/* ---- signals ---- */

static volatile sig_atomic_t asked_to_end, asked_to_read;

static void on_signal(int number) {
    if (number == SIGHUP)
        asked_to_read = 1;
    else
        asked_to_end = 1;
}

void cli_file_signals(int hup) {
    const struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    if (hup) sigaction(SIGHUP, &action, NULL);
}

int cli_file_asked_to_end(void) { return asked_to_end; }

int cli_file_asked_to_read(void) {
    const int asked = asked_to_read;
    asked_to_read = 0;
    return asked;
}

/* ---- making ---- */

hkp_status cli_file_enrol(hkp_htp_devices *devices, const struct cli_file_card *card) {
    struct hkp_htp_device d = {.struct_size = sizeof d};
    memcpy(d.node_id, card->node_id, 16);
    memcpy(d.s, card->s, 32);
    memcpy(d.record.a, card->a, 32);
    d.record.neural = HKP_HTP_NEURAL_OFF;
    d.record.trust = HKP_HTP_TRUST_ONE;
    return hkp_htp_devices_add(devices, &d);
}

/* A server that was started again tells its clients so with these tokens (HTP-9.5). */
static void reset_key_of(const struct cli_file_key *key, uint8_t out[32]) {
    static const char label[] = "hookprobe file reset key";
    crypto_generichash(out, 32, (const uint8_t *)label, sizeof label, key->s_secret, 32);
}

static hkp_status make_endpoint(struct cli_file_end *e, const struct cli_file_end_options *o) {
    struct hkp_htp_options h;
    int32_t locked = 0;
    hkp_htp_options_init(&h, sizeof h);
    hkp_ter_system_rng(&h.rng);
    hkp_status st = hkp_htp_devices_registry(e->devices, &h.registry);
    if (st == HKP_OK) st = hkp_ter_locked_mem(&h.secret_mem, &locked);
    memcpy(h.node_id, o->key->node_id, 16);
    memcpy(h.a_seed, o->key->a_seed, 32);
    if (o->listen != NULL) {
        memcpy(h.s_secret, o->key->s_secret, 32);
        reset_key_of(o->key, h.reset_key);
    }
    h.sessions_max = o->sessions_max;
    h.sessions_per_node = CLI_FILE_SESSIONS_PER_NODE;
    if (o->listen == NULL) h.heartbeat_s = 5; /* a command wants to know soon that its server is gone */
    h.suites_allowed = HKP_HTP_ALLOW_CHACHA20_POLY1305 | HKP_HTP_ALLOW_AES256_GCM;
    h.suite_first = HKP_HTP_SUITE_AES256_GCM;
    if (st == HKP_OK) st = hkp_htp_endpoint_new(&e->ep, &h, cli_mono());
    if (st == HKP_E_UNSUPPORTED) { /* no AES in hardware */
        h.suites_allowed = HKP_HTP_ALLOW_CHACHA20_POLY1305;
        h.suite_first = HKP_HTP_SUITE_CHACHA20_POLY1305;
        st = hkp_htp_endpoint_new(&e->ep, &h, cli_mono());
    }
    hkp_ter_wipe(&h, sizeof h);
    return st;
}

static int open_socket(struct cli_file_end *e, const char *listen) {
    struct hkp_htp_path at;
    if (listen != NULL) {
        if (hkp_htp_path_parse(listen, &at) != HKP_OK)
            return cli_fail(CLI_USAGE, "%s: wants ADDRESS:PORT, such as 192.0.2.1:8144 or [::]:8144", listen);
        if (hkp_htp_udp_open(&e->udp, &at, NULL) == HKP_OK) return CLI_OK;
    } else if ((hkp_htp_path_parse("[::]:0", &at) == HKP_OK &&
                hkp_htp_udp_open(&e->udp, &at, NULL) == HKP_OK) ||
               (hkp_htp_path_parse("0.0.0.0:0", &at) == HKP_OK &&
                hkp_htp_udp_open(&e->udp, &at, NULL) == HKP_OK)) {
        return CLI_OK;
    }
    return cli_fail(CLI_SYSTEM, "%s: %s", listen != NULL ? listen : "UDP",
                    errno != 0 ? strerror(errno) : "cannot be bound");
}

int cli_file_end_open(struct cli_file_end *e, const struct cli_file_end_options *o) {
    hkp_status st = make_endpoint(e, o);
    if (st != HKP_OK) return cli_fail(cli_exit_of(st), "HTP: %s", cli_status_name(st));
    const int code = open_socket(e, o->listen);
    if (code != CLI_OK) return code;
    st = hkp_htp_files_new(&e->files, e->ep, o->files);
    return st == HKP_OK ? CLI_OK : cli_fail(cli_exit_of(st), "files: %s", cli_status_name(st));
}

void cli_file_end_close(struct cli_file_end *e) {
    hkp_htp_files_free(e->files);
    hkp_htp_udp_close(e->udp);
    hkp_htp_endpoint_free(e->ep);
    hkp_htp_devices_free(e->devices);
    memset(e, 0, sizeof *e);
}

/* ---- the loop ---- */

static void pump(struct cli_file_end *e) {
    const hkp_status st = hkp_htp_udp_pump(e->udp, e->ep, cli_mono(), cli_wall());
    (void)st; /* what the network refuses is counted there, and shows as a session that ends */
}

static void hear(struct cli_file_end *e, const struct cli_file_ears *ears) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    struct hkp_htp_file_event fe = {.struct_size = sizeof fe};
    while (hkp_htp_event(e->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE)
        if (!hkp_htp_files_take(e->files, cli_mono(), &ev) && ears->session != NULL)
            ears->session(ears->user, &ev);
    hkp_htp_files_work(e->files, cli_mono());
    while (hkp_htp_files_event(e->files, &fe) == HKP_OK && fe.type != HKP_HTP_FILE_EVENT_NONE)
        if (ears->file != NULL) ears->file(ears->user, &fe);
}

static void rest(struct cli_file_end *e, hkp_time until) {
    hkp_time wake = hkp_htp_wake(e->ep), files = hkp_htp_files_wake(e->files), now = cli_mono();
    if (files < wake) wake = files;
    if (until < wake) wake = until;
    if (wake <= now) return;
    const hkp_time ns = wake - now < 1000000000U ? wake - now : 1000000000U;
    const struct timespec t = {(time_t)(ns / 1000000000U), (long)(ns % 1000000000U)};
    struct pollfd p = {.fd = hkp_htp_udp_fd(e->udp),
                       .events = (short)(POLLIN | (hkp_htp_udp_blocked(e->udp) ? POLLOUT : 0))};
    (void)ppoll(&p, 1, &t, NULL);
}

void cli_file_end_turn(struct cli_file_end *e, const struct cli_file_ears *ears, hkp_time until) {
    pump(e);
    hear(e, ears);
    pump(e);
    rest(e, until);
}

void cli_file_end_leave(struct cli_file_end *e, const uint64_t *sessions, size_t n, uint16_t reason) {
    const struct cli_file_ears deaf = {0};
    const hkp_time until = cli_mono() + 50000000U;
    for (size_t i = 0; i < n; i++)
        if (hkp_htp_session_close(e->ep, cli_mono(), sessions[i], reason) != HKP_OK) continue;
    pump(e);
    while (n > 0 && cli_mono() < until && hkp_htp_udp_blocked(e->udp)) cli_file_end_turn(e, &deaf, until);
}
