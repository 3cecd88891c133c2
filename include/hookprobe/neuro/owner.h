/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the side whose TERs drive an instance (NZ1 22, SYN-2).
 */
#ifndef HOOKPROBE_NEURO_OWNER_H
#define HOOKPROBE_NEURO_OWNER_H

#include <hookprobe/neuro/sides.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The side of an instance whose TERs drive it (X of NZ1 22). */
typedef struct hkp_neuro_owner hkp_neuro_owner;

/**
 * Make an owner without an instance.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 * @param now  monotonic
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        an option is outside its range
 * @retval HKP_E_TOOBIG       opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED  there is no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: the object; states of 112 kB are allocated when the instance is enrolled.
 * Source: NZ1 22.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_new(hkp_neuro_owner **out,
                                                    const struct hkp_neuro_options *opt, hkp_time now);

/**
 * Make an owner from what EVENT_STORE gave before a restart.
 *
 * @param out        the object, owned by the caller
 * @param opt        borrowed for the call
 * @param now        monotonic
 * @param bytes      [len] of slot INSTANCE, borrowed
 * @param len        bytes
 * @param live       [live_len] of slot LIVE, borrowed, or NULL; one that does not open or lies behind the log
 * is left aside
 * @param live_len   bytes
 * @param log_index  end of the device's own log
 *
 * @retval HKP_OK                                                      out is set
 * @retval HKP_E_INVAL                                                 an option is outside its range
 * @retval HKP_E_TOOBIG                                                opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED                                           there is no such variant
 * @retval HKP_E_NOMEM                                                 the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION  not such bytes
 * @retval HKP_E_NEURO_STATE                                           damaged, of another instance, or under
 * another key
 * @retval HKP_E_TER_LOG_ROLLBACK                                      the log ends before the agreed commit
 *
 * Cost: the object and its states.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_load(hkp_neuro_owner **out,
                                                     const struct hkp_neuro_options *opt, hkp_time now,
                                                     const uint8_t *bytes, size_t len, const uint8_t *live,
                                                     size_t live_len, uint64_t log_index);

/**
 * Wipe and release; commits that are still referenced live on.
 *
 * @param owner  NULL is allowed
 *
 * Cost: releases.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_free(hkp_neuro_owner *owner);

/**
 * Tell that a session with the other node is up, changed or gone.
 *
 * @param owner    the object
 * @param now      monotonic
 * @param session  borrowed; exported is copied and wiped after its use
 *
 * Cost: none.
 * Source: NZ1 22.3, SYN-2.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_session(hkp_neuro_owner *owner, hkp_time now,
                                     const struct hkp_neuro_session *session);

/**
 * Enrol in the session that is up. The message leaves by hkp_neuro_owner_send(); the state changes when the
 * answer came and was stored.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param point  borrowed
 *
 * @retval HKP_OK                                           the message is ready
 * @retval HKP_E_STATE                                      no session, no certificates, no exported value, an
 * ENROL is under way, or the TCK1 is not yet durable by hkp_neuro_owner_durable()
 * @retval HKP_E_NEURO_ENROL_NODE                           NZ1 22.2 has no such instance
 * @retval HKP_E_NEURO_ENROL_STATE                          not permitted by NZ1 22.4
 * @retval HKP_E_TER_TCK_*                                  point is not what an honest log gives
 * @retval HKP_E_NEURO_RBA_*                                point has no sound RBA1
 * @retval HKP_E_NEURO_ENROL_TER, HKP_E_NEURO_ENROL_POLICY  point does not fit together
 * @retval HKP_E_NOMEM                                      the allocator returned nothing
 *
 * Cost: two signatures, one state.
 * Source: NZ1 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_enrol(hkp_neuro_owner *owner, hkp_time now,
                                                      const struct hkp_neuro_enrol_point *point);

/**
 * Absorb the next TER of the device, after it was appended to the log.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param ter    [64] bytes, borrowed
 *
 * @retval HKP_OK                              absorbed, or there is nothing to absorb it
 * @retval HKP_E_STATE                         the state is behind the log: EVENT_WANT_LOG asks for what is
 * missing, this one included
 * @retval HKP_E_TER_*                         not the next TER; nothing changed
 * @retval HKP_E_NEURO_TIME, HKP_E_NEURO_STEP  as hkp_neuro_state_evolve(); nothing changed
 *
 * Cost: no allocation; one evolution.
 * Source: NZ1 5.1, 10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_ter(hkp_neuro_owner *owner, hkp_time now,
                                                    const uint8_t ter[64]);

/**
 * Change the reference after the TERs so far, after the rebase was appended to the log.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param index  cursor index at which the rebase stands in the log
 * @param rba    [192] bytes, borrowed
 *
 * @retval HKP_OK             changed, or there is no instance
 * @retval HKP_E_STATE        the state is behind the log: EVENT_WANT_LOG will bring it
 * @retval HKP_E_NEURO_RBA_*  refused; nothing changed
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_rebase(hkp_neuro_owner *owner, hkp_time now, uint64_t index,
                                                       const uint8_t rba[192]);

/**
 * Tell up to which index the log is durable: only that may leave.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param index  TERs below it are durable; never falls
 *
 * Cost: none.
 * Source: NZ1 5.1 "durable before visible".
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_durable(hkp_neuro_owner *owner, hkp_time now, uint64_t index);

/**
 * Answer EVENT_WANT_LOG with records as they stand in the log.
 *
 * @param owner    the object
 * @param now      monotonic
 * @param first    cursor before the first record: from of the event
 * @param count    records, 0..HKP_NEURO_LOG_RECORDS_MAX; 0: not to be had
 * @param records  [len] bytes, borrowed
 * @param len      bytes, at most HKP_NEURO_LOG_BYTES_MAX
 *
 * @retval HKP_OK                                          taken
 * @retval HKP_E_STATE                                     nothing was asked for, or not this
 * @retval HKP_E_INVAL                                     too many
 * @retval HKP_E_NEURO_SYN_RECORD, HKP_E_NEURO_SYN_LENGTH  not such records; nothing changed
 * @retval HKP_E_TER_*, HKP_E_NEURO_*                      a record does not follow; what stood before it was
 * taken
 *
 * Cost: no allocation; an evolution for each TER that the state has not seen.
 * Source: SYN-2.5, NZ1 5.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_log(hkp_neuro_owner *owner, hkp_time now, uint64_t first,
                                                    size_t count, const uint8_t *records, size_t len);

/**
 * Tell that TERs are gone from the log for good (a GAP record), or are not kept for this instance any longer.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param cause  HKP_NEURO_CAUSE_GAP or HKP_NEURO_CAUSE_RETENTION
 *
 * Cost: none.
 * Source: NZ1 5.2, 22.6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_gap(hkp_neuro_owner *owner, hkp_time now, uint32_t cause);

/**
 * Hold back PROPOSE while a HELLO, ATTEST or REKEY on this instance is unanswered.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param hold   1: hold back; 0: go on
 *
 * Cost: none.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_hold(hkp_neuro_owner *owner, hkp_time now, int32_t hold);

/**
 * Tell that a mode-R handshake on this instance was completed (for X by ACCEPT, for Y by ATTEST).
 *
 * @param owner       the object
 * @param now         monotonic
 * @param ck_index    commit that it named
 * @param gen_owner   neuro_gen in the certificate of X, 0 if it was not shown
 * @param gen_holder  of Y
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 22.4, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_handshake(hkp_neuro_owner *owner, hkp_time now, uint64_t ck_index,
                                       uint32_t gen_owner, uint32_t gen_holder);

/**
 * Tell a contradiction that others found: a wrong tag for the second time, a proof of a fork.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param cause  HKP_NEURO_CAUSE_FORK or HKP_NEURO_CAUSE_TAG
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 17, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_contradiction(hkp_neuro_owner *owner, hkp_time now, uint32_t cause);

/**
 * Hand over one message of the other node about this instance.
 *
 * @param owner         the object
 * @param now           monotonic
 * @param wall_us       Unix microseconds
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 *
 * @retval HKP_OK                 taken, or not of interest
 * @retval HKP_E_NEURO_SYN_*      framing; nothing changed
 * @retval HKP_E_STATE            not now; nothing changed
 * @retval HKP_E_NEURO_ENROL_TAG  the answer to ENROL is of another state; nothing is stored
 * @retval HKP_E_NOMEM            the allocator returned nothing; hand it over again
 *
 * Cost: a signature for ENROL and each TCK1; a bounded number of evolutions.
 * Source: SYN-2, NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_recv(hkp_neuro_owner *owner, hkp_time now, uint64_t wall_us,
                                                     uint32_t stream_class, const uint8_t *msg, size_t len);

/**
 * Next message for the other node.
 *
 * @param owner         the object
 * @param now           monotonic
 * @param stream_class  out, HKP_NEURO_CLASS_*
 * @param dst           [cap] out
 * @param cap           bytes, HKP_NEURO_SEND_MAX is always enough
 * @param len           out, bytes; 0: there is none
 *
 * @retval HKP_OK       len is set
 * @retval HKP_E_NOSPC  cap is too small; nothing was taken
 *
 * Cost: no allocation.
 * Source: SYN-2.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_send(hkp_neuro_owner *owner, hkp_time now,
                                                     uint32_t *stream_class, uint8_t *dst, size_t cap,
                                                     size_t *len);

/**
 * Next thing that the object wants of its host; pull until there is none.
 *
 * @param owner  the object
 * @param event  out; kind is HKP_NEURO_EVENT_NONE if there is none
 *
 * @retval HKP_OK          event is set
 * @retval HKP_E_NOMEM     no memory for what has to be stored; try again
 * @retval HKP_E_CALLBACK  no randomness for a nonce; try again
 *
 * Cost: for EVENT_STORE one allocation and the sealing of one or two states.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_event(hkp_neuro_owner *owner, struct hkp_neuro_event *event);

/**
 * Confirm that what EVENT_STORE asked for is durable.
 *
 * @param owner   the object
 * @param now     monotonic
 * @param ticket  of the event
 *
 * @retval HKP_OK          noted; what was withheld may now leave
 * @retval HKP_E_NOTFOUND  no such ticket
 *
 * Cost: one release.
 * Source: NZ1 17 "persisted before use".
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_stored(hkp_neuro_owner *owner, hkp_time now, uint64_t ticket);

/**
 * Do what is due; call it when hkp_neuro_owner_wake() has passed.
 *
 * @param owner  the object
 * @param now    monotonic
 *
 * Cost: no allocation but for a new commit; a bounded number of evolutions.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_tick(hkp_neuro_owner *owner, hkp_time now);

/**
 * When the next call of hkp_neuro_owner_tick() is due.
 *
 * @param owner  the object
 *
 * @return monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_owner_wake(const hkp_neuro_owner *owner);

/**
 * The agreed commit of an index, with a reference: E.cur.
 *
 * @param owner     the object
 * @param ck_index  index; 0: the newest one
 * @param out       commit; give it back by hkp_neuro_commit_unref()
 *
 * @retval HKP_OK          out is set
 * @retval HKP_E_NOTFOUND  no slot has this index, or the instance is none or LOST
 *
 * Cost: none.
 * Source: NZ1 17, 22.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_commit(hkp_neuro_owner *owner, uint64_t ck_index,
                                                       hkp_neuro_commit **out);

/**
 * How the instance stands.
 *
 * @param owner  the object
 * @param info   struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_info(const hkp_neuro_owner *owner,
                                                     struct hkp_neuro_instance_info *info);

#ifdef __cplusplus
}
#endif

#endif
