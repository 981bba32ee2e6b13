/*
 * What mls_client.h promises beside the way that everything goes well: contract SERVICE_URL FOLDER TOKEN_PORT DID
 * TOKEN_PORT: a server on loopback that answers "DID AUDIENCE METHOD\n" with a service token of the account DID, as a
 * PDS does.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static person alice, bob;
static char *conversation;

static void sleep_ms(int ms) {
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep(&time, NULL);
}

/* ---- Arguments and handles ---- */

static void refuses_options(mls_client_options options, mls_status status, const char *id) {
    mls_client *client = (mls_client *)1;
    REFUSED(mls_client_open(&options, &client), status, id);
    CHECK(client == NULL);
}

static void bad_options_are_refused(void) {
    char long_text[70000];
    uint8_t zeros[32] = { 0 };
    mls_client *client;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    REFUSED(mls_client_open(NULL, &client), MLS_INVALID_ARGUMENT, "InvalidArgument");
    mls_client_options good = options_of(&alice), bad;
    REFUSED(mls_client_open(&good, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
#define REFUSE(change) \
    do { bad = good; change; refuses_options(bad, MLS_INVALID_ARGUMENT, "InvalidArgument"); } while (0)
    REFUSE(bad.size = sizeof bad - 1);
    REFUSE(bad.service_url = NULL);
    REFUSE(bad.service_url = "ftp://127.0.0.1");
    REFUSE(bad.service_url = "not an address");
    REFUSE(bad.service_did = "");
    REFUSE(bad.device_id = NULL);
    REFUSE(bad.device_id = "a#b");
    REFUSE(bad.device_id = "\xff\xfe");
    REFUSE(bad.device_id = long_text);
    REFUSE(bad.cipher_suite = -1);
    REFUSE(bad.cipher_suite = 65536);
    REFUSE(bad.account_key = NULL);
    REFUSE(bad.account_key_length = 31);
    REFUSE(bad.account_key = zeros);
    REFUSE((bad.account_key = zeros, bad.account_key_curve = MLS_K256));
    REFUSE(bad.account_key_curve = 0);
    REFUSE(bad.store_path = "x.db");
    REFUSE((bad.store_path = "x.db", bad.store_key = alice.store_key, bad.store_key_length = 16));
    /* And the control. */
    OK(mls_client_open(&good, &client));
    OK(mls_client_close(client));
}

static void handles_are_checked(void) {
    mls_client_options options = options_of(&alice);
    mls_client *client, *other;
    char *text;
    OK(mls_client_open(&options, &client));
    OK(mls_client_close(client));
    REFUSED(mls_client_close(client), MLS_INVALID_HANDLE, "InvalidHandle");
    REFUSED(mls_client_start(client, NULL), MLS_INVALID_HANDLE, "InvalidHandle");
    REFUSED(mls_client_start(NULL, NULL), MLS_INVALID_HANDLE, "InvalidHandle");
    REFUSED(mls_client_did((mls_client *)(intptr_t)-1, &text), MLS_INVALID_HANDLE, "InvalidHandle");
    OK(mls_client_open(&options, &other));
    CHECK(other != client);
    OK(mls_client_close(other));
}

static void bad_arguments_are_refused(void) {
    mls_event *event;
    mls_rejoin_result result;
    const char *dids[] = { "did:example:nobody", NULL };
    REFUSED(mls_send(alice.client, NULL, (const uint8_t *)"x", 1, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_send(alice.client, "", (const uint8_t *)"x", 1, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_send(alice.client, "\xc3", (const uint8_t *)"x", 1, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_send(alice.client, conversation, NULL, 1, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_send(alice.client, conversation, (const uint8_t *)"x", SIZE_MAX, NULL),
            MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_add_members(alice.client, conversation, dids, 0, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_add_members(alice.client, conversation, dids, 2, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_remove_member(alice.client, conversation, alice.did, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_create_conversation(alice.client, NULL, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_view(alice.client, conversation, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_set_device_approval(alice.client, conversation, 2), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_approve_device(alice.client, conversation, "tablet", NULL, 0, NULL),
            MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_approve_device(alice.client, conversation, NULL, (const uint8_t *)"x", 1, NULL),
            MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_approve_device(alice.client, conversation, "tablet", (const uint8_t *)"x", SIZE_MAX, NULL),
            MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_signature_key(alice.client, conversation, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_next_event(alice.client, 0, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_client_did(alice.client, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    REFUSED(mls_send(alice.client, "no such conversation", (const uint8_t *)"x", 1, NULL), MLS_FAILED, "NoState");
    REFUSED(mls_add_members(alice.client, conversation, dids, 1, NULL), MLS_FAILED, "NothingToDo");
    CHECK(mls_rejoin(alice.client, "no such conversation", &result) == MLS_FAILED);
    mls_error *error = mls_last_error();
    CHECK(strcmp(error->id, "Unauthorized") == 0 && error->http_status == 403);
    CHECK(strcmp(error->method, "blue.catbird.mls.getGroupInfo") == 0);
    CHECK(error->rule == NULL && error->current_epoch == -1);
    mls_free(error);
    OK(mls_keep_key_packages(alice.client));
    CHECK(mls_last_error() == NULL);
    mls_free(NULL);
    /* An empty message is one. */
    OK(mls_send(alice.client, conversation, NULL, 0, NULL));
    event = next_message(bob.client);
    CHECK(event->message->data_length == 0 && event->message->data == NULL);
    mls_free(event);
    REFUSED(mls_next_event(alice.client, 0, &event), MLS_TIMED_OUT, "TimedOut");
    CHECK(event == NULL);
    /* Who asks without waiting gets it, too. */
    mls_status status = MLS_TIMED_OUT;
    for (int i = 0; i < 6000 && status == MLS_TIMED_OUT; i++) {
        sleep_ms(10);
        status = mls_next_event(alice.client, 0, &event);
    }
    CHECK(status == MLS_OK && event->kind == MLS_EVENT_CHANGED && strcmp(event->name, "info") == 0);
    mls_free(event);
}

static void another_key_does_not_open_the_store(void) {
    char path[1100];
    mls_client_options options;
    close_client(&bob);
    options = options_of(&bob);
    options.store_key = alice.account_key;
    refuses_options(options, MLS_FAILED, "WrongStoreKey");
    options.store_key = bob.store_key;
    snprintf(path, sizeof path, "%s.not", bob.store_path);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    for (int i = 0; i < 1000; i++) fputs("no store ", file);
    CHECK(fclose(file) == 0);
    options.store_path = path;
    refuses_options(options, MLS_FAILED, "StoreFailed");
    options.store_path = "/no/such/folder/store.db";
    refuses_options(options, MLS_FAILED, "StoreFailed");
    open_client(&bob);
}

/* ---- Threads ---- */

enum { THREADS = 4, EACH = 5 };

static void *sends(void *argument) {
    char text[32];
    for (int i = 0; i < EACH; i++) {
        snprintf(text, sizeof text, "%d.%d", *(int *)argument, i);
        OK(mls_send(alice.client, conversation, (const uint8_t *)text, strlen(text), NULL));
        CHECK(mls_last_error() == NULL);
    }
    /* The error of one thread is nobody else's. */
    REFUSED(mls_send(alice.client, NULL, NULL, 0, NULL), MLS_INVALID_ARGUMENT, "InvalidArgument");
    return NULL;
}

static void threads_may_call_at_the_same_time(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS], seen[THREADS][EACH] = { { 0 } }, thread, i;
    int64_t last = 0;
    for (i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, sends, &numbers[i]) == 0);
    }
    for (int n = 0; n < THREADS * EACH; n++) {
        char text[32] = "";
        mls_event *event = next_message(bob.client);
        CHECK(event->message->data_length < sizeof text && event->message->seq > last);
        last = event->message->seq;
        memcpy(text, event->message->data, event->message->data_length);
        CHECK(sscanf(text, "%d.%d", &thread, &i) == 2 && thread >= 0 && thread < THREADS && i >= 0 && i < EACH);
        CHECK(seen[thread][i]++ == 0);
        mls_free(event);
    }
    for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void *waits(void *argument) {
    mls_event *event;
    mls_status status;
    atomic_store((atomic_int *)argument, 1);
    while ((status = mls_next_event(bob.client, -1, &event)) == MLS_OK) mls_free(event);
    CHECK(status == MLS_CANCELLED || status == MLS_INVALID_HANDLE);
    CHECK(event == NULL);
    return NULL;
}

static void closing_ends_calls_that_wait(void) {
    pthread_t threads[2];
    atomic_int begun[2];
    for (int i = 0; i < 2; i++) {
        atomic_init(&begun[i], 0);
        CHECK(pthread_create(&threads[i], NULL, waits, &begun[i]) == 0);
    }
    while (!atomic_load(&begun[0]) || !atomic_load(&begun[1])) sleep_ms(1);
    sleep_ms(200); /* most likely inside; right either way */
    close_client(&bob);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    open_client(&bob);
}

/* ---- Callbacks ---- */

typedef struct callbacks {
    int port, tokens, told, refuse_messages, asked, accept;
    int64_t first_seq, last_seq;
    mls_client *client;
    char did[256], last_text[64];
} callbacks;

static int32_t ask_for_a_token(void *context, const char *audience, const char *method, char *token, size_t capacity) {
    callbacks *mine = context;
    char question[1024];
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)mine->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int length = 0;
    ssize_t got;
    mine->tokens++;
    if (mine->port == 0) return -1;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    snprintf(question, sizeof question, "%s %s %s\n", mine->did, audience, method);
    CHECK(write(connection, question, strlen(question)) == (ssize_t)strlen(question));
    while ((got = read(connection, token + length, capacity - (size_t)length)) > 0) length += (int)got;
    close(connection);
    return length;
}

static int32_t keep(void *context, const mls_message *message) {
    callbacks *mine = context;
    mine->told++;
    CHECK(strcmp(message->conversation_id, conversation) == 0 && message->data_length < sizeof mine->last_text);
    memcpy(mine->last_text, message->data, message->data_length);
    mine->last_text[message->data_length] = 0;
    if (mine->first_seq == 0) mine->first_seq = message->seq;
    mine->last_seq = message->seq;
    /* The library is not to be called from here, and says so. */
    CHECK(mls_keep_key_packages(mine->client) == MLS_INVALID_ARGUMENT);
    CHECK(mls_client_close(mine->client) == MLS_INVALID_ARGUMENT);
    if (mine->refuse_messages > 0) {
        mine->refuse_messages--;
        return 1;
    }
    return 0;
}

static int32_t accepts(void *context, const uint8_t *identity, size_t identity_length,
                       const uint8_t *signature_key, size_t signature_key_length) {
    callbacks *mine = context;
    mine->asked++;
    CHECK(identity && identity_length > 8 && memcmp(identity, "did:key:", 8) == 0);
    CHECK(memchr(identity, '#', identity_length));
    CHECK(signature_key && signature_key_length == 32);
    return mine->accept;
}

static void callbacks_are_asked(const char *service_url, int port, const char *did) {
    callbacks mine = { .port = 0, .accept = 1 };
    mls_client_options options;
    const char *dids[] = { did };
    mls_sync_result sync;
    mls_recorded recorded;
    mls_event *event;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.service_url = service_url;
    options.service_did = "did:web:localhost";
    options.device_id = "tablet";
    options.token_source = ask_for_a_token;
    options.on_message = keep;
    options.verify_credential = accepts;
    options.context = &mine;
    refuses_options(options, MLS_INVALID_ARGUMENT, "InvalidArgument"); /* whose? */
    options.did = did;
    snprintf(mine.did, sizeof mine.did, "%s", did);
    OK(mls_client_open(&options, &mine.client));
    REFUSED(mls_client_start(mine.client, NULL), MLS_FAILED, "CallbackFailed");
    CHECK(mine.tokens == 1);
    mine.port = port;
    OK(mls_client_start(mine.client, NULL));
    OK(mls_add_members(alice.client, conversation, dids, 1, &recorded));
    OK(mls_accept_welcomes(mine.client, NULL));
    CHECK(mine.tokens > 3 && mine.asked >= 3);

    /* A message that was not kept is told again. */
    OK(mls_send(alice.client, conversation, (const uint8_t *)"one", 3, &recorded));
    mine.refuse_messages = 1;
    REFUSED(mls_sync(mine.client, conversation, &sync), MLS_FAILED, "CallbackFailed");
    CHECK(mine.told == 1 && mine.last_seq == recorded.seq);
    OK(mls_sync(mine.client, conversation, &sync));
    CHECK(mine.told == 2 && mine.first_seq == mine.last_seq && strcmp(mine.last_text, "one") == 0);
    CHECK(sync.messages == 1);
    OK(mls_sync(mine.client, conversation, &sync));
    CHECK(mine.told == 2 && sync.messages == 0);

    /* Also one that comes as an event; it is told of there and nowhere else. */
    OK(mls_next_event(mine.client, 60000, &event));
    CHECK(event->kind == MLS_EVENT_CHANGED && strcmp(event->name, "info") == 0 && strcmp(event->detail, "Opened") == 0);
    CHECK(event->message == NULL);
    mls_free(event);
    OK(mls_send(alice.client, conversation, (const uint8_t *)"two", 3, &recorded));
    OK(mls_update(alice.client, conversation, NULL));
    mine.refuse_messages = 1;
    int failed = 0, followed = 0;
    for (int i = 0; i < 50 && !followed; i++) {
        mls_status status = mls_next_event(mine.client, 60000, &event);
        if (status == MLS_FAILED) {
            check_error(__FILE__, __LINE__, "mls_next_event", "CallbackFailed");
            failed++;
            continue;
        }
        CHECK(status == MLS_OK && (event->kind == MLS_EVENT_CHANGED || event->kind == MLS_EVENT_FAILED));
        followed = mine.told == 4;
        mls_free(event);
    }
    CHECK(failed == 1 && mine.told == 4 && strcmp(mine.last_text, "two") == 0);
    OK(mls_client_close(mine.client));
}

int main(int count, char **arguments) {
    CHECK(count == 5);
    alice = (person){ .service_url = arguments[1], .device_id = "laptop", .curve = MLS_P256 };
    bob = (person){ .service_url = arguments[1], .device_id = "phone", .curve = MLS_K256 };
    random_bytes(alice.account_key, 32);
    random_bytes(bob.account_key, 32);
    random_bytes(bob.store_key, 32);
    snprintf(bob.store_path, sizeof bob.store_path, "%s/bob.db", arguments[2]);
    bad_options_are_refused();
    handles_are_checked();
    open_client(&alice);
    open_client(&bob);
    OK(mls_client_start(alice.client, NULL));
    OK(mls_client_start(bob.client, NULL));
    const char *dids[] = { bob.did };
    OK(mls_create_conversation(alice.client, NULL, &conversation));
    OK(mls_add_members(alice.client, conversation, dids, 1, NULL));
    OK(mls_accept_welcomes(bob.client, NULL));
    bad_arguments_are_refused();
    another_key_does_not_open_the_store();
    threads_may_call_at_the_same_time();
    closing_ends_calls_that_wait();
    callbacks_are_asked(arguments[1], atoi(arguments[3]), arguments[4]);
    mls_free(conversation);
    close_client(&alice);
    close_client(&bob);
    puts("contract: passed");
    return 0;
}
