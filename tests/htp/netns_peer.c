/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * One end of a session over real sockets, for netns.sh.
 *
 *     netns_peer v ADDRESS           answers on that address until standard input ends; every message returns
 *
 *     netns_peer e ADDRESS STEP...   connects, then takes the steps
 *
 * Steps: "KIB" sends so many KiB and compares what comes back, "+S" is silent for S seconds, "?" says so and
 * waits for a line on standard input; "=NAME" opens a socket on that interface, the next carrier, "@N" moves
 * the session to carrier N, "*N" sends by it as well (SWARM), "auto" leaves mode and paths to the driver
 * until there are three.
 *
 * E ends with 0 if all came back as it was sent. It says how many sessions it took.
 */
#include "fuzz_pair.h"

#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { CHUNK = 16384, STEP_SECONDS = 60, MOVE_SECONDS = 20, AUTO_SECONDS = 40, AUTO_PATHS = 3 };

struct peer {
    int is_e;
    hkp_htp_udp *udp;
    hkp_htp_endpoint *ep;
    struct hkp_htp_path to;
    uint64_t session;
    uint8_t up, closing, again;
    unsigned sessions;
    /** carriers of E, and paths added or moved to */
    uint64_t carriers;
    unsigned added, moved;
    /** of all steps: chunks to send, sent, that came back, by one stream */
    uint32_t stream;
    unsigned chunks, sent, back;
    /** V: messages that could not be sent back at once */
    uint8_t *owed;
    size_t owed_len;
    uint32_t owed_stream;
};

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void die(const char *what, hkp_status st) {
    fprintf(stderr, "%s: %s\n", what, hkp_htp_status_name(st));
    exit(1);
}

static int32_t peer_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

static void make(struct peer *p, const char *address) {
    struct hkp_htp_options o;
    struct hkp_htp_path any;
    hkp_htp_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){NULL, peer_fill};
    o.registry = (struct hkp_htp_registry){.find = fuzz_find,
                                           .own_index = fuzz_index,
                                           .neural = fuzz_neural,
                                           .posf = fuzz_posf,
                                           .neural_release = fuzz_release};
    o.features = HKP_HTP_FEATURE_SWARM;
    memset(o.node_id, 0x40 + p->is_e, 16);
    memset(o.a_seed, 0x10 + p->is_e, 32);
    memset(o.s_secret, 0x20 + p->is_e, 32);
    hkp_status st = hkp_htp_endpoint_new(&p->ep, &o, clock_ns(CLOCK_MONOTONIC));
    if (st == HKP_OK) st = hkp_htp_path_parse(p->is_e ? "0.0.0.0:0" : address, &any);
    if (st == HKP_OK) st = hkp_htp_path_parse(address, &p->to);
    struct hkp_htp_udp_options u;
    hkp_htp_udp_options_init(&u, sizeof u);
    u.carriers = u.swarm_sockets = p->is_e ? 4 : 0;
    if (st == HKP_OK) st = hkp_htp_udp_open_with(&p->udp, &any, &u);
    if (st != HKP_OK) die(address, st);
}

static void connect_again(struct peer *p) {
    uint8_t a[32], s[32], node_id[16];
    fuzz_keys(0, a, s);
    memset(node_id, 0x40, 16);
    const hkp_status st = hkp_htp_connect(p->ep, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) / 1000,
                                          &p->to, node_id, s, a, HKP_HTP_MODE_N, &p->session);
    if (st != HKP_OK) die("connect", st);
    p->sessions++;
    p->again = 0;
}

static void body_of(unsigned number, uint8_t *dst) {
    uint64_t x = number;
    for (size_t i = 0; i < CHUNK; i += 8) {
        const uint64_t word = check_random(&x);
        memcpy(dst + i, &word, 8);
    }
}

static void take_message(struct peer *p, const struct hkp_htp_event *ev) {
    uint8_t want[CHUNK];
    if (!p->is_e) {
        p->owed = realloc(p->owed, p->owed_len + ev->len);
        memcpy(p->owed + p->owed_len, ev->data, ev->len);
        p->owed_len += ev->len;
        p->owed_stream = ev->stream;
        p->session = ev->session;
        return;
    }
    body_of(p->back, want);
    if (ev->stream != p->stream || ev->len != CHUNK || memcmp(ev->data, want, CHUNK) != 0) {
        fprintf(stderr, "chunk %u came back altered\n", p->back);
        exit(1);
    }
    p->back++;
}

static void take_events(struct peer *p) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    for (;;) {
        hkp_status st = hkp_htp_event(p->ep, &ev);
        if (st != HKP_OK) die("event", st);
        if (ev.type == HKP_HTP_EVENT_NONE) return;
        if (ev.type == HKP_HTP_EVENT_UP) {
            p->up = 1;
            st = hkp_htp_session_allow(p->ep, ev.session, UINT64_MAX, 0);
            if (st != HKP_OK) die("allow", st);
        } else if (ev.type == HKP_HTP_EVENT_PATH) {
            p->added += ev.value == HKP_HTP_PATH_ADDED;
            p->moved += ev.value == HKP_HTP_PATH_MOVED;
            if (hkp_htp_udp_event(p->udp, p->ep, clock_ns(CLOCK_MONOTONIC), &ev) != HKP_OK) exit(1);
        } else if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            take_message(p, &ev);
        } else if (ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED) {
            if (!p->closing) fprintf(stderr, "session ended: %s\n", hkp_htp_status_name(ev.result));
            /* At 20 % loss one handshake of thirty is not done within its 15 s. */
            if (ev.type == HKP_HTP_EVENT_FAILED && ev.result == HKP_E_HTP_TIMEOUT && p->sessions < 5)
                p->again = 1;
            else if (p->is_e && !p->closing)
                exit(1);
            p->owed_len = 0;
        }
    }
}

static void give(struct peer *p) {
    uint8_t body[CHUNK];
    hkp_status st = HKP_OK;
    while (p->is_e && p->up && p->sent < p->chunks && st == HKP_OK) {
        body_of(p->sent, body);
        st = hkp_htp_stream_send(p->ep, p->session, p->stream, body, CHUNK, 0);
        p->sent += st == HKP_OK;
    }
    while (!p->is_e && p->owed_len > 0 && st == HKP_OK) {
        st = hkp_htp_stream_send(p->ep, p->session, p->owed_stream, p->owed, CHUNK, 0);
        if (st != HKP_OK) break;
        p->owed_len -= CHUNK;
        memmove(p->owed, p->owed + CHUNK, p->owed_len);
    }
    if (st != HKP_OK && st != HKP_E_LIMIT) die("send", st);
}

/* One turn; 0: standard input ended. */
static int turn(struct peer *p, int watch_input) {
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), wall = clock_ns(CLOCK_REALTIME) / 1000;
    if (hkp_htp_udp_pump(p->udp, p->ep, now, wall) != HKP_OK) die("pump", HKP_E_IO);
    take_events(p);
    if (p->again) connect_again(p);
    give(p);
    if (hkp_htp_udp_pump(p->udp, p->ep, now, wall) != HKP_OK) die("pump", HKP_E_IO);
    const hkp_time wake = hkp_htp_wake(p->ep), at = clock_ns(CLOCK_MONOTONIC);
    struct pollfd fds[2] = {{hkp_htp_udp_fd(p->udp), POLLIN, 0}, {0, POLLIN, 0}};
    const int ms = wake <= at ? 0 : wake - at > 200000000U ? 200 : (int)((wake - at) / 1000000U) + 1;
    if (poll(fds, watch_input ? 2 : 1, ms) < 0) die("poll", HKP_E_IO);
    return !(watch_input && fds[1].revents != 0);
}

static void run_for(struct peer *p, unsigned seconds, int until_back) {
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + seconds * HKP_HTP__SEC;
    while (clock_ns(CLOCK_MONOTONIC) < end && !(until_back && p->back == p->chunks)) (void)turn(p, 0);
    if (until_back && p->back != p->chunks) {
        fprintf(stderr, "after %u s: %u of %u chunks sent, %u came back\n", seconds, p->sent, p->chunks,
                p->back);
        exit(1);
    }
}

static void add_carrier(struct peer *p, const char *interface) {
    struct hkp_htp_path any;
    hkp_status st = hkp_htp_path_parse("0.0.0.0:0", &any);
    any.carrier = ++p->carriers;
    if (st == HKP_OK) st = hkp_htp_udp_carrier_add(p->udp, &any, if_nametoindex(interface));
    if (st != HKP_OK) die(interface, st);
}

static void until_up(struct peer *p) {
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + 80 * HKP_HTP__SEC;
    while (!p->up && clock_ns(CLOCK_MONOTONIC) < end) (void)turn(p, 0);
}

/* Until *what happened `times` times. */
static void wait_for(struct peer *p, const char *word, const unsigned *what, unsigned times,
                     unsigned seconds) {
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + seconds * HKP_HTP__SEC;
    while (*what < times && clock_ns(CLOCK_MONOTONIC) < end) (void)turn(p, 0);
    if (*what >= times) return;
    fprintf(stderr, "%s: nothing after %u s\n", word, seconds);
    exit(1);
}

static hkp_status ask_for(struct peer *p, const char *word) {
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    struct hkp_htp_path to = p->to;
    to.carrier = strtoull(word + 1, NULL, 10);
    return word[0] == '@' ? hkp_htp_session_migrate(p->ep, now, p->session, &to)
                          : hkp_htp_session_path_add(p->ep, now, p->session, &to);
}

static void go_by(struct peer *p, const char *word) {
    const unsigned *what = word[0] == '@' ? &p->moved : &p->added, times = *what + 1;
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + MOVE_SECONDS * HKP_HTP__SEC;
    until_up(p);
    hkp_status st = ask_for(p, word);
    while (st == HKP_E_LIMIT && clock_ns(CLOCK_MONOTONIC) < end) { /* V's tokens are on their way */
        (void)turn(p, 0);
        st = ask_for(p, word);
    }
    if (st != HKP_OK) die(word, st);
    wait_for(p, word, what, times, MOVE_SECONDS);
}

static void print_paths(const struct peer *p) {
    struct hkp_htp_session_path path = {.struct_size = sizeof path};
    for (uint32_t n = 0; hkp_htp_session_path(p->ep, p->session, n, &path) == HKP_OK; n++)
        printf("path %u: %scarrier %llu state %u packets of %u\n", n, path.path.carrier >> 63 ? "own " : "",
               (unsigned long long)(path.path.carrier & INT64_MAX), path.state, path.datagram_max);
}

static void send_and_compare(struct peer *p, const char *kib, int tell);

/* Losses of what is sent are what AUTO judges by. */
static void leave_it_to_auto(struct peer *p) {
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + AUTO_SECONDS * HKP_HTP__SEC;
    const hkp_status st =
        hkp_htp_transport_set(p->ep, clock_ns(CLOCK_MONOTONIC), p->session, HKP_HTP_TRANSPORT_AUTO);
    if (st != HKP_OK) die("auto", st);
    while (p->added < AUTO_PATHS - 1 && clock_ns(CLOCK_MONOTONIC) < end) send_and_compare(p, "64", 0);
    wait_for(p, "auto", &p->added, AUTO_PATHS - 1, 1);
}

static void step(struct peer *p, const char *word) {
    if (word[0] == '+') {
        run_for(p, (unsigned)strtoul(word + 1, NULL, 10), 0);
    } else if (word[0] == '=') {
        add_carrier(p, word + 1);
    } else if (word[0] == '@' || word[0] == '*') {
        go_by(p, word);
    } else if (word[0] == '?') {
        char line[8];
        puts("waits");
        fflush(stdout);
        while (turn(p, 1)) continue;
        if (read(0, line, sizeof line) <= 0) exit(1);
    } else if (strcmp(word, "auto") == 0) {
        leave_it_to_auto(p);
    } else {
        send_and_compare(p, word, 1);
    }
}

static void send_and_compare(struct peer *p, const char *kib, int tell) {
    const uint64_t start = clock_ns(CLOCK_MONOTONIC);
    until_up(p);
    if (p->chunks == 0) {
        const hkp_status st = hkp_htp_stream_open(p->ep, p->session, HKP_HTP_STREAM_APP, 1, 3, &p->stream);
        if (st != HKP_OK) die("stream", st);
    }
    p->chunks += (unsigned)strtoul(kib, NULL, 10) * 1024 / CHUNK;
    run_for(p, STEP_SECONDS, 1);
    if (!tell) return;
    struct hkp_htp_session_info i = {.struct_size = sizeof i};
    if (hkp_htp_session_info(p->ep, p->session, &i) != HKP_OK) exit(1);
    printf("%s KiB and back in %.2f s, %llu of %llu packets lost\n", kib,
           (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9, (unsigned long long)i.packets_lost,
           (unsigned long long)i.packets_out);
}

int main(int argc, char **argv) {
    struct peer p = {0};
    if (argc < 3 || sodium_init() < 0) return 2;
    p.is_e = argv[1][0] == 'e';
    make(&p, argv[2]);
    if (!p.is_e) {
        puts("ready");
        fflush(stdout);
        while (turn(&p, 1)) {
        }
    } else {
        connect_again(&p);
        for (int i = 3; i < argc; i++) step(&p, argv[i]);
        struct hkp_htp_session_info i = {.struct_size = sizeof i};
        if (hkp_htp_session_info(p.ep, p.session, &i) != HKP_OK) return 1;
        print_paths(&p);
        printf("%u handshakes begun, E seen as port %u\n", p.sessions, i.observed.port);
        p.closing = 1;
        (void)!hkp_htp_session_close(p.ep, clock_ns(CLOCK_MONOTONIC), p.session, HKP_HTP_REASON_DONE);
        run_for(&p, 1, 0);
    }
    free(p.owed);
    hkp_htp_udp_close(p.udp);
    hkp_htp_endpoint_free(p.ep);
    return 0;
}
