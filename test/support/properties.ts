/**
 * How often, and with which random cases, the property tests look.
 *
 * In an ordinary run the seed is fixed: a change is judged by cases that were there before it. `npm run test:properties` looks
 * for new ones, many times as many, with a seed of its own; what it finds is printed with the seed, and becomes a test.
 */
import fc from 'fast-check';

const SEED = Number(process.env.MULTIPROC_PROPERTY_SEED ?? 20_260_101);
const TIMES = Number(process.env.MULTIPROC_PROPERTY_TIMES ?? 1);

/** Fails with the smallest case found for which the property does not hold. */
export function always<T>(property: fc.IAsyncProperty<T>, runs?: number): Promise<void>;
export function always<T>(property: fc.IProperty<T>, runs?: number): void;
export function always<T>(property: fc.IRawProperty<T, boolean>, runs: number = 100): Promise<void> | void {
  return fc.assert(property, { numRuns: runs * TIMES, seed: SEED });
}
