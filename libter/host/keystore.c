/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A secret in a file (SYN-8.5, D-ID-2, decision 0116). All forms end with a CRC-32 LE of what stands before
 * it, so that damage and a wrong passphrase are told apart.
 *
 *     plain       "HKPKEYS1" || secret
 *     passphrase  "HKPKEYS2" || 1 || 0 || length LE16 || ops LE32 || KiB LE32 || salt 16 || nonce 24 || box
 *     TPM         "HKPKEYS2" || 2 || 0 || length LE16 || blob length LE16 || 0 LE16 || PCR key 64 || blob
 *
 * box is XChaCha20-Poly1305 under Argon2id(passphrase, salt), everything before it as associated data.
 */
#include "libter/bytes.h"
#include "libter/host/host.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <hookprobe/ter/keystore.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTIONS_V0 = sizeof(struct hkp_ter_keystore_options), MAGIC = 8, HEAD = 12, CRC = 4, PATH_CAP = 4096 };
enum { OPS_AT = 12, KIB_AT = 16, SALT_AT = 20, NONCE_AT = 36, BOX_AT = 60, TAG = 16 };
enum { BLOB_LEN_AT = 12, KEY_AT = 16, BLOB_AT = 80 };
enum { OPS_DEFAULT = 3, KIB_DEFAULT = 65536, KIB_MIN = 8 };

static const uint8_t magic_plain[MAGIC] = "HKPKEYS1", magic_other[MAGIC] = "HKPKEYS2";

struct file {
    uint8_t bytes[HKP_TER_KEY_FILE_MAX + 1];
    size_t len;
};

void hkp_ter_keystore_options_init(struct hkp_ter_keystore_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static hkp_status import(struct hkp_ter_keystore_options *o, const struct hkp_ter_keystore_options *opt) {
    const hkp_status st = hkp_options_import(o, sizeof *o, OPTIONS_V0, opt);
    if (st != HKP_OK) return st;
    if (o->ops == 0) o->ops = OPS_DEFAULT;
    if (o->kib == 0) o->kib = KIB_DEFAULT;
    if (o->path == NULL || o->passphrase_len > HKP_TER_PASSPHRASE_MAX || o->form > HKP_TER_KEY_TPM ||
        o->ops > HKP_TER_KEY_OPS_MAX || o->kib < KIB_MIN || o->kib > HKP_TER_KEY_KIB_MAX)
        return HKP_E_INVAL;
    if (o->passphrase == NULL) o->passphrase_len = 0;
    return sodium_init() < 0 ? HKP_E_IO : HKP_OK;
}

static void put_head(struct file *f, uint32_t form, size_t secret_len) {
    memcpy(f->bytes, magic_other, MAGIC);
    f->bytes[MAGIC] = (uint8_t)form;
    f->bytes[MAGIC + 1] = 0;
    hkp_put_le16(f->bytes + 10, (uint16_t)secret_len);
}

/* ---- Passphrase ---- */

static hkp_status stretch(const struct hkp_ter_keystore_options *o, const struct file *f, uint8_t key[32]) {
    const uint32_t ops = hkp_le32(f->bytes + OPS_AT), kib = hkp_le32(f->bytes + KIB_AT);
    if (ops < 1 || ops > HKP_TER_KEY_OPS_MAX || kib < KIB_MIN || kib > HKP_TER_KEY_KIB_MAX)
        return HKP_E_TER_KEY_FORM;
    if (o->passphrase_len == 0) return HKP_E_TER_KEY_PASSPHRASE;
    return crypto_pwhash(key, 32, (const char *)o->passphrase, o->passphrase_len, f->bytes + SALT_AT, ops,
                         (size_t)kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0
               ? HKP_OK
               : HKP_E_NOMEM;
}

static hkp_status lock(const struct hkp_ter_keystore_options *o, struct file *f, const uint8_t *secret,
                       size_t len) {
    uint8_t key[32];
    unsigned long long box_len = 0;
    put_head(f, HKP_TER_KEY_PASSPHRASE, len);
    hkp_put_le32(f->bytes + OPS_AT, o->ops);
    hkp_put_le32(f->bytes + KIB_AT, o->kib);
    if (hkp_ter__random(NULL, f->bytes + SALT_AT, BOX_AT - SALT_AT) != 0) return HKP_E_IO;
    const hkp_status st = stretch(o, f, key);
    if (st != HKP_OK) return st;
    crypto_aead_xchacha20poly1305_ietf_encrypt(f->bytes + BOX_AT, &box_len, secret, len, f->bytes, BOX_AT,
                                               NULL, f->bytes + NONCE_AT, key);
    sodium_memzero(key, sizeof key);
    f->len = BOX_AT + (size_t)box_len;
    return HKP_OK;
}

static hkp_status unlock(const struct hkp_ter_keystore_options *o, const struct file *f, uint8_t *secret,
                         size_t len) {
    uint8_t key[32];
    if (f->len != BOX_AT + len + TAG) return HKP_E_TER_KEY_FORM;
    hkp_status st = stretch(o, f, key);
    if (st != HKP_OK) return st;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, f->bytes + BOX_AT, f->len - BOX_AT,
                                                   f->bytes, BOX_AT, f->bytes + NONCE_AT, key) != 0)
        st = HKP_E_TER_KEY_PASSPHRASE;
    sodium_memzero(key, sizeof key);
    return st;
}

/* ---- TPM ---- */

static hkp_status unseal(const struct hkp_ter_keystore_options *o, const struct file *f, uint8_t *secret,
                         size_t len) {
    struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_UNSEAL};
    struct hkp_ter_tpm_result r;
    uint8_t pca[HKP_TER_PCA_SIZE];
    char path[PATH_CAP];
    size_t pca_len = 0;
    if (f->len < BLOB_AT || hkp_le16(f->bytes + BLOB_LEN_AT) != f->len - BLOB_AT ||
        hkp_le16(f->bytes + BLOB_LEN_AT + 2) != 0 || f->len - BLOB_AT > HKP_TER_TPM_BLOB_MAX)
        return HKP_E_TER_KEY_FORM;
    const int n = snprintf(path, sizeof path, "%s.pca", o->path);
    if (o->tpm == NULL || n < 0 || n >= (int)sizeof path ||
        hkp_ter_file_read(path, 0, pca, sizeof pca, &pca_len) != HKP_OK)
        return HKP_E_TER_KEY_TPM;
    hkp_status st = hkp_ter_pca_check(pca, pca_len, f->bytes + KEY_AT, NULL, NULL);
    if (st != HKP_OK) return st;
    job.blob = f->bytes + BLOB_AT;
    job.blob_len = f->len - BLOB_AT;
    job.data = pca;
    job.data_len = pca_len;
    memset(&r, 0, sizeof r);
    st = hkp_ter_tpm_run(o->tpm, &job, &r);
    if (st == HKP_OK && r.len != len) st = HKP_E_TER_KEY_FORM;
    if (st == HKP_OK) memcpy(secret, r.bytes, len);
    sodium_memzero(&r, sizeof r);
    return st;
}

static hkp_status seal(const struct hkp_ter_keystore_options *o, struct file *f, const uint8_t *secret,
                       size_t len) {
    struct hkp_ter_tpm_job job = {
        .struct_size = sizeof job, .op = HKP_TER_TPM_SEAL, .data = secret, .data_len = len};
    struct hkp_ter_tpm_result r;
    uint8_t again[HKP_TER_KEY_MAX];
    if (o->tpm == NULL) return HKP_E_TER_KEY_TPM;
    memcpy(job.pca_key, o->pca_key, sizeof job.pca_key);
    hkp_status st = hkp_ter_tpm_run(o->tpm, &job, &r);
    if (st != HKP_OK) return st;
    put_head(f, HKP_TER_KEY_TPM, len);
    hkp_put_le16(f->bytes + BLOB_LEN_AT, (uint16_t)r.len);
    hkp_put_le16(f->bytes + BLOB_LEN_AT + 2, 0);
    memcpy(f->bytes + KEY_AT, o->pca_key, 64);
    memcpy(f->bytes + BLOB_AT, r.bytes, r.len);
    f->len = BLOB_AT + r.len;
    st = unseal(o, f, again, len);
    if (st == HKP_OK && sodium_memcmp(again, secret, len) != 0) st = HKP_E_TER_KEY_FORM;
    sodium_memzero(again, sizeof again);
    return st;
}

/* ---- Files ---- */

hkp_status hkp_ter_keystore_write(const struct hkp_ter_keystore_options *opt, const uint8_t *secret,
                                  size_t len) {
    struct hkp_ter_keystore_options o;
    struct file f;
    hkp_status st = import(&o, opt);
    if (st == HKP_OK && (len < 1 || len > HKP_TER_KEY_MAX)) st = HKP_E_INVAL;
    if (st != HKP_OK) return st;
    if (o.form == HKP_TER_KEY_PLAIN) {
        memcpy(f.bytes, magic_plain, MAGIC);
        memcpy(f.bytes + MAGIC, secret, len);
        f.len = MAGIC + len;
    } else {
        st = o.form == HKP_TER_KEY_PASSPHRASE ? lock(&o, &f, secret, len) : seal(&o, &f, secret, len);
    }
    if (st == HKP_OK) {
        hkp_put_le32(f.bytes + f.len, hkp_ter_crc32(f.bytes, f.len));
        st = hkp_ter_file_write(o.path, f.bytes, f.len + CRC);
    }
    sodium_memzero(&f, sizeof f);
    return st;
}

static hkp_status read_private(const char *path, struct file *f) {
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? HKP_E_NOTFOUND
               : errno == ELOOP                    ? HKP_E_TER_KEY_ACCESS
                                                   : HKP_E_IO;
    hkp_status got = HKP_OK;
    if (fstat(fd, &st) != 0)
        got = HKP_E_IO;
    else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != geteuid())
        got = HKP_E_TER_KEY_ACCESS;
    else if (hkp_ter__read_at(fd, 0, f->bytes, sizeof f->bytes, &f->len) != 0)
        got = HKP_E_IO;
    close(fd);
    return got;
}

/* The file without its checksum, if that is right. */
static hkp_status check_form(struct file *f) {
    if (f->len < HEAD || f->len > HKP_TER_KEY_FILE_MAX) return HKP_E_TER_KEY_FORM;
    f->len -= CRC;
    return hkp_le32(f->bytes + f->len) == hkp_ter_crc32(f->bytes, f->len) ? HKP_OK : HKP_E_TER_KEY_FORM;
}

static hkp_status open_file(const struct hkp_ter_keystore_options *o, const struct file *f,
                            uint8_t secret[HKP_TER_KEY_MAX], size_t *len, uint32_t *form) {
    if (memcmp(f->bytes, magic_plain, MAGIC) == 0) {
        *form = HKP_TER_KEY_PLAIN;
        *len = f->len - MAGIC;
        if (*len < 1 || *len > HKP_TER_KEY_MAX) return HKP_E_TER_KEY_FORM;
        memcpy(secret, f->bytes + MAGIC, *len);
        return HKP_OK;
    }
    if (memcmp(f->bytes, magic_other, MAGIC) != 0 || f->len < HEAD || f->bytes[MAGIC + 1] != 0)
        return HKP_E_TER_KEY_FORM;
    *form = f->bytes[MAGIC];
    *len = hkp_le16(f->bytes + 10);
    if (*len < 1 || *len > HKP_TER_KEY_MAX) return HKP_E_TER_KEY_FORM;
    if (*form == HKP_TER_KEY_PASSPHRASE) return unlock(o, f, secret, *len);
    return *form == HKP_TER_KEY_TPM ? unseal(o, f, secret, *len) : HKP_E_TER_KEY_FORM;
}

hkp_status hkp_ter_keystore_read(const struct hkp_ter_keystore_options *opt, uint8_t *secret, size_t cap,
                                 size_t *len, uint32_t *form) {
    struct hkp_ter_keystore_options o;
    struct file f;
    uint8_t got[HKP_TER_KEY_MAX];
    size_t got_len = 0;
    uint32_t got_form = 0;
    hkp_status st = import(&o, opt);
    if (st != HKP_OK) return st;
    st = read_private(o.path, &f);
    if (st == HKP_OK) st = check_form(&f);
    if (st == HKP_OK) st = open_file(&o, &f, got, &got_len, &got_form);
    if (st == HKP_OK && got_len > cap) st = HKP_E_NOSPC;
    if (st == HKP_OK) {
        memcpy(secret, got, got_len);
        *len = got_len;
        if (form != NULL) *form = got_form;
    }
    sodium_memzero(got, sizeof got);
    sodium_memzero(&f, sizeof f);
    return st;
}
