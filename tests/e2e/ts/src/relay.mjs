// A service in memory that relays commits and messages with hardly any check, so that the client can be tested alone.
// Its answers have the shapes of the lexicons; a roster of DIDs says who is in a conversation.
import { randomUUID } from 'node:crypto';
import * as mls from './mls.mjs';
import { checkRequest, readLexicons } from './service.mjs';

const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
const base64 = (value) => Buffer.from(value).toString('base64');

class Refused extends Error {
  constructor(error, extra) {
    super(error);
    Object.assign(this, { error, body: { error, message: error, ...extra } });
  }
}

export class Relay {
  constructor() {
    Object.assign(this, { lexicons: readLexicons(), packages: [], convos: new Map(), welcomes: [] });
  }

  async query(user, method, params) {
    return this[method](user, checkRequest(this.lexicons, 'query', method, params));
  }
  async procedure(user, method, input) {
    return this[method](user, checkRequest(this.lexicons, 'procedure', method, input));
  }

  registerDevice({ did }, { deviceId, keyPackages }) {
    for (const { keyPackage } of keyPackages) this.packages.push({ did, deviceId, keyPackage });
    return { deviceId, credentialIdentity: base64(Buffer.from(`${did}#${deviceId}`)) };
  }

  claimKeyPackages(_, { dids }) {
    const claimed = dids.flatMap((did) => {
      const devices = new Map(this.packages.filter((p) => p.did === did).map((p) => [p.deviceId, p]));
      return [...devices.values()];
    });
    this.packages = this.packages.filter((p) => !claimed.includes(p));
    return { keyPackages: claimed, missing: dids.filter((did) => !claimed.some((p) => p.did === did)) };
  }

  createConvo({ did }, { groupInfo }) {
    const convoId = randomUUID();
    this.convos.set(convoId, {
      roster: new Set([did]),
      groupInfo,
      commits: [],
      messages: [],
      seq: 0,
      first: groupInfo,
    });
    return { convo: { convoId } };
  }

  async addMembers(user, input) {
    const answer = this.commit(user, input);
    const convo = this.convos.get(input.convoId);
    const { proposals } = mls.decodeMessage(bytes(input.commit)).publicMessage.content.commit;
    for (const { proposal } of proposals) {
      const [did, deviceId] = new TextDecoder().decode(proposal.add.keyPackage.leafNode.credential.identity).split('#');
      convo.roster.add(did);
      this.welcomes.push({ did, deviceId, id: randomUUID(), convoId: input.convoId, epoch: answer.epoch,
        welcome: input.welcome, ratchetTree: this.#tree(convo) });
    }
    return answer;
  }

  commit({ did }, { convoId, commit, groupInfo }) { return this.#append(did, convoId, commit, groupInfo, false); }

  // The relay checks the removals of an external commit, because ts-mls does not check them and the scenarios expect
  // that a joiner who removes somebody else is refused.
  processExternalCommit({ did }, { convoId, externalCommit, groupInfo }) {
    const tree = mls.treeOf(mls.decodeGroupInfoMessage(bytes(this.#convo(did, convoId).groupInfo)));
    for (const { proposal } of mls.decodeMessage(bytes(externalCommit)).publicMessage.content.commit.proposals) {
      if (proposal.proposalType !== 'remove') continue;
      const { identity } = tree[2 * proposal.remove.removed].leaf.credential;
      if (new TextDecoder().decode(identity).split('#')[0] !== did) throw new Refused('InvalidCommit');
    }
    return { ...this.#append(did, convoId, externalCommit, groupInfo, true), rejoinedAt: new Date().toISOString() };
  }

  getGroupInfo({ did }, { convoId }) {
    const convo = this.#convo(did, convoId);
    return {
      groupInfo: convo.groupInfo,
      ratchetTree: this.#tree(convo),
      epoch: this.#epoch(convo),
      expiresAt: new Date().toISOString(),
    };
  }

  /** All that a service would have seen of a conversation: the first GroupInfo, then each commit with its GroupInfo. */
  record(convoId) {
    const { first, commits } = this.convos.get(convoId);
    return {
      groupInfo: first,
      commits: commits.map(({ commit, groupInfo, epoch, external }) => ({ commit, groupInfo, epoch, external })),
    };
  }

  getCommits({ did }, { convoId, fromEpoch }) {
    return { commits: this.#convo(did, convoId).commits.filter(({ epoch }) => epoch > Number(fromEpoch)) };
  }

  getWelcomes({ did }, { deviceId }) {
    return { welcomes: this.welcomes.filter((w) => w.did === did && w.deviceId === deviceId) };
  }

  confirmWelcome(_, { id }) {
    this.welcomes = this.welcomes.filter((w) => w.id !== id);
    return { confirmed: true };
  }

  sendMessage({ did }, { convoId, message }) {
    const convo = this.#convo(did, convoId);
    convo.messages.push({ seq: ++convo.seq, epoch: this.#epoch(convo), kind: 'message', message });
    return { seq: convo.seq, epoch: this.#epoch(convo), receivedAt: new Date().toISOString() };
  }

  getMessages({ did }, { convoId, sinceSeq = 0 }) {
    const convo = this.#convo(did, convoId);
    return { messages: convo.messages.filter(({ seq }) => seq > Number(sinceSeq)), lastSeq: convo.seq };
  }

  #convo(did, convoId) {
    const convo = this.convos.get(convoId);
    if (!convo?.roster.has(did)) throw new Refused('Unauthorized');
    return convo;
  }

  #epoch(convo) { return Number(mls.decodeGroupInfoMessage(bytes(convo.groupInfo)).groupContext.epoch); }

  #tree(convo) { return base64(mls.encodeTree(mls.treeOf(mls.decodeGroupInfoMessage(bytes(convo.groupInfo))))); }

  #append(did, convoId, commit, groupInfo, external) {
    const convo = this.#convo(did, convoId);
    const { epoch } = mls.decodeMessage(bytes(commit)).publicMessage.content;
    const currentEpoch = this.#epoch(convo);
    if (Number(epoch) !== currentEpoch) throw new Refused('EpochMismatch', { currentEpoch });
    Object.assign(convo, { groupInfo });
    convo.commits.push({ epoch: currentEpoch + 1, seq: ++convo.seq, commit, external, groupInfo });
    return { epoch: currentEpoch + 1, seq: convo.seq };
  }
}
