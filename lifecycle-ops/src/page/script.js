// Replaces the page's main part when something happens, and sends the orders of the buttons.
'use strict';
(() => {
  const base = document.body.dataset.base;
  const find = id => document.getElementById(id);
  let due = null, busy = false, held = false, over = false;

  const mark = () => { for (const button of document.querySelectorAll('button[data-post]')) button.hidden = false; };
  const lose = text => { const lost = find('lost'); lost.textContent = text; lost.hidden = !text; };

  // At most two a second: a burst of events is one change of the page.
  const refresh = () => { due ??= setTimeout(load, 500); };
  const load = async () => {
    due = null;
    if (busy || held || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(base + '/', { headers: { accept: 'text/html' } });
      if (!answer.ok) throw new Error(answer.statusText);
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const focus = document.activeElement?.id;
      document.querySelector('main').replaceWith(next.querySelector('main'));
      document.title = next.title;
      mark();
      if (focus) find(focus)?.focus();
      if (!over) lose('');
    } catch {
      if (!over) lose('The application does not answer since ' + new Date().toLocaleTimeString() + '. What is shown is from before.');
      over = over || 'lost';
    } finally { busy = false; }
  };

  const follow = () => {
    const events = new EventSource(base + '/events');
    const kinds = ['moved', 'startup_failed', 'tick_ended', 'flush_ended', 'degraded', 'recovered', 'points_skipped', 'paused', 'resumed', 'lease_taken', 'lease_lost', 'reloaded', 'reload_failed', 'restart_planned', 'failed', 'late', 'healthy', 'stopping'];
    for (const kind of kinds) events.addEventListener(kind, refresh);
    events.onopen = () => { over = false; refresh(); };
    events.onerror = () => { if (events.readyState === EventSource.CLOSED) setTimeout(follow, 5000); refresh(); };
    events.addEventListener('end', () => { over = 'end'; lose('The application has stopped. What is shown is from before.'); });
  };

  document.addEventListener('click', async event => {
    const button = event.target.closest('button[data-post]');
    if (!button) return;
    const headers = { 'content-type': 'application/json' };
    const token = find('token')?.value;
    if (token) headers.authorization = 'Bearer ' + token;
    const said = find('said');
    said.textContent = button.getAttribute('aria-label') + ' …';
    try {
      const answer = await fetch(base + button.dataset.post, { method: 'POST', headers, body: '{}' });
      said.textContent = button.getAttribute('aria-label') + ': ' + (await answer.text()).trim();
    } catch (error) { said.textContent = String(error); }
    refresh();
  });
  // A button that is replaced while it is held down is not clicked.
  document.addEventListener('pointerdown', () => { held = true; });
  for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, () => { held = false; refresh(); });
  document.addEventListener('visibilitychange', refresh);
  setInterval(refresh, 5000);
  mark();
  follow();
})();
