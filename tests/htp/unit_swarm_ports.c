/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A driver that opens ports for SWARM by itself, as the endpoint asks for paths (HTP-11.5, 11.6), over
 * loopback. */
#include <sys/socket.h>

#include "drive.h"

enum { MESSAGES = 300, PATHS = 4 };

#define SEC UINT64_C(1000000000)

static void tell_driver(struct drive *d, const struct hkp_htp_event *ev) {
    CHECK_EQ(hkp_htp_udp_event(d->udp[1], d->p.e, drive_now(d), ev), HKP_OK);
}

/** E may add `carriers` sockets and its driver `ports`. */
static void begin(struct drive *d, uint32_t carriers, uint32_t ports) {
    const struct hkp_htp_udp_options v = drive_options(0);
    struct hkp_htp_udp_options e = drive_options(carriers);
    e.swarm_sockets = ports;
    drive_new(d, &v, &e, HKP_HTP_FEATURE_SWARM);
    d->each = tell_driver;
    drive_up(d);
}

static int path_of(const struct drive *d, uint32_t n, struct hkp_htp_session_path *out) {
    *out = (struct hkp_htp_session_path){.struct_size = sizeof *out};
    return hkp_htp_session_path(d->p.e, d->session[1], n, out) == HKP_OK;
}

static unsigned paths_in(const struct drive *d, uint32_t state) {
    struct hkp_htp_session_path p;
    unsigned count = 0;
    for (uint32_t n = 0; path_of(d, n, &p); n++) count += p.state == state;
    return count;
}

static int is_open(const struct drive *d, uint64_t carrier) {
    struct hkp_htp_udp_carrier c = {.struct_size = sizeof c};
    return hkp_htp_udp_carrier(d->udp[1], carrier, &c) == HKP_OK;
}

static void until_paths(struct drive *d, unsigned paths) {
    for (int i = 0; i < DRIVE_TURNS && drive_goes_on(d) && paths_in(d, HKP_HTP_PATH_IS_USED) != paths; i++)
        drive_turn(d);
    CHECK_EQ(paths_in(d, HKP_HTP_PATH_IS_USED), paths);
}

/** Time goes on in steps, while nothing happens. */
static void idle(struct drive *d, unsigned seconds) {
    for (unsigned i = 0; i < seconds && drive_goes_on(d); i++) {
        drive_jump(d, SEC);
        for (int k = 0; k < 3; k++) drive_turn(d);
    }
}

static void mode(struct drive *d, uint32_t wanted) {
    CHECK_EQ(hkp_htp_transport_set(d->p.e, drive_now(d), d->session[1], wanted), HKP_OK);
}

/* The mode alone opens paths, all carry, and when it ends the ports close; then again. */
static void mode_swarm_opens_and_closes_ports(void) {
    static struct drive d;
    begin(&d, 0, 8);
    for (unsigned round = 0; round < 2; round++) {
        struct hkp_htp_session_path p[PATHS];
        uint64_t in[PATHS], out[PATHS];
        mode(&d, HKP_HTP_TRANSPORT_SWARM);
        until_paths(&d, PATHS);
        for (uint32_t n = 0; n < PATHS; n++) {
            CHECK(path_of(&d, n, &p[n]) && p[n].datagram_max >= 1200 && p[n].window > 0);
            in[n] = drive_carrier(&d, 1, p[n].path.carrier).bytes_in;
            out[n] = drive_carrier(&d, 1, p[n].path.carrier).bytes_out;
            for (uint32_t k = 0; k < n; k++)
                CHECK(drive_carrier(&d, 1, p[k].path.carrier).local.port !=
                      drive_carrier(&d, 1, p[n].path.carrier).local.port);
        }
        drive_say(&d, (round + 1) * 4 * MESSAGES);
        for (uint32_t n = 0; n < PATHS; n++) {
            CHECK(drive_carrier(&d, 1, p[n].path.carrier).bytes_in - in[n] > 20000);
            CHECK(drive_carrier(&d, 1, p[n].path.carrier).bytes_out - out[n] > 20000);
        }
        mode(&d, HKP_HTP_TRANSPORT_BALANCED);
        until_paths(&d, 1);
        idle(&d, 10);
        for (uint32_t n = 1; n < PATHS; n++) CHECK(!is_open(&d, p[n].path.carrier));
        CHECK_EQ(d.down[0] + d.down[1], 0);
    }
    drive_say(&d, 8 * MESSAGES + 10);
    drive_free(&d);
}

/* HTP-11.5: AUTO on a path that loses much asks for SWARM, and gets it. */
static void auto_gets_its_swarm(void) {
    static struct drive d;
    static uint8_t lost[65536];
    struct hkp_htp_transport t = {.struct_size = sizeof t};
    uint8_t body[DRIVE_MESSAGE];
    begin(&d, 0, 8);
    mode(&d, HKP_HTP_TRANSPORT_AUTO);
    idle(&d, 2);
    for (int i = 0; i < 4000 && drive_goes_on(&d) && d.news[1][HKP_HTP_PATH_ADDED] < PATHS - 1; i++) {
        drive_body(body, 1, d.queued[1]);
        if (hkp_htp_stream_send(d.p.e, d.session[1], d.stream[1], body, sizeof body, 0) == HKP_OK)
            d.queued[1]++;
        if (d.news[1][HKP_HTP_PATH_ADDED] == 0 && i % 3 == 0) /* V never sees some of them */
            (void)recv(hkp_htp_udp_fd(d.udp[0]), lost, sizeof lost, MSG_DONTWAIT);
        d.ahead_ns += SEC / 50;
        drive_turn(&d);
    }
    CHECK_EQ(hkp_htp_transport_info(d.p.e, d.session[1], &t), HKP_OK);
    CHECK(t.mode == HKP_HTP_TRANSPORT_SWARM && t.why == HKP_HTP_WHY_PATH &&
          t.wanted == HKP_HTP_TRANSPORT_AUTO);
    until_paths(&d, PATHS);
    drive_say(&d, d.queued[1] + 10);
    mode(&d, HKP_HTP_TRANSPORT_BALANCED);
    until_paths(&d, 1);
    drive_say(&d, d.queued[1] + 10);
    drive_free(&d);
}

/* HTP-11.6: with each rekey the oldest path goes and a fresh port comes. */
static void each_rekey_brings_a_fresh_port(void) {
    static struct drive d;
    struct hkp_htp_session_path p;
    uint64_t first = 0;
    begin(&d, 0, 5);
    mode(&d, HKP_HTP_TRANSPORT_SWARM);
    until_paths(&d, PATHS);
    for (unsigned i = 0; i < 6; i++) {
        const unsigned added = d.news[1][HKP_HTP_PATH_ADDED];
        CHECK(path_of(&d, 0, &p));
        first = p.path.carrier;
        CHECK_EQ(hkp_htp_session_rekey(d.p.e, drive_now(&d), d.session[1]), HKP_OK);
        for (int k = 0; k < 100 && drive_goes_on(&d) && d.news[1][HKP_HTP_PATH_ADDED] == added; k++) {
            drive_jump(&d, SEC / 10);
            drive_say(&d, d.queued[1] + 1);
        }
        until_paths(&d, PATHS);
        CHECK(path_of(&d, 0, &p) && (i > 0 || p.path.carrier != 0));
        idle(&d, 10);
        CHECK(is_open(&d, 0)); /* the caller's own stays */
        if (first != 0 && first != p.path.carrier) CHECK(!is_open(&d, first));
        CHECK_EQ(paths_in(&d, HKP_HTP_PATH_IS_USED), PATHS);
    }
    CHECK_EQ(d.down[0] + d.down[1], 0);
    drive_free(&d);
}

/* Fresh ports have the addresses of the caller's sockets in turn: each uplink gets its part. */
static void ports_spread_over_the_uplinks(void) {
    static struct drive d;
    const struct hkp_htp_path second = drive_address("127.0.0.2:0", 5);
    unsigned by[3] = {0};
    begin(&d, 1, 8);
    CHECK_EQ(hkp_htp_udp_carrier_add(d.udp[1], &second, 0), HKP_OK);
    mode(&d, HKP_HTP_TRANSPORT_SWARM);
    until_paths(&d, PATHS);
    for (uint32_t n = 0; n < PATHS; n++) {
        struct hkp_htp_session_path p;
        CHECK(path_of(&d, n, &p));
        const uint8_t last = drive_carrier(&d, 1, p.path.carrier).local.addr[15];
        by[last < 3 ? last : 0]++;
    }
    CHECK_EQ(by[1], 2);
    CHECK_EQ(by[2], 2);
    drive_say(&d, MESSAGES);
    drive_free(&d);
}

static void ports_have_their_limits(void) {
    static struct drive d;
    struct hkp_htp_event ev = {
        .struct_size = sizeof ev, .type = HKP_HTP_EVENT_PATH, .value = HKP_HTP_PATH_WANTED};
    struct hkp_htp_session_path p = {.struct_size = sizeof p};
    hkp_htp_udp *udp = NULL;
    begin(&d, 0, 1);
    mode(&d, HKP_HTP_TRANSPORT_SWARM);
    until_paths(&d, 2);
    drive_say(&d, 50);
    idle(&d, 25); /* asked again, there is no port left */
    CHECK_EQ(paths_in(&d, HKP_HTP_PATH_IS_USED), 2);
    CHECK(path_of(&d, 1, &p));
    const uint64_t own = p.path.carrier;
    CHECK_EQ(hkp_htp_udp_carrier_drop(d.udp[1], own), HKP_E_STATE);
    CHECK_EQ(hkp_htp_udp_event(NULL, d.p.e, 0, &ev), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_udp_event(d.udp[1], NULL, 0, &ev), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_udp_event(d.udp[1], d.p.e, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_path(d.p.e, d.session[1] + 1, 0, &p), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_path(d.p.e, d.session[1], 2, &p), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_path(NULL, d.session[1], 0, &p), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_path(d.p.e, d.session[1], 0, NULL), HKP_E_INVAL);
    p.struct_size--;
    CHECK_EQ(hkp_htp_session_path(d.p.e, d.session[1], 0, &p), HKP_E_INVAL);
    /* The session ends, and its port with it. */
    CHECK_EQ(hkp_htp_session_close(d.p.e, drive_now(&d), d.session[1], HKP_HTP_REASON_DONE), HKP_OK);
    for (int i = 0; i < DRIVE_TURNS && d.down[0] == 0; i++) drive_turn(&d);
    idle(&d, 15);
    CHECK(!is_open(&d, own) && is_open(&d, 0));
    drive_free(&d);
    struct hkp_htp_path any = drive_address("127.0.0.1:0", 0);
    struct hkp_htp_udp_options o = drive_options(30);
    o.swarm_sockets = 2;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &any, &o), HKP_E_INVAL);
    o.swarm_sockets = 1;
    o.reserved0 = 1;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &any, &o), HKP_E_INVAL);
    o.reserved0 = 0;
    any.carrier = UINT64_MAX;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &any, &o), HKP_E_INVAL);
    CHECK(udp == NULL);
}

/* Without the option, or an owner who does not pass events on, a session in mode SWARM has the path it had.
 */
static void nothing_opens_by_itself(void) {
    static struct drive d;
    for (int told = 0; told < 2; told++) {
        begin(&d, 1, told ? 0 : 8);
        if (!told) d.each = NULL;
        mode(&d, HKP_HTP_TRANSPORT_SWARM);
        drive_say(&d, MESSAGES);
        idle(&d, 5);
        CHECK_EQ(paths_in(&d, HKP_HTP_PATH_IS_USED), 1);
        CHECK_EQ(d.news[1][HKP_HTP_PATH_WANTED], 1);
        idle(&d, 60);
        CHECK(d.news[1][HKP_HTP_PATH_WANTED] <= 7); /* each 10 s at most, and nobody is woken for it */
        drive_free(&d);
    }
}

int main(void) {
    CASE(mode_swarm_opens_and_closes_ports);
    CASE(auto_gets_its_swarm);
    CASE(each_rekey_brings_a_fresh_port);
    CASE(ports_spread_over_the_uplinks);
    CASE(ports_have_their_limits);
    CASE(nothing_opens_by_itself);
    return check_done();
}
