/** The screens of the console by their path; each is loaded when it is first shown. */
import type { Component } from 'svelte';

export interface Shown { site: string; item: string }
type Loaded = Promise<{ default: Component<Shown> }>;
export interface Screen { name: string; path: RegExp; load: () => Loaded }

const ID = '[0-9a-f]{8}-[0-9a-f-]{27}';
const ofSite = (rest: string): RegExp => new RegExp(`^/console/sites/(?<site>${ID})${rest}$`);
const item = `(?:/(?<item>new|${ID}))?`;

export const screens: Screen[] = [
  { name: 'portfolio', path: /^\/console(?:\/sites)?$/, load: () => import('./Portfolio.svelte') },
  { name: 'site_new', path: /^\/console\/sites\/new$/, load: () => import('./SiteNew.svelte') },
  { name: 'site', path: ofSite(''), load: () => import('./Site.svelte') },
  { name: 'points', path: ofSite(`/points${item}`), load: () => import('./Points.svelte') },
  { name: 'prices', path: ofSite('/prices'), load: () => import('./Prices.svelte') },
  { name: 'import', path: ofSite('/import'), load: () => import('./Import.svelte') },
  { name: 'circuits', path: ofSite('/circuits'), load: () => import('./Circuits.svelte') },
  { name: 'commissioning', path: ofSite('/commissioning'), load: () => import('./Commissioning.svelte') },
  { name: 'equipment', path: ofSite(`/equipment${item}`), load: () => import('./EquipmentList.svelte') },
  { name: 'meters_import', path: ofSite('/equipment/import'), load: () => import('./MetersImport.svelte') },
  { name: 'meters_assign', path: ofSite('/equipment/assign'), load: () => import('./MetersAssign.svelte') },
  { name: 'energy', path: ofSite('/energy'), load: () => import('./Energy.svelte') },
  { name: 'runs', path: ofSite(`/runs${item}`), load: () => import('./Runs.svelte') },
  { name: 'install', path: ofSite(`/install${item}`), load: () => import('./Install.svelte') },
  { name: 'control', path: ofSite('/meter-control'), load: () => import('./MeterControl.svelte') },
  { name: 'notes', path: ofSite('/notes'), load: () => import('./Notes.svelte') },
  { name: 'terms', path: ofSite('/terms'), load: () => import('./Terms.svelte') },
  { name: 'orders', path: ofSite('/orders'), load: () => import('./Orders.svelte') },
  { name: 'community', path: ofSite(`/community${item}`), load: () => import('./Community.svelte') },
  { name: 'people', path: new RegExp(`^/console/people${item}$`), load: () => import('./People.svelte') },
  { name: 'access', path: /^\/console\/access$/, load: () => import('./Access.svelte') },
  { name: 'badges', path: /^\/console\/badges$/, load: () => import('./Badges.svelte') },
  { name: 'items', path: /^\/console\/open-items$/, load: () => import('./OpenItems.svelte') },
  { name: 'post', path: /^\/console\/post$/, load: () => import('./PostList.svelte') },
  { name: 'debits', path: /^\/console\/debits$/, load: () => import('./Debits.svelte') },
  { name: 'refunds', path: /^\/console\/refunds$/, load: () => import('./Refunds.svelte') },
  { name: 'journal', path: /^\/console\/journal$/, load: () => import('./Journal.svelte') },
  { name: 'vat', path: /^\/console\/vat$/, load: () => import('./VatReport.svelte') },
  { name: 'margin', path: /^\/console\/margin$/, load: () => import('./MarginReport.svelte') },
  { name: 'grid_prices', path: /^\/console\/grid-prices$/, load: () => import('./GridPrices.svelte') },
  { name: 'accounts', path: /^\/console\/accounts$/, load: () => import('./Accounts.svelte') },
];

export function screenOf(path: string): { screen: Screen; site: string; item: string } | null {
  for (const screen of screens) {
    const hit = screen.path.exec(path);
    if (hit) return { screen, site: hit.groups?.site ?? '', item: hit.groups?.item ?? '' };
  }
  return null;
}
