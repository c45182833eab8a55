// What the tests of types share.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if both types are the same. */
export declare function same<A, B>(_: Same<A, B>): void;
