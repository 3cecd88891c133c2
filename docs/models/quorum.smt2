; SPDX-License-Identifier: MIT
; Copyright the HookProbe mesh authors
;
; What dsm.md takes for granted about numbers, for every size, as SMT-LIB 2. A lemma is asserted negated: "unsat" is
; its proof. A line "wrong ..." is a rule that the specification rejects: "sat", and a counterexample exists.
; tools/run-models.sh runs it with z3.
(set-logic ALL)
(declare-const n Int) ; members
(declare-const f Int) ; most of them that may be Byzantine
(declare-const q Int) ; quorum
(declare-const bad Int)
; two quorums: members of the first alone, of the second alone, of both, of none; the bad ones among them
(declare-const a Int) (declare-const b Int) (declare-const both Int) (declare-const none Int)
(declare-const bad_a Int) (declare-const bad_b Int) (declare-const bad_both Int) (declare-const bad_none Int)
(assert (and (>= n 1) (= f (div (- n 1) 3)) (<= 0 bad f)))
(assert (and (<= 0 bad_a a) (<= 0 bad_b b) (<= 0 bad_both both) (<= 0 bad_none none)))
(assert (= n (+ a b both none)))
(assert (= bad (+ bad_a bad_b bad_both bad_none)))

(push)
(assert (= q (- n f))) ; D-SMX-2

(echo "D-SMX-2 two quorums share more than f members")
(push)
(assert (and (>= (+ a both) q) (>= (+ b both) q)))
(assert (not (>= both (+ f 1))))
(check-sat)
(pop)

(echo "section 10, 1: two quorums share an honest member")
(push)
(assert (and (>= (+ a both) q) (>= (+ b both) q)))
(assert (not (> (- both bad_both) 0)))
(check-sat)
(pop)

(echo "section 10, 8: the honest members alone are a quorum")
(push)
(assert (not (>= (- n bad) q)))
(check-sat)
(pop)

(echo "9.4 a final block is held by at least f + 1 honest members")
(push)
(assert (>= (+ a both) q)) ; its signers
(assert (not (>= (- (+ a both) (+ bad_a bad_both)) (+ f 1))))
(check-sat)
(pop)

(echo "D-SMX-3 a group of f seats stops no quorum")
(push)
(declare-const seats Int)
(assert (and (<= 0 seats f)))
(assert (not (>= (- n seats) q)))
(check-sat)
(pop)

(echo "D-SMX-2 below four members one liar of the quorum is all it takes")
(push)
(assert (< n 4))
(assert (not (= f 0)))
(check-sat)
(pop)
(pop)

(echo "wrong: 2f + 1 as the quorum of every n")
(push)
(assert (= q (+ (* 2 f) 1)))
(assert (and (>= (+ a both) q) (>= (+ b both) q)))
(assert (= (- both bad_both) 0))
(check-sat)
(pop)

(echo "wrong: q - 1 signers are enough")
(push)
(assert (= q (- n f 1)))
(assert (and (>= n 4) (>= (+ a both) q) (>= (+ b both) q)))
(assert (= (- both bad_both) 0))
(check-sat)
(pop)

(declare-const m Int) ; officers
(declare-const t Int) ; of them that sign
(echo "D-CA-1 any two quorums of officers share one")
(push)
(assert (and (<= 1 m 7) (<= (+ (div m 2) 1) t m)))
(assert (and (= m (+ a b both none)) (>= (+ a both) t) (>= (+ b both) t)))
(assert (not (>= both 1)))
(check-sat)
(pop)

(echo "wrong: half of the officers is enough")
(push)
(assert (and (<= 1 m 7) (= t (div (+ m 1) 2))))
(assert (and (= m (+ a b both none)) (>= (+ a both) t) (>= (+ b both) t)))
(assert (not (>= both 1)))
(check-sat)
(pop)

; groups: honest ones that confirm or refute, dishonest ones
(declare-const k Int) (declare-const c Int) (declare-const r Int)
(declare-const lying_c Int) (declare-const lying_r Int)
(assert (and (<= 2 k 16) (<= 0 lying_c c) (<= 0 lying_r r)))
(define-fun confirmed () Bool (and (>= c k) (> c (* 2 r))))
(define-fun refuted () Bool (and (>= r k) (> r (* 2 c))))

(echo "D-WIT-3 a claim is not confirmed and refuted")
(push)
(assert (and confirmed refuted))
(check-sat)
(pop)

(echo "D-WIT-3 fewer than k lying groups alone decide nothing")
(push)
(assert (and (= c lying_c) (= r lying_r) (< (+ lying_c lying_r) k)))
(assert (or confirmed refuted))
(check-sat)
(pop)
