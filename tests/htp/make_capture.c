/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * make_capture VECTOR CAPTURE KEYLOG: a session of two endpoints as a pcap file, and E's key log, for the
 * test of the dissector. The handshake is of the kind of tests/vectors/htp/handshake_VECTOR.json; E sends one
 * message and one datagram, the session rekeys and closes.
 */
#include <hookprobe/htp/trace.h>

#include "pair.h"

static void put32(FILE *f, uint32_t v) { fwrite(&v, 4, 1, f); }

static void write_head(FILE *f) {
    enum { LINKTYPE_RAW = 101 };
    put32(f, 0xA1B2C3D4);
    put32(f, 2 | 4 << 16);
    put32(f, 0);
    put32(f, 0);
    put32(f, 65535);
    put32(f, LINKTYPE_RAW);
}

/* One datagram as IPv4 and UDP, without checksums. */
static void write_datagram(FILE *f, const struct pair *p, int from_e, const uint8_t *d, size_t len) {
    const struct hkp_htp_path *src = from_e ? &p->path_e : &p->path_v,
                              *dst = from_e ? &p->path_v : &p->path_e;
    uint8_t head[28] = {0x45, [8] = 64, [9] = 17};
    hkp_put_be16(head + 2, (uint16_t)(len + 28));
    memcpy(head + 12, src->addr + 12, 4);
    memcpy(head + 16, dst->addr + 12, 4);
    hkp_put_be16(head + 20, src->port);
    hkp_put_be16(head + 22, dst->port);
    hkp_put_be16(head + 24, (uint16_t)(len + 8));
    put32(f, (uint32_t)(p->wall / 1000000));
    put32(f, (uint32_t)(p->wall % 1000000));
    put32(f, (uint32_t)(len + 28));
    put32(f, (uint32_t)(len + 28));
    fwrite(head, sizeof head, 1, f);
    fwrite(d, len, 1, f);
}

static void on_key(void *user, const char *line, size_t len) { fprintf(user, "%.*s\n", (int)len, line); }

/* Lets the two talk for a time; all that crosses is written. */
static void talk(struct pair *p, FILE *f, hkp_time span) {
    uint8_t d[1200];
    for (const hkp_time end = p->now + span; p->now < end;) {
        for (int quiet = 0; quiet < 2;) {
            quiet++;
            for (int from_e = 0; from_e < 2; from_e++)
                for (size_t len; (len = pair_pull(p, from_e, d)) > 0; quiet = 0) {
                    write_datagram(f, p, from_e, d, len);
                    (void)pair_give(p, !from_e, d, len);
                }
        }
        p->now += 10 * HKP_HTP__MS;
        p->wall += 10000;
        hkp_htp_tick(p->e, p->now, p->wall);
        hkp_htp_tick(p->v, p->now, p->wall);
    }
}

int main(int argc, char **argv) {
    static const uint8_t message[] = "the message that the dissector must show", datagram[] = "a datagram";
    static struct world w;
    struct pair p;
    char file[80];
    uint32_t stream;
    if (argc != 4) return 2;
    FILE *capture = fopen(argv[2], "wb"), *keys = fopen(argv[3], "w");
    if (capture == NULL || keys == NULL) return 1;
    snprintf(file, sizeof file, "htp/handshake_%s.json", argv[1]);
    world_load(&w, vec_get(vec_load(file), "inputs"));
    pair_new(&p, &w);
    write_head(capture);
    const struct hkp_htp_trace t = {.struct_size = sizeof t, .user = keys, .key = on_key};
    CHECK_EQ(hkp_htp_trace_set(p.e, &t, p.now, p.wall), HKP_OK);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    talk(&p, capture, HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_stream_open(p.e, p.session, HKP_HTP_STREAM_CONTROL, 0, 1, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p.e, p.session, stream, message, sizeof message, 1), HKP_OK);
    CHECK_EQ(hkp_htp_datagram_send(p.e, p.session, HKP_HTP_STREAM_CONTROL, datagram, sizeof datagram),
             HKP_OK);
    talk(&p, capture, HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
    talk(&p, capture, 40 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    talk(&p, capture, 2 * HKP_HTP__SEC);
    pair_free(&p);
    fclose(capture);
    fclose(keys);
    return check_faults != 0;
}
