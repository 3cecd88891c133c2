/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What shop.c and ledger.c have between them: a table for each direction, keys, and messages on a connection,
 * each four bytes of length and a sealed intermediary.
 */
#ifndef EXAMPLE_LAB_LINK_H
#define EXAMPLE_LAB_LINK_H

#include <hookprobe/neuro.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8192, LIFE_S = 60 };

struct way {
    hkp_neuro_bridge *bridge;
    /** the form that this service speaks in this direction */
    uint32_t form;
};

struct link {
    struct way orders, receipts;
    struct hkp_neuro_hyb_secret secret;
    hkp_neuro_hyb_replay *seen;
    int fd;
};

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t cap) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) die(path);
    const size_t len = fread(bytes, 1, cap, f);
    fclose(f);
    return len;
}

static hkp_neuro_bridge *open_table(const char *path, const uint8_t signer[32]) {
    static uint8_t file[1 << 16];
    hkp_neuro_bridge *bridge = NULL;
    const size_t len = read_file(path, file, sizeof file);
    if (hkp_neuro_bridge_open(&bridge, NULL, file, len, signer, 1) != HKP_OK)
        die("a table that is not believed");
    return bridge;
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

/** argv: order table, receipt table, signer as hexadecimal digits, file with the master key. */
static void link_begin(struct link *l, char **argv, uint32_t form) {
    uint8_t signer[32], master[33];
    const uint8_t key_id[16] = "shop and ledger";
    struct hkp_neuro_hyb_replay_options seen;
    if (sodium_init() < 0) die("no randomness");
    if (sodium_hex2bin(signer, sizeof signer, argv[2], strlen(argv[2]), NULL, NULL, NULL) != 0)
        die("which signer?");
    if (read_file(argv[3], master, sizeof master) != 32) die("a master key has 32 bytes");
    l->orders = (struct way){open_table(argv[0], signer), form};
    l->receipts = (struct way){open_table(argv[1], signer), form};
    if (hkp_neuro_hyb_keys_derive(&l->secret, key_id, master, HKP_NEURO_HYB_FROM_RANDOM,
                                  (uint64_t)time(NULL)) != HKP_OK)
        die("no keys");
    sodium_memzero(master, sizeof master);
    hkp_neuro_hyb_replay_options_init(&seen, sizeof seen);
    seen.rng.fill = fill;
    if (hkp_neuro_hyb_replay_new(&l->seen, &seen) != HKP_OK) die("no memory");
}

static void link_end(struct link *l) {
    hkp_neuro_bridge_free(l->orders.bridge);
    hkp_neuro_bridge_free(l->receipts.bridge);
    hkp_neuro_hyb_replay_free(l->seen);
    sodium_memzero(&l->secret, sizeof l->secret);
}

static struct hkp_neuro_hyb_options options(struct link *l) {
    struct hkp_neuro_hyb_options o;
    hkp_neuro_hyb_options_init(&o, sizeof o);
    o.now_s = (uint64_t)time(NULL);
    o.expires_s = o.now_s + LIFE_S;
    o.rng.fill = fill;
    o.replay = l->seen;
    return o;
}

static int all(int fd, uint8_t *bytes, size_t len, int writing) {
    while (len > 0) {
        const ssize_t n = writing ? send(fd, bytes, len, MSG_NOSIGNAL) : recv(fd, bytes, len, 0);
        if (n <= 0) return 0;
        bytes += n;
        len -= (size_t)n;
    }
    return 1;
}

/** What this service says, in its own form, sealed and sent. Says what is wrong with it, never a value. */
static int say(struct link *l, const struct way *way, const uint8_t *text, size_t len) {
    uint8_t inter[ROOM], sealed[4 + ROOM];
    struct hkp_neuro_bridge_place place;
    const struct hkp_neuro_hyb_options o = options(l);
    size_t n;
    hkp_status st =
        hkp_neuro_bridge_decode(way->bridge, way->form, text, len, inter, sizeof inter, &n, &place);
    if (st != HKP_OK) {
        printf("{\"refused\":\"%s\",\"field\":\"%s\",\"byte\":%llu}\n", hkp_neuro_status_name(st), place.path,
               (unsigned long long)place.offset);
        return 0;
    }
    if (hkp_neuro_hyb_seal(&l->secret, &o, way->bridge, inter, n, sealed + 4, ROOM, &n) != HKP_OK) return 0;
    for (int i = 0; i < 4; i++) sealed[i] = (uint8_t)(n >> (24 - 8 * i));
    return all(l->fd, sealed, n + 4, 1);
}

/** What the other service said, in the form of this one; 0: nothing, or nothing that opens. */
static size_t hear(struct link *l, const struct way *way, uint8_t text[ROOM]) {
    uint8_t sealed[ROOM], inter[ROOM], head[4];
    const struct hkp_neuro_hyb_options o = options(l);
    size_t n;
    if (!all(l->fd, head, 4, 0)) return 0;
    const size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len > sizeof sealed || !all(l->fd, sealed, len, 0)) return 0;
    if (hkp_neuro_hyb_open(&l->secret, &o, way->bridge, sealed, len, inter, sizeof inter, &n) != HKP_OK ||
        hkp_neuro_bridge_encode(way->bridge, way->form, inter, n, text, ROOM, &n, NULL) != HKP_OK)
        return 0;
    return n;
}

#endif
