import lifeboat from './index.cjs';

export const { errorOf, getLoadablePath, load } = lifeboat;
