/* Loses what the library handed out, so that it is known that valgrind would say so: leak SERVICE_URL */
#include "check.h"

int main(int count, char **arguments) {
    CHECK(count == 3);
    person alice = { .service_url = arguments[1], .device_id = "laptop", .curve = MLS_P256 };
    random_bytes(alice.account_key, 32);
    open_client(&alice);
    CHECK(alice.did[0] == 'd');
    alice.did = NULL;
    CHECK(mls_send(alice.client, NULL, NULL, 0, NULL) == MLS_INVALID_ARGUMENT);
    CHECK(mls_last_error() != NULL);
    close_client(&alice);
    puts("leak: passed");
    return 0;
}
