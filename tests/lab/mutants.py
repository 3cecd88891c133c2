# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of the lab that its tests must find (docs/spec/lab.md); read by tests/support/mutants.py, which says what a
line means."""

LINK = {}

ARCH, NC1, LAYER, EMBED = (f"libneuro/lab/{name}.c" for name in ("arch", "nc1", "layer", "embed"))
NC0, NC0_FILE, TRAIN = (f"libneuro/lab/{name}.c" for name in ("nc0", "nc0_file", "nc0_train"))
KEYS, PARTY, AVERAGE, ATTACK = (f"libneuro/lab/{name}.c" for name in ("keys", "party", "average", "attack"))

ALWAYS = [
    ("LAB-2.2 an index outside of the table is folded into it", ARCH, "        index = 0;\n    }",
     "        index %= HKP_NEURO_LAB_ARCHS;\n        break;\n    }",
     "prop_lab", "a_number_that_names_nothing_is_passed_over"),
    ("LAB-2.3 ReLU has no upper bound", ARCH, "clamp64(z, 0, 65535, zero)", "clamp64(z, 0, INT32_MAX, zero)",
     "vec_lab", "activations_are_those_of_the_vectors"),
    ("LAB-3.2 the bias is shifted with the sum", NC1, "(product(w, x[k & 1], fan_in) >> sh) + b[i])",
     "(product(w, x[k & 1], fan_in) + b[i]) >> sh)", "vec_lab", "blocks_of_nc1_both_ways"),
    ("LAB-3.1 the halves are stored as they lie after an odd round", NC1,
     "    store(side, nc1->rounds, out);\n}\n\nvoid hkp_neuro_lab_nc1_decrypt",
     "    store(side, 0, out);\n}\n\nvoid hkp_neuro_lab_nc1_decrypt", "vec_lab", "blocks_of_nc1_both_ways"),
    ("LAB-3.4 the counter begins anew after 256 bytes", NC1, "hkp_put_be64(counter + 8, at / 16);",
     "hkp_put_be64(counter + 8, at / 16 % 16);", "prop_lab", "each_block_of_counter_mode_has_its_own_number"),
    ("LAB-8.4 the weights of another key are used on", LAYER,
     "layer->nc1 == NULL || sodium_memcmp(layer->key, key, sizeof layer->key) != 0", "layer->nc1 == NULL",
     "prop_lab", "the_layer_of_a_message_is_its_own_inverse_whatever_key_came_before"),
    ("LAB-4.4 steps do not become smaller", TRAIN, "(int64_t)n->lr * (n->steps - n->done) / n->steps + 1",
     "(int64_t)n->lr + 1", "vec_lab", "training_is_a_function_of_the_key"),
    ("LAB-4.4 the layer below learns by weights that are a little off", TRAIN, "sum[j] += g * (w[j] >> 8);",
     "sum[j] += g * ((w[j] - 1) >> 8);", "vec_lab", "training_is_a_function_of_the_key"),
    ("LAB-4.7 a code is sent that does not decode", NC0, "if (memcmp(m, back, 16) != 0) continue;", "",
     "unit_nc0", "what_is_sent_decodes_exactly_or_is_refused"),
    ("LAB-4.7 a value that no code has is read", NC0, "if (code[i] == INT16_MIN) return HKP_E_NEURO_LAB_RANGE;", "",
     "prop_lab", "every_code_is_read_or_refused"),
    ("LAB-4.6 the digest of a file is not looked at", NC0_FILE,
     "if (memcmp(digest, in + len - 32, 32) != 0) return HKP_E_NEURO_LAB_FILE;", "",
     "unit_nc0", "every_byte_of_a_file_counts"),
    ("LAB-4.6 momenta are forgotten in a file", NC0_FILE, "n->momenta[i] = (int64_t)hkp_be64(p);",
     "n->momenta[i] = 0;", "unit_nc0", "training_in_pieces_is_training_at_once"),
    ("LAB-5.2 the two blocks of a pair are the same", ATTACK, "b[15] ^= 1;", "",
     "unit_attacks", "few_rounds_keep_most_bits_and_more_rounds_do_not"),
    ("LAB-6.1 a next key that does not depend on its generation", KEYS, "hkp_put_be32(input + 12, generation);",
     "hkp_put_be32(input + 12, 0);", "vec_lab", "rotation_and_a_shared_key"),
    ("LAB-6.2 a secret need not be the one that was promised", KEYS,
     "if (sodium_memcmp(commit, share->commit[i], 32) != 0) return HKP_E_NEURO_LAB_COMMIT;", "",
     "unit_party", "another_secret_than_promised_names_its_party"),
    ("LAB-6.2 lists that differ are not seen", PARTY,
     "(p->lists >> i & 1) != 0 && memcmp(p->list[i], p->list[p->share.self], 32) != 0", "0",
     "unit_party", "different_commits_to_two_parties_are_found_before_a_secret_is_told"),
    ("LAB-6.2 a secret is told before all lists are there", PARTY, "if (p->lists == all_of(p)) p->stage",
     "p->stage", "unit_party", "different_commits_to_two_parties_are_found_before_a_secret_is_told"),
    ("LAB-6.2 who waits is named with who is silent", PARTY, "all_of(party) & ~held[party->stage]",
     "all_of(party) & ~held[3]", "unit_party", "who_waits_for_a_silent_party_is_not_named_itself"),
    ("LAB-6.2 a message of an earlier attempt counts", PARTY,
     "if (len >= HEAD && msg[1] != party->attempt) return HKP_OK;", "",
     "unit_party", "what_is_no_message_ends_the_session_and_old_ones_do_not"),
    ("LAB-6.3 each round has the same blocks", AVERAGE, "hkp_put_be32(input + 14, round);",
     "hkp_put_be32(input + 14, 0);", "unit_average", "a_round_gives_the_same_bytes_on_every_build"),
    ("LAB-6.3 the mean is rounded to zero", AVERAGE, "sum >= 0 ? sum / n : -((-sum + n - 1) / n)", "sum / n",
     "unit_average", "the_mean_is_rounded_down"),
    ("LAB-6.3 a round done again is not compared", AVERAGE,
     "if (st == HKP_OK && memcmp(again, weights, size) != 0) st = HKP_E_NEURO_LAB_ROUND;", "",
     "unit_average", "a_false_round_is_found_by_doing_it_again"),
    ("LAB-7.11 an embedding that does not depend on its key", EMBED, 'hkp_neuro_lab__hmac(key, "LAB1 embed", weights);',
     'static const uint8_t none[32]; hkp_neuro_lab__hmac(none, "LAB1 embed", weights);',
     "unit_match", "alike_is_near_and_another_key_is_another_space"),
]
FURTHER = []
