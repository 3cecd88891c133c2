/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The shop: orders are JSON, receipts are JSON. See README.md. */
#include "link.h"

#include <arpa/inet.h>

static int dial(int port) {
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        die("the ledger does not answer");
    return fd;
}

int main(int argc, char **argv) {
    struct link l = {.fd = -1};
    char line[4096];
    uint8_t receipt[ROOM];
    if (argc != 6) die("usage: shop ORDERS RECEIPTS SIGNER MASTER PORT <orders.jsonl");
    link_begin(&l, argv + 1, HKP_NEURO_BRIDGE_JSON);
    l.fd = dial(atoi(argv[5]));
    int refused = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        const size_t len = strcspn(line, "\n");
        if (!say(&l, &l.orders, (const uint8_t *)line, len)) {
            refused = 1; /* told, and nothing was sent */
            continue;
        }
        const size_t n = hear(&l, &l.receipts, receipt);
        if (n == 0) die("the ledger hung up");
        printf("%.*s\n", (int)n, (const char *)receipt);
        fflush(stdout);
    }
    close(l.fd);
    link_end(&l);
    return refused;
}
