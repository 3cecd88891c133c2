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
FURTHER = []
