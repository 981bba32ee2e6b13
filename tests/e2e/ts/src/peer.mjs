// Members on ts-mls without any service, with which another implementation can form groups: every MLS message goes in
// and out as base64 in a JSON line.
//   {"id": 1, "do": "client", "name": "bob", "suite": 1, "identity": "bob"}   a client with a new signature key;
//     "alsoCapable": [2570] adds values to the lists of its capabilities
//   {"id": 2, "do": "keyPackage", "name": "bob"}                              -> {"keyPackage": "..."}
//   create {groupId}; join {welcome, tree?}; joinExternally {groupInfo, tree?} -> {commit, removed?}
//   commit {proposals, encrypted, treeInWelcome} -> {commit, welcome?}; the member applies the commit at once
//   propose {proposal, encrypted} -> {message}; a proposal is {add: keyPackage}, {remove: leaf}, {psk: id},
//     {resumption: epoch}, {extension: {type, data}} (all extensions of the new GroupContext) or {update: true}
//   proposeJoin {groupInfo} -> {message}: a client's own wish to be added
//   groupInfo; tree; send {text, authenticatedData?} -> {message}; receive {message} -> {text?, removed}
//   addPsk {pskId, secret}
//   view {label, context, length} -> {epoch, treeHash, authenticator, exported, members, ownLeaf}
// Commands of one member run in their order.
import { randomBytes } from 'node:crypto';
import * as mls from './mls.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
const utf8 = (text) => new TextEncoder().encode(text);

class Member {
  static async create({ suite, identity, alsoCapable }) {
    const member = new Member();
    const cs = await mls.suite(suite);
    return Object.assign(member, {
      cs,
      capabilities: alsoCapable && mls.capabilitiesWith(alsoCapable),
      identity: utf8(identity),
      signature: await mls.signatureKeyPair(cs),
      keyPackages: [],
      psks: {},
    });
  }

  async keyPackage() {
    const made = await this.#freshKeyPackage();
    this.keyPackages.push(made);
    return { keyPackage: base64(mls.encodeKeyPackageMessage(made.publicPackage)) };
  }

  async create({ groupId }) {
    this.state = await mls.newGroup(this.cs, bytes(groupId), await this.#freshKeyPackage());
    return {};
  }

  async join({ welcome, tree }) {
    const decoded = mls.decodeMessage(bytes(welcome)).welcome;
    const own = mls.recipientOf(decoded, this.keyPackages);
    if (own === undefined) throw new Error('the Welcome is for none of the key packages');
    this.state = await mls.joinByWelcome(this.cs, decoded, own, tree && mls.decodeTree(bytes(tree)), this.psks);
    return {};
  }

  async joinExternally({ groupInfo, tree }) {
    const { commit, state, removed } =
      await mls.externalCommit(this.cs, bytes(groupInfo), tree && bytes(tree), await this.#freshKeyPackage());
    this.state = state;
    return { commit: base64(commit), removed };
  }

  async commit({ proposals = [], encrypted, treeInWelcome }) {
    const values = [];
    for (const proposal of proposals) values.push(await this.#proposal(proposal));
    const { commit, welcome, state } = await mls.commit(this.cs, this.state, values, {
      encrypted,
      treeInWelcome,
      psks: this.psks,
    });
    this.state = state;
    return { commit: base64(commit), welcome: welcome && base64(welcome) };
  }

  async propose({ proposal, encrypted }) {
    const { state, message } = await mls.propose(this.cs, this.state, await this.#proposal(proposal), { encrypted });
    this.state = state;
    return { message: base64(message) };
  }

  async groupInfo() {
    return { groupInfo: base64(await mls.groupInfoOf(this.cs, this.state)) };
  }

  tree() {
    return { tree: base64(mls.encodeTree(this.state.ratchetTree)) };
  }

  async send({ text, authenticatedData }) {
    const { state, message } = await mls.encrypt(
      this.cs,
      this.state,
      utf8(text),
      authenticatedData && bytes(authenticatedData),
    );
    this.state = state;
    return { message: base64(message) };
  }

  async receive({ message }) {
    const options = { psks: this.psks, update: this.update };
    const { state, plaintext, removed } = await mls.receive(this.cs, this.state, bytes(message), options);
    if (removed || state.groupContext.epoch !== this.state.groupContext.epoch) this.update = undefined;
    this.state = state;
    return { text: plaintext && new TextDecoder().decode(plaintext), removed };
  }

  addPsk({ pskId, secret }) {
    this.psks[mls.pskId(bytes(pskId))] = bytes(secret);
    return {};
  }

  /** The authenticator and the exported value are secrets of the group; the group exists for a test alone. */
  async view({ label, context, length }) {
    const { groupContext, keySchedule, privatePath } = this.state;
    return {
      epoch: Number(groupContext.epoch),
      treeHash: base64(groupContext.treeHash),
      authenticator: base64(keySchedule.epochAuthenticator),
      exported: base64(await mls.exporter(this.cs, this.state, label, bytes(context), length)),
      members: mls.membersOf(this.state),
      ownLeaf: privatePath.leafIndex,
    };
  }

  /** Nothing of the group's state is needed: the GroupInfo says which group and epoch. */
  async proposeJoin({ groupInfo }) {
    const own = await this.#freshKeyPackage();
    this.keyPackages.push(own);
    return { message: base64(await mls.proposeJoin(this.cs, bytes(groupInfo), own)) };
  }

  async #proposal({ add, remove, psk, resumption, extension, update }) {
    if (add !== undefined) return { proposalType: 'add', add: { keyPackage: mls.decodeKeyPackageMessage(bytes(add)) } };
    if (remove !== undefined) return { proposalType: 'remove', remove: { removed: remove } };
    if (psk !== undefined) {
      return this.#psk({ psktype: 'external', pskId: bytes(psk) });
    }
    if (resumption !== undefined) {
      const { groupId } = this.state.groupContext;
      return this.#psk({
        psktype: 'resumption',
        usage: 'application',
        pskGroupId: groupId,
        pskEpoch: BigInt(resumption),
      });
    }
    if (extension !== undefined) {
      const extensions = [{ extensionType: extension.type, extensionData: bytes(extension.data) }];
      return { proposalType: 'group_context_extensions', groupContextExtensions: { extensions } };
    }
    if (update) {
      const { proposal, privateKey } = await mls.ownUpdate(this.cs, this.state);
      this.update = privateKey;
      return proposal;
    }
    throw new Error('no such proposal');
  }

  #psk(id) {
    const preSharedKeyId = { ...id, pskNonce: Uint8Array.from(randomBytes(this.cs.kdf.size)) };
    return { proposalType: 'psk', psk: { preSharedKeyId } };
  }

  #freshKeyPackage() {
    return mls.keyPackage(this.cs, this.identity, this.signature, { capabilities: this.capabilities ?? undefined });
  }
}

const commands = new Set([
  'keyPackage',
  'create',
  'join',
  'joinExternally',
  'commit',
  'propose',
  'proposeJoin',
  'groupInfo',
  'tree',
  'send',
  'receive',
  'addPsk',
  'view',
]);

export class Peer {
  #members = new Map();
  #queues = new Map();

  /** Runs a command after all earlier ones of the same member. */
  run(command) {
    const before = this.#queues.get(command.name) ?? Promise.resolve();
    const after = before.then(() => this.#do(command));
    this.#queues.set(command.name, after.catch(() => {}));
    return after;
  }

  async #do({ do: what, name, ...rest }) {
    if (what === 'client') {
      this.#members.set(name, await Member.create(rest));
      return {};
    }
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no member ${name}`);
    if (!commands.has(what)) throw new Error(`no command ${what}`);
    return member[what](rest);
  }
}
