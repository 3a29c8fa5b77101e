/* partner: who may talk to the gateway and in which role, and how it is reached; which lists are fetched from where.
 *
 * Three files: partners (banks, bureaus, registry, platforms), operators (people), sources (lists). A loaded
 * directory is immutable and reference counted; a reload makes a new one with a higher generation. Identity is
 * judged at each request against the directory then in force.
 */
#ifndef PARTNER_PARTNER_H
#define PARTNER_PARTNER_H

#include "base/base.h"
#include "config/config.h"
#include "crypto/crypto.h"
#include "jws/jws.h"

#define PARTNER_MAX 10000
#define PARTNER_TLS_KEYS_MAX 8
#define SOURCE_MAX 100
#define SOURCE_SETTINGS_MAX 128

enum role {
    ROLE_BANK = 1u << 0, ROLE_BUREAU = 1u << 1, ROLE_REGISTRY = 1u << 2, ROLE_PLATFORM = 1u << 3,
    ROLE_OBSERVER = 1u << 4, ROLE_OPERATOR = 1u << 5, ROLE_APPROVER = 1u << 6, ROLE_SECADMIN = 1u << 7,
    ROLE_SYSADMIN = 1u << 8, ROLE_AUDITOR = 1u << 9
};
const char *role_name(enum role role);
/* "operator,approver" into out. */
const char *role_names(unsigned roles, char *out, size_t size);

struct source_setting { const char *name, *value; };     /* nested maps joined with '.', all as text */
/* SHA-256 over an adapter's name and its settings in their order: whether an instance is still what the file says. */
void settings_digest(const char *adapter, const struct source_setting *settings, size_t n,
                     uint8_t out[CRYPTO_DIGEST_SIZE]);
/* Whether one of the roles is among these names, divided by spaces. */
bool role_among(unsigned roles, const char *names);

/* The one other XML signature profile it may agree on; zero: that of the contract. URIs NULL: those of the algorithm. */
struct partner_xml {
    bool inclusive;                       /* Canonical XML 1.0 instead of exclusive C14N */
    const char *signature_uri, *digest_uri;
    bool der;                             /* SignatureValue holds DER instead of raw r || s */
};
/* How messages are carried to it. */
struct partner_channel {
    const char *adapter;                  /* NULL: none, it fetches from its mailbox */
    bool xml;                             /* form of what it is sent; else JSON */
    bool needs_receipt;                   /* done only with a signed receipt */
    bool skip_refused;                    /* a message that it refuses does not stop its queue */
    int64_t give_up_ms, deadline_ms;      /* of a waiting message; of one attempt */
    const struct source_setting *settings;/* the adapter's own */
    size_t setting_n;
    const char *place;                    /* file:line:column of its settings, for errors */
};
/* What a frame of the inbound TCP listener is written in. */
enum partner_charset { PARTNER_UTF_8, PARTNER_GB18030, PARTNER_GBK, PARTNER_GB2312 };
const char *partner_charset_name(enum partner_charset charset);   /* "utf-8" … */

struct partner {
    const char *id, *name;
    const char *uscc;                     /* its own unified social credit code, "" when not said */
    bool person;                          /* from the operators file */
    unsigned roles;                       /* bits of enum role; a person has observer, operator … auditor only */
    const char *const *kinds;             /* message kinds it may send, NULL-terminated */
    const char *const *receives;          /* kinds it is sent, NULL-terminated; NULL: those the catalogue has for its roles */
    uint8_t tls_keys[PARTNER_TLS_KEYS_MAX][CRYPTO_DIGEST_SIZE];
    size_t tls_key_n;
    struct jws_expect signing;            /* its message-signing keys and algorithm */
    enum crypto_alg answer_alg;           /* algorithm of what we sign for it */
    struct partner_xml xml;
    struct partner_channel channel;
    enum partner_charset charset;         /* of its frames */
    bool unmappable_reject;               /* what that charset lacks is refused; else written as &#x…; */
    bool paused;
    bool view_full;                       /* sees exclusion grounds in full (platform, bureau) */
    const char *region;                   /* a person's region scope "14", "1401"; "" = all */
    bool has_uid;
    uint32_t uid;                         /* Unix socket identity */
    uint32_t slot;                        /* 0…n-1 within this generation: for counters */
    const char *place;                    /* file:line:column of its entry, for errors */
};

enum source_scope { SOURCE_FULL, SOURCE_BATCH, SOURCE_DELTA };
struct source {
    const char *id, *name, *adapter;
    const char *feeds;                    /* kind of message that each of its rows is; NULL: its rows are a list of firms */
    enum source_scope scope;
    int64_t period_ms;                    /* between runs, and the measure of freshness */
    int64_t full_every_ms;                /* delta sources: a full list this often; 0 never */
    int64_t deadline_ms;                  /* of one run; default 1 h */
    bool absence_confirm;                 /* absence: confirm (a person) instead of twice */
    bool paused;                          /* not run by the timer */
    const char *regions;                  /* prefix of region codes it may certify, "14" */
    const struct source_setting *settings;
    size_t setting_n;
    const char *place;                    /* file:line:column of its settings, for errors */
};

struct directory;
struct directory_files {
    const char *partners, *operators, *sources;
};
/* Collects every fault in `faults` (the caller brings items and max); true when there was none. Codes as in config,
 * key.file for certificates. Relative paths in a file start at its folder. README.md describes the files. */
bool directory_load(const struct directory_files *files, uint64_t generation, struct directory **out,
                    struct config_faults *faults);
/* Each partner's answers need a key of the gateway: a fault at the entry of each for which there is none. */
bool directory_answerable(const struct directory *directory, const struct crypto_keyring *ring,
                          struct config_faults *faults);
struct directory *directory_ref(struct directory *directory);
void directory_free(struct directory **directory);
uint64_t directory_generation(const struct directory *directory);
/* SHA-256 hex digests of the three files as read: index 0 partners, 1 operators, 2 sources. */
const char *directory_digest(const struct directory *directory, int which);

size_t directory_partners(const struct directory *directory);      /* partners and people */
const struct partner *directory_partner(const struct directory *directory, size_t i);
const struct partner *directory_find(const struct directory *directory, const char *id);
/* By SHA-256 of the TLS key (hashed look-up); NULL: unknown. */
const struct partner *directory_by_key(const struct directory *directory, const uint8_t digest[CRYPTO_DIGEST_SIZE]);
const struct partner *directory_by_uid(const struct directory *directory, uint32_t uid);
size_t directory_sources(const struct directory *directory);
const struct source *directory_source(const struct directory *directory, size_t i);
const struct source *directory_source_find(const struct directory *directory, const char *id);

#endif
