#include "module/service/class_settings.h"

#include "module/base/mem.h"

static void look_up(struct class_settings *settings, const struct config *config,
                    const struct job_class *class) {
    *settings = (struct class_settings){
        .config = config,
        .timeout = config_class_integer(config, class->name, "timeout", class->timeout),
        .attempts = config_class_integer(config, class->name, "attempts", class->attempts),
        .workspace = config_class_integer(config, class->name, "workspace", class->need_workspace)};
}

const struct class_settings *class_settings_find(struct table *known, const struct config *config,
                                                 const struct job_class *class) {
    struct class_settings *settings = table_get(known, class->name);
    if (!settings) {
        settings = MEM_NEW(struct class_settings);
        table_put(known, class->name, settings);
    }
    if (settings->config != config)
        look_up(settings, config, class);
    return settings;
}
