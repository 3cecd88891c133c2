/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The threat table of the seed, one case for each row: what an attacker tries, and that it does not work.
 * Where a claim has a limit, the case shows the limit too.
 *
 * Arguments: the child (threats_child.c), its mutant that wipes nothing, and a program for valgrind
 * (ct_synapse.c).
 */
#include "libneuro/gf256.h"
#include "libneuro/message.h"
#include "libneuro/state.h"
#include "synapse_support.h"

#include <fcntl.h>
#include <hookprobe/ter.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *child_path, *mutant_path, *ct_path;
static struct two t;
static char text[256];
static int skipped;

/* ---- an attacker's tools */

/** Message n as one who has MK_n opens it: 1 if the tag is right. */
static int opens_with_mk(const uint8_t mk[32], const uint8_t fixed[32], const uint8_t *msg, size_t len,
                         const uint8_t sender[16], const uint8_t receiver[16]) {
    static const uint8_t no_ce[32];
    uint8_t d[32], keys[44], ad[64];
    hkp_neuro__message_d(fixed, no_ce, hkp_be64(msg + 16), d);
    hkp_neuro__message_keys(mk, d, sender, receiver, hkp_be64(msg + 8), hkp_be64(msg + 16), keys);
    memcpy(ad, msg, 32);
    memcpy(ad + 32, sender, 16);
    memcpy(ad + 48, receiver, 16);
    return crypto_aead_chacha20poly1305_ietf_decrypt(NULL, NULL, NULL, msg + 32, len - 32, ad, 64, keys + 32,
                                                     keys) == 0;
}

/** The fixed part of D is no secret from one who knows both states. */
static void fixed_of(const struct two *w, uint8_t fixed[32]) {
    struct hkp_neuro_synaptic s[2];
    for (int i = 0; i < 2; i++) {
        struct hkp_neuro_synaptic_expect e = {.epoch = w->result[i].epoch};
        e.peer_role = w->result[i].own_state[2];
        memcpy(e.peer_id, w->id[i], 16);
        CHECK_EQ(hkp_neuro_synaptic_check(&s[i], w->result[i].own_state, 256, &e), HKP_OK);
    }
    hkp_neuro__message_fixed(&s[0], &s[1], fixed);
}

/** Takes each 32 bytes of a dump for MK, CK (up to 4 steps) or root; 1 if one of them opens the message. */
static int dump_opens(const uint8_t *dump, size_t size, const uint8_t fixed[32], const uint8_t *msg,
                      size_t len, const uint8_t sender[16], const uint8_t receiver[16]) {
    for (size_t at = 0; at + 32 <= size; at++) {
        uint8_t ck[32], mk[32];
        if (hkp_is_zero(dump + at, 32)) continue;
        if (opens_with_mk(dump + at, fixed, msg, len, sender, receiver)) return 1;
        memcpy(ck, dump + at, 32);
        for (int step = 0; step < 4; step++) {
            hkp_neuro__message_step(ck, mk);
            if (opens_with_mk(mk, fixed, msg, len, sender, receiver)) return 1;
        }
        hkp_neuro__message_chain(dump + at, sender, ck);
        for (int step = 0; step < 4; step++) {
            hkp_neuro__message_step(ck, mk);
            if (opens_with_mk(mk, fixed, msg, len, sender, receiver)) return 1;
        }
    }
    return 0;
}

/** An allocator that knows its blocks, so that all the memory of a network can be dumped. */
struct blocks {
    uint8_t *at[4];
    size_t size[4], n;
};

static void *blocks_alloc(void *user, size_t size) {
    struct blocks *b = user;
    b->at[b->n] = malloc(size);
    b->size[b->n] = size;
    return b->at[b->n++];
}
static void blocks_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    free(ptr);
}

/** Makes side i of the pair anew with one peer and known memory; call before anything is sent. */
static void known_memory(struct two *w, int i, struct blocks *b) {
    struct hkp_neuro_network_options opt;
    memset(b, 0, sizeof *b);
    hkp_neuro_network_free(w->net[i]);
    hkp_neuro_network_options_init(&opt, sizeof opt);
    opt.peers = 1;
    memcpy(opt.own_id, w->id[i], 16);
    opt.mem = (struct hkp_mem){b, blocks_alloc, blocks_free};
    CHECK_EQ(hkp_neuro_network_new(&w->net[i], &opt), HKP_OK);
    CHECK_EQ(two_register(w, i, 1, 1), HKP_OK);
}

static int memory_opens(const struct blocks *b, const uint8_t fixed[32], const uint8_t *msg, size_t len,
                        const uint8_t sender[16], const uint8_t receiver[16]) {
    for (size_t i = 0; i < b->n; i++)
        if (dump_opens(b->at[i], b->size[i], fixed, msg, len, sender, receiver)) return 1;
    return 0;
}

/* ---- 1: key theft */

static void key_theft__a_stolen_message_key_opens_one_message(void) {
    uint8_t msg[3][128], root[32], ck[32], mk[3][32], fixed[32];
    size_t len[3];
    two_begin(&t);
    for (int i = 0; i < 3; i++) len[i] = two_send(&t, 0, "secret", msg[i], sizeof msg[i]);
    two_root(&t, 1, root);
    hkp_neuro__message_chain(root, t.id[0], ck);
    for (int i = 0; i < 3; i++) hkp_neuro__message_step(ck, mk[i]);
    fixed_of(&t, fixed);
    for (int stolen = 0; stolen < 3; stolen++)
        for (int i = 0; i < 3; i++)
            CHECK_EQ(opens_with_mk(mk[stolen], fixed, msg[i], len[i], t.id[0], t.id[1]), stolen == i);
    len[0] = two_send(&t, 1, "answer", msg[0], sizeof msg[0]); /* nor the other direction */
    for (int stolen = 0; stolen < 3; stolen++)
        CHECK(!opens_with_mk(mk[stolen], fixed, msg[0], len[0], t.id[1], t.id[0]));
    two_end(&t);
}

/* ---- 2: memory scan of a live process */

enum { NEEDLES_MAX = 64 };

/** Byte strings that are searched for in the memory of another process. */
static struct {
    struct {
        uint8_t bytes[16];
        size_t len;
        const char *name;
        int found;
    } of[NEEDLES_MAX];
    size_t n;
} needles;

static void needle(const char *name, const uint8_t *bytes, size_t len) {
    if (needles.n == NEEDLES_MAX) abort();
    memcpy(needles.of[needles.n].bytes, bytes, len);
    needles.of[needles.n].len = len;
    needles.of[needles.n++].name = name;
}

/* Both halves of a key, and of its forms inside HMAC: a part that is left over is found, too. */
static void needles_of_key(const char *name, const uint8_t key[32]) {
    static const uint8_t masks[3] = {0x00, 0x36, 0x5C};
    for (int m = 0; m < 3; m++) {
        uint8_t masked[32];
        for (int i = 0; i < 32; i++) masked[i] = key[i] ^ masks[m];
        needle(name, masked, 16);
        needle(name, masked + 16, 16);
    }
}

static void search(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < needles.n; i++)
        if (memmem(bytes, len, needles.of[i].bytes, needles.of[i].len) != NULL) needles.of[i].found = 1;
}

/* All writable memory of a process; how many of the needles are there, -1: it may not be read. */
static int scan(pid_t pid, int say) {
    static uint8_t buffer[1 << 16];
    char path[64], line[512];
    int found = 0, regions = 0;
    for (size_t i = 0; i < needles.n; i++) needles.of[i].found = 0;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    const int mem = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    if (mem < 0 || maps == NULL) return -1;
    while (fgets(line, sizeof line, maps) != NULL) {
        uint64_t from, to;
        char rights[8];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) != 3 || rights[1] != 'w')
            continue;
        regions++;
        for (uint64_t at = from; at < to; at += sizeof buffer - 64) { /* pieces overlap */
            const ssize_t n =
                pread(mem, buffer, to - at < sizeof buffer ? to - at : sizeof buffer, (off_t)at);
            if (n > 0) search(buffer, (size_t)n);
        }
    }
    fclose(maps);
    close(mem);
    for (size_t i = 0; i < needles.n; i++) {
        if (needles.of[i].found && say) printf("# found in memory: %s\n", needles.of[i].name);
        found += needles.of[i].found;
    }
    return regions > 0 ? found : -1;
}

/** The child, and what the parent knows of its keys. */
static struct {
    pid_t pid;
    int to, from;
    uint32_t gen;
    uint8_t root[32], out_ck[32], in_ck[32], fixed[32], own[16], peer[16];
    uint64_t n_out, n_in;
} child;

static void child_begin(const char *path) {
    int to[2], from[2];
    uint8_t b = 0;
    memset(&child, 0, sizeof child);
    if (pipe(to) != 0 || pipe(from) != 0) abort();
    child.pid = fork();
    if (child.pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        execl(path, path, (char *)NULL); /* a new memory: nothing of the parent's keys is in it */
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    child.to = to[1];
    child.from = from[0];
    memset(child.own, 0xA1, 16);
    memset(child.peer, 0x0B, 16);
    CHECK(read(child.from, &b, 1) == 1 && b == 'b');
}

static void child_end(void) {
    int status;
    close(child.to);
    close(child.from);
    waitpid(child.pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void tell_child(const uint8_t *bytes, size_t len) {
    CHECK(write(child.to, bytes, len) == (ssize_t)len);
}

static int answer(uint8_t *dst, size_t len) {
    for (size_t at = 0; at < len;) {
        const ssize_t n = read(child.from, dst + at, len - at);
        if (n <= 0) return 0;
        at += (size_t)n;
    }
    return 1;
}

/* As state_of() in threats_child.c. */
static void threats_states(void) {
    struct hkp_neuro_synaptic s[2] = {{.gen = child.gen}, {.gen = child.gen}};
    memcpy(s[0].node_id, child.own, 16);
    memcpy(s[1].node_id, child.peer, 16);
    memset(s[0].w_commit, 0x31, 32);
    memset(s[1].w_commit, 0x32, 32);
    memset(s[0].h_entropy, 0x51, 32);
    memset(s[1].h_entropy, 0x52, 32);
    hkp_neuro__message_fixed(&s[0], &s[1], child.fixed);
}

static void child_register(uint64_t *random) {
    uint8_t command[33] = {'R'}, b = 0;
    random_bytes(random, child.root, 32);
    child.gen++;
    child.n_out = child.n_in = 0;
    memcpy(command + 1, child.root, 32);
    tell_child(command, sizeof command);
    CHECK(answer(&b, 1) && b == 'r');
    hkp_neuro__message_chain(child.root, child.own, child.out_ck);
    hkp_neuro__message_chain(child.root, child.peer, child.in_ck);
    threats_states();
}

/* Names everything that existed for the next message of one direction, and steps that chain. */
static void needles_of_message(uint8_t ck[32], const uint8_t sender[16], const uint8_t receiver[16],
                               uint64_t n, uint64_t t_us, uint8_t keys[44]) {
    static const uint8_t no_ce[32];
    uint8_t mk[32], d[32], prk[32];
    needles_of_key("used chain key", ck);
    hkp_neuro__message_step(ck, mk);
    needles_of_key("message key MK", mk);
    hkp_neuro__message_d(child.fixed, no_ce, t_us, d);
    crypto_auth_hmacsha256(prk, d, 32, mk);
    needles_of_key("prk", prk);
    hkp_neuro__message_keys(mk, d, sender, receiver, n, t_us, keys);
    needle("AEAD key", keys, 16);
    needle("AEAD key", keys + 16, 16);
    needle("nonce", keys + 32, 12);
}

/* The child sends; the message is right, and its secrets are among the needles afterwards. */
static void child_sends(void) {
    uint8_t head[3], msg[256], keys[44], ad[64], plain[64];
    needles.n = 0;
    needles_of_key("root", child.root);
    tell_child((const uint8_t *)"S", 1);
    if (!answer(head, 3) || head[0] != 's' || !answer(msg, hkp_be16(head + 1))) {
        CHECK(0); /* the child sends nothing */
        return;
    }
    needles_of_message(child.out_ck, child.own, child.peer, child.n_out++, hkp_be64(msg + 16), keys);
    memcpy(ad, msg, 32);
    memcpy(ad + 32, child.own, 16);
    memcpy(ad + 48, child.peer, 16);
    CHECK_EQ(crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, msg + 32, hkp_be16(head + 1) - 32U,
                                                       ad, 64, keys + 32, keys),
             0);
}

/* The command that hands the next message of this side to the child; its secrets become needles. */
static void make_message(uint8_t command[55]) {
    uint8_t keys[44], ad[64], *m = command + 3;
    const uint64_t t_us = 1700000000000001U;
    needles_of_message(child.in_ck, child.peer, child.own, child.n_in, t_us, keys);
    memset(command, 0, 55);
    command[0] = 'V';
    hkp_put_be16(command + 1, 52);
    hkp_put_be16(m, 1);
    m[2] = 1;
    hkp_put_be32(m + 4, child.gen);
    hkp_put_be64(m + 8, child.n_in++);
    hkp_put_be64(m + 16, t_us);
    memcpy(ad, m, 32);
    memcpy(ad + 32, child.peer, 16);
    memcpy(ad + 48, child.own, 16);
    crypto_aead_chacha20poly1305_ietf_encrypt(m + 32, NULL, (const uint8_t *)"text", 4, ad, 64, NULL,
                                              keys + 32, keys);
}

static void child_opens(const uint8_t command[55]) {
    uint8_t b = 0;
    tell_child(command, 55);
    CHECK(answer(&b, 1) && b == 'v');
}

/* The child opens a message that this side made of the same keys. */
static void child_receives(void) {
    uint8_t command[55];
    needles.n = 0;
    needles_of_key("root", child.root);
    make_message(command);
    child_opens(command);
}

/* The scanner sees what must be there: the chain keys of the next messages. */
static void check_scanner_sees_chains(void) {
    needles.n = 0;
    needle("next chain key out", child.out_ck, 16);
    needle("next chain key in", child.in_ck, 16);
    CHECK_EQ(scan(child.pid, 0), 2);
}

static void memory_scan__no_used_key_is_left_in_a_live_process(void) {
    uint64_t random = check_seed();
    skipped = child_path[0] == 0;
    if (skipped) {
        printf("# SKIP a sanitizer keeps copies, and terabytes of its own memory\n");
        return;
    }
    child_begin(child_path);
    needles.n = 0;
    needle("control", child.own, 16);
    if (scan(child.pid, 0) < 0) {
        printf("# SKIP the memory of another process may not be read here\n");
        skipped = 1;
        child_end();
        return;
    }
    for (int gen = 0; gen < 2; gen++) {
        child_register(&random);
        needles.n = 0;
        needles_of_key("root", child.root);
        CHECK_EQ(scan(child.pid, 1), 0);
        for (int i = 0; i < 8; i++) {
            child_sends();
            CHECK_EQ(scan(child.pid, 1), 0);
            check_scanner_sees_chains();
            child_receives();
            CHECK_EQ(scan(child.pid, 1), 0);
            check_scanner_sees_chains();
        }
    }
    child_end();
}

/* The child deals and opens a seal; key, coefficients and text key are the needles afterwards. */
static void child_deals(uint64_t seed) {
    uint8_t command[9] = {'D'}, b = 0, id[16], kek[32], a1[32], nonce[24], key[32];
    uint8_t head[40 + 3 * 48] = "NSESEAL1", input[14 + 32] = "NSE1 seal key";
    memcpy(command + 1, &seed, 8);
    tell_child(command, sizeof command);
    CHECK(answer(&b, 1) && b == 'd');
    random_bytes(&seed, id, 16);
    random_bytes(&seed, kek, 32);
    random_bytes(&seed, a1, 32);
    random_bytes(&seed, nonce, 24);
    head[8] = 2;
    head[9] = 3;
    memcpy(head + 16, id, 16);
    head[39] = 32;
    for (uint8_t x = 1; x <= 3; x++) {
        uint8_t share[11 + 16 + 1 + 32] = "NSE1 share", *row = head + 40 + 48 * (x - 1);
        memcpy(share + 11, id, 16);
        share[27] = x;
        hkp_neuro__gf_share(kek, a1, 1, x, share + 28);
        memset(row, x, 16);
        crypto_hash_sha256(row + 16, share, sizeof share);
    }
    crypto_hash_sha256(input + 14, head, sizeof head);
    crypto_auth_hmacsha256(key, input, sizeof input, kek);
    needles.n = 0;
    needles_of_key("key of the shares", kek);
    needles_of_key("coefficient", a1);
    needles_of_key("key of the text", key);
}

static void memory_scan__a_kept_key_is_gone_once_it_was_used(void) {
    uint64_t random = check_seed();
    uint8_t command[3][55];
    if (skipped) return;
    child_begin(child_path);
    child_register(&random);
    for (int round = 0; round < 3; round++) {
        needles.n = 0;
        make_message(command[0]);
        const size_t of_kept = needles.n;
        make_message(command[1]);
        child_opens(command[1]); /* overtakes: MK of the first is kept, nothing else is */
        int found = scan(child.pid, 0);
        CHECK_EQ(found, 2);
        for (size_t i = 0; i < needles.n; i++)
            if (needles.of[i].found) CHECK(i < of_kept && strcmp(needles.of[i].name, "message key MK") == 0);
        child_opens(command[0]);
        CHECK_EQ(scan(child.pid, 1), 0);
    }
    child_end();
}

static void memory_scan__no_key_of_a_seal_is_left_at_its_dealer(void) {
    uint64_t random = check_seed();
    if (skipped) return;
    child_begin(child_path);
    for (int i = 0; i < 3; i++) {
        child_deals(check_random(&random));
        CHECK_EQ(scan(child.pid, 1), 0);
    }
    child_end();
    child_begin(mutant_path);
    child_deals(check_random(&random));
    CHECK(scan(child.pid, 0) > 0);
    int by_name[3] = {0};
    for (size_t i = 0; i < needles.n; i++) by_name[i / 6] += needles.of[i].found;
    CHECK(by_name[0] > 0 && by_name[2] > 0);
    child_end();
}

static void memory_scan__finds_the_mutant_that_does_not_wipe(void) {
    uint64_t random = check_seed();
    int after_register = 0, after_send = 0, after_receive = 0;
    if (skipped) return;
    child_begin(mutant_path);
    child_register(&random);
    needles.n = 0;
    needles_of_key("root", child.root);
    after_register += scan(child.pid, 0);
    for (int i = 0; i < 4; i++) {
        child_sends();
        after_send += scan(child.pid, 0);
        child_receives();
        after_receive += scan(child.pid, 0);
    }
    CHECK(after_register > 0);
    CHECK(after_send > 0);
    CHECK(after_receive > 0);
    child_end();
}

/* ---- 3: sniffing */

static void sniffing__what_is_on_the_wire_opens_nothing(void) {
    static uint8_t msg[300][80];
    uint8_t fixed[32];
    size_t len = 0;
    two_begin(&t);
    fixed_of(&t, fixed); /* an eavesdropper may even have both states, and any CE */
    for (int i = 0; i < 300; i++) {
        len = two_send(&t, 0, "the same text each time", msg[i], sizeof msg[i]);
        CHECK(memmem(msg[i], len, "the same", 8) == NULL);
        for (int k = 0; k < i; k++) CHECK(memcmp(msg[k] + 32, msg[i] + 32, 16) != 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(!dump_opens(msg[0], sizeof msg[0] * 4, fixed, msg[i], len, t.id[0], t.id[1]));
        CHECK(!dump_opens(t.result[0].own_state, 256, fixed, msg[i], len, t.id[0], t.id[1]));
        CHECK(!dump_opens(t.result[0].peer_state, 256, fixed, msg[i], len, t.id[0], t.id[1]));
        CHECK(!dump_opens(fixed, 32, fixed, msg[i], len, t.id[0], t.id[1]));
    }
    CHECK_EQ(two_receive(&t, 1, msg[7], len, text, sizeof text), HKP_OK);
    two_end(&t);
}

/* ---- 4: node compromise */

static void node_compromise__one_node_does_not_open_a_collective_seal(void) {
    struct hkp_neuro_seal_options opt;
    uint8_t seed[32] = {1}, public_key[32], secret[64], holders[5 * 16], object[600], shares[5 * 64], dst[64];
    uint64_t random = check_seed();
    size_t len = 0, n = 0;
    crypto_sign_seed_keypair(public_key, secret, seed);
    for (int i = 0; i < 5; i++) memset(holders + 16 * i, i + 1, 16);
    hkp_neuro_seal_options_init(&opt, sizeof opt);
    opt.holders = holders;
    opt.dealer_secret = secret;
    opt.rng = (struct hkp_rng){&random, seeded_fill};
    CHECK_EQ(hkp_neuro_seal_make(&opt, (const uint8_t *)"the sealed evidence", 19, object, sizeof object,
                                 &len, shares),
             HKP_OK);
    for (uint32_t bits = 0; bits < 32; bits++) {
        struct hkp_neuro_seal_share have[5];
        size_t k = 0;
        for (uint32_t i = 0; i < 5; i++)
            if (bits >> i & 1) have[k++] = (struct hkp_neuro_seal_share){shares + 64 * i, 64};
        const hkp_status st =
            hkp_neuro_seal_open(object, len, opt.chain_id, public_key, have, k, dst, sizeof dst, &n);
        CHECK_EQ(st, k >= 3 ? HKP_OK : HKP_E_NEURO_SYN_SHARE_COUNT);
    }
    for (uint32_t x = 0; x < 5; x++) /* nor does its share repeated, or a share as another node's */
        for (uint8_t as = 1; as <= 5; as++) {
            uint8_t own[3][64];
            struct hkp_neuro_seal_share have[3];
            for (int k = 0; k < 3; k++) {
                memcpy(own[k], shares + 64 * x, 64);
                if (k > 0) own[k][24] = (uint8_t)(1 + (as + k) % 5);
                have[k] = (struct hkp_neuro_seal_share){own[k], 64};
            }
            CHECK(hkp_neuro_seal_open(object, len, opt.chain_id, public_key, have, 3, dst, sizeof dst, &n) !=
                  HKP_OK);
        }
}

static void node_compromise__the_next_generation_shuts_an_attacker_out(void) {
    struct blocks b;
    static uint8_t stolen[2][1 << 18];
    uint8_t msg[128], fixed[32];
    size_t len;
    two_begin(&t);
    known_memory(&t, 1, &b);
    for (size_t i = 0; i < b.n; i++) {
        CHECK(b.size[i] <= sizeof stolen[i]);
        memcpy(stolen[i], b.at[i], b.size[i]);
    }
    struct blocks copy = {.at = {stolen[0], stolen[1]}, .size = {b.size[0], b.size[1]}, .n = b.n};
    fixed_of(&t, fixed);
    len = two_send(&t, 0, "this generation", msg, sizeof msg);
    CHECK(memory_opens(&copy, fixed, msg, len, t.id[0], t.id[1])); /* the limit: until then it reads along */
    memset(t.exporter, 0x99, 32); /* a rekey with fresh DH: the next exporter is unrelated */
    two_gen(&t, 1, 2, 0);
    fixed_of(&t, fixed);
    len = two_send(&t, 0, "next generation", msg, sizeof msg);
    CHECK(!memory_opens(&copy, fixed, msg, len, t.id[0], t.id[1]));
    CHECK_EQ(two_receive(&t, 1, msg, len, text, sizeof text), HKP_OK);
    two_end(&t);
}

/* ---- 5: replay */

static void replay__no_message_is_taken_twice_turned_round_or_moved(void) {
    struct two other;
    uint8_t msg[20][128];
    size_t len[20];
    two_begin(&t);
    for (int i = 0; i < 20; i++) len[i] = two_send(&t, 0, "once", msg[i], sizeof msg[i]);
    for (int i = 0; i < 20; i++) CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_OK);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) CHECK(two_receive(&t, 1, msg[i], len[i], text, sizeof text) != HKP_OK);
        for (int i = 0; i < 20; i++) /* back to its sender */
            CHECK(two_receive(&t, 0, msg[i], len[i], text, sizeof text) != HKP_OK);
        two_gen(&t, (uint32_t)round + 1, (uint32_t)round + 2, 0); /* and in later generations */
        for (int i = 0; i < 20; i++) {                            /* even if their number is made to fit */
            uint8_t moved[128];
            memcpy(moved, msg[i], len[i]);
            hkp_put_be32(moved + 4, (uint32_t)round + 2);
            CHECK_EQ(two_receive(&t, 1, moved, len[i], text, sizeof text), HKP_E_NEURO_SYN_AUTH);
        }
    }
    two_begin(&other); /* the same nodes, states and gen in another session */
    memset(other.exporter, 0x11, 32);
    CHECK_EQ(two_register(&other, 1, 1, 1), HKP_OK);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(two_receive(&other, 1, msg[i], len[i], text, sizeof text), HKP_E_NEURO_SYN_AUTH);
    two_end(&other);
    two_end(&t);
}

/* ---- 6: clone */

/* A TER with the given entropy byte, one second after the one before. */
static void ter_make(uint8_t ter[64], uint8_t byte, uint64_t second) {
    memset(ter, byte, 52);
    memset(ter + 52, 0, 12);
    hkp_put_le64(ter + 52, 1700000000000000U + second * 1000000U);
}

static void clone__two_devices_of_one_state_are_lost_at_the_first_difference(void) {
    hkp_neuro_state *s[2];
    uint8_t seed[32] = {1}, id[16] = {2}, h_ref[20] = {3}, ter[64], f[64], k_bind[32] = {4}, h[2][32] = {{0}};
    struct hkp_neuro_synaptic shown = {.ter_index = 6, .t_us = 1700000006000000U};
    struct hkp_neuro_resonance_facts facts = {
        .have_replica = 1, .clock = HKP_NEURO_CLOCK_PASS, .replica_index = 6};
    uint8_t w_commit[32];
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hkp_neuro_state_new(&s[i], NULL, HKP_NEURO_VARIANT_AUTO), HKP_OK);
        hkp_neuro_state_enrol(s[i], seed, id, h_ref); /* the disk was copied */
        for (uint64_t k = 1; k <= 6; k++) {
            ter_make(ter, k <= 5 ? 0x20 : (uint8_t)(0x30 + i),
                     k); /* five seconds of one past, then two lives */
            CHECK_EQ(hkp_neuro_state_evolve(s[i], ter), HKP_OK);
            hkp_ter_chain_step(h[i], ter, h[i]);
        }
    }
    hkp_neuro_state_fingerprint(s[0], f); /* the replica followed device 0 */
    hkp_neuro_synaptic_commit(f, k_bind, id, 6, w_commit);
    facts.w_commit = w_commit;
    facts.h = h[0];
    facts.newest_us = shown.t_us;
    memcpy(shown.h, h[0], 32);
    memcpy(shown.w_commit, w_commit, 32);
    CHECK_EQ(hkp_neuro_resonance_verdict(&shown, &facts), HKP_NEURO_ALIGNED);
    memcpy(shown.h, h[1], 32); /* now the clone: its history is another */
    CHECK_EQ(hkp_neuro_resonance_verdict(&shown, &facts), HKP_NEURO_LOST);
    memcpy(shown.h, h[0], 32); /* it may lie about h, but not about the state that it has */
    hkp_neuro_state_fingerprint(s[1], f);
    hkp_neuro_synaptic_commit(f, k_bind, id, 6, shown.w_commit);
    CHECK_EQ(hkp_neuro_resonance_verdict(&shown, &facts), HKP_NEURO_LOST);
    for (int i = 0; i < 2; i++) hkp_neuro_state_free(s[i]);
}

/* ---- 7: rollback */

static void rollback__an_old_state_is_refused_by_the_other_side(void) {
    struct hkp_neuro_synaptic shown = {.ck_index = 64, .ter_index = 70}, out;
    struct hkp_neuro_resonance_facts facts = {
        .have_replica = 1, .clock = HKP_NEURO_CLOCK_PASS, .replica_index = 200};
    struct hkp_neuro_synaptic_expect expect = {.peer_role = HKP_NEURO_ROLE_V, .last_gen = 9, .epoch = 4};
    struct blocks b;
    static uint8_t snapshot[2][1 << 18];
    uint8_t bytes[256], msg[12][128];
    size_t len[12];
    /* a node back at commit 64 when the replica's slots are 128 and 192 */
    facts.w_commit = NULL;
    CHECK_EQ(hkp_neuro_resonance_verdict(&shown, &facts), HKP_NEURO_LOST);
    /* an exchange of its past */
    out = (struct hkp_neuro_synaptic){.role = HKP_NEURO_ROLE_V, .gen = 9, .epoch = 4};
    hkp_neuro_synaptic_encode(&out, bytes);
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &expect), HKP_E_NEURO_SYN_GEN);
    /* a machine restored from a snapshot sends the numbers that it has sent already */
    two_begin(&t);
    known_memory(&t, 0, &b);
    for (size_t i = 0; i < b.n; i++) memcpy(snapshot[i], b.at[i], b.size[i]);
    for (int i = 0; i < 6; i++) {
        len[i] = two_send(&t, 0, "first life", msg[i], sizeof msg[i]);
        CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_OK);
    }
    for (size_t i = 0; i < b.n; i++) memcpy(b.at[i], snapshot[i], b.size[i]);
    for (int i = 6; i < 12; i++) {
        len[i] = two_send(&t, 0, "after the rollback", msg[i], sizeof msg[i]);
        CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    }
    two_end(&t);
}

/* ---- 8: timing */

static int run_valgrind(const char *what) {
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execlp("valgrind", "valgrind", "-q", "--error-exitcode=9", ct_path, what, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void timing__no_branch_or_index_depends_on_a_secret(void) {
    static const char *const all[] = {"open", "message-open", "commit"};
    if (ct_path[0] == 0 || run_valgrind("nothing") == 127) {
        printf("# SKIP valgrind is not here\n");
        return;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const int before = check_faults;
        CHECK_EQ(run_valgrind(all[i]), 0);
        CHECK_NOTE(before, "%s", all[i]);
    }
    CHECK_EQ(run_valgrind("leak"), 9); /* a check that cannot fail shows nothing */
}

/* ---- 9: recorded traffic against later key loss */

static void forward_secrecy__all_later_memory_opens_no_recorded_message(void) {
    struct blocks b[2];
    uint8_t msg[4][128], fixed[32];
    size_t len[4];
    two_begin(&t);
    for (int i = 0; i < 2; i++) known_memory(&t, i, &b[i]);
    fixed_of(&t, fixed);
    /* the search finds what can be found: before message 0 both hold CK_0 */
    len[0] = two_send(&t, 0, "recorded", msg[0], sizeof msg[0]);
    CHECK(memory_opens(&b[1], fixed, msg[0], len[0], t.id[0], t.id[1]));
    CHECK(!memory_opens(&b[0], fixed, msg[0], len[0], t.id[0], t.id[1]));
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    for (int i = 1; i < 4; i++) {
        len[i] = two_send(&t, 0, "recorded", msg[i], sizeof msg[i]);
        CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_OK);
    }
    for (int i = 0; i < 4; i++) /* then all of it is stolen, at both ends */
        for (int k = 0; k < 2; k++) CHECK(!memory_opens(&b[k], fixed, msg[i], len[i], t.id[0], t.id[1]));
    two_end(&t);
}

int main(int argc, char **argv) {
    if (argc != 4 || sodium_init() < 0) return 2;
    child_path = argv[1];
    mutant_path = argv[2];
    ct_path = argv[3];
    CASE(key_theft__a_stolen_message_key_opens_one_message);
    CASE(memory_scan__no_used_key_is_left_in_a_live_process);
    CASE(memory_scan__finds_the_mutant_that_does_not_wipe);
    CASE(memory_scan__a_kept_key_is_gone_once_it_was_used);
    CASE(memory_scan__no_key_of_a_seal_is_left_at_its_dealer);
    CASE(sniffing__what_is_on_the_wire_opens_nothing);
    CASE(node_compromise__one_node_does_not_open_a_collective_seal);
    CASE(node_compromise__the_next_generation_shuts_an_attacker_out);
    CASE(replay__no_message_is_taken_twice_turned_round_or_moved);
    CASE(clone__two_devices_of_one_state_are_lost_at_the_first_difference);
    CASE(rollback__an_old_state_is_refused_by_the_other_side);
    CASE(timing__no_branch_or_index_depends_on_a_secret);
    CASE(forward_secrecy__all_later_memory_opens_no_recorded_message);
    return check_done();
}
