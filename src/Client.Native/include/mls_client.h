/*
 * One device of one account at an MLS delivery service: MlsConsole.Client behind a C ABI.
 *
 * RESULTS. Every function that can fail returns an mls_status; 0 is success. What went wrong stands in mls_last_error() of the same thread, until that
 * thread's next call. Where a function fails, its out parameters are null or zero and there is nothing to free.
 *
 * OWNERSHIP. What the library takes it copies before it returns: the caller keeps and frees what it passes. What it hands out through a pointer to a
 * pointer (a string, an event, an error, a list) is the caller's, is one block with everything that it points to, and is freed by mls_free, which zeroes it
 * first. What callbacks are given is theirs until they return.
 *
 * THREADS. Calls block, and may be made from any thread, at the same time, also for one client: what concerns one conversation happens in turn. Keep them
 * off a user interface's thread: they ask the service, and some wait (join turns, Retry-After). Callbacks come from threads of the library, and several may
 * come at once; in a callback every function but mls_last_error and mls_free refuses (MLS_INVALID_ARGUMENT). mls_client_close ends calls that are under way
 * on other threads with MLS_CANCELLED; a client that was closed is refused by its handle (MLS_INVALID_HANDLE), also much later.
 *
 * ERRORS. An error's id never changes: the XRPC name of the service's refusal (Unauthorized, EpochMismatch, ExternalCommitsDisabled, ...) or one of the
 * client's: Unreachable, InvalidAnswer, NoState, Desynchronised, OtherBranch, RejoinLoop, RejoinFailed, WrongStoreKey, NothingToDo, and here
 * InvalidArgument, InvalidHandle, Cancelled, TimedOut, StoreFailed, CallbackFailed, Internal. Messages are for people's eyes and logs, and change.
 *
 * STRINGS are UTF-8 and end with a zero byte; one that is not UTF-8, or longer than 64 KiB, is an invalid argument. Everything else is a pointer and a
 * length in bytes; a null pointer goes with length 0.
 *
 * SECRETS. Store key and account key are read where they are; the library's own copies are zeroed when the client is closed. The caller zeroes its own.
 * Messages, and the numbers that signing with a K-256 key makes, are left to the runtime's garbage collector.
 *
 * FORKING. A process that has used the library must not fork without exec.
 *
 * MEMORY of the runtime (threads, heap) lives as long as the process: the library cannot be unloaded (no dlclose).
 */
#ifndef MLS_CLIENT_H
#define MLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. */
typedef int32_t mls_status;
enum {
    MLS_OK = 0,
    MLS_FAILED = 1,           /* the service refused it, could not be reached, or cannot be trusted: mls_last_error() says which */
    MLS_INVALID_ARGUMENT = 2, /* nothing was done */
    MLS_INVALID_HANDLE = 3,   /* no client, or one that was closed */
    MLS_CANCELLED = 4,        /* the client was closed meanwhile */
    MLS_TIMED_OUT = 5,        /* mls_next_event: nothing happened in that time */
    MLS_INTERNAL = 6          /* a fault of the library */
};

/* A client. A name for it, not an address: never dereferenced, never used twice in one process. */
typedef struct mls_client mls_client;

/* Why the last call of a thread did not succeed. */
typedef struct mls_error {
    const char *id;            /* never changes its meaning, see above */
    const char *message;       /* for people */
    const char *method;        /* the method of the service that was called, or NULL */
    const char *rule;          /* with InvalidCommit, InvalidGroupInfo and the like: the broken rule's id; else NULL */
    int32_t http_status;       /* 0 where there was no answer */
    int32_t reserved;
    int64_t retry_after_ms;    /* when the service said to try again; -1 where it did not */
    int64_t current_epoch;     /* the service's, with EpochMismatch; -1 without */
} mls_error;

/* The last call's error of this thread; NULL if it succeeded. To be freed by mls_free. */
mls_error *mls_last_error(void);

/* Zeroes and frees what the library handed out. NULL is nothing. */
void mls_free(void *block);

/* ---- A client ---- */

enum { MLS_P256 = 1, MLS_K256 = 2 };

/*
 * Makes a service token: a JWT by which the account calls `method` of the service `audience` once. An application that is signed in to a PDS asks it by
 * com.atproto.server.getServiceAuth. Writes the token to `token`, without a zero byte at its end.
 * Returns its length; 0 or less where there is none (the call then fails with CallbackFailed), and never more than `capacity`, which is 8192.
 */
typedef int32_t (*mls_token_source)(void *context, const char *audience, const char *method, char *token, size_t capacity);

/* An application message of another member. */
typedef struct mls_message {
    const char *conversation_id;
    int64_t seq;               /* its place in the conversation's log: a message that is told twice has the same */
    uint64_t epoch;            /* in which it was sent */
    const uint8_t *sender;     /* the sender's credential, did#device in UTF-8 without a zero byte; NULL where it cannot be known any more */
    size_t sender_length;
    const uint8_t *data;
    size_t data_length;
    int64_t sent_at_ms;        /* when the service received it, since 1970-01-01 UTC */
} mls_message;

/*
 * Takes a message, before the state without its key is saved: keep it durably, then return 0. Whatever else is returned ends the call that brought it with
 * CallbackFailed; the message is told again by the next one.
 */
typedef int32_t (*mls_message_handler)(void *context, const mls_message *message);

/* Whether a credential is what it says: `identity` is did#device in UTF-8, `signature_key` the leaf's. Return 1 to accept it; it is refused otherwise. */
typedef int32_t (*mls_credential_verifier)(void *context, const uint8_t *identity, size_t identity_length, const uint8_t *signature_key, size_t signature_key_length);

typedef struct mls_client_options {
    size_t size;                      /* sizeof(mls_client_options); begin with: mls_client_options options = { sizeof options }; */
    const char *service_url;          /* http(s)://... */
    const char *service_did;          /* whom tokens are meant for */
    const char *did;                  /* the account; NULL with an account key: that key's did:key */
    const char *device_id;            /* the device's name for itself, the same after a reinstall; no '#' */
    const char *device_name;          /* what people see of it; NULL: its id */
    const char *store_path;           /* a file that one client has at a time; NULL: state is kept in memory, and lost at the end */
    const uint8_t *store_key;         /* 32 bytes from the device's key store; with store_path alone */
    size_t store_key_length;
    mls_token_source token_source;    /* this, or the account's key */
    const uint8_t *account_key;       /* the 32 bytes of the account's signing key, for a program that holds it */
    size_t account_key_length;
    int32_t account_key_curve;        /* MLS_P256 or MLS_K256 */
    int32_t cipher_suite;             /* of conversations that the device creates; 0: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 */
    mls_message_handler on_message;   /* NULL: messages are events of mls_next_event, kept in memory alone until they are asked for */
    mls_credential_verifier verify_credential; /* NULL: whatever the service served and the key signed */
    void *context;                    /* given to the callbacks */
} mls_client_options;

/*
 * Opens a client. Asks the service nothing yet. A file that is no store is refused here (StoreFailed), and one that another key wrote (WrongStoreKey), which
 * is left as it is: without its key, delete it and begin with an empty one.
 */
mls_status mls_client_open(const mls_client_options *options, mls_client **client);

/* The account's DID: as the options had it, or the account key's did:key. */
mls_status mls_client_did(mls_client *client, char **did);

/* Ends what is under way, forgets all secrets in memory and closes the store. After it returns no callback comes any more. */
mls_status mls_client_close(mls_client *client);

/* ---- Into conversations ---- */

enum {
    MLS_BY_WELCOME = 1,         /* a Welcome was waiting */
    MLS_BY_EXTERNAL_COMMIT = 2, /* with nobody's help */
    MLS_BY_MEMBER = 3           /* a member was asked */
};

typedef struct mls_rejoin_result {
    int32_t way;                /* MLS_BY_... */
    int32_t joined;             /* 0 with MLS_BY_MEMBER, where a Welcome may come later, and with awaits_approval */
    uint64_t epoch;             /* the epoch that the device is in; 0 where it is not */
    int32_t attempts;           /* external commits that were tried */
    int32_t awaits_approval;    /* 1: another device of the account has to approve this one first */
    int64_t elapsed_ms;
    int64_t waited_ms;          /* the part of it in which the device waited for its turn */
} mls_rejoin_result;

/* What came of one conversation whose state was lost. */
typedef struct mls_recovery {
    const char *conversation_id;
    const char *error_id;       /* NULL: it is back */
    const char *error_message;
    mls_rejoin_result rejoin;
} mls_recovery;

typedef struct mls_recoveries {
    size_t count;
    const mls_recovery *items;
} mls_recoveries;

/* To be called once after opening: enrols the device where it is not, publishes key packages, brings back what was lost. `recoveries` may be NULL. */
mls_status mls_client_start(mls_client *client, mls_recoveries **recoveries);

/* Joins a conversation that the account belongs to, by one external commit and no other way. `result` may be NULL. */
mls_status mls_join_by_external_commit(mls_client *client, const char *conversation_id, mls_rejoin_result *result);

/* Brings the device (back) into a conversation: by a Welcome that waits, else by an external commit in turn, tried again within bounds, else by a member. */
mls_status mls_rejoin(mls_client *client, const char *conversation_id, mls_rejoin_result *result);

/* Rejoins every conversation that the account belongs to and the device has no live state of. `recoveries` may be NULL. */
mls_status mls_recover_lost_conversations(mls_client *client, mls_recoveries **recoveries);

/* Joins the conversations whose Welcome waits for this device. Their number is put into `joined`, which may be NULL. */
mls_status mls_accept_welcomes(mls_client *client, size_t *joined);

/* Publishes key packages when few are left; call it now and then. */
mls_status mls_keep_key_packages(mls_client *client);

/* Forgets what the device knows of a conversation, when somebody has decided to trust the service again after OtherBranch. */
mls_status mls_forget(mls_client *client, const char *conversation_id);

/* ---- In conversations ---- */

typedef struct mls_bytes {
    const uint8_t *data;
    size_t length;
} mls_bytes;

/* What the service recorded. */
typedef struct mls_recorded {
    uint64_t epoch;             /* the epoch that a commit created, or that a message was sent in */
    int64_t seq;                /* its place in the conversation's log */
} mls_recorded;

/* Creates a conversation whose only member is this device. `metadata`, which the service keeps in the clear, may be NULL. */
mls_status mls_create_conversation(mls_client *client, const char *metadata, char **conversation_id);

/* Adds all devices of accounts. `recorded` may be NULL, here and below. */
mls_status mls_add_members(mls_client *client, const char *conversation_id, const char *const *dids, size_t count, mls_recorded *recorded);

/*
 * Leaves, with all devices of the account. It counts at once, the leaves go with the next commit of a member, and what the device knows of the conversation
 * is forgotten. The time (ms since 1970-01-01 UTC) from which the days to come back by mls_rejoin are counted is put into `left_at_ms`, which may be NULL.
 */
mls_status mls_leave(mls_client *client, const char *conversation_id, int64_t *left_at_ms);

/* Removes all devices of another account. */
mls_status mls_remove_member(mls_client *client, const char *conversation_id, const char *did, mls_recorded *recorded);

/*
 * Keeps an account out of the conversation, a member or not, until it is unbanned: it gets nothing of it from now on, and its leaves go with the next commit of
 * a member. Once they are gone it has to be added again. `reason`, for the service's audit log, may be NULL. Admins alone.
 */
mls_status mls_ban_member(mls_client *client, const char *conversation_id, const char *did, const char *reason);
mls_status mls_unban_member(mls_client *client, const char *conversation_id, const char *did, const char *reason);

/* Makes a member an admin, or an admin a member like others; the last one stays. Admins alone. */
mls_status mls_promote_admin(mls_client *client, const char *conversation_id, const char *did);
mls_status mls_demote_admin(mls_client *client, const char *conversation_id, const char *did);

/*
 * Conversations that let a new device in after another one of its account has approved it, for one join; a device that awaits it has awaits_approval in its
 * result, and mls_next_event lets it join by itself when the approval comes. `required` (0 or 1) is for admins alone, once in an epoch.
 */
mls_status mls_set_device_approval(mls_client *client, const char *conversation_id, int32_t required);

/*
 * Approves another device of the account. `signature_key` is its own word (mls_signature_key), carried over by people, such as by a QR code: never the
 * service's, which has what the account's server enrolled. From when it may join (ms since 1970-01-01 UTC) is put into `approved_at_ms`, which may be NULL.
 */
mls_status mls_approve_device(mls_client *client, const char *conversation_id, const char *device_id, const uint8_t *signature_key, size_t length, int64_t *approved_at_ms);

/* The public key with which this device joins the conversation, for another one that approves it. */
mls_status mls_signature_key(mls_client *client, const char *conversation_id, mls_bytes **signature_key);

/* Renews the device's keys in the group, which heals the group after a compromise of the device. */
mls_status mls_update(mls_client *client, const char *conversation_id, mls_recorded *recorded);

/* Sends an application message. */
mls_status mls_send(mls_client *client, const char *conversation_id, const uint8_t *data, size_t length, mls_recorded *recorded);

typedef struct mls_sync_result {
    uint64_t epoch;
    int32_t messages;           /* that were told to on_message, or became events */
    int32_t commits;            /* that were followed */
    int32_t unreadable;         /* messages of epochs before the device joined, for the most part */
    int32_t removed;            /* 1: the device is no longer a member */
    int32_t rejoined;           /* 1: the device had fallen out of the group, and is back */
    int32_t reserved;
} mls_sync_result;

/* Takes all that happened in a conversation since the last time. `result` may be NULL. */
mls_status mls_sync(mls_client *client, const char *conversation_id, mls_sync_result *result);

/* A conversation as the device has it. */
typedef struct mls_conversation {
    uint64_t epoch;
    int64_t seq;                    /* the last entry of the service's log that was taken */
    mls_bytes epoch_authenticator;  /* to be compared with other members' (RFC 9420 section 8.7), never published */
    size_t member_count;
    const mls_bytes *members;       /* credential identities, did#device in UTF-8, by leaf */
} mls_conversation;

/* Fails with NoState where the device is not in the group. */
mls_status mls_view(mls_client *client, const char *conversation_id, mls_conversation **conversation);

/* ---- Events ---- */

enum {
    MLS_EVENT_MESSAGE = 1,      /* `message` is set. Not with on_message: that is told of messages instead. */
    MLS_EVENT_CHANGED = 2,      /* the service told of something, and the device has taken it; `name` says of what */
    MLS_EVENT_REMOVED = 3,      /* the device is no longer a member */
    MLS_EVENT_REJOINED = 4,     /* the device had fallen out of the group, and is back */
    MLS_EVENT_FAILED = 5        /* the device could not follow: error_id and error_message say why */
};

typedef struct mls_event {
    int32_t kind;               /* MLS_EVENT_...; one that you do not know is to be passed over */
    int32_t reserved;
    const char *name;           /* the service's name of it: commit, proposal, message, welcome, membership, newDevice, ..., info */
    const char *conversation_id; /* NULL where it concerns no single one */
    int64_t seq;                /* the event's own number; 0 where it has none */
    const char *did;            /* the account that it is about: with welcome, membership, newDevice, ...; else NULL */
    const char *detail;         /* membership: joined, left, removed, ...; welcome, newDevice: the device; info: its name; else NULL */
    const mls_message *message;
    const char *error_id;
    const char *error_message;
} mls_event;

/*
 * The next event, as it happens. The first call opens the account's stream of events, which is opened again whenever it breaks; without a place to resume
 * from it begins with an info, for which all conversations are synchronised. An event is taken once the next one is asked for: after a crash in between it
 * is told again. `timeout_ms` below 0 waits without end. MLS_TIMED_OUT where nothing happened in time.
 */
mls_status mls_next_event(mls_client *client, int32_t timeout_ms, mls_event **event);

#ifdef __cplusplus
}
#endif

#endif
