/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * bridge.*: the orders of the vectors through the codecs, in MB/s of what is read or written, beside
 * jansson's parse of the same JSON alone, and protobuf-c's structs where it was found; lab.hybrid.*: a sealed
 * kilobyte beside the AEAD alone (LAB-9.2).
 */
#include "bench.h"

#include <hookprobe/neuro.h>
#include <jansson.h>
#include <sodium.h>
#ifdef BENCH_PROTOBUF_C
#include "order.pb-c.h"
#endif

enum { ORDERS = 40, ROOM = 4096, NOW = 1760000000 };

struct bytes {
    uint8_t bytes[1024];
    size_t len;
};

struct fixture {
    hkp_neuro_bridge *bridge, *account;
    size_t n;
    struct bytes json[ORDERS], pb[ORDERS], inter[ORDERS], record;
    uint8_t out[ROOM], sealed[ROOM], key[32], nonce[12];
    size_t sealed_len;
    struct hkp_neuro_hyb_secret secret;
    struct hkp_neuro_hyb_options opt;
    void *order[ORDERS]; /* of protobuf-c */
};

static double sum(const struct bytes *list, size_t n) {
    double bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += (double)list[i].len;
    return bytes;
}

/* One operation is all orders once. */
#define EACH(call)                                                                                           \
    struct fixture *f = user;                                                                                \
    size_t len;                                                                                              \
    for (uint64_t k = 0; k < times; k++)                                                                     \
        for (size_t i = 0; i < f->n; i++) bench_need((call) == HKP_OK, "refused")

static void json_decode(void *user, uint64_t times) {
    EACH(hkp_neuro_bridge_decode(f->bridge, HKP_NEURO_BRIDGE_JSON, f->json[i].bytes, f->json[i].len, f->out,
                                 ROOM, &len, NULL));
}
static void pb_decode(void *user, uint64_t times) {
    EACH(hkp_neuro_bridge_decode(f->bridge, HKP_NEURO_BRIDGE_PROTOBUF, f->pb[i].bytes, f->pb[i].len, f->out,
                                 ROOM, &len, NULL));
}
static void json_encode(void *user, uint64_t times) {
    EACH(hkp_neuro_bridge_encode(f->bridge, HKP_NEURO_BRIDGE_JSON, f->inter[i].bytes, f->inter[i].len, f->out,
                                 ROOM, &len, NULL));
}
static void pb_encode(void *user, uint64_t times) {
    EACH(hkp_neuro_bridge_encode(f->bridge, HKP_NEURO_BRIDGE_PROTOBUF, f->inter[i].bytes, f->inter[i].len,
                                 f->out, ROOM, &len, NULL));
}
static void translate(void *user, uint64_t times) {
    EACH(hkp_neuro_bridge_translate(f->bridge, HKP_NEURO_BRIDGE_JSON, HKP_NEURO_BRIDGE_PROTOBUF,
                                    f->json[i].bytes, f->json[i].len, f->out, ROOM, &len, NULL));
}

static void jansson_parse(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++)
        for (size_t i = 0; i < f->n; i++) {
            json_t *o =
                json_loadb((const char *)f->json[i].bytes, f->json[i].len, JSON_REJECT_DUPLICATES, NULL);
            bench_need(o != NULL, "jansson refused");
            json_decref(o);
        }
}

#ifdef BENCH_PROTOBUF_C
static void protobuf_c_unpack(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++)
        for (size_t i = 0; i < f->n; i++) {
            Lab__Order *o = lab__order__unpack(NULL, f->pb[i].len, f->pb[i].bytes);
            bench_need(o != NULL, "protobuf-c refused");
            lab__order__free_unpacked(o, NULL);
        }
}
static void protobuf_c_pack(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++)
        for (size_t i = 0; i < f->n; i++)
            bench_need(lab__order__pack(f->order[i], f->out) == f->pb[i].len,
                       "protobuf-c writes another length");
}
static void unpack_orders(struct fixture *f) {
    for (size_t i = 0; i < f->n; i++) {
        f->order[i] = lab__order__unpack(NULL, f->pb[i].len, f->pb[i].bytes);
        bench_need(f->order[i] != NULL, "protobuf-c refused");
    }
}
static void free_orders(struct fixture *f) {
    for (size_t i = 0; i < f->n; i++) lab__order__free_unpacked(f->order[i], NULL);
}
#else
static bench_op *const protobuf_c_unpack = NULL, *const protobuf_c_pack = NULL;
static void unpack_orders(struct fixture *f) { (void)f; }
static void free_orders(struct fixture *f) { (void)f; }
#endif

static void record_decode(void *user, uint64_t times) {
    struct fixture *f = user;
    size_t len;
    for (uint64_t k = 0; k < times; k++)
        bench_need(hkp_neuro_bridge_decode(f->account, HKP_NEURO_BRIDGE_RECORD, f->record.bytes,
                                           f->record.len, f->out, ROOM, &len, NULL) == HKP_OK,
                   "refused");
}

/* ---- hybrid ---- */

/* Drawn as a stream, so that the operating system's share is not measured. */
static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *n = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)((*n += 0x9E3779B97F4A7C15U) >> 56);
    return 0;
}

static void hybrid_seal(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++) {
        f->secret.sealed = 0;
        bench_need(hkp_neuro_hyb_seal(&f->secret, &f->opt, f->bridge, f->inter[0].bytes, f->inter[0].len,
                                      f->sealed, ROOM, &f->sealed_len) == HKP_OK,
                   "not sealed");
    }
}
static void hybrid_open(void *user, uint64_t times) {
    struct fixture *f = user;
    size_t len;
    for (uint64_t k = 0; k < times; k++)
        bench_need(hkp_neuro_hyb_open(&f->secret, &f->opt, f->bridge, f->sealed, f->sealed_len, f->out, ROOM,
                                      &len) == HKP_OK,
                   "not opened");
}
static void aead_seal(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++)
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(f->out, NULL, f->out, 1024, f->key, 32, NULL,
                                                        f->nonce, f->key);
}

/* ---- what is measured ---- */

static void take(json_t *o, const char *key, struct bytes *b) {
    const char *hex = json_string_value(json_object_get(o, key));
    bench_need(hex != NULL &&
                   sodium_hex2bin(b->bytes, sizeof b->bytes, hex, strlen(hex), NULL, &b->len, NULL) == 0,
               "a vector is not as expected");
}

static hkp_neuro_bridge *bridge_of(json_t *o) {
    struct bytes table;
    hkp_neuro_bridge *b = NULL;
    take(o, "table", &table);
    bench_need(hkp_neuro_bridge_new(&b, NULL, table.bytes, table.len) == HKP_OK, "no bridge");
    return b;
}

static void load(struct fixture *f) {
    json_t *file = json_load_file(BENCH_VECTORS "/translate.json", 0, NULL), *o;
    json_t *records = json_load_file(BENCH_VECTORS "/record.json", 0, NULL);
    bench_need(file != NULL && records != NULL, BENCH_VECTORS " cannot be read");
    f->bridge = bridge_of(file);
    json_array_foreach(json_object_get(file, "cases"), f->n, o) {
        if (f->n == ORDERS) break;
        const char *text = json_string_value(json_object_get(o, "json"));
        f->json[f->n].len = strlen(text);
        memcpy(f->json[f->n].bytes, text, f->json[f->n].len);
        take(o, "protobuf", &f->pb[f->n]);
        take(o, "inter", &f->inter[f->n]);
    }
    o = json_array_get(json_object_get(records, "sets"), 1);
    f->account = bridge_of(o);
    take(json_array_get(json_object_get(o, "cases"), 0), "record", &f->record);
    json_decref(file);
    json_decref(records);
}

int main(int argc, char **argv) {
    static struct fixture f;
    static uint64_t random_state;
    const uint8_t id[16] = {1}, master[32] = {2};
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    load(&f);
    unpack_orders(&f);
    const double json = 1e-6 * sum(f.json, f.n), pb = 1e-6 * sum(f.pb, f.n);
    const struct {
        const char *name;
        double amount;
        bench_op *run, *ref;
        const char *ref_name;
    } rates[] = {{"bridge.json.decode", json, json_decode, jansson_parse, "jansson parse"},
                 {"bridge.json.encode", json, json_encode, NULL, NULL},
                 {"bridge.pb.decode", pb, pb_decode, protobuf_c_unpack, "protobuf-c unpack"},
                 {"bridge.pb.encode", pb, pb_encode, protobuf_c_pack, "protobuf-c pack"},
                 {"bridge.record.decode", 1e-6 * (double)f.record.len, record_decode, NULL, NULL},
                 {"bridge.translate.order", json, translate, jansson_parse, "jansson parse"}};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        if (bench_wanted(rates[i].name))
            bench_rate(rates[i].name, "MB/s", rates[i].amount, rates[i].run, &f,
                       rates[i].ref != NULL ? rates[i].ref_name : NULL, rates[i].ref);
    if (bench_wanted("lab.translate"))
        bench_rate("lab.translate", "1/s", (double)f.n, translate, &f, "jansson parse", jansson_parse);
    hkp_neuro_hyb_options_init(&f.opt, sizeof f.opt);
    f.opt.now_s = NOW;
    f.opt.expires_s = NOW + 60;
    f.opt.rng = (struct hkp_rng){&random_state, fill};
    bench_need(hkp_neuro_hyb_keys_derive(&f.secret, id, master, HKP_NEURO_HYB_FROM_RANDOM, NOW) == HKP_OK,
               "no keys");
    hybrid_seal(&f, 1);
    if (bench_wanted("lab.hybrid.seal.1k"))
        bench_time("lab.hybrid.seal.1k", "us", 1e6, hybrid_seal, &f, "chacha20poly1305", aead_seal);
    if (bench_wanted("lab.hybrid.open.1k"))
        bench_time("lab.hybrid.open.1k", "us", 1e6, hybrid_open, &f, "chacha20poly1305", aead_seal);
    free_orders(&f);
    hkp_neuro_bridge_free(f.bridge);
    hkp_neuro_bridge_free(f.account);
    return 0;
}
