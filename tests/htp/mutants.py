# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libhtp that its tests must find (HTP-3.8, 18.3); read by tests/support/mutants.py, which says what a line
means."""

LINK = {"sim_faults": ["-Wl,--wrap=hkp_htp__seal"]}
CLOCK = ("unit_records", "clocks_get_their_verdict")
LINKS = ("sim_faults", "a_pair_survives_bad_links")
FORGED = ("unit_endpoint", "a_forged_challenge_measures_nothing")
ROLLBACK = ("sim_faults", "a_machine_rolled_back_repeats_no_nonce")

ROUTE = "libhtp/path/route.c"
TOKENS = "libhtp/path/tokens.c"

ALWAYS = [
    ("HTP-18.3 address moved before OPEN", "libhtp/session.c",
     ("    hkp_status st = open_packet(ep, s, &r, header, dgram, len, &pn);",
      "    hkp_htp__paths_heard(ep, s, path, header->token, pn, len);"),
     ("    hkp_htp__paths_heard(ep, s, path, header->token, s->window.next - 1, len);\n"
      "    hkp_status st = open_packet(ep, s, &r, header, dgram, len, &pn);", ""),
     "unit_routes", "an_old_packet_or_a_forged_one_moves_nothing"),
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
FURTHER = [
    ("HTP-9.2 an old packet moves the session", ROUTE, "p->newest = pn + 1 == s->window.next;", "p->newest = 1;",
     "unit_routes", "an_old_packet_or_a_forged_one_moves_nothing"),
    ("HTP-9.2 an answer on another path counts", ROUTE, "    route *r = p->from;\n    if (r == NULL || !r->challenging",
     "    route *r = p->routes;\n    while (r != NULL && sodium_memcmp(r->challenge, data, 8) != 0) r = r->next;\n"
     "    p->from = r;\n    if (r == NULL || !r->challenging",
     "unit_routes", "an_answer_on_another_path_does_not_count"),
    ("HTP-9.2 the old address is not asked", ROUTE, "if (!moved && !old->challenging) (void)challenge(ep, s, old);", "",
     "unit_routes", "a_faster_forwarder_does_not_take_the_path"),
    ("HTP-9.2 the window is kept with another host", ROUTE, "if (!port_only) hkp", "if (0) hkp", "unit_routes",
     "the_window_restarts_unless_only_the_port_changed"),
    ("HTP-9.2 the window restarts with another port", ROUTE, "if (!port_only) hkp", "if (1) hkp", "unit_routes",
     "the_window_restarts_unless_only_the_port_changed"),
    ("HTP-9.3 the token of the old path is kept", ROUTE,
     "if (place != to->place) hkp_htp__paths_token_leave(ep, s, place);", "", "unit_routes", "e_moves_to_another_socket"),
    ("HTP-9.3 a challenge for ever", "libhtp/path/probe.c", "if (r->repeats < HKP_HTP__PATH_REPEATS) {", "if (1) {",
     "unit_routes", "a_path_without_an_answer_is_given_up"),
    ("HTP-4.6 more goes to a new address than came", "libhtp/path/probe.c",
     "return r->in_bytes > r->out_bytes ? (size_t)(r->in_bytes - r->out_bytes) : 0;", "return 1200;", "unit_routes",
     "no_address_gets_more_than_it_sent"),
    ("HTP-4.6 the resonance layer is not counted", "libhtp/path/probe.c",
     "r->out_bytes += hkp_htp__flow_probe_size(s->flow, slot, out->len);", "r->out_bytes += 9;", "unit_routes",
     "no_address_gets_more_than_it_sent"),
    ("HTP-9.1 a ninth token is taken", TOKENS, "|| i < 0 ||", "||", "unit_tokens",
     "eight_tokens_are_known_and_no_more"),
    ("HTP-9.1 a late copy brings a token back", TOKENS, "    if (is_late(t, f->seq)) {", "    if (0) {", "unit_tokens",
     "a_late_copy_brings_no_token_back"),
    ("HTP-9.1 any number may be given up", TOKENS, "if (t->next != 0 && f->seq >= t->next) return HKP_E_HTP_FRAME;", "",
     "unit_tokens", "a_retire_of_what_was_never_given_is_malformed"),
    ("HTP-9.1 a lost TOKEN is not sent again", TOKENS, "    if (i >= 0) *(type == HKP_HTP__F_RETIRE",
     "    if (0) *(type == HKP_HTP__F_RETIRE", "unit_routes", "migrations_under_loss_never_break_a_transfer"),
    ("HTP-9.5 a reset from anywhere", "libhtp/path/reset.c", "if (!equal || !is_from(s, path)) return 0;",
     "if (!equal) return 0;", "unit_tokens", "a_wrong_reset_does_nothing"),
    ("HTP-9.5 resets without end", "libhtp/path/reset.c", "return ep->resets++ < HKP_HTP__RESETS_PER_SECOND;",
     "return 1;", "unit_tokens", "resets_are_few_and_small"),
    ("HTP-9.5 a reset soon after the start", "libhtp/path/reset.c", "ep->now - ep->started < SILENCE", "0",
     "unit_tokens", "resets_are_few_and_small"),
]
