import { prepareConsoleWords } from './words.svelte';

/** Every page by its path; its code is loaded when it is first shown. `open`: also for people who have not signed in. */
export type PageName = 'signin' | 'place' | 'guest' | 'home' | 'charge' | 'scan' | 'session' | 'history' | 'usage' | 'rates' | 'bills' | 'bill' | 'account' | 'owner' | 'operator' | 'station' | 'review' | 'console' | 'welcome' | 'forms' | 'community' | 'ask';
export interface PageEntry { name: PageName; path: RegExp; load: () => Promise<{ default: unknown }>; open?: boolean }

type Load = PageEntry['load'];
/** What residents never read comes with the pages that say it. */
const withWords = (load: Load): Load => async () => (await Promise.all([load(), prepareConsoleWords()]))[0];

export const pages: PageEntry[] = [
  { name: 'signin', path: /^\/signin$/, load: () => import('../routes/SignIn.svelte'), open: true },
  { name: 'welcome', path: /^\/welcome$/, load: () => import('../routes/Welcome.svelte'), open: true },
  { name: 'forms', path: /^\/forms$/, load: () => import('../routes/Forms.svelte'), open: true },
  { name: 'ask', path: /^\/ask$/, load: withWords(() => import('../routes/Ask.svelte')), open: true },
  { name: 'place', path: /^\/c\/([^/]+)$/, load: () => import('../routes/Place.svelte'), open: true },
  { name: 'guest', path: /^\/g\/([0-9a-f]{64})$/, load: () => import('../routes/Guest.svelte'), open: true },
  { name: 'home', path: /^\/$/, load: () => import('../routes/Home.svelte') },
  { name: 'charge', path: /^\/charge$/, load: () => import('../routes/Charge.svelte') },
  { name: 'scan', path: /^\/scan$/, load: () => import('../routes/Scan.svelte') },
  { name: 'session', path: /^\/session\/([^/]+)$/, load: () => import('../routes/Session.svelte') },
  { name: 'history', path: /^\/history$/, load: () => import('../routes/History.svelte') },
  { name: 'usage', path: /^\/usage$/, load: () => import('../routes/Usage.svelte') },
  { name: 'rates', path: /^\/rates$/, load: () => import('../routes/Rates.svelte') },
  { name: 'bills', path: /^\/bills$/, load: () => import('../routes/Bills.svelte') },
  { name: 'bill', path: /^\/bills\/([^/]+)$/, load: () => import('../routes/Bill.svelte') },
  { name: 'account', path: /^\/account$/, load: () => import('../routes/Account.svelte') },
  { name: 'owner', path: /^\/owner$/, load: withWords(() => import('../routes/Owner.svelte')) },
  { name: 'operator', path: /^\/operator$/, load: withWords(() => import('../routes/Operator.svelte')) },
  { name: 'station', path: /^\/station\/([0-9a-f-]{36})$/, load: withWords(() => import('../routes/Station.svelte')) },
  { name: 'review', path: /^\/review(?:\/([sm]-[0-9a-f-]{36}))?$/, load: withWords(() => import('../routes/Review.svelte')) },
  { name: 'community', path: /^\/community(?:\/([0-9a-f-]{36}))?$/, load: withWords(() => import('../routes/MyCommunity.svelte')) },
  { name: 'console', path: /^\/console(\/.*)?$/, load: () => import('../console/Console.svelte') },
];
