// A long-lived client that runs commands, one JSON object a line:
//   {"id": 1, "do": "device", "name": "alice", "user": "alice", "suite": 1}      creates and registers a device
//   {"id": 2, "do": "createConvo", "name": "alice"}                              -> {"id": 2, "result": {convoId, ...}}
//   {"id": 3, "do": "addMembers", "name": "alice", "convoId": "...", "users": ["bob"]}
//   acceptWelcomes, loseState {newKey}, rejoin, update, catchUp, send {text}, receive, view
//   quickStart: the sample of docs/client.md
//   follow {cursor, urls}, followed {convoId, logSeq}: the events of the device's account
//   log: the conversation's log, with which those events have to agree
//   {"id": 4, "do": "prepareJoin", "name": "bob", "convoId": "...", "count": 3}  -> {"handles": [...], "inputs": [...]}
//   {"id": 5, "do": "sendJoin", "name": "bob", "handle": "bob/1"}
// A refusal is {"id", "error", "status", "body"}; a cut connection is {"id", "error": "Cut"}. Commands for different
// devices run side by side, those for one device in order.
import { createInterface } from 'node:readline';
import { Device } from './device.mjs';
import { Follower } from './follower.mjs';
import { User } from './identity.mjs';
import { suiteId } from './mls.mjs';
import { quickStart } from './quickstart.mjs';
import { Cut, Service } from './service.mjs';

export class Session {
  constructor(service) {
    Object.assign(this, {
      service,
      users: new Map(),
      devices: new Map(),
      prepared: new Map(),
      followers: new Map(),
      queues: new Map(),
    });
  }

  /** Runs a command after all earlier ones of the same device. */
  run(command) {
    const before = this.queues.get(command.name) ?? Promise.resolve();
    const after = before.then(() => this.#do(command));
    this.queues.set(command.name, after.catch(() => {}));
    return after;
  }

  async #do({ do: what, name, convoId, ...rest }) {
    if (what === 'device') return this.#device(name, rest);
    const device = this.devices.get(name);
    if (device === undefined) throw new Error(`no device ${name}`);
    switch (what) {
      case 'createConvo': return device.createConvo();
      case 'addMembers': return device.addMembers(convoId, rest.users.map((user) => this.users.get(user).did));
      case 'acceptWelcomes': return { joined: await device.acceptWelcomes() };
      case 'register': return device.register();
      case 'loseState': return device.loseState(rest).then(() => ({}));
      case 'rejoin': return device.rejoin(convoId);
      case 'update': return device.update(convoId);
      case 'catchUp': return { commits: await device.catchUp(convoId) };
      case 'send': return device.send(convoId, rest.text);
      case 'receive': return { texts: await device.receive(convoId) };
      case 'view': return device.view(convoId);
      case 'follow': return this.#follow(device, name, rest);
      case 'followed': return this.#followed(name, convoId, rest.logSeq);
      case 'log': return { log: await device.log(convoId) };
      case 'getGroupInfo': return device.getGroupInfo(convoId, { includeTree: rest.includeTree });
      case 'quickStart': return this.#quickStart(device, convoId);
      case 'prepareJoin': return this.#prepare(device, name, convoId, rest.count ?? 1);
      case 'sendJoin': return device.sendJoin(this.prepared.get(rest.handle));
      default: throw new Error(`no command ${what}`);
    }
  }

  async #device(name, { user = name, deviceId = name, suite = 1, algorithm }) {
    if (!this.users.has(user)) this.users.set(user, await User.create(algorithm));
    const device = await Device.create(this.service, this.users.get(user), deviceId, suite);
    const answer = await device.register();
    this.devices.set(name, device);
    return { did: device.user.did, ...answer };
  }

  #follow(device, name, { urls, cursor }) {
    const { url: ownUrl, did, lexicons } = this.service;
    const services = (urls ?? [ownUrl]).map((url) => new Service(url, did, lexicons));
    this.followers.set(name, new Follower(services, device.user, cursor));
    return {};
  }

  #followed(name, convoId, logSeq) {
    const follower = this.followers.get(name);
    return convoId ? follower.until(convoId, logSeq) : follower.view();
  }

  async #quickStart(device, convoId) {
    await quickStart(this.service, device.user, device.deviceId, convoId, suiteId(device.cs));
    return {};
  }

  /** Several external commits for the same epoch, of which the service can accept at most one. */
  async #prepare(device, name, convoId, count) {
    const served = await device.getGroupInfo(convoId, { includeTree: true });
    const made = [];
    for (let i = 0; i < count; i++) made.push(await device.prepareJoin(convoId, served));
    const handles = made.map((prepared) => {
      const handle = `${name}/${this.prepared.size + 1}`;
      this.prepared.set(handle, prepared);
      return handle;
    });
    return { handles, inputs: made.map(({ input }) => input), epoch: Number(made[0].epoch) };
  }
}

export const runSession = (service, input, print) => runCommands(new Session(service), input, print);

/** Runs commands as they come, on a session or a peer, and prints the result or the error of each. */
export async function runCommands(session, input, print) {
  const running = new Set();
  for await (const line of createInterface({ input })) {
    if (line.trim() === '') continue;
    const command = JSON.parse(line);
    const done = session.run(command).then(
      (result) => print({ id: command.id, result }),
      (error) => print({ id: command.id, ...describe(error) }),
    ).finally(() => running.delete(done));
    running.add(done);
  }
  await Promise.all(running);
}

export function describe(error) {
  if (error.body) return { error: error.error, status: error.status, body: error.body };
  if (error instanceof Cut) return { error: 'Cut', message: error.message };
  return { error: error.name, message: error.message };
}
