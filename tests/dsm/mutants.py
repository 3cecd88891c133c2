# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libdsm that its tests must find; read by tests/support/mutants.py, which says what a line means."""

LINK = {name: ["-Wl,--wrap=crypto_sign_verify_detached"] for name in ("sim_cost", "sim_evidence", "sim_liars")}
LINK["sim_memory"] = ["-Wl,--wrap=hkp_dsm__blob_new", "-Wl,--wrap=hkp_dsm__pool_take"]
SIM = ["sim.c", "sim_disk.c", "sim_mesh.c", "sim_watch.c"]
CHAOS = [*SIM, "chaos.c", "liar.c", "liar_proposes.c", "verify_once.c"]
WITH = {"unit_node": SIM, "sim_consensus": SIM, "sim_bls": SIM, "sim_store": SIM, "unit_spread": SIM, "unit_rations": SIM, "unit_neighbours": SIM,
        "unit_strangers": SIM, "unit_chain_file": SIM,
        "sim_liars": CHAOS, "sim_cost": SIM, "sim_evidence": SIM, "sim_disks": SIM, "sim_memory": SIM, "sim_gossip": ["gossip_world.c"]}

LOG, ENTRY, LOG_PROOF = "libdsm/beside/audit.c", "libdsm/beside/audit_entry.c", "libdsm/beside/audit_proof.c"
TAMPER = ("unit_audit", "edits_inserts_deletes_and_reorderings_break_chain_or_root")
TRUNCATED = ("unit_audit", "truncation_behind_a_head_is_seen_and_of_the_tail_is_not")
SIGNER = ("unit_audit", "a_head_counts_only_with_its_signer")
COLLECTOR = "libdsm/beside/collector.c"
STATEMENT, TABLE = "libdsm/beside/witness_statement.c", "libdsm/beside/claim_table.c"
WITNESS_PROOF = "libdsm/beside/witness_proof.c"
MODEL, LIARS = ("unit_witness", "counts_are_those_of_the_model"), "liars_of_fewer_than_k_groups_decide_nothing"

TREE = "libdsm/gossip/tree.c"
GOSSIP = [
    ("D-GSP-8 the tree is never moved", TREE, "if (move_now && w != NULL) move(t, link, w->first, lane);", "", "unit_gossip",
     "items_come_from_who_had_one_before_the_link_that_brings_them"),
    ("D-GSP-8 a lost link is waited for", TREE, "    t->torn = 1;\n", "", "unit_gossip",
     "who_lost_the_link_that_brought_items_asks_at_once"),
    ("D-GSP-8 items go one way of a link", TREE, "t->links[link].out_eager |= !t->links[link].leaf;", "", "unit_gossip",
     "who_brings_an_item_gets_those_of_the_others"),
    ("D-GSP-8 nobody is asked when the tree is torn", TREE, "if (link == t->last) mend(t);", "if (link == t->last) t->torn = 1;", "unit_gossip",
     "who_lost_the_link_that_brought_items_takes_the_next_announcer"),
    ("D-GSP-8 a lossy link is pruned both ways", TREE, "l->out_eager &= l->lossy;", "l->out_eager = 0;", "unit_gossip",
     "a_link_that_loses_much_is_pruned_late_and_one_way"),
    ("D-GSP-16 each copy costs its sender", "libdsm/node/spread.c", "        p->unheard = 0;", "        hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_COPY);",
     "unit_spread", "nobody_honest_loses_points_in_a_full_mesh"),
    ("D-GSP-16 who does not listen pays nothing", "libdsm/node/spread.c", "if (++p->unheard > HKP_DSM__UNHEARD_FREE)", "if (0)",
     "unit_spread", "who_does_not_listen_to_prune_loses_points"),
    ("D-SMX-R1 members have to ask for young blocks", "libdsm/consensus/leader.c", "    if (s->young != NULL) hkp_dsm__send_members(n, 0, s->young);\n", "",
     "sim_consensus", "nobody_asks_for_what_a_proposal_brings"),
    ("D-SMX-R1 old blocks go with a proposal", "libdsm/node/items.c", "b == NULL || b->seen_at + SPREAD_GRACE_MS * MS <= n->now", "b == NULL",
     "sim_consensus", "what_is_old_enough_does_not_come_with_a_proposal"),
    ("D 13 all blocks go with a proposal", "libdsm/node/items.c", "if (out->len + b->item->len > YOUNG_BYTES_MAX) break;", "",
     "sim_consensus", "no_more_than_so_many_bytes_come_with_a_proposal"),
    ("D-GSP-8 what was fetched is told at once", "libdsm/node/accept.c", "        hkp_dsm__spread_hold(n, b);",
     "        hkp_dsm__spread_block(n, b, p, 1);", "unit_spread", "a_block_that_was_fetched_is_told_when_a_link_brings_it"),
    ("D-GSP-8 the push of what was fetched is a copy", "libdsm/node/spread.c", "if (st == HKP_E_DSM_DUPLICATE && b != NULL && b->untold", "if (0 && b->untold", "unit_spread",
     "a_block_that_was_fetched_is_told_when_a_link_brings_it"),
    ("D-GSP-8 a payload that comes later is a copy", "libdsm/node/accept.c", "if (b->payload.ptr != NULL || item->payload.ptr == NULL || gone)",
     "if (b->payload.ptr != NULL || item->payload.ptr == NULL || b->pins > 0)", "unit_spread", "a_payload_that_was_left_out_comes_from_others"),
    ("D-GSP-7 a payload that comes later is not passed on", "libdsm/node/accept.c",
     "    if (came != CAME_PROPOSED) hkp_dsm__spread_late(n, p, b, hops, came == CAME_ASKED);\n", "", "unit_spread",
     "a_block_without_its_payload_is_not_passed_on_and_asked_for"),
    ("D-STO-1 a payload that comes later is told before it is durable", "libdsm/node/blocks.c", "b->payload.ptr != NULL && !b->late", "b->payload.ptr != NULL",
     "unit_spread", "a_payload_that_was_left_out_comes_from_others"),
    ("D-STO-1 a payload that comes later is not kept", "libdsm/node/blocks.c", "        keep(n, b, HELD_PAYLOAD);\n", "        b->late = 0;\n",
     "unit_spread", "a_payload_that_was_left_out_comes_from_others"),
    ("D-GSP-8 a block without its payload is passed on", "libdsm/node/blocks.c", "    b->untold = payload->ptr == NULL;\n", "", "unit_spread",
     "a_block_without_its_payload_is_not_passed_on_and_asked_for"),
    ("D-GSP-8 a block without its payload is not asked for", "libdsm/node/spread.c", "    if (is_bare(b)) return 0;\n", "", "unit_spread",
     "a_block_without_its_payload_is_not_passed_on_and_asked_for"),
    ("D-GSP-8 a block without its payload has come", "libdsm/node/spread.c", "if (!is_bare(block_of(n, id)) && (right", "if ((right", "unit_spread",
     "a_block_without_its_payload_is_not_passed_on_and_asked_for"),
    ("D-GSP-13 nobody else is asked for payloads", "libdsm/node/sync.c", "    ask_another(n, p, &bare);\n", "", "unit_spread",
     "what_an_answer_left_out_is_asked_of_another"),
    ("D 13 a payload frees its own block", "libdsm/node/blocks.c", "b->pins++; /* room for it must not come from itself */", "", "unit_spread",
     "a_late_payload_costs_other_blocks_and_not_its_own"),
    ("D 13 payloads that come late fill the memory", "libdsm/node/blocks.c",
     "    while (hkp_dsm__fuller(n, FILL_BLOCKS))\n        if (!evict_one(n)) return NULL;\n", "", "unit_spread",
     "a_late_payload_costs_other_blocks_and_not_its_own"),
    ("D 13 evidence frees what it names", "libdsm/node/accept.c", "        ours->pins++; /* room for the evidence must not come from it */\n", "        ours->pins += 0;\n", "unit_spread",
     "evidence_costs_other_blocks_and_not_what_it_names"),
    ("D-BLK-7 a claim that rises is never given up", "libdsm/node/sync.c", "if (!open) a->want_tries = 0;", "a->want_tries = 0;", "unit_spread",
     "a_claim_that_rises_is_given_up_all_the_same"),
    ("D-BLK-7 the first to claim answers for the highest claim", "libdsm/node/sync.c", "if (!open || a == n->self)", "if (!open)", "unit_spread",
     "a_claim_that_rises_is_given_up_all_the_same"),
    ("D-GSP-13 who raises a claim is asked for it alone", "libdsm/node/sync.c",
     "    const int open = a->known_seq > a->tip.seq;", "    const int open = 0;", "unit_spread", "a_claim_that_rises_hides_no_blocks"),
    ("D-GSP-8 too few copies are good enough", TREE, "t->counted > 0 && t->counted < HKP_DSM__LOSSY_COPIES", "0", "unit_gossip",
     "where_much_is_lost_more_copies_are_asked_for"),
    ("D-GSP-8 each new link is eager", TREE, "!t->grown || count_eager(t) == 0", "1", "unit_gossip",
     "a_new_link_of_a_grown_tree_begins_lazy"),
]

AUDIT = [
    ("D-AUD-1 the chain is not looked at", LOG, "if (memcmp(e.prev, audit->prev, 32) != 0) return HKP_E_DSM_PREV;", "", *TAMPER),
    ("D-AUD-1 entries may be left out", LOG,
     "if (e.index != audit->tree.size) return e.index > audit->tree.size ? HKP_E_DSM_GAP : HKP_E_DSM_OLD;", "", *TAMPER),
    ("D-AUD-2 the root is not compared", LOG, "if (memcmp(root, head->root, 32) != 0) return HKP_E_DSM_PROOF;", "", *TAMPER),
    ("D-AUD-2 a shorter log agrees", LOG, "if (head->size > audit->tree.size) return HKP_E_DSM_GAP;", "", *TRUNCATED),
    ("D-AUD-2 a head before its entries are durable", LOG, "if (audit->stored < audit->tree.size) return HKP_E_STATE;", "",
     "unit_audit", "a_head_waits_until_its_entries_are_durable"),
    ("D-AUD-2 no head is forced", LOG, "open_entries(audit) >= HKP_DSM_AUDIT_HEAD_ENTRIES || audit->tree.size",
     "audit->tree.size", "unit_audit", "a_head_is_due_every_256_entries_or_60_seconds"),
    ("D-AUD-2 60 s begin anew with each entry", LOG, "if (open_entries(audit) == 0) audit->since", "audit->since",
     "unit_audit", "a_head_is_due_every_256_entries_or_60_seconds"),
    ("D-AUD-2 another previous root follows", ENTRY,
     "return memcmp(head->previous_root, old->root, 32) == 0 ? HKP_OK : HKP_E_DSM_FORK;", "return HKP_OK;", "unit_audit",
     "heads_follow_each_other"),
    ("D-ENV-2 the signature is not checked", "libdsm/beside/signed.c",
     "if (st == HKP_OK) st = hkp_dsm_envelope_verify(judge->chain_id, &e, s.certificate.key);", "", *SIGNER),
    ("D-CERT-1 revoked signers count", "libdsm/beside/signed.c", "d->revoked(d->user, node_id)", "0", *SIGNER),
    ("D-AUD-3 the state is not compared with its head", LOG, "return memcmp(root, a->newest.root, 32) == 0;", "return 1;",
     "unit_audit", "a_damaged_state_is_refused"),
    ("D-MRK-2 size from the prover", LOG_PROOF, "if (p.first != e.index || p.second != head->size) return HKP_E_DSM_PROOF;",
     "if (p.first != e.index) return HKP_E_DSM_PROOF;", "unit_audit", "the_size_in_a_proof_is_that_of_the_head"),
    ("D-MRK-3 the old subtree is left out", LOG_PROOF, "if (from != 0) want(p, from, to);", "", "unit_audit",
     "growth_is_proven_between_all_heads"),
    ("D-AUD-4 the link is not looked at", COLLECTOR,
     "return *missing == 0 && memcmp(b->previous, f->id, 32) != 0 ? HKP_E_DSM_PREV : HKP_OK;", "return HKP_OK;",
     "unit_telemetry", "a_batch_that_does_not_follow_is_refused"),
    ("D-AUD-4 a gap is filled later", COLLECTOR, "if (b->number < f->number) return HKP_E_DSM_OLD;", "", "unit_telemetry",
     "a_gap_is_reported_and_not_filled"),
    ("D-AUD-4 a gap is not told", COLLECTOR, "*missing = b->number - f->number - 1;", "*missing = 0;", "unit_telemetry",
     "a_gap_is_reported_and_not_filled"),
    ("D-AUD-4 one node takes all streams", COLLECTOR, "return of_node < HKP_DSM_STREAMS_OF_NODE ? free_one : NULL;",
     "return free_one;", "unit_telemetry", "streams_and_samples_are_bounded"),
]

WITH["sim_epochs"] = SIM
SEATS, MEMBER = "libdsm/consensus/seats.c", "libdsm/objects/member.c"
TIMERS = ("sim_epochs", "timers_follow_the_network_within_their_caps")
WAITS = ("sim_epochs", "who_does_not_fit_waits")
SEAT = ("sim_epochs", "a_seat_is_given_for_f_plus_1_endorsements_and_nothing_less")
FOUR, GROUPS = ("unit_seats", "four_members_stay_four_but_by_evidence"), ("unit_seats", "groups_are_kept_apart")
THIRD = ("unit_seats", "a_third_changes_at_once_and_who_leaves_goes_first")

EPOCHS = [
    ("D-EPO-2 four become three", SEATS, "if (c->kind != CHANGE_EVIDENCE && n->set.n >= 4 && left < 4) return 0;", "", *FOUR),
    ("D-EPO-2 four keep whom evidence convicts", SEATS,
     "if (c->kind != CHANGE_EVIDENCE && n->set.n >= 4 && left < 4) return 0;", "if (n->set.n >= 4 && left < 4) return 0;", *FOUR),
    ("D-EPO-2 the last one leaves", SEATS, "if (i == *count || left == 0) return 0;", "if (i == *count) return 0;", *FOUR),
    ("D-EPO-2 half of them change", SEATS, "room = n->set.n / 3 > 1 ? n->set.n / 3 : 1;", "room = n->set.n / 2;", *THIRD),
    ("D-EPO-2 the boundary's own ops count", SEATS, "if (c->height >= boundary || ", "if (c->height > boundary || ", *THIRD),
    ("D-EPO-2 evidence stands in the queue", SEATS,
     "{1U << CHANGE_EVIDENCE, 1U << CHANGE_RETIRE | 1U << CHANGE_LEAVE,",
     "{0, 1U << CHANGE_EVIDENCE | 1U << CHANGE_RETIRE | 1U << CHANGE_LEAVE,", "unit_seats", "evidence_goes_before_all_else"),
    ("D-SMX-3 a group gets all seats", SEATS, "if (crowding(n, more, *count + 1) > crowding(n, seats, *count)) return 0;", "",
     *GROUPS),
    ("D-SMX-3 who leaves makes a group too large", SEATS,
     "if (c->kind != CHANGE_EVIDENCE && crowding(n, rest, left) > crowding(n, seats, *count)) return 0;", "", *GROUPS),
    ("D-SMX-1 one key sits twice", SEATS,
     "if (order == 0 || memcmp(seats[i].key, c->seat.key, 32) == 0) return 0;", "if (order == 0) return 0;", "unit_seats",
     "nobody_sits_twice"),
    ("D-EPO-2 what does not fit is forgotten", SEATS, "list->at[kept++] = c;", "(void)c;", *WAITS),
    ("D-EPO-2 what waits is lost with a restart", "libdsm/node/load.c",
     "if (key_len > 0 && key[0] == 'm') return hkp_dsm__pending_row(n, key, key_len, data, len);", "", *WAITS),
    ("D-EPO-2 ops are forgotten with a restart", "libdsm/node/load.c", "hkp_dsm__pending_add(n, n->pending, &p);", "",
     "sim_epochs", "a_node_joins_and_another_leaves"),
    ("D-EPO-3 f endorsements", MEMBER, "if (op->n_endorsements < set->f + 1)", "if (op->n_endorsements < set->f)", *SEAT),
    ("D-EPO-3 one member endorses twice", MEMBER, "if (seat < 0 || seen[seat]++)", "if (seat < 0 || (seen[seat]++, 0))", *SEAT),
    ("D-EPO-3 endorsements of long ago", MEMBER, "if (e.epoch != set->epoch) return HKP_E_DSM_EPOCH;", "", *SEAT),
    ("D-CKP-3 endorsements of somebody else", MEMBER,
     "if (memcmp(e.subject, subject, 32) != 0) return HKP_E_DSM_TARGET;", "(void)subject;", *SEAT),
    ("D-EPO-3 any trust", MEMBER, "if (e.trust < HKP_DSM__TRUST_MIN) return HKP_E_DSM_QUORUM;", "", *SEAT),
    ("D-EPO-3 any role", SEATS, "if ((c.roles & HKP_DSM_ROLE_VALIDATOR) == 0) return HKP_E_DSM_ROLE;", "", *SEAT),
    ("D-EPO-3 any certificate", SEATS, "if (memcmp(id, m->certificate, 32) != 0) return HKP_E_DSM_PROOF;", "", *SEAT),
    ("D-EPO-3 a revoked certificate", SEATS, "hkp_dsm__revoked_at(n, parent, env->signer)", "0", *SEAT),
    ("D-SMX-8 D has no upper cap", "libdsm/consensus/rules.c", "n->delay * 3 / 2 > 8 * SECOND ? 8 * SECOND : n->delay * 3 / 2",
     "n->delay * 3 / 2", *TIMERS),
    ("D-SMX-8 D has no lower cap", "libdsm/consensus/final.c", "n->view_took / 2 > 20 * MS ? n->view_took / 2 : 20 * MS;",
     "0;", *TIMERS),
    ("D-SMX-8 D never grows", "libdsm/consensus/rules.c", "if (n->nullified_row > n->set.f)", "if (n->nullified_row > 1000000)",
     *TIMERS),
    ("D-SMX-8 impatient after a start", "libdsm/consensus/rules.c",
     "return n->first_view && n->delay < 250 * MS ? 250 * MS : n->delay;", "return n->delay;", "sim_epochs",
     "the_first_view_after_a_start_is_patient"),
    ("D-EPO-3 a request of long ago", SEATS, "if (m.epoch != n->set.epoch) return HKP_E_DSM_EPOCH;", "", *SEAT),
]

WITNESS = [
    ("D-WIT-3 the claimant's group counts", STATEMENT, "if (group == open->group) return HKP_E_DSM_TARGET;",
     "open->group = 0xFFFF;", "unit_witness", LIARS),
    ("D-WIT-3 heads are counted, not groups", STATEMENT,
     "verdicts[n++] = (struct hkp_dsm__verdict){i, open->said[i].group, open->said[i].verdict};",
     "verdicts[n] = (struct hkp_dsm__verdict){i, 1000 + i, open->said[i].verdict}, n++;", "unit_witness", LIARS),
    ("D-WIT-3 confirmed by k - 1", "libdsm/objects/witness.c", "if (c >= k && c > 2 * r)", "if (c + 1 >= k && c > 2 * r)",
     "unit_witness", LIARS),
    ("D-WIT-3 refutes are not weighed", "libdsm/objects/witness.c", "if (c >= k && c > 2 * r)", "if (c >= k)", *MODEL),
    ("D-WIT-3 a group of two minds confirms", "libdsm/objects/witness.c",
     "if (i < at || verdicts[i].verdict != verdicts[at].verdict) return -1;", "if (i < at) return -1;", *MODEL),
    ("D-WIT-3 two verdicts, the first counts", STATEMENT, "        s->is_void = 1;\n", "", *MODEL),
    ("D-WIT-3 a void witness speaks again", STATEMENT, "if (s->is_void || s->verdict == verdict) return",
     "s->is_void = 0;\n        if (s->verdict == verdict) return", *MODEL),
    ("D-WIT-3 a witness counts as often as it speaks", STATEMENT, "if (memcmp(s->witness, witness, 16) != 0) continue;",
     "continue;", "unit_witness", "repeating_is_not_confirming"),
    ("dsm 13 identities of liars fill a claim", STATEMENT,
     "if (is_further && open->n_further == HKP_DSM_WITNESSES_FURTHER) return NULL;", "", "unit_witness",
     "liars_cannot_crowd_out_the_honest"),
    ("D-WIT-2 anybody is a witness", "libdsm/beside/signed.c", "{HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_WITNESS}", "{HKP_DSM__BY_CERTIFICATE, 0}",
     "unit_witness", "a_witness_needs_role_claim_and_time"),
    ("D-WIT-3 statements after the end", TABLE, "if (now_s >= open->expires_s) return HKP_E_DSM_EXPIRED;", "",
     "unit_witness", "a_witness_needs_role_claim_and_time"),
    ("dsm 13 open claims give way", TABLE, "        if (now_s < c->expires_s)\n            of_group", "        if (c->k == 0xFFFF)\n            of_group",
     "unit_witness", "a_full_table_keeps_open_claims"),
    ("dsm 13 a group takes the whole table", TABLE, "if (of_group >= t->max / 16) return NULL;", "",
     "unit_witness", "a_full_table_keeps_open_claims"),
    ("D-WIT-4 a proof with anybody's certificate", WITNESS_PROOF,
     "if (memcmp(certificate->node_id, e->signer, 16) != 0) return HKP_E_DSM_SIGNER;", "", "unit_witness",
     "authentic_pieces_prove_only_what_they_say"),
    ("D-WIT-4 a proof with statements about another claim", WITNESS_PROOF,
     "if (memcmp(w.claim, open->id, 32) != 0) return HKP_E_DSM_PROOF;", "", "unit_witness",
     "authentic_pieces_prove_only_what_they_say"),
    ("D-WIT-4 a proof whose statements nobody signed", WITNESS_PROOF,
     "return hkp_dsm_envelope_verify(x->chain_id, e, certificate->key);", "return HKP_OK;", "unit_witness",
     "a_proof_with_a_fault_convinces_nobody"),
    ("D-WIT-4 a proof with certificates of later", WITNESS_PROOF, "return c->not_before_s < to ? c->not_before_s : to;",
     "return c->not_before_s;", "unit_witness", "authentic_pieces_prove_only_what_they_say"),
]

CONTROL, RULES = "libdsm/beside/control.c", "libdsm/beside/control_rules.c"
EACH, ROLES = ("unit_workload", "each_condition_by_itself_stops_a_start"), ("unit_workload", "signers_need_their_roles")
RUNS = ("unit_workload", "what_runs_is_checked_every_60_seconds")
RISE, STOLEN = ("unit_workload", "versions_of_a_scope_only_rise"), ("unit_workload", "an_order_resets_a_policy")

WORKLOAD = [
    ("D-AUD-5 anybody orders workloads", "libdsm/beside/signed.c", "[HKP_DSM_KIND_WORKLOAD] = {HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_OPERATOR}",
     "[HKP_DSM_KIND_WORKLOAD] = {HKP_DSM__BY_CERTIFICATE, 0}",
     *ROLES),
    ("D-AUD-5 anybody assigns", "libdsm/beside/signed.c", "{HKP_DSM__BY_CERTIFICATE, HKP_DSM_ROLE_SCHEDULER}", "{HKP_DSM__BY_CERTIFICATE, 0}", *ROLES),
    ("D-AUD-5 an assignment of another workload", CONTROL, "if (memcmp(q->a.workload, s->object, 32) != 0) return HKP_E_DSM_PROOF;",
     "", *EACH),
    ("D-AUD-5 an assignment of another node", CONTROL, "if (memcmp(q->a.node_id, c->node_id, 16) != 0) return HKP_E_DSM_TARGET;",
     "", *EACH),
    ("D-AUD-5 the window of the workload is not asked", CONTROL,
     "hkp_status st = in_window(w->not_before_s, w->not_after_s, now_s);", "hkp_status st = HKP_OK;", *EACH),
    ("D-AUD-5 the window of the assignment is not asked", CONTROL,
     "if (st == HKP_OK) st = in_window(q->a.not_before_s, q->a.not_after_s, now_s);", "", *EACH),
    ("D-AUD-5 the tier is not asked", CONTROL, "if ((w->tiers & 1U << (c->tier - 1)) == 0) return HKP_E_DSM_TARGET;", "", *EACH),
    ("D-AUD-5 the image is not compared", CONTROL, "if (memcmp(w->image, image, 32) != 0) return HKP_E_DSM_PAYLOAD;", "", *EACH),
    ("D-AUD-6 an operator's key alone runs code", CONTROL,
     "return hkp_dsm__control_allows(c, s->object, now_s) ? HKP_OK : HKP_E_DSM_ORDER;", "return HKP_OK;", *EACH),
    ("D-AUD-5 a nonce is good twice", CONTROL, "return HKP_E_DSM_DUPLICATE;", "return HKP_OK;", "unit_workload",
     "a_workload_starts_when_all_agree"),
    ("D-AUD-5 a start forgets nonces", "libdsm/beside/control_state.c", "hkp_dsm_cbor_put_array(&w, control->n_nonces);",
     "hkp_dsm_cbor_put_array(&w, 0);\n    if (w.status == HKP_OK) *len = w.len;\n    return w.status;", "unit_workload",
     "a_nonce_is_not_forgotten_by_a_start"),
    ("D-AUD-5 revoked operators go on", CONTROL,
     "hkp_status st = hkp_dsm__signer_find(&judge, r->operator_id, HKP_DSM_ROLE_OPERATOR, &signer);",
     "hkp_status st = HKP_OK;", *RUNS),
    ("D-AUD-5 revoked schedulers go on", CONTROL,
     "if (st == HKP_OK) st = hkp_dsm__signer_find(&judge, r->scheduler_id, HKP_DSM_ROLE_SCHEDULER, &signer);", "", *RUNS),
    ("D-AUD-6 a withdrawn workload goes on", CONTROL,
     "return hkp_dsm__control_allows(c, r->workload, now_s) ? HKP_OK : HKP_E_DSM_ORDER;", "return HKP_OK;", *RUNS),
    ("D-AUD-5 a run is asked again but once", CONTROL,
     "            r->due = control->now + CHECK_EVERY_NS;", "            r->due = HKP_TIME_NEVER;", *RUNS),
    ("D-AUD-5 versions fall", RULES, "return number > held && number - held <= STEP_MAX;",
     "return number <= held + STEP_MAX;", *RISE),
    ("D-AUD-5 versions jump", RULES, "return number > held && number - held <= STEP_MAX;", "return number > held;", *RISE),
    ("D-AUD-6 an operator opens networks", RULES,
     "if (p.scope != 0 && p.scope < HKP_DSM_POLICY_SCOPE_MIN) return HKP_E_DSM_KIND;", "", "unit_workload",
     "a_policy_needs_an_operator_and_ends"),
    ("D-AUD-5 a policy without end", RULES, "!r->in_force || !hkp_dsm__holds(r->not_after_s, now_s)", "!r->in_force",
     "unit_workload", "a_policy_needs_an_operator_and_ends"),
    ("D-AUD-6 a reset leaves the policy in force", RULES, "    r->number = version;\n    r->in_force = 0;",
     "    r->number = version;", *STOLEN),
    ("D-AUD-6 a reset that is over", RULES, "scope == HKP_DSM_ORDER_RESET && hkp_dsm__holds(o.not_after_s, now_s)",
     "scope == HKP_DSM_ORDER_RESET", *STOLEN),
    ("D-CA-9 the first of two orders counts", RULES, "    r->in_force = 0;\n    for (size_t i = c->n_allowed;",
     "    for (size_t i = c->n_allowed;", "unit_workload", "two_orders_of_one_number_are_none"),
]

CHALLENGER = "libdsm/beside/challenger.c"
ELSE = ("unit_auth", "somebody_else_cannot_answer_nor_use_up_the_nonce")
MISSING, FALSE = ("unit_auth", "what_is_missing_is_refused"), ("unit_auth", "false_evidence_is_refused")

AUTH = [
    ("D-AUTH-4 a nonce is good twice", CHALLENGER, "        forget(c, i);\n        return 1;", "        return 1;", "unit_auth",
     "a_nonce_is_used_once"),
    ("D-AUTH-1 a nonce is good for ever", CHALLENGER,
     "if (c->now - c->asked[i - 1].since >= NONCE_LIFE_NS) forget(c, i - 1);", ";", "unit_auth", "a_nonce_lives_60_seconds"),
    ("D-AUTH-4 any nonce is good", CHALLENGER,
     "if (st == HKP_OK && !take(challenger, peer, a.nonce, &asked)) st = HKP_E_DSM_ATTEST;",
     "memset(&asked, 0, sizeof asked);\n    if (st == HKP_OK) (void)take(challenger, peer, a.nonce, &asked);", "unit_auth",
     "a_nonce_that_nobody_asked_is_refused"),
    ("D-AUTH-4 the session is not asked", CHALLENGER, "if (sodium_memcmp(a->binding, binding, 32) != 0) return HKP_E_DSM_ATTEST;",
     "(void)binding;", "unit_auth", "another_session_is_refused"),
    ("D-AUTH-2 any certificate", CHALLENGER, "if (memcmp(a->certificate, signer->id, 32) != 0) return HKP_E_DSM_ATTEST;", "",
     "unit_auth", "the_certificate_is_the_one_that_is_known"),
    ("D-AUTH-4 weaker evidence will do", CHALLENGER, "if (a->evidence < asked->evidence) return HKP_E_DSM_ATTEST;", "",
     "unit_auth", "weaker_evidence_is_refused"),
    ("D-AUTH-4 skipped if absent", CHALLENGER, "    if (c->quote_check == NULL ||",
     "    if (a->signature.ptr == NULL) return 1;\n    if (c->quote_check == NULL ||", *MISSING),
    ("D-AUTH-4 values beside the quote", CHALLENGER, "if (memcmp(digest, q.pcr_digest, 32) != 0) return 0;", "", *FALSE),
    ("D-AUTH-3 the quote is not judged", CHALLENGER,
     "return c->quote_check(c->user, certificate->node_id, extra, asked->pcr_mask, wire, len) == HKP_OK;", "return 1;", *FALSE),
    ("D-AUTH-4 more evidence than asked is believed", CHALLENGER, "if (a->evidence != HKP_DSM_EVIDENCE_TPM) return HKP_OK;",
     "if (asked->evidence != HKP_DSM_EVIDENCE_TPM) return HKP_OK;", *FALSE),
    ("D-AUTH-4 somebody else answers", CHALLENGER,
     "if (st == HKP_OK && memcmp(e.signer, peer, 16) != 0) st = HKP_E_DSM_ATTEST;", "", *ELSE),
    ("D-AUTH-4 a nonce of another peer", CHALLENGER, " || memcmp(c->asked[i].peer, peer, 16) != 0", "", *ELSE),
    ("dsm 13 old nonces give way", CHALLENGER, "if (challenger->n == challenger->max) return HKP_E_LIMIT;",
     "if (challenger->n == challenger->max) forget(challenger, 0);", "unit_auth", "nonces_are_bounded"),
]

FINAL, RULES_C, VOTES = "libdsm/consensus/final.c", "libdsm/consensus/rules.c", "libdsm/consensus/votes.c"
PROPOSAL, LEADER, PROMISES = "libdsm/consensus/proposal.c", "libdsm/consensus/leader.c", "libdsm/consensus/promises.c"
LOAD, JOURNAL, EVIDENCE = "libdsm/node/load.c", "libdsm/node/journal.c", "libdsm/objects/evidence.c"
LIES = "sim_liars", "each_lie_alone_harms_nobody"
FOUR, CUTS = ("sim_consensus", "four_nodes_finalise_all_blocks"), ("sim_consensus", "power_cuts_of_all_lose_nothing_final")

# What dsm.md 9 and 10 stand on: each fault lets a liar, a crash or a partition through.
CONSENSUS = [
    ("D-SMX-R2 (b) a child of a header without CERT_N", PROPOSAL, "!hkp_dsm__notar_held(n, p->h.parent_view, p->h.parent) ||", "",
     "unit_node",
     "a_child_of_a_header_without_its_cert_gets_no_vote"),
    ("D-SMX-R2 (c) views are left out", PROPOSAL, "        !hkp_dsm__null_held(n, p->h.parent_view, p->h.view)) {", "        0) {", *LIES),
    ("D-SMX-R3 FINAL after NULL", RULES_C, "s->cert[CERT_F] != NULL || s->null || s->final)", "s->cert[CERT_F] != NULL || s->final)",
     "unit_node", "after_null_there_is_no_final"),
    ("D-SMX-R4 NULL after FINAL", RULES_C, "n->work_at == 0 || s->null || s->final ||", "n->work_at == 0 || s->null ||", "unit_node",
     "after_a_recorded_final_there_is_no_null"),
    ("D-SMX-R7 sent before it is durable", JOURNAL, "n->held_count > 0 && n->held[n->held_head].ticket <= n->durable &&",
     "n->held_count > 0 &&", *FOUR),
    ("D-SMX-7 views are counted on behind the last number", "libdsm/consensus/fetch.c",
     "    if (to > n->view + VOTE_WINDOW) to = n->view + VOTE_WINDOW;\n", "",
     "unit_node", "a_question_about_the_last_view_of_all_is_answered"),
    ("D-STO-9 nobody is asked", PROMISES, "if (!n->promises_open || !answered(n)) return;", "if (!n->promises_open) return;",
     "unit_node", "no_promise_before_the_others_told_theirs"),
    ("D 13 all headers of a view are kept", PROPOSAL, ("if (first != NULL && first->state != PROP_BAD) return HKP_OK;",
     "if (first != NULL) hkp_dsm__prop_free(n, first);"), ("", ""), "unit_node",
     "headers_of_views_to_come_push_out_none"),
]

CONSENSUS_SLOW = [
    ("D-STO-2 half a group of writes of who died is stored", "libdsm/node/journal.c",
     "return n->state == HKP_DSM_STATE_DEAD && e->ticket > n->whole &&", "return 0 &&",
     "sim_memory", "whichever_piece_is_refused_a_node_joins"),
    ("D-SMX-R1 an empty header comes at once", RULES_C, "n->only_open && n->delay / 2 > n->t_cp ? n->delay / 2 : n->t_cp", "n->t_cp",
     "sim_cost", "each_block_takes_one_header"),
    ("D-QC-2 a cert is checked without its votes", VOTES, "votes[i].set == VOTE_CHECKED && memcmp(votes[i].digest, cert->digest", "0 && memcmp(votes[i].digest, cert->digest",
     "sim_cost", "no_signature_is_checked_twice"),
    ("D-EVD-1 votes are not checked", VOTES, "return s->cert[cert_column(v->kind)] != NULL && contradicts(s, v) == 0 &&", "return", *LIES),
    ("D-GSP-2 one place fills a view", "libdsm/gossip/view.c",
     ("if (same_net >= SAME_NET_MAX) return 0;", "return same_group < (v->o.active + groups - 1) / groups;"), ("", "return groups > 0;"),
     "sim_gossip",
     "ids_of_one_group_and_network_take_two_places"),
    ("D-SMX-8 timers end before a message can come", FINAL, "n->view_took / 2 > 20 * MS ? n->view_took / 2 : 20 * MS", "20 * MS", "sim_consensus",
     "far_apart_no_view_is_nullified"),
    ("D-STO-1 told to be final before CERT_F is durable", FINAL, "        put_target(n);\n", "        (void)put_target;\n", "sim_consensus",
     "crashes_at_every_write_are_survived"),
    ("D-SMX-2 2f+1 for n - f", "libdsm/objects/valset.c", "*q = n - *f;", "*q = 2 * *f + 1;", "sim_liars",
     "half_of_six_decides_nothing"),
    ("D-SMX-R1 the leader proposes again and again", LEADER, "    s->proposed = 1;\n    memcpy(s->propose", "    memcpy(s->propose",
     "sim_consensus", "far_apart_no_view_is_nullified"),
    ("D-SMX-R1 anybody proposes", PROPOSAL, "if (h.proposer != n->perm[h.view % n->set.n] ||", "if (", "unit_node",
     "only_the_leader_of_a_view_is_heard"),
    ("D-SMX-R7 NOTAR is forgotten", LOAD, "        s->notar = 1;\n", "", *CUTS),
    ("D-SMX-R7 NULL is forgotten", LOAD, "        s->null = 1;\n        break;", "        break;", "unit_node",
     "after_a_recorded_null_there_is_no_final"),
    ("D-SMX-R7 FINAL is forgotten", LOAD, "        s->final = 1;\n", "", "unit_node", "after_a_recorded_final_there_is_no_null"),
    ("D-SMX-R7 PROPOSE is forgotten", LOAD, "        s->proposed = 1;\n", "", *CUTS),
    ("D-SMX-R9 nothing is sent again", RULES_C, "    if (n->state == HKP_DSM_STATE_RUNNING) retransmit(n);", "    (void)retransmit;",
     "unit_node", "promises_of_the_view_are_sent_again"),
    ("D-SMX-R9 nobody is told that it is behind", "libdsm/consensus/votes.c", "if (own && is_behind(n, p) && n->now >= p->certs_again) {", "if (0) {",
     "unit_node", "who_is_behind_is_told_the_certs"),
    ("D-SMX-R9 each late vote is answered", "libdsm/consensus/votes.c", "(p->view + 1 < n->view || n->now >= n->entered_at + n->delay)", "1",
     "unit_node", "who_is_behind_is_told_the_certs"),
    ("D-SMX-R9 what is said again is answered", "libdsm/consensus/votes.c", "    if (p->view < view) p->view = view;", "    p->view = view;",
     "unit_node", "who_is_behind_is_told_the_certs"),
    ("D-SMX-R9 two views below is not behind", "libdsm/consensus/votes.c", "(p->view + 1 < n->view || n->now >= n->entered_at + n->delay)",
     "n->now >= n->entered_at + n->delay", "unit_node", "who_is_behind_is_told_the_certs"),
    ("D-SMX-9.2 (a) the digest does not commit to the place", "libdsm/objects/hash.c",
     "const struct hkp_dsm_view parts[] = {{chain_id, 32}, {header, len}};",
     "const size_t behind = len > 60 ? 60 : 0;\n    const struct hkp_dsm_view parts[] = {{chain_id, 32}, {header + behind, len - behind}};",
     "sim_liars", "nobody_votes_for_what_is_wrong"),
    ("D-SMX-9.2 (d) heights are left out", PROPOSAL, "if (p->h.height != height + 1) return HKP_E_DSM_SCHEMA;", "", "sim_liars", "nobody_votes_for_what_is_wrong"),
    ("D-SMX-9.2 (f) blocks are not looked at", PROPOSAL,
     "if (tree.size != p->h.n_blocks || memcmp(root, p->h.blocks_root, 32) != 0) return HKP_E_DSM_PROOF;", "", "sim_liars", "nobody_votes_for_what_is_wrong"),
    ("D-SMX-9.2 (a) heads_root is not compared", PROPOSAL, "memcmp(hkp_dsm__heads_root(n->heads), p->h.heads_root, 32) != 0 ||", "",
     "sim_liars", "nobody_votes_for_what_is_wrong"),
    ("D-SMX-9.2 (g) ops are not judged", PROPOSAL, "    st = judge_ops(n, p, parent);\n", "", "sim_liars", "a_false_body_does_not_stop_who_got_it"),
    ("D-SMX-9.2 (h) any time", PROPOSAL, "if (!hkp_dsm__header_time_ok(", "if (0 && !hkp_dsm__header_time_ok(", "unit_node",
     "only_the_leader_of_a_view_is_heard"),
    ("D-SMX-9.2 (i) any next set", PROPOSAL, "return memcmp(want, p->h.next_valset, 32) == 0 ? HKP_OK : HKP_E_DSM_SCHEMA;",
     "return HKP_OK;", "sim_liars", "nobody_votes_for_what_is_wrong"),
    ("D-SMX-R8 a wrong body is kept", PROPOSAL, "if (st == HKP_E_DSM_PROOF || st == HKP_E_LIMIT) body_wrong(n, way[count]);",
     "(void)body_wrong;", "unit_node", "a_false_body_of_a_notarised_header_is_replaced"),
    ("D-SMX-R8 an ancestor is asked for once", PROPOSAL, "        ask_ancestor(n, target);\n", "        (void)ask_ancestor;\n",
     "unit_node", "a_header_below_a_known_one_is_asked_for_until_it_comes"),
    ("D-SMX-R8 blocks of a wrong body are waited for", FINAL, "if (!applied(n, p) || !blocks_here(n, p) ||",
     "if (!blocks_here(n, p) || !applied(n, p) ||", "unit_node", "blocks_of_a_false_body_are_not_waited_for"),
    ("D-QC-2 too few signatures", "libdsm/objects/vote.c", "if (c->n_signers < set->q) return HKP_E_DSM_QUORUM;", "", *LIES),
    ("D-QC-2 signatures are not verified", "libdsm/objects/vote.c", "if (st != HKP_OK) return st;\n        signature += 64;",
     "(void)st;\n        signature += 64;", *LIES),
    ("D-QC-3 consensus takes what names another scheme", "libdsm/objects/vote.c",
     "if (st == HKP_OK && c.scheme != HKP_DSM__SCHEME_LIST) st = HKP_E_DSM_SCHEME;", "", "unit_bls",
     "consensus_takes_no_certificate_of_scheme_2"),
    ("D-QC-4 the next set forgets its second scheme", "libdsm/consensus/seats.c",
     "if (hkp_dsm__valset_bls(&n->set, now) == NULL) return NULL;", "(void)now, (void)keys;\n    return NULL;", "unit_seats",
     "a_set_with_two_schemes_keeps_them_and_their_keys"),
    ("D-QC-3 shares go with their epoch", "libdsm/node/shares.c", "s->before.set = *old;", "", "sim_bls",
     "a_mesh_that_lists_scheme_2_needs_no_blst"),
    ("D-QC-3 certified without a look at possession", "libdsm/beside/officer.c", "if (st == HKP_OK) st = judge_bls(&c);",
     "(void)judge_bls;", "unit_officer_rules", "a_bls_key_is_certified_only_with_its_proof"),
    ("D-QC-3 endorsed without a look at possession", "libdsm/consensus/members.c", "if (shown != HKP_OK) return shown;",
     "(void)shown;", "sim_bls", "nobody_endorses_a_key_without_its_proof"),
    ("D-SMX-1 one BLS key under two seats", "libdsm/objects/valset.c",
     "if (!seats_ok(seats, n) || !bls_distinct(bls, n)) return HKP_E_DSM_SCHEMA;", "if (!seats_ok(seats, n)) return HKP_E_DSM_SCHEMA;",
     "unit_bls", "one_bls_key_under_two_seats_is_no_set"),
    ("D-SMX-6 votes are not verified", "libdsm/consensus/votes.c", "st = hkp_dsm_envelope_verify(n->chain_id, &e, n->set.seats[v.signer].key);",
     "st = HKP_OK;", *LIES),
    ("D-STO-9 a lost promise is overlooked", PROMISES, "if (lost && !n->silent) {", "if (lost < 0) {", "sim_disks",
     "a_member_never_contradicts_what_its_disk_forgot"),
    ("D-STO-9 what is said of an epoch counts in the next", PROMISES,
     ("m->epoch < n->set.epoch ? n->set.epoch : m->epoch", "if (n->ahead >= n->set.epoch) n->promises_open = 1;"), ("m->epoch", ""),
     "sim_disks", "a_copy_of_an_earlier_epoch_is_noticed"),
    ("D-EPO-3 only its signer tells of a request", "libdsm/consensus/members.c", "static int wanted(node *n, const struct note *note) {",
     "static int wanted(node *n, const struct note *note) { if (memcmp(note->signer, n->id, 16) != 0) return 0;", "sim_epochs",
     "a_request_for_a_seat_survives_losses"),
    ("D-STO-6 promises only above the recorded view", LOAD, "    if (r.view > n->view) n->view = r.view;\n    struct slot *s",
     "    if (r.view > n->view) n->view = r.view;\n    n->watermark = r.view;\n    struct slot *s", "unit_node",
     "a_recorded_notar_does_not_stop_the_view"),
    ("D-EVD-1 two votes are not compared", VOTES, "if (envelope != NULL) compare(n, s, v, envelope);", "(void)compare;", *LIES),
    ("D-EVD-1 E2 is overlooked", VOTES, "return other != NULL && other[v->signer].set ? against : 0;",
     "(void)other;\n    return 0;", *LIES),
    ("D-EVD-1 E3 is overlooked", PROPOSAL, "        hkp_dsm__suspect(n, &a, &m->envelope);\n", "", *LIES),
    ("D-EVD-1 what does not contradict is evidence", EVIDENCE, "    if (class_ == 0) return HKP_E_DSM_EVIDENCE;\n", "", *LIES),
    ("D-EVD-1 evidence that nobody signed", EVIDENCE, "    st = hkp_dsm_envelope_verify(chain_id, &e, key);\n", "    st = HKP_OK;\n", *LIES),
]

OFFICER, RECORD = "libdsm/beside/officer.c", "libdsm/beside/officer_record.c"
ONE_BODY = ("unit_officer", "of_one_number_one_body_is_promised")
SHORTER = ("unit_officer", "a_record_that_is_missing_shorter_or_changed_is_refused")
UNRECORDED = ("unit_officer", "nothing_is_signed_that_the_record_does_not_hold")
SKIPS = "return l->number <= newest || l->number - newest <= NUMBERS_SKIPPED_MAX ? HKP_OK : HKP_E_DSM_GAP;"
DATED = "const int same = order == 0 && is.serial == was.serial && is.time_s == was.time_s;"
RAISED = ("unit_officer_rules", "a_raised_serial_is_dated_now")
NARROW, LET_OUT = ("unit_officer_rules", "a_renewal_does_not_widen"), ("unit_officer_rules", "a_list_lets_no_node_out")

CA = [
    ("D-CA-4 two bodies of one number", RECORD,
     "return memcmp(promise->id, newest.id, 32) == 0 ? HKP_OK : HKP_E_DSM_FORK;", "return HKP_OK;", *ONE_BODY),
    ("D-CA-4 numbers fall", RECORD, "if (promise->number < newest.number) return HKP_E_DSM_STALE;", "", *ONE_BODY),
    ("D-CA-4 the oldest promise counts", RECORD, "*promise = e.promise; /*", "if (st != HKP_OK) *promise = e.promise; /*",
     *ONE_BODY),
    ("D-CA-4 a shorter record will do", RECORD, "if (!reached) return HKP_E_DSM_WAL_CORRUPT;", "(void)reached;", *SHORTER),
    ("D-CA-4 a changed record will do", RECORD, "reached = memcmp(r.head, marked_head, 32) == 0;", "reached = 1;", *SHORTER),
    ("D-CA-4 a torn entry stops the officer", RECORD, "if (r.n_entries == marked) reached =",
     "reached = 0;\n        if (r.len + used == len) reached =", "unit_officer", "what_was_torn_behind_the_mark_is_left_out"),
    ("D-CA-3 a token is good twice", RECORD, "if (token_used(record, promise)) return HKP_E_DSM_DUPLICATE;", "(void)token_used;",
     "unit_officer", "a_token_is_used_once"),
    ("D-CA-4 barred nodes come back", RECORD,
     "promise->kind == HKP_DSM_KIND_CERTIFICATE && hkp_dsm__record_barred(record, promise->subject)", "0", "unit_officer",
     "a_barred_node_is_never_certified_again"),
    ("D-CA-4 signed before it is recorded", OFFICER, "hkp_status st = is_promised(record, &m);",
     "hkp_status st = HKP_OK;\n    (void)is_promised;", *UNRECORDED),
    ("D-CA-4 another body than the recorded one", OFFICER,
     "return memcmp(recorded.id, now.id, 32) == 0 ? HKP_OK : HKP_E_STATE;", "return HKP_OK;", *UNRECORDED),
    ("D-MULTI-3 more than t signatures", OFFICER, "m.n_signatures >= set->threshold", "m.n_signatures > set->threshold",
     "unit_officer", "two_of_three_complete_a_certificate"),
    ("D-CA-4 an old copy is not noticed", OFFICER,
     "if (!hkp_dsm__record_holds(record, id)) return HKP_E_DSM_WAL_CORRUPT;", "", "unit_officer",
     "an_old_copy_of_the_record_is_noticed_by_ones_own_signature"),
    ("D-CA-3 more than the node asked for", OFFICER, "if (st == HKP_OK && !fits_request(&c, &q)) st = HKP_E_DSM_TARGET;",
     "(void)fits_request;", "unit_officer_rules", "a_certificate_holds_what_the_node_asked_for"),
    ("D-CA-3 any token", OFFICER, "return memcmp(p->token, q->token_digest, 32) == 0 ? HKP_OK : HKP_E_DSM_ATTEST;",
     "return HKP_OK;", "unit_officer_rules", "a_node_without_its_token_is_not_admitted"),
    ("D-CA-5 roles widen", OFFICER, "(c->roles & ~old.roles) != 0 || c->tier > old.tier", "c->tier > old.tier", *NARROW),
    ("D-CA-5 the group changes", OFFICER, " || c->group != old.group", "", *NARROW),
    ("D-CA-5 another node's certificate is renewed", OFFICER,
     "if (memcmp(old.node_id, c->node_id, 16) != 0) return HKP_E_DSM_TARGET;", "", "unit_officer_rules",
     "a_renewal_is_of_this_node_and_in_time"),
    ("D-CA-5 a revoked serial is renewed", OFFICER, "if (old.serial <= revoked) return HKP_E_DSM_REVOKED;", "", "unit_officer_rules",
     "a_revoked_serial_is_not_certified_or_renewed"),
    ("D-CA-6 a node leaves the list", OFFICER,
     "if (order < 0 && !may_be_dropped(record, &was, now_s)) return HKP_E_DSM_REVOKED;", "(void)may_be_dropped;", *LET_OUT),
    ("D-CA-6 a revoked serial falls", OFFICER, "order == 0 && (is.serial < was.serial || is.time_s < was.time_s)",
     "order == 0 && is.time_s < was.time_s", *LET_OUT),
    ("D-CA-6 a list names another before it", OFFICER, "if (memcmp(l->previous, held->id, 32) != 0)",
     "if (l->number == 0)", "unit_officer_rules", "a_list_names_the_one_before"),
    ("D-CA-6 a number that nobody completed locks the officers", OFFICER, SKIPS,
     "(void)newest;\n    return l->number - 1 == held->number ? HKP_OK : HKP_E_DSM_GAP;", "unit_officer_rules",
     "lists_that_nobody_completed_are_left_out"),
    ("D-CA-6 any number is left out", OFFICER, SKIPS, "(void)newest;\n    return HKP_OK;", "unit_officer_rules",
     "a_list_leaves_out_no_more_than_1023_numbers"),
    ("D-CA-6 a raised serial keeps its date", OFFICER, DATED, "const int same = order == 0;", *RAISED),
    ("D-CA-6 a date that no other may follow", OFFICER, DATED,
     "const int same = order == 0 && is.serial == was.serial;", *RAISED),
]

SPREAD_C, CONDUCT = "libdsm/node/spread.c", "libdsm/node/conduct.c"
NEAR_C, PROBES = "libdsm/node/neighbours.c", "libdsm/node/probes.c"
PEERS_C, RECORD = "libdsm/node/peers.c", "libdsm/objects/peer_record.c"
RUBBISH = ("unit_rations", "who_sends_rubbish_is_sent_away")
RATIONS = ("unit_rations", "more_than_a_ration_is_dropped_unread")
WHOSE = ("unit_neighbours", "a_record_says_where_and_whose")
PROBED = ("unit_rations", "probes_for_others_are_few")
VIEWS = [
    ("D-GSP-8 copies are not answered by PRUNE", SPREAD_C, "    send_prune(n, p, lane);\n", "    (void)lane;\n", "unit_spread",
     "an_announced_block_is_asked_for_and_passed_on_once"),
    ("D-GSP-7 what was refused counts as seen", SPREAD_C,
     ("(right || st == HKP_E_DSM_GAP))", "hkp_dsm__tree_settle(t, n->now, id, right);"),
     ("(st != HKP_OK || right))", "hkp_dsm__tree_settle(t, n->now, id, 1);"), "unit_spread",
     "a_false_signature_travels_nowhere_and_hides_nothing"),
    ("D-GSP-16 false signatures cost nothing", CONDUCT, "if (st == HKP_E_DSM_SIG || st == HKP_E_DSM_SCHEMA ||",
     "if (st == HKP_E_DSM_SCHEMA ||", *RUBBISH),
    ("D-GSP-17 who was sent away comes back at once", PEERS_C,
     "if (seat < 0 && hkp_dsm__conduct_grey(n, peer)) return HKP_E_DSM_RATE;", "", *RUBBISH),
    ("D-GSP-16 a new session has a new score", PEERS_C, "p->conduct = was.conduct;", "(void)again;", "unit_rations",
     "a_new_session_washes_nothing_off"),
    ("D-SMX-11 a member is silenced", CONDUCT, "if (p->away || member(p)) return;", "if (p->away) return;", "unit_rations",
     "a_member_is_heard_in_the_lanes_of_consensus_whatever_it_sends"),
    ("D-GSP-17 who promises and does not bring is asked on", SPREAD_C,
     ("if (p->link == 0 || !hkp_dsm__conduct_graft(n, p)) return;", "TREE_GRAFT && hkp_dsm__conduct_graft(n, p)"),
     ("if (p->link == 0) return;", "TREE_GRAFT"), "unit_spread",
     "announcements_without_end_are_bounded"),
    ("D-GSP-15 overruns cost nothing", CONDUCT, "    hkp_dsm__conduct_add(n, p, HKP_DSM__SCORE_OVERRUN);\n    return HKP_E_DSM_RATE;",
     "    (void)n, (void)p;\n    return HKP_E_DSM_RATE;", *RATIONS),
    ("D-GSP-15 lanes have no ration", CONDUCT, "lane, amount, member(p)) ? HKP_OK : overrun(n, p);", "lane, amount, member(p)) ? HKP_OK : HKP_OK;", *RATIONS),
    ("D-GSP-15 a sender keeps no ration", PEERS_C, " || !hkp_dsm__pace_lane(n, p, l, q->first->len)", "", "unit_spread",
     "what_is_sent_stays_within_the_rations_of_others"),
    ("D-GSP-15 a sender without a seat sends as one with", CONDUCT, "return n->seat >= 0 && member(p);", "(void)n;\n    return member(p);", "unit_rations",
     "who_has_no_seat_keeps_to_the_rations_of_such"),
    ("D-GSP-15 WANT in lane 0 has no ration", CONDUCT, "(lane != 0 || !of_member)", "lane != 0", "unit_rations",
     "who_has_no_seat_asks_for_blocks_at_one_rate"),
    ("D-GSP-15 a new session has all of its ration", PEERS_C, "        p->pace = was.pace;", "       ", "unit_rations",
     "a_new_session_does_not_begin_with_a_full_ration"),
    ("D-GSP-10 the lowest lane alone has a floor", PEERS_C, "first = turn > 5 ? turn - 5 : 0;", "first = turn > 8 ? 4 : 0;", "unit_rations",
     "every_lane_that_waits_has_its_floor"),
    ("D-GSP-16 items behind hide a false one", "libdsm/node/sync.c", "hkp_dsm__conduct_price(worst) == 0 && ", "", "unit_rations",
     "a_false_signature_among_items_is_the_last_that_is_read"),
    ("D-GSP-16 certs behind hide a false one", "libdsm/consensus/fetch.c", " && hkp_dsm__conduct_price(worst) == 0", "", "unit_rations",
     "a_false_cert_among_others_is_the_last_that_is_read"),
    ("D-GSP-16 records behind hide a false one", NEAR_C, "        if (hkp_dsm__conduct_price(worst) != 0) break;\n", "", "unit_neighbours",
     "false_records_enter_no_view"),
    ("D-GSP-13 any number of answers waits for a peer", "libdsm/node/items.c", "<= WAITING_BYTES_MAX ? free_one : NULL;", "> 0 ? free_one : NULL;",
     "unit_rations", "answers_that_wait_for_one_peer_are_bounded"),
    ("D-GSP-13 what a proposal needs waits for lane 3", "libdsm/node/items.c", "(first ? 0U : p->queues[3].items)", "p->queues[3].items",
     "unit_rations", "answers_that_wait_for_one_peer_are_bounded"),
    ("D-GSP-5 PING for others without a ration", CONDUCT, "if (op == HKP_DSM__OP_MSG_PING_REQ) return HKP_DSM__RATE_PING_REQ;", "", *PROBED),
    ("D-GSP-5 one PING for each question", PROBES, "            return NULL;\n        }\n", "        }\n", *PROBED),
    ("D-GSP-5 one peer has all probes", PROBES, "of_peer < PROBES_FOR_ONE ? free_one : NULL", "free_one", *PROBED),
    ("D-SMX-7 boasting takes all places of strangers", "libdsm/node/strangers.c",
     "    if (memcmp(s->by, p->node_id, 16) != 0 && count_of(n, p->node_id) >= OF_PEER) return;\n", "", "unit_strangers",
     "who_boasts_most_has_no_more_places_than_others"),
    ("D-GSP-1 a record is not checked", RECORD, "if (st == HKP_OK) st = hkp_dsm_envelope_verify(chain_id, &e, key);", "(void)key;",
     *WHOSE),
    ("D-GSP-1 a record holds for ever", RECORD, "return HKP_E_DSM_TIME;", "return HKP_OK;", *WHOSE),
    ("D-GSP-3 one joins with another's record", NEAR_C, "memcmp(c.node_id, p->node_id, 16) != 0", "0", "unit_neighbours",
     "false_records_enter_no_view"),
    ("D-GSP-5 who is silent is kept", PROBES, "if (++b->missed >= PROBE_MISSES) lost(n, p);", "b->missed++;",
     "unit_neighbours", "who_does_not_answer_is_replaced"),
    ("D-GSP-5 others are not asked", PROBES, "        ask_others(n, p);\n", "", "unit_neighbours", "who_answers_others_is_kept"),
    ("D-GSP-5 a ghost is pushed to", PROBES, "stance == HKP_DSM_STANCE_GHOST);", "0);", "unit_neighbours",
     "a_ghost_is_neither_probed_nor_pushed_to"),
    ("D-SMX-7 ids in HAVE are authors", "libdsm/node/sync.c", "hkp_dsm__stranger_claim(n, p, have.node_id, have.seq);",
     "hkp_dsm__author_make(n, have.node_id);", "unit_strangers", "ids_that_members_make_up_are_no_authors"),
    ("D-SMX-7 ids in proposals are authors", "libdsm/consensus/proposal.c", "    if (a == NULL || a->n_certs == 0) {\n        hkp_dsm__certificate_ask(",
     "    if (a == NULL) hkp_dsm__author_make(n, head->node_id);\n    if (a == NULL || a->n_certs == 0) {\n        hkp_dsm__certificate_ask(",
     "unit_node", "a_proposal_makes_nobody_known"),
    ("D-SMX-7 one peer fills all places of strangers", "libdsm/node/strangers.c", "    if (own >= OF_PEER) return NULL;\n", "", "unit_strangers",
     "who_comes_amid_made_up_ids_is_known_all_the_same"),
    ("D-GSP-13 nothing is told again", "libdsm/node/reconcile.c", "        if (n->now >= p->tell_again) tell(n, p);\n",
     "        if (n->now >= p->tell_again) p->tell_again = HKP_TIME_NEVER, (void)tell;\n", "unit_strangers", "what_was_lost_is_told_again"),
    ("D-GSP-13 evidence is not told", "libdsm/node/reconcile.c", "if (at < n->n_suspects) return n->suspects[at].message_id;",
     "if (at < n->n_suspects) return NULL;", "unit_strangers", "what_was_lost_is_told_again"),
    ("D-GSP-1 any number of records of one node", NEAR_C, "    if (a != NULL && n->now < a->record_again) return HKP_E_DSM_RATE;\n", "",
     "unit_neighbours", "a_pushed_record_is_learnt_and_passed_on"),
    ("D-SMX-7 a certificate brings no claim", "libdsm/node/strangers.c", "hkp_dsm__claim(n, a, s->seq, p);", "(void)a;", "unit_strangers",
     "what_a_member_has_is_asked_for_when_its_author_is_known"),
    ("D-GSP-4 anchors are not kept", NEAR_C, "n->near.anchors = hkp_dsm__bytes(n, data, len);", "(void)data, (void)len;", "unit_neighbours",
     "anchors_survive_a_restart"),
]

PRUNE, HEAL = "libdsm/node/prune.c", "libdsm/node/heal.c"
INSTEAD = ("sim_store", "what_peers_send_instead_is_not_taken")

LINK["unit_store"], WITH["unit_store"] = ["-Wl,--wrap=write"], SIM
STORE = [
    ("D-STO-1 a record of the WAL is written before its rows", "libdsm/store/store.c",
     "st = hkp_dsm__wal_file_append(&store->wal, ev->data);",
     "st = hkp_dsm__wal_file_append(&store->wal, ev->data), st = st != HKP_OK ? st : hkp_dsm__wal_file_sync(&store->wal);",
     "unit_store", "a_kill_behind_any_request_leaves_rows_and_records_that_fit"),
    ("D-STO-1 a row says that it was promised", LOAD, " && h.proposer != (uint64_t)n->seat;", ";", "sim_disks",
     "a_crash_between_rows_and_their_records_is_survived"),
    ("D-STO-8 the newest block of an author goes", PRUNE,
     "uint64_t end = a != NULL && a->final.seq <= h->seq ? a->final.seq : h->seq + 1;",
     "uint64_t end = a != NULL ? h->seq + 1 : h->seq;", "sim_store", "old_blocks_go_and_the_newest_of_each_author_stays"),
    ("D-STO-8 boundary headers go", PRUNE, "if (hkp_is_zero(h->next_valset, 32)) {", "{", "sim_store",
     "old_headers_go_and_boundaries_stay"),
    ("D-STO-8 the local clock decides", PRUNE, "keep_s < (n->root.time_ms - h->time_ms) / 1000",
     "keep_s < (hkp_dsm__wall_us(n) / 1000 - h->time_ms) / 1000", "sim_store", "a_wrong_clock_deletes_nothing"),
    ("D-STO-10 any payload comes back", HEAL, "hkp_dsm__block_payload(b, item->payload.ptr, item->payload.len) == HKP_OK", "1",
     *INSTEAD),
    ("D-STO-10 any body comes back", HEAL, "if (memcmp(hash, l->hash, 32) != 0) return;", "", *INSTEAD),
    ("D-STO-10 the number of a lost block is signed again", "libdsm/node/own.c",
     "if (self->headless || hkp_dsm__own_lost(n) || hkp_dsm__resync_author(n)) return HKP_E_LIMIT;", "", "sim_store",
     "an_own_block_that_is_lost_is_not_signed_again"),
]

ALWAYS = VIEWS + GOSSIP + AUDIT + WITNESS + WORKLOAD + AUTH + CONSENSUS + CA
FURTHER = CONSENSUS_SLOW
ALWAYS += EPOCHS
ALWAYS += STORE

ENTROPY, ITEMS, SYNC, LISTS = (f"libdsm/node/{name}.c" for name in ("anti_entropy", "items", "sync", "lists"))
OPS_LISTS, JOIN, ASK = "libdsm/consensus/ops_lists.c", "libdsm/node/join.c", "libdsm/node/ask.c"
HOSTILE = ("sim_sync", "a_hostile_peer_gets_bounded_answers")
CLAIMS = ("sim_sync", "false_claims_are_given_up")
OFFICERS = ("sim_lists", "new_officers_count_by_the_chain")
MEANWHILE = ("sim_lists", "officers_that_changed_meanwhile_are_proven")
OLD_LIST = ("sim_lists", "an_old_list_limits_new_sessions")

CATCHING_UP = [
    ("D-GSP-12 ids of equal numbers are not compared", ENTROPY, "if (b != NULL && memcmp(b->b.id, have->id8, 8) != 0) want_one",
     "if (b == NULL) want_one", "sim_sync", "forks_are_found_by_comparing"),
    ("D-GSP-12 any salt will do", ENTROPY, "memcmp(e->salt, m->salt, 16) != 0", "0", "sim_sync",
     "answers_that_were_not_asked_for_change_nothing"),
    ("D-GSP-12 HEADS are answered without end", ENTROPY, "    p->heads_left--;\n", "", *HOSTILE),
    ("D-GSP-13 what left memory is not answered", ITEMS, "if (b == NULL) return 0;", "if (b == NULL) return 1;", "sim_sync",
     "a_fresh_node_gets_what_only_stores_hold"),
    ("D-GSP-13 strangers are not asked for", ENTROPY, "else if (count < UNKNOWN_ASKED)", "else if (count < 0)", "sim_sync",
     "new_authors_are_found"),
    ("D-GSP-13 claims are believed for ever", SYNC, "    a->known_seq = a->shown_seq > a->tip.seq ? a->shown_seq : a->tip.seq;\n", "",
     *CLAIMS),
    ("D-EVD-1 a proposal whose header is replaced is forgotten", "libdsm/consensus/proposal.c",
     "if (s->proposal != NULL) {", "if (s->proposal != NULL && first != NULL && first->envelope != NULL) {", "unit_node",
     "a_false_body_of_a_notarised_header_is_replaced"),
    ("D-BLK-13 what a checkpoint took over a gap is not followed when it is filled", "libdsm/node/accept.c",
     "a->frozen ? NULL : a->branch", "NULL", "sim_sync", "blocks_of_a_child_are_followed_when_those_below_come"),
    ("D-BLK-7 who lied about the own chain is believed again", SYNC, " || (a == n->self && p->lied)", "", *CLAIMS),
    ("D-BLK-7 it is believed again in its next session", "libdsm/node/peers.c", "p->lied = was.lied;", "", *CLAIMS),
    ("D-CA-7 an older list", LISTS, "if (held->op == NULL || c->list.number > held->list.number) return HKP_OK;",
     "if (held != NULL) return HKP_OK;", "sim_lists", "a_list_reaches_all_and_the_chain"),
    ("D-CA-7 the rival of the list held is not asked for", LISTS, "memcpy(l->asked_id, c->list.previous, 32);", "return;",
     "sim_lists", "a_rival_of_the_list_held_is_asked_for"),
    ("D-CA-7 the list before is not kept for who asks", LISTS, "l->before = l->held[0]; /*",
     "hkp_dsm__carried_drop(n, &l->held[0]); /*", "sim_lists", "a_rival_of_the_list_held_is_asked_for"),
    ("D-CA-2 officers by gossip alone", LISTS, "    n->lists.next = *c;\n",
     "    n->lists.next = *c;\n    n->lists.officers.sets[n->lists.officers.n_sets++] = c->set;\n    n->officers.n_sets++;\n", *OFFICERS),
    ("D-CA-2 old officers for ever", LISTS, "at_s < s->since_s[i + 1] + HKP_DSM_CA_OVERLAP_S", "at_s > 0", *OFFICERS),
    ("D-CERT-2 revoked blocks are final", OPS_LISTS, "if (a != NULL && e.serial > a->revoked) a->revoked = e.serial;", "(void)a;",
     "sim_lists", "blocks_of_a_revoked_serial_are_not_made_final"),
    ("D-CERT-5 the time of the build is forgotten", "libdsm/node/authors.c", "n->build_s);", "0);", "sim_lists",
     "without_a_clock_it_is_no_earlier_than_the_build"),
    ("D-CERT-2 times of headers wrap", "libdsm/objects/block.c", "rules->parent_ms - block_ms <= BACKDATED_MAX_MS",
     "rules->parent_ms * 1000 <= b->timestamp_us + BACKDATED_MAX_MS * 1000", "vec_block", "a_header_far_in_the_future_is_far_ahead"),
    ("D-BLK-16 a clock that nobody vouches for", "libdsm/objects/times.c", "!c->clock_known ||", "", "vec_block", "derived_times"),
    ("D-CA-8 an old list is as good as a new one", LISTS, "return now_s > c->list.next_update_s ? HKP_DSM_LISTS_OLD", "return 0 ? HKP_DSM_LISTS_OLD",
     *OLD_LIST),
    ("D-CA-8 a new session has all its roles behind an old list", "libdsm/node/policy.c", "p->listless && hkp_dsm__lists_old(n)", "0",
     "sim_policy", "an_old_list_leaves_new_sessions_no_role_above_edge"),
    ("D-CA-8 seats are lost with a list", LISTS, "if (seats) a.lanes |= HKP_DSM_LANES_SAFETY;", "", *OLD_LIST),
    ("D-CA-9 of two lists one counts", OPS_LISTS, "if (c->list.number < number ||", "if (c->list.number <= number ||", "sim_lists",
     "two_lists_of_one_number_both_count"),
    ("D-CA-2 a proof of another set will do", "libdsm/node/officers.c",
     "if (proof.root != 2 || memcmp(leaf, c->leaf, 32) != 0) return HKP_E_DSM_PROOF;", "", *MEANWHILE),
    ("D-CA-2 who joined takes what is signed for a proposal", "libdsm/node/officers.c", "if (!n->lists.jumped) return 0;",
     "if (n != NULL) return 0;", *MEANWHILE),
    ("D-EPO-2 whose account differs dies", "libdsm/consensus/final.c", "        differs(n, h, set, st == HKP_OK ? len : 0);",
     "        hkp_dsm__die(n, HKP_E_DSM_PROOF, HKP_DSM_ROW_HEADER, h->digest, 32);", "sim_join",
     "whose_account_differs_takes_the_set_of_the_others"),
    ("D-EPO-2 that it differs is forgotten in epoch 0", "libdsm/node/load.c", "if (epoch == n->set.epoch)",
     "if (epoch == n->set.epoch && epoch > 0)", "sim_join", "whose_store_holds_a_wrong_account_takes_the_set_of_the_others"),
    ("D-EPO-2 who differs again is silent", "libdsm/consensus/final.c", "n->join_blind == BLIND_DIFFERS ? BLIND_AGAIN : BLIND_JOINED",
     "BLIND_JOINED", "sim_join", "whose_store_holds_a_wrong_account_takes_the_set_of_the_others"),
    ("D-EPO-2 who joined in ignorance raises an alarm", "libdsm/consensus/final.c", "    if (blind == BLIND_JOINED) return;\n", "", "sim_join",
     "who_joined_tells_of_its_second_difference"),
    ("D-EPO-4 promises behind a final boundary", "libdsm/consensus/rules.c", " && !n->root.ends", "", "sim_join",
     "whose_store_holds_a_wrong_account_takes_the_set_of_the_others"),
    ("D-STO-11 a RESTART is not kept", "libdsm/consensus/restart.c", "    put_meta(n, 'S', hkp_dsm__blob_hold(n->restart.multi));",
     "    if (0) put_meta(n, 'S', NULL);", "unit_chain_file", "a_chain_goes_on_behind_a_restart"),
    ("D-SYN-3 chunks without a path", JOIN,
     "return hkp_dsm__merkle_verify(root, m->chunk, j->n_chunks, &path, m->list2.n, j->h.heads_root);", "return path.ptr == NULL;",
     "sim_join", "a_chunk_of_a_liar_is_refused"),
    ("D-SYN-3 links that nobody asked for", JOIN,
     "if (j->step != LINKS || memcmp(j->asked, p->node_id, 16) != 0) return HKP_E_DSM_STALE;", "(void)p;", "sim_join",
     "a_chunk_of_a_liar_is_refused"),
    ("D-SYN-2 links out of an old boundary", "libdsm/node/trust.c",
     "if (newest || is_recent(n, j->anchored ? j->anchor_ms : n->epoch_ms, j->h.time_ms)) return 1;", "if (newest || j->from > 0) return 1;",
     "sim_trust", "keys_of_members_that_left_lead_nobody_astray"),
    ("D-SYN-2 any digest opens the chain", "libdsm/node/trust.c", "memcmp(n->trust.given, digest, 32) == 0", "digest != NULL", "sim_trust",
     "a_recent_digest_of_the_operator_opens_the_chain"),
    ("D-SYN-2 of two boundaries the first counts", "libdsm/node/trust.c", "if (memcmp(j->heard[at], l->boundary.digest, 32) == 0) return HKP_OK;",
     "if (j->heard[at][0] != 256) return HKP_OK;", "sim_trust", "two_boundaries_of_one_epoch_stop_who_joins"),
    ("D-SYN-4 any true proof is an answer", ASK, "if (m->status == 0 && st == HKP_OK && !answers(q, &proof)) st = HKP_E_DSM_PROOF;",
     "(void)answers;", "sim_join", "a_proof_of_something_else_is_no_answer"),
]

WITH.update({"sim_sync": SIM, "sim_lists": SIM, "sim_join": SIM, "sim_trust": SIM})
ALWAYS += CATCHING_UP

RIVALS = "libdsm/node/rivals.c"
FEWER, BOTH = ("sim_certificates", "of_two_the_one_with_fewer_roles_counts_everywhere"), ("sim_certificates", "who_is_given_the_other_one_tells_of_both")
BETTER, START = ("sim_certificates", "a_better_one_counts_though_others_were_seen"), ("sim_certificates", "it_counts_after_a_start_too")
LATER = ("sim_certificates", "who_comes_later_follows_what_was_final_by_the_other_one")
FORBIDDEN = ("sim_certificates", "what_it_forbids_is_not_made_final_and_costs_no_views")
SERIALS = [
    ("D-CA-9 whichever certificate came first counts", RIVALS, "const int better = is_better(", "const int better = 0 && is_better(", *FEWER),
    ("D-CA-9 the certificate with more roles counts", RIVALS, "? roles < of_held", "? roles > of_held", *FEWER),
    ("D-CA-9 roles of a certificate are a number", RIVALS, "__builtin_popcount(c->roles), of_held = __builtin_popcount(held->roles)",
     "(int)c->roles, of_held = (int)held->roles", *FEWER),
    ("D-CA-9 the certificate with the higher id counts", RIVALS, "memcmp(id, held_id, 16) < 0", "memcmp(id, held_id, 16) > 0", "sim_certificates",
     "of_as_many_roles_the_lower_id_counts_everywhere"),
    ("D-EVD-1 two certificates of one serial are no evidence", RIVALS, "        hkp_dsm__suspect(n, &one, &other);\n", "        (void)one, (void)other;\n", *BOTH),
    ("D-CA-9 evidence brings no certificate", "libdsm/consensus/suspects.c",
     "    if (e.kind == HKP_DSM_KIND_CERTIFICATE) hkp_dsm__rivals_of(n, op);\n", "", *BOTH),
    ("D-CA-9 a better certificate is told by evidence alone", RIVALS, "if (better && came == CERT_SHOWN)", "if (0)", *BETTER),
    ("D-CA-9 a better certificate is not stored", RIVALS, "        if (better) put(n, c, NULL, bytes);\n", "", *START),
    ("D-CA-9 the other certificate is not stored", RIVALS, "        put(n, &r->c, r->id, r->bytes);\n", "", *START),
    ("D-CA-9 two others of a serial at most", "libdsm/node/limits.h", "RIVALS_MAX = HKP_DSM_OFFICERS_MAX - 1", "RIVALS_MAX = 1", *BETTER),
    ("D-CA-9 others of a serial without end", RIVALS, "return count < RIVALS_MAX ? HKP_OK : HKP_E_LIMIT;", "return HKP_OK;", *BETTER),
    ("D-CA-9 others of a serial stay without it", "libdsm/node/authors.c", "    hkp_dsm__rivals_drop(n, a, a->certs[oldest].serial);\n", "    (void)n;\n", *BETTER),
    ("D-CERT-2 blocks are held by the certificate that counts alone", "libdsm/node/accept.c", "r = a->rivals; r != NULL; r = r->next) {\n        if (st",
     "r = NULL; r != NULL; r = r->next) {\n        if (st", *LATER),
    ("D-CA-9 who asks gets the certificate that counts alone", "libdsm/node/items.c", "a != NULL ? a->rivals : NULL", "NULL", *LATER),
    ("D-SMX-R0 what no header may have is work", RULES_C, "if (hkp_dsm__block_times(&b->b, &by) != HKP_OK) continue;", "(void)by;", *FORBIDDEN),
    ("D-CA-9 the neuro presence is judged once", "libdsm/objects/block.c", "return has_role == (b->has_neuro != 0) ? HKP_OK : HKP_E_DSM_NEURO;",
     "return rules->header_ms != 0 || has_role == (b->has_neuro != 0) ? HKP_OK : HKP_E_DSM_NEURO;", "vec_block",
     "a_header_judges_neuro_presence_again"),
]
WITH.update({"sim_certificates": SIM})
ALWAYS += SERIALS

TESTIMONY = "libdsm/node/testimony.c"
WITNESSES = [
    ("D-WIT-5 what is open is not announced again", TESTIMONY,
     "    hkp_dsm__testimony_peer(n, hkp_dsm__some_peer(n, 3, 0));\n", "", "sim_witness", "what_was_lost_comes_all_the_same"),
    ("D-WIT-3 a revoked witness counts", TESTIMONY, "c->said[j].is_void = 1;", "continue;", "sim_witness",
     "a_revoked_witness_counts_no_more"),
    ("D-WIT-4 proofs count who said two things", TESTIMONY, "        if (c->said[j].is_void) continue;\n", "", "sim_witness",
     "a_witness_that_says_two_things_is_void_everywhere"),
    ("D-WIT-5 an own second verdict", TESTIMONY, "if (c != NULL && said_at(c, n->id) < c->n_said) return HKP_E_DSM_DUPLICATE;", "",
     "sim_witness", "independent_groups_confirm_and_anybody_can_check"),
]
WITH.update({"sim_witness": SIM})
ALWAYS += WITNESSES
RESTART, RESTARTS = "libdsm/objects/restart.c", "libdsm/consensus/restart.c"
SCHEMES = ("sim_restart", "both_schemes_go_on_if_officers_say_so")
FORGED = ("sim_restart", "a_forged_or_stale_one_is_refused")
LEAVING = [
    ("D-EPO-6 proofs are sought over a RESTART", "libdsm/node/prove.c", "j->from_epoch = n->restarted.epoch;", ";",
     "sim_restart", "what_was_final_before_can_still_be_proven"),
    ("D-EPO-6 whom a RESTART named is forgotten at a start", RESTARTS, "        trust(n, &r);\n    return 1;", "        (void)trust;\n    return 1;",
     "sim_restart", "what_was_final_before_can_still_be_proven"),
    ("D-SYN-2 days are counted from the genesis", "libdsm/node/ask.c",
     "if (trust[i].time_ms < n->epoch_ms) trust[i].time_ms = n->epoch_ms;", ";", "sim_join", "proofs_are_had_from_peers"),
    ("D-EPO-6 an older header will do", RESTART, "if (held_height > first.height ||", "if (held_height > first.height + 9 ||", *FORGED),
    ("D-EPO-6 CERT_F of another header", RESTART,
     "if (memcmp(cert.digest, last.digest, 32) != 0) return HKP_E_DSM_PROOF;", "", *FORGED),
    ("D-QC-3 a RESTART of a store forgets the second scheme", "libdsm/store/restart_store.c", "bls_keys(&b->now, seats, n, keys)",
     "n == 0 ? bls_keys(&b->now, seats, n, keys) : NULL", *SCHEMES),
    ("D-EPO-6 no watermark", RESTARTS, "    hkp_dsm__wal(n, 0, r.epoch, UINT64_MAX, NULL);\n", "", "sim_restart",
     "the_old_epoch_gets_no_more_promise"),
    ("D-EPO-6 only who holds the header", RESTARTS, "if (!begun && !is_there(n)) follow(n);", "(void)follow;", "sim_restart",
     "who_is_behind_fetches_what_it_lacks"),
    ("D-EPO-6 an epoch that only began is not left", RESTARTS, "if (r.epoch < n->set.epoch && !begun) return HKP_E_DSM_STALE;",
     "if (r.epoch < n->set.epoch) return HKP_E_DSM_STALE;", "sim_restart", "an_epoch_that_only_began_is_left_too"),
    ("D-STO-9 views of the old epoch bar those of the new one", "libdsm/consensus/final.c", "    n->promise_view = 0;\n", "",
     "sim_restart", "members_that_were_just_started_go_on_too"),
]

WITH.update({"sim_restart": SIM, "sim_resync": SIM})
ALWAYS += LEAVING
RESYNC = "libdsm/node/resync.c"
ALWAYS += [
    ("D-STO-10 the WAL is not read again", RESYNC, "if (n->set.epoch == n->resync.wal_epoch) {", "if (n->set.epoch == UINT64_MAX) {",
     "sim_resync", "promises_outlive_the_place"),
    ("D-STO-10 epochs that were over count", RESYNC, " || n->epoch_ms < n->resync.since_ms", "", "sim_resync",
     "who_lost_its_place_finds_it_again"),
    ("D-STO-10 blocks are signed before the own head is known", RESYNC, "return n->resync.on != 0;", "return n == NULL;", "sim_resync",
     "who_lost_its_place_finds_it_again"),
]

DOOR = ("sim_policy", "every_kind_is_taken_of_those_who_may_sign_it_only")
PERMITS = [
    ("D-ENV-4 nobody asks at the door", "libdsm/node/spread.c", "    if (st != HKP_OK) return st;\n    switch (item->kind) {",
     "    (void)st;\n    switch (item->kind) {", *DOOR),
    ("D-ENV-4 anybody asks for a seat", "libdsm/beside/signed.c", "{HKP_DSM__BY_SEAT_OR_CERTIFICATE, HKP_DSM_ROLE_VALIDATOR}",
     "{HKP_DSM__BY_SEAT_OR_CERTIFICATE, 0}", *DOOR),
    ("D-GSP-1 a record says what it likes", "libdsm/node/neighbours.c", "(r.roles & ~cert->roles) != 0", "0", "sim_policy",
     "a_peer_record_claims_no_role_of_its_own"),
]
WITH.update({"sim_policy": SIM})
GIVE, GIVEN = "libdsm/node/give.c", ("sim_policy", "what_a_host_gives_is_judged_as_a_peers")
GIVING = [
    ("D-GSP-6 what a host gives is believed", GIVE, "st = hkp_dsm__spread_take(n, &item);", "(void)&hkp_dsm__spread_take;", *GIVEN),
    ("D-GSP-6 what a host gives has no form of its own", GIVE, "else if (hkp_dsm_multi_parse(object, len, &m) == HKP_OK)", "else if (0 * hkp_dsm_multi_parse(object, len, &m) != 0)", *GIVEN),
    ("D-CERT-3 an older certificate is handed out", GIVE, "if (a->certs[i].serial > a->certs[newest].serial) newest = i;", "(void)i;", *GIVEN),
    ("D-CA-7 another object is handed out", GIVE, "kind == HKP_DSM_KIND_CA_SET ? &n->lists.next : &n->lists.held[0];",
     "kind != HKP_DSM_KIND_CA_SET ? &n->lists.next : &n->lists.held[0];", "sim_lists", "a_list_reaches_all_and_the_chain"),
]
FURTHER += GIVING
ALWAYS += PERMITS
COMMANDS, CARRY = "libdsm/consensus/commands.c", "libdsm/consensus/seats.c"
JUDGED_OPS = ("sim_commands", "ops_without_enough_endorsements_are_refused")
BARRED = ("sim_commands", "a_barred_node_without_a_seat_is_retired")
COMMANDED = [
    ("D-CKP-4 who is not barred is retired", COMMANDS,
     "if (hkp_dsm__revoked_at(n, parent, op->first.ptr) != HKP_DSM_SERIAL_BARRED) return HKP_E_DSM_OP;", "", *JUDGED_OPS),
    ("D-CKP-4 a member is retired by one", COMMANDS,
     "if (hkp_dsm__valset_index(&n->set, op->first.ptr) < 0 && op->n_endorsements == 0) return HKP_OK;",
     "if (op->n_endorsements == 0) return HKP_OK;", *JUDGED_OPS),
    ("D-CKP-4 the head stays", "libdsm/consensus/ops.c", "return count + hkp_dsm__retired_heads(n, p, heads + count);", "return count;",
     *BARRED),
    ("D-CKP-3 an indicator is withdrawn twice", COMMANDS,
     "if (hkp_dsm__pending_find(asked, kind, op->first.ptr) != NULL) return HKP_E_DSM_DUPLICATE;", "", *JUDGED_OPS),
    ("D-CKP-3 an indicator is withdrawn once for ever", CARRY, "    if (c->kind > CHANGE_JOIN) return 1;\n",
     "    if (c->kind > CHANGE_JOIN) return 0;\n", "sim_commands", "f_plus_1_members_withdraw_an_indicator"),
    ("D-SMX-R0 a tombstone waits for idleness", RULES_C, "|| hkp_dsm__command_of_others(n, p) ?", "?", "sim_commands",
     "f_plus_1_members_withdraw_an_indicator"),
    ("D-SMX-R0 what nobody can make is waited for without end", COMMANDS, "if (note->until <= n->view) continue;", "if (note->until == 0) continue;",
     "sim_commands", "what_nobody_can_make_is_not_waited_for_without_end"),
    ("D-EVD-2 E6 is valid again", "libdsm/consensus/ops_lists.c",
     "if (hkp_dsm__pending_find(asked, CHANGE_OFFICERS, number) != NULL) return HKP_E_DSM_DUPLICATE;", "", "sim_commands",
     "officers_who_gave_a_number_twice_are_in_the_chain"),
    ("D-EVD-3 E6 against who is gone", "libdsm/consensus/ops_lists.c",
     "return in_office(&s.officers.sets[s.officers.n_sets - 1], &e) ? HKP_OK : HKP_E_DSM_SIGNER;", "(void)in_office;\n    return HKP_OK;",
     "sim_commands", "evidence_against_who_is_not_in_office_is_no_op"),
]

COMMANDED += [
    ("D-SYN-4 ops are not found", "libdsm/consensus/ops.c", "        note_place(n, &op, p->h.height);\n", "        (void)note_place;\n",
     "sim_commands", "that_an_op_is_final_is_proven_to_who_asks"),
    ("D-SYN-4 ops of peers are not looked for", "libdsm/node/prove.c", "(m->what == 2 && m->key.len == 32)", "0", "sim_commands",
     "that_an_op_is_final_is_proven_to_who_asks"),
]
COMMANDED += [
    ("D-EPO-7 votes in an epoch of another version", "libdsm/consensus/rules.c", " && !n->outdated &&", " &&", "sim_epochs",
     "a_later_version_leaves_this_build_behind"),
    ("D-EPO-7 forgotten by a start", "libdsm/node/load.c", "        hkp_dsm__version_begins(n, data[0]);\n", "", "sim_epochs",
     "a_later_version_leaves_this_build_behind"),
]
WITH.update({"sim_commands": SIM})
ALWAYS += COMMANDED

SUSPECTS = "libdsm/consensus/suspects.c"
ALWAYS += [
    ("D-EVD-4 forks of one author fill the table", SUSPECTS, "if (same >= (fork ? 1 : EVIDENCE_OF_ONE))", "if (!fork && same >= EVIDENCE_OF_ONE)",
     "sim_evidence", "forks_of_one_author_take_one_place"),
    ("D-EVD-4 a member fills the table", SUSPECTS, "if (same >= (fork ? 1 : EVIDENCE_OF_ONE))", "if (fork && same >= 1)",
     "sim_evidence", "a_member_fills_no_table_with_itself"),
    ("D-EVD-4 one piece is not enough", SUSPECTS, "hkp_dsm__pending_find(asked, CHANGE_EVIDENCE, s->offender) == NULL;", "asked != NULL;",
     "sim_evidence", "a_member_fills_no_table_with_itself"),
    ("D-EVD-2 evidence of an epoch that is none", "libdsm/objects/evidence.c", "of_nobody ? NULL : ", "",
     "sim_evidence", "nobody_has_a_seat_in_the_epoch_that_stands_for_none"),
    ("D-EVD-4 what is spent stays", SUSPECTS, "if (!is_spent(n, &n->suspects[i])) continue;", "continue;",
     "sim_evidence", "what_is_spent_makes_room"),
]
ALWAYS += [
    ("D-STO-7 a restored copy is forgotten at the next start", "libdsm/consensus/promises.c", "        n->watermark = UINT64_MAX; /* and", "        /* and",
     "sim_consensus", "a_restored_copy_observes"),
    ("D-SYN-3 talk of far epochs is believed for ever", "libdsm/node/join.c", "j->hint < j->epoch + 1 ? 0 : j->epoch + 1;", "j->hint < j->epoch + 1 ? 0 : j->hint;",
     "sim_join", "talk_of_far_epochs_is_believed_once"),
]
