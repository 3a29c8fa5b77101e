/* backup: one backup at a time, on a thread of its own that yields to everyone else: it may take minutes, and the
 * workers are for signatures. */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "api/slow.h"
#include "care/care.h"

#define DIRECTORY_MAX 3000

static void write_report(struct ask *ask, const struct care_report *report)
{
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "directory", ask->api->backup.directory);
    care_report_write(&ask->json, report);
    json_end_object(&ask->json);
}

static void *run(void *arg)
{
    struct ask *ask = arg;
    struct api *api = ask->api;
    const struct care_backup backup = {
        .store = api->options.store,
        .journal = api->options.journal,
        .access_dir = api->access_dir,
        .config = ask_config(ask),
        .rate = ask_config(ask)->backup_rate,
        .cancelled = &api->backup.cancelled,
    };
    struct care_report report;
    struct err err = {0};

    care_be_gentle();
    bool ok = care_backup(&backup, api->backup.directory, &report, &err);
    if (ok)
        write_report(ask, &report);
    /* free before it is told, so that whoever was told may start the next one */
    atomic_store(&api->backup.busy, false);
    if (ok) {
        ask_complete(ask);
    } else {
        ask_fail(ask, &err);
        ask_end(ask);
    }
    return NULL;
}

/* The thread before this one has told its end already: joining it takes no time. */
static bool start_thread(struct ask *ask, struct err *err)
{
    struct api_backup *backup = &ask->api->backup;

    pthread_mutex_lock(&backup->lock);
    bool ok = !atomic_load(&backup->cancelled) || err_set(err, ERR_STOPPING, NULL, "no new backup");
    if (ok && backup->has_thread)
        pthread_join(backup->thread, NULL);
    if (ok) {
        errno = pthread_create(&backup->thread, NULL, run, ask);
        backup->has_thread = errno == 0;
        ok = backup->has_thread || err_errno(err, ERR_INTERNAL, "backup", "pthread_create");
    }
    pthread_mutex_unlock(&backup->lock);
    return ok;
}

static void launch(struct ask *ask)
{
    struct err err = {0};

    if (start_thread(ask, &err))
        return;
    atomic_store(&ask->api->backup.busy, false);
    ask_fail(ask, &err);
    ask_end(ask);
}

bool api_do_db_backup(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"directory", NULL};
    const char *directory = NULL;

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_need_string(ask_object(ask), "", "directory", DIRECTORY_MAX, &directory, err));
    if (directory[0] != '/')
        return err_set(err, ERR_SCHEMA_INVALID, "/directory", "an absolute path is expected");
    if (atomic_exchange(&ask->api->backup.busy, true))
        return err_set(err, ERR_BACKUP_BUSY, "/directory", "one at a time");
    ask->api->backup.directory = arena_strdup(ask->arena, directory);
    ask->later = launch;
    return true;
}

void api_stop(struct api *api)
{
    slow_stop(api);
    atomic_store(&api->backup.cancelled, true);
    pthread_mutex_lock(&api->backup.lock);
    if (api->backup.has_thread)
        pthread_join(api->backup.thread, NULL);
    api->backup.has_thread = false;
    pthread_mutex_unlock(&api->backup.lock);
}
