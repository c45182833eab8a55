/**
 * Flags of Node with which modules of the user are loaded before the program.
 *
 * Runs in every process; light, because every child loads it at its start.
 */

/** Whether there is one among the flags of a node, or in its NODE_OPTIONS. */
export function loadsModules(flags: readonly string[], nodeOptions: string | undefined): boolean {
  const isOne = (text: string): boolean => LOADS_MODULES.test(text);
  return (flags.length > 0 && isOne(flags.join(' '))) || (nodeOptions !== undefined && isOne(nodeOptions));
}

const LOADS_MODULES = /(?:^|\s|")(?:-r|--require|--import|--loader|--experimental-loader)(?:[\s="]|$)/;
