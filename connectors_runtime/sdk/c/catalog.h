// What discover() answers: the tables that the configuration names. Their fields are known only when they are read.
#ifndef HAKIRI_CATALOG_H
#define HAKIRI_CATALOG_H
#include "lookup.h"

#define TABLES 1000u

// Checks the settings of one table. `from.table` is its own entry, or NOTHING.
typedef bool (*check_table)(const settings *from, text name);

static bool settings_of(pool *of, text given, text table, settings *out)
{
    *out = (settings){.pool = of, .config = member(given, T("config"))};
    if (!is_object(out->config)) return fail(PERMANENT, "source.config must be a table");
    out->table = member(member(out->config, T("tables")), table);
    return true;
}

static bool discover_tables(text given, check_table check)
{
    settings from;
    u32 n = 0;
    table_record *found = pool_take(&scratch, TABLES * sizeof(table_record));
    if (!settings_of(&scratch, given, NOTHING, &from)) return false;
    text tables = member(from.config, T("tables"));
    if (!is_object(tables)) {
        answer_tables(found, 0);
        return check(&from, T("table"));
    }
    json_walk w = json_enter(tables);
    while (json_next(&w)) {
        if (n == TABLES) return fail(PERMANENT, "source.config.tables has more than 1000 tables");
        text name = json_decode(&scratch, w.key);
        from.table = w.value;
        if (!check(&from, name)) return false;
        // An empty list is a place that exists, and nothing in it.
        found[n++] = (table_record){name, found, 0, (const text *)found, 0};
    }
    answer_tables(found, n);
    return true;
}

#endif
