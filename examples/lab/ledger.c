/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The ledger: every customer has a credit of 100.00, and an order that is not covered is refused. It sees
 * records as they have always been, and no JSON. See README.md.
 *
 *     order    0 number, 10 digits   10 customer, 20 characters   30 amount, 6 bytes packed   36 express   37
 * filler receipt  0 number, 10 digits   10 status, 8 characters      18 balance, 6 bytes packed
 */
#include "link.h"

#include <arpa/inet.h>

enum { CUSTOMERS = 64, NAME = 20, ORDER = 40, RECEIPT = 24, CREDIT = 10000 };

/* "BOOKED  " and "REFUSED " as this machine writes them. */
static const uint8_t BOOKED[8] = {0xC2, 0xD6, 0xD6, 0xD2, 0xC5, 0xC4, 0x40, 0x40};
static const uint8_t REFUSED[8] = {0xD9, 0xC5, 0xC6, 0xE4, 0xE2, 0xC5, 0xC4, 0x40};

static struct customer {
    uint8_t name[NAME];
    long long balance;
} customers[CUSTOMERS];

static struct customer *account(const uint8_t name[NAME]) {
    for (int i = 0; i < CUSTOMERS; i++) {
        if (customers[i].name[0] == 0) { /* a new one */
            memcpy(customers[i].name, name, NAME);
            customers[i].balance = CREDIT;
        }
        if (memcmp(customers[i].name, name, NAME) == 0) return &customers[i];
    }
    return NULL;
}

static long long unpack(const uint8_t *p, int len) {
    long long value = 0;
    for (int i = 0; i < len; i++) {
        value = 10 * value + (p[i] >> 4);
        if (i + 1 < len) value = 10 * value + (p[i] & 15);
    }
    return (p[len - 1] & 15) == 0xD ? -value : value;
}

static void pack(long long value, uint8_t *p, int len) {
    const int negative = value < 0;
    if (negative) value = -value;
    p[len - 1] = (uint8_t)(value % 10 << 4 | (negative ? 0xD : 0xC));
    value /= 10;
    for (int i = len - 2; i >= 0; i--, value /= 100) p[i] = (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static void book(const uint8_t order[ORDER], uint8_t receipt[RECEIPT]) {
    struct customer *c = account(order + 10);
    const long long amount = unpack(order + 30, 6);
    const int covered = c != NULL && amount >= 0 && amount <= c->balance;
    if (covered) c->balance -= amount;
    memcpy(receipt, order, 10);
    memcpy(receipt + 10, covered ? BOOKED : REFUSED, 8);
    pack(c != NULL ? c->balance : 0, receipt + 18, 6);
}

/* One shop after the other; a port of its own, which it prints. */
static int listen_on(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, len) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("no port");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    struct link l = {.fd = -1};
    uint8_t order[ROOM], receipt[RECEIPT];
    if (argc != 5) die("usage: ledger ORDERS RECEIPTS SIGNER MASTER");
    link_begin(&l, argv + 1, HKP_NEURO_BRIDGE_RECORD);
    const int port = listen_on();
    while ((l.fd = accept(port, NULL, NULL)) >= 0) {
        while (hear(&l, &l.orders, order) == ORDER) { /* its length is the table's */
            book(order, receipt);
            if (!say(&l, &l.receipts, receipt, RECEIPT)) break;
        }
        close(l.fd); /* the end, or something that did not open: the peer learns no more */
    }
    link_end(&l);
    return 0;
}
