// ts-mls as a peer of benchmarks/Mls. A request is a line of JSON on stdin; its answer is a line of JSON on stdout,
// with the milliseconds that the operation took. The adapter and the packages of tests/e2e/ts are used.
//
// {operation: "load", groupInfo} -> {}
//   Takes the GroupInfo for the next operations, an MLSMessage in base64.
// {operation: "decode"} -> {milliseconds}
//   Decodes the GroupInfo and its tree.
// {operation: "join"} -> {milliseconds, commit, groupInfo}
//   Makes an external commit, and a GroupInfo with the tree inside, from the bytes of the GroupInfo.
// {operation: "process", commit} -> {milliseconds}
//   Processes a commit as the member that has joined last. It may be asked again and again.
import { createInterface } from 'node:readline';
import {
  decodeGroupInfoMessage,
  externalCommit,
  groupInfoOf,
  keyPackage,
  processCommit,
  signatureKeyPair,
  suite,
  treeOf,
} from '../../tests/e2e/ts/src/mls.mjs';

const cs = await suite(1);
let loaded, joined;

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'));

async function timed(action) {
  const start = process.hrtime.bigint();
  const result = await action();
  return [Number(process.hrtime.bigint() - start) / 1e6, result];
}

const operations = {
  async load({ groupInfo }) {
    loaded = bytesOf(groupInfo);
    return {};
  },
  async decode() {
    const [milliseconds] = await timed(() => treeOf(decodeGroupInfoMessage(loaded)));
    return { milliseconds };
  },
  async join() {
    const own = await keyPackage(cs, new TextEncoder().encode('peer'), await signatureKeyPair(cs));
    const [milliseconds, made] = await timed(async () => {
      const { commit, state } = await externalCommit(cs, loaded, undefined, own);
      return { commit, state, groupInfo: await groupInfoOf(cs, state) };
    });
    joined = made.state;
    return { milliseconds, commit: base64(made.commit), groupInfo: base64(made.groupInfo) };
  },
  async process({ commit }) {
    const message = bytesOf(commit);
    const [milliseconds] = await timed(() => processCommit(cs, joined, message));
    return { milliseconds };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    console.log(JSON.stringify(await operations[request.operation](request)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}
