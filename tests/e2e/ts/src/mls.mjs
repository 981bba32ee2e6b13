// Everything that touches ts-mls: suites, key packages, GroupInfo, and the two places where the library and
// RFC 9420 differ on the wire. Nothing outside this file knows the library.
import { p256 } from '@noble/curves/nist.js';
import {
  acceptAll, bytesToBase64, ciphersuites, createApplicationMessage, createCommit, createGroup,
  createGroupInfoWithExternalPubAndRatchetTree, createProposal, decodeMlsMessage, defaultCapabilities,
  defaultLifetimeConfig, defaultKeyRetentionConfig, defaultPaddingConfig, defaultAuthenticationService, emptyPskIndex,
  encodeMlsMessage, generateKeyPackageWithKey, getCiphersuiteFromName, getCiphersuiteImpl, joinGroup,
  joinGroupExternal, makePskIndex, mlsExporter, processPrivateMessage, processPublicMessage, proposeAddExternal,
} from 'ts-mls';
import { signWithLabel as signLabelled } from 'ts-mls/crypto/signature.js';
import { decodeGroupInfo } from 'ts-mls/groupInfo.js';
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js';
import { signLeafNodeCommit } from 'ts-mls/leafNode.js';
import { decodeRatchetTree, encodeRatchetTree } from 'ts-mls/ratchetTree.js';

const names = Object.fromEntries(Object.entries(ciphersuites).map(([name, id]) => [id, name]));
const loaded = new Map();

/** The ts-mls implementation of a cipher suite, by its RFC 9420 §17.1 number. */
export async function suite(id) {
  if (!loaded.has(id)) loaded.set(id, await getCiphersuiteImpl(getCiphersuiteFromName(names[id])));
  return loaded.get(id);
}

export const suiteId = (cs) => ciphersuites[cs.name];

/**
 * A signature key pair. ts-mls generates compressed P-256 keys; RFC 9420 §5.1.1 wants the uncompressed point, so
 * for suite 2 the key is made here.
 */
export async function signatureKeyPair(cs) {
  if (suiteId(cs) !== 2) return cs.signature.keygen();
  const signKey = p256.utils.randomSecretKey();
  return { signKey, publicKey: p256.getPublicKey(signKey, false) };
}

/** SignWithLabel, RFC 9420 §5.1.2. */
export const signWithLabel = (cs, { signKey }, label, content) => signLabelled(signKey, label, content, cs.signature);

const credentialOf = (identity) => ({ credentialType: 'basic', identity });

const lastResort = 0x000a;

/** A key package (with its private keys) for one credential identity. Lifetime: one hour ago to 28 days ahead. */
export async function keyPackage(
  cs,
  identity,
  signature,
  { isLastResort = false, capabilities = defaultCapabilities() } = {},
) {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const lifetime = { notBefore: now - 3600n, notAfter: now + 28n * 86400n };
  if (isLastResort) capabilities.extensions = [...capabilities.extensions, lastResort];
  const extensions = isLastResort ? [{ extensionType: lastResort, extensionData: new Uint8Array() }] : [];
  const made = await generateKeyPackageWithKey(
    credentialOf(identity),
    capabilities,
    lifetime,
    extensions,
    signature,
    cs,
  );
  return { ...made, reference: await makeKeyPackageRef(made.publicPackage, cs.hash) };
}

/**
 * ts-mls's capabilities with `values` added to every list but the versions: GREASE values (RFC 9420 §13.5), for
 * example, or unknown ones.
 */
export function capabilitiesWith(values) {
  const own = defaultCapabilities();
  const joined = (list, more) => [...new Set([...list, ...more])];
  return {
    versions: own.versions,
    ciphersuites: joined(own.ciphersuites, values.map(String)),
    extensions: joined(own.extensions, values),
    proposals: joined(own.proposals, values),
    credentials: joined(own.credentials, values.map(String)),
  };
}

const sameBytes = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Two leaves are the same client if they carry the same credential identity, whatever their keys. */
const clientConfig = {
  keyRetentionConfig: defaultKeyRetentionConfig,
  lifetimeConfig: defaultLifetimeConfig,
  paddingConfig: defaultPaddingConfig,
  authService: defaultAuthenticationService,
  keyPackageEqualityConfig: {
    compareKeyPackages: (a, b) => sameBytes(a.leafNode.credential.identity, b.leafNode.credential.identity),
    compareKeyPackageToLeafNode: (a, b) => sameBytes(a.leafNode.credential.identity, b.credential.identity),
  },
};

const removingConfig = (identity) => ({
  ...clientConfig,
  keyPackageEqualityConfig: {
    ...clientConfig.keyPackageEqualityConfig,
    compareKeyPackageToLeafNode: (_, leaf) => sameBytes(identity, leaf.credential.identity),
  },
});

// RFC 9420 §12.4.3.2: external_pub is a struct holding one HPKEPublicKey<V>, so its bytes begin with the key's
// variable-length size. ts-mls writes and reads the bare key. The key passes through the suite's HPKE import and
// export, so that is where the size is added and taken away; every other key is left alone.
const lengthPrefix = (n) => (n < 64 ? Uint8Array.of(n) : Uint8Array.of(0x40 | (n >> 8), n & 0xff));
const withPrefix = (key) => Uint8Array.from([...lengthPrefix(key.length), ...key]);
const withoutPrefix = (data) => {
  const prefix = data[0] < 64 ? 1 : 2;
  const length = prefix === 1 ? data[0] : ((data[0] & 0x3f) << 8) | data[1];
  if (data.length !== prefix + length) throw new Error('external_pub does not hold exactly one HPKEPublicKey');
  return data.subarray(prefix);
};
const exporting = (cs) => ({
  ...cs,
  hpke: { ...cs.hpke, exportPublicKey: async (key) => withPrefix(await cs.hpke.exportPublicKey(key)) },
});
const importing = (cs, externalPub) => ({
  ...cs,
  hpke: {
    ...cs.hpke,
    importPublicKey: (key) => cs.hpke.importPublicKey(key === externalPub ? withoutPrefix(key) : key),
  },
});

export const encodeMessage = encodeMlsMessage;

export function decodeMessage(bytes) {
  const decoded = decodeMlsMessage(bytes, 0);
  if (decoded === undefined || decoded[1] !== bytes.length) throw new Error('not one whole MLSMessage');
  return decoded[0];
}

/** GroupInfo from an MLSMessage or from the bare struct, because services send either. */
export function decodeGroupInfoMessage(bytes) {
  const message = decodeMlsMessage(bytes, 0);
  if (message?.[0].wireformat === 'mls_group_info' && message[1] === bytes.length) return message[0].groupInfo;
  const bare = decodeGroupInfo(bytes, 0);
  if (bare === undefined || bare[1] !== bytes.length) throw new Error('not one whole GroupInfo');
  return bare[0];
}

export const encodeKeyPackageMessage = (keyPackage) =>
  encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage });

export function decodeKeyPackageMessage(bytes) {
  const message = decodeMessage(bytes);
  if (message.wireformat !== 'mls_key_package') throw new Error(`a key package, not ${message.wireformat}`);
  return message.keyPackage;
}

/** The ratchet tree inside the GroupInfo, or `ratchetTree` if the GroupInfo has none. */
export function treeOf(groupInfo, ratchetTree) {
  const extension = groupInfo.extensions.find((e) => e.extensionType === 'ratchet_tree');
  const decoded = decodeRatchetTree(extension?.extensionData ?? ratchetTree ?? new Uint8Array(), 0);
  if (decoded === undefined) throw new Error('neither a ratchet_tree extension nor a ratchetTree beside it');
  return decoded[0];
}

export const encodeTree = encodeRatchetTree;
export const decodeTree = (bytes) => decodeRatchetTree(bytes, 0)[0];

const leaves = (tree) =>
  tree.flatMap((node, i) => (node?.nodeType === 'leaf' ? [{ index: i / 2, leaf: node.leaf }] : []));

/** Credential identities in leaf order: [{index, identity}]. */
export const membersOf = (state) =>
  leaves(state.ratchetTree).map(({ index, leaf }) => ({
    index,
    identity: new TextDecoder().decode(leaf.credential.identity),
  }));

/** GroupInfo of the state's epoch as an MLSMessage, with external_pub (as RFC 9420 writes it) and the tree. */
export async function groupInfoOf(cs, state) {
  const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(state, [], exporting(cs));
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_group_info', groupInfo });
}

export async function newGroup(cs, groupId, own) {
  return createGroup(groupId, own.publicPackage, own.privatePackage, [], cs, clientConfig);
}

/**
 * A commit, as PublicMessage unless `encrypted`, with everything that was proposed in the epoch and `proposals`.
 * `psks`: external pre-shared keys by the base64 of their id.
 * @returns {commit, welcome?, state}: the caller takes `state` for its own only if the service accepts the commit.
 */
export async function commit(cs, state, proposals, { encrypted = false, treeInWelcome = false, psks = {} } = {}) {
  const made = await createCommit(
    { state, cipherSuite: cs, pskIndex: makePskIndex(state, psks) },
    { wireAsPublicMessage: !encrypted, extraProposals: proposals, ratchetTreeExtension: treeInWelcome },
  );
  const welcome =
    made.welcome && encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome });
  return { commit: encodeMlsMessage(made.commit), welcome, state: made.newState };
}

/**
 * An external commit. If the tree holds a leaf of the same credential identity, it is removed (resync,
 * RFC 9420 §12.4.3.2). `removing` names another identity to remove instead, which no honest client does and ts-mls
 * does not refuse. @returns {commit, state, removed}
 */
export async function externalCommit(cs, groupInfoBytes, ratchetTree, own, removing) {
  const groupInfo = decodeGroupInfoMessage(groupInfoBytes);
  const tree = treeOf(groupInfo, ratchetTree);
  const identity = removing ?? own.publicPackage.leafNode.credential.identity;
  const former = leaves(tree).find(({ leaf }) => sameBytes(leaf.credential.identity, identity));
  const externalPub = groupInfo.extensions.find((e) => e.extensionType === 'external_pub')?.extensionData;
  const { publicMessage, newState } = await joinGroupExternal(
    groupInfo, own.publicPackage, own.privatePackage, former !== undefined, importing(cs, externalPub), tree,
    removing === undefined ? clientConfig : removingConfig(identity),
  );
  return {
    commit: encodeMlsMessage({ version: 'mls10', wireformat: 'mls_public_message', publicMessage }),
    state: newState,
    removed: former?.index,
  };
}

/** The key package, among `own`, to which a Welcome is addressed. */
export const recipientOf = (welcome, own) =>
  own.find((kp) => welcome.secrets.some((secret) => sameBytes(secret.newMember, kp.reference)));

export const joinByWelcome = (cs, welcome, own, tree, psks = {}) =>
  joinGroup(
    welcome,
    own.publicPackage,
    own.privatePackage,
    makePskIndex(undefined, psks),
    cs,
    tree,
    undefined,
    clientConfig,
  );

/** The state after a commit of somebody else (PublicMessage). */
export async function processCommit(cs, state, bytes) {
  const message = decodeMessage(bytes);
  if (message.wireformat !== 'mls_public_message') throw new Error(`a PublicMessage, not ${message.wireformat}`);
  return (await processPublicMessage(state, message.publicMessage, emptyPskIndex, cs, acceptAll)).newState;
}

export async function encrypt(cs, state, plaintext, authenticatedData) {
  const { newState, privateMessage } = await createApplicationMessage(state, plaintext, cs, authenticatedData);
  return {
    state: newState,
    message: encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage }),
  };
}

/** Whether the state holds the keys of the message's epoch: not for one from before the device joined. */
export function canDecrypt(state, bytes) {
  const message = decodeMessage(bytes);
  if (message.wireformat !== 'mls_private_message') return false;
  const { epoch } = message.privateMessage;
  return epoch === state.groupContext.epoch || state.historicalReceiverData.has(epoch);
}

export async function decrypt(cs, state, bytes) {
  const { privateMessage } = decodeMessage(bytes);
  const result = await processPrivateMessage(state, privateMessage, emptyPskIndex, cs);
  if (result.kind !== 'applicationMessage') throw new Error(`an application message, not ${result.kind}`);
  return { state: result.newState, plaintext: result.message };
}

/** A proposal for a later commit. @returns {state, message} */
export async function propose(cs, state, proposal, { encrypted = false } = {}) {
  const { newState, message } = await createProposal(state, !encrypted, proposal, cs);
  return { state: newState, message: encodeMlsMessage(message) };
}

/**
 * An Update of the state's own leaf. ts-mls has the proposal but no function that makes its leaf node, nor a place to
 * keep the new private key: the caller gives `privateKey` to `receive` when the commit comes.
 */
export async function ownUpdate(cs, state) {
  const { leafIndex } = state.privatePath;
  const { leaf } = state.ratchetTree[leafIndex * 2];
  const { publicKey, privateKey } = await cs.hpke.generateKeyPair();
  // The signing function signs whatever leaf node it is given; the library only calls it for commits.
  const leafNode = await signLeafNodeCommit(
    {
      hpkePublicKey: await cs.hpke.exportPublicKey(publicKey),
      signaturePublicKey: leaf.signaturePublicKey,
      credential: leaf.credential,
      capabilities: leaf.capabilities,
      leafNodeSource: 'update',
      extensions: leaf.extensions,
      groupId: state.groupContext.groupId,
      leafIndex,
    },
    state.signaturePrivateKey,
    cs.signature,
  );
  return {
    proposal: { proposalType: 'update', update: { leafNode } },
    privateKey: await cs.hpke.exportPrivateKey(privateKey),
  };
}

/**
 * Any message of the group. `update` is the private key of an own Update that was proposed in this epoch.
 * @returns {state, plaintext?, removed}: `plaintext` of an application message.
 */
export async function receive(cs, state, bytes, { psks = {}, update } = {}) {
  const message = decodeMessage(bytes);
  const index = makePskIndex(state, psks);
  const process = (from, callback) => (message.wireformat === 'mls_public_message'
    ? processPublicMessage(from, message.publicMessage, index, cs, callback)
    : processPrivateMessage(from, message.privateMessage, index, cs, callback));
  let before = state;
  if (update !== undefined) {
    // This first pass only looks and refuses the message: does the commit name the own Update, so that the commit's
    // path is encrypted to the new key?
    await process(state, ({ kind, proposals }) => {
      const own = ({ proposal, senderLeafIndex }) =>
        proposal.proposalType === 'update' && senderLeafIndex === state.privatePath.leafIndex;
      if (kind === 'commit' && proposals.some(own)) before = withOwnKey(state, update);
      return 'reject';
    });
  }
  const result = await process(before, acceptAll);
  return {
    state: result.newState,
    plaintext: result.message,
    removed: result.newState.groupActiveState.kind === 'removedFromGroup',
  };
}

const withOwnKey = (state, privateKey) => {
  const { leafIndex, privateKeys } = state.privatePath;
  return { ...state, privatePath: { leafIndex, privateKeys: { ...privateKeys, [leafIndex * 2]: privateKey } } };
};

export const pskId = (id) => bytesToBase64(id);

/** MLS-Exporter of the state's epoch (RFC 9420 §8.5). */
export const exporter = (cs, state, label, context, length) =>
  mlsExporter(state.keySchedule.exporterSecret, label, context, length, cs);

/** A client's own wish to be added to the group of a GroupInfo (RFC 9420 §12.1.8). */
export async function proposeJoin(cs, groupInfoBytes, own) {
  const groupInfo = decodeGroupInfoMessage(groupInfoBytes);
  return encodeMlsMessage(await proposeAddExternal(groupInfo, own.publicPackage, own.privatePackage, cs));
}
