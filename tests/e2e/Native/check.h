/*
 * What the programs of this folder have in common: a check that ends the program, and clients that are opened in one
 * line.
 */
#ifndef CHECK_H
#define CHECK_H

#include "mls_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the place, and what the library says of it. */
static inline void fail(const char *file, int line, const char *what) {
    mls_error *error = mls_last_error();
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    if (error) fprintf(stderr, "    the last error of this thread: %s: %s\n", error->id, error->message);
    mls_free(error);
    exit(1);
}

#define CHECK(what) do { if (!(what)) fail(__FILE__, __LINE__, #what); } while (0)
#define OK(call) CHECK((call) == MLS_OK)

/* Whether a call ended with a status, and this thread's last error has an id. */
#define REFUSED(call, status, error_id) \
    do { CHECK((call) == (status)); check_error(__FILE__, __LINE__, #call, error_id); } while (0)

static inline void check_error(const char *file, int line, const char *call, const char *id) {
    mls_error *error = mls_last_error();
    if (!error || strcmp(error->id, id) != 0 || error->message[0] == 0) fail(file, line, call);
    mls_free(error);
}

static inline void random_bytes(uint8_t *to, size_t length) {
    FILE *random = fopen("/dev/urandom", "rb");
    CHECK(random && fread(to, 1, length, random) == length);
    fclose(random);
}

/* A device of an account, and what outlives its losses. */
typedef struct person {
    const char *service_url, *device_id;
    char store_path[1024];      /* empty: in memory */
    uint8_t store_key[32], account_key[32];
    int32_t curve;
    mls_client *client;
    char *did;
} person;

static inline mls_client_options options_of(const person *one) {
    mls_client_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.service_url = one->service_url;
    options.service_did = "did:web:localhost";
    options.device_id = one->device_id;
    if (one->store_path[0]) {
        options.store_path = one->store_path;
        options.store_key = one->store_key;
        options.store_key_length = sizeof one->store_key;
    }
    options.account_key = one->account_key;
    options.account_key_length = sizeof one->account_key;
    options.account_key_curve = one->curve;
    return options;
}

static inline void open_client(person *one) {
    mls_client_options options = options_of(one);
    OK(mls_client_open(&options, &one->client));
    mls_free(one->did);
    OK(mls_client_did(one->client, &one->did));
}

static inline void close_client(person *one) {
    OK(mls_client_close(one->client));
    mls_free(one->did);
    one->did = NULL;
}

/* Waits for the next message; other events are passed over. */
static inline mls_event *next_message(mls_client *client) {
    for (int i = 0; i < 100; i++) {
        mls_event *event;
        OK(mls_next_event(client, 60000, &event));
        CHECK(event->kind != MLS_EVENT_FAILED);
        if (event->kind == MLS_EVENT_MESSAGE) return event;
        mls_free(event);
    }
    CHECK(!"a message came");
    return NULL;
}

static inline int is_text(const uint8_t *data, size_t length, const char *text) {
    return length == strlen(text) && memcmp(data, text, length) == 0;
}

#endif
