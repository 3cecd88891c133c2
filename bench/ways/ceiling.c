/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What this machine allows: the fastest AEAD alone over UDP with the same offloads (UDP_SEGMENT, UDP_GRO) and
 * sizes, one core a side, no protocol but a count that comes back so that nothing is lost. And raw UDP round
 * trips.
 */
#include "way.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#ifdef WAY_OPENSSL
#include <openssl/evp.h>
#endif
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { HEAD = 8, TAG = 16, MOST = 65000, SMALL = 64, WINDOW_BYTES = 1024 * 1024 };

struct link;
/* Of packet, len bytes between number and tag. */
typedef int (*aead_fn)(const struct link *l, uint8_t *packet, size_t len);

struct link {
    int client, server;
    const struct way_load *load;
    struct way_cost *cost;
    size_t datagram;
    unsigned count;
    int busy;
    double *seconds;
    uint8_t key[32];
    aead_fn seal, open;
#ifdef WAY_OPENSSL
    EVP_CIPHER_CTX *seals, *opens;
#endif
};

/* ---- the fastest AEAD of this size: libsodium's, or libcrypto's where the bench has it */

static void nonce_of(uint8_t nonce[12], const uint8_t *packet) {
    memset(nonce, 0, 12);
    memcpy(nonce, packet, HEAD);
}

static int sodium_seal(const struct link *l, uint8_t *packet, size_t len) {
    uint8_t nonce[12], *text = packet + HEAD;
    nonce_of(nonce, packet);
    return (l->load->suite == WAY_AES ? crypto_aead_aes256gcm_encrypt_detached
                                      : crypto_aead_chacha20poly1305_ietf_encrypt_detached)(
        text, text + len, NULL, text, len, packet, HEAD, NULL, nonce, l->key);
}

static int sodium_open(const struct link *l, uint8_t *packet, size_t len) {
    uint8_t nonce[12], *text = packet + HEAD;
    nonce_of(nonce, packet);
    return (l->load->suite == WAY_AES ? crypto_aead_aes256gcm_decrypt_detached
                                      : crypto_aead_chacha20poly1305_ietf_decrypt_detached)(
        text, NULL, text, len, text + len, packet, HEAD, nonce, l->key);
}

#ifdef WAY_OPENSSL
static EVP_CIPHER_CTX *context(const struct link *l, int seals) {
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    if (x != NULL)
        EVP_CipherInit_ex(x, l->load->suite == WAY_AES ? EVP_aes_256_gcm() : EVP_chacha20_poly1305(), NULL,
                          l->key, NULL, seals);
    return x;
}

static int libcrypto_seal(const struct link *l, uint8_t *packet, size_t len) {
    uint8_t nonce[12], *text = packet + HEAD;
    int n;
    nonce_of(nonce, packet);
    return EVP_CipherInit_ex(l->seals, NULL, NULL, NULL, nonce, 1) == 1 &&
                   EVP_CipherUpdate(l->seals, NULL, &n, packet, HEAD) == 1 &&
                   EVP_CipherUpdate(l->seals, text, &n, text, (int)len) == 1 &&
                   EVP_CipherFinal_ex(l->seals, text + len, &n) == 1 &&
                   EVP_CIPHER_CTX_ctrl(l->seals, EVP_CTRL_AEAD_GET_TAG, TAG, text + len) == 1
               ? 0
               : -1;
}

static int libcrypto_open(const struct link *l, uint8_t *packet, size_t len) {
    uint8_t nonce[12], *text = packet + HEAD;
    int n;
    nonce_of(nonce, packet);
    return EVP_CipherInit_ex(l->opens, NULL, NULL, NULL, nonce, 0) == 1 &&
                   EVP_CIPHER_CTX_ctrl(l->opens, EVP_CTRL_AEAD_SET_TAG, TAG, text + len) == 1 &&
                   EVP_CipherUpdate(l->opens, NULL, &n, packet, HEAD) == 1 &&
                   EVP_CipherUpdate(l->opens, text, &n, text, (int)len) == 1 &&
                   EVP_CipherFinal_ex(l->opens, text + len, &n) == 1
               ? 0
               : -1;
}

/* Seconds for some packets, sealed and opened. */
static double tried(const struct link *l, aead_fn seal, aead_fn open, uint8_t *packet) {
    const size_t len = l->datagram - HEAD - TAG;
    double best = 1e9;
    for (int round = 0; round < 8; round++) {
        const double t = way_clock();
        for (int i = 0; i < 20; i++)
            if (seal(l, packet, len) != 0 || open(l, packet, len) != 0) return 1e9;
        if (way_clock() - t < best) best = way_clock() - t;
    }
    return best;
}
#endif

static void choose(struct link *l) {
    l->seal = sodium_seal;
    l->open = sodium_open;
#ifdef WAY_OPENSSL
    static uint8_t packet[65536];
    l->seals = context(l, 1);
    l->opens = context(l, 0);
    if (tried(l, libcrypto_seal, libcrypto_open, packet) > tried(l, sodium_seal, sodium_open, packet)) return;
    l->seal = libcrypto_seal;
    l->open = libcrypto_open;
#endif
}

static void close_link(struct link *l, struct way_relay *relay) {
#ifdef WAY_OPENSSL
    EVP_CIPHER_CTX_free(l->seals);
    EVP_CIPHER_CTX_free(l->opens);
#endif
    close(l->client);
    close(l->server);
    way_relay_free(relay);
}

static int serve_bulk(void *user) {
    struct link *l = user;
    static uint8_t buffer[65536];
    const int on = 1;
    uint64_t got = 0, packets = 0, told = 0;
    if (setsockopt(l->server, SOL_UDP, UDP_GRO, &on, sizeof on) != 0) return -1;
    while (got < l->load->bytes) {
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {buffer, sizeof buffer};
        struct msghdr m = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        const ssize_t n = recvmsg(l->server, &m, 0);
        if (n <= 0) return -1;
        int segment = (int)n;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
                memcpy(&segment, CMSG_DATA(c), sizeof segment);
        for (ssize_t at = 0; at < n; at += segment) {
            const size_t len = (size_t)(n - at < segment ? n - at : segment);
            if (len < HEAD + TAG || l->open(l, buffer + at, len - HEAD - TAG) != 0) return -1;
            got += len - HEAD - TAG;
            packets++;
        }
        if ((packets - told) * l->datagram < WINDOW_BYTES / 4 && got < l->load->bytes) continue;
        told = packets;
        if (send(l->server, &packets, sizeof packets, 0) != sizeof packets) return -1;
    }
    return 0;
}

static int send_run(const struct link *l, uint8_t *buffer, size_t packets) {
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec iov = {buffer, packets * l->datagram};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (packets > 1) {
        const uint16_t size = (uint16_t)l->datagram;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    return sendmsg(l->client, &m, 0) < 0 ? -1 : 0;
}

static void seal_next(const struct link *l, uint8_t *packet, uint64_t number) {
    memcpy(packet, &number, HEAD);
    (void)l->seal(l, packet, l->datagram - HEAD - TAG);
}

static int use_bulk(void *user) {
    struct link *l = user;
    static uint8_t buffer[65536];
    const size_t text = l->datagram - HEAD - TAG, run = MOST / l->datagram > 64 ? 64 : MOST / l->datagram;
    const uint64_t all = (l->load->bytes + text - 1) / text;
    uint64_t sent = 0, there = 0;
    way_begin(l->cost);
    while (there < all) {
        size_t n = 0;
        for (; n < run && sent < all && (sent - there) * l->datagram < WINDOW_BYTES; n++)
            seal_next(l, buffer + n * l->datagram, sent++);
        if (n > 0 && send_run(l, buffer, n) != 0) return -1;
        const int must_wait = n == 0;
        while (recv(l->client, &there, sizeof there, must_wait && n == 0 ? 0 : MSG_DONTWAIT) == sizeof there)
            n = 1;
    }
    way_end(l->cost);
    return 0;
}

static int bulk(const struct way_load *load, struct way_cost *cost) {
    struct link l = {.load = load, .cost = cost, .datagram = load->datagram != 0 ? load->datagram : 16384};
    struct way_relay *relay;
    int fd[2];
    if (load->suite == WAY_AES && !crypto_aead_aes256gcm_is_available()) return -1;
    if (way_udp_pair(fd, &relay) != 0) return -1;
    l.client = fd[0];
    l.server = fd[1];
    choose(&l);
    const int st = way_both(serve_bulk, use_bulk, &l);
    close_link(&l, relay);
    return st;
}

/* ---- raw round trips */

static ssize_t take(int fd, void *dst, size_t len, int busy) {
    ssize_t n;
    do n = recv(fd, dst, len, busy ? MSG_DONTWAIT : 0);
    while (n < 0 && busy && errno == EAGAIN);
    return n;
}

static int serve_trips(void *user) {
    struct link *l = user;
    char buffer[SMALL];
    for (unsigned i = 0; i < l->count; i++)
        if (take(l->server, buffer, SMALL, l->busy) != SMALL || send(l->server, buffer, SMALL, 0) != SMALL)
            return -1;
    return 0;
}

static int use_trips(void *user) {
    struct link *l = user;
    char buffer[SMALL] = {0};
    for (unsigned i = 0; i < l->count; i++) {
        const double t = way_clock();
        if (send(l->client, buffer, SMALL, 0) != SMALL || take(l->client, buffer, SMALL, l->busy) != SMALL)
            return -1;
        l->seconds[i] = way_clock() - t;
    }
    return 0;
}

static int round_trips(unsigned count, int busy, double *seconds) {
    struct link l = {.count = count, .busy = busy, .seconds = seconds};
    struct way_relay *relay;
    int fd[2];
    if (way_udp_pair(fd, &relay) != 0) return -1;
    l.client = fd[0];
    l.server = fd[1];
    const int st = way_both(serve_trips, use_trips, &l);
    close_link(&l, relay);
    return st;
}

const struct way way_ceiling = {"ceiling", bulk, NULL, NULL, NULL};
const struct way way_udp = {"udp", NULL, NULL, round_trips, NULL};
