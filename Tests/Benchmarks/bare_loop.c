// The yardstick for the store: the statements that the gateway runs, in plain C on the engine's own library, with nothing
// around them. Prints operations a second.
//
// Usage: bare_loop writes DATABASE CONNECTIONS SECONDS    durable changes of one 900-byte row each
//        bare_loop work   DATABASE CONNECTIONS            claims and completes all due work, 100 to a transaction
//
// DATABASE is a file, or a URL that begins with postgres://. `storage-bench prepare` makes its tables.
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 100, TEXT = 900 };

static const char *database;
static int is_postgres;
static double seconds;
static char filler[TEXT + 1];
// Written once, before the connections' threads read them.
static char claim_text[1000], complete_text[BATCH * 40 + 400];

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Statements are written with ?1 or $1, as the engine has them.
static char mark(void) { return is_postgres ? '$' : '?'; }

static const char *insert_text(void) {
    return is_postgres ? "INSERT INTO bench_row (body) VALUES ($1)" : "INSERT INTO bench_row (body) VALUES (?1)";
}

static void write_texts(void) {
    snprintf(claim_text, sizeof claim_text,
             "WITH due AS (SELECT id FROM work_item WHERE kind = 'bench' AND visible_at <= %c1 AND buried_at IS NULL "
             "ORDER BY visible_at LIMIT %d %s) "
             "UPDATE work_item SET visible_at = %c2, owner = 'bare', attempts = attempts + 1, fence = fence + 1, "
             "claimed_wakes = wakes WHERE id IN (SELECT id FROM due) "
             "RETURNING id, kind, work_key, payload, created_at, attempts, fence",
             mark(), BATCH, is_postgres ? "FOR UPDATE SKIP LOCKED" : "", mark());
    char *end = complete_text + sizeof complete_text, *at = complete_text;
    at += snprintf(at, (size_t)(end - at), "WITH claim (id, fence) AS (VALUES ");
    for (int i = 0; i < BATCH; i++)
        at += snprintf(at, (size_t)(end - at), "%s(%c%d, CAST(%c%d AS BIGINT))", i ? ", " : "", mark(), i * 2 + 1,
                       mark(), i * 2 + 2);
    snprintf(at, (size_t)(end - at),
             ") DELETE FROM work_item WHERE (id, fence) IN (SELECT id, fence FROM claim) AND owner IS NOT NULL "
             "AND wakes = claimed_wakes RETURNING id");
}

// What the last claim took.
struct claim {
    int count;
    char id[BATCH][40], fence[BATCH][24];
};

// SQLite

static sqlite3_stmt *prepare(sqlite3 *connection, const char *text) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(connection, text, -1, &statement, NULL)) fail(text, sqlite3_errmsg(connection));
    return statement;
}

static void run(sqlite3 *connection, sqlite3_stmt *statement) {
    while (sqlite3_step(statement) == SQLITE_ROW) {}
    if (sqlite3_reset(statement)) fail(sqlite3_sql(statement), sqlite3_errmsg(connection));
}

static sqlite3 *open_sqlite(void) {
    sqlite3 *connection;
    if (sqlite3_open(database, &connection)) fail(database, sqlite3_errmsg(connection));
    sqlite3_busy_timeout(connection, 10000);
    run(connection, prepare(connection, "PRAGMA journal_mode = WAL"));
    run(connection, prepare(connection, "PRAGMA synchronous = FULL"));
    return connection;
}

static long sqlite_writes(void) {
    sqlite3 *connection = open_sqlite();
    sqlite3_stmt *insert = prepare(connection, insert_text());
    long count = 0;
    for (double end = now() + seconds; now() < end; count++) {
        sqlite3_bind_text(insert, 1, filler, TEXT, SQLITE_STATIC);
        run(connection, insert);
    }
    return count;
}

static long sqlite_work(void) {
    sqlite3 *connection = open_sqlite();
    sqlite3_stmt *begin = prepare(connection, "BEGIN IMMEDIATE"), *commit = prepare(connection, "COMMIT");
    sqlite3_stmt *claim = prepare(connection, claim_text), *complete = prepare(connection, complete_text);
    struct claim *taken = calloc(1, sizeof *taken);
    long count = 0;
    do {
        run(connection, begin);
        for (int i = 0; i < BATCH && taken->count; i++) {
            // Of a short batch the rest is filled up with its first item.
            int item = i < taken->count ? i : 0;
            sqlite3_bind_text(complete, i * 2 + 1, taken->id[item], -1, SQLITE_STATIC);
            sqlite3_bind_int64(complete, i * 2 + 2, atoll(taken->fence[item]));
        }
        if (taken->count) run(connection, complete);
        count += taken->count;
        taken->count = 0;
        sqlite3_bind_int64(claim, 1, time(NULL) * 1000LL);
        sqlite3_bind_int64(claim, 2, time(NULL) * 1000LL + 15000);
        while (sqlite3_step(claim) == SQLITE_ROW) {
            snprintf(taken->id[taken->count], 40, "%s", sqlite3_column_text(claim, 0));
            snprintf(taken->fence[taken->count++], 24, "%lld", sqlite3_column_int64(claim, 6));
        }
        if (sqlite3_reset(claim)) fail("claim", sqlite3_errmsg(connection));
        run(connection, commit);
    } while (taken->count);
    return count;
}

// PostgreSQL

static PGresult *checked(PGconn *connection, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail("PostgreSQL", PQerrorMessage(connection));
    return result;
}

static PGconn *open_postgres(void) {
    PGconn *connection = PQconnectdb(database);
    if (PQstatus(connection) != CONNECTION_OK) fail("PostgreSQL", PQerrorMessage(connection));
    PQclear(checked(connection, PQprepare(connection, "insert", insert_text(), 1, NULL)));
    PQclear(checked(connection, PQprepare(connection, "claim", claim_text, 2, NULL)));
    PQclear(checked(connection, PQprepare(connection, "complete", complete_text, BATCH * 2, NULL)));
    return connection;
}

static PGresult *execute(PGconn *connection, const char *statement, int count, const char *const *values) {
    return checked(connection, PQexecPrepared(connection, statement, count, values, NULL, NULL, 0));
}

static long postgres_writes(void) {
    PGconn *connection = open_postgres();
    const char *values[] = {filler};
    long count = 0;
    for (double end = now() + seconds; now() < end; count++) PQclear(execute(connection, "insert", 1, values));
    PQfinish(connection);
    return count;
}

static long postgres_work(void) {
    PGconn *connection = open_postgres();
    struct claim *taken = calloc(1, sizeof *taken);
    long count = 0;
    do {
        PQclear(checked(connection, PQexec(connection, "BEGIN")));
        if (taken->count) {
            const char *values[BATCH * 2];
            for (int i = 0; i < BATCH; i++) {
                int item = i < taken->count ? i : 0;
                values[i * 2] = taken->id[item], values[i * 2 + 1] = taken->fence[item];
            }
            PQclear(execute(connection, "complete", BATCH * 2, values));
        }
        count += taken->count;
        char due[24], until[24];
        snprintf(due, sizeof due, "%lld", time(NULL) * 1000LL);
        snprintf(until, sizeof until, "%lld", time(NULL) * 1000LL + 15000);
        const char *values[] = {due, until};
        PGresult *rows = execute(connection, "claim", 2, values);
        taken->count = PQntuples(rows);
        for (int i = 0; i < taken->count; i++) {
            snprintf(taken->id[i], 40, "%s", PQgetvalue(rows, i, 0));
            snprintf(taken->fence[i], 24, "%s", PQgetvalue(rows, i, 6));
        }
        PQclear(rows);
        PQclear(checked(connection, PQexec(connection, "COMMIT")));
    } while (taken->count);
    PQfinish(connection);
    return count;
}

static void *perform(void *loop) { return (void *)((long (*)(void))loop)(); }

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    database = argv[2];
    is_postgres = !strncmp(database, "postgres://", 11);
    seconds = argc > 4 ? atof(argv[4]) : 0;
    memset(filler, 'x', TEXT);
    long (*writes)(void) = is_postgres ? postgres_writes : sqlite_writes;
    long (*work)(void) = is_postgres ? postgres_work : sqlite_work;
    int connections = atoi(argv[3]);
    pthread_t threads[64];
    if (connections < 1 || connections > 64) return 2;
    write_texts();
    double begin = now();
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, perform, (void *)(strcmp(argv[1], "work") ? writes : work));
    long total = 0;
    for (int i = 0; i < connections; i++) {
        void *count;
        pthread_join(threads[i], &count);
        total += (long)count;
    }
    printf("%.0f\n", (double)total / (now() - begin));
    return 0;
}
