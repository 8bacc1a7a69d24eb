/** What can be chosen for a community's meter. */
import { word } from './shown';

export const FREQUENCIES = ['monthly', 'yearly'];
export const TENSIONS = ['low_tension', 'high_tension'];
export const CHAINS = ['solar', 'wind', 'hydro', 'biomass', 'biogas', 'fossil_cogeneration', 'other'];
export const INJECTIONS = ['self_producer_owner', 'self_producer_rights', 'injection_owner', 'injection_rights'];
export const RATES = ['simple', 'dual', 'night_only'];
export const CLIENTS = ['residential', 'business', 'industrial'];
export const STATES = ['active', 'inactive', 'waiting_for_grid_operator', 'waiting_for_manager'];

export const choicesOf = (kind: string, values: readonly string[]): [string, string][] => values.map((one) => [one, word(kind, one)]);
