// An account that was removed, was banned or has been away for too long comes back only after a member has added the
// account again. At the end two devices of one account rejoin at the same moment. The service must have a grace period
// of `grace` milliseconds.
import assert from 'node:assert/strict';
import { Device } from './device.mjs';
import { User } from './identity.mjs';

export async function departures({ service, suite = 1, grace, log = () => {} }) {
  const [alice, bob, carol] = await Promise.all(['alice-phone', 'bob-phone', 'carol-phone'].map(async (deviceId) => {
    const device = await Device.create(service, await User.create(), deviceId, suite);
    await device.register({ keyPackages: 8 });
    return device;
  }));
  const { convoId } = await alice.createConvo();
  await alice.addMembers(convoId, [bob.user.did, carol.user.did]);
  for (const device of [bob, carol]) assert.deepEqual(await device.acceptWelcomes(), [convoId]);
  const others = [alice, carol];
  const target = { convoId, targetDid: bob.user.did };

  await alice.removeMember(convoId, bob.user.did, 'for a while');
  await carol.catchUp(convoId);
  await comesBack('removed');

  await refused('NotAdmin', service.procedure(carol.user, 'banMember', target));
  assert.deepEqual(await service.procedure(alice.user, 'banMember', { ...target, reason: 'spam' }), { isBanned: true });
  await shutOut();
  await refused('Unauthorized', bob.send(convoId, 'from a leaf that is still there'));
  const leaf = alice.view(convoId).members.find(({ identity }) => identity.startsWith(`${bob.user.did}#`)).index;
  await assert.rejects(
    alice.update(convoId),
    (thrown) => thrown.error === 'LeavePending' && thrown.body.leaves.length === 1 && thrown.body.leaves[0] === leaf,
  );
  await carol.removeMember(convoId, bob.user.did); // Any member may remove a banned account.
  await alice.catchUp(convoId);
  await refused('InvalidCommit', alice.addMembers(convoId, [bob.user.did]));
  assert.deepEqual(await service.procedure(alice.user, 'unbanMember', target), { isBanned: false });
  await comesBack('banned');

  const { leftAt } = await bob.leave(convoId);
  for (const device of others) await device.receive(convoId);
  await alice.update(convoId); // The commit names Bob's proposal.
  await carol.catchUp(convoId);
  await new Promise((resolve) => setTimeout(resolve, Date.parse(leftAt) + grace + 100 - Date.now()));
  await comesBack('expired');

  const phone = alice;
  const tablet = await Device.create(service, alice.user, 'alice-tablet', suite);
  await tablet.register();
  await tablet.rejoin(convoId);
  await Promise.all([phone, tablet].map((device) => device.loseState()));
  const joined = await Promise.all([phone, tablet].map((device) => device.rejoin(convoId)));
  for (const { removed } of joined) assert.notEqual(removed, undefined, 'each removes its own old leaf');
  assert.notEqual(joined[0].epoch, joined[1].epoch);
  const devices = [phone, bob, carol, tablet];
  for (const device of devices) await device.catchUp(convoId);
  await agreed(devices);
  await bob.send(convoId, 'to both');
  for (const device of [phone, tablet])
    assert.ok((await device.receive(convoId)).includes('to both'), `${device.deviceId} receives`);
  log({ step: 'phone and tablet at once', epoch: phone.view(convoId).epoch });
  return {
    convoId,
    members: (await service.query(alice.user, 'getConvo', { convoId })).convo.members.length,
    devices: devices.map((device) => device.view(convoId)),
  };

  /** The service refuses Bob everything, also when a member has given him a GroupInfo. */
  async function shutOut() {
    await refused('Unauthorized', bob.getGroupInfo(convoId));
    await refused('Unauthorized', service.query(bob.user, 'getMessages', { convoId }));
    await refused('Unauthorized', bob.askToRejoin(convoId));
    const leaked = await alice.getGroupInfo(convoId, { includeTree: true });
    await refused('Unauthorized', bob.sendJoin(await bob.prepareJoin(convoId, leaked)));
  }

  /** Bob is refused; then he is added, loses his state and rejoins. */
  async function comesBack(after) {
    await shutOut();
    await alice.addMembers(convoId, [bob.user.did]);
    await bob.loseState();
    await bob.rejoin(convoId);
    for (const device of others) await device.catchUp(convoId);
    await agreed([alice, bob, carol]);
    await bob.send(convoId, `back after ${after}`);
    for (const device of others) assert.ok((await device.receive(convoId)).includes(`back after ${after}`));
    log({ step: after, epoch: bob.view(convoId).epoch });
  }

  async function agreed(devices) {
    const { convo } = await service.query(alice.user, 'getConvo', { convoId });
    assert.equal(convo.members.length, devices.length, 'no ghost');
    for (const device of devices)
      assert.deepEqual(device.view(convoId), devices[0].view(convoId), `${device.deviceId} agrees`);
    assert.deepEqual(
      convo.members.map(({ did, deviceId }) => `${did}#${deviceId}`).sort(),
      devices.map(({ user, deviceId }) => `${user.did}#${deviceId}`).sort(),
    );
  }
}

const refused = (error, attempt) => assert.rejects(attempt, (thrown) => {
  assert.equal(thrown.error, error, thrown.message);
  return true;
});
