#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# How corpus/quote was made: by tpm2-tools on a swtpm of its own, so that the verifier is held to what another
# implementation writes. Each file: u16 length of the area, TPMT_PUBLIC, then the wire form of HTP-5.5.
# usage: make-quotes.sh FOLDER      extraData is 00..1f; PCR 16 was extended once, all others are zero
set -eu
out=$1
work=$(mktemp -d)
mkdir -p "$work/state" "$out"
swtpm socket --tpm2 --tpmstate "dir=$work/state" --server "type=unixio,path=$work/s" \
    --ctrl "type=unixio,path=$work/s.ctrl" --flags not-need-init,startup-clear --seccomp action=none >"$work/log" 2>&1 &
pid=$!
trap 'kill $pid; rm -rf "$work"' EXIT
sleep 0.5
export TPM2TOOLS_TCTI="swtpm:path=$work/s"
nonce=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f

# $1 file, $2 context of the key, $3 its area with u16 length, $4 PCRs, $5 nonce, the rest for tpm2_quote
quote() {
    file=$out/$1 key=$2 area=$3 pcrs=$4 with=$5
    shift 5
    tpm2_quote -Q -c "$key" -l "$pcrs" -q "$with" -m "$work/m" -s "$work/sig" -f tss "$@"
    tpm2_flushcontext -t
    python3 - "$area" "$work/m" "$work/sig" >"$file" <<'PYTHON'
import sys
area, attest, signature = (open(f, "rb").read() for f in sys.argv[1:])
sys.stdout.buffer.write(area + len(attest).to_bytes(2, "big") + attest + signature)
PYTHON
}

tpm2_pcrextend 16:sha256=4141414141414141414141414141414141414141414141414141414141414141
tpm2_createek -Q -c "$work/ek" -G ecc -u "$work/ek.pub"
tpm2_flushcontext -t
ak() {
    tpm2_createak -Q -C "$work/ek" -c "$work/$1" -G "$2" -g "$3" -s "$4" -u "$work/$1.pub" -f tss
    tpm2_flushcontext -t
}
ak ak ecc sha256 ecdsa
ak other ecc sha256 ecdsa
ak rsa rsa sha256 rsassa
ak sha384 ecc384 sha384 ecdsa
tpm2_createprimary -Q -C o -G ecc -c "$work/srk"
tpm2_flushcontext -t
tpm2_create -Q -C "$work/srk" -G ecc:ecdsa-sha256:null -u "$work/free.pub" -r "$work/free.priv" \
    -a 'sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth' -c "$work/free"
tpm2_flushcontext -t

quote good "$work/ak" "$work/ak.pub" sha256:0,2,4,7 $nonce -g sha256
quote good-extended "$work/ak" "$work/ak.pub" sha256:0,7,16 $nonce -g sha256
quote good-high "$work/ak" "$work/ak.pub" sha256:16,23 $nonce -g sha256
quote other-key "$work/other" "$work/other.pub" sha256:0,2,4,7 $nonce -g sha256
quote other-nonce "$work/ak" "$work/ak.pub" sha256:0,2,4,7 ff$(echo $nonce | cut -c3-) -g sha256
quote short-nonce "$work/ak" "$work/ak.pub" sha256:0,2,4,7 00010203 -g sha256
quote bank-sha1 "$work/ak" "$work/ak.pub" sha1:0,2,4,7 $nonce -g sha256
quote two-banks "$work/ak" "$work/ak.pub" sha1:0+sha256:0,2,4,7 $nonce -g sha256
quote rsa "$work/rsa" "$work/rsa.pub" sha256:0,2,4,7 $nonce -g sha256
quote sha384 "$work/sha384" "$work/sha384.pub" sha256:0,2,4,7 $nonce -g sha384
quote unrestricted "$work/free" "$work/free.pub" sha256:0,2,4,7 $nonce -g sha256
