import type { Chain, Lifeboat, RecoverOptions, Recovered, SalvagedDatabase, Salvaging } from './types.js';

export * from './types.js';

type Path = string | URL;

export declare const verify: Lifeboat<Path>['verify'];
export declare const info: Lifeboat<Path>['info'];
export declare const recover: Lifeboat<Path>['recover'];
export declare const recoverToStream: Lifeboat<Path>['recoverToStream'];
export declare const rows: Lifeboat<Path>['rows'];
export declare const find: Lifeboat<Path>['find'];
export declare const saves: Lifeboat<Path>['saves'];

/**
 * Recovers the database into a file. The file appears complete and synced, or not at all. A file that exists already is
 * refused (`misuse`), unless `replace` is true. It is refused even then if a journal is beside it: close the programs
 * that use it first. A file that holds a recovery key, a bundle or a ledger is never replaced. Only its owner can read
 * the new file. If it replaces another file, that file's owner and mode stay.
 */
export declare function recoverFile(
  chain: Chain<Path>,
  key: string,
  path: Path,
  options?: RecoverOptions & { replace?: boolean },
): Promise<Recovered>;
export declare function recoverFile(
  chain: Chain<Path>,
  key: string,
  path: Path,
  options: Salvaging<RecoverOptions> & { replace?: boolean },
): Promise<SalvagedDatabase>;
