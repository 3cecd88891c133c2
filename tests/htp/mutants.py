# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libhtp that its tests must find (HTP-3.8, 18.3); read by tests/support/mutants.py, which says what a line
means."""

LINK = {"sim_faults": ["-Wl,--wrap=hkp_htp__seal"]}
CLOCK = ("unit_records", "clocks_get_their_verdict")
LINKS = ("sim_faults", "a_pair_survives_bad_links")
FORGED = ("unit_endpoint", "a_forged_challenge_measures_nothing")
ROLLBACK = ("sim_faults", "a_machine_rolled_back_repeats_no_nonce")

ALWAYS = [
    ("HTP-3.8 one-sided clock, by the way there", "libhtp/crypto/resonance.c", "off2 = there + back;", "off2 = 2 * there;",
     *CLOCK),
    ("HTP-3.8 one-sided clock, by the way back", "libhtp/crypto/resonance.c", "off2 = there + back;", "off2 = 2 * back;",
     *CLOCK),
    ("HTP-3.8 a long way hides an offset", "libhtp/crypto/resonance.c", "if (off2 + rtt < 200000)", "if (off2 < 200000)",
     *CLOCK),
    ("HTP-3.8 a long way makes a clock fail", "libhtp/crypto/resonance.c", "if (off2 - rtt >= 200000)",
     "if (off2 >= 200000)", *CLOCK),
    ("HTP-3.8 a way of negative length is judged", "libhtp/crypto/resonance.c", "if (rtt < 0 || rtt >= limit ||",
     "if (rtt >= limit ||", *CLOCK),
    ("HTP-3.8 an offset has one sign only", "libhtp/crypto/resonance.c", "if (off2 < 0) off2 = -off2;", "", *CLOCK),
    ("HTP-18.3 window marked before OPEN", "libhtp/session.c", "return HKP_E_HTP_REPLAY;\n",
     "return HKP_E_HTP_REPLAY;\n    hkp_htp__window_mark(&s->window, *pn);\n", *LINKS),
    ("HTP-18.3 old epoch keys kept", "libhtp/rekey.c", "    if (ep->now < s->old_until) return;",
     "    if (ep->now < s->old_until) return;\n    s->old_until = HKP_TIME_NEVER;\n    return;", *LINKS),
    ("HTP-6.7 keys freed as they are", "libhtp/rekey.c", "    wipe(*e);\n", "", *LINKS),
    ("HTP-7.5 a packet opens twice", "libhtp/wire/record.c", "    if (pn >= w->next) return 1;\n", "    return 1;\n", *LINKS),
    ("HTP-15.4 a forged CHALLENGE measures the way", "libhtp/handshake/edge.c", "if (st == HKP_OK && s->edge->waiting_len == 0)",
     "if (s->edge->waiting_len == 0)", *FORGED),
    ("HTP-7.2 nonces without clocks", "libhtp/endpoint.c", "if (ep->opt.no_rollback) return", "if (1) return", *ROLLBACK),
]
TRUST = "unit_trust"
ALWAYS += [
    ("HTP-8.6 a line of trust without effect", "libhtp/trust.c", "r.classes_low &= table[i].low;", "", TRUST,
     "the_table_is_that_of_the_specification"),
    ("HTP-8.6 streams that are open stay", "libhtp/flow/flow.c",
     "if (live && s->cls_known && !is_allowed(flow, s->cls)) deny(flow, s);", "(void)live;", TRUST,
     "a_fall_of_trust_acts_at_once"),
    ("HTP-8.6 too little trust closes nothing", "libhtp/session_trust.c",
     "if (r.close != 0) hkp_htp__session_close_with(ep, s, r.close, HKP_E_HTP_CLOSED);", "", TRUST,
     "too_little_trust_ends_the_session_at_either_end"),
    ("HTP-8.6 validators are closed too", "libhtp/trust.c",
     "return validators ? HKP_HTP_LINE_VALIDATORS : HKP_HTP_LINE_TRUST;", "return HKP_HTP_LINE_TRUST;", TRUST,
     "validators_keep_consensus_without_trust"),
    ("HTP-8.6 mode N has all classes", "libhtp/trust.c", "lines |= 1U << HKP_HTP_LINE_ENROL;", "", TRUST,
     "mode_n_limits_a_session_from_its_start"),
    ("HTP-8.7 stale changes nothing", "libhtp/trust.c", "if (j->stale) lines |= 1U << HKP_HTP_LINE_STALE;", "", TRUST,
     "a_stale_session_fetches_certificates_and_no_more"),
    ("HTP-8.6 a changed integrity keeps its trust", "libhtp/trust.c", "limit(trust, HKP_HTP_TRUST_CHANGED);", "",
     TRUST, "a_changed_integrity_limits_or_ends_a_session"),
]
FURTHER = []
