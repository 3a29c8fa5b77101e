/* settings: the table behind pledged.yaml, one row for each line of settings.def. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/config.h"

enum setting_kind {
    SETTING_IS_TEXT,
    SETTING_IS_PATH,
    SETTING_IS_INTEGER,
    SETTING_IS_DURATION,
    SETTING_IS_SIZE,
    SETTING_IS_BOOLEAN,
    SETTING_IS_CHOICE
};

struct setting {
    const char *path;                    /* "net.threads" */
    enum setting_kind kind;
    bool required;
    size_t offset;                       /* of the field in struct config */
    const char *fallback;                /* the default as it would stand in the file, or NULL */
    const char *min, *max;               /* the same way, or NULL */
    const char *choices;
    const char *en, *zh;
};

extern const struct setting setting_table[];
extern const size_t setting_count;

/* The field of `setting` in `config`, to be read or written as its kind. */
void *setting_field(const struct config *config, const struct setting *setting);
/* Stores the value written as `text`; false with config.value and no place when it is not acceptable. */
bool setting_store(struct config *config, const struct setting *setting, const char *text, struct err *err);
/* The value as it would stand in the file (without quotes), or NULL when there is none. */
const char *setting_text(struct arena *arena, const struct config *config, const struct setting *setting);

#endif
