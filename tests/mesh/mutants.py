# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libmesh that its tests must find; read by tests/support/mutants.py, which says what a line means."""

LINK = {"sim_node": ["-Wl,--wrap=hkp_dsm_gossip_loss"]}

LEVELS, RECORDS = ("vec_record", "groups_make_action_levels"), ("vec_record", "records_are_decoded_and_encoded_or_refused")
CORROBORATION, RECORD, INTEL = "libmesh/corroboration.c", "libmesh/record.c", "libmesh/intel.c"
LOOKUP, SCORE, STATE, PACKET = "libmesh/intel_lookup.c", "libmesh/score.c", "libmesh/state.c", "libmesh/packet.c"
REPLACED = ("unit_intel", "a_newer_record_replaces_and_a_repetition_does_not")
ALLOWED = ("unit_intel", "the_allowlist_protects_what_is_in_it")
TAKEN_BACK = ("unit_intel", "revocation_and_false_positives_take_back")
MATCHES = ("unit_intel", "addresses_match_prefixes_and_urls_match_hosts")
STATES = ("vec_state", "states_follow_their_conditions")

# What decides whether somebody's packets are dropped.
INTELLIGENCE = [
    ("M-TI-11 two groups block", CORROBORATION, "e->faults + 1ULL > BLOCK_GROUPS_MIN ? e->faults + 1ULL : BLOCK_GROUPS_MIN",
     "2", *LEVELS),
    ("M-TI-11 groups that may all be dishonest block", CORROBORATION,
     "e->faults + 1ULL > BLOCK_GROUPS_MIN ? e->faults + 1ULL : BLOCK_GROUPS_MIN", "BLOCK_GROUPS_MIN", *LEVELS),
    ("M-TI-11 doubts do not count", CORROBORATION, ("e->groups > e->doubts ? e->groups - e->doubts : 0", "e->n > e->doubts ? e->n - e->doubts : 0"),
     ("e->groups", "e->n"), *TAKEN_BACK),
    ("M-TI-11 members are blocked", CORROBORATION, "proving < needed || e->member", "proving < needed", *LEVELS),
    ("M-TI-11 the unsure block", CORROBORATION, "#define BLOCK_CONFIDENCE_MIN 5000", "#define BLOCK_CONFIDENCE_MIN 1", *LEVELS),
    ("M-TI-8 what was revoked comes back", INTEL, "if (hkp_mesh__revoked(t, key, o->author,", "if (0 && hkp_mesh__revoked(t, key, o->author,",
     *TAKEN_BACK),
    ("M-TI-7 the allowlist is for lookups", INTEL, "if (hkp_mesh__allowed(t, r->ioc_type, r->value, r->value_len)) {", "if (0) {",
     *ALLOWED),
    ("M-TI-13 one author blocks all", LOOKUP, "a->day_blocks[r->grade & 7] < HKP_MESH__BLOCKS_PER_DAY", "1", "unit_intel",
     "an_author_makes_a_hundred_blocks_a_day"),
]

INTELLIGENCE_FURTHER = [
    ("M-TI-4 an older record replaces", INTEL,
     "    if (o->seq < old->seq || (o->seq == old->seq && o->position <= old->position))\n        return HKP_MESH_ADDED_OLDER;\n", "",
     *REPLACED),
    ("M-TI-5 a repetition is news", INTEL, "return soon && same_content(t, old, r) ? HKP_MESH_ADDED_UNCHANGED : -1;",
     "(void)soon, (void)same_content;\n    return -1;", *REPLACED),
    ("M-TI-6 an author fills the table", INTEL, "|| a->hour_keys >= HKP_MESH__KEYS_PER_HOUR", "", "unit_intel",
     "an_author_has_a_thousand_new_keys_an_hour"),
    ("M-TI-7 an allowed address in a bad prefix", LOOKUP, "if (hkp_mesh__allowed(t, type, value, len)) m->level = HKP_MESH_LEVEL_NONE;", "",
     *ALLOWED),
    ("M-TI-13 a parent blocks its children", LOOKUP,
     "if (kind >= HKP_MESH_MATCH_PARENT && m->level > HKP_MESH_LEVEL_ALERT) m->level = HKP_MESH_LEVEL_ALERT;", "", *MATCHES),
    ("M-TI-2 what is over counts", LOOKUP, "        if (until <= now_s) continue;\n", "", "unit_intel", "records_end_when_they_said"),
    ("M-TI-2 red leaves", RECORD, "return r->tlp == HKP_MESH_TLP_RED ? HKP_E_MESH_TLP : HKP_OK;", "return HKP_OK;", *RECORDS),
    ("M-TI-2 amber leaves", "libmesh/node.c", "if (record->tlp >= HKP_MESH_TLP_AMBER) return HKP_E_MESH_TLP;", "", "unit_node",
     ""), # that case goes on from the ones before
    ("M-TI-2 valid for ever", RECORD, "r->valid_until_s - r->valid_from_s > hkp_mesh_ioc_ttl_max(r->ioc_type))", "0)", *RECORDS),
    ("M-TI-2 from the future", RECORD, "r.valid_from_s - now_s > HKP_MESH__AHEAD_S", "0", *RECORDS),
    ("M-IOC leading zeros", "libmesh/ioc_addr.c", " || (*at > start && text[start] == '0')", "", "vec_ioc", "text_becomes_canonical_or_is_refused"),
    ("M-IOC host bits", "libmesh/ioc_addr.c", "static int has_host_bits(const uint8_t *ip, size_t size, unsigned bits) {",
     "static int has_host_bits(const uint8_t *ip, size_t size, unsigned bits) { if (size > 0) return 0;", "vec_ioc", ""),
    ("M-SCORE-3 nothing is trimmed", SCORE, "const uint32_t trim = (n - 1) / 3;", "const uint32_t trim = 0;", "vec_score",
     "dishonest_groups_move_it_within_the_bound"),
    ("M-SCORE-4 others count more than we", SCORE, "6000ULL * local + 4000ULL * mesh", "4000ULL * local + 6000ULL * mesh", "vec_score",
     "the_collective_score_is_more_local_than_not"),
    ("M-SCORE-1 any weights", SCORE, "if (weight < 9900 || weight > 10100) return HKP_E_MESH_WEIGHTS;", "", "vec_score",
     "qsecbit_weighs_its_terms"),
    ("M-STATE-1 no patience", STATE, "in->unsync_s < HYSTERESIS_S", "0", *STATES),
    ("M-STATE the MSSP is back at once", STATE, "return in->mssp_up_s < MSSP_BACK_S;", "return in->mssp_up_s == 0;", *STATES),
    ("M-PKT a sequence twice", PACKET, "        return 0;\n    }\n    w->seen[", "    }\n    w->seen[", "vec_packet",
     "a_sequence_is_taken_once_and_within_1024"),
]

REGISTRY, SESSION, ATTEST = "libmesh/node_registry.c", "libmesh/node_session.c", "libmesh/node_attest.c"
OF_TWO = ("sim_renewal", "of_two_of_one_serial_all_use_the_one_that_counts")
RENEWAL, POST, WORK = "libmesh/node_renewal.c", "libmesh/node_post.c", "libmesh/node_work.c"
WORK_FILE, KEEP = "libmesh/node_work_file.c", "libmesh/node_keep.c"
BARRED, CONSENSUS_ONLY = ("sim_submit", "who_is_barred_gets_no_session"), ("sim_submit", "a_revoked_member_keeps_consensus_only")
FALSE_LANES = ("sim_node", "who_breaks_the_rules_of_lanes_is_told_of")
LOSS = ("sim_node", "gossip_is_told_what_a_session_loses")
REQUESTS = ("sim_submit", "requests_go_to_the_operator_of_one_peer")
STARTS = ("sim_work", "a_workload_starts_only_with_all_three_and_the_right_image_and_stops_without_them")
CONDITIONS = ("sim_work", "versions_rise_ends_pass_and_officers_reset")

# Who may what: whole members of a virtual world.
RIGHTS = [
    ("D-CA-8 a revocation ends no session", REGISTRY,
     "hkp_mesh__drop(hkp_htp_endpoint_revoke(node->htp, node->now, peer->node_id));", "", *BARRED),
    ("D-AUD-4 an old stream replaces a new one", "libmesh/node_telemetry.c", "if (order <= 0) return order == 0;",
     "if (order == 0) return 1;", "sim_telemetry", "gaps_are_counted_and_old_streams_come_to_nothing"),
    ("D-AUD-4 who is told to say nothing tells all the same", "libmesh/node_telemetry.c",
     "if (st != HKP_OK || node->opt.telemetry_s == HKP_MESH_TELEMETRY_OFF) return st;", "if (st != HKP_OK) return st;", "sim_telemetry",
     "a_node_tells_as_often_as_its_options_say"),
    ("D-AUTH-1 attestation is not demanded", ATTEST, "return node->challenger != NULL && link->attest.ok == 0;",
     "return node == NULL && link == NULL;", "sim_node", "who_does_not_attest_carries_only_consensus"),
    ("HTP-8.6 anybody writes policy", POST, "if (st == HKP_OK && !hkp_mesh__may_act(node, peer, link, (uint32_t)acts_of(kind))) st = HKP_E_DSM_ROLE;",
     "", "sim_submit", "policy_is_written_by_the_trusted_only"),
    ("D-BLK-3 what a block brings is believed", WORK, "    if (st == HKP_OK) hkp_mesh__drop(take(node, object, object_len, 0, 1));",
     "    hkp_mesh__drop(take(node, object, object_len, 0, 1));", "sim_work", "what_a_block_brings_is_verified"),
]

RIGHTS_FURTHER = [
    ("D-GSP-19 libdsm hears of no false lane", "libmesh/node_dsm.c",
     "        hkp_mesh__dsm_broken(node, peer);\n        hkp_mesh__drop(hkp_htp_stream_stop(", "        hkp_mesh__drop(hkp_htp_stream_stop(", *FALSE_LANES),
    ("D-GSP-16 libdsm hears of no message too long", SESSION, "if (ev->result == HKP_E_HTP_MESSAGE) hkp_mesh__dsm_broken(node, peer);", "",
     *FALSE_LANES),
    ("D-GSP-19 the first message of a lane is judged by its first packet to come", SESSION,
     "    if (ev->stream_class == HKP_HTP_STREAM_MESH) hkp_mesh__attest_stream(",
     "    if (ev->stream_class == HKP_HTP_STREAM_DSM)\n        hkp_mesh__drop(hkp_htp_stream_limit(node->htp, ev->session, ev->stream, 1));\n"
     "    if (ev->stream_class == HKP_HTP_STREAM_MESH) hkp_mesh__attest_stream(", "sim_node", "a_quarter_of_loss_only_delays"),
    ("D-CA-8 a member loses its seat by a list", REGISTRY, "return hkp_mesh__peer_revoked(node, peer) && !both_seated(node, peer);",
     "return hkp_mesh__peer_revoked(node, peer);", *CONSENSUS_ONLY),
    ("D-CA-8 who is revoked keeps its rights", SESSION, "           hkp_mesh__peer_revoked(node, peer) || (link->listless",
     "           (link->listless", *CONSENSUS_ONLY),
    ("D-CA-8 a session behind an old list is whole", SESSION, " || (link->listless && is_listless(node));", ";", "sim_submit",
     "a_session_that_begins_behind_an_old_list_carries_consensus_only"),
    ("D-CA-8 a session stays limited behind the next list", SESSION, "(link->listless && is_listless(node))", "link->listless", "sim_submit",
     "a_session_that_begins_behind_an_old_list_carries_consensus_only"),
    ("HTP-12.3 a revoked certificate begins a session", REGISTRY,
     "if (is_revoked(node, c.node_id, c.serial) && !both_seated(node, peer)) return HKP_E_DSM_REVOKED;", "", *BARRED),
    ("D-GSP-8 gossip is told of no loss", SESSION, "        tell_loss(node, peer, link);\n", "        (void)tell_loss;\n", *LOSS),
    ("D-GSP-8 what was lost counts for ever", SESSION, "    link->loss_lost = s.packets_lost;\n", "", *LOSS),
    ("D-CERT-3 an older certificate replaces a newer one", REGISTRY, "const int older = peer->known && c.serial < peer->serial;", "const int older = 0;",
     "sim_node", "an_old_certificate_replaces_no_newer_one"),
    ("D-AUTH-5 who answers no more has attested for ever", ATTEST, "node->now < link->attest.ok_at + 2 * node->attester.every", "1", "sim_node",
     "who_answers_no_more_has_attested_two_rounds_long"),
    ("D-CERT-3 asked at half the time", RENEWAL, "/ 3 * 2;", "/ 2;", "sim_renewal",
     "at_two_thirds_a_request_that_officers_agree_to_is_made_once"),
    ("D-CERT-3 another static key is taken", RENEWAL,
     "if (!c.has_static_key || memcmp(c.static_key, node->own_cert.static_key, 32) != 0 ||", "if (", "sim_renewal",
     "one_of_another_static_key_wants_another_start"),
    ("D-CA-9 of a peer the certificate that it shows counts", REGISTRY, "if (!older && !is_in_use(peer, &bytes)) counting(node, peer, &bytes, &c);",
     "(void)counting;", "sim_renewal", "who_was_away_learns_which_of_two_counts"),
    ("D-CA-9 a session has the roles of what was shown", REGISTRY, "if (st == HKP_OK && c.serial == peer->serial)", "if (0)", "sim_renewal", "who_was_away_learns_which_of_two_counts"),
    ("D-CA-9 only a higher serial is looked at", RENEWAL, "m.serial < serial || m.serial < seen->serial", "m.serial <= serial || m.serial <= seen->serial",
     *OF_TWO),
    ("D-CA-9 one that counts and is over is not used", RENEWAL, "if (c.serial != node->own_cert.serial &&\n", "if (c.serial > 0 &&\n", "sim_renewal",
     "one_that_counts_and_is_over_is_used_too"),
    ("D-CA-9 what is not used is told every second", RENEWAL, "if (m.serial == seen->serial && memcmp(id, seen->id, 32) == 0) return 0;", "", "sim_renewal",
     "another_of_its_serial_and_of_another_static_key_is_told_once"),
    ("HTP-8.7 sessions are not stale when it is over", SESSION,
     "link->stale || now_s > node->own_cert.not_after_s || (peer->known && now_s > peer->not_after_s) ||", "link->stale || now_s == 0 ||",
     "sim_renewal", "sessions_are_stale_when_it_is_over_and_whole_when_both_are_current"),
    ("HTP-8.7 a session stays stale", RENEWAL, "for (int i = 0; i < HKP_MESH__LINKS; i++) peer->links[i].stale = 0;", "", "sim_renewal",
     "sessions_are_stale_when_it_is_over_and_whole_when_both_are_current"),
    ("SYN-2.3 one peer fills what the host has", POST, "node->now < peer->post_at || ", "", *REQUESTS),
    ("SYN-2.3 a request that its key did not sign", POST, "return st == HKP_OK ? keep(node, peer, kind, object, len) : st;",
     "return keep(node, peer, kind, object, len);", *REQUESTS),
    ("D-AUD-5 told before it is durable", WORK, "n->write = at_once ? 0 : w->wanted;", "n->write = 0;", "sim_work",
     "a_policy_counts_when_it_is_durable_and_only_then_is_told"),
    ("D-CA-9 one of two orders of a number counts", WORK, "        forked(node, o.scope, o.number); /* and this one */\n", "        (void)forked;\n",
     "sim_work", "two_orders_of_one_number_count_both_for_nothing"),
    ("D-AUD-5 what ended is in force", WORK, "    sweep(node);\n    offer(node);", "    offer(node);", *CONDITIONS),
    ("D-AUD-6 offered without a word of officers", WORK, "            return 1;\n    return 0;\n}\n\nstatic void offer(", "            return 1;\n    return 1;\n}\n\nstatic void offer(",
     *STARTS),
    ("D-AUD-6 nothing is stopped", WORK, "if (hkp_dsm_control_wake(w->control) <= node->now) stop(node);", "(void)stop;", *STARTS),
    ("D-AUD-6 a nonce is forgotten with the power", WORK, "    a->running = 1;\n    w->wanted++;\n", "    a->running = 1;\n", "sim_work",
     "a_nonce_that_started_something_starts_nothing_after_a_crash"),
    ("D-AUD-5 what found no room is known for ever", "libmesh/node_submit.c",
     "if (st == HKP_E_DSM_DUPLICATE) return hkp_mesh__work_again(node, *kind, object, len);", "", "sim_work",
     "what_found_no_memory_counts_when_it_is_given_again"),
    ("D-AUD-5 what could not be written is told", WORK_FILE, "    if (!build(node)) return 0;\n",
     "    if (!build(node)) {\n        w->durable = w->wanted;\n        return 0;\n    }\n", "sim_work",
     "what_found_no_memory_counts_when_it_is_given_again"),
    ("D-AUD-5 a changed file is believed", WORK_FILE,
     "crypto_auth_verify(data + len - TAG, data, len - TAG, node->opt.state_key) != 0", "0", "sim_work",
     "a_stored_file_that_was_changed_stops_the_start"),
    ("D-BLK-3 nothing goes into a block", WORK, "    bring(node);\n", "    (void)bring;\n", "sim_work",
     "a_policy_reaches_all_and_who_comes_later_and_stays_over_a_restart"),
    ("NZ1 16 a restart ends quarantine", KEEP, "t->quarantine.quarantined = (flags & QUARANTINED) != 0;", "", "sim_history",
     "only_an_operator_ends_quarantine"),
    ("NZ1 16 a changed file of trust is believed", KEEP,
     "if (crypto_aead_xchacha20poly1305_ietf_decrypt(", "if (0 * crypto_aead_xchacha20poly1305_ietf_decrypt(", "sim_history",
     "a_changed_file_of_trust_is_refused"),
    ("NZ1 11 an older policy follows", "libmesh/node_rebase.c", "fields->policy_ver <= node->policy_ver ||", "", "sim_history",
     "a_rebase_that_does_not_hold_changes_nothing"),
    ("NZ1 11 an expired policy follows", "libmesh/node_rebase.c", "return last_us > fields->not_after_us ? HKP_E_NEURO_RBA_EXPIRED : HKP_OK;",
     "(void)last_us;\n    return HKP_OK;", "sim_history", "a_rebase_that_does_not_hold_changes_nothing"),
    ("HTP-8.6 a device that changed keeps its rights", SESSION, "int changed = (peer->trust.now.why & HKP_NEURO_WHY_INTEGRITY) != 0;",
     "int changed = 0;", "sim_history", "a_device_that_changed_is_limited_or_closed"),
]

ALWAYS = INTELLIGENCE + RIGHTS
FURTHER = INTELLIGENCE_FURTHER + RIGHTS_FURTHER
