/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* libsrt in file mode with AES-256 under a passphrase; its largest packet is of 1500 bytes. */
#include "way.h"

#include <netinet/in.h>
#include <srt/srt.h>
#include <string.h>

enum { CHUNK = 65536, SMALL = 64, BUFFERS = 16 * 1024 * 1024, PACKETS = 16384 };

struct link {
    SRTSOCKET listener, client, server;
    const struct way_load *load;
    struct way_cost *cost;
    unsigned count;
    struct sockaddr_in at;
    uint8_t in[CHUNK], out[CHUNK];
};

static SRTSOCKET make_socket(void) {
    static const char passphrase[] = "sixteen or more characters";
    const SRTSOCKET s = srt_create_socket();
    const int key = 32, buffers = BUFFERS, packets = PACKETS, kind = SRTT_FILE;
    if (s == SRT_INVALID_SOCK) return s;
    srt_setsockflag(s, SRTO_TRANSTYPE, &kind, sizeof kind);
    srt_setsockflag(s, SRTO_PBKEYLEN, &key, sizeof key);
    srt_setsockflag(s, SRTO_PASSPHRASE, passphrase, sizeof passphrase - 1);
    srt_setsockflag(s, SRTO_FC, &packets, sizeof packets);
    srt_setsockflag(s, SRTO_SNDBUF, &buffers, sizeof buffers);
    srt_setsockflag(s, SRTO_RCVBUF, &buffers, sizeof buffers);
    srt_setsockflag(s, SRTO_UDP_SNDBUF, &buffers, sizeof buffers);
    srt_setsockflag(s, SRTO_UDP_RCVBUF, &buffers, sizeof buffers);
    return s;
}

static int listen_somewhere(struct link *l) {
    int len = sizeof l->at;
    l->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    l->listener = make_socket();
    if (l->listener == SRT_INVALID_SOCK || srt_bind(l->listener, (struct sockaddr *)&l->at, len) != 0)
        return -1;
    return srt_listen(l->listener, 16) == 0 &&
                   srt_getsockname(l->listener, (struct sockaddr *)&l->at, &len) == 0
               ? 0
               : -1;
}

static int receive(SRTSOCKET s, void *dst, int len) { return srt_recv(s, dst, len); }

static int serve_bulk(void *user) {
    struct link *l = user;
    l->server = srt_accept(l->listener, NULL, NULL);
    if (l->server == SRT_INVALID_SOCK) return -1;
    for (uint64_t got = 0; got < l->load->bytes;) {
        const int n = receive(l->server, l->in, CHUNK);
        if (n <= 0) return -1;
        got += (uint64_t)n;
    }
    return srt_send(l->server, "k", 1) == 1 ? 0 : -1;
}

static int use_bulk(void *user) {
    struct link *l = user;
    char byte;
    l->client = make_socket();
    if (srt_connect(l->client, (struct sockaddr *)&l->at, sizeof l->at) != 0) return -1;
    way_begin(l->cost);
    for (uint64_t sent = 0; sent < l->load->bytes;) {
        const uint64_t left = l->load->bytes - sent;
        const int n = srt_send(l->client, (const char *)l->out, left < CHUNK ? (int)left : CHUNK);
        if (n <= 0) return -1;
        sent += (uint64_t)n;
    }
    const int n = receive(l->client, &byte, 1);
    way_end(l->cost);
    return n == 1 ? 0 : -1;
}

static int bulk(const struct way_load *load, struct way_cost *cost) {
    static struct link l;
    memset(&l, 0, sizeof l);
    l = (struct link){.load = load, .cost = cost, .client = SRT_INVALID_SOCK, .server = SRT_INVALID_SOCK};
    if (load->suite != WAY_AES || srt_startup() < 0) return -1;
    int st = listen_somewhere(&l);
    if (st == 0) st = way_both(serve_bulk, use_bulk, &l);
    if (l.client != SRT_INVALID_SOCK) srt_close(l.client);
    if (l.server != SRT_INVALID_SOCK) srt_close(l.server);
    srt_close(l.listener);
    srt_cleanup();
    return st;
}

const struct way way_srt = {"srt", bulk, NULL, NULL, NULL};
