// Keeps the page new: told by /events that something is, it fetches the page again and takes over what differs, row by row, so
// that focus, selection and scrolling stay. Without it the page is the same, only still.
'use strict';
(() => {
  const live = document.getElementById('live');
  if (!live || !window.EventSource || new URLSearchParams(location.search).has('refresh')) return;
  let busy = false;
  let again = false;

  // A row is known by its first and third cell, and by how often these came before.
  function names(body) {
    const seen = new Map();
    return [...body.rows].map((row) => {
      const text = `${row.cells[0].textContent}\n${row.cells[2]?.textContent}`;
      seen.set(text, (seen.get(text) ?? 0) + 1);
      return [`${text}\n${seen.get(text)}`, row];
    });
  }

  // What goes is gone before anything moves: what stays where it is then need not be touched.
  function keep(mine, wanted) {
    const names = new Set(wanted.map(([name]) => name));
    for (const [name, part] of mine) if (!names.has(name)) part.remove();
    return new Map(mine.filter(([name]) => names.has(name)));
  }

  function cells(kept, row) {
    [...row.cells].forEach((cell, i) => {
      if (!kept.cells[i]) kept.append(document.importNode(cell, true));
      else if (kept.cells[i].outerHTML !== cell.outerHTML) kept.cells[i].replaceWith(document.importNode(cell, true));
    });
    while (kept.cells.length > row.cells.length) kept.deleteCell(-1);
  }

  function rows(body, fresh) {
    const wanted = names(fresh);
    const old = keep(names(body), wanted);
    let place = body.firstElementChild;
    for (const [name, row] of wanted) {
      const kept = old.get(name) ?? document.importNode(row, true);
      cells(kept, row);
      if (kept === place) place = place.nextElementSibling;
      else body.insertBefore(kept, place);
    }
  }

  function same(a, b) {
    const x = a.querySelector('tbody');
    const y = b.querySelector('tbody');
    if (!x || !y) return false;
    rows(x, y);
    const from = b.querySelector('caption');
    const to = a.querySelector('caption');
    if (to.textContent !== from.textContent) to.textContent = from.textContent;
    return true;
  }

  // What <main> is made of, by the id in it, or by what comes how often.
  function parts(main) {
    const seen = new Map();
    return [...main.children].map((part) => {
      const name = (part.matches('[id]') ? part : part.querySelector('[id]'))?.id ?? part.tagName;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      return [`${part.tagName} ${name} ${seen.get(name)}`, part];
    });
  }

  function take(main, fresh) {
    const wanted = parts(fresh);
    const old = keep(parts(main), wanted);
    let place = main.firstElementChild;
    for (const [name, part] of wanted) {
      let kept = old.get(name);
      if (!kept || (kept.outerHTML !== part.outerHTML && !same(kept, part))) {
        const made = document.importNode(part, true);
        if (kept) {
          if (kept === place) place = place.nextElementSibling;
          kept.remove();
        }
        kept = made;
      }
      if (kept === place) place = place.nextElementSibling;
      else main.insertBefore(kept, place);
    }
  }

  async function renew() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: 'no-store', credentials: 'omit' });
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      document.title = fresh.title;
      for (const id of ['summary', 'asof']) {
        const to = document.getElementById(id);
        const from = fresh.getElementById(id);
        const mark = to.querySelector('#live');
        if (mark) from.querySelector('#live').textContent = mark.textContent;
        if (to.innerHTML !== from.innerHTML) to.replaceChildren(...document.importNode(from, true).childNodes);
      }
      const focus = document.activeElement;
      take(document.getElementById('main'), fresh.getElementById('main'));
      if (focus?.isConnected && document.activeElement !== focus) focus.focus({ preventScroll: true }); // it was moved
    } catch {
      say(', not renewed');
    }
    busy = false;
    if (again) {
      again = false;
      renew();
    }
  }

  function say(text) {
    const mark = document.getElementById('live');
    if (mark && mark.textContent !== text) mark.textContent = text;
  }

  const events = new EventSource('/events');
  events.addEventListener('open', () => say(', live'));
  events.addEventListener('error', () => say(', connection lost'));
  events.addEventListener('news', renew);
})();
