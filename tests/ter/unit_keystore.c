/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A secret in a file (SYN-8.5, D-ID-2, decision 0116). The TPM's form: unit_tpm.c. */
#include "folder.h"

#include <hookprobe/ter.h>

static char dir[64], path[128];
static const uint8_t secret[96] = {0xA5, 1, 2, 3, [95] = 0x5A};

static struct hkp_ter_keystore_options options(uint32_t form, const char *passphrase) {
    struct hkp_ter_keystore_options o;
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    o.form = form;
    o.passphrase = (const uint8_t *)passphrase;
    o.passphrase_len = passphrase != NULL ? strlen(passphrase) : 0;
    o.ops = 1;
    o.kib = 8;
    return o;
}

static hkp_status get(const struct hkp_ter_keystore_options *o, uint32_t *form) {
    uint8_t got[HKP_TER_KEY_MAX] = {0}, zeros[HKP_TER_KEY_MAX] = {0};
    size_t len = 7;
    const hkp_status st = hkp_ter_keystore_read(o, got, sizeof got, &len, form);
    if (st == HKP_OK) {
        CHECK_EQ(len, sizeof secret);
        CHECK_MEM(got, secret, sizeof secret);
    } else {
        CHECK_EQ(len, 7);
        CHECK_MEM(got, zeros, sizeof got);
    }
    return st;
}

static void both_forms_give_the_secret_back(void) {
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PLAIN, NULL);
    struct stat st;
    uint32_t form = 9;
    CHECK_EQ(get(&o, &form), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(get(&o, &form), HKP_OK);
    CHECK_EQ(form, HKP_TER_KEY_PLAIN);
    CHECK_EQ(get(&o, NULL), HKP_OK);
    o = options(HKP_TER_KEY_PASSPHRASE, "correct horse");
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    CHECK_EQ(get(&o, &form), HKP_OK);
    CHECK_EQ(form, HKP_TER_KEY_PASSPHRASE);
}

/* Folders that were made before there was a key store. */
static void a_plain_file_of_before_is_read(void) {
    uint8_t bytes[108];
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PLAIN, NULL);
    memcpy(bytes, "HKPKEYS1", 8);
    memcpy(bytes + 8, secret, 96);
    const uint32_t crc = hkp_ter_crc32(bytes, 104);
    for (int i = 0; i < 4; i++) bytes[104 + i] = (uint8_t)(crc >> 8 * i);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    uint8_t ours[200];
    CHECK_EQ(file_get(path, ours, sizeof ours), 108);
    CHECK_MEM(ours, bytes, 108);
}

static void the_passphrase_is_needed_and_must_be_right(void) {
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PASSPHRASE, "correct horse");
    uint8_t bytes[512];
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    const long len = file_get(path, bytes, sizeof bytes);
    for (long i = 0; i + 8 <= len; i++) CHECK(memcmp(bytes + i, secret, 8) != 0);
    o = options(0, "wrong horse");
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_PASSPHRASE);
    o = options(0, NULL);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_PASSPHRASE);
    o = options(HKP_TER_KEY_PASSPHRASE, NULL);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_E_TER_KEY_PASSPHRASE);
    o = options(HKP_TER_KEY_TPM, NULL);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_E_TER_KEY_TPM);
    o = options(0, "correct horse"); /* a write that failed left the file as it was */
    CHECK_EQ(get(&o, NULL), HKP_OK);
}

static void damage_anywhere_is_told(void) {
    for (uint32_t form = HKP_TER_KEY_PLAIN; form <= HKP_TER_KEY_PASSPHRASE; form++) {
        struct hkp_ter_keystore_options o = options(form, "correct horse");
        uint8_t bytes[512];
        CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
        const long len = file_get(path, bytes, sizeof bytes);
        for (long i = 0; i < len; i++) {
            bytes[i] ^= 4;
            file_put(path, bytes, (size_t)len);
            CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_FORM);
            bytes[i] ^= 4;
            file_put(path, bytes, (size_t)i);
            CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_FORM);
        }
    }
}

static void put_with_crc(uint8_t *bytes, size_t len) {
    const uint32_t crc = hkp_ter_crc32(bytes, len - 4);
    for (int i = 0; i < 4; i++) bytes[len - 4 + (size_t)i] = (uint8_t)(crc >> 8 * i);
    file_put(path, bytes, len);
}

/* With the checksum made right: what the file asks for is bounded, and the box covers its header. */
static void a_hostile_file_is_refused(void) {
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PASSPHRASE, "correct horse");
    static const struct {
        size_t at;
        uint8_t value;
        hkp_status expected;
    } edits[] = {
        {8, 3, HKP_E_TER_KEY_FORM},   {8, 2, HKP_E_TER_KEY_FORM},        {9, 1, HKP_E_TER_KEY_FORM},
        {10, 0, HKP_E_TER_KEY_FORM},  {10, 200, HKP_E_TER_KEY_FORM},     {12, 0, HKP_E_TER_KEY_FORM},
        {12, 17, HKP_E_TER_KEY_FORM}, {15, 1, HKP_E_TER_KEY_FORM},       {19, 1, HKP_E_TER_KEY_FORM},
        {16, 7, HKP_E_TER_KEY_FORM},  {12, 2, HKP_E_TER_KEY_PASSPHRASE}, {40, 0, HKP_E_TER_KEY_PASSPHRASE}};
    uint8_t bytes[512], copy[512];
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    const size_t len = (size_t)file_get(path, bytes, sizeof bytes);
    bytes[40] |= 1;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        memcpy(copy, bytes, len);
        copy[edits[i].at] = edits[i].value;
        put_with_crc(copy, len);
        CHECK_EQ(get(&o, NULL), edits[i].expected);
    }
    uint8_t big[HKP_TER_KEY_FILE_MAX + 8] = "HKPKEYS1";
    put_with_crc(big, sizeof big);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_FORM);
    put_with_crc(big, 12);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_FORM);
    put_with_crc(big, 8 + 129 + 4);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_FORM);
}

static void a_file_that_others_may_touch_is_refused(void) {
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PLAIN, NULL);
    char other[128];
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        CHECK(chmod(path, modes[i]) == 0);
        CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_ACCESS);
    }
    CHECK(chmod(path, 0400) == 0);
    CHECK_EQ(get(&o, NULL), HKP_OK);
    folder_path(other, dir, "other");
    CHECK(rename(path, other) == 0 && symlink(other, path) == 0);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_ACCESS);
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_ACCESS);
    CHECK(rmdir(path) == 0 && rename(other, path) == 0);
    CHECK_EQ(get(&o, NULL), HKP_OK);
    if (geteuid() != 0) return; /* only root can give a file away */
    CHECK(chmod(path, 0600) == 0 && chown(path, 12345, 12345) == 0);
    CHECK_EQ(get(&o, NULL), HKP_E_TER_KEY_ACCESS);
    CHECK(chown(path, 0, 0) == 0);
}

static void limits_hold(void) {
    struct hkp_ter_keystore_options o = options(HKP_TER_KEY_PLAIN, NULL);
    uint8_t big[HKP_TER_KEY_MAX + 1] = {1}, got[HKP_TER_KEY_MAX];
    size_t len = 0;
    CHECK_EQ(hkp_ter_keystore_write(&o, big, sizeof big), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_keystore_write(&o, big, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_keystore_write(&o, big, HKP_TER_KEY_MAX), HKP_OK);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, 127, &len, NULL), HKP_E_NOSPC);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, 128, &len, NULL), HKP_OK);
    o.kib = 7;
    CHECK_EQ(hkp_ter_keystore_write(&o, big, 1), HKP_E_INVAL);
    o = options(3, NULL);
    CHECK_EQ(hkp_ter_keystore_write(&o, big, 1), HKP_E_INVAL);
    o = options(0, NULL);
    o.path = "/nonexistent/folder/keys";
    CHECK_EQ(hkp_ter_keystore_write(&o, big, 1), HKP_E_IO);
    o.path = NULL;
    CHECK_EQ(hkp_ter_keystore_write(&o, big, 1), HKP_E_INVAL);
    for (hkp_status st = HKP_E_TER_KEY_FORM; st >= HKP_E_TER_KEY_TPM; st--)
        CHECK(strncmp(hkp_ter_status_name(st), "E_TER_KEY_", 10) == 0);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_PIN_ROLLBACK), HKP_CLASS_DEAD);
    CHECK(strcmp(hkp_ter_status_name(HKP_E_TER_PIN_FORM), "E_TER_PIN_FORM") == 0);
}

int main(void) {
    folder_make(dir);
    folder_path(path, dir, "keys");
    CASE(both_forms_give_the_secret_back);
    CASE(a_plain_file_of_before_is_read);
    CASE(the_passphrase_is_needed_and_must_be_right);
    CASE(damage_anywhere_is_told);
    CASE(a_hostile_file_is_refused);
    CASE(a_file_that_others_may_touch_is_refused);
    CASE(limits_hold);
    folder_remove(dir);
    return check_done();
}
