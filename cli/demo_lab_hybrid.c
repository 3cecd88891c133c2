/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe demo lab: an order in JSON that another service reads as Protobuf, sealed on the way; and levels.
 */
#include "demo_lab.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 8192, NOW = 1760000000 };

static const char draft[] =
    "{'name':'demo order','revision':1,'previous':'','sides':['json','protobuf'],'charset':'ascii',"
    "'record_length':0,'messages':[{'name':'Order','fields':["
    "{'id':1,'name':'id','type':'u64','cardinality':'required','sensitivity':1,'pb_number':1,'pb_type':'"
    "uint64'},"
    "{'id':2,'name':'customer','type':'text','cardinality':'required','sensitivity':2,'pb_number':2,"
    "'pb_type':'string'},"
    "{'id':3,'name':'total','type':'decimal','cardinality':'required','arg':2,'sensitivity':2,'pb_number':3,"
    "'pb_type':'sint64'},"
    "{'id':4,'name':'paid','type':'bool','cardinality':'required','sensitivity':1,'pb_number':4,"
    "'pb_type':'bool'}]}],'enums':[]}";
static const char order[] = "{\"id\":7,\"customer\":\"Ada\",\"total\":12.50,\"paid\":true}";
/* The same as any Protobuf library writes it: 1: 7, 2: "Ada", 3: 1250 in zigzag, 4: true. */
static const uint8_t order_pb[] = {0x08, 0x07, 0x12, 0x03, 'A', 'd', 'a', 0x18, 0xC4, 0x13, 0x20, 0x01};

hkp_neuro_bridge *demo_lab_bridge(void) {
    static uint8_t table[4096], file[4096 + HKP_NEURO_BRIDGE_FILE_EXTRA];
    uint8_t public_key[32], secret_key[64];
    char text[sizeof draft];
    size_t len = 0;
    hkp_neuro_bridge *bridge = NULL;
    for (size_t i = 0; i < sizeof draft; i++) text[i] = draft[i] == '\'' ? '"' : draft[i];
    json_t *o = json_loads(text, 0, NULL);
    if (o == NULL || cli_bridge_draft("the demo's table", o, table, sizeof table, &len) != CLI_OK) {
        json_decref(o);
        return NULL;
    }
    json_decref(o);
    (void)crypto_sign_keypair(public_key, secret_key);
    if (hkp_neuro_bridge_sign(table, len, secret_key, file, sizeof file, &len) != HKP_OK ||
        hkp_neuro_bridge_open(&bridge, NULL, file, len, public_key, 1) != HKP_OK)
        (void)cli_fail(CLI_SYSTEM, "the demo's table cannot be signed");
    return bridge;
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

static struct hkp_neuro_hyb_options options(uint32_t policy, uint64_t life_s) {
    struct hkp_neuro_hyb_options o;
    hkp_neuro_hyb_options_init(&o, sizeof o);
    o.policy = policy;
    o.now_s = NOW;
    o.expires_s = NOW + life_s;
    o.rng.fill = fill;
    return o;
}

static void keys(struct hkp_neuro_hyb_secret *secret, uint32_t origin) {
    uint8_t master[32], id[16];
    randombytes_buf(master, sizeof master);
    randombytes_buf(id, sizeof id);
    (void)!hkp_neuro_hyb_keys_derive(secret, id, master, origin, NOW);
    sodium_memzero(master, sizeof master);
}

/* ---- 2: services ---- */

static int stands_in(const uint8_t *hay, size_t len, const char *needle) {
    const size_t n = strlen(needle);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(hay + i, needle, n) == 0) return 1;
    return 0;
}

static void refusals(struct demo_lab *d, hkp_neuro_bridge *b) {
    static const char tip[] = "{\"id\":7,\"customer\":\"Ada\",\"total\":12.50,\"paid\":true,\"tip\":1}";
    static const char half[] = "{\"id\":7,\"customer\":\"Ada\",\"total\":12.505,\"paid\":true}";
    struct hkp_neuro_bridge_place place = {0};
    uint8_t out[ROOM];
    size_t len;
    hkp_status st =
        hkp_neuro_bridge_translate(b, HKP_NEURO_BRIDGE_JSON, HKP_NEURO_BRIDGE_PROTOBUF, (const uint8_t *)tip,
                                   sizeof tip - 1, out, sizeof out, &len, &place);
    demo_lab_fact(d, "unmapped", st == HKP_E_NEURO_BR_UNMAPPED,
                  "a member that the table does not map: %s at byte %llu", cli_status_name(st),
                  (unsigned long long)place.offset);
    st = hkp_neuro_bridge_translate(b, HKP_NEURO_BRIDGE_JSON, HKP_NEURO_BRIDGE_PROTOBUF,
                                    (const uint8_t *)half, sizeof half - 1, out, sizeof out, &len, &place);
    demo_lab_fact(d, "not_rounded", st == HKP_E_NEURO_BR_NUMBER,
                  "12.505 where cents are wanted: %s in field %s, not rounded", cli_status_name(st),
                  place.path);
}

void demo_lab_services(struct demo_lab *d, hkp_neuro_bridge *b) {
    struct hkp_neuro_hyb_options o = options(0, 60);
    struct hkp_neuro_hyb_secret secret;
    uint8_t inter[ROOM], sealed[ROOM], opened[ROOM], pb[ROOM], back[ROOM];
    size_t n_inter = 0, n_sealed = 0, n_opened = 0, n_pb = 0, n_back = 0;
    char hex[65];
    keys(&secret, HKP_NEURO_HYB_FROM_RANDOM);
    demo_lab_say(d, "service A says  %s", order);
    hkp_status st = hkp_neuro_bridge_decode(b, HKP_NEURO_BRIDGE_JSON, (const uint8_t *)order,
                                            sizeof order - 1, inter, ROOM, &n_inter, NULL);
    if (st == HKP_OK) st = hkp_neuro_hyb_seal(&secret, &o, b, inter, n_inter, sealed, ROOM, &n_sealed);
    demo_lab_fact(d, "sealed", st == HKP_OK && !stands_in(sealed, n_sealed, "Ada"),
                  "on the way: %zu bytes under ChaCha20-Poly1305, no name to be seen", n_sealed);
    if (st == HKP_OK) st = hkp_neuro_hyb_open(&secret, &o, b, sealed, n_sealed, opened, ROOM, &n_opened);
    if (st == HKP_OK)
        st = hkp_neuro_bridge_encode(b, HKP_NEURO_BRIDGE_PROTOBUF, opened, n_opened, pb, ROOM, &n_pb, NULL);
    demo_lab_say(d, "service B reads %s (Protobuf)",
                 sodium_bin2hex(hex, sizeof hex, pb, n_pb < 32 ? n_pb : 0));
    demo_lab_fact(d, "protobuf", st == HKP_OK && n_pb == sizeof order_pb && memcmp(pb, order_pb, n_pb) == 0,
                  "these are the bytes that a Protobuf library writes for this order");
    st = hkp_neuro_bridge_translate(b, HKP_NEURO_BRIDGE_PROTOBUF, HKP_NEURO_BRIDGE_JSON, pb, n_pb, back, ROOM,
                                    &n_back, NULL);
    demo_lab_fact(d, "round_trip",
                  st == HKP_OK && n_back == sizeof order - 1 && memcmp(back, order, n_back) == 0,
                  "and back: the same JSON, byte for byte");
    sealed[n_sealed / 2] ^= 1;
    st = hkp_neuro_hyb_open(&secret, &o, b, sealed, n_sealed, opened, ROOM, &n_opened);
    demo_lab_fact(d, "changed", st == HKP_E_NEURO_HYB_AUTH, "one bit changed on the way: %s",
                  cli_status_name(st));
    refusals(d, b);
    sodium_memzero(&secret, sizeof secret);
}

/* ---- 3: levels ---- */

static hkp_status seal_at(struct hkp_neuro_hyb_secret *secret, const hkp_neuro_bridge *b, uint32_t policy,
                          uint64_t life_s, const uint8_t *inter, size_t len, uint8_t *sealed, size_t *n) {
    const struct hkp_neuro_hyb_options o = options(policy, life_s);
    return hkp_neuro_hyb_seal(secret, &o, b, inter, len, sealed, ROOM, n);
}

static void restricted(struct demo_lab *d, const hkp_neuro_bridge *b, const uint8_t *inter, size_t len) {
    struct hkp_neuro_hyb_options o = options(4, 60);
    struct hkp_neuro_hyb_replay_options seen;
    struct hkp_neuro_hyb_secret random, exported;
    hkp_neuro_hyb_replay *set = NULL;
    uint8_t sealed[ROOM], opened[ROOM];
    size_t n = 0, n_opened;
    keys(&random, HKP_NEURO_HYB_FROM_RANDOM);
    keys(&exported, HKP_NEURO_HYB_FROM_EXPORT);
    const hkp_status of_random = seal_at(&random, b, 4, 60, inter, len, sealed, &n);
    demo_lab_fact(d, "key_source", of_random == HKP_E_NEURO_HYB_POLICY,
                  "restricted takes only a key that a live session exported: %s", cli_status_name(of_random));
    hkp_neuro_hyb_replay_options_init(&seen, sizeof seen);
    seen.rng.fill = fill;
    hkp_status once = hkp_neuro_hyb_replay_new(&set, &seen), twice = HKP_OK, blind = HKP_OK;
    if (once == HKP_OK) once = hkp_neuro_hyb_seal(&exported, &o, b, inter, len, sealed, ROOM, &n);
    if (once == HKP_OK) {
        blind = hkp_neuro_hyb_open(&exported, &o, b, sealed, n, opened, ROOM, &n_opened);
        o.replay = set;
        once = hkp_neuro_hyb_open(&exported, &o, b, sealed, n, opened, ROOM, &n_opened);
        twice = hkp_neuro_hyb_open(&exported, &o, b, sealed, n, opened, ROOM, &n_opened);
    }
    demo_lab_fact(
        d, "replay", once == HKP_OK && twice == HKP_E_NEURO_HYB_REPLAY && blind == HKP_E_NEURO_HYB_REPLAY,
        "and opens once: the second time %s, without a memory of salts not at all", cli_status_name(twice));
    hkp_neuro_hyb_replay_free(set);
    sodium_memzero(&random, sizeof random);
    sodium_memzero(&exported, sizeof exported);
}

void demo_lab_levels(struct demo_lab *d, hkp_neuro_bridge *b) {
    static const char *const names[] = {"", "public", "internal", "confidential", "restricted"};
    static const uint64_t lives[] = {0, 604800, 86400, 3600, 300};
    struct hkp_neuro_hyb_secret secret;
    uint8_t inter[ROOM], sealed[ROOM], opened[ROOM];
    size_t len = 0, n = 0, last = 0, n_opened;
    int same_cipher = 1, grows = 1, bounded = 1;
    keys(&secret, HKP_NEURO_HYB_FROM_EXPORT);
    (void)!hkp_neuro_bridge_decode(b, HKP_NEURO_BRIDGE_JSON, (const uint8_t *)order, sizeof order - 1, inter,
                                   ROOM, &len, NULL);
    for (uint32_t level = 2; level <= 4; level++) {
        const hkp_status st = seal_at(&secret, b, level, lives[level], inter, len, sealed, &n);
        same_cipher &= st == HKP_OK && sealed[5] == HKP_NEURO_HYB_CHACHA20_POLY1305;
        grows &= n > last;
        last = n;
        demo_lab_say(d, "%-12s %5zu bytes whatever is in it, %6llu s to live", names[level], n,
                     (unsigned long long)lives[level]);
        bounded &=
            seal_at(&secret, b, level, lives[level] + 1, inter, len, sealed, &n) == HKP_E_NEURO_HYB_EXPIRED;
    }
    demo_lab_fact(d, "same_cipher", same_cipher, "the same AEAD at every level");
    demo_lab_fact(d, "padding", grows, "a higher level hides more of the length");
    demo_lab_fact(d, "life", bounded, "and none lets a message live longer than its level does");
    const hkp_status below = seal_at(&secret, b, 1, 60, inter, len, sealed, &n);
    demo_lab_fact(d, "not_lower", below == HKP_E_NEURO_HYB_POLICY,
                  "a context may raise the table's level, never lower it: %s", cli_status_name(below));
    struct hkp_neuro_hyb_options late = options(3, 60);
    hkp_status st = hkp_neuro_hyb_seal(&secret, &late, b, inter, len, sealed, ROOM, &n);
    late.now_s = NOW + 61;
    if (st == HKP_OK) st = hkp_neuro_hyb_open(&secret, &late, b, sealed, n, opened, ROOM, &n_opened);
    demo_lab_fact(d, "expired", st == HKP_E_NEURO_HYB_EXPIRED, "after its life it does not open: %s",
                  cli_status_name(st));
    restricted(d, b, inter, len);
    sodium_memzero(&secret, sizeof secret);
}
