# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libdsm that its tests must find; read by tests/support/mutants.py, which says what a line means."""

LINK = {}

LOG, ENTRY, LOG_PROOF = "libdsm/beside/audit.c", "libdsm/audit_entry.c", "libdsm/audit_proof.c"
TAMPER = ("unit_audit", "edits_inserts_deletes_and_reorderings_break_chain_or_root")
TRUNCATED = ("unit_audit", "truncation_behind_a_head_is_seen_and_of_the_tail_is_not")
SIGNER = ("unit_audit", "a_head_counts_only_with_its_signer")
COLLECTOR = "libdsm/beside/collector.c"

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

ALWAYS = AUDIT
FURTHER = []
