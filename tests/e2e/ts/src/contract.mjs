// Every method of lexicons/, called by a client that was generated from the lexicons. The contract fails for a method
// that neither this file nor a scenario calls: whoever adds a lexicon adds a call.
import { createServiceJwt } from '@atproto/xrpc-server';
import assert from 'node:assert/strict';
import { Device } from './device.mjs';
import { Follower } from './follower.mjs';
import { GeneratedService, generateClient } from './generated.mjs';
import { User } from './identity.mjs';
import * as mls from './mls.mjs';
import { readLexicons } from './service.mjs';
import { journey } from './scenarios.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/**
 * Calls of the methods that the journey does not call, in this order. Each call gets the service, a conversation, and
 * the devices that the journey has brought into the conversation.
 */
const calls = {
  async getServiceInfo({ service, alice }) {
    const info = await service.query(alice.user, 'getServiceInfo');
    assert.equal(info.did, service.did);
    assert.ok(info.cipherSuites.includes(mls.suiteId(alice.cs)));
    assert.equal(
      info.externalSenders.filter(
        ({ signatureKey }) => Buffer.from(signatureKey, 'base64').length === alice.signature.publicKey.length,
      ).length,
      1,
    );
  },
  async listDevices({ service, bob, laptop }) {
    const { devices } = await service.query(bob.user, 'listDevices');
    assert.deepEqual(devices.map(({ deviceId }) => deviceId), [bob.deviceId, laptop.deviceId, 'bob-tablet']);
    assert.deepEqual(devices[0].signaturePublicKeys, [base64(bob.signature.publicKey)]);
  },
  async publishKeyPackages({ service, bob, mallory }) {
    const spoilt = await encodedKeyPackage(bob);
    spoilt[spoilt.length - 1] ^= 1;
    const answer = await service.procedure(bob.user, 'publishKeyPackages', {
      deviceId: bob.deviceId,
      keyPackages: [
        { keyPackage: base64(await encodedKeyPackage(bob)) },
        { keyPackage: base64(spoilt) },
        { keyPackage: base64(await encodedKeyPackage(bob)), lastResort: true },
      ],
    });
    assert.equal(answer.accepted, 2);
    assert.deepEqual(answer.rejected, [{ index: 1, error: 'key-package.signature' }]);
    const only = [
      { keyPackage: base64(await encodedKeyPackage(bob)) },
      { keyPackage: base64(await encodedKeyPackage(bob)), lastResort: true },
    ];
    await service.procedure(bob.user, 'publishKeyPackages', {
      deviceId: bob.deviceId,
      keyPackages: only,
      replace: true,
    });
    assert.equal((await service.query(bob.user, 'getKeyPackageStats', { deviceId: bob.deviceId })).available, 1);
    await refused(
      'InvalidKeyPackage',
      service.procedure(bob.user, 'publishKeyPackages', {
        deviceId: bob.deviceId,
        keyPackages: [{ keyPackage: base64(spoilt) }],
      }),
    );
    await refused(
      'Unauthorized',
      service.procedure(mallory.user, 'publishKeyPackages', {
        deviceId: bob.deviceId,
        keyPackages: [{ keyPackage: base64(spoilt) }],
      }),
    );
  },
  async getKeyPackageStats({ service, bob }) {
    const stats = await service.query(bob.user, 'getKeyPackageStats', { deviceId: bob.deviceId });
    assert.ok(stats.available >= 1 && stats.lastResort && Date.parse(stats.oldestExpiry) > Date.now());
    await refused('Unauthorized', service.query(bob.user, 'getKeyPackageStats', { deviceId: 'no-such-device' }));
  },
  async getConvo({ service, convoId, alice, bob, laptop, mallory }) {
    const { convo } = await service.query(alice.user, 'getConvo', { convoId });
    assert.equal(convo.epoch, alice.view(convoId).epoch);
    assert.deepEqual(
      convo.members.map(({ did, deviceId }) => `${did}#${deviceId}`),
      [alice, bob, laptop].map(({ user, deviceId }) => `${user.did}#${deviceId}`),
    );
    await refused('Unauthorized', service.query(mallory.user, 'getConvo', { convoId }));
  },
  async getConvos({ service, convoId, alice }) {
    const other = await alice.createConvo();
    const first = await service.query(alice.user, 'getConvos', { limit: 1 });
    const second = await service.query(alice.user, 'getConvos', { limit: 1, cursor: first.cursor });
    assert.deepEqual(
      [...first.convos, ...second.convos].map((convo) => convo.convoId).sort(),
      [convoId, other.convoId].sort(),
    );
    assert.equal(second.cursor, undefined);
  },
  async getExpectedConversations({ service, convoId, bob, laptop, mallory }) {
    for (const deviceId of [undefined, bob.deviceId, laptop.deviceId]) {
      const { conversations } = await service.query(bob.user, 'getExpectedConversations', { deviceId });
      const [{ lastActivity, ...expected }] = conversations;
      assert.deepEqual(expected, {
        convoId,
        shouldBeInGroup: true,
        deviceInGroup: true,
        epoch: bob.view(convoId).epoch,
      });
      assert.ok(Date.parse(lastActivity) <= Date.now());
    }
    assert.deepEqual(await service.query(mallory.user, 'getExpectedConversations'), { conversations: [] });
  },
  async acknowledgeEpoch({ service, convoId, alice, bob, laptop, mallory }) {
    const acknowledge = ({ user, deviceId }, authenticatorHash, epoch = alice.view(convoId).epoch) =>
      service.procedure(user, 'acknowledgeEpoch', { convoId, deviceId, epoch, authenticatorHash });
    const hash = (device) => base64(Buffer.from(device.view(convoId).authenticatorHash, 'hex'));
    for (const device of [alice, bob, laptop])
      assert.deepEqual(await acknowledge(device, hash(device)), { agreed: true });
    await refused('Unauthorized', acknowledge(mallory, hash(alice)));
    await refused('EpochMismatch', acknowledge(alice, hash(alice), alice.view(convoId).epoch + 1));
    assert.deepEqual(await acknowledge(laptop, base64(new Uint8Array(32)), 1), { agreed: true });
    assert.deepEqual(await acknowledge(bob, base64(new Uint8Array(32).fill(1)), 1), { agreed: false });
  },
  async updateGroupInfo({ service, convoId, alice, bob, mallory }) {
    const groupInfo = await bob.groupInfo(convoId);
    const { epoch } = await service.procedure(bob.user, 'updateGroupInfo', { convoId, groupInfo });
    assert.equal(epoch, bob.view(convoId).epoch);
    assert.equal((await bob.getGroupInfo(convoId)).groupInfo, groupInfo);
    await refused('InvalidGroupInfo', service.procedure(alice.user, 'updateGroupInfo', { convoId, groupInfo }));
    await refused('Unauthorized', service.procedure(mallory.user, 'updateGroupInfo', { convoId, groupInfo }));
  },
  async groupInfoRefresh({ service, convoId, alice, bob, mallory }) {
    assert.deepEqual(await service.procedure(alice.user, 'groupInfoRefresh', { convoId }), {
      requested: true,
      activeMembers: 1,
    });
    assert.deepEqual(await service.procedure(bob.user, 'groupInfoRefresh', { convoId }), {
      requested: false,
      activeMembers: 1,
    });
    await refused('Unauthorized', service.procedure(mallory.user, 'groupInfoRefresh', { convoId }));
  },
  async rejoin({ service, convoId, alice, bob, laptop, mallory }) {
    await refused('Unauthorized', mallory.askToRejoin(convoId));
    await refused(
      'InvalidKeyPackage',
      service.procedure(bob.user, 'rejoin', { convoId, keyPackage: base64(await encodedKeyPackage(alice)) }),
    );
    await bob.loseState();
    const { requestId, pending } = await bob.askToRejoin(convoId, 'lost its state');
    assert.ok(requestId && pending);
    const { requests } = await service.query(alice.user, 'getRejoinRequests', { convoId });
    assert.deepEqual(
      requests.map((request) => [request.requestId, request.did, request.deviceId, request.reason]),
      [[requestId, bob.user.did, bob.deviceId, 'lost its state']],
    );
    await alice.answerRejoins(convoId, requests);
    assert.deepEqual(await bob.acceptWelcomes(), [convoId]);
    await laptop.catchUp(convoId);
    assert.deepEqual(bob.view(convoId), alice.view(convoId));
    assert.deepEqual(laptop.view(convoId), alice.view(convoId));
    assert.equal(bob.view(convoId).members.length, 3, 'no ghost');
  },
  async getRejoinRequests({ service, convoId, laptop, mallory }) {
    assert.deepEqual(await service.query(laptop.user, 'getRejoinRequests', { convoId }), { requests: [] });
    await refused('Unauthorized', service.query(mallory.user, 'getRejoinRequests', { convoId }));
  },
  async reportRejoinOutcome({ service, convoId, bob, mallory }) {
    const report = {
      convoId,
      deviceId: bob.deviceId,
      way: 'externalCommit',
      outcome: 'succeeded',
      attempts: 2,
      elapsedMs: 350,
      lastError: 'EpochMismatch',
    };
    assert.deepEqual(await service.procedure(bob.user, 'reportRejoinOutcome', report), {});
    await refused(
      'InvalidRequest',
      service.procedure(bob.user, 'reportRejoinOutcome', { ...report, way: 'carrierPigeon' }),
    );
    await refused(
      'InvalidRequest',
      service.procedure(bob.user, 'reportRejoinOutcome', { ...report, lastError: 'a sentence, not a name' }),
    );
    await refused('Unauthorized', service.procedure(mallory.user, 'reportRejoinOutcome', report));
  },
  async subscribeConvoEvents({ service, convoId, alice, bob }) {
    const follower = new Follower([service], alice.user, '0');
    const { seq } = await bob.send(convoId, 'to be followed');
    const { events } = await follower.until(convoId, seq);
    follower.stopped.abort();
    assert.equal(events.at(-1).type, 'message');
    service.answered.add('subscribeConvoEvents');
  },
  async deleteDevice({ service, convoId, bob, laptop }) {
    const answer = await service.procedure(bob.user, 'deleteDevice', { deviceId: laptop.deviceId });
    assert.equal(answer.remainingLeaves, 1);
    await refused('InvalidCommit', laptop.update(convoId));
    await refused('Unauthorized', service.procedure(bob.user, 'deleteDevice', { deviceId: 'no-such-device' }));
  },
  async sendProposal({ service, convoId, alice, bob, laptop }) {
    const remove = (device) => ({ proposalType: 'remove', remove: { removed: leafOf(alice, convoId, device) } });
    await refused('NotAdmin', bob.propose(convoId, remove(alice)));
    await refused(
      'InvalidProposal',
      service.procedure(bob.user, 'sendProposal', { convoId, proposal: base64([1, 2, 3]) }),
    );
    await bob.propose(convoId, remove(laptop));
    await alice.receive(convoId);
    await alice.update(convoId);
    await bob.catchUp(convoId);
    assert.deepEqual(bob.view(convoId), alice.view(convoId), 'the commit names the proposal');
    assert.equal(bob.view(convoId).members.length, 2);
  },
  async promoteAdmin({ service, convoId, alice, bob, mallory }) {
    const input = { convoId, targetDid: bob.user.did };
    await refused('NotAdmin', service.procedure(bob.user, 'promoteAdmin', input));
    await refused('Unauthorized', service.procedure(mallory.user, 'promoteAdmin', input));
    assert.deepEqual(await service.procedure(alice.user, 'promoteAdmin', { ...input, reason: 'to help' }), {
      isAdmin: true,
    });
  },
  async demoteAdmin({ service, convoId, alice, bob }) {
    assert.deepEqual(await service.procedure(alice.user, 'demoteAdmin', { convoId, targetDid: bob.user.did }), {
      isAdmin: false,
    });
    await refused('LastAdmin', service.procedure(alice.user, 'demoteAdmin', { convoId, targetDid: alice.user.did }));
  },
  async removeMember({ convoId, alice, bob, mallory }) {
    await alice.addMembers(convoId, [mallory.user.did]);
    await mallory.acceptWelcomes();
    await bob.catchUp(convoId);
    await refused('NotAdmin', bob.removeMember(convoId, mallory.user.did));
    await alice.removeMember(convoId, mallory.user.did, 'contract');
    await refused('Unauthorized', mallory.rejoin(convoId));
    await alice.addMembers(convoId, [mallory.user.did]);
    await mallory.acceptWelcomes();
    await mallory.loseState();
    await mallory.rejoin(convoId);
    await alice.catchUp(convoId);
    await alice.removeMember(convoId, mallory.user.did);
    await bob.catchUp(convoId);
    assert.deepEqual(bob.view(convoId), alice.view(convoId));
  },
  async banMember({ service, convoId, alice, bob, mallory }) {
    const input = { convoId, targetDid: mallory.user.did };
    await refused('NotAdmin', service.procedure(bob.user, 'banMember', input));
    await refused('Unauthorized', service.procedure(mallory.user, 'banMember', { convoId, targetDid: bob.user.did }));
    await refused('InvalidRequest', service.procedure(alice.user, 'banMember', { convoId, targetDid: alice.user.did }));
    assert.deepEqual(await service.procedure(alice.user, 'banMember', { ...input, reason: 'contract' }), {
      isBanned: true,
    });
    await refused('InvalidCommit', alice.addMembers(convoId, [mallory.user.did]));
  },
  async unbanMember({ service, convoId, alice, bob, mallory }) {
    const input = { convoId, targetDid: mallory.user.did };
    await refused('NotAdmin', service.procedure(bob.user, 'unbanMember', input));
    assert.deepEqual(await service.procedure(alice.user, 'unbanMember', input), { isBanned: false });
    await refused('Unauthorized', mallory.rejoin(convoId)); // still removed
  },
  async leaveConvo({ service, convoId, alice, bob }) {
    await refused('InvalidProposal', service.procedure(bob.user, 'leaveConvo', { convoId, proposals: [] }));
    await bob.leave(convoId);
    await refused('Unauthorized', service.query(bob.user, 'getMessages', { convoId }));
    await refused('LastMember', alice.leave(convoId));
    await refused('LeavePending', alice.update(convoId));
    await alice.receive(convoId);
    await alice.update(convoId); // The commit names Bob's proposal.
    assert.equal(alice.view(convoId).members.length, 1);
    await bob.rejoin(convoId);
    await alice.catchUp(convoId);
    await bob.send(convoId, 'back again');
    assert.ok((await alice.receive(convoId)).includes('back again'));
  },
  async setDeviceApproval({ service, convoId, alice, bob, mallory }) {
    await refused('NotAdmin', bob.setDeviceApproval(convoId, true));
    await refused('InvalidApproval', alice.setDeviceApproval(convoId, true, mallory));
    assert.deepEqual(await alice.setDeviceApproval(convoId, true), { required: true });
    assert.equal((await service.query(bob.user, 'getConvo', { convoId })).convo.requireDeviceApproval, true);
    await refused('InvalidApproval', alice.setDeviceApproval(convoId, false)); // It can change once in an epoch.
    await alice.update(convoId);
    assert.deepEqual(await alice.setDeviceApproval(convoId, false), { required: false });
    await service.procedure(alice.user, 'promoteAdmin', { convoId, targetDid: bob.user.did });
    await refused('EpochMismatch', bob.setDeviceApproval(convoId, false));
    await bob.catchUp(convoId);
    assert.deepEqual(await bob.setDeviceApproval(convoId, false), { required: false });
    await service.procedure(alice.user, 'demoteAdmin', { convoId, targetDid: bob.user.did });
  },
  async approveDevice({ service, alice, mallory }) {
    const { convoId, requireDeviceApproval } = await alice.createConvo({ requireDeviceApproval: true });
    assert.equal(requireDeviceApproval, true);
    assert.equal((await service.query(alice.user, 'getConvo', { convoId })).convo.requireDeviceApproval, true);
    const carol = await User.create();
    const [phone, desk] = await Promise.all(
      ['carol-phone', 'carol-desk'].map((deviceId) => Device.create(service, carol, deviceId, mls.suiteId(alice.cs))),
    );
    await phone.register();
    await alice.addMembers(convoId, [carol.did]);
    await phone.acceptWelcomes();
    await desk.register({ keyPackages: 0 });
    await refused('DeviceNotApproved', desk.rejoin(convoId));
    await refused('DeviceNotApproved', desk.askToRejoin(convoId));
    await refused('DeviceNotApproved', desk.prepareJoin(convoId).then((prepared) => desk.sendJoin(prepared)));
    await refused('InvalidApproval', phone.approve(convoId, desk, desk));
    await refused('InvalidRequest', phone.approve(convoId, mallory));
    const { approvedAt } = await phone.approve(convoId, desk);
    assert.ok(Date.parse(approvedAt) <= Date.now());
    await desk.rejoin(convoId);
    await refused('EpochMismatch', phone.approve(convoId, desk));
    for (const device of [alice, phone]) {
      await device.catchUp(convoId);
      assert.deepEqual(device.view(convoId), desk.view(convoId));
    }
  },
};

/** Service tokens made by the code of AT Protocol's own servers, in both algorithms: each is good for one request. */
async function officialTokens(service) {
  for (const algorithm of ['ES256K', 'ES256']) {
    const user = await User.create(algorithm);
    const token = await createServiceJwt({
      iss: user.did,
      aud: service.did,
      lxm: 'blue.catbird.mls.getServiceInfo',
      keypair: user.key,
    });
    user.token = async () => token;
    await service.query(user, 'getServiceInfo');
    await refused('AuthenticationRequired', service.query(user, 'getServiceInfo'));
  }
}

/**
 * Two devices of one account join at the same moment, each in its turn: while one device has the turn, the other waits,
 * and asks again when the service has told it to.
 */
async function turns({ service, convoId, bob }) {
  const pair = await Promise.all(['bob-watch', 'bob-car'].map(async (deviceId) => {
    const device = await Device.create(service, bob.user, deviceId, mls.suiteId(bob.cs));
    await device.register();
    return device;
  }));
  const [first, second] = await Promise.all(pair.map((device) => device.rejoin(convoId)));
  assert.equal(Math.abs(first.epoch - second.epoch), 1);
  await refused('InvalidRequest', service.query(bob.user, 'getGroupInfo', { convoId, turn: true }));
  await refused(
    'Unauthorized',
    service.query(bob.user, 'getGroupInfo', { convoId, turn: true, deviceId: 'no-such-device' }),
  );
}

/** Refusals of methods that the journey calls. */
async function refusals({ service, convoId, alice, bob, mallory }) {
  await refused(
    'DeviceAlreadyRegistered',
    service.procedure(mallory.user, 'registerDevice', {
      deviceId: 'another',
      deviceName: 'with a key of somebody',
      signaturePublicKey: base64(bob.signature.publicKey),
    }),
  );
  await refused(
    'WelcomeNotFound',
    service.procedure(alice.user, 'confirmWelcome', { id: 'no-such-welcome', success: true }),
  );
  await refused('Unauthorized', service.query(mallory.user, 'getMessages', { convoId }));
  await refused('Unauthorized', service.query(mallory.user, 'getCommits', { convoId, fromEpoch: '0' }));
  await refused('InvalidRequest', service.query(alice.user, 'getCommits', { convoId, fromEpoch: 'zero' }));
  await refused('InvalidGroupInfo', service.procedure(alice.user, 'createConvo', { groupInfo: base64([1, 2, 3]) }));
}

export async function contract({ url, did, suite = 1, log = () => {} }) {
  const lexicons = readLexicons();
  const methods = [...lexicons]
    .filter(({ defs }) => ['query', 'procedure', 'subscription'].includes(defs.main?.type))
    .map(({ id, defs }) => ({ name: id.split('.').at(-1), main: defs.main }));
  checkLexicons(methods);
  const service = new GeneratedService(url, did, await generateClient(), lexicons);
  log({ step: 'generated', methods: methods.length });

  const { convoId, devices: [alice, bob, laptop] } = await journey({ service, suite });
  log({ step: 'journey', answered: service.answered.size });
  const mallory = await Device.create(service, await User.create(), 'mallory-phone', suite);
  await mallory.register();
  const scene = { service, convoId, alice, bob, laptop, mallory };
  for (const [method, call] of Object.entries(calls)) {
    assert.ok(methods.some(({ name }) => name === method), `there is a call of ${method}, but no lexicon`);
    await call(scene);
    assert.ok(service.answered.has(method), `the call of ${method} does not call it`);
  }
  await turns(scene);
  await refusals(scene);
  await officialTokens(service);
  for (const { name, main } of methods.filter(({ main }) => main.type !== 'subscription'))
    await refused(
      'AuthenticationRequired',
      main.type === 'query' ? service.query(undefined, name) : service.procedure(undefined, name),
    );

  const missing = methods.map(({ name }) => name).filter((name) => !service.answered.has(name));
  assert.deepEqual(missing, [], `no call of ${missing} in src/contract.mjs`);
  return { methods: methods.map(({ name }) => name), refused: [...service.refused].sort() };
}

/** Every lexicon declares error names without white space, each once; every procedure takes an idempotency key. */
function checkLexicons(methods) {
  for (const { name, main } of methods) {
    const errors = (main.errors ?? []).map((error) => error.name);
    assert.equal(new Set(errors).size, errors.length, `${name} declares an error twice`);
    for (const error of errors) assert.match(error, /^[A-Z][A-Za-z]+$/, name);
    if (main.type !== 'procedure') continue;
    assert.ok(
      main.input.schema.properties.idempotencyKey && !main.input.schema.required?.includes('idempotencyKey'),
      `${name} has no optional idempotencyKey`,
    );
    assert.ok(errors.includes('IdempotencyConflict'), `${name} does not declare IdempotencyConflict`);
  }
}

const leafOf = (viewer, convoId, { user, deviceId }) =>
  viewer.view(convoId).members.find(({ identity }) => identity === `${user.did}#${deviceId}`).index;

const encodedKeyPackage = async (device) =>
  Uint8Array.from(
    mls.encodeKeyPackageMessage((await mls.keyPackage(device.cs, device.identity, device.signature)).publicPackage),
  );

const refused = (error, attempt) => assert.rejects(attempt, (thrown) => {
  assert.equal(thrown.error, error, thrown.message);
  return true;
});
