/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One driver with several sockets on loopback: sessions that move between them, or use them at once. */
#include <netinet/in.h>

#include "drive.h"

enum { MESSAGES = 400, FAR = 1000, NEAR = 7 };

/** E with two more sockets, NEAR and FAR. */
static void two_more(struct drive *d, uint32_t features, uint32_t off) {
    struct hkp_htp_udp_options v = drive_options(0), e = drive_options(2);
    const struct hkp_htp_path near = drive_address("127.0.0.1:0", NEAR),
                              far = drive_address("127.0.0.2:0", FAR);
    v.off = e.off = off;
    drive_new(d, &v, &e, features);
    CHECK_EQ(hkp_htp_udp_carrier_add(d->udp[1], &near, 0), HKP_OK);
    CHECK_EQ(hkp_htp_udp_carrier_add(d->udp[1], &far, 0), HKP_OK);
    drive_up(d);
}

static void migrate(struct drive *d, uint64_t carrier) {
    const struct hkp_htp_path to = drive_v(d, carrier);
    const unsigned before = d->news[1][HKP_HTP_PATH_MOVED];
    CHECK_EQ(hkp_htp_session_migrate(d->p.e, drive_now(d), d->session[1], &to), HKP_OK);
    drive_until(d, 1, HKP_HTP_PATH_MOVED, before + 1);
    drive_until(d, 0, HKP_HTP_PATH_MOVED, before + 1);
    CHECK_EQ(d->last[1].carrier, carrier);
    CHECK_EQ(d->last[0].port, drive_carrier(d, 1, carrier).local.port);
    CHECK_EQ(d->last[0].addr[15], carrier == FAR ? 2 : 1);
}

/* HTP-9.3: from the first socket to a second and a third; the one it left is closed. */
static void a_session_moves_from_socket_to_socket(void) {
    static struct drive d;
    static const uint64_t carriers[] = {NEAR, FAR, 0};
    two_more(&d, 0, 0);
    drive_say(&d, MESSAGES);
    for (unsigned i = 0; i < 3; i++) {
        migrate(&d, carriers[i]);
        const struct hkp_htp_udp_carrier before = drive_carrier(&d, 1, carriers[i]);
        drive_say(&d, (i + 2) * MESSAGES);
        const struct hkp_htp_udp_carrier after = drive_carrier(&d, 1, carriers[i]);
        CHECK(after.bytes_out - before.bytes_out > MESSAGES * DRIVE_MESSAGE);
        CHECK(after.bytes_in - before.bytes_in > MESSAGES * DRIVE_MESSAGE);
        if (carriers[i] == FAR) CHECK_EQ(hkp_htp_udp_carrier_drop(d.udp[1], NEAR), HKP_OK);
    }
    struct hkp_htp_udp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_udp_stats(d.udp[1], &s), HKP_OK);
    CHECK_EQ(s.send_errors + s.recv_errors, 0);
    drive_free(&d);
}

/* HTP-11.6: three ports of E at once, both ways. */
static void swarm(uint32_t off) {
    static struct drive d;
    static const uint64_t carriers[] = {0, NEAR, FAR};
    uint64_t in[3], out[3];
    two_more(&d, HKP_HTP_FEATURE_SWARM, off);
    for (unsigned i = 1; i < 3; i++) {
        const struct hkp_htp_path to = drive_v(&d, carriers[i]);
        CHECK_EQ(hkp_htp_session_path_add(d.p.e, drive_now(&d), d.session[1], &to), HKP_OK);
        drive_until(&d, 1, HKP_HTP_PATH_ADDED, i);
        drive_until(&d, 0, HKP_HTP_PATH_ADDED, i);
        CHECK_EQ(d.last[1].carrier, carriers[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        const struct hkp_htp_udp_carrier c = drive_carrier(&d, 1, carriers[i]);
        in[i] = c.bytes_in;
        out[i] = c.bytes_out;
    }
    drive_say(&d, 3 * MESSAGES);
    for (unsigned i = 0; i < 3; i++) {
        const struct hkp_htp_udp_carrier c = drive_carrier(&d, 1, carriers[i]);
        CHECK(c.bytes_in - in[i] > 50000);
        CHECK(c.bytes_out - out[i] > 50000);
    }
    drive_free(&d);
}

static void a_swarm_goes_by_all_sockets(void) { swarm(0); }

static void each_offload_may_be_missing(void) {
    for (uint32_t off = 1; off < 16; off <<= 1) swarm(off);
    swarm(15);
}

/* V answers by the socket that was asked, or nobody would know the answer. */
static void who_is_asked_answers(void) {
    static struct drive d;
    const struct hkp_htp_udp_options v = drive_options(1), e = drive_options(0);
    const struct hkp_htp_path second = drive_address("127.0.0.3:0", 1);
    drive_new(&d, &v, &e, 0);
    CHECK_EQ(hkp_htp_udp_carrier_add(d.udp[0], &second, 0), HKP_OK);
    CHECK_EQ(hkp_htp_session_close(d.p.e, drive_now(&d), d.p.session, HKP_HTP_REASON_DONE), HKP_OK);
    d.p.path_v = drive_carrier(&d, 0, 1).local;
    d.p.path_v.carrier = 0; /* E has no such socket */
    CHECK_EQ(pair_connect(&d.p), HKP_OK);
    for (int i = 0; i < DRIVE_TURNS && d.down[1] == 0; i++) drive_turn(&d);
    d.down[1] = 0;
    drive_up(&d);
    drive_say(&d, 20);
    const struct hkp_htp_udp_carrier c = drive_carrier(&d, 0, 1);
    CHECK(c.datagrams_in > 20 && c.datagrams_out > 20);
    CHECK_EQ(c.local.addr[15], 3);
    CHECK_EQ(drive_carrier(&d, 0, 0).datagrams_out, 0);
    drive_free(&d);
}

static void one_descriptor_tells_of_all(void) {
    const struct hkp_htp_udp_options o = drive_options(1);
    const struct hkp_htp_path more = drive_address("127.0.0.1:0", 1);
    hkp_htp_udp *udp = drive_udp(&o), *other = drive_udp(NULL);
    struct pollfd fd = {hkp_htp_udp_fd(udp), POLLIN, 0};
    struct hkp_htp_udp_carrier c = {.struct_size = sizeof c};
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &more, 0), HKP_OK);
    CHECK_EQ(hkp_htp_udp_fd(udp), fd.fd);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    CHECK_EQ(hkp_htp_udp_carrier(udp, 1, &c), HKP_OK);
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(c.local.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    CHECK_EQ(sendto(hkp_htp_udp_fd(other), "?", 1, 0, (const struct sockaddr *)&to, sizeof to), 1);
    CHECK_EQ(poll(&fd, 1, 1000), 1);
    CHECK_EQ(hkp_htp_udp_carrier_drop(udp, 1), HKP_OK);
    CHECK_EQ(hkp_htp_udp_fd(udp), fd.fd);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    hkp_htp_udp_close(udp);
    hkp_htp_udp_close(other);
}

static void sockets_have_their_limits(void) {
    struct hkp_htp_udp_options o = drive_options(2);
    struct hkp_htp_path path = drive_address("127.0.0.1:0", 0);
    struct hkp_htp_udp_carrier c = {.struct_size = sizeof c};
    hkp_htp_udp *udp = drive_udp(&o), *other = NULL;
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_E_INVAL); /* that carrier has a socket */
    CHECK_EQ(hkp_htp_udp_carrier_add(NULL, &path, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, NULL, 0), HKP_E_INVAL);
    path.carrier = 1;
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 999999), HKP_E_IO);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, UINT32_MAX), HKP_E_IO);
    struct hkp_htp_path foreign = drive_address("203.0.113.1:0", 1);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &foreign, 0), HKP_E_IO);
    CHECK_EQ(hkp_htp_udp_carrier(udp, 1, &c), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_udp_carrier_drop(udp, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 1), HKP_OK); /* 1 is the loopback interface */
    path.carrier = UINT64_MAX;
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_E_INVAL); /* the driver's own */
    path.carrier = UINT64_MAX / 2;
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_OK);
    path.carrier = 2;
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_E_LIMIT);
    CHECK_EQ(hkp_htp_udp_carrier_drop(udp, 0), HKP_E_STATE);
    CHECK_EQ(hkp_htp_udp_carrier_drop(NULL, 1), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_udp_carrier_drop(udp, 1), HKP_OK);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_OK);
    CHECK_EQ(hkp_htp_udp_carrier(udp, UINT64_MAX / 2, &c), HKP_OK);
    CHECK(c.local.port != 0 && c.local.carrier == UINT64_MAX / 2);
    CHECK_EQ(hkp_htp_udp_carrier(NULL, 0, &c), HKP_E_INVAL);
    c.struct_size--;
    CHECK_EQ(hkp_htp_udp_carrier(udp, 0, &c), HKP_E_INVAL);
    hkp_htp_udp_close(udp);
    udp = drive_udp(NULL); /* without the option there is one */
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_E_LIMIT);
    hkp_htp_udp_close(udp);
    o.carriers = HKP_HTP_UDP_SOCKETS_MAX;
    CHECK_EQ(hkp_htp_udp_open_with(&other, &path, &o), HKP_E_INVAL);
    o.carriers--;
    path.carrier = 0;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &path, &o), HKP_OK);
    for (path.carrier = 1; path.carrier < HKP_HTP_UDP_SOCKETS_MAX; path.carrier++)
        CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_OK);
    CHECK_EQ(hkp_htp_udp_carrier_add(udp, &path, 0), HKP_E_LIMIT);
    hkp_htp_udp_close(udp);
}

/* The socket in use is closed: what is sent there is counted, and the session goes on by another. */
static void a_closed_socket_ends_no_session(void) {
    static struct drive d;
    struct hkp_htp_udp_stats s = {.struct_size = sizeof s};
    two_more(&d, 0, 0);
    migrate(&d, NEAR);
    drive_say(&d, 10);
    CHECK_EQ(hkp_htp_udp_carrier_drop(d.udp[1], NEAR), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(d.p.e, d.session[1], d.stream[1], (const uint8_t *)"?", 1, 1), HKP_OK);
    for (int i = 0; i < 3; i++) drive_turn(&d);
    CHECK_EQ(hkp_htp_udp_stats(d.udp[1], &s), HKP_OK);
    CHECK(s.send_errors >= 1);
    const struct hkp_htp_path to = drive_v(&d, FAR);
    CHECK_EQ(hkp_htp_session_migrate(d.p.e, drive_now(&d), d.session[1], &to), HKP_OK);
    drive_until(&d, 1, HKP_HTP_PATH_MOVED, 2);
    CHECK_EQ(d.down[0] + d.down[1], 0);
    drive_free(&d);
}

int main(void) {
    CASE(a_session_moves_from_socket_to_socket);
    CASE(a_swarm_goes_by_all_sockets);
    CASE(each_offload_may_be_missing);
    CASE(who_is_asked_answers);
    CASE(one_descriptor_tells_of_all);
    CASE(sockets_have_their_limits);
    CASE(a_closed_socket_ends_no_session);
    return check_done();
}
