/* intake: the way of a message, as one sentence. */
#include "intake/internal.h"

#include <stdlib.h>

/* A message is taken when it is within the limits and its signature holds, when it has not come before, when it is what
 * its schema says, neither too old nor from the future, and from one who may send it to us. */
static bool judge(struct intake_case *c, struct err *err)
{
    return case_read(c, err) && case_replayed(c, err) &&
           (c->duplicate || (case_schema(c, err) && case_age(c, err) && case_authorised(c, err)));
}

bool intake_read(struct intake *intake, const struct intake_in *in, struct intake_case **case_out, struct err *err)
{
    struct intake_case *c = *case_out = case_new(intake, in);

    if (judge(c, err))
        return true;
    refused_keep(c, err);
    return false;
}

/* A row of a source needs no signature: that the source may tell this was decided by two persons, and how it is reached
 * vouches for it. */
static bool judge_row(struct intake_case *c, struct err *err)
{
    return case_row(c, err) && case_replayed(c, err) && (c->duplicate || (case_schema(c, err) && case_fed(c, err)));
}

bool intake_row(struct intake *intake, const struct intake_row *row, struct intake_case **case_out, struct err *err)
{
    struct intake_case *c = *case_out = case_of_row(intake, row);

    return judge_row(c, err);
}

/* A few large messages are as much as many small ones: the queue counts only how many. */
static bool enter(struct intake_case *c, struct err *err)
{
    struct intake *intake = c->intake;

    pthread_mutex_lock(&intake->lock);
    size_t n = c->in.body.n <= INTAKE_SMALL ? 0 : c->in.body.n;
    bool room = n <= INTAKE_WAITING_MAX - intake->waiting;
    c->waits = room ? n : 0;
    intake->waiting += c->waits;
    pthread_mutex_unlock(&intake->lock);
    return room || err_set(err, ERR_BUSY_QUEUE, NULL, "%s", "messages");
}

void case_leave(struct intake_case *c)
{
    pthread_mutex_lock(&c->intake->lock);
    c->intake->waiting -= c->waits;
    c->waits = 0;
    pthread_mutex_unlock(&c->intake->lock);
}

/* Then policy decides, the ledger records what follows, and what waits for a person goes on when that person has
 * decided: decide.c, held.c. */
bool intake_decide(struct intake_case *c, intake_done *done, void *arg, struct err *err)
{
    const struct err none = {0};

    c->done = done;
    c->arg = arg;
    if (c->duplicate) {
        done(arg, &none);
        return true;
    }
    CHECK(enter(c, err));
    if (ledger_submit_for(c->intake->options.ledger, c->in.sender->slot + 1,
                          message_count(message_body(c->message), "rows"), case_decide, case_decided, c, err))
        return true;
    case_leave(c);
    return false;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = xcalloc(1, sizeof(*intake));

    intake->options = *options;
    intake->gateway = xstrdup(options->gateway);
    intake->options.gateway = intake->gateway;
    pthread_mutex_init(&intake->lock, NULL);
    ledger_on_commit(options->ledger, held_watch, intake);
    return intake;
}

void intake_free(struct intake **intake)
{
    struct intake *i = *intake;

    if (i == NULL)
        return;
    *intake = NULL;
    if (i->directory != NULL)
        directory_free(&i->directory);
    pthread_mutex_destroy(&i->lock);
    free(i->gateway);
    free(i);
}

void intake_set(struct intake *intake, const struct catalog *catalog, struct directory *directory)
{
    pthread_mutex_lock(&intake->lock);
    struct directory *old = intake->directory;
    intake->catalog = catalog;
    intake->directory = directory_ref(directory);
    pthread_mutex_unlock(&intake->lock);
    if (old != NULL)
        directory_free(&old);
}
