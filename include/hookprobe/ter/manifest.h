/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: what is measured on this device and how. Manifests (MAN1), the root R over their items, and
 * the part that reads the system: measurement with cached digests.
 */
#ifndef HOOKPROBE_TER_MANIFEST_H
#define HOOKPROBE_TER_MANIFEST_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of a measured item; 1..4 are demanded by a manifest, all are outcomes (NZ1 2.3). */
enum {
    HKP_TER_KIND_ABSENT = 0,
    HKP_TER_KIND_FILE = 1,
    HKP_TER_KIND_VERITY = 2,
    HKP_TER_KIND_LINK = 3,
    HKP_TER_KIND_PSEUDO = 4,
    HKP_TER_KIND_UNREADABLE = 5
};

/** One item of a manifest or of a measurement; path is borrowed and has no terminating zero. */
struct hkp_ter_item {
    const uint8_t *path;
    /** bytes, 1..HKP_TER_PATH_MAX */
    uint32_t path_len;
    /** HKP_TER_KIND_*: what is demanded, or in a measurement the outcome */
    uint32_t kind;
    /** zero in a manifest, and for ABSENT and UNREADABLE */
    uint8_t digest[32];
};

/** A module name; borrowed, no terminating zero. */
struct hkp_ter_name {
    const uint8_t *text;
    /** bytes, 1..HKP_TER_NAME_MAX */
    size_t len;
};

/** A checked manifest: a view of bytes that must outlive it (NZ1 2.4). */
struct hkp_ter_manifest {
    const uint8_t *bytes;
    size_t len;
    /** where the allow list begins */
    size_t allow_offset;
    uint32_t policy_ver;
    uint32_t n_items;
    uint32_t n_allow;
    /** zero */
    uint32_t reserved0;
    /** zero: any node */
    uint8_t node_id[16];
    /** key id of the signer */
    uint8_t signer[16];
    /** SHA-256 of all bytes: the digest of @manifest */
    uint8_t digest[32];
};

/** What hkp_ter_manifest_build() writes. */
struct hkp_ter_manifest_spec {
    /** [n_items], paths strictly ascending, kinds 1..4, digests ignored, @manifest among them */
    const struct hkp_ter_item *items;
    /** [n_allow], strictly ascending */
    const struct hkp_ter_name *allow;
    uint32_t n_items;
    uint32_t n_allow;
    uint32_t policy_ver;
    /** zero: any node */
    uint8_t node_id[16];
};

/** Options of hkp_ter_measure_new(). */
struct hkp_ter_measure_options {
    /** set by hkp_ter_measure_options_init() */
    uint32_t struct_size;
    /** zero */
    uint32_t reserved0;
    struct hkp_mem mem;
    /** checked by hkp_ter_manifest_check(); its bytes are copied */
    const struct hkp_ter_manifest *manifest;
    /** where cmdline and modules are, NULL: "/proc"; read by _new only */
    const char *proc_path;
    /** longest time a digest is taken from the cache, nanoseconds; 0: 3600 s; more is refused */
    uint64_t rehash_ns;
    /** where class/tpm is, for the item @pcr10; NULL: "/sys"; read by _new only */
    const char *sys_path;
    /**
     * what a run may read of files that are hashed anew only because of their age, bytes, 65,536..2^30; 0:
     * 2^20. More is read where otherwise not all of them would be hashed within rehash_ns.
     */
    uint64_t slice_bytes;
    /** 1: ask for the identity of every file in every run, and use no inotify */
    uint32_t watch_off;
    /** zero */
    uint32_t reserved1;
};

/** What the last run did; see hkp_ter_measure_info(). */
struct hkp_ter_measure_state {
    /** set by the caller: sizeof of what it knows */
    uint32_t struct_size;
    /** items by their outcome */
    uint32_t n_items;
    uint32_t n_absent;
    uint32_t n_unreadable;
    /** items that the kernel vouches for, so that the next run need not ask for their identity */
    uint32_t n_watched;
    /** items whose identity was asked for, and that were hashed */
    uint32_t n_asked;
    uint32_t n_hashed;
    /** how often all items had to be asked since _new: an overflow of events, a mount, a moved folder */
    uint32_t n_doubts;
    /** read and hashed, bytes */
    uint64_t hashed_bytes;
};

/** One item as it was measured last; path is borrowed from the object. */
struct hkp_ter_measured {
    const uint8_t *path;
    uint32_t path_len;
    /** what the manifest demands */
    uint32_t kind;
    /** what was found: kind, HKP_TER_KIND_ABSENT or HKP_TER_KIND_UNREADABLE */
    uint32_t outcome;
    /** 1: outcome or digest differ from the reference of hkp_ter_measure_reference_set() */
    uint32_t differs;
    uint8_t digest[32];
};

/** What becomes of a link that is found in a folder or by a pattern. */
enum {
    /** measured itself: HKP_TER_KIND_LINK */
    HKP_TER_LINKS_RECORD = 0,
    /** the file behind it is measured under the link's name; if there is none, the link itself */
    HKP_TER_LINKS_FOLLOW = 1,
    /** the expansion fails */
    HKP_TER_LINKS_REFUSE = 2
};

/* Limits of an expansion. */
enum {
    HKP_TER_EXPAND_ITEMS = 65536,
    HKP_TER_EXPAND_DEPTH = 32,
    /** names looked at */
    HKP_TER_EXPAND_VISITS = 1048576
};

/** Options of hkp_ter_expand_new(). */
struct hkp_ter_expand_options {
    /** set by hkp_ter_expand_options_init() */
    uint32_t struct_size;
    /** items at most; 0: HKP_TER_EXPAND_ITEMS; more is refused */
    uint32_t max_items;
    struct hkp_mem mem;
    /** where self/maps is, NULL: "/proc"; read by _new only */
    const char *proc_path;
    /** folders below each other; 0: HKP_TER_EXPAND_DEPTH; more is refused */
    uint32_t max_depth;
    /** names looked at in all; 0: HKP_TER_EXPAND_VISITS; more is refused */
    uint32_t max_visits;
};

/** What is wanted of a folder or a pattern. */
struct hkp_ter_expand_rule {
    /** absolute, canonical; a pattern: with * ? [ ] in any name, of which none matches a slash;
     * NUL-terminated */
    const char *path;
    /** [n_exclude] patterns of names and, if they begin with a slash, of whole paths; NULL if n_exclude is 0
     */
    const char *const *exclude;
    uint32_t n_exclude;
    /** HKP_TER_KIND_FILE or HKP_TER_KIND_VERITY */
    uint32_t kind;
    /** HKP_TER_LINKS_* */
    uint32_t links;
    /** zero */
    uint32_t reserved0;
};

typedef struct hkp_ter_expand hkp_ter_expand;
typedef struct hkp_ter_measure hkp_ter_measure;

/* ---- Root R ---- */

/**
 * Root R over measured items; h_integrity is hkp_ter_ripemd160() of it.
 *
 * @param items  [n] outcomes, paths strictly ascending, borrowed
 * @param n      items
 * @param root   [32] bytes out
 *
 * @retval HKP_OK       root is set
 * @retval HKP_E_INVAL  an empty or too long path, or not in ascending order
 *
 * Cost: one hash over all paths and digests; no allocation.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_integrity_root(const struct hkp_ter_item *items, size_t n,
                                                       uint8_t root[32]);

/* ---- Manifest MAN1 ---- */

/**
 * Check a manifest: form, node, signature, every item.
 *
 * @param manifest  out; a view of bytes
 * @param bytes     [len], borrowed as long as manifest is used
 * @param len       bytes
 * @param node_id   the node it must be for
 * @param keys      [n_keys][32] Ed25519 public keys that may sign, borrowed
 * @param n_keys    keys
 * @param mem       for a copy of bytes during the call, borrowed; NULL: malloc
 *
 * @retval HKP_OK                     manifest is filled
 * @retval HKP_E_NOMEM                the allocator returned nothing
 * @retval HKP_E_INVAL                mem is half an allocator
 * @retval HKP_E_TER_MAN_LENGTH       size or length field
 * @retval HKP_E_TER_MAN_MAGIC        not a manifest
 * @retval HKP_E_TER_MAN_VERSION      not version 1
 * @retval HKP_E_TER_MAN_RESERVED     flags or zero field
 * @retval HKP_E_TER_MAN_NODE         for another node
 * @retval HKP_E_TER_MAN_SIGNER       signed by none of keys
 * @retval HKP_E_TER_MAN_SIGNATURE    forged or changed
 * @retval HKP_E_TER_MAN_ITEM         an item that breaks a rule
 * @retval HKP_E_TER_MAN_ALLOW        an allowed name that breaks a rule, or bytes left over
 * @retval HKP_E_TER_MAN_SELF         @manifest is not listed
 *
 * Cost: one signature, two hashes over len, one allocation that is released again.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_check(struct hkp_ter_manifest *manifest,
                                                       const uint8_t *bytes, size_t len,
                                                       const uint8_t node_id[16], const uint8_t *keys,
                                                       size_t n_keys, const struct hkp_mem *mem);

/**
 * Next item of a checked manifest, in ascending order.
 *
 * @param manifest  from hkp_ter_manifest_check()
 * @param offset    in and out; 0 before the first
 * @param item      out; path is borrowed from the manifest's bytes
 *
 * @retval HKP_OK          item and offset are set
 * @retval HKP_E_NOTFOUND  there are no more
 *
 * Cost: none.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_next(const struct hkp_ter_manifest *manifest, size_t *offset,
                                                      struct hkp_ter_item *item);

/**
 * Build and sign a manifest.
 *
 * @param spec           what is to stand in it, borrowed
 * @param policy_secret  Ed25519 secret key of the signer as libsodium holds it (seed || public key)
 * @param dst            [cap] bytes out
 * @param cap            bytes
 * @param len            out, bytes written
 *
 * @retval HKP_OK        dst holds the manifest
 * @retval HKP_E_INVAL   an item or a name that hkp_ter_manifest_check() would refuse
 * @retval HKP_E_NOSPC   cap is too small
 * @retval HKP_E_TOOBIG  it would be larger than HKP_TER_MANIFEST_MAX
 *
 * Cost: one signature; no allocation.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_build(const struct hkp_ter_manifest_spec *spec,
                                                       const uint8_t policy_secret[64], uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Take a manifest apart without believing it: a draft, or a signed one that is only to be shown.
 *
 * @param manifest  out, a view of bytes
 * @param bytes     [len], borrowed as long as manifest is used
 * @param len       bytes
 *
 * @retval HKP_OK                  manifest is set; who signed it, and whether anybody did, is not known
 * @retval HKP_E_TER_MAN_LENGTH, HKP_E_TER_MAN_MAGIC, HKP_E_TER_MAN_VERSION, HKP_E_TER_MAN_RESERVED,
 *         HKP_E_TER_MAN_ITEM, HKP_E_TER_MAN_ALLOW, HKP_E_TER_MAN_SELF  as hkp_ter_manifest_check()
 *
 * Cost: no allocation; one pass and one hash over the bytes.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_parse(struct hkp_ter_manifest *manifest,
                                                       const uint8_t *bytes, size_t len);

/**
 * Name after name of the allow list.
 *
 * @param manifest  checked or parsed
 * @param offset    0 before the first call, then as it was left
 * @param name      out, borrowed from the manifest's bytes
 *
 * @retval HKP_OK          name is set
 * @retval HKP_E_NOTFOUND  there are no more
 *
 * Cost: none.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_allow_next(const struct hkp_ter_manifest *manifest,
                                                            size_t *offset, struct hkp_ter_name *name);

/**
 * Write a manifest that nobody has signed: key id and signature are zero, so no node takes it.
 *
 * @param spec  borrowed
 * @param dst   [cap] bytes out
 * @param cap   bytes; HKP_TER_MANIFEST_MAX is enough for all
 * @param len   out, bytes
 *
 * @retval HKP_OK        dst and len are set
 * @retval HKP_E_INVAL   an item or a name breaks a rule, or is not above the one before, or @manifest is
 * missing
 * @retval HKP_E_TOOBIG  it would exceed HKP_TER_MANIFEST_MAX
 * @retval HKP_E_NOSPC   cap is too small
 *
 * Cost: no allocation.
 * Source: NZ1 2.4, decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_draft(const struct hkp_ter_manifest_spec *spec, uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Sign a draft, or sign a manifest anew for another policy version.
 *
 * @param draft          [draft_len], borrowed
 * @param draft_len      bytes
 * @param policy_ver     of the RBA1 that is issued with it
 * @param node_id        [16] bytes, borrowed: the node it is for; NULL: as in the draft
 * @param policy_secret  [64] Ed25519 secret key in libsodium's form
 * @param dst            [cap] bytes out, draft_len of them; does not overlap draft; written on success only
 * @param cap            bytes
 *
 * @retval HKP_OK       dst is set
 * @retval HKP_E_NOSPC  cap is below draft_len
 * @retval HKP_E_TER_MAN_LENGTH, HKP_E_TER_MAN_MAGIC, HKP_E_TER_MAN_VERSION, HKP_E_TER_MAN_RESERVED,
 *         HKP_E_TER_MAN_ITEM, HKP_E_TER_MAN_ALLOW, HKP_E_TER_MAN_SELF  as hkp_ter_manifest_check()
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 2.4, decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_manifest_sign(const uint8_t *draft, size_t draft_len,
                                                      uint32_t policy_ver, const uint8_t *node_id,
                                                      const uint8_t policy_secret[64], uint8_t *dst,
                                                      size_t cap);

/**
 * Digest of @modules: the loaded modules that a manifest does not allow.
 *
 * @param manifest  from hkp_ter_manifest_check()
 * @param text      [len] as /proc/modules: a line for each module, its name first; borrowed
 * @param len       bytes
 * @param digest    [32] bytes out
 *
 * Cost: one hash; no allocation; time grows with the square of the modules that are not allowed.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_modules_digest(const struct hkp_ter_manifest *manifest, const uint8_t *text, size_t len,
                                    uint8_t digest[32]);

/* ---- The system: from what an operator writes to items ---- */

/**
 * Default options of an expansion.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_expand_options_init(struct hkp_ter_expand_options *opt, size_t struct_size);

/**
 * Begin a list of items; @manifest is on it from the start.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 *
 * @retval HKP_OK        out is set
 * @retval HKP_E_INVAL   an option is outside its range
 * @retval HKP_E_TOOBIG  opt asks for more than this build knows
 * @retval HKP_E_NOMEM   the allocator returned nothing
 *
 * Cost: a few small allocations.
 * Source: NZ1 2.4, decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_new(hkp_ter_expand **out,
                                                   const struct hkp_ter_expand_options *opt);

/**
 * Release a list, and the spec that hkp_ter_expand_finish() made of it.
 *
 * @param expand  NULL is allowed
 *
 * Cost: one release an item.
 * Source: decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_expand_free(hkp_ter_expand *expand);

/**
 * Add one path, as it stands; it need not exist. What is named so goes before what is found.
 *
 * @param expand  the object
 * @param path    absolute and canonical, or a pseudo path; NUL-terminated, borrowed
 * @param kind    HKP_TER_KIND_FILE .. HKP_TER_KIND_PSEUDO
 * @param diag    filled on failure; NULL is allowed
 *
 * @retval HKP_OK       added, or there already
 * @retval HKP_E_INVAL  no such path, or the kind does not fit it
 * @retval HKP_E_STATE  it is named with another kind already
 * @retval HKP_E_LIMIT  more than max_items
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: an allocation; looks through what was named.
 * Source: decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_add_path(hkp_ter_expand *expand, const char *path,
                                                        uint32_t kind, struct hkp_ter_diag *diag);

/**
 * Add all files below a folder of this machine. It stays on the folder's file system.
 *
 * @param expand  the object
 * @param rule    path of the folder, which is no link; borrowed for the call
 * @param found   out, files and links found
 * @param diag    filled on failure: with the path that was refused; NULL is allowed
 *
 * @retval HKP_OK          found is set
 * @retval HKP_E_INVAL     rule is outside its range
 * @retval HKP_E_NOTFOUND  there is no such folder
 * @retval HKP_E_STATE     a device, pipe or socket, a refused link, or another file system, not excluded
 * @retval HKP_E_LIMIT     too many items, too deep, or too many names
 * @retval HKP_E_IO        a folder cannot be read
 * @retval HKP_E_NOMEM     the allocator returned nothing
 *
 * Cost: an allocation an item; one descriptor a level.
 * Source: decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_add_folder(hkp_ter_expand *expand,
                                                          const struct hkp_ter_expand_rule *rule,
                                                          uint32_t *found, struct hkp_ter_diag *diag);

/**
 * Add all files of this machine whose path fits a pattern; folders that fit are passed over. A name with a
 * pattern in it does not lead through links, and fits a name with a leading dot only if it begins with one.
 *
 * @param expand  the object
 * @param rule    path is the pattern; borrowed for the call
 * @param found   out, files and links found; 0 is no error
 * @param diag    filled on failure: with the path that was refused; NULL is allowed
 *
 * @retval HKP_OK       found is set
 * @retval HKP_E_INVAL  rule is outside its range
 * @retval HKP_E_STATE  a device, pipe or socket, or a refused link, not excluded
 * @retval HKP_E_LIMIT  too many items, too deep, or too many names
 * @retval HKP_E_IO     a folder cannot be read
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: an allocation an item; one descriptor a level.
 * Source: decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_add_glob(hkp_ter_expand *expand,
                                                        const struct hkp_ter_expand_rule *rule,
                                                        uint32_t *found, struct hkp_ter_diag *diag);

/**
 * Add the program that runs this, and its libraries: what self/maps lists as executable files.
 *
 * @param expand  the object
 * @param kind    HKP_TER_KIND_FILE or HKP_TER_KIND_VERITY
 * @param found   out, files found
 * @param diag    filled on failure; NULL is allowed
 *
 * @retval HKP_OK       found is set
 * @retval HKP_E_INVAL  kind is outside its range
 * @retval HKP_E_STATE  one of the files was deleted or replaced since it was loaded
 * @retval HKP_E_LIMIT  more than max_items
 * @retval HKP_E_IO     the list cannot be read, or is longer than 1 MiB
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: an allocation an item, and 1 MiB while it runs.
 * Source: decision 0108.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_add_process(hkp_ter_expand *expand, uint32_t kind,
                                                           uint32_t *found, struct hkp_ter_diag *diag);

/**
 * Add a name to the list of modules that @modules passes over.
 *
 * @param expand  the object
 * @param name    1..HKP_TER_NAME_MAX bytes 0x21..0x7E, NUL-terminated, borrowed
 * @param diag    filled on failure; NULL is allowed
 *
 * @retval HKP_OK       added, or there already
 * @retval HKP_E_INVAL  no such name
 * @retval HKP_E_LIMIT  more than max_items names
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: an allocation.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_add_module(hkp_ter_expand *expand, const char *name,
                                                          struct hkp_ter_diag *diag);

/**
 * Sort what was added, each path once: as it was named, else as it was found first.
 *
 * @param expand  the object; nothing is added behind this call
 * @param spec    out; items and allow are borrowed until the object is freed, the rest is zero
 *
 * @retval HKP_OK       spec is set, as hkp_ter_manifest_draft() wants it
 * @retval HKP_E_NOMEM  the allocator returned nothing
 *
 * Cost: two allocations.
 * Source: NZ1 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_expand_finish(hkp_ter_expand *expand,
                                                      struct hkp_ter_manifest_spec *spec);

/* ---- The system: measurement ---- */

/**
 * Default options of a measurement; manifest has to be set.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_measure_options_init(struct hkp_ter_measure_options *opt, size_t struct_size);

/**
 * Prepare the measurement of a manifest's items; nothing is measured yet.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 * @param now  monotonic
 *
 * @retval HKP_OK        out is set
 * @retval HKP_E_INVAL   an option is outside its range
 * @retval HKP_E_TOOBIG  opt asks for more than this build knows
 * @retval HKP_E_NOMEM   the allocator returned nothing
 *
 * Cost: eight allocations: the manifest, about 400 bytes an item, 300 kB; two descriptors and watches.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_measure_new(hkp_ter_measure **out,
                                                    const struct hkp_ter_measure_options *opt, hkp_time now);

/**
 * Release a measurement.
 *
 * @param measure  NULL is allowed
 *
 * Cost: releases what _new took.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_measure_free(hkp_ter_measure *measure);

/**
 * Set the active policy, whose SHA-256 is the item @policy; before, that item is UNREADABLE.
 *
 * @param measure  the object
 * @param digest   SHA-256 of the active policy bytes
 *
 * Cost: none.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_measure_policy_set(hkp_ter_measure *measure, const uint8_t digest[32]);

/**
 * Set the value of PCR 10 for the item @pcr10, where the kernel does not show it; before, that item is
 * UNREADABLE.
 *
 * @param measure  the object
 * @param pcr      [32] bytes, SHA-256 bank, borrowed; NULL: the value is not known any more
 *
 * Cost: none.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_measure_pcr10_set(hkp_ter_measure *measure, const uint8_t pcr[32]);

/**
 * Measure now. A digest is taken from the cache only if the kernel told no change of the file or its path, or
 * if identity, size and times of the file are those of before; so a changed file shows in the next TER.
 * Digests are made anew within rehash_ns (at the latest in 100 runs, if that is later), spread over the runs;
 * a large file is read in parts, and its digest stays what it was until it has been read to its end.
 *
 * @param measure      the object
 * @param now          monotonic
 * @param root         [32] bytes out, R
 * @param h_integrity  [20] bytes out, RMD160(R)
 *
 * @retval HKP_OK  always: what cannot be read is an outcome, no error
 *
 * Cost: no allocation; a statx for each item that is not watched and for each 32nd that is; a read of
 *       what changed and of slice_bytes besides; a hash over all items if one differs.
 * Source: NZ1 2.3, decision 0107.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_measure_run(hkp_ter_measure *measure, hkp_time now, uint8_t root[32],
                                                    uint8_t h_integrity[20]);

/**
 * Take what was measured last as the reference that later items are compared with; call it when h_integrity
 * equals h_ref.
 *
 * @param measure  the object, measured at least once
 *
 * Cost: none.
 * Source: NZ1 3.3 TER_W_INTEGRITY.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_measure_reference_set(hkp_ter_measure *measure);

/**
 * One item as it was measured last, so that a status can name what changed.
 *
 * @param measure  the object
 * @param index    0..n_items-1, in the manifest's order
 * @param item     out; path is borrowed until the object is freed
 *
 * @retval HKP_OK          item is set
 * @retval HKP_E_NOTFOUND  there is no such item
 *
 * Cost: none.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_measure_item(const hkp_ter_measure *measure, uint32_t index,
                                                     struct hkp_ter_measured *item);

/**
 * What the last run did.
 *
 * @param measure  the object
 * @param state    struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: looks at each item.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_measure_info(const hkp_ter_measure *measure,
                                                     struct hkp_ter_measure_state *state);

#ifdef __cplusplus
}
#endif

#endif
