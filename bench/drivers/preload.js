/** What a fork server loads before its children start: so many MB of objects, as a program's modules and tables may be. */
const MB = Number(process.env.BENCH_PRELOAD_MB ?? 0);
const OBJECTS_PER_MB = 9000;

export const table = Array.from({ length: MB * OBJECTS_PER_MB }, (_, id) => ({ id, name: `entry ${id}`, list: [id] }));
globalThis.preloadedTable = table;
