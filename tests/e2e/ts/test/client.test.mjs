// The client alone, against a relay in memory: the scenarios' use of ts-mls is tested without any service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Device } from '../src/device.mjs';
import { journey, rejoin } from '../src/scenarios.mjs';
import * as mls from '../src/mls.mjs';
import { Relay } from '../src/relay.mjs';

for (const suite of [1, 2, 3]) {
  test(`suite ${suite}: three devices agree after a rejoin, a second device, a refused stranger and an update`,
    async () => {
      const { devices } = await journey({ service: new Relay(), suite });
      assert.equal(devices.length, 3);
    });

  test(`suite ${suite}: a reinstalled device with a new signature key removes its old leaf`, async () => {
    await rejoin({ service: new Relay(), suite, newKey: true });
  });

  test(`suite ${suite}: GroupInfo carries external_pub with its inner length (RFC 9420 §12.4.3.2)`, async () => {
    const { convoId, alice } = await rejoin({ service: new Relay(), suite });
    const { groupInfo } = await alice.getGroupInfo(convoId);
    const { extensions } = mls.decodeGroupInfoMessage(Buffer.from(groupInfo, 'base64'));
    const { extensionData } = extensions.find((e) => e.extensionType === 'external_pub');
    const key = suite === 2 ? 65 : 32;
    assert.deepEqual([...extensionData.subarray(0, key < 64 ? 1 : 2)], key < 64 ? [key] : [0x40, key]);
    assert.equal(extensionData.length, key + (key < 64 ? 1 : 2));
  });

  test(`suite ${suite}: signature keys are as RFC 9420 §5.1.1 has them`, async () => {
    const { publicKey } = await mls.signatureKeyPair(await mls.suite(suite));
    assert.equal(publicKey.length, suite === 2 ? 65 : 32);
    if (suite === 2) assert.equal(publicKey[0], 4);
  });
}

test('ts-mls members follow an external commit that removes somebody else: only a service can refuse it', async () => {
  const relay = new Relay();
  const { convoId, alice, bob } = await rejoin({ service: relay });
  const charlie = await Device.create(relay, bob.user, 'another-device', 1);
  const { input } = await charlie.prepareJoin(
    convoId,
    await bob.getGroupInfo(convoId),
    `${alice.user.did}#${alice.deviceId}`,
  );
  const state = await mls.processCommit(bob.cs, bob.states.get(convoId), Buffer.from(input.externalCommit, 'base64'));
  assert.deepEqual(
    mls.membersOf(state).map(({ identity }) => identity),
    [`${bob.user.did}#another-device`, `${bob.user.did}#bob-phone`],
  );
});
