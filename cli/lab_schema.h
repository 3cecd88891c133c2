/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a service says of its messages, read for "hookprobe lab map propose" (LAB-7.10): lab_schema.c reads
 * JSON Schema and copybooks in JSON, lab_descriptor.c reads descriptor sets of Protobuf. */
#ifndef HKP_CLI_LAB_SCHEMA_H
#define HKP_CLI_LAB_SCHEMA_H

#include "cli.h"

#include <hookprobe/neuro.h>

enum {
    SCHEMA_MESSAGES_MAX = 64,
    SCHEMA_FIELDS_MAX = 256,
    SCHEMA_ENUMS_MAX = 64,
    SCHEMA_MEMBERS_MAX = 1024,
    SCHEMA_NAME_MAX = 128,
    SCHEMA_DEPTH_MAX = 8,
    SCHEMA_SIZE_MAX = 1 << 20
};

/** What a field of JSON is; of Protobuf and records it is the number of LAB-7.2 and 7.4. */
enum {
    JSON_IS_BOOL = 1,
    JSON_IS_INTEGER,
    JSON_IS_NUMBER,
    /** a number with a fixed number of fraction digits */
    JSON_IS_DECIMAL,
    /** the same as a string */
    JSON_IS_DECIMAL_TEXT,
    JSON_IS_TEXT,
    JSON_IS_BYTES,
    JSON_IS_ENUM,
    JSON_IS_OBJECT
};

struct schema_field {
    char name[SCHEMA_NAME_MAX + 1];
    uint32_t form, scale;
    int repeated, optional;
    /** index of the message or enumeration */
    uint32_t arg;
    uint32_t pb_number, rec_offset, rec_length;
};

struct schema_message {
    char name[SCHEMA_NAME_MAX + 1];
    uint32_t n_fields;
    struct schema_field *fields; /* [SCHEMA_FIELDS_MAX] */
};

struct schema_member {
    int32_t number;
    char name[SCHEMA_NAME_MAX + 1];
};

struct schema_enum {
    char name[SCHEMA_NAME_MAX + 1];
    uint32_t n;
    struct schema_member *members; /* [SCHEMA_MEMBERS_MAX] */
};

/** Message 0 is the root; messages are only told of if the root reaches them. */
struct schema {
    const char *path;
    uint32_t side; /* HKP_NEURO_BRIDGE_JSON, _PROTOBUF or _RECORD */
    uint32_t n_messages, n_enums;
    struct schema_message messages[SCHEMA_MESSAGES_MAX];
    struct schema_enum enums[SCHEMA_ENUMS_MAX];
    uint32_t charset, record_length;
};

/** Reads a description, whichever of the three it is. root: name of a Protobuf message; NULL: the only one
 * that no other contains. An exit code, what is wrong and where told; schema_free() in any case. */
int schema_read(struct schema *s, const char *path, const char *root);
/** From the bytes of a FileDescriptorSet. */
int schema_read_descriptor(struct schema *s, const uint8_t *bytes, size_t len, const char *root);
void schema_free(struct schema *s);

/** A new message or enumeration of that name, a new field of it; NULL: too many, or a name that will not do,
 * told. */
struct schema_message *schema_add_message(struct schema *s, const char *name, size_t len);
struct schema_field *schema_add_field(struct schema *s, struct schema_message *m, const char *name,
                                      size_t len);
struct schema_enum *schema_add_enum(struct schema *s, const char *name, size_t len);
int schema_add_member(struct schema *s, struct schema_enum *e, int32_t number, const char *name, size_t len);

#endif
