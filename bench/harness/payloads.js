/** The values of the codec scenario, by name. */
const records = (count) =>
  Array.from({ length: count }, (_, i) => ({
    id: i,
    name: `user ${i}`,
    email: `user${i}@example.com`,
    active: i % 2 === 0,
    score: i * 1.5,
  }));

/** @type {Readonly<Record<string, unknown>>} */
export const PAYLOADS = {
  number: 12_345,
  '{id,name}': { id: 7, name: 'worker 7' },
  '1 KiB string': 'abcdefghijklmnop'.repeat(64),
  '100 records': records(100),
  '1000 integers': Array.from({ length: 1000 }, (_, i) => i * 7),
  '1000 doubles': Array.from({ length: 1000 }, (_, i) => i * 1.1),
  '100 strings of 21–63 characters': Array.from({ length: 100 }, (_, i) =>
    `https://example.com/item/${i}`.padEnd(21 + ((i * 7) % 43), 'x'),
  ),
  'nested objects': { a: { b: { c: [1, 2, 3], d: 'hello' } }, e: [{ f: 1 }, { f: 2 }], g: null },
  'Map of 50': new Map(Array.from({ length: 50 }, (_, i) => [`key${i}`, i])),
  '64 KiB Buffer': Buffer.alloc(65_536, 7),
  '256 KiB Buffer': Buffer.alloc(262_144, 7),
  '1 KiB Buffer': Buffer.alloc(1024, 7),
  '1 KiB of records': records(10),
  '1 MiB Buffer': Buffer.alloc(1_048_576, 7),
};
