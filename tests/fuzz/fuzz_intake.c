/* Any bytes as a message to the gateway, by one partner whose keys are fixed: what is refused is refused with a code
 * that tells the sender, what is taken is whole.
 *
 * The first byte chooses. Its two low bits: JSON, flattened JWS, XML. The third: the bytes come signed as they are
 * (JSON with its detached JWS as the first line), or the fuzzer signs them, so that what lies behind the signature is
 * met, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/intake.h"

#define NOW INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define FORMS 3u
#define SIGN 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The test key of RFC 6979 A.2.5: known to everyone. */
static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
                          "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
                          "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
                          "-----END PRIVATE KEY-----\n";

static char directory[] = "/tmp/fuzz-intake-XXXXXX";
static struct crypto_keyring *ring;
static struct intake *intake;
static struct partner sender;

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* ---- a gateway that takes messages and decides nothing: its ledger is not started ---- */

static void leave(void)
{
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    if (system(command) != 0)
        perror(directory);
}

static struct directory *nobody(void)
{
    static const char *const lists[] = {"partners", "operators", "sources"};
    char paths[3][128];
    struct err items[1] = {{0}};
    struct config_faults faults = {.items = items, .max = 1};
    struct directory *out;
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s.yaml", directory, lists[i]);
        FILE *file = fopen(paths[i], "wb");
        require(file != NULL);
        (void)fprintf(file, "%s: []\n", lists[i]);
        (void)fclose(file);
    }
    const struct directory_files files = {paths[0], paths[1], paths[2]};
    require(directory_load(&files, 1, &out, &faults));
    return out;
}

static void open_sender(void)
{
    static const char *const kinds[] = {"certification.batch", "exclusion.notice", "echo", "receipt", NULL};
    struct err err = {0};
    ring = crypto_keyring_new();
    require(crypto_keyring_load_key(ring, CRYPTO_SIGN_ES256, bytes_str(pem), NULL, &err));
    sender = (struct partner){.id = "bureau-1", .name = "bureau", .roles = ROLE_BUREAU, .kinds = kinds};
    sender.signing =
        (struct jws_expect){.alg = CRYPTO_ES256, .keys = {crypto_keyring_public(ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
}

static void open_intake(void)
{
    static struct store *store;
    static struct catalog *catalog;
    struct err err = {0};
    log_set_level(LOG_ERROR + 1);
    require(mkdtemp(directory) != NULL && atexit(leave) == 0);
    const struct store_options options = {.directory = directory, .map_size = 1 << 26, .readers = 4, .no_sync = true};
    require(store_open(&options, &store, &err) && catalog_load(SCHEMAS, &catalog, &err));
    struct journal *journal = journal_lmdb();
    const struct ledger_options ledger = {.store = store, .journal = journal, .queue_max = 1};
    const struct intake_options in = {
        .ledger = ledger_new(&ledger), .store = store, .journal = journal, .gateway = "ippledge-sx"};
    intake = intake_new(&in);
    intake_set(intake, catalog, nobody());
}

/* ---- one message ---- */

static void flatten(struct bytes payload, struct buf *out)
{
    struct buf compact;
    struct err err = {0};
    buf_init(&compact, JWS_COMPACT_MAX);
    require(jws_sign_compact(ring, CRYPTO_ES256, NULL, NOW, payload, &compact, &err));
    const char *first = (const char *)compact.p, *second = strchr(first, '.') + 1, *third = strchr(second, '.') + 1;
    buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"%s\"}", (int)(second - first - 1),
               first, (int)(third - second - 1), second, third);
    buf_free(&compact);
}

static void sign(struct intake_in *in, struct bytes data, struct buf *body, struct buf *signature)
{
    const struct message_profile profile = {0};
    struct err err = {0};
    in->body = data;
    if (in->form == INTAKE_JSON)
        require(jws_sign_detached(ring, CRYPTO_ES256, NULL, NOW, data, signature, &err));
    else if (in->form == INTAKE_JOSE)
        flatten(data, body);
    else if (!message_sign_xml(data, ring, CRYPTO_ES256, &profile, body, &err))
        return; /* no XML: given as it is */
    if (in->form != INTAKE_JSON)
        in->body = buf_bytes(body);
    in->signature = buf_bytes(signature);
}

static void take_line(struct intake_in *in, struct bytes data)
{
    const uint8_t *end = data.n == 0 ? NULL : memchr(data.p, '\n', data.n);
    in->body = data;
    if (in->form != INTAKE_JSON || end == NULL)
        return;
    in->signature = bytes_of(data.p, (size_t)(end - data.p));
    in->body = bytes_of(end + 1, data.n - in->signature.n - 1);
}

static void is_whole(const struct intake_case *c)
{
    const struct message_envelope *envelope = intake_envelope(c);
    const struct message_node *body = message_body(intake_message(c));
    require(!intake_duplicate(c) && envelope->id[0] != '\0' && strlen(envelope->id) <= MESSAGE_ID_MAX);
    require(strcmp(envelope->sender, sender.id) == 0 && strcmp(envelope->receiver, "ippledge-sx") == 0);
    require(body != NULL);
    for (size_t n = message_count(body, "rows"); n > 0; n--)
        require(message_text(message_member(message_at(body, "rows", n - 1), "uscc"))[0] != '\0');
}

static void is_told(const struct intake_case *c, const struct err *err)
{
    const struct err *errors;
    enum err_kind kind = err_info(err->code)->kind;
    size_t n = intake_errors(c, &errors);
    require(kind == ERR_KIND_INPUT || kind == ERR_KIND_DENIED || kind == ERR_KIND_CONFLICT);
    require(n <= INTAKE_ERRORS_MAX);
    for (size_t i = 0; i < n; i++)
        require(errors[i].code != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct intake_in in = {.sender = &sender, .now_ms = NOW, .address = "192.0.2.1", .trace_id = "0"};
    struct intake_case *c;
    struct buf body, signature;
    struct err err = {0};
    if (intake == NULL) {
        open_sender();
        open_intake();
    }
    if (size == 0 || (data[0] & 3u) >= FORMS)
        return 0;
    in.form = (enum intake_form)(data[0] & 3u);
    buf_init(&body, 2 * MESSAGE_MAX);
    buf_init(&signature, 4096);
    if (data[0] & SIGN)
        sign(&in, bytes_of(data + 1, size - 1), &body, &signature);
    else
        take_line(&in, bytes_of(data + 1, size - 1));
    if (intake_read(intake, &in, &c, &err))
        is_whole(c);
    else
        is_told(c, &err);
    intake_close(&c);
    buf_free(&body);
    buf_free(&signature);
    return 0;
}
