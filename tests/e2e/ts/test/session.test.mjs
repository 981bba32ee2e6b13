// The session, which runs commands for other test runners.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { runSession } from '../src/session.mjs';
import { Relay } from '../src/relay.mjs';

test('of three external commits that a session prepares for one epoch, the first sent wins and the others are refused',
  async () => {
    const input = new PassThrough();
    const waiting = new Map();
    let next = 0;
    const session = runSession(new Relay(), input, (reply) => waiting.get(reply.id)(reply));
    const say = (command) => new Promise((resolve) => {
      waiting.set(++next, resolve);
      input.write(`${JSON.stringify({ id: next, ...command })}\n`);
    });

    await say({ do: 'device', name: 'alice' });
    await say({ do: 'device', name: 'bob' });
    const { result: { convoId } } = await say({ do: 'createConvo', name: 'alice' });
    await say({ do: 'addMembers', name: 'alice', convoId, users: ['bob'] });
    assert.deepEqual((await say({ do: 'acceptWelcomes', name: 'bob' })).result.joined, [convoId]);
    await say({ do: 'loseState', name: 'bob' });
    const { result: { handles } } = await say({ do: 'prepareJoin', name: 'bob', convoId, count: 3 });
    const replies = [];
    for (const handle of handles) replies.push(await say({ do: 'sendJoin', name: 'bob', handle }));
    assert.deepEqual(replies.map(({ error }) => error), [undefined, 'EpochMismatch', 'EpochMismatch']);
    assert.equal(replies[1].body.currentEpoch, 2);
    assert.equal((await say({ do: 'nonsense', name: 'bob' })).error, 'Error');
    input.end();
    await session;
  });
