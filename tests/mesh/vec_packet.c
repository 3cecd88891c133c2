/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors mesh/packet: the codec and sealing (M-PKT-1 to M-PKT-6). */
#include "check.h"
#include "libmesh/packet.h"
#include "names.h"
#include "vectors.h"

static json_t *root;

static void check_case_fields(json_t *c, const struct hkp_mesh__packet *p) {
    struct vec_bytes payload = vec_hex(c, "payload");
    uint8_t rdv[16];
    vec_hex_into(c, "rdv", rdv, 16);
    CHECK_EQ(p->type, vec_u64(c, "type"));
    CHECK_EQ(p->flags, vec_u64(c, "flags"));
    CHECK_EQ(p->sequence, vec_u64(c, "sequence"));
    CHECK_EQ(p->flow_token, vec_u64(c, "flow_token"));
    CHECK_EQ(p->timestamp_us, vec_u64(c, "timestamp_us"));
    CHECK_MEM(p->rdv, rdv, 16);
    CHECK_EQ(p->payload_len, payload.len);
    if (p->payload_len == payload.len) CHECK_MEM(p->payload, payload.ptr, payload.len);
    free(payload.ptr);
}

static void packets_are_decoded_and_encoded_or_refused(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        const int before = check_faults;
        struct vec_bytes bytes = vec_hex(c, "packet");
        const hkp_status want = mesh_status_of(vec_text(c, "expect"));
        struct hkp_mesh__packet p, zero;
        memset(&p, 0xa5, sizeof p);
        memset(&zero, 0xa5, sizeof zero);
        CHECK_EQ(hkp_mesh__packet_decode(&p, bytes.ptr, bytes.len, vec_bool(c, "neuro_session")), want);
        if (want != HKP_OK) {
            CHECK_MEM(&p, &zero, sizeof p);
        } else {
            uint8_t again[HKP_MESH__PACKET_MAX];
            size_t len = 0;
            check_case_fields(c, &p);
            CHECK_EQ(hkp_mesh__packet_encode(&p, again, sizeof again, &len), HKP_OK);
            CHECK_EQ(len, bytes.len);
            CHECK_MEM(again, bytes.ptr, bytes.len);
            CHECK_EQ(hkp_mesh__packet_encode(&p, again, bytes.len - 1, &len), HKP_E_NOSPC);
        }
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
        free(bytes.ptr);
    }
}

static void sealed_packets_are_made_and_opened(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "sealed"), i, c) {
        const int before = check_faults;
        uint8_t key[32], iv[12], rdv_key[32], rdv[16], out[4096], plain_out[4096];
        size_t len = 0;
        struct vec_bytes plain = vec_hex(c, "plain"), packet = vec_hex(c, "packet");
        vec_hex_into(c, "key", key, 32);
        vec_hex_into(c, "iv", iv, 12);
        vec_hex_into(c, "rdv_key", rdv_key, 32);
        vec_hex_into(c, "rdv", rdv, 16);
        struct hkp_mesh__packet p = {.type = (uint8_t)vec_u64(c, "type"),
                                     .flags = (uint8_t)vec_u64(c, "flags"),
                                     .sequence = (uint32_t)vec_u64(c, "sequence"),
                                     .flow_token = vec_u64(c, "flow_token"),
                                     .timestamp_us = vec_u64(c, "timestamp_us"),
                                     .payload = plain.ptr,
                                     .payload_len = plain.len};
        if (p.flags & HKP_MESH__FLAG_NEURO_AUTH) hkp_mesh__packet_rdv(&p, rdv_key, p.rdv);
        CHECK_MEM(p.rdv, rdv, 16);
        CHECK_EQ(hkp_mesh__packet_seal(&p, key, iv, out, sizeof out, &len), HKP_OK);
        CHECK_EQ(len, packet.len);
        CHECK_MEM(out, packet.ptr, packet.len);

        struct hkp_mesh__packet got;
        CHECK_EQ(hkp_mesh__packet_decode(&got, packet.ptr, packet.len, 0), HKP_OK);
        CHECK_EQ(hkp_mesh__packet_open(&got, key, iv, plain_out, plain.len - 1), HKP_E_NOSPC);
        CHECK_EQ(hkp_mesh__packet_open(&got, key, iv, plain_out, sizeof plain_out), HKP_OK);
        CHECK_EQ(got.payload_len, plain.len);
        CHECK_MEM(got.payload, plain.ptr, plain.len);
        CHECK_EQ(got.flags, p.flags);
        if (p.flags & HKP_MESH__FLAG_NEURO_AUTH) {
            CHECK_EQ(hkp_mesh__packet_rdv_check(&got, rdv_key), HKP_OK);
            got.rdv[3] ^= 1;
            CHECK_EQ(hkp_mesh__packet_rdv_check(&got, rdv_key), HKP_E_MESH_RDV);
        }
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
        free(plain.ptr);
        free(packet.ptr);
    }
}

/* M-PKT-5: header and payload are both authenticated; the checksum, which an attacker can redo, is not. */
static void a_changed_sealed_packet_is_not_opened(void) {
    static const uint8_t key[32] = {1}, iv[12] = {2};
    uint8_t bytes[256], plain[256];
    size_t len = 0;
    struct hkp_mesh__packet p = {.type = HKP_MESH__TYPE_SECURITY_EVENT,
                                 .sequence = 7,
                                 .flow_token = 8,
                                 .timestamp_us = 9,
                                 .payload = key,
                                 .payload_len = sizeof key};
    CHECK_EQ(hkp_mesh__packet_seal(&p, key, iv, bytes, sizeof bytes, &len), HKP_OK);
    struct hkp_mesh__packet good;
    CHECK_EQ(hkp_mesh__packet_decode(&good, bytes, len, 0), HKP_OK);
    for (int field = 0; field < 5; field++) {
        struct hkp_mesh__packet bad = good;
        uint8_t cipher[64];
        memcpy(cipher, good.payload, good.payload_len);
        bad.payload = cipher;
        if (field == 0) bad.sequence++;
        if (field == 1) bad.flow_token++;
        if (field == 2) bad.timestamp_us++;
        if (field == 3) bad.type = HKP_MESH__TYPE_CONTROL_CMD;
        if (field == 4) cipher[5] ^= 1;
        const struct hkp_mesh__packet kept = bad;
        CHECK(hkp_mesh__packet_open(&bad, key, iv, plain, sizeof plain) != HKP_OK);
        CHECK_MEM(&bad, &kept, sizeof bad);
    }
}

/* M-PKT-4 */
static void a_sequence_is_taken_once_and_within_1024(void) {
    struct hkp_mesh__window w = {0};
    CHECK(hkp_mesh__window_take(&w, 5));
    CHECK(!hkp_mesh__window_take(&w, 5));
    CHECK(hkp_mesh__window_take(&w, 0));
    CHECK(hkp_mesh__window_take(&w, 1028));
    CHECK(!hkp_mesh__window_take(&w, 4));
    CHECK(!hkp_mesh__window_take(&w, 5));
    CHECK(hkp_mesh__window_take(&w, 6));
    CHECK(!hkp_mesh__window_take(&w, 6));
    CHECK(hkp_mesh__window_take(&w, 0xffffffffU));
    CHECK(!hkp_mesh__window_take(&w, 1028));
    CHECK(hkp_mesh__window_take(&w, 0xffffffffU - 1023));
    CHECK(!hkp_mesh__window_take(&w, 0xffffffffU - 1024));
    CHECK(!hkp_mesh__window_take(&w, 0xffffffffU));
}

static void a_packet_of_65536_bytes_is_too_big(void) {
    uint8_t *bytes = calloc(1, 65536);
    struct hkp_mesh__packet p;
    CHECK_EQ(hkp_mesh__packet_decode(&p, bytes, 65536, 0), HKP_E_MESH_TOO_BIG);
    CHECK_EQ(hkp_mesh__packet_decode(&p, bytes, 65535, 0), HKP_E_MESH_VERSION);
    free(bytes);
}

int main(void) {
    root = vec_load("mesh/packet.json");
    CASE(packets_are_decoded_and_encoded_or_refused);
    CASE(sealed_packets_are_made_and_opened);
    CASE(a_changed_sealed_packet_is_not_opened);
    CASE(a_sequence_is_taken_once_and_within_1024);
    CASE(a_packet_of_65536_bytes_is_too_big);
    json_decref(root);
    return check_done();
}
