import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { prepareWords } from './lib/words.svelte';

await prepareWords();
mount(App, { target: document.getElementById('app') as HTMLElement });

// The worker fetches what offline needs; it waits until the page itself stands.
if ('serviceWorker' in navigator && import.meta.env.PROD) {
  const register = () => void navigator.serviceWorker.register('/sw.js');
  if (document.readyState === 'complete') register();
  else addEventListener('load', register);
}
