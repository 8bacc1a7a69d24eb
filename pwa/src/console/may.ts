/** Which acts are offered to whom. The server decides; what it would refuse anyway is not shown. */
import type { Me } from '../lib/types';

const one = (me: Me | null, ...roles: string[]): boolean => me !== null && roles.some((role) => me.roles.includes(role));

export const mayOperate = (me: Me | null): boolean => one(me, 'operator', 'superadmin');
export const mayManage = (me: Me | null): boolean => one(me, 'operator', 'superadmin', 'owner', 'proxy');
export const maySetUp = (me: Me | null): boolean => one(me, 'operator', 'superadmin', 'installer');
export const maySeePeople = (me: Me | null): boolean => one(me, 'operator', 'superadmin', 'owner', 'proxy', 'support');
export const mayNote = (me: Me | null): boolean => one(me, 'operator', 'superadmin', 'support');
export const mayBadge = mayNote;
export const mayAdminister = (me: Me | null): boolean => one(me, 'superadmin');
export const mayInstall = (me: Me | null): boolean => one(me, 'installer');
