import type { Lifeboat } from './types.js';

export * from './types.js';

export declare const verify: Lifeboat['verify'];
export declare const info: Lifeboat['info'];
export declare const recover: Lifeboat['recover'];
export declare const recoverToStream: Lifeboat['recoverToStream'];
export declare const rows: Lifeboat['rows'];
export declare const find: Lifeboat['find'];
export declare const saves: Lifeboat['saves'];
