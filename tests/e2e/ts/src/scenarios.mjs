// What the devices do together. A scenario takes the service and a cipher suite, gives each step to `log`, throws at
// the first failure, and returns what the caller needs to compare the outcome.
import assert from 'node:assert/strict';
import { Device } from './device.mjs';
import { User } from './identity.mjs';
import * as mls from './mls.mjs';

const hex = (value) => Buffer.from(value).toString('hex');

/** The service's view of a conversation: what its stored GroupInfo says. */
export async function serviceView(device, convoId) {
  const answer = await device.getGroupInfo(convoId, { includeTree: true });
  const { groupContext } = mls.decodeGroupInfoMessage(Buffer.from(answer.groupInfo, 'base64'));
  assert.equal(Number(groupContext.epoch), answer.epoch, 'the answer names the epoch of its GroupInfo');
  assert.equal(
    answer.ratchetTree,
    Buffer.from(mls.encodeTree(device.states.get(convoId).ratchetTree)).toString('base64'),
    'the tree beside the GroupInfo is the tree of the members',
  );
  return { epoch: answer.epoch, treeHash: hex(groupContext.treeHash), groupInfo: answer.groupInfo };
}

async function refused(error, attempt) {
  await assert.rejects(attempt, (thrown) => {
    assert.equal(thrown.error, error, thrown.message);
    return true;
  });
}

/** Alice creates a group and adds Bob; Bob loses his state and rejoins by external commit. */
export async function rejoin({ service, suite = 1, log = () => {}, newKey = false }) {
  const [alice, bob] = await people(service, suite, ['alice-phone', 'bob-phone'], log);
  const { convoId } = await alice.createConvo();
  log({ step: 'created', convoId, epoch: alice.view(convoId).epoch });
  await alice.addMembers(convoId, [bob.user.did]);
  assert.deepEqual(await bob.acceptWelcomes(), [convoId]);
  assert.deepEqual(bob.view(convoId), alice.view(convoId), 'Bob joined by Welcome and agrees');
  log({ step: 'added', epoch: bob.view(convoId).epoch });

  await bob.loseState({ newKey });
  if (newKey) await bob.register();
  log({ step: 'lost', device: bob.deviceId, newKey });
  const answer = await bob.rejoin(convoId);
  assert.equal(answer.removed, 1, 'the external commit removed the old leaf');
  assert.equal(answer.epoch, 2, 'the answer names the epoch that the commit created');
  log({ step: 'rejoined', epoch: answer.epoch, seq: answer.seq, removed: answer.removed });

  assert.equal(await alice.catchUp(convoId), 1);
  assert.deepEqual(alice.view(convoId), bob.view(convoId), 'Alice followed the external commit and agrees');
  return { convoId, alice, bob };
}

/** The whole journey: rejoin, a second device, a stranger, an update, messages between all. */
export async function journey({ service, suite = 1, log = () => {}, newKey = false }) {
  const { convoId, alice, bob } = await rejoin({ service, suite, log, newKey });

  const laptop = await Device.create(service, bob.user, 'bob-laptop', suite);
  await laptop.register();
  const joined = await laptop.rejoin(convoId);
  assert.equal(joined.removed, undefined, 'a new device has no leaf to remove');
  log({ step: 'second device joined', epoch: joined.epoch });

  await strangerIsRefused(service, suite, convoId, alice, log);
  await removalOfAnotherIsRefused(service, suite, convoId, bob, alice, log);

  await alice.catchUp(convoId);
  const updated = await alice.update(convoId);
  log({ step: 'updated', epoch: updated.epoch });
  const devices = [alice, bob, laptop];
  for (const device of devices) await device.catchUp(convoId);
  const server = await serviceView(alice, convoId);
  for (const device of devices) {
    const { epoch, treeHash, authenticatorHash, members } = device.view(convoId);
    assert.equal(epoch, server.epoch);
    assert.equal(treeHash, server.treeHash);
    assert.equal(authenticatorHash, alice.view(convoId).authenticatorHash);
    assert.deepEqual(members.map(({ identity }) => identity),
      devices.map(({ user, deviceId }) => `${user.did}#${deviceId}`));
  }
  log({ step: 'agreed', ...server, authenticatorHash: alice.view(convoId).authenticatorHash, devices: devices.length });

  await messagesRoundTrip(convoId, devices, log);
  return { convoId, devices, server };
}

/**
 * A group that lives for a while: devices join and rejoin by external commit, are removed, and update. Every member
 * follows every commit, and all agree after each.
 */
export async function wander({ service, suite = 1, commits = 40, random = Math.random, log = () => {} }) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const [founder] = await people(service, suite, ['device-0'], log);
  const { convoId } = await founder.createConvo();
  const members = [founder];
  const outside = [];
  for (let i = 1; i < 9; i++) {
    const device = await Device.create(service, founder.user, `device-${i}`, suite);
    await device.register();
    outside.push(device);
  }
  for (let epoch = 1; epoch <= commits; epoch++) {
    const does = pick(['join', 'join', 'rejoin', 'rejoin', 'update', 'remove']);
    let actor = pick(members);
    if (does === 'join' && outside.length > 0) {
      actor = outside.splice(Math.floor(random() * outside.length), 1)[0];
      await actor.rejoin(convoId);
      members.push(actor);
    } else if (does === 'rejoin' && actor !== founder) {
      await actor.loseState({ newKey: random() < 0.5 });
      await actor.register({ keyPackages: 0 });
      await actor.rejoin(convoId);
    } else if (does === 'remove' && members.length > 2 && actor !== members.at(-1)) {
      const gone = members.pop();
      outside.push(gone);
      await actor.removeMembers(convoId, [`${gone.user.did}#${gone.deviceId}`]);
    } else {
      await actor.update(convoId);
    }
    for (const device of members) {
      await device.catchUp(convoId);
      assert.deepEqual(
        device.view(convoId),
        actor.view(convoId),
        `${device.deviceId} agrees with ${actor.deviceId} after ${does} in epoch ${epoch}`,
      );
    }
    log({ step: does, actor: actor.deviceId, epoch, members: members.length });
  }
  return { convoId, members };
}

async function people(service, suite, deviceIds, log) {
  const devices = [];
  for (const [i, deviceId] of deviceIds.entries()) {
    const user = await User.create(i % 2 === 0 ? 'ES256K' : 'ES256');
    const device = await Device.create(service, user, deviceId, suite);
    await device.register();
    log({ step: 'registered', device: deviceId, did: user.did, suite });
    devices.push(device);
  }
  return devices;
}

/** Charlie was never a member: the service refuses him the GroupInfo, and a commit that he makes with a leaked one. */
async function strangerIsRefused(service, suite, convoId, member, log) {
  const before = await memberView(member, convoId);
  const charlie = await Device.create(service, await User.create(), 'charlie-phone', suite);
  await charlie.register();
  await refused('Unauthorized', charlie.getGroupInfo(convoId));
  await refused('Unauthorized', charlie.getGroupInfo('no-such-conversation'));
  const leaked = await member.getGroupInfo(convoId, { includeTree: true });
  const prepared = await charlie.prepareJoin(convoId, leaked);
  await refused('Unauthorized', charlie.sendJoin(prepared));
  assert.deepEqual(await memberView(member, convoId), before, 'a refused stranger changed nothing');
  log({ step: 'stranger refused', error: 'Unauthorized', epoch: before.epoch });
}

/** Bob may join with one more device, but its commit may not remove Alice, which members on ts-mls would accept. */
async function removalOfAnotherIsRefused(service, suite, convoId, bob, alice, log) {
  const before = await memberView(alice, convoId);
  const tablet = await Device.create(service, bob.user, 'bob-tablet', suite);
  await tablet.register();
  const prepared = await tablet.prepareJoin(convoId, undefined, `${alice.user.did}#${alice.deviceId}`);
  assert.equal(prepared.removed, 0);
  await refused('InvalidCommit', tablet.sendJoin(prepared));
  assert.deepEqual(await memberView(alice, convoId), before, 'a refused removal changed nothing');
  log({ step: 'removal of another refused', error: 'InvalidCommit', epoch: before.epoch });
}

async function memberView(member, convoId) {
  const { epoch, groupInfo } = await member.getGroupInfo(convoId, { includeTree: true });
  return { epoch, groupInfo };
}

async function messagesRoundTrip(convoId, devices, log) {
  for (const device of devices) await device.receive(convoId);
  for (const sender of devices) {
    const text = `from ${sender.deviceId}`;
    await sender.send(convoId, text);
    for (const reader of devices.filter((device) => device !== sender))
      assert.deepEqual(await reader.receive(convoId), [text], `${reader.deviceId} reads ${sender.deviceId}`);
  }
  log({ step: 'messages round-trip', messages: devices.length, reads: devices.length * (devices.length - 1) });
}
