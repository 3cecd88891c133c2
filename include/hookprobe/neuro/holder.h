/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the side with the replica (NZ1 22, SYN-2).
 */
#ifndef HOOKPROBE_NEURO_HOLDER_H
#define HOOKPROBE_NEURO_HOLDER_H

#include <hookprobe/neuro/sides.h>
#include <hookprobe/neuro/trust.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The side with the replica (Y of NZ1 22). */
typedef struct hkp_neuro_holder hkp_neuro_holder;

/**
 * Make a holder without an instance.
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
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_new(hkp_neuro_holder **out,
                                                     const struct hkp_neuro_options *opt, hkp_time now);

/**
 * Make a holder from what EVENT_STORE gave before a restart.
 *
 * @param out    the object, owned by the caller
 * @param opt    borrowed for the call
 * @param now    monotonic
 * @param bytes  [len] of slot INSTANCE, borrowed
 * @param len    bytes
 *
 * @retval HKP_OK                                                      out is set
 * @retval HKP_E_INVAL                                                 an option is outside its range
 * @retval HKP_E_TOOBIG                                                opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED                                           there is no such variant
 * @retval HKP_E_NOMEM                                                 the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION  not such bytes
 * @retval HKP_E_NEURO_STATE                                           damaged, of another instance, or under
 * another key
 *
 * Cost: the object and its states.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_load(hkp_neuro_holder **out,
                                                      const struct hkp_neuro_options *opt, hkp_time now,
                                                      const uint8_t *bytes, size_t len);

/**
 * Wipe and release; commits that are still referenced live on.
 *
 * @param holder  NULL is allowed
 *
 * Cost: releases.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_free(hkp_neuro_holder *holder);

/**
 * Tell that a session with the other node is up, changed or gone.
 *
 * @param holder   the object
 * @param now      monotonic
 * @param session  borrowed; exported is copied and wiped after its use
 *
 * Cost: none.
 * Source: NZ1 22.3, SYN-2.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_session(hkp_neuro_holder *holder, hkp_time now,
                                      const struct hkp_neuro_session *session);

/**
 * Tell that a mode-R handshake on this instance was completed (for X by ACCEPT, for Y by ATTEST).
 *
 * @param holder      the object
 * @param now         monotonic
 * @param ck_index    commit that it named
 * @param gen_owner   neuro_gen in the certificate of X, 0 if it was not shown
 * @param gen_holder  of Y
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 22.4, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_handshake(hkp_neuro_holder *holder, hkp_time now, uint64_t ck_index,
                                        uint32_t gen_owner, uint32_t gen_holder);

/**
 * Tell a contradiction that others found: a wrong tag for the second time, a proof of a fork.
 *
 * @param holder  the object
 * @param now     monotonic
 * @param cause   HKP_NEURO_CAUSE_FORK or HKP_NEURO_CAUSE_TAG
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 17, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_contradiction(hkp_neuro_holder *holder, hkp_time now, uint32_t cause);

/**
 * Tell an authorisation that was issued to the device and is not yet in its log: while its newest TER shows
 * that reference, component I is one half instead of 0.
 *
 * The newest one counts. It counts no longer once a rebase of its version or above has come in the log, or
 * once the device's time has passed not_after_us. It is not stored: give it again after
 * hkp_neuro_holder_load() and after an enrolment.
 *
 * @param holder  the object
 * @param rba     [192] bytes, borrowed
 *
 * @retval HKP_OK                    it counts from now on
 * @retval HKP_E_STATE               there is no replica that takes a rebase
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT      refused; nothing changed
 * @retval HKP_E_NEURO_RBA_VERSION   applied already, too far above the policy in force, or below another that
 *                                   counts; nothing changed
 * @retval HKP_E_NEURO_RBA_EXPIRED   the newest TER is later than not_after_us; nothing changed
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11, 16.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_pending(hkp_neuro_holder *holder, const uint8_t rba[192]);

/**
 * Hand over one message of the other node about this instance.
 *
 * @param holder        the object
 * @param now           monotonic
 * @param wall_us       Unix microseconds
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 *
 * @retval HKP_OK                                                   taken, or not of interest
 * @retval HKP_E_NEURO_SYN_*                                        framing; nothing changed
 * @retval HKP_E_STATE                                              not now; nothing changed
 * @retval HKP_E_LIMIT                                              no credit for TERs, or too many are
 * waiting: hand it over again after hkp_neuro_holder_wake()
 * @retval HKP_E_NEURO_ENROL_*, HKP_E_TER_TCK_*, HKP_E_NEURO_RBA_*  ENROL refused; nothing changed
 * @retval HKP_E_TER_*, HKP_E_NEURO_REPLAY_*                        a record does not follow; what stood
 * before it was taken
 * @retval HKP_E_NOMEM                                              the allocator returned nothing; hand it
 * over again
 *
 * Cost: a signature for ENROL and each TCK1; a bounded number of evolutions.
 * Source: SYN-2, NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_recv(hkp_neuro_holder *holder, hkp_time now,
                                                      uint64_t wall_us, uint32_t stream_class,
                                                      const uint8_t *msg, size_t len);

/**
 * Next message for the other node.
 *
 * @param holder        the object
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
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_send(hkp_neuro_holder *holder, hkp_time now,
                                                      uint32_t *stream_class, uint8_t *dst, size_t cap,
                                                      size_t *len);

/**
 * Next thing that the object wants of its host; pull until there is none.
 *
 * @param holder  the object
 * @param event   out; kind is HKP_NEURO_EVENT_NONE if there is none
 *
 * @retval HKP_OK          event is set
 * @retval HKP_E_NOMEM     no memory for what has to be stored; try again
 * @retval HKP_E_CALLBACK  no randomness for a nonce; try again
 *
 * Cost: for EVENT_STORE one allocation and the sealing of one or two states.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_event(hkp_neuro_holder *holder,
                                                       struct hkp_neuro_event *event);

/**
 * Confirm that what EVENT_STORE asked for is durable.
 *
 * @param holder  the object
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
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_stored(hkp_neuro_holder *holder, hkp_time now,
                                                        uint64_t ticket);

/**
 * Do what is due; call it when hkp_neuro_holder_wake() has passed.
 *
 * @param holder  the object
 * @param now     monotonic
 *
 * Cost: no allocation but for a new commit; a bounded number of evolutions.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_tick(hkp_neuro_holder *holder, hkp_time now);

/**
 * When the next call of hkp_neuro_holder_tick() is due.
 *
 * @param holder  the object
 *
 * @return monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_holder_wake(const hkp_neuro_holder *holder);

/**
 * The agreed commit of an index, with a reference: V.cur or V.prev.
 *
 * @param holder    the object
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
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_commit(hkp_neuro_holder *holder, uint64_t ck_index,
                                                        hkp_neuro_commit **out);

/**
 * How the instance stands.
 *
 * @param holder  the object
 * @param info    struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_info(const hkp_neuro_holder *holder,
                                                      struct hkp_neuro_instance_info *info);

/**
 * What this replica says about the device: components R, I, C, N and the conditions that hold.
 *
 * @param holder           the object
 * @param wall_us          Unix microseconds
 * @param session_us       Unix microseconds when the session began
 * @param clock_undecided  1: the newest verdict of HTP-3.8 is not PASS
 * @param inputs           in and out: r, i, c, n are set, HKP_NEURO_WHY_* of the replica are added to why
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_trust(const hkp_neuro_holder *holder, uint64_t wall_us, uint64_t session_us,
                                    int32_t clock_undecided, struct hkp_neuro_trust_inputs *inputs);

#ifdef __cplusplus
}
#endif

#endif
