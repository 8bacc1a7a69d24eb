/** Since when the shown data are kept ones, marked by the service worker (null: they came from the server just now). */
export const age = $state<{ keptAt: string | null }>({ keptAt: null });
