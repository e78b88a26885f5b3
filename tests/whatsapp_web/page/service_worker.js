/*
 * The page's service worker, which the page registers at the end of its start.
 */
'use strict';

defineModule('WAWebAppSwInitializer', (exports) => {
  /** Register the worker, or have one that is in charge already look for a newer script. */
  exports.initializeSw = async ({ swScriptPath, swScope }) => {
    const container = navigator.serviceWorker;
    if (!container) return;
    if (container.controller) {
      const registration = await container.ready;
      await registration.update().catch(() => {});
      return;
    }
    try {
      await container.register(swScriptPath, { scope: swScope, updateViaCache: 'all' });
    } catch (error) {
      console.error('service-worker-registration-failure', error);
    }
  };
});
