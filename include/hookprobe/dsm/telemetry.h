/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: telemetry (D-AUD-4). A source chains its samples in signed batches; a collector verifies
 * signature, number and link of a batch before its samples may be used, and tells of gaps.
 */
#ifndef HOOKPROBE_DSM_TELEMETRY_H
#define HOOKPROBE_DSM_TELEMETRY_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_directory;

enum {
    /** samples of a batch, at most; at least 1 */
    HKP_DSM_SAMPLES_MAX = 256,
    /** a batch with its envelope, bytes */
    HKP_DSM_BATCH_MAX = 8192,
    /** streams that a collector follows (default), and those of one node */
    HKP_DSM_STREAMS = 1024,
    HKP_DSM_STREAMS_OF_NODE = 16
};

/** One measurement: value * 10^scale. */
struct hkp_dsm_sample {
    /** microseconds, Unix */
    uint64_t time_us;
    int64_t value;
    /** number of the metric, which the application knows */
    uint32_t metric;
    /** -9..9 */
    int32_t scale;
};

/** A batch of samples. */
struct hkp_dsm_batch {
    uint8_t stream[16];
    uint8_t node_id[16];
    /** id of this batch (D-SIG-4) */
    uint8_t id[32];
    /** id of the batch before; zeros for the first */
    uint8_t previous[32];
    /** our own from 1 on; others may begin with 0 */
    uint64_t number;
    /** batches that are missing right before this one; set by a collector */
    uint64_t missing;
    uint32_t n_samples;
    /** must be ignored */
    uint32_t reserved0;
    /** [n_samples]; our own are in the order of their time, within 2^32-1 us; others' may stand anyhow */
    struct hkp_dsm_sample samples[256];
};

/**
 * Write the body of a batch.
 *
 * @param batch  stream, number, previous, n_samples and samples
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; HKP_DSM_BATCH_MAX always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  a number is out of range, or times fall
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_batch_build(const struct hkp_dsm_batch *batch, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Read the body of a batch, without judging who signed it.
 *
 * @param in     [len] bytes, borrowed for the call
 * @param len    bytes
 * @param batch  result, node_id, id and missing zero; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no batch
 *
 * Cost: two passes; no allocation.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_batch_parse(const uint8_t *in, size_t len,
                                                    struct hkp_dsm_batch *batch);

/* ---- Source -------------------------------------------------------------------------------------------- */

/** One stream of samples of this node. */
typedef struct hkp_dsm_stream hkp_dsm_stream;

struct hkp_dsm_stream_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** must be 0 */
    uint32_t reserved0;
    struct hkp_mem mem;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** [16] own node_id; required, copied */
    const uint8_t *node_id;
    /** [64] own Ed25519 secret; required, copied and wiped at the end */
    const uint8_t *secret;
    /** [16] name of the stream; required, copied */
    const uint8_t *stream;
    /** number of the newest batch that was made, 0: none */
    uint64_t newest;
    /** [32] its id; NULL if there is none */
    const uint8_t *newest_id;
};

/**
 * Fill options with defaults.
 *
 * @param opt   options, owned by the caller
 * @param size  sizeof *opt as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_stream_options_init(struct hkp_dsm_stream_options *opt, size_t size);

/**
 * Make a stream.
 *
 * @param out  receives the stream, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   something required is missing, or newest and newest_id do not go together
 * @retval HKP_E_TOOBIG  options ask for something that this build does not know
 * @retval HKP_E_NOMEM   no memory; out is untouched
 *
 * Cost: one allocation of about 7 KB, all that the stream ever uses.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_stream_new(hkp_dsm_stream **out,
                                                   const struct hkp_dsm_stream_options *opt);

/**
 * Wipe and free a stream; samples that are in no batch are lost.
 *
 * @param stream  a stream or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_stream_free(hkp_dsm_stream *stream);

/**
 * Add a sample to the next batch.
 *
 * @param stream  a stream
 * @param sample  borrowed for the call
 *
 * @retval HKP_OK       added
 * @retval HKP_E_INVAL  scale out of range, or earlier than the sample before
 * @retval HKP_E_LIMIT  256 samples, or more than 2^32-1 us since the first one: make the batch first
 *
 * Cost: one copy.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_stream_add(hkp_dsm_stream *stream,
                                                   const struct hkp_dsm_sample *sample);

/**
 * Sign the next batch; the host stores it with its number and id before it sends it.
 *
 * @param stream  a stream
 * @param dst     [cap] envelope of kind TELEMETRY; undefined on failure
 * @param cap     bytes; HKP_DSM_BATCH_MAX always suffices
 * @param len     bytes written; untouched on failure
 * @param number  number of the batch; untouched on failure
 * @param id      [32] its id; untouched on failure
 *
 * @retval HKP_OK          written; the next batch is empty
 * @retval HKP_E_NOTFOUND  no samples
 * @retval HKP_E_NOSPC     cap is too small; nothing changed
 *
 * Cost: one Ed25519 signature; no allocation; 25 KB of stack.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_stream_batch(hkp_dsm_stream *stream, uint8_t *dst, size_t cap,
                                                     size_t *len, uint64_t *number, uint8_t id[32]);

/* ---- Collector ----------------------------------------------------------------------------------------- */

/** Follows streams of many nodes. */
typedef struct hkp_dsm_collector hkp_dsm_collector;

struct hkp_dsm_collector_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** most streams; 0: HKP_DSM_STREAMS; at most 65536 */
    uint32_t streams_max;
    struct hkp_mem mem;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** required, copied; what it points to outlives the collector */
    const struct hkp_dsm_directory *directory;
};

/**
 * Fill options with defaults.
 *
 * @param opt   options, owned by the caller
 * @param size  sizeof *opt as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_collector_options_init(struct hkp_dsm_collector_options *opt, size_t size);

/**
 * Make a collector.
 *
 * @param out  receives the collector, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   something required is missing or out of range
 * @retval HKP_E_TOOBIG  options ask for something that this build does not know
 * @retval HKP_E_NOMEM   no memory; out is untouched
 *
 * Cost: all memory that the collector will ever use, 72 bytes a stream.
 * Source: D-AUD-4, dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_collector_new(hkp_dsm_collector **out,
                                                      const struct hkp_dsm_collector_options *opt);

/**
 * Free a collector.
 *
 * @param collector  a collector or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_collector_free(hkp_dsm_collector *collector);

/**
 * Verify a batch; only what comes back may be aggregated.
 *
 * The first batch of a stream is taken with any number. A batch behind a gap is taken, too, and says how
 * many are missing; what is missing is not taken any more when it comes later.
 *
 * @param collector  a collector
 * @param in         [len] envelope of kind TELEMETRY, borrowed for the call
 * @param len        bytes
 * @param now_s      Unix seconds (D-CERT-5)
 * @param batch      result; untouched on failure
 *
 * @retval HKP_OK                      verified; batch->missing tells of a gap
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no batch
 * @retval HKP_E_DSM_DUPLICATE         the newest one, again
 * @retval HKP_E_DSM_FORK              another batch of the newest number: the source signed two
 * @retval HKP_E_DSM_OLD               a number below the newest
 * @retval HKP_E_DSM_PREV              the next number, but it does not follow the newest batch
 * @retval HKP_E_LIMIT                 the collector is full, or follows 16 streams of this node
 *
 * Cost: one Ed25519 verification; no allocation.
 * Source: D-AUD-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_collector_take(hkp_dsm_collector *collector, const uint8_t *in,
                                                       size_t len, uint64_t now_s,
                                                       struct hkp_dsm_batch *batch);

/**
 * Forget a stream, to make room; if it comes again, it begins anew.
 *
 * @param collector  a collector
 * @param node_id    [16] its node
 * @param stream     [16] its name
 *
 * @retval HKP_OK          forgotten
 * @retval HKP_E_NOTFOUND  not followed
 *
 * Cost: a search.
 * Source: dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_collector_forget(hkp_dsm_collector *collector,
                                                         const uint8_t node_id[16], const uint8_t stream[16]);

#ifdef __cplusplus
}
#endif

#endif
