/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * OpenSSL as a reference: TLS 1.3 with certificates of Ed25519, DTLS 1.2 with such of ECDSA P-256
 * (OpenSSL 3.0 refuses Ed25519 there), both with X25519. Each side has a certificate and verifies that of the
 * other, as the sides of HTP do. No sessions are resumed.
 */
#ifndef HKP_BENCH_PEER_OPENSSL_H
#define HKP_BENCH_PEER_OPENSSL_H

#include "bench.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

struct peer_ssl {
    SSL_CTX *server, *client;
};

/* A certificate by its own key. */
static inline X509 *peer_certificate(EVP_PKEY *key, const EVP_MD *md) {
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    bench_need(X509_sign(cert, key, md) > 0, "certificate not signed");
    return cert;
}

static inline SSL_CTX *peer_context(const SSL_METHOD *method, int dtls, int aes) {
    SSL_CTX *ctx = SSL_CTX_new(method);
    bench_need(ctx != NULL, "no context of OpenSSL");
    SSL_CTX_set_min_proto_version(ctx, dtls ? DTLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    /* X25519 is agreed on; TLS 1.2 wants the curve of the certificate among them, too */
    bench_need(SSL_CTX_set1_groups_list(ctx, dtls ? "X25519:P-256" : "X25519") == 1, "no X25519");
    if (dtls)
        bench_need(SSL_CTX_set_cipher_list(ctx, aes ? "ECDHE-ECDSA-AES256-GCM-SHA384"
                                                    : "ECDHE-ECDSA-CHACHA20-POLY1305") == 1,
                   "no such cipher");
    else
        bench_need(SSL_CTX_set_ciphersuites(ctx, aes ? "TLS_AES_256_GCM_SHA384"
                                                     : "TLS_CHACHA20_POLY1305_SHA256") == 1,
                   "no such cipher");
    return ctx;
}

/* A key and certificate for one side, which the other trusts and asks for. */
static inline void peer_identity(SSL_CTX *own, SSL_CTX *other, int dtls) {
    EVP_PKEY *key = dtls ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bench_need(key != NULL, "no key");
    X509 *cert = peer_certificate(key, dtls ? EVP_sha256() : NULL);
    bench_need(SSL_CTX_use_certificate(own, cert) == 1 && SSL_CTX_use_PrivateKey(own, key) == 1,
               "certificate not taken");
    bench_need(X509_STORE_add_cert(SSL_CTX_get_cert_store(other), cert) == 1, "certificate not trusted");
    SSL_CTX_set_verify(other, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline struct peer_ssl peer_ssl_new(int dtls, int aes) {
    struct peer_ssl p = {peer_context(dtls ? DTLS_server_method() : TLS_server_method(), dtls, aes),
                         peer_context(dtls ? DTLS_client_method() : TLS_client_method(), dtls, aes)};
    peer_identity(p.server, p.client, dtls);
    peer_identity(p.client, p.server, dtls);
    return p;
}

static inline void peer_ssl_free(struct peer_ssl *p) {
    SSL_CTX_free(p->server);
    SSL_CTX_free(p->client);
}

/** Both ends of a connection in memory, after its handshake. */
struct peer_pair {
    SSL *server, *client;
};

static inline void peer_move(SSL *from, SSL *to) {
    char bytes[65536];
    int n;
    while ((n = BIO_read(SSL_get_wbio(from), bytes, sizeof bytes)) > 0) BIO_write(SSL_get_rbio(to), bytes, n);
}

static inline struct peer_pair peer_pair_new(const struct peer_ssl *p) {
    struct peer_pair pair = {SSL_new(p->server), SSL_new(p->client)};
    for (int i = 0; i < 2; i++) {
        SSL *ssl = i ? pair.client : pair.server;
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        BIO_set_mem_eof_return(out, -1);
        SSL_set_bio(ssl, in, out);
        if (SSL_is_dtls(ssl)) {
            SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
            DTLS_set_link_mtu(ssl, 1400);
        }
    }
    SSL_set_accept_state(pair.server);
    SSL_set_connect_state(pair.client);
    for (int round = 0;
         round < 20 && !(SSL_is_init_finished(pair.server) && SSL_is_init_finished(pair.client)); round++) {
        (void)SSL_do_handshake(pair.client);
        peer_move(pair.client, pair.server);
        (void)SSL_do_handshake(pair.server);
        peer_move(pair.server, pair.client);
    }
    bench_need(SSL_is_init_finished(pair.server) && SSL_is_init_finished(pair.client),
               "no handshake of OpenSSL");
    return pair;
}

/** A byte each way, so that what is made at the first record is there. */
static inline void peer_pair_talk(const struct peer_pair *pair) {
    char byte = 'x';
    bench_need(SSL_write(pair->client, &byte, 1) == 1, "not written");
    peer_move(pair->client, pair->server);
    bench_need(SSL_read(pair->server, &byte, 1) == 1, "not read");
    bench_need(SSL_write(pair->server, &byte, 1) == 1, "not written");
    peer_move(pair->server, pair->client);
    bench_need(SSL_read(pair->client, &byte, 1) == 1, "not read");
}

static inline void peer_pair_free(struct peer_pair *pair) {
    SSL_free(pair->server);
    SSL_free(pair->client);
}

#endif
