/**
 * deliverChallenge() and answerChallenge(), and handles that are none.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { answerChallenge, deliverChallenge } from '#src/channel/index.js';
import { AuthenticationError, Pipe, SystemError } from '#src/index.js';
import { SocketHandle } from '#src/substrate/socket-handle.js';

test('a descriptor that is none is an error of the system, not of the library  [TestInvalidHandle.test_invalid_handles]', () => {
  for (const fd of [-1, 44_977_608]) {
    const handle = new SocketHandle(fd);
    for (const use of [
      () => handle.read(new Uint8Array(1), 0, 1),
      () => handle.write(new Uint8Array(1), 0, 1, false),
      () => handle.accept(),
      () => handle.onReady(() => undefined),
      () => handle.place('own'),
    ]) {
      assert.throws(use, (error) => error instanceof SystemError && error.code === 'EBADF');
    }
    handle.close();
    assert.equal(handle.closed, true);
  }
});

/** A connection whose other end says what it is told to. */
function fake(...answers: string[]) {
  const sent: string[] = [];
  return {
    sent,
    sendBytes: (bytes: Uint8Array) => Promise.resolve(void sent.push(Buffer.from(bytes).toString('latin1'))),
    recvBytes: () => Promise.resolve(Buffer.from(answers.shift() ?? '')),
  };
}

test('deliverChallenge(): an answer that is none is an AuthenticationError  [OtherTest.test_deliver_challenge_auth_failure] [L-07]', async () => {
  const key = Buffer.from('abc');
  for (const answer of [
    '',
    'something bogus',
    '{sha256}short',
    `{sha256}${'x'.repeat(32)}`,
    `{sha1}${'x'.repeat(20)}`,
    'x'.repeat(16),
  ]) {
    const connection = fake(answer);
    await assert.rejects(deliverChallenge(connection, key), AuthenticationError);
    assert.match(connection.sent[0] as string, /^#CHALLENGE#\{sha256\}/);
  }
  await assert.rejects(deliverChallenge(fake(), 'abc' as never), TypeError);
  await assert.rejects(deliverChallenge(fake(), key, 'sha1'), RangeError);
});

test('answerChallenge(): a challenge that is none, and a refusal, are AuthenticationErrors  [OtherTest.test_answer_challenge_auth_failure] [L-07]', async () => {
  const key = Buffer.from('abc');
  for (const challenge of [
    '',
    'something bogus',
    '#CHALLENGE#',
    '#CHALLENGE#too short',
    `#CHALLENGE#${'x'.repeat(20)}`,
    `#CHALLENGE#{md5}${'x'.repeat(20)}`,
  ]) {
    await assert.rejects(answerChallenge(fake(challenge), key), AuthenticationError);
  }
  const refused = fake(`#CHALLENGE#{sha256}${'x'.repeat(40)}`, 'something bogus');
  await assert.rejects(answerChallenge(refused, key), AuthenticationError);
  await assert.rejects(answerChallenge(fake(), 'abc' as never), TypeError);
});

test('challenge and answer, with every digest and with the message of old Pythons  [ChallengeResponseTest.test_challengeresponse] [L-07]', async () => {
  const key = Buffer.from('supadupasecretkey');
  const challenge = 'is-twenty-bytes-long';
  const digests: [name: string, digest: string, prefix: string][] = [
    ['', 'md5', ''],
    ['md5', 'md5', '{md5}'],
    ['sha256', 'sha256', '{sha256}'],
    ['sha384', 'sha384', '{sha384}'],
    ['sha3_256', 'sha3-256', '{sha3_256}'],
  ];
  for (const [name, digest, prefix] of digests) {
    const connection = fake(`#CHALLENGE#${prefix}${challenge}`, '#WELCOME#');
    await answerChallenge(connection, key, { legacyAuth: true });
    const proof = createHmac(digest, key)
      .update(prefix + challenge)
      .digest()
      .toString('latin1');
    assert.deepEqual(connection.sent, [prefix + proof], name);
    if (name === '') continue;
    const [here, there] = Pipe();
    await Promise.all([deliverChallenge(here, key, name), answerChallenge(there, key, { legacyAuth: true })]);
    const wrong = [deliverChallenge(here, key, name), answerChallenge(there, Buffer.from('other'), { legacyAuth: true })];
    for (const outcome of await Promise.allSettled(wrong)) assert.equal(outcome.status, 'rejected');
    here.close();
    there.close();
  }
});
