import lifeboat from './index.cjs';

export const { getLoadablePath, load } = lifeboat;
