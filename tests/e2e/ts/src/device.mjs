// One device of one user: its keys, its group states, and its calls of the service.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import * as mls from './mls.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
const hex = (value) => Buffer.from(value).toString('hex');

export class Device {
  static async create(service, user, deviceId, suiteNumber) {
    const device = new Device();
    const cs = await mls.suite(suiteNumber);
    Object.assign(device, {
      service, user, deviceId, cs,
      identity: new TextEncoder().encode(`${user.did}#${deviceId}`),
      signature: await mls.signatureKeyPair(cs),
      keyPackages: [], states: new Map(), seen: new Map(), pending: new Map(), own: new Set(),
    });
    return device;
  }

  /** Enrols the device with its signature key and `keyPackages` key packages. */
  async register({ keyPackages = 3 } = {}) {
    const made = [];
    for (let i = 0; i < keyPackages; i++) made.push(await mls.keyPackage(this.cs, this.identity, this.signature));
    const answer = await this.service.procedure(this.user, 'registerDevice', {
      deviceId: this.deviceId,
      deviceName: `ts-mls ${this.deviceId}`,
      signaturePublicKey: base64(this.signature.publicKey),
      keyPackages: made.map((kp) => ({ keyPackage: base64(mls.encodeKeyPackageMessage(kp.publicPackage)) })),
    });
    this.keyPackages.push(...made);
    return answer;
  }

  async createConvo(options = {}) {
    const own = await this.#freshKeyPackage();
    const state = await mls.newGroup(this.cs, randomBytes(32), own);
    const { convo } = await this.service.procedure(this.user, 'createConvo', {
      groupInfo: base64(await mls.groupInfoOf(this.cs, state)), ...options,
    });
    this.states.set(convo.convoId, state);
    return convo;
  }

  claimKeyPackages(dids) {
    return this.service.procedure(this.user, 'claimKeyPackages', { dids, cipherSuite: mls.suiteId(this.cs) });
  }

  /** Adds every device of the users, with one commit, one Welcome and the GroupInfo of the new epoch. */
  async addMembers(convoId, dids) {
    const { keyPackages, missing } = await this.claimKeyPackages(dids);
    if (missing.length > 0) throw new Error(`no key package of ${missing}`);
    const proposals = keyPackages.map((kp) => ({
      proposalType: 'add', add: { keyPackage: mls.decodeKeyPackageMessage(bytes(kp.keyPackage)) },
    }));
    return this.#commit(convoId, 'addMembers', proposals);
  }

  /**
   * Approves another device of the account for a conversation that requires device approval.
   * @param signer the device whose key signs the approval
   */
  async approve(convoId, { deviceId, signature: { publicKey } }, signer = this) {
    return this.service.procedure(this.user, 'approveDevice', {
      convoId,
      deviceId,
      signaturePublicKey: base64(publicKey),
      approvingDeviceId: this.deviceId,
      ...(await this.#signed(convoId, 'approveDevice', [deviceId, hex(publicKey)], signer)),
    });
  }

  /**
   * Changes whether the conversation requires device approval.
   * @param signer the device whose key signs the change
   */
  async setDeviceApproval(convoId, required, signer = this) {
    return this.service.procedure(this.user, 'setDeviceApproval', {
      convoId,
      required,
      deviceId: this.deviceId,
      ...(await this.#signed(convoId, 'setDeviceApproval', [required ? 'required' : 'notRequired'], signer)),
    });
  }

  async #signed(convoId, method, lines, { signature: key }) {
    const { groupId, epoch } = this.#state(convoId).groupContext;
    const content = new TextEncoder().encode([hex(groupId), epoch, this.user.did, ...lines].join('\n'));
    return {
      epoch: Number(epoch),
      signature: base64(await mls.signWithLabel(this.cs, key, `blue.catbird.mls.${method}`, content)),
    };
  }

  /** Asks the members to add this device again, with a fresh key package. */
  async askToRejoin(convoId, reason) {
    const own = await this.#freshKeyPackage();
    const answer = await this.service.procedure(this.user, 'rejoin', {
      convoId,
      keyPackage: base64(mls.encodeKeyPackageMessage(own.publicPackage)),
      reason,
    });
    this.keyPackages.push(own);
    return answer;
  }

  /** Answers the requests of getRejoinRequests with one commit, which removes the old leaves and adds the devices. */
  answerRejoins(convoId, requests) {
    const { members } = this.view(convoId);
    const old = members.filter(({ identity }) =>
      requests.some(({ did, deviceId }) => identity === `${did}#${deviceId}`),
    );
    return this.#commit(
      convoId,
      'addMembers',
      [
        ...old.map(({ index }) => ({ proposalType: 'remove', remove: { removed: index } })),
        ...requests.map(({ keyPackage }) => ({
          proposalType: 'add',
          add: { keyPackage: mls.decodeKeyPackageMessage(bytes(keyPackage)) },
        })),
      ],
      { rejoinRequestIds: requests.map(({ requestId }) => requestId) },
    );
  }

  /** Removes the devices with these credential identities. */
  removeMembers(convoId, identities) {
    const { members } = this.view(convoId);
    return this.#commit(convoId, 'commit', members.filter(({ identity }) => identities.includes(identity))
      .map(({ index }) => ({ proposalType: 'remove', remove: { removed: index } })));
  }

  /** Removes all devices of an account. @param reason the reason that the audit log gets */
  removeMember(convoId, did, reason) {
    const removes = this.view(convoId).members.filter(({ identity }) => identity.startsWith(`${did}#`));
    return this.#commit(
      convoId,
      'removeMember',
      removes.map(({ index }) => ({ proposalType: 'remove', remove: { removed: index } })),
      { targetDid: did, reason },
    );
  }

  /** The account leaves: this device proposes the removal of each of its leaves, and forgets the group. */
  async leave(convoId) {
    const own = this.view(convoId).members.filter(({ identity }) => identity.startsWith(`${this.user.did}#`));
    const proposals = [];
    for (const { index } of own) {
      const proposal = { proposalType: 'remove', remove: { removed: index } };
      const { message } = await mls.propose(this.cs, this.#state(convoId), proposal);
      proposals.push(base64(message));
    }
    const answer = await this.service.procedure(this.user, 'leaveConvo', { convoId, proposals });
    this.states.delete(convoId);
    return answer;
  }

  /** A commit without proposals: new keys along the device's path. */
  update(convoId) {
    return this.#commit(convoId, 'commit', []);
  }

  /** Sends a proposal for the current epoch. The next commit of a member who knows the proposal names it. */
  async propose(convoId, proposal) {
    const { state, message } = await mls.propose(this.cs, this.#state(convoId), proposal);
    const answer = await this.service.procedure(this.user, 'sendProposal', { convoId, proposal: base64(message) });
    this.states.set(convoId, state);
    return answer;
  }

  /** Joins every conversation whose Welcome waits for this device. @returns the conversations joined */
  async acceptWelcomes() {
    const { welcomes } = await this.service.query(this.user, 'getWelcomes', { deviceId: this.deviceId });
    for (const { id, convoId, welcome, ratchetTree } of welcomes) {
      const decoded = mls.decodeMessage(bytes(welcome)).welcome;
      const own = mls.recipientOf(decoded, this.keyPackages);
      if (own === undefined) throw new Error(`the Welcome of ${convoId} is for none of this device's key packages`);
      this.states.set(convoId, await mls.joinByWelcome(this.cs, decoded, own, mls.decodeTree(bytes(ratchetTree))));
      await this.service.procedure(this.user, 'confirmWelcome', { id, success: true });
    }
    return welcomes.map(({ convoId }) => convoId);
  }

  /** Deletes all that the device knew of its groups; with `newKey`, its signature key as well (a reinstall). */
  async loseState({ newKey = false } = {}) {
    this.states.clear();
    this.seen.clear();
    this.pending.clear();
    this.keyPackages = [];
    if (newKey) this.signature = await mls.signatureKeyPair(this.cs);
  }

  getGroupInfo(convoId, params = {}) {
    return this.service.query(this.user, 'getGroupInfo', { convoId, ...params });
  }

  /**
   * An external commit that is not sent yet: {input, state, removed, epoch}. The commit removes the device's own leaf
   * if there is one; with `removing`, it removes the leaf of that identity instead.
   */
  async prepareJoin(convoId, served, removing) {
    const { groupInfo, ratchetTree, turn } = served ?? await this.getGroupInfo(convoId, { includeTree: true });
    const { commit, state, removed } = await mls.externalCommit(
      this.cs, bytes(groupInfo), ratchetTree && bytes(ratchetTree), await this.#freshKeyPackage(),
      removing && new TextEncoder().encode(removing));
    const input = {
      convoId,
      externalCommit: base64(commit),
      groupInfo: base64(await mls.groupInfoOf(this.cs, state)),
      ...(turn && { turnId: turn.id }),
      idempotencyKey: randomUUID(),
    };
    return { input, state, removed, epoch: state.groupContext.epoch };
  }

  /** Sends the external commit of prepareJoin; the device is a member when the service has answered. */
  async sendJoin({ input, state }) {
    const answer = await this.service.procedure(this.user, 'processExternalCommit', input);
    this.states.set(input.convoId, state);
    return answer;
  }

  /** Waits until it is the device's turn to join, however long the line is. @returns the answer with the GroupInfo */
  async takeTurn(convoId) {
    while (true) {
      try {
        return await this.getGroupInfo(convoId, { includeTree: true, turn: true, deviceId: this.deviceId });
      } catch (error) {
        if (error.error !== 'TurnPending') throw error;
        await new Promise((resolve) => setTimeout(resolve, error.body.retryAfterMs));
      }
    }
  }

  /** Joins, or rejoins, by one external commit, when it is the device's turn. */
  async rejoin(convoId) {
    const prepared = await this.prepareJoin(convoId, await this.takeTurn(convoId));
    return { ...await this.sendJoin(prepared), removed: prepared.removed };
  }

  /** Follows the commits of others, and own commits whose answer was lost, to the service's epoch. */
  async catchUp(convoId) {
    let followed = 0;
    while (true) {
      const from = this.#state(convoId).groupContext.epoch;
      const { commits } = await this.service.query(this.user, 'getCommits', { convoId, fromEpoch: String(from) });
      if (commits.length === 0) return followed;
      for (const { epoch, commit, proposals } of commits) await this.#follow(convoId, epoch, commit, proposals);
      followed += commits.length;
    }
  }

  async send(convoId, text) {
    const { state, message } = await mls.encrypt(this.cs, this.#state(convoId), new TextEncoder().encode(text));
    this.states.set(convoId, state); // Whatever the service answers: a ratchet key is used once.
    const encoded = base64(message);
    this.own.add(encoded);
    return this.service.procedure(this.user, 'sendMessage', { convoId, message: encoded });
  }

  /** The conversation's whole log: [{seq, kind, epoch}]. */
  async log(convoId) {
    const log = [];
    while (true) {
      const { messages } = await this.service.query(this.user, 'getMessages', {
        convoId,
        sinceSeq: String(log.at(-1)?.seq ?? 0),
        limit: 100,
      });
      if (messages.length === 0) return log;
      log.push(...messages.map(({ seq, kind, epoch }) => ({ seq, kind, epoch })));
    }
  }

  /** Texts that others sent since the last call, in the service's order. */
  async receive(convoId) {
    await this.catchUp(convoId);
    const texts = [];
    while (true) {
      const { messages } = await this.service.query(this.user, 'getMessages', {
        convoId,
        sinceSeq: this.seen.get(convoId),
      });
      if (messages.length === 0) return texts;
      for (const { seq, message, kind, epoch } of messages) {
        this.seen.set(convoId, String(seq));
        if (kind === 'proposal' && BigInt(epoch) === this.#state(convoId).groupContext.epoch)
          await this.#learn(convoId, message);
        if (this.own.has(message) || !mls.canDecrypt(this.#state(convoId), bytes(message))) continue;
        const { state, plaintext } = await mls.decrypt(this.cs, this.#state(convoId), bytes(message));
        this.states.set(convoId, state);
        texts.push(new TextDecoder().decode(plaintext));
      }
    }
  }

  /** The device's view: {epoch, treeHash, authenticatorHash, members}. The authenticator itself stays in the device. */
  view(convoId) {
    const state = this.#state(convoId);
    return {
      epoch: Number(state.groupContext.epoch),
      treeHash: hex(state.groupContext.treeHash),
      authenticatorHash: createHash('sha256').update(state.keySchedule.epochAuthenticator).digest('hex'),
      members: mls.membersOf(state),
    };
  }

  /** A GroupInfo of the device's epoch, signed by it. */
  async groupInfo(convoId) {
    return base64(await mls.groupInfoOf(this.cs, this.#state(convoId)));
  }

  async #follow(convoId, epoch, commit, proposals = []) {
    const pending = this.pending.get(convoId);
    if (pending?.commit !== commit) for (const proposal of proposals) await this.#learn(convoId, proposal);
    const state =
      pending?.commit === commit
        ? pending.state
        : await mls.processCommit(this.cs, this.#state(convoId), bytes(commit));
    if (state.groupContext.epoch !== BigInt(epoch))
      throw new Error(`commit of epoch ${epoch} led to ${state.groupContext.epoch}`);
    this.states.set(convoId, state);
    this.pending.delete(convoId);
  }

  /** Takes in a proposal that anybody made in this epoch. To take in a proposal twice does no harm. */
  async #learn(convoId, proposal) {
    const { state } = await mls.receive(this.cs, this.#state(convoId), bytes(proposal));
    this.states.set(convoId, state);
  }

  async #commit(convoId, method, proposals, more = {}) {
    const made = await mls.commit(this.cs, this.#state(convoId), proposals);
    const input = {
      convoId,
      ...more,
      commit: base64(made.commit),
      ...(made.welcome && { welcome: base64(made.welcome) }),
      groupInfo: base64(await mls.groupInfoOf(this.cs, made.state)),
      idempotencyKey: randomUUID(),
    };
    this.pending.set(convoId, { commit: input.commit, state: made.state });
    const answer = await this.service.procedure(this.user, method, input);
    this.states.set(convoId, made.state);
    this.pending.delete(convoId);
    return answer;
  }

  #freshKeyPackage() {
    return mls.keyPackage(this.cs, this.identity, this.signature);
  }

  #state(convoId) {
    const state = this.states.get(convoId);
    if (state === undefined) throw new Error(`${this.deviceId} has no state of ${convoId}`);
    return state;
  }
}
