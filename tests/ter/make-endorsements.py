#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""How corpus/endorsement was made: certificates of endorsement keys by the package cryptography (OpenSSL).

Each file: u16 length of the area, TPMT_PUBLIC of the endorsement key, u16 length of its certificates, these, and
the file of roots. All are valid from 2020 to 2050 unless their name says otherwise.
usage: make-endorsements.py FOLDER
"""
import datetime
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

OUT = sys.argv[1]
EK_PURPOSE = ObjectIdentifier("2.23.133.8.1")


def key():
    return ec.generate_private_key(ec.SECP256R1())


def area(public):
    """TCG template L-2: ECC P-256, restricted decryption key."""
    n = public.public_numbers()
    head = "0023 000b 000300b2 0020" + "11" * 32 + "0006 0080 0043 0010 0003 0010"
    return bytes.fromhex(head) + b"\0\x20" + n.x.to_bytes(32, "big") + b"\0\x20" + n.y.to_bytes(32, "big")


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def tpm_names(which=(1, 2, 3)):
    texts = {1: "id:54455354", 2: "model", 3: "id:00010002"}
    return x509.Name([x509.NameAttribute(ObjectIdentifier(f"2.23.133.2.{i}"), texts[i]) for i in which])


def usage(*names):
    every = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{one: one in names for one in every})


def certify(subject, public, issuer, by, extensions, first=2020, last=2050, digest=hashes.SHA256()):
    b = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(7)
    b = b.not_valid_before(datetime.datetime(first, 1, 1)).not_valid_after(datetime.datetime(last, 1, 1))
    for extension, critical in extensions:
        b = b.add_extension(extension, critical)
    return b.sign(by, digest)


def authority(text, issuer=None, by=None, ca=True, **more):
    own = more.pop("own", None) or key()
    c = certify(name(text), own.public_key(), issuer or name(text), by or own,
                [(x509.BasicConstraints(ca=ca, path_length=None), True), (usage("key_cert_sign", "crl_sign"), True)], **more)
    return own, c


def leaf(public, issuer, by, ca=False, use=("key_agreement",), purpose=EK_PURPOSE, names=True, subject=x509.Name([]), more=(),
         **validity):
    extensions = [(x509.BasicConstraints(ca=ca, path_length=None), True)]
    if use:
        extensions.append((usage(*use), True))
    if purpose:
        extensions.append((x509.ExtendedKeyUsage([purpose]), False))
    if names is True:
        names = tpm_names()
    if names:
        extensions.append((x509.SubjectAlternativeName([x509.DirectoryName(names)]), True))
    return certify(subject, public, issuer, by, extensions + list(more), **validity)


def pem(*certificates):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def der(c):
    return c.public_bytes(serialization.Encoding.DER)


def write(file, public, certificate, roots):
    a = area(public)
    with open(os.path.join(OUT, file), "wb") as f:
        f.write(len(a).to_bytes(2, "big") + a + len(certificate).to_bytes(2, "big") + certificate + roots)


os.makedirs(OUT, exist_ok=True)
ek, other = key(), key()
p, q = ek.public_key(), other.public_key()
root_key, root = authority("maker root")
second_key, second = authority("maker", name("maker root"), root_key)
ROOT, MAKER = name("maker root"), name("maker")
direct = leaf(p, ROOT, root_key)
good = leaf(p, MAKER, second_key)
write("direct", p, der(direct), der(root))
write("chain", p, pem(good, second), pem(root))
write("padded", p, der(direct) + bytes(40), der(root))  # as memory of a TPM holds it
write("one-of-two-roots", p, pem(good, second), pem(authority("another")[1], root))
write("no-purpose", p, der(leaf(p, ROOT, root_key, purpose=None)), der(root))  # the TCG lets makers leave it out
rsa_key = rsa.generate_private_key(65537, 2048)
write("rsa-root", p, der(leaf(p, name("rsa"), rsa_key)), der(authority("rsa", own=rsa_key)[1]))
# the key
write("other-key", p, der(leaf(q, ROOT, root_key)), der(root))
write("rsa-key", p, der(leaf(rsa_key.public_key(), ROOT, root_key)), der(root))
# the chain
write("no-second", p, pem(good), pem(root))
write("other-root", p, der(direct), der(authority("maker root")[1]))  # of the same name
write("self-signed", p, der(leaf(p, name("maker root"), ek)), der(root))
not_ca_key, not_ca = authority("maker", ROOT, root_key, ca=False)
write("second-no-authority", p, pem(leaf(p, MAKER, not_ca_key), not_ca), pem(root))
middle = leaf(q, ROOT, root_key, subject=name("tpm"))  # an endorsement key that signs another
write("signed-by-a-tpm", p, pem(leaf(p, middle.subject, other), middle), pem(root))
small = rsa.generate_private_key(65537, 1024)
write("small-root", p, der(leaf(p, name("small"), small)), der(authority("small", own=small)[1]))
# time
write("second-expired", p, pem(leaf(p, MAKER, second_key), authority("maker", ROOT, root_key, own=second_key, last=2024)[1]),
      pem(root))
# use
write("is-authority", p, der(leaf(p, ROOT, root_key, ca=True, use=("key_agreement", "key_cert_sign"))), der(root))
write("no-usage", p, der(leaf(p, ROOT, root_key, use=())), der(root))
write("signing-usage", p, der(leaf(p, ROOT, root_key, use=("digital_signature",))), der(root))
write("server-purpose", p, der(leaf(p, ROOT, root_key, purpose=ExtendedKeyUsageOID.SERVER_AUTH)), der(root))
write("no-names", p, der(leaf(p, ROOT, root_key, names=None)), der(root))
write("two-names", p, der(leaf(p, ROOT, root_key, names=tpm_names((1, 3)))), der(root))
# form
write("unknown-critical", p, der(leaf(p, ROOT, root_key, more=[
    (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)])), der(root))
write("cut-short", p, der(direct)[:-9], der(root))
write("nine-certificates", p, pem(good, *[second] * 8), pem(root))
