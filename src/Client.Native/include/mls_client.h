/*
 * One device of one account at an MLS delivery service: MlsConsole.Client behind a C ABI.
 *
 * RESULTS. Every function that can fail returns an mls_status; 0 is success. mls_last_error() says what went wrong in
 * the last call of the same thread, until that thread's next call. Where a function fails, its out parameters are null
 * or zero and there is nothing to free.
 *
 * OWNERSHIP. The library copies its arguments before it returns: the caller keeps and frees what it passes. What the
 * library hands out through a pointer to a pointer (a string, an event, an error, a list) belongs to the caller. It is
 * one block with everything that it points to, and is freed by mls_free, which zeroes the block first. The arguments of
 * a callback are valid until the callback returns.
 *
 * THREADS. Calls block. They may be made from any thread and at the same time, also for one client: calls that concern
 * one conversation happen one after the other. Do not call from a user interface's thread, because calls ask the
 * service and some wait (join turns, Retry-After). Callbacks come from threads of the library, and several may come at
 * once. In a callback every function but mls_last_error and mls_free refuses (MLS_INVALID_ARGUMENT). mls_client_close
 * ends calls that are under way on other threads with MLS_CANCELLED. The handle of a client that was closed is refused
 * (MLS_INVALID_HANDLE), also much later.
 *
 * ERRORS. An error's id never changes. It is the XRPC name of the service's refusal (Unauthorized, EpochMismatch,
 * ExternalCommitsDisabled, ...), or a name of the client: Unreachable, InvalidAnswer, NoState, Desynchronised,
 * OtherBranch, RejoinLoop, RejoinFailed, WrongStoreKey, NothingToDo, or of this header: InvalidArgument, InvalidHandle,
 * Cancelled, TimedOut, StoreFailed, CallbackFailed, Internal. Messages are for people and logs, and may change.
 *
 * STRINGS are UTF-8 and end with a zero byte. A string that is not UTF-8, or is longer than 64 KiB, is an invalid
 * argument. Everything else is a pointer and a length in bytes; a null pointer goes with length 0.
 *
 * SECRETS. The store key and the account key are read from the caller's memory, and the caller zeroes that memory. The
 * library's own copies are zeroed when the client is closed. Messages, and the numbers that signing with a K-256 key
 * makes, are left to the runtime's garbage collector.
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

/* How a call ended. */
typedef int32_t mls_status;
enum {
    MLS_OK = 0,
    MLS_FAILED = 1,           /* the service refused, was not reached, or cannot be trusted: see mls_last_error() */
    MLS_INVALID_ARGUMENT = 2, /* nothing was done */
    MLS_INVALID_HANDLE = 3,   /* no client, or one that was closed */
    MLS_CANCELLED = 4,        /* the client was closed meanwhile */
    MLS_TIMED_OUT = 5,        /* mls_next_event: nothing happened in that time */
    MLS_INTERNAL = 6          /* a fault of the library */
};

/* A client. The value is a name and no address: never dereference it. No value is used twice in one process. */
typedef struct mls_client mls_client;

/* Why the last call of a thread did not succeed. */
typedef struct mls_error {
    const char *id;            /* a name that never changes its meaning, see ERRORS above */
    const char *message;       /* for people */
    const char *method;        /* the method of the service that was called, or NULL */
    const char *rule;          /* with InvalidCommit, InvalidGroupInfo and the like: the broken rule's id; else NULL */
    int32_t http_status;       /* 0 where there was no answer */
    int32_t reserved;
    int64_t retry_after_ms;    /* how long the service said to wait before the next try; -1 where it said nothing */
    int64_t current_epoch;     /* the service's epoch, with EpochMismatch; else -1 */
} mls_error;

/* The error of this thread's last call; NULL if that call succeeded. To be freed by mls_free. */
mls_error *mls_last_error(void);

/* Zeroes and frees a block that the library handed out. Does nothing with NULL. */
void mls_free(void *block);

/* ---- A client ---- */

enum { MLS_P256 = 1, MLS_K256 = 2 };

/*
 * Makes a service token: a JWT by which the account calls `method` of the service `audience` once. An application that
 * is signed in to a PDS asks the PDS for a token by com.atproto.server.getServiceAuth. Writes the token to `token`,
 * without a zero byte at its end. Returns the token's length, which is never more than `capacity` (8192), or 0 or less
 * where there is no token; the call that needed it then fails with CallbackFailed.
 */
typedef int32_t (*mls_token_source)(
    void *context,
    const char *audience,
    const char *method,
    char *token,
    size_t capacity
);

/* An application message of another member. */
typedef struct mls_message {
    const char *conversation_id;
    int64_t seq;               /* its place in the conversation's log, by which a message that comes twice is known */
    uint64_t epoch;            /* the epoch in which it was sent */
    const uint8_t *sender;     /* the sender's credential, did#device in UTF-8 without a zero byte at its end; NULL for
                                  a late message of an epoch that ended before this process began */
    size_t sender_length;
    const uint8_t *data;
    size_t data_length;
    int64_t sent_at_ms;        /* when the service received it, in ms since 1970-01-01 UTC */
} mls_message;

/*
 * Takes a message before the state without the message's key is saved. Keep the message durably, then return 0. Any
 * other value ends the call that brought the message with CallbackFailed, and the next call brings the message again.
 */
typedef int32_t (*mls_message_handler)(void *context, const mls_message *message);

/*
 * Judges a credential: `identity` is did#device in UTF-8, `signature_key` the public key of the leaf. Return 1 to
 * accept the credential; with any other value it is refused.
 */
typedef int32_t (*mls_credential_verifier)(
    void *context,
    const uint8_t *identity,
    size_t identity_length,
    const uint8_t *signature_key,
    size_t signature_key_length
);

typedef struct mls_client_options {
    size_t size;                      /* sizeof(mls_client_options), which every caller sets */
    const char *service_url;          /* http(s)://... */
    const char *service_did;          /* the service's DID, the audience of all tokens */
    const char *did;                  /* the account; with account_key also NULL: then it is the key's did:key */
    const char *device_id;            /* the device's name for itself, the same after a reinstall; without '#' */
    const char *device_name;          /* the device's name for people; NULL: the device id */
    const char *store_path;           /* a file that one client has at a time; NULL: the state is kept in memory, and
                                         lost at the end */
    const uint8_t *store_key;         /* 32 bytes from the device's key store; only with store_path */
    size_t store_key_length;
    mls_token_source token_source;    /* either this or account_key is set */
    const uint8_t *account_key;       /* the 32 bytes of the account's signing key, for a program that holds that key */
    size_t account_key_length;
    int32_t account_key_curve;        /* MLS_P256 or MLS_K256 */
    int32_t cipher_suite;             /* the suite of conversations that the device creates;
                                         0: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 */
    mls_message_handler on_message;   /* NULL: messages come as events of mls_next_event, and until then are kept in
                                         memory only */
    mls_credential_verifier verify_credential; /* NULL: every credential is accepted that the service served and the key
                                                  signed */
    void *context;                    /* given to the callbacks */
} mls_client_options;

/*
 * Opens a client, and asks the service nothing yet. Begin with: mls_client_options options = { sizeof options }; A file
 * that is no store is refused here (StoreFailed), and so is a store that was written with another key (WrongStoreKey).
 * The file is left as it is. If its key is lost, delete the file and begin with an empty one.
 */
mls_status mls_client_open(const mls_client_options *options, mls_client **client);

/* The account's DID: that of the options, or the account key's did:key. */
mls_status mls_client_did(mls_client *client, char **did);

/*
 * Ends the calls that are under way, forgets all secrets in memory and closes the store. After the return no callback
 * comes any more.
 */
mls_status mls_client_close(mls_client *client);

/* ---- Joining conversations ---- */

enum {
    MLS_BY_WELCOME = 1,         /* a Welcome was waiting */
    MLS_BY_EXTERNAL_COMMIT = 2, /* by an external commit, with nobody's help */
    MLS_BY_MEMBER = 3           /* by a member who was asked to add the device */
};

typedef struct mls_rejoin_result {
    int32_t way;                /* MLS_BY_... */
    int32_t joined;             /* 0 with MLS_BY_MEMBER, where a Welcome may come later, and with awaits_approval */
    uint64_t epoch;             /* the epoch that the device is in; 0 where it has not joined */
    int32_t attempts;           /* external commits that were tried */
    int32_t awaits_approval;    /* 1: another device of the account has to approve this one first */
    int64_t elapsed_ms;
    int64_t waited_ms;          /* the part of elapsed_ms in which the device waited between external commits */
} mls_rejoin_result;

/* What came of one conversation whose state was lost. */
typedef struct mls_recovery {
    const char *conversation_id;
    const char *error_id;       /* NULL where the rejoin did not fail */
    const char *error_message;
    mls_rejoin_result rejoin;
} mls_recovery;

typedef struct mls_recoveries {
    size_t count;
    const mls_recovery *items;
} mls_recoveries;

/*
 * To be called once after opening. Enrols the device where it is not enrolled, publishes key packages, and brings back
 * every conversation whose state was lost. `recoveries` may be NULL.
 */
mls_status mls_client_start(mls_client *client, mls_recoveries **recoveries);

/*
 * Joins a conversation that the account belongs to by an external commit, without the help of members. `result` may be
 * NULL.
 */
mls_status mls_join_by_external_commit(mls_client *client, const char *conversation_id, mls_rejoin_result *result);

/*
 * Brings the device (back) into a conversation: by a Welcome that waits, else by an external commit in turn, tried
 * again within bounds, else by a member. `result` may be NULL.
 */
mls_status mls_rejoin(mls_client *client, const char *conversation_id, mls_rejoin_result *result);

/*
 * Rejoins every conversation that the account belongs to and the device has no live state of. `recoveries` may be NULL.
 */
mls_status mls_recover_lost_conversations(mls_client *client, mls_recoveries **recoveries);

/* Joins the conversations whose Welcome waits for this device. Their number is put into `joined`, which may be NULL. */
mls_status mls_accept_welcomes(mls_client *client, size_t *joined);

/* Publishes key packages when few are left. Call this now and then. */
mls_status mls_keep_key_packages(mls_client *client);

/*
 * Forgets what the device knows of a conversation. Call this when a person has decided to trust the service again after
 * OtherBranch: a later rejoin has nothing left to verify the service's group against.
 */
mls_status mls_forget(mls_client *client, const char *conversation_id);

/* ---- Taking part in conversations ---- */

typedef struct mls_bytes {
    const uint8_t *data;
    size_t length;
} mls_bytes;

/* A commit or a message that the service has recorded in a conversation's log. */
typedef struct mls_recorded {
    uint64_t epoch;             /* the epoch that a commit created, or that a message was sent in */
    int64_t seq;                /* the place in the conversation's log */
} mls_recorded;

/*
 * Creates a conversation whose only member is this device. `metadata`, which the service keeps in the clear, may be
 * NULL.
 */
mls_status mls_create_conversation(mls_client *client, const char *metadata, char **conversation_id);

/* Adds all devices of accounts. `recorded` may be NULL, here and below. */
mls_status mls_add_members(
    mls_client *client,
    const char *conversation_id,
    const char *const *dids,
    size_t count,
    mls_recorded *recorded
);

/*
 * Leaves a conversation with all devices of the account. The leave counts at once; the leaves of the devices go with
 * the next commit of a member. What the device knows of the conversation is forgotten. The time (ms since 1970-01-01
 * UTC) from which the days to come back by mls_rejoin are counted is put into `left_at_ms`, which may be NULL.
 */
mls_status mls_leave(mls_client *client, const char *conversation_id, int64_t *left_at_ms);

/* Removes all devices of another account. */
mls_status mls_remove_member(mls_client *client, const char *conversation_id, const char *did, mls_recorded *recorded);

/*
 * Keeps an account out of the conversation until it is unbanned, whether it is a member or not. From now on the account
 * gets nothing of the conversation, and its leaves go with the next commit of a member. An account that is unbanned
 * after that has to be added again. `reason`, for the service's audit log, may be NULL. Only admins may.
 */
mls_status mls_ban_member(mls_client *client, const char *conversation_id, const char *did, const char *reason);
mls_status mls_unban_member(mls_client *client, const char *conversation_id, const char *did, const char *reason);

/* Makes a member an admin, or an admin a member like others. The last admin stays an admin. Only admins may. */
mls_status mls_promote_admin(mls_client *client, const char *conversation_id, const char *did);
mls_status mls_demote_admin(mls_client *client, const char *conversation_id, const char *did);

/*
 * Sets whether a conversation lets a new device in only after another device of its account has approved it, for one
 * join. A device that awaits approval has awaits_approval in its result, and mls_next_event lets it join by itself when
 * the approval comes. `required` is 0 or 1. Only admins may, and once in an epoch.
 */
mls_status mls_set_device_approval(mls_client *client, const char *conversation_id, int32_t required);

/*
 * Approves another device of the account. `signature_key` is what mls_signature_key gives on that other device, carried
 * over by people, such as by a QR code. Never take that key from the service, which has what the account's server
 * enrolled. The time from which the device may join (ms since 1970-01-01 UTC) is put into `approved_at_ms`, which may
 * be NULL.
 */
mls_status mls_approve_device(
    mls_client *client,
    const char *conversation_id,
    const char *device_id,
    const uint8_t *signature_key,
    size_t length,
    int64_t *approved_at_ms
);

/* The public key with which this device joins the conversation, for another device that approves it. */
mls_status mls_signature_key(mls_client *client, const char *conversation_id, mls_bytes **signature_key);

/* Renews the device's keys in the group, which heals the group after a compromise of the device. */
mls_status mls_update(mls_client *client, const char *conversation_id, mls_recorded *recorded);

/* Sends an application message. */
mls_status mls_send(
    mls_client *client,
    const char *conversation_id,
    const uint8_t *data,
    size_t length,
    mls_recorded *recorded
);

typedef struct mls_sync_result {
    uint64_t epoch;
    int32_t messages;           /* messages that were given to on_message, or became events */
    int32_t commits;            /* commits that were followed */
    int32_t unreadable;         /* messages that cannot be opened, most of them of epochs before the device joined */
    int32_t removed;            /* 1: the device is no longer a member */
    int32_t rejoined;           /* 1: the device had fallen out of the group, and is back */
    int32_t reserved;
} mls_sync_result;

/* Takes all that happened in a conversation since the last time. `result` may be NULL. */
mls_status mls_sync(mls_client *client, const char *conversation_id, mls_sync_result *result);

/* A conversation as the device has it. */
typedef struct mls_conversation {
    uint64_t epoch;
    int64_t seq;                    /* the place of the last entry of the service's log that the device has taken */
    mls_bytes epoch_authenticator;  /* to compare with that of other members (RFC 9420 section 8.7); never published */
    size_t member_count;
    const mls_bytes *members;       /* credential identities, did#device in UTF-8, by leaf */
} mls_conversation;

/* Fails with NoState where the device is not in the group. */
mls_status mls_view(mls_client *client, const char *conversation_id, mls_conversation **conversation);

/* ---- Events ---- */

enum {
    MLS_EVENT_MESSAGE = 1,      /* `message` is set; never with on_message, which is given the messages instead */
    MLS_EVENT_CHANGED = 2,      /* the service sent an event, which `name` names, and the device has taken it */
    MLS_EVENT_REMOVED = 3,      /* the device is no longer a member */
    MLS_EVENT_REJOINED = 4,     /* the device had fallen out of the group, and is back */
    MLS_EVENT_FAILED = 5        /* the device could not follow: error_id and error_message say why */
};

typedef struct mls_event {
    int32_t kind;               /* MLS_EVENT_...; pass over a kind that you do not know */
    int32_t reserved;
    const char *name;           /* the service's name of the event: commit, proposal, message, welcome, membership,
                                   newDevice, ..., info */
    const char *conversation_id; /* NULL where the event concerns no single conversation */
    int64_t seq;                /* the event's own number; 0 where it has none */
    const char *did;            /* the account that the event is about: with welcome, membership, newDevice, ...;
                                   else NULL */
    const char *detail;         /* with membership: joined, left, removed, ...; with welcome and newDevice: the device;
                                   with info: its name; else NULL */
    const mls_message *message;
    const char *error_id;
    const char *error_message;
} mls_event;

/*
 * The next event, as it happens. The first call opens the account's stream of events, which is opened again whenever it
 * breaks. Without a place to resume from, the stream begins with an info, for which all conversations are synchronised.
 * An event counts as taken once the next one is asked for: after a crash in between it comes again. A `timeout_ms`
 * below 0 waits without end. MLS_TIMED_OUT where nothing happened in time.
 */
mls_status mls_next_event(mls_client *client, int32_t timeout_ms, mls_event **event);

#ifdef __cplusplus
}
#endif

#endif
