/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A sensor ships a capture file to its validator, where "hookprobe file serve" runs, or any other HTP-13
 * server.
 *
 *     cc evidence_drop.c $(pkg-config --cflags --libs hookprobe-htp) -lsodium -o evidence_drop
 *     hookprobe file key --out sensor.key       prints the card that the validator's configuration wants
 *     ./evidence_drop sensor.key 192.0.2.1:8144 VALIDATOR_CARD /var/captures today.pcap
 *
 * DONE comes when the file is durable there, under its name, with the SHA-256 that the sensor computed. A
 * session that is lost is not opened again here: a program that wants that calls hkp_htp_connect() again on
 * DOWN.
 */
#include <hookprobe/htp.h>

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int32_t fill(void *user, uint8_t *dst, size_t len) { return (void)user, randombytes_buf(dst, len), 0; }

/* A plain key file: 16 bytes of magic, seed of A, secret of S, CRC. The name comes from A (D-ID-1, no TPM).
 */
static int read_key(const char *path, struct hkp_htp_options *o) {
    uint8_t bytes[85], a[32], secret[64], name[42] = "HTP1 node", hash[32];
    FILE *f = fopen(path, "rb");
    if (f == NULL || fread(bytes, 1, 85, f) != 84 || memcmp(bytes, "HKPKEYS1HKPFILE1", 16) != 0 ||
        fclose(f) != 0)
        return 0;
    memcpy(o->a_seed, bytes + 16, 32);
    crypto_sign_seed_keypair(a, secret, o->a_seed);
    memcpy(name + 9, a, 32); /* and one byte 00 */
    crypto_hash_sha256(hash, name, sizeof name);
    memcpy(o->node_id, hash, 16);
    return 1;
}

/* What happened: 0 go on, else the exit code + 1. */
static int events(hkp_htp_endpoint *ep, hkp_htp_files *files, uint64_t now,
                  const struct hkp_htp_file_request *put) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    struct hkp_htp_file_event fe = {.struct_size = sizeof fe};
    while (hkp_htp_event(ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (hkp_htp_files_take(files, now, &ev) == 1) continue;
        if (ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED)
            return fprintf(stderr, "%s\n", hkp_htp_status_name(ev.result)), 4;
        if (ev.type == HKP_HTP_EVENT_UP &&
            (hkp_htp_session_allow(ep, ev.session, 1U << HKP_HTP_STREAM_FILE, 0) != HKP_OK ||
             hkp_htp_files_start(files, now, ev.session, put, NULL) != HKP_OK))
            return fputs("no transfer with such a name\n", stderr), 4;
    }
    hkp_htp_files_work(files, now);
    while (hkp_htp_files_event(files, &fe) == HKP_OK && fe.type != HKP_HTP_FILE_EVENT_NONE) {
        if (fe.type == HKP_HTP_FILE_EVENT_DONE)
            return printf("%s: %llu bytes are there\n", fe.path, (unsigned long long)fe.size), 1;
        if (fe.type == HKP_HTP_FILE_EVENT_FAILED)
            return printf("%s: %s\n", fe.path, hkp_htp_file_code_name(fe.code)), 2;
    }
    return 0;
}

/* Until it is there, or will not be; the exit code. */
static int transfer(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_htp_files *files,
                    const struct hkp_htp_file_request *put) {
    for (;;) {
        const uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (hkp_htp_udp_pump(udp, ep, now, clock_ns(CLOCK_REALTIME) / 1000) != HKP_OK) return 3;
        const int done = events(ep, files, now, put);
        if (hkp_htp_udp_pump(udp, ep, now, clock_ns(CLOCK_REALTIME) / 1000) != HKP_OK) return 3;
        if (done != 0) return done - 1;
        const hkp_time a = hkp_htp_wake(ep), b = hkp_htp_files_wake(files), next = a < b ? a : b;
        struct pollfd fd = {hkp_htp_udp_fd(udp), POLLIN, 0};
        if (next > now)
            (void)poll(&fd, 1, next - now > 1000000000U ? 1000 : (int)((next - now) / 1000000U) + 1);
    }
}

int main(int argc, char **argv) {
    uint8_t card[80]; /* node_id, A, S of the validator */
    size_t len = 0;
    int code = 3;
    uint64_t session, now = clock_ns(CLOCK_MONOTONIC);
    struct hkp_htp_device validator = {.struct_size = sizeof validator, .record.neural = HKP_HTP_NEURAL_OFF};
    struct hkp_htp_file_request put = {.struct_size = sizeof put, .operation = HKP_HTP_FILE_CREATE};
    struct hkp_htp_options o;
    struct hkp_htp_files_options fo;
    struct hkp_htp_path to, any;
    struct hkp_htp_store captures;
    hkp_htp_store_posix *disk = NULL;
    hkp_htp_devices *known = NULL;
    hkp_htp_endpoint *ep = NULL;
    hkp_htp_udp *udp = NULL;
    hkp_htp_files *files = NULL;
    hkp_htp_options_init(&o, sizeof o);
    hkp_htp_files_options_init(&fo, sizeof fo);
    if (argc != 6 || sodium_init() < 0 || !read_key(argv[1], &o) ||
        hkp_htp_path_parse(argv[2], &to) != HKP_OK ||
        sodium_hex2bin(card, 80, argv[3], strlen(argv[3]), NULL, &len, NULL) != 0 || len != 80)
        return fputs("usage: evidence_drop KEY ADDRESS:PORT CARD FOLDER NAME\n", stderr), 2;
    memcpy(validator.node_id, card, 16);
    memcpy(validator.record.a, card + 16, 32);
    memcpy(fo.node_id, o.node_id, 16);
    o.rng = (struct hkp_rng){NULL, fill};
    put.path = put.local_path = argv[5];
    put.path_len = put.local_path_len = (uint32_t)strlen(argv[5]);
    put.local = &captures;
    if (hkp_htp_store_posix_new(&disk, argv[4], NULL) != HKP_OK ||
        hkp_htp_devices_new(&known, NULL) != HKP_OK || hkp_htp_devices_add(known, &validator) != HKP_OK ||
        hkp_htp_devices_registry(known, &o.registry) != HKP_OK ||
        hkp_htp_endpoint_new(&ep, &o, now) != HKP_OK || hkp_htp_files_new(&files, ep, &fo) != HKP_OK ||
        hkp_htp_path_parse("[::]:0", &any) != HKP_OK || hkp_htp_udp_open(&udp, &any, NULL) != HKP_OK ||
        hkp_htp_connect(ep, now, clock_ns(CLOCK_REALTIME) / 1000, &to, card, card + 48, card + 16,
                        HKP_HTP_MODE_N, &session) != HKP_OK)
        fputs("cannot start\n", stderr);
    else {
        hkp_htp_store_posix_store(disk, &captures);
        code = transfer(udp, ep, files, &put);
    }
    hkp_htp_files_free(files);
    hkp_htp_udp_close(udp);
    hkp_htp_endpoint_free(ep);
    hkp_htp_devices_free(known);
    hkp_htp_store_posix_free(disk);
    return code;
}
