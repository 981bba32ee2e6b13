/*
 * A lost device is back in its conversation, by the C header alone: rejoin SERVICE_URL FOLDER
 * Ends with 0 if everything was as it is to be.
 */
#include "check.h"

#include <unistd.h>

static void say(person *from, const char *conversation, const char *text) {
    mls_recorded recorded;
    OK(mls_send(from->client, conversation, (const uint8_t *)text, strlen(text), &recorded));
    CHECK(recorded.seq > 0);
}

static void hear(person *to, const person *from, const char *conversation, const char *text) {
    char sender[512];
    mls_event *event = next_message(to->client);
    snprintf(sender, sizeof sender, "%s#%s", from->did, from->device_id);
    CHECK(strcmp(event->message->conversation_id, conversation) == 0);
    CHECK(is_text(event->message->sender, event->message->sender_length, sender));
    CHECK(is_text(event->message->data, event->message->data_length, text));
    CHECK(event->message->sent_at_ms > INT64_C(1700000000000));
    mls_free(event);
}

/* Both are in one epoch, with one secret and the same members. */
static void agree(person *one, person *other, const char *conversation, size_t members) {
    mls_conversation *mine, *theirs;
    OK(mls_sync(one->client, conversation, NULL));
    OK(mls_sync(other->client, conversation, NULL));
    OK(mls_view(one->client, conversation, &mine));
    OK(mls_view(other->client, conversation, &theirs));
    CHECK(mine->epoch == theirs->epoch);
    size_t length = mine->epoch_authenticator.length;
    CHECK(length >= 32 && length == theirs->epoch_authenticator.length);
    CHECK(memcmp(mine->epoch_authenticator.data, theirs->epoch_authenticator.data, length) == 0);
    CHECK(mine->member_count == members && theirs->member_count == members);
    for (size_t i = 0; i < members; i++) {
        CHECK(mine->members[i].length == theirs->members[i].length);
        CHECK(memcmp(mine->members[i].data, theirs->members[i].data, mine->members[i].length) == 0);
    }
    mls_free(mine);
    mls_free(theirs);
}

static void lose_everything(person *one) {
    close_client(one);
    CHECK(unlink(one->store_path) == 0);
    random_bytes(one->store_key, sizeof one->store_key);
    open_client(one);
}

int main(int count, char **arguments) {
    CHECK(count == 3);
    person alice = { .service_url = arguments[1], .device_id = "laptop", .curve = MLS_P256 };
    person bob = { .service_url = arguments[1], .device_id = "phone", .curve = MLS_K256 };
    random_bytes(alice.account_key, 32);
    random_bytes(bob.account_key, 32);
    random_bytes(bob.store_key, 32);
    snprintf(bob.store_path, sizeof bob.store_path, "%s/bob.db", arguments[2]);
    open_client(&alice);
    open_client(&bob);

    /* Two devices meet. */
    mls_recoveries *recoveries;
    OK(mls_client_start(alice.client, NULL));
    OK(mls_client_start(bob.client, &recoveries));
    CHECK(recoveries->count == 0);
    mls_free(recoveries);
    char *conversation;
    mls_recorded recorded;
    const char *dids[] = { bob.did };
    OK(mls_create_conversation(alice.client, "of two", &conversation));
    OK(mls_add_members(alice.client, conversation, dids, 1, &recorded));
    CHECK(recorded.epoch == 1);
    size_t joined;
    OK(mls_accept_welcomes(bob.client, &joined));
    CHECK(joined == 1);
    say(&alice, conversation, "Hello, B\xc3\xb6" "b");
    hear(&bob, &alice, conversation, "Hello, B\xc3\xb6" "b");
    agree(&alice, &bob, conversation, 2);

    /* The program starts again with its store, and goes on. */
    close_client(&bob);
    open_client(&bob);
    say(&alice, conversation, "Still there?");
    hear(&bob, &alice, conversation, "Still there?");

    /* It loses everything, and rejoins by external commit. */
    lose_everything(&bob);
    mls_conversation *nothing;
    REFUSED(mls_view(bob.client, conversation, &nothing), MLS_FAILED, "NoState");
    CHECK(nothing == NULL);
    mls_rejoin_result result;
    OK(mls_join_by_external_commit(bob.client, conversation, &result));
    CHECK(result.way == MLS_BY_EXTERNAL_COMMIT && result.joined == 1 && result.epoch == 2 && result.attempts == 1);
    CHECK(result.elapsed_ms >= 0 && result.waited_ms == 0);
    agree(&alice, &bob, conversation, 2);
    say(&alice, conversation, "You are back");
    hear(&bob, &alice, conversation, "You are back");
    say(&bob, conversation, "I am");
    hear(&alice, &bob, conversation, "I am");

    /* Again, at the start of the program: with no word about which conversations there were. */
    lose_everything(&bob);
    OK(mls_client_start(bob.client, &recoveries));
    CHECK(recoveries->count == 1);
    CHECK(strcmp(recoveries->items[0].conversation_id, conversation) == 0 && recoveries->items[0].error_id == NULL);
    CHECK(recoveries->items[0].rejoin.way == MLS_BY_EXTERNAL_COMMIT && recoveries->items[0].rejoin.epoch == 3);
    mls_free(recoveries);
    agree(&alice, &bob, conversation, 2);

    /* And by the way that takes whatever leads in. */
    lose_everything(&bob);
    OK(mls_rejoin(bob.client, conversation, &result));
    CHECK(result.way == MLS_BY_EXTERNAL_COMMIT && result.epoch == 4);
    OK(mls_recover_lost_conversations(bob.client, &recoveries));
    CHECK(recoveries->count == 0);
    mls_free(recoveries);
    OK(mls_update(bob.client, conversation, &recorded));
    CHECK(recorded.epoch == 5);
    OK(mls_keep_key_packages(bob.client));
    mls_sync_result sync;
    OK(mls_sync(alice.client, conversation, &sync));
    CHECK(sync.epoch == 5 && sync.commits == 2 && sync.messages == 0 && !sync.removed && !sync.rejoined);
    agree(&alice, &bob, conversation, 2);

    /* Who is removed is out, and stays out. */
    OK(mls_remove_member(alice.client, conversation, bob.did, &recorded));
    CHECK(recorded.epoch == 6);
    REFUSED(mls_sync(bob.client, conversation, &sync), MLS_FAILED, "Unauthorized");
    CHECK(sync.epoch == 0);
    REFUSED(mls_rejoin(bob.client, conversation, &result), MLS_FAILED, "Unauthorized");
    CHECK(result.way == 0 && result.epoch == 0);

    /* Who leaves is gone with the next commit of a member, and may come back. */
    char *second;
    int64_t left_at;
    OK(mls_create_conversation(alice.client, NULL, &second));
    REFUSED(mls_leave(alice.client, second, &left_at), MLS_FAILED, "LastMember");
    CHECK(left_at == 0);
    dids[0] = bob.did;
    OK(mls_add_members(alice.client, second, dids, 1, NULL));
    /* By the Welcome, or without, if it is for a key package of a store that is lost. */
    OK(mls_rejoin(bob.client, second, &result));
    CHECK(result.joined == 1);
    OK(mls_leave(bob.client, second, &left_at));
    CHECK(left_at > INT64_C(1700000000000));
    REFUSED(mls_view(bob.client, second, &nothing), MLS_FAILED, "NoState");
    OK(mls_sync(alice.client, second, NULL));
    OK(mls_update(alice.client, second, NULL));
    mls_conversation *alone;
    OK(mls_view(alice.client, second, &alone));
    CHECK(alone->member_count == 1);
    mls_free(alone);
    OK(mls_rejoin(bob.client, second, &result));
    CHECK(result.way == MLS_BY_EXTERNAL_COMMIT && result.joined == 1);
    agree(&alice, &bob, second, 2);

    /* Who is banned is kept out, and added again when the ban is over. */
    REFUSED(mls_ban_member(bob.client, second, alice.did, NULL), MLS_FAILED, "NotAdmin");
    OK(mls_ban_member(alice.client, second, bob.did, "spam"));
    REFUSED(mls_rejoin(bob.client, second, &result), MLS_FAILED, "Unauthorized");
    REFUSED(mls_sync(bob.client, second, &sync), MLS_FAILED, "Unauthorized");
    OK(mls_update(alice.client, second, NULL));
    OK(mls_view(alice.client, second, &alone));
    CHECK(alone->member_count == 1);
    mls_free(alone);
    REFUSED(mls_add_members(alice.client, second, dids, 1, NULL), MLS_FAILED, "InvalidCommit");
    OK(mls_unban_member(alice.client, second, bob.did, NULL));
    OK(mls_add_members(alice.client, second, dids, 1, NULL));
    OK(mls_rejoin(bob.client, second, &result));
    CHECK(result.joined == 1);
    agree(&alice, &bob, second, 2);

    /* Admins make others admins, and do not have to stay one. */
    REFUSED(mls_promote_admin(bob.client, second, bob.did), MLS_FAILED, "NotAdmin");
    OK(mls_promote_admin(alice.client, second, bob.did));
    OK(mls_demote_admin(bob.client, second, alice.did));
    REFUSED(mls_demote_admin(bob.client, second, bob.did), MLS_FAILED, "LastAdmin");
    mls_free(second);

    /* Where a conversation requires it, a new device waits until another one of its account approves it. */
    char *third;
    mls_bytes *key;
    int64_t approved_at;
    person tablet = { .service_url = arguments[1], .device_id = "tablet", .curve = MLS_P256 };
    memcpy(tablet.account_key, alice.account_key, 32);
    open_client(&tablet);
    OK(mls_client_start(tablet.client, NULL));
    OK(mls_create_conversation(alice.client, NULL, &third));
    OK(mls_add_members(alice.client, third, dids, 1, NULL));
    OK(mls_rejoin(bob.client, third, &result));
    REFUSED(mls_set_device_approval(bob.client, third, 1), MLS_FAILED, "NotAdmin");
    OK(mls_set_device_approval(alice.client, third, 1));
    OK(mls_rejoin(tablet.client, third, &result));
    CHECK(result.joined == 0 && result.awaits_approval == 1 && result.epoch == 0);
    OK(mls_signature_key(tablet.client, third, &key));
    CHECK(key->length == 32);
    REFUSED(mls_approve_device(alice.client, third, "no such device", key->data, key->length, &approved_at),
            MLS_FAILED, "InvalidRequest");
    CHECK(approved_at == 0);
    OK(mls_approve_device(alice.client, third, tablet.device_id, key->data, key->length, &approved_at));
    CHECK(approved_at > INT64_C(1700000000000));
    mls_free(key);
    OK(mls_rejoin(tablet.client, third, &result));
    CHECK(result.joined == 1 && result.awaits_approval == 0);
    agree(&alice, &tablet, third, 3);
    close_client(&tablet);
    mls_free(third);

    mls_free(conversation);
    close_client(&alice);
    close_client(&bob);
    puts("rejoin: passed");
    return 0;
}
