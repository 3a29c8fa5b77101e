/* Certificates and files: times, digests of keys, bounded reading, private keys in PEM. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/internal.h"

bool crypto_asn1_ms(const ASN1_TIME *time, int64_t *ms_out)
{
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1) {
        ERR_clear_error();
        return false;
    }
    *ms_out = (int64_t)timegm(&tm) * 1000;
    return true;
}

bool crypto_x509_spki_digest(X509 *cert, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (n <= 0) {
        ERR_clear_error();
        return false;
    }
    crypto_digest(CRYPTO_SHA256, bytes_of(der, (size_t)n), out);
    OPENSSL_free(der);
    return true;
}

static bool read_all(FILE *file, const char *path, struct buf *out, struct err *err)
{
    uint8_t chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_put(out, chunk, n);
    wipe(chunk, sizeof chunk);
    if (ferror(file))
        return err_errno(err, ERR_KEY_FILE, path, "cannot be read");
    if (out->overflow)
        return err_set(err, ERR_KEY_FILE, path, "larger than %zu bytes", out->max);
    return true;
}

bool crypto_read_file(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_errno(err, ERR_KEY_FILE, path, "cannot be opened");
    bool ok = read_all(file, path, out, err);
    fclose(file);
    return ok;
}

/* Never asks on a terminal: a daemon has none. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

bool crypto_private_from_pem(struct bytes pem, const char *place, EVP_PKEY **pkey_out, struct err *err)
{
    if (pem.n > CRYPTO_FILE_MAX)
        return err_set(err, ERR_KEY_FILE, place, "larger than %u bytes", CRYPTO_FILE_MAX);
    BIO *bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!pkey)
        return crypto_fail(err, ERR_KEY_FILE, place, "no private key in PEM without a passphrase");
    ERR_clear_error();
    *pkey_out = pkey;
    return true;
}

static void warn_mode(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)))
        log_event(LOG_WARN, "key.mode", "file=%s mode=%03o text=\"a private key that others can read\"", path,
                  (unsigned)(st.st_mode & 0777));
}

bool crypto_private_from_file(const char *path, EVP_PKEY **pkey_out, struct err *err)
{
    struct buf pem;
    buf_init(&pem, CRYPTO_FILE_MAX);
    bool ok = crypto_read_file(path, &pem, err) && crypto_private_from_pem(buf_bytes(&pem), path, pkey_out, err);
    if (pem.n)
        wipe(pem.p, pem.n);
    buf_free(&pem);
    if (ok)
        warn_mode(path);
    return ok;
}
