/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Messages of file streams, paths and extensions (HTP-13.1 to 13.7), as pure functions. */
#ifndef HKP_LIBHTP_FILE_WIRE_H
#define HKP_LIBHTP_FILE_WIRE_H

#include <hookprobe/htp/file.h>

enum {
    HKP_HTP__FILE_CHUNK = 0x36,
    HKP_HTP__FILE_COMPLETE = 0x37,
    HKP_HTP__FILE_ERROR = 0x38,
    HKP_HTP__FILE_HEAD = 16,
    /** bytes of an entry before its name, and of what stands before all entries */
    HKP_HTP__FILE_ENTRY = 18,
    HKP_HTP__FILE_ENTRIES = 4,
    /** largest message that is written: entries fill no more */
    HKP_HTP__FILE_MESSAGE = HKP_HTP__FILE_HEAD + 4 + HKP_HTP_FILE_CHUNK_MAX,
    HKP_HTP__FILE_TEXT_MAX = 255
};

/** One message. Which members count is in HTP-13.2; the others are zero. */
struct hkp_htp__file_msg {
    uint8_t op, flags;
    /** low bits of the index of a CHUNK */
    uint16_t index;
    uint32_t id, total;
    uint8_t hash[4];
    /** put, meta, COMPLETE */
    uint64_t size;
    uint64_t mtime_us, ctime_us;
    /** put, meta, COMPLETE; READ: expected; ready: of the prefix */
    uint8_t sha256[32];
    uint32_t chunk_size;
    /** READ: first chunk; ready: next chunk */
    uint32_t first;
    uint16_t mode;
    /** LIST: most entries; entries: how many */
    uint16_t count;
    uint8_t kind, more, code;
    /** LIST */
    const uint8_t *after;
    size_t after_len;
    const uint8_t *path;
    size_t path_len;
    /** CHUNK: data; ERROR: text; entries: [count] as on the wire */
    const uint8_t *data;
    size_t data_len;
};

/** Reads a message; what it points to is borrowed from msg. HKP_HTP_FILE_OK, BAD_MESSAGE or
 * INVALID_OPERATION: then op, flags, index and id are set as far as they were there. */
uint32_t hkp_htp__file_parse(const uint8_t *msg, size_t len, int from_server, struct hkp_htp__file_msg *m);
/** Writes the header. */
void hkp_htp__file_write_head(uint8_t dst[HKP_HTP__FILE_HEAD], const struct hkp_htp__file_msg *m);
/** Writes a message, but for data of CHUNK and entries, which the caller appends; its length. dst has
 * HKP_HTP__FILE_MESSAGE bytes. */
size_t hkp_htp__file_write(uint8_t *dst, const struct hkp_htp__file_msg *m, int from_server);
/** Writes one entry; its length, 0: cap is too small. */
size_t hkp_htp__file_write_entry(uint8_t *dst, size_t cap, const struct hkp_htp_file_entry *e);
/** Reads the entry at *at of data that hkp_htp__file_parse() accepted, and moves on. */
void hkp_htp__file_read_entry(const uint8_t *data, size_t *at, struct hkp_htp_file_entry *e);

/** HTP-13.6; *relative is inside path. OK or INVALID_PATH. */
uint32_t hkp_htp__file_path(const uint8_t *path, size_t len, int root_ok, const uint8_t **relative,
                            size_t *relative_len);
/** Whether bytes are a part of a path. */
int hkp_htp__file_name(const uint8_t *name, size_t len);
/** Whether bytes are UTF-8 without control characters. */
int hkp_htp__file_text(const uint8_t *text, size_t len);
/** HTP-13.7: whether the extension of the last part is in a list (form: hkp_htp_file_grant.extensions). */
int hkp_htp__file_extension(const char *list, const char *path, size_t len);
/** Whether a list has that form. */
int hkp_htp__file_extensions(const char *list);
/** The list of HTP-13.7. */
extern const char hkp_htp__file_extensions_default[];
/** HTP-13.4: the index of which these are the low bits, nearest to the expected one. */
uint32_t hkp_htp__file_index(uint32_t expected, uint16_t low);
/** ceil(size / chunk_size). */
uint64_t hkp_htp__file_chunks(uint64_t size, uint32_t chunk_size);
/** Whether an operation may have these flags. */
int hkp_htp__file_flags(uint8_t op, uint8_t flags);

#endif
