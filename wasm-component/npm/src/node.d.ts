import type { Chain, Lifeboat, RecoverOptions, Recovered, SalvagedDatabase, Salvaging } from './types.js';

export * from './types.js';

type Path = string | URL;

export declare const verify: Lifeboat<Path>['verify'];
export declare const info: Lifeboat<Path>['info'];
export declare const recover: Lifeboat<Path>['recover'];
export declare const recoverToStream: Lifeboat<Path>['recoverToStream'];
export declare const rows: Lifeboat<Path>['rows'];

/**
 * Recovers the database into a file, which appears complete and synced, or not at all. One that is there is refused
 * (`misuse`) unless `replace` is true, and even then while a journal lies beside it: close the programs that use it first.
 * What holds a recovery key, a bundle or a ledger is never replaced. Readable by its owner alone, unless it replaces another,
 * whose owner and mode stay.
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
